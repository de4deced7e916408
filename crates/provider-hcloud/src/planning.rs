//! Planning one object: by its schema, and then by what its kind adds.
//!
//! The published provider is built on an older library, which does not tell null from empty and fills in defaults
//! where configuration has nothing. Its states must plan to no change here, so this does likewise: see
//! [`Provider::legacy_type_system`](ferroform_provider::Provider::legacy_type_system).

use std::collections::BTreeMap;
use std::sync::Arc;

use ferroform_core::schema::{Block, Schema};
use ferroform_core::{AttrPath, Entries, Origin, Value};
use ferroform_provider::{Occasion, PlanRequest, PlanResponse};

use crate::ahead::{Around, protection};
use crate::attrs::{Attrs, is_unset};
use crate::note::Note;
use crate::resource::{Plan, Resource};

/// Plans an object of a kind, and holds it against what else is planned.
pub(crate) async fn plan(
    resource: &dyn Resource,
    schema: &Schema,
    request: &PlanRequest,
    around: &Around<'_>,
) -> PlanResponse {
    let mut response = PlanResponse { private: request.private.clone(), ..PlanResponse::default() };
    let note = Note::read(&request.private);
    let Some(proposed) = request.proposed.as_map() else {
        response.planned = Some(request.proposed.clone());
        let prior = Attrs(&request.prior);
        response.private = resource.leaving(prior, None, note).write(&request.private);
        response.diagnostics.extend(protection::of_deleted(resource, prior));
        around.leaves(resource.name(), &request.prior);
        return response;
    };
    let prior = (!request.prior.is_null()).then_some(Attrs(&request.prior));
    let config = Attrs(&request.config);
    let planned = by_schema(resource, &schema.block, prior, config, proposed);
    let mut plan = Plan::new(&schema.block, prior, config, planned);
    plan.note = note;
    resource.plan(&mut plan);
    if prior.is_some() {
        let attributes = schema.block.attributes.iter().filter(|(_, a)| a.force_new).map(|(name, _)| name);
        let blocks = schema.block.blocks.iter().filter(|(_, b)| b.force_new).map(|(name, _)| name);
        let replaces = |name: &&Arc<str>| plan.changes(name) && !plan.in_place.contains(&***name);
        let changed: Vec<_> = attributes.chain(blocks).filter(replaces).cloned().collect();
        plan.replace.extend(changed);
    }
    let replaced = !plan.replace.is_empty();
    if replaced {
        // It is planned again, as a new one; who tells of the old one then hears of its protection then.
        if let (Occasion::Untold, Some(prior)) = (&request.occasion, prior)
            && let Some(problem) = protection::of_deleted(resource, prior)
        {
            plan.problems.push(problem);
        }
        around.leaves(resource.name(), &request.prior);
    } else {
        name_new(&mut plan);
        match &request.occasion {
            Occasion::InPlaceOf(old) => {
                if let Some(problem) = protection::of_deleted(resource, Attrs(old)) {
                    plan.problems.push(problem);
                }
                around.leaves(resource.name(), old);
            }
            Occasion::Untold if prior.is_none() => around.begins(resource.name(), &plan),
            Occasion::Untold | Occasion::Plan | Occasion::Apply => {}
        }
        around.check_name(resource.name(), &mut plan, &request.occasion);
        resource.check(&mut plan, around).await;
    }
    let planned = Value::from_attributes(plan.planned);
    if !replaced {
        around.planned(resource.name(), config.0, &planned);
    } else if let Some(prior) = prior {
        // The next one is planned with this, and the deletion gets it.
        response.private = resource.leaving(prior, Some(Attrs(&planned)), note).write(&request.private);
    }
    response.requires_replace = plan.replace.into_iter().map(AttrPath::attr).collect();
    response.planned = Some(planned);
    response.diagnostics = plan.problems.into_diagnostics();
    response
}

/// Makes the unknown id of a new object one that is recognised where others refer to it.
fn name_new(plan: &mut Plan<'_>) {
    let id = plan.get("id");
    if !id.is_known() {
        plan.set("id", Value::unknown_of(id.ty(), Origin::new()));
    }
}

fn by_schema(
    resource: &dyn Resource,
    block: &Block,
    prior: Option<Attrs<'_>>,
    config: Attrs<'_>,
    proposed: &Entries,
) -> Entries {
    let defaults: BTreeMap<&str, Value> = resource.defaults().into_iter().collect();
    let before = |name: &str| prior.map(|prior| prior.get(name));
    let one = |name: &Arc<str>, value: &Value| {
        let Some(attribute) = block.attributes.get(name) else { return value.clone() };
        if config.is_set(name) {
            return value.clone();
        }
        if let Some(default) = defaults.get(&**name) {
            return default.clone();
        }
        match before(name) {
            Some(before) if attribute.computed => before.clone(),
            None if attribute.computed => Value::unknown(attribute.ty.clone()),
            // Not set now, and nothing before: that is the same.
            Some(before) if is_unset(before) => before.clone(),
            _ => Value::null(attribute.ty.clone()),
        }
    };
    proposed.iter().map(|(name, value)| (name.clone(), one(name, value))).collect()
}
