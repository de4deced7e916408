//! What a guest has to be told of its network.

use std::fmt::Write as _;

use super::plan::{GATEWAY_V6, RESOLVERS, RESOLVERS_V6, first_v6};
use crate::backend::scene::Machine;

/// The `network-config` of a machine for cloud-init's NoCloud source: its format version 2.
///
/// As at Hetzner, the public IPv4 address and those in private networks come by DHCP, with the routes that make a
/// /32 work; the IPv6 address is static. Private interfaces that are attached later are not in it: the image
/// needs a rule for `ens1*` (DHCP for IPv4, no router, no names).
pub(crate) fn guest_network_config(machine: &Machine) -> String {
    let mut text = String::from("version: 2\n");
    let public = &machine.public;
    if !public.exists() && machine.links.is_empty() {
        return text + "ethernets: {}\n";
    }
    text.push_str("ethernets:\n");
    if public.exists() {
        let _ = writeln!(text, "  eth0:\n    dhcp4: {}", public.v4.is_some());
        let mut resolvers: Vec<String> = Vec::new();
        if public.v4.is_some() {
            resolvers.extend(RESOLVERS.iter().map(ToString::to_string));
        }
        if let Some(net) = public.v6 {
            let own = first_v6(net);
            let _ = writeln!(text, "    addresses: [\"{own}/{}\"]", net.prefix_len());
            let _ = writeln!(text, "    gateway6: \"{GATEWAY_V6}\"");
            resolvers.extend(RESOLVERS_V6.iter().map(ToString::to_string));
        }
        let resolvers: Vec<String> = resolvers.iter().map(|address| format!("\"{address}\"")).collect();
        let _ = writeln!(text, "    nameservers:\n      addresses: [{}]", resolvers.join(", "));
    }
    for (place, _) in machine.links.iter().enumerate() {
        let _ = writeln!(text, "  ens{}:\n    dhcp4: true", 10 + place);
    }
    text
}
