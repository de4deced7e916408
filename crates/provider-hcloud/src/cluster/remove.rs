//! Removing it, and saying what it holds up when it stays.

use std::collections::BTreeMap;

use ferroform_core::{Diagnostic, Diagnostics};
use ferroform_hcloud::{Error, LoadBalancer};
use ferroform_provider::LeftBehindRemoved;
use ipnet::IpNet;

use super::find::{named, targets};
use super::{BALANCER, Cluster, Found, VOLUME};
use crate::cx::{Cx, PASSING_REPETITIONS, Tolerance};
use crate::failure::Failure;
use crate::resources::volume;

/// How often a volume is detached and deleted: whatever is left of the cluster may attach it once more in between.
const REMOVALS: u32 = 3;

/// Removes the volumes that are to be removed and are attached to a server that is about to be deleted, or to none.
pub(crate) async fn before_server(cx: &Cx, server: i64) -> Result<(), Failure> {
    let ids = Cluster::permitted(&cx.cluster.lock().volumes);
    if ids.is_empty() {
        return Ok(());
    }
    let seen = cx.client.volumes().get_many(ids.iter().copied()).await?;
    for id in ids {
        match seen.get(&id) {
            Some(volume) if volume.server.is_some_and(|other| other != server) => {}
            Some(_) => remove_volume(cx, id).await?,
            None => settled(cx, id, |cluster| &mut cluster.volumes),
        }
    }
    Ok(())
}

/// Removes the load balancers that are to be removed and are in a subnet, or anywhere in a network, that is about to be
/// deleted. Gives the names of those that are there and stay.
pub(crate) async fn before_place(cx: &Cx, network: i64, range: Option<&str>) -> Result<Vec<String>, Failure> {
    let (known, members) = {
        let cluster = cx.cluster.lock();
        let known: BTreeMap<i64, bool> =
            cluster.balancers.iter().map(|(id, found)| (*id, found.is_permitted())).collect();
        (known, cluster.members.get(&network).cloned().unwrap_or_default())
    };
    if known.is_empty() {
        return Ok(Vec::new());
    }
    let seen = cx.client.load_balancers().get_many(known.keys().copied()).await?;
    let here: Vec<LoadBalancer> = seen.into_values().filter(|b| is_in(b, network, range)).collect();
    if here.is_empty() {
        return Ok(Vec::new());
    }
    // What runs on these servers would make them anew. That one of them cannot go before the network does, or cannot go
    // at all, is seen by the request that follows.
    for repetition in 1..=PASSING_REPETITIONS {
        if cx.client.servers().get_many(members.iter().copied()).await?.is_empty() {
            break;
        }
        cx.client.pause(repetition.min(7)).await?;
    }
    let mut kept = Vec::new();
    for balancer in here {
        if known.get(&balancer.id) == Some(&true) {
            remove_balancer(cx, balancer.id).await?;
        } else {
            kept.push(named(&balancer.name, balancer.id));
        }
    }
    Ok(kept)
}

/// The load balancers in a subnet.
pub(crate) async fn held_by(cx: &Cx, network: i64, range: &str) -> Result<Vec<String>, Error> {
    let Some(found) = cx.client.networks().find(network).await? else { return Ok(Vec::new()) };
    let balancers = cx.client.load_balancers().get_many(found.load_balancers).await?;
    let here = balancers.values().filter(|balancer| is_in(balancer, network, Some(range)));
    Ok(here.map(|balancer| named(&balancer.name, balancer.id)).collect())
}

/// Whether a load balancer is in a network and, if one is given, in that range of it.
fn is_in(balancer: &LoadBalancer, network: i64, range: Option<&str>) -> bool {
    let range = range.map(|range| range.parse::<IpNet>());
    let fits = |ip: &str| match (&range, ip.parse::<std::net::IpAddr>()) {
        (None, _) => true,
        (Some(Ok(range)), Ok(ip)) => range.contains(&ip),
        _ => false,
    };
    balancer.private_net.iter().any(|net| net.network == network && fits(&net.ip))
}

