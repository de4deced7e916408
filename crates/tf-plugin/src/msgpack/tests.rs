use ferroform_core::{Number, Refinements, Type, Value};
use proptest::prelude::*;

use super::{decode, encode};

/// The encoding of each value as a given type, in hexadecimal, and back.
#[test]
fn values_are_encoded_as_go_cty_does() {
    let refined = |ty, f: fn(&mut Refinements)| {
        let mut known = Refinements::not_null();
        f(&mut known);
        Value::refined(ty, known)
    };
    let number = |text: &str| Value::number(text.parse::<Number>().unwrap());
    let long = "x".repeat(40);
    let cases: Vec<(Value, Type, String)> = vec![
        (Value::null(Type::String), Type::String, "c0".into()),
        (Value::bool(true), Type::Bool, "c3".into()),
        (Value::bool(false), Type::Bool, "c2".into()),
        (Value::string("hé"), Type::String, "a368c3a9".into()),
        (Value::string(long.as_str()), Type::String, format!("d928{}", "78".repeat(40))),
        (Value::number(0), Type::Number, "00".into()),
        (Value::number(127), Type::Number, "7f".into()),
        (Value::number(128), Type::Number, "cc80".into()),
        (Value::number(65_535), Type::Number, "cdffff".into()),
        (Value::number(65_536), Type::Number, "ce00010000".into()),
        (Value::number(1_i64 << 32), Type::Number, "cf0000000100000000".into()),
        (Value::number(-1), Type::Number, "ff".into()),
        (Value::number(-32), Type::Number, "e0".into()),
        (Value::number(-33), Type::Number, "d0df".into()),
        (Value::number(-129), Type::Number, "d1ff7f".into()),
        (Value::number(-32_769), Type::Number, "d2ffff7fff".into()),
        (Value::number(i64::MIN), Type::Number, "d38000000000000000".into()),
        (number("0.5"), Type::Number, "cb3fe0000000000000".into()),
        (number("18446744073709551616"), Type::Number, "cb43f0000000000000".into()),
        (number("0.1"), Type::Number, "a3302e31".into()),
        (Value::number(Number::INFINITY), Type::Number, "cb7ff0000000000000".into()),
        (Value::unknown(Type::String), Type::String, "d40000".into()),
        (Value::unknown_not_null(Type::Bool), Type::Bool, "c7030c8101c2".into()),
        (
            refined(Type::String, |known| known.string_prefix = "a-".into()),
            Type::String,
            "c7070c8201c202a2612d".into(),
        ),
        (
            refined(Type::Number, |known| known.number_min = Some((Number::from(1), true))),
            Type::Number,
            // One byte more than eight: no fixed length.
            "c7070c8201c2039201c3".into(),
        ),
        (
            refined(Type::list(Type::Bool), |known| known.length_min = 2),
            Type::list(Type::Bool),
            "c7050c8201c20502".into(),
        ),
        (Value::list(Type::Number, [Value::number(1)]), Type::list(Type::Number), "9101".into()),
        (
            Value::set(Type::String, [Value::string("b"), Value::string("a")]),
            Type::set(Type::String),
            "92a161a162".into(),
        ),
        (Value::map(Type::Bool, [("k", Value::bool(true))]), Type::map(Type::Bool), "81a16bc3".into()),
        (
            Value::object([("b", Value::null(Type::Bool)), ("a", Value::number(7))]),
            Type::object([("a", Type::Number), ("b", Type::Bool)]),
            "82a16107a162c0".into(),
        ),
        (Value::string("a"), Type::Dynamic, "92c40822737472696e6722a161".into()),
        (Value::null_dynamic(), Type::Dynamic, "c0".into()),
        (Value::unknown(Type::Dynamic), Type::Dynamic, "d40000".into()),
    ];
    for (value, ty, wanted) in cases {
        let packed = encode(&value, &ty).unwrap();
        assert_eq!(hex(&packed), wanted, "{value:?}");
        assert_eq!(decode(&packed, &ty), Ok(value));
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect()
}

#[test]
fn what_is_not_the_value_of_a_type_is_refused() {
    let object = Type::object([("a", Type::list(Type::Number))]);
    let deep = format!("{}c0", "91".repeat(200));
    let deep_type = (0..200).fold(Type::Bool, |ty, _| Type::list(ty));
    for (packed, ty, wanted) in [
        ("", &Type::Bool, "the value ends early"),
        ("a3", &Type::String, "the value ends early"),
        ("c0c0", &Type::String, "1 bytes follow the value"),
        ("c1", &Type::String, "the value has a tag that MessagePack does not use"),
        ("a1ff", &Type::String, "the text is not UTF-8"),
        ("01", &Type::String, "string is required, but found a number"),
        ("cb7ff8000000000000", &Type::Number, "the number is none"),
        ("a161", &Type::Number, "a number is required"),
        ("80", &object, "attribute \"a\" is required"),
        ("81a162c0", &object, "unsupported attribute \"b\""),
        ("82a161c0a161c0", &object, "an attribute stands there twice"),
        ("81a16191a178", &object, ".a[0]: a number is required"),
        ("ddffffffff", &Type::list(Type::Bool), "[0]: the value ends early"),
        ("92c40122c0", &Type::Dynamic, "the type is not JSON: EOF while parsing a string at line 1 column 1"),
        ("c7030c8109c0", &Type::Bool, "nothing is known about refinement 9 of an unknown value"),
        (&deep, &deep_type, "the value is nested too deeply"),
    ] {
        let error = decode(&bytes(packed), ty).unwrap_err().to_string();
        assert!(error.ends_with(wanted), "{packed}: {error}");
    }
    let error = encode(&Value::bool(true), &Type::String).unwrap_err();
    assert_eq!(error.to_string(), "string is required, but the value is bool");
    let marked = Value::list(Type::Bool, [Value::bool(true).sensitive()]);
    let error = encode(&marked, &Type::list(Type::Bool)).unwrap_err();
    assert_eq!(error.to_string(), "[0]: value has marks, so it cannot be sent");
}

/// Dynamic types may hold each other without end.
#[test]
fn types_inside_types_end_at_a_depth() {
    let mut packed = bytes("c0");
    for _ in 0..300 {
        let mut around = bytes("92c40922");
        around.extend(b"dynamic\"");
        around.extend(packed);
        packed = around;
    }
    let error = decode(&packed, &Type::Dynamic).unwrap_err();
    assert_eq!(error.message, "the value is nested too deeply");
}

fn any_number() -> impl Strategy<Value = Number> {
    prop_oneof![
        any::<i64>().prop_map(Number::from),
        any::<u64>().prop_map(Number::from),
        any::<f64>().prop_filter_map("not a number", Number::from_f64),
        "-?[1-9][0-9]{0,30}\\.[0-9]{1,30}".prop_map(|text| text.parse().unwrap()),
    ]
}

fn any_known() -> impl Strategy<Value = Refinements> {
    let bound = || prop::option::of((any_number(), any::<bool>()));
    (any::<bool>(), "[a-z]{0,3}", bound(), bound(), 0u64..4, prop::option::of(4u64..9)).prop_map(
        |(not_null, prefix, number_min, number_max, length_min, length_max)| Refinements {
            not_null,
            string_prefix: prefix.into(),
            number_min,
            number_max,
            length_min,
            length_max,
            origin: None,
        },
    )
}

/// What can be known of an unknown value of a type.
fn fitting(ty: &Type, known: Refinements) -> Refinements {
    let none = Refinements { not_null: known.not_null, ..Refinements::default() };
    match ty {
        Type::String => Refinements { string_prefix: known.string_prefix, ..none },
        Type::Number => Refinements { number_min: known.number_min, number_max: known.number_max, ..none },
        ty if ty.is_collection() => {
            Refinements { length_min: known.length_min, length_max: known.length_max, ..none }
        }
        _ => none,
    }
}

fn any_type() -> impl Strategy<Value = Type> {
    let leaf = prop::sample::select(vec![Type::Bool, Type::Number, Type::String]);
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(Type::list),
            inner.clone().prop_map(Type::set),
            inner.clone().prop_map(Type::map),
            prop::collection::vec(inner.clone(), 0..3).prop_map(Type::tuple),
            prop::collection::btree_map("[a-c]", inner, 0..3).prop_map(Type::object),
        ]
    })
}

