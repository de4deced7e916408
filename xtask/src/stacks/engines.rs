//! Terraform and Ferroform evaluate the stacks alike.
//!
//! Both are given the same configuration without providers (see [`super::pure`]) and the same variables, and every
//! local value, every expression of a resource and every output of every module is compared.

use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use super::applied::{Applied, clean_command, finish};
use super::{Context, Faults, copy, pure};
use crate::{Result, say};

/// The version whose behaviour is the measure.
const TERRAFORM: &str = "1.11.4";

/// Values that a stack refuses, and how it says so: stack, environment, variable, value, part of the message.
const REFUSED: &[(&str, &str, &str, &str, &str)] = &[
    (
        "nornos",
        "production",
        "location",
        "ash",
        "Health data stays in the EU: the location is one of fsn1, nbg1, hel1.",
    ),
    ("nornos", "production", "ssh_public_key", "-----BEGIN PRIVATE KEY-----", "This is no public SSH key."),
    ("nornos", "staging", "control_planes", "{ count = 2 }", "etcd needs an odd number"),
    (
        "nornos",
        "staging",
        "workers",
        "{ count = 0 }",
        "At least one machine is in a pool with ingress = true.",
    ),
    ("nornos", "dev", "workers", "{ size = \"huge\" }", "A size is small, medium, large or xlarge."),
    ("nornos", "dev", "k3s", "{ version = \"1.36.4\" }", "A release of k3s is written like"),
    ("consult", "prod", "ssh_public_key", "AAAAC3", "This is no public SSH key."),
    ("consult", "dev", "reboot_at", "25:00", "The time has the form HH:MM"),
];

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
    let mut copies = Vec::new();
    for (number, environment) in environments.iter().enumerate() {
        let mut answers = Vec::new();
        let mut rewritten = Vec::new();
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
            rewritten.push(root_module);
        }
        copies.push(rewritten);
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
    for (environment, copied) in environments.iter().zip(&copies) {
        if environment.variant.is_empty() {
            faults.extend(refused(environment, copied, &[terraform, &context.ferroform])?);
        }
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

/// Both engines refuse what the stack refuses, in its words.
fn refused(environment: &Applied, copies: &[PathBuf], programs: &[&Path]) -> Result<Faults> {
    let mut faults = Faults::new();
    let cases = REFUSED.iter().filter(|c| c.0 == environment.stack && c.1 == environment.environment);
    for (_, _, variable, value, wanted) in cases {
        for (program, dir) in programs.iter().zip(copies) {
            let mut command = clean_command(program, dir);
            command.args(["plan", "-input=false", "-no-color"]).env("TF_CLI_CONFIG_FILE", "/dev/null");
            command.envs(environment.variables.iter().map(|(name, value)| (format!("TF_VAR_{name}"), value)));
            let output = command.env(format!("TF_VAR_{variable}"), value).output()?;
            let said = [output.stdout, output.stderr].concat();
            let said = words(&String::from_utf8_lossy(&said));
            if output.status.success() || !said.contains(&words(wanted)) {
                let title = environment.title();
                faults.push(format!(
                    "{title}: {} does not refuse {variable} = {value}: {wanted}",
                    program.display()
                ));
            }
        }
    }
    Ok(faults)
}

/// A text in one line, without the frames that are drawn around messages.
fn words(text: &str) -> String {
    text.split_whitespace().filter(|word| !["│", "╷", "╵"].contains(word)).collect::<Vec<_>>().join(" ")
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
    fn messages_are_compared_by_their_words() {
        assert_eq!(words("╷\n│ Error: a\n│   b  c\n╵\n"), "Error: a b c");
    }

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
