//! Ferroform: test-support.
