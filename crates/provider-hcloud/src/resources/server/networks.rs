//! The `network` blocks of a server: the private networks it is in.

use std::collections::BTreeMap;

use ferroform_core::schema::{Attribute, Block};
use ferroform_core::{Type, Value};
use ferroform_hcloud::{NetworkAttachment, PrivateNet, Server};

use crate::attrs::{Attrs, State, int, text, text_set};
use crate::cx::{Cx, Tolerance};
use crate::failure::Failure;
use crate::resource::Plan;
use crate::resources::attached::{ATTACHING, DETACHING};
use crate::resources::part::split_id;
use crate::rules::{self, Problems, same_address};

pub(super) fn block() -> Block {
    Block::of([
        ("network_id", Attribute::optional_computed(Type::Number)),
        ("subnet_id", Attribute::optional_computed(Type::String)),
        ("ip", Attribute::optional_computed(Type::String)),
        ("alias_ips", Attribute::optional_computed(Type::set(Type::String))),
        ("mac_address", Attribute::computed(Type::String)),
    ])
}

pub(super) fn validate(config: Attrs<'_>, problems: &mut Problems) {
    let mut networks: Vec<i64> = config.blocks("network").filter_map(network_of).collect();
    let blocks = networks.len();
    networks.sort_unstable();
    networks.dedup();
    if networks.len() < blocks {
        problems.add("network", "Invalid network block", "A server can be in each network only once.");
    }
    for block in config.blocks("network") {
        let path = rules::element("network", block);
        let mut wrong = |name: &str, detail: String| {
            problems.add_at(path.clone().with_attr(name), "Invalid network block", detail);
        };
        if !block.is_set("network_id") && !block.is_set("subnet_id") {
            wrong("network_id", "A `network` block needs a `network_id` or a `subnet_id`.".to_owned());
        }
        if let Some(subnet) = block.text("subnet_id") {
            match split_id(subnet) {
                None => wrong(
                    "subnet_id",
                    format!("{subnet:?} is not the id of a subnet, such as `123-10.0.1.0/24`."),
                ),
                Some((network, _)) if block.positive("network_id").is_some_and(|id| id != network) => {
                    wrong(
                        "subnet_id",
                        format!("The subnet {subnet} is not one of the network in `network_id`."),
                    );
                }
                Some(_) => {}
            }
        }
        let ip = block.text("ip").map(|ip| ("ip", ip.to_owned()));
        let aliases = block.texts("alias_ips").into_iter().map(|ip| ("alias_ips", ip));
        for (name, ip) in ip.into_iter().chain(aliases) {
            if ip.parse::<std::net::Ipv4Addr>().is_err() {
                wrong(name, format!("{ip:?} is not an IPv4 address."));
            }
        }
    }
}

/// The network that a block names, by its number or by its subnet.
fn network_of(block: Attrs<'_>) -> Option<i64> {
    block.positive("network_id").or_else(|| split_id(block.text("subnet_id")?).map(|(network, _)| network))
}

/// Plans the blocks: what configuration leaves open stays as it is where the server stays in the network, and is
/// found out by attaching where it does not.
pub(super) fn plan(plan: &mut Plan<'_>) {
    let Some(blocks) = plan.config.get("network").as_slice() else { return };
    let before: BTreeMap<i64, Attrs<'_>> = plan
        .prior
        .into_iter()
        .flat_map(|prior| prior.blocks("network"))
        .filter_map(|block| Some((network_of(block)?, block)))
        .collect();
    let planned = blocks.iter().map(|block| {
        let config = Attrs(block);
        let network = network_of(config);
        let prior = network.and_then(|id| before.get(&id)).copied().filter(|prior| stays(*prior, config));
        let or = |name: &str, ty: Type| match prior {
            Some(prior) if !config.is_set(name) => prior.get(name).clone(),
            None if !config.is_set(name) => Value::unknown(ty),
            _ => config.get(name).clone(),
        };
        let subnet = match prior {
            Some(prior) if !config.is_set("subnet_id") => prior.get("subnet_id").clone(),
            _ if !config.is_set("subnet_id") => Value::null(Type::String),
            _ => config.get("subnet_id").clone(),
        };
        let network_id = match network {
            Some(id) if !config.is_set("network_id") => int(id),
            _ => or("network_id", Type::Number),
        };
        Value::object([
            ("network_id", network_id),
            ("subnet_id", subnet),
            ("ip", or("ip", Type::String)),
            ("alias_ips", or("alias_ips", Type::set(Type::String))),
            ("mac_address", or("mac_address", Type::String)),
        ])
    });
    let planned = Value::set(block().implied_type(), planned);
    plan.set("network", planned);
}

