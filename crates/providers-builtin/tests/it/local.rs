//! `local_file` and `local_sensitive_file`, as resources and as data sources.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use ferroform_core::{Type, Value};
use ferroform_provider::Effects;

use crate::harness::{Bench, s, summaries, text};

const RESOURCES: [&str; 2] = ["local_file", "local_sensitive_file"];

fn filename(path: &Path) -> (&'static str, Value) {
    ("filename", s(&path.to_string_lossy()))
}

/// The checksums of "hello\n", computed with coreutils.
const HELLO: [(&str, &str); 6] = [
    ("id", "f572d396fae9206628714fb2ce00f72e94f2258f"),
    ("content_md5", "b1946ac92492d2347c6235b4d2611184"),
    ("content_sha1", "f572d396fae9206628714fb2ce00f72e94f2258f"),
    ("content_sha256", "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"),
    ("content_base64sha256", "WJG1tSLV3whtD/CxEPvZ0hu0/HFjrzTQgoai6Eb2vgM="),
    (
        "content_sha512",
        "e7c22b994c59d9cf2b48e549b1e24666636045930d3da7c1acb299d1c3b7f931f94aae41edda2c2b207a36e10f8bcb8d45223e54878f5b316e7ce3b6bc019629",
    ),
];

#[tokio::test]
async fn every_way_to_give_the_content_writes_the_same_file() {
    let bench = Bench::new("local");
    let dir = tempfile::tempdir().expect("a directory");
    let source = dir.path().join("source");
    fs::write(&source, "hello\n").expect("written");
    let ways = [
        ("content", s("hello\n")),
        ("content_base64", s("aGVs\r\nbG8K")),
        ("source", s(&source.to_string_lossy())),
        ("sensitive_content", s("hello\n")),
    ];
    for type_name in RESOURCES {
        for (i, way) in ways.iter().enumerate() {
            if type_name == "local_sensitive_file" && way.0 == "sensitive_content" {
                continue;
            }
            let path = dir.path().join(format!("{type_name}/{i}/file"));
            let made = bench.create(type_name, &[filename(&path), way.clone()]).await.expect("written");
            assert_eq!(fs::read(&path).expect("it is there"), b"hello\n");
            for (name, sum) in HELLO {
                assert_eq!(text(&made, name), sum, "{name}");
            }
            assert_eq!(bench.read(type_name, &made).await, Ok(made.clone()), "unchanged");
            let config = bench.config(type_name, &[filename(&path), way.clone()]);
            assert_eq!(
                bench.plan(type_name, &made, &config).await.planned,
                Some(made.clone()),
                "nothing to change"
            );
            bench.delete(type_name, &made).await.expect("deleted");
            assert!(!path.exists());
            bench.delete(type_name, &made).await.expect("deleting what is gone is no error");
        }
    }
}

#[tokio::test]
async fn a_missing_or_changed_file_is_gone() {
    let bench = Bench::new("local");
    let dir = tempfile::tempdir().expect("a directory");
    for type_name in RESOURCES {
        let path = dir.path().join("sub/file");
        let made = bench.create(type_name, &[filename(&path), ("content", s("a"))]).await.expect("written");
        fs::write(&path, "b").expect("written");
        assert!(bench.read(type_name, &made).await.expect("read").is_null());
        fs::remove_file(&path).expect("removed");
        assert!(bench.read(type_name, &made).await.expect("read").is_null());
        fs::remove_dir(dir.path().join("sub")).expect("removed");
        assert!(bench.read(type_name, &made).await.expect("read").is_null());
        fs::create_dir_all(&path).expect("made");
        let error = bench.read(type_name, &made).await.expect_err("a directory is in its place");
        assert_eq!(summaries(&error), ["Read local file error"]);
        let error = bench.delete(type_name, &made).await.expect_err("a directory is in its place");
        assert_eq!(summaries(&error), ["Delete local file error"]);
        fs::remove_dir_all(dir.path().join("sub")).expect("removed");
    }
}

/// The bits that this process' umask takes away.
fn umask(dir: &Path) -> u32 {
    use std::os::unix::fs::OpenOptionsExt;
    let probe = dir.join("umask-probe");
    fs::OpenOptions::new().write(true).create_new(true).mode(0o777).open(&probe).expect("created");
    let mode = fs::metadata(&probe).expect("there").permissions().mode() & 0o777;
    fs::remove_file(&probe).expect("removed");
    0o777 & !mode
}

#[tokio::test]
async fn permissions_are_the_default_or_the_configured_ones() {
    let bench = Bench::new("local");
    let dir = tempfile::tempdir().expect("a directory");
    let umask = umask(dir.path());
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    let cases = [
        ("local_file", None, None, 0o777, 0o777),
        ("local_sensitive_file", None, None, 0o700, 0o700),
        ("local_file", Some("0644"), Some("0755"), 0o644, 0o755),
        ("local_sensitive_file", Some("600"), Some("750"), 0o600, 0o750),
        ("local_sensitive_file", Some("0400"), None, 0o400, 0o700),
    ];
    for (i, (type_name, file, directory, file_mode, directory_mode)) in cases.into_iter().enumerate() {
        let parent = dir.path().join(i.to_string());
        let path = parent.join("file");
        let mut arguments = vec![filename(&path), ("content", s("a"))];
        arguments.extend(file.map(|m| ("file_permission", s(m))));
        arguments.extend(directory.map(|m| ("directory_permission", s(m))));
        bench.create(type_name, &arguments).await.expect("written");
        assert_eq!(mode(&path), file_mode & !umask, "{arguments:?}");
        assert_eq!(mode(&parent), directory_mode & !umask, "{arguments:?}");
    }
}

