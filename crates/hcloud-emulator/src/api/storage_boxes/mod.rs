//! Storage boxes and their types: the Hetzner API, which has an address of its own at Hetzner and none here.

mod snapshots;
mod subaccounts;

use ferroform_catalogue::StorageBoxType;
use serde_json::{Value, json};

use super::actions::{action_routes, begun, render as render_action};
use super::input::Input;
use super::offers::{location_named, named, one, price};
use super::{Call, Reply, Route, delete, get, post, put};
use crate::clock::rfc3339;
use crate::world::storage_boxes::{Access, AccessChange, NewPlan, NewStorageBox, SnapshotPlan, StorageBox};
use crate::world::{Kind, Refusal};

pub(super) use self::snapshots::{ROUTES as SNAPSHOT_ROUTES, render as render_snapshot};
pub(super) use self::subaccounts::{ROUTES as SUBACCOUNT_ROUTES, render_whole as render_whole_subaccount};

pub(super) const ROUTES: &[Route] = &[
    get("/storage_box_types", list_types),
    get("/storage_box_types/{id}", show_type),
    get("/storage_boxes", list),
    post("/storage_boxes", create),
    get("/storage_boxes/{id}", show),
    put("/storage_boxes/{id}", update),
    delete("/storage_boxes/{id}", remove),
    get("/storage_boxes/{id}/folders", folders),
    post("/storage_boxes/{id}/actions/change_protection", change_protection),
    post("/storage_boxes/{id}/actions/change_type", change_type),
    post("/storage_boxes/{id}/actions/reset_password", reset_password),
    post("/storage_boxes/{id}/actions/update_access_settings", update_access_settings),
    post("/storage_boxes/{id}/actions/rollback_snapshot", rollback_snapshot),
    post("/storage_boxes/{id}/actions/enable_snapshot_plan", enable_snapshot_plan),
    post("/storage_boxes/{id}/actions/disable_snapshot_plan", disable_snapshot_plan),
];
pub(super) const ACTION_ROUTES: &[Route] = &action_routes!("/storage_boxes", Kind::StorageBox, storage_box);

/// The domain that users of storage boxes and their subaccounts are reached under.
fn server_of(username: &str) -> String {
    format!("{username}.your-storagebox.de")
}

fn render_type(box_type: &StorageBoxType) -> Value {
    let prices: Vec<Value> = box_type
        .offers
        .iter()
        .map(|offer| {
            json!({
                "location": offer.location,
                "price_hourly": price(offer.hourly),
                "price_monthly": price(offer.monthly),
                "setup_fee": price(offer.setup_fee),
            })
        })
        .collect();
    json!({
        "id": box_type.id,
        "name": box_type.name,
        "description": box_type.description,
        "snapshot_limit": box_type.snapshot_limit,
        "automatic_snapshot_limit": box_type.automatic_snapshot_limit,
        "subaccounts_limit": box_type.subaccounts_limit,
        "size": box_type.size_bytes,
        "prices": prices,
        "deprecation": null,
    })
}

/// Access settings, with what only the kind has under its name.
fn render_access(access: &Access, own: &str) -> Value {
    json!({
        "reachable_externally": access.reachable_externally,
        "samba_enabled": access.samba_enabled,
        "ssh_enabled": access.ssh_enabled,
        "webdav_enabled": access.webdav_enabled,
        own: access.own,
    })
}

fn read_access(input: &mut Input, own: &str) -> AccessChange {
    AccessChange {
        reachable_externally: input.boolean("reachable_externally"),
        samba_enabled: input.boolean("samba_enabled"),
        ssh_enabled: input.boolean("ssh_enabled"),
        webdav_enabled: input.boolean("webdav_enabled"),
        own: input.boolean(own),
    }
}

fn render_plan(plan: &SnapshotPlan) -> Value {
    json!({
        "max_snapshots": plan.max_snapshots,
        "minute": plan.minute,
        "hour": plan.hour,
        "day_of_week": plan.day_of_week,
        "day_of_month": plan.day_of_month,
    })
}

/// A storage box as the API shows it.
fn render(found: &StorageBox) -> Value {
    let catalogue = ferroform_catalogue::Catalogue::builtin();
    // The name of its user, and with it everything else, is told once it is there.
    let username = found.active.then(|| found.username());
    json!({
        "id": found.id,
        "name": found.name,
        "storage_box_type": catalogue.storage_box_type(&found.box_type).map(render_type),
        "location": location_named(&found.location),
        "access_settings": render_access(&found.access, "zfs_enabled"),
        "snapshot_plan": found.plan.as_ref().map(render_plan),
        "protection": {"delete": found.protect_delete},
        "labels": found.labels,
        "status": if found.active { "active" } else { "initializing" },
        "server": username.as_deref().map(server_of),
        "system": found.active.then(|| format!("{}-BX{}", found.location.to_uppercase(), found.id)),
        "username": username,
        // Nothing is ever written to it.
        "stats": {"size": 0, "size_data": 0, "size_snapshots": 0},
        "created": rfc3339(found.created),
    })
}

