//! Diagnostics of what can go wrong with files.

use std::io;
use std::path::Path;

use ferroform_core::Diagnostic;

use crate::manager::LockInfo;

/// A failed access to a file. `consequence` says what state the failure leaves things in.
pub(super) fn io_error(
    summary: &'static str,
    path: &Path,
    error: &io::Error,
    consequence: &str,
) -> Diagnostic {
    let mut diagnostic =
        Diagnostic::error(summary).detail(format!("{}: {error}. {consequence}", path.display()));
    let hint = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            "Make room on the disk, or raise the limit that is in the way, and run the command again."
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "The file and its directory must be writable for the user who runs the command."
        }
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => "Check the path.",
        _ => return diagnostic,
    };
    diagnostic.hints.push(hint.to_owned());
    diagnostic
}

/// Someone else holds the lock.
pub(crate) fn locked(place: &str, holder: Option<&LockInfo>) -> Diagnostic {
    let holder = match holder {
        Some(info) => {
            let mut text = String::from("\n\nLock info:\n");
            let fields = [
                ("ID", &info.id),
                ("Path", &info.path),
                ("Operation", &info.operation),
                ("Who", &info.who),
                ("Version", &info.version),
                ("Created", &info.created),
                ("Info", &info.info),
            ];
            for (name, value) in fields {
                text.push_str(format!("  {:<11}{value}", format!("{name}:")).trim_end());
                text.push('\n');
            }
            text
        }
        None => " Who holds it is not known.".to_owned(),
    };
    Diagnostic::error("Error acquiring the state lock")
        .detail(format!(
            "The state {place} is being used by another run, so that it must not be changed by this one.{holder}"
        ))
        .hint("Wait until the other run has ended; `-lock-timeout=DURATION` waits for it.")
}
