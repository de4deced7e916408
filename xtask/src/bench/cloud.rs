//! `cargo xtask bench cloud`: the local cloud with thousands of servers, asked over loopback as clients ask it.
//!
//! One process of `ferroform-cloud` serves the world, without a file and without waiting for actions. This process makes the
//! servers, then asks: pages of the list one after the other, and requests from several connections at once. Both share the
//! computer's processors, so what is measured is what remains beside a client that works as hard.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use wait4::Wait4;

use super::http::Client;
use super::measure::{show_duration, show_memory};
use super::report::{self, Row};
use super::{number, programs};
use crate::{Result, say};

const USAGE: &str = "usage: bench cloud [option…]

  --servers N        servers in the world (10000)
  --seconds N        how long requests are counted (5)
  --binary FILE      the ferroform-cloud to run, instead of building a release
  --markdown         write the table into docs/benchmarks.md";

/// The table in the document lies between these lines.
const MARKS: report::Marks = (
    "<!-- written by `cargo xtask bench cloud --markdown`, do not edit -->",
    "<!-- end of what is written for the cloud -->",
);

const TOKEN: &str = "0123456789012345678901234567890123456789012345678901234567890123";
/// Connections that ask at the same time.
const CONNECTIONS: usize = 4;
/// Every so many servers there is one with a volume.
const VOLUME_EVERY: usize = 10;

/// What is promised.
const PAGE: Duration = Duration::from_millis(5);
const REQUESTS: f64 = 2000.0;
const MEMORY: u64 = 300_000_000;

/// What the command line says.
struct Options {
    servers: usize,
    seconds: usize,
    binary: Option<PathBuf>,
    markdown: bool,
}

impl Options {
    fn parse(args: &[String]) -> Result<Self> {
        let mut options = Options { servers: 10_000, seconds: 5, binary: None, markdown: false };
        let mut words = args.iter();
        while let Some(word) = words.next() {
            let (name, inline) = match word.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (word.as_str(), None),
            };
            let mut value = || {
                let next = inline.clone().or_else(|| words.next().cloned());
                next.ok_or_else(|| format!("bench cloud: {name} needs a value\n{USAGE}"))
            };
            match name {
                "--servers" => options.servers = number(&value()?)?,
                "--seconds" => options.seconds = number(&value()?)?,
                "--binary" => options.binary = Some(PathBuf::from(value()?)),
                "--markdown" => options.markdown = true,
                _ => return Err(format!("bench cloud: unknown option {word}\n{USAGE}").into()),
            }
        }
        Ok(options)
    }
}

/// Runs the command.
///
/// # Errors
/// When the cloud does not start, or answers something with an error.
pub(super) fn run(args: &[String]) -> Result<()> {
    let options = Options::parse(args)?;
    let binary = match &options.binary {
        Some(path) => path.clone(),
        None => programs::build_release_of("ferroform-cloud")?,
    };
    let cloud = Cloud::start(&binary)?;
    let made = Instant::now();
    let world = World::make(&cloud, options.servers)?;
    let making = made.elapsed();
    say(&format!("{} servers made in {}", options.servers, show_duration(making)))?;
    let pages = world.time_pages(&cloud)?;
    let time = Duration::from_secs(options.seconds as u64);
    let reads = world.count(&cloud, time, read)?;
    let mixed = world.count(&cloud, time, mix)?;
    let memory = cloud.finish()?;
    let rate = |count: f64| format!("{count:.0} a second");
    let rows = [
        Row::new("a page of 50 servers, median", show_duration(at(&pages, 50)))
            .target(format!("< {}", show_duration(PAGE))),
        Row::new("a page of 50 servers, 99 of 100", show_duration(at(&pages, 99))),
        Row::new("reads", rate(reads)).target(format!("≥ {}", rate(REQUESTS))),
        Row::new("reads and writes, 4 to 1", rate(mixed)).target(format!("≥ {}", rate(REQUESTS))),
        Row::new("servers created", rate(options.servers as f64 / making.as_secs_f64())),
        Row::new("memory at most", show_memory(memory)).target(format!("< {}", show_memory(MEMORY))),
    ];
    let servers = format!("{} servers", options.servers);
    report::targets(&rows, options.markdown.then_some((MARKS, &servers)))
}

