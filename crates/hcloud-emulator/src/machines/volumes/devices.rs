//! Which disks a machine may open: a group of the device controller (control groups version 1) for each machine.
//! Making any device node is allowed in a machine, as in every container; opening it is another matter.
//!
//! Control groups version 2 know no such list, only programs for the kernel; there a machine's root could make the
//! node of a disk that it was not given.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::{Numbers, Site, ToolError, read};

/// Where the controller is mounted, by convention and by systemd.
const CONTROLLER: &str = "/sys/fs/cgroup/devices";

/// What every machine may use: making nodes; null, zero, full, random, urandom; tty, console, ptmx; pseudo terminals;
/// tun; fuse. The same that systemd-nspawn asks systemd for.
const COMMON: [&str; 13] = [
    "c *:* m",
    "b *:* m",
    "c 1:3 rwm",
    "c 1:5 rwm",
    "c 1:7 rwm",
    "c 1:8 rwm",
    "c 1:9 rwm",
    "c 5:0 rwm",
    "c 5:1 rwm",
    "c 5:2 rwm",
    "c 136:* rwm",
    "c 10:200 rwm",
    "c 10:229 rwm",
];

/// Makes the group of a machine, with these disks, and gives the file that ids of processes are written to.
///
/// # Errors
/// When it cannot be made.
pub(super) fn make(site: &Site, machine: i64, disks: &[Numbers]) -> Result<Option<PathBuf>, ToolError> {
    if !Path::new(CONTROLLER).join("devices.list").exists() {
        return Ok(None);
    }
    let group = group(site, machine);
    std::fs::create_dir_all(&group).map_err(ToolError::file(format!("making {}", group.display())))?;
    write(&group.join("devices.deny"), "a")?;
    for entry in COMMON {
        write(&group.join("devices.allow"), entry)?;
    }
    for disk in disks {
        write(&group.join("devices.allow"), &entry(*disk))?;
    }
    Ok(Some(group.join("cgroup.procs")))
}

/// Lets the machine with this first process open a disk.
///
/// # Errors
/// When its group cannot be changed.
pub(super) fn permit(site: &Site, leader: u32, disk: Numbers) -> Result<(), ToolError> {
    group_of(site, leader).map_or(Ok(()), |group| write(&group.join("devices.allow"), &entry(disk)))
}

/// Forbids it again.
///
/// # Errors
/// When its group cannot be changed.
pub(super) fn forbid(site: &Site, leader: u32, disk: Numbers) -> Result<(), ToolError> {
    let Some(group) = group_of(site, leader) else { return Ok(()) };
    write(&group.join("devices.deny"), &format!("b {disk} rw"))
}

/// Removes the group of a machine.
///
/// # Errors
/// When it is in use.
pub(super) fn remove(site: &Site, machine: i64) -> Result<(), ToolError> {
    remove_group(&group(site, machine))
}

/// Removes the groups of a world.
///
/// # Errors
/// When one is in use.
pub(super) fn clean(site: &Site) -> Result<(), ToolError> {
    let world = Path::new(CONTROLLER).join(site.tag());
    let Ok(entries) = std::fs::read_dir(&world) else { return Ok(()) };
    let mut result = Ok(());
    for entry in entries.flatten().filter(|entry| entry.path().is_dir()) {
        result = result.and(remove_group(&entry.path()));
    }
    result.and(remove_group(&world))
}

fn group(site: &Site, machine: i64) -> PathBuf {
    Path::new(CONTROLLER).join(site.tag()).join(format!("m{machine}"))
}

fn entry(disk: Numbers) -> String {
    format!("b {disk} rwm")
}

/// The group that a machine was put into: the one of the world's that its first process is in, or below.
fn group_of(site: &Site, leader: u32) -> Option<PathBuf> {
    let groups = read(&PathBuf::from(format!("/proc/{leader}/cgroup"))).ok()?;
    let path = groups.lines().find_map(|line| line.split_once(":devices:/").map(|(_, path)| path))?;
    let mut parts = path.split('/');
    if parts.next()? != site.tag() {
        return None;
    }
    Some(Path::new(CONTROLLER).join(site.tag()).join(parts.next()?))
}

fn write(file: &Path, text: &str) -> Result<(), ToolError> {
    std::fs::write(file, text).map_err(ToolError::file(format!("writing `{text}` to {}", file.display())))
}

fn remove_group(group: &Path) -> Result<(), ToolError> {
    let mut last = None;
    // Processes that have just been killed are in it for another moment.
    for _ in 0..100 {
        match std::fs::remove_dir(group) {
            Err(error) if error.kind() == ErrorKind::ResourceBusy => last = Some(error),
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(ToolError::file(format!("removing {}", group.display()))(error));
            }
            _ => return Ok(()),
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    last.map_or(Ok(()), |error| Err(ToolError::file(format!("removing {}", group.display()))(error)))
}
