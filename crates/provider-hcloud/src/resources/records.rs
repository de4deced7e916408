//! What record sets and single records of DNS zones have in common.

use std::net::{Ipv4Addr, Ipv6Addr};

use ferroform_hcloud::RrsetKey;

use crate::attrs::Attrs;
use crate::rules::{self, COMBINATION, INVALID, Problems};

/// The types of records (Hetzner API documentation, "Zone RRSets").
pub(super) const TYPES: &[&str] = &[
    "A", "AAAA", "CAA", "CNAME", "DS", "HINFO", "HTTPS", "MX", "NS", "PTR", "RP", "SOA", "SRV", "SVCB",
    "TLSA", "TXT",
];

/// Seconds that records may be kept for (Hetzner API documentation).
pub(super) const TTLS: (i64, i64) = (60, 2_147_483_647);

/// Bytes that one quoted string of a TXT record may hold (RFC 1035, section 3.3).
const LONGEST_STRING: usize = 255;

/// The record set that `name` and `type` name, or an id `<name>/<type>`.
pub(super) fn key(attrs: Attrs<'_>) -> Option<RrsetKey> {
    let own = |name: &str, kind: &str| RrsetKey { name: name.to_owned(), kind: kind.to_owned() };
    match (attrs.text("name"), attrs.text("type")) {
        (Some(name), Some(kind)) => Some(own(name, kind)),
        _ => attrs.text("id")?.rsplit_once('/').map(|(name, kind)| own(name, kind)),
    }
}

/// The zone is named, and the set of records by a name below it and a type.
pub(super) fn validate_place(config: Attrs<'_>, problems: &mut Problems) {
    let known = |name: &str| config.get(name).as_str();
    rules::one_of(config, "type", TYPES, problems);
    if known("zone") == Some("") {
        problems.add("zone", INVALID, "It must be the name or the id of a zone.");
    }
    let Some(name) = known("name") else { return };
    if name.is_empty() {
        problems.add("name", INVALID, "It must not be empty. For the zone itself, write \"@\".");
    } else if name.bytes().any(|b| b.is_ascii_uppercase()) {
        problems.add("name", INVALID, format!("It must be in lower case: {:?}.", name.to_ascii_lowercase()));
    } else if !name.is_ascii() {
        problems.add(
            "name",
            INVALID,
            format!("{name:?} has characters beyond ASCII; write it in Punycode, such as \"xn--4bi\"."),
        );
    } else if name.ends_with('.') {
        problems.add("name", INVALID, "It is below the zone and must not end with a dot.");
    } else if name.split('.').any(str::is_empty) {
        problems.add("name", INVALID, format!("{name:?} has an empty part between its dots."));
    } else if let Some(zone) = known("zone")
        && zone.contains('.')
        && let Some(below) = name.strip_suffix(zone)
        && (below.is_empty() || below.ends_with('.'))
    {
        let below = below.trim_end_matches('.');
        let below = if below.is_empty() { "@" } else { below };
        problems.add("name", INVALID, format!("It must not end with the name of the zone; write {below:?}."));
    }
    match (known("type"), name) {
        (Some("SOA"), name) if name != "@" => {
            problems.add("name", COMBINATION, "A SOA record is one of the zone itself, which is called \"@\".");
        }
        (Some("CNAME"), "@") => problems.add(
            "type",
            COMBINATION,
            "The zone itself cannot be an alias: it has SOA and NS records, and a name with a CNAME has no others.",
        ),
        _ => {}
    }
}

/// What is wrong with a record's value; nothing is known of the form of most types.
pub(super) fn problem_of_value(kind: &str, value: &str) -> Option<String> {
    match kind {
        "A" if value.parse::<Ipv4Addr>().is_err() => {
            Some(format!("{value:?} is not an IPv4 address, as a record of type A holds."))
        }
        "AAAA" if value.parse::<Ipv6Addr>().is_err() => {
            Some(format!("{value:?} is not an IPv6 address, as a record of type AAAA holds."))
        }
        "TXT" if !is_quoted(value) => Some(format!(
            "{value:?} is not made of quoted strings of at most {LONGEST_STRING} characters, as a TXT record is. \
             Write it with its quotes, such as \"\\\"v=spf1 -all\\\"\", and in several strings if it is longer."
        )),
        _ if value.trim().is_empty() => Some("It must not be empty.".to_owned()),
        _ => None,
    }
}

/// Whether a text is one or more quoted strings, none of them too long.
fn is_quoted(value: &str) -> bool {
    let (mut inside, mut escaped, mut length, mut strings) = (false, false, 0, 0);
    for c in value.chars() {
        match (inside, c) {
            (true, _) if escaped => (escaped, length) = (false, length + 1),
            (true, '\\') => escaped = true,
            (true, '"') => inside = false,
            (true, c) => length += c.len_utf8(),
            (false, '"') => (inside, length, strings) = (true, 0, strings + 1),
            (false, c) if c.is_whitespace() => {}
            (false, _) => return false,
        }
        if length > LONGEST_STRING {
            return false;
        }
    }
    !inside && strings > 0
}

/// Whether two values of a type say the same: addresses may be spelt in several ways, and the serial of a SOA record is
/// the API's to count.
pub(super) fn same_value(kind: &str, a: &str, b: &str) -> bool {
    match kind {
        "A" | "AAAA" => rules::same_address(a, b),
        "SOA" => without_serial(a) == without_serial(b),
        _ => a == b,
    }
}

/// A SOA record with zero for its serial, as states have it.
pub(super) fn without_serial(value: &str) -> String {
    let mut parts: Vec<&str> = value.split(' ').collect();
    if let Some(serial) = parts.get_mut(2) {
        *serial = "0";
    }
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_records_are_quoted_strings() {
        let long = |n: usize| format!("\"{}\"", "x".repeat(n));
        for (value, good) in [
            ("\"v=spf1 -all\"", true),
            ("\"a\" \"b\"", true),
            ("\"a\\\"b\"", true),
            ("\"\"", true),
            (&*long(255), true),
            (&*long(256), false),
            ("v=spf1 -all", false),
            ("\"a", false),
            ("\"a\" b", false),
            ("", false),
        ] {
            assert_eq!(is_quoted(value), good, "{value}");
        }
    }

    #[test]
    fn values_are_the_same_in_other_spellings() {
        for (kind, a, b, same) in [
            ("AAAA", "2001:DB8::1", "2001:db8:0::1", true),
            ("A", "192.0.2.1", "192.0.2.2", false),
            ("SOA", "a. b. 2026010100 1 2 3 4", "a. b. 0 1 2 3 4", true),
            ("SOA", "a. b. 0 1 2 3 4", "a. b. 0 1 2 3 5", false),
            ("CNAME", "a", "A", false),
        ] {
            assert_eq!(same_value(kind, a, b), same, "{kind} {a} {b}");
        }
    }
}
