//! Plans: what will be done to which objects, in which order, and the file a plan is kept in.
//!
//! A [`Plan`] is complete and never changes: applying follows its [`ExecGraph`] and chooses nothing. This crate knows
//! neither the language nor the engine; the configuration that a planfile holds is opaque to it.

mod change;
mod graph;
pub mod json;
pub mod planfile;

pub use change::{Action, ActionReason, OutputChange, ResourceChange};
pub use graph::{ConfigNode, ExecGraph, ExecNode, Step, StepId};

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ferroform_core::Value;
use ferroform_core::addr::{ResourceInstance, Target};
use ferroform_state::State;
use ferroform_state::world::WorldBinding;

/// What a plan is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PlanMode {
    /// Make the objects equal to configuration.
    #[default]
    Normal,
    /// Destroy every object.
    Destroy,
    /// Only bring the state up to date with the objects.
    RefreshOnly,
}

/// All that applying needs to know.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What it was made for.
    pub mode: PlanMode,
    /// Lineage of the state it starts from.
    pub lineage: String,
    /// Serial of the state it starts from.
    pub serial: u64,
    /// The workspace that it was made in; what `terraform.workspace` gives.
    pub workspace: String,
    /// The worlds that it was made in.
    pub worlds: Vec<WorldBinding>,
    /// When it was made, as RFC 3339; what `plantimestamp()` gives.
    pub timestamp: String,
    /// The input variables of the root module, converted.
    pub variables: BTreeMap<Arc<str>, Value>,
    /// Those of them that are ephemeral and were given a value. A planfile has their names only: whoever applies it gives
    /// the values once more.
    pub ephemeral: BTreeSet<Arc<str>>,
    /// The addresses it was limited to; empty for all.
    pub targets: Vec<Target>,
    /// The state after refreshing: what applying starts from.
    pub prior: State,
    /// Objects found changed or gone since the last run: from the old state to the refreshed one.
    pub drift: Vec<ResourceChange>,
    /// Objects that have another address in `prior` than in the state before: the old and the new one, sorted by the
    /// latter.
    pub moves: Vec<(ResourceInstance, ResourceInstance)>,
    /// Objects of `prior` that were not under management before, with the ids that they were found by.
    pub imports: BTreeMap<ResourceInstance, Arc<str>>,
    /// What is planned for every object, no-ops included, by address.
    pub changes: Vec<ResourceChange>,
    /// What becomes of the root module's outputs.
    pub outputs: Vec<OutputChange>,
    /// The order of all of it.
    pub graph: ExecGraph,
}

/// Numbers of planned changes, as the summary line gives them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Objects to bring under management.
    pub import: usize,
    /// Objects to create, replacements included.
    pub add: usize,
    /// Objects to update.
    pub change: usize,
    /// Objects to delete, replacements included.
    pub destroy: usize,
}

impl Plan {
    /// How many objects will be created, updated and deleted.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts { import: self.imports.len(), ..Counts::default() };
        for change in self.changes.iter().filter(|c| c.is_managed()) {
            match change.action {
                Action::Create => counts.add += 1,
                Action::Update => counts.change += 1,
                Action::Delete => counts.destroy += 1,
                Action::DeleteThenCreate | Action::CreateThenDelete => {
                    counts.add += 1;
                    counts.destroy += 1;
                }
                Action::NoOp | Action::Read | Action::Forget => {}
            }
        }
        counts
    }

    /// The drift that may have to do with what is planned: objects that are gone, and objects that something is planned
    /// for. What follows by itself from the last run, such as a list of attached servers, is left out; when only the
    /// state is brought up to date, nothing is.
    pub fn relevant_drift(&self) -> Vec<&ResourceChange> {
        let planned: BTreeSet<_> =
            self.changes.iter().filter(|c| c.action != Action::NoOp).map(|c| (&c.addr, c.deposed)).collect();
        let all = self.mode == PlanMode::RefreshOnly;
        let relevant = |c: &&ResourceChange| {
            all || c.action == Action::Delete || planned.contains(&(&c.addr, c.deposed))
        };
        self.drift.iter().filter(relevant).collect()
    }

    /// Whether applying would do anything to an object, its address or an output, or read something.
    pub fn has_changes(&self) -> bool {
        !self.moves.is_empty()
            || !self.imports.is_empty()
            || self.changes.iter().any(|c| c.action != Action::NoOp)
            || self.outputs.iter().any(|o| o.action != Action::NoOp)
    }

    /// The address that an object had before it got this one; none if it had this one.
    pub fn moved_from(&self, addr: &ResourceInstance) -> Option<&ResourceInstance> {
        let found = self.moves.binary_search_by(|(_, to)| to.cmp(addr)).ok()?;
        self.moves.get(found).map(|(from, _)| from)
    }

    /// Whether applying would do anything at all; in refresh-only mode drift counts.
    pub fn is_applicable(&self) -> bool {
        match self.mode {
            PlanMode::RefreshOnly => {
                self.drift.iter().any(|c| c.action != Action::NoOp)
                    || self.outputs.iter().any(|o| o.action != Action::NoOp)
            }
            PlanMode::Normal | PlanMode::Destroy => self.has_changes(),
        }
    }
}
