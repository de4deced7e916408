//! Private networks, their subnets and routes.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use super::address::{gateway, is_private, used_in};
use super::names::is_plain_name;
use super::servers::Attachment;
use super::table::named_row;
use super::{Action, Command, Effect, Kind, Labels, Refusal, ResourceRef, Tx};

/// Kinds of subnets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SubnetType {
    Cloud,
    /// The old name of `Cloud`.
    Server,
    Vswitch,
}

impl SubnetType {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Cloud => "cloud",
            Self::Server => "server",
            Self::Vswitch => "vswitch",
        }
    }
}

/// A subnet of a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Subnet {
    pub(crate) kind: SubnetType,
    pub(crate) ip_range: Ipv4Net,
    pub(crate) network_zone: String,
    pub(crate) vswitch_id: Option<i64>,
}

/// A route of a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Route {
    pub(crate) destination: Ipv4Net,
    pub(crate) gateway: Ipv4Addr,
}

/// A network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Network {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) labels: Labels,
    pub(crate) created: i64,
    pub(crate) ip_range: Ipv4Net,
    pub(crate) subnets: Vec<Subnet>,
    pub(crate) routes: Vec<Route>,
    pub(crate) expose_routes_to_vswitch: bool,
    pub(crate) protect_delete: bool,
}

named_row!(Network);

/// What a subnet is asked to be; without a range it gets the first free /24.
pub(crate) struct NewSubnet {
    pub(crate) kind: SubnetType,
    pub(crate) ip_range: Option<Ipv4Net>,
    pub(crate) network_zone: String,
    pub(crate) vswitch_id: Option<i64>,
}

/// What a network is asked to be.
pub(crate) struct NewNetwork {
    pub(crate) name: String,
    pub(crate) labels: Labels,
    pub(crate) ip_range: Ipv4Net,
    pub(crate) subnets: Vec<NewSubnet>,
    pub(crate) routes: Vec<Route>,
    pub(crate) expose_routes_to_vswitch: bool,
}

/// A member of a network, with its attachment.
pub(crate) struct Member<'a> {
    pub(crate) resource: ResourceRef,
    pub(crate) attachment: &'a Attachment,
}

/// Most subnets of a network (Hetzner documentation, networks FAQ).
const MAX_SUBNETS: usize = 50;
/// Most routes of a network (assumed).
const MAX_ROUTES: usize = 100;
/// Most servers and load balancers of a network (Hetzner documentation, networks FAQ).
pub(crate) const MAX_MEMBERS: usize = 100;

fn overlaps(a: Ipv4Net, b: Ipv4Net) -> bool {
    a.contains(&b) || b.contains(&a)
}

fn check_range(range: Ipv4Net) -> Result<(), Refusal> {
    if range.addr() != range.network() {
        return Err(Refusal::invalid("ip_range", format!("{range} has host bits set")));
    }
    if range.prefix_len() > 24 {
        return Err(Refusal::invalid("ip_range", "network must be at least a /24"));
    }
    if !is_private(range) {
        return Err(Refusal::invalid(
            "ip_range",
            "network must be in 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16",
        ));
    }
    Ok(())
}

impl Network {
    #[cfg(test)]
    pub(crate) fn for_tests(ip_range: Ipv4Net) -> Self {
        Self {
            id: 1,
            name: String::new(),
            labels: Labels::new(),
            created: 0,
            ip_range,
            subnets: Vec::new(),
            routes: Vec::new(),
            expose_routes_to_vswitch: false,
            protect_delete: false,
        }
    }

    #[cfg(test)]
    pub(crate) fn add_for_tests(&mut self, ip_range: Ipv4Net, zone: &str) {
        let network_zone = zone.to_owned();
        self.subnets.push(Subnet { kind: SubnetType::Cloud, ip_range, network_zone, vswitch_id: None });
    }

