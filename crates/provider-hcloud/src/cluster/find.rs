//! Finding it.

use std::collections::{BTreeMap, BTreeSet};

use ferroform_core::Value;
use ferroform_hcloud::{Error, Filter, LoadBalancer, Volume};
use ferroform_provider::{KnownObject, LeftBehind, LeftBehindFound, LeftBehindRequest};
use ipnet::IpNet;

use super::{BALANCER, Cluster, DRIVER_LABEL, Fate, Found, SERVICE_LABEL, VOLUME};
use crate::attrs::{Attrs, int, text};
use crate::cx::Cx;

/// How many names a note has before it only counts.
const NAMED: usize = 10;

/// What is to be deleted, as far as something can hang on it.
#[derive(Default)]
struct Going {
    servers: BTreeMap<i64, String>,
    networks: BTreeMap<i64, String>,
    /// Networks and ranges.
    subnets: Vec<(i64, IpNet)>,
}

impl Going {
    fn of(objects: &[KnownObject]) -> Going {
        let mut going = Going::default();
        for object in objects {
            let attrs = Attrs(&object.state);
            match (&*object.type_name, attrs.id()) {
                ("hcloud_server", Some(id)) => drop(going.servers.insert(id, attrs.string("name"))),
                ("hcloud_network", Some(id)) => drop(going.networks.insert(id, attrs.string("name"))),
                ("hcloud_network_subnet", _) => {
                    let range = attrs.text("ip_range").and_then(|range| range.parse().ok());
                    going.subnets.extend(attrs.positive("network_id").zip(range));
                }
                _ => {}
            }
        }
        going
    }

    /// The ranges of a network that are deleted and have the address.
    fn subnets_with<'g>(&'g self, network: i64, ip: &str) -> impl Iterator<Item = &'g IpNet> {
        let ip = ip.parse::<std::net::IpAddr>().ok();
        let fits = move |range: &IpNet| ip.is_some_and(|ip| range.contains(&ip));
        self.subnets.iter().filter(move |(of, range)| *of == network && fits(range)).map(|(_, range)| range)
    }

    /// `name (id)` of a server.
    fn server(&self, id: i64) -> String {
        named(self.servers.get(&id).map_or("", String::as_str), id)
    }
}

/// The ids of objects of a type.
fn ids(request: &LeftBehindRequest, type_name: &str) -> BTreeSet<i64> {
    let all = request.going.iter().chain(&request.others);
    all.filter(|o| &*o.type_name == type_name).filter_map(|o| Attrs(&o.state).id()).collect()
}

/// `name (id)`.
pub(super) fn named(name: &str, id: i64) -> String {
    if name.is_empty() { id.to_string() } else { format!("{name} ({id})") }
}

/// Looks for what will be left behind. Asks for load balancers when a server or network goes, and for volumes when a
/// server does.
pub(crate) async fn find(cx: &Cx, request: &LeftBehindRequest) -> Result<LeftBehindFound, Error> {
    let going = Going::of(&request.going);
    let mut found = LeftBehindFound::default();
    let mut cluster = Cluster::default();
    if !(going.servers.is_empty() && going.networks.is_empty() && going.subnets.is_empty()) {
        let managed = ids(request, "hcloud_load_balancer");
        balancers(cx, &going, &managed, &mut cluster, &mut found).await?;
    }
    if !going.servers.is_empty() {
        let managed = ids(request, "hcloud_volume");
        volumes(cx, &going, &managed, &mut cluster, &mut found).await?;
    }
    *cx.cluster.lock() = cluster;
    Ok(found)
}

/// Puts an object where it belongs: what is protected stays, with a note.
fn add(found: &mut LeftBehindFound, protected: bool, object: LeftBehind) {
    if protected {
        let LeftBehind { kind, id, name, why, .. } = object;
        found
            .notes
            .push(format!("The {kind} {name} ({id}) is {why}. It is protected from deletion and stays."));
    } else {
        found.objects.push(object);
    }
}

async fn balancers(
    cx: &Cx,
    going: &Going,
    managed: &BTreeSet<i64>,
    cluster: &mut Cluster,
    found: &mut LeftBehindFound,
) -> Result<(), Error> {
    let mut selected = BTreeMap::new();
    let mut idle = Vec::new();
    let mut networks = BTreeSet::new();
    let mut all = cx.client.load_balancers().list(&Filter::labels(SERVICE_LABEL)).await?;
    all.sort_by_key(|balancer| balancer.id);
    for balancer in all.into_iter().filter(|balancer| !managed.contains(&balancer.id)) {
        let mut why = None;
        let mut blocks = Vec::new();
        for net in &balancer.private_net {
            let subnets = going.subnets_with(net.network, &net.ip).map(|range| format!("the subnet {range}"));
            let before = blocks.len();
            blocks.extend(subnets);
            let name = going.networks.get(&net.network);
            if name.is_some() || blocks.len() > before {
                let name = name.map_or("", String::as_str);
                why.get_or_insert_with(|| format!("attached to the network {}", named(name, net.network)));
                networks.insert(net.network);
            }
        }
        if why.is_none() {
            match targets(cx, &balancer, &mut selected).await? {
                Some(servers) if servers.is_empty() && balancer.private_net.is_empty() => {
                    idle.push(named(&balancer.name, balancer.id));
                }
                // One that leads elsewhere as well is that of a cluster that lives on.
                Some(servers)
                    if !servers.is_empty() && servers.iter().all(|id| going.servers.contains_key(id)) =>
                {
                    let names: Vec<String> = servers.iter().map(|id| going.server(*id)).collect();
                    why = Some(format!("for the servers {}", listed(&names)));
                }
                _ => {}
            }
        }
        let Some(why) = why else { continue };
        let name = balancer.name.clone();
        cluster.balancers.insert(balancer.id, Found { name, fate: Fate::Kept });
        let service = balancer.labels.get(SERVICE_LABEL).filter(|uid| !uid.is_empty());
        let object = LeftBehind {
            kind: BALANCER,
            id: balancer.id.to_string(),
            name: balancer.name.clone(),
            why,
            made_for: service.map(|uid| format!("made for the service with the uid {uid}")),
            blocks,
            like: KnownObject {
                type_name: "hcloud_load_balancer".into(),
                state: Value::object([
                    ("load_balancer_type", text(&balancer.load_balancer_type.name)),
                    ("location", text(&balancer.location.name)),
                ]),
            },
        };
        add(found, balancer.protection.delete, object);
    }
    for network in networks {
        let members = cx.client.networks().find(network).await?.map(|network| network.servers);
        let members = members.into_iter().flatten().filter(|id| going.servers.contains_key(id));
        cluster.members.insert(network, members.collect());
    }
    if !idle.is_empty() {
        found.notes.push(format!(
            "Of load balancers made by a cluster, these have no network and no target, so that nothing tells which cluster it \
             was. They stay and go on costing money: {}.",
            listed(&idle)
        ));
    }
    Ok(())
}

