//! What names and values of records may be.

use std::net::{Ipv4Addr, Ipv6Addr};

use base64::Engine as _;
use serde::{Deserialize, Serialize};

use super::rrsets::Record;
use crate::world::Labels;

macro_rules! record_types {
    ($($variant:ident $name:literal,)*) => {
        /// Types of records (Hetzner API documentation).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        pub(crate) enum RecordType { $(#[serde(rename = $name)] $variant,)* }

        impl RecordType {
            /// All of them, by the name the API uses.
            pub(crate) const ALL: &[(&str, Self)] = &[$(($name, Self::$variant),)*];

            /// The name the API uses.
            pub(crate) const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

record_types! {
    A "A",
    Aaaa "AAAA",
    Caa "CAA",
    Cname "CNAME",
    Ds "DS",
    Hinfo "HINFO",
    Https "HTTPS",
    Mx "MX",
    Ns "NS",
    Ptr "PTR",
    Rp "RP",
    Soa "SOA",
    Srv "SRV",
    Svcb "SVCB",
    Tlsa "TLSA",
    Txt "TXT",
}

impl RecordType {
    /// The type of a name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind)
    }

    /// Whether a set of it has one record at most.
    pub(super) const fn is_single(self) -> bool {
        matches!(self, Self::Cname | Self::Soa)
    }

    /// What a value of it consists of, for people.
    const fn form(self) -> &'static str {
        match self {
            Self::A => "an IPv4 address",
            Self::Aaaa => "an IPv6 address",
            Self::Caa => "flags, a tag and a quoted value, such as '0 issue \"letsencrypt.org\"'",
            Self::Cname | Self::Ns | Self::Ptr => {
                "a domain name, with a dot at its end unless it is relative"
            }
            Self::Ds => "key tag, algorithm, digest type and digest in hexadecimal digits",
            Self::Hinfo => "two character strings, such as '\"AMD64\" \"Linux\"'",
            Self::Https | Self::Svcb => "priority, target and parameters, such as '1 . alpn=\"h2\"'",
            Self::Mx => "a priority and a domain name, such as '10 mail.example.com.'",
            Self::Rp => "two domain names",
            Self::Soa => "two domain names, serial, refresh, retry, expire and minimum",
            Self::Srv => "priority, weight, port and target, such as '0 5 5060 sip.example.com.'",
            Self::Tlsa => "usage, selector, matching type and data in hexadecimal digits",
            Self::Txt => "strings in double quotes, each of at most 255 bytes",
        }
    }
}

/// A record set that is asked for.
pub(crate) struct NewRrSet {
    pub(crate) name: String,
    pub(crate) kind: RecordType,
    pub(crate) ttl: Option<i64>,
    pub(crate) labels: Labels,
    pub(crate) records: Vec<Record>,
}

/// Second levels below country codes at which names are registered. The cloud knows the whole list of public
/// suffixes; these are the usual ones.
const SECOND_LEVELS: [&str; 18] = [
    "ac", "co", "com", "edu", "gen", "go", "gov", "gv", "id", "info", "ltd", "me", "mil", "ne", "net", "nom",
    "or", "org",
];

/// What is wrong with the name of a zone, if anything is.
pub(super) fn problem_of_zone_name(name: &str) -> Option<&'static str> {
    let labels: Vec<&str> = name.split('.').collect();
    let plain = |label: &&str| is_label(label, false) && !label.contains('_');
    if name.len() > 253 || labels.len() < 2 || !labels.iter().all(plain) {
        return Some(
            "name must be a domain name in lower case without a dot at its end, such as 'example.com'",
        );
    }
    let top = labels.last().copied().unwrap_or_default();
    if top.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some("name must end in a public suffix, such as '.com'");
    }
    let registered = match labels.as_slice() {
        [_, _] => true,
        [_, second, top] => top.len() == 2 && SECOND_LEVELS.contains(second),
        _ => false,
    };
    (!registered).then_some("name must be a domain below a public suffix, subdomains are not supported")
}

