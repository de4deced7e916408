//! What `==` means.

use crate::convert::{conforms, same_type};
use crate::types::Type;
use crate::value::{Refinements, Value, ValueKind};

/// Whether two values are the same: a bool, unknown where that depends on what is not known yet. Null equals null of
/// any type; values of different types are never equal.
pub fn equal(left: &Value, right: &Value) -> Value {
    let marks = left.marks_deep().union(right.marks_deep());
    match decide(left, right) {
        Some(result) => Value::bool(result),
        None => Value::unknown_not_null(Type::Bool),
    }
    .with_marks(marks)
}

/// Whether a list, set or tuple has an element equal to `wanted`: a bool, unknown where that depends on what is not
/// known yet. None if it is something else.
pub fn contains(collection: &Value, wanted: &Value) -> Option<Value> {
    let marks = collection.marks_deep().union(wanted.marks_deep());
    let result = match collection.kind() {
        ValueKind::Unknown(Type::List(_) | Type::Set(_) | Type::Tuple(_) | Type::Dynamic, _) => None,
        _ => {
            let mut result = Some(false);
            for item in collection.as_slice()? {
                match decide(item, wanted) {
                    Some(true) => {
                        result = Some(true);
                        break;
                    }
                    Some(false) => {}
                    None => result = None,
                }
            }
            result
        }
    };
    Some(result.map_or_else(|| Value::unknown_not_null(Type::Bool), Value::bool).with_marks(marks))
}

/// Whether two values are equal; none where it is not known.
fn decide(left: &Value, right: &Value) -> Option<bool> {
    let alike = match (left.kind(), right.kind()) {
        (ValueKind::List(a, _), ValueKind::List(b, _))
        | (ValueKind::Set(a, _), ValueKind::Set(b, _))
        | (ValueKind::Map(a, _), ValueKind::Map(b, _)) => same_type(a, b) && !a.has_dynamic(),
        (ValueKind::Tuple(_), ValueKind::Tuple(_)) | (ValueKind::Object(_), ValueKind::Object(_)) => false,
        // Null, unknown and primitive values, and kinds that have nothing in common, need no look at types.
        _ => true,
    };
    if !alike {
        let (a, b) = (left.ty(), right.ty());
        if has_open_type(left) || has_open_type(right) {
            // What is open may become the same, unless neither type has room for the other.
            let impossible = !conforms(&a, &b).is_empty() && !conforms(&b, &a).is_empty();
            return impossible.then_some(false);
        }
        if !same_type(&a, &b) {
            return Some(false);
        }
    }
    compare(left, right)
}

/// Whether two values are equal, which are of one type if they are collections, tuples or objects.
fn compare(left: &Value, right: &Value) -> Option<bool> {
    match (left.is_null(), right.is_null()) {
        (true, true) => return Some(true),
        (true, false) => return right.is_definitely_not_null().then_some(false),
        (false, true) => return left.is_definitely_not_null().then_some(false),
        (false, false) => {}
    }
    match (left.kind(), right.kind()) {
        (ValueKind::Unknown(..), ValueKind::Unknown(..)) => None,
        (ValueKind::Unknown(ty, known), _) => excludes(ty, known.as_deref(), right).then_some(false),
        (_, ValueKind::Unknown(ty, known)) => excludes(ty, known.as_deref(), left).then_some(false),
        (ValueKind::Bool(a), ValueKind::Bool(b)) => Some(a == b),
        (ValueKind::Number(a), ValueKind::Number(b)) => Some(a == b),
        (ValueKind::String(a), ValueKind::String(b)) => Some(a == b),
        (ValueKind::List(_, a), ValueKind::List(_, b)) if a.len() != b.len() => Some(false),
        (ValueKind::List(_, a), ValueKind::List(_, b)) | (ValueKind::Tuple(a), ValueKind::Tuple(b)) => {
            in_order(a, b)
        }
        (ValueKind::Map(_, a), ValueKind::Map(_, b)) if !a.keys().eq(b.keys()) => Some(false),
        (ValueKind::Map(_, a), ValueKind::Map(_, b)) | (ValueKind::Object(a), ValueKind::Object(b)) => {
            all(a.values().zip(b.values()))
        }
        (ValueKind::Set(_, a), ValueKind::Set(_, b)) => {
            if a.iter().chain(b.iter()).any(|item| !item.is_known()) {
                return None;
            }
            // Both are in the same order, so equal sets are equal element by element. Elements that hold something
            // unknown are equal to none.
            Some(a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| compare(a, b) == Some(true)))
        }
        _ => Some(false),
    }
}

/// Element after element: the first that is not equal decides, and the first that is not known leaves it open.
fn in_order(x: &[Value], y: &[Value]) -> Option<bool> {
    for (a, b) in x.iter().zip(y) {
        match compare(a, b) {
            Some(true) => {}
            other => return other,
        }
    }
    Some(true)
}

/// Without an order: any pair that is not equal decides.
fn all<'a>(pairs: impl Iterator<Item = (&'a Value, &'a Value)>) -> Option<bool> {
    let mut result = Some(true);
    for (a, b) in pairs {
        match compare(a, b) {
            Some(false) => return Some(false),
            Some(true) => {}
            None => result = None,
        }
    }
    result
}

/// Whether anything in a value has a type that is not known yet. Null without a type counts as known.
fn has_open_type(value: &Value) -> bool {
    match value.kind() {
        ValueKind::Unknown(ty, _) => ty.has_dynamic(),
        ValueKind::List(_, items) | ValueKind::Set(_, items) | ValueKind::Tuple(items) => {
            items.iter().any(has_open_type)
        }
        ValueKind::Map(_, entries) => entries.values().any(has_open_type),
        ValueKind::Object(attributes) => attributes.values().any(has_open_type),
        _ => false,
    }
}

/// Whether an unknown value of a type, of which so much is known, cannot be this known one, which is not null.
fn excludes(ty: &Type, known: Option<&Refinements>, value: &Value) -> bool {
    if !conforms(&value.ty(), ty).is_empty() {
        return !(ty.has_dynamic() || has_open_type(value)) || !conforms(ty, &value.ty()).is_empty();
    }
    let Some(known) = known else { return false };
    match value.kind() {
        ValueKind::String(text) => !text.starts_with(&*known.string_prefix),
        ValueKind::Number(n) => {
            let below = known.number_min.as_ref().is_some_and(|(min, incl)| n < min || (n == min && !incl));
            let above = known.number_max.as_ref().is_some_and(|(max, incl)| n > max || (n == max && !incl));
            below || above
        }
        _ => match value.known_length() {
            Some(length) => length < known.length_min || known.length_max.is_some_and(|max| length > max),
            None => false,
        },
    }
}