/// Whether a server stays in a network with the address it has.
fn stays(prior: Attrs<'_>, config: Attrs<'_>) -> bool {
    let same_ip = !config.is_set("ip")
        || matches!((prior.text("ip"), config.text("ip")), (Some(a), Some(b)) if same_address(a, b));
    // States of before had no subnet; naming the one that the address lies in changes nothing.
    let same_subnet = match (config.is_set("subnet_id"), config.text("subnet_id")) {
        (false, _) => true,
        (true, None) => false,
        (true, Some(subnet)) => {
            prior.text("subnet_id").map_or_else(|| lies_in(prior, subnet), |before| before == subnet)
        }
    };
    same_ip && same_subnet
}

fn lies_in(prior: Attrs<'_>, subnet: &str) -> bool {
    let range = split_id(subnet).and_then(|(_, range)| range.parse::<ipnet::Ipv4Net>().ok());
    let ip = prior.text("ip").and_then(|ip| ip.parse().ok());
    matches!((range, ip), (Some(range), Some(ip)) if range.contains::<&std::net::Ipv4Addr>(&ip))
}

/// Writes the blocks if configuration has any; servers may be attached by resources of their own instead.
pub(super) fn observe(prior: Attrs<'_>, state: &mut State, server: &Server) {
    if prior.blocks("network").len() == 0 {
        return;
    }
    let subnet_of = |net: &PrivateNet| {
        let block = prior.blocks("network").find(|block| network_of(*block) == Some(net.network));
        block.map(|block| block.get("subnet_id")).filter(|v| v.is_wholly_known() && !v.is_null()).cloned()
    };
    let blocks = server.private_net.iter().map(|net| {
        Value::object([
            ("network_id", int(net.network)),
            ("subnet_id", subnet_of(net).unwrap_or_else(|| Value::null(Type::String))),
            ("ip", text(&net.ip)),
            ("alias_ips", text_set(&net.alias_ips)),
            ("mac_address", text(&net.mac_address)),
        ])
    });
    state.set("network", Value::set(block().implied_type(), blocks));
}

/// How a block wants the server to be attached.
fn attachment(block: Attrs<'_>) -> Option<NetworkAttachment> {
    Some(NetworkAttachment {
        network: network_of(block)?,
        ip: block.text("ip").map(str::to_owned),
        ip_range: block.text("subnet_id").and_then(split_id).map(|(_, range)| range.to_owned()),
        alias_ips: block.texts("alias_ips"),
    })
}

/// Attaches a server, unless it is attached already.
async fn attach(cx: &Cx, server: i64, attachment: &NetworkAttachment) -> Result<(), Failure> {
    Ok(cx.step(ATTACHING, || cx.client.servers().attach_to_network(server, attachment)).await?)
}

/// Detaches a server, if it is attached.
async fn detach(cx: &Cx, server: i64, network: i64) -> Result<(), Failure> {
    Ok(cx.step(DETACHING, || cx.client.servers().detach_from_network(server, network)).await?)
}

/// Attaches a new server to all of its networks.
pub(super) async fn attach_all(cx: &Cx, server: i64, planned: Attrs<'_>) -> Result<(), Failure> {
    for attachment in planned.blocks("network").filter_map(attachment) {
        attach(cx, server, &attachment).await?;
    }
    Ok(())
}

/// Brings the attachments of a server from `prior` to `planned`.
pub(super) async fn change(
    cx: &Cx,
    server: i64,
    prior: Attrs<'_>,
    planned: Attrs<'_>,
) -> Result<(), Failure> {
    let by_network = |attrs: Attrs<'_>| -> BTreeMap<i64, NetworkAttachment> {
        attrs.blocks("network").filter_map(attachment).map(|a| (a.network, a)).collect()
    };
    let (before, after) = (by_network(prior), by_network(planned));
    for network in before.keys().filter(|network| !after.contains_key(network)) {
        detach(cx, server, *network).await?;
    }
    for (network, wanted) in &after {
        match before.get(network) {
            None => attach(cx, server, wanted).await?,
            Some(is) if wanted.ip.is_none() || wanted.ip != is.ip => {
                detach(cx, server, *network).await?;
                attach(cx, server, wanted).await?;
            }
            Some(is) if sorted(&wanted.alias_ips) != sorted(&is.alias_ips) => {
                let call = || cx.client.servers().change_alias_ips(server, *network, &wanted.alias_ips);
                cx.step(Tolerance::NONE, call).await?;
            }
            Some(_) => {}
        }
    }
    Ok(())
}

fn sorted(items: &[String]) -> Vec<&String> {
    let mut sorted: Vec<&String> = items.iter().collect();
    sorted.sort();
    sorted
}
