//! The inside of a machine, seen from outside: its files through `/proc/LEADER/root`. Every path is resolved inside
//! the machine (`RESOLVE_IN_ROOT`), so that no link in it leads out.

use std::io::{ErrorKind, Read, Write};
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{
    AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags, Stat, makedev, mkdirat, mknodat, open, openat2,
    renameat, statat, symlinkat, unlinkat,
};
use rustix::io::Errno;

use super::{Numbers, ToolError, read};
use crate::machines::tools::run;

/// The group `disk` on Debian and Ubuntu; nodes of disks are its.
const DISK_GROUP: u32 = 6;
/// The name of what is renamed into its place.
const NEW: &str = ".ferroform-new";

/// The names a machine's further disks get, in order; the first is its own.
pub(super) fn node_names() -> impl Iterator<Item = String> {
    ('b'..='z').map(|letter| format!("sd{letter}"))
}

/// A running machine.
#[derive(Debug)]
pub(super) struct Guest {
    leader: u32,
    root: OwnedFd,
}

impl Guest {
    /// The machine with this first process.
    ///
    /// # Errors
    /// When there is none.
    pub(super) fn open(leader: u32) -> Result<Self, ToolError> {
        let path = format!("/proc/{leader}/root");
        let root = open(&path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
            .map_err(|error| ToolError::file(format!("entering the machine: {path}"))(error.into()))?;
        Ok(Self { leader, root })
    }

    /// The machine with this first process, if it still runs.
    ///
    /// # Errors
    /// When it cannot be entered.
    pub(super) fn find(leader: u32) -> Result<Option<Self>, ToolError> {
        match Self::open(leader) {
            Ok(guest) => Ok(Some(guest)),
            Err(ToolError::File { source, .. }) if gone(&source) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes the node of a disk, under the first free name; gives the name. A node that is there stays; one that was
    /// bound from the host becomes an ordinary one.
    ///
    /// # Errors
    /// When all names are taken, or it cannot be made.
    pub(super) fn add_node(&self, numbers: Numbers) -> Result<String, ToolError> {
        let dev = self.folder("dev")?;
        let own =
            statat(&dev, "", AtFlags::EMPTY_PATH).map_err(|error| self.failed("reading", "dev", error))?;
        let mut free = None;
        for name in node_names() {
            match statat(&dev, &name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) if is_disk(&stat, numbers) => {
                    if stat.st_dev == own.st_dev {
                        return Ok(name);
                    }
                    free = Some(name);
                    break;
                }
                Ok(_) => {}
                Err(Errno::NOENT) => free = free.or(Some(name)),
                Err(error) => return Err(self.failed("reading", &name, error)),
            }
        }
        let name =
            free.ok_or_else(|| self.failed("no name is free for a disk below", "dev", Errno::MFILE))?;
        self.put(&dev, &name, || {
            let device = makedev(numbers.major, numbers.minor);
            let mode = Mode::RUSR | Mode::WUSR | Mode::RGRP | Mode::WGRP;
            mknodat(&dev, NEW, FileType::BlockDevice, mode, device)?;
            rustix::fs::chmodat(&dev, NEW, mode, AtFlags::empty())?;
            let group = rustix::fs::Gid::from_raw(DISK_GROUP);
            rustix::fs::chownat(&dev, NEW, None, Some(group), AtFlags::SYMLINK_NOFOLLOW)
        })?;
        Ok(name)
    }

    /// Makes a symbolic link.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(super) fn link(&self, folder: &str, name: &str, target: &str) -> Result<(), ToolError> {
        let folder = self.make_folders(folder)?;
        match rustix::fs::readlinkat(&folder, name, Vec::new()) {
            Ok(there) if there.as_bytes() == target.as_bytes() => Ok(()),
            _ => self.put(&folder, name, || symlinkat(target, &folder, NEW)),
        }
    }

    /// Mounts a disk at a folder, now and (by a line in fstab) at each boot, as Hetzner's images do when a volume is
    /// attached. Where fstab has a line for the disk already, that one counts.
    ///
    /// # Errors
    /// When fstab cannot be changed, or it cannot be mounted.
    pub(super) fn automount(
        &self,
        by_id: &str,
        at: &str,
        kind: &str,
        numbers: Numbers,
    ) -> Result<(), ToolError> {
        let device = format!("/dev/disk/by-id/{by_id}");
        match mount_point(&self.fstab()?, &device) {
            Some(elsewhere) if elsewhere != at => return Ok(()),
            Some(_) => {}
            None => self.append_to_fstab(&format!("{device} {at} {kind} discard,nofail,defaults 0 0\n"))?,
        }
        self.make_folders(at.trim_start_matches('/'))?;
        let mounted = || Ok(self.mount_points(numbers)?.iter().any(|point| point == at));
        if mounted()? {
            return Ok(());
        }
        // The machine's own systemd may be at it too.
        self.run(&["mount", "--", at]).or_else(|error| if mounted()? { Ok(()) } else { Err(error) })
    }

    /// Unmounts a disk wherever it is mounted; where it is busy, it goes as soon as it no longer is.
    ///
    /// # Errors
    /// When umount fails for another reason.
    pub(super) fn unmount(&self, numbers: Numbers) -> Result<(), ToolError> {
        for point in self.mount_points(numbers)?.iter().rev() {
            self.run(&["umount", "--", point]).or_else(|_| self.run(&["umount", "--lazy", "--", point]))?;
        }
        Ok(())
    }

    /// Removes all nodes of a disk, and the links to them.
    ///
    /// # Errors
    /// When one cannot be removed.
    pub(super) fn remove_nodes(&self, numbers: Numbers) -> Result<(), ToolError> {
        // The links first, while it shows where they lead.
        for folder in ["dev/disk/by-id", "dev/disk/by-uuid", "dev"] {
            let directory = match self.folder(folder) {
                Err(ToolError::File { source, .. }) if source.kind() == ErrorKind::NotFound => continue,
                other => other?,
            };
            let list = self.resolve(folder, OFlags::RDONLY | OFlags::DIRECTORY)?;
            let entries = Dir::new(list).map_err(|error| self.failed("reading", folder, error))?;
            for entry in entries.flatten() {
                let Ok(name) = entry.file_name().to_str() else { continue };
                let path = format!("{folder}/{name}");
                // Opened inside the machine: a link there must not be followed from here.
                let Ok(found) = self.resolve(&path, OFlags::PATH) else { continue };
                let Ok(stat) = statat(&found, "", AtFlags::EMPTY_PATH) else { continue };
                if is_disk(&stat, numbers) {
                    unlinkat(&directory, name, AtFlags::empty())
                        .map_err(|error| self.failed("removing", &path, error))?;
                }
            }
        }
        Ok(())
    }

    /// Where a disk is mounted, in the order in which it was.
    fn mount_points(&self, numbers: Numbers) -> Result<Vec<String>, ToolError> {
        let table = read(Path::new(&format!("/proc/{}/mountinfo", self.leader)))?;
        Ok(points_of(&table, numbers))
    }

    /// Runs a program of the machine's among its files and processes (umount looks itself up in /proc).
    fn run(&self, command: &[&str]) -> Result<(), ToolError> {
        let leader = self.leader.to_string();
        let mut arguments = vec!["--target", &leader, "--mount", "--pid", "--root", "--"];
        arguments.extend(command);
        run("nsenter", &arguments).map(drop)
    }

    fn fstab(&self) -> Result<String, ToolError> {
        let mut text = String::new();
        match self.resolve("etc/fstab", OFlags::RDONLY) {
            Err(ToolError::File { source, .. }) if source.kind() == ErrorKind::NotFound => {}
            other => {
                let mut file = std::fs::File::from(other?);
                file.read_to_string(&mut text)
                    .map_err(ToolError::file("reading the machine's /etc/fstab"))?;
            }
        }
        Ok(text)
    }

    fn append_to_fstab(&self, line: &str) -> Result<(), ToolError> {
        let text = self.fstab()?;
        let start = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE;
        std::fs::File::from(self.resolve("etc/fstab", flags)?)
            .write_all(format!("{start}{line}").as_bytes())
            .map_err(ToolError::file("writing the machine's /etc/fstab"))
    }

    fn resolve(&self, path: &str, flags: OFlags) -> Result<OwnedFd, ToolError> {
        let create = flags.contains(OFlags::CREATE);
        let mode = if create { Mode::from_raw_mode(0o644) } else { Mode::empty() };
        openat2(&self.root, path, flags | OFlags::CLOEXEC, mode, ResolveFlags::IN_ROOT)
            .map_err(|error| self.failed("opening", path, error))
    }

    fn folder(&self, path: &str) -> Result<OwnedFd, ToolError> {
        self.resolve(path, OFlags::PATH | OFlags::DIRECTORY)
    }

    fn make_folders(&self, path: &str) -> Result<OwnedFd, ToolError> {
        let mut end = 0;
        for part in path.split('/') {
            let parent = self.folder(if end == 0 { "." } else { &path[..end] })?;
            end += part.len() + usize::from(end > 0);
            match mkdirat(&parent, part, Mode::from_raw_mode(0o755)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(self.failed("making", &path[..end], error)),
            }
        }
        self.folder(path)
    }

    /// Makes something under another name and moves it into its place, over what is there: also over a mount.
    fn put(
        &self,
        folder: &OwnedFd,
        name: &str,
        make: impl FnOnce() -> rustix::io::Result<()>,
    ) -> Result<(), ToolError> {
        let _ = unlinkat(folder, NEW, AtFlags::empty());
        make()
            .and_then(|()| renameat(folder, NEW, folder, name))
            .map_err(|error| self.failed("making", name, error))
    }

    fn failed(&self, what: &str, path: &str, error: Errno) -> ToolError {
        ToolError::file(format!("{what} {path} in the machine with process {}", self.leader))(error.into())
    }
}

fn is_disk(stat: &Stat, numbers: Numbers) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::BlockDevice
        && stat.st_rdev == makedev(numbers.major, numbers.minor)
}

