//! Load balancers.

use std::net::IpAddr;

use serde_json::{Value, json};

use super::actions::{action_routes, begun, render as render_action};
use super::load_balancer_input::{read_change, read_service, read_target};
use super::offers::{load_balancer_type, location_named};
use super::server_actions::render_metrics;
use super::{Call, Reply, Route, delete, get, post, put};
use crate::clock::rfc3339;
use crate::world::address::default_dns_ptr;
use crate::world::load_balancers::{LoadBalancer, NewLoadBalancer, Service, Target};
use crate::world::scene::way_to;
use crate::world::servers::{Join, Link, Status};
use crate::world::{Kind, Refusal, Tx};

pub(super) const ROUTES: &[Route] = &[
    get("/load_balancers", list),
    post("/load_balancers", create),
    get("/load_balancers/{id}", show),
    put("/load_balancers/{id}", update),
    delete("/load_balancers/{id}", remove),
    post("/load_balancers/{id}/actions/add_service", add_service),
    post("/load_balancers/{id}/actions/update_service", update_service),
    post("/load_balancers/{id}/actions/delete_service", delete_service),
    post("/load_balancers/{id}/actions/add_target", add_target),
    post("/load_balancers/{id}/actions/remove_target", remove_target),
    post("/load_balancers/{id}/actions/attach_to_network", attach),
    post("/load_balancers/{id}/actions/detach_from_network", detach),
    post("/load_balancers/{id}/actions/change_algorithm", change_algorithm),
    post("/load_balancers/{id}/actions/change_type", change_type),
    post("/load_balancers/{id}/actions/change_protection", change_protection),
    post("/load_balancers/{id}/actions/change_dns_ptr", change_dns_ptr),
    post("/load_balancers/{id}/actions/enable_public_interface", |call| public_interface(call, true)),
    post("/load_balancers/{id}/actions/disable_public_interface", |call| public_interface(call, false)),
    get("/load_balancers/{id}/metrics", metrics),
];
pub(super) const ACTION_ROUTES: &[Route] =
    &action_routes!("/load_balancers", Kind::LoadBalancer, load_balancer);

/// Algorithms by their names; whether it is the one of least connections.
const ALGORITHMS: [(&str, bool); 2] = [("round_robin", false), ("least_connections", true)];

fn render_service(service: &Service) -> Value {
    let check = &service.health_check;
    let mut health_check = json!({
        "protocol": if check.http_protocol { "http" } else { "tcp" },
        "port": check.port,
        "interval": check.interval,
        "timeout": check.timeout,
        "retries": check.retries,
    });
    if let (Some(http), Some(shown)) = (&check.http, health_check.as_object_mut()) {
        let http = json!({
            "domain": http.domain,
            "path": http.path,
            "response": http.response,
            "status_codes": http.status_codes,
            "tls": http.tls,
        });
        shown.insert("http".to_owned(), http);
    }
    let mut shown = json!({
        "protocol": service.protocol.as_str(),
        "listen_port": service.listen_port,
        "destination_port": service.destination_port,
        "proxyprotocol": service.proxyprotocol,
        "health_check": health_check,
    });
    if let (Some(http), Some(shown)) = (&service.http, shown.as_object_mut()) {
        let http = json!({
            "cookie_name": http.cookie_name,
            "cookie_lifetime": http.cookie_lifetime,
            "timeout_idle": http.timeout_idle,
            "sticky_sessions": http.sticky_sessions,
            "redirect_http": http.redirect_http,
            "certificates": http.certificates,
        });
        shown.insert("http".to_owned(), http);
    }
    shown
}

/// The health of something, for each service: what the load balancer found out where it is real. Else nothing runs on
/// servers, and one that is on counts as healthy.
fn health(tx: &Tx<'_>, balancer: &LoadBalancer, address: Option<IpAddr>, presumed: bool) -> Vec<Value> {
    let each = balancer.services.iter().map(|service| {
        let healthy = if tx.live.is_real() {
            address.and_then(|address| tx.live.health(balancer.id, service.listen_port, address))
        } else {
            Some(presumed)
        };
        let mut status = json!({
            "listen_port": service.listen_port,
            "status": match healthy {
                Some(true) => "healthy",
                Some(false) => "unhealthy",
                None => "unknown",
            },
        });
        if let (Some(false), Some(status)) = (healthy, status.as_object_mut()) {
            status.insert("detail".to_owned(), json!("layer4_no_connection"));
        }
        status
    });
    each.collect()
}

