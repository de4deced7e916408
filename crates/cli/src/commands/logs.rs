//! `logs`: what a server of the stack logged.

use std::process::ExitCode;

use ferroform_platform::quote;
use ferroform_platform::remote::not_started;
use ferroform_platform::run::{Runner, Streams};
use ferroform_platform::ssh::Mode;

use super::Outcome;
use super::stack::Stack;
use crate::args::StackLogsArgs;
use crate::terminal::Terminal;

pub(super) async fn run(args: &StackLogsArgs, terminal: &Terminal) -> Outcome {
    let stack = Stack::open(&args.stack, terminal)?;
    let found = stack.take(stack.contract.find(&args.server))?;
    let (name, server) = found[0];
    if found.len() > 1 {
        let others: Vec<&str> = found[1..].iter().map(|(name, _)| *name).collect();
        stack.say(&format!("{} is also: {}. Taking {name}.", args.server, others.join(", ")));
    }
    let lines = format!("--lines={}", args.lines);
    let mut words = vec!["journalctl", "--no-pager", &lines];
    for unit in args.unit.as_deref().map_or_else(|| units(&server.role), |unit| vec![unit]) {
        words.extend(["--unit", unit]);
    }
    if args.follow {
        words.push("--follow");
    }
    if args.json {
        words.push("--output=json");
    }
    let sudo: &[&str] = if server.user() == "root" { &[] } else { &["sudo", "-n"] };
    let line = quote::line(sudo.iter().chain(&words));
    let mut invocation = stack.take(stack.access().invocation(name, Mode::Interactive, Some(&line)))?;
    invocation.streams = Streams::Interactive;
    let finished = stack.take(stack.runner.run(invocation).map_err(|error| not_started("ssh", &error)))?;
    // What is followed ends by Ctrl-C, which is no failure.
    let code = if args.follow && finished.code != Some(255) { Some(0) } else { finished.code };
    Ok(ExitCode::from(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(128)))
}

/// What a role is about; everything where that is not known.
fn units(role: &str) -> Vec<&'static str> {
    match role {
        "control" => vec!["k3s"],
        "worker" | "agent" => vec!["k3s-agent"],
        "postgres" => vec!["postgresql*"],
        "redis" => vec!["redis*"],
        _ => vec![],
    }
}
