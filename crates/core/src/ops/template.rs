//! String templates: `"a${b}c"`.

use super::{OpError, Operand};
use crate::convert::convert;
use crate::types::Type;
use crate::value::{Marks, Refinements, Value};

const INVALID: &str = "Invalid template interpolation value";

/// The parts of a template as one string, or what is wrong with each of them. When a part is unknown, what comes before
/// it is known to be in front. (A template that is a single interpolation is that value itself, and not for here.)
pub fn template(parts: &[Value]) -> Result<Value, Vec<OpError>> {
    let mut errors = Vec::new();
    let mut marks = Marks::NONE;
    let mut text = String::new();
    let mut known = true;
    for (i, part) in parts.iter().enumerate() {
        marks = marks.union(part.marks());
        if part.is_null() {
            let message = "The expression result is null. Cannot include a null value in a string template.";
            errors.push(OpError::new(INVALID, message, Operand::Part(i)));
            continue;
        }
        if !part.is_known() {
            known = false;
            continue;
        }
        match convert(part, &Type::String) {
            Ok(part) if known => text.push_str(part.as_str().unwrap_or_default()),
            Ok(_) => {}
            Err(error) => {
                let message = format!("Cannot include the given value in a string template: {error}.");
                errors.push(OpError::new(INVALID, message, Operand::Part(i)));
            }
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let result = if known {
        // Two parts in NFC need not be in NFC together.
        Value::string_normalised(&text)
    } else {
        Value::refined(Type::String, Refinements::not_null().with_string_prefix(&text))
    };
    Ok(result.with_marks(marks))
}

/// The results of a `%{ for }` in a template, one after the other.
pub fn template_join(items: &Value) -> Result<Value, Vec<OpError>> {
    let mut marks = items.marks();
    let mut errors = Vec::new();
    let mut text = String::new();
    let mut known = items.is_known();
    for item in items.as_slice().unwrap_or_default() {
        marks = marks.union(item.marks());
        if item.is_null() {
            let message = "An iteration result is null. Cannot include a null value in a string template.";
            errors.push(OpError::new(INVALID, message, Operand::Whole));
            continue;
        }
        known &= item.is_known();
        match convert(item, &Type::String) {
            Ok(item) => text.push_str(item.as_str().unwrap_or_default()),
            Err(error) => {
                let message = format!(
                    "Cannot include one of the interpolation results into the string template: {error}."
                );
                errors.push(OpError::new(INVALID, message, Operand::Whole));
            }
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let result = if known { Value::string_normalised(&text) } else { Value::unknown(Type::String) };
    Ok(result.with_marks(marks))
}
