//! `terraform_data` against plans and states that Terraform 1.11.4 made of the same configurations.

use ferroform_core::{Type, Value, wire};
use serde::Deserialize;
use serde_json::Value as Json;

use crate::harness::{Bench, s, summaries};

/// What Terraform was given and what it made of it (`show -json` of the plan, then the statefile).
#[derive(Deserialize)]
struct Recorded {
    name: String,
    prior: Option<Json>,
    /// None to delete.
    config: Option<Json>,
    actions: Vec<String>,
    unknown: Vec<String>,
    replace: Vec<String>,
    state: Option<Json>,
}

/// A value in the statefile's form, or with `unknown` or `tuple` in place of `value`.
fn value(json: &Json) -> Value {
    if let Some(ty) = json.get("unknown").and_then(Json::as_str) {
        return Value::unknown(if ty == "string" { Type::String } else { Type::Dynamic });
    }
    if let Some(items) = json.get("tuple").and_then(Json::as_array) {
        return Value::tuple(items.iter().map(value));
    }
    wire::from_json(json, &Type::Dynamic).expect("a value of the statefile")
}

async fn check(bench: &Bench, recorded: &Recorded) {
    const TYPE: &str = "terraform_data";
    let name = &recorded.name;
    let ty = bench.schema(TYPE).block.implied_type();
    let state = |json: &Option<Json>| {
        json.as_ref().map_or_else(|| bench.none(TYPE), |j| wire::from_json(j, &ty).expect("a recorded state"))
    };
    let prior = state(&recorded.prior);
    let config = recorded.config.as_ref().map_or_else(
        || bench.none(TYPE),
        |config| {
            let attribute = |name| (name, value(&config[name]));
            bench.config(TYPE, &[attribute("input"), attribute("triggers_replace")])
        },
    );
    assert!(bench.0.validate_resource(TYPE, &config).is_empty(), "{name}");

    let first = bench.plan(TYPE, &prior, &config).await;
    let replace: Vec<String> = first.requires_replace.iter().map(ToString::to_string).collect();
    let expected: Vec<String> = recorded.replace.iter().map(|attribute| format!(".{attribute}")).collect();
    assert_eq!(replace, expected, "{name}");
    let (prior, planned) = if replace.is_empty() {
        (prior, first.planned.expect("a plan"))
    } else {
        // As the engine does: the new object is planned as one that is created.
        let none = bench.none(TYPE);
        let second = bench.plan(TYPE, &none, &config).await;
        (none, second.planned.expect("a plan"))
    };
    let no_op = recorded.actions == ["no-op"];
    assert_eq!(planned == prior, no_op, "{name}: {planned:?}");
    let attributes = planned.as_map().cloned().unwrap_or_default();
    let unknown: Vec<&str> = attributes.iter().filter(|(_, v)| !v.is_known()).map(|(k, _)| &**k).collect();
    assert_eq!(unknown, recorded.unknown, "{name}");

    let expected = state(&recorded.state);
    // What was unknown in configuration is known by the time of applying; what it became is in the recorded state.
    let known = attributes.iter().map(|(key, value)| {
        let configured = matches!(&**key, "input" | "triggers_replace");
        let known = expected.get(key).filter(|_| configured && !value.is_wholly_known());
        (key.clone(), known.unwrap_or(value).clone())
    });
    let planned = if planned.is_null() { planned.clone() } else { Value::object(known) };
    let applied = bench.apply(TYPE, &prior, &planned).await;
    assert!(applied.diagnostics.is_empty(), "{name}");
    let without_id = |value: &Value| {
        value.as_map().map(|m| {
            m.iter().filter(|(k, _)| &***k != "id").map(|(k, v)| (k.clone(), v.clone())).collect::<Vec<_>>()
        })
    };
    assert_eq!(without_id(&applied.state), without_id(&expected), "{name}");
    if let Some(id) = applied.state.get("id") {
        let id = id.as_str().expect("a text");
        let groups: Vec<usize> = id.split('-').map(str::len).collect();
        assert_eq!(groups, [8, 4, 4, 4, 12], "{name}: {id}");
        assert_eq!(
            prior.get("id").is_some_and(|before| before.as_str() == Some(id)),
            !prior.is_null(),
            "{name}"
        );
    }
}

#[tokio::test]
async fn plans_and_results_are_those_of_terraform() {
    let recorded: Vec<Recorded> =
        serde_json::from_str(include_str!("data/terraform_data.json")).expect("the recording");
    assert!(recorded.len() >= 28);
    let bench = Bench::new("terraform");
    for case in &recorded {
        check(&bench, case).await;
    }
}

#[tokio::test]
async fn computed_attributes_cannot_be_set() {
    let bench = Bench::new("terraform");
    let config = bench.config("terraform_data", &[("id", s("a")), ("output", s("b"))]);
    let diagnostics = bench.0.validate_resource("terraform_data", &config);
    assert_eq!(
        summaries(&diagnostics),
        ["\"id\" attribute is read-only", "\"output\" attribute is read-only"]
    );
}

#[tokio::test]
async fn import_takes_the_id() {
    let bench = Bench::new("terraform");
    let imported = bench.0.import_resource("terraform_data", "some-id").await.expect("imported");
    let expected = bench.config("terraform_data", &[("id", s("some-id"))]);
    assert_eq!(imported.iter().map(|i| &i.state).collect::<Vec<_>>(), [&expected]);
}
