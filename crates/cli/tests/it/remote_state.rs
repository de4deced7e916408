//! States in a bucket: the object storage of a local cloud, used from several directories as from several computers.

use std::fs;

use serde_json::Value;

use crate::cloud::{Cloud, LOCAL_DIR, Served};
use crate::harness::{Project, Run};

const BUCKET: &str = r#"
terraform {
  required_providers {
    objectstorage = { source = "ferroform/objectstorage" }
  }
}
provider "objectstorage" {
  endpoint = "ENDPOINT"
}
resource "objectstorage_bucket" "states" {
  name = "states"
}
"#;

const STACK: &str = r#"
terraform {
  required_providers {
    hcloud = { source = "hetznercloud/hcloud" }
  }
  backend "s3" {
    bucket                      = "states"
    key                         = "prod/terraform.tfstate"
    region                      = "fsn1"
    use_lockfile                = true
    use_path_style              = true
    skip_credentials_validation = true
    skip_region_validation      = true
  }
}
resource "hcloud_network" "n" {
  count    = 3
  name     = "n${count.index}"
  ip_range = "10.0.0.0/16"
}
output "names" {
  value = hcloud_network.n[*].name
}
"#;

const APPLY: &str = "apply -auto-approve -no-color";

/// A cloud whose object storage has a bucket for states.
struct Store {
    cloud: Cloud,
    served: Served,
    access: Value,
    _elsewhere: tempfile::TempDir,
}

impl Store {
    fn new() -> Store {
        let elsewhere = tempfile::tempdir().unwrap();
        let served = Served::start(elsewhere.path(), 0.0, &[]);
        let owner = fs::read(elsewhere.path().join(LOCAL_DIR).join("cloud-owner.json")).unwrap();
        let access = serde_json::from_slice::<Value>(&owner).unwrap()["object_storage"].take();
        let store = Store { cloud: served.cloud.clone(), served, access, _elsewhere: elsewhere };
        store.project(&BUCKET.replace("ENDPOINT", store.access("endpoint"))).run(APPLY).ok();
        store
    }

    fn access(&self, name: &str) -> &str {
        self.access[name].as_str().unwrap()
    }

    /// A directory of its own, as on a computer of its own.
    fn project(&self, configuration: &str) -> Project {
        Project::new(configuration)
            .env("HCLOUD_ENDPOINT", &self.cloud.endpoint())
            .env("HCLOUD_TOKEN", &self.cloud.token)
            .env("OBJECTSTORAGE_ACCESS_KEY", self.access("access_key"))
            .env("OBJECTSTORAGE_SECRET_KEY", self.access("secret_key"))
            .env("AWS_ACCESS_KEY_ID", self.access("access_key"))
            .env("AWS_SECRET_ACCESS_KEY", self.access("secret_key"))
            .env("AWS_ENDPOINT_URL_S3", self.access("endpoint"))
    }

    fn networks(&self) -> usize {
        networks(&self.cloud)
    }
}

fn networks(cloud: &Cloud) -> usize {
    cloud.call("GET", "/v1/networks", &Value::Null)["networks"].as_array().unwrap().len()
}

/// The id in a refusal or in a message that tells how to go on.
fn lock_id(run: &Run) -> String {
    let text = format!("{}{}", run.stdout, run.stderr);
    let id = text.split("ferroform force-unlock ").nth(1).unwrap_or_else(|| panic!("{run}"));
    id.chars().take_while(|c| c.is_ascii_hexdigit() || *c == '-').collect()
}

fn state(project: &Project) -> Value {
    serde_json::from_str(&project.run("state pull").ok().stdout).unwrap()
}

#[test]
fn what_a_lost_run_began_is_settled_from_another_directory() {
    // After the intent of the second, before its request; after the answer to it; before the state was written.
    for window in ["after-intent:2", "before-checkpoint:2", "after-result:3"] {
        let store = Store::new();
        let (here, there) = (store.project(STACK), store.project(STACK));
        let run = here.run_with(&format!("{APPLY} -parallelism=1"), "FERROFORM_FAILPOINT", window);
        assert!(run.was_killed(), "{window}: {run}");
        // The lock is the lost run's still, and the message says whose it is.
        let refused = there.run(APPLY).one_error("Error acquiring the state lock");
        assert!(refused.stderr.contains("tester@"), "{refused}");
        there.run(&format!("force-unlock -force {}", lock_id(&refused))).ok();
        // Under which address the object is found is in the journal.
        for by_hand in ["state rm hcloud_network.n", "state mv hcloud_network.n hcloud_network.m"] {
            if window != "after-result:3" {
                there.run(by_hand).one_error("Unfinished operation");
            }
        }
        there.run(APPLY).ok();
        assert_eq!(store.networks(), 3, "{window}: neither orphan nor duplicate");
        there.run("plan -detailed-exitcode").ok();
        here.run("plan -detailed-exitcode").ok();
        let kept: Vec<String> = there.run("state list").ok().stdout.lines().map(str::to_owned).collect();
        assert_eq!(kept, ["hcloud_network.n[0]", "hcloud_network.n[1]", "hcloud_network.n[2]"]);
        here.run("state mv hcloud_network.n[0] hcloud_network.m").ok();
        assert_eq!(there.addresses(""), ["hcloud_network.m", "hcloud_network.n[1]", "hcloud_network.n[2]"]);
        assert!(!here.path("terraform.tfstate").exists() && !there.path("terraform.tfstate").exists());
    }
}

