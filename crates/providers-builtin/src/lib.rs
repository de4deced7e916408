//! The providers that are part of the engine: random, tls, time, local, null, http, external,
//! cloudinit and terraform.
//!
//! Each equals the published provider of the same name in attribute names, types, defaults, schema versions, state
//! shapes and rules of replacement, so that state written by one is read by the other with nothing to migrate. A
//! module a provider, a file a resource. [`factories`] gives them all.

mod builtin;
mod clock;
mod cloudinit;
mod external;
mod http;
mod local;
mod null;
mod planning;
mod random;
mod randomness;
mod terraform;
mod time;
mod tls;
mod values;

use std::sync::Arc;

use ferroform_core::addr::ProviderSource;
use ferroform_provider::ProviderFactory;

pub use clock::{Clock, SystemClock};
pub use randomness::{OsRandom, RandomError, RandomSource, SeededRandom};

/// The factories of all built-in providers; random values and the time come from the operating system.
pub fn factories() -> Vec<Arc<dyn ProviderFactory>> {
    factories_with(Arc::new(OsRandom), Arc::new(SystemClock))
}

/// The factories of all built-in providers, with random values from `random` and the time from `clock`.
pub fn factories_with(random: Arc<dyn RandomSource>, clock: Arc<dyn Clock>) -> Vec<Arc<dyn ProviderFactory>> {
    vec![
        Arc::new(random::factory(random.clone(), clock.clone())),
        Arc::new(tls::factory(random.clone(), clock.clone())),
        Arc::new(time::factory(clock)),
        Arc::new(local::factory()),
        Arc::new(null::factory(random.clone())),
        Arc::new(http::factory()),
        Arc::new(external::factory()),
        Arc::new(cloudinit::factory()),
        Arc::new(terraform::factory(random)),
    ]
}

/// The addresses under which the registries of Terraform and OpenTofu publish `hashicorp/NAME`.
fn published(name: &str) -> Vec<ProviderSource> {
    let on =
        |host: &str| ProviderSource { host: host.into(), namespace: "hashicorp".into(), name: name.into() };
    vec![on(ProviderSource::DEFAULT_HOST), on("registry.opentofu.org")]
}
