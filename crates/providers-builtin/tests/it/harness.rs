//! A provider with the few steps that the engine takes around it.

use std::sync::Arc;

use async_trait::async_trait;
use ferroform_core::schema::{Nesting, Schema};
use ferroform_core::{Diagnostic, Diagnostics, Value};
use ferroform_provider::{
    ApplyRequest, ApplyResponse, CheckpointSink, Occasion, PlanRequest, PlanResponse, Provider,
    ProviderFactory, ReadRequest, UpgradeRequest, proposed,
};
use ferroform_providers_builtin::{Clock, SeededRandom, factories_with};

/// No resource here asks for a checkpoint.
struct NoCheckpoints;

#[async_trait]
impl CheckpointSink for NoCheckpoints {
    async fn checkpoint(&self, identity: Value) -> Result<(), Diagnostic> {
        panic!("a checkpoint that was not expected: {identity:?}")
    }
}

/// A provider, and the steps to drive it.
pub(crate) struct Bench(pub(crate) Arc<dyn Provider>);

/// The factory whose first source has this name.
pub(crate) fn factory(name: &str) -> Arc<dyn ProviderFactory> {
    factory_at(name, Arc::new(ferroform_providers_builtin::SystemClock))
}

/// The same with a clock.
pub(crate) fn factory_at(name: &str, clock: Arc<dyn Clock>) -> Arc<dyn ProviderFactory> {
    let mut all = factories_with(Arc::new(SeededRandom::new(1)), clock).into_iter();
    all.find(|f| f.sources().iter().any(|s| &*s.name == name)).expect("the provider exists")
}

impl Bench {
    pub(crate) fn new(name: &str) -> Self {
        Bench(factory(name).create())
    }

    /// The same with a clock.
    pub(crate) fn at(name: &str, clock: Arc<dyn Clock>) -> Self {
        Bench(factory_at(name, clock).create())
    }

    pub(crate) fn schema(&self, type_name: &str) -> &Schema {
        self.0.schema().resources.get(type_name).expect("the resource type exists")
    }

    /// The configuration of a resource: the given attributes, all else null.
    pub(crate) fn config(&self, type_name: &str, attributes: &[(&str, Value)]) -> Value {
        object(self.schema(type_name), attributes)
    }

    /// The configuration of a data source: the given attributes, all else null.
    pub(crate) fn data_config(&self, type_name: &str, attributes: &[(&str, Value)]) -> Value {
        object(self.0.schema().data_sources.get(type_name).expect("it exists"), attributes)
    }

    pub(crate) async fn plan(&self, type_name: &str, prior: &Value, config: &Value) -> PlanResponse {
        let block = &self.schema(type_name).block;
        self.0
            .plan_resource(PlanRequest {
                type_name: type_name.into(),
                prior: prior.clone(),
                proposed: proposed::proposed(block, prior, config),
                config: config.clone(),
                private: Vec::new(),
                occasion: Occasion::Plan,
            })
            .await
    }

    pub(crate) async fn apply(&self, type_name: &str, prior: &Value, planned: &Value) -> ApplyResponse {
        let config = planned.clone();
        let (prior, planned, private) = (prior.clone(), planned.clone(), Vec::new());
        let request = ApplyRequest { type_name: type_name.into(), prior, planned, config, private };
        self.0.apply_resource(request, &NoCheckpoints).await
    }

    /// Checks, plans and creates an object, or says why not.
    pub(crate) async fn create(
        &self,
        type_name: &str,
        attributes: &[(&str, Value)],
    ) -> Result<Value, Diagnostics> {
        let config = self.config(type_name, attributes);
        let diagnostics = self.0.validate_resource(type_name, &config);
        if diagnostics.has_errors() {
            return Err(diagnostics);
        }
        let none = self.none(type_name);
        let plan = self.plan(type_name, &none, &config).await;
        let Some(planned) = plan.planned else { return Err(plan.diagnostics) };
        let applied = self.apply(type_name, &none, &planned).await;
        if applied.diagnostics.has_errors() {
            return Err(applied.diagnostics);
        }
        assert!(applied.state.is_wholly_known(), "{type_name}: {:?}", applied.state);
        for (name, value) in planned.as_map().expect("an object") {
            assert!(
                !value.is_wholly_known() || Some(value) == applied.state.get(name),
                "{type_name}.{name} was planned"
            );
        }
        Ok(applied.state)
    }

