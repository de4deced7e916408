//! A real Terraform and this crate on the same statefile. Without `terraform` on the path these tests do nothing, and
//! say so.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ferroform_state::{LocalManager, LocalOptions, LockWait, Manager};
use tempfile::TempDir;

use crate::{address, lock_info, object, provider, until};

pub(crate) fn terraform(dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new("terraform");
    command.args(args).current_dir(dir).env("CHECKPOINT_DISABLE", "1").env("TF_IN_AUTOMATION", "1");
    command.env_remove("TF_CLI_ARGS").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A directory with this configuration, initialised; none when there is no Terraform.
#[allow(clippy::print_stderr, reason = "a skipped test must be seen")]
pub(crate) fn stack(configuration: &str) -> Option<TempDir> {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("main.tf"), configuration).unwrap();
    match terraform(dir.path(), &["init"]).output() {
        Ok(output) => {
            assert!(output.status.success(), "{output:?}");
            Some(dir)
        }
        Err(error) => {
            let required = std::env::var_os("FERROFORM_REQUIRE_PROGRAMS").is_some();
            assert!(!required, "FERROFORM_REQUIRE_PROGRAMS is set and terraform cannot be run: {error}");
            eprintln!("skipped: terraform cannot be run ({error})");
            None
        }
    }
}

fn manager(dir: &TempDir) -> LocalManager {
    LocalManager::open(dir.path().join("terraform.tfstate"), LocalOptions::default()).unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn terraform_sees_our_lock_and_who_holds_it() {
    let Some(dir) = stack("resource \"terraform_data\" \"a\" {}") else { return };
    let manager = manager(&dir);
    manager.lock(&lock_info(), &LockWait::NONE).unwrap();
    // Also after the file was replaced.
    for _ in 0..2 {
        let output = terraform(dir.path(), &["plan", "-no-color"]).output().unwrap();
        assert!(!output.status.success());
        let message = text(&output.stderr);
        assert!(message.contains("Error acquiring the state lock"), "{message}");
        assert!(message.contains("someone@somewhere"), "{message}");
        let mut state = manager.read().unwrap().state;
        state.set_current(&address("terraform_data.a"), &provider(), Some(object("x")));
        manager.write(&state).unwrap();
    }
    manager.unlock().unwrap();
    let output = terraform(dir.path(), &["plan", "-no-color", "-detailed-exitcode"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}{}", text(&output.stdout), text(&output.stderr));
}

#[test]
fn we_see_terraforms_lock_and_who_holds_it() {
    let configuration = "resource \"terraform_data\" \"a\" {\n  provisioner \"local-exec\" {\n    command = \"touch \
                         started; while [ ! -e stop ] && [ $((n += 1)) -lt 100 ]; do sleep 0.1; done\"\n  }\n}\n";
    let Some(dir) = stack(configuration) else { return };
    let mut running = terraform(dir.path(), &["apply", "-auto-approve"]).spawn().unwrap();
    until(|| dir.path().join("started").exists());
    let manager = manager(&dir);
    let refusal = manager.lock(&lock_info(), &LockWait::NONE).unwrap_err();
    fs::write(dir.path().join("stop"), "").unwrap();
    let detail = &refusal.0[0].detail;
    assert!(detail.contains("Operation: OperationTypeApply\n"), "{detail}");
    assert!(detail.contains("Version:   1."), "{detail}");
    assert!(running.wait().unwrap().success());
    manager.lock(&lock_info(), &LockWait::NONE).unwrap();
    assert!(manager.read().unwrap().state.current(&address("terraform_data.a")).is_some());
}

/// Waits until a process has a file open and keeps it so.
fn wait_until_open(pid: u32, path: &Path) {
    let path = path.canonicalize().unwrap();
    let is_open = || {
        let files = fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
        files.flatten().any(|file| fs::read_link(file.path()).is_ok_and(|to| to == path))
    };
    let mut since = None;
    until(|| {
        since = is_open().then(|| since.unwrap_or_else(Instant::now));
        since.is_some_and(|since: Instant| since.elapsed() > Duration::from_millis(250))
    });
}

/// Terraform opens the file once and waits for its lock; it does not notice that the file was replaced meanwhile. What
/// it would write then is lost, so it must be stopped from going on.
#[test]
fn a_waiting_terraform_does_not_work_on_a_replaced_file() {
    let Some(dir) = stack("resource \"terraform_data\" \"a\" {}\nresource \"terraform_data\" \"b\" {}\n")
    else {
        return;
    };
    let manager = manager(&dir);
    manager.lock(&lock_info(), &LockWait::NONE).unwrap();
    let waiting = terraform(dir.path(), &["apply", "-auto-approve", "-lock-timeout=20s"]).spawn().unwrap();
    wait_until_open(waiting.id(), &dir.path().join("terraform.tfstate"));
    let mut state = manager.read().unwrap().state;
    state.set_current(&address("terraform_data.a"), &provider(), Some(object("x")));
    manager.write(&state).unwrap();
    let written = fs::read(dir.path().join("terraform.tfstate")).unwrap();
    manager.unlock().unwrap();
    let output = waiting.wait_with_output().unwrap();
    assert!(!output.status.success(), "{}", text(&output.stdout));
    assert_eq!(fs::read(dir.path().join("terraform.tfstate")).unwrap(), written);
    // Run again, it works on what we wrote.
    let output = terraform(dir.path(), &["apply", "-auto-approve", "-no-color"]).output().unwrap();
    assert!(text(&output.stdout).contains("1 added, 0 changed, 0 destroyed"), "{output:?}");
    let state = manager.read().unwrap().state;
    assert!(state.serial > 1);
    assert_eq!(state.current(&address("terraform_data.a")).unwrap().attributes.to_value()["id"], "x");
}

#[test]
fn what_we_write_is_terraforms_no_change() {
    let Some(dir) = stack(
        "resource \"terraform_data\" \"a\" {\n  input = \"<&> é\"\n}\noutput \"o\" {\n  value = \"v\"\n}\n",
    ) else {
        return;
    };
    let output = terraform(dir.path(), &["apply", "-auto-approve"]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let path = dir.path().join("terraform.tfstate");
    let before = fs::read(&path).unwrap();
    let manager = manager(&dir);
    let state = manager.read().unwrap().state;
    assert!(!manager.write(&state).unwrap().changed);
    assert_eq!(fs::read(&path).unwrap(), before);
    // Built anew from values, an object is the same as the one that was read.
    let mut again = state.clone();
    let a = address("terraform_data.a");
    let read = state.current(&a).unwrap();
    let built = ferroform_state::Object::new(read.schema_version, &read.attributes.to_value());
    again.set_current(&a, &provider(), Some(built));
    assert!(!manager.write(&again).unwrap().changed);
}
