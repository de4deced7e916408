//! Functions over lists and tuples.

use std::collections::HashSet;

use ferroform_core::convert::{convert, unify_unsafe};
use ferroform_core::{Marks, Type, Value, ValueKind, ops};

use super::collection::whole;
use super::driver::arg::{integer, items};
use super::driver::{Function, Param, Ty};
use super::{FuncContext, FuncError, json};

type Result<T = Value> = std::result::Result<T, FuncError>;

const LIST: Param = Param::new("list", Ty::List(&Ty::Any));
const SEQUENCE: Param = Param::new("list", Ty::Any).allow_marked();
const STRINGS: Param = Param::new("list", Ty::List(&Ty::String));

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new(
        "chunklist",
        &[LIST.allow_marked(), Param::new("size", Ty::Number).allow_marked()],
        Ty::List(&Ty::List(&Ty::Any)),
        chunklist,
    )
    .returns_by(|args| Ok(Type::list(args[0].ty()))),
    Function::new("compact", &[STRINGS], Ty::List(&Ty::String), compact),
    Function::new("concat", &[], Ty::Any, concat)
        .variadic(Param::new("seqs", Ty::Any).allow_marked())
        .returns_by(concat_type),
    Function::new("distinct", &[LIST], Ty::List(&Ty::Any), distinct).returns_by(|args| Ok(args[0].ty())),
    Function::new("element", &[SEQUENCE, Param::new("index", Ty::Number)], Ty::Any, element)
        .returns_by(element_type)
        .may_be_null(),
    Function::new("flatten", &[SEQUENCE.allow_unknown()], Ty::Any, flatten),
    Function::new(
        "matchkeys",
        &[
            Param::new("values", Ty::List(&Ty::Any)),
            Param::new("keys", Ty::List(&Ty::Any)),
            Param::new("searchset", Ty::List(&Ty::Any)),
        ],
        Ty::List(&Ty::Any),
        matchkeys,
    )
    .returns_by(|args| common_key_type(args).map(|_| args[0].ty())),
    Function::new("reverse", &[SEQUENCE], Ty::Any, reverse).returns_by(reverse_type),
    Function::new(
        "slice",
        &[SEQUENCE, Param::new("start_index", Ty::Number), Param::new("end_index", Ty::Number)],
        Ty::Any,
        slice,
    )
    .returns_by(slice_type),
    Function::new("sort", &[STRINGS.allow_unknown()], Ty::List(&Ty::String), sort),
    Function::new("list", &[], Ty::Any, |_, _| {
        Err(FuncError::failed(
            "the \"list\" function was deprecated in Terraform v0.12 and is no longer available; use tolist([ ... ]) \
             to write a literal list",
        ))
    })
    .variadic(Param::new("vals", Ty::Any).allow_null().allow_unknown().allow_dynamic().allow_marked()),
];

fn list_element(value: &Value) -> Type {
    match value.kind() {
        ValueKind::List(element, _) => element.clone(),
        _ => value.ty().element().cloned().unwrap_or(Type::Dynamic),
    }
}

fn chunklist(args: &[Value], _: &FuncContext) -> Result {
    let marks = args[0].marks().union(args[1].marks());
    let size = integer(args, 1)?;
    let size = usize::try_from(size).map_err(|_| FuncError::failed("the size argument must be positive"))?;
    let (element, given) = (list_element(&args[0]), items(args, 0));
    let size = if size == 0 { given.len().max(1) } else { size };
    let chunks = given.chunks(size).map(|chunk| Value::list(element.clone(), chunk.iter().cloned()));
    Ok(Value::list(Type::list(element.clone()), chunks).with_marks(marks))
}

fn compact(args: &[Value], _: &FuncContext) -> Result {
    if !args[0].is_wholly_known() {
        return Ok(Value::unknown(Type::list(Type::String)));
    }
    let kept = items(args, 0).iter().filter(|v| !v.is_null() && v.as_str() != Some(""));
    Ok(Value::list(Type::String, kept.cloned()))
}

/// A list if all arguments are lists of types that unify, otherwise a tuple.
fn concat_type(args: &[Value]) -> Result<Type> {
    if args.is_empty() {
        return Err(FuncError::failed("at least one argument is required"));
    }
    let types: Vec<Type> = args.iter().map(Value::ty).collect();
    let elements: Option<Vec<Type>> = types
        .iter()
        .map(|ty| if let Type::List(element) = ty { Some(Type::clone(element)) } else { None })
        .collect();
    if let Some(common) = elements.and_then(|elements| unify_unsafe(&elements)) {
        return Ok(Type::list(common));
    }
    let mut all = Vec::new();
    for (i, (arg, ty)) in args.iter().zip(&types).enumerate() {
        match ty {
            Type::Tuple(types) => all.extend(types.iter().cloned()),
            Type::List(element) => match arg.as_slice() {
                Some(items) => all.extend(std::iter::repeat_n(Type::clone(element), items.len())),
                None => return Ok(Type::Dynamic),
            },
            other => {
                let message = format!("all arguments must be lists or tuples; got {}", other.friendly_name());
                return Err(FuncError::argument(i, message));
            }
        }
    }
    Ok(Type::tuple(all))
}

