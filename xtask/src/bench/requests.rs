//! `cargo xtask bench requests`: how many requests a plan makes of the cloud.
//!
//! A stack of servers, each with a volume that is attached, is applied on a local cloud that takes no time; then a plan that finds
//! nothing to do is counted, on the cloud's side. The same once more with as many resources as a project may make requests in
//! an hour, and with a stack of three servers in a project that is full of others.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::programs;
use super::report::{self, Row};
use crate::local_cloud::Cloud;
use crate::{Result, say};

const USAGE: &str = "usage: bench requests [option…]

  --binary FILE      the ferroform to run, instead of building a release
  --markdown         write the table into docs/benchmarks.md";

/// The table in the document lies between these lines.
const MARKS: report::Marks = (
    "<!-- written by `cargo xtask bench requests --markdown`, do not edit -->",
    "<!-- end of what is written for requests -->",
);

/// Servers of the stack; each is three resources.
const SERVERS: u64 = 1000;
/// Requests that a project may make in an hour, as Hetzner's documentation of the API has it.
const QUOTA: u64 = 3600;
/// Servers of the small stack, and of others beside it.
const FEW: u64 = 3;
const FOREIGN: u64 = 2000;

/// What is promised: a request for so many resources; so many plans of an hour's quota; requests of the small stack.
const RESOURCES_A_REQUEST: u64 = 40;
const PLANS_AN_HOUR: u64 = 10;
const REQUESTS_AMONG_OTHERS: u64 = 5;

const STACK: &str = r#"terraform {
  required_providers {
    hcloud = {
      source = "hetznercloud/hcloud"
    }
  }
}

variable "servers" {
  type = number
}

resource "hcloud_server" "all" {
  count       = var.servers
  name        = "server-${count.index}"
  server_type = "cx23"
  image       = "debian-12"
  location    = "fsn1"
}

resource "hcloud_volume" "all" {
  count    = var.servers
  name     = "volume-${count.index}"
  size     = 10
  location = "fsn1"
}

resource "hcloud_volume_attachment" "all" {
  count     = var.servers
  volume_id = hcloud_volume.all[count.index].id
  server_id = hcloud_server.all[count.index].id
}
"#;

/// Runs the command. The numbers do not depend on the machine, so they must be reached.
///
/// # Errors
/// When a stack cannot be applied, or more requests are made than promised.
pub(super) fn run(args: &[String]) -> Result<()> {
    let (mut binary, mut markdown) = (None, false);
    let mut words = args.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--binary" => binary = Some(PathBuf::from(words.next().ok_or(USAGE)?)),
            "--markdown" => markdown = true,
            _ => return Err(format!("bench requests: unknown option {word}\n{USAGE}").into()),
        }
    }
    let binary = programs::ferroform(binary.as_deref())?;
    let project = Project::start(&binary)?;
    let large = project.plan_of(SERVERS)?;
    let hour = project.plan_of(QUOTA / 3)?;
    drop(project);
    let project = Project::start(&binary)?;
    for i in 0..FOREIGN {
        let server = json!({
            "name": format!("foreign-{i}"), "server_type": "cx23", "image": "debian-12", "location": "fsn1",
        });
        project.cloud.call("POST", "/v1/servers", &server)?;
    }
    let few = project.plan_of(FEW)?;
    let rows = [
        Row::new(
            format!("{SERVERS} servers, volumes and attachments"),
            format!("{large} requests, 1/{} a resource", 3 * SERVERS / large.max(1)),
        )
        .target(format!("≤ 1/{RESOURCES_A_REQUEST} a resource")),
        Row::new(
            format!("{QUOTA} resources of these kinds"),
            format!("{hour} requests, {} times in an hour's {QUOTA}", QUOTA / hour.max(1)),
        )
        .target(format!("≥ {PLANS_AN_HOUR} times")),
        Row::new(
            format!("{FEW} servers with volumes beside {FOREIGN} servers of others"),
            format!("{few} requests"),
        )
        .target(format!("≤ {REQUESTS_AMONG_OTHERS}")),
    ];
    report::targets(&rows, markdown.then_some((MARKS, "plans that find nothing to do")))?;
    let missed = large * RESOURCES_A_REQUEST > 3 * SERVERS
        || hour * PLANS_AN_HOUR > QUOTA
        || few > REQUESTS_AMONG_OTHERS;
    if missed { Err("bench requests: more requests than promised".into()) } else { Ok(()) }
}

/// A project of a local cloud, with a stack that is applied in it.
struct Project<'a> {
    binary: &'a Path,
    cloud: Cloud,
    dir: tempfile::TempDir,
}

impl<'a> Project<'a> {
    fn start(binary: &'a Path) -> Result<Self> {
        let dir = programs::scratch()?;
        fs::write(dir.path().join("main.tf"), STACK)?;
        let cloud = Cloud::start(binary, dir.path(), 0)?;
        Ok(Project { binary, cloud, dir })
    }

    /// Applies the stack with so many servers, and counts the requests of a plan after it.
    fn plan_of(&self, servers: u64) -> Result<u64> {
        say(&format!("{servers} servers with volumes …"))?;
        let servers = format!("-var=servers={servers}");
        let run = |words: &[&str]| programs::local(self.binary, self.dir.path(), words, &[]);
        run(&["apply", "-local", "-auto-approve", "-no-color", &servers])?;
        self.cloud.call("DELETE", "/_emulator/stats", &Value::Null)?;
        run(&["plan", "-local", "-detailed-exitcode", "-no-color", &servers])?;
        let stats = self.cloud.call("GET", "/_emulator/stats", &Value::Null)?;
        stats["total"].as_u64().ok_or_else(|| format!("bench requests: no count in {stats}").into())
    }
}
