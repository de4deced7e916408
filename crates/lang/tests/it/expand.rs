use std::sync::Arc;

use ferroform_core::{Type, Value};
use ferroform_lang::{Expansion, expand};

use crate::support::{TestScope, parse};

fn scope() -> TestScope {
    TestScope::new([
        ("var.set", Value::set(Type::String, [Value::string("a"), Value::string("b")])),
        ("var.numbers", Value::set(Type::Number, [Value::number(1u64)])),
        ("var.nulls", Value::set(Type::String, [Value::null(Type::String)])),
        ("var.partly", Value::set(Type::String, [Value::string("a"), Value::unknown(Type::String)])),
        ("var.map", Value::map(Type::String, [("k", Value::unknown(Type::String))])),
        ("var.secret", Value::number(2u64).sensitive()),
        ("var.secret_map", Value::map(Type::String, [("k", Value::string("v"))]).sensitive()),
        ("var.secret_value", Value::object([("k", Value::string("v").sensitive())])),
        ("var.unknown", Value::unknown(Type::Number)),
        ("var.unknown_map", Value::unknown(Type::map(Type::String))),
    ])
}

fn show(expansion: &Expansion) -> String {
    match expansion {
        Expansion::Single => "single".to_owned(),
        Expansion::Count(n) => format!("count {n}"),
        Expansion::ForEach(entries) => {
            format!("each {}", entries.keys().map(Arc::as_ref).collect::<Vec<_>>().join(","))
        }
        Expansion::Unknown => "unknown".to_owned(),
    }
}

fn check(is_count: bool, cases: &[(&str, &str)]) {
    for (text, want) in cases {
        let expr = parse(text);
        let (expansion, diags) =
            if is_count { expand(Some(&expr), None, &scope()) } else { expand(None, Some(&expr), &scope()) };
        let got = match diags.0.first() {
            Some(problem) => {
                assert_eq!(expansion, Expansion::Unknown);
                format!("! {}: {}", problem.summary, problem.detail)
            }
            None => show(&expansion),
        };
        assert!(
            got == *want || (want.ends_with('…') && got.starts_with(want.trim_end_matches('…'))),
            "{text}: {got}"
        );
    }
}

#[test]
fn count_takes_whole_numbers() {
    check(
        true,
        &[
            ("2", "count 2"),
            ("0", "count 0"),
            ("\"3\"", "count 3"),
            ("var.secret", "count 2"),
            ("true", "! Incorrect value type: Invalid expression value: number required."),
            (
                "-1",
                "! Invalid count argument: The given \"count\" argument value is unsuitable: must be greater than or equal to zero.",
            ),
            ("1.5", "! Invalid count argument: The given \"count\" argument value is unsuitable: …"),
            (
                "null",
                "! Invalid count argument: The given \"count\" argument value is null. An integer is required.",
            ),
            (
                "var.unknown",
                "! Invalid count argument: The \"count\" value depends on resource attributes that cannot be determined until apply…",
            ),
        ],
    );
}

#[test]
fn for_each_takes_maps_and_sets_of_strings() {
    check(
        false,
        &[
            ("var.set", "each a,b"),
            ("var.map", "each k"),
            ("var.secret_value", "each k"),
            ("{ x = 1, y = 2 }", "each x,y"),
            ("{}", "each "),
            (
                "[\"a\"]",
                "! Invalid for_each argument: The given \"for_each\" argument value is unsuitable: the \"for_each\" argument must be a map, or set of strings, and you have provided a value of type tuple.",
            ),
            ("var.numbers", "! Invalid for_each set argument: …"),
            ("var.nulls", "! Invalid for_each set argument: …"),
            (
                "var.partly",
                "! Invalid for_each argument: The \"for_each\" set includes values derived from resource attributes that cannot be determined until apply…",
            ),
            (
                "var.secret_map",
                "! Invalid for_each argument: Sensitive values, or values derived from sensitive values, cannot be used as for_each arguments.…",
            ),
            (
                "var.unknown_map",
                "! Invalid for_each argument: The \"for_each\" map includes keys derived from resource attributes…",
            ),
            (
                "null",
                "! Invalid for_each argument: The given \"for_each\" argument value is null. A map, or set of strings is allowed.",
            ),
        ],
    );
}
