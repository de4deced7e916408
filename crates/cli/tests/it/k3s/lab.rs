//! A cluster of stand-ins on this computer: each node is a process with a folder and a loopback address of its own.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{RELEASE, node, stand_in};
use crate::harness::has_oracle;

/// How long a node may take to be ready, or to say what it does not like.
const SOON: Duration = Duration::from_secs(120);
/// How long a control plane takes to become a member here, in seconds.
const JOINING: f64 = 0.5;
pub(super) const PASSWORD: &str = "a-password-of-this-test";
const TAINT: &str = "agents=true:NoSchedule";
/// Where the load balancer of the API would be.
pub(super) const BALANCER: &str = "10.99.0.11";

/// A cluster on loopback addresses of its own.
pub(super) struct Lab {
    folder: tempfile::TempDir,
    /// The first three numbers of the addresses.
    pub(super) net: String,
    pub(super) expected: Value,
    /// How many nodes have a folder.
    count: usize,
    running: BTreeMap<usize, Child>,
}

/// A node that has been started.
pub(super) struct Started {
    number: usize,
    said: Arc<Mutex<String>>,
}

impl Lab {
    /// With so many control planes, a worker `w` and a node `a` with a taint.
    pub(super) fn new(servers: usize) -> Self {
        Self::with(servers, JOINING)
    }

    /// The same with control planes that take so many seconds to become a member.
    pub(super) fn with(servers: usize, joining: f64) -> Self {
        static LABS: AtomicU32 = AtomicU32::new(0);
        // Thirty-two for each run of tests, of which others may be on this computer.
        let number = std::process::id() % 1024 * 32 + LABS.fetch_add(1, Ordering::Relaxed) % 32;
        let net = format!("127.{}.{}", 64 + number / 256, number % 256);
        let addresses: Vec<String> = (1..=servers).map(|number| format!("{net}.{number}")).collect();
        let mut names = addresses.clone();
        names.push(BALANCER.to_owned());
        let mut nodes =
            json!({"w": node("agent", &["pool=workers"], &[]), "a": node("agent", &[], &[TAINT])});
        for number in 1..=servers {
            nodes[format!("c{number}")] = node("server", &[], &[]);
        }
        let expected = json!({
            "first": "c1", "servers": addresses, "names": names, "nodes": nodes, "joining_seconds": joining,
        });
        let lab =
            Self { folder: tempfile::tempdir().unwrap(), net, expected, count: 0, running: BTreeMap::new() };
        let program = lab.binary();
        fs::write(&program, stand_in(RELEASE, &lab.expected)).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        lab.make_authority();
        lab
    }

