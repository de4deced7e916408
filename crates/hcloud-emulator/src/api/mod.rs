//! The Hetzner Cloud API v1 and the Hetzner API v1 (storage boxes) over the model: which routes there are, how requests are read and answers written.
//! One module a resource; each has its `ROUTES`, its handlers and the JSON form of its objects.

mod actions;
mod certificates;
mod firewalls;
mod floating_ips;
mod images;
mod input;
mod load_balancer_input;
mod load_balancers;
mod networks;
mod object;
mod offers;
pub(crate) mod operations;
mod page;
mod placement_groups;
mod primary_ips;
pub(crate) mod query;
mod rrsets;
mod server_actions;
mod servers;
mod ssh_keys;
mod storage_boxes;
mod volumes;
mod zones;

use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use self::input::Input;
use self::query::Query;
use crate::world::{Refusal, Tx};

/// An answer that is not an error.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// No body with 204.
    pub(crate) body: Option<Value>,
    /// The `Link` header of a page.
    pub(crate) link: Option<String>,
}

impl Reply {
    fn ok(body: Value) -> Self {
        Self { status: 200, body: Some(body), link: None }
    }

    fn created(body: Value) -> Self {
        Self { status: 201, body: Some(body), link: None }
    }

    fn empty() -> Self {
        Self { status: 204, body: None, link: None }
    }
}

/// What a handler gets: the project at this moment and the request.
pub(crate) struct Call<'a> {
    pub(crate) tx: Tx<'a>,
    /// The ids in the path, in their order.
    pub(crate) ids: Vec<i64>,
    /// What else the path names, in its order.
    pub(crate) names: Vec<String>,
    pub(crate) path: &'a str,
    pub(crate) query: Query,
    pub(crate) body: &'a [u8],
}

impl Call<'_> {
    /// The first id of the path.
    fn id(&self) -> i64 {
        self.ids.first().copied().unwrap_or_default()
    }

    /// The fields of the body; none if there is no body.
    fn input(&self) -> Result<Input, Refusal> {
        Input::parse(self.body)
    }
}

type Handler = fn(&mut Call<'_>) -> Result<Reply, Refusal>;

/// An operation of the API.
pub(crate) struct Route {
    pub(crate) method: &'static str,
    /// The path without `/v1`, with `{id}`, `{action_id}` and the like for numbers and other words in braces for
    /// names.
    pub(crate) template: &'static str,
    pub(crate) handler: Handler,
}

const fn get(template: &'static str, handler: Handler) -> Route {
    Route { method: "GET", template, handler }
}

const fn post(template: &'static str, handler: Handler) -> Route {
    Route { method: "POST", template, handler }
}

const fn put(template: &'static str, handler: Handler) -> Route {
    Route { method: "PUT", template, handler }
}

const fn delete(template: &'static str, handler: Handler) -> Route {
    Route { method: "DELETE", template, handler }
}

/// All operations, by resource.
pub(crate) const ROUTES: &[&[Route]] = &[
    actions::ROUTES,
    certificates::ROUTES,
    certificates::ACTION_ROUTES,
    firewalls::ROUTES,
    firewalls::ACTION_ROUTES,
    floating_ips::ROUTES,
    floating_ips::ACTION_ROUTES,
    images::ROUTES,
    images::ACTION_ROUTES,
    load_balancers::ROUTES,
    load_balancers::ACTION_ROUTES,
    networks::ROUTES,
    networks::ACTION_ROUTES,
    offers::ROUTES,
    placement_groups::ROUTES,
    primary_ips::ROUTES,
    primary_ips::ACTION_ROUTES,
    servers::ROUTES,
    servers::ACTION_ROUTES,
    server_actions::ROUTES,
    ssh_keys::ROUTES,
    storage_boxes::ROUTES,
    storage_boxes::ACTION_ROUTES,
    storage_boxes::SNAPSHOT_ROUTES,
    storage_boxes::SUBACCOUNT_ROUTES,
    volumes::ROUTES,
    volumes::ACTION_ROUTES,
    zones::ROUTES,
    rrsets::ROUTES,
];

/// What a path says beside its template.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Blanks {
    pub(crate) ids: Vec<i64>,
    pub(crate) names: Vec<String>,
}

