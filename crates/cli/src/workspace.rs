//! Which of the states of a configuration is meant, as Terraform has it: what `TF_WORKSPACE` says, or what was selected.

use std::io;
use std::path::{Path, PathBuf};

use ferroform_core::Diagnostic;

/// The workspace that there always is.
pub(crate) const DEFAULT: &str = "default";

/// The file in which Terraform notes the selected workspace, below `.terraform`.
const SELECTED: &str = "environment";

/// The workspace that is worked in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Workspace {
    /// Its name, which can be part of a path.
    pub name: String,
    /// Whether `TF_WORKSPACE` says so, whatever is selected.
    pub overridden: bool,
}

impl Workspace {
    /// What the environment says, else what is selected in the first of the directories in which anything is.
    pub(crate) fn current(environment: Option<&str>, dirs: &[PathBuf]) -> Result<Workspace, Diagnostic> {
        if let Some(name) = environment.filter(|name| !name.is_empty()) {
            check(name, "the environment variable TF_WORKSPACE")?;
            return Ok(Workspace { name: name.to_owned(), overridden: true });
        }
        for dir in dirs {
            let path = dir.join(SELECTED);
            let text = match std::fs::read_to_string(&path) {
                Ok(text) => text,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => {
                    return Err(Diagnostic::error("Selected workspace cannot be read")
                        .detail(format!("{}: {error}.", path.display())));
                }
            };
            let name = text.trim();
            if !name.is_empty() {
                check(name, &path.display().to_string())?;
                return Ok(Workspace { name: name.to_owned(), overridden: false });
            }
        }
        Ok(Workspace { name: DEFAULT.to_owned(), overridden: false })
    }
}

/// Notes which workspace is selected from now on.
pub(crate) fn select(dir: &Path, name: &str) -> Result<(), Diagnostic> {
    let path = dir.join(SELECTED);
    std::fs::create_dir_all(dir).and_then(|()| std::fs::write(&path, name)).map_err(|error| {
        Diagnostic::error("Workspace cannot be selected").detail(format!("{}: {error}.", path.display()))
    })
}

/// Whether a workspace can have this name: what Terraform allows, but for those that lead elsewhere in a path.
pub(crate) fn is_name(name: &str) -> bool {
    // What `url.PathEscape` of Go leaves as it is.
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.~$&+=:@".contains(c);
    !name.is_empty() && name.chars().all(plain) && !matches!(name, "." | "..")
}

/// Refuses what no workspace can be called. `place` is where the name came from.
pub(crate) fn check(name: &str, place: &str) -> Result<(), Diagnostic> {
    if is_name(name) {
        return Ok(());
    }
    Err(Diagnostic::error("Invalid workspace name").detail(format!(
        "The workspace name {name:?}, from {place}, is not allowed. The name must contain only URL safe characters, and no path \
         separators."
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_terraform_allows_and_no_other_directory() {
        for name in ["default", "dev", "a.b-c_d~1", "a:b@c", "x$&+=y", "..."] {
            assert!(check(name, "a test").is_ok(), "{name}");
        }
        // All but the last two are refused by Terraform 1.11.4 too.
        for name in ["", "a b", "a/b", "ä", "a,b", "a;b", "a?b", "a%b", "a\"b", "a\\b", ".", ".."] {
            assert!(check(name, "a test").is_err(), "{name}");
        }
    }

    #[test]
    fn the_environment_counts_before_what_is_selected() {
        let dir = tempfile::tempdir().unwrap();
        let (local, real) = (dir.path().join("local"), dir.path().to_owned());
        let current = |environment| {
            let found = Workspace::current(environment, &[local.clone(), real.clone()]).unwrap();
            (found.name, found.overridden)
        };
        assert_eq!(current(None), ("default".to_owned(), false));
        select(&real, "dev").unwrap();
        assert_eq!(current(None), ("dev".to_owned(), false));
        select(&local, "try").unwrap();
        assert_eq!(current(Some("")), ("try".to_owned(), false));
        assert_eq!(current(Some("prod")), ("prod".to_owned(), true));
        // Terraform writes no line break, but people do.
        std::fs::write(local.join("environment"), "try\n").unwrap();
        assert_eq!(current(None).0, "try");
        std::fs::write(local.join("environment"), "../../elsewhere").unwrap();
        assert!(Workspace::current(None, std::slice::from_ref(&local)).is_err());
        assert!(Workspace::current(Some("a/b"), &[]).is_err());
    }
}
