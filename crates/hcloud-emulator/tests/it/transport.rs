//! Routes, tokens, pages, filters, limits, faults and the control API.

use std::time::Duration;

use ferroform_hcloud_emulator::{ClockMode, Emulator, Error, Fault, FaultEffect, FaultReport, RateLimit};
use serde_json::{Value, json};

use crate::harness::{Cloud, TOKEN, send, server, with};

#[tokio::test]
async fn paths_are_looked_up_before_tokens_and_tokens_before_methods() {
    let cloud = Cloud::stepped().await;
    let address = cloud.handle.address();
    let wrong = "x".repeat(64);
    for (token, method, path, expected, message) in [
        (None, "GET", "/v1/nothing", "404 not_found", "api route not found"),
        (Some(TOKEN), "GET", "/v1/nothing", "404 not_found", "api route not found"),
        (Some(TOKEN), "GET", "/servers", "404 not_found", "api route not found"),
        (None, "GET", "/v1/servers", "401 unauthorized", "token is required"),
        (None, "PATCH", "/v1/servers", "401 unauthorized", "token is required"),
        (Some(&*wrong), "GET", "/v1/servers", "401 unauthorized", "the token you have provided is invalid"),
        (Some("short"), "GET", "/v1/servers", "401 unauthorized", "the token you have provided is invalid"),
        (Some(TOKEN), "PATCH", "/v1/servers", "405 method_not_allowed", "method not allowed for this route"),
        (Some(TOKEN), "GET", "/v1/servers/1", "404 not_found", "server with ID '1' not found"),
        (
            Some(TOKEN),
            "GET",
            "/v1/datacenters",
            "410 deprecated_api_endpoint",
            "datacenters were removed, use locations instead",
        ),
    ] {
        let answer = send(address, token, method, path, "").await.unwrap();
        assert_eq!(answer.outcome(), expected, "{method} {path}");
        assert_eq!(answer.body["error"]["message"], message, "{method} {path}");
        assert!(answer.body["error"].get("details").is_some());
    }
    let unknown = send(address, None, "GET", "/v1/nothing", "").await.unwrap();
    assert_eq!(unknown.header("content-type"), Some("application/json; charset=UTF-8"));
    assert!(unknown.text.starts_with("{\n"), "pretty-printed");
}

#[tokio::test]
async fn bodies_that_are_no_objects_are_json_errors_and_wrong_fields_are_listed() {
    let cloud = Cloud::stepped().await;
    for body in ["{", "[]", "\"x\"", "{\"name\": \"a\",}"] {
        let answer = send(cloud.handle.address(), Some(TOKEN), "POST", "/v1/ssh_keys", body).await.unwrap();
        assert_eq!(answer.outcome(), "400 json_error", "{body}");
    }
    let answer = cloud.call("POST", "/servers", json!({"name": 1, "labels": {"-": ""}})).await;
    assert_eq!(answer.outcome(), "422 invalid_input");
    assert_eq!(answer.fields(), ["name", "labels", "server_type", "image"]);
    let deep = format!("{}1{}", "[".repeat(5000), "]".repeat(5000));
    let answer = send(cloud.handle.address(), Some(TOKEN), "POST", "/v1/ssh_keys", &deep).await.unwrap();
    assert_eq!(answer.outcome(), "400 json_error");
}

#[tokio::test]
async fn projects_do_not_see_each_other() {
    let mut cloud = Cloud::stepped().await;
    let id = cloud.create("placement_groups", json!({"name": "a", "type": "spread"})).await;
    let other = cloud.control("POST", "/tokens", Value::Null).await;
    assert_eq!(other.status, 201);
    cloud.token = other.body["token"].as_str().unwrap().to_owned();
    assert_eq!(cloud.token.len(), 64);
    assert_eq!(cloud.outcome("GET", &format!("/placement_groups/{id}"), Value::Null).await, "404 not_found");
    assert_ne!(cloud.create("placement_groups", json!({"name": "a", "type": "spread"})).await, id);
    for token in ["short", &"\u{7f}".repeat(64)] {
        let answer = cloud.control("POST", "/tokens", json!({"token": token})).await;
        assert_eq!(answer.outcome(), "422 invalid_input");
    }
}

