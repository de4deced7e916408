//! What is wrong is told once and clearly, and nothing is touched.

use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::cloud::{Cloud, Served};
use crate::harness::{Project, Running, has_oracle};
use crate::world::counts;

/// A configuration with objects in a cloud and without.
pub(crate) const GOOD: &str = r#"
terraform {
  required_providers {
    hcloud = { source = "hetznercloud/hcloud" }
  }
}
provider "hcloud" {
  poll_interval = "1ms"
}
variable "number" {
  type    = number
  default = 1
}
resource "terraform_data" "a" {
  input = "one"
}
resource "hcloud_network" "n" {
  name     = "n"
  ip_range = "10.0.0.0/16"
}
resource "hcloud_placement_group" "g" {
  name = "g"
  type = "spread"
}
"#;

/// Two commands that look at everything.
pub(crate) const COMMANDS: [&str; 2] = ["plan -no-color", "apply -auto-approve -no-color"];

/// A project whose objects are in a cloud that is not the local one of `-local`.
pub(crate) struct Applied {
    pub(crate) project: Project,
    pub(crate) cloud: Cloud,
    /// Keeps the cloud running; it is apart from the project's.
    served: Served,
    _elsewhere: tempfile::TempDir,
}

/// Applied twice, so that there is a backup.
pub(crate) fn applied() -> Applied {
    let elsewhere = tempfile::tempdir().unwrap();
    let served = Served::start(elsewhere.path(), 0.0, &[]);
    let cloud = served.cloud.clone();
    let project =
        Project::new(GOOD).env("HCLOUD_ENDPOINT", &cloud.endpoint()).env("HCLOUD_TOKEN", &cloud.token);
    project.run(COMMANDS[1]).ok();
    project.configure(&GOOD.replace("\"one\"", "\"two\""));
    project.run(COMMANDS[1]).ok();
    assert_eq!(project.state_files().len(), 2, "state and backup");
    Applied { project, cloud, served, _elsewhere: elsewhere }
}

impl Applied {
    /// Leaves an operation of an interrupted run in the journal.
    fn interrupt(&self) {
        self.project.configure(&GOOD.replace("\"one\"", "\"three\""));
        let run = self.project.run_with(COMMANDS[1], "FERROFORM_FAILPOINT", "after-intent:1");
        assert!(run.was_killed(), "{run}");
        assert_eq!(self.project.state_files().len(), 3, "state, backup and journal");
    }

    /// Both commands fail alike, with one error, and change nothing, neither here nor in the cloud.
    fn refuses(&self, summary: &str, tells: &[&str]) {
        let files = self.project.state_files();
        let objects = counts(&self.cloud.objects());
        for command in COMMANDS {
            self.project.run(command).one_error(summary).tells(tells);
            assert!(
                self.project.state_files() == files,
                "{command} touched state, backup or journal: {summary}"
            );
            assert_eq!(counts(&self.cloud.objects()), objects, "{command}");
        }
    }
}

