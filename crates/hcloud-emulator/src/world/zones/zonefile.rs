//! Zone files in the format of BIND (RFC 1035, section 5), as far as the cloud takes them.

use std::fmt::Write as _;

use super::records::{NewRrSet, RecordType};
use super::rrsets::{Record, RrSet};
use super::{TTLS, Zone};
use crate::world::Labels;

/// What a zone file says.
pub(super) struct ZoneFile {
    /// Of `$TTL`.
    pub(super) ttl: Option<i64>,
    pub(super) rrsets: Vec<NewRrSet>,
}

/// An entry: the line it begins at, whether that begins with a blank, and its words, quotes included.
struct Entry {
    line: usize,
    indented: bool,
    words: Vec<String>,
}

/// Splits a file into entries, which parentheses may stretch over several lines; comments are left out.
fn entries(text: &str) -> Result<Vec<Entry>, String> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut open = false;
    for (index, line) in text.lines().enumerate() {
        let line_number = index + 1;
        if !open {
            let indented = line.starts_with([' ', '\t']);
            entries.push(Entry { line: line_number, indented, words: Vec::new() });
        }
        let Some(entry) = entries.last_mut() else { continue };
        let mut word = String::new();
        let mut quoted = false;
        let mut characters = line.chars();
        while let Some(character) = characters.next() {
            match character {
                '\\' => {
                    word.push(character);
                    word.extend(characters.next());
                }
                '"' => {
                    quoted = !quoted;
                    word.push(character);
                }
                _ if quoted => word.push(character),
                ';' => break,
                '(' | ')' if open == (character == ')') => {
                    open = !open;
                    entry.words.extend((!word.is_empty()).then(|| std::mem::take(&mut word)));
                }
                '(' | ')' => return Err(format!("line {line_number}: a parenthesis is out of place")),
                _ if character.is_whitespace() => {
                    entry.words.extend((!word.is_empty()).then(|| std::mem::take(&mut word)));
                }
                _ => word.push(character),
            }
        }
        if quoted {
            return Err(format!("line {line_number}: a quote is not closed"));
        }
        entry.words.extend((!word.is_empty()).then_some(word));
    }
    if open {
        return Err("a parenthesis is not closed".to_owned());
    }
    entries.retain(|entry| !entry.words.is_empty());
    Ok(entries)
}

/// Seconds, as a number or with the units of BIND (`1h30m`).
fn seconds(text: &str) -> Option<i64> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok();
    }
    let mut total = 0_i64;
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|character: char| !character.is_ascii_digit())?;
        let unit = match rest.as_bytes().get(end)?.to_ascii_lowercase() {
            b's' => 1,
            b'm' => 60,
            b'h' => 3600,
            b'd' => 86_400,
            b'w' => 604_800,
            _ => return None,
        };
        total = total.checked_add(rest[..end].parse::<i64>().ok()?.checked_mul(unit)?)?;
        rest = &rest[end + 1..];
    }
    Some(total)
}

/// A name of the file, relative to the zone; `None` if it lies outside.
fn relative(name: &str, zone: &str) -> Option<String> {
    let name = name.to_ascii_lowercase();
    match name.strip_suffix('.') {
        None => Some(name),
        Some(absolute) if absolute == zone => Some("@".to_owned()),
        Some(absolute) => Some(absolute.strip_suffix(zone)?.strip_suffix('.')?.to_owned()),
    }
}

/// Reads the zone file of a zone.
///
/// # Errors
/// What is wrong, with the line.
pub(super) fn read(zone: &str, text: &str) -> Result<ZoneFile, String> {
    let mut file = ZoneFile { ttl: None, rrsets: Vec::new() };
    let mut places = std::collections::BTreeMap::new();
    let mut owner: Option<String> = None;
    for entry in entries(text)? {
        let fail = |problem: &str| format!("line {}: {problem}", entry.line);
        let ttl_of = |text: &str| seconds(text).filter(|ttl| TTLS.contains(ttl));
        let mut words = entry.words.iter().map(String::as_str);
        let mut word = words.next().unwrap_or_default();
        match word.to_ascii_uppercase().as_str() {
            "$ORIGIN" => {
                let origin = words.next().unwrap_or_default();
                if origin.strip_suffix('.') != Some(zone) {
                    return Err(fail(&format!("$ORIGIN must be '{zone}.'")));
                }
                continue;
            }
            "$TTL" => {
                let ttl = words.next().and_then(ttl_of);
                file.ttl = Some(ttl.ok_or_else(|| fail("$TTL must be from 60 to 2147483647"))?);
                continue;
            }
            directive if directive.starts_with('$') => {
                return Err(fail(&format!("{directive} is not supported")));
            }
            _ => {}
        }
        if !entry.indented {
            owner = Some(relative(word, zone).ok_or_else(|| fail(&format!("'{word}' is not in the zone")))?);
            word = words.next().unwrap_or_default();
        }
        let name = owner.clone().ok_or_else(|| fail("the first record has no name"))?;
        let mut ttl = None;
        // Time to live and class come in any order, and may be left out.
        let kind = loop {
            let upper = word.to_ascii_uppercase();
            if let Some(kind) = RecordType::parse(&upper) {
                break kind;
            } else if matches!(upper.as_str(), "CH" | "HS" | "CS") {
                return Err(fail("only records of class IN are allowed"));
            } else if word.bytes().next().is_some_and(|byte| byte.is_ascii_digit()) {
                let read = ttl_of(word)
                    .ok_or_else(|| fail(&format!("'{word}' is no time to live from 60 to 2147483647")))?;
                ttl = Some(read);
            } else if upper != "IN" {
                return Err(fail(&format!("'{word}' is no type of record that is supported")));
            }
            word = words.next().ok_or_else(|| fail("the type of the record is missing"))?;
        };
        let record = Record { value: words.collect::<Vec<_>>().join(" "), comment: String::new() };
        let place = *places.entry((name.clone(), kind)).or_insert(file.rrsets.len());
        match file.rrsets.get_mut(place) {
            // All records of a set have one time to live (RFC 2181, section 5.2): the first one's.
            Some(set) => set.records.push(record),
            None => file.rrsets.push(NewRrSet {
                name,
                kind,
                ttl,
                labels: Labels::default(),
                records: vec![record],
            }),
        }
    }
    Ok(file)
}

