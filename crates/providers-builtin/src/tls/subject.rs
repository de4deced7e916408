//! Whom a certificate is for: the `subject` block, distinguished names, and alternative names.

use std::fmt::Write as _;
use std::net::IpAddr;

use ferroform_core::schema::{Attribute, Block, NestedBlock, Nesting};
use ferroform_core::{Diagnostics, Type, Value};
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::der::asn1::{
    Ia5String, Ia5StringRef, ObjectIdentifier, OctetString, PrintableStringRef, SetOfVec, Utf8StringRef,
};
use x509_cert::der::{self, Any, Encode};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::{Name, RelativeDistinguishedName};

use crate::values::{attribute_error, hex, text, texts};

/// Attributes of the block in the order in which Go writes names, with the identifiers and short names of RFC 4519
/// and RFC 4514; `email_address` (RFC 2985) has none.
const PARTS: [(&str, ObjectIdentifier, Option<&str>); 10] = [
    ("country", ObjectIdentifier::new_unwrap("2.5.4.6"), Some("C")),
    ("organization", ObjectIdentifier::new_unwrap("2.5.4.10"), Some("O")),
    ("organizational_unit", ObjectIdentifier::new_unwrap("2.5.4.11"), Some("OU")),
    ("locality", ObjectIdentifier::new_unwrap("2.5.4.7"), Some("L")),
    ("province", ObjectIdentifier::new_unwrap("2.5.4.8"), Some("ST")),
    ("street_address", ObjectIdentifier::new_unwrap("2.5.4.9"), Some("STREET")),
    ("postal_code", ObjectIdentifier::new_unwrap("2.5.4.17"), Some("POSTALCODE")),
    ("common_name", ObjectIdentifier::new_unwrap("2.5.4.3"), Some("CN")),
    ("serial_number", ObjectIdentifier::new_unwrap("2.5.4.5"), Some("SERIALNUMBER")),
    ("email_address", EMAIL_ADDRESS, None),
];
const EMAIL_ADDRESS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.1");

/// The block.
pub(super) fn block() -> NestedBlock {
    let attributes = PARTS.map(|(name, oid, short)| {
        let described = short.map_or_else(|| oid.to_string(), str::to_owned);
        let ty = if name == "street_address" { Type::list(Type::String) } else { Type::String };
        (name, Attribute::optional(ty).describe(format!("The part {described} of the distinguished name.")))
    });
    let block = Block { description: "Whom the certificate is for.".into(), ..Block::of(attributes) };
    NestedBlock { max_items: 1, force_new: true, ..NestedBlock::new(Nesting::List, block) }
}

