//! `rotate`: what the state has and what the servers have are the same in the end, whatever fails in between.

use serde_json::Value;

use super::fake::{Fake, KEY};

const SECRETS: &str = r#"
resource "random_password" "db" {
  length = 24
}
resource "random_password" "token" {
  length = 24
}
output "ferroform" {
  sensitive = true
  value = {
    version     = 1
    stack       = "shop"
    environment = "dev"
    servers = {
      control-1 = { role = "control", address = "192.0.2.1", host_key = "ssh-ed25519 AAAA" }
      control-2 = { role = "control", address = "192.0.2.2", host_key = "ssh-ed25519 BBBB" }
      worker-1  = { role = "worker", address = "192.0.2.4", host_key = "ssh-ed25519 DDDD" }
      db        = { role = "postgres", address = "192.0.2.3", host_key = "ssh-ed25519 CCCC" }
    }
    kubernetes = { servers = ["control-1", "control-2"], agents = ["worker-1"], token = random_password.token.result }
    postgres = {
      server   = "db"
      database = "shop"
      program  = "/usr/local/sbin/pg-backup"
      password = random_password.db.result
    }
  }
}
"#;

fn result(fake: &Fake, name: &str) -> String {
    let state: Value = serde_json::from_str(&fake.project.read("terraform.tfstate")).unwrap();
    let resources = state["resources"].as_array().unwrap();
    let found = resources.iter().find(|resource| resource["name"] == name).unwrap();
    let attributes = &found["instances"][0]["attributes"];
    let value = attributes.get("result").or(attributes.get("private_key_openssh")).unwrap();
    value.as_str().unwrap().to_owned()
}

fn secrets() -> Fake {
    let fake = Fake::with(SECRETS);
    fake.answer("ssh * test -x *", 0, "");
    fake.answer("ssh * /usr/local/sbin/pg-backup password", 0, "");
    fake.answer("ssh * /usr/local/sbin/k3s-node token", 0, "");
    fake
}

#[test]
fn a_new_password_is_in_the_state_and_on_the_server_and_in_no_log() {
    let fake = secrets();
    let (old, token) = (result(&fake, "db"), result(&fake, "token"));
    let run = fake.run("rotate db-password -auto-approve").ok();
    let new = result(&fake, "db");
    assert_ne!(new, old);
    assert_eq!(result(&fake, "token"), token, "the other secret stays");
    assert_eq!(fake.kept("stdin"), format!("{new}\n"), "the server is given what the state has");
    let asked = fake.asked();
    assert_eq!(
        asked,
        ["ssh db test -x /usr/local/sbin/pg-backup", "ssh db /usr/local/sbin/pg-backup password"]
    );
    for secret in [&old, &new] {
        assert!(!run.stdout.contains(secret.as_str()) && !run.stderr.contains(secret.as_str()), "{run}");
    }
}

#[test]
fn a_password_that_did_not_reach_the_server_is_brought_there_by_resuming() {
    let fake = secrets();
    let old = result(&fake, "db");
    fake.fail("*pg-backup password", 1);
    fake.run("rotate db-password -auto-approve")
        .one_error("Command on server failed")
        .tells(&["db-password -resume"]);
    let new = result(&fake, "db");
    assert_ne!(new, old);
    fake.run("rotate db-password -resume").ok();
    assert_eq!(result(&fake, "db"), new, "resuming makes no new one");
    assert_eq!(fake.kept("stdin"), format!("{new}\n"));
}

#[test]
fn a_server_that_cannot_follow_keeps_everything_as_it_is() {
    let fake = secrets();
    let before = fake.project.read("terraform.tfstate");
    fake.fail("ssh db test *", 255);
    fake.run("rotate db-password -auto-approve")
        .one_error("Server not reached")
        .tells(&["Nothing was changed"]);
    fake.run("rotate db-password").one_error("Approval needed");
    assert_eq!(fake.project.read("terraform.tfstate"), before);
}

