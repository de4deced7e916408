//! Schemas.

use prost::{Enumeration, Message};

use super::StringKind;

/// The schema of a provider, resource or data source.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct Schema {
    /// The version of the state's shape.
    #[prost(int64, tag = "1")]
    pub(crate) version: i64,
    /// What the block holds.
    #[prost(message, optional, tag = "2")]
    pub(crate) block: Option<Block>,
}

/// The attributes and nested blocks of a block.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct Block {
    /// Version of the schema that the block is the outermost of.
    #[prost(int64, tag = "1")]
    pub(crate) version: i64,
    /// Its attributes.
    #[prost(message, repeated, tag = "2")]
    pub(crate) attributes: Vec<Attribute>,
    /// Its nested blocks.
    #[prost(message, repeated, tag = "3")]
    pub(crate) block_types: Vec<NestedBlock>,
    /// For people.
    #[prost(string, tag = "4")]
    pub(crate) description: String,
    /// How the description is written.
    #[prost(enumeration = "StringKind", tag = "5")]
    pub(crate) description_kind: i32,
    /// It should no longer be used.
    #[prost(bool, tag = "6")]
    pub(crate) deprecated: bool,
}

/// An attribute.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct Attribute {
    /// Its name.
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    /// Its type as JSON; empty if it has nested attributes.
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) r#type: Vec<u8>,
    /// For people.
    #[prost(string, tag = "3")]
    pub(crate) description: String,
    /// Must be set.
    #[prost(bool, tag = "4")]
    pub(crate) required: bool,
    /// May be set.
    #[prost(bool, tag = "5")]
    pub(crate) optional: bool,
    /// Is given by the provider where it is not set.
    #[prost(bool, tag = "6")]
    pub(crate) computed: bool,
    /// Is never shown.
    #[prost(bool, tag = "7")]
    pub(crate) sensitive: bool,
    /// How the description is written.
    #[prost(enumeration = "StringKind", tag = "8")]
    pub(crate) description_kind: i32,
    /// It should no longer be used.
    #[prost(bool, tag = "9")]
    pub(crate) deprecated: bool,
    /// The attributes inside.
    #[prost(message, optional, tag = "10")]
    pub(crate) nested_type: Option<Object>,
    /// Is never kept.
    #[prost(bool, tag = "11")]
    pub(crate) write_only: bool,
}

/// How often a nested block may be given, and how it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Enumeration)]
#[repr(i32)]
pub(crate) enum Nesting {
    /// Never sent.
    Invalid = 0,
    /// At most one.
    Single = 1,
    /// A list.
    List = 2,
    /// A set.
    Set = 3,
    /// A map.
    Map = 4,
    /// At most one, which is never null. Only of blocks.
    Group = 5,
}

/// A block inside a block.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct NestedBlock {
    /// Its type name.
    #[prost(string, tag = "1")]
    pub(crate) type_name: String,
    /// What it holds.
    #[prost(message, optional, tag = "2")]
    pub(crate) block: Option<Block>,
    /// How it is kept.
    #[prost(enumeration = "Nesting", tag = "3")]
    pub(crate) nesting: i32,
    /// Least number of blocks.
    #[prost(int64, tag = "4")]
    pub(crate) min_items: i64,
    /// Greatest number of blocks, zero for no limit.
    #[prost(int64, tag = "5")]
    pub(crate) max_items: i64,
}

/// Attributes inside an attribute.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct Object {
    /// The attributes.
    #[prost(message, repeated, tag = "1")]
    pub(crate) attributes: Vec<Attribute>,
    /// How they are kept; never [`Nesting::Group`].
    #[prost(enumeration = "Nesting", tag = "3")]
    pub(crate) nesting: i32,
}

/// How a function is called and what it gives.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct Function {
    /// What every call must give, in order.
    #[prost(message, repeated, tag = "1")]
    pub(crate) parameters: Vec<Parameter>,
    /// What further arguments are, if there may be any.
    #[prost(message, optional, tag = "2")]
    pub(crate) variadic_parameter: Option<Parameter>,
    /// The result.
    #[prost(message, optional, tag = "3")]
    pub(crate) r#return: Option<Return>,
    /// A few words for people.
    #[prost(string, tag = "4")]
    pub(crate) summary: String,
    /// Some sentences for people.
    #[prost(string, tag = "5")]
    pub(crate) description: String,
    /// How the description is written.
    #[prost(enumeration = "StringKind", tag = "6")]
    pub(crate) description_kind: i32,
    /// What to call instead; empty if it may be called.
    #[prost(string, tag = "7")]
    pub(crate) deprecation_message: String,
}

/// What a function takes in one place.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct Parameter {
    /// Its name.
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    /// Its type as JSON.
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) r#type: Vec<u8>,
    /// Null is an argument.
    #[prost(bool, tag = "3")]
    pub(crate) allow_null_value: bool,
    /// The function is called with unknown values.
    #[prost(bool, tag = "4")]
    pub(crate) allow_unknown_values: bool,
    /// For people.
    #[prost(string, tag = "5")]
    pub(crate) description: String,
    /// How the description is written.
    #[prost(enumeration = "StringKind", tag = "6")]
    pub(crate) description_kind: i32,
}

/// What a function gives.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct Return {
    /// Its type as JSON.
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) r#type: Vec<u8>,
}
