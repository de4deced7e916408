//! Networks, their subnets and routes, and the addresses of what is attached to them.

use std::net::Ipv4Addr;

use ferroform_core::{AttrPath, Diagnostic, Value};
use ipnet::Ipv4Net;

use super::{Around, Name, concerns, listed, offers};
use crate::attrs::Attrs;
use crate::resource::Plan;
use crate::resources::part::split_id;
use crate::rules::in_block;

/// What is not in the network or subnet that it belongs to.
const OUTSIDE: &str = "Address outside its network";
const OVERLAP: &str = "Overlapping ranges";
const RESERVED: &str = "Address is reserved";

/// Where vSwitches can be connected (Hetzner API documentation, "Add a subnet to a Network").
const VSWITCH_ZONE: &str = "eu-central";

/// Networks of a server that are known to be possible; that there are no more is not documented.
const USUAL_PER_SERVER: usize = 3;
/// Alias addresses in a network that are known to be possible; that there are no more is not documented.
const USUAL_ALIASES: usize = 5;

/// How many ranges are looked at for one that is free.
const CANDIDATES: usize = 1024;

fn range_of(value: &Value, attribute: &str) -> Option<Ipv4Net> {
    value.get(attribute)?.as_str()?.parse().ok()
}

fn overlap(a: &Ipv4Net, b: &Ipv4Net) -> bool {
    a.contains(b) || b.contains(a)
}

/// The range of the network that an id names.
fn network_range(around: &Around<'_>, id: &Value) -> Option<Ipv4Net> {
    match around.object("hcloud_network", id) {
        Some(network) => range_of(&network, "ip_range"),
        None => around.network_read(id.as_number()?.to_i64()?)?.ip_range.parse().ok(),
    }
}

/// The first address of a network, which is the gateway of all its subnets.
fn gateway(network: &Ipv4Net) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(network.network()).saturating_add(1))
}

/// A range of this size in a network that nothing else has.
fn free(network: &Ipv4Net, size: u8, taken: &[Ipv4Net]) -> Option<Ipv4Net> {
    let mut ranges = network.subnets(size).ok()?.take(CANDIDATES);
    ranges.find(|range| taken.iter().all(|other| !overlap(range, other)))
}

/// A subnet lies in its network, beside the others and the routes, in a zone that there is.
pub(crate) async fn subnet(plan: &mut Plan<'_>, around: &Around<'_>) {
    offers::network_zone(plan, around).await;
    if plan.get("type").as_str() == Some("vswitch")
        && let Some(zone) = plan.get("network_zone").as_str().filter(|zone| *zone != VSWITCH_ZONE)
    {
        let detail = format!(
            "A vSwitch can be connected in the network zone `{VSWITCH_ZONE}` only, not in {zone:?}. Use that zone, or the type \
             `cloud`."
        );
        plan.problems.add("network_zone", "No vSwitch in this network zone", detail);
    }
    let network_id = plan.get("network_id").clone();
    let Some(range) = plan.get("ip_range").as_str().and_then(|range| range.parse::<Ipv4Net>().ok()) else {
        return;
    };
    let network = network_range(around, &network_id);
    let subnets = around.others("hcloud_network_subnet", &network_id, Some(plan.get("id")));
    let mut taken: Vec<Ipv4Net> = subnets.iter().filter_map(|other| range_of(other, "ip_range")).collect();
    taken.sort();
    let instead = network
        .and_then(|network| free(&network, range.prefix_len(), &taken))
        .map(|free| format!(" {free} is possible, for example."))
        .unwrap_or_default();
    if let Some(network) =
        network.filter(|network| concerns(plan, &["ip_range"]) && !network.contains(&range))
    {
        plan.problems.add(
            "ip_range",
            "Subnet outside its network",
            format!("{range} does not lie in the network's range {network}.{instead}"),
        );
    } else if let Some(other) = taken.iter().find(|other| overlap(other, &range)) {
        plan.problems.add(
            "ip_range",
            OVERLAP,
            format!("{range} overlaps with the subnet {other} of the same network.{instead}"),
        );
    }
    let routes = around.others("hcloud_network_route", &network_id, None);
    let routes = routes.iter().filter_map(|route| range_of(route, "destination"));
    if let Some(route) = routes.filter(|route| route.prefix_len() > 0).find(|route| overlap(route, &range)) {
        let detail =
            format!("{range} overlaps with the destination {route} of a route of the same network.{instead}");
        plan.problems.add("ip_range", OVERLAP, detail);
    }
}