#[test]
fn a_new_token_goes_to_every_node_control_planes_first() {
    let fake = secrets();
    let old = result(&fake, "token");
    fake.run("rotate k3s-token -auto-approve").ok();
    let new = result(&fake, "token");
    assert_ne!(new, old);
    let token = |server: &str| format!("ssh {server} /usr/local/sbin/k3s-node token");
    let all = ["control-1", "control-2", "worker-1"].map(token);
    assert_eq!(fake.asked()[3..], all);
    assert_eq!(fake.kept("stdin"), format!("{new}\n"));
    // The state has it, so that nothing is left to do for a plan, and nothing brings the old one back.
    fake.run("plan -detailed-exitcode").code_is(0);
    fake.run("apply -auto-approve").ok();
    assert_eq!(result(&fake, "token"), new);
}

/// Whichever node fails, those behind it keep the old token, which the cluster goes on to accept from members that run.
#[test]
fn a_token_that_did_not_reach_all_nodes_is_brought_to_them_by_resuming() {
    let token = |server: &str| format!("ssh {server} /usr/local/sbin/k3s-node token");
    let all = ["control-1", "control-2", "worker-1"].map(token);
    let fake = secrets();
    for (index, failing) in all.iter().enumerate() {
        fake.asked();
        fake.fail(failing, 1);
        fake.run("rotate k3s-token -auto-approve")
            .one_error("Command on server failed")
            .tells(&["k3s-token -resume"]);
        let new = result(&fake, "token");
        assert_eq!(fake.asked()[3..], all[..=index], "none after {failing}");
        fake.run("rotate k3s-token -resume").ok();
        assert_eq!(fake.asked()[3..], all, "again after {failing}");
        assert_eq!(result(&fake, "token"), new, "resuming makes no new one");
        assert_eq!(fake.kept("stdin"), format!("{new}\n"));
    }
}

#[test]
fn a_secret_that_the_contract_does_not_show_is_named_by_its_resource() {
    let fake = Fake::with(&SECRETS.replace("      password = random_password.db.result\n", ""));
    fake.answer("ssh *", 0, "");
    fake.run("rotate db-password -auto-approve")
        .one_error("Source of the secret not known")
        .tells(&["-resource="]);
    fake.run("rotate db-password -auto-approve -resource=random_password.nothing")
        .one_error("No such secret");
    let old = result(&fake, "db");
    fake.run("rotate db-password -auto-approve -resource=random_password.db").ok();
    assert_ne!(result(&fake, "db"), old);
    assert_eq!(fake.kept("stdin"), format!("{}\n", result(&fake, "db")));
}

#[test]
fn a_rotation_that_would_replace_a_server_is_refused() {
    let configuration = SECRETS.replace(
        "output \"ferroform\"",
        r#"terraform {
  required_providers {
    hcloud = { source = "hetznercloud/hcloud" }
  }
}
resource "hcloud_server" "database" {
  name        = "db"
  server_type = "cx23"
  image       = "debian-12"
  location    = "nbg1"
  user_data   = random_password.db.result
}
output "ferroform""#,
    );
    let fake = Fake::served(&configuration);
    fake.answer("ssh *", 0, "");
    let before = result(&fake, "db");
    let run = fake.run("rotate db-password -auto-approve");
    run.one_error("Rotation would replace more than a secret").tells(&["hcloud_server.database"]);
    assert_eq!(result(&fake, "db"), before);
}

const KEYS: &str = r#"
resource "tls_private_key" "admin" {
  algorithm = "ED25519"
}
output "ferroform" {
  sensitive = true
  value = {
    version     = 1
    stack       = "shop"
    environment = "dev"
    ssh         = { private_key = tls_private_key.admin.private_key_openssh }
    servers = {
      a = { role = "x", address = "192.0.2.1", host_key = "ssh-ed25519 AAAA" }
      b = { role = "x", address = "192.0.2.2", host_key = "ssh-ed25519 BBBB", user = "admin" }
    }
  }
}
"#;

const KEPT: &str = ".terraform/rotate-ssh-key.json";

fn kinds(asked: Vec<String>) -> Vec<String> {
    let kind = |line: String| {
        let server = line.split(' ').nth(1).unwrap_or_default().to_owned();
        let what = if line.ends_with(" true") {
            "tries"
        } else if line.contains("no key would") {
            "removes"
        } else {
            "adds"
        };
        format!("{server} {what}")
    };
    // Scripts have lines of their own in the log; those that begin with ssh tell which.
    asked
        .join("\n")
        .split("\nssh ")
        .map(|part| kind(format!("ssh {}", part.trim_start_matches("ssh "))))
        .collect()
}

