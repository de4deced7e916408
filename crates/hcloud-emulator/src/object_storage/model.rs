//! Buckets, objects and their versions, as data.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::disk::Disk;
use super::refusal::{Refused, access_denied, disk_failed, no_such_bucket};
use super::signature::hex;
use super::xml::{Cors, Lifecycle};

/// Everything that is stored.
#[derive(Debug, Default)]
pub(crate) struct Storage {
    pub(super) buckets: BTreeMap<String, Bucket>,
    /// Uploads in parts, by their id. They end with the process.
    pub(super) uploads: BTreeMap<String, Upload>,
    /// Contents, where there is no disk.
    contents: BTreeMap<u64, Bytes>,
    disk: Option<Disk>,
    /// The number of the next version.
    pub(super) next: u64,
}

/// A bucket.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Bucket {
    pub(super) name: String,
    /// The project that it belongs to.
    pub(super) owner: String,
    /// Milliseconds since 1970.
    pub(super) created: i64,
    /// The region that its creation was signed for.
    pub(super) region: String,
    pub(super) public: bool,
    pub(super) versioning: Versioning,
    /// None without object lock.
    pub(super) object_lock: Option<Lock>,
    pub(super) policy: Option<String>,
    pub(super) lifecycle: Option<Lifecycle>,
    pub(super) cors: Option<Cors>,
    /// Versions by key, the oldest first.
    #[serde(skip)]
    pub(super) objects: BTreeMap<String, Vec<Version>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Versioning {
    /// Never turned on.
    Never,
    Enabled,
    Suspended,
}

/// How long new versions of a bucket are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Lock {
    pub(super) retention: Option<Retention>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Retention {
    pub(super) compliance: bool,
    pub(super) days: Option<i64>,
    pub(super) years: Option<i64>,
}

/// A version of an object, or a delete marker.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Version {
    pub(super) bucket: String,
    pub(super) key: String,
    /// `null` for those that were written without versioning.
    pub(super) id: String,
    /// Counts versions; names its files.
    pub(super) number: u64,
    pub(super) is_marker: bool,
    /// Without quotes.
    pub(super) etag: String,
    pub(super) size: u64,
    /// Milliseconds since 1970.
    pub(super) modified: i64,
    /// What goes along with the content.
    pub(super) headers: BTreeMap<String, String>,
    /// Until when it is kept, in milliseconds since 1970, and whether nothing can end that.
    pub(super) kept: Option<(i64, bool)>,
}

/// An upload in parts.
#[derive(Debug, Clone)]
pub(super) struct Upload {
    pub(super) bucket: String,
    pub(super) key: String,
    pub(super) begun: i64,
    pub(super) headers: BTreeMap<String, String>,
    /// ETag and content by number.
    pub(super) parts: BTreeMap<u32, (String, Bytes)>,
}

/// Who asks, when, and for what region the request was signed.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    /// None for a stranger.
    pub(super) project: Option<String>,
    pub(super) region: String,
    /// World time in milliseconds since 1970.
    pub(super) now: i64,
}

impl Bucket {
    /// The version of a key that is shown when none is named; it may be a delete marker.
    pub(super) fn latest(&self, key: &str) -> Option<&Version> {
        self.objects.get(key)?.last()
    }

    /// The status of versioning, as S3 writes it.
    pub(super) fn status(&self) -> Option<&'static str> {
        match self.versioning {
            Versioning::Never => None,
            Versioning::Enabled => Some("Enabled"),
            Versioning::Suspended => Some("Suspended"),
        }
    }
}

impl Storage {
    /// Nothing, kept in memory only.
    pub(crate) fn in_memory() -> Storage {
        Storage { next: 1, ..Storage::default() }
    }

    /// What lies in a folder, which is made if it is not there.
    pub(crate) fn open(folder: &std::path::Path) -> std::io::Result<Storage> {
        let (disk, buckets, versions) = Disk::open(folder)?;
        let mut storage = Storage { disk: Some(disk), ..Storage::in_memory() };
        storage.buckets = buckets.into_iter().map(|bucket| (bucket.name.clone(), bucket)).collect();
        for version in versions {
            storage.next = storage.next.max(version.number + 1);
            if let Some(bucket) = storage.buckets.get_mut(&version.bucket) {
                let versions = bucket.objects.entry(version.key.clone()).or_default();
                // Of two without an id the later one took the place of the other, which is all that was left to do.
                if version.id == "null" {
                    versions.retain(|known| known.id != "null");
                }
                versions.push(version);
            }
        }
        Ok(storage)
    }

