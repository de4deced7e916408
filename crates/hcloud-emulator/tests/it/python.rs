//! An official client against the emulator: hcloud-python, where it is installed.

use std::process::Command;

use ferroform_hcloud_emulator::ClockMode;

use crate::harness::Cloud;

#[tokio::test(flavor = "multi_thread")]
async fn hcloud_python_works() {
    let present = Command::new("python3").args(["-c", "import hcloud"]).output();
    if !present.is_ok_and(|output| output.status.success()) {
        let required = std::env::var_os("FERROFORM_REQUIRE_PROGRAMS").is_some();
        assert!(!required, "python3 with the package hcloud is required here but missing");
        skipped("python3 with the package hcloud is not installed (`pip install hcloud`)");
        return;
    }
    let cloud = Cloud::start(|builder| builder.clock(ClockMode::Scaled(50.0))).await;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/hcloud_python.py");
    let (endpoint, token) = (cloud.handle.endpoint(), cloud.token.clone());
    let output = tokio::task::spawn_blocking(move || {
        Command::new("python3")
            .arg(script)
            .env("FERROFORM_TEST_ENDPOINT", endpoint)
            .env("FERROFORM_TEST_TOKEN", token)
            .output()
    });
    let output = output.await.unwrap().unwrap();
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("all steps done"), "{text}");
}

/// Tells that a test did nothing.
#[expect(clippy::print_stderr, reason = "a skipped test must say so")]
fn skipped(why: &str) {
    eprintln!("SKIPPED: {why}");
}
