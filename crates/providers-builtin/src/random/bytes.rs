//! `random_bytes`: random bytes for use as a secret or a key.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ferroform_core::schema::{Attribute, Block, Schema};
use ferroform_core::{Diagnostic, Diagnostics, Type, Value};
use ferroform_provider::{PlanRequest, PlanResponse};
use rand_core::RngCore;

use super::same_keepers;
use crate::builtin::{ManagedResource, object};
use crate::planning::{self, Rules};
use crate::randomness::{RandomSource, generator};
use crate::values::{attribute_error, hex, integer, not_whole, with};

/// Longer values are refused rather than the memory for them asked of the system.
const MAX_BYTES: i64 = 1 << 20;

pub(super) struct RandomBytes(pub(super) Arc<dyn RandomSource>);

/// The computed attributes for the bytes.
fn forms(bytes: &[u8]) -> [(&'static str, Value); 3] {
    [
        ("base64", Value::string(STANDARD.encode(bytes))),
        ("hex", Value::string(hex(bytes))),
        ("id", Value::string("none")),
    ]
}

impl ManagedResource for RandomBytes {
    fn schema(&self) -> Schema {
        let secret = |text: &str| Attribute::computed(Type::String).sensitive().describe(text);
        let block = Block {
            description: "Random bytes that are never shown. They are kept in state, which must be guarded."
                .into(),
            ..Block::of([
                ("keepers", super::keepers()),
                (
                    "length",
                    Attribute::required(Type::Number).force_new().describe("How many bytes, at least 1."),
                ),
                ("base64", secret("The bytes in base64.")),
                ("hex", secret("The bytes in hexadecimal digits, two for each byte.")),
                (
                    "id",
                    Attribute::computed(Type::String)
                        .describe("Always \"none\"; of no use in configuration."),
                ),
            ])
        };
        Schema { version: 0, block }
    }

    fn validate(&self, config: &Value) -> Diagnostics {
        if let Some(error) = not_whole(config, "length") {
            return error.into();
        }
        match integer(config, "length") {
            Some(length) if !(1..=MAX_BYTES).contains(&length) => {
                let detail =
                    format!("The attribute length must be between 1 and {MAX_BYTES}, got: {length}.");
                attribute_error("length", "Invalid Attribute Value", detail).into()
            }
            _ => Diagnostics::new(),
        }
    }

    fn plan(&self, block: &Block, request: &PlanRequest) -> PlanResponse {
        let rules = Rules { stable: &["base64", "hex", "id"], harmless: same_keepers, ..Rules::default() };
        planning::plan(block, &rules, request)
    }

    fn create(&self, planned: &Value) -> Result<Value, Diagnostics> {
        // Checked again: the length may have been unknown when configuration was checked.
        let invalid = self.validate(planned);
        if invalid.has_errors() {
            return Err(invalid);
        }
        let length = integer(planned, "length").and_then(|n| usize::try_from(n).ok()).unwrap_or_default();
        let mut bytes = vec![0; length];
        generator(&*self.0)?.fill_bytes(&mut bytes);
        Ok(with(planned, forms(&bytes)))
    }

    fn import(&self, block: &Block, id: &str) -> Option<Result<Value, Diagnostics>> {
        // What was given may be a secret: it is not repeated.
        let Ok(bytes) = STANDARD.decode(id) else {
            return Some(Err(Diagnostic::error("Import Random bytes Error")
                .detail(
                    "The import id must be the bytes in base64 with the standard alphabet and padding \
                     (\"8/fu3q+2DcgSJ19i0jZ5Cw==\"); what was given is not.",
                )
                .into()));
        };
        Some(Ok(with(&object(block, [("length", Value::number(bytes.len()))]), forms(&bytes))))
    }
}
