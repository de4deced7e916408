//! `cargo xtask flaky`: tests that fail now and then, found before they do.
//!
//! Every test runs in a process of its own, many of them at a time and each of them several times, while processes chosen
//! at random, those that tests begin among them, are stopped for a moment and go on: what a loaded computer does once in a
//! thousand runs is done to each of them. A test that takes a moment of another process for granted fails here.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value as Json;

use crate::random::Random;
use crate::{Result, say, workspace_root};

const USAGE: &str = "usage: flaky [option…] [text…]

  text               only tests with one of these texts in PACKAGE::TEST
  --except TEXT      none with this text; may be given many times
  --runs N           how often each test runs (2)
  --jobs N           tests at the same time (8)
  --minutes N        begins no test after so long (60)
  --seed N           of the order, and of who is stopped (1)
  --no-pauses        nobody is stopped";

/// The time between two pauses.
const EVERY: Duration = Duration::from_millis(30);
/// How long somebody is stopped, in milliseconds: bounds on time in tests are longer.
const PAUSES: [u64; 6] = [20, 100, 100, 300, 700, 1500];

#[derive(Debug, PartialEq)]
struct Options {
    only: Vec<String>,
    except: Vec<String>,
    runs: usize,
    jobs: usize,
    minutes: u64,
    seed: u64,
    pauses: bool,
}

impl Options {
    fn parse(args: &[String]) -> Result<Self> {
        let mut options = Options {
            only: Vec::new(),
            except: Vec::new(),
            runs: 2,
            jobs: 8,
            minutes: 60,
            seed: 1,
            pauses: true,
        };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or_else(|| format!("{arg} needs a value\n\n{USAGE}"));
            match arg.as_str() {
                "--except" => options.except.push(value()?.clone()),
                "--runs" => options.runs = value()?.parse()?,
                "--jobs" => options.jobs = value()?.parse()?,
                "--minutes" => options.minutes = value()?.parse()?,
                "--seed" => options.seed = value()?.parse()?,
                "--no-pauses" => options.pauses = false,
                option if option.starts_with('-') => {
                    return Err(format!("{option} is not known\n\n{USAGE}").into());
                }
                text => options.only.push(text.to_owned()),
            }
        }
        Ok(options)
    }

    fn wants(&self, test: &Test) -> bool {
        let name = test.to_string();
        let has = |text: &String| name.contains(text.as_str());
        (self.only.is_empty() || self.only.iter().any(has)) && !self.except.iter().any(has)
    }
}

/// A binary of tests, and where cargo runs it.
#[derive(Debug, Clone, PartialEq)]
struct Binary {
    package: String,
    executable: PathBuf,
    folder: PathBuf,
}

#[derive(Debug, Clone)]
struct Test {
    binary: Binary,
    name: String,
}

impl std::fmt::Display for Test {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}::{}", self.binary.package, self.name)
    }
}

/// What came of the runs of a test.
#[derive(Debug, Default)]
struct Record {
    runs: usize,
    failed: usize,
    longest: Duration,
}

/// Runs the command.
///
/// # Errors
/// When tests cannot be built or listed, or one fails.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let options = Options::parse(args)?;
    let mut random = Random::new(options.seed);
    let mut tests: Vec<Test> = Vec::new();
    for binary in binaries()? {
        tests.extend(listed(&binary)?.into_iter().filter(|test| options.wants(test)));
    }
    say(&format!("flaky: {} tests, {} times each, {} at a time", tests.len(), options.runs, options.jobs))?;
    let mut order: Vec<&Test> = (0..options.runs).flat_map(|_| &tests).collect();
    for last in (1..order.len()).rev() {
        order.swap(last, random.below(last + 1));
    }
    let begun = Instant::now();
    let records: Mutex<BTreeMap<String, Record>> = Mutex::default();
    let (next, over) = (AtomicUsize::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..options.jobs)
            .map(|_| {
                scope.spawn(|| {
                    while begun.elapsed() < Duration::from_secs(60 * options.minutes)
                        && let Some(test) = order.get(next.fetch_add(1, Ordering::Relaxed))
                    {
                        once(test, &records);
                    }
                })
            })
            .collect();
        if options.pauses {
            scope.spawn(|| disturb(random, &over));
        }
        for worker in workers {
            // What panics is reported by the scope.
            let _ = worker.join();
        }
        over.store(true, Ordering::Relaxed);
    });
    let records = records.into_inner().unwrap_or_else(PoisonError::into_inner);
    say(&summary(&records, begun.elapsed()))?;
    match records.values().filter(|record| record.failed > 0).count() {
        0 => Ok(()),
        failed => Err(format!("flaky: {failed} of {} tests failed", records.len()).into()),
    }
}

