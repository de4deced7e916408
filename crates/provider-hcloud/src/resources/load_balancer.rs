//! `hcloud_load_balancer`: a load balancer, apart from its services, targets and networks.

use std::collections::BTreeMap;

use async_trait::async_trait;
use ferroform_catalogue::Catalogue;
use ferroform_core::schema::{Attribute, Block, NestedBlock, Nesting, Schema};
use ferroform_core::{AttrPath, Diagnostic, Type, Value};
use ferroform_hcloud::{
    Action, Algorithm, Error, IdRef, LoadBalancer as ApiLoadBalancer, LoadBalancerCreate, Protection, Target,
    code,
};

use super::{changed_flag, number_id, parse_id, schema};
use crate::ahead::{self, Around};
use crate::attrs::{Attrs, State, flag, int, int_or_null, labels, text, text_or_null};
use crate::cx::{Cx, Tolerance};
use crate::failure::Failure;
use crate::resource::{Begun, Candidate, Plan, Resource};
use crate::rules::{self, Problems};
use crate::seen::{Needs, Seen};

pub(crate) struct LoadBalancer;

/// Removing a target that is not there is no failure.
pub(super) const REMOVING_TARGET: Tolerance =
    Tolerance { done: &[code::NOT_FOUND, code::TARGET_NOT_FOUND], passing: &[], passing_messages: &[] };

