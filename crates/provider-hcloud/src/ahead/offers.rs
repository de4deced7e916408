//! Whether locations, network zones and server types exist.

use ferroform_catalogue::Catalogue;
use ferroform_core::Diagnostic;

use super::{Around, concerns, listed};
use crate::resource::Plan;
use crate::resources::parse_id;

/// Refuses a location that does not exist, in this attribute of a new object.
pub(crate) async fn location(plan: &mut Plan<'_>, around: &Around<'_>, attribute: &str) {
    if !concerns(plan, &[attribute]) {
        return;
    }
    let Some(name) = plan.get(attribute).as_str().filter(|name| !name.is_empty()).map(str::to_owned) else {
        return;
    };
    if Catalogue::builtin().location(&name).is_some() {
        return;
    }
    let Some(locations) = around.locations().await else { return };
    if locations.iter().all(|location| location.name != name) {
        let there_are = listed(locations.iter().map(|location| location.name.clone()));
        plan.problems.add(
            attribute,
            "Unknown location",
            format!("Hetzner Cloud has no location {name:?}. It has: {there_are}."),
        );
    }
}

/// Refuses a network zone that does not exist.
pub(crate) async fn network_zone(plan: &mut Plan<'_>, around: &Around<'_>) {
    if !concerns(plan, &["network_zone"]) {
        return;
    }
    let Some(zone) = plan.get("network_zone").as_str().filter(|zone| !zone.is_empty()).map(str::to_owned)
    else {
        return;
    };
    if Catalogue::builtin().network_zones().contains(&&*zone) {
        return;
    }
    let Some(locations) = around.locations().await else { return };
    if locations.iter().all(|location| location.network_zone != zone) {
        let there_are = listed(locations.iter().map(|location| location.network_zone.clone()));
        plan.problems.add(
            "network_zone",
            "Unknown network zone",
            format!("Hetzner Cloud has no network zone {zone:?}. It has: {there_are}."),
        );
    }
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