    /// The subnet an address lies in.
    pub(crate) fn subnet_of(&self, address: Ipv4Addr) -> Option<&Subnet> {
        self.subnets.iter().find(|subnet| subnet.ip_range.contains(&address))
    }

    fn plan_subnet(&self, new: NewSubnet, zones: &[&str]) -> Result<Subnet, Refusal> {
        if self.subnets.len() >= MAX_SUBNETS {
            return Err(Refusal::limit("subnet"));
        }
        if !zones.contains(&new.network_zone.as_str()) {
            let message = format!("network zone '{}' not found", new.network_zone);
            return Err(Refusal::invalid("network_zone", message));
        }
        match (new.kind, new.vswitch_id) {
            (SubnetType::Vswitch, None) => {
                return Err(Refusal::invalid(
                    "vswitch_id",
                    "vswitch_id is required for subnets of type vswitch",
                ));
            }
            (SubnetType::Vswitch, Some(_)) if new.network_zone != "eu-central" => {
                return Err(Refusal::invalid("network_zone", "vswitch subnets exist in eu-central only"));
            }
            (SubnetType::Vswitch, Some(id)) if self.subnets.iter().any(|s| s.vswitch_id == Some(id)) => {
                return Err(Refusal::new("vswitch_id_already_used", "the vSwitch is already used"));
            }
            (SubnetType::Vswitch, _) | (_, None) => {}
            (_, Some(_)) => {
                return Err(Refusal::invalid("vswitch_id", "vswitch_id is for subnets of type vswitch only"));
            }
        }
        let ip_range = match new.ip_range {
            Some(range) => {
                self.check_subnet(range)?;
                range
            }
            None => self
                .ip_range
                .subnets(24.max(self.ip_range.prefix_len()))
                .map_err(|_| Refusal::invalid("ip_range", "network has no room for a /24"))?
                .take(1 << 16)
                .find(|candidate| self.check_subnet(*candidate).is_ok())
                .ok_or_else(|| Refusal::invalid("ip_range", "no free /24 is left in the network"))?,
        };
        Ok(Subnet { kind: new.kind, ip_range, network_zone: new.network_zone, vswitch_id: new.vswitch_id })
    }

    fn check_subnet(&self, range: Ipv4Net) -> Result<(), Refusal> {
        let invalid = |message: String| Err(Refusal::invalid("ip_range", message));
        if range.addr() != range.network() {
            return invalid(format!("{range} has host bits set"));
        }
        if range.prefix_len() > 30 {
            return invalid("subnet must be at least a /30".to_owned());
        }
        if !self.ip_range.contains(&range) {
            return invalid(format!("subnet {range} is not in the network's range {}", self.ip_range));
        }
        if let Some(other) = self.subnets.iter().find(|other| overlaps(other.ip_range, range)) {
            return invalid(format!("subnet {range} overlaps with {}", other.ip_range));
        }
        if let Some(route) = self.routes.iter().find(|route| overlaps(route.destination, range)) {
            return invalid(format!("subnet {range} overlaps with the route to {}", route.destination));
        }
        Ok(())
    }

    fn check_route(&self, route: &Route) -> Result<(), Refusal> {
        let destination = route.destination;
        let invalid = |field: &str, message: &str| Err(Refusal::invalid(field, message));
        if self.routes.len() >= MAX_ROUTES {
            return Err(Refusal::limit("route"));
        }
        if destination.addr() != destination.network() {
            return invalid("destination", "destination has host bits set");
        }
        let everything = destination.prefix_len() == 0;
        if !everything && !is_private(destination) {
            return invalid("destination", "destination must be private or 0.0.0.0/0");
        }
        if destination.contains(&Ipv4Addr::new(172, 31, 1, 1)) && !everything {
            return invalid("destination", "destination must not contain 172.31.1.1");
        }
        if !everything && self.subnets.iter().any(|subnet| overlaps(subnet.ip_range, destination)) {
            return invalid("destination", "destination overlaps with a subnet");
        }
        let clash = |other: &Route| match (everything, other.destination.prefix_len() == 0) {
            (false, false) => overlaps(other.destination, destination),
            (a, b) => a && b,
        };
        if self.routes.iter().any(clash) {
            return invalid("destination", "destination overlaps with another route");
        }
        if !self.ip_range.contains(&route.gateway) {
            return invalid("gateway", "gateway is not in the network");
        }
        if route.gateway == gateway(self.ip_range) || route.gateway == Ipv4Addr::new(172, 31, 1, 1) {
            return invalid("gateway", "gateway is a reserved address");
        }
        if self.subnet_of(route.gateway).is_some_and(|subnet| subnet.kind == SubnetType::Vswitch) {
            return invalid("gateway", "gateway must not be in a vswitch subnet");
        }
        Ok(())
    }
}

