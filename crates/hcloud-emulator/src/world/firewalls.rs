//! Firewalls.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::labels::Selector;
use super::names::is_plain_name;
use super::primary_ips::Version;
use super::servers::{Link, Server};
use super::table::named_row;
use super::{Action, Command, Effect, Kind, Labels, Refusal, Tx};

/// A rule. Directions and protocols are kept as the API names them, once checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rule {
    pub(crate) description: Option<String>,
    pub(crate) direction: String,
    pub(crate) protocol: String,
    pub(crate) port: Option<String>,
    pub(crate) source_ips: Vec<String>,
    pub(crate) destination_ips: Vec<String>,
}

/// A server that a firewall is applied to by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Applied {
    pub(crate) server: i64,
    pub(crate) link: Link,
}

/// A firewall.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Firewall {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) labels: Labels,
    pub(crate) created: i64,
    pub(crate) rules: Vec<Rule>,
    pub(crate) servers: Vec<Applied>,
    pub(crate) selectors: Vec<String>,
}

named_row!(Firewall);

/// What a firewall is applied to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Server(i64),
    Selector(String),
}

/// Most rules of a firewall (Hetzner documentation, firewalls overview).
const MAX_RULES: usize = 50;
/// Most combinations of rule and address (Hetzner documentation, firewalls overview).
const MAX_EFFECTIVE_RULES: usize = 500;
/// Most firewalls of a server (Hetzner documentation, firewalls overview).
pub(crate) const MAX_PER_SERVER: usize = 5;

fn is_port(text: &str) -> bool {
    let number = |text: &str| -> Option<u16> {
        text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten().filter(|n| *n > 0)
    };
    match text.split_once('-') {
        Some((from, to)) => number(from).zip(number(to)).is_some_and(|(from, to)| from <= to),
        None => text == "any" || number(text).is_some(),
    }
}

fn check_addresses(field: &str, addresses: &[String]) -> Result<(), Refusal> {
    for text in addresses {
        let good = text.parse::<IpNet>().is_ok_and(|net| net.addr() == net.network());
        if !good {
            let message = format!("'{text}' is not a network in CIDR notation without host bits");
            return Err(Refusal::invalid(field, message));
        }
    }
    Ok(())
}

/// Refuses rules the API does not take.
fn check_rules(rules: &[Rule]) -> Result<(), Refusal> {
    if rules.len() > MAX_RULES {
        return Err(Refusal::invalid("rules", "a firewall has at most 50 rules"));
    }
    let mut effective = 0;
    for (index, rule) in rules.iter().enumerate() {
        let field = |name: &str| format!("rules.{index}.{name}");
        let (used, unused, used_name, unused_name) = match rule.direction.as_str() {
            "in" => (&rule.source_ips, &rule.destination_ips, "source_ips", "destination_ips"),
            "out" => (&rule.destination_ips, &rule.source_ips, "destination_ips", "source_ips"),
            _ => return Err(Refusal::invalid(&field("direction"), "direction must be in or out")),
        };
        if used.is_empty() {
            return Err(Refusal::invalid(&field(used_name), format!("{used_name} must not be empty")));
        }
        if !unused.is_empty() {
            let message = format!("{unused_name} does not fit direction {}", rule.direction);
            return Err(Refusal::invalid(&field(unused_name), message));
        }
        check_addresses(&field(used_name), used)?;
        effective += used.len();
        match (rule.protocol.as_str(), rule.port.as_deref()) {
            ("tcp" | "udp", Some(port)) if is_port(port) => {}
            ("tcp" | "udp", _) => {
                let message = "port must be a port, a range such as 80-85, or any";
                return Err(Refusal::invalid(&field("port"), message));
            }
            ("icmp" | "esp" | "gre", None) => {}
            ("icmp" | "esp" | "gre", Some(_)) => {
                return Err(Refusal::invalid(&field("port"), "port is for tcp and udp only"));
            }
            _ => return Err(Refusal::invalid(&field("protocol"), "unknown protocol")),
        }
        if rule.description.as_ref().is_some_and(|text| text.chars().count() > 255) {
            return Err(Refusal::invalid(&field("description"), "description has at most 255 characters"));
        }
    }
    if effective > MAX_EFFECTIVE_RULES {
        return Err(Refusal::invalid("rules", "a firewall has at most 500 effective rules"));
    }
    Ok(())
}

