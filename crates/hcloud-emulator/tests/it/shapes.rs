//! Checks what goes over the wire against the shapes of the official OpenAPI documents.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use serde_json::Value;

fn document() -> &'static Value {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    DOCUMENT.get_or_init(|| {
        let mut whole: Value = serde_json::from_str(include_str!("../openapi/shapes.json")).unwrap();
        let more: Value = serde_json::from_str(include_str!("../openapi/storage_boxes.json")).unwrap();
        for part in ["shapes", "operations"] {
            for (name, value) in more[part].as_object().unwrap() {
                let earlier = whole[part].as_object_mut().unwrap().insert(name.clone(), value.clone());
                assert!(earlier.is_none(), "{name} is in both documents");
            }
        }
        whole
    })
}

fn resolve(shape: &'static Value) -> &'static Value {
    match shape.get("$ref").and_then(Value::as_str) {
        Some(name) => &document()["shapes"][name],
        None => shape,
    }
}

/// The operation of a method and a path (without query and `/v1`).
fn operation(method: &str, path: &str) -> Option<&'static Value> {
    let fits = |template: &str| {
        let (wanted, given): (Vec<&str>, Vec<&str>) =
            (template.split('/').collect(), path.split('/').collect());
        wanted.len() == given.len()
            && wanted.iter().zip(&given).all(|(wanted, given)| match *wanted {
                "{id_or_name}" => *given != "actions",
                "{rr_name}" | "{rr_type}" => true,
                wanted if wanted.starts_with('{') => given.parse::<i64>().is_ok(),
                wanted => wanted == *given,
            })
    };
    document()["operations"].as_object().unwrap().iter().find_map(|(name, operation)| {
        let (operation_method, template) = name.split_once(' ')?;
        (operation_method == method && fits(template)).then_some(operation)
    })
}

/// What is wrong with an answer, if anything is.
pub(crate) fn check_response(method: &str, path: &str, status: u16, body: Option<&Value>) -> Vec<String> {
    let mut problems = Vec::new();
    let error = status >= 400;
    let Some(operation) = operation(method, path) else {
        return if error { Vec::new() } else { vec![format!("{method} {path} is no documented operation")] };
    };
    let key = match status {
        400..=499 => "4xx".to_owned(),
        500..=599 => "5xx".to_owned(),
        status => status.to_string(),
    };
    match (operation.get(&key), body) {
        (None, _) => problems.push(format!("{method} {path} does not answer with {status}")),
        (Some(Value::Null), None) => {}
        (Some(Value::Null), Some(_)) => problems.push(format!("{method} {path} {status} has no body")),
        (Some(_), None) => problems.push(format!("{method} {path} {status} has a body")),
        (Some(shape), Some(body)) => check(shape, body, "", !error, &mut problems),
    }
    problems
}

/// What is wrong with a request that was accepted, if anything is.
pub(crate) fn check_request(method: &str, path: &str, body: Option<&Value>) -> Vec<String> {
    let mut problems = Vec::new();
    if let (Some(shape), Some(body)) = (operation(method, path).and_then(|o| o.get("request")), body) {
        check(shape, body, "", true, &mut problems);
    }
    if path.contains("_service") {
        // The document requires all fields of a service; clients rely on the defaults it describes.
        problems.retain(|problem| !problem.ends_with("is missing"));
    }
    problems
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_i64() || number.is_u64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// The names of fields that a shape knows, through all its parts.
fn known(shape: &'static Value, names: &mut BTreeSet<&'static str>) {
    let shape = resolve(shape);
    names.extend(
        shape.get("properties").and_then(Value::as_object).into_iter().flatten().map(|(k, _)| k.as_str()),
    );
    for parts in ["oneOf", "anyOf", "allOf"] {
        for part in shape.get(parts).and_then(Value::as_array).into_iter().flatten() {
            known(part, names);
        }
    }
}

fn check(shape: &'static Value, value: &Value, at: &str, strict: bool, problems: &mut Vec<String>) {
    let shape = resolve(shape);
    if let Some(types) = shape.get("type") {
        let types: Vec<&str> = match types {
            Value::Array(types) => types.iter().filter_map(Value::as_str).collect(),
            one => one.as_str().into_iter().collect(),
        };
        let actual = type_name(value);
        if !(types.contains(&actual) || actual == "integer" && types.contains(&"number")) {
            problems.push(format!("{at}: {actual} is not one of {types:?}"));
            return;
        }
    }
    if let Some(words) = shape.get("enum").and_then(Value::as_array)
        && !value.is_null()
        && !words.contains(value)
    {
        problems.push(format!("{at}: {value} is not one of {words:?}"));
    }
    if let Value::Object(fields) = value {
        for name in shape.get("required").and_then(Value::as_array).into_iter().flatten() {
            if !fields.contains_key(name.as_str().unwrap()) {
                problems.push(format!("{at}: {name} is missing"));
            }
        }
        let additional = shape.get("additionalProperties");
        for (name, field) in fields {
            let at = format!("{at}/{name}");
            match shape.get("properties").and_then(|properties| properties.get(name)).or(additional) {
                Some(shape) => check(shape, field, &at, strict, problems),
                None => {
                    let mut names = BTreeSet::new();
                    known(shape, &mut names);
                    if strict && !names.is_empty() && !names.contains(name.as_str()) {
                        problems.push(format!("{at}: unknown field"));
                    }
                }
            }
        }
    }
    if let (Value::Array(items), Some(shape)) = (value, shape.get("items")) {
        for (index, item) in items.iter().enumerate() {
            check(shape, item, &format!("{at}/{index}"), strict, problems);
        }
    }
    for part in shape.get("allOf").and_then(Value::as_array).into_iter().flatten() {
        check(part, value, at, false, problems);
    }
    for choice in ["oneOf", "anyOf"] {
        let Some(parts) = shape.get(choice).and_then(Value::as_array) else { continue };
        let attempts = parts.iter().map(|part| {
            let mut found = Vec::new();
            check(part, value, at, false, &mut found);
            found
        });
        let best = attempts.min_by_key(Vec::len).unwrap_or_default();
        problems.extend(best);
    }
}

#[test]
fn the_checker_notices_what_does_not_fit() {
    let good = serde_json::json!({"ssh_key": {
        "id": 1, "name": "a", "fingerprint": "b", "public_key": "c", "labels": {"x": "y"}, "created": "d"
    }});
    assert_eq!(check_response("GET", "/ssh_keys/1", 200, Some(&good)), Vec::<String>::new());
    let change = |path: &[&str], value: Value| {
        let mut body = good.clone();
        let mut spot = &mut body["ssh_key"];
        for name in path {
            spot = &mut spot[*name];
        }
        *spot = value;
        check_response("GET", "/ssh_keys/1", 200, Some(&body)).len()
    };
    assert_eq!(change(&["id"], "1".into()), 1);
    assert_eq!(change(&["labels", "x"], 1.into()), 1);
    assert_eq!(change(&["datacenter"], "fsn1-dc14".into()), 1);
    assert_eq!(change(&[], Value::Null), 1);
    assert_eq!(check_response("GET", "/ssh_keys/1", 201, Some(&good)).len(), 1);
    assert_eq!(check_response("DELETE", "/ssh_keys/1", 204, Some(&good)).len(), 1);
    assert_eq!(check_response("GET", "/nothing", 200, Some(&good)).len(), 1);
}
