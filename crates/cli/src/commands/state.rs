//! `state`

mod by_hand;
mod edit;
mod transfer;

use ferroform_core::addr::{AddrError, ResourceInstance, Target};
use ferroform_core::{Diagnostic, Diagnostics, Sources};
use ferroform_state::State;
use ferroform_state::journal::Record;
use ferroform_state::local::Backup;
use std::process::ExitCode;
use std::sync::Arc;

pub(super) use self::by_hand::ByHand;
pub(super) use self::transfer::source;
use super::Outcome;
use crate::args::{StateArgs, StateCommand, StateListArgs, StateSettleArgs, StateShowArgs, WhereArgs};
use crate::context::{Context, Reported};
use crate::providers;
use crate::settings::Settings;
use crate::terminal::Terminal;
use crate::views::schemas::schemas_of;
use crate::views::state::render_instance;
use crate::workflow::{manager, project_of_state};

pub(super) fn run(args: &StateArgs, terminal: &Terminal) -> Outcome {
    match &args.command {
        StateCommand::List(args) => list(args, terminal),
        StateCommand::Show(args) => show(args, terminal),
        StateCommand::Mv(args) => edit::mv(args, terminal),
        StateCommand::Rm(args) => edit::rm(args, terminal),
        StateCommand::Settle(args) => settle(args, terminal),
        StateCommand::Pull(args) => transfer::pull(args, terminal),
        StateCommand::Push(args) => transfer::push(args, terminal),
    }
}

/// The state of the current directory as it truly is, without taking the lock; none when there is none.
pub(super) fn read_state(context: &Context<'_>, place: &WhereArgs) -> Result<Option<State>, Reported> {
    let none = Sources::new();
    let settings = context.take(Settings::new(place), &none)?;
    let project = project_of_state(context, &settings)?;
    let manager = manager(context, &settings, &project)?;
    let loaded = context.take(manager.read(), &none)?;
    Ok((loaded.exists || !loaded.state.is_empty()).then_some(loaded.state))
}

fn list(args: &StateListArgs, terminal: &Terminal) -> Outcome {
    let context = Context::new(terminal);
    let none = Sources::new();
    let Some(state) = read_state(&context, &args.place)? else {
        return context.take(Err(no_state()), &none);
    };
    let wanted = context.take(parse_targets(&args.addresses), &none)?;
    let unknown: Diagnostics = wanted.iter().filter_map(|target| unknown(&state, target)).collect();
    context.check(&unknown, &none)?;
    let listed = |addr: &ResourceInstance| wanted.is_empty() || wanted.iter().any(|w| w.covers(addr));
    let mut lines = String::new();
    let mut last = None;
    for (addr, _, _, object) in state.objects() {
        let with_id = args.id.as_ref().is_none_or(|id| object.attributes.to_value()["id"] == **id);
        if with_id && listed(&addr) && last.as_ref() != Some(&addr) {
            lines.push_str(&format!("{addr}\n"));
            last = Some(addr);
        }
    }
    context.print(&lines);
    Ok(ExitCode::SUCCESS)
}

/// What to say of a target that names nothing in a state.
fn unknown(state: &State, target: &Target) -> Option<Diagnostic> {
    if state.objects().any(|(addr, ..)| target.covers(&addr)) {
        return None;
    }
    let what = match target {
        Target::Module(_) => "module",
        Target::Resource(addr) if addr.key.is_none() => "resource",
        Target::Resource(_) => "resource instance",
    };
    let diagnostic = Diagnostic::error(format!("Unknown {what}"))
        .detail(format!("The current state contains no {what} {target}."))
        .hint("If it is new in the configuration, `ferroform apply` makes it first.");
    Some(diagnostic)
}

fn show(args: &StateShowArgs, terminal: &Terminal) -> Outcome {
    let context = Context::new(terminal);
    let none = Sources::new();
    let addr = context.take(parse(&args.address), &none)?;
    let state = read_state(&context, &args.place)?;
    let instance = state.as_ref().and_then(|s| s.instance(&addr)).ok_or_else(|| {
        Diagnostic::error("No instance found")
            .detail(format!("The state has no resource instance {addr}."))
            .hint("ferroform state list shows those that there are.")
    });
    let instance = context.take(instance, &none)?;
    let registry = providers::registry(None);
    let provider = state.as_ref().and_then(|s| s.resources.get(&addr.resource())).map(|r| &r.provider);
    if let Some(provider) = provider {
        context.print(&render_instance(&addr, instance, provider, &schemas_of(&registry), &context.style));
    }
    Ok(ExitCode::SUCCESS)
}

/// Ends an open operation by hand: nothing came of it, or the named object did.
fn settle(args: &StateSettleArgs, terminal: &Terminal) -> Outcome {
    let context = Context::new(terminal);
    let none = Sources::new();
    let addr = context.take(parse(&args.address), &none)?;
    let opened = ByHand::open(&context, &args.place, &args.lock, "OperationTypeSettle", Backup::Beside)?;
    let mut operations = opened.loaded.open.iter().filter(|o| o.intent.address == addr);
    let Some(operation) = operations.next() else {
        let diagnostic = Diagnostic::error("Nothing to settle")
            .detail(format!("No earlier run left an operation on {addr} unfinished."));
        return context.take(Err(diagnostic), &none);
    };
    let journal = context.take(opened.manager.journal(), &none)?;
    let record = match &args.adopt {
        // The next run reads the object by its identity, as if the creation had got so far.
        Some(id) => Record::Checkpoint { op: operation.intent.op, identity: identity(id) },
        None => Record::Result { op: operation.intent.op, changes: Vec::new() },
    };
    let kept = journal.append(&record).map_err(|error| {
        Diagnostic::error("Journal could not be written")
            .detail(format!("The decision could not be recorded: {error}."))
    });
    context.take(kept, &none)?;
    let state = opened.loaded.state.clone();
    opened.keep(&context, &state)?;
    context.print(&match &args.adopt {
        Some(id) => format!("The next plan or apply takes the object {id} for {addr}.\n"),
        None => format!("The unfinished operation on {addr} is forgotten.\n"),
    });
    Ok(ExitCode::SUCCESS)
}

fn identity(id: &str) -> ferroform_state::RawJson {
    use ferroform_core::{Value, wire};
    let id: Arc<str> = id.into();
    ferroform_state::RawJson::from_value(&wire::encode(&Value::object([("id", Value::string(id))])))
}

/// The instance that the command line names.
pub(super) fn parse(text: &str) -> Result<ResourceInstance, Diagnostic> {
    text.parse().map_err(|error| invalid(&error))
}

/// All that the command line names, or what is wrong with any.
fn parse_targets(texts: &[impl AsRef<str>]) -> Result<Vec<Target>, Diagnostics> {
    let mut wrong = Diagnostics::new();
    let mut targets = Vec::new();
    for text in texts {
        match text.as_ref().parse() {
            Ok(target) => targets.push(target),
            Err(error) => wrong.push(invalid(&error)),
        }
    }
    if wrong.is_empty() { Ok(targets) } else { Err(wrong) }
}

fn invalid(error: &AddrError) -> Diagnostic {
    Diagnostic::error("Invalid address").detail(format!("{error}."))
}

pub(super) fn no_state() -> Diagnostic {
    Diagnostic::error("No state found")
        .detail("There is no state here: nothing has been applied in this directory yet.")
}