#[test]
fn workspaces_are_beside_each_other_in_the_bucket() {
    let store = Store::new();
    let (here, there) = (store.project(STACK), store.project(STACK));
    here.run("workspace new dev").ok();
    // It is there for everybody, before anything is applied; what is selected is a matter of each directory.
    assert_eq!(there.run("workspace list").ok().stdout, "* default\n  dev\n\n");
    here.run("apply -auto-approve").ok();
    there.run("plan -detailed-exitcode").code_is(2);
    there.run("workspace select dev").ok();
    there.run("plan -detailed-exitcode").ok();
    there.run("workspace select default").ok();
    there.run("workspace delete dev").one_error("Workspace is not empty").tells(&["hcloud_network.n[0]"]);
    there.run("workspace delete -force dev").ok();
    assert_eq!(here.run("workspace list").ok().stdout, "  default\n\n");
    here.run("plan -detailed-exitcode").code_is(2);
}

#[test]
fn of_two_applies_at_once_the_second_is_told_who_holds_the_lock() {
    let store = Store::new();
    let (first, second) = (store.project(STACK), store.project(STACK));
    let fault = store.cloud.hold("POST /networks", 0);
    let running = first.start(APPLY);
    assert!(running.until(|| store.cloud.holds(fault)), "nothing was held: {}", running.wait());
    let refused = second.run(APPLY).one_error("Error acquiring the state lock");
    assert!(refused.stderr.contains("OperationTypeApply") && refused.stderr.contains("tester@"), "{refused}");
    let waiting = second.start(&format!("{APPLY} -lock-timeout=60s"));
    store.cloud.clear_faults();
    running.wait().ok();
    waiting.wait().ok();
    assert_eq!(store.networks(), 3);
}

#[test]
fn a_store_that_is_gone_at_the_end_leaves_a_file_that_can_be_pushed() {
    let mut store = Store::new();
    // The state is in the bucket of another cloud than the objects, which goes on.
    let objects = tempfile::tempdir().unwrap();
    let served = Served::start(objects.path(), 0.0, &[]);
    let project = store
        .project(STACK)
        .env("HCLOUD_ENDPOINT", &served.cloud.endpoint())
        .env("HCLOUD_TOKEN", &served.cloud.token);
    let fault = served.cloud.hold("POST /networks", 2);
    let running = project.start(&format!("{APPLY} -parallelism=1"));
    assert!(running.until(|| served.cloud.holds(fault)), "nothing was held: {}", running.wait());
    let _vacant = store.served.leave();
    served.cloud.clear_faults();
    let run = running.wait().code_is(1);
    assert!(run.stderr.contains("State cannot be written"), "{run}");
    assert!(run.stdout.contains("ferroform state push errored.tfstate"), "{run}");
    assert!(project.path("errored.tfstate").exists());
    // The service answers again, at another address.
    let elsewhere = store._elsewhere.path();
    let again = Served::start(elsewhere, 0.0, &[]);
    let owner = fs::read(elsewhere.join(LOCAL_DIR).join("cloud-owner.json")).unwrap();
    let owner: Value = serde_json::from_slice(&owner).unwrap();
    let access = |name: &str| owner["object_storage"][name].as_str().unwrap();
    let project = project
        .env("AWS_ENDPOINT_URL_S3", access("endpoint"))
        .env("AWS_ACCESS_KEY_ID", access("access_key"))
        .env("AWS_SECRET_ACCESS_KEY", access("secret_key"));
    project.run(&format!("force-unlock -force {}", lock_id(&run))).ok();
    project.run("state push errored.tfstate").ok();
    assert!(state(&project)["resources"][0]["instances"].as_array().unwrap().len() >= 2);
    project.run(APPLY).ok();
    project.run("plan -detailed-exitcode").ok();
    assert_eq!(networks(&served.cloud), 3);
    drop(again);
}

