//! What becomes of how operations ended, and of the walk as a whole.

use std::collections::BTreeMap;

use ferroform_core::addr::{ModuleInstance, ResourceMode};
use ferroform_core::{AttrPath, Diagnostics, Value};
use ferroform_plan::{Action, PlanMode, ResourceChange, Step, StepId};
use ferroform_provider::LeftBehind;
use ferroform_state::OutputValue;
use ferroform_state::journal::{Change, Record};

use super::begin::operation_of;
use super::{Applier, Undone};
use crate::applying::Applied;
use crate::applying::instance::InstanceOutcome;
use crate::applying::operation::Finished;
use crate::evaluate::{as_warnings, conditions, first_error};
use crate::events::Event;
use crate::objects;
use crate::planning::resolve;
use crate::store::Repetition;

impl Applier<'_> {
    /// Takes over how an operation ended; whether it went well.
    pub(super) fn take(&mut self, id: StepId, finished: Finished) -> bool {
        let plan = self.plan;
        let (index, destroying) = match plan.graph.nodes[id as usize].step {
            Step::Apply(index) => (index, false),
            Step::Destroy(index) => (index, true),
            Step::Evaluate(_) => return true,
        };
        let change = &plan.changes[index];
        let (ok, id_text) = match finished {
            Finished::Operation(outcome) => {
                let id_text = objects::id_of(&outcome.value);
                (self.take_outcome(index, change, destroying, outcome), id_text)
            }
            Finished::NoChange(value) => {
                self.finals.insert(index, value);
                (true, None)
            }
            Finished::Rejected(found) => {
                self.report(change, found);
                if change.action == Action::CreateThenDelete && !destroying {
                    self.restore(index, change);
                }
                (false, None)
            }
            Finished::Read((value, sensitive, found)) => {
                let id_text = objects::id_of(&value);
                (self.take_read(index, change, value, sensitive, found), id_text)
            }
        };
        let mut operation =
            operation_of(change, destroying.then(|| self.deposed.get(&index).copied().or(change.deposed)));
        if let Some(text) = id_text
            && !destroying
        {
            operation.id = Some(text.into());
        }
        self.input.events.emit(if ok {
            Event::OperationDone(operation)
        } else {
            Event::OperationFailed(operation)
        });
        ok
    }

    /// Takes over what a provider did.
    fn take_outcome(
        &mut self,
        index: usize,
        change: &ResourceChange,
        destroying: bool,
        outcome: InstanceOutcome,
    ) -> bool {
        outcome.changes.iter().for_each(|c| c.apply(&mut self.state));
        let failed = outcome.diagnostics.has_errors();
        // What may have been made will be the current object: the old one keeps out of its way.
        let nothing_made = outcome.value.is_null() && !outcome.open;
        self.report(change, outcome.diagnostics);
        if destroying {
            self.done.destroyed += usize::from(!failed);
            return !failed;
        }
        if failed && nothing_made && change.action == Action::CreateThenDelete {
            self.restore(index, change);
        }
        if !failed {
            match change.action {
                Action::Update => self.done.changed += 1,
                _ => self.done.added += 1,
            }
        }
        let paths = self.state.current(&change.addr).map(|o| o.sensitive_paths.clone()).unwrap_or_default();
        let value = match self.schema(&change.provider, &change.addr) {
            Ok(schema) => objects::mark(&schema.block, outcome.value, &paths),
            Err(_) => outcome.value,
        };
        self.finals.insert(index, value.clone());
        !failed && self.postconditions(change, value)
    }

    /// The creation came to nothing: the old object is the current one again.
    fn restore(&mut self, index: usize, change: &ResourceChange) {
        let Some(key) = self.deposed.remove(&index) else { return };
        if self.state.restore_deposed(&change.addr, key) {
            self.record(Record::Changes(vec![Change::RestoreDeposed { address: change.addr.clone(), key }]));
        }
    }

    /// Takes over what a data source gave.
    fn take_read(
        &mut self,
        index: usize,
        change: &ResourceChange,
        value: Value,
        sensitive: Vec<AttrPath>,
        found: Diagnostics,
    ) -> bool {
        let failed = found.has_errors();
        let check = self.block(change).and_then(|block| block.check.clone());
        let why = first_error(&found);
        self.report(change, if check.is_some() { as_warnings(found) } else { found });
        if let (Some(why), Some(check)) = (why, check) {
            self.store.module_mut(&change.addr.module).failed_checks.insert(check, why);
            return true;
        }
        let Ok(schema) = self.schema(&change.provider, &change.addr) else { return false };
        if failed {
            return false;
        }
        match objects::encode(&value, &schema, sensitive.clone(), Default::default(), Vec::new()) {
            Ok(object) => {
                self.state.set_current(&change.addr, &change.provider, Some(object.clone()));
                self.record(Record::Changes(vec![Change::SetCurrent {
                    address: change.addr.clone(),
                    provider: change.provider.clone(),
                    object,
                }]));
            }
            Err(diagnostic) => {
                self.diagnostics.push(diagnostic.address(change.addr.to_string()));
                return false;
            }
        }
        let value = objects::mark(&schema.block, value, &sensitive);
        self.finals.insert(index, value.clone());
        self.postconditions(change, value)
    }

    /// Whether an object fulfils what its block requires of it.
    fn postconditions(&mut self, change: &ResourceChange, value: Value) -> bool {
        let Some(block) = self.block(change).filter(|b| !b.lifecycle.postconditions.is_empty()) else {
            return true;
        };
        let Some(expansion) = self.expansion(&change.addr.resource(), block) else { return false };
        let repetition = Repetition::of(&expansion, change.addr.key.as_ref());
        let scope = self.store.scope(&change.addr.module).with_repetition(repetition).with_self(value);
        let postconditions = &block.lifecycle.postconditions;
        let (found, tested) = conditions(postconditions, &scope, "Resource postcondition failed");
        self.store.report_resource(&change.addr, postconditions, tested);
        let failed = found.has_errors();
        self.report(change, found);
        !failed
    }

    /// Adds diagnostics of a change, at the places in its block that they are about.
    fn report(&mut self, change: &ResourceChange, found: Diagnostics) {
        let block = self.block(change);
        for diagnostic in found {
            self.diagnostics.push(resolve(
                diagnostic,
                block.map(|b| (&*b.body, b.header)),
                Some(&change.addr),
            ));
        }
    }

    /// What came of it all: the state with outputs and results of conditions, and the numbers.
    pub(super) fn finish(mut self, undone: Undone, left_behind: Vec<LeftBehind>) -> Applied {
        let Undone { failed, skipped, abandoned } = undone;
        let root = ModuleInstance::root();
        let complete = failed == 0 && skipped == 0 && abandoned == 0 && !self.diagnostics.has_errors();
        if self.plan.mode == PlanMode::Destroy && self.plan.targets.is_empty() && complete {
            // With nothing left that could use them.
            self.state.resources.retain(|address, _| address.resource.mode != ResourceMode::Data);
        }
        let mut outputs = BTreeMap::new();
        for change in &self.plan.outputs {
            let value = match change.action {
                Action::Delete => {
                    if self.plan.mode != PlanMode::Destroy || complete {
                        self.state.outputs.remove(&change.name);
                    }
                    continue;
                }
                _ => self.store.module(&root).and_then(|m| m.outputs.get(&change.name)).cloned(),
            };
            let Some(value) = value else { continue };
            let (bare, _) = value.unmark_deep();
            if !bare.is_wholly_known() {
                continue;
            }
            if bare.is_null() {
                self.state.outputs.remove(&change.name);
            } else {
                let output = OutputValue { ty: bare.ty(), value: bare, sensitive: value.is_sensitive() };
                self.state.outputs.insert(change.name.clone(), output);
            }
            outputs.insert(change.name.clone(), value);
        }
        self.state.check_results = self.store.results.to_json();
        let record = Record::Outputs(self.state.outputs.clone());
        self.record(record);
        Applied {
            state: self.state,
            done: self.done,
            failed,
            skipped,
            abandoned,
            left_behind,
            outputs,
            diagnostics: self.diagnostics,
        }
    }
}
