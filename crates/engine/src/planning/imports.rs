//! `import` blocks: objects that exist already and come under management.

use std::collections::BTreeMap;
use std::sync::Arc;

use ferroform_core::addr::{
    ConfigResource, InstanceKey, ModuleInstance, ModuleStep, ResourceInstance, ResourceMode,
};
use ferroform_core::convert::convert;
use ferroform_core::{Diagnostic, Diagnostics, Marks, Span, Type};
use ferroform_hcl::ast::Expr;
use ferroform_lang::config::{ImportBlock, ResourceBlock};
use ferroform_lang::eval::{Expansion, eval_expr, expand};
use ferroform_plan::PlanMode;
use ferroform_provider::ReadRequest;
use ferroform_state::{Object, ObjectStatus};

use super::instance::Prior;
use super::resources::Visited;
use super::walk::Planner;
use crate::objects;
use crate::store::{ModuleScope, Repetition, keys};

/// An object to be imported.
#[derive(Debug, Clone)]
pub(super) struct Target {
    id: String,
    /// The id as people may see it.
    shown: Arc<str>,
    span: Option<Span>,
}

/// What an id is shown as that must not be.
const HIDDEN: &str = "(sensitive value)";

impl Planner<'_> {
    /// Errors that need no values: targets that are not declared.
    pub(super) fn check_imports(&mut self) {
        if self.options.mode != PlanMode::Normal {
            return;
        }
        let config = self.setup.config.clone();
        for (path, module) in config.modules().filter(|(path, _)| !path.is_root()) {
            for import in &module.imports {
                self.diagnostics.push(
                    Diagnostic::error("Invalid import configuration")
                        .detail(format!(
                            "There is an import block in {path}. Only the root module may import: write the block there, \
                             with the whole address of the target."
                        ))
                        .subject(import.span),
                );
            }
        }
        for import in &config.root().imports {
            let module = config.module(&import.resource.module);
            match (module.and_then(|m| m.resources.get(&import.resource.resource)), &import.provider) {
                (None, _) => self.diagnostics.push(not_declared(&import.resource, Some(import.to.span))),
                (Some(_), Some(provider)) => self.diagnostics.push(
                    Diagnostic::error("Invalid import provider argument")
                        .detail(format!(
                            "{} is declared, and its resource block says which provider it has. Take this argument out; \
                             to choose a provider, set the argument there.",
                            import.resource
                        ))
                        .subject(provider.span),
                ),
                (Some(_), None) => {}
            }
        }
        for (addr, _) in &self.options.imports {
            let declared =
                config.module(&addr.module.path()).is_some_and(|m| m.resources.contains_key(&addr.resource));
            if !declared {
                self.diagnostics.push(not_declared(addr, None));
            }
        }
    }

    /// Finds out which instances of a resource are to be imported.
    pub(super) fn find_imports(&mut self, resource: &ConfigResource, block: &ResourceBlock) {
        if self.options.mode != PlanMode::Normal || resource.resource.mode != ResourceMode::Managed {
            return;
        }
        let config = self.setup.config.clone();
        for import in config.root().imports.iter().filter(|import| import.resource == *resource) {
            let (found, diagnostics) = self.targets(import, block);
            self.diagnostics.append(diagnostics);
            for (addr, target) in found {
                if self.import_targets.insert(addr.clone(), target).is_some() {
                    self.diagnostics.push(
                        Diagnostic::error(format!("Duplicate import configuration for \"{addr}\""))
                            .detail(format!(
                                "More than one import block, or more than one element of for_each, names {addr}. An object \
                                 can be imported once only."
                            ))
                            .subject(import.to.span),
                    );
                }
            }
        }
        for (addr, id) in self.options.imports.iter().filter(|(addr, _)| addr.config() == *resource) {
            let target = Target { id: id.clone(), shown: id.as_str().into(), span: None };
            self.import_targets.insert(addr.clone(), target);
        }
    }

    /// Reports what was to be imported of a resource and has no instance.
    pub(super) fn check_imported(&mut self, resource: &ConfigResource) {
        let left: Vec<ResourceInstance> =
            self.import_targets.keys().filter(|addr| addr.config() == *resource).cloned().collect();
        for addr in left {
            let target = self.import_targets.remove(&addr);
            if self.limits.includes_instance(None, &addr) {
                self.diagnostics.push(not_declared(&addr, target.and_then(|t| t.span)));
            }
        }
    }

    fn targets(
        &self,
        import: &ImportBlock,
        block: &ResourceBlock,
    ) -> (BTreeMap<ResourceInstance, Target>, Diagnostics) {
        let root = ModuleInstance::root();
        let (expansion, mut diagnostics) = expand(None, import.for_each.as_ref(), &self.store.scope(&root));
        let mut out = BTreeMap::new();
        if expansion == Expansion::Unknown {
            return (out, diagnostics);
        }
        for key in keys(&expansion) {
            let repetition = Repetition::of(&expansion, key.as_ref());
            let scope = self.store.scope(&root).with_repetition(repetition);
            let (addr, found) = address(import, block, &scope);
            diagnostics.append(found);
            let (id, found) = id(&import.id, &scope);
            diagnostics.append(found);
            if let (Some(addr), Some((id, shown))) = (addr, id) {
                out.insert(addr, Target { id, shown, span: Some(import.to.span) });
            }
        }
        (out, diagnostics)
    }

    /// Reads an object that is to be imported and takes it into the state that the plan starts from. None with errors.
    pub(super) async fn import(
        &mut self,
        visited: &Visited<'_>,
        addr: &ResourceInstance,
        target: Target,
    ) -> Option<Prior> {
        let type_name = addr.resource.type_name.clone();
        let place = target.span.unwrap_or(visited.block.header);
        let at_block = |found: Diagnostics| -> Diagnostics {
            found.into_iter().map(|d| if d.subject.is_none() { d.subject(place) } else { d }).collect()
        };
        let found = match visited.provider.import_resource(&type_name, &target.id).await {
            Ok(found) => found,
            Err(diagnostics) => {
                self.report(at_block(diagnostics), None, Some(addr));
                return None;
            }
        };
        let mut same = found.into_iter().filter(|object| object.type_name == type_name);
        let (Some(object), None) = (same.next(), same.next()) else {
            self.diagnostics.push(
                Diagnostic::error("Multiple import states not supported")
                    .detail(format!(
                        "The provider was asked for one object of type {type_name} and named none, or several. This is a \
                         bug in the provider."
                    ))
                    .subject(place)
                    .address(addr.to_string()),
            );
            return None;
        };
        let request = ReadRequest { type_name, prior: object.state, private: object.private };
        let response = visited.provider.read_resources(vec![request]).await.into_iter().next()?;
        let failed = response.diagnostics.has_errors();
        self.report(at_block(response.diagnostics), None, Some(addr));
        if failed {
            return None;
        }
        if response.state.is_null() {
            self.diagnostics.push(
                Diagnostic::error("Cannot import non-existent remote object")
                    .detail(format!(
                        "There is no object with the id {} to be imported to {addr}. Look for a mistake in the id; it may \
                         also be an object of another project or region than the provider is configured for.",
                        target.shown
                    ))
                    .subject(place)
                    .address(addr.to_string()),
            );
            return None;
        }
        let encoded = objects::encode(
            &response.state,
            &visited.schema,
            Vec::new(),
            ObjectStatus::Ready,
            response.private,
        );
        match encoded {
            Ok(object) => {
                let object = Object {
                    dependencies: visited.dependencies.clone(),
                    create_before_destroy: self.create_first[visited.node as usize],
                    ..object
                };
                self.state.set_current(addr, &visited.provider_config, Some(object.clone()));
                let prior = Prior { value: response.state, object: Arc::new(object) };
                self.priors.insert(addr.clone(), prior.clone());
                self.imports.insert(addr.clone(), target.shown);
                Some(prior)
            }
            Err(diagnostic) => {
                self.diagnostics.push(diagnostic.address(addr.to_string()));
                None
            }
        }
    }
}

