//! How a command speaks: text to people, or messages to programs.

use ferroform_core::{Diagnostic, Diagnostics, Sources};

use crate::args::PlanningArgs;
use crate::terminal::Terminal;
use crate::views::diagnostics::{render_all, render_compact};
use crate::views::messages::{self, Message};
use crate::views::progress::{Form, Progress, moment};
use crate::views::style::Style;

/// A failure that has been reported already; the exit code is 1.
#[derive(Debug)]
pub(crate) struct Reported;

/// How a command talks to the person who gave it.
pub(crate) struct Context<'t> {
    /// Where to print.
    pub terminal: &'t Terminal,
    /// How to print.
    pub style: Style,
    /// Warnings in a line each.
    compact_warnings: bool,
    /// Messages for programs instead of text for people.
    json: bool,
}

impl<'t> Context<'t> {
    /// A context for a command.
    pub(crate) fn new(terminal: &'t Terminal) -> Self {
        Context { terminal, style: terminal.style(), compact_warnings: false, json: false }
    }

    /// A context for a command that plans or applies: with `json` it speaks to a program, which hears the version first.
    pub(crate) fn for_run(terminal: &'t Terminal, args: &PlanningArgs, json: bool) -> Self {
        let context = Context { compact_warnings: args.compact_warnings, json, ..Context::new(terminal) };
        if json {
            context.tell([messages::version()]);
        }
        context
    }

    /// Prints to standard output, for programs as a message without a form of its own.
    pub(crate) fn print(&self, text: &str) {
        if !self.json {
            self.terminal.print(text);
        } else if !text.trim().is_empty() {
            self.tell([messages::log(text)]);
        }
    }

    /// Prints what only people need to be told.
    pub(crate) fn remark(&self, text: &str) {
        if !self.json {
            self.terminal.print(text);
        }
    }

    /// Prints to people, or messages to programs.
    pub(crate) fn say<M: IntoIterator<Item = Message>>(
        &self,
        text: impl FnOnce() -> String,
        messages: impl FnOnce() -> M,
    ) {
        if self.json { self.tell(messages()) } else { self.terminal.print(&text()) }
    }

    fn tell(&self, messages: impl IntoIterator<Item = Message>) {
        let lines: String = messages.into_iter().map(|message| message.line(&moment()) + "\n").collect();
        self.terminal.print(&lines);
    }

    /// Whether somebody can be asked.
    pub(crate) fn can_ask(&self) -> bool {
        self.terminal.can_ask && !self.json
    }

    /// Shows what the engine does from now on.
    pub(crate) fn progress(&self) -> Progress {
        let form = match (self.json, self.terminal.interactive) {
            (true, _) => Form::Json,
            (false, true) => Form::Live,
            (false, false) => Form::Lines,
        };
        Progress::new(self.style.clone(), form)
    }

    /// Prints diagnostics: errors to standard error, warnings to standard output; for programs all to standard output.
    /// Whether there were errors.
    pub(crate) fn report(&self, diagnostics: &Diagnostics, sources: &Sources) -> bool {
        if self.json {
            self.tell(diagnostics.iter().map(|diagnostic| messages::diagnostic(diagnostic, sources)));
            return diagnostics.iter().any(Diagnostic::is_error);
        }
        let (errors, warnings): (Vec<&Diagnostic>, Vec<&Diagnostic>) =
            diagnostics.iter().partition(|d| d.is_error());
        let warnings: Diagnostics = warnings.into_iter().cloned().collect();
        if !warnings.is_empty() {
            let text = if self.compact_warnings && errors.is_empty() {
                render_compact(&warnings, sources, &self.style)
            } else {
                render_all(&warnings, sources, &self.style)
            };
            self.terminal.print(&text);
        }
        let errors: Diagnostics = errors.into_iter().cloned().collect();
        if !errors.is_empty() {
            self.terminal.print_error(&render_all(&errors, sources, &self.style));
        }
        !errors.is_empty()
    }

    /// Prints diagnostics and fails if there are errors among them.
    pub(crate) fn check(&self, diagnostics: &Diagnostics, sources: &Sources) -> Result<(), Reported> {
        if self.report(diagnostics, sources) { Err(Reported) } else { Ok(()) }
    }

    /// The value of something that fails with one diagnostic.
    pub(crate) fn take<T>(
        &self,
        result: Result<T, impl Into<Diagnostics>>,
        sources: &Sources,
    ) -> Result<T, Reported> {
        result.map_err(|error| {
            self.report(&error.into(), sources);
            Reported
        })
    }
}
