//! One pace for all processes of a user: a small file that says what the API still grants to a token.
//!
//! Each request takes its grant from the file before it is sent, and each answer brings the file up to date. The file
//! holds numbers only; its name is a digest of endpoint and token. It is locked (fcntl, so that the lock ends with its
//! process) for the moment of reading and writing it. Whatever is wrong with the file, or with the lock, only means that
//! a process goes by what it knows itself.
//!
//! An answer tells how many requests are left after the one that it answers. Those taken since are not counted in
//! that, so the file counts all that were ever taken, and each request remembers its number. Nothing needs to be given
//! back: what a killed process took and never sent is forgotten with the next answer.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use rustix::fs::{FlockOperation, fcntl_lock};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::pace::{Allowance, Headers, MARGIN, wait_for_grant};

/// The version of the file's form. A file of another one is replaced.
const VERSION: u32 = 1;
/// What is larger is none of ours.
const LARGEST_FILE: u64 = 4096;
/// How often a lock that another holds is tried, a millisecond apart, before a request goes without.
const TRIES: u32 = 50;
/// What was noted so long ago says nothing any more: the allowance is full again after an hour.
const STALE_MS: i64 = 3_600_000;
/// Clocks of one machine do not run backwards by more than this, unless somebody sets them.
const CLOCK_SLACK_MS: i64 = 5_000;

/// Locks of fcntl are a process's, and end with any closing of the file in it: one access at a time.
static ACCESS: Mutex<()> = Mutex::new(());

/// What the file says.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Record {
    version: u32,
    /// Requests that were ever taken.
    taken: u64,
    /// Requests an hour.
    limit: f64,
    /// Grants that come back in a second.
    per_second: f64,
    /// Grants left; below zero when more are waiting than there are.
    tokens: f64,
    /// When that was, in milliseconds since 1970.
    at_ms: i64,
}

impl Record {
    fn read(bytes: &[u8], now_ms: i64) -> Option<Self> {
        let record: Record = serde_json::from_slice(bytes).ok()?;
        let numbers = [record.limit, record.per_second, record.tokens];
        let sound = record.version == VERSION
            && numbers.iter().all(|number| number.is_finite())
            && record.limit >= 1.0
            && record.per_second > 0.0;
        let age = now_ms.saturating_sub(record.at_ms);
        (sound && (-CLOCK_SLACK_MS..STALE_MS).contains(&age)).then_some(record)
    }

    fn refill(&mut self, now_ms: i64) {
        let seconds = now_ms.saturating_sub(self.at_ms).max(0) as f64 / 1000.0;
        self.tokens = (self.tokens + seconds * self.per_second).min(self.limit);
        self.at_ms = self.at_ms.max(now_ms);
    }
}

/// A grant taken from the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Grant {
    /// How long to wait before using it.
    pub(crate) wait: Duration,
    /// Its number; none when the file was not to be had.
    number: Option<u64>,
}

impl Grant {
    /// Nothing is known that would hold a request back.
    pub(crate) const FREE: Grant = Grant { wait: Duration::ZERO, number: None };

    /// The same, used no earlier than after this wait.
    pub(crate) fn after(self, wait: Duration) -> Grant {
        Grant { wait: self.wait.max(wait), ..self }
    }
}

/// Why the file was not read or written.
enum Failed {
    /// Another process is at it just now.
    Busy,
    /// It cannot be used here.
    Unusable,
}

/// The file of one token.
#[derive(Debug)]
pub(crate) struct Ledger {
    path: PathBuf,
    /// It cannot be used here, and is not tried again.
    broken: AtomicBool,
}

impl Ledger {
    /// The file in a directory for a token at an endpoint. Neither need exist.
    pub(crate) fn new(directory: &Path, endpoint: &str, token: &str) -> Self {
        let digest = Sha256::new()
            .chain_update("ferroform pace\0")
            .chain_update(endpoint)
            .chain_update("\0")
            .chain_update(token)
            .finalize();
        let name: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        Ledger { path: directory.join(format!("{name}.json")), broken: AtomicBool::new(false) }
    }

    /// Takes one grant. Waits for the file itself only for a moment.
    pub(crate) async fn take(&self) -> Grant {
        for _ in 0..TRIES {
            match self.try_update(now_ms(), take) {
                Ok(grant) => return grant,
                Err(Failed::Busy) => tokio::time::sleep(Duration::from_millis(1)).await,
                Err(Failed::Unusable) => break,
            }
        }
        Grant::FREE
    }

    /// Learns from the answer to the request that had this grant. Where the file is not to be had now, the next answer
    /// tells as much.
    pub(crate) fn learn(&self, grant: Grant, headers: &Headers) {
        let _ = self.try_update(now_ms(), |record, now| learn(record, grant, headers, now));
    }

