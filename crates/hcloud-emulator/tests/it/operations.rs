//! Every operation that is served, as data: what it changes in the world, and an error that is documented for it.
//!
//! `tests/operations/*.txt` has a section an operation, under its official name. Its lines, in this order:
//!
//! ```text
//! create_volume
//!   given POST /path {body}          what must have been done before (any number of these)
//!   POST /volumes {"name": "new"}    the request itself, which must succeed
//!   > volume/size = 10               a field of the answer; without `= …` it is there and not empty
//!   * create_volume                  the command of an action that it began; all of them, in alphabetical order
//!   + volumes/new size = 10          an object that is new, with a field of it
//!   ~ servers/web volumes/0 = $data  an object that changed, with a field that was another before (and is …)
//!   - volumes/data                   an object that is gone
//!   ! 404 not_found: POST /path {}   a request for the same operation that is refused, afterwards; `none: why` if none is
//! ```
//!
//! Every object that is new, changed or gone must be named; `absent` stands for a field that is not there. `$web` is the
//! id of the object called `web`, `$web.ip` its address, `$web.action` its first action. An operation that always refuses
//! has no request but the refused one. Each section has a world of its
//! own, made by [`furnish`].

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use ferroform_hcloud_emulator::ClockMode;
use serde_json::{Value, json};

use crate::harness::{Cloud, server, with};

const OPERATIONS: &str = include_str!("../../src/api/operations.txt");
const DOCUMENTED_ERRORS: &str = include_str!("../openapi/errors.txt");
const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl a@b";
const CERTIFICATE: &str = include_str!("../fixtures/certificate.pem");

#[derive(Debug, Default)]
struct Case {
    operation: String,
    at: String,
    given: Vec<Request>,
    request: Option<Request>,
    answer: Vec<String>,
    actions: Vec<String>,
    changes: Vec<String>,
    refused: Option<(String, Request)>,
}

#[derive(Debug)]
struct Request {
    method: String,
    path: String,
    body: String,
}

impl Request {
    fn parse(text: &str) -> Self {
        let (method, rest) = text.split_once(' ').unwrap_or_else(|| panic!("no request: {text}"));
        let (path, body) = rest.split_once(' ').unwrap_or((rest, ""));
        Self { method: method.to_owned(), path: path.to_owned(), body: body.to_owned() }
    }
}

fn parse(file: &str, text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        if !line.starts_with(' ') {
            let at = format!("{file}:{}", number + 1);
            cases.push(Case { operation: line.to_owned(), at, ..Case::default() });
            continue;
        }
        let case = cases.last_mut().expect("a name before the first line");
        let line = line.trim();
        match line.split_once(' ').unwrap_or((line, "")) {
            ("given", request) => case.given.push(Request::parse(request)),
            (">", field) => case.answer.push(field.to_owned()),
            ("*", command) => case.actions.push(command.to_owned()),
            ("+" | "~" | "-", _) => case.changes.push(line.to_owned()),
            ("!", refused) => {
                let (outcome, request) = refused.split_once(": ").expect("an outcome and a request");
                case.refused = Some((outcome.to_owned(), Request::parse(request)));
            }
            _ => case.request = Some(Request::parse(line)),
        }
    }
    cases
}

fn cases() -> Vec<Case> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/operations");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "txt"));
    files.sort();
    let read = |file: &std::path::PathBuf| {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        parse(&name, &std::fs::read_to_string(file).unwrap())
    };
    files.iter().flat_map(read).collect()
}

