//! Load balancers and certificates.

use serde_json::{Value, json};

use crate::harness::{Cloud, server, with};

fn balancer(name: &str) -> Value {
    json!({"name": name, "load_balancer_type": "lb11", "location": "fsn1"})
}

fn tcp(port: i64) -> Value {
    json!({"protocol": "tcp", "listen_port": port, "destination_port": 30_000 + port})
}

#[tokio::test]
async fn services_are_added_changed_and_removed() {
    let cloud = Cloud::stepped().await;
    for (body, outcome) in [
        (balancer("lb"), "201"),
        (balancer("lb"), "409 uniqueness_error"),
        (with(balancer("x"), json!({"load_balancer_type": "lb99"})), "422 invalid_input"),
        (with(balancer("x"), json!({"location": "mars1"})), "422 invalid_input"),
        (json!({"name": "x", "load_balancer_type": "lb11"}), "422 invalid_input"),
        (with(balancer("x"), json!({"network_zone": "eu-central"})), "422 invalid_input"),
        (with(balancer("x"), json!({"public_net": {"ipv4": 1}})), "422 unsupported_error"),
        (json!({"name": "zone", "load_balancer_type": "1", "network_zone": "us-west"}), "201"),
    ] {
        assert_eq!(cloud.outcome("POST", "/load_balancers", body.clone()).await, outcome, "{body}");
    }
    cloud.settle().await;
    assert_eq!(cloud.get("/load_balancers?name=zone").await["load_balancers"][0]["location"]["name"], "hil");
    let id = cloud.get("/load_balancers?name=lb").await["load_balancers"][0]["id"].as_i64().unwrap();
    let act = |action: &str| format!("/load_balancers/{id}/actions/{action}");
    for (action, body, outcome) in [
        ("add_service", tcp(80), "201"),
        ("add_service", tcp(80), "412 source_port_already_used"),
        ("add_service", json!({"protocol": "tcp", "listen_port": 1}), "422 invalid_input"),
        ("add_service", tcp(70_000), "422 invalid_input"),
        ("add_service", with(tcp(81), json!({"health_check": {"interval": 2}})), "422 invalid_input"),
        ("add_service", with(tcp(81), json!({"http": {}})), "422 invalid_input"),
        ("add_service", json!({"protocol": "https"}), "422 invalid_input"),
        (
            "add_service",
            json!({"protocol": "http", "listen_port": 8080, "http": {"sticky_sessions": true, "cookie_lifetime": 60}}),
            "201",
        ),
        ("update_service", json!({"listen_port": 99, "proxyprotocol": true}), "422 invalid_input"),
        ("update_service", json!({"proxyprotocol": true}), "422 invalid_input"),
        (
            "update_service",
            json!({"listen_port": 80, "proxyprotocol": true, "health_check": {"protocol": "http", "port": 8, "interval": 5, "timeout": 3, "retries": 2, "http": {"path": "/healthz", "status_codes": ["200"]}}}),
            "201",
        ),
        ("add_service", tcp(1), "201"),
        ("add_service", tcp(2), "201"),
        ("add_service", tcp(3), "201"),
        ("add_service", tcp(4), "403 resource_limit_exceeded"),
        ("delete_service", json!({"listen_port": 3}), "201"),
        ("delete_service", json!({"listen_port": 3}), "422 invalid_input"),
        ("change_algorithm", json!({"type": "least_connections"}), "201"),
        ("change_algorithm", json!({"type": "random"}), "422 invalid_input"),
        ("change_type", json!({"load_balancer_type": "lb11"}), "422 invalid_load_balancer_type"),
        ("change_type", json!({"load_balancer_type": "lb21"}), "201"),
    ] {
        assert_eq!(cloud.outcome("POST", &act(action), body.clone()).await, outcome, "{action} {body}");
        cloud.step(5000).await;
    }
    let shown = cloud.show("load_balancers", id).await;
    assert_eq!(shown["services"][0]["health_check"]["http"]["path"], "/healthz");
    assert_eq!(shown["services"][0]["proxyprotocol"], true);
    let http = &shown["services"][1];
    assert_eq!((&http["destination_port"], &http["http"]["cookie_name"]), (&json!(80), &json!("HCLBSTICKY")));
    assert_eq!(http["http"]["timeout_idle"], 50);
    assert_eq!(http["health_check"]["interval"], 15);
    assert_eq!(shown["algorithm"]["type"], "least_connections");
    assert_eq!(shown["load_balancer_type"]["name"], "lb21");
}

