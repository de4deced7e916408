//! The walk over the execution graph. One task evaluates and decides what may begin; operations run beside it.

mod begin;
mod end;
mod providers;
mod schedule;
mod start;
mod values;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ferroform_core::addr::{AbsResource, ProviderConfig, ResourceInstance, ResourceMode};
use ferroform_core::schema::Schema;
use ferroform_core::{Diagnostic, Diagnostics, Value};
use ferroform_lang::config::Variable;
use ferroform_lang::eval::Expansion;
use ferroform_lang::variables::input_value;
use ferroform_plan::{Action, ConfigNode, Plan, Step, StepId};
use ferroform_provider::Provider;
use ferroform_state::journal::Record;
use ferroform_state::{DeposedKey, State};
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use rustc_hash::FxHashMap;
use tokio::sync::watch;

use self::providers::used_providers;
use self::schedule::Schedule;
use super::operation::Finished;
use super::{Applied, ApplyInput, Done, StopLevel};
use crate::checks::Results;
use crate::evaluate::{RootInputs, evaluate};
use crate::events::Event;
use crate::planning::Setup;
use crate::store::Store;

struct PlannedInputs<'a>(&'a BTreeMap<Arc<str>, Value>);

impl RootInputs for PlannedInputs<'_> {
    fn value(&self, variable: &Variable) -> (Value, Diagnostics) {
        match self.0.get(&variable.name) {
            Some(value) => (value.clone(), Diagnostics::new()),
            // A saved plan has no ephemeral values; that of this one is its default.
            None => input_value(variable, None),
        }
    }
}

/// What is known while a plan is applied.
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
        let mut schedule = Schedule::new(nodes);
        let mut running: Running<'_> = FuturesUnordered::new();
        let mut stop = self.input.stop.clone();
        let mut stopping = false;
        let mut failed = 0;
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
            let mut ended: Option<(StepId, bool)> = None;
            while !stopping
                && ended.is_none()
                && let Some(id) = schedule.begin_next(running.len() < self.setup.parallelism.max(1))
            {
                match self.begin(id).await {
                    Begun::Done(ok) => ended = Some((id, ok)),
                    Begun::Running(future) => running.push(future),
                }
            }
            if ended.is_none() {
                if running.is_empty() {
                    break;
                }
                tokio::select! {
                    finished = running.next() => {
                        ended = finished.map(|(id, finished)| (id, self.take(id, finished)));
                        failed += usize::from(matches!(ended, Some((_, false))));
                    }
                    _ = stop.changed() => {}
                }
            }
            if let Some((id, ok)) = ended {
                schedule.end(id, ok);
            }
        }
        let abandoned = running.len();
        drop(running);
        let left_behind = tokio::select! {
            biased;
            () = until_abandoned(&mut stop) => Vec::new(),
            removed = self.finish_left_behind(!stopping) => removed,
        };
        let skipped = schedule.not_done().saturating_sub(failed);
        self.finish(Undone { failed, skipped, abandoned }, left_behind)
    }

    /// Evaluates something, or begins an operation.
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

    /// Adds a record that the next synced one carries to the disk.
    fn record(&mut self, record: Record) {
        if let Err(error) = self.input.journal.append_lazy(&record) {
            self.diagnostics.push(
                Diagnostic::error("Journal could not be written")
                    .detail(format!("A change of the state could not be recorded: {error}.")),
            );
        }
    }
}

/// How many operations did not end well.
struct Undone {
    failed: usize,
    skipped: usize,
    abandoned: usize,
}

/// What came of beginning a step.
enum Begun<'f> {
    /// It has ended; whether it went well.
    Done(bool),
    /// It goes on beside the walk.
    Running(BoxFuture<'f, (StepId, Finished)>),
}

/// Ends when nobody wants to wait any more; never, if that cannot be said any more.
async fn until_abandoned(stop: &mut watch::Receiver<StopLevel>) {
    if stop.wait_for(|level| *level >= StopLevel::Abandon).await.is_err() {
        std::future::pending::<()>().await;
    }
}
