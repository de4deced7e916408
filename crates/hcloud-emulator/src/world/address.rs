//! Addresses: public ones from the documentation ranges, private ones by the rules of networks.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use super::networks::{Network, SubnetType};
use super::{Project, Refusal};

/// What public addresses have been given out. Nobody owns them: 192.0.2.0/24, 198.51.100.0/24 and
/// 203.0.113.0/24 (RFC 5737), then 198.18.0.0/15 (RFC 2544), and 2001:db8::/32 (RFC 3849).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pools {
    next_v4: u32,
    next_v6: u32,
    /// Addresses given back, used again only when no fresh one is left, as a real cloud avoids it too.
    returned_v4: BTreeSet<Ipv4Addr>,
}

/// Addresses of each documentation range: neither its first nor its last.
const PER_DOCUMENTATION_RANGE: u32 = 254;
const DOCUMENTATION_RANGES: [[u8; 3]; 3] = [[192, 0, 2], [198, 51, 100], [203, 0, 113]];
/// Addresses of 198.18.0.0/15, without its first and last.
const BENCHMARK_ADDRESSES: u32 = (1 << 17) - 2;

fn v4_at(index: u32) -> Option<Ipv4Addr> {
    let range = usize::try_from(index / PER_DOCUMENTATION_RANGE).ok()?;
    if let Some([a, b, c]) = DOCUMENTATION_RANGES.get(range) {
        let host = u8::try_from(index % PER_DOCUMENTATION_RANGE + 1).ok()?;
        return Some(Ipv4Addr::new(*a, *b, *c, host));
    }
    let rest = index - PER_DOCUMENTATION_RANGE * 3;
    (rest < BENCHMARK_ADDRESSES).then(|| Ipv4Addr::from(u32::from(Ipv4Addr::new(198, 18, 0, 1)) + rest))
}

impl Pools {
    /// A public IPv4 address; `None` when all are in use.
    pub(crate) fn take_v4(&mut self) -> Option<Ipv4Addr> {
        if let Some(address) = v4_at(self.next_v4) {
            self.next_v4 += 1;
            return Some(address);
        }
        self.returned_v4.pop_first()
    }

    /// Gives an address back.
    pub(crate) fn return_v4(&mut self, address: Ipv4Addr) {
        self.returned_v4.insert(address);
    }

    /// The network address of a public IPv6 /64; `None` when all are in use.
    pub(crate) fn take_v6(&mut self) -> Option<Ipv6Addr> {
        // The first network stays unused.
        self.next_v6 = self.next_v6.checked_add(1)?;
        let (high, low) = ((self.next_v6 >> 16) as u16, (self.next_v6 & 0xffff) as u16);
        Some(Ipv6Addr::new(0x2001, 0xdb8, high, low, 0, 0, 0, 0))
    }
}

/// The refusal for an empty pool.
pub(crate) fn exhausted() -> Refusal {
    Refusal::new("resource_unavailable", "no public address is left")
}

/// The name an address has in the DNS unless its owner sets another.
pub(crate) fn default_dns_ptr(address: Ipv4Addr) -> String {
    let [a, b, c, d] = address.octets();
    format!("static.{d}.{c}.{b}.{a}.clients.your-server.de")
}

/// The address that is never given to anybody in any network.
const METADATA_GATEWAY: Ipv4Addr = Ipv4Addr::new(172, 31, 1, 1);

/// The gateway of a network: the first address of its range.
pub(crate) fn gateway(range: Ipv4Net) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(range.network()).saturating_add(1))
}

/// Whether a range is private as a whole (RFC 1918).
pub(crate) fn is_private(range: Ipv4Net) -> bool {
    [([10, 0, 0, 0], 8), ([172, 16, 0, 0], 12), ([192, 168, 0, 0], 16)].into_iter().any(|(octets, prefix)| {
        Ipv4Net::new(Ipv4Addr::from(octets), prefix).is_ok_and(|private| private.contains(&range))
    })
}

/// Addresses in use in a network.
pub(crate) fn used_in(project: &Project, network: i64) -> BTreeSet<Ipv4Addr> {
    let servers = project.servers.values().flat_map(|server| &server.private_nets);
    let balancers = project.load_balancers.values().flat_map(|balancer| &balancer.private_nets);
    servers
        .chain(balancers)
        .filter(|attachment| attachment.network == network)
        .flat_map(|attachment| std::iter::once(attachment.ip).chain(attachment.alias_ips.iter().copied()))
        .collect()
}

fn is_reserved(network: &Network, address: Ipv4Addr) -> bool {
    address == gateway(network.ip_range) || address == METADATA_GATEWAY
}

/// Whether a member in that zone may have the address, and nobody else has it.
pub(crate) fn check_free(
    network: &Network,
    zone: &str,
    used: &BTreeSet<Ipv4Addr>,
    address: Ipv4Addr,
    field: &str,
) -> Result<(), Refusal> {
    let subnet = network
        .subnets
        .iter()
        .filter(|subnet| subnet.network_zone == zone && subnet.kind != SubnetType::Vswitch)
        .find(|subnet| subnet.ip_range.contains(&address));
    let Some(subnet) = subnet else {
        return Err(Refusal::invalid(
            field,
            format!("IP {address} is in no subnet of the network in zone {zone}"),
        ));
    };
    let edge = address == subnet.ip_range.network() || address == subnet.ip_range.broadcast();
    if edge || is_reserved(network, address) || used.contains(&address) {
        return Err(Refusal::new("ip_not_available", format!("IP {address} is not available")));
    }
    Ok(())
}

