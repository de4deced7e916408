//! Expected results and messages come from Terraform 1.11.4: `terraform console`, and for unknown operands the planned
//! outputs of a configuration in which `unk` is an attribute known after apply.

use proptest::prelude::*;

use super::*;
use crate::number::Number;
use crate::value::arbitrary::any_value;

fn n(text: &str) -> Value {
    Value::number(text.parse::<Number>().unwrap())
}

fn s(text: &str) -> Value {
    Value::string(text)
}

fn t<const N: usize>(items: [Value; N]) -> Value {
    Value::tuple(items)
}

fn o<const N: usize>(attributes: [(&str, Value); N]) -> Value {
    Value::object(attributes)
}

fn bools(b: bool) -> Value {
    Value::bool(b)
}

fn list(items: &[&str]) -> Value {
    Value::list(Type::Number, items.iter().map(|i| n(i)))
}

fn set(items: impl IntoIterator<Item = Value>) -> Value {
    Value::set(Type::String, items)
}

fn null() -> Value {
    Value::null_dynamic()
}

/// A string that will be known after apply, and will not be null.
fn unk() -> Value {
    Value::unknown_not_null(Type::String)
}

fn unk_bool() -> Value {
    Value::unknown_not_null(Type::Bool)
}

/// `unk == "x" ? a : b`
fn either(a: Value, b: Value) -> Value {
    conditional(&unk_bool(), &a, &b).unwrap()
}

fn known_after_apply() -> Value {
    unk_bool()
}

#[track_caller]
fn check(op: BinaryOp, left: Value, right: Value, expected: Result<Value, &str>) {
    let got = binary(op, &left, &right)
        .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "));
    assert_eq!(got, expected.map_err(str::to_owned), "{left:?} {op:?} {right:?}");
}

#[test]
fn arithmetic() {
    use BinaryOp::{Add, Divide, Modulo, Multiply, Subtract};
    check(Add, s("1"), n("1"), Ok(n("2")));
    check(Add, s("a"), n("1"), Err("Unsuitable value for left operand: a number is required."));
    check(Add, bools(true), n("1"), Err("Unsuitable value for left operand: number required."));
    check(Add, n("1"), t([]), Err("Unsuitable value for right operand: number required."));
    let both = "Unsuitable value for left operand: number required. Unsuitable value for right operand: number required.";
    check(Add, t([]), t([]), Err(both));
    check(Add, null(), n("1"), Err("Error during operation: argument must not be null."));
    check(Multiply, n("0.1"), n("3"), Ok(n("0.3")));
    check(Modulo, n("-5"), n("3"), Ok(n("-2")));
    check(Divide, n("1"), n("0"), Ok(Value::number(Number::INFINITY)));
    check(
        Divide,
        n("0"),
        n("0"),
        Err("Error during operation: can't divide zero by zero or infinity by infinity."),
    );
    let inf = || Value::number(Number::INFINITY);
    check(Subtract, inf(), inf(), Err("Error during operation: can't subtract infinity from itself."));
    check(Multiply, inf(), n("0"), Err("Error during operation: can't multiply zero by infinity."));
    check(Modulo, n("3"), inf(), Err("Error during operation: can't use modulo with zero and infinity."));
    check(Add, either(n("1"), n("2")), n("1"), Ok(Value::unknown_not_null(Type::Number)));
    check(Multiply, either(n("1"), n("2")), n("0"), Ok(Value::unknown_not_null(Type::Number)));
    check(Add, Value::unknown(Type::Dynamic), n("1"), Ok(Value::unknown_not_null(Type::Number)));
    check(
        Add,
        Value::unknown(Type::Dynamic),
        null(),
        Err("Error during operation: argument must not be null."),
    );
    check(
        Add,
        n("1").sensitive(),
        n("2").with_marks(Marks::EPHEMERAL),
        Ok(n("3").sensitive().with_marks(Marks::EPHEMERAL)),
    );
}

