//! The built-in providers, driven as the engine drives them.

mod certificates;
mod cloudinit;
mod external;
mod harness;
mod http;
mod local;
mod null;
mod random;
mod random_others;
mod remote_state;
mod schemas;
mod terraform_data;
mod time;
mod tls;
