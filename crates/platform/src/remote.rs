//! Running commands on servers, and saying what is wrong when that fails.

use std::io;
use std::time::Duration;

use ferroform_core::Diagnostic;
use serde::de::DeserializeOwned;

use crate::contract::Contract;
use crate::quote;
use crate::run::{Cut, Finished, Invocation, Runner, Streams};
use crate::ssh::{Access, Mode};

/// What ssh itself ends with when it fails (ssh(1), "Exit status").
const SSH_FAILED: i32 = 255;
/// What a shell ends with when it does not find a program (POSIX, "Exit Status for Commands").
const NOT_FOUND: i32 = 127;

/// A command for a server.
#[derive(Debug, Default)]
pub struct Call {
    /// The program and its arguments.
    pub words: Vec<String>,
    /// What it reads.
    pub stdin: Option<Vec<u8>>,
    /// Where its output goes.
    pub streams: Streams,
    /// How long it may take.
    pub limit: Option<Duration>,
    /// It changes nothing.
    pub reads_only: bool,
}

impl Call {
    /// A command that changes something.
    pub fn new<T: Into<String>>(words: impl IntoIterator<Item = T>) -> Self {
        Call { words: words.into_iter().map(Into::into).collect(), ..Call::default() }
    }

    /// A command that changes nothing, and has so many seconds.
    pub fn reading<T: Into<String>>(words: impl IntoIterator<Item = T>, seconds: u64) -> Self {
        Call { reads_only: true, limit: Some(Duration::from_secs(seconds)), ..Call::new(words) }
    }
}

/// The servers of a stack, reached.
#[derive(Clone, Copy)]
pub struct Remote<'a> {
    /// Runs ssh.
    pub runner: &'a dyn Runner,
    /// The way there.
    pub access: &'a Access,
    /// What the stack tells.
    pub contract: &'a Contract,
}

impl Remote<'_> {
    /// Runs a command as root on a server. That the command fails is no error here; that ssh fails is one.
    pub fn run(&self, server: &str, call: Call) -> Result<Finished, Diagnostic> {
        let user = self.contract.server(server)?.user();
        let prefix: &[&str] = if user == "root" { &[] } else { &["sudo", "-n"] };
        let line = quote::line(prefix.iter().copied().chain(call.words.iter().map(String::as_str)));
        let invocation = Invocation {
            stdin: call.stdin,
            streams: call.streams,
            limit: call.limit,
            reads_only: call.reads_only,
            ..self.access.invocation(server, Mode::Batch, Some(&line))?
        };
        let finished = self.runner.run(invocation).map_err(|error| not_started("ssh", &error))?;
        if finished.cut.is_none() && finished.code == Some(SSH_FAILED) {
            return Err(unreachable(server, &finished));
        }
        Ok(finished)
    }

    /// Runs a command that must succeed.
    pub fn done(&self, server: &str, call: Call) -> Result<Finished, Diagnostic> {
        let words = call.words.clone();
        let finished = self.run(server, call)?;
        if finished.ok() { Ok(finished) } else { Err(failed(server, &words, &finished)) }
    }

    /// Runs a command that must succeed and answer with JSON.
    pub fn json<T: DeserializeOwned>(&self, server: &str, call: Call) -> Result<T, Diagnostic> {
        let words = call.words.clone();
        let finished = self.done(server, call)?;
        read_json(server, &words, &finished.stdout)
    }
}

/// The JSON that a program answered with.
pub fn read_json<T: DeserializeOwned>(server: &str, words: &[String], bytes: &[u8]) -> Result<T, Diagnostic> {
    serde_json::from_slice(bytes).map_err(|error| {
        Diagnostic::error("Answer not understood")
            .detail(format!(
                "{} on server {server} should answer with one JSON document as docs/contract.md describes: {error}.",
                quote::line(words)
            ))
            .hint("The program on the server may be older or newer than this one.")
    })
}

/// A program could not be started.
pub fn not_started(program: &str, error: &io::Error) -> Diagnostic {
    let diagnostic = Diagnostic::error("Program cannot be started")
        .detail(format!("The program {program} cannot be started on this computer: {error}."));
    match (error.kind(), program) {
        (io::ErrorKind::NotFound, "ssh") => {
            diagnostic.hint("Install OpenSSH's client (package openssh-client).")
        }
        (io::ErrorKind::NotFound, "kubectl") => {
            diagnostic.hint("Install kubectl: https://kubernetes.io/docs/tasks/tools/")
        }
        _ => diagnostic,
    }
}

/// A command on a server failed.
pub fn failed(server: &str, words: &[String], finished: &Finished) -> Diagnostic {
    let diagnostic = Diagnostic::error("Command on server failed").detail(format!(
        "{} failed on server {server}: {}",
        quote::line(words),
        finished.reason()
    ));
    match (finished.cut, finished.code) {
        (None, Some(NOT_FOUND)) => diagnostic.hint(
            "The program is not installed there. Until cloud-init is done after the first boot that is so; \
             ferroform ssh NAME -- cloud-init status --wait waits for it.",
        ),
        (Some(Cut::TooLong | Cut::Stopped), _) => {
            diagnostic.hint("What was begun on the server may still be going on there.")
        }
        _ => diagnostic,
    }
}

fn unreachable(server: &str, finished: &Finished) -> Diagnostic {
    let said = String::from_utf8_lossy(&finished.stderr);
    if ["Host key verification failed", "HOST IDENTIFICATION HAS CHANGED"]
        .iter()
        .any(|text| said.contains(text))
    {
        return Diagnostic::error("Wrong host key")
            .detail(format!(
                "Whoever answers at the address of server {server} does not have the host key that the last apply gave \
                 it. Nothing was sent. ssh says:\n{}",
                said.trim()
            ))
            .hint(
                "If the server was rebuilt by hand, its host key is another one: replace it with ferroform apply \
                 -replace=ADDRESS. Otherwise somebody may be in between.",
            );
    }
    let diagnostic = Diagnostic::error("Server not reached")
        .detail(format!("ssh does not get to server {server}: {}", finished.reason()));
    if said.contains("Permission denied") {
        return diagnostic.hint(
            "No key was accepted. Where the stack has no key of its own, the one that belongs to its ssh_public_key must \
             be in your agent or named in ~/.ssh/config; -identity=FILE names another.",
        );
    }
    diagnostic.hint(
        "Is the server running (ferroform status), and does the firewall admit SSH from here? The variable with the \
         administrators' addresses says from where.",
    )
}
