//! The state in memory: outputs and objects by address.

mod object;
mod readdress;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use ferroform_core::addr::{AbsResource, InstanceKey, ProviderConfig, ResourceInstance};
use ferroform_core::{Type, Value};

pub use object::{DeposedKey, Object, ObjectIdentity, ObjectStatus};

/// The version of Terraform whose behaviour is followed, which is written into statefiles.
pub const TERRAFORM_VERSION: &str = "1.11.4";

/// All that is known of the objects under management.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// What tells states of different origin apart: a UUID made when the state was begun. Empty in hand-made files.
    pub lineage: String,
    /// Counts the changes of what is kept; a higher number is a later state of the same lineage.
    pub serial: u64,
    /// The version of Terraform that wrote it last.
    pub terraform_version: String,
    /// Outputs of the root module.
    pub outputs: BTreeMap<Arc<str>, OutputValue>,
    /// Resources by address.
    pub resources: BTreeMap<AbsResource, ResourceState>,
    /// Results of checks as Terraform wrote them; none for `null`.
    pub check_results: Option<serde_json::Value>,
}

/// An output of the root module.
#[derive(Clone, PartialEq)]
pub struct OutputValue {
    /// The value, without marks.
    pub value: Value,
    /// The type it is written with.
    pub ty: Type,
    /// Whether it must not be shown.
    pub sensitive: bool,
}

/// Without the value, which may be secret.
impl fmt::Debug for OutputValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutputValue")
            .field("ty", &self.ty)
            .field("sensitive", &self.sensitive)
            .finish_non_exhaustive()
    }
}

/// What an old statefile says about a resource's instances. Terraform neither writes nor needs it any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EachMode {
    /// By `count`.
    List,
    /// By `for_each`.
    Map,
}

/// All instances of a resource.
#[derive(Debug, Clone, PartialEq)]
pub struct ResourceState {
    /// The provider configuration that looks after the objects.
    pub provider: ProviderConfig,
    /// The instances by key.
    pub instances: BTreeMap<Option<InstanceKey>, InstanceState>,
    /// The `each` of an old statefile, written back while it fits the keys.
    pub each: Option<EachMode>,
}

impl ResourceState {
    /// A resource without instances.
    pub fn new(provider: ProviderConfig) -> Self {
        ResourceState { provider, instances: BTreeMap::new(), each: None }
    }
}

/// The objects of one resource instance.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct InstanceState {
    /// The object that configuration speaks of.
    pub current: Option<Arc<Object>>,
    /// Objects that were replaced and still wait for their deletion.
    pub deposed: BTreeMap<DeposedKey, Arc<Object>>,
}

impl InstanceState {
    /// Whether there is no object at all.
    pub fn is_empty(&self) -> bool {
        self.current.is_none() && self.deposed.is_empty()
    }
}

impl State {
    /// A state without anything, of a new lineage.
    pub fn empty() -> Self {
        Self::with_lineage(uuid::Uuid::new_v4().to_string())
    }

    /// A state without anything, of the given lineage.
    pub fn with_lineage(lineage: impl Into<String>) -> Self {
        State {
            lineage: lineage.into(),
            serial: 0,
            terraform_version: TERRAFORM_VERSION.to_owned(),
            outputs: BTreeMap::new(),
            resources: BTreeMap::new(),
            check_results: None,
        }
    }

    /// Whether it holds neither objects nor outputs.
    pub fn is_empty(&self) -> bool {
        self.outputs.is_empty() && self.objects().next().is_none()
    }

    /// Whether both hold the same, apart from serial, lineage and the version that wrote them.
    pub fn same_content(&self, other: &State) -> bool {
        self.outputs == other.outputs
            && self.resources == other.resources
            && self.check_results == other.check_results
    }

    /// The objects of a resource instance; none when there is no such instance.
    pub fn instance(&self, address: &ResourceInstance) -> Option<&InstanceState> {
        self.resources.get(&address.resource())?.instances.get(&address.key)
    }

    /// The current object of a resource instance.
    pub fn current(&self, address: &ResourceInstance) -> Option<&Arc<Object>> {
        self.instance(address)?.current.as_ref()
    }

    /// A deposed object of a resource instance.
    pub fn deposed(&self, address: &ResourceInstance, key: DeposedKey) -> Option<&Arc<Object>> {
        self.instance(address)?.deposed.get(&key)
    }

