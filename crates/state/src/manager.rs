//! What every place where a state is kept must be able to do.

use std::sync::Arc;
use std::time::Duration;

use ferroform_core::Diagnostics;
use serde::{Deserialize, Serialize};

use crate::journal::{Journal, OpenOperation};
use crate::model::State;
use crate::world::{Refused, WorldBinding};

/// Keeps one state, its lock and its journal.
///
/// The order of calls in a run: [`lock`](Self::lock), [`read`](Self::read), [`bind`](Self::bind) once the providers are
/// configured, [`journal`](Self::journal) before the first change, [`write`](Self::write) at the end,
/// [`unlock`](Self::unlock). A run that changes nothing needs neither journal nor write.
pub trait Manager: Send + Sync {
    /// Where the state is, for people.
    fn location(&self) -> String;

    /// Whether [`lock`](Self::lock) keeps others away.
    fn locks(&self) -> bool;

    /// Takes the lock, waiting as told. Does nothing where none is taken.
    ///
    /// # Errors
    /// When another holds the lock (the diagnostic says who), or it cannot be taken at all.
    fn lock(&self, info: &LockInfo, wait: &LockWait<'_>) -> Result<(), Diagnostics>;

    /// Gives the lock back. Does nothing when it is not held.
    ///
    /// # Errors
    /// When the lock may still be seen by others.
    fn unlock(&self) -> Result<(), Diagnostics>;

    /// Reads the state as it truly is: what is kept, with the results of an interrupted run folded in.
    ///
    /// # Errors
    /// When what is kept cannot be read or understood, or does not fit together.
    fn read(&self) -> Result<Loaded, Diagnostics>;

    /// Holds the worlds that the providers act on against those that the state belongs to, and notes new ones. Asks for
    /// [`read`](Self::read) first.
    ///
    /// # Errors
    /// When objects in the state belong to another world.
    fn bind(&self, worlds: &[WorldBinding]) -> Result<(), Refused>;

    /// The journal of this run: begun now, or the one of an interrupted run continued.
    ///
    /// # Errors
    /// When it cannot be begun. Nothing may be changed then.
    fn journal(&self) -> Result<Arc<dyn Journal>, Diagnostics>;

    /// Keeps a state durably and ends the journal; operations without a result stay noted for the next run. Serial and
    /// the version of the writer are set here, the serial only goes up if anything changed.
    ///
    /// # Errors
    /// When the state could not be kept. What was kept before is as it was, and the journal still has all results.
    fn write(&self, state: &State) -> Result<Written, Diagnostics>;

    /// Keeps a state that came from elsewhere, with its lineage and serial; where it takes the place of another one that
    /// has something else in it the serial is one higher, as Terraform counts. Asks for [`read`](Self::read) first. Operations that an interrupted run left open stay noted.
    ///
    /// Refused are, unless `force` is set: another lineage, a lower serial than the kept state's, the same serial with
    /// another content (each only when a state with something in it is kept, as Terraform has it), and a state that lacks
    /// results of an interrupted run, which the journal holds.
    ///
    /// # Errors
    /// When the state is refused, or cannot be kept; nothing has changed then.
    fn push(&self, state: &State, force: bool) -> Result<Written, Diagnostics>;

    /// Gives a state that is not kept yet the lineage that a saved plan has for it. Does nothing where a state is
    /// kept. Asks for [`read`](Self::read) first.
    fn begin_lineage(&self, lineage: &str);

    /// Where the journal is, for people, if there is one as far as is known.
    fn journal_location(&self) -> Option<String>;

    /// Takes away a lock that a run left behind, named by its id.
    ///
    /// # Errors
    /// When there is no such lock, or it cannot be taken away.
    fn force_unlock(&self, id: &str) -> Result<(), Diagnostics>;

    /// What to do before the process ends while it holds the lock: whatever of the lock would outlive it is removed, as far as
    /// that is possible. Waits for nothing that this manager is doing.
    fn at_exit(&self) -> Box<dyn FnOnce() + Send>;
}

/// A state as it was read.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The state, with the results of an interrupted run folded in.
    pub state: State,
    /// Whether a state was kept here before. If not, the lineage is a new one.
    pub exists: bool,
    /// What an interrupted run had begun and nobody saw the end of. Without the lock it may just be under way.
    pub open: Vec<OpenOperation>,
    /// Whether results of an interrupted run were folded in that are not in the kept state yet.
    pub recovered: bool,
}

