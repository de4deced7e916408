//! What the API would refuse only while a plan is applied is found while planning.

use std::collections::BTreeMap;

use ferroform_core::convert::convert;
use ferroform_core::schema::{Block, Nesting};
use ferroform_core::{Diagnostics, Severity, Value};
use ferroform_provider::Occasion;
use serde_json::{Value as Json, json};

use crate::stack::{Stack, provider, stack};

/// A value of configuration; `@name` refers to the id of what was planned under that name.
fn written(given: &Json, ids: &BTreeMap<&str, Value>) -> Value {
    match given {
        Json::String(text) => match text.strip_prefix('@') {
            Some(name) => ids[name].clone(),
            None => Value::string(text.as_str()),
        },
        Json::Number(n) => Value::number(n.as_i64().unwrap()),
        Json::Bool(b) => Value::bool(*b),
        Json::Array(items) => Value::tuple(items.iter().map(|item| written(item, ids))),
        Json::Null | Json::Object(_) => panic!("{given}"),
    }
}

fn configuration(block: &Block, given: &Json, ids: &BTreeMap<&str, Value>) -> Value {
    let known = |key: &String| block.attributes.contains_key(&**key) || block.blocks.contains_key(&**key);
    assert!(given.as_object().unwrap().keys().all(known), "{given}");
    let attributes = block.attributes.iter().map(|(name, attribute)| {
        let value = match &given[&**name] {
            Json::Null => Value::null(attribute.ty.clone()),
            given => convert(&written(given, ids), &attribute.ty).unwrap(),
        };
        (name.clone(), value)
    });
    let blocks = block.blocks.iter().map(|(name, nested)| {
        let (ty, items) = (nested.block.implied_type(), given[&**name].as_array().into_iter().flatten());
        let items = items.map(|item| configuration(&nested.block, item, ids));
        let value = match nested.nesting {
            Nesting::List => Value::list(ty, items),
            Nesting::Set => Value::set(ty, items),
            _ => Value::null(ty),
        };
        (name.clone(), value)
    });
    Value::object(attributes.chain(blocks))
}

/// Plans an object as the engine does: what it is to be, and what was found.
async fn plan(stack: &Stack, type_name: &str, prior: &Value, config: Value) -> (Option<Value>, Diagnostics) {
    let mut found = stack.provider.validate_resource(type_name, &config);
    if found.has_errors() {
        return (None, found);
    }
    let answer = stack.plan_valid(type_name, prior, config).await;
    found.append(answer.diagnostics);
    (answer.planned, found)
}

/// New objects in the order in which they are planned: name, type without `hcloud_`, configuration.
type New = Vec<(&'static str, &'static str, Json)>;

