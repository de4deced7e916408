//! What snapshots and subaccounts of storage boxes have in common: they are named by the box and a number.

use ferroform_core::Value;
use ferroform_hcloud::{Error, Filter, StorageBoxPart, StorageBoxParts};

use super::{parse_id, unreadable};
use crate::attrs::{Attrs, State, int};
use crate::failure::Failure;
use crate::resource::Candidate;
use crate::seen::{NeededParts, Parts};

/// What an import id looks like.
pub(super) const IMPORT_ID: &str =
    "the number of the storage box, a slash and its own number, such as `123/456`";

/// The storage box and the number of what is in it.
pub(super) fn place(attrs: Attrs<'_>) -> Option<(i64, i64)> {
    Some((attrs.int("storage_box_id")?, attrs.id()?))
}

/// The same of a state that must name one.
pub(super) fn must_place(prior: Attrs<'_>) -> Result<(i64, i64), Failure> {
    place(prior).ok_or_else(|| unreadable(prior))
}

/// Fills the state of an import.
pub(super) fn import(import_id: &str, state: &mut State) -> Result<(), &'static str> {
    let parts = import_id.split_once('/');
    let parts = parts.and_then(|(storage_box, id)| Some((parse_id(storage_box)?, parse_id(id)?)));
    let (storage_box, id) = parts.ok_or(IMPORT_ID)?;
    state.set("storage_box_id", int(storage_box));
    state.set_id(id);
    Ok(())
}

/// Asks for the one that a state names.
pub(super) fn need(prior: Attrs<'_>, needed: &mut NeededParts) {
    if let Some((storage_box, id)) = place(prior) {
        needed.entry(storage_box).or_default().insert(id);
    }
}

/// Writes what was seen of the one that a state names, if it is still there.
pub(super) fn observe<T>(
    prior: Attrs<'_>,
    mut state: State,
    seen: &Parts<T>,
    shown: impl FnOnce(&T) -> Vec<(&'static str, Value)>,
) -> Result<Option<State>, Error> {
    let Some((storage_box, id)) = place(prior) else { return Ok(None) };
    let Some(all) = seen.get(&storage_box) else { return Ok(None) };
    let Some(part) = all.get(&id)? else { return Ok(None) };
    for (name, value) in shown(part) {
        state.set(name, value);
    }
    Ok(Some(state))
}

/// Those of a storage box that may have come of a creation, put into what was seen as well.
pub(super) async fn candidates<T: StorageBoxPart>(
    parts: StorageBoxParts<'_, T>,
    seen: &mut Parts<T>,
    may_be: impl Fn(&T) -> bool,
) -> Result<Vec<Candidate>, Failure> {
    let found = match parts.list(&Filter::all()).await {
        Ok(found) => found,
        Err(error) if error.is_not_found() => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let mut candidates = Vec::new();
    for part in found.into_iter().filter(may_be) {
        candidates.push(Candidate { id: part.id().to_string(), created: Some(part.created().to_owned()) });
        seen.entry(part.storage_box()).or_default().insert(part.id(), part);
    }
    Ok(candidates)
}
