//! `import`

use ferroform_core::addr::{ResourceInstance, ResourceMode};
use ferroform_core::{Diagnostic, Sources};
use ferroform_plan::PlanMode;
use ferroform_state::Object;
use std::process::ExitCode;
use std::str::FromStr;

use super::Outcome;
use crate::args::{ImportArgs, PlanningArgs};
use crate::context::Context;
use crate::terminal::Terminal;
use crate::workflow::Session;

pub(super) async fn run(args: &ImportArgs, terminal: &Terminal) -> Outcome {
    let context = Context::new(terminal);
    let none = Sources::new();
    let addr = context.take(address(&args.address), &none)?;
    let mut session = Session::open(&context, &args.place, &args.lock, "OperationTypeImport")?;
    let _interruptible = session.interruptible(terminal, &args.lock);
    if session.loaded.state.current(&addr).is_some() {
        return context.take(Err(managed(&addr)), &none);
    }
    // The object alone is read, apart from the data sources that its block needs.
    let planning = PlanningArgs {
        place: args.place.clone(),
        lock: args.lock.clone(),
        variables: args.variables.clone(),
        destroy: false,
        refresh_only: false,
        refresh: false,
        target: vec![args.address.clone()],
        replace: Vec::new(),
        parallelism: args.parallelism,
        input: args.input,
        compact_warnings: false,
    };
    let progress = context.progress();
    let wanted = vec![(addr.clone(), args.id.clone())];
    let planned = session.plan_importing(&context, &planning, PlanMode::Normal, wanted, &progress).await;
    progress.finish();
    let (plan, planned) = planned?;
    let found = plan.prior.resources.get(&addr.resource()).map(|resource| resource.provider.clone());
    let (Some(provider), Some(object)) = (found, plan.prior.current(&addr)) else {
        return context.take(Err(not_found(&addr)), &none);
    };
    let mut state = planned.settled.clone();
    state.set_current(&addr, &provider, Some(Object::clone(object)));
    let written = context.take(session.manager.write(&state), &none)?;
    context.report(&written.warnings, &none);
    context.print(&format!(
        "{addr}: Import complete\n\nImport successful!\n\nThe object is under management now. `ferroform plan` shows how it \
         differs from what configuration says.\n"
    ));
    session.close(&context)?;
    Ok(ExitCode::SUCCESS)
}

/// The instance that the command line names.
fn address(text: &str) -> Result<ResourceInstance, Diagnostic> {
    let wrong = |why: String| Diagnostic::error("Invalid address").detail(format!("{text}: {why}."));
    let addr = ResourceInstance::from_str(text).map_err(|error| wrong(error.to_string()))?;
    if addr.resource.mode != ResourceMode::Managed {
        return Err(wrong("only what a \"resource\" block declares can be imported".into()));
    }
    Ok(addr)
}

fn managed(addr: &ResourceInstance) -> Diagnostic {
    Diagnostic::error("Resource already managed by Ferroform")
        .detail(format!(
            "The state has an object at {addr} already, and an instance has one only. Import to another address, or let \
             a removed block with destroy = false forget that object first."
        ))
        .address(addr.to_string())
}

fn not_found(addr: &ResourceInstance) -> Diagnostic {
    Diagnostic::error("Object was not imported")
        .detail(format!("Planning did not come to {addr}. Nothing was changed."))
        .address(addr.to_string())
}