/// What is found: whether it is an error, its summary, the path to the attribute, a part of what is said to be possible.
type Found = (bool, &'static str, &'static str, &'static str);

async fn found(stack: &Stack, objects: &New) -> Diagnostics {
    let (mut ids, mut all) = (BTreeMap::new(), Diagnostics::new());
    for (name, kind, given) in objects {
        let type_name = format!("hcloud_{kind}");
        let block = stack.block(&type_name);
        let config = configuration(&block, given, &ids);
        let (planned, found) = plan(stack, &type_name, &Value::null(block.implied_type()), config).await;
        all.append(found);
        if let Some(planned) = planned {
            ids.insert(*name, planned.get("id").unwrap().clone());
        }
    }
    all
}

/// Plans new objects in a project of their own and holds what is found against what is expected, no more and no less.
async fn check(objects: New, expected: &[Found]) {
    expect(&found(&stack().await, &objects).await, expected, &format!("{objects:#?}"));
}

fn expect(found: &Diagnostics, expected: &[Found], of: &str) {
    let is: Vec<_> = found
        .iter()
        .map(|d| {
            let path = d.attribute.as_ref().map(ToString::to_string).unwrap_or_default();
            (d.severity == Severity::Error, &*d.summary, path)
        })
        .collect();
    let wanted: Vec<_> =
        expected.iter().map(|(error, summary, path, _)| (*error, *summary, (*path).to_owned())).collect();
    assert_eq!(is, wanted, "{of}\n{found:#?}");
    for (d, (.., possible)) in found.iter().zip(expected) {
        assert!(d.detail.contains(possible), "{possible:?} is not in {:?}", d.detail);
    }
}

fn network(range: &str) -> (&'static str, &'static str, Json) {
    ("n", "network", json!({"name": "n", "ip_range": range}))
}

fn subnet(name: &'static str, range: &str, zone: &str) -> (&'static str, &'static str, Json) {
    (
        name,
        "network_subnet",
        json!({"network_id": "@n", "type": "cloud", "network_zone": zone, "ip_range": range}),
    )
}

/// A server with more in its configuration than it needs.
fn server(name: &'static str, more: Json) -> (&'static str, &'static str, Json) {
    let mut config = json!({"name": name, "server_type": "cx23", "image": "debian-12", "location": "fsn1"});
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    (name, "server", config)
}

fn balancer(kind: &str) -> (&'static str, &'static str, Json) {
    ("l", "load_balancer", json!({"name": "l", "load_balancer_type": kind, "location": "fsn1"}))
}

fn tcp(name: &'static str, port: i64) -> (&'static str, &'static str, Json) {
    (
        name,
        "load_balancer_service",
        json!({"load_balancer_id": "@l", "protocol": "tcp", "listen_port": port, "destination_port": 80}),
    )
}

const INVALID: &str = "Invalid attribute value";
const OUTSIDE: &str = "Address outside its network";

#[tokio::test]
async fn networks_and_subnets_fit() {
    let zone = "eu-central";
    for (range, possible) in
        [("8.8.8.0/24", "10.0.0.0/8"), ("fd00::/64", "10.0.0.0/8"), ("10.0.0.0/30", "256 addresses")]
    {
        check(vec![network(range)], &[(true, INVALID, ".ip_range", possible)]).await;
    }
    let unnamed = json!({"name": "", "ip_range": "10.0.0.0/16"});
    check(vec![("n", "network", unnamed)], &[(true, INVALID, ".name", "not be empty")]).await;
    let n = || network("10.0.0.0/16");
    check(vec![n(), subnet("a", "10.0.0.0/24", zone), subnet("b", "10.0.1.0/24", "us-east")], &[]).await;
    check(
        vec![n(), subnet("a", "10.0.0.0/24", zone), subnet("b", "10.1.0.0/24", zone)],
        &[(true, "Subnet outside its network", ".ip_range", "10.0.1.0/24 is possible")],
    )
    .await;
    let expected = |free| [(true, "Overlapping ranges", ".ip_range", free)];
    let (small, large) = ("10.0.0.0/24", "10.0.0.0/23");
    check(
        vec![n(), subnet("a", small, zone), subnet("b", large, zone)],
        &expected("10.0.2.0/23 is possible"),
    )
    .await;
    check(
        vec![n(), subnet("b", large, zone), subnet("a", small, zone)],
        &expected("10.0.2.0/24 is possible"),
    )
    .await;
    check(
        vec![n(), subnet("a", small, "eu-west")],
        &[(true, "Unknown network zone", ".network_zone", "eu-central, us-east, us-west")],
    )
    .await;
    let vswitch = json!({"network_id": "@n", "type": "vswitch", "vswitch_id": 7, "network_zone": "us-east", "ip_range": small});
    check(
        vec![n(), ("a", "network_subnet", vswitch)],
        &[(true, "No vSwitch in this network zone", ".network_zone", "`eu-central` only")],
    )
    .await;
    let route = |destination: &str, gateway: &str| {
        ("r", "network_route", json!({"network_id": "@n", "destination": destination, "gateway": gateway}))
    };
    check(vec![n(), subnet("a", small, zone), route("10.9.0.0/16", "10.0.0.2")], &[]).await;
    check(vec![n(), route("10.9.0.0/16", "10.9.0.1")], &[(true, OUTSIDE, ".gateway", "10.0.0.0/16")]).await;
    check(
        vec![n(), route("10.9.0.0/16", "10.0.0.1")],
        &[(true, "Address is reserved", ".gateway", "a server in it")],
    )
    .await;
    check(
        vec![n(), subnet("a", small, zone), route("10.0.0.0/16", "10.0.0.2")],
        &[(true, "Overlapping ranges", ".destination", "subnet 10.0.0.0/24")],
    )
    .await;
    check(
        vec![n(), route("10.0.0.0/16", "10.0.0.2"), subnet("a", small, zone)],
        &[(true, "Overlapping ranges", ".ip_range", "10.0.0.0/16 of a route")],
    )
    .await;
}

#[tokio::test]
async fn attachments_lie_in_their_subnet() {
    let subnets = || vec![network("10.0.0.0/16"), subnet("s", "10.0.0.0/24", "eu-central")];
    let attached = |location: &str, more: Json| {
        let mut config = json!({"server_id": "@web"});
        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let mut objects = subnets();
        objects.push(server("web", json!({"location": location, "server_type": "cpx21"})));
        objects.push(("a", "server_network", config));
        objects
    };
    let subnet_ip = |ip: &str| json!({"subnet_id": "@s", "ip": ip});
    check(
        attached("hil", json!({"subnet_id": "@s"})),
        &[(true, "Subnet in another network zone", ".subnet_id", "`network_zone` \"us-west\"")],
    )
    .await;
    let fsn = |more| {
        let mut objects = attached("fsn1", more);
        objects[2].2["server_type"] = json!("cx23");
        objects
    };
    check(fsn(subnet_ip("10.0.0.2")), &[]).await;
    let possible = "10.0.0.2 to 10.0.0.254";
    check(fsn(subnet_ip("10.0.5.2")), &[(true, OUTSIDE, ".ip", possible)]).await;
    check(fsn(subnet_ip("10.0.0.1")), &[(true, "Address is reserved", ".ip", possible)]).await;
    check(fsn(json!({"network_id": "@n", "ip": "192.168.0.1"})), &[(true, OUTSIDE, ".ip", "10.0.0.0/16")])
        .await;
    // Another subnet may be planned later.
    check(
        fsn(json!({"network_id": "@n", "ip": "10.0.5.2"})),
        &[(false, "Address in no subnet", ".ip", "10.0.0.0/24")],
    )
    .await;
    let aliases: Vec<String> = (3..9).map(|i| format!("10.0.0.{i}")).collect();
    check(
        fsn(json!({"subnet_id": "@s", "alias_ips": aliases})),
        &[(false, "Many alias addresses", ".alias_ips", "A route")],
    )
    .await;
    // The blocks of a server likewise, each at its own place.
    let mut objects = subnets();
    objects.push(server("web", json!({"network": [{"subnet_id": "@s", "ip": "10.0.5.2"}]})));
    check(objects, &[(true, OUTSIDE, ".network[…].ip", possible)]).await;
}

#[tokio::test]
async fn servers_are_of_a_type_an_image_and_keys_that_there_are() {
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBqWsz8oDXp3nTJWlKDKCqhYLx7sfMOn3oJmYRQp1VPM x";
    let key = ("k", "ssh_key", json!({"name": "k", "public_key": key}));
    check(vec![server("web", json!({}))], &[]).await;
    check(vec![key, server("web", json!({"ssh_keys": ["k"]}))], &[]).await;
    for (more, expected) in [
        (
            json!({"server_type": "cx99"}),
            (true, "Unknown server type", ".server_type", "In fsn1 there are: "),
        ),
        (json!({"location": "fsn2"}), (true, "Unknown location", ".location", "ash, fsn1, hel1, hil, nbg1")),
        (json!({"image": "debain-12"}), (true, "Unknown image", ".image", "debian-12")),
        (json!({"image": "4711"}), (true, "Unknown image", ".image", "number 4711")),
        (json!({"ssh_keys": ["nokey"]}), (true, "Unknown SSH key", ".ssh_keys[0]", "hcloud_ssh_key.NAME.id")),
        (
            json!({"public_net": [{"ipv4_enabled": false, "ipv6_enabled": false}]}),
            (true, "Server without any network", ".public_net", "a `network` block"),
        ),
        (
            json!({"location": null, "datacenter": "fsn1-dc14"}),
            (false, "Argument is deprecated", ".datacenter", "`location`"),
        ),
    ] {
        check(vec![server("web", more)], &[expected]).await;
    }
    let ip = |kind: &str, location: &str| {
        ("ip", "primary_ip", json!({"name": "ip", "type": kind, "location": location}))
    };
    let with_ip = || server("web", json!({"public_net": [{"ipv4": "@ip"}]}));
    check(vec![ip("ipv4", "fsn1"), with_ip()], &[]).await;
    check(
        vec![ip("ipv6", "fsn1"), with_ip()],
        &[(true, "Primary IP of the other family", ".public_net[…].ipv4", "type `ipv4`")],
    )
    .await;
    check(
        vec![ip("ipv4", "nbg1"), with_ip()],
        &[(true, "Primary IP in another location", ".public_net[…].ipv4", "the same location")],
    )
    .await;
}

#[tokio::test]
async fn names_are_unique_in_a_project() {
    let taken = |noun| [(true, "Name is taken", ".name", noun)];
    let named = |as_: &'static str, name: &str| {
        let (_, kind, mut config) = server(as_, json!({}));
        config["name"] = json!(name);
        (as_, kind, config)
    };
    check(vec![named("a", "web"), named("b", "web-2")], &[]).await;
    check(vec![named("a", "web"), named("b", "web")], &taken("Another server")).await;
    let (_, kind, config) = network("10.0.0.0/16");
    check(vec![network("10.0.0.0/16"), ("m", kind, config)], &taken("Another network")).await;
    let certificate = |kind, more: Json| {
        let mut config = json!({"name": "c"});
        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        (kind, kind, config)
    };
    let uploaded = json!({"certificate": include_str!("certificate.pem"), "private_key": "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n"});
    check(
        vec![
            certificate("uploaded_certificate", uploaded),
            certificate("managed_certificate", json!({"domain_names": ["example.com"]})),
        ],
        &taken("Another certificate"),
    )
    .await;
    // Other kinds have names of their own.
    check(vec![named("a", "n"), network("10.0.0.0/16")], &[]).await;

    // What exists: it is renamed to a name that is planned, or another one comes in its place or beside it.
    for (occasion, prior, name, expected) in [
        (Occasion::Plan, true, "web", vec![]),
        (Occasion::Plan, true, "b", taken("\"b\"").to_vec()),
        (Occasion::Plan, false, "web", taken("\"web\"").to_vec()),
        (Occasion::InPlaceOf(Value::null_dynamic()), false, "web", vec![]),
        // Perhaps in its place.
        (Occasion::Untold, false, "web", vec![]),
        (Occasion::Untold, false, "b", taken("\"b\"").to_vec()),
        (Occasion::Apply, false, "b", vec![]),
    ] {
        let mut stack = stack().await;
        stack.apply("web", "hcloud_server", server("web", json!({})).2).await;
        let (state, block) = (stack.objects["web"].2.clone(), stack.block("hcloud_server"));
        let config = |name| configuration(&block, &server(name, json!({"name": name})).2, &BTreeMap::new());
        let new = Value::null(block.implied_type());
        for (prior, name) in [(&new, "b"), (&state, "web")] {
            let (_, none) = plan(&stack, "hcloud_server", prior, config(name)).await;
            assert!(none.is_empty(), "{none:?}");
        }
        let said = format!("{occasion:?} {prior} {name}");
        let occasion = match occasion {
            Occasion::InPlaceOf(_) => Occasion::InPlaceOf(state.clone()),
            other => other,
        };
        let prior = if prior { &state } else { &new };
        let answer = stack.ask_for_plan("hcloud_server", prior, config(name), occasion).await;
        expect(&answer.diagnostics, &expected, &said);
    }
}

