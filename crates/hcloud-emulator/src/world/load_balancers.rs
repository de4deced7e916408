//! Load balancers.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use ferroform_catalogue::LoadBalancerType;
use serde::{Deserialize, Serialize};

use super::address::is_private;
use super::labels::Selector;
use super::names::is_plain_name;
use super::networks::SubnetType;
use super::primary_ips::Version;
use super::servers::{Attachment, Join, Link};
use super::table::named_row;
use super::{Action, Command, Effect, Kind, Labels, Project, Refusal, ResourceRef, Tx};

/// What a service speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Protocol {
    Tcp,
    Http,
    Https,
}

impl Protocol {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// What a health check over HTTP asks for and expects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CheckHttp {
    pub(crate) domain: Option<String>,
    pub(crate) path: String,
    pub(crate) response: String,
    pub(crate) status_codes: Vec<String>,
    pub(crate) tls: bool,
}

/// How the health of targets is checked; times in seconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HealthCheck {
    /// Whether it speaks HTTP, rather than TCP only.
    pub(crate) http_protocol: bool,
    pub(crate) port: i64,
    pub(crate) interval: i64,
    pub(crate) timeout: i64,
    pub(crate) retries: i64,
    pub(crate) http: Option<CheckHttp>,
}

/// What services that speak HTTP have besides; times in seconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Http {
    pub(crate) cookie_name: String,
    pub(crate) cookie_lifetime: i64,
    pub(crate) timeout_idle: i64,
    pub(crate) sticky_sessions: bool,
    pub(crate) redirect_http: bool,
    pub(crate) certificates: Vec<i64>,
}

/// A service: a port the load balancer listens on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Service {
    pub(crate) protocol: Protocol,
    pub(crate) listen_port: i64,
    pub(crate) destination_port: i64,
    pub(crate) proxyprotocol: bool,
    pub(crate) health_check: HealthCheck,
    /// Present unless the protocol is TCP.
    pub(crate) http: Option<Http>,
}

/// Where traffic goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Target {
    Server { id: i64, use_private_ip: bool },
    Selector { selector: String, use_private_ip: bool },
    Ip { ip: IpAddr },
}

impl Target {
    /// Whether both name the same target; how it is reached does not matter.
    fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Server { id: a, .. }, Self::Server { id: b, .. }) => a == b,
            (Self::Selector { selector: a, .. }, Self::Selector { selector: b, .. }) => a == b,
            (Self::Ip { ip: a }, Self::Ip { ip: b }) => a == b,
            _ => false,
        }
    }
}

/// A load balancer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LoadBalancer {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) labels: Labels,
    pub(crate) created: i64,
    pub(crate) load_balancer_type: String,
    pub(crate) location: String,
    pub(crate) least_connections: bool,
    pub(crate) services: Vec<Service>,
    pub(crate) targets: Vec<Target>,
    pub(crate) public_interface: bool,
    pub(crate) ipv4: IpAddr,
    pub(crate) ipv6: IpAddr,
    pub(crate) dns_ptr: BTreeMap<IpAddr, String>,
    /// At most one.
    pub(crate) private_nets: Vec<Attachment>,
    pub(crate) protect_delete: bool,
}

named_row!(LoadBalancer);

/// What a load balancer is asked to be.
pub(crate) struct NewLoadBalancer {
    pub(crate) name: String,
    pub(crate) labels: Labels,
    /// By id or name, like the location.
    pub(crate) load_balancer_type: String,
    pub(crate) location: Option<String>,
    pub(crate) network_zone: Option<String>,
    pub(crate) least_connections: bool,
    pub(crate) services: Vec<Service>,
    pub(crate) targets: Vec<Target>,
    pub(crate) public_interface: bool,
    pub(crate) network: Option<i64>,
}

fn check_port(field: &str, port: i64) -> Result<(), Refusal> {
    if (1..=65_535).contains(&port) {
        Ok(())
    } else {
        Err(Refusal::invalid(field, "port must be from 1 to 65535"))
    }
}

