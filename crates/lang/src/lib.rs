//! Ferroform: lang.
