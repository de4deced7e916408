//! shellcheck on every script.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use super::{Faults, files};
use crate::{Result, say};

/// Checks every shell script below `modules` and `stacks`: what is named `*.sh` or begins with `#!`.
pub(super) fn check_files(root: &Path) -> Result<Faults> {
    let mut faults = Faults::new();
    let mut count = 0;
    for dir in ["modules", "stacks"] {
        for file in files(&root.join(dir))? {
            let Ok(text) = std::fs::read_to_string(&file) else { continue };
            if !is_shell(&text) && file.extension().is_none_or(|e| e != "sh") {
                continue;
            }
            count += 1;
            let name = file.strip_prefix(root).unwrap_or(&file).display().to_string();
            faults.extend(check(&name, &text)?);
        }
    }
    say(&format!("stacks: {count} scripts"))?;
    if count == 0 {
        faults.push("no script was found".to_owned());
    }
    Ok(faults)
}

/// Whether a text is a script for a shell, by its first line.
pub(super) fn is_shell(text: &str) -> bool {
    let first = text.lines().next().unwrap_or_default();
    first.starts_with("#!") && first.split(['/', ' ']).any(|word| matches!(word, "sh" | "bash" | "dash"))
}

/// What is wrong with a script: what shellcheck says, and that it goes on after a failure.
pub(super) fn check(name: &str, text: &str) -> Result<Faults> {
    let is_bash = text.lines().next().is_some_and(|first| first.starts_with("#!") && first.ends_with("bash"));
    let mut child = Command::new("shellcheck")
        .args(["--format=gcc", if is_bash { "--shell=bash" } else { "--shell=sh" }, "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("stacks: shellcheck cannot be run: {error}"))?;
    child.stdin.take().ok_or("stacks: no way to talk to shellcheck")?.write_all(text.as_bytes())?;
    let output = child.wait_with_output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    let mut faults: Faults =
        said.lines().map(|line| format!("{name}{}", line.strip_prefix('-').unwrap_or(line))).collect();
    if faults.is_empty() && !output.status.success() {
        faults.push(format!("{name}: shellcheck failed"));
    }
    if is_shell(text) && !text.lines().any(|line| line.starts_with("set -eu")) {
        faults.push(format!("{name}: there is no `set -eu`: it would go on after a failure"));
    }
    Ok(faults)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str) -> String {
        check("s", text).expect("shellcheck is there").join("\n")
    }

    fn left_out() -> bool {
        super::super::left_out("shellcheck", &["--version"])
    }

    #[test]
    fn a_clean_script_passes() {
        if left_out() {
            return;
        }
        assert_eq!(faults("#!/bin/sh\nset -eu\necho \"$1\"\n"), "");
    }

    #[test]
    fn a_broken_script_is_caught() {
        if left_out() {
            return;
        }
        assert!(faults("#!/bin/sh\nset -eu\nrm -rf $1/*\n").contains("SC2086"));
        assert!(faults("#!/bin/sh\nset -eu\nif true; then\n").contains("error"));
        // A feature of bash in a script for sh.
        assert!(faults("#!/bin/sh\nset -eu\n[[ -n $1 ]] && echo yes\n").contains("SC3010"));
        assert!(faults("#!/bin/sh\necho done\n").contains("set -eu"));
    }

    #[test]
    fn scripts_are_told_by_their_first_line() {
        assert!(is_shell("#!/bin/sh\n") && is_shell("#!/usr/bin/env bash\n"));
        assert!(!is_shell("#!/usr/bin/env python3\n") && !is_shell("#cloud-config\n"));
    }
}
