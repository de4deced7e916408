//! Where the configuration keeps its state: the `backend` block, with what `init -backend-config` added to it.

mod arguments;
mod store;
mod workspaces;

use std::path::PathBuf;
use std::sync::Arc;

use ferroform_core::{Diagnostic, Diagnostics};
use ferroform_lang::Backend;
use ferroform_s3::backend::Backend as S3;
use ferroform_state::local::{LocalManager, LocalOptions};
use ferroform_state::manager::Manager;
use ferroform_state::remote::{RemoteManager, RemoteOptions};

pub(crate) use self::arguments::{Arguments, given, remember};
pub(crate) use self::store::S3Store;
pub(crate) use self::workspaces::Workspaces;
use crate::project::Project;
use crate::settings::{LocalPlace, Settings};

/// Where a state is kept.
pub(crate) enum Place {
    /// In files of this computer.
    Local(LocalPlace),
    /// In a bucket.
    S3(Box<S3>),
}

/// Where the configuration keeps its state; local runs have places of their own.
pub(crate) fn place(settings: &Settings, project: &Project) -> Result<Place, Diagnostics> {
    let Some(backend) = project.config.root().backend.as_ref().filter(|_| !settings.local) else {
        return Ok(Place::Local(LocalPlace::default()));
    };
    let arguments = arguments_with(backend, &arguments::remembered(settings, &backend.kind)?)?;
    place_of(settings, project, &arguments)
}

/// The arguments of a block with others, which count more.
pub(crate) fn arguments_with(block: &Backend, others: &Arguments) -> Result<Arguments, Diagnostics> {
    let mut arguments = arguments::of_block(block)?;
    arguments.extend(others.clone());
    Ok(arguments)
}

/// The same with these arguments.
pub(crate) fn place_of(
    settings: &Settings,
    project: &Project,
    arguments: &Arguments,
) -> Result<Place, Diagnostics> {
    let Some(backend) = &project.config.root().backend else {
        return Ok(Place::Local(LocalPlace::default()));
    };
    match &*backend.kind {
        "local" => {
            let given = |name| arguments.get(name).and_then(|path| path.as_str()).map(PathBuf::from);
            Ok(Place::Local(LocalPlace { path: given("path"), workspace_dir: given("workspace_dir") }))
        }
        "s3" if settings.state.is_some() => Err(Diagnostic::error("Option for local states")
            .detail("The option -state names a file, but the configuration keeps its state in a bucket.")
            .subject(backend.span)
            .hint("To look into a statefile, use `ferroform show FILE`; to put one in the bucket, `ferroform state push FILE`.")
            .into()),
        "s3" => {
            let s3 = S3::new(arguments, &|name| std::env::var(name).ok());
            let s3 = s3.map_err(|problem| {
                let subject = backend.body.attribute(&problem.argument).map_or(backend.span, |a| a.span);
                Diagnostic::error("Invalid backend configuration")
                    .detail(format!(
                        "The argument {:?} of the backend \"s3\": {}.",
                        problem.argument, problem.message
                    ))
                    .subject(subject)
                    .hint("Arguments that are not in the configuration can be given once with `ferroform init -backend-config=NAME=VALUE`.")
            })?;
            Ok(Place::S3(Box::new(s3)))
        }
        kind => Err(Diagnostic::error("Backend not available")
            .detail(format!(
                "The configuration keeps its state in a backend of type {kind:?}; this version of Ferroform has \"local\" and \"s3\"."
            ))
            .subject(backend.span)
            .hint("With -local the backend is not used: state and objects are in the local cloud.")
            .into()),
    }
}

/// The state of a configuration.
pub(crate) fn manager(settings: &Settings, project: &Project) -> Result<Arc<dyn Manager>, Diagnostics> {
    match place(settings, project)? {
        Place::Local(place) => {
            let options =
                LocalOptions { worlds: Some(settings.worlds_path()), backup: settings.backup.clone() };
            Ok(Arc::new(LocalManager::open(settings.state_path(&place), options)?))
        }
        Place::S3(s3) => {
            let (key, lock) = (s3.state_key(&settings.workspace.name), s3.use_lockfile);
            let store = S3Store::new(&s3)?;
            Ok(Arc::new(RemoteManager::new(Arc::new(store), key, RemoteOptions { lock })))
        }
    }
}
