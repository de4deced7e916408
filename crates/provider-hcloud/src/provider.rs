//! The provider as the engine sees it.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use ferroform_core::addr::ProviderSource;
use ferroform_core::function::FunctionError;
use ferroform_core::schema::{Nesting, Schema};
use ferroform_core::{Diagnostic, Diagnostics, Value};
use ferroform_provider::{
    ApplyRequest, ApplyResponse, CheckpointSink, ConfigureRequest, Effects, Holdup, ImportedResource,
    InterruptedRequest, LeftBehind, LeftBehindFound, LeftBehindRemoved, LeftBehindRequest, LocateRequest,
    Located, Occasion, PlanRequest, PlanResponse, Private, Provider, ProviderFactory, ProviderSchema,
    ReadRequest, ReadResponse, UpgradeRequest, Workload, World, generic,
};
use parking_lot::Mutex;

use crate::ahead::lists::Lists;
use crate::ahead::{Around, View};
use crate::applying::Work;
use crate::attrs::{Attrs, State, is_empty_collection};
use crate::cluster;
use crate::cx::Cx;
use crate::data_source::DataSource;
use crate::failure::{concerns_all, explain};
use crate::functions;
use crate::locating::locate;
use crate::note::Note;
use crate::planning;
use crate::registry::registry;
use crate::resource::Resource;
use crate::rules::{self, Problems};
use crate::seen::{Needs, Seen};
use crate::settings::Settings;
use crate::turns::Turns;

/// The version of the published provider whose schema this one has.
const VERSION: &str = "1.68.0";

/// Makes hcloud providers.
#[derive(Debug, Clone, Default)]
pub struct HcloudFactory {
    settings: Settings,
}

impl HcloudFactory {
    /// A factory whose providers take what their configuration leaves out from these settings.
    pub fn new(settings: Settings) -> HcloudFactory {
        HcloudFactory { settings }
    }
}

impl ProviderFactory for HcloudFactory {
    fn sources(&self) -> Vec<ProviderSource> {
        vec![ProviderSource {
            host: ProviderSource::DEFAULT_HOST.into(),
            namespace: "hetznercloud".into(),
            name: "hcloud".into(),
        }]
    }

    fn version(&self) -> &str {
        VERSION
    }

    fn schema(&self) -> Arc<ProviderSchema> {
        Arc::clone(&registry().schema)
    }

    fn create(&self) -> Arc<dyn Provider> {
        Arc::new(Hcloud { settings: self.settings.clone(), cx: OnceLock::new(), view: Mutex::default() })
    }
}

/// An hcloud provider.
#[derive(Debug)]
struct Hcloud {
    settings: Settings,
    cx: OnceLock<Cx>,
    /// What is planned so far.
    view: Mutex<View>,
}

impl Hcloud {
    fn cx(&self) -> Result<&Cx, Diagnostic> {
        self.cx.get().ok_or_else(|| {
            Diagnostic::error("Provider not configured").detail(
                "The token of the hcloud provider is not known yet, so nothing can be read or changed. It must not depend on \
                 what is only known after apply.",
            )
        })
    }
}

fn resource(name: &str) -> Result<(&'static dyn Resource, &'static Schema), Diagnostic> {
    let registry = registry();
    match (registry.resources.get(name), registry.schema.resources.get(name)) {
        (Some(resource), Some(schema)) => Ok((*resource, schema)),
        _ => Err(Diagnostic::error("Unknown resource type").detail(format!(
            "The hcloud provider has no resource type {name:?}. It has: {}.",
            known_resources()
        ))),
    }
}

fn known_resources() -> String {
    registry().resources.keys().copied().collect::<Vec<_>>().join(", ")
}

/// An object's private data without the notes that are done with, now that it is seen to be like this.
fn settled(type_name: &str, state: &Value, private: Private) -> Private {
    match (Note::read(&private), resource(type_name)) {
        (note, Ok((resource, _))) if note != Note::default() && !state.is_null() => {
            resource.remains(note, Attrs(state)).write(&private)
        }
        _ => private,
    }
}

