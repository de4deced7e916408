//! Terraform's lock on a local statefile: a POSIX record lock on the whole file.
//!
//! Such locks belong to the process and an inode, and the system drops them when the process closes *any* descriptor of
//! that inode. Hence two rules. Whatever this process locked is read through the descriptor that holds the lock, never
//! opened a second time: [`read`] sees to that. And a file that is to take the place of a locked one is locked before
//! it does, so that there is no moment at which the path leads to an unlocked file.
//!
//! Others may have opened the old file before it was replaced and wait for its lock; they get it when it is given back,
//! on a file that no path leads to any more. Our own [`acquire`] notices that and starts over. Terraform does not: it
//! would read an old state and write a new one that is lost. So before its lock is given back, a file that was replaced
//! is made unreadable, and Terraform stops with an error instead.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::fs::{FlockOperation, fcntl_lock};
use rustix::io::Errno;

use super::replace::{Naming, exchange, read_open, read_optional, sync_parent};

/// What a replaced file says to those who still have it open.
const TOMBSTONE: &[u8] =
    b"This statefile was replaced by a newer one while its lock was being waited for. Run the command again.\n";

/// Every file that this process holds a lock on.
static HELD: Mutex<Vec<Arc<File>>> = Mutex::new(Vec::new());

fn held() -> MutexGuard<'static, Vec<Arc<File>>> {
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

fn find(held: &[Arc<File>], path: &Path) -> io::Result<Option<Arc<File>>> {
    let wanted = match fs::metadata(path) {
        Ok(metadata) => identity(&metadata),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    for file in held {
        if identity(&file.metadata()?) == wanted {
            return Ok(Some(file.clone()));
        }
    }
    Ok(None)
}

/// Reads a statefile without giving up a lock that this process may hold on it; none when there is no file.
pub(super) fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let held = held();
    match find(&held, path)? {
        Some(file) => read_open(&file).map(Some),
        None => read_optional(path),
    }
}

/// Why a lock was not given.
pub(super) enum Refusal {
    /// Someone holds it.
    Busy,
    /// It cannot be taken.
    Failed(io::Error),
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Refusal::Failed(error)
    }
}

/// A lock that is held on the file that a path leads to. Given back when dropped; a file that was only made for the lock
/// goes then.
pub(super) struct Lock {
    target: PathBuf,
    file: Arc<File>,
    /// Whether the file was made for the sake of the lock.
    created: bool,
    /// Files that had this place before, since the lock was taken.
    replaced: Vec<Arc<File>>,
}

/// Takes the lock on the file that `target` leads to; the file is made if there is none.
pub(super) fn acquire(target: &Path) -> Result<Lock, Refusal> {
    // Each turn but the last means that another replaced the file in this very moment.
    const TURNS: usize = 100;
    let mut held = held();
    for _ in 0..TURNS {
        if find(&held, target)?.is_some() {
            return Err(Refusal::Busy);
        }
        let (file, created) = open(target)?;
        match fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::AGAIN | Errno::ACCESS) => return Err(Refusal::Busy),
            Err(errno) => return Err(Refusal::Failed(errno.into())),
        }
        if leads_to(target, &file)? {
            let file = Arc::new(file);
            held.push(file.clone());
            return Ok(Lock { target: target.to_path_buf(), file, created, replaced: Vec::new() });
        }
    }
    Err(Refusal::Busy)
}

fn open(target: &Path) -> io::Result<(File, bool)> {
    let options = || {
        let mut options = OpenOptions::new();
        options.read(true).write(true).mode(0o600);
        options
    };
    match options().create_new(true).open(target) {
        Ok(file) => Ok((file, true)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            options().create(true).truncate(false).open(target).map(|file| (file, false))
        }
        Err(error) => Err(error),
    }
}

fn leads_to(path: &Path, file: &File) -> io::Result<bool> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(identity(&metadata) == identity(&file.metadata()?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

impl Lock {
    /// All of the locked file.
    pub(super) fn read(&self) -> io::Result<Vec<u8>> {
        read_open(&self.file)
    }

    /// Whether the path still leads to the locked file.
    pub(super) fn is_in_place(&self) -> io::Result<bool> {
        leads_to(&self.target, &self.file)
    }

    /// Puts a file with these bytes in the place of the locked one; the lock goes over to it.
    pub(super) fn replace(&mut self, bytes: &[u8]) -> io::Result<()> {
        // Held over the exchange, so that no one in this process opens the new file before it is noted.
        let mut held = held();
        let new = exchange(&self.target, bytes, Naming::Alone, |file| {
            fcntl_lock(file, FlockOperation::NonBlockingLockExclusive).map_err(io::Error::from)
        })?;
        let new = Arc::new(new);
        held.push(new.clone());
        self.replaced.push(std::mem::replace(&mut self.file, new));
        sync_parent(&self.target)
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let mut held = held();
        if self.created
            && self.file.metadata().is_ok_and(|m| m.len() == 0)
            && leads_to(&self.target, &self.file).unwrap_or(false)
        {
            // A file without content stands for no state: harmless if it stays.
            let _ = fs::remove_file(&self.target);
        }
        for file in self.replaced.iter().chain([&self.file]) {
            // With another name left, the file is still somebody's copy.
            if file.metadata().is_ok_and(|m| m.nlink() == 0) {
                // All that is lost when this fails is a warning to others.
                let _ = file.write_all_at(TOMBSTONE, 0).and_then(|()| file.set_len(TOMBSTONE.len() as u64));
            }
            let _ = fcntl_lock(file, FlockOperation::Unlock);
        }
        held.retain(|f| !Arc::ptr_eq(f, &self.file) && !self.replaced.iter().any(|r| Arc::ptr_eq(f, r)));
    }
}
