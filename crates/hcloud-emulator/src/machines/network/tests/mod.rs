//! The network as it really is: sockets in the namespaces of machines, no guests. As root, on Linux.

mod firewalls;
mod private;
mod services;
mod worlds;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use rustix::net::{AddressFamily, Protocol, SocketFlags, SocketType};

use super::plan::{GATEWAY, GATEWAY_V6, first, first_v6};
use super::{Network, netns};
use crate::backend::Object;
use crate::backend::scene::{
    Disk, DiskSource, Filter, Machine, Pass, PassProtocol, PrivateLink, Public, Run, Scene, Segment, Size,
};
use crate::machines::site::Site;
use crate::machines::tools;

/// How long to wait for what should not come.
const SILENCE: Duration = Duration::from_millis(300);
/// How long to wait for what should.
const PATIENCE: Duration = Duration::from_secs(15);

/// Whether the test can be run here; says why if not.
#[expect(clippy::print_stderr, reason = "a test that is left out says so")]
fn ready(programs: &[&str]) -> bool {
    let missing = || {
        if !rustix::process::geteuid().is_root() {
            return Some("it needs root".to_owned());
        }
        let found = |program: &&&str| tools::run("sh", &["-c", &format!("command -v {program}")]).is_ok();
        let missing: Vec<_> = programs.iter().filter(|program| !found(program)).copied().collect();
        (!missing.is_empty()).then(|| format!("programs are missing: {}", missing.join(", ")))
    };
    let Some(reason) = missing() else { return true };
    assert!(std::env::var_os("FERROFORM_REQUIRE_MACHINES").is_none(), "machines are required: {reason}");
    eprintln!("skipped: {reason}");
    false
}

/// A world of a test, cleaned up whatever happens.
struct World {
    network: Option<Network>,
    scene: Scene,
    site: Site,
    _folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let folder = tempfile::tempdir().unwrap();
        let id = format!("network test {} {}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let site = Site::new(folder.path(), &id);
        let network = Network::open_with(&site, None).unwrap();
        Self { network: Some(network), scene: Scene::default(), site, _folder: folder }
    }

    fn network(&mut self) -> &mut Network {
        self.network.as_mut().unwrap()
    }

    /// Makes the scene real; nothing may fail.
    fn show(&mut self) {
        self.scene.revision += 1;
        let failures = self.network.as_mut().unwrap().reconcile(&self.scene);
        assert_eq!(failures, BTreeMap::<Object, String>::new());
    }

    fn machine(&mut self, id: i64) -> &mut Machine {
        self.scene.machines.get_mut(&id).unwrap()
    }

    fn namespace(&self, suffix: &str) -> PathBuf {
        self.site.namespace_path(suffix)
    }

    fn ip(&self, suffix: &str, commands: &str) {
        netns::ip(&self.site, suffix, commands).unwrap();
    }

    /// Configures a machine's interfaces as its guest would.
    fn configure(&self, id: i64) {
        let machine = &self.scene.machines[&id];
        let mut text = String::from("link set lo up\n");
        if machine.public.exists() {
            text.push_str("link set eth0 up\n");
        }
        if let Some(v4) = machine.public.v4 {
            let _ = writeln!(text, "address replace {v4}/32 dev eth0");
            let _ = writeln!(text, "route replace {GATEWAY} dev eth0");
            let _ = writeln!(text, "route replace default via {GATEWAY}");
        }
        if let Some(v6) = machine.public.v6 {
            let _ = writeln!(text, "address replace {}/64 dev eth0 nodad", first_v6(v6));
            let _ = writeln!(text, "route replace default via {GATEWAY_V6} dev eth0");
        }
        for (place, link) in machine.links.iter().enumerate() {
            let interface = format!("ens{}", 10 + place);
            let range = self.scene.segments[&link.segment].range;
            let _ = writeln!(text, "link set {interface} up");
            let _ = writeln!(text, "address replace {}/32 dev {interface}", link.address);
            let _ = writeln!(text, "route replace {} dev {interface}", first(range));
            let _ = writeln!(text, "route replace {range} via {}", first(range));
        }
        self.ip(&format!("m{id}"), &text);
    }
}

