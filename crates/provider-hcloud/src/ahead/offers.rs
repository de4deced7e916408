//! Whether locations, network zones and server types exist.

use ferroform_catalogue::Catalogue;
use ferroform_core::Diagnostic;

use super::{Around, concerns, listed};
use crate::resource::Plan;
use crate::resources::parse_id;

/// The name that an attribute gives of something that must exist, where it is set anew and the catalogue does not know it.
pub(super) fn unfamiliar(
    plan: &Plan<'_>,
    attribute: &str,
    known: impl FnOnce(&str) -> bool,
) -> Option<String> {
    let name = concerns(plan, &[attribute]).then(|| plan.get(attribute).as_str())??;
    (!known(name)).then(|| name.to_owned())
}

/// Refuses a name that is not among all those of its kind.
pub(super) fn refuse_unknown(
    plan: &mut Plan<'_>,
    attribute: &str,
    summary: &'static str,
    kind: &str,
    name: &str,
    all: impl Iterator<Item = String> + Clone,
) {
    if all.clone().all(|other| other != name) {
        let detail = format!("Hetzner Cloud has no {kind} {name:?}. It has: {}.", listed(all));
        plan.problems.add(attribute, summary, detail);
    }
}

/// Refuses a location that does not exist, in this attribute of a new object.
pub(crate) async fn location(plan: &mut Plan<'_>, around: &Around<'_>, attribute: &str) {
    let known = |name: &str| name.is_empty() || Catalogue::builtin().location(name).is_some();
    let Some(name) = unfamiliar(plan, attribute, known) else { return };
    let Some(locations) = around.locations().await else { return };
    let all = locations.iter().map(|location| location.name.clone());
    refuse_unknown(plan, attribute, "Unknown location", "location", &name, all);
}

/// Refuses a network zone that does not exist.
pub(crate) async fn network_zone(plan: &mut Plan<'_>, around: &Around<'_>) {
    let known = |name: &str| name.is_empty() || Catalogue::builtin().network_zones().contains(&name);
    let Some(zone) = unfamiliar(plan, "network_zone", known) else { return };
    let Some(locations) = around.locations().await else { return };
    let all = locations.iter().map(|location| location.network_zone.clone());
    refuse_unknown(plan, "network_zone", "Unknown network zone", "network zone", &zone, all);
}

/// The network zone of a location, if the catalogue knows it.
pub(super) fn zone_of(location: &str) -> Option<&'static str> {
    Catalogue::builtin().network_zone_of(location)
}

/// What rules need to know of a server type.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ServerTypeFacts {
    pub(super) name: String,
    pub(super) architecture: String,
    pub(super) storage_type: String,
    /// In gigabytes.
    pub(super) disk: Option<f64>,
}

/// A server type by name: by the catalogue, or by the API's list. None when nobody can tell, or when it is named by its
/// number; a refusal when there is none.
pub(super) async fn server_type(
    around: &Around<'_>,
    name: &str,
    location: Option<&str>,
) -> Result<Option<ServerTypeFacts>, Diagnostic> {
    if name.is_empty() || parse_id(name).is_some() {
        return Ok(None);
    }
    if let Some(known) = Catalogue::builtin().server_type(name) {
        return Ok(Some(ServerTypeFacts {
            name: known.name.clone(),
            architecture: known.architecture.as_str().to_owned(),
            storage_type: known.storage_type.clone(),
            disk: known.disk_gb.map(f64::from),
        }));
    }
    let Some(types) = around.server_types().await else { return Ok(None) };
    let offered = |location: &str| {
        let here = types.iter().filter(|t| t.locations.iter().any(|place| place.name == location));
        listed(here.map(|t| t.name.clone()))
    };
    let Some(found) = types.iter().find(|t| t.name == name) else {
        let there_are = match location.map(|location| (location, offered(location))) {
            Some((location, here)) if !here.is_empty() => format!("In {location} there are: {here}."),
            _ => format!("It has: {}.", listed(types.iter().map(|t| t.name.clone()))),
        };
        return Err(Diagnostic::error("Unknown server type")
            .detail(format!("Hetzner Cloud has no server type {name:?}. {there_are}")));
    };
    if let Some(location) = location
        && !found.locations.is_empty()
        && found.locations.iter().all(|place| place.name != location)
    {
        return Err(Diagnostic::error("Server type not offered in this location").detail(format!(
            "The server type {name} is not offered in {location}; it is in {}. In {location} there are: {}.",
            listed(found.locations.iter().map(|place| place.name.clone())),
            offered(location)
        )));
    }
    Ok(Some(ServerTypeFacts {
        name: found.name.clone(),
        architecture: found.architecture.clone(),
        storage_type: found.storage_type.clone(),
        disk: Some(found.disk),
    }))
}
