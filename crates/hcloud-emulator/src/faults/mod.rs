//! Faults: what a test makes go wrong, as data.

mod errors;
mod fault;
mod gate;
mod subject;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use serde_json::{Value, json};

pub use self::errors::ErrorKind;
use self::fault::Phase;
pub use self::fault::{Fault, FaultEffect, FaultError};
pub(crate) use self::gate::Gate;
pub(crate) use self::subject::Subject;
use crate::world::{Command, Course, Failure, Fate, Refusal};

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

#[derive(Debug)]
struct Armed {
    id: u64,
    fault: Fault,
    phase: Phase,
    matched: u64,
    hits: u64,
    gate: Gate,
    /// The projects whose tokens it revoked.
    revoked: BTreeSet<String>,
}

impl Armed {
    /// Counts a match, and gives the effect if it is hit.
    fn strike(&mut self) -> Option<&FaultEffect> {
        self.matched += 1;
        let Fault { skip, count, effect, .. } = &self.fault;
        let left = *count == 0 || self.hits < count.saturating_mul(effect.steps());
        if self.matched <= *skip || !left || !self.is_drawn() {
            return None;
        }
        self.hits += 1;
        Some(self.fault.effect.step(self.hits - 1))
    }

    /// Whether the present match is one of those that the probability picks.
    fn is_drawn(&self) -> bool {
        let Some(probability) = self.fault.probability else { return true };
        // 53 bits are what a float holds without rounding.
        const STEPS: f64 = (1_u64 << 53) as f64;
        ((draw(self.fault.seed, self.matched) >> 11) as f64) / STEPS < probability
    }

    fn sells_out(&self, wanted: &str, place: &str) -> bool {
        let meant = |name: &Option<String>, given: &str| name.as_deref().is_none_or(|name| name == given);
        matches!(
            &self.fault.effect,
            FaultEffect::SoldOut { server_type, location } if meant(server_type, wanted) && meant(location, place)
        )
    }

    fn report(&self) -> FaultReport {
        FaultReport { matched: self.matched, hits: self.hits, held: self.gate.held() }
    }

    fn show(&self) -> Value {
        let FaultReport { matched, hits, held } = self.report();
        json!({"id": self.id, "fault": self.fault, "matched": matched, "hits": hits, "held": held})
    }
}