#[test]
fn comparison() {
    use BinaryOp::{Greater, GreaterOrEqual, Less, LessOrEqual};
    check(Less, n("1"), n("2"), Ok(bools(true)));
    check(LessOrEqual, s("2"), n("2"), Ok(bools(true)));
    check(Greater, n("-0"), n("0"), Ok(bools(false)));
    check(Less, null(), n("1"), Err("Error during operation: argument must not be null."));
    check(Less, s("a"), n("1"), Err("Unsuitable value for left operand: a number is required."));
    let one_or_two = || either(n("1"), n("2"));
    check(Less, one_or_two(), n("3"), Ok(bools(true)));
    check(Greater, one_or_two(), n("3"), Ok(bools(false)));
    check(GreaterOrEqual, one_or_two(), n("3"), Ok(bools(false)));
    check(GreaterOrEqual, one_or_two(), n("1"), Ok(known_after_apply()));
    check(Less, one_or_two(), n("2"), Ok(known_after_apply()));
    let lengths = length(&either(list(&["1"]), list(&["2", "3"]))).unwrap();
    check(Greater, lengths.clone(), n("2"), Ok(known_after_apply()));
    check(GreaterOrEqual, lengths, n("1"), Ok(known_after_apply()));
    let of_set = length(&set([unk(), s("a")])).unwrap();
    check(LessOrEqual, of_set.clone(), n("2"), Ok(known_after_apply()));
    check(Greater, of_set, n("2"), Ok(known_after_apply()));
}

#[test]
fn logic() {
    use BinaryOp::{And, Or};
    check(And, bools(true), s("false"), Ok(bools(false)));
    check(Or, bools(false), bools(true), Ok(bools(true)));
    for (op, left, right) in [
        (And, bools(false), null()),
        (And, null(), bools(false)),
        (Or, bools(true), null()),
        (Or, null(), bools(true)),
    ] {
        check(op, left, right, Err("Error during operation: argument must not be null."));
    }
    check(And, unk_bool(), bools(false), Ok(known_after_apply()));
    check(Or, unk_bool(), bools(true), Ok(known_after_apply()));
    check(And, n("1"), bools(true), Err("Unsuitable value for left operand: bool required."));
    check(Or, bools(true).sensitive(), bools(false), Ok(bools(true).sensitive()));
}

#[test]
fn unary_operators() {
    let cases = [
        (UnaryOp::Not, s("true"), Ok(bools(false))),
        (UnaryOp::Not, n("1"), Err("Unsuitable value for unary operand: bool required.")),
        (UnaryOp::Not, unk_bool(), Ok(known_after_apply())),
        (UnaryOp::Not, null(), Err("Error during operation: argument must not be null.")),
        (UnaryOp::Negate, s("5"), Ok(n("-5"))),
        (UnaryOp::Negate, s("x"), Err("Unsuitable value for unary operand: a number is required.")),
        (UnaryOp::Negate, either(n("1"), n("2")), Ok(Value::unknown_not_null(Type::Number))),
        (UnaryOp::Negate, n("1").sensitive(), Ok(n("-1").sensitive())),
    ];
    for (op, value, expected) in cases {
        let got = unary(op, &value).map_err(|e| e.message);
        assert_eq!(got, expected.map_err(str::to_owned), "{op:?} {value:?}");
    }
}

#[test]
fn equality() {
    let dynamic = || Value::unknown(Type::Dynamic);
    let strings = || Value::unknown_not_null(Type::list(Type::String));
    let prefixed = || template(&[s("p-"), unk()]).unwrap();
    let cases = [
        (bools(true), s("true"), Some(false)),
        (n("1"), s("1"), Some(false)),
        (n("-0"), n("0"), Some(true)),
        (t([]), Value::list(Type::Dynamic, []), Some(false)),
        (null(), o([]), Some(false)),
        (null(), Value::null(Type::String), Some(true)),
        (t([null()]), t([null()]), Some(true)),
        (t([null()]), t([s("x")]), Some(false)),
        (t([n("1"), unk()]), t([n("2"), s("x")]), Some(false)),
        (t([unk(), n("1")]), t([s("x"), n("2")]), None),
        (t([dynamic(), n("1")]), t([s("x"), n("2")]), None),
        (o([("a", unk())]), o([("a", s("x")), ("b", n("1"))]), Some(false)),
        (o([("a", unk())]), o([("a", s("x"))]), None),
        (unk(), null(), Some(false)),
        (Value::unknown(Type::String), null(), None),
        (unk(), n("1"), Some(false)),
        (dynamic(), n("1"), None),
        (dynamic(), null(), None),
        (strings(), null(), Some(false)),
        (either(list(&["1"]), list(&["2", "3"])), list(&[]), Some(false)),
        (either(s("abc"), s("abd")), s("x"), None),
        (either(s("abc"), s("abd")), null(), Some(false)),
        (either(null(), s("abd")), null(), None),
        (either(o([("a", n("1"))]), o([("a", n("2"))])), null(), Some(false)),
        (either(o([("a", n("1"))]), o([("a", n("2"))])), o([("a", s("x"))]), Some(false)),
        (either(n("1"), n("2")), n("3"), Some(false)),
        (either(n("1"), n("2")), n("2"), None),
        (either(s("1"), s("2")), n("1"), Some(false)),
        (set([unk(), s("a")]), set([s("a")]), None),
        (set([s("b"), s("a")]), set([s("a"), s("b")]), Some(true)),
        (prefixed(), null(), Some(false)),
        (prefixed(), s("q"), Some(false)),
        (prefixed(), s("p-1"), None),
        (template(&[s("a"), unk()]).unwrap(), s("b"), None),
        (template(&[s("ab"), unk()]).unwrap(), s("b"), Some(false)),
    ];
    for (left, right, expected) in cases {
        let expected = expected.map_or_else(known_after_apply, Value::bool);
        assert_eq!(equal(&left, &right), expected, "{left:?} == {right:?}");
        assert_eq!(equal(&right, &left), expected, "{right:?} == {left:?}");
        assert_eq!(binary(BinaryOp::NotEqual, &left, &right), Ok(inverted(&expected)));
    }
    assert_eq!(equal(&t([s("x").sensitive()]), &t([s("x")])), bools(true).sensitive());
}