/// What was to be removed is gone.
fn settled(cx: &Cx, id: i64, kind: impl Fn(&mut Cluster) -> &mut BTreeMap<i64, Found>) {
    if let Some(found) = kind(&mut cx.cluster.lock()).get_mut(&id) {
        found.removed();
    }
}

async fn remove_volume(cx: &Cx, id: i64) -> Result<(), Failure> {
    let mut removals = 1;
    while let Err(failure) = volume::remove(cx, id).await {
        let attached =
            matches!(cx.client.volumes().find(id).await, Ok(Some(volume)) if volume.server.is_some());
        if !attached || removals == REMOVALS {
            return Err(not_removed(VOLUME, &name(&cx.cluster.lock().volumes, id), failure));
        }
        removals += 1;
    }
    settled(cx, id, |cluster| &mut cluster.volumes);
    Ok(())
}

async fn remove_balancer(cx: &Cx, id: i64) -> Result<(), Failure> {
    let removed = cx.step(Tolerance::REMOVING, || cx.client.load_balancers().delete(id)).await;
    if let Err(error) = removed {
        return Err(not_removed(BALANCER, &name(&cx.cluster.lock().balancers, id), error.into()));
    }
    settled(cx, id, |cluster| &mut cluster.balancers);
    Ok(())
}

/// `name (id)`.
fn name(of: &BTreeMap<i64, Found>, id: i64) -> String {
    named(of.get(&id).map_or("", |found| &found.name), id)
}

fn not_removed(kind: &str, name: &str, failure: Failure) -> Failure {
    let diagnostic = failure.explain(&format!("remove the {kind} {name}, which the cluster made"));
    diagnostic.hint("Destroy again, or keep what the cluster made: -cluster-objects=keep.").into()
}

/// Removes what is still there after the last operation, if something is to begin, and tells what was removed.
pub(crate) async fn finish(cx: &Cx, begin: bool) -> LeftBehindRemoved {
    let mut diagnostics = Diagnostics::new();
    if begin && let Err(failure) = remove_rest(cx, &mut diagnostics).await {
        diagnostics.push(failure.explain("remove what the cluster made"));
    }
    LeftBehindRemoved { objects: cx.cluster.lock().removed(), diagnostics }
}

async fn remove_rest(cx: &Cx, diagnostics: &mut Diagnostics) -> Result<(), Failure> {
    let (balancers, volumes) = {
        let cluster = cx.cluster.lock();
        (Cluster::permitted(&cluster.balancers), Cluster::permitted(&cluster.volumes))
    };
    let seen = cx.client.load_balancers().get_many(balancers.iter().copied()).await?;
    let mut selected = BTreeMap::new();
    for id in balancers {
        let Some(balancer) = seen.get(&id) else {
            settled(cx, id, |cluster| &mut cluster.balancers);
            continue;
        };
        match targets(cx, balancer, &mut selected).await? {
            Some(servers) if !servers.is_empty() => {
                let servers: Vec<String> = servers.iter().map(i64::to_string).collect();
                let what = format!("leads to servers that exist ({})", servers.join(", "));
                diagnostics.push(stays(BALANCER, &named(&balancer.name, id), &what));
            }
            _ => remove_balancer(cx, id).await.unwrap_or_else(|failure| diagnostics.push(told(failure))),
        }
    }
    let seen = cx.client.volumes().get_many(volumes.iter().copied()).await?;
    for id in volumes {
        match seen.get(&id).map(|volume| (volume.server, &volume.name)) {
            None => settled(cx, id, |cluster| &mut cluster.volumes),
            Some((Some(server), volume)) => {
                let what = format!("is attached to the server {server}, which exists");
                diagnostics.push(stays(VOLUME, &named(volume, id), &what));
            }
            Some((None, _)) => {
                remove_volume(cx, id).await.unwrap_or_else(|failure| diagnostics.push(told(failure)));
            }
        }
    }
    Ok(())
}

fn told(failure: Failure) -> Diagnostic {
    failure.explain("remove what the cluster made")
}

fn stays(kind: &str, name: &str, what: &str) -> Diagnostic {
    Diagnostic::warning("Object of the cluster stays")
        .detail(format!("The {kind} {name} was to be removed, but it {what}, so it was left alone."))
        .hint("Destroy again when what is in the way is gone.")
}
