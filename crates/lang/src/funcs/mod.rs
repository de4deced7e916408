//! The built-in functions: one file a family, each a table of declarations beside the code; and the way to those of
//! providers (`provider`).
//!
//! A function sees arguments that already have the declared types, are known and carry no marks, unless it declares
//! otherwise; the driver converts, refuses null, answers for unknown arguments and hands marks on. `try` and
//! `can` are not here: they take expressions, not values, and belong to the evaluator.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use ferroform_core::{Type, Value};

use crate::files::Files;

mod collection;
mod convert;
mod csv;
mod datetime;
mod driver;
mod encoding;
mod files;
mod format;
mod hash;
mod ip;
mod json;
mod lists;
mod maps;
mod numeric;
mod provider;
mod regexp;
mod sets;
mod string;
mod terraform;
#[cfg(test)]
mod tests;
mod text;
mod yaml;
mod yaml_write;

use driver::Function;
pub use provider::{FunctionSource, ProviderFunctions};

/// Renders a template: its text, the name to use in messages, an object or map of its variables, and the context in
/// which functions are called from inside it.
pub type TemplateFn = fn(text: &str, name: &str, vars: &Value, ctx: &FuncContext) -> Result<Value, FuncError>;

/// What functions may know beyond their arguments. Nothing is taken from the process's own surroundings.
#[derive(Clone)]
pub struct FuncContext {
    /// Where `file` and its kin read.
    pub files: Arc<dyn Files>,
    /// The directory of the module whose expression is evaluated, as `path.module` has it.
    pub module_dir: PathBuf,
    /// The directory of the root module, as `path.root` has it.
    pub root_dir: PathBuf,
    /// The absolute directory that `abspath` starts from.
    pub working_dir: PathBuf,
    /// The home directory, for a leading `~`; none if there is none.
    pub home: Option<PathBuf>,
    /// The moment of planning in RFC 3339, UTC, whole seconds, for `plantimestamp`; none while it is not known.
    pub plan_time: Option<Arc<str>>,
    /// The present moment in the same form, for `timestamp`. While planning it is none, and functions whose result
    /// differs from call to call (`timestamp`, `uuid`, `bcrypt`) give an unknown value: what is planned must be what
    /// is applied.
    pub present_time: Option<Arc<str>>,
    /// Renders templates for `templatefile` and `templatestring`.
    pub template: TemplateFn,
    /// Whether a template is being rendered; `templatefile` may not be called from inside one.
    pub in_template: bool,
    /// The functions of providers that the module can call.
    pub providers: ProviderFunctions,
}

impl fmt::Debug for FuncContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FuncContext").field("module_dir", &self.module_dir).finish_non_exhaustive()
    }
}

/// What kind of failure a call ended in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FuncErrorKind {
    /// There is no such function.
    Unknown,
    /// There is no such function in a namespace, or no such namespace.
    UnknownInNamespace,
    /// A required argument is missing.
    NotEnough,
    /// There are more arguments than the function takes.
    TooMany,
    /// One argument will not do.
    Argument,
    /// The call as a whole failed.
    Failed,
}

/// Why a call gave no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FuncError {
    /// The kind of failure.
    pub kind: FuncErrorKind,
    /// Which argument it is about, from zero.
    pub arg: Option<usize>,
    /// For [`FuncErrorKind::Argument`] and [`FuncErrorKind::Failed`] a phrase without a full stop; otherwise whole
    /// sentences.
    pub message: String,
    /// The name of the parameter concerned.
    pub parameter: Option<Arc<str>>,
}

impl FuncError {
    /// The call as a whole failed.
    pub fn failed(message: impl Into<String>) -> Self {
        FuncError { kind: FuncErrorKind::Failed, arg: None, message: message.into(), parameter: None }
    }

    /// The argument at an index, from zero, will not do.
    pub fn argument(index: usize, message: impl Into<String>) -> Self {
        FuncError {
            kind: FuncErrorKind::Argument,
            arg: Some(index),
            message: message.into(),
            parameter: None,
        }
    }

