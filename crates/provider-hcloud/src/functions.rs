//! The provider's functions. Both are about names and records of DNS, and answer as the published provider's do.

use std::collections::BTreeMap;
use std::sync::Arc;

use ferroform_core::function::{Function, FunctionError, Parameter};
use ferroform_core::{Type, Value};

/// The longest string in a TXT record, in bytes (RFC 1035, section 3.3).
const TXT_STRING: usize = 255;

/// What a label in Punycode begins with (RFC 5890, section 2.3.2.1).
const ACE_PREFIX: &str = "xn--";

/// The longest text that is taken for a domain name, in bytes. In ASCII a name has at most 255 (RFC 1035, section 2.3.4),
/// at least one for each of its characters, and none of those has more than four bytes.
const LONGEST_DOMAIN: usize = 4 * 255;

/// The functions, by name.
pub(crate) fn declarations() -> BTreeMap<Arc<str>, Function> {
    let text = |name: &str, description: &str| Parameter::new(name, Type::String).describe(description);
    BTreeMap::from([
        (
            "idna".into(),
            Function::new([text("domain", "The domain name to convert.")], Type::String).describe(
                "Converts an internationalised domain name to ASCII",
                "Writes each label of the domain name that is not ASCII in Punycode, as the DNS has it. Letters are taken as \
                 they are: none becomes a small one.",
            ),
        ),
        (
            "txt_record".into(),
            Function::new([text("record", "The text of the record.")], Type::String).describe(
                "Writes the value of a TXT record",
                "Cuts the text into strings of at most 255 bytes and puts each into quotes. Quotes in the text are escaped.",
            ),
        ),
    ])
}

/// Calls a function, see [`ferroform_provider::Provider::call_function`].
pub(crate) fn call(name: &str, arguments: &[Value]) -> Result<Value, FunctionError> {
    match (name, arguments) {
        ("idna", [domain]) => {
            to_ascii(domain.as_str().unwrap_or_default()).map(|name| Value::string_normalised(&name))
        }
        ("txt_record", [record]) => Ok(Value::string(txt_record(record.as_str().unwrap_or_default()))),
        _ => Err(FunctionError::failed(format!("the hcloud provider has no function {name:?}"))),
    }
}

fn to_ascii(domain: &str) -> Result<String, FunctionError> {
    if domain.len() > LONGEST_DOMAIN {
        return Err(FunctionError::argument(
            0,
            format!("failed to convert domain to ASCII: no domain name is {} bytes long", domain.len()),
        ));
    }
    let labels: Result<Vec<String>, FunctionError> = domain.split('.').map(label).collect();
    Ok(labels?.join("."))
}

/// A label in ASCII. One in Punycode is read and written again, which finds what is none.
fn label(label: &str) -> Result<String, FunctionError> {
    let invalid =
        || FunctionError::argument(0, format!("failed to convert domain to ASCII: invalid label {label:?}"));
    let unicode = match label.strip_prefix(ACE_PREFIX) {
        Some(encoded) => {
            idna::punycode::decode_to_string(encoded).filter(|s| !s.is_ascii()).ok_or_else(invalid)?
        }
        None if label.is_ascii() => return Ok(label.to_owned()),
        None => label.to_owned(),
    };
    let encoded = idna::punycode::encode_str(&unicode).ok_or_else(invalid)?;
    Ok(format!("{ACE_PREFIX}{encoded}"))
}

/// Quotes are escaped before the text is cut, so that a string has at most 255 bytes as it is written. No cut goes
/// through a character or between a backslash and what it escapes, which would not be the same text any more.
fn txt_record(record: &str) -> String {
    let escaped = record.replace('"', "\\\"");
    let mut rest = escaped.as_str();
    let mut strings = Vec::with_capacity(rest.len() / TXT_STRING + 1);
    while !rest.is_empty() {
        let (string, behind) = rest.split_at(cut(rest));
        strings.push(format!("\"{string}\""));
        rest = behind;
    }
    strings.join(" ")
}

/// Where to cut a text that is not empty.
fn cut(text: &str) -> usize {
    if text.len() <= TXT_STRING {
        return text.len();
    }
    let mut at = TXT_STRING;
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    let backslashes = text.as_bytes()[..at].iter().rev().take_while(|byte| **byte == b'\\').count();
    // Two by two they stand for themselves; the last of an odd number escapes what follows.
    at - backslashes % 2
}

#[cfg(test)]
mod tests {
    use super::*;

    fn called(name: &str, argument: &str) -> Result<String, String> {
        let value = call(name, &[Value::string(argument)]).map_err(|error| error.message)?;
        Ok(value.as_str().unwrap_or_default().to_owned())
    }

    #[test]
    fn a_domain_name_is_written_in_punycode_label_by_label() {
        for (domain, want) in [
            ("example.com", "example.com"),
            ("", ""),
            ("Example.COM.", "Example.COM."),
            ("a..b", "a..b"),
            // The published provider's example.
            ("exämple-🍪.com", "xn--exmple--6wa71795i.com"),
            // RFC 3492, section 7.1: (B), (L), (P), the last with its capitals kept.
            ("他们为什么不说中文", "xn--ihqwcrb4cv8a8dqg056pqjye"),
            ("3年B組金八先生.example", "xn--3B-ww4c5e180e575a65lsy2b.example"),
            ("MajiでKoiする5秒前", "xn--MajiKoi5-783gue6qz075azm5e"),
            ("www.bücher.example.", "www.xn--bcher-kva.example."),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ] {
            assert_eq!(called("idna", domain).as_deref(), Ok(want), "{domain}");
        }
    }

    #[test]
    fn a_label_that_only_looks_like_punycode_is_refused() {
        for label in ["xn--", "xn--abc-", "xn--a b", "xn--99999999999", "xn--ü"] {
            assert_eq!(
                called("idna", &format!("www.{label}.example")),
                Err(format!("failed to convert domain to ASCII: invalid label {label:?}"))
            );
        }
        let error = call("idna", &[Value::string("ü".repeat(600))]).unwrap_err();
        assert_eq!(error.argument, Some(0));
        assert!(error.message.ends_with("no domain name is 1200 bytes long"), "{error}");
    }

    #[test]
    fn the_text_of_a_record_is_quoted_in_strings_of_255_bytes() {
        let a = |n: usize| "a".repeat(n);
        for (record, want) in [
            (String::new(), String::new()),
            ("hello world".into(), "\"hello world\"".into()),
            ("hello \"world\"".into(), r#""hello \"world\"""#.into()),
            (a(255), format!("\"{}\"", a(255))),
            (a(256), format!("\"{}\" \"a\"", a(255))),
            (a(600), format!("\"{0}\" \"{0}\" \"{1}\"", a(255), a(90))),
            // Escapes count.
            (format!("\"{}", a(254)), format!("\"\\\"{}\" \"a\"", a(253))),
            // Neither an escape nor a character is cut in two.
            (format!("{}\"b", a(254)), format!("\"{}\" \"\\\"b\"", a(254))),
            (format!("{}üb", a(254)), format!("\"{}\" \"üb\"", a(254))),
            // A backslash that is escaped itself is an end like any other.
            (format!("{}\\\\b", a(253)), format!("\"{}\\\\\" \"b\"", a(253))),
        ] {
            assert_eq!(called("txt_record", &record).as_deref(), Ok(&*want), "{record}");
        }
    }
}
