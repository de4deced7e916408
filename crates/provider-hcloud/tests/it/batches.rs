//! Reading many objects at once.

use serde_json::json;

use crate::stack::{Stack, one_of_each};

/// A stack of about forty objects.
async fn forty() -> Stack {
    let mut stack = one_of_each().await;
    let net = stack.number("net");
    for i in 0..9 {
        let name = format!("node-{i}");
        let server =
            json!({"name": name, "server_type": "cx23", "image": "ubuntu-24.04", "location": "fsn1"});
        stack.apply(&name, "hcloud_server", server).await;
        let attached =
            json!({"server_id": stack.number(&name), "network_id": net, "ip": format!("10.0.1.{}", 20 + i)});
        stack.apply(&format!("{name}-net"), "hcloud_server_network", attached).await;
        let target = json!({"load_balancer_id": stack.number("lb"), "type": "server", "server_id": stack.number(&name), "use_private_ip": true});
        stack.apply(&format!("{name}-target"), "hcloud_load_balancer_target", target).await;
        let address = json!([{"value": format!("192.0.2.{}", 20 + i)}]);
        let records = json!({"zone": "example.com", "name": name, "type": "A", "records": address});
        stack.apply(&format!("{name}-records"), "hcloud_zone_rrset", records).await;
    }
    stack
}

#[tokio::test]
async fn forty_objects_are_refreshed_in_fewer_than_fifteen_requests() {
    let mut stack = forty().await;
    // Storage boxes are of another API, which is asked by itself.
    for name in ["box_user", "box_snapshot", "box"] {
        stack.delete(name).await;
    }
    assert!(stack.objects.len() >= 40);
    let before = stack.objects.clone();
    stack.control("DELETE", "/stats", None).await;
    stack.refresh().await;
    let requests = stack.requests().await;
    assert!(requests <= 15, "{requests}");
    assert_eq!(stack.objects.len(), before.len());
    for (name, (_, _, state)) in &stack.objects {
        assert_eq!(state, &before[name].2, "{name}");
    }
}

