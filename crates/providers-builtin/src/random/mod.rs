//! The random provider: values that are drawn once and then kept in state.

mod id;
mod password;
mod string;
mod text;

use std::sync::Arc;

use ferroform_core::Type;
use ferroform_core::schema::{Attribute, Block};

use crate::builtin::{self, Factory};
use crate::randomness::RandomSource;

/// The published provider that this one equals.
const VERSION: &str = "3.7.2";

/// Makes the provider.
pub(crate) fn factory(random: Arc<dyn RandomSource>) -> Factory {
    builtin::factory(
        crate::published("random"),
        VERSION,
        Block::default(),
        vec![
            ("random_id", Arc::new(id::RandomId(random.clone()))),
            ("random_password", Arc::new(password::RandomPassword(random.clone()))),
            ("random_string", Arc::new(string::RandomString(random))),
        ],
        Vec::new(),
    )
}

/// The attribute that all resources of this provider have: values whose change asks for a new draw.
fn keepers() -> Attribute {
    Attribute::optional(Type::map(Type::String))
        .force_new()
        .describe("Arbitrary values; when one of them changes, a new value is drawn.")
}
