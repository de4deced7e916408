//! Configuration in JSON. Summaries and the ways to write blocks are those of Terraform 1.11.4.

use ferroform_core::Span;
use ferroform_hcl::json::{self, Arguments, Shape};

use crate::dump;

/// `resource` with two labels, which holds `lifecycle`; `locals`.
struct File;
struct Resource;

impl Shape for File {
    fn block(&self, name: &str) -> Option<(usize, &dyn Shape)> {
        match name {
            "resource" => Some((2, &Resource)),
            "locals" => Some((0, &Arguments)),
            _ => None,
        }
    }
}

impl Shape for Resource {
    fn block(&self, name: &str) -> Option<(usize, &dyn Shape)> {
        (name == "lifecycle").then_some((0, &Arguments as &dyn Shape))
    }
}

#[track_caller]
fn check_body(text: &str, expected: &str) {
    let (value, diagnostics) = json::parse(dump::SOURCE, text);
    assert!(diagnostics.is_empty(), "{text}: {diagnostics:?}");
    let (body, diagnostics) = json::body(&value, &File);
    assert!(diagnostics.is_empty(), "{text}: {diagnostics:?}");
    assert_eq!(dump::body(&body), expected, "{text}");
}

#[track_caller]
fn check_expr(text: &str, expected: &str) {
    let (value, diagnostics) = json::parse(dump::SOURCE, text);
    assert!(diagnostics.is_empty(), "{text}: {diagnostics:?}");
    let (expr, diagnostics) = json::expr(&value);
    assert!(diagnostics.is_empty(), "{text}: {diagnostics:?}");
    assert_eq!(dump::expr(&expr), expected, "{text}");
}

/// Expects `summary @ text of the subject`.
#[track_caller]
fn check_error(text: &str, expected: &[&str]) {
    let (value, mut diagnostics) = json::parse(dump::SOURCE, text);
    if diagnostics.is_empty() {
        diagnostics = json::body(&value, &File).1;
    }
    assert_eq!(dump::diagnostics(text, &diagnostics), expected, "{text}");
}

