//! One implementation of [`Provider`] for all built-in providers, made of resources and data sources.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ferroform_core::addr::ProviderSource;
use ferroform_core::schema::{Block, Schema};
use ferroform_core::{Diagnostic, Diagnostics, Value};
use ferroform_provider::{
    ApplyRequest, ApplyResponse, CheckpointSink, Effects, ImportedResource, PlanRequest, PlanResponse,
    Provider, ProviderFactory, ProviderSchema, ReadRequest, ReadResponse, UpgradeRequest, generic,
};
use tokio::sync::Notify;

use crate::values;

/// A managed resource type. Its work is synchronous; what may take long says so.
pub(crate) trait ManagedResource: Send + Sync {
    /// What the block holds, and the version of the state's shape.
    fn schema(&self) -> Schema;

    /// Checks configuration beyond the schema. Unknown values may become anything.
    fn validate(&self, _config: &Value) -> Diagnostics {
        Diagnostics::new()
    }

    /// Completes an object of an older schema version, already brought to the current type.
    fn upgrade(&self, _version: u64, state: Value) -> Result<Value, Diagnostics> {
        Ok(state)
    }

    /// The object as it is now; none when it is gone.
    fn read(&self, prior: &Value) -> Result<Option<Value>, Diagnostics> {
        Ok(Some(prior.clone()))
    }

    /// Plans one object.
    fn plan(&self, block: &Block, request: &PlanRequest) -> PlanResponse;

    /// How long to wait before an object is created (no prior), updated or deleted (nothing planned). The wait ends
    /// early when the program is stopped, and then nothing is done.
    fn delay(&self, _prior: &Value, _planned: &Value) -> Result<Duration, Diagnostics> {
        Ok(Duration::ZERO)
    }

    /// Creates the planned object.
    fn create(&self, planned: &Value) -> Result<Value, Diagnostics>;

    /// Updates the object. Most have nothing that could change in place but what the plan already says.
    fn update(&self, prior: &Value, planned: &Value) -> Result<Value, Diagnostics> {
        Ok(settle(prior, planned))
    }

    /// Deletes the object. Most exist in state only.
    fn delete(&self, _prior: &Value) -> Result<(), Diagnostics> {
        Ok(())
    }

    /// The object that an import id names; none when objects of this type cannot be imported.
    fn import(&self, _block: &Block, _id: &str) -> Option<Result<Value, Diagnostics>> {
        None
    }

    /// Whether the work touches files or takes long enough to keep it off the threads that serve everyone.
    fn blocking(&self) -> bool {
        false
    }

    /// What an unfinished operation can have left behind.
    fn effects(&self) -> Effects {
        Effects::None
    }
}

/// A data source type.
#[async_trait]
pub(crate) trait DataSource: Send + Sync {
    /// What the block holds.
    fn schema(&self) -> Schema;

    /// Checks configuration beyond the schema. Unknown values may become anything.
    fn validate(&self, _config: &Value) -> Diagnostics {
        Diagnostics::new()
    }

    /// Reads what the configuration, wholly known, asks for; what is worth saying goes into `warnings`. Whoever waits
    /// may stop waiting at any time.
    async fn read(&self, config: &Value, warnings: &mut Diagnostics) -> Result<Value, Diagnostics>;
}

/// Replaces what is still unknown after an update by the prior value, or null: an old state may lack what the current
/// schema computes once, at creation.
fn settle(prior: &Value, planned: &Value) -> Value {
    let Some(attributes) = planned.as_map() else { return planned.clone() };
    Value::object(attributes.iter().map(|(name, value)| {
        let known = if value.is_known() {
            value.clone()
        } else {
            prior.get(name).cloned().unwrap_or_else(|| Value::null(value.ty()))
        };
        (name.clone(), known)
    }))
}

/// A provider made of resources and data sources.
pub(crate) struct BuiltIn {
    sources: Vec<ProviderSource>,
    version: &'static str,
    schema: Arc<ProviderSchema>,
    resources: BTreeMap<&'static str, Arc<dyn ManagedResource>>,
    data_sources: BTreeMap<&'static str, Arc<dyn DataSource>>,
    /// Wakes what waits when the program is stopped.
    stopped: Notify,
}

/// The factory of a [`BuiltIn`] provider. Such a provider has no configuration of its own, so that all share one.
pub(crate) struct Factory(Arc<BuiltIn>);

