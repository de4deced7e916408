//! `show -json` of a saved plan says what Terraform says of its own, and `plan -json` and `apply -json` tell programs what
//! Terraform tells them, as recorded in `recorded/`. Where Terraform is present it does the same once more; with
//! FERROFORM_ORACLE=record it records.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::harness::{Project, Run, has_oracle};

/// The configuration of every case.
const STACK: &str = include_str!("stack.txt");

/// A case: its name, the options of the plan, and what is changed in the configuration.
const CASES: [(&str, &str, &[(&str, &str)]); 6] = [
    ("created", "", &[]),
    ("changed", "-var=v=y", &[]),
    ("destroyed", "-destroy", &[]),
    ("targeted", "-var=v=y -target=terraform_data.keep -target=module.m", &[]),
    (
        "moved",
        "-replace=terraform_data.keep",
        &[
            ("module \"m\"", "moved {\n  from = module.m[\"a\"]\n  to   = module.k[\"a\"]\n}\nmodule \"k\""),
            ("\"change\" {", "\"changed\" {"),
        ],
    ),
    (
        "imported",
        "-var=v=y",
        &[
            (
                "check \"c\"",
                "import {\n  to = terraform_data.found\n  id = \"found\"\n}\nresource \"terraform_data\" \"found\" {\n  input = \"i\"\n}\n\
                 import {\n  to = terraform_data.same\n  id = \"same\"\n}\nresource \"terraform_data\" \"same\" {}\ncheck \"c\"",
            ),
            ("[var.v]\n", "[\"x\"]\n"),
            ("  lifecycle {\n", "  lifecycle {\n    replace_triggered_by = [terraform_data.keep]\n"),
        ],
    ),
];

/// Where what Terraform said of a case is kept.
fn recording(name: &str, kind: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/plan_json/recorded").join(format!("{name}.{kind}"))
}

/// The directory of a case. All but the first start from what the first made.
fn project(name: &str, changes: &[(&str, &str)]) -> Project {
    let mut text = STACK.to_owned();
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    let project = Project::new(&text);
    if name != "created" {
        project.write("terraform.tfstate", include_bytes!("prior.json"));
    }
    project
}

/// What is compared of a document.
fn comparable(mut document: Value) -> Value {
    let members = document.as_object_mut().unwrap();
    assert!(members.remove("timestamp").is_some());
    for not_there_yet in ["configuration", "relevant_attributes"] {
        members.remove(not_there_yet);
    }
    // Terraform's has outputs in it that only this plan will make.
    if let Some(values) = document.pointer_mut("/prior_state/values") {
        values.as_object_mut().unwrap().remove("outputs");
        if values["root_module"] == json!({}) {
            document.as_object_mut().unwrap().remove("prior_state");
        }
    }
    document
}

/// What is compared of the messages of a run: one an object of JSON, in their order, but for those of single objects, which
/// come in any order and stand sorted before the others.
fn messages(stdout: &str) -> Value {
    let mut of_objects = Vec::new();
    let mut others = Vec::new();
    for line in stdout.lines() {
        let mut message: Value =
            serde_json::from_str(&without_uuids(line)).unwrap_or_else(|e| panic!("{e}: {line}"));
        let members = message.as_object_mut().unwrap();
        assert_eq!(members.remove("@module"), Some("terraform.ui".into()));
        assert!(members.remove("@timestamp").is_some());
        let text = members["@message"].as_str().unwrap().to_owned();
        match members["type"].as_str().unwrap() {
            // Ferroform reads all objects at once, and has more to tell.
            "refresh_start" | "refresh_complete" | "log" => continue,
            "version" => {
                members.remove("@message");
                members.remove("ferroform");
                others.push(message);
            }
            // Wording and excerpts are a matter of other tests; Terraform tells of warnings at the end.
            "diagnostic" => {
                let diagnostic = members["diagnostic"].as_object_mut().unwrap();
                diagnostic.retain(|name, _| ["severity", "summary", "address"].contains(&name.as_str()));
                of_objects.push(message);
            }
            "apply_start" | "apply_complete" | "apply_errored" | "planned_change" | "resource_drift" => {
                if let Some(seconds) = message.pointer_mut("/hook/elapsed_seconds") {
                    assert!(seconds.is_u64(), "{line}");
                    *seconds = 0.into();
                }
                if let Some((before, after)) = text.split_once(" after ") {
                    let rest = after.split_once(' ').map_or("", |(_, rest)| rest);
                    message["@message"] = format!("{before} after 0s {rest}").trim_end().into();
                }
                of_objects.push(message);
            }
            _ => others.push(message),
        }
    }
    of_objects.sort_by_key(Value::to_string);
    of_objects.into_iter().chain(others).collect()
}

/// The text with every UUID replaced: each run makes other ones.
fn without_uuids(text: &str) -> String {
    let is_uuid = |part: &[u8]| {
        part.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
    };
    let mut text = text.to_owned();
    while let Some(at) = text.as_bytes().windows(36).position(is_uuid) {
        text.replace_range(at..at + 36, "UUID");
    }
    text
}

/// What a program says of a case: the document of the saved plan, and the messages of planning and of applying it.
struct Said {
    document: Value,
    messages: Value,
}

impl Said {
    /// Lets a program do the case: `run` takes its arguments and gives what it printed.
    fn by(run: impl Fn(&str) -> String, options: &str) -> Said {
        let mut plan = messages(&run(&format!("plan -json -out=saved {options}")));
        // Terraform reads data sources before it destroys all as well.
        plan.as_array_mut().unwrap().retain(|message| message["hook"]["action"] != "read");
        let document = comparable(serde_json::from_str(&run("show -json saved")).unwrap());
        let apply = messages(&run("apply -json saved"));
        Said { document, messages: json!({ "plan": plan, "apply": apply }) }
    }

