//! Values as JSON of a given type, in the form of Terraform's statefile.

use std::sync::Arc;

use serde_json::{Map, Number as JsonNumber, Value as Json};

use super::types::{type_from_json, type_to_json};
use super::{MAX_DEPTH, WireError, json_kind};
use crate::convert::convert;
use crate::number::Number;
use crate::path::{AttrPath, Step};
use crate::types::Type;
use crate::value::{Entries, Value, ValueKind};

/// The value as JSON of a type that it conforms to. Where the type is [`Type::Dynamic`], the value's own type is put
/// with it: `{"value":…,"type":…}`. An error for values that are unknown, marked or infinite, or of another type.
pub fn to_json(value: &Value, ty: &Type) -> Result<Json, WireError> {
    write(value, ty, &mut AttrPath::root())
}

fn write(value: &Value, ty: &Type, path: &mut AttrPath) -> Result<Json, WireError> {
    if !value.marks().is_empty() {
        return Err(WireError::new(path, "value has marks, so it cannot be serialized as JSON"));
    }
    if *ty == Type::Dynamic {
        let own = value.ty();
        if own != Type::Dynamic {
            let mut wrapped = Map::new();
            wrapped.insert("value".into(), write(value, &own, path)?);
            wrapped.insert("type".into(), type_to_json(&own));
            return Ok(Json::Object(wrapped));
        }
    }
    Ok(match (value.kind(), ty) {
        (ValueKind::Null(_), _) => Json::Null,
        (ValueKind::Unknown(..), _) => return Err(WireError::new(path, "value is not known")),
        (ValueKind::Bool(b), Type::Bool) => Json::Bool(*b),
        (ValueKind::String(s), Type::String) => Json::from(&**s),
        (ValueKind::Number(n), Type::Number) => {
            number_to_json(n).ok_or_else(|| WireError::new(path, "cannot serialize infinity as JSON"))?.into()
        }
        (ValueKind::List(..), Type::List(ty)) | (ValueKind::Set(..), Type::Set(ty)) => {
            let items = value.children().map(|(step, item)| at(path, step, |p| write(item, ty, p)));
            Json::Array(items.collect::<Result<_, _>>()?)
        }
        (ValueKind::Tuple(items), Type::Tuple(types)) if items.len() == types.len() => {
            let items = items.iter().zip(types.iter()).enumerate();
            let items = items.map(|(i, (item, ty))| at(path, index(i), |p| write(item, ty, p)));
            Json::Array(items.collect::<Result<_, _>>()?)
        }
        (ValueKind::Map(_, entries), Type::Map(ty)) => {
            let mut out = Map::with_capacity(entries.len());
            for (name, entry) in entries.iter() {
                let step = Step::Index(Value::string(name.clone()));
                out.insert(name.to_string(), at(path, step, |p| write(entry, ty, p))?);
            }
            Json::Object(out)
        }
        (ValueKind::Object(attributes), Type::Object(object))
            if attributes.keys().eq(object.attributes.keys()) =>
        {
            let mut out = Map::with_capacity(attributes.len());
            for ((name, attribute), ty) in attributes.iter().zip(object.attributes.values()) {
                let attribute = at(path, Step::Attr(name.clone()), |p| write(attribute, ty, p))?;
                out.insert(name.to_string(), attribute);
            }
            Json::Object(out)
        }
        _ => {
            let own = value.ty().friendly_name();
            return Err(WireError::new(
                path,
                format!("{} is required, but the value is {own}", ty.friendly_name()),
            ));
        }
    })
}

/// A number as JSON with all its digits; none for infinity.
pub fn number_to_json(n: &Number) -> Option<JsonNumber> {
    if n.is_zero() && n.is_sign_negative() {
        return serde_json::from_str("-0").ok();
    }
    match n.to_i64() {
        Some(i) => Some(i.into()),
        None => serde_json::from_str(&n.to_string()).ok(),
    }
}

/// The value of a type that JSON means. Numbers and bools may be written as strings and the other way round; missing
/// attributes are null, attributes that the type does not have an error.
pub fn from_json(json: &Json, ty: &Type) -> Result<Value, WireError> {
    read(json, ty, &mut AttrPath::root(), 0)
}

