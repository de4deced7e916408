//! The local cloud of a test, reached past the program: its API, its counts, its faults.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::net::TcpSocket;

use crate::harness::PROGRAM;

/// Where local runs keep everything.
pub(crate) const LOCAL_DIR: &str = ".terraform/local";

const TOKEN: &str = "0123456789012345678901234567890123456789012345678901234567890123";

/// A running local cloud.
#[derive(Clone, Debug)]
pub(crate) struct Cloud {
    pub(crate) address: SocketAddr,
    /// Of its object storage.
    pub(crate) storage: SocketAddr,
    pub(crate) token: String,
    pub(crate) pid: i32,
}

impl Cloud {
    /// The cloud whose owner announced itself in this directory.
    pub(crate) fn of(dir: &Path) -> Option<Self> {
        let owner = fs::read(dir.join(LOCAL_DIR).join("cloud-owner.json")).ok()?;
        let owner: Value = serde_json::from_slice(&owner).ok()?;
        let address = |endpoint: &Value| {
            endpoint.as_str()?.strip_prefix("http://")?.split('/').next()?.parse::<SocketAddr>().ok()
        };
        let storage = address(&owner["object_storage"]["endpoint"])?;
        let pid = i32::try_from(owner["pid"].as_i64()?).ok()?;
        let token = owner["token"].as_str()?.to_owned();
        Some(Cloud { address: address(&owner["endpoint"])?, storage, token, pid })
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// A request; status and body of the answer.
    pub(crate) fn try_call(&self, method: &str, path: &str, body: &Value) -> io::Result<(u16, Value)> {
        let limit = Duration::from_secs(30);
        let mut stream = TcpStream::connect_timeout(&self.address, limit)?;
        stream.set_read_timeout(Some(limit))?;
        let body = if body.is_null() { String::new() } else { body.to_string() };
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.address,
            self.token,
            body.len()
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let invalid = || io::Error::new(io::ErrorKind::InvalidData, format!("no answer: {answer:?}"));
        let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(invalid)?;
        let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).ok_or_else(invalid)?;
        let body = if body.is_empty() { Value::Null } else { serde_json::from_str(body)? };
        Ok((status, body))
    }

    /// A request that must succeed.
    #[track_caller]
    pub(crate) fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let (status, answer) = self.try_call(method, path, body).unwrap();
        assert!((200..300).contains(&status), "{method} {path} {body}: {status} {answer}");
        answer
    }

    /// Every object there is, by kind.
    #[track_caller]
    pub(crate) fn objects(&self) -> Value {
        self.call("GET", "/_emulator/world", &Value::Null)["objects"].take()
    }

    /// The API requests since the last reset, by method and path template.
    #[track_caller]
    pub(crate) fn requests(&self) -> BTreeMap<String, u64> {
        let stats = self.call("GET", "/_emulator/stats", &Value::Null);
        let routes = stats["routes"].as_object().unwrap();
        routes.iter().map(|(route, count)| (route.clone(), count.as_u64().unwrap())).collect()
    }

    #[track_caller]
    pub(crate) fn reset_requests(&self) {
        self.call("DELETE", "/_emulator/stats", &Value::Null);
    }

    /// Sets a fault, see the emulator's `Fault`; its number.
    #[track_caller]
    pub(crate) fn fault(&self, fault: &Value) -> u64 {
        self.call("POST", "/_emulator/faults", fault)["id"].as_u64().unwrap()
    }

    /// Executes requests of this route from now on, but holds back the answer of the one after `skip`.
    #[track_caller]
    pub(crate) fn hold(&self, route: &str, skip: u64) -> u64 {
        let (method, path) = route.split_once(' ').unwrap();
        self.fault(&json!({"method": method, "path": path, "skip": skip, "effect": {"hold": {}}}))
    }

    /// Whether a fault is holding an answer back.
    #[track_caller]
    pub(crate) fn holds(&self, fault: u64) -> bool {
        self.call("GET", &format!("/_emulator/faults/{fault}"), &Value::Null)["held"].as_u64() != Some(0)
    }

    #[track_caller]
    pub(crate) fn clear_faults(&self) {
        self.call("DELETE", "/_emulator/faults", &Value::Null);
    }
}

/// A local cloud that a test started. Dropped, it is killed: its world is a temporary file.
pub(crate) struct Served {
    child: Child,
    pub(crate) cloud: Cloud,
}

impl Served {
    /// Starts the cloud of a directory in the files where `-local` looks for it, without a limit of requests.
    pub(crate) fn start(dir: &Path, time_scale: f64, env: &[(String, String)]) -> Self {
        Self::start_limited(dir, time_scale, 0, env)
    }

    /// The same with so many requests an hour, 0 for any number.
    pub(crate) fn start_limited(
        dir: &Path,
        time_scale: f64,
        requests: u32,
        env: &[(String, String)],
    ) -> Self {
        let local = dir.join(LOCAL_DIR);
        fs::create_dir_all(&local).unwrap();
        let token = local.join("cloud-token");
        fs::write(&token, TOKEN).unwrap();
        let owner = local.join("cloud-owner.json");
        let _ = fs::remove_file(&owner);
        let log = fs::File::create(local.join("cloud.log")).unwrap();
        let mut child = Command::new(PROGRAM)
            .args(["cloud", "serve", "--idle-exit=15m"])
            .arg(format!("--rate-limit={requests}"))
            .arg(format!("--time-scale={time_scale}"))
            .arg(format!("--token-file={}", token.display()))
            .arg(format!("--state={}", local.join("cloud.json").display()))
            .arg(format!("--owner-file={}", owner.display()))
            .current_dir(dir)
            .env_clear()
            .envs(env.iter().map(|(k, v)| (k, v)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let begun = Instant::now();
        let cloud = loop {
            if let Some(cloud) = Cloud::of(dir) {
                break cloud;
            }
            let ended = child.try_wait().unwrap();
            let log = || fs::read_to_string(local.join("cloud.log")).unwrap_or_default();
            assert!(ended.is_none() && begun.elapsed() < Duration::from_secs(60), "no cloud: {}", log());
            std::thread::sleep(Duration::from_millis(2));
        };
        Served { child, cloud }
    }
}

impl Served {
    /// Ends it as a power cut would.
    pub(crate) fn stop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Ends it, and keeps its ports free of others as long as what is given back is held: a server of another test there
    /// would answer in its place.
    pub(crate) fn leave(&mut self) -> [TcpSocket; 2] {
        self.stop();
        let vacant = |address: SocketAddr| {
            let socket = TcpSocket::new_v4().unwrap();
            socket.set_reuseaddr(true).unwrap();
            socket.bind(address).unwrap();
            socket
        };
        [self.cloud.address, self.cloud.storage].map(vacant)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop();
    }
}
