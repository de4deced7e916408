//! The scene of a world: what should really exist by now.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ferroform_catalogue::Catalogue;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::address::default_dns_ptr;
use super::firewalls::{Firewall, Rule};
use super::labels::Selector;
use super::load_balancers::{LoadBalancer, Protocol, Service, Target};
use super::primary_ips::Version;
use super::server_create::disk_of;
use super::servers::{Attachment, Link, Server};
use super::{Effect, Project};
use crate::backend::scene::{
    Balancer, CertificatePem, Check, Disk, DiskSource, Filter, HttpCheck, HttpService, Machine, Pass,
    PassProtocol, PrivateLink, Public, Rescue, Run, Scene, Segment, Service as SceneService, Size, Snapshot,
    Volume,
};

/// What running actions want that no row says yet.
#[derive(Default)]
struct Underway<'a> {
    deleted_servers: BTreeSet<i64>,
    deleted_balancers: BTreeSet<i64>,
    /// The new type, and whether the disk grows with it.
    types: BTreeMap<i64, (&'a str, bool)>,
    attaching: BTreeMap<i64, i64>,
    detaching: BTreeSet<i64>,
}

impl<'a> Underway<'a> {
    fn of(project: &'a Project) -> Self {
        let mut underway = Self::default();
        for action in project.running().filter(|action| !action.fails()) {
            match &action.effect {
                Effect::ServerDeleted { server } => {
                    underway.deleted_servers.insert(*server);
                }
                Effect::LoadBalancerDeleted { load_balancer } => {
                    underway.deleted_balancers.insert(*load_balancer);
                }
                Effect::ServerTypeChanged { server, server_type, upgrade_disk } => {
                    underway.types.insert(*server, (server_type, *upgrade_disk));
                }
                Effect::VolumeAttached { volume, server } => {
                    underway.attaching.insert(*volume, *server);
                }
                Effect::VolumeDetached { volume } => {
                    underway.detaching.insert(*volume);
                }
                _ => {}
            }
        }
        underway
    }
}

/// The scene of some projects, with revision 0.
pub(crate) fn scene<'a>(projects: impl IntoIterator<Item = &'a Project>) -> Scene {
    let mut scene = Scene::default();
    for project in projects {
        add_project(&mut scene, project);
    }
    scene
}

fn add_project(scene: &mut Scene, project: &Project) {
    let underway = Underway::of(project);
    let firewalls: Vec<Resolved<'_>> = project.firewalls.values().map(Resolved::new).collect();
    for server in project.servers.values().filter(|s| !underway.deleted_servers.contains(&s.id)) {
        scene.machines.insert(server.id, machine(project, server, &underway, &firewalls));
    }
    for volume in project.volumes.values() {
        let shown = Volume {
            size_gb: u32::try_from(volume.size).unwrap_or_default(),
            format: volume.format.clone(),
            automount: volume.automount,
            location: volume.location.clone(),
        };
        scene.volumes.insert(volume.id, shown);
    }
    for network in project.networks.values() {
        let shown = Segment {
            name: network.name.clone(),
            range: network.ip_range,
            subnets: network.subnets.iter().map(|subnet| subnet.ip_range).collect(),
            routes: network.routes.iter().map(|route| (route.destination, route.gateway)).collect(),
        };
        scene.segments.insert(network.id, shown);
    }
    for balancer in project.load_balancers.values().filter(|b| !underway.deleted_balancers.contains(&b.id)) {
        scene.balancers.insert(balancer.id, shown_balancer(project, balancer, &underway));
    }
    for image in project.images.values() {
        scene.snapshots.insert(image.id, Snapshot { of: image.server });
    }
    add_names(&mut scene.names, project);
}

/// Reverse names of all public addresses, the usual ones of IPv4 included.
fn add_names(names: &mut BTreeMap<IpAddr, String>, project: &Project) {
    let usual = |address: IpAddr| match address {
        IpAddr::V4(address) => Some((IpAddr::V4(address), default_dns_ptr(address))),
        IpAddr::V6(_) => None,
    };
    let primary = project.primary_ips.values().map(|ip| (ip.address, &ip.dns_ptr));
    let floating = project.floating_ips.values().map(|ip| (ip.address, &ip.dns_ptr));
    let balancers = project.load_balancers.values().map(|balancer| (balancer.ipv4, &balancer.dns_ptr));
    for (address, set) in primary.chain(floating).chain(balancers) {
        names.extend(usual(address));
        names.extend(set.iter().map(|(address, name)| (*address, name.clone())));
    }
}

