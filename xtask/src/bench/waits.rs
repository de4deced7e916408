//! `cargo xtask bench waits`: nornos production is applied on the local cloud in real time, and its wall time is held against
//! the critical path: the longest chain of objects that must come one after the other, each as long as the cloud worked on it.
//!
//! What must come after what is read from the dependencies that the state records, which are those of the configuration. How
//! long an object takes is the time for which actions on it went on in the cloud; pauses between them, which are the
//! program's doing, count for nothing. So the critical path is what no program could beat.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::measure::show_duration;
use super::programs;
use super::report::{self, Row};
use crate::local_cloud::{Cloud, LOCAL_DIR};
use crate::{Result, say, stacks, workspace_root};

const USAGE: &str = "usage: bench waits [option…]

  --binary FILE      the ferroform to run, instead of building a release
  --require SHARE    fail where less than this share of what is promised is reached, such as 0.85
  --markdown         write the table into docs/benchmarks.md";

/// The table in the document lies between these lines.
const MARKS: report::Marks = (
    "<!-- written by `cargo xtask bench waits --markdown`, do not edit -->",
    "<!-- end of what is written for waits -->",
);

const STACK: &str = "stacks/nornos/environments/production";
/// Nobody has the private half of it.
const PUBLIC_KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ6dnOsCqGlrRBn2RgVPSqQTKmzC0t1mYnnJxVTGMTcH bench";

/// What is promised: wall time over critical path, and seconds of waiting for each request that polls.
const MOST_RATIO: f64 = 1.15;
const LEAST_PAUSE: f64 = 2.0;

/// Runs the command.
///
/// # Errors
/// When the stack cannot be applied, or less is reached than `--require` asks for.
pub(super) fn run(args: &[String]) -> Result<()> {
    let (mut binary, mut require, mut markdown) = (None, None, false);
    let mut words = args.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--binary" => binary = Some(PathBuf::from(words.next().ok_or(USAGE)?)),
            "--require" => require = Some(words.next().ok_or(USAGE)?.parse::<f64>()?),
            "--markdown" => markdown = true,
            _ => return Err(format!("bench waits: unknown option {word}\n{USAGE}").into()),
        }
    }
    let binary = programs::ferroform(binary.as_deref())?;
    let measured = measure(&binary)?;
    let rows = [
        Row::new("objects", measured.objects.to_string()),
        Row::new("critical path", show_duration(measured.critical.length)),
        Row::new("wall time of the whole program", show_duration(measured.wall)),
        Row::new("of the critical path", format!("{:.2}", measured.ratio()))
            .target(format!("≤ {MOST_RATIO}")),
        Row::new("requests that poll", measured.polls.to_string()),
        Row::new("waiting for each of them", format!("{:.1} s", measured.pause()))
            .target(format!("≥ {LEAST_PAUSE:.1} s")),
        Row::new("all requests", per_object(measured.requests, measured.objects)),
        Row::new("requests of a plan after it", per_object(measured.refresh, measured.objects)),
    ];
    say(&format!("the critical path: {}", measured.critical.names.join(", ")))?;
    report::targets(&rows, markdown.then_some((MARKS, STACK)))?;
    match require {
        Some(share) if measured.ratio() * share > MOST_RATIO || measured.pause() < LEAST_PAUSE * share => {
            Err(format!("bench waits: less than {share} of what is promised").into())
        }
        _ => Ok(()),
    }
}

/// Requests, and what part of one that is for each object.
fn per_object(requests: u64, objects: usize) -> String {
    format!("{requests}, {:.2} an object", requests as f64 / objects as f64)
}

/// What an apply came to.
struct Measured {
    wall: Duration,
    critical: Chain,
    objects: usize,
    polls: u64,
    requests: u64,
    /// Those of a plan that finds nothing to do.
    refresh: u64,
    /// For how long any action went on.
    waited: Duration,
}

impl Measured {
    fn ratio(&self) -> f64 {
        self.wall.as_secs_f64() / self.critical.length.as_secs_f64()
    }

    /// Seconds of waiting for each request that polls.
    fn pause(&self) -> f64 {
        self.waited.as_secs_f64() / self.polls.max(1) as f64
    }
}

