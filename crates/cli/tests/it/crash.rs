//! Never lose an object: a run that is killed at any instant is finished by the next one, without orphan or duplicate.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::cloud::Cloud;
use crate::harness::{PUBLIC_KEY, Project, Run, say};
use crate::kinds::{KINDS, Kind, declared};
use crate::world::{counts, difference, normalised};

type World = BTreeMap<String, Vec<Value>>;

const APPLY: &str = "apply -local -auto-approve -no-color";
const PLAN: &str = "plan -local -detailed-exitcode -no-color";

/// When a run is killed.
#[derive(Clone, Debug)]
enum Window {
    /// By itself, at a failpoint of its n-th operation.
    Point(&'static str, u64),
    /// From outside, while the answer to a request that was executed is held back.
    Held(String, u64),
}

impl Window {
    /// The window of the five that it is one of.
    fn name(&self) -> &'static str {
        match self {
            Window::Point("before-intent", _) => "1 before the intent",
            Window::Point("after-intent", _) => "2 between intent and send",
            Window::Held(..) => "3 after the effect, before the answer",
            Window::Point("after-result", _) => "5 between result and state",
            Window::Point(..) => "4 between answer and result",
        }
    }
}

/// A type's stages, applied once without a crash.
struct Reference {
    worlds: Vec<World>,
    /// All windows of the step to the next stage.
    windows: Vec<Vec<Window>>,
}

/// The numbers of the last line of an apply: added, changed, destroyed.
fn operations(run: &Run) -> [u64; 3] {
    let line = run.stdout.lines().find(|line| line.contains("Resources: "));
    let line = line.unwrap_or_else(|| panic!("no summary: {run}"));
    let numbers: Vec<u64> =
        line.split(|c: char| !c.is_ascii_digit()).filter_map(|word| word.parse().ok()).collect();
    numbers.try_into().unwrap_or_else(|_| panic!("no three numbers: {line}"))
}

fn reference(kind: &Kind, project: &Project, cloud: &Cloud) -> Reference {
    let stages = kind.stages();
    let mut worlds = Vec::new();
    let mut windows = Vec::new();
    for stage in [0, 1, 2, 0] {
        cloud.reset_requests();
        project.configure(&stages[stage]);
        let run = project.run(APPLY).ok();
        let [added, changed, destroyed] = operations(&run);
        let mut found: Vec<Window> = Vec::new();
        for n in 1..=added + changed + destroyed {
            let points = ["before-intent", "after-intent", "before-result", "after-result"];
            found.extend(points.map(|point| Window::Point(point, n)));
        }
        for n in 1..=added {
            found.extend(["before-checkpoint", "after-checkpoint"].map(|point| Window::Point(point, n)));
        }
        for (route, count) in cloud.requests() {
            if !route.starts_with("GET ") && !route.starts_with("HEAD ") {
                found.extend((0..count).map(|skip| Window::Held(route.clone(), skip)));
            }
        }
        let objects = cloud.objects();
        assert_eq!(counts(&objects), declared(&stages[stage]), "{} at stage {stage}: {run}", kind.name);
        worlds.push(normalised(&objects));
        windows.push(found);
    }
    // From nothing to the surroundings is not part of the trial.
    windows.remove(0);
    assert!(windows.iter().all(|w| !w.is_empty()), "{}: a step changes nothing", kind.name);
    assert_ne!(worlds[0], worlds[1], "{}: creating shows nowhere", kind.name);
    assert_ne!(worlds[1], worlds[2], "{}: changing shows nowhere", kind.name);
    assert_eq!(worlds[3], worlds[0], "{}: {}", kind.name, difference(&worlds[0], &worlds[3]));
    worlds.truncate(3);
    Reference { worlds, windows }
}

/// Applies what is configured, killed in a window.
fn crash(project: &Project, cloud: &Cloud, window: &Window) -> Result<(), String> {
    let run = match window {
        Window::Point(point, n) => project.run_with(APPLY, "FERROFORM_FAILPOINT", &format!("{point}:{n}")),
        Window::Held(route, skip) => {
            let fault = cloud.hold(route, *skip);
            let running = project.start(APPLY);
            running.until(|| cloud.holds(fault));
            let run = running.kill();
            cloud.clear_faults();
            run
        }
    };
    if run.was_killed() { Ok(()) } else { Err(format!("the window was not met: {run}")) }
}

