//! States kept in a store of objects, such as a bucket of S3.
//!
//! Beside the state itself, at `KEY`, there may be: `KEY.tflock` with who holds the lock, as Terraform's S3 backend has it
//! with `use_lockfile`; `KEY.worlds` with the worlds of the state; and the objects `KEY.journal/…` with what an unfinished run
//! did, so that any computer can go on from there.
//!
//! Two runs at once are kept apart by the lock. Should one lose it, or work without, then by conditions: the state is only
//! written over the one that was read, and a segment of the journal only where there is none.

mod lock;
mod segments;
mod store;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ferroform_core::{Diagnostic, Diagnostics, Severity};

use self::segments::{SegmentSink, Segments, Unread};
pub use self::store::{Condition, ObjectStore, StoreError, Stored};
use crate::journal::{self, GroupJournal, Journal, Record};
use crate::kept::{self, Known, in_use, not_read};
use crate::local::worlds;
use crate::manager::{Loaded, LockInfo, LockWait, Manager, Written};
use crate::model::State;
use crate::world::{self, Refused, WorldBinding};

/// How a [`RemoteManager`] works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteOptions {
    /// Whether locks are taken: Terraform's `use_lockfile`.
    pub lock: bool,
}

/// A state in a store of objects.
pub struct RemoteManager {
    store: Arc<dyn ObjectStore>,
    key: String,
    options: RemoteOptions,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// The id of the lock that is held.
    lock: Option<String>,
    base: Option<Kept>,
    /// Provider configurations with objects, or with operations that may have left some.
    in_use: BTreeSet<String>,
    worlds: Vec<WorldBinding>,
    journal: Option<Arc<GroupJournal>>,
    /// Whether an interrupted run's journal was found.
    found: bool,
}

/// The state as it was last read or written.
struct Kept {
    known: Known,
    /// The object's tag; None where there is none.
    tag: Option<String>,
}

const UNCHANGED: &str = "Nothing was changed.";

/// The keys of a state and of all that belongs to it but the lock, the state last: whoever removes them in this order, and is
/// stopped half-way, still finds it.
///
/// # Errors
/// When the store does not tell.
pub fn objects_of(store: &dyn ObjectStore, key: &str) -> Result<Vec<String>, StoreError> {
    let mut keys = store.list(&journal_prefix(key))?;
    keys.extend([worlds_key(key), key.to_owned()]);
    Ok(keys)
}

fn journal_prefix(key: &str) -> String {
    format!("{key}.journal/")
}

fn worlds_key(key: &str) -> String {
    format!("{key}.worlds")
}

