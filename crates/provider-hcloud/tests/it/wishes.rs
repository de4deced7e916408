//! What labels of a server ask for beyond the published provider.

use ferroform_core::Value;
use serde_json::{Value as Json, json};

use crate::stack::{Checkpoints, Stack, stack, value};

const SERVER: &str = "hcloud_server";
const FALLBACKS: &str = "ferroform/server-type-fallbacks";
const REBUILD_ON: &str = "ferroform/rebuild-on";

fn server(labels: Json, more: Json) -> Json {
    let mut config = json!({
        "name": "x", "server_type": "cx23", "image": "debian-12", "location": "fsn1", "user_data": "#cloud-config\n",
        "labels": labels,
    });
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    config
}

async fn sell_out(stack: &Stack, server_type: &str) {
    stack.fault(json!({"effect": {"sold_out": {"server_type": server_type}}, "count": 0})).await;
}

/// Creates a server whose type may become another than planned, which [`Stack::apply`] would not have.
async fn create(stack: &mut Stack, config: Json) {
    let null = Value::null(stack.block(SERVER).implied_type());
    let (_, applied) = stack.try_apply(SERVER, &null, &config, &Checkpoints::default()).await;
    assert!(!applied.diagnostics.has_errors(), "{:?}", applied.diagnostics);
    stack.objects.insert("x".into(), (SERVER.into(), config, applied.state));
}

async fn rebuilds(stack: &Stack) -> usize {
    let told = stack.call("GET", &format!("/servers/{}/actions?per_page=50", stack.id("x")), None).await;
    told["actions"].as_array().unwrap().iter().filter(|action| action["command"] == "rebuild_server").count()
}

#[tokio::test]
async fn a_sold_out_type_makes_way_for_the_next_one_that_the_label_names() {
    let config = server(json!({FALLBACKS: "cpx22.cx33.ccx13"}), json!({}));
    let mut stack = stack().await;
    sell_out(&stack, "cx23").await;
    sell_out(&stack, "cpx22").await;
    create(&mut stack, config).await;
    assert_eq!(stack.state("x")["server_type"], "cx33");
    stack.unchanged("x").await;
    // The list is for servers of this type only: another one is still a change of type.
    let mut other = server(json!({}), json!({}));
    other["server_type"] = json!("cx43");
    assert_eq!(
        stack.changes("x", &other).await,
        (vec!["labels".into(), "primary_disk_size".into(), "server_type".into()], vec![])
    );
}

#[tokio::test]
async fn a_server_of_another_type_whose_answer_was_lost_is_found() {
    let mut stack = stack().await;
    sell_out(&stack, "cx23").await;
    let lost =
        json!({"method": "POST", "path": "/servers", "skip": 1, "effect": {"drop": {"execute": true}}});
    stack.fault(lost).await;
    create(&mut stack, server(json!({FALLBACKS: "cx33"}), json!({}))).await;
    assert_eq!(stack.state("x")["server_type"], "cx33");
    assert_eq!(stack.count("servers").await, 1);
}

#[tokio::test]
async fn where_all_are_sold_out_nothing_is_made() {
    let stack = stack().await;
    sell_out(&stack, "cx23").await;
    sell_out(&stack, "cx33").await;
    let null = Value::null(stack.block(SERVER).implied_type());
    let config = server(json!({FALLBACKS: "cx33"}), json!({}));
    let (_, applied) = stack.try_apply(SERVER, &null, &config, &Checkpoints::default()).await;
    assert_eq!(applied.diagnostics.0[0].summary, "Sold out");
    assert_eq!(stack.count("servers").await, 0);
}

#[tokio::test]
async fn what_the_label_names_rebuilds_a_server_and_anything_else_replaces_it() {
    let new_data = || json!({"user_data": "#cloud-config\nother: true\n"});
    let new_image = || json!({"image": "debian-13"});
    for (label, change, rebuilt) in [
        ("user_data", new_data(), true),
        ("image", new_image(), true),
        ("image.user_data", new_image(), true),
        ("image", new_data(), false),
        ("user_data", new_image(), false),
        // There is no way to take user data away but by a new server.
        ("user_data", json!({"user_data": null}), false),
        ("user_data", json!({"user_data": "#cloud-config\nother: true\n", "location": "nbg1"}), false),
    ] {
        let labels = json!({REBUILD_ON: label});
        let mut stack = stack().await;
        stack.apply("x", SERVER, server(labels.clone(), json!({}))).await;
        let id = stack.id("x");
        let changed = server(labels, change);
        let (_, replace) = stack.changes("x", &changed).await;
        assert_eq!(replace.is_empty(), rebuilt, "{label}: {changed}");
        let (_, _, now) = &stack.objects["x"];
        let planned = stack.plan(SERVER, now, &changed).await.diagnostics;
        let warned = planned.iter().any(|told| told.summary == "Server will be rebuilt" && !told.is_error());
        assert_eq!(warned, rebuilt, "{label}: {planned:?}");
        if rebuilt {
            stack.apply("x", SERVER, changed).await;
            assert_eq!((stack.id("x"), rebuilds(&stack).await), (id, 1), "{label}");
            stack.unchanged("x").await;
        }
    }
}

#[tokio::test]
async fn a_protected_server_is_rebuilt_only_by_those_who_lift_its_protection() {
    let labels = json!({REBUILD_ON: "user_data"});
    let protection = |on: bool| json!({"delete_protection": on, "rebuild_protection": on});
    let with = |on: bool, data: &str| {
        let mut config = server(labels.clone(), protection(on));
        config["user_data"] = data.into();
        config
    };
    let mut stack = stack().await;
    stack.apply("x", SERVER, with(true, "a")).await;
    let (_, _, prior) = stack.objects["x"].clone();
    let refused = stack.plan(SERVER, &prior, &with(true, "b")).await.diagnostics;
    assert_eq!(refused.0[0].summary, "Server is protected");
    stack.apply("x", SERVER, with(false, "b")).await;
    assert_eq!(rebuilds(&stack).await, 1);
    // Protected from now on, and rebuilt once more.
    stack.apply("x", SERVER, with(true, "c")).await;
    assert_eq!((rebuilds(&stack).await, &stack.state("x")["rebuild_protection"]), (2, &json!(true)));
    stack.unchanged("x").await;
}

#[tokio::test]
async fn labels_that_ask_for_what_cannot_be_are_refused() {
    let stack = stack().await;
    for (labels, told) in [
        (json!({REBUILD_ON: "name"}), Some("user_data or image; not \"name\"")),
        (json!({FALLBACKS: "cax11"}), Some("cax11, which is of the architecture arm")),
        (json!({FALLBACKS: "cx33.unheard-of", REBUILD_ON: "user_data.image"}), None),
    ] {
        let config = value(&stack.block(SERVER), &server(labels.clone(), json!({})));
        let problems = stack.provider.validate_resource(SERVER, &config);
        let detail = problems.0.first().map(|problem| problem.detail.clone());
        match told {
            Some(told) => assert!(detail.as_ref().is_some_and(|d| d.contains(told)), "{labels}: {detail:?}"),
            None => assert_eq!(detail, None, "{labels}"),
        }
    }
}
