//! `hcloud_firewall`: rules, and what they are applied to.

use std::collections::BTreeSet;

use async_trait::async_trait;
use ferroform_core::schema::{Attribute, Block, NestedBlock, Nesting, Schema};
use ferroform_core::{Type, Value};
use ferroform_hcloud::{
    Error, Firewall as ApiFirewall, FirewallCreate, FirewallResource, FirewallRule, code,
};

use super::{number_id, parse_id, schema};
use crate::ahead;
use crate::attrs::{Attrs, State, int, labels, text, text_set};
use crate::cx::{Cx, Tolerance};
use crate::failure::Failure;
use crate::resource::{Begun, Candidate, Plan, Resource};
use crate::rules::{self, Problems, same_address};
use crate::seen::{Needs, Seen};

pub(crate) struct Firewall;

/// A firewall goes only after its servers are gone or have let go of it, which may take a moment.
const DELETING: Tolerance =
    Tolerance { done: &[code::NOT_FOUND], passing: &[code::RESOURCE_IN_USE], passing_messages: &[] };

/// Applying a firewall to what it is applied to is no failure.
pub(super) const APPLYING: Tolerance =
    Tolerance { done: &[code::FIREWALL_ALREADY_APPLIED], ..Tolerance::NONE };

/// Nor is removing it from what is gone, or what it is not applied to.
pub(super) const REMOVING: Tolerance =
    Tolerance { done: &[code::FIREWALL_ALREADY_REMOVED, code::NOT_FOUND], ..Tolerance::NONE };

