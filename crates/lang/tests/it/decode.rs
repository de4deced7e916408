use ferroform_core::{AttrPath, Step, Type, Value};
use ferroform_lang::{decode_body, span_in_body};

use crate::eval::show;
use crate::support::TestScope;
use crate::validate::thing;

fn body(text: &str) -> (ferroform_lang::hcl::ast::Body, ferroform_core::Sources) {
    let mut sources = ferroform_core::Sources::new();
    let id = sources.add("main.tf", text);
    let (body, diags) = ferroform_lang::hcl::parse_body(id, text).into_parts();
    assert!(!diags.has_errors(), "{text}: {diags:?}");
    (body, sources)
}

fn check(cases: &[(&str, &str)]) {
    let numbers = Value::list(Type::Number, [Value::number(80u64), Value::number(443u64)]);
    let scope = TestScope::new([
        ("var.ports", numbers.clone()),
        ("var.secret_ports", numbers.sensitive()),
        ("var.unknown", Value::unknown(Type::list(Type::Number))),
        ("var.secret", Value::string("s").sensitive()),
        ("var.number", Value::number(5u64)),
    ]);
    for (text, want) in cases {
        let (body, _) = body(text);
        let (value, diags) = decode_body(&body, &thing(), &scope);
        let got = if diags.has_errors() {
            diags.iter().map(|d| format!("! {}: {}", d.summary, d.detail)).collect::<Vec<_>>().join(" | ")
        } else {
            show(&value)
        };
        assert_eq!(got, *want, "{text}");
    }
}

#[test]
fn bodies_become_objects_of_their_schema() {
    check(&[
        ("name = \"a\"", "{disk = null, id = null, labels = null, name = \"a\", port = set[]}"),
        (
            "name = var.number\nlabels = { a = var.secret, b = 1 }\ndisk {}",
            "{disk = {size = null}, id = null, labels = map{a = ~\"s\", b = \"1\"}, name = \"5\", port = set[]}",
        ),
        (
            "name = \"a\"\nport { number = 2 }\nport { number = 1 }",
            "{disk = null, id = null, labels = null, name = \"a\", port = set[{name = null, number = 1}, {name = null, number = 2}]}",
        ),
        (
            "name = null",
            "! Missing required argument: The argument \"name\" is required, but its value is null.",
        ),
        (
            "name = []",
            "! Incorrect attribute value type: Inappropriate value for attribute \"name\": string required.",
        ),
        (
            "name = \"a\"\nport { number = 1 }\nport { number = 2 }\nport { number = 3 }",
            "! Too many port blocks: No more than 2 \"port\" blocks are allowed.",
        ),
        (
            "name = \"a\"\nport \"x\" { number = 1 }",
            "! Extraneous label for port: No labels are expected for port blocks.",
        ),
    ]);
}

#[test]
fn dynamic_blocks_are_made_for_each_element() {
    let object =
        |port: &str| format!("{{disk = null, id = null, labels = null, name = \"a\", port = {port}}}");
    check(&[
        (
            "name = \"a\"\ndynamic \"port\" {\n for_each = var.ports\n content {\n  number = port.value\n  name = \"p${port.key}\"\n }\n}",
            &object("set[{name = \"p0\", number = 80}, {name = \"p1\", number = 443}]"),
        ),
        (
            "name = \"a\"\ndynamic \"port\" {\n for_each = { x = 1 }\n iterator = it\n content {\n  number = it.value\n  name = it.key\n }\n}",
            &object("set[{name = \"x\", number = 1}]"),
        ),
        ("name = \"a\"\ndynamic \"port\" {\n for_each = []\n content { number = 1 }\n}", &object("set[]")),
        (
            "name = \"a\"\ndynamic \"port\" {\n for_each = var.unknown\n content { number = port.value }\n}",
            &object("?set(object({ name = string, number = number }))"),
        ),
        (
            "name = \"a\"\ndynamic \"port\" {\n for_each = var.secret_ports\n content { number = port.value }\n}",
            &object("~set[{name = null, number = 443}, {name = null, number = 80}]"),
        ),
        (
            "name = \"a\"\ndynamic \"port\" {\n for_each = null\n content { number = 1 }\n}",
            "! Invalid dynamic for_each value: Cannot use a null value in for_each.",
        ),
        (
            "name = \"a\"\ndynamic \"port\" {\n for_each = 1\n content { number = 1 }\n}",
            "! Invalid dynamic for_each value: Cannot use a number value in for_each. An iterable collection is required.",
        ),
        (
            "name = \"a\"\ndynamic \"port\" {\n content {}\n}",
            "! Missing required argument: The argument \"for_each\" is required, but no definition was found.",
        ),
    ]);
}

#[test]
fn elements_of_a_set_lead_back_to_the_blocks_that_write_them() {
    let (body, sources) = body(
        "rule {\n port = \"80\"\n ips = [\"b\", \"a\"]\n}\nrule {\n port = 443\n ips = var.ips\n}\nrule {\n port = \"any\"\n on = true\n}",
    );
    let element = |port: &str, on: bool| {
        let ips = Value::set(Type::String, ["a", "b"].map(Value::string));
        Value::object([("port", Value::string(port)), ("on", Value::bool(on)), ("ips", ips)])
    };
    for (port, on, want) in [("80", false, "\"80\""), ("443", false, "443"), ("any", true, "\"any\"")] {
        let path = AttrPath::attr("rule").with_step(Step::Index(element(port, on))).with_attr("port");
        let span = span_in_body(&body, &path);
        assert_eq!(span.and_then(|s| Some(sources.get(s.source)?.slice(s))), Some(want), "{port}");
    }
}

#[test]
fn paths_lead_back_to_the_text() {
    let (body, sources) = body(
        "name = \"a\"\nlabels = {\n  x = 1\n  \"y\" = 2\n}\nport { number = 1 }\nport { number = 22 }\nlist = [[1], [2, 3]]",
    );
    for (path, want) in [
        (AttrPath::attr("name"), Some("\"a\"")),
        (AttrPath::attr("labels").with_key("y"), Some("2")),
        (AttrPath::attr("labels").with_key("z"), Some("{\n  x = 1\n  \"y\" = 2\n}")),
        (AttrPath::attr("port").with_index(1).with_attr("number"), Some("22")),
        (AttrPath::attr("port").with_index(0).with_attr("none"), Some("port")),
        (AttrPath::attr("list").with_index(1).with_index(1), Some("3")),
        (AttrPath::attr("none"), None),
    ] {
        let span = span_in_body(&body, &path);
        assert_eq!(span.and_then(|s| Some(sources.get(s.source)?.slice(s))), want, "{path}");
    }
}
