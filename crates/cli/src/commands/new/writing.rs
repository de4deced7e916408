//! Writing a project: whole or not at all.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use ferroform_core::Diagnostic;

use crate::scaffold::Layout;

/// How many of the things that are in the way are named.
const NAMED: usize = 5;

/// Refuses a place where there is something already.
pub(super) fn is_free(dir: &Path) -> Result<(), Diagnostic> {
    let in_the_way = |what: String| {
        Diagnostic::error("Directory is not empty")
            .detail(format!("A new project needs a directory of its own, and {what}."))
            .hint("Name a directory that is not there yet, or an empty one.")
    };
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            return Err(in_the_way(format!("{} is no directory", dir.display())));
        }
        Err(error) => {
            return Err(Diagnostic::error("Directory not available")
                .detail(format!("{} cannot be read: {error}.", dir.display())));
        }
    };
    let mut names: Vec<String> =
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    if names.is_empty() {
        return Ok(());
    }
    names.sort();
    let more = match names.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    names.truncate(NAMED);
    Err(in_the_way(format!("{} has in it: {}{more}", dir.display(), names.join(", "))))
}

/// Writes the files to a directory that is not there yet or empty. They are put together beside it and then take their
/// place; when something fails nothing is left.
pub(super) fn write(dir: &Path, layout: &Layout) -> Result<(), Diagnostic> {
    put(dir, layout).map_err(|error| {
        Diagnostic::error("Project cannot be written").detail(format!(
            "The project cannot be written to {}: {error}. Nothing was left there.",
            dir.display()
        ))
    })
}

fn put(dir: &Path, layout: &Layout) -> io::Result<()> {
    let dir = std::path::absolute(dir)?;
    let parent = dir.parent().ok_or_else(|| io::Error::other("it has no directory above it"))?;
    fs::create_dir_all(parent)?;
    let beside = tempfile::Builder::new().prefix(".ferroform-new-").tempdir_in(parent)?;
    let project = beside.path().join("project");
    fs::create_dir(&project)?;
    for (path, file) in &layout.files {
        let path = project.join(path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut written = OpenOptions::new().write(true).create_new(true).mode(file.mode).open(&path)?;
        written.write_all(&file.bytes)?;
        // Whatever the process takes away from new files: what is private stays so, and scripts can be run.
        if file.mode & 0o077 == 0 {
            written.set_permissions(fs::Permissions::from_mode(file.mode))?;
        }
    }
    if !dir.exists() {
        return fs::rename(&project, &dir);
    }
    // Somebody may be in an empty directory, such as this very process: it stays, and is filled.
    let mut moved: Vec<(PathBuf, PathBuf)> = Vec::new();
    for entry in fs::read_dir(&project)? {
        let entry = entry?;
        let target = dir.join(entry.file_name());
        let done = if target.exists() {
            Err(io::Error::new(io::ErrorKind::AlreadyExists, format!("{} is there", target.display())))
        } else {
            fs::rename(entry.path(), &target)
        };
        if let Err(error) = done {
            for (from, to) in moved {
                // What cannot be taken back is told by what is there.
                let _ = fs::rename(to, from);
            }
            return Err(error);
        }
        moved.push((entry.path(), target));
    }
    Ok(())
}
