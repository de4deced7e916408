//! A provider whose objects live in memory, and whose behaviour tests can change by closures.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use ferroform_core::addr::ProviderSource;
use ferroform_core::function::{Function, FunctionError, Parameter};
use ferroform_core::schema::{Attribute, Block, Schema};
use ferroform_core::{AttrPath, Diagnostic, Diagnostics, Type, Value};
use ferroform_provider::{
    ApplyRequest, ApplyResponse, CheckpointSink, Effects, InterruptedRequest, LocateRequest, Located,
    PlanRequest, PlanResponse, Private, Provider, ProviderFactory, ProviderSchema, ReadRequest, ReadResponse,
    World, generic,
};

/// What tests see and set of the fake cloud.
#[derive(Default)]
pub struct Cloud {
    /// Objects by id, as applied.
    pub objects: BTreeMap<String, Value>,
    /// What happened, in order: `create a`, `update a`, `delete a`, `read data`.
    pub log: Vec<String>,
    /// Operations, as in the log, that were given what the plan of a replacement had noted.
    pub noted: BTreeSet<String>,
    /// Names whose next operation fails.
    pub fail: Vec<String>,
    /// Names whose next operation panics.
    pub panic: Vec<String>,
    /// The project that credentials belong to, if there is such a thing.
    pub project: Option<String>,
    /// Whether nobody answers.
    pub silent: bool,
    /// Batches of reads and how many objects each had.
    pub reads: Vec<usize>,
}

/// A provider with one resource type `fake_thing` and one data source `fake_thing`.
///
/// `fake_thing`: `name` (required), `size` (number, optional), `zone` (optional, forces a new object), `secret`
/// (sensitive, optional), `needs` (list of strings, optional), `id` and `address` (computed; `address` follows `size`).
#[derive(Clone, Default)]
pub struct FakeProvider {
    cloud: Arc<Mutex<Cloud>>,
    next: Arc<AtomicU64>,
}

impl FakeProvider {
    /// A provider with an empty cloud.
    pub fn new() -> Self {
        Self::default()
    }

    /// The cloud.
    pub fn cloud(&self) -> MutexGuard<'_, Cloud> {
        self.cloud.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// What happened since the last call.
    pub fn take_log(&self) -> Vec<String> {
        std::mem::take(&mut self.cloud().log)
    }
}

fn schema() -> ProviderSchema {
    let things = Schema {
        version: 0,
        block: Block::of([
            ("id", Attribute::computed(Type::String)),
            ("address", Attribute::computed(Type::String)),
            ("name", Attribute::required(Type::String)),
            ("size", Attribute::optional(Type::Number)),
            ("zone", Attribute::optional(Type::String).force_new()),
            ("secret", Attribute::optional(Type::String).sensitive()),
            ("needs", Attribute::optional(Type::list(Type::String))),
            ("tags", Attribute::optional(Type::map(Type::String))),
        ]),
    };
    let data = Schema {
        version: 0,
        block: Block::of([
            ("name", Attribute::required(Type::String)),
            ("id", Attribute::computed(Type::String)),
        ]),
    };
    ProviderSchema {
        provider: Block::of([("region", Attribute::optional(Type::String))]),
        resources: BTreeMap::from([("fake_thing".into(), things)]),
        data_sources: BTreeMap::from([("fake_thing".into(), data)]),
        functions: BTreeMap::from([(
            "shout".into(),
            Function::new([Parameter::new("text", Type::String)], Type::String),
        )]),
    }
}

impl ProviderFactory for FakeProvider {
    fn sources(&self) -> Vec<ProviderSource> {
        vec![ProviderSource::implied("fake")]
    }

    fn version(&self) -> &str {
        "1.0.0"
    }

    fn schema(&self) -> Arc<ProviderSchema> {
        Arc::new(schema())
    }

    fn create(&self) -> Arc<dyn Provider> {
        Arc::new(Configured { fake: self.clone(), schema: schema() })
    }
}

/// What a plan notes of an object that another one takes the place of.
const LEAVING: &[u8] = b"leaving";

struct Configured {
    fake: FakeProvider,
    schema: ProviderSchema,
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or("")
}

impl Configured {
    fn finished(&self, planned: &Value, id: &str) -> Value {
        let size =
            planned.get("size").and_then(Value::as_number).map(ToString::to_string).unwrap_or_default();
        let attributes = planned.as_map().cloned().unwrap_or_default().into_iter().map(|(name, value)| {
            let value = match &*name {
                "id" => Value::string(id),
                "address" => Value::string(format!("{id}/{size}")),
                _ => value,
            };
            (name, value)
        });
        Value::object(attributes)
    }

    /// What tests asked for on this name: an error, or a panic.
    fn trouble(&self, name: &str) -> Option<Diagnostic> {
        let mut cloud = self.fake.cloud();
        let take = |list: &mut Vec<String>| list.iter().position(|n| n == name).map(|i| list.remove(i));
        if take(&mut cloud.panic).is_some() {
            drop(cloud);
            panic!("{name} went wrong");
        }
        take(&mut cloud.fail)
            .map(|name| Diagnostic::error("Thing failed").detail(format!("{name} could not be done.")))
    }
}

#[async_trait]
impl Provider for Configured {
    fn schema(&self) -> &ProviderSchema {
        &self.schema
    }

