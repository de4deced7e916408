//! Firewalls: a table of nftables in the namespace of the internet, where every packet between two public interfaces
//! is forwarded, those of neighbours too.
//!
//! | chain | does |
//! |---|---|
//! | `origin` | drops IPv6 packets whose source does not belong to the link that they come from (of IPv4 the kernel's own filter drops them) |
//! | `pass` | lets established connections pass, asks the chain of the machine that sends, then that of the one that receives |
//! | `out-m1` | what machine 1 may send; returns if it may |
//! | `in-m1` | what may be sent to machine 1 |
//!
//! A rule that is taken away ends no connection: Hetzner's documentation says that connections are tracked and
//! nothing of their being cut.
//! What machines say to the gateway itself (DHCP, metadata, names) is not forwarded and so not filtered, as at
//! Hetzner.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use ipnet::IpNet;

use super::super::site::Site;
use super::super::tools::{self, ToolError};
use super::netns;
use super::plan::INTERNET;
use crate::backend::scene::{Filter, Pass, PassProtocol};

/// The table: each world's is alone in a namespace of its own.
const TABLE: &str = "inet ferroform";

/// Makes the table anew with these filters, at one stroke.
pub(super) fn rebuild(site: &Site, filters: &BTreeMap<String, Filter>) -> Result<(), ToolError> {
    let mut script = format!(
        "table {TABLE}\ndelete table {TABLE}\n\
         table {TABLE} {{\n\
         map outbound {{ type ifname : verdict; }}\n\
         map inbound {{ type ifname : verdict; }}\n\
         chain origin {{\n\
         type filter hook prerouting priority raw; policy accept;\n\
         meta nfproto ipv4 accept\n\
         iifname \"lo\" accept\n\
         ip6 saddr fe80::/10 accept\n\
         ip6 saddr :: accept\n\
         fib saddr . iif oif missing drop\n\
         }}\n\
         chain pass {{\n\
         type filter hook forward priority filter; policy accept;\n\
         ct state established,related accept\n\
         iifname vmap @outbound\n\
         oifname vmap @inbound\n\
         }}\n\
         }}\n"
    );
    for (port, filter) in filters {
        add(&mut script, port, filter);
    }
    load(site, &script)
}

/// Makes the filters that differ what they should be, at one stroke.
pub(super) fn update(
    site: &Site,
    old: &BTreeMap<String, Filter>,
    new: &BTreeMap<String, Filter>,
) -> Result<(), ToolError> {
    let script = update_script(old, new);
    if script.is_empty() { Ok(()) } else { load(site, &script) }
}

fn update_script(old: &BTreeMap<String, Filter>, new: &BTreeMap<String, Filter>) -> String {
    let mut script = String::new();
    for (port, filter) in old {
        if new.get(port) != Some(filter) {
            remove(&mut script, port, filter);
        }
    }
    for (port, filter) in new {
        if old.get(port) != Some(filter) {
            add(&mut script, port, filter);
        }
    }
    script
}

fn load(site: &Site, script: &str) -> Result<(), ToolError> {
    netns::inside(&site.namespace_path(INTERNET), || tools::run_with_input("nft", &["-f", "-"], script))??;
    Ok(())
}

fn add(script: &mut String, port: &str, filter: &Filter) {
    if let Some(outbound) = &filter.outbound {
        let _ = writeln!(script, "add chain {TABLE} out-{port}");
        for pass in outbound {
            rules(script, &format!("out-{port}"), "daddr", pass, "return");
        }
        let _ = writeln!(script, "add rule {TABLE} out-{port} drop");
        let _ = writeln!(script, "add element {TABLE} outbound {{ \"{port}\" : jump out-{port} }}");
    }
    let _ = writeln!(script, "add chain {TABLE} in-{port}");
    for pass in &filter.inbound {
        rules(script, &format!("in-{port}"), "saddr", pass, "accept");
    }
    let _ = writeln!(script, "add rule {TABLE} in-{port} drop");
    let _ = writeln!(script, "add element {TABLE} inbound {{ \"{port}\" : jump in-{port} }}");
}

fn remove(script: &mut String, port: &str, filter: &Filter) {
    let mut forget = |map: &str, chain: &str| {
        let _ = writeln!(script, "delete element {TABLE} {map} {{ \"{port}\" }}");
        let _ = writeln!(script, "flush chain {TABLE} {chain}-{port}");
        let _ = writeln!(script, "delete chain {TABLE} {chain}-{port}");
    };
    if filter.outbound.is_some() {
        forget("outbound", "out");
    }
    forget("inbound", "in");
}