/// The next run completes, the world holds exactly what is wanted, and nothing remains to be done.
fn recover(project: &Project, cloud: &Cloud, wanted: &World, failpoint: &str) -> Result<(), String> {
    let run = project.run_with(APPLY, "FERROFORM_FAILPOINT", failpoint);
    if run.code() != Some(0) {
        return Err(format!("the next apply did not complete: {run}"));
    }
    let found = normalised(&cloud.objects());
    if found != *wanted {
        return Err(format!("the world is not as wanted:\n{}{run}", difference(wanted, &found)));
    }
    let plan = project.run(PLAN);
    if plan.code() != Some(0) {
        return Err(format!("a further plan is not empty: {plan}"));
    }
    let leftover = project.path(".terraform/local/terraform.tfstate.journal");
    if leftover.exists() { Err("the journal was not ended".to_owned()) } else { Ok(()) }
}

#[derive(Default)]
struct Tally {
    killed: BTreeMap<(&'static str, &'static str), usize>,
    failures: Vec<String>,
}

const STEPS: [&str; 3] = ["create", "change", "delete"];

/// Tries all windows of all steps of a type.
fn try_kind(kind: &Kind, tally: &Mutex<Tally>) {
    let begin = || {
        let mut project = Project::new("");
        let cloud = project.serve(0.0);
        (project, cloud)
    };
    let (mut project, mut cloud) = begin();
    let reference = reference(kind, &project, &cloud);
    let stages = kind.stages();
    let rounds = reference.windows.iter().map(Vec::len).max().unwrap_or(0);
    for round in 0..rounds {
        for (step, (name, windows)) in STEPS.iter().zip(&reference.windows).enumerate() {
            let next = (step + 1) % 3;
            project.configure(&stages[next]);
            let Some(window) = windows.get(round) else {
                project.run(APPLY).ok();
                continue;
            };
            let outcome = crash(&project, &cloud, window)
                .and_then(|()| recover(&project, &cloud, &reference.worlds[next], ""));
            let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
            *tally.killed.entry((window.name(), name)).or_default() += 1;
            if let Err(why) = outcome {
                tally.failures.push(format!("{}, {name} killed at {window:?}: {why}", kind.name));
                drop(tally);
                // On with a world that is in order.
                (project, cloud) = begin();
                project.configure(&stages[next]);
                project.run(APPLY).ok();
            }
        }
    }
}

/// Runs something for every index below `count`, on all processors.
fn in_parallel(count: usize, work: impl Fn(usize) + Sync) {
    let workers = std::thread::available_parallelism().map_or(2, usize::from).clamp(2, 8);
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..workers.min(count) {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= count {
                        return;
                    }
                    work(index);
                }
            });
        }
    });
}

/// The kinds to try: all, or those whose names hold `FERROFORM_CRASH_KINDS`.
fn kinds() -> Vec<&'static Kind> {
    let wanted = std::env::var("FERROFORM_CRASH_KINDS").unwrap_or_default();
    KINDS.iter().filter(|kind| kind.name.contains(&wanted)).collect()
}

#[test]
fn every_mutation_survives_being_killed_in_every_window() {
    let begun = Instant::now();
    let tally = Mutex::new(Tally::default());
    let kinds = kinds();
    in_parallel(kinds.len(), |index| {
        let outcome =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| try_kind(kinds[index], &tally)));
        if let Err(panic) = outcome {
            let why = panic.downcast_ref::<String>().cloned().unwrap_or_else(|| "no message".to_owned());
            let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
            tally.failures.push(format!("{}: {why}", kinds[index].name));
        }
    });
    let tally = tally.into_inner().unwrap_or_else(PoisonError::into_inner);
    let total: usize = tally.killed.values().sum();
    for ((window, step), count) in &tally.killed {
        say(&format!("killed {count:3} times: {step}, window {window}"));
    }
    say(&format!(
        "{} kinds of resources, {total} kills, {} failures, {:.0} s",
        kinds.len(),
        tally.failures.len(),
        begun.elapsed().as_secs_f64()
    ));
    assert!(tally.failures.is_empty(), "{} failures:\n{}", tally.failures.len(), tally.failures.join("\n\n"));
    assert_eq!(tally.killed.len(), 15, "all five windows in all three steps");
}

/// What the test above rests on is seen to matter.
#[test]
fn the_same_check_fails_when_settlement_is_switched_off() {
    let mut failed = 0;
    let unique =
        ["hcloud_network", "hcloud_ssh_key", "hcloud_firewall", "hcloud_placement_group", "hcloud_volume"];
    for kind in KINDS.iter().filter(|kind| unique.contains(&kind.name)) {
        for failpoint in ["", "no-settlement"] {
            let mut project = Project::new("");
            let cloud = project.serve(0.0);
            let reference = reference(kind, &project, &cloud);
            project.configure(&kind.stages()[1]);
            let held = reference.windows[0].iter().find(|w| matches!(w, Window::Held(..))).unwrap();
            crash(&project, &cloud, held).unwrap();
            let outcome = recover(&project, &cloud, &reference.worlds[1], failpoint);
            assert_eq!(outcome.is_ok(), failpoint.is_empty(), "{}, {failpoint:?}: {outcome:?}", kind.name);
            failed += usize::from(outcome.is_err());
        }
    }
    assert_eq!(failed, unique.len());
    say(&format!("without settlement {failed} of {} checks fail", unique.len()));
}

