//! The stand-in fails for each mistake that it is there to find, and for nothing else.

use serde_json::{Value, json};

use super::lab::{BALANCER, Lab, PASSWORD, may_run};

/// What is wrong about a node.
type Spoil = fn(&mut Value, &Lab);

#[test]
fn a_cluster_as_it_should_be_is_found_well() {
    if !may_run() {
        return;
    }
    let mut lab = Lab::new(3);
    for name in ["c1", "c2", "c3", "w", "a"] {
        lab.add(name);
    }
    let (well, verdict) = lab.verdict();
    assert_eq!(verdict["wrong"], json!([]));
    assert!(well);
    assert_eq!(verdict["order"], json!(["c1", "c2", "c3"]));
    assert_eq!(verdict["members"], json!(["c1", "c2", "c3"]));
}

/// A mistake in the configuration of one node: it is refused, with these words. Its cluster has what it needs to notice.
#[track_caller]
fn check(name: &str, spoil: Spoil, words: &str) {
    if !may_run() {
        return;
    }
    let mut lab = Lab::new(1);
    if name != "c1" {
        lab.add("c1");
    }
    let mut config = lab.config(name);
    spoil(&mut config, &lab);
    let role = if name.starts_with('c') { "server" } else { "agent" };
    let started = lab.start(role, &config);
    let (ready, said) = lab.outcome(&started);
    assert!(!ready && said.contains(words), "{name}: {said}");
}

#[test]
fn no_server_address() {
    let forget: Spoil = |config, _| drop(config.as_object_mut().unwrap().remove("server"));
    check("w", forget, "no server address");
    // A control plane would even begin a cluster of its own.
    let alone: Spoil = |config, _| drop(config.as_object_mut().unwrap().remove("cluster-init"));
    check("c1", alone, "no server address");
}

#[test]
fn wrong_token() {
    let password: Spoil =
        |config, lab| config["token"] = json!(lab.join_token().replace(PASSWORD, "another"));
    check("w", password, "wrong token");
    let cluster: Spoil =
        |config, _| config["token"] = json!(format!("K10{}::server:{PASSWORD}", "0".repeat(64)));
    check("w", cluster, "wrong token: it is of another cluster");
    let short: Spoil = |config, _| config["token"] = json!(PASSWORD);
    check("w", short, "a token that names the cluster's authority");
}

#[test]
fn http_instead_of_https() {
    check("w", |config, lab| config["server"] = json!(format!("http://{}.1:6443", lab.net)), "is http");
}

#[test]
fn missing_tls_name() {
    let spoil: Spoil = |config, _| config["tls-san"].as_array_mut().unwrap().retain(|name| name != BALANCER);
    check("c1", spoil, "missing TLS name: the certificate of c1 is not for 10.99.0.11");
}

#[test]
fn duplicate_node_name() {
    if !may_run() {
        return;
    }
    let mut lab = Lab::new(1);
    lab.add("c1");
    lab.add("w");
    let mut twin = lab.config("w");
    twin["node-ip"] = json!(format!("{}.21", lab.net));
    let started = lab.start("agent", &twin);
    let (ready, said) = lab.outcome(&started);
    assert!(!ready && said.contains("duplicate node name: w"), "{said}");
    assert!(!lab.verdict().0, "the cluster has noticed too");
}

#[test]
fn control_planes_joining_at_once() {
    if !may_run() {
        return;
    }
    // Long enough for both to have begun, however busy this computer is.
    let mut lab = Lab::with(3, 5.0);
    lab.add("c1");
    let configs = [lab.config("c2"), lab.config("c3")];
    let both = configs.map(|config| lab.start("server", &config));
    let outcomes = both.map(|node| lab.outcome(&node));
    let (joined, refused): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(|(ready, _)| *ready);
    assert_eq!((joined.len(), refused.len()), (1, 1), "{joined:?} {refused:?}");
    assert!(refused[0].1.contains("control planes joining at once"), "{refused:?}");
    let (well, verdict) = lab.verdict();
    let noted = verdict["wrong"].as_array().unwrap();
    assert!(!well && noted.iter().any(|wrong| wrong.as_str().unwrap().contains("at once")), "{verdict}");
}

#[test]
fn even_number_of_members() {
    if !may_run() {
        return;
    }
    let mut lab = Lab::new(2);
    for name in ["c1", "c2", "w", "a"] {
        lab.add(name);
    }
    let (well, verdict) = lab.verdict();
    assert!(!well);
    assert_eq!(verdict["wrong"], json!(["even number of members: 2, which can lose no more than 1"]));
}

#[test]
fn unknown_flag() {
    check(
        "w",
        |config, _| config["node-labels"] = json!(["a=b"]),
        "unknown flag: k3s agent has no option --node-labels",
    );
    // One of servers is none of agents.
    check(
        "w",
        |config, _| config["tls-san"] = json!(["name"]),
        "unknown flag: k3s agent has no option --tls-san",
    );
    check("c1", |config, _| config["cluster-init"] = json!("yes"), "--cluster-init takes a flag");
}

#[test]
fn missing_taint() {
    check("a", |config, _| config["node-taint"] = json!([]), "missing ['agents=true:NoSchedule']");
}

#[test]
fn public_address_as_node_address() {
    check(
        "w",
        |config, _| config["node-ip"] = json!("192.0.2.7"),
        "the node address 192.0.2.7 of w is public",
    );
}