#[tokio::test]
async fn what_is_protected_is_neither_deleted_nor_replaced() {
    let mut stack = stack().await;
    let net = |protected: bool, range: &str| json!({"name": "n", "ip_range": range, "delete_protection": protected});
    stack.apply("net", "hcloud_network", net(true, "10.0.0.0/16")).await;
    stack.apply("zone", "hcloud_zone", json!({"name": "example.com", "mode": "primary"})).await;
    let records = |protected: bool| {
        json!({
            "zone": "example.com", "name": "www", "type": "A", "records": [{"value": "192.0.2.1"}],
            "change_protection": protected,
        })
    };
    stack.apply("www", "hcloud_zone_rrset", records(true)).await;
    let told = |attribute: &'static str| vec![(true, "Object is protected", "", attribute)];
    let (no, yes, set) = (vec![], told("`delete_protection` is on"), told("`change_protection` is on"));
    let other = net(false, "192.168.0.0/16");
    let replaced = Occasion::InPlaceOf(Value::null(ferroform_core::Type::Bool));
    for (name, config, occasion, expected) in [
        ("net", None, Occasion::Plan, yes.clone()),
        ("net", Some(net(false, "10.0.0.0/16")), Occasion::Plan, no.clone()),
        // Replaced for its range, as the engine asks in two steps and others in one.
        ("net", Some(other.clone()), Occasion::Plan, no.clone()),
        ("net", Some(other.clone()), replaced, yes.clone()),
        ("net", Some(other), Occasion::Untold, yes),
        ("zone", None, Occasion::Plan, no.clone()),
        ("www", None, Occasion::Plan, set),
        ("www", Some(records(false)), Occasion::Plan, no),
    ] {
        let said = format!("{name} {config:?} {occasion:?}");
        let (type_name, _, state) = stack.objects[name].clone();
        let block = stack.block(&type_name);
        let new = Value::null(block.implied_type());
        let (prior, occasion) = match occasion {
            Occasion::InPlaceOf(_) => (&new, Occasion::InPlaceOf(state.clone())),
            other => (&state, other),
        };
        let found = match config {
            Some(config) => {
                let config = crate::stack::value(&block, &config);
                stack.ask_for_plan(&type_name, prior, config, occasion).await.diagnostics
            }
            None => stack.plan_deletion(&type_name, prior).await.diagnostics,
        };
        expect(&found, &expected, &said);
    }
}

