use ferroform_core::{Marks, Refinements, Type, Value, ValueKind};
use ferroform_lang::eval_expr;

use crate::support::{TestScope, parse};

/// A value in short: as it would be written, with `?type` for unknown and `~` for sensitive.
pub(crate) fn show(value: &Value) -> String {
    let inner = match value.kind() {
        ValueKind::Null(_) => "null".to_owned(),
        ValueKind::Unknown(ty, known) => {
            let prefix = known.as_ref().map(|k| &*k.string_prefix).filter(|p| !p.is_empty());
            format!("?{ty}{}", prefix.map(|p| format!("<{p}>")).unwrap_or_default())
        }
        ValueKind::Bool(b) => b.to_string(),
        ValueKind::Number(n) => n.to_string(),
        ValueKind::String(s) => format!("{s:?}"),
        ValueKind::List(_, items) => format!("list{}", sequence(items)),
        ValueKind::Set(_, items) => format!("set{}", sequence(items)),
        ValueKind::Tuple(items) => sequence(items),
        ValueKind::Map(_, entries) => format!("map{}", entries_of(entries.iter())),
        ValueKind::Object(entries) => entries_of(entries.iter()),
    };
    if value.is_sensitive() { format!("~{inner}") } else { inner }
}

fn sequence(items: &[Value]) -> String {
    format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(", "))
}

fn entries_of<'a>(entries: impl Iterator<Item = (&'a std::sync::Arc<str>, &'a Value)>) -> String {
    format!("{{{}}}", entries.map(|(k, v)| format!("{k} = {}", show(v))).collect::<Vec<_>>().join(", "))
}

fn scope() -> TestScope {
    let object = |name: &str| Value::object([("name", Value::string(name)), ("size", Value::number(2u64))]);
    TestScope::new([
        ("var.name", Value::string("web")),
        ("var.secret", Value::string("s").sensitive()),
        ("var.nothing", Value::null(Type::String)),
        ("var.null_list", Value::null(Type::list(Type::String))),
        ("var.list", Value::list(Type::String, [Value::string("a"), Value::string("b")])),
        ("var.set", Value::set(Type::String, [Value::string("b"), Value::string("a")])),
        ("var.map", Value::map(Type::Number, [("x", Value::number(1u64)), ("y", Value::number(2u64))])),
        ("var.empty", Value::list(Type::object([("id", Type::String)]), [])),
        (
            "var.objects",
            Value::list(
                Type::object([("name", Type::String), ("size", Type::Number)]),
                [object("a"), object("b")],
            ),
        ),
        ("var.secret_list", Value::list(Type::String, [Value::string("a")]).sensitive()),
        ("var.unknown", Value::unknown(Type::String)),
        ("var.unknown_list", Value::unknown(Type::list(Type::object([("id", Type::String)])))),
        ("var.unknown_bool", Value::unknown(Type::Bool)),
        ("var.any", Value::unknown(Type::Dynamic)),
        (
            "null_resource.a",
            Value::object([(
                "id",
                Value::unknown_refined(Type::String, Refinements { not_null: true, ..Default::default() }),
            )]),
        ),
        ("data.x.y", Value::tuple([object("t"), object("u")])),
        ("module.m.out", Value::string("o")),
        ("module.k", Value::object([("a", Value::object([("out", Value::number(1u64))]))])),
        ("each.key", Value::string("k")),
        ("each.value", object("e")),
        ("count.index", Value::number(0u64)),
        ("path.module", Value::string(".")),
    ])
}

fn check(cases: &[(&str, &str)]) {
    let scope = scope();
    for (text, want) in cases {
        let (value, diags) = eval_expr(&parse(text), &scope);
        let got = if diags.has_errors() {
            diags.iter().map(|d| format!("! {}: {}", d.summary, d.detail)).collect::<Vec<_>>().join(" | ")
        } else {
            show(&value)
        };
        assert_eq!(got, *want, "{text}");
    }
}

