//! The modules `docker-host` and `firewall-cloudflare` on the local cloud: what follows from their variables, and what they
//! refuse.

use serde_json::{Value, json};

use crate::cloud::Cloud;
use crate::harness::{PUBLIC_KEY, Project};

const PROVIDER: &str =
    "terraform {\n  required_providers {\n    hcloud = { source = \"hetznercloud/hcloud\" }\n  }\n}\n";

/// A root module that calls one module with these arguments, applied; its cloud and the module's outputs.
fn applied(module: &str, arguments: &str) -> (Project, Cloud, Value) {
    let project = Project::modules(&root(module, arguments));
    project.run("apply -local -time-scale=0 -auto-approve").ok();
    let outputs = project.run("output -local -json").ok().json()["it"]["value"].clone();
    let cloud = project.cloud();
    (project, cloud, outputs)
}

fn root(module: &str, arguments: &str) -> String {
    format!(
        "{PROVIDER}module \"it\" {{\n  source = \"./modules/{module}\"\n{arguments}\n}}\n\
         output \"it\" {{\n  value     = module.it\n  sensitive = true\n}}\n"
    )
}

/// The module refuses these arguments for this reason, before anything is made.
#[track_caller]
fn refuses(module: &str, arguments: &str, reason: &str) {
    let project = Project::modules(&root(module, arguments));
    let run = project.run("plan -local -time-scale=0").code_is(1);
    assert_eq!(run.errors(), ["Invalid value for variable"], "{run}");
    // Messages are broken into lines that begin with a bar.
    let said: String = run.stderr.replace('│', " ").split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains(reason), "{reason:?} in {said}");
}

/// The sources of the inbound rules by protocol and port.
fn inbound(cloud: &Cloud) -> Vec<(String, Value)> {
    let firewalls = cloud.call("GET", "/v1/firewalls", &Value::Null);
    let rules = firewalls["firewalls"][0]["rules"].as_array().unwrap().clone();
    let named = |rule: &Value| {
        let port = rule["port"].as_str().map_or(String::new(), |port| format!(" {port}"));
        let mut sources: Vec<String> = serde_json::from_value(rule["source_ips"].clone()).unwrap();
        sources.sort_unstable();
        (format!("{}{port}", rule["protocol"].as_str().unwrap()), json!(sources))
    };
    let mut found: Vec<_> = rules.iter().filter(|rule| rule["direction"] == "in").map(named).collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

/// A list of Cloudflare's addresses in the place of the built-in one.
fn ranges(as_of: &str) -> String {
    json!({ "as_of": as_of, "ipv4": ["173.245.48.0/20"], "ipv6": ["2400:cb00::/32"] }).to_string()
}

#[test]
fn the_firewall_admits_cloudflare_and_whoever_else_is_named() {
    let cloudflare = json!(["173.245.48.0/20", "2400:cb00::/32"]);
    let cases: &[(&str, Vec<(&str, Value)>)] = &[
        ("", vec![("tcp 443", cloudflare.clone()), ("tcp 80", cloudflare.clone())]),
        (
            "web_ports = [\"8443\"]\n  admin_cidrs = [\"203.0.113.7/32\", \"2001:db8::/64\"]\n  extra_rules = [\n    \
             { description = \"Ping\", protocol = \"icmp\", cidrs = [\"0.0.0.0/0\"] },\n    \
             { description = \"Nobody\", port = \"25\", cidrs = [] },\n  ]",
            vec![
                ("icmp", json!(["0.0.0.0/0"])),
                ("tcp 22", json!(["2001:db8::/64", "203.0.113.7/32"])),
                ("tcp 8443", cloudflare),
            ],
        ),
    ];
    for (arguments, expected) in cases {
        let main = root("firewall-cloudflare", &format!("  name = \"web\"\n  {arguments}"));
        let project = Project::modules(&main);
        project.write("modules/firewall-cloudflare/cloudflare.json", ranges("2026-01-01"));
        project.run("apply -local -time-scale=0 -auto-approve").ok();
        let found = inbound(&project.cloud());
        let found: Vec<_> = found.iter().map(|(name, sources)| (name.as_str(), sources.clone())).collect();
        assert_eq!(found, *expected, "{arguments}");
    }
}

#[test]
fn the_firewall_says_when_its_list_is_older_than_a_year_and_is_applied_all_the_same() {
    let project = Project::modules(&root("firewall-cloudflare", "  name = \"web\""));
    for (days, outdated) in [(364, false), (366, true)] {
        let as_of = days_ago(days);
        project.write("modules/firewall-cloudflare/cloudflare.json", ranges(&as_of));
        project.run("apply -local -time-scale=0 -auto-approve").ok();
        let told = project.run("output -local -json").ok().json()["it"]["value"]["ranges"].clone();
        assert_eq!((&told["as_of"], &told["outdated"]), (&json!(as_of), &json!(outdated)));
        let notice = told["notice"].as_str().unwrap();
        assert_eq!(notice.contains(&as_of) && notice.contains("cloudflare-ranges"), outdated, "{notice:?}");
        // What it says does not change from day to day.
        project.run("plan -local -detailed-exitcode").ok();
    }
}

/// The date (UTC) that many days ago, as YYYY-MM-DD.
fn days_ago(days: u64) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let mut left = now.as_secs() / 86400 - days;
    let leap = |year: u64| (year.is_multiple_of(4) && !year.is_multiple_of(100)) || year.is_multiple_of(400);
    let mut year = 1970;
    while left >= if leap(year) { 366 } else { 365 } {
        left -= if leap(year) { 366 } else { 365 };
        year += 1;
    }
    let february = if leap(year) { 29 } else { 28 };
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if left < length {
            break;
        }
        left -= length;
        month += 1;
    }
    format!("{year}-{month:02}-{:02}", left + 1)
}

