//! The world's time.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// How time passes in the world.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum ClockMode {
    /// As on the wall.
    #[default]
    Real,
    /// This many times as fast as on the wall, beginning now.
    Scaled(f64),
    /// As on the wall, but actions take no time: each is finished when one looks at it again.
    Instant,
    /// Only when a test says so, beginning at a fixed date.
    Stepped,
}

/// The moment a world with [`ClockMode::Stepped`] begins: 2026-10-06T00:00:00Z, in milliseconds since 1970.
pub const STEPPED_START_MS: i64 = 1_791_244_800_000;

/// The clock of a world. It never goes backwards, not over a restart either, unless a stepped world is restored.
#[derive(Debug)]
pub(crate) struct Clock {
    mode: ClockMode,
    origin: Instant,
    /// World time at `origin`, or now if stepped.
    base: i64,
    /// How far the world is ahead of what its mode says, in milliseconds.
    lead: i64,
    /// The latest time told.
    latest: i64,
}

impl Clock {
    /// A clock that continues from `resumed`, the last time the world saw before (0 for a new world).
    pub(crate) fn new(mode: ClockMode, resumed: i64) -> Self {
        let start = match mode {
            ClockMode::Stepped => STEPPED_START_MS,
            _ => wall(),
        };
        let base = start.max(resumed);
        // Time goes on from where the world was, instead of standing still until the wall has caught up.
        let lead = match mode {
            ClockMode::Real | ClockMode::Instant => base - start,
            ClockMode::Scaled(_) | ClockMode::Stepped => 0,
        };
        Self { mode, origin: Instant::now(), base, lead, latest: base }
    }

    /// Whether actions take no time.
    pub(crate) fn instant(&self) -> bool {
        self.mode == ClockMode::Instant
    }

    /// The time, in milliseconds since 1970.
    pub(crate) fn now(&mut self) -> i64 {
        let now = match self.mode {
            ClockMode::Real | ClockMode::Instant => wall(),
            ClockMode::Stepped => self.base,
            ClockMode::Scaled(factor) => {
                let elapsed = self.origin.elapsed().as_secs_f64() * 1000.0 * factor.clamp(0.0, 1e6);
                // Saturates: a century at a millionfold speed still fits.
                self.base.saturating_add(elapsed as i64)
            }
        };
        self.latest = self.latest.max(now.saturating_add(self.lead));
        self.latest
    }

    /// Goes on from a moment of the past of a stepped world, or of the future of any. Elsewhere time does not go back.
    pub(crate) fn restore(&mut self, moment: i64) {
        if self.mode == ClockMode::Stepped {
            (self.base, self.lead, self.latest) = (moment, 0, moment);
        } else {
            let ahead = moment.saturating_sub(self.now());
            self.jump(u64::try_from(ahead).unwrap_or_default());
        }
    }

    /// Lets the world leap ahead, at most to the latest moment that can be told.
    pub(crate) fn jump(&mut self, milliseconds: u64) {
        let room = (LATEST_MS - self.now()).max(0);
        self.lead += i64::try_from(milliseconds).unwrap_or(i64::MAX).min(room);
    }

    /// Lets time pass in a stepped world; `false` in any other.
    pub(crate) fn advance(&mut self, milliseconds: i64) -> bool {
        if self.mode != ClockMode::Stepped || milliseconds < 0 {
            return false;
        }
        self.base = self.base.saturating_add(milliseconds);
        true
    }
}

fn wall() -> i64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX)
}

/// The latest moment that is still formatted: the end of the year 9998.
pub(crate) const LATEST_MS: i64 = 253_370_764_799_000;

/// A moment as the API writes it.
pub(crate) fn rfc3339(milliseconds: i64) -> String {
    format(milliseconds, "%Y-%m-%dT%H:%M:%SZ")
}

/// What a snapshot of a storage box is called after the moment it was taken.
pub(crate) fn snapshot_name(milliseconds: i64) -> String {
    format(milliseconds, "%Y-%m-%dT%H-%M-%S")
}

/// The same with milliseconds.
pub(crate) fn rfc3339_millis(milliseconds: i64) -> String {
    format(milliseconds, "%Y-%m-%dT%H:%M:%S.%3fZ")
}

/// A moment as a `Date` header has it.
pub(crate) fn http_date(milliseconds: i64) -> String {
    format(milliseconds, "%a, %d %b %Y %H:%M:%S GMT")
}

fn format(milliseconds: i64, pattern: &str) -> String {
    jiff::Timestamp::from_millisecond(milliseconds.clamp(0, LATEST_MS))
        .unwrap_or(jiff::Timestamp::UNIX_EPOCH)
        .strftime(pattern)
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_as_the_api_and_http_want_them() {
        assert_eq!(rfc3339(STEPPED_START_MS), "2026-10-06T00:00:00Z");
        assert_eq!(rfc3339_millis(STEPPED_START_MS + 7), "2026-10-06T00:00:00.007Z");
        assert_eq!(http_date(784_111_777_000), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(rfc3339(i64::MAX), "9998-12-31T23:59:59Z");
    }

    #[test]
    fn stepped_time_moves_only_when_told_and_resumes_where_it_was() {
        let mut clock = Clock::new(ClockMode::Stepped, 0);
        assert_eq!(clock.now(), STEPPED_START_MS);
        assert!(clock.advance(1500));
        assert_eq!(clock.now(), STEPPED_START_MS + 1500);
        assert!(!clock.advance(-1));
        let resumed = clock.now();
        assert_eq!(Clock::new(ClockMode::Stepped, resumed).now(), resumed);
        assert!(!Clock::new(ClockMode::Real, 0).advance(1));
    }

    #[test]
    fn every_clock_can_leap_ahead_and_goes_on_from_there_over_a_restart() {
        const HOUR: i64 = 3_600_000;
        for mode in [ClockMode::Real, ClockMode::Scaled(2.0), ClockMode::Instant, ClockMode::Stepped] {
            let mut clock = Clock::new(mode, 0);
            let before = clock.now();
            clock.jump(HOUR as u64);
            let after = clock.now();
            assert!((HOUR..HOUR + 60_000).contains(&(after - before)), "{mode:?}");
            let mut resumed = Clock::new(mode, after);
            assert!((after..after + 60_000).contains(&resumed.now()), "{mode:?}");
            if mode == ClockMode::Real {
                // It moves on at once, although the wall is behind.
                std::thread::sleep(std::time::Duration::from_millis(5));
                assert!(resumed.now() > after);
            }
            clock.jump(u64::MAX);
            assert!((LATEST_MS..LATEST_MS + 60_000).contains(&clock.now()), "{mode:?}");
        }
    }
}
