//! The http provider: asks a web server.

mod data;
mod request;

use std::sync::Arc;

use ferroform_core::schema::Block;

use crate::builtin::{self, Factory};

/// The published provider that this one equals.
const VERSION: &str = "3.5.0";

/// Makes the provider.
pub(crate) fn factory() -> Factory {
    builtin::factory(
        crate::published("http"),
        VERSION,
        Block::default(),
        Vec::new(),
        vec![("http", Arc::new(data::Http))],
    )
}
