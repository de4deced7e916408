//! Plans, diagnostics and states in the JSON forms of Terraform, to compare them with what Terraform says.

use ferroform_core::{Diagnostic, Diagnostics, Severity};
pub use ferroform_plan::json::known;
use ferroform_plan::json::{action_reason, output_change};
use ferroform_plan::{OutputChange, ResourceChange};
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

/// A change in the form of Terraform's JSON plan, without the parts of the address and with `after` null where nothing of it
/// is known.
pub fn change(change: &ResourceChange) -> Json {
    let mut out = Map::new();
    out.insert("address".into(), json!(change.addr.to_string()));
    if let Some(key) = change.deposed {
        out.insert("deposed".into(), json!(key.to_string()));
    }
    if let Some(reason) = change.reason.and_then(action_reason) {
        out.insert("action_reason".into(), json!(reason));
    }
    out.extend(with_after(ferroform_plan::json::change(change)));
    Json::Object(out)
}

/// A change of an output in the same form.
pub fn output(change: &OutputChange) -> Json {
    Json::Object(with_after(output_change(change)))
}

fn with_after(mut change: Map<String, Json>) -> Map<String, Json> {
    change.entry("after").or_insert(Json::Null);
    change
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