fn render_server_target(tx: &Tx<'_>, balancer: &LoadBalancer, id: i64, private: bool) -> Value {
    let server = tx.project.servers.get(id);
    let way = server.and_then(|server| way_to(tx.project, balancer, server, private));
    let running = server.is_some_and(|server| server.status == Status::Running);
    json!({
        "type": "server",
        "server": {"id": id, "ip": way.map(|way| way.to_string()).unwrap_or_default()},
        "use_private_ip": private,
        "health_status": health(tx, balancer, way, running && way.is_some()),
    })
}

fn render_target(tx: &Tx<'_>, balancer: &LoadBalancer, target: &Target) -> Value {
    match target {
        Target::Server { id, use_private_ip } => render_server_target(tx, balancer, *id, *use_private_ip),
        Target::Selector { selector, use_private_ip } => {
            let servers = tx.servers_selected(selector).into_iter();
            let targets: Vec<Value> =
                servers.map(|id| render_server_target(tx, balancer, id, *use_private_ip)).collect();
            json!({
                "type": "label_selector",
                "label_selector": {"selector": selector},
                "use_private_ip": use_private_ip,
                "targets": targets,
            })
        }
        Target::Ip { ip } => {
            json!({"type": "ip", "ip": {"ip": ip.to_string()}, "health_status": health(tx, balancer, Some(*ip), true)})
        }
    }
}

/// A load balancer as the API shows it.
pub(super) fn render(tx: &Tx<'_>, balancer: &LoadBalancer) -> Value {
    let balancer_type = tx.catalogue().load_balancer_type(&balancer.load_balancer_type);
    let traffic = balancer_type
        .and_then(|found| found.offer(&balancer.location))
        .and_then(|offer| offer.included_traffic_bytes);
    let name = |address: IpAddr| {
        let usual = match address {
            IpAddr::V4(address) => Some(default_dns_ptr(address)),
            IpAddr::V6(_) => None,
        };
        balancer.dns_ptr.get(&address).cloned().or(usual)
    };
    let public = |address: IpAddr| json!({"id": null, "ip": address.to_string(), "dns_ptr": name(address), "blocked": false});
    let private_net: Vec<Value> = balancer
        .private_nets
        .iter()
        .filter(|attachment| attachment.link != Link::Attaching)
        .map(|attachment| json!({"network": attachment.network, "ip": attachment.ip}))
        .collect();
    json!({
        "id": balancer.id,
        "name": balancer.name,
        "public_net": {
            "enabled": balancer.public_interface,
            "ipv4": public(balancer.ipv4),
            "ipv6": public(balancer.ipv6),
        },
        "private_net": private_net,
        "location": location_named(&balancer.location),
        "load_balancer_type": balancer_type.map(load_balancer_type),
        "protection": {"delete": balancer.protect_delete},
        "labels": balancer.labels,
        "created": rfc3339(balancer.created),
        "services": balancer.services.iter().map(render_service).collect::<Vec<_>>(),
        "targets": balancer.targets.iter().map(|t| render_target(tx, balancer, t)).collect::<Vec<_>>(),
        "algorithm": {"type": if balancer.least_connections { "least_connections" } else { "round_robin" }},
        "outgoing_traffic": 0,
        "ingoing_traffic": 0,
        "included_traffic": traffic.unwrap_or(0),
    })
}

fn list(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let rows = call.select(call.rows(&call.tx.project.load_balancers))?;
    call.page("load_balancers", &rows, |balancer| render(&call.tx, balancer))
}

fn show(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    one(call, call.id())
}

fn one(call: &Call<'_>, id: i64) -> Result<Reply, Refusal> {
    Ok(Reply::ok(json!({"load_balancer": render(&call.tx, call.tx.load_balancer(id)?)})))
}