#[test]
fn mistakes_in_the_configuration_are_shown_where_they_are() {
    let applied = applied();
    // What is added to the configuration, the one error, what is told: place and source line where there is one.
    let cases: &[(&str, &str, &[&str])] = &[
        ("locals {\n  x = \n}\n", "Invalid expression", &["on main.tf line {2}, in locals", "{2}:   x ="]),
        (
            "locals {\n  x = [1, 2\n}\n",
            "Missing item separator",
            &["on main.tf line {3}, in locals", "{2}:   x = [1, 2", "{3}: }"],
        ),
        (
            "output \"o\" {\n  value = var.nope\n}\n",
            "Reference to undeclared input variable",
            &["on main.tf line {2}, in output \"o\"", "{2}:   value = var.nope", "\"nope\""],
        ),
        (
            "resource \"hcloud_network\" \"x\" {\n  name     = \"x\"\n  ip_range = [\"10.0.0.0/8\"]\n}\n",
            "Incorrect attribute value type",
            &[
                "on main.tf line {3}, in resource \"hcloud_network\" \"x\"",
                "{3}:   ip_range = [\"10.0.0.0/8\"]",
            ],
        ),
        (
            "resource \"hcloud_network\" \"x\" {\n  name      = \"x\"\n  ip_range  = \"10.0.0.0/8\"\n  ip_rangee = 1\n}\n",
            "Unsupported argument",
            &["on main.tf line {4}", "{4}:   ip_rangee = 1", "ip_range"],
        ),
        (
            "resource \"hcloud_network\" \"x\" {\n  name = \"x\"\n}\n",
            "Missing required argument",
            &["in resource \"hcloud_network\" \"x\"", "\"ip_range\""],
        ),
        (
            "variable \"v\" {\n  type    = number\n  default = \"x\"\n}\n",
            "Invalid default value for variable",
            &["on main.tf line {3}, in variable \"v\"", "{3}:   default = \"x\""],
        ),
        (
            "resource \"aws_instance\" \"x\" {\n}\n",
            "Provider not available",
            &["on main.tf line {1}", "{1}: resource \"aws_instance\" \"x\"", "hashicorp/aws"],
        ),
        (
            "output \"o\" {\n  value = nosuch(1)\n}\n",
            "Call to unknown function",
            &["on main.tf line {2}", "{2}:   value = nosuch(1)"],
        ),
        (
            "output \"o\" {\n  value = 1 + \"x\"\n}\n",
            "Invalid operand",
            &["on main.tf line {2}", "{2}:   value = 1 + \"x\""],
        ),
        (
            "module \"m\" {\n  source = \"./nowhere\"\n}\n",
            "Unreadable module directory",
            &["on main.tf line {2}", "nowhere"],
        ),
    ];
    for journal in [false, true] {
        if journal {
            applied.interrupt();
        }
        for (added, summary, tells) in cases {
            // Conditions on values come after an interrupted run was settled, which is right and changes the journal.
            let of_values = ["Invalid operand", "Call to unknown function"].contains(summary);
            if journal && of_values {
                continue;
            }
            applied.project.configure(&format!("{}{added}", GOOD.replace("\"one\"", "\"two\"")));
            // Line 1 is the first that was added.
            let first = GOOD.lines().count();
            let tells: Vec<String> = tells.iter().map(|text| with_lines(text, first)).collect();
            applied.refuses(summary, &tells.iter().map(String::as_str).collect::<Vec<_>>());
        }
    }
}

/// A text in which `{N}` stands for the N-th line behind `first`.
fn with_lines(text: &str, first: usize) -> String {
    (1..=9).fold(text.to_owned(), |text, n| text.replace(&format!("{{{n}}}"), &(first + n).to_string()))
}

#[test]
fn a_cycle_is_told_with_all_that_is_in_it() {
    let applied = applied();
    let good = GOOD.replace("\"one\"", "\"two\"");
    for added in [
        "locals {\n  x = local.y\n  y = local.x\n}\n",
        "resource \"terraform_data\" \"x\" {\n  input = terraform_data.y.id\n}\nresource \"terraform_data\" \"y\" {\n  input = terraform_data.x.id\n}\n",
    ] {
        applied.project.configure(&format!("{good}{added}"));
        let files = applied.project.state_files();
        for command in COMMANDS {
            let run = applied.project.run(command).code_is(1);
            let errors = run.errors();
            assert!(errors.len() == 1 && errors[0].starts_with("Cycle"), "{run}");
            let run = run.tells(&["main.tf line"]);
            let both = ["local.x", "local.y"].iter().all(|n| run.stderr.contains(n))
                || ["terraform_data.x", "terraform_data.y"].iter().all(|n| run.stderr.contains(n));
            assert!(both, "{run}");
            assert!(applied.project.state_files() == files);
        }
    }
}

#[test]
fn values_of_the_wrong_type_are_refused_wherever_they_come_from() {
    let mut applied = applied();
    applied.project.configure(&GOOD.replace("\"one\"", "\"two\""));
    let files = applied.project.state_files();
    let command = "plan -no-color -var number=x";
    applied.project.run(command).one_error("Invalid value for input variable").tells(&["number", "-var"]);
    applied.project.write("terraform.tfvars", "number = \"x\"\n");
    applied.refuses("Invalid value for input variable", &["on terraform.tfvars line 1", "number = \"x\""]);
    std::fs::remove_file(applied.project.path("terraform.tfvars")).unwrap();
    applied.project.set_env("TF_VAR_number", "x");
    applied.refuses("Invalid value for input variable", &["TF_VAR_number"]);
    assert!(applied.project.state_files() == files);
}

