//! A world outlives its process.

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ferroform_hcloud_emulator::{ClockMode, Emulator, Error, RateLimit};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::harness::{Cloud, TOKEN, send, server};

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
async fn projects_added_later_are_known_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("world.json");
    let cloud = start(&path).await;
    let token =
        cloud.control("POST", "/tokens", Value::Null).await.body["token"].as_str().unwrap().to_owned();
    drop(cloud);
    let mut cloud = start(&path).await;
    cloud.token = token;
    cloud.create("placement_groups", json!({"name": "g", "type": "spread"})).await;
}

#[tokio::test]
async fn a_lock_that_is_about_to_go_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("world.json");
    let held = std::fs::File::create(folder.path().join("world.json.journal")).unwrap();
    held.lock().unwrap();
    let goes = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(40));
        drop(held);
    });
    start(&path).await;
    goes.join().unwrap();
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

/// The process that the next test kills: this test does something only when that one has started it.
#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::print_stdout, reason = "tells its parent where it listens")]
async fn child() {
    let Some(path) = std::env::var_os(CHILD_STATE) else { return };
    let handle = Emulator::builder()
        .token(TOKEN)
        .rate_limit(RateLimit::Unlimited)
        .state_file(path)
        .idle_exit(Duration::from_secs(30))
        .start()
        .await
        .unwrap();
    println!("\nlistening {}", handle.address());
    handle.wait_idle().await;
}

const CHILD_STATE: &str = "FERROFORM_EMULATOR_CHILD_STATE";

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_before_a_kill_is_there_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("world.json");
    let mut answered: BTreeSet<String> = BTreeSet::new();
    let mut asked = 0;
    for round in 0..4 {
        let mut child = tokio::process::Command::new(std::env::current_exe().unwrap())
            .args(["persistence::child", "--exact", "--nocapture"])
            .env(CHILD_STATE, &path)
            .stdout(std::process::Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address: SocketAddr = loop {
            let line = lines.next_line().await.unwrap().expect("the child tells where it listens");
            if let Some(address) = line.strip_prefix("listening ") {
                break address.parse().unwrap();
            }
        };
        let count = Arc::new(AtomicUsize::new(0));
        let writers: Vec<_> = (0..4)
            .map(|writer| {
                let count = Arc::clone(&count);
                tokio::spawn(async move {
                    let mut granted = Vec::new();
                    for number in 0..60 {
                        let name = format!("k{round}-{writer}-{number}");
                        let body = json!({"name": name, "type": "ipv6", "location": "fsn1"}).to_string();
                        match send(address, Some(TOKEN), "POST", "/v1/primary_ips", &body).await {
                            Some(answer) if answer.status == 201 => {
                                count.fetch_add(1, Ordering::Relaxed);
                                granted.push(name);
                            }
                            Some(answer) => panic!("{}", answer.text),
                            None => return (granted, number + 1),
                        }
                    }
                    (granted, 60)
                })
            })
            .collect();
        // In the midst of it: each time after some more answers.
        for _ in 0..10_000 {
            if count.load(Ordering::Relaxed) > 5 + 20 * round {
                break;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        child.kill().await.unwrap();
        for writer in writers {
            let (granted, tried) = writer.await.unwrap();
            answered.extend(granted);
            asked += tried;
        }
    }
    let cloud = start(&path).await;
    let there: BTreeSet<String> = cloud.world().await["primary_ips"]["objects"]
        .as_array()
        .unwrap()
        .iter()
        .map(|ip| ip["name"].as_str().unwrap().to_owned())
        .collect();
    assert!(answered.len() > 100, "only {} requests were answered", answered.len());
    assert!(answered.is_subset(&there), "lost: {:?}", answered.difference(&there).collect::<Vec<_>>());
    assert!(there.len() <= asked, "{} there, {asked} asked for", there.len());
}
