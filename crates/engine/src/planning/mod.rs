//! Planning: from configuration and state to a [`Plan`].
//!
//! One walk over the graph of configuration evaluates everything in order. A provider's turn configures it, settles
//! what an earlier run left open and reads all its objects in one batch; a resource's turn plans its instances.

mod data;
mod ephemeral;
mod imports;
mod instance;
mod leftovers;
mod order;
mod refresh;
mod resources;
mod setup;
mod targets;
mod triggers;
mod walk;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ferroform_core::Diagnostics;
use ferroform_core::addr::{ProviderConfig, ResourceInstance, Target};
use ferroform_lang::variables::InputValue;
use ferroform_plan::{Plan, PlanMode};
use ferroform_provider::Provider;
use ferroform_state::State;
use ferroform_state::journal::{Journal, OpenOperation};
use ferroform_state::world::{Refused, WorldBinding};

pub use ephemeral::give_ephemeral;
pub(crate) use instance::sensitive_paths;
pub use instance::{InstanceInput, InstancePlan, Prior, plan_instance};
pub use setup::{Setup, Surroundings};
pub(crate) use walk::resolve;

use crate::events::EventSink;

/// What to plan.
#[derive(Debug, Clone, Default)]
pub struct PlanOptions {
    /// Make, destroy or only look.
    pub mode: PlanMode,
    /// Limits the plan to these addresses and what they need; all if empty.
    pub targets: Vec<Target>,
    /// Instances to replace whatever changed.
    pub replace: BTreeSet<ResourceInstance>,
    /// Objects to import besides those that `import` blocks name, with the ids that their providers know them by. Targets
    /// that go with them are nothing to be warned of.
    pub imports: Vec<(ResourceInstance, String)>,
    /// Read every object first.
    pub refresh: bool,
    /// Values given for the root module's variables.
    pub variables: BTreeMap<Arc<str>, InputValue>,
    /// When the plan is made, as RFC 3339.
    pub timestamp: String,
}

/// What planning starts from.
pub struct PlanInput<'a> {
    /// The state.
    pub state: State,
    /// Operations that an earlier run began and did not see the end of.
    pub open: Vec<OpenOperation>,
    /// Where settled operations are recorded.
    pub journal: &'a dyn Journal,
    /// Holds the world of a provider against what the state is bound to, before anything is asked of it.
    pub bind: &'a WorldGuard<'a>,
    /// Who hears of progress.
    pub events: &'a dyn EventSink,
}

/// Refuses worlds that the state does not belong to.
pub type WorldGuard<'a> = dyn Fn(&[WorldBinding]) -> Result<(), Refused> + Send + Sync + 'a;

/// Providers that are configured already, with the configuration they have.
pub type ConfiguredProviders = BTreeMap<ProviderConfig, Arc<dyn Provider>>;

/// What planning gives.
pub struct Planned {
    /// The plan; none when there are errors.
    pub plan: Option<Plan>,
    /// The state with what was settled; to be used even when planning failed.
    pub settled: State,
    /// The providers whose configuration is wholly known, so that applying at once need not configure them again.
    pub providers: ConfiguredProviders,
    /// What is wrong or worth saying.
    pub diagnostics: Diagnostics,
}

/// Plans.
pub async fn plan(setup: &Setup, options: &PlanOptions, input: PlanInput<'_>) -> Planned {
    walk::Planner::run(setup, options, input).await
}
