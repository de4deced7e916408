//! Processes of machines, found by what they are called with.

use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

const NSPAWN: &str = "systemd-nspawn";
/// What runs virtual machines.
pub(super) const QEMU: &str = "qemu-system-x86_64";

/// A process that is still the same one when its number has been given to another.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    handle: OwnedFd,
}

impl Process {
    /// The process with this number, if there is one.
    pub(crate) fn open(pid: u32) -> Option<Self> {
        let number = Pid::from_raw(i32::try_from(pid).ok()?)?;
        Some(Self { pid, handle: pidfd_open(number, PidfdFlags::empty()).ok()? })
    }

    /// Another handle to it.
    pub(crate) fn again(&self) -> std::io::Result<Self> {
        Ok(Self { pid: self.pid, handle: self.handle.try_clone()? })
    }

    /// Sends it a signal; one that has ended gets none.
    pub(crate) fn signal(&self, signal: Signal) {
        let _ = pidfd_send_signal(&self.handle, signal);
    }

    /// Waits until it has ended, at most so long (`None`: as long as it takes); whether it has.
    pub(crate) fn wait(&self, limit: Option<Duration>) -> bool {
        let end = limit.map(|limit| Instant::now() + limit);
        loop {
            let left = end.map(|end| end.saturating_duration_since(Instant::now()));
            let left = left.and_then(|left| Timespec::try_from(left).ok());
            let mut handles = [PollFd::new(&self.handle, PollFlags::IN)];
            match poll(&mut handles, left.as_ref()) {
                Ok(ended) => return ended > 0,
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => return true,
            }
        }
    }
}

/// A process that belongs to a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) machine: i64,
    pub(crate) pid: u32,
    pub(crate) role: Role,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// What mounts the disk, runs systemd-nspawn and writes down how it ended.
    Keeper,
    /// systemd-nspawn or qemu itself.
    Container,
}

/// What machines of a world are called when they are started.
pub(crate) fn machine_argument(tag: &str, machine: i64) -> String {
    format!("--machine={tag}-m{machine}")
}

/// The same for qemu, as the value of `-name`.
pub(crate) fn machine_name(tag: &str, machine: i64) -> String {
    format!("guest={tag}-m{machine}")
}

/// The processes outside of machines that run the machines of a world.
pub(crate) fn of_world(tag: &str) -> Vec<Found> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter_map(|pid| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let (machine, role) = read_command(&line, tag)?;
        Some(Found { machine, pid, role })
    })
    .collect()
}

/// The keeper among the processes of a machine: what it starts looks like it until it has become the container.
pub(crate) fn keeper_among(found: &[Found]) -> Option<u32> {
    let keepers = || found.iter().filter(|found| found.role == Role::Keeper).map(|found| found.pid);
    keepers().find(|pid| parent_of(*pid).is_none_or(|parent| keepers().all(|other| other != parent)))
}

fn read_command(line: &[u8], tag: &str) -> Option<(i64, Role)> {
    const PROGRAMS: [&[u8]; 2] = [NSPAWN.as_bytes(), QEMU.as_bytes()];
    let mut words = line.split(|byte| *byte == 0);
    let first = words.next()?;
    let role = if PROGRAMS.iter().any(|program| first.ends_with(program)) {
        Role::Container
    } else if words.by_ref().any(|word| PROGRAMS.contains(&word)) {
        Role::Keeper
    } else {
        return None;
    };
    let prefixes = [format!("--machine={tag}-m"), format!("guest={tag}-m")];
    let machine = words.find_map(|word| {
        let word = std::str::from_utf8(word).ok()?;
        prefixes.iter().find_map(|prefix| word.strip_prefix(prefix)?.parse().ok())
    })?;
    Some((machine, role))
}

/// The first process inside of a container, by its number outside, once it is the machine's own program: before that
/// it may still see the host's files.
pub(crate) fn leader_of(container: u32) -> Option<u32> {
    children_of(container).into_iter().find(|child| {
        let program = std::fs::read_link(format!("/proc/{child}/exe")).unwrap_or_default();
        let place = |path: &str| std::fs::metadata(path).ok().map(|about| (about.dev(), about.ino()));
        let root = place(&format!("/proc/{child}/root/"));
        if program.as_os_str().is_empty() || program.ends_with(NSPAWN) || root.is_none() || root == place("/")
        {
            return false;
        }
        let status = std::fs::read_to_string(format!("/proc/{child}/status")).unwrap_or_default();
        let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
        // Number 1 in a namespace of its own.
        numbers.is_some_and(|numbers| {
            let mut numbers = numbers.split_whitespace();
            numbers.next().is_some() && numbers.next_back() == Some("1")
        })
    })
}

