//! The messages on the wire, as they are numbered in version 6 of Terraform's plugin protocol (`tfplugin6`) and in the
//! services that HashiCorp's go-plugin adds (`plugin`).
//!
//! Field numbers and types are the protocol's; `prost` derives the encoding from them, so that no protoc and no code
//! generator is needed. Fields that nothing here reads or sets are left out: protocol buffers skip what they do not
//! know. Names are those of the protocol, with `Request` and `Response` at the end instead of inside.

mod common;
mod go_plugin;
mod methods;
mod schema;

pub(crate) use common::*;
pub(crate) use go_plugin::*;
pub(crate) use methods::*;
pub(crate) use schema::*;
