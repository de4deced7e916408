//! SSH keys.

use serde_json::{Value, json};

use super::{Call, Reply, Route, delete, get, post, put};
use crate::clock::rfc3339;
use crate::world::Refusal;
use crate::world::ssh_keys::SshKey;

pub(super) const ROUTES: &[Route] = &[
    get("/ssh_keys", list),
    post("/ssh_keys", create),
    get("/ssh_keys/{id}", show),
    put("/ssh_keys/{id}", update),
    delete("/ssh_keys/{id}", remove),
];

/// A key as the API shows it.
pub(super) fn render(key: &SshKey) -> Value {
    json!({
        "id": key.id,
        "name": key.name,
        "fingerprint": key.fingerprint,
        "public_key": key.public_key,
        "labels": key.labels,
        "created": rfc3339(key.created),
    })
}

fn list(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let keys = call.rows(&call.tx.project.ssh_keys);
    let rows = call.select(keys.filter(|key| call.query.allows("fingerprint", &key.fingerprint)))?;
    call.page("ssh_keys", &rows, |key| render(key))
}

fn show(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    one(call, call.id())
}

fn one(call: &Call<'_>, id: i64) -> Result<Reply, Refusal> {
    Ok(Reply::ok(json!({"ssh_key": render(call.tx.ssh_key(id)?)})))
}

fn create(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let name = input.required_string("name");
    let public_key = input.required_string("public_key");
    let labels = input.labels("labels").unwrap_or_default();
    input.finish()?;
    let id = call.tx.create_ssh_key(name, public_key, labels)?;
    Ok(Reply { status: 201, ..one(call, id)? })
}

fn update(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let (name, labels) = (input.string("name"), input.labels("labels"));
    input.finish()?;
    call.tx.update_ssh_key(call.id(), name, labels)?;
    one(call, call.id())
}

fn remove(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    call.tx.delete_ssh_key(call.id())?;
    Ok(Reply::empty())
}
