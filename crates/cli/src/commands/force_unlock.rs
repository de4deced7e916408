//! `force-unlock`

use std::process::ExitCode;

use ferroform_core::{Diagnostic, Sources};

use super::Outcome;
use crate::args::ForceUnlockArgs;
use crate::context::{Context, Reported};
use crate::settings::Settings;
use crate::terminal::Terminal;
use crate::workflow::{manager, project_of_state};

pub(super) fn run(args: &ForceUnlockArgs, terminal: &Terminal) -> Outcome {
    let context = Context::new(terminal);
    let none = Sources::new();
    let settings = context.take(Settings::new(&args.place), &none)?;
    let project = project_of_state(&context, &settings)?;
    let manager = manager(&context, &settings, &project)?;
    if !args.force && !approved(&context, &manager.location())? {
        context.print("\nforce-unlock cancelled.\n");
        return Err(Reported);
    }
    context.take(manager.force_unlock(&args.id), &none)?;
    context.print("The state has been unlocked. The next plan or apply settles what the run that held the lock left open.\n");
    Ok(ExitCode::SUCCESS)
}

fn approved(context: &Context<'_>, location: &str) -> Result<bool, Reported> {
    if !context.terminal.can_ask {
        let diagnostic = Diagnostic::error("Approval needed")
            .detail("Nobody can be asked whether to take the lock away, since input is not a terminal.")
            .hint("Add -force if the run that held the lock has ended for certain.");
        return context.take(Err(diagnostic), &Sources::new());
    }
    let question = format!(
        "\nDo you really want to force-unlock?\n  The lock on {location} is taken away. If the run that holds it is still at work, two \
         runs may act at once.\n  Only 'yes' will be accepted to confirm.\n\n  Enter a value: "
    );
    Ok(context.terminal.ask(&question).as_deref().map(str::trim) == Some("yes"))
}
