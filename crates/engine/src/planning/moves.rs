//! Objects that get another address without being told: the only instance of a resource whose block gains `count`,
//! which becomes number 0, and number 0 of one whose block loses it.

use ferroform_core::addr::{InstanceKey, ProviderConfig, ResourceInstance, ResourceMode};
use ferroform_lang::Config;
use ferroform_state::State;

use super::walk::Planner;

impl Planner<'_> {
    /// Moves what a provider looks after and takes part in the plan. Gives the old and new addresses.
    pub(super) fn move_implied(
        &mut self,
        provider: &ProviderConfig,
    ) -> Vec<(ResourceInstance, ResourceInstance)> {
        let mut moves = implied(&self.setup.config, &self.state, provider);
        moves.retain(|(from, to)| {
            self.limits.includes_object(self.graph, to) && self.state.move_instance(from, to)
        });
        self.moves.extend(moves.iter().cloned());
        moves
    }
}

/// The moves that configuration implies for objects of a state.
fn implied(
    config: &Config,
    state: &State,
    provider: &ProviderConfig,
) -> Vec<(ResourceInstance, ResourceInstance)> {
    let (single, first) = (None, Some(InstanceKey::Int(0)));
    let mine = state
        .resources
        .iter()
        .filter(|(address, r)| address.resource.mode == ResourceMode::Managed && r.provider == *provider);
    let moves = mine.filter_map(|(address, resource)| {
        let block = config.module(&address.module.path())?.resources.get(&address.resource)?;
        let (from, to) = match (&block.count, &block.for_each) {
            (Some(_), _) => (&single, &first),
            (None, None) => (&first, &single),
            (None, Some(_)) => return None,
        };
        let possible = resource.instances.contains_key(from) && !resource.instances.contains_key(to);
        possible.then(|| (address.instance(from.clone()), address.instance(to.clone())))
    });
    moves.collect()
}
