//! Mistakes: one diagnostic each where possible, at the right place. The summaries are those of Terraform 1.11.4, except
//! that an unclosed bracket is named as such (Terraform: "Missing expression"), as is an unclosed comment ("Invalid
//! expression"), and that the message for a key with dots comes from Terraform's evaluation.

use crate::dump;

/// Expects `summary @ text of the subject` for every diagnostic.
#[track_caller]
fn check(text: &str, expected: &[&str]) {
    let parse = ferroform_hcl::parse_body(dump::SOURCE, text);
    assert_eq!(dump::diagnostics(text, parse.diagnostics()), expected, "{text}");
    assert_eq!(parse.syntax().to_string(), text);
}

#[test]
fn arguments() {
    check("a = \n", &["Invalid expression @ \\n"]);
    check("a = 1 2\n", &["Missing newline after argument @ 2"]);
    check("a = 1,\n", &["Unexpected comma after argument @ ,"]);
    check("a = 1\na = 2\n", &["Attribute redefined @ a"]);
    check("a\n", &["Argument or block definition required @ a"]);
    check("\"a\" = 1\n", &["Invalid argument name @ \"a\""]);
    check("a = 'x'\n", &["Invalid character @ '"]);
    check("a = 1;\n", &["Invalid character @ ;"]);
    check("a = b & c\n", &["Unsupported operator @ &"]);
    check("a = \"x\nb = 2\n", &["Invalid multi-line string @ \"x"]);
    check("a = \"x\n y\n z\"\nb = 2\n", &["Invalid multi-line string @ \"x"]);
}

#[test]
fn collections() {
    check("a = [1, 2\nb = 3\n", &["Missing item separator @ b"]);
    check("a = [1 2]\n", &["Missing item separator @ 2"]);
    check("a = { b = 1 c = 2 }\n", &["Missing attribute separator @ c"]);
    check("a = { b }\n", &["Missing key/value separator @ }"]);
    check("a = { b c }\n", &["Missing key/value separator @ c"]);
    check("a = { b = 1\n", &["Unterminated object constructor expression @ {"]);
    check("a = { b = 1,, c = 2 }\n", &["Invalid expression @ ,"]);
}

#[test]
fn calls_parentheses_and_indexes() {
    check("a = f(1\nb = 2\n", &["Missing argument separator @ b"]);
    check("a = f(1 2)\n", &["Missing argument separator @ 2"]);
    check("a = f(a... b)\n", &["Missing closing parenthesis @ b"]);
    check("a = f(a..., b)\n", &["Missing closing parenthesis @ ,"]);
    check("a = (1\nb = 2\n", &["Unbalanced parentheses @ b"]);
    check("a = (1 2)\n", &["Unbalanced parentheses @ 2"]);
    check("a = b[1\nc = 2\n", &["Missing close bracket on index @ c"]);
    check("a = b[1 2]\n", &["Missing close bracket on index @ 2"]);
    check("a = b.\n", &["Invalid attribute name @ \\n"]);
    check("a = b.*.*\n", &["Nested splat expression not allowed @ *"]);
    check("a = b[* 1]\n", &["Missing close bracket on splat index @ 1"]);
    check("a = b.0.1\n", &["Invalid legacy index syntax @ 0.1"]);
}

#[test]
fn operators() {
    check("a = b ? c\n", &["Missing false expression in conditional @ \\n"]);
    check("a = b ? c d\n", &["Missing false expression in conditional @ d"]);
    check("a = 1 +\n", &["Invalid expression @ \\n"]);
    check("a = 1 + * 2\n", &["Invalid expression @ *"]);
}

#[test]
fn sequences_in_templates() {
    check("a = \"${b\"\n", &["Unclosed template interpolation sequence @ ${"]);
    check("a = \"${b c}\"\n", &["Extra characters after interpolation expression @ c"]);
    check("a = \"${b:-c}\"\n", &["Extra characters after interpolation expression @ :"]);
    check("a = \"${b\"\nc = \"d\"\n", &["Unclosed template interpolation sequence @ ${"]);
    check("a = \"%{ foo }\"\n", &["Invalid template control keyword @ foo"]);
    check("a = \"%{ if b }\"\n", &["Unexpected end of template @ %{ if b }"]);
    check("a = \"%{ if b }%{ endfor }\"\n", &["Unexpected endfor directive @ %{ endfor }"]);
    check("a = \"%{ endif }\"\n", &["Unexpected endif directive @ %{ endif }"]);
    check("a = \"%{ else }\"\n", &["Unexpected else directive @ %{ else }"]);
    check("a = \"%{ if b }%{ else }%{ else }%{ endif }\"\n", &["Unexpected else directive @ %{ else }"]);
    check("a = \"%{ for x in y }%{ else }%{ endfor }\"\n", &["Unexpected else directive @ %{ else }"]);
    check("a = \"%{ for in y }%{ endfor }\"\n", &["Invalid 'for' directive @ y"]);
    check("a = \"%{ for x y }%{ endfor }\"\n", &["Invalid 'for' directive @ y"]);
    check("a = \"%{ for x, in y }%{ endfor }\"\n", &["Invalid 'for' directive @ y"]);
    check("a = \"%{ if b c }%{ endif }\"\n", &["Extra characters in if marker @ c"]);
    check("a = \"%{ if b }%{ else if c }%{ endif }\"\n", &["Extra characters in else marker @ if"]);
    check("a = \"%{ 1 }\"\n", &["Invalid template directive @ 1"]);
    check("a = \"\\q\"\n", &["Invalid escape sequence @ \\q"]);
}

