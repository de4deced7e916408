//! Templates. Values that depend on a rule finer than the specification were recorded from Terraform 1.11.4.

use ferroform_hcl::ast::{Expr, ExprKind, TemplatePart};

use crate::dump;

#[track_caller]
fn check(text: &str, expected: &str) {
    let parse = ferroform_hcl::parse_expression(dump::SOURCE, text);
    assert!(parse.diagnostics().is_empty(), "{text}: {:?}", parse.diagnostics());
    assert_eq!(dump::expr(parse.expr()), expected, "{text}");
    assert_eq!(parse.syntax().to_string(), text);
}

#[test]
fn escapes() {
    check(r#""""#, r#""""#);
    check(r#""a\n\r\t\"\\b""#, r#""a\n\r\t\"\\b""#);
    check(r#""\u00e9\U0001F600""#, "\"é😀\"");
    check(r#""$${a} %%{b} $ % $$ %% $a %b""#, r#""${a} %{b} $ % $$ %% $a %b""#);
    check(r#""100%""#, r#""100%""#);
    check(r#""$""#, r#""$""#);
    check("\"e\u{301}\"", "\"é\"");
}

#[test]
fn sequences() {
    check(r#""${a}""#, "(tmpl ${a})");
    check(r#""x${a}y""#, r#"(tmpl "x" ${a} "y")"#);
    check(r#""${"${"a"}"}""#, r#"(tmpl ${(tmpl ${"a"})})"#);
    check(r#""${ {a = "}"} }""#, r#"(tmpl ${(object 'a="}")})"#);
    check(r#""%{ if a }x%{ else }y%{ endif }""#, r#"(tmpl (if a ("x") ("y")))"#);
    check(r#""%{if a}%{endif}""#, r#"(tmpl (if a () ()))"#);
    check(
        r#""%{ for k, v in c }${k}=${v} %{ endfor }!""#,
        r#"(tmpl (for k,v in c (${k} "=" ${v} " ")) "!")"#,
    );
    check(
        r#""%{ for x in c }%{ if x }a%{ else }%{ for y in x }b%{ endfor }%{ endif }%{ endfor }""#,
        r#"(tmpl (for x in c ((if x ("a") ((for y in x ("b")))))))"#,
    );
}

/// Case, expression, and the value that Terraform 1.11.4 gives it.
const RECORDED: &[(&str, &str, &str)] = &[
    ("plain", "<<EOT\na\n  b \\n \\ \"c\"\nEOT\n", "a\n  b \\n \\ \"c\"\n"),
    ("least indentation", "<<-EOT\n      a\n    b\n\n        c\n  EOT\n", "  a\nb\n\n    c\n"),
    ("blank lines keep their blanks", "<<-EOT\n    a\n      \n \n    b\n  EOT\n", "a\n      \n \nb\n"),
    ("tabs and blanks count alike", "<<-EOT\n\t a\n  \tb\n  EOT\n", "a\n\tb\n"),
    ("a sequence is content", "<<-EOT\n      a\n    ${\"b\"}\n      c\n  EOT\n", "  a\nb\n  c\n"),
    (
        "a line that begins with a sequence",
        "<<-EOT\n      a\n${\"b\"}\n      c\n  EOT\n",
        "      a\nb\n      c\n",
    ),
    (
        "the value of a sequence is not indented away",
        "<<-EOT\n    a\n    ${\"    b\"}\n  EOT\n",
        "a\n    b\n",
    ),
    ("line endings in a sequence", "<<-EOT\n    a ${\n\"b\"\n} c\n      d\n  EOT\n", "a b c\n  d\n"),
    ("stripped to the right", "<<-EOT\n    a ${\"b\" ~}\n      c\n      d\n  EOT\n", "a b      c\n  d\n"),
    ("stripped to the left", "<<-EOT\n      a\n    ${~ \"b\"}\n      c\n  EOT\n", "      a\nb\n      c\n"),
    ("stripped on both sides", "<<EOT\na\n\n  ${~ \"b\" ~}\n\n  c\nEOT\n", "a\n\nb\n  c\n"),
    (
        "directives on lines of their own",
        "<<-EOT\n    a\n    %{ if true }\n    b\n    %{ else }\n    c\n    %{ endif }\n    d\n  EOT\n",
        "a\n\nb\n\nd\n",
    ),
    (
        "stripped directives",
        "<<-EOT\n    a\n    %{~ for x in [\"1\", \"2\"] ~}\n    - x\n    %{~ endfor ~}\n    d\n  EOT\n",
        "    a\n    - x\n    - x\n    d\n",
    ),
    (
        "directives stripped to the right",
        "<<-EOT\n    %{ for x in [\"1\", \"2\"] ~}\n    - x\n    %{ endfor ~}\n    d\n  EOT\n",
        "    - x\n    - x\n    d\n",
    ),
    ("an indented marker", "<<EOT\n  a\n  \tEOT\n", "  a\n"),
    ("a line that is nearly the marker", "<<EOT\nEOT1\n EOT x\n${\"EOT\"}\nEOT\n", "EOT1\n EOT x\nEOT\n"),
    ("empty", "<<EOT\nEOT\n", ""),
    ("an empty line", "<<-EOT\n\n  EOT\n", "\n"),
    ("doubled signs", "<<-EOT\n    $${a} %%{b} $$ %% $ %\n  EOT\n", "${a} %{b} $$ %% $ %\n"),
    ("a sign and a blank before a strip marker", "<<EOT\na$ \n${~ \"b\"}\nEOT\n", "a$ b\n"),
    ("nested", "<<-A\n    a ${<<-B\n      b\n        c\n    B\n    } d\n  A\n", "a b\n  c\n d\n"),
    ("quoted, stripped", "\"a \\n ${~ \"b\" ~} \\t c\"", "abc"),
    ("quoted, sign before a strip marker", "\"a $  ${~ \"b\"}\"", "a $b"),
    ("quoted, strip markers reach one piece of text", "\"${\"a\" ~} $ b %  ${~ \"c\"}\"", "a$ b %c"),
    ("quoted, signs", "\"$$${a} $$$ %%%{b} 100%\"", "$${a} $$$ %%{b} 100%"),
    ("quoted, directives", "\"a%{ if false } b %{ else ~} c %{~ endif }d\"", "acd"),
];

#[test]
fn text_is_as_terraform_makes_it() {
    for (name, text, expected) in RECORDED {
        let parse = ferroform_hcl::parse_expression(dump::SOURCE, text);
        assert!(parse.diagnostics().is_empty(), "{name}: {:?}", parse.diagnostics());
        assert_eq!(render(parse.expr()), *expected, "{name}");
        assert_eq!(parse.syntax().to_string(), *text, "{name}");
    }
}

/// The text of a template in which everything is constant.
fn render(e: &Expr) -> String {
    match &*e.kind {
        ExprKind::Template(parts) => render_parts(parts),
        other => panic!("not constant: {other:?}"),
    }
}

fn render_parts(parts: &[TemplatePart]) -> String {
    let render_part = |part: &TemplatePart| match part {
        TemplatePart::Literal(text, _) => text.to_string(),
        TemplatePart::Interpolation(e) => render(e),
        TemplatePart::If { cond, then, otherwise, .. } => match &*cond.kind {
            ExprKind::Bool(true) => render_parts(then),
            ExprKind::Bool(false) => render_parts(otherwise),
            other => panic!("not constant: {other:?}"),
        },
        TemplatePart::For { collection, body, .. } => match &*collection.kind {
            ExprKind::Tuple(items) => render_parts(body).repeat(items.len()),
            other => panic!("not constant: {other:?}"),
        },
    };
    parts.iter().map(render_part).collect()
}

#[test]
fn a_text_of_its_own() {
    let text = "a ${b} \\n\n%{ for x in y ~}\n  - ${x}\n%{ endfor ~}\n$${z}";
    let parse = ferroform_hcl::parse_template(dump::SOURCE, text);
    assert!(parse.diagnostics().is_empty(), "{:?}", parse.diagnostics());
    let expected = r#"(tmpl "a " ${b} " \\n\n" (for x in y ("  - " ${x} "\n")) "${z}")"#;
    assert_eq!(dump::expr(parse.expr()), expected);
    assert_eq!(parse.syntax().to_string(), text);
}

#[test]
fn stripping_leaves_an_empty_text() {
    // What is left is a string, not the value of the sequence: Terraform refuses "${[1] ~} ".
    check("\"${a ~} \"", "(tmpl ${a} \"\")");
}
