//! What a running local cloud tells beside its API, and takes: its control interface.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use ferroform_core::Diagnostic;
use ferroform_hcloud_emulator::{Fault, MachineKind};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Owner;

/// How long a request may take. Adding a host waits for what is being done to the network.
const LIMIT: Duration = Duration::from_secs(60);
/// The same for what is asked often.
const SHORT_LIMIT: Duration = Duration::from_secs(5);

/// A machine.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
pub(crate) struct Machine {
    pub id: i64,
    pub name: String,
    /// The status of the server.
    pub status: String,
    /// `on`, `off` or `gone`.
    pub wanted: String,
    /// Whether the machine is as it is wanted: `reached`, `pending` or `failed`.
    pub standing: String,
    pub problem: Option<String>,
    pub ipv4: Option<IpAddr>,
    pub ipv6: Option<IpAddr>,
    pub private: Vec<Private>,
    /// The file of its network namespace.
    pub namespace: Option<PathBuf>,
    /// Its first process.
    pub leader: Option<u32>,
}

/// An address in a private network.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
pub(crate) struct Private {
    pub network: i64,
    pub ip: IpAddr,
}

/// Everything that is real.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
pub(crate) struct Machines {
    pub machines: Vec<Machine>,
    pub problems: Vec<Problem>,
    /// Whether nothing is under way.
    pub settled: bool,
}

/// What cannot be made real, beside machines.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
pub(crate) struct Problem {
    #[serde(rename = "type")]
    pub kind: String,
    pub id: i64,
    pub problem: String,
}

/// A machine's first boot.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct FirstBoot {
    /// Whether the machine runs.
    pub running: bool,
    pub cloud_init: Option<CloudInit>,
}

/// What cloud-init says.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct CloudInit {
    /// `not_started`, `running`, `done` or `error`.
    pub status: String,
    pub errors: Vec<String>,
    /// The end of its log.
    pub log: String,
}

/// A host that was added.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
pub(crate) struct Host {
    pub name: String,
    pub addresses: Vec<IpAddr>,
    /// The file of its network namespace.
    pub namespace: PathBuf,
}

/// The control interface of a running cloud.
#[derive(Debug, Clone)]
pub(crate) struct Control {
    owner: Owner,
}

impl Control {
    pub(crate) fn new(owner: &Owner) -> Self {
        Control { owner: owner.clone() }
    }

    /// Whether its machines are virtual ones, which cannot be looked into from outside.
    pub(crate) fn is_virtual(&self) -> bool {
        self.owner.machines.as_ref().is_some_and(|machines| machines.kind() == MachineKind::Qemu)
    }

