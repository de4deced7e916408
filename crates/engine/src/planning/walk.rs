//! The walk over the graph of configuration.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ferroform_core::addr::{
    AbsResource, ConfigResource, ModuleInstance, ProviderConfig, ProviderSource, ResourceInstance,
    ResourceMode,
};
use ferroform_core::schema::Schema;
use ferroform_core::{Diagnostic, Diagnostics, Span, Type, Value};
use ferroform_hcl::ast::Body;
use ferroform_lang::config::{ResourceBlock, Variable};
use ferroform_lang::eval::span_in_body;
use ferroform_lang::variables::input_value;
use ferroform_plan::{Action, ConfigNode, OutputChange, Plan, PlanMode, ResourceChange};
use ferroform_provider::{ConfigureRequest, Provider, ProviderSchema};
use ferroform_state::journal::{Journal, OpenOperation};
use ferroform_state::world::WorldBinding;
use ferroform_state::{DeposedKey, State};
use rustc_hash::{FxBuildHasher, FxHashMap, FxHashSet};

use super::imports;
use super::targets::Limits;
use super::{ConfiguredProviders, PlanInput, PlanOptions, Planned, Prior, Setup, WorldGuard, order};
use crate::checks::Results;
use crate::evaluate::{RootInputs, evaluate, provider_config};
use crate::events::EventSink;
use crate::graph::{ConfigGraph, NodeId};
use crate::objects;
use crate::providers::resource_schema;
use crate::refactoring::{self, Moves, Removals, Statement};
use crate::store::Store;

/// Everything that planning keeps while it walks.
pub(super) struct Planner<'a> {
    pub(super) setup: &'a Setup,
    pub(super) options: &'a PlanOptions,
    pub(super) graph: &'a ConfigGraph,
    pub(super) limits: &'a Limits<'a>,
    pub(super) events: &'a dyn EventSink,
    pub(super) journal: &'a dyn Journal,
    pub(super) bind: &'a WorldGuard<'a>,
    pub(super) worlds: Vec<WorldBinding>,
    pub(super) store: Store,
    /// The state, brought up to date on the way.
    pub(super) state: State,
    /// The state with settled operations only.
    pub(super) settled: State,
    pub(super) open: Vec<OpenOperation>,
    pub(super) providers: FxHashMap<ProviderConfig, Arc<dyn Provider>>,
    /// Schemas that were asked for, each with the type that it implies.
    schemas: FxHashMap<(ProviderSource, ResourceMode, Arc<str>), (Arc<Schema>, Type)>,
    /// Those of them whose configuration was wholly known.
    pub(super) known: FxHashSet<ProviderConfig>,
    /// Current managed objects, read.
    pub(super) priors: FxHashMap<ResourceInstance, Prior>,
    /// Deposed objects, read.
    pub(super) deposed: BTreeMap<(ResourceInstance, DeposedKey), Prior>,
    pub(super) changes: Vec<ResourceChange>,
    pub(super) by_resource: FxHashMap<AbsResource, Vec<usize>>,
    pub(super) drift: Vec<ResourceChange>,
    /// What `moved` blocks say, and what is implied.
    statements: Vec<Statement>,
    /// What became of addresses by that.
    pub(super) moved: Moves,
    /// Objects of the state that have another address now: the new and the old one.
    pub(super) moves: BTreeMap<ResourceInstance, ResourceInstance>,
    /// What is not managed any more and stays.
    pub(super) removals: Removals,
    /// Instances that are to be imported when their turn comes.
    pub(super) import_targets: BTreeMap<ResourceInstance, imports::Target>,
    /// Objects that were read to be imported, with their ids.
    pub(super) imports: BTreeMap<ResourceInstance, Arc<str>>,
    /// By node: the resources that it needs, directly or not.
    pub(super) resources_needed: Vec<Arc<[NodeId]>>,
    /// By node: its place among the resources when they are sorted by their text.
    text_ranks: Vec<u32>,
    /// By node: whether replacements there make the new object first.
    pub(super) create_first: Vec<bool>,
    pub(super) diagnostics: Diagnostics,
}

struct PlanInputs<'a>(&'a PlanOptions);

impl RootInputs for PlanInputs<'_> {
    fn value(&self, variable: &Variable) -> (Value, Diagnostics) {
        input_value(variable, self.0.variables.get(&variable.name))
    }
}

