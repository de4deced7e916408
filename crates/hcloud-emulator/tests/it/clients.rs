//! Clients that others wrote, driven against the local cloud: the official Python library, the command-line tool
//! hcloud, Ansible's collection. What each asked for is read from the request log and held against the table in
//! docs/emulator.md. A client that is not installed is skipped, save where `FERROFORM_REQUIRE_PROGRAMS` says that
//! everything must be there.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use ferroform_hcloud_emulator::{ClockMode, RateLimit};
use serde_json::Value;

use crate::harness::Cloud;

const HERE: &str = env!("CARGO_MANIFEST_DIR");
/// With this variable set, the table is written instead of compared.
const WRITE: &str = "FERROFORM_WRITE_CLIENT_TABLE";

/// Whether a client is there, found out by running a command.
fn present(name: &str, program: &str, args: &[&str], install: &str) -> bool {
    if Command::new(program).args(args).output().is_ok_and(|output| output.status.success()) {
        return true;
    }
    let required = std::env::var_os("FERROFORM_REQUIRE_PROGRAMS").is_some();
    assert!(!required, "{name} is required here but missing: {install}");
    skipped(&format!("{name} is not installed ({install})"));
    false
}

/// Tells that a test did nothing.
#[expect(clippy::print_stderr, reason = "a skipped test must say so")]
fn skipped(why: &str) {
    eprintln!("SKIPPED: {why}");
}

async fn instant() -> Cloud {
    Cloud::start(|builder| builder.clock(ClockMode::Instant).rate_limit(RateLimit::Unlimited)).await
}

/// Runs a client to its end and gives what it said.
async fn run(cloud: &Cloud, mut client: Command) -> String {
    client
        .env("HCLOUD_ENDPOINT", cloud.handle.endpoint())
        .env("HCLOUD_TOKEN", &cloud.token)
        .env("FERROFORM_TEST_ENDPOINT", cloud.handle.endpoint())
        .env("FERROFORM_TEST_TOKEN", &cloud.token)
        .env("PYTHONDONTWRITEBYTECODE", "1");
    for proxy in ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
        client.env_remove(proxy);
    }
    let output = tokio::task::spawn_blocking(move || client.output()).await.unwrap().unwrap();
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    said
}

