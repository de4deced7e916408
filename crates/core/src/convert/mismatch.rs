//! Why no value of one type converts to another, in Terraform's words.

use super::{Conversion, same_type};
use crate::types::{ObjectType, Type};
use crate::value::quoted;

/// Why `got` does not convert to `want`, as a phrase without a full stop. Only meaningful where it does not.
pub fn mismatch(got: &Type, want: &Type) -> String {
    match (got, want) {
        (Type::Object(got), Type::Object(want)) => objects(got, want),
        (Type::Tuple(_), Type::List(e)) if **e == Type::Dynamic => {
            "all list elements must have the same type".into()
        }
        (Type::Tuple(_), Type::Set(e)) if **e == Type::Dynamic => {
            "all set elements must have the same type".into()
        }
        (Type::Object(_), Type::Map(e)) if **e == Type::Dynamic => {
            "all map elements must have the same type".into()
        }
        (Type::Tuple(types), Type::List(element) | Type::Set(element)) => {
            let odd = types.iter().enumerate().find(|(_, ty)| !converts(ty, element));
            match odd {
                Some((i, ty)) => format!("element {i}: {}", mismatch(ty, element)),
                None => format!("all elements must be {}", constraint_name(element)),
            }
        }
        (Type::Object(object), Type::Map(element)) => {
            let odd = object.attributes.iter().find(|(_, ty)| !converts(ty, element));
            match odd {
                Some((name, ty)) => format!("element {}: {}", quoted(name), mismatch(ty, element)),
                None => format!("all elements must be {}", constraint_name(element)),
            }
        }
        (Type::List(got) | Type::Set(got), Type::List(element)) => {
            format!("incorrect list element type: {}", mismatch(got, element))
        }
        (Type::List(got) | Type::Set(got), Type::Set(element)) => {
            format!("incorrect set element type: {}", mismatch(got, element))
        }
        (Type::Map(got), Type::Map(element)) => {
            format!("incorrect map element type: {}", mismatch(got, element))
        }
        _ => format!("{} required", constraint_name(want)),
    }
}

fn converts(from: &Type, to: &Type) -> bool {
    same_type(from, to) || Conversion::between(from, to, true).is_some()
}

fn objects(got: &ObjectType, want: &ObjectType) -> String {
    let missing: Vec<String> = want
        .attributes
        .keys()
        .filter(|name| !got.attributes.contains_key(*name) && !want.optional.contains(*name))
        .map(|name| quoted(name))
        .collect();
    match &missing[..] {
        [] => {}
        [one] => return format!("attribute {one} is required"),
        [one, other] => return format!("attributes {one} and {other} are required"),
        [rest @ .., last] => return format!("attributes {}, and {last} are required", rest.join(", ")),
    }
    let pairs =
        want.attributes.iter().filter_map(|(name, want)| Some((name, got.attributes.get(name)?, want)));
    // What cannot be converted at all is worse than what can be with luck.
    for allow_unsafe in [true, false] {
        let odd = pairs.clone().find(|(_, got, want)| Conversion::between(got, want, allow_unsafe).is_none());
        if let Some((name, got, want)) = odd {
            return format!("attribute {}: {}", quoted(name), mismatch(got, want));
        }
    }
    "incorrect object attributes".into()
}

/// The name of a type constraint in prose.
fn constraint_name(ty: &Type) -> String {
    let element = |ty: &Type| match ty {
        Type::Dynamic => "any single type".to_owned(),
        ty => constraint_name(ty),
    };
    match ty {
        Type::Dynamic => "any type".into(),
        Type::List(ty) => format!("list of {}", element(ty)),
        Type::Set(ty) => format!("set of {}", element(ty)),
        Type::Map(ty) => format!("map of {}", element(ty)),
        ty => ty.friendly_name(),
    }
}
