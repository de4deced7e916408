//! Results of checks as JSON, in Terraform's documented form ("JSON Output Format", checks representation).

use ferroform_core::addr::{ResourceInstance, ResourceMode};
use serde_json::{Map, Value as Json, json};

use super::json::key_json;

/// The results that a state holds; none if it holds none. What cannot be understood is left out.
pub(in crate::views) fn checks_json(results: Option<&Json>) -> Option<Json> {
    let mut checks: Vec<(String, Json)> = results?
        .as_array()?
        .iter()
        .filter_map(|result| Some((text(result, "config_addr")?, check(result)?)))
        .collect();
    checks.sort_by(|a, b| a.0.cmp(&b.0));
    Some(checks.into_iter().map(|(_, check)| check).collect())
}

fn text(json: &Json, field: &str) -> Option<String> {
    json[field].as_str().map(str::to_owned)
}

fn check(result: &Json) -> Option<Json> {
    let addr = text(result, "config_addr")?;
    let kind = result["object_kind"].as_str()?;
    let mut address = Map::new();
    address.insert("to_display".into(), json!(addr));
    // What an instance's address has behind the module.
    let name = match kind {
        "resource" => {
            let resource: ResourceInstance = addr.parse().ok()?;
            address.insert("kind".into(), json!("resource"));
            let data = resource.resource.mode == ResourceMode::Data;
            address.insert("mode".into(), json!(if data { "data" } else { "managed" }));
            address.insert("type".into(), json!(&*resource.resource.type_name));
            address.insert("name".into(), json!(&*resource.resource.name));
            insert_module(&mut address, &resource.module.path().to_string());
            None
        }
        "var" | "output" | "check" => {
            let (before, name) = addr.rsplit_once('.')?;
            let module = before.strip_suffix(kind)?.trim_end_matches('.');
            address.insert("kind".into(), json!(if kind == "output" { "output_value" } else { kind }));
            address.insert("name".into(), json!(name));
            insert_module(&mut address, module);
            Some(format!("{kind}.{name}"))
        }
        _ => return None,
    };
    let mut out = Map::new();
    out.insert("address".into(), Json::Object(address));
    out.insert("status".into(), result["status"].clone());
    if let Some(objects) = result["objects"].as_array().filter(|objects| !objects.is_empty()) {
        out.insert("instances".into(), objects.iter().filter_map(|o| instance(o, name.as_deref())).collect());
    }
    Some(Json::Object(out))
}

fn instance(object: &Json, name: Option<&str>) -> Option<Json> {
    let addr = text(object, "object_addr")?;
    let mut address = Map::new();
    address.insert("to_display".into(), json!(addr));
    match name {
        Some(name) => insert_module(&mut address, addr.strip_suffix(name)?.trim_end_matches('.')),
        None => {
            let resource: ResourceInstance = addr.parse().ok()?;
            insert_module(&mut address, &resource.module.to_string());
            if let Some(key) = &resource.key {
                address.insert("instance_key".into(), key_json(key));
            }
        }
    }
    let mut out = Map::new();
    out.insert("address".into(), Json::Object(address));
    out.insert("status".into(), object["status"].clone());
    if let Some(messages) = object["failure_messages"].as_array().filter(|messages| !messages.is_empty()) {
        out.insert("problems".into(), messages.iter().map(|message| json!({ "message": message })).collect());
    }
    Some(Json::Object(out))
}

fn insert_module(address: &mut Map<String, Json>, module: &str) {
    if !module.is_empty() {
        address.insert("module".into(), json!(module));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A state of Terraform 1.11.4 with results of every kind, and what its `show -json` says of them.
    const RECORDED: &str = include_str!("../testdata/checks.json");

    #[test]
    fn results_of_checks_are_shown_as_terraform_shows_them() {
        let recorded: Json = serde_json::from_str(RECORDED).unwrap();
        assert_eq!(checks_json(Some(&recorded["check_results"])).unwrap(), recorded["checks"]);
    }

    #[test]
    fn what_is_no_result_is_left_out() {
        let wrong =
            json!([{ "object_kind": "check", "config_addr": "check" }, { "object_kind": "x" }, 5, null]);
        assert_eq!(checks_json(Some(&wrong)), Some(json!([])));
        assert_eq!(checks_json(Some(&json!({}))), None);
        assert_eq!(checks_json(None), None);
    }
}
