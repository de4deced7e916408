//! What there is on this computer: to see that worlds leave nothing behind and touch nothing else.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The computer's own network, as it was.
pub(super) struct Host {
    network: Vec<String>,
}

impl Host {
    pub(super) fn look() -> Self {
        Self { network: network() }
    }

    /// What is different now; empty for nothing.
    pub(super) fn changes(&self) -> String {
        let now = network();
        let gone = self.network.iter().filter(|line| !now.contains(line)).map(|line| format!("- {line}\n"));
        let new = now.iter().filter(|line| !self.network.contains(line)).map(|line| format!("+ {line}\n"));
        gone.chain(new).collect()
    }

    /// Everything that carries a world's name: namespaces, mounts, loop devices, processes, control groups, files.
    pub(super) fn left(&self, tag: &str) -> Vec<String> {
        let mut left = Vec::new();
        let mut add = |kind: &str, what: String| left.push(format!("{kind}: {what}"));
        for name in names("/run/netns") {
            if name.starts_with(tag) {
                add("namespace", name);
            }
        }
        for line in lines("/proc/self/mountinfo").into_iter().filter(|line| line.contains(tag)) {
            add("mount", line);
        }
        for name in names("/sys/block") {
            let backing = lines(Path::new("/sys/block").join(&name).join("loop/backing_file"));
            if backing.iter().any(|file| file.contains(tag)) {
                add("loop device", name);
            }
        }
        for id in names("/proc").into_iter().filter(|name| name.bytes().all(|byte| byte.is_ascii_digit())) {
            let line = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            if line.contains(tag) {
                add("process", format!("{id} {line}"));
            }
        }
        for controller in names("/sys/fs/cgroup").into_iter().map(Some).chain([None]) {
            let folder = Path::new("/sys/fs/cgroup").join(controller.unwrap_or_default());
            for name in names(&folder).into_iter().filter(|name| name.starts_with(tag)) {
                add("control group", folder.join(name).display().to_string());
            }
        }
        for name in names("/var/lib/ferroform/worlds").into_iter().filter(|name| name == tag) {
            add("folder", name);
        }
        left
    }

    /// Those of it that belong to servers, volumes and load balancers, rather than to the world's internet.
    pub(super) fn left_of_objects(&self, tag: &str) -> Vec<String> {
        let of_object = |what: &String| {
            let numbered = |kind: char| {
                what.split(&format!("{tag}-{kind}"))
                    .nth(1)
                    .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
            };
            what.starts_with("loop device") || numbered('m') || numbered('b') || what.contains("haproxy")
        };
        self.left(tag).into_iter().filter(of_object).collect()
    }
}

/// Things of the same kinds as a world's that belong to somebody else, named almost like a world's: a namespace with a
/// table, a mount and a loop device. Dropped, they are gone.
pub(super) struct Foreign {
    namespace: String,
    folder: tempfile::TempDir,
    device: String,
}

impl Foreign {
    pub(super) fn make() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // Several are there at once.
        static MADE: AtomicUsize = AtomicUsize::new(1);
        let namespace = format!("ff{}-m{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        let (mount, disk) = (folder.path().join("mount"), folder.path().join("disk"));
        fs::create_dir(&mount).unwrap();
        fs::File::create(&disk).unwrap().set_len(1 << 20).unwrap();
        run("ip", &["netns", "add", &namespace]);
        run("ip", &["netns", "exec", &namespace, "nft", "add table inet kept"]);
        run("mount", &["-t", "tmpfs", "tmpfs", &mount.to_string_lossy()]);
        let device = run("losetup", &["--find", "--show", &disk.to_string_lossy()]).trim().to_owned();
        Self { namespace, folder, device }
    }

    /// All that there is of them.
    pub(super) fn look(&self) -> Vec<String> {
        let folder = self.folder.path().to_string_lossy().into_owned();
        let mounts = lines("/proc/self/mountinfo").into_iter().filter(|line| line.contains(&folder));
        let table = run("ip", &["netns", "exec", &self.namespace, "nft", "list ruleset"]);
        let device = run("losetup", &["--noheadings", "--output", "BACK-FILE", &self.device]);
        mounts.chain([table, device]).collect()
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.folder.path().join("mount")).status();
        let _ = Command::new("losetup").args(["--detach", &self.device]).status();
        let _ = Command::new("ip").args(["netns", "delete", &self.namespace]).status();
    }
}

fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Links, addresses, routes and tables of this computer's own network namespace.
fn network() -> Vec<String> {
    let commands = [
        "ip -oneline link show",
        "ip -oneline address show",
        "ip route show table all",
        "ip -6 route show table all",
        "ip rule show",
        "nft list ruleset",
    ];
    let mut all = Vec::new();
    for command in commands {
        let mut words = command.split(' ');
        let output = Command::new(words.next().unwrap()).args(words).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        // Times that run.
        let lines = text
            .lines()
            .map(|line| line.split(" valid_lft").next().unwrap().split(" expires").next().unwrap());
        all.extend(lines.map(|line| format!("{command}: {line}")));
    }
    all
}

fn names(folder: impl AsRef<Path>) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

fn lines(path: impl AsRef<Path>) -> Vec<String> {
    fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect()
}
