//! `http`, with servers on loopback.

use std::sync::{Arc, Mutex};

use ferroform_core::{Type, Value};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::harness::{Bench, n, s, summaries, text};

const TYPE: &str = "http";

/// A server that gives the answers one after the other, the last again and again, and keeps the requests.
struct Server {
    url: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn start(answers: &[&str]) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/path", listener.local_addr().expect("its address"));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (kept, answers) = (requests.clone(), answers.iter().map(|a| (*a).to_owned()).collect::<Vec<_>>());
        tokio::spawn(async move {
            for at in 0.. {
                let Ok((mut stream, _)) = listener.accept().await else { return };
                let mut request = Vec::new();
                let mut buffer = [0; 4096];
                while !whole(&request) {
                    match stream.read(&mut buffer).await {
                        Ok(read) if read > 0 => request.extend_from_slice(&buffer[..read]),
                        _ => break,
                    }
                }
                kept.lock().expect("not poisoned").push(String::from_utf8_lossy(&request).into_owned());
                let answer = answers.get(at).or(answers.last()).cloned().unwrap_or_default();
                if answer == "silence" {
                    tokio::time::sleep(std::time::Duration::from_secs(60)).await;
                }
                // Latin-1, so that cases can hold any byte.
                let bytes: Vec<u8> = answer.chars().map(|c| c as u8).collect();
                let _ = stream.write_all(&bytes).await;
            }
        });
        Server { url, requests }
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("not poisoned").clone()
    }
}

/// Whether the head and as much of the body as it tells are there.
fn whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    body.len() >= length.unwrap_or(0)
}

const OK: &str =
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Two: a\r\nX-Two: b\r\nconnection: close\r\n\r\nhello";
const GONE: &str = "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\nConnection: close\r\n\r\ngone";
const BUSY: &str = "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
const NOT_IMPLEMENTED: &str = "HTTP/1.1 501 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
const TOO_MANY: &str =
    "HTTP/1.1 429 No\r\nRetry-After: 600\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
const BINARY: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n\u{ff}A";

fn retry(attempts: i64, min: i64, max: i64) -> (&'static str, Value) {
    let numbers = [("attempts", n(attempts)), ("min_delay_ms", n(min)), ("max_delay_ms", n(max))];
    ("retry", Value::object(numbers))
}

#[tokio::test]
async fn an_answer_is_told_with_status_headers_and_body() {
    let bench = Bench::new("http");
    let server = Server::start(&[OK]).await;
    let read = bench.read_data(TYPE, &[("url", s(&server.url))]).await.expect("read");
    assert_eq!((text(&read, "id"), read.get("status_code")), (&*server.url, Some(&n(200))));
    for (name, expected) in
        [("response_body", "hello"), ("body", "hello"), ("response_body_base64", "aGVsbG8=")]
    {
        assert_eq!(text(&read, name), expected);
    }
    let headers = [("Connection", "close"), ("Content-Length", "5"), ("X-Two", "a, b")];
    let headers = Value::map(Type::String, headers.map(|(name, value)| (name, s(value))));
    assert_eq!(read.get("response_headers"), Some(&headers));
    // An answer that the server does not have it is an answer as well.
    let server = Server::start(&[GONE]).await;
    let read = bench.read_data(TYPE, &[("url", s(&server.url))]).await.expect("read");
    assert_eq!((read.get("status_code"), text(&read, "body")), (Some(&n(404)), "gone"));
}

#[tokio::test]
async fn the_request_is_the_configured_one() {
    let bench = Bench::new("http");
    let server = Server::start(&[OK]).await;
    let headers = [("Accept", s("text/x")), ("Host", s("other.example"))];
    let arguments = [
        ("url", s(&format!("{}?q=1", server.url))),
        ("method", s("POST")),
        ("request_headers", Value::map(Type::String, headers)),
        ("request_body", s("question")),
    ];
    bench.read_data(TYPE, &arguments).await.expect("read");
    let request = server.requests().remove(0);
    let lower = request.to_lowercase();
    assert!(
        request.starts_with("POST /path?q=1 HTTP/1.1\r\n") && request.ends_with("\r\n\r\nquestion"),
        "{request}"
    );
    assert!(
        lower.contains("\r\nhost: other.example\r\n") && lower.contains("\r\naccept: text/x\r\n"),
        "{request}"
    );
    let server = Server::start(&["HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\n"]).await;
    let head = bench.read_data(TYPE, &[("url", s(&server.url)), ("method", s("HEAD"))]).await.expect("read");
    assert!(server.requests()[0].starts_with("HEAD ") && text(&head, "response_body").is_empty());
}

