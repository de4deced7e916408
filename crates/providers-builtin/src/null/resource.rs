//! `null_resource`: exists, and is replaced when its triggers change.

use std::sync::Arc;

use ferroform_core::schema::{Attribute, Block, Schema};
use ferroform_core::{Diagnostics, Type, Value};
use ferroform_provider::{PlanRequest, PlanResponse};

use crate::builtin::ManagedResource;
use crate::planning::{self, Rules, same_triggers};
use crate::randomness::RandomSource;
use crate::values::with;

pub(super) struct NullResource(pub(super) Arc<dyn RandomSource>);

impl ManagedResource for NullResource {
    fn schema(&self) -> Schema {
        let block = Block {
            description: "A resource that does nothing; terraform_data does the same and more.".into(),
            ..Block::of([
                (
                    "triggers",
                    Attribute::optional(Type::map(Type::String))
                        .force_new()
                        .describe("Arbitrary values; when one of them changes, the resource is replaced."),
                ),
                ("id", Attribute::computed(Type::String).describe("A random number, drawn at creation.")),
            ])
        };
        Schema { version: 0, block }
    }

    fn plan(&self, block: &Block, request: &PlanRequest) -> PlanResponse {
        let harmless =
            |name: &str, prior: &Value, config: &Value| name == "triggers" && same_triggers(prior, config);
        planning::plan(block, &Rules { stable: &["id"], harmless, ..Rules::default() }, request)
    }

    fn create(&self, planned: &Value) -> Result<Value, Diagnostics> {
        Ok(with(planned, [("id", super::random_number(&*self.0)?)]))
    }
}