impl Drop for World {
    fn drop(&mut self) {
        drop(self.network.take());
        let cleaned = Network::clean(&self.site);
        if !std::thread::panicking() {
            cleaned.unwrap();
            assert!(netns::list(&self.site).is_empty());
        }
    }
}

fn a_machine(name: &str, v4: Option<&str>, v6: Option<&str>) -> Machine {
    Machine {
        name: name.into(),
        location: "hel1".into(),
        disk: Disk { written_by: 1, from: DiskSource::System("debian-12".into()) },
        run: Run::On { boot: 1, gracefully: true },
        size: Size { cores: 1, memory_mb: 512, disk_gb: 10 },
        user_data: None,
        ssh_keys: Vec::new(),
        root_password: None,
        public: Public {
            v4: v4.map(|address| address.parse().unwrap()),
            v6: v6.map(|net| net.parse().unwrap()),
            floating: Vec::new(),
        },
        links: Vec::new(),
        volumes: std::collections::BTreeSet::new(),
        filter: None,
        rescue: None,
    }
}

fn a_link(segment: i64, address: &str, number: u8) -> PrivateLink {
    PrivateLink {
        segment,
        address: address.parse().unwrap(),
        aliases: Vec::new(),
        mac: format!("86:00:00:00:{segment:02x}:{number:02x}"),
    }
}

fn a_segment(range: &str) -> Segment {
    Segment {
        name: "nw-test1".into(),
        range: range.parse().unwrap(),
        subnets: vec![range.parse().unwrap()],
        routes: Vec::new(),
    }
}

fn pass(protocol: PassProtocol, peers: &[&str]) -> Pass {
    Pass { protocol, peers: peers.iter().map(|net| net.parse().unwrap()).collect() }
}

fn tcp(port: u16, peers: &[&str]) -> Pass {
    pass(PassProtocol::Tcp(port..=port), peers)
}

fn inbound(rules: Vec<Pass>) -> Option<Filter> {
    Some(Filter { inbound: rules, outbound: None })
}

