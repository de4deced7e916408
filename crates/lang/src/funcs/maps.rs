//! Functions over maps and objects.

use std::collections::BTreeMap;
use std::sync::Arc;

use ferroform_core::convert::{convert, same_type};
use ferroform_core::types::ObjectType;
use ferroform_core::{Marks, Type, Value, ValueKind};

use super::driver::arg::{items, text};
use super::driver::{Function, Param, Ty};
use super::{FuncContext, FuncError};

type Result<T = Value> = std::result::Result<T, FuncError>;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("keys", &[Param::new("inputMap", Ty::Any).allow_unknown().allow_marked()], Ty::Any, keys),
    Function::new(
        "lookup",
        &[
            Param::new("inputMap", Ty::Any).allow_marked(),
            Param::new("key", Ty::String).allow_marked(),
        ],
        Ty::Any,
        lookup,
    )
    .variadic(
        Param::new("default", Ty::Any).allow_null().allow_unknown().allow_dynamic().allow_marked(),
    )
    .returns_by(lookup_type)
    .may_be_null(),
    Function::new("merge", &[], Ty::Any, merge)
        .variadic(Param::new("maps", Ty::Any).allow_null().allow_dynamic().allow_marked())
        .returns_by(merge_type),
    Function::new(
        "transpose",
        &[Param::new("values", Ty::Map(&Ty::List(&Ty::String)))],
        Ty::Map(&Ty::List(&Ty::String)),
        transpose,
    ),
    Function::new("values", &[Param::new("mapping", Ty::Any).allow_marked()], Ty::Any, values)
        .returns_by(values_type),
    Function::new(
        "zipmap",
        &[
            Param::new("keys", Ty::List(&Ty::String)).allow_marked(),
            Param::new("values", Ty::Any).allow_marked(),
        ],
        Ty::Any,
        zipmap,
    )
    .returns_by(zipmap_type),
    Function::new("map", &[], Ty::Any, |_, _| {
        Err(FuncError::failed(
            "the \"map\" function was deprecated in Terraform v0.12 and is no longer available; use tomap({ ... }) to \
             write a literal map",
        ))
    })
    .variadic(Param::new("vals", Ty::Any).allow_null().allow_unknown().allow_dynamic().allow_marked()),
];

fn keys(args: &[Value], _: &FuncContext) -> Result {
    let result = match (args[0].kind(), args[0].ty()) {
        (_, Type::Object(object)) => {
            Value::tuple(object.attributes.keys().map(|name| Value::string(name.clone())))
        }
        (ValueKind::Map(_, entries), _) => {
            Value::list(Type::String, entries.keys().map(|key| Value::string(key.clone())))
        }
        (_, Type::Map(_)) => Value::unknown(Type::list(Type::String)),
        _ => return Err(FuncError::argument(0, "must be a map or an object")),
    };
    Ok(result.with_marks(args[0].marks()))
}

fn values_type(args: &[Value]) -> Result<Type> {
    match args[0].ty() {
        Type::Map(element) => Ok(Type::List(element)),
        Type::Object(object) => Ok(Type::tuple(object.attributes.values().cloned())),
        _ => Err(FuncError::failed("values() requires a map as the first argument")),
    }
}

fn values(args: &[Value], _: &FuncContext) -> Result {
    let result = match args[0].kind() {
        ValueKind::Map(element, entries) => Value::list(element.clone(), entries.values().cloned()),
        ValueKind::Object(attributes) => Value::tuple(attributes.values().cloned()),
        _ => return values_type(args).map(Value::unknown),
    };
    Ok(result.with_marks(args[0].marks()))
}

fn lookup_type(args: &[Value]) -> Result<Type> {
    if args.len() > 3 {
        return Err(FuncError::failed(format!("lookup() takes two or three arguments, got {}", args.len())));
    }
    match args[0].ty() {
        Type::Object(object) => {
            let Some(key) = args[1].as_str() else { return Ok(Type::Dynamic) };
            match (object.attributes.get(key), args.get(2)) {
                (Some(ty), _) => Ok(ty.clone()),
                (None, Some(default)) => Ok(default.ty()),
                // The key may be a secret.
                (None, None) if args[1].is_sensitive() => {
                    Err(FuncError::argument(0, "the given object has no attribute of the given name"))
                }
                (None, None) => {
                    Err(FuncError::argument(0, format!("the given object has no attribute {key:?}")))
                }
            }
        }
        Type::Map(element) => {
            if let Some(default) = args.get(2)
                && convert(default, &element).is_err()
            {
                let message = "the default value must have the same type as the map elements";
                return Err(FuncError::argument(2, message));
            }
            Ok(Type::clone(&element))
        }
        _ => Err(FuncError::argument(0, "lookup() requires a map as the first argument")),
    }
}

fn lookup(args: &[Value], _: &FuncContext) -> Result {
    let ty = lookup_type(args)?;
    let marks = args[0].marks().union(args[1].marks());
    let key = text(args, 1);
    let found = match (args[0].get(key), args.get(2)) {
        (Some(found), _) => found.clone(),
        (None, Some(default)) => convert(default, &ty).map_err(|e| FuncError::argument(2, e.message))?,
        (None, None) => {
            let key = if marks.is_empty() { format!("{key:?}") } else { "(sensitive value)".to_owned() };
            return Err(FuncError::failed(format!("lookup failed to find key {key}")));
        }
    };
    Ok(found.with_marks(marks))
}

