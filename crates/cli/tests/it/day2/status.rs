//! `status`: servers and load balancer from an API, the rest from servers made of files.

use serde_json::json;

use super::fake::{Fake, KEY};

/// A stack with a server and a load balancer in a local cloud that is reached as the real one would be.
fn stack() -> Fake {
    let parts = r#"
    servers = {
      (hcloud_server.web.name) = { id = hcloud_server.web.id, role = "control", address = hcloud_server.web.ipv4_address, host_key = "ssh-ed25519 AAAA" }
    }
    kubernetes = { servers = [hcloud_server.web.name], agents = [] }
    postgres = { server = hcloud_server.web.name, database = "shop", program = "/usr/local/sbin/pg-backup", volume = { id = 1 } }
    load_balancer = { id = hcloud_load_balancer.lb.id }
    health = { url = var.health }
"#;
    let text = format!(
        r#"terraform {{
  required_providers {{
    hcloud = {{ source = "hetznercloud/hcloud" }}
  }}
}}
variable "health" {{
  type    = string
  default = null
}}
resource "hcloud_server" "web" {{
  name        = "web"
  server_type = "cx23"
  image       = "debian-12"
  location    = "nbg1"
}}
resource "hcloud_load_balancer" "lb" {{
  name               = "lb"
  load_balancer_type = "lb11"
  location           = "nbg1"
}}
resource "hcloud_load_balancer_target" "web" {{
  load_balancer_id = hcloud_load_balancer.lb.id
  type             = "server"
  server_id        = hcloud_server.web.id
}}
resource "hcloud_load_balancer_service" "http" {{
  load_balancer_id = hcloud_load_balancer.lb.id
  protocol         = "tcp"
  listen_port      = 80
  destination_port = 80
}}
output "ferroform" {{
  sensitive = true
  value = {{
    version     = 1
    stack       = "shop"
    environment = "dev"
    ssh         = {{ private_key = "{KEY}" }}
{parts}
  }}
}}
"#
    );
    let fake = Fake::served(&text);
    fake.node("web", "v1.31.4+k3s1", true);
    fake.answer("ssh web sh -s", 0, &facts(40, "Jan  1 00:00:00 2099 GMT"));
    fake.answer("ssh web runuser *", 0, "");
    fake.answer("*pg-backup list --json", 0, &backups("2099-01-01T03:00:00Z"));
    fake
}

fn facts(percent: u64, ends: &str) -> String {
    format!(
        "disk 1000 {0} /mnt/data\ndisk 1000 100 /\nuptime 90061\ncertificate {ends}|/etc/tls/server.crt\nnoise\n",
        percent * 10
    )
}

fn backups(at: &str) -> String {
    json!({"backups": [{"name": "b", "size": 10, "sha256": null, "created_at": at, "location": "disk"}]})
        .to_string()
}

#[test]
fn everything_is_on_one_screen() {
    let fake = stack();
    let run = fake.run("status");
    let text = &run.stdout;
    for part in [
        "shop dev",
        "web     control  running",
        "25 h",
        "40 % /mnt/data",
        "Load balancer lb: 1 target, all healthy on 80",
        "Cluster: 1 node (1 control plane), all ready, at v1.31.4+k3s1",
        "Database shop on web: accepts connections; 1 backup, the newest 0 s old (10 B)",
        "Certificates: 1, it ends in ",
        "(/etc/tls/server.crt on web)",
    ] {
        assert!(text.contains(part), "{part}: {run}");
    }
    let json = fake.run("status -json").json();
    assert_eq!(json["servers"][0]["status"]["found"], "running");
    assert_eq!(json["servers"][0]["facts"]["found"]["disks"][1]["mount"], "/mnt/data");
    assert_eq!(json["nodes"]["found"][0]["ready"], true);
    assert_eq!(json["load_balancer"]["found"]["targets"][0]["target"], "web");
    assert_eq!(json["database"]["accepting"]["found"], true);
}

