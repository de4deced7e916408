//! Worlds whose machines are still on this host although their state files are gone: found again by a note that each
//! world leaves in its folder, and removed.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::machines::site::Site;
use crate::store;

/// The note, in the folder of a world.
const NOTE: &str = "world.json";

/// What a world with machines leaves in its folder on this host, so that others find out whose that is.
#[derive(Debug, Serialize, Deserialize)]
struct Note {
    world_id: String,
    state_file: PathBuf,
    /// The process that ran it last.
    pid: u32,
}

/// A world that is gone, with machines, disks or volumes left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AbandonedWorld {
    /// Identifies the world.
    pub world_id: String,
    /// Where it was kept.
    pub state_file: PathBuf,
    base: PathBuf,
}

impl AbandonedWorld {
    /// Removes everything of it from this host, running machines and volumes included.
    ///
    /// # Errors
    /// When something cannot be removed; the rest is, and it can be tried again.
    pub fn erase(&self) -> Result<(), String> {
        crate::machines::clean(&self.base, &self.world_id)
    }
}

/// Leaves the note of a world that is about to have machines under `base`.
pub(crate) fn note(base: &Path, world_id: &str, state_file: &Path) -> std::io::Result<()> {
    let note = Note {
        world_id: world_id.to_owned(),
        state_file: std::path::absolute(state_file)?,
        pid: std::process::id(),
    };
    let path = Site::new(base, world_id).folder("")?.join(NOTE);
    let temporary = path.with_extension("new");
    let mut file = std::fs::OpenOptions::new();
    let mut file = file.write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
    file.write_all(&serde_json::to_vec(&note)?)?;
    std::fs::rename(temporary, path)
}

/// The worlds with machines under `folder` that are gone: their state files are not there, or hold other worlds now,
/// and no process runs them.
#[must_use]
pub fn abandoned_worlds(folder: &Path) -> Vec<AbandonedWorld> {
    let entries = std::fs::read_dir(folder.join("worlds")).into_iter().flatten().flatten();
    let mut worlds: Vec<AbandonedWorld> =
        entries.filter_map(|entry| abandoned(folder, &entry.path())).collect();
    worlds.sort_by(|a, b| (&a.state_file, &a.world_id).cmp(&(&b.state_file, &b.world_id)));
    worlds
}

fn abandoned(base: &Path, world: &Path) -> Option<AbandonedWorld> {
    let note: Note = serde_json::from_slice(&std::fs::read(world.join(NOTE)).ok()?).ok()?;
    let owned = Site::new(base, &note.world_id).dir() == world;
    let there = match note.state_file.try_exists() {
        Ok(false) => false,
        // One that cannot be read is not known to be gone.
        Err(_) => true,
        Ok(true) => store::world_id(&note.state_file).map_or(true, |id| id == note.world_id),
    };
    if !owned || there || is_running(note.pid) {
        return None;
    }
    let Note { world_id, state_file, .. } = note;
    Some(AbandonedWorld { world_id, state_file, base: base.to_owned() })
}

/// Whether a process is there, and more than what is left of one whose end nobody has asked for.
fn is_running(pid: u32) -> bool {
    let ended = std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| {
        // The name of the program comes before, in parentheses, and may hold anything.
        stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with(['Z', 'X']))
    });
    if ended {
        return false;
    }
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    pid.is_some_and(|pid| rustix::process::test_kill_process(pid).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The highest number that no process of Linux has: the limit itself.
    const NOBODY: u32 = 1 << 22;

    /// Leaves a note as an earlier process did.
    fn leave(base: &Path, world_id: &str, state_file: &Path, pid: u32) {
        note(base, world_id, state_file).unwrap();
        let path = Site::new(base, world_id).dir().join(NOTE);
        let mut left: Note = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        left.pid = pid;
        std::fs::write(path, serde_json::to_vec(&left).unwrap()).unwrap();
    }

    #[test]
    fn only_worlds_that_are_gone_are_abandoned() {
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path();
        let state = |id: &str, world_id: &str| {
            let path = base.join(id);
            std::fs::write(&path, format!(r#"{{"world": {{"shared": {{"world_id": "{world_id}"}}}}}}"#))
                .unwrap();
            path
        };
        leave(base, "there", &state("a", "there"), NOBODY);
        leave(base, "replaced", &state("b", "another"), NOBODY);
        leave(base, "gone", &base.join("c"), NOBODY);
        leave(base, "running", &base.join("d"), std::process::id());
        let damaged = base.join("e");
        std::fs::write(&damaged, "#").unwrap();
        leave(base, "damaged", &damaged, NOBODY);
        std::fs::create_dir(base.join("worlds/ff0000000000")).unwrap();
        let found = abandoned_worlds(base);
        let ids: Vec<&str> = found.iter().map(|world| world.world_id.as_str()).collect();
        assert_eq!(ids, ["replaced", "gone"]);
        assert!(abandoned_worlds(&base.join("nothing")).is_empty());
    }
}
