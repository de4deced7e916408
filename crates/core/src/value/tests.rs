//! Orders of sets come from `terraform console` 1.11.4: `tolist(toset([…]))`.

use super::*;
use crate::path::{AttrPath, Step};

fn n(text: &str) -> Value {
    Value::number(text.parse::<Number>().unwrap())
}

fn s(text: &str) -> Value {
    Value::string(text)
}

fn a(value: Value) -> Value {
    Value::object([("a", value)])
}

fn strings(items: &[&str]) -> Value {
    Value::list(Type::String, items.iter().map(|t| s(t)))
}

#[track_caller]
fn check_order(element: Type, given: Vec<Value>, expected: Vec<Value>) {
    let set = Value::set(element, given);
    assert_eq!(set.as_slice().unwrap(), expected);
}

#[test]
fn sets_of_primitives_are_ordered_by_value() {
    check_order(
        Type::String,
        ["b", "a", "é", "z", "B", "a"].map(s).into(),
        ["B", "a", "b", "z", "é"].map(s).into(),
    );
    check_order(
        Type::Number,
        ["10", "9", "-1", "1.5", "9.0"].map(n).into(),
        ["-1", "1.5", "9", "10"].map(n).into(),
    );
    check_order(
        Type::Bool,
        [true, false, true].map(Value::bool).into(),
        [false, true].map(Value::bool).into(),
    );
    let set = Value::set(Type::Number, [n("-0"), n("0")]);
    assert_eq!(set.as_slice().unwrap().len(), 2);
}

#[test]
fn sets_of_others_are_ordered_by_their_text() {
    let objects = |items: [&str; 4]| items.map(|t| a(n(t))).to_vec();
    let null = || a(Value::null(Type::Number));
    let given = [vec![null()], objects(["10", "9", "-1", "1.5"])].concat();
    check_order(
        Type::object([("a", Type::Number)]),
        given,
        [objects(["-1", "1.5", "10", "9"]), vec![null()]].concat(),
    );
    let given = [&["b"][..], &["a", "c"], &["a"], &[]].map(strings).to_vec();
    check_order(
        Type::list(Type::String),
        given,
        [&["a", "c"][..], &["a"], &["b"], &[]].map(strings).to_vec(),
    );
}

#[test]
fn unknown_and_null_elements_come_last_and_unknown_ones_stay_apart() {
    let unknown = || Value::unknown(Type::String);
    let null = || Value::null(Type::String);
    check_order(
        Type::String,
        vec![null(), unknown(), s("a"), unknown(), null(), s("a")],
        vec![s("a"), unknown(), unknown(), null()],
    );
    let half = || a(unknown());
    check_order(
        Type::object([("a", Type::String)]),
        vec![half(), a(s("x")), half(), a(s("x"))],
        vec![a(s("x")), half(), half()],
    );
}

#[test]
fn marks_of_elements_are_lifted_to_the_set() {
    let set = Value::set(Type::object([("a", Type::String)]), [a(s("x").sensitive()), a(s("x"))]);
    assert!(set.is_sensitive());
    assert_eq!(set.as_slice().unwrap(), [a(s("x"))]);
}

#[test]
fn equality_is_structural() {
    let known = |prefix: &str| {
        Value::unknown_refined(Type::String, Refinements::not_null().with_string_prefix(prefix))
    };
    let different = [
        s("1"),
        n("1"),
        s("1").sensitive(),
        Value::null(Type::String),
        Value::null(Type::Number),
        Value::unknown(Type::String),
        Value::unknown_not_null(Type::String),
        known("a-"),
        Value::tuple([s("1")]),
        strings(&["1"]),
        Value::set(Type::String, [s("1")]),
        Value::list(Type::String, []),
        Value::list(Type::Number, []),
        a(s("1")),
        a(s("1").sensitive()),
        Value::map(Type::String, [("a", s("1"))]),
    ];
    for (i, x) in different.iter().enumerate() {
        for (j, y) in different.iter().enumerate() {
            assert_eq!(x == y, i == j, "{x:?} and {y:?}");
        }
    }
}

