//! What is stored, in files: one for each bucket, two for each version. A version exists when the file that describes it
//! does, which is written after its content and removed before it. Every file is on disk before it counts.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::model::{Bucket, Version};

/// Version of the files' form.
const FORMAT: u32 = 1;

/// A folder of buckets and versions. Only its owner can read it.
#[derive(Debug)]
pub(super) struct Disk {
    buckets: PathBuf,
    versions: PathBuf,
}

#[derive(Serialize)]
struct Out<'a, T> {
    format: u32,
    #[serde(flatten)]
    value: &'a T,
}

#[derive(Deserialize)]
struct In<T> {
    format: u32,
    #[serde(flatten)]
    value: T,
}

impl Disk {
    /// Opens the folder, removes what was not written to its end, and reads what is there; versions in the order in which
    /// they were written.
    pub(super) fn open(folder: &Path) -> io::Result<(Disk, Vec<Bucket>, Vec<Version>)> {
        let disk = Disk { buckets: folder.join("buckets"), versions: folder.join("versions") };
        for folder in [&disk.buckets, &disk.versions] {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
            for entry in fs::read_dir(folder)? {
                let path = entry?.path();
                let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
                let orphan = extension == "data" && !path.with_extension("json").exists();
                if orphan || extension == "new" {
                    fs::remove_file(path)?;
                }
            }
        }
        let buckets = read_all(&disk.buckets)?;
        let mut versions: Vec<Version> = read_all(&disk.versions)?;
        versions.sort_by_key(|version| version.number);
        Ok((disk, buckets, versions))
    }

    pub(super) fn put_bucket(&self, bucket: &Bucket) -> io::Result<()> {
        put(&self.bucket_path(&bucket.name), &encode(bucket)?)
    }

    pub(super) fn remove_bucket(&self, name: &str) -> io::Result<()> {
        remove(&self.bucket_path(name))
    }

    pub(super) fn put_version(&self, version: &Version, content: &[u8]) -> io::Result<()> {
        if !version.is_marker {
            put(&self.version_path(version.number, "data"), content)?;
        }
        put(&self.version_path(version.number, "json"), &encode(version)?)
    }

    pub(super) fn remove_version(&self, number: u64) -> io::Result<()> {
        remove(&self.version_path(number, "json"))?;
        remove(&self.version_path(number, "data"))
    }

    pub(super) fn content(&self, number: u64) -> io::Result<Vec<u8>> {
        fs::read(self.version_path(number, "data"))
    }

    /// Names of buckets hold nothing that a file's name cannot.
    fn bucket_path(&self, name: &str) -> PathBuf {
        self.buckets.join(format!("{name}.json"))
    }

    fn version_path(&self, number: u64, extension: &str) -> PathBuf {
        self.versions.join(format!("{number:016x}.{extension}"))
    }
}

fn encode<T: Serialize>(value: &T) -> io::Result<Vec<u8>> {
    serde_json::to_vec(&Out { format: FORMAT, value }).map_err(io::Error::from)
}

fn read_all<T: serde::de::DeserializeOwned>(folder: &Path) -> io::Result<Vec<T>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let damaged = |why: String| {
                io::Error::new(io::ErrorKind::InvalidData, format!("{}: {why}", path.display()))
            };
            let read: In<T> =
                serde_json::from_slice(&fs::read(&path)?).map_err(|error| damaged(error.to_string()))?;
            if read.format != FORMAT {
                return Err(damaged(format!("its format is {}, known is {FORMAT}", read.format)));
            }
            found.push(read.value);
        }
    }
    Ok(found)
}

/// Writes a file beside, syncs it and puts it in place.
fn put(path: &Path, contents: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
    file.write_all(contents)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    sync_folder(path)
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Ok(()) => sync_folder(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}
