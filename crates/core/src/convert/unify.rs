//! The type that values of several types convert to.

use std::cmp::Ordering;
use std::collections::HashSet;

use super::{Conversion, same_type};
use crate::types::Type;

/// The type that all of these convert to safely; none if there is none, or no type is given.
pub fn unify(types: &[Type]) -> Option<Type> {
    unify_types(types, false)
}

/// The type that all of these convert to, if need be by conversions that may fail for some values.
pub fn unify_unsafe(types: &[Type]) -> Option<Type> {
    unify_types(types, true)
}

fn unify_types(types: &[Type], allow_unsafe: bool) -> Option<Type> {
    let (first, rest) = types.split_first()?;
    if rest.iter().all(|ty| same_type(ty, first)) {
        return Some(first.clone());
    }
    // The same type twice changes nothing, and there may be thousands.
    let mut seen = HashSet::new();
    let types: Vec<Type> = types.iter().filter(|ty| seen.insert(*ty)).cloned().collect();
    let count = |f: fn(&Type) -> bool| types.iter().filter(|ty| f(ty)).count();
    let maps = count(|ty| matches!(ty, Type::Map(_)));
    let lists = count(|ty| matches!(ty, Type::List(_)));
    let sets = count(|ty| matches!(ty, Type::Set(_)));
    let objects = count(|ty| matches!(ty, Type::Object(_)));
    let tuples = count(|ty| matches!(ty, Type::Tuple(_)));
    let dynamics = count(|ty| *ty == Type::Dynamic);
    let all = types.len();
    let one_kind = [maps, lists, sets, objects, tuples].into_iter().any(|n| n > 0 && n + dynamics == all);
    if one_kind && dynamics > 0 {
        // What the open type will be decides what comes of it.
        return Some(Type::Dynamic);
    }
    if one_kind {
        return match first {
            Type::Map(_) => Some(Type::map(unify_elements(&types, allow_unsafe)?)),
            Type::List(_) => Some(Type::list(unify_elements(&types, allow_unsafe)?)),
            Type::Set(_) => Some(Type::set(unify_elements(&types, allow_unsafe)?)),
            Type::Object(_) => unify_objects(&types, allow_unsafe),
            _ => unify_tuples(&types, allow_unsafe),
        };
    }
    if maps > 0 && maps + objects + dynamics == all {
        // Objects are often maps in disguise.
        let unified = unify_disguised(&types, |ty| matches!(ty, Type::Object(_)), Type::map, allow_unsafe);
        if let Some(ty @ Type::Map(_)) = unified {
            return Some(ty);
        }
    } else if lists > 0 && lists + tuples + dynamics == all {
        let unified = unify_disguised(&types, |ty| matches!(ty, Type::Tuple(_)), Type::list, allow_unsafe);
        if let Some(ty @ Type::List(_)) = unified {
            return Some(ty);
        }
    } else if objects > 0 && tuples > 0 {
        return None;
    }
    by_preference(&types).into_iter().find(|want| convertible(&types, want, allow_unsafe))
}

fn convertible(types: &[Type], want: &Type, allow_unsafe: bool) -> bool {
    types.iter().all(|ty| Conversion::between(ty, want, allow_unsafe).is_some())
}

fn unify_elements(types: &[Type], allow_unsafe: bool) -> Option<Type> {
    let elements: Vec<Type> = types.iter().filter_map(Type::element).cloned().collect();
    unify_types(&elements, allow_unsafe)
}

/// Unifies with the objects (or tuples) among the types taken as one map (or list).
fn unify_disguised(
    types: &[Type],
    disguised: fn(&Type) -> bool,
    collection: fn(Type) -> Type,
    allow_unsafe: bool,
) -> Option<Type> {
    let (structural, mut others): (Vec<Type>, Vec<Type>) = types.iter().cloned().partition(disguised);
    others.push(unify_to_collection(&structural, collection, allow_unsafe)?);
    unify_types(&others, allow_unsafe)
}

fn unify_objects(types: &[Type], allow_unsafe: bool) -> Option<Type> {
    let objects: Vec<_> =
        types.iter().filter_map(|ty| if let Type::Object(o) = ty { Some(o) } else { None }).collect();
    let first = objects.first()?;
    if !objects.iter().all(|o| o.attributes.keys().eq(first.attributes.keys())) {
        return unify_to_collection(types, Type::map, allow_unsafe);
    }
    let attributes = first.attributes.keys().map(|name| {
        let across: Vec<Type> = objects.iter().filter_map(|o| o.attributes.get(name)).cloned().collect();
        Some((name.clone(), unify_types(&across, allow_unsafe)?))
    });
    let unified = Type::object(attributes.collect::<Option<Vec<_>>>()?);
    if convertible(types, &unified, allow_unsafe) {
        return Some(unified);
    }
    unify_to_collection(types, Type::map, allow_unsafe)
}

