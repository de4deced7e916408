//! The providers that are part of the binary.

use std::sync::Arc;

use ferroform_engine::Registry;
use ferroform_provider::ProviderFactory;
use ferroform_provider_hcloud::{HcloudFactory, Pace, Settings};
use ferroform_provider_objectstorage::ObjectStorageFactory;

use crate::cloud::{ObjectStorage, Owner};

/// The registry. With a local cloud, every provider of Hetzner's uses that one, whatever its configuration says.
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
        if let Some(endpoint) = env("HETZNER_ENDPOINT") {
            settings = settings.hetzner_endpoint(endpoint);
        }
        // Test suites set it, so that a mistake in one can never reach the real API.
        if env("FERROFORM_FORBID_PUBLIC_ENDPOINT").is_some() {
            settings = settings.loopback_only();
        }
    }
    let hcloud: Arc<dyn ProviderFactory> = Arc::new(HcloudFactory::new(settings));
    let objectstorage: Arc<dyn ProviderFactory> = Arc::new(ObjectStorageFactory::new(object_storage(local)));
    Registry::new(ferroform_providers_builtin::factories().into_iter().chain([hcloud, objectstorage]))
}

/// Where objectstorage providers go, and what their configuration may leave out.
fn object_storage(local: Option<&Owner>) -> ferroform_provider_objectstorage::Settings {
    let settings = ferroform_provider_objectstorage::Settings::new()
        .user_agent(concat!("ferroform/", env!("CARGO_PKG_VERSION")));
    match local.map(|owner| &owner.object_storage) {
        Some(Some(ObjectStorage { endpoint, access_key, secret_key })) => {
            settings.only_place(endpoint, access_key, secret_key)
        }
        // A cloud without object storage is never used, and a local run goes nowhere else.
        Some(None) => settings.loopback_only(),
        None => settings.environment(|name| std::env::var(name).ok()),
    }
}
