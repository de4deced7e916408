//! Data sources.

use ferroform_core::wire;
use serde_json::{Value as Json, json};

use crate::stack::{Stack, one_of_each, stack, value};

async fn read(stack: &Stack, type_name: &str, config: Json) -> Result<Json, String> {
    let block = &stack.provider.schema().data_sources[type_name].block;
    let config = value(block, &config);
    let problems = stack.provider.validate_data_source(type_name, &config);
    assert!(!problems.has_errors(), "{problems:?}");
    let (state, diagnostics) = stack.provider.read_data_source(type_name, config).await;
    match diagnostics.0.into_iter().next() {
        Some(diagnostic) => Err(diagnostic.summary.into_owned()),
        None => Ok(wire::to_json(&state, &state.ty()).unwrap()),
    }
}

#[tokio::test]
async fn each_is_found_by_all_that_names_it() {
    let stack = one_of_each().await;
    let (key, net) = (stack.number("key"), stack.number("net"));
    let fingerprint = stack.state("key")["fingerprint"].clone();
    let (storage, user) = (stack.number("box"), stack.state("box_user"));
    for (type_name, config, attribute, expected) in [
        ("hcloud_location", json!({"name": "hil"}), "network_zone", json!("us-west")),
        ("hcloud_location", json!({"id": 1}), "name", json!("fsn1")),
        ("hcloud_server_type", json!({"name": "cx23"}), "cores", json!(2)),
        ("hcloud_server_type", json!({"name": "cx23"}), "is_deprecated", json!(false)),
        ("hcloud_image", json!({"name": "ubuntu-24.04"}), "architecture", json!("x86")),
        (
            "hcloud_image",
            json!({"name": "ubuntu-24.04", "with_architecture": "arm"}),
            "architecture",
            json!("arm"),
        ),
        ("hcloud_image", json!({"name": "ubuntu-24.04"}), "labels", json!({})),
        ("hcloud_ssh_key", json!({"id": key}), "name", json!("key")),
        ("hcloud_ssh_key", json!({"name": "key"}), "id", json!(key)),
        ("hcloud_ssh_key", json!({"fingerprint": fingerprint}), "id", json!(key)),
        ("hcloud_ssh_key", json!({"with_selector": "env=test"}), "id", json!(key)),
        ("hcloud_network", json!({"id": net}), "ip_range", json!("10.0.0.0/16")),
        ("hcloud_network", json!({"name": "net"}), "id", json!(net)),
        ("hcloud_load_balancer_type", json!({"name": "lb11"}), "max_services", json!(5)),
        ("hcloud_firewall", json!({"name": "wall"}), "id", json!(stack.number("wall"))),
        ("hcloud_placement_group", json!({"name": "group"}), "servers", json!([stack.number("server")])),
        ("hcloud_server", json!({"name": "web"}), "image", json!("ubuntu-24.04")),
        ("hcloud_server", json!({"with_selector": "role=web"}), "id", json!(stack.number("server"))),
        ("hcloud_server", json!({"with_selector": "role", "with_status": ["running"]}), "name", json!("web")),
        ("hcloud_volume", json!({"name": "data"}), "server_id", json!(stack.number("server"))),
        ("hcloud_load_balancer", json!({"name": "lb"}), "network_id", json!(net)),
        (
            "hcloud_certificate",
            json!({"name": "www"}),
            "domain_names",
            json!(["www.example.com", "example.com"]),
        ),
        ("hcloud_primary_ip", json!({"name": "address"}), "location", json!("fsn1")),
        (
            "hcloud_primary_ip",
            json!({"ip_address": stack.state("address")["ip_address"]}),
            "id",
            json!(stack.number("address")),
        ),
        ("hcloud_floating_ip", json!({"with_selector": "env=test"}), "id", json!(stack.number("floating"))),
        (
            "hcloud_floating_ip",
            json!({"ip_address": stack.state("floating")["ip_address"]}),
            "server_id",
            json!(stack.number("server")),
        ),
        ("hcloud_image", json!({"id": stack.number("snapshot")}), "description", json!("before")),
        ("hcloud_zone", json!({"name": "example.com"}), "id", json!(stack.number("zone"))),
        ("hcloud_storage_box", json!({"name": "files"}), "id", json!(storage)),
        ("hcloud_storage_box", json!({"id": storage}), "storage_box_type", json!("bx11")),
        ("hcloud_storage_box", json!({"with_selector": "env=test"}), "location", json!("fsn1")),
        ("hcloud_storage_box_type", json!({"name": "bx11"}), "size", json!(1_i64 << 40)),
        ("hcloud_storage_box_type", json!({"id": 1336}), "snapshot_limit", json!(40)),
        (
            "hcloud_storage_box_snapshot",
            json!({"storage_box_id": storage, "id": stack.number("box_snapshot")}),
            "stats",
            json!({"size": 0, "size_filesystem": 0}),
        ),
        (
            "hcloud_storage_box_snapshot",
            json!({"storage_box_id": storage, "name": stack.state("box_snapshot")["name"]}),
            "description",
            json!("before"),
        ),
        (
            "hcloud_storage_box_subaccount",
            json!({"storage_box_id": storage, "username": user["username"]}),
            "id",
            user["id"].clone(),
        ),
        (
            "hcloud_storage_box_subaccount",
            json!({"storage_box_id": storage, "with_selector": "env=test"}),
            "access_settings",
            user["access_settings"].clone(),
        ),
        ("hcloud_zone", json!({"id": stack.number("zone")}), "primary_nameservers", json!([])),
        ("hcloud_zone_rrset", json!({"zone": "example.com", "id": "www/A"}), "ttl", json!(300)),
        (
            "hcloud_zone_rrset",
            json!({"zone": "example.com", "name": "www", "type": "A"}),
            "id",
            json!("www/A"),
        ),
    ] {
        let state = read(&stack, type_name, config.clone()).await.unwrap();
        assert_eq!(state[attribute], expected, "{type_name} {config}");
    }
}

