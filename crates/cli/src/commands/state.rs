//! `state`

mod transfer;

use ferroform_core::addr::{ModuleInstance, ResourceInstance};
use ferroform_core::{Diagnostic, Sources};
use ferroform_state::State;
use ferroform_state::journal::Record;
use std::process::ExitCode;
use std::str::FromStr;
use std::sync::Arc;

use super::Outcome;
use crate::args::{StateArgs, StateCommand, StateListArgs, StateSettleArgs, StateShowArgs, WhereArgs};
use crate::project::Project;
use crate::providers;
use crate::settings::Settings;
use crate::terminal::Terminal;
use crate::views::schemas::schemas_of;
use crate::views::state::render_instance;
use crate::workflow::{Context, Reported, acquire, manager};

pub(super) fn run(args: &StateArgs, terminal: &Terminal) -> Outcome {
    match &args.command {
        StateCommand::List(args) => list(args, terminal),
        StateCommand::Show(args) => show(args, terminal),
        StateCommand::Settle(args) => settle(args, terminal),
        StateCommand::Pull(args) => transfer::pull(args, terminal),
        StateCommand::Push(args) => transfer::push(args, terminal),
    }
}

/// The state of the current directory as it truly is, without taking the lock; none when there is none.
pub(super) fn read_state(context: &Context<'_>, place: &WhereArgs) -> Result<Option<State>, Reported> {
    let none = Sources::new();
    let settings = context.take(Settings::new(place), &none)?;
    let (project, _) = Project::load(&settings);
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
    let wanted: Vec<Wanted> = context.take(
        args.addresses.iter().map(|text| Wanted::parse(text)).collect::<Result<_, Diagnostic>>(),
        &none,
    )?;
    let mut lines = String::new();
    let mut last = None;
    for (addr, ..) in state.objects() {
        if (wanted.is_empty() || wanted.iter().any(|w| w.covers(&addr))) && last.as_ref() != Some(&addr) {
            lines.push_str(&format!("{addr}\n"));
        }
        last = Some(addr);
    }
    context.print(&lines);
    Ok(ExitCode::SUCCESS)
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
    let settings = context.take(Settings::new(&args.place), &none)?;
    let (project, _) = Project::load(&settings);
    let manager = manager(&context, &settings, &project)?;
    acquire(&context, &*manager, &args.lock, "OperationTypeSettle")?;
    let loaded = context.take(manager.read(), &none)?;
    let mut operations = loaded.open.iter().filter(|o| o.intent.address == addr);
    let Some(operation) = operations.next() else {
        let diagnostic = Diagnostic::error("Nothing to settle")
            .detail(format!("No earlier run left an operation on {addr} unfinished."));
        return context.take(Err(diagnostic), &none);
    };
    let journal = context.take(manager.journal(), &none)?;
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
    context.take(manager.write(&loaded.state), &none)?;
    context.take(manager.unlock(), &none)?;
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

fn parse(text: &str) -> Result<ResourceInstance, Diagnostic> {
    text.parse().map_err(|error: ferroform_core::addr::AddrError| {
        Diagnostic::error("Invalid address").detail(format!("{error}."))
    })
}

fn no_state() -> Diagnostic {
    Diagnostic::error("No state found")
        .detail("There is no state here: nothing has been applied in this directory yet.")
}

/// An address that `state list` is limited to.
enum Wanted {
    Module(ModuleInstance),
    Resource(ResourceInstance),
}

impl Wanted {
    fn parse(text: &str) -> Result<Self, Diagnostic> {
        match ModuleInstance::from_str(text) {
            Ok(module) if !module.is_root() => Ok(Wanted::Module(module)),
            _ => parse(text).map(Wanted::Resource),
        }
    }

    fn covers(&self, addr: &ResourceInstance) -> bool {
        match self {
            Wanted::Module(module) => addr.module.0.starts_with(&module.0),
            Wanted::Resource(wanted) => {
                wanted.module == addr.module
                    && wanted.resource == addr.resource
                    && (wanted.key.is_none() || wanted.key == addr.key)
            }
        }
    }
}
