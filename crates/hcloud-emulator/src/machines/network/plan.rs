//! What the network of a scene consists of, as plain data that can be compared.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use sha2::{Digest, Sha256};

use super::metadata::Documents;
use crate::backend::Object;
use crate::backend::scene::{Filter, Machine, PrivateLink, Scene};

/// The namespace of the internet.
pub(crate) const INTERNET: &str = "net";
/// The gateway of every public link.
pub(super) const GATEWAY: Ipv4Addr = Ipv4Addr::new(172, 31, 1, 1);
/// The same for IPv6.
pub(super) const GATEWAY_V6: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
/// Where the metadata service is.
pub(super) const METADATA: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);
/// The same for IPv6.
pub(super) const METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0xa9fe, 0xa9fe);
/// Hetzner's recursive name servers.
pub(super) const RESOLVERS: [Ipv4Addr; 2] = [Ipv4Addr::new(185, 12, 64, 1), Ipv4Addr::new(185, 12, 64, 2)];
/// The same for IPv6.
pub(super) const RESOLVERS_V6: [Ipv6Addr; 2] = [
    Ipv6Addr::new(0x2a01, 0x4ff, 0xff00, 0, 0, 0, 0xadd, 1),
    Ipv6Addr::new(0x2a01, 0x4ff, 0xff00, 0, 0, 0, 0xadd, 2),
];
/// Largest packet of a private network (Hetzner's documentation of networks).
pub(super) const PRIVATE_MTU: u16 = 1450;
/// Largest packet in the internet.
pub(super) const PUBLIC_MTU: u16 = 1500;

/// Which link: the namespace that it is routed in, and the name of its end there. The name is unique to a member of
/// the world.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    /// Suffix of the namespace: `net`, `s123`.
    pub(super) outer: String,
    /// `m123`, `b123`, `h0123456789`.
    pub(super) port: String,
}

/// A routed link of two ends: one where packets are routed, one in the namespace of a machine, a load balancer or a
/// host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Link {
    /// Whose failure it is when it cannot be made.
    pub(super) object: Object,
    /// Suffix of the namespace of the inner end.
    pub(super) inner: String,
    /// Of the inner end.
    pub(super) mac: String,
    pub(super) mtu: u16,
    /// What the outer end is called by the inner one.
    pub(super) gateway: Ipv4Addr,
    /// Addresses that are found on the link itself.
    pub(super) on_link: BTreeSet<IpAddr>,
    /// What lies behind one of them; on the link itself if none is named.
    pub(super) behind: BTreeMap<IpNet, Option<IpAddr>>,
    /// Set if nobody inside configures the inner end: what is reached by way of the gateway.
    pub(super) configured: Option<Vec<IpNet>>,
}

impl Link {
    /// Whether it leads into the internet.
    pub(super) fn is_public(&self) -> bool {
        self.mtu == PUBLIC_MTU
    }
}

/// A private network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SegmentPlan {
    pub(super) range: Ipv4Net,
    /// The first address of the range.
    pub(super) gateway: Ipv4Addr,
    /// Who gets which address by DHCP.
    pub(super) leases: Vec<Lease>,
}

/// An address that is given by DHCP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lease {
    pub(super) mac: String,
    pub(super) address: Ipv4Addr,
    /// Whether the machine has no other way to the metadata service than this link.
    pub(super) alone: bool,
}

/// Everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// Suffixes of the namespaces of machines and load balancers, and whose they are.
    pub(super) members: BTreeMap<String, Object>,
    pub(super) segments: BTreeMap<i64, SegmentPlan>,
    pub(super) links: BTreeMap<Key, Link>,
    /// The keys of `links` in the order in which they are made.
    pub(super) order: Vec<Key>,
    /// By the port in the internet.
    pub(super) filters: BTreeMap<String, Filter>,
    pub(super) public_leases: Vec<Lease>,
    /// Names by address, the one that reverse DNS answers first.
    pub(super) names: Vec<(IpAddr, String)>,
    /// What the metadata service tells each machine.
    pub(super) documents: BTreeMap<i64, Documents>,
}

/// The suffix of a machine's namespace, and the name of its ports.
pub(super) fn machine(id: i64) -> String {
    format!("m{id}")
}

/// The suffix of a load balancer's namespace, and the name of its ports.
pub(super) fn balancer(id: i64) -> String {
    format!("b{id}")
}

/// The suffix of a network's namespace.
pub(super) fn segment(id: i64) -> String {
    format!("s{id}")
}

/// The suffix of a host's namespace.
pub(super) fn host(name: &str) -> String {
    format!("h{name}")
}

/// The address of a machine's public interface on its link; ids differ, so these do.
pub(super) fn public_mac(id: i64) -> String {
    let [.., a, b, c, d] = id.to_be_bytes();
    format!("96:00:{a:02x}:{b:02x}:{c:02x}:{d:02x}")
}

/// The first address of a range: a private network's gateway.
pub(super) fn first(range: Ipv4Net) -> Ipv4Addr {
    Ipv4Addr::from_bits(range.network().to_bits().saturating_add(1))
}

