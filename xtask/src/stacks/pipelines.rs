//! The workflows that stacks bring along: well-formed, and with no more rights than they need.

use std::path::Path;
use std::process::Command;

use serde_json::{Value as Json, json};

use super::{Faults, files, helper, scripts};
use crate::metadata::{list, text};
use crate::{Result, say};

/// Checks every workflow below `stacks`: `ci/github/*.yml` and `.gitlab-ci.yml`.
pub(super) fn check(root: &Path) -> Result<Faults> {
    let mut faults = Faults::new();
    let mut count = 0;
    for file in files(&root.join("stacks"))? {
        let name = file.strip_prefix(root).unwrap_or(&file).display().to_string();
        let words: &[&str] = if name.contains("/ci/github/") && name.ends_with(".yml") {
            &["--builtin-schema", "vendor.github-workflows"]
        } else if name.ends_with(".gitlab-ci.yml") {
            &["--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci"]
        } else {
            continue;
        };
        count += 1;
        let output = Command::new("check-jsonschema")
            .args(words)
            .arg(&file)
            .output()
            .map_err(|error| format!("stacks: check-jsonschema cannot be run: {error}"))?;
        if !output.status.success() {
            let said = [output.stdout, output.stderr].concat();
            faults.push(format!("{name}: {}", String::from_utf8_lossy(&said)));
            continue;
        }
        if words.contains(&"vendor.github-workflows") {
            let document = helper::ask("documents", &json!([std::fs::read_to_string(&file)?]))?;
            faults.extend(workflow(&document[0]).into_iter().map(|fault| format!("{name}: {fault}")));
            let jobs = document[0]["jobs"].as_object().into_iter().flatten();
            for step in jobs.flat_map(|(_, job)| list(job, "steps")).filter(|step| !step["run"].is_null()) {
                // The runner's shell is bash with -e; what is not set is a mistake all the same.
                let script = format!("#!/bin/bash\nset -eu\n{}\n", text(step, "run"));
                faults.extend(scripts::check(&name, &script)?);
            }
        }
    }
    say(&format!("stacks: {count} workflows"))?;
    if count == 0 {
        faults.push("no workflow was found".to_owned());
    }
    Ok(faults)
}

/// What is wrong with a workflow of GitHub's that its schema allows.
fn workflow(document: &Json) -> Faults {
    let mut faults = Faults::new();
    if !document["permissions"].as_object().is_some_and(serde_json::Map::is_empty) {
        faults.push(
            "its jobs have rights that none of them asked for: `permissions: {}` is missing".to_owned(),
        );
    }
    for (name, job) in document["jobs"].as_object().into_iter().flatten() {
        if job["permissions"].is_null() {
            faults.push(format!("{name}: it does not say which rights it needs"));
        }
        if job["timeout-minutes"].is_null() {
            faults.push(format!("{name}: nothing ends it"));
        }
        let of_pull_requests = text(job, "if").contains("event_name == 'pull_request'");
        let has_secrets = job.to_string().contains("secrets.");
        if of_pull_requests
            && has_secrets
            && !text(job, "if").contains("head.repo.full_name == github.repository")
        {
            faults.push(format!("{name}: a pull request of a fork would run with secrets"));
        }
        for step in list(job, "steps") {
            let (uses, run) = (text(step, "uses"), text(step, "run"));
            let revision = uses.rsplit('@').next().unwrap_or_default();
            if !uses.is_empty() && (revision.len() != 40 || !revision.chars().all(|c| c.is_ascii_hexdigit()))
            {
                faults.push(format!("{name}: {uses} is not pinned by a commit"));
            }
            if run.contains("${{") {
                faults.push(format!(
                    "{name}: an expression is put into a script, where it may be run: give it by env"
                ));
            }
            if uses.starts_with("actions/checkout@") && step["with"]["persist-credentials"] != "false" {
                faults.push(format!("{name}: the checkout leaves its token behind: persist-credentials"));
            }
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    const PINNED: &str = "actions/checkout@0123456789abcdef0123456789abcdef01234567";

    fn job(step: Json) -> Json {
        json!({ "permissions": {}, "jobs": { "j": {
            "permissions": { "contents": "read" }, "timeout-minutes": "5", "steps": [step] } } })
    }

    fn seeded(document: &Json, wanted: &str) {
        let faults = workflow(document);
        assert!(faults.len() == 1 && faults[0].contains(wanted), "{faults:?} is not {wanted:?}");
    }

    #[test]
    fn a_workflow_with_more_rights_than_it_needs_is_caught() {
        assert_eq!(
            workflow(&job(json!({ "uses": PINNED, "with": { "persist-credentials": "false" } }))),
            Faults::new()
        );
        seeded(&job(json!({ "uses": "other/action@v4" })), "not pinned by a commit");
        seeded(&job(json!({ "uses": PINNED })), "leaves its token behind");
        seeded(&job(json!({ "run": "echo ${{ github.event.pull_request.title }}" })), "put into a script");
        let mut document = job(json!({ "run": "true" }));
        document["permissions"] = json!({ "contents": "write" });
        seeded(&document, "none of them asked for");
        document = job(json!({ "run": "true" }));
        document["jobs"]["j"]["permissions"] = Json::Null;
        seeded(&document, "which rights it needs");
        document = job(json!({ "run": "true" }));
        document["jobs"]["j"]["timeout-minutes"] = Json::Null;
        seeded(&document, "nothing ends it");
        document = job(json!({ "run": "true", "env": { "TOKEN": "${{ secrets.TOKEN }}" } }));
        document["jobs"]["j"]["if"] = json!("github.event_name == 'pull_request'");
        seeded(&document, "a fork would run with secrets");
    }
}