    fn call<T: for<'de> Deserialize<'de>>(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<T, Diagnostic> {
        let answer = send(&self.owner, method, &format!("/_emulator/{path}"), body, LIMIT);
        let (status, text) = answer.map_err(|error| failed(&format!("it does not answer: {error}")))?;
        if !(200..300).contains(&status) {
            let told: Value = serde_json::from_str(&text).unwrap_or_default();
            let message = told["error"]["message"].as_str().unwrap_or("it gave no reason").to_owned();
            return Err(Diagnostic::error("Local cloud refuses")
                .detail(format!("The local cloud does not do that: {}.", message.trim_end_matches('.'))));
        }
        serde_json::from_str(&text).map_err(|error| failed(&format!("its answer is not understood: {error}")))
    }

    /// Everything that is real.
    pub(crate) fn machines(&self) -> Result<Machines, Diagnostic> {
        self.call("GET", "machines", None)
    }

    /// The machine of that name, or with that id.
    pub(crate) fn machine(&self, name: &str) -> Result<Machine, Diagnostic> {
        let machines = self.machines()?.machines;
        find(&machines, name).cloned().ok_or_else(|| unknown_machine(name, &machines))
    }

    pub(crate) fn console(&self, id: i64) -> Result<String, Diagnostic> {
        let told: Value = self.call("GET", &format!("servers/{id}/console"), None)?;
        Ok(told["console"].as_str().unwrap_or_default().to_owned())
    }

    pub(crate) fn first_boot(&self, id: i64) -> Result<FirstBoot, Diagnostic> {
        self.call("GET", &format!("servers/{id}/first_boot"), None)
    }

    /// Lets these things go wrong, instead of what did so far.
    pub(crate) fn replace_faults(&self, faults: &[Fault]) -> Result<(), Diagnostic> {
        self.call::<Value>("PUT", "faults", Some(&json!({"faults": faults}))).map(drop)
    }

    pub(crate) fn hosts(&self) -> Result<Vec<Host>, Diagnostic> {
        #[derive(Deserialize)]
        struct Hosts {
            hosts: Vec<Host>,
        }
        self.call::<Hosts>("GET", "hosts", None).map(|told| told.hosts)
    }

    pub(crate) fn add_host(&self, name: Option<&str>, addresses: &[IpAddr]) -> Result<Host, Diagnostic> {
        #[derive(Deserialize)]
        struct Added {
            host: Host,
        }
        let body = match name {
            Some(name) => json!({"name": name, "addresses": addresses}),
            None => json!({"addresses": addresses}),
        };
        self.call::<Added>("POST", "hosts", Some(&body)).map(|told| told.host)
    }

    pub(crate) fn remove_host(&self, name: &str) -> Result<(), Diagnostic> {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if name.is_empty() || !name.chars().all(plain) {
            return Err(Diagnostic::error("No such host").detail(format!("There is no host {name:?}.")));
        }
        self.call::<Value>("DELETE", &format!("hosts/{name}"), None).map(drop)
    }

    /// Waits until nothing is under way. That it takes too long is no error: what is under way is seen in the API.
    pub(crate) fn wait_until_settled(&self, limit: Duration) -> Result<(), Diagnostic> {
        let begun = Instant::now();
        while !self.machines()?.settled && begun.elapsed() < limit {
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }
}

/// The machine of that name, or with that id.
pub(crate) fn find<'m>(machines: &'m [Machine], name: &str) -> Option<&'m Machine> {
    machines
        .iter()
        .find(|machine| machine.name == name)
        .or_else(|| machines.iter().find(|machine| name.parse() == Ok(machine.id)))
}

/// That there is no such machine, and which there are.
pub(crate) fn unknown_machine(name: &str, machines: &[Machine]) -> Diagnostic {
    let names: Vec<&str> = machines.iter().map(|machine| machine.name.as_str()).collect();
    let there_are = match names.as_slice() {
        [] => "There are no machines at all.".to_owned(),
        names => format!("There are: {}.", names.join(", ")),
    };
    Diagnostic::error("No such machine")
        .detail(format!("The local cloud of this directory has no machine {name:?}. {there_are}"))
}

fn failed(why: &str) -> Diagnostic {
    Diagnostic::error("Local cloud not available").detail(format!("The local cloud cannot be used: {why}."))
}

/// A request to the control interface, without a body, that must succeed.
pub(crate) fn request(owner: &Owner, method: &str, path: &str) -> std::io::Result<String> {
    let (status, body) = send(owner, method, path, None, SHORT_LIMIT)?;
    if (200..300).contains(&status) { Ok(body) } else { Err(invalid(&format!("it answered {status}"))) }
}

fn invalid(why: &str) -> std::io::Error {
    std::io::Error::new(std::io::ErrorKind::InvalidData, why.to_owned())
}

/// A request to the control interface: status and body of the answer. Blocking, on loopback only, bounded in time.
fn send(
    owner: &Owner,
    method: &str,
    path: &str,
    body: Option<&Value>,
    limit: Duration,
) -> std::io::Result<(u16, String)> {
    let host = owner.endpoint.strip_prefix("http://").and_then(|rest| rest.split('/').next());
    let address: SocketAddr =
        host.and_then(|h| h.parse().ok()).ok_or_else(|| invalid("no loopback address"))?;
    if !address.ip().is_loopback() {
        return Err(invalid("no loopback address"));
    }
    let body = body.map(Value::to_string).unwrap_or_default();
    let mut stream = TcpStream::connect_timeout(&address, SHORT_LIMIT)?;
    stream.set_read_timeout(Some(limit))?;
    stream.set_write_timeout(Some(SHORT_LIMIT))?;
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        owner.token,
        body.len()
    )?;
    let mut answer = Vec::new();
    stream.take(16 << 20).read_to_end(&mut answer)?;
    let answer = String::from_utf8(answer).map_err(|_| invalid("the answer is no text"))?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(|| invalid("no answer"))?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    Ok((status.ok_or_else(|| invalid("the answer has no status"))?, body.to_owned()))
}