/// Values of a type, known, unknown and null at any depth.
fn value_of(ty: Type) -> BoxedStrategy<Value> {
    let known: BoxedStrategy<Value> = match &ty {
        Type::Dynamic => Just(Value::null_dynamic()).boxed(),
        Type::Bool => any::<bool>().prop_map(Value::bool).boxed(),
        Type::Number => any_number().prop_map(Value::number).boxed(),
        Type::String => ".{0,40}".prop_map(|text| Value::string_normalised(&text)).boxed(),
        Type::List(element) => {
            let element = Type::clone(element);
            let items = prop::collection::vec(value_of(element.clone()), 0..4);
            items.prop_map(move |items| Value::list(element.clone(), items)).boxed()
        }
        Type::Set(element) => {
            let element = Type::clone(element);
            let items = prop::collection::vec(value_of(element.clone()), 0..4);
            items.prop_map(move |items| Value::set(element.clone(), items)).boxed()
        }
        Type::Map(element) => {
            let element = Type::clone(element);
            let entries = prop::collection::btree_map("[a-c]{0,2}", value_of(element.clone()), 0..20);
            entries.prop_map(move |entries| Value::map(element.clone(), entries)).boxed()
        }
        Type::Tuple(types) => {
            types.iter().map(|ty| value_of(ty.clone())).collect::<Vec<_>>().prop_map(Value::tuple).boxed()
        }
        Type::Object(object) => {
            let names: Vec<_> = object.attributes.keys().cloned().collect();
            let values: Vec<_> = object.attributes.values().map(|ty| value_of(ty.clone())).collect();
            values.prop_map(move |values| Value::object(names.iter().cloned().zip(values))).boxed()
        }
    };
    let (null, unknown) = (Value::null(ty.clone()), ty);
    let unknown = any_known().prop_map(move |known| {
        let known = fitting(&unknown, known);
        Value::refined(unknown.clone(), known)
    });
    prop_oneof![6 => known, 1 => Just(null), 1 => unknown].boxed()
}

proptest! {
    #[test]
    fn every_value_is_read_as_it_was_written((ty, value) in any_type().prop_flat_map(|ty| (Just(ty.clone()), value_of(ty)))) {
        let packed = encode(&value, &ty).unwrap();
        prop_assert_eq!(decode(&packed, &ty), Ok(value.clone()));
        // With its type beside it, where the schema leaves it open.
        let open = Type::object([("any", Type::Dynamic)]);
        let held = Value::object([("any", value)]);
        prop_assert_eq!(decode(&encode(&held, &open).unwrap(), &open), Ok(held));
    }

    #[test]
    fn no_input_panics(bytes in prop::collection::vec(any::<u8>(), 0..60), ty in any_type()) {
        let _ = decode(&bytes, &ty);
        let _ = decode(&bytes, &Type::Dynamic);
    }

    #[test]
    fn no_damaged_value_panics(
        (ty, value) in any_type().prop_flat_map(|ty| (Just(ty.clone()), value_of(ty))),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut packed = encode(&value, &ty).unwrap();
        let at = at.index(packed.len());
        packed[at] = byte;
        let _ = decode(&packed, &ty);
        packed.truncate(at);
        let _ = decode(&packed, &ty);
    }
}