impl<'a> Planner<'a> {
    pub(super) async fn run(setup: &'a Setup, options: &'a PlanOptions, input: PlanInput<'a>) -> Planned {
        let settled = input.state.clone();
        let extra = providers_of_state(&input.state, &input.open);
        let (graph, mut diagnostics) = ConfigGraph::build(&setup.config, &extra);
        if diagnostics.has_errors() {
            return Planned { plan: None, settled, providers: ConfiguredProviders::new(), diagnostics };
        }
        let limits = Limits::new(&graph, &options.targets);
        if options.imports.is_empty() {
            diagnostics.append(limits.check(&setup.config, &input.state));
        }
        let create_first = create_first(&graph, setup);
        let (removals, found) = Removals::of(&setup.config);
        diagnostics.append(found);
        let statements = Statement::all(&setup.config, &input.state);
        // An operation that was not seen to end may have made an object that the state does not know of yet.
        let open = input.open.iter().map(|operation| operation.intent.address.clone());
        let mut moved =
            Moves::follow(&statements, input.state.objects().map(|(address, ..)| address).chain(open));
        diagnostics.append(moved.errors());
        let mut planner = Planner {
            setup,
            options,
            graph: &graph,
            limits: &limits,
            events: input.events,
            journal: input.journal,
            bind: input.bind,
            worlds: Vec::new(),
            store: Store::new(setup.environment.clone(), setup.contexts.clone()),
            settled,
            state: input.state,
            open: input.open,
            providers: FxHashMap::default(),
            schemas: FxHashMap::default(),
            known: FxHashSet::default(),
            priors: FxHashMap::default(),
            deposed: BTreeMap::new(),
            // Most blocks make one object.
            changes: Vec::with_capacity(graph.nodes.len()),
            by_resource: FxHashMap::with_capacity_and_hasher(graph.nodes.len(), FxBuildHasher),
            drift: Vec::new(),
            statements,
            moved,
            moves: BTreeMap::new(),
            removals,
            import_targets: BTreeMap::new(),
            imports: BTreeMap::new(),
            resources_needed: graph.resource_closures(),
            text_ranks: graph.text_ranks(),
            create_first,
            diagnostics,
        };
        planner.store.results = Results::of(&setup.config);
        planner.move_objects();
        planner.check_imports();
        planner.walk().await;
        planner.finish()
    }

    /// Gives objects of the state the addresses that they have now.
    fn move_objects(&mut self) {
        for (from, to) in &self.moved.made {
            if self.state.move_instance(from, to) && to.resource.mode == ResourceMode::Managed {
                self.moves.insert(to.clone(), from.clone());
            }
        }
        if !self.limits.is_limited() {
            return;
        }
        let named = |address: &ResourceInstance| self.options.targets.iter().any(|t| t.covers(address));
        let ends = self.moves.iter().flat_map(|(to, from)| [from, to]);
        let excluded: BTreeSet<&ResourceInstance> = ends.filter(|address| !named(address)).collect();
        if !excluded.is_empty() {
            let options: Vec<String> = excluded.iter().map(|a| format!("  -target='{a}'")).collect();
            self.diagnostics.push(
                Diagnostic::error("Moved resource instances excluded by targeting")
                    .detail(format!(
                        "Objects of the state have other addresses by now, and a plan is right only if it moves them: but \
                         -target leaves some of them out. Plan without -target, or add:\n{}",
                        options.join("\n")
                    )),
            );
        }
    }

