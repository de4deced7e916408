//! States of the published provider, and plans with values that are not known yet.

use ferroform_core::{Type, Value};
use ferroform_provider::UpgradeRequest;
use serde_json::{Value as Json, json};

use crate::stack::{Stack, UNKNOWN, provider, stack};

async fn upgraded(stack: &Stack, type_name: &str, attributes: Json) -> Value {
    let request = UpgradeRequest { type_name: type_name.into(), version: 0, attributes };
    let (value, diagnostics) = stack.provider.upgrade_state(request).await;
    assert!(!diagnostics.has_errors(), "{diagnostics:?}");
    value
}

/// Attributes as the published provider leaves them in the statefile: empty texts, zeroes, false and empty collections
/// where configuration says nothing.
#[tokio::test]
async fn states_of_the_published_provider_plan_to_no_change() {
    let stack = stack().await;
    for (type_name, state, config) in [
        (
            "hcloud_server",
            json!({
                "id": "1", "name": "web", "server_type": "cx22", "image": "ubuntu-22.04", "location": "nbg1", "datacenter": "nbg1-dc3",
                "user_data": "wK9leoEi2xH7hUH5D+q3hxwsPXE=", "ssh_keys": ["7"], "keep_disk": false, "allow_deprecated_images": false,
                "backup_window": "", "backups": false, "ipv4_address": "192.0.2.1", "ipv6_address": "2001:db8::1",
                "ipv6_network": "2001:db8::/64", "status": "running", "iso": null, "rescue": null, "labels": {},
                "public_net": [{"ipv4": 0, "ipv4_enabled": true, "ipv6": 0, "ipv6_enabled": true}],
                "network": [{"network_id": 5, "ip": "10.0.1.5", "alias_ips": [], "mac_address": "86:00:00:00:00:01"}],
                "ignore_remote_firewall_ids": false, "firewall_ids": [], "placement_group_id": 0, "delete_protection": false,
                "rebuild_protection": false, "shutdown_before_deletion": false, "primary_disk_size": 40, "timeouts": null,
                "gone_attribute": 1,
            }),
            json!({
                "name": "web", "server_type": "cx22", "image": "ubuntu-22.04", "location": "nbg1", "user_data": "#cloud-config\n",
                "ssh_keys": ["7"], "public_net": [{"ipv4_enabled": true, "ipv6_enabled": true}],
                "network": [{"network_id": 5, "ip": "10.0.1.5"}],
            }),
        ),
        (
            "hcloud_firewall",
            json!({
                "id": "2", "name": "wall", "labels": {}, "apply_to": [{"label_selector": "", "server": 1}],
                "rule": [{"direction": "in", "protocol": "icmp", "port": "", "source_ips": ["0.0.0.0/0", "2001:db8::/32"], "destination_ips": [], "description": ""}],
            }),
            json!({"name": "wall", "rule": [{"direction": "in", "protocol": "icmp", "source_ips": ["2001:DB8::/32", "0.0.0.0/0"]}]}),
        ),
        (
            "hcloud_network",
            json!({"id": "5", "name": "net", "ip_range": "10.0.0.0/16", "labels": {}, "delete_protection": false, "expose_routes_to_vswitch": false}),
            json!({"name": "net", "ip_range": "10.0.0.0/16"}),
        ),
        (
            "hcloud_network_subnet",
            json!({"id": "5-10.0.1.0/24", "network_id": 5, "type": "cloud", "network_zone": "eu-central", "ip_range": "10.0.1.0/24", "gateway": "10.0.0.1", "vswitch_id": 0}),
            json!({"network_id": 5, "type": "server", "network_zone": "eu-central", "ip_range": "10.0.1.0/24"}),
        ),
        (
            "hcloud_volume",
            json!({"id": "6", "name": "data", "size": 10, "location": "fsn1", "server_id": 0, "labels": {}, "linux_device": "/dev/x", "automount": false, "format": null, "delete_protection": false}),
            json!({"name": "data", "size": 10, "location": "fsn1"}),
        ),
        (
            // Its id was text once.
            "hcloud_primary_ip",
            json!({"id": "9", "name": "a", "type": "ipv4", "location": "fsn1", "datacenter": "fsn1-dc14", "assignee_id": 0, "assignee_type": "server", "auto_delete": false, "labels": {}, "delete_protection": false, "ip_address": "192.0.2.9", "ip_network": ""}),
            json!({"name": "a", "type": "ipv4", "location": "fsn1"}),
        ),
        (
            "hcloud_floating_ip",
            json!({"id": "10", "type": "ipv4", "name": "a", "description": "", "home_location": "fsn1", "server_id": 0, "ip_address": "192.0.2.10", "ip_network": "", "labels": {}, "delete_protection": false}),
            json!({"type": "ipv4", "home_location": "fsn1"}),
        ),
        (
            "hcloud_snapshot",
            json!({"id": "11", "description": "", "server_id": 1, "labels": {}, "timeouts": null}),
            json!({"server_id": 1}),
        ),
        (
            "hcloud_zone_rrset",
            json!({"id": "@/TXT", "zone": "example.com", "name": "@", "type": "TXT", "ttl": null, "labels": {}, "change_protection": false, "records": [{"value": "\"a\"", "comment": null}]}),
            json!({"zone": "example.com", "name": "@", "type": "TXT", "records": [{"value": "\"a\""}]}),
        ),
        (
            "hcloud_load_balancer_target",
            json!({"id": "lb-srv-tgt-1-8", "type": "server", "load_balancer_id": 8, "server_id": 1, "label_selector": "", "ip": "", "use_private_ip": true}),
            json!({"type": "server", "load_balancer_id": 8, "server_id": 1, "use_private_ip": true}),
        ),
        (
            "hcloud_load_balancer",
            json!({"id": "8", "name": "lb", "load_balancer_type": "lb11", "ipv4": "192.0.2.2", "ipv6": "2001:db8::2", "location": "fsn1", "network_zone": "eu-central",
                "network_id": 5, "network_ip": "10.0.1.2", "algorithm": [{"type": "round_robin"}], "labels": {},
                "target": [{"type": "server", "server_id": 1, "use_private_ip": true}], "delete_protection": false}),
            json!({"name": "lb", "load_balancer_type": "lb11", "location": "fsn1"}),
        ),
    ] {
        let prior = upgraded(&stack, type_name, state).await;
        let response = stack.plan(type_name, &prior, &config).await;
        assert!(response.diagnostics.is_empty(), "{type_name}: {:?}", response.diagnostics);
        let planned = response.planned.unwrap();
        for (name, before) in prior.as_map().unwrap() {
            assert_eq!(planned.get(name), Some(before), "{type_name}.{name}");
        }
        assert!(response.requires_replace.is_empty(), "{type_name}: {:?}", response.requires_replace);
    }
}

