//! Terraform with the plugin, and Ferroform alone, do the same.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use ferroform_state::State;
use serde_json::{Value as Json, json};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::case::{self, Case};
use crate::cloud::Cloud;
use crate::compare::{differences, named, settled};
use crate::ferroform;
use crate::terraform::{self, Terraform};

/// How to make recordings.
const RECORD: &str = "run `cargo xtask oracle provider`";
/// The least number of configurations that must be there.
const LEAST: usize = 80;
/// How many cases are worked on at once.
const WORKERS: usize = 3;

/// Differences from Terraform that are meant: case, place that begins so, reason.
const MEANT: &[(&str, &str, &str)] = &[
    ("server-group", "2/applied/objects/hcloud_server.web/dependencies", STILL_NEEDED),
    ("server-group", "2/applied/diagnostics", ONCE),
    ("subnet-outside-network", "1/", AHEAD),
    ("stack", "2/drift", "what somebody else has changed is told before a destruction too"),
];
/// Over the plugin protocol an unknown id does not say whose it is.
const AHEAD: &str = "what does not fit together among new objects is found while planning";
/// Terraform plans every change once more while it applies.
const ONCE: &str = "what a plan warns of is not said again when it is applied";
/// Its update fails. Terraform forgets then what the object hangs on still, and may delete that first in the next run.
const STILL_NEEDED: &str = "a failed update keeps what it needed before";

fn recording(name: &str) -> PathBuf {
    case::root().join("recorded").join(name).with_extension("json")
}

#[tokio::test(flavor = "multi_thread")]
async fn ferroform_does_what_terraform_does_with_the_plugin() {
    let recorded = case::names("recorded", "json");
    assert_eq!(case::names("cases", "txt"), recorded, "{RECORD}");
    let reports = each(case::all(), compare).await;
    let mut met = BTreeSet::new();
    let mut report = String::new();
    let compared = reports.len();
    for (name, differing) in reports {
        for (place, ours, theirs) in differing {
            let meant = MEANT.iter().position(|(case, part, _)| *case == name && place.starts_with(part));
            match meant {
                Some(index) => _ = met.insert(index),
                None => {
                    let _ = writeln!(report, "{name}: {place}\n  Ferroform: {ours}\n  Terraform: {theirs}");
                }
            }
        }
    }
    for (index, (case, part, _)) in MEANT.iter().enumerate() {
        if !met.contains(&index) {
            let _ = writeln!(report, "{case}: {part} is the same as Terraform's; no need to excuse it");
        }
    }
    assert!(report.is_empty(), "\n{report}");
    assert!(compared >= LEAST, "only {compared} cases were compared");
}

/// What Ferroform does otherwise than the recording says.
async fn compare(case: Case) -> (String, Vec<(String, Json, Json)>) {
    let recorded: Json = serde_json::from_slice(&std::fs::read(recording(&case.name)).unwrap()).unwrap();
    assert_eq!(recorded["case"], *case.text, "{} has changed: {RECORD}", case.name);
    let (steps, _, cloud) = by_ferroform(&case).await;
    cloud.stop().await;
    (case.name, differences(&named(&settled(&json!(steps))), &named(&recorded["steps"])))
}

/// The steps as Ferroform does them, the state after, and the cloud.
async fn by_ferroform(case: &Case) -> (Vec<Json>, State, Cloud) {
    let mut cloud = Cloud::start().await;
    let mut state = State::with_lineage("test");
    let mut steps = Vec::new();
    for step in &case.steps {
        cloud.outside(&step.outside, Some(&ferroform::written(&state))).await;
        let (record, after) = ferroform::step(&cloud, step, state).await;
        state = after;
        steps.push(record);
    }
    (steps, state, cloud)
}

/// Records, or compares: see `FERROFORM_ORACLE` in `oracle/README.md`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "slow: `cargo xtask oracle provider` runs it"]
async fn terraform_says_what_is_recorded() {
    assert!(terraform::is_there(), "there is no Terraform to ask");
    let record = std::env::var("FERROFORM_ORACLE").is_ok_and(|mode| mode == "record");
    let only = std::env::var("FERROFORM_ORACLE_CASES").unwrap_or_default();
    let only: BTreeSet<&str> = only.split(',').filter(|name| !name.is_empty()).collect();
    let cases =
        case::all().into_iter().filter(|case| only.is_empty() || only.contains(&*case.name)).collect();
    let mut report = String::new();
    for (name, answer, problems) in each(cases, ask).await {
        let path = recording(&name);
        let before: Json =
            std::fs::read(&path).ok().and_then(|t| serde_json::from_slice(&t).ok()).unwrap_or_default();
        let differing = differences(&named(&before["steps"]), &named(&answer["steps"]));
        if before["case"] == answer["case"] && differing.is_empty() {
            // Written anew it would differ by chance only.
        } else if record {
            std::fs::write(path, format!("{answer:#}\n")).unwrap();
        } else {
            let _ = writeln!(report, "{name}: the recording differs from Terraform; {RECORD}/{name}");
            for (place, recorded, now) in differing {
                let _ = writeln!(report, "  {place}\n    recorded: {recorded}\n    Terraform: {now}");
            }
        }
        for problem in problems {
            let _ = writeln!(report, "{name}: {problem}");
        }
    }
    assert!(report.is_empty(), "\n{report}");
}

/// The recording of a case, and where either engine does not agree with the other's state.
async fn ask(case: Case) -> (String, Json, Vec<String>) {
    let mut problems = Vec::new();
    let mut cloud = Cloud::start().await;
    let terraform = Terraform::new(&cloud);
    let mut steps = Vec::new();
    for (index, step) in case.steps.iter().enumerate() {
        cloud.outside(&step.outside, terraform.state().as_ref()).await;
        let record = terraform.step(&cloud, step).await;
        if is_done(&record) {
            let state = terraform.state().map(|state| ferroform::read_state(&state.to_string()));
            let left =
                ferroform::left_to_do(&cloud, step, state.unwrap_or_else(|| State::with_lineage("test")))
                    .await;
            problems.extend(
                left.into_iter()
                    .map(|l| format!("after step {} of Terraform, Ferroform has: {l}", index + 1)),
            );
        }
        steps.push(record);
    }
    cloud.stop().await;

    let (records, state, cloud) = by_ferroform(&case).await;
    if let (Some(step), Some(record)) = (case.steps.last(), records.last())
        && is_done(record)
    {
        let terraform = Terraform::new(&cloud);
        terraform.take_over(&ferroform::written(&state));
        terraform.configure(&cloud, step);
        let left = terraform.left_to_do(&ferroform::kept_options(step)).await;
        problems.extend(left.map(|l| format!("after Ferroform, Terraform has: {l}")));
    }
    cloud.stop().await;
    let recording = json!({ "case": case.text, "steps": settled(&json!(steps)) });
    (case.name, recording, problems)
}

/// Whether a step was applied without errors.
fn is_done(record: &Json) -> bool {
    let applied = record["applied"]["diagnostics"].as_array();
    applied.is_some_and(|all| all.iter().all(|d| d["severity"] != "error"))
}

/// Works on all cases, some at a time; the results in the order of the cases.
async fn each<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
    cases: Vec<Case>,
    work: fn(Case) -> F,
) -> Vec<T> {
    let places = Arc::new(Semaphore::new(WORKERS));
    let mut running = JoinSet::new();
    for (index, case) in cases.into_iter().enumerate() {
        let places = Arc::clone(&places);
        running.spawn(async move {
            let _place = places.acquire().await.unwrap();
            (index, work(case).await)
        });
    }
    let mut done = running.join_all().await;
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}
