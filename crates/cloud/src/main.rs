//! `ferroform-cloud`: a local Hetzner Cloud in the foreground, for any client, without the rest of Ferroform.

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use ferroform_cloud::{ServeOptions, greeting, start};
use tokio::signal::unix::{SignalKind, signal};

/// Answers are made of many small values.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A local Hetzner Cloud: the API on this computer, for any client. Nothing runs on its servers; for machines that boot there is
/// ferroform cloud serve --machines.
#[derive(Debug, Parser)]
#[command(name = "ferroform-cloud", version)]
struct Command {
    #[command(flatten)]
    options: ServeOptions,
}

fn main() -> ExitCode {
    let Command { options } = Command::parse();
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing better can be done when even stderr is closed.
            let _ = writeln!(std::io::stderr().lock(), "{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &ServeOptions) -> Result<(), Box<dyn Error>> {
    let builder = options.builder()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let (mut interrupt, mut terminate) =
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        let handle = start(builder).await?;
        let mut stdout = std::io::stdout();
        stdout.write_all(greeting(&handle).as_bytes()).and_then(|()| stdout.flush())?;
        tokio::select! {
            () = handle.wait_idle() => {}
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        handle.shutdown().await;
        Ok(())
    })
}
