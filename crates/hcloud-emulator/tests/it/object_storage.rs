//! Object storage: through boto3, where it is installed, and over restarts.

use std::process::Command;

use ferroform_hcloud_emulator::{ClockMode, Emulator, Fault, FaultEffect, Handle};

use crate::harness::TOKEN;

const OTHER_TOKEN: &str = "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijkl";

/// Runs a program in Python with boto3, told where object storage is and what the keys of two projects are. None, said
/// aloud, where boto3 is not installed.
async fn boto3(cloud: &Handle, program: &[&str]) -> Option<String> {
    let present = Command::new("python3").args(["-c", "import boto3"]).output();
    if !present.is_ok_and(|output| output.status.success()) {
        let required = std::env::var_os("FERROFORM_REQUIRE_PROGRAMS").is_some();
        assert!(!required, "python3 with the package boto3 is required here but missing");
        skipped("python3 with the package boto3 is not installed (`pip install boto3`)");
        return None;
    }
    let mut keys = Vec::new();
    for token in [TOKEN, OTHER_TOKEN] {
        let address = cloud.address();
        let answer = crate::harness::send(address, Some(token), "GET", "/_emulator/object_storage", "").await;
        let access = answer.unwrap().body;
        assert_eq!(access["endpoint"], cloud.object_storage().endpoint);
        keys.push([access["access_key"].clone(), access["secret_key"].clone()]);
    }
    assert_eq!(keys[0][0], cloud.object_storage().access_key);
    assert_eq!(keys[0][1], cloud.object_storage().secret_key);
    let mut python = Command::new("python3");
    python
        .args(program)
        .env("FERROFORM_TEST_S3_ENDPOINT", cloud.object_storage().endpoint)
        .env("FERROFORM_TEST_S3_KEYS", serde_json::to_string(&keys).unwrap());
    let output = tokio::task::spawn_blocking(move || python.output()).await.unwrap().unwrap();
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    Some(text)
}

fn builder() -> ferroform_hcloud_emulator::Builder {
    Emulator::builder().token(TOKEN).token(OTHER_TOKEN)
}

#[tokio::test(flavor = "multi_thread")]
async fn boto3_works() {
    let cloud = builder().start().await.unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/boto3_object_storage.py");
    if let Some(text) = boto3(&cloud, &[script]).await {
        assert!(text.contains("all steps done"), "{text}");
        assert!(cloud.requests()["PUT /s3/CreateBucket"] >= 5, "{:?}", cloud.requests());
    }
}

const PRELUDE: &str = "\
import boto3, json, os
from botocore.client import Config
keys = json.loads(os.environ['FERROFORM_TEST_S3_KEYS'])[0]
s3 = boto3.client('s3', endpoint_url=os.environ['FERROFORM_TEST_S3_ENDPOINT'], region_name='hel1',
    aws_access_key_id=keys[0], aws_secret_access_key=keys[1],
    config=Config(s3={'addressing_style': 'path'}, proxies={}, retries={'max_attempts': 2}))
";

#[tokio::test(flavor = "multi_thread")]
async fn what_is_stored_survives_a_crash_at_the_same_address() {
    let folder = tempfile::tempdir().unwrap();
    let start = || builder().clock(ClockMode::Instant).state_file(folder.path().join("cloud.json")).start();
    let cloud = start().await.unwrap();
    let endpoint = cloud.object_storage().endpoint;
    let program = format!(
        "{PRELUDE}
s3.create_bucket(Bucket='kept')
s3.put_object(Bucket='kept', Key='null', Body=b'0')
s3.put_object(Bucket='kept', Key='null', Body=b'1')
s3.put_bucket_versioning(Bucket='kept', VersioningConfiguration={{'Status': 'Enabled'}})
for body in (b'one', b'two'):
    s3.put_object(Bucket='kept', Key='a/b', Body=body, Metadata={{'n': body.decode()}})
s3.put_object(Bucket='kept', Key='gone', Body=b'')
s3.delete_object(Bucket='kept', Key='gone')
print(s3.list_object_versions(Bucket='kept'))"
    );
    if boto3(&cloud, &["-c", &program]).await.is_none() {
        return;
    }
    let before = cloud.objects();
    assert_eq!(before["bucket_objects"]["count"], 5, "{before}");
    // As if it had crashed: nothing is written at the end. Half a file of a version is no version.
    drop(cloud);
    let versions = folder.path().join("cloud.json.objects/versions");
    std::fs::write(versions.join("00000000000000ff.data"), b"half").unwrap();
    std::fs::write(versions.join("00000000000000fe.new"), b"half").unwrap();
    let cloud = loop {
        match start().await {
            // The one before is still letting go of its files.
            Err(ferroform_hcloud_emulator::Error::InUse { .. }) => {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
            started => break started.unwrap(),
        }
    };
    assert_eq!(cloud.objects()["buckets"], before["buckets"]);
    assert_eq!(cloud.objects()["bucket_objects"], before["bucket_objects"]);
    assert!(!versions.join("00000000000000ff.data").exists());
    assert_eq!(cloud.object_storage().endpoint, endpoint);
    let program = format!(
        "{PRELUDE}
print([s3.get_object(Bucket='kept', Key=key)['Body'].read().decode() for key in ('null', 'a/b')])"
    );
    let text = boto3(&cloud, &["-c", &program]).await.unwrap();
    assert_eq!(text.trim(), "['1', 'two']");
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_meet_operations_by_name() {
    let cloud = builder().start().await.unwrap();
    let fault = |effect| Fault { path: Some("/s3/CreateBucket".to_owned()), ..Fault::new(effect) };
    let dropped = cloud.add_fault(fault(FaultEffect::Drop { execute: true }));
    let busy = cloud.add_fault(fault(FaultEffect::RateLimit {}));
    // botocore tries again by itself after a lost answer and after SlowDown.
    let program = format!("{PRELUDE}\ns3.create_bucket(Bucket='once')\nprint(s3.list_buckets()['Buckets'])");
    let Some(text) = boto3(&cloud, &["-c", &program]).await else { return };
    assert!(text.contains("'once'"), "{text}");
    for fault in [dropped, busy] {
        assert_eq!(cloud.fault(fault).unwrap().hits, 1);
    }
    assert_eq!(cloud.requests()["PUT /s3/CreateBucket"], 3);
}

/// Tells that a test did nothing.
#[expect(clippy::print_stderr, reason = "a skipped test must say so")]
fn skipped(why: &str) {
    eprintln!("SKIPPED: {why}");
}
