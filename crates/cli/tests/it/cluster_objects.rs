//! Destroying the servers of a cluster that made load balancers and volumes by itself. The test is the cluster: it makes
//! them by the API.

use serde_json::{Value, json};

use crate::cloud::Cloud;
use crate::harness::{Project, Run};

const STACK: &str = r#"
terraform {
  required_providers {
    hcloud = { source = "hetznercloud/hcloud" }
  }
}
resource "hcloud_network" "net" {
  name     = "net"
  ip_range = "10.0.0.0/16"
}
resource "hcloud_network_subnet" "nodes" {
  network_id   = hcloud_network.net.id
  type         = "cloud"
  network_zone = "eu-central"
  ip_range     = "10.0.1.0/24"
}
resource "hcloud_server" "node" {
  count       = 2
  name        = "node-${count.index}"
  server_type = "cx23"
  image       = "debian-12"
  location    = "fsn1"
  network {
    network_id = hcloud_network.net.id
  }
  depends_on = [hcloud_network_subnet.nodes]
}
"#;

/// The stack, running, with a load balancer for a service and volumes for two claims.
fn cluster() -> (Project, Cloud) {
    let mut project = Project::new(STACK);
    let cloud = project.serve(0.0);
    project.run("apply -local -auto-approve -no-color").ok();
    made_by_itself(&cloud);
    (project, cloud)
}

fn id_of(cloud: &Cloud, kind: &str, name: &str) -> Value {
    let all = cloud.call("GET", &format!("/v1/{kind}?name={name}"), &Value::Null);
    all[kind][0]["id"].clone()
}

fn made_by_itself(cloud: &Cloud) {
    let (network, node) = (id_of(cloud, "networks", "net"), id_of(cloud, "servers", "node-0"));
    let balancer = json!({
        "name": "a0f3c", "load_balancer_type": "lb11", "location": "fsn1", "network": network,
        "labels": {"hcloud-ccm/service-uid": "0f3c"},
        "targets": [{"type": "server", "server": {"id": node}}],
    });
    cloud.call("POST", "/v1/load_balancers", &balancer);
    let labels = json!({"managed-by": "csi-driver", "pvc-namespace": "shop", "pvc-name": "data"});
    let labelled = json!({"name": "pvc-new", "size": 10, "server": node, "labels": labels});
    cloud.call("POST", "/v1/volumes", &labelled);
    let named = json!({"name": "pvc-2f1b8c1e-7f3d-4c1a-9a55-0d6f1e2a3b4c", "size": 20, "server": node});
    cloud.call("POST", "/v1/volumes", &named);
}

/// How many of each kind that a cluster makes there are.
fn left(cloud: &Cloud) -> (usize, usize) {
    let count = |kind: &str| {
        let all = cloud.call("GET", &format!("/v1/{kind}"), &Value::Null);
        all[kind].as_array().unwrap().len()
    };
    (count("load_balancers"), count("volumes"))
}

#[track_caller]
fn shows(run: &Run, parts: &[&str]) {
    // Lines end where the width says.
    let words =
        |text: &str| text.split_whitespace().map(|w| w.trim_start_matches('│')).collect::<Vec<_>>().join(" ");
    let told = words(&run.stdout);
    for part in parts {
        assert!(told.contains(&words(part)), "no {part:?} in {run}");
    }
}

/// What a plan and a destroy list. The prices are those of the built-in list: 10 and 20 GB of volume, lb11 in fsn1.
const LISTED: [&str; 4] = [
    "Made by the cluster itself, and in no state:",
    "load balancer a0f3c (",
    "volume pvc-new (",
    "claim shop/data; 0.57 EUR a month without VAT",
];

#[test]
fn a_plan_to_destroy_lists_what_the_cluster_made_and_others_do_not() {
    let (project, cloud) = cluster();
    let run = project.run("plan -local -destroy -no-color").ok();
    shows(&run, &LISTED);
    shows(&run, &["without its removal the subnet 10.0.1.0/24 cannot be deleted"]);
    for other in ["plan -local -no-color", "plan -local -destroy -target=hcloud_server.node[1] -no-color"] {
        let run = project.run(other).ok();
        assert!(!run.stdout.contains("Made by the cluster"), "{run}");
    }
    assert_eq!(left(&cloud), (1, 2));
}

#[test]
fn what_is_to_be_removed_goes_with_the_servers_and_the_network() {
    let (project, cloud) = cluster();
    let run = project.run("destroy -local -auto-approve -cluster-objects=remove -no-color").ok();
    shows(&run, &LISTED);
    shows(&run, &["Removed of what the cluster made: 1 load balancer, 2 volumes.", "Resources: 4 destroyed"]);
    assert!(!run.stdout.contains("Warning"), "{run}");
    assert_eq!(left(&cloud), (0, 0));
    assert_eq!(project.addresses("-local"), <[String; 0]>::default());
}

