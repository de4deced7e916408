//! Expected values and messages come from Terraform 1.11.4: variables with these type constraints, set by `-var`, and
//! `terraform console` for what unification gives.

use proptest::prelude::*;

use super::*;
use crate::value::arbitrary::{any_type, any_value};

fn n(text: &str) -> Value {
    Value::number(text.parse::<Number>().unwrap())
}

fn s(text: &str) -> Value {
    Value::string(text)
}

fn list(ty: Type, items: impl IntoIterator<Item = Value>) -> Value {
    Value::list(ty, items)
}

fn object<const N: usize>(attributes: [(&str, Value); N]) -> Value {
    Value::object(attributes)
}

use Type::{Bool, Dynamic, Number as Num, String as Str};

#[track_caller]
fn check(value: Value, ty: Type, expected: Result<Value, &str>) {
    let got = convert(&value, &ty);
    assert_eq!(got.clone().map_err(|e| e.message), expected.map_err(str::to_owned), "{value:?} to {ty}");
    if let Ok(got) = got {
        assert!(conforms(&got.ty(), &ty).is_empty(), "{got:?} is no {ty}");
        // The same conversion again changes nothing.
        assert_eq!(convert(&got, &ty), Ok(got));
    }
}

#[test]
fn primitives() {
    check(n("1.50"), Str, Ok(s("1.5")));
    check(n("-0"), Str, Ok(s("-0")));
    check(Value::bool(true), Str, Ok(s("true")));
    check(s("5"), Num, Ok(n("5")));
    check(s("x"), Num, Err("a number is required"));
    check(s("true"), Bool, Ok(Value::bool(true)));
    check(s("0"), Bool, Ok(Value::bool(false)));
    check(s("yes"), Bool, Err("a bool is required"));
    check(s("True"), Bool, Err("a bool is required; to convert from string, use lowercase \"true\""));
    check(s("FALSE"), Bool, Err("a bool is required; to convert from string, use lowercase \"false\""));
    check(n("1"), Bool, Err("bool required"));
    check(Value::bool(true), Num, Err("number required"));
    check(Value::tuple([]), Str, Err("string required"));
    check(s("x"), Dynamic, Ok(s("x")));
}

#[test]
fn sequences() {
    check(
        Value::tuple([n("1"), s("a"), Value::bool(true)]),
        Type::list(Dynamic),
        Ok(list(Str, [s("1"), s("a"), s("true")])),
    );
    check(Value::tuple([s("b"), s("a"), s("b")]), Type::set(Str), Ok(Value::set(Str, [s("a"), s("b")])));
    check(Value::tuple([]), Type::list(Num), Ok(list(Num, [])));
    check(Value::tuple([]), Type::list(Dynamic), Ok(list(Dynamic, [])));
    check(list(Num, []), Type::set(Dynamic), Ok(Value::set(Num, [])));
    check(list(Num, [n("2"), n("1")]), Type::set(Str), Ok(Value::set(Str, [s("1"), s("2")])));
    check(Value::set(Str, [s("b"), s("a")]), Type::list(Str), Ok(list(Str, [s("a"), s("b")])));
    check(Value::tuple([s("x"), n("2")]), Type::tuple([Num, Str]), Err("a number is required"));
    check(Value::tuple([s("1"), n("2")]), Type::tuple([Num, Str]), Ok(Value::tuple([n("1"), s("2")])));
    check(Value::tuple([n("1")]), Type::tuple([Num, Str]), Err("tuple required"));
    check(Value::tuple([n("1"), Value::tuple([])]), Type::tuple([Num, Str]), Err("tuple required"));
    check(Value::tuple([s("x")]), Type::list(Num), Err("a number is required"));
    check(Value::tuple([Value::tuple([])]), Type::list(Num), Err("element 0: number required"));
    check(Value::tuple([s("1"), Value::bool(true)]), Type::list(Num), Err("element 1: number required"));
    check(object([("a", n("1"))]), Type::list(Num), Err("list of number required"));
    check(n("5"), Type::list(Num), Err("list of number required"));
    check(
        Value::tuple([n("1"), Value::tuple([])]),
        Type::list(Dynamic),
        Err("all list elements must have the same type"),
    );
    check(
        Value::tuple([n("1"), Value::empty_object()]),
        Type::set(Dynamic),
        Err("all set elements must have the same type"),
    );
    check(object([]), Type::set(Dynamic), Err("set of any single type required"));
    check(list(Type::list(Str), []), Type::list(Num), Err("incorrect list element type: number required"));
}

