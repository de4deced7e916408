//! `external`, with the shell as the program.

use ferroform_core::{Type, Value};

use crate::harness::{Bench, s, summaries, text};

const TYPE: &str = "external";

/// The arguments that run a script, to which further arguments may be added.
fn script(script: &str) -> Vec<(&'static str, Value)> {
    vec![("program", Value::list(Type::String, ["sh", "-c", script].map(s)))]
}

fn map(entries: &[(&str, &str)]) -> Value {
    Value::map(Type::String, entries.iter().map(|(key, value)| (*key, s(value))))
}

#[tokio::test]
async fn a_program_is_asked_and_answers_in_json() {
    let bench = Bench::new("external");
    let mut echo = script("cat");
    echo.push(("query", map(&[("b", "2 \" <ä>"), ("a", "1")])));
    let cases = [
        (echo, map(&[("a", "1"), ("b", "2 \" <ä>")])),
        (script("cat"), map(&[])),
        (script("printf '{\"x\": null}'"), map(&[("x", "")])),
        (script("echo null"), map(&[])),
        // More than a pipe holds, on either side.
        (script("head -c 300000 /dev/zero | tr '\\0' 'x' >&2; cat"), map(&[])),
    ];
    for (arguments, expected) in cases {
        let read = bench.read_data(TYPE, &arguments).await.expect("read");
        assert_eq!(read.get("result"), Some(&expected), "{arguments:?}");
        assert_eq!(text(&read, "id"), "-");
    }
    let mut long = script("cat");
    let value = "x".repeat(300_000);
    long.push(("query", map(&[("a", &value)])));
    let read = bench.read_data(TYPE, &long).await.expect("read");
    assert_eq!(read.get("result"), Some(&map(&[("a", &value)])));
}

#[tokio::test]
async fn a_program_runs_where_it_is_told_to() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path().canonicalize().expect("its path");
    let mut arguments = script("printf '{\"dir\": \"%s\"}' \"$(pwd -P)\"");
    arguments.push(("working_dir", s(&dir.to_string_lossy())));
    let read = Bench::new("external").read_data(TYPE, &arguments).await.expect("read");
    assert_eq!(read.get("result"), Some(&map(&[("dir", &dir.to_string_lossy())])));
}

#[tokio::test]
async fn what_goes_wrong_is_told_with_the_programs_own_words() {
    let program =
        |words: &[&str]| vec![("program", Value::list(Type::String, words.iter().map(|word| s(word))))];
    let (failed, results) = ("External Program Execution Failed", "Unexpected External Program Results");
    let mut nowhere = script("cat");
    nowhere.push(("working_dir", s("/no/such/directory")));
    let cases = [
        (program(&[]), "External Program Missing", "name the program"),
        (program(&["", ""]), "External Program Missing", "name the program"),
        (program(&["/no/such/program"]), "External Program Lookup Failed", "/no/such/program"),
        (nowhere, "External Program Lookup Failed", "check working_dir"),
        (script("echo the reason >&2; exit 3"), failed, "the reason"),
        (script("exit 3"), failed, "exit status: 3"),
        (script("true"), results, "one JSON object"),
        (script("echo '[]'"), results, "one JSON object"),
        (script("echo '{\"a\": 1}'"), results, "one JSON object"),
        (script("echo '{\"a\": {}}'"), results, "one JSON object"),
        (script("echo '{}{}'"), results, "one JSON object"),
    ];
    let bench = Bench::new("external");
    for (arguments, summary, detail) in cases {
        let error = bench.read_data(TYPE, &arguments).await.expect_err("refused");
        assert_eq!(summaries(&error), [summary], "{arguments:?}");
        assert!(error.iter().all(|d| d.detail.contains(detail)), "{error:?}");
    }
}
