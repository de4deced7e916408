//! The workspaces of a backend: states of one configuration beside each other.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;

use ferroform_core::{Diagnostic, Diagnostics};
use ferroform_s3::backend::Backend as S3;
use ferroform_state::remote::{ObjectStore as _, StoreError, objects_of};

use super::{Place, S3Store, place};
use crate::project::Project;
use crate::settings::Settings;
use crate::workspace::{DEFAULT, is_name};

/// Where the states of workspaces are.
pub(crate) enum Workspaces {
    /// In directories of their names below this one.
    Files(PathBuf),
    /// In a bucket, under keys with their names.
    Bucket(Box<S3>),
}

impl Workspaces {
    /// Those of a configuration.
    pub(crate) fn of(settings: &Settings, project: &Project) -> Result<Self, Diagnostics> {
        Ok(match place(settings, project)? {
            Place::Local(place) => Workspaces::Files(settings.workspaces_dir(&place)),
            Place::S3(s3) => Workspaces::Bucket(s3),
        })
    }

    /// Their names, the default one's always among them.
    pub(crate) fn names(&self) -> Result<BTreeSet<String>, Diagnostic> {
        let mut names = BTreeSet::from([DEFAULT.to_owned()]);
        match self {
            Workspaces::Files(dir) => {
                let failed = |error: io::Error| failed("Workspaces cannot be listed", &dir.display(), &error);
                let entries = match std::fs::read_dir(dir) {
                    Ok(entries) => entries,
                    Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(names),
                    Err(error) => return Err(failed(error)),
                };
                for entry in entries {
                    let entry = entry.map_err(failed)?;
                    if entry.path().is_dir() {
                        names.extend(entry.file_name().into_string());
                    }
                }
            }
            Workspaces::Bucket(s3) => {
                let store = S3Store::new(s3)?;
                let prefix = s3.workspaces_prefix();
                let keys = store.list(&prefix).map_err(|error| unlisted(&store.name(&prefix), &error))?;
                names.extend(keys.iter().filter_map(|key| s3.workspace_of(key)).map(str::to_owned));
            }
        }
        names.retain(|name| is_name(name));
        Ok(names)
    }

    /// Makes the place for the state of a new workspace. In a bucket there is one when its state is put there.
    pub(crate) fn make_place(&self, name: &str) -> Result<(), Diagnostic> {
        let Workspaces::Files(dir) = self else { return Ok(()) };
        let dir = dir.join(name);
        std::fs::create_dir_all(&dir)
            .map_err(|error| failed("Workspace cannot be created", &dir.display(), &error))
    }

    /// Removes a workspace's state with all that belongs to it.
    pub(crate) fn remove(&self, name: &str) -> Result<(), Diagnostic> {
        let summary = "Workspace cannot be deleted";
        match self {
            Workspaces::Files(dir) => {
                let dir = dir.join(name);
                match std::fs::remove_dir_all(&dir) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => {
                        Err(failed(summary, &dir.display(), &error))
                    }
                    _ => Ok(()),
                }
            }
            Workspaces::Bucket(s3) => {
                let store = S3Store::new(s3)?;
                let key = s3.state_key(name);
                let removed = objects_of(&store, &key)
                    .and_then(|keys| keys.iter().try_for_each(|key| store.delete(key)));
                removed.map_err(|error| failed(summary, &store.name(&key), &error))
            }
        }
    }
}

fn unlisted(name: &str, error: &StoreError) -> Diagnostic {
    let diagnostic = failed("Workspaces cannot be listed", &name, error);
    match error {
        StoreError::Failed { hint: Some(hint), .. } => diagnostic.hint(hint.clone()),
        _ => diagnostic,
    }
}

fn failed(summary: &'static str, place: &dyn std::fmt::Display, error: &dyn std::fmt::Display) -> Diagnostic {
    Diagnostic::error(summary).detail(format!("{place}: {error}."))
}
