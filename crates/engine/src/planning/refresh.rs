//! A provider's objects: what an earlier run left open is settled, then all are read in one batch.

use std::collections::BTreeSet;
use std::sync::Arc;

use ferroform_core::addr::{ProviderConfig, ResourceInstance, ResourceMode};
use ferroform_core::schema::Schema;
use ferroform_core::{Diagnostic, Diagnostics, Value};
use ferroform_plan::{Action, PlanMode, ResourceChange};
use ferroform_provider::{Provider, ProviderSchema, ReadRequest, World};
use ferroform_state::world::WorldBinding;
use ferroform_state::{DeposedKey, Object};

use super::instance::Prior;
use super::walk::Planner;
use crate::events::Event;
use crate::objects;
use crate::settle;

/// An object of the state that a provider looks after.
struct Known<'s> {
    addr: ResourceInstance,
    deposed: Option<DeposedKey>,
    object: Arc<Object>,
    schema: &'s Schema,
    value: Value,
}

impl Known<'_> {
    fn read_request(&self) -> ReadRequest {
        ReadRequest {
            type_name: self.addr.resource.type_name.clone(),
            prior: self.value.clone(),
            private: self.object.private.clone(),
        }
    }
}

impl Planner<'_> {
    pub(super) async fn settle_and_refresh(
        &mut self,
        config: &ProviderConfig,
        provider: &Arc<dyn Provider>,
        schema: &ProviderSchema,
    ) {
        if let Some(diagnostics) = self.check_world(config, provider, schema).await {
            return self.diagnostics.append(diagnostics);
        }
        let mine: Vec<_> = self.open.iter().filter(|o| o.intent.provider == *config).cloned().collect();
        let mut unsure = BTreeSet::new();
        for operation in mine {
            unsure.insert(self.moved.destination(&operation.intent.address));
            let settled =
                settle::settle(&operation, provider.as_ref(), schema, &mut self.settled, self.journal).await;
            match settled {
                Ok(outcome) => {
                    self.take_settled(config, &operation.intent.address);
                    self.events.emit(Event::Settled { addr: operation.intent.address.clone(), outcome });
                }
                Err(diagnostics) => self.report(diagnostics, None, Some(&operation.intent.address)),
            }
        }
        if !unsure.is_empty() {
            self.open.retain(|o| o.intent.provider != *config);
        }
        if !self.diagnostics.has_errors() {
            self.refresh(config, provider, schema, &unsure).await;
        }
    }

    /// Takes over what a settled operation left of an instance, at the address that the instance has now.
    fn take_settled(&mut self, config: &ProviderConfig, address: &ResourceInstance) {
        let to = self.moved.destination(address);
        self.state.remove_instance(&to);
        let Some(instance) = self.settled.instance(address).cloned() else {
            self.moves.remove(&to);
            return;
        };
        if let Some(object) = instance.current {
            self.state.set_current(&to, config, Some(Arc::unwrap_or_clone(object)));
        }
        for (key, object) in instance.deposed {
            self.state.set_deposed(&to, key, config, Some(Arc::unwrap_or_clone(object)));
        }
        if to != *address {
            self.moves.insert(to, address.clone());
        }
    }

    /// A state whose objects live in one world is never used in another.
    async fn check_world(
        &mut self,
        config: &ProviderConfig,
        provider: &Arc<dyn Provider>,
        schema: &ProviderSchema,
    ) -> Option<Diagnostics> {
        let World { endpoint, project } = provider.world()?;
        self.worlds.push(WorldBinding { provider: config.to_string(), endpoint, project, proven: false });
        let refused = (self.bind)(&self.worlds).err()?;
        // A token is changed now and then, and nobody but the objects can tell that it is still the same project.
        if !refused.may_be_same || !self.finds_its_objects(config, provider, schema).await {
            return Some(refused.diagnostics);
        }
        self.worlds.iter_mut().rev().take(1).for_each(|world| world.proven = true);
        (self.bind)(&self.worlds).err().map(Diagnostics::from)
    }

    /// Whether most of the objects that the state knows of a provider are there.
    async fn finds_its_objects(
        &mut self,
        config: &ProviderConfig,
        provider: &Arc<dyn Provider>,
        schema: &ProviderSchema,
    ) -> bool {
        let known = self.known_objects(config, provider, schema).await;
        let requests: Vec<ReadRequest> = known.iter().map(Known::read_request).collect();
        let count = requests.len();
        let responses = provider.read_resources(requests).await;
        let found = responses.iter().filter(|r| !r.diagnostics.has_errors() && !r.state.is_null()).count();
        2 * found > count
    }

    async fn refresh(
        &mut self,
        config: &ProviderConfig,
        provider: &Arc<dyn Provider>,
        schema: &ProviderSchema,
        unsure: &BTreeSet<ResourceInstance>,
    ) {
        let known = self.known_objects(config, provider, schema).await;
        if self.diagnostics.has_errors() {
            return;
        }
        let (read, keep): (Vec<Known<'_>>, Vec<Known<'_>>) = known.into_iter().partition(|k| {
            unsure.contains(&k.addr)
                || (self.options.refresh && self.limits.includes_object(self.graph, &k.addr))
        });
        for known in keep {
            self.keep(known.addr, known.deposed, Prior { value: known.value, object: known.object });
        }
        if read.is_empty() {
            return;
        }
        self.events.emit(Event::RefreshStarted { objects: read.len() });
        let requests = read.iter().map(Known::read_request).collect();
        let count = read.len();
        let responses = provider.read_resources(requests).await;
        if responses.len() != count {
            return self.diagnostics.push(
                Diagnostic::error("Provider returned an incomplete answer").detail(format!(
                    "{count} objects were to be read and {} came back. This is a bug in the provider.",
                    responses.len()
                )),
            );
        }
        for (known, response) in read.into_iter().zip(responses) {
            let failed = response.diagnostics.has_errors();
            self.report(response.diagnostics, None, Some(&known.addr));
            if !failed {
                self.take_read(config, known, response.state, response.private);
            }
        }
        self.events.emit(Event::RefreshDone { objects: count });
    }

    /// Takes over what was read of an object, and notes what differs as drift.
    fn take_read(&mut self, config: &ProviderConfig, known: Known<'_>, value: Value, private: Vec<u8>) {
        let Known { addr, deposed, object, schema, value: before } = known;
        if value.is_null() {
            self.note_drift(config, &addr, deposed, &object, schema, before, value, Action::Delete);
            match deposed {
                Some(key) => self.state.remove_deposed(&addr, key),
                None => self.state.remove_current(&addr),
            }
            return;
        }
        let unchanged = value == before;
        if unchanged && self.options.mode == PlanMode::RefreshOnly && self.moves.contains_key(&addr) {
            let (before, after) = (before.clone(), value.clone());
            self.note_drift(config, &addr, deposed, &object, schema, before, after, Action::NoOp);
        }
        if unchanged && private == object.private && object.schema_version == schema.version {
            return self.keep(addr, deposed, Prior { value, object });
        }
        let fresh =
            match objects::encode(&value, schema, object.sensitive_paths.clone(), object.status, private) {
                Ok(fresh) => Object {
                    dependencies: object.dependencies.clone(),
                    create_before_destroy: object.create_before_destroy,
                    identity: object.identity.clone(),
                    ..fresh
                },
                Err(diagnostic) => return self.diagnostics.push(diagnostic.address(addr.to_string())),
            };
        if !unchanged {
            self.note_drift(config, &addr, deposed, &object, schema, before, value.clone(), Action::Update);
        }
        match deposed {
            Some(key) => self.state.set_deposed(&addr, key, config, Some(fresh.clone())),
            None => self.state.set_current(&addr, config, Some(fresh.clone())),
        }
        self.keep(addr, deposed, Prior { value, object: Arc::new(fresh) });
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one change")]
    fn note_drift(
        &mut self,
        config: &ProviderConfig,
        addr: &ResourceInstance,
        deposed: Option<DeposedKey>,
        object: &Object,
        schema: &Schema,
        before: Value,
        after: Value,
        action: Action,
    ) {
        self.drift.push(ResourceChange {
            addr: addr.clone(),
            deposed,
            provider: config.clone(),
            action,
            reason: None,
            before: objects::mark(&schema.block, before, &object.sensitive_paths),
            after: objects::mark(&schema.block, after, &object.sensitive_paths),
            replace_paths: Vec::new(),
            config_unknown: false,
            private: Vec::new(),
            dependencies: Vec::new(),
            prior_dependencies: Vec::new(),
            create_before_destroy: false,
            source: None,
        });
    }

    fn keep(&mut self, addr: ResourceInstance, deposed: Option<DeposedKey>, prior: Prior) {
        match deposed {
            Some(key) => self.deposed.insert((addr, key), prior),
            None => self.priors.insert(addr, prior),
        };
    }

    /// The provider's managed objects, read from the state by their current schema.
    async fn known_objects<'s>(
        &mut self,
        config: &ProviderConfig,
        provider: &Arc<dyn Provider>,
        schema: &'s ProviderSchema,
    ) -> Vec<Known<'s>> {
        let mine: Vec<(ResourceInstance, Option<DeposedKey>, Arc<Object>)> = self
            .state
            .objects()
            .filter(|(addr, _, by, _)| *by == config && addr.resource.mode == ResourceMode::Managed)
            .map(|(addr, deposed, _, object)| (addr, deposed.copied(), object.clone()))
            .collect();
        let mut known = Vec::with_capacity(mine.len());
        for (addr, deposed, object) in mine {
            let Some(schema) = schema.resources.get(&addr.resource.type_name) else {
                self.diagnostics.push(
                    Diagnostic::error("Unknown resource type in state")
                        .detail(format!(
                            "The provider of {addr} has no resource type {}.",
                            addr.resource.type_name
                        ))
                        .address(addr.to_string()),
                );
                continue;
            };
            let (value, found) =
                objects::decode(&object, &addr.resource.type_name, schema, &**provider).await;
            let failed = found.has_errors();
            self.report(found, None, Some(&addr));
            if !failed {
                known.push(Known { addr, deposed, object, schema, value });
            }
        }
        known
    }
}
