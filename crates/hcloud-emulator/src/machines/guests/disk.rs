//! Disks of machines and snapshots of them: layers of an overlay file system.
//!
//! A machine's own layer is `disk/up`; the layers below it are those of a snapshot, if it was made from one, and
//! a base image. A snapshot is a copy of a machine's own layer, and knows the layers that were below.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::machines::tools::{ToolError, run};

const ABOUT: &str = "disk.json";
/// The folder of a machine with its disk; of a snapshot too.
pub(super) const UPPER: &str = "up";
const WORK: &str = "work";

/// What is known of a disk or a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Disk {
    /// The action that wanted it written; of a snapshot, the machine.
    pub(super) written_by: i64,
    /// The layers below, the topmost first.
    pub(super) lower: Vec<PathBuf>,
}

impl Disk {
    pub(super) fn read(folder: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(folder.join(ABOUT)).ok()?).ok()
    }

    /// Makes an empty disk in place of what is in the folder.
    pub(super) fn create(&self, folder: &Path) -> Result<(), ToolError> {
        let new = beside(folder, "new");
        remove(&new)?;
        for part in [UPPER, WORK] {
            make(&new.join(part))?;
        }
        self.write(&new)?;
        // Should this be interrupted, there is no disk, and it is made again.
        remove(folder)?;
        std::fs::rename(&new, folder).map_err(ToolError::file(format!("naming {}", folder.display())))
    }

    fn write(&self, folder: &Path) -> Result<(), ToolError> {
        let text = serde_json::to_vec(self)
            .map_err(|error| ToolError::Refused(format!("describing a disk: {error}")))?;
        std::fs::write(folder.join(ABOUT), text)
            .map_err(ToolError::file(format!("describing {}", folder.display())))
    }

    /// Options to mount it with.
    pub(super) fn options(&self, folder: &Path) -> String {
        let lower: Vec<_> = self.lower.iter().map(|path| path.to_string_lossy()).collect();
        let path = |part: &str| folder.join(part).to_string_lossy().into_owned();
        // Nobody needs a disk that survives a power cut of the host: syncing costs seconds.
        format!("lowerdir={},upperdir={},workdir={},volatile", lower.join(":"), path(UPPER), path(WORK))
    }

    /// Prepares for another mount: the kernel refuses a volatile layer that was mounted before, since it might have
    /// lost something when the host went down. Then it is as good as a disk after a power cut.
    pub(super) fn refresh(folder: &Path) -> Result<(), ToolError> {
        remove(&folder.join(WORK))?;
        make(&folder.join(WORK))
    }

    /// Copies a machine's disk as it is now. Nothing is at `to` until all of it is.
    pub(super) fn copy(&self, machine: i64, from: &Path, to: &Path) -> Result<(), ToolError> {
        let new = beside(to, "new");
        remove(&new)?;
        make(&new)?;
        let (source, target) = (from.join(UPPER), new.join(UPPER));
        run("cp", &["-a", "--reflink=auto", &source.to_string_lossy(), &target.to_string_lossy()])?;
        Self { written_by: machine, lower: self.lower.clone() }.write(&new)?;
        std::fs::rename(&new, to).map_err(ToolError::file(format!("naming {}", to.display())))
    }
}

/// The layers of a snapshot, the topmost first.
pub(super) fn layers_of_snapshot(folder: &Path) -> Option<Vec<PathBuf>> {
    let disk = Disk::read(folder)?;
    Some(std::iter::once(folder.join(UPPER)).chain(disk.lower).collect())
}

/// All layers that disks in the folders below this one stand on.
pub(super) fn layers_in_use(folders: &[PathBuf]) -> BTreeSet<PathBuf> {
    folders.iter().filter_map(|folder| Disk::read(folder)).flat_map(|disk| disk.lower).collect()
}

/// Removes a folder with everything in it, if it is there.
pub(super) fn remove(folder: &Path) -> Result<(), ToolError> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(ToolError::file(format!("removing {}", folder.display()))(error))
        }
        _ => Ok(()),
    }
}

pub(super) fn make(folder: &Path) -> Result<(), ToolError> {
    std::fs::create_dir_all(folder).map_err(ToolError::file(format!("making {}", folder.display())))
}

/// Options of mounts are separated by commas, layers by colons: no folder of ours may have them in its name.
pub(crate) fn is_mountable(folder: &Path) -> bool {
    folder.to_str().is_some_and(|path| path.starts_with('/') && !path.contains([',', ':', '\\', '"', '\n']))
}

fn beside(folder: &Path, suffix: &str) -> PathBuf {
    let mut name = folder.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(suffix);
    folder.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_stands_on_what_its_machine_stood_on() {
        let folder = tempfile::tempdir().unwrap();
        let (machine, snapshot) = (folder.path().join("m/disk"), folder.path().join("s"));
        std::fs::create_dir_all(folder.path().join("m")).unwrap();
        let disk = Disk { written_by: 7, lower: vec!["/images/root".into()] };
        disk.create(&machine).unwrap();
        assert_eq!(Disk::read(&machine), Some(disk.clone()));
        std::fs::write(machine.join("up/file"), "text").unwrap();

        disk.copy(1, &machine, &snapshot).unwrap();
        let layers = layers_of_snapshot(&snapshot).unwrap();
        assert_eq!(layers, [snapshot.join("up"), "/images/root".into()]);
        assert_eq!(std::fs::read_to_string(snapshot.join("up/file")).unwrap(), "text");
        assert!(layers_in_use(std::slice::from_ref(&machine)).contains(Path::new("/images/root")));

        // Written anew, it is empty.
        Disk { written_by: 8, ..disk }.create(&machine).unwrap();
        assert!(!machine.join("up/file").exists());
        assert!(!folder.path().join("m/disk.new").exists());
    }

    #[test]
    fn only_folders_that_can_be_named_in_options_are_used() {
        assert!(is_mountable(Path::new("/var/lib/ferroform")));
        for bad in ["relative", "/with,comma", "/with:colon", "/with\\slash"] {
            assert!(!is_mountable(Path::new(bad)), "{bad}");
        }
    }
}
