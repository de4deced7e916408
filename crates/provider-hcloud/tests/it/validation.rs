//! What is refused before anything is asked of the API.

use ferroform_core::Value;
use ferroform_provider::ProviderFactory;
use ferroform_provider_hcloud::{HcloudFactory, Settings};
use serde_json::{Value as Json, json};

use crate::stack::{PASSWORD, UNKNOWN, stack, value};

/// The details of the problems of a configuration.
fn problems(type_name: &str, config: &Json) -> Vec<String> {
    let provider = HcloudFactory::default().create();
    let block = &provider.schema().resources[type_name].block;
    provider.validate_resource(type_name, &value(block, config)).into_iter().map(|d| d.detail).collect()
}

#[test]
fn mistakes_are_named_before_any_request() {
    let server = |key: &str, given: Json| {
        let mut config = json!({"name": "web", "server_type": "cx23", "image": "debian-12"});
        config[key] = given;
        config
    };
    let rrset = |name: &str, kind: &str, records: Json| json!({"zone": "example.com", "name": name, "type": kind, "records": records});
    let rule = |rule: Json| json!({"name": "w", "rule": [rule]});
    let changed = |mut config: Json, key: &str, given: Json| {
        config[key] = given;
        config
    };
    let storage = |key: &str, given: Json| {
        let config =
            json!({"name": "b", "storage_box_type": "bx11", "location": "fsn1", "password": PASSWORD});
        changed(config, key, given)
    };
    let user = |key: &str, given: Json| {
        changed(json!({"storage_box_id": 1, "home_directory": "a", "password": PASSWORD}), key, given)
    };
    for (type_name, config, expected) in [
        ("hcloud_network", json!({"name": "n", "ip_range": "10.0.0.1/16"}), "10.0.0.0/16"),
        ("hcloud_network", json!({"name": "n", "ip_range": "10.0.0.0/16", "labels": {"a b": "c"}}), "label"),
        (
            "hcloud_network_subnet",
            json!({"network_id": 1, "type": "lan", "network_zone": "x", "ip_range": "10.0.0.0/24"}),
            "`cloud`",
        ),
        (
            "hcloud_network_subnet",
            json!({"network_id": 1, "type": "vswitch", "network_zone": "x", "ip_range": "10.0.0.0/24"}),
            "vswitch_id",
        ),
        (
            "hcloud_ssh_key",
            json!({"name": "k", "public_key": "-----BEGIN OPENSSH PRIVATE KEY-----"}),
            "private key",
        ),
        (
            "hcloud_firewall",
            rule(json!({"direction": "in", "protocol": "tcp", "source_ips": ["0.0.0.0/0"]})),
            "port",
        ),
        (
            "hcloud_firewall",
            rule(json!({"direction": "in", "protocol": "tcp", "port": "99999", "source_ips": ["0.0.0.0/0"]})),
            "99999",
        ),
        (
            "hcloud_firewall",
            rule(json!({"direction": "in", "protocol": "icmp", "source_ips": ["10.0.0.1/8"]})),
            "10.0.0.0/8",
        ),
        ("hcloud_firewall", rule(json!({"direction": "out", "protocol": "icmp"})), "destination_ips"),
        (
            "hcloud_network_route",
            json!({"network_id": 1, "destination": "10.0.0.1/8", "gateway": "10.0.0.2"}),
            "10.0.0.0/8",
        ),
        (
            "hcloud_network_route",
            json!({"network_id": 1, "destination": "203.0.113.0/24", "gateway": "10.0.0.2"}),
            "private",
        ),
        (
            "hcloud_network_route",
            json!({"network_id": 1, "destination": "0.0.0.0/0", "gateway": "172.31.1.1"}),
            "public interfaces",
        ),
        (
            "hcloud_network_route",
            json!({"network_id": 1, "destination": "0.0.0.0/0", "gateway": "gw"}),
            "IP address",
        ),
        ("hcloud_zone", json!({"name": "Example.com.", "mode": "primary"}), "\"example.com\""),
        ("hcloud_zone", json!({"name": "münchen.de", "mode": "primary"}), "Punycode"),
        ("hcloud_zone", json!({"name": "localhost", "mode": "primary"}), "name of a zone"),
        ("hcloud_zone", json!({"name": "example.com", "mode": "master"}), "`secondary`"),
        ("hcloud_zone", json!({"name": "example.com", "mode": "secondary"}), "primary_nameservers"),
        ("hcloud_zone", json!({"name": "example.com", "mode": "primary", "ttl": 30}), "60"),
        (
            "hcloud_zone",
            json!({"name": "example.com", "mode": "primary", "primary_nameservers": [{"address": "192.0.2.1"}]}),
            "`secondary`",
        ),
        (
            "hcloud_zone",
            json!({"name": "example.com", "mode": "secondary", "primary_nameservers": [{"address": "ns1"}]}),
            "IP address",
        ),
        (
            "hcloud_zone",
            json!({"name": "example.com", "mode": "secondary", "primary_nameservers": [{"address": "192.0.2.1", "tsig_key": "a"}]}),
            "belong together",
        ),
        ("hcloud_zone_rrset", rrset("www", "X", json!([{"value": "a"}])), "`CNAME`"),
        ("hcloud_zone_rrset", rrset("WWW", "A", json!([{"value": "192.0.2.1"}])), "\"www\""),
        ("hcloud_zone_rrset", rrset("www.example.com", "A", json!([{"value": "192.0.2.1"}])), "\"www\""),
        ("hcloud_zone_rrset", rrset("example.com", "A", json!([{"value": "192.0.2.1"}])), "\"@\""),
        ("hcloud_zone_rrset", rrset("www.", "A", json!([{"value": "192.0.2.1"}])), "dot"),
        ("hcloud_zone_rrset", rrset("www", "A", json!([{"value": "2001:db8::1"}])), "IPv4"),
        ("hcloud_zone_rrset", rrset("www", "A", json!([])), "one record at least"),
        ("hcloud_zone_rrset", rrset("www", "TXT", json!([{"value": "v=spf1 -all"}])), "quoted"),
        ("hcloud_zone_rrset", rrset("@", "CNAME", json!([{"value": "a.example."}])), "alias"),
        (
            "hcloud_zone_rrset",
            rrset("www", "A", json!([{"value": "192.0.2.1"}, {"value": "192.0.2.1", "comment": "again"}])),
            "twice",
        ),
        (
            "hcloud_zone_record",
            json!({"zone": "example.com", "name": "www", "type": "AAAA", "value": "192.0.2.1"}),
            "IPv6",
        ),
        (
            "hcloud_zone_record",
            json!({"zone": "example.com", "name": "@", "type": "SOA", "value": "a. b. 0 1 2 3 4"}),
            "hcloud_zone_rrset",
        ),
        ("hcloud_primary_ip", json!({"name": "a", "type": "ipv5", "location": "fsn1"}), "`ipv6`"),
        ("hcloud_primary_ip", json!({"name": "a", "type": "ipv4"}), "`assignee_id`"),
        (
            "hcloud_primary_ip",
            json!({"name": "a", "type": "ipv4", "location": "fsn1", "assignee_id": 1}),
            "Only one",
        ),
        (
            "hcloud_primary_ip",
            json!({"name": "a", "type": "ipv4", "location": "fsn1", "datacenter": "fsn1-dc14"}),
            "`location`",
        ),
        (
            "hcloud_primary_ip",
            json!({"name": "a", "type": "ipv4", "location": "fsn1", "auto_delete": true, "delete_protection": true}),
            "auto_delete",
        ),
        ("hcloud_floating_ip", json!({"type": "ipv4"}), "home_location"),
        ("hcloud_floating_ip", json!({"type": "ip", "home_location": "fsn1"}), "`ipv4`"),
        ("hcloud_rdns", json!({"ip_address": "192.0.2.1", "dns_ptr": "a.example"}), "`server_id`"),
        ("hcloud_rdns", json!({"server_id": 1, "ip_address": "web", "dns_ptr": "a.example"}), "IP address"),
        ("hcloud_rdns", json!({"server_id": 1, "ip_address": "192.0.2.1", "dns_ptr": ""}), "usual one"),
        (
            "hcloud_uploaded_certificate",
            json!({"name": "c", "certificate": "./www.pem", "private_key": "-----BEGIN PRIVATE KEY-----"}),
            "PEM",
        ),
        (
            "hcloud_certificate",
            json!({"name": "c", "certificate": "-----BEGIN CERTIFICATE-----", "private_key": "-----BEGIN CERTIFICATE-----"}),
            "private key",
        ),
        ("hcloud_managed_certificate", json!({"name": "c", "domain_names": []}), "one domain"),
        ("hcloud_managed_certificate", json!({"name": "c", "domain_names": ["www"]}), "www.example.com"),
        ("hcloud_firewall_attachment", json!({"firewall_id": 1}), "`server_ids`"),
        ("hcloud_firewall_attachment", json!({"firewall_id": 1, "label_selectors": [""]}), "empty"),
        ("hcloud_snapshot", json!({"server_id": 1, "labels": {"a b": "c"}}), "label"),
        ("hcloud_server", server("name", json!("web_1")), "host name"),
        ("hcloud_server", server("user_data", json!("x".repeat(33_000))), "32768"),
        ("hcloud_server", server("delete_protection", json!(true)), "rebuild_protection"),
        ("hcloud_server", server("network", json!([{"ip": "10.0.0.5"}])), "network_id"),
        (
            "hcloud_server",
            server(
                "network",
                json!([{"network_id": 1, "ip": "10.0.0.5"}, {"network_id": 1, "ip": "10.0.0.6"}]),
            ),
            "once",
        ),
        ("hcloud_server_network", json!({"server_id": 1}), "network_id"),
        (
            "hcloud_server_network",
            json!({"server_id": 1, "network_id": 1, "subnet_id": "1-10.0.0.0/24"}),
            "Only one",
        ),
        ("hcloud_volume", json!({"name": "v", "size": 5, "location": "fsn1"}), "10 to 10240"),
        ("hcloud_volume", json!({"name": "v", "size": 10}), "location"),
        ("hcloud_placement_group", json!({"name": "g", "type": "pack"}), "`spread`"),
        ("hcloud_storage_box", storage("password", json!("simple")), "12 to 128"),
        ("hcloud_storage_box", storage("password", json!("all-lower-case-1")), "upper case"),
        ("hcloud_storage_box", storage("labels", json!({"a b": "c"})), "label"),
        (
            "hcloud_storage_box",
            storage("snapshot_plan", json!({"max_snapshots": 1, "minute": 0, "hour": 24})),
            "0 to 23",
        ),
        (
            "hcloud_storage_box",
            storage("snapshot_plan", json!({"max_snapshots": 1, "minute": 0, "hour": 1, "day_of_week": 7})),
            "0 to 6",
        ),
        ("hcloud_storage_box_snapshot", json!({"storage_box_id": 1, "description": "ü"}), "1000 characters"),
        ("hcloud_storage_box_subaccount", user("home_directory", json!("/backups")), "slash"),
        ("hcloud_storage_box_subaccount", user("home_directory", json!("a*")), "999"),
        ("hcloud_storage_box_subaccount", user("name", json!("n".repeat(51))), "1 to 50"),
        ("hcloud_storage_box_subaccount", user("password", json!("short")), "12 to 128"),
        ("hcloud_load_balancer", json!({"name": "l", "load_balancer_type": "lb11"}), "network_zone"),
        ("hcloud_load_balancer_service", json!({"load_balancer_id": "1", "protocol": "tcp"}), "listen_port"),
        ("hcloud_load_balancer_target", json!({"load_balancer_id": 1, "type": "ip", "server_id": 1}), "`ip`"),
    ] {
        let found = problems(type_name, &config);
        assert!(found.iter().any(|detail| detail.contains(expected)), "{type_name} {config}: {found:#?}");
    }
}