/// The address that a machine takes of its /64.
pub(super) fn first_v6(range: Ipv6Net) -> Ipv6Addr {
    Ipv6Addr::from_bits(range.network().to_bits() | 1)
}

impl Plan {
    /// The network of a scene with these hosts besides.
    pub(super) fn of(scene: &Scene, hosts: &BTreeMap<String, Vec<IpAddr>>) -> Self {
        let mut plan = Self::default();
        for (id, segment) in &scene.segments {
            let gateway = first(segment.range);
            plan.segments.insert(*id, SegmentPlan { range: segment.range, gateway, leases: Vec::new() });
        }
        for (name, addresses) in hosts {
            let (key, link) = host_link(name, addresses);
            plan.link(key, link);
        }
        plan.names = scene.names.iter().map(|(address, name)| (*address, name.clone())).collect();
        for (id, machine) in &scene.machines {
            plan.machine(*id, machine, scene);
        }
        for (id, balancer) in &scene.balancers {
            let (object, suffix) = (Object::Balancer(*id), self::balancer(*id));
            plan.members.insert(suffix.clone(), object);
            if let Some((v4, v6)) = balancer.public {
                let link = Link {
                    object,
                    inner: suffix.clone(),
                    mac: balancer_mac(*id),
                    mtu: PUBLIC_MTU,
                    gateway: GATEWAY,
                    on_link: BTreeSet::from([v4.into(), v6.into()]),
                    behind: BTreeMap::new(),
                    configured: Some(everything()),
                };
                plan.link(Key { outer: INTERNET.into(), port: suffix.clone() }, link);
            }
            if let Some(link) = &balancer.link {
                plan.private(&suffix, object, link, scene, true);
            }
        }
        for (name, addresses) in hosts {
            plan.names.extend(addresses.iter().map(|address| (*address, name.clone())));
        }
        plan
    }

    fn link(&mut self, key: Key, link: Link) {
        self.order.push(key.clone());
        self.links.insert(key, link);
    }

    fn machine(&mut self, id: i64, machine: &Machine, scene: &Scene) {
        let (object, suffix) = (Object::Machine(id), self::machine(id));
        self.members.insert(suffix.clone(), object);
        self.documents.insert(id, Documents::of(id, machine, scene));
        let public = &machine.public;
        if public.exists() {
            let mac = public_mac(id);
            let own_v6 = public.v6.map(first_v6);
            let mut behind = BTreeMap::new();
            if let (Some(net), Some(own)) = (public.v6, own_v6) {
                behind.insert(IpNet::V6(net), Some(own.into()));
            }
            for floating in &public.floating {
                let by_way_of = match floating {
                    IpNet::V4(_) => public.v4.map(IpAddr::V4),
                    IpNet::V6(_) => own_v6.map(IpAddr::V6),
                };
                behind.insert(*floating, by_way_of);
            }
            if let Some(address) = public.v4 {
                self.public_leases.push(Lease { mac: mac.clone(), address, alone: false });
            }
            let on_link: BTreeSet<IpAddr> =
                public.v4.map(IpAddr::V4).into_iter().chain(own_v6.map(IpAddr::V6)).collect();
            self.names.extend(on_link.iter().map(|address| (*address, machine.name.clone())));
            if let Some(filter) = &machine.filter {
                self.filters.insert(suffix.clone(), filter.clone());
            }
            let link = Link {
                object,
                inner: suffix.clone(),
                mac,
                mtu: PUBLIC_MTU,
                gateway: GATEWAY,
                on_link,
                behind,
                configured: None,
            };
            self.link(Key { outer: INTERNET.into(), port: suffix.clone() }, link);
        }
        for (place, link) in machine.links.iter().enumerate() {
            self.private(&suffix, object, link, scene, false);
            if let Some(segment) = self.segments.get_mut(&link.segment) {
                segment.leases.push(Lease {
                    mac: link.mac.clone(),
                    address: link.address,
                    alone: !public.exists() && place == 0,
                });
            }
        }
    }

    fn private(&mut self, suffix: &str, object: Object, link: &PrivateLink, scene: &Scene, configured: bool) {
        let Some(segment) = scene.segments.get(&link.segment) else { return };
        let own = Some(IpAddr::V4(link.address));
        let mut behind: BTreeMap<_, _> =
            link.aliases.iter().map(|alias| (IpNet::from(IpAddr::V4(*alias)), own)).collect();
        for (destination, gateway) in &segment.routes {
            if *gateway == link.address || link.aliases.contains(gateway) {
                behind.insert(IpNet::V4(*destination), own);
            }
        }
        let key = Key { outer: self::segment(link.segment), port: suffix.to_owned() };
        self.link(
            key,
            Link {
                object,
                inner: suffix.to_owned(),
                mac: link.mac.clone(),
                mtu: PRIVATE_MTU,
                gateway: first(segment.range),
                on_link: BTreeSet::from([link.address.into()]),
                behind,
                configured: configured.then(|| vec![IpNet::V4(segment.range)]),
            },
        );
    }
}

