//! A world outlives its process.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use ferroform_hcloud_emulator::{ClockMode, Emulator, Error};
use serde_json::{Value, json};

use crate::harness::{Cloud, TOKEN, server};

async fn start(path: &Path) -> Cloud {
    Cloud::start(|builder| builder.clock(ClockMode::Stepped).state_file(path)).await
}

async fn whole(cloud: &Cloud) -> Value {
    cloud.control("GET", "/world", Value::Null).await.body
}

#[tokio::test]
async fn a_killed_world_comes_back_as_it_was_with_actions_running() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("world.json");
    let cloud = start(&path).await;
    let volume = cloud.create("volumes", json!({"name": "v", "size": 10, "location": "fsn1"})).await;
    cloud.step(5000).await;
    let created = cloud.post("/servers", server("a")).await;
    cloud.step(5000).await;
    cloud.post("/placement_groups", json!({"name": "g", "type": "spread"})).await;
    let before = whole(&cloud).await;
    // Dropping the handle ends the server without a snapshot, as a crash would.
    drop(cloud);
    let cloud = start(&path).await;
    assert_eq!(whole(&cloud).await, before);
    assert_eq!(
        cloud.show("servers", created["server"]["id"].as_i64().unwrap()).await["status"],
        "initializing"
    );
    cloud.settle().await;
    assert_eq!(cloud.show("servers", created["server"]["id"].as_i64().unwrap()).await["status"], "running");
    cloud.create("volumes", json!({"name": "w", "size": 10, "location": "fsn1"})).await;
    cloud.settle().await;
    let before = whole(&cloud).await;
    cloud.handle.shutdown().await;
    let cloud = start(&path).await;
    let mut after = whole(&cloud).await;
    after["now_ms"] = before["now_ms"].clone();
    assert_eq!(after, before);
    assert!(cloud.create("volumes", json!({"name": "x", "size": 10, "location": "fsn1"})).await > volume + 1);
}

#[tokio::test]
async fn only_the_owner_can_read_it_and_tokens_are_not_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("world.json");
    let cloud = start(&path).await;
    cloud.create("placement_groups", json!({"name": "g", "type": "spread"})).await;
    for name in ["world.json", "world.json.journal"] {
        let file = folder.path().join(name);
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600, "{name}");
        assert!(!fs::read_to_string(&file).unwrap().contains(TOKEN), "{name}");
    }
}

#[tokio::test]
async fn one_process_has_a_world_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("world.json");
    let cloud = start(&path).await;
    let second = Emulator::builder().state_file(&path).start().await;
    assert!(matches!(second, Err(Error::InUse { .. })));
    cloud.handle.shutdown().await;
    Emulator::builder().state_file(&path).start().await.unwrap();
}

#[tokio::test]
async fn a_torn_last_record_is_left_out_and_other_damage_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("world.json");
    let journal = folder.path().join("world.json.journal");
    let cloud = start(&path).await;
    let first = cloud.create("placement_groups", json!({"name": "a", "type": "spread"})).await;
    let second = cloud.create("placement_groups", json!({"name": "b", "type": "spread"})).await;
    drop(cloud);
    let written = fs::read(&journal).unwrap();
    fs::write(&journal, &written[..written.len() - 7]).unwrap();
    let cloud = start(&path).await;
    cloud.show("placement_groups", first).await;
    assert_eq!(
        cloud.outcome("GET", &format!("/placement_groups/{second}"), Value::Null).await,
        "404 not_found"
    );
    cloud.handle.shutdown().await;

    let mut damaged = written.clone();
    let middle = written.iter().position(|byte| *byte == b'\n').unwrap() + 5;
    damaged[middle] = b'#';
    for (file, contents) in [(&journal, &damaged[..]), (&path, b"{}"), (&path, b"{\"format\": 99}")] {
        fs::write(file, contents).unwrap();
        let started = Emulator::builder().state_file(&path).start().await;
        assert!(matches!(started, Err(Error::Corrupt { .. })), "{}", file.display());
    }
}
