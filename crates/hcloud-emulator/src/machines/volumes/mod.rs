//! Volumes: sparse files behind loop devices, which appear as disks in the machines they are attached to.
//!
//! | module | holds |
//! |---|---|
//! | [`disk`] | the file of a volume: made, formatted, grown, and what is on it |
//! | [`loops`] | loop devices, found again by the file behind them |
//! | [`guest`] | what is done inside a machine: device nodes, links, mounts |
//! | [`devices`] | which machine may open which disk |
//!
//! A guest has no udev (its `/sys` cannot be written), so nodes and links are made from outside. A volume that is
//! attached before the machine boots is bound into it by systemd-nspawn ([`Volumes::boot_arguments`]), so that it is
//! there before anything in the machine looks for it; [`Volumes::attach`] then puts ordinary nodes in the place of
//! what was bound.

mod devices;
mod disk;
mod guest;
mod loops;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use self::guest::Guest;
use self::loops::Loop;
use super::site::Site;
use super::tools::ToolError;
use crate::backend::scene::Volume;

/// The folder of the world's that holds them.
const FOLDER: &str = "volumes";
/// The folder of their own in which machines' programs find how to mount them at boot.
const GENERATORS: &str = "generators";

/// The volumes of a world.
#[derive(Debug)]
pub(crate) struct Volumes {
    site: Site,
    folder: PathBuf,
    loops: BTreeMap<i64, Loop>,
}

impl Volumes {
    /// Finds what a world has already.
    ///
    /// # Errors
    /// When its folder cannot be made or read.
    pub(crate) fn open(site: &Site) -> Result<Self, ToolError> {
        let folder = site.folder(FOLDER).map_err(ToolError::file("making the folder of volumes"))?;
        // The kernel tells real paths.
        let folder = folder.canonicalize().map_err(ToolError::file("finding the folder of volumes"))?;
        guest::write_generator(&site.folder(GENERATORS).map_err(ToolError::file("making a folder"))?)?;
        let mut volumes = Self { site: site.clone(), folder, loops: BTreeMap::new() };
        let backed = loops::under(&volumes.folder)?;
        for id in volumes.ids()? {
            if let Some(found) = backed.get(&volumes.file(id)) {
                volumes.loops.insert(id, *found);
            }
        }
        Ok(volumes)
    }