fn data_source(name: &str) -> Result<(&'static dyn DataSource, &'static Schema), Diagnostic> {
    let registry = registry();
    match (registry.data_sources.get(name), registry.schema.data_sources.get(name)) {
        (Some(source), Some(schema)) => Ok((*source, schema)),
        _ => {
            let known: Vec<_> = registry.data_sources.keys().copied().collect();
            Err(Diagnostic::error("Unknown data source").detail(format!(
                "The hcloud provider has no data source {name:?}. It has: {}.",
                known.join(", ")
            )))
        }
    }
}

#[async_trait]
impl Provider for Hcloud {
    fn schema(&self) -> &ProviderSchema {
        &registry().schema
    }

    fn validate_provider(&self, config: &Value) -> Diagnostics {
        self.settings.validate(Attrs(config))
    }

    fn validate_resource(&self, type_name: &str, config: &Value) -> Diagnostics {
        match resource(type_name) {
            Ok((resource, schema)) => {
                let mut problems = Problems::default();
                rules::deprecated(&schema.block, Attrs(config), &mut problems);
                resource.validate(Attrs(config), &mut problems);
                problems.into_diagnostics()
            }
            Err(diagnostic) => diagnostic.into(),
        }
    }

    fn validate_data_source(&self, type_name: &str, config: &Value) -> Diagnostics {
        match data_source(type_name) {
            Ok((source, _)) => {
                let mut problems = Problems::default();
                source.validate(Attrs(config), &mut problems);
                problems.into_diagnostics()
            }
            Err(diagnostic) => diagnostic.into(),
        }
    }

    fn call_function(&self, name: &str, arguments: &[Value]) -> Result<Value, FunctionError> {
        functions::call(name, arguments)
    }

    async fn configure(&self, request: ConfigureRequest) -> Diagnostics {
        match self.settings.client(Attrs(&request.config)) {
            Ok(Some(client)) => {
                // Configured once: a second configuration would be a mistake of the engine, and the first stays.
                let _ = self.cx.set(Cx {
                    client,
                    images: Mutex::default(),
                    lists: Lists::default(),
                    turns: Turns::default(),
                    cluster: Mutex::default(),
                });
                Diagnostics::new()
            }
            Ok(None) => Diagnostics::new(),
            Err(diagnostic) => diagnostic.into(),
        }
    }

    async fn upgrade_state(&self, request: UpgradeRequest) -> (Value, Diagnostics) {
        let (value, diagnostics) = generic::upgrade_state(&registry().schema, &request);
        let schema = registry().schema.resources.get(&request.type_name);
        match schema {
            Some(schema) if !value.is_null() => (fill_blocks(schema, &value), diagnostics),
            _ => (value, diagnostics),
        }
    }

    async fn read_resources(&self, requests: Vec<ReadRequest>) -> Vec<ReadResponse> {
        let mut needs = Needs::default();
        for request in requests.iter().filter(|r| !r.prior.is_null()) {
            if let Ok((resource, _)) = resource(&request.type_name) {
                resource.needs(Attrs(&request.prior), &mut needs);
            }
        }
        let seen = match self.cx() {
            Ok(cx) => Ok((cx, Seen::read(&cx.client, needs).await)),
            Err(diagnostic) => Err(diagnostic),
        };
        if let Ok((_, seen)) = &seen {
            self.view.lock().read(seen.networks.all());
        }
        let read = |request: &ReadRequest| -> Result<Value, Diagnostic> {
            let (resource, schema) = resource(&request.type_name)?;
            let (cx, seen) = seen.as_ref().map_err(Diagnostic::clone)?;
            let gone = || Value::null(schema.block.implied_type());
            if request.prior.is_null() {
                return Ok(gone());
            }
            let work = Work { resource, block: &schema.block, cx };
            Ok(work.observe(&request.prior, seen)?.unwrap_or_else(gone))
        };
        let answer = |request: ReadRequest| {
            let (state, private, diagnostics) = match read(&request) {
                Ok(state) => {
                    let private = settled(&request.type_name, &state, request.private);
                    (state, private, Diagnostics::new())
                }
                Err(diagnostic) => (request.prior, request.private, diagnostic.into()),
            };
            ReadResponse { state, private, diagnostics }
        };
        let mut responses: Vec<ReadResponse> = requests.into_iter().map(answer).collect();
        // What concerns the whole provider is told once, not for every object.
        let mut told = BTreeSet::new();
        for response in &mut responses {
            let once = |d: &Diagnostic| !concerns_all(d) || told.insert(d.summary.clone());
            response.diagnostics.0.retain(once);
        }
        responses
    }

