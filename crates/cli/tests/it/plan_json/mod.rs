//! `show -json` of a saved plan says what Terraform says of its own, as recorded in `recorded/`. Where Terraform is present it
//! plans the same once more; with FERROFORM_ORACLE=record it records.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::harness::{Project, has_oracle};

/// The configuration of every case.
const STACK: &str = include_str!("stack.txt");

/// A case: its name, the options of the plan, and what is changed in the configuration.
const CASES: [(&str, &str, &[(&str, &str)]); 5] = [
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
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/plan_json/recorded")
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
        if values["root_module"] == serde_json::json!({}) {
            document.as_object_mut().unwrap().remove("prior_state");
        }
    }
    document
}

/// Terraform's document for a case.
fn theirs(name: &str, options: &str, changes: &[(&str, &str)]) -> Value {
    let project = project(name, changes);
    let terraform = |line: &str| {
        let mut command = Command::new("terraform");
        project.prepare(&mut command);
        let output = command.args(line.split_whitespace()).output().unwrap();
        assert!(output.status.success(), "{line}: {output:?}");
        output.stdout
    };
    terraform("init");
    terraform(&format!("plan -out=saved {options}"));
    comparable(serde_json::from_slice(&terraform("show -json saved")).unwrap())
}

#[test]
fn a_saved_plan_is_told_as_terraform_tells_it() {
    let record = std::env::var("FERROFORM_ORACLE").is_ok_and(|mode| mode == "record");
    let present = has_oracle("terraform");
    for (name, options, changes) in CASES {
        let path = folder().join(name).with_extension("json");
        if present {
            let theirs = theirs(name, options, changes);
            if record {
                fs::write(&path, serde_json::to_string_pretty(&theirs).unwrap() + "\n").unwrap();
            }
            let recorded: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            assert_eq!(theirs, recorded, "{name}: Terraform does not say what is recorded");
        }
        let project = project(name, changes);
        project.run(&format!("plan -out=saved {options}")).ok();
        let ours = comparable(project.run("show -json saved").ok().json());
        let recorded: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        for (member, theirs) in recorded.as_object().unwrap() {
            assert_eq!(ours.get(member), Some(theirs), "{name}: {member}");
        }
        assert_eq!(ours, recorded, "{name}");
    }
}
