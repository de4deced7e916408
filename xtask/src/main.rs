//! Development commands: `cargo xtask COMMAND`.

mod bench;
mod chaos;
mod edges;
mod flaky;
mod licences;
mod local_cloud;
mod metadata;
mod oracle;
mod random;
mod stacks;

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

/// What a command ends with.
type Result<T> = std::result::Result<T, Box<dyn Error>>;

const USAGE: &str = "usage: cargo xtask COMMAND

  edges                        check which crate of the workspace may depend on which
  licences                     check the licence and the source of every dependency
  oracle [--check] [family…]   record what Terraform makes of the test cases, of plans too, or compare
  stacks [option…] [part…]     hold modules and stacks against cloud-init, shellcheck, kustomize, Terraform
  bench [option…]              run ferroform and terraform in turn on the same configurations
  bench cloud [option…]        ask the local cloud with thousands of servers
  bench waits [option…]        apply a platform in real time, held against its critical path
  chaos [option…]              kill and disturb runs of ferroform, and see that nothing is lost
  flaky [option…] [text…]      run every test many times while processes are stopped for a moment
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let result = match args.split_first() {
        Some((command, rest)) => match command.as_str() {
            "edges" => edges::run(rest),
            "licences" => licences::run(rest),
            "oracle" => oracle::run(rest),
            "stacks" => stacks::run(rest),
            "bench" => bench::run(rest),
            "chaos" => chaos::run(rest),
            "flaky" => flaky::run(rest),
            _ => Err(USAGE.into()),
        },
        None => Err(USAGE.into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing better can be done when even stderr is closed.
            let _ = writeln!(std::io::stderr().lock(), "{error}");
            ExitCode::FAILURE
        }
    }
}

/// Prints a line on standard output.
fn say(line: &str) -> Result<()> {
    writeln!(std::io::stdout().lock(), "{line}")?;
    Ok(())
}

/// The root of the workspace that this command was built from.
fn workspace_root() -> std::path::PathBuf {
    let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}
