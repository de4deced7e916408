//! What all functions have in common: converting arguments, null, unknown values and marks.

use std::borrow::Cow;
use std::sync::Arc;

use ferroform_core::convert;
use ferroform_core::{Marks, Type, Value};

use super::{FuncContext, FuncError, FuncErrorKind, Parameter, Signature};

/// A type that can stand in a constant table.
#[derive(Debug, Clone, Copy)]
pub(super) enum Ty {
    /// Whatever is given.
    Any,
    Bool,
    Number,
    String,
    List(&'static Ty),
    Set(&'static Ty),
    Map(&'static Ty),
}

impl Ty {
    pub(super) fn to_type(self) -> Type {
        match self {
            Ty::Any => Type::Dynamic,
            Ty::Bool => Type::Bool,
            Ty::Number => Type::Number,
            Ty::String => Type::String,
            Ty::List(element) => Type::list(element.to_type()),
            Ty::Set(element) => Type::set(element.to_type()),
            Ty::Map(element) => Type::map(element.to_type()),
        }
    }
}

/// What a function takes in one place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Param {
    name: &'static str,
    ty: Ty,
    null: bool,
    unknown: bool,
    dynamic: bool,
    marked: bool,
}

impl Param {
    /// A parameter for known, unmarked values other than null.
    pub(super) const fn new(name: &'static str, ty: Ty) -> Self {
        Param { name, ty, null: false, unknown: false, dynamic: false, marked: false }
    }

    /// The function deals with null itself.
    pub(super) const fn allow_null(self) -> Self {
        Param { null: true, ..self }
    }

    /// The function deals with unknown values itself.
    pub(super) const fn allow_unknown(self) -> Self {
        Param { unknown: true, ..self }
    }

    /// The function deals itself with values whose type is not known, the literal `null` among them.
    pub(super) const fn allow_dynamic(self) -> Self {
        Param { dynamic: true, ..self }
    }

    /// The function hands the marks of this argument on itself.
    pub(super) const fn allow_marked(self) -> Self {
        Param { marked: true, ..self }
    }

    fn describe(&self) -> Parameter {
        Parameter { name: self.name, ty: self.ty.to_type(), nullable: self.null }
    }

    fn rule(&self) -> Rule {
        Rule {
            ty: self.ty.to_type(),
            null: self.null,
            unknown: self.unknown,
            unknown_inside: true,
            dynamic: self.dynamic,
            marked: self.marked,
        }
    }
}

/// What is done with an argument before the function sees it.
pub(super) struct Rule {
    /// What it is converted to; [`Type::Dynamic`] for whatever is given.
    pub(super) ty: Type,
    /// The function takes null.
    pub(super) null: bool,
    /// The function takes unknown values.
    pub(super) unknown: bool,
    /// The function takes known values with unknown parts.
    pub(super) unknown_inside: bool,
    /// The function takes values whose type is not known.
    pub(super) dynamic: bool,
    /// The function takes marks.
    pub(super) marked: bool,
}

/// Arguments as a function sees them.
pub(super) struct Prepared {
    pub(super) values: Vec<Value>,
    /// The marks that were taken off, and belong on the result.
    pub(super) marks: Marks,
    /// The type of an argument is not known, so that nothing can be said of the result.
    pub(super) open: bool,
    /// The function cannot be called before an argument is known.
    pub(super) unknown: bool,
}

/// Converts arguments, refuses null and takes marks off.
pub(super) fn prepare(args: &[Value], rules: impl Iterator<Item = Rule>) -> Result<Prepared, FuncError> {
    let mut prepared =
        Prepared { values: Vec::with_capacity(args.len()), marks: Marks::NONE, open: false, unknown: false };
    for (i, (arg, rule)) in args.iter().zip(rules).enumerate() {
        let mut arg = match rule.ty {
            Type::Dynamic => Cow::Borrowed(arg),
            ty => {
                let converted = convert::convert(arg, &ty);
                Cow::Owned(converted.map_err(|e| FuncError::argument(i, e.message))?)
            }
        };
        if !rule.marked {
            let own = arg.marks_deep();
            if !own.is_empty() {
                prepared.marks = prepared.marks.union(own);
                arg = Cow::Owned(arg.without_marks_deep());
            }
        }
        if arg.is_null() && !rule.null {
            return Err(FuncError::argument(i, "argument must not be null"));
        }
        prepared.open |= !rule.dynamic && is_open(&arg);
        prepared.unknown |=
            !rule.unknown && !(arg.is_known() && (rule.unknown_inside || arg.is_wholly_known()));
        prepared.values.push(arg.into_owned());
    }
    Ok(prepared)
}

/// Whether as many arguments are given as the function takes.
pub(super) fn check_count<'p>(
    function: &str,
    mut parameters: impl ExactSizeIterator<Item = &'p str>,
    variadic: bool,
    given: usize,
) -> Result<(), FuncError> {
    let required = parameters.len();
    let error = |kind, arg, message| Err(FuncError { kind, arg: Some(arg), message, parameter: None });
    if let Some(missing) = parameters.nth(given) {
        let at_least = if variadic { "at least " } else { "" };
        let message = format!(
            "Function {function:?} expects {at_least}{required} argument(s). Missing value for {missing:?}."
        );
        return error(FuncErrorKind::NotEnough, given, message);
    }
    if given > required && !variadic {
        let message = format!("Function {function:?} expects only {required} argument(s).");
        return error(FuncErrorKind::TooMany, required, message);
    }
    Ok(())
}

/// The type of an unknown result.
#[derive(Clone, Copy)]
pub(super) enum Returns {
    /// Always this.
    Always(Ty),
    /// What follows from the arguments, some of which are unknown.
    By(fn(&[Value]) -> Result<Type, FuncError>),
}

/// The code of a function.
pub(super) type Run = fn(&[Value], &FuncContext) -> Result<Value, FuncError>;

/// The declaration of a function.
pub(crate) struct Function {
    pub(super) name: &'static str,
    params: &'static [Param],
    variadic: Option<Param>,
    returns: Returns,
    not_null: bool,
    run: Run,
}

impl Function {
    /// A function of fixed parameters whose result is never null.
    pub(super) const fn new(name: &'static str, params: &'static [Param], returns: Ty, run: Run) -> Self {
        Function { name, params, variadic: None, returns: Returns::Always(returns), not_null: true, run }
    }

