//! `ssh`, `logs` and `kubeconfig`, and what a contract must be like.

use super::fake::{CLUSTER, Fake, HOST};
use crate::harness::Project;

#[test]
fn a_server_is_reached_with_the_keys_of_the_contract_and_no_others() {
    let fake = Fake::new(CLUSTER);
    fake.answer("ssh worker-1 uptime", 0, "up\n");
    let run = fake.run("ssh worker-1 -- uptime").ok();
    assert_eq!(run.stdout, "up\n");
    assert_eq!(fake.asked(), ["ssh worker-1 uptime"]);
    let known = fake.kept("known_hosts");
    assert!(known.contains("worker-1 ssh-ed25519 AAAAw1\n"), "{known}");
    assert!(known.contains("control-1 ssh-ed25519 AAAAc1\n"), "the comment is left out: {known}");
    let config = fake.kept("config");
    for line in [
        "StrictHostKeyChecking yes",
        "GlobalKnownHostsFile /dev/null",
        "IdentitiesOnly yes",
        "ControlMaster no",
    ] {
        assert!(config.contains(&format!("  {line}\n")), "{line}: {config}");
    }
    let worker =
        "Host worker-1\n  HostName 10.0.1.4\n  HostKeyAlias worker-1\n  User root\n  ProxyJump control-1\n";
    assert!(config.contains(worker), "{config}");
    let control = "Host control-1\n  HostName 192.0.2.1\n  HostKeyAlias control-1\n  User root\nHost";
    assert!(config.contains(control), "no way round where none is needed: {config}");
    assert!(!config.contains("BatchMode"), "a person may be asked: {config}");
    assert!(!config.contains("Include"), "no other keys are tried: {config}");
    assert!(fake.kept("key").starts_with("-----BEGIN OPENSSH PRIVATE KEY-----\n"));
    assert_eq!(fake.kept("key-mode"), "600\n");
    // What ssh was given is gone again.
    let folder = config.lines().find_map(|line| line.trim().strip_prefix("IdentityFile \"")).unwrap();
    assert!(!std::path::Path::new(folder.trim_end_matches('"')).exists(), "{folder}");
}

#[test]
fn the_real_ssh_takes_the_settings() {
    if std::process::Command::new("ssh").arg("-V").output().is_err() {
        crate::harness::say("skipped: ssh is not installed");
        return;
    }
    let fake = Fake::new(CLUSTER);
    fake.answer("ssh *", 0, "");
    fake.run("ssh worker-1 -- true").ok();
    // ssh -G evaluates a configuration and connects to nobody.
    let config = fake.project.path("fake/config");
    let out =
        std::process::Command::new("ssh").arg("-F").arg(&config).args(["-G", "worker-1"]).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let text = String::from_utf8_lossy(&out.stdout).to_lowercase();
    for line in [
        "hostname 10.0.1.4",
        "hostkeyalias worker-1",
        "proxyjump control-1",
        "stricthostkeychecking true",
        "user root",
        "updatehostkeys false",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}: {text}");
    }
}

#[test]
fn a_role_means_the_first_of_it_or_all() {
    let fake = Fake::new(CLUSTER);
    fake.answer("ssh *", 0, "");
    fake.run("ssh worker -- hostname").ok().tells(&["worker is also: worker-2", "-all runs"]);
    assert_eq!(fake.asked(), ["ssh worker-1 hostname"]);
    fake.run("ssh -all worker -- hostname").ok().tells(&["== worker-1", "== worker-2"]);
    assert_eq!(fake.asked(), ["ssh worker-1 hostname", "ssh worker-2 hostname"]);
    fake.run("ssh nobody").one_error("No such server").tells(&["control-1 (control)", "db (postgres)"]);
    assert_eq!(fake.asked(), [""; 0]);
}

#[test]
fn the_exit_code_is_that_of_the_command_and_words_arrive_as_they_are() {
    let fake = Fake::new(HOST);
    fake.answer("ssh web exit 7", 7, "");
    fake.answer("ssh web echo *", 0, "");
    let mut command = fake.project.command("ssh web --");
    command.arg("exit 7");
    crate::harness::Running::start(command).wait().code_is(7);
    let mut command = fake.project.command("ssh web -- echo");
    command.args(["a  b", "$(id)", "it's"]);
    crate::harness::Running::start(command).wait().ok();
    assert_eq!(fake.asked(), ["ssh web exit 7", "ssh web echo 'a  b' '$(id)' 'it'\\''s'"]);
}

