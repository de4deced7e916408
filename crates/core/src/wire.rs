//! Values and types as JSON.
//!
//! Two encodings: the one of Terraform's statefile ([`to_json`], [`from_json`]), which needs the type to be read and
//! knows neither unknown values nor marks; and one of our own for planfiles ([`encode`], [`decode`]), which loses
//! nothing. Input may come from anywhere: reading never panics, and refuses what is nested too deeply.

use std::fmt;

use crate::path::AttrPath;

mod json;
mod lossless;
#[cfg(test)]
mod tests;
mod types;

pub use json::{from_json, implied_type, number_to_json, to_json};
pub use lossless::{decode, decode_as, encode, encode_as};
pub use types::{type_from_json, type_to_json};

/// Types and values nested deeper than this are refused. serde_json stops reading at 128 levels.
const MAX_DEPTH: usize = 120;

/// Why a value or type does not convert from or to JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WireError {
    /// Where in the value.
    pub path: AttrPath,
    /// What is wrong, without a full stop: "number is required".
    pub message: String,
}

impl WireError {
    fn new(path: &AttrPath, message: impl Into<String>) -> Self {
        WireError { path: path.clone(), message: message.into() }
    }

    fn at_root(message: impl Into<String>) -> Self {
        Self::new(&AttrPath::root(), message)
    }
}

/// `.network[0].ip: number is required`
impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_root() {
            f.write_str(&self.message)
        } else {
            write!(f, "{}: {}", self.path, self.message)
        }
    }
}

impl std::error::Error for WireError {}

/// A name for a kind of JSON value, for messages.
fn json_kind(json: &serde_json::Value) -> &'static str {
    match json {
        serde_json::Value::Null => "null",
        serde_json::Value::Bool(_) => "a boolean",
        serde_json::Value::Number(_) => "a number",
        serde_json::Value::String(_) => "a string",
        serde_json::Value::Array(_) => "an array",
        serde_json::Value::Object(_) => "an object",
    }
}
