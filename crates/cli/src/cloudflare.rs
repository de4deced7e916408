//! The address ranges of Cloudflare: what is published, and the file that firewalls are made from.

mod published;

use std::collections::BTreeSet;
use std::path::Path;

use ferroform_core::Diagnostic;
use ipnet::IpNet;
use jiff::ToSpan;
use jiff::civil::Date;
use serde_json::{Map, Value as Json};

pub(crate) use self::published::fetch;

use crate::files::replace;

/// The two families, as the file names them.
pub(crate) const FAMILIES: [&str; 2] = ["ipv4", "ipv6"];

/// The ranges of both families, each in the order in which they are published.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ranges {
    pub ipv4: Vec<IpNet>,
    pub ipv6: Vec<IpNet>,
}

impl Ranges {
    fn of(&self, family: &str) -> &[IpNet] {
        if family == "ipv4" { &self.ipv4 } else { &self.ipv6 }
    }
}

/// The file with ranges as it is.
#[derive(Debug, Clone, Default)]
pub(crate) struct RangesFile {
    /// Everything in it; members that are not known stay as they are.
    members: Map<String, Json>,
    /// The day on which its ranges were the published ones.
    pub as_of: Option<Date>,
    /// Its ranges, as text.
    ranges: BTreeSet<(String, String)>,
}

impl RangesFile {
    /// Reads the file; nothing if there is none.
    pub(crate) fn read(path: &Path) -> Result<Option<RangesFile>, Diagnostic> {
        match std::fs::read(path) {
            Ok(bytes) => RangesFile::parse(&bytes).map(Some).map_err(|why| {
                Diagnostic::error("Not a file of address ranges")
                    .detail(format!("{} {why}. It is left as it is.", path.display()))
                    .hint(
                        "It should be JSON: {\"as_of\": \"2026-01-31\", \"ipv4\": [\"192.0.2.0/24\"], \"ipv6\": […]}. \
                         A file that is not there yet is made.",
                    )
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Diagnostic::error("File cannot be read")
                .detail(format!("{} cannot be read: {error}.", path.display()))),
        }
    }

    fn parse(bytes: &[u8]) -> Result<RangesFile, String> {
        let members: Map<String, Json> =
            serde_json::from_slice(bytes).map_err(|error| format!("is no JSON object: {error}"))?;
        let day = members.get("as_of").and_then(Json::as_str).ok_or("has no text \"as_of\"")?;
        let as_of = day.parse::<Date>().map_err(|_| format!("has {day:?} for \"as_of\", which is no day"))?;
        let mut ranges = BTreeSet::new();
        for family in FAMILIES {
            let list = members.get(family).and_then(Json::as_array);
            for range in list.ok_or_else(|| format!("has no list {family:?}"))? {
                let text =
                    range.as_str().ok_or_else(|| format!("has something in {family:?} that is no text"))?;
                ranges.insert((family.to_owned(), text.to_owned()));
            }
        }
        Ok(RangesFile { members, as_of: Some(as_of), ranges })
    }

    /// What has to be added to the file and taken from it to be what is published, in order.
    pub(crate) fn difference(&self, published: &Ranges) -> Difference {
        let wanted: BTreeSet<(String, String)> = FAMILIES
            .iter()
            .flat_map(|family| published.of(family).iter().map(|net| ((*family).to_owned(), net.to_string())))
            .collect();
        let texts =
            |set: &mut dyn Iterator<Item = &(String, String)>| set.map(|(_, text)| text.clone()).collect();
        Difference {
            added: texts(&mut wanted.difference(&self.ranges)),
            removed: texts(&mut self.ranges.difference(&wanted)),
        }
    }

    /// Whether the ranges were last looked at more than a year ago.
    pub(crate) fn is_old(&self, today: Date) -> bool {
        self.as_of.is_none_or(|as_of| as_of.saturating_add(1.year()) < today)
    }

    /// Writes the published ranges with the day, at once or not at all.
    pub(crate) fn write(&self, path: &Path, published: &Ranges, today: Date) -> Result<(), Diagnostic> {
        let mut members = self.members.clone();
        members.insert("as_of".to_owned(), today.to_string().into());
        for family in FAMILIES {
            let list: Vec<Json> = published.of(family).iter().map(|net| net.to_string().into()).collect();
            members.insert(family.to_owned(), list.into());
        }
        let text = serde_json::to_string_pretty(&members).unwrap_or_default() + "\n";
        replace(path, text.as_bytes()).map_err(|error| {
            Diagnostic::error("File cannot be written").detail(format!(
                "The ranges cannot be written to {}: {error}. The file is as it was.",
                path.display()
            ))
        })
    }
}

/// How a file differs from what is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Difference {
    pub added: Vec<String>,
    pub removed: Vec<String>,
}

impl Difference {
    pub(crate) fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> Result<RangesFile, String> {
        RangesFile::parse(text.as_bytes())
    }

    #[test]
    fn a_file_is_old_after_a_year() {
        let found = file(r#"{"as_of": "2025-02-28", "ipv4": [], "ipv6": []}"#).unwrap();
        for (today, old) in [("2025-03-01", false), ("2026-02-28", false), ("2026-03-01", true)] {
            assert_eq!(found.is_old(today.parse().unwrap()), old, "{today}");
        }
    }

    #[test]
    fn files_that_are_something_else_are_refused() {
        for (text, why) in [
            ("", "no JSON object"),
            ("[]", "no JSON object"),
            ("{}", "as_of"),
            (r#"{"as_of": 7}"#, "as_of"),
            (r#"{"as_of": "yesterday"}"#, "yesterday"),
            (r#"{"as_of": "2026-01-01"}"#, "ipv4"),
            (r#"{"as_of": "2026-01-01", "ipv4": [], "ipv6": [1]}"#, "ipv6"),
        ] {
            let error = file(text).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn the_difference_is_one_of_sets() {
        let found =
            file(r#"{"as_of": "2026-01-01", "ipv4": ["192.0.2.0/24", "10.0.0.0/8"], "ipv6": []}"#).unwrap();
        let published = Ranges {
            ipv4: vec!["10.0.0.0/8".parse().unwrap()],
            ipv6: vec!["2001:db8::/32".parse().unwrap()],
        };
        let difference = found.difference(&published);
        assert_eq!(difference.added, ["2001:db8::/32"]);
        assert_eq!(difference.removed, ["192.0.2.0/24"]);
    }
}
