use std::path::Path;

use ferroform_core::{Sources, Value};
use ferroform_lang::Variable;
use ferroform_lang::variables::{
    InputValue, RawInput, check_validations, input_value, module_input, parse_tfvars,
};

use crate::eval::show;
use crate::support::{TestScope, files, load};

fn variable(body: &str) -> Variable {
    let (config, _, diags) = load(&format!("variable \"x\" {{\n{body}\n}}"));
    assert!(diags.is_empty(), "{body}: {diags:?}");
    config.root().variables["x"].clone()
}

fn text(text: &str) -> InputValue {
    InputValue { raw: RawInput::Text(text.to_owned()), origin: "using -var=\"x=…\"".to_owned(), span: None }
}

#[test]
fn given_text_is_read_by_the_type_of_the_variable() {
    for (body, given, want) in [
        ("", Some("5"), "\"5\""),
        ("type = string", Some("5"), "\"5\""),
        ("type = number", Some("5"), "5"),
        ("type = bool", Some("true"), "true"),
        ("type = any", Some("[1]"), "[1]"),
        ("type = list(string)", Some("[1, \"a\"]"), "list[\"1\", \"a\"]"),
        ("type = map(number)", Some("{ a = 1 }"), "map{a = 1}"),
        ("type = set(string)\nsensitive = true", Some("[\"b\", \"a\", \"b\"]"), "~set[\"a\", \"b\"]"),
        (
            "type = object({ a = string, b = optional(number, 3), c = optional(object({ d = optional(bool, true) }), {}) })",
            Some("{ a = 1 }"),
            "{a = \"1\", b = 3, c = {d = true}}",
        ),
        (
            "type = list(object({ a = optional(string, \"d\") }))",
            Some("[{}, { a = null }, { a = \"x\" }]"),
            "list[{a = \"d\"}, {a = \"d\"}, {a = \"x\"}]",
        ),
        (
            "type = map(object({ a = optional(list(string), []) }))",
            Some("{ k = {} }"),
            "map{k = {a = list[]}}",
        ),
        ("type = string\ndefault = \"d\"", None, "\"d\""),
        ("type = string\ndefault = null", None, "null"),
        ("type = number\ndefault = 1\nnullable = false", Some("2"), "2"),
        ("type = string", None, "! No value for required variable"),
        ("type = number", Some("x"), "! Invalid value for input variable"),
        ("type = list(string)", Some("[a]"), "! Invalid value for input variable"),
        ("type = list(string)", Some("["), "! Invalid value for input variable"),
        ("type = object({ a = string })", Some("{}"), "! Invalid value for input variable"),
    ] {
        let (value, diags) = input_value(&variable(body), given.map(text).as_ref());
        let got = diags.0.first().map_or_else(|| show(&value), |d| format!("! {}", d.summary));
        assert_eq!(got, want, "{body} {given:?}");
    }
}

#[test]
fn null_stands_for_the_default_unless_it_is_a_value() {
    let span = variable("").span;
    for (body, want) in [
        ("default = 1", "null"),
        ("default = 1\nnullable = false", "1"),
        ("nullable = false", "! Invalid value for input variable"),
    ] {
        let (value, diags) = module_input(&variable(body), Some((Value::null_dynamic(), span)), span);
        let got = diags.0.first().map_or_else(|| show(&value), |d| format!("! {}", d.summary));
        assert_eq!(got, want, "{body}");
    }
}

#[test]
fn values_files_hold_constants() {
    let files = files(
        "=== a.tfvars\nx = [1, \"a\"]\ny = var.z\nvariable \"w\" {}\n=== b.tfvars.json\n{ \"x\": { \"a\": \"${not} a template\" }, \"n\": 1.5 }\n",
    );
    let mut sources = Sources::new();
    let (values, diags) = parse_tfvars(&files, &mut sources, Path::new("a.tfvars"));
    let summaries: Vec<&str> = diags.iter().map(|d| &*d.summary).collect();
    assert_eq!(summaries, ["Variable declaration in .tfvars file", "Variables not allowed"]);
    let RawInput::Value(x) = &values["x"].raw else { panic!("not a value") };
    assert_eq!(show(x), "[1, \"a\"]");

    let (values, diags) = parse_tfvars(&files, &mut sources, Path::new("b.tfvars.json"));
    assert!(diags.is_empty(), "{diags:?}");
    let RawInput::Value(x) = &values["x"].raw else { panic!("not a value") };
    assert_eq!(show(x), "{a = \"${not} a template\"}");

    let (_, diags) = parse_tfvars(&files, &mut sources, Path::new("none.tfvars"));
    assert_eq!(diags.0[0].summary, "Failed to read variables file");
}

#[test]
fn validations_say_what_the_configuration_says() {
    let variable =
        variable("validation {\n condition = var.x > 3\n error_message = \"Too small: ${var.x}.\"\n}");
    for (value, want) in [(Value::number(5u64), None), (Value::number(2u64), Some("Too small: 2."))] {
        let scope = TestScope::new([("var.x", value.clone())]);
        let diags = check_validations(&variable, &value, &scope);
        assert_eq!(diags.0.first().map(|d| d.detail.as_str()), want);
        if let Some(problem) = diags.0.first() {
            assert_eq!(problem.summary, "Invalid value for variable");
            assert_eq!(problem.values, [("var.x".to_owned(), "is 2".to_owned())]);
        }
    }
    let secret = Value::number(2u64).sensitive();
    let diags = check_validations(&variable, &secret, &TestScope::new([("var.x", secret.clone())]));
    let summaries: Vec<&str> = diags.iter().map(|d| &*d.summary).collect();
    assert_eq!(summaries, ["Error message refers to sensitive values", "Invalid value for variable"]);
    assert!(!format!("{diags:?}").contains("Too small: 2"));
}

#[test]
fn defaults_reach_every_depth() {
    for (body, want) in [
        (
            "type = object({ a = optional(object({ b = optional(string, \"x\"), c = optional(number) })), l = optional(list(object({ z = optional(bool, true) })), [{}]), t = optional(tuple([object({ q = optional(string, \"w\") })])) })\ndefault = { a = {}, t = [{}] }",
            "{a = {b = \"x\", c = null}, l = list[{z = true}], t = [{q = \"w\"}]}",
        ),
        (
            "type = set(object({ a = optional(string, \"d\") }))\ndefault = [{}, { a = \"e\" }, { a = null }]",
            "set[{a = \"d\"}, {a = \"e\"}]",
        ),
        (
            "type = map(object({ a = optional(string, \"d\") }))\ndefault = { x = {}, y = { a = \"e\" } }",
            "map{x = {a = \"d\"}, y = {a = \"e\"}}",
        ),
        ("type = map(any)\ndefault = { x = 1, y = \"b\" }", "map{x = \"1\", y = \"b\"}"),
        (
            "type = object({ a = optional(object({ b = optional(string, \"x\") }), {}) })\ndefault = { a = null }",
            "{a = {b = \"x\"}}",
        ),
    ] {
        let (value, diags) = input_value(&variable(body), None);
        assert!(diags.is_empty(), "{body}: {diags:?}");
        assert_eq!(show(&value), want, "{body}");
    }
}