#[test]
fn a_new_key_is_let_in_and_tried_before_the_old_one_is_shut_out() {
    let fake = Fake::with(KEYS);
    fake.answer("ssh *", 0, "");
    let old = result(&fake, "admin");
    fake.run("rotate ssh-key -auto-approve").ok();
    let new = result(&fake, "admin");
    assert_ne!(new, old);
    assert!(!fake.project.path(KEPT).exists(), "the old key is kept no longer than needed");
    let steps = kinds(fake.asked());
    assert_eq!(steps, ["a tries", "b tries", "a tries", "b tries", "a removes", "b removes"]);
}

#[test]
fn the_new_key_is_let_in_with_the_old_one() {
    let fake = Fake::with(KEYS);
    fake.answer("ssh *", 0, "");
    let old = result(&fake, "admin");
    // Both are reached at first; then neither knows the new key. On b letting it in fails as well.
    fake.fail_all(&[
        ("ssh a true", 255, 1),
        ("ssh b sudo -n true", 255, 1),
        ("ssh b sudo -n sh -c *", 255, 0),
    ]);
    let run = fake.run("rotate ssh-key -auto-approve").one_error("Server not reached");
    let run = run.tells(&["Both keys stay valid", "rotate ssh-key -resume goes on"]);
    assert_eq!(fake.kept("key"), old, "b was last asked with the key that it knows");
    assert_eq!(
        kinds(fake.asked()),
        ["a tries", "b tries", "a tries", "a adds", "a tries", "b tries", "b adds"]
    );
    let new = result(&fake, "admin");
    assert_ne!(new, old);
    assert!(fake.project.read(KEPT).contains("BEGIN OPENSSH PRIVATE KEY"), "{run}");
    fake.fail("ssh b sudo -n true", 255);
    fake.run("rotate ssh-key -resume").ok().tells(&["did not come to its end"]);
    assert_eq!(result(&fake, "admin"), new, "going on makes no new key");
    assert_eq!(kinds(fake.asked()), ["a tries", "b tries", "b adds", "b tries", "a removes", "b removes"]);
    assert_eq!(fake.kept("key"), new, "the old key is shut out with the new one");
    assert!(!fake.project.path(KEPT).exists());
}

#[test]
fn nothing_begins_when_a_server_is_not_reached() {
    let fake = Fake::with(KEYS);
    fake.answer("ssh *", 0, "");
    fake.fail("ssh b sudo -n true", 255);
    let before = fake.project.read("terraform.tfstate");
    fake.run("rotate ssh-key -auto-approve").one_error("Server not reached").tells(&["Nothing was changed"]);
    fake.run("rotate ssh-key").one_error("Approval needed");
    assert_eq!(fake.project.read("terraform.tfstate"), before);
    assert!(!fake.project.path(KEPT).exists());
    fake.run("rotate ssh-key -resume").one_error("Nothing to resume");
}

#[test]
fn people_who_have_keys_of_their_own_give_the_new_one() {
    let fake = Fake::with(&KEYS.replace("tls_private_key.admin.private_key_openssh", "null"));
    fake.answer("ssh *", 0, "");
    fake.run("rotate ssh-key").one_error("New key needed");
    fake.project.write("new.pub", "ssh-ed25519 AAAAnew me@here\n");
    fake.project.write("old.pub", "ssh-ed25519 AAAAold me@here\n");
    fake.project.write("bad.pub", "-----BEGIN OPENSSH PRIVATE KEY-----\n");
    fake.run("rotate ssh-key -new-key=bad.pub").one_error("Public key not usable");
    fake.run("rotate ssh-key -new-key=new.pub").ok();
    assert_eq!(kinds(fake.asked()), ["a adds", "b adds"]);
    assert_eq!(fake.kept("stdin"), "ssh-ed25519 AAAAnew me@here\n");
    fake.run("rotate ssh-key -new-key=new.pub -old-key=old.pub").one_error("New key not tried");
    fake.asked();
    fake.project.write("new", KEY.replace("\\n", "\n"));
    fake.run("rotate ssh-key -new-key=new.pub -old-key=old.pub").ok();
    assert_eq!(kinds(fake.asked()), ["a adds", "b adds", "a tries", "b tries", "a removes", "b removes"]);
    assert_eq!(fake.kept("stdin"), "ssh-ed25519 AAAAold\n", "comments do not matter");
}
