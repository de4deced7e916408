//! The provider against the local cloud.

mod ahead;
mod answers;
mod batches;
mod cluster;
mod compat;
mod data;
mod lifecycles;
mod public_side;
mod quota;
mod schema;
mod stack;
mod validation;
mod wishes;
