//! A provider for tests.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use ferroform_core::function::{Function, FunctionError, Parameter};
use ferroform_core::schema::{Attribute, Block, Schema};
use ferroform_core::{AttrPath, Diagnostic, Diagnostics, Number, Type, Value};
use ferroform_provider::{
    ApplyRequest, ApplyResponse, CheckpointSink, ImportedResource, PlanRequest, PlanResponse, Provider,
    ProviderSchema, ReadRequest, ReadResponse, generic,
};

/// Has things with a name and an id. It notes the sizes of batches of reads, panics where the name is `panic`, and
/// fails to read what is called `broken`.
pub(crate) struct Things {
    schema: ProviderSchema,
    pub(crate) batches: Mutex<Vec<usize>>,
}

impl Things {
    pub(crate) fn new() -> Arc<Things> {
        let name = Attribute::required(Type::String).force_new();
        let thing = Block::of([("name", name), ("id", Attribute::computed(Type::String))]);
        let schema = ProviderSchema {
            provider: Block::of([("token", Attribute::optional(Type::String).sensitive())]),
            resources: [("test_thing".into(), Schema { version: 3, block: thing.clone() })].into(),
            data_sources: [("test_thing".into(), Schema { version: 0, block: thing })].into(),
            functions: functions(),
        };
        Arc::new(Things { schema, batches: Mutex::default() })
    }
}

/// `repeat` gives a text some times over, `first` the first of its arguments that is not null, `lie` not what it says.
fn functions() -> BTreeMap<Arc<str>, Function> {
    let text = |name: &str| Parameter::new(name, Type::String);
    let repeat =
        Function::new([text("text").describe("What."), Parameter::new("times", Type::Number)], Type::String);
    let any = Parameter { nullable: true, ..text("values").allow_unknown() };
    let first = Function { variadic: Some(any), ..Function::new([], Type::String) };
    BTreeMap::from([
        ("first".into(), first),
        ("lie".into(), Function::new([], Type::Number)),
        ("repeat".into(), repeat.describe("Repeats a text", "Over and **over**.")),
    ])
}

/// A thing, as a value.
pub(crate) fn thing(name: &str, id: Option<&str>) -> Value {
    let id = id.map_or_else(|| Value::null(Type::String), Value::string);
    Value::object([("name", Value::string(name)), ("id", id)])
}

/// The type of things.
pub(crate) fn thing_type() -> Type {
    Type::object([("name", Type::String), ("id", Type::String)])
}

fn name(thing: &Value) -> &str {
    thing.get("name").and_then(Value::as_str).unwrap_or_default()
}

#[async_trait]
impl Provider for Things {
    fn schema(&self) -> &ProviderSchema {
        &self.schema
    }

    fn validate_resource(&self, _: &str, config: &Value) -> Diagnostics {
        match name(config) {
            "" => {
                let path = AttrPath::attr("name");
                Diagnostic::error("No name")
                    .detail("A thing has one.")
                    .hint("Give it one.")
                    .attribute(path)
                    .into()
            }
            _ => Diagnostics::new(),
        }
    }

    fn call_function(&self, name: &str, arguments: &[Value]) -> Result<Value, FunctionError> {
        match (name, arguments) {
            ("repeat", [text, times]) => match times.as_number().and_then(Number::to_usize) {
                Some(times) => Ok(Value::string(text.as_str().unwrap_or_default().repeat(times))),
                None => Err(FunctionError::argument(1, "must be a whole number")),
            },
            ("first", values) => {
                Ok(values.iter().find(|v| !v.is_null()).cloned().unwrap_or_else(Value::null_dynamic))
            }
            _ => Ok(Value::string("lie")),
        }
    }

    async fn read_resources(&self, requests: Vec<ReadRequest>) -> Vec<ReadResponse> {
        self.batches.lock().unwrap().push(requests.len());
        assert!(requests.iter().all(|r| name(&r.prior) != "panic"), "asked to");
        let answer = |r: ReadRequest| {
            let diagnostics = match name(&r.prior) {
                "broken" => Diagnostic::error("Broken").into(),
                _ => Diagnostics::new(),
            };
            let state = if name(&r.prior) == "gone" { Value::null(r.prior.ty()) } else { r.prior };
            ReadResponse { state, private: r.private, diagnostics }
        };
        requests.into_iter().map(answer).collect()
    }

    async fn plan_resource(&self, request: PlanRequest) -> PlanResponse {
        assert_ne!(name(&request.proposed), "panic", "asked to");
        generic::plan(&self.schema.resources["test_thing"].block, &request)
    }

    async fn apply_resource(&self, request: ApplyRequest, made: &dyn CheckpointSink) -> ApplyResponse {
        let state = match name(&request.planned) {
            "" => Value::null(thing_type()),
            // Nobody knows how it ended, and of one of them not even whether it began.
            open @ ("half made" | "not seen") => {
                if open == "half made" {
                    assert!(made.checkpoint(Value::object([("id", Value::string("7"))])).await.is_ok());
                }
                let diagnostics = Diagnostic::error("Answer lost").into();
                return ApplyResponse {
                    state: Value::unknown(thing_type()),
                    private: request.private,
                    diagnostics,
                };
            }
            name => thing(name, Some("1")),
        };
        ApplyResponse { state, private: request.private, diagnostics: Diagnostics::new() }
    }

    async fn read_data_source(&self, _: &str, config: Value) -> (Value, Diagnostics) {
        (thing(name(&config), Some("1")), Diagnostics::new())
    }

    async fn import_resource(&self, type_name: &str, id: &str) -> Result<Vec<ImportedResource>, Diagnostics> {
        match id {
            "1" => {
                let state = thing("imported", Some(id));
                Ok(vec![ImportedResource { type_name: type_name.into(), state, private: Vec::new() }])
            }
            _ => Err(Diagnostic::error("No such thing").into()),
        }
    }
}