#[test]
fn logs_are_those_of_what_the_role_is_about() {
    let fake = Fake::new(CLUSTER);
    fake.answer("ssh *", 0, "a line\n");
    for (args, expected) in [
        ("logs control-2", "ssh control-2 journalctl --no-pager --lines=200 --unit k3s"),
        ("logs worker -n 5", "ssh worker-1 journalctl --no-pager --lines=5 --unit k3s-agent"),
        ("logs postgres", "ssh db journalctl --no-pager --lines=200 --unit 'postgresql*'"),
        ("logs db -unit ssh -json", "ssh db journalctl --no-pager --lines=200 --unit ssh --output=json"),
    ] {
        assert_eq!(fake.run(args).ok().stdout, "a line\n");
        assert_eq!(fake.asked(), [expected], "{args}");
    }
}

/// As k3s writes it.
pub(crate) const K3S_YAML: &str = "\
apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: Q0E=
    server: https://127.0.0.1:6443
  name: default
contexts:
- context:
    cluster: default
    user: default
  name: default
current-context: default
kind: Config
preferences: {}
users:
- name: default
  user:
    client-certificate-data: Q0VSVA==
    client-key-data: S0VZ
";

#[test]
fn a_kubeconfig_gets_the_public_address_and_the_name_of_the_stack() {
    let fake = Fake::new(CLUSTER);
    fake.answer("ssh control-1 cat /etc/rancher/k3s/k3s.yaml", 0, K3S_YAML);
    fake.run("kubeconfig").ok();
    let path = ".terraform/kubeconfig";
    let text = fake.project.read(path);
    for part in ["server: \"https://192.0.2.1:6443\"", "current-context: shop-dev", "client-key-data: S0VZ"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(fake.project.path(path)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let printed = fake.run("kubeconfig -output=- -server=https://k8s.example.com:6443").ok().stdout;
    assert!(printed.contains("server: \"https://k8s.example.com:6443\""), "{printed}");
}

#[test]
fn merging_keeps_what_others_have() {
    let fake = Fake::new(CLUSTER);
    fake.answer("ssh control-1 cat *", 0, K3S_YAML);
    let mine = "\
# mine
apiVersion: v1
kind: Config
current-context: work
preferences: {colors: true}
clusters:
- {name: work, cluster: {server: \"https://work.example.com\", insecure-skip-tls-verify: true}}
- name: shop-dev
  cluster: {server: https://old.example.com}
users:
- name: work
  user:
    exec: {apiVersion: client.authentication.k8s.io/v1, command: login, args: [\"--flag=1\", \"on\"], env: null}
contexts:
- name: work
  context: {cluster: work, user: work, namespace: team}
";
    fake.project.write("mine", mine);
    fake.project
        .run_with("kubeconfig -merge", "KUBECONFIG", fake.project.path("mine").to_str().unwrap())
        .ok();
    let merged = fake.project.read("mine");
    for part in [
        "server: \"https://work.example.com\"",
        "insecure-skip-tls-verify: true",
        "command: login",
        "- \"on\"",
        "env: null",
        "colors: true",
        "namespace: team",
        "current-context: shop-dev",
        "server: \"https://192.0.2.1:6443\"",
    ] {
        assert!(merged.contains(part), "{part}: {merged}");
    }
    assert!(!merged.contains("old.example.com"), "{merged}");
    assert_eq!(merged.matches("name: shop-dev").count(), 3, "one cluster, user and context: {merged}");
    // The same again changes nothing.
    fake.project
        .run_with("kubeconfig -merge", "KUBECONFIG", fake.project.path("mine").to_str().unwrap())
        .ok();
    assert_eq!(fake.project.read("mine"), merged);
    let config = format!("--kubeconfig={}", fake.project.path("mine").display());
    let oracle = |args: &[&str]| {
        let out = std::process::Command::new("kubectl").arg(&config).args(args).output().ok()?;
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        Some(String::from_utf8(out.stdout).unwrap())
    };
    match oracle(&["config", "get-contexts", "--output=name"]) {
        Some(contexts) => {
            assert_eq!(contexts, "shop-dev\nwork\n");
            assert_eq!(oracle(&["config", "current-context"]).unwrap(), "shop-dev\n");
        }
        None => crate::harness::say("kubectl is not installed, and was not asked what it makes of the file"),
    }
}

#[test]
fn a_kubeconfig_that_is_not_understood_stays_as_it_is() {
    let fake = Fake::new(CLUSTER);
    fake.answer("ssh control-1 cat *", 0, K3S_YAML);
    for broken in ["a: [", "- a list\n", "clusters: {}\n"] {
        fake.project.write("mine", broken);
        let path = fake.project.path("mine");
        let run = fake.project.run_with("kubeconfig -merge", "KUBECONFIG", path.to_str().unwrap());
        run.one_error("Kubeconfig not understood").tells(&["Nothing was changed"]);
        assert_eq!(fake.project.read("mine"), broken);
    }
}

#[test]
fn what_keeps_ssh_from_a_server_is_said() {
    let fake = Fake::new(CLUSTER);
    for (code, error) in
        [(255, "Server not reached"), (127, "Command on server failed"), (1, "Command on server failed")]
    {
        for control in ["control-1", "control-2", "control-3"] {
            fake.answer(&format!("ssh {control} cat *"), code, "");
        }
        fake.run("kubeconfig").one_error(error);
        assert_eq!(fake.asked().len(), 3, "every control plane is tried");
        fake.forget_answers();
    }
    // One that answers is enough.
    fake.answer("ssh control-1 *", 255, "");
    fake.answer("ssh control-2 cat *", 0, K3S_YAML);
    fake.run("kubeconfig").ok();
}

#[test]
fn a_server_whose_host_key_nobody_knows_is_not_connected_to() {
    let fake = Fake::new("servers = { web = { role = \"host\", address = \"192.0.2.1\" } }");
    fake.run("ssh web").one_error("Host key not known");
    let via = "servers = {\n a = { role = \"x\", address = \"192.0.2.1\" }\n b = { role = \"y\", private = \"10.0.0.2\", via = \"a\", host_key = \"ssh-ed25519 AAAA\" }\n}";
    let jumped = Fake::new(via);
    jumped.run("ssh b").one_error("Host key not known").tells(&["server a"]);
    assert_eq!([fake.asked(), jumped.asked()].concat(), [""; 0]);
}

#[test]
fn contracts_that_cannot_be_followed_are_refused() {
    let check = |value: &str, parts: &[&str]| {
        let text = format!("output \"ferroform\" {{\n  value = {value}\n}}\n");
        let project = Project::new("").env("COLUMNS", "1000");
        project.configure(&text);
        project.run("apply -auto-approve").ok();
        let run = project.run("ssh web").code_is(1);
        assert_eq!(run.errors().len(), 1, "{value}: {run}");
        run.tells(parts);
    };
    let with = |rest: &str| format!("{{ version = 1, stack = \"s\", environment = \"e\", {rest} }}");
    let server = |fields: &str| with(&format!("servers = {{ web = {{ role = \"r\", {fields} }} }}"));
    check("{ version = 2 }", &["Contract of a newer version", "version 2"]);
    check("{ stack = \"s\" }", &["Invalid contract", "version"]);
    check("\"text\"", &["Invalid contract"]);
    check(&with("servers = 1"), &["Invalid contract"]);
    check(&server("address = \"example.com; rm -rf /\""), &["no address"]);
    check(&server("user = \"-oProxyCommand=x\""), &["no user name"]);
    check(&server("host_key = \"ssh-ed25519 AAAA\\nevil ssh-ed25519 BBBB\""), &["one line"]);
    check(&server("via = \"web\""), &["leads in a circle"]);
    check(&server("via = \"nobody\""), &["via names \"nobody\""]);
    check(&with("servers = { \"-x\" = { role = \"r\" } }"), &["none that Hetzner allows"]);
    check(
        &with("servers = {}, deploy = { server = \"x\", program = \"p\" }"),
        &["deploy.server names \"x\""],
    );
    check(&with("servers = {}, kubernetes = { servers = [] }"), &["kubernetes.servers is empty"]);
}

#[test]
fn a_stack_without_a_contract_is_told_how_it_joins_in() {
    let project = Project::new("");
    project.configure("output \"other\" {\n  value = 1\n}\n");
    for run in [project.run("ssh web"), {
        project.run("apply -auto-approve").ok();
        project.run("status")
    }] {
        run.one_error("Stack has no contract").tells(&["docs/contract.md", "ferroform apply"]);
    }
}

#[test]
fn servers_that_exist_in_the_api_only_are_said_to_be_so() {
    let fake = Fake::new(CLUSTER);
    fake.run("apply -local -time-scale=0 -auto-approve").ok();
    for command in
        ["ssh control-1", "logs db", "kubeconfig", "backup list", "deploy", "upgrade k3s -to v1.31.5+k3s1"]
    {
        let run = fake.run(&format!("{command} -local")).code_is(1);
        assert!(["Servers are not real here", "No manifests"].contains(&run.errors()[0]), "{command}: {run}");
    }
    assert_eq!(fake.asked(), [""; 0]);
}
