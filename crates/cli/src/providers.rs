//! The providers that are part of the binary.

use std::sync::Arc;

use ferroform_engine::Registry;
use ferroform_provider::ProviderFactory;
use ferroform_provider_hcloud::{HcloudFactory, Pace, Settings};

use crate::cloud::Owner;

/// The registry. With a local cloud, every hcloud provider uses that one, whatever its configuration says.
pub(crate) fn registry(local: Option<&Owner>) -> Registry {
    let env = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let mut settings = Settings::new().user_agent(concat!("ferroform/", env!("CARGO_PKG_VERSION")));
    if let Some(owner) = local {
        settings = settings.only_world(&owner.endpoint, &owner.token);
        if owner.time_scale == 0.0 {
            settings = settings.pace(Pace::INSTANT);
        }
    } else {
        if let Some(token) = env("HCLOUD_TOKEN") {
            settings = settings.token(token);
        }
        if let Some(endpoint) = env("HCLOUD_ENDPOINT") {
            settings = settings.endpoint(endpoint);
        }
        // Test suites set it, so that a mistake in one can never reach the real API.
        if env("FERROFORM_FORBID_PUBLIC_ENDPOINT").is_some() {
            settings = settings.loopback_only();
        }
    }
    let hcloud: Arc<dyn ProviderFactory> = Arc::new(HcloudFactory::new(settings));
    Registry::new(ferroform_providers_builtin::factories().into_iter().chain([hcloud]))
}