/// The link of a host.
pub(super) fn host_link(name: &str, addresses: &[IpAddr]) -> (Key, Link) {
    // Names of interfaces have at most 15 characters; those of hosts may be longer.
    let digest: Vec<String> =
        Sha256::digest(name.as_bytes()).iter().take(5).map(|byte| format!("{byte:02x}")).collect();
    let link = Link {
        object: Object::Rest,
        inner: host(name),
        mac: format!("92:{}", digest.join(":")),
        mtu: PUBLIC_MTU,
        gateway: GATEWAY,
        on_link: addresses.iter().copied().collect(),
        behind: BTreeMap::new(),
        configured: Some(everything()),
    };
    (Key { outer: INTERNET.into(), port: format!("h{}", digest.concat()) }, link)
}

/// Everywhere, in both families.
fn everything() -> Vec<IpNet> {
    vec![IpNet::V4(Ipv4Net::default()), IpNet::V6(Ipv6Net::default())]
}

fn balancer_mac(id: i64) -> String {
    let [.., a, b, c, d] = id.to_be_bytes();
    format!("96:01:{a:02x}:{b:02x}:{c:02x}:{d:02x}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::backend::scene::{Disk, DiskSource, Public, Run, Segment, Size};

    fn machine(public: Public, links: Vec<PrivateLink>) -> Machine {
        Machine {
            name: "web".into(),
            location: "fsn1".into(),
            disk: Disk { written_by: 1, from: DiskSource::System("debian-12".into()) },
            run: Run::Off { gracefully: true },
            size: Size { cores: 1, memory_mb: 1, disk_gb: 1 },
            user_data: None,
            ssh_keys: Vec::new(),
            root_password: None,
            public,
            links,
            volumes: BTreeSet::new(),
            filter: Some(Filter::default()),
            rescue: None,
        }
    }

    #[test]
    fn what_lies_behind_a_link_is_what_is_routed_to_its_machine() {
        let link = PrivateLink {
            segment: 7,
            address: Ipv4Addr::new(10, 0, 0, 2),
            aliases: vec![Ipv4Addr::new(10, 0, 0, 9)],
            mac: "86:00:00:00:00:01".into(),
        };
        let route = |net: &str, gateway: [u8; 4]| (net.parse().unwrap(), Ipv4Addr::from(gateway));
        let segment = Segment {
            name: "n".into(),
            range: "10.0.0.0/8".parse().unwrap(),
            subnets: Vec::new(),
            routes: vec![
                route("0.0.0.0/0", [10, 0, 0, 2]),
                route("192.168.0.0/16", [10, 0, 0, 9]),
                route("172.16.0.0/12", [10, 0, 0, 3]),
            ],
        };
        let floating = ["192.0.2.9/32", "2001:db8:9::/64"].map(|net| net.parse().unwrap()).to_vec();
        let v6 = Some("2001:db8:1::/64".parse().unwrap());
        let mut scene = Scene::default();
        scene.segments.insert(7, segment);
        scene.machines.insert(1, machine(Public { v4: None, v6, floating }, vec![link.clone()]));
        scene.machines.insert(2, machine(Public::default(), Vec::new()));
        let plan = Plan::of(&scene, &BTreeMap::new());

        let behind = |outer: &str| -> Vec<String> {
            let link = &plan.links[&Key { outer: outer.into(), port: "m1".into() }];
            let shown = |via: &Option<IpAddr>| via.map_or("the link".to_owned(), |via| via.to_string());
            link.behind.iter().map(|(net, via)| format!("{net} {}", shown(via))).collect()
        };
        assert_eq!(
            behind("net"),
            ["192.0.2.9/32 the link", "2001:db8:1::/64 2001:db8:1::1", "2001:db8:9::/64 2001:db8:1::1"]
        );
        assert_eq!(behind("s7"), ["0.0.0.0/0 10.0.0.2", "10.0.0.9/32 10.0.0.2", "192.168.0.0/16 10.0.0.2"]);
        // There is no firewall where there is no public interface.
        assert_eq!(plan.filters.keys().collect::<Vec<_>>(), ["m1"]);
        assert_eq!(plan.links.len(), 2);
        assert!(!plan.segments[&7].leases[0].alone);
    }

    #[test]
    fn interfaces_have_addresses_of_their_own() {
        assert_eq!(public_mac(125_000_001), "96:00:07:73:59:41");
        assert_ne!(balancer_mac(1), public_mac(1));
        let (key, link) = host_link("a-host-with-a-very-long-name-indeed", &[]);
        assert!(key.port.len() <= 15 && link.mac.starts_with("92:"), "{key:?} {link:?}");
        assert_eq!(first("10.0.0.0/16".parse().unwrap()), Ipv4Addr::new(10, 0, 0, 1));
        assert_eq!(first_v6("2001:db8:1::/64".parse().unwrap()).to_string(), "2001:db8:1::1");
    }
}
