//! Every case under `oracle/cases` is planned and applied as Terraform did it, as `cargo xtask oracle plans` recorded:
//! from the recorded prior state, what becomes of each object and output, what data sources give, diagnostics, and the
//! state after applying.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use ferroform_core::addr::ResourceMode;
use ferroform_core::{Diagnostics, Sources, wire};
use ferroform_engine::Registry;
use ferroform_engine::planning::Setup;
use ferroform_engine::providers::resource_schema;
use ferroform_lang::validate::validate;
use ferroform_lang::{Config, MemoryFiles};
use ferroform_plan::{Plan, PlanMode, ResourceChange};
use ferroform_state::State;
use ferroform_test_support::files;
use ferroform_test_support::terraform_json::{change, known, objects, output, place, problems};
use serde_json::{Map, Value as Json, json};

use crate::harness::World;

/// Differences from Terraform that are meant: case, what differs in it, reason.
const MEANT: &[(&str, &str, &str)] = &[
    (
        "moved-destroy",
        "change of terraform_data.a[0]: previous_address",
        "the address that the state has is said even of an object that goes",
    ),
    ("check-data-fails", "results of checks", "the provider says more of why a state was not found"),
    ("check-invalid", "diagnostics", "an incomplete assert block is one error, not also the lack of one"),
    ("import-invalid", "diagnostics", "one mistake is one error; Terraform reports it twice"),
    (
        "moved-and-destroyed",
        "change of terraform_data.b: previous_address",
        "the address that the state has is said even of an object that goes",
    ),
    ("replace-triggered-by-nothing", "diagnostics", "one mistake is one error; Terraform reports it twice"),
    ("self-reference", "diagnostics", "one mistake is one error; Terraform reports it twice"),
    (
        "target-nothing",
        "diagnostics",
        "a target that names nothing is told by a warning; Terraform is silent",
    ),
];

/// The least number of configurations that must be there.
const LEAST: usize = 100;

