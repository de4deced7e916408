//! `-target`: which parts of configuration and which instances a plan is limited to.

use ferroform_core::addr::{ResourceInstance, Target};
use ferroform_core::{Diagnostic, Diagnostics};
use ferroform_lang::Config;
use ferroform_plan::ConfigNode;
use ferroform_state::State;

use crate::graph::ConfigGraph;

/// The limits of a plan.
pub(super) struct Limits<'a> {
    targets: &'a [Target],
    /// By node of the graph: whether it takes part.
    included: Vec<bool>,
    /// By node of the graph: whether a target names it, rather than something that needs it.
    named: Vec<bool>,
}

impl<'a> Limits<'a> {
    /// The nodes that the targets name and all that these need; everything without targets.
    pub(super) fn new(graph: &ConfigGraph, targets: &'a [Target]) -> Self {
        let all = vec![true; graph.nodes.len()];
        if targets.is_empty() {
            return Limits { targets, included: all.clone(), named: all };
        }
        let named: Vec<bool> =
            graph.nodes.iter().map(|node| targets.iter().any(|t| names(t, node))).collect();
        let from = (0..graph.nodes.len() as u32).filter(|id| named[*id as usize]);
        let mut included = graph.closure(from);
        // An output all of whose needs take part is brought up to date as well.
        for (id, node) in graph.nodes.iter().enumerate() {
            if matches!(node, ConfigNode::Output(path, _) if path.is_root()) {
                let needed = graph.closure([id as u32]);
                included[id] |= needed.iter().zip(&included).enumerate().all(|(i, (n, inc))| {
                    i == id || !*n || *inc || !matches!(graph.nodes[i], ConfigNode::Resource(_))
                }) && needed
                    .iter()
                    .enumerate()
                    .any(|(i, n)| *n && matches!(graph.nodes[i], ConfigNode::Resource(_)));
            }
        }
        let extra: Vec<u32> = (0..graph.nodes.len() as u32).filter(|id| included[*id as usize]).collect();
        Limits { targets, included: graph.closure(extra), named }
    }

    /// Whether a node takes part.
    pub(super) fn includes(&self, id: u32) -> bool {
        self.included[id as usize]
    }

    /// Whether an instance takes part, given that its resource's node does: the named instance only, or all of a
    /// resource that something named needs.
    pub(super) fn includes_instance(&self, node: Option<u32>, addr: &ResourceInstance) -> bool {
        if self.targets.is_empty() || self.targets.iter().any(|t| t.covers(addr)) {
            return true;
        }
        node.is_some_and(|id| self.includes(id) && !self.named[id as usize])
    }

    /// Whether an object of the state takes part: named, or of a resource that something named needs.
    pub(super) fn includes_object(&self, graph: &ConfigGraph, addr: &ResourceInstance) -> bool {
        self.includes_instance(graph.id(&ConfigNode::Resource(addr.config())), addr)
    }

    /// Whether the plan is limited at all.
    pub(super) fn is_limited(&self) -> bool {
        !self.targets.is_empty()
    }

    /// The warning that the plan is limited, and others for targets that name nothing (Terraform is silent about those,
    /// and goes on as well).
    pub(super) fn check(&self, config: &Config, state: &State) -> Diagnostics {
        let known = |target: &Target| match target {
            Target::Module(module) => {
                config.module(&module.path()).is_some()
                    || state.objects().any(|(addr, ..)| target.covers(&addr))
            }
            Target::Resource(addr) => {
                config.module(&addr.module.path()).is_some_and(|m| m.resources.contains_key(&addr.resource))
                    || state.resources.contains_key(&addr.resource())
            }
        };
        let warning = self.is_limited().then(|| {
            Diagnostic::warning("Resource targeting is in effect").detail(
                "The plan is limited to what -target names, so that it may not show all that configuration asks for. \
                 -target is for mistakes and exceptions, not for everyday use.",
            )
        });
        let unknown = self.targets.iter().filter(|t| !known(t));
        let others = unknown.map(|target| {
            Diagnostic::warning("Unknown target address").detail(format!(
                "The target {target} names nothing, neither in the configuration nor in the state, so nothing is planned for \
                 it. Look for a mistake in the address."
            ))
        });
        warning.into_iter().chain(others).collect()
    }
}

fn names(target: &Target, node: &ConfigNode) -> bool {
    match (target, node) {
        (Target::Resource(addr), ConfigNode::Resource(resource)) => addr.config() == *resource,
        (Target::Module(module), ConfigNode::Resource(resource)) => {
            resource.module.0.starts_with(&module.path().0)
        }
        (Target::Module(module), ConfigNode::Output(path, _)) => path.0.starts_with(&module.path().0),
        _ => false,
    }
}
