//! Files: arguments, blocks, comments and newlines.

use crate::dump;

#[track_caller]
fn check(text: &str, expected: &str) {
    let parse = ferroform_hcl::parse_body(dump::SOURCE, text);
    assert!(parse.diagnostics().is_empty(), "{text}: {:?}", parse.diagnostics());
    assert_eq!(dump::body(parse.body()), expected, "{text}");
    assert_eq!(parse.syntax().to_string(), text);
}

#[test]
fn arguments_and_blocks() {
    check("", "");
    check("a = 1", "a=1");
    check("a = 1\nb = 2\n", "a=1 b=2");
    check("a {}", "(a {})");
    check("a { b = 1 }\n", "(a {b=1})");
    check("a {\n}\n", "(a {})");
    check("r \"t\" \"n\" {\n  a = 1\n  b {\n    c = 2\n  }\n}\n", "(r \"t\" \"n\" {a=1 (b {c=2})})");
    check("r t \"n\" x {}", "(r \"t\" \"n\" \"x\" {})");
    check("a \"x\\ty\" {}", "(a \"x\\ty\" {})");
    check("a\t=\t1", "a=1");
    check("for = 1\nif = 2\nnull = 3\n", "for=1 if=2 null=3");
}

#[test]
fn comments_and_line_endings() {
    check("# one\na = 1 # two\n// three\n/* four\n */ b = 2 /* five */\n#six", "a=1 b=2");
    check("\u{feff}a = 1\n", "a=1");
    check("a = 1\r\nb {\r\n  c = 2 # x\r\n}\r\n", "a=1 (b {c=2})");
    check("\n\n  \n\ta = 1\n\n\n", "a=1");
    check("a { # c\n b = 1\n}", "(a {b=1})");
    check("a = [ # c\n 1, # d\n]\n", "a=(tuple 1)");
}

#[test]
fn newlines_count_only_outside_of_brackets() {
    check("a = (\n  1 +\n  2\n)\nb = 3\n", "a=(paren (+ 1 2)) b=3");
    check("a = f(\n1\n,\n2\n)\n", "a=(f() 1 2)");
    check("a = x[\n0\n].y\n", "a=(. ([] x 0) y)");
    check("a = [\n{\nb = 1\n}\n,\n]\n", "a=(tuple (object 'b=1))");
    check("a = {\n  b = (x\n    ? 1\n  : 2)\n}\n", "a=(object 'b=(paren (? x 1 2)))");
    check("a = \"${\n x\n}\"\n", "a=(tmpl ${x})");
    check("a = [for x in y :\n x\n]\n", "a=(for x in y x)");
}

#[test]
fn heredocs_end_with_their_line() {
    check("a = <<EOT\nx\nEOT\nb = 1\n", "a=\"x\\n\" b=1");
    check("a = f(<<EOT\nx\nEOT\n, 1)\n", "a=(f() \"x\\n\" 1)");
    check("a = [<<A\nx\nA\n  , <<B\ny\nB\n]\n", "a=(tuple \"x\\n\" \"y\\n\")");
    check("a = {\n b = <<A\nx\nA\n c = 1\n}\n", "a=(object 'b=\"x\\n\" 'c=1)");
}

#[test]
fn spans_of_blocks() {
    let text = "x = 1\nr \"t\" \"n\" { a = 1 }\n";
    let parse = ferroform_hcl::parse_body(dump::SOURCE, text);
    let slice = |span: ferroform_core::Span| &text[span.start as usize..span.end as usize];
    let block = &parse.body().blocks[0];
    assert_eq!(slice(block.header), "r \"t\" \"n\"");
    assert_eq!(slice(block.span), "r \"t\" \"n\" { a = 1 }");
    assert_eq!(slice(block.body.span), " a = 1 ");
    assert_eq!(slice(block.body.end), "}");
    assert_eq!(slice(block.labels[1].span), "\"n\"");
    assert_eq!(slice(block.body.attributes[0].span), "a = 1");
    assert_eq!(parse.body().end.start as usize, text.len());
}

#[test]
fn names_are_told_from_other_texts() {
    for name in ["a", "_", "a-b", "a1", "ü", "日本", "for", "null", "x\u{301}"] {
        assert!(ferroform_hcl::is_identifier(name), "{name:?}");
    }
    for other in ["", "1a", "-a", "a b", " a", "a ", "a.b", "a\n", "a::b", "\"a\"", "😀", "\u{feff}a", "# a"]
    {
        assert!(!ferroform_hcl::is_identifier(other), "{other:?}");
    }
}
