//! Values as JSON with nothing lost: unknown values with their refinements, null with its type, marks, precision.
//!
//! A value is `{"t": TYPE, "v": BODY}`; the type makes the body short:
//!
//! | body | means |
//! |---|---|
//! | `null` | null |
//! | `true`, `"text"` | a bool, a string |
//! | `5` | a number that keeps 64 bits |
//! | `"0.1"` | a number that keeps 512 bits |
//! | `["0.1", 53]` | a number that keeps that many bits |
//! | `[BODY…]` | a list, set or tuple, or the attributes of an object by their names' order |
//! | `["key", BODY, …]` | a map |
//! | `{"m": MARKS, "v": BODY}` | a marked value |
//! | `{"u": {…}}` | an unknown value with its refinements |
//! | `{"t": TYPE, "v": BODY}` | where the type leaves open what follows |

use serde_json::{Map, Value as Json, json};

use super::types::{type_from_json, type_to_json};
use super::{MAX_DEPTH, WireError};
use crate::number::Number;
use crate::types::Type;
use crate::value::{Entries, Marks, Refinements, Value, ValueKind};

/// The value with its type.
pub fn encode(value: &Value) -> Json {
    let ty = value.ty();
    json!({ "t": type_to_json(&ty), "v": encode_as(value, &ty) })
}

/// The value without its type, which [`decode_as`] must be given again. Parts that are not of that type carry
/// their own.
pub fn encode_as(value: &Value, ty: &Type) -> Json {
    if !value.marks().is_empty() {
        return json!({ "m": value.marks().bits(), "v": encode_as(&value.clone().unmarked(), ty) });
    }
    match (value.kind(), ty) {
        (ValueKind::Null(own), ty) if own == ty => Json::Null,
        (ValueKind::Unknown(own, known), ty) if own == ty => {
            json!({ "u": known.as_deref().map_or_else(|| json!({}), encode_refinements) })
        }
        (ValueKind::Bool(b), Type::Bool) => Json::Bool(*b),
        (ValueKind::String(s), Type::String) => Json::from(&**s),
        (ValueKind::Number(n), Type::Number) => encode_number(n),
        (ValueKind::List(own, items), Type::List(ty)) | (ValueKind::Set(own, items), Type::Set(ty))
            if own == &**ty =>
        {
            items.iter().map(|item| encode_as(item, ty)).collect()
        }
        (ValueKind::Map(own, entries), Type::Map(ty)) if own == &**ty => {
            entries.iter().flat_map(|(k, v)| [Json::from(&**k), encode_as(v, ty)]).collect()
        }
        (ValueKind::Tuple(items), Type::Tuple(types)) if items.len() == types.len() => {
            items.iter().zip(types.iter()).map(|(item, ty)| encode_as(item, ty)).collect()
        }
        (ValueKind::Object(attributes), Type::Object(object))
            if attributes.keys().eq(object.attributes.keys()) =>
        {
            let pairs = attributes.values().zip(object.attributes.values());
            pairs.map(|(attribute, ty)| encode_as(attribute, ty)).collect()
        }
        _ => encode(value),
    }
}

fn encode_number(n: &Number) -> Json {
    match (n.to_i64(), n.precision()) {
        (Some(i), 64) if !(i == 0 && n.is_sign_negative()) => i.into(),
        (_, 512) => n.to_string().into(),
        (_, precision) => json!([n.to_string(), precision]),
    }
}

fn encode_refinements(known: &Refinements) -> Json {
    let mut out = Map::new();
    let bound = |(n, inclusive): &(Number, bool)| json!([encode_number(n), inclusive]);
    if known.not_null {
        out.insert("n".into(), true.into());
    }
    if !known.string_prefix.is_empty() {
        out.insert("p".into(), (&*known.string_prefix).into());
    }
    if let Some(min) = &known.number_min {
        out.insert("a".into(), bound(min));
    }
    if let Some(max) = &known.number_max {
        out.insert("z".into(), bound(max));
    }
    if known.length_min > 0 {
        out.insert("l".into(), known.length_min.into());
    }
    if let Some(max) = known.length_max {
        out.insert("h".into(), max.into());
    }
    Json::Object(out)
}

/// The value that [`encode`] wrote.
pub fn decode(json: &Json) -> Result<Value, WireError> {
    read_typed(json, 0)
}

/// The value that [`encode_as`] wrote, given the same type.
pub fn decode_as(json: &Json, ty: &Type) -> Result<Value, WireError> {
    read(json, ty, 0)
}

fn bad(what: &str) -> WireError {
    WireError::at_root(format!("invalid encoded value: {what}"))
}

fn read_typed(json: &Json, depth: usize) -> Result<Value, WireError> {
    let (Some(ty), Some(body)) = (json.get("t"), json.get("v")) else {
        return Err(bad("type or value is missing"));
    };
    read(body, &type_from_json(ty)?, depth + 1)
}

