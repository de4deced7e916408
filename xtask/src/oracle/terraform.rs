//! Running Terraform over a family of cases.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value as Json, json};

use super::{Result, planfile};
use crate::stacks::copy;

/// The version whose behaviour is recorded.
const VERSION: &str = "1.11.4";

/// Rounds of planning: an error in one phase can hide others in a later one.
const ROUNDS: usize = 8;

/// A Terraform executable of the right version.
pub(super) struct Terraform {
    program: PathBuf,
}

impl Terraform {
    /// The `terraform` on `PATH`.
    pub(super) fn find() -> Result<Self> {
        let program = PathBuf::from("terraform");
        let output =
            Command::new(&program).args(["version", "-json"]).env("CHECKPOINT_DISABLE", "1").output();
        let output =
            output.map_err(|e| format!("the oracle is Terraform {VERSION}, which cannot be run: {e}"))?;
        let version: Json = serde_json::from_slice(&output.stdout)?;
        match version["terraform_version"].as_str() {
            Some(VERSION) => Ok(Terraform { program }),
            other => {
                Err(format!("the oracle is Terraform {VERSION}; `terraform` on PATH is {other:?}").into())
            }
        }
    }

    /// What each case evaluates to, in the order of the cases.
    pub(super) fn evaluate(&self, cases: &[String], fixture: &Path) -> Result<Vec<Json>> {
        let dir = tempfile::tempdir()?;
        copy(fixture, dir.path())?;
        for (i, case) in cases.iter().enumerate() {
            let text = format!("resource \"terraform_data\" \"{}\" {{\n  input = {case}\n}}\n", name(i));
            std::fs::write(dir.path().join(name(i)).with_extension("tf"), text)?;
        }
        let mut errors: BTreeMap<String, Json> = BTreeMap::new();
        for _ in 0..ROUNDS {
            let found = self.plan(dir.path())?;
            if found.is_empty() {
                let values = planfile::read(&dir.path().join("saved.plan"))?;
                return cases
                    .iter()
                    .enumerate()
                    .map(|(i, c)| answer(c, &name(i), &values, &errors))
                    .collect();
            }
            for (case, error) in found {
                let file = dir.path().join(&case).with_extension("tf");
                if file.exists() {
                    std::fs::remove_file(file)?;
                }
                errors.insert(case, error);
            }
        }
        Err(format!("Terraform still reports errors after {ROUNDS} rounds").into())
    }

    /// A command line that nothing of the user's own settings plays into.
    fn command(&self, dir: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command.current_dir(dir).env("CHECKPOINT_DISABLE", "1").env("TF_CLI_CONFIG_FILE", "/dev/null");
        command.env("HOME", dir).env("TF_INPUT", "0");
        for (name, _) in std::env::vars_os() {
            let ours = name.to_string_lossy();
            if ours.starts_with("TF_") && !["TF_CLI_CONFIG_FILE", "TF_INPUT"].contains(&&*ours) {
                command.env_remove(name);
            }
        }
        command
    }

    /// Runs a command, and gives whether it succeeded and the diagnostics that it printed, if with `-json`.
    pub(super) fn run(&self, dir: &Path, args: &[&str], more: &[String]) -> Result<(bool, Vec<Json>)> {
        let output = self.command(dir).args(args).args(more).output()?;
        let printed = String::from_utf8_lossy(&output.stdout);
        let events = printed.lines().filter_map(|line| serde_json::from_str::<Json>(line).ok());
        let mut found: Vec<Json> = events
            .filter(|event| event["type"] == "diagnostic")
            .map(|mut event| event["diagnostic"].take())
            .map(|d| {
                // What is in a cycle comes in any order; Ferroform says it in the detail.
                let summary = d["summary"].as_str().unwrap_or_default();
                let summary = if summary.starts_with("Cycle: ") { "Cycle" } else { summary };
                json!({ "severity": d["severity"], "summary": summary })
            })
            .collect();
        // Those of independent parts come in any order.
        found.sort_by_cached_key(Json::to_string);
        Ok((output.status.success(), found))
    }

    /// What a command that must succeed prints.
    pub(super) fn output(&self, dir: &Path, args: &[&str]) -> Result<Vec<u8>> {
        let output = self.command(dir).args(args).output()?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        Err(format!("terraform {args:?} failed: {}", String::from_utf8_lossy(&output.stderr)).into())
    }

    /// Plans, and gives the first error of each case that has one.
    fn plan(&self, dir: &Path) -> Result<BTreeMap<String, Json>> {
        let output = self
            .command(dir)
            .args(["plan", "-json", "-input=false", "-lock=false", "-out=saved.plan"])
            .output()?;
        let mut errors = BTreeMap::new();
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            let Ok(event) = serde_json::from_str::<Json>(line) else { continue };
            let diagnostic = &event["diagnostic"];
            if diagnostic["severity"] != "error" {
                continue;
            }
            let file = diagnostic["range"]["filename"].as_str().and_then(|f| f.strip_suffix(".tf"));
            let Some(case) = file.filter(|f| f.starts_with("case_")) else {
                return Err(format!("Terraform reports an error outside the cases: {diagnostic}").into());
            };
            errors.entry(case.to_owned()).or_insert_with(|| error(diagnostic));
        }
        if errors.is_empty() && !output.status.success() {
            return Err(format!("terraform plan failed: {}", String::from_utf8_lossy(&output.stderr)).into());
        }
        Ok(errors)
    }
}

fn name(index: usize) -> String {
    format!("case_{index:04}")
}

fn answer(
    case: &str,
    name: &str,
    values: &BTreeMap<String, Json>,
    errors: &BTreeMap<String, Json>,
) -> Result<Json> {
    let found = errors.get(name).or_else(|| values.get(name));
    let Some(Json::Object(fields)) = found else {
        return Err(format!("Terraform gave neither value nor error for: {case}").into());
    };
    let mut out = serde_json::Map::new();
    out.insert("case".into(), json!(case));
    out.extend(fields.clone());
    Ok(Json::Object(out))
}

/// The summary, and the parameter named by the detail if one is. The wording of the detail is not recorded.
fn error(diagnostic: &Json) -> Json {
    let mut out = json!({ "error": diagnostic["summary"] });
    let detail = diagnostic["detail"].as_str().unwrap_or_default();
    let parameter =
        detail.split_once("Invalid value for \"").and_then(|(_, rest)| rest.split_once("\" parameter"));
    if let Some((parameter, _)) = parameter {
        out["parameter"] = json!(parameter);
    }
    out
}
