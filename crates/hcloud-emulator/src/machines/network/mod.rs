//! The network of a world: an internet of its own without any way out, and its private networks.
//!
//! ```text
//!              namespace ff…-net: the internet                    namespace ff…-s7: network 7
//!   ┌────────────────────────────────────────────────┐         ┌───────────────────────────┐
//!   │ routes, firewalls, DHCP, names,                │         │ routes, DHCP, metadata    │
//!   │ metadata 169.254.169.254, package proxy        │         │ gateway 10.0.0.1          │
//!   │ gateway 172.31.1.1, fe80::1                    │         │                           │
//!   │  m1        m2        b3        h…              │         │  m1        m2        b3   │
//!   └──┬─────────┬─────────┬─────────┬───────────────┘         └──┬─────────┬─────────┬────┘
//!    eth0      eth0      eth0      eth0                         ens10     ens10     ens10
//!   ff…-m1    ff…-m2    ff…-b3    ff…-hstranger                ff…-m1    ff…-m2    ff…-b3
//! ```
//!
//! * Every machine, load balancer and host has a network namespace. Each of its interfaces is one end of a link
//!   whose other end is in the namespace where packets are *routed*: nothing is switched, so that traffic between
//!   neighbours passes the firewall, and members of a network see each other only through its gateway, as at Hetzner.
//! * A packet whose source does not belong to its link is dropped (IPv4 by the kernel's reverse path filter, IPv6
//!   by a rule). A destination that nobody has is unreachable: the namespaces have no uplink and forward nothing to
//!   one. The host's own namespace gets no interface, address, route or rule.
//! * A machine is given its addresses by DHCP ([`dnsmasq`]) but for IPv6, where it takes the first address of its
//!   /64 with the gateway fe80::1. Floating IPs and alias addresses are routed to it, and it has to configure them
//!   itself. Load balancers and hosts are configured from here.
//! * [`firewall`] filters what is forwarded between public interfaces; private networks are never filtered.
//! * [`services`] answers from within this process: [`metadata`] and the [`proxy`] for packages.
//!
//! [`Network::reconcile`] compares what a scene needs ([`plan`]) with what was made and calls `ip` and `nft` for the
//! difference. After a restart what exists is found again by names: the links of running guests stay.

mod dnsmasq;
mod firewall;
mod links;
mod metadata;
mod netns;
mod plan;
mod proxy;
mod services;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use self::dnsmasq::Dnsmasq;
use self::links::Existing;
use self::metadata::Place;
pub(crate) use self::metadata::vendor_data;
use self::netns::Interface;
pub(crate) use self::netns::inside;
pub(crate) use self::plan::INTERNET;
use self::plan::{Key, METADATA, Plan, RESOLVERS, RESOLVERS_V6};
use self::proxy::Proxy;
use self::proxy::sources::Sources;
use self::services::{PROXY_PORT, Services};
use super::site::Site;
use super::tools::ToolError;
use crate::backend::Object;
use crate::backend::scene::{Filter, Scene};

/// What guests can reach outside of their world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Egress {
    /// Nothing.
    None,
    /// The package sources of the host, by way of a proxy.
    Packages,
    /// Everything that the host can. Not possible yet.
    Nat,
}

/// Where packets are routed: forwarding, sources checked, no address by itself on any link.
const ROUTING: &[(&str, &str)] = &[
    ("ipv4/ip_forward", "1"),
    ("ipv4/conf/all/rp_filter", "1"),
    ("ipv4/conf/default/rp_filter", "1"),
    ("ipv4/conf/all/send_redirects", "0"),
    ("ipv4/conf/default/send_redirects", "0"),
    ("ipv4/icmp_ratelimit", "0"),
    ("ipv6/icmp/ratelimit", "0"),
    ("ipv6/conf/all/forwarding", "1"),
    ("ipv6/conf/default/forwarding", "1"),
    ("ipv6/conf/default/addr_gen_mode", "1"),
    ("ipv6/conf/default/accept_ra", "0"),
    ("ipv6/conf/default/accept_dad", "0"),
];

