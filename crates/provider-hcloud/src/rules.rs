//! Rules that configuration must keep, each with a message that says how to.

use std::net::{IpAddr, Ipv4Addr};

use ferroform_core::schema::Block;
use ferroform_core::{AttrPath, Diagnostic, Diagnostics, Step, Value};
use ipnet::{IpNet, Ipv4Net};

use crate::attrs::{Attrs, is_empty};

/// The path of a block that is an element of a set.
pub(crate) fn element(block: &str, element: Attrs<'_>) -> AttrPath {
    AttrPath::attr(block).with_step(Step::Index(element.0.clone()))
}

/// The path to an attribute of such a block.
pub(crate) fn in_block(block: &str, element: Attrs<'_>, attribute: &str) -> AttrPath {
    self::element(block, element).with_attr(attribute)
}

/// The problems found in a block.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    found: Vec<Diagnostic>,
}

impl Problems {
    /// Notes a problem of an attribute.
    pub(crate) fn add(&mut self, attribute: &str, summary: &'static str, detail: impl Into<String>) {
        self.add_at(AttrPath::attr(attribute), summary, detail);
    }

    /// Notes a problem of a place inside the block.
    pub(crate) fn add_at(&mut self, path: AttrPath, summary: &'static str, detail: impl Into<String>) {
        self.found.push(Diagnostic::error(summary).detail(detail).attribute(path));
    }

    /// Notes the problems of a block inside this one, with the way to it in front of theirs.
    pub(crate) fn within(&mut self, block: &AttrPath, find: impl FnOnce(&mut Problems)) {
        let mut inner = Problems::default();
        find(&mut inner);
        self.found.extend(inner.found.into_iter().map(|mut diagnostic| {
            let mut path = block.clone();
            path.0.extend(diagnostic.attribute.take().unwrap_or_default().0);
            diagnostic.attribute(path)
        }));
    }

    /// Notes any problem.
    pub(crate) fn push(&mut self, diagnostic: Diagnostic) {
        self.found.push(diagnostic);
    }

    /// All of them.
    pub(crate) fn into_diagnostics(self) -> Diagnostics {
        Diagnostics(self.found)
    }
}

/// Warns of arguments and blocks that the schema says to be of the past.
pub(crate) fn deprecated(block: &Block, config: Attrs<'_>, problems: &mut Problems) {
    let attributes = block.attributes.iter().map(|(name, attribute)| (name, &attribute.deprecated));
    let blocks = block.blocks.iter().map(|(name, nested)| (name, &nested.block.deprecated));
    let set = |name: &str| !is_empty(config.get(name));
    for (name, advice) in attributes.chain(blocks) {
        if let Some(advice) = advice.as_deref().filter(|_| set(name)) {
            let warning = Diagnostic::warning("Argument is deprecated").detail(advice);
            problems.push(warning.attribute(AttrPath::attr(name.clone())));
        }
    }
}

/// The summary of what is wrong with one value.
pub(crate) const INVALID: &str = "Invalid attribute value";
/// The summary of what does not go together.
pub(crate) const COMBINATION: &str = "Invalid attribute combination";

/// Label keys and values have the form that the API wants (Hetzner API documentation, "Labels").
pub(crate) fn labels(config: Attrs<'_>, problems: &mut Problems) {
    for (key, value) in config.get("labels").as_map().into_iter().flatten() {
        let path = || AttrPath::attr("labels").with_key(key.clone());
        if !is_label_key(key) {
            problems.add_at(path(), INVALID, format!(
                "{key:?} cannot be the key of a label. A key has up to 63 letters, digits, `-`, `_` and `.`, begins and ends \
                 with a letter or digit, and may have a DNS name and `/` before it."
            ));
        } else if key.starts_with("hetzner.cloud/") {
            problems.add_at(
                path(),
                INVALID,
                format!("{key:?} cannot be set: keys under `hetzner.cloud/` are Hetzner's own."),
            );
        }
        if value.as_str().is_some_and(|v| !is_label_value(v)) {
            problems.add_at(path(), INVALID, format!(
                "The value of the label {key:?} is not possible. It has up to 63 letters, digits, `-`, `_` and `.`, and begins \
                 and ends with a letter or digit; or it is empty."
            ));
        }
    }
}

