//! Development commands: `cargo xtask COMMAND`.

mod oracle;

use std::io::Write;
use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask COMMAND

  oracle [--check] [family…]   record what Terraform makes of the language's test cases, or compare
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let result = match args.split_first() {
        Some((command, rest)) if command == "oracle" => oracle::run(rest),
        _ => Err(USAGE.into()),
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