#[test]
fn strings_and_heredocs() {
    check("a = \"\\u12\"\n", &["Invalid escape sequence @ \\u"]);
    check("a = \"\\ud800\"\n", &["Invalid escape sequence @ \\ud800"]);
    check("a = <<EOT\nx\n", &["Unterminated template string @ <<EOT\\n"]);
    check("a = <<EOT\nx\nEOT", &["Unterminated template string @ <<EOT\\n"]);
    check("a = <<EOT x\nEOT\n", &["Invalid expression @ <", "Argument or block definition required @ EOT"]);
    check(
        "a = <<\"EOT\"\nx\nEOT\n",
        &[
            "Invalid expression @ <",
            "Argument or block definition required @ x",
            "Argument or block definition required @ EOT",
        ],
    );
    check("a = [for x y : x]\n", &["Invalid 'for' expression @ y"]);
}

#[test]
fn for_expressions() {
    check("a = [for in y : x]\n", &["Invalid 'for' expression @ y"]);
    check("a = [for x in y x]\n", &["Invalid 'for' expression @ x"]);
    check("a = [for x in y : x z]\n", &["Invalid 'for' expression @ z"]);
    check("a = [for x in y : x => x]\n", &["Invalid 'for' expression @ x"]);
    check("a = [for x in y : x...]\n", &["Invalid 'for' expression @ ..."]);
    check("a = {for x in y : x}\n", &["Invalid 'for' expression @ x"]);
    check("a = {for x, in y : x}\n", &["Invalid 'for' expression @ y"]);
    check("a = 1.2.3\n", &["Invalid number literal @ 1.2.3"]);
}

#[test]
fn numbers() {
    check("a = 1..2\n", &["Invalid number literal @ 1..2"]);
    check("a {\n", &["Unclosed configuration block @ {"]);
}

#[test]
fn blocks() {
    check("a { b = 1\n", &["Invalid single-argument block definition @ \\n"]);
    check("a { b = 1, c = 2 }\n", &["Invalid single-argument block definition @ ,"]);
    check("a { b = 1 c = 2 }\n", &["Invalid single-argument block definition @ c"]);
    check("a { b {} }\n", &["Argument definition required @ b {"]);
    check("a { b = 1\n  c = 2\n}\n", &["Invalid single-argument block definition @ \\n"]);
    check("a {} b = 1\n", &["Missing newline after block definition @ b"]);
    check("a {\n  b = 1 }\nc = 1\n", &["Missing newline after argument @ }"]);
    check("a \"b\" = 1\n", &["Invalid block definition @ ="]);
    check("a \"b\"\n{\n}\n", &["Invalid block definition @ \\n"]);
    check("a \"b\" 1 {\n}\n", &["Invalid block definition @ 1"]);
    check("a \"b${c}\" {\n}\n", &["Invalid string literal @ ${"]);
    check("a \"b\n{\n}\n", &["Invalid multi-line string @ \"b"]);
    check("}\n", &["Argument or block definition required @ }"]);
    check("a {\n}\n}\n", &["Argument or block definition required @ }"]);
}

#[test]
fn the_end_of_brackets_is_guessed() {
    check(
        "resource \"a\" \"b\" {\n  c = [\n    1,\n  d = 2\n}\nresource \"e\" \"f\" {\n}\n",
        &["Missing item separator @ ="],
    );
    check(
        "resource \"a\" \"b\" {\n  c = {\n    x = 1\n  d = 2\n}\nresource \"e\" \"f\" {\n  y = 1\n}\n",
        &["Unclosed configuration block @ {"],
    );
    check("= 1\n", &["Argument or block definition required @ ="]);
}