/// The same with what the API does not tell.
pub(super) fn render_whole(found: &StorageBox) -> Value {
    let mut shown = render(found);
    shown["ssh_keys"] = json!(found.ssh_keys);
    shown["password_fingerprint"] = json!(found.password_fingerprint);
    shown
}

fn list_types(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let rows = named(call, call.tx.catalogue().storage_box_types(), |row| &row.name);
    call.page("storage_box_types", &rows, |row| render_type(row))
}

fn show_type(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let found = one(call, "storage_box_type", call.tx.catalogue().storage_box_types(), |row| row.id)?;
    Ok(Reply::ok(json!({"storage_box_type": render_type(found)})))
}

fn list(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let rows = call.select(call.tx.project.storage_boxes.values())?;
    call.page("storage_boxes", &rows, |row| render(row))
}

fn show(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    Ok(Reply::ok(json!({"storage_box": render(call.tx.storage_box(call.id())?)})))
}

fn create(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let new = NewStorageBox {
        name: input.required_string("name"),
        labels: input.labels("labels").unwrap_or_default(),
        box_type: input.required_id_or_name("storage_box_type"),
        location: input.required_id_or_name("location"),
        password: input.required_string("password"),
        ssh_keys: input.strings("ssh_keys").unwrap_or_default(),
        access: input
            .nested("access_settings", |access| read_access(access, "zfs_enabled"))
            .unwrap_or_default(),
    };
    input.finish()?;
    let (id, action) = call.tx.create_storage_box(new)?;
    Ok(Reply::created(json!({
        "storage_box": render(call.tx.storage_box(id)?),
        "action": render_action(&action, call.tx.now),
    })))
}

fn update(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let (name, labels) = (input.string("name"), input.labels("labels"));
    input.finish()?;
    call.tx.update_storage_box(call.id(), name, labels)?;
    show(call)
}

fn remove(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let action = call.tx.delete_storage_box(call.id())?;
    Ok(begun(call, &action))
}

fn folders(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let path = call.query.get("path").unwrap_or(".");
    let found = call.tx.storage_box(call.id())?.folders_in(path);
    let folders = found.ok_or_else(|| Refusal::invalid("path", format!("folder '{path}' not found")))?;
    Ok(Reply::ok(json!({"folders": folders})))
}

fn change_protection(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let delete = input.boolean("delete");
    input.finish()?;
    let action = call.tx.protect_storage_box(call.id(), delete)?;
    Ok(begun(call, &action))
}

fn change_type(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let wanted = input.required_id_or_name("storage_box_type");
    input.finish()?;
    let action = call.tx.change_storage_box_type(call.id(), &wanted)?;
    Ok(begun(call, &action))
}

fn reset_password(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let password = input.required_string("password");
    input.finish()?;
    let action = call.tx.reset_storage_box_password(call.id(), &password)?;
    Ok(begun(call, &action))
}

fn update_access_settings(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let change = read_access(&mut input, "zfs_enabled");
    input.finish()?;
    let action = call.tx.update_storage_box_access(call.id(), change)?;
    Ok(begun(call, &action))
}

fn rollback_snapshot(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let snapshot = input.required_id_or_name("snapshot");
    input.finish()?;
    let action = call.tx.rollback_storage_box(call.id(), &snapshot)?;
    Ok(begun(call, &action))
}

fn enable_snapshot_plan(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let required = |input: &mut Input, name: &str, bounds: std::ops::RangeInclusive<i64>| {
        let value = input.required_integer(name);
        if !input.has_failed() && !bounds.contains(&value) {
            input.fail(name, format!("must be from {} to {}", bounds.start(), bounds.end()));
        }
        value
    };
    let plan = NewPlan {
        max_snapshots: required(&mut input, "max_snapshots", 1..=i64::from(u32::MAX)),
        minute: required(&mut input, "minute", 0..=59),
        hour: required(&mut input, "hour", 0..=23),
        day_of_week: input.bounded("day_of_week", 1..=7),
        day_of_month: input.bounded("day_of_month", 1..=31),
    };
    input.finish()?;
    let action = call.tx.enable_snapshot_plan(call.id(), plan)?;
    Ok(begun(call, &action))
}

fn disable_snapshot_plan(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let action = call.tx.disable_snapshot_plan(call.id())?;
    Ok(begun(call, &action))
}
