//! What the emulator's own API tells of real machines and hosts.

use std::net::IpAddr;
use std::sync::Arc;

use serde_json::{Value, json};

use super::read;
use crate::backend::scene::Run;
use crate::backend::{Backend, Host, Object, Standing};
use crate::core::{Core, Delivery, Incoming, Outgoing, Work, answered, open};
use crate::world::primary_ips::Version;
use crate::world::{Refusal, Tx};

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct NewHost {
    name: Option<String>,
    addresses: Vec<IpAddr>,
}

/// Longest name of a host.
const MAX_NAME: usize = 20;

fn no_machines() -> Refusal {
    Refusal::new("unsupported_error", "this cloud has no machines; start it with --machines")
}

/// An answer that takes time.
fn later(status: u16, work: impl FnOnce() -> Result<Value, Refusal> + Send + 'static) -> Outgoing {
    Outgoing { delivery: Delivery::Work(Work(Box::new(work))), ..answered(status, &Value::Null) }
}

fn shown(host: &Host) -> Value {
    json!({"name": host.name, "addresses": host.addresses, "namespace": host.namespace})
}

fn failed(problem: String) -> Refusal {
    Refusal::new("server_error", problem)
}

impl Core {
    fn machines(&self) -> Result<Arc<dyn Backend>, Refusal> {
        self.live.backend().cloned().ok_or_else(no_machines)
    }

    /// Everything that is real, and how far it has come.
    pub(super) fn list_machines(&mut self, project: &str, now: i64) -> Result<Outgoing, Refusal> {
        let backend = self.machines()?;
        let mut fate = self.faults.fate_of_time();
        let tx = open(&mut self.world, &mut fate, project, now, self.clock.instant(), &self.live);
        let machines: Vec<Value> =
            tx.project.servers.values().map(|one| machine(&tx, &*backend, one)).collect();
        let scene = self.live.scene();
        let others = (scene.volumes.keys().map(|id| ("volume", *id, Object::Volume(*id))))
            .chain(scene.segments.keys().map(|id| ("network", *id, Object::Segment(*id))))
            .chain(scene.balancers.keys().map(|id| ("load_balancer", *id, Object::Balancer(*id))))
            .chain(scene.snapshots.keys().map(|id| ("image", *id, Object::Snapshot(*id))))
            .chain(std::iter::once(("network", 0, Object::Rest)));
        let problems: Vec<Value> = others
            .filter_map(|(kind, id, object)| match self.live.standing(object) {
                Standing::Failed { message } => Some(json!({"type": kind, "id": id, "problem": message})),
                Standing::Reached | Standing::Pending => None,
            })
            .collect();
        let running = self.world.projects.values().any(|project| project.running().next().is_some());
        Ok(answered(
            200,
            &json!({
                "machines": machines,
                "problems": problems,
                "settled": !running && !self.live.any_returning(),
            }),
        ))
    }

    /// The last lines of a machine's console.
    pub(super) fn console(&self, project: &str, id: &str) -> Result<Outgoing, Refusal> {
        let (backend, id) = (self.machines()?, self.owned(project, id)?);
        Ok(later(200, move || Ok(json!({"console": backend.console(id).unwrap_or_default()}))))
    }

    /// What cloud-init says of a machine's first boot.
    pub(super) fn first_boot(&self, project: &str, id: &str) -> Result<Outgoing, Refusal> {
        let (backend, id) = (self.machines()?, self.owned(project, id)?);
        Ok(later(200, move || {
            let leader = backend.place(id).and_then(|place| place.leader);
            #[cfg(target_os = "linux")]
            let said = leader.and_then(crate::backend::first_boot::read);
            #[cfg(not(target_os = "linux"))]
            let said: Option<Value> = leader.and(None);
            Ok(json!({"running": leader.is_some(), "cloud_init": said}))
        }))
    }

    /// The server with this id, of this project.
    fn owned(&self, project: &str, id: &str) -> Result<i64, Refusal> {
        let id: i64 = id.parse().map_err(|_| Refusal::new("not_found", "a server's id is a number"))?;
        let servers = self.world.projects.get(project).map(|project| &project.servers);
        match servers.is_some_and(|servers| servers.contains(id)) {
            true => Ok(id),
            false => Err(Refusal::not_found("server", id)),
        }
    }

    pub(super) fn list_hosts(&self) -> Result<Outgoing, Refusal> {
        let backend = self.machines()?;
        Ok(later(200, move || Ok(json!({"hosts": backend.hosts().iter().map(shown).collect::<Vec<_>>()}))))
    }

