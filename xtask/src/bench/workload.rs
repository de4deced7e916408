//! What the programs are given to do, and how it is seen that they did it.

use std::fmt;
use std::fs;
use std::path::Path;

use serde_json::Value as Json;

use super::measure::{self, Sample};
use super::programs::Program;
use crate::Result;

/// Resources in a chain, each taking its input from the one before.
const CHAIN: usize = 10;

/// One thing to do, with the number of resources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Workload {
    /// A plan that creates everything.
    Plan(usize),
    /// An apply that creates everything.
    Apply(usize),
    /// A plan of what was just applied: everything is read, nothing changes.
    PlanAgain(usize),
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Workload::Plan(n) => write!(f, "plan of {}", thousands(*n)),
            Workload::Apply(n) => write!(f, "apply of {}", thousands(*n)),
            Workload::PlanAgain(n) => write!(f, "plan of {}, nothing to change", thousands(*n)),
        }
    }
}

impl Workload {
    /// How many times faster than Terraform this must be.
    pub(super) fn target_ratio(self) -> Option<f64> {
        match self {
            Workload::Plan(1000) | Workload::Apply(1000) => Some(30.0),
            Workload::Plan(5000) => Some(100.0),
            _ => None,
        }
    }

    /// Bytes of memory that this must stay below.
    pub(super) fn target_memory(self) -> Option<u64> {
        (self == Workload::Plan(5000)).then_some(150_000_000)
    }

    /// Does it once. The directory is made anew, except for [`Workload::PlanAgain`], which needs what was applied.
    pub(super) fn run(self, program: &Program, dir: &Path) -> Result<Sample> {
        const STYLE: [&str; 2] = ["-input=false", "-no-color"];
        match self {
            Workload::Plan(n) => {
                prepare(program, dir, n)?;
                let words = ["plan", STYLE[0], STYLE[1], "-detailed-exitcode"];
                measure::run(program.command(dir, &words), 2)
            }
            Workload::Apply(n) => {
                prepare(program, dir, n)?;
                let words = ["apply", STYLE[0], STYLE[1], "-auto-approve"];
                let sample = measure::run(program.command(dir, &words), 0)?;
                let found = managed_instances(dir)?;
                if found != n {
                    return Err(format!("{}: {self} left {found} in the state", program.title).into());
                }
                Ok(sample)
            }
            Workload::PlanAgain(n) => {
                let found = managed_instances(dir).unwrap_or(0);
                if found != n {
                    Workload::Apply(n).run(program, dir)?;
                }
                let words = ["plan", STYLE[0], STYLE[1], "-detailed-exitcode"];
                measure::run(program.command(dir, &words), 0)
            }
        }
    }
}

fn prepare(program: &Program, dir: &Path, resources: usize) -> Result<()> {
    if dir.exists() {
        fs::remove_dir_all(dir)?;
    }
    fs::create_dir_all(dir)?;
    fs::write(dir.join("main.tf"), configuration(resources))?;
    measure::run(program.command(dir, &["init", "-input=false", "-no-color"]), 0)?;
    Ok(())
}

/// Chains of `terraform_data`, which every Terraform has built in.
fn configuration(resources: usize) -> String {
    let mut text = String::new();
    for i in 0..resources {
        let (chain, link) = (i / CHAIN, i % CHAIN);
        let input = match link {
            0 => format!("\"chain {chain}\""),
            _ => format!("\"${{terraform_data.c{chain}_{}.output}} {link}\"", link - 1),
        };
        text.push_str(&format!(
            "resource \"terraform_data\" \"c{chain}_{link}\" {{\n  input = {input}\n}}\n\n"
        ));
    }
    text
}

fn managed_instances(dir: &Path) -> Result<usize> {
    let path = dir.join("terraform.tfstate");
    let bytes = fs::read(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    let state: Json = serde_json::from_slice(&bytes)?;
    let resources = state["resources"].as_array().map_or(&[][..], Vec::as_slice);
    Ok(resources.iter().filter_map(|r| r["instances"].as_array()).map(Vec::len).sum())
}

/// A number with commas.
pub(super) fn thousands(n: usize) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_come_in_chains_of_ten() {
        let text = configuration(25);
        assert_eq!(text.matches("resource \"terraform_data\"").count(), 25);
        // The first of each of the three chains refers to nothing.
        assert_eq!(text.matches(".output}").count(), 22);
        assert!(text.contains("input = \"${terraform_data.c1_8.output} 9\""), "{text}");
    }

    #[test]
    fn numbers_have_commas() {
        let cases = [(5, "5"), (999, "999"), (1000, "1,000"), (25_000, "25,000"), (1_000_000, "1,000,000")];
        for (n, expected) in cases {
            assert_eq!(thousands(n), expected);
        }
    }
}
