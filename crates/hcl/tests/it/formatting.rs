//! The canonical style, as recorded from `terraform fmt` 1.11.4.

use crate::dump;

/// Case, text, formatted text. (On standard input Terraform adds a newline at the end, in files it does not.)
const RECORDED: &[(&str, &str, &str)] = &[
    (
        "blanks between tokens",
        "a=1+2*-3\nb = ! c&&d\ne=f( g ,h... )\ni =j [ 0 ] . k\nl=[ 1,2 , 3 ]\nm={a=1,b:2}\nn= {}\no=p?q:r\ns=[for x in [y]:x if ! z]\nt={for k,v in w:k=>v...}\nu = provider :: ns :: f ( )\n",
        "a = 1 + 2 * -3\nb = !c && d\ne = f(g, h...)\ni = j[0].k\nl = [1, 2, 3]\nm = { a = 1, b : 2 }\nn = {}\no = p ? q : r\ns = [for x in [y] : x if !z]\nt = { for k, v in w : k => v... }\nu = provider::ns::f()\n",
    ),
    (
        "minus as sign and as operator",
        "a=-1\nb=c  -d\ne=f(- 1)\ng=h*-i\nj=(-k)-l\nm=n?-1: -2\n",
        "a = -1\nb = c - d\ne = f(-1)\ng = h * -i\nj = (-k) - l\nm = n ? -1 : -2\n",
    ),
    (
        "templates",
        "a=\"x ${ b } %{ if c }d%{ endif }${e}${f}\"\ng=\"${ {h=1} }x\"\n",
        "a = \"x ${b} %{if c}d%{endif}${e}${f}\"\ng = \"${ { h = 1 } }x\"\n",
    ),
    (
        "equals signs in columns",
        "a = 1\nbcd = 2\n\nef = 3\n# comment\nghijk = 4\nl = [\n1\n]\nmn = 5\nopq = { r = 1 }\n",
        "a   = 1\nbcd = 2\n\nef = 3\n# comment\nghijk = 4\nl = [\n  1\n]\nmn  = 5\nopq = { r = 1 }\n",
    ),
    (
        "comments in columns",
        "a = 1 # x\nbcd = 22   // y\n# z\nefg = 3 /* in */\nh = 4 # w\n",
        "a   = 1  # x\nbcd = 22 // y\n# z\nefg = 3 /* in */\nh   = 4 # w\n",
    ),
    (
        "indentation",
        "a \"b\" {\nc = [\n1,\n[ 2,\n3 ],\n]\n      d {\n  e = f(\n\"g\", {\nh = 1\n})\n}\n\n\n   # comment\n}\n",
        "a \"b\" {\n  c = [\n    1,\n    [2,\n    3],\n  ]\n  d {\n    e = f(\n      \"g\", {\n        h = 1\n    })\n  }\n\n\n  # comment\n}\n",
    ),
    (
        "heredocs",
        "a {\nb = <<EOT\n  x ${ y }\n z\n  EOT\nlong = 1\n  c = f(<<-EOT\n    x\n  EOT\n  , 1)\n}\n",
        "a {\n  b    = <<EOT\n  x ${y}\n z\n  EOT\n  long = 1\n  c = f(<<-EOT\n    x\n  EOT\n  , 1)\n}\n",
    ),
    ("labels", "a b \"c\" d {}\ne f{\n}\n", "a \"b\" \"c\" \"d\" {}\ne \"f\" {\n}\n"),
    (
        "needless interpolations",
        "a = \"${b}\"\nc = \"${ d.e + 1 }\"\nf = \"${~ g ~}\"\nh = \"${\n  i\n}\"\nj = [\"${k}\"]\nl = \"${m}${n}\"\no = \"${\n  p +\n  q\n}\"\n",
        "a = b\nc = d.e + 1\nf = g\nh = i\nj = [\"${k}\"]\nl = \"${m}${n}\"\no = (p +\nq)\n",
    ),
    (
        "types of variables",
        "variable \"a\" {\n  type = \"string\"\n}\nvariable \"b\" {\n  type = list\n}\nvariable \"c\" {\n  type = \"map\"\n}\nvariable \"d\" {\n  type = map(object({a=string}))\n}\n",
        "variable \"a\" {\n  type = string\n}\nvariable \"b\" {\n  type = list(any)\n}\nvariable \"c\" {\n  type = map(string)\n}\nvariable \"d\" {\n  type = map(object({ a = string }))\n}\n",
    ),
    ("line endings", "a=1\r\nb {\r\nc =2\r\n}\r\n", "a = 1\r\nb {\r\n  c = 2\r\n}\r\n"),
    ("no newline at the end", "a {\nb=1\n  }", "a {\n  b = 1\n}"),
];

#[test]
fn is_as_terraform_has_it() {
    for (name, text, expected) in RECORDED {
        assert_eq!(ferroform_hcl::format(dump::SOURCE, text).as_deref(), Ok(*expected), "{name}");
        assert_eq!(ferroform_hcl::format(dump::SOURCE, expected).as_deref(), Ok(*expected), "{name}, again");
    }
}

#[test]
fn nothing_is_lost() {
    // Terraform loses the comment's line and a label with an escape.
    let text = "a \"b$${c}\" {}\nd = \"${# e\nf}\"\n";
    let formatted = ferroform_hcl::format(dump::SOURCE, text).unwrap();
    assert!(formatted.contains("\"b$${c}\"") && formatted.contains("# e\n"), "{formatted}");
}

#[test]
fn what_is_wrong_is_not_formatted() {
    let diagnostics = ferroform_hcl::format(dump::SOURCE, "a = [\n").unwrap_err();
    assert_eq!(diagnostics.len(), 1);
}