#[test]
fn refinements_that_leave_one_value_are_that_value() {
    let list = |t| Type::list(t);
    let length = |min, max| Refinements { length_min: min, length_max: Some(max), ..Refinements::not_null() };
    let between = |min: &str, max: &str| {
        let bound = |t: &str| Some((t.parse().unwrap(), true));
        Refinements { number_min: bound(min), number_max: bound(max), ..Refinements::not_null() }
    };
    let unknown = || Value::unknown(Type::String);
    let cases = [
        (Type::Number, between("1", "1"), n("1")),
        (list(Type::String), length(2, 2), Value::list(Type::String, [unknown(), unknown()])),
        (Type::set(Type::String), length(1, 1), Value::set(Type::String, [unknown()])),
        (Type::map(Type::String), length(0, 0), Value::map::<&str>(Type::String, [])),
    ];
    for (ty, known, expected) in cases {
        assert_eq!(Value::refined(ty, known), expected);
    }
    for (ty, known) in [
        (Type::Number, between("1", "2")),
        (Type::map(Type::String), length(1, 1)),
        (Type::set(Type::String), length(2, 2)),
        (list(Type::String), length(1 << 40, 1 << 40)),
        (list(Type::String), Refinements { not_null: false, ..length(1, 1) }),
    ] {
        assert!(!Value::refined(ty, known).is_known());
    }
}

/// `startswith("…${unknown}", "…")` is known only for what is in the prefix.
#[test]
fn a_known_prefix_leaves_out_what_may_still_change() {
    let cases = [
        ("pre", "pr"),
        ("pre-", "pre-"),
        ("p1", "p"),
        ("p1 ", "p1 "),
        ("p=", "p"),
        ("p<", "p"),
        ("", ""),
        ("x\r\n", "x"),
        ("e\u{301}", ""),
        ("🇩🇪", ""),
    ];
    for (known, prefix) in cases {
        assert_eq!(&*Refinements::default().with_string_prefix(known).string_prefix, prefix, "{known:?}");
    }
    assert_eq!(Refinements::default().with_string_prefix(&"é".repeat(100)).string_prefix.len(), 126);
    assert_eq!(Refinements::default().with_string_prefix(&"-".repeat(300)).string_prefix.len(), 128);
}

fn nested() -> Value {
    Value::object([
        ("name", s("x")),
        ("disks", Value::list(Type::object([("a", Type::Number)]), [a(n("1")), a(n("2"))])),
        ("labels", Value::map(Type::String, [("k", s("v"))])),
        ("ips", Value::set(Type::String, [s("i")])),
        ("later", Value::unknown(Type::list(Type::object([("a", Type::Number)])))),
        ("none", Value::null(Type::object([("a", Type::Number)]))),
    ])
}

fn path(text: &str) -> AttrPath {
    text.split('.').fold(AttrPath::root(), |path, part| {
        match (part.parse::<usize>(), part.strip_prefix('=')) {
            (Ok(i), _) => path.with_index(i),
            (_, Some(key)) => path.with_key(key),
            _ => path.with_attr(part),
        }
    })
}

#[test]
fn values_are_found_by_path() {
    let value = nested();
    let cases = [
        ("name", Some(s("x"))),
        ("disks.1.a", Some(n("2"))),
        ("labels.=k", Some(s("v"))),
        ("ips.=i", Some(s("i"))),
        ("later.0.a", Some(Value::unknown(Type::Number))),
        ("later.0.b", None),
        ("none.a", None),
        ("disks.2", None),
        ("labels.k", None),
        ("name.x", None),
    ];
    for (text, expected) in cases {
        assert_eq!(value.at(&path(text)), expected, "{text}");
    }
    assert_eq!(value.at(&AttrPath::root()), Some(value.clone()));
    assert_eq!(value.sensitive().at(&path("name")), Some(s("x").sensitive()));
}

#[test]
fn marks_go_on_and_off_by_path() {
    let value = nested();
    let places = ["disks.0.a", "disks.1", "labels.=k", "later", "name"].map(path);
    let marked = value.with_marks_at_paths(&places, Marks::SENSITIVE);
    let mut found = marked.sensitive_paths();
    found.sort_by_key(ToString::to_string);
    assert_eq!(found, places);
    let (bare, marks) = marked.unmark_deep();
    assert_eq!(bare, value);
    assert_eq!(bare.with_path_marks(&marks), marked);
    // Into a set, into what is unknown or null: the container. To nowhere: nothing.
    let odd = ["ips.=i", "later.0.a", "none.a", "nowhere.a", "disks.7.a"].map(path);
    let found = value.with_marks_at_paths(&odd, Marks::SENSITIVE).sensitive_paths();
    assert_eq!(found, ["ips", "later", "none"].map(path));
    assert_eq!(value.with_marks_at_paths(&[AttrPath::root()], Marks::EPHEMERAL).marks(), Marks::EPHEMERAL);
}

