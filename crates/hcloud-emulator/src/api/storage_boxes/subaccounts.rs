//! Subaccounts of storage boxes.

use serde_json::{Value, json};

use super::super::actions::{begun, render as render_action};
use super::super::{Call, Reply, Route, delete, get, post, put};
use super::{read_access, render_access, server_of};
use crate::clock::rfc3339;
use crate::world::Refusal;
use crate::world::storage_boxes::{NewSubaccount, Subaccount};

pub(in crate::api) const ROUTES: &[Route] = &[
    get("/storage_boxes/{id}/subaccounts", list),
    post("/storage_boxes/{id}/subaccounts", create),
    get("/storage_boxes/{id}/subaccounts/{subaccount_id}", show),
    put("/storage_boxes/{id}/subaccounts/{subaccount_id}", update),
    delete("/storage_boxes/{id}/subaccounts/{subaccount_id}", remove),
    post(
        "/storage_boxes/{id}/subaccounts/{subaccount_id}/actions/change_home_directory",
        change_home_directory,
    ),
    post("/storage_boxes/{id}/subaccounts/{subaccount_id}/actions/reset_subaccount_password", reset_password),
    post(
        "/storage_boxes/{id}/subaccounts/{subaccount_id}/actions/update_access_settings",
        update_access_settings,
    ),
];

/// A subaccount as the API shows it.
fn render(row: &Subaccount) -> Value {
    let username = row.username();
    json!({
        "id": row.id,
        "storage_box": row.storage_box,
        "name": row.name,
        "description": row.description,
        "labels": row.labels,
        "home_directory": row.home_directory,
        "access_settings": render_access(&row.access, "readonly"),
        "server": server_of(&username),
        "username": username,
        "created": rfc3339(row.created),
    })
}

/// The same with what the API does not tell.
pub(in crate::api) fn render_whole(row: &Subaccount) -> Value {
    let mut shown = render(row);
    shown["password_fingerprint"] = json!(row.password_fingerprint);
    shown
}

fn subaccount_id(call: &Call<'_>) -> i64 {
    call.ids.get(1).copied().unwrap_or_default()
}

/// They all come at once: the list has no pages.
fn list(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let id = call.id();
    call.tx.storage_box(id)?;
    let rows = call.select(
        call.tx
            .project
            .storage_box_subaccounts
            .values()
            .filter(|row| row.storage_box == id && call.query.allows("username", &row.username())),
    )?;
    Ok(Reply::ok(json!({"subaccounts": rows.into_iter().map(render).collect::<Vec<_>>()})))
}

fn show(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let found = call.tx.subaccount(call.id(), subaccount_id(call))?;
    Ok(Reply::ok(json!({"subaccount": render(found)})))
}

fn create(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let new = NewSubaccount {
        name: input.string("name"),
        description: input.string("description").unwrap_or_default(),
        labels: input.labels("labels").unwrap_or_default(),
        home_directory: input.required_string("home_directory"),
        password: input.required_string("password"),
        access: input.nested("access_settings", |access| read_access(access, "readonly")).unwrap_or_default(),
    };
    input.finish()?;
    let storage_box = call.id();
    let (id, action) = call.tx.create_subaccount(storage_box, new)?;
    Ok(Reply::created(json!({
        "subaccount": {"id": id, "storage_box": storage_box},
        "action": render_action(&action, call.tx.now),
    })))
}

fn update(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let (name, description) = (input.string("name"), input.string("description"));
    let labels = input.labels("labels");
    input.finish()?;
    let (storage_box, id) = (call.id(), subaccount_id(call));
    call.tx.update_subaccount(storage_box, id, name, description, labels)?;
    show(call)
}

fn remove(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let (storage_box, id) = (call.id(), subaccount_id(call));
    let action = call.tx.delete_subaccount(storage_box, id)?;
    Ok(begun(call, &action))
}

fn change_home_directory(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let path = input.required_string("home_directory");
    input.finish()?;
    let (storage_box, id) = (call.id(), subaccount_id(call));
    let action = call.tx.change_home_directory(storage_box, id, path)?;
    Ok(begun(call, &action))
}

fn reset_password(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let password = input.required_string("password");
    input.finish()?;
    let (storage_box, id) = (call.id(), subaccount_id(call));
    let action = call.tx.reset_subaccount_password(storage_box, id, &password)?;
    Ok(begun(call, &action))
}

fn update_access_settings(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let change = read_access(&mut input, "readonly");
    input.finish()?;
    let (storage_box, id) = (call.id(), subaccount_id(call));
    let action = call.tx.update_subaccount_access(storage_box, id, change)?;
    Ok(begun(call, &action))
}
