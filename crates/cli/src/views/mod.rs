//! Data as text. Every view is a function of its input and a [`style::Style`]; none of them looks at the terminal,
//! the environment or files.

pub mod diagnostics;
mod diff;
pub mod outputs;
pub mod plan;
pub mod progress;
pub mod schemas;
pub mod state;
pub mod style;
mod text;
mod values;

#[cfg(test)]
mod secrecy;
#[cfg(test)]
mod testing;