#[async_trait]
impl Resource for Firewall {
    fn name(&self) -> &'static str {
        "hcloud_firewall"
    }

    fn noun(&self) -> &'static str {
        "firewall"
    }

    fn schema(&self) -> Schema {
        let block = Block::of([
            super::implicit_id(),
            ("name", Attribute::required(Type::String)),
            ("labels", Attribute::optional_computed(Type::map(Type::String))),
        ]);
        schema(
            block
                .with_block("rule", NestedBlock::new(Nesting::Set, rule_block()))
                .with_block("apply_to", NestedBlock::new(Nesting::Set, apply_to_block())),
        )
    }

    fn validate(&self, config: Attrs<'_>, problems: &mut Problems) {
        rules::labels(config, problems);
        rules::not_empty(config, "name", problems);
        ahead::firewalls::rules(config, problems);
        for rule in config.blocks("rule") {
            problems.within(&rules::element("rule", rule), |problems| validate_rule(rule, problems));
        }
        for target in config.blocks("apply_to") {
            if target.is_set("server") == target.is_set("label_selector") {
                problems.add_at(
                    rules::element("apply_to", target),
                    "Invalid attribute combination",
                    "An `apply_to` block has either a `server` or a `label_selector`.",
                );
            }
        }
    }

    fn plan(&self, plan: &mut Plan<'_>) {
        if let Some(rules) = plan.get("rule").as_slice() {
            let before: Vec<Value> = plan
                .prior
                .and_then(|prior| prior.get("rule").as_slice())
                .map(<[Value]>::to_vec)
                .unwrap_or_default();
            let planned: Vec<Value> = rules.iter().map(|rule| planned_rule(rule, &before)).collect();
            plan.set("rule", Value::set(rule_block().implied_type(), planned));
        }
        match plan.config.get("apply_to").as_slice() {
            // Servers name their firewalls themselves, so what it is applied to is known only from the API.
            Some([]) => match plan.prior {
                Some(prior) => plan.set("apply_to", prior.get("apply_to").clone()),
                None => plan.unknown("apply_to"),
            },
            Some(targets) => {
                let planned: Vec<Value> = targets.iter().map(planned_target).collect();
                plan.set("apply_to", Value::set(apply_to_block().implied_type(), planned));
            }
            None => {}
        }
    }

    fn needs(&self, prior: Attrs<'_>, needs: &mut Needs) {
        needs.firewalls.extend(prior.id());
    }

    fn observe(&self, prior: Attrs<'_>, mut state: State, seen: &Seen) -> Result<Option<State>, Error> {
        let Some(firewall) = seen.firewalls.find(prior.id())? else { return Ok(None) };
        state.set("id", text(&firewall.id.to_string()));
        state.set("name", text(&firewall.name));
        state.set("labels", labels(&firewall.labels));
        let before: Vec<Attrs<'_>> = prior.blocks("rule").collect();
        let rules = firewall.rules.iter().map(|rule| {
            // The same rule in the spelling that is known already.
            let known = before.iter().find(|known| same_rule(&rule_of(**known), rule));
            known.map_or_else(|| rule_value(rule), |known| known.0.clone())
        });
        state.set("rule", Value::set(rule_block().implied_type(), rules));
        let targets = resources(firewall).into_iter().map(|target| target_value(&target));
        state.set("apply_to", Value::set(apply_to_block().implied_type(), targets));
        Ok(Some(state))
    }

    async fn begin(&self, cx: &Cx, planned: Attrs<'_>, _config: Attrs<'_>) -> Result<Begun, Failure> {
        let firewall = FirewallCreate {
            name: planned.string("name"),
            labels: planned.labels("labels"),
            rules: planned.blocks("rule").map(rule_of).collect(),
            apply_to: targets(planned).iter().map(Target::resource).collect(),
        };
        let created = cx.client.firewalls().create(&firewall).await?;
        Ok(Begun::new(created.firewall.id, created.actions))
    }

    async fn update(&self, cx: &Cx, prior: Attrs<'_>, planned: Attrs<'_>) -> Result<(), Failure> {
        let id = number_id(prior)?;
        let firewalls = cx.client.firewalls();
        if let Some(update) = super::named_update(prior, planned) {
            cx.step(Tolerance::NONE, || async { firewalls.update(id, &update).await.map(drop) }).await?;
        }
        if prior.get("rule") != planned.get("rule") {
            let rules: Vec<FirewallRule> = planned.blocks("rule").map(rule_of).collect();
            cx.step(Tolerance::NONE, || firewalls.set_rules(id, &rules)).await?;
        }
        if planned.is_known("apply_to") {
            let (before, after) = (targets(prior), targets(planned));
            let added: Vec<_> = after.difference(&before).map(Target::resource).collect();
            let removed: Vec<_> = before.difference(&after).map(Target::resource).collect();
            if !added.is_empty() {
                cx.step(APPLYING, || firewalls.apply_to(id, &added)).await?;
            }
            if !removed.is_empty() {
                cx.step(REMOVING, || firewalls.remove_from(id, &removed)).await?;
            }
        }
        Ok(())
    }

    async fn delete(&self, cx: &Cx, prior: Attrs<'_>) -> Result<(), Failure> {
        let id = number_id(prior)?;
        // What it is applied to now, not when it was last read: servers may have come and gone since.
        let Some(firewall) = cx.client.firewalls().find(id).await? else { return Ok(()) };
        let applied: Vec<FirewallResource> = resources(&firewall).iter().map(Target::resource).collect();
        if !applied.is_empty() {
            cx.step(REMOVING, || cx.client.firewalls().remove_from(id, &applied)).await?;
        }
        Ok(cx.step(DELETING, || cx.client.firewalls().delete(id)).await?)
    }

    fn import(&self, id: &str, _state: &mut State) -> Result<(), &'static str> {
        parse_id(id).map(drop).ok_or("the number of the firewall, such as `123`")
    }

    async fn candidates(
        &self,
        cx: &Cx,
        planned: Attrs<'_>,
        seen: &mut Seen,
    ) -> Result<Vec<Candidate>, Failure> {
        super::by_name(cx.client.firewalls(), planned, &mut seen.firewalls).await
    }

    fn created_with(&self) -> &'static [&'static str] {
        &["name", "labels", "rule"]
    }
}

