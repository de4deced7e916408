//! A journal with group commit, wherever it is kept.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::frame::encode;
use super::{Journal, Record};

/// Lazy records are handed to the system once they fill this many bytes, though not synced.
const LAZY_BYTES: usize = 256 << 10;

/// Where a [`GroupJournal`] puts its frames.
pub(crate) trait Sink: Send {
    /// Adds frames behind all before. If `durable`, returns when these and all before them are durable.
    ///
    /// # Errors
    /// When that is not certain. Nothing is added after.
    fn write(&mut self, frames: &[u8], durable: bool) -> io::Result<()>;
}

impl Sink for File {
    fn write(&mut self, frames: &[u8], durable: bool) -> io::Result<()> {
        self.write_all(frames)?;
        if durable { self.sync_data() } else { Ok(()) }
    }
}

/// A journal in a file or in objects.
///
/// Whoever appends first writes and syncs for all that have come by then; those who come meanwhile wait and are served
/// together by the next sync. So the number of syncs depends on their duration and not on the number of records.
pub struct GroupJournal {
    shared: Mutex<Shared>,
    written: Condvar,
    next_op: AtomicU64,
    /// Operations whose results were given here, also those that could not be written.
    ended: Mutex<BTreeSet<u64>>,
}

struct Shared {
    /// Taken out while someone writes to it.
    sink: Option<Box<dyn Sink>>,
    /// Payloads not written yet.
    waiting: Vec<Vec<u8>>,
    /// Bytes in `waiting`.
    waiting_bytes: usize,
    /// How many records were ever added, and how many of them are durable.
    added: u64,
    durable: u64,
    /// Length of the journal, and how much of it is known to be durable.
    length: u64,
    synced: u64,
    /// Why nothing can be added any more.
    broken: Option<(io::ErrorKind, String)>,
}

impl GroupJournal {
    /// Continues a journal whose `length` bytes are durable and which the sink's position is behind. Operations are
    /// numbered from `next_op`.
    pub(crate) fn new(sink: impl Sink + 'static, length: u64, next_op: u64) -> GroupJournal {
        let shared = Shared {
            sink: Some(Box::new(sink)),
            waiting: Vec::new(),
            waiting_bytes: 0,
            added: 0,
            durable: 0,
            length,
            synced: length,
            broken: None,
        };
        GroupJournal {
            shared: Mutex::new(shared),
            written: Condvar::new(),
            next_op: AtomicU64::new(next_op),
            ended: Mutex::default(),
        }
    }

    /// Makes all durable as far as possible, takes no more records, and tells which operations have ended: more than the
    /// journal does when something could not be written.
    pub(crate) fn end(&self) -> BTreeSet<u64> {
        // The state that follows holds what could not be written.
        let _ = self.sync();
        let mut shared = self.lock();
        if shared.broken.is_none() {
            shared.broken = Some((io::ErrorKind::Other, "the journal was ended".into()));
        }
        drop(shared);
        std::mem::take(&mut *self.ended.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The record as it is written.
    fn payload(&self, record: &Record) -> io::Result<Vec<u8>> {
        if let Record::Result { op, .. } = record {
            self.ended.lock().unwrap_or_else(PoisonError::into_inner).insert(*op);
        }
        Ok(serde_json::to_vec(record)?)
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        // What is guarded is whole between any two statements that can panic.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a record to those waiting and returns its number.
    fn add(shared: &mut Shared, payload: Vec<u8>) -> io::Result<u64> {
        shared.check()?;
        shared.waiting_bytes += payload.len();
        shared.waiting.push(payload);
        shared.added += 1;
        Ok(shared.added)
    }

    /// Returns when `number` records are durable.
    fn wait<'a>(&'a self, mut shared: MutexGuard<'a, Shared>, number: u64) -> io::Result<()> {
        loop {
            if shared.durable >= number {
                return Ok(());
            }
            shared.check()?;
            shared = match shared.sink.take() {
                Some(sink) => self.write(shared, sink, true),
                None => self.written.wait(shared).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// Writes what is waiting, syncs if asked to, and wakes the others. The lock is released meanwhile.
    fn write<'a>(
        &'a self,
        mut shared: MutexGuard<'a, Shared>,
        mut sink: Box<dyn Sink>,
        sync: bool,
    ) -> MutexGuard<'a, Shared> {
        let payloads = std::mem::take(&mut shared.waiting);
        shared.waiting_bytes = 0;
        let (number, synced) = (shared.added, shared.synced);
        drop(shared);

        let mut frames = Vec::new();
        for payload in &payloads {
            encode(&mut frames, payload, synced);
        }
        let result = sink.write(&frames, sync);

        let mut shared = self.lock();
        shared.sink = Some(sink);
        match result {
            Ok(()) => {
                shared.length += frames.len() as u64;
                if sync {
                    shared.durable = number;
                    shared.synced = shared.length;
                }
            }
            // Part of a frame may stand at the end now, and a failed sync may have dropped what was written before:
            // nothing that came after could be relied on.
            Err(error) => shared.broken = Some((error.kind(), error.to_string())),
        }
        self.written.notify_all();
        shared
    }
}

impl Shared {
    fn check(&self) -> io::Result<()> {
        match &self.broken {
            Some((kind, message)) => Err(io::Error::new(*kind, message.clone())),
            None => Ok(()),
        }
    }
}

impl Journal for GroupJournal {
    fn append(&self, record: &Record) -> io::Result<()> {
        let payload = self.payload(record)?;
        let mut shared = self.lock();
        let number = Self::add(&mut shared, payload)?;
        self.wait(shared, number)
    }

    fn append_lazy(&self, record: &Record) -> io::Result<()> {
        let payload = self.payload(record)?;
        let mut shared = self.lock();
        Self::add(&mut shared, payload)?;
        if shared.waiting_bytes > LAZY_BYTES
            && let Some(sink) = shared.sink.take()
        {
            self.write(shared, sink, false).check()?;
        }
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let shared = self.lock();
        let number = shared.added;
        self.wait(shared, number)
    }

    fn next_op(&self) -> u64 {
        self.next_op.fetch_add(1, Ordering::Relaxed)
    }
}

/// Lazy records still reach their place if they can.
impl Drop for GroupJournal {
    fn drop(&mut self) {
        let shared = self.lock();
        if shared.broken.is_none() && !shared.waiting.is_empty() {
            drop(shared);
            // Nobody is left to tell, and nothing was promised about these.
            let _ = self.sync();
        }
    }
}