#[async_trait]
impl Resource for LoadBalancer {
    fn name(&self) -> &'static str {
        "hcloud_load_balancer"
    }

    fn noun(&self) -> &'static str {
        "load balancer"
    }

    fn schema(&self) -> Schema {
        let block = Block::of([
            super::implicit_id(),
            ("name", Attribute::required(Type::String)),
            ("load_balancer_type", Attribute::required(Type::String)),
            ("ipv4", Attribute::computed(Type::String)),
            ("ipv6", Attribute::computed(Type::String)),
            ("location", Attribute::optional_computed(Type::String).force_new()),
            ("network_zone", Attribute::optional_computed(Type::String).force_new()),
            ("network_id", Attribute::computed(Type::Number)),
            ("network_ip", Attribute::computed(Type::String)),
            ("labels", Attribute::optional_computed(Type::map(Type::String))),
            super::delete_protection(),
        ]);
        let algorithm = NestedBlock { max_items: 1, ..NestedBlock::new(Nesting::List, algorithm_block()) };
        let mut target = NestedBlock::new(Nesting::Set, target_block());
        target.block.deprecated = Some("Use the resource hcloud_load_balancer_target.".to_owned());
        schema(block.with_block("algorithm", algorithm).with_block("target", target))
    }

    fn defaults(&self) -> Vec<(&'static str, Value)> {
        vec![super::unprotected()]
    }

    fn validate(&self, config: Attrs<'_>, problems: &mut Problems) {
        rules::labels(config, problems);
        rules::not_empty(config, "name", problems);
        if config.text("name").is_some_and(|name| name.chars().count() > 128) {
            problems.add("name", "Invalid attribute value", "A name has at most 128 characters.");
        }
        rules::not_together(config, "location", "network_zone", problems);
        if !config.is_set("location") && !config.is_set("network_zone") {
            problems.push(
                Diagnostic::error("Invalid attribute combination")
                    .detail("A load balancer needs a `location` or a `network_zone`."),
            );
        }
        for (at, algorithm) in config.blocks("algorithm").enumerate() {
            problems.within(&AttrPath::attr("algorithm").with_index(at), |problems| {
                rules::one_of(algorithm, "type", &["round_robin", "least_connections"], problems);
            });
        }
        for target in config.blocks("target") {
            problems.within(&rules::element("target", target), |problems| {
                rules::one_of(target, "type", &["server"], problems)
            });
        }
    }

    fn plan(&self, plan: &mut Plan<'_>) {
        let given =
            plan.config.block("algorithm").map(|a| a.get("type").clone()).filter(|kind| !kind.is_null());
        match (given, plan.prior) {
            (Some(kind), _) => plan.set("algorithm", algorithm_value(kind)),
            (None, Some(prior)) => plan.set("algorithm", prior.get("algorithm").clone()),
            (None, None) => plan.unknown("algorithm"),
        }
        if let Some(targets) = plan.config.get("target").as_slice() {
            let fill = |target: &Value| {
                let target = Attrs(target);
                let private = if target.is_set("use_private_ip") {
                    target.get("use_private_ip").clone()
                } else {
                    flag(false)
                };
                Value::object([
                    ("type", target.get("type").clone()),
                    ("server_id", target.get("server_id").clone()),
                    ("use_private_ip", private),
                ])
            };
            let planned: Vec<Value> = targets.iter().map(fill).collect();
            match plan.prior {
                // Not configured here, targets are resources of their own.
                Some(prior) if planned.is_empty() => plan.set("target", prior.get("target").clone()),
                _ => plan.set("target", Value::set(target_block().implied_type(), planned)),
            }
        }
        check_offer(plan);
    }

    async fn check(&self, plan: &mut Plan<'_>, around: &Around<'_>) {
        ahead::balancers::balancer(plan, around).await;
        ahead::balancers::target_blocks(plan);
    }

    fn needs(&self, prior: Attrs<'_>, needs: &mut Needs) {
        needs.load_balancers.extend(prior.id());
    }

    fn observe(&self, prior: Attrs<'_>, mut state: State, seen: &Seen) -> Result<Option<State>, Error> {
        let Some(balancer) = seen.load_balancers.find(prior.id())? else { return Ok(None) };
        state.set("id", text(&balancer.id.to_string()));
        state.set("name", text(&balancer.name));
        state.set("load_balancer_type", text(&balancer.load_balancer_type.name));
        state.set("ipv4", text(&balancer.public_net.ipv4.ip));
        state.set("ipv6", text(&balancer.public_net.ipv6.ip));
        state.set("location", text(&balancer.location.name));
        state.set("network_zone", text(&balancer.location.network_zone));
        let private = balancer.private_net.first();
        state.set("network_id", int_or_null(private.map(|net| net.network)));
        state.set("network_ip", text_or_null(private.map(|net| net.ip.as_str())));
        state.set("labels", labels(&balancer.labels));
        state.set("delete_protection", flag(balancer.protection.delete));
        state.set("algorithm", algorithm_value(text(&balancer.algorithm.kind)));
        if prior.blocks("target").len() > 0 {
            let targets = server_targets(balancer).into_iter().map(|(server, private)| {
                Value::object([
                    ("type", text("server")),
                    ("server_id", int(server)),
                    ("use_private_ip", flag(private)),
                ])
            });
            state.set("target", Value::set(target_block().implied_type(), targets));
        }
        Ok(Some(state))
    }

    async fn begin(&self, cx: &Cx, planned: Attrs<'_>, _config: Attrs<'_>) -> Result<Begun, Failure> {
        let balancer = LoadBalancerCreate {
            name: planned.string("name"),
            load_balancer_type: planned.string("load_balancer_type"),
            location: planned.text("location").map(str::to_owned),
            network_zone: planned.text("network_zone").map(str::to_owned),
            algorithm: algorithm(planned),
            labels: planned.labels("labels"),
        };
        let created = cx.client.load_balancers().create(&balancer).await?;
        Ok(Begun::new(created.load_balancer.id, created.action))
    }

    async fn finish(&self, cx: &Cx, id: &str, planned: Attrs<'_>) -> Result<(), Failure> {
        let Some(id) = parse_id(id) else { return Ok(()) };
        change_targets(cx, id, &BTreeMap::new(), &targets(planned)).await?;
        if planned.flag("delete_protection") {
            protect(cx, id, true).await?;
        }
        Ok(())
    }

    async fn update(&self, cx: &Cx, prior: Attrs<'_>, planned: Attrs<'_>) -> Result<(), Failure> {
        let id = number_id(prior)?;
        let balancers = cx.client.load_balancers();
        if let Some(update) = super::named_update(prior, planned) {
            cx.step(Tolerance::NONE, || async { balancers.update(id, &update).await.map(drop) }).await?;
        }
        if let Some(kind) =
            planned.text("load_balancer_type").filter(|t| prior.text("load_balancer_type") != Some(t))
        {
            cx.step(Tolerance::NONE, || balancers.change_type(id, kind)).await?;
        }
        if let Some(algorithm) =
            algorithm(planned).filter(|wanted| self::algorithm(prior).as_ref() != Some(wanted))
        {
            cx.step(Tolerance::NONE, || balancers.change_algorithm(id, &algorithm)).await?;
        }
        if prior.get("target") != planned.get("target") {
            change_targets(cx, id, &targets(prior), &targets(planned)).await?;
        }
        match changed_flag(prior, planned, "delete_protection") {
            Some(delete) => protect(cx, id, delete).await,
            None => Ok(()),
        }
    }

    async fn delete(&self, cx: &Cx, prior: Attrs<'_>) -> Result<(), Failure> {
        let id = number_id(prior)?;
        Ok(cx.step(Tolerance::REMOVING, || cx.client.load_balancers().delete(id)).await?)
    }

    fn import(&self, id: &str, _state: &mut State) -> Result<(), &'static str> {
        parse_id(id).map(drop).ok_or("the number of the load balancer, such as `123`")
    }

    async fn candidates(
        &self,
        cx: &Cx,
        planned: Attrs<'_>,
        seen: &mut Seen,
    ) -> Result<Vec<Candidate>, Failure> {
        super::by_name(cx.client.load_balancers(), planned, &mut seen.load_balancers).await
    }

    async fn running(&self, cx: &Cx, id: &str) -> Result<Vec<Action>, Failure> {
        super::running(cx.client.load_balancers(), id).await
    }

    fn created_with(&self) -> &'static [&'static str] {
        &["name", "load_balancer_type", "location", "network_zone", "labels", "algorithm"]
    }
}