fn machine(
    project: &Project,
    server: &Server,
    underway: &Underway<'_>,
    firewalls: &[Resolved<'_>],
) -> Machine {
    let wanted = &server.machine;
    let attached = |volume: &&super::volumes::Volume| match underway.attaching.get(&volume.id) {
        Some(to) => *to == server.id,
        None => volume.server == Some(server.id) && !underway.detaching.contains(&volume.id),
    };
    let run = if wanted.on {
        Run::On { boot: wanted.boot, gracefully: wanted.gracefully }
    } else {
        Run::Off { gracefully: wanted.gracefully }
    };
    let rescue = wanted.rescue.as_ref().map(|rescue| Rescue {
        ssh_keys: rescue.ssh_keys.clone(),
        root_password: rescue.ssh_keys.is_empty().then(|| rescue.root_password.clone()),
    });
    Machine {
        name: server.name.clone(),
        location: server.location.clone(),
        disk: Disk { written_by: wanted.written_by, from: disk_source(wanted.image.or(server.image)) },
        run,
        size: size(server, underway.types.get(&server.id).copied()),
        user_data: server.user_data.clone().filter(|data| !data.is_empty()),
        ssh_keys: wanted.ssh_keys.clone(),
        root_password: wanted.root_password.clone(),
        public: public(project, server.id),
        links: server.private_nets.iter().filter(|net| net.link != Link::Detaching).map(link).collect(),
        volumes: project.volumes.values().filter(attached).map(|volume| volume.id).collect(),
        filter: filter(server, firewalls),
        rescue,
    }
}

/// Where an image comes from; what a later catalogue does not know any more is taken for a snapshot, which a disk
/// that is written already does not need.
fn disk_source(image: Option<i64>) -> DiskSource {
    let id = image.unwrap_or_default();
    match Catalogue::builtin().images().iter().find(|image| image.id == id) {
        Some(image) => DiskSource::System(image.name.clone()),
        None => DiskSource::Snapshot(id),
    }
}

fn size(server: &Server, new_type: Option<(&str, bool)>) -> Size {
    let (name, upgrade_disk) = new_type.unwrap_or((&server.server_type, false));
    let server_type = Catalogue::builtin().server_type(name);
    Size {
        cores: server_type.map_or(1, |found| found.cores),
        memory_mb: server_type.map_or(1024, |found| u64::from(found.memory_gb) * 1024),
        disk_gb: server_type
            .filter(|_| upgrade_disk)
            .map_or(server.disk, |found| disk_of(found).max(server.disk)),
    }
}

fn public(project: &Project, server: i64) -> Public {
    let address = |version: Version| {
        let mut own = project.primary_ips.values();
        own.find(|ip| ip.assignee == Some(server) && ip.version == version).map(|ip| ip.address)
    };
    let floating = project.floating_ips.values().filter(|ip| ip.server == Some(server));
    Public {
        v4: address(Version::V4).and_then(v4),
        v6: address(Version::V6).and_then(v6).map(v6_net),
        floating: floating
            .map(|ip| match ip.address {
                IpAddr::V4(address) => IpNet::V4(Ipv4Net::from(address)),
                IpAddr::V6(address) => IpNet::V6(v6_net(address)),
            })
            .collect(),
    }
}

fn v4(address: IpAddr) -> Option<Ipv4Addr> {
    match address {
        IpAddr::V4(address) => Some(address),
        IpAddr::V6(_) => None,
    }
}

fn v6(address: IpAddr) -> Option<Ipv6Addr> {
    match address {
        IpAddr::V6(address) => Some(address),
        IpAddr::V4(_) => None,
    }
}

/// The /64 of an address.
fn v6_net(address: Ipv6Addr) -> Ipv6Net {
    Ipv6Net::new_assert(address, 64).trunc()
}

fn link(attachment: &Attachment) -> PrivateLink {
    PrivateLink {
        segment: attachment.network,
        address: attachment.ip,
        aliases: attachment.alias_ips.clone(),
        mac: attachment.mac_address.clone(),
    }
}

/// A firewall with its selectors read.
struct Resolved<'a> {
    firewall: &'a Firewall,
    selectors: Vec<Selector>,
}

impl<'a> Resolved<'a> {
    fn new(firewall: &'a Firewall) -> Self {
        Self {
            firewall,
            selectors: firewall.selectors.iter().filter_map(|text| Selector::parse(text)).collect(),
        }
    }

    fn reaches(&self, server: &Server) -> bool {
        self.selectors.iter().any(|selector| selector.matches(&server.labels))
            || self.firewall.servers.iter().any(|to| to.server == server.id && to.link != Link::Detaching)
    }
}

