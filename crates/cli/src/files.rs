//! The real file system, as the language sees it.

use std::io;
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
        std::fs::read(self.root.join(path))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>> {
        std::fs::read_dir(self.root.join(dir))?
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
