//! The execution graph: every step of applying and what it waits for.

use std::sync::Arc;

use ferroform_core::addr::{ConfigResource, ModulePath, ProviderConfig};

/// Something in configuration that has a value or makes instances.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConfigNode {
    /// A provider's configuration.
    Provider(ProviderConfig),
    /// An input variable.
    Variable(ModulePath, Arc<str>),
    /// The validations of an input variable.
    VariableCheck(ModulePath, Arc<str>),
    /// A local value.
    Local(ModulePath, Arc<str>),
    /// An output value.
    Output(ModulePath, Arc<str>),
    /// The instances of a module call.
    Call(ModulePath, Arc<str>),
    /// A resource with all its instances.
    Resource(ConfigResource),
    /// The assertions of a `check` block.
    Check(ModulePath, Arc<str>),
}

impl ConfigNode {
    /// The module it is written in.
    pub fn module(&self) -> &ModulePath {
        match self {
            ConfigNode::Provider(p) => &p.module,
            ConfigNode::Resource(r) => &r.module,
            ConfigNode::Variable(m, _)
            | ConfigNode::VariableCheck(m, _)
            | ConfigNode::Local(m, _)
            | ConfigNode::Output(m, _)
            | ConfigNode::Check(m, _)
            | ConfigNode::Call(m, _) => m,
        }
    }
}

impl std::fmt::Display for ConfigNode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let module = self.module();
        let dot = if module.is_root() { "" } else { "." };
        match self {
            ConfigNode::Provider(p) => write!(f, "{p}"),
            ConfigNode::Resource(r) => write!(f, "{r}"),
            ConfigNode::Variable(_, name) => write!(f, "{module}{dot}var.{name}"),
            ConfigNode::VariableCheck(_, name) => write!(f, "{module}{dot}var.{name} (validation)"),
            ConfigNode::Local(_, name) => write!(f, "{module}{dot}local.{name}"),
            ConfigNode::Output(_, name) => write!(f, "{module}{dot}output.{name}"),
            ConfigNode::Check(_, name) => write!(f, "{module}{dot}check.{name}"),
            ConfigNode::Call(_, name) => write!(f, "{module}{dot}module.{name}"),
        }
    }
}

/// The number of a step: its place in [`ExecGraph::nodes`].
pub type StepId = u32;

/// One step of applying.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Evaluate something in configuration; for a resource: all its instances are done now.
    Evaluate(ConfigNode),
    /// Create, update or read the object of the change with this number, or make the new one of a replacement.
    Apply(usize),
    /// Delete the object of the change with this number, or the old one of a replacement.
    Destroy(usize),
}

/// A step and what it waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecNode {
    /// What is done.
    pub step: Step,
    /// The steps that must have succeeded before; all with any number, never in a cycle.
    pub after: Vec<StepId>,
}

/// Every step of applying.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExecGraph {
    /// The steps.
    pub nodes: Vec<ExecNode>,
}

impl ExecGraph {
    /// Adds a step that waits for nothing yet.
    pub fn add(&mut self, step: Step) -> StepId {
        self.nodes.push(ExecNode { step, after: Vec::new() });
        self.nodes.len() as StepId - 1
    }

    /// Makes `step` wait for `before`; a step never waits for itself.
    pub fn order(&mut self, before: StepId, step: StepId) {
        if before != step {
            self.nodes[step as usize].after.push(before);
        }
    }

    /// Removes repeated edges.
    pub fn tidy(&mut self) {
        for node in &mut self.nodes {
            node.after.sort_unstable();
            node.after.dedup();
        }
    }

    /// Whether `to` waits for `from`, directly or not.
    pub fn reaches(&self, from: StepId, to: StepId) -> bool {
        let mut seen = vec![false; self.nodes.len()];
        let mut stack = vec![to];
        while let Some(id) = stack.pop() {
            if id == from {
                return true;
            }
            if !std::mem::replace(&mut seen[id as usize], true) {
                stack.extend(&self.nodes[id as usize].after);
            }
        }
        false
    }

    /// Steps that wait for each other in a circle, if there are any.
    pub fn cycle(&self) -> Option<Vec<StepId>> {
        // 0: not seen, 1: on the current way, 2: done.
        let mut colour = vec![0u8; self.nodes.len()];
        for start in 0..self.nodes.len() as StepId {
            if colour[start as usize] != 0 {
                continue;
            }
            let mut way: Vec<(StepId, usize)> = vec![(start, 0)];
            colour[start as usize] = 1;
            while let Some((id, next)) = way.last_mut() {
                match self.nodes[*id as usize].after.get(*next) {
                    Some(&before) => {
                        *next += 1;
                        match colour[before as usize] {
                            0 => {
                                colour[before as usize] = 1;
                                way.push((before, 0));
                            }
                            1 => {
                                let from = way.iter().position(|(id, _)| *id == before).unwrap_or(0);
                                return Some(way[from..].iter().map(|(id, _)| *id).collect());
                            }
                            _ => {}
                        }
                    }
                    None => {
                        colour[*id as usize] = 2;
                        way.pop();
                    }
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(edges: &[(StepId, StepId)], size: usize) -> ExecGraph {
        let mut graph = ExecGraph::default();
        (0..size).for_each(|i| {
            graph.add(Step::Apply(i));
        });
        edges.iter().for_each(|(a, b)| graph.order(*a, *b));
        graph
    }

    #[test]
    fn cycles_are_found_and_named() {
        assert_eq!(graph(&[(0, 1), (1, 2), (0, 2)], 3).cycle(), None);
        let mut found = graph(&[(0, 1), (1, 2), (2, 1)], 3).cycle().unwrap();
        found.sort();
        assert_eq!(found, [1, 2]);
    }

    #[test]
    fn reachability_follows_the_order() {
        let graph = graph(&[(0, 1), (1, 2)], 4);
        assert!(graph.reaches(0, 2));
        assert!(!graph.reaches(2, 0));
        assert!(!graph.reaches(3, 2));
    }
}
