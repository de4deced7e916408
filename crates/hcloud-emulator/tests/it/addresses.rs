//! Primary and floating IPs.

use serde_json::{Value, json};

use crate::harness::{Cloud, server, with};

#[tokio::test]
async fn primary_ips_are_assigned_while_the_server_is_off() {
    let cloud = Cloud::stepped().await;
    let ip = |name: &str, kind: &str, location: &str| json!({"name": name, "type": kind, "location": location, "assignee_type": "unassigned"});
    let v4 = cloud.create("primary_ips", ip("v4", "ipv4", "fsn1")).await;
    let v6 = cloud.create("primary_ips", with(ip("v6", "ipv6", "1"), json!({"auto_delete": true}))).await;
    let far = cloud.create("primary_ips", ip("far", "ipv4", "nbg1")).await;
    for (body, outcome) in [
        (ip("v4", "ipv4", "fsn1"), "409 uniqueness_error"),
        (ip("x", "ipv5", "fsn1"), "422 invalid_input"),
        (ip("x", "ipv4", "mars1"), "422 invalid_input"),
        (json!({"name": "x", "type": "ipv4"}), "422 invalid_input"),
        (json!({"name": "x", "type": "ipv4", "assignee_type": "server"}), "422 invalid_input"),
        (
            json!({"name": "x", "type": "ipv4", "location": "fsn1", "datacenter": "fsn1-dc14"}),
            "422 invalid_input",
        ),
    ] {
        assert_eq!(cloud.outcome("POST", "/primary_ips", body.clone()).await, outcome, "{body}");
    }
    for (net, outcome) in [
        (json!({"ipv4": far}), "422 primary_ip_datacenter_mismatch"),
        (json!({"ipv4": v6}), "412 primary_ip_version_mismatch"),
        (json!({"ipv4": 1}), "422 invalid_input"),
        (json!({"ipv4": v4, "ipv6": v6}), "201"),
        (json!({"ipv4": v4}), "422 primary_ip_assigned"),
    ] {
        let body =
            with(server("a"), json!({"public_net": net, "name": format!("s{}", net.to_string().len())}));
        assert_eq!(cloud.outcome("POST", "/servers", body).await, outcome, "{net}");
    }
    cloud.settle().await;
    let id = cloud.show("primary_ips", v4).await["assignee_id"].as_i64().unwrap();
    let act = |ip: i64, action: &str| format!("/primary_ips/{ip}/actions/{action}");
    let to = |server: i64| json!({"assignee_type": "server", "assignee_id": server});
    assert_eq!(cloud.outcome("POST", &act(v4, "unassign"), Value::Null).await, "422 server_not_stopped");
    assert_eq!(
        cloud.outcome("DELETE", &format!("/primary_ips/{v4}"), Value::Null).await,
        "422 must_be_unassigned"
    );
    cloud.post(&format!("/servers/{id}/actions/poweroff"), Value::Null).await;
    cloud.settle().await;
    assert_eq!(cloud.outcome("POST", &act(v4, "assign"), to(id)).await, "422 primary_ip_already_assigned");
    assert_eq!(cloud.outcome("POST", &act(far, "assign"), to(id)).await, "422 invalid_input");
    let spare = cloud.create("primary_ips", ip("spare", "ipv4", "fsn1")).await;
    assert_eq!(cloud.outcome("POST", &act(spare, "assign"), to(id)).await, "422 server_has_ipv4");
    cloud.post(&act(v4, "unassign"), Value::Null).await;
    cloud.settle().await;
    let free = cloud.show("primary_ips", v4).await;
    assert_eq!((&free["assignee_type"], &free["assignee_id"]), (&json!("unassigned"), &Value::Null));
    assert_eq!(cloud.show("servers", id).await["public_net"]["ipv4"], Value::Null);
    assert_eq!(cloud.outcome("POST", &act(v4, "unassign"), Value::Null).await, "422 primary_ip_not_assigned");
    cloud.post(&act(spare, "assign"), to(id)).await;
    cloud.settle().await;
    assert_eq!(cloud.show("servers", id).await["public_net"]["ipv4"]["id"], spare);

    let address = cloud.show("primary_ips", v4).await["ip"].clone();
    assert_eq!(
        cloud.get(&format!("/primary_ips?ip={}", address.as_str().unwrap())).await["primary_ips"][0]["id"],
        v4
    );
    cloud.post(&act(v4, "change_dns_ptr"), json!({"ip": address, "dns_ptr": "a.example.com"})).await;
    assert_eq!(
        cloud.show("primary_ips", v4).await["dns_ptr"],
        json!([{"ip": address, "dns_ptr": "a.example.com"}])
    );
    assert_eq!(
        cloud.outcome("POST", &act(v4, "change_dns_ptr"), json!({"ip": "192.0.2.250", "dns_ptr": "x"})).await,
        "422 invalid_input"
    );
    assert_eq!(
        cloud.outcome("POST", &act(v6, "change_protection"), json!({"delete": true})).await,
        "422 invalid_input"
    );
    cloud.post(&act(v4, "change_protection"), json!({"delete": true})).await;
    assert_eq!(cloud.outcome("DELETE", &format!("/primary_ips/{v4}"), Value::Null).await, "423 protected");
    cloud.post(&act(v4, "change_protection"), json!({"delete": false})).await;
    let changed = cloud
        .call(
            "PUT",
            &format!("/primary_ips/{v4}"),
            json!({"name": "w4", "auto_delete": true, "labels": {"a": "b"}}),
        )
        .await;
    assert_eq!(changed.body["primary_ip"]["auto_delete"], true);
    assert_eq!(cloud.outcome("DELETE", &format!("/primary_ips/{v4}"), Value::Null).await, "204");

    cloud.call("DELETE", &format!("/servers/{id}"), Value::Null).await;
    cloud.settle().await;
    assert_eq!(
        cloud.outcome("GET", &format!("/primary_ips/{v6}"), Value::Null).await,
        "404 not_found",
        "auto_delete"
    );
    assert_eq!(cloud.show("primary_ips", spare).await["assignee_id"], Value::Null);

    let off = cloud
        .create(
            "servers",
            with(server("off"), json!({"start_after_create": false, "public_net": {"enable_ipv4": false}})),
        )
        .await;
    cloud.settle().await;
    let body = json!({"name": "direct", "type": "ipv4", "assignee_type": "server", "assignee_id": off});
    let created = cloud.post("/primary_ips", body).await;
    assert_eq!(created["action"]["command"], "assign_primary_ip");
    assert_eq!(cloud.get("/primary_ips/actions").await["actions"].as_array().unwrap().len(), 6);
}

