//! Servers: what they are, their names, their networks and their end.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use ferroform_catalogue::{Location, ServerType};
use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use super::address::{check_free, choose, used_in};
use super::machine::Machine;
use super::names::is_hostname;
use super::networks::MAX_MEMBERS;
use super::table::named_row;
use super::{Action, Command, Effect, Kind, Labels, Refusal, ResourceRef, Tx};

/// Where a server stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    Initializing,
    Starting,
    Running,
    Stopping,
    Off,
    Deleting,
    Migrating,
    Rebuilding,
}

impl Status {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Initializing => "initializing",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Stopping => "stopping",
            Self::Off => "off",
            Self::Deleting => "deleting",
            Self::Migrating => "migrating",
            Self::Rebuilding => "rebuilding",
        }
    }
}

/// Where an attachment to a network stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Link {
    Attaching,
    Attached,
    Detaching,
}

/// How a server or load balancer is attached to a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Attachment {
    pub(crate) network: i64,
    pub(crate) ip: Ipv4Addr,
    pub(crate) alias_ips: Vec<Ipv4Addr>,
    pub(crate) mac_address: String,
    pub(crate) link: Link,
}

/// A server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Server {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) labels: Labels,
    pub(crate) created: i64,
    pub(crate) status: Status,
    pub(crate) server_type: String,
    pub(crate) location: String,
    pub(crate) image: Option<i64>,
    /// Gigabytes.
    pub(crate) disk: u32,
    pub(crate) user_data: Option<String>,
    /// Keys it was created with.
    pub(crate) ssh_keys: Vec<i64>,
    pub(crate) placement_group: Option<i64>,
    pub(crate) private_nets: Vec<Attachment>,
    /// Time of the day of its backups, which are on when it is set.
    pub(crate) backup_window: Option<String>,
    /// When rescue mode ends by itself, if it is on.
    pub(crate) rescue_until: Option<i64>,
    pub(crate) iso: Option<i64>,
    pub(crate) protect_delete: bool,
    pub(crate) protect_rebuild: bool,
    /// What its machine is to be.
    #[serde(default)]
    pub(crate) machine: Machine,
}

named_row!(Server);

/// Most networks of a server (assumed).
pub(crate) const MAX_NETWORKS: usize = 3;
/// Most additional addresses in one network (assumed).
const MAX_ALIAS_IPS: usize = 5;

impl Server {
    pub(crate) fn is_off(&self) -> bool {
        self.status == Status::Off
    }
}

/// A request to join a network.
pub(crate) struct Join {
    pub(crate) network: i64,
    pub(crate) ip: Option<Ipv4Addr>,
    pub(crate) alias_ips: Vec<Ipv4Addr>,
    pub(crate) ip_range: Option<Ipv4Net>,
}

/// The hardware address of a private interface: those of Hetzner begin with 86, and this one is unique because
/// it is made of the address and the network.
fn mac_address(network: i64, ip: Ipv4Addr) -> String {
    let [_, b, c, d] = ip.octets();
    let [.., low] = network.to_be_bytes();
    format!("86:00:{low:02x}:{b:02x}:{c:02x}:{d:02x}")
}