/// Where a path leads.
pub(crate) enum Found {
    /// An operation, with the ids and names in the path.
    Route(&'static Route, Blanks),
    /// The path exists, but not with this method.
    OtherMethod,
    /// The path would lead to an object, but what it has for its id is no number.
    NoId,
    /// There is no such path.
    Nothing,
}

/// Finds the operation of a method and a path (without `/v1`).
pub(crate) fn find(method: &str, path: &str) -> Found {
    let mut found = Found::Nothing;
    for route in ROUTES.iter().flat_map(|routes| routes.iter()) {
        let Some(blanks) = match_path(route.template, path) else { continue };
        match blanks {
            Some(blanks) if route.method == method => return Found::Route(route, blanks),
            Some(_) => found = Found::OtherMethod,
            None if matches!(found, Found::Nothing) => found = Found::NoId,
            None => {}
        }
    }
    found
}

/// The ids and names in a path that has the shape of the template: `Some(None)` if an id is no number.
fn match_path(template: &str, path: &str) -> Option<Option<Blanks>> {
    let (mut wanted, mut given) = (template.split('/'), path.split('/'));
    let mut blanks = Some(Blanks::default());
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Some(blanks),
            (Some(wanted), Some(given)) if is_id(wanted) && !given.is_empty() => {
                blanks = blanks.and_then(|mut blanks| {
                    blanks.ids.push(given.parse().ok()?);
                    Some(blanks)
                });
            }
            // No zone is called `actions`: that is where the actions of all zones are.
            (Some(wanted), Some(given))
                if wanted.starts_with('{') && !given.is_empty() && given != "actions" =>
            {
                let name = percent_decode_str(given).decode_utf8_lossy().into_owned();
                blanks.iter_mut().for_each(|blanks| blanks.names.push(name.clone()));
            }
            (Some(wanted), Some(given)) if wanted == given => {}
            _ => return None,
        }
    }
}

/// Whether a part of a template stands for an id.
fn is_id(part: &str) -> bool {
    part == "{id}" || part.starts_with('{') && part.ends_with("_id}")
}