/// The attributes with alternative names.
pub(super) fn alternative_names() -> [(&'static str, Attribute); 3] {
    let names = |text: &str| Attribute::optional(Type::list(Type::String)).force_new().describe(text);
    [
        ("dns_names", names("DNS names that the certificate is for.")),
        ("ip_addresses", names("IP addresses that the certificate is for.")),
        ("uris", names("URIs that the certificate is for.")),
    ]
}

/// A text as Go writes it in a name: printable if it can be, else UTF-8.
fn directory_string(text: &str) -> der::Result<Any> {
    match PrintableStringRef::new(text) {
        Ok(printable) => Any::encode_from(&printable),
        Err(_) => Any::encode_from(&Utf8StringRef::new(text)?),
    }
}

/// The distinguished name of the `subject` block, empty when there is none.
pub(super) fn name(object: &Value) -> Result<Name, Diagnostics> {
    let subject = object.get("subject").and_then(Value::as_slice).and_then(<[Value]>::first);
    let Some(subject) = subject else { return Ok(Name::default()) };
    let mut name = Name::default();
    for (attribute, oid, _) in PARTS {
        let values = match text(subject, attribute) {
            Some(text) => vec![text],
            None => texts(subject, attribute),
        };
        let parts = values.into_iter().filter(|value| !value.is_empty()).map(|value| {
            let value = if oid == EMAIL_ADDRESS {
                Any::encode_from(&Ia5StringRef::new(value)?)?
            } else {
                directory_string(value)?
            };
            Ok(AttributeTypeAndValue { oid, value })
        });
        let parts = parts.collect::<der::Result<Vec<_>>>().and_then(SetOfVec::try_from).map_err(|error| {
            let detail =
                format!("The {attribute} of the subject cannot be written in a certificate: {error}.");
            Diagnostics::from(attribute_error("subject", "Invalid Certificate Subject", detail))
        })?;
        if !parts.is_empty() {
            name.0.push(RelativeDistinguishedName(parts));
        }
    }
    Ok(name)
}

/// The alternative names of an object: DNS names, then addresses, then URIs.
pub(super) fn alternatives(object: &Value) -> Result<Vec<GeneralName>, Diagnostics> {
    let wrong = |attribute: &'static str, summary: &'static str, given: &str, what: &str| {
        let detail = format!("{given:?} in {attribute} is not {what}.");
        Diagnostics::from(attribute_error(attribute, summary, detail))
    };
    let ascii = |given: &str| {
        let usable = !given.is_empty() && given.bytes().all(|b| b.is_ascii_graphic());
        usable.then(|| Ia5String::new(given).ok()).flatten()
    };
    let mut names = Vec::new();
    for given in texts(object, "dns_names") {
        let what = "a DNS name in ASCII; write international names with xn--";
        let name = ascii(given).ok_or_else(|| wrong("dns_names", "Invalid DNS name", given, what))?;
        names.push(GeneralName::DnsName(name));
    }
    for given in texts(object, "ip_addresses") {
        let octets = match given.parse::<IpAddr>().map(|address| address.to_canonical()) {
            Ok(IpAddr::V4(address)) => OctetString::new(address.octets()).ok(),
            Ok(IpAddr::V6(address)) => OctetString::new(address.octets()).ok(),
            Err(_) => None,
        };
        let octets =
            octets.ok_or_else(|| wrong("ip_addresses", "Invalid IP address", given, "an IP address"))?;
        names.push(GeneralName::IpAddress(octets));
    }
    for given in texts(object, "uris") {
        let uri = ascii(given).ok_or_else(|| wrong("uris", "Invalid URI", given, "a URI in ASCII"))?;
        names.push(GeneralName::UniformResourceIdentifier(uri));
    }
    Ok(names)
}

/// A name as Go prints it, roughly following RFC 2253: the last part first, parts that have no short name at the end.
pub(super) fn printed(name: &Name) -> String {
    let all = || name.0.iter().flat_map(|rdn| rdn.0.iter());
    let mut parts: Vec<String> = PARTS
        .iter()
        .filter_map(|(_, oid, short)| {
            let short = (*short)?;
            let values: Vec<String> = all()
                .filter(|part| part.oid == *oid)
                .map(|part| format!("{short}={}", escaped(&part.value)))
                .collect();
            (!values.is_empty()).then(|| values.join("+"))
        })
        .collect();
    let others = all().filter(|part| PARTS.iter().all(|(_, oid, short)| short.is_none() || *oid != part.oid));
    parts.splice(0..0, others.map(|part| format!("{}=#{}", part.oid, hex(&rewritten(&part.value)))));
    parts.reverse();
    parts.join(",")
}

fn string_of(value: &Any) -> Option<&str> {
    use x509_cert::der::{Tag, Tagged as _};
    let is_text =
        matches!(value.tag(), Tag::PrintableString | Tag::Utf8String | Tag::Ia5String | Tag::TeletexString);
    is_text.then(|| std::str::from_utf8(value.value()).ok()).flatten()
}

/// The DER of a value as Go writes it again after reading it: texts lose what kind of text they were.
fn rewritten(value: &Any) -> Vec<u8> {
    let text = string_of(value).and_then(|text| directory_string(text).ok());
    text.as_ref().unwrap_or(value).to_der().unwrap_or_default()
}

fn escaped(value: &Any) -> String {
    let Some(text) = string_of(value) else {
        return format!("#{}", hex(&value.to_der().unwrap_or_default()));
    };
    let last = text.chars().count().saturating_sub(1);
    let mut escaped = String::with_capacity(text.len());
    for (at, c) in text.chars().enumerate() {
        let special = match c {
            ',' | '+' | '"' | '\\' | '<' | '>' | ';' => true,
            ' ' => at == 0 || at == last,
            '#' => at == 0,
            _ => false,
        };
        // Writing to a string cannot fail.
        let _ = if special { write!(escaped, "\\{c}") } else { write!(escaped, "{c}") };
    }
    escaped
}
