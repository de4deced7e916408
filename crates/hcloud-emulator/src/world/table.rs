//! Rows by id that remember which of them changed, so that each change can be written to disk on its own.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::Labels;

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
}

/// Implements [`Row`] for a struct with the fields `id`, `name`, `labels` and `created`.
macro_rules! named_row {
    ($row:ty) => {
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
        }
    };
}
pub(crate) use named_row;

/// Rows in the order of their ids.
#[derive(Clone, Debug)]
pub(crate) struct Table<T> {
    rows: BTreeMap<i64, T>,
    touched: BTreeSet<i64>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { rows: BTreeMap::new(), touched: BTreeSet::new() }
    }
}

impl<T: Row> Table<T> {
    pub(crate) fn get(&self, id: i64) -> Option<&T> {
        self.rows.get(&id)
    }

    /// The row, which counts as changed from now on.
    pub(crate) fn get_mut(&mut self, id: i64) -> Option<&mut T> {
        let row = self.rows.get_mut(&id)?;
        self.touched.insert(id);
        Some(row)
    }

    pub(crate) fn contains(&self, id: i64) -> bool {
        self.rows.contains_key(&id)
    }

    pub(crate) fn insert(&mut self, row: T) {
        let id = row.id();
        self.touched.insert(id);
        self.rows.insert(id, row);
    }

    pub(crate) fn remove(&mut self, id: i64) -> Option<T> {
        let row = self.rows.remove(&id)?;
        self.touched.insert(id);
        Some(row)
    }

    pub(crate) fn values(&self) -> impl DoubleEndedIterator<Item = &T> + Clone {
        self.rows.values()
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether a row other than `except` has that name.
    pub(crate) fn name_taken(&self, name: &str, except: Option<i64>) -> bool {
        self.rows.values().any(|row| row.name() == name && Some(row.id()) != except)
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
        Ok(Self { rows: rows.into_iter().map(|row| (row.id(), row)).collect(), touched: BTreeSet::new() })
    }
}
