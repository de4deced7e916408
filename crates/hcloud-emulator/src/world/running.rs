//! The actions of a project that are not over: by the moment they end, and by what they are about.

use std::collections::{BTreeMap, BTreeSet};

use super::{Action, ResourceRef};

/// Actions that are not over; derived from all actions.
#[derive(Clone, Debug, Default)]
pub(super) struct Running {
    /// The moment each ends, and its id.
    by_end: BTreeSet<(i64, i64)>,
    by_object: BTreeMap<ResourceRef, BTreeSet<i64>>,
}

impl Running {
    pub(super) fn insert(&mut self, action: &Action) {
        self.by_end.insert((action.finishes, action.id));
        for object in &action.resources {
            self.by_object.entry(*object).or_default().insert(action.id);
        }
    }

    /// Takes an action out; its end and its objects are those that it had when it was put in.
    pub(super) fn remove(&mut self, action: &Action) {
        self.by_end.remove(&(action.finishes, action.id));
        for object in &action.resources {
            if let Some(ids) = self.by_object.get_mut(object) {
                ids.remove(&action.id);
                if ids.is_empty() {
                    self.by_object.remove(object);
                }
            }
        }
    }

    /// All of them, those that end first before others.
    pub(super) fn ids(&self) -> impl Iterator<Item = i64> {
        self.by_end.iter().map(|(_, id)| *id)
    }

    /// Those that end by a moment, those that end first before others.
    pub(super) fn due(&self, now: i64) -> impl Iterator<Item = i64> {
        self.by_end.range(..=(now, i64::MAX)).map(|(_, id)| *id)
    }

    /// Those that are about an object.
    pub(super) fn about(&self, object: ResourceRef) -> impl Iterator<Item = i64> {
        self.by_object.get(&object).into_iter().flatten().copied()
    }

    pub(super) fn len(&self) -> usize {
        self.by_end.len()
    }
}
