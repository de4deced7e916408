//! A stack whose servers and cluster are made of files: `ssh` and `kubectl` on the path are programs that write down
//! what they are asked, answer as they are told, and fail where they are told to.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use super::kube::Kube;
use crate::harness::{PROGRAM, Project, Run, say};

/// A private key that opens nothing.
pub(crate) const KEY: &str =
    "-----BEGIN OPENSSH PRIVATE KEY-----\\nAAAA\\n-----END OPENSSH PRIVATE KEY-----\\n";

/// Servers of a cluster with a database, in the contract's words.
pub(crate) const CLUSTER: &str = r#"
    servers = {
      control-1 = { id = "1", role = "control", address = "192.0.2.1", private = "10.0.1.1", host_key = "ssh-ed25519 AAAAc1 c1", user = "root", via = null }
      control-2 = { id = "2", role = "control", address = "192.0.2.2", private = "10.0.1.2", host_key = "ssh-ed25519 AAAAc2" }
      control-3 = { id = "3", role = "control", address = "192.0.2.3", private = "10.0.1.3", host_key = "ssh-ed25519 AAAAc3" }
      worker-1  = { id = "4", role = "worker", private = "10.0.1.4", host_key = "ssh-ed25519 AAAAw1", via = "control-1" }
      worker-2  = { id = "5", role = "worker", private = "10.0.1.5", host_key = "ssh-ed25519 AAAAw2", via = "control-1" }
      db        = { id = "6", role = "postgres", private = "10.0.1.6", host_key = "ssh-ed25519 AAAAdb", via = "control-1" }
    }
    kubernetes = {
      servers    = ["control-1", "control-2", "control-3"]
      agents     = ["worker-1", "worker-2"]
      api        = "https://10.0.1.1:6443"
      version    = "v1.31.4+k3s1"
      manifests  = "manifests"
      context    = "shop-dev"
    }
    postgres = { server = "db", database = "shop", owner = "shop_admin", program = "/usr/local/sbin/pg-backup", volume = { id = 7 } }
"#;

/// A Docker host, in the contract's words.
pub(crate) const HOST: &str = r#"
    servers = { web = { id = "1", role = "host", address = "192.0.2.1", host_key = "ssh-ed25519 AAAAweb" } }
    deploy  = { server = "web", program = "/usr/local/sbin/shop-deploy" }
"#;

/// A stack.
pub(crate) struct Fake {
    pub(crate) project: Project,
}

impl Fake {
    /// A stack that is applied and whose contract holds these parts.
    pub(crate) fn new(parts: &str) -> Self {
        Self::with(&format!(
            "output \"ferroform\" {{\n  sensitive = true\n  value = {{\n    version = 1\n    stack = \"shop\"\n    environment \
             = \"dev\"\n    ssh = {{ private_key = \"{KEY}\" }}\n{parts}\n  }}\n}}\n"
        ))
    }

    /// A stack of this configuration, applied.
    pub(crate) fn with(configuration: &str) -> Self {
        Self::applied(Project::new(""), configuration)
    }

    /// The same, against a local cloud that is reached as the real one would be: by endpoint and token.
    pub(crate) fn served(configuration: &str) -> Self {
        let mut project = Project::new("");
        let cloud = project.serve(0.0);
        project.set_env("HCLOUD_ENDPOINT", &cloud.endpoint());
        project.set_env("HCLOUD_TOKEN", &cloud.token);
        Self::applied(project, configuration)
    }