#[test]
fn maps_and_objects() {
    let optional =
        Type::object_with_optional([("a", Num), ("b", Type::list(Type::object([("c", Bool)])))], ["b"]);
    let no_b = || Value::null(Type::list(Type::object([("c", Bool)])));
    check(object([("a", n("1"))]), optional.clone(), Ok(object([("a", n("1")), ("b", no_b())])));
    check(
        object([("a", s("1")), ("z", n("1"))]),
        optional.clone(),
        Ok(object([("a", n("1")), ("b", no_b())])),
    );
    check(object([]), optional.clone(), Err("attribute \"a\" is required"));
    check(object([("a", s("x"))]), optional.clone(), Err("a number is required"));
    let b = |b: Value| object([("a", n("1")), ("b", b)]);
    check(
        b(Value::tuple([object([])])),
        optional.clone(),
        Err("attribute \"b\": element 0: attribute \"c\" is required"),
    );
    check(b(Value::tuple([object([("c", s("x"))])])), optional.clone(), Err("a bool is required"));
    check(b(object([])), optional.clone(), Err("attribute \"b\": list of object required"));
    let bad = Value::tuple([object([("c", n("1"))]), object([("c", Value::tuple([]))])]);
    check(b(bad), optional.clone(), Err("attribute \"b\": element 0: attribute \"c\": bool required"));
    check(Value::tuple([n("1")]), optional, Err("object required"));
    let two = Type::object([("a", Num), ("b", Num)]);
    check(object([]), two, Err("attributes \"a\" and \"b\" are required"));
    check(
        object([]),
        Type::object([("a", Num), ("b", Num), ("c", Num)]),
        Err("attributes \"a\", \"b\", and \"c\" are required"),
    );

    let inner = |k: &str, v: Value| object([(k, v)]);
    let map = |k: &str, v: &str| Value::map(Str, [(k, s(v))]);
    check(
        object([("a", inner("x", n("1"))), ("b", inner("y", s("a")))]),
        Type::map(Dynamic),
        Ok(Value::map(Type::map(Str), [("a", map("x", "1")), ("b", map("y", "a"))])),
    );
    check(
        object([("a", n("1")), ("b", Value::tuple([]))]),
        Type::map(Dynamic),
        Err("all map elements must have the same type"),
    );
    check(Value::tuple([n("1")]), Type::map(Dynamic), Err("map of any single type required"));
    let tuple = || Value::tuple([n("1"), Value::tuple([])]);
    check(
        object([("a", tuple()), ("b", Value::null_dynamic())]),
        Type::map(Dynamic),
        Ok(Value::map(tuple().ty(), [("a", tuple()), ("b", Value::null(tuple().ty()))])),
    );

    let open = Type::map(Type::object_with_optional([("a", Num), ("b", Dynamic)], ["b"]));
    let ab = |b: Value| object([("a", n("1")), ("b", b)]);
    let element = |b| Type::object([("a", Num), ("b", b)]);
    check(
        object([("a", ab(n("1"))), ("b", ab(s("x")))]),
        open.clone(),
        Ok(Value::map(element(Str), [("a", ab(s("1"))), ("b", ab(s("x")))])),
    );
    check(
        object([("a", ab(n("1"))), ("b", object([("a", n("1"))]))]),
        open.clone(),
        Ok(Value::map(element(Num), [("a", ab(n("1"))), ("b", ab(Value::null(Num)))])),
    );
    check(
        object([("a", ab(Value::tuple([]))), ("b", ab(s("x")))]),
        open.clone(),
        Err("cannot find a common base type for all elements"),
    );
    check(object([("a", object([]))]), open.clone(), Err("element \"a\": attribute \"a\" is required"));
    check(Value::tuple([n("1")]), open, Err("map of object required"));

    let from_map = Type::object_with_optional([("a", Num), ("l", Type::list(Num))], ["l"]);
    let null_l = || Value::null(Type::list(Num));
    check(map("a", "1"), from_map.clone(), Ok(object([("a", n("1")), ("l", null_l())])));
    check(map("b", "1"), from_map.clone(), Err("map has no element for required attribute \"a\""));
    let both = Value::map(Str, [("a", s("1")), ("l", s("x"))]);
    check(
        both,
        from_map,
        Err("map element type is incompatible with attribute \"l\": list of number required"),
    );
}

#[test]
fn errors_say_where() {
    let ty = Type::object([("a", Type::list(Type::map(Num)))]);
    let value = object([("a", Value::tuple([object([]), object([("k", s("x"))])]))]);
    assert_eq!(convert(&value, &ty).unwrap_err().path.to_string(), ".a[1][\"k\"]");
}

#[test]
fn null_unknown_and_marks_are_kept() {
    check(Value::null_dynamic(), Str, Ok(Value::null(Str)));
    check(Value::null(Str), Num, Ok(Value::null(Num)));
    check(
        Value::tuple([Value::null_dynamic(), n("1")]),
        Type::list(Dynamic),
        Ok(list(Num, [Value::null(Num), n("1")])),
    );
    check(Value::unknown_not_null(Str), Num, Ok(Value::unknown_not_null(Num)));
    check(Value::unknown(Dynamic), Str, Ok(Value::unknown(Str)));
    check(Value::unknown(Num), Bool, Err("bool required"));
    check(s("1").sensitive(), Num, Ok(n("1").sensitive()));
    check(Value::tuple([s("1").sensitive()]), Type::list(Num), Ok(list(Num, [n("1").sensitive()])));
    check(
        Value::tuple([s("1").sensitive()]).sensitive(),
        Type::set(Num),
        Ok(Value::set(Num, [n("1")]).sensitive()),
    );
    let unknown = || Value::unknown(Str);
    let tuple = Value::unknown_not_null(Type::tuple([Str, Num]));
    check(tuple.clone(), Type::list(Str), Ok(list(Str, [unknown(), unknown()])));
    let between = Refinements { length_min: 1, length_max: Some(2), ..Refinements::not_null() };
    check(tuple, Type::set(Str), Ok(Value::unknown_refined(Type::set(Str), between)));
    check(Value::set(Str, [s("a"), unknown()]), Type::list(Str), Ok(Value::unknown(Type::list(Str))));
    check(
        Value::unknown(Type::tuple([Num, Str])),
        Type::list(Dynamic),
        Ok(Value::unknown_refined(
            Type::list(Str),
            Refinements { length_min: 2, length_max: Some(2), ..Refinements::default() },
        )),
    );
}

