//! Where random values come from.

use std::fmt;

use ferroform_core::{Diagnostic, Diagnostics};
use parking_lot::Mutex;
use rand_chacha::ChaCha20Rng;
use rand_core::{RngCore, SeedableRng};

/// A source of random bytes, fit for keys.
pub trait RandomSource: Send + Sync {
    /// Fills all of `bytes`.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomError>;
}

/// Why no random bytes were to be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RandomError(pub String);

impl fmt::Display for RandomError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for RandomError {}

/// The operating system's own source.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsRandom;

impl RandomSource for OsRandom {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomError> {
        getrandom::fill(bytes).map_err(|e| RandomError(e.to_string()))
    }
}

/// A source that gives the same bytes for the same seed, in the order in which they are asked for. For tests and
/// reproducible runs only: whoever knows the seed knows every key.
pub struct SeededRandom(Mutex<ChaCha20Rng>);

impl SeededRandom {
    /// The source for a seed.
    pub fn new(seed: u64) -> Self {
        SeededRandom(Mutex::new(ChaCha20Rng::seed_from_u64(seed)))
    }
}

impl RandomSource for SeededRandom {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomError> {
        self.0.lock().fill_bytes(bytes);
        Ok(())
    }
}

/// A generator seeded with 256 bits of the source, so that whatever draws from it cannot fail half-way.
pub(crate) fn generator(source: &dyn RandomSource) -> Result<ChaCha20Rng, Diagnostics> {
    bytes::<32>(source).map(ChaCha20Rng::from_seed)
}

/// Random bytes.
pub(crate) fn bytes<const N: usize>(source: &dyn RandomSource) -> Result<[u8; N], Diagnostics> {
    let mut bytes = [0; N];
    source.fill(&mut bytes).map_err(|error| {
        Diagnostic::error("Random Read Error").detail(format!(
            "No random bytes could be read for the new value: {error}. Check that the system's source of randomness \
             works (on Linux the getrandom system call), then run the operation again; nothing was created."
        ))
    })?;
    Ok(bytes)
}

/// A random number below `bound`, every one as likely as the others. `bound` must not be zero.
pub(crate) fn below(rng: &mut ChaCha20Rng, bound: usize) -> usize {
    let bound = bound.max(1) as u64;
    // Numbers at or above the greatest multiple of the bound would favour the small results.
    let limit = u64::MAX - u64::MAX % bound;
    loop {
        let candidate = rng.next_u64();
        if candidate < limit {
            return (candidate % bound) as usize;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
        let draw = |seed| bytes::<32>(&SeededRandom::new(seed)).expect("seeded sources do not fail");
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }

    #[test]
    fn the_operating_system_gives_bytes() {
        let draw = || bytes::<32>(&OsRandom).expect("the system has randomness");
        assert_ne!(draw(), draw());
    }

    #[test]
    fn every_number_below_the_bound_is_about_as_likely() {
        let mut rng = generator(&SeededRandom::new(7)).expect("seeded sources do not fail");
        let mut counts = [0_u32; 7];
        for _ in 0..70_000 {
            counts[below(&mut rng, 7)] += 1;
        }
        // The standard deviation of each count is about 93; six of them on either side.
        assert!(counts.iter().all(|c| (9_440..10_560).contains(c)), "{counts:?}");
    }

    #[test]
    fn a_failing_source_is_an_error_and_no_panic() {
        struct Broken;
        impl RandomSource for Broken {
            fn fill(&self, _: &mut [u8]) -> Result<(), RandomError> {
                Err(RandomError("out of entropy".into()))
            }
        }
        let error = generator(&Broken).expect_err("it is broken");
        assert!(error.iter().all(|d| d.is_error() && d.detail.contains("out of entropy")), "{error:?}");
    }
}