    fn legacy_type_system(&self, _type_name: &str) -> bool {
        true
    }

    async fn plan_resource(&self, request: PlanRequest) -> PlanResponse {
        match resource(&request.type_name) {
            Ok((resource, schema)) => {
                // What was planned before would be held against itself.
                let alone = Mutex::default();
                let view = if matches!(request.occasion, Occasion::Apply) { &alone } else { &self.view };
                let around = Around::new(view, self.cx.get());
                planning::plan(resource, schema, &request, &around).await
            }
            Err(diagnostic) => PlanResponse { diagnostics: diagnostic.into(), ..PlanResponse::default() },
        }
    }

    async fn apply_resource(&self, request: ApplyRequest, checkpoints: &dyn CheckpointSink) -> ApplyResponse {
        // What was planned is being made: it is no plan any more.
        *self.view.lock() = View::default();
        match (resource(&request.type_name), self.cx()) {
            (Ok((resource, schema)), Ok(cx)) => {
                Work { resource, block: &schema.block, cx }.apply(request, checkpoints).await
            }
            (Err(diagnostic), _) | (_, Err(diagnostic)) => ApplyResponse {
                state: request.prior,
                private: request.private,
                diagnostics: diagnostic.into(),
            },
        }
    }

    async fn read_data_source(&self, type_name: &str, config: Value) -> (Value, Diagnostics) {
        let read = async {
            let (source, schema) = data_source(type_name)?;
            let state = State::answer(&schema.block, Attrs(&config));
            let doing = format!("read the data source {type_name}");
            source.read(self.cx()?, Attrs(&config), state).await.map_err(|failure| failure.explain(&doing))
        };
        match read.await {
            Ok(value) => (value, Diagnostics::new()),
            Err(diagnostic) => (Value::null_dynamic(), diagnostic.into()),
        }
    }

    async fn import_resource(&self, type_name: &str, id: &str) -> Result<Vec<ImportedResource>, Diagnostics> {
        let (resource, schema) = resource(type_name)?;
        let doing = format!("look for the {}", resource.noun());
        let named = resource.named(self.cx()?, id).await.map_err(|failure| failure.explain(&doing))?;
        let mut state = State::identity(&schema.block, named.as_deref().unwrap_or(id));
        // Null would stay null where nothing is found, and be planned to become this.
        for (name, default) in resource.defaults().into_iter().filter(|(_, value)| is_empty_collection(value))
        {
            state.assume(name, default);
        }
        resource.import(named.as_deref().unwrap_or(id), &mut state).map_err(|form| {
            Diagnostic::error("Invalid import id")
                .detail(format!("{id:?} does not name a {}; the id is {form}.", resource.noun()))
        })?;
        Ok(vec![ImportedResource { type_name: type_name.into(), state: state.finish(), private: Vec::new() }])
    }

    fn effects(&self, _type_name: &str) -> Effects {
        Effects::Objects
    }

    async fn locate(&self, request: LocateRequest) -> Result<Located, Diagnostics> {
        let (resource, schema) = resource(&request.type_name)?;
        let work = Work { resource, block: &schema.block, cx: self.cx()? };
        let doing = format!("look for the {}", resource.noun());
        locate(&work, Attrs(&request.planned), request.not_before)
            .await
            .map_err(|failure| failure.explain(&doing).into())
    }

