//! `cost`: what configurations cost, without an account and without leaving anything behind.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};

use crate::harness::Project;

/// A server with backups, a volume and a load balancer whose price is not in the catalogue.
const SHOP: &str = r#"
    terraform {
      required_providers {
        hcloud = { source = "hetznercloud/hcloud" }
      }
    }
    variable "workers" {
      type = number
    }
    resource "hcloud_server" "db" {
      name        = "db"
      server_type = "cx33"
      image       = "debian-12"
      location    = "fsn1"
      backups     = true
      public_net {
        ipv4_enabled = false
      }
    }
    resource "hcloud_volume" "db" {
      name     = "db"
      size     = 100
      location = "fsn1"
    }
    resource "hcloud_network" "n" {
      name     = "n"
      ip_range = "10.0.0.0/16"
    }
    module "workers" {
      source = "./workers"
      number = var.workers
    }
    //- workers/main.tf
    terraform {
      required_providers {
        hcloud = { source = "hetznercloud/hcloud" }
      }
    }
    variable "number" {
      type = number
    }
    resource "hcloud_server" "this" {
      count       = var.number
      name        = "worker-${count.index}"
      server_type = "cx23"
      image       = "debian-12"
      location    = "fsn1"
    }
    resource "hcloud_load_balancer" "this" {
      name               = "lb"
      load_balancer_type = "lb21"
      location           = "fsn1"
    }
"#;

/// Every file below a directory.
fn files(dir: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        }
        found.insert(path);
    }
    found
}

/// By the catalogue of 2026-09-29, in fsn1, net: cx33 8.49 a month and 0.0136 an hour, cx23 5.49 and 0.0088, an IPv4
/// address 0.50 and 0.0008, a volume 0.0572 a GB and month. So
///
/// - backups of cx33: 8.49 × 0.20 = 1.698, an hour 0.00272;
/// - the volume: 100 × 0.0572 = 5.72, an hour 5.72 / 624 = 0.009166… → 0.0092;
/// - the root module: 8.49 + 1.698 + 5.72 = 15.908, an hour 0.0136 + 0.00272 + 0.0092 = 0.02552;
/// - two workers: 2 × 5.49 = 10.98 and 2 × 0.50 = 1.00, an hour 0.0176 and 0.0016;
/// - all: 27.888, gross 27.888 × 1.19 = 33.18672; an hour 0.04472, gross 0.0532168.
#[test]
fn a_table_tells_what_everything_costs_and_what_is_not_known() {
    let project = Project::new(SHOP);
    let before = files(&project.path("."));
    let table = project.run("cost -var workers=2").ok();
    let expected = "\
RESOURCE                     WHAT                                                         HOUR NET       HOUR GROSS       MONTH NET     MONTH GROSS
root module                                                                                 0.0255           0.0304           15.91           18.93
  hcloud_server.db           server cx33, fsn1                                              0.0136           0.0162            8.49           10.10
                             backups, 20 % of the server                                    0.0027           0.0032            1.70            2.02
  hcloud_volume.db           volume, 100 GB                                                 0.0092           0.0109            5.72            6.81
module.workers                                                                     at least 0.0192  at least 0.0228  at least 11.98  at least 14.26
  hcloud_load_balancer.this  load balancer lb21, fsn1 (no price in the catalogue)          unknown          unknown         unknown         unknown
  hcloud_server.this         2 × server cx23, fsn1                                          0.0176           0.0209           10.98           13.07
                             2 × IPv4 address                                               0.0016           0.0019            1.00            1.19
total                                                                              at least 0.0447  at least 0.0532  at least 27.89  at least 33.19

Free of charge: 1 hcloud_network.
Outgoing traffic included each month: at least 60 TB; a further TB is 1.00 net.

Prices in EUR of 2026-09-29, gross with 19 % value added tax; a month is the most that is charged.
What goes by use is not in it, such as traffic beyond what is included.
";
    assert_eq!(table.stdout, expected);
    let markdown = project.run("cost -markdown -net -var workers=1").ok().stdout;
    let expected = r"| resource | what | hour net | month net |
| --- | --- | ---: | ---: |
| **root module** |  | **0.0255** | **15.91** |
| hcloud\_server.db | server cx33, fsn1 | 0.0136 | 8.49 |
|  | backups, 20 % of the server | 0.0027 | 1.70 |
| hcloud\_volume.db | volume, 100 GB | 0.0092 | 5.72 |
| **module.workers** |  | **at least 0.0096** | **at least 5.99** |
| hcloud\_load\_balancer.this | load balancer lb21, fsn1 (no price in the catalogue) | unknown | unknown |
| hcloud\_server.this | server cx23, fsn1 | 0.0088 | 5.49 |
|  | IPv4 address | 0.0008 | 0.50 |
| **total** |  | **at least 0.0351** | **at least 21.90** |
";
    assert_eq!(markdown.split("\n\n").next().unwrap().trim_end(), expected.trim_end());
    // 27.888 × 1.081 = 30.146928
    let json = project.run("cost -json -vat=8.1 -var workers=2").ok().json();
    assert_eq!(
        json["total"],
        json!({"hourly_net": "0.04472", "hourly_gross": "0.04834232", "monthly_net": "27.888",
               "monthly_gross": "30.146928", "complete": false})
    );
    assert_eq!(json["vat_percent"], "8.1");
    assert_eq!(json["environments"][0]["before"], Json::Null);
    assert_eq!(files(&project.path(".")), before, "something was left behind");
}

