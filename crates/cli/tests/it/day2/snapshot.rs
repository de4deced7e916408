//! `snapshot`, against the local cloud.

use super::fake::Fake;

const CONFIGURATION: &str = r#"
terraform {
  required_providers {
    hcloud = { source = "hetznercloud/hcloud" }
  }
}
resource "hcloud_server" "web" {
  count       = 2
  name        = "web-${count.index}"
  server_type = "cx23"
  image       = "debian-12"
  location    = "nbg1"
}
output "ferroform" {
  sensitive = true
  value = {
    version     = 1
    stack       = "shop"
    environment = "dev"
    servers     = { for s in hcloud_server.web : s.name => { id = s.id, role = "web", address = s.ipv4_address } }
    postgres    = { server = "web-0", database = "shop", volume = { id = "1" } }
  }
}
"#;

fn names(run: &crate::harness::Run) -> Vec<String> {
    run.json().as_array().unwrap().iter().map(|s| s["server"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn snapshots_of_servers_are_made_listed_and_pruned() {
    let fake = Fake::served(CONFIGURATION);
    let run = fake.run("snapshot create").ok().tells(&["no snapshots of volumes", "ferroform backup now"]);
    assert!(run.stdout.contains("web-0") && run.stdout.contains("web-1"), "{run}");
    fake.run("snapshot create web-1").ok();
    fake.run("snapshot create web-1 -json").ok();
    // One that is not this stack's is left alone, in lists and when pruning.
    let cloud = fake.project.cloud();
    let server = cloud.call("GET", "/v1/servers", &serde_json::Value::Null)["servers"][0]["id"].clone();
    let body = serde_json::json!({"type": "snapshot", "description": "of somebody"});
    let foreign =
        cloud.call("POST", &format!("/v1/servers/{server}/actions/create_image"), &body)["image"]["id"]
            .clone();
    assert_eq!(names(&fake.run("snapshot list -json").ok()), ["web-0", "web-1", "web-1", "web-1"]);
    fake.run("snapshot prune -keep=2").one_error("Approval needed");
    assert_eq!(names(&fake.run("snapshot list -json").ok()).len(), 4, "nothing without approval");
    let before = fake.run("snapshot list -json").ok().json();
    let pruned = fake.run("snapshot prune -keep=2 -auto-approve -json").ok().json();
    assert_eq!(pruned.as_array().unwrap(), &[before[3].clone()], "the oldest of the server with three");
    assert_eq!(names(&fake.run("snapshot list -json").ok()), ["web-0", "web-1", "web-1"]);
    let left = cloud.call("GET", &format!("/v1/images/{foreign}"), &serde_json::Value::Null);
    assert_eq!(left["image"]["description"], "of somebody");
    assert!(fake.run("snapshot prune -keep=2").ok().stdout.contains("nothing to delete"));
}

#[test]
fn without_a_token_nothing_is_asked() {
    let fake = Fake::new("servers = { web = { id = 1, role = \"web\", address = \"192.0.2.1\" } }");
    fake.run("snapshot list").one_error("No token");
}
