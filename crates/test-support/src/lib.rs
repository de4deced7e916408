//! What tests of several crates share.

pub mod fixture;
pub mod journal;
pub mod provider;
pub mod terraform_json;

pub use fixture::files;
pub use journal::MemoryJournal;
pub use provider::FakeProvider;
