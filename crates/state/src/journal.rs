//! The operations journal: what was begun and how it ended, durable before and after each change of the world.
//!
//! A statefile is written once, when a run ends. Until then every change is in the journal: the *intent* is on disk
//! before a request leaves, a *checkpoint* as soon as the provider knows the object's id, and the *result* after. The
//! state that a run began with and the journal always give the true state ([`recover`]).
//!
//! Where the state is far away the journal is too, cut into objects that are each written whole: see [`crate::remote`].
//!
//! # Format
//! A text file of frames, one a line:
//!
//! ```text
//! LENGTH SYNCED CHECKSUM PAYLOAD\n
//! ```
//!
//! LENGTH is the payload's length in bytes (8 hexadecimal digits), SYNCED the length of the file that was known to be
//! on disk when the frame was written (16 digits), CHECKSUM the first 8 bytes of the SHA-256 of the line without the
//! checksum (16 digits), PAYLOAD a JSON text without line breaks. The first frame is the header, see [`Header`]; each
//! other a [`Record`].
//!
//! SYNCED makes a torn end and a damaged middle distinguishable: what lies behind the greatest SYNCED of all intact
//! frames was never promised to anyone, and a crash may leave any part of it unwritten. It is dropped from the first
//! frame that is not intact. Damage before that point is an error.

mod commit;
mod frame;
mod fresh;
mod record;
mod recover;
mod text;

use std::io;

pub use commit::GroupJournal;
pub(crate) use commit::Sink;
pub use record::{Action, Change, Header, Intent, Record};
pub use recover::{OpenOperation, Recovered, recover};

use frame::Frames;
pub(crate) use fresh::fresh;
pub(crate) use recover::{Base, recover_from, scan};

/// Where the records of a run go. Behind it may be a file, or something far away.
pub trait Journal: Send + Sync {
    /// Adds a record and returns when it is durable. Many threads may append at once: one sync serves them all.
    ///
    /// # Errors
    /// When the record may not be durable. Nothing can be appended to this journal any more then.
    fn append(&self, record: &Record) -> io::Result<()>;

    /// Adds a record that need not be durable yet: it will be with the next [`append`](Self::append) or
    /// [`sync`](Self::sync). Its place in the order is kept. For records whose loss does no harm, such as the result of
    /// an operation that can be done again.
    ///
    /// # Errors
    /// When the journal is broken or was ended.
    fn append_lazy(&self, record: &Record) -> io::Result<()>;

    /// Returns when all that was added is durable.
    ///
    /// # Errors
    /// As for [`append`](Self::append).
    fn sync(&self) -> io::Result<()>;

    /// A number for an operation, not used before in this journal.
    fn next_op(&self) -> u64;
}