impl RemoteManager {
    /// A manager of the state at a key.
    pub fn new(store: Arc<dyn ObjectStore>, key: impl Into<String>, options: RemoteOptions) -> RemoteManager {
        RemoteManager { store, key: key.into(), options, inner: Mutex::default() }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // What is guarded is whole between any two statements that can panic.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Before the keys of the journal's segments.
    fn journal_prefix(&self) -> String {
        journal_prefix(&self.key)
    }

    fn journal_name(&self) -> String {
        self.store.name(&self.journal_prefix())
    }

    fn worlds_key(&self) -> String {
        worlds_key(&self.key)
    }

    fn failed(&self, summary: &'static str, key: &str, error: &StoreError, consequence: &str) -> Diagnostic {
        let diagnostic =
            Diagnostic::error(summary).detail(format!("{}: {error}. {consequence}", self.store.name(key)));
        match error {
            StoreError::Failed { hint: Some(hint), .. } => diagnostic.hint(hint.clone()),
            _ => diagnostic,
        }
    }

    fn segments(&self) -> Result<Segments, Diagnostics> {
        let prefix = self.journal_prefix();
        Segments::read(&*self.store, &prefix).map_err(|unread| match unread {
            Unread::Store(error) => {
                self.failed("Journal cannot be read", &prefix, &error, UNCHANGED).into()
            }
            Unread::Missing(name) => Diagnostic::error("Journal is damaged")
                .detail(format!(
                    "{} was left by an interrupted run and tells what that run did. Its segment {name} is missing. {UNCHANGED}",
                    self.journal_name()
                ))
                .hint(
                    "Restore the object, from an older version if the bucket keeps versions. If that cannot be done, compare the \
                     objects that exist with the state by hand, and then remove all segments.",
                )
                .into(),
        })
    }

    /// The journal's bytes held against a state.
    fn recover(&self, known: &Known, segments: &Segments) -> Result<journal::Recovered, Diagnostics> {
        let recovered = known.recover(&segments.bytes, &self.journal_name())?;
        if recovered.intact == segments.bytes.len() as u64 {
            return Ok(recovered);
        }
        // A segment is written whole, so that no crash leaves a part of one.
        Err(Diagnostic::error("Journal is damaged")
            .detail(format!(
                "{} was left by an interrupted run and tells what that run did. At byte {} of all its segments together, \
                 something is not what was written. {UNCHANGED}",
                self.journal_name(),
                recovered.intact
            ))
            .hint("Restore the objects, from older versions if the bucket keeps versions.")
            .into())
    }

    /// State and journal as they are now.
    fn load(&self) -> Result<(Kept, journal::Recovered), Diagnostics> {
        // The journal first: it goes only after a newer state has come.
        let segments = self.segments()?;
        let stored = self
            .store
            .get(&self.key)
            .map_err(|error| self.failed("State cannot be read", &self.key, &error, UNCHANGED))?;
        let (bytes, tag) = stored.map(|stored| (stored.bytes, stored.tag)).unzip();
        let mut known = Known::decode(&bytes.unwrap_or_default(), &self.location())?;
        let recovered = self.recover(&known, &segments)?;
        known.lineage.clone_from(&recovered.state.lineage);
        Ok((Kept { known, tag }, recovered))
    }

    /// The journal of this run; begun or continued if that has not happened yet.
    fn active_journal(&self, inner: &mut Inner, known: &Known) -> Result<Arc<GroupJournal>, Diagnostics> {
        if let Some(journal) = &inner.journal {
            return Ok(journal.clone());
        }
        let prefix = self.journal_prefix();
        let failed = |error: &StoreError| self.failed("Journal cannot be begun", &prefix, error, UNCHANGED);
        let unwritten = |error: std::io::Error| {
            Diagnostic::error("Journal cannot be begun").detail(format!("{error}. {UNCHANGED}"))
        };
        let segments = self.segments()?;
        let recovered = self.recover(known, &segments)?;
        let run = Record::Continued { run: uuid::Uuid::new_v4().to_string() };
        let sink = |generation, next| SegmentSink {
            store: self.store.clone(),
            prefix: prefix.clone(),
            generation,
            next,
            held: Vec::new(),
        };
        // Results that are in the state already must not be held against the serials to come.
        let journal = if recovered.header.as_ref().is_some_and(|h| known.is_base_of(h)) {
            let sink = sink(segments.generation, segments.next);
            let journal = GroupJournal::new(sink, segments.bytes.len() as u64, recovered.next_op);
            journal.append(&run).map_err(unwritten)?;
            journal
        } else {
            let header = known.header(&inner.worlds, recovered.header.as_ref());
            let bytes = journal::fresh(&header, &[run], &recovered.open).map_err(unwritten)?;
            let generation = self.next_generation(known, &segments);
            segments::begin(&*self.store, &prefix, generation, &bytes).map_err(|error| failed(&error))?;
            segments.remove(&*self.store, &prefix, segments.greatest).map_err(|error| failed(&error))?;
            GroupJournal::new(sink(generation, 1), bytes.len() as u64, recovered.next_op)
        };
        let journal = Arc::new(journal);
        inner.journal = Some(journal.clone());
        Ok(journal)
    }

    /// A generation that no journal had: greater than what is there, and than those of all runs before the one that wrote
    /// this state.
    fn next_generation(&self, known: &Known, segments: &Segments) -> u64 {
        segments.greatest.max(known.serial()).saturating_add(1)
    }

    /// Ends the journal after the state was written: nothing remains of it but open operations.
    fn settle_journal(&self, inner: &mut Inner, known: &Known) -> Result<(), Diagnostics> {
        let ended = inner.journal.take().map(|journal| journal.end()).unwrap_or_default();
        inner.found = false;
        let prefix = self.journal_prefix();
        let failed = |error: StoreError| {
            let consequence = "The state was written; the next run ends the journal.";
            let diagnostic = self.failed("Journal cannot be ended", &prefix, &error, consequence);
            Diagnostic { severity: Severity::Warning, ..diagnostic }
        };
        let segments = self.segments()?;
        let scan = journal::scan(&segments.bytes, &self.journal_name())?;
        let open: Vec<_> = scan.fold.open.into_values().filter(|o| !ended.contains(&o.intent.op)).collect();
        if !open.is_empty() {
            inner.found = true;
            let header = known.header(&inner.worlds, scan.header.as_ref());
            let run = Record::Continued { run: uuid::Uuid::new_v4().to_string() };
            let bytes = journal::fresh(&header, &[run], &open)
                .map_err(|error| failed(StoreError::Failed { message: error.to_string(), hint: None }))?;
            let generation = self.next_generation(known, &segments);
            segments::begin(&*self.store, &prefix, generation, &bytes).map_err(failed)?;
        }
        segments.remove(&*self.store, &prefix, segments.greatest).map_err(failed)?;
        Ok(())
    }

    /// Puts a state in the place of the one that was read.
    fn put(&self, inner: &mut Inner, kept: &Kept, mut new: State) -> Result<Kept, Diagnostics> {
        let (bytes, sha256) = kept::encode(&mut new)?;
        if inner.journal.is_some() || inner.found {
            // Helps the next run should this one end before the journal is gone. A journal that broke must not keep the
            // state from being written, which knows more than the journal then.
            let commit = Record::Commit { serial: new.serial, sha256: sha256.clone() };
            let _ = self.active_journal(inner, &kept.known).map(|journal| journal.append(&commit));
        }
        let condition = match &kept.tag {
            Some(tag) => Condition::Unchanged(tag.clone()),
            None => Condition::Absent,
        };
        let tag = store::put(&*self.store, &self.key, &bytes, &condition).map_err(|error| match error {
            StoreError::Condition => self.changed_meanwhile(),
            error => {
                let consequence = "The state that was kept before is whole. What this run did is in the journal, as far as that \
                                   could be written, and is added by the next run.";
                self.failed("State cannot be written", &self.key, &error, consequence)
            }
        })?;
        let lineage = new.lineage.clone();
        Ok(Kept { known: Known { state: Some(new), sha256, lineage }, tag: Some(tag) })
    }

    fn changed_meanwhile(&self) -> Diagnostic {
        Diagnostic::error("State was changed meanwhile")
            .detail(format!(
                "{} is not what it was when this run read it: something else changed it, without a lock or after the lock was \
                 taken away. It was not written over. What this run did is in the journal {}.",
                self.location(),
                self.journal_name()
            ))
            .hint(
                "Put back the state of before, from an older version if the bucket keeps versions; the next run adds to it what \
                 this run did.",
            )
    }

    /// Changes what is kept by a function that also gets what was read.
    fn change(
        &self,
        change: impl FnOnce(&mut Inner, &Kept) -> Result<(Option<Kept>, Written), Diagnostics>,
    ) -> Result<Written, Diagnostics> {
        let mut guard = self.inner();
        let inner = &mut *guard;
        let Some(kept) = inner.base.take() else { return Err(not_read().into()) };
        let outcome = change(inner, &kept);
        let (next, written) = match outcome {
            Ok((next, written)) => (next, Ok(written)),
            Err(diagnostics) => (None, Err(diagnostics)),
        };
        inner.base = Some(next.unwrap_or(kept));
        written
    }

    /// The worlds that are noted, and the tag of the object that notes them.
    fn noted_worlds(&self, lineage: &str) -> Result<(Vec<WorldBinding>, Option<String>), Diagnostics> {
        let key = self.worlds_key();
        let stored = self.store.get(&key).map_err(|error| {
            self.failed("The worlds of the state cannot be read", &key, &error, UNCHANGED)
        })?;
        match stored {
            Some(stored) => {
                let noted = worlds::decode(&stored.bytes, lineage, &self.store.name(&key))?;
                Ok((noted, Some(stored.tag)))
            }
            None => Ok((Vec::new(), None)),
        }
    }

    fn note_worlds(
        &self,
        lineage: &str,
        next: &[WorldBinding],
        tag: Option<String>,
    ) -> Result<(), Diagnostics> {
        let key = self.worlds_key();
        let failed = |error: &StoreError| {
            self.failed("The worlds of the state cannot be noted", &key, error, UNCHANGED)
        };
        let bytes = worlds::encode(lineage, next)
            .map_err(|error| failed(&StoreError::Failed { message: error.to_string(), hint: None }))?;
        let condition = tag.map_or(Condition::Absent, Condition::Unchanged);
        store::put(&*self.store, &key, &bytes, &condition).map_err(|error| failed(&error))?;
        Ok(())
    }
}

impl Manager for RemoteManager {
    fn location(&self) -> String {
        self.store.name(&self.key)
    }

