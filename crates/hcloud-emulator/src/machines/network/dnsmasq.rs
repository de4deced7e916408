//! dnsmasq: gives addresses by DHCP in each namespace that machines have links in, and answers for names in the
//! internet. It has no servers to ask, so that it knows the names of its world and no others.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

use super::super::site::Site;
use super::super::tools::ToolError;
use super::netns;
use super::plan::{GATEWAY, Lease, METADATA, PRIVATE_MTU, RESOLVERS, SegmentPlan};

/// The name of the program.
pub(super) const PROGRAM: &str = "dnsmasq";

/// How long one may take to start.
const PATIENCE: Duration = Duration::from_secs(10);

/// A running dnsmasq.
#[derive(Debug)]
pub(super) struct Dnsmasq {
    child: Child,
    namespace: PathBuf,
    files: Files,
    config: String,
    leases: String,
    names: String,
}

#[derive(Debug)]
struct Files {
    config: PathBuf,
    leases: PathBuf,
    names: PathBuf,
    log: PathBuf,
    /// Where it notes what it gave to whom.
    given: PathBuf,
}

impl Dnsmasq {
    /// Starts one in a namespace.
    pub(super) fn start(
        site: &Site,
        suffix: &str,
        service: &str,
        leases: String,
        names: String,
    ) -> Result<Self, ToolError> {
        let folder = site.folder("network").map_err(ToolError::file("making the folder of the network"))?;
        let file = |kind: &str| folder.join(format!("{suffix}.{kind}"));
        let files = Files {
            config: file("conf"),
            leases: file("hosts"),
            names: file("names"),
            log: file("log"),
            given: file("leases"),
        };
        // Without privileges it could not read the folder again; it is in a namespace without ways out.
        let config = format!(
            "user=root\nkeep-in-foreground\npid-file=\nno-resolv\nno-hosts\nno-poll\n\
             addn-hosts={names}\naddress=/#/\nlocal-ttl=1\n\
             dhcp-hostsfile={leases}\ndhcp-leasefile={given}\n\
             dhcp-authoritative\nno-ping\nquiet-dhcp\nlog-facility={log}\n{service}",
            names = files.names.display(),
            leases = files.leases.display(),
            log = files.log.display(),
            given = files.given.display(),
        );
        write(&files.config, &config)?;
        write(&files.leases, &leases)?;
        write(&files.names, &names)?;
        let namespace = site.namespace_path(suffix);
        let child = spawn(&namespace, &files)?;
        Ok(Self { child, namespace, files, config: service.to_owned(), leases, names })
    }

    /// Whether it was started for this service.
    pub(super) fn serves(&self, service: &str) -> bool {
        self.config == service
    }

