//! Storage box types.

use serde::Deserialize;

use crate::collection::object;
use crate::images::Deprecation;
use crate::lenient::null_as_default;

/// A kind of storage box.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct StorageBoxType {
    /// Its id.
    pub id: i64,
    /// Its name, such as `bx11`.
    pub name: String,
    /// For people.
    #[serde(default, deserialize_with = "null_as_default")]
    pub description: String,
    /// Most snapshots taken by hand.
    #[serde(default)]
    pub snapshot_limit: Option<i64>,
    /// Most snapshots of those that a plan takes.
    #[serde(default)]
    pub automatic_snapshot_limit: Option<i64>,
    /// Most subaccounts.
    #[serde(default, deserialize_with = "null_as_default")]
    pub subaccounts_limit: i64,
    /// Space in bytes.
    #[serde(default, deserialize_with = "null_as_default")]
    pub size: i64,
    /// When it goes out of use.
    #[serde(default)]
    pub deprecation: Option<Deprecation>,
}

object!(StorageBoxType, "/storage_box_types", "storage_box_type", "storage_box_types");