    async fn walk(&mut self) {
        if self.diagnostics.has_errors() {
            return;
        }
        let providers_only = self.options.mode == PlanMode::Destroy;
        let included: Vec<bool> = if providers_only {
            let providers = self.provider_nodes_of_state();
            self.graph.closure(providers)
        } else {
            let state_providers =
                if self.limits.is_limited() { Vec::new() } else { self.provider_nodes_of_state() };
            let named = (0..self.graph.nodes.len() as NodeId)
                .filter(|id| self.limits.includes(*id) && !self.is_unused_provider(*id));
            self.graph.closure(named.chain(state_providers).collect::<Vec<_>>())
        };
        self.values_of_excluded(&included);
        let mut failed = vec![false; self.graph.nodes.len()];
        for &id in &self.graph.order {
            if !included[id as usize] || self.graph.needs(id).iter().any(|need| failed[*need as usize]) {
                failed[id as usize] |= included[id as usize];
                continue;
            }
            let before = self.diagnostics.len();
            match self.graph.node(id) {
                ConfigNode::Provider(provider) => self.visit_provider(provider).await,
                ConfigNode::Resource(resource) => self.visit_resource(id, resource).await,
                node => {
                    let inputs = PlanInputs(self.options);
                    let found = evaluate(node, &self.setup.config, &inputs, &mut self.store);
                    self.diagnostics.append(found);
                }
            }
            failed[id as usize] = self.diagnostics.0[before..].iter().any(Diagnostic::is_error);
            if let (true, ConfigNode::VariableCheck(path, name)) = (failed[id as usize], self.graph.node(id))
            {
                // Whatever uses the variable would only fail for the same reason.
                let variable = self.graph.id(&ConfigNode::Variable(path.clone(), name.clone()));
                variable.into_iter().for_each(|variable| failed[variable as usize] = true);
            }
        }
        if !self.diagnostics.has_errors() {
            self.plan_leftovers().await;
        }
    }

    fn finish(mut self) -> Planned {
        let providers = self
            .providers
            .iter()
            .filter(|(config, _)| self.known.contains(config))
            .map(|(config, provider)| (config.clone(), provider.clone()))
            .collect();
        let settled = std::mem::replace(&mut self.settled, State::with_lineage(""));
        // Wrong moves are the likely cause of whatever else is wrong.
        let wrong = refactoring::validate(&self.statements, &self.setup.config, &self.store);
        if wrong.has_errors() {
            return Planned { plan: None, settled, providers, diagnostics: wrong };
        }
        self.diagnostics.extend(self.moved.warning());
        self.diagnostics.extend(super::leftovers::forgotten(&self.changes));
        if self.diagnostics.has_errors() {
            return Planned { plan: None, settled, providers, diagnostics: self.diagnostics };
        }
        let outputs = self.output_changes();
        self.state.check_results = self.store.results.to_json();
        let mut variables: BTreeMap<_, _> = self
            .store
            .module(&ModuleInstance::root())
            .map(|m| m.variables.iter().map(|(k, v)| (k.clone(), v.clone())).collect())
            .unwrap_or_default();
        let declared = &self.setup.config.root().variables;
        // Nothing asked for the others, which belong to the plan all the same.
        for (name, variable) in declared {
            if !variables.contains_key(name)
                && let (value, wrong) = input_value(variable, self.options.variables.get(name))
                && !wrong.has_errors()
            {
                variables.insert(name.clone(), value);
            }
        }
        let given = declared.iter().filter(|(name, _)| self.options.variables.contains_key(*name));
        let ephemeral =
            given.filter(|(_, declared)| declared.ephemeral).map(|(name, _)| name.clone()).collect();
        self.changes.sort_by(|a, b| (&a.addr, a.deposed).cmp(&(&b.addr, b.deposed)));
        self.drift.sort_by(|a, b| (&a.addr, a.deposed).cmp(&(&b.addr, b.deposed)));
        let graph = order::execution_graph(&self);
        let mut diagnostics = self.diagnostics;
        if let Some(cycle) = graph.cycle() {
            diagnostics.push(order::cycle_error(&graph, &cycle, &self.changes));
            return Planned { plan: None, settled, providers, diagnostics };
        }
        let plan = Plan {
            mode: self.options.mode,
            lineage: self.state.lineage.clone(),
            serial: self.state.serial,
            workspace: self.setup.environment.workspace.clone(),
            worlds: self.worlds,
            timestamp: self.options.timestamp.clone(),
            variables,
            ephemeral,
            targets: self.options.targets.clone(),
            prior: self.state,
            drift: self.drift,
            moves: self.moves.into_iter().map(|(to, from)| (from, to)).collect(),
            imports: self.imports,
            changes: self.changes,
            outputs,
            graph,
        };
        Planned { plan: Some(plan), settled, providers, diagnostics }
    }

