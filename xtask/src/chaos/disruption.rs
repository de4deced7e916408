//! What goes wrong in a run, drawn before it begins: faults of the cloud, and where the program is killed.

use serde_json::{Value, json};

use super::model::Work;
use crate::random::Random;

/// Where a run of the program is killed. Counted in requests or records, never in time, so that it can be met again.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kill {
    /// While the cloud holds back the answer to a request, executed or not, after so many requests of this method (of
    /// any method if there is none).
    Held { method: Option<&'static str>, after: usize, executed: bool },
    /// By itself, at a failpoint of its n-th operation. Debug builds only.
    Point { window: &'static str, nth: usize },
}

impl Kill {
    /// The windows of `FERROFORM_FAILPOINT`.
    const WINDOWS: [&str; 6] = [
        "before-intent",
        "after-intent",
        "before-checkpoint",
        "after-checkpoint",
        "before-result",
        "after-result",
    ];

    fn random(random: &mut Random, work: Work, failpoints: bool) -> Self {
        if random.percent(25) {
            let window = random.pick(&Self::WINDOWS).copied().unwrap_or("before-result");
            let most = if window.ends_with("checkpoint") { work.created } else { work.all() };
            let nth = random.between(1, most.max(1));
            // Drawn either way, so that a seed means the same stack with and without failpoints.
            if failpoints {
                return Kill::Point { window, nth };
            }
        }
        let (method, most) = requests(random, work);
        Kill::Held { method, after: random.below(most), executed: random.percent(60) }
    }

    /// The fault that holds the request, for the cloud.
    pub(super) fn fault(&self) -> Option<Value> {
        let Kill::Held { method, after, executed } = self else { return None };
        let effect = if *executed { json!({"hold": {}}) } else { json!({"time_out": {"execute": false}}) };
        Some(fault(*method, *after, 1, effect))
    }
}

impl std::fmt::Display for Kill {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Kill::Held { method, after, executed } => {
                let when = if *executed { "after" } else { "before" };
                write!(f, "{} {} {when} its effect", method.unwrap_or("any"), after + 1)
            }
            Kill::Point { window, nth } => write!(f, "{window} {nth}"),
        }
    }
}

/// A method, and about how many requests of it the work needs; at least 1.
fn requests(random: &mut Random, work: Work) -> (Option<&'static str>, usize) {
    let by_method = [
        (Some("POST"), work.created),
        (Some("PUT"), work.changed),
        (Some("DELETE"), work.removed),
        // Objects are read when they are done, and actions while they run.
        (Some("GET"), work.all()),
        (None, 2 * work.all()),
    ];
    let mut at = random.below(by_method.iter().map(|(_, most)| most).sum());
    for (method, most) in by_method {
        if at < most {
            return (method, most);
        }
        at -= most;
    }
    (None, 1)
}

fn fault(method: Option<&str>, skip: usize, count: usize, effect: Value) -> Value {
    let mut fault = json!({"skip": skip, "count": count, "effect": effect});
    if let (Some(method), Some(fields)) = (method, fault.as_object_mut()) {
        fields.insert("method".to_owned(), method.into());
    }
    fault
}

/// What goes wrong in one run of the program.
#[derive(Clone, Debug, PartialEq, Default)]
pub(super) struct Disruption {
    /// Faults of the cloud, as it takes them.
    pub(super) faults: Vec<Value>,
    pub(super) kill: Option<Kill>,
    /// Operations at once. With one, the order of all requests is the same again.
    pub(super) parallelism: usize,
}

impl Disruption {
    /// Faults that pass by themselves, and nothing else: the run must succeed.
    pub(super) fn passing(random: &mut Random, work: Work) -> Self {
        // All together, no more than what a request is repeated for even if they all hit the same one.
        let faults = (0..random.between(1, 3)).map(|_| passing_fault(random, work)).collect();
        Disruption { faults, kill: None, parallelism: parallelism(random) }
    }

