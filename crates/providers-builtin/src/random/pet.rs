//! `random_pet`: a name made of words that people can remember.

use std::sync::Arc;

use ferroform_core::schema::{Attribute, Block, Schema};
use ferroform_core::{Diagnostics, Type, Value};
use ferroform_provider::{PlanRequest, PlanResponse};

use super::same_keepers;
use super::words::{ADJECTIVES, ADVERBS, NAMES};
use crate::builtin::ManagedResource;
use crate::planning::{self, Rules};
use crate::randomness::{RandomSource, below, generator};
use crate::values::{attribute_error, integer, not_whole, text, with};

/// Nobody remembers longer names.
const MAX_WORDS: i64 = 1024;
const DEFAULT_WORDS: i64 = 2;
const DEFAULT_SEPARATOR: &str = "-";

pub(super) struct RandomPet(pub(super) Arc<dyn RandomSource>);

impl ManagedResource for RandomPet {
    fn schema(&self) -> Schema {
        let block = Block {
            description:
                "A random name made of words: an animal, an adjective before it, adverbs before that.".into(),
            ..Block::of([
                ("keepers", super::keepers()),
                (
                    "length",
                    Attribute::optional_computed(Type::Number)
                        .force_new()
                        .describe("How many words, 2 by default."),
                ),
                (
                    "prefix",
                    Attribute::optional(Type::String)
                        .force_new()
                        .describe("A text put before the words, with a separator."),
                ),
                (
                    "separator",
                    Attribute::optional_computed(Type::String)
                        .force_new()
                        .describe("What stands between the words, \"-\" by default."),
                ),
                ("id", Attribute::computed(Type::String).describe("The name.")),
            ])
        };
        Schema { version: 0, block }
    }

    fn validate(&self, config: &Value) -> Diagnostics {
        if let Some(error) = not_whole(config, "length") {
            return error.into();
        }
        match integer(config, "length") {
            Some(length) if !(1..=MAX_WORDS).contains(&length) => {
                let detail =
                    format!("The attribute length must be between 1 and {MAX_WORDS}, got: {length}.");
                attribute_error("length", "Invalid Attribute Value", detail).into()
            }
            _ => Diagnostics::new(),
        }
    }

    fn plan(&self, block: &Block, request: &PlanRequest) -> PlanResponse {
        let defaults =
            vec![("length", Value::number(DEFAULT_WORDS)), ("separator", Value::string(DEFAULT_SEPARATOR))];
        planning::plan(
            block,
            &Rules { defaults, stable: &["id"], harmless: same_keepers, ..Rules::default() },
            request,
        )
    }

    fn create(&self, planned: &Value) -> Result<Value, Diagnostics> {
        // Checked again: the length may have been unknown when configuration was checked.
        let invalid = self.validate(planned);
        if invalid.has_errors() {
            return Err(invalid);
        }
        let length = integer(planned, "length").unwrap_or(DEFAULT_WORDS);
        let separator = text(planned, "separator").unwrap_or(DEFAULT_SEPARATOR);
        let mut rng = generator(&*self.0)?;
        // The last word is an animal, the one before it an adjective, all others are adverbs.
        let lists = (1..=length).rev().map(|from_end| match from_end {
            1 => NAMES,
            2 => ADJECTIVES,
            _ => ADVERBS,
        });
        let drawn = lists.filter_map(|list| list.get(below(&mut rng, list.len())).copied());
        let words: Vec<&str> =
            text(planned, "prefix").filter(|prefix| !prefix.is_empty()).into_iter().chain(drawn).collect();
        Ok(with(planned, [("id", Value::string_normalised(&words.join(separator)))]))
    }
}
