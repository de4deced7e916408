//! Floating IPs.

use serde_json::{Value, json};

use super::actions::{action_routes, begun, render as render_action};
use super::offers::location_named;
use super::primary_ips::{VERSIONS, all_dns_entries, shown_address};
use super::{Call, Reply, Route, delete, get, post, put};
use crate::clock::rfc3339;
use crate::world::floating_ips::{FloatingIp, NewFloatingIp};
use crate::world::primary_ips::Version;
use crate::world::{Kind, Refusal, Tx};

pub(super) const ROUTES: &[Route] = &[
    get("/floating_ips", list),
    post("/floating_ips", create),
    get("/floating_ips/{id}", show),
    put("/floating_ips/{id}", update),
    delete("/floating_ips/{id}", remove),
    post("/floating_ips/{id}/actions/assign", assign),
    post("/floating_ips/{id}/actions/unassign", unassign),
    post("/floating_ips/{id}/actions/change_dns_ptr", change_dns_ptr),
    post("/floating_ips/{id}/actions/change_protection", change_protection),
];
pub(super) const ACTION_ROUTES: &[Route] = &action_routes!("/floating_ips", Kind::FloatingIp, floating_ip);

/// A floating IP as the API shows it.
pub(super) fn render(_: &Tx<'_>, ip: &FloatingIp) -> Value {
    json!({
        "id": ip.id,
        "name": ip.name,
        "description": ip.description,
        "ip": shown_address(ip.address),
        "type": ip.version.as_str(),
        "server": ip.server,
        "dns_ptr": all_dns_entries(ip.address, &ip.dns_ptr),
        "home_location": location_named(&ip.home_location),
        "blocked": false,
        "protection": {"delete": ip.protect_delete},
        "labels": ip.labels,
        "created": rfc3339(ip.created),
    })
}

fn list(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let rows = call.select(call.rows(&call.tx.project.floating_ips))?;
    call.page("floating_ips", &rows, |ip| render(&call.tx, ip))
}

fn show(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    one(call, call.id())
}

fn one(call: &Call<'_>, id: i64) -> Result<Reply, Refusal> {
    Ok(Reply::ok(json!({"floating_ip": render(&call.tx, call.tx.floating_ip(id)?)})))
}

fn create(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let new = NewFloatingIp {
        name: input.string("name"),
        labels: input.labels("labels").unwrap_or_default(),
        description: input.string("description"),
        version: input.required_word("type", &VERSIONS).unwrap_or(Version::V4),
        home_location: input.id_or_name("home_location"),
        server: input.integer("server"),
    };
    input.finish()?;
    let (id, action) = call.tx.create_floating_ip(new)?;
    let ip = render(&call.tx, call.tx.floating_ip(id)?);
    let action = action.map(|action| render_action(&action, call.tx.now));
    Ok(Reply::created(json!({"floating_ip": ip, "action": action})))
}

fn update(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let (name, labels) = (input.string("name"), input.labels("labels"));
    let given = input.has("description");
    let description = input.string("description");
    input.finish()?;
    call.tx.update_floating_ip(call.id(), name, given.then_some(description), labels)?;
    one(call, call.id())
}

fn remove(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    call.tx.delete_floating_ip(call.id())?;
    Ok(Reply::empty())
}

fn assign(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let server = input.required_integer("server");
    input.finish()?;
    let action = call.tx.assign_floating_ip(call.id(), server)?;
    Ok(begun(call, &action))
}

fn unassign(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let action = call.tx.unassign_floating_ip(call.id())?;
    Ok(begun(call, &action))
}

fn change_dns_ptr(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let (address, name) = (input.required_ip("ip"), input.string("dns_ptr"));
    input.finish()?;
    let action = call.tx.set_floating_dns(call.id(), address, name)?;
    Ok(begun(call, &action))
}

fn change_protection(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let delete = input.required_boolean("delete");
    input.finish()?;
    let action = call.tx.protect_floating_ip(call.id(), delete)?;
    Ok(begun(call, &action))
}
