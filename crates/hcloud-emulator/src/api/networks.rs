//! Networks.

use serde_json::{Value, json};

use super::actions::{action_routes, begun};
use super::input::Input;
use super::{Call, Reply, Route, delete, get, post, put};
use crate::clock::rfc3339;
use crate::world::address::gateway;
use crate::world::networks::{Network, NewNetwork, NewSubnet, Route as NetworkRoute, SubnetType};
use crate::world::servers::Link;
use crate::world::{Kind, Refusal, Tx};

pub(super) const ROUTES: &[Route] = &[
    get("/networks", list),
    post("/networks", create),
    get("/networks/{id}", show),
    put("/networks/{id}", update),
    delete("/networks/{id}", remove),
    get("/networks/{id}/members", list_members),
    post("/networks/{id}/actions/add_subnet", add_subnet),
    post("/networks/{id}/actions/delete_subnet", delete_subnet),
    post("/networks/{id}/actions/add_route", add_route),
    post("/networks/{id}/actions/delete_route", delete_route),
    post("/networks/{id}/actions/change_ip_range", change_ip_range),
    post("/networks/{id}/actions/change_protection", change_protection),
];
pub(super) const ACTION_ROUTES: &[Route] = &action_routes!("/networks", Kind::Network, network);

/// A network as the API shows it.
pub(super) fn render(tx: &Tx<'_>, network: &Network) -> Value {
    let members = tx.network_members(network.id);
    let attached = |kind: Kind| -> Vec<i64> {
        let of_kind = members.iter().filter(|member| member.resource.kind == kind);
        of_kind.filter(|member| member.attachment.link != Link::Attaching).map(|m| m.resource.id).collect()
    };
    let gateway = gateway(network.ip_range);
    let subnets: Vec<Value> = network
        .subnets
        .iter()
        .map(|subnet| {
            json!({
                "type": subnet.kind.as_str(),
                "ip_range": subnet.ip_range,
                "network_zone": subnet.network_zone,
                "gateway": gateway,
                "vswitch_id": subnet.vswitch_id,
            })
        })
        .collect();
    let routes: Vec<Value> = network
        .routes
        .iter()
        .map(|route| json!({"destination": route.destination, "gateway": route.gateway}))
        .collect();
    json!({
        "id": network.id,
        "name": network.name,
        "ip_range": network.ip_range,
        "subnets": subnets,
        "routes": routes,
        "servers": attached(Kind::Server),
        "load_balancers": attached(Kind::LoadBalancer),
        "protection": {"delete": network.protect_delete},
        "labels": network.labels,
        "created": rfc3339(network.created),
        "expose_routes_to_vswitch": network.expose_routes_to_vswitch,
    })
}

fn list(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let rows = call.select(call.rows(&call.tx.project.networks))?;
    call.page("networks", &rows, |network| render(&call.tx, network))
}

fn show(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    one(call, call.id())
}

fn one(call: &Call<'_>, id: i64) -> Result<Reply, Refusal> {
    Ok(Reply::ok(json!({"network": render(&call.tx, call.tx.network(id)?)})))
}

fn read_subnet(input: &mut Input) -> NewSubnet {
    let types =
        [("cloud", SubnetType::Cloud), ("server", SubnetType::Server), ("vswitch", SubnetType::Vswitch)];
    NewSubnet {
        kind: input.required_word("type", &types).unwrap_or(SubnetType::Cloud),
        ip_range: input.range("ip_range"),
        network_zone: input.required_string("network_zone"),
        vswitch_id: input.integer("vswitch_id"),
    }
}

fn read_route(input: &mut Input) -> NetworkRoute {
    NetworkRoute { destination: input.required_range("destination"), gateway: input.required_ipv4("gateway") }
}

fn create(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let new = NewNetwork {
        name: input.required_string("name"),
        ip_range: input.required_range("ip_range"),
        labels: input.labels("labels").unwrap_or_default(),
        subnets: input.each("subnets", read_subnet).unwrap_or_default(),
        routes: input.each("routes", read_route).unwrap_or_default(),
        expose_routes_to_vswitch: input.boolean("expose_routes_to_vswitch").unwrap_or(false),
    };
    input.finish()?;
    let id = call.tx.create_network(new)?;
    Ok(Reply { status: 201, ..one(call, id)? })
}

fn update(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let (name, labels) = (input.string("name"), input.labels("labels"));
    let expose = input.boolean("expose_routes_to_vswitch");
    input.finish()?;
    call.tx.update_network(call.id(), name, labels, expose)?;
    one(call, call.id())
}

fn remove(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    call.tx.delete_network(call.id())?;
    Ok(Reply::empty())
}

fn list_members(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let network = call.tx.network(call.id())?;
    let status = |link: Link| match link {
        Link::Attaching => "attaching",
        Link::Attached => "ok",
        Link::Detaching => "detaching",
    };
    let subnet = |ip| network.subnet_of(ip).map(|subnet| subnet.ip_range.to_string()).unwrap_or_default();
    let mut rows = call.tx.network_members(network.id);
    rows.retain(|member| {
        call.query.allows("type", member.resource.kind.as_str())
            && call.query.allows("status", status(member.attachment.link))
            && call.query.allows("subnet", &subnet(member.attachment.ip))
    });
    call.sort_by(&mut rows, |field, a, b| match field {
        "id" => Some(a.resource.id.cmp(&b.resource.id)),
        "type" => Some(a.resource.kind.as_str().cmp(b.resource.kind.as_str())),
        "status" => Some(status(a.attachment.link).cmp(status(b.attachment.link))),
        "ip" => Some(a.attachment.ip.cmp(&b.attachment.ip)),
        _ => None,
    });
    call.page("members", &rows, |member| {
        json!({
            "type": member.resource.kind.as_str(),
            "id": member.resource.id,
            "ip": member.attachment.ip,
            "status": status(member.attachment.link),
            "alias_ips": member.attachment.alias_ips,
            "subnet": subnet(member.attachment.ip),
        })
    })
}

fn add_subnet(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let subnet = read_subnet(&mut input);
    input.finish()?;
    let action = call.tx.add_subnet(call.id(), subnet)?;
    Ok(begun(call, &action))
}

fn delete_subnet(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let range = input.required_range("ip_range");
    input.finish()?;
    let action = call.tx.delete_subnet(call.id(), range)?;
    Ok(begun(call, &action))
}

fn add_route(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let route = read_route(&mut input);
    input.finish()?;
    let action = call.tx.add_route(call.id(), route)?;
    Ok(begun(call, &action))
}

fn delete_route(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let route = read_route(&mut input);
    input.finish()?;
    let action = call.tx.delete_route(call.id(), &route)?;
    Ok(begun(call, &action))
}

fn change_ip_range(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let range = input.required_range("ip_range");
    input.finish()?;
    let action = call.tx.change_ip_range(call.id(), range)?;
    Ok(begun(call, &action))
}

fn change_protection(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let delete = input.boolean("delete");
    input.finish()?;
    let action = call.tx.protect_network(call.id(), delete)?;
    Ok(begun(call, &action))
}