fn concat(args: &[Value], _: &FuncContext) -> Result {
    let ty = concat_type(args)?;
    let marks = args.iter().fold(Marks::NONE, |marks, arg| marks.union(arg.marks()));
    let joined: Vec<Value> = (0..args.len()).flat_map(|i| items(args, i)).cloned().collect();
    let result = match &ty {
        Type::List(element) => {
            let mut converted = Vec::with_capacity(joined.len());
            for item in &joined {
                converted.push(convert(item, element).map_err(|e| FuncError::failed(e.message))?);
            }
            Value::list(Type::clone(element), converted)
        }
        _ => Value::tuple(joined),
    };
    Ok(result.with_marks(marks))
}

fn distinct(args: &[Value], _: &FuncContext) -> Result {
    if !args[0].is_wholly_known() {
        return Ok(Value::unknown(args[0].ty()));
    }
    // Elements have one type, so that values are the same exactly when their encodings are.
    let mut seen = HashSet::new();
    let mut kept = Vec::new();
    for item in items(args, 0) {
        if seen.insert(json::encode(item).map_err(FuncError::failed)?) {
            kept.push(item.clone());
        }
    }
    Ok(Value::list(list_element(&args[0]), kept))
}

fn wrapped_index(args: &[Value], length: usize) -> Result<usize> {
    let index = integer(args, 1).map_err(|e| FuncError::failed(format!("invalid index: {}", e.message)))?;
    let Ok(index) = usize::try_from(index) else {
        return Err(FuncError::failed("cannot use element function with a negative index"));
    };
    if length == 0 {
        return Err(FuncError::failed("cannot use element function with an empty list"));
    }
    Ok(index % length)
}

fn element_type(args: &[Value]) -> Result<Type> {
    match args[0].ty() {
        Type::Tuple(types) if args[1].is_known() => Ok(types[wrapped_index(args, types.len())?].clone()),
        Type::Tuple(_) => Ok(Type::Dynamic),
        Type::List(element) => Ok(Type::clone(&element)),
        other => Err(FuncError::failed(format!("cannot read elements from {}", other.friendly_name()))),
    }
}

fn element(args: &[Value], _: &FuncContext) -> Result {
    let given = match args[0].kind() {
        ValueKind::List(_, items) | ValueKind::Tuple(items) => items,
        _ => return element_type(args).map(Value::unknown),
    };
    let at = wrapped_index(args, given.len())?;
    Ok(given[at].clone().with_marks(args[0].marks()))
}

/// Everything inside nested lists, sets and tuples, or none while not all of their lengths are known.
fn flattened(value: &Value, out: &mut Vec<Value>, marks: &mut Marks) -> bool {
    *marks = marks.union(value.marks());
    let (Some(elements), Some(_)) = (value.as_slice(), value.known_length()) else {
        return false;
    };
    let mut known = true;
    for item in elements {
        match item.kind() {
            ValueKind::List(..) | ValueKind::Set(..) | ValueKind::Tuple(_) => {
                known &= flattened(item, out, marks);
            }
            ValueKind::Unknown(Type::List(_) | Type::Set(_) | Type::Tuple(_) | Type::Dynamic, _) => {
                *marks = marks.union(item.marks());
                known = false;
            }
            _ => out.push(item.clone()),
        }
    }
    known
}

fn flatten(args: &[Value], _: &FuncContext) -> Result {
    if !matches!(args[0].ty(), Type::List(_) | Type::Set(_) | Type::Tuple(_)) {
        return Err(FuncError::failed("can only flatten lists, sets and tuples"));
    }
    let (mut out, mut marks) = (Vec::new(), Marks::NONE);
    let known = flattened(&args[0], &mut out, &mut marks);
    let result = if known { Value::tuple(out) } else { Value::unknown(Type::Dynamic) };
    Ok(result.with_marks(marks))
}

/// The type in which keys are compared with the search set.
fn common_key_type(args: &[Value]) -> Result<Type> {
    unify_unsafe(&[args[1].ty(), args[2].ty()])
        .ok_or_else(|| FuncError::failed("keys and searchset must be of the same type"))
}