/// Answers, the attempts granted after the first, how many requests there are, and the status or none for an error.
#[tokio::test]
async fn failing_servers_are_asked_again_as_often_as_granted() {
    let bench = Bench::new("http");
    let cases: [(&[&str], Option<i64>, usize, Option<i64>); 7] = [
        (&[BUSY, BUSY, OK], Some(2), 3, Some(200)),
        (&[BUSY, BUSY, OK], Some(1), 2, None),
        (&[BUSY], None, 1, None),
        (&[NOT_IMPLEMENTED], Some(3), 1, Some(501)),
        (&[TOO_MANY, OK], Some(1), 2, Some(200)),
        (&["", OK], Some(1), 2, Some(200)),
        (&[GONE], Some(3), 1, Some(404)),
    ];
    for (answers, attempts, requests, status) in cases {
        let server = Server::start(answers).await;
        let mut arguments = vec![("url", s(&server.url))];
        arguments.extend(attempts.map(|attempts| retry(attempts, 1, 2)));
        let read = bench.read_data(TYPE, &arguments).await;
        assert_eq!(server.requests().len(), requests, "{answers:?} {attempts:?}");
        match status {
            Some(status) => assert_eq!(read.expect("read").get("status_code"), Some(&n(status))),
            None => assert_eq!(summaries(&read.expect_err("refused")), ["Error making request"]),
        }
    }
}

/// A certificate for 127.0.0.1 in `cert.pem` with its key in `key.pem`; gives that of the authority.
async fn certify(dir: &std::path::Path) -> String {
    let tls = Bench::new("tls");
    let key = [("algorithm", s("ECDSA")), ("ecdsa_curve", s("P256"))];
    let (authority_key, server_key) = (
        tls.create("tls_private_key", &key).await.expect("made"),
        tls.create("tls_private_key", &key).await.expect("made"),
    );
    let pem = |made: &Value| ("private_key_pem", s(text(made, "private_key_pem")));
    let uses = |uses: &[&str]| ("allowed_uses", Value::list(Type::String, uses.iter().map(|one| s(one))));
    let blocks = &tls.schema("tls_self_signed_cert").block.blocks;
    let parts = blocks["subject"].block.attributes.iter().map(|(name, part)| {
        let value = if &**name == "common_name" { s("authority") } else { Value::null(part.ty.clone()) };
        (name.clone(), value)
    });
    let subject = Value::object(parts);
    let hours = ("validity_period_hours", n(1));
    let is_ca = ("is_ca_certificate", Value::bool(true));
    let subject = ("subject", Value::list(subject.ty(), [subject]));
    let arguments = [pem(&authority_key), hours.clone(), is_ca, subject, uses(&["cert_signing"])];
    let authority = tls.create("tls_self_signed_cert", &arguments).await.expect("made");
    let address = ("ip_addresses", Value::list(Type::String, [s("127.0.0.1")]));
    let request = tls.create("tls_cert_request", &[pem(&server_key), address]).await.expect("made");
    let arguments = [
        ("cert_request_pem", s(text(&request, "cert_request_pem"))),
        ("ca_cert_pem", s(text(&authority, "cert_pem"))),
        ("ca_private_key_pem", s(text(&authority_key, "private_key_pem"))),
        hours,
        uses(&["digital_signature", "server_auth"]),
    ];
    let certificate = tls.create("tls_locally_signed_cert", &arguments).await.expect("made");
    std::fs::write(dir.join("cert.pem"), text(&certificate, "cert_pem")).expect("written");
    std::fs::write(dir.join("key.pem"), text(&server_key, "private_key_pem")).expect("written");
    text(&authority, "cert_pem").to_owned()
}