    pub(crate) async fn read(&self, type_name: &str, prior: &Value) -> Result<Value, Diagnostics> {
        let request = ReadRequest { type_name: type_name.into(), prior: prior.clone(), private: Vec::new() };
        let answer = self.0.read_resources(vec![request]).await.pop().expect("one answer for one request");
        if answer.diagnostics.has_errors() { Err(answer.diagnostics) } else { Ok(answer.state) }
    }

    pub(crate) async fn delete(&self, type_name: &str, prior: &Value) -> Result<(), Diagnostics> {
        let answer = self.apply(type_name, prior, &self.none(type_name)).await;
        if answer.diagnostics.has_errors() {
            assert_eq!(&answer.state, prior, "what is not deleted is not forgotten");
            return Err(answer.diagnostics);
        }
        assert!(answer.state.is_null());
        Ok(())
    }

    pub(crate) async fn upgrade(
        &self,
        type_name: &str,
        version: u64,
        attributes: serde_json::Value,
    ) -> Value {
        let request = UpgradeRequest { type_name: type_name.into(), version, attributes };
        let (state, diagnostics) = self.0.upgrade_state(request).await;
        assert!(!diagnostics.has_errors(), "{diagnostics:?}");
        state
    }

    pub(crate) async fn read_data(
        &self,
        type_name: &str,
        attributes: &[(&str, Value)],
    ) -> Result<Value, Diagnostics> {
        let config = self.data_config(type_name, attributes);
        let diagnostics = self.0.validate_data_source(type_name, &config);
        if diagnostics.has_errors() {
            return Err(diagnostics);
        }
        let (value, diagnostics) = self.0.read_data_source(type_name, config).await;
        if diagnostics.has_errors() { Err(diagnostics) } else { Ok(value) }
    }

    /// The value of no object.
    pub(crate) fn none(&self, type_name: &str) -> Value {
        Value::null(self.schema(type_name).block.implied_type())
    }
}

fn object(schema: &Schema, attributes: &[(&str, Value)]) -> Value {
    let block = &schema.block;
    for (name, _) in attributes {
        assert!(
            block.attributes.contains_key(*name) || block.blocks.contains_key(*name),
            "there is no attribute {name}"
        );
    }
    let nulls = block.attributes.iter().map(|(name, attribute)| (name, Value::null(attribute.ty.clone())));
    let nothing = block.blocks.iter().map(|(name, nested)| {
        let ty = nested.block.implied_type();
        let none = match nested.nesting {
            Nesting::List => Value::list(ty, []),
            Nesting::Set => Value::set(ty, []),
            _ => Value::null(ty),
        };
        (name, none)
    });
    Value::object(nulls.chain(nothing).map(|(name, none)| {
        let given = attributes.iter().find(|(given, _)| *given == &**name).map(|(_, value)| value.clone());
        (name.clone(), given.unwrap_or(none))
    }))
}

/// A text.
pub(crate) fn s(text: &str) -> Value {
    Value::string_normalised(text)
}

/// A whole number.
pub(crate) fn n(number: i64) -> Value {
    Value::number(number)
}

/// The text of an attribute.
pub(crate) fn text<'a>(object: &'a Value, name: &str) -> &'a str {
    object.get(name).and_then(Value::as_str).unwrap_or_else(|| panic!("{name} is a text in {object:?}"))
}

/// The summaries of all diagnostics.
pub(crate) fn summaries(diagnostics: &Diagnostics) -> Vec<&str> {
    diagnostics.iter().map(|d| &*d.summary).collect()
}
