//! `fmt`

use clap::{ArgAction, Args};

/// `fmt`
#[derive(Debug, Args)]
pub(crate) struct FmtArgs {
    /// Name the files that are not in the canonical style.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = true, default_missing_value = "true", action = ArgAction::Set)]
    pub list: bool,
    /// Write the files.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = true, default_missing_value = "true", action = ArgAction::Set)]
    pub write: bool,
    /// Show what changes.
    #[arg(long)]
    pub diff: bool,
    /// Write nothing; exit with 3 when a file is not in the canonical style.
    #[arg(long)]
    pub check: bool,
    /// Look into folders below, too.
    #[arg(long)]
    pub recursive: bool,
    /// Files and folders; - is standard input, formatted to standard output. This folder if left out.
    #[arg(value_name = "PATH")]
    pub paths: Vec<String>,
}