/// A world with something of every kind: `web` is a server with everything attached, `off` a plain one.
async fn furnish(cloud: &Cloud) {
    let key = cloud.create("ssh_keys", json!({"name": "key", "public_key": KEY})).await;
    cloud.create("placement_groups", json!({"name": "group", "type": "spread"})).await;
    let net = json!({"name": "net", "ip_range": "10.0.0.0/16",
        "subnets": [{"type": "cloud", "ip_range": "10.0.1.0/24", "network_zone": "eu-central"}],
        "routes": [{"destination": "10.100.0.0/16", "gateway": "10.0.1.9"}]});
    let net = cloud.create("networks", net).await;
    let rule = json!({"direction": "in", "protocol": "tcp", "port": "22", "source_ips": ["0.0.0.0/0"]});
    let wall = cloud.create("firewalls", json!({"name": "wall", "rules": [rule]})).await;
    let volume = |name: &str| json!({"name": name, "size": 10, "location": "fsn1"});
    let data = cloud.create("volumes", volume("data")).await;
    cloud.create("volumes", volume("spare")).await;
    let body = json!({"ssh_keys": [key.to_string()], "networks": [net], "volumes": [data],
        "firewalls": [{"firewall": wall}], "labels": {"role": "web"}});
    let web = cloud.create("servers", with(server("web"), body)).await;
    cloud.create("servers", with(server("off"), json!({"start_after_create": false}))).await;
    let image = json!({"type": "snapshot", "description": "snap"});
    cloud.post(&format!("/servers/{web}/actions/create_image"), image).await;
    cloud.create("floating_ips", json!({"name": "float", "type": "ipv4", "home_location": "fsn1"})).await;
    let own = json!({"name": "own", "type": "ipv6", "location": "fsn1"});
    cloud.create("primary_ips", own).await;
    let key = "-----BEGIN PRIVATE KEY-----\nnone\n-----END PRIVATE KEY-----\n";
    let tls = json!({"name": "tls", "type": "uploaded", "certificate": CERTIFICATE, "private_key": key});
    let tls = cloud.create("certificates", tls).await;
    let managed = json!({"name": "managed", "type": "managed", "domain_names": ["example.net"]});
    cloud.create("certificates", managed).await;
    let health = json!({"protocol": "tcp", "port": 80, "interval": 15, "timeout": 10, "retries": 3});
    let service = json!({"protocol": "https", "listen_port": 443, "destination_port": 80, "proxyprotocol": false,
        "health_check": health, "http": {"certificates": [tls]}});
    let targets = json!([{"type": "server", "server": {"id": web}}]);
    let balancer = json!({"name": "lb", "load_balancer_type": "lb11", "location": "fsn1", "network": net,
        "targets": targets});
    let balancer = cloud.create("load_balancers", balancer).await;
    cloud.post(&format!("/load_balancers/{balancer}/actions/add_service"), service).await;
    let www = json!({"name": "www", "type": "A", "records": [{"value": "192.0.2.1"}]});
    cloud.post("/zones", json!({"name": "example.com", "mode": "primary", "rrsets": [www]})).await;
    let servers = json!([{"address": "192.0.2.53"}]);
    let second = json!({"name": "example.org", "mode": "secondary", "primary_nameservers": servers});
    cloud.post("/zones", second).await;
    let password = "Rosenkohl-2026";
    let new = json!({"name": "box", "storage_box_type": "bx11", "location": "fsn1", "password": password});
    let id = cloud.create("storage_boxes", new).await;
    for (kind, body) in [
        ("subaccounts", json!({"name": "sub", "home_directory": "web", "password": password})),
        ("snapshots", json!({"description": "shot"})),
    ] {
        // It is locked as long as an action runs.
        cloud.get(&format!("/storage_boxes/{id}")).await;
        cloud.post(&format!("/storage_boxes/{id}/{kind}"), body).await;
    }
}

/// The objects of a world by kind and name, and how many actions of each command there were.
#[derive(Debug, Default)]
struct World {
    objects: BTreeMap<String, Value>,
    actions: BTreeMap<String, u64>,
    /// What `$…` stands for.
    words: BTreeMap<String, String>,
}