#[test]
fn looking_for_an_element() {
    let cases = [
        (t([n("1"), s("a")]), s("a"), Some(Some(true))),
        (t([unk(), s("a")]), s("a"), Some(Some(true))),
        (t([unk(), s("a")]), s("b"), Some(None)),
        (set([s("a")]), s("b"), Some(Some(false))),
        (Value::unknown(Type::list(Type::String)), s("b"), Some(None)),
        (s("abc"), s("b"), None),
    ];
    for (collection, wanted, expected) in cases {
        let expected = expected.map(|r| r.map_or_else(known_after_apply, Value::bool));
        assert_eq!(contains(&collection, &wanted), expected, "{wanted:?} in {collection:?}");
    }
}

#[test]
fn conditionals() {
    let yes = || bools(true);
    let strings = |items: &[&str]| Value::list(Type::String, items.iter().map(|i| s(i)));
    let inconsistent = "The true and false result expressions must have consistent types.";
    let cases = [
        (yes(), n("1"), s("a"), Ok(s("1"))),
        (bools(false), n("1"), s("a"), Ok(s("a"))),
        (s("true"), n("1"), n("2"), Ok(n("1"))),
        (yes(), t([n("1"), n("2")]), t([s("a")]), Ok(strings(&["1", "2"]))),
        (yes(), list(&["1"]), t([s("a"), yes()]), Ok(strings(&["1"]))),
        (yes(), o([("a", n("1"))]), o([("b", n("2"))]), Ok(Value::map(Type::Number, [("a", n("1"))]))),
        (
            yes(),
            o([("a", n("1")), ("b", s("x"))]),
            o([("a", s("x")), ("b", yes())]),
            Ok(o([("a", s("1")), ("b", s("x"))])),
        ),
        (yes(), null(), n("1"), Ok(Value::null(Type::Number))),
        (
            yes(),
            t([n("1")]),
            o([]),
            Err(format!("{inconsistent} The 'true' value is tuple, but the 'false' value is object.")),
        ),
        (
            yes(),
            o([("a", n("1"))]),
            o([("a", t([]))]),
            Err(format!(
                "{inconsistent} Type mismatch for object attribute \"a\": The 'true' value is number, but the 'false' value is tuple."
            )),
        ),
        (
            null(),
            n("1"),
            n("2"),
            Err("The condition value is null. Conditions must either be true or false.".into()),
        ),
        (s("x"), n("1"), n("2"), Err("The condition expression must be of type bool.".into())),
        (t([]), n("1"), n("2"), Err("The condition expression must be of type bool.".into())),
        (unk_bool(), n("1"), n("1"), Ok(n("1"))),
        (unk_bool(), s("a"), s("a"), Ok(unk())),
        (unk_bool(), null(), null(), Ok(null())),
        (unk_bool(), null(), s("abd"), Ok(Value::unknown(Type::String))),
        (unk_bool(), t([n("1")]), t([n("2")]), Ok(Value::unknown_not_null(Type::tuple([Type::Number])))),
        (
            unk_bool(),
            list(&["1"]),
            list(&["2"]),
            Ok(Value::list(Type::Number, [Value::unknown(Type::Number)])),
        ),
        (yes().sensitive(), n("1"), n("2"), Ok(n("1").sensitive())),
        (yes(), n("1"), n("2").sensitive(), Ok(n("1").sensitive())),
        (yes(), Value::unknown(Type::Dynamic), n("2"), Ok(Value::unknown(Type::Dynamic))),
    ];
    for (condition, a, b, expected) in cases {
        let got = conditional(&condition, &a, &b).map_err(|e| e.message);
        assert_eq!(got, expected, "{condition:?} ? {a:?} : {b:?}");
    }
}

