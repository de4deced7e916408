//! Networks.

use serde_json::{Value, json};

use crate::harness::{Cloud, server, with};

fn subnet(range: &str) -> Value {
    json!({"type": "cloud", "ip_range": range, "network_zone": "eu-central"})
}

#[tokio::test]
async fn networks_and_their_parts_follow_the_documented_rules() {
    let cloud = Cloud::stepped().await;
    let network = |name: &str, range: &str| json!({"name": name, "ip_range": range});
    for (body, outcome) in [
        (network("n", "10.0.0.0/16"), "201"),
        (network("n", "10.1.0.0/16"), "409 uniqueness_error"),
        (network("", "10.1.0.0/16"), "422 invalid_input"),
        (network("a", "8.8.8.0/24"), "422 invalid_input"),
        (network("a", "10.0.0.0/25"), "422 invalid_input"),
        (network("a", "10.0.0.1/16"), "422 invalid_input"),
        (network("a", "nonsense"), "422 invalid_input"),
        (with(network("a", "10.0.0.0/16"), json!({"subnets": [subnet("10.1.0.0/24")]})), "422 invalid_input"),
        (
            with(
                network("a", "10.0.0.0/16"),
                json!({"subnets": [subnet("10.0.1.0/24"), subnet("10.0.1.0/25")]}),
            ),
            "422 invalid_input",
        ),
        (
            with(
                network("a", "10.0.0.0/16"),
                json!({"routes": [{"destination": "10.9.0.0/16", "gateway": "10.0.0.1"}]}),
            ),
            "422 invalid_input",
        ),
        (
            with(
                network("b", "192.168.0.0/24"),
                json!({"labels": {"a": "b"}, "expose_routes_to_vswitch": true}),
            ),
            "201",
        ),
    ] {
        assert_eq!(cloud.outcome("POST", "/networks", body.clone()).await, outcome, "{body}");
    }
    let id = cloud.get("/networks?name=n").await["networks"][0]["id"].as_i64().unwrap();
    let act = |action: &str| format!("/networks/{id}/actions/{action}");
    for (action, body, outcome) in [
        ("add_subnet", subnet("10.0.1.0/24"), "201"),
        ("add_subnet", subnet("10.0.1.128/25"), "422 invalid_input"),
        ("add_subnet", subnet("10.0.2.0/31"), "422 invalid_input"),
        ("add_subnet", subnet("10.0.2.1/24"), "422 invalid_input"),
        ("add_subnet", json!({"type": "cloud", "network_zone": "mars"}), "422 invalid_input"),
        ("add_subnet", json!({"type": "vswitch", "network_zone": "eu-central"}), "422 invalid_input"),
        ("add_subnet", json!({"type": "cloud", "network_zone": "eu-central"}), "201"),
        (
            "add_subnet",
            json!({"type": "vswitch", "network_zone": "eu-central", "vswitch_id": 7, "ip_range": "10.0.9.0/24"}),
            "201",
        ),
        (
            "add_subnet",
            json!({"type": "vswitch", "network_zone": "eu-central", "vswitch_id": 7, "ip_range": "10.0.8.0/24"}),
            "422 vswitch_id_already_used",
        ),
        ("add_route", json!({"destination": "10.100.1.0/24", "gateway": "10.0.1.5"}), "201"),
        ("add_route", json!({"destination": "10.100.1.0/25", "gateway": "10.0.1.5"}), "422 invalid_input"),
        ("add_route", json!({"destination": "10.0.1.0/24", "gateway": "10.0.1.5"}), "422 invalid_input"),
        ("add_route", json!({"destination": "8.8.8.0/24", "gateway": "10.0.1.5"}), "422 invalid_input"),
        ("add_route", json!({"destination": "10.101.0.0/16", "gateway": "10.0.0.1"}), "422 invalid_input"),
        ("add_route", json!({"destination": "10.101.0.0/16", "gateway": "10.1.0.1"}), "422 invalid_input"),
        ("add_route", json!({"destination": "10.101.0.0/16", "gateway": "10.0.9.5"}), "422 invalid_input"),
        ("add_route", json!({"destination": "0.0.0.0/0", "gateway": "10.0.1.5"}), "201"),
        ("delete_route", json!({"destination": "10.100.1.0/24", "gateway": "10.0.1.5"}), "201"),
        ("delete_route", json!({"destination": "10.100.1.0/24", "gateway": "10.0.1.5"}), "422 invalid_input"),
        ("delete_subnet", json!({"ip_range": "10.0.7.0/24"}), "422 invalid_input"),
        ("delete_subnet", json!({"ip_range": "10.0.9.0/24"}), "201"),
        ("change_ip_range", json!({"ip_range": "10.0.0.0/17"}), "422 invalid_input"),
        ("change_ip_range", json!({"ip_range": "10.1.0.0/15"}), "422 invalid_input"),
        ("change_ip_range", json!({"ip_range": "10.0.0.0/12"}), "201"),
        ("change_protection", json!({"delete": true}), "201"),
    ] {
        assert_eq!(cloud.outcome("POST", &act(action), body.clone()).await, outcome, "{action} {body}");
        cloud.step(1000).await;
    }
    let shown = cloud.show("networks", id).await;
    let ranges: Vec<&Value> = shown["subnets"].as_array().unwrap().iter().map(|s| &s["ip_range"]).collect();
    assert_eq!(ranges, ["10.0.1.0/24", "10.0.0.0/24"], "the first free /24 is taken where no range is given");
    assert_eq!(shown["subnets"][0]["gateway"], "10.0.0.1");
    assert_eq!(shown["routes"], json!([{"destination": "0.0.0.0/0", "gateway": "10.0.1.5"}]));
    assert_eq!(cloud.outcome("DELETE", &format!("/networks/{id}"), Value::Null).await, "423 protected");
    cloud.post(&act("change_protection"), json!({"delete": false})).await;
    let renamed = cloud
        .call("PUT", &format!("/networks/{id}"), json!({"name": "m", "expose_routes_to_vswitch": true}))
        .await;
    assert_eq!(renamed.body["network"]["expose_routes_to_vswitch"], true);
    assert_eq!(cloud.outcome("DELETE", &format!("/networks/{id}"), Value::Null).await, "204");
}

