//! The journal in objects.
//!
//! Its bytes are those of a journal in a file, cut into segments that are each written whole: the objects
//! `KEY.journal/GENERATION-NUMBER`, two numbers of ten digits. The journal is the greatest generation that has a segment 0,
//! its segments in order. Everything else is a remainder without meaning.
//!
//! So one write begins a generation and puts it in the place of the one before, and one deletion, that of segment 0, ends
//! it; whatever else is deleted after that may be left by a crash. Segments are only written where there is none, so that
//! of two writers, should nothing else keep them apart, one fails.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use super::store::{Condition, ObjectStore, StoreError, put};
use crate::journal::Sink;

/// The most segments of a journal: a number has ten digits.
const MOST: u64 = 9_999_999_999;

/// The key of a segment.
fn key(prefix: &str, generation: u64, number: u64) -> String {
    format!("{prefix}{generation:010}-{number:010}")
}

/// Generation and number of a segment's key.
fn parse(prefix: &str, key: &str) -> Option<(u64, u64)> {
    let (generation, number) = key.strip_prefix(prefix)?.split_once('-')?;
    let digits = |text: &str| text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit());
    (digits(generation) && digits(number)).then_some((generation.parse().ok()?, number.parse().ok()?))
}

/// What there is of journals at one prefix.
#[derive(Debug, Default)]
pub(super) struct Segments {
    /// The journal's bytes; empty if there is none.
    pub(super) bytes: Vec<u8>,
    /// Its generation; 0 if there is none.
    pub(super) generation: u64,
    /// The number of its next segment.
    pub(super) next: u64,
    /// The greatest generation that any object has.
    pub(super) greatest: u64,
    /// The numbers of all segments, by generation.
    all: BTreeMap<u64, Vec<u64>>,
}

/// Why segments could not be read.
#[derive(Debug)]
pub(super) enum Unread {
    /// The store failed.
    Store(StoreError),
    /// A segment is missing.
    Missing(String),
}

impl Segments {
    /// Reads the journal at a prefix.
    pub(super) fn read(store: &dyn ObjectStore, prefix: &str) -> Result<Segments, Unread> {
        let mut segments = Segments::default();
        for found in store.list(prefix).map_err(Unread::Store)? {
            if let Some((generation, number)) = parse(prefix, &found) {
                segments.all.entry(generation).or_default().push(number);
            }
        }
        segments.all.values_mut().for_each(|numbers| numbers.sort_unstable());
        segments.greatest = segments.all.keys().next_back().copied().unwrap_or_default();
        let journal = segments.all.iter().rev().find(|(_, numbers)| numbers.first() == Some(&0));
        let Some((&generation, numbers)) = journal else { return Ok(segments) };
        for (expected, &number) in (0..).zip(numbers) {
            let missing = || Unread::Missing(store.name(&key(prefix, generation, expected)));
            if number != expected {
                return Err(missing());
            }
            let stored = store.get(&key(prefix, generation, number)).map_err(Unread::Store)?;
            segments.bytes.extend(stored.ok_or_else(missing)?.bytes);
            segments.next = number + 1;
        }
        segments.generation = generation;
        Ok(segments)
    }

    /// Removes all segments of the generations up to this one: the older first, so that none of them ever becomes the
    /// journal, and of each the first, which ends it.
    pub(super) fn remove(&self, store: &dyn ObjectStore, prefix: &str, upto: u64) -> Result<(), StoreError> {
        for (generation, numbers) in self.all.range(..=upto) {
            for number in numbers {
                store.delete(&key(prefix, *generation, *number))?;
            }
        }
        Ok(())
    }
}

/// Begins a generation with these bytes, which end the journal before.
pub(super) fn begin(
    store: &dyn ObjectStore,
    prefix: &str,
    generation: u64,
    bytes: &[u8],
) -> Result<(), StoreError> {
    put(store, &key(prefix, generation, 0), bytes, &Condition::Absent).map(drop)
}

/// Adds segments to a generation.
pub(super) struct SegmentSink {
    pub(super) store: Arc<dyn ObjectStore>,
    pub(super) prefix: String,
    pub(super) generation: u64,
    pub(super) next: u64,
    /// Frames that need not be durable yet.
    pub(super) held: Vec<u8>,
}

impl Sink for SegmentSink {
    fn write(&mut self, frames: &[u8], durable: bool) -> io::Result<()> {
        self.held.extend_from_slice(frames);
        if !durable || self.held.is_empty() {
            return Ok(());
        }
        if self.next > MOST {
            return Err(io::Error::other("the journal has too many segments"));
        }
        let key = key(&self.prefix, self.generation, self.next);
        put(&*self.store, &key, &self.held, &Condition::Absent).map_err(|error| match error {
            StoreError::Condition => io::Error::other(format!(
                "{}: another run has written there, so it holds no lock that this run respects, or this one's was taken away",
                self.store.name(&key)
            )),
            StoreError::Failed { message, .. } => {
                io::Error::other(format!("{}: {message}", self.store.name(&key)))
            }
        })?;
        self.next += 1;
        self.held.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_segments_are_read_as_written_and_no_others() {
        assert_eq!(key("a/", 7, 12), "a/0000000007-0000000012");
        for (text, expected) in [
            ("a/0000000007-0000000012", Some((7, 12))),
            ("a/0000000007", None),
            ("a/7-12", None),
            ("a/0000000007-0000000012-", None),
            ("a/+000000007-0000000012", None),
            ("b/0000000007-0000000012", None),
        ] {
            assert_eq!(parse("a/", text), expected, "{text}");
        }
    }
}