/// The servers that a load balancer leads to; None if it leads elsewhere as well. `selected` holds what label selectors
/// have found.
pub(super) async fn targets(
    cx: &Cx,
    balancer: &LoadBalancer,
    selected: &mut BTreeMap<String, BTreeSet<i64>>,
) -> Result<Option<BTreeSet<i64>>, Error> {
    let mut servers = BTreeSet::new();
    for target in &balancer.targets {
        if let Some(server) = &target.server {
            servers.insert(server.id);
        } else if let Some(labels) = &target.label_selector {
            if !selected.contains_key(&labels.selector) {
                let found = cx.client.servers().list(&Filter::labels(&labels.selector)).await?;
                selected.insert(labels.selector.clone(), found.into_iter().map(|server| server.id).collect());
            }
            servers.extend(selected.get(&labels.selector).into_iter().flatten());
        } else {
            return Ok(None);
        }
    }
    Ok(Some(servers))
}

async fn volumes(
    cx: &Cx,
    going: &Going,
    managed: &BTreeSet<i64>,
    cluster: &mut Cluster,
    found: &mut LeftBehindFound,
) -> Result<(), Error> {
    let mut loose = Vec::new();
    // Older versions of the driver set no label, so there is none to ask for.
    let mut all = cx.client.volumes().list(&Filter::all()).await?;
    all.sort_by_key(|volume| volume.id);
    for volume in all.into_iter().filter(|volume| is_of_driver(volume) && !managed.contains(&volume.id)) {
        let server = match volume.server {
            Some(server) if going.servers.contains_key(&server) => server,
            Some(_) => continue,
            None => {
                loose.push(named(&volume.name, volume.id));
                continue;
            }
        };
        let fate = Fate::Kept;
        cluster.volumes.insert(volume.id, Found { name: volume.name.clone(), fate });
        let label = |name: &str| volume.labels.get(name).filter(|value| !value.is_empty());
        let claim = label("pvc-namespace").zip(label("pvc-name"));
        let object = LeftBehind {
            kind: VOLUME,
            id: volume.id.to_string(),
            name: volume.name.clone(),
            why: format!("attached to the server {}", going.server(server)),
            made_for: claim.map(|(namespace, name)| format!("claim {namespace}/{name}")),
            blocks: Vec::new(),
            like: KnownObject {
                type_name: "hcloud_volume".into(),
                state: Value::object([("size", int(volume.size)), ("location", text(&volume.location.name))]),
            },
        };
        add(found, volume.protection.delete, object);
    }
    if !loose.is_empty() {
        let count = loose.len();
        found.notes.push(format!(
            "Volumes of a CSI driver that are attached to no server: {count}. Nothing tells which cluster made them. They stay \
             and go on costing money: {}.",
            listed(&loose)
        ));
    }
    Ok(())
}

/// Whether the CSI driver made a volume: by its label, or by the name that a claim's volume gets.
fn is_of_driver(volume: &Volume) -> bool {
    let labelled = volume.labels.get(DRIVER_LABEL.0).is_some_and(|value| value == DRIVER_LABEL.1);
    labelled || volume.name.strip_prefix("pvc-").is_some_and(is_uuid)
}

/// Whether a text is a UUID as Kubernetes writes it.
fn is_uuid(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    let digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    lengths == [8, 4, 4, 4, 12] && parts.iter().all(|part| part.bytes().all(digit))
}

/// Names in a row; of many the first.
fn listed(names: &[String]) -> String {
    let shown = names.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_driver_are_uuids() {
        for (name, is) in [
            ("2f1b8c1e-7f3d-4c1a-9a55-0d6f1e2a3b4c", true),
            ("2F1B8C1E-7f3d-4c1a-9a55-0d6f1e2a3b4c", false),
            ("2f1b8c1e-7f3d-4c1a-9a55-0d6f1e2a3b4", false),
            ("2f1b8c1e7f3d4c1a9a550d6f1e2a3b4c", false),
            ("backup", false),
            ("", false),
        ] {
            assert_eq!(is_uuid(name), is, "{name}");
        }
    }

    #[test]
    fn many_names_are_counted() {
        let names: Vec<String> = (1..=12).map(|n| n.to_string()).collect();
        assert_eq!(listed(&names), "1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 2 more");
        assert_eq!(listed(&names[..2]), "1, 2");
    }
}