#[test]
fn indexing() {
    const NO_SUCH: &str = "The given key does not identify an element in this collection value";
    let no_such = |why: &str| Err(format!("{NO_SUCH}{why}"));
    let three = || t([n("1"), n("2"), n("3")]);
    let map = || Value::map(Type::Number, [("a", n("1"))]);
    let fraction =
        ": indexing a sequence requires a whole number, but the given index has a fractional part.";
    let negative = ": a negative number is not a valid index for a sequence.";
    let beyond = ": the given index is greater than or equal to the length of the collection.";
    let empty = ": the collection has no elements.";
    let by_name = ". An object only supports looking up attributes by name, not by numeric index.";
    let cases = [
        (three(), n("1"), Ok(n("2"))),
        (three(), s("1"), Ok(n("2"))),
        (three(), n("1.5"), no_such(fraction)),
        (three(), n("-1"), no_such(negative)),
        (three(), n("3"), no_such(beyond)),
        (three(), n("1e300"), no_such(beyond)),
        (three(), s("a"), no_such(": a number is required.")),
        (three(), o([]), no_such(": number required.")),
        (three(), bools(true), no_such(": number required.")),
        (list(&["1"]), n("3"), no_such(beyond)),
        (Value::list(Type::Dynamic, []), n("0"), no_such(empty)),
        (t([]), n("0"), no_such(empty)),
        (o([("a", n("1"))]), s("a"), Ok(n("1"))),
        (o([("a", n("1"))]), s("b"), no_such(".")),
        (o([("a", n("1"))]), n("1"), no_such(by_name)),
        (o([("a", n("1"))]), t([]), no_such(": string required.")),
        (map(), s("b"), no_such(".")),
        (map(), null(), Err("Can't use a null value as an indexing key.".into())),
        (null(), n("0"), Err("This value is null, so it does not have any indices.".into())),
        (s("abc"), n("0"), Err("This value does not have any indices.".into())),
        (set([s("a")]), n("0"), Err("Elements of a set are identified only by their value and don't have any separate index or key to select with, so it's only possible to perform operations across all elements of the set.".into())),
        (three(), Value::unknown(Type::Number), Ok(Value::unknown(Type::Dynamic))),
        (list(&["1"]), Value::unknown(Type::Number), Ok(Value::unknown(Type::Number))),
        (o([("a", n("1"))]), unk(), Ok(Value::unknown(Type::Dynamic))),
        (map(), unk(), Ok(Value::unknown(Type::Number))),
        (Value::unknown(Type::tuple([Type::String])), n("0"), Ok(Value::unknown(Type::String))),
        (Value::unknown(Type::tuple([Type::String])), n("1"), no_such(beyond)),
        (Value::unknown(Type::list(Type::String)), n("7"), Ok(Value::unknown(Type::String))),
        (Value::unknown(Type::Dynamic), n("7"), Ok(Value::unknown(Type::Dynamic))),
        (three().sensitive(), n("0"), Ok(n("1").sensitive())),
        (three(), n("0").sensitive(), Ok(n("1").sensitive())),
    ];
    for (collection, key, expected) in cases {
        assert_eq!(index(&collection, &key).map_err(|e| e.message), expected, "{collection:?}[{key:?}]");
    }
}

#[test]
fn attributes() {
    let object = || Type::object([("a", Type::Number)]);
    let one = || o([("a", n("1"))]);
    let cases = [
        (one(), "a", Ok(n("1"))),
        (one(), "b", Err("This object does not have an attribute named \"b\".")),
        (Value::map(Type::Number, [("a", n("1"))]), "a", Ok(n("1"))),
        (
            Value::map(Type::Number, [("a", n("1"))]),
            "b",
            Err("This map does not have an element with the key \"b\"."),
        ),
        (t([one()]), "a", Err("This value does not have any attributes.")),
        (
            Value::list(object(), [one()]),
            "a",
            Err(
                "Can't access attributes on a list of objects. Did you mean to access attribute \"a\" for a specific element of the list, or across all elements of the list?",
            ),
        ),
        (
            Value::list(object(), [one()]),
            "b",
            Err(
                "Can't access attributes on a list of objects. Did you mean to access an attribute for a specific element of the list, or across all elements of the list?",
            ),
        ),
        (
            Value::set(object(), [one()]),
            "a",
            Err(
                "Can't access attributes on a set of objects. Did you mean to access an attribute across all elements of the set?",
            ),
        ),
        (set([s("a")]), "x", Err("This value does not have any attributes.")),
        (n("1"), "x", Err("Can't access attributes on a primitive-typed value (number).")),
        (null(), "x", Err("This value is null, so it does not have any attributes.")),
        (Value::unknown(object()), "a", Ok(Value::unknown(Type::Number))),
        (Value::unknown(Type::Dynamic), "a", Ok(Value::unknown(Type::Dynamic))),
        (Value::unknown(Type::map(Type::Bool)), "a", Ok(Value::unknown(Type::Bool))),
        (one().sensitive(), "a", Ok(n("1").sensitive())),
    ];
    for (object, name, expected) in cases {
        let got = get_attr(&object, name).map_err(|e| e.message);
        assert_eq!(got, expected.map_err(str::to_owned), "{object:?}.{name}");
    }
}