    /// The cluster's authority, as the module makes it.
    fn make_authority(&self) {
        let at = |name: &str| self.folder.path().join(name).display().to_string();
        let (key, certificate) = (at("ca.key"), at("ca.crt"));
        run("openssl", &["ecparam", "-genkey", "-name", "prime256v1", "-noout", "-out", &key]);
        let subject = ["-subj", "/CN=test-server-ca", "-days", "30"];
        run(
            "openssl",
            &[&["req", "-x509", "-new", "-key", &key, "-out", &certificate], &subject[..]].concat(),
        );
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).unwrap()
    }

    /// The secure form of the token.
    pub(super) fn join_token(&self) -> String {
        let digest: String =
            Sha256::digest(self.read("ca.crt")).iter().map(|byte| format!("{byte:02x}")).collect();
        format!("K10{digest}::server:{PASSWORD}")
    }

    /// The configuration of a node as it should be.
    pub(super) fn config(&self, name: &str) -> Value {
        let mut config = json!({
            "node-name": name, "flannel-iface": "lo", "token": self.join_token(),
            "server": format!("https://{}.1:6443", self.net),
            "node-label": self.expected["nodes"][name]["labels"], "node-taint": self.expected["nodes"][name]["taints"],
            "kubelet-arg": ["kube-reserved=cpu=70m,memory=1024Mi"],
        });
        let number = name.strip_prefix('c').unwrap_or(if name == "w" { "20" } else { "30" });
        let address = format!("{}.{number}", self.net);
        config["node-ip"] = json!(address);
        if name.starts_with('c') {
            let own = json!({
                "bind-address": address, "advertise-address": address, "tls-san": self.expected["names"],
                "secrets-encryption": true, "write-kubeconfig-mode": "0600", "disable": ["servicelb"],
                "kube-apiserver-arg": ["audit-policy-file=/etc/audit.yaml", "audit-log-path=/var/log/audit.log"],
            });
            config.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
        }
        if name == "c1" {
            config["cluster-init"] = json!(true);
            config["token"] = json!(PASSWORD);
            config.as_object_mut().unwrap().remove("server");
        }
        config
    }

    /// A folder for a node with a configuration, as its first boot finds it.
    pub(super) fn furnish(&mut self, config: &Value) -> (usize, PathBuf) {
        let number = self.count;
        self.count += 1;
        let root = self.folder.path().join(number.to_string());
        let secret = |path: &str, text: &str| {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        };
        secret("etc/rancher/k3s/config.yaml", &yaml(config));
        secret("etc/audit.yaml", "");
        secret("var/log/other.log", "");
        if config["cluster-init"] == true {
            for (name, file) in [("server-ca.crt", "ca.crt"), ("server-ca.key", "ca.key")] {
                secret(&format!("var/lib/rancher/k3s/server/tls/{name}"), &self.read(file));
            }
        }
        (number, root)
    }

    /// Starts a node with a configuration, in a folder of its own.
    pub(super) fn start(&mut self, role: &str, config: &Value) -> Started {
        let (number, root) = self.furnish(config);
        let mut command = self.program(&root);
        let mut child = command
            .arg(role)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let said = Arc::new(Mutex::new(String::new()));
        let (errors, heard) = (child.stderr.take().unwrap(), Arc::clone(&said));
        std::thread::spawn(move || {
            for line in BufReader::new(errors).lines().map_while(Result::ok) {
                let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
                heard.push_str(&line);
                heard.push('\n');
            }
        });
        self.running.insert(number, child);
        Started { number, said }
    }

    pub(super) fn program(&self, root: &Path) -> Command {
        let mut command = Command::new(self.binary());
        command.env("K3S_STAND_IN_ROOT", root);
        command
    }

    /// What a node says until it is ready or has ended, and whether it is ready.
    pub(super) fn outcome(&mut self, node: &Started) -> (bool, String) {
        let begun = Instant::now();
        let running = self.running.get_mut(&node.number).unwrap();
        loop {
            let ended = running.try_wait().unwrap();
            if ended.is_some() {
                // What it said last may still be on its way.
                std::thread::sleep(Duration::from_millis(100));
            }
            let said = node.said.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let ready = said.contains("k3s stand-in: ready");
            if ready || ended.is_some() {
                assert!(ready || ended.unwrap().code() == Some(1), "it ends in an ordered way: {said}");
                return (ready, said);
            }
            assert!(begun.elapsed() < SOON, "neither ready nor ended: {said}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Starts a node as it should be, and waits until it is ready.
    #[track_caller]
    pub(super) fn add(&mut self, name: &str) {
        let role = if name.starts_with('c') { "server" } else { "agent" };
        let started = self.start(role, &self.config(name));
        let (ready, said) = self.outcome(&started);
        assert!(ready, "{name}: {said}");
    }

    /// The stand-in's program.
    pub(super) fn binary(&self) -> PathBuf {
        self.folder.path().join("k3s")
    }

    /// A file beside the nodes' folders.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What the first control plane thinks of the cluster, and whether all is well.
    pub(super) fn verdict(&self) -> (bool, Value) {
        let root: PathBuf = self.folder.path().join("0");
        let output = self.program(&root).arg("verdict").output().unwrap();
        let verdict = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
        (output.status.success(), verdict)
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for child in self.running.values_mut() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// As `yamlencode` writes it.
fn yaml(config: &Value) -> String {
    let mut text = String::new();
    for (key, value) in config.as_object().unwrap() {
        match value {
            Value::Array(items) if items.is_empty() => text.push_str(&format!("\"{key}\": []\n")),
            Value::Array(items) => {
                text.push_str(&format!("\"{key}\":\n"));
                text.extend(items.iter().map(|item| format!("- {item}\n")));
            }
            other => text.push_str(&format!("\"{key}\": {other}\n")),
        }
    }
    text
}

fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {output:?}");
}

/// Whether this computer has what a stand-in runs.
pub(super) fn may_run() -> bool {
    ["python3", "openssl", "ip"].into_iter().all(has_oracle)
}
