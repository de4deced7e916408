//! Strings, apart from `format` and regular expressions.

use ferroform_core::{Refinements, Type, Value};

use super::driver::arg::{integer, items, text};
use super::driver::{Function, Param, Ty};
use super::text as unicode;
use super::{FuncContext, FuncError};

type Result = std::result::Result<Value, FuncError>;

const STR: Param = Param::new("str", Ty::String);

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("chomp", &[STR], Ty::String, |args, _| {
        Ok(Value::string(text(args, 0).trim_end_matches(['\r', '\n'])))
    }),
    Function::new("endswith", &[STR, Param::new("suffix", Ty::String)], Ty::Bool, |args, _| {
        Ok(Value::bool(text(args, 0).ends_with(text(args, 1))))
    }),
    Function::new("indent", &[Param::new("spaces", Ty::Number), STR], Ty::String, indent),
    Function::new("join", &[Param::new("separator", Ty::String)], Ty::String, join)
        .variadic(Param::new("lists", Ty::List(&Ty::String)).allow_unknown()),
    Function::new("lower", &[STR], Ty::String, |args, _| {
        Ok(Value::string_normalised(&text(args, 0).chars().map(unicode::lower).collect::<String>()))
    }),
    Function::new("upper", &[STR], Ty::String, |args, _| {
        Ok(Value::string_normalised(&text(args, 0).chars().map(unicode::upper).collect::<String>()))
    }),
    Function::new("title", &[STR], Ty::String, title),
    Function::new("split", &[Param::new("separator", Ty::String), STR], Ty::List(&Ty::String), split),
    Function::new(
        "startswith",
        &[STR.allow_unknown(), Param::new("prefix", Ty::String)],
        Ty::Bool,
        startswith,
    ),
    Function::new("strcontains", &[STR, Param::new("substr", Ty::String)], Ty::Bool, |args, _| {
        Ok(Value::bool(text(args, 0).contains(text(args, 1))))
    })
    .may_be_null(),
    Function::new("strrev", &[STR], Ty::String, |args, _| {
        Ok(Value::string_normalised(&unicode::clusters(text(args, 0)).rev().collect::<String>()))
    }),
    Function::new(
        "substr",
        &[STR, Param::new("offset", Ty::Number), Param::new("length", Ty::Number)],
        Ty::String,
        substr,
    ),
    Function::new("trim", &[STR, Param::new("cutset", Ty::String)], Ty::String, |args, _| {
        let cut = text(args, 1);
        Ok(Value::string_normalised(text(args, 0).trim_matches(|c| cut.contains(c))))
    }),
    Function::new("trimprefix", &[STR, Param::new("prefix", Ty::String)], Ty::String, |args, _| {
        let given = text(args, 0);
        Ok(Value::string_normalised(given.strip_prefix(text(args, 1)).unwrap_or(given)))
    }),
    Function::new("trimsuffix", &[STR, Param::new("suffix", Ty::String)], Ty::String, |args, _| {
        let given = text(args, 0);
        Ok(Value::string_normalised(given.strip_suffix(text(args, 1)).unwrap_or(given)))
    }),
    Function::new("trimspace", &[STR], Ty::String, |args, _| {
        Ok(Value::string_normalised(text(args, 0).trim()))
    }),
];

/// Results longer than this are refused: a short expression must not take all memory.
const MAX_LENGTH: usize = 1 << 28;

fn indent(args: &[Value], _: &FuncContext) -> Result {
    let spaces = usize::try_from(integer(args, 0)?)
        .map_err(|_| FuncError::failed("the number of spaces must not be negative"))?;
    let given = text(args, 1);
    let lines = given.matches('\n').count();
    if spaces.saturating_mul(lines).saturating_add(given.len()) > MAX_LENGTH {
        return Err(FuncError::failed("the indented text would be too long"));
    }
    Ok(Value::string(given.replace('\n', &format!("\n{}", " ".repeat(spaces)))))
}

fn join(args: &[Value], _: &FuncContext) -> Result {
    if args.len() < 2 {
        return Err(FuncError::failed("at least one list is required"));
    }
    if args.iter().any(|a| !a.is_wholly_known()) {
        return Ok(Value::unknown(Type::String));
    }
    let mut parts = Vec::new();
    for list in 1..args.len() {
        for (i, item) in items(args, list).iter().enumerate() {
            let Some(part) = item.as_str() else {
                let place = if args.len() > 2 { format!("{i} of list {list}") } else { i.to_string() };
                return Err(FuncError::argument(
                    list,
                    format!("element {place} is null; cannot concatenate null values"),
                ));
            };
            parts.push(part);
        }
    }
    Ok(Value::string_normalised(&parts.join(text(args, 0))))
}

fn title(args: &[Value], _: &FuncContext) -> Result {
    let mut start = true;
    let titled: String = text(args, 0)
        .chars()
        .map(|c| {
            let out = if start { unicode::title(c) } else { c };
            start = match c {
                '_' => false,
                c if c.is_ascii() => !c.is_ascii_alphanumeric(),
                c if c.is_alphanumeric() => false,
                c => c.is_whitespace(),
            };
            out
        })
        .collect();
    Ok(Value::string_normalised(&titled))
}

fn split(args: &[Value], _: &FuncContext) -> Result {
    let (separator, given) = (text(args, 0), text(args, 1));
    let part = Value::string_normalised;
    Ok(if separator.is_empty() {
        Value::list(Type::String, given.chars().map(|c| part(c.encode_utf8(&mut [0; 4]))))
    } else {
        Value::list(Type::String, given.split(separator).map(part))
    })
}

fn startswith(args: &[Value], _: &FuncContext) -> Result {
    let prefix = text(args, 1);
    let Some(given) = args[0].as_str() else {
        let known = args[0].refinements().map_or("", |r: &Refinements| &r.string_prefix);
        return Ok(if known.starts_with(prefix) {
            Value::bool(true)
        } else if !known.is_empty() && known.len() >= prefix.len() {
            Value::bool(false)
        } else {
            Value::unknown(Type::Bool)
        });
    };
    Ok(Value::bool(given.starts_with(prefix)))
}

/// A part of a text by characters as a reader sees them. A negative offset counts from the end, a negative length
/// means the rest.
fn substr(args: &[Value], _: &FuncContext) -> Result {
    let given = text(args, 0);
    let (offset, length) = (integer(args, 1)?, integer(args, 2)?);
    let offset = match usize::try_from(offset) {
        Ok(offset) => offset,
        Err(_) => {
            let back = usize::try_from(offset.unsigned_abs()).unwrap_or(usize::MAX);
            unicode::length(given).saturating_sub(back)
        }
    };
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    Ok(Value::string_normalised(&unicode::clusters(given).skip(offset).take(length).collect::<String>()))
}
