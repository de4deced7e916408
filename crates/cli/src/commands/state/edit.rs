//! `state mv` and `state rm`

use std::process::ExitCode;

use ferroform_core::{Diagnostic, Sources};
use ferroform_state::local::Backup;

use super::by_hand::ByHand;
use super::{no_state, parse_targets};
use crate::args::{StateEditArgs, StateMvArgs, StateRmArgs};
use crate::commands::Outcome;
use crate::context::{Context, Reported};
use crate::terminal::Terminal;

/// Gives objects another address.
pub(super) fn mv(args: &StateMvArgs, terminal: &Terminal) -> Outcome {
    let context = Context::new(terminal);
    let none = Sources::new();
    let targets = context.take(parse_targets(&[&args.source, &args.destination]), &none)?;
    let (from, to) = (&targets[0], &targets[1]);
    let opened = open(&context, &args.edit, "state-mv")?;
    context.take(opened.finished(&targets), &none)?;
    let mut state = opened.loaded.state.clone();
    context.take(state.readdress(from, to), &none)?;
    if args.edit.dry_run {
        context.print(&format!("Would move {from} to {to}\n"));
        return Ok(ExitCode::SUCCESS);
    }
    opened.keep(&context, &state)?;
    context.print(&format!("Move {from} to {to}\nSuccessfully moved 1 object(s).\n"));
    Ok(ExitCode::SUCCESS)
}

/// Forgets objects, which stay as they are.
pub(super) fn rm(args: &StateRmArgs, terminal: &Terminal) -> Outcome {
    let context = Context::new(terminal);
    let none = Sources::new();
    let targets = context.take(parse_targets(&args.addresses), &none)?;
    let opened = open(&context, &args.edit, "state-rm")?;
    context.take(opened.finished(&targets), &none)?;
    let mut state = opened.loaded.state.clone();
    let mut removed = Vec::new();
    let mut unknown = Vec::new();
    for target in &targets {
        let named = state.named(target);
        if named.is_empty() && !removed.iter().any(|addr| target.covers(addr)) {
            unknown.push(target.to_string());
        }
        for addr in &named {
            state.remove_instance(addr);
        }
        removed.extend(named);
    }
    let nothing = format!("Nothing in the state is named by {}.", unknown.join(", "));
    if removed.is_empty() {
        let diagnostic = Diagnostic::error("Invalid target address")
            .detail(nothing)
            .hint("`ferroform state list` shows what is there.");
        return context.take(Err(diagnostic), &none);
    }
    if !unknown.is_empty() {
        let warning = Diagnostic::warning("Unknown target address").detail(nothing);
        context.report(&warning.into(), &none);
    }
    let did = if args.edit.dry_run { "Would remove" } else { "Removed" };
    let lines: String = removed.iter().map(|addr| format!("{did} {addr}\n")).collect();
    if args.edit.dry_run {
        context.print(&lines);
        return Ok(ExitCode::SUCCESS);
    }
    opened.keep(&context, &state)?;
    context.print(&format!("{lines}Successfully removed {} resource instance(s).\n", removed.len()));
    Ok(ExitCode::SUCCESS)
}

/// The state, with a backup that no later run replaces.
fn open(context: &Context<'_>, args: &StateEditArgs, operation: &'static str) -> Result<ByHand, Reported> {
    let backup = match &args.backup {
        Some(path) => Backup::At(path.clone()),
        None => Backup::Stamped(jiff::Timestamp::now().as_second()),
    };
    let opened = ByHand::open(context, &args.place, &args.lock, operation, backup)?;
    if opened.exists() { Ok(opened) } else { context.take(Err(no_state()), &Sources::new()) }
}
