//! The provider as the engine sees it.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock, OnceLock};

use async_trait::async_trait;
use ferroform_core::addr::ProviderSource;
use ferroform_core::schema::{Attribute, Block, Schema};
use ferroform_core::{AttrPath, Diagnostic, Diagnostics, Type, Value};
use ferroform_provider::{
    ApplyRequest, ApplyResponse, CheckpointSink, ConfigureRequest, Effects, ImportedResource, LocateRequest,
    Located, PlanRequest, PlanResponse, Provider, ProviderFactory, ProviderSchema, ReadRequest, ReadResponse,
    World, generic,
};
use futures_util::{FutureExt as _, StreamExt as _, stream};
use tokio::sync::OnceCell;

use crate::attrs::{Attrs, Planned, State};
use crate::failure::{Failure, concerns_all, explain};
use crate::rules::Problems;
use crate::settings::Settings;
use crate::{bucket, data_sources, object};
use ferroform_s3::{Bucket, Client, Error};

/// How many objects are read at the same time.
const AT_ONCE: usize = 8;

/// Makes objectstorage providers.
#[derive(Debug, Clone, Default)]
pub struct ObjectStorageFactory {
    settings: Settings,
}

impl ObjectStorageFactory {
    /// A factory whose providers take what their configuration leaves out from these settings.
    pub fn new(settings: Settings) -> ObjectStorageFactory {
        ObjectStorageFactory { settings }
    }
}

impl ProviderFactory for ObjectStorageFactory {
    fn sources(&self) -> Vec<ProviderSource> {
        vec![ProviderSource {
            host: ProviderSource::DEFAULT_HOST.into(),
            namespace: "ferroform".into(),
            name: "objectstorage".into(),
        }]
    }

    fn version(&self) -> &str {
        env!("CARGO_PKG_VERSION")
    }

    fn schema(&self) -> Arc<ProviderSchema> {
        Arc::clone(&SCHEMA)
    }

    fn create(&self) -> Arc<dyn Provider> {
        Arc::new(ObjectStorage { settings: self.settings.clone(), cx: OnceLock::new() })
    }
}

static SCHEMA: LazyLock<Arc<ProviderSchema>> = LazyLock::new(|| {
    Arc::new(ProviderSchema {
        provider: provider_block(),
        resources: [(bucket::NAME.into(), bucket::schema()), (object::NAME.into(), object::schema())].into(),
        data_sources: [data_sources::BUCKET, data_sources::OBJECTS]
            .into_iter()
            .filter_map(|name| Some((name.into(), data_sources::schema(name)?)))
            .collect(),
        ..ProviderSchema::default()
    })
});

fn provider_block() -> Block {
    let text = || Attribute::optional(Type::String);
    Block::of([
        (
            "location",
            text().describe("Where the buckets are: fsn1, nbg1 or hel1; OBJECTSTORAGE_LOCATION by default."),
        ),
        (
            "access_key",
            text().sensitive().describe(
                "The access key of a pair of S3 keys, from the Hetzner Console; OBJECTSTORAGE_ACCESS_KEY by default.",
            ),
        ),
        (
            "secret_key",
            text().sensitive().describe("The secret key of the pair; OBJECTSTORAGE_SECRET_KEY by default."),
        ),
        (
            "endpoint",
            text().describe("Another address of the S3 API; OBJECTSTORAGE_ENDPOINT or the location's by default."),
        ),
    ])
}

/// A configured provider, as operations see it.
#[derive(Debug)]
pub(crate) struct Cx {
    pub(crate) client: Client,
    pub(crate) location: String,
}

/// The list of all buckets, read when it is first wanted.
#[derive(Debug, Default)]
pub(crate) struct Listed {
    buckets: OnceCell<Result<Vec<Bucket>, Error>>,
}

impl Listed {
    pub(crate) async fn buckets(&self, client: &Client) -> Result<&[Bucket], Error> {
        match self.buckets.get_or_init(|| client.list_buckets()).await {
            Ok(buckets) => Ok(buckets),
            // Keys that are good for single buckets cannot list.
            Err(error) if error.is("AccessDenied") => Ok(&[]),
            Err(error) => Err(error.clone()),
        }
    }
}

/// An object as it was seen.
#[derive(Debug)]
pub(crate) struct Seen {
    /// None when it is gone.
    pub(crate) state: Option<Value>,
    /// What else is worth saying.
    pub(crate) diagnostics: Diagnostics,
}

impl Seen {
    /// Nothing is there.
    pub(crate) fn gone() -> Seen {
        Seen { state: None, diagnostics: Diagnostics::new() }
    }
}

/// The kinds of resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Bucket,
    Object,
}

