//! Faults: what a test makes go wrong, as data.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::world::{Command, Failure, Fate};

/// What goes wrong, when, and how often.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Method of the requests meant; any if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Path of the requests meant, without `/v1`; any if absent. A segment `*` or in braces stands for any one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// For [`FaultEffect::FailAction`]: the command of the actions meant; any if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// How many matching requests are let through first.
    #[serde(default)]
    pub skip: u64,
    /// How many are hit after those; 1 if absent, 0 for all. [`FaultEffect::SoldOut`] lasts until removed.
    #[serde(default = "one")]
    pub count: u64,
    /// What happens.
    pub effect: FaultEffect,
}

impl Fault {
    /// A fault that hits the next request, whatever it is. Set the fields to narrow it down.
    #[must_use]
    pub fn new(effect: FaultEffect) -> Self {
        Self { method: None, path: None, command: None, skip: 0, count: 1, effect }
    }
}

fn one() -> u64 {
    1
}

/// What a fault does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FaultEffect {
    /// The request is not executed but answered with this error.
    Answer {
        /// HTTP status.
        status: u16,
        /// Code of the error.
        code: String,
        /// Message of the error.
        #[serde(default)]
        message: String,
    },
    /// The connection is closed without an answer, after executing the request or instead of it.
    Drop {
        /// Whether the request is executed.
        execute: bool,
    },
    /// The request is executed, and its answer held back until the fault is released.
    Hold {},
    /// The request is executed, and its answer delayed by this much real time.
    Delay {
        /// Milliseconds.
        milliseconds: u64,
    },
    /// Actions that the request begins will fail.
    FailAction {
        /// Code of the action's error.
        code: String,
        /// Message of the action's error.
        message: String,
    },
    /// A server type is out of stock.
    SoldOut {
        /// Name of the type.
        server_type: String,
        /// Name of the location; all if absent.
        #[serde(default)]
        location: Option<String>,
    },
    /// The request is answered as if the project had used up its requests, and from then on it has.
    RateLimit {},
}

/// How often a fault was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultReport {
    /// How many requests or actions it meant.
    pub matched: u64,
    /// How many of them it hit.
    pub hits: u64,
    /// How many answers it holds now.
    pub held: usize,
}

/// Holds answers back until it is opened.
#[derive(Clone, Debug)]
pub(crate) struct Gate {
    open: watch::Sender<bool>,
    held: Arc<AtomicUsize>,
}

impl Gate {
    fn new() -> Self {
        Self { open: watch::Sender::new(false), held: Arc::default() }
    }

    /// Waits until the gate is open; whoever gives up waiting is no longer held.
    pub(crate) async fn wait(&self) {
        struct Held<'a>(&'a AtomicUsize);
        impl Drop for Held<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::Relaxed);
            }
        }
        self.held.fetch_add(1, Ordering::Relaxed);
        let _held = Held(&self.held);
        // It cannot be closed: this gate has a sender.
        let _ = self.open.subscribe().wait_for(|open| *open).await;
    }
}

#[derive(Debug)]
struct Armed {
    id: u64,
    fault: Fault,
    matched: u64,
    hits: u64,
    gate: Gate,
}

impl Armed {
    fn meets(&self, method: &str, path: &str) -> bool {
        self.fault.method.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
            && self.fault.path.as_deref().is_none_or(|pattern| matches_pattern(pattern, path))
    }

    /// Counts a match and says whether it is hit.
    fn strike(&mut self) -> bool {
        self.matched += 1;
        let hit = self.matched > self.fault.skip && (self.fault.count == 0 || self.hits < self.fault.count);
        self.hits += u64::from(hit);
        hit
    }

    fn sells_out(&self, wanted: &str, place: &str) -> bool {
        matches!(
            &self.fault.effect,
            FaultEffect::SoldOut { server_type, location }
                if server_type == wanted && location.as_deref().is_none_or(|location| location == place)
        )
    }

    fn report(&self) -> FaultReport {
        let held = self.gate.held.load(Ordering::Relaxed);
        FaultReport { matched: self.matched, hits: self.hits, held }
    }

    fn show(&self) -> Value {
        let FaultReport { matched, hits, held } = self.report();
        json!({"id": self.id, "fault": self.fault, "matched": matched, "hits": hits, "held": held})
    }
}

fn matches_pattern(pattern: &str, path: &str) -> bool {
    let (mut wanted, mut given) = (pattern.split('/'), path.split('/'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            (Some(wanted), Some(given)) if wanted == "*" || wanted.starts_with('{') || wanted == given => {}
            _ => return false,
        }
    }
}

/// What happens to one request.
#[derive(Clone, Debug)]
pub(crate) enum Strike {
    Answer { status: u16, code: String, message: String },
    Drop { execute: bool },
    Hold(Gate),
    Delay { milliseconds: u64 },
    RateLimit,
}

/// All faults that are set.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    armed: Vec<Armed>,
    last_id: u64,
}

impl Faults {
    pub(crate) fn add(&mut self, fault: Fault) -> u64 {
        self.last_id += 1;
        self.armed.push(Armed { id: self.last_id, fault, matched: 0, hits: 0, gate: Gate::new() });
        self.last_id
    }

    pub(crate) fn report(&self, id: u64) -> Option<FaultReport> {
        self.armed.iter().find(|armed| armed.id == id).map(Armed::report)
    }

