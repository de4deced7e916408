//! Ferroform's engine and provider in this process.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use ferroform_core::addr::ResourceMode;
use ferroform_core::{Diagnostics, Sources, wire};
use ferroform_engine::planning::{self, PlanInput, Setup};
use ferroform_engine::providers::resource_schema;
use ferroform_engine::{
    ApplyInput, Event, EventSink, PlanOptions, Registry, StopLevel, Surroundings, applying,
};
use ferroform_lang::validate::validate;
use ferroform_lang::{Config, MemoryFiles};
use ferroform_plan::{Plan, PlanMode};
use ferroform_provider::ProviderFactory;
use ferroform_provider_hcloud::{HcloudFactory, Pace, Settings};
use ferroform_state::State;
use ferroform_test_support::MemoryJournal;
use ferroform_test_support::terraform_json::{change, known, objects, output, problems};
use serde_json::{Map, Value as Json, json};
use tokio::sync::watch;

use crate::case::Step;
use crate::cloud::Cloud;

/// When everything is planned.
const TIME: &str = "2026-10-01T00:00:00Z";

struct Deaf;

impl EventSink for Deaf {
    fn emit(&self, _: Event) {}
}

/// Plans a step and applies the plan; gives what Terraform's recording would hold of it, and the state after.
pub(crate) async fn step(cloud: &Cloud, step: &Step, state: State) -> (Json, State) {
    let files = files(cloud, step, &state);
    let (plan, setup, diagnostics) = plan(cloud, &files, &step.options, state.clone()).await;
    let mut out = Map::new();
    out.insert("diagnostics".into(), problems(&diagnostics));
    let (Some(plan), Some(setup)) = (plan, setup) else { return (Json::Object(out), state) };
    let by_address = |changes: Vec<Json>| -> Map<String, Json> {
        changes.into_iter().map(crate::compare::by_address).collect()
    };
    let changed = |c| {
        let mut json = change(c);
        if let Some(from) = plan.moved_from(&c.addr) {
            json["previous_address"] = json!(from.to_string());
        }
        if let Some(id) = plan.imports.get(&c.addr) {
            json["importing"] = json!({ "id": &**id });
        }
        json
    };
    out.insert("changes".into(), by_address(plan.changes.iter().map(changed).collect()).into());
    out.insert("drift".into(), by_address(plan.drift.iter().map(change).collect()).into());
    let outputs: Map<String, Json> = plan.outputs.iter().map(|o| (o.name.to_string(), output(o))).collect();
    out.insert("outputs".into(), outputs.into());
    out.insert("read".into(), data_sources(&plan.prior, &setup.registry).into());
    out.insert("applyable".into(), json!(plan.is_applicable()));
    let input = ApplyInput {
        journal: Arc::new(MemoryJournal::new()),
        providers: BTreeMap::new(),
        events: &Deaf,
        stop: watch::Sender::new(StopLevel::Run).subscribe(),
        left_behind: None,
    };
    let applied = applying::apply(&setup, &plan, input).await;
    let json = written(&applied.state);
    let outputs = json["outputs"].clone();
    out.insert(
        "applied".into(),
        json!({ "diagnostics": problems(&applied.diagnostics), "objects": objects(&json), "outputs": outputs }),
    );
    (Json::Object(out), applied.state)
}

/// What Ferroform would still do with a state: nothing, if it agrees with it.
pub(crate) async fn left_to_do(cloud: &Cloud, step: &Step, state: State) -> Vec<String> {
    let files = files(cloud, step, &state);
    let (plan, _, diagnostics) = plan(cloud, &files, &kept_options(step), state).await;
    let Some(plan) = plan else { return vec![format!("{diagnostics:?}")] };
    let changes = plan.changes.iter().filter(|c| c.action != ferroform_plan::Action::NoOp);
    let changes = changes.map(|c| format!("{:#}", change(c)));
    let outputs = plan
        .outputs
        .iter()
        .filter(|o| o.action != ferroform_plan::Action::NoOp)
        .map(|o| format!("{:#}", output(o)));
    changes.chain(outputs).collect()
}

