//! Functions of providers: `provider::LOCAL::NAME(…)`, where LOCAL is a name from the module's `required_providers`.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use ferroform_core::addr::ProviderSource;
use ferroform_core::function::{Function, FunctionError, Parameter};
use ferroform_core::{Type, Value};

use super::driver::{Rule, check_count, prepare};
use super::{FuncError, FuncErrorKind, terraform};
use crate::config::Module;

/// The functions of one provider.
///
/// They are pure: what is planned must be what is applied, so that the same arguments must always give the same value.
pub trait FunctionSource: Send + Sync {
    /// How the function of a name is called; none if the provider does not have it.
    fn declaration(&self, name: &str) -> Option<&Function>;

    /// Calls a function that is declared. There are as many arguments as it takes; they have the declared types, carry
    /// no marks, and are null or unknown only where the declaration allows it.
    ///
    /// # Errors
    /// When the function has no value for these arguments.
    fn call(&self, name: &str, args: &[Value]) -> Result<Value, FunctionError>;
}

/// The functions of providers that one module can call.
#[derive(Clone, Default)]
pub struct ProviderFunctions(Arc<BTreeMap<Arc<str>, Required>>);

/// An entry of `required_providers`.
struct Required {
    source: ProviderSource,
    /// None when the provider is not at hand.
    functions: Option<Arc<dyn FunctionSource>>,
}

impl ProviderFunctions {
    /// What a module can call: functions of the providers in its `required_providers`. `functions` gives those of a
    /// provider that is at hand. Those of Terraform's own provider are the language's and need not be given.
    pub fn of(
        module: &Module,
        functions: impl Fn(&ProviderSource) -> Option<Arc<dyn FunctionSource>>,
    ) -> Self {
        let built_in = ProviderSource::built_in("terraform");
        let required = module.required_providers.iter().map(|(local, required)| {
            let source = required.source.clone();
            let functions: Option<Arc<dyn FunctionSource>> =
                if source == built_in { Some(Arc::new(terraform::Functions)) } else { functions(&source) };
            (local.clone(), Required { source, functions })
        });
        ProviderFunctions(Arc::new(required.collect()))
    }

    /// The function of a name with namespaces.
    ///
    /// # Errors
    /// When there is none; in Terraform's words.
    pub(super) fn find<'a>(&'a self, name: &'a str) -> Result<Callable<'a>, FuncError> {
        let missing = |message| {
            Err(FuncError { kind: FuncErrorKind::UnknownInNamespace, arg: None, message, parameter: None })
        };
        let parts: Vec<&str> = name.split("::").collect();
        let (local, function) = match parts[..] {
            ["provider", _] => {
                return missing(
                    "The function call must include the provider name after the \"provider::\" prefix."
                        .to_owned(),
                );
            }
            ["provider", local, .., function] => (local, function),
            _ => {
                return missing(format!(
                    "The function namespace {:?} is not valid. Provider function calls must use the \"provider::\" \
                     namespace prefix.",
                    parts.first().copied().unwrap_or_default()
                ));
            }
        };
        let Some(required) = self.0.get(local).filter(|_| parts.len() == 3) else {
            return missing(format!(
                "There is no function named {name:?}. Ensure that provider name {local:?} is declared in this module's \
                 required_providers block, and that this provider offers a function named {function:?}."
            ));
        };
        let Some(functions) = &required.functions else {
            return missing(format!(
                "The function {function:?} is of the provider {local:?}, which is {} and not part of this version of \
                 Ferroform.",
                required.source
            ));
        };
        match functions.declaration(function) {
            Some(declaration) => Ok(Callable { name, function, declaration, functions: &**functions }),
            None => {
                missing(format!("The function {function:?} is not available from the provider {local:?}."))
            }
        }
    }
}

impl fmt::Debug for ProviderFunctions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// A function of a provider.
pub(crate) struct Callable<'a> {
    /// As it is called, for messages.
    name: &'a str,
    /// As the provider calls it.
    function: &'a str,
    declaration: &'a Function,
    functions: &'a dyn FunctionSource,
}

impl Callable<'_> {
    /// The type of the result; [`Type::Dynamic`] where it depends on the arguments.
    pub(super) fn returns(&self) -> Type {
        self.declaration.returns.clone()
    }

    /// Calls it, see [`super::call`].
    pub(super) fn call(&self, args: &[Value]) -> Result<Value, FuncError> {
        let declared = self.declaration;
        let names = declared.parameters.iter().map(|p| &*p.name);
        check_count(self.name, names, declared.variadic.is_some(), args.len())?;
        self.prepare_and_call(args).map_err(|mut error| {
            error.parameter = error.arg.and_then(|i| declared.parameter(i)).map(|p| p.name.clone());
            error
        })
    }

    fn prepare_and_call(&self, args: &[Value]) -> Result<Value, FuncError> {
        let declared = self.declaration;
        let prepared = prepare(args, (0..args.len()).filter_map(|i| declared.parameter(i)).map(rule))?;
        if prepared.open {
            return Ok(Value::unknown(Type::Dynamic).with_marks(prepared.marks));
        }
        if prepared.unknown {
            return Ok(Value::unknown(self.returns()).with_marks(prepared.marks));
        }
        let value =
            self.functions.call(self.function, &prepared.values).map_err(|error| match error.argument {
                Some(index) if index < args.len() => FuncError::argument(index, error.message),
                _ => FuncError::failed(error.message),
            })?;
        // A provider may be someone else's program: what it gives is held against what it declared.
        let value = ferroform_core::convert::convert(&value, &declared.returns).map_err(|error| {
            FuncError::failed(format!(
                "the provider gave a value of another type than it declares: {}",
                error.message
            ))
        })?;
        Ok(value.with_marks(prepared.marks))
    }
}

fn rule(parameter: &Parameter) -> Rule {
    Rule {
        ty: parameter.ty.clone(),
        null: parameter.nullable,
        unknown: parameter.unknown,
        unknown_inside: parameter.unknown,
        // A null that is written out has no type of its own, and goes where anything goes.
        dynamic: parameter.ty == Type::Dynamic,
        marked: false,
    }
}
