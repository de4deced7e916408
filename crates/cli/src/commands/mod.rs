//! The commands, a file each.

mod apply;
mod backup;
mod cloud;
mod cloudflare;
mod cluster_objects;
mod cost;
mod deploy;
mod fmt;
mod force_unlock;
mod import;
mod init;
mod kubeconfig;
mod logs;
mod new;
mod output;
mod plan;
mod rotate;
mod serve;
mod show;
mod snapshot;
mod ssh;
mod stack;
mod state;
mod status;
mod taint;
mod upgrade;
mod validate;
mod version;
mod workspace;

use std::process::ExitCode;

use ferroform_core::{Diagnostic, Sources};

pub(crate) use self::cloud::images;
pub(crate) use self::snapshot::Snapshot;
pub(crate) use self::status::{BalancerStatus, CostStatus, DatabaseStatus, Part, ServerStatus, Status};
use crate::args::{Cli, CloudCommand, Command};
use crate::context::{Context, Reported};
use crate::terminal::Terminal;

/// What a command came to.
pub(crate) type Outcome = Result<ExitCode, Reported>;

/// Runs a command. Exit codes: 0 done, 1 failed; `plan -detailed-exitcode` has 2 for changes, `fmt` Terraform's.
pub(crate) fn run(cli: Cli, terminal: &Terminal) -> ExitCode {
    dispatch(cli, terminal).unwrap_or(ExitCode::from(1))
}

fn dispatch(cli: Cli, terminal: &Terminal) -> Outcome {
    if let Some(dir) = &cli.chdir
        && let Err(error) = std::env::set_current_dir(dir)
    {
        let context = Context::new(terminal);
        let diagnostic = Diagnostic::error("Directory not available")
            .detail(format!("The directory {} that -chdir names cannot be entered: {error}.", dir.display()));
        context.report(&diagnostic.into(), &Sources::new());
        return Err(Reported);
    }
    match cli.command {
        Command::New(args) => new::run(&args, terminal),
        Command::Init(args) => init::run(&args, terminal),
        Command::Validate(args) => validate::run(&args, terminal),
        Command::Fmt(args) => fmt::run(&args, terminal),
        Command::Plan(args) => block_on(plan::run(&args, terminal)),
        Command::Apply(args) => block_on(apply::run(&args, false, terminal)),
        Command::Destroy(args) => block_on(apply::run(&args, true, terminal)),
        Command::Import(args) => block_on(import::run(&args, terminal)),
        Command::Output(args) => output::run(&args, terminal),
        Command::Show(args) => show::run(&args, terminal),
        Command::State(args) => state::run(&args, terminal),
        Command::Taint(args) => taint::taint(&args, terminal),
        Command::Untaint(args) => taint::untaint(&args, terminal),
        Command::Workspace(args) => workspace::run(&args, terminal),
        Command::ForceUnlock(args) => force_unlock::run(&args, terminal),
        Command::Cost(args) => block_on(cost::run(&args, terminal)),
        Command::CloudflareRanges(args) => block_on(cloudflare::run(&args, terminal)),
        Command::Status(args) => block_on(status::run(&args, terminal)),
        Command::Deploy(args) => block_on(deploy::run(&args, terminal)),
        Command::Ssh(args) => block_on(ssh::run(&args, terminal)),
        Command::Logs(args) => block_on(logs::run(&args, terminal)),
        Command::Kubeconfig(args) => block_on(kubeconfig::run(&args, terminal)),
        Command::Backup(args) => block_on(backup::run(&args, terminal)),
        Command::Snapshot(args) => block_on(snapshot::run(&args, terminal)),
        Command::Upgrade(args) => block_on(upgrade::run(&args, terminal)),
        Command::Rotate(args) => block_on(rotate::run(args, terminal)),
        Command::Version(args) => version::run(&args, terminal),
        Command::Cloud(args) => match args.command {
            CloudCommand::Serve(args) => block_on(serve::run(&args, terminal)),
            CloudCommand::Status => cloud::status(terminal),
            CloudCommand::Env => cloud::env(terminal),
            CloudCommand::Stop => cloud::stop(terminal),
            CloudCommand::Reset => cloud::reset(terminal),
            CloudCommand::Ps(args) => cloud::machines::ps(&args, terminal),
            CloudCommand::Ssh(args) => cloud::machines::ssh(&args, terminal),
            CloudCommand::Relay(args) => cloud::machines::relay(&args, terminal),
            CloudCommand::Exec(args) => cloud::machines::exec(&args, terminal),
            CloudCommand::Logs(args) => cloud::machines::logs(&args, terminal),
            CloudCommand::Wait(args) => cloud::machines::wait(&args, terminal),
            CloudCommand::Host(args) => cloud::hosts::run(&args, terminal),
            CloudCommand::Image(args) => cloud::images::run(&args, terminal),
            CloudCommand::Doctor(args) => cloud::images::doctor(&args, terminal),
            CloudCommand::Prune(args) => cloud::images::prune(&args, terminal),
        },
    }
}

/// Runs something asynchronous to its end.
fn block_on(future: impl Future<Output = Outcome>) -> Outcome {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    match runtime {
        Ok(runtime) => {
            let outcome = runtime.block_on(future);
            // What a second Ctrl-C left under way is not waited for.
            runtime.shutdown_background();
            outcome
        }
        Err(error) => {
            let terminal = Terminal::detect();
            let context = Context::new(&terminal);
            let diagnostic =
                Diagnostic::error("Program cannot start").detail(format!("No threads can be had: {error}."));
            context.report(&diagnostic.into(), &Sources::new());
            Err(Reported)
        }
    }
}
