//! Ferroform: engine.
