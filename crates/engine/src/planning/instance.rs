//! Planning one managed resource instance, apart from the walk over the graph.

use std::sync::Arc;

use ferroform_core::addr::ResourceInstance;
use ferroform_core::convert::value_conforms;
use ferroform_core::schema::{Block, Schema};
use ferroform_core::{AttrPath, Diagnostic, Diagnostics, Marks, Step, Type, Value, ValueKind};
use ferroform_lang::config::IgnoreChanges;
use ferroform_plan::{Action, ActionReason};
use ferroform_provider::{Occasion, PlanRequest, PlanResponse, Provider, proposed};
use ferroform_state::Object;

use crate::{compat, objects};

/// An object of the state, read.
#[derive(Debug, Clone)]
pub struct Prior {
    /// Its value, without marks.
    pub value: Value,
    /// The object as the state has it.
    pub object: Arc<Object>,
}

/// What planning an instance goes by.
pub struct InstanceInput<'a> {
    /// Which instance.
    pub addr: &'a ResourceInstance,
    /// Its provider, configured.
    pub provider: &'a dyn Provider,
    /// The schema of its type.
    pub schema: &'a Schema,
    /// The type that the schema implies, which all instances of a type share.
    pub ty: &'a Type,
    /// Its configuration with marks.
    pub config: Value,
    /// The object there is.
    pub prior: Option<&'a Prior>,
    /// The changes that do not count.
    pub ignore: &'a IgnoreChanges,
    /// A new object is wanted whatever the provider says.
    pub force_replace: Option<ActionReason>,
    /// A replacement makes the new object first.
    pub create_before_destroy: bool,
    /// It was planned before, and that plan is being applied.
    pub again: bool,
}

/// What is planned for an instance.
#[derive(Debug, Clone)]
pub struct InstancePlan {
    /// What is done.
    pub action: Action,
    /// Why.
    pub reason: Option<ActionReason>,
    /// The object before; marked.
    pub before: Value,
    /// The object after; marked.
    pub after: Value,
    /// The attributes that ask for a new object.
    pub replace_paths: Vec<AttrPath>,
    /// Configuration held unknown values.
    pub config_unknown: bool,
    /// The provider's own data.
    pub private: Vec<u8>,
}

