//! The program `ferroform-cloud`, from its start to its end.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

const PROGRAM: &str = env!("CARGO_BIN_EXE_ferroform-cloud");

/// A program that is killed when a test fails.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The answer to a request, head and all.
fn send(address: &str, token: &str, method: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn it_says_how_to_reach_it_serves_with_its_faults_and_ends_when_told() {
    let folder = tempfile::tempdir().unwrap();
    let faults = folder.path().join("faults.json");
    std::fs::write(&faults, r#"{"path": "/locations", "effect": {"error": "unavailable"}}"#).unwrap();
    let child = Command::new(PROGRAM).arg("--faults").arg(&faults).stdout(Stdio::piped()).spawn().unwrap();
    let mut running = Running(child);
    let mut stdout = BufReader::new(running.0.stdout.take().unwrap());
    let mut said = String::new();
    while !said.contains("Ctrl-C") {
        assert_ne!(stdout.read_line(&mut said).unwrap(), 0, "it ended: {said}");
    }
    let value = |name: &str| {
        let line = said.lines().find_map(|line| line.trim().strip_prefix("export ")?.strip_prefix(name));
        line.and_then(|rest| rest.strip_prefix('=')).unwrap_or_else(|| panic!("no {name}: {said}")).to_owned()
    };
    let (endpoint, token) = (value("HCLOUD_ENDPOINT"), value("HCLOUD_TOKEN"));
    let address = endpoint.strip_prefix("http://").and_then(|rest| rest.strip_suffix("/v1")).unwrap();
    assert!(said.contains(&format!("http://{address}/_emulator")), "{said}");
    for expected in ["HTTP/1.1 503 ", "HTTP/1.1 200 "] {
        let answer = send(address, &token, "GET", "/v1/locations");
        assert!(answer.starts_with(expected), "{answer}");
    }
    let answer = send(address, &token, "POST", "/_emulator/shutdown");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(running.0.wait().unwrap().success());
}

#[test]
fn options_that_cannot_be_followed_are_refused_and_said_why() {
    let folder = tempfile::tempdir().unwrap();
    let faults = folder.path().join("faults.json");
    std::fs::write(&faults, r#"{"effect": {"error": "broken"}}"#).unwrap();
    for (words, told) in [
        (vec!["--time-scale=-1"], "positive number"),
        (vec!["--listen=0.0.0.0:0"], "loopback"),
        (vec!["--token=short"], "64 characters"),
        (vec!["--idle-exit=soon"], "is not a duration"),
        (vec!["--token-file=/nonexistent/token"], "Token cannot be read"),
        (vec!["--faults", faults.to_str().unwrap()], "placement_error"),
        (vec!["--nonsense"], "unexpected argument"),
    ] {
        let output = Command::new(PROGRAM).args(&words).stdin(Stdio::null()).output().unwrap();
        assert!(!output.status.success(), "{words:?}");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(told), "{words:?}: {said}");
    }
}
