//! Applying one resource instance, apart from the walk over the graph: record the intent, act, record the result.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use async_trait::async_trait;
use ferroform_core::addr::{ConfigResource, ProviderConfig, ResourceInstance};
use ferroform_core::schema::Schema;
use ferroform_core::{AttrPath, Diagnostic, Diagnostics, Value, wire};
use ferroform_provider::{ApplyRequest, ApplyResponse, CheckpointSink, Effects, Provider};
use ferroform_state::journal::{self, Change, Intent, Journal, Record};
use ferroform_state::{DeposedKey, Object, ObjectStatus, RawJson};
use futures_util::FutureExt;

use crate::{compat, objects};

/// One creation, update or deletion.
pub struct InstanceRequest {
    /// The instance.
    pub addr: ResourceInstance,
    /// The deposed object meant, rather than the current one.
    pub deposed: Option<DeposedKey>,
    /// What kind of operation it is.
    pub action: journal::Action,
    /// Its provider, configured.
    pub provider: Arc<dyn Provider>,
    /// That provider's configuration.
    pub provider_config: ProviderConfig,
    /// The schema of its type.
    pub schema: Arc<Schema>,
    /// The object there is, without marks; null to create.
    pub prior: Value,
    /// That object as the state has it.
    pub prior_object: Option<Arc<Object>>,
    /// The object to make of it, without marks; null to delete.
    pub planned: Value,
    /// The configuration, without marks; null to delete.
    pub config: Value,
    /// The paths that configuration made sensitive.
    pub sensitive_paths: Vec<AttrPath>,
    /// The provider's own data.
    pub private: Vec<u8>,
    /// What the new object needs.
    pub dependencies: Vec<ConfigResource>,
    /// A replacement of the new object comes before its deletion.
    pub create_before_destroy: bool,
}

/// How the operation ended.
pub struct InstanceOutcome {
    /// What became of the state; already in the journal.
    pub changes: Vec<Change>,
    /// The object as it is now, without marks; null when there is none.
    pub value: Value,
    /// What went wrong.
    pub diagnostics: Diagnostics,
    /// How a creation ended is not known: its operation stays open in the journal, for the next run to settle.
    pub open: bool,
}

/// Carries out one operation. The intent is on disk before the provider is asked, the result before this returns.
pub async fn apply_instance(request: InstanceRequest, journal: Arc<dyn Journal>) -> InstanceOutcome {
    let op = journal.next_op();
    let effects = request.provider.effects(&request.addr.resource.type_name);
    let not_before = match (request.action, effects) {
        (journal::Action::Create, Effects::Objects) => request.provider.remote_time().await,
        _ => Ok(None),
    };
    let not_before = match not_before {
        Ok(time) => time,
        Err(diagnostic) => return unchanged(&request, diagnostic),
    };
    let record = match intent(&request, op, not_before) {
        Ok(record) => record,
        Err(diagnostic) => return unchanged(&request, diagnostic),
    };
    if let Err(error) = append(&journal, record, effects).await {
        return unchanged(&request, journal_error(&request.addr, "Nothing was done", &error));
    }
    let sink = Checkpoints { journal: journal.clone(), op, addr: request.addr.to_string(), effects };
    let ask = ApplyRequest {
        type_name: request.addr.resource.type_name.clone(),
        prior: request.prior.clone(),
        planned: request.planned.clone(),
        config: request.config.clone(),
        private: request.private.clone(),
    };
    let answer = AssertUnwindSafe(request.provider.apply_resource(ask, &sink)).catch_unwind().await;
    let mut response = answer.unwrap_or_else(|panic| panicked(&request, panic.as_ref()));
    if request.action == journal::Action::Create && !response.state.is_known() {
        return undecided(&request, response.diagnostics);
    }
    let changes = state_changes(&request, &mut response);
    let result = Record::Result { op, changes: changes.clone() };
    if let Err(error) = append(&journal, result, effects).await {
        let what = "It was done, and will be found by the next run";
        response.diagnostics.push(journal_error(&request.addr, what, &error));
    }
    InstanceOutcome { changes, value: response.state, diagnostics: response.diagnostics, open: false }
}

fn unchanged(request: &InstanceRequest, diagnostic: Diagnostic) -> InstanceOutcome {
    let (value, diagnostics) = (request.prior.clone(), diagnostic.into());
    InstanceOutcome { changes: Vec::new(), value, diagnostics, open: false }
}

/// Nobody knows how the creation ended: the operation stays open in the journal, and is settled by the next run.
fn undecided(request: &InstanceRequest, mut diagnostics: Diagnostics) -> InstanceOutcome {
    if !diagnostics.has_errors() {
        diagnostics.append(compat::inconsistent_result(&request.addr, &[AttrPath::root()]));
    }
    InstanceOutcome { changes: Vec::new(), value: request.prior.clone(), diagnostics, open: true }
}

fn intent(request: &InstanceRequest, op: u64, not_before: Option<i64>) -> Result<Record, Diagnostic> {
    let marked = request
        .planned
        .clone()
        .with_marks_at_paths(&request.sensitive_paths, ferroform_core::Marks::SENSITIVE);
    Ok(Record::Intent(Box::new(Intent {
        op,
        address: request.addr.clone(),
        deposed: request.deposed,
        action: request.action,
        provider: request.provider_config.clone(),
        schema_version: request.schema.version,
        planned: RawJson::from_value(&wire::encode(&marked)),
        prior: request.prior_object.as_deref().cloned(),
        private: request.private.clone(),
        not_before,
        dependencies: request.dependencies.clone(),
        create_before_destroy: request.create_before_destroy,
    })))
}