/// Servers are trusted by the given authority and no other, or without any if it is asked for. The server is OpenSSL's,
/// where it is present.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
#[tokio::test]
async fn a_server_is_trusted_by_the_given_authority() {
    let dir = tempfile::tempdir().expect("a directory");
    let authority = certify(dir.path()).await;
    let mut command = tokio::process::Command::new("openssl");
    command.args(["s_server", "-www", "-accept", "127.0.0.1:0", "-cert", "cert.pem", "-key", "key.pem"]);
    command.current_dir(dir.path()).kill_on_drop(true).stdin(std::process::Stdio::null());
    let Ok(mut server) =
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::null()).spawn()
    else {
        let required = std::env::var_os("FERROFORM_REQUIRE_PROGRAMS").is_some();
        assert!(!required, "FERROFORM_REQUIRE_PROGRAMS is set and openssl is missing");
        eprintln!("skipped: openssl is not installed");
        return;
    };
    // It says at which port it listens.
    let mut told = tokio::io::BufReader::new(server.stdout.take().expect("piped")).lines();
    let address = loop {
        let line = told.next_line().await.expect("read").expect("OpenSSL says where it listens");
        if let Some(address) = line.strip_prefix("ACCEPT ") {
            break address.to_owned();
        }
    };
    let bench = Bench::new("http");
    let url = || vec![("url", s(&format!("https://{address}/"))), retry(200, 10, 50)];
    let trusting = [url(), vec![("ca_cert_pem", s(&authority))]].concat();
    let read = bench.read_data(TYPE, &trusting).await.expect("trusted");
    assert_eq!(read.get("status_code"), Some(&n(200)));
    let insecure = [url(), vec![("insecure", Value::bool(true))]].concat();
    assert!(bench.read_data(TYPE, &insecure).await.is_ok());
    // The same server shows its certificate to the data source for that, which does not know the authority either.
    let tls = Bench::new("tls");
    let shown = [("url", s(&format!("tls://{address}"))), ("verify_chain", Value::bool(false))];
    let read = tls.read_data("tls_certificate", &shown).await.expect("shown");
    let own = read.get("certificates").and_then(Value::as_slice).and_then(|list| list.last()).expect("one");
    assert_eq!(text(own, "cert_pem"), std::fs::read_to_string(dir.path().join("cert.pem")).expect("read"));
    let error =
        tls.read_data("tls_certificate", &shown[..1]).await.expect_err("an authority that nobody knows");
    assert_eq!(summaries(&error), ["Failed to identify peer certificates"]);
    let error = bench.read_data(TYPE, &url()[..1]).await.expect_err("an authority that nobody knows");
    assert!(error.iter().all(|d| d.detail.contains("certificate")), "{error:?}");
}

#[tokio::test]
async fn a_silent_server_is_given_up_after_the_time_granted() {
    let server = Server::start(&["silence"]).await;
    let arguments = [("url", s(&server.url)), ("request_timeout_ms", n(50))];
    let error = Bench::new("http").read_data(TYPE, &arguments).await.expect_err("given up");
    assert!(error.iter().all(|d| d.detail.contains("the time was up")), "{error:?}");
}

#[tokio::test]
async fn an_answer_that_is_no_text_is_warned_of() {
    let bench = Bench::new("http");
    let server = Server::start(&[BINARY]).await;
    let config = bench.data_config(TYPE, &[("url", s(&server.url))]);
    let (read, diagnostics) = bench.0.read_data_source(TYPE, config).await;
    assert_eq!(summaries(&diagnostics), ["Response body is not recognized as UTF-8"]);
    assert_eq!((text(&read, "response_body"), text(&read, "response_body_base64")), ("\u{fffd}A", "/0E="));
}

#[tokio::test]
async fn impossible_arguments_are_refused_and_secrets_not_told() {
    let bench = Bench::new("http");
    let url = ("url", s("http://127.0.0.1:1/"));
    let (value, combination) = ("Invalid Attribute Value", "Invalid Attribute Combination");
    let header = |name: &str, value: &str| ("request_headers", Value::map(Type::String, [(name, s(value))]));
    let cases = [
        (vec![("url", s("ftp://127.0.0.1/"))], "Error creating request"),
        (vec![("url", s("secret"))], "Error creating request"),
        (vec![url.clone(), ("method", s("PUT"))], "Invalid Attribute Value Match"),
        (vec![url.clone(), ("request_timeout_ms", n(0))], value),
        (vec![url.clone(), retry(-1, 0, 0)], value),
        (vec![url.clone(), retry(1, 2, 1)], value),
        (vec![url.clone(), ("ca_cert_pem", s("x")), ("insecure", Value::bool(true))], combination),
        (vec![url.clone(), ("client_key_pem", s("secret"))], combination),
        (vec![url.clone(), ("ca_cert_pem", s("x"))], "Error configuring TLS client"),
        (
            vec![url.clone(), ("client_key_pem", s("secret")), ("client_cert_pem", s("x"))],
            "Error configuring TLS client",
        ),
        (vec![url.clone(), header("a b", "x")], "Error creating request"),
        (vec![url.clone(), header("a", "secret\r\n")], "Error creating request"),
        // Nobody listens there.
        (vec![url], "Error making request"),
    ];
    for (arguments, summary) in cases {
        let error = bench.read_data(TYPE, &arguments).await.expect_err("refused");
        assert_eq!(summaries(&error), [summary], "{arguments:?}");
        assert!(error.iter().all(|d| !d.detail.contains("secret")), "{error:?}");
    }
}
