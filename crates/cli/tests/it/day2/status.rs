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
"#;
    let text = format!(
        r#"terraform {{
  required_providers {{
    hcloud = {{ source = "hetznercloud/hcloud" }}
  }}
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
        "/ 10 %, /mnt/data 40 %",
        "NODE  ROLE           VERSION       STATUS",
        "web   control plane  v1.31.4+k3s1  ready",
        "Database shop on web: accepts connections; 1 backups",
        "/etc/tls/server.crt",
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
