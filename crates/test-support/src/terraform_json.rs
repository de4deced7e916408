//! Plans, diagnostics and states in the JSON forms of Terraform, to compare them with what Terraform says.

use ferroform_core::{Diagnostic, Diagnostics, Severity, Step, Value, ValueKind, wire};
use ferroform_plan::{Action, ActionReason, OutputChange, ResourceChange};
use serde_json::{Map, Value as Json, json};

/// Severity and summary of each diagnostic, in order: independent parts report in any. Each program calls itself by its
/// own name.
pub fn problems(diagnostics: &Diagnostics) -> Json {
    let severity = |s| if s == Severity::Error { "error" } else { "warning" };
    let one = |d: &Diagnostic| json!({ "severity": severity(d.severity), "summary": d.summary.replace("Ferroform", "Terraform") });
    let mut all: Vec<Json> = diagnostics.iter().map(one).collect();
    all.sort_by_cached_key(Json::to_string);
    Json::Array(all)
}

/// A change in the form of Terraform's JSON plan.
pub fn change(change: &ResourceChange) -> Json {
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
        ActionReason::NoMoveTarget => "delete_because_no_move_target",
        ActionReason::NoModule => "delete_because_no_module",
        ActionReason::WrongRepetition => "delete_because_wrong_repetition",
        ActionReason::CountIndex => "delete_because_count_index",
        ActionReason::EachKey => "delete_because_each_key",
        ActionReason::ConfigUnknown => "read_because_config_unknown",
        ActionReason::DependencyPending => "read_because_dependency_pending",
        ActionReason::CheckNested => "read_because_check_nested",
        ActionReason::Deposed => return None,
    })
}

/// A change of an output in the form of Terraform's JSON plan.
pub fn output(change: &OutputChange) -> Json {
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
pub fn known(value: &Value) -> Option<Json> {
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

/// The address of an object of a state.
pub fn place(resource: &Json, instance: &Json) -> String {
    let module = resource["module"].as_str().map(|m| format!("{m}.")).unwrap_or_default();
    let key = match &instance["index_key"] {
        Json::Null => String::new(),
        key => format!("[{key}]"),
    };
    let field = |name: &str| resource[name].as_str().unwrap_or_default();
    format!("{module}{}.{}{key}", field("type"), field("name"))
}

/// The objects of a state by their address, each with what its resource says.
pub fn objects(state: &Json) -> Map<String, Json> {
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
