//! The repository's stacks on the local cloud: applied, unchanged by a second plan, shown, destroyed.

use crate::harness::{PUBLIC_KEY, Project, Run, say};
use crate::world::counts;

/// A real statefile that lies beside; local runs do not touch it.
const REAL_STATE: &str = "{ \"version\": 4, \"the real one\": true }\n";

fn check(stack: &str, key: Option<&str>) {
    let Some(mut project) = Project::stack(stack) else { return };
    for name in ["terraform.tfstate", "terraform.tfstate.backup", "terraform.tfstate.journal"] {
        project.write(name, REAL_STATE);
    }
    // Under -local neither matters.
    project.set_env("HCLOUD_TOKEN", "nonsense");
    project.set_env("HCLOUD_ENDPOINT", "https://nonsense.invalid/v1");
    if let Some(key) = key {
        project.set_env("TF_VAR_ssh_public_key", key);
    }
    let apply = project.run("apply -local -time-scale=0 -auto-approve").ok();
    let cloud = project.cloud();
    let there = counts(&cloud.objects());
    for kind in ["servers", "networks", "firewalls", "ssh_keys", "volumes"] {
        assert!(there.contains_key(kind), "no {kind}: {there:?}");
    }
    project.run("plan -local -detailed-exitcode").ok();
    let outputs = project.run("output -local -json").ok().json();
    let outputs = outputs.as_object().unwrap();
    assert!(!outputs.is_empty());
    for output in outputs.values() {
        assert!(!output["value"].is_null() || output["sensitive"] == true, "{output}");
    }
    let addresses = project.addresses("-local");
    let Run { stdout, .. } = project.run("destroy -local -auto-approve").ok();
    assert!(stdout.contains("Destroy complete!"), "{stdout}");
    assert_eq!(counts(&cloud.objects()), [].into(), "destroyed");
    assert_eq!(project.addresses("-local"), [""; 0], "destroyed");
    for name in ["terraform.tfstate", "terraform.tfstate.backup", "terraform.tfstate.journal"] {
        assert_eq!(project.read(name), REAL_STATE, "{name}");
    }
    say(&format!("{stack}: {} instances, {:.1} s to apply", addresses.len(), apply.elapsed.as_secs_f64()));
}

#[test]
fn nornos_dev_from_nothing_and_back() {
    check("nornos/dev", None);
}

#[test]
fn nornos_staging_from_nothing_and_back() {
    check("nornos/staging", Some(PUBLIC_KEY));
}

#[test]
fn nornos_production_from_nothing_and_back() {
    check("nornos/production", Some(PUBLIC_KEY));
}

#[test]
fn consult_dev_from_nothing_and_back() {
    check("consult/dev", None);
}

#[test]
fn consult_prod_from_nothing_and_back() {
    check("consult/prod", Some(PUBLIC_KEY));
}

#[test]
fn without_a_key_only_dev_is_planned() {
    for (stack, code) in [
        ("nornos/dev", 0),
        ("nornos/staging", 1),
        ("nornos/production", 1),
        ("consult/dev", 0),
        ("consult/prod", 1),
    ] {
        let Some(project) = Project::stack(stack) else { continue };
        let run = project.run("plan -local -time-scale=0").code_is(code);
        if code == 1 {
            assert_eq!(run.errors(), ["Invalid value for variable"], "{stack}: {run}");
            run.tells(&["ssh_public_key"]);
        }
    }
}

#[test]
fn a_local_cloud_is_stopped_and_found_again_and_reset() {
    let network = "resource \"hcloud_network\" \"n\" {\n  name = \"n\"\n  ip_range = \"10.0.0.0/8\"\n}\n";
    let project = Project::new(&format!(
        "terraform {{\n  required_providers {{\n    hcloud = {{ source = \"hetznercloud/hcloud\" }}\n  }}\n}}\n{network}"
    ));
    project.run("apply -local -time-scale=0 -auto-approve").ok();
    let first = project.cloud();
    assert!(project.run("cloud status").ok().stdout.contains("networks: 1"));
    project.run("cloud stop").ok();
    assert!(first.try_call("GET", "/_emulator/health", &serde_json::Value::Null).is_err(), "stopped");
    assert!(project.run("cloud status").ok().stdout.contains("not running"));
    // The next one starts it again, with its objects and the state.
    project.run("plan -local -time-scale=0 -detailed-exitcode").ok();
    assert_eq!(counts(&project.cloud().objects()), [("networks".to_owned(), 1)].into());
    project.run("cloud reset").ok();
    assert!(!project.path(".terraform/local").exists());
    project.run("plan -local -time-scale=0 -detailed-exitcode").code_is(2);
}

#[test]
fn consult_puts_its_addresses_into_a_zone_if_asked() {
    let Some(mut project) = Project::stack("consult/dev") else { return };
    let zone = "resource \"hcloud_zone\" \"test\" {\n  name = \"example.com\"\n  mode = \"primary\"\n}\n";
    project.write("zone.tf", zone);
    project.run("apply -local -time-scale=0 -auto-approve -target=hcloud_zone.test").ok();
    let names = "{ zone = \"example.com\", names = [\"@\", \"origin\"], ttl = 600 }";
    project.set_env("TF_VAR_dns_zone", names);
    project.run("apply -local -time-scale=0 -auto-approve").ok();
    let cloud = project.cloud();
    let addresses = project.run("output -local -json dns").ok().json();
    for (name, kind) in [("@", "A"), ("@", "AAAA"), ("origin", "A"), ("origin", "AAAA")] {
        let path = format!("/v1/zones/example.com/rrsets/{name}/{kind}");
        let set = cloud.call("GET", &path, &serde_json::Value::Null)["rrset"].clone();
        assert_eq!(set["records"][0]["value"], addresses[kind], "{name} {kind}: {set}");
        assert_eq!(set["ttl"], 600);
    }
    project.run("plan -local -time-scale=0 -detailed-exitcode").ok();
    project.set_env("TF_VAR_dns_zone", "{ zone = \"example.com\", names = [\"www.\"] }");
    project
        .run("plan -local -time-scale=0")
        .one_error("Invalid value for variable")
        .tells(&["without a dot at the end"]);
}