impl Tx<'_> {
    /// The server, or the refusal that there is none.
    pub(crate) fn server(&self, id: i64) -> Result<&Server, Refusal> {
        self.project.servers.get(id).ok_or_else(|| Refusal::not_found("server", id))
    }

    /// Where a server stands, as the API shows it: one whose machine is coming back with the emulator is starting.
    pub(crate) fn status_of(&self, server: &Server) -> Status {
        match server.status {
            Status::Running if self.live.is_returning(server.id) => Status::Starting,
            status => status,
        }
    }

    /// The server that a field of a request names.
    pub(crate) fn named_server(&self, field: &str, id: i64) -> Result<&Server, Refusal> {
        self.project
            .servers
            .get(id)
            .ok_or_else(|| Refusal::invalid(field, format!("server with ID '{id}' not found")))
    }

    /// The location that a field of a request names, by id or name.
    pub(crate) fn find_location(&self, field: &str, id_or_name: &str) -> Result<&'static Location, Refusal> {
        let id: Option<i64> = id_or_name.parse().ok();
        self.catalogue()
            .locations()
            .iter()
            .find(|location| location.name == id_or_name || Some(location.id) == id)
            .ok_or_else(|| Refusal::invalid(field, format!("location '{id_or_name}' not found")))
    }

    /// The server type that a field of a request names, by id or name.
    pub(crate) fn find_server_type(&self, id_or_name: &str) -> Result<&'static ServerType, Refusal> {
        let id: Option<i64> = id_or_name.parse().ok();
        self.catalogue()
            .server_types()
            .iter()
            .find(|server_type| server_type.name == id_or_name || Some(server_type.id) == id)
            .ok_or_else(|| Refusal::invalid("server_type", format!("server type '{id_or_name}' not found")))
    }

    /// The zone whose subnets a location can use.
    pub(crate) fn zone_of(&self, location: &str) -> &'static str {
        self.catalogue().network_zone_of(location).unwrap_or_default()
    }

    pub(crate) fn check_server_name(&self, name: &str, except: Option<i64>) -> Result<(), Refusal> {
        if !is_hostname(name) {
            return Err(Refusal::invalid("name", "name must be a valid hostname"));
        }
        if self.project.servers.name_taken(name, except) {
            return Err(Refusal::not_unique("server", "name"));
        }
        Ok(())
    }

    pub(crate) fn update_server(
        &mut self,
        id: i64,
        name: Option<String>,
        labels: Option<Labels>,
    ) -> Result<(), Refusal> {
        self.server(id)?;
        if let Some(name) = &name {
            self.check_server_name(name, Some(id))?;
        }
        let server = self.project.servers.get_mut(id).ok_or_else(|| Refusal::not_found("server", id))?;
        server.name = name.unwrap_or_else(|| server.name.clone());
        server.labels = labels.unwrap_or_else(|| server.labels.clone());
        Ok(())
    }

    pub(crate) fn delete_server(&mut self, id: i64) -> Result<Action, Refusal> {
        if self.server(id)?.protect_delete {
            return Err(Refusal::protected("server"));
        }
        self.project.ensure_free(Kind::Server, id)?;
        let effect = Effect::ServerDeleted { server: id };
        Ok(self.begin_with_status(id, Command::DeleteServer, effect, Some(Status::Deleting)))
    }

    /// Begins an action on a server and, unless it is to fail, gives the server its status for the time.
    pub(super) fn begin_with_status(
        &mut self,
        id: i64,
        command: Command,
        effect: Effect,
        status: Option<Status>,
    ) -> Action {
        let action = self.begin(command, &[(Kind::Server, id)], effect);
        if let (false, Some(status), Some(server)) =
            (action.fails(), status, self.project.servers.get_mut(id))
        {
            server.status = status;
        }
        action
    }

    pub(super) fn server_deleted(&mut self, id: i64) {
        if self.project.servers.remove(id).is_none() {
            return;
        }
        let attached: Vec<i64> = self.project.volumes.owned_by(id).map(|volume| volume.id).collect();
        for volume in attached {
            self.volume_attached(volume, None);
        }
        let backups: Vec<i64> =
            self.project.images.values().filter(|i| i.backup && i.server == id).map(|i| i.id).collect();
        for image in backups {
            self.project.images.remove(image);
        }
        self.release_addresses_of(id);
        self.forget_firewalls_of(id);
        self.forget_targets_of(id);
    }

    /// Chooses addresses for a new member of a network.
    pub(crate) fn plan_attachment(
        &self,
        join: &Join,
        zone: &str,
        taken: &BTreeSet<Ipv4Addr>,
    ) -> Result<Attachment, Refusal> {
        let Some(network) = self.project.networks.get(join.network) else {
            let message = format!("network with ID '{}' not found", join.network);
            return Err(Refusal::invalid("network", message));
        };
        if self.network_members(network.id).len() >= MAX_MEMBERS {
            return Err(Refusal::limit("servers_per_network"));
        }
        if join.alias_ips.len() > MAX_ALIAS_IPS {
            return Err(Refusal::invalid(
                "alias_ips",
                format!("at most {MAX_ALIAS_IPS} alias IPs are allowed"),
            ));
        }
        let mut used = used_in(self.project, network.id);
        used.extend(taken);
        let ip = choose(network, zone, &used, join.ip, join.ip_range)?;
        used.insert(ip);
        for alias in &join.alias_ips {
            check_free(network, zone, &used, *alias, "alias_ips")?;
            used.insert(*alias);
        }
        Ok(Attachment {
            network: network.id,
            ip,
            alias_ips: join.alias_ips.clone(),
            mac_address: mac_address(network.id, ip),
            link: Link::Attaching,
        })
    }

    /// Refuses when a server cannot be in this network beside those others.
    pub(crate) fn check_compatible(&self, network: i64, others: &[i64]) -> Result<(), Refusal> {
        if others.contains(&network) {
            return Err(Refusal::new("server_already_attached", "server is already attached to the network"));
        }
        if others.len() >= MAX_NETWORKS {
            return Err(Refusal::limit("networks_per_server"));
        }
        let range = |id: i64| self.project.networks.get(id).map(|network| network.ip_range);
        let Some(new) = range(network) else { return Ok(()) };
        if others.iter().filter_map(|id| range(*id)).any(|old| old.contains(&new) || new.contains(&old)) {
            let message = "network IP range overlaps with one of the server's networks";
            return Err(Refusal::new("networks_overlap", message));
        }
        Ok(())
    }

    pub(crate) fn attach_server(&mut self, id: i64, join: &Join) -> Result<Action, Refusal> {
        let server = self.server(id)?;
        let zone = self.zone_of(&server.location);
        let others: Vec<i64> = server.private_nets.iter().map(|attachment| attachment.network).collect();
        self.project.ensure_free(Kind::Server, id)?;
        if self.project.networks.contains(join.network) {
            self.project.ensure_free(Kind::Network, join.network)?;
        }
        self.check_compatible(join.network, &others)?;
        let attachment = self.plan_attachment(join, zone, &BTreeSet::new())?;
        let member = ResourceRef { kind: Kind::Server, id };
        let effect = Effect::NetworkAttached { member, network: join.network };
        let action = self.begin_attachment(Command::AttachToNetwork, member, join.network, effect);
        if let (false, Some(server)) = (action.fails(), self.project.servers.get_mut(id)) {
            server.private_nets.push(attachment);
        }
        Ok(action)
    }

    /// Begins an action about a member of a network.
    pub(crate) fn begin_attachment(
        &mut self,
        command: Command,
        member: ResourceRef,
        network: i64,
        effect: Effect,
    ) -> Action {
        self.begin(command, &[(member.kind, member.id), (Kind::Network, network)], effect)
    }

    pub(crate) fn detach_server(&mut self, id: i64, network: i64) -> Result<Action, Refusal> {
        if !self.server(id)?.private_nets.iter().any(|attachment| attachment.network == network) {
            let message = "server is not attached to the network";
            return Err(Refusal::new("server_not_attached_to_network", message));
        }
        self.project.ensure_free(Kind::Server, id)?;
        let member = ResourceRef { kind: Kind::Server, id };
        let effect = Effect::NetworkDetached { member, network };
        let action = self.begin_attachment(Command::DetachFromNetwork, member, network, effect);
        if !action.fails() {
            self.set_link(member, network, Link::Detaching);
        }
        Ok(action)
    }

    pub(crate) fn change_alias_ips(
        &mut self,
        id: i64,
        network: i64,
        aliases: Vec<Ipv4Addr>,
    ) -> Result<Action, Refusal> {
        let server = self.server(id)?;
        let zone = self.zone_of(&server.location);
        let Some(old) = server.private_nets.iter().find(|attachment| attachment.network == network) else {
            let message = "server is not attached to the network";
            return Err(Refusal::new("server_not_attached_to_network", message));
        };
        self.project.ensure_free(Kind::Server, id)?;
        if aliases.len() > MAX_ALIAS_IPS {
            return Err(Refusal::invalid(
                "alias_ips",
                format!("at most {MAX_ALIAS_IPS} alias IPs are allowed"),
            ));
        }
        let mut used = used_in(self.project, network);
        for alias in &old.alias_ips {
            used.remove(alias);
        }
        for alias in &aliases {
            check_free(self.network(network)?, zone, &used, *alias, "alias_ips")?;
            used.insert(*alias);
        }
        let member = ResourceRef { kind: Kind::Server, id };
        let action = self.begin_attachment(Command::ChangeAliasIps, member, network, Effect::Nothing);
        if let (false, Some(server)) = (action.fails(), self.project.servers.get_mut(id)) {
            for attachment in server.private_nets.iter_mut().filter(|a| a.network == network) {
                attachment.alias_ips.clone_from(&aliases);
            }
        }
        Ok(action)
    }

    fn attachments_mut(&mut self, member: ResourceRef) -> Option<&mut Vec<Attachment>> {
        match member.kind {
            Kind::LoadBalancer => self.project.load_balancers.get_mut(member.id).map(|b| &mut b.private_nets),
            _ => self.project.servers.get_mut(member.id).map(|server| &mut server.private_nets),
        }
    }

    pub(super) fn set_link(&mut self, member: ResourceRef, network: i64, link: Link) {
        for attachment in self.attachments_mut(member).into_iter().flatten() {
            if attachment.network == network {
                attachment.link = link;
            }
        }
    }

    pub(super) fn network_attached(&mut self, member: ResourceRef, network: i64) {
        self.set_link(member, network, Link::Attached);
    }

    pub(super) fn network_detached(&mut self, member: ResourceRef, network: i64) {
        if let Some(attachments) = self.attachments_mut(member) {
            attachments.retain(|attachment| attachment.network != network);
        }
    }
}