/// The time that so many of 100 do not exceed; the times are in order.
fn at(times: &[Duration], percent: usize) -> Duration {
    let index = (times.len() * percent / 100).min(times.len().saturating_sub(1));
    times.get(index).copied().unwrap_or_default()
}

/// A local cloud that runs.
struct Cloud {
    child: Option<Child>,
    /// What it says; closed, its next word would end it.
    stdout: Option<BufReader<ChildStdout>>,
    address: SocketAddr,
}

impl Cloud {
    fn start(binary: &Path) -> Result<Self> {
        let mut child = Command::new(binary)
            .args(["--no-object-limits", "--rate-limit=0", "--time-scale=0", "--token", TOKEN])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("bench: {}: {error}", binary.display()))?;
        let stdout = child.stdout.take().map(BufReader::new);
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut cloud = Cloud { child: Some(child), stdout, address };
        let mut line = String::new();
        // It says what clients need, and ends its output when it ends itself.
        while let Some(stdout) = &mut cloud.stdout {
            line.clear();
            if stdout.read_line(&mut line)? == 0 {
                break;
            }
            if let Some((_, rest)) = line.split_once("HCLOUD_ENDPOINT=http://") {
                cloud.address = rest.trim_end().trim_end_matches("/v1").parse()?;
                return Ok(cloud);
            }
        }
        Err("bench: the local cloud did not say where it is".into())
    }

    fn client(&self) -> Result<Client> {
        Client::connect(self.address, TOKEN)
    }

    /// Ends it; the most memory that it had, in bytes.
    fn finish(mut self) -> Result<u64> {
        self.client()?.request("POST", "/_emulator/shutdown", "")?;
        let child = self.child.take().ok_or("bench: the local cloud is gone")?;
        Ok(child.wait4()?.rusage.maxrss)
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// What there is to ask for.
struct World {
    servers: Vec<i64>,
    volumes: Vec<i64>,
}

/// One request of many: which connection makes it, which one of that connection it is, and a number that looks random.
struct Turn {
    connection: usize,
    number: u64,
    chance: u64,
}

type Ask = fn(&World, &mut Client, &Turn) -> Result<()>;

impl World {
    fn make(cloud: &Cloud, count: usize) -> Result<Self> {
        let share = |connection: usize| -> Result<(Vec<i64>, Vec<i64>)> {
            let mut client = cloud.client()?;
            let (mut servers, mut volumes) = (Vec::new(), Vec::new());
            for number in (connection..count).step_by(CONNECTIONS) {
                let labels = json!({"role": if number % 2 == 0 { "web" } else { "worker" }, "number": number.to_string()});
                let server = json!({
                    "name": format!("server-{number}"), "server_type": "cx23", "image": "ubuntu-24.04",
                    "location": "fsn1", "labels": labels,
                });
                let id = id(client.request("POST", "/v1/servers", &server.to_string())?, "server")?;
                servers.push(id);
                if number % VOLUME_EVERY == 0 {
                    let volume = json!({"name": format!("volume-{number}"), "size": 10, "server": id});
                    let made = client.request("POST", "/v1/volumes", &volume.to_string())?;
                    volumes.push(self::id(made, "volume")?);
                }
            }
            Ok((servers, volumes))
        };
        let mut world = World { servers: Vec::new(), volumes: Vec::new() };
        for (servers, volumes) in at_once(share)? {
            world.servers.extend(servers);
            world.volumes.extend(volumes);
        }
        Ok(world)
    }

    /// How long pages of the list of servers take, in order: every page twice, one after the other.
    fn time_pages(&self, cloud: &Cloud) -> Result<Vec<Duration>> {
        let mut client = cloud.client()?;
        let mut times = Vec::new();
        for _ in 0..2 {
            for page in 1..=self.servers.len().div_ceil(50) {
                let path = format!("/v1/servers?per_page=50&page={page}");
                let begun = Instant::now();
                client.request("GET", &path, "")?;
                times.push(begun.elapsed());
            }
        }
        times.sort();
        Ok(times)
    }

    /// How many requests a second are answered.
    fn count(&self, cloud: &Cloud, time: Duration, ask: Ask) -> Result<f64> {
        let (total, begun) = (AtomicU64::new(0), Instant::now());
        at_once(|connection| {
            let mut client = cloud.client()?;
            // Any fixed numbers do, as long as the connections have different ones.
            let mut chance = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(connection as u64 + 1);
            let mut number = 0;
            while begun.elapsed() < time {
                chance =
                    chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                ask(self, &mut client, &Turn { connection, number, chance: chance >> 33 })?;
                number += 1;
            }
            total.fetch_add(number, Ordering::Relaxed);
            Ok(())
        })?;
        Ok(total.load(Ordering::Relaxed) as f64 / begun.elapsed().as_secs_f64())
    }

    fn server(&self, turn: &Turn) -> i64 {
        pick(&self.servers, turn.chance)
    }
}

fn pick(ids: &[i64], chance: u64) -> i64 {
    let index = usize::try_from(chance).unwrap_or_default() % ids.len().max(1);
    ids.get(index).copied().unwrap_or_default()
}

/// Single objects by id and by name, and actions, as clients that wait and refresh ask for them.
fn read(world: &World, client: &mut Client, turn: &Turn) -> Result<()> {
    let server = world.server(turn);
    let path = match turn.number % 10 {
        0 => format!("/v1/servers?name=server-{}", turn.chance as usize % world.servers.len().max(1)),
        1 => format!("/v1/volumes/{}", pick(&world.volumes, turn.chance)),
        2 => format!("/v1/primary_ips?per_page=10&page={}", turn.chance % 100 + 1),
        3 => format!("/v1/servers/{server}/actions?per_page=5"),
        4 => "/v1/actions?id=1700000001&id=1700000002".to_owned(),
        _ => format!("/v1/servers/{server}"),
    };
    client.request("GET", &path, "").map(drop)
}

/// Four reads and a write: labels, power, and volumes that come and go.
fn mix(world: &World, client: &mut Client, turn: &Turn) -> Result<()> {
    if turn.number % 5 != 4 {
        return read(world, client, turn);
    }
    let server = world.server(turn);
    match turn.number / 5 % 3 {
        0 => {
            let labels = json!({"labels": {"role": "web", "turn": turn.number.to_string()}});
            client.request("PUT", &format!("/v1/servers/{server}"), &labels.to_string())?;
        }
        1 => {
            let path = format!("/v1/servers/{server}/actions/reboot");
            client.request("POST", &path, "")?;
        }
        _ => {
            let name = format!("passing-{}-{}", turn.connection, turn.number);
            let volume = json!({"name": name, "size": 10, "location": "fsn1"});
            let made = id(client.request("POST", "/v1/volumes", &volume.to_string())?, "volume")?;
            client.request("DELETE", &format!("/v1/volumes/{made}"), "")?;
        }
    }
    Ok(())
}

/// The id of what was made.
fn id(answer: &[u8], kind: &str) -> Result<i64> {
    let answer: Value = serde_json::from_slice(answer)?;
    answer[kind]["id"].as_i64().ok_or_else(|| format!("bench: no {kind} in {answer}").into())
}

/// Does something on every connection at once.
fn at_once<T: Send>(work: impl Fn(usize) -> Result<T> + Sync) -> Result<Vec<T>> {
    let results: Vec<std::result::Result<T, String>> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..CONNECTIONS)
            .map(|connection| {
                let work = &work;
                scope.spawn(move || work(connection).map_err(|error| error.to_string()))
            })
            .collect();
        let gone = |_| Err("bench: a connection's thread failed".to_owned());
        workers.into_iter().map(|worker| worker.join().unwrap_or_else(gone)).collect()
    });
    results.into_iter().map(|result| result.map_err(Into::into)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_times_in_order() {
        let times: Vec<Duration> = (1..=200).map(Duration::from_millis).collect();
        assert_eq!(
            (at(&times, 50), at(&times, 99)),
            (Duration::from_millis(101), Duration::from_millis(199))
        );
        assert_eq!((at(&times[..1], 99), at(&[], 50)), (Duration::from_millis(1), Duration::ZERO));
    }

    #[test]
    fn options_are_read_and_nonsense_is_refused() {
        let words =
            |words: &[&str]| Options::parse(&words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>());
        let parsed =
            words(&["--servers=50", "--seconds", "1", "--binary", "x", "--markdown"]).expect("options");
        assert_eq!((parsed.servers, parsed.seconds, parsed.markdown), (50, 1, true));
        for wrong in [&["--servers"][..], &["--servers", "0"], &["--what"]] {
            assert!(words(wrong).is_err(), "{wrong:?}");
        }
    }
}