/// Whether it is one label of a name, in lower case unless `any_case`.
fn is_label(label: &str, any_case: bool) -> bool {
    !label.is_empty()
        && label.len() <= 63
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.bytes().all(|byte| {
            byte.is_ascii_lowercase()
                || byte.is_ascii_digit()
                || matches!(byte, b'-' | b'_')
                || any_case && byte.is_ascii_uppercase()
        })
}

/// What is wrong with the name of a record set of a zone, if anything is (Hetzner API documentation).
pub(super) fn problem_of_name(name: &str, zone: &str) -> Option<&'static str> {
    if name == "@" {
        return None;
    }
    if name == zone || name.strip_suffix(zone).is_some_and(|rest| rest.ends_with('.')) {
        return Some("name must not end with the name of the zone; for the zone itself it is '@'");
    }
    let rest = name.strip_prefix("*.").unwrap_or(name);
    let good = name == "*" || rest.split('.').all(|label| is_label(label, false));
    if !good || name.len() + 1 + zone.len() > 253 {
        return Some(
            "name must be relative to the zone, in lower case, without a dot at its end; '@' is the zone itself",
        );
    }
    None
}

/// A part of a value.
struct Token {
    /// With its quotes removed and its escapes resolved.
    bytes: Vec<u8>,
    quoted: bool,
}

impl Token {
    fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.bytes).ok().filter(|_| !self.quoted)
    }

    fn number<T: std::str::FromStr>(&self) -> bool {
        self.text().is_some_and(|text| text.bytes().all(|b| b.is_ascii_digit()) && text.parse::<T>().is_ok())
    }

    fn is_domain(&self) -> bool {
        self.text().is_some_and(is_domain)
    }

    fn is_hex(&self) -> bool {
        self.text().is_some_and(|text| {
            !text.is_empty() && text.len() % 2 == 0 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
        })
    }
}

/// Whether it is a domain name, absolute or relative to the zone.
fn is_domain(name: &str) -> bool {
    let bare = name.strip_suffix('.').unwrap_or(name);
    let rest = bare.strip_prefix("*.").unwrap_or(bare);
    matches!(name, "." | "@") || name.len() <= 254 && rest.split('.').all(|label| is_label(label, true))
}

/// The parts of a value, which are separated by blanks; `None` if a quote or escape has no end.
fn tokens(value: &str) -> Option<Vec<Token>> {
    let mut found = Vec::new();
    let mut bytes = value.bytes().peekable();
    loop {
        while bytes.next_if(|byte| matches!(byte, b' ' | b'\t')).is_some() {}
        let Some(first) = bytes.peek() else { return Some(found) };
        let mut token = Token { bytes: Vec::new(), quoted: *first == b'"' };
        if token.quoted {
            bytes.next();
        }
        loop {
            match bytes.next() {
                None if token.quoted => return None,
                None => break,
                Some(b'"') if token.quoted => {
                    // Strings stand apart.
                    if bytes.peek().is_some_and(|next| !matches!(next, b' ' | b'\t')) {
                        return None;
                    }
                    break;
                }
                Some(b' ' | b'\t') if !token.quoted => break,
                Some(b'\n' | b'\r' | 0) => return None,
                // These would mean something else in a zone file.
                Some(b';' | b'(' | b')') if !token.quoted => return None,
                Some(b'\\') => {
                    let next = bytes.next()?;
                    if next.is_ascii_digit() {
                        let digits = [next, bytes.next()?, bytes.next()?];
                        token.bytes.push(std::str::from_utf8(&digits).ok()?.parse().ok()?);
                    } else {
                        token.bytes.push(next);
                    }
                }
                Some(byte) => token.bytes.push(byte),
            }
        }
        found.push(token);
    }
}