/// The zone file of a zone.
pub(super) fn write(zone: &Zone) -> String {
    let mut text = format!("$ORIGIN\t{}.\n$TTL\t{}\n", zone.name, zone.ttl);
    let rank = |set: &RrSet| match (set.name.as_str(), set.kind) {
        ("@", RecordType::Soa) => 0,
        ("@", RecordType::Ns) => 1,
        ("@", _) => 2,
        _ => 3,
    };
    let mut sets: Vec<&RrSet> = zone.rrsets.values().collect();
    sets.sort_by_key(|set| rank(set));
    for set in sets {
        for record in &set.records {
            let _ = write!(text, "{}\tIN", set.name);
            if let Some(ttl) = set.ttl {
                let _ = write!(text, "\t{ttl}");
            }
            let _ = write!(text, "\t{}\t{}", set.kind.as_str(), record.value);
            if !record.comment.is_empty() {
                let _ = write!(text, " ; {}", record.comment.replace(['\n', '\r'], " "));
            }
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Result<Vec<String>, String> {
        let file = read("example.com", text)?;
        let mut lines: Vec<String> = file.ttl.map(|ttl| format!("ttl {ttl}")).into_iter().collect();
        for set in file.rrsets {
            let values: Vec<&str> = set.records.iter().map(|record| record.value.as_str()).collect();
            lines.push(format!("{} {} {:?} {}", set.name, set.kind.as_str(), set.ttl, values.join(" | ")));
        }
        Ok(lines)
    }

    #[test]
    fn zone_files_are_read_as_rfc_1035_says() {
        let text = "$ORIGIN example.com.\n$TTL 1h ; default\n\n\
            @ IN SOA ns.example.net. mail.example.net. (\n  1 ; serial\n  2 3 4 5 )\n\
            \tIN 120 NS a.\n  NS b.\n\
            www.example.com. 1h30m IN A 192.0.2.1\nexample.com. in TXT \"a ; b\" \"c\\\"d\"\n* CNAME @\n";
        assert_eq!(
            shown(text).unwrap(),
            [
                "ttl 3600",
                "@ SOA None ns.example.net. mail.example.net. 1 2 3 4 5",
                "@ NS Some(120) a. | b.",
                "www A Some(5400) 192.0.2.1",
                "@ TXT None \"a ; b\" \"c\\\"d\"",
                "* CNAME None @",
            ]
        );
    }

    #[test]
    fn what_is_wrong_in_a_zone_file_is_told_with_its_line() {
        for (text, problem) in [
            ("$ORIGIN example.org.\n", "line 1: $ORIGIN must be 'example.com.'"),
            ("\n$TTL 1\n", "line 2: $TTL must be from 60 to 2147483647"),
            ("$INCLUDE x\n", "line 1: $INCLUDE is not supported"),
            ("@ CH A 192.0.2.1\n", "line 1: only records of class IN are allowed"),
            ("@ IN LOC x\n", "line 1: 'LOC' is no type of record that is supported"),
            ("@ IN 10 A 192.0.2.1\n", "line 1: '10' is no time to live from 60 to 2147483647"),
            ("@ IN\n", "line 1: the type of the record is missing"),
            ("www.example.org. A 192.0.2.1\n", "line 1: 'www.example.org.' is not in the zone"),
            (" A 192.0.2.1\n", "line 1: the first record has no name"),
            ("@ TXT \"a\n", "line 1: a quote is not closed"),
            ("@ TXT (\n", "a parenthesis is not closed"),
            ("@ TXT )\n", "line 1: a parenthesis is out of place"),
        ] {
            assert_eq!(shown(text).unwrap_err(), problem, "{text:?}");
        }
    }
}
