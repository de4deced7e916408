//! Volumes.

use serde_json::{Value, json};

use super::actions::{action_routes, begun, render as render_action, render_all};
use super::object::{labels, object};
use super::offers::location_named;
use super::{Call, Reply, Route, delete, get, post, put};
use crate::clock::rfc3339;
use crate::world::volumes::{NewVolume, Volume};
use crate::world::{Kind, Refusal, Tx};

pub(super) const ROUTES: &[Route] = &[
    get("/volumes", list),
    post("/volumes", create),
    get("/volumes/{id}", show),
    put("/volumes/{id}", update),
    delete("/volumes/{id}", remove),
    post("/volumes/{id}/actions/attach", attach),
    post("/volumes/{id}/actions/detach", detach),
    post("/volumes/{id}/actions/resize", resize),
    post("/volumes/{id}/actions/change_protection", change_protection),
];
pub(super) const ACTION_ROUTES: &[Route] = &action_routes!("/volumes", Kind::Volume, volume);

fn status(volume: &Volume) -> &'static str {
    if volume.available { "available" } else { "creating" }
}

/// A volume as the API shows it.
pub(super) fn render(_: &Tx<'_>, volume: &Volume) -> Value {
    object! {
        "id": volume.id,
        "created": rfc3339(volume.created),
        "name": volume.name.as_str(),
        "server": volume.server,
        "location": location_named(&volume.location),
        "size": volume.size,
        "linux_device": format!("/dev/disk/by-id/scsi-0HC_Volume_{}", volume.id),
        "protection": object! {"delete": volume.protect_delete},
        "labels": labels(&volume.labels),
        "status": status(volume),
        "format": volume.format.as_deref(),
    }
}

fn list(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let volumes = call.rows(&call.tx.project.volumes);
    let rows = call.select(volumes.filter(|volume| call.query.allows("status", status(volume))))?;
    call.page("volumes", &rows, |volume| render(&call.tx, volume))
}

fn show(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    one(call, call.id())
}

fn one(call: &Call<'_>, id: i64) -> Result<Reply, Refusal> {
    Ok(Reply::ok(object! {"volume": render(&call.tx, call.tx.volume(id)?)}))
}

fn create(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let new = NewVolume {
        name: input.required_string("name"),
        size: input.required_integer("size"),
        labels: input.labels("labels").unwrap_or_default(),
        format: input.string("format"),
        location: input.id_or_name("location"),
        server: input.integer("server"),
        automount: input.boolean("automount").unwrap_or(false),
    };
    if new.automount && new.server.is_none() {
        input.fail("automount", "needs a server");
    }
    input.finish()?;
    let (id, action, next) = call.tx.create_volume(new)?;
    Ok(Reply::created(json!({
        "volume": render(&call.tx, call.tx.volume(id)?),
        "action": render_action(&action, call.tx.now),
        "next_actions": render_all(&next, call.tx.now),
    })))
}

fn update(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let (name, labels) = (input.string("name"), input.labels("labels"));
    input.finish()?;
    call.tx.update_volume(call.id(), name, labels)?;
    one(call, call.id())
}

fn remove(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    call.tx.delete_volume(call.id())?;
    Ok(Reply::empty())
}

fn attach(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let server = input.required_integer("server");
    let automount = input.boolean("automount").unwrap_or(false);
    input.finish()?;
    let action = call.tx.attach_volume(call.id(), server, automount)?;
    Ok(begun(call, &action))
}

fn detach(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let action = call.tx.detach_volume(call.id())?;
    Ok(begun(call, &action))
}

fn resize(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let size = input.required_integer("size");
    input.finish()?;
    let action = call.tx.resize_volume(call.id(), size)?;
    Ok(begun(call, &action))
}

fn change_protection(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let delete = input.boolean("delete");
    input.finish()?;
    let action = call.tx.protect_volume(call.id(), delete)?;
    Ok(begun(call, &action))
}