impl Firewall {
    /// Whether the firewall reaches a server by one of its selectors.
    pub(crate) fn selects(&self, server: &Server) -> bool {
        self.selectors
            .iter()
            .any(|text| Selector::parse(text).is_some_and(|selector| selector.matches(&server.labels)))
    }
}

impl Tx<'_> {
    /// The firewall, or the refusal that there is none.
    pub(crate) fn firewall(&self, id: i64) -> Result<&Firewall, Refusal> {
        self.project.firewalls.get(id).ok_or_else(|| Refusal::not_found("firewall", id))
    }

    /// The firewalls of a server, each with whether it is applied by now.
    pub(crate) fn firewalls_of(&self, server: &Server) -> Vec<(i64, bool)> {
        let reach = |firewall: &Firewall| {
            let named = firewall.servers.iter().find(|applied| applied.server == server.id);
            match named {
                Some(applied) => Some((firewall.id, applied.link == Link::Attached)),
                None => firewall.selects(server).then_some((firewall.id, true)),
            }
        };
        self.project.firewalls.values().filter_map(reach).collect()
    }

    fn check_firewall_name(&self, name: &str, except: Option<i64>) -> Result<(), Refusal> {
        if !is_plain_name(name, 128) {
            return Err(Refusal::invalid("name", "name must have 1 to 128 characters"));
        }
        if self.project.firewalls.name_taken(name, except) {
            return Err(Refusal::not_unique("firewall", "name"));
        }
        Ok(())
    }

    /// Refuses to apply a firewall to something; `status` is that of a missing server, which differs between
    /// creating and applying.
    fn check_targets(
        &self,
        firewall: Option<&Firewall>,
        targets: &[Target],
        status: u16,
    ) -> Result<(), Refusal> {
        for (index, target) in targets.iter().enumerate() {
            if targets[..index].contains(target) {
                return Err(Refusal::new("server_already_added", "a resource is named more than once"));
            }
            let already = || Refusal::new("firewall_already_applied", "firewall is already applied to it");
            match target {
                Target::Server(id) => {
                    let Some(server) = self.project.servers.get(*id) else {
                        let message = format!("server with ID '{id}' not found");
                        return Err(Refusal {
                            status,
                            ..Refusal::new("firewall_resource_not_found", message)
                        });
                    };
                    if firewall.is_some_and(|f| f.servers.iter().any(|applied| applied.server == *id)) {
                        return Err(already());
                    }
                    let public =
                        [Version::V4, Version::V6].iter().any(|v| self.primary_ip_of(*id, *v).is_some());
                    if !public {
                        let message = "server has no public network interface";
                        return Err(Refusal::new("private_net_only_server", message));
                    }
                    if self.firewalls_of(server).len() >= MAX_PER_SERVER {
                        return Err(Refusal::limit("firewalls_per_server"));
                    }
                }
                Target::Selector(text) => {
                    if Selector::parse(text).is_none() {
                        let message = format!("label selector '{text}' is malformed");
                        return Err(Refusal::invalid("label_selector", message));
                    }
                    if firewall.is_some_and(|f| f.selectors.contains(text)) {
                        return Err(already());
                    }
                }
            }
        }
        Ok(())
    }

    pub(crate) fn create_firewall(
        &mut self,
        name: String,
        labels: Labels,
        rules: Vec<Rule>,
        targets: &[Target],
    ) -> Result<(i64, Vec<Action>), Refusal> {
        self.check_firewall_name(&name, None)?;
        check_rules(&rules)?;
        self.check_targets(None, targets, 422)?;
        self.within_limit(Kind::Firewall, self.project.firewalls.len())?;
        let id = self.new_id(Kind::Firewall);
        let created = self.now;
        let (servers, selectors) = (Vec::new(), Vec::new());
        let with_rules = !rules.is_empty();
        self.project.firewalls.insert(Firewall { id, name, labels, created, rules, servers, selectors });
        let mut actions = Vec::new();
        if with_rules {
            actions.push(self.begin(Command::SetFirewallRules, &[(Kind::Firewall, id)], Effect::Nothing));
        }
        actions.extend(targets.iter().map(|target| self.begin_apply(id, target)));
        Ok((id, actions))
    }

    fn begin_apply(&mut self, id: i64, target: &Target) -> Action {
        let (resources, effect) = match target {
            Target::Server(server) => (
                vec![(Kind::Server, *server), (Kind::Firewall, id)],
                Effect::FirewallApplied { firewall: id, server: *server },
            ),
            Target::Selector(_) => (vec![(Kind::Firewall, id)], Effect::Nothing),
        };
        let action = self.begin(Command::ApplyFirewall, &resources, effect);
        if let (false, Some(firewall)) = (action.fails(), self.project.firewalls.get_mut(id)) {
            match target {
                Target::Server(server) => {
                    firewall.servers.push(Applied { server: *server, link: Link::Attaching });
                }
                Target::Selector(text) => firewall.selectors.push(text.clone()),
            }
        }
        action
    }

    /// Puts a firewall on a server that is being created.
    pub(super) fn put_firewall_on(&mut self, id: i64, server: i64) {
        if let Some(firewall) = self.project.firewalls.get_mut(id) {
            firewall.servers.push(Applied { server, link: Link::Attached });
        }
    }

    pub(crate) fn apply_firewall(&mut self, id: i64, targets: &[Target]) -> Result<Vec<Action>, Refusal> {
        self.check_targets(Some(self.firewall(id)?), targets, 404)?;
        Ok(targets.iter().map(|target| self.begin_apply(id, target)).collect())
    }

    pub(crate) fn remove_firewall(&mut self, id: i64, targets: &[Target]) -> Result<Vec<Action>, Refusal> {
        let firewall = self.firewall(id)?;
        for target in targets {
            let present = match target {
                Target::Server(server) => firewall.servers.iter().any(|applied| applied.server == *server),
                Target::Selector(text) => firewall.selectors.contains(text),
            };
            if !present {
                let message = "firewall is not applied to it";
                return Err(Refusal { status: 404, ..Refusal::new("firewall_resource_not_found", message) });
            }
        }
        let mut actions = Vec::new();
        for target in targets {
            let (resources, effect) = match target {
                Target::Server(server) => (
                    vec![(Kind::Server, *server), (Kind::Firewall, id)],
                    Effect::FirewallRemoved { firewall: id, server: *server },
                ),
                Target::Selector(_) => (vec![(Kind::Firewall, id)], Effect::Nothing),
            };
            let action = self.begin(Command::RemoveFirewall, &resources, effect);
            if let (false, Some(firewall)) = (action.fails(), self.project.firewalls.get_mut(id)) {
                match target {
                    Target::Server(server) => {
                        for applied in firewall.servers.iter_mut().filter(|a| a.server == *server) {
                            applied.link = Link::Detaching;
                        }
                    }
                    Target::Selector(text) => firewall.selectors.retain(|other| other != text),
                }
            }
            actions.push(action);
        }
        Ok(actions)
    }

    pub(super) fn firewall_applied(&mut self, id: i64, server: i64) {
        if let Some(firewall) = self.project.firewalls.get_mut(id) {
            for applied in firewall.servers.iter_mut().filter(|applied| applied.server == server) {
                applied.link = Link::Attached;
            }
        }
    }

    pub(super) fn firewall_removed(&mut self, id: i64, server: i64) {
        if let Some(firewall) = self.project.firewalls.get_mut(id) {
            firewall.servers.retain(|applied| applied.server != server);
        }
    }

    /// Takes a server that is gone off all firewalls.
    pub(super) fn forget_firewalls_of(&mut self, server: i64) {
        let reached: Vec<i64> = self
            .project
            .firewalls
            .values()
            .filter(|firewall| firewall.servers.iter().any(|applied| applied.server == server))
            .map(|firewall| firewall.id)
            .collect();
        for id in reached {
            self.firewall_removed(id, server);
        }
    }

    /// Replaces the rules; one more action for each server they reach.
    pub(crate) fn set_rules(&mut self, id: i64, rules: Vec<Rule>) -> Result<Vec<Action>, Refusal> {
        check_rules(&rules)?;
        let firewall = self.firewall(id)?;
        let reached: Vec<i64> = self
            .project
            .servers
            .values()
            .filter(|s| firewall.selects(s) || firewall.servers.iter().any(|applied| applied.server == s.id))
            .map(|server| server.id)
            .collect();
        let action = self.begin(Command::SetFirewallRules, &[(Kind::Firewall, id)], Effect::Nothing);
        if let (false, Some(firewall)) = (action.fails(), self.project.firewalls.get_mut(id)) {
            firewall.rules = rules;
        }
        let mut actions = vec![action];
        for server in reached {
            let resources = [(Kind::Firewall, id), (Kind::Server, server)];
            actions.push(self.begin(Command::ApplyFirewall, &resources, Effect::Nothing));
        }
        Ok(actions)
    }

    pub(crate) fn update_firewall(
        &mut self,
        id: i64,
        name: Option<String>,
        labels: Option<Labels>,
    ) -> Result<(), Refusal> {
        self.firewall(id)?;
        if let Some(name) = &name {
            self.check_firewall_name(name, Some(id))?;
        }
        let firewall =
            self.project.firewalls.get_mut(id).ok_or_else(|| Refusal::not_found("firewall", id))?;
        firewall.name = name.unwrap_or_else(|| firewall.name.clone());
        firewall.labels = labels.unwrap_or_else(|| firewall.labels.clone());
        Ok(())
    }

    pub(crate) fn delete_firewall(&mut self, id: i64) -> Result<(), Refusal> {
        let firewall = self.firewall(id)?;
        if !firewall.servers.is_empty() || !firewall.selectors.is_empty() {
            return Err(Refusal::new("resource_in_use", "firewall is still applied to a resource"));
        }
        self.project.firewalls.remove(id);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(direction: &str, protocol: &str, port: Option<&str>, ips: &[&str]) -> Rule {
        let ips: Vec<String> = ips.iter().map(|ip| (*ip).to_owned()).collect();
        let (source_ips, destination_ips) = if direction == "in" { (ips, vec![]) } else { (vec![], ips) };
        Rule {
            description: None,
            direction: direction.to_owned(),
            protocol: protocol.to_owned(),
            port: port.map(str::to_owned),
            source_ips,
            destination_ips,
        }
    }

    #[test]
    fn rules_follow_the_documentation() {
        for (candidate, expected) in [
            (rule("in", "tcp", Some("80"), &["0.0.0.0/0", "::/0"]), None),
            (rule("in", "udp", Some("80-85"), &["10.0.0.0/8"]), None),
            (rule("out", "tcp", Some("any"), &["0.0.0.0/0"]), None),
            (rule("in", "icmp", None, &["0.0.0.0/0"]), None),
            (rule("in", "tcp", None, &["0.0.0.0/0"]), Some("rules.0.port")),
            (rule("in", "tcp", Some("0"), &["0.0.0.0/0"]), Some("rules.0.port")),
            (rule("in", "tcp", Some("85-80"), &["0.0.0.0/0"]), Some("rules.0.port")),
            (rule("in", "tcp", Some("+80"), &["0.0.0.0/0"]), Some("rules.0.port")),
            (rule("in", "icmp", Some("80"), &["0.0.0.0/0"]), Some("rules.0.port")),
            (rule("in", "tcp", Some("80"), &["10.0.0.1/8"]), Some("rules.0.source_ips")),
            (rule("in", "tcp", Some("80"), &["10.0.0.1"]), Some("rules.0.source_ips")),
            (rule("out", "tcp", Some("80"), &[]), Some("rules.0.destination_ips")),
            (rule("up", "tcp", Some("80"), &[]), Some("rules.0.direction")),
            (rule("in", "ipip", None, &["0.0.0.0/0"]), Some("rules.0.protocol")),
        ] {
            let field = check_rules(std::slice::from_ref(&candidate))
                .err()
                .map(|refusal| refusal.details["fields"][0]["name"].as_str().unwrap_or_default().to_owned());
            assert_eq!(field.as_deref(), expected, "{candidate:?}");
        }
        let many = vec![rule("in", "icmp", None, &["0.0.0.0/0"]); 51];
        assert!(check_rules(&many).is_err() && check_rules(&many[..50]).is_ok());
    }
}
