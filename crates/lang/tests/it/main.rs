//! Tests of the language over its public interface. Expected values come from Terraform 1.11.4.

mod config;
mod decode;
mod eval;
mod expand;
mod oracle;
mod robust;
mod support;
mod validate;
mod variables;