    fn interrupted(&self, request: InterruptedRequest) -> Private {
        match resource(&request.type_name) {
            Ok((resource, _)) => {
                let (prior, planned) = (Attrs(&request.prior), Attrs(&request.planned));
                resource.interrupted(prior, planned).write(&request.private)
            }
            Err(_) => request.private,
        }
    }

    async fn remote_time(&self) -> Result<Option<i64>, Diagnostic> {
        let Ok(cx) = self.cx() else { return Ok(None) };
        cx.server_time().await.map_err(|error| explain(&error, "use Hetzner Cloud"))
    }

    fn world(&self) -> Option<World> {
        let client = &self.cx().ok()?.client;
        // A local cloud listens on another port each time; what it is does not depend on that.
        let endpoint = if self.settings.is_local() { "local" } else { client.endpoint() };
        Some(World { endpoint: endpoint.to_owned(), project: client.project_fingerprint().to_owned() })
    }

    async fn holdup(&self, workload: Workload) -> Option<Holdup> {
        // The local cloud sets no limit, whatever its headers say.
        if self.settings.is_local() {
            return None;
        }
        let (cx, requests) = (self.cx().ok()?, requests_for(workload));
        if requests >= WORTH_ASKING && cx.client.allowance().is_none() {
            // Any answer tells; why there is none is told when the work begins.
            let _ = cx.server_time().await;
        }
        let allowance = cx.client.allowance()?;
        let wait = allowance.wait_for(requests);
        (wait >= WORTH_TELLING).then(|| Holdup {
            requests,
            granted: allowance.left as u64,
            per_hour: (allowance.per_second * 3600.0).round() as u64,
            wait,
        })
    }

    async fn left_behind(&self, request: LeftBehindRequest) -> Result<LeftBehindFound, Diagnostics> {
        let cx = self.cx()?;
        cluster::find(cx, &request)
            .await
            .map_err(|error| explain(&error, "look for what a cluster made by itself").into())
    }

    fn remove_left_behind(&self, objects: &[LeftBehind]) {
        if let Some(cx) = self.cx.get() {
            cx.cluster.lock().permit(objects);
        }
    }

    async fn finish_left_behind(&self, begin: bool) -> LeftBehindRemoved {
        match self.cx.get() {
            Some(cx) => cluster::finish(cx, begin).await,
            None => LeftBehindRemoved::default(),
        }
    }

    async fn stop(&self) {
        if let Some(cx) = self.cx.get() {
            cx.client.stop();
        }
    }
}

/// A shorter wait is not noticed among those for actions.
const WORTH_TELLING: Duration = Duration::from_secs(10);

/// Fewer requests than this are never worth one more to find out about them.
const WORTH_ASKING: u64 = 50;

/// About how many requests operations take, as counted on the local cloud: the request itself, reading the object when
/// it is done, and a share in the polls for actions. A change in place may take several requests.
fn requests_for(workload: Workload) -> u64 {
    let Workload { creations, updates, deletions } = workload;
    (creations.saturating_mul(5) / 2)
        .saturating_add(updates.saturating_mul(3))
        .saturating_add(deletions.saturating_mul(2))
}

/// States of older versions lack blocks that there are now: null where a collection without elements belongs.
fn fill_blocks(schema: &Schema, value: &Value) -> Value {
    let Some(attributes) = value.as_map() else { return value.clone() };
    Value::object(attributes.iter().map(|(name, value)| {
        let block = schema.block.blocks.get(name).filter(|_| value.is_null());
        let ty = || block.map(|b| b.block.implied_type()).unwrap_or(ferroform_core::Type::Dynamic);
        let filled = match block.map(|b| b.nesting) {
            Some(Nesting::List) => Value::list(ty(), []),
            Some(Nesting::Set) => Value::set(ty(), []),
            Some(Nesting::Map) => Value::map::<Arc<str>>(ty(), []),
            _ => value.clone(),
        };
        (name.clone(), filled)
    }))
}
