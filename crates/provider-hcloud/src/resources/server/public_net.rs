//! The `public_net` block of a server: which public addresses it has.

use ferroform_core::schema::{Attribute, Block};
use ferroform_core::{Type, Value};
use ferroform_hcloud::{Error, PrimaryIpCreate, PublicAddress, PublicNetRequest, Server, code};

use super::change;
use crate::attrs::{Attrs, State, flag, int};
use crate::cx::{Cx, Tolerance};
use crate::failure::Failure;
use crate::resource::Plan;
use crate::rules::{self, Problems};

/// The two families: the attribute that switches one, the attribute with the primary IP, its kind in the API.
const FAMILIES: [(&str, &str, &str); 2] =
    [("ipv4_enabled", "ipv4", "ipv4"), ("ipv6_enabled", "ipv6", "ipv6")];

pub(super) fn block() -> Block {
    Block::of([
        ("ipv4_enabled", Attribute::optional(Type::Bool)),
        ("ipv6_enabled", Attribute::optional(Type::Bool)),
        ("ipv4", Attribute::optional_computed(Type::Number)),
        ("ipv6", Attribute::optional_computed(Type::Number)),
    ])
}

pub(super) fn validate(config: Attrs<'_>, problems: &mut Problems) {
    let blocks = config.blocks("public_net");
    if blocks.len() > 1 {
        problems.add("public_net", "Too many blocks", "A server has one `public_net` block at most.");
    }
    for block in blocks {
        for (enabled, address, _) in FAMILIES {
            if block.get(enabled).as_bool() == Some(false) && block.positive(address).is_some() {
                problems.add_at(
                    rules::in_block("public_net", block, address),
                    "Invalid attribute combination",
                    format!("`{address}` names a primary IP while `{enabled}` is false."),
                );
            }
        }
    }
}

/// Plans the block; true if addresses may change.
pub(super) fn plan(plan: &mut Plan<'_>) -> bool {
    let prior = plan.prior.and_then(|prior| prior.block("public_net"));
    if let Some(config) = plan.config.block("public_net") {
        let element = Value::object(FAMILIES.into_iter().flat_map(|(enabled, address, _)| {
            let on = config.get(enabled);
            let on = if on.is_null() { flag(true) } else { on.clone() };
            let same = prior.filter(|prior| prior.get(enabled) == &on);
            let id = match (config.get(address), same) {
                (set, _) if !set.is_null() => set.clone(),
                (_, Some(prior)) => prior.get(address).clone(),
                _ if on.as_bool() == Some(false) => int(0),
                _ => Value::unknown(Type::Number),
            };
            [(enabled, on), (address, id)]
        }));
        plan.set("public_net", Value::set(block().implied_type(), [element]));
    }
    plan.changes("public_net")
}

/// What the block asks of a new server; nothing when it is not given.
pub(super) fn request(planned: Attrs<'_>) -> Option<PublicNetRequest> {
    let block = planned.block("public_net")?;
    Some(PublicNetRequest {
        enable_ipv4: block.flag("ipv4_enabled"),
        enable_ipv6: block.flag("ipv6_enabled"),
        ipv4: block.positive("ipv4").filter(|_| block.flag("ipv4_enabled")),
        ipv6: block.positive("ipv6").filter(|_| block.flag("ipv6_enabled")),
    })
}

/// Writes the block if configuration has it.
pub(super) fn observe(prior: Attrs<'_>, state: &mut State, server: &Server) {
    let Some(before) = prior.block("public_net") else { return };
    let is = [&server.public_net.ipv4, &server.public_net.ipv6];
    let element = FAMILIES.into_iter().zip(is).flat_map(|((enabled, address, _), is)| {
        let id = is.as_ref().and_then(|a| a.id).unwrap_or(0);
        // States of the published provider have zero for an address that configuration did not name.
        let unnamed = before.int(address) == Some(0);
        [(enabled, flag(is.is_some())), (address, int(if unnamed { 0 } else { id }))]
    });
    state.set("public_net", Value::set(block().implied_type(), [Value::object(element)]));
}

/// What one family should be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Nothing,
    Any,
    This(i64),
}

