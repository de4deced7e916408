//! How operations begin.

use ferroform_core::Value;
use ferroform_core::addr::ResourceMode;
use ferroform_lang::eval::decode_body;
use ferroform_plan::{Action, ResourceChange, StepId};
use ferroform_state::DeposedKey;
use ferroform_state::journal::{self, Change, Record};
use futures_util::future::BoxFuture;

use super::Applier;
use crate::applying::instance::InstanceRequest;
use crate::applying::operation::{DataRead, Finished, Operate, operate, read_data};
use crate::checks::Kind;
use crate::evaluate::conditions;
use crate::events::{Event, Operation};
use crate::objects;
use crate::planning::{Prior, resolve, sensitive_paths};
use crate::store::Repetition;

impl<'a> Applier<'a> {
    /// Begins a creation, update or reading. None if it failed at once.
    pub(super) fn begin_apply(
        &mut self,
        id: StepId,
        index: usize,
    ) -> Option<BoxFuture<'a, (StepId, Finished)>> {
        let plan = self.plan;
        let change = &plan.changes[index];
        let block = self.block(change)?;
        let (provider, schema) = self.ready_provider(change)?;
        let expansion = self.expansion(&change.addr.resource(), block)?;
        let repetition = Repetition::of(&expansion, change.addr.key.as_ref());
        let scope = self.store.scope(&change.addr.module).with_repetition(repetition);
        let preconditions = &block.lifecycle.preconditions;
        let (mut found, tested) = conditions(preconditions, &scope, "Resource precondition failed");
        let value = found.take(decode_body(&block.body, &schema.block, &scope));
        self.store.results.begin_object(Kind::Resource, &change.addr.config(), &change.addr);
        self.store.report_resource(&change.addr, preconditions, tested);
        let failed = found.has_errors();
        found.into_iter().for_each(|d| self.diagnostics.push(resolve(d, None, Some(&change.addr))));
        if failed {
            return None;
        }
        let journal = self.input.journal.clone();
        let operation = operation_of(change, None);
        self.input.events.emit(Event::OperationStarted(operation));
        if change.addr.resource.mode == ResourceMode::Data {
            let (config, marks) = value.unmark_deep();
            let read = DataRead {
                provider,
                type_name: change.addr.resource.type_name.clone(),
                config,
                sensitive_paths: sensitive_paths(&marks),
            };
            return Some(Box::pin(async move { (id, Finished::Read(read_data(read).await)) }));
        }
        let mut prior_object = None;
        let mut prior = None;
        if change.action == Action::Update {
            prior_object = self.state.current(&change.addr).cloned();
            prior = prior_object.clone().map(|object| Prior { value: change.before.unmark_deep().0, object });
        }
        if change.action == Action::CreateThenDelete
            && let Some(key) = self.depose(change)
        {
            self.deposed.insert(index, key);
        }
        let (config_value, marks) = value.unmark_deep();
        let request = InstanceRequest {
            addr: change.addr.clone(),
            deposed: None,
            action: if change.action == Action::Update {
                journal::Action::Update
            } else {
                journal::Action::Create
            },
            provider,
            provider_config: change.provider.clone(),
            prior: prior
                .as_ref()
                .map_or_else(|| Value::null(schema.block.implied_type()), |p| p.value.clone()),
            schema,
            prior_object,
            planned: change.after.unmark_deep().0,
            config: config_value,
            sensitive_paths: sensitive_paths(&marks),
            private: change.private.clone(),
            dependencies: change.dependencies.clone(),
            create_before_destroy: change.create_before_destroy,
        };
        let replan = change.config_unknown.then(|| (value, prior, block.lifecycle.ignore_changes.clone()));
        let operation = Operate { request, replan, journal };
        Some(Box::pin(async move { (id, operate(operation).await) }))
    }

    /// The old object makes room for the new one.
    fn depose(&mut self, change: &ResourceChange) -> Option<DeposedKey> {
        let key = self.state.depose(&change.addr)?;
        let moved = Change::Depose { address: change.addr.clone(), key };
        self.record(Record::Changes(vec![moved]));
        Some(key)
    }

    /// Begins a deletion. None if it failed at once or there is nothing to delete.
    pub(super) fn begin_destroy(
        &mut self,
        id: StepId,
        index: usize,
    ) -> Option<BoxFuture<'a, (StepId, Finished)>> {
        let plan = self.plan;
        let change = &plan.changes[index];
        let deposed = match change.action {
            Action::CreateThenDelete => Some(*self.deposed.get(&index)?),
            _ => change.deposed,
        };
        let object = match deposed {
            Some(key) => self.state.deposed(&change.addr, key).cloned(),
            None => self.state.current(&change.addr).cloned(),
        }?;
        if change.action == Action::Forget {
            // Nothing is done to the object, so that there is nobody to be asked.
            let address = change.addr.clone();
            let gone = match deposed {
                Some(key) => Change::RemoveDeposed { address, key },
                None => Change::RemoveCurrent { address },
            };
            gone.apply(&mut self.state);
            self.record(Record::Changes(vec![gone]));
            return None;
        }
        let (provider, schema) = self.ready_provider(change)?;
        self.input.events.emit(Event::OperationStarted(operation_of(change, Some(deposed))));
        let null = Value::null(schema.block.implied_type());
        let request = InstanceRequest {
            addr: change.addr.clone(),
            deposed,
            action: journal::Action::Delete,
            provider,
            provider_config: change.provider.clone(),
            schema,
            prior: change.before.unmark_deep().0,
            sensitive_paths: object.sensitive_paths.clone(),
            prior_object: Some(object),
            planned: null.clone(),
            config: null,
            private: change.private.clone(),
            dependencies: change.prior_dependencies.clone(),
            create_before_destroy: change.create_before_destroy,
        };
        let operation = Operate { request, replan: None, journal: self.input.journal.clone() };
        Some(Box::pin(async move { (id, operate(operation).await) }))
    }
}

/// What events call an operation. `destroying` holds the deposed object's key, if it is one, for deletions.
pub(super) fn operation_of(change: &ResourceChange, destroying: Option<Option<DeposedKey>>) -> Operation {
    let action = match (destroying.is_some(), change.action) {
        (true, _) => Action::Delete,
        (false, Action::DeleteThenCreate | Action::CreateThenDelete) => Action::Create,
        (false, action) => action,
    };
    let known = matches!(action, Action::Update | Action::Delete);
    let id = known.then(|| objects::id_of(&change.before)).flatten().map(Into::into);
    Operation { addr: change.addr.clone(), deposed: destroying.flatten(), action, id }
}
