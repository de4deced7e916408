//! The graph of configuration: what has a value or makes instances, and what each needs.

use std::collections::BTreeSet;
use std::sync::Arc;

use ferroform_core::addr::{ConfigResource, ModulePath, ProviderConfig};
use ferroform_core::{Diagnostic, Diagnostics, Span};
use ferroform_lang::config::{Condition, Config, Module, ResourceBlock};
use ferroform_lang::reference::{Reference, Referent, references_in_body, references_in_expr};
use ferroform_plan::ConfigNode;
use rustc_hash::FxHashMap;

/// A node of the graph: its place in [`ConfigGraph::nodes`].
pub(crate) type NodeId = u32;

/// Everything in configuration with what it needs.
#[derive(Debug, Default)]
pub(crate) struct ConfigGraph {
    /// The nodes; modules before the modules that they call.
    pub nodes: Vec<ConfigNode>,
    /// What each node needs, each once.
    pub needs: Vec<Vec<NodeId>>,
    /// All nodes in an order in which every node comes behind what it needs.
    pub order: Vec<NodeId>,
    ids: FxHashMap<ConfigNode, NodeId>,
}

impl ConfigGraph {
    /// The graph of a configuration. `extra_providers` are those that only objects of the state need.
    ///
    /// Errors: things that need each other in a circle, and resources whose provider cannot be told.
    pub(crate) fn build(
        config: &Config,
        extra_providers: &BTreeSet<ProviderConfig>,
    ) -> (ConfigGraph, Diagnostics) {
        let mut builder = Builder {
            config,
            graph: ConfigGraph::default(),
            blocks: Vec::new(),
            diagnostics: Diagnostics::new(),
        };
        builder.add_nodes(extra_providers);
        builder.add_edges();
        let Builder { mut graph, mut diagnostics, .. } = builder;
        for needs in &mut graph.needs {
            needs.sort_unstable();
            needs.dedup();
        }
        match graph.sort() {
            Ok(order) => graph.order = order,
            Err(cycle) => diagnostics.push(graph.cycle_error(&cycle, config)),
        }
        (graph, diagnostics)
    }

    /// The id of a node.
    pub(crate) fn id(&self, node: &ConfigNode) -> Option<NodeId> {
        self.ids.get(node).copied()
    }

    /// The node with an id.
    pub(crate) fn node(&self, id: NodeId) -> &ConfigNode {
        &self.nodes[id as usize]
    }

    /// What a node needs.
    pub(crate) fn needs(&self, id: NodeId) -> &[NodeId] {
        &self.needs[id as usize]
    }

    /// The given nodes and all that they need, directly or not.
    pub(crate) fn closure(&self, from: impl IntoIterator<Item = NodeId>) -> Vec<bool> {
        let mut included = vec![false; self.nodes.len()];
        let mut stack: Vec<NodeId> = from.into_iter().collect();
        while let Some(id) = stack.pop() {
            if !std::mem::replace(&mut included[id as usize], true) {
                stack.extend(self.needs(id));
            }
        }
        included
    }

    /// For every node the resources that it needs, directly or not, by node id in ascending order.
    pub(crate) fn resource_closures(&self) -> Vec<Arc<[NodeId]>> {
        let empty: Arc<[NodeId]> = Arc::new([]);
        let mut all = vec![empty.clone(); self.nodes.len()];
        for &id in &self.order {
            let mut found: Vec<NodeId> = Vec::new();
            let mut parts = 0;
            let mut last = &empty;
            for &need in self.needs(id) {
                let inherited = &all[need as usize];
                if !inherited.is_empty() {
                    parts += 1;
                    last = inherited;
                }
                found.extend(inherited.iter());
                if matches!(self.node(need), ConfigNode::Resource(_)) {
                    parts += 2;
                    found.push(need);
                }
            }
            // Most nodes only pass on what one other needs: no copy then.
            all[id as usize] = match parts {
                0 => empty.clone(),
                1 => last.clone(),
                _ => {
                    found.sort_unstable();
                    found.dedup();
                    found.into()
                }
            };
        }
        all
    }

    /// By node: its place among all resources when they are sorted by their text; zero for everything else.
    pub(crate) fn text_ranks(&self) -> Vec<u32> {
        let mut resources: Vec<(String, usize)> = self
            .nodes
            .iter()
            .enumerate()
            .filter_map(|(id, node)| match node {
                ConfigNode::Resource(resource) => Some((resource.to_string(), id)),
                _ => None,
            })
            .collect();
        resources.sort_unstable();
        let mut ranks = vec![0; self.nodes.len()];
        for (rank, (_, id)) in (0..).zip(resources) {
            ranks[id] = rank;
        }
        ranks
    }

