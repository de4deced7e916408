//! A cluster of stand-ins whose nodes are looked after by the module's own program, `k3s-node`. Only its paths are others
//! here, its pauses shorter, and systemd is a script.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::RELEASE;
use super::lab::{Lab, PASSWORD};
use crate::harness::{Run, Running, say};

/// A cluster whose nodes are looked after by k3s-node.
pub(super) struct Cluster {
    pub(super) lab: Lab,
    nodes: Vec<(&'static str, PathBuf)>,
}

impl Cluster {
    /// Three control planes and a worker, in the order in which they join.
    pub(super) fn new() -> Self {
        let mut cluster = Cluster { lab: Lab::new(3), nodes: Vec::new() };
        program(&cluster.lab.file("bin/systemctl"), include_str!("systemctl.sh"));
        fs::create_dir_all(cluster.lab.file("mirror")).unwrap();
        for name in ["c1", "c2", "c3", "w"] {
            cluster.add(name, PASSWORD);
            cluster.systemctl(name, "restart --no-block").ok();
            cluster.becomes_ready(name);
        }
        cluster
    }

    /// A node's folder, with a password to join with.
    pub(super) fn add(&mut self, name: &'static str, password: &str) {
        let mut config = self.lab.config(name);
        config.as_object_mut().unwrap().remove("token");
        config["token-file"] = json!("/etc/rancher/k3s/token");
        let (_, root) = self.lab.furnish(&config);
        let token = match name {
            "c1" => password.to_owned(),
            _ => self.lab.join_token().replace(PASSWORD, password),
        };
        let folder = root.join("etc/rancher/k3s");
        secret(&folder.join("token"), &format!("{token}\n"));
        if name == "c1" {
            // Should it be replaced one day, it joins with this.
            secret(&folder.join("join-token"), &format!("{}\n", self.lab.join_token()));
        }
        fs::copy(self.lab.file("ca.crt"), folder.join("cluster-ca.pem")).unwrap();
        let net = &self.lab.net;
        let settings = format!(
            "ROLE={}\nADDRESS={}\nMIRROR=file://{}\nVERSION={RELEASE}\nSHA256_AMD64=\nSHA256_ARM64=\n\
             SERVERS=\"{net}.1 {net}.2 {net}.3\"\nPREDECESSOR=\nPEERS=\"\"\nIS_PUBLIC=false\n",
            role(name),
            config["node-ip"].as_str().unwrap(),
            self.lab.file("mirror").display(),
        );
        secret(&root.join("etc/k3s-node/settings"), &settings);
        program(&root.join("k3s-node"), &script(&root));
        program(&root.join("bin/k3s"), &fs::read_to_string(self.lab.binary()).unwrap());
        self.nodes.retain(|(known, _)| *known != name);
        self.nodes.push((name, root));
    }

    pub(super) fn root(&self, name: &str) -> &Path {
        &self.nodes.iter().find(|(known, _)| *known == name).unwrap().1
    }

    /// The address of a node.
    pub(super) fn address(&self, name: &str) -> String {
        self.lab.config(name)["node-ip"].as_str().unwrap().to_owned()
    }

    /// Puts a release into the mirror, for all architectures.
    pub(super) fn put(&self, release: &str, text: &str) {
        let folder = self.lab.file("mirror").join(release);
        let sum: String = Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
        for (architecture, asset) in [("amd64", "k3s"), ("arm64", "k3s-arm64")] {
            program(&folder.join(asset), text);
            program(&folder.join(format!("sha256sum-{architecture}.txt")), &format!("{sum}  {asset}\n"));
        }
    }