#[test]
fn what_there_is_already_is_compared_with_what_is_planned() {
    let mut project = Project::new(&SHOP.replace("lb21", "lb11"));
    project.serve(0.0);
    project.run("apply -local -time-scale=0 -auto-approve -var workers=2").ok();
    let same = project.run("cost -local -var workers=2").ok();
    assert!(same.stdout.contains("The plan changes nothing in what is paid now."), "{same}");
    // Nothing of it is in the real state.
    assert!(!project.run("cost -var workers=2").ok().stdout.contains(" now "));
    let state = project.state_files();
    let run = project.run("cost -local -var workers=3").ok();
    // 27.888 and the load balancer's 7.49 are 35.378; one worker with its address is 5.99, gross 7.1281.
    let expected = "\
Net a month now 35.38, then 41.37, a difference of +5.99 (+7.13 gross):

CHANGE  OBJECT                                 NOW  THEN
create  module.workers.hcloud_server.this[2]  none  5.99
";
    assert!(run.stdout.contains(expected), "{run}");
    let json = project.run("cost -local -json -var workers=1").ok().json();
    let environment = &json["environments"][0];
    assert_eq!(environment["before"]["monthly_net"], "35.378");
    assert_eq!(environment["after"]["monthly_net"], "29.388");
    let gone: Vec<&Json> =
        environment["objects"].as_array().unwrap().iter().filter(|o| o["after"].is_null()).collect();
    assert_eq!(gone.len(), 1);
    assert_eq!(gone[0]["address"], "module.workers.hcloud_server.this[1]");
    assert_eq!(gone[0]["action"], "delete");
    assert_eq!(project.state_files(), state, "the state was touched");
    // A saved plan says the same.
    project.run("plan -local -time-scale=0 -var workers=3 -out=more.plan").ok();
    let planned = project.run("cost more.plan").ok();
    assert!(planned.stdout.contains(expected), "{planned}");
}

/// What the objects in a local cloud cost a month by the prices that its own API tells, in ten-thousandths of a euro.
fn priced_by_the_api(project: &Project) -> i64 {
    let cloud = project.cloud();
    let pricing = cloud.call("GET", "/v1/pricing", &Json::Null)["pricing"].take();
    let objects = cloud.objects();
    let units = |price: &Json| -> i64 {
        let (whole, fraction) = price["net"].as_str().or(price.as_str()).unwrap().split_once('.').unwrap();
        format!("{whole}{}", &fraction[..4]).parse().unwrap()
    };
    let of = |list: &str, name: &Json, location: &Json, field: &str| -> i64 {
        let found =
            pricing[list].as_array().unwrap().iter().find(|t| t["name"] == *name || t["type"] == *name);
        let prices = found.unwrap()["prices"].as_array().unwrap();
        units(&prices.iter().find(|p| p["location"] == *location).unwrap()[field])
    };
    let all = |kind: &str| objects[kind]["objects"].as_array().unwrap().clone();
    let mut sum = 0;
    for server in all("servers") {
        let price =
            of("server_types", &server["server_type"]["name"], &server["location"]["name"], "price_monthly");
        sum += price;
        if !server["backup_window"].is_null() {
            let percent: i64 = pricing["server_backup"]["percentage"]
                .as_str()
                .unwrap()
                .split('.')
                .next()
                .unwrap()
                .parse()
                .unwrap();
            assert_eq!(price * percent % 100, 0, "not exact in ten-thousandths");
            sum += price * percent / 100;
        }
    }
    for balancer in all("load_balancers") {
        let name = &balancer["load_balancer_type"]["name"];
        sum += of("load_balancer_types", name, &balancer["location"]["name"], "price_monthly");
    }
    for address in all("primary_ips") {
        // A load balancer's addresses are part of its price.
        if address["assignee_type"] != "load_balancer" {
            sum += of("primary_ips", &address["type"], &address["location"]["name"], "price_monthly");
        }
    }
    for volume in all("volumes") {
        sum += units(&pricing["volume"]["price_per_gb_month"]) * volume["size"].as_i64().unwrap();
    }
    sum
}