/// A sequence that is the same for the same seed: SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 up to 1.
    fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// A stack in a cloud that takes a little time for each answer.
fn slow_stack() -> Option<(Project, Cloud)> {
    let mut project = Project::stack("nornos/dev")?.env("TF_VAR_ssh_public_key", PUBLIC_KEY);
    let cloud = project.serve(0.0);
    for method in ["POST", "PUT"] {
        let effect = json!({"delay": {"milliseconds": 20}});
        cloud.fault(&json!({"method": method, "count": 0, "effect": effect}));
    }
    Some((project, cloud))
}

/// How far a killed run had come.
#[derive(Clone, Copy, PartialEq)]
enum Progress {
    Nothing,
    Some,
    All,
    /// It had ended by itself.
    Ended,
}

/// Kills an apply: while it plans, or at a time after the first object came to be. How far it had come.
fn kill_at(project: &Project, cloud: &Cloud, at: When, objects: usize) -> Result<Progress, String> {
    let running = project.start(APPLY);
    if let When::AfterFirst(_) = at {
        running.until(|| !counts(&cloud.objects()).is_empty());
    }
    let (When::Begun(pause) | When::AfterFirst(pause)) = at;
    let end = Instant::now() + pause;
    running.until(|| Instant::now() >= end);
    let run = running.kill();
    match counts(&cloud.objects()).values().sum::<usize>() {
        _ if !run.was_killed() && run.code() == Some(0) => Ok(Progress::Ended),
        _ if !run.was_killed() => Err(format!("it failed before it was killed: {run}")),
        0 => Ok(Progress::Nothing),
        there if there < objects => Ok(Progress::Some),
        _ => Ok(Progress::All),
    }
}

/// When to kill a run.
#[derive(Clone, Copy, Debug)]
enum When {
    /// So long after its beginning.
    Begun(Duration),
    /// So long after the first object came to be, or after its beginning if there were some.
    AfterFirst(Duration),
}

#[test]
fn an_apply_killed_at_any_instant_is_finished_by_the_next() {
    let seeds: usize = std::env::var("FERROFORM_CHAOS_SEEDS").ok().and_then(|s| s.parse().ok()).unwrap_or(50);
    let Some((project, cloud)) = slow_stack() else { return };
    let planning = project.run(PLAN).code_is(2).elapsed;
    let applying = project.run(APPLY).ok().elapsed.saturating_sub(planning);
    let wanted = normalised(&cloud.objects());
    let objects: usize = counts(&cloud.objects()).values().sum();
    drop(project);
    let begun = Instant::now();
    let failures = Mutex::new(Vec::new());
    let killed = Mutex::new(Vec::new());
    in_parallel(seeds, |seed| {
        let mut random = Random(seed as u64);
        // Most instants are in the part where something can be lost. With others at work it takes longer than alone.
        let first = match random.fraction() {
            f if f < 0.1 => When::Begun(planning.mul_f64(random.fraction())),
            _ => When::AfterFirst(applying.mul_f64(1.4 * random.fraction())),
        };
        // One in four is killed a second time while it recovers.
        let again = random.fraction() < 0.25;
        let second = again.then(|| When::AfterFirst((planning + applying).mul_f64(random.fraction())));
        let (project, cloud) = slow_stack().unwrap();
        let outcome = std::iter::once(first).chain(second).try_for_each(|at| {
            let progress = kill_at(&project, &cloud, at, objects)?;
            killed.lock().unwrap_or_else(PoisonError::into_inner).push(progress);
            Ok(())
        });
        let outcome: Result<(), String> = outcome.and_then(|()| recover(&project, &cloud, &wanted, ""));
        if let Err(why) = outcome {
            let mut failures = failures.lock().unwrap_or_else(PoisonError::into_inner);
            failures.push(format!("seed {seed}, killed at {first:?}, {second:?}: {why}"));
        }
    });
    let killed = killed.into_inner().unwrap_or_else(PoisonError::into_inner);
    let failures = failures.into_inner().unwrap_or_else(PoisonError::into_inner);
    let times = |progress| killed.iter().filter(|p| **p == progress).count();
    let some = times(Progress::Some);
    say(&format!(
        "{seeds} seeds on a world of {objects} objects: killed {} times before the first, {some} times among them, {} times \
         after the last, {} times too late; {} failures, {:.0} s",
        times(Progress::Nothing),
        times(Progress::All),
        times(Progress::Ended),
        failures.len(),
        begun.elapsed().as_secs_f64()
    ));
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n\n"));
    assert!(seeds < 20 || some * 3 > seeds, "too few instants hit the applying itself");
}
