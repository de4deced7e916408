//! Functions over collections of any kind.

use ferroform_core::convert::{convert, unify_unsafe};
use ferroform_core::{Number, Refinements, Type, Value, ValueKind, ops};

use super::driver::arg::{integer, items, number};
use super::driver::{Function, Param, Ty};
use super::text as unicode;
use super::{FuncContext, FuncError};

type Result<T = Value> = std::result::Result<T, FuncError>;

const ANY_LIST: Param = Param::new("list", Ty::Any);
const BOOLS: Param = Param::new("list", Ty::List(&Ty::Bool));

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("alltrue", &[BOOLS], Ty::Bool, alltrue),
    Function::new("anytrue", &[BOOLS], Ty::Bool, anytrue),
    Function::new("coalesce", &[], Ty::Any, coalesce)
        .variadic(Param::new("vals", Ty::Any).allow_null().allow_unknown().allow_dynamic()),
    Function::new("coalescelist", &[], Ty::Any, coalescelist)
        .variadic(Param::new("vals", Ty::Any).allow_null().allow_unknown().allow_dynamic()),
    Function::new("contains", &[ANY_LIST, Param::new("value", Ty::Any)], Ty::Bool, contains),
    Function::new("index", &[ANY_LIST, Param::new("value", Ty::Any)], Ty::Number, index),
    Function::new(
        "length",
        &[Param::new("value", Ty::Any).allow_unknown().allow_dynamic().allow_marked()],
        Ty::Number,
        length,
    ),
    Function::new("one", &[ANY_LIST], Ty::Any, one).returns_by(one_type).may_be_null(),
    Function::new("range", &[], Ty::List(&Ty::Number), range).variadic(Param::new("params", Ty::Number)),
    Function::new("sum", &[ANY_LIST], Ty::Number, sum),
];

/// Characters as a reader sees them, elements, or attributes.
fn length(args: &[Value], _: &FuncContext) -> Result {
    let marks = args[0].marks();
    let length = match (args[0].kind(), args[0].ty()) {
        (ValueKind::String(text), _) => Value::number(unicode::length(text)),
        (ValueKind::Unknown(Type::String, known), _) => {
            // What is known of the beginning is whole characters.
            let least = known.as_ref().map_or(0, |known| unicode::length(&known.string_prefix));
            let number_min = Some((Number::from(least), true));
            Value::unknown_refined(Type::Number, Refinements { number_min, ..Refinements::not_null() })
        }
        (_, Type::Object(object)) => Value::number(object.attributes.len()),
        (_, Type::Dynamic) => Value::unknown(Type::Number),
        _ => ops::length(&args[0]).ok_or_else(|| {
            FuncError::failed("argument must be a string, a collection type, or a structural type")
        })?,
    };
    Ok(length.with_marks(marks))
}

/// Null counts as false. What follows an unknown element is not looked at.
fn alltrue(args: &[Value], _: &FuncContext) -> Result {
    let first = items(args, 0).iter().find(|v| v.as_bool() != Some(true));
    Ok(match first {
        Some(unknown) if !unknown.is_known() => Value::unknown(Type::Bool),
        other => Value::bool(other.is_none()),
    })
}

/// Null counts as false.
fn anytrue(args: &[Value], _: &FuncContext) -> Result {
    let elements = items(args, 0);
    if elements.iter().any(|v| v.as_bool() == Some(true)) {
        return Ok(Value::bool(true));
    }
    Ok(if elements.iter().all(Value::is_known) { Value::bool(false) } else { Value::unknown(Type::Bool) })
}

/// The first argument that is neither null nor an empty string, as the type that fits all.
fn coalesce(args: &[Value], _: &FuncContext) -> Result {
    let types: Vec<Type> = args.iter().map(Value::ty).collect();
    let common =
        unify_unsafe(&types).ok_or_else(|| FuncError::failed("all arguments must have the same type"))?;
    for (i, given) in args.iter().enumerate() {
        let value = convert(given, &common).map_err(|e| FuncError::argument(i, e.message))?;
        if !value.is_known() {
            return Ok(Value::unknown(common));
        }
        if !value.is_null() && value.as_str() != Some("") {
            return Ok(value);
        }
    }
    Err(FuncError::failed("no non-null, non-empty-string arguments"))
}

fn coalescelist(args: &[Value], _: &FuncContext) -> Result {
    if args.is_empty() {
        return Err(FuncError::failed("at least one argument is required"));
    }
    let known = args.iter().take_while(|arg| arg.is_known());
    if known.clone().any(|arg| !matches!(arg.ty(), Type::List(_) | Type::Tuple(_))) {
        return Err(FuncError::failed("coalescelist arguments must be lists or tuples"));
    }
    let chosen = args.iter().find(|arg| arg.as_slice().map_or(!arg.is_known(), |items| !items.is_empty()));
    match chosen {
        Some(unknown) if !unknown.is_known() => Ok(Value::unknown(Type::Dynamic)),
        Some(list) => Ok(list.clone()),
        None => Err(FuncError::failed("no non-null arguments")),
    }
}