fn measure(binary: &Path) -> Result<Measured> {
    let dir = programs::scratch()?;
    for part in ["modules", "stacks/nornos"] {
        stacks::copy(&workspace_root().join(part), &dir.path().join(part))?;
    }
    let stack = dir.path().join(STACK);
    let cloud = Cloud::start(binary, &stack, 1)?;
    let run =
        |words: &[&str]| programs::local(binary, &stack, words, &[("TF_VAR_ssh_public_key", PUBLIC_KEY)]);
    let begun = Instant::now();
    run(&["apply", "-local", "-auto-approve", "-no-color"])?;
    let wall = begun.elapsed();
    let stats = cloud.call("GET", "/_emulator/stats", &Value::Null)?;
    let work = Work::read(&cloud.call("GET", "/_emulator/snapshot", &Value::Null)?);
    let state: Value = serde_json::from_slice(&fs::read(stack.join(LOCAL_DIR).join("terraform.tfstate"))?)?;
    let resources = Resource::read_all(&state, &work);
    cloud.call("DELETE", "/_emulator/stats", &Value::Null)?;
    run(&["plan", "-local", "-detailed-exitcode", "-no-color"])?;
    let refresh = cloud.call("GET", "/_emulator/stats", &Value::Null)?["total"].as_u64().unwrap_or_default();
    Ok(Measured {
        wall,
        critical: critical_path(&resources)?,
        objects: resources.iter().map(|resource| resource.instances).sum(),
        polls: stats["routes"]["GET /actions"].as_u64().unwrap_or_default(),
        requests: stats["total"].as_u64().unwrap_or_default(),
        refresh,
        waited: covered(work.0.iter().map(|action| action.time).collect()),
    })
}

/// From when to when something went on, in milliseconds.
type Span = (i64, i64);

/// How long at least one of them went on.
fn covered(mut spans: Vec<Span>) -> Duration {
    spans.sort_unstable();
    let (mut total, mut end) = (0, i64::MIN);
    for (from, to) in spans {
        total += (to - from.max(end)).max(0);
        end = end.max(to);
    }
    Duration::from_millis(u64::try_from(total).unwrap_or_default())
}

/// Something that the cloud worked on.
struct Action {
    command: String,
    time: Span,
    /// Kinds and ids of what it is about.
    about: Vec<(String, i64)>,
}

/// All that the cloud did.
struct Work(Vec<Action>);

impl Work {
    fn read(snapshot: &Value) -> Self {
        let projects = snapshot["world"]["projects"].as_object().into_iter().flatten();
        let actions = projects.flat_map(|(_, project)| project["actions"].as_array().into_iter().flatten());
        let read = |action: &Value| Action {
            command: action["command"].as_str().unwrap_or_default().to_owned(),
            time: (
                action["begins"].as_i64().unwrap_or_default(),
                action["finishes"].as_i64().unwrap_or_default(),
            ),
            about: action["resources"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|one| {
                    (
                        one["kind"].as_str().unwrap_or_default().to_owned(),
                        one["id"].as_i64().unwrap_or_default(),
                    )
                })
                .collect(),
        };
        Work(actions.map(read).collect())
    }

    /// When these commands went on for an object.
    fn of(&self, kind: &str, id: i64, commands: &[&str]) -> Vec<Span> {
        let fits = |action: &&Action| {
            commands.contains(&action.command.as_str()) && action.about.contains(&(kind.to_owned(), id))
        };
        self.0.iter().filter(fits).map(|action| action.time).collect()
    }
}

/// A block of configuration with all its instances, which what needs it waits for together.
struct Resource {
    name: String,
    needs: Vec<String>,
    instances: usize,
    /// How long the cloud worked on the one that took longest.
    time: Duration,
}

impl Resource {
    fn read_all(state: &Value, work: &Work) -> Vec<Self> {
        let managed = state["resources"].as_array().into_iter().flatten().filter(|r| r["mode"] == "managed");
        let read = |resource: &Value| {
            let kind = resource["type"].as_str().unwrap_or_default();
            let module = resource["module"].as_str().map(|module| format!("{}.", without_keys(module)));
            let name = resource["name"].as_str().unwrap_or_default();
            let instances = resource["instances"].as_array().cloned().unwrap_or_default();
            let needs = instances.iter().flat_map(|i| i["dependencies"].as_array().into_iter().flatten());
            Resource {
                name: format!("{}{kind}.{name}", module.unwrap_or_default()),
                needs: needs.filter_map(Value::as_str).map(str::to_owned).collect(),
                instances: instances.len(),
                time: instances.iter().map(|i| time(kind, &i["attributes"], work)).max().unwrap_or_default(),
            }
        };
        managed.map(read).collect()
    }
}

/// The address of a module without the keys of its instances.
fn without_keys(module: &str) -> String {
    let mut text = String::new();
    let mut depth = 0;
    for c in module.chars() {
        match c {
            '[' => depth += 1,
            ']' => depth -= 1,
            _ if depth == 0 => text.push(c),
            _ => {}
        }
    }
    text
}

