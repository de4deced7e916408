//! Work on stacks that run: what is done day by day, after an apply.
//!
//! A stack says where everything is by an output named `ferroform`, its [`Contract`]. From it follows how its servers
//! are reached ([`ssh`]), and what can be done with them. Programs are run through [`Runner`], so that everything
//! here is tested without any of them.

pub mod backup;
pub mod contract;
pub mod deploy;
pub mod docker;
pub mod facts;
pub mod inventory;
pub mod kubeconfig;
pub mod kubectl;
pub mod quote;
pub mod remote;
pub mod run;
pub mod ssh;
pub mod upgrade;
pub mod version;
pub mod yaml;

pub use contract::Contract;
pub use remote::Remote;
pub use run::{Finished, Invocation, Runner, Streams, SystemRunner};