fn ip_of(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// Answers every connection in a namespace with the address it came from, and repeats what it is told.
struct Server(Arc<AtomicBool>);

impl Server {
    fn start(namespace: &Path, port: u16) -> Self {
        let listener =
            netns::inside(namespace, || TcpListener::bind((std::net::Ipv6Addr::UNSPECIFIED, port)).unwrap())
                .unwrap();
        let ended = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&ended);
        listener.set_nonblocking(true).unwrap();
        std::thread::spawn(move || {
            while !seen.load(Ordering::Relaxed) {
                let Ok((mut stream, peer)) = listener.accept() else {
                    std::thread::sleep(Duration::from_millis(2));
                    continue;
                };
                std::thread::spawn(move || {
                    stream.set_nonblocking(false).unwrap();
                    let _ = writeln!(stream, "{}", peer.ip().to_canonical());
                    let mut buffer = [0; 64];
                    while let Ok(count @ 1..) = stream.read(&mut buffer) {
                        if stream.write_all(&buffer[..count]).is_err() {
                            break;
                        }
                    }
                });
            }
        });
        Self(ended)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Connects to a [`Server`]; gives the address that it saw.
fn connect(namespace: &Path, address: &str, port: u16, patience: Duration) -> Option<(TcpStream, IpAddr)> {
    let address = SocketAddr::new(ip_of(address), port);
    netns::inside(namespace, || {
        let mut stream = TcpStream::connect_timeout(&address, patience).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut seen = String::new();
        let mut byte = [0];
        while stream.read_exact(&mut byte).is_ok() && byte != *b"\n" {
            seen.push(char::from(byte[0]));
        }
        Some((stream, seen.parse().ok()?))
    })
    .unwrap()
}

#[track_caller]
fn reaches(namespace: &Path, address: &str, port: u16) -> IpAddr {
    let Some((_, seen)) = connect(namespace, address, port, PATIENCE) else {
        panic!("{} does not reach {address} port {port}", namespace.display());
    };
    seen
}

#[track_caller]
fn does_not_reach(namespace: &Path, address: &str, port: u16) {
    let reached = connect(namespace, address, port, SILENCE).is_some();
    assert!(!reached, "{} reaches {address} port {port}", namespace.display());
}

/// A socket for packets of a protocol.
fn raw(namespace: &Path, protocol: Protocol, family: AddressFamily) -> UdpSocket {
    let socket = netns::inside(namespace, || {
        rustix::net::socket_with(family, SocketType::RAW, SocketFlags::CLOEXEC, Some(protocol)).unwrap()
    })
    .unwrap();
    UdpSocket::from(socket)
}

/// Whether a packet of a protocol passes between namespaces.
fn packet_passes(from: &Path, to: &Path, protocol: Protocol, address: &str) -> bool {
    let address = ip_of(address);
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let receiver = raw(to, protocol, family);
    receiver.set_read_timeout(Some(SILENCE / 3)).unwrap();
    // An echo request to either ICMP (their numbers differ); to others just bytes. Its last 8 tell it.
    let kind = if address.is_ipv4() { 8 } else { 128 };
    // A conversation of its own, lest it be taken for the continuation of an earlier one.
    static COUNT: AtomicU64 = AtomicU64::new(1);
    let [.., high, low] = COUNT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    let mut packet = vec![kind, 0, 0, 0, high, low, 0, 1];
    packet.extend_from_slice(b"ferro   ");
    let sum: u32 = packet.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
    let sum = !u16::try_from((sum & 0xffff) + (sum >> 16)).unwrap();
    packet[2..4].copy_from_slice(&sum.to_be_bytes());
    let sender = raw(from, protocol, family);
    for _ in 0..3 {
        if sender.send_to(&packet, SocketAddr::new(address, 0)).is_err() {
            return false;
        }
        let mut buffer = [0; 256];
        while let Ok(count) = receiver.recv(&mut buffer) {
            if buffer[..count].ends_with(b"ferro   ") {
                return true;
            }
        }
    }
    false
}

/// Asks by HTTP; gives the status and the body.
fn http(namespace: &Path, address: &str, port: u16, request: &str) -> (u16, String) {
    let address: SocketAddr = format!("{address}:{port}").parse().unwrap();
    let answer = netns::inside(namespace, || {
        let mut stream = TcpStream::connect_timeout(&address, PATIENCE).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(stream, "{request} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    })
    .unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    if !head.to_ascii_lowercase().contains("transfer-encoding: chunked") {
        return (status, body.to_owned());
    }
    let (mut rest, mut whole) = (body, String::new());
    while let Some((size, more)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        whole.push_str(&more[..size]);
        rest = &more[size + 2..];
        if size == 0 {
            break;
        }
    }
    (status, whole)
}

/// The host's own network, which nothing may change.
fn of_the_host() -> String {
    let show = |program: &str, arguments: &[&str]| tools::run(program, arguments).unwrap();
    [
        show("ip", &["-oneline", "link"]),
        show("ip", &["-oneline", "address"]),
        show("ip", &["route", "show", "table", "all"]),
        show("ip", &["-6", "route", "show", "table", "all"]),
        show("ip", &["rule"]),
        show("nft", &["list", "ruleset"]),
        std::fs::read_to_string("/proc/sys/net/ipv4/ip_forward").unwrap(),
    ]
    .concat()
}

fn v4(text: &str) -> Ipv4Addr {
    text.parse().unwrap()
}
