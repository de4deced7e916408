//! Turns on what the API lets only one change at a time.

use std::collections::BTreeMap;
use std::time::Duration;

use ferroform_hcloud::Pace;
use parking_lot::Mutex;
use tokio::time::Instant;

/// How long a change of a network keeps it locked, in units of the pace: what usually suffices. Where it takes longer, the API
/// refuses the next change, and the client tries again.
const NETWORK_CHANGE: f64 = 0.55;

/// When each network is free again, as far as this process keeps it busy.
///
/// Subnets and routes of a network are independent of each other for the configuration, so all are begun at once; all but the
/// first would be refused, and come back later than they could.
#[derive(Debug, Default)]
pub(crate) struct Turns(Mutex<BTreeMap<i64, Instant>>);

impl Turns {
    /// Waits until it is this one's turn to change a network.
    pub(crate) async fn network(&self, id: i64, pace: Pace) {
        tokio::time::sleep(self.reserve(id, pace)).await;
    }

    /// Takes the next turn; how long it is until then.
    fn reserve(&self, id: i64, pace: Pace) -> Duration {
        let now = Instant::now();
        let mut free = self.0.lock();
        let turn = free.get(&id).map_or(now, |free| now.max(*free));
        free.insert(id, turn + pace.unit.mul_f64(NETWORK_CHANGE));
        turn - now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn those_who_change_the_same_network_come_one_after_the_other() {
        let turns = Turns::default();
        let waits = [1, 1, 2, 1].map(|id| turns.reserve(id, Pace::REAL).as_millis());
        assert_eq!(waits, [0, 550, 0, 1100]);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(turns.reserve(1, Pace::REAL).as_millis(), 650);
        assert_eq!(turns.reserve(2, Pace::REAL).as_millis(), 0, "a turn that is over is nobody's");
    }
}
