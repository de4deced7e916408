//! Events as lines of text.

use std::time::Duration;

use ferroform_core::Sources;
use ferroform_core::addr::ResourceInstance;
use ferroform_engine::events::{Event, Operation, Settlement};
use ferroform_plan::Action;

use super::under_way::{Name, Running, UnderWay};
use super::{Clock, Tell};
use crate::views::diagnostics;
use crate::views::style::{Paint, Style};
use crate::views::text::{counted, visible};

/// Longer ids are shown in part.
const ID_LENGTH: usize = 80;

/// Knows what is under way and words what happens.
pub(super) struct Teller {
    style: Style,
    running: UnderWay,
    /// Objects being read in batches.
    refreshing: usize,
    /// Operations of this run; none before that is known.
    planned: Option<usize>,
    finished: usize,
}

impl Tell for Teller {
    fn tell(&mut self, event: Event, clock: &dyn Clock) -> Vec<String> {
        self.line(event, clock.now(), true).into_iter().collect()
    }

    fn still(&mut self, clock: &dyn Clock) -> Vec<String> {
        let now = clock.now();
        let line = |(name, running): (&Name, &Running)| {
            let elapsed = seconds(now.saturating_sub(running.since));
            let doing = words(running.action).doing.to_lowercase();
            let id = running.id.as_ref().map(|id| format!("id={id}, ")).unwrap_or_default();
            self.style
                .paint(Paint::Bold, format!("{}: Still {doing}... [{id}{elapsed} elapsed]", shown(name)))
        };
        self.running.still(now).into_iter().map(line).collect()
    }
}

impl Teller {
    pub(super) fn new(style: Style) -> Self {
        Teller { style, running: UnderWay::default(), refreshing: 0, planned: None, finished: 0 }
    }

    /// The line for an event; beginnings only if `beginnings` are wanted.
    pub(super) fn line(&mut self, event: Event, now: Duration, beginnings: bool) -> Option<String> {
        match event {
            Event::RefreshStarted { objects } => {
                self.refreshing += objects;
                (beginnings && objects > 0)
                    .then(|| self.bold(format!("Refreshing state... [{}]", counted(objects, "object"))))
            }
            Event::RefreshDone { objects } => {
                self.refreshing = self.refreshing.saturating_sub(objects);
                None
            }
            Event::ReadStarted { addr } => {
                let operation = Operation { addr, deposed: None, action: Action::Read, id: None };
                self.start(operation, now).filter(|_| beginnings)
            }
            Event::ReadDone { addr, id } => {
                let id = id.map(Into::into);
                self.done(Operation { addr, deposed: None, action: Action::Read, id }, now)
            }
            Event::Settled { addr, outcome } => Some(self.settled(&addr, outcome)),
            Event::Imported { addr, id } => {
                let id = short_id(&id);
                Some(self.bold(format!("{addr}: Import complete [id={id}]")))
            }
            Event::ApplyPlanned { operations } => {
                self.planned = Some(operations);
                None
            }
            Event::OperationStarted(operation) => self.start(operation, now).filter(|_| beginnings),
            Event::OperationDone(operation) => {
                self.finished += 1;
                self.done(operation, now)
            }
            Event::OperationFailed(operation) => {
                self.finished += 1;
                self.failed(operation, now)
            }
            Event::Diagnostic(diagnostic) => {
                let text = diagnostics::render(&diagnostic, &Sources::new(), &self.style);
                Some(text.trim_end_matches('\n').to_owned())
            }
            Event::Stopping { running } => Some(self.stopping(running)),
        }
    }

    /// What is under way, the longest first, with the times.
    pub(super) fn under_way(&self, now: Duration) -> Vec<String> {
        let refreshing = (self.refreshing > 0)
            .then(|| self.bold(format!("Refreshing state... [{}]", counted(self.refreshing, "object"))));
        let operations = self.running.all().into_iter().map(|(name, running)| {
            let doing = words(running.action).doing;
            let elapsed = seconds(now.saturating_sub(running.since));
            format!(
                "{}: {doing}... {}",
                self.bold(shown(name)),
                self.style.paint(Paint::Dim, format!("[{elapsed}]"))
            )
        });
        refreshing.into_iter().chain(operations).collect()
    }

    /// How far the work is: `3/12`; empty while the number is not known.
    pub(super) fn count(&self) -> String {
        match self.planned {
            Some(planned) if planned > 0 => format!("{}/{planned}", self.finished.min(planned)),
            _ => String::new(),
        }
    }

    fn bold(&self, text: String) -> String {
        self.style.paint(Paint::Bold, text)
    }

