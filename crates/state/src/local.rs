//! States kept in local files.
//!
//! Beside the statefile `terraform.tfstate` there may be: `terraform.tfstate.backup` with the content before the last
//! run that changed it, `.terraform.tfstate.lock.info` with who holds the lock, and `terraform.tfstate.journal` with
//! what an unfinished run did. Where the statefile is a symbolic link, statefile and journal are those that it leads to.

pub(crate) mod error;
mod lock;
mod push;
mod replace;
mod rescue;
pub(crate) mod worlds;

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::{self, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ferroform_core::{Diagnostic, Diagnostics, Severity};

use self::error::{io_error, locked};
use self::lock::{Lock, Refusal};
use self::replace::Naming;
pub use self::rescue::{newer, rescue};
use crate::file;
use crate::journal::{self, GroupJournal, Journal, Record, Recovered};
use crate::kept::{self, Known, digest, in_use, not_read};
use crate::manager::{Loaded, LockInfo, LockWait, Manager, Written};
use crate::model::State;
use crate::world::{self, Refused, WorldBinding};

/// Where the content before the first change of a run goes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Backup {
    /// To the path of the statefile with `.backup` behind it.
    #[default]
    Beside,
    /// To the path of the statefile with `.SECONDS.backup` behind it, where Terraform puts what was there before a person
    /// changed the state: no later run replaces it. The number is the present second since 1970.
    Stamped(i64),
    /// To this file.
    At(PathBuf),
    /// Nowhere.
    Off,
}

/// How a [`LocalManager`] works.
#[derive(Debug, Clone, Default)]
pub struct LocalOptions {
    /// Where backups go.
    pub backup: Backup,
    /// The file that notes the worlds of the state; without one they are not checked. It may be removed at any time:
    /// the state is bound anew at its next use then.
    pub worlds: Option<PathBuf>,
}

/// A state in a local file.
pub struct LocalManager {
    /// The path as given.
    path: PathBuf,
    /// The file that it leads to.
    target: PathBuf,
    options: LocalOptions,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    lock: Option<Lock>,
    base: Option<Known>,
    /// Provider configurations with objects, or with operations that may have left some.
    in_use: BTreeSet<String>,
    worlds: Vec<WorldBinding>,
    journal: Option<Arc<GroupJournal>>,
    backup_written: bool,
}

impl Inner {
    fn naming(&self) -> Naming {
        if self.lock.is_some() { Naming::Alone } else { Naming::Shared }
    }
}

const UNCHANGED: &str = "The state is as it was before.";
const RESULTS_KEPT: &str = "The previous statefile is whole. What this run did is kept in the journal, and is added by the next run.";

/// Reads the statefile at a path without the lock, without the journal, and without giving up a lock that this process
/// may hold on it (which opening the file in any other way would do). None when there is no state.
///
/// # Errors
/// When the file cannot be read or understood.
pub fn read_file(path: &Path) -> Result<Option<State>, Diagnostics> {
    let bytes = lock::read(path).map_err(|e| io_error("Statefile cannot be read", path, &e, UNCHANGED))?;
    file::read(&bytes.unwrap_or_default(), &path.display().to_string())
}

impl LocalManager {
    /// A manager of the state at `path`. Neither file nor directory need exist.
    ///
    /// # Errors
    /// When the path cannot name a file.
    pub fn open(path: impl Into<PathBuf>, options: LocalOptions) -> Result<LocalManager, Diagnostics> {
        let path = path.into();
        let bad = |error: io::Error| io_error("Statefile cannot be read", &path, &error, UNCHANGED);
        if path.file_name().is_none() || path.is_dir() {
            return Err(bad(io::Error::new(io::ErrorKind::IsADirectory, "this does not name a file")).into());
        }
        let target = replace::resolve(&path).map_err(bad)?;
        Ok(LocalManager { path, target, options, inner: Mutex::default() })
    }

    /// The journal's file.
    pub fn journal_path(&self) -> PathBuf {
        with_suffix(&self.target, ".journal")
    }

