//! A state that cannot be written at the end of an apply, and what `state pull` and `state push` do.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::cloud::{Cloud, Served};
use crate::harness::{Project, Run, Running, has_oracle};
use crate::world::counts;

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

const UNWRITTEN: &str = "State cannot be written";
/// It says that it does no harm.
const LOCK_FILE: &str = "Error releasing the state lock";

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
fn a_state_that_cannot_be_written_is_kept_twice_and_the_next_run_or_a_push_goes_on() {
    for push in [false, true] {
        let (project, cloud, _served, _elsewhere) = project();
        let run = apply_on_failing_disk(&project, &cloud);
        assert_eq!(run.errors(), [UNWRITTEN, LOCK_FILE], "{run}");
        for part in
            ["operations journal sub/terraform.tfstate.journal", "ferroform state push errored.tfstate"]
        {
            assert!(run.stdout.contains(part), "{part}: {run}");
        }
        let errored = project.path("errored.tfstate");
        assert_eq!(fs::metadata(&errored).unwrap().permissions().mode() & 0o777, 0o600);
        let state = json(&errored);
        assert_eq!(state["serial"], 1);
        assert_eq!(state["resources"][0]["instances"].as_array().map(Vec::len), Some(2), "{state}");
        assert!(project.path("sub/terraform.tfstate.journal").exists());
        if push {
            project.run(&format!("state push -no-color {STATE} errored.tfstate")).ok();
            assert_eq!(json(&project.path("sub/terraform.tfstate")), state);
            assert!(!project.path("sub/terraform.tfstate.journal").exists(), "it has nothing more to tell");
        } else {
            let pulled = project.run(&format!("state pull {STATE}")).ok().json();
            assert_eq!(pulled, state, "with what the journal holds");
        }
        let run = project.run(&format!("apply -auto-approve -no-color {STATE}")).ok();
        assert!(run.stdout.contains("0 added, 0 changed, 0 destroyed"), "{run}");
        project.run(&format!("plan -detailed-exitcode {STATE}")).ok();
        assert_eq!(counts(&cloud.objects()), [("networks".to_owned(), 2)].into());
        // The state has gone on since: the file is of the past.
        project.configure(&STACK.replace("= 2", "= 1"));
        project.run(&format!("apply -auto-approve -no-color {STATE}")).ok();
        let push = format!("state push -no-color {STATE} errored.tfstate");
        project.run(&push).one_error("State does not follow on the one that is kept");
    }
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
fn where_no_file_takes_it_the_state_goes_to_standard_error() {
    for journal in ["taken up", "lost"] {
        let (project, cloud, _served, _elsewhere) = project();
        let nowhere = project.path("nowhere").display().to_string();
        let project = project.env("TMPDIR", &nowhere);
        fs::create_dir(project.path("errored.tfstate")).unwrap();
        let run = apply_on_failing_disk(&project, &cloud);
        assert_eq!(run.errors(), [UNWRITTEN, "State could not be rescued", LOCK_FILE], "{run}");
        assert!(run.stdout.contains("Do not remove the journal"), "{run}");
        assert!(run.stdout.contains("ferroform state push FILE"), "{run}");
        let told = run.stderr.find("\n{\n").unwrap_or_else(|| panic!("no state: {run}"));
        let state: Value =
            serde_json::Deserializer::from_str(&run.stderr[told + 1..]).into_iter().next().unwrap().unwrap();
        let names: Vec<&Value> = state["resources"][0]["instances"]
            .as_array()
            .unwrap()
            .iter()
            .map(|instance| &instance["attributes"]["name"])
            .collect();
        assert_eq!(names, ["n0", "n1"], "{run}");
        if journal == "lost" {
            // As with a computer that is thrown away after each run.
            fs::remove_file(project.path("sub/terraform.tfstate.journal")).unwrap();
            project.write("kept.tfstate", state.to_string());
            project.run(&format!("state push {STATE} kept.tfstate")).ok();
        }
        let run = project.run(&format!("apply -auto-approve -no-color {STATE}")).ok();
        assert!(run.stdout.contains("0 added, 0 changed, 0 destroyed"), "{run}");
        assert_eq!(counts(&cloud.objects()), [("networks".to_owned(), 2)].into());
    }
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
    assert_eq!(json(&project.path("sub/terraform.tfstate"))["serial"], 8, "as Terraform counts");
}

/// A statefile with one object.
fn statefile(serial: u64, lineage: &str, id: &str) -> String {
    format!(
        r#"{{
  "version": 4,
  "terraform_version": "1.11.4",
  "serial": {serial},
  "lineage": "{lineage}",
  "outputs": {{}},
  "resources": [
    {{
      "mode": "managed",
      "type": "terraform_data",
      "name": "x",
      "provider": "provider[\"terraform.io/builtin/terraform\"]",
      "instances": [
        {{
          "schema_version": 0,
          "attributes": {{
            "id": "{id}",
            "input": null,
            "output": null,
            "triggers_replace": null
          }},
          "sensitive_attributes": []
        }}
      ]
    }}
  ],
  "check_results": null
}}
"#
    )
}

