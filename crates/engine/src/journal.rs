//! A journal that keeps nothing.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use ferroform_state::journal::{Journal, Record};

/// Keeps nothing: for plans whose state is not locked, and tests that do not look.
#[derive(Debug, Default)]
pub struct NoJournal(AtomicU64);

impl Journal for NoJournal {
    fn append(&self, _record: &Record) -> io::Result<()> {
        Ok(())
    }

    fn append_lazy(&self, _record: &Record) -> io::Result<()> {
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn next_op(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}