#[test]
fn references_stand_for_values() {
    check(&[
        ("var.name", "\"web\""),
        ("var.map.x", "1"),
        ("var.map[\"y\"]", "2"),
        ("var.list[count.index + 1]", "\"b\""),
        ("var.objects[1].name", "\"b\""),
        ("data.x.y[0].name", "\"t\""),
        ("data.x.y.1.name", "\"u\""),
        ("module.m.out", "\"o\""),
        ("module.k[\"a\"].out", "1"),
        ("each.value.size", "2"),
        ("null_resource.a.id", "?string"),
        ("var.any.x[0].y", "?any"),
        ("var.secret_list[0]", "~\"a\""),
        ("[for k, v in var.map : \"${k}=${v}\"]", "[\"x=1\", \"y=2\"]"),
    ]);
}

#[test]
fn templates_join_their_parts() {
    check(&[
        ("\"\"", "\"\""),
        ("\"${var.map}\"", "map{x = 1, y = 2}"),
        ("\"a-${var.name}-${1 + 1}-${true}\"", "\"a-web-2-true\""),
        ("\"a-${var.secret}\"", "~\"a-s\""),
        ("\"pre-${var.unknown}-post\"", "?string<pre->"),
        ("\"abc${var.unknown}\"", "?string<ab>"),
        ("\"%{ if var.name == \"web\" }yes%{ else }no%{ endif }\"", "\"yes\""),
        ("\"x%{ if var.unknown_bool }a%{ endif }\"", "?string"),
        ("\"%{ for i, v in var.list }${i}${v};%{ endfor }\"", "\"0a;1b;\""),
        (
            "\"a${var.nothing}\"",
            "! Invalid template interpolation value: The expression result is null. Cannot include a null value in a string template.",
        ),
        (
            "\"a${var.list}\"",
            "! Invalid template interpolation value: Cannot include the given value in a string template: string required.",
        ),
    ]);
}

#[test]
fn for_expressions_and_splats_repeat() {
    check(&[
        (
            "[for v in var.set : upper_missing]",
            "! Invalid reference: A reference to a resource type must be followed by at least one attribute access, specifying the resource name. | ! Invalid reference: A reference to a resource type must be followed by at least one attribute access, specifying the resource name.",
        ),
        ("[for i, v in var.list : i if v != \"a\"]", "[1]"),
        ("{for v in var.list : v => 1}", "{a = 1, b = 1}"),
        ("{for v in [\"a\", \"b\", \"a\"] : v => 1...}", "{a = [1, 1], b = [1]}"),
        ("[for v in var.unknown_list : v.id]", "?any"),
        ("[for v in var.secret_list : v]", "~[\"a\"]"),
        (
            "[for v in null : v]",
            "! Iteration over null value: A null value cannot be used as the collection in a 'for' expression.",
        ),
        (
            "[for v in \"x\" : v]",
            "! Iteration over non-iterable value: A value of type string cannot be used as the collection in a 'for' expression.",
        ),
        ("var.objects[*].name", "list[\"a\", \"b\"]"),
        ("var.objects.*.size", "list[2, 2]"),
        ("data.x.y[*].name", "[\"t\", \"u\"]"),
        ("var.empty[*].id", "list[]"),
        ("var.nothing[*]", "[]"),
        ("var.name[*]", "[\"web\"]"),
        ("var.unknown_list[*].id", "?list(string)"),
        ("var.unknown[*]", "?any"),
        (
            "var.null_list[*]",
            "! Splat of null value: Splat expressions (with the * symbol) cannot be applied to null sequences.",
        ),
    ]);
}

#[test]
fn operators_and_conditionals() {
    check(&[
        ("1 + 2 * 3 - 4 % 3", "6"),
        ("\"1\" + 1", "2"),
        ("true && \"x\"", "! Invalid operand: Unsuitable value for right operand: a bool is required."),
        ("!var.unknown_bool", "?bool"),
        ("-var.nothing", "! Operation failed: Error during operation: argument must not be null."),
        ("true ? 1 : \"a\"", "\"1\""),
        ("true ? 1 : null", "1"),
        ("true ? var.name : var.list[9]", "\"web\""),
        (
            "false ? [1] : {}",
            "! Inconsistent conditional result types: The true and false result expressions must have consistent types. The 'true' value is tuple, but the 'false' value is object.",
        ),
        (
            "null ? 1 : 2",
            "! Null condition: The condition value is null. Conditions must either be true or false.",
        ),
        ("var.unknown_bool ? 1 : 2", "?number"),
        ("var.secret == \"s\" ? 1 : 2", "~1"),
    ]);
}