    /// The file that says who holds the lock, named as Terraform does.
    pub fn lock_info_path(&self) -> PathBuf {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        self.path.with_file_name(format!(".{}.lock.info", name.strip_prefix('.').unwrap_or(&name)))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn holder(&self) -> Option<LockInfo> {
        let bytes = replace::read_optional(&self.lock_info_path()).ok()??;
        serde_json::from_slice(&bytes).ok()
    }

    /// Someone else holds the lock.
    fn locked(&self) -> Diagnostic {
        locked(&self.location(), self.holder().as_ref()).hint(
            "The lock is given back by itself when the program that holds it ends, whatever the reason.",
        )
    }

    /// Statefile and journal as they are now.
    fn load(&self, inner: &Inner) -> Result<(Known, Recovered), Diagnostics> {
        // The journal first: it goes only after a newer statefile has come.
        let journal = self.journal_bytes()?.unwrap_or_default();
        let bytes = match &inner.lock {
            Some(lock) => lock.read().map(Some),
            None => lock::read(&self.target),
        };
        let bytes = bytes.map_err(|e| io_error("Statefile cannot be read", &self.path, &e, UNCHANGED))?;
        let bytes = bytes.unwrap_or_default();
        let mut known = Known::decode(&bytes, &self.path.display().to_string())?;
        let recovered = self.recover(&known, &journal)?;
        known.lineage.clone_from(&recovered.state.lineage);
        Ok((known, recovered))
    }

    /// The journal's bytes; none when there is no journal.
    fn journal_bytes(&self) -> Result<Option<Vec<u8>>, Diagnostics> {
        let path = self.journal_path();
        replace::read_optional(&path).map_err(|e| {
            io_error("Journal of an interrupted run cannot be read", &path, &e, UNCHANGED).into()
        })
    }

    fn recover(&self, known: &Known, journal: &[u8]) -> Result<Recovered, Diagnostics> {
        known.recover(journal, &self.journal_path().display().to_string())
    }

    /// The journal of this run; begun or continued if that has not happened yet.
    fn active_journal(&self, inner: &mut Inner, known: &Known) -> Result<Arc<GroupJournal>, Diagnostics> {
        if let Some(journal) = &inner.journal {
            return Ok(journal.clone());
        }
        let path = self.journal_path();
        let failed = |e: io::Error| io_error("Journal cannot be begun", &path, &e, "Nothing was changed.");
        self.make_directory().map_err(failed)?;
        let recovered = self.recover(known, &self.journal_bytes()?.unwrap_or_default())?;
        // Results that are in the statefile already must not be held against the serials to come.
        let usable = recovered.header.as_ref().is_some_and(|h| known.is_base_of(h));
        let (file, length) = if usable {
            let mut file = OpenOptions::new().read(true).write(true).open(&path).map_err(failed)?;
            file.set_len(recovered.intact).and_then(|()| file.sync_all()).map_err(failed)?;
            file.seek(SeekFrom::End(0)).map_err(failed)?;
            (file, recovered.intact)
        } else {
            let header = known.header(&inner.worlds, recovered.header.as_ref());
            let bytes = journal::fresh(&header, &[], &recovered.open).map_err(failed)?;
            let mut file = replace::replace(&path, &bytes, inner.naming()).map_err(failed)?;
            file.seek(SeekFrom::End(0)).map_err(failed)?;
            (file, bytes.len() as u64)
        };
        let journal = Arc::new(GroupJournal::new(file, length, recovered.next_op));
        inner.journal = Some(journal.clone());
        Ok(journal)
    }

    /// Ends the journal after the state was written: nothing remains of it but open operations.
    fn settle_journal(&self, inner: &mut Inner, known: &Known) -> Result<(), Diagnostics> {
        let ended = inner.journal.take().map(|journal| journal.end()).unwrap_or_default();
        let path = self.journal_path();
        let failed = |e: io::Error| {
            let consequence = "The state was written; the next run ends the journal.";
            let diagnostic = io_error("Journal cannot be ended", &path, &e, consequence);
            Diagnostic { severity: Severity::Warning, ..diagnostic }
        };
        let Some(bytes) = self.journal_bytes()? else { return Ok(()) };
        let scan = journal::scan(&bytes, &path.display().to_string())?;
        let open: Vec<_> = scan.fold.open.into_values().filter(|o| !ended.contains(&o.intent.op)).collect();
        if open.is_empty() {
            fs::remove_file(&path).and_then(|()| replace::sync_parent(&path)).map_err(failed)?;
        } else {
            let header = known.header(&inner.worlds, scan.header.as_ref());
            let bytes = journal::fresh(&header, &[], &open).map_err(failed)?;
            replace::replace(&path, &bytes, inner.naming()).map_err(failed)?;
        }
        Ok(())
    }

    fn make_directory(&self) -> io::Result<()> {
        match self.target.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => fs::create_dir_all(parent),
            _ => Ok(()),
        }
    }

