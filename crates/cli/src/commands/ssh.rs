//! `ssh`: to a server of the stack, by name or role.

use std::ffi::OsString;
use std::process::ExitCode;

use ferroform_core::Diagnostic;
use ferroform_platform::quote;
use ferroform_platform::remote::not_started;
use ferroform_platform::run::{Runner, Streams};
use ferroform_platform::ssh::Mode;

use super::Outcome;
use super::stack::Stack;
use crate::args::StackSshArgs;
use crate::context::Reported;
use crate::terminal::Terminal;

/// Ends with the exit code of ssh, which is that of the command; with several servers with the first that is not 0.
pub(super) async fn run(args: &StackSshArgs, terminal: &Terminal) -> Outcome {
    let stack = Stack::open(&args.stack, terminal)?;
    let line = stack.take(line(&args.command))?;
    let found = stack.take(stack.contract.find(&args.server))?;
    let names: Vec<&str> = found.into_iter().map(|(name, _)| name).collect();
    if let ([first, others @ ..], false) = (names.as_slice(), args.all)
        && !others.is_empty()
    {
        let hint = if line.is_some() { "; -all runs the command on each" } else { "" };
        stack.say(&format!("{} is also: {}. Taking {first}{hint}.", args.server, others.join(", ")));
    }
    let taken = if args.all { names.as_slice() } else { &names[..1] };
    let mut worst = 0;
    for name in taken {
        if taken.len() > 1 {
            stack.say(&format!("== {name}"));
        }
        let code = session(&stack, name, line.as_deref())?;
        worst = if worst == 0 { code } else { worst };
    }
    Ok(ExitCode::from(worst))
}

fn session(stack: &Stack<'_>, name: &str, line: Option<&str>) -> Result<u8, Reported> {
    let mut invocation = stack.take(stack.access().invocation(name, Mode::Interactive, line))?;
    invocation.streams = Streams::Interactive;
    let finished = stack.take(stack.runner.run(invocation).map_err(|error| not_started("ssh", &error)))?;
    // A signal ended it; shells say 128 and the signal's number, which is not told here.
    Ok(finished.code.and_then(|code| u8::try_from(code).ok()).unwrap_or(128))
}

/// What the server's shell is given: one word as it is, several so that they arrive as they are.
fn line(command: &[OsString]) -> Result<Option<String>, Diagnostic> {
    let words: Option<Vec<&str>> = command.iter().map(|word| word.to_str()).collect();
    let words = words.ok_or_else(|| {
        Diagnostic::error("Invalid command").detail("The command for the server is no text in UTF-8.")
    })?;
    Ok(match words.as_slice() {
        [] => None,
        [one] => Some((*one).to_owned()),
        several => Some(quote::line(several)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_word_is_a_line_and_several_arrive_as_they_are() {
        let check = |words: &[&str], expected: Option<&str>| {
            let words: Vec<OsString> = words.iter().map(OsString::from).collect();
            assert_eq!(line(&words).unwrap().as_deref(), expected, "{words:?}");
        };
        check(&[], None);
        check(&["ls | wc -l"], Some("ls | wc -l"));
        check(&["echo", "a b", "$HOME", "it's"], Some("echo 'a b' '$HOME' 'it'\\''s'"));
    }
}
