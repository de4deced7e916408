//! Providers on the walk: configured when it is their turn, tried before the first operation, asked what is left.

use std::collections::BTreeSet;
use std::sync::Arc;

use ferroform_core::Diagnostic;
use ferroform_core::addr::ProviderConfig;
use ferroform_core::schema::Schema;
use ferroform_plan::{Action, Plan, ResourceChange};
use ferroform_provider::{ConfigureRequest, LeftBehind, Provider};

use super::Applier;
use crate::evaluate::provider_config;
use crate::left_behind;
use crate::planning::resolve;

impl Applier<'_> {
    /// Finds out before the first operation whether a provider is of any use, so that one error tells of it and not one
    /// of every operation.
    pub(super) async fn try_out(&mut self, config: &ProviderConfig) {
        let Some(provider) = self.providers.get(config).cloned() else { return };
        if let Err(diagnostic) = provider.remote_time().await {
            let block = self.setup.config.provider_block(config);
            self.diagnostics.push(resolve(diagnostic, block.map(|b| (&*b.body, b.span)), None));
            self.unusable.insert(config.clone());
        }
    }

    /// Configures a provider, if planning has not done it already.
    pub(super) async fn configure(&mut self, config: &ProviderConfig) {
        if self.providers.contains_key(config) {
            return;
        }
        let Some(factory) = self.setup.registry.get(&config.source).cloned() else {
            return self.diagnostics.push(self.setup.registry.missing(&config.source, None));
        };
        let schema = factory.schema();
        let block = self.setup.config.provider_block(config);
        let (value, found) = provider_config(config, block, &schema.provider, &self.store);
        self.diagnostics.append(found);
        let provider = factory.create();
        for diagnostic in provider.configure(ConfigureRequest { config: value }).await {
            self.diagnostics.push(resolve(diagnostic, block.map(|b| (&*b.body, b.span)), None));
        }
        if let Some(world) = provider.world() {
            let name = config.to_string();
            let planned = self.plan.worlds.iter().find(|w| w.provider == name);
            if planned.is_some_and(|w| w.endpoint != world.endpoint || w.project != world.project) {
                self.diagnostics.push(
                    Diagnostic::error("Plan belongs to another world")
                        .detail(format!(
                            "The plan was made with {name} at another endpoint or in another project than it is \
                             configured for now. Nothing was done with it."
                        ))
                        .hint("Give the token and the endpoint that the plan was made with, or plan again."),
                );
            }
        }
        self.providers.insert(config.clone(), provider);
        if used_providers(self.plan).contains(config) {
            self.try_out(config).await;
            if !self.unusable.contains(config) && !self.diagnostics.has_errors() {
                self.look_behind(config).await;
            }
        }
    }

    /// Lets the providers find what a destroy leaves behind before they begin with it.
    async fn look_behind(&mut self, config: &ProviderConfig) {
        let Some(decide) = self.input.left_behind.filter(|_| left_behind::is_concerned(self.plan)) else {
            return;
        };
        let Some(provider) = self.providers.get(config).cloned() else { return };
        match decide(left_behind::find(self.plan, config, &*provider).await) {
            Ok(objects) => provider.remove_left_behind(&objects),
            Err(diagnostics) => {
                self.diagnostics.append(diagnostics);
                self.unusable.insert(config.clone());
            }
        }
    }

    /// Lets the providers remove what is left, if something is to begin, and gathers what they removed.
    pub(super) async fn finish_left_behind(&mut self, begin: bool) -> Vec<LeftBehind> {
        let mut removed = Vec::new();
        if left_behind::is_concerned(self.plan) {
            for config in used_providers(self.plan) {
                let Some(provider) = self.providers.get(config).filter(|_| !self.unusable.contains(config))
                else {
                    continue;
                };
                let mut finished = provider.clone().finish_left_behind(begin).await;
                removed.append(&mut finished.objects);
                self.diagnostics.append(finished.diagnostics);
            }
        }
        removed
    }

    /// The provider of a change and the schema of its object; None, with a diagnostic, if there is no such provider or type.
    pub(super) fn ready_provider(
        &mut self,
        change: &ResourceChange,
    ) -> Option<(Arc<dyn Provider>, Arc<Schema>)> {
        let schema = match self.schema(&change.provider, &change.addr) {
            Ok(schema) => schema,
            Err(found) => {
                self.diagnostics.append(found);
                return None;
            }
        };
        match self.providers.get(&change.provider) {
            Some(provider) => Some((provider.clone(), schema)),
            None => {
                self.diagnostics.push(
                    Diagnostic::error("Provider configuration not present")
                        .detail(format!(
                            "{} needs {}, which is not configured.",
                            change.addr, change.provider
                        ))
                        .address(change.addr.to_string()),
                );
                None
            }
        }
    }
}

/// The providers that the plan has something to do for.
pub(super) fn used_providers(plan: &Plan) -> BTreeSet<&ProviderConfig> {
    plan.changes
        .iter()
        .filter(|c| !matches!(c.action, Action::NoOp | Action::Forget))
        .map(|c| &c.provider)
        .collect()
}
