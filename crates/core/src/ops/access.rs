//! Elements and attributes: `a[k]`, `a.b`, and how many there are.

use super::{OpError, Operand};
use crate::convert::convert;
use crate::number::Number;
use crate::types::Type;
use crate::value::{Refinements, Value, ValueKind, quoted};

/// The greatest length that Terraform can speak of, the upper bound of every length.
const MAX_LENGTH: u64 = i64::MAX as u64;

/// `collection[key]`
pub fn index(collection: &Value, key: &Value) -> Result<Value, OpError> {
    const NO_SUCH: &str = "The given key does not identify an element in this collection value";
    let invalid = |message: String| Err(OpError::new("Invalid index", message, Operand::Whole));
    if collection.is_null() {
        let message = "This value is null, so it does not have any indices.";
        return Err(OpError::new("Attempt to index null value", message, Operand::Whole));
    }
    if key.is_null() {
        return invalid("Can't use a null value as an indexing key.".into());
    }
    let ty = shallow_type(collection);
    if matches!(ty, Shape::Dynamic) || matches!(key.kind(), ValueKind::Unknown(Type::Dynamic, _)) {
        return Ok(Value::unknown(Type::Dynamic).with_marks(collection.marks()));
    }
    let wanted = match ty {
        Shape::List(_) | Shape::Tuple(_) => Type::Number,
        Shape::Map(_) | Shape::Object => Type::String,
        Shape::Set => {
            return invalid(
                "Elements of a set are identified only by their value and don't have any separate index or key to \
                 select with, so it's only possible to perform operations across all elements of the set."
                    .into(),
            );
        }
        Shape::Dynamic | Shape::Primitive => return invalid("This value does not have any indices.".into()),
    };
    let given = key;
    let key = match convert(key, &wanted) {
        Ok(key) => key,
        Err(error) => return invalid(format!("{NO_SUCH}: {error}.")),
    };
    let unknown = |ty: &Type| Ok(Value::unknown(ty.clone()).with_marks(collection.marks()));
    let marks = collection.marks().union(key.marks());
    match (&ty, key.kind()) {
        (Shape::List(element), ValueKind::Number(n)) => match collection.as_slice() {
            None => unknown(element),
            Some(items) => match element_at(items, n) {
                Some(item) => Ok(item.clone().with_marks(marks)),
                None => invalid(no_element_at(NO_SUCH, n, items.len())),
            },
        },
        (&Shape::Tuple(length), ValueKind::Number(n)) => {
            let element = match collection.kind() {
                ValueKind::Unknown(Type::Tuple(types), _) => {
                    n.to_usize().and_then(|i| types.get(i)).map(|ty| Value::unknown(ty.clone()))
                }
                _ => collection.as_slice().and_then(|items| element_at(items, n)).cloned(),
            };
            match element {
                Some(element) => Ok(element.with_marks(marks)),
                None => invalid(no_element_at(NO_SUCH, n, length)),
            }
        }
        (Shape::Map(element), ValueKind::String(name)) => match collection.as_map() {
            None => unknown(element),
            Some(entries) => match entries.get(name) {
                Some(entry) => Ok(entry.clone().with_marks(marks)),
                None => invalid(format!("{NO_SUCH}.")),
            },
        },
        (Shape::Object, ValueKind::String(name)) => match attribute(collection, name) {
            Some(attribute) => Ok(attribute),
            None => {
                let numeric = matches!(given.kind(), ValueKind::Number(_));
                let hint = " An object only supports looking up attributes by name, not by numeric index.";
                invalid(format!("{NO_SUCH}.{}", if numeric { hint } else { "" }))
            }
        },
        (Shape::List(element) | Shape::Map(element), _) => unknown(element),
        _ => Ok(Value::unknown(Type::Dynamic).with_marks(collection.marks())),
    }
}

fn element_at<'a>(items: &'a [Value], n: &Number) -> Option<&'a Value> {
    items.get(n.to_usize()?)
}

fn no_element_at(no_such: &str, n: &Number, length: usize) -> String {
    let why = if !n.is_integer() && !n.is_infinite() {
        "indexing a sequence requires a whole number, but the given index has a fractional part"
    } else if n.signum() < 0 {
        "a negative number is not a valid index for a sequence"
    } else if length == 0 {
        "the collection has no elements"
    } else {
        "the given index is greater than or equal to the length of the collection"
    };
    format!("{no_such}: {why}.")
}