/// The number that a seed has at a place: evenly spread, and without the numbers before it (SplitMix64; Steele, Lea and
/// Flood, "Fast splittable pseudorandom number generators", 2014).
fn draw(seed: u64, place: u64) -> u64 {
    let mut mixed = seed.wrapping_add(place.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// What happens to one request.
#[derive(Clone, Debug)]
pub(crate) enum Strike {
    Answer(Refusal),
    Drop {
        execute: bool,
    },
    TimeOut {
        execute: bool,
        gate: Gate,
        milliseconds: Option<u64>,
    },
    Hold(Gate),
    Delay {
        milliseconds: u64,
    },
    RateLimit,
    /// Its token is no good from now on.
    Revoked,
    JumpClock {
        milliseconds: u64,
    },
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
        let (id, phase) = (self.last_id, fault.effect.phase());
        let (gate, revoked) = (Gate::new(), BTreeSet::new());
        self.armed.push(Armed { id, fault, phase, matched: 0, hits: 0, gate, revoked });
        id
    }

    pub(crate) fn report(&self, id: u64) -> Option<FaultReport> {
        self.armed.iter().find(|armed| armed.id == id).map(Armed::report)
    }

    /// Each as JSON.
    pub(crate) fn list(&self) -> Vec<Value> {
        self.armed.iter().map(Armed::show).collect()
    }

    pub(crate) fn show(&self, id: u64) -> Option<Value> {
        self.armed.iter().find(|armed| armed.id == id).map(Armed::show)
    }

    /// Lets go what the fault holds, now and from now on.
    pub(crate) fn release(&mut self, id: u64) -> Option<Value> {
        let armed = self.armed.iter().find(|armed| armed.id == id)?;
        armed.gate.open();
        Some(armed.show())
    }

    /// Removes a fault and lets go what it holds.
    pub(crate) fn remove(&mut self, id: u64) -> bool {
        let before = self.armed.len();
        self.armed.retain(|armed| {
            if armed.id == id {
                armed.gate.open();
            }
            armed.id != id
        });
        self.armed.len() < before
    }

    /// Removes all faults and lets go what they hold.
    pub(crate) fn clear(&mut self) {
        for armed in self.armed.drain(..) {
            armed.gate.open();
        }
    }

    /// What happens to a request: the first fault that hits it with more than nothing. `project` is whose token it has,
    /// where that is known.
    pub(crate) fn strike(&mut self, subject: &Subject<'_>, project: Option<&str>) -> Option<Strike> {
        self.armed.iter_mut().filter(|armed| armed.phase == Phase::Request).find_map(|armed| {
            if !subject.is_meant_by(&armed.fault) {
                return None;
            }
            let gate = armed.gate.clone();
            let strike = match armed.strike()? {
                FaultEffect::Answer { status, code, message } => {
                    Strike::Answer(Refusal { status: *status, ..Refusal::new(code, message) })
                }
                FaultEffect::Error(kind) => Strike::Answer(kind.refusal(subject.path())),
                FaultEffect::Drop { execute } => Strike::Drop { execute: *execute },
                FaultEffect::TimeOut { execute, milliseconds } => {
                    Strike::TimeOut { execute: *execute, gate, milliseconds: *milliseconds }
                }
                FaultEffect::Hold {} => Strike::Hold(gate),
                FaultEffect::Delay { milliseconds } => Strike::Delay { milliseconds: *milliseconds },
                FaultEffect::RateLimit {} => Strike::RateLimit,
                FaultEffect::JumpClock { milliseconds } => Strike::JumpClock { milliseconds: *milliseconds },
                FaultEffect::RevokeToken {} => {
                    armed.revoked.extend(project.map(str::to_owned));
                    Strike::Revoked
                }
                // These are no effects on requests; none is found in a fault of this phase but for `pass`.
                FaultEffect::Pass {}
                | FaultEffect::FailAction { .. }
                | FaultEffect::Stall {}
                | FaultEffect::Slow { .. }
                | FaultEffect::SoldOut { .. }
                | FaultEffect::Script(_) => return None,
            };
            Some(strike)
        })
    }

    /// Whether a project's token is no good any more.
    pub(crate) fn is_revoked(&self, project: &str) -> bool {
        self.armed.iter().any(|armed| armed.revoked.contains(project))
    }

    /// The fate of what a request begins.
    pub(crate) fn fate(&mut self, subject: &Subject<'_>) -> RequestFate<'_> {
        let actions = |armed: &&Armed| armed.phase == Phase::Action && subject.is_meant_by(&armed.fault);
        let meant = self.armed.iter().filter(actions).map(|armed| armed.id).collect();
        RequestFate { faults: self, meant }
    }

    /// The fate of what begins without a request.
    pub(crate) fn fate_of_time(&mut self) -> RequestFate<'_> {
        self.fate(&Subject::default())
    }
}

/// How the faults decide about actions of one request.
pub(crate) struct RequestFate<'a> {
    faults: &'a mut Faults,
    /// The faults that mean the request.
    meant: Vec<u64>,
}

impl Fate for RequestFate<'_> {
    fn course(&mut self, command: Command) -> Course {
        let Self { faults, meant } = self;
        let mut meant = faults.armed.iter_mut().filter(|armed| meant.contains(&armed.id));
        let course = meant.find_map(|armed| {
            if armed.fault.command.as_deref().is_some_and(|wanted| wanted != command.as_str()) {
                return None;
            }
            let id = armed.id;
            match armed.strike()? {
                FaultEffect::FailAction { code, message } => {
                    Some(Course::Fails(Failure { code: code.clone(), message: message.clone() }))
                }
                FaultEffect::Stall {} => Some(Course::Stalls(id)),
                FaultEffect::Slow { factor, milliseconds } => {
                    Some(Course::Slow { factor: *factor, milliseconds: *milliseconds })
                }
                _ => None,
            }
        });
        course.unwrap_or(Course::Usual)
    }

    fn is_stalled(&self, fault: u64) -> bool {
        self.faults.armed.iter().any(|armed| armed.id == fault && !armed.gate.is_open())
    }

    fn is_sold_out(&self, server_type: &str, location: &str) -> bool {
        self.faults.armed.iter().any(|armed| armed.sells_out(server_type, location))
    }

    fn sold_out(&mut self, server_type: &str, location: &str) -> bool {
        let hit = self.faults.armed.iter_mut().find(|armed| armed.sells_out(server_type, location));
        hit.map(|armed| armed.hits += 1).is_some()
    }

    fn location_sold_out(&mut self, location: &str) -> bool {
        let hit = self.faults.armed.iter_mut().find(|armed| match &armed.fault.effect {
            FaultEffect::SoldOut { server_type: None, location: Some(place) } => place == location,
            _ => false,
        });
        hit.map(|armed| armed.hits += 1).is_some()
    }
}
