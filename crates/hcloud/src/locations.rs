//! Locations.

use serde::Deserialize;

use crate::collection::object;
use crate::lenient::null_as_default;

/// A place where servers run.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Location {
    /// Its id.
    pub id: i64,
    /// Its name, such as `fsn1`.
    pub name: String,
    /// For people.
    #[serde(default, deserialize_with = "null_as_default")]
    pub description: String,
    /// ISO 3166-1 alpha-2 code.
    #[serde(default, deserialize_with = "null_as_default")]
    pub country: String,
    /// The city.
    #[serde(default, deserialize_with = "null_as_default")]
    pub city: String,
    /// Degrees north.
    #[serde(default, deserialize_with = "null_as_default")]
    pub latitude: f64,
    /// Degrees east.
    #[serde(default, deserialize_with = "null_as_default")]
    pub longitude: f64,
    /// The zone of private networks that it belongs to.
    #[serde(default, deserialize_with = "null_as_default")]
    pub network_zone: String,
}

object!(Location, "/locations", "location", "locations");