fn matchkeys(args: &[Value], _: &FuncContext) -> Result {
    let ty = common_key_type(args)?;
    let values = items(args, 0);
    if values.len() != items(args, 1).len() {
        return Err(FuncError::failed("length of keys and values should be equal"));
    }
    if args.iter().any(|a| !a.is_wholly_known()) {
        return Ok(Value::unknown(args[0].ty()));
    }
    let converted = |i: usize| convert(&args[i], &ty).map_err(|e| FuncError::argument(i, e.message));
    let (keys, wanted) = (converted(1)?, converted(2)?);
    let matches = |key: &Value| {
        let wanted = wanted.as_slice().unwrap_or_default();
        wanted.iter().any(|w| ops::equal(key, w).as_bool() == Some(true))
    };
    let pairs = values.iter().zip(keys.as_slice().unwrap_or_default());
    let found: Vec<Value> = pairs.filter(|(_, key)| matches(key)).map(|(value, _)| value.clone()).collect();
    Ok(Value::list(list_element(&args[0]), found))
}

fn reverse_type(args: &[Value]) -> Result<Type> {
    match args[0].ty() {
        Type::Tuple(types) => Ok(Type::tuple(types.iter().rev().cloned())),
        Type::List(element) | Type::Set(element) => Ok(Type::List(element)),
        other => Err(FuncError::argument(
            0,
            format!("can only reverse list or tuple values, not {}", other.friendly_name()),
        )),
    }
}

fn reverse(args: &[Value], _: &FuncContext) -> Result {
    let ty = reverse_type(args)?;
    let reversed = items(args, 0).iter().rev().cloned();
    let result = match ty {
        Type::List(element) => Value::list(Type::clone(&element), reversed),
        _ => Value::tuple(reversed),
    };
    Ok(result.with_marks(args[0].marks()))
}

/// Start and end as far as they are known, checked against each other and the length.
fn slice_bounds(args: &[Value]) -> Result<(Option<usize>, Option<usize>)> {
    let length = match args[0].ty() {
        Type::Tuple(types) => Some(types.len()),
        Type::List(_) => args[0].as_slice().map(<[Value]>::len),
        Type::Set(_) => {
            return Err(FuncError::argument(
                0,
                "cannot slice a set, because its elements do not have indices; explicitly convert to a list if the \
                 ordering of the result is not important",
            ));
        }
        _ => return Err(FuncError::argument(0, "must be a list or tuple value")),
    };
    let bound = |i: usize, what: &str| -> Result<Option<usize>> {
        if !args[i].is_known() {
            return Ok(None);
        }
        let Ok(n) = usize::try_from(whole(args, i, what)?) else {
            return Err(FuncError::argument(i, format!("{what} must not be less than zero")));
        };
        if length.is_some_and(|length| n > length) {
            let message = format!("{what} must not be greater than the length of the list");
            return Err(FuncError::argument(i, message));
        }
        Ok(Some(n))
    };
    let (start, end) = (bound(1, "start index")?, bound(2, "end index")?);
    if let (Some(start), Some(end)) = (start, end)
        && start > end
    {
        return Err(FuncError::argument(1, "start index must not be greater than end index"));
    }
    Ok((start, end))
}

fn slice_type(args: &[Value]) -> Result<Type> {
    let bounds = slice_bounds(args)?;
    Ok(match (args[0].ty(), bounds) {
        (Type::Tuple(types), (Some(start), Some(end))) => Type::tuple(types[start..end].iter().cloned()),
        (Type::Tuple(_), _) => Type::Dynamic,
        (ty, _) => ty,
    })
}

fn slice(args: &[Value], _: &FuncContext) -> Result {
    let (Some(start), Some(end)) = slice_bounds(args)? else {
        return slice_type(args).map(Value::unknown);
    };
    let part = items(args, 0)[start..end].iter().cloned();
    let result = match args[0].kind() {
        ValueKind::List(element, _) => Value::list(element.clone(), part),
        _ => Value::tuple(part),
    };
    Ok(result.with_marks(args[0].marks()))
}

fn sort(args: &[Value], _: &FuncContext) -> Result {
    if !args[0].is_wholly_known() {
        let mut known = args[0].range();
        known.not_null = true;
        return Ok(Value::refined(Type::list(Type::String), known));
    }
    let mut sorted = Vec::new();
    for (i, item) in items(args, 0).iter().enumerate() {
        let Some(text) = item.as_str() else {
            let message = format!("given list element {i} is null; a null string cannot be sorted");
            return Err(FuncError::failed(message));
        };
        sorted.push((text, item));
    }
    sorted.sort_by_key(|(text, _)| *text);
    Ok(Value::list(Type::String, sorted.into_iter().map(|(_, item)| item.clone())))
}