#[test]
fn a_stack_costs_what_its_objects_cost_once_it_is_applied() {
    for stack in ["nornos/dev", "consult/dev"] {
        let Some(project) = Project::stack(stack) else { continue };
        let planned = project.run("cost -json").ok().json()["total"].take();
        project.run("apply -local -time-scale=0 -auto-approve").ok();
        let applied = project.run("cost -local -json").ok().json()["environments"][0].take();
        assert_eq!(applied["before"], planned, "{stack}: what was planned is not what is paid");
        assert_eq!(applied["after"], planned, "{stack}");
        let units = priced_by_the_api(&project);
        let (whole, fraction) = planned["monthly_net"].as_str().unwrap().split_once('.').unwrap();
        assert_eq!(format!("{whole}{fraction:0<4}"), units.to_string(), "{stack}");
    }
}

#[test]
fn every_environment_of_the_stacks_is_priced_without_a_token_or_a_trace() {
    for (stack, others) in [("nornos/dev", &["staging", "production"][..]), ("consult/dev", &["prod"])] {
        let Some(project) = Project::stack(stack) else { continue };
        let all = project.path("..");
        let before = files(&all);
        let places: Vec<String> = others.iter().map(|name| format!("../{name}")).collect();
        let line = format!("cost . {}", places.join(" "));
        let json = project.run(&format!("{line} -json")).ok().json();
        let environments = json["environments"].as_array().unwrap();
        assert_eq!(environments.len(), 1 + others.len());
        for environment in environments {
            assert_eq!(environment["after"]["complete"], true, "{stack}: {environment}");
            assert_ne!(environment["after"]["monthly_net"], "0.00");
        }
        let markdown = project.run(&format!("{line} -markdown")).ok().stdout;
        for name in others {
            assert!(markdown.contains(&format!("### ../{name}\n")), "{markdown}");
        }
        assert_eq!(
            markdown,
            project.run(&format!("{line} -markdown")).ok().stdout,
            "it is not always the same"
        );
        assert_eq!(files(&all), before, "{stack}: something was left behind");
    }
}

#[test]
fn examples_stand_in_for_values_that_nobody_has_given() {
    let variable = "variable \"size\" {\n  type = number\n}\n";
    let volume =
        "resource \"hcloud_volume\" \"v\" {\n  name = \"v\"\n  size = var.size\n  location = \"fsn1\"\n}\n";
    let required =
        "terraform {\n  required_providers {\n    hcloud = { source = \"hetznercloud/hcloud\" }\n  }\n}\n";
    let project = Project::new(&format!("{required}{variable}{volume}"));
    project.run("cost").one_error("No value for required variable");
    project.write("terraform.tfvars.example", "size = 10\n");
    let total = |line: &str| project.run(line).ok().json()["total"]["monthly_net"].clone();
    // 10 × 0.0572, 20 × 0.0572 and so on.
    assert_eq!(total("cost -json"), "0.572");
    assert_eq!(total("cost -json -var size=20"), "1.144");
    assert!(
        project.run("cost").ok().stdout.contains("Not given, and taken from terraform.tfvars.example: size.")
    );
    project.write("terraform.tfvars", "size = 30\n");
    assert_eq!(total("cost -json"), "1.716");
    assert!(!project.run("cost").ok().stdout.contains("terraform.tfvars.example"));
    // Where somebody has given values, only a key that is shortened in the example is stood in for.
    project.write("terraform.tfvars.example", "size = 10\nkey = \"ssh-ed25519 AAAA… you@example.org\"\n");
    let key = "variable \"key\" {\n  type = string\n  validation {\n    condition = length(split(\" \", var.key)) == 3 && \
               !strcontains(var.key, \"…\")\n    error_message = \"No key.\"\n  }\n}\n";
    project.configure(&format!("{required}{variable}{volume}{key}"));
    assert_eq!(total("cost -json"), "1.716");
    let run = project.run("cost").ok();
    assert!(run.stdout.contains("Not given, and taken from terraform.tfvars.example: key."), "{run}");
}

#[test]
fn what_cannot_be_priced_is_said() {
    let project = Project::new(SHOP);
    project.run("cost nowhere").one_error("Directory not available").tells(&["nowhere"]);
    project.run("cost main.tf").code_is(1).tells(&["main.tf"]);
    project.run("cost workers nowhere -var number=1").code_is(1).tells(&["This was found in nowhere."]);
    for (option, why) in [("-vat=x", "no rate of value added tax"), ("-net -vat=19", "cannot be used with")] {
        project.run(&format!("cost {option}")).code_is(1).tells(&[why]);
    }
    project.configure(
        "terraform {\n  required_providers {\n    hcloud = { source = \"hetznercloud/hcloud\" }\n  }\n}\n\
         data \"hcloud_network\" \"there\" {\n  name = \"there\"\n}\n",
    );
    project.run("cost").code_is(1).tells(&["ferroform plan -out=FILE"]);
}
