//! The haproxy of a load balancer: started, asked, replaced and ended. Processes are known by the file that their
//! command line names, which is in the world's folder: so they are found after a restart, and no others are.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::configuration::{NO_STATE, SOCKET, STATE};
use crate::machines::tools::ToolError;

const FILE: &str = "haproxy.cfg";
const LOG: &str = "haproxy.log";
/// How long a new process may take until it answers.
const START: Duration = Duration::from_secs(10);
/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(1);

/// The folder of a load balancer, in which its haproxy runs.
#[derive(Clone, Debug)]
pub(super) struct Place(PathBuf);

/// What a running haproxy says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Running {
    pub(super) pid: u32,
    /// The digest of its configuration ([`Place::start`]).
    pub(super) digest: String,
}

impl Place {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self(folder)
    }

    /// Writes a file that only root can read.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn write(&self, name: &str, text: &str) -> Result<(), ToolError> {
        let path = self.0.join(name);
        std::fs::create_dir_all(&self.0)
            .and_then(|()| OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path))
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(ToolError::file(format!("writing {}", path.display())))
    }

    /// Removes the files with this ending, but for some.
    pub(super) fn keep_only(&self, ending: &str, wanted: &[&str]) {
        for entry in std::fs::read_dir(&self.0).into_iter().flatten().flatten() {
            let name = entry.file_name();
            if name.to_str().is_some_and(|name| name.ends_with(ending) && !wanted.contains(&name)) {
                // What remains harms nobody and is tried again.
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }

    /// Asks the running haproxy; none if there is none, or it does not answer.
    pub(super) fn ask(&self, question: &str) -> Option<String> {
        // The path of a socket may have 107 characters; this one always does.
        let folder = File::open(&self.0).ok()?;
        let path = format!("/proc/self/fd/{}/{SOCKET}", folder.as_raw_fd());
        let mut stream = UnixStream::connect(path).ok()?;
        stream.set_read_timeout(Some(ANSWER)).ok()?;
        stream.set_write_timeout(Some(ANSWER)).ok()?;
        stream.write_all(format!("{question}\n").as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    }

    /// The haproxy that answers here, if it is in this network namespace.
    pub(super) fn running(&self, namespace: &Path) -> Option<Running> {
        let answer = self.ask("show info")?;
        let value = |key: &str| answer.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(": "));
        let pid = value("Pid")?.trim().parse().ok()?;
        if !self.is_ours(pid) || !in_namespace(pid, namespace) {
            return None;
        }
        Some(Running { pid, digest: value("description").unwrap_or_default().trim().to_owned() })
    }

    /// Starts haproxy with a configuration that has this digest, in a network namespace, and waits until it answers.
    /// It takes over from `predecessor`, if any, which keeps the connections it has until they end.
    ///
    /// # Errors
    /// When it cannot be started or refuses the configuration; the predecessor then goes on.
    pub(super) fn start(
        &self,
        configuration: &str,
        digest: &str,
        namespace: &Path,
        predecessor: Option<u32>,
    ) -> Result<Child, ToolError> {
        // A description is shown by a running process: it tells which configuration it has.
        let text = configuration.replacen("global\n", &format!("global\n    description {digest}\n"), 1);
        self.write(FILE, &text)?;
        let known = predecessor.and_then(|_| self.ask("show servers state"));
        self.write(STATE, known.as_deref().unwrap_or(NO_STATE))?;
        let log = self.0.join(LOG);
        let failed = || ToolError::file(format!("writing {}", log.display()));
        let output = File::create(&log).map_err(failed())?;
        let mut command = Command::new("nsenter");
        command.arg(format!("--net={}", namespace.display())).args(["--", "haproxy", "-db", "-f"]);
        command.arg(self.0.join(FILE)).current_dir(&self.0);
        if let Some(predecessor) = predecessor {
            command.args(["-x", SOCKET, "-sf", &predecessor.to_string()]);
        }
        // Not in our group: it lives on when we are interrupted.
        command.process_group(0).env("LC_ALL", "C").stdin(Stdio::null());
        command.stdout(output.try_clone().map_err(failed())?).stderr(output);
        let start = |source| ToolError::Start { program: "nsenter".to_owned(), source };
        let mut child = command.spawn().map_err(start)?;
        let since = Instant::now();
        loop {
            let ended = child.try_wait().map_err(start)?;
            if ended.is_some() || since.elapsed() > START {
                let _ = child.kill();
                let _ = child.wait();
                let said = match ended {
                    Some(_) => complaint(&std::fs::read_to_string(&log).unwrap_or_default()),
                    None => format!("it does not answer after {} seconds", START.as_secs()),
                };
                return Err(ToolError::Failed { command: "haproxy".to_owned(), said });
            }
            if self.running(namespace).is_some_and(|running| running.pid == child.id()) {
                return Ok(child);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Ends every haproxy of this load balancer and removes its folder.
    ///
    /// # Errors
    /// When the folder cannot be removed.
    pub(super) fn remove(&self) -> Result<(), ToolError> {
        end(&self.0);
        remove_folder(&self.0)
    }

    /// Ends every haproxy of this load balancer.
    pub(super) fn end(&self) {
        end(&self.0);
    }

    fn is_ours(&self, pid: u32) -> bool {
        is_of(pid, &self.0)
    }
}

/// Removes a folder, if there is one.
///
/// # Errors
/// When it cannot be removed.
pub(super) fn remove_folder(folder: &Path) -> Result<(), ToolError> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(ToolError::file(format!("removing {}", folder.display()))(error))
        }
        _ => Ok(()),
    }
}

/// Kills every haproxy whose configuration is in a folder, or below, and waits (shortly) until they are gone.
pub(super) fn end(folder: &Path) {
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        if is_of(pid, folder) {
            kill(pid, folder);
        }
    }
}