/// All objects of a project as the API shows them, by kind, for tests that look at the world as a whole.
pub(crate) fn dump(tx: &Tx<'_>) -> Value {
    fn section(objects: Vec<Value>) -> Value {
        json!({"count": objects.len(), "objects": objects})
    }
    let project = &*tx.project;
    json!({
        "actions": section(project.actions.values().map(|row| actions::render(row, tx.now)).collect()),
        "certificates": section(project.certificates.values().map(|row| certificates::render(tx, row)).collect()),
        "firewalls": section(project.firewalls.values().map(|row| firewalls::render(tx, row)).collect()),
        "floating_ips": section(project.floating_ips.values().map(|row| floating_ips::render(tx, row)).collect()),
        "images": section(project.images.values().map(images::render_own).collect()),
        "load_balancers":
            section(project.load_balancers.values().map(|row| load_balancers::render(tx, row)).collect()),
        "networks": section(project.networks.values().map(|row| networks::render(tx, row)).collect()),
        "placement_groups":
            section(project.placement_groups.values().map(|row| placement_groups::render(tx, row)).collect()),
        "primary_ips": section(project.primary_ips.values().map(|row| primary_ips::render(tx, row)).collect()),
        "servers": section(project.servers.values().map(|row| servers::render(tx, row)).collect()),
        "ssh_keys": section(project.ssh_keys.values().map(ssh_keys::render).collect()),
        "storage_box_snapshots":
            section(project.storage_box_snapshots.values().map(storage_boxes::render_snapshot).collect()),
        "storage_box_subaccounts":
            section(project.storage_box_subaccounts.values().map(storage_boxes::render_whole_subaccount).collect()),
        "storage_boxes": section(project.storage_boxes.values().map(storage_boxes::render_whole).collect()),
        "volumes": section(project.volumes.values().map(|row| volumes::render(tx, row)).collect()),
        "zones": section(project.zones.values().map(|row| zones::render_whole(tx, row)).collect()),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn paths_lead_to_operations() {
        let name = |method, path| match find(method, path) {
            Found::Route(route, blanks) if blanks.names.is_empty() => {
                format!("{} {} {:?}", route.method, route.template, blanks.ids)
            }
            Found::Route(route, blanks) => format!("{} {} {blanks:?}", route.method, route.template),
            Found::OtherMethod => "other method".to_owned(),
            Found::NoId => "no id".to_owned(),
            Found::Nothing => "nothing".to_owned(),
        };
        for (method, path, expected) in [
            ("GET", "/servers", "GET /servers []"),
            ("GET", "/servers/12", "GET /servers/{id} [12]"),
            ("GET", "/servers/actions", "GET /servers/actions []"),
            ("GET", "/servers/12/actions/13", "GET /servers/{id}/actions/{action_id} [12, 13]"),
            ("POST", "/servers/12/actions/poweron", "POST /servers/{id}/actions/poweron [12]"),
            ("PATCH", "/servers/12", "other method"),
            ("GET", "/servers/abc", "no id"),
            ("GET", "/storage_boxes/actions/7", "GET /storage_boxes/actions/{id} [7]"),
            (
                "PUT",
                "/storage_boxes/1/subaccounts/2",
                "PUT /storage_boxes/{id}/subaccounts/{subaccount_id} [1, 2]",
            ),
            ("PUT", "/storage_boxes/1/subaccounts/x", "no id"),
            ("GET", "/zones/actions", "GET /zones/actions []"),
            ("GET", "/zones/actions/7", "GET /zones/actions/{id} [7]"),
            ("PUT", "/zones/actions", "other method"),
            (
                "GET",
                "/zones/example.com/actions/7",
                "GET /zones/{id_or_name}/actions/{action_id} Blanks { ids: [7], names: [\"example.com\"] }",
            ),
            (
                "DELETE",
                "/zones/8/rrsets/%40/TXT",
                "DELETE /zones/{id_or_name}/rrsets/{rr_name}/{rr_type} \
                 Blanks { ids: [], names: [\"8\", \"@\", \"TXT\"] }",
            ),
            ("GET", "/servers/99999999999999999999", "no id"),
            ("GET", "/servers/", "nothing"),
            ("GET", "/nothing", "nothing"),
            ("GET", "", "nothing"),
        ] {
            assert_eq!(name(method, path), expected, "{method} {path}");
        }
    }

    #[test]
    fn all_operations_of_the_official_document_are_served_and_no_others() {
        let operations = |document: &str| -> BTreeSet<String> {
            let document: Value = serde_json::from_str(document).unwrap_or_default();
            document["operations"].as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect()
        };
        let cloud = operations(include_str!("../../tests/openapi/shapes.json"));
        let storage_boxes = operations(include_str!("../../tests/openapi/storage_boxes.json"));
        assert_eq!((cloud.len(), storage_boxes.len()), (190, 32));
        let documented: BTreeSet<String> = cloud.union(&storage_boxes).cloned().collect();
        let served: BTreeSet<String> = ROUTES
            .iter()
            .flat_map(|routes| routes.iter())
            .map(|route| format!("{} {}", route.method, route.template))
            .collect();
        assert_eq!(documented.symmetric_difference(&served).collect::<Vec<_>>(), Vec::<&String>::new());
    }

    #[test]
    fn no_operation_is_listed_twice() {
        let mut seen = BTreeSet::new();
        for route in ROUTES.iter().flat_map(|routes| routes.iter()) {
            assert!(seen.insert((route.method, route.template)), "{} {}", route.method, route.template);
        }
    }
}