    fn by_terraform(name: &str, options: &str, changes: &[(&str, &str)]) -> Said {
        let project = project(name, changes);
        let terraform = |line: &str| {
            let mut command = Command::new("terraform");
            project.prepare(&mut command);
            let output = command.args(line.split_whitespace()).output().unwrap();
            assert!(output.status.success(), "{line}: {output:?}");
            String::from_utf8(output.stdout).unwrap()
        };
        terraform("init");
        Said::by(terraform, options)
    }

    fn recorded(name: &str) -> Said {
        let read = |kind| serde_json::from_slice(&fs::read(recording(name, kind)).unwrap()).unwrap();
        Said { document: read("json"), messages: read("messages.json") }
    }

    fn record(&self, name: &str) {
        for (kind, json) in [("json", &self.document), ("messages.json", &self.messages)] {
            fs::write(recording(name, kind), serde_json::to_string_pretty(json).unwrap() + "\n").unwrap();
        }
    }

    #[track_caller]
    fn is(&self, expected: &Said, name: &str) {
        for (ours, theirs) in [(&self.document, &expected.document), (&self.messages, &expected.messages)] {
            for (member, theirs) in theirs.as_object().unwrap() {
                let ours = &ours[member];
                if let (Some(ours), Some(theirs)) = (ours.as_array(), theirs.as_array()) {
                    let not_in = |of: &[Value], others: &[Value]| -> Vec<String> {
                        of.iter().filter(|item| !others.contains(item)).map(Value::to_string).collect()
                    };
                    let (more, less) = (not_in(ours, theirs), not_in(theirs, ours));
                    assert!(
                        more.is_empty() && less.is_empty(),
                        "{name}: {member}: {more:#?} instead of {less:#?}"
                    );
                }
                assert_eq!(ours, theirs, "{name}: {member}");
            }
            assert_eq!(ours, theirs, "{name}");
        }
    }
}

#[test]
fn a_plan_and_its_apply_are_told_as_terraform_tells_them() {
    let record = std::env::var("FERROFORM_ORACLE").is_ok_and(|mode| mode == "record");
    let present = has_oracle("terraform");
    for (name, options, changes) in CASES {
        if present {
            let theirs = Said::by_terraform(name, options, changes);
            if record {
                theirs.record(name);
            }
            theirs.is(&Said::recorded(name), &format!("{name}, Terraform against what is recorded"));
        }
        let project = project(name, changes);
        Said::by(|line| project.run(line).ok().stdout, options).is(&Said::recorded(name), name);
    }
}

const NETWORKS: &str = "terraform {\n  required_providers {\n    hcloud = { source = \"hetznercloud/hcloud\" }\n  }\n}\nresource \"hcloud_network\" \"n\" {\n  count    = 2\n  name     = \"n${count.index}\"\n  ip_range = \
                        \"10.0.0.0/16\"\n}\n";

/// The types and texts of the messages of a run, which says nothing else.
#[track_caller]
fn told(run: &Run) -> Vec<(String, String)> {
    assert_eq!(run.stderr, "", "{run}");
    let message = |line: &str| {
        let message: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {run}"));
        assert!(message["@level"].is_string() && message["@timestamp"].is_string(), "{line}");
        let text = |name: &str| message[name].as_str().unwrap().to_owned();
        (text("type"), text("@message"))
    };
    let told: Vec<_> = run.stdout.lines().map(message).collect();
    assert_eq!(told.first().map(|(kind, _)| &**kind), Some("version"), "{run}");
    told
}

#[test]
fn programs_get_nothing_but_messages_whatever_happens() {
    let mut project = Project::new(NETWORKS);
    let cloud = project.serve(0.0);
    let run = project.run("apply -local -json").code_is(1);
    let refused = ("diagnostic".to_owned(), "Error: Plan file or auto-approve required".to_owned());
    assert_eq!(told(&run)[1..], [refused]);
    cloud.fault(&json!({
        "method": "POST", "path": "/networks", "effect": { "error": "resource_limit_exceeded" }
    }));
    let run = project.run("apply -local -json -auto-approve").code_is(1);
    let messages = told(&run);
    let count = |kind: &str| messages.iter().filter(|(other, _)| other == kind).count();
    let counts =
        ["planned_change", "apply_start", "apply_complete", "apply_errored", "diagnostic"].map(count);
    assert_eq!(counts, [2, 2, 1, 1, 1], "{run}");
    // The summary of the plan; there is none of an apply that failed.
    assert_eq!(count("change_summary"), 1, "{run}");
    assert!(messages.iter().any(|(kind, text)| kind == "log" && text.contains("Done: 1 added")), "{run}");

    let run = project.run("plan -local -json -detailed-exitcode").code_is(2);
    assert_eq!(told(&run).last().unwrap().1, "Plan: 1 to add, 0 to change, 0 to destroy.");
    project.configure("resource \"hcloud_network\" {");
    let run = project.run("plan -local -json").code_is(1);
    assert!(told(&run).len() > 1 && told(&run)[1..].iter().all(|(kind, _)| kind == "diagnostic"), "{run}");
    project.configure(NETWORKS);
    let run = project.run("destroy -local -json -auto-approve").ok();
    assert_eq!(told(&run).last().unwrap().1, "Destroy complete! Resources: 1 destroyed.");
}