/// In a private network the gateway also answers for addresses that a guest takes for neighbours.
const ROUTING_PRIVATE: &[(&str, &str)] = &[("ipv4/conf/default/proxy_arp", "1")];

/// A new namespace begins with what the host has set; a new machine does not forward.
const ENDING: &[(&str, &str)] = &[("ipv4/ip_forward", "0")];

/// Where guests reach the package proxy of any world that has one.
pub(crate) fn proxy_of_guests() -> String {
    format!("http://{METADATA}:{PROXY_PORT}")
}

/// The network of a world.
#[derive(Debug)]
pub(crate) struct Network {
    site: Site,
    services: Services,
    resolver: Option<Dnsmasq>,
    dhcp: BTreeMap<i64, Dnsmasq>,
    namespaces: BTreeSet<String>,
    links: BTreeMap<Key, Existing>,
    /// What there was before; looked at once.
    survey: Option<BTreeMap<String, Vec<Interface>>>,
    /// What the table of firewalls has; absent until it is made.
    filters: Option<BTreeMap<String, Filter>>,
    hosts: BTreeMap<String, Vec<IpAddr>>,
    /// What was reached without a failure.
    reached: Option<Plan>,
    /// What is wanted.
    plan: Plan,
}

impl Network {
    /// Makes the internet of a world, or takes over what there is of one.
    ///
    /// # Errors
    /// When a program is missing or fails, or `egress` is not possible.
    pub(crate) fn open(site: &Site, egress: Egress) -> Result<Self, ToolError> {
        let proxy = match egress {
            Egress::None => None,
            Egress::Packages => Some(Proxy::new(Sources::read(Path::new("/etc/apt")), packages(site))?),
            Egress::Nat => {
                return Err(ToolError::Refused(
                    "machines cannot be let out into the host's network: that would need routes and rules in the \
                     host's own namespace; choose `packages` or `none`"
                        .into(),
                ));
            }
        };
        Self::open_with(site, proxy)
    }

    fn open_with(site: &Site, proxy: Option<Proxy>) -> Result<Self, ToolError> {
        let mut namespaces = netns::list(site);
        // Of an earlier run, which nobody can talk to any more. Machines may have their own.
        let routing = namespaces.iter().filter(|suffix| is_routing(suffix)).cloned().collect();
        netns::kill_processes(site, &routing, Some(dnsmasq::PROGRAM));
        if namespaces.insert(INTERNET.into()) {
            netns::add(site, [INTERNET])?;
        }
        netns::sysctl(&site.namespace_path(INTERNET), ROUTING)?;
        let mut commands = routing_commands();
        for address in RESOLVERS.map(IpAddr::V4).into_iter().chain(RESOLVERS_V6.map(IpAddr::V6)) {
            let _ = writeln!(commands, "address replace {address} dev lo");
        }
        netns::ip(site, INTERNET, &commands)?;
        let survey = netns::survey(site, &namespaces);
        let hosts = survey.iter().filter_map(host_of).collect();
        let mut services = Services::new(proxy)?;
        services.serve(site, INTERNET, Place::Internet)?;
        Ok(Self {
            site: site.clone(),
            services,
            resolver: None,
            dhcp: BTreeMap::new(),
            namespaces,
            links: BTreeMap::new(),
            survey: Some(survey),
            filters: None,
            hosts,
            reached: None,
            plan: Plan::default(),
        })
    }

    /// Makes the network of a scene. Gives what could not be done, by object; it is tried again the next time.
    pub(crate) fn reconcile(&mut self, scene: &Scene) -> BTreeMap<Object, String> {
        self.plan = Plan::of(scene, &self.hosts);
        self.apply()
    }

    /// The namespace of a machine, once a scene with it was reconciled.
    pub(crate) fn machine_namespace(&self, id: i64) -> PathBuf {
        self.site.namespace_path(&plan::machine(id))
    }

    /// The namespace of a load balancer, once a scene with it was reconciled. Its addresses and routes are
    /// configured.
    pub(crate) fn balancer_namespace(&self, id: i64) -> PathBuf {
        self.site.namespace_path(&plan::balancer(id))
    }