/// Whether a process has ended.
fn gone(error: &std::io::Error) -> bool {
    error.kind() == ErrorKind::NotFound || error.raw_os_error() == Some(Errno::SRCH.raw_os_error())
}

/// Mount points in a mount table of the kernel's (proc_pid_mountinfo(5)) that show a disk.
fn points_of(table: &str, numbers: Numbers) -> Vec<String> {
    let wanted = numbers.to_string();
    let lines = table.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    lines
        .filter(|fields| fields.get(2) == Some(&&*wanted))
        .filter_map(|fields| unescape(fields.get(4)?))
        .collect()
}

/// Undoes `\040` and the like; none where it is not text.
fn unescape(field: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field.as_bytes();
    while let [first, after @ ..] = rest {
        let code = (*first == b'\\')
            .then(|| after.get(..3))
            .flatten()
            .and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok());
        match code {
            Some(code) => {
                bytes.push(code);
                rest = &after[3..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).ok()
}

/// Where fstab(5) has a device mounted.
fn mount_point(fstab: &str, device: &str) -> Option<String> {
    fstab.lines().find_map(|line| {
        let mut fields = line.split_ascii_whitespace();
        (fields.next()? == device).then(|| fields.next().and_then(unescape)).flatten()
    })
}

/// Writes the program with which a machine's systemd finds volumes in fstab, into a folder of the world's.
///
/// # Errors
/// When it cannot be written.
pub(super) fn write_generator(folder: &Path) -> Result<(), ToolError> {
    use std::os::unix::fs::PermissionsExt;
    let path = folder.join(GENERATOR);
    std::fs::write(&path, include_str!("fstab-generator.sh"))
        .and_then(|()| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)))
        .map_err(ToolError::file(format!("writing {}", path.display())))
}