    /// Whether it runs.
    pub(super) fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Starts it again if it has ended, and tells it what it did not know yet.
    pub(super) fn keep(&mut self, leases: String, names: String) -> Result<(), ToolError> {
        let changed = leases != self.leases || names != self.names;
        // It would go on to keep an address for one who had it, and not give it to anybody else.
        let taken_away = self.leases.lines().any(|old| leases.lines().all(|new| new != old));
        if changed {
            write(&self.files.leases, &leases)?;
            write(&self.files.names, &names)?;
            (self.leases, self.names) = (leases, names);
        }
        if taken_away || !self.is_alive() {
            self.end();
            self.child = spawn(&self.namespace, &self.files)?;
        } else if changed {
            self.read_again();
        }
        Ok(())
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Has the files read again.
    fn read_again(&self) {
        if let Ok(Some(pid)) = i32::try_from(self.child.id()).map(Pid::from_raw) {
            let _ = rustix::process::kill_process(pid, Signal::HUP);
        }
    }
}

impl Drop for Dnsmasq {
    fn drop(&mut self) {
        self.end();
    }
}

/// Starts the program and waits until it is ready: before, it would miss what it is told.
fn spawn(namespace: &Path, files: &Files) -> Result<Child, ToolError> {
    write(&files.log, "")?;
    // Those who have an address are known by the leases; `dhcp-authoritative` lets them keep it.
    let _ = std::fs::remove_file(&files.given);
    let mut child = netns::inside(namespace, || {
        Command::new(PROGRAM)
            .arg(format!("--conf-file={}", files.config.display()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|source| ToolError::Start { program: PROGRAM.into(), source })
    })??;
    let until = Instant::now() + PATIENCE;
    let is_ready = || std::fs::read_to_string(&files.log).is_ok_and(|log| log.contains("started"));
    while !is_ready() {
        let ended = matches!(child.try_wait(), Ok(Some(_)));
        if ended || Instant::now() > until {
            let _ = child.kill();
            let output =
                child.wait_with_output().map_err(ToolError::file(format!("waiting for {PROGRAM}")))?;
            let log = std::fs::read_to_string(&files.log).unwrap_or_default();
            let said =
                [String::from_utf8_lossy(&output.stderr).trim(), log.trim()].join("\n").trim().to_owned();
            let command = format!("{PROGRAM} --conf-file={}", files.config.display());
            return Err(ToolError::Failed { command, said });
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    Ok(child)
}

fn write(path: &Path, text: &str) -> Result<(), ToolError> {
    std::fs::write(path, text).map_err(ToolError::file(format!("writing {}", path.display())))
}

/// What machines get on their public links: the address with no neighbours, and the way to the gateway and on.
pub(super) fn internet() -> String {
    let [one, other] = RESOLVERS;
    // dnsmasq wants a range that both the address given and the link's own (172.31.1.1) are in; every address is in
    // some half of all, and those that are given here in the upper one.
    format!(
        "dhcp-range=128.0.0.0,static,128.0.0.0,24h\n\
         dhcp-option=option:netmask,255.255.255.255\n\
         dhcp-option=option:router,{GATEWAY}\n\
         dhcp-option=option:dns-server,{one},{other}\n\
         dhcp-option=121,{GATEWAY}/32,0.0.0.0,0.0.0.0/0,{GATEWAY}\n"
    )
}

/// What machines get on their link to a private network: everything in its range is reached by the gateway.
pub(super) fn segment(segment: &SegmentPlan) -> String {
    let SegmentPlan { range, gateway, leases } = segment;
    // Not by tags in the file of leases: when it reads that again, dnsmasq 2.90 frees those of hosts that have a
    // lease, and crashes.
    let alone = leases.iter().filter(|lease| lease.alone).fold(String::new(), |mut text, lease| {
        let _ = writeln!(text, "dhcp-mac=set:alone,{}", lease.mac);
        text
    });
    format!(
        "port=0\n\
         dhcp-range={network},static,{mask},24h\n\
         dhcp-option=option:netmask,255.255.255.255\n\
         dhcp-option=option:router\n\
         dhcp-option=option:dns-server\n\
         dhcp-option=option:mtu,{PRIVATE_MTU}\n\
         dhcp-option=tag:!alone,121,{gateway}/32,0.0.0.0,{range},{gateway}\n\
         dhcp-option=tag:alone,121,{gateway}/32,0.0.0.0,{range},{gateway},{METADATA}/32,{gateway}\n{alone}",
        network = range.network(),
        mask = range.netmask(),
    )
}

/// The file of who gets which address.
pub(super) fn leases(leases: &[Lease]) -> String {
    leases.iter().fold(String::new(), |mut text, lease| {
        let _ = writeln!(text, "{},{}", lease.mac, lease.address);
        text
    })
}

/// The file of names. The first name of an address is the one that it has in reverse.
pub(super) fn names(names: &[(IpAddr, String)]) -> String {
    let speakable = |name: &str| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_'))
    };
    names.iter().fold(String::new(), |mut text, (address, name)| {
        let name = name.trim_end_matches('.');
        if speakable(name) {
            let _ = writeln!(text, "{address} {name}");
        }
        text
    })
}
