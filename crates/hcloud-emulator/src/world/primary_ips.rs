//! Primary IPs: the addresses of the public interface of servers.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::address::exhausted;
use super::names::is_plain_name;
use super::table::named_row;
use super::{Action, Command, Effect, Kind, Labels, Refusal, Tx};

/// Version of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Version {
    V4,
    V6,
}

impl Version {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::V4 => "ipv4",
            Self::V6 => "ipv6",
        }
    }
}

/// A primary IP: one IPv4 address or an IPv6 /64.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PrimaryIp {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) labels: Labels,
    pub(crate) created: i64,
    pub(crate) version: Version,
    /// The address, or the first one of the network.
    pub(crate) address: IpAddr,
    pub(crate) location: String,
    /// The server it is assigned to.
    pub(crate) assignee: Option<i64>,
    pub(crate) auto_delete: bool,
    /// Reverse DNS entries that were set.
    pub(crate) dns_ptr: BTreeMap<IpAddr, String>,
    pub(crate) protect_delete: bool,
}

named_row!(PrimaryIp, owner: assignee);

/// What a primary IP is asked to be.
pub(crate) struct NewPrimaryIp {
    pub(crate) name: String,
    pub(crate) labels: Labels,
    pub(crate) version: Version,
    /// By id or name; given if and only if there is no assignee.
    pub(crate) location: Option<String>,
    pub(crate) assignee: Option<i64>,
    pub(crate) auto_delete: bool,
}

/// Whether an address belongs to what begins at `base`: the address itself, or an IPv6 /64.
pub(crate) fn covers(base: IpAddr, address: IpAddr) -> bool {
    match (base, address) {
        (IpAddr::V6(base), IpAddr::V6(address)) => base.segments()[..4] == address.segments()[..4],
        (base, address) => base == address,
    }
}

