//! Firewalls.

use serde_json::{Value, json};

use crate::harness::{Cloud, server, with};

fn http() -> Value {
    json!([{"direction": "in", "protocol": "tcp", "port": "80", "source_ips": ["0.0.0.0/0", "::/0"]}])
}

#[tokio::test]
async fn firewalls_are_applied_to_servers_and_selectors() {
    let cloud = Cloud::stepped().await;
    let id = cloud.create("servers", with(server("a"), json!({"labels": {"role": "web"}}))).await;
    let other = cloud.create("servers", with(server("b"), json!({"labels": {"role": "web"}}))).await;
    let network = cloud
        .create(
            "networks",
            json!({"name": "n", "ip_range": "10.0.0.0/16", "subnets": [
        {"type": "cloud", "ip_range": "10.0.1.0/24", "network_zone": "eu-central"}]}),
        )
        .await;
    let private = with(
        server("c"),
        json!({"networks": [network], "public_net": {"enable_ipv4": false, "enable_ipv6": false}}),
    );
    let private = cloud.create("servers", private).await;
    cloud.settle().await;
    let on = |server: i64| json!({"type": "server", "server": {"id": server}});
    let created = cloud
        .post("/firewalls", json!({"name": "f", "rules": http(), "apply_to": [on(id)], "labels": {"a": "b"}}))
        .await;
    let firewall = created["firewall"]["id"].as_i64().unwrap();
    let commands: Vec<&Value> =
        created["actions"].as_array().unwrap().iter().map(|a| &a["command"]).collect();
    assert_eq!(commands, ["set_firewall_rules", "apply_firewall"]);
    assert_eq!(
        cloud.show("servers", id).await["public_net"]["firewalls"],
        json!([{"id": firewall, "status": "pending"}])
    );
    cloud.settle().await;
    assert_eq!(
        cloud.show("servers", id).await["public_net"]["firewalls"],
        json!([{"id": firewall, "status": "applied"}])
    );

    let apply = format!("/firewalls/{firewall}/actions/apply_to_resources");
    let selector = json!({"type": "label_selector", "label_selector": {"selector": "role=web"}});
    for (target, outcome) in [
        (on(id), "422 firewall_already_applied"),
        (on(1), "404 firewall_resource_not_found"),
        (on(private), "422 private_net_only_server"),
        (json!({"type": "label_selector", "label_selector": {"selector": "a b"}}), "422 invalid_input"),
        (json!({"type": "server"}), "422 invalid_input"),
        (selector.clone(), "201"),
        (selector.clone(), "422 firewall_already_applied"),
    ] {
        assert_eq!(cloud.outcome("POST", &apply, json!({"apply_to": [target]})).await, outcome, "{target}");
    }
    cloud.settle().await;
    let reached = cloud.show("firewalls", firewall).await["applied_to"][1]["applied_to_resources"].take();
    assert_eq!(reached.as_array().unwrap().len(), 2);
    assert_eq!(cloud.show("servers", other).await["public_net"]["firewalls"][0]["id"], firewall);

    let rules = format!("/firewalls/{firewall}/actions/set_rules");
    let set = cloud.post(&rules, json!({"rules": []})).await;
    assert_eq!(set["actions"].as_array().unwrap().len(), 3, "one for the rules, one for each server");
    let bad = json!([{"direction": "in", "protocol": "tcp", "source_ips": ["0.0.0.0/0"]}]);
    let answer = cloud.call("POST", &rules, json!({"rules": bad})).await;
    assert_eq!(
        (answer.outcome().as_str(), answer.fields()),
        ("422 invalid_input", vec!["rules.0.port".to_owned()])
    );

    assert_eq!(
        cloud.outcome("DELETE", &format!("/firewalls/{firewall}"), Value::Null).await,
        "422 resource_in_use"
    );
    let remove = format!("/firewalls/{firewall}/actions/remove_from_resources");
    assert_eq!(
        cloud.outcome("POST", &remove, json!({"remove_from": [on(other)]})).await,
        "404 firewall_resource_not_found"
    );
    cloud.post(&remove, json!({"remove_from": [on(id), selector]})).await;
    cloud.settle().await;
    assert_eq!(cloud.show("firewalls", firewall).await["applied_to"], json!([]));
    let renamed = cloud.call("PUT", &format!("/firewalls/{firewall}"), json!({"name": "g"})).await;
    assert_eq!(renamed.body["firewall"]["labels"], json!({"a": "b"}));
    assert_eq!(cloud.outcome("DELETE", &format!("/firewalls/{firewall}"), Value::Null).await, "204");
}

#[tokio::test]
async fn a_server_has_at_most_five_firewalls() {
    let cloud = Cloud::stepped().await;
    let id = cloud.create("servers", with(server("a"), json!({"labels": {"x": "y"}}))).await;
    cloud.settle().await;
    let on = json!([{"type": "server", "server": {"id": id}}]);
    let selected = json!([{"type": "label_selector", "label_selector": {"selector": "x"}}]);
    for (name, apply_to, outcome) in [
        ("f0", &selected, "201"),
        ("f1", &on, "201"),
        ("f2", &on, "201"),
        ("f3", &on, "201"),
        ("f4", &on, "201"),
        ("f5", &on, "403 resource_limit_exceeded"),
    ] {
        let body = json!({"name": name, "apply_to": apply_to});
        assert_eq!(cloud.outcome("POST", "/firewalls", body).await, outcome, "{name}");
    }
    assert_eq!(cloud.outcome("POST", "/firewalls", json!({"name": "f1"})).await, "409 uniqueness_error");
}
