//! A resource's turn: its instances planned, or its data source read, and its value made known.

use std::sync::Arc;

use ferroform_core::addr::{AbsResource, ConfigResource, ResourceInstance, ResourceMode};
use ferroform_core::schema::Schema;
use ferroform_core::{Diagnostic, Diagnostics, Span, Type, Value};
use ferroform_lang::config::ResourceBlock;
use ferroform_lang::eval::{Expansion, decode_body, expand};
use ferroform_plan::{Action, ActionReason, PlanMode, ResourceChange};
use ferroform_provider::Provider;
use ferroform_state::Object;

use super::instance::{InstanceInput, plan_instance};
use super::triggers;
use super::walk::Planner;
use crate::checks::Kind;
use crate::evaluate::conditions;
use crate::graph::NodeId;
use crate::state_values;
use crate::store::{Repetition, collect, keys};

/// A resource block with all that planning its instances needs.
pub(super) struct Visited<'b> {
    pub(super) node: NodeId,
    pub(super) block: &'b ResourceBlock,
    pub(super) provider_config: ferroform_core::addr::ProviderConfig,
    pub(super) provider: Arc<dyn Provider>,
    pub(super) schema: Arc<Schema>,
    /// The type that the schema implies.
    pub(super) ty: Type,
    pub(super) dependencies: Vec<ConfigResource>,
}