/// The type of the arguments if all have the same, otherwise an object of all their attributes.
fn merge_type(args: &[Value]) -> Result<Type> {
    let mut attributes: BTreeMap<Arc<str>, Type> = BTreeMap::new();
    let (mut first, mut all_same, mut names_known) = (None, true, true);
    for arg in args {
        let ty = arg.ty();
        match &ty {
            Type::Dynamic if !arg.is_null() => return Ok(Type::Dynamic),
            Type::Dynamic => {}
            Type::Object(object) if !arg.is_null() => {
                attributes.extend(object.attributes.iter().map(|(k, t)| (k.clone(), t.clone())));
            }
            Type::Map(element) if !arg.is_null() => match arg.as_map() {
                Some(entries) => {
                    attributes.extend(entries.keys().map(|k| (k.clone(), Type::clone(element))));
                }
                None => names_known = false,
            },
            Type::Object(_) | Type::Map(_) => {}
            other => {
                let message = format!("arguments must be maps or objects, got {:?}", other.friendly_name());
                return Err(FuncError::failed(message));
            }
        }
        match &first {
            None => first = Some(ty),
            Some(first) => all_same &= same_type(first, &ty),
        }
    }
    Ok(match first {
        Some(first) if all_same => first,
        _ if !names_known => Type::Dynamic,
        _ => Type::Object(Arc::new(ObjectType { attributes, ..ObjectType::default() })),
    })
}

fn merge(args: &[Value], _: &FuncContext) -> Result {
    let ty = merge_type(args)?;
    let mut merged: BTreeMap<Arc<str>, Value> = BTreeMap::new();
    let mut marks = Marks::NONE;
    for arg in args {
        marks = marks.union(arg.marks());
        let entries = arg.as_map().into_iter().flatten();
        merged.extend(entries.map(|(key, value)| (key.clone(), value.clone())));
    }
    let result = match ty {
        Type::Map(element) => Value::map(Type::clone(&element), merged),
        _ => Value::object(merged),
    };
    Ok(result.with_marks(marks))
}

fn transpose(args: &[Value], _: &FuncContext) -> Result {
    if !args[0].is_wholly_known() {
        return Ok(Value::unknown(Type::map(Type::list(Type::String))));
    }
    let mut out: BTreeMap<Arc<str>, Vec<Value>> = BTreeMap::new();
    for (key, list) in args[0].as_map().into_iter().flatten() {
        let Some(names) = list.as_slice() else {
            return Err(FuncError::failed(format!("the list for key {key:?} is null")));
        };
        for name in names {
            let ValueKind::String(name) = name.kind() else {
                return Err(FuncError::failed("input must not contain null string"));
            };
            out.entry(name.clone()).or_default().push(Value::string(key.clone()));
        }
    }
    let lists = out.into_iter().map(|(name, keys)| (name, Value::list(Type::String, keys)));
    Ok(Value::map(Type::list(Type::String), lists))
}

fn zipmap_type(args: &[Value]) -> Result<Type> {
    match args[1].ty() {
        Type::List(element) => Ok(Type::Map(element)),
        Type::Tuple(types) => {
            let Some(names) = args[0].as_slice().filter(|_| args[0].is_wholly_known()) else {
                return Ok(Type::Dynamic);
            };
            check_lengths(names.len(), types.len())?;
            let attributes: Result<BTreeMap<Arc<str>, Type>> = names
                .iter()
                .enumerate()
                .zip(types.iter())
                .map(|((i, n), t)| Ok((key(i, n)?, t.clone())))
                .collect();
            Ok(Type::object(attributes?))
        }
        _ => Err(FuncError::failed("values argument must be a list or tuple value")),
    }
}

fn check_lengths(keys: usize, values: usize) -> Result<()> {
    if keys == values {
        return Ok(());
    }
    Err(FuncError::failed(format!("number of keys ({keys}) does not match number of values ({values})")))
}

fn key(index: usize, name: &Value) -> Result<Arc<str>> {
    match name.kind() {
        ValueKind::String(name) => Ok(name.clone()),
        _ => Err(FuncError::failed(format!("keys list has null value at index {index}"))),
    }
}

fn zipmap(args: &[Value], _: &FuncContext) -> Result {
    let ty = zipmap_type(args)?;
    let (names, given) = (items(args, 0), items(args, 1));
    let marks = args[0].marks_deep().union(args[1].marks());
    if !args[0].is_wholly_known() {
        return Ok(Value::unknown(ty).with_marks(marks));
    }
    check_lengths(names.len(), given.len())?;
    let entries: Result<BTreeMap<Arc<str>, Value>> =
        names.iter().enumerate().zip(given).map(|((i, n), v)| Ok((key(i, n)?, v.clone()))).collect();
    let result = match ty {
        Type::Map(element) => Value::map(Type::clone(&element), entries?),
        _ => Value::object(entries?),
    };
    Ok(result.with_marks(marks))
}
