//! Crashes on demand, for the tests of recovery: compiled into debug builds only.
//!
//! `FERROFORM_FAILPOINT=WINDOW:N` ends the process by SIGKILL, as a power cut would, in a window of its N-th operation:
//! `before-intent`, `after-intent` (before anything is sent), `before-checkpoint` and `before-result` (answered, not
//! recorded), `after-result` (recorded, state not written). `FERROFORM_FAILPOINT=no-settlement` makes a run overlook
//! what an earlier one left open, to show that a test would notice.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ferroform_state::journal::{Journal, Record};

/// What the environment asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failpoint {
    /// End in a window of the N-th operation, counted from one.
    Crash(String, u64),
    /// Overlook open operations.
    NoSettlement,
}

impl Failpoint {
    /// Reads the environment.
    pub(crate) fn from_env() -> Option<Failpoint> {
        if !cfg!(debug_assertions) {
            return None;
        }
        let text = std::env::var("FERROFORM_FAILPOINT").ok()?;
        match text.split_once(':') {
            Some((window, n)) => Some(Failpoint::Crash(window.to_owned(), n.parse().ok()?)),
            None => (text == "no-settlement").then_some(Failpoint::NoSettlement),
        }
    }
}

/// A journal that ends the process in the wanted window.
pub(crate) struct CrashingJournal {
    inner: Arc<dyn Journal>,
    window: String,
    nth: u64,
    seen: AtomicU64,
}

/// The journal, with a crash in it if the environment asks for one.
pub(crate) fn journal(inner: Arc<dyn Journal>) -> Arc<dyn Journal> {
    match Failpoint::from_env() {
        Some(Failpoint::Crash(window, nth)) => {
            Arc::new(CrashingJournal { inner, window, nth, seen: AtomicU64::new(0) })
        }
        _ => inner,
    }
}

impl CrashingJournal {
    /// Whether this record is the wanted one of its kind.
    fn is_due(&self, window: &str) -> bool {
        self.window == window && self.seen.fetch_add(1, Ordering::SeqCst) + 1 == self.nth
    }

    fn around(&self, record: &Record, write: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let (before, after) = match record {
            Record::Intent(_) => ("before-intent", "after-intent"),
            Record::Checkpoint { .. } => ("before-checkpoint", "after-checkpoint"),
            Record::Result { .. } => ("before-result", "after-result"),
            Record::Changes(_) | Record::Outputs(_) | Record::Continued { .. } | Record::Commit { .. } => {
                return write();
            }
        };
        if self.is_due(before) {
            die();
        }
        write()?;
        if self.is_due(after) {
            // The record itself survives, as when the crash comes a moment later.
            self.inner.sync()?;
            die();
        }
        Ok(())
    }
}

impl Journal for CrashingJournal {
    fn append(&self, record: &Record) -> io::Result<()> {
        self.around(record, || self.inner.append(record))
    }

    fn append_lazy(&self, record: &Record) -> io::Result<()> {
        self.around(record, || self.inner.append_lazy(record))
    }

    fn sync(&self) -> io::Result<()> {
        self.inner.sync()
    }

    fn next_op(&self) -> u64 {
        self.inner.next_op()
    }
}

fn die() -> ! {
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    // Not reached: the signal cannot be caught.
    std::process::abort()
}