/// The instance that `to` names.
fn address(
    import: &ImportBlock,
    block: &ResourceBlock,
    scope: &ModuleScope<'_>,
) -> (Option<ResourceInstance>, Diagnostics) {
    let mut diagnostics = Diagnostics::new();
    let mut found = Vec::with_capacity(import.keys.len());
    for expr in &import.keys {
        found.push(expr.as_ref().and_then(|expr| diagnostics.take(key(expr, scope))));
    }
    if diagnostics.has_errors() {
        return (None, diagnostics);
    }
    let mut found = found.into_iter();
    let step = |name: &Arc<str>| ModuleStep { name: name.clone(), key: found.next().flatten() };
    let module = ModuleInstance(import.resource.module.0.iter().map(step).collect());
    let key = found.next().flatten();
    let missing = match &key {
        Some(InstanceKey::Int(_)) if block.count.is_none() => Some("count"),
        Some(InstanceKey::String(_)) if block.for_each.is_none() => Some("for_each"),
        _ => None,
    };
    if let Some(missing) = missing {
        let detail = format!(
            "{} does not use {missing}, so that it has no instance with such a key.",
            import.resource
        );
        diagnostics.push(invalid_to(detail, import.to.span));
        return (None, diagnostics);
    }
    (Some(ResourceInstance { module, resource: import.resource.resource.clone(), key }), diagnostics)
}