/// What one family has to let go of first.
enum Leaves<'a> {
    Nothing,
    /// A primary IP that others own.
    Lent(i64),
    /// An address of which is not known yet whose it is.
    Unknown(&'a PublicAddress),
}

/// Gives the server the addresses that the plan wants. It must be off for that, and is left so.
pub(super) async fn change(cx: &Cx, server: &Server, planned: Attrs<'_>) -> Result<(), Failure> {
    let block = planned.block("public_net");
    let is = [&server.public_net.ipv4, &server.public_net.ipv6];
    let mut steps = Vec::new();
    for ((enabled, address, kind), is) in FAMILIES.into_iter().zip(is) {
        let wanted = match block {
            Some(block) if !block.flag(enabled) => Wanted::Nothing,
            Some(block) => block.positive(address).map_or(Wanted::Any, Wanted::This),
            None => Wanted::Any,
        };
        let leaves = match (wanted, is) {
            (Wanted::Nothing, None) => continue,
            (Wanted::This(id), Some(is)) if is.id == Some(id) => continue,
            (Wanted::Any, Some(is)) => match lent(cx, is).await? {
                Some(id) => Leaves::Lent(id),
                None => continue,
            },
            (_, Some(is)) => Leaves::Unknown(is),
            (_, None) => Leaves::Nothing,
        };
        steps.push((kind, wanted, leaves));
    }
    if steps.is_empty() {
        return Ok(());
    }
    change::switch_off(cx, server).await?;
    for (kind, wanted, leaves) in steps {
        match leaves {
            Leaves::Nothing => {}
            Leaves::Lent(id) => take_from_server(cx, id).await?,
            Leaves::Unknown(address) => let_go(cx, address).await?,
        }
        match wanted {
            Wanted::Nothing => {}
            Wanted::This(id) => {
                cx.step(Tolerance::NONE, || cx.client.primary_ips().assign(id, server.id)).await?
            }
            Wanted::Any => give_new(cx, server, kind).await?,
        }
    }
    Ok(())
}

/// The primary IP of an address, if it does not belong to the server alone. It goes on to belong to whoever made it, and
/// may be on its way out together with the block that named it.
async fn lent(cx: &Cx, address: &PublicAddress) -> Result<Option<i64>, Failure> {
    let Some(id) = address.id else { return Ok(None) };
    let primary_ip = cx.client.primary_ips().find(id).await?;
    Ok(primary_ip.filter(|primary_ip| !primary_ip.auto_delete).map(|primary_ip| primary_ip.id))
}

/// Takes an address from its server, and deletes it if it belongs to the server alone.
pub(in crate::resources) async fn let_go(cx: &Cx, address: &PublicAddress) -> Result<(), Failure> {
    let Some(id) = address.id else { return Ok(()) };
    let Some(primary_ip) = cx.client.primary_ips().find(id).await? else { return Ok(()) };
    take_from_server(cx, id).await?;
    if primary_ip.auto_delete {
        cx.step(Tolerance::REMOVING, || cx.client.primary_ips().delete(id)).await?;
    }
    Ok(())
}

/// Takes a primary IP from its server. Whoever deletes it takes it away as well.
pub(in crate::resources) async fn take_from_server(cx: &Cx, id: i64) -> Result<(), Error> {
    let gone = Tolerance { done: &[code::NOT_FOUND, code::PRIMARY_IP_NOT_ASSIGNED], ..Tolerance::NONE };
    cx.step(gone, || cx.client.primary_ips().unassign(id)).await
}

async fn give_new(cx: &Cx, server: &Server, kind: &str) -> Result<(), Failure> {
    let request = PrimaryIpCreate {
        name: format!("primary_ip-{}-{kind}", server.id),
        kind: kind.to_owned(),
        auto_delete: true,
        assignee_id: Some(server.id),
        assignee_type: Some("server".to_owned()),
        ..PrimaryIpCreate::default()
    };
    // A name that is taken is one that a lost answer left: the change is taken up again from what the server has.
    let created = cx.client.primary_ips().create(&request).await?;
    Ok(cx.client.wait(created.action).await?)
}
