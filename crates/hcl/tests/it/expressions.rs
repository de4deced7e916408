//! Expressions: what they are read as. Expectations follow the HCL specification; where it leaves doubt, Terraform
//! 1.11.4 was asked.

use crate::dump;

#[track_caller]
fn check(text: &str, expected: &str) {
    let parse = ferroform_hcl::parse_expression(dump::SOURCE, text);
    assert!(parse.diagnostics().is_empty(), "{text}: {:?}", parse.diagnostics());
    assert_eq!(dump::expr(parse.expr()), expected, "{text}");
    assert_eq!(parse.syntax().to_string(), text);
}

#[test]
fn literals() {
    check("null", "null");
    check("true", "true");
    check("false", "false");
    check("12", "12");
    check("1.5", "1.5");
    check("1e3", "1000");
    check("25E-1", "2.5");
    check("1e+2", "100");
    check("12345678901234567890123", "12345678901234567890123");
    check("nullify", "nullify");
    check("größe-1", "größe-1");
    check("_x", "_x");
}

#[test]
fn operators_bind_as_in_hcl() {
    check("1 + 2 * 3", "(+ 1 (* 2 3))");
    check("1 * 2 + 3", "(+ (* 1 2) 3)");
    check("1 - 2 - 3", "(- (- 1 2) 3)");
    check("a / b % c * d", "(* (% (/ a b) c) d)");
    check("a || b && c == d < e + f * g", "(|| a (&& b (== c (< d (+ e (* f g))))))");
    check("a * b + c < d == e && f || g", "(|| (&& (== (< (+ (* a b) c) d) e) f) g)");
    check("a == b != c", "(!= (== a b) c)");
    check("a >= b <= c > d", "(> (<= (>= a b) c) d)");
    check("-a + b", "(+ (- a) b)");
    check("a - -b", "(- a (- b))");
    check("a-b", "a-b");
    check("a -b", "(- a b)");
    check("1-2", "(- 1 2)");
    check("!a == b", "(== (! a) b)");
    check("!!a", "(! (! a))");
    check("-a.b[0]", "(- ([] (. a b) 0))");
    check("!f(x)", "(! (f() x))");
    check("(1 + 2) * 3", "(* (paren (+ 1 2)) 3)");
}

#[test]
fn conditionals_nest_to_the_right() {
    check("a ? b : c", "(? a b c)");
    check("a ? b : c ? d : e", "(? a b (? c d e))");
    check("a ? b ? c : d : e", "(? a (? b c d) e)");
    check("a || b ? c + 1 : d", "(? (|| a b) (+ c 1) d)");
    check("(a\n ? b\n : c\n ? d\n : e\n)", "(paren (? a b (? c d e)))");
}

#[test]
fn steps() {
    check("a.b.c", "(. (. a b) c)");
    check("a[0].b[\"k\"]", "([] (. ([] a 0) b) \"k\")");
    check("a[b.c]", "([] a (. b c))");
    check("a[\n 1\n]", "([] a 1)");
    check("a.0.b", "(. ([] a 0) b)");
    check("a[b[0]][1]", "([] ([] a ([] b 0)) 1)");
    check("f(x).y", "(. (f() x) y)");
    check("{a = 1}.a", "(. (object 'a=1) a)");
    check("[1][0]", "([] (tuple 1) 0)");
    check("\"x\".y", "(. \"x\" y)");
    check("(a).b", "(. (paren a) b)");
    check("a . b", "(. a b)");
}

#[test]
fn splats() {
    check("a[*]", "([*] a @)");
    check("a[*].b", "([*] a (. @ b))");
    check("a[*].b[0].c", "([*] a (. ([] (. @ b) 0) c))");
    check("a[*].b[*].c", "([*] a ([*] (. @ b) (. @ c)))");
    check("a.*.b.c", "(.* a (. (. @ b) c))");
    check("a.*", "(.* a @)");
    // The attribute-only splat ends at the bracket: the index applies to its result.
    check("a.*.b[0]", "([] (.* a (. @ b)) 0)");
    check("a.*.b[0].c", "(. ([] (.* a (. @ b)) 0) c)");
    check("a.*.0.b", "(.* a (. ([] @ 0) b))");
}

