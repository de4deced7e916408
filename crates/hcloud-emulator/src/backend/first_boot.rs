//! What cloud-init says about a machine's first boot, read from the machine's own files.

use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat, openat2};
use serde::Serialize;
use serde_json::Value;

/// Where cloud-init stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Progress {
    /// It has not begun, or there is none in the image.
    NotStarted,
    Running,
    Done,
    /// It is done, and something went wrong.
    Error,
}

/// What cloud-init says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct FirstBoot {
    pub(crate) status: Progress,
    /// What went wrong, in its own words.
    pub(crate) errors: Vec<String>,
    /// The end of what it and its scripts wrote.
    pub(crate) log: String,
}

/// Most bytes read of a file of the machine's.
const MOST: u64 = 1 << 20;
/// How much of the log is told.
const LOG_LINES: usize = 60;

/// Reads what the machine with this first process says; `None` if it does not run.
pub(crate) fn read(leader: u32) -> Option<FirstBoot> {
    let root = openat(
        CWD,
        format!("/proc/{leader}/root"),
        OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    )
    .ok()?;
    Some(read_below(root.as_fd()))
}

fn read_below(root: BorrowedFd<'_>) -> FirstBoot {
    let json = |path: &str| -> Option<Value> { serde_json::from_str(&file(root, path)?).ok() };
    let status = json("run/cloud-init/status.json");
    let result = json("run/cloud-init/result.json");
    let errors = errors(status.as_ref(), result.as_ref());
    let status = match (&status, &result) {
        (_, Some(_)) if errors.is_empty() => Progress::Done,
        (_, Some(_)) => Progress::Error,
        (Some(_), None) => Progress::Running,
        (None, None) => Progress::NotStarted,
    };
    let log = file(root, "var/log/cloud-init-output.log").unwrap_or_default();
    FirstBoot { status, errors, log: last_lines(&log, LOG_LINES) }
}

/// A file of the machine's. Links in it lead nowhere else than in the machine itself.
fn file(root: BorrowedFd<'_>, path: &str) -> Option<String> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let opened = openat2(root, path, flags, Mode::empty(), ResolveFlags::IN_ROOT).ok()?;
    let file = File::from(opened);
    let metadata = file.metadata().ok()?;
    if !metadata.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    let mut tail = &file;
    if metadata.len() > MOST {
        use std::io::{Seek, SeekFrom};
        tail.seek(SeekFrom::End(-i64::try_from(MOST).unwrap_or(0))).ok()?;
    }
    tail.take(MOST).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// The errors of all stages: `v1.errors` of the result, `v1.STAGE.errors` of the status.
fn errors(status: Option<&Value>, result: Option<&Value>) -> Vec<String> {
    let mut lists: Vec<&Value> = Vec::new();
    lists.extend(result.map(|result| &result["v1"]["errors"]));
    let stages = status.and_then(|status| status["v1"].as_object());
    lists.extend(stages.into_iter().flat_map(|stages| stages.values()).map(|stage| &stage["errors"]));
    let mut errors: Vec<String> = Vec::new();
    for error in lists.into_iter().filter_map(Value::as_array).flatten() {
        let text = error.as_str().map_or_else(|| error.to_string(), str::to_owned);
        if !errors.contains(&text) {
            errors.push(text);
        }
    }
    errors
}

fn last_lines(text: &str, most: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(most)..].join("\n")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    fn read_folder(folder: &Path) -> FirstBoot {
        let root = openat(CWD, folder, OFlags::PATH | OFlags::DIRECTORY, Mode::empty()).unwrap();
        read_below(root.as_fd())
    }

    fn check(files: &[(&str, &str)], status: Progress, errors: &[&str], log: &str) {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let read = read_folder(folder.path());
        assert_eq!((read.status, read.log.as_str()), (status, log), "{files:?}");
        assert_eq!(read.errors, errors, "{files:?}");
    }

    /// The files are as cloud-init 22.4 writes them.
    #[test]
    fn the_files_of_cloud_init_are_understood() {
        let (status, result) = ("run/cloud-init/status.json", "run/cloud-init/result.json");
        let log = "var/log/cloud-init-output.log";
        let running =
            r#"{"v1": {"datasource": null, "init": {"errors": [], "finished": null}, "stage": "init"}}"#;
        let broken = r#"{"v1": {"init": {"errors": []}, "modules-final": {"errors": ["('scripts-user', RuntimeError('one'))"]}}}"#;
        check(&[], Progress::NotStarted, &[], "");
        check(&[(status, running), (log, "a\nb\n")], Progress::Running, &[], "a\nb");
        check(&[(status, running), (result, r#"{"v1": {"errors": []}}"#)], Progress::Done, &[], "");
        let both = r#"{"v1": {"errors": ["('scripts-user', RuntimeError('one'))"]}}"#;
        let error = ["('scripts-user', RuntimeError('one'))"];
        check(&[(status, broken), (result, both)], Progress::Error, &error, "");
        check(&[(result, "no json")], Progress::NotStarted, &[], "");
    }

    #[test]
    fn links_of_a_machine_do_not_lead_out_of_it() {
        let outside = tempfile::NamedTempFile::new().unwrap();
        fs::write(outside.path(), "secret").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("var/log");
        fs::create_dir_all(&log).unwrap();
        std::os::unix::fs::symlink(outside.path(), log.join("cloud-init-output.log")).unwrap();
        assert_eq!(read_folder(folder.path()).log, "");
        fs::remove_file(log.join("cloud-init-output.log")).unwrap();
        rustix::fs::mknodat(
            CWD,
            log.join("cloud-init-output.log"),
            rustix::fs::FileType::Fifo,
            Mode::RUSR | Mode::WUSR,
            0,
        )
        .unwrap();
        assert_eq!(read_folder(folder.path()).log, "");
    }
}