async fn look(cloud: &Cloud) -> World {
    // What happens when one looks has happened then.
    cloud.get("/locations/1").await;
    let dump = cloud.world().await;
    let mut world = World::default();
    for action in dump["actions"]["objects"].as_array().unwrap() {
        *world.actions.entry(action["command"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    for (kind, objects) in dump.as_object().unwrap() {
        for object in objects["objects"].as_array().unwrap() {
            if kind == "actions" {
                continue;
            }
            let named = |field: &str| object[field].as_str().filter(|name| !name.is_empty());
            // A snapshot of a storage box is named by its moment.
            let called = if kind == "storage_box_snapshots" { None } else { named("name") };
            let name = called.or_else(|| named("description")).unwrap_or("-");
            world.words.insert(name.to_owned(), object["id"].to_string());
            let public = &object["public_net"]["ipv4"]["ip"];
            if let Some(ip) = object["ip"].as_str().or_else(|| public.as_str()) {
                // Of a network, its first address.
                world.words.insert(format!("{name}.ip"), ip.replace("/64", "1"));
            }
            let of = |action: &&Value| {
                let resources = action["resources"].as_array().unwrap();
                resources.iter().any(|resource| resource["id"] == object["id"])
            };
            if let Some(action) = dump["actions"]["objects"].as_array().unwrap().iter().find(of) {
                world.words.insert(format!("{name}.action"), action["id"].to_string());
            }
            world.objects.insert(format!("{kind}/{name}"), object.clone());
        }
    }
    world
}

/// A text with the words that begin with `$` replaced by what they stand for.
fn fill(text: &str, words: &BTreeMap<String, String>) -> String {
    let mut parts = text.split('$');
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        // The longest word that it begins with: `web.ip` rather than `web`.
        let known = words.iter().filter(|(word, _)| part.starts_with(word.as_str()));
        let (word, meaning) =
            known.max_by_key(|(word, _)| word.len()).unwrap_or_else(|| panic!("no such word: ${part}"));
        assert!(!part[word.len()..].starts_with(".action"), "{word} has no action");
        filled.push_str(meaning);
        filled.push_str(&part[word.len()..]);
    }
    filled
}

/// A field by its path; `absent` if it is not there.
fn field(value: &Value, path: &str) -> Value {
    value.pointer(&format!("/{path}")).cloned().unwrap_or_else(|| "absent".into())
}

fn wanted(text: &str) -> Value {
    if text == "absent" {
        text.into()
    } else {
        serde_json::from_str(text).unwrap_or_else(|_| panic!("no JSON: {text}"))
    }
}

async fn send(cloud: &Cloud, request: &Request, words: &BTreeMap<String, String>) -> crate::harness::Answer {
    let path = fill(&request.path, words);
    let body = fill(&request.body, words);
    let body = if body.is_empty() {
        Value::Null
    } else {
        serde_json::from_str(&body).unwrap_or_else(|error| panic!("{body}: {error}"))
    };
    cloud.call(&request.method, &path, body).await
}

/// What is wrong with an operation, if anything is.
async fn problems(case: &Case, cloud: &Cloud, start: World) -> Vec<String> {
    let mut problems = Vec::new();
    for given in &case.given {
        let answer = send(cloud, given, &look(cloud).await.words).await;
        assert!(answer.status < 300, "{}: {given:?}: {}", case.at, answer.text);
    }
    let before = if case.given.is_empty() { start } else { look(cloud).await };
    let Some(request) = &case.request else {
        // Gone from the API: there is only the refusal.
        let Some((outcome, request)) = &case.refused else { return vec!["has no request".to_owned()] };
        let answer = send(cloud, request, &before.words).await;
        return if answer.outcome() == *outcome { Vec::new() } else { vec![answer.text] };
    };
    let answer = send(cloud, request, &before.words).await;
    check_route(case, cloud, "the request", &mut problems).await;
    if answer.status >= 300 {
        return vec![format!("was refused: {}", answer.text)];
    }
    let mut words = before.words.clone();
    let after = look(cloud).await;
    words.extend(after.words.clone());
    for line in &case.answer {
        let (path, expected) = line.split_once(" = ").map_or((line.as_str(), None), |(p, e)| (p, Some(e)));
        let got = field(&answer.body, path);
        match expected.map(|expected| wanted(&fill(expected, &words))) {
            Some(expected) if got != expected => problems.push(format!("answered {path} = {got}")),
            None if got == "absent" || got.is_null() || got == "" => {
                problems.push(format!("did not answer {path}: {}", answer.text));
            }
            _ => {}
        }
    }
    compare(case, &before, &after, &words, &mut problems);
    if request.method == "GET" && (after.objects != before.objects || after.actions != before.actions) {
        problems.push("changed something by reading".to_owned());
    }
    match &case.refused {
        None => problems.push("has no request that is refused".to_owned()),
        Some((outcome, _)) if outcome == "none" => {}
        Some((outcome, request)) => {
            let answer = send(cloud, request, &words).await;
            if answer.outcome() != *outcome {
                problems.push(format!("answered {} instead of {outcome}: {}", answer.outcome(), answer.text));
            }
            check_route(case, cloud, "the refused request", &mut problems).await;
        }
    }
    problems
}

/// Finds out from the request log whether the last request was for the operation.
async fn check_route(case: &Case, cloud: &Cloud, what: &str, problems: &mut Vec<String>) {
    let log = cloud.control("GET", "/requests?limit=1", Value::Null).await.body;
    let route = &log["requests"][0]["route"];
    if *route != case.operation {
        problems.push(format!("{what} is for {route}"));
    }
}

/// Holds what changed against what should have.
fn compare(
    case: &Case,
    before: &World,
    after: &World,
    words: &BTreeMap<String, String>,
    problems: &mut Vec<String>,
) {
    let mut began = Vec::new();
    for (command, count) in &after.actions {
        let earlier = before.actions.get(command).copied().unwrap_or_default();
        began.extend((earlier..*count).map(|_| command.clone()));
    }
    if began != case.actions {
        problems.push(format!("began the actions {began:?}"));
    }
    let mut named = BTreeSet::new();
    for line in &case.changes {
        let mut parts = line.splitn(3, ' ');
        let (sign, object) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        named.insert((sign, object));
        let (was, is) = (before.objects.get(object), after.objects.get(object));
        if (was.is_some(), is.is_some()) != (sign != "+", sign != "-") {
            problems.push(format!("{line}: it was there: {}, it is there: {}", was.is_some(), is.is_some()));
            continue;
        }
        let (Some(change), Some(is)) = (parts.next(), is) else { continue };
        let (path, expected) = change.split_once(" = ").map_or((change, None), |(p, e)| (p, Some(e)));
        let got = field(is, path);
        if let Some(expected) = expected
            && got != wanted(&fill(expected, words))
        {
            problems.push(format!("{line}: it is {got}"));
        } else if was.is_some_and(|was| field(was, path) == got) {
            problems.push(format!("{line}: it was so before"));
        }
    }
    let all: BTreeSet<&String> = before.objects.keys().chain(after.objects.keys()).collect();
    for object in all {
        let (was, is) = (before.objects.get(object), after.objects.get(object));
        let sign = match (was, is) {
            (None, _) => "+",
            (_, None) => "-",
            (was, is) if was != is => "~",
            _ => continue,
        };
        if !named.contains(&(sign, object.as_str())) {
            let found = differences(was.unwrap_or(&Value::Null), is.unwrap_or(&Value::Null));
            problems.push(format!("{sign} {object} is not named: {found:?}"));
        }
    }
}

/// The fields that differ, with what they are now.
fn differences(was: &Value, is: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![(String::new(), was, is)];
    while let Some((path, was, is)) = open.pop() {
        match (was, is) {
            (was, is) if was == is => {}
            (Value::Object(old), Value::Object(new)) => {
                let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
                open.extend(names.into_iter().map(|name| (format!("{path}/{name}"), &was[name], &is[name])));
            }
            (_, is) => found.push(format!("{} = {is}", path.trim_start_matches('/'))),
        }
    }
    found
}

/// The world of a file.
async fn open(file: &Path) -> Cloud {
    Cloud::start(|builder| builder.clock(ClockMode::Instant).state_file(file)).await
}

/// A copy of a world that is not running, in a folder of its own.
fn copied(file: &Path, folder: &Path) -> PathBuf {
    std::fs::create_dir(folder).unwrap();
    let copy = folder.join("cloud.json");
    std::fs::copy(file, &copy).unwrap();
    copy
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_changes_what_it_should_and_refuses_what_is_documented() {
    let mut report = String::new();
    let folder = tempfile::tempdir().unwrap();
    let furnished = folder.path().join("furnished.json");
    let cloud = open(&furnished).await;
    furnish(&cloud).await;
    look(&cloud).await;
    cloud.handle.shutdown().await;
    // What only reads can share a world, and finds out if another changed it.
    let common = open(&copied(&furnished, &folder.path().join("common"))).await;
    for case in cases() {
        let reads =
            case.given.is_empty() && case.request.as_ref().is_none_or(|request| request.method == "GET");
        let place = folder.path().join(&case.operation);
        let own = if reads { None } else { Some(open(&copied(&furnished, &place)).await) };
        let cloud = own.as_ref().unwrap_or(&common);
        for problem in problems(&case, cloud, look(cloud).await).await {
            report += &format!("{} {} {problem}\n", case.at, case.operation);
        }
    }
    assert!(report.is_empty(), "{report}");
}

#[test]
fn every_refusal_is_documented_for_its_operation() {
    let undocumented: Vec<String> = (cases().iter())
        .filter_map(|case| Some((case, &case.refused.as_ref()?.0)))
        .filter(|(case, outcome)| {
            let mut lines = DOCUMENTED_ERRORS.lines().filter_map(|line| line.split_once(' '));
            *outcome != "none"
                && !lines.any(|(operation, error)| {
                    (operation == "*" || operation == case.operation) && error == outcome.as_str()
                })
        })
        .map(|(case, outcome)| format!("{} {} {outcome}", case.at, case.operation))
        .collect();
    assert!(undocumented.is_empty(), "{undocumented:#?}");
}

#[tokio::test]
async fn every_operation_that_is_served_is_tested_once() {
    let cloud = Cloud::instant().await;
    let tested: Vec<String> = cases().into_iter().map(|case| case.operation).collect();
    let twice: Vec<&String> = tested
        .iter()
        .enumerate()
        .filter(|(at, name)| tested[..*at].contains(name))
        .map(|(_, name)| name)
        .collect();
    assert_eq!(twice, Vec::<&String>::new(), "operations with two sections");
    let mut untested = Vec::new();
    for line in OPERATIONS.lines() {
        let [name, method, path] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        // Any ids and names will do: it is asked whether there is a route.
        let parts = path.split('/').map(|part| if part.starts_with('{') { "1" } else { part });
        let path = format!("/v1{}", parts.collect::<Vec<_>>().join("/"));
        let answer = cloud.raw(method, &path, &Value::Null).await.unwrap();
        let served = answer.body["error"]["message"] != "api route not found";
        if served && !tested.iter().any(|tested| tested == name) {
            untested.push(name);
        }
    }
    assert!(untested.is_empty(), "served, but without a section in tests/operations: {untested:?}");
}