/// Chooses the address of a new member: the one asked for, else the first free one of the subnet asked for,
/// else of the last subnet in the order of ranges that has one (so Terraform's documentation describes it).
pub(crate) fn choose(
    network: &Network,
    zone: &str,
    used: &BTreeSet<Ipv4Addr>,
    wanted: Option<Ipv4Addr>,
    range: Option<Ipv4Net>,
) -> Result<Ipv4Addr, Refusal> {
    let mut candidates: Vec<Ipv4Net> = network
        .subnets
        .iter()
        .filter(|subnet| subnet.network_zone == zone && subnet.kind != SubnetType::Vswitch)
        .map(|subnet| subnet.ip_range)
        .collect();
    let none_left = || Refusal::new("no_subnet_available", "no subnet or IP available");
    if candidates.is_empty() {
        return Err(none_left());
    }
    if let Some(range) = range {
        candidates.retain(|candidate| *candidate == range);
        if candidates.is_empty() {
            return Err(Refusal::invalid(
                "ip_range",
                format!("network has no subnet {range} in zone {zone}"),
            ));
        }
        if wanted.is_some_and(|address| !range.contains(&address)) {
            return Err(Refusal::invalid("ip", "IP is not in the given subnet"));
        }
    }
    if let Some(address) = wanted {
        return check_free(network, zone, used, address, "ip").map(|()| address);
    }
    candidates.sort_unstable();
    candidates
        .iter()
        .rev()
        .find_map(|subnet| {
            subnet.hosts().find(|address| !is_reserved(network, *address) && !used.contains(address))
        })
        .ok_or_else(none_left)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_addresses_come_from_ranges_nobody_owns_and_return_last() {
        let mut pools = Pools::default();
        let first = pools.take_v4().unwrap();
        assert_eq!(first.to_string(), "192.0.2.1");
        let all: BTreeSet<Ipv4Addr> =
            std::iter::from_fn(|| pools.take_v4()).take(3 * 254 + (1 << 17) - 3).collect();
        assert_eq!(all.len(), 3 * 254 + (1 << 17) - 3);
        assert!(
            all.contains(&"203.0.113.254".parse().unwrap())
                && all.contains(&"198.19.255.254".parse().unwrap())
        );
        assert_eq!(pools.take_v4(), None);
        pools.return_v4(first);
        assert_eq!(pools.take_v4(), Some(first));
        assert_eq!(pools.take_v6().unwrap().to_string(), "2001:db8:0:1::");
    }

    fn network(subnets: &[(&str, &str)]) -> Network {
        let mut network = Network::for_tests("10.0.0.0/16".parse().unwrap());
        for (range, zone) in subnets {
            network.add_for_tests(range.parse().unwrap(), zone);
        }
        network
    }

    /// Expected values: acceptance tests of the published provider, and its documentation.
    #[test]
    fn private_addresses_follow_the_rules_of_networks() {
        let eu = "eu-central";
        let two = [("10.0.1.0/24", eu), ("10.0.2.0/24", eu)];
        for (subnets, used, wanted, range, expected) in [
            (&two[..], "", None, Some("10.0.1.0/24"), Ok("10.0.1.1")),
            (&two[..], "", None, Some("10.0.2.0/24"), Ok("10.0.2.1")),
            (&two[..], "", None, None, Ok("10.0.2.1")),
            (&two[..], "10.0.2.1", None, None, Ok("10.0.2.2")),
            (&[("10.0.0.0/24", eu)], "", None, None, Ok("10.0.0.2")),
            (&[("10.0.0.0/24", eu)], "", Some("10.0.0.1"), None, Err("ip_not_available")),
            (&two[..], "", Some("10.0.1.9"), None, Ok("10.0.1.9")),
            (&two[..], "10.0.1.9", Some("10.0.1.9"), None, Err("ip_not_available")),
            (&two[..], "", Some("10.0.1.255"), None, Err("ip_not_available")),
            (&two[..], "", Some("10.0.3.1"), None, Err("invalid_input")),
            (&two[..], "", Some("10.0.2.5"), Some("10.0.1.0/24"), Err("invalid_input")),
            (&two[..], "", None, Some("10.0.9.0/24"), Err("invalid_input")),
            (&[("10.0.1.0/24", "us-west")], "", None, None, Err("no_subnet_available")),
            (&[], "", None, None, Err("no_subnet_available")),
            (&[("10.0.1.0/30", eu)], "10.0.1.1 10.0.1.2", None, None, Err("no_subnet_available")),
        ] {
            let used = used.split_whitespace().map(|ip| ip.parse().unwrap()).collect();
            let chosen = choose(
                &network(subnets),
                eu,
                &used,
                wanted.map(|ip: &str| ip.parse().unwrap()),
                range.map(|range: &str| range.parse().unwrap()),
            );
            let chosen = chosen.map(|ip| ip.to_string()).map_err(|refusal| refusal.code);
            assert_eq!(
                chosen.as_deref().map_err(String::as_str),
                expected,
                "{subnets:?} {used:?} {wanted:?} {range:?}"
            );
        }
    }
}