/// A route leads to somewhere else than subnets and other routes do, by a gateway in the network.
pub(crate) fn route(plan: &mut Plan<'_>, around: &Around<'_>) {
    let network_id = plan.get("network_id").clone();
    if let (Some(gateway_address), Some(network)) = (
        plan.get("gateway").as_str().and_then(|text| text.parse::<Ipv4Addr>().ok()),
        network_range(around, &network_id).filter(|_| concerns(plan, &["gateway"])),
    ) {
        if !network.contains(&gateway_address) {
            plan.problems.add(
                "gateway",
                OUTSIDE,
                format!(
                    "{gateway_address} does not lie in the network's range {network}. The gateway is the private address of a \
                     server in the network."
                ),
            );
        } else if gateway_address == gateway(&network) {
            plan.problems.add(
                "gateway",
                RESERVED,
                format!("{gateway_address} is the network's own gateway; use the private address of a server in it."),
            );
        }
    }
    let Some(destination) = plan.get("destination").as_str().and_then(|text| text.parse::<Ipv4Net>().ok())
    else {
        return;
    };
    let clash = |other: &Ipv4Net| {
        if other.prefix_len() == 0 || destination.prefix_len() == 0 {
            *other == destination
        } else {
            overlap(other, &destination)
        }
    };
    for (type_name, attribute, what) in
        [("hcloud_network_subnet", "ip_range", "subnet"), ("hcloud_network_route", "destination", "route to")]
    {
        let others = around.others(type_name, &network_id, Some(plan.get("id")));
        let mut ranges: Vec<Ipv4Net> = others.iter().filter_map(|other| range_of(other, attribute)).collect();
        ranges.sort();
        if let Some(other) = ranges.iter().find(|other| clash(other)) {
            plan.problems.add(
                "destination",
                OVERLAP,
                format!("{destination} overlaps with the {what} {other} of the same network; a destination lies beside them."),
            );
        }
    }
}

/// What an attachment asks for.
struct Wish<'v> {
    network_id: &'v Value,
    subnet_id: &'v Value,
    /// The location of what is attached, where it is known.
    location: Option<String>,
}

/// What is known of the place of an attachment.
struct Place {
    network: Option<Ipv4Net>,
    /// The subnet's range and zone, where the attachment names one.
    subnet: Option<(Ipv4Net, Option<String>)>,
    /// The ranges and zones of the subnets that the network has, and whether these are all.
    subnets: Vec<(Ipv4Net, String)>,
}

impl Place {
    fn of(around: &Around<'_>, wish: &Wish<'_>) -> Place {
        let planned = around.object("hcloud_network_subnet", wish.subnet_id);
        let zone = |subnet: &Value| subnet.get("network_zone").and_then(Value::as_str).map(str::to_owned);
        let known = wish.subnet_id.as_str().and_then(split_id);
        let network_id = match (&planned, known) {
            (Some(subnet), _) => subnet.get("network_id").cloned(),
            (None, Some((network, _))) => Some(Value::number(network)),
            (None, None) => Some(wish.network_id.clone()),
        };
        let network_id = network_id.unwrap_or_else(Value::null_dynamic);
        let subnet = match &planned {
            Some(subnet) => range_of(subnet, "ip_range").map(|range| (range, zone(subnet))),
            None => known.and_then(|(_, range)| range.parse().ok()).map(|range| (range, None)),
        };
        let others = around.others("hcloud_network_subnet", &network_id, None);
        let mut subnets: Vec<(Ipv4Net, String)> =
            others.iter().filter_map(|other| Some((range_of(other, "ip_range")?, zone(other)?))).collect();
        if let Some(read) = network_id.as_number().and_then(|n| around.network_read(n.to_i64()?)) {
            let read = read.subnets.iter();
            subnets.extend(
                read.filter_map(|s| Some((s.ip_range.as_deref()?.parse().ok()?, s.network_zone.clone()))),
            );
        }
        subnets.sort();
        subnets.dedup();
        Place { network: network_range(around, &network_id), subnet, subnets }
    }

