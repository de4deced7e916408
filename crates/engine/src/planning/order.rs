//! The execution graph of a plan: what must be done before what.
//!
//! - What is created, updated or read waits for all that its configuration refers to.
//! - What is deleted waits for the deletion of all that needs it, and for the update of what no longer will.
//! - A replacement deletes first, or creates first and deletes once everything that needs it has moved over.

use ferroform_core::Diagnostic;
use ferroform_core::addr::{ConfigResource, ProviderConfig};
use ferroform_plan::{Action, ConfigNode, ExecGraph, PlanMode, ResourceChange, Step, StepId};
use rustc_hash::FxHashMap;

use super::walk::Planner;
use crate::graph::{ConfigGraph, NodeId};

/// The steps of one change.
#[derive(Clone, Copy, Default)]
struct Steps {
    apply: Option<StepId>,
    destroy: Option<StepId>,
}

/// Builds the graph for the changes that were planned; they are in their final order already.
pub(super) fn execution_graph(planner: &Planner<'_>) -> ExecGraph {
    let mut graph = ExecGraph::default();
    let evaluate = evaluation_steps(planner, &mut graph);
    if planner.options.mode == PlanMode::RefreshOnly {
        // Outputs are all that there is to do.
        graph.tidy();
        return graph;
    }
    let changes = &planner.changes;
    let steps: Vec<Steps> =
        changes.iter().enumerate().map(|(i, change)| steps_of(&mut graph, i, change)).collect();
    // Many changes have the same provider, one after the other.
    let mut last: Option<(&ProviderConfig, Option<StepId>)> = None;
    for (change, steps) in changes.iter().zip(&steps) {
        let provider = match last {
            Some((config, step)) if *config == change.provider => step,
            _ => {
                let id = planner.graph.id(&ConfigNode::Provider(change.provider.clone()));
                id.and_then(|id| evaluate[id as usize])
            }
        };
        last = Some((&change.provider, provider));
        let resource = planner.graph.id(&ConfigNode::Resource(change.addr.config()));
        if let Some(apply) = steps.apply {
            let needed = resource.into_iter().flat_map(|id| needed(planner.graph, &evaluate, id));
            needed.chain(provider).for_each(|before| graph.order(before, apply));
            if let Some(done) = resource.and_then(|id| evaluate[id as usize]) {
                graph.order(apply, done);
            }
        }
        if let Some(destroy) = steps.destroy {
            provider.into_iter().for_each(|before| graph.order(before, destroy));
        }
        match (change.action, steps.apply, steps.destroy) {
            (Action::CreateThenDelete, Some(apply), Some(destroy)) => graph.order(apply, destroy),
            (_, Some(apply), Some(destroy)) => graph.order(destroy, apply),
            _ => {}
        }
    }
    // Most plans of many objects delete none of them.
    if steps.iter().any(|steps| steps.destroy.is_some()) {
        let mut by_config: FxHashMap<ConfigResource, Vec<usize>> = FxHashMap::default();
        for (i, change) in changes.iter().enumerate() {
            by_config.entry(change.addr.config()).or_default().push(i);
        }
        order_deletions(changes, &steps, &by_config, &mut graph);
        graph.tidy();
        order_deletions_after_updates(changes, &steps, &by_config, &mut graph);
    }
    graph.tidy();
    graph
}

/// A step for every node of configuration that takes part.
fn evaluation_steps(planner: &Planner<'_>, graph: &mut ExecGraph) -> Vec<Option<StepId>> {
    let config = planner.graph;
    let included = if planner.options.mode == PlanMode::Destroy {
        let providers =
            planner.changes.iter().filter_map(|c| config.id(&ConfigNode::Provider(c.provider.clone())));
        config.closure(providers.collect::<Vec<_>>())
    } else {
        let providers = planner.providers.keys().filter_map(|p| config.id(&ConfigNode::Provider(p.clone())));
        let rest = (0..config.nodes.len() as u32).filter(|id| {
            planner.limits.includes(*id) && !matches!(config.node(*id), ConfigNode::Provider(_))
        });
        config.closure(providers.chain(rest).collect::<Vec<_>>())
    };
    let mut steps = vec![None; config.nodes.len()];
    for &id in &config.order {
        if included[id as usize] {
            let step = graph.add(Step::Evaluate(config.node(id).clone()));
            steps[id as usize] = Some(step);
            needed(config, &steps, id).for_each(|before| graph.order(before, step));
        }
    }
    steps
}

