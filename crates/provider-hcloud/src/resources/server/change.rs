//! What follows the creation of a server, and its changes in place.

use std::collections::BTreeSet;

use ferroform_core::Diagnostic;
use ferroform_hcloud::{Filter, FirewallResource, Server, ServerProtection, code};

use super::{networks, public_net};
use crate::attrs::Attrs;
use crate::cx::{Cx, Tolerance};
use crate::failure::Failure;
use crate::resources::firewall::{APPLYING, REMOVING};
use crate::resources::{changed_flag, named_update, parse_id};

/// Attaches, starts and protects a new server.
pub(super) async fn finish(cx: &Cx, id: i64, planned: Attrs<'_>, started: bool) -> Result<(), Failure> {
    networks::attach_all(cx, id, planned).await?;
    if !started {
        cx.step(Tolerance::NONE, || cx.client.servers().poweron(id)).await?;
    }
    if planned.flag("backups") {
        cx.step(Tolerance::NONE, || cx.client.servers().enable_backup(id)).await?;
    }
    if let Some(iso) = planned.text("iso") {
        insert_iso(cx, id, iso).await?;
    }
    if let Some(rescue) = planned.text("rescue") {
        boot_into_rescue(cx, id, rescue, planned).await?;
    }
    if planned.flag("delete_protection") || planned.flag("rebuild_protection") {
        protect(cx, id, true).await?;
    }
    Ok(())
}

/// Brings a server from `prior` to `planned`.
pub(super) async fn update(cx: &Cx, id: i64, prior: Attrs<'_>, planned: Attrs<'_>) -> Result<(), Failure> {
    let servers = cx.client.servers();
    let changes = |name: &str| prior.get(name) != planned.get(name);
    // What is unprotected is unprotected first, so that nothing that follows is refused.
    let protection = changed_flag(prior, planned, "delete_protection").or(changed_flag(
        prior,
        planned,
        "rebuild_protection",
    ));
    if protection == Some(false) {
        protect(cx, id, false).await?;
    }
    if let Some(update) = named_update(prior, planned) {
        cx.step(Tolerance::NONE, || async { servers.update(id, &update).await.map(drop) }).await?;
    }
    let connected = reconnect(cx, id, prior, planned).await;
    if needs_it_off(prior, planned) || prior.text("status") == Some("off") {
        // Whatever came of that: a server that is to run does not stay off.
        let on = match planned.text("status") {
            None | Some("off") => Ok(()),
            Some(_) => switch_on(cx, id).await,
        };
        connected.and(on)?;
    } else {
        connected?;
    }
    if changes("firewall_ids") && planned.is_known("firewall_ids") {
        change_firewalls(cx, id, prior, planned).await?;
    }
    match changed_flag(prior, planned, "backups") {
        Some(true) => cx.step(Tolerance::NONE, || servers.enable_backup(id)).await?,
        Some(false) => cx.step(Tolerance::NONE, || servers.disable_backup(id)).await?,
        None => {}
    }
    if prior.text("iso") != planned.text("iso") {
        match planned.text("iso") {
            Some(iso) => insert_iso(cx, id, iso).await?,
            None => cx.step(Tolerance::NONE, || servers.detach_iso(id)).await?,
        }
    }
    if prior.text("rescue") != planned.text("rescue") {
        match planned.text("rescue") {
            Some(rescue) => boot_into_rescue(cx, id, rescue, planned).await?,
            None => leave_rescue(cx, id).await?,
        }
    }
    if protection == Some(true) {
        protect(cx, id, true).await?;
    }
    Ok(())
}

/// Whether a change is one that the API makes only of servers that are off.
pub(super) fn needs_it_off(prior: Attrs<'_>, planned: Attrs<'_>) -> bool {
    ["server_type", "public_net"].iter().any(|name| prior.get(name) != planned.get(name))
}

