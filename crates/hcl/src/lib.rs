//! HCL: the syntax that the Terraform language is written in.
//!
//! A text becomes a lossless tree (every byte of it, comments and errors included) and, lowered from that, the
//! [`ast`] that evaluation works with. This crate knows nothing of resources or of Terraform.

pub mod ast;

