//! Floating IPs: addresses that move between servers.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::names::is_plain_name;
use super::primary_ips::{Version, covers};
use super::table::named_row;
use super::{Action, Command, Effect, Kind, Labels, Refusal, Tx};

/// A floating IP: one IPv4 address or an IPv6 /64.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FloatingIp {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) labels: Labels,
    pub(crate) created: i64,
    pub(crate) description: Option<String>,
    pub(crate) version: Version,
    /// The address, or the first one of the network.
    pub(crate) address: IpAddr,
    pub(crate) home_location: String,
    pub(crate) server: Option<i64>,
    pub(crate) dns_ptr: BTreeMap<IpAddr, String>,
    pub(crate) protect_delete: bool,
}

named_row!(FloatingIp, owner: server);

/// What a floating IP is asked to be.
pub(crate) struct NewFloatingIp {
    /// Made of the id when not given.
    pub(crate) name: Option<String>,
    pub(crate) labels: Labels,
    pub(crate) description: Option<String>,
    pub(crate) version: Version,
    /// By id or name; given if and only if there is no server.
    pub(crate) home_location: Option<String>,
    pub(crate) server: Option<i64>,
}

impl Tx<'_> {
    /// The floating IP, or the refusal that there is none.
    pub(crate) fn floating_ip(&self, id: i64) -> Result<&FloatingIp, Refusal> {
        self.project.floating_ips.get(id).ok_or_else(|| Refusal::not_found("floating_ip", id))
    }

    fn check_floating_name(&self, name: &str, except: Option<i64>) -> Result<(), Refusal> {
        if !is_plain_name(name, 255) {
            return Err(Refusal::invalid("name", "name must have 1 to 255 characters"));
        }
        if self.project.floating_ips.name_taken(name, except) {
            return Err(Refusal::not_unique("floating_ip", "name"));
        }
        Ok(())
    }

    /// Creates a floating IP; there is an action if it is assigned at once.
    pub(crate) fn create_floating_ip(
        &mut self,
        new: NewFloatingIp,
    ) -> Result<(i64, Option<Action>), Refusal> {
        if let Some(name) = &new.name {
            self.check_floating_name(name, None)?;
        }
        let home_location = match (&new.home_location, new.server) {
            (Some(location), None) => self.find_location("home_location", location)?.name.clone(),
            (None, Some(server)) => self.named_server("server", server)?.location.clone(),
            (Some(_), Some(_)) => {
                return Err(Refusal::invalid(
                    "home_location",
                    "home_location and server must not both be given",
                ));
            }
            (None, None) => {
                return Err(Refusal::invalid("home_location", "home_location or server must be given"));
            }
        };
        self.within_limit(Kind::FloatingIp, self.project.floating_ips.len())?;
        let address = self.take_address(new.version)?;
        let id = self.new_id(Kind::FloatingIp);
        self.project.floating_ips.insert(FloatingIp {
            id,
            name: new.name.unwrap_or_else(|| format!("floating-ip-{id}")),
            labels: new.labels,
            created: self.now,
            description: new.description,
            version: new.version,
            address,
            home_location,
            server: None,
            dns_ptr: BTreeMap::new(),
            protect_delete: false,
        });
        let action = new.server.map(|server| self.begin_assignment(id, Some(server), Some(server)));
        Ok((id, action))
    }

    /// Begins the action that gives a floating IP to a server, or takes it away; it names `about`.
    fn begin_assignment(&mut self, id: i64, server: Option<i64>, about: Option<i64>) -> Action {
        let command = if server.is_some() { Command::AssignFloatingIp } else { Command::UnassignFloatingIp };
        let mut resources: Vec<(Kind, i64)> =
            about.map(|server| (Kind::Server, server)).into_iter().collect();
        resources.push((Kind::FloatingIp, id));
        let action = self.begin(command, &resources, Effect::Nothing);
        if let (false, Some(ip)) = (action.fails(), self.project.floating_ips.get_mut(id)) {
            ip.server = server;
        }
        action
    }

    pub(crate) fn update_floating_ip(
        &mut self,
        id: i64,
        name: Option<String>,
        description: Option<Option<String>>,
        labels: Option<Labels>,
    ) -> Result<(), Refusal> {
        self.floating_ip(id)?;
        if let Some(name) = &name {
            self.check_floating_name(name, Some(id))?;
        }
        let ip =
            self.project.floating_ips.get_mut(id).ok_or_else(|| Refusal::not_found("floating_ip", id))?;
        ip.name = name.unwrap_or_else(|| ip.name.clone());
        ip.labels = labels.unwrap_or_else(|| ip.labels.clone());
        ip.description = description.unwrap_or_else(|| ip.description.clone());
        Ok(())
    }

    pub(crate) fn delete_floating_ip(&mut self, id: i64) -> Result<(), Refusal> {
        let ip = self.floating_ip(id)?;
        if ip.protect_delete {
            return Err(Refusal::protected("floating_ip"));
        }
        if ip.server.is_some() {
            return Err(Refusal::new(
                "must_be_unassigned",
                "floating IP must be unassigned before it is deleted",
            ));
        }
        if let Some(ip) = self.project.floating_ips.remove(id) {
            self.return_address(ip.address);
        }
        Ok(())
    }

    /// Gives a floating IP to a server, from wherever it was.
    pub(crate) fn assign_floating_ip(&mut self, id: i64, server: i64) -> Result<Action, Refusal> {
        self.floating_ip(id)?;
        self.named_server("server", server)?;
        Ok(self.begin_assignment(id, Some(server), Some(server)))
    }

    pub(crate) fn unassign_floating_ip(&mut self, id: i64) -> Result<Action, Refusal> {
        let server = self.floating_ip(id)?.server;
        Ok(self.begin_assignment(id, None, server))
    }

    pub(crate) fn set_floating_dns(
        &mut self,
        id: i64,
        address: IpAddr,
        name: Option<String>,
    ) -> Result<Action, Refusal> {
        if !covers(self.floating_ip(id)?.address, address) {
            return Err(Refusal::invalid("ip", "address does not belong to it"));
        }
        let action = self.begin(Command::ChangeDnsPtr, &[(Kind::FloatingIp, id)], Effect::Nothing);
        if let (false, Some(ip)) = (action.fails(), self.project.floating_ips.get_mut(id)) {
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

    pub(crate) fn protect_floating_ip(&mut self, id: i64, delete: bool) -> Result<Action, Refusal> {
        self.floating_ip(id)?;
        let action = self.begin(Command::ChangeProtection, &[(Kind::FloatingIp, id)], Effect::Nothing);
        if let (false, Some(ip)) = (action.fails(), self.project.floating_ips.get_mut(id)) {
            ip.protect_delete = delete;
        }
        Ok(action)
    }
}
