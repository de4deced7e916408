//! The walk over the execution graph. One task evaluates and decides what may begin; operations run beside it.

mod start;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ferroform_core::addr::{
    AbsResource, ConfigResource, ModuleInstance, ProviderConfig, ResourceInstance, ResourceMode,
};
use ferroform_core::schema::Schema;
use ferroform_core::{Diagnostic, Diagnostics, Type, Value};
use ferroform_lang::config::{ResourceBlock, Variable};
use ferroform_lang::eval::{Expansion, decode_body, expand};
use ferroform_plan::{Action, ConfigNode, ExecNode, Plan, PlanMode, ResourceChange, Step, StepId};
use ferroform_provider::{ConfigureRequest, LeftBehind, Provider, ProviderSchema};
use ferroform_state::journal::{self, Change, Record};
use ferroform_state::{DeposedKey, OutputValue, State};
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use rustc_hash::FxHashMap;
use tokio::sync::watch;

use super::instance::{InstanceOutcome, InstanceRequest};
use super::operation::{DataRead, Finished, Operate, operate, read_data};
use super::{Applied, ApplyInput, Done, StopLevel};
use crate::checks::{Kind, Results};
use crate::evaluate::{RootInputs, as_warnings, conditions, evaluate, first_error, provider_config};
use crate::events::{Event, Operation};
use crate::planning::{Prior, Setup, resolve, sensitive_paths};
use crate::providers::resource_schema;
use crate::store::{Repetition, Store, collect, keys};
use crate::{left_behind, objects};

struct PlannedInputs<'a>(&'a BTreeMap<Arc<str>, Value>);

impl RootInputs for PlannedInputs<'_> {
    fn value(&self, variable: &Variable) -> (Value, Diagnostics) {
        let value = self.0.get(&variable.name).cloned();
        (value.unwrap_or_else(|| Value::null(variable.ty.clone())), Diagnostics::new())
    }
}

/// Whether a step may begin, and how it ended.
#[derive(Clone, Copy, PartialEq)]
enum Status {
    Waiting,
    Running,
    Succeeded,
    /// It failed, or something that it waits for did.
    Failed,
}

pub(super) struct Applier<'a> {
    setup: &'a Setup,
    plan: &'a Plan,
    input: ApplyInput<'a>,
    store: Store,
    state: State,
    providers: FxHashMap<ProviderConfig, Arc<dyn Provider>>,
    /// Providers of which nothing can be had; that was told already.
    unusable: BTreeSet<ProviderConfig>,
    schemas: FxHashMap<(ProviderConfig, ResourceMode, Arc<str>), Arc<Schema>>,
    expansions: FxHashMap<AbsResource, Expansion>,
    /// Planned changes of current objects by instance.
    by_instance: FxHashMap<ResourceInstance, usize>,
    /// Values of objects that were worked on, marked.
    finals: FxHashMap<usize, Value>,
    /// The keys under which old objects of replacements were deposed.
    deposed: FxHashMap<usize, DeposedKey>,
    done: Done,
    diagnostics: Diagnostics,
}

type Running<'f> = FuturesUnordered<BoxFuture<'f, (StepId, Finished)>>;

impl<'a> Applier<'a> {
    pub(super) async fn run(setup: &'a Setup, plan: &'a Plan, input: ApplyInput<'a>) -> Applied {
        let providers = input.providers.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
        let by_instance = plan
            .changes
            .iter()
            .enumerate()
            .filter(|(_, c)| c.deposed.is_none())
            .map(|(i, c)| (c.addr.clone(), i))
            .collect();
        let mut applier = Applier {
            setup,
            plan,
            input,
            store: Store::new(setup.environment.clone(), setup.contexts.clone()),
            state: plan.prior.clone(),
            providers,
            unusable: BTreeSet::new(),
            schemas: FxHashMap::default(),
            expansions: FxHashMap::default(),
            by_instance,
            finals: FxHashMap::default(),
            deposed: FxHashMap::default(),
            done: Done::default(),
            diagnostics: Diagnostics::new(),
        };
        applier.store.results = Results::resume(&setup.config, plan.prior.check_results.as_ref());
        applier.values_from_state();
        for config in used_providers(plan) {
            applier.try_out(config).await;
        }
        applier.walk().await
    }

