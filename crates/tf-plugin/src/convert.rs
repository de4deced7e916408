//! Between the messages of the protocol and the types of the crate `core`.

use ferroform_core::wire::{WireError, from_json};
use ferroform_core::{AttrPath, Diagnostic, Diagnostics, Severity, Step, Type, Value};
use serde_json::Value as Json;

use crate::msgpack;
use crate::proto::{self, AttributePathStep, DynamicValue, Selector};

/// The value of a type that a message holds; null if it holds none.
///
/// # Errors
/// When the bytes do not hold a value of that type.
pub(crate) fn value(message: Option<&DynamicValue>, ty: &Type) -> Result<Value, WireError> {
    match message {
        Some(message) if !message.msgpack.is_empty() => msgpack::decode(&message.msgpack, ty),
        Some(message) if !message.json.is_empty() => {
            let json: Json = serde_json::from_slice(&message.json)
                .map_err(|e| WireError { path: AttrPath::root(), message: e.to_string() })?;
            from_json(&json, ty)
        }
        _ => Ok(Value::null(ty.clone())),
    }
}

/// The value as a message.
///
/// # Errors
/// When it is not of the type.
pub(crate) fn dynamic(value: &Value, ty: &Type) -> Result<DynamicValue, WireError> {
    Ok(DynamicValue { msgpack: msgpack::encode(value, ty)?, json: Vec::new() })
}

/// Diagnostics as messages. Hints become the last paragraphs of the detail.
pub(crate) fn diagnostics(all: Diagnostics) -> Vec<proto::Diagnostic> {
    all.into_iter().map(diagnostic).collect()
}

fn diagnostic(diagnostic: Diagnostic) -> proto::Diagnostic {
    let severity = match diagnostic.severity {
        Severity::Error => proto::Severity::Error,
        Severity::Warning => proto::Severity::Warning,
    };
    let mut detail = diagnostic.detail;
    for hint in &diagnostic.hints {
        if !detail.is_empty() {
            detail.push_str("\n\n");
        }
        detail.push_str(hint);
    }
    proto::Diagnostic {
        severity: severity.into(),
        summary: diagnostic.summary.into_owned(),
        detail,
        attribute: diagnostic.attribute.as_ref().filter(|path| !path.is_root()).map(path),
    }
}

/// A path as a message. It ends before the first element of a set, which the protocol has no step for.
pub(crate) fn path(path: &AttrPath) -> proto::AttributePath {
    let step = |step: &Step| {
        Some(match step {
            Step::Attr(name) => Selector::AttributeName(name.to_string()),
            Step::Index(key) => match (key.as_str(), key.as_number()) {
                (Some(key), _) => Selector::ElementKeyString(key.to_owned()),
                (_, Some(index)) => Selector::ElementKeyInt(index.to_i64()?),
                _ => return None,
            },
        })
    };
    let steps = path.steps().iter().map_while(step);
    proto::AttributePath { steps: steps.map(|s| AttributePathStep { selector: Some(s) }).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_ends_before_an_element_of_a_set() {
        let into_list = AttrPath::attr("rule").with_index(1).with_attr("ports").with_key("a");
        let names =
            |path: &AttrPath| super::path(path).steps.into_iter().map(|s| s.selector).collect::<Vec<_>>();
        assert_eq!(
            names(&into_list),
            [
                Some(Selector::AttributeName("rule".into())),
                Some(Selector::ElementKeyInt(1)),
                Some(Selector::AttributeName("ports".into())),
                Some(Selector::ElementKeyString("a".into())),
            ]
        );
        let into_set = AttrPath::attr("rule").with_step(Step::Index(Value::empty_object())).with_attr("port");
        assert_eq!(names(&into_set), [Some(Selector::AttributeName("rule".into()))]);
    }

    #[test]
    fn hints_are_told_after_the_detail() {
        let told = diagnostic(Diagnostic::warning("Slow").detail("It is.").hint("Wait.").hint("Or not."));
        assert_eq!(told.severity(), proto::Severity::Warning);
        assert_eq!((told.summary.as_str(), told.detail.as_str()), ("Slow", "It is.\n\nWait.\n\nOr not."));
        assert_eq!(told.attribute, None);
    }

    #[test]
    fn a_value_is_read_from_either_encoding_and_is_null_without() {
        let ty = Type::list(Type::Number);
        let list = Value::list(Type::Number, [Value::number(1), Value::number(300)]);
        let packed = dynamic(&list, &ty).unwrap();
        assert_eq!(value(Some(&packed), &ty), Ok(list.clone()));
        let json = DynamicValue { msgpack: Vec::new(), json: b"[1, 300]".to_vec() };
        assert_eq!(value(Some(&json), &ty), Ok(list));
        assert_eq!(value(None, &ty), Ok(Value::null(ty.clone())));
        assert_eq!(value(Some(&DynamicValue::default()), &ty), Ok(Value::null(ty)));
    }
}
