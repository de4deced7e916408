//! The documents of the stacks: links lead somewhere, commands are there, addresses are those of the applied stack.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use super::applied::Applied;
use super::{Context, Faults, files, pure};
use crate::{Result, say};

/// Checks every Markdown file below `stacks` and `modules`.
pub(super) fn check(context: &Context, environments: &[Applied]) -> Result<Faults> {
    let mut faults = Faults::new();
    let mut commands = BTreeSet::new();
    let mut count = 0;
    let addresses: BTreeSet<String> = environments
        .iter()
        .flat_map(|environment| match pure::attributes(&environment.state) {
            serde_json::Value::Object(found) => found.into_iter().map(|(address, _)| address).collect(),
            _ => Vec::new(),
        })
        .collect();
    for dir in ["stacks", "modules"] {
        for file in files(&context.root.join(dir))? {
            if file.extension().is_none_or(|extension| extension != "md") {
                continue;
            }
            count += 1;
            let name = file.strip_prefix(&context.root).unwrap_or(&file).display().to_string();
            let text = std::fs::read_to_string(&file)?;
            let folder = file.parent().unwrap_or(&context.root);
            let broken = links(&text).into_iter().filter(|link| !leads(folder, link));
            faults.extend(broken.map(|link| format!("{name}: {link} leads nowhere")));
            // Modules stand in configurations of any shape; the addresses of a stack are known.
            if dir == "stacks" {
                let strange = replaced(&text).into_iter().filter(|address| !addresses.contains(*address));
                faults.extend(strange.map(|address| format!("{name}: no environment has {address}")));
            }
            commands.extend(used(&text).into_iter().map(|command| (command.to_owned(), name.clone())));
        }
    }
    let mut known = BTreeSet::new();
    for (command, name) in &commands {
        if known.contains(command) {
            continue;
        }
        let output = Command::new(&context.ferroform).args([command, "--help"]).output()?;
        if output.status.success() {
            known.insert(command.clone());
        } else {
            faults.push(format!("{name}: ferroform has no command {command}"));
        }
    }
    say(&format!("stacks: {count} documents, {} commands of ferroform in them", known.len()))?;
    if known.is_empty() {
        faults.push("no document names a command".to_owned());
    }
    Ok(faults)
}

/// Targets of the links in a text, without those to other places than files.
fn links(text: &str) -> Vec<&str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.filter(|target| !target.contains("://") && !target.contains(' ')).collect()
}

/// Whether there is the file, and the heading in it, that a link names.
fn leads(folder: &Path, link: &str) -> bool {
    let (path, section) = link.split_once('#').unwrap_or((link, ""));
    let file = folder.join(path);
    match section {
        "" => file.exists(),
        section => std::fs::read_to_string(file).is_ok_and(|text| {
            text.lines().filter_map(super::kubernetes::anchor).any(|anchor| anchor == section)
        }),
    }
}

/// Addresses that are replaced in a text: `-replace='…'`.
fn replaced(text: &str) -> Vec<&str> {
    text.split("-replace='")
        .skip(1)
        .filter_map(|rest| rest.split('\'').next())
        .filter(|a| a.contains("module.platform"))
        .collect()
}

/// First words of the commands that are shown or named: `ferroform [-chdir=…] COMMAND`.
fn used(text: &str) -> Vec<&str> {
    let lines = text.lines().flat_map(|line| {
        let shown = line.trim_start().strip_prefix("$ ferroform ");
        let named = line.split("`ferroform ").skip(1);
        shown.into_iter().chain(named)
    });
    let words = lines.filter_map(|line| line.split_whitespace().find(|word| !word.starts_with('-')));
    words
        .map(|word| word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric()))
        .filter(|word| word.chars().all(|c| c.is_ascii_lowercase() || c == '-') && !word.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_found_where_they_are_shown_and_where_they_are_named() {
        let text = "run `ferroform backup now`, or:\n\n```console\n$ ferroform -chdir=x apply -local\n$ other\n```\nferroform is\n";
        assert_eq!(used(text), ["backup", "apply"]);
        assert_eq!(used("`ferroform …` and `ferroform ssh`."), ["ssh"]);
    }

    #[test]
    fn links_lead_to_files_and_headings() {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::write(dir.path().join("a.md"), "# Title\n## One step\n").expect("written");
        assert_eq!(links("[a](a.md) [b](https://example.com) [c](a.md#one-step)"), ["a.md", "a.md#one-step"]);
        assert!(leads(dir.path(), "a.md") && leads(dir.path(), "a.md#one-step"));
        assert!(!leads(dir.path(), "b.md") && !leads(dir.path(), "a.md#two-steps"));
    }

    #[test]
    fn replaced_addresses_are_found() {
        assert_eq!(
            replaced("apply -replace='module.platform.a.b[\"c\"]' -replace='module.x.y'"),
            ["module.platform.a.b[\"c\"]"]
        );
    }
}
