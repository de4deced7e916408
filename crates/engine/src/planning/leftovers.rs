//! Objects of the state that no turn of a resource has planned: orphans, deposed objects, and everything when all is
//! to be destroyed.

use std::collections::BTreeSet;

use ferroform_core::addr::{
    AbsResource, ConfigResource, ProviderConfig, ResourceInstance, ResourceMode, Target,
};
use ferroform_core::schema::Schema;
use ferroform_core::{Diagnostic, Span, Value};
use ferroform_plan::{Action, ActionReason, PlanMode, ResourceChange};
use ferroform_provider::{Occasion, PlanRequest};
use ferroform_state::DeposedKey;

use super::instance::Prior;
use super::resources::prevented;
use super::walk::Planner;
use crate::objects;

impl Planner<'_> {
    pub(super) async fn plan_leftovers(&mut self) {
        match self.options.mode {
            PlanMode::RefreshOnly => {}
            PlanMode::Destroy => self.plan_destruction().await,
            PlanMode::Normal => {
                self.plan_orphans().await;
                self.plan_deposed().await;
            }
        }
    }

    /// Objects whose block or module is gone.
    async fn plan_orphans(&mut self) {
        let config = self.setup.config.clone();
        let mut orphans: Vec<(ResourceInstance, ActionReason)> = Vec::new();
        let mut stale_data: Vec<AbsResource> = Vec::new();
        for address in self.state.resources.keys() {
            let path = address.module.path();
            let module = config.module(&path);
            let declared = module.is_some_and(|m| m.resources.contains_key(&address.resource));
            let instance_exists = self.store.module_instances(&path).contains(&address.module);
            if declared && instance_exists {
                continue;
            }
            // A module that takes no part in a limited plan was not expanded: nothing is known of its instances.
            if module.is_some() && !self.store.has_call(&address.module) {
                continue;
            }
            // As Terraform has it: a module that is gone altogether took its blocks along.
            let reason = if declared { ActionReason::NoModule } else { ActionReason::NoResourceConfig };
            if address.resource.mode == ResourceMode::Data {
                stale_data.push(address.clone());
                continue;
            }
            orphans.extend(
                self.state.resources[address].instances.keys().map(|k| (address.instance(k.clone()), reason)),
            );
        }
        for address in stale_data {
            if !self.limits.is_limited() {
                self.state.resources.remove(&address);
            }
        }
        for (addr, reason) in orphans {
            // Whoever says that it moved there meant it to stay.
            let moved = reason == ActionReason::NoResourceConfig && self.moves.contains_key(&addr);
            let reason = if moved { ActionReason::NoMoveTarget } else { reason };
            if self.removals.forgets(&addr) {
                self.plan_forgetting(&addr, None, reason);
            } else {
                self.plan_deletion(&addr, None, reason, None, None).await;
            }
        }
    }

    async fn plan_deposed(&mut self) {
        let deposed: Vec<(ResourceInstance, DeposedKey)> = self.deposed.keys().cloned().collect();
        for (addr, key) in deposed {
            if self.removals.forgets(&addr) {
                self.plan_forgetting(&addr, Some(key), ActionReason::Deposed);
                continue;
            }
            self.plan_deletion(&addr, Some(key), ActionReason::Deposed, None, None).await;
        }
    }

    async fn plan_destruction(&mut self) {
        let doomed = self.doomed();
        let all: Vec<(ResourceInstance, Option<DeposedKey>)> =
            self.state.objects().map(|(addr, deposed, ..)| (addr, deposed.copied())).collect();
        let config = self.setup.config.clone();
        for (addr, deposed) in all {
            if !doomed.contains(&addr.config()) || addr.resource.mode == ResourceMode::Data {
                continue;
            }
            // With targets: the named instances, and whole resources that need one of them.
            if self.limits.is_limited()
                && !self.options.targets.iter().any(|t| t.covers(&addr))
                && self
                    .options
                    .targets
                    .iter()
                    .any(|t| matches!(t, Target::Resource(r) if r.config() == addr.config()))
            {
                continue;
            }
            let prevent = config
                .module(&addr.module.path())
                .and_then(|m| m.resources.get(&addr.resource))
                .and_then(|b| b.lifecycle.prevent_destroy);
            match deposed {
                Some(key) => self.plan_deletion(&addr, Some(key), ActionReason::Deposed, None, None).await,
                None => self.plan_deletion_of(&addr, None, None, None, prevent).await,
            }
        }
    }

    /// The resources to destroy: all, or those that targets name and all that need these.
    fn doomed(&self) -> BTreeSet<ConfigResource> {
        let objects: Vec<(ConfigResource, Vec<ConfigResource>)> = self
            .state
            .objects()
            .map(|(addr, _, _, object)| (addr.config(), object.dependencies.clone()))
            .collect();
        if !self.limits.is_limited() {
            return objects.into_iter().map(|(resource, _)| resource).collect();
        }
        let named =
            self.state.objects().filter(|(addr, ..)| self.options.targets.iter().any(|t| t.covers(addr)));
        let mut doomed: BTreeSet<ConfigResource> = named.map(|(addr, ..)| addr.config()).collect();
        // Dependencies in the state name everything needed, directly or not: one pass finds all.
        let needing: Vec<ConfigResource> = objects
            .iter()
            .filter(|(_, needs)| needs.iter().any(|n| doomed.contains(n)))
            .map(|(resource, _)| resource.clone())
            .collect();
        doomed.extend(needing);
        doomed
    }

    /// Plans that an object leaves the state and stays as it is. Its provider is not asked.
    fn plan_forgetting(
        &mut self,
        addr: &ResourceInstance,
        deposed: Option<DeposedKey>,
        reason: ActionReason,
    ) {
        if !self.limits.includes_instance(None, addr) {
            return;
        }
        let prior = match deposed {
            Some(key) => self.deposed.get(&(addr.clone(), key)).cloned(),
            None => self.priors.get(addr).cloned(),
        };
        let (Some(prior), Some(known)) = (prior, self.state.resources.get(&addr.resource())) else { return };
        let provider = known.provider.clone();
        match self.provider_of(&provider, &addr.resource, None) {
            Ok((_, schema, ty)) => {
                let change = leaving(
                    addr,
                    deposed,
                    provider,
                    &schema,
                    Action::Forget,
                    Some(reason),
                    &prior,
                    Value::null(ty),
                );
                self.push_change(change);
            }
            Err(diagnostics) => self.diagnostics.append(diagnostics),
        }
    }

    pub(super) async fn plan_deletion(
        &mut self,
        addr: &ResourceInstance,
        deposed: Option<DeposedKey>,
        reason: ActionReason,
        source: Option<Span>,
        prevent: Option<(bool, Span)>,
    ) {
        if !self.limits.includes_instance(None, addr) {
            return;
        }
        self.plan_deletion_of(addr, deposed, Some(reason), source, prevent).await;
    }

    async fn plan_deletion_of(
        &mut self,
        addr: &ResourceInstance,
        deposed: Option<DeposedKey>,
        reason: Option<ActionReason>,
        source: Option<Span>,
        prevent: Option<(bool, Span)>,
    ) {
        let prior = match deposed {
            Some(key) => self.deposed.get(&(addr.clone(), key)).cloned(),
            None => self.priors.get(addr).cloned(),
        };
        let (Some(prior), Some(known)) = (prior, self.state.resources.get(&addr.resource())) else { return };
        let provider_config = known.provider.clone();
        let (provider, schema, ty) = match self.provider_of(&provider_config, &addr.resource, source) {
            Ok(found) => found,
            Err(diagnostics) => return self.diagnostics.append(diagnostics),
        };
        if let Some((true, span)) = prevent {
            self.diagnostics.push(prevented(addr, span));
            return;
        }
        let null = Value::null(ty);
        let request = PlanRequest {
            type_name: addr.resource.type_name.clone(),
            prior: prior.value.clone(),
            proposed: null.clone(),
            config: null.clone(),
            private: prior.object.private.clone(),
            occasion: Occasion::Plan,
        };
        let response = provider.plan_resource(request).await;
        let failed = response.diagnostics.has_errors();
        self.report(response.diagnostics, None, Some(addr));
        if failed {
            return;
        }
        let action = Action::Delete;
        let change = leaving(addr, deposed, provider_config, &schema, action, reason, &prior, null);
        self.push_change(ResourceChange { private: response.private, source, ..change });
    }
}