fn is_label_name(text: &str, longest: usize) -> bool {
    let inside = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let ends = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    bytes.len() <= longest && ends(bytes.first()) && ends(bytes.last()) && bytes.iter().all(|&b| inside(b))
}

fn is_label_key(key: &str) -> bool {
    match key.split_once('/') {
        Some((prefix, name)) => is_label_name(prefix, 253) && is_label_name(name, 63),
        None => is_label_name(key, 63),
    }
}

fn is_label_value(value: &str) -> bool {
    value.is_empty() || is_label_name(value, 63)
}

/// A text attribute is one of these, if it is known.
pub(crate) fn one_of(config: Attrs<'_>, name: &str, allowed: &[&str], problems: &mut Problems) {
    if let Some(value) = config.get(name).as_str()
        && !allowed.contains(&value)
    {
        problems.add(
            name,
            INVALID,
            format!("{value:?} is not possible; it must be {}.", alternatives(allowed)),
        );
    }
}

/// A text is not empty, if it is known.
pub(crate) fn not_empty(config: Attrs<'_>, name: &str, problems: &mut Problems) {
    if config.get(name).as_str() == Some("") {
        problems.add(name, INVALID, "It must not be empty.");
    }
}

/// "`a`, `b` or `c`".
pub(crate) fn alternatives(items: &[&str]) -> String {
    let quoted: Vec<String> = items.iter().map(|item| format!("`{item}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}

/// A number lies between two others, if it is known.
pub(crate) fn between(config: Attrs<'_>, name: &str, least: i64, most: i64, problems: &mut Problems) {
    if config.get(name).as_number().is_some_and(|n| n.to_i64().is_none_or(|n| n < least || n > most)) {
        problems.add(name, INVALID, format!("It must be a whole number from {least} to {most}."));
    }
}

/// A range of private IPv4 addresses (RFC 1918), if it is known; where it says so, also everything, `0.0.0.0/0`.
pub(crate) fn private_cidr(config: Attrs<'_>, name: &str, or_everything: bool, problems: &mut Problems) {
    match config.get(name).as_str().map(|text| (text, parse_cidr(text))) {
        Some((_, Err(message))) => problems.add(name, INVALID, message),
        Some((text, Ok(net))) if !(is_private(&net) || or_everything && text == "0.0.0.0/0") => {
            let or = if or_everything { ", or \"0.0.0.0/0\"" } else { "" };
            problems.add(
                name,
                INVALID,
                format!(
                    "{text:?} is not private: it must lie in 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16{or}."
                ),
            );
        }
        _ => {}
    }
}

/// A range of private addresses that has no more than so many bits, if it is known: no smaller range is possible.
pub(crate) fn range_of_network(config: Attrs<'_>, name: &str, most_bits: u8, problems: &mut Problems) {
    private_cidr(config, name, false, problems);
    if let Some(Ok(net)) = config.get(name).as_str().map(parse_cidr)
        && is_private(&net)
        && net.prefix_len() > most_bits
    {
        let least = 1_u64 << (32 - most_bits.min(32));
        problems.add(
            name,
            INVALID,
            format!("{net} is too small: it must have {least} addresses at least, which is /{most_bits} or a smaller number."),
        );
    }
}

fn is_private(net: &IpNet) -> bool {
    const PRIVATE: [(Ipv4Addr, u8); 3] = [
        (Ipv4Addr::new(10, 0, 0, 0), 8),
        (Ipv4Addr::new(172, 16, 0, 0), 12),
        (Ipv4Addr::new(192, 168, 0, 0), 16),
    ];
    let IpNet::V4(net) = net else { return false };
    PRIVATE.iter().any(|&(first, bits)| Ipv4Net::new(first, bits).is_ok_and(|private| private.contains(net)))
}

/// A range in CIDR notation whose address is the first one of the range; or what is wrong with it.
pub(crate) fn parse_cidr(text: &str) -> Result<IpNet, String> {
    let net: IpNet = text.parse().map_err(|_| {
        format!("{text:?} is not a range of addresses in CIDR notation, such as \"10.0.0.0/16\".")
    })?;
    if net.network() != net.addr() {
        return Err(format!("{text:?} does not begin at the start of its range; write \"{}\".", net.trunc()));
    }
    Ok(net)
}

/// An address, if it is known.
pub(crate) fn address(config: Attrs<'_>, name: &str, problems: &mut Problems) {
    if let Some(value) = config.text(name)
        && value.parse::<IpAddr>().is_err()
    {
        problems.add(name, INVALID, format!("{value:?} is not an IP address."));
    }
}

/// Addresses in a set, those that are known.
pub(crate) fn addresses(config: Attrs<'_>, name: &str, problems: &mut Problems) {
    for value in config.texts(name) {
        if value.parse::<IpAddr>().is_err() {
            problems.add(name, INVALID, format!("{value:?} is not an IP address."));
        }
    }
}

/// Exactly one of these attributes is set.
pub(crate) fn exactly_one(config: Attrs<'_>, names: &[&str], problems: &mut Problems) {
    let set: Vec<&str> = names.iter().copied().filter(|name| config.is_set(name)).collect();
    let all = alternatives(names);
    match set.as_slice() {
        [_] => {}
        [] => problems.push(Diagnostic::error(COMBINATION).detail(format!("One of {all} must be set."))),
        [_, second, ..] => problems.add(second, COMBINATION, format!("Only one of {all} can be set.")),
    }
}

/// These attributes are not set together.
pub(crate) fn not_together(config: Attrs<'_>, first: &str, second: &str, problems: &mut Problems) {
    if config.is_set(first) && config.is_set(second) {
        problems.add(second, COMBINATION, format!("`{second}` cannot be set together with `{first}`."));
    }
}

/// Two spellings of the same address or range.
pub(crate) fn same_address(a: &str, b: &str) -> bool {
    if a == b {
        return true;
    }
    if let (Ok(a), Ok(b)) = (a.parse::<IpAddr>(), b.parse::<IpAddr>()) {
        return a == b;
    }
    matches!((a.parse::<IpNet>(), b.parse::<IpNet>()), (Ok(a), Ok(b)) if a.trunc() == b.trunc())
}

/// Two values that spell the same address or range.
pub(crate) fn same_address_value(a: &Value, b: &Value) -> bool {
    matches!((a.as_str(), b.as_str()), (Some(a), Some(b)) if same_address(a, b))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected: the patterns of hcloud-go for label keys and values.
    #[test]
    fn labels_have_the_form_that_the_api_wants() {
        let long = "a".repeat(63);
        let longer = "a".repeat(64);
        for (key, good) in [
            ("env", true),
            ("example.com/env", true),
            ("a", true),
            ("a.b_c-d", true),
            (&*long, true),
            (&*longer, false),
            ("", false),
            ("-a", false),
            ("a-", false),
            ("a/b/c", false),
            ("/a", false),
            ("a b", false),
            ("ä", false),
        ] {
            assert_eq!(is_label_key(key), good, "{key}");
        }
        for (value, good) in
            [("", true), ("prod", true), ("a b", false), (&*long, true), (&*longer, false), (".a", false)]
        {
            assert_eq!(is_label_value(value), good, "{value}");
        }
    }

    #[test]
    fn ranges_begin_at_their_start() {
        assert!(parse_cidr("10.0.0.0/16").is_ok());
        assert!(parse_cidr("::/0").is_ok());
        assert!(parse_cidr("10.0.0.1/16").unwrap_err().contains("\"10.0.0.0/16\""));
        assert!(parse_cidr("10.0.0.1").is_err());
        assert!(parse_cidr("").is_err());
    }

    #[test]
    fn spellings_of_the_same_address_are_equal() {
        for (a, b, same) in [
            ("10.0.0.1", "10.0.0.1", true),
            ("2001:DB8::1", "2001:db8:0::1", true),
            ("2001:DB8::/32", "2001:db8::/32", true),
            ("10.0.0.1", "10.0.0.2", false),
            ("10.0.0.0/8", "10.0.0.0/9", false),
            ("x", "y", false),
        ] {
            assert_eq!(same_address(a, b), same, "{a} {b}");
        }
    }
}
