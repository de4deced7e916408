//! `cloudflare-ranges`

use std::path::PathBuf;

use clap::Args;

/// `cloudflare-ranges`
#[derive(Debug, Args)]
pub(crate) struct CloudflareRangesArgs {
    /// Write nothing; exit with 2 when the file differs from what is published or is older than a year.
    #[arg(long)]
    pub check: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    /// Where the lists are published: `/ips-v4` and `/ips-v6` below it.
    #[arg(long, value_name = "URL", default_value = "https://www.cloudflare.com")]
    pub from: String,
    /// The file with the ranges: JSON with `as_of`, `ipv4` and `ipv6`.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}