pub(crate) fn rule_block() -> Block {
    Block::of([
        ("direction", Attribute::required(Type::String)),
        ("protocol", Attribute::required(Type::String)),
        ("port", Attribute::optional(Type::String)),
        ("source_ips", Attribute::optional(Type::set(Type::String))),
        ("destination_ips", Attribute::optional(Type::set(Type::String))),
        ("description", Attribute::optional(Type::String)),
    ])
}

pub(crate) fn apply_to_block() -> Block {
    Block::of([
        ("server", Attribute::optional_computed(Type::Number)),
        ("label_selector", Attribute::optional_computed(Type::String)),
    ])
}

fn validate_rule(rule: Attrs<'_>, problems: &mut Problems) {
    let mut wrong = |name: &str, detail: String| problems.add(name, "Invalid firewall rule", detail);
    let direction = rule.get("direction").as_str();
    let protocol = rule.get("protocol").as_str();
    if let Some(direction) = direction.filter(|d| !["in", "out"].contains(d)) {
        wrong("direction", format!("The direction {direction:?} is not possible; it must be `in` or `out`."));
    }
    if let Some(protocol) = protocol.filter(|p| !["tcp", "udp", "icmp", "gre", "esp"].contains(p)) {
        wrong(
            "protocol",
            format!(
                "The protocol {protocol:?} is not possible; it must be `tcp`, `udp`, `icmp`, `gre` or `esp`."
            ),
        );
    }
    match (protocol, rule.get("port")) {
        (Some("tcp" | "udp"), port) if port.is_null() || port.as_str() == Some("") => {
            wrong(
                if port.is_null() { "protocol" } else { "port" },
                format!(
                    "A rule for {} needs a `port`: a number, a range such as \"80-85\", or \"any\".",
                    protocol.unwrap_or_default()
                ),
            );
        }
        (Some("icmp" | "gre" | "esp"), port) if port.as_str().is_some_and(|p| !p.is_empty()) => {
            wrong("port", format!("A rule for {} has no `port`.", protocol.unwrap_or_default()));
        }
        (_, port) => {
            if let Some(port) = port.as_str().filter(|p| !p.is_empty() && !is_port(p)) {
                wrong(
                    "port",
                    format!(
                        "The port {port:?} is not possible; it is a number from 1 to 65535, a range such as \"80-85\", or \"any\"."
                    ),
                );
            }
        }
    }
    for (name, wanted, other) in
        [("source_ips", "in", "destination_ips"), ("destination_ips", "out", "source_ips")]
    {
        for range in rule.texts(name) {
            if let Err(message) = rules::parse_cidr(&range) {
                wrong(name, format!("In `{name}`: {message}"));
            }
        }
        if direction == Some(wanted)
            && rule.is_known(name)
            && rule.get(name).as_slice().is_none_or(<[Value]>::is_empty)
        {
            wrong(
                "direction",
                format!(
                    "A rule with the direction `{wanted}` needs `{name}`; `{other}` is for the other direction."
                ),
            );
        }
    }
}

fn is_port(text: &str) -> bool {
    let number = |n: &str| n.parse::<u16>().ok().filter(|n| *n > 0);
    match text.split_once('-') {
        _ if text == "any" => true,
        Some((from, to)) => matches!((number(from), number(to)), (Some(from), Some(to)) if from <= to),
        None => number(text).is_some(),
    }
}

/// A rule as the API has it.
fn rule_of(rule: Attrs<'_>) -> FirewallRule {
    FirewallRule {
        direction: rule.string("direction"),
        protocol: rule.string("protocol"),
        port: rule.text("port").map(str::to_owned),
        source_ips: rule.texts("source_ips"),
        destination_ips: rule.texts("destination_ips"),
        description: rule.text("description").map(str::to_owned),
    }
}

