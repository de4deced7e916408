//! Ferroform: plan.
