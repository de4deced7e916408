//! The tutorial: every command in it works, in its order, and prints what it says there.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::harness::{PROGRAM, Project, Running, has_oracle, say};

/// How long all of it may take.
const LIMIT: Duration = Duration::from_secs(300);
/// Stands before a block that is not run, and says why.
const NOT_EXECUTED: &str = "<!-- not executed: ";

/// A command with what is shown below it.
#[derive(Debug, PartialEq, Eq)]
struct Example {
    /// The line it begins in.
    line: usize,
    command: String,
    /// Empty where nothing is shown: then anything may be printed.
    output: Vec<String>,
}

/// The commands of a document that are to be run. Every block of them is, unless a remark before it says why not.
fn examples(text: &str) -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    let mut block = None;
    let mut before = "";
    for (n, line) in text.lines().enumerate() {
        match block {
            None if line.trim_start().starts_with("```") => {
                let executed = line == "```console" && !before.starts_with(NOT_EXECUTED);
                assert!(line != "```", "line {}: a block of no language", n + 1);
                block = Some(executed);
            }
            Some(_) if line == "```" => block = None,
            Some(true) => {
                let example = examples.last_mut();
                if let Some(command) = line.strip_prefix("$ ") {
                    examples.push(Example { line: n + 1, command: command.to_owned(), output: Vec::new() });
                } else if let (Some(more), Some(example)) = (line.strip_prefix("> "), example) {
                    write!(example.command, "\n{more}").unwrap();
                } else if let Some(example) = examples.last_mut() {
                    example.output.push(line.to_owned());
                }
            }
            _ => {}
        }
        before = line;
    }
    assert_eq!(block, None, "the last block has no end");
    examples
}

/// Whether lines are what is shown. `…` on a line of its own is any number of lines, and any text inside of one.
fn is_shown(shown: &[String], lines: &[&str]) -> bool {
    match shown.split_first() {
        None => lines.is_empty(),
        Some((first, rest)) if first == "…" => (0..=lines.len()).any(|skip| is_shown(rest, &lines[skip..])),
        Some((first, rest)) => {
            lines.first().is_some_and(|line| is_like(first, line)) && is_shown(rest, &lines[1..])
        }
    }
}

fn is_like(pattern: &str, line: &str) -> bool {
    match pattern.split_once('…') {
        None => pattern == line,
        Some((start, rest)) => line.strip_prefix(start).is_some_and(|line| {
            line.char_indices().map(|(at, _)| at).chain([line.len()]).any(|at| is_like(rest, &line[at..]))
        }),
    }
}

/// One shell that runs all of them, so that folders and variables last. It ends at the first that fails.
fn script(examples: &[Example], results: &Path) -> String {
    let mut script = String::new();
    for (n, example) in examples.iter().enumerate() {
        let file = results.join(n.to_string());
        writeln!(script, "{{ {}\n}} >'{}' 2>&1 </dev/null", example.command, file.display()).unwrap();
        writeln!(script, "code=$?; [ $code = 0 ] || exit $code").unwrap();
    }
    script
}

/// Ends the clouds that a failed run left.
struct Clouds<'p>(&'p Project);

impl Drop for Clouds<'_> {
    fn drop(&mut self) {
        for folder in clouds(&self.0.path(".")) {
            let mut command = Command::new(PROGRAM);
            command.arg(format!("-chdir={}", folder.display())).args(["cloud", "reset"]);
            self.0.prepare(&mut command);
            let _ = Running::start(command).wait();
        }
    }
}

/// The folders with a local cloud.
fn clouds(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    if folder.join(".terraform/local").is_dir() {
        found.push(folder.to_owned());
    }
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            found.extend(clouds(&entry.path()));
        }
    }
    found
}

#[test]
fn the_tutorial_works_from_the_first_command_to_the_last() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/tutorial.md");
    let text = fs::read_to_string(path).unwrap();
    let examples = examples(&text);
    assert!(examples.len() > 15, "only {} commands are run", examples.len());
    if !has_curl() {
        return;
    }
    let project = Project::new("");
    let _clouds = Clouds(&project);
    let (bin, results, work) = (project.path("bin"), project.path("results"), project.path("work"));
    for folder in [&bin, &results, &work] {
        fs::create_dir(folder).unwrap();
    }
    symlink(PROGRAM, bin.join("ferroform")).unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", &script(&examples, &results)]);
    project.prepare(&mut command);
    let usual = std::env::var("PATH").unwrap();
    command.env("PATH", format!("{}:{usual}", bin.display())).current_dir(&work);
    // Whoever reads it answers yes when asked.
    command.env("TF_CLI_ARGS_apply", "-auto-approve").env("TF_CLI_ARGS_destroy", "-auto-approve");
    let run = Running::start(command).within(LIMIT).wait();
    for (n, example) in examples.iter().enumerate() {
        let output = fs::read_to_string(results.join(n.to_string())).unwrap_or_default();
        let place = format!("docs/tutorial.md, line {}: $ {}", example.line, example.command);
        let last = !results.join((n + 1).to_string()).exists();
        assert!(!last || run.code() == Some(0), "{place}\n{output}\n{run}");
        let lines: Vec<&str> = output.lines().collect();
        let shown = example.output.is_empty() || is_shown(&example.output, &lines);
        assert!(shown, "{place}\nshown:\n{}\n\nprinted:\n{output}", example.output.join("\n"));
    }
    say(&format!("{} commands, {:.1} s", examples.len(), run.elapsed.as_secs_f64()));
    let left = clouds(&work);
    assert!(left.is_empty(), "something is left: {left:?}");
}

/// The tutorial asks the API by hand.
fn has_curl() -> bool {
    let found = Command::new("curl").arg("--version").output().is_ok();
    // The same rule as for every program that only some machines have.
    found || has_oracle("curl")
}

#[test]
fn commands_and_what_is_shown_are_told_apart() {
    let text = "\
text
```console
$ one
$ two \\
> more
shown

  too
```
```hcl
$ none
```
<!-- not executed: because -->
```console
$ never
```
<!-- not executed: because -->

```console
$ three
```
";
    let found = examples(text);
    let commands: Vec<&str> = found.iter().map(|example| example.command.as_str()).collect();
    assert_eq!(commands, ["one", "two \\\nmore", "three"]);
    assert_eq!(found[1].output, ["shown", "", "  too"]);
    assert_eq!(found[1].line, 4);
}

#[test]
fn what_is_left_out_may_be_anything_and_the_rest_may_not() {
    for (shown, printed, expected) in [
        ("a\nb", "a\nb", true),
        ("a", "a\nb", false),
        ("a\nb", "a", false),
        ("…", "", true),
        ("a\n…\nd", "a\nb\nc\nd", true),
        ("a\n…\nd", "a\nd", true),
        ("a\n…\nd", "a\nb", false),
        ("…\nb\n…", "a\nb\nc", true),
        ("n … added, 0 changed", "n 12 added, 0 changed", true),
        ("n … added, 0 changed", "n 12 added, 1 changed", false),
        ("x…", "x", true),
        ("…ü…", "aüb", true),
        ("…ü…", "aub", false),
    ] {
        let shown: Vec<String> = shown.lines().map(str::to_owned).collect();
        let printed: Vec<&str> = printed.lines().collect();
        assert_eq!(is_shown(&shown, &printed), expected, "{shown:?} {printed:?}");
    }
}
