//! The hcloud provider: Hetzner Cloud resources and data sources, with the names, types and state shapes of the
//! published provider, so that a stack moves between Terraform and Ferroform without migration.
//!
//! [`HcloudFactory`] is all that others need. Inside, a kind of resource is one file in `resources` that implements
//! `resource::Resource`: its schema, how it is validated and planned, which API objects it is read from, and the
//! requests that create, change and delete it. What is the same for all kinds lies beside: planning by schema,
//! batched reads, applying with lost answers, looking for objects whose creation was not seen to end.
//!
//! Adding a resource: a file in `resources`, a line in `registry`.

mod ahead;
mod applying;
mod attrs;
mod cluster;
mod cx;
mod data_source;
mod data_sources;
mod failure;
mod functions;
mod locating;
mod note;
mod planning;
mod provider;
mod registry;
mod resource;
mod resources;
mod rules;
mod seen;
mod settings;
mod turns;

pub use ferroform_hcloud::Pace;
pub use provider::HcloudFactory;
pub use settings::Settings;