#[tokio::test]
async fn what_a_running_server_cannot_take_and_labels_without_meaning_are_warned_of() {
    let mut stack = stack().await;
    stack.apply("group", "hcloud_placement_group", json!({"name": "g", "type": "spread"})).await;
    stack.apply("web", "hcloud_server", server("web", json!({})).2).await;
    let group: i64 = stack.id("group").parse().unwrap();
    let state = stack.objects["web"].2.clone();
    let off = (false, "Server must be off", ".placement_group_id", "change of its type");
    let unknown =
        (false, "Label without meaning", ".labels[\"ferroform/rebuild_on\"]", "ferroform/rebuild-on");
    let useless = (
        false,
        "Fallback not offered in this location",
        ".labels[\"ferroform/server-type-fallbacks\"]",
        "in fsn1",
    );
    for (prior, more, expected) in [
        (Some(&state), json!({"placement_group_id": group}), vec![off]),
        (Some(&state), json!({"placement_group_id": group, "server_type": "cx33"}), vec![]),
        (Some(&state), json!({"labels": {"ferroform/rebuild_on": "image"}}), vec![unknown]),
        (
            None,
            json!({"name": "b", "labels": {"ferroform/server-type-fallbacks": "cpx21.cx33"}}),
            vec![useless],
        ),
    ] {
        let block = stack.block("hcloud_server");
        let new = Value::null(block.implied_type());
        let config = crate::stack::value(&block, &server("web", more.clone()).2);
        let (_, found) = plan(&stack, "hcloud_server", prior.unwrap_or(&new), config).await;
        expect(&found, &expected, &more.to_string());
    }
}