fn key(expr: &Expr, scope: &ModuleScope<'_>) -> (Option<InstanceKey>, Diagnostics) {
    let (value, mut diagnostics) = eval_expr(expr, scope);
    if diagnostics.has_errors() {
        return (None, diagnostics);
    }
    let (value, _) = value.unmark_deep();
    let number = value.as_number().and_then(|n| n.to_u64()).map(InstanceKey::Int);
    let key = number.or_else(|| value.as_str().map(|text| InstanceKey::String(text.into())));
    if key.is_none() {
        let detail = "The key of an instance must be a text or a whole number that is known when planning.";
        diagnostics.push(invalid_to(detail.into(), expr.span));
    }
    (key, diagnostics)
}

/// The id, and what people may see of it.
fn id(expr: &Expr, scope: &ModuleScope<'_>) -> (Option<(String, Arc<str>)>, Diagnostics) {
    let (value, mut diagnostics) = eval_expr(expr, scope);
    if diagnostics.has_errors() {
        return (None, diagnostics);
    }
    let marks = value.marks_deep();
    let (value, _) = value.unmark_deep();
    let mut refuse = |summary: &'static str, detail: &str| {
        diagnostics.push(Diagnostic::error(summary).detail(detail.to_owned()).subject(expr.span));
        None
    };
    let invalid = "Invalid import id argument";
    let id = if marks.contains(Marks::EPHEMERAL) {
        refuse(invalid, "An ephemeral value cannot be the id of what is imported.")
    } else if value.is_null() {
        refuse(invalid, "The id of what is imported must not be null.")
    } else {
        match convert(&value, &Type::String) {
            Err(error) => {
                refuse("Incorrect value type", &format!("The id must be a text: {}.", error.message))
            }
            Ok(text) => match text.as_str() {
                None => refuse(
                    invalid,
                    "The id depends on something that is known only after applying, so that the import cannot be \
                     planned. Apply the rest first, for instance with -target, or write the id out.",
                ),
                Some("") => refuse(invalid, "The id of what is imported must not be empty."),
                Some(text) => Some(text.to_owned()),
            },
        }
    };
    let hidden = marks.contains(Marks::SENSITIVE);
    let id = id.map(|id| {
        let shown = if hidden { HIDDEN.into() } else { id.as_str().into() };
        (id, shown)
    });
    (id, diagnostics)
}

fn invalid_to(detail: String, span: Span) -> Diagnostic {
    Diagnostic::error("Invalid import 'to' expression").detail(detail).subject(span)
}

fn not_declared(addr: &dyn std::fmt::Display, span: Option<Span>) -> Diagnostic {
    Diagnostic::error("Configuration for import target does not exist")
        .detail(format!(
            "{addr} is to be imported, but configuration does not declare it. Write the resource block, with all its \
             arguments, or correct the address. Configuration is not generated."
        ))
        .subject(span)
}
