//! A provider of Ferroform as a plugin of Terraform and OpenTofu.
//!
//! [`Server`] serves any [`Provider`](ferroform_provider::Provider) over version 6 of Terraform's plugin protocol: gRPC
//! on a Unix socket, with mutual TLS, in a process that Terraform starts. What the protocol does not have is done here:
//! single reads are brought together into batches ([`Provider::read_resources`](ferroform_provider::Provider)), since
//! that is what makes a provider fast. Journals and checkpoints are the engine's and have no counterpart.
//!
//! A plugin's `main` starts the server, prints [`Server::handshake`] as the first line of its standard output, and
//! awaits [`Server::run`].

mod batch;
mod convert;
pub mod msgpack;
mod proto;
mod rpc;
mod schema;
mod server;
mod service;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod tls;

pub use server::{Expectations, Server, StartError};