    async fn walk(mut self) -> Applied {
        let nodes = &self.plan.graph.nodes;
        let is_operation = |step: &Step| match step {
            Step::Evaluate(_) => false,
            Step::Apply(index) | Step::Destroy(index) => self.plan.changes[*index].action != Action::Forget,
        };
        let operations = nodes.iter().filter(|n| is_operation(&n.step)).count();
        self.input.events.emit(Event::ApplyPlanned { operations });
        self.record_moves();
        self.record_imports();
        let mut waiting: Vec<usize> = nodes.iter().map(|n| n.after.len()).collect();
        let mut followers: Vec<Vec<StepId>> = vec![Vec::new(); nodes.len()];
        for (id, node) in nodes.iter().enumerate() {
            node.after.iter().for_each(|before| followers[*before as usize].push(id as StepId));
        }
        let mut status = vec![Status::Waiting; nodes.len()];
        let urgency = urgency(nodes, &followers);
        let turn = |id: StepId| (Reverse(urgency[id as usize]), id);
        let mut ready: BTreeSet<(Reverse<u32>, StepId)> =
            (0..nodes.len() as StepId).filter(|id| waiting[*id as usize] == 0).map(turn).collect();
        let mut running: Running<'_> = FuturesUnordered::new();
        let mut stop = self.input.stop.clone();
        let mut stopping = false;
        loop {
            let level = *stop.borrow_and_update();
            if level >= StopLevel::Finish && !stopping {
                stopping = true;
                self.input.events.emit(Event::Stopping { running: running.len() });
            }
            if level >= StopLevel::Abandon {
                // Not before: what is under way needs its provider to end well.
                for provider in self.providers.values() {
                    provider.stop().await;
                }
                break;
            }
            let mut ended: Vec<(StepId, bool)> = Vec::new();
            while !stopping
                && let Some(&next) = ready.iter().find(|(_, id)| self.may_begin(*id, running.len()))
            {
                ready.remove(&next);
                let (_, id) = next;
                status[id as usize] = Status::Running;
                match self.begin(id).await {
                    Begun::Done(ok) => ended.push((id, ok)),
                    Begun::Running(future) => running.push(future),
                }
                if !ended.is_empty() {
                    break;
                }
            }
            if ended.is_empty() {
                if running.is_empty() {
                    break;
                }
                tokio::select! {
                    finished = running.next() => {
                        if let Some((id, finished)) = finished {
                            let ok = self.take(id, finished);
                            ended.push((id, ok));
                        }
                    }
                    _ = stop.changed() => {}
                }
            }
            for (id, ok) in ended {
                status[id as usize] = if ok { Status::Succeeded } else { Status::Failed };
                if !ok {
                    fail_followers(id, &followers, &mut status);
                    continue;
                }
                for &follower in &followers[id as usize] {
                    waiting[follower as usize] -= 1;
                    if waiting[follower as usize] == 0 && status[follower as usize] == Status::Waiting {
                        ready.insert(turn(follower));
                    }
                }
            }
        }
        let abandoned = running.len();
        drop(running);
        let left_behind = tokio::select! {
            biased;
            () = until_abandoned(&mut stop) => Vec::new(),
            removed = self.finish_left_behind(!stopping) => removed,
        };
        let unfinished = |id: usize| matches!(status[id], Status::Waiting | Status::Failed);
        let begun = |id: usize| status[id] == Status::Succeeded;
        let skipped = (0..nodes.len())
            .filter(|id| !matches!(nodes[*id].step, Step::Evaluate(_)) && unfinished(*id) && !begun(*id))
            .count();
        self.finish(skipped, abandoned, left_behind)
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
    async fn finish_left_behind(&mut self, begin: bool) -> Vec<LeftBehind> {
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

    /// Evaluation always; operations as many at once as is allowed.
    fn may_begin(&self, id: StepId, running: usize) -> bool {
        matches!(self.plan.graph.nodes[id as usize].step, Step::Evaluate(_))
            || running < self.setup.parallelism.max(1)
    }

    async fn begin(&mut self, id: StepId) -> Begun<'a> {
        let plan = self.plan;
        let before = self.diagnostics.len();
        if let Step::Apply(index) | Step::Destroy(index) = &plan.graph.nodes[id as usize].step
            && self.unusable.contains(&plan.changes[*index].provider)
        {
            return Begun::Done(false);
        }
        let future = match &plan.graph.nodes[id as usize].step {
            Step::Evaluate(ConfigNode::Provider(provider)) => {
                self.configure(provider).await;
                None
            }
            Step::Evaluate(ConfigNode::Resource(resource)) => {
                self.close_resource(resource);
                None
            }
            Step::Evaluate(node) => {
                let inputs = PlannedInputs(&plan.variables);
                let found = evaluate(node, &self.setup.config, &inputs, &mut self.store);
                self.diagnostics.append(found);
                None
            }
            Step::Apply(index) => self.begin_apply(id, *index),
            Step::Destroy(index) => self.begin_destroy(id, *index),
        };
        match future {
            Some(future) => Begun::Running(future),
            None => Begun::Done(!self.diagnostics.0[before..].iter().any(Diagnostic::is_error)),
        }
    }

    /// Finds out before the first operation whether a provider is of any use, so that one error tells of it and not one
    /// of every operation.
    async fn try_out(&mut self, config: &ProviderConfig) {
        let Some(provider) = self.providers.get(config).cloned() else { return };
        if let Err(diagnostic) = provider.remote_time().await {
            let block = self.setup.config.provider_block(config);
            self.diagnostics.push(resolve(diagnostic, block.map(|b| (&*b.body, b.span)), None));
            self.unusable.insert(config.clone());
        }
    }

    async fn configure(&mut self, config: &ProviderConfig) {
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

    /// All instances of a resource are done: its value is known as a whole.
    fn close_resource(&mut self, resource: &ConfigResource) {
        let config = self.setup.config.clone();
        let Some(block) = config.module(&resource.module).and_then(|m| m.resources.get(&resource.resource))
        else {
            return;
        };
        if self.plan.mode != PlanMode::Normal {
            return;
        }
        for module in self.store.module_instances(&resource.module) {
            let address = AbsResource { module: module.clone(), resource: resource.resource.clone() };
            let Some(expansion) = self.expansion(&address, block) else { continue };
            let values: Vec<Value> =
                keys(&expansion).into_iter().map(|key| self.instance_value(&address.instance(key))).collect();
            let value = collect(&expansion, values.into_iter());
            self.store.module_mut(&module).resources.insert(resource.resource.clone(), value);
        }
    }

    fn instance_value(&mut self, addr: &ResourceInstance) -> Value {
        if let Some(index) = self.by_instance.get(addr) {
            return self.finals.get(index).unwrap_or(&self.plan.changes[*index].after).clone();
        }
        let resource = self.state.resources.get(&addr.resource());
        let Some(object) = self.state.current(addr).cloned() else { return Value::unknown(Type::Dynamic) };
        let schema = resource.map(|r| r.provider.clone()).and_then(|p| self.schema(&p, addr).ok());
        let value = objects::decode_loosely(&object, schema.as_deref());
        match schema {
            Some(schema) => objects::mark(&schema.block, value, &object.sensitive_paths),
            None => value,
        }
    }

    /// The instances of a block, evaluated once.
    fn expansion(&mut self, address: &AbsResource, block: &ResourceBlock) -> Option<Expansion> {
        if let Some(known) = self.expansions.get(address) {
            return Some(known.clone());
        }
        let scope = self.store.scope(&address.module);
        let (expansion, found) = expand(block.count.as_ref(), block.for_each.as_ref(), &scope);
        let failed = found.has_errors();
        self.diagnostics.append(found);
        if failed {
            return None;
        }
        self.expansions.insert(address.clone(), expansion.clone());
        Some(expansion)
    }

    fn schema(
        &mut self,
        provider: &ProviderConfig,
        addr: &ResourceInstance,
    ) -> Result<Arc<Schema>, Diagnostics> {
        let id = (provider.clone(), addr.resource.mode, addr.resource.type_name.clone());
        if let Some(schema) = self.schemas.get(&id) {
            return Ok(schema.clone());
        }
        let all: Arc<ProviderSchema> = self
            .setup
            .registry
            .schema(&provider.source)
            .ok_or_else(|| Diagnostics::from(self.setup.registry.missing(&provider.source, None)))?;
        let schema = Arc::new(resource_schema(&all, &provider.source, &addr.resource, None)?.clone());
        self.schemas.insert(id, schema.clone());
        Ok(schema)
    }

    fn ready_provider(&mut self, change: &ResourceChange) -> Option<(Arc<dyn Provider>, Arc<Schema>)> {
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

    /// Begins a creation, update or reading. None if it failed at once.
    fn begin_apply(&mut self, id: StepId, index: usize) -> Option<BoxFuture<'a, (StepId, Finished)>> {
        let plan = self.plan;
        let change = &plan.changes[index];
        let config = self.setup.config.clone();
        let block = config.module(&change.addr.module.path())?.resources.get(&change.addr.resource)?;
        let (provider, schema) = self.ready_provider(change)?;
        let expansion = self.expansion(&change.addr.resource(), block)?;
        let repetition = Repetition::of(&expansion, change.addr.key.as_ref());
        let scope = self.store.scope(&change.addr.module).with_repetition(repetition);
        let preconditions = &block.lifecycle.preconditions;
        let (mut found, tested) = conditions(preconditions, &scope, "Resource precondition failed");
        let value = found.take(decode_body(&block.body, &schema.block, &scope));
        self.store.results.begin_object(Kind::Resource, &change.addr.config(), &change.addr);
        self.store.report_resource(&change.addr, preconditions, tested);
        let failed = found.has_errors();
        found.into_iter().for_each(|d| self.diagnostics.push(resolve(d, None, Some(&change.addr))));
        if failed {
            return None;
        }
        let journal = self.input.journal.clone();
        let operation = operation_of(change, None);
        self.input.events.emit(Event::OperationStarted(operation));
        if change.addr.resource.mode == ResourceMode::Data {
            let (config, marks) = value.unmark_deep();
            let read = DataRead {
                provider,
                type_name: change.addr.resource.type_name.clone(),
                config,
                sensitive_paths: sensitive_paths(&marks),
            };
            return Some(Box::pin(async move { (id, Finished::Read(read_data(read).await)) }));
        }
        let mut prior_object = None;
        let mut prior = None;
        if change.action == Action::Update {
            prior_object = self.state.current(&change.addr).cloned();
            prior = prior_object.clone().map(|object| Prior { value: change.before.unmark_deep().0, object });
        }
        if change.action == Action::CreateThenDelete
            && let Some(key) = self.depose(change)
        {
            self.deposed.insert(index, key);
        }
        let (config_value, marks) = value.unmark_deep();
        let request = InstanceRequest {
            addr: change.addr.clone(),
            deposed: None,
            action: if change.action == Action::Update {
                journal::Action::Update
            } else {
                journal::Action::Create
            },
            provider,
            provider_config: change.provider.clone(),
            prior: prior
                .as_ref()
                .map_or_else(|| Value::null(schema.block.implied_type()), |p| p.value.clone()),
            schema,
            prior_object,
            planned: change.after.unmark_deep().0,
            config: config_value,
            sensitive_paths: sensitive_paths(&marks),
            private: change.private.clone(),
            dependencies: change.dependencies.clone(),
            create_before_destroy: change.create_before_destroy,
        };
        let replan = change.config_unknown.then(|| (value, prior, block.lifecycle.ignore_changes.clone()));
        let operation = Operate { request, replan, journal };
        Some(Box::pin(async move { (id, operate(operation).await) }))
    }

    /// The old object makes room for the new one.
    fn depose(&mut self, change: &ResourceChange) -> Option<DeposedKey> {
        let key = self.state.depose(&change.addr)?;
        let moved = Change::Depose { address: change.addr.clone(), key };
        self.record(Record::Changes(vec![moved]));
        Some(key)
    }

    /// Adds a record that the next synced one carries to the disk.
    fn record(&mut self, record: Record) {
        if let Err(error) = self.input.journal.append_lazy(&record) {
            self.diagnostics.push(
                Diagnostic::error("Journal could not be written")
                    .detail(format!("A change of the state could not be recorded: {error}.")),
            );
        }
    }

    /// Begins a deletion. None if it failed at once or there is nothing to delete.
    fn begin_destroy(&mut self, id: StepId, index: usize) -> Option<BoxFuture<'a, (StepId, Finished)>> {
        let plan = self.plan;
        let change = &plan.changes[index];
        let deposed = match change.action {
            Action::CreateThenDelete => Some(*self.deposed.get(&index)?),
            _ => change.deposed,
        };
        let object = match deposed {
            Some(key) => self.state.deposed(&change.addr, key).cloned(),
            None => self.state.current(&change.addr).cloned(),
        }?;
        if change.action == Action::Forget {
            // Nothing is done to the object, so that there is nobody to be asked.
            let address = change.addr.clone();
            let gone = match deposed {
                Some(key) => Change::RemoveDeposed { address, key },
                None => Change::RemoveCurrent { address },
            };
            gone.apply(&mut self.state);
            self.record(Record::Changes(vec![gone]));
            return None;
        }
        let (provider, schema) = self.ready_provider(change)?;
        self.input.events.emit(Event::OperationStarted(operation_of(change, Some(deposed))));
        let null = Value::null(schema.block.implied_type());
        let private =
            if change.action.is_replace() { object.private.clone() } else { change.private.clone() };
        let request = InstanceRequest {
            addr: change.addr.clone(),
            deposed,
            action: journal::Action::Delete,
            provider,
            provider_config: change.provider.clone(),
            schema,
            prior: change.before.unmark_deep().0,
            sensitive_paths: object.sensitive_paths.clone(),
            prior_object: Some(object),
            planned: null.clone(),
            config: null,
            private,
            dependencies: change.prior_dependencies.clone(),
            create_before_destroy: change.create_before_destroy,
        };
        let operation = Operate { request, replan: None, journal: self.input.journal.clone() };
        Some(Box::pin(async move { (id, operate(operation).await) }))
    }

    /// Takes over how an operation ended; whether it went well.
    fn take(&mut self, id: StepId, finished: Finished) -> bool {
        let plan = self.plan;
        let (index, destroying) = match plan.graph.nodes[id as usize].step {
            Step::Apply(index) => (index, false),
            Step::Destroy(index) => (index, true),
            Step::Evaluate(_) => return true,
        };
        let change = &plan.changes[index];
        let (ok, id_text) = match finished {
            Finished::Operation(outcome) => {
                let id_text = objects::id_of(&outcome.value);
                (self.take_outcome(index, change, destroying, outcome), id_text)
            }
            Finished::NoChange(value) => {
                self.finals.insert(index, value);
                (true, None)
            }
            Finished::Rejected(found) => {
                self.report(change, found);
                if change.action == Action::CreateThenDelete && !destroying {
                    self.restore(index, change);
                }
                (false, None)
            }
            Finished::Read((value, sensitive, found)) => {
                let id_text = objects::id_of(&value);
                (self.take_read(index, change, value, sensitive, found), id_text)
            }
        };
        let mut operation =
            operation_of(change, destroying.then(|| self.deposed.get(&index).copied().or(change.deposed)));
        if let Some(text) = id_text
            && !destroying
        {
            operation.id = Some(text.into());
        }
        self.input.events.emit(if ok {
            Event::OperationDone(operation)
        } else {
            Event::OperationFailed(operation)
        });
        ok
    }

    fn take_outcome(
        &mut self,
        index: usize,
        change: &ResourceChange,
        destroying: bool,
        outcome: InstanceOutcome,
    ) -> bool {
        outcome.changes.iter().for_each(|c| c.apply(&mut self.state));
        let failed = outcome.diagnostics.has_errors();
        let nothing_made = outcome.value.is_null();
        self.report(change, outcome.diagnostics);
        if destroying {
            self.done.destroyed += usize::from(!failed);
            return !failed;
        }
        if failed && nothing_made && change.action == Action::CreateThenDelete {
            self.restore(index, change);
        }
        if !failed {
            match change.action {
                Action::Update => self.done.changed += 1,
                _ => self.done.added += 1,
            }
        }
        let paths = self.state.current(&change.addr).map(|o| o.sensitive_paths.clone()).unwrap_or_default();
        let value = match self.schema(&change.provider, &change.addr) {
            Ok(schema) => objects::mark(&schema.block, outcome.value, &paths),
            Err(_) => outcome.value,
        };
        self.finals.insert(index, value.clone());
        !failed && self.postconditions(change, value)
    }

    /// The creation came to nothing: the old object is the current one again.
    fn restore(&mut self, index: usize, change: &ResourceChange) {
        let Some(key) = self.deposed.remove(&index) else { return };
        if self.state.restore_deposed(&change.addr, key) {
            self.record(Record::Changes(vec![Change::RestoreDeposed { address: change.addr.clone(), key }]));
        }
    }

    fn take_read(
        &mut self,
        index: usize,
        change: &ResourceChange,
        value: Value,
        sensitive: Vec<ferroform_core::AttrPath>,
        found: Diagnostics,
    ) -> bool {
        let failed = found.has_errors();
        let config = self.setup.config.clone();
        let block =
            config.module(&change.addr.module.path()).and_then(|m| m.resources.get(&change.addr.resource));
        let check = block.and_then(|block| block.check.clone());
        let why = first_error(&found);
        self.report(change, if check.is_some() { as_warnings(found) } else { found });
        if let (Some(why), Some(check)) = (why, check) {
            self.store.module_mut(&change.addr.module).failed_checks.insert(check, why);
            return true;
        }
        let Ok(schema) = self.schema(&change.provider, &change.addr) else { return false };
        if failed {
            return false;
        }
        match objects::encode(&value, &schema, sensitive.clone(), Default::default(), Vec::new()) {
            Ok(object) => {
                self.state.set_current(&change.addr, &change.provider, Some(object.clone()));
                self.record(Record::Changes(vec![Change::SetCurrent {
                    address: change.addr.clone(),
                    provider: change.provider.clone(),
                    object,
                }]));
            }
            Err(diagnostic) => {
                self.diagnostics.push(diagnostic.address(change.addr.to_string()));
                return false;
            }
        }
        let value = objects::mark(&schema.block, value, &sensitive);
        self.finals.insert(index, value.clone());
        self.postconditions(change, value)
    }

    fn postconditions(&mut self, change: &ResourceChange, value: Value) -> bool {
        let config = self.setup.config.clone();
        let block =
            config.module(&change.addr.module.path()).and_then(|m| m.resources.get(&change.addr.resource));
        let Some(block) = block.filter(|b| !b.lifecycle.postconditions.is_empty()) else { return true };
        let Some(expansion) = self.expansion(&change.addr.resource(), block) else { return false };
        let repetition = Repetition::of(&expansion, change.addr.key.as_ref());
        let scope = self.store.scope(&change.addr.module).with_repetition(repetition).with_self(value);
        let postconditions = &block.lifecycle.postconditions;
        let (found, tested) = conditions(postconditions, &scope, "Resource postcondition failed");
        self.store.report_resource(&change.addr, postconditions, tested);
        let failed = found.has_errors();
        self.report(change, found);
        !failed
    }

    fn report(&mut self, change: &ResourceChange, found: Diagnostics) {
        let config = self.setup.config.clone();
        let block =
            config.module(&change.addr.module.path()).and_then(|m| m.resources.get(&change.addr.resource));
        for diagnostic in found {
            self.diagnostics.push(resolve(
                diagnostic,
                block.map(|b| (&*b.body, b.header)),
                Some(&change.addr),
            ));
        }
    }

    fn finish(mut self, skipped: usize, abandoned: usize, left_behind: Vec<LeftBehind>) -> Applied {
        let root = ModuleInstance::root();
        let complete = skipped == 0 && abandoned == 0 && !self.diagnostics.has_errors();
        if self.plan.mode == PlanMode::Destroy && self.plan.targets.is_empty() && complete {
            // With nothing left that could use them.
            self.state.resources.retain(|address, _| address.resource.mode != ResourceMode::Data);
        }
        let mut outputs = BTreeMap::new();
        for change in &self.plan.outputs {
            let value = match change.action {
                Action::Delete => {
                    if self.plan.mode != PlanMode::Destroy || complete {
                        self.state.outputs.remove(&change.name);
                    }
                    continue;
                }
                _ => self.store.module(&root).and_then(|m| m.outputs.get(&change.name)).cloned(),
            };
            let Some(value) = value else { continue };
            let (bare, _) = value.unmark_deep();
            if !bare.is_wholly_known() {
                continue;
            }
            if bare.is_null() {
                self.state.outputs.remove(&change.name);
            } else {
                let output = OutputValue { ty: bare.ty(), value: bare, sensitive: value.is_sensitive() };
                self.state.outputs.insert(change.name.clone(), output);
            }
            outputs.insert(change.name.clone(), value);
        }
        self.state.check_results = self.store.results.to_json();
        let record = Record::Outputs(self.state.outputs.clone());
        self.record(record);
        Applied {
            state: self.state,
            done: self.done,
            skipped,
            abandoned,
            left_behind,
            outputs,
            diagnostics: self.diagnostics,
        }
    }
}

enum Begun<'f> {
    Done(bool),
    Running(BoxFuture<'f, (StepId, Finished)>),
}

/// Ends when nobody wants to wait any more; never, if that cannot be said any more.
async fn until_abandoned(stop: &mut watch::Receiver<StopLevel>) {
    if stop.wait_for(|level| *level >= StopLevel::Abandon).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// The providers that the plan has something to do for.
fn used_providers(plan: &Plan) -> BTreeSet<&ProviderConfig> {
    plan.changes
        .iter()
        .filter(|c| !matches!(c.action, Action::NoOp | Action::Forget))
        .map(|c| &c.provider)
        .collect()
}

/// How many operations follow on each step one after the other: what the longest chain waits for is begun first, so that
/// the end of it comes as early as it can.
fn urgency(nodes: &[ExecNode], followers: &[Vec<StepId>]) -> Vec<u32> {
    let mut urgency = vec![0; nodes.len()];
    let mut waiting: Vec<usize> = followers.iter().map(Vec::len).collect();
    let mut open: Vec<usize> = (0..nodes.len()).filter(|id| waiting[*id] == 0).collect();
    while let Some(id) = open.pop() {
        let own = u32::from(!matches!(nodes[id].step, Step::Evaluate(_)));
        for &before in &nodes[id].after {
            let before = before as usize;
            urgency[before] = urgency[before].max(urgency[id] + own);
            waiting[before] -= 1;
            if waiting[before] == 0 {
                open.push(before);
            }
        }
    }
    urgency
}

/// Everything that waits for a failed step fails with it.
fn fail_followers(id: StepId, followers: &[Vec<StepId>], status: &mut [Status]) {
    let mut stack: Vec<StepId> = followers[id as usize].clone();
    while let Some(id) = stack.pop() {
        if status[id as usize] == Status::Waiting {
            status[id as usize] = Status::Failed;
            stack.extend(&followers[id as usize]);
        }
    }
}

/// What events call an operation. `destroying` holds the deposed object's key, if it is one, for deletions.
fn operation_of(change: &ResourceChange, destroying: Option<Option<DeposedKey>>) -> Operation {
    let action = match (destroying.is_some(), change.action) {
        (true, _) => Action::Delete,
        (false, Action::DeleteThenCreate | Action::CreateThenDelete) => Action::Create,
        (false, action) => action,
    };
    let known = matches!(action, Action::Update | Action::Delete);
    let id = known.then(|| objects::id_of(&change.before)).flatten().map(Into::into);
    Operation { addr: change.addr.clone(), deposed: destroying.flatten(), action, id }
}
