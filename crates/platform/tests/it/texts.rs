//! Texts that other programs write or read: YAML, words for a shell, versions, what servers say.

use std::process::Command;

use ferroform_platform::facts::{Facts, seconds_between};
use ferroform_platform::version::Version;
use ferroform_platform::yaml::{self, Node};
use ferroform_platform::{inventory, quote};

#[test]
fn a_shell_reads_words_as_they_are() {
    let words = ["", "plain", "a b", "$(id)", "it's", "*", "~", "a\nb", "\\", "-x", "ä", "'", "\"", "#"];
    let out =
        Command::new("sh").arg("-c").arg(format!("printf '%s\\0' {}", quote::line(words))).output().unwrap();
    let read: Vec<&str> = std::str::from_utf8(&out.stdout).unwrap().split_terminator('\0').collect();
    assert_eq!(read, words);
}

#[test]
fn yaml_comes_back_as_it_was() {
    let text = "\
a: 1.10
b: \"1.10\"
c: 'yes'
d: yes
e: null
f:
g: {x: [1, \"2\", {y: z}], empty: {}, none: []}
h: |
  two
  lines
i: &anchor [p, q]
j: *anchor
\"key: odd\": '# no comment'
k:
- - nested
  - list
- m: 1
  n: 2
l: folded
  text
";
    let documents = yaml::read(text).unwrap();
    let [first] = documents.as_slice() else { panic!("one document: {documents:?}") };
    assert_eq!(first.get("a"), Some(&Node::Plain("1.10".to_owned())), "a number stays one");
    assert_eq!(first.get("b"), Some(&Node::Text("1.10".to_owned())), "a text stays one");
    assert_eq!(first.get("i"), first.get("j"));
    assert_eq!(first.str_at(&["h"]), Some("two\nlines\n"));
    let written = yaml::write(first);
    assert_eq!(yaml::read(&written).unwrap(), documents, "{written}");
}

#[test]
fn yaml_that_blows_up_or_breaks_off_is_an_error() {
    let mut laughs = "a0: &a0 [x, x]\n".to_owned();
    for n in 1..40 {
        laughs.push_str(&format!("a{n}: &a{n} [*a{0}, *a{0}]\n", n - 1));
    }
    let deep = "[".repeat(10_000);
    for text in ["a: [", "? [a]\n: b\n", "a: *nobody", "\"", &laughs, &deep] {
        assert!(yaml::read(text).is_err(), "{:.40}", text);
    }
    assert_eq!(yaml::read("").unwrap(), []);
    assert_eq!(yaml::read("---\n---\na: 1\n---\n# nothing\n").unwrap().len(), 1);
}

#[test]
fn versions_are_ordered_as_releases_are() {
    let all =
        ["v1.9.20+k3s1", "v1.31.4+k3s1", "v1.31.4+k3s2", "v1.31.10+k3s1", "v1.32.0+k3s1", "v2.0.0+k3s1"];
    let parsed: Vec<Version> = all.iter().map(|text| Version::parse(text).unwrap()).collect();
    assert!(parsed.is_sorted_by(|a, b| a < b));
    assert_eq!(parsed.iter().map(ToString::to_string).collect::<Vec<_>>(), all);
    for text in [
        "",
        "v1.31",
        "1.31.4+k3s1",
        "v1.31.4",
        "v1.31.4-rc1+k3s1",
        "v1.31.4+k3s",
        "v1.031.4+k3s1",
        "v1.31.4.5+k3s1",
        "v99999999999.0.0+k3s1",
        "v1.31.4+k3s1; reboot",
    ] {
        assert_eq!(Version::parse(text), None, "{text}");
    }
}

#[test]
fn nodes_go_forward_by_one_minor_version() {
    let refuses =
        |from: &str, to: &str| Version::parse(from).unwrap().refuses(Version::parse(to).unwrap()).is_some();
    for (from, to, refused) in [
        ("v1.31.4+k3s1", "v1.31.4+k3s1", false),
        ("v1.31.4+k3s1", "v1.31.4+k3s2", false),
        ("v1.31.4+k3s1", "v1.32.0+k3s1", false),
        ("v1.31.4+k3s1", "v1.33.0+k3s1", true),
        ("v1.31.4+k3s2", "v1.31.4+k3s1", true),
        ("v1.31.4+k3s1", "v1.30.9+k3s1", true),
        ("v1.31.4+k3s1", "v2.31.4+k3s1", true),
    ] {
        assert_eq!(refuses(from, to), refused, "{from} to {to}");
    }
}

#[test]
fn what_a_server_says_of_itself_is_read_and_noise_left_out() {
    let said = "disk 100 34 /\ndisk 100 34 /\ndisk 7 x /bad\ndisk 10 10 /mnt/with space\nuptime 5\nreboot required\n\
                certificate Nov  1 00:00:00 2026 GMT|/a.crt\ncertificate soon|/b.crt\nmotd: welcome\n\n";
    let facts = Facts::read(said);
    let disks: Vec<_> =
        facts.disks.iter().map(|disk| (disk.mount.as_str(), disk.size, disk.percent())).collect();
    assert_eq!(disks, [("/", 102_400, 34), ("/mnt/with space", 10_240, 100)]);
    assert_eq!((facts.uptime, facts.reboot_required), (Some(5), true));
    let ends: Vec<_> = facts.certificates.iter().map(|c| (c.file.as_str(), c.ends.as_str())).collect();
    assert_eq!(ends, [("/a.crt", "2026-11-01T00:00:00Z")]);
    assert_eq!(seconds_between("2026-11-01T00:00:00Z", "2026-11-01T01:00:00+00:00"), Some(3600));
    assert_eq!(Facts::read(""), Facts::default());
}

#[test]
fn an_inventory_comes_back_from_its_config_map() {
    let manifests = yaml::read(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a, namespace: n}\n---\napiVersion: v1\nkind: List\nitems:\n\
         - {apiVersion: v1, kind: Secret, metadata: {name: s}}\n---\nkind: nothing\n",
    );
    let items = inventory::items(&manifests.unwrap());
    let references: Vec<String> = items.iter().map(ToString::to_string).collect();
    assert_eq!(references, ["secret/s", "deployment.apps/a in n"]);
    let map = serde_json::from_str(&inventory::config_map("m", "default", &items)).unwrap();
    assert_eq!(inventory::read(Some(&map)), items);
    assert_eq!(inventory::read(None), [].into());
    assert_eq!(inventory::read(Some(&serde_json::json!({"data": {"objects": "a|b\n|||||"}}))), [].into());
}
