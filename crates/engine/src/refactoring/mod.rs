//! Objects whose address changes, or that leave the state: what `moved` and `removed` blocks say, and what is implied.

mod moves;
mod removals;
mod statement;
mod validation;

pub(crate) use moves::{Moves, in_order};
pub(crate) use removals::Removals;
pub(crate) use statement::Statement;
pub(crate) use validation::validate;
