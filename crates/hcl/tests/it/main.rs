//! Tests of the parser through its public interface.

mod dump;
mod errors;
mod expressions;
mod formatting;
mod generated;
mod json;
mod lossless;
mod structure;
mod templates;
