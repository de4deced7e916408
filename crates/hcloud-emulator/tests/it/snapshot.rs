//! The world is taken as one document, and put back into the same emulator or another one.

use std::path::Path;

use ferroform_hcloud_emulator::ClockMode;
use serde_json::{Value, json};

use crate::harness::{Answer, Cloud, server};

fn group(name: &str) -> Value {
    json!({"name": name, "type": "spread"})
}

/// What an emulator shows of a world, its own id aside.
async fn shown(cloud: &Cloud) -> Value {
    let mut world = cloud.control("GET", "/world", Value::Null).await.body;
    world["world"] = Value::Null;
    world
}

async fn take(cloud: &Cloud) -> Value {
    let answer = cloud.control("GET", "/snapshot", Value::Null).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body["format"], 1);
    answer.body
}

async fn put(cloud: &Cloud, snapshot: &Value) -> Answer {
    cloud.control("PUT", "/snapshot", snapshot.clone()).await
}

async fn kept(path: &Path) -> Cloud {
    Cloud::start(|builder| builder.clock(ClockMode::Stepped).state_file(path)).await
}

/// A world with something of most kinds, and a server that is being created.
async fn furnish(cloud: &Cloud) -> i64 {
    let network = json!({"name": "n", "ip_range": "10.0.0.0/16"});
    cloud.create("networks", network).await;
    cloud.post("/firewalls", json!({"name": "f", "rules": []})).await;
    cloud.create("volumes", json!({"name": "v", "size": 10, "location": "fsn1"})).await;
    cloud.post("/zones", json!({"name": "example.com", "mode": "primary"})).await;
    cloud.settle().await;
    let id = cloud.create("servers", server("a")).await;
    cloud.step(1000).await;
    id
}

#[tokio::test]
async fn a_world_is_as_it_was_once_it_is_restored() {
    let cloud = Cloud::stepped().await;
    let id = furnish(&cloud).await;
    let (before, snapshot) = (shown(&cloud).await, take(&cloud).await);
    for _ in 0..2 {
        cloud.settle().await;
        cloud.post("/placement_groups", group("later")).await;
        assert_eq!(cloud.outcome("DELETE", &format!("/servers/{id}"), Value::Null).await, "200");
        cloud.settle().await;
        assert_ne!(shown(&cloud).await, before);
        let answer = put(&cloud, &snapshot).await;
        assert_eq!(answer.outcome(), "200", "{}", answer.text);
        assert_eq!(answer.body, json!({"world": cloud.handle.world_id(), "now_ms": snapshot["now_ms"]}));
        assert_eq!(shown(&cloud).await, before, "time and running actions included");
    }
    // What was under way goes on from there.
    cloud.settle().await;
    assert_eq!(cloud.show("servers", id).await["status"], "running");
}

#[tokio::test]
async fn a_snapshot_goes_from_one_run_to_the_next() {
    let first = Cloud::stepped().await;
    let id = furnish(&first).await;
    let (before, snapshot) = (shown(&first).await, take(&first).await);
    drop(first);

    let mut cloud = Cloud::start(|builder| builder.clock(ClockMode::Stepped).seed(99)).await;
    let other =
        cloud.control("POST", "/tokens", Value::Null).await.body["token"].as_str().unwrap().to_owned();
    let world = cloud.handle.world_id().to_owned();
    assert_eq!(put(&cloud, &snapshot).await.outcome(), "200");
    assert_eq!(shown(&cloud).await, before);
    assert_eq!(cloud.handle.world_id(), world, "it stays the same world to those who know it");
    let health = cloud.control("GET", "/health", Value::Null).await;
    assert_eq!(health.body["world"], world);
    // Ids are not given again, and names are still taken.
    cloud.settle().await;
    assert!(cloud.create("servers", server("b")).await > id);
    assert_eq!(cloud.outcome("POST", "/servers", server("a")).await, "409 uniqueness_error");
    // A token that the snapshot does not know is as good as before.
    cloud.token = other;
    assert_eq!(cloud.outcome("GET", "/servers", Value::Null).await, "200");
    // A world whose time is its own does not go back, but ahead.
    let real = Cloud::instant().await;
    let mut ahead = snapshot.clone();
    ahead["now_ms"] = json!(4_000_000_000_000_i64);
    let now = put(&real, &ahead).await.body["now_ms"].as_i64().unwrap();
    assert!((4_000_000_000_000..4_000_000_600_000).contains(&now), "{now}");
}

#[tokio::test]
async fn a_restored_world_is_on_disk_before_it_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("world.json");
    let cloud = kept(&path).await;
    furnish(&cloud).await;
    let (before, snapshot) = (shown(&cloud).await, take(&cloud).await);
    cloud.settle().await;
    cloud.post("/placement_groups", group("later")).await;
    assert_eq!(put(&cloud, &snapshot).await.outcome(), "200");
    // Dropping the handle ends the emulator as a crash would.
    drop(cloud);
    let cloud = kept(&path).await;
    assert_eq!(shown(&cloud).await, before);
    cloud.post("/placement_groups", group("after")).await;
    let before = shown(&cloud).await;
    drop(cloud);
    assert_eq!(shown(&kept(&path).await).await, before);
}

#[tokio::test]
async fn what_is_no_snapshot_of_this_version_is_refused_and_changes_nothing() {
    let cloud = Cloud::stepped().await;
    furnish(&cloud).await;
    let (before, snapshot) = (shown(&cloud).await, take(&cloud).await);
    for (field, value, expected, told) in [
        ("format", json!(2), "422 unsupported_error", "format 2, this program reads 1"),
        ("format", Value::Null, "400 json_error", "no snapshot"),
        ("now_ms", json!(-1), "400 json_error", "no moment from 1970 to 9998"),
        ("now_ms", json!(i64::MAX), "400 json_error", "no moment from 1970 to 9998"),
        ("world", json!({}), "400 json_error", "missing field"),
        ("world", json!([1]), "400 json_error", "no snapshot"),
    ] {
        let mut wrong = snapshot.clone();
        wrong[field] = value;
        let answer = put(&cloud, &wrong).await;
        assert_eq!(answer.outcome(), expected, "{field}: {}", answer.text);
        assert!(answer.text.contains(told), "{field}: {}", answer.text);
    }
    assert_eq!(put(&cloud, &Value::Null).await.outcome(), "400 json_error");
    assert_eq!(shown(&cloud).await, before);
}