    /// What is left now; none when nothing is known.
    pub(crate) fn allowance(&self) -> Option<Allowance> {
        let look = |record: &mut Option<Record>, _| {
            record.map(|r| Allowance { left: r.tokens.max(0.0), per_second: r.per_second })
        };
        self.try_update(now_ms(), look).ok().flatten()
    }

    fn try_update<T>(
        &self,
        now_ms: i64,
        change: impl FnOnce(&mut Option<Record>, i64) -> T,
    ) -> Result<T, Failed> {
        if self.broken.load(Ordering::Relaxed) {
            return Err(Failed::Unusable);
        }
        let updated = update(&self.path, now_ms, change);
        if let Err(Failed::Unusable) = updated {
            self.broken.store(true, Ordering::Relaxed);
        }
        updated
    }
}

fn now_ms() -> i64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX)
}

fn take(record: &mut Option<Record>, _: i64) -> Grant {
    let Some(record) = record else { return Grant::FREE };
    record.taken = record.taken.wrapping_add(1);
    record.tokens -= 1.0;
    Grant { wait: wait_for_grant(record.tokens, record.per_second), number: Some(record.taken) }
}

fn learn(record: &mut Option<Record>, grant: Grant, headers: &Headers, now_ms: i64) {
    let (taken, since) = match (&*record, grant.number) {
        (Some(record), Some(number)) => (record.taken, record.taken.saturating_sub(number)),
        // Its number is unknown: others know better what is left.
        (Some(_), None) if !headers.exhausted => return,
        (Some(record), None) => (record.taken, 0),
        (None, _) => (0, 0),
    };
    let left = (headers.remaining - since as f64).min(headers.limit);
    // Where some may still wait for their turn, an answer to a later one does not count them: they keep their places.
    let queue = record.map(|record| record.tokens).filter(|tokens| *tokens < MARGIN);
    let tokens = queue.map_or(left, |queue| left.min(queue));
    let (limit, per_second) = (headers.limit, headers.per_second);
    *record = Some(Record { version: VERSION, taken, limit, per_second, tokens, at_ms: now_ms });
}

/// Reads, changes and writes the file under its lock.
fn update<T>(
    path: &Path,
    now_ms: i64,
    change: impl FnOnce(&mut Option<Record>, i64) -> T,
) -> Result<T, Failed> {
    let unusable = |_: io::Error| Failed::Unusable;
    let _access = ACCESS.lock();
    let file = open(path).map_err(unusable)?;
    // It ends when the file is closed.
    match fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(Errno::AGAIN | Errno::ACCESS) => return Err(Failed::Busy),
        Err(_) => return Err(Failed::Unusable),
    }
    let mut bytes = Vec::new();
    (&file).take(LARGEST_FILE).read_to_end(&mut bytes).map_err(unusable)?;
    let before = Record::read(&bytes, now_ms);
    let mut record = before;
    if let Some(record) = &mut record {
        record.refill(now_ms);
    }
    let value = change(&mut record, now_ms);
    if let Some(record) = record.filter(|_| record != before) {
        let text = serde_json::to_vec(&record).map_err(|_| Failed::Unusable)?;
        // A process that is killed in between leaves what cannot be read, which stands for nothing known.
        file.write_all_at(&text, 0).and_then(|()| file.set_len(text.len() as u64)).map_err(unusable)?;
    }
    Ok(value)
}