/// Each kind's list holds what the data source of one says of it, and is named by the ids in it.
#[tokio::test]
async fn lists_hold_what_the_data_source_of_one_says() {
    let stack = one_of_each().await;
    for (one, many, ask, selector) in [
        ("hcloud_certificate", "hcloud_certificates", "name", None),
        ("hcloud_firewall", "hcloud_firewalls", "name", None),
        ("hcloud_floating_ip", "hcloud_floating_ips", "id", Some("env=test")),
        ("hcloud_image", "hcloud_images", "id", None),
        ("hcloud_load_balancer", "hcloud_load_balancers", "id", None),
        ("hcloud_load_balancer_type", "hcloud_load_balancer_types", "name", None),
        ("hcloud_location", "hcloud_locations", "name", None),
        ("hcloud_network", "hcloud_networks", "name", None),
        ("hcloud_placement_group", "hcloud_placement_groups", "id", None),
        ("hcloud_primary_ip", "hcloud_primary_ips", "name", None),
        ("hcloud_server", "hcloud_servers", "name", Some("role=web")),
        ("hcloud_server_type", "hcloud_server_types", "name", None),
        ("hcloud_ssh_key", "hcloud_ssh_keys", "name", Some("env=test")),
        ("hcloud_volume", "hcloud_volumes", "id", None),
        ("hcloud_zone", "hcloud_zones", "name", Some("env=test")),
    ] {
        let config = selector.map_or(json!({}), |selector| json!({"with_selector": selector}));
        let list = read(&stack, many, config).await.unwrap();
        let items = list[many.trim_start_matches("hcloud_")].as_array().unwrap();
        assert!(!items.is_empty(), "{many}");
        assert_eq!(list["id"].as_str().unwrap().len(), 40, "{many}");
        let first = items.last().unwrap();
        let alone = read(&stack, one, json!({ask: first[ask]})).await.unwrap();
        for (name, value) in first.as_object().unwrap() {
            assert_eq!(&alone[name], value, "{one}.{name}");
        }
        if selector.is_some() {
            let none = read(&stack, many, json!({"with_selector": "no=such"})).await.unwrap();
            assert_eq!(none[many.trim_start_matches("hcloud_")], json!([]), "{many}");
            assert_ne!(none["id"], list["id"]);
        }
    }
    let storage = stack.number("box");
    for (one, many, field) in [
        ("hcloud_storage_box", "hcloud_storage_boxes", "storage_boxes"),
        ("hcloud_storage_box_type", "hcloud_storage_box_types", "storage_box_types"),
        ("hcloud_storage_box_snapshot", "hcloud_storage_box_snapshots", "snapshots"),
        ("hcloud_storage_box_subaccount", "hcloud_storage_box_subaccounts", "subaccounts"),
    ] {
        let within = |mut config: Json| {
            if ["snapshots", "subaccounts"].contains(&field) {
                config["storage_box_id"] = json!(storage);
            }
            config
        };
        let list = read(&stack, many, within(json!({}))).await.unwrap();
        assert!(list.get("id").is_none(), "{many}");
        let items = list[field].as_array().unwrap();
        let alone = read(&stack, one, within(json!({"id": items[0]["id"]}))).await.unwrap();
        for (name, value) in items[0].as_object().unwrap() {
            assert_eq!(&alone[name], value, "{one}.{name}");
        }
        if !one.ends_with("type") {
            let none = read(&stack, many, within(json!({"with_selector": "no=such"}))).await.unwrap();
            assert_eq!(none[field], json!([]), "{many}");
        }
    }
    let sets = read(&stack, "hcloud_zone_rrsets", json!({"zone": "example.com"})).await.unwrap();
    let names: Vec<&str> =
        sets["rrsets"].as_array().unwrap().iter().map(|set| set["id"].as_str().unwrap()).collect();
    assert_eq!(names, ["@/MX", "@/NS", "@/SOA", "www/A"]);
    let locations = read(&stack, "hcloud_locations", json!({})).await.unwrap();
    assert!(locations["names"].as_array().unwrap().contains(&json!("fsn1")));
    assert!(locations["location_ids"].as_array().unwrap().contains(&json!("1")));
    let balancer = read(&stack, "hcloud_load_balancer", json!({"name": "lb"})).await.unwrap();
    assert_eq!(balancer["service"][0]["health_check"][0]["port"], json!(30443));
    assert_eq!(balancer["target"][0]["server_id"], json!(stack.number("server")));
}