#[tokio::test]
async fn targets_are_reached_the_way_they_say() {
    let cloud = Cloud::stepped().await;
    let network = cloud
        .create(
            "networks",
            json!({"name": "n", "ip_range": "10.0.0.0/16", "subnets": [
        {"type": "cloud", "ip_range": "10.0.1.0/24", "network_zone": "eu-central"}]}),
        )
        .await;
    let inside = cloud
        .create("servers", with(server("in"), json!({"networks": [network], "labels": {"role": "web"}})))
        .await;
    let outside = cloud.create("servers", server("out")).await;
    let id = cloud.create("load_balancers", balancer("lb")).await;
    cloud.settle().await;
    let act = |action: &str| format!("/load_balancers/{id}/actions/{action}");
    cloud.post(&act("add_service"), tcp(80)).await;
    let on = |server: i64, private: bool| json!({"type": "server", "server": {"id": server}, "use_private_ip": private});
    let ip = |ip: &str| json!({"type": "ip", "ip": {"ip": ip}});
    let web =
        json!({"type": "label_selector", "label_selector": {"selector": "role=web"}, "use_private_ip": true});
    for (action, body, outcome) in [
        ("add_target", on(inside, true), "422 load_balancer_not_attached_to_network"),
        ("attach_to_network", json!({"network": network, "ip": "10.0.1.1"}), "422 ip_not_available"),
        ("attach_to_network", json!({"network": network, "ip": "10.0.1.100"}), "201"),
        ("attach_to_network", json!({"network": network}), "422 load_balancer_already_attached"),
        ("add_target", on(inside, true), "201"),
        ("add_target", on(inside, false), "422 target_already_defined"),
        ("add_target", on(outside, true), "422 resolve_cloud_private_targets_error"),
        ("add_target", on(1, false), "422 invalid_input"),
        ("disable_public_interface", Value::Null, "201"),
        ("add_target", on(outside, false), "422 load_balancer_public_interface_disabled"),
        ("enable_public_interface", Value::Null, "201"),
        ("add_target", on(outside, false), "201"),
        ("disable_public_interface", Value::Null, "422 targets_without_use_private_ip"),
        ("add_target", web.clone(), "201"),
        ("add_target", ip("192.0.2.1"), "422 cloud_resource_ip_not_allowed"),
        ("add_target", ip("10.0.1.5"), "422 network_has_no_vswitch_subnet"),
        ("add_target", ip("2001:db8::1"), "422 invalid_input"),
        ("add_target", ip("203.0.113.77"), "201"),
        ("remove_target", ip("203.0.113.78"), "422 invalid_input"),
        ("remove_target", json!({"type": "server", "server": {"id": outside}}), "201"),
        ("detach_from_network", json!({"network": 1}), "422 load_balancer_not_attached_to_network"),
    ] {
        assert_eq!(cloud.outcome("POST", &act(action), body.clone()).await, outcome, "{action} {body}");
        cloud.step(5000).await;
    }
    let shown = cloud.show("load_balancers", id).await;
    assert_eq!(shown["private_net"], json!([{"network": network, "ip": "10.0.1.100"}]));
    assert_eq!(shown["targets"][0]["server"], json!({"id": inside, "ip": "10.0.1.1"}));
    assert_eq!(shown["targets"][0]["health_status"], json!([{"listen_port": 80, "status": "healthy"}]));
    assert_eq!(shown["targets"][1]["targets"][0]["server"]["id"], inside);
    assert_eq!(cloud.show("servers", inside).await["load_balancers"], json!([id]));
    cloud.post(&format!("/servers/{inside}/actions/poweroff"), Value::Null).await;
    cloud.settle().await;
    assert_eq!(
        cloud.show("load_balancers", id).await["targets"][0]["health_status"][0]["status"],
        "unhealthy"
    );
    let members = cloud.get(&format!("/networks/{network}/members?type=load_balancer")).await;
    assert_eq!(members["members"][0]["id"], id);
    cloud.call("DELETE", &format!("/servers/{inside}"), Value::Null).await;
    cloud.settle().await;
    assert_eq!(cloud.show("load_balancers", id).await["targets"].as_array().unwrap().len(), 2);

    cloud
        .post(
            &act("change_dns_ptr"),
            json!({"ip": shown["public_net"]["ipv4"]["ip"], "dns_ptr": "lb.example.com"}),
        )
        .await;
    assert_eq!(cloud.show("load_balancers", id).await["public_net"]["ipv4"]["dns_ptr"], "lb.example.com");
    cloud
        .get(&format!(
            "/load_balancers/{id}/metrics?type=bandwidth&start=2026-10-05T00:00:00Z&end=2026-10-06T00:00:00Z"
        ))
        .await;
    cloud.post(&act("detach_from_network"), json!({"network": network})).await;
    cloud.settle().await;
    cloud.post(&act("change_protection"), json!({"delete": true})).await;
    assert_eq!(cloud.outcome("DELETE", &format!("/load_balancers/{id}"), Value::Null).await, "423 protected");
    cloud.post(&act("change_protection"), json!({"delete": false})).await;
    let renamed = cloud
        .call("PUT", &format!("/load_balancers/{id}"), json!({"name": "bl", "labels": {"a": "b"}}))
        .await;
    assert_eq!(renamed.body["load_balancer"]["name"], "bl");
    let deleted = cloud.call("DELETE", &format!("/load_balancers/{id}"), Value::Null).await;
    assert_eq!((deleted.status, &deleted.body["action"]["command"]), (201, &json!("delete_load_balancer")));
    cloud.settle().await;
    assert_eq!(cloud.outcome("GET", &format!("/load_balancers/{id}"), Value::Null).await, "404 not_found");
}

