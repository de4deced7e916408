//! `random_id`: random bytes, written in several ways.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ferroform_core::schema::{Attribute, Block, Schema};
use ferroform_core::{Diagnostic, Diagnostics, Type, Value};
use ferroform_provider::{PlanRequest, PlanResponse};
use num_bigint::BigUint;

use super::same_keepers;
use crate::builtin::{ManagedResource, object};
use crate::planning::{self, Rules};
use crate::randomness::RandomSource;
use crate::values::{attribute_error, hex, integer, not_whole, text, with};

/// Far more than an identifier needs; the decimal form takes time that grows with the square of the length.
const MAX_BYTES: i64 = 65_536;

const COMPUTED: [&str; 5] = ["b64_url", "b64_std", "hex", "dec", "id"];

pub(super) struct RandomId(pub(super) Arc<dyn RandomSource>);

/// The computed attributes for the bytes.
fn forms(bytes: &[u8], prefix: &str) -> [(&'static str, Value); 5] {
    let url = URL_SAFE_NO_PAD.encode(bytes);
    let prefixed = |form: &str| Value::string_normalised(&format!("{prefix}{form}"));
    [
        ("b64_url", prefixed(&url)),
        ("b64_std", prefixed(&STANDARD.encode(bytes))),
        ("hex", prefixed(&hex(bytes))),
        ("dec", prefixed(&BigUint::from_bytes_be(bytes).to_string())),
        ("id", Value::string(url)),
    ]
}

impl ManagedResource for RandomId {
    fn schema(&self) -> Schema {
        let computed = |text: &str| Attribute::computed(Type::String).describe(text);
        let block = Block {
            description: "Random bytes for use as a unique identifier.".into(),
            ..Block::of([
                ("keepers", super::keepers()),
                (
                    "byte_length",
                    Attribute::required(Type::Number)
                        .force_new()
                        .describe("How many random bytes, at least 1."),
                ),
                (
                    "prefix",
                    Attribute::optional(Type::String)
                        .force_new()
                        .describe("A text put before every form of the value except id."),
                ),
                ("b64_url", computed("The bytes in base64 with the alphabet for URLs, without padding.")),
                ("b64_std", computed("The bytes in base64.")),
                ("hex", computed("The bytes in hexadecimal digits, two for each byte.")),
                ("dec", computed("The bytes as one decimal number.")),
                ("id", computed("The bytes in base64 with the alphabet for URLs, without prefix.")),
            ])
        };
        Schema { version: 0, block }
    }

    fn validate(&self, config: &Value) -> Diagnostics {
        if let Some(error) = not_whole(config, "byte_length") {
            return error.into();
        }
        match integer(config, "byte_length") {
            Some(length) if !(1..=MAX_BYTES).contains(&length) => {
                let detail =
                    format!("The attribute byte_length must be between 1 and {MAX_BYTES}, got: {length}.");
                attribute_error("byte_length", "Invalid Attribute Value", detail).into()
            }
            _ => Diagnostics::new(),
        }
    }

    fn plan(&self, block: &Block, request: &PlanRequest) -> PlanResponse {
        planning::plan(
            block,
            &Rules { stable: &COMPUTED, harmless: same_keepers, ..Rules::default() },
            request,
        )
    }

    fn create(&self, planned: &Value) -> Result<Value, Diagnostics> {
        // Checked again: the length may have been unknown when configuration was checked.
        let invalid = self.validate(planned);
        if invalid.has_errors() {
            return Err(invalid);
        }
        let length =
            integer(planned, "byte_length").and_then(|n| usize::try_from(n).ok()).unwrap_or_default();
        let mut bytes = vec![0; length];
        self.0.fill(&mut bytes).map_err(|error| {
            Diagnostic::error("Random Read Error").detail(format!(
                "No random bytes could be read for the new id: {error}. Nothing was created."
            ))
        })?;
        Ok(with(planned, forms(&bytes, text(planned, "prefix").unwrap_or_default())))
    }

    fn import(&self, block: &Block, id: &str) -> Option<Result<Value, Diagnostics>> {
        let (prefix, encoded) = id.rsplit_once(',').map_or(("", id), |(prefix, encoded)| (prefix, encoded));
        let bytes = match URL_SAFE_NO_PAD.decode(encoded) {
            Ok(bytes) => bytes,
            Err(error) => {
                return Some(Err(Diagnostic::error("Import Random ID Error")
                    .detail(format!(
                        "The import id must be the bytes in base64 with the alphabet for URLs and without padding, \
                         optionally after a prefix and a comma (\"prefix-,p-9hUg\"). {encoded:?} is not: {error}."
                    ))
                    .into()));
            }
        };
        let prefix_value =
            if prefix.is_empty() { Value::null(Type::String) } else { Value::string_normalised(prefix) };
        let state = object(
            block,
            [
                ("byte_length", Value::number(bytes.len())),
                ("keepers", Value::map(Type::String, Vec::<(Arc<str>, Value)>::new())),
                ("prefix", prefix_value),
            ],
        );
        Some(Ok(with(&state, forms(&bytes, prefix))))
    }
}
