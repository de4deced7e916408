//! States that a person changes: no configuration is planned, and no provider asked.

use std::sync::Arc;

use ferroform_core::addr::Target;
use ferroform_core::{Diagnostic, Diagnostics, Sources};
use ferroform_state::State;
use ferroform_state::local::Backup;
use ferroform_state::manager::{Loaded, Manager, Written};

use crate::args::{LockArgs, WhereArgs};
use crate::context::{Context, Reported};
use crate::project::Project;
use crate::settings::Settings;
use crate::workflow::{acquire, manager, project_of_state};

/// A state, locked and read.
pub(in crate::commands) struct ByHand {
    /// Where it is kept.
    pub manager: Arc<dyn Manager>,
    /// What it was.
    pub loaded: Loaded,
}

impl ByHand {
    /// Opens the state of the current directory. The content of before goes where `backup` says, if it is in a file.
    pub(in crate::commands) fn open(
        context: &Context<'_>,
        place: &WhereArgs,
        lock: &LockArgs,
        operation: &'static str,
        backup: Backup,
    ) -> Result<Self, Reported> {
        let none = Sources::new();
        let mut settings = context.take(Settings::new(place), &none)?;
        settings.backup = backup;
        let project = project_of_state(context, &settings)?;
        Self::with_project(context, &settings, &project, lock, operation)
    }

    /// The same with a configuration that is loaded already.
    pub(in crate::commands) fn with_project(
        context: &Context<'_>,
        settings: &Settings,
        project: &Project,
        lock: &LockArgs,
        operation: &'static str,
    ) -> Result<Self, Reported> {
        let manager = manager(context, settings, project)?;
        if lock.lock {
            acquire(context, &*manager, lock, operation)?;
        }
        let loaded = context.take(manager.read(), &project.sources)?;
        Ok(ByHand { manager, loaded })
    }

    /// Whether there is any state.
    pub(in crate::commands) fn exists(&self) -> bool {
        self.loaded.exists || !self.loaded.state.is_empty()
    }

    /// Refuses to go on if an earlier run left something unfinished that the targets name: how it ended is noted under the
    /// address that it has now.
    pub(in crate::commands) fn finished(&self, targets: &[Target]) -> Result<(), Diagnostic> {
        let named = |open: &&ferroform_state::journal::OpenOperation| {
            targets.iter().any(|target| target.covers(&open.intent.address))
        };
        match self.loaded.open.iter().find(named) {
            None => Ok(()),
            Some(open) => Err(Diagnostic::error("Unfinished operation")
                .detail(format!(
                    "An earlier run was interrupted while it worked on {0}, so that it is not certain yet which objects \
                     there are. Nothing was changed.",
                    open.intent.address
                ))
                .hint("`ferroform plan` finds out what became of it; then give this command again.")),
        }
    }

    /// Puts a state from elsewhere in its place and gives the lock back, see [`Manager::push`].
    pub(in crate::commands) fn push(
        self,
        context: &Context<'_>,
        state: &State,
        force: bool,
    ) -> Result<(), Reported> {
        let written = self.manager.push(state, force);
        self.close(context, written)
    }

    /// Keeps the changed state and gives the lock back.
    pub(in crate::commands) fn keep(self, context: &Context<'_>, state: &State) -> Result<(), Reported> {
        let written = self.manager.write(state);
        self.close(context, written)
    }

    fn close(self, context: &Context<'_>, written: Result<Written, Diagnostics>) -> Result<(), Reported> {
        let none = Sources::new();
        context.report(&context.take(written, &none)?.warnings, &none);
        context.take(self.manager.unlock(), &none)
    }
}