/// Each question fails by itself: the others are answered, the failure is named, and the exit code tells.
#[test]
fn whatever_does_not_answer_the_rest_is_shown() {
    for (pattern, part) in [
        ("ssh web sh -s", "web: Server not reached"),
        ("ssh web k3s kubectl *", "cluster: Server not reached"),
        ("ssh web runuser *", "database shop: Server not reached"),
        ("*pg-backup list*", "backups: Server not reached"),
    ] {
        let fake = stack();
        fake.fail(pattern, 255);
        let run = fake.run("status").code_is(1);
        assert!(run.stdout.contains(part), "{part}: {run}");
        assert!(run.stdout.contains("web     control  running"), "{run}");
        assert_eq!(run.errors(), [""; 0], "{run}");
    }
}

#[test]
fn what_is_not_as_it_should_be_is_named() {
    let check = |change: &dyn Fn(&Fake), part: &str| {
        let fake = stack();
        change(&fake);
        let run = fake.run("status").code_is(1);
        assert!(run.stdout.contains(part), "{part}: {run}");
    };
    let instead = |pattern: &'static str, text: String| {
        move |fake: &Fake| {
            fake.forget_answers();
            fake.answer(pattern, 0, &text);
            fake.answer("ssh web sh -s", 0, &facts(40, "Jan  1 00:00:00 2099 GMT"));
            fake.answer("ssh web runuser *", 0, "");
            fake.answer("*pg-backup list --json", 0, &backups("2099-01-01T03:00:00Z"));
        }
    };
    check(&instead("ssh web sh -s", facts(86, "Jan  1 00:00:00 2099 GMT")), "web: /mnt/data is 86 % full");
    check(&instead("ssh web sh -s", facts(1, "Jan  1 00:00:00 2020 GMT")), "/etc/tls/server.crt has ended");
    check(&instead("ssh web sh -s", "reboot required\n".to_owned()), "web: updates wait for a reboot");
    check(&instead("*pg-backup list*", backups("2020-01-01T03:00:00Z")), "backups: the newest is");
    check(&instead("*pg-backup list*", "{\"backups\":[]}".to_owned()), "backups: there is none");
    check(&|fake| fake.set_node("web", "ready", "false"), "cluster: web is not ready");
    check(&|fake| fake.set_node("web", "cordoned", "true"), "cluster: web is cordoned");
    check(&|fake| fake.fail("ssh web runuser *", 2), "database shop accepts no connections");
    let off = |fake: &Fake| {
        let id =
            fake.project.cloud().call("GET", "/v1/servers", &serde_json::Value::Null)["servers"][0]["id"]
                .clone();
        fake.project.cloud().call("POST", &format!("/v1/servers/{id}/actions/poweroff"), &json!({}));
    };
    check(&off, "web is off");
}

/// Prices of the catalogue, net: a cx23 is 0.0088 an hour and 5.49 a month, its address 0.0008 and 0.50, an lb11 0.0120 and
/// 7.49. All were made just now, so that their first hour counts.
#[test]
fn what_the_stack_has_cost_this_month_is_estimated() {
    let fake = stack();
    let json = fake.run("status -json").json();
    let cost = &json["cost"]["found"];
    let amounts = ["net", "gross", "vat_percent", "whole_month_net", "currency"].map(|name| &cost[name]);
    assert_eq!(amounts, ["0.02", "0.03", "19", "13.48", "EUR"], "{cost}");
    assert_eq!((&cost["estimate"], &cost["not_counted"]), (&json!(true), &json!([])), "{cost}");
    assert!(cost["since"].as_str().unwrap().ends_with("-01T00:00:00Z"), "{cost}");
    let run = fake.run("status");
    assert!(
        run.stdout.contains("about 0.02 EUR net, 0.03 with 19 % VAT; a whole month is 13.48 net."),
        "{run}"
    );
    assert!(run.stdout.contains("Estimated from ages, and prices of 20"), "{run}");

    // What has no known price is said, and not counted as nothing.
    let text = fake.project.read("main.tf");
    let snapshot = "resource \"hcloud_snapshot\" \"web\" {\n  server_id = hcloud_server.web.id\n}\n";
    fake.project.configure(&format!("{text}{snapshot}"));
    fake.run("apply -auto-approve").ok();
    let run = fake.run("status");
    assert!(run.stdout.contains("Not counted: hcloud_snapshot.web (snapshot at "), "{run}");

    // What the API no longer has is not paid for.
    let servers = fake.project.cloud().call("GET", "/v1/servers", &serde_json::Value::Null);
    fake.project.cloud().call("DELETE", &format!("/v1/servers/{}", servers["servers"][0]["id"]), &json!({}));
    let json = fake.run("status -json").json();
    assert_eq!(json["cost"]["found"]["whole_month_net"], "7.49");
}