    /// Every object with its address: by module, mode, type, name and key; the current object before deposed ones.
    pub fn objects(
        &self,
    ) -> impl Iterator<Item = (ResourceInstance, Option<&DeposedKey>, &ProviderConfig, &Arc<Object>)> {
        self.resources.iter().flat_map(|(address, resource)| {
            resource.instances.iter().flat_map(move |(key, instance)| {
                let current = instance.current.iter().map(|object| (None, object));
                let deposed = instance.deposed.iter().map(|(key, object)| (Some(key), object));
                current.chain(deposed).map(move |(deposed, object)| {
                    (address.instance(key.clone()), deposed, &resource.provider, object)
                })
            })
        })
    }

    /// Sets the current object of a resource instance, or removes it. The resource is looked after by `provider` from
    /// now on.
    pub fn set_current(
        &mut self,
        address: &ResourceInstance,
        provider: &ProviderConfig,
        object: Option<Object>,
    ) {
        match object {
            Some(object) => self.slot(address, provider).current = Some(Arc::new(object.normalised())),
            None => self.remove_current(address),
        }
    }

    /// Sets a deposed object of a resource instance, or removes it.
    pub fn set_deposed(
        &mut self,
        address: &ResourceInstance,
        key: DeposedKey,
        provider: &ProviderConfig,
        object: Option<Object>,
    ) {
        match object {
            Some(object) => {
                self.slot(address, provider).deposed.insert(key, Arc::new(object.normalised()));
            }
            None => self.remove_deposed(address, key),
        }
    }

    /// Forgets the current object of a resource instance.
    pub fn remove_current(&mut self, address: &ResourceInstance) {
        self.edit(address, |instance| instance.current = None);
    }

    /// Forgets a deposed object of a resource instance.
    pub fn remove_deposed(&mut self, address: &ResourceInstance, key: DeposedKey) {
        self.edit(address, |instance| {
            instance.deposed.remove(&key);
        });
    }

    /// Forgets all objects of a resource instance and returns them.
    pub fn remove_instance(&mut self, address: &ResourceInstance) -> Option<InstanceState> {
        let id = address.resource();
        let resource = self.resources.get_mut(&id)?;
        let removed = resource.instances.remove(&address.key);
        if resource.instances.is_empty() {
            self.resources.remove(&id);
        }
        removed
    }

    /// Makes the current object of a resource instance a deposed one, under a key that is free. None when there is no
    /// current object.
    pub fn depose(&mut self, address: &ResourceInstance) -> Option<DeposedKey> {
        let key = self.free_deposed_key(address);
        self.depose_as(address, key).then_some(key)
    }

    /// Makes the current object of a resource instance a deposed one under the given key. Whether there was a current
    /// object; nothing changes when there was none.
    pub fn depose_as(&mut self, address: &ResourceInstance, key: DeposedKey) -> bool {
        let Some(instance) =
            self.resources.get_mut(&address.resource()).and_then(|r| r.instances.get_mut(&address.key))
        else {
            return false;
        };
        match instance.current.take() {
            Some(object) => {
                instance.deposed.insert(key, object);
                true
            }
            None => false,
        }
    }

    /// Makes a deposed object the current one again. Whether that was possible: not when there is a current object, or
    /// no such deposed one.
    pub fn restore_deposed(&mut self, address: &ResourceInstance, key: DeposedKey) -> bool {
        let Some(instance) =
            self.resources.get_mut(&address.resource()).and_then(|r| r.instances.get_mut(&address.key))
        else {
            return false;
        };
        if instance.current.is_some() {
            return false;
        }
        instance.current = instance.deposed.remove(&key);
        instance.current.is_some()
    }

    /// Gives all objects of a resource instance another address. Whether that was done: not when there are none, or when
    /// the new address has objects already. The provider configuration stays.
    pub fn move_instance(&mut self, from: &ResourceInstance, to: &ResourceInstance) -> bool {
        let Some(provider) = self.resources.get(&from.resource()).map(|r| r.provider.clone()) else {
            return false;
        };
        if from == to || self.instance(from).is_none() || self.instance(to).is_some() {
            return false;
        }
        let Some(objects) = self.remove_instance(from) else { return false };
        *self.slot(to, &provider) = objects;
        true
    }

    /// A key that no deposed object of the instance has. The same state gives the same key, so that runs can be
    /// repeated exactly; later serials give others.
    pub fn free_deposed_key(&self, address: &ResourceInstance) -> DeposedKey {
        let taken = self.instance(address).map(|i| &i.deposed);
        let mut key = DeposedKey::derive(&self.lineage, self.serial, address);
        // Fewer objects than keys: this ends.
        while taken.is_some_and(|t| t.contains_key(&key)) {
            key = key.next();
        }
        key
    }

