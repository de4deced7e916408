//! `cargo xtask stacks`: keeps `modules/` and `stacks/` clean.
//!
//! Every environment of every stack is applied on a local cloud of its own in a scratch copy, and what comes out is
//! held against programs that are not ours: cloud-init's schema, shellcheck, kustomize, the schemas of Kubernetes,
//! Prometheus's rule tester, Terraform. A program that is missing is a failure, not a reason to skip.

mod applied;
mod documents;
mod engines;
mod first_boot;
mod helper;
mod kubernetes;
mod pipelines;
mod pure;
mod rules;
mod scripts;
mod tables;

use std::path::{Path, PathBuf};

use crate::{Result, say, workspace_root};

const USAGE: &str = "usage: stacks [--write] [--ferroform PROGRAM] [PART…]

  first-boot   the user data of every server of every environment
  scripts      every script of modules and stacks
  kubernetes   what kustomize makes of every overlay, the secrets, the alerts
  pipelines    the workflows of GitHub and GitLab
  documents    links, commands and addresses in the documents
  engines      Terraform and Ferroform evaluate both stacks alike
  tables       the tables of the documents are those of the catalogue and of `cost`; --write writes them

Without a PART, all of them. PROGRAM is target/debug/ferroform if it is not given.";

const PARTS: &[&str] =
    &["scripts", "first-boot", "kubernetes", "pipelines", "documents", "engines", "tables"];

/// What is wrong, one line each.
type Faults = Vec<String>;

/// Where things are.
struct Context {
    /// The repository.
    root: PathBuf,
    /// The built `ferroform`.
    ferroform: PathBuf,
}

/// Runs the command.
///
/// # Errors
/// When an option is unknown or a program is missing, and when something is wrong: all of it, each with its place.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let root = workspace_root();
    let mut write = false;
    let mut ferroform = None;
    let mut parts = Vec::new();
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        match arg.as_str() {
            "--write" => write = true,
            "--ferroform" => ferroform = Some(PathBuf::from(rest.next().ok_or(USAGE)?)),
            part if PARTS.contains(&part) => parts.push(part),
            _ => return Err(format!("stacks: unknown option {arg}; {USAGE}").into()),
        }
    }
    if parts.is_empty() {
        parts.extend(PARTS);
    }
    let context = Context { ferroform: program(ferroform, &root)?, root };
    let scratch = tempfile::Builder::new().prefix("stacks").tempdir()?;
    let mut faults = Faults::new();
    let mut environments = None;
    for part in parts {
        let found = match part {
            "scripts" => scripts::check_files(&context.root)?,
            "pipelines" => pipelines::check(&context.root)?,
            "tables" => tables::check(&context, write)?,
            _ => {
                if environments.is_none() {
                    environments = Some(applied::all(&context, scratch.path())?);
                }
                let environments = environments.as_deref().unwrap_or_default();
                match part {
                    "first-boot" => first_boot::check(environments)?,
                    "documents" => documents::check(&context, environments)?,
                    "kubernetes" => kubernetes::check(&context, environments)?,
                    _ => engines::check(&context, environments, scratch.path())?,
                }
            }
        };
        say(&format!("stacks: {part}: {}", if found.is_empty() { "clean" } else { "FAULTS" }))?;
        faults.extend(found.into_iter().map(|fault| format!("{part}: {fault}")));
    }
    if faults.is_empty() { Ok(()) } else { Err(faults.join("\n").into()) }
}

/// The `ferroform` to apply with.
fn program(given: Option<PathBuf>, root: &Path) -> Result<PathBuf> {
    let path = given.unwrap_or_else(|| {
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
        target.join("debug/ferroform")
    });
    path.canonicalize().map_err(|error| {
        let path = path.display();
        format!("stacks: {path}: {error}; build it with `cargo build -p ferroform-cli`, or give --ferroform")
            .into()
    })
}

/// Copies a directory of configuration, without what earlier runs left in it.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from).map_err(|e| format!("{}: {e}", from.display()))? {
        let entry = entry?;
        let name = entry.file_name();
        let text = name.to_string_lossy();
        let is_dir = entry.file_type()?.is_dir();
        if text == ".terraform" || text.starts_with("terraform.tfstate") || text == "terraform.tfvars" {
            continue;
        }
        if is_dir {
            copy(&entry.path(), &to.join(&name))?;
        } else {
            std::fs::copy(entry.path(), to.join(&name))?;
        }
    }
    Ok(())
}

/// The files below a directory, sorted.
fn files(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut dirs = vec![dir.to_path_buf()];
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(&dir).map_err(|e| format!("{}: {e}", dir.display()))? {
            let entry = entry?;
            if !entry.file_type()?.is_dir() {
                found.push(entry.path());
            } else if entry.file_name() != ".terraform" {
                dirs.push(entry.path());
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Whether a test has to be left out, since a program that it compares with is missing; where programs are required,
/// that is a failure.
#[cfg(test)]
fn left_out(program: &str, words: &[&str]) -> bool {
    let there = std::process::Command::new(program).args(words).output().is_ok_and(|o| o.status.success());
    let required = std::env::var_os("FERROFORM_REQUIRE_PROGRAMS").is_some();
    assert!(there || !required, "{program} {words:?} cannot be run");
    if !there {
        let _ = say(&format!("left out: {program} {words:?} cannot be run"));
    }
    !there
}
