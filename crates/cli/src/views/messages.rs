//! A run as messages for programs: an object of JSON a line, in the form that Terraform documents as "Machine-Readable UI",
//! version 1.2. What has no form there is a message of the type `log`.

use std::collections::BTreeMap;
use std::sync::Arc;

use ferroform_core::addr::ResourceInstance;
use ferroform_core::{Diagnostic, Sources};
use ferroform_engine::applying::Done;
use ferroform_plan::json::action_reason;
use ferroform_plan::{Action, ActionReason, Counts, OutputChange, Plan, ResourceChange};
use ferroform_state::{OutputValue, TERRAFORM_VERSION};
use serde_json::{Map, Value as Json, json};

use super::diagnostics;
use super::outputs::output_json;
use super::plan::render_counts;
use super::progress::last_word;
use super::state::key_json;

/// The version of the form.
const FORM: &str = "1.2";
/// Who speaks; programs tell lines of this form from others by it.
const MODULE: &str = "terraform.ui";

/// One message, but for the moment of its writing.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Message {
    level: &'static str,
    text: String,
    kind: &'static str,
    members: Map<String, Json>,
}

impl Message {
    /// Something that is neither a warning nor an error, with a sentence for people.
    pub(super) fn info(kind: &'static str, text: impl Into<String>) -> Self {
        Message { level: "info", text: text.into(), kind, members: Map::new() }
    }

    pub(super) fn with(mut self, name: &str, value: impl Into<Json>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// The line, with the moment of its writing in RFC 3339.
    pub(crate) fn line(self, moment: &str) -> String {
        let mut out = Map::new();
        out.insert("@level".into(), self.level.into());
        out.insert("@message".into(), self.text.into());
        out.insert("@module".into(), MODULE.into());
        out.insert("@timestamp".into(), moment.into());
        out.extend(self.members);
        out.insert("type".into(), self.kind.into());
        Json::Object(out).to_string()
    }
}

/// The first message: who speaks which form.
pub(crate) fn version() -> Message {
    let ours = env!("CARGO_PKG_VERSION");
    Message::info("version", format!("Ferroform {ours}"))
        .with("ferroform", ours)
        .with("terraform", TERRAFORM_VERSION)
        .with("ui", FORM)
}

/// What is only told to people elsewhere.
pub(crate) fn log(text: &str) -> Message {
    Message::info("log", text.trim())
}

/// What is wrong.
pub(crate) fn diagnostic(diagnostic: &Diagnostic, sources: &Sources) -> Message {
    let (level, word) = if diagnostic.is_error() { ("error", "Error") } else { ("warn", "Warning") };
    let message = Message::info("diagnostic", format!("{word}: {}", diagnostic.summary));
    Message { level, ..message }.with("diagnostic", diagnostics::to_json(diagnostic, sources))
}

/// A plan: what was found changed, what will change, how many that is, and what becomes of the outputs.
pub(crate) fn planned(plan: &Plan) -> Vec<Message> {
    let drift = plan.drift.iter().filter(|change| change.action != Action::NoOp).map(|change| {
        let action = action_name(change.action);
        Message::info("resource_drift", format!("{}: Drift detected ({action})", change.addr))
            .with("change", told(change, plan, action))
    });
    let counts = plan.counts();
    let summary = summary(format!("Plan: {}", render_counts(counts)), counts, "plan");
    let outputs = (!plan.outputs.is_empty()).then(|| {
        let outputs: Map<String, Json> =
            plan.outputs.iter().map(|output| (output.name.to_string(), planned_output(output))).collect();
        outputs_message(outputs)
    });
    drift.chain(changes(plan).map(|(_, message)| message)).chain([summary]).chain(outputs).collect()
}

/// A plan that was shown when it was saved, and is about to be applied: what will change. Objects that only get another address
/// or come under management are not among it.
pub(crate) fn begun(plan: &Plan) -> Vec<Message> {
    changes(plan).filter(|(change, _)| change.action != Action::NoOp).map(|(_, message)| message).collect()
}

/// What `apply` or `destroy` came to, and the outputs after the former.
pub(crate) fn applied(done: Done, destroy: bool, outputs: &BTreeMap<Arc<str>, OutputValue>) -> Vec<Message> {
    let counts =
        Counts { import: done.imported, add: done.added, change: done.changed, destroy: done.destroyed };
    let summary = summary(last_word(done, destroy), counts, if destroy { "destroy" } else { "apply" });
    let outputs = (!destroy).then(|| {
        let outputs = outputs.iter().map(|(name, output)| {
            let mut json = output_json(output, true);
            if output.sensitive
                && let Some(members) = json.as_object_mut()
            {
                members.remove("value");
            }
            (name.to_string(), json)
        });
        outputs_message(outputs.collect())
    });
    [summary].into_iter().chain(outputs).collect()
}

/// An object by all its names.
pub(super) fn resource(addr: &ResourceInstance) -> Json {
    let within = ResourceInstance { module: Default::default(), ..addr.clone() };
    json!({
        "addr": addr.to_string(),
        "module": addr.module.to_string(),
        "resource": within.to_string(),
        "implied_provider": addr.resource.implied_provider(),
        "resource_type": &*addr.resource.type_name,
        "resource_name": &*addr.resource.name,
        "resource_key": addr.key.as_ref().map(key_json),
    })
}

/// An action by its name; a replacement is one action, in whichever order.
pub(super) fn action_name(action: Action) -> &'static str {
    match action {
        Action::NoOp => "noop",
        Action::Create => "create",
        Action::Read => "read",
        Action::Update => "update",
        Action::DeleteThenCreate | Action::CreateThenDelete => "replace",
        Action::Delete => "delete",
        Action::Forget => "remove",
    }
}

