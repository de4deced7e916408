//! Where things are: directories, the local cloud, the workspace, what the environment says.

use std::path::PathBuf;
use std::time::Duration;

use ferroform_core::Diagnostic;
use ferroform_state::local::Backup;

use crate::args::WhereArgs;
use crate::cloud::Wish;
use crate::files::RealFiles;
use crate::workspace::{self, Workspace};

const STATEFILE: &str = "terraform.tfstate";

/// Where the states of workspaces are, beside the default one's.
const WORKSPACES: &str = "terraform.tfstate.d";

/// Where everything of local runs is, in `.terraform`.
const LOCAL: &str = "local";

/// What `backend "local"` says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct LocalPlace {
    /// The statefile of the default workspace.
    pub path: Option<PathBuf>,
    /// Where those of others are.
    pub workspace_dir: Option<PathBuf>,
}

/// What the environment and the options say about where things are.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// The directory that the program was started in, or changed to.
    pub cwd: PathBuf,
    /// `.terraform`, or what `TF_DATA_DIR` says.
    pub data_dir: PathBuf,
    /// The local cloud is used.
    pub local: bool,
    /// How the local cloud is to be.
    pub wish: Wish,
    /// A statefile named by option.
    pub state: Option<PathBuf>,
    /// Where the state of before a change goes, if it is in a file.
    pub backup: Backup,
    /// Which of the states of the configuration is meant.
    pub workspace: Workspace,
}

impl Settings {
    /// The files of the directory.
    pub(crate) fn files(&self) -> RealFiles {
        RealFiles::new(&self.cwd)
    }

    /// Reads the environment. `FERROFORM_CLOUD=local` has the effect of `-local`.
    pub(crate) fn new(place: &WhereArgs) -> Result<Settings, Diagnostic> {
        let cwd = std::env::current_dir().map_err(|error| {
            Diagnostic::error("Working directory not available")
                .detail(format!("The current directory cannot be told: {error}."))
        })?;
        let local = match std::env::var("FERROFORM_CLOUD").as_deref() {
            Ok("local") => true,
            Ok("") | Err(_) => place.local,
            Ok(other) => {
                return Err(Diagnostic::error("Invalid FERROFORM_CLOUD")
                    .detail(format!("The environment variable FERROFORM_CLOUD is {other:?}; the one value it can have is \"local\".")));
            }
        };
        if place.machines.machines.is_some() && !local {
            return Err(Diagnostic::error("Machines are for the local cloud")
                .detail("The option -machines makes servers of the local cloud real machines; this command does not use the local cloud.")
                .hint("Add -local."));
        }
        let data_dir = match std::env::var_os("TF_DATA_DIR") {
            Some(dir) if !dir.is_empty() => PathBuf::from(dir),
            _ => PathBuf::from(".terraform"),
        };
        let environment = std::env::var("TF_WORKSPACE").ok();
        let mut selections = vec![data_dir.clone()];
        if local {
            selections.insert(0, data_dir.join(LOCAL));
        }
        let workspace = Workspace::current(environment.as_deref(), &selections)?;
        Ok(Settings {
            cwd,
            data_dir,
            local,
            wish: Wish {
                time_scale: place.time_scale,
                faults: place.faults.clone(),
                machines: place.machines.clone(),
            },
            state: place.state.clone(),
            backup: Backup::default(),
            workspace,
        })
    }

    /// Everything of local runs: state, journal, lock and world.
    pub(crate) fn local_dir(&self) -> PathBuf {
        self.data_dir.join(LOCAL)
    }

    /// Where everything is noted that belongs to this directory only: for local runs or for others.
    pub(crate) fn notes_dir(&self) -> PathBuf {
        if self.local { self.local_dir() } else { self.data_dir.clone() }
    }

    /// The statefile, given what the configuration's `backend "local"` says.
    pub(crate) fn state_path(&self, backend: &LocalPlace) -> PathBuf {
        let name = self.workspace.name.as_str();
        if let (Some(path), false) = (&self.state, self.local) {
            return path.clone();
        }
        if name != workspace::DEFAULT {
            return self.workspaces_dir(backend).join(name).join(STATEFILE);
        }
        if self.local {
            return self.local_dir().join(STATEFILE);
        }
        backend.path.clone().unwrap_or_else(|| STATEFILE.into())
    }

    /// Where the statefiles of other workspaces than the default one are, each in a directory of its name.
    pub(crate) fn workspaces_dir(&self, backend: &LocalPlace) -> PathBuf {
        if self.local {
            return self.local_dir().join(WORKSPACES);
        }
        backend.workspace_dir.clone().unwrap_or_else(|| WORKSPACES.into())
    }

    /// Where the worlds are noted that a state belongs to.
    pub(crate) fn worlds_path(&self) -> PathBuf {
        let base = self.notes_dir();
        match self.workspace.name.as_str() {
            workspace::DEFAULT => base.join("ferroform-worlds.json"),
            name => base.join("ferroform-worlds.d").join(format!("{name}.json")),
        }
    }
}

/// Reads a duration such as `10s`, `2m30s` or `500ms`, as Go writes them.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, Diagnostic> {
    let invalid = || {
        Diagnostic::error("Invalid duration").detail(format!(
            "{text:?} is not a duration. Write a number with a unit, such as 10s, 2m30s or 500ms."
        ))
    };
    ferroform_cloud::parse_duration(text).ok_or_else(invalid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_go_writes_them() {
        for (text, seconds) in
            [("0", 0.0), ("0s", 0.0), ("10s", 10.0), ("2m30s", 150.0), ("500ms", 0.5), ("1.5h", 5400.0)]
        {
            assert_eq!(parse_duration(text).unwrap().as_secs_f64(), seconds, "{text}");
        }
        for text in ["", "10", "s", "10x", "-1s"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }
}
