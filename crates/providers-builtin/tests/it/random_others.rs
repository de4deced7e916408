//! `random_bytes`, `random_integer`, `random_pet`, `random_shuffle` and the kinds of `random_uuid`.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use ferroform_core::{Type, Value};

use crate::harness::{Bench, n, s, summaries, text};

fn list(items: &[&str]) -> Value {
    Value::list(Type::String, items.iter().map(|item| s(item)))
}

fn number(object: &Value, name: &str) -> i64 {
    object.get(name).and_then(Value::as_number).and_then(|n| n.to_i64()).expect("a whole number")
}

fn texts(object: &Value, name: &str) -> Vec<String> {
    let items = object.get(name).and_then(Value::as_slice).expect("a list");
    items.iter().map(|item| item.as_str().expect("a text").to_owned()).collect()
}

/// Every type with arguments that make one, and a change that draws anew.
#[tokio::test]
async fn what_is_drawn_is_kept_until_an_argument_changes() {
    let bench = Bench::new("random");
    let keepers = Value::map(Type::String, [("a", s("1"))]);
    let cases = [
        ("random_bytes", vec![("length", n(4))], ("length", n(5))),
        ("random_integer", vec![("min", n(1)), ("max", n(3))], ("max", n(4))),
        ("random_pet", vec![], ("prefix", s("x"))),
        ("random_pet", vec![("separator", s("_"))], ("length", n(3))),
        ("random_shuffle", vec![("input", list(&["a", "b"]))], ("result_count", n(1))),
        ("random_uuid", vec![], ("keepers", keepers.clone())),
        ("random_uuid4", vec![], ("keepers", keepers.clone())),
        ("random_uuid7", vec![], ("keepers", keepers)),
    ];
    for (type_name, arguments, (changed, value)) in cases {
        let made = bench.create(type_name, &arguments).await.expect("drawn");
        assert_eq!(bench.read(type_name, &made).await, Ok(made.clone()));
        let same = bench.plan(type_name, &made, &bench.config(type_name, &arguments)).await;
        assert_eq!(same.planned.as_ref(), Some(&made), "{type_name}");
        let mut arguments: Vec<_> = arguments.into_iter().filter(|(name, _)| *name != changed).collect();
        arguments.push((changed, value));
        let plan = bench.plan(type_name, &made, &bench.config(type_name, &arguments)).await;
        let replace: Vec<String> = plan.requires_replace.iter().map(ToString::to_string).collect();
        assert_eq!(replace, [format!(".{changed}")], "{type_name}");
        bench.delete(type_name, &made).await.expect("forgotten");
    }
}

#[tokio::test]
async fn whole_numbers_stay_in_their_range_and_reach_all_of_it() {
    let bench = Bench::new("random");
    for (min, max) in [(1, 3), (-2, 0), (7, 7), (i64::MIN, i64::MIN + 1)] {
        let mut seen = BTreeSet::new();
        for _ in 0..60 {
            let made =
                bench.create("random_integer", &[("min", n(min)), ("max", n(max))]).await.expect("drawn");
            assert_eq!(text(&made, "id"), number(&made, "result").to_string());
            seen.insert(number(&made, "result"));
        }
        assert_eq!(seen, (min..=max).collect());
    }
    let whole = [("min", n(i64::MIN)), ("max", n(i64::MAX))];
    let (one, two) = (
        bench.create("random_integer", &whole).await.expect("drawn"),
        bench.create("random_integer", &whole).await.expect("drawn"),
    );
    assert_ne!(one, two);
}

#[tokio::test]
async fn the_same_seed_draws_the_same() {
    let bench = Bench::new("random");
    let input = list(&["a", "b", "c", "d", "e", "f", "g", "h"]);
    let cases = [
        ("random_integer", vec![("min", n(0)), ("max", n(1 << 40))]),
        ("random_shuffle", vec![("input", input)]),
    ];
    for (type_name, arguments) in cases {
        let seeded = |seed: &str| [arguments.clone(), vec![("seed", s(seed))]].concat();
        let one = bench.create(type_name, &seeded("x")).await.expect("drawn");
        assert_eq!(bench.create(type_name, &seeded("x")).await, Ok(one.clone()));
        let other = bench.create(type_name, &seeded("y")).await.expect("drawn");
        assert_ne!(other.get("result"), one.get("result"));
    }
}

#[tokio::test]
async fn a_shuffle_repeats_no_item_before_all_were_there() {
    let bench = Bench::new("random");
    let input = ["a", "b", "c"];
    for (count, expected) in [(None, 3), (Some(0), 3), (Some(2), 2), (Some(3), 3), (Some(8), 8)] {
        let mut arguments = vec![("input", list(&input))];
        arguments.extend(count.map(|count| ("result_count", n(count))));
        let made = bench.create("random_shuffle", &arguments).await.expect("drawn");
        let result = texts(&made, "result");
        assert_eq!((result.len(), text(&made, "id")), (expected, "-"));
        for round in result.chunks(3) {
            let distinct: BTreeSet<_> = round.iter().collect();
            assert!(distinct.len() == round.len() && round.iter().all(|item| input.contains(&&**item)));
        }
    }
    let none = bench.create("random_shuffle", &[("input", list(&[])), ("result_count", n(3))]).await;
    assert!(texts(&none.expect("drawn"), "result").is_empty());
}

