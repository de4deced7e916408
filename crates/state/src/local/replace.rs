//! Replacing a file so that it is either the old or the new one, whenever the machine stops.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::file::MAX_BYTES;

/// Puts a new file with these bytes in the place of `target`, durably. Owner and mode of a file that was there are kept;
/// a new one can be read by its owner only.
pub(super) fn replace(target: &Path, bytes: &[u8], naming: Naming) -> io::Result<File> {
    let file = exchange(target, bytes, naming, |_| Ok(()))?;
    sync_parent(target)?;
    Ok(file)
}

/// How the new file is called before it takes its place.
#[derive(Clone, Copy)]
pub(super) enum Naming {
    /// No one else writes here, since a lock is held. What a run left behind that was killed is cleared away.
    Alone,
    /// Others may write at the same time.
    Shared,
}

/// As [`replace`], but the exchange itself is not durable yet. `before` is called with the new file before it takes its
/// place. The descriptor that is given back is the only one of the new file that was ever opened.
pub(super) fn exchange(
    target: &Path,
    bytes: &[u8],
    naming: Naming,
    before: impl FnOnce(&File) -> io::Result<()>,
) -> io::Result<File> {
    let temporary = Temporary::path(target, naming)?;
    let mut file =
        OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&temporary.0)?;
    file.write_all(bytes)?;
    match fs::metadata(target) {
        Ok(old) => keep_owner_and_mode(&file, &old)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    file.sync_all()?;
    before(&file)?;
    fs::rename(&temporary.0, target)?;
    std::mem::forget(temporary);
    Ok(file)
}

/// The path of a file beside the one that it is to replace; removed when this is dropped.
struct Temporary(PathBuf);

impl Temporary {
    fn path(target: &Path, naming: Naming) -> io::Result<Temporary> {
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        let name = name.trim_start_matches('.');
        let unique = || uuid::Uuid::new_v4().simple();
        match naming {
            Naming::Shared => Ok(Temporary(target.with_file_name(format!(".{name}.{}.tmp", unique())))),
            Naming::Alone => {
                let path = target.with_file_name(format!(".{name}.tmp"));
                match fs::remove_file(&path) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                    _ => Ok(Temporary(path)),
                }
            }
        }
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // The failure that led here is the one to report.
        let _ = fs::remove_file(&self.0);
    }
}

fn keep_owner_and_mode(file: &File, old: &Metadata) -> io::Result<()> {
    let new = file.metadata()?;
    if (new.uid(), new.gid()) != (old.uid(), old.gid()) {
        let (uid, gid) = (rustix::fs::Uid::from_raw(old.uid()), rustix::fs::Gid::from_raw(old.gid()));
        // Only root may give a file away; a member of the file's group keeps it readable for the others at least.
        let kept = rustix::fs::fchown(file, Some(uid), Some(gid))
            .or_else(|_| rustix::fs::fchown(file, None, Some(gid)));
        kept.map_err(io::Error::from)?;
    }
    file.set_permissions(fs::Permissions::from_mode(old.mode() & 0o7777))
}

/// Makes a rename, creation or removal in the directory of `path` durable.
pub(super) fn sync_parent(path: &Path) -> io::Result<()> {
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(parent)?.sync_all()
}

/// All of an open file, without moving its position.
pub(super) fn read_open(file: &File) -> io::Result<Vec<u8>> {
    let length = file.metadata()?.len();
    too_large(length)?;
    let mut bytes = vec![0; length as usize];
    let mut at = 0;
    while at < bytes.len() {
        match file.read_at(&mut bytes[at..], at as u64) {
            Ok(0) => break,
            Ok(n) => at += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(at);
    Ok(bytes)
}

/// All of a file; none when there is none.
pub(super) fn read_optional(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let length = file.metadata()?.len();
    too_large(length)?;
    let mut bytes = Vec::with_capacity(length as usize);
    file.take(MAX_BYTES).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

fn too_large(length: u64) -> io::Result<()> {
    if length > MAX_BYTES {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("it has more than {} MiB", MAX_BYTES >> 20),
        ));
    }
    Ok(())
}

/// The file that `path` leads to through symbolic links; it need not exist.
pub(super) fn resolve(path: &Path) -> io::Result<PathBuf> {
    const LINKS: usize = 40;
    let mut path = path.to_path_buf();
    for _ in 0..LINKS {
        match fs::read_link(&path) {
            Ok(next) => path = path.parent().map_or(next.clone(), |parent| parent.join(&next)),
            // Not a link, or nothing there.
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "too many symbolic links"))
}
