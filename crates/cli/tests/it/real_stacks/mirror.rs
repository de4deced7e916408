//! A mirror of k3s's releases in the internet of a world: what lies there is the stand-in.

use std::fs;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{Stage, soon};
use crate::harness::Running;
use crate::k3s::{RELEASE, stand_in};

/// Its address, which nobody else has.
const ADDRESS: &str = "198.18.7.7";

/// Dropped, it is closed.
pub(super) struct Mirror {
    _server: Running,
    folder: std::path::PathBuf,
}

impl Mirror {
    /// Opens one, in a world with machines that it begins, and tells the stack of it.
    pub(super) fn open(stage: &mut Stage, expected: &Value) -> Self {
        let folder = stage.project.path("mirror");
        let program = stand_in(RELEASE, expected);
        let sum = put(&folder, RELEASE, &program);
        let variable = format!(r#"{{version = "{RELEASE}", mirror = "http://{ADDRESS}", sha256 = "{sum}"}}"#);
        stage.project.set_env("TF_VAR_k3s", &variable);
        stage.project.run("plan -local -machines").ok();
        stage.add_host("mirror", ADDRESS);
        let mut command = stage.project.command("cloud exec mirror -- python3 -m http.server 80 --directory");
        command.arg(&folder);
        let server = Running::start(command);
        soon("the mirror answers", || stage.connects("mirror", ADDRESS, 80));
        Self { _server: server, folder }
    }

    /// Puts another release there. Its checksum.
    pub(super) fn put(&self, release: &str, program: &str) -> String {
        put(&self.folder, release, program)
    }
}

/// As the real ones lie there: binaries of both architectures, and lists of their checksums.
fn put(folder: &std::path::Path, release: &str, program: &str) -> String {
    let folder = folder.join(release);
    fs::create_dir_all(&folder).unwrap();
    let sum: String = Sha256::digest(program).iter().map(|byte| format!("{byte:02x}")).collect();
    for (architecture, asset) in [("amd64", "k3s"), ("arm64", "k3s-arm64")] {
        fs::write(folder.join(asset), program).unwrap();
        let list = format!("{}  k3s-airgap-images-{architecture}.tar\n{sum}  {asset}\n", "0".repeat(64));
        fs::write(folder.join(format!("sha256sum-{architecture}.txt")), list).unwrap();
    }
    sum
}
