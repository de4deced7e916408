//! `random_string`, `random_password` and `random_id`.

use ferroform_core::{Type, Value};
use serde_json::json;

use crate::harness::{Bench, n, s, summaries, text};

const SPECIAL: &str = "!@#$%&*()-_=+[]{}<>:?";

fn off(name: &'static str) -> (&'static str, Value) {
    (name, Value::bool(false))
}

/// Arguments, the characters that may occur, and how many of a class must.
#[tokio::test]
async fn texts_are_as_asked_for() {
    let bench = Bench::new("random");
    let digit = |c: char| c.is_ascii_digit();
    type Class = fn(char) -> bool;
    type Case = (Vec<(&'static str, Value)>, usize, Class, Vec<(Class, usize)>);
    let upper: Class = |c| c.is_ascii_uppercase();
    let lower: Class = |c| c.is_ascii_lowercase();
    let digits: Class = |c| c.is_ascii_digit();
    let special: Class = |c| SPECIAL.contains(c);
    let any: Class = |c| c.is_ascii_alphanumeric() || SPECIAL.contains(c);
    let dashes: Class = |c| c == '-' || c == '_';
    let umlauts: Class = |c| "äöü".contains(c);
    let cases: [Case; 10] = [
        (vec![("length", n(1))], 1, any, vec![]),
        (vec![("length", n(64))], 64, any, vec![]),
        (vec![("length", n(500)), off("special")], 500, |c| c.is_ascii_alphanumeric(), vec![]),
        (vec![("length", n(99)), off("upper"), off("lower"), off("special")], 99, digits, vec![]),
        (
            vec![
                ("length", n(99)),
                off("upper"),
                off("lower"),
                off("special"),
                ("number", Value::bool(true)),
            ],
            99,
            digits,
            vec![],
        ),
        (vec![("length", n(99)), off("number"), off("special"), off("upper")], 99, lower, vec![]),
        (
            vec![
                ("length", n(8)),
                ("min_upper", n(2)),
                ("min_lower", n(2)),
                ("min_numeric", n(2)),
                ("min_special", n(2)),
            ],
            8,
            any,
            vec![(upper, 2), (lower, 2), (digits, 2), (special, 2)],
        ),
        (
            vec![
                ("length", n(12)),
                ("override_special", s("-_")),
                off("upper"),
                off("lower"),
                off("numeric"),
            ],
            12,
            dashes,
            vec![(dashes, 12)],
        ),
        (
            vec![
                ("length", n(6)),
                ("override_special", s("äöü")),
                off("upper"),
                off("lower"),
                off("numeric"),
            ],
            6,
            umlauts,
            vec![],
        ),
        // A minimum holds even for a class that is off, as in the published provider.
        (vec![("length", n(10)), off("upper"), ("min_upper", n(4))], 10, any, vec![(upper, 4)]),
    ];
    for (arguments, length, allowed, minima) in cases {
        for type_name in ["random_string", "random_password"] {
            let made = bench.create(type_name, &arguments).await.expect("made");
            let result = text(&made, "result");
            assert_eq!(result.chars().count(), length, "{result}");
            assert!(result.chars().all(allowed), "{result} for {arguments:?}");
            for (class, minimum) in &minima {
                assert!(
                    result.chars().filter(|c| class(*c)).count() >= *minimum,
                    "{result} for {arguments:?}"
                );
            }
            assert_eq!(made.get("number"), made.get("numeric"));
            assert_eq!(text(&made, "id"), if type_name == "random_string" { result } else { "none" });
        }
    }
    let made = bench.create("random_string", &[("length", n(2000))]).await.expect("made");
    let counted = text(&made, "result").chars().filter(|c| digit(*c)).count();
    // 10 of 83 characters are digits: 241 are expected, with a standard deviation under 15.
    assert!((151..331).contains(&counted), "{counted} digits in 2000");
}

#[tokio::test]
async fn demanded_characters_stand_anywhere() {
    let bench = Bench::new("random");
    let arguments = [("length", n(4)), ("min_numeric", n(1)), off("upper"), off("special"), off("numeric")];
    let mut positions = [0; 4];
    for _ in 0..200 {
        let made = bench.create("random_string", &arguments).await.expect("made");
        positions[text(&made, "result").find(|c: char| c.is_ascii_digit()).expect("a digit")] += 1;
    }
    assert!(positions.iter().all(|count| (20..=80).contains(count)), "{positions:?}");
}

#[tokio::test]
async fn the_hash_is_that_of_the_first_72_bytes() {
    let bench = Bench::new("random");
    for length in [1, 71, 72, 73, 100] {
        let made = bench.create("random_password", &[("length", n(length))]).await.expect("made");
        let (password, hash) = (text(&made, "result"), text(&made, "bcrypt_hash"));
        assert!(hash.starts_with("$2a$10$") && hash.len() == 60, "{hash}");
        let hashed = &password[..password.len().min(72)];
        assert_eq!(bcrypt::verify(hashed, hash).ok(), Some(true), "{length}");
        assert_eq!(bcrypt::verify("no", hash).ok(), Some(false), "{length}");
    }
}

#[tokio::test]
async fn impossible_arguments_are_refused() {
    let bench = Bench::new("random");
    let (value, combination) = ("Invalid Attribute Value", "Invalid Attribute Combination");
    let half = Value::number(ferroform_core::Number::from_f64(1.5).expect("a number"));
    let cases: [(Vec<(&str, Value)>, &[&str]); 10] = [
        (vec![("length", n(0))], &[value]),
        (vec![("length", n(-1))], &[value]),
        (vec![("length", half)], &[value]),
        (vec![("length", n(1 << 40))], &[value]),
        (vec![("length", n(3)), ("min_upper", n(2)), ("min_lower", n(2))], &[value]),
        (vec![("length", n(3)), ("min_upper", n(i64::MAX)), ("min_lower", n(i64::MAX))], &[value]),
        (vec![("length", n(3)), ("min_upper", n(-1))], &[value]),
        (vec![("length", n(3)), off("upper"), off("lower"), off("numeric"), off("special")], &[combination]),
        (vec![("length", n(3)), off("upper"), off("lower"), off("number"), off("special")], &[combination]),
        (
            vec![("length", n(3)), off("number"), ("numeric", Value::bool(true))],
            &["Number and numeric are both configured with different values"],
        ),
    ];
    for (arguments, expected) in &cases {
        for type_name in ["random_string", "random_password"] {
            let error = bench.create(type_name, arguments).await.expect_err("refused");
            assert_eq!(&summaries(&error), expected, "{arguments:?}");
        }
    }
    for length in [0, -3, 1 << 40] {
        let error = bench.create("random_id", &[("byte_length", n(length))]).await.expect_err("refused");
        assert_eq!(summaries(&error), [value], "{length}");
    }
}

#[tokio::test]
async fn unknown_arguments_are_checked_when_they_are_known() {
    let bench = Bench::new("random");
    let unknown = Value::unknown(Type::Number);
    let config = bench.config("random_string", &[("length", n(1)), ("min_upper", unknown.clone())]);
    assert!(bench.0.validate_resource("random_string", &config).is_empty());
    let planned =
        bench.plan("random_string", &bench.none("random_string"), &config).await.planned.expect("a plan");
    let known = planned.as_map().expect("an object").clone().into_iter();
    let known = Value::object(known.map(|(k, v)| if &*k == "min_upper" { (k, n(2)) } else { (k, v) }));
    let answer = bench.apply("random_string", &bench.none("random_string"), &known).await;
    assert_eq!(summaries(&answer.diagnostics), ["Invalid Attribute Value"]);
    assert!(answer.state.is_null());
}

/// What the prior object was made with, what is configured now, and what forces replacement.
#[tokio::test]
async fn changes_replace_as_published() {
    let bench = Bench::new("random");
    let keepers = |v: &str| ("keepers", Value::map(Type::String, [("k", s(v))]));
    let length = || ("length", n(8));
    type Arguments = Vec<(&'static str, Value)>;
    let cases: [(Arguments, Arguments, &[&str]); 11] = [
        (vec![length()], vec![length()], &[]),
        (vec![length()], vec![("length", n(9))], &[".length"]),
        (vec![length()], vec![length(), off("upper")], &[".upper"]),
        (vec![length()], vec![length(), ("upper", Value::bool(true)), ("min_lower", n(0))], &[]),
        (vec![length()], vec![length(), off("number")], &[".number", ".numeric"]),
        (vec![length(), off("numeric")], vec![length(), off("number")], &[]),
        (vec![length(), off("numeric")], vec![length()], &[".number", ".numeric"]),
        (vec![length(), keepers("a")], vec![length(), keepers("b")], &[".keepers"]),
        (vec![length(), keepers("a")], vec![length(), keepers("a")], &[]),
        (vec![length()], vec![length(), ("override_special", s("!"))], &[".override_special"]),
        (vec![length(), ("override_special", s(""))], vec![length()], &[]),
    ];
    for (before, after, expected) in cases {
        let prior = bench.create("random_string", &before).await.expect("made");
        let config = bench.config("random_string", &after);
        let plan = bench.plan("random_string", &prior, &config).await;
        let replace: Vec<String> = plan.requires_replace.iter().map(ToString::to_string).collect();
        assert_eq!(replace, expected, "{before:?} to {after:?}");
        let planned = plan.planned.expect("a plan");
        assert_eq!(
            planned.get("result"),
            prior.get("result"),
            "the drawn text stays while nothing is replaced"
        );
        if before == after {
            assert_eq!(planned, prior);
        }
    }
}

#[tokio::test]
async fn a_new_object_is_planned_with_defaults_and_unknown_results() {
    let bench = Bench::new("random");
    let config = bench.config("random_password", &[("length", n(8))]);
    let planned =
        bench.plan("random_password", &bench.none("random_password"), &config).await.planned.expect("a plan");
    for name in ["upper", "lower", "number", "numeric", "special"] {
        assert_eq!(planned.get(name), Some(&Value::bool(true)), "{name}");
    }
    for name in ["min_upper", "min_lower", "min_numeric", "min_special"] {
        assert_eq!(planned.get(name), Some(&n(0)), "{name}");
    }
    for name in ["result", "bcrypt_hash", "id"] {
        assert!(!planned.get(name).expect("an attribute").is_known(), "{name}");
    }
    assert!(planned.get("override_special").is_some_and(Value::is_null));
}

#[tokio::test]
async fn imports_take_the_text_itself() {
    let bench = Bench::new("random");
    for type_name in ["random_string", "random_password"] {
        let imported =
            bench.0.import_resource(type_name, "Secret1!").await.expect("imported").remove(0).state;
        let config = bench.config(type_name, &[("length", n(8))]);
        let plan = bench.plan(type_name, &imported, &config).await;
        assert_eq!(plan.planned.as_ref(), Some(&imported), "{type_name}: nothing is left to change");
        assert_eq!(text(&imported, "result"), "Secret1!");
    }
}

/// The forms of some bytes, computed with Python's base64 and int.from_bytes.
#[tokio::test]
async fn ids_have_all_forms_of_the_same_bytes() {
    let bench = Bench::new("random");
    let import = |id: &str| {
        let id = id.to_owned();
        let provider = bench.0.clone();
        async move { provider.import_resource("random_id", &id).await }
    };
    let cases = [
        ("p-9hUg", "", 4, "p-9hUg", "p+9hUg==", "a7ef6152", "2817483090"),
        ("web-,p-9hUg", "web-", 4, "web-p-9hUg", "web-p+9hUg==", "web-a7ef6152", "web-2817483090"),
        ("a,b,AAE", "a,b", 2, "a,bAAE", "a,bAAE=", "a,b0001", "a,b1"),
    ];
    for (id, prefix, length, url, std, hex, dec) in cases {
        let state = import(id).await.expect("imported").remove(0).state;
        let forms = ["b64_url", "b64_std", "hex", "dec"].map(|name| text(&state, name));
        assert_eq!(forms, [url, std, hex, dec], "{id}");
        assert_eq!(state.get("byte_length"), Some(&n(length)));
        assert_eq!(state.get("prefix").and_then(Value::as_str).unwrap_or_default(), prefix);
        assert!(id.ends_with(text(&state, "id")));
    }
    assert!(import("no base64!").await.is_err());
    let made = bench.create("random_id", &[("byte_length", n(16)), ("prefix", s("x-"))]).await.expect("made");
    let again = import(&format!("x-,{}", text(&made, "id"))).await.expect("imported").remove(0).state;
    for name in ["b64_url", "b64_std", "hex", "dec", "id", "byte_length", "prefix"] {
        assert_eq!(made.get(name), again.get(name), "{name}");
    }
}

#[tokio::test]
async fn states_of_older_providers_are_completed() {
    let bench = Bench::new("random");
    let old = json!({"id": "none", "keepers": null, "length": 3, "special": false, "upper": true, "lower": true,
        "number": false, "min_numeric": 0, "min_upper": 0, "min_lower": 0, "min_special": 0,
        "override_special": null, "result": "abc"});
    let imported = json!({"id": "none", "result": "abcde"});
    let hash = bcrypt::hash("abc", 4).expect("hashed");
    let with_hash = |hash: &str| {
        let mut state = old.clone();
        state["bcrypt_hash"] = json!(hash);
        state["numeric"] = json!(false);
        state
    };
    let cases = [
        (0, old.clone(), 3, false, None),
        (0, imported.clone(), 5, true, None),
        (1, with_hash(&hash), 3, false, Some(&hash)),
        (2, with_hash(&hash), 3, false, Some(&hash)),
        (3, with_hash(&hash), 3, false, Some(&hash)),
    ];
    for (version, state, length, digits, kept) in cases {
        let state = bench.upgrade("random_password", version, state).await;
        assert_eq!(state.get("length"), Some(&n(length)), "version {version}");
        assert_eq!(state.get("numeric"), Some(&Value::bool(digits)), "version {version}");
        assert_eq!(state.get("number"), Some(&Value::bool(digits)), "version {version}");
        assert!(kept.is_none_or(|hash| text(&state, "bcrypt_hash") == hash), "version {version}");
        assert_eq!(bcrypt::verify(text(&state, "result"), text(&state, "bcrypt_hash")).ok(), Some(true));
    }
    // Version 2 knew hashes of something else.
    let wrong = bcrypt::hash("other", 4).expect("hashed");
    let state = bench.upgrade("random_password", 2, with_hash(&wrong)).await;
    assert_eq!(bcrypt::verify("abc", text(&state, "bcrypt_hash")).ok(), Some(true));

    let state = bench.upgrade("random_string", 1, imported).await;
    let config = bench.config("random_string", &[("length", n(5))]);
    assert_eq!(bench.plan("random_string", &state, &config).await.planned, Some(state));
}

#[tokio::test]
async fn a_deletion_is_planned_and_forgets_the_object() {
    let bench = Bench::new("random");
    let made = bench.create("random_string", &[("length", n(4))]).await.expect("made");
    let none = bench.none("random_string");
    let plan = bench.plan("random_string", &made, &none).await;
    assert_eq!((plan.planned, plan.requires_replace), (Some(none), Vec::new()));
    bench.delete("random_string", &made).await.expect("deleted");
}