#[tokio::test]
async fn impossible_arguments_are_refused() {
    let bench = Bench::new("local");
    let (permission, combination) = ("Invalid File Permission String Value", "Invalid Attribute Combination");
    let base = |more: &[(&'static str, Value)]| {
        [vec![("filename", s("x")), ("content", s("a"))], more.to_vec()].concat()
    };
    let cases = [
        (base(&[("file_permission", s("77"))]), permission),
        (base(&[("file_permission", s("00777"))]), permission),
        (base(&[("file_permission", s("1777"))]), permission),
        (base(&[("file_permission", s("0888"))]), permission),
        (base(&[("directory_permission", s("rwx"))]), permission),
        (base(&[("directory_permission", s("+77"))]), permission),
        (base(&[("source", s("y"))]), combination),
        (vec![("filename", s("x"))], combination),
        (vec![("filename", s("x")), ("content_base64", s("geheim!"))], "Invalid base64 content"),
    ];
    for type_name in RESOURCES {
        for (arguments, summary) in &cases {
            let config = bench.config(type_name, arguments);
            let diagnostics = bench.0.validate_resource(type_name, &config);
            assert_eq!(summaries(&diagnostics), [*summary], "{arguments:?}");
            assert!(diagnostics.iter().all(|d| !d.detail.contains("geheim")), "no secret is shown");
        }
        let unknown = [("filename", s("x")), ("source", Value::unknown(Type::String)), ("content", s("a"))];
        let config = bench.config(type_name, &unknown);
        assert!(bench.0.validate_resource(type_name, &config).is_empty(), "it may turn out null");
    }
}

#[tokio::test]
async fn any_changed_argument_replaces() {
    let bench = Bench::new("local");
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("file");
    for type_name in RESOURCES {
        let made = bench.create(type_name, &[filename(&path), ("content", s("a"))]).await.expect("written");
        let cases = [
            ("content", s("b")),
            ("filename", s("elsewhere")),
            ("file_permission", s("0600")),
            ("directory_permission", s("0750")),
        ];
        for (name, value) in cases {
            let arguments = [filename(&path), ("content", s("a"))].into_iter().filter(|(n, _)| *n != name);
            let arguments: Vec<_> = arguments.chain([(name, value)]).collect();
            let plan = bench.plan(type_name, &made, &bench.config(type_name, &arguments)).await;
            let replace: Vec<String> = plan.requires_replace.iter().map(ToString::to_string).collect();
            assert_eq!(replace, [format!(".{name}")]);
            let planned = plan.planned.expect("a plan");
            assert!(
                planned.get("id").is_some_and(|id| !id.is_known()),
                "checksums are not known before writing"
            );
        }
        assert_eq!(bench.0.effects(type_name), Effects::Idempotent);
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_written_is_an_error_and_leaves_nothing() {
    let bench = Bench::new("local");
    let dir = tempfile::tempdir().expect("a directory");
    let blocked = dir.path().join("plain");
    fs::write(&blocked, "a").expect("written");
    for type_name in RESOURCES {
        for (path, way) in [
            (blocked.join("below"), ("content", s("a"))),
            (dir.path().join("copy"), ("source", s("/nonexistent/source"))),
        ] {
            let error = bench.create(type_name, &[filename(&path), way]).await.expect_err("refused");
            assert_eq!(summaries(&error), ["Create local file error"]);
            assert!(!path.exists());
        }
    }
    assert_eq!(fs::read_dir(dir.path()).expect("listed").count(), 1, "no temporary file is left");
}

#[tokio::test]
async fn data_sources_read_files() {
    let bench = Bench::new("local");
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("file");
    fs::write(&path, "hello\n").expect("written");
    for type_name in RESOURCES {
        let read = bench.read_data(type_name, &[filename(&path)]).await.expect("read");
        assert_eq!((text(&read, "content"), text(&read, "content_base64")), ("hello\n", "aGVsbG8K"));
        for (name, sum) in HELLO {
            assert_eq!(text(&read, name), sum, "{name}");
        }
        let content = &bench.0.schema().data_sources[type_name].block.attributes["content"];
        assert_eq!(content.sensitive, type_name == "local_sensitive_file");
        let error =
            bench.read_data(type_name, &[filename(&dir.path().join("none"))]).await.expect_err("missing");
        assert_eq!(summaries(&error), ["Read local file data source error"]);
    }
    fs::write(&path, b"a\xff").expect("written");
    let read = bench.read_data("local_file", &[filename(&path)]).await.expect("read");
    assert_eq!((text(&read, "content"), text(&read, "content_base64")), ("a\u{fffd}", "Yf8="));
}
