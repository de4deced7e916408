//! Making, changing and removing links by `ip`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::IpAddr;

use ipnet::IpNet;

use super::super::site::Site;
use super::super::tools::ToolError;
use super::netns::{self, Interface};
use super::plan::{GATEWAY_V6, Key, Link, METADATA_V6};

/// A link that exists.
#[derive(Debug)]
pub(super) struct Existing {
    /// How it is configured; not known of one from an earlier run.
    pub(super) link: Option<Link>,
    /// Suffix of the inner namespace.
    pub(super) inner: String,
    /// Name of the inner end.
    pub(super) interface: String,
    /// The addresses that its inner end had when it was found.
    pub(super) found: Vec<IpAddr>,
}

/// A free name for the inner end of a link: `eth0` in the internet, else the first free one of `ens10`, `ens11`, …,
/// as Hetzner's machines call their interfaces.
pub(super) fn interface_name(link: &Link, existing: &BTreeMap<Key, Existing>) -> String {
    if link.is_public() {
        return "eth0".into();
    }
    let taken: Vec<&str> = existing
        .values()
        .filter(|other| other.inner == link.inner)
        .map(|other| other.interface.as_str())
        .collect();
    (10..)
        .map(|number: u32| format!("ens{number}"))
        .find(|name| !taken.contains(&name.as_str()))
        .unwrap_or_default()
}

/// Finds the inner end of a link from an earlier run.
pub(super) fn find(key: &Key, link: &Link, survey: &BTreeMap<String, Vec<Interface>>) -> Option<Existing> {
    let outer = survey.get(&key.outer)?.iter().find(|interface| interface.name == key.port)?;
    let inner = survey.get(&link.inner)?.iter().find(|interface| {
        interface.peer == Some(outer.index)
            && outer.peer == Some(interface.index)
            && interface.mac.eq_ignore_ascii_case(&link.mac)
    })?;
    let found = inner.addresses.iter().filter(|address| address.scope != "link");
    Some(Existing {
        link: None,
        inner: link.inner.clone(),
        interface: inner.name.clone(),
        found: found.filter_map(|address| address.local).collect(),
    })
}

/// Makes a link.
pub(super) fn create(site: &Site, key: &Key, link: &Link, interface: &str) -> Result<(), ToolError> {
    let Link { mac, mtu, .. } = link;
    let mut outer = format!(
        "link add {port} mtu {mtu} type veth peer name {interface} mtu {mtu} address {mac} netns {inner}\n",
        port = key.port,
        inner = site.namespace(&link.inner),
    );
    outer.push_str(&outer_commands(key, link));
    let made = netns::ip(site, &key.outer, &outer).and_then(|()| match &link.configured {
        Some(reached) => netns::ip(site, &link.inner, &inner_commands(link, interface, reached)),
        None => Ok(()),
    });
    if made.is_err() {
        // So that the next attempt begins anew.
        remove(site, &key.outer, [key.port.as_str()]);
    }
    made
}

