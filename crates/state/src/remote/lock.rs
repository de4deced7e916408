//! Locks as Terraform's S3 backend takes them with `use_lockfile`: an object that is only written where there is none.
//!
//! Such a lock outlives the process that took it; [`force`] takes it away by hand.

use ferroform_core::{Diagnostic, Diagnostics};

use super::RemoteManager;
use super::store::{Condition, ObjectStore, StoreError, put};
use crate::local::error::locked;
use crate::manager::{LockInfo, LockWait, Manager as _};

const ACQUIRING: &str = "Error acquiring the state lock";
const RELEASING: &str = "Error releasing the state lock";

/// The key of the lock of a state.
pub(super) fn key(state: &str) -> String {
    format!("{state}.tflock")
}

/// Who holds the lock; None if nobody does. What cannot be understood is held by somebody unknown.
pub(super) fn holder(store: &dyn ObjectStore, key: &str) -> Result<Option<LockInfo>, StoreError> {
    Ok(store.get(key)?.map(|stored| serde_json::from_slice(&stored.bytes).unwrap_or_default()))
}

/// Takes the lock.
pub(super) fn acquire(
    manager: &RemoteManager,
    info: &LockInfo,
    wait: &LockWait<'_>,
) -> Result<(), Diagnostics> {
    let (store, key) = (&*manager.store, key(&manager.key));
    let info = LockInfo { path: manager.location(), ..info.clone() };
    let failed = |error: &StoreError| manager.failed(ACQUIRING, &key, error, "Nothing was changed.");
    let bytes = serde_json::to_vec(&info)
        .map_err(|error| failed(&StoreError::Failed { message: error.to_string(), hint: None }))?;
    // A lock that cannot be taken at all is no reason to wait.
    let outcome = wait.retry(|| match put(store, &key, &bytes, &Condition::Absent) {
        Ok(_) => Ok(Ok(())),
        Err(StoreError::Condition) => Err(()),
        Err(error) => Ok(Err(error)),
    });
    match outcome {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(failed(&error).into()),
        Err(()) => {
            let holder = holder(store, &key).ok().flatten().filter(|info| !info.id.is_empty());
            let id = holder.as_ref().map_or("LOCK_ID", |info| &info.id);
            // The command first, so that it stays in one line.
            let hint = format!(
                "`ferroform force-unlock {id}` takes the lock away. Do so only if the run that holds it is lost and has ended for certain."
            );
            Err(locked(&manager.location(), holder.as_ref()).hint(hint).into())
        }
    }
}

/// Gives back the lock with this id.
pub(super) fn release(manager: &RemoteManager, id: &str) -> Result<(), Diagnostics> {
    let (store, key) = (&*manager.store, key(&manager.key));
    match give_back(store, &key, id) {
        Ok(true) => Ok(()),
        Ok(false) => Err(Diagnostic::error(RELEASING)
            .detail(format!(
                "The lock {id} in {} is not there any more: somebody took it away while this run held it.",
                store.name(&key)
            ))
            .hint("If another run worked at the same time, look at what both did: `ferroform plan` shows what is not as configured.")
            .into()),
        Err(error) => {
            let consequence = "The lock may still be there.";
            let hint = format!("`ferroform force-unlock {id}` takes it away when the store can be reached.");
            Err(manager.failed(RELEASING, &key, &error, consequence).hint(hint).into())
        }
    }
}

/// Takes the lock away if it is still the one with this id; whether it was.
pub(super) fn give_back(store: &dyn ObjectStore, key: &str, id: &str) -> Result<bool, StoreError> {
    let own = holder(store, key)?.is_some_and(|info| info.id == id);
    if own {
        store.delete(key)?;
    }
    Ok(own)
}

/// Takes the lock with this id away from whoever left it.
pub(super) fn force(manager: &RemoteManager, id: &str) -> Result<(), Diagnostics> {
    const SUMMARY: &str = "Failed to unlock state";
    let (store, key) = (&*manager.store, key(&manager.key));
    let failed = |error: StoreError| manager.failed(SUMMARY, &key, &error, "The lock may still be there.");
    match holder(store, &key).map_err(failed)? {
        None => Err(Diagnostic::error(SUMMARY)
            .detail(format!("There is no lock: {} does not exist.", store.name(&key)))
            .into()),
        Some(info) if info.id != id => Err(Diagnostic::error(SUMMARY)
            .detail(format!(
                "The lock in {} has the id {:?}, not {id:?}: another run holds it.",
                store.name(&key),
                info.id
            ))
            .into()),
        Some(_) => Ok(store.delete(&key).map_err(failed)?),
    }
}
