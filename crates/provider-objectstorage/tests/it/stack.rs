//! A provider, an object storage of its own, and what an engine would do with them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use ferroform_core::schema::{Block, Nesting};
use ferroform_core::{Diagnostic, Diagnostics, Value, wire};
use ferroform_hcloud_emulator::{ClockMode, Emulator, Handle};
use ferroform_provider::{
    ApplyRequest, ApplyResponse, CheckpointSink, ConfigureRequest, LocateRequest, Located, Occasion,
    PlanRequest, PlanResponse, Provider, ProviderFactory, ReadRequest, ReadResponse, proposed::proposed,
};
use ferroform_provider_objectstorage::{ObjectStorageFactory, Settings};
use serde_json::{Value as Json, json};

pub(crate) const BUCKET: &str = "objectstorage_bucket";
pub(crate) const OBJECT: &str = "objectstorage_object";

/// What configuration holds where a value is not known yet.
pub(crate) const UNKNOWN: &str = "(unknown)";

/// Keeps the checkpoints.
#[derive(Default)]
pub(crate) struct Checkpoints(pub(crate) Mutex<Vec<Value>>);

#[async_trait]
impl CheckpointSink for Checkpoints {
    async fn checkpoint(&self, identity: Value) -> Result<(), Diagnostic> {
        self.0.lock().unwrap().push(identity);
        Ok(())
    }
}

/// A provider that goes to one place with quick repetitions, configured.
pub(crate) async fn provider(endpoint: &str, access_key: &str, secret_key: &str) -> Arc<dyn Provider> {
    let settings = Settings::new().only_place(endpoint, access_key, secret_key);
    configured(settings, &json!({"location": "fsn1"})).await
}

/// A provider with these settings and this configuration.
pub(crate) async fn configured(settings: Settings, config: &Json) -> Arc<dyn Provider> {
    let provider = ObjectStorageFactory::new(settings.first_pause(Duration::from_millis(2))).create();
    let config = value(&provider.schema().provider, config);
    let diagnostics = provider.configure(ConfigureRequest { config }).await;
    assert!(!diagnostics.has_errors(), "{diagnostics:?}");
    provider
}

pub(crate) struct Stack {
    pub(crate) provider: Arc<dyn Provider>,
    /// Type, configuration and state by name.
    pub(crate) objects: BTreeMap<String, (String, Json, Value)>,
}

pub(crate) async fn cloud() -> Handle {
    Emulator::builder().clock(ClockMode::Instant).start().await.unwrap()
}

/// A stack on a local cloud.
pub(crate) async fn stack(cloud: &Handle) -> Stack {
    let access = cloud.object_storage();
    let provider = provider(&access.endpoint, &access.access_key, &access.secret_key).await;
    Stack { provider, objects: BTreeMap::new() }
}

impl Stack {
    pub(crate) fn block(&self, type_name: &str) -> Block {
        self.provider.schema().resources[type_name].block.clone()
    }

    /// The state of an object.
    pub(crate) fn state(&self, name: &str) -> Json {
        let (_, _, state) = &self.objects[name];
        wire::to_json(state, &state.ty()).unwrap()
    }

    pub(crate) fn validate(&self, type_name: &str, config: &Json) -> Diagnostics {
        self.provider.validate_resource(type_name, &value(&self.block(type_name), config))
    }

    pub(crate) async fn plan(&self, type_name: &str, prior: &Value, config: &Json) -> PlanResponse {
        let block = self.block(type_name);
        let problems = self.validate(type_name, config);
        assert!(!problems.has_errors(), "{problems:?}");
        let config = value(&block, config);
        let request = PlanRequest {
            type_name: type_name.into(),
            prior: prior.clone(),
            proposed: proposed(&block, prior, &config),
            config,
            private: Vec::new(),
            occasion: Occasion::Plan,
        };
        self.provider.plan_resource(request).await
    }

