//! `random_integer`: a whole number out of a range.

use std::sync::Arc;

use ferroform_core::schema::{Attribute, Block, Schema};
use ferroform_core::{Diagnostic, Diagnostics, Type, Value};
use ferroform_provider::{PlanRequest, PlanResponse};
use rand_core::RngCore;

use super::same_keepers;
use super::seed;
use crate::builtin::{ManagedResource, object};
use crate::planning::{self, Rules};
use crate::randomness::{RandomSource, below};
use crate::values::{attribute_error, integer, not_whole, text, with};

pub(super) struct RandomInteger(pub(super) Arc<dyn RandomSource>);

impl ManagedResource for RandomInteger {
    fn schema(&self) -> Schema {
        let bound = |text: &str| Attribute::required(Type::Number).force_new().describe(text);
        let block = Block {
            description: "A random whole number out of a range.".into(),
            ..Block::of([
                ("keepers", super::keepers()),
                ("min", bound("The least number that may be drawn.")),
                ("max", bound("The greatest number that may be drawn.")),
                ("seed", seed::attribute()),
                ("result", Attribute::computed(Type::Number).describe("The number that was drawn.")),
                ("id", Attribute::computed(Type::String).describe("The number in decimal digits.")),
            ])
        };
        Schema { version: 0, block }
    }

    fn validate(&self, config: &Value) -> Diagnostics {
        let mut diagnostics: Diagnostics =
            ["min", "max"].into_iter().filter_map(|name| not_whole(config, name)).collect();
        if let (Some(min), Some(max)) = (integer(config, "min"), integer(config, "max"))
            && min > max
        {
            let detail = format!(
                "The attribute min must be at most max, got: {min} and {max}. Exchange them, or widen the range."
            );
            diagnostics.push(attribute_error("min", "Create Random Integer Error", detail));
        }
        diagnostics
    }

    fn plan(&self, block: &Block, request: &PlanRequest) -> PlanResponse {
        planning::plan(
            block,
            &Rules { stable: &["result", "id"], harmless: same_keepers, ..Rules::default() },
            request,
        )
    }

    fn create(&self, planned: &Value) -> Result<Value, Diagnostics> {
        // Checked again: what was unknown when configuration was checked is known now.
        let invalid = self.validate(planned);
        if invalid.has_errors() {
            return Err(invalid);
        }
        let bound = |name| integer(planned, name).unwrap_or_default();
        let (min, max) = (bound("min"), bound("max"));
        let mut rng = seed::generator(text(planned, "seed"), &*self.0)?;
        // In two's complement the difference is right even where it does not fit the signed type.
        let numbers = max.wrapping_sub(min).cast_unsigned().checked_add(1);
        let above = match numbers.map(usize::try_from) {
            Some(Ok(numbers)) => below(&mut rng, numbers) as u64,
            // Every number of 64 bits.
            _ => rng.next_u64(),
        };
        let drawn = min.wrapping_add(above.cast_signed());
        Ok(with(planned, [("result", Value::number(drawn)), ("id", Value::string(drawn.to_string()))]))
    }

    fn import(&self, block: &Block, id: &str) -> Option<Result<Value, Diagnostics>> {
        Some(imported(block, id))
    }
}

fn imported(block: &Block, id: &str) -> Result<Value, Diagnostics> {
    let wrong = |what: String| {
        Diagnostic::error("Import Random Integer Error").detail(format!(
            "{what}. The import id must be the result, the least and the greatest number, and the seed if there is \
             one, separated by commas: \"15390,1,50000\"."
        ))
    };
    let parts: Vec<&str> = id.split(',').collect();
    let (numbers, seed) = match parts.as_slice() {
        [result, min, max] => ([result, min, max], None),
        [result, min, max, seed] => ([result, min, max], Some(*seed)),
        parts => return Err(wrong(format!("{id:?} has {} parts", parts.len())).into()),
    };
    let mut state = vec![("id", Value::string(numbers[0].to_string()))];
    for (name, number) in ["result", "min", "max"].into_iter().zip(numbers) {
        let number: i64 = number
            .parse()
            .map_err(|_| wrong(format!("{number:?} is not a whole number of at most 64 bits")))?;
        state.push((name, Value::number(number)));
    }
    state.extend(seed.map(|seed| ("seed", Value::string_normalised(seed))));
    Ok(object(block, state))
}