#[test]
fn names_and_separators() {
    check("1 = 2\n", &["Argument or block definition required @ 1"]);
    check("a.b = 1\n", &["Argument or block definition required @ a"]);
    check("a = /* b\nc = 2\n", &["Unterminated comment @ /* b\\nc = 2\\n"]);
    check("a = b::\n", &["Missing function name @ \\n"]);
    check("a = b::c\n", &["Missing open parenthesis @ \\n"]);
    check("a = b:::c()\n", &["Missing function name @ :"]);
    check("a = {a.b = 1}\n", &["Ambiguous attribute key @ a.b"]);
    check("a := 1\n", &["Argument or block definition required @ a"]);
    check("a : 1\n", &["Argument or block definition required @ a"]);
    check("a == 1\n", &["Argument or block definition required @ a"]);
    check("a = b = c\n", &["Missing newline after argument @ ="]);
    check("a = -\n", &["Invalid expression @ \\n"]);
    check("a = !\n", &["Invalid expression @ \\n"]);
    check("a = b ?? c\n", &["Invalid expression @ ?"]);
}

#[test]
fn tokens_that_other_languages_have() {
    check("a = b ** c\n", &["Invalid expression @ *"]);
    check("a = b | c\n", &["Unsupported operator @ |"]);
    check("a = ~b\n", &["Unsupported operator @ ~"]);
    check("a = b ^ c\n", &["Unsupported operator @ ^"]);
    check("a = `b`\n", &["Invalid character @ `"]);
    check("a = “b”\n", &["Invalid character @ “"]);
    check("a = b @ c\n", &["Invalid character @ @"]);
    check("a = $b\n", &["Invalid character @ $"]);
    check("a = 0x12\n", &["Missing newline after argument @ x12"]);
    check("a = )\n", &["Invalid expression @ )"]);
}

#[test]
fn stray_brackets() {
    check("a = ]\n", &["Invalid expression @ ]"]);
    check("a = }\n", &["Invalid expression @ }"]);
    check("a = [}\nb = 2\n", &["Invalid expression @ }"]);
    check("a = [)\nb = 2\n", &["Invalid expression @ )"]);
    check("a = f(]\nb = 2\n", &["Invalid expression @ ]"]);
    check("a = \"x\" \"y\"\n", &["Missing newline after argument @ \""]);
}

#[test]
fn lines() {
    check("a = \"a${\"b\"\nc = 1\n", &["Extra characters after interpolation expression @ c"]);
    check("a = \"${}\"\n", &["Invalid expression @ }"]);
    check("a = {\n  \"b\" = 1\n  c\n}\n", &["Missing attribute value @ \\n"]);
    check("a = [\n  1\n  2\n]\nb = 3\n", &["Missing item separator @ 2"]);
    check("a = {\n  b = 1;\n  c = 2\n}\n", &["Invalid character @ ;"]);
    check("a = f(\n  b\n  c\n)\nd = 1\n", &["Missing argument separator @ c"]);
    check("a = {\n  b = c\n    + d\n}\n", &["Invalid expression @ +"]);
    check("a = b\n  ? c\n  : d\n", &["Argument or block definition required @ ?"]);
    check(
        "a {\n  b = 1\n  b = 2\n  c {\n    b = 3 4\n  }\n}\nd = \"\n\n",
        &["Attribute redefined @ b", "Missing newline after argument @ 4", "Invalid multi-line string @ \""],
    );
}

#[test]
fn what_follows_a_mistake_is_read_as_usual() {
    let text = "a {\n  b = [1 2\n  c = 3\n}\nd = (1 x\nf \"g {\n  h = 1\n}\ni \"j\"\n{\n  k = 2\n}\n";
    let parse = ferroform_hcl::parse_body(dump::SOURCE, text);
    let expected = "(a {b=(tuple 1) c=3}) d=(paren 1) (f \"g {\" {h=1}) (i \"j\" {k=2})";
    assert_eq!(dump::body(parse.body()), expected);
    assert_eq!(parse.diagnostics().len(), 4);
}

#[test]
fn expressions_and_templates_of_their_own() {
    let parse = ferroform_hcl::parse_expression(dump::SOURCE, "a b");
    assert_eq!(dump::diagnostics("a b", parse.diagnostics()), ["Extra characters after expression @ b"]);
    let parse = ferroform_hcl::parse_expression(dump::SOURCE, "");
    assert_eq!(dump::diagnostics("", parse.diagnostics()), ["Missing expression @ "]);
    let text = "x ${a";
    let parse = ferroform_hcl::parse_template(dump::SOURCE, text);
    assert_eq!(
        dump::diagnostics(text, parse.diagnostics()),
        ["Unclosed template interpolation sequence @ ${"]
    );
    let span = ferroform_core::Span::new(dump::SOURCE, 5, 9);
    let parse = ferroform_hcl::parse_template_inside(span, "${");
    assert_eq!(parse.diagnostics().0[0].subject, Some(span));
}

#[test]
fn the_line_of_the_first_definition_is_named() {
    let parse = ferroform_hcl::parse_body(dump::SOURCE, "\na = 1\nb = 2\na = 3\n");
    assert!(parse.diagnostics().0[0].detail.contains("on line 2"), "{:?}", parse.diagnostics());
    assert_eq!(dump::body(parse.body()), "a=1 b=2");
}