/// How long the cloud worked on an object.
fn time(kind: &str, attributes: &Value, work: &Work) -> Duration {
    let id = |name: &str| {
        let value = &attributes[name];
        value.as_i64().or_else(|| value.as_str()?.parse().ok()).unwrap_or_default()
    };
    // Where one object has several of a kind, such as a load balancer its services, nothing tells them apart; each takes
    // as long as the others.
    let one = |spans: Vec<Span>| {
        covered(spans.into_iter().max_by_key(|(from, to)| to - from).into_iter().collect())
    };
    match kind {
        "hcloud_server" => covered(work.of(
            "server",
            id("id"),
            &["create_server", "start_server", "attach_to_network", "apply_firewall"],
        )),
        "hcloud_volume" => covered(work.of("volume", id("id"), &["create_volume"])),
        "hcloud_volume_attachment" => covered(work.of("volume", id("volume_id"), &["attach_volume"])),
        "hcloud_load_balancer" => covered(work.of("load_balancer", id("id"), &["create_load_balancer"])),
        "hcloud_load_balancer_network" => covered(work.of(
            "load_balancer",
            id("load_balancer_id"),
            &["attach_to_network", "disable_public_interface"],
        )),
        "hcloud_load_balancer_service" => {
            one(work.of("load_balancer", id("load_balancer_id"), &["add_service"]))
        }
        "hcloud_load_balancer_target" => {
            one(work.of("load_balancer", id("load_balancer_id"), &["add_target"]))
        }
        // A network is locked while it changes: its subnets and routes come one after the other, whoever makes them.
        "hcloud_network_subnet" => covered(work.of("network", id("network_id"), &["add_subnet"])),
        "hcloud_network_route" => covered(work.of("network", id("network_id"), &["add_route"])),
        _ => Duration::ZERO,
    }
}

/// The longest chain.
struct Chain {
    length: Duration,
    names: Vec<String>,
}

fn critical_path(resources: &[Resource]) -> Result<Chain> {
    let by_name: BTreeMap<&str, &Resource> = resources.iter().map(|r| (r.name.as_str(), r)).collect();
    let mut ends: BTreeMap<&str, (Duration, Option<&str>)> = BTreeMap::new();
    // Each round settles at least one resource, unless they need each other.
    while ends.len() < by_name.len() {
        let before = ends.len();
        for (name, resource) in &by_name {
            let needs: Vec<&str> =
                resource.needs.iter().map(String::as_str).filter(|need| by_name.contains_key(need)).collect();
            if ends.contains_key(name) || !needs.iter().all(|need| ends.contains_key(need)) {
                continue;
            }
            let last = needs.into_iter().max_by_key(|need| ends[need].0);
            let begins = last.map_or(Duration::ZERO, |last| ends[last].0);
            ends.insert(name, (begins + resource.time, last));
        }
        if ends.len() == before {
            return Err("bench waits: the state has resources that need each other".into());
        }
    }
    let last = ends.iter().max_by_key(|(_, (end, _))| *end).map(|(name, (end, _))| (*name, *end));
    let (name, length) = last.ok_or("bench waits: the state is empty")?;
    let chain = std::iter::successors(Some(name), |name| ends[name].1);
    let mut names: Vec<String> = chain
        .map(|name| by_name[name])
        .filter(|resource| !resource.time.is_zero())
        .map(|resource| format!("{} {}", resource.name, show_duration(resource.time)))
        .collect();
    names.reverse();
    Ok(Chain { length, names })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_that_several_share_counts_once_and_pauses_do_not_count() {
        let covered = |spans: &[Span]| covered(spans.to_vec()).as_millis();
        assert_eq!(covered(&[(0, 10), (5, 12), (20, 30)]), 22);
        assert_eq!(covered(&[(20, 30), (0, 40), (3, 4)]), 40);
        assert_eq!(covered(&[]), 0);
    }

    #[test]
    fn the_longest_chain_is_found_through_what_takes_no_time() {
        let resource = |name: &str, needs: &[&str], seconds| Resource {
            name: name.to_owned(),
            needs: needs.iter().map(|need| (*need).to_owned()).collect(),
            instances: 1,
            time: Duration::from_secs(seconds),
        };
        let all = [
            resource("d", &["c", "a"], 2),
            resource("c", &["b", "gone"], 0),
            resource("b", &[], 5),
            resource("a", &[], 6),
            resource("e", &["a"], 0),
        ];
        let path = critical_path(&all).unwrap();
        assert_eq!((path.length, path.names.len()), (Duration::from_secs(8), 2), "{:?}", path.names);
        assert!(critical_path(&[resource("x", &["y"], 1), resource("y", &["x"], 1)]).is_err());
    }

    #[test]
    fn keys_of_modules_are_no_part_of_what_configuration_calls_them() {
        assert_eq!(without_keys("module.a[0].module.b[\"x.y\"]"), "module.a.module.b");
    }
}