/// A push in a directory of its own: exit code, and what the statefile holds after.
fn pushed(
    program: Option<&str>,
    kept: &str,
    given: &str,
    words: &str,
    by_stdin: bool,
) -> (Option<i32>, String) {
    let project = Project::new("resource \"terraform_data\" \"x\" {}\n");
    let mut command = match program {
        Some(program) => {
            let mut init = Command::new(program);
            init.arg("init");
            project.prepare(&mut init);
            Running::start(init).wait().ok();
            let mut command = Command::new(program);
            command.args(["state", "push"]).args(words.split_whitespace());
            project.prepare(&mut command);
            command
        }
        None => project.command(&format!("state push {words}")),
    };
    if !kept.is_empty() {
        project.write("terraform.tfstate", kept);
    }
    project.write("given.tfstate", given);
    if by_stdin {
        command.arg("-").stdin(Stdio::from(fs::File::open(project.path("given.tfstate")).unwrap()));
    } else {
        command.arg("given.tfstate");
    }
    let code = Running::start(command).wait().code();
    (code, fs::read_to_string(project.path("terraform.tfstate")).unwrap_or_default())
}

#[test]
fn a_push_is_taken_and_refused_as_by_terraform() {
    const A: &str = "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa";
    const B: &str = "bbbbbbbb-bbbb-bbbb-bbbb-bbbbbbbbbbbb";
    let oracle = has_oracle("terraform").then_some("terraform");
    let empty = r#"{"version": 4, "terraform_version": "1.11.4", "serial": 9, "lineage": "x", "outputs": {}, "resources": []}"#;
    let kept = statefile(3, A, "1");
    // With the serial of what is kept then; nothing where it is refused.
    let cases = [
        ("nothing is kept", String::new(), statefile(5, B, "1"), "", Some(5)),
        ("the kept state is empty", empty.to_owned(), statefile(5, B, "1"), "", Some(6)),
        ("higher serial", kept.clone(), statefile(4, A, "2"), "", Some(5)),
        ("higher serial, same content", kept.clone(), statefile(9, A, "1"), "", Some(9)),
        ("the same", kept.clone(), kept.clone(), "", Some(3)),
        ("lower serial", kept.clone(), statefile(2, A, "2"), "", None),
        ("same serial, other content", kept.clone(), statefile(3, A, "2"), "", None),
        ("other lineage", kept.clone(), statefile(4, B, "2"), "", None),
        ("lower serial by force", kept.clone(), statefile(2, A, "2"), "-force", Some(3)),
        ("other lineage by force", kept.clone(), statefile(4, B, "2"), "-force", Some(5)),
        ("no statefile", kept.clone(), "{}".to_owned(), "", None),
        ("no JSON", kept.clone(), "x".to_owned(), "", None),
    ];
    for (what, kept, given, words, serial) in cases {
        let by_stdin = what.contains("force");
        let ours = pushed(None, &kept, &given, words, by_stdin);
        let expected = serial.map_or(kept.clone(), |serial| {
            let (before, after) = given.split_once("\"serial\": ").unwrap();
            let (_, after) = after.split_once(',').unwrap();
            format!("{before}\"serial\": {serial},{after}")
        });
        assert_eq!(ours, (Some(i32::from(serial.is_none())), expected), "{what}");
        if let Some(program) = oracle {
            assert_eq!(ours, pushed(Some(program), &kept, &given, words, by_stdin), "{what}");
        }
    }
}
