//! Events as messages for programs.

use std::time::Duration;

use ferroform_core::Sources;
use ferroform_engine::events::{Event, Operation};
use ferroform_plan::Action;
use serde_json::{Map, Value as Json};

use super::lines::{Words, seconds, settled, words};
use super::under_way::{Name, Running, UnderWay};
use super::{Clock, Tell};
use crate::views::messages::{self, Message, action_name, resource};
use crate::views::text::counted;

/// Words what happens as messages.
#[derive(Default)]
pub(super) struct JsonTeller {
    running: UnderWay,
}

impl Tell for JsonTeller {
    fn tell(&mut self, event: Event, clock: &dyn Clock) -> Vec<String> {
        let now = clock.now();
        let message = match event {
            // Terraform tells of each object, reading one by one.
            Event::RefreshStarted { objects } if objects > 0 => {
                messages::log(&format!("Refreshing state... [{}]", counted(objects, "object")))
            }
            Event::RefreshStarted { .. } | Event::RefreshDone { .. } | Event::ApplyPlanned { .. } => {
                return Vec::new();
            }
            Event::ReadStarted { addr } => {
                self.begun(Operation { addr, deposed: None, action: Action::Read, id: None }, now)
            }
            Event::ReadDone { addr, id } => {
                let id = id.map(Into::into);
                self.ended("apply_complete", Operation { addr, deposed: None, action: Action::Read, id }, now)
            }
            Event::Settled { addr, outcome } => messages::log(&format!("{addr}: {}", settled(outcome))),
            Event::Imported { addr, id } => messages::log(&format!("{addr}: Import complete [id={id}]")),
            Event::OperationStarted(operation) => self.begun(operation, now),
            Event::OperationDone(operation) => self.ended("apply_complete", operation, now),
            Event::OperationFailed(operation) => self.ended("apply_errored", operation, now),
            Event::Diagnostic(diagnostic) => messages::diagnostic(&diagnostic, &Sources::new()),
            Event::Stopping { running: 0 } => messages::log("Stopping. Nothing new is begun."),
            Event::Stopping { running } => messages::log(&format!(
                "Stopping. Nothing new is begun; waiting for {} under way.",
                counted(running, "operation")
            )),
        };
        vec![message.line(&clock.moment())]
    }

    fn still(&mut self, clock: &dyn Clock) -> Vec<String> {
        let now = clock.now();
        let message = |(name, running): (&Name, &Running)| {
            let elapsed = now.saturating_sub(running.since);
            let doing = words_of(running.action).doing.to_lowercase();
            let id = running.id.as_ref().map(|id| format!("id={id}, ")).unwrap_or_default();
            let text = format!("{}: Still {doing}... [{id}{} elapsed]", name.0, seconds(elapsed));
            Message::info("apply_progress", text)
                .with("hook", hook(name, running.action, [("elapsed_seconds", whole(elapsed))]))
                .line(&clock.moment())
        };
        self.running.still(now).into_iter().map(message).collect()
    }
}

impl JsonTeller {
    fn begun(&mut self, operation: Operation, now: Duration) -> Message {
        let id = operation.id.as_deref().map(str::to_owned);
        let name = self.running.begin(&operation, id, now);
        let text = format!("{}: {}...{}", name.0, words_of(operation.action).doing, bracket(&operation));
        Message::info("apply_start", text).with("hook", hook(&name, operation.action, identified(&operation)))
    }

    fn ended(&mut self, kind: &'static str, mut operation: Operation, now: Duration) -> Message {
        let failed = kind == "apply_errored";
        // What is gone has no id.
        if failed || operation.action == Action::Delete {
            operation.id = None;
        }
        let name = (operation.addr.clone(), operation.deposed);
        let elapsed = self.running.end(&name, now);
        let text = format!(
            "{}: {} {} after {}{}",
            name.0,
            words_of(operation.action).done,
            if failed { "errored" } else { "complete" },
            seconds(elapsed),
            bracket(&operation)
        );
        let members = identified(&operation).into_iter().chain([("elapsed_seconds", whole(elapsed))]);
        Message::info(kind, text).with("hook", hook(&name, operation.action, members))
    }
}

/// Two words are others here than for people, as with Terraform.
fn words_of(action: Action) -> Words {
    match action {
        Action::Read => Words { doing: "Refreshing", done: "Refresh" },
        Action::Forget => Words { doing: "Removing", done: "Removal" },
        action => words(action),
    }
}

fn bracket(operation: &Operation) -> String {
    operation.id.as_ref().map(|id| format!(" [id={id}]")).unwrap_or_default()
}

fn identified(operation: &Operation) -> Vec<(&'static str, Json)> {
    operation.id.iter().flat_map(|id| [("id_key", "id".into()), ("id_value", (**id).into())]).collect()
}

fn whole(elapsed: Duration) -> Json {
    (elapsed.as_secs_f64().round() as u64).into()
}

fn hook(
    name: &Name,
    action: Action,
    members: impl IntoIterator<Item = (&'static str, Json)>,
) -> Map<String, Json> {
    let mut out = Map::new();
    out.insert("resource".into(), resource(&name.0));
    if let Some(key) = name.1 {
        out.insert("deposed".into(), key.to_string().into());
    }
    out.insert("action".into(), action_name(action).into());
    out.extend(members.into_iter().map(|(name, json)| (name.to_owned(), json)));
    out
}
