//! A client of the S3 API: the calls that this provider makes, and no others.

mod buckets;
mod call;
mod client;
mod error;
mod objects;
mod sign;
mod time;
mod xml;

pub(crate) use buckets::{
    Acl, Bucket, BucketConfig, CorsRule, LifecycleRule, LockMode, ObjectLock, Retention,
};
pub(crate) use call::{Body, hex};
pub(crate) use client::{Client, ClientConfig};
pub(crate) use error::Error;
pub(crate) use objects::{Headers, ObjectInfo, Put};
pub(crate) use sign::Credentials;
