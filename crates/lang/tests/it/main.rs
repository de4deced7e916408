//! Tests of the language over its public interface. Expected values come from Terraform 1.11.4.
#![allow(missing_docs, reason = "tests")]

mod eval;
mod support;
