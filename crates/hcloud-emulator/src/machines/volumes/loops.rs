//! Loop devices. Which file is behind one is the kernel's to say (`/sys/block/loopN/loop/backing_file`): that is how
//! a world's are known after a restart, and told from everyone else's.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Numbers, ToolError, read};
use crate::machines::tools::run;

/// A loop device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Loop(u32);

impl Loop {
    /// Puts a free one before a file.
    ///
    /// # Errors
    /// When there is none, or losetup is missing.
    pub(super) fn attach(file: &Path) -> Result<Self, ToolError> {
        let said = run("losetup", &["--find".as_ref(), "--show".as_ref(), "--".as_ref(), file.as_os_str()])?;
        number(said.trim().trim_start_matches("/dev/")).map(Self).ok_or_else(|| ToolError::Failed {
            command: "losetup --find --show".to_owned(),
            said: format!("no name of a loop device: {said}"),
        })
    }

    /// Its node on the host.
    pub(super) fn path(self) -> String {
        format!("/dev/loop{}", self.0)
    }

    /// Its numbers.
    ///
    /// # Errors
    /// When it has vanished.
    pub(super) fn numbers(self) -> Result<Numbers, ToolError> {
        let path = format!("/sys/block/loop{}/dev", self.0);
        read(Path::new(&path))?.parse().map_err(ToolError::file(path))
    }

    /// Whether it is before this file.
    pub(super) fn is_of(self, file: &Path) -> bool {
        self.backing().as_deref() == Some(file)
    }

    /// Makes it as large as its file.
    ///
    /// # Errors
    /// When losetup fails.
    pub(super) fn resize(self) -> Result<(), ToolError> {
        run("losetup", &["--set-capacity", &self.path()]).map(drop)
    }

    /// Takes the file away; one in use goes when it no longer is.
    ///
    /// # Errors
    /// When losetup fails.
    pub(super) fn detach(self) -> Result<(), ToolError> {
        let Some(file) = self.backing() else { return Ok(()) };
        run("losetup", &["--detach", &self.path()])?;
        // A machine that has just ended may hold it for another moment.
        for _ in 0..100 {
            if !self.is_of(&file) {
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    fn backing(self) -> Option<PathBuf> {
        let path = std::fs::read_to_string(format!("/sys/block/loop{}/loop/backing_file", self.0)).ok()?;
        let path = path.trim_end_matches('\n');
        Some(PathBuf::from(path.strip_suffix(" (deleted)").unwrap_or(path)))
    }
}

/// All loop devices whose files are in a folder (given by its real path), by file.
///
/// # Errors
/// When the kernel's list cannot be read.
pub(super) fn under(folder: &Path) -> Result<BTreeMap<PathBuf, Loop>, ToolError> {
    let entries = std::fs::read_dir("/sys/block").map_err(ToolError::file("reading /sys/block"))?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let all = names.filter_map(|name| number(&name).map(Loop));
    Ok(all
        .filter_map(|device| Some((device.backing()?, device)))
        .filter(|(file, _)| file.parent() == Some(folder))
        .collect())
}

fn number(name: &str) -> Option<u32> {
    name.strip_prefix("loop")?.parse().ok()
}
