//! Values in MessagePack, in the form that go-cty gives them and Terraform sends them to its plugins.
//!
//! The type is known to both sides and is not sent, so a value is read with the type it was written with:
//!
//! | value | encoded as |
//! |---|---|
//! | null | nil |
//! | bool, string | bool, str |
//! | number | the shortest int, if it is one of 64 bits; a float, if it is one exactly; else decimal text |
//! | infinity | a float |
//! | list, set, tuple | array |
//! | map, object | map with keys in their order |
//! | anything where the type is left open | array of two: the type as JSON in a bin, and the value |
//! | unknown | extension 0; extension 12 with a map of what is known of it |
//!
//! Input may come from anywhere: reading never panics and
//! refuses what is nested too deeply.

mod decode;
mod encode;
#[cfg(test)]
mod tests;

pub use decode::decode;
pub use encode::encode;

/// The extension of an unknown value of which nothing is known. Its one byte has no meaning.
const UNKNOWN: u8 = 0;
/// The extension of an unknown value with refinements.
const REFINED: u8 = 12;

/// Values nested deeper than this are refused.
const MAX_DEPTH: usize = 120;

/// What is known of an unknown value: the keys of the map.
mod refinement {
    /// False if it will not be null, true if it will.
    pub(super) const NULL: i64 = 1;
    /// A string that it will start with.
    pub(super) const STRING_PREFIX: i64 = 2;
    /// An array of two: the least number, and whether that is possible itself.
    pub(super) const NUMBER_MIN: i64 = 3;
    /// The same of the greatest number.
    pub(super) const NUMBER_MAX: i64 = 4;
    /// Least length of a collection.
    pub(super) const LENGTH_MIN: i64 = 5;
    /// Greatest length of a collection.
    pub(super) const LENGTH_MAX: i64 = 6;
}
