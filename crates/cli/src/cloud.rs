//! The local cloud of a directory: a process of its own that outlives the commands which use it.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ferroform_core::Diagnostic;
use serde::{Deserialize, Serialize};

/// How long a cloud that nobody uses keeps running.
const IDLE_EXIT: &str = "30m";
/// How much faster than in reality the time of a cloud goes that `-local` starts.
pub(crate) const DEFAULT_TIME_SCALE: f64 = 10.0;
/// How long a new cloud may take to be ready.
const START_TIMEOUT: Duration = Duration::from_secs(20);

/// How to reach a running local cloud.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Owner {
    /// `http://127.0.0.1:PORT/v1`
    pub endpoint: String,
    /// The bearer token of the directory's project.
    pub token: String,
    /// The process.
    pub pid: u32,
    /// How fast its time goes.
    pub time_scale: f64,
}

/// The files of a directory's local cloud.
#[derive(Debug, Clone)]
pub(crate) struct LocalCloud {
    dir: PathBuf,
}

impl LocalCloud {
    /// The cloud whose files lie in `dir` (`.terraform/local`).
    pub(crate) fn new(dir: impl Into<PathBuf>) -> Self {
        LocalCloud { dir: dir.into() }
    }

    /// The world's file.
    pub(crate) fn world_path(&self) -> PathBuf {
        self.dir.join("cloud.json")
    }

    fn owner_path(&self) -> PathBuf {
        self.dir.join("cloud-owner.json")
    }

    fn token_path(&self) -> PathBuf {
        self.dir.join("cloud-token")
    }

    fn log_path(&self) -> PathBuf {
        self.dir.join("cloud.log")
    }

    /// The running cloud, if there is one.
    pub(crate) fn running(&self) -> Option<Owner> {
        let text = std::fs::read(self.owner_path()).ok()?;
        let owner: Owner = serde_json::from_slice(&text).ok()?;
        let health = request(&owner, "GET", "/_emulator/health").ok()?;
        let health: serde_json::Value = serde_json::from_str(&health).ok()?;
        (health["pid"].as_u64() == Some(u64::from(owner.pid))).then_some(owner)
    }

    /// The running cloud, started if there is none. A running one of another speed is started anew.
    pub(crate) fn ensure(&self, time_scale: Option<f64>) -> Result<Owner, Diagnostic> {
        std::fs::create_dir_all(&self.dir)
            .map_err(|e| failed(&format!("{} cannot be made: {e}", self.dir.display())))?;
        // Two commands at once start one cloud.
        let lock = File::create(self.dir.join("cloud.lock")).and_then(|f| f.lock().map(|()| f));
        let _lock = lock.map_err(|e| failed(&format!("its lock cannot be taken: {e}")))?;
        if let Some(owner) = self.running() {
            if time_scale.is_none_or(|scale| scale == owner.time_scale) {
                return Ok(owner);
            }
            self.stop()?;
        }
        self.start(time_scale.unwrap_or(DEFAULT_TIME_SCALE))
    }

