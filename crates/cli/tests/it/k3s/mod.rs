//! What is given to k3s: a stand-in for it that checks, see `stand_in.py`, and tests of the stand-in itself.
//!
//! These are processes on loopback addresses. What the platform gives to it on real machines is in `real_stacks`.

use serde_json::{Value, json};

#[cfg(target_os = "linux")]
mod cluster;
#[cfg(target_os = "linux")]
mod commands;
#[cfg(target_os = "linux")]
mod defects;
#[cfg(target_os = "linux")]
mod lab;
#[cfg(target_os = "linux")]
mod rotation;

/// The release that the platform installs.
pub(crate) const RELEASE: &str = "v1.36.4+k3s1";

/// The stand-in for a release of k3s in a platform that is to be like this:
/// `first` and `servers`, the first control plane's name and the addresses of all; `names`, what the API's certificates must
/// be for; `nodes` by name with `role`, `labels` and `taints`; `joining_seconds`, how long etcd takes for a new member.
pub(crate) fn stand_in(release: &str, expected: &Value) -> String {
    let options = include_str!("options.json");
    include_str!("stand_in.py")
        .replace("@OPTIONS@", options.trim())
        .replace("@EXPECTED@", &expected.to_string())
        .replace("@VERSION@", release)
}

/// A node in what a stand-in expects.
pub(crate) fn node(role: &str, labels: &[&str], taints: &[&str]) -> Value {
    json!({"role": role, "labels": labels, "taints": taints})
}