    /// Adds a host to the internet of the world.
    pub(super) fn add_host(&self, request: &Incoming<'_>) -> Result<Outgoing, Refusal> {
        let backend = self.machines()?;
        let new: NewHost = read(request)?;
        if new.addresses.is_empty() {
            return Err(Refusal::invalid("addresses", "a host needs at least one address"));
        }
        for address in &new.addresses {
            self.check_host_address(*address)?;
        }
        if let Some(name) = &new.name {
            check_host_name(name)?;
        }
        Ok(later(201, move || {
            let hosts = backend.hosts();
            let taken = |name: &str| hosts.iter().any(|host| host.name == name);
            if let Some(address) =
                new.addresses.iter().find(|a| hosts.iter().any(|h| h.addresses.contains(a)))
            {
                return Err(Refusal::invalid("addresses", format!("another host has {address}")));
            }
            let name = match new.name {
                Some(name) if taken(&name) => return Err(Refusal::not_unique("host", "name")),
                Some(name) => name,
                None => (1..=hosts.len() + 1)
                    .map(|number| format!("host{number}"))
                    .find(|name| !taken(name))
                    .unwrap_or_default(),
            };
            let host = backend.add_host(&name, &new.addresses).map_err(failed)?;
            Ok(json!({"host": shown(&host)}))
        }))
    }

    pub(super) fn remove_host(&self, name: &str) -> Result<Outgoing, Refusal> {
        let (backend, name) = (self.machines()?, name.to_owned());
        Ok(later(200, move || match backend.remove_host(&name) {
            Ok(true) => Ok(json!({"removed": name})),
            Ok(false) => Err(Refusal::new("not_found", format!("there is no host '{name}'"))),
            Err(problem) => Err(failed(problem)),
        }))
    }

    /// Refuses addresses that no host of the internet can have, or that the cloud has given out.
    fn check_host_address(&self, address: IpAddr) -> Result<(), Refusal> {
        let refuse = |why: &str| Err(Refusal::invalid("addresses", format!("{address} {why}")));
        if address.is_loopback() || address.is_unspecified() || address.is_multicast() {
            return refuse("cannot be a host's address");
        }
        let link_local = match address {
            IpAddr::V4(v4) => v4.is_link_local() || v4.is_broadcast(),
            IpAddr::V6(v6) => v6.is_unicast_link_local(),
        };
        if link_local {
            return refuse("is valid on one link only");
        }
        let given_out = self.world.projects.values().any(|project| {
            let primary = project.primary_ips.values().map(|ip| ip.address);
            let floating = project.floating_ips.values().map(|ip| ip.address);
            let balancers = project.load_balancers.values().flat_map(|b| [b.ipv4, b.ipv6]);
            let mut all = primary.chain(floating).chain(balancers);
            all.any(|given| crate::world::primary_ips::covers(given, address))
        });
        if given_out { refuse("belongs to something of this cloud") } else { Ok(()) }
    }
}

fn check_host_name(name: &str) -> Result<(), Refusal> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if name.is_empty() || name.len() > MAX_NAME || !name.bytes().all(plain) || name.starts_with('-') {
        let message =
            "a name has 1 to 20 lower-case letters, digits and dashes, and does not begin with a dash";
        return Err(Refusal::invalid("name", message));
    }
    Ok(())
}

fn machine(tx: &Tx<'_>, backend: &dyn Backend, server: &crate::world::servers::Server) -> Value {
    let address = |version| tx.primary_ip_of(server.id, version).map(|ip| ip.address);
    let private: Vec<Value> =
        server.private_nets.iter().map(|net| json!({"network": net.network, "ip": net.ip})).collect();
    let shown = tx.live.scene().machines.get(&server.id);
    let wanted = match shown.map(|machine| machine.run) {
        Some(Run::On { .. }) => "on",
        Some(Run::Off { .. }) => "off",
        None => "gone",
    };
    let (standing, problem) = match tx.live.standing(Object::Machine(server.id)) {
        Standing::Reached => ("reached", None),
        Standing::Pending => ("pending", None),
        Standing::Failed { message } => ("failed", Some(message)),
    };
    let place = backend.place(server.id);
    json!({
        "id": server.id,
        "name": server.name,
        "status": tx.status_of(server).as_str(),
        "wanted": wanted,
        "standing": standing,
        "problem": problem,
        "ipv4": address(Version::V4),
        // A machine takes the first address of its network.
        "ipv6": address(Version::V6).map(|network| match network {
            IpAddr::V6(network) => IpAddr::V6((u128::from(network) + 1).into()),
            other @ IpAddr::V4(_) => other,
        }),
        "private": private,
        "namespace": place.as_ref().map(|place| &place.namespace),
        "leader": place.and_then(|place| place.leader),
    })
}
