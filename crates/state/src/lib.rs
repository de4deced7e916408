//! State: what is known of the objects under management, and where that knowledge is kept.
//!
//! - [`model`]: the state itself, in memory.
//! - [`mod@file`]: the statefile, format 4, byte for byte as Terraform writes it.
//! - [`journal`]: what a run did since the statefile was written.
//! - [`manager`]: what every place where a state is kept must be able to do; [`local`]: local files;
//!   [`remote`]: objects in a store such as S3.
//! - [`world`]: which outside world a state belongs to.
//!
//! Nothing here knows the language, asks a clock or reads the environment; all calls are synchronous.

pub mod file;
pub mod journal;
pub mod json;
mod kept;
pub mod local;
pub mod manager;
pub mod model;
pub mod remote;
pub mod world;

pub use journal::{Action, Change, Intent, Journal, OpenOperation, Record};
pub use json::RawJson;
pub use local::{Backup, LocalManager, LocalOptions};
pub use manager::{Loaded, LockInfo, LockWait, Manager, Written};
pub use model::{
    DeposedKey, EachMode, InstanceState, Object, ObjectIdentity, ObjectStatus, OutputValue, ResourceState,
    State, TERRAFORM_VERSION,
};
pub use remote::{ObjectStore, RemoteManager, RemoteOptions};
pub use world::WorldBinding;
