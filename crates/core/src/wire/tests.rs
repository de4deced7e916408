//! The statefile's forms come from states that Terraform 1.11.4 wrote.

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;
use crate::number::Number;
use crate::types::Type;
use crate::value::arbitrary::any_value;
use crate::value::{Marks, Refinements, Value};

fn n(text: &str) -> Value {
    Value::number(text.parse::<Number>().unwrap())
}

#[track_caller]
fn check(value: &Value, ty: &Type, text: &str) {
    let json = to_json(value, ty).unwrap();
    assert_eq!(serde_json::to_string(&json).unwrap(), text);
    assert_eq!(from_json(&serde_json::from_str(text).unwrap(), ty).as_ref(), Ok(value));
}

#[test]
fn values_are_written_as_in_the_statefile() {
    let third = n("1").as_number().unwrap().div(&"3".parse().unwrap()).unwrap();
    check(&Value::number(third.clone()), &Type::Number, &third.to_string());
    check(&n("18446744073709551616"), &Type::Number, "18446744073709551616");
    check(&n("-0"), &Type::Number, "-0");
    check(&Value::bool(true), &Type::Bool, "true");
    check(&Value::null(Type::list(Type::String)), &Type::list(Type::String), "null");
    let ty = Type::object([("b", Type::map(Type::Number)), ("a", Type::tuple([Type::String, Type::Bool]))]);
    let value = Value::object([
        ("a", Value::tuple([Value::string("x"), Value::null(Type::Bool)])),
        ("b", Value::map(Type::Number, [("k", n("1"))])),
    ]);
    check(&value, &ty, r#"{"a":["x",null],"b":{"k":1}}"#);
    check(
        &value.clone(),
        &Type::Dynamic,
        r#"{"value":{"a":["x",null],"b":{"k":1}},"type":["object",{"a":["tuple",["string","bool"]],"b":["map","number"]}]}"#,
    );
    check(&Value::set(Type::String, ["b", "a"].map(Value::string)), &Type::set(Type::String), r#"["a","b"]"#);
    let lists = Value::list(Type::list(Type::Dynamic), []);
    check(&lists, &Type::list(Type::list(Type::Dynamic)), "[]");
    check(&Value::null_dynamic(), &Type::Dynamic, "null");
}

#[test]
fn reading_is_lenient_about_primitives_and_missing_attributes() {
    let object = Type::object_with_optional([("a", Type::String), ("b", Type::Number)], ["b"]);
    let cases = [
        ("\"5\"", Type::Number, n("5")),
        ("5.50", Type::String, Value::string("5.50")),
        ("true", Type::String, Value::string("true")),
        ("\"true\"", Type::Bool, Value::bool(true)),
        (
            r#"{"a":"x"}"#,
            object,
            Value::object([("a", Value::string("x")), ("b", Value::null(Type::Number))]),
        ),
        ("\"e\u{301}\"", Type::String, Value::string("é")),
    ];
    for (text, ty, expected) in cases {
        assert_eq!(from_json(&serde_json::from_str(text).unwrap(), &ty), Ok(expected), "{text}");
    }
}

#[test]
fn what_does_not_fit_is_an_error_that_says_where() {
    let object = Type::object([("a", Type::list(Type::Number))]);
    let cases = [
        (json!({"a": [1, {}]}), object.clone(), ".a[1]: number is required, but found an object"),
        (json!({"a": [1, "x"]}), object.clone(), ".a[1]: a number is required"),
        (json!({"b": []}), object.clone(), "unsupported attribute \"b\""),
        (json!({"a": {}}), object, ".a: need JSON array for list, but found an object"),
        (json!([1]), Type::tuple([]), "too many tuple elements (need 0)"),
        (json!([]), Type::tuple([Type::Bool]), "not enough tuple elements (need 1)"),
        (json!({"value": 1}), Type::Dynamic, "missing type in dynamically-typed value"),
        (
            json!({"value": 1, "type": "strange"}),
            Type::Dynamic,
            "invalid type description: no type is named \"strange\"",
        ),
        (
            json!([{"value": 1, "type": "number"}, {"value": "1", "type": "string"}]),
            Type::list(Type::Dynamic),
            "all elements of a collection must have the same type",
        ),
    ];
    for (json, ty, expected) in cases {
        assert_eq!(from_json(&json, &ty).map_err(|e| e.to_string()), Err(expected.to_owned()), "{json}");
    }
    let cases = [
        (Value::unknown(Type::String), Type::String, "value is not known"),
        (Value::string("x").sensitive(), Type::String, "value has marks, so it cannot be serialized as JSON"),
        (Value::number(Number::INFINITY), Type::Number, "cannot serialize infinity as JSON"),
        (Value::string("x"), Type::Number, "number is required, but the value is string"),
    ];
    for (value, ty, expected) in cases {
        assert_eq!(to_json(&value, &ty).map_err(|e| e.to_string()), Err(expected.to_owned()));
    }
}

#[test]
fn types_are_written_and_read() {
    let cases = [
        (Type::Dynamic, json!("dynamic")),
        (Type::list(Type::String), json!(["list", "string"])),
        (Type::tuple([Type::Bool, Type::Number]), json!(["tuple", ["bool", "number"]])),
        (Type::object([("a", Type::set(Type::String))]), json!(["object", {"a": ["set", "string"]}])),
        (Type::object_with_optional([("a", Type::Bool)], ["a"]), json!(["object", {"a": "bool"}, ["a"]])),
    ];
    for (ty, json) in cases {
        assert_eq!(type_to_json(&ty), json);
        assert_eq!(type_from_json(&json), Ok(ty));
    }
    for json in [
        json!(null),
        json!([]),
        json!(["list"]),
        json!(["tuple", {}]),
        json!(["object", []]),
        json!(["object", {}, ["a"]]),
        json!(["list", "x"]),
        json!(["map", "string", "string"]),
    ] {
        assert!(type_from_json(&json).is_err(), "{json}");
    }
}

#[test]
fn nesting_has_a_limit() {
    let ty = (0..1000).fold(json!("string"), |inner, _| json!(["list", inner]));
    assert!(type_from_json(&ty).is_err());
    let value = (0..1000).fold(json!(1), |inner, _| json!([inner]));
    assert!(implied_type(&value).is_err());
    let marked = (0..1000).fold(json!(1), |inner, _| json!({"m": 1, "v": inner}));
    assert!(decode_as(&marked, &Type::Number).is_err());
    let typed = (0..1000).fold(json!(1), |inner, _| json!({"t": "dynamic", "v": inner}));
    assert!(decode(&typed).is_err());
    let wrapped = (0..1000).fold(json!(1), |inner, _| json!({"type": "dynamic", "value": inner}));
    assert!(from_json(&wrapped, &Type::Dynamic).is_err());
}

#[test]
fn types_are_implied_by_json() {
    let json = json!({"a": [1, null, "x"], "b": {}});
    let expected = Type::object([
        ("a", Type::tuple([Type::Number, Type::Dynamic, Type::String])),
        ("b", Type::object::<&str>([])),
    ]);
    assert_eq!(implied_type(&json), Ok(expected));
}

#[track_caller]
fn check_lossless(value: &Value) {
    let text = encode(value).to_string();
    let back = decode(&serde_json::from_str(&text).unwrap()).unwrap_or_else(|e| panic!("{text}: {e}"));
    assert_eq!(&back, value, "{text}");
    let json = encode_as(value, &value.ty());
    assert_eq!(decode_as(&json, &value.ty()).as_ref(), Ok(value));
}

#[test]
fn our_own_encoding_loses_nothing() {
    let bound = |text: &str| Some((text.parse::<Number>().unwrap(), false));
    let refined = Refinements {
        not_null: true,
        string_prefix: "p-".into(),
        number_min: bound("0.5"),
        number_max: bound("7"),
        length_min: 3,
        length_max: Some(u64::MAX),
        origin: None,
    };
    let cases = [
        Value::null_dynamic(),
        Value::unknown(Type::Dynamic),
        Value::unknown_refined(Type::String, refined),
        Value::null(Type::map(Type::Bool)).sensitive(),
        Value::map(
            Type::String,
            [("m", Value::string("x")), ("u", Value::unknown(Type::String).sensitive())],
        ),
        Value::object([("u", Value::null(Type::Dynamic)), ("t", n("0.1"))]),
        Value::list(Type::Dynamic, [Value::unknown(Type::Dynamic), Value::string("x")]),
        Value::set(Type::Number, [n("3"), Value::unknown(Type::Number)]).with_marks(Marks::EPHEMERAL),
        Value::tuple([Value::number(Number::NEG_INFINITY), Value::number(5), n("5"), n("-0")]),
        Value::list(Type::tuple([Type::String]), []),
    ];
    for value in &cases {
        check_lossless(value);
    }
    // Precision decides what later divisions give.
    for (number, precision) in
        [(Number::from(5), 64), ("5".parse().unwrap(), 512), (Number::from_f64(0.1).unwrap(), 53)]
    {
        let back = decode(&encode(&Value::number(number.clone()))).unwrap();
        assert_eq!(back.as_number().map(|n| (n.clone(), n.precision())), Some((number, precision)));
    }
}

#[test]
fn broken_encodings_are_refused() {
    let cases = [
        json!(null),
        json!({"t": "string"}),
        json!({"t": "string", "v": 5}),
        json!({"t": "number", "v": 1.5}),
        json!({"t": "number", "v": ["1"]}),
        json!({"t": "number", "v": "x"}),
        json!({"t": "string", "v": {"m": 8, "v": "x"}}),
        json!({"t": "string", "v": {"u": {"q": 1}}}),
        json!({"t": "string", "v": {"u": []}}),
        json!({"t": ["map", "string"], "v": ["a"]}),
        json!({"t": ["map", "string"], "v": [1, "a"]}),
        json!({"t": ["list", "string"], "v": [{"t": "number", "v": 1}]}),
        json!({"t": ["object", {"a": "string"}], "v": []}),
        json!({"t": ["tuple", []], "v": [1]}),
    ];
    for json in cases {
        assert!(decode(&json).is_err(), "{json}");
    }
}

fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        prop::sample::select(vec!["string", "number", "dynamic", "list", "object", "a", "1", "-0", "Inf"])
            .prop_map(Json::from),
    ];
    leaf.prop_recursive(5, 40, 4, |inner| {
        let keys =
            prop::sample::select(vec!["t", "v", "m", "u", "n", "p", "a", "z", "l", "h", "type", "value"]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            prop::collection::vec((keys, inner), 0..4)
                .prop_map(|pairs| Json::Object(pairs.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_value_survives_our_own_encoding(value in any_value()) {
        check_lossless(&value);
    }

    #[test]
    fn any_value_that_can_be_written_survives_the_statefile(value in any_value()) {
        // A number of 53 bits is written with as many digits as those take, and read with 512.
        let value = value.transform(|_, value| match value.as_number() {
            Some(number) => n(&number.to_string()),
            None => value,
        });
        if let Ok(json) = to_json(&value, &value.ty()) {
            prop_assert_eq!(from_json(&json, &value.ty()), Ok(value));
        }
    }

    #[test]
    fn any_json_is_read_or_refused(json in any_json()) {
        let _ = (decode(&json), type_from_json(&json), implied_type(&json));
        for ty in [Type::Dynamic, Type::Number, Type::list(Type::Dynamic), Type::object([("a", Type::map(Type::Bool))])] {
            let _ = (from_json(&json, &ty), decode_as(&json, &ty));
        }
    }
}