/// Changes the type, the placement and what the server is connected to. It may be left switched off.
async fn reconnect(cx: &Cx, id: i64, prior: Attrs<'_>, planned: Attrs<'_>) -> Result<(), Failure> {
    let changes = |name: &str| prior.get(name) != planned.get(name);
    if let Some(server_type) = planned.text("server_type").filter(|_| changes("server_type")) {
        change_type(cx, id, server_type, !planned.flag("keep_disk")).await?;
    }
    // While it is off for its type, or was before.
    if changes("placement_group_id") {
        change_placement_group(cx, id, planned).await?;
    }
    if changes("public_net") {
        public_net::change(cx, &existing(cx, id).await?, planned).await?;
    }
    if changes("network") {
        networks::change(cx, id, prior, planned).await?;
        start_if_just_connected(cx, id, prior, planned).await?;
    }
    Ok(())
}

/// How often a server is asked to start.
const STARTS: u32 = 3;

/// Switches a server on that is off. It was running before it was changed, so it is asked again where it cannot start at
/// once.
async fn switch_on(cx: &Cx, id: i64) -> Result<(), Failure> {
    let mut asked = 0;
    while existing(cx, id).await?.status == "off" {
        asked += 1;
        match cx.step(Tolerance::NONE, || cx.client.servers().poweron(id)).await {
            Ok(()) => break,
            Err(error) if asked == STARTS => return Err(error.into()),
            Err(_) => cx.client.pause(asked).await?,
        }
    }
    Ok(())
}

/// Switches a server off that is not.
pub(in crate::resources) async fn switch_off(cx: &Cx, server: &Server) -> Result<(), Failure> {
    if server.status != "off" {
        cx.step(Tolerance::NONE, || cx.client.servers().poweroff(server.id)).await?;
    }
    Ok(())
}

/// How often a server is looked at that was asked to shut down: about half a minute at the real pace.
const LOOKS_AT_SHUTDOWN: u32 = 15;

/// Asks the operating system to shut down and gives it time; a server that does not is deleted all the same.
pub(super) async fn shut_down(cx: &Cx, id: i64) -> Result<(), Failure> {
    let servers = cx.client.servers();
    let tolerance = Tolerance { done: &[code::NOT_FOUND], ..Tolerance::NONE };
    cx.step(tolerance, || servers.shutdown(id)).await?;
    for _ in 0..LOOKS_AT_SHUTDOWN {
        match servers.find(id).await? {
            Some(server) if server.status != "off" => cx.client.pause(2).await?,
            _ => break,
        }
    }
    Ok(())
}

/// A server without any interface cannot run. One whose creation was cut short before it was attached to its network is
/// started once it is.
async fn start_if_just_connected(
    cx: &Cx,
    id: i64,
    prior: Attrs<'_>,
    planned: Attrs<'_>,
) -> Result<(), Failure> {
    let was_connected = prior.blocks("network").len() > 0 || super::starts_at_once(planned);
    if was_connected { Ok(()) } else { switch_on(cx, id).await }
}

async fn existing(cx: &Cx, id: i64) -> Result<Server, Failure> {
    Ok(cx.client.servers().get(id).await?)
}

