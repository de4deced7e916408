//! `terraform_remote_state`, with the outcomes that Terraform 1.11.4 has for the same files and arguments.

use std::path::Path;

use ferroform_core::{Type, Value, wire};
use serde_json::json;

use crate::harness::{Bench, n, s, summaries};

const STATE: &str = r#"{"version": 4, "terraform_version": "1.11.4", "serial": 1, "lineage": "l", "outputs": {
    "o": {"value": {"b": 1, "c": ["x", null, true]},
          "type": ["object", {"b": "number", "c": ["tuple", ["string", "dynamic", "bool"]]}]},
    "s": {"value": "sec", "type": "string", "sensitive": true}},
    "resources": [], "check_results": null}"#;

fn outputs() -> Vec<(&'static str, Value)> {
    let ty = json!(["object", {"b": "number", "c": ["tuple", ["string", "dynamic", "bool"]]}]);
    let ty = wire::type_from_json(&ty).expect("a type");
    let o = wire::from_json(&json!({"b": 1, "c": ["x", null, true]}), &ty).expect("a value");
    vec![("o", o), ("s", s("sec"))]
}

fn path(dir: &Path, name: &str) -> Value {
    Value::object([("path", s(&dir.join(name).to_string_lossy()))])
}

fn files(dir: &Path) {
    let write = |name: &str, text: &str| std::fs::write(dir.join(name), text).expect("written");
    write("ok.tfstate", STATE);
    write("empty.tfstate", "");
    write("cut.tfstate", r#"{"version":4, "x"#);
    write("v5.tfstate", r#"{"version":5,"outputs":{},"resources":[]}"#);
    write("v3.tfstate", r#"{"version":3,"modules":[]}"#);
    write("no_version.tfstate", r#"{"outputs":{}}"#);
    write("no_type.tfstate", r#"{"version":4,"outputs":{"a":{"value":1}}}"#);
    write("wrong_type.tfstate", r#"{"version":4,"outputs":{"a":{"value":[],"type":"string"}}}"#);
    write("list.tfstate", "[]");
    std::fs::create_dir_all(dir.join("spaces/blue")).expect("a directory");
    write("spaces/blue/terraform.tfstate", STATE);
}

#[tokio::test]
async fn outputs_are_read_and_defaults_fill_what_is_missing() {
    let bench = Bench::new("terraform");
    let dir = tempfile::tempdir().expect("a directory");
    files(dir.path());
    let ok = path(dir.path(), "ok.tfstate");
    let as_map = Value::map(Type::String, [("path", ok.get("path").expect("set").clone())]);
    let spaces = Value::object([("workspace_dir", s(&dir.path().join("spaces").to_string_lossy()))]);
    let defaults = Value::object([("o", n(1)), ("zz", Value::tuple([n(2)]))]);
    let with_default = [outputs(), vec![("zz", Value::tuple([n(2)]))]].concat();
    let null = Value::null_dynamic;
    let cases = [
        ("local", ok.clone(), Value::null(Type::String), null(), outputs()),
        ("local", ok.clone(), s("default"), null(), outputs()),
        ("_local", as_map, Value::null(Type::String), null(), outputs()),
        ("local", spaces, s("blue"), null(), outputs()),
        ("local", ok, Value::null(Type::String), defaults, with_default),
    ];
    for (backend, config, workspace, defaults, expected) in cases {
        let attributes =
            [("backend", s(backend)), ("config", config), ("workspace", workspace), ("defaults", defaults)];
        let read = bench.read_data("terraform_remote_state", &attributes).await.expect("it can be read");
        assert_eq!(read.get("outputs"), Some(&Value::object(expected)), "{attributes:?}");
        for (name, value) in &attributes {
            assert_eq!(read.get(name), Some(value));
        }
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_an_error_that_says_why() {
    let bench = Bench::new("terraform");
    let dir = tempfile::tempdir().expect("a directory");
    files(dir.path());
    let file = |name: &str| path(dir.path(), name);
    let invalid = "Invalid backend configuration";
    let missing = "Unable to find remote state";
    let format = "Unsupported state file format";
    let one = |name: &'static str, value: Value| Value::object([(name, value)]);
    let cases = [
        ("s4", Value::null_dynamic(), None, invalid, "no backend type named \"s4\""),
        ("gcs", Value::null_dynamic(), None, invalid, "only \"local\" and \"s3\""),
        ("s3", Value::null_dynamic(), None, invalid, "\"key\": it is required"),
        ("s3", s("a"), None, invalid, "an object is required"),
        ("s3", one("profile", s("me")), None, invalid, "AWS_ACCESS_KEY_ID"),
        ("local", s("a"), None, invalid, "an object is required"),
        ("local", one("pathx", s("a")), None, invalid, "unexpected attribute \"pathx\""),
        ("local", one("path", Value::tuple([s("a")])), None, invalid, ".path: string required"),
        ("local", one("path", s("")), None, "Invalid local state file path", "must not be empty"),
        (
            "local",
            one("workspace_dir", s("")),
            None,
            "Invalid local workspace directory path",
            "must not be empty",
        ),
        ("local", file("none.tfstate"), None, missing, "none.tfstate"),
        ("local", file("empty.tfstate"), None, missing, "empty"),
        ("local", file("ok.tfstate"), Some("blue"), missing, "terraform.tfstate.d/blue/terraform.tfstate"),
        ("local", file("cut.tfstate"), None, format, "JSON"),
        ("local", file("list.tfstate"), None, format, "JSON"),
        ("local", file("v5.tfstate"), None, format, "version 5"),
        ("local", file("v3.tfstate"), None, format, "version 3"),
        ("local", file("no_version.tfstate"), None, format, "no \"version\""),
        ("local", file("no_type.tfstate"), None, format, "\"a\""),
        ("local", file("wrong_type.tfstate"), None, format, "\"a\""),
        ("local", file("."), None, "Failed to read state file", "could not be read"),
    ];
    for (backend, config, workspace, summary, part) in cases {
        let mut attributes = vec![("backend", s(backend)), ("config", config)];
        attributes.extend(workspace.map(|w| ("workspace", s(w))));
        let error = bench.read_data("terraform_remote_state", &attributes).await.expect_err(summary);
        assert_eq!(summaries(&error), [summary], "{attributes:?}");
        assert!(error.iter().all(|d| d.detail.contains(part)), "{error:?} should say {part}");
    }
}

#[tokio::test]
async fn unknown_arguments_are_checked_by_type_only() {
    let bench = Bench::new("terraform");
    let check = |name: &str, value: Value| {
        let all =
            [("backend", s("local")), ("config", Value::null_dynamic()), ("defaults", Value::null_dynamic())];
        let config = Value::object(all.into_iter().chain([(name, value)]));
        let diagnostics = bench.0.validate_data_source("terraform_remote_state", &config);
        summaries(&diagnostics).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert!(check("backend", Value::unknown(Type::String)).is_empty());
    assert!(check("config", Value::unknown(Type::Dynamic)).is_empty());
    assert!(check("config", Value::object([("path", Value::unknown(Type::String))])).is_empty());
    assert_eq!(check("config", Value::unknown(Type::String)), ["Invalid backend configuration"]);
    assert!(check("defaults", Value::unknown(Type::Dynamic)).is_empty());
    for defaults in [s("a"), Value::tuple([s("a")]), Value::unknown(Type::Bool)] {
        assert_eq!(check("defaults", defaults), ["Invalid default values"]);
    }
}
