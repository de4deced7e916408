//! JSON texts that are carried along without being taken apart.

use std::fmt;
use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// Deepest nesting that is accepted; `serde_json` itself reads no deeper values.
const MAX_DEPTH: usize = 120;

/// A JSON text without insignificant whitespace; cheap to clone.
///
/// Order of keys and spelling of numbers stay as they were, so that what was read is written back unchanged; strings are
/// escaped as Go does it, so that a value has the same text before it is written and after it was read. Equality is that
/// of the texts. The content does not show in `Debug`, since it may be secret.
#[derive(Clone)]
pub struct RawJson(Arc<RawValue>);

impl RawJson {
    /// The text of a value. One that is nested more than 120 levels deep, which nothing reads back, becomes `null`.
    pub fn from_value(value: &serde_json::Value) -> RawJson {
        Self::from_text(&value.to_string()).unwrap_or_else(|_| RawJson(RawValue::NULL.to_owned().into()))
    }

    /// Checks a text and takes it, without its insignificant whitespace.
    ///
    /// # Errors
    /// When the text is not one JSON value, or nested too deeply.
    pub fn from_text(text: &str) -> Result<RawJson, serde_json::Error> {
        Self::from_raw(serde_json::from_str(text)?)
    }

    fn from_raw(raw: &RawValue) -> Result<RawJson, serde_json::Error> {
        let text = canonical(raw.get()).ok_or_else(|| serde_json::Error::custom("nested too deeply"))?;
        Ok(RawJson(RawValue::from_string(text)?.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        self.0.get()
    }

    /// The value.
    pub fn to_value(&self) -> serde_json::Value {
        // Every way to make one checks syntax and depth, so that reading cannot fail.
        serde_json::from_str(self.0.get()).unwrap_or_default()
    }
}

/// The text without whitespace outside of strings, and with the escapes of Go inside; none when it is nested too deeply.
/// The text is valid JSON.
fn canonical(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut out = String::with_capacity(text.len());
    let mut depth = 0usize;
    // All before `start` is copied already, so that whole stretches are copied at once.
    let (mut start, mut at) = (0, 0);
    while let Some(b) = bytes.get(at) {
        match b {
            b'"' => {
                at += 1;
                // Up to the closing quote.
                while let Some(b) = bytes.get(at) {
                    match b {
                        b'"' => break,
                        b'\\' => at += 2,
                        b'<' | b'>' | b'&' | 0xe2 => match go_escape(&bytes[at..]) {
                            Some((escape, len)) => {
                                out.push_str(&text[start..at]);
                                out.push_str(escape);
                                at += len;
                                start = at;
                            }
                            None => at += 1,
                        },
                        _ => at += 1,
                    }
                }
                at += 1;
            }
            b'{' | b'[' => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return None;
                }
                at += 1;
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                at += 1;
            }
            b' ' | b'\n' | b'\r' | b'\t' => {
                out.push_str(&text[start..at]);
                let rest = &bytes[at..];
                at += rest
                    .iter()
                    .position(|b| !matches!(b, b' ' | b'\n' | b'\r' | b'\t'))
                    .unwrap_or(rest.len());
                start = at;
            }
            _ => at += 1,
        }
    }
    out.push_str(text.get(start..).unwrap_or_default());
    out.shrink_to_fit();
    Some(out)
}

/// How Go's `encoding/json` escapes the character at the start of `bytes` beyond what JSON demands, and how many bytes
/// the character has: `<`, `>` and `&` for HTML, U+2028 and U+2029 for JavaScript.
pub(crate) fn go_escape(bytes: &[u8]) -> Option<(&'static str, usize)> {
    match bytes {
        [b'<', ..] => Some(("\\u003c", 1)),
        [b'>', ..] => Some(("\\u003e", 1)),
        [b'&', ..] => Some(("\\u0026", 1)),
        [0xe2, 0x80, 0xa8, ..] => Some(("\\u2028", 3)),
        [0xe2, 0x80, 0xa9, ..] => Some(("\\u2029", 3)),
        _ => None,
    }
}

/// An empty object.
impl Default for RawJson {
    fn default() -> Self {
        Self::from_value(&serde_json::Value::Object(serde_json::Map::new()))
    }
}

impl PartialEq for RawJson {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.as_str() == other.as_str()
    }
}

impl Eq for RawJson {}

impl fmt::Debug for RawJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RawJson({} bytes)", self.as_str().len())
    }
}

impl Serialize for RawJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for RawJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        RawJson::from_raw(&raw).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whitespace_goes_and_everything_else_stays() {
        let raw = RawJson::from_text(" { \"b\" : [ 1.50 , \"a \\\" b\" ],\n\"a\":\t{ } } ").unwrap();
        assert_eq!(raw.as_str(), r#"{"b":[1.50,"a \" b"],"a":{}}"#);
    }

    #[test]
    fn strings_are_escaped_as_go_does_whatever_the_origin() {
        let value = serde_json::json!({ "<k>": "a & \u{2028} \\ é\"<" });
        let text = r#"{"\u003ck\u003e":"a \u0026 \u2028 \\ é\"\u003c"}"#;
        assert_eq!(RawJson::from_value(&value).as_str(), text);
        assert_eq!(RawJson::from_text(&value.to_string()).unwrap().as_str(), text);
        assert_eq!(RawJson::from_text(text).unwrap().as_str(), text);
        assert_eq!(RawJson::from_text(text).unwrap().to_value(), value);
    }

    #[test]
    fn nesting_is_bounded_and_what_is_accepted_can_be_read() {
        let nested = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        let deepest = RawJson::from_text(&nested(MAX_DEPTH)).unwrap();
        assert!(deepest.to_value().is_array());
        assert!(RawJson::from_text(&nested(MAX_DEPTH + 1)).is_err());
        assert!(RawJson::from_text("{").is_err());
    }

    #[test]
    fn content_does_not_show_in_debug() {
        let raw = RawJson::from_text("{\"password\":\"hunter2\"}").unwrap();
        assert_eq!(format!("{raw:?}"), "RawJson(22 bytes)");
    }
}
