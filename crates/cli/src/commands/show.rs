//! `show`

use std::process::ExitCode;

use ferroform_core::{Diagnostic, Sources};
use ferroform_plan::planfile;
use ferroform_state::State;

use super::Outcome;
use super::state::read_state;
use crate::args::ShowArgs;
use crate::context::Context;
use crate::providers;
use crate::terminal::Terminal;
use crate::views::plan::{plan_json, render_plan};
use crate::views::schemas::schemas_of;
use crate::views::state::{render_state, state_json};

pub(super) fn run(args: &ShowArgs, terminal: &Terminal) -> Outcome {
    let context = Context::new(terminal);
    let none = Sources::new();
    let registry = providers::registry(None);
    let schemas = schemas_of(&registry);
    let state: Option<State> = match &args.path {
        Some(path) if planfile::is_planfile(path) => {
            let file = context.take(planfile::read(path), &none)?;
            context.print(&if args.json {
                plan_json(&file.plan, &schemas)
            } else {
                render_plan(&file.plan, &schemas, &context.style)
            });
            return Ok(ExitCode::SUCCESS);
        }
        Some(path) => {
            let bytes = std::fs::read(path).map_err(|error| {
                Diagnostic::error("File cannot be read").detail(format!("{}: {error}.", path.display()))
            });
            let bytes = context.take(bytes, &none)?;
            context.take(ferroform_state::file::read(&bytes, &path.display().to_string()), &none)?
        }
        None => read_state(&context, &args.place)?,
    };
    match (state, args.json) {
        (state, true) => context.print(&state_json(state.as_ref(), &schemas)),
        (Some(state), false) if !state.is_empty() => {
            context.print(&render_state(&state, &schemas, &context.style))
        }
        (_, false) => context.print("The state file is empty. No resources are represented.\n"),
    }
    Ok(ExitCode::SUCCESS)
}
