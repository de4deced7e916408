//! Numbers.

use ferroform_core::number::NumberError;
use ferroform_core::{Number, Type, Value};

use super::collection::whole;
use super::driver::arg::{integer, number, text};
use super::driver::{Function, Param, Ty};
use super::{FuncContext, FuncError};

mod float;

const NUM: Param = Param::new("num", Ty::Number);
const NUMBERS: Param = Param::new("numbers", Ty::Number);

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("abs", &[NUM], Ty::Number, |args, _| Ok(Value::number(number(args, 0).abs()))),
    Function::new("ceil", &[NUM], Ty::Number, |args, _| Ok(Value::number(number(args, 0).ceil()))),
    Function::new("floor", &[NUM], Ty::Number, |args, _| Ok(Value::number(number(args, 0).floor()))),
    Function::new("log", &[NUM, Param::new("base", Ty::Number)], Ty::Number, |args, _| {
        result(float::log(number(args, 0).to_f64()) / float::log(number(args, 1).to_f64()))
    }),
    Function::new("max", &[], Ty::Number, |args, _| extreme(args, |a, b| a > b)).variadic(NUMBERS),
    Function::new("min", &[], Ty::Number, |args, _| extreme(args, |a, b| a < b)).variadic(NUMBERS),
    Function::new(
        "parseint",
        &[Param::new("number", Ty::Any), Param::new("base", Ty::Number)],
        Ty::Number,
        parseint,
    )
    .returns_by(|args| check_text(&args[0]).map(|()| Type::Number)),
    Function::new("pow", &[NUM, Param::new("power", Ty::Number)], Ty::Number, |args, _| {
        result(float::pow(number(args, 0).to_f64(), number(args, 1).to_f64()))
    }),
    Function::new("signum", &[NUM], Ty::Number, |args, _| Ok(Value::number(integer(args, 0)?.signum()))),
];

fn result(n: f64) -> Result<Value, FuncError> {
    let number = Number::from_f64(n);
    number
        .map(Value::number)
        .ok_or_else(|| FuncError::failed("the function has no value for the given number"))
}

fn extreme(args: &[Value], better: fn(&Number, &Number) -> bool) -> Result<Value, FuncError> {
    let mut best: Option<&Number> = None;
    for n in args.iter().filter_map(Value::as_number) {
        if best.is_none_or(|best| better(n, best)) {
            best = Some(n);
        }
    }
    best.cloned().map(Value::number).ok_or_else(|| FuncError::failed("must pass at least one number"))
}

fn check_text(value: &Value) -> Result<(), FuncError> {
    match value.ty() {
        Type::String => Ok(()),
        other => Err(FuncError::argument(
            0,
            format!("first argument must be a string, not {}", other.friendly_name()),
        )),
    }
}

fn parseint(args: &[Value], _: &FuncContext) -> Result<Value, FuncError> {
    check_text(&args[0])?;
    let base = whole(args, 1, "base")?;
    let Some(base) = u32::try_from(base).ok().filter(|base| (2..=62).contains(base)) else {
        return Err(FuncError::argument(1, "base must be a whole number between 2 and 62 inclusive"));
    };
    match Number::parse_int(text(args, 0), base) {
        Ok(n) => Ok(Value::number(n)),
        Err(NumberError::OutOfRange) => Err(FuncError::argument(0, "the number is too large")),
        Err(_) => {
            Err(FuncError::argument(0, format!("cannot parse {:?} as a base {base} integer", text(args, 0))))
        }
    }
}
