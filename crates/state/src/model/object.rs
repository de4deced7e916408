//! One object as the state knows it.

use std::fmt;
use std::str::FromStr;

use ferroform_core::AttrPath;
use ferroform_core::addr::{ConfigResource, ResourceInstance};
use sha2::{Digest, Sha256};

use crate::json::RawJson;

/// Whether an object may be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ObjectStatus {
    /// All is well.
    #[default]
    Ready,
    /// Its creation did not come to a good end; it is to be replaced.
    Tainted,
}

/// An object that exists, as it was last known.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Object {
    /// Whether it may be relied on.
    pub status: ObjectStatus,
    /// The version of the resource type's schema that the attributes follow.
    pub schema_version: u64,
    /// The attributes, JSON by the schema's type.
    pub attributes: RawJson,
    /// The places in the attributes that must not be shown because of what was put there.
    pub sensitive_paths: Vec<AttrPath>,
    /// The provider's own data.
    pub private: Vec<u8>,
    /// The resources whose objects this one needs, so that it goes before them. Sorted by their text.
    pub dependencies: Vec<ConfigResource>,
    /// Whether a replacement comes before the deletion.
    pub create_before_destroy: bool,
    /// The identity that newer versions of Terraform keep; carried along.
    pub identity: Option<ObjectIdentity>,
}

/// The identity of an object, as Terraform from 1.12 on keeps it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ObjectIdentity {
    /// The version of the identity's schema.
    pub schema_version: u64,
    /// The identity's attributes, if the provider gave any.
    pub attributes: Option<RawJson>,
}

impl Object {
    /// An object with the given attributes and nothing else.
    pub fn new(schema_version: u64, attributes: &serde_json::Value) -> Object {
        Object { schema_version, attributes: RawJson::from_value(attributes), ..Object::default() }
    }

    /// Whether it is tainted.
    pub fn is_tainted(&self) -> bool {
        self.status == ObjectStatus::Tainted
    }

    /// With dependencies as the statefile wants them: each once, sorted by text.
    pub(crate) fn normalised(mut self) -> Object {
        let ordered = self.dependencies.is_sorted_by(|a, b| a.to_string() < b.to_string());
        if !ordered {
            self.dependencies.sort_by_cached_key(ToString::to_string);
            self.dependencies.dedup();
        }
        self
    }
}

/// Without attributes and private data, which may be secret.
impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Object")
            .field("status", &self.status)
            .field("schema_version", &self.schema_version)
            .field("attributes", &self.attributes)
            .field("create_before_destroy", &self.create_before_destroy)
            .finish_non_exhaustive()
    }
}

/// Names a deposed object of an instance; shown as eight hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeposedKey(pub u32);

impl DeposedKey {
    /// The first key to try for an instance.
    pub(crate) fn derive(lineage: &str, serial: u64, address: &ResourceInstance) -> DeposedKey {
        let digest = Sha256::digest(format!("{lineage}\0{serial}\0{address}"));
        let head = digest.iter().take(4).fold(0u32, |n, b| n << 8 | u32::from(*b));
        DeposedKey(head)
    }

    /// The key to try when this one is taken.
    pub(crate) fn next(self) -> DeposedKey {
        DeposedKey(self.0.wrapping_add(1))
    }
}

impl fmt::Display for DeposedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

/// Why a text is not a [`DeposedKey`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeposedKeyError;

impl fmt::Display for DeposedKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a deposed key has eight hexadecimal digits in lower case")
    }
}

impl std::error::Error for DeposedKeyError {}

impl FromStr for DeposedKey {
    type Err = DeposedKeyError;
    fn from_str(text: &str) -> Result<Self, DeposedKeyError> {
        let digits = text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if text.len() != 8 || !digits {
            return Err(DeposedKeyError);
        }
        u32::from_str_radix(text, 16).map(DeposedKey).map_err(|_| DeposedKeyError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deposed_keys_read_back_as_written() {
        for text in ["00000001", "deadbeef"] {
            assert_eq!(text.parse::<DeposedKey>().unwrap().to_string(), text);
        }
        for text in ["1", "DEADBEEF", "+0000001", "deadbeef0"] {
            assert!(text.parse::<DeposedKey>().is_err(), "{text}");
        }
    }

    #[test]
    fn dependencies_are_sorted_by_text_and_given_once() {
        let parse =
            |texts: &[&str]| texts.iter().map(|t| t.parse().unwrap()).collect::<Vec<ConfigResource>>();
        let object =
            Object { dependencies: parse(&["a.z", "module.b.a.c", "a.b", "a.z"]), ..Object::default() };
        assert_eq!(object.normalised().dependencies, parse(&["a.b", "a.z", "module.b.a.c"]));
    }
}