impl Tx<'_> {
    /// The network, or the refusal that there is none.
    pub(crate) fn network(&self, id: i64) -> Result<&Network, Refusal> {
        self.project.networks.get(id).ok_or_else(|| Refusal::not_found("network", id))
    }

    pub(crate) fn create_network(&mut self, new: NewNetwork) -> Result<i64, Refusal> {
        check_range(new.ip_range)?;
        self.check_network_name(&new.name, None)?;
        self.within_limit(Kind::Network, self.project.networks.len())?;
        let zones = self.catalogue().network_zones();
        let mut network = Network {
            id: 0,
            name: new.name,
            labels: new.labels,
            created: self.now,
            ip_range: new.ip_range,
            subnets: Vec::new(),
            routes: Vec::new(),
            expose_routes_to_vswitch: new.expose_routes_to_vswitch,
            protect_delete: false,
        };
        for subnet in new.subnets {
            let subnet = network.plan_subnet(subnet, &zones)?;
            network.subnets.push(subnet);
        }
        for route in new.routes {
            network.check_route(&route)?;
            network.routes.push(route);
        }
        network.id = self.new_id(Kind::Network);
        let id = network.id;
        self.project.networks.insert(network);
        Ok(id)
    }

    fn check_network_name(&self, name: &str, except: Option<i64>) -> Result<(), Refusal> {
        if !is_plain_name(name, 128) {
            return Err(Refusal::invalid("name", "name must have 1 to 128 characters"));
        }
        if self.project.networks.name_taken(name, except) {
            return Err(Refusal::not_unique("network", "name"));
        }
        Ok(())
    }

    pub(crate) fn update_network(
        &mut self,
        id: i64,
        name: Option<String>,
        labels: Option<Labels>,
        expose: Option<bool>,
    ) -> Result<(), Refusal> {
        self.network(id)?;
        if let Some(name) = &name {
            self.check_network_name(name, Some(id))?;
        }
        let network = self.project.networks.get_mut(id).ok_or_else(|| Refusal::not_found("network", id))?;
        network.name = name.unwrap_or_else(|| network.name.clone());
        network.labels = labels.unwrap_or_else(|| network.labels.clone());
        network.expose_routes_to_vswitch = expose.unwrap_or(network.expose_routes_to_vswitch);
        Ok(())
    }

    /// Deletes a network; whoever is attached is detached.
    pub(crate) fn delete_network(&mut self, id: i64) -> Result<(), Refusal> {
        if self.network(id)?.protect_delete {
            return Err(Refusal::protected("network"));
        }
        self.project.ensure_free(Kind::Network, id)?;
        let members: Vec<ResourceRef> =
            self.network_members(id).iter().map(|member| member.resource).collect();
        for member in &members {
            self.project.ensure_free(member.kind, member.id)?;
        }
        for member in members {
            self.network_detached(member, id);
        }
        self.project.networks.remove(id);
        Ok(())
    }

    /// Everything attached to a network.
    pub(crate) fn network_members(&self, id: i64) -> Vec<Member<'_>> {
        let servers = self.project.servers.values().flat_map(|server| {
            let resource = ResourceRef { kind: Kind::Server, id: server.id };
            server.private_nets.iter().map(move |attachment| Member { resource, attachment })
        });
        let balancers = self.project.load_balancers.values().flat_map(|balancer| {
            let resource = ResourceRef { kind: Kind::LoadBalancer, id: balancer.id };
            balancer.private_nets.iter().map(move |attachment| Member { resource, attachment })
        });
        servers.chain(balancers).filter(|member| member.attachment.network == id).collect()
    }

    /// Changes a network at once while an action runs, unless that is to fail.
    fn change_network(
        &mut self,
        id: i64,
        command: Command,
        change: impl FnOnce(&mut Network),
    ) -> Result<Action, Refusal> {
        self.project.ensure_free(Kind::Network, id)?;
        let action = self.begin(command, &[(Kind::Network, id)], Effect::Nothing);
        if !action.fails() {
            let network =
                self.project.networks.get_mut(id).ok_or_else(|| Refusal::not_found("network", id))?;
            change(network);
        }
        Ok(action)
    }

    pub(crate) fn add_subnet(&mut self, id: i64, new: NewSubnet) -> Result<Action, Refusal> {
        self.project.ensure_free(Kind::Network, id)?;
        let zones = self.catalogue().network_zones();
        let subnet = self.network(id)?.plan_subnet(new, &zones)?;
        self.change_network(id, Command::AddSubnet, |network| network.subnets.push(subnet))
    }

    pub(crate) fn delete_subnet(&mut self, id: i64, range: Ipv4Net) -> Result<Action, Refusal> {
        self.project.ensure_free(Kind::Network, id)?;
        if !self.network(id)?.subnets.iter().any(|subnet| subnet.ip_range == range) {
            return Err(Refusal::invalid("ip_range", format!("network has no subnet {range}")));
        }
        if used_in(self.project, id).iter().any(|address| range.contains(address)) {
            return Err(Refusal::new(
                "service_error",
                "cannot remove subnet because servers are attached to it",
            ));
        }
        self.change_network(id, Command::DeleteSubnet, |network| {
            network.subnets.retain(|subnet| subnet.ip_range != range);
        })
    }

    pub(crate) fn add_route(&mut self, id: i64, route: Route) -> Result<Action, Refusal> {
        self.project.ensure_free(Kind::Network, id)?;
        self.network(id)?.check_route(&route)?;
        self.change_network(id, Command::AddRoute, |network| network.routes.push(route))
    }

    pub(crate) fn delete_route(&mut self, id: i64, route: &Route) -> Result<Action, Refusal> {
        self.project.ensure_free(Kind::Network, id)?;
        if !self.network(id)?.routes.contains(route) {
            return Err(Refusal::invalid("destination", "route not found"));
        }
        self.change_network(id, Command::DeleteRoute, |network| network.routes.retain(|other| other != route))
    }

    /// Extends a network: the same base address with a shorter mask.
    pub(crate) fn change_ip_range(&mut self, id: i64, range: Ipv4Net) -> Result<Action, Refusal> {
        self.project.ensure_free(Kind::Network, id)?;
        check_range(range)?;
        let old = self.network(id)?.ip_range;
        if range.network() != old.network() || range.prefix_len() > old.prefix_len() {
            let message = "network can only be extended: same base address, shorter mask";
            return Err(Refusal::invalid("ip_range", message));
        }
        self.change_network(id, Command::ChangeIpRange, |network| network.ip_range = range)
    }

    pub(crate) fn protect_network(&mut self, id: i64, delete: Option<bool>) -> Result<Action, Refusal> {
        self.network(id)?;
        let action = self.begin(Command::ChangeProtection, &[(Kind::Network, id)], Effect::Nothing);
        if let (false, Some(delete), Some(network)) =
            (action.fails(), delete, self.project.networks.get_mut(id))
        {
            network.protect_delete = delete;
        }
        Ok(action)
    }
}