/// Makes a link that exists what it should be.
pub(super) fn change(site: &Site, key: &Key, existing: &Existing, link: &Link) -> Result<(), ToolError> {
    let port = &key.port;
    match &existing.link {
        Some(old) => {
            let mut gone = String::new();
            for (net, by_way_of) in &old.behind {
                if link.behind.get(net) != Some(by_way_of) {
                    let _ = writeln!(gone, "route del {net} dev {port}");
                }
            }
            for address in old.on_link.difference(&link.on_link) {
                let _ = writeln!(gone, "route del {address} dev {port}");
            }
            netns::ip_leniently(site, &key.outer, &gone);
            if old.configured.is_some() {
                let mut gone = String::new();
                for address in old.on_link.difference(&link.on_link) {
                    let _ =
                        writeln!(gone, "address del {} dev {}", IpNet::from(*address), existing.interface);
                }
                for net in old.configured.iter().flatten() {
                    if !link.configured.iter().flatten().any(|kept| kept == net) {
                        let _ = writeln!(gone, "route del {net} dev {}", existing.interface);
                    }
                }
                netns::ip_leniently(site, &link.inner, &gone);
            }
        }
        // Whatever was routed to it goes, and whatever it had if nobody inside gives it addresses. `boot` is what
        // routes are marked with that nobody marked otherwise.
        None => {
            netns::ip_leniently(site, &key.outer, &format!("route flush dev {port} proto boot\n"));
            let _ = super::super::tools::run(
                "ip",
                &["-n", &site.namespace(&key.outer), "-6", "route", "flush", "dev", port, "proto", "boot"],
            );
            if link.configured.is_some() {
                let gone = existing.found.iter().filter(|address| !link.on_link.contains(address));
                let commands = gone.fold(String::new(), |mut text, address| {
                    let _ =
                        writeln!(text, "address del {} dev {}", IpNet::from(*address), existing.interface);
                    text
                });
                netns::ip_leniently(site, &link.inner, &commands);
            }
        }
    }
    netns::ip(site, &key.outer, &outer_commands(key, link))?;
    match &link.configured {
        Some(reached) => netns::ip(site, &link.inner, &inner_commands(link, &existing.interface, reached)),
        None => Ok(()),
    }
}

/// Removes links, with both of their ends.
pub(super) fn remove<'a>(site: &Site, outer: &str, ports: impl IntoIterator<Item = &'a str>) {
    let mut commands = String::new();
    for port in ports {
        let _ = writeln!(commands, "link del {port}");
    }
    netns::ip_leniently(site, outer, &commands);
}

/// What configures the end where packets are routed; may be repeated.
fn outer_commands(key: &Key, link: &Link) -> String {
    let port = &key.port;
    let mut text = format!("link set {port} up\n");
    let _ = writeln!(text, "address replace {}/32 dev {port}", link.gateway);
    if link.is_public() {
        let _ = writeln!(text, "address replace {GATEWAY_V6}/64 dev {port} nodad");
        let _ = writeln!(text, "address replace {METADATA_V6}/64 dev {port} nodad");
    } else {
        // The gateway answers for every address of the network, and at once.
        let _ = writeln!(text, "ntable change name arp_cache dev {port} proxy_delay 0");
    }
    for address in &link.on_link {
        let _ = writeln!(text, "route replace {address} dev {port}");
    }
    for (net, by_way_of) in &link.behind {
        match by_way_of {
            // Known to be on this link, whatever another route says.
            Some(IpAddr::V4(via)) => {
                let _ = writeln!(text, "route replace {net} via {via} dev {port} onlink");
            }
            Some(IpAddr::V6(via)) => {
                let _ = writeln!(text, "route replace {net} via {via} dev {port}");
            }
            None => {
                let _ = writeln!(text, "route replace {net} dev {port}");
            }
        }
    }
    text
}

/// What configures the other end, where nobody else does; may be repeated.
fn inner_commands(link: &Link, interface: &str, reached: &[IpNet]) -> String {
    let mut text = format!("link set lo up\nlink set {interface} up\n");
    let (mut v4, mut v6) = (false, false);
    for address in &link.on_link {
        let nodad = if address.is_ipv6() { " nodad" } else { "" };
        let _ = writeln!(text, "address replace {} dev {interface}{nodad}", IpNet::from(*address));
        v4 |= address.is_ipv4();
        v6 |= address.is_ipv6();
    }
    if v4 {
        let _ = writeln!(text, "route replace {} dev {interface}", link.gateway);
    }
    for net in reached {
        match net {
            IpNet::V4(net) if v4 => {
                let _ = writeln!(text, "route replace {net} via {} dev {interface}", link.gateway);
            }
            IpNet::V6(net) if v6 => {
                let _ = writeln!(text, "route replace {net} via {GATEWAY_V6} dev {interface}");
            }
            _ => {}
        }
    }
    text
}
