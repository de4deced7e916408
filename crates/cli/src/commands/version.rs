//! `version`

use std::process::ExitCode;

use ferroform_state::TERRAFORM_VERSION;

use super::Outcome;
use crate::args::VersionArgs;
use crate::terminal::Terminal;

pub(super) fn run(args: &VersionArgs, terminal: &Terminal) -> Outcome {
    let version = env!("CARGO_PKG_VERSION");
    let platform = format!("{}_{}", std::env::consts::OS, std::env::consts::ARCH);
    if args.json {
        let json = serde_json::json!({
            "ferroform_version": version,
            "terraform_version": TERRAFORM_VERSION,
            "platform": platform,
        });
        terminal.print(&format!("{json:#}\n"));
    } else {
        terminal.print(&format!("Ferroform v{version}\non {platform}\n+ the language and state of Terraform v{TERRAFORM_VERSION}\n"));
    }
    Ok(ExitCode::SUCCESS)
}
