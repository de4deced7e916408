//! `validate`

use std::process::ExitCode;

use super::Outcome;
use crate::args::{ValidateArgs, WhereArgs};
use crate::context::{Context, Reported};
use crate::project::Project;
use crate::providers;
use crate::settings::Settings;
use crate::terminal::Terminal;
use crate::views::diagnostics::validation_json;

pub(super) fn run(args: &ValidateArgs, terminal: &Terminal) -> Outcome {
    let context = Context::new(terminal);
    let settings = context.take(Settings::new(&WhereArgs::default()), &ferroform_core::Sources::new())?;
    let (project, mut diagnostics) = Project::load(&settings);
    if !diagnostics.has_errors() {
        diagnostics.append(project.validate(&providers::registry(None)));
    }
    if args.json {
        context.print(&validation_json(&diagnostics, &project.sources));
        return if diagnostics.has_errors() { Err(Reported) } else { Ok(ExitCode::SUCCESS) };
    }
    context.check(&diagnostics, &project.sources)?;
    context.print("Success! The configuration is valid.\n");
    Ok(ExitCode::SUCCESS)
}