    /// What is wrong with an address of an attachment, if it certainly is.
    fn refuses(&self, address: Ipv4Addr) -> Option<(&'static str, String)> {
        if let Some((subnet, _)) = self.subnet.as_ref().filter(|(subnet, _)| !subnet.contains(&address)) {
            return Some((
                OUTSIDE,
                format!("{address} does not lie in the subnet {subnet}.{}", example(self, subnet)),
            ));
        }
        let network = self.network?;
        if !network.contains(&address) {
            return Some((OUTSIDE, format!("{address} does not lie in the network's range {network}.")));
        }
        (address == gateway(&network)).then(|| {
            let range = self.subnet.as_ref().map_or(network, |(subnet, _)| *subnet);
            (
                RESERVED,
                format!(
                    "{address} is the first address of the network {network}, which is its gateway.{}",
                    example(self, &range)
                ),
            )
        })
    }

    /// What is doubtful about an address: subnets may come that nothing here depends on.
    fn doubts(&self, address: Ipv4Addr) -> Option<String> {
        let inside = |(range, _): &(Ipv4Net, String)| range.contains(&address);
        let doubtful = self.subnet.is_none() && !self.subnets.is_empty() && !self.subnets.iter().any(inside);
        doubtful.then(|| {
            format!(
                "{address} lies in none of the subnets that the network has by then: {}. Choose an address of one of them, or let \
                 this depend on the subnet that it lies in.",
                listed(self.subnets.iter().map(|(range, _)| range.to_string()))
            )
        })
    }
}

/// A sentence with an address that is possible in a range.
fn example(place: &Place, range: &Ipv4Net) -> String {
    let taken = place.network.map(|network| gateway(&network));
    let mut hosts = range.hosts().filter(|host| Some(*host) != taken);
    let (first, last) = (hosts.next(), range.hosts().next_back());
    match (first, last) {
        (Some(first), Some(last)) => format!(" Addresses from {first} to {last} are possible."),
        _ => String::new(),
    }
}

fn check_addresses(plan: &mut Plan<'_>, place: &Place, addresses: Vec<(AttrPath, String)>) {
    for (path, address) in addresses {
        let Ok(address) = address.parse::<Ipv4Addr>() else { continue };
        if let Some((summary, detail)) = place.refuses(address) {
            plan.problems.add_at(path, summary, detail);
        } else if let Some(detail) = place.doubts(address) {
            plan.problems.push(Diagnostic::warning("Address in no subnet").detail(detail).attribute(path));
        }
    }
}

/// The zone of the subnet, or of one of the subnets, is that of the location.
fn check_zone(plan: &mut Plan<'_>, wish: &Wish<'_>, place: &Place, path: AttrPath, what: &str) {
    let Some(location) = &wish.location else { return };
    let Some(zone) = offers::zone_of(location) else { return };
    match &place.subnet {
        Some((range, Some(of_subnet))) if of_subnet != zone => plan.problems.add_at(
            path,
            "Subnet in another network zone",
            format!(
                "The {what} is in {location}, which is in the network zone {zone}; the subnet {range} is in {of_subnet}. Name a \
                 subnet with the `network_zone` {zone:?}, or put the {what} into a location of {of_subnet}."
            ),
        ),
        None if !place.subnets.is_empty() && place.subnets.iter().all(|(_, other)| other != zone) => {
            let zones = listed(place.subnets.iter().map(|(_, zone)| zone.clone()));
            plan.problems.push(
                Diagnostic::warning("No subnet in this network zone")
                    .detail(format!(
                        "The {what} is in {location}, which is in the network zone {zone}; the network has subnets by then in \
                         {zones} only. Give it one with the `network_zone` {zone:?}, on which this depends."
                    ))
                    .attribute(path),
            );
        }
        _ => {}
    }
}

/// The attachment of a server or load balancer as a resource of its own.
pub(crate) fn attachment(plan: &mut Plan<'_>, around: &Around<'_>, owner_type: &'static str, owner: &str) {
    let (network_id, subnet_id) = (plan.get("network_id").clone(), plan.get("subnet_id").clone());
    let located = around.object(owner_type, plan.get(owner));
    let location =
        located.as_ref().and_then(|o| o.get("location")).and_then(Value::as_str).map(str::to_owned);
    let wish = Wish { network_id: &network_id, subnet_id: &subnet_id, location };
    if !concerns(plan, &["ip", "alias_ips", "network_id", "subnet_id"]) {
        return;
    }
    let place = Place::of(around, &wish);
    let planned = Value::from_attributes(plan.planned.clone());
    let attrs = Attrs(&planned);
    let ip = attrs.text("ip").map(|ip| (AttrPath::attr("ip"), ip.to_owned()));
    let aliases = attrs.texts("alias_ips").into_iter().map(|ip| (AttrPath::attr("alias_ips"), ip));
    check_addresses(plan, &place, ip.into_iter().chain(aliases).collect());
    let by = if subnet_id.is_null() { "network_id" } else { "subnet_id" };
    let what = if owner_type == "hcloud_server" { "server" } else { "load balancer" };
    check_zone(plan, &wish, &place, AttrPath::attr(by), what);
    few_aliases(plan, attrs.texts("alias_ips").len(), "alias_ips");
}

