//! Module calls against the modules that they call.

use rustc_hash::FxHashMap;

use ferroform_core::convert::convert;
use ferroform_core::{Diagnostic, Diagnostics, Value};

use crate::config::content::{missing_argument, unsupported_argument};
use crate::config::{Module, ModuleCall};
use crate::eval::describe_path;

/// Checks arguments and passed providers; `values` are the arguments as far as they are known.
pub(super) fn check(
    caller: &Module,
    call: &ModuleCall,
    called: &Module,
    values: &FxHashMap<&str, Value>,
    diags: &mut Diagnostics,
) {
    for (name, variable) in &called.variables {
        if variable.default.is_none() && !call.inputs.contains_key(name) {
            diags.push(missing_argument(name, call.span));
        }
    }
    for (name, input) in &call.inputs {
        let Some(variable) = called.variables.get(name) else {
            let known = called.variables.keys().map(|k| &**k);
            diags.push(unsupported_argument(name, input.name.span, input.span, known, false));
            continue;
        };
        let Some(value) = values.get(&**name) else { continue };
        let why = if value.is_null() && !variable.nullable {
            variable.default.is_none().then(|| "required variable may not be set to null".to_owned())
        } else {
            convert(&variable.defaults.apply(value), &variable.ty).err().map(|error| {
                let at = describe_path(&error.path);
                if at.is_empty() { error.message } else { format!("{at}: {}", error.message) }
            })
        };
        if let Some(why) = why {
            diags.push(
                Diagnostic::error("Invalid value for input variable")
                    .detail(format!("The given value is not suitable for the variable {:?}: {why}.", &**name))
                    .subject(input.expr.span),
            );
        }
    }
    providers(caller, call, called, diags);
}

fn providers(caller: &Module, call: &ModuleCall, called: &Module, diags: &mut Diagnostics) {
    for (name, required) in &called.required_providers {
        for alias in &required.configuration_aliases {
            let is_passed = call
                .providers
                .iter()
                .any(|(child, _)| child.name == *name && child.alias.as_ref() == Some(alias));
            if !is_passed {
                diags.push(
                    Diagnostic::error("Missing required provider configuration")
                        .detail(format!(
                            "The child module requires an additional configuration for provider {}, with the local \
                             name \"{name}.{alias}\". Add an entry for {name}.{alias} to the \"providers\" argument of \
                             the module block to choose which provider configuration the module should use for that \
                             purpose.",
                            required.source
                        ))
                        .subject(call.span),
                );
            }
        }
    }
    for (child, parent) in &call.providers {
        let (inside, outside) = (called.provider_source(&child.name), caller.provider_source(&parent.name));
        let is_declared = called.required_providers.contains_key(&child.name)
            || called.providers.keys().any(|(name, _)| *name == child.name)
            || called.resources.values().any(|r| r.provider_name() == &*child.name);
        if is_declared && inside != outside {
            diags.push(
                Diagnostic::error("Provider type mismatch")
                    .detail(format!(
                        "The local name {:?} in {} is the provider {outside}, but {:?} in the called module is the \
                         provider {inside}.",
                        &*parent.name,
                        super::references::module_name(&caller.path),
                        &*child.name
                    ))
                    .subject(parent.span),
            );
        }
    }
}