    fn locks(&self) -> bool {
        self.options.lock
    }

    fn lock(&self, info: &LockInfo, wait: &LockWait<'_>) -> Result<(), Diagnostics> {
        if !self.options.lock {
            return Ok(());
        }
        let mut inner = self.inner();
        lock::acquire(self, info, wait)?;
        inner.lock = Some(info.id.clone());
        // What was read without the lock may be outdated.
        inner.base = None;
        Ok(())
    }

    fn unlock(&self) -> Result<(), Diagnostics> {
        match self.inner().lock.take() {
            Some(id) => lock::release(self, &id),
            None => Ok(()),
        }
    }

    fn read(&self) -> Result<Loaded, Diagnostics> {
        // Without the lock, another run may write state and journal between our readings.
        const TRIES: usize = 3;
        let mut inner = self.inner();
        let tries = if inner.lock.is_some() { 1 } else { TRIES };
        let mut loaded = self.load();
        for _ in 1..tries {
            if loaded.is_ok() {
                break;
            }
            loaded = self.load();
        }
        let (kept, recovered) = loaded?;
        inner.in_use = in_use(&recovered);
        inner.found = recovered.header.is_some();
        let loaded = kept.known.loaded(&recovered);
        inner.worlds = recovered.header.map(|h| h.worlds).unwrap_or_default();
        inner.base = Some(kept);
        Ok(loaded)
    }

