//! A store in memory that fails when told.

use std::collections::BTreeMap;
use std::sync::Mutex;

use ferroform_state::remote::{Condition, ObjectStore, StoreError, Stored};

/// What goes wrong with one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// It is not done.
    Refused,
    /// It is done, and said to have failed.
    AnswerLost,
    /// It is done, and from then on no call is: the process is gone, or cut off.
    LastOne,
    /// It is not done, nor is any other from then on.
    Gone,
}

#[derive(Default)]
pub(super) struct Memory {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    objects: BTreeMap<String, Stored>,
    written: u64,
    /// Calls that change something, so far.
    changes: u64,
    fault: Option<(u64, Fault)>,
    gone: bool,
}

fn failed() -> StoreError {
    StoreError::Failed { message: "the store cannot be reached".into(), hint: None }
}

impl Memory {
    /// The changing call of this number from now on, counted from 1, goes wrong.
    pub(super) fn fail(&self, number: u64, fault: Fault) {
        let mut inner = self.inner.lock().unwrap();
        inner.fault = Some((inner.changes + number, fault));
    }

    /// All is well again. How many changing calls there were so far.
    pub(super) fn heal(&self) -> u64 {
        let mut inner = self.inner.lock().unwrap();
        inner.fault = None;
        inner.gone = false;
        inner.changes
    }

    pub(super) fn keys(&self) -> Vec<String> {
        self.inner.lock().unwrap().objects.keys().cloned().collect()
    }

    fn change<T>(&self, change: impl FnOnce(&mut Inner) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let mut inner = self.inner.lock().unwrap();
        if inner.gone {
            return Err(failed());
        }
        inner.changes += 1;
        let fault = inner.fault.filter(|(at, _)| *at == inner.changes).map(|(_, fault)| fault);
        match fault {
            None => change(&mut inner),
            Some(Fault::Refused) => Err(failed()),
            Some(Fault::AnswerLost) => change(&mut inner).and(Err(failed())),
            Some(Fault::LastOne) => {
                inner.gone = true;
                change(&mut inner).and(Err(failed()))
            }
            Some(Fault::Gone) => {
                inner.gone = true;
                Err(failed())
            }
        }
    }
}

impl ObjectStore for Memory {
    fn get(&self, key: &str) -> Result<Option<Stored>, StoreError> {
        let inner = self.inner.lock().unwrap();
        if inner.gone { Err(failed()) } else { Ok(inner.objects.get(key).cloned()) }
    }

    fn put(&self, key: &str, bytes: &[u8], condition: &Condition) -> Result<String, StoreError> {
        self.change(|inner| {
            let holds = match (condition, inner.objects.get(key)) {
                (Condition::Absent, found) => found.is_none(),
                (Condition::Unchanged(tag), found) => found.is_some_and(|found| found.tag == *tag),
            };
            if !holds {
                return Err(StoreError::Condition);
            }
            inner.written += 1;
            let tag = inner.written.to_string();
            inner.objects.insert(key.into(), Stored { bytes: bytes.to_vec(), tag: tag.clone() });
            Ok(tag)
        })
    }

    fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.change(|inner| {
            inner.objects.remove(key);
            Ok(())
        })
    }

    fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let inner = self.inner.lock().unwrap();
        if inner.gone {
            return Err(failed());
        }
        Ok(inner.objects.keys().filter(|key| key.starts_with(prefix)).cloned().collect())
    }

    fn name(&self, key: &str) -> String {
        format!("memory://{key}")
    }
}