/// Plans a creation, an update, a replacement or nothing.
///
/// None only with errors, which name attributes but not yet their place in configuration.
pub async fn plan_instance(input: InstanceInput<'_>) -> (Option<InstancePlan>, Diagnostics) {
    let block = &input.schema.block;
    let type_name = &input.addr.resource.type_name;
    let config_unknown = !input.config.is_wholly_known();
    let (config, marks) = input.config.unmark_deep();
    let mut diagnostics = reject_ephemeral(block, &marks);
    diagnostics.append(input.provider.validate_resource(type_name, &config));
    if diagnostics.has_errors() {
        return (None, diagnostics);
    }
    let null = Value::null(input.ty.clone());
    let prior = input.prior.map_or(&null, |p| &p.value);
    let kept = if prior.is_null() {
        config.clone()
    } else {
        ignore_changes(block, input.ignore, config.clone(), prior)
    };
    let private = input.prior.map(|p| p.object.private.clone()).unwrap_or_default();
    let ask = async |prior: &Value, config: &Value, private: Vec<u8>, occasion: Occasion| {
        let request = PlanRequest {
            type_name: type_name.clone(),
            prior: prior.clone(),
            proposed: proposed::proposed(block, prior, config),
            config: config.clone(),
            private,
            occasion: if input.again { Occasion::Apply } else { occasion },
        };
        input.provider.plan_resource(request).await
    };

    let strict = !input.provider.legacy_type_system(type_name);
    let check = |planned: &Value, config: &Value, prior: &Value| {
        let wrong = if strict { compat::plan_violations(block, config, prior, planned) } else { Vec::new() };
        compat::invalid_plan(input.addr, &wrong)
    };
    let mut response = ask(prior, &kept, private, Occasion::Plan).await;
    let Some(mut planned) = accept(&mut response, input.ty, input.addr, &mut diagnostics) else {
        return (None, diagnostics);
    };
    diagnostics.append(check(&planned, &kept, prior));
    let tainted = input.prior.is_some_and(|p| p.object.is_tainted());
    // A provider may name every flagged attribute; what counts is what changes.
    let replace_paths: Vec<AttrPath> = std::mem::take(&mut response.requires_replace)
        .into_iter()
        .filter(|path| prior.at(path) != planned.at(path) || contains_unknown(&planned, path))
        // What is tainted goes in any case.
        .filter(|_| !tainted)
        .collect();
    let reason = if prior.is_null() {
        None
    } else if tainted {
        Some(ActionReason::Tainted)
    } else if let Some(reason) = input.force_replace {
        Some(reason)
    } else if !replace_paths.is_empty() {
        Some(ActionReason::CannotUpdate)
    } else {
        None
    };
    if reason.is_some() {
        // The new object is planned as if there were none, so that what the provider computes is unknown again;
        // nothing of the old one is kept by ignore_changes. What the provider noted of the old one goes on, as the
        // deletion of the old one will be given it.
        let private = std::mem::take(&mut response.private);
        response = ask(&null, &config, private, Occasion::InPlaceOf(prior.clone())).await;
        match accept(&mut response, input.ty, input.addr, &mut diagnostics) {
            Some(value) => planned = value,
            None => return (None, diagnostics),
        }
        diagnostics.append(check(&planned, &config, &null));
    }
    if diagnostics.has_errors() {
        return (None, diagnostics);
    }

    let config_paths = sensitive_paths(&marks);
    let marks_changed = input.prior.is_some_and(|p| {
        let before = outside_schema(block, prior, &p.object.sensitive_paths);
        let after = outside_schema(block, &planned, &config_paths);
        before.len() != after.len() || before.iter().any(|path| !after.contains(path))
    });
    let action = match reason {
        Some(_) if input.create_before_destroy => Action::CreateThenDelete,
        Some(_) => Action::DeleteThenCreate,
        None if prior.is_null() => Action::Create,
        None if planned == *prior && !marks_changed => Action::NoOp,
        None => Action::Update,
    };
    let before_paths = input.prior.map(|p| p.object.sensitive_paths.as_slice()).unwrap_or_default();
    let plan = InstancePlan {
        action,
        reason,
        before: objects::mark(block, prior.clone(), before_paths),
        after: objects::mark(block, planned, &config_paths),
        replace_paths,
        config_unknown,
        private: response.private,
    };
    (Some(plan), diagnostics)
}

/// Takes the planned value out of an answer if it can be used.
fn accept(
    response: &mut PlanResponse,
    expected: &Type,
    addr: &ResourceInstance,
    diagnostics: &mut Diagnostics,
) -> Option<Value> {
    let failed = response.diagnostics.has_errors();
    diagnostics.append(std::mem::take(&mut response.diagnostics));
    if failed {
        return None;
    }
    match response.planned.take() {
        Some(value) if value_conforms(&value, expected) => Some(value),
        Some(_) | None => {
            diagnostics.push(
                Diagnostic::error("Provider produced invalid plan")
                    .detail("The provider planned an object that does not fit its own schema. This is a bug in the provider.")
                    .address(addr.to_string()),
            );
            None
        }
    }
}

fn contains_unknown(value: &Value, path: &AttrPath) -> bool {
    value.at(path).is_some_and(|v| !v.is_wholly_known())
}

/// The paths that configuration made sensitive.
pub(crate) fn sensitive_paths(marks: &[(AttrPath, Marks)]) -> Vec<AttrPath> {
    marks.iter().filter(|(_, m)| m.contains(Marks::SENSITIVE)).map(|(path, _)| path.clone()).collect()
}

/// Those of the paths that the schema does not make sensitive by itself.
fn outside_schema(block: &Block, value: &Value, paths: &[AttrPath]) -> Vec<AttrPath> {
    if paths.is_empty() {
        return Vec::new();
    }
    let by_schema = objects::mark_by_schema(block, value.clone()).sensitive_paths();
    paths.iter().filter(|path| !by_schema.iter().any(|s| s.is_prefix_of(path))).cloned().collect()
}

