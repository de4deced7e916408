//! `fmt`: configuration in the canonical style.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ferroform_core::{Diagnostic, Sources};

use super::Outcome;
use crate::args::FmtArgs;
use crate::context::{Context, Reported};
use crate::files::replace;
use crate::terminal::Terminal;
use crate::views::fmt::diff;

/// What `-check` exits with when something is not in the canonical style, as Terraform does.
const NOT_CANONICAL: u8 = 3;
/// What it exits with when something cannot be formatted, as Terraform does.
const FAILED: u8 = 2;
/// The files that are looked at in folders.
const ENDINGS: [&str; 4] = [".tf", ".tfvars", ".tftest.hcl", ".tfmock.hcl"];
/// The most that is read from standard input, in bytes.
const MOST_BYTES: u64 = 64 << 20;

pub(super) fn run(args: &FmtArgs, terminal: &Terminal) -> Outcome {
    let context = Context::new(terminal);
    let here = [".".to_owned()];
    let paths = if args.paths.is_empty() { &here[..] } else { &args.paths };
    if paths.iter().any(|path| path == "-") {
        if paths.len() > 1 {
            let diagnostic = Diagnostic::error("Too many arguments")
                .detail("Standard input (-) is formatted by itself; other files cannot be named beside it.");
            context.report(&diagnostic.into(), &Sources::new());
            return Ok(ExitCode::from(FAILED));
        }
        return stdin(args, &context);
    }
    let mut run = Run { args, context: &context, changed: false, failed: false };
    for path in paths {
        run.target(Path::new(path));
    }
    Ok(ExitCode::from(match run {
        Run { failed: true, .. } => FAILED,
        Run { changed: true, .. } if args.check => NOT_CANONICAL,
        _ => 0,
    }))
}

/// Formats standard input. What is wrong with it is told, and nothing printed.
fn stdin(args: &FmtArgs, context: &Context<'_>) -> Outcome {
    let mut text = String::new();
    let read = std::io::stdin().take(MOST_BYTES).read_to_string(&mut text);
    if let Err(error) = read {
        let diagnostic = Diagnostic::error("Standard input cannot be read").detail(format!("{error}."));
        context.report(&diagnostic.into(), &Sources::new());
        return Ok(ExitCode::from(FAILED));
    }
    let Ok(formatted) = formatted(context, "<stdin>", &text) else { return Ok(ExitCode::from(FAILED)) };
    let changed = formatted != text;
    if args.diff {
        if changed {
            context.print(&diff("<stdin>", &text, &formatted));
        }
    } else if !args.check {
        context.print(&formatted);
    }
    Ok(ExitCode::from(if args.check && changed { NOT_CANONICAL } else { 0 }))
}

/// The text in the canonical style.
fn formatted(context: &Context<'_>, name: &str, text: &str) -> Result<String, Reported> {
    let mut sources = Sources::new();
    let id = sources.add(name, text);
    context.take(ferroform_hcl::format(id, text), &sources)
}

struct Run<'a> {
    args: &'a FmtArgs,
    context: &'a Context<'a>,
    changed: bool,
    failed: bool,
}

impl Run<'_> {
    /// A file or folder that was named.
    fn target(&mut self, path: &Path) {
        if path.is_dir() {
            self.folder(path);
        } else if !path.exists() {
            self.fail("No such file", format!("There is no file or folder {}.", path.display()));
        } else if is_configuration(path) {
            self.file(path);
        } else {
            self.fail(
                "Not a configuration file",
                format!(
                    "{} is not formatted: only files that end in {} are.",
                    path.display(),
                    ENDINGS.join(", ")
                ),
            );
        }
    }

    fn folder(&mut self, folder: &Path) {
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => {
                return self.fail("Folder cannot be read", format!("{}: {error}.", folder.display()));
            }
        };
        let mut found: Vec<std::fs::DirEntry> = entries.flatten().collect();
        found.sort_by_key(std::fs::DirEntry::file_name);
        for entry in found {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            // What programs keep for themselves, and editors.
            if name.starts_with('.') || name.ends_with('~') || name.starts_with('#') && name.ends_with('#') {
                continue;
            }
            let path = if folder == Path::new(".") { PathBuf::from(&*name) } else { entry.path() };
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if is_folder && self.args.recursive {
                self.folder(&path);
            } else if !is_folder && is_configuration(&path) {
                self.file(&path);
            }
        }
    }

    fn file(&mut self, path: &Path) {
        let name = path.display().to_string();
        let text = match std::fs::read(path).map(String::from_utf8) {
            Ok(Ok(text)) => text,
            Ok(Err(_)) => return self.fail("File is no text", format!("{name} is not in UTF-8.")),
            Err(error) => return self.fail("File cannot be read", format!("{name}: {error}.")),
        };
        let Ok(formatted) = formatted(self.context, &name, &text) else {
            self.failed = true;
            return;
        };
        if formatted == text {
            return;
        }
        self.changed = true;
        if self.args.list {
            self.context.print(&format!("{name}\n"));
        }
        if self.args.diff {
            self.context.print(&diff(&name, &text, &formatted));
        }
        if self.args.write
            && !self.args.check
            && let Err(error) = replace(path, formatted.as_bytes())
        {
            self.fail("File cannot be written", format!("{name}: {error}. It is as it was."));
        }
    }

    fn fail(&mut self, summary: &'static str, detail: String) {
        self.failed = true;
        self.context.report(&Diagnostic::error(summary).detail(detail).into(), &Sources::new());
    }
}

fn is_configuration(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    ENDINGS.iter().any(|end| name.ends_with(end))
}