#[test]
fn what_is_unknown_may_become_anything() {
    for (type_name, config) in [
        ("hcloud_network", json!({"name": UNKNOWN, "ip_range": UNKNOWN, "labels": UNKNOWN})),
        (
            "hcloud_server",
            json!({"name": UNKNOWN, "server_type": UNKNOWN, "image": UNKNOWN, "ssh_keys": UNKNOWN, "user_data": UNKNOWN,
            "network": [{"network_id": UNKNOWN}, {"subnet_id": UNKNOWN}]}),
        ),
        (
            "hcloud_firewall",
            json!({"name": "w", "rule": [{"direction": "in", "protocol": UNKNOWN, "port": UNKNOWN, "source_ips": UNKNOWN}]}),
        ),
        ("hcloud_server_network", json!({"server_id": UNKNOWN, "subnet_id": UNKNOWN})),
        ("hcloud_volume", json!({"name": "v", "size": UNKNOWN, "server_id": UNKNOWN})),
        ("hcloud_load_balancer_service", json!({"load_balancer_id": UNKNOWN, "protocol": UNKNOWN})),
        ("hcloud_network_route", json!({"network_id": UNKNOWN, "destination": UNKNOWN, "gateway": UNKNOWN})),
        ("hcloud_primary_ip", json!({"name": UNKNOWN, "type": UNKNOWN, "location": UNKNOWN})),
        ("hcloud_primary_ip", json!({"name": "a", "type": "ipv4", "assignee_id": UNKNOWN})),
        ("hcloud_floating_ip", json!({"type": UNKNOWN, "server_id": UNKNOWN})),
        ("hcloud_rdns", json!({"server_id": UNKNOWN, "ip_address": UNKNOWN, "dns_ptr": UNKNOWN})),
        (
            "hcloud_uploaded_certificate",
            json!({"name": UNKNOWN, "certificate": UNKNOWN, "private_key": UNKNOWN}),
        ),
        ("hcloud_managed_certificate", json!({"name": UNKNOWN, "domain_names": UNKNOWN})),
        ("hcloud_firewall_attachment", json!({"firewall_id": UNKNOWN, "server_ids": UNKNOWN})),
        ("hcloud_zone", json!({"name": UNKNOWN, "mode": UNKNOWN, "primary_nameservers": UNKNOWN})),
        ("hcloud_zone_rrset", json!({"zone": UNKNOWN, "name": UNKNOWN, "type": UNKNOWN, "records": UNKNOWN})),
        ("hcloud_zone_record", json!({"zone": UNKNOWN, "name": UNKNOWN, "type": UNKNOWN, "value": UNKNOWN})),
        (
            "hcloud_load_balancer_target",
            json!({"load_balancer_id": UNKNOWN, "type": UNKNOWN, "server_id": UNKNOWN}),
        ),
        (
            "hcloud_storage_box",
            json!({"name": UNKNOWN, "storage_box_type": UNKNOWN, "location": UNKNOWN, "password": UNKNOWN,
            "access_settings": UNKNOWN, "snapshot_plan": UNKNOWN, "ssh_keys": UNKNOWN}),
        ),
        ("hcloud_storage_box_snapshot", json!({"storage_box_id": UNKNOWN, "description": UNKNOWN})),
        (
            "hcloud_storage_box_subaccount",
            json!({"storage_box_id": UNKNOWN, "home_directory": UNKNOWN, "password": UNKNOWN}),
        ),
    ] {
        assert_eq!(problems(type_name, &config), Vec::<String>::new(), "{type_name}");
    }
}