/// The container that a keeper runs.
pub(crate) fn container_of(keeper: u32) -> Option<u32> {
    children_of(keeper).into_iter().find(|child| {
        let name = std::fs::read_to_string(format!("/proc/{child}/comm")).unwrap_or_default();
        // The kernel cuts names after 15 letters.
        [NSPAWN, QEMU].iter().any(|program| program.get(..15).unwrap_or(program) == name.trim_end())
    })
}

fn children_of(pid: u32) -> Vec<u32> {
    if let Ok(text) = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")) {
        return text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    }
    // A kernel without that file.
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|child| parent_of(*child) == Some(pid)).collect()
}

fn parent_of(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may hold spaces and parentheses.
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(1)?.parse().ok()
}

/// Whether one can log in to the machine with this first process.
pub(crate) fn takes_logins(leader: u32) -> bool {
    let root = PathBuf::from(format!("/proc/{leader}/root"));
    let identity = |path: &Path| std::fs::metadata(path).ok().map(|about| (about.dev(), about.ino()));
    if identity(&root.join(".")) == identity(Path::new("/")) {
        // It has not moved into the machine yet.
        return false;
    }
    // sshd writes this file when it listens. The kernel's table would tell too, but lists the connections of all
    // machines and of the host behind those that listen here: to read it often takes all the processors there are.
    // Only where systemd listens in the place of sshd nothing else tells.
    let waits_for_sockets =
        || root.join("etc/systemd/system/sockets.target.wants/ssh.socket").symlink_metadata().is_ok();
    root.join("run/sshd.pid").exists() || waits_for_sockets() && listens(leader, 22)
}

/// Whether something listens for TCP connections on this port, in the network of this process.
fn listens(pid: u32, port: u16) -> bool {
    ["tcp", "tcp6"].iter().any(|table| {
        let text = std::fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default();
        text.lines().skip(1).any(|line| is_listener(line, port))
    })
}

fn is_listener(line: &str, port: u16) -> bool {
    let mut words = line.split_whitespace().skip(1);
    let (local, state) = (words.next(), words.nth(1));
    state == Some("0A")
        && local
            .and_then(|local| local.rsplit_once(':'))
            .and_then(|(_, port)| u16::from_str_radix(port, 16).ok())
            .is_some_and(|its| its == port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_of_a_world_are_known_by_their_arguments() {
        let read = |words: &[&str]| read_command(words.join("\0").as_bytes(), "ff00");
        let nspawn = ["systemd-nspawn", "-q", "--machine=ff00-m12", "--boot"];
        assert_eq!(read(&nspawn), Some((12, Role::Container)));
        let keeper = [&["sh", "-c", "text"], &nspawn[..]].concat();
        assert_eq!(read(&keeper), Some((12, Role::Keeper)));
        assert_eq!(read(&["systemd-nspawn", "--machine=ff001-m12"]), None);
        assert_eq!(read(&["qemu-system-x86_64", "-name", "guest=ff00-m3"]), Some((3, Role::Container)));
        assert_eq!(
            read(&["nsenter", "qemu-system-x86_64", "-name", "guest=ff00-m3"]),
            Some((3, Role::Keeper))
        );
        assert_eq!(read(&["grep", "--machine=ff00-m12"]), None);
    }

    #[test]
    fn listeners_are_read_from_the_kernels_table() {
        let listening = "   0: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0";
        assert!(is_listener(listening, 22));
        assert!(!is_listener(listening, 23));
        let connected = "   1: 0100007F:0016 0100007F:D2F0 01 00000000:00000000 00:00000000 00000000     0";
        assert!(!is_listener(connected, 22));
    }

    #[test]
    fn a_process_is_waited_for() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let process = Process::open(child.id()).unwrap();
        assert!(!process.wait(Some(Duration::from_millis(20))));
        process.signal(Signal::KILL);
        assert!(process.wait(Some(Duration::from_secs(10))));
        child.wait().unwrap();
        assert!(parent_of(std::process::id()).is_some());
    }
}
