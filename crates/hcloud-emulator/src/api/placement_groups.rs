//! Placement groups.

use serde_json::{Value, json};

use super::{Call, Reply, Route, delete, get, post, put};
use crate::clock::rfc3339;
use crate::world::placement_groups::PlacementGroup;
use crate::world::{Refusal, Tx};

pub(super) const ROUTES: &[Route] = &[
    get("/placement_groups", list),
    post("/placement_groups", create),
    get("/placement_groups/{id}", show),
    put("/placement_groups/{id}", update),
    delete("/placement_groups/{id}", remove),
];

/// A group as the API shows it.
pub(super) fn render(tx: &Tx<'_>, group: &PlacementGroup) -> Value {
    json!({
        "id": group.id,
        "name": group.name,
        "labels": group.labels,
        "type": "spread",
        "created": rfc3339(group.created),
        "servers": tx.servers_placed_in(group.id),
    })
}

fn list(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let groups = call.rows(&call.tx.project.placement_groups);
    let rows = call.select(groups.filter(|_| call.query.allows("type", "spread")))?;
    call.page("placement_groups", &rows, |group| render(&call.tx, group))
}

fn show(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    one(call, call.id())
}

fn one(call: &Call<'_>, id: i64) -> Result<Reply, Refusal> {
    Ok(Reply::ok(json!({"placement_group": render(&call.tx, call.tx.placement_group(id)?)})))
}

fn create(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let name = input.required_string("name");
    input.required_word("type", &[("spread", ())]);
    let labels = input.labels("labels").unwrap_or_default();
    input.finish()?;
    let id = call.tx.create_placement_group(name, labels)?;
    let group = render(&call.tx, call.tx.placement_group(id)?);
    Ok(Reply::created(json!({"placement_group": group, "action": null})))
}

fn update(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let (name, labels) = (input.string("name"), input.labels("labels"));
    input.finish()?;
    call.tx.update_placement_group(call.id(), name, labels)?;
    one(call, call.id())
}

fn remove(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    call.tx.delete_placement_group(call.id())?;
    Ok(Reply::empty())
}