#[test]
fn calls() {
    check("f()", "(f())");
    check("f(a, b)", "(f() a b)");
    check("f(a, b,)", "(f() a b)");
    check("f(a...)", "(f() a ...)");
    check("f(1...)", "(f() 1 ...)");
    check("f(\n  a,\n  b,\n)", "(f() a b)");
    check("f (a)", "(f() a)");
    check("provider::aws::arn_parse(x)", "(provider::aws::arn_parse() x)");
    check("true(1)", "(true() 1)");
}

#[test]
fn tuples_and_objects() {
    check("[]", "(tuple)");
    check("[1, 2]", "(tuple 1 2)");
    check("[\n 1,\n # one\n 2,\n]", "(tuple 1 2)");
    check("{}", "(object)");
    check("{ a = 1, b : 2 }", "(object 'a=1 'b=2)");
    check("{\n a = 1\n\n b = 2, c = 3\n }", "(object 'a=1 'b=2 'c=3)");
    check(
        "{ \"a b\" = 1, (k) = 2, \"${k}x\" = 3, 1 = 4 }",
        "(object \"a b\"=1 (paren k)=2 (tmpl ${k} \"x\")=3 1=4)",
    );
    check("{ true = 1, null = 2 }", "(object 'true=1 'null=2)");
    check("{ a = 1, a = 2 }", "(object 'a=1 'a=2)");
    check("{ a = b ? c : d }", "(object 'a=(? b c d))");
    check("{ f(x) = 1 }", "(object (f() x)=1)");
    check("{ a = {\n b = 1 } }", "(object 'a=(object 'b=1))");
    check("{ a = [\n1\n] \n}", "(object 'a=(tuple 1))");
    check("{ a = (\n1\n) \n}", "(object 'a=(paren 1))");
    check("{ /* c */ a = 1 /* d */ }", "(object 'a=1)");
}

#[test]
fn for_expressions() {
    check("[for v in c : v]", "(for v in c v)");
    check("[for k, v in c : v if v != k]", "(for k,v in c if (!= v k) v)");
    check("{for k, v in c : k => v}", "(for k,v in c k=>v)");
    check("{for v in c : v.a => v...}", "(for v in c (. v a)=>v...)");
    check("{\n for v in c :\n v => 1 ...\n if v\n}", "(for v in c if v v=>1...)");
    check("[for v in a ? b : c : v]", "(for v in (? a b c) v)");
    check("[for x in [for y in z : y] : x]", "(for x in (for y in z y) x)");
}

#[test]
fn comments_are_blanks() {
    check("a /* b */ + # c\n d // e", "(+ a d)");
}

#[test]
fn spans_cover_what_is_written() {
    let text = "f(aa.bb[0], -cc) ? \"x${ dd }\" : { kk = [ee] }";
    let parse = ferroform_hcl::parse_expression(dump::SOURCE, text);
    let mut seen = Vec::new();
    collect(parse.expr(), &mut |span| seen.push(&text[span.start as usize..span.end as usize]));
    let expected = [
        text,
        "f(aa.bb[0], -cc)",
        "aa.bb[0]",
        "aa.bb",
        "aa",
        "0",
        "-cc",
        "cc",
        "\"x${ dd }\"",
        "dd",
        "{ kk = [ee] }",
        "kk",
        "[ee]",
        "ee",
    ];
    assert_eq!(seen, expected);
}

fn collect(e: &ferroform_hcl::ast::Expr, see: &mut impl FnMut(ferroform_core::Span)) {
    use ferroform_hcl::ast::{ExprKind::*, TemplatePart};
    see(e.span);
    match &*e.kind {
        GetAttr { base, .. } => collect(base, see),
        Index { base, key } => [base, key].into_iter().for_each(|e| collect(e, see)),
        Call { args, .. } => args.iter().for_each(|e| collect(e, see)),
        Tuple(items) => items.iter().for_each(|e| collect(e, see)),
        Object(items) => items.iter().flat_map(|i| [&i.key, &i.value]).for_each(|e| collect(e, see)),
        Unary(_, x) | Parens(x) => collect(x, see),
        Conditional { cond, then, otherwise } => {
            [cond, then, otherwise].into_iter().for_each(|e| collect(e, see))
        }
        Template(parts) => parts.iter().for_each(|part| {
            if let TemplatePart::Interpolation(e) = part {
                collect(e, see)
            }
        }),
        _ => {}
    }
}