#[tokio::test]
async fn configurations_are_planned_and_applied_as_terraform_does() {
    let names = names("cases", "txt");
    assert_eq!(names, self::names("recorded", "json"), "run `cargo xtask oracle plans`");
    let mut report = String::new();
    let mut met = BTreeSet::new();
    for name in &names {
        for (what, ours, theirs) in compare(name).await {
            match MEANT.iter().position(|(case, part, _)| case == name && *part == what) {
                Some(index) => {
                    met.insert(index);
                }
                None => {
                    let _ = writeln!(report, "{name}: {what}\n  Ferroform: {ours}\n  Terraform: {theirs}");
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
    assert!(names.len() >= LEAST, "only {} cases", names.len());
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("oracle")
}

fn names(dir: &str, extension: &str) -> Vec<String> {
    let entries = std::fs::read_dir(root().join(dir)).unwrap().map(|e| e.unwrap().path());
    let named = entries.filter(|path| path.extension().is_some_and(|e| e == extension));
    let mut names: Vec<String> =
        named.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// What differs in a case, with what Ferroform and what Terraform made of it.
async fn compare(name: &str) -> Vec<(String, Json, Json)> {
    let case = std::fs::read_to_string(root().join("cases").join(name).with_extension("txt")).unwrap();
    let recorded = std::fs::read(root().join("recorded").join(name).with_extension("json")).unwrap();
    let recorded: Json = serde_json::from_slice(&recorded).unwrap();
    assert_eq!(recorded["case"], *case, "{name} changed: run `cargo xtask oracle plans/{name}`");

    let (mut world, text) = world(&case, &recorded);
    let (plan, setup, diagnostics) = plan(&world, &text).await;
    let mut differing = vec![
        ("success".to_owned(), json!(plan.is_some()), json!(recorded.get("changes").is_some())),
        ("diagnostics".to_owned(), problems(&diagnostics), recorded["diagnostics"].clone()),
    ];
    if let (Some(plan), Some(setup), Some(_)) = (plan, setup, recorded.get("changes")) {
        let moved = |c: &ResourceChange| {
            let mut change = change(c);
            if let Some(from) = plan.moved_from(&c.addr) {
                change["previous_address"] = json!(from.to_string());
            }
            if let Some(id) = plan.imports.get(&c.addr) {
                change["importing"] = json!({ "id": &**id });
            }
            change
        };
        let ours = plan.changes.iter().map(moved).collect();
        by_address("change of", ours, &recorded["changes"], &mut differing);
        let ours = plan.drift.iter().map(moved).collect();
        by_address("drift of", ours, &recorded["drift"], &mut differing);
        let ours = plan.outputs.iter().map(|o| (o.name.to_string(), output(o))).collect();
        by_name("output", &ours, &recorded["outputs"], &mut differing);
        let ours = data_sources(&plan.prior, &setup.registry);
        by_name("data source", &ours, &recorded["read"], &mut differing);
        differing.push(("applyable".into(), json!(plan.is_applicable()), recorded["applyable"].clone()));
        let applied = world.apply_plan(&text, &plan).await;
        let theirs = &recorded["applied"];
        differing.push((
            "diagnostics of applying".into(),
            problems(&applied.diagnostics),
            theirs["diagnostics"].clone(),
        ));
        let ours = numbered(&applied.state);
        differing.push(("results of checks".into(), ours["check_results"].clone(), theirs["checks"].clone()));
        let fields = |state: &Json| state["outputs"].as_object().cloned().unwrap_or_default();
        by_name("output in the state", &fields(&ours), &theirs["state"]["outputs"], &mut differing);
        by_name(
            "objects in the state",
            &objects(&ours),
            &Json::Object(objects(&theirs["state"])),
            &mut differing,
        );
    }
    differing.retain(|(_, ours, theirs)| ours != theirs);
    differing
}

/// The world to plan in, and the files to plan as one text.
fn world(case: &str, recorded: &Json) -> (World, String) {
    let mut world = World::new();
    if let Some(prior) = recorded.get("prior") {
        let state = ferroform_state::file::read(prior.to_string().as_bytes(), "prior").unwrap();
        world.state = state.unwrap();
    }
    let texts = |name: &str| -> Vec<String> {
        let texts = recorded[name].as_array().unwrap();
        texts.iter().map(|text| text.as_str().unwrap().to_owned()).collect()
    };
    for assignment in texts("variables") {
        let (name, text) = assignment.split_once('=').unwrap();
        world.variable(name, text);
    }
    for option in texts("options") {
        match option.split_once('=').unwrap_or((&option, "")) {
            ("-destroy", _) => world.options.mode = PlanMode::Destroy,
            ("-refresh-only", _) => world.options.mode = PlanMode::RefreshOnly,
            ("-refresh", "false") => world.options.refresh = false,
            ("-replace", address) => _ = world.options.replace.insert(address.parse().unwrap()),
            ("-target", address) => world.options.targets.push(address.parse().unwrap()),
            _ => panic!("option {option}"),
        }
    }
    let mut text = String::new();
    for (path, content) in files(case) {
        let path = path.to_str().unwrap();
        let other = ["before/", "between/"].iter().any(|phase| path.starts_with(phase));
        if !other {
            let path = path.strip_prefix("after/").unwrap_or(path);
            let _ = write!(text, "//- {path}\n{}", String::from_utf8(content).unwrap());
        }
    }
    (world, text)
}

/// Loads, checks and plans, as far as it goes.
async fn plan(world: &World, text: &str) -> (Option<Plan>, Option<Setup>, Diagnostics) {
    let files = MemoryFiles(files(text));
    let (_, mut diagnostics) = Config::load(&files, &mut Sources::new(), Path::new(""));
    let Ok(setup) = world.setup(text) else { return (None, None, diagnostics) };
    diagnostics.append(validate(&setup.config, &setup.registry));
    if diagnostics.has_errors() {
        return (None, None, diagnostics);
    }
    let planned = world.plan_all(text).await;
    diagnostics.append(planned.diagnostics);
    (planned.plan, Some(setup), diagnostics)
}

fn by_address(what: &str, ours: Vec<Json>, theirs: &Json, out: &mut Vec<(String, Json, Json)>) {
    let key = |change: &Json| {
        let deposed = change.get("deposed").and_then(Json::as_str).map(|d| format!(" deposed {d}"));
        format!("{}{}", change["address"].as_str().unwrap_or_default(), deposed.unwrap_or_default())
    };
    let ours: Map<String, Json> = ours.into_iter().map(|c| (key(&c), c)).collect();
    let theirs = theirs.as_array().into_iter().flatten().map(|c| (key(c), c.clone()));
    by_name(what, &ours, &Json::Object(theirs.collect()), out);
}

fn by_name(what: &str, ours: &Map<String, Json>, theirs: &Json, out: &mut Vec<(String, Json, Json)>) {
    let none = Map::new();
    let theirs = theirs.as_object().unwrap_or(&none);
    for name in ours.keys().chain(theirs.keys().filter(|name| !ours.contains_key(*name))) {
        let of = |all: &Map<String, Json>| all.get(name).cloned().unwrap_or_default();
        // Only the part that differs is worth showing.
        let (ours, theirs) = (of(ours), of(theirs));
        match (&ours, &theirs) {
            (Json::Object(a), Json::Object(b)) if a != b => {
                let fields: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
                for field in fields.into_iter().filter(|f| a.get(*f) != b.get(*f)) {
                    out.push((format!("{what} {name}: {field}"), json!(a.get(field)), json!(b.get(field))));
                }
            }
            _ => out.push((format!("{what} {name}"), ours, theirs)),
        }
    }
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

/// The state as its file has it, with new ids and keys named as in the recordings.
fn numbered(state: &State) -> Json {
    let state = String::from_utf8(ferroform_state::file::write(state).unwrap()).unwrap();
    let json: Json = serde_json::from_str(&state).unwrap();
    let mut text = json.to_string();
    let mut n = 0;
    for resource in json["resources"].as_array().into_iter().flatten() {
        for instance in resource["instances"].as_array().into_iter().flatten() {
            // Inside JSON text, hence other quotes.
            let mut place = place(resource, instance).replace('"', "'");
            if let Some(deposed) = instance["deposed"].as_str() {
                place.push_str(" deposed");
                text = text.replace(&format!("\"{deposed}\""), &format!("\"{:08}\"", n + 1));
                n += 1;
            }
            let id = instance["attributes"]["id"].as_str();
            if let Some(id) = id.filter(|id| !id.starts_with("00000000-0000-0000-0000-")) {
                text = text.replace(id, &format!("id of {place}"));
                n += 1;
            }
        }
    }
    serde_json::from_str(&text).unwrap()
}