    /// The instance's objects, made if needed; the resource's provider is set.
    fn slot(&mut self, address: &ResourceInstance, provider: &ProviderConfig) -> &mut InstanceState {
        let resource =
            self.resources.entry(address.resource()).or_insert_with(|| ResourceState::new(provider.clone()));
        if resource.provider != *provider {
            resource.provider = provider.clone();
        }
        resource.instances.entry(address.key.clone()).or_default()
    }

    /// Changes an instance that is there; instance and resource go when nothing is left in them.
    fn edit(&mut self, address: &ResourceInstance, change: impl FnOnce(&mut InstanceState)) {
        let id = address.resource();
        let Some(resource) = self.resources.get_mut(&id) else { return };
        let Some(instance) = resource.instances.get_mut(&address.key) else { return };
        change(instance);
        if instance.is_empty() {
            resource.instances.remove(&address.key);
        }
        if resource.instances.is_empty() {
            self.resources.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> ResourceInstance {
        text.parse().unwrap()
    }

    fn provider() -> ProviderConfig {
        "provider[\"terraform.io/builtin/terraform\"]".parse().unwrap()
    }

    fn object(id: &str) -> Object {
        Object::new(0, &serde_json::json!({ "id": id }))
    }

    #[test]
    fn removing_the_last_object_removes_instance_and_resource() {
        let mut state = State::empty();
        let a = address("terraform_data.a[0]");
        state.set_current(&a, &provider(), Some(object("1")));
        let key = state.depose(&a).unwrap();
        assert!(state.current(&a).is_none());
        assert!(state.deposed(&a, key).is_some());
        assert!(!state.is_empty());
        state.remove_deposed(&a, key);
        assert!(state.resources.is_empty());
        assert!(state.is_empty());
    }

    #[test]
    fn deposed_keys_are_repeatable_and_never_taken() {
        let mut state = State::with_lineage("l");
        let a = address("terraform_data.a");
        assert_eq!(state.depose(&a), None);
        state.set_current(&a, &provider(), Some(object("1")));
        let mut again = state.clone();
        let first = state.depose(&a).unwrap();
        assert_eq!(again.depose(&a), Some(first));
        state.set_current(&a, &provider(), Some(object("2")));
        let second = state.depose(&a).unwrap();
        assert_ne!(first, second);
        assert!(state.restore_deposed(&a, first));
        assert!(!state.restore_deposed(&a, second), "there is a current object");
        assert_eq!(state.current(&a).unwrap().attributes.to_value()["id"], "1");
    }

    #[test]
    fn a_move_takes_all_objects_along_and_never_covers_others() {
        let mut state = State::empty();
        let (a, b) = (address("terraform_data.a"), address("module.m[0].terraform_data.b[\"k\"]"));
        assert!(!state.move_instance(&a, &b));
        state.set_current(&a, &provider(), Some(object("1")));
        state.set_deposed(&a, DeposedKey(1), &provider(), Some(object("2")));
        assert!(state.move_instance(&a, &b));
        assert!(state.instance(&a).is_none());
        assert_eq!(state.instance(&b).unwrap().deposed.len(), 1);
        state.set_current(&a, &provider(), Some(object("3")));
        assert!(!state.move_instance(&a, &b));
        assert!(!state.move_instance(&a, &a));
        assert_eq!(state.objects().count(), 3);
    }

    #[test]
    fn objects_come_in_the_order_of_addresses_with_current_before_deposed() {
        let mut state = State::empty();
        for text in ["terraform_data.b[\"x\"]", "terraform_data.b[10]", "terraform_data.b[9]", "data.a.a"] {
            state.set_current(&address(text), &provider(), Some(object(text)));
        }
        let deposed = address("terraform_data.b[9]");
        state.set_deposed(&deposed, DeposedKey(0xab), &provider(), Some(object("old")));
        let seen: Vec<String> = state
            .objects()
            .map(|(address, deposed, ..)| match deposed {
                Some(key) => format!("{address} {key}"),
                None => address.to_string(),
            })
            .collect();
        assert_eq!(
            seen,
            [
                "data.a.a",
                "terraform_data.b[9]",
                "terraform_data.b[9] 000000ab",
                "terraform_data.b[10]",
                "terraform_data.b[\"x\"]"
            ]
        );
    }
}