/// What is planned before everything is known holds for what is planned after.
#[tokio::test]
async fn plans_with_unknown_values_hold_once_they_are_known() {
    let mut stack = stack().await;
    let with = |template: &Json, value: Json| -> Json {
        serde_json::from_str(&template.to_string().replace(&format!("\"{UNKNOWN}\""), &value.to_string()))
            .unwrap()
    };
    for (type_name, config, known) in [
        (
            "hcloud_server",
            json!({"name": "w", "server_type": "cx23", "image": "debian-12", "network": [{"network_id": UNKNOWN, "ip": "10.0.1.5"}]}),
            json!(5),
        ),
        (
            "hcloud_server",
            json!({"name": "w", "server_type": "cx23", "image": "debian-12", "network": [{"subnet_id": UNKNOWN}]}),
            json!("5-10.0.1.0/24"),
        ),
        (
            "hcloud_server",
            json!({"name": "w", "server_type": "cx23", "image": "debian-12", "user_data": UNKNOWN}),
            json!("#cloud-config"),
        ),
        (
            "hcloud_server",
            json!({"name": "w", "server_type": "cx23", "image": "debian-12", "public_net": [{"ipv4": UNKNOWN}]}),
            json!(7),
        ),
        (
            "hcloud_server",
            json!({"name": "w", "server_type": "cx23", "image": "debian-12", "firewall_ids": UNKNOWN}),
            json!([3]),
        ),
        ("hcloud_server_network", json!({"server_id": 1, "subnet_id": UNKNOWN}), json!("5-10.0.1.0/24")),
        (
            "hcloud_firewall",
            json!({"name": "w", "rule": [{"direction": "in", "protocol": "tcp", "port": UNKNOWN, "source_ips": ["0.0.0.0/0"]}]}),
            json!("80"),
        ),
        ("hcloud_firewall", json!({"name": "w", "apply_to": [{"server": UNKNOWN}]}), json!(1)),
        (
            "hcloud_load_balancer_service",
            json!({"load_balancer_id": UNKNOWN, "protocol": "http"}),
            json!("8"),
        ),
        (
            "hcloud_load_balancer_service",
            json!({"load_balancer_id": "8", "protocol": UNKNOWN, "listen_port": 1, "destination_port": 2}),
            json!("tcp"),
        ),
        (
            "hcloud_load_balancer_target",
            json!({"load_balancer_id": 8, "type": "server", "server_id": UNKNOWN}),
            json!(1),
        ),
        ("hcloud_volume", json!({"name": "v", "size": UNKNOWN, "location": "fsn1"}), json!(10)),
        (
            "hcloud_network_subnet",
            json!({"network_id": UNKNOWN, "type": "cloud", "network_zone": "eu-central", "ip_range": "10.0.1.0/24"}),
            json!(5),
        ),
    ] {
        let null = Value::null(stack.block(type_name).implied_type());
        let before = stack.plan(type_name, &null, &config).await;
        // Each is a plan of its own.
        stack.provider = provider(&stack.cloud).await;
        let after = stack.plan(type_name, &null, &with(&config, known)).await;
        stack.provider = provider(&stack.cloud).await;
        assert!(
            !before.diagnostics.has_errors() && !after.diagnostics.has_errors(),
            "{:?}",
            after.diagnostics
        );
        let (before, after) = (before.planned.unwrap(), after.planned.unwrap());
        assert!(!before.is_wholly_known());
        assert!(crate::stack::fits(&before, &after), "{type_name} {config}\n{before:#?}\n{after:#?}");
    }
}

/// Input from outside never panics, whatever its type.
#[tokio::test]
async fn broken_states_are_refused_or_read_as_far_as_they_go() {
    let stack = stack().await;
    for type_name in stack.provider.schema().resources.keys() {
        for attributes in [
            json!(null),
            json!([]),
            json!({}),
            json!({"id": "x"}),
            json!({"id": 5}),
            json!({"name": {"a": []}}),
            json!("text"),
        ] {
            let request = UpgradeRequest { type_name: type_name.clone(), version: 0, attributes };
            let (value, _) = stack.provider.upgrade_state(request).await;
            assert_ne!(value.ty(), Type::Bool);
            let read = ferroform_provider::ReadRequest {
                type_name: type_name.clone(),
                prior: value,
                private: Vec::new(),
            };
            let _ = stack.provider.read_resources(vec![read]).await;
        }
    }
}
