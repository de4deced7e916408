//! The seed that some resources take, so that the same values are drawn again.
//!
//! The values that a seed gives are fixed here, but are not those that the published provider draws from it: those
//! are promised to nobody, and may differ between its versions. State keeps what was drawn in any case.

use ferroform_core::schema::Attribute;
use ferroform_core::{Diagnostics, Type};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use sha2::{Digest, Sha256};

use crate::randomness::{self, RandomSource};

/// The attribute.
pub(super) fn attribute() -> Attribute {
    Attribute::optional(Type::String)
        .force_new()
        .describe("A text; as long as it and the other arguments stay the same, so does what is drawn.")
}

/// A generator for the seed, or a random one where there is none. An empty seed is none.
pub(super) fn generator(seed: Option<&str>, random: &dyn RandomSource) -> Result<ChaCha20Rng, Diagnostics> {
    match seed.filter(|seed| !seed.is_empty()) {
        Some(seed) => Ok(ChaCha20Rng::from_seed(Sha256::digest(seed.as_bytes()).into())),
        None => randomness::generator(random),
    }
}