#[test]
fn values() {
    check_expr("null", "null");
    check_expr(" true ", "true");
    check_expr("-12.5e1", "-125");
    check_expr("[]", "(tuple)");
    check_expr("[1, \"a\", {}]", "(tuple 1 \"a\" (object))");
    check_expr(r#"{"a": 1, "b ${c}": [false]}"#, "(object \"a\"=1 (tmpl \"b \" ${c})=(tuple false))");
    check_expr(r#""\u00e9\ud83d\ude00\n\t\/\\\"""#, "\"é😀\\n\\t/\\\\\\\"\"");
    check_expr(r#""\ud800x""#, "\"\u{fffd}x\"");
    check_expr("\u{feff}1", "1");
}

#[test]
fn strings_are_templates() {
    check_expr(r#""${a.b}""#, "(tmpl ${(. a b)})");
    check_expr(r#""x %{ if a }y%{ endif } $${z} 100%""#, r#"(tmpl "x " (if a ("y") ()) " ${z} 100%")"#);
    check_expr(r#""${f(\"q\")}""#, "(tmpl ${(f() \"q\")})");
    let (value, _) = json::parse(dump::SOURCE, r#"["${a}", "%{"]"#);
    assert_eq!(dump::expr(&json::literal(&value)), "(tuple \"${a}\" \"%{\")");
}

#[test]
fn spans_in_strings() {
    for (text, subject) in [(r#"{"a": "x${b c}"}"#, "c"), (r#"{"a": "\n${b c}"}"#, r#""\n${b c}""#)] {
        let (value, _) = json::parse(dump::SOURCE, text);
        let (_, diagnostics) = json::body(&value, &File);
        let expected = format!("Extra characters after interpolation expression @ {subject}");
        assert_eq!(dump::diagnostics(text, &diagnostics), [expected.replace('\n', "\\n")]);
    }
}

#[test]
fn bodies() {
    check_body("{}", "");
    check_body(r#"{"//": "comment", "a": 1}"#, "a=1");
    check_body(r#"[{"a": 1}, {"b": 2}]"#, "a=1 b=2");
    check_body(r#"{"locals": {"a": 1}}"#, "(locals {a=1})");
    check_body(r#"{"locals": [{"a": 1}, {"b": 2}]}"#, "(locals {a=1}) (locals {b=2})");
    check_body(r#"{"locals": null}"#, "");
    check_body(
        r#"{"resource": {"t": {"a": {"x": 1, "lifecycle": {"y": true}}, "b": {}}}}"#,
        r#"(resource "t" "a" {x=1 (lifecycle {y=true})}) (resource "t" "b" {})"#,
    );
    check_body(
        r#"{"resource": [{"t": {"a": {}}}, {"t": [{"b": [{"x": 1}]}]}]}"#,
        r#"(resource "t" "a" {}) (resource "t" "b" {x=1})"#,
    );
}

#[test]
fn blocks_that_were_taken_for_arguments() {
    let text =
        r#"{"network": [{"id": "${a}", "//": "c"}, {"ip": 2}], "one": {"x": 1}, "none": null, "no": "text"}"#;
    let (value, _) = json::parse(dump::SOURCE, text);
    let (body, _) = json::body(&value, &Arguments);
    let blocks = |name: &str| {
        let bodies = json::blocks_of(&body.attribute(name).unwrap().expr)?;
        Some(bodies.iter().map(dump::body).collect::<Vec<_>>())
    };
    assert_eq!(blocks("network").unwrap(), ["id=(tmpl ${a})", "ip=2"]);
    assert_eq!(blocks("one").unwrap(), ["x=1"]);
    assert!(blocks("none").unwrap().is_empty());
    assert_eq!(blocks("no"), None);
}

#[test]
fn mistakes() {
    check_error("", &["Missing value @ "]);
    check_error("{} x", &["Extraneous data after value @ x"]);
    check_error("{\"a\": }", &["Missing JSON value @ }"]);
    check_error("{\"a\": [1, 2}", &["Mismatched brackets @ }"]);
    check_error("{\"a\": 1]", &["Mismatched braces @ ]"]);
    check_error("{\"a\": 1", &["Unclosed object @ {"]);
    check_error("{\"a\": [1", &["Unclosed object @ ["]);
    check_error("{\"a\": 1,}", &["Trailing comma in object @ ,"]);
    check_error("{\"a\": [1,]}", &["Trailing comma in array @ ,"]);
    check_error("{\"a\" = 1}", &["Missing property value colon @ ="]);
    check_error("{\"a\"}", &["Missing object value @ }"]);
    check_error("{\"a\": 1 \"b\": 2}", &["Missing attribute seperator comma @ \""]);
    check_error("{1: 2}", &["Invalid object property name @ 1"]);
    check_error("{\"a\": 01}", &["Invalid JSON number @ 01"]);
    check_error("{\"a\": 1.}", &["Invalid JSON number @ 1."]);
    check_error("{\"a\": nil}", &["Invalid JSON keyword @ nil"]);
    check_error("{\"a\": 'b'}", &["Invalid start of value @ '"]);
    check_error("{\"a\": \"b\n\"}", &["Invalid JSON string @ \\n"]);
    check_error("{\"a\": \"\\x\"}", &["Invalid JSON string @ \\"]);
    check_error("{\"a\": \"b", &["Invalid JSON string @ \""]);
    check_error("{\"a\": 1, \"a\": 2}", &["Duplicate argument @ \"a\""]);
    check_error("{\"a\": {\"b\": 1, \"b\": 2}}", &["Duplicate object attribute @ \"b\""]);
    check_error("{\"locals\": 1}", &["Incorrect JSON value type @ 1"]);
    check_error("{\"resource\": {\"t\": 1}}", &["Incorrect JSON value type @ 1"]);
    check_error("{\"resource\": {}}", &["Missing block label @ {}"]);
    check_error("1", &["Incorrect JSON value type @ 1"]);
}

#[test]
fn nesting_without_end_is_refused() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("[{\"a\":", "}]")] {
        let (_, diagnostics) = json::parse(dump::SOURCE, &(open.repeat(100_000) + &close.repeat(100_000)));
        assert_eq!(diagnostics.0[0].summary, "Expression nested too deeply");
    }
    let text = format!("{}1{}", "[".repeat(200), "]".repeat(200));
    let (value, diagnostics) = json::parse(dump::SOURCE, &text);
    assert!(diagnostics.is_empty());
    assert_eq!(value.span, Span::new(dump::SOURCE, 0, text.len() as u32));
}