#[tokio::test]
async fn parallel_changes_of_a_network_are_conflicts() {
    let cloud = Cloud::stepped().await;
    let id = cloud.create("networks", json!({"name": "n", "ip_range": "10.0.0.0/16"})).await;
    let path = format!("/networks/{id}/actions/add_subnet");
    assert_eq!(cloud.outcome("POST", &path, subnet("10.0.1.0/24")).await, "201");
    assert_eq!(cloud.outcome("POST", &path, subnet("10.0.2.0/24")).await, "409 conflict");
    cloud.step(1000).await;
    assert_eq!(cloud.outcome("POST", &path, subnet("10.0.2.0/24")).await, "201");
}

/// Expected addresses: acceptance tests of the published provider.
#[tokio::test]
async fn members_get_addresses_by_the_rules() {
    let cloud = Cloud::stepped().await;
    let id = cloud
        .create(
            "networks",
            json!({"name": "n", "ip_range": "10.0.0.0/16",
        "subnets": [subnet("10.0.1.0/24"), subnet("10.0.2.0/24")]}),
        )
        .await;
    let other = cloud
        .create(
            "networks",
            json!({"name": "o", "ip_range": "10.0.0.0/8", "subnets": [subnet("10.7.0.0/24")]}),
        )
        .await;
    let west = cloud
        .create(
            "networks",
            json!({"name": "w", "ip_range": "192.168.0.0/16",
        "subnets": [{"type": "cloud", "ip_range": "192.168.0.0/24", "network_zone": "us-west"}]}),
        )
        .await;
    let mut servers = Vec::new();
    for name in ["a", "b", "c", "d"] {
        servers.push(cloud.create("servers", server(name)).await);
    }
    cloud.settle().await;
    let attach = |index: usize| format!("/servers/{}/actions/attach_to_network", servers[index]);
    for (index, body, outcome) in [
        (0, json!({"network": id, "ip_range": "10.0.1.0/24"}), "201"),
        (1, json!({"network": id, "ip": "10.0.1.1"}), "422 ip_not_available"),
        (1, json!({"network": id, "ip": "10.0.0.1"}), "422 invalid_input"),
        (
            1,
            json!({"network": id, "ip": "10.0.1.10", "alias_ips": ["10.0.1.11", "10.0.1.11"]}),
            "422 ip_not_available",
        ),
        (1, json!({"network": id, "ip": "10.0.1.10", "alias_ips": ["10.0.1.11", "10.0.1.12"]}), "201"),
        (2, json!({"network": id}), "201"),
        (3, json!({"network": west}), "422 no_subnet_available"),
        (3, json!({"network": 1}), "422 invalid_input"),
    ] {
        assert_eq!(cloud.outcome("POST", &attach(index), body.clone()).await, outcome, "{body}");
    }
    let members = cloud.get(&format!("/networks/{id}/members?sort=ip")).await;
    let shown: Vec<(&Value, &Value, &Value)> = members["members"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| (&m["ip"], &m["status"], &m["subnet"]))
        .collect();
    let (one, two, attaching) = (json!("10.0.1.0/24"), json!("10.0.2.0/24"), json!("attaching"));
    assert_eq!(
        shown,
        [
            (&json!("10.0.1.1"), &attaching, &one),
            (&json!("10.0.1.10"), &attaching, &one),
            (&json!("10.0.2.1"), &attaching, &two)
        ]
    );
    assert_eq!(cloud.show("servers", servers[0]).await["private_net"], json!([]));
    cloud.settle().await;
    assert_eq!(
        cloud.show("servers", servers[1]).await["private_net"][0]["alias_ips"],
        json!(["10.0.1.11", "10.0.1.12"])
    );
    assert_eq!(cloud.show("networks", id).await["servers"], json!(servers[..3]));
    assert_eq!(
        cloud.outcome("POST", &attach(0), json!({"network": id})).await,
        "422 server_already_attached"
    );
    assert_eq!(cloud.outcome("POST", &attach(0), json!({"network": other})).await, "422 networks_overlap");

    let aliases = format!("/servers/{}/actions/change_alias_ips", servers[1]);
    assert_eq!(
        cloud.outcome("POST", &aliases, json!({"network": id, "alias_ips": ["10.0.1.1"]})).await,
        "422 ip_not_available"
    );
    cloud.post(&aliases, json!({"network": id, "alias_ips": ["10.0.1.12"]})).await;
    cloud.settle().await;

    let remove = format!("/networks/{id}/actions/delete_subnet");
    let in_use = cloud.call("POST", &remove, json!({"ip_range": "10.0.2.0/24"})).await;
    assert_eq!(in_use.outcome(), "422 service_error");
    assert!(in_use.body["error"]["message"].as_str().unwrap().contains("servers are attached"));
    let detach = format!("/servers/{}/actions/detach_from_network", servers[2]);
    cloud.post(&detach, json!({"network": id})).await;
    let leaving = cloud.get(&format!("/networks/{id}/members?status=detaching&type=server")).await;
    assert_eq!(leaving["members"][0]["id"], servers[2]);
    cloud.settle().await;
    assert_eq!(
        cloud.outcome("POST", &detach, json!({"network": id})).await,
        "422 server_not_attached_to_network"
    );
    cloud.post(&remove, json!({"ip_range": "10.0.2.0/24"})).await;
    cloud.settle().await;
    assert_eq!(cloud.outcome("DELETE", &format!("/networks/{id}"), Value::Null).await, "204");
    assert_eq!(cloud.show("servers", servers[0]).await["private_net"], json!([]));
}

#[tokio::test]
async fn several_servers_may_join_a_network_at_a_time() {
    let cloud = Cloud::stepped().await;
    let id = cloud
        .create(
            "networks",
            json!({"name": "n", "ip_range": "10.0.0.0/16", "subnets": [subnet("10.0.0.0/24")]}),
        )
        .await;
    let mut ips = Vec::new();
    for name in ["a", "b", "c"] {
        let body = with(
            server(name),
            json!({"networks": [id], "public_net": {"enable_ipv4": false, "enable_ipv6": false}}),
        );
        cloud.create("servers", body).await;
    }
    cloud.settle().await;
    for member in cloud.get(&format!("/networks/{id}/members")).await["members"].as_array().unwrap() {
        ips.push(member["ip"].as_str().unwrap().to_owned());
    }
    assert_eq!(ips, ["10.0.0.2", "10.0.0.3", "10.0.0.4"], "the network's gateway is left out");
}
