//! A journal in memory.

use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use ferroform_state::journal::{Journal, Record};

/// Keeps all records, and fails when told to.
#[derive(Debug, Default)]
pub struct MemoryJournal {
    records: Mutex<Vec<Record>>,
    next: AtomicU64,
    /// Appending fails once so many records are kept; never for zero.
    pub full_after: usize,
}

impl MemoryJournal {
    /// An empty journal.
    pub fn new() -> Self {
        Self::default()
    }

    /// A journal that takes so many records and no more.
    pub fn full_after(records: usize) -> Self {
        MemoryJournal { full_after: records, ..Self::default() }
    }

    /// Everything that was appended.
    pub fn records(&self) -> Vec<Record> {
        self.records.lock().unwrap_or_else(|e| e.into_inner()).clone()
    }
}

impl Journal for MemoryJournal {
    fn append(&self, record: &Record) -> io::Result<()> {
        let mut records = self.records.lock().unwrap_or_else(|e| e.into_inner());
        if self.full_after != 0 && records.len() >= self.full_after {
            return Err(io::ErrorKind::StorageFull.into());
        }
        records.push(record.clone());
        Ok(())
    }

    fn append_lazy(&self, record: &Record) -> io::Result<()> {
        self.append(record)
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn next_op(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed) + 1
    }
}
