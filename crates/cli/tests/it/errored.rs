//! A state that cannot be written at the end of an apply, and what `state push` does.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::cloud::{Cloud, Served};
use crate::harness::{Project, Run};

const STACK: &str = r#"
terraform {
  required_providers {
    hcloud = { source = "hetznercloud/hcloud" }
  }
}
resource "hcloud_network" "n" {
  count    = 2
  name     = "n${count.index}"
  ip_range = "10.0.0.0/16"
}
"#;

const STATE: &str = "-state=sub/terraform.tfstate";

/// A directory that turned read-only, as a file system does on which an error was found. A process that has a file in it
/// open already goes on writing that one.
struct ReadOnly(PathBuf);

impl ReadOnly {
    fn new(path: PathBuf) -> Self {
        if rustix::process::geteuid().is_root() {
            // Permissions mean nothing to root.
            for words in [&["--bind"][..], &["-o", "remount,bind,ro"]] {
                let mut mount = Command::new("mount");
                mount.args(words);
                if words.len() == 1 {
                    mount.arg(&path);
                }
                assert!(mount.arg(&path).status().unwrap().success(), "mount {words:?}");
            }
        } else {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o555)).unwrap();
        }
        ReadOnly(path)
    }
}

impl Drop for ReadOnly {
    fn drop(&mut self) {
        if rustix::process::geteuid().is_root() {
            // Lazily, since a process that is just ending may still be in it.
            let _ = Command::new("umount").arg("-l").arg(&self.0).status();
        } else {
            let _ = fs::set_permissions(&self.0, fs::Permissions::from_mode(0o755));
        }
    }
}

/// A project whose state lies in a directory of its own, with a cloud elsewhere.
fn project() -> (Project, Cloud, Served, tempfile::TempDir) {
    let elsewhere = tempfile::tempdir().unwrap();
    let served = Served::start(elsewhere.path(), 0.0, &[]);
    let cloud = served.cloud.clone();
    let project =
        Project::new(STACK).env("HCLOUD_ENDPOINT", &cloud.endpoint()).env("HCLOUD_TOKEN", &cloud.token);
    fs::create_dir(project.path("sub")).unwrap();
    (project, cloud, served, elsewhere)
}

/// An apply whose directory of the state turns read-only while something is under way.
fn apply_on_failing_disk(project: &Project, cloud: &Cloud) -> Run {
    let fault = cloud.hold("POST /networks", 1);
    let running = project.start(&format!("apply -auto-approve -no-color {STATE}"));
    assert!(running.until(|| cloud.holds(fault)), "nothing was held: {}", running.wait());
    let _read_only = ReadOnly::new(project.path("sub"));
    cloud.clear_faults();
    running.wait().code_is(1)
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

#[test]
fn where_the_working_directory_takes_no_file_either_the_copy_goes_elsewhere() {
    let (project, cloud, _served, _elsewhere) = project();
    let temporary = tempfile::tempdir().unwrap();
    let project = project.env("TMPDIR", &temporary.path().display().to_string());
    // Nothing can take the place of a directory.
    fs::create_dir(project.path("errored.tfstate")).unwrap();
    let run = apply_on_failing_disk(&project, &cloud);
    let copies: Vec<PathBuf> = fs::read_dir(temporary.path()).unwrap().map(|e| e.unwrap().path()).collect();
    let [copy] = copies.as_slice() else { panic!("{copies:?}: {run}") };
    assert!(run.stdout.contains(&format!("ferroform state push {}", copy.display())), "{run}");
    project.run(&format!("state push {STATE} {}", copy.display())).ok();
    project.run(&format!("plan -detailed-exitcode {STATE}")).ok();
}

#[test]
fn a_push_that_lacks_what_an_interrupted_run_did_needs_force() {
    let (project, _, _served, _elsewhere) = project();
    project.configure(&STACK.replace("= 2", "= 1"));
    project.run(&format!("apply -auto-approve -no-color {STATE}")).ok();
    let mut old = json(&project.path("sub/terraform.tfstate"));
    project.configure(STACK);
    let apply = format!("apply -auto-approve -no-color {STATE}");
    let run = project.run_with(&apply, "FERROFORM_FAILPOINT", "after-result:1");
    assert!(run.was_killed(), "{run}");
    let journal = project.path("sub/terraform.tfstate.journal");
    old["serial"] = 7.into();
    old["outputs"] = serde_json::json!({"o": {"value": "x", "type": "string"}});
    project.write("old.tfstate", old.to_string());
    let push = format!("state push -no-color {STATE} old.tfstate");
    let recorded = fs::read(&journal).unwrap();
    project.run(&push).one_error("State does not follow on the one that is kept");
    assert_eq!(fs::read(&journal).unwrap(), recorded, "nothing has changed");
    project.run(&format!("{push} -force")).ok();
    assert_eq!(json(&project.path("sub/terraform.tfstate"))["serial"], 7);
}
