//! What the attachments of servers and of load balancers to networks have in common. Their ids are
//! `<server or load balancer id>-<network id>`.

use ferroform_core::Diagnostic;
use ferroform_hcloud::{NetworkAttachment, code};

use super::parse_id;
use super::part::split_id;
use crate::attrs::{Attrs, State, int};
use crate::cx::Tolerance;
use crate::failure::Failure;
use crate::resource::Plan;
use crate::rules::{self, Problems, same_address_value};

/// Attaching waits for subnets that are being made and for servers that are busy.
pub(crate) const ATTACHING: Tolerance = Tolerance {
    done: &[code::SERVER_ALREADY_ATTACHED, code::LOAD_BALANCER_ALREADY_ATTACHED],
    passing: &[code::NO_SUBNET_AVAILABLE, code::SERVICE_ERROR],
    ..Tolerance::NONE
};

/// Detaching what is not attached is no failure.
pub(crate) const DETACHING: Tolerance = Tolerance {
    done: &[code::NOT_FOUND, "server_not_attached_to_network", "load_balancer_not_attached_to_network"],
    passing: &[code::SERVICE_ERROR],
    ..Tolerance::NONE
};

/// The numbers of what is attached (in the attribute `owner`) and of the network: by attributes, or by the id alone.
pub(super) fn place(attrs: Attrs<'_>, owner: &str) -> Option<(i64, i64)> {
    let network = attrs
        .positive("network_id")
        .or_else(|| split_id(attrs.text("subnet_id")?).map(|(network, _)| network));
    match (attrs.positive(owner), network) {
        (Some(owner), Some(network)) => Some((owner, network)),
        _ => split(attrs.text("id")?),
    }
}

fn split(id: &str) -> Option<(i64, i64)> {
    let (owner, network) = id.split_once('-')?;
    Some((parse_id(owner)?, parse_id(network)?))
}

/// Fills the state of an import.
pub(super) fn import(id: &str, owner: &str, state: &mut State) -> Option<()> {
    let (owner_id, network) = split(id)?;
    state.set(owner, int(owner_id));
    state.set("network_id", int(network));
    Some(())
}

/// The network is named by its number or by a subnet of it, and addresses are addresses.
pub(super) fn validate(config: Attrs<'_>, problems: &mut Problems) {
    rules::exactly_one(config, &["network_id", "subnet_id"], problems);
    if let Some(subnet) = config.text("subnet_id")
        && split_id(subnet).is_none()
    {
        problems.add(
            "subnet_id",
            "Invalid attribute value",
            format!("{subnet:?} is not the id of a subnet, such as `123-10.0.1.0/24`."),
        );
    }
    rules::address(config, "ip", problems);
}

/// A subnet says which network it is of.
pub(super) fn plan(plan: &mut Plan<'_>) {
    if !plan.config.is_set("network_id")
        && let Some((network, _)) = plan.get("subnet_id").as_str().and_then(split_id)
    {
        plan.set("network_id", int(network));
    }
    plan.keep_if("ip", same_address_value);
}

/// What is attached (in the attribute `owner`), and how.
pub(super) fn request(planned: Attrs<'_>, owner: &str) -> Result<(i64, NetworkAttachment), Failure> {
    let (owner, network) = place(planned, owner).ok_or_else(incomplete)?;
    let attachment = NetworkAttachment {
        network,
        ip: planned.text("ip").map(str::to_owned),
        ip_range: planned.text("subnet_id").and_then(split_id).map(|(_, range)| range.to_owned()),
        alias_ips: planned.texts("alias_ips"),
    };
    Ok((owner, attachment))
}

fn incomplete() -> Failure {
    Diagnostic::error("Missing network")
        .detail("Neither `network_id` nor `subnet_id` names a network.")
        .into()
}
