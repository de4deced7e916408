//! Plans and states out of recordings of Terraform's JSON.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ferroform_core::addr::{ProviderConfig, ProviderSource};
use ferroform_core::schema::{Attribute, Block, Schema};
use ferroform_core::{AttrPath, Step, Type, Value, wire};
use ferroform_plan::{Action, ActionReason, ExecGraph, OutputChange, Plan, PlanMode, ResourceChange};
use ferroform_provider::ProviderSchema;
use ferroform_state::State;
use serde_json::Value as Json;

use super::schemas::Schemas;

/// The provider of `terraform_data`.
pub(super) fn provider() -> ProviderConfig {
    "provider[\"terraform.io/builtin/terraform\"]".parse().unwrap()
}

/// A provider's configuration by its source.
pub(super) fn provider_of(source: ProviderSource) -> ProviderConfig {
    ProviderConfig { module: Default::default(), source, alias: None }
}

/// The schemas of `terraform_data` and `terraform_remote_state`.
pub(super) fn schemas() -> Schemas<'static> {
    let any = || Attribute::optional(Type::Dynamic);
    let data = Block::of([
        ("id", Attribute::computed(Type::String)),
        ("input", any()),
        ("output", Attribute::computed(Type::Dynamic)),
        ("triggers_replace", any()),
    ]);
    let remote = Block::of([
        ("backend", Attribute::required(Type::String)),
        ("config", any()),
        ("defaults", any()),
        ("outputs", Attribute::computed(Type::Dynamic)),
        ("workspace", Attribute::optional(Type::String)),
    ]);
    let schema = |block| Schema { version: 0, block };
    let provider = ProviderSchema {
        provider: Block::default(),
        resources: BTreeMap::from([("terraform_data".into(), schema(data))]),
        data_sources: BTreeMap::from([("terraform_remote_state".into(), schema(remote))]),
        functions: BTreeMap::new(),
    };
    Schemas::fixed([(ProviderSource::built_in("terraform"), provider)])
}

/// A value out of plain JSON: objects and tuples.
pub(super) fn value(json: &Json) -> Value {
    wire::from_json(json, &wire::implied_type(json).unwrap()).unwrap()
}

/// A value with what Terraform's plan JSON keeps apart from it: what is unknown and what is sensitive. Both are true, or
/// containers in the shape of the value.
pub(super) fn recorded(json: &Json, unknown: &Json, sensitive: &Json) -> Value {
    let plain = match (json, unknown) {
        (_, Json::Bool(true)) => Value::unknown(Type::Dynamic),
        (Json::Object(entries), _) => {
            let at = |of: &Json, name: &str| of.get(name).cloned().unwrap_or_default();
            let mut names: Vec<&String> = entries.keys().collect();
            // Unknown attributes are left out of the value.
            names.extend(
                unknown.as_object().into_iter().flat_map(|o| o.keys()).filter(|k| !entries.contains_key(*k)),
            );
            Value::object(names.into_iter().map(|name| {
                let inner = recorded(&at(json, name), &at(unknown, name), &at(sensitive, name));
                (name.as_str(), inner)
            }))
        }
        (Json::Array(items), _) => {
            let at = |of: &Json, i: usize| of.get(i).cloned().unwrap_or_default();
            let items = items.iter().enumerate();
            Value::tuple(items.map(|(i, item)| recorded(item, &at(unknown, i), &at(sensitive, i))))
        }
        _ => value(json),
    };
    if sensitive == &Json::Bool(true) { plain.sensitive() } else { plain }
}

/// An empty plan.
pub(super) fn empty_plan() -> Plan {
    Plan {
        mode: PlanMode::Normal,
        lineage: "l".into(),
        serial: 1,
        workspace: "default".into(),
        worlds: Vec::new(),
        timestamp: "2026-01-01T00:00:00Z".into(),
        variables: BTreeMap::new(),
        ephemeral: BTreeSet::new(),
        targets: Vec::new(),
        prior: State::with_lineage("l"),
        drift: Vec::new(),
        moves: Vec::new(),
        imports: BTreeMap::new(),
        changes: Vec::new(),
        outputs: Vec::new(),
        graph: ExecGraph::default(),
    }
}

