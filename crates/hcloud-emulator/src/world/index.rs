//! Finds rows by what they hold: by name, and by what they belong to. It is brought up to date when it is asked, so
//! that whoever changes a row need not know of it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::table::Row;

/// It is brought up to date at the latest when so many rows have changed.
const MOST_STALE: usize = 4096;

/// Rows by name and by owner.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    /// Rows that may be others than the index has.
    stale: BTreeSet<i64>,
    /// Under what each row is found.
    known: HashMap<i64, (String, Vec<i64>)>,
    by_name: HashMap<String, BTreeSet<i64>>,
    by_owner: HashMap<i64, BTreeSet<i64>>,
}

impl Index {
    /// One that has all of these to learn.
    pub(super) fn of(ids: impl Iterator<Item = i64>) -> Self {
        Self { stale: ids.collect(), ..Self::default() }
    }

    /// Takes note that a row is about to be another, or gone.
    pub(super) fn forget<T: Row>(&mut self, id: i64, rows: &BTreeMap<i64, T>) {
        self.stale.insert(id);
        if self.stale.len() > MOST_STALE {
            self.refresh(rows);
            // The row itself changes only after this.
            self.stale.insert(id);
        }
    }

    fn refresh<T: Row>(&mut self, rows: &BTreeMap<i64, T>) {
        fn take<K: std::hash::Hash + Eq>(map: &mut HashMap<K, BTreeSet<i64>>, key: &K, id: i64) {
            if let Some(ids) = map.get_mut(key) {
                ids.remove(&id);
                if ids.is_empty() {
                    map.remove(key);
                }
            }
        }
        for id in std::mem::take(&mut self.stale) {
            if let Some((name, owners)) = self.known.remove(&id) {
                take(&mut self.by_name, &name, id);
                owners.iter().for_each(|owner| take(&mut self.by_owner, owner, id));
            }
            let Some(row) = rows.get(&id) else { continue };
            let (name, owners) = (row.name(), row.owners().collect::<Vec<_>>());
            if name.is_empty() && owners.is_empty() {
                continue;
            }
            if !name.is_empty() {
                self.by_name.entry(name.to_owned()).or_default().insert(id);
            }
            for owner in &owners {
                self.by_owner.entry(*owner).or_default().insert(id);
            }
            self.known.insert(id, (name.to_owned(), owners));
        }
    }

    /// The rows with a name, in the order of their ids.
    pub(super) fn named<T: Row>(&mut self, name: &str, rows: &BTreeMap<i64, T>) -> Vec<i64> {
        self.refresh(rows);
        self.by_name.get(name).into_iter().flatten().copied().collect()
    }

    /// The rows of an owner, in the order of their ids.
    pub(super) fn owned_by<T: Row>(&mut self, owner: i64, rows: &BTreeMap<i64, T>) -> Vec<i64> {
        self.refresh(rows);
        self.by_owner.get(&owner).into_iter().flatten().copied().collect()
    }
}
