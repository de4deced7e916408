//! `random_shuffle`: a list in random order, or a part of it.

use std::sync::Arc;

use ferroform_core::schema::{Attribute, Block, Schema};
use ferroform_core::{Diagnostics, Type, Value};
use ferroform_provider::{PlanRequest, PlanResponse};

use super::same_keepers;
use super::seed;
use crate::builtin::ManagedResource;
use crate::planning::{self, Rules};
use crate::randomness::{RandomSource, below};
use crate::values::{attribute_error, integer, not_whole, text, with};

/// More results are refused rather than the memory for them asked of the system.
const MAX_RESULTS: i64 = 1 << 20;

pub(super) struct RandomShuffle(pub(super) Arc<dyn RandomSource>);

impl ManagedResource for RandomShuffle {
    fn schema(&self) -> Schema {
        let texts = Type::list(Type::String);
        let block = Block {
            description: "A list of texts in random order.".into(),
            ..Block::of([
                ("keepers", super::keepers()),
                ("seed", seed::attribute()),
                (
                    "input",
                    Attribute::required(texts.clone()).force_new().describe("The list to bring into random order."),
                ),
                (
                    "result_count",
                    Attribute::optional(Type::Number).force_new().describe(
                        "How many results, by default as many as input has. With less, some are left out; with more, \
                         further random orders of the whole list follow.",
                    ),
                ),
                ("result", Attribute::computed(texts).describe("The list in random order.")),
                (
                    "id",
                    Attribute::computed(Type::String).describe("Always \"-\"; of no use in configuration."),
                ),
            ])
        };
        Schema { version: 0, block }
    }

    fn validate(&self, config: &Value) -> Diagnostics {
        if let Some(error) = not_whole(config, "result_count") {
            return error.into();
        }
        match integer(config, "result_count") {
            Some(count) if !(0..=MAX_RESULTS).contains(&count) => {
                let detail =
                    format!("The attribute result_count must be between 0 and {MAX_RESULTS}, got: {count}.");
                attribute_error("result_count", "Invalid Attribute Value", detail).into()
            }
            _ => Diagnostics::new(),
        }
    }

    fn plan(&self, block: &Block, request: &PlanRequest) -> PlanResponse {
        planning::plan(
            block,
            &Rules { stable: &["result", "id"], harmless: same_keepers, ..Rules::default() },
            request,
        )
    }

    fn create(&self, planned: &Value) -> Result<Value, Diagnostics> {
        // Checked again: the count may have been unknown when configuration was checked.
        let invalid = self.validate(planned);
        if invalid.has_errors() {
            return Err(invalid);
        }
        let input = planned.get("input").and_then(Value::as_slice).unwrap_or_default();
        let wanted = integer(planned, "result_count").and_then(|n| usize::try_from(n).ok());
        // Zero means all, as in the published provider.
        let wanted = wanted.filter(|n| *n > 0).unwrap_or(input.len());
        let mut rng = seed::generator(text(planned, "seed"), &*self.0)?;
        let mut result = Vec::with_capacity(wanted);
        while result.len() < wanted && !input.is_empty() {
            let mut round: Vec<&Value> = input.iter().collect();
            for last in (1..round.len()).rev() {
                round.swap(last, below(&mut rng, last + 1));
            }
            let missing = wanted - result.len();
            result.extend(round.into_iter().take(missing).cloned());
        }
        Ok(with(planned, [("result", Value::list(Type::String, result)), ("id", Value::string("-"))]))
    }
}
