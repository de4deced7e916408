//! The ground every other crate of Ferroform stands on: addresses, types, values, schemas and diagnostics; and the
//! compression that functions and providers share.
//!
//! Nothing here performs IO, knows about time or depends on another crate of the project.

pub mod addr;
pub mod convert;
pub mod diag;
pub mod function;
pub mod gzip;
pub mod number;
pub mod ops;
pub mod parallel;
pub mod path;
pub mod schema;
pub mod span;
pub mod types;
pub mod value;
pub mod wire;

pub use diag::{Diagnostic, Diagnostics, Severity};
pub use number::Number;
pub use path::{AttrPath, Step};
pub use span::{Source, SourceId, Sources, Span};
pub use types::Type;
pub use value::{Entries, Marks, Origin, Refinements, Value, ValueKind};