/// Builds all tests.
fn binaries() -> Result<Vec<Binary>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["test", "--workspace", "--no-run", "--message-format", "json"])
        .current_dir(workspace_root())
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err("the tests cannot be built".into());
    }
    Ok(String::from_utf8_lossy(&output.stdout).lines().filter_map(built).collect())
}

/// The binary of tests that a line of cargo tells of.
fn built(line: &str) -> Option<Binary> {
    let message: Json = serde_json::from_str(line).ok()?;
    let executable = message["executable"].as_str()?;
    if message["profile"]["test"] != true {
        return None;
    }
    let folder = Path::new(message["manifest_path"].as_str()?).parent()?;
    Some(Binary {
        package: folder.file_name()?.to_str()?.to_owned(),
        executable: executable.into(),
        folder: folder.to_owned(),
    })
}

/// The tests of a binary that run without being asked for by name.
fn listed(binary: &Binary) -> Result<Vec<Test>> {
    let list = |more: &[&str]| -> Result<Vec<String>> {
        let output = Command::new(&binary.executable)
            .args(["--list", "--format", "terse"])
            .args(more)
            .current_dir(&binary.folder)
            .output()?;
        let names = String::from_utf8_lossy(&output.stdout);
        Ok(names.lines().filter_map(|line| line.strip_suffix(": test").map(str::to_owned)).collect())
    };
    let ignored = list(&["--ignored"])?;
    let names = list(&[])?.into_iter().filter(|name| !ignored.contains(name));
    Ok(names.map(|name| Test { binary: binary.clone(), name }).collect())
}

/// Runs a test, and tells of it if it fails.
fn once(test: &Test, records: &Mutex<BTreeMap<String, Record>>) {
    let begun = Instant::now();
    let ran = Command::new(&test.binary.executable)
        .args(["--exact", &test.name])
        .current_dir(&test.binary.folder)
        .stdin(Stdio::null())
        .output();
    let elapsed = begun.elapsed();
    let failure = match &ran {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        )),
        Err(error) => Some(error.to_string()),
    };
    let mut records = records.lock().unwrap_or_else(PoisonError::into_inner);
    let record = records.entry(test.to_string()).or_default();
    record.runs += 1;
    record.longest = record.longest.max(elapsed);
    if let Some(failure) = failure {
        record.failed += 1;
        // A closed standard output is nobody's error.
        let _ = say(&format!("FAILED after {:.1} s: {test}\n{failure}", elapsed.as_secs_f64()));
    }
}

/// Stops processes for a moment until it is over. Whoever is stopped goes on before this ends.
fn disturb(mut random: Random, over: &AtomicBool) {
    let mut stopped: BTreeMap<i32, Instant> = BTreeMap::new();
    let goes_on = |pid: i32| {
        let _ = Pid::from_raw(pid).map(|pid| kill_process(pid, Signal::CONT));
    };
    while !over.load(Ordering::Relaxed) {
        std::thread::sleep(EVERY);
        let now = Instant::now();
        stopped.retain(|pid, until| {
            let stays = *until > now;
            if !stays {
                goes_on(*pid);
            }
            stays
        });
        let all = descendants(&parents(), std::process::id().cast_signed());
        let (Some(pid), Some(pause)) = (random.pick(&all), random.pick(&PAUSES)) else { continue };
        let stop = Pid::from_raw(*pid).map(|pid| kill_process(pid, Signal::STOP));
        if matches!(stop, Some(Ok(()))) {
            stopped.insert(*pid, now + Duration::from_millis(*pause));
        }
    }
    stopped.keys().for_each(|pid| goes_on(*pid));
}

