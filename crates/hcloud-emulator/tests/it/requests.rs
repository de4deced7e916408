//! The request log and its replay.

use ferroform_hcloud_emulator::RateLimit;
use serde_json::{Value, json};

use crate::harness::{Cloud, send, server, with};

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl a@b";

async fn log(cloud: &Cloud, query: &str) -> Value {
    let answer = cloud.control("GET", &format!("/requests{query}"), Value::Null).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.body
}

/// Route and status of each request of a log.
fn outline(log: &Value) -> Vec<String> {
    let requests = log["requests"].as_array().unwrap().iter();
    requests.map(|one| format!("{} {}", one["route"].as_str().unwrap_or("-"), one["status"])).collect()
}

#[tokio::test]
async fn requests_are_logged_with_their_official_names_and_without_secrets() {
    let cloud = Cloud::instant().await;
    let body = with(server("web"), json!({"user_data": "s3cr3t", "labels": {"a": "b"}}));
    cloud.call("POST", "/servers", body).await;
    cloud.call("GET", "/servers?label_selector=a%3Db&per_page=5", Value::Null).await;
    cloud.call("GET", "/servers/1", Value::Null).await;
    cloud.call("GET", "/servers/x", Value::Null).await;
    send(cloud.handle.address(), None, "GET", "/v1/servers", "").await;
    send(cloud.handle.address(), Some(&cloud.token), "POST", "/v1/nothing", "token=s3cr3t").await;

    let all = log(&cloud, "").await;
    assert_eq!(
        outline(&all),
        ["create_server 201", "list_servers 200", "get_server 404", "- 404", "list_servers 401", "- 404"]
    );
    let text = all.to_string();
    assert!(!text.contains("s3cr3t") && !text.contains(&cloud.token), "{text}");
    let requests = all["requests"].as_array().unwrap();
    let project = all["project"].as_str().unwrap();
    assert_eq!(project.len(), 8);
    let seen = |index: usize, field: &str| requests[index][field].clone();
    assert_eq!(seen(0, "project"), project);
    assert_eq!(seen(0, "body")["user_data"], "(cut out)");
    assert_eq!(seen(0, "body")["labels"], json!({"a": "b"}));
    assert_eq!(seen(0, "answer")["server"]["name"], "web");
    assert_eq!(seen(0, "answer")["root_password"], "(cut out)");
    assert!(seen(0, "duration_ms").as_f64().unwrap() > 0.0);
    assert_eq!(seen(1, "path"), "/v1/servers?label_selector=a%3Db&per_page=5");
    assert_eq!(seen(1, "answer"), Value::Null, "long, and the world tells as much");
    assert_eq!((seen(2, "code"), seen(4, "code")), (json!("not_found"), json!("unauthorized")));
    assert_eq!((seen(4, "project"), seen(4, "executed")), (Value::Null, json!(false)));
    assert_eq!((seen(5, "body"), seen(5, "body_left_out")), (Value::Null, json!(true)));

    for (query, expected) in [
        ("?route=list_servers", vec!["list_servers 200", "list_servers 401"]),
        ("?route=list_servers&status=200", vec!["list_servers 200"]),
        ("?status=4xx&method=post", vec!["- 404"]),
        ("?since=4&limit=1", vec!["- 404"]),
        ("?since=6", vec![]),
        ("?project=00000000", vec![]),
    ] {
        assert_eq!(outline(&log(&cloud, query).await), expected, "{query}");
    }
    let refused = cloud.control("GET", "/requests?route=a&status=good", Value::Null).await;
    assert_eq!(
        (refused.outcome().as_str(), refused.fields()),
        ("422 invalid_input", vec!["status".to_owned()])
    );
    assert_eq!(cloud.control("DELETE", "/requests", Value::Null).await.status, 204);
    let empty = log(&cloud, "").await;
    assert_eq!((&empty["requests"], &empty["last"]), (&json!([]), &json!(6)));
}

