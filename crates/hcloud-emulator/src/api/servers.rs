//! Servers.

use serde_json::{Value, json};

use super::actions::{action_routes, render as render_action, render_all};
use super::images::render_any;
use super::object::{labels, object};
use super::offers::{self, location_named};
use super::{Call, Reply, Route, delete, get, placement_groups, post, put};
use crate::clock::rfc3339;
use crate::world::load_balancers::Target;
use crate::world::primary_ips::{PrimaryIp, Version};
use crate::world::server_create::NewServer;
use crate::world::servers::{Link, Server};
use crate::world::{Kind, Refusal, Tx};

pub(super) const ROUTES: &[Route] = &[
    get("/servers", list),
    post("/servers", create),
    get("/servers/{id}", show),
    put("/servers/{id}", update),
    delete("/servers/{id}", remove),
];
pub(super) const ACTION_ROUTES: &[Route] = &action_routes!("/servers", Kind::Server, server);

fn render_ipv4(ip: &PrimaryIp) -> Value {
    let dns_ptr = super::primary_ips::ipv4_name(ip);
    object! {"id": ip.id, "ip": ip.address.to_string(), "blocked": false, "dns_ptr": dns_ptr}
}

fn render_ipv6(ip: &PrimaryIp) -> Value {
    let network = format!("{}/64", ip.address);
    let dns_ptr = super::primary_ips::dns_entries(&ip.dns_ptr);
    object! {"id": ip.id, "ip": network, "blocked": false, "dns_ptr": dns_ptr}
}

/// A server as the API shows it.
pub(super) fn render(tx: &Tx<'_>, server: &Server) -> Value {
    let id = server.id;
    let project = &*tx.project;
    let catalogue = tx.catalogue();
    let server_type = catalogue.server_type(&server.server_type);
    let traffic = server_type
        .and_then(|server_type| server_type.offer(&server.location))
        .and_then(|offer| offer.included_traffic_bytes);
    let firewalls: Vec<Value> = tx
        .firewalls_of(server)
        .into_iter()
        .map(|(id, applied)| object! {"id": id, "status": if applied { "applied" } else { "pending" }})
        .collect();
    let floating: Vec<i64> = project.floating_ips.owned_by(id).map(|ip| ip.id).collect();
    let volumes: Vec<i64> = project.volumes.owned_by(id).map(|volume| volume.id).collect();
    let balancers: Vec<i64> = project
        .load_balancers
        .values()
        .filter(|balancer| {
            balancer
                .targets
                .iter()
                .any(|target| matches!(target, Target::Server { id: other, .. } if *other == id))
        })
        .map(|balancer| balancer.id)
        .collect();
    let private_net: Vec<Value> = server
        .private_nets
        .iter()
        .filter(|attachment| attachment.link != Link::Attaching)
        .map(|attachment| {
            object! {
                "network": attachment.network,
                "ip": attachment.ip.to_string(),
                "alias_ips": attachment.alias_ips.iter().map(ToString::to_string).collect::<Vec<_>>(),
                "mac_address": attachment.mac_address.as_str(),
            }
        })
        .collect();
    let group = server.placement_group.and_then(|id| project.placement_groups.get(id));
    object! {
        "id": id,
        "name": server.name.as_str(),
        "status": tx.status_of(server).as_str(),
        "created": rfc3339(server.created),
        "public_net": object! {
            "ipv4": tx.primary_ip_of(id, Version::V4).map(render_ipv4),
            "ipv6": tx.primary_ip_of(id, Version::V6).map(render_ipv6),
            "floating_ips": floating,
            "firewalls": firewalls,
        },
        "private_net": private_net,
        "server_type": server_type.map(|server_type| offers::server_type(tx, server_type)),
        "location": location_named(&server.location),
        "image": server.image.and_then(|image| render_any(tx, image)),
        "iso": server.iso.and_then(|id| catalogue.isos().iter().find(|iso| iso.id == id)).map(offers::iso),
        "rescue_enabled": server.rescue_until.is_some_and(|until| until > tx.now),
        "locked": project.is_locked(crate::world::ResourceRef { kind: Kind::Server, id }),
        "backup_window": server.backup_window.as_deref(),
        "outgoing_traffic": 0,
        "ingoing_traffic": 0,
        "included_traffic": traffic,
        "protection": object! {"delete": server.protect_delete, "rebuild": server.protect_rebuild},
        "labels": labels(&server.labels),
        "volumes": volumes,
        "load_balancers": balancers,
        "primary_disk_size": server.disk,
        "placement_group": group.map(|group| placement_groups::render(tx, group)),
    }
}

fn list(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let servers = call.rows(&call.tx.project.servers);
    let status = |server: &&Server| call.query.allows("status", call.tx.status_of(server).as_str());
    let rows = call.select(servers.filter(status))?;
    call.page("servers", &rows, |server| render(&call.tx, server))
}

fn show(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    one(call, call.id())
}

fn one(call: &Call<'_>, id: i64) -> Result<Reply, Refusal> {
    Ok(Reply::ok(object! {"server": render(&call.tx, call.tx.server(id)?)}))
}

fn create(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let mut new = NewServer {
        name: input.required_string("name"),
        labels: input.labels("labels").unwrap_or_default(),
        server_type: input.required_id_or_name("server_type"),
        location: input.id_or_name("location"),
        image: input.required_id_or_name("image"),
        start: input.boolean("start_after_create").unwrap_or(true),
        placement_group: input.integer("placement_group"),
        ssh_keys: input.ids_or_names("ssh_keys"),
        volumes: input.ids("volumes"),
        automount: input.boolean("automount").unwrap_or(false),
        networks: input.ids("networks"),
        firewalls: input
            .each("firewalls", |firewall| firewall.required_integer("firewall"))
            .unwrap_or_default(),
        user_data: input.string("user_data"),
        ipv4: Some(None),
        ipv6: Some(None),
    };
    if input.has("datacenter") {
        input.fail("datacenter", "was removed, use location");
    }
    input.nested("public_net", |net| {
        let mut one = |enable: &str, id: &str| {
            let enabled = net.boolean(enable).unwrap_or(true);
            let id_given = net.integer(id);
            if !enabled && id_given.is_some() {
                net.fail(id, "must not be given when the family is disabled");
            }
            enabled.then_some(id_given)
        };
        new.ipv4 = one("enable_ipv4", "ipv4");
        new.ipv6 = one("enable_ipv6", "ipv6");
    });
    input.finish()?;
    let created = call.tx.create_server(new)?;
    let now = call.tx.now;
    Ok(Reply::created(json!({
        "server": render(&call.tx, call.tx.server(created.id)?),
        "action": render_action(&created.action, now),
        "next_actions": render_all(&created.next_actions, now),
        "root_password": created.root_password,
    })))
}

fn update(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let (name, labels) = (input.string("name"), input.labels("labels"));
    input.finish()?;
    call.tx.update_server(call.id(), name, labels)?;
    one(call, call.id())
}

fn remove(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let action = call.tx.delete_server(call.id())?;
    Ok(Reply::ok(json!({"action": render_action(&action, call.tx.now)})))
}