impl Kind {
    fn of(type_name: &str) -> Result<(Kind, &'static Schema), Diagnostic> {
        let kind = match type_name {
            bucket::NAME => Kind::Bucket,
            object::NAME => Kind::Object,
            _ => return Err(unknown_type(type_name)),
        };
        SCHEMA.resources.get(type_name).map(|schema| (kind, schema)).ok_or_else(|| unknown_type(type_name))
    }

    /// What it is in prose.
    fn noun(self) -> &'static str {
        match self {
            Kind::Bucket => "bucket",
            Kind::Object => "object",
        }
    }

    fn doing(self, what: &str, attrs: Attrs<'_>) -> String {
        match self {
            Kind::Bucket => format!("{what} the bucket {}", attrs.string("name")),
            Kind::Object => format!("{what} the object {}/{}", attrs.string("bucket"), attrs.string("key")),
        }
    }

    async fn observe(
        self,
        cx: &Cx,
        block: &Block,
        prior: Attrs<'_>,
        listed: &Listed,
    ) -> Result<Seen, Diagnostic> {
        let seen = match self {
            Kind::Bucket => bucket::observe(cx, block, prior, listed).await,
            Kind::Object => object::observe(cx, block, prior).await,
        };
        seen.map_err(|failure| failure.explain(&self.doing("read", prior)))
    }

    async fn create(self, cx: &Cx, planned: Attrs<'_>) -> Result<String, Failure> {
        match self {
            Kind::Bucket => bucket::create(cx, planned).await,
            Kind::Object => object::create(cx, planned).await,
        }
    }

    async fn finish(self, cx: &Cx, id: &str, planned: Attrs<'_>) -> Result<(), Failure> {
        match self {
            Kind::Bucket => bucket::finish(cx, id, planned).await,
            Kind::Object => Ok(()),
        }
    }

    async fn update(self, cx: &Cx, prior: Attrs<'_>, planned: Attrs<'_>) -> Result<(), Failure> {
        match self {
            Kind::Bucket => bucket::update(cx, prior, planned).await,
            Kind::Object => object::update(cx, prior, planned).await,
        }
    }

    async fn delete(self, cx: &Cx, prior: Attrs<'_>) -> Result<(), Failure> {
        match self {
            Kind::Bucket => bucket::delete(cx, prior).await,
            Kind::Object => object::delete(cx, prior).await,
        }
    }

    /// The object of which only the identity is known.
    fn identity(self, block: &Block, id: &str) -> Option<State> {
        let mut state = State::new(block, Attrs(&Value::null_dynamic()));
        state.text("id", id);
        match self {
            Kind::Bucket => state.text("name", id),
            Kind::Object => {
                let (bucket, key) = object::import(id)?;
                state.text("bucket", bucket);
                state.text("key", key);
            }
        }
        Some(state)
    }
}

fn unknown_type(type_name: &str) -> Diagnostic {
    Diagnostic::error("Unknown resource type").detail(format!(
        "The objectstorage provider has no resource type {type_name:?}. It has: {}, {}.",
        bucket::NAME,
        object::NAME
    ))
}

fn unknown_data_source(type_name: &str) -> Diagnostic {
    Diagnostic::error("Unknown data source").detail(format!(
        "The objectstorage provider has no data source {type_name:?}. It has: {}, {}.",
        data_sources::BUCKET,
        data_sources::OBJECTS
    ))
}

/// An objectstorage provider.
#[derive(Debug)]
struct ObjectStorage {
    settings: Settings,
    cx: OnceLock<Cx>,
}

impl ObjectStorage {
    fn cx(&self) -> Result<&Cx, Diagnostic> {
        self.cx.get().ok_or_else(|| {
            Diagnostic::error("Provider not configured").detail(
                "The keys or the location of the objectstorage provider are not known yet, so nothing can be read or changed. \
                 They must not depend on what is only known after apply.",
            )
        })
    }

    async fn read(&self, request: &ReadRequest, listed: &Listed) -> Result<Seen, Diagnostic> {
        let (kind, schema) = Kind::of(&request.type_name)?;
        if request.prior.is_null() {
            return Ok(Seen::gone());
        }
        kind.observe(self.cx()?, &schema.block, Attrs(&request.prior), listed).await
    }

    async fn answer(&self, request: ReadRequest, listed: &Listed) -> ReadResponse {
        let gone = || {
            Kind::of(&request.type_name)
                .map_or_else(|_| Value::null_dynamic(), |(_, s)| Value::null(s.block.implied_type()))
        };
        match self.read(&request, listed).await {
            Ok(Seen { state, diagnostics }) => {
                let state = state.unwrap_or_else(gone);
                ReadResponse { state, private: request.private, diagnostics }
            }
            Err(diagnostic) => ReadResponse {
                state: request.prior,
                private: request.private,
                diagnostics: diagnostic.into(),
            },
        }
    }