fn algorithm_block() -> Block {
    Block::of([("type", Attribute::optional_computed(Type::String))])
}

fn target_block() -> Block {
    Block::of([
        ("type", Attribute::required(Type::String)),
        ("server_id", Attribute::optional(Type::Number)),
        ("use_private_ip", Attribute::optional(Type::Bool)),
    ])
}

fn algorithm_value(kind: Value) -> Value {
    Value::list(algorithm_block().implied_type(), [Value::object([("type", kind)])])
}

fn algorithm(attrs: Attrs<'_>) -> Option<Algorithm> {
    let kind = attrs.block("algorithm")?.text("type")?;
    Some(Algorithm { kind: kind.to_owned() })
}

/// The servers among the targets, and whether they are reached by the private network.
fn targets(attrs: Attrs<'_>) -> BTreeMap<i64, bool> {
    attrs
        .blocks("target")
        .filter_map(|t| Some((t.positive("server_id")?, t.flag("use_private_ip"))))
        .collect()
}

fn server_targets(balancer: &ApiLoadBalancer) -> BTreeMap<i64, bool> {
    let target = |t: &Target| Some((t.server?.id, t.use_private_ip.unwrap_or(false)));
    balancer.targets.iter().filter_map(target).collect()
}

fn server_target(id: i64, use_private_ip: bool) -> Target {
    Target {
        kind: "server".to_owned(),
        server: Some(IdRef { id }),
        use_private_ip: Some(use_private_ip),
        ..Target::default()
    }
}

async fn change_targets(
    cx: &Cx,
    id: i64,
    before: &BTreeMap<i64, bool>,
    after: &BTreeMap<i64, bool>,
) -> Result<(), Failure> {
    for (server, private) in before {
        if after.get(server) != Some(private) {
            let target = server_target(*server, *private);
            cx.step(REMOVING_TARGET, || cx.client.load_balancers().remove_target(id, &target)).await?;
        }
    }
    for (server, private) in after {
        if before.get(server) != Some(private) {
            let target = server_target(*server, *private);
            let tolerance = Tolerance { done: &[code::TARGET_ALREADY_DEFINED], ..Tolerance::NONE };
            cx.step(tolerance, || cx.client.load_balancers().add_target(id, &target)).await?;
        }
    }
    Ok(())
}

/// Refuses a type that the catalogue knows not to be sold in the location.
fn check_offer(plan: &mut Plan<'_>) {
    let new = plan.prior.is_none() || plan.changes("load_balancer_type");
    let catalogue = Catalogue::builtin();
    let (Some(kind), Some(location)) =
        (plan.get("load_balancer_type").as_str(), plan.get("location").as_str())
    else {
        return;
    };
    let (Some(kind), Some(_)) = (catalogue.load_balancer_type(kind), catalogue.location(location)) else {
        return;
    };
    if !new || kind.offers.is_empty() || kind.offer(location).is_some() {
        return;
    }
    let offered: Vec<&str> = catalogue
        .load_balancer_types()
        .iter()
        .filter(|t| t.offer(location).is_some())
        .map(|t| t.name.as_str())
        .collect();
    let detail = format!(
        "The load balancer type {} is not offered in {location}; {} are.",
        kind.name,
        offered.join(", ")
    );
    plan.problems.add("load_balancer_type", "Load balancer type not offered in this location", detail);
}

async fn protect(cx: &Cx, id: i64, delete: bool) -> Result<(), Failure> {
    let protection = Protection { delete };
    Ok(cx.step(Tolerance::NONE, || cx.client.load_balancers().change_protection(id, protection)).await?)
}