#[test]
fn arguments_given_to_init_are_remembered_and_a_local_state_is_pushed() {
    let store = Store::new();
    let local = STACK.replace("backend \"s3\"", "backend \"local\"").replace("key     ", "path    ");
    let local: String = local
        .lines()
        .filter(|line| {
            !["bucket ", "region ", "use_", "skip_"].iter().any(|name| line.trim().starts_with(name))
        })
        .map(|line| format!("{}\n", line.replace("prod/terraform.tfstate", "terraform.tfstate")))
        .collect();
    let project = store.project(&local);
    project.run(APPLY).ok();
    assert!(project.path("terraform.tfstate").exists());
    let partial = STACK.replace("    bucket                      = \"states\"\n", "");
    project.configure(&partial);
    project.run("plan -no-color").one_error("Invalid backend configuration");
    project.write("missing.tfbackend", "bucket = \"nowhere\"\n");
    project.run("init -no-color -backend-config=missing.tfbackend").one_error("Backend cannot be used");
    let run = project.run("init -no-color -backend-config=bucket=states").ok();
    assert!(run.stdout.contains("ferroform state push terraform.tfstate"), "{run}");
    project.run("state push terraform.tfstate").ok();
    let local: Value = serde_json::from_slice(&fs::read(project.path("terraform.tfstate")).unwrap()).unwrap();
    assert_eq!(state(&project), local, "lineage and serial are kept");
    fs::remove_file(project.path("terraform.tfstate")).unwrap();
    project.run("plan -detailed-exitcode").ok();
    // Another computer without the arguments, then with them in a file.
    let other = store.project(&partial);
    other.run("plan -no-color").one_error("Invalid backend configuration");
    other.write("s3.tfbackend", "bucket = \"states\"\n");
    other.run("init -no-color -backend-config=s3.tfbackend").ok();
    other.run("plan -detailed-exitcode").ok();
    other.run("init -no-color -reconfigure").one_error("Invalid backend configuration");
}

#[test]
fn without_use_lockfile_it_is_said_that_nothing_is_locked_and_workspaces_have_states_of_their_own() {
    let store = Store::new();
    let project = store.project(&STACK.replace("    use_lockfile                = true\n", ""));
    let run = project.run(APPLY).ok();
    assert_eq!(run.stdout.matches("State is not locked").count(), 1, "{run}");
    let other = project.env("TF_WORKSPACE", "dev");
    other.run("state list").one_error("No state found");
}

const READER: &str = r#"
data "terraform_remote_state" "other" {
  backend   = "s3"
  workspace = terraform.workspace
  config = {
    bucket = "states"
    key    = "prod/terraform.tfstate"
    region = "fsn1"
  }
}
output "names" {
  value = data.terraform_remote_state.other.outputs.names
}
"#;

#[test]
fn the_outputs_of_a_state_in_a_bucket_are_read_by_another_configuration() {
    let store = Store::new();
    store.project(STACK).run(APPLY).ok();
    let reader = store.project(READER);
    // Where the environment says nothing, the configuration can be checked but not planned.
    let nobody = Project::new(READER);
    nobody.run("validate").ok();
    let refused = nobody.run("plan -no-color").one_error("Invalid backend configuration");
    assert!(refused.stderr.contains("AWS_ACCESS_KEY_ID"), "{refused}");
    reader.run(APPLY).ok();
    let names: Value = serde_json::from_str(&reader.run("output -json names").ok().stdout).unwrap();
    assert_eq!(names, serde_json::json!(["n0", "n1", "n2"]));
    let none =
        reader.env("TF_WORKSPACE", "dev").run("plan -no-color").one_error("Unable to find remote state");
    assert!(none.stderr.contains("s3://states/env:/dev/prod/terraform.tfstate"), "{none}");
    let lost = store.project(&READER.replace("\"states\"", "\"nowhere\"")).run("plan -no-color");
    let lost = lost.one_error("Failed to read state file");
    assert!(lost.stderr.contains("The bucket must exist"), "{lost}");
}

#[test]
fn what_the_backend_cannot_do_is_refused_at_its_place() {
    let store = Store::new();
    for (argument, why) in [
        ("dynamodb_table = \"locks\"", "use_lockfile"),
        ("profile = \"me\"", "AWS_ACCESS_KEY_ID"),
        ("nonsense = 1", "not expected"),
    ] {
        let project = store.project(&STACK.replace("use_path_style              = true", argument));
        let run = project.run("plan -no-color").one_error("Invalid backend configuration");
        assert!(run.stderr.contains(why) && run.stderr.contains(argument), "{argument}: {run}");
    }
    let project = store.project(STACK);
    project.run("plan -no-color -state=x.tfstate").one_error("Option for local states");
}