#[tokio::test]
async fn an_image_is_for_the_architecture_of_the_type() {
    let stack = stack().await;
    let images = stack.call("GET", "/images?name=debian-12&architecture=x86", None).await;
    let id = images["images"][0]["id"].to_string();
    let objects = vec![server("web", json!({"server_type": "cax11", "image": id}))];
    let expected = (true, "Image for another architecture", ".image", "(in fsn1, cheapest first: ");
    expect(&found(&stack, &objects).await, &[expected], &id);
}

#[tokio::test]
async fn an_image_fits_on_the_disk_of_the_type() {
    let mut stack = stack().await;
    stack.apply("large", "hcloud_server", server("large", json!({"server_type": "cx33"})).2).await;
    let id = stack.objects["large"].2.get("id").and_then(Value::as_str).unwrap().to_owned();
    let path = format!("/servers/{id}/actions/create_image");
    let image = stack.call("POST", &path, Some(json!({"type": "snapshot"}))).await["image"]["id"].to_string();
    // Their disks have 80 and 40 GB.
    for (kind, expected) in [
        ("cx33", vec![]),
        (
            "cx23",
            vec![(
                true,
                "Image too large for the server type",
                ".image",
                "a disk of 80 GB, and cx23 has 40 GB. Possible in fsn1, cheapest first: ",
            )],
        ),
    ] {
        let objects = vec![server(kind, json!({"server_type": kind, "image": image}))];
        expect(&found(&stack, &objects).await, &expected, kind);
    }
}

