//! Lost answers, failed actions, and looking for what they left.

use ferroform_core::Value;
use ferroform_provider::{
    ApplyRequest, ApplyResponse, InterruptedRequest, Located, Occasion, PlanRequest, ReadRequest,
    proposed::proposed,
};
use serde_json::{Value as Json, json};

use crate::stack::{Checkpoints, KEY, Stack, one_of_each, stack, value};

fn null(stack: &Stack, type_name: &str) -> Value {
    Value::null(stack.block(type_name).implied_type())
}

/// Configurations of the kinds with a name, the list they are in, and how their creation is asked for.
fn named() -> Vec<(&'static str, &'static str, Json)> {
    vec![
        ("hcloud_ssh_key", "ssh_keys", json!({"name": "x", "public_key": KEY})),
        (
            "hcloud_network",
            "networks",
            json!({"name": "x", "ip_range": "10.0.0.0/16", "delete_protection": true}),
        ),
        ("hcloud_firewall", "firewalls", json!({"name": "x"})),
        ("hcloud_placement_group", "placement_groups", json!({"name": "x", "type": "spread"})),
        ("hcloud_volume", "volumes", json!({"name": "x", "size": 10, "location": "fsn1"})),
        (
            "hcloud_server",
            "servers",
            json!({"name": "x", "server_type": "cx23", "image": "debian-12", "location": "fsn1", "backups": true}),
        ),
        (
            "hcloud_load_balancer",
            "load_balancers",
            json!({"name": "x", "load_balancer_type": "lb11", "location": "fsn1"}),
        ),
    ]
}

#[tokio::test]
async fn a_lost_answer_makes_neither_a_second_object_nor_a_lost_one() {
    for execute in [true, false] {
        let mut stack = stack().await;
        for (type_name, list, config) in named() {
            stack.fault(json!({"method": "POST", "path": format!("/{list}"), "effect": {"drop": {"execute": execute}}})).await;
            stack.apply(type_name, type_name, config).await;
            assert_eq!(stack.count(list).await, 1, "{type_name}, executed: {execute}");
        }
    }
}

#[tokio::test]
async fn lost_answers_to_steps_after_the_creation_are_made_good() {
    let mut stack = one_of_each().await;
    let web = stack.number("server");
    for (name, path, key, value) in [
        ("server", format!("/servers/{web}/actions/enable_backup"), "backups", json!(true)),
        ("server", format!("/servers/{web}"), "name", json!("renamed")),
        ("server", format!("/servers/{web}/actions/change_type"), "server_type", json!("cx33")),
        ("server", format!("/servers/{web}/actions/poweroff"), "server_type", json!("cx43")),
        ("server", format!("/servers/{web}/actions/disable_backup"), "backups", json!(false)),
        ("volume", format!("/volumes/{}/actions/resize", stack.id("volume")), "size", json!(60)),
        ("wall", format!("/firewalls/{}/actions/set_rules", stack.id("wall")), "rule", json!([])),
    ] {
        let method = if path.contains("actions") { "POST" } else { "PUT" };
        stack.fault(json!({"method": method, "path": path, "effect": {"drop": {"execute": true}}})).await;
        let (type_name, mut config, _) = stack.objects[name].clone();
        config[key] = value;
        stack.apply(name, &type_name, config).await;
    }
    // Deletions as well.
    let order = [
        "target",
        "service",
        "lb_net",
        "lb",
        "attachment",
        "volume",
        "server_net",
        "server",
        "group",
        "wall",
        "subnet",
        "net",
        "key",
    ];
    for name in order {
        for method in ["DELETE", "POST"] {
            stack.fault(json!({"method": method, "effect": {"drop": {"execute": true}}})).await;
        }
        stack.delete(name).await;
        stack.control("DELETE", "/faults", None).await;
    }
}