#[test]
fn the_firewall_refuses_what_would_not_do_what_it_says() {
    for (arguments, reason) in [
        ("admin_cidrs = [\"203.0.113.7/24\"]", "a range written by its first address"),
        ("web_ports = [\"http\"]", "Every port is a number or a range"),
        ("extra_rules = [{ description = \"x\", cidrs = [\"::/0\"] }]", "A rule of tcp or udp has a port"),
        (
            "extra_rules = [{ description = \"x\", protocol = \"icmp\", port = \"1\", cidrs = [\"::/0\"] }]",
            "no other rule has one",
        ),
        ("extra_rules = [{ description = \"x\", protocol = \"sctp\", cidrs = [] }]", "A protocol is tcp"),
    ] {
        refuses("firewall-cloudflare", &format!("  name = \"web\"\n  {arguments}"), reason);
    }
}

/// What every Docker host needs.
fn docker_host(more: &str) -> String {
    format!(
        "  name = \"shop\"\n  app = \"shop\"\n  environment = \"test\"\n  location = \"nbg1\"\n  server_type = \"cx23\"\n  \
         ssh_public_key = \"{PUBLIC_KEY}\"\n  {more}"
    )
}

#[test]
fn the_docker_host_is_a_server_with_its_volume_in_the_network_that_is_given() {
    let (project, cloud, told) = applied("docker-host", &docker_host("labels = { team = \"a\" }"));
    let server = cloud.call("GET", "/v1/servers", &Value::Null)["servers"][0].clone();
    let volume = cloud.call("GET", "/v1/volumes", &Value::Null)["volumes"][0].clone();
    assert_eq!(volume["server"], server["id"]);
    assert_eq!(
        (&volume["name"], &volume["size"], &volume["format"]),
        (&json!("shop-data"), &json!(20), &json!("ext4"))
    );
    assert_eq!(server["labels"], json!({ "team": "a", "role": "host" }));
    assert_eq!(server["private_net"], json!([]));
    let contract = &told["server"];
    assert_eq!(contract["id"], json!(server["id"].to_string()));
    assert_eq!(contract["address"], server["public_net"]["ipv4"]["ip"]);
    assert_eq!(
        (&contract["role"], &contract["user"], &contract["private"]),
        (&json!("host"), &json!("root"), &Value::Null)
    );
    assert!(contract["host_key"].as_str().unwrap().starts_with("ssh-ed25519 "), "{contract}");
    assert_eq!(told["deploy"], json!({ "server": "shop", "program": "/usr/local/sbin/shop-deploy" }));
    assert_eq!(told["ssh_private_key"], Value::Null, "the key is the user's");
    drop(project);

    let network = "resource \"hcloud_network\" \"n\" {\n  name = \"n\"\n  ip_range = \"10.0.0.0/16\"\n}\n\
        resource \"hcloud_network_subnet\" \"n\" {\n  network_id = hcloud_network.n.id\n  type = \"cloud\"\n  \
        network_zone = \"eu-central\"\n  ip_range = \"10.0.1.0/24\"\n}\n";
    let given = "network = { id = hcloud_network_subnet.n.network_id, address = \"10.0.1.10\" }";
    let project = Project::modules(&(root("docker-host", &docker_host(given)) + network));
    project.run("apply -local -time-scale=0 -auto-approve").ok();
    let servers = project.cloud().call("GET", "/v1/servers", &Value::Null);
    assert_eq!(servers["servers"][0]["private_net"][0]["ip"], "10.0.1.10");
    let told = project.run("output -local -json").ok().json();
    assert_eq!(told["it"]["value"]["server"]["private"], "10.0.1.10");
    project.run("plan -local -detailed-exitcode").ok();
}

#[test]
fn the_docker_host_refuses_what_its_first_boot_or_its_deployments_could_not_do() {
    for (arguments, reason) in [
        ("volume_size = 5", "10 to 10240 GB"),
        ("data_dir = \"/mnt/my data\"", "an absolute path"),
        ("docker_source = \"snap\"", "\"distribution\" or \"docker\""),
        ("docker_settings = [\"debug\"]", "The settings are an object"),
        ("doppler_token = \"dp.st.x\"", "set install_doppler = true"),
        (
            "install_doppler = true\n  doppler_token = \"dp.st x\"",
            "letters, digits, dots, dashes and underscores",
        ),
        ("app_environment = { APP_DATA = \"/x\" }", "do not begin with APP_"),
        ("app_environment = { KEY = \"a\\nb\" }", "A value is one line"),
        ("compose_file = \"web: {}\"", "must be YAML with services"),
        ("health_check = { url = \"localhost\" }", "begins with http:// or https://"),
        ("health_check = { seconds = 0 }", "5 to 3600 seconds"),
        ("reboot_at = \"25:00\"", "the form HH:MM"),
        ("deploy_ssh_public_key = \"-----BEGIN OPENSSH PRIVATE KEY-----\"", "This is no public SSH key"),
    ] {
        refuses("docker-host", &docker_host(arguments), reason);
    }
    let without = docker_host("").replace(&format!("ssh_public_key = \"{PUBLIC_KEY}\""), "");
    refuses("docker-host", &without, "needs your public SSH key");
    refuses(
        "docker-host",
        &docker_host("").replace("app = \"shop\"", "app = \"root\""),
        "no name that the system uses",
    );
}
