//! `cargo xtask bench`: runs Ferroform and Terraform in turn on the same configurations and compares them.
//!
//! What is measured is what a user waits for: whole processes, from start to end, each in a directory of its own on
//! a real disk, with state, locks and synced journal as always. Rounds alternate between the two programs, so that
//! whatever else the machine does hits both.

mod cloud;
mod http;
mod measure;
mod programs;
mod report;
mod requests;
mod waits;
mod workload;

use std::path::{Path, PathBuf};

use measure::Sample;
use programs::Program;
use workload::Workload;

use crate::{Result, say, workspace_root};

const USAGE: &str = "usage: bench [option…]
       bench cloud [option…], which measures the local cloud
       bench requests [option…], which counts what a plan asks the cloud
       bench waits [option…], which holds an apply against its critical path

  --plan N,N…        sizes to plan (1000,5000)
  --apply N,N…       sizes to apply, and to plan again without changes (1000)
  --rounds N         runs of each, of which the median counts (5)
  --quick            the same as --rounds 1
  --binary FILE      the ferroform to run, instead of building a release
  --markdown         write the table into docs/benchmarks.md
  --require SHARE    fail when less than this share of a target is reached, such as 0.5";

/// What the command line says.
#[derive(Debug, PartialEq)]
struct Options {
    plan: Vec<usize>,
    apply: Vec<usize>,
    rounds: usize,
    binary: Option<PathBuf>,
    markdown: bool,
    require: Option<f64>,
}

/// All runs of one workload.
struct Measured {
    workload: Workload,
    ferroform: Vec<Sample>,
    /// Empty when Terraform is not there.
    terraform: Vec<Sample>,
}

/// Runs the command.
///
/// # Errors
/// When a program cannot be run or does not do its work, or when less is reached than `--require` asks for.
pub(crate) fn run(args: &[String]) -> Result<()> {
    match args.split_first().map(|(first, rest)| (first.as_str(), rest)) {
        Some(("cloud", rest)) => return cloud::run(rest),
        Some(("requests", rest)) => return requests::run(rest),
        Some(("waits", rest)) => return waits::run(rest),
        _ => {}
    }
    let options = Options::parse(args)?;
    let ferroform = Program::ferroform(&programs::ferroform(options.binary.as_deref())?)?;
    let terraform = Program::terraform()?;
    if terraform.is_none() {
        say("terraform is not on PATH: ferroform is measured alone, without ratios")?;
    }
    let dir = programs::scratch()?;
    let mut measured = Vec::new();
    for workload in options.workloads() {
        measured.push(run_workload(workload, &ferroform, terraform.as_ref(), options.rounds, dir.path())?);
    }
    let table = report::table(&measured);
    say("")?;
    say(&table)?;
    if options.markdown {
        let machine = report::Machine::detect();
        let heading = report::heading(&machine, &ferroform, terraform.as_ref(), options.rounds);
        let document = workspace_root().join("docs/benchmarks.md");
        report::write(&document, report::MARKS, &format!("{heading}\n\n{table}"))?;
    }
    match options.require {
        Some(share) => report::require(&measured, share),
        None => Ok(()),
    }
}

fn run_workload(
    workload: Workload,
    ferroform: &Program,
    terraform: Option<&Program>,
    rounds: usize,
    dir: &Path,
) -> Result<Measured> {
    let mut measured = Measured { workload, ferroform: Vec::new(), terraform: Vec::new() };
    for round in 1..=rounds {
        let sample = workload.run(ferroform, &dir.join("ferroform"))?;
        say(&format!("{workload}, {round} of {rounds}: ferroform {sample}"))?;
        measured.ferroform.push(sample);
        if let Some(terraform) = terraform {
            let sample = workload.run(terraform, &dir.join("terraform"))?;
            say(&format!("{workload}, {round} of {rounds}: terraform {sample}"))?;
            measured.terraform.push(sample);
        }
    }
    Ok(measured)
}

impl Options {
    fn parse(args: &[String]) -> Result<Self> {
        let mut options = Options {
            plan: vec![1000, 5000],
            apply: vec![1000],
            rounds: 5,
            binary: None,
            markdown: false,
            require: None,
        };
        let mut words = args.iter();
        while let Some(word) = words.next() {
            let (name, inline) = match word.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (word.as_str(), None),
            };
            let mut value = || {
                let next = inline.clone().or_else(|| words.next().cloned());
                next.ok_or_else(|| format!("bench: {name} needs a value\n{USAGE}"))
            };
            match name {
                "--plan" => options.plan = sizes(&value()?)?,
                "--apply" => options.apply = sizes(&value()?)?,
                "--rounds" => options.rounds = number(&value()?)?,
                "--quick" => options.rounds = 1,
                "--binary" => options.binary = Some(PathBuf::from(value()?)),
                "--markdown" => options.markdown = true,
                "--require" => {
                    let text = value()?;
                    let share = text.parse().ok().filter(|s: &f64| s.is_finite() && *s >= 0.0);
                    options.require = Some(share.ok_or_else(|| format!("bench: {text:?} is no share"))?);
                }
                _ => return Err(format!("bench: unknown option {word}\n{USAGE}").into()),
            }
        }
        Ok(options)
    }

    fn workloads(&self) -> Vec<Workload> {
        let plans = self.plan.iter().map(|n| Workload::Plan(*n));
        let applies = self.apply.iter().flat_map(|n| [Workload::Apply(*n), Workload::PlanAgain(*n)]);
        plans.chain(applies).collect()
    }
}

fn sizes(text: &str) -> Result<Vec<usize>> {
    text.split(',').filter(|s| !s.is_empty()).map(number).collect()
}

fn number(text: &str) -> Result<usize> {
    match text.trim().parse() {
        Ok(n) if (1..=1_000_000).contains(&n) => Ok(n),
        _ => Err(format!("bench: {text:?} is no number from 1 to 1000000").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Options> {
        Options::parse(&words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn options_are_read_with_either_spelling() {
        let parsed =
            parse(&["--plan=10,20", "--apply", "30", "--quick", "--require", "0.5"]).expect("options");
        assert_eq!(parsed.plan, [10, 20]);
        assert_eq!(parsed.apply, [30]);
        assert_eq!(parsed.rounds, 1);
        assert_eq!(parsed.require, Some(0.5));
    }

    #[test]
    fn nonsense_is_refused() {
        for words in [["--plan", "0"], ["--rounds", "x"], ["--require", "-1"], ["--what", ""]] {
            assert!(parse(&words).is_err(), "{words:?}");
        }
        assert!(parse(&["--plan"]).is_err());
    }
}