#[tokio::test]
async fn the_log_tells_what_was_not_answered_and_what_was_not_carried_out() {
    let cloud = Cloud::instant().await;
    for (effect, status, executed) in [
        (json!({"drop": {"execute": true}}), json!(null), true),
        (json!({"drop": {"execute": false}}), json!(null), false),
        (json!({"answer": {"status": 503, "code": "unavailable"}}), json!(503), false),
        (json!({"rate_limit": {}}), json!(429), false),
    ] {
        cloud.fault(json!({"effect": effect})).await;
        cloud.raw("POST", "/v1/placement_groups", &json!({"name": "a", "type": "spread"})).await;
        let entry = log(&cloud, "?limit=1").await["requests"][0].take();
        assert_eq!((&entry["status"], &entry["executed"]), (&status, &json!(executed)), "{effect}");
    }
}

/// Makes a bit of everything that has ids, addresses or secrets, and changes it. Time passes in between: whoever did not
/// wait would be told that the server is locked.
async fn play(cloud: &Cloud) {
    let key = cloud.create("ssh_keys", json!({"name": "key", "public_key": KEY})).await;
    let network = cloud.create("networks", json!({"name": "net", "ip_range": "10.0.0.0/16"})).await;
    let subnet = json!({"type": "cloud", "ip_range": "10.0.1.0/24", "network_zone": "eu-central"});
    cloud.post(&format!("/networks/{network}/actions/add_subnet"), subnet).await;
    let body = json!({"ssh_keys": [key.to_string()], "networks": [network], "user_data": "s3cr3t"});
    let created = cloud.post("/servers", with(server("web"), body)).await;
    let web = created["server"]["id"].as_i64().unwrap();
    cloud
        .get(&format!(
            "/servers/actions?id={}&id={}",
            created["action"]["id"], created["next_actions"][0]["id"]
        ))
        .await;
    let locked = cloud.outcome("POST", &format!("/servers/{web}/actions/reboot"), Value::Null).await;
    assert_eq!(locked, "423 locked");
    cloud.settle().await;
    let net = created["server"]["public_net"].clone();
    let v6 = net["ipv6"]["ip"].as_str().unwrap().replace("/64", "1");
    for ip in [net["ipv4"]["ip"].as_str().unwrap(), &v6] {
        let pointer = json!({"ip": ip, "dns_ptr": "web.example.com"});
        cloud.post(&format!("/servers/{web}/actions/change_dns_ptr"), pointer).await;
        cloud.settle().await;
    }
    cloud.create("volumes", json!({"name": "data", "size": 10, "server": web, "automount": false})).await;
    cloud.settle().await;
    cloud.call("POST", "/servers", server("web")).await;
    let zone = json!({"name": "example.com", "mode": "secondary", "primary_nameservers": [{
        "address": "192.0.2.77", "tsig_key": "c2VjcmV0", "tsig_algorithm": "hmac-sha256"}]});
    cloud.post("/zones", zone).await;
    let zones = cloud.get("/zones?name=example.com").await;
    let id = &zones["zones"][0]["id"];
    cloud.call("PUT", &format!("/zones/{id}"), json!({"labels": {"a": "b"}})).await;
}

async fn replay(cloud: &mut Cloud, log: &Value) -> Value {
    let added = cloud.control("POST", "/tokens", Value::Null).await;
    cloud.token = added.body["token"].as_str().unwrap().to_owned();
    let answer = cloud.control("POST", "/replay", log.clone()).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.body
}

