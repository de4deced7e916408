//! Faults beyond the simplest ones (see `transport.rs`): what they mean, in which order they hit, and what they do to actions,
//! tokens, places and time.

use std::time::{Duration, Instant};

use ferroform_hcloud_emulator::{ClockMode, Emulator, ErrorKind, Fault, FaultEffect};
use serde_json::{Value, json};

use crate::harness::{Cloud, TOKEN, send, server, with};

fn group(name: &str) -> Value {
    json!({"name": name, "type": "spread"})
}

fn volume(name: &str) -> Value {
    json!({"name": name, "size": 10, "location": "fsn1"})
}

async fn count(cloud: &Cloud, kind: &str) -> usize {
    cloud.get(&format!("/{kind}")).await[kind].as_array().unwrap().len()
}

/// The status of the action that a request begins.
async fn status(cloud: &Cloud, answer: &Value) -> String {
    let action = cloud.get(&format!("/actions/{}", answer["action"]["id"])).await;
    action["action"]["status"].as_str().unwrap().to_owned()
}

async fn remove(cloud: &Cloud, fault: i64) {
    assert_eq!(cloud.control("DELETE", &format!("/faults/{fault}"), Value::Null).await.status, 204);
}

/// Statuses and details: Hetzner API documentation, section "Errors". The harness holds every answer against the document.
#[tokio::test]
async fn errors_are_given_by_their_short_names() {
    let cloud = Cloud::stepped().await;
    for (name, expected) in [
        ("locked", "423 locked"),
        ("conflict", "409 conflict"),
        ("resource_unavailable", "412 resource_unavailable"),
        ("placement_error", "422 placement_error"),
        ("resource_limit_exceeded", "403 resource_limit_exceeded"),
        ("unavailable", "503 unavailable"),
        ("server_error", "500 server_error"),
        ("service_error", "422 service_error"),
        ("bad_gateway", "502 bad_gateway"),
        ("timeout", "504 timeout"),
        ("invalid_input", "422 invalid_input"),
    ] {
        cloud.fault(json!({"method": "POST", "effect": {"error": name}})).await;
        assert_eq!(cloud.outcome("POST", "/placement_groups", group("a")).await, expected);
    }
    assert_eq!(count(&cloud, "placement_groups").await, 0);
    let refused = cloud.control("POST", "/faults", json!({"effect": {"error": "broken"}})).await;
    assert_eq!(refused.outcome(), "400 json_error");
    assert!(refused.text.contains("placement_error"), "it says what is allowed: {}", refused.text);
}

#[tokio::test]
async fn a_fault_means_an_object_by_id_or_name_in_path_or_body() {
    let cloud = Cloud::stepped().await;
    let ids = [cloud.create("servers", server("web")).await, cloud.create("servers", server("db")).await];
    cloud.settle().await;
    let poweroff = |id: i64| format!("/servers/{id}/actions/poweroff");
    for resource in [json!("web"), json!(ids[0]), json!(ids[0].to_string())] {
        let fault =
            json!({"method": "POST", "resource": resource, "count": 0, "effect": {"error": "locked"}});
        let fault = cloud.fault(fault).await;
        assert_eq!(cloud.outcome("POST", &poweroff(ids[0]), Value::Null).await, "423 locked");
        assert_eq!(cloud.outcome("GET", &format!("/servers/{}", ids[0]), Value::Null).await, "200");
        let on = |id| json!({"name": "v", "size": 10, "server": id});
        assert_eq!(cloud.outcome("POST", "/volumes", on(ids[0])).await, "423 locked");
        assert_eq!(cloud.outcome("POST", "/volumes", volume("w")).await, "201");
        let made = cloud.get("/volumes").await["volumes"][0]["id"].clone();
        cloud.settle().await;
        assert_eq!(cloud.outcome("DELETE", &format!("/volumes/{made}"), Value::Null).await, "204");
        remove(&cloud, fault).await;
    }
    cloud.fault(json!({"resource": "web", "count": 0, "effect": {"error": "locked"}})).await;
    assert_eq!(cloud.outcome("POST", &poweroff(ids[1]), Value::Null).await, "201");
}

