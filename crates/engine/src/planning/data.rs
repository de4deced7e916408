//! Data sources: read while planning when that is possible, else planned to be read while applying.

use ferroform_core::addr::{AbsResource, ConfigResource, ModulePath, ResourceInstance, ResourceMode};
use ferroform_core::schema::Block;
use ferroform_core::{Diagnostics, Type, Value};
use ferroform_lang::eval::{Expansion, decode_body};
use ferroform_lang::reference::{Reference, Referent};
use ferroform_plan::{Action, ActionReason, PlanMode, ResourceChange};
use ferroform_state::ObjectStatus;

use super::resources::{Visited, is_pending};
use super::walk::Planner;
use crate::evaluate::{as_warnings, conditions, first_error};
use crate::events::Event;
use crate::graph::resources_below;
use crate::objects;
use crate::store::{Repetition, collect, keys};

impl Planner<'_> {
    pub(super) async fn visit_data(
        &mut self,
        visited: &Visited<'_>,
        address: &AbsResource,
        expansion: &Expansion,
    ) -> Value {
        let pending = self.waits_for_changes(visited);
        // What is in the state of it is of the last run; it is written anew.
        self.state.resources.remove(address);
        let mut values = Vec::new();
        for key in keys(expansion) {
            let addr = address.instance(key.clone());
            let repetition = Repetition::of(expansion, key.as_ref());
            values.push(self.visit_data_instance(visited, &addr, repetition, pending).await);
        }
        collect(expansion, values.into_iter())
    }

    async fn visit_data_instance(
        &mut self,
        visited: &Visited<'_>,
        addr: &ResourceInstance,
        repetition: Repetition,
        pending: bool,
    ) -> Value {
        let nothing = Value::unknown(Type::Dynamic);
        let (block, schema) = (visited.block, &visited.schema);
        if !self.limits.includes_instance(Some(visited.node), addr) {
            return nothing;
        }
        let scope = self.store.scope(&addr.module).with_repetition(repetition.clone());
        let preconditions = &block.lifecycle.preconditions;
        let (mut found, tested) = conditions(preconditions, &scope, "Resource precondition failed");
        let config = found.take(decode_body(&block.body, &schema.block, &scope));
        self.store.report_resource(addr, preconditions, tested);
        let (bare, marks) = config.unmark_deep();
        let mut refused = None;
        if !found.has_errors() {
            let told = visited.provider.validate_data_source(&addr.resource.type_name, &bare);
            refused = block.check.as_ref().and_then(|_| first_error(&told));
            found.append(if refused.is_some() { as_warnings(told) } else { told });
        }
        let failed = found.has_errors();
        self.report(found, Some((&block.body, block.header)), Some(addr));
        if failed {
            return nothing;
        }
        let paths = super::instance::sensitive_paths(&marks);
        let reason = if !bare.is_wholly_known() {
            Some(ActionReason::ConfigUnknown)
        } else {
            pending.then_some(ActionReason::DependencyPending)
        };
        let unread = unread(&schema.block, &bare);
        if let Some(reason) = reason {
            let after = objects::mark(&schema.block, unread, &paths);
            self.plan_reading(visited, addr, reason, after.clone());
            return after;
        }
        let (mut value, found) = if refused.is_some() {
            (Value::null_dynamic(), Diagnostics::new())
        } else {
            self.events.emit(Event::ReadStarted { addr: addr.clone() });
            visited.provider.read_data_source(&addr.resource.type_name, bare).await
        };
        let why = refused.or_else(|| first_error(&found));
        let found = if block.check.is_some() { as_warnings(found) } else { found };
        self.report(found, Some((&block.body, block.header)), Some(addr));
        let failed = why.is_some();
        if let Some(why) = why {
            let Some(check) = &block.check else { return nothing };
            self.store.module_mut(&addr.module).failed_checks.insert(check.clone(), why);
            value = unread.unknown_as_null();
        } else {
            self.events.emit(Event::ReadDone { addr: addr.clone(), id: objects::id_of(&value) });
        }
        match objects::encode(&value, schema, paths.clone(), ObjectStatus::Ready, Vec::new()) {
            Ok(object) => self.state.set_current(addr, &visited.provider_config, Some(object)),
            Err(diagnostic) => self.diagnostics.push(diagnostic),
        }
        if failed {
            value = unread;
        }
        let value = objects::mark(&schema.block, value, &paths);
        if block.check.is_some() && self.options.mode == PlanMode::Normal {
            // What it says before applying is not what it may say after.
            self.plan_reading(visited, addr, ActionReason::CheckNested, value.clone());
        }
        let scope = self.store.scope(&addr.module).with_repetition(repetition).with_self(value.clone());
        let postconditions = &block.lifecycle.postconditions;
        let (found, tested) = conditions(postconditions, &scope, "Resource postcondition failed");
        self.store.report_resource(addr, postconditions, tested);
        self.report(found, None, Some(addr));
        value
    }

    /// Plans that a data source is read while applying.
    fn plan_reading(
        &mut self,
        visited: &Visited<'_>,
        addr: &ResourceInstance,
        reason: ActionReason,
        after: Value,
    ) {
        self.push_change(ResourceChange {
            addr: addr.clone(),
            deposed: None,
            provider: visited.provider_config.clone(),
            action: Action::Read,
            reason: Some(reason),
            before: Value::null(visited.schema.block.implied_type()),
            after,
            replace_paths: Vec::new(),
            config_unknown: reason == ActionReason::ConfigUnknown,
            private: Vec::new(),
            dependencies: visited.dependencies.clone(),
            prior_dependencies: Vec::new(),
            create_before_destroy: false,
            source: Some(visited.block.header),
        });
    }

    /// Whether something that `depends_on` names, here or in a calling module, will change.
    fn waits_for_changes(&self, visited: &Visited<'_>) -> bool {
        let mut seen = Vec::new();
        self.explicit_dependencies(&visited.block.module, &visited.block.depends_on, &mut seen);
        let mut path = visited.block.module.clone();
        while let Some((parent, name)) = path.parent() {
            if let Some(call) = self.setup.config.module(&parent).and_then(|m| m.calls.get(&name)) {
                self.explicit_dependencies(&parent, &call.depends_on, &mut seen);
            }
            path = parent;
        }
        seen.iter().any(|resource| {
            self.by_resource
                .iter()
                .filter(|(address, _)| address.config() == *resource)
                .any(|(_, changes)| changes.iter().any(|i| is_pending(&self.changes[*i])))
        })
    }

    /// The managed resources that references of a `depends_on` stand for; a data source stands for its own.
    fn explicit_dependencies(
        &self,
        module: &ModulePath,
        references: &[Reference],
        seen: &mut Vec<ConfigResource>,
    ) {
        for reference in references {
            let named = match &reference.referent {
                Referent::Resource(resource) => {
                    vec![ConfigResource { module: module.clone(), resource: resource.clone() }]
                }
                Referent::ModuleCall(call) | Referent::ModuleOutput(call, _) => {
                    resources_below(&self.setup.config, &module.child(call.clone()))
                }
                _ => continue,
            };
            for resource in named {
                if seen.contains(&resource) {
                    continue;
                }
                seen.push(resource.clone());
                if resource.resource.mode == ResourceMode::Data
                    && let Some(block) = self
                        .setup
                        .config
                        .module(&resource.module)
                        .and_then(|m| m.resources.get(&resource.resource))
                {
                    self.explicit_dependencies(&resource.module, &block.depends_on, seen);
                }
            }
        }
    }
}

/// A data source's object before it is read: as configured, unknown where only reading will tell.
pub(crate) fn unread(block: &Block, config: &Value) -> Value {
    let Some(attributes) = config.as_map() else { return Value::unknown(block.implied_type()) };
    Value::object(attributes.iter().map(|(name, value)| {
        let computed = block.attributes.get(name).is_some_and(|a| a.computed);
        let value = if computed && value.is_null() { Value::unknown(value.ty()) } else { value.clone() };
        (name.clone(), value)
    }))
}