    fn bind(&self, worlds: &[WorldBinding]) -> Result<(), Refused> {
        let mut inner = self.inner();
        let Some(kept) = &inner.base else { return Err(not_read().into()) };
        let (mut bound, tag) = self.noted_worlds(&kept.known.lineage)?;
        // An interrupted run knows as well, even if the object was removed.
        kept::add_missing(&mut bound, &inner.worlds);
        let next = world::check(&bound, worlds, |provider| inner.in_use.contains(provider))?;
        if next != bound {
            self.note_worlds(&kept.known.lineage, &next, tag)?;
        }
        inner.worlds = next;
        Ok(())
    }

    fn journal(&self) -> Result<Arc<dyn Journal>, Diagnostics> {
        let mut inner = self.inner();
        let Some(kept) = inner.base.take() else { return Err(not_read().into()) };
        let journal = self.active_journal(&mut inner, &kept.known);
        inner.base = Some(kept);
        Ok(journal?)
    }

    fn write(&self, state: &State) -> Result<Written, Diagnostics> {
        self.change(|inner, kept| {
            kept.known.check_lineage(state, &self.location())?;
            let (serial, new) = kept.known.successor(state);
            let changed = new.is_some();
            let next = new.map(|new| self.put(inner, kept, new)).transpose()?;
            let mut warnings = Diagnostics::new();
            if let Err(diagnostics) = self.settle_journal(inner, &next.as_ref().unwrap_or(kept).known) {
                warnings.append(diagnostics);
            }
            Ok((next, Written { serial, changed, warnings }))
        })
    }

    fn push(&self, state: &State, force: bool) -> Result<Written, Diagnostics> {
        self.change(|inner, kept| {
            if kept.known.holds_exactly(state) {
                let written = Written { serial: state.serial, changed: false, warnings: Diagnostics::new() };
                return Ok((None, written));
            }
            let pushed = kept.known.pushed(state);
            if !force {
                let (journal, name) = (self.segments()?.bytes, self.journal_name());
                kept.known.check_push(&pushed, state.serial, &self.location(), &journal, &name)?;
            }
            let serial = pushed.serial;
            let next = self.put(inner, kept, pushed)?;
            let mut warnings = Diagnostics::new();
            if let Err(diagnostics) = self.settle_journal(inner, &next.known) {
                warnings.append(diagnostics);
            }
            Ok((Some(next), Written { serial, changed: true, warnings }))
        })
    }

    fn begin_lineage(&self, lineage: &str) {
        if let Some(kept) = &mut self.inner().base {
            kept.known.begin_lineage(lineage);
        }
    }

    fn journal_location(&self) -> Option<String> {
        let inner = self.inner();
        (inner.journal.is_some() || inner.found).then(|| self.journal_name())
    }

    fn force_unlock(&self, id: &str) -> Result<(), Diagnostics> {
        lock::force(self, id)
    }

    fn at_exit(&self) -> Box<dyn FnOnce() + Send> {
        let id = self.inner().lock.clone();
        let (store, key) = (self.store.clone(), lock::key(&self.key));
        Box::new(move || {
            // At worst the lock stays behind, and is taken away by hand.
            if let Some(id) = id {
                let _ = lock::give_back(&*store, &key, &id);
            }
        })
    }
}

impl Drop for RemoteManager {
    fn drop(&mut self) {
        // At worst the lock stays behind, and is taken away by hand.
        let _ = self.unlock();
    }
}