fn open(path: &Path) -> io::Result<File> {
    let open = || {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        // Never through somebody's link.
        options.custom_flags(i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or(0)).open(path)
    };
    match open() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if let Some(parent) = path.parent() {
                fs::DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
            }
            open()
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_791_244_800_000;
    const TOKEN: &str = "tokentokentokentokentokentokentokentokentokentokentokentokentoke";

    fn headers(remaining: f64) -> Headers {
        Headers { limit: 3600.0, remaining, per_second: 1.0, exhausted: remaining == 0.0 }
    }

    fn ledger() -> (tempfile::TempDir, Ledger) {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::new(&dir.path().join("a/b"), "http://127.0.0.1:1/v1", TOKEN);
        (dir, ledger)
    }

    fn take_at(ledger: &Ledger, now: i64) -> Grant {
        ledger.try_update(now, take).unwrap_or(Grant::FREE)
    }

    fn learn_at(ledger: &Ledger, now: i64, grant: Grant, remaining: f64) {
        assert!(ledger.try_update(now, |record, now| learn(record, grant, &headers(remaining), now)).is_ok());
    }

    #[test]
    fn two_processes_share_what_is_left_and_queue_behind_each_other() {
        let (dir, one) = ledger();
        let two = Ledger::new(&dir.path().join("a/b"), "http://127.0.0.1:1/v1", TOKEN);
        assert_eq!(take_at(&one, NOW), Grant::FREE, "nothing known yet");
        learn_at(&one, NOW, Grant::FREE, 2.0);
        let seconds: Vec<u64> =
            [&one, &two, &one, &two, &one].map(|ledger| take_at(ledger, NOW).wait.as_secs()).into();
        assert_eq!(seconds, [0, 0, 1, 2, 3]);
        assert_eq!(take_at(&two, NOW + 10_000).wait, Duration::ZERO, "refilled by one a second");
    }

    #[test]
    fn an_answer_does_not_count_what_was_taken_after_its_request() {
        let (_dir, ledger) = ledger();
        learn_at(&ledger, NOW, Grant::FREE, 100.0);
        let first = take_at(&ledger, NOW);
        let others: Vec<Grant> = (0..9).map(|_| take_at(&ledger, NOW)).collect();
        learn_at(&ledger, NOW, first, 50.0);
        let left = |now| ledger.try_update(now, |r, _| r.map(|r| r.tokens)).unwrap_or(None);
        assert_eq!(left(NOW), Some(41.0), "50 after the first, and nine more are on their way");
        // Those never reached the server, since their process was killed: the next answer tells.
        drop(others);
        let next = take_at(&ledger, NOW);
        learn_at(&ledger, NOW, next, 49.0);
        assert_eq!(left(NOW), Some(49.0));
        learn_at(&ledger, NOW, Grant::FREE, 3000.0);
        assert_eq!(left(NOW), Some(49.0), "an answer without number knows nothing better");
        learn_at(&ledger, NOW, Grant::FREE, 0.0);
        assert_eq!(left(NOW), Some(0.0), "unless nothing is left");
    }

    #[test]
    fn an_answer_to_one_who_came_later_does_not_let_others_pass_those_who_wait() {
        let (_dir, ledger) = ledger();
        learn_at(&ledger, NOW, Grant::FREE, 0.0);
        let waiting: Vec<u64> = (0..3).map(|_| take_at(&ledger, NOW).wait.as_secs()).collect();
        assert_eq!(waiting, [1, 2, 3]);
        let last = take_at(&ledger, NOW);
        learn_at(&ledger, NOW, last, 0.0);
        assert_eq!(take_at(&ledger, NOW).wait.as_secs(), 5);
    }

    #[test]
    fn what_cannot_be_true_stands_for_nothing_known() {
        let good =
            r#"{"version":1,"taken":5,"limit":3600,"per_second":1,"tokens":-30,"at_ms":1791244800000}"#;
        for (text, now, known) in [
            (good.to_owned(), NOW, true),
            (good.to_owned(), NOW + STALE_MS, false),
            (good.to_owned(), NOW - 60_000, false),
            (good.replace("\"version\":1", "\"version\":2"), NOW, false),
            (good.replace("\"per_second\":1", "\"per_second\":0"), NOW, false),
            (good.replace("-30", "1e999"), NOW, false),
            (good[..40].to_owned(), NOW, false),
            (String::new(), NOW, false),
            ("x".repeat(100_000), NOW, false),
        ] {
            let (_dir, ledger) = ledger();
            take_at(&ledger, NOW);
            fs::write(&ledger.path, &text).unwrap();
            let wait = take_at(&ledger, now).wait;
            assert_eq!(wait.as_secs() == 31, known, "{text:.60} at {now}: {wait:?}");
            // Whatever there was, it is put right by an answer; those who wait by a good record keep their places.
            learn_at(&ledger, now, Grant::FREE, 0.0);
            let seconds = if known { 32 } else { 1 };
            assert_eq!(take_at(&ledger, now).wait.as_secs(), seconds, "{text:.60}");
        }
    }

    #[tokio::test]
    async fn a_file_that_cannot_be_used_holds_nothing_back() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        let ledger = Ledger::new(&file, "http://127.0.0.1:1/v1", TOKEN);
        assert_eq!(ledger.take().await, Grant::FREE);
        ledger.learn(Grant::FREE, &headers(0.0));
        assert_eq!((ledger.take().await, ledger.allowance()), (Grant::FREE, None));
        assert!(ledger.broken.load(Ordering::Relaxed), "and it is not tried again");
    }

    #[test]
    fn the_file_is_its_users_alone_and_names_no_token() {
        use std::os::unix::fs::PermissionsExt as _;
        let (_dir, ledger) = ledger();
        learn_at(&ledger, NOW, Grant::FREE, 5.0);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&ledger.path), mode(ledger.path.parent().unwrap())), (0o600, 0o700));
        let text = fs::read_to_string(&ledger.path).unwrap();
        assert!(
            !text.contains("token\":\"") && !ledger.path.to_string_lossy().contains("tokentoken"),
            "{text}"
        );
        let other = Ledger::new(ledger.path.parent().unwrap(), "http://127.0.0.1:2/v1", TOKEN);
        assert_ne!(other.path, ledger.path, "another endpoint has another allowance");
    }
}
