//! How configuration is read: through a trait, so that a planfile can serve what was read when planning.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

/// An entry of a directory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DirEntry {
    /// The name without its directory.
    pub name: String,
    /// Whether it is a directory (or leads to one).
    pub is_dir: bool,
}

/// The files that configuration may read. Relative paths are relative to the root module's directory.
pub trait Files: Send + Sync {
    /// The content of a file.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
    /// The entries of a directory, in any order.
    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>>;
    /// Whether there is a regular file at this path.
    fn is_file(&self, path: &Path) -> bool;
}

impl<F: Files + ?Sized> Files for std::sync::Arc<F> {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        (**self).read(path)
    }
    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>> {
        (**self).list(dir)
    }
    fn is_file(&self, path: &Path) -> bool {
        (**self).is_file(path)
    }
}

/// The same path without `.` and with `..` resolved by name alone; empty for the directory itself.
pub fn normalise(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => match out.components().next_back() {
                Some(Component::Normal(_)) => {
                    out.pop();
                }
                Some(Component::RootDir | Component::Prefix(_)) => {}
                _ => out.push(".."),
            },
            other => out.push(other),
        }
    }
    out
}

/// The name under which [`RecordingFiles::recorded`] keeps those entries of a listed directory that were never read:
/// one a line, directories with a slash behind.
const LISTING: &str = ".ferroform-listing";

/// Files in memory: for tests, and to load again what [`RecordingFiles`] recorded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemoryFiles(pub BTreeMap<PathBuf, Vec<u8>>);

impl MemoryFiles {
    fn get(&self, path: &Path) -> Option<&Vec<u8>> {
        self.0.get(path).or_else(|| self.0.get(&normalise(path)))
    }
}

impl Files for MemoryFiles {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.get(path).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>> {
        let dir = normalise(dir);
        let mut entries = BTreeSet::new();
        let mut found = dir.as_os_str().is_empty();
        for (path, content) in &self.0 {
            let path = normalise(path);
            let Ok(rest) = path.strip_prefix(&dir) else { continue };
            let mut components = rest.components();
            let Some(Component::Normal(first)) = components.next() else { continue };
            found = true;
            let is_dir = components.next().is_some();
            if !is_dir && first == LISTING {
                for line in String::from_utf8_lossy(content).lines() {
                    let name = line.trim_end_matches('/');
                    entries.insert(DirEntry { name: name.to_owned(), is_dir: name.len() < line.len() });
                }
            } else {
                entries.insert(DirEntry { name: first.to_string_lossy().into_owned(), is_dir });
            }
        }
        if found { Ok(entries.into_iter().collect()) } else { Err(io::ErrorKind::NotFound.into()) }
    }

    fn is_file(&self, path: &Path) -> bool {
        if self.get(path).is_some() {
            return true;
        }
        let path = normalise(path);
        let (Some(dir), Some(name)) = (path.parent(), path.file_name()) else { return false };
        let name = name.to_string_lossy();
        self.0
            .get(&dir.join(LISTING))
            .is_some_and(|listing| String::from_utf8_lossy(listing).lines().any(|line| line == name))
    }
}

/// Passes through to other files and keeps what was read, so that [`MemoryFiles`] can serve the same again. What was
/// read once stays the same for the life of this value, even if the file changes meanwhile.
#[derive(Debug)]
pub struct RecordingFiles<F> {
    inner: F,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    read: BTreeMap<PathBuf, Vec<u8>>,
    listed: BTreeMap<PathBuf, Vec<DirEntry>>,
}

impl<F> RecordingFiles<F> {
    /// Records what is read through it from `inner`.
    pub fn new(inner: F) -> Self {
        RecordingFiles { inner, seen: Mutex::default() }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        // The maps are whole at any moment, so that a panic elsewhere does not spoil them.
        self.seen.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Every file that was read, by its path as normalised; together with small listings of the directories that were
    /// looked through, so that [`MemoryFiles`] of it answers every question asked so far in the same way.
    pub fn recorded(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let seen = self.seen();
        let mut files = seen.read.clone();
        for (dir, entries) in &seen.listed {
            let unread: String = entries
                .iter()
                .filter(|e| !seen.read.contains_key(&dir.join(&e.name)))
                .map(|e| format!("{}{}\n", e.name, if e.is_dir { "/" } else { "" }))
                .collect();
            files.insert(dir.join(LISTING), unread.into_bytes());
        }
        files
    }
}

impl<F: Files> Files for RecordingFiles<F> {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let path = normalise(path);
        if let Some(content) = self.seen().read.get(&path) {
            return Ok(content.clone());
        }
        let content = self.inner.read(&path)?;
        Ok(self.seen().read.entry(path).or_insert(content).clone())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>> {
        let dir = normalise(dir);
        if let Some(entries) = self.seen().listed.get(&dir) {
            return Ok(entries.clone());
        }
        let mut entries = self.inner.list(if dir.as_os_str().is_empty() { Path::new(".") } else { &dir })?;
        entries.sort();
        Ok(self.seen().listed.entry(dir).or_insert(entries).clone())
    }

    fn is_file(&self, path: &Path) -> bool {
        let found = self.seen().read.contains_key(&normalise(path)) || self.inner.is_file(path);
        // A file that is only asked for is kept as well, or it would not exist when the record is replayed.
        found && (self.read(path).is_ok() || self.inner.is_file(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(paths: &[&str]) -> MemoryFiles {
        MemoryFiles(paths.iter().map(|p| (PathBuf::from(p), p.as_bytes().to_vec())).collect())
    }

    #[test]
    fn paths_are_normalised_by_name() {
        for (given, want) in [
            ("./a/../b/./c", "b/c"),
            ("../x", "../x"),
            ("a/../../x", "../x"),
            (".", ""),
            ("/a/../../b", "/b"),
        ] {
            assert_eq!(normalise(Path::new(given)), PathBuf::from(want), "{given}");
        }
    }

    #[test]
    fn a_record_answers_every_question_as_before() {
        let recording =
            RecordingFiles::new(files(&["main.tf", "README.md", "mod/a.tf", "mod/sub/x", "certs/a.pem"]));
        let ask = |files: &dyn Files| {
            (
                files.read(Path::new("main.tf")).ok(),
                files.read(Path::new("./mod/a.tf")).ok(),
                files.read(Path::new("missing")).is_err(),
                files.list(Path::new(".")).unwrap(),
                files.list(Path::new("mod")).unwrap(),
                files.list(Path::new("nowhere")).is_err(),
                files.is_file(Path::new("certs/a.pem")),
                files.is_file(Path::new("certs")),
                files.is_file(Path::new("README.md")),
            )
        };
        let first = ask(&recording);
        assert_eq!(first.3.len(), 4);
        assert_eq!(ask(&MemoryFiles(recording.recorded())), first);
    }

    #[test]
    fn what_was_listed_but_not_read_is_listed_again_but_cannot_be_read() {
        let recording = RecordingFiles::new(files(&["a", "b"]));
        recording.list(Path::new("")).unwrap();
        recording.read(Path::new("a")).unwrap();
        let replay = MemoryFiles(recording.recorded());
        assert_eq!(replay.list(Path::new("")).unwrap().len(), 2);
        assert!(replay.is_file(Path::new("b")));
        assert!(replay.read(Path::new("b")).is_err());
    }
}