#[tokio::test]
async fn a_change_and_a_deletion_of_each_kind_outside_are_seen_in_one_batch() {
    let stack = &mut one_of_each().await;
    let [net, wall, group, web, volume, lb, key] =
        ["net", "wall", "group", "server", "volume", "lb", "key"].map(|name| stack.id(name));
    let [address, floating, certificate, snapshot, wall_2] =
        ["address", "floating", "certificate", "snapshot", "wall_2"].map(|name| stack.id(name));
    let [storage, storage_snapshot, user] = ["box", "box_snapshot", "box_user"].map(|name| stack.id(name));
    let ip = stack.state("floating")["ip_address"].clone();
    for (path, body) in [
        (format!("/ssh_keys/{key}"), json!({"name": "other"})),
        (format!("/networks/{net}"), json!({"labels": {"seen": "yes"}})),
        (format!("/placement_groups/{group}"), json!({"name": "other"})),
        (format!("/servers/{web}"), json!({"name": "other"})),
        (format!("/volumes/{volume}"), json!({"labels": {"seen": "yes"}})),
        (format!("/load_balancers/{lb}"), json!({"name": "other"})),
        ("/zones/example.com".to_owned(), json!({"labels": {"seen": "yes"}})),
        (format!("/primary_ips/{address}"), json!({"name": "other"})),
        (format!("/floating_ips/{floating}"), json!({"labels": {"seen": "yes"}})),
        (format!("/certificates/{certificate}"), json!({"name": "other"})),
        (format!("/images/{snapshot}"), json!({"description": "other"})),
        (format!("/firewalls/{wall_2}"), json!({"name": "other"})),
        (format!("/storage_boxes/{storage}"), json!({"name": "other"})),
        (format!("/storage_boxes/{storage}/snapshots/{storage_snapshot}"), json!({"description": "other"})),
        (format!("/storage_boxes/{storage}/subaccounts/{user}"), json!({"name": "other", "labels": {}})),
    ] {
        stack.call("PUT", &path, Some(body)).await;
    }
    for (path, body) in [
        (format!("/firewalls/{wall}/actions/set_rules"), json!({"rules": []})),
        (
            format!("/servers/{web}/actions/change_alias_ips"),
            json!({"network": stack.number("net"), "alias_ips": ["10.0.1.99"]}),
        ),
        (
            format!("/load_balancers/{lb}/actions/update_service"),
            json!({"listen_port": 443, "destination_port": 1}),
        ),
        (format!("/load_balancers/{lb}/actions/disable_public_interface"), json!({})),
        (format!("/volumes/{volume}/actions/detach"), json!({})),
        (format!("/floating_ips/{floating}/actions/unassign"), json!({})),
        (
            format!("/floating_ips/{floating}/actions/change_dns_ptr"),
            json!({"ip": ip, "dns_ptr": "other.example.com"}),
        ),
        (
            format!("/firewalls/{wall_2}/actions/apply_to_resources"),
            json!({"apply_to": [{"type": "label_selector", "label_selector": {"selector": "role=other"}}]}),
        ),
        (
            format!("/networks/{net}/actions/delete_route"),
            json!({"destination": "10.100.1.0/24", "gateway": "10.0.1.10"}),
        ),
        (
            format!("/networks/{net}/actions/add_route"),
            json!({"destination": "10.100.1.0/24", "gateway": "10.0.1.11"}),
        ),
        (
            "/zones/example.com/rrsets/www/A/actions/set_records".to_owned(),
            json!({"records": [{"value": "192.0.2.9"}]}),
        ),
        (
            "/zones/example.com/rrsets/%40/MX/actions/remove_records".to_owned(),
            json!({"records": [{"value": "20 b.example.net."}]}),
        ),
    ] {
        stack.call("POST", &path, Some(body)).await;
    }
    let before = stack.objects.clone();
    stack.refresh().await;
    for (name, (_, config, _)) in &before {
        let gone = matches!(&**name, "attachment" | "record_2" | "floating_on");
        assert_eq!(!stack.objects.contains_key(name), gone, "{name}");
        if gone || matches!(&**name, "subnet" | "target" | "record") {
            continue;
        }
        let (changed, _) = stack.changes(name, config).await;
        assert!(!changed.is_empty(), "{name}: the change was not seen");
    }
    // And now all of it goes.
    stack.call("DELETE", &format!("/load_balancers/{lb}"), None).await;
    stack.call("DELETE", &format!("/servers/{web}"), None).await;
    stack.call("DELETE", &format!("/networks/{net}"), None).await;
    let applied = ["role=db", "role=other"]
        .map(|selector| json!({"type": "label_selector", "label_selector": {"selector": selector}}));
    let path = format!("/firewalls/{wall_2}/actions/remove_from_resources");
    stack.call("POST", &path, Some(json!({"remove_from": applied}))).await;
    for path in [
        format!("/firewalls/{wall_2}"),
        format!("/images/{snapshot}"),
        format!("/certificates/{certificate}"),
        format!("/floating_ips/{floating}"),
        format!("/primary_ips/{address}"),
        format!("/volumes/{volume}"),
        format!("/firewalls/{wall}"),
        format!("/placement_groups/{group}"),
        format!("/ssh_keys/{key}"),
        "/zones/example.com".to_owned(),
        format!("/storage_boxes/{storage}"),
    ] {
        stack.call("DELETE", &path, None).await;
    }
    stack.control("DELETE", "/stats", None).await;
    stack.refresh().await;
    assert!(stack.objects.is_empty(), "{:?}", stack.objects.keys());
    // One for each that has an id of its own, or two for two of a kind.
    let requests = stack.requests().await;
    assert!(requests <= 20, "{requests} requests for {} objects", before.len());
}