#[tokio::test]
async fn lists_have_pages_order_and_filters() {
    let cloud = Cloud::stepped().await;
    for number in 0..30 {
        let labels = json!({"parity": if number % 2 == 0 { "even" } else { "odd" }});
        let body = json!({"name": format!("g{:02}", 29 - number), "type": "spread", "labels": labels});
        cloud.post("/placement_groups", body).await;
    }
    let names = |body: &Value| -> Vec<String> {
        let groups = body["placement_groups"].as_array().unwrap();
        groups.iter().map(|group| group["name"].as_str().unwrap().to_owned()).collect()
    };
    for (query, first, count, pagination) in [
        ("", "g29", 25, json!([1, 25, null, 2, 2, 30])),
        ("?page=2", "g04", 5, json!([2, 25, 1, null, 2, 30])),
        ("?per_page=10&page=3", "g09", 10, json!([3, 10, 2, null, 3, 30])),
        ("?per_page=500", "g29", 30, json!([1, 50, null, null, 1, 30])),
        ("?sort=name", "g00", 25, json!([1, 25, null, 2, 2, 30])),
        ("?sort=name:desc", "g29", 25, json!([1, 25, null, 2, 2, 30])),
        ("?sort=nonsense&sort=id:desc", "g00", 25, json!([1, 25, null, 2, 2, 30])),
        ("?sort=created&sort=name:asc", "g00", 25, json!([1, 25, null, 2, 2, 30])),
        ("?name=g07", "g07", 1, json!([1, 25, null, null, 1, 1])),
        ("?name=g", "", 0, json!([1, 25, null, null, 1, 0])),
        ("?label_selector=parity%3D%3Deven", "g29", 15, json!([1, 25, null, null, 1, 15])),
        ("?label_selector=parity+in+(even,odd),!x&page=2", "g04", 5, json!([2, 25, 1, null, 2, 30])),
    ] {
        let body = cloud.get(&format!("/placement_groups{query}")).await;
        let names = names(&body);
        assert_eq!(names.first().map_or("", String::as_str), first, "{query}");
        assert_eq!(names.len(), count, "{query}");
        let meta = &body["meta"]["pagination"];
        let order = ["page", "per_page", "previous_page", "next_page", "last_page", "total_entries"];
        let shown: Vec<&Value> = order.iter().map(|name| &meta[name]).collect();
        assert_eq!(json!(shown), pagination, "{query}");
    }
    let answer = cloud.call("GET", "/placement_groups?page=2&per_page=10&name=", Value::Null).await;
    let link = answer.header("link").unwrap();
    for part in ["page=1>; rel=\"prev\"", "page=3>; rel=\"next\"", "page=3>; rel=\"last\""] {
        assert!(link.contains(part), "{link}");
    }
    for query in ["?page=0", "?page=x", "?per_page=0", "?label_selector=a%20b"] {
        let outcome = cloud.outcome("GET", &format!("/placement_groups{query}"), Value::Null).await;
        assert_eq!(outcome, "422 invalid_input", "{query}");
    }
}

#[tokio::test]
async fn requests_are_limited_and_the_headers_tell() {
    let limited = |builder: ferroform_hcloud_emulator::Builder| {
        builder.clock(ClockMode::Stepped).rate_limit(RateLimit::PerHour(3))
    };
    let cloud = Cloud::start(limited).await;
    for remaining in ["2", "1", "0"] {
        let answer = cloud.call("GET", "/locations", Value::Null).await;
        assert_eq!(answer.header("ratelimit-limit"), Some("3"));
        assert_eq!(answer.header("ratelimit-remaining"), Some(remaining));
    }
    let answer = cloud.call("GET", "/locations", Value::Null).await;
    assert_eq!(answer.outcome(), "429 rate_limit_exceeded");
    cloud.step(1_200_000).await;
    assert_eq!(cloud.outcome("GET", "/locations", Value::Null).await, "200");
}