#[tokio::test]
async fn a_type_that_is_not_offered_is_refused_with_what_is() {
    let stack = stack().await;
    let null = Value::null(stack.block("hcloud_server").implied_type());
    let config = json!({"name": "web", "server_type": "cx22", "image": "ubuntu-24.04", "location": "hil"});
    let plan = stack.plan("hcloud_server", &null, &config).await;
    let problem = &plan.diagnostics.0[0];
    assert!(problem.is_error() && problem.detail.contains("cpx21 (3 cores, 4 GB"), "{problem:?}");
    assert_eq!(problem.attribute.as_ref().unwrap().to_string(), ".server_type");
    // Where it is not known yet, there is nothing to say.
    for key in ["location", "server_type"] {
        let mut config = config.clone();
        config[key] = json!(UNKNOWN);
        assert!(stack.plan("hcloud_server", &null, &config).await.diagnostics.is_empty());
    }
}

#[tokio::test]
async fn what_a_storage_box_type_does_not_allow_is_refused_with_what_it_does() {
    let stack = stack().await;
    let null = Value::null(stack.block("hcloud_storage_box").implied_type());
    let config = |location: &str, snapshots: i64| {
        json!({
            "name": "b", "storage_box_type": "bx11", "location": location, "password": PASSWORD,
            "snapshot_plan": {"max_snapshots": snapshots, "minute": 0, "hour": 0},
        })
    };
    for (location, snapshots, problem) in [
        ("fsn1", 10, None),
        ("hil", 10, Some((".location", "it is in fsn1, hel1"))),
        ("hel1", 11, Some((".snapshot_plan.max_snapshots", "at most 10"))),
        // What is not known here is for the API to decide.
        ("mars1", 10, None),
    ] {
        let plan = stack.plan("hcloud_storage_box", &null, &config(location, snapshots)).await;
        let found = plan.diagnostics.0.first();
        let told = found.map(|found| (found.attribute.as_ref().unwrap().to_string(), found.detail.clone()));
        match (told, problem) {
            (None, None) => {}
            (Some((attribute, detail)), Some((place, text))) => {
                assert!(attribute == place && detail.contains(text), "{attribute}: {detail}");
            }
            (told, _) => panic!("{location}, {snapshots}: {told:?}"),
        }
    }
}

#[tokio::test]
async fn tokens_are_checked_and_never_shown() {
    let block = HcloudFactory::default().schema().provider.clone();
    for (settings, config, summary) in [
        (Settings::new(), json!({}), Some("No token for Hetzner Cloud")),
        (Settings::new(), json!({"token": "short"}), Some("Invalid token for Hetzner Cloud")),
        (Settings::new().token("x".repeat(63)), json!({}), Some("Invalid token for Hetzner Cloud")),
        (Settings::new().token("x".repeat(64)), json!({"endpoint": "http://127.0.0.1:1/v1"}), None),
        (Settings::new(), json!({"token": UNKNOWN}), None),
        (
            Settings::new().loopback_only().token("x".repeat(64)),
            json!({}),
            Some("Hetzner Cloud cannot be used as configured"),
        ),
    ] {
        let provider = HcloudFactory::new(settings).create();
        let request = ferroform_provider::ConfigureRequest { config: value(&block, &config) };
        let diagnostics = provider.configure(request).await;
        assert_eq!(diagnostics.0.first().map(|d| &*d.summary), summary, "{config}");
        assert!(!format!("{diagnostics:?}").contains("short") && !format!("{diagnostics:?}").contains("xxx"));
    }
}