/// A server must be off to become another type, and stays off (the API's documentation says that it is started).
async fn change_type(cx: &Cx, id: i64, server_type: &str, upgrade_disk: bool) -> Result<(), Failure> {
    let servers = cx.client.servers();
    let server = existing(cx, id).await?;
    if server.server_type.name == server_type {
        return Ok(());
    }
    switch_off(cx, &server).await?;
    match servers.change_type(id, server_type, upgrade_disk).await {
        Ok(action) => cx.client.wait([action]).await?,
        // A server that has the type already refuses it, so look before asking again.
        Err(error) if error.may_have_happened() => {
            cx.client.wait(servers.running_actions(id).await?).await?;
            if existing(cx, id).await?.server_type.name != server_type {
                cx.step(Tolerance::NONE, || servers.change_type(id, server_type, upgrade_disk)).await?;
            }
        }
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

async fn change_firewalls(cx: &Cx, id: i64, prior: Attrs<'_>, planned: Attrs<'_>) -> Result<(), Failure> {
    let set = |attrs: Attrs<'_>| -> BTreeSet<i64> { attrs.ints("firewall_ids").into_iter().collect() };
    let (before, after) = (set(prior), set(planned));
    let resource = [FirewallResource::server(id)];
    let firewalls = cx.client.firewalls();
    // New ones first, so that the server is never without.
    for firewall in after.difference(&before) {
        cx.step(APPLYING, || firewalls.apply_to(*firewall, &resource)).await?;
    }
    for firewall in before.difference(&after) {
        cx.step(REMOVING, || firewalls.remove_from(*firewall, &resource)).await?;
    }
    Ok(())
}

async fn change_placement_group(cx: &Cx, id: i64, planned: Attrs<'_>) -> Result<(), Failure> {
    let servers = cx.client.servers();
    let server = existing(cx, id).await?;
    let (is, wanted) =
        (server.placement_group.as_ref().map(|g| g.id), planned.positive("placement_group_id"));
    if is == wanted {
        return Ok(());
    }
    if server.status != "off" {
        return Err(Diagnostic::error("Server is running")
            .detail(format!(
                "The server {} ({id}) is running, and Hetzner Cloud changes the placement group only of servers that are off.",
                server.name
            ))
            .hint("Switch it off and apply again; or make a new one of it with `-replace`.")
            .attribute(ferroform_core::AttrPath::attr("placement_group_id"))
            .into());
    }
    if is.is_some() {
        cx.step(Tolerance::NONE, || servers.remove_from_placement_group(id)).await?;
    }
    if let Some(group) = wanted {
        let tolerance = Tolerance { done: &["already_in_placement_group"], ..Tolerance::NONE };
        cx.step(tolerance, || servers.add_to_placement_group(id, group)).await?;
    }
    Ok(())
}

async fn insert_iso(cx: &Cx, id: i64, iso: &str) -> Result<(), Failure> {
    cx.step(Tolerance::NONE, || cx.client.servers().attach_iso(id, iso)).await?;
    Ok(cx.step(Tolerance::NONE, || cx.client.servers().reset(id)).await?)
}

async fn boot_into_rescue(cx: &Cx, id: i64, kind: &str, planned: Attrs<'_>) -> Result<(), Failure> {
    let mut keys = Vec::new();
    for key in planned.texts("ssh_keys") {
        match parse_id(&key) {
            Some(id) => keys.push(id),
            None => {
                keys.extend(cx.client.ssh_keys().list(&Filter::name(key)).await?.into_iter().map(|k| k.id))
            }
        }
    }
    cx.step(Tolerance::NONE, || cx.client.servers().enable_rescue(id, kind, &keys)).await?;
    Ok(cx.step(Tolerance::NONE, || cx.client.servers().reset(id)).await?)
}

/// The rescue system switches itself off after a while, so there may be nothing to leave.
async fn leave_rescue(cx: &Cx, id: i64) -> Result<(), Failure> {
    if existing(cx, id).await?.rescue_enabled {
        cx.step(Tolerance::NONE, || cx.client.servers().disable_rescue(id)).await?;
    }
    Ok(())
}

/// Makes the disk anew, from an image and with user data. Protection that is on is lifted meanwhile: whoever planned this has
/// been asked.
pub(super) async fn rebuild(cx: &Cx, id: i64, image: &str, user_data: Option<&str>) -> Result<(), Failure> {
    let protected = existing(cx, id).await?.protection.rebuild;
    if protected {
        protect(cx, id, false).await?;
    }
    let rebuilt = cx.step(Tolerance::NONE, || cx.client.servers().rebuild(id, image, user_data)).await;
    let protection = if protected { protect(cx, id, true).await } else { Ok(()) };
    rebuilt?;
    protection
}

async fn protect(cx: &Cx, id: i64, on: bool) -> Result<(), Failure> {
    let protection = ServerProtection { delete: on, rebuild: on };
    Ok(cx.step(Tolerance::NONE, || cx.client.servers().change_protection(id, protection)).await?)
}