    fn start(&self, time_scale: f64) -> Result<Owner, Diagnostic> {
        self.ensure_token()?;
        let _ = std::fs::remove_file(self.owner_path());
        let program =
            std::env::current_exe().map_err(|e| failed(&format!("this program cannot be found: {e}")))?;
        let log =
            private_file(&self.log_path()).map_err(|e| failed(&format!("its log cannot be written: {e}")))?;
        let mut child = Command::new(program)
            .args(["cloud", "serve", "--rate-limit=0"])
            .arg(format!("--idle-exit={IDLE_EXIT}"))
            .arg(format!("--time-scale={time_scale}"))
            .arg(format!("--token-file={}", self.token_path().display()))
            .arg(format!("--state={}", self.world_path().display()))
            .arg(format!("--owner-file={}", self.owner_path().display()))
            .env_remove("TF_CLI_ARGS")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            // A group of its own: Ctrl-C in the terminal does not reach it.
            .process_group(0)
            .spawn()
            .map_err(|e| failed(&format!("the process cannot be started: {e}")))?;
        let begun = Instant::now();
        while begun.elapsed() < START_TIMEOUT {
            if let Some(owner) = self.running() {
                return Ok(owner);
            }
            if let Ok(Some(status)) = child.try_wait() {
                let log = std::fs::read_to_string(self.log_path()).unwrap_or_default();
                return Err(failed(&format!(
                    "the process ended at once ({status}). It said:\n{}",
                    log.trim()
                )));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Err(failed(&format!("it was not ready after {} seconds", START_TIMEOUT.as_secs())))
    }

    /// Makes the token of the directory's project when there is none yet.
    fn ensure_token(&self) -> Result<(), Diagnostic> {
        let known = std::fs::read_to_string(self.token_path());
        if known.is_ok_and(|token| token.len() == ferroform_hcloud_emulator::TOKEN_LENGTH) {
            return Ok(());
        }
        let token = new_token()?;
        private_file(&self.token_path())
            .and_then(|mut f| f.write_all(token.as_bytes()))
            .map_err(|e| failed(&format!("its token cannot be kept: {e}")))
    }

    /// Stops the running cloud and waits for its end. Whether one was running.
    pub(crate) fn stop(&self) -> Result<bool, Diagnostic> {
        let Some(owner) = self.running() else { return Ok(false) };
        request(&owner, "POST", "/_emulator/shutdown")
            .map_err(|e| failed(&format!("it does not answer: {e}")))?;
        let begun = Instant::now();
        while self.running().is_some() {
            if begun.elapsed() > START_TIMEOUT {
                return Err(failed(&format!("process {} does not end", owner.pid)));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = std::fs::remove_file(self.owner_path());
        Ok(true)
    }

    /// Stops the cloud and deletes its world and everything that local runs keep.
    pub(crate) fn reset(&self) -> Result<(), Diagnostic> {
        self.stop()?;
        let begun = Instant::now();
        loop {
            match std::fs::remove_dir_all(&self.dir) {
                Ok(()) => return Ok(()),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
                // A cloud that does not answer any more may still be writing its world.
                Err(error)
                    if error.kind() == std::io::ErrorKind::DirectoryNotEmpty
                        && begun.elapsed() < START_TIMEOUT =>
                {
                    std::thread::sleep(Duration::from_millis(10));
                }
                Err(error) => {
                    return Err(failed(&format!("{} cannot be deleted: {error}", self.dir.display())));
                }
            }
        }
    }

    /// How many objects of each kind there are.
    pub(crate) fn objects(&self, owner: &Owner) -> Option<serde_json::Value> {
        serde_json::from_str(&request(owner, "GET", "/_emulator/world").ok()?).ok()
    }
}

/// A token as long as Hetzner's, of letters and digits.
pub(crate) fn new_token() -> Result<String, Diagnostic> {
    const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut bytes = [0u8; 4 * ferroform_hcloud_emulator::TOKEN_LENGTH];
    getrandom::fill(&mut bytes).map_err(|e| failed(&format!("the system gives no random numbers: {e}")))?;
    // Bytes beyond the last multiple of 62 are left out, so that every letter is as likely.
    let letters = bytes.iter().filter(|b| **b < 248).map(|b| char::from(LETTERS[usize::from(*b) % 62]));
    Ok(letters.take(ferroform_hcloud_emulator::TOKEN_LENGTH).collect())
}

/// A file that only its owner can read, empty.
pub(crate) fn private_file(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

fn failed(why: &str) -> Diagnostic {
    Diagnostic::error("Local cloud not available").detail(format!("The local cloud cannot be used: {why}."))
}

/// A request to the control interface, without a body. Blocking, on loopback only, bounded in time.
fn request(owner: &Owner, method: &str, path: &str) -> std::io::Result<String> {
    let invalid = |why: &str| std::io::Error::new(std::io::ErrorKind::InvalidData, why.to_owned());
    let host = owner.endpoint.strip_prefix("http://").and_then(|rest| rest.split('/').next());
    let address: SocketAddr =
        host.and_then(|h| h.parse().ok()).ok_or_else(|| invalid("no loopback address"))?;
    if !address.ip().is_loopback() {
        return Err(invalid("no loopback address"));
    }
    let limit = Duration::from_secs(5);
    let mut stream = TcpStream::connect_timeout(&address, limit)?;
    stream.set_read_timeout(Some(limit))?;
    stream.set_write_timeout(Some(limit))?;
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        owner.token
    )?;
    let mut answer = Vec::new();
    stream.take(16 << 20).read_to_end(&mut answer)?;
    let answer = String::from_utf8(answer).map_err(|_| invalid("the answer is no text"))?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(|| invalid("no answer"))?;
    let status = head.split(' ').nth(1).unwrap_or("");
    if status.starts_with('2') { Ok(body.to_owned()) } else { Err(invalid(&format!("it answered {status}"))) }
}
