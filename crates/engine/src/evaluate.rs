//! Evaluating variables, locals, outputs and module calls, for planning and applying alike.

use std::sync::Arc;

use ferroform_core::addr::{ModuleInstance, ModuleStep, ProviderConfig};
use ferroform_core::schema::Block;
use ferroform_core::{Diagnostic, Diagnostics, Marks, Severity, Type, Value};
use ferroform_lang::Config;
use ferroform_lang::config::{Condition, Module, Output, ProviderBlock, Variable};
use ferroform_lang::eval::{
    ConditionOutcome, Expansion, Scope, check_condition, decode_body, describe_references, eval_expr, expand,
};
use ferroform_lang::variables::{check_validations, module_input};
use ferroform_plan::ConfigNode;

use crate::checks::{Kind, Outcome, Status, below, in_module};
use crate::store::{Repetition, Store};

/// Where the values of the root module's variables come from.
pub(crate) trait RootInputs {
    /// The value of a variable, converted and marked.
    fn value(&self, variable: &Variable) -> (Value, Diagnostics);
}

/// Evaluates a node other than a provider or resource in every instance of its module.
pub(crate) fn evaluate(
    node: &ConfigNode,
    config: &Config,
    inputs: &dyn RootInputs,
    store: &mut Store,
) -> Diagnostics {
    let path = node.module();
    let mut diagnostics = Diagnostics::new();
    let Some(module) = config.module(path) else { return diagnostics };
    let tested = match node {
        ConfigNode::VariableCheck(_, name) => Some((Kind::Variable, "var", name)),
        ConfigNode::Output(_, name) => Some((Kind::Output, "output", name)),
        ConfigNode::Check(_, name) => Some((Kind::Check, "check", name)),
        _ => None,
    };
    if let Some((kind, word, name)) = tested {
        store.results.begin(kind, &in_module(path, word, name));
    }
    for instance in store.module_instances(path) {
        diagnostics.append(match node {
            ConfigNode::Variable(_, name) => variable(name, module, &instance, config, inputs, store),
            ConfigNode::VariableCheck(_, name) => variable_check(name, module, &instance, store),
            ConfigNode::Local(_, name) => local(name, module, &instance, store),
            ConfigNode::Output(_, name) => output(name, module, &instance, store),
            ConfigNode::Call(_, name) => call(name, module, &instance, store),
            ConfigNode::Check(_, name) => check(name, module, &instance, store),
            ConfigNode::Provider(_) | ConfigNode::Resource(_) => Diagnostics::new(),
        });
    }
    if let ConfigNode::Call(path, name) = node {
        store.close_call(&path.child(name.clone()));
    }
    diagnostics
}

fn variable(
    name: &Arc<str>,
    module: &Module,
    instance: &ModuleInstance,
    config: &Config,
    inputs: &dyn RootInputs,
    store: &mut Store,
) -> Diagnostics {
    let Some(variable) = module.variables.get(name) else { return Diagnostics::new() };
    let (value, diagnostics) = match instance.parent() {
        None => inputs.value(variable),
        Some((caller, step)) => {
            let call = config.module(&caller.path()).and_then(|m| m.calls.get(&step.name));
            let Some(call) = call else { return Diagnostics::new() };
            let (given, mut diagnostics) = match call.inputs.get(name) {
                Some(input) => {
                    let repetition = store
                        .module(&caller)
                        .and_then(|m| m.calls.get(&step.name))
                        .map(|expansion| Repetition::of(expansion, step.key.as_ref()))
                        .unwrap_or_default();
                    let (value, diagnostics) =
                        eval_expr(&input.expr, &store.scope(&caller).with_repetition(repetition));
                    (Some((value, input.expr.span)), diagnostics)
                }
                None => (None, Diagnostics::new()),
            };
            if diagnostics.has_errors() {
                return diagnostics;
            }
            let value = diagnostics.take(module_input(variable, given, call.span));
            (value, diagnostics)
        }
    };
    store.module_mut(instance).variables.insert(name.clone(), value);
    diagnostics
}

