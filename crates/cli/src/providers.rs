//! The providers that are part of the binary.

use std::path::PathBuf;
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
        if let Some(directory) = pace_directory(env) {
            settings = settings.shared_pace(directory);
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

/// Where all runs of a user share what they know of the API's rate limit: a place that is emptied at the next start of the
/// computer if there is one, else the cache. None for a user without a home.
fn pace_directory(env: impl Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let absolute = |name: &str| env(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = absolute("XDG_RUNTIME_DIR")
        .or_else(|| absolute("XDG_CACHE_HOME"))
        .or_else(|| absolute("HOME").map(|home| home.join(".cache")))?;
    Some(base.join("ferroform").join("pace"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pace_is_shared_where_the_system_keeps_what_is_of_a_user() {
        for (set, expected) in [
            (&[("XDG_RUNTIME_DIR", "/run/user/1"), ("HOME", "/h")][..], Some("/run/user/1/ferroform/pace")),
            (&[("XDG_CACHE_HOME", "/c"), ("HOME", "/h")], Some("/c/ferroform/pace")),
            (&[("XDG_RUNTIME_DIR", "relative"), ("HOME", "/h")], Some("/h/.cache/ferroform/pace")),
            (&[], None),
        ] {
            let env = |name: &str| set.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
            assert_eq!(pace_directory(env), expected.map(PathBuf::from), "{set:?}");
        }
    }
}