#[tokio::test]
async fn faults_do_what_they_say() {
    let cloud = Cloud::stepped().await;
    let group = |name: &str| json!({"name": name, "type": "spread"});
    let count =
        || async { cloud.get("/placement_groups").await["placement_groups"].as_array().unwrap().len() };

    let answer = json!({"answer": {"status": 503, "code": "unavailable", "message": "try later"}});
    cloud.fault(json!({"method": "POST", "path": "/placement_groups", "effect": answer})).await;
    assert_eq!(cloud.outcome("POST", "/placement_groups", group("a")).await, "503 unavailable");
    assert_eq!(count().await, 0);
    assert_eq!(cloud.outcome("POST", "/placement_groups", group("a")).await, "201");

    for (execute, after) in [(false, 1), (true, 2)] {
        cloud.fault(json!({"method": "POST", "effect": {"drop": {"execute": execute}}})).await;
        assert!(cloud.raw("POST", "/v1/placement_groups", &group("b")).await.is_none());
        assert_eq!(count().await, after, "execute: {execute}");
    }

    cloud.fault(json!({"path": "/locations", "effect": {"rate_limit": {}}})).await;
    assert_eq!(cloud.outcome("GET", "/locations", Value::Null).await, "429 rate_limit_exceeded");
    assert_eq!(cloud.outcome("GET", "/placement_groups", Value::Null).await, "429 rate_limit_exceeded");
    cloud.settle().await;

    cloud.fault(json!({"path": "/locations", "effect": {"delay": {"milliseconds": 60}}})).await;
    let before = std::time::Instant::now();
    cloud.get("/locations").await;
    assert!(before.elapsed() >= Duration::from_millis(60));

    let shown = cloud.control("GET", "/faults", Value::Null).await;
    assert_eq!(shown.body["faults"].as_array().unwrap().len(), 5);
    assert_eq!(shown.body["faults"][0]["hits"], 1);
    assert_eq!(cloud.control("DELETE", "/faults", Value::Null).await.status, 204);
    assert_eq!(cloud.control("GET", "/faults/1", Value::Null).await.status, 404);
    assert_eq!(cloud.control("POST", "/faults", json!({"effect": {"x": 1}})).await.status, 400);
}

