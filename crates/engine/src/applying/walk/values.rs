//! Values on the walk: of resources with all their instances, from what was done, planned or is in the state.

use std::sync::Arc;

use ferroform_core::addr::{AbsResource, ConfigResource, ProviderConfig, ResourceInstance};
use ferroform_core::schema::Schema;
use ferroform_core::{Diagnostics, Type, Value};
use ferroform_lang::config::ResourceBlock;
use ferroform_lang::eval::{Expansion, expand};
use ferroform_plan::{PlanMode, ResourceChange};
use ferroform_provider::ProviderSchema;

use super::Applier;
use crate::objects;
use crate::providers::resource_schema;
use crate::store::{collect, keys};

impl<'a> Applier<'a> {
    /// The block that a change comes from, if configuration has one.
    pub(super) fn block(&self, change: &ResourceChange) -> Option<&'a ResourceBlock> {
        let setup = self.setup;
        setup.config.module(&change.addr.module.path())?.resources.get(&change.addr.resource)
    }

    /// All instances of a resource are done: its value is known as a whole.
    pub(super) fn close_resource(&mut self, resource: &ConfigResource) {
        let config = self.setup.config.clone();
        let Some(block) = config.module(&resource.module).and_then(|m| m.resources.get(&resource.resource))
        else {
            return;
        };
        if self.plan.mode != PlanMode::Normal {
            return;
        }
        for module in self.store.module_instances(&resource.module) {
            let address = AbsResource { module: module.clone(), resource: resource.resource.clone() };
            let Some(expansion) = self.expansion(&address, block) else { continue };
            let values: Vec<Value> =
                keys(&expansion).into_iter().map(|key| self.instance_value(&address.instance(key))).collect();
            let value = collect(&expansion, values.into_iter());
            self.store.module_mut(&module).resources.insert(resource.resource.clone(), value);
        }
    }

    /// The value of an instance: what came of its operation, else what is planned, else what is in the state.
    fn instance_value(&mut self, addr: &ResourceInstance) -> Value {
        if let Some(index) = self.by_instance.get(addr) {
            return self.finals.get(index).unwrap_or(&self.plan.changes[*index].after).clone();
        }
        let resource = self.state.resources.get(&addr.resource());
        let Some(object) = self.state.current(addr).cloned() else { return Value::unknown(Type::Dynamic) };
        let schema = resource.map(|r| r.provider.clone()).and_then(|p| self.schema(&p, addr).ok());
        let value = objects::decode_loosely(&object, schema.as_deref());
        match schema {
            Some(schema) => objects::mark(&schema.block, value, &object.sensitive_paths),
            None => value,
        }
    }

    /// The instances of a block, evaluated once.
    pub(super) fn expansion(&mut self, address: &AbsResource, block: &ResourceBlock) -> Option<Expansion> {
        if let Some(known) = self.expansions.get(address) {
            return Some(known.clone());
        }
        let scope = self.store.scope(&address.module);
        let (expansion, found) = expand(block.count.as_ref(), block.for_each.as_ref(), &scope);
        let failed = found.has_errors();
        self.diagnostics.append(found);
        if failed {
            return None;
        }
        self.expansions.insert(address.clone(), expansion.clone());
        Some(expansion)
    }

    /// The schema of an object, looked up once.
    pub(super) fn schema(
        &mut self,
        provider: &ProviderConfig,
        addr: &ResourceInstance,
    ) -> Result<Arc<Schema>, Diagnostics> {
        let id = (provider.clone(), addr.resource.mode, addr.resource.type_name.clone());
        if let Some(schema) = self.schemas.get(&id) {
            return Ok(schema.clone());
        }
        let all: Arc<ProviderSchema> = self
            .setup
            .registry
            .schema(&provider.source)
            .ok_or_else(|| Diagnostics::from(self.setup.registry.missing(&provider.source, None)))?;
        let schema = Arc::new(resource_schema(&all, &provider.source, &addr.resource, None)?.clone());
        self.schemas.insert(id, schema.clone());
        Ok(schema)
    }
}
