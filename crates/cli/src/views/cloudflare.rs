//! What became of a file of Cloudflare's address ranges.

use std::path::Path;

use jiff::civil::Date;
use serde_json::json;

use super::outputs::pretty;
use super::style::{Paint, Style};
use super::text::visible;
use crate::cloudflare::Difference;

/// What was found, and done.
pub(crate) struct Outcome<'a> {
    /// The file.
    pub file: &'a Path,
    /// Whether it was there before.
    pub there: bool,
    /// Whether it was only looked at.
    pub checked: bool,
    /// The day it states now.
    pub as_of: Option<Date>,
    /// Whether it was older than a year.
    pub old: bool,
    /// How it differed from what is published.
    pub difference: &'a Difference,
    /// How many ranges of IPv4 and IPv6 are published.
    pub counts: [usize; 2],
}

/// For people: a line for each range that came or went, then what it means.
pub(crate) fn render(found: &Outcome<'_>, style: &Style) -> String {
    let line =
        |paint, sign: char, range: &String| style.paint(paint, format!("{sign} {}", visible(range))) + "\n";
    let Difference { added, removed } = found.difference;
    let mut out: String = removed.iter().map(|range| line(Paint::Red, '-', range)).collect();
    out.extend(added.iter().map(|range| line(Paint::Green, '+', range)));
    let file = visible(&found.file.display().to_string());
    let [ipv4, ipv6] = found.counts;
    let published = format!("{ipv4} ranges of IPv4 and {ipv6} of IPv6 are published");
    let same = found.difference.is_empty();
    let of = found.as_of.map(|day| format!(" of {day}")).unwrap_or_default();
    out.push_str(&match (found.checked, found.there) {
        (true, false) => format!("There is no file {file}; {published}.\n"),
        (true, true) if !same => format!("{file}{of} is not what is published any more; {published}.\n"),
        (true, true) if found.old => {
            format!("{file}{of} is still what is published, but older than a year.\n")
        }
        (true, true) => format!("{file}{of} is what is published.\n"),
        (false, _) if same => format!("{file} was what is published; it is{of} now.\n"),
        (false, _) => {
            format!("{file} is written{of}; {published}. Plan and apply to change the firewalls.\n")
        }
    });
    out
}

/// For programs.
pub(crate) fn render_json(found: &Outcome<'_>) -> String {
    pretty(&json!({
        "file": found.file.display().to_string(),
        "as_of": found.as_of.map(|day| day.to_string()),
        "was_older_than_a_year": found.old,
        "added": found.difference.added,
        "removed": found.difference.removed,
        "written": !found.checked,
    }))
}
