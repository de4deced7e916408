//! What is known and recorded before the first step of applying.

use ferroform_plan::PlanMode;
use ferroform_state::Object;
use ferroform_state::journal::{Change, Record};

use super::Applier;
use crate::events::Event;
use crate::providers::resource_schema;
use crate::refactoring::in_order;
use crate::state_values;

impl Applier<'_> {
    /// The journal is read on top of the state as it was before objects had other addresses.
    pub(super) fn record_moves(&mut self) {
        if !self.plan.moves.is_empty() {
            let moves = in_order(self.plan.moves.clone()).into_iter();
            let moves = moves.map(|(from, to)| Change::Move { from, to });
            self.record(Record::Changes(moves.collect()));
        }
    }

    /// What is imported is in the state that applying starts from. Nothing is done to it, so that an import that is lost
    /// is made again by the next run.
    pub(super) fn record_imports(&mut self) {
        let plan = self.plan;
        let mut changes = Vec::new();
        for (addr, id) in &plan.imports {
            let provider = self.state.resources.get(&addr.resource()).map(|r| r.provider.clone());
            let (Some(object), Some(provider)) = (self.state.current(addr), provider) else { continue };
            let object = Object::clone(object);
            changes.push(Change::SetCurrent { address: addr.clone(), provider, object });
            self.done.imported += 1;
            self.input.events.emit(Event::Imported { addr: addr.clone(), id: id.clone() });
        }
        if !changes.is_empty() {
            self.record(Record::Changes(changes));
        }
    }

    /// What takes no part in the plan is seen as the state has it.
    pub(super) fn values_from_state(&mut self) {
        let limited = !self.plan.targets.is_empty() || self.plan.mode != PlanMode::Normal;
        if !limited {
            return;
        }
        let config = self.setup.config.clone();
        for (path, module) in config.modules() {
            for block in module.resources.values() {
                let resource = crate::graph::config_resource(path, block);
                let schema = config.provider_for(path, block).ok().and_then(|provider| {
                    let all = self.setup.registry.schema(&provider.source)?;
                    resource_schema(&all, &provider.source, &resource.resource, None).ok().cloned()
                });
                state_values::insert(&mut self.store, &self.plan.prior, &resource, schema.as_ref());
            }
        }
    }
}
