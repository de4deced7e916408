//! A configuration, loaded and checked, with all that the engine wants to know about it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ferroform_core::{Diagnostic, Diagnostics, Sources};
use ferroform_engine::{Registry, Setup, Surroundings};
use ferroform_lang::validate::validate;
use ferroform_lang::{Config, Files, MemoryFiles, RecordingFiles};

use crate::files::RealFiles;
use crate::settings::Settings;

/// A loaded configuration.
pub(crate) struct Project {
    /// The configuration.
    pub config: Arc<Config>,
    /// Every text that spans point into.
    pub sources: Sources,
    /// Where functions read files.
    pub files: Arc<dyn Files>,
    /// Everything read so far, for the planfile; none when the project itself came out of a planfile.
    recording: Option<Arc<RecordingFiles<RealFiles>>>,
}

impl Project {
    /// Loads the configuration of the current directory.
    pub(crate) fn load(settings: &Settings) -> (Project, Diagnostics) {
        let (project, mut diagnostics) = Self::load_any(settings);
        if project.config.is_empty() && !diagnostics.has_errors() {
            diagnostics.push(
                Diagnostic::error("No configuration files")
                    .detail(format!(
                        "The directory {} holds no files that end in .tf or .tf.json.",
                        settings.cwd.display()
                    ))
                    .hint("Change to the directory of your configuration, or name it with -chdir=DIR."),
            );
        }
        (project, diagnostics)
    }

    /// The same, where there may be none at all.
    fn load_any(settings: &Settings) -> (Project, Diagnostics) {
        let recording = Arc::new(RecordingFiles::new(settings.files()));
        let (mut project, diagnostics) = Self::from_files(recording.clone());
        project.recording = Some(recording);
        (project, diagnostics)
    }

    /// The configuration as far as it says where its state is, and what is wrong with it if that may not be what it says: where
    /// mistakes could hide the backend. None at all says that the state is here.
    pub(crate) fn of_state(settings: &Settings) -> (Project, Diagnostics) {
        let (project, diagnostics) = Self::load_any(settings);
        let certain = settings.local || settings.state.is_some() || project.config.root().backend.is_some();
        let hidden = !certain && diagnostics.has_errors();
        (project, if hidden { diagnostics } else { Diagnostics::new() })
    }

    /// Loads the configuration that a planfile holds.
    pub(crate) fn from_planfile(bytes: &[u8]) -> (Option<Project>, Diagnostics) {
        match unpack(bytes) {
            Ok(files) => {
                let (project, diagnostics) = Self::from_files(Arc::new(MemoryFiles(files)));
                (Some(project), diagnostics)
            }
            Err(error) => {
                let detail = format!("The configuration inside cannot be read: {error}.");
                (None, Diagnostic::error("Invalid planfile").detail(detail).into())
            }
        }
    }

    fn from_files(files: Arc<dyn Files>) -> (Project, Diagnostics) {
        let mut sources = Sources::new();
        let (config, diagnostics) = Config::load(&*files, &mut sources, Path::new(""));
        (Project { config: Arc::new(config), sources, files, recording: None }, diagnostics)
    }

    /// Everything that was read, for a planfile.
    pub(crate) fn pack(&self) -> Vec<u8> {
        let files = self.recording.as_ref().map(|r| r.recorded()).unwrap_or_default();
        pack(&files)
    }

    /// Checks all that needs no values.
    pub(crate) fn validate(&self, registry: &Registry) -> Diagnostics {
        let mut diagnostics = validate(&self.config, registry);
        diagnostics.append(self.missing_providers(registry));
        diagnostics
    }

    /// An error for each provider that a block needs and that is not at hand, at the first such block.
    fn missing_providers(&self, registry: &Registry) -> Diagnostics {
        let mut missing = BTreeMap::new();
        for (path, module) in self.config.modules() {
            for block in module.resources.values() {
                if let Ok(provider) = self.config.provider_for(path, block)
                    && registry.get(&provider.source).is_none()
                {
                    let found = registry.missing(&provider.source, Some(block.header));
                    missing.entry(provider.source).or_insert(found);
                }
            }
        }
        missing.into_values().collect()
    }

    /// What the engine is given. `plan_time` and `present_time` are RFC 3339; the latter only while applying.
    pub(crate) fn setup(
        &self,
        settings: &Settings,
        registry: &Registry,
        parallelism: usize,
        plan_time: &str,
        present_time: Option<&str>,
    ) -> Setup {
        let surroundings = Surroundings {
            files: self.files.clone(),
            working_dir: settings.cwd.clone(),
            home: std::env::home_dir(),
            workspace: settings.workspace.name.clone(),
            plan_time: plan_time.to_owned(),
            present_time: present_time.map(str::to_owned),
        };
        Setup::new(self.config.clone(), &surroundings, registry.clone(), parallelism)
    }
}

/// Length and path of each file, then its bytes; paths are UTF-8 with `/`.
fn pack(files: &BTreeMap<PathBuf, Vec<u8>>) -> Vec<u8> {
    let mut out = Vec::new();
    for (path, bytes) in files {
        let path = path.to_string_lossy();
        out.extend(format!("{} {}\n{path}", path.len(), bytes.len()).bytes());
        out.extend(bytes);
    }
    out
}

fn unpack(mut rest: &[u8]) -> Result<BTreeMap<PathBuf, Vec<u8>>, &'static str> {
    let mut files = BTreeMap::new();
    while !rest.is_empty() {
        let line_end = rest.iter().take(64).position(|b| *b == b'\n').ok_or("a file has no header")?;
        let header = std::str::from_utf8(&rest[..line_end]).map_err(|_| "a header is no text")?;
        let (path_len, len) = header.split_once(' ').ok_or("a header is incomplete")?;
        let number = |text: &str| text.parse::<usize>().map_err(|_| "a header holds no numbers");
        let (path_len, len) = (number(path_len)?, number(len)?);
        rest = &rest[line_end + 1..];
        if path_len.checked_add(len).is_none_or(|total| total > rest.len()) {
            return Err("it ends too early");
        }
        let (path, behind) = rest.split_at(path_len);
        let (bytes, behind) = behind.split_at(len);
        let path = std::str::from_utf8(path).map_err(|_| "a path is no text")?;
        files.insert(PathBuf::from(path), bytes.to_vec());
        rest = behind;
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_files_come_out_as_they_went_in() {
        let files: BTreeMap<PathBuf, Vec<u8>> = [("main.tf", "a\nb"), ("x/ü.txt", ""), ("x/bin", "\0 1 2\n")]
            .into_iter()
            .map(|(p, t)| (PathBuf::from(p), t.as_bytes().to_vec()))
            .collect();
        let packed = pack(&files);
        assert_eq!(unpack(&packed).unwrap(), files);
        for cut in 1..packed.len() {
            let part = unpack(&packed[..cut]);
            assert!(part.is_err() || part.is_ok_and(|p| p.len() < files.len()), "{cut}");
        }
    }
}