    fn output_changes(&self) -> Vec<OutputChange> {
        if self.options.mode == PlanMode::Destroy && self.limits.is_limited() {
            // They go with the last object.
            return Vec::new();
        }
        let root = ModuleInstance::root();
        let values = self.store.module(&root);
        let declared = &self.setup.config.root().outputs;
        let mut changes = Vec::new();
        let names: BTreeSet<Arc<str>> = declared.keys().chain(self.state.outputs.keys()).cloned().collect();
        for name in names {
            let prior = self.state.outputs.get(&name);
            let before = prior.map_or_else(Value::null_dynamic, |o| {
                if o.sensitive { o.value.clone().sensitive() } else { o.value.clone() }
            });
            let after = match (self.options.mode, values.and_then(|v| v.outputs.get(&name))) {
                (PlanMode::Destroy, _) => Value::null_dynamic(),
                (_, Some(value)) => value.clone(),
                // Left out by a target: it stays as it is.
                (_, None) if declared.contains_key(&name) => continue,
                (_, None) => Value::null_dynamic(),
            };
            let (bare, _) = after.unmark_deep();
            let action = match (prior, after.is_null()) {
                (None, true) if self.options.mode == PlanMode::Destroy => continue,
                (None, true) => Action::NoOp,
                (None, false) => Action::Create,
                (Some(_), true) if self.options.mode == PlanMode::Destroy => Action::Delete,
                // Declared still, only that its value is null now.
                (Some(_), true) if declared.contains_key(&name) => Action::Update,
                (Some(_), true) => Action::Delete,
                (Some(old), false) if old.value == bare && old.sensitive == after.is_sensitive() => {
                    Action::NoOp
                }
                (Some(_), false) => Action::Update,
            };
            changes.push(OutputChange { name, action, before, after });
        }
        changes
    }

    async fn visit_provider(&mut self, config: &ProviderConfig) {
        let Some(factory) = self.setup.registry.get(&config.source).cloned() else {
            let span = self.first_use(config);
            self.diagnostics.push(self.setup.registry.missing(&config.source, span));
            return;
        };
        let schema = factory.schema();
        let provider = factory.create();
        let block = self.setup.config.provider_block(config);
        let (value, found) = provider_config(config, block, &schema.provider, &self.store);
        self.diagnostics.append(found);
        let known = value.is_wholly_known();
        let mut found = provider.validate_provider(&value);
        if !found.has_errors() {
            found.append(provider.configure(ConfigureRequest { config: value }).await);
        }
        self.report(found, block.map(|b| (&*b.body, b.span)), None);
        if known {
            self.known.insert(config.clone());
        }
        self.providers.insert(config.clone(), provider.clone());
        if !self.diagnostics.has_errors() {
            self.settle_and_refresh(config, &provider, &schema).await;
        }
    }

    /// Adds a provider's diagnostics, their attributes resolved to places in a body.
    pub(super) fn report(
        &mut self,
        found: Diagnostics,
        body: Option<(&Body, Span)>,
        addr: Option<&ResourceInstance>,
    ) {
        for diagnostic in found {
            self.diagnostics.push(resolve(diagnostic, body, addr));
        }
    }

    /// The provider of a resource's objects with the schema of its type, and the type of values that it implies.
    pub(super) fn provider_of(
        &mut self,
        config: &ProviderConfig,
        resource: &ferroform_core::addr::Resource,
        span: Option<Span>,
    ) -> Result<(Arc<dyn Provider>, Arc<Schema>, Type), Diagnostics> {
        let provider = self.providers.get(config).cloned().ok_or_else(|| {
            Diagnostics::from(
                Diagnostic::error("Provider configuration not present")
                    .detail(format!("{resource} needs {config}, which is not configured."))
                    .subject(span),
            )
        })?;
        let id = (config.source.clone(), resource.mode, resource.type_name.clone());
        if let Some((schema, ty)) = self.schemas.get(&id) {
            return Ok((provider, schema.clone(), ty.clone()));
        }
        let schema = Arc::new(resource_schema(provider.schema(), &config.source, resource, span)?.clone());
        let ty = schema.block.implied_type();
        self.schemas.insert(id, (schema.clone(), ty.clone()));
        Ok((provider, schema, ty))
    }

    /// Values from the state for resources that take no part, so that others can refer to them.
    fn values_of_excluded(&mut self, included: &[bool]) {
        let all_from_state = self.options.mode == PlanMode::Destroy;
        if !all_from_state && !self.limits.is_limited() {
            return;
        }
        for (id, node) in self.graph.nodes.iter().enumerate() {
            if let ConfigNode::Resource(resource) = node
                && (all_from_state || !included[id])
            {
                let schema = self.schema_of(resource);
                crate::state_values::insert(&mut self.store, &self.state, resource, schema.as_ref());
            }
        }
    }

