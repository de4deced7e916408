//! The stand-in fails for each mistake that it is there to find, and for nothing else.

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
const PASSWORD: &str = "a-password-of-this-test";
const TAINT: &str = "agents=true:NoSchedule";
/// Where the load balancer of the API would be.
const BALANCER: &str = "10.99.0.11";

/// What is wrong about a node.
type Spoil = fn(&mut Value, &Lab);

/// A cluster on loopback addresses of its own.
struct Lab {
    folder: tempfile::TempDir,
    /// The first three numbers of the addresses.
    net: String,
    expected: Value,
    running: Vec<Child>,
}

/// A node that has been started.
struct Started {
    number: usize,
    said: Arc<Mutex<String>>,
}

impl Lab {
    /// With so many control planes, a worker `w` and a node `a` with a taint.
    fn new(servers: usize) -> Self {
        static LABS: AtomicU32 = AtomicU32::new(0);
        // Other runs of tests may be on this computer; those of this one count.
        let number = LABS.fetch_add(1, Ordering::Relaxed) * 4096 + std::process::id() % 4096;
        let net = format!("127.{}.{}", 64 + number / 256 % 128, number % 256);
        let addresses: Vec<String> = (1..=servers).map(|number| format!("{net}.{number}")).collect();
        let mut names = addresses.clone();
        names.push(BALANCER.to_owned());
        let mut nodes =
            json!({"w": node("agent", &["pool=workers"], &[]), "a": node("agent", &[], &[TAINT])});
        for number in 1..=servers {
            nodes[format!("c{number}")] = node("server", &[], &[]);
        }
        let expected = json!({
            "first": "c1", "servers": addresses, "names": names, "nodes": nodes, "joining_seconds": JOINING,
        });
        let lab = Self { folder: tempfile::tempdir().unwrap(), net, expected, running: Vec::new() };
        let program = lab.folder.path().join("k3s");
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
    fn join_token(&self) -> String {
        let digest: String =
            Sha256::digest(self.read("ca.crt")).iter().map(|byte| format!("{byte:02x}")).collect();
        format!("K10{digest}::server:{PASSWORD}")
    }

    /// The configuration of a node as it should be.
    fn config(&self, name: &str) -> Value {
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

    /// Starts a node with a configuration, in a folder of its own.
    fn start(&mut self, role: &str, config: &Value) -> Started {
        let number = self.running.len();
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
        self.running.push(child);
        Started { number, said }
    }

    fn program(&self, root: &Path) -> Command {
        let mut command = Command::new(self.folder.path().join("k3s"));
        command.env("K3S_STAND_IN_ROOT", root);
        command
    }

    /// What a node says until it is ready or has ended, and whether it is ready.
    fn outcome(&mut self, node: &Started) -> (bool, String) {
        let begun = Instant::now();
        loop {
            let ended = self.running[node.number].try_wait().unwrap();
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
    fn add(&mut self, name: &str) {
        let role = if name.starts_with('c') { "server" } else { "agent" };
        let started = self.start(role, &self.config(name));
        let (ready, said) = self.outcome(&started);
        assert!(ready, "{name}: {said}");
    }

    /// What the first control plane thinks of the cluster, and whether all is well.
    fn verdict(&self) -> (bool, Value) {
        let root: PathBuf = self.folder.path().join("0");
        let output = self.program(&root).arg("verdict").output().unwrap();
        let verdict = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
        (output.status.success(), verdict)
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for child in &mut self.running {
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

fn may_run() -> bool {
    ["python3", "openssl", "ip"].into_iter().all(has_oracle)
}

#[test]
fn a_cluster_as_it_should_be_is_found_well() {
    if !may_run() {
        return;
    }
    let mut lab = Lab::new(3);
    for name in ["c1", "c2", "c3", "w", "a"] {
        lab.add(name);
    }
    let (well, verdict) = lab.verdict();
    assert_eq!(verdict["wrong"], json!([]));
    assert!(well);
    assert_eq!(verdict["order"], json!(["c1", "c2", "c3"]));
    assert_eq!(verdict["members"], json!(["c1", "c2", "c3"]));
}

/// A mistake in the configuration of one node: it is refused, with these words. Its cluster has what it needs to notice.
#[track_caller]
fn check(name: &str, spoil: Spoil, words: &str) {
    if !may_run() {
        return;
    }
    let mut lab = Lab::new(1);
    if name != "c1" {
        lab.add("c1");
    }
    let mut config = lab.config(name);
    spoil(&mut config, &lab);
    let role = if name.starts_with('c') { "server" } else { "agent" };
    let started = lab.start(role, &config);
    let (ready, said) = lab.outcome(&started);
    assert!(!ready && said.contains(words), "{name}: {said}");
}

#[test]
fn no_server_address() {
    let forget: Spoil = |config, _| drop(config.as_object_mut().unwrap().remove("server"));
    check("w", forget, "no server address");
    // A control plane would even begin a cluster of its own.
    let alone: Spoil = |config, _| drop(config.as_object_mut().unwrap().remove("cluster-init"));
    check("c1", alone, "no server address");
}

#[test]
fn wrong_token() {
    let password: Spoil =
        |config, lab| config["token"] = json!(lab.join_token().replace(PASSWORD, "another"));
    check("w", password, "wrong token");
    let cluster: Spoil =
        |config, _| config["token"] = json!(format!("K10{}::server:{PASSWORD}", "0".repeat(64)));
    check("w", cluster, "wrong token: it is of another cluster");
    let short: Spoil = |config, _| config["token"] = json!(PASSWORD);
    check("w", short, "a token that names the cluster's authority");
}

#[test]
fn http_instead_of_https() {
    check("w", |config, lab| config["server"] = json!(format!("http://{}.1:6443", lab.net)), "is http");
}

#[test]
fn missing_tls_name() {
    let spoil: Spoil = |config, _| config["tls-san"].as_array_mut().unwrap().retain(|name| name != BALANCER);
    check("c1", spoil, "missing TLS name: the certificate of c1 is not for 10.99.0.11");
}

#[test]
fn duplicate_node_name() {
    if !may_run() {
        return;
    }
    let mut lab = Lab::new(1);
    lab.add("c1");
    lab.add("w");
    let mut twin = lab.config("w");
    twin["node-ip"] = json!(format!("{}.21", lab.net));
    let started = lab.start("agent", &twin);
    let (ready, said) = lab.outcome(&started);
    assert!(!ready && said.contains("duplicate node name: w"), "{said}");
    assert!(!lab.verdict().0, "the cluster has noticed too");
}

#[test]
fn control_planes_joining_at_once() {
    if !may_run() {
        return;
    }
    let mut lab = Lab::new(3);
    lab.add("c1");
    let configs = [lab.config("c2"), lab.config("c3")];
    let both = configs.map(|config| lab.start("server", &config));
    let outcomes = both.map(|node| lab.outcome(&node));
    let (joined, refused): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(|(ready, _)| *ready);
    assert_eq!((joined.len(), refused.len()), (1, 1), "{joined:?} {refused:?}");
    assert!(refused[0].1.contains("control planes joining at once"), "{refused:?}");
    let (well, verdict) = lab.verdict();
    let noted = verdict["wrong"].as_array().unwrap();
    assert!(!well && noted.iter().any(|wrong| wrong.as_str().unwrap().contains("at once")), "{verdict}");
}

#[test]
fn even_number_of_members() {
    if !may_run() {
        return;
    }
    let mut lab = Lab::new(2);
    for name in ["c1", "c2", "w", "a"] {
        lab.add(name);
    }
    let (well, verdict) = lab.verdict();
    assert!(!well);
    assert_eq!(verdict["wrong"], json!(["even number of members: 2, which can lose no more than 1"]));
}

#[test]
fn unknown_flag() {
    check(
        "w",
        |config, _| config["node-labels"] = json!(["a=b"]),
        "unknown flag: k3s agent has no option --node-labels",
    );
    // One of servers is none of agents.
    check(
        "w",
        |config, _| config["tls-san"] = json!(["name"]),
        "unknown flag: k3s agent has no option --tls-san",
    );
    check("c1", |config, _| config["cluster-init"] = json!("yes"), "--cluster-init takes a flag");
}

#[test]
fn missing_taint() {
    check("a", |config, _| config["node-taint"] = json!([]), "missing ['agents=true:NoSchedule']");
}

#[test]
fn public_address_as_node_address() {
    check(
        "w",
        |config, _| config["node-ip"] = json!("192.0.2.7"),
        "the node address 192.0.2.7 of w is public",
    );
}
