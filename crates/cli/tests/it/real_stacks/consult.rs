//! One server behind Cloudflare.

use std::process::Command;

use super::{Stage, soon};
use crate::harness::say;

/// An address of Cloudflare's, one of an administrator's and one of nobody's.
const CLOUDFLARE: &str = "173.245.48.10";
const ADMINISTRATOR: &str = "100.64.7.7";
const STRANGER: &str = "45.33.32.156";

/// What this computer's packages cannot give: Doppler's archive, and Ubuntu's package of Compose.
fn open(environment: &str) -> Option<Stage> {
    let mut stage = Stage::open(&format!("consult/{environment}"))?;
    for variable in ["install_docker", "install_doppler", "package_upgrade"] {
        stage.project.set_env(&format!("TF_VAR_{variable}"), "false");
    }
    say("left out: Docker with Compose, Doppler, the upgrade of all packages");
    Some(stage)
}

#[test]
fn consult_dev_boots_serves_cloudflare_and_leaves_nothing() {
    let Some(stage) = open("dev") else { return };
    stage.apply();
    let name = "consult-dev";
    let machine = stage.machine(name);
    assert_eq!(machine["status"], "running", "{machine}");

    // First boot: done without an error, or `apply` would have failed; the volume and the address as planned.
    let mounted = stage.exec(name, &["findmnt", "--noheadings", "--output", "FSTYPE", "/mnt/data"]).ok();
    assert_eq!(mounted.stdout.trim(), "ext4");
    stage.exec(name, &["test", "-d", "/mnt/data/app"]).ok();
    let private = stage.output("private_address");
    let addresses = stage.exec(name, &["ip", "-oneline", "-4", "address", "show"]).ok().stdout;
    assert!(addresses.contains(private.as_str().unwrap()), "{private} in {addresses}");

    // The generated key opens it, from inside and through its public address.
    let key = stage.key();
    let host_name = stage.project.run(&format!("cloud ssh -identity={key} {name} -- hostname")).ok();
    assert_eq!(host_name.stdout.trim(), name);
    let address = stage.address(name).to_string();
    stage.add_host("cloudflare", CLOUDFLARE);
    stage.add_host("stranger", STRANGER);
    assert_eq!(ssh(&stage, "stranger", &key, &address).stdout.trim(), name);

    // 80 is for Cloudflare alone, 8000 for everybody.
    for port in [80, 8000] {
        stage.serve_http(name, port);
    }
    stage.only_from(&address, 80, "cloudflare", "stranger");
    let page = stage.exec("cloudflare", &["curl", "-sS", "-m", "5", &format!("http://{address}/")]).ok();
    assert_eq!(page.stdout.trim(), name);
    assert!(stage.connects("stranger", &address, 8000));

    // The volume is mounted at every boot, with what is on it.
    stage.exec(name, &["sh", "-c", "echo kept >/mnt/data/app/file && sync"]).ok();
    let first = machine["leader"].clone();
    let reboot = format!("/v1/servers/{}/actions/reboot", machine["id"]);
    stage.project.cloud().call("POST", &reboot, &serde_json::Value::Null);
    soon(
        "the machine has rebooted",
        || !matches!(&stage.machine(name)["leader"], now if now.is_null() || *now == first),
    );
    stage.project.run(&format!("cloud wait -for=boot {name}")).ok();
    soon("the volume is mounted again", || {
        stage.exec(name, &["cat", "/mnt/data/app/file"]).stdout == "kept\n"
    });

    stage.destroy();
}

#[test]
fn consult_prod_is_open_to_its_administrators_only() {
    let Some(mut stage) = open("prod") else { return };
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
    stage.only_from(&address, 22, "administrator", "stranger");
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
