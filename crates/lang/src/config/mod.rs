//! The configuration: what the files say, block by block, for the whole tree of modules.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ferroform_core::addr::{ModulePath, ProviderSource};
use rustc_hash::FxHashMap;

pub mod check;
pub(crate) mod content;
mod decode;
mod json;
mod load;
pub mod module;
mod named;
mod overrides;
mod providers;
pub mod refactor;
mod resource;
mod terraform;
pub mod typeexpr;

pub use check::CheckBlock;
pub(crate) use json::expr as json_expr;
pub(crate) use load::not_utf8;
pub use module::*;
pub use refactor::{Endpoint, ImportBlock, MovedBlock, RemovedBlock};
pub use typeexpr::Defaults;

/// A root module with all the modules that it calls.
#[derive(Debug, Clone)]
pub struct Config {
    /// Never without the root module.
    modules: BTreeMap<ModulePath, Arc<Module>>,
    root: Arc<Module>,
    /// By module: the provider configurations that its resources use.
    chosen: FxHashMap<ModulePath, Vec<providers::Choice>>,
}

impl Config {
    /// The module that everything begins with.
    pub fn root(&self) -> &Arc<Module> {
        &self.root
    }

    /// The module at a place in the tree of calls.
    pub fn module(&self, path: &ModulePath) -> Option<&Arc<Module>> {
        self.modules.get(path)
    }

    /// All modules, the calling ones before those that they call.
    pub fn modules(&self) -> impl Iterator<Item = (&ModulePath, &Arc<Module>)> {
        // Paths order by their names from the root on, hence a prefix before what it is a prefix of.
        self.modules.iter()
    }

    /// Whether no file of configuration was found in the root module's directory.
    pub fn is_empty(&self) -> bool {
        let root = &self.root;
        self.modules.len() == 1
            && root.variables.is_empty()
            && root.locals.is_empty()
            && root.outputs.is_empty()
            && root.resources.is_empty()
            && root.providers.is_empty()
            && root.required_providers.is_empty()
            && root.required_versions.is_empty()
            && root.backend.is_none()
            && root.checks.is_empty()
            && root.moved.is_empty()
            && root.removed.is_empty()
            && root.imports.is_empty()
    }

    /// Every provider that a module requires, configures or has a resource of.
    pub fn required_sources(&self) -> BTreeSet<ProviderSource> {
        let mut sources = BTreeSet::new();
        for module in self.modules.values() {
            sources.extend(module.required_providers.values().map(|p| p.source.clone()));
            sources.extend(module.providers.keys().map(|(name, _)| module.provider_source(name)));
            sources.extend(
                module.resources.values().map(|resource| module.provider_source(resource.provider_name())),
            );
        }
        sources
    }
}