    /// Refuses to write over something that came after the last reading.
    fn check_untouched(&self, inner: &Inner, known: &Known) -> Result<(), Diagnostics> {
        let unreadable = |e: io::Error| io_error("State cannot be written", &self.path, &e, RESULTS_KEPT);
        let (bytes, in_place) = match &inner.lock {
            Some(lock) => (lock.read().map_err(unreadable)?, lock.is_in_place().map_err(unreadable)?),
            None => (lock::read(&self.target).map_err(unreadable)?.unwrap_or_default(), true),
        };
        if in_place && digest(&bytes) == known.sha256 {
            return Ok(());
        }
        Err(Diagnostic::error("Statefile was changed meanwhile")
            .detail(format!(
                "{} is not what it was when this run read it: something else changed it. It was not written over. What \
                 this run did is kept in the journal {}.",
                self.path.display(),
                self.journal_path().display()
            ))
            .hint("Put back the statefile of before; the next run adds to it what this run did.")
            .into())
    }

    /// Keeps the content of before, once a run.
    fn back_up(&self, inner: &mut Inner) -> Result<(), Diagnostics> {
        let path = match &self.options.backup {
            Backup::Off => return Ok(()),
            Backup::Beside => with_suffix(&self.path, ".backup"),
            Backup::Stamped(second) => with_suffix(&self.path, &format!(".{second}.backup")),
            Backup::At(path) => path.clone(),
        };
        if inner.backup_written {
            return Ok(());
        }
        let bytes = match &inner.lock {
            Some(lock) => lock.read(),
            None => lock::read(&self.target).map(Option::unwrap_or_default),
        };
        let written =
            bytes.and_then(|bytes| replace::replace(&replace::resolve(&path)?, &bytes, inner.naming()));
        written.map_err(|e| io_error("Backup of the state cannot be written", &path, &e, RESULTS_KEPT))?;
        inner.backup_written = true;
        Ok(())
    }
}

impl Manager for LocalManager {
    fn begin_lineage(&self, lineage: &str) {
        if let Some(known) = &mut self.inner().base {
            known.begin_lineage(lineage);
        }
    }

    fn journal_location(&self) -> Option<String> {
        let path = self.journal_path();
        path.exists().then(|| path.display().to_string())
    }

    fn force_unlock(&self, id: &str) -> Result<(), Diagnostics> {
        Err(Self::not_here(id).into())
    }

    fn at_exit(&self) -> Box<dyn FnOnce() + Send> {
        let path = self.lock_info_path();
        Box::new(move || {
            // At worst a file that says who held the lock stays behind.
            let _ = fs::remove_file(path);
        })
    }

    fn push(&self, state: &State, force: bool) -> Result<Written, Diagnostics> {
        self.push_whole(state, force)
    }

    fn location(&self) -> String {
        self.path.display().to_string()
    }

    fn locks(&self) -> bool {
        true
    }

    fn lock(&self, info: &LockInfo, wait: &LockWait<'_>) -> Result<(), Diagnostics> {
        let mut inner = self.inner();
        if inner.lock.is_some() {
            return Err(self.locked().into());
        }
        let failed = |e: io::Error| io_error("Error acquiring the state lock", &self.path, &e, UNCHANGED);
        self.make_directory().map_err(failed)?;
        // A lock that cannot be taken at all is no reason to wait.
        let outcome = wait.retry(|| match lock::acquire(&self.target) {
            Ok(lock) => Ok(Ok(lock)),
            Err(Refusal::Failed(error)) => Ok(Err(error)),
            Err(Refusal::Busy) => Err(()),
        });
        let lock = match outcome {
            Ok(Ok(lock)) => lock,
            Ok(Err(error)) => return Err(failed(error).into()),
            Err(()) => return Err(self.locked().into()),
        };
        let info = LockInfo { path: self.path.display().to_string(), ..info.clone() };
        let written = serde_json::to_vec(&info)
            .map_err(io::Error::from)
            .and_then(|bytes| write_private(&self.lock_info_path(), &bytes));
        written
            .map_err(|e| io_error("Error acquiring the state lock", &self.lock_info_path(), &e, UNCHANGED))?;
        inner.lock = Some(lock);
        // What was read without the lock may be outdated.
        inner.base = None;
        Ok(())
    }

