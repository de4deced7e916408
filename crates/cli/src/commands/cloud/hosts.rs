//! `cloud host add`, `cloud host list` and `cloud host remove`

use std::process::ExitCode;

use ferroform_core::Sources;

use super::super::Outcome;
use super::machines::{control, json_of};
use crate::args::{HostAddArgs, HostArgs, HostCommand, HostRemoveArgs, PsArgs};
use crate::cloud::control::Host;
use crate::context::Context;
use crate::terminal::Terminal;
use crate::views::table::table;

pub(crate) fn run(args: &HostArgs, terminal: &Terminal) -> Outcome {
    match &args.command {
        HostCommand::Add(args) => add(args, terminal),
        HostCommand::List(args) => list(args, terminal),
        HostCommand::Remove(args) => remove(args, terminal),
    }
}

fn addresses(host: &Host) -> String {
    host.addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn add(args: &HostAddArgs, terminal: &Terminal) -> Outcome {
    let context = Context::new(terminal);
    let control = control(terminal)?;
    let host = context.take(control.add_host(args.name.as_deref(), &args.address), &Sources::new())?;
    terminal.print(&if args.json {
        json_of(&host)
    } else {
        let (name, addresses) = (&host.name, addresses(&host));
        format!(
            "The host {name} has the address {addresses}. Use it: ferroform cloud exec {name} -- COMMAND\n"
        )
    });
    Ok(ExitCode::SUCCESS)
}

fn list(args: &PsArgs, terminal: &Terminal) -> Outcome {
    let context = Context::new(terminal);
    let hosts = context.take(control(terminal)?.hosts(), &Sources::new())?;
    terminal.print(&if args.json {
        json_of(&hosts)
    } else if hosts.is_empty() {
        "No hosts were added.\n".to_owned()
    } else {
        table(["NAME", "ADDRESSES"], hosts.iter().map(|host| [host.name.clone(), addresses(host)]))
    });
    Ok(ExitCode::SUCCESS)
}

fn remove(args: &HostRemoveArgs, terminal: &Terminal) -> Outcome {
    let context = Context::new(terminal);
    context.take(control(terminal)?.remove_host(&args.name), &Sources::new())?;
    terminal.print(&format!("The host {} is gone.\n", args.name));
    Ok(ExitCode::SUCCESS)
}
