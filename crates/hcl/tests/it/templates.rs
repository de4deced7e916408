//! Templates. Values that depend on a rule finer than the specification were recorded from Terraform 1.11.4.

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
