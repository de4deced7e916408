//! Snapshots of storage boxes.

use serde_json::{Value, json};

use super::super::actions::{begun, render as render_action};
use super::super::{Call, Reply, Route, delete, get, post, put};
use crate::clock::rfc3339;
use crate::world::Refusal;
use crate::world::storage_boxes::StorageBoxSnapshot;

pub(in crate::api) const ROUTES: &[Route] = &[
    get("/storage_boxes/{id}/snapshots", list),
    post("/storage_boxes/{id}/snapshots", create),
    get("/storage_boxes/{id}/snapshots/{snapshot_id}", show),
    put("/storage_boxes/{id}/snapshots/{snapshot_id}", update),
    delete("/storage_boxes/{id}/snapshots/{snapshot_id}", remove),
];

/// A snapshot as the API shows it.
pub(in crate::api) fn render(snapshot: &StorageBoxSnapshot) -> Value {
    json!({
        "id": snapshot.id,
        "storage_box": snapshot.storage_box,
        "name": snapshot.name,
        "description": snapshot.description,
        "labels": snapshot.labels,
        "stats": {"size": 0, "size_filesystem": 0},
        "is_automatic": snapshot.automatic,
        "created": rfc3339(snapshot.created),
    })
}

fn snapshot_id(call: &Call<'_>) -> i64 {
    call.ids.get(1).copied().unwrap_or_default()
}

/// They all come at once: the list has no pages.
fn list(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let id = call.id();
    call.tx.storage_box(id)?;
    let rows = call.select(call.tx.project.storage_box_snapshots.values().filter(|row| {
        row.storage_box == id && call.query.flag("is_automatic").is_none_or(|wanted| wanted == row.automatic)
    }))?;
    Ok(Reply::ok(json!({"snapshots": rows.into_iter().map(render).collect::<Vec<_>>()})))
}

fn show(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let found = call.tx.storage_box_snapshot(call.id(), snapshot_id(call))?;
    Ok(Reply::ok(json!({"snapshot": render(found)})))
}

fn create(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let description = input.string("description").unwrap_or_default();
    let labels = input.labels("labels").unwrap_or_default();
    input.finish()?;
    let storage_box = call.id();
    let (id, action) = call.tx.create_storage_box_snapshot(storage_box, description, labels)?;
    Ok(Reply::created(json!({
        "snapshot": {"id": id, "storage_box": storage_box},
        "action": render_action(&action, call.tx.now),
    })))
}

fn update(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let (description, labels) = (input.string("description"), input.labels("labels"));
    input.finish()?;
    let (storage_box, id) = (call.id(), snapshot_id(call));
    call.tx.update_storage_box_snapshot(storage_box, id, description, labels)?;
    show(call)
}

fn remove(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let (storage_box, id) = (call.id(), snapshot_id(call));
    let action = call.tx.delete_storage_box_snapshot(storage_box, id)?;
    Ok(begun(call, &action))
}