fn unify_tuples(types: &[Type], allow_unsafe: bool) -> Option<Type> {
    let tuples: Vec<_> =
        types.iter().filter_map(|ty| if let Type::Tuple(t) = ty { Some(t) } else { None }).collect();
    let length = tuples.first()?.len();
    if !tuples.iter().all(|t| t.len() == length) {
        return unify_to_collection(types, Type::list, allow_unsafe);
    }
    let elements = (0..length).map(|i| {
        let across: Vec<Type> = tuples.iter().filter_map(|t| t.get(i)).cloned().collect();
        unify_types(&across, allow_unsafe)
    });
    let unified = Type::tuple(elements.collect::<Option<Vec<_>>>()?);
    if convertible(types, &unified, allow_unsafe) {
        return Some(unified);
    }
    unify_to_collection(types, Type::list, allow_unsafe)
}

/// The map (or list) whose element type all attributes (or elements) of all the types convert to.
fn unify_to_collection(types: &[Type], collection: fn(Type) -> Type, allow_unsafe: bool) -> Option<Type> {
    let inner: Vec<Type> = types
        .iter()
        .flat_map(|ty| match ty {
            Type::Object(object) => object.attributes.values().cloned().collect(),
            Type::Tuple(elements) => elements.to_vec(),
            _ => Vec::new(),
        })
        .collect();
    let unified = collection(unify_types(&inner, allow_unsafe)?);
    convertible(types, &unified, allow_unsafe).then_some(unified)
}

/// The types in an order in which more general ones come before those that convert to them.
fn by_preference(types: &[Type]) -> Vec<Type> {
    let mut before: Vec<usize> = vec![0; types.len()];
    let mut after: Vec<Vec<usize>> = vec![Vec::new(); types.len()];
    for (i, a) in types.iter().enumerate() {
        for (j, b) in types.iter().enumerate().skip(i + 1) {
            match preference(a, b) {
                Ordering::Less => {
                    after[i].push(j);
                    before[j] += 1;
                }
                Ordering::Greater => {
                    after[j].push(i);
                    before[i] += 1;
                }
                Ordering::Equal => {}
            }
        }
    }
    let mut order: Vec<usize> = (0..types.len()).filter(|&i| before[i] == 0).collect();
    let mut at = 0;
    while let Some(&i) = order.get(at) {
        at += 1;
        for &j in &after[i] {
            before[j] -= 1;
            if before[j] == 0 {
                order.push(j);
            }
        }
    }
    order.into_iter().map(|i| types[i].clone()).collect()
}

/// Less if `a` is the better choice for values of both: the more general one, but an open type last.
fn preference(a: &Type, b: &Type) -> Ordering {
    use Ordering::{Equal, Greater, Less};
    /// The general type of two that have parts in common, if one is not less general in any part.
    fn all(parts: impl Iterator<Item = Ordering>) -> Ordering {
        let (mut less, mut greater) = (false, false);
        for part in parts {
            less |= part == Less;
            greater |= part == Greater;
        }
        match (less, greater) {
            (true, false) => Less,
            (false, true) => Greater,
            _ => Equal,
        }
    }
    match (a, b) {
        (Type::Dynamic, Type::Dynamic) => Equal,
        (Type::Dynamic, _) => Greater,
        (_, Type::Dynamic) => Less,
        (Type::String, Type::String) => Equal,
        (Type::String, other) if other.is_primitive() => Less,
        (other, Type::String) if other.is_primitive() => Greater,
        (Type::List(a), Type::List(b)) | (Type::Set(a), Type::Set(b)) | (Type::Map(a), Type::Map(b)) => {
            preference(a, b)
        }
        // Of list, tuple and set, and of map and object, the first is the most general.
        (Type::List(_), Type::Tuple(_) | Type::Set(_)) | (Type::Tuple(_), Type::Set(_)) => Less,
        (Type::Set(_), Type::List(_) | Type::Tuple(_)) | (Type::Tuple(_), Type::List(_)) => Greater,
        (Type::Map(_), Type::Object(_)) => Less,
        (Type::Object(_), Type::Map(_)) => Greater,
        (Type::Object(a), Type::Object(b)) if a.attributes.keys().eq(b.attributes.keys()) => {
            all(a.attributes.values().zip(b.attributes.values()).map(|(a, b)| preference(a, b)))
        }
        (Type::Tuple(a), Type::Tuple(b)) if a.len() == b.len() => {
            all(a.iter().zip(b.iter()).map(|(a, b)| preference(a, b)))
        }
        _ => Equal,
    }
}
