//! Costs for programs. Amounts are texts with all their digits, so that no reader rounds them.

use ferroform_cost::{Amount, Component, Costs, Estimate, Line, Sum, Vat};
use serde_json::{Map, Value as Json, json};

use super::{Environment, Report};
use crate::views::outputs::pretty;

/// The version of the form. The part before the point changes when a reader of the one before may go wrong.
const FORMAT_VERSION: &str = "1.0";

/// The whole report.
pub(crate) fn json(report: &Report<'_>) -> String {
    let vat = report.vat;
    let all = report.environments.iter().map(|e| e.estimate.after());
    let total = all.fold(Costs::default(), |sum, costs| Costs {
        hourly: sum.hourly + costs.hourly,
        monthly: sum.monthly + costs.monthly,
    });
    pretty(&json!({
        "format_version": FORMAT_VERSION,
        "currency": report.currency,
        "prices_as_of": report.prices_as_of,
        "vat_percent": vat.map(|vat| vat.to_string()),
        "environments": report.environments.iter().map(|e| environment(e, vat)).collect::<Vec<_>>(),
        "total": costs(total, vat),
    }))
}

fn environment(environment: &Environment, vat: Option<Vat>) -> Json {
    let estimate = &environment.estimate;
    let modules: Vec<Json> = estimate
        .by_module()
        .into_iter()
        .map(|(module, found)| json!({"module": module.to_string(), "costs": costs(found, vat)}))
        .collect();
    json!({
        "name": environment.name,
        "notes": environment.notes,
        "before": estimate.has_prior().then(|| costs(estimate.before(), vat)),
        "after": costs(estimate.after(), vat),
        "modules": modules,
        "objects": estimate.lines.iter().map(|l| line(l, vat)).collect::<Vec<_>>(),
        "free": estimate.free.iter().map(|(k, v)| (k.to_string(), json!(v))).collect::<Map<_, _>>(),
        "included_traffic": traffic(estimate),
    })
}

fn traffic(estimate: &Estimate) -> Json {
    let traffic = &estimate.traffic;
    let further: Vec<String> = traffic.per_tb.iter().map(|price| Amount::from(*price).exact()).collect();
    json!({
        "bytes": traffic.included_bytes,
        "complete": traffic.unknown == 0,
        "further_terabyte_net": further,
    })
}

fn line(line: &Line, vat: Option<Vat>) -> Json {
    let side = |components: &[Component], found: Costs| {
        let components_json: Vec<Json> = components.iter().map(component).collect();
        (!components.is_empty()).then(|| json!({"costs": costs(found, vat), "components": components_json}))
    };
    json!({
        "address": line.addr.to_string(),
        "module": line.addr.module.to_string(),
        "type": &*line.addr.resource.type_name,
        "deposed": line.deposed,
        "action": line.action.name(),
        "before": side(&line.before, line.costs_before()),
        "after": side(&line.after, line.costs_after()),
    })
}

fn component(component: &Component) -> Json {
    json!({
        "what": component.what,
        "hourly_net": component.hourly.map(Amount::exact),
        "monthly_net": component.monthly.map(Amount::exact),
        "unpriced": component.unpriced.map(|why| why.to_string()),
    })
}

/// `complete` is false where prices are missing, and the amounts are the least that it will be.
fn costs(costs: Costs, vat: Option<Vat>) -> Json {
    let mut out = Map::new();
    let mut add = |name: &str, sum: Sum| {
        out.insert(format!("{name}_net"), sum.known.exact().into());
        if let Some(vat) = vat {
            out.insert(format!("{name}_gross"), sum.with(vat).known.exact().into());
        }
    };
    add("hourly", costs.hourly);
    add("monthly", costs.monthly);
    out.insert("complete".into(), (costs.hourly.is_complete() && costs.monthly.is_complete()).into());
    Json::Object(out)
}