    /// The volumes that have a file.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub(crate) fn ids(&self) -> Result<BTreeSet<i64>, ToolError> {
        let entries =
            std::fs::read_dir(&self.folder).map_err(ToolError::file("reading the folder of volumes"))?;
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        Ok(names.filter_map(|name| name.strip_suffix(".img")?.parse().ok()).collect())
    }

    /// Makes a volume as it should be: there, formatted if it is new, as large as it says, behind a loop device.
    /// What is right already costs next to nothing.
    ///
    /// # Errors
    /// When it cannot be made so.
    pub(crate) fn ensure(&mut self, id: i64, volume: &Volume) -> Result<(), ToolError> {
        let file = self.file(id);
        let bytes = u64::from(volume.size_gb) << 30;
        let grown = if file.exists() {
            disk::grow(&file, bytes)?
        } else {
            disk::make(&file, bytes, volume.format.as_deref())?;
            false
        };
        match self.loops.get(&id) {
            Some(device) if device.is_of(&file) => {
                if grown {
                    device.resize()?;
                }
            }
            _ => {
                let device = match loops::under(&self.folder)?.remove(&file) {
                    Some(found) => found,
                    None => Loop::attach(&file)?,
                };
                device.resize()?;
                self.loops.insert(id, device);
            }
        }
        Ok(())
    }

    /// Removes a volume with all that is on it. It should be detached; a machine that has it open keeps what it has
    /// until it closes it.
    ///
    /// # Errors
    /// When the loop device or the file cannot be removed.
    pub(crate) fn remove(&mut self, id: i64) -> Result<(), ToolError> {
        let file = self.file(id);
        if let Some(device) = self.loops.remove(&id).filter(|device| device.is_of(&file)) {
            device.detach()?;
        }
        disk::remove(&file)
    }

    /// Makes a volume a disk of a running machine, whose first process `leader` is: `/dev/sdb` or the next free one,
    /// and the links that lead to it. With `automount` it is mounted at `/mnt/HC_Volume_ID`, now and at each boot,
    /// as Hetzner does, if there is a file system on it. Does nothing that has been done.
    ///
    /// # Errors
    /// When the machine is gone, or one of these things cannot be done.
    pub(crate) fn attach(&self, id: i64, leader: u32, automount: bool) -> Result<(), ToolError> {
        let device = self.device(id)?;
        let numbers = device.numbers()?;
        devices::permit(&self.site, leader, numbers)?;
        let guest = Guest::open(leader)?;
        let node = guest.add_node(numbers)?;
        guest.link("dev/disk/by-id", &by_id(id), &format!("../../{node}"))?;
        let Some(content) = disk::content(&self.file(id))? else { return Ok(()) };
        guest.link("dev/disk/by-uuid", &content.uuid, &format!("../../{node}"))?;
        if automount {
            guest.automount(&by_id(id), &format!("/mnt/HC_Volume_{id}"), content.kind, numbers)?;
        }
        Ok(())
    }

    /// Takes a volume away from a machine: unmounts it there (lazily where it is busy) and removes its nodes. A
    /// machine that is gone, or never had it, is no error.
    ///
    /// # Errors
    /// When it cannot be unmounted, or a node cannot be removed.
    pub(crate) fn detach(&self, id: i64, leader: u32) -> Result<(), ToolError> {
        let Some(device) = self.loops.get(&id) else { return Ok(()) };
        let numbers = device.numbers()?;
        let Some(guest) = Guest::find(leader)? else { return Ok(()) };
        guest.unmount(numbers)?;
        guest.remove_nodes(numbers)?;
        devices::forbid(&self.site, leader, numbers)
    }

    /// Arguments for systemd-nspawn with which a machine finds these volumes when it boots, and mounts what its
    /// fstab says of them. [`Volumes::attach`] has still to be called once it runs.
    pub(crate) fn boot_arguments(&self, ids: &BTreeSet<i64>) -> Vec<String> {
        let mut arguments = vec![guest::generator_argument(&self.site.dir().join(GENERATORS))];
        let names = guest::node_names();
        for ((id, device), name) in ids.iter().filter_map(|id| Some((id, self.loops.get(id)?))).zip(names) {
            let source = device.path();
            let mut bind = |target: String| arguments.push(guest::bind("--bind", &source, &target));
            bind(format!("/dev/{name}"));
            bind(format!("/dev/disk/by-id/{}", by_id(*id)));
            if let Ok(Some(content)) = disk::content(&self.file(*id)) {
                bind(format!("/dev/disk/by-uuid/{}", content.uuid));
            }
        }
        arguments
    }

    /// The node of a volume's device on the host.
    ///
    /// # Errors
    /// When it has not been made.
    pub(crate) fn node(&self, id: i64) -> Result<String, ToolError> {
        self.device(id).map(Loop::path)
    }

    /// The group that a machine's processes have to be in (their ids are written to the file that this gives) so
    /// that it can open the disks it has and no others, neither another machine's nor the host's: the machine's
    /// first process must be in it before it runs. None where the kernel's device controller (of control groups
    /// version 1) is not at hand.
    ///
    /// # Errors
    /// When the group cannot be made.
    pub(crate) fn device_group(
        &self,
        machine: i64,
        volumes: &BTreeSet<i64>,
    ) -> Result<Option<PathBuf>, ToolError> {
        let disks = volumes.iter().filter_map(|id| self.loops.get(id)).map(|device| device.numbers());
        devices::make(&self.site, machine, &disks.collect::<Result<Vec<_>, _>>()?)
    }

    /// Removes the group of a machine that no longer runs.
    ///
    /// # Errors
    /// When it still has processes.
    pub(crate) fn remove_device_group(&self, machine: i64) -> Result<(), ToolError> {
        devices::remove(&self.site, machine)
    }

    /// Lets go of everything of a world's that this module holds on this host; what is on the volumes stays. Its
    /// machines must be gone.
    ///
    /// # Errors
    /// When something cannot be let go of; the rest is.
    pub(crate) fn release(site: &Site) -> Result<(), ToolError> {
        let mut result = devices::clean(site);
        if let Ok(folder) = site.dir().join(FOLDER).canonicalize() {
            for device in loops::under(&folder)?.into_values() {
                result = result.and(device.detach());
            }
        }
        result
    }

    /// Removes everything of a world's that this module makes. Its machines must be gone.
    ///
    /// # Errors
    /// When something cannot be removed; the rest is.
    pub(crate) fn clean(site: &Site) -> Result<(), ToolError> {
        let mut result = Self::release(site);
        for folder in [site.dir().join(FOLDER), site.dir().join(GENERATORS)] {
            result = result.and(match std::fs::remove_dir_all(&folder) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    Err(ToolError::file(format!("removing {}", folder.display()))(error))
                }
                _ => Ok(()),
            });
        }
        result
    }

    fn file(&self, id: i64) -> PathBuf {
        self.folder.join(format!("{id}.img"))
    }

    fn device(&self, id: i64) -> Result<Loop, ToolError> {
        self.loops.get(&id).copied().ok_or_else(|| {
            let missing = std::io::Error::from(std::io::ErrorKind::NotFound);
            ToolError::file(format!("volume {id} has not been made"))(missing)
        })
    }
}

/// The name under `/dev/disk/by-id` (Hetzner API documentation: `linux_device`).
fn by_id(id: i64) -> String {
    format!("scsi-0HC_Volume_{id}")
}

/// The numbers of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Numbers {
    major: u32,
    minor: u32,
}

impl std::fmt::Display for Numbers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.major, self.minor)
    }
}

impl std::str::FromStr for Numbers {
    type Err = std::io::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let (major, minor) = text.trim().split_once(':')?;
            Some(Self { major: major.parse().ok()?, minor: minor.parse().ok()? })
        };
        parse().ok_or_else(|| {
            std::io::Error::new(std::io::ErrorKind::InvalidData, "not the numbers of a device")
        })
    }
}

/// Reads a small file of the kernel's.
fn read(path: &Path) -> Result<String, ToolError> {
    std::fs::read_to_string(path).map_err(ToolError::file(format!("reading {}", path.display())))
}
