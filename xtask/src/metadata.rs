//! What cargo tells about the workspace.

use std::path::Path;
use std::process::Command;

use serde_json::Value as Json;

use crate::Result;

/// The manifests of the workspace's own packages, unresolved: needs neither network nor lock file.
pub(crate) fn own_packages(root: &Path) -> Result<Json> {
    cargo_metadata(root, &["--no-deps", "--offline"])
}

/// All packages of the dependency tree, on any platform, as the lock file names them. What is not downloaded yet will
/// be.
pub(crate) fn all_packages(root: &Path) -> Result<Json> {
    cargo_metadata(root, &["--locked"])
}

fn cargo_metadata(root: &Path, options: &[&str]) -> Result<Json> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1"])
        .args(options)
        .arg("--manifest-path")
        .arg(root.join("Cargo.toml"))
        .output()
        .map_err(|e| format!("cargo cannot be run: {e}"))?;
    if !output.status.success() {
        return Err(format!("cargo metadata failed:\n{}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// A list in cargo's answer; empty when it is not there.
pub(crate) fn list<'a>(json: &'a Json, key: &str) -> &'a [Json] {
    json[key].as_array().map_or(&[], Vec::as_slice)
}

/// A string in cargo's answer; empty when it is not there.
pub(crate) fn text<'a>(json: &'a Json, key: &str) -> &'a str {
    json[key].as_str().unwrap_or_default()
}
