//! Tests of planning and applying, with a provider whose objects live in memory.

mod applying;
mod harness;
mod oracle;
mod planning;
mod refactoring;
mod settling;