    /// A planned creation.
    pub(crate) async fn planned(&self, type_name: &str, config: &Json) -> Value {
        let null = Value::null(self.block(type_name).implied_type());
        let response = self.plan(type_name, &null, config).await;
        assert!(!response.diagnostics.has_errors(), "{:?}", response.diagnostics);
        response.planned.unwrap()
    }

    /// Applies a change without judging it; what was planned and what came of it.
    pub(crate) async fn try_apply(
        &self,
        name: &str,
        type_name: &str,
        config: &Json,
        checkpoints: &Checkpoints,
    ) -> (Value, ApplyResponse) {
        let null = || Value::null(self.block(type_name).implied_type());
        let prior = self.objects.get(name).map_or_else(null, |(_, _, state)| state.clone());
        let response = self.plan(type_name, &prior, config).await;
        assert!(!response.diagnostics.has_errors(), "{:?}", response.diagnostics);
        let planned = response.planned.unwrap();
        let request = ApplyRequest {
            type_name: type_name.into(),
            prior,
            planned: planned.clone(),
            config: value(&self.block(type_name), config),
            private: Vec::new(),
        };
        (planned, self.provider.apply_resource(request, checkpoints).await)
    }

    /// Creates or updates an object, and holds the provider to its plan: what was known is so, and a second plan
    /// finds nothing to do.
    pub(crate) async fn apply(&mut self, name: &str, type_name: &str, config: Json) {
        let creating = !self.objects.contains_key(name);
        let checkpoints = Checkpoints::default();
        let (planned, applied) = self.try_apply(name, type_name, &config, &checkpoints).await;
        assert!(!applied.diagnostics.has_errors(), "{name}: {:#?}", applied.diagnostics);
        assert!(applied.state.is_wholly_known(), "{name}: {:?}", applied.state);
        assert!(fits(&planned, &applied.state), "{name}\nplanned {planned:#?}\nbut is {:#?}", applied.state);
        if creating {
            let seen = checkpoints.0.lock().unwrap();
            let first = seen.first().expect("a creation is checkpointed");
            assert_eq!(first.get("id"), applied.state.get("id"), "{name}");
        }
        self.objects.insert(name.to_owned(), (type_name.to_owned(), config, applied.state));
        self.unchanged(name).await;
    }

    /// Plans an object anew: which attributes change, and for which of them a new object is needed.
    pub(crate) async fn changes(&self, name: &str, config: &Json) -> (Vec<String>, Vec<String>) {
        let (type_name, _, state) = &self.objects[name];
        let response = self.plan(type_name, state, config).await;
        assert!(!response.diagnostics.has_errors(), "{:?}", response.diagnostics);
        let planned = response.planned.unwrap();
        let changed = state.as_map().unwrap().iter().filter(|(k, v)| planned.get(k) != Some(v));
        let replace =
            response.requires_replace.iter().map(|path| path.to_string().trim_start_matches('.').to_owned());
        (changed.map(|(k, _)| k.to_string()).collect(), replace.collect())
    }

    /// Refreshes an object and plans it with its configuration: nothing changes.
    pub(crate) async fn unchanged(&mut self, name: &str) {
        self.refresh().await;
        let (_, config, _) = &self.objects[name];
        let (changed, replace) = self.changes(name, config).await;
        assert!(
            changed.is_empty() && replace.is_empty(),
            "{name}: {changed:?} {replace:?}\n{:#}",
            self.state(name)
        );
    }

    /// Reads all objects at once, without judging the answers.
    pub(crate) async fn read(&self) -> Vec<ReadResponse> {
        let requests = self.objects.values().map(|(type_name, _, state)| ReadRequest {
            type_name: type_name.as_str().into(),
            prior: state.clone(),
            private: Vec::new(),
        });
        self.provider.read_resources(requests.collect()).await
    }

