//! The objectstorage provider: buckets and objects of Hetzner Object Storage.
//!
//! Hetzner's API for Object Storage is S3, an endpoint for each location; there is no other one, and none that makes access
//! keys: those come from the Hetzner Console. [`ObjectStorageFactory`] is all that others need. Requests
//! are those of `ferroform-s3`. `bucket` and `object` are the two kinds of resources,
//! `provider` puts them behind the `Provider` trait.
//!
//! What Hetzner's service does and does not do is taken from its "List of supported actions"
//! (docs.hetzner.com/storage/object-storage/supported-actions): only the access control lists `private` and `public-read` at
//! creation, `NoncurrentDays` as the only option of a noncurrent version's expiration, no tags on buckets, no website, logging,
//! replication or notifications. Nothing here was tried against the real service; it is tried against the local cloud
//! and against an independent S3 server.

mod attrs;
mod bucket;
mod data_sources;
mod failure;
mod object;
mod policy;
mod provider;
mod rules;
mod settings;

pub use provider::ObjectStorageFactory;
pub use settings::Settings;
