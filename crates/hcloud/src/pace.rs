//! Pacing: how long to wait, and how many requests the API still grants.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

use http::HeaderMap;
use parking_lot::Mutex;
use tokio::time::Instant;

/// The measure of waiting. All pauses of the client but those for the rate limit are counted in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// One second against the real API; next to nothing against a local cloud whose actions take no time.
    pub unit: Duration,
}

impl Pace {
    /// The pace for the real API: seconds.
    pub const REAL: Pace = Pace { unit: Duration::from_secs(1) };
    /// The pace for a cloud whose actions take no time.
    pub const INSTANT: Pace = Pace { unit: Duration::from_millis(1) };

    /// The pause before the repetition after `failures` failures: doubling from one unit up to `most` units, with
    /// up to half of it taken off at random, so that those who failed together do not come again together.
    pub(crate) fn back_off(self, failures: u32, most: u32) -> Duration {
        let units = 1u32.checked_shl(failures.saturating_sub(1)).unwrap_or(most).clamp(1, most.max(1));
        self.unit.saturating_mul(units).mul_f64(1.0 - random_fraction() / 2.0)
    }
}

impl Default for Pace {
    fn default() -> Self {
        Pace::REAL
    }
}

/// A number from 0 up to 1, good enough to spread retries.
fn random_fraction() -> f64 {
    let random = RandomState::new().build_hasher().finish();
    f64::from(u32::try_from(random >> 32).unwrap_or(0)) / (f64::from(u32::MAX) + 1.0)
}

/// The requests that the API still grants, as far as its answers tell; shared by all clones of a client.
#[derive(Debug, Default)]
pub(crate) struct RateLimit {
    bucket: Mutex<Option<Bucket>>,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    /// Requests left, less those that wait for their turn or their answer; below zero when there are more of these.
    tokens: f64,
    limit: f64,
    per_second: f64,
    at: Instant,
}

/// The longest pause for a single grant, should the headers be nonsense.
pub(crate) const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// How much of a grant more is waited for than is missing, since clocks and headers are not exact: a request that comes a
/// hair too early is refused. It is waited once, not for each request.
pub(crate) const MARGIN: f64 = 0.25;

/// How long to wait before using a grant after whose taking so many are left; below zero others wait before it.
pub(crate) fn wait_for_grant(left: f64, per_second: f64) -> Duration {
    if left >= MARGIN {
        return Duration::ZERO;
    }
    Duration::try_from_secs_f64((MARGIN - left) / per_second).unwrap_or(LONGEST_PAUSE).min(LONGEST_PAUSE)
}

/// From how many seconds to a full bucket on these tell how fast it fills.
const LEAST_REFILL_TIME: f64 = 100.0;

/// What the `RateLimit-*` headers of an answer tell (Hetzner API documentation, "Rate Limiting").
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Headers {
    /// Requests an hour, which is also how many may be saved up.
    pub(crate) limit: f64,
    /// Requests left after the one that was answered.
    pub(crate) remaining: f64,
    /// Requests that come back in a second.
    pub(crate) per_second: f64,
    /// The request was refused, since none were left.
    pub(crate) exhausted: bool,
}

impl Headers {
    /// Reads them; none where they lack or make no sense. `server_time` is the server's clock, in seconds since 1970.
    pub(crate) fn read(headers: &HeaderMap, server_time: Option<i64>, exhausted: bool) -> Option<Self> {
        let number = |name: &str| {
            headers.get(name)?.to_str().ok()?.trim().parse::<f64>().ok().filter(|n| n.is_finite())
        };
        let limit = number("ratelimit-limit").filter(|limit| *limit >= 1.0)?;
        let remaining = number("ratelimit-remaining")?.clamp(0.0, limit);
        // "RateLimit-Reset" is when the bucket will be full again.
        let missing = limit - remaining;
        let refill_time = number("ratelimit-reset").zip(server_time).map(|(reset, now)| reset - now as f64);
        let usual = limit / 3600.0;
        let per_second = match refill_time {
            // Both are whole seconds: over a short time the quotient says nothing, and over a long one it is a little off.
            Some(seconds) if seconds >= LEAST_REFILL_TIME => {
                let told = missing / seconds;
                if (told / usual - 1.0).abs() < 0.02 { usual } else { told }
            }
            _ => usual,
        };
        Some(Headers { limit, remaining, per_second, exhausted })
    }
}

/// What a project may ask for at the moment, see [`Client::allowance`](crate::Client::allowance).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Allowance {
    /// Requests that are granted at once.
    pub left: f64,
    /// Requests that come back in a second.
    pub per_second: f64,
}

impl Allowance {
    /// How long the allowance itself makes so many requests last.
    pub fn wait_for(&self, requests: u64) -> Duration {
        let missing = requests as f64 - self.left;
        if missing <= 0.0 || self.per_second <= 0.0 {
            return Duration::ZERO;
        }
        Duration::try_from_secs_f64(missing / self.per_second).unwrap_or(Duration::MAX)
    }
}

