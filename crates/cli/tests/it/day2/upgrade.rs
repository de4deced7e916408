//! `upgrade k3s`, against a cluster that writes down every request and can fail any of them.

use std::collections::BTreeSet;

use super::fake::{CLUSTER, Fake};
use super::reach::K3S_YAML;

const OLD: &str = "v1.31.4+k3s1";
const NEW: &str = "v1.31.6+k3s1";
const NODES: [(&str, bool); 5] =
    [("control-1", true), ("control-2", true), ("control-3", true), ("worker-1", false), ("worker-2", false)];

fn cluster() -> Fake {
    let fake = Fake::new(CLUSTER);
    fake.answer("ssh control-1 cat *", 0, K3S_YAML);
    for (name, control) in NODES {
        fake.node(name, OLD, control);
    }
    fake
}

/// What was changed, and read of single nodes.
fn steps(fake: &Fake) -> Vec<String> {
    let all = fake.asked().into_iter();
    all.filter(|line| !line.contains(" cat ") && !line.ends_with("tunnel") && !line.contains(" get nodes "))
        .collect()
}

fn patch(name: &str, mark: &str, unschedulable: &str) -> String {
    let annotations = format!("{{\"annotations\":{{\"ferroform-upgrade\":{mark}}}}}");
    let change = format!("{{\"metadata\":{annotations},\"spec\":{{\"unschedulable\":{unschedulable}}}}}");
    format!("kubectl patch node {name} --type=merge --patch={change} --request-timeout=30s")
}

fn of_one(name: &str) -> Vec<String> {
    vec![
        patch(name, &format!("\"{NEW}\""), "true"),
        format!("kubectl drain {name} --ignore-daemonsets --delete-emptydir-data --timeout=600s"),
        format!("ssh {name} /usr/local/sbin/k3s-node upgrade {NEW}"),
        format!("kubectl get node {name} --ignore-not-found --output=json --request-timeout=30s"),
        patch(name, "null", "null"),
    ]
}

fn all_are_new(fake: &Fake) {
    for (name, _) in NODES {
        assert_eq!(fake.node_field(name, "version"), NEW, "{name}");
        assert_eq!(fake.node_field(name, "cordoned"), "false", "{name}");
        assert_eq!(fake.node_field(name, "annotated"), "false", "{name}");
    }
}

#[test]
fn nodes_are_upgraded_one_after_the_other_control_planes_first() {
    let fake = cluster();
    let run = fake.run(&format!("upgrade k3s -to={NEW} -auto-approve")).ok();
    let expected: Vec<String> = NODES.iter().flat_map(|(name, _)| of_one(name)).collect();
    assert_eq!(steps(&fake), expected);
    assert!(run.stdout.contains(&format!("All nodes are at {NEW}.")), "{run}");
    assert!(run.stdout.contains("Configuration has another version"), "{run}");
    all_are_new(&fake);
    let again = fake.run(&format!("upgrade k3s -to={NEW} -auto-approve")).ok();
    assert!(again.stdout.contains("All nodes are at"), "{again}");
    assert_eq!(steps(&fake), [""; 0], "nothing is left to do");
}

#[test]
fn the_plan_is_shown_and_nothing_happens_without_approval() {
    let fake = cluster();
    let run = fake.run(&format!("upgrade k3s -to={NEW} -dry-run")).ok();
    for part in ["1  control-1", "5  worker-2", "drain, upgrade, uncordon"] {
        assert!(run.stdout.contains(part), "{part}: {run}");
    }
    let json = fake.run(&format!("upgrade k3s -to={NEW} -dry-run -json")).ok().json();
    let names: Vec<&str> =
        json["plan"]["steps"].as_array().unwrap().iter().map(|s| s["server"].as_str().unwrap()).collect();
    assert_eq!(names, NODES.map(|(name, _)| name));
    fake.run(&format!("upgrade k3s -to={NEW}")).one_error("Approval needed");
    assert_eq!(steps(&fake), [""; 0]);
}