/// The change of an object without anything special about it.
pub(super) fn change(addr: &str, action: Action, before: Value, after: Value) -> ResourceChange {
    ResourceChange {
        addr: addr.parse().unwrap(),
        deposed: None,
        provider: provider(),
        action,
        reason: None,
        before,
        after,
        replace_paths: Vec::new(),
        config_unknown: false,
        private: Vec::new(),
        dependencies: Vec::new(),
        prior_dependencies: Vec::new(),
        create_before_destroy: false,
        source: None,
    }
}

fn action(json: &Json) -> Action {
    let words: Vec<&str> = json.as_array().unwrap().iter().map(|w| w.as_str().unwrap()).collect();
    match words[..] {
        ["no-op"] => Action::NoOp,
        ["create"] => Action::Create,
        ["read"] => Action::Read,
        ["update"] => Action::Update,
        ["delete"] => Action::Delete,
        ["delete", "create"] => Action::DeleteThenCreate,
        ["create", "delete"] => Action::CreateThenDelete,
        ["forget"] => Action::Forget,
        _ => panic!("{words:?}"),
    }
}

fn reason(word: &str) -> ActionReason {
    match word {
        "replace_because_tainted" => ActionReason::Tainted,
        "replace_by_request" => ActionReason::ReplaceByRequest,
        "replace_by_triggers" => ActionReason::ReplaceByTriggers,
        "replace_because_cannot_update" => ActionReason::CannotUpdate,
        "delete_because_no_resource_config" => ActionReason::NoResourceConfig,
        "delete_because_no_move_target" => ActionReason::NoMoveTarget,
        "delete_because_no_module" => ActionReason::NoModule,
        "delete_because_wrong_repetition" => ActionReason::WrongRepetition,
        "delete_because_count_index" => ActionReason::CountIndex,
        "delete_because_each_key" => ActionReason::EachKey,
        "read_because_check_nested" => ActionReason::CheckNested,
        "read_because_config_unknown" => ActionReason::ConfigUnknown,
        "read_because_dependency_pending" => ActionReason::DependencyPending,
        _ => panic!("{word}"),
    }
}

fn path(json: &Json) -> AttrPath {
    let step = |json: &Json| match json {
        Json::String(name) => Step::Attr(Arc::from(name.as_str())),
        other => Step::Index(value(other)),
    };
    AttrPath(json.as_array().unwrap().iter().map(step).collect())
}

/// The plan of a recording: `changes` and `outputs`.
pub(super) fn plan(recording: &Json) -> Plan {
    let mut plan = empty_plan();
    for json in recording["changes"].as_array().unwrap() {
        let before = recorded(&json["before"], &Json::Null, &json["before_sensitive"]);
        let after = recorded(&json["after"], &json["after_unknown"], &json["after_sensitive"]);
        let mut change = change(json["address"].as_str().unwrap(), action(&json["actions"]), before, after);
        change.reason = json["reason"].as_str().map(reason);
        change.replace_paths = json["replace_paths"].as_array().into_iter().flatten().map(path).collect();
        change.deposed = json["deposed"].as_str().map(|key| key.parse().unwrap());
        if let Some(from) = json["previous_address"].as_str() {
            plan.moves.push((from.parse().unwrap(), change.addr.clone()));
        }
        if let Some(id) = json["importing"].as_str() {
            plan.imports.insert(change.addr.clone(), id.into());
        }
        plan.changes.push(change);
    }
    plan.moves.sort_by(|a, b| a.1.cmp(&b.1));
    for json in recording["outputs"].as_array().unwrap() {
        plan.outputs.push(OutputChange {
            name: json["name"].as_str().unwrap().into(),
            action: action(&json["actions"]),
            before: recorded(&json["before"], &Json::Null, &json["before_sensitive"]),
            after: recorded(&json["after"], &json["after_unknown"], &json["after_sensitive"]),
        });
    }
    plan
}

/// Panics at the first line that differs.
#[track_caller]
pub(super) fn assert_same_lines(ours: &str, theirs: &str, name: &str) {
    let (ours, theirs): (Vec<_>, Vec<_>) = (ours.trim().lines().collect(), theirs.trim().lines().collect());
    let differs = (0..ours.len().max(theirs.len())).find(|i| ours.get(*i) != theirs.get(*i));
    if let Some(i) = differs {
        let around =
            |lines: &[&str]| lines[i.saturating_sub(6).min(lines.len())..(i + 6).min(lines.len())].join("\n");
        panic!("{name}, line {}:\n{}\n--- but Terraform says ---\n{}", i + 1, around(&ours), around(&theirs));
    }
}