#[test]
fn a_cloud_that_cannot_be_reached_is_one_error() {
    let mut applied = applied();
    // Its address stays the same, so that it is the same world.
    let _vacant = applied.served.leave();
    let files = applied.project.state_files();
    // Failing requests are repeated at the pace of the provider's poll interval: it ends soon.
    for command in COMMANDS {
        let run = applied.project.run(command).code_is(1);
        assert_eq!(run.errors().len(), 1, "{run}");
        let address = applied.cloud.address.to_string();
        let run = run.tells(&[&address]);
        assert!(run.elapsed < Duration::from_secs(60), "{:?}", run.elapsed);
        assert!(applied.project.state_files() == files);
    }
}

#[test]
fn a_token_that_is_wrong_is_one_error_without_the_token() {
    let mut applied = applied();
    let wrong = "x".repeat(64);
    // Several objects, which would fail one beside the other.
    let network = "resource \"hcloud_network\" \"n\" {\n  count    = 5\n  name     = \"n${count.index}\"\n  ip_range = \"10.0.0.0/16\"\n}\n";
    let location = "data \"hcloud_location\" \"l\" {\n  name = \"fsn1\"\n}\n";
    let (providers, _) = GOOD.split_once("provider \"hcloud\"").unwrap();
    // Without a state, a token is first needed for reading or creating; one of the wrong length never.
    for (token, objects, commands, summary) in [
        (Some(wrong.as_str()), location, &COMMANDS[..], "Token refused"),
        (Some(&wrong), network, &COMMANDS[1..], "Token refused"),
        (Some("short"), network, &COMMANDS, "Invalid token for Hetzner Cloud"),
        (None, network, &COMMANDS, "No token for Hetzner Cloud"),
    ] {
        let mut project =
            Project::new(&format!("{providers}{objects}")).env("HCLOUD_ENDPOINT", &applied.cloud.endpoint());
        if let Some(token) = token {
            project.set_env("HCLOUD_TOKEN", token);
        }
        for command in commands {
            let run = project.run(command).one_error(summary).tells(&["HCLOUD_TOKEN"]);
            assert!(token.is_none_or(|t| !format!("{run}").contains(t)), "{run}");
            assert_eq!(counts(&applied.cloud.objects())["networks"], 1, "{run}");
        }
    }
    let mut project = Project::new(&format!("{providers}{network}"));
    project.set_env("HCLOUD_TOKEN", &wrong);
    project.set_env("HCLOUD_ENDPOINT", "http://127.0.0.1:1/v1");
    project.run(COMMANDS[1]).one_error("Hetzner Cloud cannot be reached").tells(&["127.0.0.1:1"]);
    // With the state of a project, another token is another project, and nothing is touched.
    applied.project.configure(&GOOD.replace("\"one\"", "\"two\""));
    applied.project.set_env("HCLOUD_TOKEN", &wrong);
    applied.refuses("State belongs to another world", &["another project"]);
    // Where it was forgotten which one, the cloud tells.
    std::fs::remove_file(applied.project.path(".terraform/ferroform-worlds.json")).unwrap();
    applied.refuses("Token refused", &["HCLOUD_TOKEN"]);
}

#[test]
fn states_that_cannot_be_understood_are_left_alone() {
    let applied = applied();
    let state = applied.project.read("terraform.tfstate");
    let newer = state.replacen("\"version\": 4", "\"version\": 5", 1);
    assert_ne!(newer, state);
    let cut = state[..state.len() / 2].to_owned();
    let lineage = state.split("\"lineage\": \"").nth(1).unwrap().split('"').next().unwrap();
    for (bytes, tells) in [
        (newer.as_str(), vec!["5"]),
        (cut.as_str(), vec!["terraform.tfstate"]),
        ("not json", vec!["terraform.tfstate"]),
        ("{\"version\": 4, \"resources\": 7}", vec!["terraform.tfstate"]),
        (
            &state.replace(lineage, "").replace("\"resources\": [", "\"resources\": [7, "),
            vec!["terraform.tfstate"],
        ),
    ] {
        applied.project.write("terraform.tfstate", bytes);
        let files = applied.project.state_files();
        for command in COMMANDS {
            let run = applied.project.run(command).code_is(1);
            assert_eq!(run.errors().len(), 1, "{run}");
            run.tells(&tells);
            assert!(applied.project.state_files() == files, "{command}: {bytes}");
        }
    }
    // A newer Terraform's state is accepted as long as its format is known.
    let from_newer = state.replace("\"terraform_version\": \"1.11.4\"", "\"terraform_version\": \"1.99.0\"");
    assert_ne!(from_newer, state);
    applied.project.write("terraform.tfstate", from_newer);
    applied.project.run("plan -detailed-exitcode").ok();
}