    /// Depth-first order; `Err` with a circle.
    fn sort(&self) -> Result<Vec<NodeId>, Vec<NodeId>> {
        #[derive(Clone, Copy, PartialEq)]
        enum Mark {
            New,
            Open,
            Done,
        }
        let mut marks = vec![Mark::New; self.nodes.len()];
        let mut order = Vec::with_capacity(self.nodes.len());
        // Validations of variables come as early as they can, so that nothing is evaluated with a wrong value.
        let all = 0..self.nodes.len() as NodeId;
        let checks = all.clone().filter(|id| matches!(self.node(*id), ConfigNode::VariableCheck(..)));
        for start in checks.chain(all) {
            if marks[start as usize] != Mark::New {
                continue;
            }
            marks[start as usize] = Mark::Open;
            let mut way = vec![(start, 0usize)];
            while let Some((id, next)) = way.last_mut() {
                let Some(&need) = self.needs[*id as usize].get(*next) else {
                    marks[*id as usize] = Mark::Done;
                    order.push(*id);
                    way.pop();
                    continue;
                };
                *next += 1;
                match marks[need as usize] {
                    Mark::New => {
                        marks[need as usize] = Mark::Open;
                        way.push((need, 0));
                    }
                    Mark::Open => {
                        let from = way.iter().position(|(id, _)| *id == need).unwrap_or(0);
                        return Err(way[from..].iter().map(|(id, _)| *id).collect());
                    }
                    Mark::Done => {}
                }
            }
        }
        Ok(order)
    }

    fn cycle_error(&self, cycle: &[NodeId], config: &Config) -> Diagnostic {
        let mut names: Vec<String> = cycle.iter().map(|id| self.node(*id).to_string()).collect();
        names.dedup();
        let mut around = names.clone();
        around.extend(names.first().cloned());
        Diagnostic::error("Cycle")
            .subject(cycle.iter().find_map(|id| place(config, self.node(*id))))
            .detail(format!(
                "These parts of the configuration need each other in a circle, so that none can come first: {}.",
                around.join(" → ")
            ))
            .hint("Break the circle: take one of the references out, or move what both need into a third place.")
    }
}

/// Where a node is written.
fn place(config: &Config, node: &ConfigNode) -> Option<Span> {
    let module = config.module(node.module())?;
    match node {
        ConfigNode::Provider(provider) => config.provider_block(provider).map(|b| b.span),
        ConfigNode::Variable(_, name) | ConfigNode::VariableCheck(_, name) => {
            module.variables.get(name).map(|v| v.span)
        }
        ConfigNode::Local(_, name) => module.locals.get(name).map(|l| l.span),
        ConfigNode::Output(_, name) => module.outputs.get(name).map(|o| o.span),
        ConfigNode::Call(_, name) => module.calls.get(name).map(|c| c.span),
        ConfigNode::Check(_, name) => module.checks.get(name).map(|c| c.span),
        ConfigNode::Resource(resource) => module.resources.get(&resource.resource).map(|b| b.header),
    }
}

struct Builder<'a> {
    config: &'a Config,
    graph: ConfigGraph,
    /// The nodes of all resource blocks and of their providers, in the order of the modules and their blocks.
    blocks: Vec<(NodeId, Option<NodeId>)>,
    diagnostics: Diagnostics,
}