/// The steps that evaluate what a node needs. What uses a variable waits for its validation too, unless that comes
/// later because it needs the node itself.
fn needed<'a>(
    config: &'a ConfigGraph,
    steps: &'a [Option<StepId>],
    id: NodeId,
) -> impl Iterator<Item = StepId> + 'a {
    let own = steps[id as usize];
    config.needs(id).iter().flat_map(move |need| {
        let check = match config.node(*need) {
            ConfigNode::Variable(path, name) if !matches!(config.node(id), ConfigNode::VariableCheck(..)) => {
                config.id(&ConfigNode::VariableCheck(path.clone(), name.clone()))
            }
            _ => None,
        };
        let check = check.and_then(|check| steps[check as usize]);
        let check = check.filter(|check| own.is_none_or(|own| *check < own));
        steps[*need as usize].into_iter().chain(check)
    })
}

fn steps_of(graph: &mut ExecGraph, index: usize, change: &ResourceChange) -> Steps {
    match change.action {
        Action::NoOp => Steps::default(),
        Action::Create | Action::Update | Action::Read => {
            Steps { apply: Some(graph.add(Step::Apply(index))), destroy: None }
        }
        Action::Delete | Action::Forget => {
            Steps { apply: None, destroy: Some(graph.add(Step::Destroy(index))) }
        }
        Action::DeleteThenCreate | Action::CreateThenDelete => {
            let apply = Some(graph.add(Step::Apply(index)));
            Steps { apply, destroy: Some(graph.add(Step::Destroy(index))) }
        }
    }
}

/// What needs an object is deleted before it; and what makes way for a new object created first goes last.
fn order_deletions(
    changes: &[ResourceChange],
    steps: &[Steps],
    by_config: &FxHashMap<ConfigResource, Vec<usize>>,
    graph: &mut ExecGraph,
) {
    let of = |needs: &[ConfigResource]| -> Vec<usize> {
        needs.iter().filter_map(|d| by_config.get(d)).flatten().copied().collect()
    };
    for (change, own) in changes.iter().zip(steps) {
        if let Some(destroy) = own.destroy {
            for needed in of(&change.prior_dependencies) {
                // The old object of a replacement that creates first stays until the new one is there: what it needs
                // must do the same, or it could never go.
                let late = change.action == Action::CreateThenDelete;
                let needed_late = changes[needed].action == Action::CreateThenDelete;
                if let Some(needed_destroy) = steps[needed].destroy
                    && (!late || needed_late || changes[needed].action == Action::Delete)
                {
                    graph.order(destroy, needed_destroy);
                }
            }
        }
        if let Some(apply) = own.apply {
            for needed in of(&change.dependencies) {
                if let (Some(needed_destroy), Action::CreateThenDelete) =
                    (steps[needed].destroy, changes[needed].action)
                {
                    graph.order(apply, needed_destroy);
                }
            }
        }
    }
}

/// An object that is deleted for good waits for the update of what used to need it, so that it is free by then. Left
/// out where it would make a circle.
fn order_deletions_after_updates(
    changes: &[ResourceChange],
    steps: &[Steps],
    by_config: &FxHashMap<ConfigResource, Vec<usize>>,
    graph: &mut ExecGraph,
) {
    let users: Vec<(usize, usize)> = changes
        .iter()
        .enumerate()
        .filter(|(_, change)| change.action == Action::Update)
        .flat_map(|(user, change)| {
            let needed = change.prior_dependencies.iter().filter_map(|d| by_config.get(d)).flatten();
            needed.map(move |needed| (user, *needed)).collect::<Vec<_>>()
        })
        .collect();
    for (user, needed) in users {
        let (Some(apply), Some(destroy)) = (steps[user].apply, steps[needed].destroy) else { continue };
        if changes[needed].action == Action::Delete && !graph.reaches(destroy, apply) {
            graph.order(apply, destroy);
        }
    }
}

/// The error for a plan whose steps wait for each other.
pub(super) fn cycle_error(graph: &ExecGraph, cycle: &[StepId], changes: &[ResourceChange]) -> Diagnostic {
    let names: Vec<String> = cycle
        .iter()
        .map(|id| match &graph.nodes[*id as usize].step {
            Step::Evaluate(node) => node.to_string(),
            Step::Apply(i) => changes[*i].addr.to_string(),
            Step::Destroy(i) => format!("{} (destroy)", changes[*i].addr),
        })
        .collect();
    Diagnostic::error("Cycle").detail(format!(
        "These steps would have to wait for each other, so that none could come first: {}.",
        names.join(" → ")
    ))
}