    async fn plan(&self, request: &PlanRequest) -> Result<(Value, Vec<AttrPath>), Diagnostic> {
        let (kind, schema) = Kind::of(&request.type_name)?;
        let Some(proposed) = request.proposed.as_map() else {
            return Ok((request.proposed.clone(), Vec::new()));
        };
        let prior = (!request.prior.is_null()).then_some(Attrs(&request.prior));
        let config = Attrs(&request.config);
        let mut plan = Planned::new(proposed);
        match kind {
            Kind::Bucket => bucket::plan(self.cx.get(), &schema.block, prior, config, &mut plan),
            Kind::Object => object::plan(prior, config, &mut plan)
                .await
                .map_err(|failure| failure.explain(&kind.doing("plan", config)))?,
        }
        let planned = plan.finish();
        let replace = match prior {
            Some(_) => generic::changed_force_new(&schema.block, &request.prior, &planned),
            None => Vec::new(),
        };
        Ok((planned, replace))
    }

    async fn apply(
        &self,
        request: &ApplyRequest,
        checkpoints: &dyn CheckpointSink,
        diagnostics: &mut Diagnostics,
    ) -> Result<Option<Value>, Diagnostic> {
        let (kind, schema) = Kind::of(&request.type_name)?;
        let (cx, block) = (self.cx()?, &schema.block);
        let (prior, planned) = (Attrs(&request.prior), Attrs(&request.planned));
        if request.planned.is_null() {
            let Err(failure) = kind.delete(cx, prior).await else { return Ok(None) };
            diagnostics.push(failure.explain(&kind.doing("delete", prior)));
            let seen = kind.observe(cx, block, prior, &Listed::default()).await;
            return Ok(seen.map_or_else(|_| Some(request.prior.clone()), |seen| seen.state));
        }
        let (failure, known) = if request.prior.is_null() {
            let id = match kind.create(cx, planned).await {
                Ok(id) => id,
                Err(failure) => {
                    diagnostics.push(failure.explain(&kind.doing("create", planned)));
                    return Ok(None);
                }
            };
            if let Some(identity) = kind.identity(block, &id)
                && let Err(diagnostic) = checkpoints.checkpoint(identity.finish()).await
            {
                // The object exists: it goes into the state whatever becomes of the journal.
                diagnostics.push(diagnostic);
            }
            (kind.finish(cx, &id, planned).await.err(), &request.planned)
        } else {
            let failure = kind.update(cx, prior, planned).await.err();
            let known = if failure.is_some() { &request.prior } else { &request.planned };
            (failure, known)
        };
        if let Some(failure) = failure {
            diagnostics.push(failure.explain(&kind.doing("configure", planned)));
        }
        match kind.observe(cx, block, Attrs(known), &Listed::default()).await {
            Ok(Seen { state: Some(state), .. }) => Ok(Some(state)),
            Ok(Seen { state: None, .. }) => {
                diagnostics.push(Diagnostic::error("Object vanished").detail(format!(
                    "The {} does not exist any more. Something else has deleted it; the next plan will create it anew.",
                    kind.noun()
                )));
                Ok(None)
            }
            Err(diagnostic) => {
                diagnostics.push(diagnostic);
                let known = State::new(block, Attrs(known));
                Ok(Some(known.finish()))
            }
        }
    }
}

#[async_trait]
impl Provider for ObjectStorage {
    fn schema(&self) -> &ProviderSchema {
        &SCHEMA
    }

    fn validate_provider(&self, config: &Value) -> Diagnostics {
        self.settings.validate(Attrs(config))
    }

    fn validate_resource(&self, type_name: &str, config: &Value) -> Diagnostics {
        let mut problems = Problems::default();
        match Kind::of(type_name) {
            Ok((Kind::Bucket, _)) => bucket::validate(Attrs(config), &mut problems),
            Ok((Kind::Object, _)) => object::validate(Attrs(config), &mut problems),
            Err(diagnostic) => return diagnostic.into(),
        }
        problems.into_diagnostics()
    }

    fn validate_data_source(&self, type_name: &str, config: &Value) -> Diagnostics {
        let mut problems = Problems::default();
        if !SCHEMA.data_sources.contains_key(type_name) {
            return unknown_data_source(type_name).into();
        }
        data_sources::validate(type_name, Attrs(config), &mut problems);
        problems.into_diagnostics()
    }

