//! Rows by id that remember which of them changed, so that each change can be written to disk on its own.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::Labels;
use super::index::Index;

/// What every kind of object has.
pub(crate) trait Row: Serialize + DeserializeOwned {
    /// The id.
    fn id(&self) -> i64;
    /// The name; empty for what has none.
    fn name(&self) -> &str;
    /// The labels; none for what has none.
    fn labels(&self) -> Option<&Labels>;
    /// Time of creation, in milliseconds since 1970.
    fn created(&self) -> i64;
    /// The ids of what it belongs to, of a kind that is looked up by that: the server of a volume, what an action is about.
    fn owners(&self) -> impl Iterator<Item = i64> {
        std::iter::empty()
    }
}

/// Implements [`Row`] for a struct with the fields `id`, `name`, `labels` and `created`, and, if it belongs to a server, the
/// field that says to which one.
macro_rules! named_row {
    ($row:ty $(, owner: $owner:ident)?) => {
        impl $crate::world::table::Row for $row {
            fn id(&self) -> i64 {
                self.id
            }
            fn name(&self) -> &str {
                &self.name
            }
            fn labels(&self) -> Option<&$crate::world::Labels> {
                Some(&self.labels)
            }
            fn created(&self) -> i64 {
                self.created
            }
            $(fn owners(&self) -> impl Iterator<Item = i64> {
                self.$owner.into_iter()
            })?
        }
    };
}
pub(crate) use named_row;

/// Rows in the order of their ids.
#[derive(Clone, Debug)]
pub(crate) struct Table<T> {
    rows: BTreeMap<i64, T>,
    touched: BTreeSet<i64>,
    index: RefCell<Index>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { rows: BTreeMap::new(), touched: BTreeSet::new(), index: RefCell::default() }
    }
}

impl<T: Row> Table<T> {
    pub(crate) fn get(&self, id: i64) -> Option<&T> {
        self.rows.get(&id)
    }

    /// The row, which counts as changed from now on.
    pub(crate) fn get_mut(&mut self, id: i64) -> Option<&mut T> {
        if !self.contains(id) {
            return None;
        }
        self.touch(id);
        self.rows.get_mut(&id)
    }

    pub(crate) fn contains(&self, id: i64) -> bool {
        self.rows.contains_key(&id)
    }

    pub(crate) fn insert(&mut self, row: T) {
        let id = row.id();
        self.touch(id);
        self.rows.insert(id, row);
    }

    fn touch(&mut self, id: i64) {
        self.touched.insert(id);
        self.index.get_mut().forget(id, &self.rows);
    }

    pub(crate) fn remove(&mut self, id: i64) -> Option<T> {
        if !self.contains(id) {
            return None;
        }
        self.touch(id);
        self.rows.remove(&id)
    }

    pub(crate) fn values(&self) -> impl DoubleEndedIterator<Item = &T> + Clone {
        self.rows.values()
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether a row other than `except` has that name.
    pub(crate) fn name_taken(&self, name: &str, except: Option<i64>) -> bool {
        self.named(name).into_iter().any(|id| Some(id) != except)
    }

    /// The ids of the rows with a name, unless that is empty.
    pub(crate) fn named(&self, name: &str) -> Vec<i64> {
        if name.is_empty() {
            return Vec::new();
        }
        self.index.borrow_mut().named(name, &self.rows)
    }

    /// The rows that belong to something, in the order of their ids.
    pub(crate) fn owned_by(&self, owner: i64) -> impl Iterator<Item = &T> {
        let ids = self.index.borrow_mut().owned_by(owner, &self.rows);
        ids.into_iter().filter_map(|id| self.rows.get(&id))
    }

    /// Whether a row changed since [`Table::drain`] was called last.
    pub(crate) fn is_changed(&self) -> bool {
        !self.touched.is_empty()
    }

    /// What changed since the last call: each row as it is now, or `None` once it is gone.
    pub(crate) fn drain(&mut self) -> Vec<(i64, Option<Value>)> {
        std::mem::take(&mut self.touched)
            .into_iter()
            .map(|id| (id, self.rows.get(&id).and_then(|row| serde_json::to_value(row).ok())))
            .collect()
    }

    /// Repeats one change of an earlier [`Table::drain`].
    pub(crate) fn restore(&mut self, id: i64, row: Option<Value>) -> Result<(), serde_json::Error> {
        self.index.get_mut().forget(id, &self.rows);
        match row {
            Some(row) => {
                self.rows.insert(id, serde_json::from_value(row)?);
            }
            None => {
                self.rows.remove(&id);
            }
        }
        Ok(())
    }
}

impl<T: Serialize> Serialize for Table<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.rows.values())
    }
}

impl<'de, T: Row> Deserialize<'de> for Table<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let rows = Vec::<T>::deserialize(deserializer)?;
        let index = RefCell::new(Index::of(rows.iter().map(Row::id)));
        let rows = rows.into_iter().map(|row| (row.id(), row)).collect();
        Ok(Self { rows, touched: BTreeSet::new(), index })
    }
}
