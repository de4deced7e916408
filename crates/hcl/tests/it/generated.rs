//! Expressions put together at random, with the tree that they must be read as.

use proptest::prelude::*;

use crate::dump;

/// A text and its tree.
type Pair = (String, String);

fn leaf() -> impl Strategy<Value = Pair> {
    const FIXED: &[&str] = &["true", "null", "var", "a-b", "ünïcode", "0", "17", "\"\"", "\"text\""];
    prop_oneof![
        prop::sample::select(FIXED).prop_map(|s| (s.to_owned(), s.to_owned())),
        Just(("<<EOT\nline\nEOT\n".to_owned(), "\"line\\n\"".to_owned())),
    ]
}

/// Blanks that may stand between any two tokens inside brackets.
fn blank() -> impl Strategy<Value = &'static str> + Clone {
    prop::sample::select(&["", " ", "\n", " # comment\n", "/* comment */", "\t", "\r\n"][..])
}

/// A term around others; whatever could be torn apart by an operator or step is in parentheses.
fn composite(inner: impl Strategy<Value = Pair> + Clone + 'static) -> impl Strategy<Value = Pair> {
    let parens = |(text, tree): Pair| (format!("({text})"), format!("(paren {tree})"));
    let one = inner.clone().prop_map(parens);
    let op =
        prop::sample::select(&["||", "&&", "==", "!=", ">", ">=", "<", "<=", "+", "-", "*", "/", "%"][..]);
    let items = prop::collection::vec((inner.clone(), blank()), 0..4).boxed();
    let join = |items: &Vec<(Pair, &str)>| {
        let texts: Vec<_> = items.iter().map(|((text, _), blank)| format!("{blank}{text}{blank}")).collect();
        let trees = items.iter().fold(String::new(), |out, ((_, tree), _)| out + " " + tree);
        (texts.join(","), trees)
    };
    prop_oneof![
        (one.clone(), op, one.clone())
            .prop_map(|(a, op, b)| (format!("{} {op} {}", a.0, b.0), format!("({op} {} {})", a.1, b.1))),
        (one.clone(), one.clone(), one.clone()).prop_map(|(a, b, c)| (
            format!("{} ? {} : {}", a.0, b.0, c.0),
            format!("(? {} {} {})", a.1, b.1, c.1)
        )),
        one.clone().prop_map(|(text, tree)| (format!("!{text}"), format!("(! {tree})"))),
        one.clone().prop_map(|(text, tree)| (format!("{text}.name"), format!("(. {tree} name)"))),
        one.clone()
            .prop_map(|(text, tree)| (format!("{text}[*].x[0]"), format!("([*] {tree} ([] (. @ x) 0))"))),
        (one.clone(), inner.clone())
            .prop_map(|(a, b)| (format!("{}[{}]", a.0, b.0), format!("([] {} {})", a.1, b.1))),
        items.clone().prop_map(move |i| (format!("[{}]", join(&i).0), format!("(tuple{})", join(&i).1))),
        items.prop_map(move |i| (format!("ns::f({})", join(&i).0), format!("(ns::f(){})", join(&i).1))),
        inner.clone().prop_map(|(text, tree)| (format!("{{ k = {text}\n}}"), format!("(object 'k={tree})"))),
        (inner.clone(), inner.clone(), blank()).prop_map(|(c, v, blank)| (
            format!("[{blank}for x in {}{blank}: {}{blank}]", c.0, v.0),
            format!("(for x in {} {})", c.1, v.1)
        )),
        inner.prop_map(|(text, tree)| (
            format!("\"a${{{text}}}b\""),
            format!("(tmpl \"a\" ${{{tree}}} \"b\")")
        )),
    ]
}

proptest! {
    #[test]
    fn are_read_as_they_were_put_together(
        (text, tree) in leaf().prop_recursive(6, 40, 4, |inner| composite(inner.boxed()))
    ) {
        let parse = ferroform_hcl::parse_expression(dump::SOURCE, &text);
        prop_assert!(parse.diagnostics().is_empty(), "{text}: {:?}", parse.diagnostics());
        prop_assert_eq!(dump::expr(parse.expr()), tree, "{}", text);
        prop_assert_eq!(parse.syntax().to_string(), text);
    }

    /// Formatting changes nothing of the meaning, and formatting again changes nothing.
    #[test]
    fn mean_the_same_when_formatted(
        (text, tree) in leaf().prop_recursive(6, 40, 4, |inner| composite(inner.boxed()))
    ) {
        let text = format!("a = ({text})\n");
        let once = ferroform_hcl::format(dump::SOURCE, &text).unwrap();
        let parse = ferroform_hcl::parse_body(dump::SOURCE, &once);
        prop_assert_eq!(dump::body(parse.body()), format!("a=(paren {tree})"), "{}", once);
        prop_assert_eq!(ferroform_hcl::format(dump::SOURCE, &once).unwrap(), once);
    }

    /// One token more or less never leads to anything but diagnostics.
    #[test]
    fn survive_the_loss_of_a_piece(
        (text, _) in leaf().prop_recursive(6, 40, 4, |inner| composite(inner.boxed())),
        at in any::<prop::sample::Index>(),
        len in 1usize..4,
    ) {
        let chars: Vec<char> = text.chars().collect();
        let at = at.index(chars.len());
        let rest: String = chars[..at].iter().chain(chars.iter().skip(at + len)).collect();
        let text = format!("a = {rest}\nb {{\n  c = 1\n}}\n");
        prop_assert_eq!(ferroform_hcl::parse_body(dump::SOURCE, &text).syntax().to_string(), text);
    }
}
