//! One server behind Cloudflare.

mod app;

use std::process::Command;

use super::Stage;
use crate::harness::say;

/// An address of Cloudflare's, one of an administrator's and one of nobody's.
const CLOUDFLARE: &str = "173.245.48.10";
const ADMINISTRATOR: &str = "100.64.7.7";
const STRANGER: &str = "45.33.32.156";

#[test]
fn consult_prod_is_open_to_its_administrators_only() {
    let Some(mut stage) = Stage::open("consult/prod", 1) else { return };
    say("left out: Docker, Doppler, the upgrade of all packages");
    for variable in ["install_docker", "package_upgrade"] {
        stage.project.set_env(&format!("TF_VAR_{variable}"), "false");
    }
    let key = stage.project.path("key").display().to_string();
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f", &key]).status();
    assert!(made.unwrap().success());
    let public = stage.project.read("key.pub");
    stage.project.set_env("TF_VAR_ssh_public_key", public.trim());
    stage.project.set_env("TF_VAR_admin_ssh_ips", &format!("[\"{ADMINISTRATOR}/32\"]"));
    stage.apply();
    let name = "consult-prod";
    let address = stage.address(name).to_string();
    stage.add_host("administrator", ADMINISTRATOR);
    stage.add_host("stranger", STRANGER);
    stage.only_from(&address, &[22], "administrator", "stranger");
    assert_eq!(ssh(&stage, "administrator", &key, &address).stdout.trim(), name);
    stage.destroy();
}

/// Logs in from a host, as root with a key, and asks for the name.
fn ssh(stage: &Stage, from: &str, key: &str, address: &str) -> crate::harness::Run {
    let target = format!("root@{address}");
    let mut words = vec!["ssh", "-i", key];
    let settings = [
        "BatchMode=yes",
        "StrictHostKeyChecking=no",
        "UserKnownHostsFile=/dev/null",
        "LogLevel=ERROR",
        "ConnectTimeout=10",
    ];
    for setting in settings {
        words.extend(["-o", setting]);
    }
    words.extend([target.as_str(), "hostname"]);
    stage.exec(from, &words).ok()
}
