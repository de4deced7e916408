//! The rate limit: so many requests an hour, refilled all the time, counted for each project by itself.

use std::collections::BTreeMap;

/// How many requests a project may make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateLimit {
    /// This many an hour.
    PerHour(u32),
    /// As many as it likes; the headers are those of a project that made none.
    Unlimited,
}

impl Default for RateLimit {
    /// Hetzner's own: 3600 an hour.
    fn default() -> Self {
        Self::PerHour(3600)
    }
}

/// How a project stands; what the headers of an answer tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Allowance {
    pub(crate) limit: u32,
    pub(crate) remaining: u32,
    /// When the allowance is full again, in seconds since 1970.
    pub(crate) reset: i64,
    /// Whether the request is granted.
    pub(crate) granted: bool,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// Thousandths of requests that may be made now.
    level: f64,
    at: i64,
}

/// The allowances of all projects.
#[derive(Debug, Default)]
pub(crate) struct Limiter {
    limit: RateLimit,
    buckets: BTreeMap<String, Bucket>,
}

const HOUR_MS: f64 = 3_600_000.0;

impl Limiter {
    pub(crate) fn new(limit: RateLimit) -> Self {
        Self { limit, buckets: BTreeMap::new() }
    }

    /// Counts a request.
    pub(crate) fn count(&mut self, project: &str, now: i64) -> Allowance {
        let RateLimit::PerHour(limit) = self.limit else {
            let limit = 3600;
            return Allowance { limit, remaining: limit, reset: now / 1000, granted: true };
        };
        let full = f64::from(limit);
        let bucket = self.buckets.entry(project.to_owned()).or_insert(Bucket { level: full, at: now });
        let elapsed = (now - bucket.at).max(0) as f64;
        bucket.level = (bucket.level + elapsed * full / HOUR_MS).min(full);
        bucket.at = now;
        let granted = bucket.level >= 1.0;
        if granted {
            bucket.level -= 1.0;
        }
        let missing_ms = if limit == 0 { HOUR_MS } else { (full - bucket.level) * HOUR_MS / full };
        let reset = now.saturating_add(missing_ms as i64).div_euclid(1000) + 1;
        Allowance { limit, remaining: bucket.level as u32, reset, granted }
    }

    /// Uses up all that a project has.
    pub(crate) fn exhaust(&mut self, project: &str, now: i64) -> Allowance {
        if let RateLimit::PerHour(_) = self.limit {
            self.buckets.insert(project.to_owned(), Bucket { level: 0.0, at: now });
        }
        Allowance { remaining: 0, granted: false, ..self.count(project, now) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hetzner API documentation: 3600 an hour are one a second, and bursts are allowed.
    #[test]
    fn the_allowance_is_used_up_and_refills_by_one_a_second() {
        let mut limiter = Limiter::new(RateLimit::PerHour(3600));
        let start = 1_000_000_000_000;
        let first = limiter.count("a", start);
        assert_eq!((first.limit, first.remaining, first.granted), (3600, 3599, true));
        for _ in 0..3599 {
            assert!(limiter.count("a", start).granted);
        }
        let empty = limiter.count("a", start);
        assert_eq!((empty.remaining, empty.granted), (0, false));
        assert_eq!(empty.reset, start / 1000 + 3600 + 1);
        assert!(limiter.count("b", start).granted, "projects are apart");
        assert!(!limiter.count("a", start + 900).granted);
        assert!(limiter.count("a", start + 1000).granted);
        assert!(!limiter.count("a", start + 1000).granted);
    }

    #[test]
    fn unlimited_is_never_used_up() {
        let mut limiter = Limiter::new(RateLimit::Unlimited);
        assert!((0..10_000).all(|_| limiter.count("a", 0).granted));
    }
}
