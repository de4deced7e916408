//! From a plan to what its objects cost before and after.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ferroform_catalogue::Catalogue;
use ferroform_core::Value;
use ferroform_core::addr::{ConfigResource, ModuleInstance, ResourceInstance};
use ferroform_plan::{Action, Plan, ResourceChange};

use crate::amount::Sum;
use crate::prices::{Bill, Component, Surroundings, bill};
use crate::traffic::Traffic;

/// The resource whose price a server's address must not be counted twice with.
pub(crate) const PRIMARY_IP: &str = "hcloud_primary_ip";

/// What a number of objects cost. Net.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Costs {
    /// An hour of all of them, until the month's prices are reached.
    pub hourly: Sum,
    /// A whole month of all of them.
    pub monthly: Sum,
}

impl Costs {
    pub(crate) fn of(components: &[Component]) -> Costs {
        Costs {
            hourly: components.iter().map(|c| Sum::from(c.hourly)).sum(),
            monthly: components.iter().map(|c| Sum::from(c.monthly)).sum(),
        }
    }

    fn plus(self, other: Costs) -> Costs {
        Costs { hourly: self.hourly + other.hourly, monthly: self.monthly + other.monthly }
    }
}

/// One object that costs something, or whose price is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The instance that the object belongs to.
    pub addr: ResourceInstance,
    /// Whether it is what a replacement left over.
    pub deposed: bool,
    /// What is planned for it.
    pub action: Action,
    /// What it is paid for now; empty if there is no such object.
    pub before: Vec<Component>,
    /// What it is paid for once the plan is applied; empty if there is no such object any more.
    pub after: Vec<Component>,
}

impl Line {
    /// What it costs now.
    #[must_use]
    pub fn costs_before(&self) -> Costs {
        Costs::of(&self.before)
    }

    /// What it costs once the plan is applied.
    #[must_use]
    pub fn costs_after(&self) -> Costs {
        Costs::of(&self.after)
    }
}

/// What the objects of a plan cost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Estimate {
    /// The objects that cost something, in the order of the plan: by address.
    pub lines: Vec<Line>,
    /// How many objects there will be of each type of resource that is free of charge.
    pub free: BTreeMap<Arc<str>, usize>,
    /// The traffic that is included once the plan is applied.
    pub traffic: Traffic,
}

impl Estimate {
    /// What everything costs now.
    #[must_use]
    pub fn before(&self) -> Costs {
        self.lines.iter().map(Line::costs_before).fold(Costs::default(), Costs::plus)
    }

    /// What everything costs once the plan is applied.
    #[must_use]
    pub fn after(&self) -> Costs {
        self.lines.iter().map(Line::costs_after).fold(Costs::default(), Costs::plus)
    }

    /// Whether anything costs something now.
    #[must_use]
    pub fn has_prior(&self) -> bool {
        self.lines.iter().any(|line| !line.before.is_empty())
    }

    /// What each module instance costs once the plan is applied, without the modules below it, by address.
    #[must_use]
    pub fn by_module(&self) -> BTreeMap<&ModuleInstance, Costs> {
        let mut found = BTreeMap::new();
        for line in self.lines.iter().filter(|line| !line.after.is_empty()) {
            let costs: &mut Costs = found.entry(&line.addr.module).or_default();
            *costs = costs.plus(line.costs_after());
        }
        found
    }
}

/// What the objects of a plan cost by a catalogue's prices.
#[must_use]
pub fn estimate(plan: &Plan, catalogue: &Catalogue) -> Estimate {
    let managed = || plan.changes.iter().filter(|change| change.is_managed());
    let ids = |side: fn(&ResourceChange) -> &Value| -> Vec<i64> {
        let addresses = managed().filter(|change| &*change.addr.resource.type_name == PRIMARY_IP);
        addresses.filter_map(|change| id_of(side(change))).collect()
    };
    let (ids_before, ids_after) = (ids(|change| &change.before), ids(|change| &change.after));
    let ipv4_resources = ipv4_resources(plan);
    let mut estimate = Estimate::default();
    for change in managed() {
        let type_name = &change.addr.resource.type_name;
        let side = |value: &Value, primary_ips: &[i64]| {
            let waits_for_primary_ip =
                change.dependencies.iter().any(|resource| ipv4_resources.contains(resource));
            let around = Surroundings { primary_ips, waits_for_primary_ip };
            (!value.is_null()).then(|| bill(catalogue, type_name, value, around))
        };
        let before = side(&change.before, &ids_before);
        let after = side(&change.after, &ids_after);
        if after == Some(Bill::Free) {
            *estimate.free.entry(type_name.clone()).or_default() += 1;
        }
        if let Some(Bill::Paid(_, traffic)) = &after {
            estimate.traffic.add(traffic);
        }
        let (before, after) = (components(before), components(after));
        if !before.is_empty() || !after.is_empty() {
            estimate.lines.push(Line {
                addr: change.addr.clone(),
                deposed: change.deposed.is_some(),
                action: change.action,
                before,
                after,
            });
        }
    }
    estimate
}

/// The resources that are primary IPs of version 4 once the plan is applied.
fn ipv4_resources(plan: &Plan) -> BTreeSet<ConfigResource> {
    let ipv4 = |change: &&ResourceChange| {
        &*change.addr.resource.type_name == PRIMARY_IP
            && change.after.get("type").and_then(Value::as_str) == Some("ipv4")
    };
    plan.changes.iter().filter(ipv4).map(|change| change.addr.config()).collect()
}

fn components(bill: Option<Bill>) -> Vec<Component> {
    match bill {
        Some(Bill::Paid(components, _)) => components,
        Some(Bill::Free | Bill::Elsewhere) | None => Vec::new(),
    }
}

/// The id of an object: a number, or digits in a text.
pub(crate) fn id_of(object: &Value) -> Option<i64> {
    let id = object.get("id")?;
    id.as_number().and_then(|number| number.to_i64()).or_else(|| id.as_str()?.parse().ok())
}
