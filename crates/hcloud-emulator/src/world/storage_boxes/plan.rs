//! Snapshot plans: when a box takes snapshots by itself, and how many it keeps.

use std::collections::VecDeque;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::{Action, Command, Refusal, Tx};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// More days than ever lie between two that a plan means: a 31st is followed by another within two months.
const LONGEST_PAUSE_DAYS: i64 = 62;

/// What a plan is asked to be; days are as the API counts them.
pub(crate) struct NewPlan {
    pub(crate) max_snapshots: i64,
    pub(crate) minute: i64,
    pub(crate) hour: i64,
    /// 1 for Monday to 7 for Sunday; any if absent.
    pub(crate) day_of_week: Option<i64>,
    /// Any if absent.
    pub(crate) day_of_month: Option<i64>,
}

/// The plan of a box.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SnapshotPlan {
    pub(crate) max_snapshots: i64,
    pub(crate) minute: i64,
    pub(crate) hour: i64,
    pub(crate) day_of_week: Option<i64>,
    pub(crate) day_of_month: Option<i64>,
    /// When it is due next, in milliseconds since 1970.
    next: i64,
}

impl SnapshotPlan {
    /// Whether it is meant for a day, counted since 1970. As with cron, where both a day of the week and one of
    /// the month are given, either is enough.
    fn means(&self, day: i64) -> bool {
        // 1970 began on a Thursday.
        let of_week = || self.day_of_week.map(|wanted| (day + 3).rem_euclid(7) + 1 == wanted);
        let of_month = || {
            let wanted = self.day_of_month?;
            let moment = Timestamp::from_millisecond(day.saturating_mul(DAY));
            Some(moment.is_ok_and(|moment| i64::from(moment.to_zoned(TimeZone::UTC).day()) == wanted))
        };
        match (of_week(), of_month()) {
            (None, None) => true,
            (week, month) => week == Some(true) || month == Some(true),
        }
    }

    /// The first moment later than another at which it is due; beyond all time if there is none.
    fn due_after(&self, moment: i64) -> i64 {
        let first = moment.div_euclid(DAY);
        let at = |day: i64| day.saturating_mul(DAY).saturating_add(self.hour * HOUR + self.minute * MINUTE);
        (first..=first.saturating_add(LONGEST_PAUSE_DAYS))
            .find(|day| at(*day) > moment && self.means(*day))
            .map_or(i64::MAX, at)
    }

    /// The moments up to now at which it was due and whose snapshots are still kept, and when it is due next.
    fn catch_up(&self, now: i64) -> (VecDeque<i64>, i64) {
        let most = usize::try_from(self.max_snapshots).unwrap_or(1);
        // What is so long ago was pruned again since; nothing is gained by looking at each day of a century.
        let horizon = now.saturating_sub((self.max_snapshots + 1).saturating_mul(LONGEST_PAUSE_DAYS * DAY));
        let mut next = if self.next < horizon { self.due_after(horizon) } else { self.next };
        let mut moments = VecDeque::new();
        while next <= now && next < i64::MAX {
            moments.push_back(next);
            if moments.len() > most {
                moments.pop_front();
            }
            next = self.due_after(next);
        }
        (moments, next)
    }
}

impl Tx<'_> {
    /// Sets the plan of a box, in place of the one it may have.
    pub(crate) fn enable_snapshot_plan(&mut self, id: i64, new: NewPlan) -> Result<Action, Refusal> {
        let most = i64::from(self.type_of(self.storage_box(id)?)?.automatic_snapshot_limit);
        if new.max_snapshots > most {
            let message = format!("max_snapshots must be at most {most} for this storage box type");
            return Err(Refusal::invalid("max_snapshots", message));
        }
        self.free_storage_box(id)?;
        let NewPlan { max_snapshots, minute, hour, day_of_week, day_of_month } = new;
        let mut plan = SnapshotPlan { max_snapshots, minute, hour, day_of_week, day_of_month, next: 0 };
        plan.next = plan.due_after(self.now);
        Ok(self.change_storage_box(id, Command::EnableSnapshotPlan, |found| found.plan = Some(plan)))
    }

    /// Takes the plan of a box away; its snapshots stay.
    pub(crate) fn disable_snapshot_plan(&mut self, id: i64) -> Result<Action, Refusal> {
        self.free_storage_box(id)?;
        Ok(self.change_storage_box(id, Command::DisableSnapshotPlan, |found| found.plan = None))
    }

    /// Takes the snapshots that are due.
    pub(in crate::world) fn run_snapshot_plans(&mut self) {
        let now = self.now;
        let due = |plan: &SnapshotPlan| plan.next <= now && plan.next < i64::MAX;
        let boxes = self.project.storage_boxes.values();
        let boxes: Vec<(i64, SnapshotPlan)> =
            boxes.filter_map(|found| Some((found.id, found.plan.clone().filter(due)?))).collect();
        for (id, plan) in boxes {
            let (moments, next) = plan.catch_up(now);
            for moment in moments {
                self.add_snapshot(id, String::new(), super::Labels::new(), true, moment);
            }
            self.prune_automatic_snapshots(id, plan.max_snapshots);
            if let Some(plan) = self.project.storage_boxes.get_mut(id).and_then(|found| found.plan.as_mut()) {
                plan.next = next;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(day_of_week: Option<i64>, day_of_month: Option<i64>) -> SnapshotPlan {
        SnapshotPlan { max_snapshots: 3, minute: 30, hour: 6, day_of_week, day_of_month, next: 0 }
    }

    #[test]
    fn plans_are_due_on_their_days() {
        let moment = |text: &str| text.parse::<Timestamp>().unwrap().as_millisecond();
        for (week, month, after, due) in [
            (None, None, "2026-10-06T06:29:59Z", "2026-10-06T06:30:00Z"),
            (None, None, "2026-10-06T06:30:00Z", "2026-10-07T06:30:00Z"),
            // 2026-10-06 is a Tuesday.
            (Some(2), None, "2026-10-06T00:00:00Z", "2026-10-06T06:30:00Z"),
            (Some(5), None, "2026-10-06T00:00:00Z", "2026-10-09T06:30:00Z"),
            (Some(7), None, "2026-10-06T00:00:00Z", "2026-10-11T06:30:00Z"),
            (None, Some(1), "2026-10-06T00:00:00Z", "2026-11-01T06:30:00Z"),
            (None, Some(31), "2026-10-31T06:30:00Z", "2026-12-31T06:30:00Z"),
            (None, Some(30), "2027-01-30T06:30:00Z", "2027-03-30T06:30:00Z"),
            (Some(5), Some(7), "2026-10-06T07:00:00Z", "2026-10-07T06:30:00Z"),
        ] {
            assert_eq!(plan(week, month).due_after(moment(after)), moment(due), "{week:?} {month:?} {after}");
        }
        assert_eq!(plan(None, None).due_after(i64::MAX), i64::MAX);
    }

    #[test]
    fn a_long_sleep_leaves_the_latest_snapshots_only() {
        let mut daily = plan(None, None);
        daily.next = daily.due_after(0);
        let (moments, next) = daily.catch_up(1000 * DAY);
        assert_eq!(moments.iter().map(|moment| moment / DAY).collect::<Vec<_>>(), [997, 998, 999]);
        assert_eq!(next / DAY, 1000);
        assert_eq!(daily.catch_up(HOUR).0.len(), 0);
        // However long it was.
        assert!(daily.catch_up(i64::MAX).0.len() <= 3);
    }
}