#[test]
fn a_journal_that_does_not_fit_is_left_alone() {
    let applied = applied();
    applied.interrupt();
    let journal = "terraform.tfstate.journal";
    let good = std::fs::read(applied.project.path(journal)).unwrap();
    let damaged = |name: &str| {
        let at = good.windows(name.len()).position(|w| w == name.as_bytes()).unwrap() + name.len();
        let mut bytes = good.clone();
        bytes[at] = if bytes[at] == b'9' { b'8' } else { b'9' };
        bytes
    };
    for bytes in [damaged("\"ferroform_journal\":"), damaged("\"lineage\":\"")] {
        applied.project.write(journal, &bytes);
        let files = applied.project.state_files();
        for command in COMMANDS {
            let run = applied.project.run(command).code_is(1);
            assert_eq!(run.errors().len(), 1, "{run}");
            run.tells(&[journal]);
            assert!(applied.project.state_files() == files, "{command}");
        }
    }
    applied.project.write(journal, good);
    applied.project.run(COMMANDS[1]).ok();
    assert!(!applied.project.path(journal).exists());
}

#[test]
fn the_state_of_another_world_is_refused() {
    let mut applied = applied();
    let elsewhere = tempfile::tempdir().unwrap();
    let other = Served::start(elsewhere.path(), 0.0, &[]);
    applied.project.set_env("HCLOUD_ENDPOINT", &other.cloud.endpoint());
    let addresses = [other.cloud.address.to_string(), applied.cloud.address.to_string()];
    applied.refuses("State belongs to another world", &[&addresses[0], &addresses[1]]);
    assert_eq!(counts(&other.cloud.objects()), [].into());
    // Another project of the same cloud.
    let token = applied.cloud.call("POST", "/_emulator/tokens", &Value::Null)["token"].take();
    applied.project.set_env("HCLOUD_ENDPOINT", &applied.cloud.endpoint());
    applied.project.set_env("HCLOUD_TOKEN", token.as_str().unwrap());
    applied.refuses("State belongs to another world", &["another project"]);
    applied.project.set_env("HCLOUD_TOKEN", &applied.cloud.token);
    applied.project.run("plan -detailed-exitcode").code_is(0);
}

#[test]
fn a_lock_that_we_hold_is_respected() {
    let applied = applied();
    applied.project.configure(&GOOD.replace("10.0.0.0/16", "172.16.0.0/16"));
    let fault = applied.cloud.hold("POST /networks", 0);
    let running = applied.project.start(COMMANDS[1]);
    assert!(running.until(|| applied.cloud.holds(fault)), "{}", running.wait());
    let files = applied.project.state_files();
    for command in COMMANDS {
        applied
            .project
            .run(command)
            .one_error("Error acquiring the state lock")
            .tells(&["OperationTypeApply", "tester@"]);
        assert!(applied.project.state_files() == files, "{command}");
    }
    applied.cloud.clear_faults();
    running.wait().ok();
    applied.project.run("plan -detailed-exitcode -var number=2").code_is(0);
}

fn terraform(project: &Project, args: &str) -> Running {
    let mut command = Command::new("terraform");
    command.args(args.split_whitespace());
    project.prepare(&mut command);
    Running::start(command)
}

#[test]
fn a_lock_that_terraform_holds_is_respected() {
    if !has_oracle("terraform") {
        return;
    }
    let project = Project::new("resource \"terraform_data\" \"a\" {\n  input = 1\n}\n");
    project.run(COMMANDS[1]).ok();
    project.configure(
        "resource \"terraform_data\" \"a\" {\n  input = 1\n}\nresource \"terraform_data\" \"b\" {\n  provisioner \"local-exec\" {\n    \
         command = \"touch started; n=0; while [ ! -e stop ] && [ $((n += 1)) -lt 600 ]; do sleep 0.1; done\"\n  }\n}\n",
    );
    terraform(&project, "init").wait().ok();
    let running = terraform(&project, "apply -auto-approve");
    assert!(running.until(|| project.path("started").exists()), "{}", running.wait());
    // We have no provisioners; what counts is the lock.
    project.configure("resource \"terraform_data\" \"a\" {\n  input = 1\n}\n");
    let files = project.state_files();
    for command in COMMANDS {
        project.run(command).one_error("Error acquiring the state lock").tells(&["OperationTypeApply"]);
        assert!(project.state_files() == files, "{command}");
    }
    project.write("stop", "");
    running.wait().ok();
}