    /// The namespace of a host.
    pub(crate) fn host_namespace(&self, name: &str) -> PathBuf {
        self.site.namespace_path(&plan::host(name))
    }

    /// Gives a machine a namespace as new, with the same links, as a real machine has no addresses, routes or rules
    /// of an earlier boot. To be called before each boot, when nothing of the earlier one runs any more.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(crate) fn renew_guest(&mut self, id: i64) -> Result<(), ToolError> {
        let suffix = plan::machine(id);
        if !self.namespaces.contains(&suffix) {
            return Ok(());
        }
        // Should it fail half-way, the rest is made the next time.
        self.reached = None;
        let own: Vec<Key> =
            self.links.iter().filter(|(_, link)| link.inner == suffix).map(|(key, _)| key.clone()).collect();
        for key in &own {
            links::remove(&self.site, &key.outer, [key.port.as_str()]);
        }
        netns::delete(&self.site, [suffix.as_str()])?;
        self.namespaces.remove(&suffix);
        self.add_member(&suffix)?;
        for key in own {
            if let Some(existing) = self.links.remove(&key)
                && let Some(link) = self.plan.links.get(&key)
            {
                links::create(&self.site, &key, link, &existing.interface)?;
                self.links.insert(key, Existing { link: Some(link.clone()), ..existing });
            }
        }
        Ok(())
    }

    /// Attaches a host with these addresses to the internet, from which programs can be run by entering its
    /// namespace ([`Network::host_namespace`]).
    ///
    /// # Errors
    /// When there is such a host, the name is none (letters, digits, hyphens), an address is taken, or it cannot be
    /// made.
    pub(crate) fn add_host(&mut self, name: &str, addresses: &[IpAddr]) -> Result<(), ToolError> {
        let refuse = |why: String| Err(ToolError::Refused(why));
        let is_name = !name.is_empty()
            && name.len() <= 63
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
            && !name.starts_with('-');
        if !is_name {
            return refuse(format!(
                "{name:?} cannot be a host's name: use letters, digits and hyphens, at most 63"
            ));
        }
        if self.hosts.contains_key(name) {
            return refuse(format!("there is a host {name} already; remove it first"));
        }
        if addresses.is_empty() {
            return refuse(format!("the host {name} needs an address"));
        }
        for address in addresses {
            let public = self.plan.links.values().filter(|link| link.is_public());
            let owner = public.filter(|link| link.on_link.contains(address)).map(|link| link.inner.as_str());
            let of_host =
                self.hosts.iter().find(|(_, others)| others.contains(address)).map(|(name, _)| name.as_str());
            if let Some(owner) = of_host.or(owner.into_iter().next()) {
                return refuse(format!("the address {address} belongs to {owner}"));
            }
            if is_reserved(address) {
                return refuse(format!("the address {address} cannot be a host's in the internet"));
            }
        }
        self.hosts.insert(name.to_owned(), addresses.to_vec());
        let made = self.make_host(name, addresses);
        if made.is_err() {
            let _ = self.remove_host(name);
        }
        made
    }

    fn make_host(&mut self, name: &str, addresses: &[IpAddr]) -> Result<(), ToolError> {
        let suffix = plan::host(name);
        if !self.namespaces.contains(&suffix) {
            self.add_member(&suffix)?;
        }
        let (key, link) = plan::host_link(name, addresses);
        self.make_link(&key, &link)?;
        self.plan.names.extend(addresses.iter().map(|address| (*address, name.to_owned())));
        self.plan.order.push(key.clone());
        self.plan.links.insert(key, link);
        self.keep_resolver()
    }

    /// Removes a host and what runs in its namespace.
    ///
    /// # Errors
    /// When there is none, or it cannot be removed.
    pub(crate) fn remove_host(&mut self, name: &str) -> Result<(), ToolError> {
        let Some(addresses) = self.hosts.remove(name) else {
            return Err(ToolError::Refused(format!("there is no host {name}")));
        };
        let (key, _) = plan::host_link(name, &addresses);
        let suffix = plan::host(name);
        netns::kill_processes(&self.site, &BTreeSet::from([suffix.clone()]), None);
        links::remove(&self.site, &key.outer, [key.port.as_str()]);
        self.links.remove(&key);
        self.plan.links.remove(&key);
        self.plan.order.retain(|other| *other != key);
        self.plan.names.retain(|(_, other)| other != name);
        self.namespaces.remove(&suffix);
        netns::delete(&self.site, [suffix.as_str()])?;
        self.keep_resolver()
    }

    /// The hosts and their addresses.
    pub(crate) fn hosts(&self) -> Vec<(String, Vec<IpAddr>)> {
        self.hosts.iter().map(|(name, addresses)| (name.clone(), addresses.clone())).collect()
    }

    /// Where guests reach the package proxy, if there is one; also with no public interface.
    pub(crate) fn package_proxy(&self) -> Option<String> {
        self.services.has_proxy().then(proxy_of_guests)
    }

    /// Removes everything of a world: what runs in its namespaces, the namespaces and the files. What there is is
    /// found by names; the world itself must not be open any more.
    ///
    /// # Errors
    /// When something stays.
    pub(crate) fn clean(site: &Site) -> Result<(), ToolError> {
        let namespaces = netns::list(site);
        netns::kill_processes(site, &namespaces, None);
        netns::delete(site, namespaces.iter().map(String::as_str))?;
        netns::forget_mount_point();
        let folder = site.dir().join("network");
        match std::fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(ToolError::File {
                    what: format!("removing {}", folder.display()),
                    source: error,
                });
            }
            _ => {}
        }
        let left = netns::list(site);
        if left.is_empty() {
            return Ok(());
        }
        let left: Vec<String> = left.iter().map(|suffix| site.namespace(suffix)).collect();
        Err(ToolError::Refused(format!("these network namespaces cannot be removed: {}", left.join(", "))))
    }

    /// Makes what is wanted.
    fn apply(&mut self) -> BTreeMap<Object, String> {
        let asleep = |dnsmasq: &mut Dnsmasq| !dnsmasq.is_alive();
        let helped = !self.resolver.as_mut().is_none_or(asleep) && !self.dhcp.values_mut().any(asleep);
        if helped && self.reached.as_ref() == Some(&self.plan) {
            return BTreeMap::new();
        }
        let mut failures = Failures::default();
        if let Some(survey) = self.survey.take() {
            self.take_over(&survey);
        }
        self.remove_what_is_not_wanted(&mut failures);
        let plan = std::mem::take(&mut self.plan);
        self.make_namespaces(&plan, &mut failures);
        for key in &plan.order {
            let link = &plan.links[key];
            if self.links.get(key).is_none_or(|existing| existing.link.as_ref() != Some(link)) {
                failures.note(link.object, self.make_link(key, link));
            }
        }
        self.make_filters(&plan, &mut failures);
        for (id, segment) in &plan.segments {
            failures.note(Object::Segment(*id), self.keep_dhcp(*id, segment));
        }
        self.services.view().show(plan.documents.clone());
        self.plan = plan;
        failures.note(Object::Rest, self.keep_resolver());
        self.reached = failures.0.is_empty().then(|| self.plan.clone());
        failures.0
    }

    /// Finds the links of an earlier run that can stay, and removes those that cannot.
    fn take_over(&mut self, survey: &BTreeMap<String, Vec<Interface>>) {
        for (key, link) in &self.plan.links {
            if let Some(existing) = links::find(key, link, survey) {
                self.links.insert(key.clone(), existing);
            }
        }
        let outer = survey.iter().filter(|(suffix, _)| is_routing(suffix));
        for (suffix, interfaces) in outer {
            let known =
                |port: &str| self.links.contains_key(&Key { outer: suffix.clone(), port: port.to_owned() });
            let strange = interfaces.iter().filter(|interface| interface.name.starts_with(['m', 'b', 'h']));
            links::remove(
                &self.site,
                suffix,
                strange.map(|interface| interface.name.as_str()).filter(|port| !known(port)),
            );
        }
    }

    fn remove_what_is_not_wanted(&mut self, failures: &mut Failures) {
        let gone: Vec<Key> =
            self.links.keys().filter(|key| !self.plan.links.contains_key(key)).cloned().collect();
        let mut by_outer: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for key in &gone {
            self.links.remove(key);
            by_outer.entry(&key.outer).or_default().push(&key.port);
        }
        for (outer, ports) in by_outer {
            links::remove(&self.site, outer, ports);
        }
        let wanted = wanted_namespaces(&self.plan, &self.hosts);
        let gone: Vec<String> = self.namespaces.difference(&wanted).cloned().collect();
        for suffix in &gone {
            self.namespaces.remove(suffix);
            self.services.stop(suffix);
            if let Some(id) = suffix.strip_prefix('s').and_then(|id| id.parse().ok()) {
                self.dhcp.remove(&id);
            }
        }
        failures.note(Object::Rest, netns::delete(&self.site, gone.iter().map(String::as_str)));
    }

    fn make_namespaces(&mut self, plan: &Plan, failures: &mut Failures) {
        for id in plan.segments.keys() {
            failures.note(Object::Segment(*id), self.make_segment(*id));
        }
        let hosts = self.hosts.keys().map(|name| (plan::host(name), Object::Rest));
        let members = plan.members.iter().map(|(suffix, object)| (suffix.clone(), *object));
        let missing: Vec<_> =
            members.chain(hosts).filter(|(suffix, _)| !self.namespaces.contains(suffix)).collect();
        for (suffix, object) in missing {
            failures.note(object, self.add_member(&suffix));
        }
    }

    fn add_member(&mut self, suffix: &str) -> Result<(), ToolError> {
        netns::add(&self.site, [suffix])?;
        netns::sysctl(&self.site.namespace_path(suffix), ENDING)?;
        netns::ip(&self.site, suffix, "link set lo up\n")?;
        self.namespaces.insert(suffix.to_owned());
        Ok(())
    }

    fn make_segment(&mut self, id: i64) -> Result<(), ToolError> {
        let suffix = plan::segment(id);
        if self.services.serves(&suffix) {
            return Ok(());
        }
        if self.namespaces.insert(suffix.clone()) {
            netns::add(&self.site, [suffix.as_str()])?;
        }
        let path = self.site.namespace_path(&suffix);
        netns::sysctl(&path, ROUTING)?;
        netns::sysctl(&path, ROUTING_PRIVATE)?;
        netns::ip(&self.site, &suffix, &routing_commands())?;
        self.services.serve(&self.site, &suffix, Place::Segment(id))
    }

    fn make_link(&mut self, key: &Key, link: &plan::Link) -> Result<(), ToolError> {
        let same_ends = |existing: &Existing| {
            let old = existing.link.as_ref();
            existing.inner == link.inner
                && old.is_none_or(|old| {
                    old.mac == link.mac && old.mtu == link.mtu && old.gateway == link.gateway
                })
        };
        if let Some(existing) = self.links.remove(key) {
            if same_ends(&existing) {
                let changed = links::change(&self.site, key, &existing, link);
                // What was reached of it is not known after a failure: everything is done again.
                let now = changed.is_ok().then(|| link.clone());
                self.links.insert(key.clone(), Existing { link: now, ..existing });
                return changed;
            }
            links::remove(&self.site, &key.outer, [key.port.as_str()]);
        }
        let interface = links::interface_name(link, &self.links);
        links::create(&self.site, key, link, &interface)?;
        let existing =
            Existing { link: Some(link.clone()), inner: link.inner.clone(), interface, found: Vec::new() };
        self.links.insert(key.clone(), existing);
        Ok(())
    }

    fn make_filters(&mut self, plan: &Plan, failures: &mut Failures) {
        let made = match &self.filters {
            Some(filters) => firewall::update(&self.site, filters, &plan.filters),
            None => firewall::rebuild(&self.site, &plan.filters),
        };
        match made {
            Ok(()) => self.filters = Some(plan.filters.clone()),
            Err(error) => {
                let old = self.filters.take().unwrap_or_default();
                for (port, filter) in &plan.filters {
                    if old.get(port) != Some(filter)
                        && let Some(object) = plan.members.get(port)
                    {
                        failures.add(*object, &error);
                    }
                }
                failures.add(Object::Rest, &error);
            }
        }
    }

    fn keep_dhcp(&mut self, id: i64, segment: &plan::SegmentPlan) -> Result<(), ToolError> {
        let suffix = plan::segment(id);
        let (service, leases) = (dnsmasq::segment(segment), dnsmasq::leases(&segment.leases));
        if let Some(running) = self.dhcp.get_mut(&id).filter(|running| running.serves(&service)) {
            return running.keep(leases, String::new());
        }
        self.dhcp.remove(&id);
        let started = Dnsmasq::start(&self.site, &suffix, &service, leases, String::new())?;
        self.dhcp.insert(id, started);
        Ok(())
    }

    fn keep_resolver(&mut self) -> Result<(), ToolError> {
        let leases = dnsmasq::leases(&self.plan.public_leases);
        let names = dnsmasq::names(&self.plan.names);
        match &mut self.resolver {
            Some(running) => running.keep(leases, names),
            None => {
                let started = Dnsmasq::start(&self.site, INTERNET, &dnsmasq::internet(), leases, names)?;
                self.resolver = Some(started);
                Ok(())
            }
        }
    }
}

