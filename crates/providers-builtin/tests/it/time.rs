//! `time_static`, `time_offset`, `time_rotating` and `time_sleep`, with a clock that the tests set.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ferroform_core::{Type, Value};

use crate::harness::{Bench, n, s, summaries, text};

/// 12 February 2020, 06:36:13 UTC.
const NOW: u64 = 1_581_489_373;
const NOW_TEXT: &str = "2020-02-12T06:36:13Z";

/// A clock that stands until it is set.
#[derive(Clone, Default)]
struct Hand(Arc<AtomicU64>);

impl Hand {
    fn at(seconds: u64) -> Hand {
        Hand(Arc::new(AtomicU64::new(seconds)))
    }

    fn set(&self, seconds: u64) {
        self.0.store(seconds, Ordering::Relaxed);
    }

    fn bench(&self) -> Bench {
        let seconds = self.0.clone();
        let tell =
            move || -> SystemTime { UNIX_EPOCH + Duration::from_secs(seconds.load(Ordering::Relaxed)) };
        Bench::at("time", Arc::new(tell))
    }
}

fn check_fields(object: &Value, expected: [i64; 7]) {
    for (name, value) in ["year", "month", "day", "hour", "minute", "second", "unix"].iter().zip(expected) {
        assert_eq!(object.get(name), Some(&n(value)), "{name}");
    }
}

