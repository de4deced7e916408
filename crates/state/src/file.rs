//! The statefile, format 4: read from and written to bytes exactly as Terraform does it.
//!
//! Order of resources and keys, indentation, escapes and what is left out are Terraform's, so that a file that
//! Terraform 1.11 wrote is read and written back without a changed byte. Beyond Terraform's own, `each` of old files
//! and the identity fields of newer ones are carried along.

mod layout;
mod path;
mod read;
mod write;

pub use read::{MAX_BYTES, read};
pub use write::write;

pub(crate) use read::{ObjectIn, OutputIn, text};
pub(crate) use write::{ObjectOut, OutputOut};

/// The format that is read and written.
pub const FORMAT: u64 = 4;