fn variable_check(
    name: &Arc<str>,
    module: &Module,
    instance: &ModuleInstance,
    store: &mut Store,
) -> Diagnostics {
    let Some(variable) = module.variables.get(name) else { return Diagnostics::new() };
    let Some(value) = store.module(instance).and_then(|m| m.variables.get(name)) else {
        return Diagnostics::new();
    };
    let known = value.is_wholly_known();
    let diagnostics = check_validations(variable, value, &store.scope(instance));
    if !variable.validations.is_empty() {
        let mut outcome = Outcome::default();
        outcome.add(if known { Status::Pass } else { Status::Unknown }, None);
        let failed = diagnostics.iter().filter(|diagnostic| diagnostic.is_error());
        failed.for_each(|diagnostic| outcome.add(Status::Fail, Some(diagnostic.detail.clone())));
        report(Kind::Variable, "var", name, module, instance, outcome, store);
    }
    diagnostics
}

/// Keeps what came of the conditions of something that has a name in a module.
fn report(
    kind: Kind,
    word: &str,
    name: &str,
    module: &Module,
    instance: &ModuleInstance,
    outcome: Outcome,
    store: &mut Store,
) {
    let object = below(instance, &format!("{word}.{name}"));
    store.results.report(kind, &in_module(&module.path, word, name), &object, outcome);
}

fn local(name: &Arc<str>, module: &Module, instance: &ModuleInstance, store: &mut Store) -> Diagnostics {
    let Some(local) = module.locals.get(name) else { return Diagnostics::new() };
    let (value, diagnostics) = eval_expr(&local.expr, &store.scope(instance));
    store.module_mut(instance).locals.insert(name.clone(), value);
    diagnostics
}

fn output(name: &Arc<str>, module: &Module, instance: &ModuleInstance, store: &mut Store) -> Diagnostics {
    let Some(output) = module.outputs.get(name) else { return Diagnostics::new() };
    let scope = store.scope(instance);
    let (mut diagnostics, outcome) =
        conditions(&output.preconditions, &scope, "Module output value precondition failed");
    let mut value = Value::unknown(Type::Dynamic);
    if !diagnostics.has_errors() {
        value = diagnostics.take(eval_expr(&output.expr, &scope));
        value = check_marks(output, value, instance.is_root(), &mut diagnostics);
    }
    store.module_mut(instance).outputs.insert(name.clone(), value);
    if !output.preconditions.is_empty() {
        report(Kind::Output, "output", name, module, instance, outcome, store);
    }
    diagnostics
}

fn check_marks(output: &Output, value: Value, root: bool, diagnostics: &mut Diagnostics) -> Value {
    let marks = value.marks_deep();
    if root && !output.sensitive && marks.contains(Marks::SENSITIVE) {
        diagnostics.push(
            Diagnostic::error("Output refers to sensitive values")
                .detail(
                    "The value of this output is sensitive, or made of something that is. So that no secret is shown by \
                     accident, a root module's output must say sensitive = true to hand such a value out; if the value \
                     is no secret, wrap it in nonsensitive().",
                )
                .subject(output.span),
        );
    }
    if marks.contains(Marks::EPHEMERAL) && (root || !output.ephemeral) {
        diagnostics.push(
            Diagnostic::error("Ephemeral value not allowed")
                .detail("The value of this output is ephemeral: it is never kept, so it cannot be given out here.")
                .subject(output.expr.span),
        );
    }
    if output.sensitive { value.sensitive() } else { value }
}

fn call(name: &Arc<str>, module: &Module, instance: &ModuleInstance, store: &mut Store) -> Diagnostics {
    let Some(call) = module.calls.get(name) else { return Diagnostics::new() };
    let (expansion, diagnostics) =
        expand(call.count.as_ref(), call.for_each.as_ref(), &store.scope(instance));
    let expansion = if diagnostics.has_errors() { Expansion::Unknown } else { expansion };
    store.set_call(instance, name, expansion);
    diagnostics
}