fn read(json: &Json, ty: &Type, depth: usize) -> Result<Value, WireError> {
    if depth > MAX_DEPTH {
        return Err(WireError::at_root("the value is nested too deeply"));
    }
    if let Json::Object(marker) = json {
        return match (marker.get("m"), marker.get("u"), marker.get("v")) {
            (Some(marks), None, Some(body)) => {
                let marks = marks.as_u64().and_then(Marks::from_bits).ok_or_else(|| bad("no such mark"))?;
                Ok(read(body, ty, depth + 1)?.with_marks(marks))
            }
            (None, Some(known), None) => Ok(Value::unknown_refined(ty.clone(), read_refinements(known)?)),
            _ => read_typed(json, depth),
        };
    }
    Ok(match (ty, json) {
        (ty, Json::Null) => Value::null(ty.clone()),
        (Type::Bool, Json::Bool(b)) => Value::bool(*b),
        (Type::String, Json::String(text)) => Value::string_normalised(text),
        (Type::Number, json) => Value::number(read_number(json)?),
        (Type::List(ty), Json::Array(items)) => Value::list(Type::clone(ty), read_items(items, ty, depth)?),
        (Type::Set(ty), Json::Array(items)) => Value::set(Type::clone(ty), read_items(items, ty, depth)?),
        (Type::Map(ty), Json::Array(parts)) if parts.len() % 2 == 0 => {
            let mut entries = Entries::with_capacity(parts.len() / 2);
            for pair in parts.chunks_exact(2) {
                let key = pair[0].as_str().ok_or_else(|| bad("a key must be a string"))?;
                entries.insert(key.into(), read_element(&pair[1], ty, depth)?);
            }
            Value::map(Type::clone(ty), entries)
        }
        (Type::Tuple(types), Json::Array(items)) if items.len() == types.len() => {
            let items = items.iter().zip(types.iter()).map(|(item, ty)| read(item, ty, depth + 1));
            Value::tuple(items.collect::<Result<Vec<_>, _>>()?)
        }
        (Type::Object(object), Json::Array(items)) if items.len() == object.attributes.len() => {
            let attributes = items.iter().zip(&object.attributes);
            let attributes =
                attributes.map(|(item, (name, ty))| Ok((name.clone(), read(item, ty, depth + 1)?)));
            Value::from_attributes(attributes.collect::<Result<Entries, WireError>>()?)
        }
        _ => return Err(bad(&format!("{} expected", ty.friendly_name()))),
    })
}

fn read_items(items: &[Json], ty: &Type, depth: usize) -> Result<Vec<Value>, WireError> {
    items.iter().map(|item| read_element(item, ty, depth)).collect()
}

/// An element of a collection, which must be of the collection's element type unless that leaves something open.
fn read_element(json: &Json, ty: &Type, depth: usize) -> Result<Value, WireError> {
    let element = read(json, ty, depth + 1)?;
    if element.is_of_type(ty) || ty.has_dynamic() {
        Ok(element)
    } else {
        Err(bad("an element is of another type"))
    }
}

fn read_number(json: &Json) -> Result<Number, WireError> {
    let parse = |text: &str| text.parse::<Number>().map_err(|e| bad(&e.to_string()));
    match json {
        Json::Number(n) => n.as_i64().map(Number::from).ok_or_else(|| bad("a whole number expected")),
        Json::String(text) => parse(text),
        Json::Array(parts) => match &parts[..] {
            [Json::String(text), precision] => precision
                .as_u64()
                .and_then(|p| u16::try_from(p).ok())
                .and_then(|p| parse_to(text, p))
                .ok_or_else(|| bad("a number and its precision expected")),
            _ => Err(bad("a number and its precision expected")),
        },
        _ => Err(bad("number expected")),
    }
}

/// The number that was written as `text` when it kept `precision` bits: what it rounds to with them.
fn parse_to(text: &str, precision: u16) -> Option<Number> {
    Number::parse_with_precision(text, precision).ok()
}

fn read_refinements(json: &Json) -> Result<Refinements, WireError> {
    let Json::Object(parts) = json else { return Err(bad("refinements must be an object")) };
    let mut known = Refinements::default();
    let bound = |json: &Json| match json.as_array().map(Vec::as_slice) {
        Some([n, Json::Bool(inclusive)]) => Ok(Some((read_number(n)?, *inclusive))),
        _ => Err(bad("a bound must be a number and whether it is included")),
    };
    for (key, part) in parts {
        let wrong = || bad("a refinement has the wrong kind of value");
        match key.as_str() {
            "n" => known.not_null = part.as_bool().ok_or_else(wrong)?,
            "p" => known.string_prefix = part.as_str().ok_or_else(wrong)?.into(),
            "a" => known.number_min = bound(part)?,
            "z" => known.number_max = bound(part)?,
            "l" => known.length_min = part.as_u64().ok_or_else(wrong)?,
            "h" => known.length_max = Some(part.as_u64().ok_or_else(wrong)?),
            _ => return Err(bad("no such refinement")),
        }
    }
    Ok(known)
}
