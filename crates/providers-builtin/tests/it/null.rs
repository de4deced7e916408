//! `null_resource` and `null_data_source`.

use ferroform_core::{Type, Value};

use crate::harness::{Bench, s, text};

fn map(entries: &[(&str, Option<&str>)]) -> Value {
    Value::map(Type::String, entries.iter().map(|(k, v)| (*k, v.map_or(Value::null(Type::String), s))))
}

/// Changes of triggers, and whether each makes a new object. Null entries do not count where the old side has none:
/// providers before 3.2 did not keep them.
#[tokio::test]
async fn changed_triggers_replace() {
    let bench = Bench::new("null");
    let none = || Value::null(Type::map(Type::String));
    let cases = [
        (none(), none(), false),
        (none(), map(&[]), false),
        (none(), map(&[("a", None)]), false),
        (none(), map(&[("a", Some("1"))]), true),
        (map(&[("a", Some("1"))]), map(&[("a", Some("1"))]), false),
        (map(&[("a", Some("1"))]), map(&[("a", Some("1")), ("b", None)]), false),
        (map(&[("a", Some("1"))]), map(&[("a", Some("2"))]), true),
        (map(&[("a", Some("1"))]), map(&[("a", None)]), true),
        (map(&[("a", Some("1"))]), map(&[("b", Some("1"))]), true),
        (map(&[("a", Some("1"))]), map(&[]), true),
        (map(&[("a", Some("1"))]), none(), true),
        (map(&[]), none(), false),
        (map(&[("a", Some("1"))]), Value::unknown(Type::map(Type::String)), true),
    ];
    for (before, after, replaced) in cases {
        let prior = bench.create("null_resource", &[("triggers", before.clone())]).await.expect("created");
        let config = bench.config("null_resource", &[("triggers", after.clone())]);
        let plan = bench.plan("null_resource", &prior, &config).await;
        assert_eq!(!plan.requires_replace.is_empty(), replaced, "{before:?} to {after:?}");
        let planned = plan.planned.expect("a plan");
        assert_eq!(planned.get("id"), prior.get("id"), "the id stays while nothing is replaced");
        assert_eq!(planned.get("triggers"), Some(&after));
    }
}

#[tokio::test]
async fn ids_are_numbers_of_63_bits_and_differ() {
    let bench = Bench::new("null");
    let mut ids = Vec::new();
    for _ in 0..20 {
        let made = bench.create("null_resource", &[]).await.expect("created");
        ids.push(text(&made, "id").parse::<i64>().expect("a number of 63 bits"));
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 20);
}

#[tokio::test]
async fn the_data_source_gives_back_its_inputs() {
    let bench = Bench::new("null");
    let inputs = map(&[("a", Some("1"))]);
    let read = bench.read_data("null_data_source", &[("inputs", inputs.clone())]).await.expect("read");
    assert_eq!(read.get("outputs"), Some(&inputs));
    assert_eq!((text(&read, "has_computed_default"), text(&read, "id")), ("default", "static"));
    assert!(text(&read, "random").parse::<i64>().is_ok());
    let read =
        bench.read_data("null_data_source", &[("has_computed_default", s("mine"))]).await.expect("read");
    assert_eq!(text(&read, "has_computed_default"), "mine");
}