    /// The constant summary for a diagnostic, as Terraform words it.
    pub fn summary(&self) -> &'static str {
        match self.kind {
            FuncErrorKind::Unknown => "Call to unknown function",
            FuncErrorKind::UnknownInNamespace => "Unknown provider function",
            FuncErrorKind::NotEnough => "Not enough function arguments",
            FuncErrorKind::TooMany => "Too many function arguments",
            FuncErrorKind::Argument => "Invalid function argument",
            FuncErrorKind::Failed => "Error in function call",
        }
    }

    /// The detail for a diagnostic about a call of the function of this name.
    pub fn detail(&self, name: &str) -> String {
        match (self.kind, self.parameter.as_deref()) {
            (FuncErrorKind::Argument, Some(parameter)) => {
                format!("Invalid value for {parameter:?} parameter: {}.", self.message)
            }
            (FuncErrorKind::Argument | FuncErrorKind::Failed, _) => {
                format!("Call to function {name:?} failed: {}.", self.message)
            }
            _ => self.message.clone(),
        }
    }
}

impl fmt::Display for FuncError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for FuncError {}

/// A parameter as documentation shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// The name used in messages.
    pub name: &'static str,
    /// What arguments are converted to.
    pub ty: Type,
    /// Whether null is allowed.
    pub nullable: bool,
}

/// How a function is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// The name.
    pub name: &'static str,
    /// The parameters that every call must fill.
    pub parameters: Vec<Parameter>,
    /// What further arguments are, if there may be any.
    pub variadic: Option<Parameter>,
    /// The type of the result; [`Type::Dynamic`] where it depends on the arguments.
    pub returns: Type,
}

/// Calls a function by its name: one of the language, with or without the `core::` before it, or
/// `provider::LOCAL::NAME`.
///
/// Arguments are converted to what the function takes. Unknown arguments give an unknown result of the right type;
/// marks of the arguments are on the result.
///
/// # Errors
/// When there is no such function, or the call fails; see [`FuncError`].
pub fn call(name: &str, args: &[Value], ctx: &FuncContext) -> Result<Value, FuncError> {
    find(name, ctx)?.call(args, ctx)
}

/// A function that was found.
pub(crate) enum Found<'a> {
    /// One of the language.
    Core(&'static Function),
    /// One of a provider.
    Provider(provider::Callable<'a>),
}

impl Found<'_> {
    /// Calls it, see [`call`].
    pub(crate) fn call(&self, args: &[Value], ctx: &FuncContext) -> Result<Value, FuncError> {
        match self {
            Found::Core(function) => function.call(args, ctx),
            Found::Provider(function) => function.call(args),
        }
    }

    /// The type of its result, as far as it does not depend on the arguments.
    pub(crate) fn returns(&self) -> Type {
        match self {
            Found::Core(function) => function.signature().returns,
            Found::Provider(function) => function.returns(),
        }
    }
}

/// The function of a name. `try` and `can` are the evaluator's and not found.
///
/// # Errors
/// When there is no such function.
pub(crate) fn find<'a>(name: &'a str, ctx: &'a FuncContext) -> Result<Found<'a>, FuncError> {
    if let Some(function) = lookup(name) {
        return Ok(Found::Core(function));
    }
    if name.contains("::") {
        return ctx.providers.find(name).map(Found::Provider);
    }
    Err(FuncError {
        kind: FuncErrorKind::Unknown,
        arg: None,
        message: format!(
            "There is no function named {name:?}.{}",
            crate::suggest::did_you_mean(name, names().chain(["can", "try"]))
        ),
        parameter: None,
    })
}

/// The names of all functions of the language, in order.
pub fn names() -> impl Iterator<Item = &'static str> {
    table().keys().copied()
}

/// How the language's function of this name is called.
pub fn signature(name: &str) -> Option<Signature> {
    lookup(name).map(Function::signature)
}

fn lookup(name: &str) -> Option<&'static Function> {
    table().get(name.strip_prefix("core::").unwrap_or(name)).copied()
}

fn table() -> &'static BTreeMap<&'static str, &'static Function> {
    static TABLE: OnceLock<BTreeMap<&'static str, &'static Function>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let families: [&'static [Function]; 15] = [
            string::FUNCTIONS,
            format::FUNCTIONS,
            regexp::FUNCTIONS,
            collection::FUNCTIONS,
            lists::FUNCTIONS,
            maps::FUNCTIONS,
            sets::FUNCTIONS,
            numeric::FUNCTIONS,
            encoding::FUNCTIONS,
            convert::FUNCTIONS,
            ip::FUNCTIONS,
            files::FUNCTIONS,
            hash::FUNCTIONS,
            datetime::FUNCTIONS,
            yaml::FUNCTIONS,
        ];
        families.into_iter().flatten().map(|function| (function.name, function)).collect()
    })
}
