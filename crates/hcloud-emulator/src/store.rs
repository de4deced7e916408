//! The world on disk: a snapshot, and beside it a journal of what changed since.
//!
//! Every change is in the journal and synced before its request is answered. Both files have a version, and
//! only their owner can read them. The journal's records hold whole rows, so that a newer program reads an
//! older world however its rules have changed.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::error::Error;
use crate::world::{Shared, TableChanges, World};

/// Version of both files.
pub(crate) const FORMAT: u32 = 1;

/// The journal is folded into a snapshot when it is longer than this, and than the snapshot.
const COMPACT_BYTES: u64 = 8 << 20;
/// How long to wait for a lock that somebody seems to have.
const PATIENCE: Duration = Duration::from_millis(500);

/// One change.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    /// Counts records; a snapshot says which is the last it contains.
    pub(crate) sequence: u64,
    /// World time, in milliseconds since 1970.
    pub(crate) at: i64,
    pub(crate) project: String,
    pub(crate) changes: BTreeMap<String, TableChanges>,
    pub(crate) shared: Shared,
}

#[derive(Serialize)]
struct SnapshotOut<'a> {
    format: u32,
    sequence: u64,
    at: i64,
    world: &'a World,
}

#[derive(Deserialize)]
struct SnapshotIn {
    format: u32,
    sequence: u64,
    at: i64,
    world: World,
}

#[derive(Serialize, Deserialize)]
struct Header {
    format: u32,
    world_id: String,
}

enum Message {
    /// Append a record, then tell whether it is on disk.
    Append(Vec<u8>, oneshot::Sender<bool>),
    /// Replace the snapshot and empty the journal.
    Compact(Vec<u8>),
    /// The same for another world, which the journal does not lead to; then tell whether it is on disk.
    Replace(Vec<u8>, oneshot::Sender<bool>),
    /// Nothing more comes.
    Close,
}

/// What was found on disk.
pub(crate) struct Loaded {
    pub(crate) world: World,
    /// World time of the last change.
    pub(crate) at: i64,
}

/// Writes changes to disk, in a thread of its own, several at a time when they come fast.
#[derive(Debug)]
pub(crate) struct Store {
    sender: Sender<Message>,
    writer: Option<JoinHandle<()>>,
    sequence: u64,
    journal_bytes: u64,
    /// The length of the journal at which it is folded: a large world is not written again for every few changes.
    compact_at: u64,
}

fn open_private(path: &Path, options: &mut OpenOptions) -> std::io::Result<File> {
    options.mode(0o600).open(path)
}

fn sibling(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(suffix);
    path.with_file_name(name)
}

/// The folder beside a world's file that holds its object storage.
pub(crate) fn object_folder(path: &Path) -> PathBuf {
    sibling(path, ".objects")
}