/// `object.name`
pub fn get_attr(object: &Value, name: &str) -> Result<Value, OpError> {
    let unsupported = |message: String| Err(OpError::new("Unsupported attribute", message, Operand::Whole));
    if object.is_null() {
        let message = "This value is null, so it does not have any attributes.";
        return Err(OpError::new("Attempt to get attribute from null value", message, Operand::Whole));
    }
    let unknown = |ty: &Type| Ok(Value::unknown(ty.clone()).with_marks(object.marks()));
    let elements_have =
        |element: &Type| matches!(element, Type::Object(o) if o.attributes.contains_key(name));
    match shallow_type(object) {
        Shape::Object => match attribute(object, name) {
            Some(attribute) => Ok(attribute),
            None => unsupported(format!("This object does not have an attribute named {}.", quoted(name))),
        },
        Shape::Map(element) => match object.as_map() {
            None => unknown(element),
            Some(entries) => match entries.get(name) {
                Some(entry) => Ok(entry.clone().with_marks(object.marks())),
                None => {
                    let message = format!("This map does not have an element with the key {}.", quoted(name));
                    Err(OpError::new("Missing map element", message, Operand::Whole))
                }
            },
        },
        Shape::Dynamic => unknown(&Type::Dynamic),
        Shape::List(element @ Type::Object(_)) => {
            let which = if elements_have(element) {
                format!("attribute {}", quoted(name))
            } else {
                "an attribute".to_owned()
            };
            unsupported(format!(
                "Can't access attributes on a list of objects. Did you mean to access {which} for a specific element \
                 of the list, or across all elements of the list?"
            ))
        }
        Shape::Set if matches!(object.ty().element(), Some(Type::Object(_))) => unsupported(
            "Can't access attributes on a set of objects. Did you mean to access an attribute across all elements of \
             the set?"
                .into(),
        ),
        Shape::Primitive => unsupported(format!(
            "Can't access attributes on a primitive-typed value ({}).",
            object.ty().friendly_name()
        )),
        _ => unsupported("This value does not have any attributes.".into()),
    }
}

/// An attribute of an object, known or not; none if it has no such.
fn attribute(object: &Value, name: &str) -> Option<Value> {
    let attribute = match object.kind() {
        ValueKind::Object(attributes) => attributes.get(name)?.clone(),
        ValueKind::Unknown(Type::Object(ty), _) => Value::unknown(ty.attributes.get(name)?.clone()),
        _ => return None,
    };
    Some(attribute.with_marks(object.marks()))
}

/// The number of elements of a list, set, map or tuple, unknown but within bounds where they are not all known. None
/// for null and for anything else.
pub fn length(collection: &Value) -> Option<Value> {
    let length = match collection.kind() {
        ValueKind::Unknown(Type::Tuple(types), _) => Value::number(types.len()),
        ValueKind::Unknown(Type::List(_) | Type::Set(_) | Type::Map(_), known) => {
            let known = known.as_deref();
            let min = known.map_or(0, |k| k.length_min);
            between(min, known.and_then(|k| k.length_max).unwrap_or(MAX_LENGTH))
        }
        ValueKind::Unknown(Type::Dynamic, _) => Value::unknown_not_null(Type::Number),
        ValueKind::Set(_, items) if collection.known_length().is_none() => between(1, items.len() as u64),
        _ => Value::number(collection.known_length()?),
    };
    Some(length.with_marks(collection.marks()))
}

fn between(min: u64, max: u64) -> Value {
    let bound = |n: u64| Some((Number::from(n), true));
    let known = Refinements { number_min: bound(min), number_max: bound(max), ..Refinements::not_null() };
    Value::refined(Type::Number, known)
}

/// A type as far as access to it goes, without building the types of all elements.
enum Shape<'a> {
    List(&'a Type),
    Map(&'a Type),
    Set,
    /// Of that length.
    Tuple(usize),
    Object,
    Primitive,
    Dynamic,
}

fn shallow_type(value: &Value) -> Shape<'_> {
    match value.kind() {
        ValueKind::List(element, _) => Shape::List(element),
        ValueKind::Map(element, _) => Shape::Map(element),
        ValueKind::Set(..) => Shape::Set,
        ValueKind::Tuple(items) => Shape::Tuple(items.len()),
        ValueKind::Object(_) => Shape::Object,
        ValueKind::Bool(_) | ValueKind::Number(_) | ValueKind::String(_) => Shape::Primitive,
        ValueKind::Unknown(ty, _) | ValueKind::Null(ty) => match ty {
            Type::Dynamic => Shape::Dynamic,
            Type::Bool | Type::Number | Type::String => Shape::Primitive,
            Type::List(element) => Shape::List(element),
            Type::Set(_) => Shape::Set,
            Type::Map(element) => Shape::Map(element),
            Type::Tuple(types) => Shape::Tuple(types.len()),
            Type::Object(_) => Shape::Object,
        },
    }
}
