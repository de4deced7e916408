//! A scene: everything that should really exist behind a world, as plain data. Objects of all projects are in one
//! scene, since their ids are different.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// What a backend can be asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Object {
    Machine(i64),
    Volume(i64),
    Segment(i64),
    Balancer(i64),
    Snapshot(i64),
    /// Everything else: names, addresses that nobody has.
    Rest,
}

/// Everything that should exist.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scene {
    /// Counts scenes, from 1 at each start.
    pub(crate) revision: u64,
    /// Servers, by id.
    pub(crate) machines: BTreeMap<i64, Machine>,
    /// Volumes, by id.
    pub(crate) volumes: BTreeMap<i64, Volume>,
    /// Networks, by id.
    pub(crate) segments: BTreeMap<i64, Segment>,
    /// Load balancers, by id.
    pub(crate) balancers: BTreeMap<i64, Balancer>,
    /// Snapshots and backups, by the id of the image.
    pub(crate) snapshots: BTreeMap<i64, Snapshot>,
    /// Reverse DNS: a name for each address.
    pub(crate) names: BTreeMap<IpAddr, String>,
}

/// A server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Machine {
    /// Its host name.
    pub(crate) name: String,
    pub(crate) location: String,
    pub(crate) disk: Disk,
    pub(crate) run: Run,
    pub(crate) size: Size,
    pub(crate) user_data: Option<String>,
    /// Public keys (`ssh-ed25519 AAAA… comment`) that may log in as root.
    pub(crate) ssh_keys: Vec<String>,
    /// Set where there are no keys, and by a reset.
    pub(crate) root_password: Option<String>,
    pub(crate) public: Public,
    /// In the order in which they were attached.
    pub(crate) links: Vec<PrivateLink>,
    /// Volumes that are, or are being, attached.
    pub(crate) volumes: BTreeSet<i64>,
    /// The firewalls that apply to it, taken together; none: everything passes.
    pub(crate) filter: Option<Filter>,
    /// Whether the boot that [`Run::On`] names is into the rescue system.
    pub(crate) rescue: Option<Rescue>,
}

/// What is on a machine's disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Disk {
    /// The action that wanted it written; another one means: write it anew.
    pub(crate) written_by: i64,
    pub(crate) from: DiskSource,
}

/// Where a disk comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum DiskSource {
    /// A system image, by its name in the catalogue (`debian-12`).
    System(String),
    /// A snapshot or backup, by the id of the image.
    Snapshot(i64),
}

/// Whether a machine runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Run {
    Off {
        /// Whether the machine is to be asked to shut down (ACPI at Hetzner), and switched off only if it does not.
        /// What has already gone off stays so.
        gracefully: bool,
    },
    On {
        /// The action that wanted this boot; another one means: boot again.
        boot: i64,
        /// Whether a machine that runs from an earlier boot is asked to reboot (or is reset).
        gracefully: bool,
    },
}

/// How much a machine has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) cores: u32,
    pub(crate) memory_mb: u64,
    pub(crate) disk_gb: u32,
}

/// The rescue system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rescue {
    pub(crate) ssh_keys: Vec<String>,
    pub(crate) root_password: Option<String>,
}

/// A machine's place in the internet; with neither address it has none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Public {
    /// Its address, a /32 with the gateway 172.31.1.1 on the link.
    pub(crate) v4: Option<Ipv4Addr>,
    /// Its /64, of which it takes the address ::1, with the gateway fe80::1.
    pub(crate) v6: Option<Ipv6Net>,
    /// Floating IPs that lead to it; the machine itself has to configure them.
    pub(crate) floating: Vec<IpNet>,
}

impl Public {
    /// Whether there is a public interface at all.
    pub(crate) fn exists(&self) -> bool {
        self.v4.is_some() || self.v6.is_some()
    }
}

/// A place in a private network. Interfaces are given to it in this order: ens10, ens11, ens12.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PrivateLink {
    /// The network.
    pub(crate) segment: i64,
    pub(crate) address: Ipv4Addr,
    pub(crate) aliases: Vec<Ipv4Addr>,
    /// `86:00:…`
    pub(crate) mac: String,
}