/// Each request of a whole upgrade fails once: the upgrade stops right there, never with two nodes out of work, says so,
/// and the same command finishes it.
#[test]
fn whatever_fails_the_upgrade_stops_there_and_the_same_command_goes_on() {
    let whole: Vec<String> = NODES.iter().flat_map(|(name, _)| of_one(name)).collect();
    // Reading a node is repeated until it is ready, so that one failure of it is none.
    let fails = |line: &str| !line.contains(" get node ");
    // The first control plane, the last, and the last agent stand for all; each with all its requests.
    for name in ["control-1", "control-3", "worker-2"] {
        for step in of_one(name).iter().filter(|step| fails(step)) {
            let at = whole.iter().position(|line| line == step).unwrap();
            let fake = cluster();
            fake.fail(step, 1);
            let run = fake.run(&format!("upgrade k3s -to={NEW} -auto-approve")).code_is(1);
            assert_eq!(run.errors().len(), 1, "{step}: {run}");
            assert!(run.stderr.contains(&format!("Stopped at {name}")), "{step}: {run}");
            assert!(run.stderr.contains("goes on with the node where it stopped"), "{step}: {run}");
            assert_eq!(steps(&fake), whole[..=at], "nothing after {step}");
            let out: Vec<&str> =
                NODES.iter().map(|(n, _)| *n).filter(|n| fake.node_field(n, "cordoned") == "true").collect();
            assert!(out.is_empty() || out == [name], "{step}: {out:?}");
            fake.run(&format!("upgrade k3s -to={NEW} -auto-approve")).ok();
            all_are_new(&fake);
            let again: BTreeSet<String> = steps(&fake).into_iter().collect();
            let done = NODES.iter().position(|(n, _)| *n == name).unwrap();
            for (earlier, _) in &NODES[..done] {
                assert!(
                    !again.iter().any(|line| line.contains(earlier)),
                    "{earlier} is not touched again: {again:?}"
                );
            }
        }
    }
}

#[test]
fn a_node_that_does_not_come_back_is_given_up_after_its_time() {
    let fake = cluster();
    // The program says that it is done, and the node stays at its version.
    fake.answer("ssh control-1 /usr/local/sbin/k3s-node upgrade *", 0, "");
    let run = fake.run(&format!("upgrade k3s -to={NEW} -auto-approve -ready-timeout=1s"));
    let run = run.one_error("Node not ready").tells(&["Stopped at control-1", "control-1 is cordoned"]);
    assert!(run.stderr.contains("Not begun: control-2, control-3, worker-1, worker-2."), "{run}");
    assert_eq!(
        fake.node_field("control-1", "cordoned"),
        "true",
        "it gets no work that it may not be able to do"
    );
    assert_eq!(fake.node_field("control-2", "version"), OLD);
    fake.forget_answers();
    fake.answer("ssh control-1 cat *", 0, K3S_YAML);
    fake.run(&format!("upgrade k3s -to={NEW} -auto-approve")).ok();
    all_are_new(&fake);
}

#[test]
fn an_answer_that_fails_once_is_no_end_of_waiting() {
    let fake = cluster();
    fake.fail("kubectl get node control-1 *", 1);
    fake.run(&format!("upgrade k3s -to={NEW} -auto-approve")).ok();
    all_are_new(&fake);
}

#[test]
fn a_node_that_somebody_cordoned_stays_so() {
    let fake = cluster();
    fake.set_node("worker-1", "cordoned", "true");
    fake.run(&format!("upgrade k3s -to={NEW} -auto-approve")).ok();
    assert_eq!(fake.node_field("worker-1", "version"), NEW);
    assert_eq!(fake.node_field("worker-1", "cordoned"), "true");
    assert_eq!(fake.node_field("worker-1", "annotated"), "false");
}

#[test]
fn upgrades_that_cannot_go_well_are_not_begun() {
    let check = |change: &dyn Fn(&Fake), to: &str, part: &str| {
        let fake = cluster();
        change(&fake);
        fake.run(&format!("upgrade k3s -to={to} -auto-approve"))
            .one_error("Upgrade not possible")
            .tells(&[part]);
        assert_eq!(steps(&fake), [""; 0], "{to}: {part}");
    };
    let nothing: &dyn Fn(&Fake) = &|_| {};
    check(nothing, "1.31.6", "no version of k3s");
    check(nothing, "v1.31.6-rc1+k3s1", "no version of k3s");
    check(nothing, "v1.31.3+k3s1", "no way back");
    check(nothing, "v1.33.0+k3s1", "v1.32");
    check(nothing, "v2.0.0+k3s1", "one after the other");
    check(&|fake| fake.set_node("worker-2", "ready", "false"), NEW, "worker-2 is not ready");
    check(&|fake| fake.node("stranger", OLD, false), NEW, "stranger is in the cluster");
    let gone = |fake: &Fake| std::fs::remove_file(fake.project.path("fake/nodes/worker-1")).unwrap();
    check(&gone, NEW, "worker-1 is not among the nodes");
}

#[test]
fn the_checksum_goes_along_and_must_be_one() {
    let fake = cluster();
    let sum = "0".repeat(64);
    fake.run(&format!("upgrade k3s -to={NEW} -auto-approve -sha256={sum}")).ok();
    let expected = format!("ssh control-1 /usr/local/sbin/k3s-node upgrade {NEW} --sha256 {sum}");
    assert!(steps(&fake).contains(&expected));
    fake.run(&format!("upgrade k3s -to={NEW} -sha256=abc")).tells(&["64 hexadecimal digits"]);
}
