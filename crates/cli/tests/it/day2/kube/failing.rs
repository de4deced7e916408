//! Letting each request of a run fail in turn.

use std::collections::BTreeMap;
use std::fmt;

use super::{Fault, Kube, Request};
use crate::harness::Run;

/// What the API says when it was told to fail.
pub(super) const TOLD: &str = "told to fail by its test";

/// A request of a run that is to fail, and how.
pub(crate) struct Failing {
    /// What is asked.
    pub(crate) key: String,
    /// How many requests of that key come before it.
    pub(crate) before: usize,
    way: Fault,
    changes: bool,
}

impl Failing {
    /// Each of these requests, in each way in which it can fail.
    pub(crate) fn each(asked: &[Request]) -> Vec<Failing> {
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        let mut all = Vec::new();
        for request in asked {
            let (key, changes) = (request.key(), request.changes());
            let before = *seen.entry(key.clone()).and_modify(|count| *count += 1).or_insert(0);
            let ways: &[Fault] =
                if changes { &[Fault::Status(403), Fault::AnswerLost] } else { &[Fault::Status(500)] };
            all.extend(ways.iter().map(|way| Failing { key: key.clone(), before, way: *way, changes }));
        }
        all
    }

    /// Lets it fail the next time.
    pub(crate) fn begin(&self, kube: &Kube) {
        kube.fail(&self.key, self.before, self.way);
    }

    /// Whether the run has coped with the failure; otherwise one error tells of it. With a change that failed no run copes.
    #[track_caller]
    pub(crate) fn was_coped_with(&self, kube: &Kube, run: &Run) -> bool {
        assert!(kube.has_failed(), "{self}: it was asked");
        let coped = run.code() == Some(0);
        if coped {
            assert!(!self.changes, "{self}: a change that fails is no success: {run}");
        } else {
            assert_eq!(run.errors().len(), 1, "{self}: {run}");
            let said = if matches!(self.way, Fault::Status(_)) { TOLD } else { "EOF" };
            assert!(run.stderr.contains(said), "{self}: {run}");
        }
        coped
    }
}

impl fmt::Display for Failing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} of {} (after {})", self.way, self.key, self.before)
    }
}