#[tokio::test]
async fn a_server_becomes_only_what_it_can() {
    let mut stack = stack().await;
    let config = |kind: &str| server("web", json!({"server_type": kind})).2;
    stack.apply("web", "hcloud_server", config("cx33")).await;
    let state = stack.objects["web"].2.clone();
    for (kind, expected) in [
        ("cx43", vec![]),
        (
            "cax11",
            vec![(
                true,
                "Server type of another architecture",
                ".server_type",
                "Possible in fsn1, cheapest first: ",
            )],
        ),
        (
            "cx23",
            vec![(
                true,
                "Disk too large for the server type",
                ".server_type",
                "Possible in fsn1, cheapest first: ",
            )],
        ),
        ("cx99", vec![(true, "Unknown server type", ".server_type", "In fsn1 there are: ")]),
    ] {
        let config = configuration(&stack.block("hcloud_server"), &config(kind), &BTreeMap::new());
        let (_, found) = plan(&stack, "hcloud_server", &state, config).await;
        expect(&found, &expected, kind);
    }
}

#[tokio::test]
async fn groups_servers_and_firewalls_have_room() {
    let names = |prefix: &str, count: usize| -> Vec<&'static str> {
        // Names of objects live as long as the test.
        (0..count).map(|i| &*Box::leak(format!("{prefix}-{i}").into_boxed_str())).collect()
    };
    let group = ("g", "placement_group", json!({"name": "g", "type": "spread"}));
    let mut objects = vec![group];
    objects
        .extend(names("web", 10).into_iter().map(|name| server(name, json!({"placement_group_id": "@g"}))));
    check(objects.clone(), &[]).await;
    objects.push(server("last", json!({"placement_group_id": "@g"})));
    check(objects, &[(true, "Placement group is full", ".placement_group_id", "one group for every 10")])
        .await;

    let volume = |name, at: &str| (name, "volume", json!({"name": name, "size": 10, "location": at}));
    let attached = |name, volume: &str| {
        (name, "volume_attachment", json!({"volume_id": format!("@{volume}"), "server_id": "@web"}))
    };
    check(
        vec![server("web", json!({})), volume("v", "nbg1"), attached("a", "v")],
        &[(true, "Volume and server in different locations", ".server_id", "the server in fsn1")],
    )
    .await;
    let mut objects = vec![server("web", json!({})), volume("v", "fsn1"), attached("a", "v")];
    let with_server = |name| (name, "volume", json!({"name": name, "size": 10, "server_id": "@web"}));
    objects.extend(names("v", 15).into_iter().map(with_server));
    check(objects.clone(), &[]).await;
    objects.push(with_server("last"));
    check(objects, &[(true, "Too many volumes", ".server_id", "at most 16")]).await;

    let walls = names("w", 6);
    let mut objects: New = walls.iter().map(|name| (*name, "firewall", json!({"name": name}))).collect();
    let ids: Vec<String> = walls.iter().map(|name| format!("@{name}")).collect();
    objects.push(server("web", json!({"firewall_ids": ids[..5]})));
    check(objects.clone(), &[]).await;
    objects.push(server("other", json!({"firewall_ids": ids})));
    check(objects, &[(true, "Too many firewalls", ".firewall_ids", "at most 5")]).await;

    let rules = |count: usize| -> New {
        let rule = |i| json!({"direction": "in", "protocol": "tcp", "port": format!("{i}"), "source_ips": ["0.0.0.0/0"]});
        vec![("w", "firewall", json!({"name": "w", "rule": (1..=count).map(rule).collect::<Vec<_>>()}))]
    };
    check(rules(50), &[]).await;
    check(rules(51), &[(true, "Too many rules", ".rule", "at most 50")]).await;

    let mut objects = vec![server("web", json!({}))];
    for (i, (n, (s, a))) in
        names("n", 4).into_iter().zip(names("s", 4).into_iter().zip(names("a", 4))).enumerate()
    {
        let at = format!("@{n}");
        let (large, small) = (format!("10.{i}.0.0/16"), format!("10.{i}.0.0/24"));
        objects.push((n, "network", json!({"name": n, "ip_range": large})));
        objects.push((
            s,
            "network_subnet",
            json!({"network_id": at, "type": "cloud", "network_zone": "eu-central", "ip_range": small}),
        ));
        objects.push((a, "server_network", json!({"server_id": "@web", "subnet_id": format!("@{s}")})));
    }
    check(objects[..10].to_vec(), &[]).await;
    check(objects, &[(false, "Many networks for a server", ".server_id", "Subnets of one network")]).await;
}

