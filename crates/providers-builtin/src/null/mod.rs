//! The null provider: a resource that does nothing but exist.

mod data_source;
mod resource;

use std::sync::Arc;

use ferroform_core::schema::Block;

use crate::builtin::{self, Factory};
use crate::randomness::{RandomSource, bytes};
use ferroform_core::{Diagnostics, Value};

/// The published provider that this one equals.
const VERSION: &str = "3.2.4";

/// Makes the provider.
pub(crate) fn factory(random: Arc<dyn RandomSource>) -> Factory {
    builtin::factory(
        crate::published("null"),
        VERSION,
        Block::default(),
        vec![("null_resource", Arc::new(resource::NullResource(random.clone())))],
        vec![("null_data_source", Arc::new(data_source::NullDataSource(random)))],
    )
}

/// A random number of 63 bits in decimal digits.
fn random_number(random: &dyn RandomSource) -> Result<Value, Diagnostics> {
    let number = u64::from_be_bytes(bytes::<8>(random)?) >> 1;
    Ok(Value::string(number.to_string()))
}
