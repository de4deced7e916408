//! Running a process and measuring it.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use wait4::Wait4;

use crate::Result;

/// What a process took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sample {
    /// From the start to the end, as a user waits.
    pub(super) elapsed: Duration,
    /// The greatest resident set, in bytes.
    pub(super) memory: u64,
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", show_duration(self.elapsed), show_memory(self.memory))
    }
}

/// Runs a command to its end, which must be with the given exit code. Its output goes into files, so that no pipe
/// slows it down.
pub(super) fn run(mut command: Command, expected: i32) -> Result<Sample> {
    let (stdout, mut stderr) = (tempfile::tempfile()?, tempfile::tempfile()?);
    command.stdin(Stdio::null()).stdout(stdout).stderr(stderr.try_clone()?);
    let start = Instant::now();
    let child = command.spawn().map_err(|e| format!("{command:?}: {e}"))?;
    let end = child.wait4()?;
    let elapsed = start.elapsed();
    if end.status.code() != Some(expected) {
        let said = read_all(&mut stderr)?;
        return Err(format!("{command:?}: {}, expected exit code {expected}\n{said}", end.status).into());
    }
    Ok(Sample { elapsed, memory: end.rusage.maxrss })
}

fn read_all(file: &mut File) -> Result<String> {
    use std::io::Seek;
    file.rewind()?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The median of the times; of an even number, the mean of the two in the middle.
pub(super) fn median(samples: &[Sample]) -> Option<Duration> {
    let mut times: Vec<Duration> = samples.iter().map(|s| s.elapsed).collect();
    times.sort();
    let upper = *times.get(times.len() / 2)?;
    let lower = *times.get(times.len().saturating_sub(1) / 2)?;
    Some((lower + upper) / 2)
}

/// The greatest memory of all runs.
pub(super) fn peak(samples: &[Sample]) -> Option<u64> {
    samples.iter().map(|s| s.memory).max()
}

/// Milliseconds below ten seconds, seconds above.
pub(super) fn show_duration(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 0.1 {
        format!("{:.1} ms", seconds * 1e3)
    } else if seconds < 1.0 {
        format!("{:.0} ms", seconds * 1e3)
    } else {
        format!("{seconds:.1} s")
    }
}

/// Megabytes of 1,000,000 bytes.
pub(super) fn show_memory(bytes: u64) -> String {
    format!("{} MB", bytes.div_ceil(1_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(ms: u64) -> Sample {
        Sample { elapsed: Duration::from_millis(ms), memory: ms }
    }

    #[test]
    fn the_median_is_the_one_in_the_middle() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[sample(3)]), Some(Duration::from_millis(3)));
        assert_eq!(median(&[sample(9), sample(1), sample(5)]), Some(Duration::from_millis(5)));
        assert_eq!(median(&[sample(4), sample(2)]), Some(Duration::from_millis(3)));
        assert_eq!(peak(&[sample(4), sample(2)]), Some(4));
    }

    #[test]
    fn times_and_sizes_read_well() {
        assert_eq!(show_duration(Duration::from_micros(41_250)), "41.2 ms");
        assert_eq!(show_duration(Duration::from_millis(412)), "412 ms");
        assert_eq!(show_duration(Duration::from_millis(48_120)), "48.1 s");
        assert_eq!(show_memory(149_000_001), "150 MB");
    }

    #[test]
    fn a_process_is_measured_and_its_exit_code_checked() {
        let mut command = Command::new("sh");
        command.args(["-c", "exit 3"]);
        let sample = run(command, 3).expect("the expected exit code");
        assert!(sample.memory > 100_000, "{sample}");
        let mut command = Command::new("sh");
        command.args(["-c", "echo went wrong >&2; exit 1"]);
        let error = run(command, 0).expect_err("another exit code").to_string();
        assert!(error.contains("went wrong"), "{error}");
    }
}