#[tokio::test]
async fn lost_answers_while_a_creation_is_finished_are_made_good() {
    let mut stack = stack().await;
    stack.apply("net", "hcloud_network", json!({"name": "net", "ip_range": "10.0.0.0/16"})).await;
    let net = stack.number("net");
    let subnet =
        json!({"network_id": net, "type": "cloud", "network_zone": "eu-central", "ip_range": "10.0.1.0/24"});
    stack.apply("subnet", "hcloud_network_subnet", subnet).await;
    let steps = ["attach_to_network", "poweron", "enable_backup", "change_protection"];
    for (i, step) in steps.into_iter().enumerate() {
        let path = format!("/servers/*/actions/{step}");
        stack.fault(json!({"method": "POST", "path": path, "effect": {"drop": {"execute": true}}})).await;
        let name = format!("server-{i}");
        let server = json!({
            "name": name, "server_type": "cx23", "image": "debian-12", "location": "fsn1", "backups": true,
            "network": [{"network_id": net}], "public_net": [{"ipv4_enabled": false, "ipv6_enabled": false}],
            "delete_protection": true, "rebuild_protection": true,
        });
        stack.apply(&name, "hcloud_server", server).await;
        assert_eq!(stack.state(&name)["status"], "running", "{step}");
    }
}

/// A creation that was answered, and whose end could not be seen for long, is no failed one: what runs must not be replaced.
#[tokio::test]
async fn a_creation_that_cannot_be_watched_is_left_open_and_one_that_failed_is_not() {
    let server = json!({"name": "s", "server_type": "cx23", "image": "debian-12", "location": "fsn1"});
    let failing = json!({"fail_action": {"code": "server_error", "message": "no"}});
    for (fault, left_open) in [
        (
            json!({"method": "GET", "path": "/actions", "effect": {"error": "unavailable"}, "count": 200}),
            true,
        ),
        (
            json!({"method": "GET", "path": "/actions", "effect": {"error": "unauthorized"}, "count": 200}),
            true,
        ),
        (json!({"method": "POST", "path": "/servers", "effect": failing}), false),
    ] {
        let stack = stack().await;
        stack.fault(fault.clone()).await;
        let checkpoints = Checkpoints::default();
        let null = null(&stack, "hcloud_server");
        let (_, made) = stack.try_apply("hcloud_server", &null, &server, &checkpoints).await;
        assert!(made.diagnostics.has_errors(), "{fault}");
        assert_eq!(made.state.is_known(), !left_open, "{fault}: {made:?}");
        assert_eq!(checkpoints.0.lock().unwrap().len(), 1, "{fault}: the id is on disk");
    }
}

/// What the engine does with a creation that was cut short: it reads the object with what was planned, and plans anew.
#[tokio::test]
async fn a_creation_cut_short_is_completed_by_an_update() {
    let mut stack = stack().await;
    stack.apply("net", "hcloud_network", json!({"name": "net", "ip_range": "10.0.0.0/16"})).await;
    let net = stack.number("net");
    let subnet =
        json!({"network_id": net, "type": "cloud", "network_zone": "eu-central", "ip_range": "10.0.1.0/24"});
    stack.apply("subnet", "hcloud_network_subnet", subnet).await;
    let config = json!({
        "name": "cut", "server_type": "cx23", "image": "debian-12", "location": "fsn1", "backups": true, "user_data": "x",
        "network": [{"network_id": net, "ip": "10.0.1.9"}], "public_net": [{"ipv4_enabled": false, "ipv6_enabled": false}],
    });
    let planned = stack.plan("hcloud_server", &null(&stack, "hcloud_server"), &config).await.planned.unwrap();
    let body = json!({
        "name": "cut", "server_type": "cx23", "image": "debian-12", "location": "fsn1", "start_after_create": false,
        "public_net": {"enable_ipv4": false, "enable_ipv6": false},
    });
    let id = stack.call("POST", "/servers", Some(body)).await["server"]["id"].to_string();
    let cut = planned.as_map().unwrap().iter().map(|(name, value)| {
        let value = match (&**name, value.is_wholly_known()) {
            ("id", _) => Value::string(id.as_str()),
            (_, true) => value.clone(),
            _ => Value::null(value.ty()),
        };
        (name.clone(), value)
    });
    stack.objects.insert("cut".into(), ("hcloud_server".into(), config.clone(), Value::object(cut)));
    stack.refresh().await;
    let (_, replace) = stack.changes("cut", &config).await;
    assert!(replace.is_empty(), "{replace:?}");
    stack.apply("cut", "hcloud_server", config).await;
    let state = stack.state("cut");
    assert_eq!((&state["status"], &state["network"][0]["ip"]), (&json!("running"), &json!("10.0.1.9")));
    assert_eq!(state["backups"], json!(true));
}