fn replaced(plan: &ferroform_provider::PlanResponse) -> Vec<String> {
    plan.requires_replace.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn a_static_time_is_that_of_its_creation_or_the_configured_one() {
    let hand = Hand::at(NOW);
    let bench = hand.bench();
    let made = bench.create("time_static", &[]).await.expect("made");
    check_fields(&made, [2020, 2, 12, 6, 36, 13, 1_581_489_373]);
    assert_eq!((text(&made, "id"), text(&made, "rfc3339")), (NOW_TEXT, NOW_TEXT));
    hand.set(NOW + 1_000_000);
    assert_eq!(bench.read("time_static", &made).await, Ok(made.clone()));
    let same = bench.plan("time_static", &made, &bench.config("time_static", &[])).await;
    assert_eq!(same.planned, Some(made.clone()));
    let triggers = ("triggers", Value::map(Type::String, [("a", s("1"))]));
    let other = bench.config("time_static", &[triggers]);
    assert_eq!(replaced(&bench.plan("time_static", &made, &other).await), [".triggers"]);
    let given = "1999-12-31T23:59:59+02:00";
    let made = bench.create("time_static", &[("rfc3339", s(given))]).await.expect("made");
    check_fields(&made, [1999, 12, 31, 23, 59, 59, 946_677_599]);
    assert_eq!((text(&made, "id"), text(&made, "rfc3339")), (given, given));
}

/// Offsets and the times they give, made with GNU date.
#[tokio::test]
async fn offsets_add_up() {
    let bench = Hand::at(NOW).bench();
    let cases = [
        (vec![("offset_days", n(7))], "2020-02-19T06:36:13Z"),
        (vec![("offset_hours", n(-7))], "2020-02-11T23:36:13Z"),
        (vec![("offset_minutes", n(30))], "2020-02-12T07:06:13Z"),
        (vec![("offset_months", n(11))], "2021-01-12T06:36:13Z"),
        (vec![("offset_seconds", n(86_400))], "2020-02-13T06:36:13Z"),
        (vec![("offset_years", n(-20))], "2000-02-12T06:36:13Z"),
        (vec![("offset_years", n(1)), ("offset_months", n(1))], "2021-03-12T06:36:13Z"),
        (vec![("offset_days", n(0))], NOW_TEXT),
    ];
    for (arguments, expected) in cases {
        let made = bench.create("time_offset", &arguments).await.expect("made");
        assert_eq!(text(&made, "rfc3339"), expected, "{arguments:?}");
        assert_eq!((text(&made, "id"), text(&made, "base_rfc3339")), (NOW_TEXT, NOW_TEXT));
    }
}

#[tokio::test]
async fn a_changed_offset_is_an_update_of_the_same_base() {
    let hand = Hand::at(NOW);
    let bench = hand.bench();
    let made = bench.create("time_offset", &[("offset_days", n(7))]).await.expect("made");
    hand.set(NOW + 500);
    let config = bench.config("time_offset", &[("offset_days", n(8))]);
    let plan = bench.plan("time_offset", &made, &config).await;
    assert!(plan.requires_replace.is_empty());
    let planned = plan.planned.expect("planned");
    assert_eq!((text(&planned, "rfc3339"), text(&planned, "id")), ("2020-02-20T06:36:13Z", NOW_TEXT));
    assert_eq!(bench.apply("time_offset", &made, &planned).await.state, planned);
    let open = bench.config("time_offset", &[("offset_days", Value::unknown(Type::Number))]);
    let planned = bench.plan("time_offset", &made, &open).await.planned.expect("planned");
    assert!(planned.get("rfc3339").is_some_and(|v| !v.is_known()));
}

/// Periods, their ends, and that the first run after the end replaces.
#[tokio::test]
async fn a_rotating_time_is_gone_once_its_period_has_ended() {
    let cases = [
        (vec![("rotation_minutes", n(30))], "2020-02-12T07:06:13Z", NOW + 1800),
        (vec![("rotation_hours", n(1))], "2020-02-12T07:36:13Z", NOW + 3600),
        (vec![("rotation_days", n(30))], "2020-03-13T06:36:13Z", NOW + 30 * 86_400),
        (vec![("rotation_months", n(1))], "2020-03-12T06:36:13Z", NOW + 29 * 86_400),
        (vec![("rotation_years", n(1))], "2021-02-12T06:36:13Z", NOW + 366 * 86_400),
        (vec![("rotation_rfc3339", s("2020-02-13T06:36:13Z"))], "2020-02-13T06:36:13Z", NOW + 86_400),
    ];
    for (arguments, end, seconds) in cases {
        let hand = Hand::at(NOW);
        let bench = hand.bench();
        let made = bench.create("time_rotating", &arguments).await.expect("made");
        assert_eq!((text(&made, "rotation_rfc3339"), text(&made, "rfc3339")), (end, NOW_TEXT));
        assert_eq!(made.get("unix"), Some(&n(seconds as i64)));
        let config = bench.config("time_rotating", &arguments);
        for at in [NOW, seconds] {
            hand.set(at);
            assert_eq!(bench.read("time_rotating", &made).await, Ok(made.clone()), "not yet over");
            assert_eq!(bench.plan("time_rotating", &made, &config).await.planned, Some(made.clone()));
        }
        hand.set(seconds + 1);
        assert!(bench.read("time_rotating", &made).await.expect("read").is_null(), "over");
        // A plan without a read before it finds out by itself.
        let plan = bench.plan("time_rotating", &made, &config).await;
        assert_eq!(replaced(&plan), [".rotation_rfc3339"]);
    }
}

#[tokio::test]
async fn a_changed_period_is_an_update_from_the_same_base() {
    let hand = Hand::at(NOW);
    let bench = hand.bench();
    let made = bench.create("time_rotating", &[("rotation_days", n(30))]).await.expect("made");
    hand.set(NOW + 3 * 86_400);
    let config = bench.config("time_rotating", &[("rotation_days", n(4))]);
    let plan = bench.plan("time_rotating", &made, &config).await;
    assert!(plan.requires_replace.is_empty());
    let planned = plan.planned.expect("planned");
    assert_eq!(text(&planned, "rotation_rfc3339"), "2020-02-16T06:36:13Z");
    assert_eq!(bench.apply("time_rotating", &made, &planned).await.state, planned);
    let config = bench.config("time_rotating", &[("rotation_days", n(2))]);
    let plan = bench.plan("time_rotating", &made, &config).await;
    assert_eq!(replaced(&plan), [".rotation_rfc3339"], "the shorter period is over already");
}

#[tokio::test(start_paused = true)]
async fn sleeping_takes_its_time_at_creation_and_deletion_only() {
    let hand = Hand::at(NOW);
    let bench = hand.bench();
    let arguments = [("create_duration", s("5m")), ("destroy_duration", s("1.5h"))];
    let begin = tokio::time::Instant::now();
    let made = bench.create("time_sleep", &arguments).await.expect("made");
    assert_eq!((begin.elapsed().as_secs(), text(&made, "id")), (300, NOW_TEXT));
    let config = bench.config("time_sleep", &[("create_duration", s("10m")), ("destroy_duration", s("1s"))]);
    let planned = bench.plan("time_sleep", &made, &config).await.planned.expect("planned");
    let updated = bench.apply("time_sleep", &made, &planned).await.state;
    assert_eq!((begin.elapsed().as_secs(), text(&updated, "destroy_duration")), (300, "1s"));
    bench.delete("time_sleep", &made).await.expect("deleted");
    assert_eq!(begin.elapsed().as_secs(), 300 + 5400);
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_the_sleep_and_nothing_is_made() {
    let bench = Hand::at(NOW).bench();
    let begin = tokio::time::Instant::now();
    let config = bench.config("time_sleep", &[("create_duration", s("5m"))]);
    let none = bench.none("time_sleep");
    let planned = bench.plan("time_sleep", &none, &config).await.planned.expect("planned");
    let stop = async {
        tokio::time::sleep(Duration::from_secs(10)).await;
        bench.0.stop().await;
    };
    let (answer, ()) = tokio::join!(bench.apply("time_sleep", &none, &planned), stop);
    assert_eq!(summaries(&answer.diagnostics), ["Operation cancelled"]);
    assert!(answer.state.is_null() && begin.elapsed().as_secs() == 10);
}

#[tokio::test]
async fn impossible_arguments_are_refused() {
    let bench = Hand::at(NOW).bench();
    let (missing, value) = ("Missing Attribute Configuration", "Invalid Attribute Value");
    let (no_time, no_match) = ("Invalid RFC3339 String", "Invalid Attribute Value Match");
    let cases = [
        ("time_static", vec![("rfc3339", s("yesterday"))], no_time),
        ("time_offset", vec![], missing),
        ("time_offset", vec![("offset_days", n(1)), ("base_rfc3339", s("2020-02-12"))], no_time),
        ("time_offset", vec![("offset_years", n(9000))], value),
        ("time_offset", vec![("offset_hours", n(i64::MAX))], value),
        ("time_rotating", vec![], missing),
        ("time_rotating", vec![("rotation_days", n(0))], value),
        ("time_rotating", vec![("rotation_rfc3339", s("tomorrow"))], no_time),
        ("time_rotating", vec![("rotation_years", n(i64::MAX))], value),
        ("time_sleep", vec![], missing),
        ("time_sleep", vec![("create_duration", s("1d"))], no_match),
        ("time_sleep", vec![("destroy_duration", s("1h30m"))], no_match),
    ];
    for (type_name, arguments, summary) in cases {
        let error = bench.create(type_name, &arguments).await.expect_err("refused");
        assert_eq!(summaries(&error), [summary], "{type_name} {arguments:?}");
    }
}

/// The ids of the published documentation, and what they import; then ids that are refused.
#[tokio::test]
async fn import_ids_are_the_published_ones() {
    let bench = Hand::at(NOW).bench();
    let cases = [
        ("time_static", "2020-02-12T06:36:13Z", vec![("rfc3339", s(NOW_TEXT)), ("day", n(12))]),
        (
            "time_offset",
            "2020-02-12T06:36:13Z,0,0,7,0,0,0",
            vec![("offset_days", n(7)), ("rfc3339", s("2020-02-19T06:36:13Z"))],
        ),
        (
            "time_offset",
            "2020-02-12T06:36:13Z,,,7,,,",
            vec![("offset_years", Value::null(Type::Number)), ("day", n(19))],
        ),
        (
            "time_rotating",
            "2020-02-12T06:36:13Z,0,0,30,0,0",
            vec![("rotation_days", n(30)), ("rotation_rfc3339", s("2020-03-13T06:36:13Z"))],
        ),
        (
            "time_rotating",
            "2020-02-12T06:36:13Z,2020-02-13T06:36:13Z",
            vec![
                ("rotation_rfc3339", s("2020-02-13T06:36:13Z")),
                ("rotation_days", Value::null(Type::Number)),
                ("day", n(13)),
            ],
        ),
        (
            "time_sleep",
            "30s,",
            vec![("create_duration", s("30s")), ("destroy_duration", Value::null(Type::String))],
        ),
        (
            "time_sleep",
            ",30s,a=b",
            vec![("destroy_duration", s("30s")), ("triggers", Value::map(Type::String, [("a", s("b"))]))],
        ),
    ];
    for (type_name, id, expected) in cases {
        let imported = bench.0.import_resource(type_name, id).await.expect("imported");
        for (name, value) in expected {
            assert_eq!(imported[0].state.get(name), Some(&value), "{type_name} {id}");
        }
    }
    let refused = [
        ("time_static", "now"),
        ("time_offset", "2020-02-12T06:36:13Z"),
        ("time_offset", "2020-02-12T06:36:13Z,,,,,,"),
        ("time_offset", "2020-02-12T06:36:13Z,x,0,0,0,0,0"),
        ("time_rotating", "2020-02-12T06:36:13Z"),
        ("time_rotating", "2020-02-12T06:36:13Z,"),
        ("time_rotating", "2020-02-12T06:36:13Z,,,,,"),
        ("time_rotating", ",0,0,30,0,0"),
        ("time_sleep", "30s"),
        ("time_sleep", ","),
        ("time_sleep", "30x,"),
        ("time_sleep", "30s,,novalue"),
    ];
    for (type_name, id) in refused {
        let error = bench.0.import_resource(type_name, id).await.expect_err("refused");
        assert_eq!(summaries(&error), ["Unexpected Format of ID"], "{type_name} {id}");
    }
}