    async fn configure(&self, request: ConfigureRequest) -> Diagnostics {
        match self.settings.client(Attrs(&request.config)) {
            Ok(Some((client, location))) => {
                // Configured once: a second configuration would be a mistake of the engine, and the first stays.
                let _ = self.cx.set(Cx { client, location });
                Diagnostics::new()
            }
            Ok(None) => Diagnostics::new(),
            Err(diagnostic) => diagnostic.into(),
        }
    }

    async fn read_resources(&self, requests: Vec<ReadRequest>) -> Vec<ReadResponse> {
        let listed = &Listed::default();
        let answers = requests.into_iter().map(|request| self.answer(request, listed).boxed());
        let mut responses: Vec<ReadResponse> = stream::iter(answers).buffered(AT_ONCE).collect().await;
        // What concerns the whole provider is told once, not for every object.
        let mut told = BTreeSet::new();
        for response in &mut responses {
            let once = |d: &Diagnostic| !concerns_all(d) || told.insert(d.summary.clone());
            response.diagnostics.0.retain(once);
        }
        responses
    }

    async fn plan_resource(&self, request: PlanRequest) -> PlanResponse {
        let planned = self.plan(&request).await;
        let private = request.private;
        match planned {
            Ok((planned, requires_replace)) => {
                PlanResponse { planned: Some(planned), requires_replace, private, ..PlanResponse::default() }
            }
            Err(diagnostic) => {
                PlanResponse { diagnostics: diagnostic.into(), private, ..PlanResponse::default() }
            }
        }
    }

    async fn apply_resource(&self, request: ApplyRequest, checkpoints: &dyn CheckpointSink) -> ApplyResponse {
        let mut diagnostics = Diagnostics::new();
        let state = match self.apply(&request, checkpoints, &mut diagnostics).await {
            Ok(Some(state)) => state,
            Ok(None) => Kind::of(&request.type_name)
                .map_or_else(|_| Value::null_dynamic(), |(_, s)| Value::null(s.block.implied_type())),
            Err(diagnostic) => {
                diagnostics.push(diagnostic);
                request.prior
            }
        };
        ApplyResponse { state, private: request.private, diagnostics }
    }

    async fn read_data_source(&self, type_name: &str, config: Value) -> (Value, Diagnostics) {
        let read = async {
            let schema = SCHEMA.data_sources.get(type_name).ok_or_else(|| unknown_data_source(type_name))?;
            data_sources::read(self.cx()?, type_name, &schema.block, Attrs(&config))
                .await
                .map_err(|failure| failure.explain(&format!("read the data source {type_name}")))
        };
        match read.await {
            Ok(value) => (value, Diagnostics::new()),
            Err(diagnostic) => (Value::null_dynamic(), diagnostic.into()),
        }
    }

    async fn import_resource(&self, type_name: &str, id: &str) -> Result<Vec<ImportedResource>, Diagnostics> {
        let (kind, schema) = Kind::of(type_name)?;
        let state = kind.identity(&schema.block, id).ok_or_else(|| {
            Diagnostic::error("Invalid import id").detail(format!(
                "{id:?} does not name an object; the id is the bucket and the key with a slash between, such as `bucket/a/key`."
            ))
        })?;
        Ok(vec![ImportedResource { type_name: type_name.into(), state: state.finish(), private: Vec::new() }])
    }

    fn effects(&self, _type_name: &str) -> Effects {
        Effects::Objects
    }

    async fn locate(&self, request: LocateRequest) -> Result<Located, Diagnostics> {
        let (kind, schema) = Kind::of(&request.type_name)?;
        let (cx, planned, not_before) = (self.cx()?, Attrs(&request.planned), request.not_before);
        let located = match kind {
            Kind::Bucket => bucket::locate(cx, &schema.block, planned, not_before).await,
            Kind::Object => object::locate(cx, &schema.block, planned, not_before).await,
        };
        located.map_err(|failure| failure.explain(&kind.doing("look for", planned)).into())
    }

    async fn remote_time(&self) -> Result<Option<i64>, Diagnostic> {
        let Ok(Cx { client, .. }) = self.cx() else { return Ok(None) };
        if client.last_server_date().is_none() {
            match client.list_buckets().await {
                Err(error) if !error.is("AccessDenied") => {
                    return Err(explain(&error, "use object storage"));
                }
                _ => {}
            }
        }
        Ok(client.last_server_date())
    }

    fn world(&self) -> Option<World> {
        let client = &self.cx().ok()?.client;
        // A local cloud may listen on another port; what it is does not depend on that.
        let endpoint = if self.settings.is_local() { "local" } else { client.endpoint() };
        Some(World { endpoint: endpoint.to_owned(), project: client.fingerprint() })
    }

    async fn stop(&self) {
        if let Some(cx) = self.cx.get() {
            cx.client.stop();
        }
    }
}