/// Whether it is a parameter of a HTTPS or SVCB record: a key, or a key and a value.
fn is_parameter(token: &Token) -> bool {
    let Some(text) = token.text() else { return false };
    let (key, value) = text.split_once('=').unwrap_or((text, ""));
    let list = |good: fn(&str) -> bool| value.trim_matches('"').split(',').all(good);
    let known = match key {
        "ipv4hint" => list(|address| address.parse::<Ipv4Addr>().is_ok()),
        "ipv6hint" => list(|address| address.parse::<Ipv6Addr>().is_ok()),
        "port" => value.trim_matches('"').parse::<u16>().is_ok(),
        "alpn" | "mandatory" | "dohpath" => !value.is_empty(),
        "ech" => base64::engine::general_purpose::STANDARD.decode(value.trim_matches('"')).is_ok(),
        "no-default-alpn" => value.is_empty(),
        other => other.strip_prefix("key").is_some_and(|number| number.parse::<u16>().is_ok()),
    };
    known && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// What is wrong with the value of a record of a type, if anything is.
pub(super) fn problem_of_value(kind: RecordType, value: &str) -> Option<String> {
    let short = |token: &Token| token.bytes.len() <= 255;
    let good = value.len() <= 65_535
        && value.trim() == value
        && tokens(value).is_some_and(|tokens| match (kind, tokens.as_slice()) {
            (RecordType::A, [_]) => value.parse::<Ipv4Addr>().is_ok(),
            (RecordType::Aaaa, [_]) => value.parse::<Ipv6Addr>().is_ok(),
            (RecordType::Caa, [flags, tag, text]) => {
                let word = |tag: &str| tag.bytes().all(|byte| byte.is_ascii_alphanumeric());
                flags.number::<u8>() && tag.text().is_some_and(word) && text.quoted
            }
            (RecordType::Cname | RecordType::Ns | RecordType::Ptr, [name]) => name.is_domain(),
            (RecordType::Ds, [tag, algorithm, digest_type, digest @ ..]) => {
                tag.number::<u16>()
                    && algorithm.number::<u8>()
                    && digest_type.number::<u8>()
                    && !digest.is_empty()
                    && digest.iter().all(Token::is_hex)
            }
            (RecordType::Hinfo, [cpu, system]) => short(cpu) && short(system),
            (RecordType::Https | RecordType::Svcb, [priority, target, parameters @ ..]) => {
                priority.number::<u16>() && target.is_domain() && parameters.iter().all(is_parameter)
            }
            (RecordType::Mx, [priority, name]) => priority.number::<u16>() && name.is_domain(),
            (RecordType::Rp, [mailbox, text]) => mailbox.is_domain() && text.is_domain(),
            (RecordType::Soa, [server, mailbox, numbers @ ..]) => {
                let numbers_good = numbers.len() == 5 && numbers.iter().all(Token::number::<u32>);
                server.is_domain() && mailbox.is_domain() && numbers_good
            }
            (RecordType::Srv, [priority, weight, port, target]) => {
                [priority, weight, port].into_iter().all(Token::number::<u16>) && target.is_domain()
            }
            (RecordType::Tlsa, [usage, selector, matching, data @ ..]) => {
                [usage, selector, matching].into_iter().all(Token::number::<u8>)
                    && !data.is_empty()
                    && data.iter().all(Token::is_hex)
            }
            (RecordType::Txt, [first, rest @ ..]) => {
                std::iter::once(first).chain(rest).all(|token| token.quoted && short(token))
            }
            _ => false,
        });
    (!good).then(|| format!("a value of type {} must be {}", kind.as_str(), kind.form()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_follow_the_syntax_of_their_type() {
        let long = format!("\"{}\"", "a".repeat(255));
        let too_long = format!("\"{}\"", "a".repeat(256));
        for (kind, good, bad) in [
            (
                "A",
                vec!["198.51.100.1"],
                vec!["198.51.100.256", "::1", "", " 1.2.3.4", "1.2.3.4 5.6.7.8", "www"],
            ),
            ("AAAA", vec!["2001:db8::1", "::"], vec!["198.51.100.1", "2001:db8::g"]),
            (
                "CAA",
                vec!["0 issue \"ca.example.net\"", "128 iodef \"\""],
                vec!["0 issue ca", "256 issue \"a\"", "0 \"issue\""],
            ),
            (
                "CNAME",
                vec!["www", "www.example.com.", "@", "_a.example.net."],
                vec!["a b", "-a", "a..b", "\"a\"", "", "a ", "a;b"],
            ),
            (
                "DS",
                vec!["60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118"],
                vec!["60485 5 1", "1 1 1 zz", "1 1 1 abc"],
            ),
            ("HINFO", vec!["\"AMD64\" \"Linux\"", "a b"], vec!["a", "a b c"]),
            (
                "HTTPS",
                vec!["1 . alpn=\"h2,h3\" ipv4hint=192.0.2.1", "0 svc.example.net."],
                vec!["1", "1 . port=x", "1 . Alpn=h2"],
            ),
            ("MX", vec!["10 mail.example.com.", "0 ."], vec!["mail.example.com.", "65536 a", "10 a b"]),
            ("NS", vec!["ns1.example.com."], vec!["ns1.example.com. a"]),
            ("PTR", vec!["host.example.com."], vec![""]),
            ("RP", vec!["admin.example.com. ."], vec!["admin.example.com."]),
            ("SOA", vec!["ns. mail. 1 2 3 4 5"], vec!["ns. mail. 1 2 3 4", "ns. mail. 1 2 3 4 4294967296"]),
            ("SRV", vec!["0 5 5060 sip.example.com."], vec!["0 5 sip.example.com.", "0 5 65536 a"]),
            ("SVCB", vec!["2 svc ech=YWJj key65000=x"], vec!["2 svc ech=*", "x svc"]),
            ("TLSA", vec!["3 1 1 0123456789abcdef"], vec!["3 1 1", "3 1 256 ab"]),
            (
                "TXT",
                vec!["\"v=spf1 -all\"", "\"a\" \"b\"", "\"a\\\"b\\065\"", &long],
                vec!["plain", "\"open", "\"a\"b", "", &too_long],
            ),
        ] {
            let kind = RecordType::parse(kind).unwrap();
            for value in good {
                assert_eq!(problem_of_value(kind, value), None, "{kind:?} {value}");
            }
            for value in bad {
                assert!(problem_of_value(kind, value).is_some(), "{kind:?} {value}");
            }
        }
        assert_eq!(RecordType::parse("a"), None);
    }

    #[test]
    fn names_of_zones_are_registered_domains() {
        for (name, good) in [
            ("example.com", true),
            ("example.co.uk", true),
            ("xn--mnchen-3ya.de", true),
            ("www.example.com", false),
            ("a.example.co.uk", false),
            ("example", false),
            ("Example.com", false),
            ("example.com.", false),
            ("münchen.de", false),
            ("a_b.de", false),
            ("198.51", false),
            ("", false),
        ] {
            assert_eq!(problem_of_zone_name(name).is_none(), good, "{name}");
        }
    }

    #[test]
    fn names_of_record_sets_are_relative() {
        for (name, good) in [
            ("@", true),
            ("www", true),
            ("*", true),
            ("*.dev", true),
            ("_sip._tcp", true),
            ("a.b.c", true),
            ("notexample.com", true),
            ("a.*", false),
            ("www.example.com", false),
            ("example.com", false),
            ("www.", false),
            ("WWW", false),
            ("a..b", false),
            ("", false),
        ] {
            assert_eq!(problem_of_name(name, "example.com").is_none(), good, "{name}");
        }
        assert!(problem_of_name(&vec!["a".repeat(60); 5].join("."), "example.com").is_some());
    }
}
