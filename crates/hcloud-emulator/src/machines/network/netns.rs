//! Network namespaces, kept by name under `/run/netns` as `ip netns` does it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::net::IpAddr;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};
use rustix::thread::LinkNameSpaceType;
use serde::Deserialize;

use super::super::site::Site;
use super::super::tools::{self, ToolError};

/// Where namespaces have names.
const NAMES: &str = "/run/netns";

/// Says that [`NAMES`] became a mount point for us, so that the last world to go can undo it. It lies beside it, so
/// that both are forgotten together when the host restarts.
const MOUNTED: &str = "/run/ferroform-netns";

/// Runs `work` in a thread of its own inside a network namespace. Sockets that it opens, and programs that it
/// starts, stay there.
pub(crate) fn inside<T: Send>(path: &Path, work: impl FnOnce() -> T + Send) -> Result<T, ToolError> {
    let entering = || ToolError::file(format!("entering the network namespace {}", path.display()));
    let file = File::open(path).map_err(entering())?;
    std::thread::scope(|scope| {
        let worker = scope.spawn(move || {
            rustix::thread::move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))?;
            Ok::<T, rustix::io::Errno>(work())
        });
        match worker.join() {
            Ok(done) => done.map_err(|errno| entering()(errno.into())),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// The suffixes of the world's namespaces.
pub(super) fn list(site: &Site) -> BTreeSet<String> {
    let prefix = site.namespace("");
    let Ok(entries) = std::fs::read_dir(NAMES) else { return BTreeSet::new() };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.strip_prefix(&prefix).map(str::to_owned))
        .collect()
}

/// Makes namespaces.
pub(super) fn add<'a>(site: &Site, suffixes: impl IntoIterator<Item = &'a str>) -> Result<(), ToolError> {
    let mut batch = String::new();
    for suffix in suffixes {
        batch.push_str(&format!("netns add {}\n", site.namespace(suffix)));
    }
    if batch.is_empty() {
        return Ok(());
    }
    if !is_mount_point(NAMES) {
        std::fs::write(MOUNTED, "").map_err(ToolError::file(format!("writing {MOUNTED}")))?;
    }
    tools::run_with_input("ip", &["-batch", "-"], &batch).map(drop)
}

/// Takes the names of namespaces away; a namespace goes once nothing runs in it either.
pub(super) fn delete<'a>(site: &Site, suffixes: impl IntoIterator<Item = &'a str>) -> Result<(), ToolError> {
    let mut batch = String::new();
    for suffix in suffixes {
        batch.push_str(&format!("netns del {}\n", site.namespace(suffix)));
    }
    if batch.is_empty() {
        return Ok(());
    }
    tools::run_with_input("ip", &["-force", "-batch", "-"], &batch).map(drop)
}

/// After the last namespace of this host is gone: makes `/run/netns` what it was before the first one of ours.
pub(super) fn forget_mount_point() {
    let empty = || std::fs::read_dir(NAMES).is_ok_and(|mut entries| entries.next().is_none());
    // Not lazily: while anybody's namespace is below it, it stays, and so does the note.
    if Path::new(MOUNTED).exists() && empty() && tools::run("umount", &[NAMES]).is_ok() {
        let _ = std::fs::remove_dir(NAMES);
        let _ = std::fs::remove_file(MOUNTED);
    }
}