    /// In capital letters; no text is an error, and `panic` panics.
    fn call_function(&self, _: &str, arguments: &[Value]) -> Result<Value, FunctionError> {
        match arguments.first().and_then(Value::as_str).unwrap_or_default() {
            "" => Err(FunctionError::argument(0, "there is nothing to shout")),
            "panic" => panic!("shout went wrong"),
            text => Ok(Value::string(text.to_uppercase())),
        }
    }

    fn effects(&self, _type_name: &str) -> Effects {
        Effects::Objects
    }

    fn world(&self) -> Option<World> {
        let project = self.fake.cloud().project.clone()?;
        Some(World { endpoint: "https://fake".to_owned(), project })
    }

    async fn remote_time(&self) -> Result<Option<i64>, Diagnostic> {
        if self.fake.cloud().silent { Err(Diagnostic::error("Nobody answers")) } else { Ok(None) }
    }

    fn interrupted(&self, request: InterruptedRequest) -> Private {
        let size = |object: &Value| object.get("size").filter(|size| !size.is_null()).cloned();
        if size(&request.prior) != size(&request.planned) { b"interrupted".to_vec() } else { request.private }
    }

    async fn read_resources(&self, requests: Vec<ReadRequest>) -> Vec<ReadResponse> {
        let mut cloud = self.fake.cloud();
        cloud.reads.push(requests.len());
        let read = |request: ReadRequest| ReadResponse {
            state: match cloud.objects.get(text(&request.prior, "id")) {
                Some(object) => object.clone(),
                None => Value::null(request.prior.ty()),
            },
            private: request.private,
            diagnostics: Diagnostics::new(),
        };
        requests.into_iter().map(read).collect()
    }

    async fn plan_resource(&self, request: PlanRequest) -> PlanResponse {
        let Some(schema) = self.schema.resources.get(&request.type_name) else {
            return PlanResponse::default();
        };
        let mut response = generic::plan(&schema.block, &request);
        if !response.requires_replace.is_empty() {
            response.private = LEAVING.to_vec();
        }
        let resized = request.prior.get("size") != request.proposed.get("size");
        if let Some(planned) = response.planned.take() {
            response.planned = Some(if !request.prior.is_null() && resized && !planned.is_null() {
                let unknown = |(name, value): (&Arc<str>, &Value)| {
                    let value =
                        if &**name == "address" { Value::unknown(Type::String) } else { value.clone() };
                    (name.clone(), value)
                };
                Value::object(planned.as_map().into_iter().flatten().map(unknown))
            } else {
                planned
            });
        }
        response
    }

    async fn apply_resource(&self, request: ApplyRequest, checkpoints: &dyn CheckpointSink) -> ApplyResponse {
        let subject = if request.planned.is_null() { &request.prior } else { &request.planned };
        let name = text(subject, "name").to_owned();
        if let Some(diagnostic) = self.trouble(&name) {
            let (state, private) = (request.prior, request.private);
            return ApplyResponse { state, private, diagnostics: diagnostic.into() };
        }
        let doing = if request.planned.is_null() { "delete" } else { "create" };
        let private = if request.private == LEAVING {
            self.fake.cloud().noted.insert(format!("{doing} {name}"));
            Vec::new()
        } else {
            request.private
        };
        let state = if request.planned.is_null() {
            let mut cloud = self.fake.cloud();
            cloud.objects.remove(text(&request.prior, "id"));
            cloud.log.push(format!("delete {name}"));
            request.planned
        } else if request.prior.is_null() {
            let id = format!("id-{}", self.fake.next.fetch_add(1, Ordering::Relaxed) + 1);
            let state = self.finished(&request.planned, &id);
            {
                let mut cloud = self.fake.cloud();
                cloud.objects.insert(id.clone(), state.clone());
                cloud.log.push(format!("create {name}"));
            }
            let identity = Value::object([("id", Value::string(id))]);
            if let Err(diagnostic) = checkpoints.checkpoint(identity).await {
                return ApplyResponse { state, private, diagnostics: diagnostic.into() };
            }
            state
        } else {
            let id = text(&request.prior, "id").to_owned();
            let state = self.finished(&request.planned, &id);
            let mut cloud = self.fake.cloud();
            cloud.objects.insert(id, state.clone());
            cloud.log.push(format!("update {name}"));
            state
        };
        ApplyResponse { state, private, diagnostics: Diagnostics::new() }
    }

    async fn read_data_source(&self, _type_name: &str, config: Value) -> (Value, Diagnostics) {
        let name = text(&config, "name").to_owned();
        let mut cloud = self.fake.cloud();
        cloud.log.push(format!("read {name}"));
        let found = cloud.objects.values().find(|o| text(o, "name") == name);
        let Some(id) = found.map(|o| text(o, "id").to_owned()) else {
            let diagnostic = Diagnostic::error("Thing not found")
                .detail(format!("There is no thing named {name:?}."))
                .attribute(AttrPath::attr("name"));
            return (Value::null(config.ty()), diagnostic.into());
        };
        (Value::object([("name", Value::string(name)), ("id", Value::string(id))]), Diagnostics::new())
    }

    async fn locate(&self, request: LocateRequest) -> Result<Located, Diagnostics> {
        let cloud = self.fake.cloud();
        let name = text(&request.planned, "name");
        let found: Vec<&Value> = cloud.objects.values().filter(|o| text(o, "name") == name).collect();
        Ok(match found.as_slice() {
            [] => Located::Nothing,
            [one] => Located::One((*one).clone()),
            many => Located::Ambiguous(
                many.iter().map(|o| (text(o, "id").to_owned(), format!("a thing named {name:?}"))).collect(),
            ),
        })
    }
}