/// A network. Hetzner's are routed, not switched: a member has a /32, and everything in the range goes to the
/// gateway, the first address of the range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    /// Its name, as the metadata service tells it.
    pub(crate) name: String,
    pub(crate) range: Ipv4Net,
    pub(crate) subnets: Vec<Ipv4Net>,
    /// Destinations and the members that they lead to.
    pub(crate) routes: Vec<(Ipv4Net, Ipv4Addr)>,
}

/// What firewalls let pass at a machine's public interface. Replies always pass.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    /// What comes in; nothing else does.
    pub(crate) inbound: Vec<Pass>,
    /// What goes out; everything does when there is no rule (`None`).
    pub(crate) outbound: Option<Vec<Pass>>,
}

/// One rule, resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pass {
    pub(crate) protocol: PassProtocol,
    /// The other side.
    pub(crate) peers: Vec<IpNet>,
}

/// What a rule is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PassProtocol {
    Tcp(RangeInclusive<u16>),
    Udp(RangeInclusive<u16>),
    Icmp,
    Esp,
    Gre,
}

/// A volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Volume {
    pub(crate) size_gb: u32,
    /// File system it is created with (`ext4`, `xfs`), if any.
    pub(crate) format: Option<String>,
    /// Whether it is mounted at /mnt/HC_Volume_ID when it is attached.
    pub(crate) automount: bool,
    pub(crate) location: String,
}

/// A snapshot or backup of a machine's disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Snapshot {
    /// The machine it is (to be) taken from; it may be gone once the snapshot exists.
    pub(crate) of: i64,
}

/// A load balancer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Balancer {
    /// Its addresses in the internet, if its public interface is on.
    pub(crate) public: Option<(Ipv4Addr, Ipv6Addr)>,
    pub(crate) link: Option<PrivateLink>,
    pub(crate) least_connections: bool,
    pub(crate) services: Vec<Service>,
    /// Addresses of the targets, selectors resolved, each once, in order.
    pub(crate) targets: Vec<IpAddr>,
}

/// A service of a load balancer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Service {
    pub(crate) listen_port: u16,
    pub(crate) destination_port: u16,
    /// Whether targets are told the client's address (PROXY protocol, version 2).
    pub(crate) proxy_protocol: bool,
    pub(crate) check: Check,
    /// Absent for TCP.
    pub(crate) http: Option<HttpService>,
}

/// How the health of targets is found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Check {
    pub(crate) port: u16,
    /// Seconds, as is the next.
    pub(crate) interval: u32,
    pub(crate) timeout: u32,
    pub(crate) retries: u32,
    /// Absent: a connection that is accepted is enough.
    pub(crate) http: Option<HttpCheck>,
}

/// What a health check asks for, and the answer that it wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HttpCheck {
    pub(crate) domain: Option<String>,
    pub(crate) path: String,
    /// Text that the body must contain, unless empty.
    pub(crate) response: String,
    /// Such as `200` or `2??`.
    pub(crate) status_codes: Vec<String>,
    pub(crate) tls: bool,
}

/// What a service that speaks HTTP does besides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HttpService {
    /// Certificates and keys in PEM, the first one the default; empty for plain HTTP.
    pub(crate) certificates: Vec<CertificatePem>,
    /// Whether port 80 redirects to this service.
    pub(crate) redirect_http: bool,
    /// Name and lifetime (seconds) of the cookie that keeps a client with its target.
    pub(crate) sticky: Option<(String, u32)>,
    /// Seconds.
    pub(crate) timeout_idle: u32,
}

/// A certificate with its private key.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct CertificatePem {
    pub(crate) chain: String,
    pub(crate) key: String,
}

impl std::fmt::Debug for CertificatePem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The key is nobody's business.
        f.debug_struct("CertificatePem").field("chain", &self.chain).finish_non_exhaustive()
    }
}
