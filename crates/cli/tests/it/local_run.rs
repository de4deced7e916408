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
fn faults_of_a_file_are_set_in_the_local_cloud_and_a_file_that_is_no_good_is_refused() {
    let group = "resource \"hcloud_placement_group\" \"g\" {\n  name = \"g\"\n  type = \"spread\"\n}\n";
    let project = Project::new(&format!(
        "terraform {{\n  required_providers {{\n    hcloud = {{ source = \"hetznercloud/hcloud\" }}\n  }}\n}}\n{group}"
    ));
    project.write("wrong.json", r#"{"faults": [{"effect": {"error": "broken"}}]}"#);
    for command in
        ["plan -local -faults=wrong.json", "cloud serve -faults=wrong.json", "plan -local -faults=none.json"]
    {
        let run = project.run(command).one_error("Faults cannot be read");
        let part = if command.contains("wrong") { "placement_error" } else { "none.json" };
        run.tells(&[part]);
    }
    project.run("plan -faults=wrong.json").code_is(1);
    project.write(
        "faults.json",
        r#"{"method": "POST", "path": "/placement_groups", "resource": "g", "effect": {"error": "resource_limit_exceeded"}}"#,
    );
    let apply = "apply -local -time-scale=0 -auto-approve";
    project.run(&format!("{apply} -faults=faults.json")).code_is(1).tells(&["resource_limit_exceeded"]);
    assert_eq!(counts(&project.cloud().objects()), [].into());
    project.run(apply).ok();
    assert_eq!(counts(&project.cloud().objects()), [("placement_groups".to_owned(), 1)].into());
    project.run("cloud reset").ok();
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

/// Object storage has a provider and an address of its own, which a local run keeps to as well.
#[test]
fn buckets_of_a_local_run_are_in_the_local_cloud_whatever_is_configured() {
    let mut project = Project::new(
        r#"
//- main.tf
terraform {
  required_providers {
    objectstorage = { source = "ferroform/objectstorage" }
  }
}
provider "objectstorage" {
  location   = "hel1"
  access_key = "REALACCESSKEY"
  secret_key = "a real secret"
  endpoint   = "https://hel1.your-objectstorage.com"
}
resource "objectstorage_bucket" "documents" {
  name       = "documents"
  versioning = true
}
resource "objectstorage_object" "greeting" {
  bucket  = objectstorage_bucket.documents.name
  key     = "greeting"
  content = "hello"
  # Its versions would keep the bucket.
  force_destroy = true
}
output "endpoint" {
  value = objectstorage_bucket.documents.endpoint
}
"#,
    );
    project.set_env("OBJECTSTORAGE_ENDPOINT", "https://nonsense.invalid");
    project.run("apply -local -time-scale=0 -auto-approve").ok();
    let objects = project.cloud().objects();
    let there = counts(&objects);
    assert_eq!(there, [("buckets".to_owned(), 1), ("bucket_objects".to_owned(), 1)].into());
    assert_eq!(objects["buckets"]["objects"][0]["location"], "hel1");
    for (path, bytes) in project.state_files() {
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("REALACCESSKEY") && !text.contains("a real secret"), "{}", path.display());
    }
    // After a restart it is all there, at the same address.
    let endpoint = project.run("output -local -raw endpoint").ok().stdout;
    assert!(endpoint.starts_with("http://127.0.0.1:"), "{endpoint}");
    project.run("cloud stop").ok();
    project.run("plan -local -time-scale=0 -detailed-exitcode").ok();
    assert_eq!(project.run("output -local -raw endpoint").ok().stdout, endpoint);
    // Without -local the same configuration is for the real service, which tests must not reach.
    let run = project.run("plan -state=other.tfstate").code_is(1);
    run.one_error("Object storage cannot be used as configured").tells(&["hel1.your-objectstorage.com"]);
    project.run("destroy -local -auto-approve").ok();
    assert_eq!(counts(&project.cloud().objects()), [].into());
}

/// The buckets of a stack stand apart from its environments, and tell an environment what it needs to know.
#[test]
fn buckets_of_nornos_hand_an_environment_its_object_storage() {
    for environment in ["dev", "staging", "production"] {
        let folder = format!("stacks/nornos/object-storage/{environment}");
        let mut project = Project::repository_folder(folder.as_ref());
        project.set_env("TF_VAR_prefix", "example");
        project.set_env("TF_VAR_document_origins", r#"["https://app.example.com"]"#);
        project.run("apply -local -time-scale=0 -auto-approve").ok();
        // Without keys there is nothing to tell.
        project.run("output -local -json environment").one_error("Output not found");
        project.set_env("TF_VAR_access_key", "ACCESSKEY");
        project.set_env("TF_VAR_secret_key", "0123456789abcdef");
        project.run("apply -local -time-scale=0 -auto-approve").ok();
        project.run("plan -local -time-scale=0 -detailed-exitcode").ok();
        let objects = project.cloud().objects();
        let buckets = objects["buckets"]["objects"].as_array().unwrap();
        let names: Vec<&str> = buckets.iter().map(|bucket| bucket["name"].as_str().unwrap()).collect();
        let name = |end: &str| format!("example-{environment}-{end}");
        assert_eq!(names, [name("backups"), name("documents")]);
        for bucket in buckets {
            assert_eq!(
                (&bucket["public"], &bucket["versioning"]),
                (&false.into(), &"Enabled".into()),
                "{bucket}"
            );
        }
        assert_eq!(buckets[0]["object_lock"].is_null(), environment != "production", "{}", buckets[0]);
        let told = project.run("output -local -json environment").ok().json();
        assert_eq!(told["backup_target"]["bucket"], name("backups"));
        assert_eq!(told["etcd_object_storage"]["bucket"], name("backups"));
        assert_eq!(told["object_storage"]["documents"], name("documents"));
        assert_eq!(told["object_storage"]["secret_key"], "0123456789abcdef");
        project.run("destroy -local -auto-approve").ok();

        // The environment takes it as it is, but for the address: the real one is reached by https only.
        let Some(mut platform) = Project::stack(&format!("nornos/{environment}")) else { return };
        let text = told.to_string().replace("http://", "https://");
        platform.write("object-storage.auto.tfvars.json", text);
        platform.set_env("TF_VAR_ssh_public_key", PUBLIC_KEY);
        platform.run("apply -local -time-scale=0 -auto-approve").ok();
        let secrets = platform.run("output -local -json secrets").ok().json();
        assert_eq!(secrets["object_storage"]["documents"], name("documents"));
    }
}

#[test]
fn what_applying_plans_once_more_is_not_held_against_its_own_plan() {
    const GROUP: &str = r#"
terraform {
  required_providers {
    hcloud = { source = "hetznercloud/hcloud" }
    random = { source = "hashicorp/random" }
  }
}
resource "hcloud_placement_group" "g" {
  name = "g"
  type = "spread"
}
"#;
    // As many as a group takes, each of which is planned once more when the text is known.
    const SERVERS: &str = r#"
resource "random_pet" "text" {}
resource "hcloud_server" "s" {
  count              = 10
  name               = "s${count.index}"
  server_type        = "cx23"
  image              = "debian-12"
  location           = "fsn1"
  placement_group_id = hcloud_placement_group.g.id
  user_data          = random_pet.text.id
}
"#;
    let project = Project::new(GROUP);
    project.run("apply -local -time-scale=0 -auto-approve").ok();
    project.write("servers.tf", SERVERS);
    project.run("apply -local -time-scale=0 -auto-approve -parallelism=1").ok();
    project.run("plan -local -detailed-exitcode").ok();
    project.write("servers.tf", SERVERS.replace("= 10", "= 11"));
    let refused = project.run("plan -local -no-color").one_error("Placement group is full");
    assert!(refused.stderr.contains("hcloud_server.s[10]"), "{refused}");
}
