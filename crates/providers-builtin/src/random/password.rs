//! `random_password`: a random text that is never shown, with its bcrypt hash.

use std::sync::Arc;

use ferroform_core::schema::{Attribute, Block, Schema};
use ferroform_core::{Diagnostic, Diagnostics, Type, Value};
use ferroform_provider::{PlanRequest, PlanResponse};

use super::text;
use crate::builtin::{ManagedResource, object};
use crate::randomness::{RandomSource, bytes};
use crate::values::{self, with};

/// bcrypt's work factor, as in the published provider: 2^10 rounds.
const COST: u32 = 10;
/// bcrypt looks at no more bytes than these.
const HASHED_BYTES: usize = 72;

pub(super) struct RandomPassword(pub(super) Arc<dyn RandomSource>);

impl RandomPassword {
    fn hash(&self, password: &str) -> Result<Value, Diagnostics> {
        let salt = bytes::<16>(&*self.0)?;
        let parts = bcrypt::hash_with_salt(truncated(password), COST, salt).map_err(|error| {
            Diagnostic::error("Hash Generation Error")
                .detail(format!("The bcrypt hash of the password could not be made: {error}."))
        })?;
        // The variant that the published provider writes; the hash itself is the same in 2a and 2b.
        Ok(Value::string(parts.format_for_version(bcrypt::Version::TwoA)))
    }
}

fn truncated(password: &str) -> &[u8] {
    let bytes = password.as_bytes();
    &bytes[..bytes.len().min(HASHED_BYTES)]
}

impl ManagedResource for RandomPassword {
    fn schema(&self) -> Schema {
        let secret = |text: &str| Attribute::computed(Type::String).sensitive().describe(text);
        let attributes = text::attributes().into_iter().chain([
            ("result", secret("The text that was drawn.")),
            ("bcrypt_hash", secret("The bcrypt hash of the first 72 bytes of the text.")),
            (
                "id",
                Attribute::computed(Type::String).describe("Always \"none\"; of no use in configuration."),
            ),
        ]);
        let block = Block {
            description: "A random text that is never shown. It is kept in state, which must be guarded."
                .into(),
            ..Block::of(attributes)
        };
        Schema { version: 3, block }
    }

    fn validate(&self, config: &Value) -> Diagnostics {
        text::validate(config)
    }

    fn upgrade(&self, version: u64, state: Value) -> Result<Value, Diagnostics> {
        let state = text::upgrade(&state);
        let Some(password) = values::text(&state, "result") else { return Ok(state) };
        let missing = values::is_null(&state, "bcrypt_hash");
        // Providers of schema version 2 wrote some hashes that do not belong to the password.
        let wrong = version == 2
            && values::text(&state, "bcrypt_hash")
                .is_some_and(|hash| !bcrypt::verify(truncated(password), hash).unwrap_or(false));
        if !missing && !wrong {
            return Ok(state);
        }
        let hash = self.hash(password)?;
        Ok(with(&state, [("bcrypt_hash", hash)]))
    }

    fn plan(&self, block: &Block, request: &PlanRequest) -> PlanResponse {
        text::plan(block, request, &["result", "bcrypt_hash", "id"])
    }

    fn create(&self, planned: &Value) -> Result<Value, Diagnostics> {
        let password = text::draw(planned, &*self.0)?;
        let hash = self.hash(&password)?;
        let result = Value::string_normalised(&password);
        Ok(with(planned, [("result", result), ("bcrypt_hash", hash), ("id", Value::string("none"))]))
    }

    fn import(&self, block: &Block, id: &str) -> Option<Result<Value, Diagnostics>> {
        let imported = object(block, text::imported(id));
        Some(
            self.hash(id).map(|hash| with(&imported, [("bcrypt_hash", hash), ("id", Value::string("none"))])),
        )
    }

    /// The hash is slow on purpose.
    fn blocking(&self) -> bool {
        true
    }
}
