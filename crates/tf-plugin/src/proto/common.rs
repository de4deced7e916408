//! What many messages are made of.

use std::collections::BTreeMap;

use prost::{Enumeration, Message, Oneof};

/// Nothing: the request of methods that need none.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(crate) struct Empty {}

/// A value in one of two encodings.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct DynamicValue {
    /// As MessagePack; used if it is not empty.
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) msgpack: Vec<u8>,
    /// As JSON, which knows no unknown values.
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) json: Vec<u8>,
}

/// How bad a diagnostic is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Enumeration)]
#[repr(i32)]
pub(crate) enum Severity {
    /// Never sent.
    Invalid = 0,
    /// The request has failed.
    Error = 1,
    /// The request has not failed for this.
    Warning = 2,
}

/// Something to tell the user.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct Diagnostic {
    /// How bad it is.
    #[prost(enumeration = "Severity", tag = "1")]
    pub(crate) severity: i32,
    /// A phrase.
    #[prost(string, tag = "2")]
    pub(crate) summary: String,
    /// Whole sentences.
    #[prost(string, tag = "3")]
    pub(crate) detail: String,
    /// The attribute concerned.
    #[prost(message, optional, tag = "4")]
    pub(crate) attribute: Option<AttributePath>,
}

/// A way into a value.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct AttributePath {
    /// From the outside in.
    #[prost(message, repeated, tag = "1")]
    pub(crate) steps: Vec<AttributePathStep>,
}

/// One step of an [`AttributePath`].
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct AttributePathStep {
    /// Where to.
    #[prost(oneof = "Selector", tags = "1, 2, 3")]
    pub(crate) selector: Option<Selector>,
}

/// Where an [`AttributePathStep`] goes. There is none for elements of a set.
#[derive(Clone, PartialEq, Eq, Oneof)]
pub(crate) enum Selector {
    /// To an attribute of an object.
    #[prost(string, tag = "1")]
    AttributeName(String),
    /// To an element of a map.
    #[prost(string, tag = "2")]
    ElementKeyString(String),
    /// To an element of a list.
    #[prost(int64, tag = "3")]
    ElementKeyInt(i64),
}

/// An object as it stands in a statefile.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct RawState {
    /// As JSON.
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) json: Vec<u8>,
    /// As versions before 0.12 wrote it.
    #[prost(btree_map = "string, string", tag = "2")]
    pub(crate) flatmap: BTreeMap<String, String>,
}

/// How a text is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Enumeration)]
#[repr(i32)]
pub(crate) enum StringKind {
    /// As it is.
    Plain = 0,
    /// In Markdown.
    Markdown = 1,
}

/// What a provider can do that older ones could not.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(crate) struct ServerCapabilities {
    /// It wants to plan deletions.
    #[prost(bool, tag = "1")]
    pub(crate) plan_destroy: bool,
    /// It works without having been asked for its schema first.
    #[prost(bool, tag = "2")]
    pub(crate) get_provider_schema_optional: bool,
    /// It moves objects from one type to another.
    #[prost(bool, tag = "3")]
    pub(crate) move_resource_state: bool,
}