/// A rule as states have it: empty where there is nothing.
pub(crate) fn rule_value(rule: &FirewallRule) -> Value {
    Value::object([
        ("direction", text(&rule.direction)),
        ("protocol", text(&rule.protocol)),
        ("port", text(rule.port.as_deref().unwrap_or_default())),
        ("source_ips", text_set(&rule.source_ips)),
        ("destination_ips", text_set(&rule.destination_ips)),
        ("description", text(rule.description.as_deref().unwrap_or_default())),
    ])
}

fn same_rule(a: &FirewallRule, b: &FirewallRule) -> bool {
    let empty = |s: &Option<String>| s.clone().unwrap_or_default();
    let same_ips = |a: &[String], b: &[String]| {
        a.len() == b.len() && a.iter().all(|a| b.iter().any(|b| same_address(a, b)))
    };
    a.direction == b.direction
        && a.protocol == b.protocol
        && empty(&a.port) == empty(&b.port)
        && empty(&a.description) == empty(&b.description)
        && same_ips(&a.source_ips, &b.source_ips)
        && same_ips(&a.destination_ips, &b.destination_ips)
}

/// A configured rule in the form of states, in the spelling that is known already if it is the same.
fn planned_rule(rule: &Value, before: &[Value]) -> Value {
    let filled = |name: &str| match (rule.get(name), name) {
        (Some(value), _) if !value.is_null() => value.clone(),
        (_, "source_ips" | "destination_ips") => Value::set(Type::String, []),
        _ => text(""),
    };
    if !rule.is_wholly_known() {
        let names = ["direction", "protocol", "port", "source_ips", "destination_ips", "description"];
        return Value::object(names.map(|name| (name, filled(name))));
    }
    let wanted = rule_of(Attrs(rule));
    let known = before.iter().find(|known| same_rule(&rule_of(Attrs(known)), &wanted));
    known.cloned().unwrap_or_else(|| rule_value(&wanted))
}

/// What a firewall is applied to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Target {
    Server(i64),
    Selector(String),
}

impl Target {
    pub(super) fn resource(&self) -> FirewallResource {
        match self {
            Target::Server(id) => FirewallResource::server(*id),
            Target::Selector(selector) => FirewallResource::label_selector(selector.as_str()),
        }
    }
}

fn targets(attrs: Attrs<'_>) -> BTreeSet<Target> {
    let target = |block: Attrs<'_>| {
        let selector = block.text("label_selector").map(|s| Target::Selector(s.to_owned()));
        selector.or_else(|| block.positive("server").map(Target::Server))
    };
    attrs.blocks("apply_to").filter_map(target).collect()
}

/// What a firewall is applied to by itself, without the servers that a label selects.
pub(crate) fn resources(firewall: &ApiFirewall) -> BTreeSet<Target> {
    let target = |resource: &FirewallResource| {
        let selector = resource.label_selector.as_ref().map(|s| Target::Selector(s.selector.clone()));
        selector.or_else(|| resource.server.map(|s| Target::Server(s.id)))
    };
    firewall.applied_to.iter().filter_map(target).collect()
}

/// A target as states have it: empty and zero where there is nothing.
pub(crate) fn target_value(target: &Target) -> Value {
    let (server, selector) = match target {
        Target::Server(id) => (*id, ""),
        Target::Selector(selector) => (0, selector.as_str()),
    };
    Value::object([("server", int(server)), ("label_selector", text(selector))])
}

fn planned_target(target: &Value) -> Value {
    let target = Attrs(target);
    let or = |name: &str, empty: Value| if target.is_set(name) { target.get(name).clone() } else { empty };
    Value::object([("server", or("server", int(0))), ("label_selector", or("label_selector", text("")))])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_numbers_ranges_or_any() {
        for (port, good) in [
            ("80", true),
            ("80-85", true),
            ("any", true),
            ("0", false),
            ("65536", false),
            ("85-80", false),
            ("80,81", false),
            ("all", false),
        ] {
            assert_eq!(is_port(port), good, "{port}");
        }
    }
}
