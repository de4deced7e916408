//! Values of resources as the state has them, for references from parts that are evaluated to parts that are not.

use std::collections::BTreeMap;

use ferroform_core::addr::{AbsResource, ConfigResource, InstanceKey};
use ferroform_core::schema::Schema;
use ferroform_core::{Type, Value};
use ferroform_state::{ResourceState, State};

use crate::objects;
use crate::store::Store;

/// Puts the value of a resource, as the state has it, into every module instance that the state knows of it.
pub(crate) fn insert(store: &mut Store, state: &State, resource: &ConfigResource, schema: Option<&Schema>) {
    let mut instances = store.module_instances(&resource.module);
    for address in state.resources.keys().filter(|a| a.config() == *resource) {
        if !instances.contains(&address.module) {
            instances.push(address.module.clone());
        }
    }
    for module in instances {
        let address = AbsResource { module: module.clone(), resource: resource.resource.clone() };
        let value = match state.resources.get(&address) {
            Some(known) => value_of(known, schema),
            None => Value::unknown(Type::Dynamic),
        };
        store.module_mut(&module).resources.insert(resource.resource.clone(), value);
    }
}

/// The value of a resource as the state has it: its shape follows the keys of the instances.
pub(crate) fn value_of(resource: &ResourceState, schema: Option<&Schema>) -> Value {
    let object = |object: &ferroform_state::Object| {
        let value = objects::decode_loosely(object, schema);
        match schema {
            Some(schema) => objects::mark(&schema.block, value, &object.sensitive_paths),
            None => value,
        }
    };
    let current: BTreeMap<&Option<InstanceKey>, Value> = resource
        .instances
        .iter()
        .filter_map(|(key, instance)| Some((key, object(instance.current.as_ref()?))))
        .collect();
    match current.keys().next() {
        None => Value::unknown(Type::Dynamic),
        Some(None) => current.into_values().next().unwrap_or_else(Value::null_dynamic),
        Some(Some(InstanceKey::Int(_))) => Value::tuple(current.into_values()),
        Some(Some(InstanceKey::String(_))) => {
            Value::object(current.into_iter().filter_map(|(key, value)| match key {
                Some(InstanceKey::String(name)) => Some((name.clone(), value)),
                _ => None,
            }))
        }
    }
}