#[tokio::test]
async fn everything_can_be_given_at_creation() {
    let cloud = Cloud::stepped().await;
    let network = cloud
        .create(
            "networks",
            json!({"name": "n", "ip_range": "10.0.0.0/16", "subnets": [
        {"type": "cloud", "ip_range": "10.0.1.0/24", "network_zone": "eu-central"}]}),
        )
        .await;
    let target =
        json!({"type": "label_selector", "label_selector": {"selector": "a"}, "use_private_ip": true});
    let service = with(
        tcp(443),
        json!({"proxyprotocol": false, "health_check":
        {"protocol": "tcp", "port": 443, "interval": 15, "timeout": 10, "retries": 3}}),
    );
    let body = with(
        balancer("lb"),
        json!({"network": network, "public_interface": false, "services": [service],
        "targets": [target], "algorithm": {"type": "least_connections"}, "labels": {"x": "y"}}),
    );
    let created = cloud.post("/load_balancers", body).await["load_balancer"].take();
    assert_eq!(created["private_net"], json!([]));
    cloud.settle().await;
    let shown = cloud.show("load_balancers", created["id"].as_i64().unwrap()).await;
    assert_eq!(shown["private_net"], json!([{"network": network, "ip": "10.0.1.1"}]));
    assert_eq!(shown["public_net"]["enabled"], false);
}

#[tokio::test]
async fn certificates_are_read_and_kept_while_in_use() {
    let cloud = Cloud::stepped().await;
    let pem = include_str!("../fixtures/certificate.pem");
    let key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    let upload =
        |name: &str| json!({"name": name, "type": "uploaded", "certificate": pem, "private_key": key});
    let id = cloud.create("certificates", upload("c")).await;
    let shown = cloud.show("certificates", id).await;
    // Expected values: `openssl x509 -noout -fingerprint -dates -ext subjectAltName`.
    assert_eq!(shown["fingerprint"], include_str!("../fixtures/certificate.fingerprint").trim());
    assert_eq!(shown["domain_names"], json!(["example.com", "www.example.com"]));
    assert_eq!(shown["not_valid_before"], "2026-11-22T00:23:03Z");
    assert_eq!(shown["not_valid_after"], "2036-11-19T00:23:03Z");
    for (body, outcome) in [
        (upload("c"), "409 uniqueness_error"),
        (with(upload("d"), json!({"certificate": "x"})), "422 invalid_input"),
        (with(upload("d"), json!({"private_key": "x"})), "422 invalid_input"),
        (json!({"name": "d"}), "422 invalid_input"),
    ] {
        assert_eq!(cloud.outcome("POST", "/certificates", body).await, outcome);
    }
    let service = json!({"protocol": "https", "http": {"certificates": [id], "redirect_http": true}});
    let balancer = cloud.create("load_balancers", balancer("lb")).await;
    cloud.settle().await;
    cloud.post(&format!("/load_balancers/{balancer}/actions/add_service"), service).await;
    assert_eq!(
        cloud.show("certificates", id).await["used_by"],
        json!([{"id": balancer, "type": "load_balancer"}])
    );
    cloud.show("load_balancers", balancer).await;
    assert_eq!(
        cloud.outcome("DELETE", &format!("/certificates/{id}"), Value::Null).await,
        "422 resource_in_use"
    );
    cloud.settle().await;
    cloud
        .post(&format!("/load_balancers/{balancer}/actions/delete_service"), json!({"listen_port": 443}))
        .await;
    let renamed = cloud.call("PUT", &format!("/certificates/{id}"), json!({"name": "e"})).await;
    assert_eq!(renamed.body["certificate"]["name"], "e");
    assert_eq!(cloud.outcome("DELETE", &format!("/certificates/{id}"), Value::Null).await, "204");

    let managed = json!({"name": "m", "type": "managed", "domain_names": ["example.com"]});
    let created = cloud.post("/certificates", managed).await;
    assert_eq!(created["certificate"]["status"]["issuance"], "pending");
    cloud.settle().await;
    let id = created["certificate"]["id"].as_i64().unwrap();
    assert_eq!(cloud.show("certificates", id).await["status"]["error"]["code"], "dns_zone_not_found");
    let action = cloud.get(&format!("/certificates/actions/{}", created["action"]["id"])).await;
    assert_eq!(action["action"]["error"]["code"], "dns_zone_not_found");
    cloud.post(&format!("/certificates/{id}/actions/retry"), Value::Null).await;
}