#[test]
fn transforming_visits_content_first_and_settles_types() {
    let mut visited = Vec::new();
    let changed = nested().transform(|path, value| {
        visited.push(path.to_string());
        match value.as_number() {
            Some(n) => Value::string(n.to_string()),
            None => value,
        }
    });
    assert_eq!(visited.last().map(String::as_str), Some(""));
    assert_eq!(&visited[..3], [".disks[0].a", ".disks[0]", ".disks[1].a"]);
    let disks = changed.get("disks").unwrap();
    assert_eq!(disks.ty(), Type::list(Type::object([("a", Type::String)])));
    assert_eq!(disks.as_slice().unwrap()[1], a(s("2")));
    assert_eq!(nested().transform(|_, value| value), nested());
}

#[test]
fn walking_leaves_out_what_is_not_wanted() {
    let mut visited = Vec::new();
    nested().walk(|path, _| {
        visited.push(path.to_string());
        path.steps().last() != Some(&Step::Attr("disks".into()))
    });
    assert_eq!(
        visited,
        ["", ".disks", ".ips", ".ips[\"i\"]", ".labels", ".labels[\"k\"]", ".later", ".name", ".none"]
    );
}

/// What Terraform prints beneath a diagnostic of the values of references.
#[test]
fn values_are_described_in_prose() {
    let cases = [
        (s("x\ny"), r#"is "x\ny""#),
        (n("5"), "is 5"),
        (Value::tuple([n("1")]), "is tuple with 1 element"),
        (Value::empty_object(), "is object with no attributes"),
        (a(n("1")), r#"is object with 1 attribute "a""#),
        (strings(&["a", "b"]), "is list of string with 2 elements"),
        (Value::map::<&str>(Type::Dynamic, []), "is empty map of dynamic"),
        (Value::bool(true), "is true"),
        (Value::null_dynamic(), "is null"),
        (Value::unknown(Type::String), "is a string, known only after apply"),
        (Value::unknown(Type::Dynamic), "will be known only after apply"),
        (s("x").sensitive(), "has a sensitive value"),
    ];
    for (value, expected) in cases {
        assert_eq!(value.describe(), expected);
    }
}

#[test]
fn types_are_compared_without_being_built() {
    let value = nested();
    assert!(value.is_of_type(&value.ty()));
    let optional = Type::object_with_optional([("a", Type::Number)], ["a"]);
    assert!(a(n("1")).is_of_type(&optional));
    assert!(!a(s("1")).is_of_type(&optional));
    assert!(Value::null(Type::object([("a", Type::Number)])).is_of_type(&optional));
}

#[test]
fn sensitive_values_do_not_show_in_debug_output() {
    let text = format!("{:?}", Value::tuple([s("open"), a(s("hidden").sensitive())]));
    assert!(text.contains("open") && !text.contains("hidden"), "{text}");
}

#[test]
fn which_unknown_it_is_passes_on_and_says_nothing() {
    use crate::convert::convert;
    use crate::value::Origin;

    let (origin, other) = (Origin::new(), Origin::new());
    assert_ne!(origin, other);
    let id = Value::unknown_of(Type::String, origin);
    assert_eq!(id, Value::unknown(Type::String));
    assert_eq!(id, Value::unknown_of(Type::String, other));
    assert_ne!(id, Value::unknown_not_null(Type::String));
    let origin_of = |value: &Value| value.refinements().and_then(|known| known.origin);
    for passed in [
        convert(&id, &Type::String).unwrap(),
        convert(&id, &Type::Number).unwrap(),
        id.clone().refine_not_null(),
        Value::object([("id", id.clone())]).get("id").unwrap().clone(),
        Value::set(Type::String, [id.clone()]).as_slice().unwrap()[0].clone(),
    ] {
        assert_eq!(origin_of(&passed), Some(origin), "{passed:?}");
    }
    // What is made of it is another value.
    assert_eq!(id.range().origin, None);
}
