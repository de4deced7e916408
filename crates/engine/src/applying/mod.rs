//! Applying: following the execution graph of a plan.

mod instance;
mod operation;
mod walk;

use std::collections::BTreeMap;
use std::sync::Arc;

use ferroform_core::{Diagnostic, Diagnostics};
use ferroform_plan::Plan;
use ferroform_provider::LeftBehind;
use ferroform_state::State;
use ferroform_state::journal::Journal;
use tokio::sync::watch;

pub use instance::{InstanceOutcome, InstanceRequest, apply_instance};

use crate::events::EventSink;
use crate::left_behind::Decide;
use crate::planning::{ConfiguredProviders, Setup};

/// How far applying has been asked to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum StopLevel {
    /// Not at all.
    #[default]
    Run,
    /// Begin nothing new; wait for what is under way.
    Finish,
    /// Do not wait any more either.
    Abandon,
}

/// What applying is given besides the plan.
pub struct ApplyInput<'a> {
    /// Where operations are recorded.
    pub journal: Arc<dyn Journal>,
    /// Providers that are configured already, as the plan configured them.
    pub providers: ConfiguredProviders,
    /// Who hears of progress.
    pub events: &'a dyn EventSink,
    /// Requests to stop.
    pub stop: watch::Receiver<StopLevel>,
    /// What is to become of objects that a destroy leaves behind. Asked for providers that are not configured already; None
    /// when they need not look.
    pub left_behind: Option<&'a Decide<'a>>,
}

/// Numbers of operations that succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Done {
    /// Objects that came under management.
    pub imported: usize,
    /// Objects created.
    pub added: usize,
    /// Objects updated.
    pub changed: usize,
    /// Objects deleted.
    pub destroyed: usize,
}

/// What came of applying.
pub struct Applied {
    /// The state as it is now, whether all went well or not.
    pub state: State,
    /// What was done.
    pub done: Done,
    /// Operations that were begun and failed; part of one may have been done.
    pub failed: usize,
    /// Operations that were not begun because of an error or a request to stop.
    pub skipped: usize,
    /// Operations that were under way when waiting for them ended; the journal tells of them.
    pub abandoned: usize,
    /// Objects under nobody's management that were removed as well.
    pub left_behind: Vec<LeftBehind>,
    /// Values of the root module's outputs with their marks, as far as they could be told.
    pub outputs: BTreeMap<Arc<str>, ferroform_core::Value>,
    /// What went wrong.
    pub diagnostics: Diagnostics,
}

/// Applies a plan.
pub async fn apply(setup: &Setup, plan: &Plan, input: ApplyInput<'_>) -> Applied {
    let mut applied = walk::Applier::run(setup, plan, input).await;
    if !plan.targets.is_empty() {
        applied.diagnostics.push(
            Diagnostic::warning("Applied changes may be incomplete")
                .detail(
                    "The plan was limited by -target, so that not all that configuration asks for was done.",
                )
                .hint("Plan again without -target to see what is left."),
        );
    }
    applied
}