/// Options that a further plan must have as well to find nothing to do.
pub(crate) fn kept_options(step: &Step) -> Vec<String> {
    let kept = |option: &&String| {
        ["-destroy", "-refresh-only"].contains(&option.as_str()) || option.starts_with("-target")
    };
    step.options.iter().filter(kept).cloned().collect()
}

/// The state of a statefile.
pub(crate) fn read_state(text: &str) -> State {
    ferroform_state::file::read(text.as_bytes(), "the recorded state").unwrap().unwrap()
}

/// The state as its file has it.
pub(crate) fn written(state: &State) -> Json {
    serde_json::from_slice(&ferroform_state::file::write(state).unwrap()).unwrap()
}

fn files(cloud: &Cloud, step: &Step, state: &State) -> Arc<MemoryFiles> {
    let state = written(state);
    let filled =
        step.files.iter().map(|(path, text)| (path.clone(), cloud.fill_in(text, Some(&state)).into_bytes()));
    Arc::new(MemoryFiles(filled.collect()))
}

/// Loads, checks and plans, as far as it goes.
async fn plan(
    cloud: &Cloud,
    files: &Arc<MemoryFiles>,
    options: &[String],
    state: State,
) -> (Option<Plan>, Option<Setup>, Diagnostics) {
    let (config, mut diagnostics) = Config::load(&**files, &mut Sources::new(), Path::new(""));
    if diagnostics.has_errors() {
        return (None, None, diagnostics);
    }
    let setup = setup(cloud, files, config);
    diagnostics.append(validate(&setup.config, &setup.registry));
    if diagnostics.has_errors() {
        return (None, None, diagnostics);
    }
    let journal = MemoryJournal::new();
    let input = PlanInput { state, open: Vec::new(), journal: &journal, bind: &|_| Ok(()), events: &Deaf };
    let planned = planning::plan(&setup, &plan_options(options), input).await;
    diagnostics.append(planned.diagnostics);
    (planned.plan, Some(setup), diagnostics)
}

fn plan_options(options: &[String]) -> PlanOptions {
    let mut out = PlanOptions { refresh: true, timestamp: TIME.into(), ..PlanOptions::default() };
    for option in options {
        match option.split_once('=').unwrap_or((option, "")) {
            ("-destroy", _) => out.mode = PlanMode::Destroy,
            ("-refresh-only", _) => out.mode = PlanMode::RefreshOnly,
            ("-refresh", "false") => out.refresh = false,
            ("-replace", address) => _ = out.replace.insert(address.parse().unwrap()),
            ("-target", address) => out.targets.push(address.parse().unwrap()),
            _ => panic!("option {option}"),
        }
    }
    out
}

fn setup(cloud: &Cloud, files: &Arc<MemoryFiles>, config: Config) -> Setup {
    let settings =
        Settings::new().endpoint(cloud.endpoint()).token(cloud.token()).loopback_only().pace(Pace::INSTANT);
    let hcloud: Arc<dyn ProviderFactory> = Arc::new(HcloudFactory::new(settings));
    let builtin = ferroform_providers_builtin::factories();
    let registry = Registry::new(builtin.into_iter().chain([hcloud]));
    let surroundings = Surroundings {
        files: files.clone(),
        working_dir: "/".into(),
        home: None,
        workspace: "default".into(),
        plan_time: TIME.into(),
        present_time: None,
    };
    Setup::new(Arc::new(config), &surroundings, registry, 1)
}

/// The data sources that were read while planning.
fn data_sources(state: &State, registry: &Registry) -> Map<String, Json> {
    let data = state.objects().filter(|(addr, ..)| addr.resource.mode == ResourceMode::Data);
    data.map(|(addr, _, provider, object)| {
        let schema = registry.schema(&provider.source).unwrap();
        let schema = resource_schema(&schema, &provider.source, &addr.resource, None).unwrap();
        let value = wire::from_json(&object.attributes.to_value(), &schema.block.implied_type()).unwrap();
        (addr.to_string(), known(&value).unwrap())
    })
    .collect()
}
