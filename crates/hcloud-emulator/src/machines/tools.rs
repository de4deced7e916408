//! Calling the host's own programs.

use std::ffi::OsStr;
use std::io::Write;
use std::process::{Command, Stdio};

/// Why something on this host could not be done.
#[derive(Debug)]
pub(crate) enum ToolError {
    /// A program cannot be started.
    Start { program: String, source: std::io::Error },
    /// A program failed.
    Failed {
        /// The program with its arguments.
        command: String,
        /// What it wrote to its standard error, or how it ended if it wrote nothing.
        said: String,
    },
    /// A file, socket or the like could not be used.
    File {
        /// What was being done: `making /run/x`.
        what: String,
        source: std::io::Error,
    },
    /// It is not possible, here or at all.
    Refused(String),
}

impl std::fmt::Display for ToolError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Start { program, source } => write!(f, "`{program}` cannot be started: {source}"),
            Self::Failed { command, said } => write!(f, "`{command}` failed: {said}"),
            Self::File { what, source } => write!(f, "{what}: {source}"),
            Self::Refused(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for ToolError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Start { source, .. } | Self::File { source, .. } => Some(source),
            Self::Failed { .. } | Self::Refused(_) => None,
        }
    }
}

impl ToolError {
    /// Says what was being done when an input or output operation failed; for `map_err`.
    pub(crate) fn file(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::File { what: what.into(), source }
    }
}

/// Runs a program to its end and gives its standard output.
///
/// # Errors
/// When it cannot be started or does not end with success.
pub(crate) fn run<S: AsRef<OsStr>>(program: &str, arguments: &[S]) -> Result<String, ToolError> {
    run_with_input(program, arguments, "")
}

/// Runs a program that reads `input` from its standard input.
///
/// # Errors
/// When it cannot be started or does not end with success.
pub(crate) fn run_with_input<S: AsRef<OsStr>>(
    program: &str,
    arguments: &[S],
    input: &str,
) -> Result<String, ToolError> {
    let start = |source| ToolError::Start { program: program.to_owned(), source };
    let mut child = Command::new(program)
        .args(arguments)
        .env("LC_ALL", "C")
        .stdin(if input.is_empty() { Stdio::null() } else { Stdio::piped() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(start)?;
    if let Some(mut stdin) = child.stdin.take() {
        // Programs that end without having read everything say why by themselves.
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child.wait_with_output().map_err(start)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    let command = std::iter::once(OsStr::new(program))
        .chain(arguments.iter().map(AsRef::as_ref))
        .map(|word| word.to_string_lossy().into_owned())
        .collect::<Vec<_>>()
        .join(" ");
    let said = if said.is_empty() { output.status.to_string() } else { said };
    Err(ToolError::Failed { command, said })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_input_and_failures_come_through() {
        assert_eq!(run_with_input("cat", &[] as &[&str], "text").unwrap(), "text");
        let failed = run("sh", &["-c", "echo bad >&2; exit 3"]).unwrap_err().to_string();
        assert_eq!(failed, "`sh -c echo bad >&2; exit 3` failed: bad");
        assert!(
            run("ferroform-no-such-program", &[] as &[&str]).unwrap_err().to_string().contains("started")
        );
    }
}
