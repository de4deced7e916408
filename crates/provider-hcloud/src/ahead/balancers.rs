//! Load balancers: what a type allows of services, targets and certificates.

use std::collections::BTreeSet;

use ferroform_catalogue::{Catalogue, LoadBalancerType};
use ferroform_core::{AttrPath, Diagnostic, Value};

use super::{Around, Name, offers};
use crate::attrs::Attrs;
use crate::resource::Plan;
use crate::resources::parse_id;
use crate::rules::in_block;

/// What a type allows.
struct Limits {
    name: String,
    services: usize,
    targets: usize,
    certificates: usize,
    /// Whether the number of certificates is confirmed.
    confirmed: bool,
}

impl Limits {
    fn of(known: &LoadBalancerType) -> Limits {
        Limits {
            name: known.name.clone(),
            services: known.max_services as usize,
            targets: known.max_targets as usize,
            certificates: known.max_assigned_certificates as usize,
            confirmed: known.limits_are_confirmed,
        }
    }
}

/// "; lb21 has 15": the types that allow enough.
fn larger(needed: usize, limit: impl Fn(&LoadBalancerType) -> u32) -> String {
    let types = Catalogue::builtin().load_balancer_types().iter();
    let enough = types.filter(|t| limit(t) as usize >= needed);
    let enough: Vec<String> = enough.map(|t| format!("{} ({})", t.name, limit(t))).collect();
    match enough.as_slice() {
        [] => "No type allows as many; use several load balancers.".to_owned(),
        names => format!("These types allow enough: {}.", names.join(", ")),
    }
}

/// The type and the location exist.
pub(crate) async fn balancer(plan: &mut Plan<'_>, around: &Around<'_>) {
    offers::location(plan, around, "location").await;
    offers::network_zone(plan, around).await;
    let known =
        |name: &str| parse_id(name).is_some() || Catalogue::builtin().load_balancer_type(name).is_some();
    let Some(name) = offers::unfamiliar(plan, "load_balancer_type", known) else { return };
    let Some(types) = around.load_balancer_types().await else { return };
    let all = types.iter().map(|t| t.name.clone());
    let (summary, kind) = ("Unknown load balancer type", "load balancer type");
    offers::refuse_unknown(plan, "load_balancer_type", summary, kind, &name, all);
}

/// What the load balancer that an id names allows.
fn limits(around: &Around<'_>, balancer: &Value) -> Option<Limits> {
    let balancer = around.object("hcloud_load_balancer", balancer)?;
    let name = balancer.get("load_balancer_type")?.as_str()?;
    Catalogue::builtin().load_balancer_type(name).map(Limits::of)
}

/// A service has a port of its own, and the load balancer room for it.
pub(crate) fn service(plan: &mut Plan<'_>, around: &Around<'_>) {
    let balancer = plan.get("load_balancer_id").clone();
    let others = around.others("hcloud_load_balancer_service", &balancer, Some(plan.get("id")));
    if let Some(port) = plan.get("listen_port").as_number()
        && others.iter().any(|other| other.get("listen_port").and_then(Value::as_number) == Some(port))
    {
        let ports = others.iter().filter_map(|other| other.get("listen_port")?.as_number()?.to_i64());
        let ports: BTreeSet<i64> = ports.collect();
        let taken: Vec<String> = ports.iter().map(i64::to_string).collect();
        let detail = format!(
            "Another service of the load balancer listens on port {port} already. Set a `listen_port` that is free; taken are: {}.",
            taken.join(", ")
        );
        plan.problems.add("listen_port", "Port taken", detail);
    }
    let Some(limits) = limits(around, &balancer) else { return };
    let services = others.len() + 1;
    if services > limits.services {
        let detail = format!(
            "A load balancer of the type {} has at most {} services, and this would be number {services}. {}",
            limits.name,
            limits.services,
            larger(services, |t| t.max_services)
        );
        plan.problems.add("load_balancer_id", "Too many services", detail);
    }
    let own = Value::from_attributes(plan.planned.clone());
    let certificates: BTreeSet<Name> = others.iter().chain([&own]).flat_map(certificates).collect();
    if certificates.len() > limits.certificates {
        let detail = format!(
            "A load balancer of the type {} has at most {} certificates, and its services have {}. {}",
            limits.name,
            limits.certificates,
            certificates.len(),
            larger(certificates.len(), |t| t.max_assigned_certificates)
        );
        const SUMMARY: &str = "Too many certificates";
        let diagnostic =
            if limits.confirmed { Diagnostic::error(SUMMARY) } else { Diagnostic::warning(SUMMARY) };
        let path = AttrPath::attr("http").with_index(0).with_attr("certificates");
        plan.problems.push(diagnostic.detail(detail).attribute(path));
    }
}

fn certificates(service: &Value) -> Vec<Name> {
    let http = Attrs(service).block("http");
    let certificates = http.and_then(|http| http.get("certificates").as_slice()).unwrap_or_default();
    certificates.iter().filter_map(Name::of).collect()
}

/// The load balancer has room for a target.
pub(crate) fn target(plan: &mut Plan<'_>, around: &Around<'_>) {
    let balancer = plan.get("load_balancer_id").clone();
    let targets = around.others("hcloud_load_balancer_target", &balancer, Some(plan.get("id"))).len() + 1;
    if let Some(limits) = limits(around, &balancer) {
        too_many_targets(plan, &limits, targets, AttrPath::attr("load_balancer_id"));
    }
}

/// The same for targets that are blocks of the load balancer.
pub(crate) fn target_blocks(plan: &mut Plan<'_>) {
    let known = plan.get("load_balancer_type").as_str();
    let Some(limits) = known.and_then(|name| Catalogue::builtin().load_balancer_type(name)).map(Limits::of)
    else {
        return;
    };
    let targets = plan.config.blocks("target");
    let number = targets.len();
    if let Some(last) = targets.last() {
        too_many_targets(plan, &limits, number, in_block("target", last, "server_id"));
    }
}

fn too_many_targets(plan: &mut Plan<'_>, limits: &Limits, targets: usize, path: AttrPath) {
    if targets > limits.targets {
        let detail = format!(
            "A load balancer of the type {} has at most {} targets, and this would be number {targets}. {} One target with a \
             `label_selector` stands for many servers, which count each.",
            limits.name,
            limits.targets,
            larger(targets, |t| t.max_targets)
        );
        plan.problems.add_at(path, "Too many targets", detail);
    }
}
