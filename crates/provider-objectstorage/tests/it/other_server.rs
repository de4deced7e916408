//! The provider against an S3 server that others wrote: moto, where it is installed.

use std::io::{BufRead as _, BufReader};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ferroform_provider::Located;
use ferroform_provider_objectstorage::Settings;
use serde_json::json;

use crate::data::read;
use crate::stack::{BUCKET, OBJECT, Stack, configured};

/// A server of its own; dropped, it is killed.
struct Moto {
    child: Child,
    port: u16,
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts moto at a port that the system chooses. None, said aloud, where it is not installed.
fn moto() -> Option<Moto> {
    let present = Command::new("python3").args(["-c", "import moto.server"]).output();
    if !present.is_ok_and(|output| output.status.success()) {
        let required = std::env::var_os("FERROFORM_REQUIRE_PROGRAMS").is_some();
        assert!(!required, "python3 with the package moto[server] is required here but missing");
        skipped("python3 with the package moto[server] is not installed (`pip install 'moto[server,s3]'`)");
        return None;
    }
    let program = "\
from moto.server import ThreadedMotoServer
import sys
server = ThreadedMotoServer(ip_address='127.0.0.1', port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()";
    let mut child = Command::new("python3")
        .args(["-c", program])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let moto = Moto { child, port: line.trim().parse().unwrap() };
    let begun = Instant::now();
    while TcpStream::connect(("127.0.0.1", moto.port)).is_err() {
        assert!(begun.elapsed() < Duration::from_secs(60), "moto does not listen");
        std::thread::sleep(Duration::from_millis(50));
    }
    Some(moto)
}

/// Everything that the service of others knows as well.
#[tokio::test(flavor = "multi_thread")]
async fn buckets_and_objects_live_on_a_server_that_others_wrote() {
    let Some(moto) = moto() else { return };
    let endpoint = format!("http://127.0.0.1:{}", moto.port);
    // Without a location requests are signed for Amazon's first one, where buckets need none.
    let config = json!({"endpoint": endpoint, "access_key": "key", "secret_key": "secret"});
    let provider = configured(Settings::new().loopback_only(), &config).await;
    let mut stack = Stack { provider, objects: Default::default() };
    let bucket = json!({
        "name": "documents",
        "versioning": true,
        "force_destroy": true,
        "policy": r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::documents/*"}]}"#,
        "lifecycle_rule": [
            {"id": "old", "noncurrent_version_expiration_days": 30, "abort_incomplete_multipart_upload_days": 7},
            {"id": "logs", "prefix": "logs/", "expiration_days": 90},
            {"id": "day", "enabled": false, "expiration_date": "2030-01-01"},
        ],
        "cors_rule": [{
            "allowed_origins": ["https://a.example"],
            "allowed_methods": ["PUT", "GET"],
            "allowed_headers": ["*"],
            "expose_headers": ["ETag"],
            "max_age_seconds": 600,
        }],
    });
    let planned = stack.planned(BUCKET, &bucket).await;
    let before = stack.provider.remote_time().await.unwrap().unwrap();
    stack.apply("b", BUCKET, bucket.clone()).await;
    let found = stack.locate(BUCKET, &planned, Some(before)).await.unwrap();
    assert!(matches!(found, Located::One(_)), "{found:?}");
    for (key, value) in [
        ("acl", json!("public-read")),
        ("acl", json!("private")),
        ("versioning", json!(false)),
        ("versioning", json!(true)),
        ("lifecycle_rule", json!([{"id": "logs", "prefix": "logs/", "expiration_days": 10}])),
        ("lifecycle_rule", json!([])),
        ("cors_rule", json!([])),
        ("policy", json!(null)),
    ] {
        let mut wanted = stack.objects["b"].1.clone();
        wanted[key] = value;
        stack.apply("b", BUCKET, wanted).await;
    }
    for content in ["1", "2"] {
        let object = json!({
            "bucket": "documents",
            "key": "a b/ü+~.txt",
            "content": content,
            "content_type": "text/plain",
            "cache_control": "no-store",
            "metadata": {"origin": "test"},
        });
        stack.apply("o", OBJECT, object).await;
    }
    stack.imports_as("o", "documents/a b/ü+~.txt", &["content"]).await;
    let listed =
        read(&stack, "objectstorage_objects", &json!({"bucket": "documents", "prefix": "a b/"})).await;
    assert_eq!(listed.unwrap()["keys"], json!(["a b/ü+~.txt"]));
    assert_eq!(stack.state("o")["etag"], "c81e728d9d4c2f636f067f89cc14862c");
    stack.delete("o").await;
    stack.delete("b").await;
    let locked = json!({
        "name": "locked-backups",
        "object_lock": true,
        "object_lock_retention": [{"mode": "GOVERNANCE", "days": 7}],
    });
    stack.apply("l", BUCKET, locked).await;
    stack.delete("l").await;
    stack.refresh().await;
    assert!(stack.objects.is_empty());
}

/// Tells that a test did nothing.
#[expect(clippy::print_stderr, reason = "a skipped test must say so")]
fn skipped(why: &str) {
    eprintln!("SKIPPED: {why}");
}