    fn applied(mut project: Project, configuration: &str) -> Self {
        project.configure(configuration);
        for name in ["ssh", "kubectl"] {
            project.write(format!("bin/{name}"), include_str!("fake.sh"));
            let mode = fs::Permissions::from_mode(0o755);
            fs::set_permissions(project.path(format!("bin/{name}")), mode).unwrap();
        }
        for folder in ["answers", "nodes"] {
            fs::create_dir_all(project.path("fake").join(folder)).unwrap();
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path =
            std::env::join_paths([project.path("bin")].into_iter().chain(std::env::split_paths(&path)));
        project.set_env("PATH", path.unwrap().to_str().unwrap());
        project.set_env("FAKE", project.path("fake").to_str().unwrap());
        project.set_env("FERROFORM", PROGRAM);
        // What is said is looked for as it is, without line breaks.
        project.set_env("COLUMNS", "1000");
        project.run("apply -auto-approve").ok();
        Fake { project }
    }

    /// Takes the fake kubectl away, so that the one of this computer is run, and gives it an API with these namespaces; its
    /// kubeconfig is the file `own`. The versions of its nodes are those that [`Fake::node`] sets and the fake ssh changes.
    pub(super) fn with_api(&self, namespaces: &[&str]) -> Kube {
        let _ = fs::remove_file(self.project.path("bin/kubectl"));
        let kube = Kube::start(namespaces, Some(self.fake("nodes")));
        self.project.write("own", kube.kubeconfig());
        kube
    }

    fn fake(&self, name: &str) -> PathBuf {
        self.project.path("fake").join(name)
    }

    /// Says what is answered to what fits a shell's pattern; later ones come after earlier ones.
    pub(crate) fn answer(&self, pattern: &str, code: i32, text: &str) {
        let number = fs::read_dir(self.fake("answers")).unwrap().count();
        fs::write(self.fake(&format!("answers/{number:03}")), format!("{pattern}\n{code}\n{text}")).unwrap();
    }

    /// Forgets all answers.
    pub(crate) fn forget_answers(&self) {
        fs::remove_dir_all(self.fake("answers")).unwrap();
        fs::create_dir_all(self.fake("answers")).unwrap();
    }

    /// What fits fails once.
    pub(crate) fn fail(&self, pattern: &str, code: i32) {
        self.fail_all(&[(pattern, code, 0)]);
    }

    /// Each of these fails once, but for the first times that it fits.
    pub(crate) fn fail_all(&self, faults: &[(&str, i32, u32)]) {
        let lines = faults.iter().map(|(pattern, code, first)| format!("{code} {first} {pattern}\n"));
        fs::write(self.fake("faults"), lines.collect::<String>()).unwrap();
    }

    /// Adds a node to the cluster.
    pub(crate) fn node(&self, name: &str, version: &str, control: bool) {
        let text =
            format!("version={version}\nready=true\ncordoned=false\nannotated=false\ncontrol={control}\n");
        fs::write(self.fake(&format!("nodes/{name}")), text).unwrap();
    }

    /// Changes a field of a node.
    pub(crate) fn set_node(&self, name: &str, field: &str, value: &str) {
        let path = self.fake(&format!("nodes/{name}"));
        let text = fs::read_to_string(&path).unwrap();
        let lines = text.lines().map(|line| match line.split_once('=') {
            Some((known, _)) if known == field => format!("{field}={value}\n"),
            _ => format!("{line}\n"),
        });
        fs::write(path, lines.collect::<String>()).unwrap();
    }

    /// A field of a node.
    pub(crate) fn node_field(&self, name: &str, field: &str) -> String {
        let text = fs::read_to_string(self.fake(&format!("nodes/{name}"))).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("{field}=")));
        line.unwrap().to_owned()
    }

    /// What was asked since the last time.
    pub(crate) fn asked(&self) -> Vec<String> {
        let text = fs::read_to_string(self.fake("log")).unwrap_or_default();
        let _ = fs::remove_file(self.fake("log"));
        text.lines().map(str::to_owned).collect()
    }

    /// A file that the fake programs kept: stdin, config, known_hosts, key, key-mode, kubeconfig, context.
    pub(crate) fn kept(&self, name: &str) -> String {
        fs::read_to_string(self.fake(name)).unwrap_or_default()
    }

    pub(crate) fn run(&self, args: &str) -> Run {
        self.project.run(args)
    }
}

/// The kubectl of this computer. None, said aloud, where there is none and none is required.
pub(crate) fn real_kubectl() -> Option<String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join("kubectl")).find(|path| path.is_file());
    if found.is_none() {
        assert!(
            std::env::var_os("FERROFORM_REQUIRE_PROGRAMS").is_none(),
            "FERROFORM_REQUIRE_PROGRAMS is set and kubectl is missing"
        );
        say("skipped: kubectl is not installed");
    }
    Some(found?.to_str()?.to_owned())
}
