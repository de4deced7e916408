//! `random_string`: a random text that need not stay secret.

use std::sync::Arc;

use ferroform_core::schema::{Attribute, Block, Schema};
use ferroform_core::{Diagnostics, Type, Value};
use ferroform_provider::{PlanRequest, PlanResponse};

use super::text;
use crate::builtin::{ManagedResource, object};
use crate::randomness::RandomSource;
use crate::values::with;

pub(super) struct RandomString(pub(super) Arc<dyn RandomSource>);

impl ManagedResource for RandomString {
    fn schema(&self) -> Schema {
        let drawn = || Attribute::computed(Type::String).describe("The text that was drawn.");
        let attributes = text::attributes().into_iter().chain([("result", drawn()), ("id", drawn())]);
        let block = Block {
            description: "A random text. For secrets use random_password, which is never shown.".into(),
            ..Block::of(attributes)
        };
        Schema { version: 2, block }
    }

    fn validate(&self, config: &Value) -> Diagnostics {
        text::validate(config)
    }

    fn upgrade(&self, _version: u64, state: Value) -> Result<Value, Diagnostics> {
        Ok(text::upgrade(&state))
    }

    fn plan(&self, block: &Block, request: &PlanRequest) -> PlanResponse {
        text::plan(block, request, &["result", "id"])
    }

    fn create(&self, planned: &Value) -> Result<Value, Diagnostics> {
        let drawn = Value::string_normalised(&text::draw(planned, &*self.0)?);
        Ok(with(planned, [("result", drawn.clone()), ("id", drawn)]))
    }

    fn import(&self, block: &Block, id: &str) -> Option<Result<Value, Diagnostics>> {
        let state = object(block, text::imported(id));
        Some(Ok(with(&state, [("id", Value::string_normalised(id))])))
    }
}
