//! The providers at hand, by source.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};

use ferroform_core::addr::{ProviderSource, Resource, ResourceMode};
use ferroform_core::function::{Function, FunctionError};
use ferroform_core::schema::{Block, Schema};
use ferroform_core::{Diagnostic, Diagnostics, Span, Value};
use ferroform_lang::Module;
use ferroform_lang::funcs::{FunctionSource, ProviderFunctions};
use ferroform_lang::validate::Schemas;
use ferroform_provider::{Provider, ProviderFactory, ProviderSchema};

/// Every provider that can be used, by each of the sources it answers to.
#[derive(Clone, Default)]
pub struct Registry {
    factories: BTreeMap<ProviderSource, Arc<dyn ProviderFactory>>,
}

impl Registry {
    /// A registry of these providers.
    pub fn new(factories: impl IntoIterator<Item = Arc<dyn ProviderFactory>>) -> Self {
        let mut registry = Registry::default();
        for factory in factories {
            for source in factory.sources() {
                registry.factories.insert(source, factory.clone());
            }
        }
        registry
    }

    /// The provider of a source.
    pub fn get(&self, source: &ProviderSource) -> Option<&Arc<dyn ProviderFactory>> {
        self.factories.get(source)
    }

    /// All sources, in order.
    pub fn sources(&self) -> impl Iterator<Item = &ProviderSource> {
        self.factories.keys()
    }

    /// The schema of a source's provider.
    pub fn schema(&self, source: &ProviderSource) -> Option<Arc<ProviderSchema>> {
        self.get(source).map(|f| f.schema())
    }

    /// The functions of a source's provider.
    pub fn functions(&self, source: &ProviderSource) -> Option<Arc<dyn FunctionSource>> {
        let factory = self.get(source)?.clone();
        Some(Arc::new(Functions { schema: factory.schema(), factory, provider: OnceLock::new() }))
    }

    /// The functions of providers that a module can call.
    pub fn module_functions(&self, module: &Module) -> ProviderFunctions {
        ProviderFunctions::of(module, |source| self.functions(source))
    }

    /// The error for a source that is used and not at hand.
    pub fn missing(&self, source: &ProviderSource, span: Option<Span>) -> Diagnostic {
        let mut names: Vec<String> =
            self.factories.values().filter_map(|f| f.sources().first().map(short)).collect();
        names.sort();
        names.dedup();
        Diagnostic::error("Provider not available")
            .detail(format!(
                "The configuration uses the provider {}, which is not part of this version of Ferroform. Available are: {}.",
                short(source),
                names.join(", ")
            ))
            .subject(span)
            .hint("A provider that is listed in required_providers and not used by any block does no harm.")
    }
}

impl Schemas for Registry {
    fn resource(&self, source: &ProviderSource, resource: &Resource) -> Option<Schema> {
        resource_schema(&*self.schema(source)?, source, resource, None).ok().cloned()
    }

    fn provider(&self, source: &ProviderSource) -> Option<Block> {
        Some(self.schema(source)?.provider.clone())
    }

    fn functions(&self, source: &ProviderSource) -> Option<Arc<dyn FunctionSource>> {
        Registry::functions(self, source)
    }
}

/// The functions of a provider, as the language calls them. They need no configuration, so a provider without one is
/// asked, made when the first of them is called.
struct Functions {
    factory: Arc<dyn ProviderFactory>,
    schema: Arc<ProviderSchema>,
    provider: OnceLock<Arc<dyn Provider>>,
}

impl FunctionSource for Functions {
    fn declaration(&self, name: &str) -> Option<&Function> {
        self.schema.functions.get(name)
    }

    fn call(&self, name: &str, arguments: &[Value]) -> Result<Value, FunctionError> {
        let provider = self.provider.get_or_init(|| self.factory.create());
        catch_unwind(AssertUnwindSafe(|| provider.call_function(name, arguments)))
            .unwrap_or_else(|_| Err(FunctionError::failed("the provider panicked, which is a bug in it")))
    }
}

/// A source as people write it: without the default registry's host.
pub fn short(source: &ProviderSource) -> String {
    if &*source.host == ProviderSource::DEFAULT_HOST {
        format!("{}/{}", source.namespace, source.name)
    } else {
        source.to_string()
    }
}

/// The schema of a resource or data source, or the error that its provider has none.
pub fn resource_schema<'a>(
    schema: &'a ProviderSchema,
    source: &ProviderSource,
    resource: &Resource,
    span: Option<Span>,
) -> Result<&'a Schema, Diagnostics> {
    let (kind, known) = match resource.mode {
        ResourceMode::Data => ("data source", &schema.data_sources),
        _ => ("resource type", &schema.resources),
    };
    known.get(&resource.type_name).ok_or_else(|| {
        let summary =
            if resource.mode == ResourceMode::Data { "Invalid data source" } else { "Invalid resource type" };
        Diagnostic::error(summary)
            .detail(format!(
                "The provider {} does not support {kind} \"{}\".",
                short(source),
                resource.type_name
            ))
            .subject(span)
            .into()
    })
}
