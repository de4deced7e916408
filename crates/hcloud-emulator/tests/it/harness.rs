//! An emulator with a client that checks everything it gets against the documented shapes.

use std::fmt::Write as _;
use std::net::SocketAddr;

use ferroform_hcloud_emulator::{Builder, ClockMode, Emulator, Handle};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::shapes::{check_request, check_response};

pub(crate) const TOKEN: &str = "0123456789012345678901234567890123456789012345678901234567890123";

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) text: String,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// `""` for success, else the code of the error.
    pub(crate) fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }

    /// Status and code in one.
    pub(crate) fn outcome(&self) -> String {
        format!("{} {}", self.status, self.code()).trim().to_owned()
    }

    /// Names of the fields that are wrong.
    pub(crate) fn fields(&self) -> Vec<String> {
        let fields = self.body["error"]["details"]["fields"].as_array().cloned().unwrap_or_default();
        fields.iter().map(|field| field["name"].as_str().unwrap_or_default().to_owned()).collect()
    }
}

/// Sends one request over a connection of its own; `None` if the connection ends without an answer.
pub(crate) async fn send(
    address: SocketAddr,
    token: Option<&str>,
    method: &str,
    path: &str,
    body: &str,
) -> Option<Answer> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    let mut request = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    if let Some(token) = token {
        let _ = write!(request, "Authorization: Bearer {token}\r\n");
    }
    let _ = write!(request, "Content-Length: {}\r\n\r\n{body}", body.len());
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut bytes = Vec::new();
    // A connection that is cut may end in an error; what counts is whether there was an answer.
    let _ = stream.read_to_end(&mut bytes).await;
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(k, v)| (k.to_lowercase(), v.to_owned()))
        .collect();
    let is_html =
        headers.iter().any(|(name, value)| name == "content-type" && value.starts_with("text/html"));
    let no_json = body.is_empty() || is_html;
    let body_json = if no_json { Value::Null } else { serde_json::from_str(body).unwrap() };
    Some(Answer { status, headers, text: body.to_owned(), body: body_json })
}

/// A running emulator.
pub(crate) struct Cloud {
    pub(crate) handle: Handle,
    pub(crate) token: String,
}

impl Cloud {
    /// One whose time moves only when told.
    pub(crate) async fn stepped() -> Self {
        Self::start(|builder| builder.clock(ClockMode::Stepped)).await
    }

    /// One whose actions are finished when one looks again.
    pub(crate) async fn instant() -> Self {
        Self::start(|builder| builder.clock(ClockMode::Instant)).await
    }

    pub(crate) async fn start(change: impl FnOnce(Builder) -> Builder) -> Self {
        let handle = change(Emulator::builder().token(TOKEN).seed(1)).start().await.unwrap();
        Self { handle, token: TOKEN.to_owned() }
    }

    /// The same emulator, with another project.
    pub(crate) async fn raw(&self, method: &str, path: &str, body: &Value) -> Option<Answer> {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        send(self.handle.address(), Some(&self.token), method, path, &text).await
    }

    /// A request for a path under `/v1`, whose answer is checked.
    pub(crate) async fn call(&self, method: &str, path: &str, body: Value) -> Answer {
        let answer = self.raw(method, &format!("/v1{path}"), &body).await.expect("an answer");
        let bare = path.split('?').next().unwrap();
        let shown = (!answer.text.is_empty()).then_some(&answer.body);
        let problems = check_response(method, bare, answer.status, shown);
        assert!(problems.is_empty(), "{method} {path}: {problems:#?}\n{}", answer.text);
        if answer.status < 300 {
            let problems = check_request(method, bare, (!body.is_null()).then_some(&body));
            assert!(problems.is_empty(), "accepted although {method} {path}: {problems:#?}");
        }
        for header in
            ["date", "x-correlation-id", "ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"]
        {
            assert!(answer.header(header).is_some(), "{method} {path} has no {header}");
        }
        if answer.code() == "invalid_input" {
            assert!(!answer.fields().is_empty(), "{method} {path}: no details.fields");
        }
        answer
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let answer = self.call("GET", path, Value::Null).await;
        assert_eq!(answer.status, 200, "GET {path}: {}", answer.text);
        answer.body
    }

    /// A request that must succeed.
    pub(crate) async fn post(&self, path: &str, body: Value) -> Value {
        let answer = self.call("POST", path, body).await;
        assert!(answer.status < 300, "POST {path}: {}", answer.text);
        answer.body
    }

    /// The outcome of a request.
    pub(crate) async fn outcome(&self, method: &str, path: &str, body: Value) -> String {
        self.call(method, path, body).await.outcome()
    }

    /// Creates something; gives its id.
    pub(crate) async fn create(&self, kind: &str, body: Value) -> i64 {
        let created = self.post(&format!("/{kind}"), body).await;
        created[singular(kind)]["id"].as_i64().unwrap()
    }

    /// One object as it is now.
    pub(crate) async fn show(&self, kind: &str, id: i64) -> Value {
        self.get(&format!("/{kind}/{id}")).await[singular(kind)].take()
    }

    /// A request to the emulator's own API.
    pub(crate) async fn control(&self, method: &str, path: &str, body: Value) -> Answer {
        self.raw(method, &format!("/_emulator{path}"), &body).await.expect("an answer")
    }

    /// Lets time pass.
    pub(crate) async fn step(&self, milliseconds: i64) {
        let answer = self.control("POST", "/clock", json!({"advance_ms": milliseconds})).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    }

    /// Lets everything finish that is under way.
    pub(crate) async fn settle(&self) {
        self.step(3_600_000).await;
    }

    pub(crate) async fn fault(&self, fault: Value) -> i64 {
        let answer = self.control("POST", "/faults", fault).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer.body["id"].as_i64().unwrap()
    }

    pub(crate) async fn world(&self) -> Value {
        self.control("GET", "/world", Value::Null).await.body["objects"].take()
    }
}

/// The name of one of a kind.
fn singular(kind: &str) -> &str {
    kind.strip_suffix("es").filter(|one| one.ends_with("box")).or(kind.strip_suffix('s')).unwrap()
}

/// What a simple server is created from.
pub(crate) fn server(name: &str) -> Value {
    json!({"name": name, "server_type": "cx23", "image": "ubuntu-24.04", "location": "fsn1"})
}

/// An object with some fields replaced.
pub(crate) fn with(mut base: Value, changes: Value) -> Value {
    for (name, value) in changes.as_object().unwrap() {
        base[name] = value.clone();
    }
    base
}
