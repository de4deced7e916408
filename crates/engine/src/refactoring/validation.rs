//! Whether statements about moves make sense, held against the instances that configuration declares.

use std::collections::BTreeMap;

use ferroform_core::addr::{InstanceKey, ModuleInstance, ModuleStep, Resource};
use ferroform_core::{Diagnostic, Diagnostics};
use ferroform_lang::Config;
use ferroform_lang::config::Endpoint;

use super::Statement;
use super::moves::order;
use crate::store::Store;

/// What is wrong with the `moved` blocks among the statements. To be called when everything was evaluated: it must be
/// known which instances there are.
pub(crate) fn validate(statements: &[Statement], config: &Config, store: &Store) -> Diagnostics {
    let mut diagnostics = Diagnostics::new();
    let mut by_from: BTreeMap<String, String> = BTreeMap::new();
    let mut by_to: BTreeMap<String, String> = BTreeMap::new();
    for statement in statements.iter().filter(|s| s.span.is_some()) {
        for module in store.module_instances(&statement.module) {
            let from = statement.shown(&statement.from, &module);
            let to = statement.shown(&statement.to, &module);
            if from == to {
                let detail = format!("This block says that {from} moved to where it is. Take it out.");
                diagnostics.push(problem("Redundant move statement", detail, statement));
                continue;
            }
            if is_declared(statement, &module, config, store) {
                let what = noun(&statement.from);
                let detail = format!(
                    "This block says that {from} moved away, but that {what} is declared still. Declare it as {to} \
                     instead, or take the block out."
                );
                diagnostics.push(problem("Moved object still exists", detail, statement));
            }
            let ambiguous = "Ambiguous move statements";
            match by_from.get(&from) {
                Some(other) if *other != to => {
                    let detail = format!(
                        "This block says that {from} moved to {to}, and another that it moved to {other}. It can have \
                         one destination only."
                    );
                    diagnostics.push(problem(ambiguous, detail, statement));
                }
                _ => _ = by_from.insert(from.clone(), to.clone()),
            }
            match by_to.get(&to) {
                Some(other) if *other != from => {
                    let detail = format!(
                        "This block says that {from} moved to {to}, and another that {other} moved there. Only one can \
                         have done so."
                    );
                    diagnostics.push(problem(ambiguous, detail, statement));
                }
                _ => _ = by_to.insert(to, from),
            }
        }
    }
    if !diagnostics.has_errors()
        && let Err(circle) = order(statements)
    {
        let root = ModuleInstance::root();
        let line = |index: &usize| {
            let statement = &statements[*index];
            let module = Some(statement.module.to_string()).filter(|m| !m.is_empty());
            let within = module.map(|m| format!(" (in {m})")).unwrap_or_default();
            let (from, to) = (statement.shown(&statement.from, &root), statement.shown(&statement.to, &root));
            format!("  - {from} → {to}{within}")
        };
        let lines: Vec<String> = circle.iter().map(line).collect();
        diagnostics.push(
            Diagnostic::error("Cyclic dependency in move statements")
                .detail(format!(
                    "These moved blocks follow each other in a circle, so that there is no place where objects end \
                     up:\n{}\n\nA chain of moves must end at an address that nothing moves away from.",
                    lines.join("\n")
                ))
                .subject(circle.first().and_then(|index| statements[*index].span)),
        );
    }
    diagnostics
}

fn problem(summary: &'static str, detail: String, statement: &Statement) -> Diagnostic {
    Diagnostic::error(summary).detail(detail).subject(statement.span)
}

fn noun(end: &Endpoint) -> &'static str {
    match (&end.resource, end.every) {
        (Some(_), true) => "resource",
        (Some(_), false) => "resource instance",
        (None, true) => "module call",
        (None, false) => "module instance",
    }
}

/// Whether configuration declares what a statement says is gone.
fn is_declared(statement: &Statement, module: &ModuleInstance, config: &Config, store: &Store) -> bool {
    let from = &statement.from;
    let within = |steps: &[ModuleStep]| ModuleInstance([&module.0[..], steps].concat().into());
    let Some(resource) = &from.resource else {
        let Some((last, way)) = from.modules.split_last() else { return false };
        let caller = within(way);
        if !from.every {
            let called = within(&from.modules);
            return store.module_instances(&called.path()).contains(&called);
        }
        return store.module_instances(&caller.path()).contains(&caller)
            && config.module(&caller.path()).is_some_and(|m| m.calls.contains_key(&last.name));
    };
    let module = within(&from.modules);
    let block = config.module(&module.path()).and_then(|m| m.resources.get(resource));
    let Some(block) = block.filter(|_| store.module_instances(&module.path()).contains(&module)) else {
        return false;
    };
    if from.every {
        return true;
    }
    match (&from.key, &block.count, &block.for_each) {
        (None, None, None) => true,
        (Some(InstanceKey::Int(index)), Some(_), _) => elements(store, &module, resource, |value| {
            value.as_slice().map(|items| items.len() as u64 > *index)
        }),
        (Some(InstanceKey::String(key)), None, Some(_)) => {
            elements(store, &module, resource, |value| Some(value.get(key).is_some()))
        }
        _ => false,
    }
}

/// What the value of a resource as a whole says of its instances; nothing if it takes no part in the plan.
fn elements(
    store: &Store,
    module: &ModuleInstance,
    resource: &Resource,
    say: impl Fn(&ferroform_core::Value) -> Option<bool>,
) -> bool {
    let value = store.module(module).and_then(|values| values.resources.get(resource));
    value.and_then(say).unwrap_or(false)
}
