//! `cost`

use std::path::PathBuf;

use clap::Args;
use ferroform_cost::Vat;

use super::VariableArgs;

/// `cost`
#[derive(Debug, Args)]
pub(crate) struct CostArgs {
    #[command(flatten)]
    pub variables: VariableArgs,
    /// Compare with the state of local runs, rather than with that of real ones.
    #[arg(long)]
    pub local: bool,
    /// Value added tax in percent, such as 19 or 8.1; the catalogue's (Germany's, 19) if left out.
    #[arg(long, value_name = "PERCENT")]
    pub vat: Option<Vat>,
    /// Show net prices only.
    #[arg(long, conflicts_with = "vat")]
    pub net: bool,
    /// Print JSON.
    #[arg(long, conflicts_with = "markdown")]
    pub json: bool,
    /// Print Markdown, for documents and pull requests.
    #[arg(long)]
    pub markdown: bool,
    /// Directories with a configuration each, or plans that `plan -out=FILE` made; this directory if left out.
    #[arg(value_name = "DIR|PLANFILE")]
    pub places: Vec<PathBuf>,
}
