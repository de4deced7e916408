//! `state pull` and `state push`

use ferroform_core::{Diagnostic, Diagnostics, Sources};
use ferroform_state::State;
use ferroform_state::file;
use ferroform_state::local::Backup;
use std::io::Read as _;
use std::path::Path;
use std::process::ExitCode;

use super::ByHand;
use crate::args::{StatePullArgs, StatePushArgs};
use crate::commands::Outcome;
use crate::context::Context;
use crate::settings::Settings;
use crate::terminal::Terminal;
use crate::workflow::{manager, project_of_state};

/// Prints the state as it truly is, with what an interrupted run did; nothing when there is none.
pub(super) fn pull(args: &StatePullArgs, terminal: &Terminal) -> Outcome {
    let context = Context::new(terminal);
    let none = Sources::new();
    let settings = context.take(Settings::new(&args.place), &none)?;
    let project = project_of_state(&context, &settings)?;
    let manager = manager(&context, &settings, &project)?;
    let loaded = context.take(manager.read(), &none)?;
    if !loaded.exists && !loaded.recovered {
        return Ok(ExitCode::SUCCESS);
    }
    let mut state = loaded.state;
    if loaded.recovered {
        // It is newer than the one that is kept.
        state.serial = state.serial.saturating_add(1);
    }
    let bytes = context.take(file::write(&state), &none)?;
    context.print(&String::from_utf8_lossy(&bytes));
    Ok(ExitCode::SUCCESS)
}

/// Puts a statefile in the place of the kept state.
pub(super) fn push(args: &StatePushArgs, terminal: &Terminal) -> Outcome {
    let context = Context::new(terminal);
    let none = Sources::new();
    let state = context.take(source(&args.file), &none)?;
    let opened = ByHand::open(&context, &args.place, &args.lock, "OperationTypeStatePush", Backup::Beside)?;
    opened.push(&context, &state, args.force)?;
    Ok(ExitCode::SUCCESS)
}

/// The state in a file that is to be kept.
pub(in crate::commands) fn source(path: &Path) -> Result<State, Diagnostics> {
    let failed = |error: std::io::Error| {
        Diagnostics::from(
            Diagnostic::error("Statefile cannot be read").detail(format!("{}: {error}.", path.display())),
        )
    };
    let (bytes, name) = if path == Path::new("-") {
        let mut bytes = Vec::new();
        // One byte more than is read tells that it is too much.
        std::io::stdin().lock().take(file::MAX_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
        (bytes, "standard input".to_owned())
    } else {
        (std::fs::read(path).map_err(failed)?, path.display().to_string())
    };
    file::read(&bytes, &name)?.ok_or_else(|| {
        Diagnostic::error("Statefile is empty")
            .detail(format!("{name} holds nothing, so there is no state to be pushed."))
            .hint("To remove everything that is managed, use `ferroform destroy`.")
            .into()
    })
}