#[tokio::test]
async fn load_balancers_have_room_for_services_and_targets() {
    check(
        vec![balancer("lb99")],
        &[(true, "Unknown load balancer type", ".load_balancer_type", "lb11, lb21, lb31")],
    )
    .await;
    check(vec![balancer("lb11"), tcp("a", 80), tcp("b", 81)], &[]).await;
    check(
        vec![balancer("lb11"), tcp("a", 80), tcp("b", 80)],
        &[(true, "Port taken", ".listen_port", "taken are: 80")],
    )
    .await;
    let services = ["a", "b", "c", "d", "e", "f"];
    let services = |kind: &str| -> New {
        let services = services.iter().enumerate().map(|(i, name)| tcp(name, 1000 + i as i64));
        [balancer(kind)].into_iter().chain(services).collect()
    };
    check(services("lb21"), &[]).await;
    check(services("lb11"), &[(true, "Too many services", ".load_balancer_id", "lb21 (15), lb31 (30)")])
        .await;
    let targets = |count: usize| -> New {
        let target = |i| {
            (
                "t",
                "load_balancer_target",
                json!({"load_balancer_id": "@l", "type": "ip", "ip": format!("203.0.113.{i}")}),
            )
        };
        [balancer("lb11")].into_iter().chain((1..=count).map(target)).collect()
    };
    check(targets(25), &[]).await;
    check(targets(26), &[(true, "Too many targets", ".load_balancer_id", "lb21 (75)")]).await;
    check(
        vec![
            balancer("lb11"),
            ("s", "load_balancer_service", json!({"load_balancer_id": "@l", "protocol": "https"})),
        ],
        &[(true, "Invalid attribute combination", ".protocol", "hcloud_managed_certificate")],
    )
    .await;
    let check_of = json!({"protocol": "http", "port": 80, "interval": 2, "timeout": 200, "retries": 50});
    let service = json!({"load_balancer_id": "@l", "protocol": "http", "health_check": [check_of]});
    check(
        vec![balancer("lb11"), ("s", "load_balancer_service", service)],
        &[
            (true, INVALID, ".health_check[0].interval", "3 to 60"),
            (true, INVALID, ".health_check[0].timeout", "1 to 60"),
            (true, INVALID, ".health_check[0].retries", "1 to 5"),
        ],
    )
    .await;
}

#[tokio::test]
async fn an_object_that_is_replaced_anyway_does_not_stand_in_its_own_way() {
    let mut stack = stack().await;
    stack.apply("l", "hcloud_load_balancer", balancer("lb11").2).await;
    let balancer_id = json!(stack.id("l"));
    let mut config = tcp("s", 80).2;
    config["load_balancer_id"] = balancer_id;
    stack.apply("s", "hcloud_load_balancer_service", config.clone()).await;
    let block = stack.block("hcloud_load_balancer_service");
    let (state, config) = (stack.objects["s"].2.clone(), configuration(&block, &config, &BTreeMap::new()));
    // As the engine asks for a tainted object, and as Terraform does: as it is, and then as a new one.
    let new = Value::null(block.implied_type());
    for [first, second] in
        [[Occasion::Plan, Occasion::InPlaceOf(state.clone())], [Occasion::Untold, Occasion::Untold]]
    {
        stack.provider = provider(&stack.cloud).await;
        for (prior, occasion) in [(&state, first), (&new, second)] {
            let said = format!("a service that is replaced: {occasion:?}");
            let answer =
                stack.ask_for_plan("hcloud_load_balancer_service", prior, config.clone(), occasion).await;
            assert!(answer.planned.is_some());
            expect(&answer.diagnostics, &[], &said);
        }
    }
}

#[tokio::test]
async fn what_the_catalogue_knows_takes_no_request_and_each_list_one() {
    let stack = stack().await;
    let count = |stack: &Stack| stack.cloud.requests().values().sum::<u64>();
    stack.cloud.reset_requests();
    expect(&found(&stack, &vec![server("a", json!({})), server("b", json!({}))]).await, &[], "known");
    assert_eq!(count(&stack), 0);
    let unknown = |name| server(name, json!({"name": name, "server_type": "cx99"}));
    let expected = (true, "Unknown server type", ".server_type", "cx23");
    expect(&found(&stack, &vec![unknown("c"), unknown("d"), unknown("e")]).await, &[expected; 3], "unknown");
    assert_eq!(count(&stack), 1, "{:?}", stack.cloud.requests());
}
