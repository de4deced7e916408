//! What runs beside the walk: planning again with what is known now, then the operation itself.

use std::sync::Arc;

use ferroform_core::{AttrPath, Diagnostics, Value};
use ferroform_lang::config::IgnoreChanges;
use ferroform_plan::Action;
use ferroform_provider::Provider;
use ferroform_state::journal::{self, Journal};

use super::instance::{InstanceOutcome, InstanceRequest, apply_instance};
use crate::compat;
use crate::planning::{InstanceInput, Prior, plan_instance};

/// An operation that is ready to begin.
pub(super) struct Operate {
    pub(super) request: InstanceRequest,
    /// The configuration with marks, the object there is and what does not count, if unknown values in configuration
    /// make it necessary to plan again.
    pub(super) replan: Option<(Value, Option<Prior>, IgnoreChanges)>,
    pub(super) journal: Arc<dyn Journal>,
}

/// How something that ran ended.
pub(super) enum Finished {
    /// The provider was asked.
    Operation(InstanceOutcome),
    /// There was nothing to do once all values were known.
    NoChange(Value),
    /// It was not begun.
    Rejected(Diagnostics),
    /// A data source was read: its value without marks, the sensitive paths, what went wrong.
    Read((Value, Vec<AttrPath>, Diagnostics)),
}

pub(super) async fn operate(operation: Operate) -> Finished {
    let Operate { mut request, replan, journal } = operation;
    if let Some((config, prior, ignore)) = replan {
        let ty = request.schema.block.implied_type();
        let input = InstanceInput {
            addr: &request.addr,
            provider: &*request.provider,
            schema: &request.schema,
            ty: &ty,
            config,
            prior: prior.as_ref(),
            ignore: &ignore,
            force_replace: None,
            create_before_destroy: request.create_before_destroy,
            again: true,
        };
        let (plan, mut diagnostics) = plan_instance(input).await;
        let Some(plan) = plan else { return Finished::Rejected(diagnostics) };
        let after = plan.after.unmark_deep().0;
        let mut paths = compat::deviations(&request.planned, &after);
        let allowed = match (request.action, plan.action) {
            (journal::Action::Update, Action::NoOp) if paths.is_empty() => {
                return Finished::NoChange(plan.after);
            }
            (journal::Action::Update, Action::Update) | (journal::Action::Create, Action::Create) => true,
            _ => false,
        };
        if !allowed && paths.is_empty() {
            paths = if plan.replace_paths.is_empty() { vec![AttrPath::root()] } else { plan.replace_paths };
        }
        if !paths.is_empty() {
            diagnostics.append(compat::inconsistent_final_plan(&request.addr, &paths));
            return Finished::Rejected(diagnostics);
        }
        request.planned = after;
        request.private = plan.private;
    }
    Finished::Operation(apply_instance(request, journal).await)
}

/// A data source to read.
pub(super) struct DataRead {
    pub(super) provider: Arc<dyn Provider>,
    pub(super) type_name: Arc<str>,
    pub(super) config: Value,
    pub(super) sensitive_paths: Vec<AttrPath>,
}

pub(super) async fn read_data(read: DataRead) -> (Value, Vec<AttrPath>, Diagnostics) {
    let mut found = read.provider.validate_data_source(&read.type_name, &read.config);
    if found.has_errors() {
        return (Value::null_dynamic(), read.sensitive_paths, found);
    }
    let (value, rest) = read.provider.read_data_source(&read.type_name, read.config).await;
    found.append(rest);
    (value, read.sensitive_paths, found)
}
