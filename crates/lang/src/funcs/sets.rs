//! Set algebra.

use ferroform_core::convert::{convert, unify_unsafe};
use ferroform_core::{Marks, Type, Value};

use super::driver::arg::items;
use super::driver::{Function, Param, Ty};
use super::{FuncContext, FuncError};

type Result<T = Value> = std::result::Result<T, FuncError>;

const ANY_SET: Ty = Ty::Set(&Ty::Any);
const FIRST: Param = Param::new("first_set", ANY_SET);
const OTHERS: Param = Param::new("other_sets", ANY_SET);

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("setintersection", &[FIRST], ANY_SET, |args, _| {
        operate(args, false, |kept, other| kept.retain(|item| other.contains(item)))
    })
    .variadic(OTHERS)
    .returns_by(result_type),
    Function::new("setproduct", &[], Ty::Any, product)
        .variadic(Param::new("sets", Ty::Any).allow_unknown().allow_marked())
        .returns_by(product_type),
    Function::new(
        "setsubtract",
        &[Param::new("a", ANY_SET), Param::new("b", ANY_SET)],
        ANY_SET,
        |args, _| operate(args, false, |kept, other| kept.retain(|item| !other.contains(item))),
    )
    .returns_by(result_type),
    Function::new("setunion", &[FIRST], ANY_SET, |args, _| {
        operate(args, true, |kept, other| kept.extend_from_slice(other))
    })
    .variadic(OTHERS)
    .returns_by(result_type),
];

/// A set of the type that all elements convert to; empty sets of no type in particular do not count.
fn result_type(args: &[Value]) -> Result<Type> {
    let mut elements = Vec::with_capacity(args.len());
    for arg in args {
        let element = arg.ty().element().cloned().unwrap_or(Type::Dynamic);
        if !(element == Type::Dynamic && arg.as_slice().is_some_and(<[Value]>::is_empty)) {
            elements.push(element);
        }
    }
    if elements.is_empty() {
        return Ok(Type::set(Type::Dynamic));
    }
    let common = unify_unsafe(&elements);
    common
        .map(Type::set)
        .ok_or_else(|| FuncError::failed("given sets must all have compatible element types"))
}

/// Combines the sets one after the other. Unless `unknown` elements do no harm, all must be known.
fn operate(args: &[Value], unknown: bool, combine: fn(&mut Vec<Value>, &[Value])) -> Result {
    let ty = result_type(args)?;
    let mut kept: Option<Vec<Value>> = None;
    for (i, arg) in args.iter().enumerate() {
        let set = convert(arg, &ty).map_err(|e| FuncError::argument(i, e.message))?;
        if !unknown && !set.is_wholly_known() {
            return Ok(Value::unknown(ty));
        }
        let elements = set.as_slice().unwrap_or_default();
        match &mut kept {
            None => kept = Some(elements.to_vec()),
            Some(kept) => combine(kept, elements),
        }
    }
    let element = ty.element().cloned().unwrap_or(Type::Dynamic);
    Ok(Value::set(element, kept.unwrap_or_default()))
}

/// A list of tuples if all arguments are lists or tuples, otherwise a set of tuples.
fn product_type(args: &[Value]) -> Result<Type> {
    if args.len() < 2 {
        return Err(FuncError::failed("at least two arguments are required"));
    }
    let mut elements = Vec::with_capacity(args.len());
    let mut ordered = true;
    for (i, arg) in args.iter().enumerate() {
        elements.push(match arg.ty() {
            Type::Set(element) => {
                ordered = false;
                Type::clone(&element)
            }
            Type::List(element) => Type::clone(&element),
            Type::Tuple(types) if types.is_empty() => Type::Dynamic,
            Type::Tuple(types) => unify_unsafe(&types)
                .ok_or_else(|| FuncError::argument(i, "all elements must be of the same type"))?,
            _ => return Err(FuncError::argument(i, "a set or a list is required")),
        });
    }
    let tuple = Type::tuple(elements);
    Ok(if ordered { Type::list(tuple) } else { Type::set(tuple) })
}

/// Products of more tuples than this are refused: a short expression must not take all memory.
const MAX_PRODUCT: usize = 1 << 22;

fn product(args: &[Value], _: &FuncContext) -> Result {
    let ty = product_type(args)?;
    let marks = args.iter().fold(Marks::NONE, |marks, arg| marks.union(arg.marks()));
    if args.iter().any(|arg| arg.known_length().is_none()) {
        return Ok(Value::unknown(ty).with_marks(marks));
    }
    let tuple = ty.element().cloned().unwrap_or(Type::Dynamic);
    let Type::Tuple(types) = &tuple else {
        return Err(FuncError::failed("at least two arguments are required"));
    };
    let total = (0..args.len()).try_fold(1usize, |n, i| n.checked_mul(items(args, i).len()));
    if total.is_none_or(|total| total > MAX_PRODUCT) {
        return Err(FuncError::failed(format!("the product would have more than {MAX_PRODUCT} elements")));
    }
    let mut rows: Vec<Vec<Value>> = vec![Vec::new()];
    for (i, element) in types.iter().enumerate() {
        let mut column = Vec::with_capacity(items(args, i).len());
        for item in items(args, i) {
            column.push(convert(item, element).map_err(|e| FuncError::argument(i, e.message))?);
        }
        rows = rows
            .iter()
            .flat_map(|row| column.iter().map(|item| row.iter().chain([item]).cloned().collect::<Vec<_>>()))
            .collect();
    }
    let rows = rows.into_iter().map(Value::tuple);
    let result = if matches!(ty, Type::List(_)) {
        Value::list(tuple.clone(), rows)
    } else {
        Value::set(tuple.clone(), rows)
    };
    Ok(result.with_marks(marks))
}
