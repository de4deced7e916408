//! Terraform and Ferroform evaluate the stacks alike.
//!
//! Both are given the same configuration without providers (see [`super::pure`]) and the same variables, and every
//! local value, every expression of a resource and every output of every module is compared.

use std::path::Path;

use serde_json::Value as Json;

use super::applied::{Applied, clean_command, finish};
use super::{Context, Faults, copy, pure};
use crate::{Result, say};

/// The version whose behaviour is the measure.
const TERRAFORM: &str = "1.11.4";

/// At most as many differences are told of one environment.
const TOLD: usize = 20;

/// Compares what both engines make of every environment.
pub(super) fn check(context: &Context, environments: &[Applied], scratch: &Path) -> Result<Faults> {
    let terraform = Path::new("terraform");
    let words = ["version", "-json"];
    let version: Json =
        serde_json::from_slice(&finish("terraform", &words, clean_command(terraform, scratch).args(words))?)?;
    if version["terraform_version"] != TERRAFORM {
        return Err(format!(
            "stacks: terraform on PATH is {}; {TERRAFORM} is the measure",
            version["terraform_version"]
        )
        .into());
    }
    let mut faults = Faults::new();
    let mut count = 0;
    for (number, environment) in environments.iter().enumerate() {
        let mut answers = Vec::new();
        for (name, program) in [("terraform", terraform), ("ferroform", context.ferroform.as_path())] {
            let copied = scratch.join(format!("pure-{number}-{name}"));
            for dir in ["stacks", "modules"] {
                copy(&environment.copy.join(dir), &copied.join(dir))?;
            }
            let root_module = environment.root_module(&copied);
            // Only what this environment can use: a rewritten root module of another stays unused.
            pure::rewrite(
                &root_module,
                &[&copied.join("stacks"), &copied.join("modules")],
                &environment.state,
            )?;
            answers.push(evaluate(&environment.title(), program, &root_module, environment)?);
        }
        let [theirs, ours] = answers.as_slice() else { continue };
        let mut found = Faults::new();
        count += compare("", theirs, ours, &mut found);
        let more = found.len().saturating_sub(TOLD);
        found.truncate(TOLD);
        if more > 0 {
            found.push(format!("… and {more} more"));
        }
        found.extend(faithful(ours, environment));
        faults.extend(found.into_iter().map(|fault| format!("{}: {fault}", environment.title())));
    }
    say(&format!("stacks: {count} values compared with Terraform {TERRAFORM}"))?;
    if count == 0 {
        faults.push("nothing was compared".to_owned());
    }
    Ok(faults)
}

/// All outputs of a configuration without providers, as an engine evaluates them.
fn evaluate(title: &str, program: &Path, dir: &Path, environment: &Applied) -> Result<Json> {
    let run = |words: &[&str]| {
        let mut command = clean_command(program, dir);
        command.args(words).env("TF_CLI_CONFIG_FILE", "/dev/null");
        command.envs(environment.variables.iter().map(|(name, value)| (format!("TF_VAR_{name}"), value)));
        finish(title, words, &mut command)
    };
    run(&["init", "-input=false", "-no-color"])?;
    run(&["apply", "-auto-approve", "-input=false", "-no-color"])?;
    Ok(serde_json::from_slice(&run(&["output", "-json", "-no-color"])?)?)
}

/// Collects the differences, and counts what is equal or not.
fn compare(path: &str, theirs: &Json, ours: &Json, faults: &mut Faults) -> usize {
    let at = |part: &str| if path.is_empty() { part.to_owned() } else { format!("{path}.{part}") };
    match (theirs, ours) {
        (Json::Object(theirs), Json::Object(ours)) => {
            let mut count = 0;
            for (name, their) in theirs {
                match ours.get(name) {
                    Some(our) => count += compare(&at(name), their, our, faults),
                    None => faults.push(format!("{}: Ferroform has none", at(name))),
                }
            }
            for name in ours.keys().filter(|name| !theirs.contains_key(*name)) {
                faults.push(format!("{}: Terraform has none", at(name)));
            }
            count
        }
        (Json::Array(theirs), Json::Array(ours)) if theirs.len() == ours.len() => {
            let pairs = theirs.iter().zip(ours).enumerate();
            pairs.map(|(i, (their, our))| compare(&at(&i.to_string()), their, our, faults)).sum()
        }
        _ => {
            if theirs != ours {
                faults.push(format!("{path}: Terraform says {}, Ferroform {}", short(theirs), short(ours)));
            }
            1
        }
    }
}

fn short(value: &Json) -> String {
    let text = value.to_string();
    match text.char_indices().nth(200) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// The configuration without providers is the real one: it gives every server the user data that the cloud was given.
fn faithful(ours: &Json, environment: &Applied) -> Faults {
    let mut given = Vec::new();
    user_data(ours, &mut given);
    let lost =
        environment.servers.iter().filter(|server| !given.contains(&(&server.name, &server.user_data)));
    lost.map(|server| format!("{}: its user data is not what was applied", server.name)).collect()
}

/// Every name and user data that stand side by side.
fn user_data<'a>(value: &'a Json, found: &mut Vec<(&'a str, &'a str)>) {
    if let (Some(name), Some(data)) = (value["name"].as_str(), value["user_data"].as_str()) {
        found.push((name, data));
    }
    match value {
        Json::Object(parts) => parts.values().for_each(|part| user_data(part, found)),
        Json::Array(parts) => parts.iter().for_each(|part| user_data(part, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_kind_of_difference_is_found() {
        let mut faults = Faults::new();
        let theirs = json!({ "same": [1, { "a": "x" }], "other": "1", "missing": null, "list": [1] });
        let ours = json!({ "same": [1, { "a": "x" }], "other": 1, "new": null, "list": [1, 2] });
        let count = compare("", &theirs, &ours, &mut faults);
        assert_eq!(count, 4);
        assert_eq!(
            faults,
            [
                "other: Terraform says \"1\", Ferroform 1",
                "missing: Ferroform has none",
                "list: Terraform says [1], Ferroform [1,2]",
                "new: Terraform has none",
            ]
        );
    }
}
