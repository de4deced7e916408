//! The plugin under real Terraform, and Ferroform beside it: on each of the configurations under `oracle/cases` both do
//! the same, step by step. See `oracle/README.md`.

mod case;
mod cloud;
mod compare;
mod ferroform;
mod oracle;
mod process;
mod terraform;
