//! A Kubernetes API for the real `kubectl`: as much of it as deploying and upgrading ask for, over HTTP on loopback.
//!
//! It writes down every request, and fails or cuts those that it is told to. What it keeps follows the API conventions
//! (kubernetes/community, "API Conventions") and the reference of the API groups; `kubectl` itself is the judge of that.

mod discovery;
mod failing;
mod objects;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

pub(super) use self::failing::Failing;
use self::failing::TOLD;
use self::objects::World;

/// What is done to a request instead of answering it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// It is answered with this status, and nothing is done.
    Status(u16),
    /// It is done, and the connection ends without an answer.
    AnswerLost,
}

/// A request.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: BTreeMap<String, String>,
    content_type: String,
    body: Vec<u8>,
}

impl Request {
    /// What is asked, without what differs from run to run.
    pub(super) fn key(&self) -> String {
        let mut words = format!("{} {}", self.method, self.path);
        for name in ["dryRun", "force", "fieldSelector", "watch"] {
            if let Some(value) = self.query.get(name) {
                words.push_str(&format!(" {name}={value}"));
            }
        }
        words
    }

    /// Whether it changes something.
    pub(super) fn changes(&self) -> bool {
        self.method != "GET" && !self.query.contains_key("dryRun")
    }
}

/// What was changed by these requests, in order.
pub(super) fn changes(asked: &[Request]) -> Vec<String> {
    asked.iter().filter(|request| request.changes()).map(Request::key).collect()
}

/// How often the kinds of the cluster were asked for.
pub(super) fn discoveries(asked: &[Request]) -> usize {
    asked.iter().filter(|request| matches!(request.path.as_str(), "/api" | "/apis")).count()
}

/// The API, answering until it is dropped.
pub(super) struct Kube {
    shared: Arc<Shared>,
    port: u16,
}

struct Shared {
    world: Mutex<World>,
    log: Mutex<Vec<Request>>,
    /// The request of a key that comes after so many others of that key, and what happens to it.
    faults: Mutex<Vec<(String, usize, Fault)>>,
    ended: AtomicBool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Kube {
    /// An API with these namespaces and nothing else. The versions of nodes are those in files of this folder.
    pub(super) fn start(namespaces: &[&str], kubelets: Option<PathBuf>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            world: Mutex::new(World::new(namespaces, kubelets)),
            log: Mutex::default(),
            faults: Mutex::default(),
            ended: AtomicBool::new(false),
        });
        let answering = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if answering.ended.load(Ordering::SeqCst) {
                    return;
                }
                let answering = Arc::clone(&answering);
                std::thread::spawn(move || {
                    // That kubectl hangs up is no error.
                    let _ = answering.converse(stream);
                });
            }
        });
        Kube { shared, port }
    }

    /// A kubeconfig that leads here.
    pub(super) fn kubeconfig(&self) -> String {
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: test\ncontexts:\n- name: test\n  context: {{cluster: test, user: test}}\n\
             clusters:\n- name: test\n  cluster: {{server: \"http://127.0.0.1:{}\"}}\nusers:\n- name: test\n  user: {{}}\n",
            self.port
        )
    }

    /// The request of this key that comes after so many others of that key fails; later ones do not.
    fn fail(&self, key: &str, after: usize, fault: Fault) {
        lock(&self.shared.faults).push((key.to_owned(), after, fault));
    }

    /// Whether everything that was to fail has.
    fn has_failed(&self) -> bool {
        lock(&self.shared.faults).is_empty()
    }

    /// What was asked since the last time, but for the server's version: the kubectl of Google's SDK asks for it, to become
    /// the kubectl of that version, and others do not.
    pub(super) fn asked(&self) -> Vec<Request> {
        let mut asked = std::mem::take(&mut *lock(&self.shared.log));
        asked.retain(|request| request.path != "/version");
        asked
    }

    /// What was changed since the last time, in order.
    pub(super) fn changes(&self) -> Vec<String> {
        changes(&self.asked())
    }

    /// What is there, to look at and to change.
    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        lock(&self.shared.world)
    }
}

impl Drop for Kube {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        // Wakes the listener; if it is not there any more, so much the better.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

/// An answer: status, type of content, and content.
struct Answer(u16, &'static str, String);

impl Answer {
    fn json(status: u16, value: &Value) -> Self {
        Answer(status, "application/json", value.to_string())
    }
}

/// A `Status` object, as every refusal is one.
fn refusal(code: u16, reason: &str, message: &str) -> Answer {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "code": code, "reason": reason, "message": message,
    });
    Answer::json(code, &status)
}

impl Shared {
    /// Answers requests of a connection until it ends.
    fn converse(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        let mut stream = stream;
        while let Some(request) = read_request(&mut reader)? {
            let fault = self.note(&request);
            match fault {
                Some(Fault::Status(code)) => {
                    let reason = if code == 403 { "Forbidden" } else { "InternalError" };
                    write_answer(&mut stream, &refusal(code, reason, TOLD))?;
                    continue;
                }
                Some(Fault::AnswerLost) | None => {}
            }
            if request.query.contains_key("watch") {
                let events = lock(&self.world).watch(&request);
                return write_events(&mut stream, &mut reader, &events);
            }
            let answer = lock(&self.world).answer(&request);
            if fault.is_some() {
                return Ok(());
            }
            write_answer(&mut stream, &answer)?;
        }
        Ok(())
    }

    /// Writes a request down. What is to happen to it instead of an answer.
    fn note(&self, request: &Request) -> Option<Fault> {
        let key = request.key();
        lock(&self.log).push(request.clone());
        let mut faults = lock(&self.faults);
        let at = faults.iter().position(|(wanted, ..)| *wanted == key)?;
        if faults[at].1 > 0 {
            faults[at].1 -= 1;
            return None;
        }
        Some(faults.remove(at).2)
    }
}

fn read_request(reader: &mut BufReader<TcpStream>) -> std::io::Result<Option<Request>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace();
    let method = words.next().unwrap_or_default().to_owned();
    let (path, query) = words.next().unwrap_or_default().split_once('?').map_or_else(
        || (line.split_whitespace().nth(1).unwrap_or_default().to_owned(), BTreeMap::new()),
        |(path, query)| (path.to_owned(), read_query(query)),
    );
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let mut header = |name: &str| headers.remove(name).unwrap_or_default();
    Ok(Some(Request { method, path, query, content_type: header("content-type"), body }))
}

/// `a=b&c=d%3De`; what kubectl sends has no other escapes than those of `=`, `,` and `/`.
fn read_query(text: &str) -> BTreeMap<String, String> {
    let plain = |text: &str| text.replace("%3D", "=").replace("%2C", ",").replace("%2F", "/");
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (plain(name), plain(value))).collect()
}

fn write_answer(stream: &mut TcpStream, Answer(status, kind, text): &Answer) -> std::io::Result<()> {
    let length = text.len();
    let head =
        format!("HTTP/1.1 {status} as it is\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n");
    stream.write_all(head.as_bytes())?;
    stream.write_all(text.as_bytes())
}

/// Sends events, and waits until who watches has seen enough.
fn write_events(
    stream: &mut TcpStream,
    reader: &mut BufReader<TcpStream>,
    events: &[Value],
) -> std::io::Result<()> {
    stream.write_all(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json;stream=watch\r\nTransfer-Encoding: chunked\r\n\r\n",
    )?;
    for event in events {
        let line = format!("{event}\n");
        stream.write_all(format!("{:x}\r\n{line}\r\n", line.len()).as_bytes())?;
    }
    let mut rest = Vec::new();
    reader.read_to_end(&mut rest).map(drop)
}