    /// A bucket of the caller's.
    pub(super) fn own(&self, caller: &Caller, name: &str) -> Result<&Bucket, Refused> {
        let bucket = self.buckets.get(name).ok_or_else(no_such_bucket)?;
        if caller.project.as_ref() == Some(&bucket.owner) { Ok(bucket) } else { Err(access_denied()) }
    }

    /// Changes a bucket of the caller's, and keeps that.
    pub(super) fn change(
        &mut self,
        caller: &Caller,
        name: &str,
        change: impl FnOnce(&mut Bucket) -> Result<(), Refused>,
    ) -> Result<(), Refused> {
        let mut bucket = self.own(caller, name)?.clone();
        change(&mut bucket)?;
        self.put_bucket(bucket)
    }

    /// Keeps a bucket as it is now.
    pub(super) fn put_bucket(&mut self, bucket: Bucket) -> Result<(), Refused> {
        if let Some(disk) = &self.disk {
            disk.put_bucket(&bucket).map_err(|_| disk_failed())?;
        }
        self.buckets.insert(bucket.name.clone(), bucket);
        Ok(())
    }

    /// Removes a bucket.
    pub(super) fn remove_bucket(&mut self, name: &str) -> Result<(), Refused> {
        if let Some(disk) = &self.disk {
            disk.remove_bucket(name).map_err(|_| disk_failed())?;
        }
        self.buckets.remove(name);
        Ok(())
    }

    /// Adds a version to its bucket, with its content unless it is a marker.
    pub(super) fn add_version(&mut self, mut version: Version, content: Bytes) -> Result<Version, Refused> {
        version.number = self.next;
        self.next += 1;
        if version.id != "null" {
            version.id = hex(&Sha256::digest(format!("{}/{}", version.number, version.key)))[..32].to_owned();
        }
        match &self.disk {
            Some(disk) => disk.put_version(&version, &content).map_err(|_| disk_failed())?,
            None => drop(self.contents.insert(version.number, content)),
        }
        let bucket = self.buckets.get_mut(&version.bucket).ok_or_else(no_such_bucket)?;
        let versions = bucket.objects.entry(version.key.clone()).or_default();
        let replaced: Vec<Version> = match version.id.as_str() {
            "null" => versions.extract_if(.., |known| known.id == "null").collect(),
            _ => Vec::new(),
        };
        versions.push(version.clone());
        for old in replaced {
            self.forget(&old)?;
        }
        Ok(version)
    }

    /// Removes a version from its bucket.
    pub(super) fn remove_version(&mut self, version: &Version) -> Result<(), Refused> {
        self.forget(version)?;
        if let Some(bucket) = self.buckets.get_mut(&version.bucket)
            && let Some(versions) = bucket.objects.get_mut(&version.key)
        {
            versions.retain(|known| known.number != version.number);
            if versions.is_empty() {
                bucket.objects.remove(&version.key);
            }
        }
        Ok(())
    }

    fn forget(&mut self, version: &Version) -> Result<(), Refused> {
        self.contents.remove(&version.number);
        match &self.disk {
            Some(disk) => disk.remove_version(version.number).map_err(|_| disk_failed()),
            None => Ok(()),
        }
    }

    /// The content of a version.
    pub(super) fn content(&self, version: &Version) -> Result<Bytes, Refused> {
        match &self.disk {
            Some(disk) => disk.content(version.number).map(Bytes::from).map_err(|_| disk_failed()),
            None => Ok(self.contents.get(&version.number).cloned().unwrap_or_default()),
        }
    }

    /// Everything of a project, for tests that look at the world as a whole: buckets and their versions.
    pub(crate) fn dump(&self, project: &str) -> (Vec<Value>, Vec<Value>) {
        let own = || self.buckets.values().filter(|bucket| bucket.owner == project);
        let buckets = own().map(|bucket| {
            json!({
                "name": bucket.name,
                "created": crate::clock::rfc3339(bucket.created),
                "location": bucket.region,
                "public": bucket.public,
                "versioning": bucket.status(),
                "object_lock": bucket.object_lock,
                "policy": bucket.policy.as_deref()
                    .and_then(|text| serde_json::from_str::<Value>(text).ok()),
                "lifecycle": bucket.lifecycle,
                "cors": bucket.cors,
            })
        });
        let versions = own().flat_map(|bucket| bucket.objects.values().flatten()).map(|version| {
            json!({
                "name": format!("{}/{}", version.bucket, version.key),
                "created": crate::clock::rfc3339(version.modified),
                "version": if version.id == "null" { "null" } else { "numbered" },
                "is_marker": version.is_marker,
                "etag": version.etag,
                "size": version.size,
                "headers": version.headers,
            })
        });
        (buckets.collect(), versions.collect())
    }
}