fn contains(args: &[Value], _: &FuncContext) -> Result {
    match args[0].kind() {
        ValueKind::List(..) | ValueKind::Tuple(_) | ValueKind::Set(..) => {}
        _ => return Err(FuncError::failed("argument must be list, tuple, or set")),
    }
    ops::contains(&args[0], &args[1]).ok_or_else(|| FuncError::failed("argument must be list, tuple, or set"))
}

fn index(args: &[Value], _: &FuncContext) -> Result {
    let elements = match args[0].kind() {
        ValueKind::List(_, items) | ValueKind::Tuple(items) => items,
        _ => return Err(FuncError::failed("argument must be a list or tuple")),
    };
    if elements.is_empty() {
        return Err(FuncError::failed("cannot search an empty list"));
    }
    for (i, element) in elements.iter().enumerate() {
        match ops::equal(element, &args[1]).as_bool() {
            None => return Ok(Value::unknown(Type::Number)),
            Some(true) => return Ok(Value::number(i)),
            Some(false) => {}
        }
    }
    Err(FuncError::failed("item not found"))
}

fn one_type(args: &[Value]) -> Result<Type> {
    const WRONG_LENGTH: &str = "must be a list, set, or tuple value with either zero or one elements";
    match args[0].ty() {
        Type::List(element) | Type::Set(element) => Ok(Type::clone(&element)),
        Type::Tuple(types) => match &*types {
            [] => Ok(Type::Dynamic),
            [one] => Ok(one.clone()),
            _ => Err(FuncError::argument(0, WRONG_LENGTH)),
        },
        _ => Err(FuncError::argument(0, "must be a list, set, or tuple value")),
    }
}

fn one(args: &[Value], _: &FuncContext) -> Result {
    let ty = one_type(args)?;
    match (items(args, 0), args[0].known_length()) {
        (_, None) => Ok(Value::unknown(ty)),
        ([], _) => Ok(Value::null(ty)),
        ([only], _) => Ok(only.clone()),
        _ => Err(FuncError::argument(
            0,
            "must be a list, set, or tuple value with either zero or one elements",
        )),
    }
}

/// As many numbers as a range may have.
const MAX_RANGE: usize = 1024;

fn range(args: &[Value], _: &FuncContext) -> Result {
    let fails = |e: ferroform_core::number::NumberError| FuncError::failed(e.to_string());
    let zero = Number::from(0i64);
    let (start, end) = match args.len() {
        1 => (&zero, number(args, 0)),
        2 | 3 => (number(args, 0), number(args, 1)),
        _ => return Err(FuncError::failed("must have one, two, or three arguments")),
    };
    let step = match args.len() {
        3 => number(args, 2).clone(),
        _ => Number::from(if end < start { -1i64 } else { 1 }),
    };
    if step.is_zero() {
        return Err(FuncError::failed("step must not be zero"));
    }
    let down = step.signum() < 0;
    if down && end > start {
        return Err(FuncError::argument(2, "must be greater than zero when end is greater than start"));
    }
    if !down && end < start {
        return Err(FuncError::argument(2, "must be less than zero when end is less than start"));
    }
    let mut numbers = Vec::new();
    let mut current = start.clone();
    while if down { current > *end } else { current < *end } {
        if numbers.len() == MAX_RANGE {
            return Err(FuncError::failed(format!(
                "more than {MAX_RANGE} values were generated; either decrease the difference between start and end \
                 or use a smaller step"
            )));
        }
        numbers.push(Value::number(current.clone()));
        current = current.add(&step).map_err(fails)?;
    }
    Ok(Value::list(Type::Number, numbers))
}

fn sum(args: &[Value], _: &FuncContext) -> Result {
    let elements = match args[0].kind() {
        ValueKind::List(_, items) | ValueKind::Set(_, items) | ValueKind::Tuple(items) => items,
        ValueKind::Map(..) | ValueKind::Object(_) => {
            let message =
                format!("argument must be list, set, or tuple. Received {}", args[0].ty().friendly_name());
            return Err(FuncError::argument(0, message));
        }
        _ => return Err(FuncError::argument(0, "cannot sum noniterable")),
    };
    if elements.is_empty() {
        return Err(FuncError::argument(0, "cannot sum an empty list"));
    }
    if !args[0].is_wholly_known() {
        return Ok(Value::unknown(Type::Number));
    }
    let not_numbers = || FuncError::argument(0, "argument must be list, set, or tuple of number values");
    let mut total: Option<Number> = None;
    for element in elements.iter() {
        let converted = convert(element, &Type::Number).map_err(|_| not_numbers())?;
        let n = converted.as_number().ok_or_else(not_numbers)?;
        total = Some(match total {
            None => n.clone(),
            Some(total) => total.add(n).map_err(|e| FuncError::failed(e.to_string()))?,
        });
    }
    Ok(Value::number(total.ok_or_else(not_numbers)?))
}

/// A whole number that may serve as an index or a length; the message says what it is for.
pub(super) fn whole(args: &[Value], index: usize, what: &str) -> Result<i64> {
    integer(args, index).map_err(|e| FuncError::argument(index, format!("invalid {what}: {}", e.message)))
}