    pub(super) fn schema_of(&self, resource: &ConfigResource) -> Option<Schema> {
        let block = self.setup.config.module(&resource.module)?.resources.get(&resource.resource)?;
        let provider = self.setup.config.provider_for(&resource.module, block).ok()?;
        let schema: Arc<ProviderSchema> = self.setup.registry.schema(&provider.source)?;
        resource_schema(&schema, &provider.source, &resource.resource, None).ok().cloned()
    }

    /// Provider nodes whose only users are objects of the state.
    fn is_unused_provider(&self, id: NodeId) -> bool {
        matches!(self.graph.node(id), ConfigNode::Provider(_))
    }

    fn provider_nodes_of_state(&self) -> Vec<NodeId> {
        let configs = providers_of_state(&self.state, &self.open);
        configs.into_iter().filter_map(|p| self.graph.id(&ConfigNode::Provider(p))).collect()
    }

    fn first_use(&self, provider: &ProviderConfig) -> Option<Span> {
        let config = &self.setup.config;
        let blocks =
            config.modules().flat_map(|(path, module)| module.resources.values().map(move |b| (path, b)));
        let mut users = blocks
            .filter(|(path, b)| config.provider_for(path, b).is_ok_and(|p| p.source == provider.source));
        users.next().map(|(_, block)| block.header)
    }

    /// Keeps a change, findable by its resource.
    pub(super) fn push_change(&mut self, change: ResourceChange) {
        self.by_resource.entry(change.addr.resource()).or_default().push(self.changes.len());
        self.changes.push(change);
    }

    /// What is planned for a resource so far.
    pub(super) fn changes_of(&self, resource: &AbsResource) -> Vec<&ResourceChange> {
        self.by_resource.get(resource).into_iter().flatten().map(|i| &self.changes[*i]).collect()
    }

    /// The resources that a resource's block needs, sorted by their text.
    pub(super) fn dependencies(&self, id: NodeId) -> Vec<ConfigResource> {
        let mut needed = self.resources_needed[id as usize].to_vec();
        needed.sort_unstable_by_key(|need| self.text_ranks[*need as usize]);
        let resource = |need| match self.graph.node(need) {
            ConfigNode::Resource(resource) => Some(resource.clone()),
            _ => None,
        };
        needed.into_iter().filter_map(resource).collect()
    }

    /// The value of an object with what is sensitive marked.
    pub(super) fn marked(&self, schema: &Schema, prior: &Prior) -> Value {
        objects::mark(&schema.block, prior.value.clone(), &prior.object.sensitive_paths)
    }
}

/// Resolves a provider's attribute path to a place in a body, and names the object.
pub(crate) fn resolve(
    mut diagnostic: Diagnostic,
    body: Option<(&Body, Span)>,
    addr: Option<&ResourceInstance>,
) -> Diagnostic {
    if diagnostic.subject.is_none()
        && let Some((body, header)) = body
    {
        let place = diagnostic.attribute.as_ref().and_then(|path| span_in_body(body, path));
        diagnostic.subject = Some(place.unwrap_or(header));
    }
    if diagnostic.address.is_none() {
        diagnostic.address = addr.map(ToString::to_string);
    }
    diagnostic
}

/// Every provider configuration that objects of the state or open operations need.
fn providers_of_state(state: &State, open: &[OpenOperation]) -> BTreeSet<ProviderConfig> {
    let objects = state.resources.iter().filter(|(r, _)| r.resource.mode == ResourceMode::Managed);
    objects.map(|(_, r)| r.provider.clone()).chain(open.iter().map(|o| o.intent.provider.clone())).collect()
}

/// By node: whether something there, or something that needs it, creates before it destroys.
fn create_first(graph: &ConfigGraph, setup: &Setup) -> Vec<bool> {
    let mut flags = vec![false; graph.nodes.len()];
    for &id in graph.order.iter().rev() {
        if let ConfigNode::Resource(resource) = graph.node(id) {
            let block: Option<&ResourceBlock> =
                setup.config.module(&resource.module).and_then(|m| m.resources.get(&resource.resource));
            flags[id as usize] |= block.is_some_and(|b| b.lifecycle.create_before_destroy == Some(true));
        }
        if flags[id as usize] {
            for need in graph.needs(id) {
                flags[*need as usize] = true;
            }
        }
    }
    flags
}
