//! What the objects of a plan cost, before and after it is applied.
//!
//! Prices are those of the built-in catalogue, with its date. Nothing is approximated: amounts are counted in units of
//! 10⁻¹⁰ euros, in which every price, percentage and value added tax of at most two decimals is exact; rounding happens
//! when an amount is printed. A price that nobody knows is `None` and never zero, and a sum with such a price in it
//! says so.
//!
//! The crate reads a [`Plan`](ferroform_plan::Plan) and a [`Catalogue`](ferroform_catalogue::Catalogue) and knows of
//! nothing else: neither files nor providers nor who shows what it found.

mod amount;
mod estimate;
mod prices;
mod spent;
mod traffic;

pub use amount::{Amount, InvalidVat, Sum, Vat};
pub use estimate::{Costs, Estimate, Line, estimate};
pub use prices::{Component, Unpriced};
pub use spent::{Existing, Spent, spent};
pub use traffic::Traffic;
