//! Objects that move, are forgotten, come under management and are checked, from the command line.

use serde_json::Value;

use crate::harness::{Project, Run};

/// Standard output must hold these parts.
#[track_caller]
fn shows(run: &Run, parts: &[&str]) {
    for part in parts {
        assert!(run.stdout.contains(part), "no {part:?} in: {run}");
    }
}

/// Address and id of each object of the state.
fn objects(project: &Project) -> Vec<(String, String)> {
    let state: Value = serde_json::from_str(&project.read("terraform.tfstate")).unwrap();
    let mut found = Vec::new();
    for resource in state["resources"].as_array().unwrap() {
        for instance in resource["instances"].as_array().unwrap() {
            let key = instance.get("index_key").map(|key| format!("[{key}]")).unwrap_or_default();
            let name = resource["name"].as_str().unwrap();
            found.push((format!("{name}{key}"), instance["attributes"]["id"].as_str().unwrap().to_owned()));
        }
    }
    found
}

#[test]
fn a_plan_of_nothing_but_moves_is_a_change_and_its_file_moves_the_objects() {
    let project =
        Project::new("resource \"terraform_data\" \"a\" {}\nresource \"terraform_data\" \"b\" {}\n");
    project.run("apply -auto-approve").ok();
    let before = objects(&project);
    project.configure(
        "moved {\n  from = terraform_data.a\n  to   = terraform_data.c\n}\nmoved {\n  from = terraform_data.b\n  \
         to   = terraform_data.d[0]\n}\nresource \"terraform_data\" \"c\" {}\nresource \"terraform_data\" \"d\" {\n  count = 1\n}\n",
    );
    shows(
        &project.run("plan -detailed-exitcode -out=saved").code_is(2),
        &[
            "# terraform_data.a has moved to terraform_data.c",
            "# terraform_data.b has moved to terraform_data.d[0]",
            "Plan: 0 to add, 0 to change, 0 to destroy.",
        ],
    );
    assert_eq!(objects(&project), before, "a plan changes nothing");
    project.run("apply saved").ok();
    let ids: Vec<&String> = before.iter().map(|(_, id)| id).collect();
    assert_eq!(objects(&project), [("c".to_owned(), ids[0].clone()), ("d[0]".to_owned(), ids[1].clone())]);
    project.run("plan -detailed-exitcode").ok();
}

#[test]
fn what_is_removed_is_forgotten_and_comes_back_by_its_id() {
    let declared = "resource \"terraform_data\" \"a\" {\n  count = 2\n}\n";
    let project = Project::new(declared);
    project.run("apply -auto-approve").ok();
    let before = objects(&project);
    project.configure("removed {\n  from = terraform_data.a\n  lifecycle {\n    destroy = false\n  }\n}\n");
    shows(
        &project.run("apply -auto-approve").ok(),
        &[
            " # terraform_data.a[0] will no longer be managed by Ferroform, but will not be destroyed",
            "Warning: Some objects will no longer be managed by Ferroform",
            "Apply complete! Resources: 0 added, 0 changed, 0 destroyed.",
        ],
    );
    assert_eq!(objects(&project), []);
    let [(_, first), (_, second)] = &before[..] else { panic!("{before:?}") };
    project.configure(&format!("{declared}import {{\n  to = terraform_data.a[0]\n  id = \"{first}\"\n}}\n"));
    shows(&project.run(&format!("import terraform_data.a[1] {second}")).ok(), &["Import successful!"]);
    project.run("import terraform_data.a[1] other").one_error("Resource already managed by Ferroform");
    project
        .run("import terraform_data.a[2] other")
        .one_error("Configuration for import target does not exist");
    project.run("import data.x.y other").one_error("Invalid address");
    shows(
        &project.run("apply -auto-approve").ok(),
        &[
            "# terraform_data.a[0] will be imported",
            "Plan: 1 to import, 0 to add, 0 to change, 0 to destroy.",
            "terraform_data.a[0]: Import complete",
            "Apply complete! Resources: 1 imported, 0 added, 0 changed, 0 destroyed.",
        ],
    );
    assert_eq!(objects(&project), before);
    project.run("plan -detailed-exitcode").ok();
}

#[test]
fn a_check_that_fails_is_told_and_stops_nothing() {
    let project = Project::new(
        "resource \"terraform_data\" \"a\" {\n  input = \"x\"\n}\ncheck \"c\" {\n  assert {\n    \
         condition     = terraform_data.a.output == \"y\"\n    error_message = \"It is ${terraform_data.a.output}.\"\n  }\n}\n",
    );
    shows(&project.run("plan").ok(), &["Warning: Check block assertion known after apply"]);
    shows(
        &project.run("apply -auto-approve").ok(),
        &["Warning: Check block assertion failed", "terraform_data.a.output is \"x\"", "It is x."],
    );
    assert_eq!(objects(&project).len(), 1);
}

#[test]
fn generated_configuration_is_refused_in_words() {
    let project = Project::new("resource \"terraform_data\" \"a\" {}\n");
    project.run("plan -generate-config-out=x.tf").one_error("Configuration is not generated");
}