    /// Runs something as it would be run on a node.
    fn on(&self, name: &str, program: &Path, words: &str, input: &str) -> Run {
        let root = self.root(name);
        let text = self.lab.file("input");
        fs::write(&text, input).unwrap();
        let mut command = Command::new(program);
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path =
            std::env::join_paths([self.lab.file("bin")].into_iter().chain(std::env::split_paths(&path)));
        command.args(words.split_whitespace()).env("PATH", path.unwrap()).env("NODE", root);
        command.env("ROLE", role(name)).env("K3S_STAND_IN_ROOT", root);
        command.stdin(fs::File::open(text).unwrap()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Running::start(command).wait()
    }

    pub(super) fn systemctl(&self, name: &str, words: &str) -> Run {
        self.on(name, &self.lab.file("bin/systemctl"), &format!("{words} k3s.service"), "")
    }

    /// `k3s-node token` on a node.
    pub(super) fn token(&self, name: &str, password: &str) -> Run {
        self.on(name, &self.root(name).join("k3s-node"), "token", &format!("{password}\n"))
    }

    /// Waits until a node runs, or has ended. Whether it runs, and what it said.
    pub(super) fn becomes(&self, name: &str) -> (bool, String) {
        for _ in 0..1200 {
            let said = fs::read_to_string(self.root(name).join("run/log")).unwrap_or_default();
            if said.contains("k3s stand-in: ready") {
                return (true, said);
            }
            if self.systemctl(name, "is-failed --quiet").code() == Some(0) {
                return (false, said);
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        panic!("{name} is neither ready nor ended");
    }

    #[track_caller]
    pub(super) fn becomes_ready(&self, name: &str) {
        let (ready, said) = self.becomes(name);
        assert!(ready, "{name}: {said}");
    }

    /// How often each node has begun to be part of the cluster, which is well.
    #[track_caller]
    pub(super) fn starts(&self) -> Vec<i64> {
        let (_, verdict) = self.lab.verdict();
        assert_eq!(verdict["members"], json!(["c1", "c2", "c3"]), "{verdict}");
        let wrong: Vec<&Value> = verdict["wrong"].as_array().unwrap().iter().collect();
        assert!(wrong.iter().all(|wrong| *wrong == "a has not joined"), "{verdict}");
        ["c1", "c2", "c3", "w"].map(|name| verdict["nodes"][name]["starts"].as_i64().unwrap()).to_vec()
    }

    pub(super) fn kept(&self, name: &str, file: &str) -> String {
        fs::read_to_string(self.root(name).join("etc/rancher/k3s").join(file)).unwrap()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for (name, _) in &self.nodes {
            let _ = self.systemctl(name, "stop");
        }
    }
}

pub(super) fn role(name: &str) -> &'static str {
    if name.starts_with('c') { "server" } else { "agent" }
}

pub(super) fn program(path: &Path, text: &str) {
    secret(path, text);
    fs::set_permissions(path, fs::Permissions::from_mode(0o700)).unwrap();
}

fn secret(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// What k3s-node asks control planes with.
pub(super) fn has_curl() -> bool {
    let found = Command::new("curl").arg("--version").output().is_ok();
    assert!(
        found || std::env::var_os("FERROFORM_REQUIRE_PROGRAMS").is_none(),
        "FERROFORM_REQUIRE_PROGRAMS is set and curl is missing"
    );
    if !found {
        say("skipped: curl is not installed");
    }
    found
}

/// The module's program with a node's folder in the place of the root of all folders.
fn script(root: &Path) -> String {
    let root = root.display();
    let mut text = include_str!("../../../../../modules/k3s-cluster/scripts/k3s-node.sh").to_owned();
    for (from, to) in [
        (". /etc/k3s-node/settings\n", format!(". {root}/etc/k3s-node/settings\n")),
        ("\nbinary=/usr/local/bin/k3s\n", format!("\nbinary={root}/bin/k3s\n")),
        ("\nfolder=/etc/rancher/k3s\n", format!("\nfolder={root}/etc/rancher/k3s\n")),
        ("\ndata=/var/lib/rancher/k3s\n", format!("\ndata={root}/var/lib/rancher/k3s\n")),
        (
            "    [ -e \"/usr/local/bin/$name\" ] || ln -s k3s \"/usr/local/bin/$name\"\n",
            "    [ -e \"${binary%/*}/$name\" ] || ln -s k3s \"${binary%/*}/$name\"\n".to_owned(),
        ),
        ("      /etc/k3s-node/settings\n", format!("      {root}/etc/k3s-node/settings\n")),
        ("    sleep 2\n", "    sleep 0.1\n".to_owned()),
    ] {
        assert_eq!(text.matches(from).count(), 1, "k3s-node.sh has {from:?} once");
        text = text.replace(from, &to);
    }
    text
}
