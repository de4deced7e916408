//! `null_data_source`: gives back what it is given.

use std::sync::Arc;

use async_trait::async_trait;
use ferroform_core::schema::{Attribute, Block, Schema};
use ferroform_core::{Diagnostics, Type, Value};

use crate::builtin::DataSource;
use crate::randomness::RandomSource;
use crate::values::{is_null, with};

pub(super) struct NullDataSource(pub(super) Arc<dyn RandomSource>);

#[async_trait]
impl DataSource for NullDataSource {
    fn schema(&self) -> Schema {
        let texts = Type::map(Type::String);
        let id = Attribute {
            deprecated: Some("It is always \"static\" and serves nothing.".into()),
            ..Attribute::computed(Type::String)
        };
        let block = Block {
            description: "Gives back what it is given.".into(),
            deprecated: Some("Use local values, or terraform_data, instead.".into()),
            ..Block::of([
                ("inputs", Attribute::optional(texts.clone()).describe("Arbitrary values.")),
                ("outputs", Attribute::computed(texts).describe("The same values.")),
                ("random", Attribute::computed(Type::String).describe("A random number, new at every read.")),
                (
                    "has_computed_default",
                    Attribute::optional_computed(Type::String)
                        .describe("A text, \"default\" when none is given."),
                ),
                ("id", id),
            ])
        };
        Schema { version: 0, block }
    }

    async fn read(&self, config: &Value, _: &mut Diagnostics) -> Result<Value, Diagnostics> {
        let inputs = config.get("inputs").cloned().unwrap_or_else(|| Value::null(Type::map(Type::String)));
        let mut changes = vec![
            ("outputs", inputs),
            ("random", super::random_number(&*self.0)?),
            ("id", Value::string("static")),
        ];
        if is_null(config, "has_computed_default") {
            changes.push(("has_computed_default", Value::string("default")));
        }
        Ok(with(config, changes))
    }
}