/// Puts a provider together.
pub(crate) fn factory(
    sources: Vec<ProviderSource>,
    version: &'static str,
    provider: Block,
    resources: Vec<(&'static str, Arc<dyn ManagedResource>)>,
    data_sources: Vec<(&'static str, Arc<dyn DataSource>)>,
) -> Factory {
    let schema = ProviderSchema {
        provider,
        resources: resources.iter().map(|(name, r)| (Arc::from(*name), r.schema())).collect(),
        data_sources: data_sources.iter().map(|(name, d)| (Arc::from(*name), d.schema())).collect(),
        // Those of the terraform provider are the language's own.
        functions: BTreeMap::new(),
    };
    Factory(Arc::new(BuiltIn {
        sources,
        version,
        schema: Arc::new(schema),
        resources: resources.into_iter().collect(),
        data_sources: data_sources.into_iter().collect(),
        stopped: Notify::new(),
    }))
}

impl ProviderFactory for Factory {
    fn sources(&self) -> Vec<ProviderSource> {
        self.0.sources.clone()
    }

    fn version(&self) -> &str {
        self.0.version
    }

    fn schema(&self) -> Arc<ProviderSchema> {
        self.0.schema.clone()
    }

    fn create(&self) -> Arc<dyn Provider> {
        self.0.clone()
    }
}

impl BuiltIn {
    fn resource(&self, type_name: &str) -> Result<(&Arc<dyn ManagedResource>, &Block), Diagnostics> {
        let resource = self.resources.get(type_name).zip(self.schema.resources.get(type_name));
        let found = resource.map(|(resource, schema)| (resource, &schema.block));
        found.ok_or_else(|| self.unsupported("resource", type_name, self.resources.keys()))
    }

    /// Waits; an error when the program is stopped meanwhile.
    async fn wait(&self, delay: Duration) -> Result<(), Diagnostics> {
        if delay.is_zero() {
            return Ok(());
        }
        tokio::select! {
            () = tokio::time::sleep(delay) => Ok(()),
            () = self.stopped.notified() => Err(cancelled()),
        }
    }

    fn unsupported<'a>(
        &self,
        kind: &str,
        type_name: &str,
        available: impl Iterator<Item = &'a &'static str>,
    ) -> Diagnostics {
        let source = self.sources.first().map(ToString::to_string).unwrap_or_default();
        let available: Vec<_> = available.copied().collect();
        let list = if available.is_empty() { "none".to_owned() } else { available.join(", ") };
        Diagnostic::error("Invalid resource type")
            .detail(format!("The built-in provider {source} has no {kind} type {type_name}; it has: {list}."))
            .into()
    }
}

/// The error of what does not begin, or is given up, because the program ends.
fn cancelled() -> Diagnostics {
    Diagnostic::error("Operation cancelled")
        .detail("The program is stopping; the operation did not begin. Run it again to go on.")
        .into()
}

/// Does the work here, or on a thread where it may block. A panic goes on to the caller.
pub(crate) async fn run<T: Send + 'static>(
    blocking: bool,
    work: impl FnOnce() -> Result<T, Diagnostics> + Send + 'static,
) -> Result<T, Diagnostics> {
    if !blocking {
        return work();
    }
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(cancelled()),
        },
    }
}

#[async_trait]
impl Provider for BuiltIn {
    fn schema(&self) -> &ProviderSchema {
        &self.schema
    }

    fn validate_resource(&self, type_name: &str, config: &Value) -> Diagnostics {
        match self.resource(type_name) {
            Ok((resource, _)) => resource.validate(config),
            Err(diagnostics) => diagnostics,
        }
    }

    fn validate_data_source(&self, type_name: &str, config: &Value) -> Diagnostics {
        match self.data_sources.get(type_name) {
            Some(data_source) => data_source.validate(config),
            None => self.unsupported("data source", type_name, self.data_sources.keys()),
        }
    }

    async fn upgrade_state(&self, request: UpgradeRequest) -> (Value, Diagnostics) {
        let (state, mut diagnostics) = generic::upgrade_state(&self.schema, &request);
        let current = self.schema.resources.get(&request.type_name).map_or(0, |s| s.version);
        if diagnostics.has_errors() || request.version >= current {
            return (state, diagnostics);
        }
        let upgraded = match self.resource(&request.type_name) {
            Ok((resource, _)) => {
                let (resource, before) = (resource.clone(), state.clone());
                run(resource.blocking(), move || resource.upgrade(request.version, before)).await
            }
            Err(diagnostics) => Err(diagnostics),
        };
        match upgraded {
            Ok(state) => (state, diagnostics),
            Err(errors) => {
                diagnostics.append(errors);
                (state, diagnostics)
            }
        }
    }