#[tokio::test]
async fn the_latest_is_taken_where_that_is_asked_for() {
    let mut stack = stack().await;
    let server = json!({"name": "web", "server_type": "cx23", "image": "debian-12", "location": "hel1"});
    stack.apply("web", "hcloud_server", server).await;
    for name in ["first", "second"] {
        let snapshot = json!({"server_id": stack.number("web"), "description": name, "labels": {"a": "b"}});
        stack.apply(name, "hcloud_snapshot", snapshot).await;
    }
    let latest = json!({"with_selector": "a=b", "most_recent": true});
    assert_eq!(read(&stack, "hcloud_image", latest.clone()).await.unwrap()["description"], "second");
    let list = read(&stack, "hcloud_images", latest).await.unwrap();
    let order: Vec<&str> =
        list["images"].as_array().unwrap().iter().map(|i| i["description"].as_str().unwrap()).collect();
    assert_eq!(order, ["second", "first"]);
}

#[tokio::test]
async fn data_centers_are_told_to_be_gone() {
    let stack = stack().await;
    for (type_name, config) in
        [("hcloud_datacenter", json!({"name": "fsn1-dc14"})), ("hcloud_datacenters", json!({}))]
    {
        assert_eq!(read(&stack, type_name, config).await, Err("No data centers".to_owned()));
    }
}

#[test]
fn searches_that_cannot_be_are_refused() {
    use ferroform_provider::ProviderFactory as _;
    let provider = ferroform_provider_hcloud::HcloudFactory::default().create();
    for (type_name, config, problems) in [
        ("hcloud_server", json!({}), 1),
        ("hcloud_server", json!({"id": 1, "name": "web"}), 0),
        ("hcloud_server", json!({"selector": "a", "with_selector": "b"}), 1),
        ("hcloud_zone", json!({"id": 1, "name": "example.com"}), 1),
        ("hcloud_zone_rrset", json!({"zone": "example.com", "name": "www"}), 1),
        ("hcloud_zone_rrset", json!({"zone": "example.com", "id": "www"}), 1),
        ("hcloud_servers", json!({}), 0),
        ("hcloud_storage_box", json!({}), 1),
        ("hcloud_storage_box_snapshot", json!({"storage_box_id": 1}), 1),
        ("hcloud_storage_box_subaccount", json!({"storage_box_id": 1, "name": "a", "username": "b"}), 1),
    ] {
        let block = &provider.schema().data_sources[type_name].block;
        let found = provider.validate_data_source(type_name, &value(block, &config));
        assert_eq!(found.0.len(), problems, "{type_name} {config}: {found:?}");
    }
}

#[tokio::test]
async fn nothing_found_and_too_much_found_are_errors() {
    let stack = stack().await;
    for (type_name, config, summary) in [
        ("hcloud_location", json!({"name": "mars"}), "Nothing found"),
        ("hcloud_image", json!({"id": 4711}), "Nothing found"),
        ("hcloud_ssh_key", json!({"with_selector": "a=b"}), "Nothing found"),
        ("hcloud_storage_box", json!({"name": "a"}), "Nothing found"),
        ("hcloud_storage_box_snapshot", json!({"storage_box_id": 1, "id": 1}), "Nothing found"),
    ] {
        assert_eq!(read(&stack, type_name, config).await, Err(summary.to_owned()), "{type_name}");
    }
    for name in ["a", "b"] {
        let body = json!({"name": name, "ip_range": "10.0.0.0/16", "labels": {"x": "y"}});
        stack.call("POST", "/networks", Some(body)).await;
    }
    assert_eq!(
        read(&stack, "hcloud_network", json!({"with_selector": "x=y"})).await,
        Err("More than one found".into())
    );
}
