//! `cloudflare-ranges`: keeps a file of Cloudflare's address ranges up to date.

use std::process::ExitCode;

use ferroform_core::Sources;

use super::Outcome;
use crate::args::CloudflareRangesArgs;
use crate::cloudflare::{RangesFile, fetch};
use crate::context::Context;
use crate::terminal::Terminal;
use crate::views::cloudflare::{Outcome as Found, render, render_json};

/// What `-check` exits with when the file should be refreshed.
const OUTDATED: u8 = 2;

pub(super) async fn run(args: &CloudflareRangesArgs, terminal: &Terminal) -> Outcome {
    let context = Context::new(terminal);
    let none = Sources::new();
    let file = context.take(RangesFile::read(&args.file), &none)?;
    let there = file.is_some();
    let file = file.unwrap_or_default();
    // Test suites set it, as for the API of Hetzner.
    let loopback_only = std::env::var_os("FERROFORM_FORBID_PUBLIC_ENDPOINT").is_some_and(|v| !v.is_empty());
    let published = context.take(fetch(&args.from, loopback_only).await, &none)?;
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let difference = file.difference(&published);
    let old = file.is_old(today);
    if !args.check {
        context.take(file.write(&args.file, &published, today), &none)?;
    }
    let found = Found {
        file: &args.file,
        there,
        checked: args.check,
        as_of: if args.check { file.as_of } else { Some(today) },
        old,
        difference: &difference,
        counts: [published.ipv4.len(), published.ipv6.len()],
    };
    context.print(&if args.json { render_json(&found) } else { render(&found, &context.style) });
    let outdated = args.check && (old || !difference.is_empty());
    Ok(ExitCode::from(if outdated { OUTDATED } else { 0 }))
}
