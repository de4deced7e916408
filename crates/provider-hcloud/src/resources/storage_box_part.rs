//! What snapshots and subaccounts of storage boxes have in common: they are named by the box and a number.

use ferroform_hcloud::{Filter, StorageBoxPart, StorageBoxParts};

use super::{parse_id, unreadable};
use crate::attrs::{Attrs, State, int};
use crate::failure::Failure;
use crate::resource::Candidate;
use crate::seen::Parts;

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