fn kill(pid: u32, folder: &Path) {
    let Some(raw) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return };
    // Held fast first and looked at again then: the number may be another's by now.
    let Ok(held) = pidfd_open(raw, PidfdFlags::empty()) else { return };
    if !is_of(pid, folder) || pidfd_send_signal(&held, Signal::KILL).is_err() {
        return;
    }
    for _ in 0..200 {
        if !is_of(pid, folder) {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Whether a process is a haproxy (or about to be one) whose configuration is in a folder, or below. One that has
/// ended has no command line any more.
fn is_of(pid: u32, folder: &Path) -> bool {
    let Ok(line) = std::fs::read(format!("/proc/{pid}/cmdline")) else { return false };
    let words: Vec<&str> =
        line.split(|byte| *byte == 0).filter_map(|word| std::str::from_utf8(word).ok()).collect();
    let program = words.first().and_then(|word| word.rsplit('/').next());
    matches!(program, Some("haproxy" | "nsenter"))
        && words.windows(2).any(|pair| pair[0] == "-f" && Path::new(pair[1]).starts_with(folder))
}

fn in_namespace(pid: u32, namespace: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |path: &Path| std::fs::metadata(path).ok().map(|data| (data.dev(), data.ino()));
    let own = identity(Path::new(&format!("/proc/{pid}/ns/net")));
    own.is_some() && own == identity(namespace)
}

/// What matters of haproxy's complaints.
fn complaint(log: &str) -> String {
    let alerts: Vec<&str> = log.lines().filter(|line| line.contains("[ALERT]")).take(3).collect();
    let lines = if alerts.is_empty() { log.lines().rev().take(1).collect() } else { alerts };
    if lines.is_empty() { "it ended without a word".to_owned() } else { lines.join("; ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_come_first() {
        let log = "[NOTICE] (1) : x\n[ALERT] (1) : config : bad\n[WARNING] (1) : y\n";
        assert_eq!(complaint(log), "[ALERT] (1) : config : bad");
        assert_eq!(complaint("nsenter: no such file\n"), "nsenter: no such file");
        assert!(!complaint("").is_empty());
    }
}