#[tokio::test]
async fn a_log_can_be_replayed_in_another_project_where_ids_and_addresses_are_others() {
    let recorded = Cloud::stepped().await;
    play(&recorded).await;
    let log = log(&recorded, "").await;
    let before = recorded.world().await;

    let mut cloud = Cloud::stepped().await;
    for name in ["taken", "too"] {
        // Ids and addresses of the recorded world belong to others here.
        cloud.create("servers", server(name)).await;
    }
    let report = replay(&mut cloud, &log).await;
    assert_eq!((&report["different"], &report["left_out"]), (&json!([]), &json!([])), "{report:#}");
    assert_eq!(report["replayed"], log["requests"].as_array().unwrap().len());

    let after = cloud.world().await;
    let counts = |world: &Value| -> Vec<String> {
        let kinds = world.as_object().unwrap().iter();
        kinds.map(|(kind, objects)| format!("{kind} {}", objects["count"])).collect()
    };
    assert_eq!(counts(&after), counts(&before));
    let (old, new) = (&before["servers"]["objects"][0], &after["servers"]["objects"][0]);
    assert_ne!(old["id"], new["id"]);
    assert_eq!(report["ids"]["server"][old["id"].to_string()], new["id"]);
    assert_ne!(old["public_net"]["ipv4"]["ip"], new["public_net"]["ipv4"]["ip"]);
    for family in ["ipv4", "ipv6"] {
        let pointer = |server: &Value| server["public_net"][family]["dns_ptr"].to_string();
        assert!(pointer(new).contains("web.example.com"), "{}", pointer(new));
    }
    assert_eq!(after["volumes"]["objects"][0]["server"], new["id"]);
    assert_eq!(after["zones"]["objects"][0]["labels"], json!({"a": "b"}));

    let again = cloud.control("POST", "/replay", log).await;
    assert_eq!(again.outcome(), "409 conflict", "the project has objects now");
}

#[tokio::test]
async fn a_replay_says_what_is_answered_otherwise_and_leaves_out_what_had_no_effect() {
    let recorded = Cloud::start(|builder| builder.rate_limit(RateLimit::Unlimited)).await;
    recorded.fault(json!({"effect": {"answer": {"status": 503, "code": "unavailable"}}})).await;
    for _ in 0..2 {
        recorded.raw("POST", "/v1/placement_groups", &json!({"name": "a", "type": "spread"})).await;
    }
    let mut log = log(&recorded, "").await;
    let mut cloud = Cloud::stepped().await;
    let report = replay(&mut cloud, &log).await;
    assert_eq!(report["left_out"], json!([{"number": 1, "why": "it was not carried out then"}]));
    assert_eq!((&report["replayed"], &report["different"]), (&json!(1), &json!([])));

    log["requests"][1]["body"]["name"] = json!("");
    let report = replay(&mut cloud, &log).await;
    let different = &report["different"][0];
    assert_eq!((&different["number"], &different["route"]), (&json!(2), &json!("create_placement_group")));
    assert_eq!(different["then"], json!({"status": 201, "code": null}));
    assert_eq!(
        (&different["now"]["status"], &different["now"]["code"]),
        (&json!(422), &json!("invalid_input"))
    );
}

#[tokio::test]
async fn what_is_no_log_is_refused() {
    let cloud = Cloud::stepped().await;
    let entry = |project: &str| {
        json!({"number": 1, "time": "2026-10-06T00:00:00.000Z", "method": "GET", "path": "/v1/servers",
               "project": project, "executed": true})
    };
    for (body, outcome) in [
        (json!("x"), "400 json_error"),
        (json!({"format": 2, "requests": []}), "422 invalid_input"),
        (json!({"format": 1, "requests": [{"number": 1}]}), "400 json_error"),
        (json!({"format": 1, "requests": [with(entry("a"), json!({"time": "noon"}))]}), "400 json_error"),
        (json!({"format": 1, "requests": [entry("a"), entry("b")]}), "422 invalid_input"),
        (json!({"format": 1, "requests": [entry("a")], "replay_project": "b"}), "422 invalid_input"),
        (json!({"format": 1, "requests": [entry("a"), entry("b")], "replay_project": "b"}), "200"),
        (json!({"format": 1, "requests": []}), "200"),
    ] {
        assert_eq!(cloud.control("POST", "/replay", body.clone()).await.outcome(), outcome, "{body}");
    }
}
