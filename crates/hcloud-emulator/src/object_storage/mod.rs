//! Object storage beside the cloud: an S3 server with buckets, objects and their versions, on an address of its own.
//!
//! Hetzner's Object Storage has no API but S3. What is here is what its "List of supported actions" leaves of that
//! (docs.hetzner.com/storage/object-storage/supported-actions); where S3 leaves things open it does as Ceph does, of which
//! Hetzner's service is said to be made. Buckets belong to projects, each of which has one pair of keys, derived from the
//! project's token.
//!
//! Not as at Hetzner: rules of the lifecycle are kept and given back, but nothing expires; policies decide about
//! strangers only, the owner may always do everything; CORS rules are kept, but no answer carries their headers; chunks of
//! a body that is signed in chunks are not checked one by one; checksums other than MD5 and SHA-256 are not looked at.

mod buckets;
mod config;
mod disk;
mod listing;
mod model;
mod multipart;
mod objects;
mod operation;
mod policy;
mod refusal;
mod server;
mod signature;
mod xml;

use sha2::{Digest, Sha256};

pub(crate) use model::Storage;
pub(crate) use server::{Server, serve};

/// How to reach the object storage of a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectStorageAccess {
    /// `http://127.0.0.1:PORT`
    pub endpoint: String,
    /// The public half of the project's keys.
    pub access_key: String,
    /// The secret half.
    pub secret_key: String,
}

/// A project's keys, access key first. They have the form of Hetzner's: 20 and 40 letters and digits.
pub(crate) fn keys(project: &str) -> (String, String) {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let letters = |label: &str, count: usize| -> String {
        let first = Sha256::new().chain_update(label).chain_update(project).finalize();
        let second = Sha256::digest(first);
        first
            .iter()
            .chain(&second)
            .take(count)
            .map(|byte| char::from(ALPHABET[usize::from(byte % 32)]))
            .collect()
    };
    (letters("object storage access\0", 20), letters("object storage secret\0", 40))
}