    pub(crate) fn list(&self) -> Value {
        json!({"faults": self.armed.iter().map(Armed::show).collect::<Vec<_>>()})
    }

    pub(crate) fn show(&self, id: u64) -> Option<Value> {
        self.armed.iter().find(|armed| armed.id == id).map(Armed::show)
    }

    /// Lets go what the fault holds, now and from now on.
    pub(crate) fn release(&mut self, id: u64) -> Option<Value> {
        let armed = self.armed.iter().find(|armed| armed.id == id)?;
        armed.gate.open.send_replace(true);
        Some(armed.show())
    }

    /// Removes a fault and lets go what it holds.
    pub(crate) fn remove(&mut self, id: u64) -> bool {
        let before = self.armed.len();
        self.armed.retain(|armed| {
            if armed.id == id {
                armed.gate.open.send_replace(true);
            }
            armed.id != id
        });
        self.armed.len() < before
    }

    /// Removes all faults and lets go what they hold.
    pub(crate) fn clear(&mut self) {
        for armed in self.armed.drain(..) {
            armed.gate.open.send_replace(true);
        }
    }

    /// What happens to a request: the first fault that hits it.
    pub(crate) fn strike(&mut self, method: &str, path: &str) -> Option<Strike> {
        self.armed.iter_mut().find_map(|armed| {
            let strike = match &armed.fault.effect {
                FaultEffect::Answer { status, code, message } => {
                    Strike::Answer { status: *status, code: code.clone(), message: message.clone() }
                }
                FaultEffect::Drop { execute } => Strike::Drop { execute: *execute },
                FaultEffect::Hold {} => Strike::Hold(armed.gate.clone()),
                FaultEffect::Delay { milliseconds } => Strike::Delay { milliseconds: *milliseconds },
                FaultEffect::RateLimit {} => Strike::RateLimit,
                FaultEffect::FailAction { .. } | FaultEffect::SoldOut { .. } => return None,
            };
            (armed.meets(method, path) && armed.strike()).then_some(strike)
        })
    }

    /// The fate of what a request begins.
    pub(crate) fn fate<'a>(&'a mut self, method: &'a str, path: &'a str) -> RequestFate<'a> {
        RequestFate { faults: self, method, path }
    }
}

/// How the faults decide about actions of one request.
pub(crate) struct RequestFate<'a> {
    faults: &'a mut Faults,
    method: &'a str,
    path: &'a str,
}

impl Fate for RequestFate<'_> {
    fn failure(&mut self, command: Command) -> Option<Failure> {
        self.faults.armed.iter_mut().find_map(|armed| {
            let FaultEffect::FailAction { code, message } = &armed.fault.effect else { return None };
            let failure = Failure { code: code.clone(), message: message.clone() };
            let meant = armed.fault.command.as_deref().is_none_or(|wanted| wanted == command.as_str());
            (meant && armed.meets(self.method, self.path) && armed.strike()).then_some(failure)
        })
    }

    fn is_sold_out(&self, server_type: &str, location: &str) -> bool {
        self.faults.armed.iter().any(|armed| armed.sells_out(server_type, location))
    }

    fn sold_out(&mut self, server_type: &str, location: &str) -> bool {
        let hit = self.faults.armed.iter_mut().find(|armed| armed.sells_out(server_type, location));
        hit.map(|armed| armed.hits += 1).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(path: Option<&str>, skip: u64, count: u64) -> Fault {
        Fault {
            method: Some("POST".to_owned()),
            path: path.map(str::to_owned),
            command: None,
            skip,
            count,
            effect: FaultEffect::Drop { execute: true },
        }
    }

    #[test]
    fn a_fault_hits_the_requests_it_means_and_only_as_often_as_told() {
        for (pattern, path, meant) in [
            (Some("/servers/*/actions/poweron"), "/servers/12/actions/poweron", true),
            (Some("/servers/{id}/actions/poweron"), "/servers/12/actions/poweron", true),
            (Some("/servers/*"), "/servers/12/actions/poweron", false),
            (Some("/servers"), "/servers", true),
            (None, "/anything", true),
        ] {
            let mut faults = Faults::default();
            faults.add(fault(pattern, 1, 2));
            assert!(faults.strike("GET", path).is_none());
            let hits: Vec<bool> = (0..4).map(|_| faults.strike("POST", path).is_some()).collect();
            assert_eq!(hits, [false, meant, meant, false], "{pattern:?} {path}");
        }
    }

    #[test]
    fn faults_are_read_from_the_documented_json() {
        for (text, good) in [
            (r#"{"effect": {"answer": {"status": 503, "code": "unavailable"}}}"#, true),
            (r#"{"path": "/servers", "effect": {"hold": {}}}"#, true),
            (
                r#"{"command": "attach_volume", "effect": {"fail_action": {"code": "x", "message": "y"}}}"#,
                true,
            ),
            (r#"{"effect": {"sold_out": {"server_type": "cx23"}}, "count": 0}"#, true),
            (r#"{"effect": {"explode": {}}}"#, false),
            (r#"{"efect": {"hold": {}}}"#, false),
            (r#"{}"#, false),
        ] {
            assert_eq!(serde_json::from_str::<Fault>(text).is_ok(), good, "{text}");
        }
    }
}
