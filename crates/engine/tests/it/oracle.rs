//! Every case under `oracle/cases` is planned and applied as Terraform did it, as `cargo xtask oracle plans` recorded:
//! from the recorded prior state, what becomes of each object and output, what data sources give, diagnostics, and the
//! state after applying.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use ferroform_core::addr::{ProviderSource, Resource, ResourceMode};
use ferroform_core::schema::{Block, Schema};
use ferroform_core::{Diagnostics, Severity, Sources, Step, Value, ValueKind, wire};
use ferroform_engine::Registry;
use ferroform_engine::planning::Setup;
use ferroform_engine::providers::resource_schema;
use ferroform_lang::validate::{Schemas, validate};
use ferroform_lang::{Config, MemoryFiles};
use ferroform_plan::{Action, ActionReason, OutputChange, Plan, PlanMode, ResourceChange, Target};
use ferroform_state::State;
use ferroform_test_support::files;
use serde_json::{Map, Value as Json, json};

use crate::harness::World;

/// Differences from Terraform that are meant: case, what differs in it, reason.
const MEANT: &[(&str, &str, &str)] = &[
    (
        "moved-destroy",
        "change of terraform_data.a[0]: previous_address",
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
            change
        };
        let ours = plan.changes.iter().map(moved).collect();
        by_address("change of", ours, &recorded["changes"], &mut differing);
        let ours = plan.drift.iter().map(change).collect();
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
            ("-target", address) => world.options.targets.push(match address.parse() {
                Ok(resource) => Target::Resource(resource),
                Err(_) => Target::Module(address.parse().unwrap()),
            }),
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
    diagnostics.append(validate(&setup.config, &RegistrySchemas(&setup.registry)));
    if diagnostics.has_errors() {
        return (None, None, diagnostics);
    }
    let planned = world.plan_all(text).await;
    diagnostics.append(planned.diagnostics);
    (planned.plan, Some(setup), diagnostics)
}

struct RegistrySchemas<'a>(&'a Registry);

impl Schemas for RegistrySchemas<'_> {
    fn resource(&self, source: &ProviderSource, resource: &Resource) -> Option<Schema> {
        resource_schema(&*self.0.schema(source)?, source, resource, None).ok().cloned()
    }

    fn provider(&self, source: &ProviderSource) -> Option<Block> {
        Some(self.0.schema(source)?.provider.clone())
    }
}

fn problems(diagnostics: &Diagnostics) -> Json {
    let severity = |s| if s == Severity::Error { "error" } else { "warning" };
    let one =
        |d: &ferroform_core::Diagnostic| json!({ "severity": severity(d.severity), "summary": d.summary });
    let mut all: Vec<Json> = diagnostics.iter().map(one).collect();
    all.sort_by_cached_key(Json::to_string);
    Json::Array(all)
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

/// A change in the form of Terraform's JSON plan.
fn change(change: &ResourceChange) -> Json {
    let mut out = Map::new();
    out.insert("address".into(), json!(change.addr.to_string()));
    if let Some(key) = change.deposed {
        out.insert("deposed".into(), json!(key.to_string()));
    }
    out.insert("actions".into(), actions(change.action));
    if let Some(reason) = change.reason.and_then(reason) {
        out.insert("action_reason".into(), json!(reason));
    }
    let after_unknown = if change.after.is_wholly_known() { json!({}) } else { unknown(&change.after) };
    out.insert("before".into(), known(&change.before).unwrap_or_default());
    out.insert("after".into(), known(&change.after).unwrap_or_default());
    out.insert("after_unknown".into(), after_unknown);
    out.insert("before_sensitive".into(), sensitive(&change.before));
    out.insert("after_sensitive".into(), sensitive(&change.after));
    if !change.replace_paths.is_empty() {
        let step = |step: &Step| match step {
            Step::Attr(name) => json!(&**name),
            Step::Index(key) => known(key).unwrap_or_default(),
        };
        let paths = change.replace_paths.iter().map(|path| path.steps().iter().map(step).collect::<Json>());
        out.insert("replace_paths".into(), paths.collect());
    }
    Json::Object(out)
}

fn actions(action: Action) -> Json {
    match action {
        Action::DeleteThenCreate => json!(["delete", "create"]),
        Action::CreateThenDelete => json!(["create", "delete"]),
        other => json!([other.name()]),
    }
}

/// Terraform's name for a reason; it gives none for deposed objects.
fn reason(reason: ActionReason) -> Option<&'static str> {
    Some(match reason {
        ActionReason::Tainted => "replace_because_tainted",
        ActionReason::ReplaceByRequest => "replace_by_request",
        ActionReason::ReplaceByTriggers => "replace_by_triggers",
        ActionReason::CannotUpdate => "replace_because_cannot_update",
        ActionReason::NoResourceConfig => "delete_because_no_resource_config",
        ActionReason::NoModule => "delete_because_no_module",
        ActionReason::WrongRepetition => "delete_because_wrong_repetition",
        ActionReason::CountIndex => "delete_because_count_index",
        ActionReason::EachKey => "delete_because_each_key",
        ActionReason::ConfigUnknown => "read_because_config_unknown",
        ActionReason::DependencyPending => "read_because_dependency_pending",
        ActionReason::Deposed => return None,
    })
}

