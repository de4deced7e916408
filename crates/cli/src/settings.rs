//! Where things are: directories, the local cloud, the workspace, what the environment says.

use std::path::{Path, PathBuf};
use std::time::Duration;

use ferroform_core::Diagnostic;
use ferroform_state::local::Backup;

use crate::args::WhereArgs;
use crate::cloud::Wish;
use crate::files::RealFiles;

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
    /// The workspace's name.
    pub workspace: String,
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
        let workspace = std::env::var("TF_WORKSPACE").ok().filter(|w| !w.is_empty());
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
            workspace: workspace.unwrap_or_else(|| "default".to_owned()),
        })
    }

    /// Everything of local runs: state, journal, lock and world.
    pub(crate) fn local_dir(&self) -> PathBuf {
        self.data_dir.join("local")
    }

    /// The statefile, given what the configuration's `backend "local"` says.
    pub(crate) fn state_path(&self, backend_path: Option<&Path>) -> PathBuf {
        let in_workspace = |base: &Path| match self.workspace.as_str() {
            "default" => base.join("terraform.tfstate"),
            name => base.join("terraform.tfstate.d").join(name).join("terraform.tfstate"),
        };
        if self.local {
            return in_workspace(&self.local_dir());
        }
        match (&self.state, backend_path) {
            (Some(path), _) => path.clone(),
            (None, Some(path)) if self.workspace == "default" => path.to_owned(),
            _ => in_workspace(Path::new("")),
        }
    }

    /// Where the worlds are noted that a state belongs to.
    pub(crate) fn worlds_path(&self) -> PathBuf {
        let base = if self.local { self.local_dir() } else { self.data_dir.clone() };
        base.join("ferroform-worlds.json")
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
