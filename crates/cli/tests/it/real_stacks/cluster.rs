//! The life of a cluster: upgrades and a lost control plane. Five servers of the example of `k3s-cluster`.

use std::time::Duration;

use serde_json::{Value, json};

use super::mirror::Mirror;
use super::{Stage, soon};
use crate::harness::{PUBLIC_KEY, say};
use crate::k3s::{RELEASE, node, stand_in};

/// The first control plane.
const FIRST: &str = "shop-control-1";

/// What a control plane's stand-in says of the cluster.
pub(super) fn verdict(stage: &Stage, control_plane: &str) -> Value {
    stage.exec(control_plane, &["k3s", "verdict"]).json()
}

/// How often a node has joined, by a control plane.
pub(super) fn starts(stage: &Stage, control_plane: &str, node: &str) -> i64 {
    verdict(stage, control_plane)["nodes"][node]["starts"].as_i64().unwrap_or_default()
}

/// Restarts a machine by the API.
pub(super) fn reboot(stage: &Stage, name: &str) {
    let machine = stage.machine(name);
    let path = format!("/v1/servers/{}/actions/reboot", machine["id"]);
    stage.project.cloud().call("POST", &path, &Value::Null);
    soon("the machine has rebooted", || {
        let now = stage.machine(name)["leader"].clone();
        !now.is_null() && now != machine["leader"]
    });
    stage.project.run(&format!("cloud wait -for=boot {name}")).ok();
}

/// What the stand-in expects of the example.
fn expected() -> Value {
    let mut nodes = json!({});
    for index in 1..=3 {
        nodes[format!("shop-control-{index}")] = node("server", &[], &["CriticalAddonsOnly=true:NoExecute"]);
    }
    for index in 1..=2 {
        nodes[format!("shop-worker-{index}")] = node("agent", &["k3s-cluster/ingress=true"], &[]);
    }
    let servers = ["10.0.1.10", "10.0.1.11", "10.0.1.12"];
    let names = [&servers[..], &["10.0.3.11"]].concat();
    json!({"first": FIRST, "servers": servers, "names": names, "nodes": nodes, "joining_seconds": 1.5})
}

#[test]
fn a_cluster_is_upgraded_and_survives_its_first_control_plane() {
    let Some(mut stage) = Stage::open_example("k3s-cluster", 5) else { return };
    stage.project.set_env("TF_VAR_ssh_public_key", PUBLIC_KEY);
    let more = "variable \"k3s\" {\n  type = map(string)\n}\n";
    let given = "module \"cluster\" {\n  k3s_mirror      = var.k3s.mirror\n  k3s_sha256      = var.k3s.sha256\n  package_upgrade = false\n";
    let text = stage.project.read("main.tf").replacen("module \"cluster\" {\n", given, 1);
    stage.project.configure(&format!("{text}{more}"));
    say("k3s is a stand-in");
    let expected = expected();
    let mirror = Mirror::open(&mut stage, &expected);
    stage.apply();
    let order = json!(["shop-control-1", "shop-control-2", "shop-control-3"]);
    let cluster = verdict(&stage, FIRST);
    assert_eq!((&cluster["wrong"], &cluster["order"]), (&json!([]), &order), "{cluster}");

    upgrade(&stage, &mirror, &expected, "shop-worker-1");

    // A first control plane that is replaced founds no second cluster: it joins the others.
    let id = stage.machine(FIRST)["id"].clone();
    let replaced = r#"-replace=module.cluster.hcloud_server.node["control-1"]"#;
    let command = format!("apply -local -machines -auto-approve -wait-for-boot=10m {replaced}");
    let run = stage.project.start(&command).within(Duration::from_secs(600)).wait().ok();
    say(&format!("the first control plane is another machine: {:.1} s", run.elapsed.as_secs_f64()));
    assert_ne!(stage.machine(FIRST)["id"], id);
    let joined = verdict(&stage, FIRST);
    assert_eq!((&joined["wrong"], &joined["members"]), (&json!([]), &order), "{joined}");
    assert!(starts(&stage, FIRST, FIRST) > 1, "it is known to the others: {joined}");
    assert!(starts(&stage, "shop-control-2", FIRST) > 1, "they have not begun anew");

    stage.destroy();
}

/// A release that starts, one with another checksum, and one that does not start.
fn upgrade(stage: &Stage, mirror: &Mirror, expected: &Value, node: &str) {
    let version = || stage.exec(node, &["k3s-node", "status", "--json"]).ok().json()["version"].clone();
    let (next, broken) = ("v1.36.5+k3s1", "v1.36.6+k3s1");
    let sum = mirror.put(next, &stand_in(next, expected));
    let refused = stage.exec(node, &["k3s-node", "upgrade", next, "--sha256", &"0".repeat(64)]);
    assert!(
        refused.code() == Some(1) && refused.stderr.contains("not the file that was expected"),
        "{refused}"
    );
    assert_eq!(version(), RELEASE);
    stage.exec(node, &["k3s-node", "upgrade", next, "--sha256", &sum]).ok();
    assert_eq!(version(), next);
    assert_eq!(verdict(stage, FIRST)["nodes"][node]["version"], next);
    mirror.put(
        broken,
        "#!/bin/sh\n[ \"$1\" != --version ] || { echo k3s version v1.36.6+k3s1; exit 0; }\nexit 1\n",
    );
    // As it is with systemd's own pauses it takes a minute to give up; the pauses are not what is tested.
    let hurry = "mkdir -p /run/systemd/system/k3s.service.d && printf '[Service]\\nRestartSec=0.2\\n' \
                 >/run/systemd/system/k3s.service.d/test.conf && systemctl daemon-reload";
    stage.exec(node, &["sh", "-c", hurry]).ok();
    let back = stage.exec(node, &["k3s-node", "upgrade", broken]);
    assert!(back.code() == Some(1) && back.stderr.contains(&format!("{next} is back and runs")), "{back}");
    let now = stage.exec(node, &["k3s-node", "status", "--json"]).ok().json();
    assert_eq!((&now["version"], &now["state"]), (&json!(next), &json!("active")));
}