/// What will change, with its messages.
fn changes(plan: &Plan) -> impl Iterator<Item = (&ResourceChange, Message)> {
    plan.changes.iter().filter_map(|change| {
        let action = match change.action {
            Action::NoOp if plan.moved_from(&change.addr).is_some() => "move",
            Action::NoOp if plan.imports.contains_key(&change.addr) => "import",
            Action::NoOp => return None,
            Action::Delete if !change.is_managed() => return None,
            action => action_name(action),
        };
        let message = Message::info("planned_change", format!("{}: Plan to {action}", change.addr));
        Some((change, message.with("change", told(change, plan, action))))
    })
}

fn told(change: &ResourceChange, plan: &Plan, action: &str) -> Json {
    let mut out = Map::new();
    out.insert("resource".into(), resource(&change.addr));
    if let Some(from) = plan.moved_from(&change.addr) {
        out.insert("previous_resource".into(), resource(from));
    }
    out.insert("action".into(), action.into());
    if let Some(reason) = change.reason.and_then(reason_name) {
        out.insert("reason".into(), reason.into());
    }
    if let Some(id) = plan.imports.get(&change.addr) {
        out.insert("importing".into(), json!({ "id": &**id }));
    }
    Json::Object(out)
}

/// The reasons of replacements have names of their own here.
fn reason_name(reason: ActionReason) -> Option<&'static str> {
    match reason {
        ActionReason::Tainted => Some("tainted"),
        ActionReason::ReplaceByRequest => Some("requested"),
        ActionReason::ReplaceByTriggers => Some("replace_triggered_by"),
        ActionReason::CannotUpdate => Some("cannot_update"),
        reason => action_reason(reason),
    }
}

fn summary(text: String, counts: Counts, operation: &str) -> Message {
    let Counts { import, add, change, destroy } = counts;
    Message::info("change_summary", text).with(
        "changes",
        json!({ "add": add, "change": change, "import": import, "remove": destroy, "operation": operation }),
    )
}

fn planned_output(output: &OutputChange) -> Json {
    let sensitive = output.before.is_sensitive() || output.after.is_sensitive();
    json!({ "sensitive": sensitive, "action": action_name(output.action) })
}

fn outputs_message(outputs: Map<String, Json>) -> Message {
    Message::info("outputs", format!("Outputs: {}", outputs.len())).with("outputs", outputs)
}
