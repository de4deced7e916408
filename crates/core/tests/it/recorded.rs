use ferroform_core::convert::convert;
use ferroform_core::ops::{conditional, equal, index};
use ferroform_core::wire::{from_json, implied_type, to_json};
use ferroform_core::{Number, Type, Value};
use serde_json::{Value as Json, json};

fn read(json: &Json) -> Value {
    from_json(json, &implied_type(json).unwrap()).unwrap()
}

/// A literal, `length(range(N))` or `pow(N,0.5)`: numbers of 512, 64 and 53 bits.
fn number(text: &str) -> Number {
    let inside = |start: &str, end: &str| text.strip_prefix(start)?.strip_suffix(end);
    if let Some(length) = inside("length(range(", "))") {
        return Number::from(length.parse::<i64>().unwrap());
    }
    if let Some(base) = inside("pow(", ",0.5)") {
        return base.parse::<Number>().unwrap().pow(&"0.5".parse().unwrap()).unwrap();
    }
    text.parse().unwrap()
}

#[test]
fn arithmetic_to_the_last_digit() {
    for line in include_str!("data/numbers.tsv").lines().filter(|line| !line.starts_with('#')) {
        let [op, a, b, expected] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let (a, b) = (number(a), number(b));
        let result = match op {
            "+" => a.add(&b),
            "-" => a.sub(&b),
            "*" => a.mul(&b),
            "/" => a.div(&b),
            _ => a.rem(&b),
        };
        assert_eq!(result.map(|n| n.to_string()).as_deref(), Ok(expected), "{line}");
    }
}

/// Each case is a JSON array and `tolist(toset(…))` of it (of its elements as lists of strings, where they are lists).
#[test]
fn sets_in_order() {
    let cases: Vec<(Json, Json)> = serde_json::from_str(include_str!("data/sets.json")).unwrap();
    for (items, expected) in cases {
        let element = if items[0].is_array() { Type::list(Type::String) } else { Type::Dynamic };
        let set = convert(&read(&items), &Type::set(element)).unwrap();
        assert_eq!(to_json(&set, &set.ty()).unwrap().to_string(), expected.to_string(), "{items}");
    }
}

/// Each case is a pair of values, A and B, and what a number of expressions give, or "error".
#[test]
fn conversions_and_unification() {
    type Outcome = Option<Value>;
    let to = |value: &Value, ty: fn(Type) -> Type| convert(value, &ty(Type::Dynamic)).ok();
    let same = |a: Outcome, b: Outcome| Some(equal(&a?, &b?));
    let both = |a: Outcome, b: Outcome| Some(Value::tuple([a?, b?]));
    let choose = |which: bool, a: &Value, b: &Value| conditional(&Value::bool(which), a, b).ok();
    type Expression<'a> = (&'a str, &'a dyn Fn(&Value, &Value) -> Outcome);
    let expressions: [Expression<'_>; 18] = [
        ("tolist(A)", &|a, _| to(a, Type::list)),
        ("toset(A)", &|a, _| to(a, Type::set)),
        ("tomap(A)", &|a, _| to(a, Type::map)),
        ("tolist([A, B])", &|a, b| to(&Value::tuple([a.clone(), b.clone()]), Type::list)),
        ("toset([A, B])", &|a, b| to(&Value::tuple([a.clone(), b.clone()]), Type::set)),
        ("tomap({x = A, y = B})", &|a, b| {
            to(&Value::object([("x", a.clone()), ("y", b.clone())]), Type::map)
        }),
        ("true ? A : B", &|a, b| choose(true, a, b)),
        ("false ? A : B", &|a, b| choose(false, a, b)),
        ("A == B", &|a, b| Some(equal(a, b))),
        ("tolist([tolist(A), B])", &|a, b| to(&both(to(a, Type::list), Some(b.clone()))?, Type::list)),
        ("[tomap(A), true ? tomap(A) : B][1]", &|a, b| choose(true, &to(a, Type::map)?, b)),
        ("tolist(A)[0]", &|a, _| index(&to(a, Type::list)?, &Value::number(0)).ok()),
        ("toset(B)", &|_, b| to(b, Type::set)),
        ("tolist([tomap(A), tomap(B)])", &|a, b| to(&both(to(a, Type::map), to(b, Type::map))?, Type::list)),
        ("toset([tolist(A), tolist(B)])", &|a, b| {
            to(&both(to(a, Type::list), to(b, Type::list))?, Type::set)
        }),
        ("tolist(A) == tolist(B)", &|a, b| same(to(a, Type::list), to(b, Type::list))),
        ("toset(A) == toset(B)", &|a, b| same(to(a, Type::set), to(b, Type::set))),
        ("tomap(A) == tomap(B)", &|a, b| same(to(a, Type::map), to(b, Type::map))),
    ];
    let cases: Vec<(Json, Json, Vec<Json>)> =
        serde_json::from_str(include_str!("data/conversions.json")).unwrap();
    for (a, b, expected) in cases {
        assert_eq!(expected.len(), expressions.len());
        for ((text, expression), expected) in expressions.iter().zip(expected) {
            let got = match expression(&read(&a), &read(&b)) {
                Some(value) => json!({ "is": to_json(&value, &value.ty()).unwrap() }),
                None => json!("error"),
            };
            assert_eq!(got, expected, "{text} where A = {a}, B = {b}");
        }
    }
}
