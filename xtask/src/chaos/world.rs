//! The world that a stack declares, the world that there is, and what differs.
//!
//! The expected side comes from the stack's data alone; the found side from what the cloud's API shows. Neither knows
//! the provider or the state.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::facts;
use super::model::{Group, Kind, Member, Stack};

/// Objects by collection and name. More than one of a name is a duplicate.
pub(super) type World = BTreeMap<(String, String), Vec<Value>>;

/// What a stack declares.
pub(super) fn expected(stack: &Stack) -> World {
    let mut world = World::new();
    for group in &stack.groups {
        for key in group.keys.names() {
            for member in &group.members {
                let Some((collection, fields)) = declared(stack, group, member, &key) else { continue };
                let name = group.object_name(member, &key);
                world.entry((collection.to_owned(), name)).or_default().push(fields);
            }
        }
    }
    world
}

/// The object that a block makes with a key: its collection and what must be seen of it. None for blocks that are
/// seen on the objects that they belong to.
fn declared(stack: &Stack, group: &Group, member: &Member, key: &str) -> Option<(&'static str, Value)> {
    let version = member.version.to_string();
    let labels = json!({"v": version, "group": group.id});
    let name = |kind: Kind| group.member(kind).map(|other| group.object_name(other, key));
    let has = |kind: Kind| group.member(kind).is_some();
    let base = |kind: Kind| {
        let base = stack.base()?;
        Some(base.object_name(base.member(kind)?, "0"))
    };
    Some(match member.kind {
        Kind::Network => {
            let routes = group
                .member(Kind::Route)
                .map(|route| json!([facts::route_destination(route), facts::route_gateway(group)]));
            let subnets = group.member(Kind::Subnet).map(facts::subnet_range);
            let fields = json!({
                "labels": labels, "ip_range": facts::network_range(group, member), "exposes": facts::exposes(member),
                "subnets": subnets.into_iter().collect::<Vec<_>>(), "routes": routes.into_iter().collect::<Vec<_>>(),
            });
            ("networks", fields)
        }
        Kind::SshKey => ("ssh_keys", json!({"labels": labels, "public_key": facts::public_key(member)})),
        Kind::Firewall => {
            ("firewalls", json!({"labels": labels, "ports": [facts::port(member).to_string()]}))
        }
        Kind::PlacementGroup => ("placement_groups", json!({"labels": labels})),
        Kind::Server => {
            let networks = has(Kind::ServerNetwork).then(|| base(Kind::Network)).flatten();
            let volumes = has(Kind::VolumeAttachment).then(|| name(Kind::Volume)).flatten();
            let floating = has(Kind::FloatingIpAssignment).then(|| name(Kind::FloatingIp)).flatten();
            let fields = json!({
                "labels": labels, "status": "running", "type": facts::server_type(member), "image": facts::image(member),
                "networks": networks.into_iter().collect::<Vec<_>>(),
                "volumes": volumes.into_iter().collect::<Vec<_>>(),
                "floating_ips": floating.into_iter().collect::<Vec<_>>(),
                "firewalls": base(Kind::Firewall).into_iter().collect::<Vec<_>>(),
                "placement_group": if group.spread { base(Kind::PlacementGroup) } else { None },
                "primary_ip": name(Kind::PrimaryIp).unwrap_or_else(|| MADE_UP.to_owned()),
            });
            ("servers", fields)
        }
        Kind::Volume => {
            let server = has(Kind::VolumeAttachment).then(|| name(Kind::Server)).flatten();
            let location = facts::volume_location(group, member);
            (
                "volumes",
                json!({"labels": labels, "size": facts::size(member), "location": location, "server": server}),
            )
        }
        Kind::FloatingIp => {
            let server = has(Kind::FloatingIpAssignment).then(|| name(Kind::Server)).flatten();
            let reverse = group.member(Kind::ReverseName).map(facts::reverse_name);
            let description = format!("version {version}");
            let fields =
                json!({"labels": labels, "server": server, "reverse": reverse, "description": description});
            ("floating_ips", fields)
        }
        Kind::PrimaryIp => ("primary_ips", json!({"labels": labels, "server": name(Kind::Server)})),
        Kind::Snapshot => ("images", json!({"labels": labels})),
        Kind::Zone => {
            let sets = group.members.iter().filter(|m| m.kind == Kind::RecordSet).map(|set| {
                let (ty, value) = facts::record(set);
                json!([format!("r{}", set.id), ty, facts::ttl(set), [value]])
            });
            let mut sets: Vec<Value> = sets.collect();
            sets.sort_by_key(ToString::to_string);
            ("zones", json!({"labels": labels, "ttl": facts::ttl(member), "record_sets": sets}))
        }
        Kind::LoadBalancer => {
            let networks = has(Kind::BalancerNetwork).then(|| base(Kind::Network)).flatten();
            let service = group.member(Kind::BalancerService).map(|s| json!([80, facts::port(s)]));
            let target = has(Kind::BalancerTarget).then_some(facts::SELECTOR);
            let fields = json!({
                "labels": labels, "type": facts::balancer_type(member), "location": facts::balancer_location(member),
                "networks": networks.into_iter().collect::<Vec<_>>(),
                "services": service.into_iter().collect::<Vec<_>>(),
                "targets": target.into_iter().collect::<Vec<_>>(),
            });
            ("load_balancers", fields)
        }
        Kind::Subnet
        | Kind::Route
        | Kind::ServerNetwork
        | Kind::VolumeAttachment
        | Kind::FloatingIpAssignment
        | Kind::ReverseName
        | Kind::RecordSet
        | Kind::BalancerNetwork
        | Kind::BalancerService
        | Kind::BalancerTarget => return None,
    })
}

