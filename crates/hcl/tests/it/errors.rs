//! Mistakes: one diagnostic each, with Terraform's summary, at the right place.

use crate::dump;

#[track_caller]
fn check(text: &str, expected: &[&str]) {
    let parse = ferroform_hcl::parse_body(dump::SOURCE, text);
    assert_eq!(dump::diagnostics(text, parse.diagnostics()), expected, "{text}");
    assert_eq!(parse.syntax().to_string(), text);
}

#[test]
fn arguments() {
    check("a = \nb = 1\n", &["Invalid expression @ \\n"]);
    check("a = 1 2\nb = 1\n", &["Missing newline after argument @ 2"]);
    check("a = 1,\nb = 2\n", &["Unexpected comma after argument @ ,"]);
    check("a = 1\na = 2\n", &["Attribute redefined @ a"]);
    check("a\n", &["Argument or block definition required @ a"]);
    check("\"a\" = 1\n", &["Invalid argument name @ \"a\""]);
    check("a = 'x'\n", &["Invalid character @ '"]);
    check("a = 1;\n", &["Invalid character @ ;"]);
    check("a = b & c\n", &["Unsupported operator @ &"]);
    check("a = \"x\nb = 2\nc = \"y\"\n", &["Invalid multi-line string @ \""]);
}