fn reject_ephemeral(block: &Block, marks: &[(AttrPath, Marks)]) -> Diagnostics {
    let ephemeral = marks.iter().filter(|(_, m)| m.contains(Marks::EPHEMERAL));
    let kept = ephemeral.filter(|(path, _)| match path.steps().first() {
        Some(Step::Attr(name)) => !block.attributes.get(name).is_some_and(|a| a.write_only),
        _ => true,
    });
    kept.map(|(path, _)| {
        Diagnostic::error("Invalid use of ephemeral value")
            .detail("An ephemeral value is never kept, so it cannot be given to an attribute that is kept in the state.")
            .attribute(path.clone())
    })
    .collect()
}

/// The configuration with what `ignore_changes` names taken from the object there is.
pub(super) fn ignore_changes(block: &Block, ignore: &IgnoreChanges, config: Value, prior: &Value) -> Value {
    match ignore {
        IgnoreChanges::None => config,
        IgnoreChanges::Paths(paths) => {
            paths.iter().fold(config, |config, (path, _)| take_over(&config, Some(prior), path.steps()))
        }
        IgnoreChanges::All => {
            let Some(attributes) = config.as_map() else { return config };
            Value::object(attributes.iter().map(|(name, value)| {
                let configurable = block.attributes.get(name).is_none_or(|a| a.is_configurable());
                let taken = if configurable { prior.get(name).unwrap_or(value) } else { value };
                (name.clone(), taken.clone())
            }))
        }
    }
}

/// `config` with the part at `steps` taken from `prior`: added, replaced or, for an element of a map that the prior
/// object lacks, removed.
fn take_over(config: &Value, prior: Option<&Value>, steps: &[Step]) -> Value {
    let Some((step, rest)) = steps.split_first() else {
        return prior.cloned().unwrap_or_else(|| config.clone());
    };
    let name = match step {
        Step::Attr(name) => Some(&**name),
        Step::Index(key) => key.as_str(),
    };
    match (config.kind(), name) {
        (ValueKind::Object(attributes), Some(name)) if attributes.contains_key(name) => {
            let before = prior.and_then(|p| p.get(name));
            Value::object(
                attributes.iter().map(|(k, v)| {
                    (k.clone(), if &**k == name { take_over(v, before, rest) } else { v.clone() })
                }),
            )
        }
        (ValueKind::Map(ty, entries), Some(name)) => {
            let mut entries = (**entries).clone();
            match (prior.and_then(|p| p.get(name)), entries.get(name)) {
                (Some(before), now) => {
                    let value = take_over(now.unwrap_or(before), Some(before), rest);
                    entries.insert(name.into(), value);
                }
                (None, _) => {
                    entries.remove(name);
                }
            }
            Value::map(ty.clone(), entries)
        }
        // A map that configuration leaves out altogether, with one element of the object to be kept.
        (ValueKind::Null(ferroform_core::Type::Map(ty)), Some(name)) => match prior.and_then(|p| p.get(name))
        {
            Some(before) => Value::map((**ty).clone(), [(name, before.clone())]),
            None => config.clone(),
        },
        (ValueKind::List(ty, items), None) => match index_of(step, items.len()) {
            Some(index) => {
                let before = prior.and_then(|p| p.as_slice()).and_then(|p| p.get(index));
                Value::list(
                    ty.clone(),
                    items.iter().enumerate().map(|(i, v)| {
                        if i == index && before.is_some() { take_over(v, before, rest) } else { v.clone() }
                    }),
                )
            }
            None => config.clone(),
        },
        _ => config.clone(),
    }
}

fn index_of(step: &Step, len: usize) -> Option<usize> {
    match step {
        Step::Index(key) => key.as_number()?.to_usize().filter(|i| *i < len),
        Step::Attr(_) => None,
    }
}