#[test]
fn what_the_service_says_of_itself_is_asked_where_the_contract_says() {
    let fake = stack();
    assert_eq!(fake.run("status -json").json()["health"], json!(null), "the contract names no address");
    let endpoint = fake.project.cloud().endpoint();
    let base = endpoint.trim_end_matches("/v1");
    let check = |url: &str, part: &str, json: serde_json::Value| {
        fake.run(&format!("apply -auto-approve -var=health={url}")).ok();
        let run = fake.run("status").code_is(i32::from(json["well"] != true));
        assert!(run.stdout.contains(part), "{part}: {run}");
        let told = fake.run("status -json").json();
        assert_eq!(told["health"]["found"], json, "{told}");
    };
    let well = format!("{base}/_emulator/health");
    check(&well, &format!("Service: {well} answers 200"), json!({"url": well, "well": true, "code": 200}));
    // Nobody gives a token for it.
    let ill = format!("{base}/v1/servers");
    check(&ill, &format!("service: {ill} answers 401"), json!({"url": ill, "well": false, "code": 401}));
    check("http://127.0.0.1:1/health", "service: Service not reached: ", json!(null));
    check("ftp://127.0.0.1/health", "service: Health not asked: ", json!(null));
}

/// A platform for development: five nodes, two databases, a load balancer.
#[test]
fn the_screen_is_one_of_eighty_columns_and_twenty_four_lines() {
    let mut fake = Fake::served(PLATFORM);
    fake.project.set_env("COLUMNS", "80");
    for name in ["control-1", "worker-1", "worker-2", "agents-1", "agents-2"] {
        fake.node(&format!("nornos-dev-{name}"), "v1.36.4+k3s1", name == "control-1");
    }
    fake.answer("ssh * sh -s", 0, &facts(40, "Jan  1 00:00:00 2099 GMT"));
    fake.answer("ssh * runuser *", 0, "");
    fake.answer("*pg-backup list --json", 0, &backups("2099-01-01T03:00:00Z"));
    let run = fake.run("status").ok();
    let lines: Vec<&str> = run.stdout.lines().collect();
    // The last line of a terminal is the prompt's.
    assert!(lines.len() < 24, "{} lines: {run}", lines.len());
    let wide: Vec<&&str> = lines.iter().filter(|line| line.chars().count() > 80).collect();
    assert!(wide.is_empty(), "{wide:?}");
    assert!(run.stdout.contains("Everything is as it should be."), "{run}");
    assert!(run.stdout.contains("Cluster: 5 nodes (1 control plane), all ready, at v1.36.4+k3s1"), "{run}");
}

const PLATFORM: &str = r#"terraform {
  required_providers {
    hcloud = { source = "hetznercloud/hcloud" }
  }
}
locals {
  servers = {
    control-1 = "control", worker-1 = "worker", worker-2 = "worker", agents-1 = "agents", agents-2 = "agents",
    postgres  = "postgres", redis = "redis",
  }
}
resource "hcloud_server" "node" {
  for_each    = local.servers
  name        = "nornos-dev-${each.key}"
  server_type = "cx23"
  image       = "debian-12"
  location    = "nbg1"
}
resource "hcloud_load_balancer" "ingress" {
  name               = "nornos-dev-ingress"
  load_balancer_type = "lb11"
  location           = "nbg1"
}
output "ferroform" {
  sensitive = true
  value = {
    version     = 1
    stack       = "nornos"
    environment = "dev"
    servers = { for key, server in hcloud_server.node : server.name => {
      id = server.id, role = local.servers[key], address = server.ipv4_address, host_key = "ssh-ed25519 AAAA"
    } }
    kubernetes = {
      servers = ["nornos-dev-control-1"]
      agents  = [for key in ["worker-1", "worker-2", "agents-1", "agents-2"] : "nornos-dev-${key}"]
    }
    postgres      = { server = "nornos-dev-postgres", database = "nornos", program = "/usr/local/sbin/pg-backup" }
    load_balancer = { id = hcloud_load_balancer.ingress.id }
  }
}
"#;
