//! Creation of servers.

use std::collections::BTreeSet;

use ferroform_catalogue::ServerType;

use super::machine::Machine;
use super::servers::{Attachment, Join, Link, Server, Status};
use super::{Action, Command, Effect, Kind, Labels, Refusal, Tx, firewalls, primary_ips};

/// What a server is asked to be.
#[derive(Clone, Debug, Default)]
pub(crate) struct NewServer {
    pub(crate) name: String,
    pub(crate) labels: Labels,
    /// By id or name, like the next two.
    pub(crate) server_type: String,
    pub(crate) location: Option<String>,
    pub(crate) image: String,
    pub(crate) start: bool,
    pub(crate) placement_group: Option<i64>,
    /// By id or name.
    pub(crate) ssh_keys: Vec<String>,
    pub(crate) volumes: Vec<i64>,
    /// Whether those volumes are mounted.
    pub(crate) automount: bool,
    pub(crate) networks: Vec<i64>,
    pub(crate) firewalls: Vec<i64>,
    pub(crate) user_data: Option<String>,
    /// Whether it gets public addresses, and which ones if not new ones.
    pub(crate) ipv4: Option<Option<i64>>,
    pub(crate) ipv6: Option<Option<i64>>,
}

/// What creating a server led to.
pub(crate) struct CreatedServer {
    pub(crate) id: i64,
    pub(crate) action: Action,
    pub(crate) next_actions: Vec<Action>,
    pub(crate) root_password: Option<String>,
}

/// Longest user data in bytes (Hetzner API documentation).
pub(crate) const MAX_USER_DATA: usize = 32 * 1024;

/// Disk of a type whose size no public source tells, in gigabytes.
const UNKNOWN_DISK: u32 = 20;

/// The disk of a server type, in gigabytes.
pub(crate) fn disk_of(server_type: &ServerType) -> u32 {
    server_type.disk_gb.unwrap_or(UNKNOWN_DISK)
}

