//! The schemas that objects are shown by.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use ferroform_core::addr::{ProviderConfig, ProviderSource, Resource, ResourceMode};
use ferroform_core::schema::Schema;
use ferroform_engine::Registry;
use ferroform_provider::ProviderSchema;

/// Schemas by provider and type, each provider's loaded when it is first asked for.
pub(crate) struct Schemas<'r> {
    registry: Option<&'r Registry>,
    loaded: BTreeMap<ProviderSource, OnceLock<Option<Arc<ProviderSchema>>>>,
}

/// The schemas of the providers at hand.
pub(crate) fn schemas_of(registry: &Registry) -> Schemas<'_> {
    let loaded = registry.sources().map(|source| (source.clone(), OnceLock::new())).collect();
    Schemas { registry: Some(registry), loaded }
}

impl Schemas<'_> {
    /// The schema of a resource type or data source; none when the provider is not at hand or has no such type.
    pub(crate) fn get(&self, provider: &ProviderConfig, resource: &Resource) -> Option<&Schema> {
        let slot = self.loaded.get(&provider.source)?;
        let load = || self.registry.and_then(|registry| registry.schema(&provider.source));
        let schema = slot.get_or_init(load).as_ref()?;
        match resource.mode {
            ResourceMode::Data => schema.data_sources.get(&resource.type_name),
            ResourceMode::Managed | ResourceMode::Ephemeral => schema.resources.get(&resource.type_name),
        }
    }

    /// Schemas that are given rather than loaded.
    #[cfg(test)]
    pub(crate) fn fixed(
        schemas: impl IntoIterator<Item = (ProviderSource, ProviderSchema)>,
    ) -> Schemas<'static> {
        let slot = |schema| OnceLock::from(Some(Arc::new(schema)));
        let loaded = schemas.into_iter().map(|(source, schema)| (source, slot(schema))).collect();
        Schemas { registry: None, loaded }
    }
}