#[track_caller]
fn check_unify(types: &[Type], safe: Option<Type>, allow_unsafe: Option<Type>) {
    assert_eq!(unify(types), safe, "{types:?}");
    assert_eq!(unify_unsafe(types), allow_unsafe, "{types:?}");
}

/// `type(true ? a : b)` and `type(tolist([…]))`.
#[test]
fn unification() {
    let same = |ty: Type| (Some(ty.clone()), Some(ty));
    let ab = |a: Type, b: Type| Type::object([("a", a), ("b", b)]);
    let cases = [
        (vec![], (None, None)),
        (vec![Num, Num], same(Num)),
        (vec![Num, Str, Bool], same(Str)),
        (vec![Num, Bool], (None, None)),
        (vec![Num, Dynamic], (Some(Dynamic), Some(Num))),
        (vec![Type::list(Num), Type::tuple([Str, Bool])], same(Type::list(Str))),
        (vec![Type::tuple([Num, Num]), Type::tuple([Str])], same(Type::list(Str))),
        (vec![Type::tuple([Num, Num]), Type::tuple([Str, Num])], same(Type::tuple([Str, Num]))),
        (vec![ab(Num, Str), ab(Str, Bool)], same(ab(Str, Str))),
        (vec![ab(Num, Str), Type::object([("a", Str)])], same(Type::map(Str))),
        (vec![Type::object([("a", Num)]), Type::object([("b", Num)])], same(Type::map(Num))),
        (vec![Type::object([("a", Num)]), Type::object([("a", Type::tuple([]))])], (None, None)),
        (vec![Type::tuple([Num]), Type::object([("a", Num)])], (None, None)),
        (vec![Type::map(Num), Type::object([("a", Str)])], same(Type::map(Str))),
        (vec![Type::set(Num), Type::set(Str)], same(Type::set(Str))),
        (vec![Type::set(Str), Type::list(Str)], same(Type::list(Str))),
        (vec![Type::list(Num), Dynamic], same(Dynamic)),
        (vec![Type::list(Num), Str], (None, None)),
    ];
    for (types, (safe, allow_unsafe)) in cases {
        check_unify(&types, safe, allow_unsafe);
    }
    let many: Vec<Type> = (0..20_000).map(|i| if i % 2 == 0 { Num } else { Str }).collect();
    check_unify(&many, Some(Str), Some(Str));
}

#[test]
fn conformance_leaves_open_what_is_dynamic() {
    let cases = [
        (Str, Dynamic, vec![]),
        (Type::list(Str), Type::list(Dynamic), vec![]),
        (Type::list(Str), Type::list(Num), vec!["number required, but have string"]),
        (Type::tuple([Str]), Type::tuple([]), vec!["0 elements are required, but got 1"]),
        (
            Type::object([("a", Str), ("b", Str)]),
            Type::object([("b", Dynamic), ("c", Str)]),
            vec!["unsupported attribute \"a\"", "missing required attribute \"c\""],
        ),
    ];
    for (given, want, expected) in cases {
        let got: Vec<String> = conforms(&given, &want).into_iter().map(|e| e.message).collect();
        assert_eq!(got, expected, "{given} and {want}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_converted_is_of_the_type_and_stays_so(value in any_value(), ty in any_type()) {
        if let Ok(got) = convert(&value, &ty) {
            let own = got.ty();
            // Where a value is unknown or null its type may still be open.
            prop_assert!(conforms(&own, &ty).is_empty() || own.has_dynamic(), "{:?} is no {}", got, ty);
            // Attributes that are not wanted take their marks with them.
            prop_assert!(value.marks_deep().contains(got.marks_deep()) && got.marks().contains(value.marks()));
            prop_assert_eq!(convert(&got, &own), Ok(got));
        }
    }

    #[test]
    fn everything_converts_to_what_unifies_it(types in prop::collection::vec(any_type(), 0..4)) {
        // Open types are unified in the hope that they turn out to fit.
        let types: Vec<Type> = types.iter().filter(|ty| !ty.has_dynamic()).map(Type::without_optional).collect();
        if let Some(unified) = unify_unsafe(&types) {
            for ty in &types {
                prop_assert!(Conversion::between(ty, &unified, true).is_some(), "{} to {}", ty, unified);
            }
        }
    }
}
