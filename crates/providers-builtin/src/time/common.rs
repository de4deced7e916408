//! What the resources with times share.

use std::sync::Arc;

use ferroform_core::schema::Attribute;
use ferroform_core::{Diagnostic, Diagnostics, Type, Value};

use super::Moment;
use crate::clock::Clock;
use crate::values::{attribute_error, integer, is_null, is_unknown, not_whole, text};

/// The attributes that show the fields of a time.
pub(super) const FIELDS: [&str; 7] = ["year", "month", "day", "hour", "minute", "second", "unix"];

/// The attributes that show the fields of `what`, and the triggers.
pub(super) fn attributes(what: &str) -> Vec<(&'static str, Attribute)> {
    let field = |name: &str| Attribute::computed(Type::Number).describe(format!("The {name} of {what}."));
    let mut attributes: Vec<_> = FIELDS[..6].iter().map(|name| (*name, field(name))).collect();
    attributes.push((
        "unix",
        Attribute::computed(Type::Number).describe(format!("{what} in seconds since 1970 began, in UTC.")),
    ));
    attributes.push((
        "triggers",
        Attribute::optional(Type::map(Type::String))
            .force_new()
            .describe("Arbitrary values; when one of them changes, the resource is replaced."),
    ));
    attributes
}

/// The values of the attributes that show the fields of a time.
pub(super) fn fields(moment: Moment) -> impl Iterator<Item = (&'static str, Value)> {
    moment.fields().into_iter().map(|(name, number)| (name, Value::number(number)))
}

/// The time now.
pub(super) fn now(clock: &Arc<dyn Clock>) -> Result<Moment, Diagnostics> {
    Moment::of(clock.now()).ok_or_else(|| {
        Diagnostic::error("Clock out of range")
            .detail("The system's clock tells a time that RFC 3339 cannot write. Set it, and try again.")
            .into()
    })
}

/// The configured time, if it is known; an error if it is none.
pub(super) fn time(object: &Value, name: &'static str) -> Result<Option<Moment>, Diagnostics> {
    let Some(given) = text(object, name) else { return Ok(None) };
    Moment::parse(given).map(Some).ok_or_else(|| {
        let detail = format!(
            "The attribute {name} must be a time of RFC 3339 (\"2020-02-12T06:36:13Z\"), got: {given:?}."
        );
        attribute_error(name, "Invalid RFC3339 String", detail).into()
    })
}

/// Reports a sum that is out of range.
pub(super) fn out_of_range(name: &'static str) -> Diagnostics {
    let detail = format!(
        "The time with {name} added is before the year 0 or after the year 9999. Choose a smaller number."
    );
    attribute_error(name, "Invalid Attribute Value", detail).into()
}

/// Checks numbers of which at least one must be set, or one of `or`; none may be below `least`.
pub(super) fn check_numbers(
    config: &Value,
    numbers: &[&'static str],
    or: &[&'static str],
    least: Option<i64>,
) -> Diagnostics {
    let mut diagnostics: Diagnostics = numbers.iter().filter_map(|name| not_whole(config, name)).collect();
    for name in numbers {
        if let Some((number, least)) =
            integer(config, name).zip(least).filter(|(number, least)| number < least)
        {
            let detail = format!("The attribute {name} must be at least {least}, got: {number}.");
            diagnostics.push(attribute_error(name, "Invalid Attribute Value", detail));
        }
    }
    let all = || numbers.iter().chain(or);
    if all().all(|name| is_null(config, name) && !is_unknown(config, name)) {
        let list: Vec<&str> = all().copied().collect();
        let first = list.first().copied().unwrap_or_default();
        let detail = format!("At least one of the attributes {} must be set.", list.join(", "));
        diagnostics.push(attribute_error(first, "Missing Attribute Configuration", detail));
    }
    diagnostics
}

/// The numbers of an import id, where an empty one is not set.
pub(super) fn import_numbers(
    names: &[&'static str],
    parts: &[&str],
) -> Result<Vec<(&'static str, Value)>, String> {
    let given = names.iter().zip(parts).filter(|(_, part)| !part.is_empty());
    given
        .map(|(name, part)| match part.parse::<i64>() {
            Ok(number) => Ok((*name, Value::number(number))),
            Err(_) => Err(format!("{name} is not a whole number: {part:?}")),
        })
        .collect()
}

/// Triggers as an import leaves them: none.
pub(super) fn no_triggers() -> Value {
    Value::map(Type::String, Vec::<(Arc<str>, Value)>::new())
}

/// An error about an import id.
pub(super) fn bad_id(id: &str, why: &str, expected: &str) -> Diagnostics {
    Diagnostic::error("Unexpected Format of ID")
        .detail(format!("The import id {id:?} cannot be used: {why}. It must be {expected}."))
        .into()
}
