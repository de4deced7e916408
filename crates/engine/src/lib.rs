//! The engine: from configuration and state to a plan, and from a plan to objects.
//!
//! It knows providers by their trait only; terminal, environment, clock and files are passed in or left to others. What
//! happens on the way is told as [`events`].

pub mod applying;
mod checks;
mod compat;
mod evaluate;
pub mod events;
mod graph;
pub mod journal;
pub mod left_behind;
mod objects;
pub mod planning;
pub mod providers;
mod refactoring;
pub mod settle;
mod state_values;
pub mod store;

pub use applying::{Applied, ApplyInput, Done, StopLevel, apply};
pub use events::{Event, EventSink};
pub use planning::{PlanInput, PlanOptions, Planned, Setup, Surroundings, plan};
pub use providers::Registry;
pub use store::Environment;