#[test]
fn a_lock_that_we_hold_is_respected_by_terraform() {
    if !has_oracle("terraform") {
        return;
    }
    let applied = applied();
    applied.project.configure(&GOOD.replace("10.0.0.0/16", "172.16.0.0/16"));
    let fault = applied.cloud.hold("POST /networks", 0);
    let running = applied.project.start(COMMANDS[1]);
    assert!(running.until(|| applied.cloud.holds(fault)), "{}", running.wait());
    // In a directory of its own with the same state, since it does not have our provider.
    let other = Project::new("resource \"terraform_data\" \"a\" {}\n");
    terraform(&other, "init").wait().ok();
    let state = applied.project.path("terraform.tfstate");
    let run = terraform(&other, &format!("plan -no-color -state={}", state.display())).wait().code_is(1);
    assert_eq!(run.errors(), ["Error acquiring the state lock"], "{run}");
    let run = run.tells(&["tester@"]);
    drop(run);
    applied.cloud.clear_faults();
    running.wait().ok();
}

#[test]
fn a_saved_plan_is_what_is_applied_whatever_becomes_of_the_configuration() {
    let text = r#"
variable "text" {
  type    = string
  default = "default"
}
module "m" {
  source = "./m"
  text   = "${var.text} ${file("note.txt")}"
}
output "o" {
  value = module.m.o
}
//- note.txt
noted
//- m/main.tf
variable "text" {
  type = string
}
resource "terraform_data" "a" {
  input = var.text
}
resource "terraform_data" "b" {
  input = { from = terraform_data.a.id, text = upper(terraform_data.a.output) }
}
output "o" {
  value = terraform_data.b.output.text
}
"#;
    for removed in [false, true] {
        let project = Project::new(text);
        project.run("plan -out=saved -var text=planned").ok();
        if removed {
            for path in ["main.tf", "note.txt", "m/main.tf"] {
                std::fs::remove_file(project.path(path)).unwrap();
            }
        } else {
            project.configure("this is no configuration");
            project.write("note.txt", "edited");
            project.write("m/main.tf", "output \"o\" {\n  value = 1\n}\n");
            project.write("terraform.tfvars", "text = \"edited\"\n");
        }
        project.run("apply saved").ok();
        let state: Value = serde_json::from_str(&project.read("terraform.tfstate")).unwrap();
        let output = state["outputs"]["o"]["value"].as_str().unwrap();
        assert_eq!(output.trim(), "PLANNED NOTED");
        // A plan is for the state that it was made for.
        let files = project.state_files();
        project.run("apply saved").one_error("Saved plan is stale");
        assert!(project.state_files() == files);
    }
}

#[test]
fn a_planfile_that_is_damaged_is_refused() {
    let project = Project::new("resource \"terraform_data\" \"a\" {\n  input = \"text\"\n}\n");
    project.run("plan -out=saved").ok();
    let good = std::fs::read(project.path("saved")).unwrap();
    let refused = |bytes: &[u8]| {
        project.write("saved", bytes);
        let run = project.run("apply saved");
        if run.code() == Some(0) {
            // Where a byte says nothing, such as a date, the plan is whole.
            let state: Value = serde_json::from_str(&project.read("terraform.tfstate")).unwrap();
            assert_eq!(state["resources"][0]["instances"][0]["attributes"]["input"]["value"], "text");
            std::fs::remove_file(project.path("terraform.tfstate")).unwrap();
            return false;
        }
        assert_eq!(run.code(), Some(1), "{run}");
        assert_eq!(run.errors().len(), 1, "{run}");
        assert!(project.state_files().is_empty(), "{run}");
        true
    };
    for bytes in [&good[..good.len() - 40], b"nothing of the kind", b""] {
        assert!(refused(bytes));
    }
    let places: Vec<usize> = (0..20).map(|i| i * good.len() / 20).collect();
    let noticed = places.iter().filter(|place| {
        let mut bytes = good.clone();
        bytes[**place] ^= 0x55;
        refused(&bytes)
    });
    let noticed = noticed.count();
    assert!(noticed >= 10, "{noticed} of {} damages are noticed", places.len());
    assert!(!refused(&good));
}