impl Bucket {
    fn refill(&mut self, now: Instant) {
        let grown = now.saturating_duration_since(self.at).as_secs_f64() * self.per_second;
        self.tokens = (self.tokens + grown).min(self.limit);
        self.at = now;
    }
}

impl RateLimit {
    /// Takes one grant and says how long to wait before using it.
    pub(crate) fn take(&self) -> Duration {
        let mut bucket = self.bucket.lock();
        let Some(bucket) = bucket.as_mut() else { return Duration::ZERO };
        bucket.refill(Instant::now());
        bucket.tokens -= 1.0;
        wait_for_grant(bucket.tokens, bucket.per_second)
    }

    /// Learns from an answer. `others` have a grant and no answer, and the server may not have counted them yet.
    pub(crate) fn learn(&self, headers: &Headers, others: usize) {
        let Headers { limit, remaining, per_second, .. } = *headers;
        let tokens = remaining - others as f64;
        *self.bucket.lock() = Some(Bucket { tokens, limit, per_second, at: Instant::now() });
    }

    /// What is left now; none before the first answer.
    pub(crate) fn allowance(&self) -> Option<Allowance> {
        let mut bucket = self.bucket.lock();
        let bucket = bucket.as_mut()?;
        bucket.refill(Instant::now());
        Some(Allowance { left: bucket.tokens.max(0.0), per_second: bucket.per_second })
    }

    /// After a 429: nothing is left, and the next grant is a refill away.
    pub(crate) fn exhausted(&self) {
        let mut bucket = self.bucket.lock();
        let now = Instant::now();
        let bucket = bucket.get_or_insert(Bucket { tokens: 0.0, limit: 3600.0, per_second: 1.0, at: now });
        bucket.refill(now);
        bucket.tokens = bucket.tokens.min(0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(limit: u32, remaining: u32, reset: i64, now: Option<i64>) -> Headers {
        Headers::read(&map(limit, remaining, reset), now, false).expect("sound headers")
    }

    fn map(limit: u32, remaining: u32, reset: i64) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("ratelimit-limit", i64::from(limit)),
            ("ratelimit-remaining", i64::from(remaining)),
            ("ratelimit-reset", reset),
        ] {
            headers.insert(name, value.into());
        }
        headers
    }

    #[tokio::test(start_paused = true)]
    async fn requests_are_free_while_grants_are_left_and_spaced_by_the_refill_after() {
        let limit = RateLimit::default();
        assert_eq!(limit.take(), Duration::ZERO, "nothing known yet");
        // Two left of 3600, full again in 3598 s: one a second.
        limit.learn(&headers(3600, 2, 1_000_000 + 3598, Some(1_000_000)), 0);
        let waits: Vec<u64> = (0..5).map(|_| limit.take().as_secs()).collect();
        assert_eq!(waits, [0, 0, 1, 2, 3]);
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(limit.take(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn after_429_the_next_request_waits_for_one_refill() {
        let limit = RateLimit::default();
        limit.learn(&headers(7200, 50, 0, None), 0);
        limit.exhausted();
        assert_eq!(limit.take(), Duration::from_millis(625), "one and the margin, of two a second");
    }

    #[test]
    fn the_rate_is_the_usual_one_unless_the_headers_plainly_tell_another() {
        let per_second = |remaining, reset| headers(3600, remaining, reset, Some(0)).per_second;
        // Empty, and full in an hour and a second, as whole seconds have it; in two hours; in a moment.
        assert_eq!([per_second(0, 3601), per_second(0, 7200), per_second(3598, 3)], [1.0, 0.5, 1.0]);
    }

    #[test]
    fn headers_that_make_no_sense_are_no_headers() {
        assert_eq!(Headers::read(&HeaderMap::new(), None, false), None);
        assert_eq!(Headers::read(&map(0, 0, 0), None, false), None);
        let odd = Headers::read(&map(10, 50, -7), Some(5), false);
        assert_eq!(odd.map(|h| (h.remaining, h.per_second)), Some((10.0, 10.0 / 3600.0)));
    }

    #[test]
    fn an_allowance_tells_how_long_requests_will_take() {
        let allowance = Allowance { left: 1750.0, per_second: 1.0 };
        assert_eq!(allowance.wait_for(1750), Duration::ZERO);
        assert_eq!(allowance.wait_for(4210), Duration::from_secs(2460));
        assert_eq!(Allowance { left: 0.0, per_second: 1e-300 }.wait_for(u64::MAX), Duration::MAX);
    }

    #[test]
    fn back_off_doubles_up_to_its_limit_and_varies_by_half() {
        for (failures, most, units) in
            [(1, 30, 1), (2, 30, 2), (3, 30, 4), (6, 30, 30), (40, 30, 30), (0, 30, 1)]
        {
            let pause = Pace::REAL.back_off(failures, most).as_secs_f64();
            let units = f64::from(units);
            assert!((units / 2.0..=units).contains(&pause), "{failures}: {pause}");
        }
    }
}
