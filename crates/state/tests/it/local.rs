//! States in local files: what is written when, who may write, and what remains when something fails.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use ferroform_state::{
    Backup, Loaded, LocalManager, LocalOptions, LockWait, Manager, Record, State, WorldBinding,
};
use tempfile::TempDir;

use crate::{address, intent, lock_info, object, provider, result, until};

fn directory() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("terraform.tfstate");
    (dir, path)
}

fn open(path: &Path) -> LocalManager {
    LocalManager::open(path, LocalOptions::default()).unwrap()
}

fn with(mut state: State, text: &str) -> State {
    state.set_current(&address(text), &provider(), Some(object(text)));
    state
}

/// One run that sets one object; the serial it wrote.
fn run(path: &Path, text: &str) -> u64 {
    let manager = open(path);
    manager.lock(&lock_info(), &LockWait::NONE).unwrap();
    let state = manager.read().unwrap().state;
    let serial = manager.write(&with(state, text)).unwrap().serial;
    manager.unlock().unwrap();
    serial
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn serial_and_backup_follow_the_changes() {
    let (dir, path) = directory();
    assert_eq!(run(&path, "a.a"), 1);
    assert_eq!(names(dir.path()), ["terraform.tfstate"]);
    let first = fs::read(&path).unwrap();
    assert_eq!(run(&path, "a.a"), 1, "nothing changed");
    assert_eq!(fs::read(&path).unwrap(), first);
    assert_eq!(names(dir.path()), ["terraform.tfstate"]);
    assert_eq!(run(&path, "a.b"), 2);
    let backup = dir.path().join("terraform.tfstate.backup");
    assert_eq!(fs::read(&backup).unwrap(), first);
    assert_eq!((mode(&path), mode(&backup)), (0o600, 0o600));
    assert_eq!(names(dir.path()), ["terraform.tfstate", "terraform.tfstate.backup"]);
}

#[test]
fn the_backup_is_what_was_before_the_run() {
    let (dir, path) = directory();
    run(&path, "a.a");
    let before = fs::read(&path).unwrap();
    let manager = open(&path);
    let state = with(manager.read().unwrap().state, "a.b");
    assert_eq!(manager.write(&state).unwrap().serial, 2);
    assert_eq!(manager.write(&with(state, "a.c")).unwrap().serial, 3);
    assert_eq!(fs::read(dir.path().join("terraform.tfstate.backup")).unwrap(), before);

    let elsewhere = dir.path().join("elsewhere");
    let at = LocalOptions { backup: Backup::At(elsewhere.clone()), ..LocalOptions::default() };
    let manager = LocalManager::open(&path, at).unwrap();
    manager.write(&with(manager.read().unwrap().state, "a.d")).unwrap();
    assert!(elsewhere.exists());

    fs::remove_file(&elsewhere).unwrap();
    fs::remove_file(dir.path().join("terraform.tfstate.backup")).unwrap();
    let off = LocalOptions { backup: Backup::Off, ..LocalOptions::default() };
    let manager = LocalManager::open(&path, off).unwrap();
    manager.write(&with(manager.read().unwrap().state, "a.e")).unwrap();
    assert_eq!(names(dir.path()), ["terraform.tfstate"]);
}

#[test]
fn mode_owner_and_symbolic_links_are_kept() {
    let (dir, path) = directory();
    let target = dir.path().join("real/state");
    run(&target, "a.a");
    fs::set_permissions(&target, fs::Permissions::from_mode(0o640)).unwrap();
    let owner = 54321;
    let root = rustix::process::geteuid().is_root();
    if root {
        std::os::unix::fs::chown(&target, Some(owner), Some(owner)).unwrap();
    }
    symlink("real/state", &path).unwrap();
    assert_eq!(run(&path, "a.b"), 2);
    assert!(fs::symlink_metadata(&path).unwrap().is_symlink());
    assert_eq!(mode(&target), 0o640);
    if root {
        assert_eq!(fs::metadata(&target).unwrap().uid(), owner);
    }
    assert_eq!(names(dir.path()), ["real", "terraform.tfstate", "terraform.tfstate.backup"]);
    assert_eq!(names(&dir.path().join("real")), ["state"]);
    // One that leads nowhere yet.
    let dangling = dir.path().join("dangling");
    symlink("real/new", &dangling).unwrap();
    assert_eq!(run(&dangling, "a.a"), 1);
    assert!(dir.path().join("real/new").exists());
}

#[test]
fn what_came_after_the_reading_is_not_written_over() {
    let (_dir, path) = directory();
    run(&path, "a.a");
    let manager = open(&path);
    let state = manager.read().unwrap().state;
    run(&path, "a.b");
    let newer = fs::read(&path).unwrap();
    let refusal = manager.write(&with(state, "a.c")).unwrap_err();
    assert_eq!(refusal.0[0].summary, "Statefile was changed meanwhile");
    assert_eq!(fs::read(&path).unwrap(), newer);
}

#[test]
fn a_newer_writer_is_not_passed_off_as_an_older_one() {
    for (before, after) in [("1.5.0", "1.11.4"), ("1.13.0", "1.13.0"), ("odd", "1.11.4")] {
        let (_dir, path) = directory();
        run(&path, "a.a");
        fs::write(&path, fs::read_to_string(&path).unwrap().replace("1.11.4", before)).unwrap();
        run(&path, "a.b");
        assert_eq!(open(&path).read().unwrap().state.terraform_version, after);
    }
}

#[test]
fn an_interrupted_run_is_folded_in_and_its_open_operations_stay_known() {
    let (dir, path) = directory();
    run(&path, "a.a");
    {
        let manager = open(&path);
        manager.read().unwrap();
        let journal = manager.journal().unwrap();
        journal.append(&intent(journal.next_op(), "a.b")).unwrap();
        journal.append(&result(1, "a.b")).unwrap();
        journal.append(&intent(journal.next_op(), "a.open")).unwrap();
        // No write: as if it had been killed here.
    }
    let manager = open(&path);
    let Loaded { state, open: unsettled, recovered, exists } = manager.read().unwrap();
    assert!(recovered && exists);
    assert!(state.current(&address("a.b")).is_some());
    assert_eq!(unsettled.len(), 1);
    // The run after it has no news of the open operation either.
    assert_eq!(manager.write(&state).unwrap().serial, 2);
    let manager = open(&path);
    let loaded = manager.read().unwrap();
    assert!(!loaded.recovered);
    assert_eq!(loaded.open, unsettled);
    let journal = manager.journal().unwrap();
    assert_eq!(journal.next_op(), 3);
    journal.append(&Record::Result { op: 2, changes: vec![] }).unwrap();
    assert_eq!(manager.write(&loaded.state).unwrap().serial, 2);
    assert!(!manager.journal_path().exists());
    assert_eq!(names(dir.path()), ["terraform.tfstate", "terraform.tfstate.backup"]);
}

/// A process that is killed without a chance to clean up, in the middle of its operations.
#[test]
fn a_killed_run_gives_its_lock_back_and_loses_no_result() {
    let (dir, path) = directory();
    run(&path, "a.a");
    let told = dir.path().join("told");
    for round in 0..5 {
        let mut running = child("child_works_until_killed", &path).spawn().unwrap();
        until(|| told.metadata().is_ok_and(|told| told.len() > 0));
        std::thread::sleep(Duration::from_millis(37 * round));
        running.kill().unwrap();
        running.wait().unwrap();
        let manager = open(&path);
        manager.lock(&lock_info(), &LockWait::NONE).unwrap();
        let loaded = manager.read().unwrap();
        // What it noted after a result was durable. The last note may be cut off as well.
        let notes = fs::read_to_string(&told).unwrap();
        for name in notes.split_inclusive('\n').filter_map(|note| note.strip_suffix('\n')) {
            assert!(loaded.state.current(&address(name)).is_some(), "{name}");
        }
        assert!(loaded.open.len() <= 1);
        manager.write(&loaded.state).unwrap();
        fs::remove_file(&told).unwrap();
    }
}

#[test]
fn what_a_killed_write_left_behind_is_cleared_away() {
    let (dir, path) = directory();
    fs::write(dir.path().join(".terraform.tfstate.tmp"), "half a statef").unwrap();
    run(&path, "a.a");
    assert_eq!(names(dir.path()), ["terraform.tfstate"]);
}

#[test]
fn a_first_run_that_was_interrupted_keeps_its_lineage() {
    let (_dir, path) = directory();
    let lineage = {
        let manager = open(&path);
        let lineage = manager.read().unwrap().state.lineage;
        manager.journal().unwrap().append(&result(1, "a.b")).unwrap();
        lineage
    };
    let manager = open(&path);
    let loaded = manager.read().unwrap();
    assert_eq!(loaded.state.lineage, lineage);
    assert!(loaded.recovered && !loaded.exists);
    assert_eq!(manager.write(&loaded.state).unwrap().serial, 1);
    assert_eq!(open(&path).read().unwrap().state.lineage, lineage);
}

/// The machine stops after the statefile was written and before the journal was removed.
#[test]
fn a_journal_that_is_in_the_state_already_is_not_folded_twice() {
    let (_dir, path) = directory();
    run(&path, "a.a");
    let manager = open(&path);
    let state = manager.read().unwrap().state;
    let journal = manager.journal().unwrap();
    journal.append(&Record::Changes(vec![crate::set("a.b", "1")])).unwrap();
    let written = with(state, "a.c");
    manager.write(&written).unwrap();
    // What write put there last before it removed the file: rebuilt from the same steps.
    let again = tempfile::tempdir().unwrap();
    let copy = again.path().join("terraform.tfstate");
    fs::copy(format!("{}.backup", path.display()), &copy).unwrap();
    let replay = open(&copy);
    replay.read().unwrap();
    let journal = replay.journal().unwrap();
    journal.append(&Record::Changes(vec![crate::set("a.b", "1")])).unwrap();
    let bytes = fs::read(&path).unwrap();
    use sha2::Digest as _;
    let sha256 = sha2::Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect();
    journal.append(&Record::Commit { serial: 2, sha256 }).unwrap();
    fs::copy(replay.journal_path(), manager.journal_path()).unwrap();

    let manager = open(&path);
    let loaded = manager.read().unwrap();
    assert!(!loaded.recovered);
    assert!(loaded.state.current(&address("a.b")).is_none(), "the statefile is right, not the journal");
    assert!(!manager.write(&loaded.state).unwrap().changed);
    assert!(!manager.journal_path().exists());

    // Any other content with that serial came from someone who did not know of the journal.
    fs::copy(replay.journal_path(), manager.journal_path()).unwrap();
    fs::write(&path, String::from_utf8(bytes).unwrap().replace("a.c", "a.x")).unwrap();
    let refusal = open(&path).read().unwrap_err();
    assert_eq!(refusal.0[0].summary, "State was changed after an interrupted run");
}

fn world(provider: &str, endpoint: &str) -> WorldBinding {
    WorldBinding { provider: provider.into(), endpoint: endpoint.into(), project: "p".into(), proven: false }
}

#[test]
fn a_state_stays_with_its_world() {
    let (dir, path) = directory();
    let noted = dir.path().join(".terraform/worlds.json");
    let options = LocalOptions { worlds: Some(noted.clone()), ..LocalOptions::default() };
    let fresh = || {
        let manager = LocalManager::open(&path, options.clone()).unwrap();
        let state = manager.read().unwrap().state;
        (manager, state)
    };
    let name = provider().to_string();
    let (here, there) = (world(&name, "https://here"), world(&name, "https://there"));
    let (manager, state) = fresh();
    manager.bind(std::slice::from_ref(&here)).unwrap();
    manager.write(&with(state, "a.a")).unwrap();
    assert_eq!(mode(&noted), 0o600);
    let refusal = fresh().0.bind(std::slice::from_ref(&there)).unwrap_err();
    assert_eq!(refusal.diagnostics.0[0].summary, "State belongs to another world");
    fresh().0.bind(std::slice::from_ref(&here)).unwrap();
    // The note may go: the state binds anew.
    fs::remove_file(&noted).unwrap();
    fresh().0.bind(std::slice::from_ref(&there)).unwrap();
    // But not while a journal knows better.
    let (manager, _) = fresh();
    manager.bind(std::slice::from_ref(&there)).unwrap();
    manager.journal().unwrap().append(&intent(1, "a.b")).unwrap();
    drop(manager);
    fs::remove_file(&noted).unwrap();
    assert!(fresh().0.bind(std::slice::from_ref(&here)).is_err());
    // A note about another state says nothing, a broken one is an error.
    fs::write(&noted, r#"{"version":1,"lineage":"other","worlds":[]}"#).unwrap();
    fresh().0.bind(std::slice::from_ref(&there)).unwrap();
    fs::write(&noted, "{").unwrap();
    assert!(fresh().0.bind(std::slice::from_ref(&there)).is_err());
}

#[test]
fn only_one_may_hold_the_lock() {
    let (dir, path) = directory();
    let (first, second) = (open(&path), open(&path));
    first.lock(&lock_info(), &LockWait::NONE).unwrap();
    assert_eq!(names(dir.path()), [".terraform.tfstate.lock.info", "terraform.tfstate"]);
    let refusal = second.lock(&lock_info(), &LockWait::NONE).unwrap_err();
    assert_eq!(refusal.0[0].summary, "Error acquiring the state lock");
    assert!(refusal.0[0].detail.contains("Who:       someone@somewhere\n"), "{}", refusal.0[0].detail);
    // Reading without the lock must not make the system drop it.
    second.read().unwrap();
    assert!(!other_process_locks(&path));
    first.unlock().unwrap();
    assert_eq!(names(dir.path()), [""; 0], "a file made for the lock goes with it");
    second.lock(&lock_info(), &LockWait::NONE).unwrap();
    drop(second);
    assert!(other_process_locks(&path));
}

#[test]
fn the_lock_goes_over_to_the_file_that_is_written() {
    let (_dir, path) = directory();
    let manager = open(&path);
    manager.lock(&lock_info(), &LockWait::NONE).unwrap();
    let mut state = manager.read().unwrap().state;
    for text in ["a.a", "a.b"] {
        state = with(state, text);
        manager.write(&state).unwrap();
        assert!(!other_process_locks(&path));
    }
    manager.unlock().unwrap();
    assert!(other_process_locks(&path));
}

#[test]
fn who_waited_for_the_lock_gets_it_on_the_new_file() {
    let (_dir, path) = directory();
    let manager = open(&path);
    manager.lock(&lock_info(), &LockWait::NONE).unwrap();
    let state = manager.read().unwrap().state;
    let waiting = child("child_waits_and_adds", &path).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(400));
    manager.write(&with(state, "a.a")).unwrap();
    manager.unlock().unwrap();
    assert!(waiting.wait_with_output().unwrap().status.success());
    let state = open(&path).read().unwrap().state;
    assert!(state.current(&address("a.a")).is_some() && state.current(&address("a.child")).is_some());
    assert_eq!(state.serial, 2);
}

/// The shell's limit on file sizes stands for a full disk: a write fails in the middle.
#[test]
fn a_failed_write_leaves_everything_as_it_was() {
    let (dir, path) = directory();
    run(&path, "a.a");
    let before = fs::read(&path).unwrap();
    let output = limited("child_writes_much", &path);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(fs::read(&path).unwrap(), before);
    // The backup was made already, which is fine; nothing half-written stays. The journal has the results.
    let backup = "terraform.tfstate.backup";
    assert_eq!(names(dir.path()), ["terraform.tfstate", backup, "terraform.tfstate.journal"]);
    assert_eq!(fs::read(dir.path().join(backup)).unwrap(), before);
    let manager = open(&path);
    let loaded = manager.read().unwrap();
    assert!(loaded.state.current(&address("a.done")).is_some());
    assert_eq!(manager.write(&loaded.state).unwrap().serial, 2);
}

/// The journal breaks in the middle of a run; the state that is written at its end knows what the journal does not.
#[test]
fn a_broken_journal_does_not_keep_the_state_from_being_written() {
    let (dir, path) = directory();
    run(&path, "a.a");
    let output = limited("child_breaks_its_journal", &path);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(names(dir.path()), ["terraform.tfstate", "terraform.tfstate.backup"]);
    let loaded = open(&path).read().unwrap();
    assert!(loaded.state.current(&address("a.last")).is_some());
    assert_eq!((loaded.open.len(), loaded.state.serial), (0, 2));
}

// Parts of the tests above that run in a process of their own: this very program, told to run one of these.

const CHILD: &str = "FERROFORM_STATE_TEST_CHILD";

fn child(test: &str, path: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", &format!("local::{test}"), "--ignored", "--nocapture"])
        .env(CHILD, path)
        .stdout(Stdio::null());
    command
}

/// Runs a child that can write no file larger than 64 blocks.
fn limited(test: &str, path: &Path) -> Output {
    let inner = child(test, path);
    // Ignored, the signal for too large files turns into an error of the write.
    let script = "trap '' XFSZ; ulimit -f 64; exec \"$0\" \"$@\"";
    let mut command = Command::new("sh");
    command.args(["-c", script]).arg(inner.get_program()).args(inner.get_args()).env(CHILD, path);
    command.output().unwrap()
}

/// The state to work on; none when it is not another test that runs this.
fn child_path() -> Option<PathBuf> {
    std::env::var_os(CHILD).map(Into::into)
}

fn other_process_locks(path: &Path) -> bool {
    let Output { status, .. } = child("child_locks", path).output().unwrap();
    status.success()
}

#[test]
#[ignore = "run by other tests in a process of its own"]
fn child_locks() {
    let Some(path) = child_path() else { return };
    open(&path).lock(&lock_info(), &LockWait::NONE).unwrap();
}

#[test]
#[ignore = "run by other tests in a process of its own"]
fn child_waits_and_adds() {
    let Some(path) = child_path() else { return };
    let manager = open(&path);
    let sleep = |d: Duration| {
        std::thread::sleep(d);
        true
    };
    manager.lock(&lock_info(), &LockWait { timeout: Duration::from_secs(10), sleep: &sleep }).unwrap();
    let state = manager.read().unwrap().state;
    manager.write(&with(state, "a.child")).unwrap();
    manager.unlock().unwrap();
}

#[test]
#[ignore = "run by other tests in a process of its own"]
fn child_writes_much() {
    let Some(path) = child_path() else { return };
    let manager = open(&path);
    manager.lock(&lock_info(), &LockWait::NONE).unwrap();
    let mut state = manager.read().unwrap().state;
    manager.journal().unwrap().append(&result(1, "a.done")).unwrap();
    for i in 0..500 {
        state = with(state, &format!("a.n{i}"));
    }
    let refusal = manager.write(&state).unwrap_err();
    assert_eq!(refusal.0[0].summary, "State cannot be written");
    assert!(refusal.0[0].detail.contains("kept in the journal"), "{}", refusal.0[0].detail);
    assert!(!refusal.0[0].hints.is_empty());
    manager.unlock().unwrap();
}

#[test]
#[ignore = "run by other tests in a process of its own"]
fn child_breaks_its_journal() {
    let Some(path) = child_path() else { return };
    let manager = open(&path);
    manager.lock(&lock_info(), &LockWait::NONE).unwrap();
    let state = manager.read().unwrap().state;
    let journal = manager.journal().unwrap();
    let last = journal.next_op();
    journal.append(&intent(last, "a.last")).unwrap();
    let full = (0..1000).find_map(|_| journal.append(&result(journal.next_op(), "a.many")).err());
    assert!(full.is_some());
    assert!(journal.append(&intent(journal.next_op(), "a.never")).is_err(), "it stays broken");
    assert!(journal.append(&result(last, "a.last")).is_err());
    let written = manager.write(&with(state, "a.last")).unwrap();
    assert!(written.warnings.is_empty(), "{:?}", written.warnings);
    manager.unlock().unwrap();
}

#[test]
#[ignore = "run by other tests in a process of its own"]
fn child_works_until_killed() {
    let Some(path) = child_path() else { return };
    let manager = open(&path);
    manager.lock(&lock_info(), &LockWait::NONE).unwrap();
    let loaded = manager.read().unwrap();
    let journal = manager.journal().unwrap();
    for open in loaded.open {
        journal.append(&Record::Result { op: open.intent.op, changes: vec![] }).unwrap();
    }
    let mut told = fs::File::create_new(path.with_file_name("told")).unwrap();
    // Far more than it has time for.
    for _ in 0..1_000_000 {
        let op = journal.next_op();
        let name = format!("a.n{op}");
        journal.append(&intent(op, &name)).unwrap();
        journal.append(&result(op, &name)).unwrap();
        writeln!(told, "{name}").unwrap();
    }
}
