//! What all functions have in common: converting arguments, null, unknown values and marks.

use std::borrow::Cow;

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
pub(super) struct Function {
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
        self.check_count(args.len())?;
        let named = |mut error: FuncError| {
            error.parameter = error.arg.and_then(|i| self.param(i)).map(|p| p.name);
            error
        };
        self.prepare_and_run(args, ctx).map_err(named)
    }

    fn prepare_and_run(&self, args: &[Value], ctx: &FuncContext) -> Result<Value, FuncError> {
        let mut marks = Marks::NONE;
        let mut open = false;
        let mut unknown = false;
        let mut prepared = Vec::with_capacity(args.len());
        for (i, (arg, param)) in
            args.iter().zip(self.params.iter().chain(self.variadic.iter().cycle())).enumerate()
        {
            let mut arg = match param.ty {
                Ty::Any => Cow::Borrowed(arg),
                ty => {
                    let converted = convert::convert(arg, &ty.to_type());
                    Cow::Owned(converted.map_err(|e| FuncError::argument(i, e.message))?)
                }
            };
            if !param.marked {
                let own = arg.marks_deep();
                if !own.is_empty() {
                    marks = marks.union(own);
                    arg = Cow::Owned(arg.without_marks_deep());
                }
            }
            if arg.is_null() && !param.null {
                return Err(FuncError::argument(i, "argument must not be null"));
            }
            open |= !param.dynamic && is_open(&arg);
            unknown |= !param.unknown && !arg.is_known();
            prepared.push(arg.into_owned());
        }
        if open {
            return Ok(Value::unknown(Type::Dynamic).with_marks(marks));
        }
        let result = if unknown {
            Value::unknown(match self.returns {
                Returns::Always(ty) => ty.to_type(),
                Returns::By(by) => by(&prepared)?,
            })
        } else {
            (self.run)(&prepared, ctx)?
        };
        let result = if self.not_null { result.refine_not_null() } else { result };
        Ok(result.with_marks(marks))
    }

    fn check_count(&self, given: usize) -> Result<(), FuncError> {
        let required = self.params.len();
        let error = |kind, arg, message| Err(FuncError { kind, arg: Some(arg), message, parameter: None });
        if let Some(missing) = self.params.get(given) {
            let at_least = if self.variadic.is_some() { "at least " } else { "" };
            let message = format!(
                "Function {:?} expects {at_least}{required} argument(s). Missing value for {:?}.",
                self.name, missing.name
            );
            return error(FuncErrorKind::NotEnough, given, message);
        }
        if given > required && self.variadic.is_none() {
            let message = format!("Function {:?} expects only {required} argument(s).", self.name);
            return error(FuncErrorKind::TooMany, required, message);
        }
        Ok(())
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
