//! The Python program beside: YAML, cloud-init's schema, the schemas of Kubernetes.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value as Json;

use crate::Result;

const PROGRAM: &str = include_str!("helper.py");

/// Asks the helper, which runs in the `python3` on `PATH`.
///
/// # Errors
/// When Python or one of its modules is missing, with what to install.
pub(super) fn ask(command: &str, request: &Json) -> Result<Json> {
    let mut child = Command::new("python3")
        .args(["-c", PROGRAM, command])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("stacks: python3 cannot be run: {error}"))?;
    let mut stdin = child.stdin.take().ok_or("stacks: no way to talk to python3")?;
    let request = serde_json::to_vec(request)?;
    // The answer begins after the whole request was read, so neither waits for the other. A helper that died says why.
    let sent = stdin.write_all(&request);
    drop(stdin);
    let output = child.wait_with_output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!(
            "stacks: the helper in Python failed. It needs the modules yaml, cloudinit, kubernetes_validate and jsonschema \
             (see the steps of .ci/run):\n{said}"
        )
        .into());
    }
    sent?;
    Ok(serde_json::from_slice(&output.stdout)?)
}
