//! A client of the S3 API: the calls that Ferroform makes, and no others.
//!
//! [`Client`] signs requests, repeats them where that is right, and gives answers as data. Addresses are those with the bucket
//! in the path, which Hetzner Object Storage, MinIO and Amazon S3 all understand. Two writers are kept apart by
//! [`Condition`]s of a write.

pub mod backend;
mod buckets;
mod call;
mod client;
mod error;
mod objects;
mod sign;
mod time;
mod xml;

pub use buckets::{Acl, Bucket, BucketConfig, CorsRule, LifecycleRule, LockMode, ObjectLock, Retention};
pub use call::{Body, hex};
pub use client::{Client, ClientConfig};
pub use error::{Error, Refusal};
pub use objects::{Condition, Headers, ObjectInfo, Put};
pub use sign::Credentials;
