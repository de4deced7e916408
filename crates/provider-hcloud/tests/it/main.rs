//! The provider against the local cloud.

mod answers;
mod batches;
mod cluster;
mod compat;
mod data;
mod lifecycles;
mod quota;
mod schema;
mod stack;
mod validation;
mod wishes;