impl Tx<'_> {
    /// Refuses a server type that is never sold in a location, or is sold out there.
    pub(super) fn check_offer(&mut self, server_type: &ServerType, location: &str) -> Result<(), Refusal> {
        if server_type.offer(location).is_none() {
            return Err(Refusal::invalid("server_type", "unsupported location for server type"));
        }
        if self.fate.sold_out(&server_type.name, location) {
            return Err(Refusal::new("resource_unavailable", "error during placement"));
        }
        Ok(())
    }

    pub(crate) fn create_server(&mut self, new: NewServer) -> Result<CreatedServer, Refusal> {
        self.check_server_name(&new.name, None)?;
        if new.user_data.as_ref().is_some_and(|data| data.len() > MAX_USER_DATA) {
            return Err(Refusal::invalid("user_data", "user_data must be at most 32 KiB"));
        }
        let server_type = self.find_server_type(&new.server_type)?;
        let location = match &new.location {
            Some(location) => self.find_location("location", location)?.name.as_str(),
            None => server_type.offers.first().map_or("fsn1", |offer| offer.location.as_str()),
        };
        let image = self.find_image(&new.image, server_type.architecture, disk_of(server_type))?;
        let ssh_keys =
            new.ssh_keys.iter().map(|key| self.find_ssh_key(key)).collect::<Result<Vec<_>, _>>()?;
        self.check_offer(server_type, location)?;
        if let Some(group) = new.placement_group {
            if self.placement_group(group).is_err() {
                let message = format!("placement group with ID '{group}' not found");
                return Err(Refusal::invalid("placement_group", message));
            }
            self.check_group_room(group)?;
        }
        let public = new.ipv4.is_some() || new.ipv6.is_some();
        if new.start && !public && new.networks.is_empty() {
            let message = "server needs a public or private network interface to be started";
            return Err(Refusal::invalid("public_net", message));
        }
        self.check_new_volumes(&new.volumes, location)?;
        self.check_new_firewalls(&new, public)?;
        let private_nets = self.plan_networks(&new.networks, location)?;
        for (id, version) in
            [(new.ipv4.flatten(), primary_ips::Version::V4), (new.ipv6.flatten(), primary_ips::Version::V6)]
        {
            if let Some(id) = id {
                self.check_primary_ip_for_new_server(id, version, location)?;
            }
        }
        self.within_limit(Kind::Server, self.project.servers.len())?;

        let id = self.new_id(Kind::Server);
        self.project.servers.insert(Server {
            id,
            name: new.name,
            labels: new.labels,
            created: self.now,
            status: Status::Initializing,
            server_type: server_type.name.clone(),
            location: location.to_owned(),
            image: Some(image),
            disk: disk_of(server_type),
            user_data: new.user_data,
            placement_group: new.placement_group,
            private_nets,
            backup_window: None,
            rescue_until: None,
            iso: None,
            protect_delete: false,
            protect_rebuild: false,
            machine: Machine { ssh_keys: self.project.public_keys(&ssh_keys), ..Machine::default() },
            ssh_keys,
        });
        for (wanted, version) in [(new.ipv4, primary_ips::Version::V4), (new.ipv6, primary_ips::Version::V6)]
        {
            match wanted {
                Some(Some(existing)) => self.bind_primary_ip(existing, Some(id)),
                Some(None) => {
                    if let Err(refusal) = self.new_server_primary_ip(id, version, location) {
                        // Nothing of the server may stay behind.
                        self.server_deleted(id);
                        return Err(refusal);
                    }
                }
                None => {}
            }
        }
        for firewall in &new.firewalls {
            self.put_firewall_on(*firewall, id);
        }
        let root_password = self.project.servers.get(id).filter(|server| server.ssh_keys.is_empty());
        let root_password = root_password.is_some().then(|| self.shared.password());

        let effect = Effect::ServerCreated { server: id, start: new.start };
        let action = self.begin(Command::CreateServer, &[(Kind::Server, id)], effect);
        if let Some(server) = self.project.servers.get_mut(id) {
            let machine = &mut server.machine;
            (machine.written_by, machine.boot, machine.image) = (action.id, action.id, Some(image));
            machine.root_password.clone_from(&root_password);
        }
        let mut next_actions: Vec<Action> = Vec::new();
        if new.start {
            let effect = Effect::ServerStarted { server: id };
            let start = self.begin_after(Some(&action), Command::StartServer, &[(Kind::Server, id)], effect);
            if let (false, Some(server)) = (start.fails(), self.project.servers.get_mut(id)) {
                server.boot(start.id, false, self.now);
            }
            next_actions.push(start);
        }
        for volume in new.volumes {
            let previous = next_actions.last().unwrap_or(&action).clone();
            let resources = [(Kind::Server, id), (Kind::Volume, volume)];
            let effect = Effect::VolumeAttached { volume, server: id };
            self.set_automount(volume, new.automount);
            next_actions.push(self.begin_after(Some(&previous), Command::AttachVolume, &resources, effect));
        }
        Ok(CreatedServer { id, action, next_actions, root_password })
    }

    fn check_new_volumes(&self, volumes: &[i64], location: &str) -> Result<(), Refusal> {
        let unique: BTreeSet<_> = volumes.iter().collect();
        if unique.len() != volumes.len() || volumes.len() > super::volumes::MAX_PER_SERVER {
            return Err(Refusal::invalid("volumes", "volumes must be different and at most 16"));
        }
        for id in volumes {
            let Some(volume) = self.project.volumes.get(*id) else {
                return Err(Refusal::invalid("volumes", format!("volume with ID '{id}' not found")));
            };
            if volume.location != location {
                return Err(Refusal::invalid("volumes", "volume and server must be in the same location"));
            }
            self.project.ensure_free(Kind::Volume, *id)?;
            if volume.server.is_some() {
                return Err(Refusal::new(
                    "volume_already_attached",
                    "volume is already attached to a server",
                ));
            }
        }
        Ok(())
    }

    fn check_new_firewalls(&self, new: &NewServer, public: bool) -> Result<(), Refusal> {
        if new.firewalls.is_empty() {
            return Ok(());
        }
        if !public {
            let message = "server has no public network interface for a firewall";
            return Err(Refusal::new("private_net_only_server", message));
        }
        let unique: BTreeSet<_> = new.firewalls.iter().collect();
        if unique.len() != new.firewalls.len() || new.firewalls.len() > firewalls::MAX_PER_SERVER {
            return Err(Refusal::invalid("firewalls", "firewalls must be different and at most 5"));
        }
        for id in &new.firewalls {
            if !self.project.firewalls.contains(*id) {
                return Err(Refusal::invalid("firewalls", format!("firewall with ID '{id}' not found")));
            }
        }
        Ok(())
    }

    fn plan_networks(&self, networks: &[i64], location: &str) -> Result<Vec<Attachment>, Refusal> {
        let zone = self.zone_of(location);
        let mut planned: Vec<Attachment> = Vec::new();
        let mut others = Vec::new();
        for network in networks {
            let join = Join { network: *network, ip: None, alias_ips: Vec::new(), ip_range: None };
            if !self.project.networks.contains(*network) {
                return Err(Refusal::invalid("networks", format!("network with ID '{network}' not found")));
            }
            self.check_compatible(*network, &others)?;
            planned.push(self.plan_attachment(&join, zone, &BTreeSet::new())?);
            others.push(*network);
        }
        Ok(planned)
    }

    /// The server's disk is written and its interfaces are there.
    pub(super) fn server_created(&mut self, id: i64, start: bool) {
        if let Some(server) = self.project.servers.get_mut(id) {
            server.status = if start { Status::Starting } else { Status::Off };
            for attachment in &mut server.private_nets {
                if attachment.link == Link::Attaching {
                    attachment.link = Link::Attached;
                }
            }
        }
    }
}
