//! One trial: a stack is made, changed and removed, each time with something going wrong, and each time what there is
//! afterwards is held against what is declared.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use super::disruption::{Disruption, Kill};
use super::model::{Stack, Work};
use super::{render, world};
use crate::Result;
use crate::local_cloud::{Cloud, LOCAL_DIR, command};
use crate::random::Random;

/// How long a run of the program may take.
const LONGEST_RUN: Duration = Duration::from_secs(180);
/// SIGKILL.
const KILLED: i32 = 9;

/// What all trials have in common.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    /// The ferroform to run.
    pub(super) program: PathBuf,
    /// Nothing is killed, all faults pass, and every apply must succeed.
    pub(super) faults_only: bool,
    /// The program has failpoints.
    pub(super) failpoints: bool,
}

/// What came of a trial.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// The largest number of instances.
    pub(super) instances: usize,
    /// The configurations that were applied.
    pub(super) steps: usize,
    pub(super) kills: usize,
    /// Kills whose place was never reached.
    pub(super) unmet: usize,
    /// How often faults were met.
    pub(super) hits: u64,
    /// What happened, in order.
    pub(super) events: Vec<String>,
    /// What is wrong, with its step.
    pub(super) problems: Vec<String>,
}

/// How a run of the program ended.
struct Run {
    status: ExitStatus,
    stdout: String,
    stderr: String,
}

impl Run {
    fn was_killed(&self) -> bool {
        self.status.signal() == Some(KILLED)
    }

    fn text(&self) -> String {
        format!("{}\n{}{}", self.status, self.stdout, self.stderr)
    }
}

/// Runs the trial of a seed in a directory.
///
/// # Errors
/// When cloud or program cannot be run at all. What is wrong with what they do is in the report.
pub(super) fn run(seed: u64, rules: &Rules, dir: &Path) -> Result<Report> {
    let mut trial =
        Trial { rules, dir, cloud: Cloud::start(&rules.program, dir, 0)?, report: Report::default() };
    let seeded = Random::new(seed);
    let (mut shapes, mut trouble) = (seeded.part(1), seeded.part(2));
    let mut stack = Stack::random(&mut shapes);
    let mut title = "create".to_owned();
    let changes = shapes.between(1, 2);
    let mut before = Stack::empty();
    for step in 0..changes + 2 {
        let work = stack.work_from(&before);
        trial.report.instances = trial.report.instances.max(stack.instances());
        trial.step(&title, &stack, work, &mut trouble)?;
        if !trial.report.problems.is_empty() {
            break;
        }
        before.clone_from(&stack);
        if step < changes {
            title = format!("change: {}", stack.change(&mut shapes).join(", "));
        } else {
            stack = Stack::empty();
            title = "remove everything".to_owned();
        }
    }
    fs::write(dir.join("events.txt"), trial.report.events.join("\n"))?;
    Ok(trial.report)
}

struct Trial<'a> {
    rules: &'a Rules,
    dir: &'a Path,
    cloud: Cloud,
    report: Report,
}