    /// Any number of further arguments.
    pub(super) const fn variadic(self, param: Param) -> Self {
        Function { variadic: Some(param), ..self }
    }

    /// The result may be null, as far as can be said when arguments are unknown.
    pub(super) const fn may_be_null(self) -> Self {
        Function { not_null: false, ..self }
    }

    /// The type of the result follows from the arguments.
    pub(super) const fn returns_by(self, by: fn(&[Value]) -> Result<Type, FuncError>) -> Self {
        Function { returns: Returns::By(by), ..self }
    }

    pub(super) fn signature(&self) -> Signature {
        Signature {
            name: self.name,
            parameters: self.params.iter().map(Param::describe).collect(),
            variadic: self.variadic.as_ref().map(Param::describe),
            returns: match self.returns {
                Returns::Always(ty) => ty.to_type(),
                Returns::By(_) => Type::Dynamic,
            },
        }
    }

    fn param(&self, index: usize) -> Option<&Param> {
        self.params.get(index).or(self.variadic.as_ref())
    }

    /// Calls the function, see [`super::call`].
    pub(super) fn call(&self, args: &[Value], ctx: &FuncContext) -> Result<Value, FuncError> {
        check_count(self.name, self.params.iter().map(|p| p.name), self.variadic.is_some(), args.len())?;
        let named = |mut error: FuncError| {
            error.parameter = error.arg.and_then(|i| self.param(i)).map(|p| Arc::from(p.name));
            error
        };
        self.prepare_and_run(args, ctx).map_err(named)
    }

    fn prepare_and_run(&self, args: &[Value], ctx: &FuncContext) -> Result<Value, FuncError> {
        let rules = self.params.iter().chain(self.variadic.iter().cycle()).map(Param::rule);
        let prepared = prepare(args, rules)?;
        if prepared.open {
            return Ok(Value::unknown(Type::Dynamic).with_marks(prepared.marks));
        }
        let result = if prepared.unknown {
            Value::unknown(match self.returns {
                Returns::Always(ty) => ty.to_type(),
                Returns::By(by) => by(&prepared.values)?,
            })
        } else {
            (self.run)(&prepared.values, ctx)?
        };
        let result = if self.not_null { result.refine_not_null() } else { result };
        Ok(result.with_marks(prepared.marks))
    }
}

/// Whether a value's own type is not known yet.
fn is_open(value: &Value) -> bool {
    use ferroform_core::ValueKind;
    matches!(value.kind(), ValueKind::Null(Type::Dynamic) | ValueKind::Unknown(Type::Dynamic, _))
}

/// Taking arguments apart. The driver has converted and checked them, so that the fallbacks are never seen; they
/// spare the functions a panic all the same.
pub(super) mod arg {
    use ferroform_core::{Number, Value};

    /// A string argument.
    pub(in super::super) fn text(args: &[Value], index: usize) -> &str {
        args.get(index).and_then(Value::as_str).unwrap_or_default()
    }

    /// A number argument.
    pub(in super::super) fn number(args: &[Value], index: usize) -> &Number {
        static ZERO: Number = Number::ZERO;
        args.get(index).and_then(Value::as_number).unwrap_or(&ZERO)
    }

    /// The elements of a list, set or tuple argument.
    pub(in super::super) fn items(args: &[Value], index: usize) -> &[Value] {
        args.get(index).and_then(Value::as_slice).unwrap_or_default()
    }

    /// A number argument that must be whole and fit an `i64`.
    pub(in super::super) fn integer(args: &[Value], index: usize) -> Result<i64, super::FuncError> {
        let n = number(args, index);
        if !n.is_integer() {
            return Err(super::FuncError::failed(format!("value must be a whole number, not {n}")));
        }
        n.to_i64().ok_or_else(|| super::FuncError::failed(format!("the number {n} is too large")))
    }
}
