//! The two programs that are compared.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::metadata::{self, text};
use crate::{Result, local_cloud, say, workspace_root};

/// A program with Terraform's command line.
pub(super) struct Program {
    path: PathBuf,
    /// Name and version, for people.
    pub(super) title: String,
}

impl Program {
    /// The ferroform at a path.
    pub(super) fn ferroform(path: &Path) -> Result<Self> {
        let path = path.canonicalize().map_err(|e| format!("{}: {e}", path.display()))?;
        let title = title(&path).ok_or_else(|| format!("{}: `version` fails", path.display()))?;
        Ok(Program { path, title })
    }

    /// The terraform on `PATH`, if there is one.
    pub(super) fn terraform() -> Result<Option<Self>> {
        let path = PathBuf::from("terraform");
        Ok(title(&path).map(|title| Program { path, title }))
    }

    /// A command of this program in a directory, with nothing of the user's settings, and no question asked.
    pub(super) fn command(&self, dir: &Path, words: &[&str]) -> Command {
        let mut command = Command::new(&self.path);
        clean(&mut command);
        command.current_dir(dir).args(words);
        command
    }
}

/// Runs a ferroform against the local cloud of a directory; it must succeed.
///
/// # Errors
/// What it said when it fails.
pub(super) fn local(binary: &Path, dir: &Path, words: &[&str], variables: &[(&str, &str)]) -> Result<()> {
    let ended = local_cloud::command(binary, dir).args(words).envs(variables.iter().copied()).output()?;
    if ended.status.success() {
        return Ok(());
    }
    let said = [ended.stdout, ended.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    Err(format!("bench: ferroform {}: {}\n{said}", words.join(" "), ended.status).into())
}

fn title(program: &Path) -> Option<String> {
    let mut command = Command::new(program);
    clean(&mut command);
    let output = command.arg("version").output().ok().filter(|o| o.status.success())?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().next().map(|line| line.trim().to_owned())
}

fn clean(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("TF_") || text.starts_with("FERROFORM_") || text.starts_with("HCLOUD_") {
            command.env_remove(&name);
        }
    }
    // Terraform would ask a server for its newest version.
    command.env("CHECKPOINT_DISABLE", "1").env("TF_IN_AUTOMATION", "1");
}

/// Builds a package, whose program is called like it, as it is released and tells where the binary is.
pub(super) fn build_release_of(package: &str) -> Result<PathBuf> {
    build(package, package)
}

fn build(package: &str, program: &str) -> Result<PathBuf> {
    say(&format!("building {program} …"))?;
    let root = workspace_root();
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["build", "--quiet", "--release", "--package", package])
        .current_dir(&root)
        .status()?;
    if !status.success() {
        return Err(format!("bench: {program} does not build").into());
    }
    Ok(target_directory(&root)?.join("release").join(program))
}

/// The ferroform that was named, or one as it is released.
pub(super) fn ferroform(named: Option<&Path>) -> Result<PathBuf> {
    match named {
        Some(path) => Ok(path.canonicalize().map_err(|e| format!("{}: {e}", path.display()))?),
        None => build("ferroform-cli", "ferroform"),
    }
}

/// A directory to measure in. The system's temporary directory may lie in memory, where syncing costs nothing.
pub(super) fn scratch() -> Result<tempfile::TempDir> {
    let parent = target_directory(&workspace_root())?;
    std::fs::create_dir_all(&parent)?;
    Ok(tempfile::Builder::new().prefix("bench-").tempdir_in(&parent)?)
}

/// Where cargo puts what it builds.
fn target_directory(root: &Path) -> Result<PathBuf> {
    Ok(PathBuf::from(text(&metadata::own_packages(root)?, "target_directory")))
}
