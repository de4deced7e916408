//! `cargo xtask chaos`: never a lost server, tried out.
//!
//! Random stacks of hcloud resources are applied, changed and destroyed on a local cloud while the cloud fails and the
//! program is killed. After each the program runs once more, undisturbed, and then the world must be what the
//! configuration declares: nothing lacks, nothing is left over or there twice, every entry of the state has its object
//! and every object its entry. What is declared is computed from the data that the configuration is written from.
//!
//! Everything is drawn from the seed before it happens, and counted in requests and records, not in time: the same seed
//! gives the same stack, changes, faults and places to kill. Runs that work on one resource at a time (half of them)
//! repeat request by request; in the others, who of ten comes first is up to the scheduler.

mod disruption;
mod facts;
mod model;
mod render;
mod trial;
mod world;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use trial::{Report, Rules};

use crate::{Result, say, workspace_root};

const USAGE: &str = "usage: chaos [option…]

  --seed N           the first seed (1)
  --runs K           how many seeds (50)
  --faults-only      nothing is killed, every fault passes by itself, and every apply must succeed
  --failpoints       kill at failpoints too; the program must be a debug build
  --jobs N           trials at the same time (as many as there are processors)
  --ferroform FILE   the program (target/debug/ferroform)
  --keep             keep the folder of every trial, not only of those that fail";

#[derive(Debug, PartialEq)]
struct Options {
    seed: u64,
    runs: u64,
    jobs: usize,
    faults_only: bool,
    failpoints: bool,
    keep: bool,
    ferroform: Option<PathBuf>,
}

/// One trial with what came of it.
struct Done {
    line: String,
    report: Report,
    failed: bool,
}

/// Runs the command.
///
/// # Errors
/// When the program cannot be run, or a trial fails.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let options = Options::parse(args)?;
    let rules = Rules {
        program: program(options.ferroform.clone())?,
        faults_only: options.faults_only,
        failpoints: options.failpoints,
    };
    let begun = Instant::now();
    let next = AtomicU64::new(0);
    let waiting: Mutex<BTreeMap<u64, Done>> = Mutex::default();
    let told: Mutex<Tally> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..options.jobs {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= options.runs {
                        return;
                    }
                    let done = one(options.seed.wrapping_add(index), &rules, &options);
                    let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
                    waiting.insert(index, done);
                    let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
                    // In the order of the seeds, whoever is done first.
                    while let Some(done) = waiting.remove(&told.trials) {
                        told.add(&done);
                    }
                }
            });
        }
    });
    let tally = told.into_inner().unwrap_or_else(PoisonError::into_inner);
    say(&tally.summary(begun.elapsed()))?;
    if tally.failed.is_empty() {
        Ok(())
    } else {
        Err(format!("chaos: {} of {} trials failed", tally.failed.len(), tally.trials).into())
    }
}

/// Runs one trial. Its folder goes unless it failed or is to be kept.
fn one(seed: u64, rules: &Rules, options: &Options) -> Done {
    let begun = Instant::now();
    let folder = tempfile::Builder::new().prefix(&format!("chaos-{seed}-")).tempdir();
    let tried = folder.map_err(Into::into).map(|dir| (trial::run(seed, rules, dir.path()), dir));
    let broken =
        |error: Box<dyn std::error::Error>| Report { problems: vec![error.to_string()], ..Report::default() };
    let (report, kept) = match tried {
        Ok((report, dir)) => {
            let report = report.unwrap_or_else(broken);
            let keep = options.keep || !report.problems.is_empty();
            (report, keep.then(|| dir.keep()))
        }
        Err(error) => (broken(error), None),
    };
    let failed = !report.problems.is_empty();
    let Report { instances, steps, kills, unmet, hits, .. } = &report;
    let mut line = format!(
        "seed {seed}: {}, {instances} instances, {steps} steps, {kills} kills ({unmet} not met), {hits} faults, {:.1} s",
        if failed { "FAILED" } else { "ok" },
        begun.elapsed().as_secs_f64()
    );
    for text in report.events.iter().filter(|_| failed).chain(&report.problems) {
        line.push_str("\n  ");
        line.push_str(&text.replace('\n', "\n  "));
    }
    if let Some(kept) = kept {
        line.push_str(&format!("\n  kept: {}", kept.display()));
    }
    if failed {
        let mut again = format!("cargo xtask chaos --seed {seed} --runs 1");
        for (given, option) in
            [(options.faults_only, " --faults-only"), (options.failpoints, " --failpoints")]
        {
            again.push_str(if given { option } else { "" });
        }
        line.push_str(&format!("\n  again: {again}"));
    }
    Done { line, report, failed }
}