/// The firewalls of a server taken together: what any of them lets in comes in; what goes out is limited as soon as
/// any of them has a rule for it (Hetzner documentation, firewalls FAQ).
fn filter(server: &Server, firewalls: &[Resolved<'_>]) -> Option<Filter> {
    let mut reaching = firewalls.iter().filter(|firewall| firewall.reaches(server)).peekable();
    reaching.peek()?;
    let mut filter = Filter::default();
    for rule in reaching.flat_map(|resolved| &resolved.firewall.rules) {
        if rule.direction == "in" {
            filter.inbound.extend(pass(rule, &rule.source_ips));
        } else {
            filter.outbound.get_or_insert_default().extend(pass(rule, &rule.destination_ips));
        }
    }
    Some(filter)
}

fn pass(rule: &Rule, peers: &[String]) -> Option<Pass> {
    let ports = || {
        let text = rule.port.as_deref().unwrap_or("any");
        let (from, to) = text.split_once('-').unwrap_or((text, text));
        if text == "any" { Some(1..=u16::MAX) } else { Some(from.parse().ok()?..=to.parse().ok()?) }
    };
    let protocol = match rule.protocol.as_str() {
        "tcp" => PassProtocol::Tcp(ports()?),
        "udp" => PassProtocol::Udp(ports()?),
        "icmp" => PassProtocol::Icmp,
        "esp" => PassProtocol::Esp,
        "gre" => PassProtocol::Gre,
        _ => return None,
    };
    Some(Pass { protocol, peers: peers.iter().filter_map(|peer| peer.parse().ok()).collect() })
}

fn shown_balancer(project: &Project, balancer: &LoadBalancer, underway: &Underway<'_>) -> Balancer {
    let link = balancer.private_nets.iter().find(|net| net.link != Link::Detaching).map(link);
    let public = balancer.public_interface.then(|| v4(balancer.ipv4).zip(v6(balancer.ipv6))).flatten();
    Balancer {
        public,
        link,
        least_connections: balancer.least_connections,
        services: balancer.services.iter().filter_map(|one| service(project, one)).collect(),
        targets: targets(project, balancer, underway),
    }
}

/// The addresses of a load balancer's targets, each once.
fn targets(project: &Project, balancer: &LoadBalancer, underway: &Underway<'_>) -> Vec<IpAddr> {
    let mut addresses: Vec<IpAddr> = Vec::new();
    let mut add = |address: Option<IpAddr>| {
        addresses.extend(address.filter(|address| !addresses.contains(address)).as_slice());
    };
    let here = |server: &&Server| !underway.deleted_servers.contains(&server.id);
    for target in &balancer.targets {
        match target {
            Target::Server { id, use_private_ip } => {
                let server = project.servers.get(*id).filter(here);
                add(server.and_then(|server| way_to(project, balancer, server, *use_private_ip)));
            }
            Target::Selector { selector, use_private_ip } => {
                let Some(selector) = Selector::parse(selector) else { continue };
                let servers = project.servers.values().filter(here);
                for server in servers.filter(|server| selector.matches(&server.labels)) {
                    add(way_to(project, balancer, server, *use_private_ip));
                }
            }
            Target::Ip { ip } => add(Some(*ip)),
        }
    }
    addresses
}

/// The address at which a load balancer reaches a server, if it does.
pub(crate) fn way_to(
    project: &Project,
    balancer: &LoadBalancer,
    server: &Server,
    private: bool,
) -> Option<IpAddr> {
    if !private {
        let mut own = project.primary_ips.values();
        return own
            .find(|ip| ip.assignee == Some(server.id) && ip.version == Version::V4)
            .map(|ip| ip.address);
    }
    let network = balancer.private_nets.first()?.network;
    let attachment = server.private_nets.iter().find(|net| net.network == network)?;
    Some(IpAddr::V4(attachment.ip))
}

/// A service as it runs; none while it speaks HTTPS and has no certificate yet.
fn service(project: &Project, service: &Service) -> Option<SceneService> {
    let number = |value: i64| u16::try_from(value).unwrap_or_default();
    let seconds = |value: i64| u32::try_from(value).unwrap_or_default();
    let check = &service.health_check;
    let http_check = check.http.as_ref().map(|http| HttpCheck {
        domain: http.domain.clone().filter(|domain| !domain.is_empty()),
        path: http.path.clone(),
        response: http.response.clone(),
        status_codes: http.status_codes.clone(),
        tls: http.tls,
    });
    let usual_check = || HttpCheck {
        domain: None,
        path: "/".to_owned(),
        response: String::new(),
        status_codes: vec!["2??".to_owned(), "3??".to_owned()],
        tls: false,
    };
    let http = match (service.protocol, &service.http) {
        (Protocol::Tcp, _) | (_, None) => None,
        (protocol, Some(http)) => {
            let https = protocol == Protocol::Https;
            let ids = http.certificates.iter().filter(|_| https);
            let certificates: Vec<CertificatePem> = ids
                .filter_map(|id| project.certificates.get(*id))
                .filter_map(|certificate| {
                    let (chain, key) = certificate.chain.clone().zip(certificate.private_key.clone())?;
                    Some(CertificatePem { chain, key })
                })
                .collect();
            if https && certificates.is_empty() {
                return None;
            }
            Some(HttpService {
                certificates,
                redirect_http: https && http.redirect_http,
                sticky: http
                    .sticky_sessions
                    .then(|| (http.cookie_name.clone(), seconds(http.cookie_lifetime))),
                timeout_idle: seconds(http.timeout_idle),
            })
        }
    };
    Some(SceneService {
        listen_port: number(service.listen_port),
        destination_port: number(service.destination_port),
        proxy_protocol: service.proxyprotocol,
        check: Check {
            port: number(check.port),
            interval: seconds(check.interval),
            timeout: seconds(check.timeout),
            retries: seconds(check.retries),
            http: check.http_protocol.then(|| http_check.unwrap_or_else(usual_check)),
        },
        http,
    })
}
