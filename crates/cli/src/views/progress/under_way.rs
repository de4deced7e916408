//! What is under way, and since when.

use std::collections::BTreeMap;
use std::time::Duration;

use ferroform_core::addr::ResourceInstance;
use ferroform_engine::events::Operation;
use ferroform_plan::Action;
use ferroform_state::DeposedKey;

/// How long something is under way before that is said, and again after as long.
const PATIENCE: Duration = Duration::from_secs(10);

/// The object that is worked on.
pub(super) type Name = (ResourceInstance, Option<DeposedKey>);

/// The operations that have begun and not ended.
#[derive(Default)]
pub(super) struct UnderWay(BTreeMap<Name, Running>);

/// One of them.
pub(super) struct Running {
    pub action: Action,
    pub since: Duration,
    pub id: Option<String>,
    /// How often it has been said that it is still under way.
    said: u64,
}

impl UnderWay {
    /// Notes that an operation begins. Its id is kept in the form in which it is shown.
    pub(super) fn begin(&mut self, operation: &Operation, id: Option<String>, now: Duration) -> Name {
        let name = (operation.addr.clone(), operation.deposed);
        self.0.insert(name.clone(), Running { action: operation.action, since: now, id, said: 0 });
        name
    }

    /// Notes that it ended; how long it took.
    pub(super) fn end(&mut self, name: &Name, now: Duration) -> Duration {
        let since = self.0.remove(name).map_or(now, |running| running.since);
        now.saturating_sub(since)
    }

    /// What has been under way for ten seconds more than when it was last asked for.
    pub(super) fn still(&mut self, now: Duration) -> Vec<(&Name, &Running)> {
        let mut still = Vec::new();
        for (name, running) in &mut self.0 {
            let times = now.saturating_sub(running.since).as_secs() / PATIENCE.as_secs();
            if times > running.said {
                running.said = times;
                still.push((name, &*running));
            }
        }
        still
    }

    /// All of it, the longest first.
    pub(super) fn all(&self) -> Vec<(&Name, &Running)> {
        let mut all: Vec<_> = self.0.iter().collect();
        all.sort_by_key(|(name, running)| (running.since, *name));
        all
    }
}