fn output(change: &OutputChange) -> Json {
    // Terraform knows of an output only whether all of it is sensitive, before and after alike.
    let sensitive = change.before.is_sensitive() || change.after.is_sensitive();
    json!({
        "actions": actions(change.action),
        "before": known(&change.before),
        "after": known(&change.after),
        "after_unknown": if change.after.is_wholly_known() { json!(false) } else { unknown(&change.after) },
        "before_sensitive": sensitive,
        "after_sensitive": sensitive,
    })
}

/// What is known of a value; none if nothing is.
fn known(value: &Value) -> Option<Json> {
    Some(match value.kind() {
        ValueKind::Unknown(..) => return None,
        ValueKind::Null(_) => Json::Null,
        ValueKind::Bool(b) => json!(b),
        ValueKind::Number(n) => wire::number_to_json(n).map_or(Json::Null, Json::Number),
        ValueKind::String(s) => json!(&**s),
        ValueKind::List(..) | ValueKind::Set(..) | ValueKind::Tuple(_) => {
            value.children().map(|(_, v)| known(v).unwrap_or_default()).collect()
        }
        ValueKind::Map(_, entries) | ValueKind::Object(entries) => {
            let entries = entries.iter().filter_map(|(k, v)| Some((k.to_string(), known(v)?)));
            Json::Object(entries.collect())
        }
    })
}

/// True in the places that are unknown; false is left out of objects and maps.
fn unknown(value: &Value) -> Json {
    places(value, &|v| match v.kind() {
        ValueKind::Unknown(..) => Some(json!(true)),
        _ => None,
    })
}

/// True in the places that are sensitive.
fn sensitive(value: &Value) -> Json {
    use ferroform_core::Type::{List, Map, Object, Set, Tuple};
    places(value, &|v| match v.kind() {
        _ if v.is_sensitive() => Some(json!(true)),
        ValueKind::Unknown(List(_) | Set(_) | Tuple(_), _) => Some(json!([])),
        ValueKind::Unknown(Map(_) | Object(_), _) => Some(json!({})),
        _ => None,
    })
}

fn places(value: &Value, here: &dyn Fn(&Value) -> Option<Json>) -> Json {
    if let Some(found) = here(value) {
        return found;
    }
    match value.kind() {
        ValueKind::List(..) | ValueKind::Set(..) | ValueKind::Tuple(_) => {
            value.children().map(|(_, v)| places(v, here)).collect()
        }
        ValueKind::Map(_, entries) | ValueKind::Object(entries) => {
            let entries = entries.iter().map(|(k, v)| (k.to_string(), places(v, here)));
            Json::Object(entries.filter(|(_, v)| *v != json!(false)).collect())
        }
        _ => json!(false),
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

fn place(resource: &Json, instance: &Json) -> String {
    let module = resource["module"].as_str().map(|m| format!("{m}.")).unwrap_or_default();
    let key = match &instance["index_key"] {
        Json::Null => String::new(),
        key => format!("[{key}]"),
    };
    let field = |name: &str| resource[name].as_str().unwrap_or_default();
    format!("{module}{}.{}{key}", field("type"), field("name"))
}

/// The objects of a state by their address, each with what its resource says.
fn objects(state: &Json) -> Map<String, Json> {
    let mut out = Map::new();
    for resource in state["resources"].as_array().into_iter().flatten() {
        for instance in resource["instances"].as_array().into_iter().flatten() {
            let mut object = instance.as_object().cloned().unwrap_or_default();
            if let Some(paths) = object.get_mut("sensitive_attributes").and_then(Json::as_array_mut) {
                paths.sort_by_cached_key(Json::to_string);
            }
            for field in ["mode", "provider"] {
                object.insert(field.into(), resource[field].clone());
            }
            let deposed = instance["deposed"].as_str().map(|d| format!(" deposed {d}"));
            let mode = if resource["mode"] == "data" { "data." } else { "" };
            let key = format!("{mode}{}{}", place(resource, instance), deposed.unwrap_or_default());
            out.insert(key, Json::Object(object));
        }
    }
    out
}
