//! Which provider configuration a resource uses.

use std::sync::Arc;

use ferroform_core::addr::{ModulePath, ProviderConfig, ProviderSource};
use ferroform_core::{Diagnostic, Span};

use super::{Config, Module, ModuleCall, ProviderBlock, ResourceBlock};

/// What a local name and alias stand for in a module.
#[derive(Debug, Clone)]
pub(super) struct Choice {
    name: Arc<str>,
    alias: Option<Arc<str>>,
    config: ProviderConfig,
}

impl Choice {
    fn is(&self, name: &str, alias: Option<&Arc<str>>) -> bool {
        *self.name == *name && self.alias.as_ref() == alias
    }
}

impl ResourceBlock {
    /// The local name of its provider.
    pub fn provider_name(&self) -> &str {
        self.provider.as_ref().map_or_else(|| self.addr.implied_provider(), |p| &p.name)
    }
}

impl Module {
    /// What a local name of a provider stands for in this module.
    pub fn provider_source(&self, name: &str) -> ProviderSource {
        self.required_providers.get(name).map_or_else(|| ProviderSource::implied(name), |p| p.source.clone())
    }

    /// The local name of a provider in this module.
    pub fn provider_name(&self, source: &ProviderSource) -> Arc<str> {
        self.required_providers
            .iter()
            .find(|(_, required)| required.source == *source)
            .map_or_else(|| source.name.clone(), |(name, _)| name.clone())
    }

    fn provider_block(&self, source: &ProviderSource, alias: Option<&Arc<str>>) -> Option<&ProviderBlock> {
        self.providers
            .iter()
            .find(|((name, a), _)| a.as_ref() == alias && self.provider_source(name) == *source)
            .map(|(_, block)| block)
    }
}

impl Config {
    /// The provider configuration that a resource uses: its own choice or the default one, followed through what calls
    /// pass and, for default configurations, up the tree of modules.
    ///
    /// # Errors
    /// When the resource names an alias that neither its module nor a call provides.
    pub fn provider_for(
        &self,
        module: &ModulePath,
        resource: &ResourceBlock,
    ) -> Result<ProviderConfig, Diagnostic> {
        let alias = resource.provider.as_ref().and_then(|p| p.alias.as_ref());
        let mut known = self.chosen.get(module).into_iter().flatten();
        if let Some(choice) = known.find(|choice| choice.is(resource.provider_name(), alias)) {
            return Ok(choice.config.clone());
        }
        self.provider_of_block(module, resource)
    }

    /// Follows every local name and alias that resources use, once, so that it need not be done for each of them.
    pub(super) fn choose_providers(&mut self) {
        for (path, module) in &self.modules {
            let mut choices: Vec<Choice> = Vec::new();
            for resource in module.resources.values() {
                let alias = resource.provider.as_ref().and_then(|p| p.alias.as_ref());
                let name = resource.provider_name();
                if choices.iter().any(|choice| choice.is(name, alias)) {
                    continue;
                }
                // What cannot be found is told whenever somebody asks.
                if let Ok(config) = self.provider_of_block(path, resource) {
                    choices.push(Choice { name: name.into(), alias: alias.cloned(), config });
                }
            }
            self.chosen.insert(path.clone(), choices);
        }
    }

    fn provider_of_block(
        &self,
        module: &ModulePath,
        resource: &ResourceBlock,
    ) -> Result<ProviderConfig, Diagnostic> {
        let alias = resource.provider.as_ref().and_then(|p| p.alias.clone());
        let span = resource.provider.as_ref().map_or(resource.header, |p| p.span);
        self.resolve_provider(module, resource.provider_name(), alias, span)
    }

    /// Follows a local name and alias from a module to the configuration it stands for.
    pub(crate) fn resolve_provider(
        &self,
        module: &ModulePath,
        name: &str,
        alias: Option<Arc<str>>,
        span: Span,
    ) -> Result<ProviderConfig, Diagnostic> {
        let mut here = self.modules.get(module).unwrap_or(&self.root);
        let (mut name, mut alias): (Arc<str>, _) = (name.into(), alias);
        loop {
            let source = here.provider_source(&name);
            let block = here.provider_block(&source, alias.as_ref());
            let caller = here.path.parent().and_then(|(parent, call)| {
                let parent = self.modules.get(&parent)?;
                Some((parent, parent.calls.get(&call)?))
            });
            let found =
                ProviderConfig { module: here.path.clone(), source: source.clone(), alias: alias.clone() };
            let Some((parent, call)) = caller else {
                return match (block, &alias) {
                    (None, Some(alias)) => Err(undefined(&name, alias, &here.path, span)),
                    _ => Ok(found),
                };
            };
            let passed = passed(call, &name, alias.as_ref());
            // An empty block in a called module only says that a configuration is to be passed.
            let proxy = passed.is_some()
                && block.is_some_and(|b| b.body.attributes.is_empty() && b.body.blocks.is_empty());
            if block.is_some() && !proxy {
                return Ok(found);
            }
            match passed {
                Some(from) => {
                    name = from.name.clone();
                    alias = from.alias.clone();
                }
                None => {
                    if let Some(alias) = &alias {
                        return Err(undefined(&name, alias, &here.path, span));
                    }
                    name = parent.provider_name(&source);
                }
            }
            here = parent;
        }
    }

    /// The block of a provider configuration; none for a provider that is used without one.
    pub fn provider_block(&self, addr: &ProviderConfig) -> Option<&ProviderBlock> {
        self.modules.get(&addr.module)?.provider_block(&addr.source, addr.alias.as_ref())
    }
}

fn passed<'a>(call: &'a ModuleCall, name: &str, alias: Option<&Arc<str>>) -> Option<&'a super::ProviderRef> {
    call.providers
        .iter()
        .find(|(child, _)| &*child.name == name && child.alias.as_ref() == alias)
        .map(|(_, parent)| parent)
}

fn undefined(name: &str, alias: &str, module: &ModulePath, span: Span) -> Diagnostic {
    let place = if module.is_root() { "the root module".to_owned() } else { format!("{module}") };
    Diagnostic::error("Provider configuration not present")
        .detail(format!(
            "There is no configuration {name}.{alias} in {place}. Add a provider {name:?} block with alias = {alias:?}, \
             or pass one in the \"providers\" argument of the module call.",
        ))
        .subject(span)
}