impl Builder<'_> {
    fn reserve(&mut self, nodes: usize) {
        self.graph.nodes.reserve(nodes);
        self.graph.needs.reserve(nodes);
        self.graph.ids.reserve(nodes);
    }

    fn node(&mut self, node: ConfigNode) -> NodeId {
        if let Some(&id) = self.graph.ids.get(&node) {
            return id;
        }
        let id = self.graph.nodes.len() as NodeId;
        self.graph.nodes.push(node.clone());
        self.graph.needs.push(Vec::new());
        self.graph.ids.insert(node, id);
        id
    }

    fn add_nodes(&mut self, extra_providers: &BTreeSet<ProviderConfig>) {
        let config = self.config;
        self.reserve(config.modules().map(|(_, module)| module.resources.len() + module.locals.len()).sum());
        for (path, module) in config.modules() {
            for name in module.variables.keys() {
                self.node(ConfigNode::Variable(path.clone(), name.clone()));
                self.node(ConfigNode::VariableCheck(path.clone(), name.clone()));
            }
            for name in module.locals.keys() {
                self.node(ConfigNode::Local(path.clone(), name.clone()));
            }
            for name in module.calls.keys() {
                self.node(ConfigNode::Call(path.clone(), name.clone()));
            }
            for name in module.outputs.keys() {
                self.node(ConfigNode::Output(path.clone(), name.clone()));
            }
            for name in module.checks.keys() {
                self.node(ConfigNode::Check(path.clone(), name.clone()));
            }
            for block in module.resources.values() {
                let id = self.node(ConfigNode::Resource(config_resource(path, block)));
                let provider = match config.provider_for(path, block) {
                    Ok(provider) => Some(self.node(ConfigNode::Provider(provider))),
                    Err(diagnostic) => {
                        self.diagnostics.push(diagnostic);
                        None
                    }
                };
                self.blocks.push((id, provider));
            }
        }
        for provider in extra_providers {
            self.node(ConfigNode::Provider(provider.clone()));
        }
    }

    fn add_edges(&mut self) {
        let config = self.config;
        let blocks = std::mem::take(&mut self.blocks);
        let mut blocks = blocks.into_iter();
        for (path, module) in config.modules() {
            self.module_edges(path, module, &mut blocks);
        }
        for id in 0..self.graph.nodes.len() as NodeId {
            if let ConfigNode::Provider(provider) = self.graph.node(id).clone()
                && let Some(block) = config.provider_block(&provider)
            {
                self.refer(id, &provider.module, &references_in_body(&block.body));
                self.contain(id, &provider.module);
            }
        }
    }

    /// The edges of one module; `blocks` go on with those of its resources.
    fn module_edges(
        &mut self,
        path: &ModulePath,
        module: &Arc<Module>,
        blocks: &mut impl Iterator<Item = (NodeId, Option<NodeId>)>,
    ) {
        let call = path.parent();
        for (name, variable) in &module.variables {
            let id = self.node(ConfigNode::Variable(path.clone(), name.clone()));
            let check = self.node(ConfigNode::VariableCheck(path.clone(), name.clone()));
            self.need(check, id);
            self.refer_conditions(check, path, &variable.validations);
            self.contain(id, path);
            if let Some((parent, call_name)) = &call
                && let Some(block) = self.config.module(parent).and_then(|m| m.calls.get(call_name))
                && let Some(input) = block.inputs.get(name)
            {
                self.refer(id, parent, &references_in_expr(&input.expr));
            }
        }
        for (name, local) in &module.locals {
            let id = self.node(ConfigNode::Local(path.clone(), name.clone()));
            self.refer(id, path, &references_in_expr(&local.expr));
            self.contain(id, path);
        }
        for (name, output) in &module.outputs {
            let id = self.node(ConfigNode::Output(path.clone(), name.clone()));
            self.refer(id, path, &references_in_expr(&output.expr));
            self.refer_conditions(id, path, &output.preconditions);
            self.depend(id, path, &output.depends_on);
            self.contain(id, path);
        }
        for (name, block) in &module.calls {
            let id = self.node(ConfigNode::Call(path.clone(), name.clone()));
            for expr in block.count.iter().chain(&block.for_each) {
                self.refer(id, path, &references_in_expr(expr));
            }
            self.contain(id, path);
        }
        for (name, check) in &module.checks {
            let id = self.node(ConfigNode::Check(path.clone(), name.clone()));
            self.refer_conditions(id, path, &check.asserts);
            if let Some(data) = &check.data {
                let data = ConfigResource { module: path.clone(), resource: data.clone() };
                let data = self.node(ConfigNode::Resource(data));
                self.need(id, data);
                // It is there to find out how things are in the end.
                for resource in outside_checks(self.config) {
                    let resource = self.node(ConfigNode::Resource(resource));
                    self.need(data, resource);
                }
            }
            self.contain(id, path);
        }
        for import in &module.imports {
            // An object is imported on its resource's turn, and what it is found by is evaluated then.
            let id = self.graph.id(&ConfigNode::Resource(import.resource.clone()));
            if let Some(id) = id.filter(|_| path.is_root()) {
                self.refer(id, path, &import.references());
            }
        }
        for (block, (id, provider)) in module.resources.values().zip(blocks) {
            self.refer(id, path, &block.references());
            self.depend(id, path, &block.depends_on);
            self.contain(id, path);
            self.inherit_depends_on(id, path);
            provider.into_iter().for_each(|provider| self.need(id, provider));
        }
    }

    /// A module's content needs the call that says how often there is such a module.
    fn contain(&mut self, id: NodeId, path: &ModulePath) {
        if let Some((parent, name)) = path.parent() {
            let call = self.node(ConfigNode::Call(parent, name));
            self.need(id, call);
        }
    }

    /// `depends_on` of a module call holds for every resource in it and below.
    fn inherit_depends_on(&mut self, id: NodeId, path: &ModulePath) {
        let mut path = path.clone();
        while let Some((parent, name)) = path.parent() {
            if let Some(call) = self.config.module(&parent).and_then(|m| m.calls.get(&name)) {
                self.depend(id, &parent, &call.depends_on);
            }
            path = parent;
        }
    }

    fn need(&mut self, id: NodeId, need: NodeId) {
        self.graph.needs[id as usize].push(need);
    }

    fn refer_conditions(&mut self, id: NodeId, path: &ModulePath, conditions: &[Condition]) {
        for condition in conditions {
            self.refer(id, path, &references_in_expr(&condition.condition));
            self.refer(id, path, &references_in_expr(&condition.error_message));
        }
    }

    /// Needs by reference. What is not declared is left to validation.
    fn refer(&mut self, id: NodeId, path: &ModulePath, references: &[Reference]) {
        for reference in references {
            let node = match &reference.referent {
                Referent::Var(name) => ConfigNode::Variable(path.clone(), name.clone()),
                Referent::Local(name) => ConfigNode::Local(path.clone(), name.clone()),
                Referent::Resource(resource) => {
                    ConfigNode::Resource(ConfigResource { module: path.clone(), resource: resource.clone() })
                }
                Referent::ModuleOutput(call, output) => {
                    ConfigNode::Output(path.child(call.clone()), output.clone())
                }
                Referent::ModuleCall(call) => {
                    self.refer_module(id, path, call);
                    continue;
                }
                _ => continue,
            };
            if let Some(need) = self.graph.id(&node)
                && need != id
            {
                self.need(id, need);
            } else if self.graph.id(&node) == Some(id) && !matches!(node, ConfigNode::Resource(_)) {
                self.need(id, id);
            }
        }
    }

    /// A module named as a whole: its call and all of its outputs.
    fn refer_module(&mut self, id: NodeId, path: &ModulePath, call: &Arc<str>) {
        if let Some(need) = self.graph.id(&ConfigNode::Call(path.clone(), call.clone())) {
            self.need(id, need);
        }
        let child = path.child(call.clone());
        let Some(module) = self.config.module(&child) else { return };
        for output in module.outputs.keys() {
            if let Some(need) = self.graph.id(&ConfigNode::Output(child.clone(), output.clone())) {
                self.need(id, need);
            }
        }
    }

    /// Needs by `depends_on`: a module means everything in it and below.
    fn depend(&mut self, id: NodeId, path: &ModulePath, references: &[Reference]) {
        self.refer(id, path, references);
        for reference in references {
            if let Referent::ModuleCall(call) | Referent::ModuleOutput(call, _) = &reference.referent {
                for resource in resources_below(self.config, &path.child(call.clone())) {
                    let need = self.node(ConfigNode::Resource(resource));
                    self.need(id, need);
                }
            }
        }
    }
}

/// Every resource that belongs to no `check` block.
fn outside_checks(config: &Config) -> Vec<ConfigResource> {
    resources_below(config, &ModulePath::root())
}

/// Every resource of a module and of the modules that it calls, apart from what only `check` blocks see.
pub(crate) fn resources_below(config: &Config, path: &ModulePath) -> Vec<ConfigResource> {
    let below = config.modules().filter(|(other, _)| other.0.starts_with(&path.0));
    below
        .flat_map(|(path, module)| {
            let seen = module.resources.values().filter(|block| block.check.is_none());
            seen.map(move |block| config_resource(path, block))
        })
        .collect()
}

/// The address of a resource block.
pub(crate) fn config_resource(path: &ModulePath, block: &ResourceBlock) -> ConfigResource {
    ConfigResource { module: path.clone(), resource: block.addr.clone() }
}