fn read(json: &Json, ty: &Type, path: &mut AttrPath, depth: usize) -> Result<Value, WireError> {
    if depth > MAX_DEPTH {
        return Err(WireError::new(path, "the value is nested too deeply"));
    }
    let needs = |path: &AttrPath, what: &str| {
        Err(WireError::new(path, format!("{what}, but found {}", json_kind(json))))
    };
    Ok(match (ty, json) {
        (Type::Dynamic, Json::Null) => Value::null_dynamic(),
        (_, Json::Null) => Value::null(ty.without_optional()),
        (Type::Dynamic, Json::Object(wrapped)) => {
            if let Some(key) = wrapped.keys().find(|key| !matches!(key.as_str(), "type" | "value")) {
                return Err(WireError::new(path, format!("invalid key {key:?} in dynamically-typed value")));
            }
            let missing = |what| WireError::new(path, format!("missing {what} in dynamically-typed value"));
            let ty = type_from_json(wrapped.get("type").ok_or_else(|| missing("type"))?)
                .map_err(|e| WireError::new(path, e.message))?;
            let value = wrapped.get("value").ok_or_else(|| missing("value"))?;
            read(value, &ty, path, depth + 1)?
        }
        (Type::Dynamic, _) => return needs(path, "need JSON object for dynamically-typed value"),
        (Type::Bool, Json::Bool(b)) => Value::bool(*b),
        (Type::Bool | Type::Number, Json::String(text)) => {
            convert(&Value::string_normalised(text), ty).map_err(|e| WireError::new(path, e.message))?
        }
        (Type::Bool, _) => return needs(path, "bool is required"),
        (Type::Number, Json::Number(n)) => Value::number(read_number(n, path)?),
        (Type::Number, _) => return needs(path, "number is required"),
        (Type::String, Json::String(text)) => Value::string_normalised(text),
        (Type::String, Json::Number(n)) => Value::string(n.to_string()),
        (Type::String, Json::Bool(b)) => Value::string(if *b { "true" } else { "false" }),
        (Type::String, _) => return needs(path, "string is required"),
        (Type::List(element), Json::Array(items)) => {
            let items = read_items(items, element, path, depth)?;
            Value::list(settled(element, &items, path)?, items)
        }
        (Type::Set(element), Json::Array(items)) => {
            let items = read_items(items, element, path, depth)?;
            Value::set(settled(element, &items, path)?, items)
        }
        (Type::List(_), _) => return needs(path, "need JSON array for list"),
        (Type::Set(_), _) => return needs(path, "need JSON array for set"),
        (Type::Map(element), Json::Object(entries)) => {
            let mut read_entries = Entries::with_capacity(entries.len());
            for (name, entry) in entries {
                // Keys are strings of the language like any other.
                let name = Value::string_normalised(name);
                let entry = at(path, Step::Index(name.clone()), |p| read(entry, element, p, depth + 1))?;
                read_entries.insert(Arc::<str>::from(name.as_str().unwrap_or_default()), entry);
            }
            let items: Vec<Value> = read_entries.values().cloned().collect();
            Value::map(settled(element, &items, path)?, read_entries)
        }
        (Type::Map(_), _) => return needs(path, "need JSON object for map"),
        (Type::Tuple(types), Json::Array(items)) => {
            if items.len() != types.len() {
                let problem = if items.len() < types.len() { "not enough" } else { "too many" };
                return Err(WireError::new(path, format!("{problem} tuple elements (need {})", types.len())));
            }
            let items = items.iter().zip(types.iter()).enumerate();
            let items = items.map(|(i, (item, ty))| at(path, index(i), |p| read(item, ty, p, depth + 1)));
            Value::tuple(items.collect::<Result<Vec<_>, _>>()?)
        }
        (Type::Tuple(_), _) => return needs(path, "need JSON array for tuple"),
        (Type::Object(object), Json::Object(attributes)) => {
            if let Some(name) = attributes.keys().find(|name| !object.attributes.contains_key(name.as_str()))
            {
                return Err(WireError::new(path, format!("unsupported attribute {name:?}")));
            }
            let mut read_attributes = Entries::with_capacity(object.attributes.len());
            for (name, ty) in &object.attributes {
                let attribute = match attributes.get(&**name) {
                    Some(json) => at(path, Step::Attr(name.clone()), |p| read(json, ty, p, depth + 1))?,
                    None => Value::null(ty.without_optional()),
                };
                read_attributes.insert(name.clone(), attribute);
            }
            Value::from_attributes(read_attributes)
        }
        (Type::Object(_), _) => return needs(path, "need JSON object for object"),
    })
}

fn read_items(
    items: &[Json],
    element: &Type,
    path: &mut AttrPath,
    depth: usize,
) -> Result<Vec<Value>, WireError> {
    let items = items.iter().enumerate();
    items.map(|(i, item)| at(path, index(i), |p| read(item, element, p, depth + 1))).collect()
}

/// The type of the elements that were read: the wanted one, or their own where it left something open.
fn settled(element: &Type, items: &[Value], path: &AttrPath) -> Result<Type, WireError> {
    let Some(first) = items.first().filter(|_| element.has_dynamic()) else {
        return Ok(element.without_optional());
    };
    let ty = first.ty();
    if items.iter().all(|item| item.is_of_type(&ty)) {
        return Ok(ty);
    }
    Err(WireError::new(path, "all elements of a collection must have the same type"))
}

fn read_number(n: &JsonNumber, path: &AttrPath) -> Result<Number, WireError> {
    n.as_str().parse().map_err(|e| WireError::new(path, format!("{e}")))
}

/// The type that JSON without a type means: objects and tuples, and [`Type::Dynamic`] for null.
pub fn implied_type(json: &Json) -> Result<Type, WireError> {
    implied(json, 0)
}

fn implied(json: &Json, depth: usize) -> Result<Type, WireError> {
    if depth > MAX_DEPTH {
        return Err(WireError::at_root("the value is nested too deeply"));
    }
    Ok(match json {
        Json::Null => Type::Dynamic,
        Json::Bool(_) => Type::Bool,
        Json::Number(_) => Type::Number,
        Json::String(_) => Type::String,
        Json::Array(items) => {
            Type::Tuple(items.iter().map(|item| implied(item, depth + 1)).collect::<Result<_, _>>()?)
        }
        Json::Object(attributes) => {
            let mut types = Vec::with_capacity(attributes.len());
            for (name, attribute) in attributes {
                types.push((name.as_str(), implied(attribute, depth + 1)?));
            }
            Type::object(types)
        }
    })
}

fn index(i: usize) -> Step {
    Step::Index(Value::number(i))
}

fn at<T>(path: &mut AttrPath, step: Step, f: impl FnOnce(&mut AttrPath) -> T) -> T {
    path.0.push(step);
    let result = f(path);
    path.0.pop();
    result
}