#[test]
fn objects_take_names_and_computed_keys() {
    check(&[
        ("{ a = 1, \"b\" : 2, (var.name) = 3, \"${var.name}-x\" = 4 }", "{a = 1, b = 2, web = 3, web-x = 4}"),
        ("{ a = 1, a = 2 }", "{a = 2}"),
        ("{ (var.unknown) = 1 }", "?any"),
        ("{ (var.secret) = 1 }", "~{s = 1}"),
        ("{ (null) = 1 }", "! Null value as key: Can't use a null value as a key."),
    ]);
}

#[test]
fn missing_elements_are_explained() {
    check(&[
        ("var.map.z", "! Missing map element: This map does not have an element with the key \"z\"."),
        (
            "each.value.nmae",
            "! Unsupported attribute: This object does not have an attribute named \"nmae\". Did you mean \"name\"?",
        ),
        (
            "var.list[2]",
            "! Invalid index: The given key does not identify an element in this collection value: the given index is greater than or equal to the length of the collection.",
        ),
        (
            "var.set[0]",
            "! Invalid index: Elements of a set are identified only by their value and don't have any separate index or key to select with, so it's only possible to perform operations across all elements of the set.",
        ),
        (
            "var.nothing.x",
            "! Attempt to get attribute from null value: This value is null, so it does not have any attributes.",
        ),
        (
            "var.objects.name",
            "! Unsupported attribute: Can't access attributes on a list of objects. Did you mean to access attribute \"name\" for a specific element of the list, or across all elements of the list?",
        ),
        ("module.k.out", "! Unsupported attribute: This object does not have an attribute named \"out\"."),
        (
            "var",
            "! Invalid reference: The \"var\" object cannot be accessed directly. Instead, access one of its attributes.",
        ),
        (
            "count.x",
            "! Invalid \"count\" attribute: The \"count\" object does not have an attribute named \"x\". The only supported attribute is count.index, which is the index of each instance of a resource block that has the \"count\" argument set.",
        ),
    ]);
}

#[test]
fn try_and_can_catch_errors() {
    check(&[
        ("can(var.map.z)", "false"),
        ("can(no_such_function(1))", "false"),
        ("can(var.unknown)", "?bool"),
        ("try(var.map.z, var.list[7], \"d\")", "\"d\""),
        ("try(var.secret, 1)", "~\"s\""),
        ("try(var.unknown, 1)", "?any"),
        (
            "no_such_function(1)",
            "! Call to unknown function: There is no function named \"no_such_function\".",
        ),
    ]);
}

#[test]
fn diagnostics_show_the_values_of_references_but_no_secrets() {
    let scope = scope();
    for (text, want) in [
        (
            "var.map[var.name]",
            vec![("var.map", "is map of number with 2 elements"), ("var.name", "is \"web\"")],
        ),
        ("var.secret + 1", vec![("var.secret", "has a sensitive value")]),
        ("each.value.nmae", vec![("each.value", "is object with 2 attributes")]),
    ] {
        let (_, diags) = eval_expr(&parse(text), &scope);
        let values: Vec<(&str, &str)> =
            diags.0[0].values.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        assert_eq!(values, want, "{text}");
    }
}

#[test]
fn deep_nesting_is_an_error_and_long_chains_are_not() {
    let scope = scope();
    let long = format!("1{}", " + 1".repeat(5_000));
    let mut sources = ferroform_core::Sources::new();
    let source = sources.add("test", long.clone());
    let (expr, diags) = ferroform_lang::hcl::parse_expression(source, &long).into_parts();
    if !diags.has_errors() {
        let (value, diags) = eval_expr(&expr, &scope);
        assert!(!diags.has_errors());
        assert_eq!(show(&value), "5001");
    }
    assert_eq!(Value::string("x").sensitive().marks(), Marks::SENSITIVE);
}