#[tokio::test]
async fn names_are_made_of_words_with_prefix_and_separator() {
    let bench = Bench::new("random");
    let cases = [
        (vec![], "-", 2),
        (vec![("length", n(1))], "-", 1),
        (vec![("length", n(4)), ("separator", s("_"))], "_", 4),
        (vec![("prefix", s("web")), ("separator", s("."))], ".", 3),
        (vec![("prefix", s(""))], "-", 2),
    ];
    for (arguments, separator, words) in cases {
        let made = bench.create("random_pet", &arguments).await.expect("drawn");
        let name = text(&made, "id");
        assert_eq!(name.split(separator).filter(|word| !word.is_empty()).count(), words, "{name}");
    }
    let mut names = BTreeSet::new();
    for _ in 0..50 {
        let made = bench.create("random_pet", &[("length", n(3))]).await.expect("drawn");
        names.insert(text(&made, "id").to_owned());
    }
    // Sixty million names; the seed of these tests draws no two alike.
    assert_eq!(names.len(), 50);
}

#[tokio::test]
async fn identifiers_tell_their_version() {
    let clock = Arc::new(|| UNIX_EPOCH + Duration::from_millis(0x0102_0304_0506));
    let bench = Bench::at("random", clock);
    let uuid = |made: &Value| {
        let text = text(made, "result").to_owned();
        let groups: Vec<_> = text.split('-').map(str::len).collect();
        assert_eq!(groups, [8, 4, 4, 4, 12]);
        assert!(text.bytes().all(|b| b == b'-' || b.is_ascii_digit() || (b'a'..=b'f').contains(&b)));
        text
    };
    for _ in 0..20 {
        uuid(&bench.create("random_uuid", &[]).await.expect("drawn"));
        let four = uuid(&bench.create("random_uuid4", &[]).await.expect("drawn"));
        assert!(four[14..].starts_with('4') && four[19..].starts_with(['8', '9', 'a', 'b']));
        let seven = uuid(&bench.create("random_uuid7", &[]).await.expect("drawn"));
        assert!(seven.starts_with("01020304-0506-7") && seven[19..].starts_with(['8', '9', 'a', 'b']));
    }
}

#[tokio::test]
async fn bytes_have_two_forms() {
    let bench = Bench::new("random");
    let made = bench.create("random_bytes", &[("length", n(5))]).await.expect("drawn");
    assert_eq!((text(&made, "hex").len(), text(&made, "base64").len()), (10, 8));
    assert_eq!(text(&made, "id"), "none");
}

#[tokio::test]
async fn impossible_arguments_are_refused() {
    let bench = Bench::new("random");
    let value = "Invalid Attribute Value";
    let cases = [
        ("random_bytes", vec![("length", n(0))], value),
        ("random_bytes", vec![("length", n(1 << 40))], value),
        ("random_integer", vec![("min", n(3)), ("max", n(2))], "Create Random Integer Error"),
        ("random_pet", vec![("length", n(0))], value),
        ("random_pet", vec![("length", n(1 << 40))], value),
        ("random_shuffle", vec![("input", list(&[])), ("result_count", n(-1))], value),
        ("random_shuffle", vec![("input", list(&[])), ("result_count", n(1 << 40))], value),
    ];
    for (type_name, arguments, summary) in cases {
        let error = bench.create(type_name, &arguments).await.expect_err("refused");
        assert_eq!(summaries(&error), [summary], "{type_name} {arguments:?}");
    }
}

/// The ids of the published documentation, and what they import; then ids that are refused.
#[tokio::test]
async fn import_ids_are_the_published_ones() {
    let bench = Bench::new("random");
    let uuid = "aabbccdd-eeff-0011-2233-445566778899";
    let cases = [
        (
            "random_bytes",
            "8/fu3q+2DcgSJ19i0jZ5Cw==",
            vec![("length", n(16)), ("hex", s("f3f7eedeafb60dc812275f62d236790b")), ("id", s("none"))],
        ),
        ("random_integer", "15390,1,50000", vec![("result", n(15390)), ("min", n(1)), ("max", n(50000))]),
        ("random_integer", "-1,-5,0,x", vec![("result", n(-1)), ("seed", s("x")), ("id", s("-1"))]),
        ("random_uuid", uuid, vec![("result", s(uuid)), ("id", s(uuid))]),
        ("random_uuid", "AABBCCDD-EEFF-0011-2233-445566778899", vec![("result", s(uuid))]),
        (
            "random_uuid7",
            "0197ad85-fe6e-7e92-a2f5-7550daa83030",
            vec![("result", s("0197ad85-fe6e-7e92-a2f5-7550daa83030"))],
        ),
    ];
    for (type_name, id, expected) in cases {
        let imported = bench.0.import_resource(type_name, id).await.expect("imported");
        for (name, value) in expected {
            assert_eq!(imported[0].state.get(name), Some(&value), "{type_name} {id}");
        }
    }
    let refused = [
        ("random_bytes", "%"),
        ("random_integer", "1,2"),
        ("random_integer", "1,2,x"),
        ("random_integer", "1,2,3,4,5"),
        ("random_uuid", "aabbccdd"),
        ("random_uuid", "aabbccdd-eeff-0011-2233-44556677889g"),
        ("random_uuid", "é-0011-2233"),
        ("random_uuid4", uuid),
        ("random_uuid7", uuid),
        ("random_pet", "happy-dog"),
        ("random_shuffle", "-"),
    ];
    for (type_name, id) in refused {
        assert!(bench.0.import_resource(type_name, id).await.is_err(), "{type_name} {id}");
    }
}
