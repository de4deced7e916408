//! The resources, a file each, and what several of them share.

use ferroform_core::schema::{Attribute, Block, Schema};
use ferroform_core::{Diagnostic, Type, Value};
use ferroform_hcloud::{Action, Collection, Filter, NamedUpdate, Object, code};

use crate::attrs::{Attrs, flag};
use crate::cx::Tolerance;
use crate::failure::Failure;
use crate::resource::Candidate;
use crate::seen::Kind;

mod attached;
pub(crate) mod certificate;
pub(crate) mod firewall;
pub(crate) mod firewall_attachment;
pub(crate) mod floating_ip;
pub(crate) mod floating_ip_assignment;
pub(crate) mod load_balancer;
pub(crate) mod load_balancer_network;
pub(crate) mod load_balancer_service;
pub(crate) mod load_balancer_target;
pub(crate) mod network;
pub(crate) mod network_route;
pub(crate) mod network_subnet;
pub(crate) mod part;
pub(crate) mod placement_group;
pub(crate) mod primary_ip;
pub(crate) mod rdns;
mod records;
pub(crate) mod server;
pub(crate) mod server_network;
pub(crate) mod snapshot;
pub(crate) mod ssh_key;
pub(crate) mod storage_box;
mod storage_box_access;
mod storage_box_part;
pub(crate) mod storage_box_snapshot;
pub(crate) mod storage_box_subaccount;
pub(crate) mod volume;
pub(crate) mod volume_attachment;
pub(crate) mod zone;
pub(crate) mod zone_record;
pub(crate) mod zone_rrset;

/// A schema of the first version.
fn schema(block: Block) -> Schema {
    Schema { version: 0, block }
}

/// The `id` that the older plugin library adds to every resource.
fn implicit_id() -> (&'static str, Attribute) {
    ("id", Attribute::optional_computed(Type::String))
}

/// The `labels` of most resources.
fn optional_labels() -> (&'static str, Attribute) {
    (
        "labels",
        Attribute::optional(Type::map(Type::String)).describe("Labels of your own, as keys and values."),
    )
}

/// The `delete_protection` of most resources.
fn delete_protection() -> (&'static str, Attribute) {
    (
        "delete_protection",
        Attribute::optional(Type::Bool).describe("Whether Hetzner Cloud refuses to delete it."),
    )
}

/// Protection is off where configuration does not say otherwise.
fn unprotected() -> (&'static str, Value) {
    ("delete_protection", flag(false))
}

/// What an address or a volume is held by may take a moment to let go of it.
const LETTING_GO: Tolerance = Tolerance {
    done: &[code::NOT_FOUND],
    passing: &["must_be_unassigned", code::RESOURCE_IN_USE],
    passing_messages: &[],
};

/// Why what is protected is not deleted.
fn protected(noun: &str, name: &str, id: i64) -> Failure {
    Diagnostic::error("Object is protected")
        .detail(format!("The {noun} {name} ({id}) is protected from deletion."))
        .hint("Set `delete_protection` to false and apply that first, then delete it.")
        .into()
}

/// An id from an import or a state: a number above zero.
pub(crate) fn parse_id(text: &str) -> Option<i64> {
    text.parse().ok().filter(|&id| id > 0)
}

/// The number of the object that a state names.
fn number_id(prior: Attrs<'_>) -> Result<i64, Failure> {
    prior.id().ok_or_else(|| unreadable(prior))
}

/// What to say of a state that does not name an object.
fn unreadable(prior: Attrs<'_>) -> Failure {
    Diagnostic::error("Unreadable object in state")
        .detail(format!("Its id {:?} does not name an object.", prior.id_text()))
        .into()
}

/// The objects of a kind that have the planned name, put into what was seen as well.
async fn by_name<T: Object>(
    objects: Collection<'_, T>,
    planned: Attrs<'_>,
    seen: &mut Kind<T>,
) -> Result<Vec<Candidate>, Failure> {
    found(objects.list(&Filter::name(planned.string("name"))).await?, seen)
}

/// Objects as candidates, put into what was seen as well.
fn found<T: Object>(objects: Vec<T>, seen: &mut Kind<T>) -> Result<Vec<Candidate>, Failure> {
    let candidate = |o: &T| Candidate { id: o.id().to_string(), created: o.created().map(str::to_owned) };
    let candidates = objects.iter().map(candidate).collect();
    seen.add(objects);
    Ok(candidates)
}

/// What the API is still doing to an object.
async fn running<T: Object>(objects: Collection<'_, T>, id: &str) -> Result<Vec<Action>, Failure> {
    match parse_id(id) {
        Some(id) => Ok(objects.running_actions(id).await?),
        None => Ok(Vec::new()),
    }
}

/// What a change makes of name and labels; None when nothing.
fn named_update(prior: Attrs<'_>, planned: Attrs<'_>) -> Option<NamedUpdate> {
    let (before, after) = (prior.labels("labels"), planned.labels("labels"));
    let name = planned.text("name").filter(|name| prior.text("name") != Some(name));
    let update = NamedUpdate { name: name.map(str::to_owned), labels: (before != after).then_some(after) };
    (update != NamedUpdate::default()).then_some(update)
}

/// What a change makes of a flag; None when nothing.
fn changed_flag(prior: Attrs<'_>, planned: Attrs<'_>, name: &str) -> Option<bool> {
    let after = planned.flag(name);
    (prior.flag(name) != after).then_some(after)
}