#[tokio::test]
async fn attachments_whose_answer_was_lost_are_found() {
    let mut stack = one_of_each().await;
    for name in ["target", "service", "lb_net", "attachment", "server_net"] {
        let (type_name, config, _) = stack.objects[name].clone();
        stack.delete(name).await;
        stack.fault(json!({"method": "POST", "effect": {"drop": {"execute": true}}})).await;
        stack.apply(name, &type_name, config).await;
    }
}

#[tokio::test]
async fn an_object_is_located_by_name_attributes_and_time() {
    let stack = stack().await;
    let before = stack.provider.remote_time().await.unwrap().unwrap();
    for (type_name, list, config) in named() {
        let located = stack.locate(type_name, &config, Some(before)).await.unwrap();
        assert!(matches!(located, Located::Nothing), "{type_name}: {located:?}");
        let (_, applied) =
            stack.try_apply(type_name, &null(&stack, type_name), &config, &Checkpoints::default()).await;
        assert!(!applied.diagnostics.has_errors(), "{:?}", applied.diagnostics);
        match stack.locate(type_name, &config, Some(before)).await.unwrap() {
            Located::One(state) => assert_eq!(state.get("id"), applied.state.get("id"), "{type_name}"),
            other => panic!("{type_name}: {other:?}"),
        }
        // Created before the request left: it is another's.
        let located = stack.locate(type_name, &config, Some(before + 1_000_000)).await.unwrap();
        assert!(matches!(located, Located::Nothing), "{type_name}: {located:?}");
        // Without a time, or with other attributes, nothing is certain.
        let located = stack.locate(type_name, &config, None).await.unwrap();
        assert!(matches!(located, Located::Ambiguous(_)), "{type_name}: {located:?}");
        let mut other = config.clone();
        other["labels"] = json!({"other": "yes"});
        let located = stack.locate(type_name, &other, Some(before)).await.unwrap();
        assert!(
            matches!(&located, Located::Ambiguous(c) if c[0].1.contains("labels")),
            "{type_name}: {located:?}"
        );
        assert_eq!(stack.count(list).await, 1);
    }
}

#[tokio::test]
async fn attachments_are_located_by_their_place() {
    let mut stack = one_of_each().await;
    for name in ["target", "service", "lb_net", "attachment", "server_net", "subnet"] {
        let (type_name, config, state) = stack.objects[name].clone();
        let located = stack.locate(&type_name, &config, Some(0)).await.unwrap();
        assert!(
            matches!(&located, Located::One(found) if found.get("id") == state.get("id")),
            "{name}: {located:?}"
        );
        stack.delete(name).await;
        let located = stack.locate(&type_name, &config, Some(0)).await.unwrap();
        assert!(matches!(located, Located::Nothing), "{name}: {located:?}");
    }
}

