//! The real file system, as the language sees it.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use ferroform_lang::{DirEntry, Files};

/// Files below a directory; relative paths are relative to it.
pub(crate) struct RealFiles {
    root: PathBuf,
}

impl RealFiles {
    /// Files as seen from `root`.
    pub(crate) fn new(root: impl Into<PathBuf>) -> Self {
        RealFiles { root: root.into() }
    }
}

impl Files for RealFiles {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        fs::read(self.root.join(path))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>> {
        fs::read_dir(self.root.join(dir))?
            .map(|entry| {
                let entry = entry?;
                let is_dir =
                    entry.file_type()?.is_dir() || (entry.file_type()?.is_symlink() && entry.path().is_dir());
                Ok(DirEntry { name: entry.file_name().to_string_lossy().into_owned(), is_dir })
            })
            .collect()
    }

    fn is_file(&self, path: &Path) -> bool {
        self.root.join(path).is_file()
    }
}

/// Replaces a file by way of a temporary one beside it. Its mode stays; a new one can be read by everybody.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // Where the name is a link, what it leads to is replaced.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mode = fs::metadata(&target).map_or(0o644, |found| found.permissions().mode() & 0o777);
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().set_permissions(fs::Permissions::from_mode(mode))?;
    file.as_file().sync_all()?;
    file.persist(&target)?;
    Ok(())
}
