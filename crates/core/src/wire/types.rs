//! Types as JSON, in the form of Terraform's statefile: `"string"`, `["list","string"]`, `["object",{"a":"bool"}]`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value as Json;

use super::{MAX_DEPTH, WireError, json_kind};
use crate::types::{ObjectType, Type};

/// A type as JSON. Optional attributes are listed in a third element after the attributes.
pub fn type_to_json(ty: &Type) -> Json {
    let pair = |kind: &str, inner: Json| Json::Array(vec![kind.into(), inner]);
    match ty {
        Type::Dynamic => "dynamic".into(),
        Type::Bool => "bool".into(),
        Type::Number => "number".into(),
        Type::String => "string".into(),
        Type::List(element) => pair("list", type_to_json(element)),
        Type::Set(element) => pair("set", type_to_json(element)),
        Type::Map(element) => pair("map", type_to_json(element)),
        Type::Tuple(types) => pair("tuple", types.iter().map(type_to_json).collect()),
        Type::Object(object) => {
            let attributes = object.attributes.iter().map(|(name, ty)| (name.to_string(), type_to_json(ty)));
            let mut parts = vec!["object".into(), Json::Object(attributes.collect())];
            if !object.optional.is_empty() {
                parts.push(object.optional.iter().map(|name| Json::from(&**name)).collect());
            }
            Json::Array(parts)
        }
    }
}

/// The type that JSON describes.
pub fn type_from_json(json: &Json) -> Result<Type, WireError> {
    read(json, 0)
}

fn read(json: &Json, depth: usize) -> Result<Type, WireError> {
    if depth > MAX_DEPTH {
        return Err(WireError::at_root("the type is nested too deeply"));
    }
    let bad = |what: String| Err(WireError::at_root(format!("invalid type description: {what}")));
    let parts = match json {
        Json::String(name) => {
            return match name.as_str() {
                "dynamic" => Ok(Type::Dynamic),
                "bool" => Ok(Type::Bool),
                "number" => Ok(Type::Number),
                "string" => Ok(Type::String),
                other => bad(format!("no type is named {other:?}")),
            };
        }
        Json::Array(parts) => parts,
        other => return bad(format!("expected a string or an array, found {}", json_kind(other))),
    };
    match &parts[..] {
        [Json::String(kind), element] if matches!(kind.as_str(), "list" | "set" | "map") => {
            let element = read(element, depth + 1)?;
            Ok(match kind.as_str() {
                "list" => Type::list(element),
                "set" => Type::set(element),
                _ => Type::map(element),
            })
        }
        [Json::String(kind), Json::Array(types)] if kind == "tuple" => {
            Ok(Type::Tuple(types.iter().map(|ty| read(ty, depth + 1)).collect::<Result<_, _>>()?))
        }
        [Json::String(kind), Json::Object(attributes), rest @ ..] if kind == "object" && rest.len() <= 1 => {
            let attributes: BTreeMap<Arc<str>, Type> = attributes
                .iter()
                .map(|(name, ty)| Ok((name.as_str().into(), read(ty, depth + 1)?)))
                .collect::<Result<_, WireError>>()?;
            let optional: BTreeSet<Arc<str>> = match rest {
                [] => BTreeSet::new(),
                [Json::Array(names)] => match names.iter().map(|n| n.as_str().map(Arc::from)).collect() {
                    Some(names) => names,
                    None => return bad("names of optional attributes must be strings".into()),
                },
                _ => return bad("optional attributes must be listed in an array".into()),
            };
            if let Some(name) = optional.iter().find(|name| !attributes.contains_key(*name)) {
                return bad(format!("there is no attribute {name:?} to be optional"));
            }
            Ok(Type::Object(Arc::new(ObjectType { attributes, optional })))
        }
        _ => {
            bad("expected [\"list\"|\"set\"|\"map\", TYPE], [\"tuple\", [TYPE…]] or [\"object\", {…}]".into())
        }
    }
}
