//! State: what is known of the objects under management, and where that knowledge is kept.
//!
//! - [`model`]: the state itself, in memory.
//! - [`file`]: the statefile, format 4, byte for byte as Terraform writes it.
//!
//! Nothing here knows the language, asks a clock or reads the environment; all calls are synchronous.

pub mod json;
pub mod model;

pub use json::RawJson;
pub use model::{
    DeposedKey, EachMode, InstanceState, Object, ObjectIdentity, ObjectStatus, OutputValue, ResourceState,
    State, TERRAFORM_VERSION,
};