#[test]
fn lengths() {
    let cases = [
        (t([unk(), n("1")]), Some(Value::number(2))),
        (set([unk()]), Some(Value::number(1))),
        (list(&["1", "2"]).sensitive(), Some(Value::number(2).sensitive())),
        (Value::unknown(Type::tuple([Type::Bool])), Some(Value::number(1))),
        (either(list(&["1"]), list(&["2"])), Some(Value::number(1))),
        (s("x"), None),
        (null(), None),
    ];
    for (collection, expected) in cases {
        assert_eq!(length(&collection), expected, "{collection:?}");
    }
}

#[test]
fn templates() {
    let invalid = |what: &str| Err(vec![what.to_owned()]);
    let cases = [
        (vec![s("a"), n("1.50"), bools(true)], Ok(s("a1.5true"))),
        (
            vec![s("a"), t([])],
            invalid("Cannot include the given value in a string template: string required."),
        ),
        (
            vec![s("a"), null()],
            invalid("The expression result is null. Cannot include a null value in a string template."),
        ),
        (vec![s("a").sensitive(), s("b")], Ok(s("ab").sensitive())),
        (vec![s("e"), s("\u{301}")], Ok(s("é"))),
        (vec![unk(), s("b")], Ok(unk())),
        (vec![], Ok(s(""))),
    ];
    for (parts, expected) in cases {
        let got = template(&parts).map_err(|errors| errors.into_iter().map(|e| e.message).collect());
        assert_eq!(got, expected, "{parts:?}");
    }
    let value = template(&[s("pre-"), n("1"), s("-"), Value::unknown(Type::Dynamic), s("x")]).unwrap();
    assert_eq!(
        value,
        Value::unknown_refined(Type::String, Refinements::not_null().with_string_prefix("pre-1-"))
    );
    assert_eq!(template_join(&t([s("a"), n("1"), s("b").sensitive()])), Ok(s("a1b").sensitive()));
    assert_eq!(template_join(&t([s("a"), unk()])), Ok(Value::unknown(Type::String)));
    assert!(template_join(&t([null()])).is_err());
}

const ALL: [BinaryOp; 13] = [
    BinaryOp::Add,
    BinaryOp::Subtract,
    BinaryOp::Multiply,
    BinaryOp::Divide,
    BinaryOp::Modulo,
    BinaryOp::Equal,
    BinaryOp::NotEqual,
    BinaryOp::Less,
    BinaryOp::LessOrEqual,
    BinaryOp::Greater,
    BinaryOp::GreaterOrEqual,
    BinaryOp::And,
    BinaryOp::Or,
];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn results_are_of_their_type_and_keep_marks(a in any_value(), b in any_value(), c in any_value()) {
        let marks = a.marks().union(b.marks());
        for op in ALL {
            if let Ok(result) = binary(op, &a, &b) {
                prop_assert!(result.is_of_type(&op.result_type()));
                prop_assert!(result.marks().contains(marks));
            }
        }
        for op in [UnaryOp::Negate, UnaryOp::Not] {
            if let Ok(result) = unary(op, &a) {
                prop_assert!(result.is_of_type(&op.result_type()));
                prop_assert_eq!(result.marks(), a.marks());
            }
        }
        if let Ok(result) = conditional(&a, &b, &c) {
            prop_assert!(result.marks().contains(marks.union(c.marks())));
        }
        if let Ok(result) = index(&a, &b) {
            prop_assert!(result.marks().contains(a.marks()));
        }
        let _ = (get_attr(&a, "a"), length(&a), contains(&a, &b), template_join(&a), a.describe());
        let _ = template(&[a, b, c]);
    }

    #[test]
    fn equality_is_symmetric_and_reflexive(a in any_value(), b in any_value()) {
        prop_assert_eq!(equal(&a, &b), equal(&b, &a));
        let itself = equal(&a, &a);
        prop_assert!(itself.as_bool() == Some(true) || !a.is_wholly_known());
    }
}