/// What went wrong, the first thing of each object.
#[derive(Debug, Default)]
struct Failures(BTreeMap<Object, String>);

impl Failures {
    fn note(&mut self, object: Object, result: Result<(), ToolError>) {
        if let Err(error) = result {
            self.add(object, &error);
        }
    }

    fn add(&mut self, object: Object, error: &ToolError) {
        self.0.entry(object).or_insert_with(|| error.to_string());
    }
}

/// Where packages are kept, for all worlds.
fn packages(site: &Site) -> PathBuf {
    let images = site.images();
    images.parent().unwrap_or(&images).join("packages")
}

/// What every namespace has where packets are routed. Routes to somewhere have lower metrics.
fn routing_commands() -> String {
    format!(
        "link set lo up\naddress replace {METADATA}/32 dev lo\n\
         route replace unreachable 0.0.0.0/0 metric 4000000000\n\
         route replace unreachable ::/0 metric 4000000000\n"
    )
}

fn wanted_namespaces(plan: &Plan, hosts: &BTreeMap<String, Vec<IpAddr>>) -> BTreeSet<String> {
    let members = plan.members.keys().cloned();
    let segments = plan.segments.keys().map(|id| plan::segment(*id));
    let hosts = hosts.keys().map(|name| plan::host(name));
    members.chain(segments).chain(hosts).chain([INTERNET.to_owned()]).collect()
}

/// Whether packets are routed in the namespace with this suffix: it is the internet's or a network's.
fn is_routing(suffix: &str) -> bool {
    suffix == INTERNET || suffix.starts_with('s')
}

/// The host whose namespace this is.
fn host_of((suffix, interfaces): (&String, &Vec<Interface>)) -> Option<(String, Vec<IpAddr>)> {
    let name = suffix.strip_prefix('h')?;
    let public = interfaces.iter().find(|interface| interface.name == "eth0")?;
    let own = public.addresses.iter().filter(|address| address.scope != "link");
    Some((name.to_owned(), own.filter_map(|address| address.local).collect()))
}

/// Whether an address is the infrastructure's or none that a host could have.
fn is_reserved(address: &IpAddr) -> bool {
    let infrastructure = match address {
        IpAddr::V4(v4) => {
            RESOLVERS.contains(v4) || *v4 == plan::GATEWAY || v4.is_link_local() || v4.is_broadcast()
        }
        IpAddr::V6(v6) => RESOLVERS_V6.contains(v6) || v6.is_unicast_link_local(),
    };
    infrastructure || address.is_loopback() || address.is_multicast() || address.is_unspecified()
}
