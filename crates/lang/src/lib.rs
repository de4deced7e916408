//! The Terraform language: configuration, the module tree, references, functions and evaluation.
//!
//! [`Config`] is what a directory of `.tf` files says, without having evaluated more of it than its shape needs.
//! [`eval`] computes values from expressions and bodies, given a [`Scope`] that knows what references stand for.
//! Nothing here knows of state, plans or the insides of providers, and nothing performs IO: files are read through
//! [`Files`].

pub mod config;
pub mod eval;
pub mod files;
pub mod funcs;
pub mod reference;
pub mod suggest;
pub mod validate;
pub mod variables;
pub mod version;

pub use config::{
    Backend, Condition, Config, IgnoreChanges, Lifecycle, Local, Module, ModuleCall, Output, ProviderBlock,
    ProviderRef, RequiredProvider, ResourceBlock, Variable,
};
pub use eval::{
    ConditionOutcome, Expansion, Scope, check_condition, decode_body, eval_expr, eval_expr_as, expand,
    span_in_body,
};
/// The syntax that configuration is written in.
pub use ferroform_hcl as hcl;
pub use files::{DirEntry, Files, MemoryFiles, RecordingFiles};
pub use reference::{Reference, Referent, references_in_body, references_in_expr};
