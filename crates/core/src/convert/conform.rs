//! Whether types are the same, or one is allowed by another.

use std::sync::Arc;

use super::ConvertError;
use crate::path::{AttrPath, Step};
use crate::types::Type;
use crate::value::{Value, ValueKind, quoted};

/// Whether two types are the same when nothing in them counts as optional.
pub fn same_type(a: &Type, b: &Type) -> bool {
    match (a, b) {
        (Type::List(a), Type::List(b)) | (Type::Set(a), Type::Set(b)) | (Type::Map(a), Type::Map(b)) => {
            Arc::ptr_eq(a, b) || same_type(a, b)
        }
        (Type::Tuple(a), Type::Tuple(b)) => {
            Arc::ptr_eq(a, b) || a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| same_type(a, b))
        }
        (Type::Object(a), Type::Object(b)) => {
            Arc::ptr_eq(a, b)
                || a.attributes.len() == b.attributes.len()
                    && a.attributes
                        .iter()
                        .zip(b.attributes.iter())
                        .all(|((n, a), (m, b))| n == m && same_type(a, b))
        }
        (a, b) => a == b,
    }
}

/// In what a type departs from another that may leave parts open with [`Type::Dynamic`]; empty when it conforms.
pub fn conforms(given: &Type, want: &Type) -> Vec<ConvertError> {
    let mut found = Vec::new();
    compare(given, want, &mut AttrPath::root(), &mut found);
    found
}

/// Whether the type of a value conforms to a type, without making the type of a large value.
pub fn value_conforms(value: &Value, want: &Type) -> bool {
    match (value.kind(), want) {
        (ValueKind::Object(given), Type::Object(want)) => {
            given.len() == want.attributes.len()
                && given
                    .iter()
                    .zip(&want.attributes)
                    .all(|((given, value), (want, ty))| given == want && value_conforms(value, ty))
        }
        _ => conforms(&value.ty(), want).is_empty(),
    }
}

fn compare(given: &Type, want: &Type, path: &mut AttrPath, found: &mut Vec<ConvertError>) {
    if *want == Type::Dynamic || same_type(given, want) {
        return;
    }
    let mut inner = |step: Step, given: &Type, want: &Type, found: &mut Vec<ConvertError>| {
        path.0.push(step);
        compare(given, want, path, found);
        path.0.pop();
    };
    let message = match (given, want) {
        (Type::Object(given), Type::Object(want)) => {
            for name in given.attributes.keys().filter(|n| !want.attributes.contains_key(*n)) {
                let message = format!("unsupported attribute {}", quoted(name));
                found.push(ConvertError { path: path.clone(), message });
            }
            for (name, want) in &want.attributes {
                match given.attributes.get(name) {
                    Some(given) => {
                        path.0.push(Step::Attr(name.clone()));
                        compare(given, want, path, found);
                        path.0.pop();
                    }
                    None => {
                        let message = format!("missing required attribute {}", quoted(name));
                        found.push(ConvertError { path: path.clone(), message });
                    }
                }
            }
            return;
        }
        (Type::Tuple(given), Type::Tuple(want)) if given.len() == want.len() => {
            for (i, (given, want)) in given.iter().zip(want.iter()).enumerate() {
                inner(Step::Index(Value::number(i)), given, want, found);
            }
            return;
        }
        (Type::Tuple(given), Type::Tuple(want)) => {
            format!("{} elements are required, but got {}", want.len(), given.len())
        }
        (Type::List(given), Type::List(want)) => {
            return inner(Step::Index(Value::unknown(Type::Number)), given, want, found);
        }
        (Type::Map(given), Type::Map(want)) => {
            return inner(Step::Index(Value::unknown(Type::String)), given, want, found);
        }
        (Type::Set(given), Type::Set(want)) => {
            return inner(Step::Index(Value::unknown(Type::clone(given))), given, want, found);
        }
        (given, want) => format!("{} required, but have {}", want.friendly_name(), given.friendly_name()),
    };
    found.push(ConvertError { path: path.clone(), message });
}