    fn unlock(&self) -> Result<(), Diagnostics> {
        let mut inner = self.inner();
        let Some(lock) = inner.lock.take() else { return Ok(()) };
        // First, so that it cannot be that of the next holder.
        let removed = fs::remove_file(self.lock_info_path());
        drop(lock);
        match removed {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                let consequence = "The lock itself was given back; the file does no harm.";
                Err(io_error("Error releasing the state lock", &self.lock_info_path(), &error, consequence)
                    .into())
            }
            _ => Ok(()),
        }
    }

    fn read(&self) -> Result<Loaded, Diagnostics> {
        // Without the lock, another run may write statefile and journal between our two readings.
        const TRIES: usize = 3;
        let mut inner = self.inner();
        let tries = if inner.lock.is_some() { 1 } else { TRIES };
        let mut loaded = self.load(&inner);
        for _ in 1..tries {
            if loaded.is_ok() {
                break;
            }
            loaded = self.load(&inner);
        }
        let (known, recovered) = loaded?;
        inner.in_use = in_use(&recovered);
        let loaded = known.loaded(&recovered);
        inner.worlds = recovered.header.map(|h| h.worlds).unwrap_or_default();
        inner.base = Some(known);
        Ok(loaded)
    }

    fn bind(&self, worlds: &[WorldBinding]) -> Result<(), Refused> {
        let mut inner = self.inner();
        let Some(known) = &inner.base else { return Err(not_read().into()) };
        let mut bound = match &self.options.worlds {
            Some(path) => worlds::read(path, &known.lineage)?,
            None => Vec::new(),
        };
        // An interrupted run knows as well, even if the file was removed.
        kept::add_missing(&mut bound, &inner.worlds);
        let next = world::check(&bound, worlds, |provider| inner.in_use.contains(provider))?;
        if let Some(path) = &self.options.worlds
            && next != bound
        {
            worlds::write(path, &known.lineage, &next)?;
        }
        inner.worlds = next;
        Ok(())
    }

    fn journal(&self) -> Result<Arc<dyn Journal>, Diagnostics> {
        let mut inner = self.inner();
        let Some(known) = inner.base.take() else { return Err(not_read().into()) };
        let journal = self.active_journal(&mut inner, &known);
        inner.base = Some(known);
        Ok(journal?)
    }

    fn write(&self, state: &State) -> Result<Written, Diagnostics> {
        let mut guard = self.inner();
        let inner = &mut *guard;
        let Some(known) = inner.base.take() else { return Err(not_read().into()) };
        let result = self.write_over(inner, &known, state);
        match result {
            Ok((next, written)) => {
                inner.base = Some(next.unwrap_or(known));
                Ok(written)
            }
            Err(diagnostics) => {
                inner.base = Some(known);
                Err(diagnostics)
            }
        }
    }
}

impl LocalManager {
    fn not_here(id: &str) -> Diagnostic {
        Diagnostic::error("Lock of a local state cannot be taken away")
            .detail(format!(
                "A local state is locked by the process that uses it, and the lock goes with that process, whatever the \
                 reason: there is no lock {id:?} that could stay behind."
            ))
            .hint("Wait until the other run has ended, or end it.")
    }
}

impl Drop for LocalManager {
    fn drop(&mut self) {
        // At worst a file that says who held the lock stays behind.
        let _ = self.unlock();
    }
}

impl LocalManager {
    fn write_over(
        &self,
        inner: &mut Inner,
        known: &Known,
        state: &State,
    ) -> Result<(Option<Known>, Written), Diagnostics> {
        known.check_lineage(state, &self.location())?;
        self.check_untouched(inner, known)?;
        let (serial, new) = known.successor(state);
        let changed = new.is_some();
        let next = new.map(|new| self.put(inner, known, new)).transpose()?;
        let mut warnings = Diagnostics::new();
        if let Err(diagnostics) = self.settle_journal(inner, next.as_ref().unwrap_or(known)) {
            warnings.append(diagnostics);
        }
        Ok((next, Written { serial, changed, warnings }))
    }
}

impl LocalManager {
    /// Puts a state in the place of the kept one, which goes into the backup.
    fn put(&self, inner: &mut Inner, known: &Known, mut new: State) -> Result<Known, Diagnostics> {
        let (bytes, sha256) = kept::encode(&mut new)?;
        let failed = |e: io::Error| io_error("State cannot be written", &self.path, &e, RESULTS_KEPT);
        self.make_directory().map_err(failed)?;
        if known.state.is_some() {
            self.back_up(inner)?;
        }
        if inner.journal.is_some() || self.journal_path().exists() {
            // Helps the next run should this one end before the journal is gone. A journal that broke must not keep the
            // state from being written, which knows more than the journal then.
            let commit = Record::Commit { serial: new.serial, sha256: sha256.clone() };
            let _ = self.active_journal(inner, known).map(|journal| journal.append(&commit));
        }
        match &mut inner.lock {
            Some(lock) => lock.replace(&bytes).map_err(failed)?,
            None => drop(replace::replace(&self.target, &bytes, Naming::Shared).map_err(failed)?),
        }
        let lineage = new.lineage.clone();
        Ok(Known { state: Some(new), sha256, lineage })
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Writes a small file that only its owner may read.
fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    use std::io::Write as _;
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?.write_all(bytes)
}
