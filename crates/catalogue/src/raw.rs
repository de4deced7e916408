//! Reading of the data file into the public types.

use serde::{Deserialize, Deserializer};

use crate::Eur;

/// An optional price, written in the data file as a decimal string or null.
pub(crate) fn optional_price<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Eur>, D::Error> {
    Option::<String>::deserialize(deserializer)?
        .map(|text| text.parse().map_err(serde::de::Error::custom))
        .transpose()
}

/// A price that is always known.
pub(crate) fn price<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Eur, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}
