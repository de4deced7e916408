//! `upgrade k3s` with kubectl itself, against an API that writes down every request and can fail any of them. The node
//! program is one that changes the version that the node's kubelet tells.

use serde_json::{Value, json};

use super::fake::{Fake, real_kubectl};
use super::kube::{Failing, Kube, changes, discoveries};
use crate::harness::Run;

const OLD: &str = "v1.31.4+k3s1";
const NEW: &str = "v1.31.6+k3s1";
const NODES: [(&str, bool); 2] = [("control-1", true), ("worker-1", false)];
const POD: &str = "/api/v1/namespaces/shop/pods/web-1";

/// A cluster of two nodes.
const TWO: &str = r#"
    servers = {
      control-1 = { role = "control", address = "192.0.2.1", private = "10.0.1.1", host_key = "ssh-ed25519 AAAAc1" }
      worker-1  = { role = "worker", address = "192.0.2.4", private = "10.0.1.4", host_key = "ssh-ed25519 AAAAw1" }
    }
    kubernetes = { servers = ["control-1"], agents = ["worker-1"], version = "v1.31.6+k3s1" }
"#;

/// A control plane, and a worker with a pod that can move and one that belongs to every node.
struct Shop {
    fake: Fake,
    kube: Kube,
}

impl Shop {
    /// None where there is no kubectl.
    fn open() -> Option<Self> {
        real_kubectl()?;
        let fake = Fake::new(TWO);
        let kube = cluster(&fake);
        Some(Shop { fake, kube })
    }

    /// Another cluster in the place of this one, as this one was at first.
    fn begin_anew(&mut self) {
        self.kube = cluster(&self.fake);
        self.fake.asked();
    }

    fn upgrade(&self, more: &str) -> Run {
        self.fake.run(&format!("upgrade k3s -kubeconfig=own -to={NEW} -auto-approve {more}"))
    }

    #[track_caller]
    fn is_upgraded(&self, after: &str) {
        for (name, _) in NODES {
            assert_eq!(self.fake.node_field(name, "version"), NEW, "{after}: {name}");
            let node = self.kube.world().get("nodes", name).unwrap().clone();
            assert_eq!(node["spec"]["unschedulable"], Value::Null, "{after}: {node}");
            assert_eq!(node["metadata"]["annotations"]["ferroform-upgrade"], Value::Null, "{after}: {node}");
        }
        assert!(self.kube.world().get("pods", "web-1").is_none(), "{after}: the pod has moved");
        assert!(self.kube.world().get("pods", "agent-1").is_some(), "{after}: what every node has stays");
    }
}

fn cluster(fake: &Fake) -> Kube {
    let kube = fake.with_api(&["default", "shop"]);
    let mut world = kube.world();
    for (name, control) in NODES {
        fake.node(name, OLD, control);
        let labels =
            if control { json!({"node-role.kubernetes.io/control-plane": "true"}) } else { json!({}) };
        world.put(&json!({
            "apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}, "spec": {},
            "status": {"conditions": [{"type": "Ready", "status": "True"}], "nodeInfo": {}},
        }));
    }
    for (kind, owner, pod) in [("ReplicaSet", "web", "web-1"), ("DaemonSet", "agent", "agent-1")] {
        world.put(
            &json!({"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": owner, "namespace": "shop"}}),
        );
        let reference =
            json!({"apiVersion": "apps/v1", "kind": kind, "name": owner, "uid": "1", "controller": true});
        world.put(&json!({
            "apiVersion": "v1", "kind": "Pod", "status": {"phase": "Running"},
            "metadata": {"name": pod, "namespace": "shop", "ownerReferences": [reference]},
            "spec": {"nodeName": "worker-1", "volumes": [{"name": "scratch", "emptyDir": {}}]},
        }));
    }
    drop(world);
    kube
}

/// What is changed at a node, in order: marked and cordoned, drained, given work again and unmarked.
fn of_one(name: &str) -> Vec<String> {
    let patch = format!("PATCH /api/v1/nodes/{name}");
    let mut all = vec![patch; 2];
    if name == "worker-1" {
        all.insert(1, format!("POST {POD}/eviction"));
    }
    all
}

#[test]
fn kubectl_itself_takes_nodes_out_of_work_and_gives_them_work_again() {
    let Some(shop) = Shop::open() else { return };
    shop.upgrade("").ok();
    let whole: Vec<String> = NODES.iter().flat_map(|(name, _)| of_one(name)).collect();
    let asked = shop.kube.asked();
    assert_eq!(changes(&asked), whole);
    assert_eq!(discoveries(&asked), 2, "the cluster's kinds are asked for once, not by every kubectl");
    shop.is_upgraded("the upgrade");
    shop.upgrade("").ok();
    assert_eq!(shop.kube.changes(), [""; 0], "nothing is left to do");
}

/// Each request of the second node's upgrade fails, in each way: the upgrade stops there, leaves the first node alone, says
/// what stands where, and the same command finishes it.
#[test]
fn whatever_request_fails_the_upgrade_stops_there_and_the_same_command_goes_on() {
    let Some(mut shop) = Shop::open() else { return };
    shop.upgrade("").ok();
    let whole: Vec<String> = NODES.iter().flat_map(|(name, _)| of_one(name)).collect();
    let mut coped = Vec::new();
    for failing in Failing::each(&shop.kube.asked()) {
        if failing.key.contains("control-1") {
            continue;
        }
        let what = failing.to_string();
        shop.begin_anew();
        failing.begin(&shop.kube);
        let run = shop.upgrade("");
        let done = shop.kube.changes();
        if failing.was_coped_with(&shop.kube, &run) {
            coped.push(failing.key);
        } else {
            assert!(whole.starts_with(&done), "{what}: {done:?}");
            if done.len() > of_one("control-1").len() {
                assert!(run.stderr.contains("Stopped at worker-1"), "{what}: {run}");
                assert!(run.stderr.contains(&format!("At {NEW} and at work: control-1.")), "{what}: {run}");
            }
            shop.upgrade("").ok();
            let again = shop.kube.changes();
            let touched = again.iter().any(|change| change.contains("control-1"));
            assert!(done.is_empty() || !touched, "{what}: the first node is left alone: {again:?}");
        }
        shop.is_upgraded(&what);
    }
    coped.sort();
    coped.dedup();
    assert_eq!(coped, COPED, "reads that are asked again, or done without");
}

/// Reads whose failure is none: waiting for a node looks again, and kubectl asks in other ways.
const COPED: [&str; 3] = ["GET /api", "GET /api/v1/nodes/worker-1", "GET /apis"];

#[test]
fn a_disruption_budget_that_allows_nothing_stops_the_upgrade_with_the_node_at_its_version() {
    let Some(shop) = Shop::open() else { return };
    shop.kube.world().guarded.insert("web-1".to_owned());
    let run = shop.upgrade("-drain-timeout=1s").one_error("Cluster does not do that");
    let run = run.tells(&["drain the node worker-1", "disruption budget", "worker-1 is cordoned"]);
    assert!(run.stderr.contains("Stopped at worker-1"), "{run}");
    assert_eq!(shop.fake.node_field("worker-1", "version"), OLD);
    shop.kube.world().guarded.clear();
    shop.upgrade("").ok();
    shop.is_upgraded("the next one");
}