/// What stands for a name that the cloud made up.
const MADE_UP: &str = "(made up)";
/// Collections that are looked at. What else the cloud shows must be empty.
const COLLECTIONS: [&str; 12] = [
    "certificates",
    "firewalls",
    "floating_ips",
    "images",
    "load_balancers",
    "networks",
    "placement_groups",
    "primary_ips",
    "servers",
    "ssh_keys",
    "volumes",
    "zones",
];

/// The world as the cloud shows it: `objects` of `/_emulator/world`, each kind in the form of the API.
pub(super) fn found(objects: &Value) -> World {
    let list = |collection: &str| objects[collection]["objects"].as_array().map_or(&[][..], Vec::as_slice);
    let mut names = BTreeMap::new();
    for collection in COLLECTIONS {
        names.extend(
            list(collection).iter().filter_map(|o| Some((o["id"].as_i64()?, name_in(o, collection)))),
        );
    }
    let mut world = World::new();
    for collection in COLLECTIONS {
        for object in list(collection) {
            // The addresses that come with a server go with it: one that has no server was left behind.
            let comes_along = collection == "primary_ips" && object["auto_delete"] == true;
            if comes_along && object["assignee_id"].as_i64().is_some_and(|id| names.contains_key(&id)) {
                continue;
            }
            let fields = seen(collection, object, &Names(&names));
            world.entry((collection.to_owned(), name_in(object, collection))).or_default().push(fields);
        }
    }
    world
}

/// Snapshots have a description only.
fn name_in(object: &Value, collection: &str) -> String {
    let field = if collection == "images" { "description" } else { "name" };
    object[field].as_str().unwrap_or("(no name)").to_owned()
}

/// Names of all objects by their ids, which are unique over all kinds in the local cloud.
struct Names<'a>(&'a BTreeMap<i64, String>);

impl Names<'_> {
    fn one(&self, id: &Value) -> Value {
        match id.as_i64() {
            Some(id) => self.0.get(&id).cloned().map_or_else(|| json!(format!("(gone: {id})")), Value::from),
            None => Value::Null,
        }
    }

    fn all<'v>(&self, ids: impl Iterator<Item = &'v Value>) -> Value {
        sorted(ids.map(|id| self.one(id)))
    }
}

fn sorted(values: impl Iterator<Item = Value>) -> Value {
    let mut list: Vec<Value> = values.collect();
    list.sort_by_key(ToString::to_string);
    Value::Array(list)
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().map_or(&[][..], Vec::as_slice).iter()
}

fn seen(collection: &str, object: &Value, names: &Names<'_>) -> Value {
    let networks = || names.all(items(&object["private_net"]).map(|net| &net["network"]));
    let mut fields = match collection {
        "networks" => json!({
            "ip_range": object["ip_range"], "exposes": object["expose_routes_to_vswitch"],
            "subnets": sorted(items(&object["subnets"]).map(|s| s["ip_range"].clone())),
            "routes": sorted(items(&object["routes"]).map(|r| json!([r["destination"], r["gateway"]]))),
        }),
        "ssh_keys" => json!({"public_key": object["public_key"]}),
        "firewalls" => json!({"ports": sorted(items(&object["rules"]).map(|rule| rule["port"].clone()))}),
        "servers" => {
            let given = names.one(&object["public_net"]["ipv4"]["id"]);
            let given = given.as_str().unwrap_or_default();
            json!({
                "status": object["status"], "type": object["server_type"]["name"], "image": object["image"]["name"],
                "networks": networks(),
                "volumes": names.all(items(&object["volumes"])),
                "floating_ips": names.all(items(&object["public_net"]["floating_ips"])),
                "firewalls": names.all(items(&object["public_net"]["firewalls"]).map(|f| &f["id"])),
                "placement_group": names.one(&object["placement_group"]["id"]),
                "primary_ip": if given.starts_with("primary_ip-") { MADE_UP } else { given },
            })
        }
        "volumes" => json!({
            "size": object["size"], "location": object["location"]["name"], "server": names.one(&object["server"]),
        }),
        "floating_ips" => {
            // The name of the address that the cloud gives by itself says nothing.
            let mut reverse = items(&object["dns_ptr"]).map(|entry| entry["dns_ptr"].clone());
            let given = reverse.find(|name| name.as_str().is_some_and(|n| n.ends_with(".example.com")));
            json!({
                "server": names.one(&object["server"]), "reverse": given, "description": object["description"],
            })
        }
        "primary_ips" => json!({"server": names.one(&object["assignee_id"])}),
        "zones" => {
            let own = items(&object["rrsets"]).filter(|set| set["type"] != "SOA" && set["type"] != "NS");
            let sets = own.map(|set| {
                let records = sorted(items(&set["records"]).map(|record| record["value"].clone()));
                json!([set["name"], set["type"], set["ttl"], records])
            });
            json!({"ttl": object["ttl"], "record_sets": sorted(sets)})
        }
        "load_balancers" => json!({
            "type": object["load_balancer_type"]["name"], "location": object["location"]["name"],
            "networks": networks(),
            "services": sorted(items(&object["services"]).map(|s| json!([s["listen_port"], s["destination_port"]]))),
            "targets": sorted(items(&object["targets"]).map(|t| t["label_selector"]["selector"].clone())),
        }),
        _ => Value::Object(Map::new()),
    };
    if let Some(fields) = fields.as_object_mut() {
        fields.insert("labels".to_owned(), object["labels"].clone());
    }
    fields
}