impl Tx<'_> {
    /// The primary IP, or the refusal that there is none.
    pub(crate) fn primary_ip(&self, id: i64) -> Result<&PrimaryIp, Refusal> {
        self.project.primary_ips.get(id).ok_or_else(|| Refusal::not_found("primary_ip", id))
    }

    /// The primary IP of a server.
    pub(crate) fn primary_ip_of(&self, server: i64, version: Version) -> Option<&PrimaryIp> {
        self.project.primary_ips.owned_by(server).find(|ip| ip.version == version)
    }

    /// A public address, or the first one of a public /64.
    pub(super) fn take_address(&mut self, version: Version) -> Result<IpAddr, Refusal> {
        let pools = &mut self.shared.addresses;
        match version {
            Version::V4 => pools.take_v4().map(IpAddr::V4),
            Version::V6 => pools.take_v6().map(IpAddr::V6),
        }
        .ok_or_else(exhausted)
    }

    /// Gives a public address back.
    pub(super) fn return_address(&mut self, address: IpAddr) {
        if let IpAddr::V4(address) = address {
            self.shared.addresses.return_v4(address);
        }
    }

    fn check_ip_name(&self, name: &str, except: Option<i64>) -> Result<(), Refusal> {
        if !is_plain_name(name, 255) {
            return Err(Refusal::invalid("name", "name must have 1 to 255 characters"));
        }
        if self.project.primary_ips.name_taken(name, except) {
            return Err(Refusal::not_unique("primary_ip", "name"));
        }
        Ok(())
    }

    fn check_assignable(&self, server: i64, version: Version) -> Result<(), Refusal> {
        if !self.named_server("assignee_id", server)?.is_off() {
            return Err(Refusal::not_stopped());
        }
        self.project.ensure_free(Kind::Server, server)?;
        if self.primary_ip_of(server, version).is_some() {
            let code = format!("server_has_{}", version.as_str());
            return Err(Refusal::new(&code, format!("server already has an {} address", version.as_str())));
        }
        Ok(())
    }

    /// Creates a primary IP; there is an action if it is assigned at once.
    pub(crate) fn create_primary_ip(&mut self, new: NewPrimaryIp) -> Result<(i64, Option<Action>), Refusal> {
        self.check_ip_name(&new.name, None)?;
        let location = match (&new.location, new.assignee) {
            (Some(location), None) => self.find_location("location", location)?.name.clone(),
            (None, Some(server)) => {
                self.check_assignable(server, new.version)?;
                self.server(server)?.location.clone()
            }
            (Some(_), Some(_)) => {
                return Err(Refusal::invalid("location", "location and assignee_id must not both be given"));
            }
            (None, None) => {
                return Err(Refusal::invalid("location", "location or assignee_id must be given"));
            }
        };
        self.within_limit(Kind::PrimaryIp, self.project.primary_ips.len())?;
        let address = self.take_address(new.version)?;
        let id = self.new_id(Kind::PrimaryIp);
        self.project.primary_ips.insert(PrimaryIp {
            id,
            name: new.name,
            labels: new.labels,
            created: self.now,
            version: new.version,
            address,
            location,
            assignee: None,
            auto_delete: new.auto_delete,
            dns_ptr: BTreeMap::new(),
            protect_delete: false,
        });
        let action = new.assignee.map(|server| {
            let resources = [(Kind::Server, server), (Kind::PrimaryIp, id)];
            let action = self.begin(Command::AssignPrimaryIp, &resources, Effect::Nothing);
            if !action.fails() {
                self.bind_primary_ip(id, Some(server));
            }
            action
        });
        Ok((id, action))
    }

    /// The address a new server gets by itself; it goes when the server goes.
    pub(super) fn new_server_primary_ip(
        &mut self,
        server: i64,
        version: Version,
        location: &str,
    ) -> Result<(), Refusal> {
        self.within_limit(Kind::PrimaryIp, self.project.primary_ips.len())?;
        let address = self.take_address(version)?;
        let id = self.new_id(Kind::PrimaryIp);
        self.project.primary_ips.insert(PrimaryIp {
            id,
            name: format!("primary_ip-{id}"),
            labels: Labels::new(),
            created: self.now,
            version,
            address,
            location: location.to_owned(),
            assignee: Some(server),
            auto_delete: true,
            dns_ptr: BTreeMap::new(),
            protect_delete: false,
        });
        Ok(())
    }

    pub(super) fn check_primary_ip_for_new_server(
        &self,
        id: i64,
        version: Version,
        location: &str,
    ) -> Result<(), Refusal> {
        let Some(ip) = self.project.primary_ips.get(id) else {
            return Err(Refusal::invalid("public_net", format!("primary IP with ID '{id}' not found")));
        };
        if ip.version != version {
            let message = "primary IP has the wrong IP version";
            return Err(Refusal::new("primary_ip_version_mismatch", message));
        }
        if ip.assignee.is_some() {
            return Err(Refusal::new("primary_ip_assigned", "primary IP is already assigned to a server"));
        }
        if ip.location != location {
            let message = "primary IP is in a different location";
            return Err(Refusal::new("primary_ip_datacenter_mismatch", message));
        }
        Ok(())
    }

    pub(super) fn bind_primary_ip(&mut self, id: i64, server: Option<i64>) {
        if let Some(ip) = self.project.primary_ips.get_mut(id) {
            ip.assignee = server;
        }
    }

    /// Frees the addresses of a server that is gone.
    pub(super) fn release_addresses_of(&mut self, server: i64) {
        let assigned: Vec<(i64, bool)> =
            self.project.primary_ips.owned_by(server).map(|ip| (ip.id, ip.auto_delete)).collect();
        for (id, auto_delete) in assigned {
            if !auto_delete {
                self.bind_primary_ip(id, None);
            } else if let Some(ip) = self.project.primary_ips.remove(id) {
                self.return_address(ip.address);
            }
        }
        let floating: Vec<i64> = self.project.floating_ips.owned_by(server).map(|ip| ip.id).collect();
        for id in floating {
            if let Some(ip) = self.project.floating_ips.get_mut(id) {
                ip.server = None;
            }
        }
    }

    pub(crate) fn update_primary_ip(
        &mut self,
        id: i64,
        name: Option<String>,
        labels: Option<Labels>,
        auto_delete: Option<bool>,
    ) -> Result<(), Refusal> {
        let protected = self.primary_ip(id)?.protect_delete;
        if let Some(name) = &name {
            self.check_ip_name(name, Some(id))?;
        }
        if protected && auto_delete == Some(true) {
            return Err(Refusal::protected("primary_ip"));
        }
        let ip = self.project.primary_ips.get_mut(id).ok_or_else(|| Refusal::not_found("primary_ip", id))?;
        ip.name = name.unwrap_or_else(|| ip.name.clone());
        ip.labels = labels.unwrap_or_else(|| ip.labels.clone());
        ip.auto_delete = auto_delete.unwrap_or(ip.auto_delete);
        Ok(())
    }

    pub(crate) fn delete_primary_ip(&mut self, id: i64) -> Result<(), Refusal> {
        let ip = self.primary_ip(id)?;
        if ip.protect_delete {
            return Err(Refusal::protected("primary_ip"));
        }
        if ip.assignee.is_some() {
            return Err(Refusal::new(
                "must_be_unassigned",
                "primary IP must be unassigned before it is deleted",
            ));
        }
        self.project.ensure_free(Kind::PrimaryIp, id)?;
        if let Some(ip) = self.project.primary_ips.remove(id) {
            self.return_address(ip.address);
        }
        Ok(())
    }

    pub(crate) fn assign_primary_ip(&mut self, id: i64, server: i64) -> Result<Action, Refusal> {
        let ip = self.primary_ip(id)?;
        let (version, location, assignee) = (ip.version, ip.location.clone(), ip.assignee);
        if assignee.is_some() {
            let message = "primary IP is already assigned to a server";
            return Err(Refusal::new("primary_ip_already_assigned", message));
        }
        if self.named_server("assignee_id", server)?.location != location {
            let message = "primary IP and server must be in the same location";
            return Err(Refusal::invalid("assignee_id", message));
        }
        self.check_assignable(server, version)?;
        let resources = [(Kind::Server, server), (Kind::PrimaryIp, id)];
        let action = self.begin(Command::AssignPrimaryIp, &resources, Effect::Nothing);
        if !action.fails() {
            self.bind_primary_ip(id, Some(server));
        }
        Ok(action)
    }

    pub(crate) fn unassign_primary_ip(&mut self, id: i64) -> Result<Action, Refusal> {
        let Some(server) = self.primary_ip(id)?.assignee else {
            return Err(Refusal::new("primary_ip_not_assigned", "primary IP is not assigned"));
        };
        if !self.server(server)?.is_off() {
            return Err(Refusal::not_stopped());
        }
        self.project.ensure_free(Kind::Server, server)?;
        let resources = [(Kind::Server, server), (Kind::PrimaryIp, id)];
        let action = self.begin(Command::UnassignPrimaryIp, &resources, Effect::Nothing);
        if !action.fails() {
            self.bind_primary_ip(id, None);
        }
        Ok(action)
    }

    /// Sets or removes a reverse DNS entry; the action names `resource`, through which it was asked for.
    pub(crate) fn set_primary_dns(
        &mut self,
        id: i64,
        resource: (Kind, i64),
        address: IpAddr,
        name: Option<String>,
    ) -> Result<Action, Refusal> {
        if !covers(self.primary_ip(id)?.address, address) {
            return Err(Refusal::invalid("ip", "address does not belong to it"));
        }
        let action = self.begin(Command::ChangeDnsPtr, &[resource], Effect::Nothing);
        if let (false, Some(ip)) = (action.fails(), self.project.primary_ips.get_mut(id)) {
            match name {
                Some(name) => {
                    ip.dns_ptr.insert(address, name);
                }
                None => {
                    ip.dns_ptr.remove(&address);
                }
            }
        }
        Ok(action)
    }

    /// Sets or removes a reverse DNS entry of one of a server's addresses.
    pub(crate) fn set_server_dns(
        &mut self,
        server: i64,
        address: IpAddr,
        name: Option<String>,
    ) -> Result<Action, Refusal> {
        self.server(server)?;
        let version = if address.is_ipv4() { Version::V4 } else { Version::V6 };
        let Some(id) = self.primary_ip_of(server, version).map(|ip| ip.id) else {
            return Err(Refusal::invalid("ip", "server has no such address"));
        };
        self.set_primary_dns(id, (Kind::Server, server), address, name)
    }

    pub(crate) fn protect_primary_ip(&mut self, id: i64, delete: bool) -> Result<Action, Refusal> {
        if delete && self.primary_ip(id)?.auto_delete {
            let message = "a primary IP with auto_delete cannot be protected";
            return Err(Refusal::invalid("delete", message));
        }
        self.primary_ip(id)?;
        let action = self.begin(Command::ChangeProtection, &[(Kind::PrimaryIp, id)], Effect::Nothing);
        if let (false, Some(ip)) = (action.fails(), self.project.primary_ips.get_mut(id)) {
            ip.protect_delete = delete;
        }
        Ok(action)
    }
}