/// The change for an object that will not be in the state any more.
fn leaving(
    addr: &ResourceInstance,
    deposed: Option<DeposedKey>,
    provider: ProviderConfig,
    schema: &Schema,
    action: Action,
    reason: Option<ActionReason>,
    prior: &Prior,
    null: Value,
) -> ResourceChange {
    ResourceChange {
        addr: addr.clone(),
        deposed,
        provider,
        action,
        reason,
        before: objects::mark(&schema.block, prior.value.clone(), &prior.object.sensitive_paths),
        after: null,
        replace_paths: Vec::new(),
        config_unknown: false,
        private: prior.object.private.clone(),
        dependencies: prior.object.dependencies.clone(),
        prior_dependencies: prior.object.dependencies.clone(),
        create_before_destroy: prior.object.create_before_destroy,
        source: None,
    }
}

/// The warning that objects will not be managed any more.
pub(super) fn forgotten(changes: &[ResourceChange]) -> Option<Diagnostic> {
    let forgotten = changes.iter().filter(|change| change.action == Action::Forget);
    let lines: BTreeSet<String> = forgotten
        .map(|change| match change.deposed {
            Some(key) => format!(" - {} (deposed object {key})", change.addr),
            None => format!(" - {}", change.addr),
        })
        .collect();
    if lines.is_empty() {
        return None;
    }
    let lines: Vec<String> = lines.into_iter().collect();
    Some(
        Diagnostic::warning("Some objects will no longer be managed by Ferroform")
            .detail(format!(
                "Applying this plan takes these objects out of the state and leaves them as they are, so that they go on \
                 to exist, and to cost what they cost:\n{}",
                lines.join("\n")
            ))
            .hint("To manage one again, import it."),
    )
}
