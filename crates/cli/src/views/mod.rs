//! Data as text. Every view is a function of its input and a [`style::Style`]; none of them looks at the terminal,
//! the environment or files.

pub(crate) mod cloudflare;
pub(crate) mod cluster_objects;
pub(crate) mod cost;
pub(crate) mod day2;
pub(crate) mod diagnostics;
mod diff;
pub(crate) mod fmt;
pub(crate) mod holdup;
pub(crate) mod messages;
pub(crate) mod new;
pub(crate) mod outputs;
pub(crate) mod plan;
pub(crate) mod progress;
pub(crate) mod schemas;
pub(crate) mod state;
pub(crate) mod style;
pub(crate) mod table;
pub(crate) mod text;
mod values;

#[cfg(test)]
mod secrecy;
#[cfg(test)]
mod testing;