    async fn read_resources(&self, requests: Vec<ReadRequest>) -> Vec<ReadResponse> {
        type Job = (ReadRequest, Result<(Arc<dyn ManagedResource>, ferroform_core::Type), Diagnostics>);
        let jobs: Vec<Job> = requests
            .into_iter()
            .map(|request| {
                let found = self.resource(&request.type_name);
                let found = found.map(|(resource, block)| (resource.clone(), block.implied_type()));
                (request, found)
            })
            .collect();
        let blocking =
            jobs.iter().any(|(_, found)| found.as_ref().is_ok_and(|(resource, _)| resource.blocking()));
        let known: Vec<_> =
            jobs.iter().map(|(request, _)| (request.prior.clone(), request.private.clone())).collect();
        let read = move || -> Result<Vec<ReadResponse>, Diagnostics> {
            let answers = jobs.into_iter().map(|(request, found)| {
                let result = found.and_then(|(resource, ty)| {
                    resource.read(&request.prior).map(|state| state.unwrap_or_else(|| Value::null(ty)))
                });
                answer(request.prior, request.private, result)
            });
            Ok(answers.collect())
        };
        run(blocking, read).await.unwrap_or_else(|errors| {
            known.into_iter().map(|(prior, private)| answer(prior, private, Err(errors.clone()))).collect()
        })
    }

    async fn plan_resource(&self, request: PlanRequest) -> PlanResponse {
        match self.resource(&request.type_name) {
            Ok((resource, block)) => resource.plan(block, &request),
            Err(diagnostics) => PlanResponse { diagnostics, ..PlanResponse::default() },
        }
    }

    async fn apply_resource(
        &self,
        request: ApplyRequest,
        _checkpoints: &dyn CheckpointSink,
    ) -> ApplyResponse {
        // Nothing needs a checkpoint: what these resources create is either in state only or named by configuration.
        let ApplyRequest { type_name, prior, planned, private, .. } = request;
        let delay = self.resource(&type_name).and_then(|(resource, _)| resource.delay(&prior, &planned));
        let waited = match delay {
            Ok(delay) => self.wait(delay).await,
            Err(diagnostics) => Err(diagnostics),
        };
        let result = match waited.and_then(|()| self.resource(&type_name)) {
            Ok((resource, block)) => {
                let (resource, ty) = (resource.clone(), block.implied_type());
                let prior = prior.clone();
                let work = move || match (prior.is_null(), planned.is_null()) {
                    (true, true) => Ok(Value::null(ty)),
                    (true, false) => resource.create(&planned),
                    (false, true) => resource.delete(&prior).map(|()| Value::null(ty)),
                    (false, false) => resource.update(&prior, &planned),
                };
                let blocking = self.resources.get(&*type_name).is_some_and(|r| r.blocking());
                run(blocking, work).await
            }
            Err(diagnostics) => Err(diagnostics),
        };
        match result {
            Ok(state) => ApplyResponse { state, private, diagnostics: Diagnostics::new() },
            Err(diagnostics) => ApplyResponse { state: prior, private, diagnostics },
        }
    }

    async fn read_data_source(&self, type_name: &str, config: Value) -> (Value, Diagnostics) {
        let Some(data_source) = self.data_sources.get(type_name).cloned() else {
            let diagnostics = self.unsupported("data source", type_name, self.data_sources.keys());
            return (Value::null_dynamic(), diagnostics);
        };
        let mut diagnostics = Diagnostics::new();
        match data_source.read(&config, &mut diagnostics).await {
            Ok(value) => (value, diagnostics),
            Err(errors) => {
                diagnostics.append(errors);
                (Value::null_dynamic(), diagnostics)
            }
        }
    }

    async fn import_resource(&self, type_name: &str, id: &str) -> Result<Vec<ImportedResource>, Diagnostics> {
        let (resource, block) = self.resource(type_name)?;
        let (resource, block, wanted) = (resource.clone(), block.clone(), id.to_owned());
        let blocking = resource.blocking();
        let found = run(blocking, move || resource.import(&block, &wanted).transpose()).await?;
        let state = found.ok_or_else(|| {
            Diagnostic::error("Resource Import Not Implemented")
                .detail(format!("Objects of type {type_name} cannot be brought under management by an id."))
        })?;
        Ok(vec![ImportedResource { type_name: type_name.into(), state, private: Vec::new() }])
    }

    fn effects(&self, type_name: &str) -> Effects {
        self.resources.get(type_name).map_or(Effects::None, |r| r.effects())
    }

    async fn stop(&self) {
        self.stopped.notify_waiters();
    }
}

fn answer(prior: Value, private: Vec<u8>, result: Result<Value, Diagnostics>) -> ReadResponse {
    match result {
        Ok(state) => ReadResponse { state, private, diagnostics: Diagnostics::new() },
        Err(diagnostics) => ReadResponse { state: prior, private, diagnostics },
    }
}

/// An object of the block's type in which all is null, or no block, but the given attributes.
pub(crate) fn object<'a>(block: &Block, attributes: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    let empty = block.attributes.iter().map(|(name, a)| (name.clone(), Value::null(a.ty.clone())));
    let none = block.blocks.iter().map(|(name, nested)| (name.clone(), nested.absent()));
    values::with(&Value::object(empty.chain(none)), attributes)
}
