//! Disks that are full, or fill up while something is applied: nothing is lost, and with room again the next run
//! completes.

use std::fs::File;
use std::io::Write as _;
use std::process::Command;

use crate::bad_input::{COMMANDS, GOOD, applied};
use crate::cloud::Served;
use crate::harness::{PROGRAM, Project, Run, Running, say};
use crate::world::counts;

/// Six more networks than [`GOOD`] has.
const MANY: &str = "resource \"hcloud_network\" \"many\" {\n  count    = 6\n  name     = \"m${count.index}\"\n  ip_range = \"10.0.0.0/16\"\n}\n";

/// The program where no file may grow beyond so many blocks of 512 bytes; the kernel refuses the write then as it does
/// on a full disk.
fn on_a_full_disk(project: &Project, blocks: u32, command: &str) -> Run {
    let mut shell = Command::new("sh");
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" {command}");
    shell.args(["-c", &script, PROGRAM]);
    project.prepare(&mut shell);
    Running::start(shell).wait()
}

#[test]
fn a_full_disk_stops_everything_before_it_begins() {
    let applied = applied();
    applied.project.configure(&GOOD.replace("10.0.0.0/16", "10.0.0.0/8"));
    let files = applied.project.state_files();
    let objects = applied.cloud.objects();
    let run = on_a_full_disk(&applied.project, 0, COMMANDS[1]).code_is(1);
    assert_eq!(run.errors().len(), 1, "{run}");
    assert!(applied.project.state_files() == files, "{run}");
    assert_eq!(counts(&applied.cloud.objects()), counts(&objects));
    applied.project.run(COMMANDS[1]).ok();
}

/// However far it gets: nothing is lost, and with room again the next run completes.
#[test]
fn a_disk_that_fills_up_meanwhile_loses_nothing() {
    let mut outcomes = Vec::new();
    for blocks in [1, 2, 3, 4, 6, 8, 12, 16] {
        let elsewhere = tempfile::tempdir().unwrap();
        let served = Served::start(elsewhere.path(), 0.0, &[]);
        let cloud = &served.cloud;
        let project =
            Project::new(GOOD).env("HCLOUD_ENDPOINT", &cloud.endpoint()).env("HCLOUD_TOKEN", &cloud.token);
        project.run(COMMANDS[1]).ok();
        project.configure(&format!("{GOOD}{MANY}"));
        let run = on_a_full_disk(&project, blocks, COMMANDS[1]);
        let created = counts(&cloud.objects())["networks"] - 1;
        outcomes.push((blocks, run.code(), created));
        if run.code() != Some(0) {
            assert_eq!(run.code(), Some(1), "{run}");
            assert!(!run.errors().is_empty(), "{run}");
            assert!(!project.read("terraform.tfstate").is_empty(), "a state is never cut short: {run}");
        }
        project.run(COMMANDS[1]).ok();
        project.run("plan -detailed-exitcode").ok();
        assert_eq!(counts(&cloud.objects())["networks"], 7, "after {blocks} blocks: {run}");
    }
    say(&format!("(blocks of 512 bytes, exit code, networks created then): {outcomes:?}"));
    assert!(outcomes.iter().any(|(_, code, created)| *code == Some(1) && *created > 0), "{outcomes:?}");
}

/// A file system of its own, of so many bytes, on a project's directory.
struct Disk<'p> {
    project: &'p Project,
}

impl<'p> Disk<'p> {
    /// None where file systems cannot be mounted.
    fn mount(project: &'p Project, bytes: usize) -> Option<Self> {
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={bytes}"), "tmpfs"])
            .arg(project.path(""))
            .output();
        mounted.is_ok_and(|m| m.status.success()).then_some(Disk { project })
    }

    /// Fills the disk up, but for so many bytes.
    fn fill(&self, left: usize) {
        let mut file = File::create(self.project.path("filler")).unwrap();
        while file.write_all(&[0; 4096]).is_ok() {}
        let length = file.metadata().unwrap().len();
        file.set_len(length.saturating_sub(left as u64)).unwrap();
    }

    fn empty(&self) {
        std::fs::remove_file(self.project.path("filler")).unwrap();
    }
}

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        // Lazily, since a process that is just ending may still be in it.
        let _ = Command::new("umount").arg("-l").arg(self.project.path("")).status();
    }
}

/// The same with a file system that has no room, where it depends on what is written and not on how long a file is.
#[test]
fn a_file_system_without_room_loses_nothing() {
    let mut outcomes = Vec::new();
    for pages in [0, 1, 2, 3, 4, 5, 6, 8, 10, 12] {
        let elsewhere = tempfile::tempdir().unwrap();
        let served = Served::start(elsewhere.path(), 0.0, &[]);
        let cloud = &served.cloud;
        let project =
            Project::new(GOOD).env("HCLOUD_ENDPOINT", &cloud.endpoint()).env("HCLOUD_TOKEN", &cloud.token);
        let Some(disk) = Disk::mount(&project, 1 << 20) else {
            return say("skipped: only root can mount a file system");
        };
        project.configure(GOOD);
        project.run(COMMANDS[1]).ok();
        project.configure(&format!("{GOOD}{MANY}"));
        let files = project.state_files();
        disk.fill(pages * 4096);
        let run = project.run(COMMANDS[1]);
        let created = counts(&cloud.objects())["networks"] - 1;
        outcomes.push((pages, run.code(), created));
        assert!(run.code() == Some(0) || (run.code() == Some(1) && !run.errors().is_empty()), "{run}");
        if run.code() == Some(1) && created == 0 {
            assert!(project.state_files() == files, "{run}");
        }
        assert!(!project.read("terraform.tfstate").is_empty(), "a state is never cut short: {run}");
        disk.empty();
        project.run(COMMANDS[1]).ok();
        project.run("plan -detailed-exitcode").ok();
        assert_eq!(counts(&cloud.objects())["networks"], 7, "after {pages} pages: {run}");
    }
    say(&format!("(pages of 4096 bytes, exit code, networks created then): {outcomes:?}"));
    assert!(outcomes.iter().any(|(_, code, created)| *code == Some(1) && *created == 0), "{outcomes:?}");
    assert!(outcomes.iter().any(|(_, code, created)| *code == Some(1) && *created > 0), "{outcomes:?}");
}
