//! Stopping by signal, and moving a state between this program and Terraform.

use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;

use crate::cloud::Cloud;
use crate::harness::{Project, Running, has_oracle};
use crate::world::counts;

const STACK: &str = r#"
terraform {
  required_providers {
    hcloud = { source = "hetznercloud/hcloud" }
  }
}
resource "hcloud_network" "first" {
  name     = "first"
  ip_range = "10.0.0.0/16"
}
resource "hcloud_network_subnet" "second" {
  network_id   = hcloud_network.first.id
  type         = "cloud"
  network_zone = "eu-central"
  ip_range     = "10.0.1.0/24"
}
"#;

const APPLY: &str = "apply -local -auto-approve -no-color";

/// An apply whose first creation waits for its answer, and the fault that holds it back.
fn held_apply() -> (Project, Cloud, Running, u64) {
    let mut project = Project::new(STACK);
    let cloud = project.serve(0.0);
    let fault = cloud.hold("POST /networks", 0);
    let running = project.start(APPLY);
    assert!(running.until(|| cloud.holds(fault)), "nothing was held: {}", running.wait());
    (project, cloud, running, fault)
}

#[test]
fn the_first_interrupt_finishes_what_is_under_way_and_begins_nothing() {
    for signal in [Signal::INT, Signal::TERM] {
        let (project, cloud, running, fault) = held_apply();
        running.signal(signal);
        running.until_it_says("waiting for 1 operation under way");
        assert!(!running.has_ended(), "it waits for what is under way");
        cloud.call("POST", &format!("/_emulator/faults/{fault}/release"), &serde_json::Value::Null);
        let run = running.wait().code_is(1);
        assert!(run.stdout.contains("1 added"), "{run}");
        assert_eq!(project.addresses("-local"), ["hcloud_network.first"], "{run}");
        assert_eq!(counts(&cloud.objects()), [("networks".to_owned(), 1)].into());
        assert!(!project.path(".terraform/local/terraform.tfstate.journal").exists(), "nothing is open");
        let run = project.run(APPLY).ok();
        assert!(run.stdout.contains("1 added, 0 changed, 0 destroyed"), "{run}");
        project.run("plan -local -detailed-exitcode").ok();
    }
}

#[test]
fn the_second_interrupt_ends_at_once_and_the_next_run_settles() {
    let (project, cloud, running, _) = held_apply();
    running.signal(Signal::INT);
    // Two signals at once would be one.
    running.until_it_says("Interrupt again to stop waiting");
    running.signal(Signal::INT);
    let begun = std::time::Instant::now();
    let run = running.wait().code_is(1);
    assert!(begun.elapsed() < Duration::from_secs(10), "it does not wait: {:?}", begun.elapsed());
    assert!(
        project.path(".terraform/local/terraform.tfstate.journal").exists(),
        "one operation is open: {run}"
    );
    cloud.clear_faults();
    project.run(APPLY).ok();
    // The network of before was adopted.
    assert_eq!(counts(&cloud.objects()), [("networks".to_owned(), 1)].into());
    assert_eq!(project.addresses("-local"), ["hcloud_network.first", "hcloud_network_subnet.second"]);
    project.run("plan -local -detailed-exitcode").ok();
}

/// Before anything has begun there is nothing to wait for, however slow the cloud is.
#[test]
fn an_interrupt_while_planning_ends_the_program_and_leaves_all_as_it_was() {
    let mut project = Project::new(STACK);
    let cloud = project.serve(0.0);
    project.run(APPLY).ok();
    project.configure(&STACK.replace("\"first\"\n", "\"other\"\n"));
    let files = project.state_files();
    for (command, signal) in
        [(APPLY, Signal::INT), (APPLY, Signal::TERM), ("plan -local -no-color", Signal::INT)]
    {
        let fault = cloud.hold("GET /networks/{id}", 0);
        let running = project.start(command);
        assert!(running.until(|| cloud.holds(fault)), "nothing was held: {}", running.wait());
        running.signal(signal);
        let begun = std::time::Instant::now();
        let run = running.wait().code_is(1).tells(&["Interrupted. Nothing was begun."]);
        assert!(begun.elapsed() < Duration::from_secs(10), "it does not wait: {:?}", begun.elapsed());
        cloud.clear_faults();
        assert_eq!(project.state_files(), files, "{run}");
        assert!(!project.path(".terraform/local/.terraform.tfstate.lock.info").exists(), "{run}");
    }
    let run = project.run(APPLY).ok();
    assert!(run.stdout.contains("0 added, 1 changed, 0 destroyed"), "{run}");
}

const MOVING: &str = r#"
resource "terraform_data" "one" {
  input            = { text = "<&> \"é\"", list = [1, 2.5, true, null], long = "a\nb\n" }
  triggers_replace = ["x"]
}
resource "terraform_data" "many" {
  for_each = toset(["a", "b c", "d/e"])
  input    = each.key
}
resource "terraform_data" "counted" {
  count      = 2
  input      = terraform_data.many["a"].output
  depends_on = [terraform_data.one]
}
module "m" {
  source = "./m"
  secret = "hidden"
}
output "o" {
  value     = module.m.o
  sensitive = true
}
//- m/main.tf
variable "secret" {
  type      = string
  sensitive = true
}
resource "terraform_data" "inner" {
  input = var.secret
  lifecycle {
    create_before_destroy = true
  }
}
output "o" {
  value = terraform_data.inner.output
}
"#;

fn terraform(project: &Project, args: &str) -> crate::harness::Run {
    let mut command = Command::new("terraform");
    command.args(args.split_whitespace());
    project.prepare(&mut command);
    Running::start(command).wait()
}

#[test]
fn terraform_goes_on_with_our_state() {
    if !has_oracle("terraform") {
        return;
    }
    let project = Project::new(MOVING);
    project.run("apply -auto-approve").ok();
    let written = project.state_files();
    terraform(&project, "init").ok();
    terraform(&project, "plan -detailed-exitcode -no-color").ok();
    assert_eq!(project.state_files(), written, "planning wrote nothing");
    // Terraform changes something, and we see nothing left to do.
    project.configure(&project.read("main.tf").replace("[\"x\"]", "[\"y\"]"));
    terraform(&project, "apply -auto-approve -no-color").ok();
    project.run("plan -detailed-exitcode").ok();
}

#[test]
fn we_go_on_with_the_state_of_terraform() {
    if !has_oracle("terraform") {
        return;
    }
    let project = Project::new(MOVING);
    terraform(&project, "init").ok();
    terraform(&project, "apply -auto-approve -no-color").ok();
    let written = project.state_files();
    project.run("plan -detailed-exitcode").ok();
    assert_eq!(project.state_files(), written, "planning wrote nothing");
    assert_eq!(project.run("output -raw o").ok().stdout, "hidden");
    project.configure(&project.read("main.tf").replace("[\"x\"]", "[\"y\"]"));
    let run = project.run("apply -auto-approve").ok();
    assert!(run.stdout.contains("1 added, 0 changed, 1 destroyed"), "{run}");
    terraform(&project, "plan -detailed-exitcode -no-color").ok();
    project.run("destroy -auto-approve").ok();
    terraform(&project, "plan -destroy -detailed-exitcode -no-color").ok();
}