/// Writes a file beside, syncs it and puts it in place.
fn replace(path: &Path, contents: &[u8]) -> std::io::Result<()> {
    let temporary = sibling(path, ".new");
    let mut file = open_private(&temporary, OpenOptions::new().write(true).create(true).truncate(true))?;
    file.write_all(contents)?;
    file.sync_all()?;
    std::fs::rename(&temporary, path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

fn snapshot(world: &World, sequence: u64, at: i64) -> Vec<u8> {
    // Nothing in a world can fail to become JSON: no map has keys other than strings and numbers.
    serde_json::to_vec(&SnapshotOut { format: FORMAT, sequence, at, world }).unwrap_or_default()
}

/// The id of the world in a state file.
pub(crate) fn world_id(path: &Path) -> Result<String, Error> {
    #[derive(Deserialize)]
    struct Snapshot {
        world: World,
    }
    #[derive(Deserialize)]
    struct World {
        shared: Shared,
    }
    #[derive(Deserialize)]
    struct Shared {
        world_id: String,
    }
    let bytes = std::fs::read(path).map_err(|source| Error::State { path: path.to_owned(), source })?;
    let read = serde_json::from_slice::<Snapshot>(&bytes);
    read.map(|snapshot| snapshot.world.shared.world_id)
        .map_err(|error| Error::Corrupt { path: path.to_owned(), problem: error.to_string() })
}

/// Takes the lock of a journal; false if somebody else has it and keeps it. Whoever had it until now may have been starting
/// a program when it let go: the copy of itself that becomes that program has the lock too, for a moment.
fn locked(journal: &File) -> std::io::Result<bool> {
    let until = Instant::now() + PATIENCE;
    loop {
        match journal.try_lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if Instant::now() >= until => return Ok(false),
            Err(TryLockError::WouldBlock) => std::thread::sleep(PATIENCE / 100),
        }
    }
}

impl Store {
    /// Opens a world, or makes the one that `fresh` gives.
    pub(crate) fn open(path: &Path, fresh: impl FnOnce() -> (World, i64)) -> Result<(Self, Loaded), Error> {
        let failed = |source| Error::State { path: path.to_owned(), source };
        let corrupt = |problem: String| Error::Corrupt { path: path.to_owned(), problem };
        let journal_path = sibling(path, ".journal");
        let mut journal = open_private(
            &journal_path,
            OpenOptions::new().read(true).write(true).create(true).truncate(false),
        )
        .map_err(failed)?;
        if !locked(&journal).map_err(failed)? {
            return Err(Error::InUse { path: path.to_owned() });
        }
        let (mut world, mut sequence, mut at) = match std::fs::read(path) {
            Ok(bytes) => {
                let read: SnapshotIn = serde_json::from_slice(&bytes).map_err(|e| corrupt(e.to_string()))?;
                if read.format != FORMAT {
                    return Err(corrupt(format!(
                        "it has format {}, this program reads {FORMAT}",
                        read.format
                    )));
                }
                (read.world, read.sequence, read.at)
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let (world, at) = fresh();
                replace(path, &snapshot(&world, 0, at)).map_err(failed)?;
                (world, 0, at)
            }
            Err(error) => return Err(failed(error)),
        };
        let mut bytes = Vec::new();
        journal.read_to_end(&mut bytes).map_err(failed)?;
        let good = replay(&bytes, &mut world, &mut sequence, &mut at).map_err(corrupt)?;
        // What comes after the last whole record was never answered.
        journal.set_len(good).map_err(failed)?;
        if good == 0 {
            start_journal(&mut journal, &world.shared.world_id).map_err(failed)?;
        }
        journal.seek(SeekFrom::End(0)).map_err(failed)?;
        for project in world.projects.values_mut() {
            project.reindex();
        }
        let (sender, receiver) = channel();
        let (path, world_id) = (path.to_owned(), world.shared.world_id.clone());
        let writer = std::thread::Builder::new()
            .name("emulator-store".to_owned())
            .spawn(move || write_all(&path, journal, &world_id, &receiver))
            .map_err(|source| Error::State { path: journal_path, source })?;
        let store =
            Self { sender, writer: Some(writer), sequence, journal_bytes: good, compact_at: COMPACT_BYTES };
        Ok((store, Loaded { world, at }))
    }

    /// Hands a change over to be written; the receiver tells whether it is on disk.
    pub(crate) fn append(
        &mut self,
        world: &mut World,
        at: i64,
        project: &str,
        changes: BTreeMap<String, TableChanges>,
    ) -> oneshot::Receiver<bool> {
        self.sequence += 1;
        let record = Record {
            sequence: self.sequence,
            at,
            project: project.to_owned(),
            changes,
            shared: world.shared.clone(),
        };
        let mut line = serde_json::to_vec(&record).unwrap_or_default();
        line.push(b'\n');
        self.journal_bytes += line.len() as u64;
        let (sender, receiver) = oneshot::channel();
        // A writer that is gone drops the sender, which tells the receiver.
        let _ = self.sender.send(Message::Append(line, sender));
        if self.journal_bytes > self.compact_at {
            self.compact(world, at);
        }
        receiver
    }

    /// Folds the journal into a new snapshot.
    pub(crate) fn compact(&mut self, world: &mut World, at: i64) {
        let contents = self.whole(world, at);
        let _ = self.sender.send(Message::Compact(contents));
    }

    /// Puts a world in the place of the one that there is; the receiver tells whether it is on disk.
    pub(crate) fn replace(&mut self, world: &mut World, at: i64) -> oneshot::Receiver<bool> {
        let contents = self.whole(world, at);
        let (sender, receiver) = oneshot::channel();
        let _ = self.sender.send(Message::Replace(contents, sender));
        receiver
    }

    /// A snapshot that the journal begins anew after.
    fn whole(&mut self, world: &mut World, at: i64) -> Vec<u8> {
        for project in world.projects.values_mut() {
            // The snapshot has it all.
            project.drain();
        }
        let contents = snapshot(world, self.sequence, at);
        self.journal_bytes = 0;
        self.compact_at = COMPACT_BYTES.max(contents.len() as u64);
        contents
    }
}

impl Drop for Store {
    /// Waits until everything is written, so that the next owner can have the files.
    fn drop(&mut self) {
        let _ = self.sender.send(Message::Close);
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

fn start_journal(journal: &mut File, world_id: &str) -> std::io::Result<()> {
    let header = Header { format: FORMAT, world_id: world_id.to_owned() };
    let mut line = serde_json::to_vec(&header)?;
    line.push(b'\n');
    journal.seek(SeekFrom::Start(0))?;
    journal.write_all(&line)?;
    journal.sync_all()
}

/// Repeats a journal's changes; gives the length of its good part. Only its last record may be torn.
fn replay(bytes: &[u8], world: &mut World, sequence: &mut u64, at: &mut i64) -> Result<u64, String> {
    let mut good = 0;
    for (number, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        if !line.ends_with(b"\n") {
            break;
        }
        let problem =
            |error: serde_json::Error| format!("line {} of its journal is damaged: {error}", number + 1);
        if number == 0 {
            let header: Header = serde_json::from_slice(line).map_err(problem)?;
            if header.format != FORMAT {
                return Err(format!("its journal has format {}, this program reads {FORMAT}", header.format));
            }
            if header.world_id != world.shared.world_id {
                return Err("its journal is that of another world".to_owned());
            }
        } else {
            let last = good + line.len() == bytes.len();
            match serde_json::from_slice::<Record>(line) {
                Ok(record) if record.sequence <= *sequence => {}
                Ok(record) => {
                    let project = world.projects.entry(record.project).or_default();
                    for (table, rows) in record.changes {
                        project.restore(&table, rows).map_err(problem)?;
                    }
                    world.shared = record.shared;
                    *sequence = record.sequence;
                    *at = record.at;
                }
                // A crash of the machine can leave a torn record that ends in a newline.
                Err(_) if last => break,
                Err(error) => return Err(problem(error)),
            }
        }
        good += line.len();
    }
    Ok(good as u64)
}

/// The writer's thread: appends what has come in, syncs once, and tells all who wait.
fn write_all(path: &Path, mut journal: File, world_id: &str, receiver: &Receiver<Message>) {
    let mut healthy = true;
    while let Ok(first) = receiver.recv() {
        let mut batch = Vec::new();
        let mut waiting = Vec::new();
        let mut next = Some(first);
        let mut after = None;
        while let Some(message) = next {
            match message {
                Message::Append(line, sender) => {
                    batch.extend_from_slice(&line);
                    waiting.push(sender);
                    next = receiver.try_recv().ok();
                }
                other => {
                    after = Some(other);
                    next = None;
                }
            }
        }
        if !batch.is_empty() {
            healthy = healthy && journal.write_all(&batch).and_then(|()| journal.sync_data()).is_ok();
        }
        for sender in waiting {
            let _ = sender.send(healthy);
        }
        match after {
            // A snapshot that cannot be written leaves the journal as it is, which is as good.
            Some(Message::Compact(contents)) if healthy && replace(path, &contents).is_ok() => {
                healthy = journal.set_len(0).and_then(|()| start_journal(&mut journal, world_id)).is_ok();
            }
            Some(Message::Replace(contents, sender)) => {
                // One that cannot be written is no state to go on from: what comes after it would not fit the files.
                healthy = healthy
                    && replace(path, &contents).is_ok()
                    && journal.set_len(0).and_then(|()| start_journal(&mut journal, world_id)).is_ok();
                let _ = sender.send(healthy);
            }
            Some(Message::Close) => return,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::Row;

    fn fresh() -> (World, i64) {
        let mut world = World::new("w".to_owned(), 1);
        world.projects.insert("p".to_owned(), Default::default());
        (world, 0)
    }

    /// Adds an object to the world and its record to the journal, whether anybody waits for it or not.
    fn grow(store: &mut Store, world: &mut World, id: i64) {
        let project = world.projects.get_mut("p").unwrap();
        project.placement_groups.insert(crate::world::placement_groups::PlacementGroup {
            id,
            name: format!("group {id}"),
            labels: Default::default(),
            created: id,
        });
        let changes = project.drain();
        store.append(world, id, "p", changes);
    }

    fn ids(world: &World) -> Vec<i64> {
        world.projects["p"].placement_groups.values().map(Row::id).collect()
    }

    #[test]
    fn snapshots_and_journals_make_one_world_whenever_a_snapshot_is_written() {
        for (before, after) in [(0, 0), (3, 0), (0, 3), (3, 3)] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("world");
            let (mut store, mut loaded) = Store::open(&path, fresh).unwrap();
            for id in 0..before {
                grow(&mut store, &mut loaded.world, id);
            }
            store.compact(&mut loaded.world, 77);
            for id in before..before + after {
                grow(&mut store, &mut loaded.world, id);
            }
            drop(store);
            let (_store, again) = Store::open(&path, fresh).unwrap();
            assert_eq!(ids(&again.world), (0..before + after).collect::<Vec<_>>(), "{before} and {after}");
            assert_eq!(again.at, if after == 0 { 77 } else { before + after - 1 });
        }
    }

    #[test]
    fn a_crash_between_writing_the_snapshot_and_emptying_the_journal_does_no_harm() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("world");
        let (mut store, mut loaded) = Store::open(&path, fresh).unwrap();
        (0..3).for_each(|id| grow(&mut store, &mut loaded.world, id));
        drop(store);
        let full = std::fs::read(sibling(&path, ".journal")).unwrap();
        let (mut store, mut loaded) = Store::open(&path, fresh).unwrap();
        loaded.world.projects.get_mut("p").unwrap().placement_groups.remove(1);
        let changes = loaded.world.projects.get_mut("p").unwrap().drain();
        store.append(&mut loaded.world, 9, "p", changes);
        store.compact(&mut loaded.world, 9);
        drop(store);
        std::fs::write(sibling(&path, ".journal"), full).unwrap();
        let (_store, again) = Store::open(&path, fresh).unwrap();
        assert_eq!(ids(&again.world), [0, 2]);
        assert_eq!(world_id(&path).unwrap(), again.world.shared.world_id);
    }

    #[test]
    fn a_long_journal_is_folded_by_itself() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("world");
        let (mut store, mut loaded) = Store::open(&path, fresh).unwrap();
        (0..10).for_each(|id| grow(&mut store, &mut loaded.world, id));
        store.journal_bytes = COMPACT_BYTES;
        grow(&mut store, &mut loaded.world, 10);
        assert_eq!(store.journal_bytes, 0);
        drop(store);
        let journal = std::fs::read_to_string(sibling(&path, ".journal")).unwrap();
        assert_eq!(journal.lines().count(), 1, "only its header is left");
        let (_store, again) = Store::open(&path, fresh).unwrap();
        assert_eq!(ids(&again.world).len(), 11);
    }

    #[test]
    fn the_journal_of_another_world_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("world");
        drop(Store::open(&path, fresh).unwrap());
        std::fs::remove_file(&path).unwrap();
        let other = Store::open(&path, || (World::new("other".to_owned(), 1), 0));
        assert!(matches!(other, Err(Error::Corrupt { .. })));
    }
}