/// What the assertions of a check come to: warnings only, unless one cannot be evaluated at all.
fn check(name: &Arc<str>, module: &Module, instance: &ModuleInstance, store: &mut Store) -> Diagnostics {
    let mut diagnostics = Diagnostics::new();
    let Some(check) = module.checks.get(name) else { return diagnostics };
    let mut tested = Outcome::default();
    if let Some(why) = store.module(instance).and_then(|values| values.failed_checks.get(name)) {
        // That its data source cannot be read has been said.
        tested.add(Status::Fail, Some(why.clone()));
        report(Kind::Check, "check", name, module, instance, tested, store);
        return diagnostics;
    }
    let scope = store.scope(instance);
    for condition in &check.asserts {
        let (outcome, found) = check_condition(condition, &scope);
        let told = |summary: &'static str, detail: String| {
            let warning = Diagnostic::warning(summary).detail(detail);
            at_condition(warning, condition, &scope)
        };
        match outcome {
            ConditionOutcome::Pass => diagnostics.append(found),
            ConditionOutcome::Fail(message) => {
                // A message that cannot be told is none.
                tested.add(Status::Fail, (!found.has_errors()).then(|| message.clone()));
                diagnostics.append(as_warnings(found));
                diagnostics.push(told("Check block assertion failed", message));
            }
            ConditionOutcome::Unknown => {
                tested.add(if found.has_errors() { Status::Error } else { Status::Unknown }, None);
                if !found.has_errors() {
                    let detail =
                        "What the condition depends on is known only after applying. It is checked then.";
                    diagnostics.push(told("Check block assertion known after apply", detail.to_owned()));
                }
                diagnostics.append(found);
            }
        }
    }
    report(Kind::Check, "check", name, module, instance, tested, store);
    diagnostics
}

/// The first error in a line.
pub(crate) fn first_error(diagnostics: &Diagnostics) -> Option<String> {
    let error = diagnostics.iter().find(|diagnostic| diagnostic.is_error())?;
    Some(format!("{}: {}", error.summary, error.detail))
}

/// A diagnostic with the place of a condition and the values that it refers to.
fn at_condition(diagnostic: Diagnostic, condition: &Condition, scope: &dyn Scope) -> Diagnostic {
    let expr = &condition.condition;
    let mut diagnostic = diagnostic.subject(expr.span).context(condition.span);
    diagnostic.values = describe_references(expr, scope);
    diagnostic
}

/// What goes wrong in a check stops nothing.
pub(crate) fn as_warnings(mut diagnostics: Diagnostics) -> Diagnostics {
    diagnostics.0.iter_mut().for_each(|diagnostic| diagnostic.severity = Severity::Warning);
    diagnostics
}

/// Checks conditions; one that cannot be told yet passes for now.
pub(crate) fn conditions(
    conditions: &[Condition],
    scope: &dyn Scope,
    summary: &'static str,
) -> (Diagnostics, Outcome) {
    let mut diagnostics = Diagnostics::new();
    let mut tested = Outcome::default();
    for condition in conditions {
        let (outcome, found) = check_condition(condition, scope);
        let broken = found.has_errors();
        diagnostics.append(found);
        match outcome {
            ConditionOutcome::Pass => {}
            ConditionOutcome::Unknown => {
                tested.add(if broken { Status::Error } else { Status::Unknown }, None);
            }
            ConditionOutcome::Fail(message) => {
                tested.add(Status::Fail, (!broken).then(|| message.clone()));
                diagnostics.push(at_condition(Diagnostic::error(summary).detail(message), condition, scope));
            }
        }
    }
    (diagnostics, tested)
}

/// The configuration of a provider without marks: what its block says, or nothing set when there is none.
pub(crate) fn provider_config(
    config: &ProviderConfig,
    block: Option<&ProviderBlock>,
    schema: &Block,
    store: &Store,
) -> (Value, Diagnostics) {
    let Some(block) = block else { return (empty_config(schema), Diagnostics::new()) };
    let step = |name: &Arc<str>| ModuleStep { name: name.clone(), key: None };
    let module = ModuleInstance(config.module.0.iter().map(step).collect());
    let (value, diagnostics) = decode_body(&block.body, schema, &store.scope(&module));
    (value.unmark_deep().0, diagnostics)
}

/// The value of a provider's configuration when there is no block: nothing set.
fn empty_config(block: &Block) -> Value {
    let attributes = block.attributes.iter().map(|(name, a)| (name.clone(), Value::null(a.ty.clone())));
    let blocks = block.blocks.iter().map(|(name, nested)| (name.clone(), nested.absent()));
    Value::object(attributes.chain(blocks))
}