/// What all trials amount to.
#[derive(Default)]
struct Tally {
    trials: u64,
    steps: usize,
    kills: usize,
    unmet: usize,
    hits: u64,
    failed: Vec<u64>,
}

impl Tally {
    fn add(&mut self, done: &Done) {
        // A closed standard output is nobody's error.
        let _ = say(&done.line);
        if done.failed {
            self.failed.push(self.trials);
        }
        self.trials += 1;
        self.steps += done.report.steps;
        self.kills += done.report.kills;
        self.unmet += done.report.unmet;
        self.hits += done.report.hits;
    }

    fn summary(&self, elapsed: Duration) -> String {
        format!(
            "chaos: {} trials with {} configurations: killed {} times ({} places were not met), {} faults met; {} failed; {:.0} s",
            self.trials,
            self.steps,
            self.kills,
            self.unmet,
            self.hits,
            self.failed.len(),
            elapsed.as_secs_f64()
        )
    }
}

/// The `ferroform` to try.
fn program(given: Option<PathBuf>) -> Result<PathBuf> {
    let path = given.unwrap_or_else(|| {
        let target = std::env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| workspace_root().join("target"), PathBuf::from);
        target.join("debug/ferroform")
    });
    path.canonicalize().map_err(|error| {
        let path = path.display();
        format!("chaos: {path}: {error}; build it with `cargo build -p ferroform-cli`, or give --ferroform")
            .into()
    })
}

impl Options {
    fn parse(args: &[String]) -> Result<Self> {
        let mut options = Options {
            seed: 1,
            runs: 50,
            jobs: std::thread::available_parallelism().map_or(2, usize::from),
            faults_only: false,
            failpoints: false,
            keep: false,
            ferroform: None,
        };
        let mut words = args.iter();
        while let Some(word) = words.next() {
            let (name, inline) = match word.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (word.as_str(), None),
            };
            let mut value = || {
                let next = inline.clone().or_else(|| words.next().cloned());
                next.ok_or_else(|| format!("chaos: {name} needs a value\n{USAGE}"))
            };
            let number = |text: String| {
                text.parse::<u64>().map_err(|_| format!("chaos: {name}: {text:?} is no number\n{USAGE}"))
            };
            match name {
                "--seed" => options.seed = number(value()?)?,
                "--runs" => options.runs = number(value()?)?,
                "--jobs" => options.jobs = usize::try_from(number(value()?)?)?.clamp(1, 64),
                "--ferroform" => options.ferroform = Some(PathBuf::from(value()?)),
                "--faults-only" => options.faults_only = true,
                "--failpoints" => options.failpoints = true,
                "--keep" => options.keep = true,
                _ => return Err(format!("chaos: unknown option {word}\n{USAGE}").into()),
            }
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_with_either_spelling_and_nonsense_is_refused() {
        let parse =
            |text: &str| Options::parse(&text.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        let options = parse("--seed=7 --runs 3 --faults-only").expect("options");
        assert_eq!((options.seed, options.runs, options.faults_only), (7, 3, true));
        for text in ["--seed", "--runs x", "--what"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