#[tokio::test]
async fn an_answer_is_held_until_it_is_released_and_the_effect_is_there_before() {
    let cloud = Cloud::stepped().await;
    let id =
        cloud.fault(json!({"method": "POST", "path": "/placement_groups", "effect": {"hold": {}}})).await;
    let address = cloud.handle.address();
    let body = json!({"name": "held", "type": "spread"}).to_string();
    let request =
        tokio::spawn(async move { send(address, Some(TOKEN), "POST", "/v1/placement_groups", &body).await });
    let held =
        || async { cloud.control("GET", &format!("/faults/{id}"), Value::Null).await.body["held"].clone() };
    for _ in 0..500 {
        if held().await == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert_eq!(held().await, 1);
    assert_eq!(cloud.get("/placement_groups").await["placement_groups"][0]["name"], "held");
    assert!(!request.is_finished());
    assert_eq!(cloud.control("POST", &format!("/faults/{id}/release"), Value::Null).await.status, 200);
    assert_eq!(request.await.unwrap().unwrap().status, 201);
    assert_eq!(held().await, 0);
}

#[tokio::test]
async fn actions_can_be_made_to_fail_and_leave_things_as_they_were() {
    let cloud = Cloud::stepped().await;
    let id = cloud.create("servers", server("a")).await;
    let volume = cloud.create("volumes", json!({"name": "v", "size": 10, "location": "fsn1"})).await;
    cloud.settle().await;
    let failure = json!({"fail_action": {"code": "server_error", "message": "server is locked"}});
    cloud.fault(json!({"command": "attach_volume", "effect": failure})).await;
    let action = cloud.post(&format!("/volumes/{volume}/actions/attach"), json!({"server": id})).await;
    assert_eq!(action["action"]["status"], "running");
    cloud.settle().await;
    let action = cloud.get(&format!("/actions/{}", action["action"]["id"])).await;
    assert_eq!(action["action"]["status"], "error");
    assert_eq!(action["action"]["error"], json!({"code": "server_error", "message": "server is locked"}));
    assert_eq!(cloud.show("volumes", volume).await["server"], Value::Null);
    cloud.post(&format!("/volumes/{volume}/actions/attach"), json!({"server": id})).await;
    cloud.settle().await;
    assert_eq!(cloud.show("volumes", volume).await["server"], id);

    cloud
        .fault(json!({"command": "create_server", "effect": {"fail_action": {"code": "x", "message": "y"}}}))
        .await;
    let created = cloud.post("/servers", server("b")).await;
    cloud.settle().await;
    for action in [&created["action"], &created["next_actions"][0]] {
        assert_eq!(cloud.get(&format!("/actions/{}", action["id"])).await["action"]["status"], "error");
    }
    let broken = cloud.show("servers", created["server"]["id"].as_i64().unwrap()).await;
    assert_eq!((&broken["status"], &broken["locked"]), (&json!("off"), &json!(false)));
}

#[tokio::test]
async fn types_can_be_sold_out() {
    let cloud = Cloud::stepped().await;
    let effect = json!({"sold_out": {"server_type": "cx23", "location": "fsn1"}});
    let id = cloud.fault(json!({"effect": effect})).await;
    for _ in 0..2 {
        assert_eq!(cloud.outcome("POST", "/servers", server("a")).await, "412 resource_unavailable");
    }
    assert_eq!(
        cloud.outcome("POST", "/servers", with(server("a"), json!({"location": "nbg1"}))).await,
        "201"
    );
    assert_eq!(cloud.control("DELETE", &format!("/faults/{id}"), Value::Null).await.status, 204);
    assert_eq!(cloud.outcome("POST", "/servers", server("b")).await, "201");
}

#[tokio::test]
async fn a_test_in_the_same_process_has_all_of_it_without_requests() {
    let cloud = Cloud::stepped().await;
    let id = cloud.create("servers", server("a")).await;
    assert!(cloud.handle.advance(Duration::from_secs(60)));
    assert_eq!(cloud.handle.objects()["servers"]["objects"][0]["status"], "running");
    let effect = FaultEffect::FailAction { code: "x".to_owned(), message: "y".to_owned() };
    let fault = cloud.handle.add_fault(Fault::new(effect));
    let action = cloud.post(&format!("/servers/{id}/actions/enable_backup"), Value::Null).await;
    assert_eq!(action["action"]["error"], json!({"code": "x", "message": "y"}));
    assert_eq!(cloud.handle.objects()["servers"]["objects"][0]["backup_window"], Value::Null);
    assert_eq!(cloud.handle.fault(fault), Some(FaultReport { matched: 1, hits: 1, held: 0 }));
    assert!(cloud.handle.release_fault(fault));
    cloud.handle.clear_faults();
    assert_eq!(cloud.handle.fault(fault), None);
    assert_eq!(cloud.handle.requests()["POST /servers"], 1);
    cloud.handle.reset_requests();
    assert!(cloud.handle.requests().is_empty());
}

#[tokio::test]
async fn the_control_api_counts_requests_and_needs_a_token_but_for_health() {
    let cloud = Cloud::stepped().await;
    let address = cloud.handle.address();
    let health = send(address, None, "GET", "/_emulator/health", "").await.unwrap();
    assert_eq!(health.body["world"], cloud.handle.world_id());
    assert_eq!(health.body["pid"], std::process::id());
    assert_eq!(send(address, None, "GET", "/_emulator/stats", "").await.unwrap().status, 401);
    cloud.get("/servers").await;
    cloud.get("/servers?page=2").await;
    cloud.outcome("GET", "/servers/12", Value::Null).await;
    let stats = cloud.control("GET", "/stats", Value::Null).await.body;
    let routes = json!({"GET /servers": 2, "GET /servers/{id}": 1});
    assert_eq!(stats, json!({"total": 3, "rate_limited": 0, "routes": routes}));
    assert_eq!(cloud.control("DELETE", "/stats", Value::Null).await.status, 204);
    assert_eq!(cloud.control("GET", "/stats", Value::Null).await.body["total"], 0);
    assert_eq!(cloud.control("GET", "/nothing", Value::Null).await.status, 404);
}

#[tokio::test]
async fn it_listens_on_loopback_only_and_takes_tokens_of_64_characters_only() {
    let outside = Emulator::builder().listen("0.0.0.0:0".parse().unwrap()).start().await;
    assert!(matches!(outside, Err(Error::NotLoopback { .. })));
    let short = Emulator::builder().token("short").start().await;
    assert!(matches!(short, Err(Error::Token { length: 5 })));
    let made_up = Emulator::builder().start().await.unwrap();
    assert_eq!(made_up.token().len(), 64);
    assert!(made_up.endpoint().starts_with("http://127.0.0.1:"));
}

#[tokio::test]
async fn it_notices_when_nobody_asks_and_when_it_is_told_to_end() {
    let idle = Duration::from_millis(1500);
    let cloud = Cloud::start(|builder| builder.idle_exit(idle)).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    let asked = std::time::Instant::now();
    cloud.get("/locations").await;
    cloud.handle.wait_idle().await;
    assert!(asked.elapsed() >= idle);

    let cloud = Cloud::stepped().await;
    assert_eq!(cloud.control("POST", "/shutdown", Value::Null).await.status, 200);
    tokio::time::timeout(Duration::from_secs(60), cloud.handle.wait_idle()).await.unwrap();
    cloud.handle.shutdown().await;
}
