//! The time provider: times that are taken once and then kept in state, and waiting.

mod common;
mod moment;
mod offset;
mod rotating;
mod sleep;
mod stationary;

use std::sync::Arc;

use ferroform_core::schema::Block;

use crate::builtin::{self, Factory};
use crate::clock::Clock;

pub(crate) use moment::Moment;

/// The published provider that this one equals.
const VERSION: &str = "0.13.1";

/// Makes the provider.
pub(crate) fn factory(clock: Arc<dyn Clock>) -> Factory {
    builtin::factory(
        crate::published("time"),
        VERSION,
        Block::default(),
        vec![
            ("time_offset", Arc::new(offset::TimeOffset(clock.clone()))),
            ("time_rotating", Arc::new(rotating::TimeRotating(clock.clone()))),
            ("time_sleep", Arc::new(sleep::TimeSleep(clock.clone()))),
            ("time_static", Arc::new(stationary::TimeStatic(clock))),
        ],
        Vec::new(),
    )
}