    /// Anything, but faults that make operations fail only where they are `lasting`.
    pub(super) fn random(random: &mut Random, work: Work, lasting: bool, failpoints: bool) -> Self {
        let faults = (0..random.below(4))
            .map(|_| {
                if lasting && random.percent(50) {
                    lasting_fault(random, work)
                } else {
                    passing_fault(random, work)
                }
            })
            .collect();
        let kill = random.percent(80).then(|| Kill::random(random, work, failpoints));
        Disruption { faults, kill, parallelism: parallelism(random) }
    }
}

fn parallelism(random: &mut Random) -> usize {
    if random.percent(50) { 1 } else { 10 }
}

/// A fault that is over after a request or two.
fn passing_fault(random: &mut Random, work: Work) -> Value {
    let (method, most) = requests(random, work);
    let skip = random.below(most);
    let answer =
        |status: u16, code: &str| json!({"answer": {"status": status, "code": code, "message": "chaos"}});
    let effect = match random.below(12) {
        0 => answer(502, ""),
        1 => answer(503, "unavailable"),
        2 => answer(504, "timeout"),
        3 => answer(500, "server_error"),
        4 => json!({"rate_limit": {}}),
        5 => json!({"drop": {"execute": true}}),
        6 => json!({"drop": {"execute": false}}),
        7 => json!({"time_out": {"execute": true, "milliseconds": 5}}),
        8 => json!({"delay": {"milliseconds": 30}}),
        9 => json!({"jump_clock": {"milliseconds": 3_600_000}}),
        // Reads are never refused so.
        10 if method != Some("GET") => {
            return fault(Some(method.unwrap_or("POST")), skip, 1, answer(423, "locked"));
        }
        11 if method != Some("GET") => {
            return fault(Some(method.unwrap_or("POST")), skip, 2, answer(409, "conflict"));
        }
        _ => json!({"time_out": {"execute": false, "milliseconds": 5}}),
    };
    fault(method, skip, 1, effect)
}

/// A fault that makes an operation fail.
fn lasting_fault(random: &mut Random, work: Work) -> Value {
    let skip = random.below(work.created.max(1));
    let answer =
        |status: u16, code: &str| json!({"answer": {"status": status, "code": code, "message": "chaos"}});
    let effect = match random.below(9) {
        0 => answer(412, "resource_unavailable"),
        1 => answer(412, "placement_error"),
        2 => answer(403, "resource_limit_exceeded"),
        3 => answer(422, "invalid_input"),
        4 => json!({"sold_out": {"server_type": "cx23"}}),
        5 => json!({"sold_out": {"location": "fsn1"}}),
        6 => json!({"revoke_token": {}}),
        _ => {
            let effect = json!({"fail_action": {"code": "action_failed", "message": "chaos"}});
            return fault(None, skip / 2, random.between(1, 2), effect);
        }
    };
    fault(Some("POST"), skip, random.between(1, 3), effect)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORK: Work = Work { created: 20, changed: 10, removed: 10 };

    #[test]
    fn a_seed_means_the_same_again() {
        for seed in 0..50 {
            let draw = || Disruption::random(&mut Random::new(seed), WORK, true, true);
            assert_eq!(draw(), draw());
        }
        let kills = |failpoints| {
            let kill = |seed| Disruption::random(&mut Random::new(seed), WORK, true, failpoints).kill;
            (0..300).filter_map(kill).collect::<Vec<_>>()
        };
        assert!(kills(true).iter().any(|kill| matches!(kill, Kill::Point { .. })));
        assert!(!kills(false).iter().any(|kill| matches!(kill, Kill::Point { .. })));
    }

    #[test]
    fn passing_faults_do_not_outlast_repetitions() {
        for seed in 0..300 {
            let disruption = Disruption::passing(&mut Random::new(seed), WORK);
            assert!(disruption.kill.is_none());
            let hits: u64 = disruption.faults.iter().filter_map(|fault| fault["count"].as_u64()).sum();
            assert!((1..=6).contains(&hits), "{disruption:?}");
        }
    }
}