    fn start(&mut self, operation: Operation, now: Duration) -> Option<String> {
        let id = operation.id.as_deref().map(short_id);
        let bracket = id.as_ref().map(|id| format!(" [id={id}]")).unwrap_or_default();
        let name = self.running.begin(&operation, id, now);
        Some(self.bold(format!("{}: {}...{bracket}", shown(&name), words(operation.action).doing)))
    }

    fn done(&mut self, operation: Operation, now: Duration) -> Option<String> {
        let deleted = operation.action == Action::Delete;
        let id = operation.id.as_deref().filter(|_| !deleted).map(short_id);
        let name = (operation.addr, operation.deposed);
        let elapsed = seconds(self.running.end(&name, now));
        let bracket = id.map(|id| format!(" [id={id}]")).unwrap_or_default();
        Some(self.bold(format!(
            "{}: {} complete after {elapsed}{bracket}",
            shown(&name),
            words(operation.action).done
        )))
    }

    fn failed(&mut self, operation: Operation, now: Duration) -> Option<String> {
        let name = (operation.addr, operation.deposed);
        let elapsed = seconds(self.running.end(&name, now));
        let line = format!("{}: {} failed after {elapsed}", shown(&name), words(operation.action).done);
        Some(self.style.paint(Paint::BoldRed, line))
    }

    fn settled(&self, addr: &ResourceInstance, outcome: Settlement) -> String {
        self.bold(format!("{}: {}", visible(&addr.to_string()), settled(outcome)))
    }

    fn stopping(&self, running: usize) -> String {
        let heading = self.style.paint(Paint::BoldYellow, "Stopping.");
        if running == 0 {
            return format!("\n{heading} Nothing new is begun.\n");
        }
        format!(
            "\n{heading} Nothing new is begun; waiting for {} under way.\nInterrupt again to stop waiting: the next run \
             then finds out what became of them.\n",
            counted(running, "operation")
        )
    }
}

/// How an operation that an earlier run left open has been settled.
pub(super) fn settled(outcome: Settlement) -> String {
    match outcome {
        Settlement::Adopted { id } => {
            let id = id.map(|id| format!(" [id={}]", short_id(&id))).unwrap_or_default();
            format!("Took over what an interrupted run had created{id}")
        }
        Settlement::NotDone => "An interrupted run had not done anything yet".to_owned(),
        Settlement::ReadAgain => "Read again after an interrupted run".to_owned(),
    }
}

/// What is said of an action while it goes on, and when it has ended.
pub(super) struct Words {
    pub doing: &'static str,
    pub done: &'static str,
}

pub(super) fn words(action: Action) -> Words {
    let (doing, done) = match action {
        Action::Create => ("Creating", "Creation"),
        Action::Update => ("Modifying", "Modifications"),
        Action::Delete => ("Destroying", "Destruction"),
        Action::Read => ("Reading", "Read"),
        Action::Forget => ("Forgetting", "Removal from state"),
        Action::DeleteThenCreate | Action::CreateThenDelete => ("Replacing", "Replacement"),
        Action::NoOp => ("Checking", "Check"),
    };
    Words { doing, done }
}

fn shown((addr, deposed): &Name) -> String {
    match deposed {
        Some(key) => format!("{addr} (deposed object {key})"),
        None => addr.to_string(),
    }
}

/// The id, without its middle if it is very long.
fn short_id(id: &str) -> String {
    let id = visible(id);
    let length = id.chars().count();
    if length <= ID_LENGTH {
        return id;
    }
    let half = (ID_LENGTH - 3) / 2;
    let head: String = id.chars().take(half).collect();
    let tail: String = id.chars().skip(length - half).collect();
    format!("{head}...{tail}")
}

/// A time in whole seconds: `12s`, `1m5s`, `2h0m1s`.
pub(super) fn seconds(time: Duration) -> String {
    let total = (time + Duration::from_millis(500)).as_secs();
    match (total / 3600, total / 60 % 60, total % 60) {
        (0, 0, s) => format!("{s}s"),
        (0, m, s) => format!("{m}m{s}s"),
        (h, m, s) => format!("{h}h{m}m{s}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_go_writes_them() {
        for (millis, expected) in
            [(0, "0s"), (499, "0s"), (500, "1s"), (59_400, "59s"), (60_000, "1m0s"), (3_661_000, "1h1m1s")]
        {
            assert_eq!(seconds(Duration::from_millis(millis)), expected);
        }
    }

    #[test]
    fn long_ids_lose_their_middle() {
        assert_eq!(short_id("42"), "42");
        let long: String = ('a'..='z').cycle().take(200).collect();
        let short = short_id(&long);
        assert!(
            short.chars().count() <= ID_LENGTH && short.starts_with("abc") && short.contains("..."),
            "{short}"
        );
    }
}
