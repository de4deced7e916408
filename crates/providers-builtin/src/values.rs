//! Reading and changing attributes of objects.
use ferroform_core::{AttrPath, Diagnostic, Value};

/// The attribute's text, if it is a known string.
pub(crate) fn text<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    object.get(name).and_then(Value::as_str)
}

/// The attribute's truth value, if it is a known bool.
pub(crate) fn flag(object: &Value, name: &str) -> Option<bool> {
    object.get(name).and_then(Value::as_bool)
}

/// The attribute's number, if it is a known whole one of 64 bits.
pub(crate) fn integer(object: &Value, name: &str) -> Option<i64> {
    object.get(name).and_then(Value::as_number).and_then(|n| n.to_i64())
}

/// Whether the attribute is missing or null.
pub(crate) fn is_null(object: &Value, name: &str) -> bool {
    object.get(name).is_none_or(Value::is_null)
}

/// Whether the attribute is unknown.
pub(crate) fn is_unknown(object: &Value, name: &str) -> bool {
    object.get(name).is_some_and(|v| !v.is_known())
}

/// The object with some attributes replaced.
pub(crate) fn with<'a>(object: &Value, changes: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    let mut attributes = object.as_map().cloned().unwrap_or_default();
    for (name, value) in changes {
        match attributes.get_mut(name) {
            Some(place) => *place = value,
            None => drop(attributes.insert(name.into(), value)),
        }
    }
    Value::from_attributes(attributes)
}

/// The texts of an attribute that is a list; what is null or unknown in it is left out.
pub(crate) fn texts<'a>(object: &'a Value, name: &str) -> Vec<&'a str> {
    let items = object.get(name).and_then(Value::as_slice).unwrap_or_default();
    items.iter().filter_map(Value::as_str).collect()
}

/// An error about one attribute.
pub(crate) fn attribute_error(name: &str, summary: &'static str, detail: impl Into<String>) -> Diagnostic {
    Diagnostic::error(summary).detail(detail).attribute(AttrPath::attr(name))
}

/// Reports a set number that is not whole; `None` lets it pass.
pub(crate) fn not_whole(object: &Value, name: &str) -> Option<Diagnostic> {
    let number = object.get(name).and_then(Value::as_number)?;
    if number.to_i64().is_some() {
        return None;
    }
    let detail = format!("The attribute {name} must be a whole number of at most 64 bits, got: {number}.");
    Some(attribute_error(name, "Invalid Attribute Value", detail))
}

/// Lowercase hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble & 15)]);
    bytes.iter().flat_map(|b| [digit(b >> 4), digit(*b)]).collect()
}
