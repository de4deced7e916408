//! The random provider: values that are drawn once and then kept in state.

mod bytes;
mod id;
mod integer;
mod password;
mod pet;
mod seed;
mod shuffle;
mod string;
mod text;
mod uuid;
mod words;

use std::sync::Arc;

use ferroform_core::schema::{Attribute, Block};
use ferroform_core::{Type, Value};

use self::uuid::{RandomUuid, Version};
use crate::builtin::{self, Factory};
use crate::clock::Clock;
use crate::planning::same_triggers;
use crate::randomness::RandomSource;

/// The published provider that this one equals.
const VERSION: &str = "3.8.1";

/// Makes the provider.
pub(crate) fn factory(random: Arc<dyn RandomSource>, clock: Arc<dyn Clock>) -> Factory {
    let uuid = |version| Arc::new(RandomUuid { version, random: random.clone(), clock: clock.clone() });
    builtin::factory(
        crate::published("random"),
        VERSION,
        Block::default(),
        vec![
            ("random_bytes", Arc::new(bytes::RandomBytes(random.clone()))),
            ("random_id", Arc::new(id::RandomId(random.clone()))),
            ("random_integer", Arc::new(integer::RandomInteger(random.clone()))),
            ("random_password", Arc::new(password::RandomPassword(random.clone()))),
            ("random_pet", Arc::new(pet::RandomPet(random.clone()))),
            ("random_shuffle", Arc::new(shuffle::RandomShuffle(random.clone()))),
            ("random_string", Arc::new(string::RandomString(random.clone()))),
            ("random_uuid", uuid(Version::None)),
            ("random_uuid4", uuid(Version::Four)),
            ("random_uuid7", uuid(Version::Seven)),
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

/// A difference that asks for nothing new: keepers that say the same in another way.
fn same_keepers(name: &str, prior: &Value, config: &Value) -> bool {
    name == "keepers" && same_triggers(prior, config)
}