#[tokio::test]
async fn floating_ips_move_between_servers_anywhere() {
    let cloud = Cloud::stepped().await;
    let here = cloud.create("servers", server("here")).await;
    let there = cloud.create("servers", with(server("there"), json!({"location": "hel1"}))).await;
    cloud.settle().await;
    for (body, outcome) in [
        (json!({"type": "ipv4"}), "422 invalid_input"),
        (json!({"type": "ipv4", "server": here, "home_location": "fsn1"}), "422 invalid_input"),
        (json!({"type": "ipv4", "server": 1}), "422 invalid_input"),
        (json!({"type": "ipv6", "home_location": "fsn1", "name": "six", "description": "d"}), "201"),
        (json!({"type": "ipv6", "home_location": "fsn1", "name": "six"}), "409 uniqueness_error"),
    ] {
        assert_eq!(cloud.outcome("POST", "/floating_ips", body.clone()).await, outcome, "{body}");
    }
    let created = cloud.post("/floating_ips", json!({"type": "ipv4", "server": here})).await;
    let id = created["floating_ip"]["id"].as_i64().unwrap();
    assert_eq!(created["action"]["command"], "assign_floating_ip");
    assert_eq!(created["floating_ip"]["name"], format!("floating-ip-{id}"));
    let act = |action: &str| format!("/floating_ips/{id}/actions/{action}");
    assert_eq!(cloud.show("servers", here).await["public_net"]["floating_ips"], json!([id]));
    cloud.post(&act("assign"), json!({"server": there})).await;
    assert_eq!(cloud.show("floating_ips", id).await["server"], there);
    assert_eq!(
        cloud.outcome("DELETE", &format!("/floating_ips/{id}"), Value::Null).await,
        "422 must_be_unassigned"
    );
    cloud.call("DELETE", &format!("/servers/{there}"), Value::Null).await;
    cloud.settle().await;
    assert_eq!(cloud.show("floating_ips", id).await["server"], Value::Null);
    cloud.post(&act("assign"), json!({"server": here})).await;
    cloud.post(&act("unassign"), Value::Null).await;
    let address = cloud.show("floating_ips", id).await["ip"].clone();
    cloud.post(&act("change_dns_ptr"), json!({"ip": address, "dns_ptr": "f.example.com"})).await;
    cloud.post(&act("change_protection"), json!({"delete": true})).await;
    assert_eq!(cloud.outcome("DELETE", &format!("/floating_ips/{id}"), Value::Null).await, "423 protected");
    cloud.post(&act("change_protection"), json!({"delete": false})).await;
    let changed =
        cloud.call("PUT", &format!("/floating_ips/{id}"), json!({"name": "four", "description": "x"})).await;
    assert_eq!(changed.body["floating_ip"]["description"], "x");
    assert_eq!(cloud.outcome("DELETE", &format!("/floating_ips/{id}"), Value::Null).await, "204");
}