    /// Reads all objects at once; those that are gone leave.
    pub(crate) async fn refresh(&mut self) {
        let answers = self.read().await;
        let names: Vec<String> = self.objects.keys().cloned().collect();
        for (name, answer) in names.into_iter().zip(answers) {
            assert!(!answer.diagnostics.has_errors(), "{:?}", answer.diagnostics);
            if answer.state.is_null() {
                self.objects.remove(&name);
            } else if let Some((_, _, state)) = self.objects.get_mut(&name) {
                *state = answer.state;
            }
        }
    }

    /// Deletes an object.
    pub(crate) async fn delete(&mut self, name: &str) {
        let answer = self.try_delete(name).await;
        let good = !answer.diagnostics.has_errors() && answer.state.is_null();
        assert!(good, "{name}: {:#?}", answer.diagnostics);
        self.objects.remove(name);
    }

    pub(crate) async fn try_delete(&self, name: &str) -> ApplyResponse {
        let (type_name, _, state) = &self.objects[name];
        let null = Value::null(self.block(type_name).implied_type());
        let request = ApplyRequest {
            type_name: type_name.as_str().into(),
            prior: state.clone(),
            planned: null.clone(),
            config: null,
            private: Vec::new(),
        };
        self.provider.apply_resource(request, &Checkpoints::default()).await
    }

    /// Imports an object and compares it with its state, apart from what the service does not tell.
    pub(crate) async fn imports_as(&self, name: &str, import_id: &str, untold: &[&str]) {
        let (type_name, _, state) = &self.objects[name];
        let imported = self.provider.import_resource(type_name, import_id).await.unwrap();
        let request = ReadRequest {
            type_name: type_name.as_str().into(),
            prior: imported[0].state.clone(),
            private: Vec::new(),
        };
        let read = self.provider.read_resources(vec![request]).await.remove(0);
        assert!(!read.diagnostics.has_errors(), "{:?}", read.diagnostics);
        for (attribute, value) in state.as_map().unwrap() {
            let told = !untold.contains(&&**attribute);
            let same = read.state.get(attribute) == Some(value);
            assert_eq!(told, same, "{name}.{attribute}: {value:?} and {:?}", read.state.get(attribute));
        }
    }

    pub(crate) async fn locate(
        &self,
        type_name: &str,
        planned: &Value,
        not_before: Option<i64>,
    ) -> Result<Located, Diagnostics> {
        let (type_name, planned) = (type_name.into(), planned.clone());
        self.provider.locate(LocateRequest { type_name, planned, not_before }).await
    }
}

/// Whether what came of a plan is what was planned.
fn fits(planned: &Value, actual: &Value) -> bool {
    if !planned.is_known() {
        return true;
    }
    match (planned.as_map(), actual.as_map()) {
        (Some(planned), Some(actual)) => {
            planned.iter().all(|(name, value)| actual.get(name).is_some_and(|other| fits(value, other)))
        }
        _ => match (planned.as_slice(), actual.as_slice()) {
            (Some(a), Some(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| fits(a, b)),
            _ => planned == actual,
        },
    }
}

/// Configuration as the engine gives it: everything that is not set is null, blocks are lists.
pub(crate) fn value(block: &Block, config: &Json) -> Value {
    let attributes = block.attributes.iter().map(|(name, attribute)| {
        let json = config.get(&**name).unwrap_or(&Json::Null);
        let value = if json == UNKNOWN {
            Value::unknown(attribute.ty.clone())
        } else {
            wire::from_json(json, &attribute.ty).unwrap()
        };
        (name.clone(), value)
    });
    let blocks = block.blocks.iter().map(|(name, nested)| {
        assert_eq!(nested.nesting, Nesting::List);
        let items = config.get(&**name).and_then(Json::as_array).cloned().unwrap_or_default();
        let items = items.iter().map(|item| value(&nested.block, item));
        (name.clone(), Value::list(nested.block.implied_type(), items))
    });
    let known: Vec<&str> = block.attributes.keys().chain(block.blocks.keys()).map(|name| &**name).collect();
    for name in config.as_object().unwrap().keys() {
        assert!(known.contains(&name.as_str()), "there is no {name}");
    }
    Value::object(attributes.chain(blocks))
}
