//! The file of a volume.

use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use super::ToolError;
use crate::machines::tools::run;

/// Makes the file of a new volume; it is there only once it is complete. Nothing but what the file system writes
/// takes up room.
///
/// # Errors
/// When it cannot be made, or not be formatted.
pub(super) fn make(file: &Path, bytes: u64, format: Option<&str>) -> Result<(), ToolError> {
    let new = file.with_extension("new");
    let failed = || ToolError::file(format!("making {}", new.display()));
    let content =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new).map_err(failed())?;
    content.set_len(bytes).map_err(failed())?;
    drop(content);
    let new_name = new.to_string_lossy();
    match format {
        Some("ext4") => {
            // Tables and journal are zeros already, as everything in a new file is.
            let options = "lazy_itable_init=1,lazy_journal_init=1";
            run("mkfs.ext4", &["-q", "-F", "-E", options, "--", &new_name])?;
        }
        Some("xfs") => {
            run("mkfs.xfs", &["-q", "-f", "--", &new_name]).map_err(|error| match error {
                ToolError::Start { program, source } if source.kind() == ErrorKind::NotFound => {
                    let said = format!("{source}; the package xfsprogs has it");
                    ToolError::Failed { command: program, said }
                }
                other => other,
            })?;
        }
        Some(other) => {
            return Err(ToolError::Failed {
                command: format!("formatting a volume with {other}"),
                said: "only ext4 and xfs are known".to_owned(),
            });
        }
        None => {}
    }
    std::fs::rename(&new, file).map_err(failed())
}

/// Makes the file larger, if it is smaller than that; gives whether it was.
///
/// # Errors
/// When it cannot be read or changed.
pub(super) fn grow(file: &Path, bytes: u64) -> Result<bool, ToolError> {
    let failed = || ToolError::file(format!("growing {}", file.display()));
    if std::fs::metadata(file).map_err(failed())?.len() >= bytes {
        return Ok(false);
    }
    OpenOptions::new().write(true).open(file).and_then(|content| content.set_len(bytes)).map_err(failed())?;
    Ok(true)
}

/// Removes the file, and what is left of one that was not completed.
///
/// # Errors
/// When it cannot be removed.
pub(super) fn remove(file: &Path) -> Result<(), ToolError> {
    for path in [file.to_path_buf(), file.with_extension("new")] {
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(ToolError::file(format!("removing {}", path.display()))(error));
            }
            _ => {}
        }
    }
    Ok(())
}

/// The file system that is on a volume.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Content {
    pub(super) kind: &'static str,
    pub(super) uuid: String,
}

/// Finds the file system that is on a volume, if it is one that Hetzner makes.
///
/// # Errors
/// When the file cannot be read.
pub(super) fn content(file: &Path) -> Result<Option<Content>, ToolError> {
    let failed = || ToolError::file(format!("reading {}", file.display()));
    let volume = File::open(file).map_err(failed())?;
    let mut start = [0; 2048];
    match volume.read_exact_at(&mut start, 0) {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
        other => other.map_err(failed())?,
    }
    Ok(file_system(&start))
}

/// Superblocks as the kernel's documentation of ext4 and of XFS has them.
fn file_system(start: &[u8; 2048]) -> Option<Content> {
    let (kind, id) = if start[..4] == *b"XFSB" {
        ("xfs", &start[32..48])
    } else if start[1024 + 0x38..1024 + 0x3a] == [0x53, 0xef] {
        ("ext4", &start[1024 + 0x68..1024 + 0x78])
    } else {
        return None;
    };
    Some(Content { kind, uuid: uuid::Uuid::from_slice(id).ok()?.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_systems_are_told_apart() {
        let mut start = [0; 2048];
        assert_eq!(file_system(&start), None);
        start[1024 + 0x38] = 0x53;
        start[1024 + 0x39] = 0xef;
        start[1024 + 0x68] = 0x0a;
        let uuid = "0a000000-0000-0000-0000-000000000000".to_owned();
        assert_eq!(file_system(&start), Some(Content { kind: "ext4", uuid }));
        start[..4].copy_from_slice(b"XFSB");
        assert_eq!(file_system(&start).unwrap().kind, "xfs");
    }

    #[test]
    fn a_volume_grows_and_never_shrinks() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("1.img");
        make(&file, 10 << 30, None).unwrap();
        assert!(!grow(&file, 5 << 30).unwrap());
        assert!(grow(&file, 11 << 30).unwrap());
        assert_eq!(std::fs::metadata(&file).unwrap().len(), 11 << 30);
        assert_eq!(content(&file).unwrap(), None);
        assert!(make(&folder.path().join("2.img"), 1 << 30, Some("zfs")).is_err());
        remove(&file).unwrap();
        remove(&file).unwrap();
        assert!(!file.exists());
    }
}
