//! Whatever the text, the tree holds all of it and nothing panics.

use proptest::prelude::*;

use crate::dump;

fn check(text: &str) {
    let body = ferroform_hcl::parse_body(dump::SOURCE, text);
    assert_eq!(body.syntax().to_string(), text);
    let expr = ferroform_hcl::parse_expression(dump::SOURCE, text);
    assert_eq!(expr.syntax().to_string(), text);
    let template = ferroform_hcl::parse_template(dump::SOURCE, text);
    assert_eq!(template.syntax().to_string(), text);
    let _ = ferroform_hcl::format(dump::SOURCE, text);
    let (value, json) = ferroform_hcl::json::parse(dump::SOURCE, text);
    ferroform_hcl::json::body(&value, &ferroform_hcl::json::Arguments);
    for d in body
        .diagnostics()
        .iter()
        .chain(expr.diagnostics().iter())
        .chain(template.diagnostics().iter())
        .chain(json.iter())
    {
        let span = d.subject.expect("every diagnostic has a subject");
        assert!(text.get(span.start as usize..span.end as usize).is_some(), "{d:?} in {text:?}");
    }
}

const PIECES: &[&str] = &[
    "a", "b-c", "for", "in", "if", "true", "null", "1", "1.5", "0.0", "\"", "\"x\"", "${", "%{", "~}", "}",
    "{", "[", "]", "(", ")", "\n", "\r\n", "\r", " ", "\t", "=", "==", "=>", ":", "::", ",", "...", ".", "*",
    "[*]", "?", "!", "-", "+", "&&", "||", "<<EOT\n", "<<-EOT\n", "EOT\n", "\nEOT", "# c", "/*", "*/", "//",
    "\\", "\\u12", "$", "%", "$${", "é", "\u{301}", "'", "`", ";", "&", "else", "endif", "endfor",
    "\u{feff}", "\0",
];

proptest! {
    #[test]
    fn token_soup(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..60)) {
        check(&pieces.concat());
    }

    #[test]
    fn any_text(text in ".{0,80}") {
        check(&text);
    }
}

#[test]
fn nesting_without_end_is_refused() {
    for (open, close) in [
        ("a = ", ""),
        ("(", ")"),
        ("[", "]"),
        ("{a=", "}"),
        ("\"${", "}\""),
        ("f(", ")"),
        ("-", ""),
        ("!", ""),
        ("a?", ":b"),
        ("a[", "]"),
        ("a.b", ""),
        ("a[*]", ""),
        ("a.*.", ""),
        ("a {\n", "}\n"),
        ("%{if a}", "%{endif}"),
        (".a", ""),
        ("1+", ""),
        ("1||", ""),
        ("[for x in ", ":x]"),
        ("<<A\n${", "}\nA\n"),
        ("1 + 2 * 3 == 4 && 5 || (", ")"),
        ("[0]", ""),
        (".0", ""),
        ("a.*.b", ""),
        ("a::", ""),
        ("a ? b : ", ""),
        ("/*", ""),
        ("\"", ""),
        ("\"\n", ""),
        ("{", "\n"),
    ] {
        let text = format!("{}{}", open.repeat(5_000), close.repeat(5_000));
        check(&text);
        check(&format!("a = {text}"));
    }
}