/// What [`Manager::write`] did.
#[derive(Debug, Clone)]
pub struct Written {
    /// The serial that the state has now.
    pub serial: u64,
    /// Whether anything was written; not when nothing had changed.
    pub changed: bool,
    /// What is worth saying.
    pub warnings: Diagnostics,
}

/// Who holds a lock and what for: Terraform's fields and spelling.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct LockInfo {
    /// Names the lock; a UUID.
    #[serde(rename = "ID")]
    pub id: String,
    /// What it is held for: `OperationTypeApply`, `OperationTypePlan`.
    pub operation: String,
    /// More about it.
    pub info: String,
    /// `user@host`.
    pub who: String,
    /// The version of the program.
    pub version: String,
    /// When it was taken: RFC 3339 in UTC.
    pub created: String,
    /// Where the state is; set by the manager.
    pub path: String,
}

impl LockInfo {
    /// A lock with a new id.
    pub fn new(
        operation: impl Into<String>,
        who: impl Into<String>,
        version: impl Into<String>,
        created: impl Into<String>,
    ) -> LockInfo {
        LockInfo {
            id: uuid::Uuid::new_v4().to_string(),
            operation: operation.into(),
            info: String::new(),
            who: who.into(),
            version: version.into(),
            created: created.into(),
            path: String::new(),
        }
    }
}

/// How to wait for a lock that another holds.
pub struct LockWait<'a> {
    /// How long at most.
    pub timeout: Duration,
    /// Sleeps for the given time. False ends the waiting at once.
    pub sleep: &'a dyn Fn(Duration) -> bool,
}

impl LockWait<'_> {
    /// Does not wait.
    pub const NONE: LockWait<'static> = LockWait { timeout: Duration::ZERO, sleep: &|_| false };

    /// Tries until `attempt` gives something or the time is over, then gives the last refusal.
    pub fn retry<T, B>(&self, mut attempt: impl FnMut() -> Result<T, B>) -> Result<T, B> {
        const FIRST: Duration = Duration::from_millis(250);
        const LONGEST: Duration = Duration::from_secs(4);
        let (mut left, mut pause) = (self.timeout, FIRST);
        loop {
            let refusal = match attempt() {
                Ok(done) => return Ok(done),
                Err(refusal) => refusal,
            };
            let now = pause.min(left);
            if now.is_zero() || !(self.sleep)(now) {
                return Err(refusal);
            }
            left -= now;
            pause = (pause * 2).min(LONGEST);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    #[test]
    fn waiting_is_bounded_by_the_timeout() {
        let slept = RefCell::new(Vec::new());
        let sleep = |d: Duration| {
            slept.borrow_mut().push(d.as_millis());
            true
        };
        let wait = LockWait { timeout: Duration::from_secs(6), sleep: &sleep };
        let mut tries = 0;
        let refused: Result<(), u32> = wait.retry(|| {
            tries += 1;
            Err(tries)
        });
        assert_eq!(refused, Err(6));
        assert_eq!(*slept.borrow(), [250, 500, 1000, 2000, 2250]);
        assert_eq!(LockWait::NONE.retry(|| Err::<(), _>(1)), Err(1));
    }

    #[test]
    fn lock_info_is_spelled_as_terraform_does() {
        let info = LockInfo { id: "i".into(), who: "u@h".into(), ..LockInfo::default() };
        assert_eq!(
            serde_json::to_string(&info).unwrap(),
            r#"{"ID":"i","Operation":"","Info":"","Who":"u@h","Version":"","Created":"","Path":""}"#
        );
    }
}
