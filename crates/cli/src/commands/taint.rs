//! `taint` and `untaint`

use std::process::ExitCode;

use ferroform_core::addr::{ResourceInstance, ResourceMode, Target};
use ferroform_core::{Diagnostic, Sources};
use ferroform_state::local::Backup;
use ferroform_state::{Object, ObjectStatus};

use super::Outcome;
use super::state::{ByHand, parse};
use crate::args::TaintArgs;
use crate::context::{Context, Reported};
use crate::terminal::Terminal;

/// Marks an object, so that it is replaced.
pub(super) fn taint(args: &TaintArgs, terminal: &Terminal) -> Outcome {
    let context = Context::new(terminal);
    let Some((addr, opened)) = open(&context, args, "taint")? else { return Ok(ExitCode::SUCCESS) };
    mark(&context, opened, &addr, ObjectStatus::Tainted)?;
    context.print(&format!("Resource instance {addr} has been marked as tainted.\n"));
    Ok(ExitCode::SUCCESS)
}

/// Takes the mark away.
pub(super) fn untaint(args: &TaintArgs, terminal: &Terminal) -> Outcome {
    let context = Context::new(terminal);
    let Some((addr, opened)) = open(&context, args, "untaint")? else { return Ok(ExitCode::SUCCESS) };
    if !opened.loaded.state.current(&addr).is_some_and(|object| object.is_tainted()) {
        let diagnostic = Diagnostic::error("Resource instance is not tainted").detail(format!(
            "Resource instance {addr} is not currently tainted, and so it cannot be untainted."
        ));
        return context.take(Err(diagnostic), &Sources::new());
    }
    mark(&context, opened, &addr, ObjectStatus::Ready)?;
    context.print(&format!("Resource instance {addr} has been successfully untainted.\n"));
    Ok(ExitCode::SUCCESS)
}

/// The state, locked, if the instance has an object; none when that may be missing.
fn open(
    context: &Context<'_>,
    args: &TaintArgs,
    operation: &'static str,
) -> Result<Option<(ResourceInstance, ByHand)>, Reported> {
    let none = Sources::new();
    let addr = context.take(parse(&args.address), &none)?;
    if addr.resource.mode != ResourceMode::Managed {
        let diagnostic = Diagnostic::error("Invalid address")
            .detail(format!("{addr} is no managed resource, so there is nothing to replace."));
        return context.take(Err(diagnostic), &none);
    }
    let opened = ByHand::open(context, &args.place, &args.lock, operation, Backup::Beside)?;
    context.take(opened.finished(&[Target::Resource(addr.clone())]), &none)?;
    if opened.loaded.state.current(&addr).is_some() {
        return Ok(Some((addr, opened)));
    }
    let summary = "No such resource instance";
    if args.allow_missing {
        let warning = Diagnostic::warning(summary).detail(format!(
            "Resource instance {addr} was not found, but this is not an error because -allow-missing was set."
        ));
        context.report(&warning.into(), &none);
        return Ok(None);
    }
    let error = Diagnostic::error(summary)
        .detail(format!("There is no resource instance in the state with the address {addr}."))
        .hint("`ferroform state list` shows those that there are.");
    context.take(Err(error), &none)
}

fn mark(
    context: &Context<'_>,
    opened: ByHand,
    addr: &ResourceInstance,
    status: ObjectStatus,
) -> Result<(), Reported> {
    let mut state = opened.loaded.state.clone();
    let found = state.resources.get(&addr.resource()).map(|resource| resource.provider.clone());
    if let (Some(provider), Some(object)) = (found, state.current(addr).cloned()) {
        state.set_current(addr, &provider, Some(Object { status, ..Object::clone(&object) }));
    }
    opened.keep(context, &state)
}