/// Adds a record; one whose loss would do no harm is not waited for.
async fn append(journal: &Arc<dyn Journal>, record: Record, effects: Effects) -> std::io::Result<()> {
    if effects == Effects::None {
        return journal.append_lazy(&record);
    }
    let journal = journal.clone();
    tokio::task::spawn_blocking(move || journal.append(&record))
        .await
        .unwrap_or_else(|error| Err(std::io::Error::other(error)))
}

fn journal_error(addr: &ResourceInstance, what: &str, error: &std::io::Error) -> Diagnostic {
    Diagnostic::error("Journal could not be written")
        .detail(format!(
            "The operation on {addr} could not be recorded in the operations journal: {error}. {what}. Every operation is \
             recorded before it begins and after it ends, so that a crash loses nothing; so none is begun without."
        ))
        .address(addr.to_string())
        .hint("Make room on the disk, or mend its permissions, and run again.")
}

fn panicked(request: &InstanceRequest, panic: &(dyn std::any::Any + Send)) -> ApplyResponse {
    let text = panic
        .downcast_ref::<&str>()
        .map(|s| (*s).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned());
    let (state, kept) = match request.action {
        journal::Action::Create => (
            Value::unknown(request.planned.ty()),
            "Whether the object was created is found out by the next run.",
        ),
        _ => (request.prior.clone(), "The object is kept in the state as it was known before."),
    };
    let diagnostic = Diagnostic::error("Provider failed unexpectedly")
        .detail(format!(
            "The provider panicked while working on {}: {text}. This is a bug in the provider. {kept}",
            request.addr
        ))
        .address(request.addr.to_string());
    ApplyResponse { state, private: request.private.clone(), diagnostics: diagnostic.into() }
}

/// What an answer makes of the state. Adds diagnostics for answers that are not what was planned.
fn state_changes(request: &InstanceRequest, response: &mut ApplyResponse) -> Vec<Change> {
    let (address, provider) = (request.addr.clone(), request.provider_config.clone());
    let failed = response.diagnostics.has_errors();
    if response.state.is_null() {
        if !failed && request.action != journal::Action::Delete {
            let missing = [AttrPath::root()];
            response.diagnostics.append(compat::inconsistent_result(&request.addr, &missing));
        }
        return match (request.action, request.deposed) {
            (journal::Action::Create, None) => Vec::new(),
            (_, None) => vec![Change::RemoveCurrent { address }],
            (_, Some(key)) => vec![Change::RemoveDeposed { address, key }],
        };
    }
    if !failed && request.action == journal::Action::Delete {
        response.diagnostics.push(
            Diagnostic::error("Provider returned an object after deletion")
                .detail(format!("The provider says that {} still exists after it was deleted.", request.addr))
                .address(request.addr.to_string()),
        );
    }
    if !failed {
        if !response.state.is_wholly_known() {
            response.diagnostics.push(
                Diagnostic::error("Provider returned an object with unknown values")
                    .detail(format!("After an operation on {} every value must be known.", request.addr))
                    .address(request.addr.to_string()),
            );
            response.state = response.state.unknown_as_null();
        }
        let deviations = compat::deviations(&request.planned, &response.state);
        let strict = !request.provider.legacy_type_system(&request.addr.resource.type_name);
        if request.action != journal::Action::Delete && strict {
            response.diagnostics.append(compat::inconsistent_result(&request.addr, &deviations));
        }
    } else if !response.state.is_wholly_known() {
        response.state = response.state.unknown_as_null();
    }
    let was_tainted = request.prior_object.as_ref().is_some_and(|o| o.is_tainted());
    let tainted = match request.action {
        journal::Action::Create => failed,
        journal::Action::Update | journal::Action::Delete => was_tainted,
    };
    let status = if tainted { ObjectStatus::Tainted } else { ObjectStatus::Ready };
    let paths = request.sensitive_paths.clone();
    match objects::encode(&response.state, &request.schema, paths, status, response.private.clone()) {
        Ok(object) => {
            let keeps_prior = request.action == journal::Action::Delete;
            let (dependencies, create_before_destroy) = match &request.prior_object {
                Some(prior) if keeps_prior => (prior.dependencies.clone(), prior.create_before_destroy),
                // Half changed, it may still hang on what it needed before: that must not go away first.
                Some(prior) if failed => {
                    let mut both = [&prior.dependencies[..], &request.dependencies[..]].concat();
                    both.sort_by_cached_key(ToString::to_string);
                    both.dedup();
                    (both, request.create_before_destroy)
                }
                _ => (request.dependencies.clone(), request.create_before_destroy),
            };
            let object = Object { dependencies, create_before_destroy, ..object };
            vec![match request.deposed {
                Some(key) => Change::SetDeposed { address, key, provider, object },
                None => Change::SetCurrent { address, provider, object },
            }]
        }
        Err(diagnostic) => {
            response.diagnostics.push(diagnostic.address(request.addr.to_string()));
            Vec::new()
        }
    }
}

struct Checkpoints {
    journal: Arc<dyn Journal>,
    op: u64,
    addr: String,
    effects: Effects,
}

#[async_trait]
impl CheckpointSink for Checkpoints {
    async fn checkpoint(&self, identity: Value) -> Result<(), Diagnostic> {
        let (identity, _) = identity.unmark_deep();
        let record =
            Record::Checkpoint { op: self.op, identity: RawJson::from_value(&wire::encode(&identity)) };
        append(&self.journal, record, self.effects).await.map_err(|error| {
            Diagnostic::error("Journal could not be written").detail(format!(
                "The identity of the new object {} could not be recorded: {error}.",
                self.addr
            ))
        })
    }
}
