//! `ferroform` on a cluster of stand-ins: real kubectl through the tunnel with the certificates of the control plane, and the
//! module's own node program; what stands for ssh runs commands in the nodes' folders.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use super::cluster::{Cluster, has_curl, program, role};
use super::lab::may_run;
use super::{RELEASE, stand_in};
use crate::day2::real_kubectl;
use crate::harness::Project;

const NEXT: &str = "v1.36.5+k3s1";
const NODES: [&str; 4] = ["c1", "c2", "c3", "w"];

/// A cluster, and a project whose contract it is.
struct Stack {
    cluster: Cluster,
    project: Project,
}

impl Stack {
    /// None where a program is missing.
    fn new() -> Option<Self> {
        if !may_run() || !has_curl() || real_kubectl().is_none() {
            return None;
        }
        let cluster = Cluster::new();
        let mut project = Project::new("");
        program(&project.path("bin/ssh"), include_str!("ssh.sh"));
        for name in NODES {
            let root = cluster.root(name).display();
            let text = format!(
                "NODE={root}\nK3S_STAND_IN_ROOT={root}\nROLE={}\nADDRESS={}\nPATH={}:{root}/bin:$PATH\n",
                role(name),
                cluster.address(name),
                cluster.lab.file("bin").display()
            );
            project.write(format!("nodes/{name}/environment"), text);
        }
        program(&project.path("k3s-node"), "#!/bin/sh\nexec \"$NODE/k3s-node\" \"$@\"\n");
        let servers: String = NODES
            .iter()
            .map(|name| {
                let address = cluster.address(name);
                format!(
                    "{name} = {{ role = \"x\", address = \"{address}\", host_key = \"ssh-ed25519 AAAA\" }}\n"
                )
            })
            .collect();
        project.configure(&format!(
            r#"resource "random_password" "token" {{
  length  = 48
  special = false
}}
output "ferroform" {{
  sensitive = true
  value = {{
    version     = 1
    stack       = "shop"
    environment = "dev"
    servers     = {{ {servers} }}
    kubernetes = {{
      servers    = ["c1", "c2", "c3"]
      agents     = ["w"]
      kubeconfig = "{}"
      k3s        = "{}"
      version    = "{RELEASE}"
      token      = random_password.token.result
    }}
  }}
}}
"#,
            cluster.root("c1").join("etc/rancher/k3s/k3s.yaml").display(),
            project.path("k3s-node").display(),
        ));
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path =
            std::env::join_paths([project.path("bin")].into_iter().chain(std::env::split_paths(&path)));
        project.set_env("PATH", path.unwrap().to_str().unwrap());
        project.set_env("FOLDERS", project.path("nodes").to_str().unwrap());
        project.run("apply -auto-approve").ok();
        Some(Stack { cluster, project })
    }

    /// What was asked of nodes since the last time, without reading and trying.
    fn asked(&self) -> Vec<String> {
        let path = self.project.path("nodes/log");
        let text = fs::read_to_string(&path).unwrap_or_default();
        let _ = fs::remove_file(path);
        let program = self.project.path("k3s-node").display().to_string();
        let changes = text.lines().filter(|line| line.contains(&format!(" {program} ")));
        changes.map(|line| line.replace(&format!("{program} "), "")).collect()
    }

    fn versions(&self) -> Vec<Value> {
        let (_, verdict) = self.cluster.lab.verdict();
        NODES.map(|name| verdict["nodes"][name]["version"].clone()).to_vec()
    }

    fn state_token(&self) -> String {
        let state: Value = serde_json::from_str(&self.project.read("terraform.tfstate")).unwrap();
        state["resources"][0]["instances"][0]["attributes"]["result"].as_str().unwrap().to_owned()
    }
}

#[test]
fn a_cluster_is_upgraded_and_its_token_replaced() {
    let Some(stack) = Stack::new() else { return };
    let (cluster, project) = (&stack.cluster, &stack.project);
    cluster.put(NEXT, &stand_in(NEXT, &cluster.lab.expected));

    let run = project.run(&format!("upgrade k3s -to={NEXT} -auto-approve")).ok();
    assert!(run.stdout.contains(&format!("All nodes are at {NEXT}.")), "{run}");
    assert_eq!(stack.versions(), [NEXT; 4]);
    assert_eq!(stack.asked(), NODES.map(|name| format!("{name} upgrade {NEXT}")));
    assert_eq!(cluster.starts(), [2, 2, 2, 2], "each has restarted once");
    let (_, verdict) = cluster.lab.verdict();
    for name in NODES {
        let node = &verdict["nodes"][name];
        assert_eq!((&node["unschedulable"], &node["annotations"]), (&json!(false), &json!({})), "{name}");
    }

    // A release that does not start gives way to the one before; its node stays out of work, and the others as they are.
    let broken = "v1.36.6+k3s1";
    cluster.put(
        broken,
        "#!/bin/sh\n[ \"$1\" != --version ] || { echo k3s version v1.36.6+k3s1; exit 0; }\nexit 1\n",
    );
    let run = project.run(&format!("upgrade k3s -to={broken} -auto-approve"));
    let run = run.one_error("Command on server failed");
    run.tells(&["Stopped at c1: c1 is cordoned; c1 is drained", &format!("{NEXT} is back and runs")]);
    assert_eq!(stack.versions(), [NEXT; 4]);
    assert_eq!(cluster.lab.verdict().1["nodes"]["c1"]["unschedulable"], true);
    stack.asked();

    // The state's token was never the cluster's here, as after a rotation that did not reach it: resuming brings it there.
    let first = stack.state_token();
    project.run("rotate k3s-token -resume").ok();
    assert_eq!(stack.asked(), NODES.map(|name| format!("{name} token")));
    assert_eq!(cluster.kept("c1", "token"), format!("{first}\n"));

    project.run("rotate k3s-token -auto-approve").ok();
    let second = stack.state_token();
    assert_ne!(second, first);
    for name in NODES {
        assert!(cluster.kept(name, "token").trim_end().ends_with(&second), "{name} has the state's token");
        let mode =
            fs::metadata(cluster.root(name).join("etc/rancher/k3s/token")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    project.run("plan -detailed-exitcode").code_is(0);
    let listed = fs::read_to_string(project.path("terraform.tfstate")).unwrap();
    assert!(!listed.contains(&first), "the state has forgotten the old token");
}