/// What differs, one line each; nothing where both are equal.
pub(super) fn differences(expected: &World, found: &World) -> Vec<String> {
    let keys: BTreeSet<_> = expected.keys().chain(found.keys()).collect();
    let none = Vec::new();
    let mut lines = Vec::new();
    for key in keys {
        let (wanted, there) = (expected.get(key).unwrap_or(&none), found.get(key).unwrap_or(&none));
        let what = format!("{} {}", key.0, key.1);
        match (wanted.as_slice(), there.as_slice()) {
            ([], there) => lines.push(format!("orphan: {what} ({} of it)", there.len())),
            (_, []) => lines.push(format!("missing: {what}")),
            ([wanted], [there]) if wanted == there => {}
            ([wanted], [there]) => lines.push(format!("differs: {what}: {}", fields(wanted, there))),
            (_, there) => lines.push(format!("duplicate: {what}, {} of it", there.len())),
        }
    }
    lines
}

fn fields(wanted: &Value, there: &Value) -> String {
    let none = Map::new();
    let (wanted, there) = (wanted.as_object().unwrap_or(&none), there.as_object().unwrap_or(&none));
    let names: BTreeSet<_> = wanted.keys().chain(there.keys()).collect();
    let differing = names.into_iter().filter(|name| wanted.get(*name) != there.get(*name));
    let shown = |value: Option<&Value>| value.map_or_else(|| "nothing".to_owned(), Value::to_string);
    let texts: Vec<String> = differing
        .map(|name| format!("{name} should be {}, is {}", shown(wanted.get(name)), shown(there.get(name))))
        .collect();
    texts.join("; ")
}

/// What is wrong with a statefile: entries that are not declared or lack, that have no object, share one, are tainted
/// or deposed.
pub(super) fn state_problems(stack: &Stack, state: &Value, objects: &Value) -> Vec<String> {
    let mut problems = Vec::new();
    let mut declared: BTreeSet<String> = stack.addresses().into_iter().collect();
    let mut owners: BTreeMap<(String, String), String> = BTreeMap::new();
    for resource in items(&state["resources"]).filter(|r| r["mode"] == "managed") {
        let text = |name: &str| resource[name].as_str().unwrap_or_default();
        let module = if text("module").is_empty() { String::new() } else { format!("{}.", text("module")) };
        for instance in items(&resource["instances"]) {
            let index = &instance["index_key"];
            let index = if index.is_null() { String::new() } else { format!("[{index}]") };
            let address = format!("{module}{}.{}{index}", text("type"), text("name"));
            if !instance["deposed"].is_null() {
                problems.push(format!("state: {address} has a deposed object"));
            } else if !declared.remove(&address) {
                problems.push(format!("state: {address} is not declared"));
            }
            if !instance["status"].is_null() {
                problems.push(format!("state: {address} is {}", instance["status"]));
            }
            let Some(collection) = collection_of(text("type")) else { continue };
            let id = match &instance["attributes"]["id"] {
                Value::String(id) => id.clone(),
                id => id.to_string(),
            };
            let there = items(&objects[collection]["objects"]).any(|o| o["id"].as_i64() == id.parse().ok());
            if !there {
                problems.push(format!("state: {address} has no object: {collection} {id}"));
            }
            if let Some(other) = owners.insert((collection.to_owned(), id.clone()), address.clone()) {
                problems.push(format!("state: {address} and {other} are both {collection} {id}"));
            }
        }
    }
    problems.extend(declared.into_iter().map(|address| format!("state: {address} lacks")));
    problems
}

/// Where the object of a type is found by its id. None for what is part of another object.
fn collection_of(type_name: &str) -> Option<&'static str> {
    Some(match type_name {
        "hcloud_network" => "networks",
        "hcloud_ssh_key" => "ssh_keys",
        "hcloud_firewall" => "firewalls",
        "hcloud_placement_group" => "placement_groups",
        "hcloud_server" => "servers",
        "hcloud_volume" => "volumes",
        "hcloud_floating_ip" => "floating_ips",
        "hcloud_primary_ip" => "primary_ips",
        "hcloud_snapshot" => "images",
        "hcloud_zone" => "zones",
        "hcloud_load_balancer" => "load_balancers",
        _ => return None,
    })
}