fn check_service(project: &Project, service: &Service) -> Result<(), Refusal> {
    check_port("listen_port", service.listen_port)?;
    check_port("destination_port", service.destination_port)?;
    check_port("health_check.port", service.health_check.port)?;
    if let Some(http) = &service.http {
        if service.protocol == Protocol::Https && http.certificates.is_empty() {
            return Err(Refusal::invalid("http.certificates", "https needs at least one certificate"));
        }
        for id in &http.certificates {
            if !project.certificates.contains(*id) {
                let message = format!("certificate with ID '{id}' not found");
                return Err(Refusal::invalid("http.certificates", message));
            }
        }
    }
    Ok(())
}

impl LoadBalancer {
    fn network(&self) -> Option<i64> {
        self.private_nets.first().map(|attachment| attachment.network)
    }
}

impl Tx<'_> {
    /// The load balancer, or the refusal that there is none.
    pub(crate) fn load_balancer(&self, id: i64) -> Result<&LoadBalancer, Refusal> {
        self.project.load_balancers.get(id).ok_or_else(|| Refusal::not_found("load_balancer", id))
    }

    /// The type that a field of a request names, by id or name.
    pub(crate) fn find_load_balancer_type(
        &self,
        id_or_name: &str,
    ) -> Result<&'static LoadBalancerType, Refusal> {
        let id: Option<i64> = id_or_name.parse().ok();
        let mut types = self.catalogue().load_balancer_types().iter();
        types.find(|known| known.name == id_or_name || Some(known.id) == id).ok_or_else(|| {
            Refusal::invalid("load_balancer_type", format!("load balancer type '{id_or_name}' not found"))
        })
    }

    fn check_balancer_name(&self, name: &str, except: Option<i64>) -> Result<(), Refusal> {
        if !is_plain_name(name, 128) {
            return Err(Refusal::invalid("name", "name must have 1 to 128 characters"));
        }
        if self.project.load_balancers.name_taken(name, except) {
            return Err(Refusal::not_unique("load_balancer", "name"));
        }
        Ok(())
    }

    fn balancer_location(&self, new: &NewLoadBalancer) -> Result<String, Refusal> {
        match (&new.location, &new.network_zone) {
            (Some(_), Some(_)) => {
                Err(Refusal::invalid("location", "location and network_zone must not both be given"))
            }
            (Some(location), None) => Ok(self.find_location("location", location)?.name.clone()),
            (None, Some(zone)) => self
                .catalogue()
                .locations()
                .iter()
                .find(|location| location.network_zone == *zone)
                .map(|location| location.name.clone())
                .ok_or_else(|| Refusal::invalid("network_zone", format!("network zone '{zone}' not found"))),
            (None, None) => Err(Refusal::invalid("location", "location or network_zone must be given")),
        }
    }

    pub(crate) fn create_load_balancer(&mut self, new: NewLoadBalancer) -> Result<(i64, Action), Refusal> {
        self.check_balancer_name(&new.name, None)?;
        let balancer_type = self.find_load_balancer_type(&new.load_balancer_type)?;
        let location = self.balancer_location(&new)?;
        if balancer_type.offer(&location).is_none() {
            let message = "unsupported location for load balancer type";
            return Err(Refusal::invalid("load_balancer_type", message));
        }
        if self.fate.location_sold_out(&location) {
            return Err(Refusal::new("resource_unavailable", "error during placement"));
        }
        self.within_limit(Kind::LoadBalancer, self.project.load_balancers.len())?;
        if !new.public_interface && new.network.is_none() {
            let message = "a load balancer without public interface needs a network";
            return Err(Refusal::invalid("public_interface", message));
        }
        let zone = self.zone_of(&location);
        let mut private_nets = Vec::new();
        if let Some(network) = new.network {
            let join = Join { network, ip: None, alias_ips: Vec::new(), ip_range: None };
            private_nets.push(self.plan_attachment(&join, zone, &BTreeSet::new())?);
        }
        let unspecified = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        let mut balancer = LoadBalancer {
            id: 0,
            name: new.name,
            labels: new.labels,
            created: self.now,
            load_balancer_type: balancer_type.name.clone(),
            location,
            least_connections: new.least_connections,
            services: Vec::new(),
            targets: Vec::new(),
            public_interface: new.public_interface,
            ipv4: unspecified,
            ipv6: unspecified,
            dns_ptr: BTreeMap::new(),
            private_nets,
            protect_delete: false,
        };
        for service in new.services {
            self.check_new_service(&balancer, &service)?;
            balancer.services.push(service);
        }
        for target in new.targets {
            self.check_new_target(&balancer, &target)?;
            balancer.targets.push(target);
        }
        balancer.ipv4 = self.take_address(Version::V4)?;
        balancer.ipv6 = match self.take_address(Version::V6)? {
            // A load balancer has one address, not a network.
            IpAddr::V6(network) => IpAddr::V6((u128::from(network) + 1).into()),
            address @ IpAddr::V4(_) => address,
        };
        let id = self.new_id(Kind::LoadBalancer);
        balancer.id = id;
        self.project.load_balancers.insert(balancer);
        let effect = match new.network {
            Some(network) => {
                let member = ResourceRef { kind: Kind::LoadBalancer, id };
                Effect::NetworkAttached { member, network }
            }
            None => Effect::Nothing,
        };
        Ok((id, self.begin(Command::CreateLoadBalancer, &[(Kind::LoadBalancer, id)], effect)))
    }

    /// Changes a load balancer at once while an action runs, unless that is to fail.
    fn change_balancer(
        &mut self,
        id: i64,
        command: Command,
        change: impl FnOnce(&mut LoadBalancer),
    ) -> Result<Action, Refusal> {
        self.load_balancer(id)?;
        let action = self.begin(command, &[(Kind::LoadBalancer, id)], Effect::Nothing);
        if let (false, Some(balancer)) = (action.fails(), self.project.load_balancers.get_mut(id)) {
            change(balancer);
        }
        Ok(action)
    }

    pub(crate) fn update_load_balancer(
        &mut self,
        id: i64,
        name: Option<String>,
        labels: Option<Labels>,
    ) -> Result<(), Refusal> {
        self.load_balancer(id)?;
        if let Some(name) = &name {
            self.check_balancer_name(name, Some(id))?;
        }
        let balancers = &mut self.project.load_balancers;
        let balancer = balancers.get_mut(id).ok_or_else(|| Refusal::not_found("load_balancer", id))?;
        balancer.name = name.unwrap_or_else(|| balancer.name.clone());
        balancer.labels = labels.unwrap_or_else(|| balancer.labels.clone());
        Ok(())
    }

    pub(crate) fn delete_load_balancer(&mut self, id: i64) -> Result<Action, Refusal> {
        if self.load_balancer(id)?.protect_delete {
            return Err(Refusal::protected("load_balancer"));
        }
        self.project.ensure_free(Kind::LoadBalancer, id)?;
        let effect = Effect::LoadBalancerDeleted { load_balancer: id };
        Ok(self.begin(Command::DeleteLoadBalancer, &[(Kind::LoadBalancer, id)], effect))
    }

    pub(super) fn load_balancer_deleted(&mut self, id: i64) {
        if let Some(balancer) = self.project.load_balancers.remove(id) {
            self.return_address(balancer.ipv4);
        }
    }

    fn check_new_service(&self, balancer: &LoadBalancer, service: &Service) -> Result<(), Refusal> {
        check_service(self.project, service)?;
        if balancer.services.iter().any(|other| other.listen_port == service.listen_port) {
            let message = format!("source port {} is already in use", service.listen_port);
            return Err(Refusal::new("source_port_already_used", message));
        }
        let most = self.find_load_balancer_type(&balancer.load_balancer_type)?.max_services;
        if balancer.services.len() >= most as usize {
            return Err(Refusal::limit("load_balancer_services"));
        }
        Ok(())
    }

    pub(crate) fn add_service(&mut self, id: i64, service: Service) -> Result<Action, Refusal> {
        let balancer = self.load_balancer(id)?;
        self.project.ensure_free(Kind::LoadBalancer, id)?;
        self.check_new_service(balancer, &service)?;
        self.change_balancer(id, Command::AddService, |balancer| balancer.services.push(service))
    }

    pub(crate) fn update_service(
        &mut self,
        id: i64,
        listen_port: i64,
        change: impl FnOnce(&Service) -> Result<Service, Refusal>,
    ) -> Result<Action, Refusal> {
        let balancer = self.load_balancer(id)?;
        let Some(old) = balancer.services.iter().find(|service| service.listen_port == listen_port) else {
            return Err(Refusal::invalid("listen_port", format!("no service listens on port {listen_port}")));
        };
        let new = change(old)?;
        check_service(self.project, &new)?;
        self.project.ensure_free(Kind::LoadBalancer, id)?;
        self.change_balancer(id, Command::UpdateService, |balancer| {
            for service in balancer.services.iter_mut().filter(|s| s.listen_port == listen_port) {
                *service = new.clone();
            }
        })
    }

    pub(crate) fn delete_service(&mut self, id: i64, listen_port: i64) -> Result<Action, Refusal> {
        if !self.load_balancer(id)?.services.iter().any(|service| service.listen_port == listen_port) {
            return Err(Refusal::invalid("listen_port", format!("no service listens on port {listen_port}")));
        }
        self.project.ensure_free(Kind::LoadBalancer, id)?;
        self.change_balancer(id, Command::DeleteService, |balancer| {
            balancer.services.retain(|service| service.listen_port != listen_port);
        })
    }

    fn check_new_target(&self, balancer: &LoadBalancer, target: &Target) -> Result<(), Refusal> {
        if balancer.targets.iter().any(|other| other.same(target)) {
            return Err(Refusal::new("target_already_defined", "load balancer target is already defined"));
        }
        let most = self.find_load_balancer_type(&balancer.load_balancer_type)?.max_targets;
        if balancer.targets.len() >= most as usize {
            return Err(Refusal::limit("load_balancer_targets"));
        }
        match target {
            Target::Server { id, use_private_ip } => {
                let server = self.named_server("server", *id)?;
                check_way(balancer, *use_private_ip)?;
                if *use_private_ip {
                    if !server.private_nets.iter().any(|net| Some(net.network) == balancer.network()) {
                        let message = "server is not attached to the load balancer's network";
                        return Err(Refusal::new("resolve_cloud_private_targets_error", message));
                    }
                } else if self.primary_ip_of(*id, Version::V4).is_none() {
                    let message = "server has no public IPv4 address";
                    return Err(Refusal::new("resolve_cloud_public_targets_error", message));
                }
                Ok(())
            }
            Target::Selector { selector, use_private_ip } => {
                if selector.len() > 1000 || Selector::parse(selector).is_none() {
                    let message = "label selector is malformed or longer than 1000 characters";
                    return Err(Refusal::invalid("label_selector.selector", message));
                }
                check_way(balancer, *use_private_ip)
            }
            Target::Ip { ip } => self.check_ip_target(balancer, *ip),
        }
    }

    /// Targets given by address are dedicated servers: reached by a public address that is no cloud server's,
    /// or through a vSwitch.
    fn check_ip_target(&self, balancer: &LoadBalancer, ip: IpAddr) -> Result<(), Refusal> {
        let IpAddr::V4(address) = ip else {
            return Err(Refusal::invalid("ip.ip", "target must be an IPv4 address"));
        };
        if !is_private(address.into()) {
            if self.project.primary_ips.values().any(|primary| primary.address == ip)
                || self.project.floating_ips.values().any(|floating| floating.address == ip)
            {
                let message = "addresses of cloud servers cannot be targets";
                return Err(Refusal::new("cloud_resource_ip_not_allowed", message));
            }
            return check_way(balancer, false);
        }
        check_way(balancer, true)?;
        let network = balancer.network().and_then(|id| self.project.networks.get(id));
        let mut vswitches =
            network.iter().flat_map(|net| &net.subnets).filter(|s| s.kind == SubnetType::Vswitch).peekable();
        if vswitches.peek().is_none() {
            let message = "the attached network has no vSwitch subnet";
            return Err(Refusal::new("network_has_no_vswitch_subnet", message));
        }
        if !vswitches.any(|subnet| subnet.ip_range.contains(&address)) {
            let message = "the address is not in the vSwitch subnet of the attached network";
            return Err(Refusal::new("ip_not_in_vswitch_subnet", message));
        }
        Ok(())
    }

    pub(crate) fn add_target(&mut self, id: i64, target: Target) -> Result<Action, Refusal> {
        let balancer = self.load_balancer(id)?;
        self.project.ensure_free(Kind::LoadBalancer, id)?;
        self.check_new_target(balancer, &target)?;
        self.change_balancer(id, Command::AddTarget, |balancer| balancer.targets.push(target))
    }

    pub(crate) fn remove_target(&mut self, id: i64, target: &Target) -> Result<Action, Refusal> {
        if !self.load_balancer(id)?.targets.iter().any(|other| other.same(target)) {
            return Err(Refusal::invalid("target", "load balancer target not found"));
        }
        self.project.ensure_free(Kind::LoadBalancer, id)?;
        self.change_balancer(id, Command::RemoveTarget, |balancer| {
            balancer.targets.retain(|other| !other.same(target));
        })
    }

    /// Takes a server that is gone off all load balancers.
    pub(super) fn forget_targets_of(&mut self, server: i64) {
        let reached: Vec<i64> = self
            .project
            .load_balancers
            .values()
            .filter(|b| b.targets.iter().any(|t| matches!(t, Target::Server { id, .. } if *id == server)))
            .map(|balancer| balancer.id)
            .collect();
        for id in reached {
            if let Some(balancer) = self.project.load_balancers.get_mut(id) {
                balancer.targets.retain(|t| !matches!(t, Target::Server { id, .. } if *id == server));
            }
        }
    }

    pub(crate) fn attach_load_balancer(&mut self, id: i64, join: &Join) -> Result<Action, Refusal> {
        let balancer = self.load_balancer(id)?;
        let zone = self.zone_of(&balancer.location);
        self.project.ensure_free(Kind::LoadBalancer, id)?;
        if !balancer.private_nets.is_empty() {
            let message = "load balancer is already attached to a network";
            return Err(Refusal::new("load_balancer_already_attached", message));
        }
        if self.project.networks.contains(join.network) {
            self.project.ensure_free(Kind::Network, join.network)?;
        }
        let attachment = self.plan_attachment(join, zone, &BTreeSet::new())?;
        let member = ResourceRef { kind: Kind::LoadBalancer, id };
        let effect = Effect::NetworkAttached { member, network: join.network };
        let action = self.begin_attachment(Command::AttachToNetwork, member, join.network, effect);
        if let (false, Some(balancer)) = (action.fails(), self.project.load_balancers.get_mut(id)) {
            balancer.private_nets.push(attachment);
        }
        Ok(action)
    }

    pub(crate) fn detach_load_balancer(&mut self, id: i64, network: i64) -> Result<Action, Refusal> {
        if self.load_balancer(id)?.network() != Some(network) {
            let message = "load balancer is not attached to the network";
            return Err(Refusal::new("load_balancer_not_attached_to_network", message));
        }
        self.project.ensure_free(Kind::LoadBalancer, id)?;
        let member = ResourceRef { kind: Kind::LoadBalancer, id };
        let effect = Effect::NetworkDetached { member, network };
        let action = self.begin_attachment(Command::DetachFromNetwork, member, network, effect);
        if !action.fails() {
            self.set_link(member, network, Link::Detaching);
        }
        Ok(action)
    }

    pub(crate) fn set_algorithm(&mut self, id: i64, least_connections: bool) -> Result<Action, Refusal> {
        self.change_balancer(id, Command::ChangeAlgorithm, |b| b.least_connections = least_connections)
    }

    pub(crate) fn change_balancer_type(&mut self, id: i64, wanted: &str) -> Result<Action, Refusal> {
        let wanted = self.find_load_balancer_type(wanted)?;
        let balancer = self.load_balancer(id)?;
        if wanted.name == balancer.load_balancer_type {
            return Err(Refusal::new("invalid_load_balancer_type", "load balancer already has this type"));
        }
        if balancer.services.len() > wanted.max_services as usize
            || balancer.targets.len() > wanted.max_targets as usize
        {
            let message = "load balancer has more services or targets than the type allows";
            return Err(Refusal::new("invalid_load_balancer_type", message));
        }
        self.project.ensure_free(Kind::LoadBalancer, id)?;
        let effect =
            Effect::LoadBalancerTypeChanged { load_balancer: id, load_balancer_type: wanted.name.clone() };
        Ok(self.begin(Command::ChangeLoadBalancerType, &[(Kind::LoadBalancer, id)], effect))
    }

    pub(super) fn load_balancer_type_changed(&mut self, id: i64, wanted: &str) {
        if let Some(balancer) = self.project.load_balancers.get_mut(id) {
            wanted.clone_into(&mut balancer.load_balancer_type);
        }
    }

    pub(crate) fn protect_load_balancer(&mut self, id: i64, delete: Option<bool>) -> Result<Action, Refusal> {
        self.change_balancer(id, Command::ChangeProtection, |balancer| {
            balancer.protect_delete = delete.unwrap_or(balancer.protect_delete);
        })
    }

    pub(crate) fn set_public_interface(&mut self, id: i64, on: bool) -> Result<Action, Refusal> {
        let balancer = self.load_balancer(id)?;
        self.project.ensure_free(Kind::LoadBalancer, id)?;
        if !on {
            check_way(balancer, true)?;
            let public = |target: &Target| match target {
                Target::Server { use_private_ip, .. } | Target::Selector { use_private_ip, .. } => {
                    !use_private_ip
                }
                Target::Ip { ip } => !matches!(ip, IpAddr::V4(ip) if is_private((*ip).into())),
            };
            if balancer.targets.iter().any(public) {
                let message = "load balancer has targets that use the public IP";
                return Err(Refusal::new("targets_without_use_private_ip", message));
            }
        }
        let command = if on { Command::EnablePublicInterface } else { Command::DisablePublicInterface };
        self.change_balancer(id, command, |balancer| balancer.public_interface = on)
    }

    pub(crate) fn set_balancer_dns(
        &mut self,
        id: i64,
        address: IpAddr,
        name: Option<String>,
    ) -> Result<Action, Refusal> {
        let balancer = self.load_balancer(id)?;
        if address != balancer.ipv4 && address != balancer.ipv6 {
            return Err(Refusal::invalid("ip", "address does not belong to the load balancer"));
        }
        self.change_balancer(id, Command::ChangeDnsPtr, |balancer| match name {
            Some(name) => {
                balancer.dns_ptr.insert(address, name);
            }
            None => {
                balancer.dns_ptr.remove(&address);
            }
        })
    }

    /// The servers a label selector reaches.
    pub(crate) fn servers_selected(&self, selector: &str) -> Vec<i64> {
        let Some(selector) = Selector::parse(selector) else { return Vec::new() };
        let matching = self.project.servers.values().filter(|server| selector.matches(&server.labels));
        matching.map(|server| server.id).collect()
    }
}

/// Refuses a way to targets that the load balancer does not have.
fn check_way(balancer: &LoadBalancer, private: bool) -> Result<(), Refusal> {
    if private && balancer.private_nets.is_empty() {
        let message = "load balancer is not attached to a network";
        return Err(Refusal::new("load_balancer_not_attached_to_network", message));
    }
    if !private && !balancer.public_interface {
        let message = "the public interface of the load balancer is disabled";
        return Err(Refusal::new("load_balancer_public_interface_disabled", message));
    }
    Ok(())
}