fn rules(script: &mut String, chain: &str, side: &str, pass: &Pass, verdict: &str) {
    let ports = |name: &str, ports: &std::ops::RangeInclusive<u16>| {
        let (first, last) = (*ports.start(), *ports.end());
        match (first, last) {
            (0..=1, u16::MAX) => format!("meta l4proto {name}"),
            _ if first == last => format!("{name} dport {first}"),
            _ => format!("{name} dport {first}-{last}"),
        }
    };
    for (family, nets) in families(&pass.peers) {
        let protocol = match &pass.protocol {
            PassProtocol::Tcp(range) => ports("tcp", range),
            PassProtocol::Udp(range) => ports("udp", range),
            PassProtocol::Icmp if family == "ip" => "meta l4proto icmp".to_owned(),
            PassProtocol::Icmp => "meta l4proto ipv6-icmp".to_owned(),
            PassProtocol::Esp => "meta l4proto esp".to_owned(),
            PassProtocol::Gre => "meta l4proto gre".to_owned(),
        };
        let peers = if nets.iter().any(|net| net.prefix_len() == 0) {
            format!("meta nfproto {}", if family == "ip" { "ipv4" } else { "ipv6" })
        } else {
            let nets: Vec<String> = nets.iter().map(ToString::to_string).collect();
            format!("{family} {side} {{ {} }}", nets.join(", "))
        };
        let _ = writeln!(script, "add rule {TABLE} {chain} {peers} {protocol} {verdict}");
    }
}

/// The networks of each family, none within another, as sets of nftables must have them.
fn families(peers: &[IpNet]) -> Vec<(&'static str, Vec<IpNet>)> {
    let nets = IpNet::aggregate(&peers.iter().map(IpNet::trunc).collect());
    let (v4, v6): (Vec<_>, Vec<_>) = nets.into_iter().partition(|net| matches!(net, IpNet::V4(_)));
    [("ip", v4), ("ip6", v6)].into_iter().filter(|(_, nets)| !nets.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pass(protocol: PassProtocol, peers: &[&str]) -> Pass {
        Pass { protocol, peers: peers.iter().map(|net| net.parse().unwrap()).collect() }
    }

    #[test]
    fn a_rule_becomes_one_line_a_family_with_overlaps_merged() {
        let check = |pass: Pass, expected: &[&str]| {
            let mut script = String::new();
            rules(&mut script, "in-m1", "saddr", &pass, "accept");
            let lines: Vec<&str> = script
                .lines()
                .map(|line| line.strip_prefix("add rule inet ferroform in-m1 ").unwrap())
                .collect();
            assert_eq!(lines, expected);
        };
        check(
            pass(PassProtocol::Tcp(80..=80), &["0.0.0.0/0", "::/0", "10.0.0.0/8"]),
            &["meta nfproto ipv4 tcp dport 80 accept", "meta nfproto ipv6 tcp dport 80 accept"],
        );
        check(
            pass(PassProtocol::Udp(80..=85), &["192.0.2.0/24", "192.0.2.7/32", "198.51.100.1/32"]),
            &["ip saddr { 192.0.2.0/24, 198.51.100.1/32 } udp dport 80-85 accept"],
        );
        check(
            pass(PassProtocol::Tcp(1..=65535), &["2001:db8::/32"]),
            &["ip6 saddr { 2001:db8::/32 } meta l4proto tcp accept"],
        );
        check(
            pass(PassProtocol::Icmp, &["0.0.0.0/0", "::/0"]),
            &[
                "meta nfproto ipv4 meta l4proto icmp accept",
                "meta nfproto ipv6 meta l4proto ipv6-icmp accept",
            ],
        );
        check(pass(PassProtocol::Gre, &[]), &[]);
    }

    #[test]
    fn only_what_changed_is_sent() {
        let filter = |port| Filter {
            inbound: vec![pass(PassProtocol::Tcp(port..=port), &["0.0.0.0/0"])],
            outbound: None,
        };
        let old = BTreeMap::from([("m1".to_owned(), filter(1)), ("m2".to_owned(), filter(2))]);
        let mut new = old.clone();
        assert_eq!(update_script(&old, &new), "");
        new.insert("m2".to_owned(), filter(3));
        let script = update_script(&old, &new);
        assert!(!script.contains("m1"), "{script}");
        assert!(script.contains("delete element inet ferroform inbound { \"m2\" }"), "{script}");
        assert!(script.contains("tcp dport 3 accept"), "{script}");
    }
}