fn is_mount_point(path: &str) -> bool {
    use rustix::fs::{AtFlags, CWD, StatxAttributes, StatxFlags};
    rustix::fs::statx(CWD, path, AtFlags::empty(), StatxFlags::empty())
        .is_ok_and(|found| found.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
}

/// The processes that are in any of these namespaces.
pub(super) fn processes(site: &Site, suffixes: &BTreeSet<String>) -> Vec<Pid> {
    let identity = |path: &Path| std::fs::metadata(path).ok().map(|data| (data.dev(), data.ino()));
    let wanted: BTreeSet<_> =
        suffixes.iter().filter_map(|suffix| identity(&site.namespace_path(suffix))).collect();
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let own = std::process::id();
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .filter(|pid| *pid != own)
        .filter(|pid| {
            identity(Path::new(&format!("/proc/{pid}/ns/net"))).is_some_and(|found| wanted.contains(&found))
        })
        .filter_map(|pid| Pid::from_raw(i32::try_from(pid).ok()?))
        .collect()
}

/// Kills what runs in these namespaces and waits, at most two seconds, until it is gone. With a `name`, only
/// programs of that name.
pub(super) fn kill_processes(site: &Site, suffixes: &BTreeSet<String>, name: Option<&str>) {
    let deadline = Instant::now() + Duration::from_secs(2);
    let wanted = |pid: &Pid| match name {
        None => true,
        Some(name) => std::fs::read_to_string(format!("/proc/{}/comm", pid.as_raw_nonzero()))
            .is_ok_and(|comm| comm.trim_end() == name),
    };
    loop {
        let found: Vec<_> =
            processes(site, suffixes).into_iter().filter(wanted).filter(|pid| !is_zombie(*pid)).collect();
        if found.is_empty() || Instant::now() > deadline {
            return;
        }
        for pid in found {
            let _ = rustix::process::kill_process(pid, Signal::KILL);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Whether a process has ended and only waits for its parent to notice.
pub(super) fn is_zombie(pid: Pid) -> bool {
    std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()))
        .ok()
        .and_then(|stat| stat.rsplit(") ").next()?.chars().next())
        .is_none_or(|state| state == 'Z' || state == 'X')
}

/// Sets kernel parameters (path under /proc/sys/net, value) of a namespace. What this kernel does not have is left
/// out: without IPv6 there is nothing of it to set.
pub(super) fn sysctl(path: &Path, settings: &[(&str, &str)]) -> Result<(), ToolError> {
    inside(path, || {
        for (name, value) in settings {
            let file = format!("/proc/sys/net/{name}");
            match std::fs::write(&file, value) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(ToolError::File { what: format!("setting {file}"), source: error });
                }
                _ => {}
            }
        }
        Ok(())
    })?
}

/// Runs `ip` commands in a namespace; the first one that fails ends it.
pub(super) fn ip(site: &Site, suffix: &str, commands: &str) -> Result<(), ToolError> {
    if commands.is_empty() {
        return Ok(());
    }
    tools::run_with_input("ip", &["-n", &site.namespace(suffix), "-batch", "-"], commands).map(drop)
}

/// Runs `ip` commands in a namespace that may fail, since what they remove may be gone already.
pub(super) fn ip_leniently(site: &Site, suffix: &str, commands: &str) {
    if !commands.is_empty() {
        let _ =
            tools::run_with_input("ip", &["-n", &site.namespace(suffix), "-force", "-batch", "-"], commands);
    }
}

/// A network interface, as `ip -json address` shows it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Interface {
    #[serde(rename = "ifname")]
    pub(super) name: String,
    #[serde(rename = "ifindex")]
    pub(super) index: u32,
    /// The index of the other end of a pair.
    #[serde(rename = "link_index")]
    pub(super) peer: Option<u32>,
    #[serde(rename = "address", default)]
    pub(super) mac: String,
    #[serde(rename = "addr_info", default)]
    pub(super) addresses: Vec<InterfaceAddress>,
}

/// An address of an interface.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct InterfaceAddress {
    pub(super) local: Option<IpAddr>,
    #[serde(default)]
    pub(super) scope: String,
}

/// What is in each of these namespaces. One that cannot be looked into has nothing.
pub(super) fn survey(site: &Site, suffixes: &BTreeSet<String>) -> BTreeMap<String, Vec<Interface>> {
    suffixes
        .iter()
        .map(|suffix| {
            let shown = tools::run("ip", &["-n", &site.namespace(suffix), "-json", "address"]);
            let interfaces = shown.ok().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
            (suffix.clone(), interfaces)
        })
        .collect()
}
