//! Primary IPs.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::{Value, json};

use super::actions::{action_routes, begun, render as render_action};
use super::object::{labels, object};
use super::offers::location_named;
use super::{Call, Reply, Route, delete, get, post, put};
use crate::clock::rfc3339;
use crate::world::address::default_dns_ptr;
use crate::world::primary_ips::{NewPrimaryIp, PrimaryIp, Version};
use crate::world::{Kind, Refusal, Tx};

pub(super) const ROUTES: &[Route] = &[
    get("/primary_ips", list),
    post("/primary_ips", create),
    get("/primary_ips/{id}", show),
    put("/primary_ips/{id}", update),
    delete("/primary_ips/{id}", remove),
    post("/primary_ips/{id}/actions/assign", assign),
    post("/primary_ips/{id}/actions/unassign", unassign),
    post("/primary_ips/{id}/actions/change_dns_ptr", change_dns_ptr),
    post("/primary_ips/{id}/actions/change_protection", change_protection),
];
pub(super) const ACTION_ROUTES: &[Route] = &action_routes!("/primary_ips", Kind::PrimaryIp, primary_ip);

/// Versions of addresses by their names.
pub(super) const VERSIONS: [(&str, Version); 2] = [("ipv4", Version::V4), ("ipv6", Version::V6)];

/// The name of an IPv4 address: the one that was set, or the usual one.
pub(super) fn ipv4_name(ip: &PrimaryIp) -> String {
    match (ip.dns_ptr.get(&ip.address), ip.address) {
        (Some(name), _) => name.clone(),
        (None, IpAddr::V4(address)) => default_dns_ptr(address),
        (None, IpAddr::V6(_)) => String::new(),
    }
}

/// Reverse DNS entries that were set.
pub(super) fn dns_entries(entries: &BTreeMap<IpAddr, String>) -> Vec<Value> {
    entries.iter().map(|(ip, name)| object! {"ip": ip.to_string(), "dns_ptr": name.as_str()}).collect()
}

/// The entries of an address: an IPv4 address always has one.
pub(super) fn all_dns_entries(address: IpAddr, entries: &BTreeMap<IpAddr, String>) -> Vec<Value> {
    match address {
        IpAddr::V4(v4) if entries.is_empty() => vec![json!({"ip": v4, "dns_ptr": default_dns_ptr(v4)})],
        _ => dns_entries(entries),
    }
}

/// An address as the API shows it: IPv6 ones as networks.
pub(super) fn shown_address(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("{address}/64"),
    }
}

/// A primary IP as the API shows it.
pub(super) fn render(_: &Tx<'_>, ip: &PrimaryIp) -> Value {
    object! {
        "id": ip.id,
        "name": ip.name.as_str(),
        "labels": labels(&ip.labels),
        "created": rfc3339(ip.created),
        "blocked": false,
        "location": location_named(&ip.location),
        "ip": shown_address(ip.address),
        "dns_ptr": all_dns_entries(ip.address, &ip.dns_ptr),
        "protection": object! {"delete": ip.protect_delete},
        "type": ip.version.as_str(),
        "auto_delete": ip.auto_delete,
        "assignee_type": if ip.assignee.is_some() { "server" } else { "unassigned" },
        "assignee_id": ip.assignee,
    }
}

fn list(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let any = call.query.get("ip").is_none();
    let wanted = |ip: &&PrimaryIp| {
        let is = |address: &str| call.query.allows("ip", address);
        any || is(&ip.address.to_string()) || is(&shown_address(ip.address))
    };
    let rows = call.select(call.rows(&call.tx.project.primary_ips).filter(wanted))?;
    call.page("primary_ips", &rows, |ip| render(&call.tx, ip))
}

fn show(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    one(call, call.id())
}

fn one(call: &Call<'_>, id: i64) -> Result<Reply, Refusal> {
    Ok(Reply::ok(object! {"primary_ip": render(&call.tx, call.tx.primary_ip(id)?)}))
}

fn create(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let new = NewPrimaryIp {
        name: input.required_string("name"),
        version: input.required_word("type", &VERSIONS).unwrap_or(Version::V4),
        labels: input.labels("labels").unwrap_or_default(),
        location: input.id_or_name("location"),
        assignee: input.integer("assignee_id"),
        auto_delete: input.boolean("auto_delete").unwrap_or(false),
    };
    let assignee_type = input.word("assignee_type", &[("server", true), ("unassigned", false)]);
    match (assignee_type, new.assignee) {
        (Some(true), None) => input.fail("assignee_id", "is required with assignee_type server"),
        (None | Some(false), Some(_)) => input.fail("assignee_type", "must be server with an assignee_id"),
        _ => {}
    }
    if input.has("datacenter") {
        input.fail("datacenter", "was removed, use location");
    }
    input.finish()?;
    let (id, action) = call.tx.create_primary_ip(new)?;
    let ip = render(&call.tx, call.tx.primary_ip(id)?);
    let action = action.map(|action| render_action(&action, call.tx.now));
    Ok(Reply::created(json!({"primary_ip": ip, "action": action})))
}

fn update(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let (name, labels) = (input.string("name"), input.labels("labels"));
    let auto_delete = input.boolean("auto_delete");
    input.finish()?;
    call.tx.update_primary_ip(call.id(), name, labels, auto_delete)?;
    one(call, call.id())
}

fn remove(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    call.tx.delete_primary_ip(call.id())?;
    Ok(Reply::empty())
}

fn assign(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    input.required_word("assignee_type", &[("server", ())]);
    let server = input.required_integer("assignee_id");
    input.finish()?;
    let action = call.tx.assign_primary_ip(call.id(), server)?;
    Ok(begun(call, &action))
}

fn unassign(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let action = call.tx.unassign_primary_ip(call.id())?;
    Ok(begun(call, &action))
}

fn change_dns_ptr(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let (address, name) = (input.required_ip("ip"), input.string("dns_ptr"));
    input.finish()?;
    let id = call.id();
    let action = call.tx.set_primary_dns(id, (Kind::PrimaryIp, id), address, name)?;
    Ok(begun(call, &action))
}

fn change_protection(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let delete = input.required_boolean("delete");
    input.finish()?;
    let action = call.tx.protect_primary_ip(call.id(), delete)?;
    Ok(begun(call, &action))
}