#[tokio::test]
async fn an_object_whose_action_failed_is_kept() {
    let stack = stack().await;
    let (type_name, _, config) = named().remove(5);
    stack.fault(json!({"command": "create_server", "effect": {"fail_action": {"code": "action_failed", "message": "no luck"}}})).await;
    let checkpoints = Checkpoints::default();
    let (_, applied) = stack.try_apply(type_name, &null(&stack, type_name), &config, &checkpoints).await;
    assert!(applied.diagnostics.0[0].detail.contains("no luck"), "{:?}", applied.diagnostics);
    let exists = stack.count("servers").await == 1;
    assert_eq!(exists, !applied.state.is_null());
    assert_eq!(checkpoints.0.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_name_that_is_taken_is_an_error_that_says_so() {
    let stack = stack().await;
    let (type_name, _, config) = named().remove(1);
    let create = || async {
        stack.try_apply(type_name, &null(&stack, type_name), &config, &Checkpoints::default()).await.1
    };
    assert!(!create().await.diagnostics.has_errors());
    let second = create().await;
    assert_eq!(second.diagnostics.0[0].summary, "Name or address taken");
    assert!(second.state.is_null());
}

#[tokio::test]
async fn a_sold_out_type_is_an_error_and_leaves_nothing() {
    let stack = stack().await;
    stack.fault(json!({"effect": {"sold_out": {"server_type": "cx23"}}})).await;
    let (type_name, _, config) = named().remove(5);
    let (_, applied) =
        stack.try_apply(type_name, &null(&stack, type_name), &config, &Checkpoints::default()).await;
    assert_eq!(applied.diagnostics.0[0].summary, "Sold out");
    assert!(applied.state.is_null());
    assert_eq!(stack.count("servers").await, 0);
}

const SERVER: &str = "hcloud_server";

fn server(server_type: &str) -> Json {
    json!({"name": "x", "server_type": server_type, "image": "debian-12", "location": "fsn1"})
}

async fn status(stack: &Stack) -> Json {
    stack.call("GET", &format!("/servers/{}", stack.id("x")), None).await["server"]["status"].clone()
}

#[tokio::test]
async fn a_server_runs_again_after_a_change_of_its_type_that_failed() {
    let mut stack = stack().await;
    stack.apply("x", SERVER, server("cx23")).await;
    let failure = json!({"code": "server_error", "message": "the disk could not be moved"});
    stack.fault(json!({"command": "change_server_type", "effect": {"fail_action": failure}})).await;
    let (_, _, prior) = stack.objects["x"].clone();
    let (_, applied) = stack.try_apply(SERVER, &prior, &server("cx33"), &Checkpoints::default()).await;
    assert!(applied.diagnostics.has_errors());
    assert_eq!(applied.state.get("status").and_then(Value::as_str), Some("running"));
    assert_eq!(applied.private, b"", "nothing is left to be done");
    assert_eq!(status(&stack).await, "running");
}

/// A run that is killed between switching a server off and on again leaves the next one a note.
#[tokio::test]
async fn a_server_that_was_switched_off_for_a_change_is_switched_on_by_the_next_one() {
    for done in [false, true] {
        let mut stack = stack().await;
        stack.apply("x", SERVER, server("cx23")).await;
        let (_, _, prior) = stack.objects["x"].clone();
        let planned = stack.plan(SERVER, &prior, &server("cx33")).await.planned.unwrap();
        let path = |action: &str| format!("/servers/{}/actions/{action}", stack.id("x"));
        stack.call("POST", &path("poweroff"), None).await;
        if done {
            let body = json!({"server_type": "cx33", "upgrade_disk": true});
            stack.call("POST", &path("change_type"), Some(body)).await;
        }
        let meta = br#"{"schema_version":"0"}"#.to_vec();
        let request = InterruptedRequest {
            type_name: SERVER.into(),
            prior: prior.clone(),
            planned,
            private: meta.clone(),
        };
        let private = stack.provider.interrupted(request);
        assert_ne!(private, meta);

        let request = ReadRequest { type_name: SERVER.into(), prior, private };
        let read = stack.provider.read_resources(vec![request]).await.remove(0);
        assert_eq!(read.state.get("status").and_then(Value::as_str), Some("off"));
        let block = stack.block(SERVER);
        let config = value(&block, &server("cx33"));
        let request = PlanRequest {
            type_name: SERVER.into(),
            prior: read.state.clone(),
            proposed: proposed(&block, &read.state, &config),
            config: config.clone(),
            private: read.private,
            occasion: Occasion::Plan,
        };
        let plan = stack.provider.plan_resource(request).await;
        let planned = plan.planned.unwrap();
        assert_eq!(planned.get("status").and_then(Value::as_str), Some("running"));
        let (type_name, prior, private) = (SERVER.into(), read.state, plan.private);
        let request = ApplyRequest { type_name, prior, planned, config, private };
        let applied = stack.provider.apply_resource(request, &Checkpoints::default()).await;
        assert!(!applied.diagnostics.has_errors(), "{:?}", applied.diagnostics);
        assert_eq!(applied.private, meta, "the note is done with");
        assert_eq!(status(&stack).await, "running", "done: {done}");
    }
}

/// Plans and applies a server of another type on top of what is known; the answer.
async fn resized(stack: &Stack, prior: Value, private: Vec<u8>) -> ApplyResponse {
    apply_with(stack, prior, &server("cx33"), private).await
}

/// Plans and applies a server on top of what is known; the answer.
async fn apply_with(stack: &Stack, prior: Value, config: &Json, private: Vec<u8>) -> ApplyResponse {
    let block = stack.block(SERVER);
    let config = value(&block, config);
    let request = PlanRequest {
        type_name: SERVER.into(),
        proposed: proposed(&block, &prior, &config),
        prior: prior.clone(),
        config: config.clone(),
        private,
        occasion: Occasion::Plan,
    };
    let plan = stack.provider.plan_resource(request).await;
    let (type_name, planned, private) = (SERVER.into(), plan.planned.unwrap(), plan.private);
    let request = ApplyRequest { type_name, prior, planned, config, private };
    stack.provider.apply_resource(request, &Checkpoints::default()).await
}

/// The answer to a creation is lost, and looking for its object fails as well: that is no creation that failed.
#[tokio::test]
async fn where_nobody_knows_whether_it_was_created_the_answer_says_so() {
    let stack = stack().await;
    let null = Value::null(stack.block(SERVER).implied_type());
    let lost = json!({"method": "POST", "path": "/servers", "effect": {"drop": {"execute": true}}});
    stack.fault(lost).await;
    let refused = json!({"status": 403, "code": "forbidden", "message": "not now"});
    stack
        .fault(json!({"method": "GET", "path": "/servers", "count": 9, "effect": {"answer": refused}}))
        .await;
    let (_, applied) = stack.try_apply(SERVER, &null, &server("cx23"), &Checkpoints::default()).await;
    assert!(applied.diagnostics.has_errors());
    assert!(!applied.state.is_known(), "{:?}", applied.state);
    assert!(applied.diagnostics.0[0].hints.iter().any(|hint| hint.contains("looks for it")));
    // What was certainly refused is nothing to look for.
    stack.cloud.clear_faults();
    let refused = json!({"status": 403, "code": "forbidden", "message": "not now"});
    stack.fault(json!({"method": "POST", "path": "/servers", "effect": {"answer": refused}})).await;
    let mut other = server("cx23");
    other["name"] = json!("other");
    let (_, applied) = stack.try_apply(SERVER, &null, &other, &Checkpoints::default()).await;
    assert!(applied.diagnostics.has_errors() && applied.state.is_null(), "{:?}", applied.state);
}

/// A run that is killed before it sees that a new server's start has failed leaves the next one a note.
#[tokio::test]
async fn a_new_server_that_did_not_start_after_its_run_was_gone_is_switched_on_by_the_next_one() {
    for seen in ["off", "running"] {
        let mut stack = stack().await;
        stack.apply("x", SERVER, server("cx23")).await;
        let (_, _, state) = stack.objects["x"].clone();
        let null = Value::null(stack.block(SERVER).implied_type());
        let planned = stack.plan(SERVER, &null, &server("cx23")).await.planned.unwrap();
        if seen == "off" {
            stack.call("POST", &format!("/servers/{}/actions/poweroff", stack.id("x")), None).await;
        }
        let type_name = || SERVER.into();
        let request =
            InterruptedRequest { type_name: type_name(), prior: null, planned, private: Vec::new() };
        let private = stack.provider.interrupted(request);
        let request = ReadRequest { type_name: type_name(), prior: state, private };
        let read = stack.provider.read_resources(vec![request]).await.remove(0);
        assert_eq!(read.private.is_empty(), seen != "off", "{seen}");
        if seen == "off" {
            let (prior, config) = (read.state, server("cx23"));
            // The next run is killed as well, before it switches the server on.
            let block = stack.block(SERVER);
            let config_value = value(&block, &config);
            let request = PlanRequest {
                type_name: type_name(),
                proposed: proposed(&block, &prior, &config_value),
                prior: prior.clone(),
                config: config_value,
                private: read.private.clone(),
                occasion: Occasion::Plan,
            };
            let planned = stack.provider.plan_resource(request).await.planned.unwrap();
            let private = read.private.clone();
            let request =
                InterruptedRequest { type_name: type_name(), prior: prior.clone(), planned, private };
            assert_eq!(stack.provider.interrupted(request), read.private, "the note stays");
            let applied = apply_with(&stack, prior, &config, read.private).await;
            assert!(!applied.diagnostics.has_errors(), "{:?}", applied.diagnostics);
            assert_eq!(applied.private, b"", "the note is done with");
        }
        assert_eq!(status(&stack).await, "running", "{seen}");
    }
}

#[tokio::test]
async fn a_server_that_cannot_start_at_once_after_a_change_is_asked_again() {
    let failing = json!({"fail_action": {"code": "server_error", "message": "no"}});
    for refusal in [json!({"error": "resource_unavailable"}), failing.clone()] {
        for change_fails in [false, true] {
            let mut stack = stack().await;
            stack.apply("x", SERVER, server("cx23")).await;
            let (_, _, prior) = stack.objects["x"].clone();
            let path = |action| format!("/servers/*/actions/{action}");
            let starting = json!({"method": "POST", "path": path("poweron"), "effect": refusal, "count": 2});
            stack.fault(starting).await;
            if change_fails {
                stack.fault(json!({"method": "POST", "path": path("change_type"), "effect": failing})).await;
            }
            let applied = resized(&stack, prior, Vec::new()).await;
            assert_eq!(applied.diagnostics.has_errors(), change_fails, "{:?}", applied.diagnostics);
            assert_eq!(status(&stack).await, "running", "{refusal}, change fails: {change_fails}");
        }
    }
}

/// A token that is taken away between switching off and on: neither that nor reading the server works after.
#[tokio::test]
async fn a_server_that_could_not_be_seen_after_a_failed_change_is_switched_on_by_the_next_one() {
    let mut stack = stack().await;
    stack.apply("x", SERVER, server("cx23")).await;
    let (_, _, prior) = stack.objects["x"].clone();
    let path = "/servers/*/actions/change_type";
    stack.fault(json!({"method": "POST", "path": path, "effect": {"revoke_token": {}}})).await;
    let failed = resized(&stack, prior, Vec::new()).await;
    assert!(failed.diagnostics.has_errors());
    stack.cloud.clear_faults();
    assert_eq!(status(&stack).await, "off");
    let request = ReadRequest { type_name: SERVER.into(), prior: failed.state, private: failed.private };
    let read = stack.provider.read_resources(vec![request]).await.remove(0);
    let applied = resized(&stack, read.state, read.private).await;
    assert!(!applied.diagnostics.has_errors(), "{:?}", applied.diagnostics);
    assert_eq!(applied.private, b"", "nothing is left to be done");
    assert_eq!(status(&stack).await, "running");
}

#[tokio::test]
async fn a_server_that_somebody_else_switched_on_or_off_is_left_so() {
    let mut stack = stack().await;
    stack.apply("x", SERVER, server("cx23")).await;
    let (_, _, prior) = stack.objects["x"].clone();
    let planned = stack.plan(SERVER, &prior, &server("cx33")).await.planned.unwrap();
    let request =
        InterruptedRequest { type_name: SERVER.into(), prior: prior.clone(), planned, private: Vec::new() };
    // It runs: the note is of no use any more, and must not switch it on some day.
    let request = ReadRequest {
        type_name: SERVER.into(),
        prior: prior.clone(),
        private: stack.provider.interrupted(request),
    };
    assert_eq!(stack.provider.read_resources(vec![request]).await[0].private, b"");
    // Switched off by hand: that is drift to be told, not to be undone.
    stack.call("POST", &format!("/servers/{}/actions/poweroff", stack.id("x")), None).await;
    stack.refresh().await;
    assert_eq!(stack.changes("x", &server("cx23")).await.0, [""; 0]);
    stack.apply("x", SERVER, server("cx33")).await;
    assert_eq!(status(&stack).await, "off");
}