impl Planner<'_> {
    pub(super) async fn visit_resource(&mut self, id: NodeId, resource: &ConfigResource) {
        let config = self.setup.config.clone();
        let Some(block) = config.module(&resource.module).and_then(|m| m.resources.get(&resource.resource))
        else {
            return;
        };
        let provider_config = match config.provider_for(&resource.module, block) {
            Ok(provider) => provider,
            Err(diagnostic) => return self.diagnostics.push(diagnostic),
        };
        let (provider, schema, ty) =
            match self.provider_of(&provider_config, &resource.resource, Some(block.header)) {
                Ok(found) => found,
                Err(diagnostics) => return self.diagnostics.append(diagnostics),
            };
        let dependencies = self.dependencies(id);
        let visited = Visited { node: id, block, provider_config, provider, schema, ty, dependencies };
        let from_state = match self.options.mode {
            PlanMode::Normal => false,
            PlanMode::RefreshOnly => resource.resource.mode == ResourceMode::Managed,
            PlanMode::Destroy => self.state.resources.keys().any(|a| a.config() == *resource),
        };
        if from_state {
            return state_values::insert(&mut self.store, &self.state, resource, Some(&visited.schema));
        }
        self.find_imports(resource, block);
        self.store.results.begin(Kind::Resource, resource);
        for module in self.store.module_instances(&resource.module) {
            let address = AbsResource { module: module.clone(), resource: resource.resource.clone() };
            let scope = self.store.scope(&module);
            let (expansion, found) = expand(block.count.as_ref(), block.for_each.as_ref(), &scope);
            let failed = found.has_errors();
            self.diagnostics.append(found);
            if failed {
                continue;
            }
            let value = match resource.resource.mode {
                ResourceMode::Data => self.visit_data(&visited, &address, &expansion).await,
                _ => self.visit_managed(&visited, &address, &expansion).await,
            };
            self.store.module_mut(&module).resources.insert(resource.resource.clone(), value);
        }
        self.check_imported(resource);
    }

    async fn visit_managed(
        &mut self,
        visited: &Visited<'_>,
        address: &AbsResource,
        expansion: &Expansion,
    ) -> Value {
        let mut values = Vec::new();
        for key in keys(expansion) {
            let addr = address.instance(key.clone());
            let repetition = Repetition::of(expansion, key.as_ref());
            values.push(self.visit_instance(visited, &addr, repetition).await);
        }
        self.plan_surplus(visited, address, expansion).await;
        collect(expansion, values.into_iter())
    }

    /// Plans one instance and returns the value that expressions see of it.
    async fn visit_instance(
        &mut self,
        visited: &Visited<'_>,
        addr: &ResourceInstance,
        repetition: Repetition,
    ) -> Value {
        let nothing = Value::unknown(Type::Dynamic);
        let block = visited.block;
        let mut prior = self.priors.get(addr).cloned();
        let import = self.import_targets.remove(addr).filter(|_| prior.is_none());
        if !self.limits.includes_instance(Some(visited.node), addr) {
            return prior.map_or(nothing, |p| self.marked(&visited.schema, &p));
        }
        if let Some(target) = import {
            prior = self.import(visited, addr, target).await;
            if prior.is_none() {
                return nothing;
            }
        }
        let scope = self.store.scope(&addr.module).with_repetition(repetition.clone());
        let preconditions = &block.lifecycle.preconditions;
        let (mut found, tested) = conditions(preconditions, &scope, "Resource precondition failed");
        if found.has_errors() {
            self.report(found, None, Some(addr));
            return nothing;
        }
        let config = found.take(decode_body(&block.body, &visited.schema.block, &scope));
        self.store.report_resource(addr, preconditions, tested);
        let triggers = if prior.is_some() { self.triggered(block, addr, &repetition) } else { Ok(false) };
        let triggered = triggers.unwrap_or_else(|diagnostics| {
            found.append(diagnostics);
            false
        });
        if found.has_errors() {
            self.report(found, None, Some(addr));
            return nothing;
        }
        let force_replace = if self.options.replace.contains(addr) {
            Some(ActionReason::ReplaceByRequest)
        } else {
            triggered.then_some(ActionReason::ReplaceByTriggers)
        };
        let create_before_destroy = self.create_first[visited.node as usize];
        let input = InstanceInput {
            addr,
            provider: &*visited.provider,
            schema: &visited.schema,
            ty: &visited.ty,
            config,
            prior: prior.as_ref(),
            ignore: &block.lifecycle.ignore_changes,
            force_replace: force_replace.filter(|_| prior.is_some()),
            create_before_destroy,
            again: false,
        };
        let (plan, found_planning) = plan_instance(input).await;
        self.report(found, None, Some(addr));
        self.report(found_planning, Some((&block.body, block.header)), Some(addr));
        let Some(plan) = plan else { return nothing };
        if let (Action::NoOp, Some(prior)) = (plan.action, &prior)
            && prior.object.dependencies != visited.dependencies
        {
            // No operation will bring up to date what the object is said to need.
            let object =
                Object { dependencies: visited.dependencies.clone(), ..Object::clone(&prior.object) };
            self.state.set_current(addr, &visited.provider_config, Some(object));
        }
        let change = ResourceChange {
            addr: addr.clone(),
            deposed: None,
            provider: visited.provider_config.clone(),
            action: plan.action,
            reason: plan.reason,
            before: plan.before,
            after: plan.after,
            replace_paths: plan.replace_paths,
            config_unknown: plan.config_unknown,
            private: plan.private,
            dependencies: visited.dependencies.clone(),
            prior_dependencies: prior.map(|p| p.object.dependencies.clone()).unwrap_or_default(),
            create_before_destroy,
            source: Some(block.header),
        };
        if let Some((true, span)) = block.lifecycle.prevent_destroy
            && change.action.is_replace()
        {
            self.diagnostics.push(prevented(addr, span));
        }
        let after = change.after.clone();
        self.push_change(change);
        let scope = self.store.scope(&addr.module).with_repetition(repetition).with_self(after.clone());
        let postconditions = &block.lifecycle.postconditions;
        let (found, tested) = conditions(postconditions, &scope, "Resource postcondition failed");
        self.store.report_resource(addr, postconditions, tested);
        self.report(found, None, Some(addr));
        after
    }

    fn triggered(
        &self,
        block: &ResourceBlock,
        addr: &ResourceInstance,
        repetition: &Repetition,
    ) -> Result<bool, Diagnostics> {
        let scope = self.store.scope(&addr.module).with_repetition(repetition.clone());
        for expr in &block.lifecycle.replace_triggered_by {
            if triggers::fires(expr, &addr.module, &scope, &|resource| self.changes_of(resource))? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Plans the deletion of instances that the block no longer has.
    async fn plan_surplus(&mut self, visited: &Visited<'_>, address: &AbsResource, expansion: &Expansion) {
        let Some(known) = self.state.resources.get(address) else { return };
        let wanted: std::collections::BTreeSet<_> = keys(expansion).into_iter().collect();
        let surplus: Vec<ResourceInstance> = known
            .instances
            .keys()
            .filter(|k| !wanted.contains(*k))
            .map(|k| address.instance(k.clone()))
            .collect();
        for addr in surplus {
            let reason = match (expansion, &addr.key) {
                (Expansion::Count(_), Some(ferroform_core::addr::InstanceKey::Int(_))) => {
                    ActionReason::CountIndex
                }
                (Expansion::ForEach(_), Some(ferroform_core::addr::InstanceKey::String(_))) => {
                    ActionReason::EachKey
                }
                _ => ActionReason::WrongRepetition,
            };
            let prevent = visited.block.lifecycle.prevent_destroy;
            self.plan_deletion(&addr, None, reason, Some(visited.block.header), prevent).await;
        }
    }
}

/// The error for a deletion that `prevent_destroy` forbids.
pub(super) fn prevented(addr: &ResourceInstance, span: Span) -> Diagnostic {
    Diagnostic::error("Instance cannot be destroyed")
        .detail(format!(
            "{addr} has lifecycle.prevent_destroy set, and this plan would destroy its object. If that is what you want, \
             take prevent_destroy out; if not, limit the plan with -target or undo the change that leads to it."
        ))
        .subject(span)
        .address(addr.to_string())
}

/// Whether a change counts as pending for data sources that depend on it.
pub(super) fn is_pending(change: &ResourceChange) -> bool {
    change.is_managed() && !matches!(change.action, Action::NoOp | Action::Read | Action::Forget)
}