fn create(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let least_connections = input
        .nested("algorithm", |algorithm| algorithm.required_word("type", &ALGORITHMS))
        .flatten()
        .unwrap_or(false);
    let new = NewLoadBalancer {
        name: input.required_string("name"),
        labels: input.labels("labels").unwrap_or_default(),
        load_balancer_type: input.required_id_or_name("load_balancer_type"),
        location: input.id_or_name("location"),
        network_zone: input.string("network_zone"),
        least_connections,
        services: input.each("services", read_service).unwrap_or_default(),
        targets: input.each("targets", read_target).unwrap_or_default(),
        public_interface: input.boolean("public_interface").unwrap_or(true),
        network: input.integer("network"),
    };
    let own_addresses = input.nested("public_net", |net| {
        let ids = [net.integer("ipv4"), net.integer("ipv6")];
        ids.iter().any(Option::is_some)
    });
    input.finish()?;
    if own_addresses == Some(true) {
        let message = "primary IPs for load balancers are not emulated, leave out public_net";
        return Err(Refusal::new("unsupported_error", message));
    }
    let (id, action) = call.tx.create_load_balancer(new)?;
    Ok(Reply::created(json!({
        "load_balancer": render(&call.tx, call.tx.load_balancer(id)?),
        "action": render_action(&action, call.tx.now),
    })))
}

fn update(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let (name, labels) = (input.string("name"), input.labels("labels"));
    input.finish()?;
    call.tx.update_load_balancer(call.id(), name, labels)?;
    one(call, call.id())
}

/// Answers with an action since autumn 2026 (hcloud-python 2.27).
fn remove(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let action = call.tx.delete_load_balancer(call.id())?;
    Ok(begun(call, &action))
}

fn add_service(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let service = read_service(&mut input);
    input.finish()?;
    let action = call.tx.add_service(call.id(), service)?;
    Ok(begun(call, &action))
}

fn update_service(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let port = input.integer("listen_port");
    let Some(port) = port else {
        input.fail("listen_port", "is required");
        return Err(input.finish().err().unwrap_or_else(|| Refusal::invalid("listen_port", "is required")));
    };
    let action = call.tx.update_service(call.id(), port, |old| {
        let service = read_change(&mut input, old);
        input.finish().map(|()| service)
    })?;
    Ok(begun(call, &action))
}

fn delete_service(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let port = input.required_integer("listen_port");
    input.finish()?;
    let action = call.tx.delete_service(call.id(), port)?;
    Ok(begun(call, &action))
}

fn add_target(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let target = read_target(&mut input);
    input.finish()?;
    let action = call.tx.add_target(call.id(), target)?;
    Ok(begun(call, &action))
}

fn remove_target(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let target = read_target(&mut input);
    input.finish()?;
    let action = call.tx.remove_target(call.id(), &target)?;
    Ok(begun(call, &action))
}

fn attach(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let join = Join {
        network: input.required_integer("network"),
        ip: input.ipv4("ip"),
        alias_ips: Vec::new(),
        ip_range: input.range("ip_range"),
    };
    input.finish()?;
    let action = call.tx.attach_load_balancer(call.id(), &join)?;
    Ok(begun(call, &action))
}

fn detach(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let network = input.required_integer("network");
    input.finish()?;
    let action = call.tx.detach_load_balancer(call.id(), network)?;
    Ok(begun(call, &action))
}

fn change_algorithm(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let least_connections = input.required_word("type", &ALGORITHMS);
    input.finish()?;
    let action = call.tx.set_algorithm(call.id(), least_connections.unwrap_or(false))?;
    Ok(begun(call, &action))
}

fn change_type(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let wanted = input.required_id_or_name("load_balancer_type");
    input.finish()?;
    let action = call.tx.change_balancer_type(call.id(), &wanted)?;
    Ok(begun(call, &action))
}

fn change_protection(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let delete = input.boolean("delete");
    input.finish()?;
    let action = call.tx.protect_load_balancer(call.id(), delete)?;
    Ok(begun(call, &action))
}

fn change_dns_ptr(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let (address, name) = (input.required_ip("ip"), input.string("dns_ptr"));
    input.finish()?;
    let action = call.tx.set_balancer_dns(call.id(), address, name)?;
    Ok(begun(call, &action))
}

fn public_interface(call: &mut Call<'_>, on: bool) -> Result<Reply, Refusal> {
    let action = call.tx.set_public_interface(call.id(), on)?;
    Ok(begun(call, &action))
}

/// The time series of each type of metrics (Hetzner API documentation).
fn series(metric: &str) -> Option<&'static [&'static str]> {
    Some(match metric {
        "open_connections" => &["open_connections"],
        "connections_per_second" => &["connections_per_second"],
        "requests_per_second" => &["requests_per_second"],
        "bandwidth" => &["bandwidth.in", "bandwidth.out"],
        _ => return None,
    })
}

/// Metrics of a load balancer that idles: zero all the time.
fn metrics(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    call.tx.load_balancer(call.id())?;
    render_metrics(call, series)
}