/// Every process of the computer with the one that began it, as far as the system tells.
fn parents() -> Vec<(i32, i32)> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter_map(|pid| Some((pid, parent(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?)))
        .collect()
}

/// The parent in a line of proc(5), `stat`; the name in parentheses may hold anything.
fn parent(stat: &str) -> Option<i32> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

/// The processes that one began, and those that they began.
fn descendants(parents: &[(i32, i32)], of: i32) -> Vec<i32> {
    let mut found = vec![of];
    let mut at = 0;
    while let Some(parent) = found.get(at).copied() {
        found.extend(parents.iter().filter(|(pid, of)| *of == parent && *pid != parent).map(|(pid, _)| *pid));
        at += 1;
    }
    found.split_off(1)
}

fn summary(records: &BTreeMap<String, Record>, elapsed: Duration) -> String {
    let runs: usize = records.values().map(|record| record.runs).sum();
    let mut slowest: Vec<_> = records.iter().collect();
    slowest.sort_by_key(|(_, record)| std::cmp::Reverse(record.longest));
    let mut text = format!("flaky: {runs} runs of {} tests, {:.0} s", records.len(), elapsed.as_secs_f64());
    for (name, record) in slowest.iter().take(5) {
        text.push_str(&format!("\n  {:6.1} s  {name}", record.longest.as_secs_f64()));
    }
    for (name, Record { runs, failed, .. }) in records.iter().filter(|(_, record)| record.failed > 0) {
        text.push_str(&format!("\n  failed {failed} of {runs} times: {name}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_binaries_of_tests_are_run_in_the_folders_of_their_packages() {
        let line = |test: bool, executable: &str| {
            format!(
                "{{\"reason\":\"compiler-artifact\",\"manifest_path\":\"/w/crates/hcl/Cargo.toml\",\"profile\":{{\"test\":{test}}},\
                 \"executable\":{executable}}}"
            )
        };
        let expected = Binary {
            package: "hcl".into(),
            executable: "/t/deps/it-1".into(),
            folder: "/w/crates/hcl".into(),
        };
        assert_eq!(built(&line(true, "\"/t/deps/it-1\"")), Some(expected));
        for other in [line(false, "\"/t/debug/x\""), line(true, "null"), "running".to_owned()] {
            assert_eq!(built(&other), None, "{other}");
        }
    }

    #[test]
    fn descendants_are_found_through_all_generations() {
        let parents = [(1, 0), (5, 1), (6, 5), (7, 6), (8, 1), (9, 5), (0, 0)];
        let mut found = descendants(&parents, 5);
        found.sort_unstable();
        assert_eq!(found, [6, 7, 9]);
        assert_eq!(parent("12 (a ) b) S 7 12 12 0 -1"), Some(7));
    }

    #[test]
    fn options_choose_tests_by_parts_of_their_names() {
        let args: Vec<String> =
            ["state::", "--except", "killed", "--runs", "7", "cli::"].map(str::to_owned).into();
        let options = Options::parse(&args).unwrap();
        assert_eq!((options.runs, options.jobs, options.pauses), (7, 8, true));
        let binary = Binary { package: "state".into(), executable: "/x".into(), folder: "/".into() };
        let wants = |name: &str| options.wants(&Test { binary: binary.clone(), name: name.into() });
        assert!(wants("local::a") && !wants("local::a_killed_run"));
        assert!(Options::parse(&["--runs".to_owned()]).is_err());
        assert!(Options::parse(&["--nonsense".to_owned()]).is_err());
    }
}