/// The argument of systemd-nspawn that shows it to a machine.
pub(super) fn generator_argument(folder: &Path) -> String {
    let target = format!("/run/systemd/system-generators/{GENERATOR}");
    bind("--bind-ro", &folder.join(GENERATOR).to_string_lossy(), &target)
}

const GENERATOR: &str = "ferroform-volumes";

/// An argument of systemd-nspawn that binds a file or device of the host's into a machine.
pub(super) fn bind(option: &str, source: &str, target: &str) -> String {
    let escape = |path: &str| path.replace('\\', "\\\\").replace(':', "\\:");
    format!("{option}={}:{}", escape(source), escape(target))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mount_points_of_a_disk_are_found_in_order() {
        let table = "22 1 0:5 / /dev rw - tmpfs tmpfs rw\n\
                     61 22 7:1 / /mnt/a\\040b rw shared:1 - ext4 /dev/sdb rw\n\
                     62 22 7:11 / /mnt/c rw - ext4 /dev/sdc rw\n\
                     63 61 7:1 /x /srv rw - ext4 /dev/sdb rw\n";
        assert_eq!(points_of(table, Numbers { major: 7, minor: 1 }), ["/mnt/a b", "/srv"]);
        assert!(points_of("", Numbers { major: 7, minor: 1 }).is_empty());
    }

    #[test]
    fn a_line_of_fstab_is_found_by_its_device() {
        let fstab =
            "# /dev/x /no ext4\n\n/dev/x\t/mnt/here\\040it ext4 defaults 0 0\n/dev/xy /z ext4 defaults\n";
        let cases = [("/dev/x", Some("/mnt/here it")), ("/dev/xy", Some("/z")), ("/dev/z", None)];
        for (device, expected) in cases {
            assert_eq!(mount_point(fstab, device).as_deref(), expected, "{device}");
        }
    }

    #[test]
    fn colons_in_paths_do_not_part_arguments() {
        assert_eq!(bind("--bind", "/a:b", "/dev/sdb"), "--bind=/a\\:b:/dev/sdb");
    }
}
