//! Writing a file so that it is there whole or not at all.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Writes `content` to `path` with the given permission bits (the umask applies, also to directories that have to be
/// made). The content is never readable for more users than the permission says, not even for a moment.
///
/// A symlink is followed. What is not a regular file, or lies in a directory that takes no new files, is written in
/// place.
pub(super) fn write(path: &Path, content: &[u8], file_mode: u32, directory_mode: u32) -> io::Result<()> {
    if let Some(directory) = parent(path)
        && !directory.exists()
    {
        DirBuilder::new().recursive(true).mode(directory_mode).create(directory)?;
    }
    let target = match fs::metadata(path) {
        Ok(found) if found.is_file() => path.canonicalize()?,
        // A device or pipe cannot be renamed over; for a directory the error is the right one.
        Ok(_) => return in_place(path, content, file_mode),
        // A symlink may also point to nothing yet; the file is then made where it points.
        Err(_) if path.is_symlink() => return in_place(path, content, file_mode),
        Err(_) => path.to_owned(),
    };
    let (temporary, mut file) = match create_beside(&target, file_mode) {
        Ok(created) => created,
        Err(_) if target.exists() => return in_place(&target, content, file_mode),
        Err(error) => return Err(error),
    };
    let written =
        file.write_all(content).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&temporary, &target));
    written.or_else(|error| {
        // Nothing more can be done about a temporary file that cannot be removed; the first error counts.
        let _ = fs::remove_file(&temporary);
        // A mount point, as containers have for single files, cannot be renamed over.
        if error.kind() == io::ErrorKind::ResourceBusy {
            in_place(&target, content, file_mode)
        } else {
            Err(error)
        }
    })
}

fn parent(path: &Path) -> Option<&Path> {
    path.parent().filter(|p| !p.as_os_str().is_empty())
}

fn in_place(path: &Path, content: &[u8], file_mode: u32) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(file_mode).open(path)?;
    file.write_all(content)
}

/// A new file in the directory of `target`, created with its final permission.
fn create_beside(target: &Path, file_mode: u32) -> io::Result<(PathBuf, File)> {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    // A crash can leave such a file behind, with the same name as ours: numbers of processes come again.
    const ATTEMPTS: usize = 100;
    let mut last = io::Error::from(io::ErrorKind::AlreadyExists);
    for _ in 0..ATTEMPTS {
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let name = format!(".ferroform-{}-{number}.tmp", std::process::id());
        let temporary = parent(target).unwrap_or(Path::new(".")).join(name);
        match OpenOptions::new().write(true).create_new(true).mode(file_mode).open(&temporary) {
            Ok(file) => return Ok((temporary, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => last = error,
            Err(error) => return Err(error),
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("it exists").permissions().mode() & 0o777
    }

    #[test]
    fn directories_and_file_get_their_permissions() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("a/b/key");
        write(&path, b"secret", 0o600, 0o700).expect("written");
        assert_eq!((mode(&path), mode(&dir.path().join("a"))), (0o600, 0o700));
        assert_eq!(fs::read(&path).expect("read"), b"secret");
        let names: Vec<_> = fs::read_dir(path.parent().expect("a parent")).expect("listed").collect();
        assert_eq!(names.len(), 1, "no temporary file is left: {names:?}");
    }

    #[test]
    fn an_open_file_is_replaced_and_gets_the_new_permission() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("key");
        fs::write(&path, "public").expect("written");
        write(&path, b"secret", 0o400, 0o700).expect("written");
        assert_eq!(mode(&path), 0o400);
        write(&path, b"other", 0o600, 0o700).expect("a read-only file is replaced as well");
        assert_eq!((fs::read(&path).expect("read"), mode(&path)), (b"other".to_vec(), 0o600));
    }

    #[test]
    fn a_symlink_stays_one() {
        let dir = tempfile::tempdir().expect("a directory");
        let (target, link) = (dir.path().join("target"), dir.path().join("link"));
        symlink(&target, &link).expect("linked");
        for content in [&b"new"[..], b"changed"] {
            write(&link, content, 0o644, 0o755).expect("written");
            assert!(link.is_symlink());
            assert_eq!(fs::read(&target).expect("read"), content);
        }
    }

    #[test]
    fn a_device_is_written_in_place() {
        write(Path::new("/dev/null"), b"gone", 0o600, 0o700).expect("written");
        assert!(!fs::metadata("/dev/null").expect("still there").is_file());
    }

    #[test]
    fn a_directory_in_the_place_of_the_file_is_an_error() {
        let dir = tempfile::tempdir().expect("a directory");
        assert!(write(dir.path(), b"x", 0o600, 0o700).is_err());
    }
}