#[tokio::test]
async fn the_same_seed_hits_the_same_requests_and_a_script_says_which() {
    let outcomes = async |fault: Value| {
        let cloud = Cloud::stepped().await;
        cloud.fault(fault).await;
        let mut outcomes = Vec::new();
        for _ in 0..24 {
            outcomes.push(cloud.outcome("GET", "/ssh_keys", Value::Null).await);
        }
        outcomes
    };
    let drawn =
        |seed: u64| json!({"count": 0, "probability": 0.5, "seed": seed, "effect": {"error": "locked"}});
    let first = outcomes(drawn(1)).await;
    assert_eq!(first, outcomes(drawn(1)).await);
    assert_ne!(first, outcomes(drawn(2)).await);
    let script =
        json!({"skip": 1, "effect": {"script": [{"error": "conflict"}, {"pass": {}}, {"error": "timeout"}]}});
    assert_eq!(outcomes(script).await[..6], ["200", "409 conflict", "200", "504 timeout", "200", "200"]);
}

#[tokio::test]
async fn a_request_times_out_before_or_after_its_effect() {
    let cloud = Cloud::stepped().await;
    for (execute, after) in [(false, 0), (true, 1)] {
        let effect = json!({"time_out": {"execute": execute, "milliseconds": 80}});
        cloud.fault(json!({"method": "POST", "effect": effect})).await;
        let begun = Instant::now();
        assert!(cloud.raw("POST", "/v1/placement_groups", &group("a")).await.is_none());
        assert!(begun.elapsed() >= Duration::from_millis(80));
        assert_eq!(count(&cloud, "placement_groups").await, after, "execute: {execute}");
    }
    // Without a time, until somebody lets go.
    let fault = cloud.fault(json!({"method": "POST", "effect": {"time_out": {"execute": false}}})).await;
    let address = cloud.handle.address();
    let body = group("b").to_string();
    let request =
        tokio::spawn(async move { send(address, Some(TOKEN), "POST", "/v1/placement_groups", &body).await });
    let held =
        async || cloud.control("GET", &format!("/faults/{fault}"), Value::Null).await.body["held"].clone();
    let begun = Instant::now();
    while held().await != 1 {
        assert!(begun.elapsed() < Duration::from_secs(10), "the request is not held");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert!(!request.is_finished());
    remove(&cloud, fault).await;
    assert!(request.await.unwrap().is_none());
    assert_eq!(count(&cloud, "placement_groups").await, 1);
}

#[tokio::test]
async fn actions_stall_until_they_are_released_and_what_follows_them_too() {
    for by_removal in [false, true] {
        let cloud = Cloud::stepped().await;
        let fault = cloud.fault(json!({"command": "create_server", "effect": {"stall": {}}})).await;
        let created = cloud.post("/servers", server("a")).await;
        let other = cloud.post("/servers", server("b")).await;
        for _ in 0..3 {
            cloud.settle().await;
            assert_eq!(status(&cloud, &created).await, "running");
        }
        assert_eq!(status(&cloud, &other).await, "success", "only one was to be hit");
        let id = created["server"]["id"].as_i64().unwrap();
        let shown = cloud.show("servers", id).await;
        assert_eq!((&shown["status"], &shown["locked"]), (&json!("initializing"), &json!(true)));
        let next = created["next_actions"][0]["id"].clone();
        assert_eq!(cloud.get(&format!("/actions/{next}")).await["action"]["status"], "running");
        let before = cloud.control("GET", "/clock", Value::Null).await.body["now_ms"].clone();
        if by_removal {
            remove(&cloud, fault).await;
        } else {
            let path = format!("/faults/{fault}/release");
            assert_eq!(cloud.control("POST", &path, Value::Null).await.status, 200);
        }
        let shown = cloud.show("servers", id).await;
        assert_eq!((&shown["status"], &shown["locked"]), (&json!("running"), &json!(false)));
        let action = cloud.get(&format!("/actions/{}", created["action"]["id"])).await;
        assert_eq!(action["action"]["progress"], 100);
        // It ends when it is let go, not when it would have ended.
        let day = |text: &Value| text.as_str().unwrap().to_owned();
        let expected = before.as_i64().unwrap() - 3 * 3_600_000;
        assert_ne!(day(&action["action"]["finished"]), day(&action["action"]["started"]));
        assert_eq!(expected, ferroform_hcloud_emulator::STEPPED_START_MS);
        assert_eq!(day(&action["action"]["finished"]), "2026-10-06T03:00:00Z");
    }
}

#[tokio::test]
async fn actions_stall_where_time_stands_still_and_where_it_takes_none() {
    let cloud = Cloud::instant().await;
    let id = cloud.create("servers", server("a")).await;
    // It is done before it is answered, unless it is stalled.
    let fault = cloud.fault(json!({"command": "enable_backup", "effect": {"stall": {}}})).await;
    let action = cloud.post(&format!("/servers/{id}/actions/enable_backup"), Value::Null).await;
    assert_eq!(status(&cloud, &action).await, "running");
    remove(&cloud, fault).await;
    assert_eq!(status(&cloud, &action).await, "success");
}

/// `create_volume` usually takes two seconds.
#[tokio::test]
async fn actions_are_slower_or_faster_than_usual() {
    for (slow, milliseconds) in [
        (json!({"factor": 3.0}), 6000),
        (json!({"factor": 0.25}), 500),
        (json!({"milliseconds": 70_000}), 70_000),
    ] {
        let cloud = Cloud::stepped().await;
        cloud.fault(json!({"command": "create_volume", "effect": {"slow": slow}})).await;
        let created = cloud.post("/volumes", volume("a")).await;
        cloud.step(milliseconds - 1).await;
        assert_eq!(status(&cloud, &created).await, "running", "{slow}");
        cloud.step(1).await;
        assert_eq!(status(&cloud, &created).await, "success", "{slow}");
    }
}

#[tokio::test]
async fn a_location_is_sold_out_as_a_whole() {
    let cloud = Cloud::stepped().await;
    let fault = cloud.fault(json!({"effect": {"sold_out": {"location": "fsn1"}}})).await;
    let balancer =
        |location: &str| json!({"name": location, "load_balancer_type": "lb11", "location": location});
    for (server_type, location, expected) in [
        ("cx23", "fsn1", "412 resource_unavailable"),
        ("cpx22", "fsn1", "412 resource_unavailable"),
        ("cx23", "nbg1", "201"),
    ] {
        let new = with(server(server_type), json!({"server_type": server_type, "location": location}));
        assert_eq!(cloud.outcome("POST", "/servers", new).await, expected, "{server_type} in {location}");
    }
    assert_eq!(cloud.outcome("POST", "/volumes", volume("a")).await, "422 no_space_left_in_location");
    assert_eq!(cloud.outcome("POST", "/load_balancers", balancer("fsn1")).await, "412 resource_unavailable");
    assert_eq!(cloud.outcome("POST", "/load_balancers", balancer("nbg1")).await, "201");
    let types = cloud.get("/server_types?name=cx23").await;
    for place in types["server_types"][0]["locations"].as_array().unwrap() {
        assert_eq!(place["available"], place["name"] != "fsn1", "{place}");
    }
    assert_eq!(cloud.control("GET", "/faults", Value::Null).await.body["faults"][0]["hits"], 4);
    remove(&cloud, fault).await;
    assert_eq!(cloud.outcome("POST", "/volumes", volume("a")).await, "201");
}

#[tokio::test]
async fn a_token_is_revoked_from_one_request_on_and_others_are_not() {
    let mut cloud = Cloud::stepped().await;
    let other =
        cloud.control("POST", "/tokens", Value::Null).await.body["token"].as_str().unwrap().to_owned();
    let fault = cloud.fault(json!({"method": "POST", "skip": 1, "effect": {"revoke_token": {}}})).await;
    assert_eq!(cloud.outcome("POST", "/placement_groups", group("a")).await, "201");
    assert_eq!(cloud.outcome("GET", "/placement_groups", Value::Null).await, "200");
    for method in ["POST", "GET", "GET", "POST"] {
        let answer = cloud.call(method, "/placement_groups", Value::Null).await;
        assert_eq!(answer.outcome(), "401 unauthorized");
        assert_eq!(answer.body["error"]["message"], "the token you have provided is invalid");
    }
    let token = std::mem::replace(&mut cloud.token, other);
    assert_eq!(cloud.outcome("POST", "/placement_groups", group("a")).await, "201");
    cloud.token = token;
    remove(&cloud, fault).await;
    assert_eq!(cloud.get("/placement_groups").await["placement_groups"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn the_clock_leaps_at_a_request_or_when_it_is_told() {
    const DAY: i64 = 86_400_000;
    for mode in [ClockMode::Stepped, ClockMode::Real, ClockMode::Scaled(10.0)] {
        let cloud = Cloud::start(|builder| builder.clock(mode)).await;
        let now = async || cloud.control("GET", "/clock", Value::Null).await.body["now_ms"].as_i64().unwrap();
        let begun = now().await;
        let created = cloud.post("/volumes", volume("a")).await;
        assert_eq!(status(&cloud, &created).await, "running");
        cloud.fault(json!({"path": "/actions/*", "effect": {"jump_clock": {"milliseconds": DAY}}})).await;
        assert_eq!(status(&cloud, &created).await, "success", "the leap comes before the request");
        assert!((DAY..DAY + 600_000).contains(&(now().await - begun)), "{mode:?}");
        let told = cloud.control("POST", "/clock", json!({"jump_ms": DAY})).await;
        assert_eq!(told.status, 200);
        assert!((2 * DAY..2 * DAY + 600_000).contains(&(told.body["now_ms"].as_i64().unwrap() - begun)));
        for wrong in [json!({"jump_ms": -1}), json!({}), json!({"jump_ms": 1, "advance_ms": 1})] {
            assert_eq!(cloud.control("POST", "/clock", wrong).await.status, 400);
        }
    }
}

#[tokio::test]
async fn several_faults_are_set_at_once_and_put_in_the_place_of_others() {
    let cloud = Cloud::stepped().await;
    let list = async || {
        let faults = cloud.control("GET", "/faults", Value::Null).await.body["faults"].take();
        let effects = faults.as_array().unwrap().iter().map(|shown| shown["fault"]["effect"].to_string());
        effects.collect::<Vec<_>>()
    };
    let (locked, timeout) = (json!({"effect": {"error": "locked"}}), json!({"effect": {"error": "timeout"}}));
    let added = cloud.control("POST", "/faults", json!([locked, timeout])).await;
    assert_eq!((added.status, added.body["faults"].as_array().map(Vec::len)), (201, Some(2)));
    assert_eq!(list().await, [r#"{"error":"locked"}"#, r#"{"error":"timeout"}"#]);
    let wrong = cloud.control("PUT", "/faults", json!({"faults": [timeout, {"effect": {}}]})).await;
    assert_eq!(wrong.status, 400);
    assert!(wrong.body["error"]["message"].as_str().unwrap().starts_with("fault 2: "), "{}", wrong.text);
    assert_eq!(list().await.len(), 2, "nothing was changed");
    assert_eq!(cloud.control("PUT", "/faults", json!({"faults": [timeout]})).await.status, 201);
    assert_eq!(list().await, [r#"{"error":"timeout"}"#]);
    assert_eq!(cloud.outcome("GET", "/ssh_keys", Value::Null).await, "504 timeout");
}

#[tokio::test]
async fn faults_can_be_there_from_the_start() {
    let fault = Fault { skip: 1, ..Fault::new(FaultEffect::Error(ErrorKind::Unavailable)) };
    let handle = Emulator::builder().token(TOKEN).faults([fault]).start().await.unwrap();
    for expected in ["200", "503 unavailable", "200"] {
        let answer = send(handle.address(), Some(TOKEN), "GET", "/v1/locations", "").await.unwrap();
        assert_eq!(answer.outcome(), expected);
    }
}