impl Trial<'_> {
    fn step(&mut self, title: &str, stack: &Stack, work: Work, random: &mut Random) -> Result<()> {
        self.report.steps += 1;
        self.note(format!("step {}, {} instances: {title}", self.report.steps, stack.instances()));
        self.configure(&render::files(stack))?;
        if self.rules.faults_only {
            let disruption = Disruption::passing(random, work);
            let run = self.disrupted(&disruption)?;
            if !run.status.success() {
                return self.problem("an apply with faults that pass does not succeed", &run);
            }
        } else {
            // One in three is disrupted again while it recovers.
            let times = if random.percent(33) { 2 } else { 1 };
            for _ in 0..times {
                let disruption =
                    Disruption::random(random, work, !stack.has_new_first(), self.rules.failpoints);
                let run = self.disrupted(&disruption)?;
                if run.status.code() != Some(0) && run.status.code() != Some(1) && !run.was_killed() {
                    return self.problem("an apply ends neither well nor with an error", &run);
                }
            }
            let run = self.finish(self.apply(10, None)?)?;
            if !run.status.success() {
                return self.problem("the apply after it does not succeed", &run);
            }
        }
        self.check(stack)
    }

    /// Applies with something going wrong; the faults are gone after.
    fn disrupted(&mut self, disruption: &Disruption) -> Result<Run> {
        for fault in &disruption.faults {
            self.note(format!("  fault {fault}"));
            self.cloud.fault(fault)?;
        }
        let run = match &disruption.kill {
            Some(kill) => {
                self.note(format!("  kill at {kill}, {} at once", disruption.parallelism));
                self.killed(kill, disruption.parallelism)?
            }
            None => self.finish(self.apply(disruption.parallelism, None)?)?,
        };
        let hits = self.cloud.hits()?;
        self.report.hits += hits;
        self.cloud.clear_faults()?;
        if run.was_killed() {
            self.report.kills += 1;
        } else {
            self.report.unmet += usize::from(disruption.kill.is_some());
        }
        self.note(format!("  {}, faults met {hits} times", run.status));
        Ok(run)
    }

    fn killed(&mut self, kill: &Kill, parallelism: usize) -> Result<Run> {
        let fault = kill.fault().map(|fault| self.cloud.fault(&fault)).transpose()?;
        let point = match kill {
            Kill::Point { window, nth } => Some(format!("{window}:{nth}")),
            Kill::Held { .. } => None,
        };
        let mut running = self.apply(parallelism, point.as_deref())?;
        if let Some(fault) = fault {
            while running.child.try_wait()?.is_none() {
                if self.cloud.held(fault)? > 0 {
                    running.child.kill()?;
                    break;
                }
                running.within_limit()?;
                std::thread::sleep(Duration::from_millis(2));
            }
        }
        self.finish(running)
    }

    fn apply(&self, parallelism: usize, failpoint: Option<&str>) -> Result<Running> {
        let parallelism = format!("-parallelism={parallelism}");
        let words = ["apply", "-local", "-auto-approve", "-no-color", &parallelism];
        Running::start(&self.rules.program, self.dir, &words, failpoint)
    }

    fn finish(&self, mut running: Running) -> Result<Run> {
        let status = loop {
            if let Some(status) = running.child.try_wait()? {
                break status;
            }
            running.within_limit()?;
            std::thread::sleep(Duration::from_millis(2));
        };
        let read = |name: &str| -> Result<String> {
            Ok(String::from_utf8_lossy(&fs::read(self.dir.join(name))?).into_owned())
        };
        Ok(Run { status, stdout: read("stdout.txt")?, stderr: read("stderr.txt")? })
    }

    /// What there is must be what is declared, and nothing must remain to be done.
    fn check(&mut self, stack: &Stack) -> Result<()> {
        let objects = self.cloud.objects()?;
        let path = self.dir.join(LOCAL_DIR).join("terraform.tfstate");
        let state =
            serde_json::from_slice(&fs::read(&path).map_err(|e| format!("{}: {e}", path.display()))?)?;
        let mut wrong = world::differences(&world::expected(stack), &world::found(&objects));
        wrong.extend(world::state_problems(stack, &state, &objects));
        if self.dir.join(LOCAL_DIR).join("terraform.tfstate.journal").exists() {
            wrong.push("the journal was not ended".to_owned());
        }
        let words = ["plan", "-local", "-detailed-exitcode", "-no-color"];
        let plan = self.finish(Running::start(&self.rules.program, self.dir, &words, None)?)?;
        if !plan.status.success() {
            wrong.push(format!("a further plan is not empty: {}", plan.text()));
        }
        let step = self.report.steps;
        self.report.problems.extend(wrong.into_iter().map(|what| format!("step {step}: {what}")));
        Ok(())
    }

    fn configure(&self, files: &BTreeMap<String, String>) -> Result<()> {
        for entry in fs::read_dir(self.dir)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with("m_") {
                fs::remove_dir_all(entry.path())?;
            }
        }
        for (path, text) in files {
            let path = self.dir.join(path);
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)?;
            }
            fs::write(path, text)?;
        }
        Ok(())
    }

    fn problem(&mut self, what: &str, run: &Run) -> Result<()> {
        let step = self.report.steps;
        self.report.problems.push(format!("step {step}: {what}: {}", run.text()));
        Ok(())
    }

    fn note(&mut self, event: String) {
        self.report.events.push(event);
    }
}

/// The program while it runs. Dropped, it is killed.
struct Running {
    child: std::process::Child,
    begun: Instant,
    line: String,
}

impl Running {
    fn start(program: &Path, dir: &Path, words: &[&str], failpoint: Option<&str>) -> Result<Self> {
        let mut command = command(program, dir);
        command.args(words);
        if let Some(failpoint) = failpoint {
            command.env("FERROFORM_FAILPOINT", failpoint);
        }
        command.stdout(File::create(dir.join("stdout.txt"))?).stderr(File::create(dir.join("stderr.txt"))?);
        Ok(Running { child: command.spawn()?, begun: Instant::now(), line: words.join(" ") })
    }

    fn within_limit(&self) -> Result<()> {
        if self.begun.elapsed() < LONGEST_RUN {
            return Ok(());
        }
        Err(format!("`{}` does not end within {} s", self.line, LONGEST_RUN.as_secs()).into())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended already where all is well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
