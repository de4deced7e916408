//! Parts of a plan in the JSON form that Terraform documents ("JSON Output Format", plan representation).

use ferroform_core::{AttrPath, Step, Value, ValueKind, wire};
use serde_json::{Map, Value as Json, json};

use crate::{Action, ActionReason, OutputChange, ResourceChange};

/// What becomes of an object: `actions`, `before`, `after` and what is unknown and sensitive in them. Sensitive values are
/// in it.
pub fn change(change: &ResourceChange) -> Map<String, Json> {
    let mut out = Map::new();
    out.insert("actions".into(), actions(change.action));
    let after_unknown = if change.after.is_wholly_known() { json!({}) } else { unknown(&change.after) };
    values(&change.before, &change.after, after_unknown, &mut out);
    out.insert("before_sensitive".into(), sensitive(&change.before));
    out.insert("after_sensitive".into(), sensitive(&change.after));
    if !change.replace_paths.is_empty() {
        out.insert("replace_paths".into(), change.replace_paths.iter().map(path).collect());
    }
    out
}

/// What becomes of an output, in the same form.
pub fn output_change(change: &OutputChange) -> Map<String, Json> {
    // Terraform knows of an output only whether all of it is sensitive, before and after alike.
    let sensitive = change.before.is_sensitive() || change.after.is_sensitive();
    let mut out = Map::new();
    out.insert("actions".into(), actions(change.action));
    let after_unknown = if change.after.is_wholly_known() { json!(false) } else { unknown(&change.after) };
    values(&change.before, &change.after, after_unknown, &mut out);
    out.insert("before_sensitive".into(), sensitive.into());
    out.insert("after_sensitive".into(), sensitive.into());
    out
}

/// Terraform's name for a reason; it gives none for deposed objects.
pub fn action_reason(reason: ActionReason) -> Option<&'static str> {
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

/// What is known of a value, without marks: unknown elements are null, unknown attributes are left out. None if nothing is
/// known.
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

/// True in the places of a value that are sensitive by their marks; containers of the same shape around them.
pub fn sensitive(value: &Value) -> Json {
    use ferroform_core::Type::{List, Map, Object, Set, Tuple};
    places(value, &|v| match v.kind() {
        _ if v.is_sensitive() => Some(json!(true)),
        ValueKind::Unknown(List(_) | Set(_) | Tuple(_), _) => Some(json!([])),
        ValueKind::Unknown(Map(_) | Object(_), _) => Some(json!({})),
        _ => None,
    })
}

fn values(before: &Value, after: &Value, after_unknown: Json, out: &mut Map<String, Json>) {
    for (name, value) in [("before", before), ("after", after)] {
        if let Some(json) = known(value) {
            out.insert(name.into(), json);
        }
    }
    out.insert("after_unknown".into(), after_unknown);
}

fn path(path: &AttrPath) -> Json {
    let step = |step: &Step| match step {
        Step::Attr(name) => json!(&**name),
        Step::Index(key) => known(key).unwrap_or_default(),
    };
    path.steps().iter().map(step).collect()
}

fn actions(action: Action) -> Json {
    match action {
        Action::DeleteThenCreate => json!(["delete", "create"]),
        Action::CreateThenDelete => json!(["create", "delete"]),
        other => json!([other.name()]),
    }
}

/// True in the places that are unknown; false is left out of objects and maps.
fn unknown(value: &Value) -> Json {
    places(value, &|v| match v.kind() {
        ValueKind::Unknown(..) => Some(json!(true)),
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
