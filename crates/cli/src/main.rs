//! The `ferroform` command.

mod args;
mod backend;
mod cloud;
mod cloudflare;
mod commands;
mod context;
mod failpoints;
mod files;
mod inputs;
mod interrupt;
mod project;
mod providers;
mod scaffold;
mod settings;
mod terminal;
mod views;
mod web;
mod workflow;
mod workspace;

use std::process::ExitCode;

/// Planning makes and drops many small values.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let mut terminal = terminal::Terminal::detect();
    let cli = match args::parse(std::env::args_os(), |name| std::env::var(name).ok()) {
        Ok(cli) => cli,
        Err(error) => {
            let code = if error.use_stderr() { 1 } else { 0 };
            // Nothing is left to do when the message itself cannot be written.
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    terminal.color &= !cli.no_color;
    commands::run(cli, &terminal)
}