/// A server's networks, over all its attachments.
pub(crate) fn of_server_by_parts(plan: &mut Plan<'_>, around: &Around<'_>) {
    let server_id = plan.get("server_id").clone();
    let mut networks: Vec<Name> = around
        .others("hcloud_server_network", &server_id, Some(plan.get("id")))
        .iter()
        .chain([&Value::from_attributes(plan.planned.clone())])
        .filter_map(|attachment| network_named(around, Attrs(attachment)))
        .collect();
    networks.sort();
    networks.dedup();
    few_networks(plan, networks.len(), "server_id");
}

/// The `network` blocks of a server.
pub(crate) fn of_server(plan: &mut Plan<'_>, around: &Around<'_>) {
    if plan.prior.is_some() && !plan.changes("network") {
        return;
    }
    let location = plan.get("location").as_str().map(str::to_owned);
    let config = plan.config;
    for block in config.blocks("network") {
        let (network_id, subnet_id) = (block.get("network_id"), block.get("subnet_id"));
        let wish = Wish { network_id, subnet_id, location: location.clone() };
        let place = Place::of(around, &wish);
        let at = |name: &str| in_block("network", block, name);
        let ip = block.text("ip").map(|ip| (at("ip"), ip.to_owned()));
        let aliases = block.texts("alias_ips");
        let number = aliases.len();
        let aliases = aliases.into_iter().map(|ip| (at("alias_ips"), ip));
        check_addresses(plan, &place, ip.into_iter().chain(aliases).collect());
        let by = if subnet_id.is_null() { "network_id" } else { "subnet_id" };
        check_zone(plan, &wish, &place, at(by), "server");
        few_aliases(plan, number, "network");
    }
    few_networks(plan, config.blocks("network").len(), "network");
}

/// The network that an attachment names, by itself or by its subnet.
fn network_named(around: &Around<'_>, attachment: Attrs<'_>) -> Option<Name> {
    if let Some(name) = Name::of(attachment.get("network_id")) {
        return Some(name);
    }
    let subnet = attachment.get("subnet_id");
    match around.object("hcloud_network_subnet", subnet) {
        Some(planned) => Name::of(planned.get("network_id")?),
        None => split_id(subnet.as_str()?).map(|(network, _)| Name::Known(network.to_string())),
    }
}

fn few_networks(plan: &mut Plan<'_>, number: usize, attribute: &str) {
    if number > USUAL_PER_SERVER {
        plan.problems.push(
            Diagnostic::warning("Many networks for a server")
                .detail(format!(
                    "The server gets {number} networks. Hetzner is said to allow {USUAL_PER_SERVER} a server, so that the rest may be \
                     refused while applying. Subnets of one network reach each other without more networks."
                ))
                .attribute(AttrPath::attr(attribute)),
        );
    }
}

fn few_aliases(plan: &mut Plan<'_>, number: usize, attribute: &str) {
    if number > USUAL_ALIASES {
        plan.problems.push(
            Diagnostic::warning("Many alias addresses")
                .detail(format!(
                    "The attachment gets {number} alias addresses. Hetzner is said to allow {USUAL_ALIASES}, so that this may be refused \
                     while applying. A route with the server as its gateway reaches any number."
                ))
                .attribute(AttrPath::attr(attribute)),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_free_range_lies_in_the_network_beside_what_is_taken() {
        let net = |text: &str| text.parse::<Ipv4Net>().unwrap();
        for (size, taken, expected) in [
            (24, vec![], Some("10.0.0.0/24")),
            (24, vec!["10.0.0.0/23"], Some("10.0.2.0/24")),
            (23, vec!["10.0.0.64/26"], Some("10.0.2.0/23")),
            (16, vec!["10.0.9.0/24"], None),
            (8, vec![], None),
        ] {
            let taken: Vec<Ipv4Net> = taken.into_iter().map(net).collect();
            let found = free(&net("10.0.0.0/16"), size, &taken);
            assert_eq!(found.map(|f| f.to_string()).as_deref(), expected, "/{size} beside {taken:?}");
        }
    }
}