#[test]
fn what_is_kept_is_warned_of_and_named_by_what_it_holds_up() {
    let (project, cloud) = cluster();
    // Nobody answers, so nothing is removed that nobody asked to.
    let run = project.run("destroy -local -auto-approve -no-color");
    let run = run.one_error("Load balancers hold the subnet").tells(&["a0f3c (", "-cluster-objects=remove"]);
    shows(&run, &LISTED);
    shows(&run, &["Warning: Objects of the cluster are kept", "As long as load balancers are attached"]);
    assert_eq!(left(&cloud), (1, 2));
    let network = ["hcloud_network.net", "hcloud_network_subnet.nodes"];
    assert_eq!(project.addresses("-local"), network);
    // The volumes hang on nothing any more, so that nobody knows whose they are.
    let run = project.run("destroy -local -auto-approve -cluster-objects=keep -no-color");
    let run = run.one_error("Load balancers hold the subnet");
    assert!(!run.stdout.contains("Warning"), "{run}");
    let run = project.run("destroy -local -auto-approve -cluster-objects=remove -no-color").ok();
    shows(&run, &["Removed of what the cluster made: 1 load balancer."]);
    assert_eq!(left(&cloud), (0, 2));
}

#[test]
fn a_saved_plan_is_applied_with_either() {
    let (project, cloud) = cluster();
    project.run("plan -local -destroy -out=kept.plan -no-color").ok();
    let run = project.run("apply -local -cluster-objects=remove -no-color kept.plan").ok();
    shows(&run, &LISTED);
    shows(&run, &["Removed of what the cluster made: 1 load balancer, 2 volumes."]);
    assert_eq!(left(&cloud), (0, 0));

    project.run("apply -local -auto-approve -no-color").ok();
    made_by_itself(&cloud);
    project.run("plan -local -destroy -out=kept.plan -no-color").ok();
    let run = project.run("apply -local -no-color kept.plan").one_error("Load balancers hold the subnet");
    shows(&run, &["Warning: Objects of the cluster are kept"]);
    assert_eq!(left(&cloud), (1, 2));
}

#[test]
fn the_option_is_for_destroying_everything() {
    let (project, cloud) = cluster();
    for command in ["apply -local", "destroy -local -target=hcloud_server.node[0]"] {
        project
            .run(&format!("{command} -auto-approve -cluster-objects=remove -no-color"))
            .one_error("Nothing of the cluster to decide about");
    }
    project.run("plan -local -out=ordinary.plan -no-color").ok();
    project
        .run("apply -local -cluster-objects=keep -no-color ordinary.plan")
        .one_error("Nothing of the cluster to decide about");
    assert_eq!(left(&cloud), (1, 2));
    assert_eq!(project.addresses("-local").len(), 4);
}

/// The search is no reason not to destroy, unless what it would find is to be removed.
#[test]
fn a_search_that_fails_stops_only_who_wants_it_removed() {
    let (project, cloud) = cluster();
    let fault =
        json!({"method": "GET", "path": "/load_balancers", "count": 10, "effect": {"error": "forbidden"}});
    cloud.fault(&fault);
    project.run("destroy -local -auto-approve -cluster-objects=remove -no-color").code_is(1);
    assert_eq!(project.addresses("-local").len(), 4, "nothing was begun");
    let run = project.run("plan -local -destroy -no-color").ok();
    shows(&run, &["Warning: Not permitted", "What a cluster made by itself is not known"]);
}

#[test]
fn a_person_is_asked_a_second_time() {
    for (answer, code, expected) in [("no", 1, (1, 2)), ("yes", 0, (0, 0))] {
        let (project, cloud) = cluster();
        let run = project.at_terminal("destroy -local -no-color", &["yes", answer]);
        assert!(run.stdout.contains("Do you want to remove what the cluster made as well?"), "{run}");
        let run = run.code_is(code);
        assert_eq!(left(&cloud), expected, "{run}");
    }
    // Who does not approve the first is not asked the second.
    let (project, cloud) = cluster();
    let run = project.at_terminal("destroy -local -no-color", &["no"]).code_is(1);
    assert!(!run.stdout.contains("as well?"), "{run}");
    assert_eq!(left(&cloud), (1, 2));
    assert_eq!(project.addresses("-local").len(), 4);
}

/// Nothing of a removal is in the journal: what is left hangs on what is left of the state.
#[test]
fn a_removal_that_is_killed_is_gone_on_with_by_the_next_destroy() {
    const DESTROY: &str = "destroy -local -auto-approve -cluster-objects=remove -no-color";
    for (route, before) in [("DELETE /volumes/{id}", (1, 1)), ("DELETE /load_balancers/{id}", (0, 0))] {
        let (project, cloud) = cluster();
        let fault = cloud.hold(route, 0);
        let running = project.start(DESTROY);
        assert!(running.until(|| cloud.holds(fault)), "nothing was held: {}", running.wait());
        assert!(running.kill().was_killed());
        cloud.clear_faults();
        assert_eq!(left(&cloud), before, "{route}");
        project.run(DESTROY).ok();
        assert_eq!(left(&cloud), (0, 0), "{route}");
        assert_eq!(project.addresses("-local"), <[String; 0]>::default());
    }
}