/// The operations that the requests so far were for.
async fn operations(cloud: &Cloud) -> BTreeSet<String> {
    let log = cloud.control("GET", "/requests", Value::Null).await.body;
    assert_eq!(log["first"], 1, "the log has forgotten requests of this run");
    let requests = log["requests"].as_array().unwrap().iter();
    requests.filter_map(|request| request["route"].as_str()).map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_library_works_in_a_world_with_time() {
    if !python() {
        return;
    }
    let cloud = Cloud::start(|builder| builder.clock(ClockMode::Scaled(50.0))).await;
    let mut client = Command::new("python3");
    client.arg(format!("{HERE}/tests/clients/hcloud_python.py"));
    let said = run(&cloud, client).await;
    assert!(said.contains("all steps done"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_of_the_python_library_works() {
    if !python() {
        return;
    }
    let cloud = instant().await;
    let mut client = Command::new("python3");
    client.arg(format!("{HERE}/tests/clients/python"));
    let said = run(&cloud, client).await;
    assert!(said.contains("all steps done"), "{said}");
    assert_nothing_left(&cloud).await;
    table::check("Python", &operations(&cloud).await);
}

fn python() -> bool {
    present("python3 with the package hcloud", "python3", &["-c", "import hcloud"], "pip install hcloud")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_of_the_command_line_tool_works() {
    let install = "the package hcloud-cli of Debian";
    if !present("the command-line tool hcloud", "hcloud", &["server", "--help"], install) {
        return;
    }
    let cloud = instant().await;
    let folder = tempfile::tempdir().unwrap();
    let mut client = Command::new("sh");
    client.arg(format!("{HERE}/tests/clients/hcloud_cli.sh")).arg(folder.path());
    let said = run(&cloud, client).await;
    assert!(said.contains("all steps done"), "{said}");
    assert_nothing_left(&cloud).await;
    table::check("hcloud", &operations(&cloud).await);
}

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl a@b";

#[tokio::test(flavor = "multi_thread")]
async fn ansible_builds_the_consult_stack_once_and_removes_it() {
    // A module that older versions of the collection do not have.
    let install = "ansible-core, and the collection hetzner.hcloud from version 6 on";
    let asks = ["-t", "module", "hetzner.hcloud.zone_rrset"];
    if !present("Ansible with hetzner.hcloud", "ansible-doc", &asks, install) {
        return;
    }
    let cloud = instant().await;
    let folder = tempfile::tempdir().unwrap();
    let repository = Path::new(HERE).join("../..").canonicalize().unwrap();
    let variables = serde_json::json!({"repository": repository, "public_key": KEY});
    for (playbook, changes) in [("build", true), ("build", false), ("remove", true)] {
        let before = world(&cloud).await;
        let mut client = Command::new("ansible-playbook");
        client
            .arg("--extra-vars")
            .arg(variables.to_string())
            .arg(format!("{HERE}/tests/clients/ansible/{playbook}.yml"))
            .env("ANSIBLE_HOME", folder.path())
            .env("ANSIBLE_LOCALHOST_WARNING", "False")
            .env("ANSIBLE_INVENTORY_UNPARSED_WARNING", "False")
            .env("ANSIBLE_PIPELINING", "True")
            .env("ANSIBLE_NOCOLOR", "1");
        let said = run(&cloud, client).await;
        // The recap has a line for the host: `localhost : ok=12 changed=0 …`.
        let changed = said.lines().rev().find_map(|line| line.split_once("changed=")).map(|(_, rest)| rest);
        let changed: u32 = changed.and_then(|rest| rest.split(' ').next()).unwrap().parse().unwrap();
        assert_eq!(changed > 0, changes, "{playbook}: {said}");
        assert_eq!(world(&cloud).await != before, changes, "{playbook}: the world");
    }
    assert_nothing_left(&cloud).await;
    table::check("Ansible", &operations(&cloud).await);
}

/// Everything but actions, which stay.
async fn world(cloud: &Cloud) -> Value {
    let mut world = cloud.world().await;
    world.as_object_mut().unwrap().remove("actions");
    world
}

async fn assert_nothing_left(cloud: &Cloud) {
    let world = world(cloud).await;
    for (kind, objects) in world.as_object().unwrap() {
        assert_eq!(objects["count"], 0, "left of {kind}: {objects:#}");
    }
}

/// The table of docs/emulator.md: which client exercised which operation.
mod table {
    use std::collections::BTreeSet;
    use std::fmt::Write as _;
    use std::sync::Mutex;

    use super::{HERE, WRITE};

    /// The columns behind the operation and its request.
    const CLIENTS: [&str; 3] = ["Python", "hcloud", "Ansible"];
    const BEGIN: &str = "<!-- clients: begin -->\n";
    const END: &str = "<!-- clients: end -->";
    const OPERATIONS: &str = include_str!("../../src/api/operations.txt");
    /// Writing reads the table first.
    static WRITING: Mutex<()> = Mutex::new(());

    struct Row {
        operation: String,
        request: String,
        by: [bool; 3],
    }

    fn path() -> String {
        format!("{HERE}/../../docs/emulator.md")
    }

    /// The text before the table, its rows, and the text behind.
    fn read() -> (String, Vec<Row>, String) {
        let text = std::fs::read_to_string(path()).unwrap();
        let (before, rest) = text.split_once(BEGIN).expect("docs/emulator.md says where its table begins");
        let (table, after) = rest.split_once(END).expect("docs/emulator.md says where its table ends");
        let rows = table.lines().skip(2).map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            let [operation, request, python, hcloud, ansible] = cells[..] else { panic!("no row: {line}") };
            let bare = |cell: &str| cell.trim_matches('`').to_owned();
            let by = [python, hcloud, ansible].map(|cell| cell == "yes");
            Row { operation: bare(operation), request: bare(request), by }
        });
        (before.to_owned(), rows.collect(), after.to_owned())
    }

    fn documented() -> Vec<(String, String)> {
        let lines = OPERATIONS.lines().map(|line| line.split_once(' ').unwrap());
        lines.map(|(name, request)| (name.to_owned(), request.to_owned())).collect()
    }

    fn write(column: usize, seen: &BTreeSet<String>) {
        let _writing = WRITING.lock();
        let (before, old, after) = read();
        let mut text = format!("{before}{BEGIN}| operation | request | {} |\n", CLIENTS.join(" | "));
        text.push_str("|---|---|---|---|---|\n");
        for (operation, request) in documented() {
            let mut by = old.iter().find(|row| row.operation == operation).map_or([false; 3], |row| row.by);
            by[column] = seen.contains(&operation);
            let [a, b, c] = by.map(|yes| if yes { "yes" } else { "" });
            let _ = writeln!(text, "| `{operation}` | `{request}` | {a} | {b} | {c} |");
        }
        std::fs::write(path(), format!("{text}{END}{after}")).unwrap();
    }

    /// Fails unless the table says just these operations of a client.
    pub(super) fn check(client: &str, seen: &BTreeSet<String>) {
        let column = CLIENTS.iter().position(|name| *name == client).unwrap();
        if std::env::var_os(WRITE).is_some() {
            return write(column, seen);
        }
        let said: BTreeSet<String> =
            read().1.into_iter().filter(|row| row.by[column]).map(|row| row.operation).collect();
        let missing: Vec<_> = seen.difference(&said).collect();
        let wrong: Vec<_> = said.difference(seen).collect();
        assert!(
            missing.is_empty() && wrong.is_empty(),
            "the table in docs/emulator.md is not current for {client}: it lacks {missing:?} and has {wrong:?}, \
             which it did not ask for; {WRITE}=1 writes it"
        );
    }

    #[test]
    fn every_documented_operation_is_in_the_table_once_and_in_order() {
        let listed: Vec<(String, String)> =
            read().1.into_iter().map(|row| (row.operation, row.request)).collect();
        assert_eq!(listed, documented());
    }
}
