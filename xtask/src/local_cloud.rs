//! A local cloud in a process of its own, and its API.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::Result;

/// Where `-local` keeps everything.
pub(crate) const LOCAL_DIR: &str = ".terraform/local";

/// Nobody else's: the cloud is reached on this machine only.
const TOKEN: &str = "chaoschaoschaoschaoschaoschaoschaoschaoschaoschaoschaoschaoschao";

/// How long the cloud may take to start, or to answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running cloud. Dropped, it is killed.
pub(crate) struct Cloud {
    child: Child,
    address: SocketAddr,
}

/// A command of the program in a directory, with nothing of the user's settings.
pub(crate) fn command(program: &Path, dir: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(dir).env_clear().env("HOME", dir).env("COLUMNS", "110");
    command.env("FERROFORM_FORBID_PUBLIC_ENDPOINT", "1").env("CHECKPOINT_DISABLE", "1");
    command.stdin(Stdio::null());
    command
}

impl Cloud {
    /// Starts the cloud of a directory, in the files where `-local` looks for it. Its time goes so many times faster than
    /// in reality; 0 stands for actions that take no time.
    pub(crate) fn start(program: &Path, dir: &Path, time_scale: u32) -> Result<Self> {
        let local = dir.join(LOCAL_DIR);
        fs::create_dir_all(&local)?;
        let (token, owner) = (local.join("cloud-token"), local.join("cloud-owner.json"));
        fs::write(&token, TOKEN)?;
        let log = local.join("cloud.log");
        let scale = format!("--time-scale={time_scale}");
        let mut words: Vec<PathBuf> =
            ["cloud", "serve", "--rate-limit=0", "--no-object-limits", "--idle-exit=10m", &scale]
                .map(PathBuf::from)
                .into();
        for (option, path) in
            [("--token-file", &token), ("--state", &local.join("cloud.json")), ("--owner-file", &owner)]
        {
            words.extend([PathBuf::from(option), path.clone()]);
        }
        let mut child =
            command(program, dir).args(words).stdout(Stdio::null()).stderr(File::create(&log)?).spawn()?;
        let begun = Instant::now();
        loop {
            if let Some(address) = address(&owner) {
                return Ok(Cloud { child, address });
            }
            if child.try_wait()?.is_some() || begun.elapsed() > PATIENCE {
                // It may have ended already.
                let _ = child.kill();
                child.wait()?;
                return Err(format!("the cloud does not start: {}", fs::read_to_string(log)?).into());
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// A request that must succeed.
    pub(crate) fn call(&self, method: &str, path: &str, body: &Value) -> Result<Value> {
        let mut stream = TcpStream::connect_timeout(&self.address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let text = if body.is_null() { String::new() } else { body.to_string() };
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: {}\r\nConnection: \
             close\r\n\r\n{text}",
            self.address,
            text.len()
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (head, answered) =
            answer.split_once("\r\n\r\n").ok_or_else(|| format!("{method} {path}: no answer: {answer:?}"))?;
        let status = head.split(' ').nth(1).unwrap_or_default();
        if !status.starts_with('2') {
            return Err(format!("{method} {path} {body}: {status} {answered}").into());
        }
        Ok(if answered.is_empty() { Value::Null } else { serde_json::from_str(answered)? })
    }

    /// Every object there is, by kind, as the API shows it.
    pub(crate) fn objects(&self) -> Result<Value> {
        Ok(self.call("GET", "/_emulator/world", &Value::Null)?["objects"].take())
    }

    /// Sets a fault; its number.
    pub(crate) fn fault(&self, fault: &Value) -> Result<u64> {
        let set = self.call("POST", "/_emulator/faults", fault)?;
        set["id"].as_u64().ok_or_else(|| format!("a fault without a number: {set}").into())
    }

    /// How many requests a fault holds now.
    pub(crate) fn held(&self, fault: u64) -> Result<u64> {
        let shown = self.call("GET", &format!("/_emulator/faults/{fault}"), &Value::Null)?;
        shown["held"].as_u64().ok_or_else(|| format!("a fault without a count: {shown}").into())
    }

    /// How often all faults were met.
    pub(crate) fn hits(&self) -> Result<u64> {
        let shown = self.call("GET", "/_emulator/faults", &Value::Null)?;
        let faults = shown["faults"].as_array().cloned().unwrap_or_default();
        Ok(faults.iter().filter_map(|fault| fault["hits"].as_u64()).sum())
    }

    pub(crate) fn clear_faults(&self) -> Result<()> {
        self.call("DELETE", "/_emulator/faults", &Value::Null).map(drop)
    }
}

fn address(owner: &Path) -> Option<SocketAddr> {
    let owner: Value = serde_json::from_slice(&fs::read(owner).ok()?).ok()?;
    owner["endpoint"].as_str()?.strip_prefix("http://")?.strip_suffix("/v1")?.parse().ok()
}

impl Drop for Cloud {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
