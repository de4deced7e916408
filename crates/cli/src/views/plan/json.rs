//! A plan as JSON, in format 1.2 of Terraform's documentation ("JSON Output Format", plan representation). The configuration and
//! the attributes that a change follows from are not in it.

use ferroform_core::{Value, wire};
use ferroform_plan::json::{action_reason, change, known, output_change, sensitive};
use ferroform_plan::{Action, OutputChange, Plan, ResourceChange};
use ferroform_state::TERRAFORM_VERSION;
use serde_json::{Map, Value as Json, json};

use crate::views::schemas::Schemas;
use crate::views::state::{checks_json, document, identity, nested};

/// The plan as JSON. Sensitive values are in it, and their places beside them.
pub(crate) fn plan_json(plan: &Plan, schemas: &Schemas<'_>) -> String {
    let mut out = Map::new();
    let mut put = |name: &str, json: Json| out.insert(name.to_owned(), json);
    put("format_version", "1.2".into());
    put("terraform_version", TERRAFORM_VERSION.into());
    let variables = plan.variables.iter().filter(|(name, _)| !plan.ephemeral.contains(*name));
    let variables: Map<String, Json> = variables
        .map(|(name, value)| (name.to_string(), json!({ "value": known(value).unwrap_or_default() })))
        .collect();
    if !variables.is_empty() {
        put("variables", variables.into());
    }
    put("planned_values", planned_values(plan, schemas));
    let changes = |changes: &[ResourceChange]| -> Json {
        let mut changes: Vec<&ResourceChange> = changes.iter().collect();
        // Terraform has the modules by their depth.
        changes.sort_by_key(|c| c.addr.module.0.len());
        changes.into_iter().map(|change| resource_change(change, plan)).collect()
    };
    if !plan.drift.is_empty() {
        put("resource_drift", changes(&plan.drift));
    }
    if !plan.changes.is_empty() {
        put("resource_changes", changes(&plan.changes));
    }
    if !plan.outputs.is_empty() {
        let outputs = plan.outputs.iter().map(|o| (o.name.to_string(), output_change(o).into()));
        put("output_changes", Json::Object(outputs.collect()));
    }
    if !plan.prior.is_empty() {
        let mut prior = document(Some(&plan.prior), schemas);
        // Their results are those of the plan, below.
        prior.as_object_mut().and_then(|prior| prior.remove("checks"));
        put("prior_state", prior);
    }
    if let Some(checks) = checks_json(plan.prior.check_results.as_ref()) {
        put("checks", checks);
    }
    put("timestamp", plan.timestamp.clone().into());
    put("applyable", plan.is_applicable().into());
    put("complete", plan.targets.is_empty().into());
    put("errored", false.into());
    Json::Object(out).to_string() + "\n"
}

/// The objects and outputs that there will be, as far as they are known.
fn planned_values(plan: &Plan, schemas: &Schemas<'_>) -> Json {
    let mut out = Map::new();
    let outputs: Map<String, Json> =
        plan.outputs.iter().filter(|o| o.action != Action::Delete).map(planned_output).collect();
    if !outputs.is_empty() {
        out.insert("outputs".into(), outputs.into());
    }
    let stays = |c: &&ResourceChange| {
        c.deposed.is_none() && !c.after.is_null() && !matches!(c.action, Action::Delete | Action::Forget)
    };
    let resources = plan.changes.iter().filter(stays).map(|change| {
        let mut out = Map::new();
        out.insert("address".into(), change.addr.to_string().into());
        identity(&change.addr, &change.provider, &mut out);
        let schema = schemas.get(&change.provider, &change.addr.resource);
        out.insert("schema_version".into(), schema.map_or(0, |schema| schema.version).into());
        out.insert("values".into(), known(&change.after).unwrap_or_default());
        out.insert("sensitive_values".into(), sensitive(&change.after));
        (change.addr.module.clone(), Json::Object(out))
    });
    out.insert("root_module".into(), nested(resources));
    Json::Object(out)
}

fn planned_output(output: &OutputChange) -> (String, Json) {
    let mut out = Map::new();
    let is_sensitive = output.before.is_sensitive() || output.after.is_sensitive();
    out.insert("sensitive".into(), is_sensitive.into());
    let value: &Value = &output.after;
    if value.is_wholly_known() {
        out.insert("type".into(), wire::type_to_json(&value.ty()));
        out.insert("value".into(), known(value).unwrap_or_default());
    }
    (output.name.to_string(), Json::Object(out))
}

fn resource_change(planned: &ResourceChange, plan: &Plan) -> Json {
    let addr = &planned.addr;
    let mut out = Map::new();
    out.insert("address".into(), addr.to_string().into());
    if let Some(from) = plan.moved_from(addr) {
        out.insert("previous_address".into(), from.to_string().into());
    }
    if !addr.module.is_root() {
        out.insert("module_address".into(), addr.module.to_string().into());
    }
    identity(addr, &planned.provider, &mut out);
    if let Some(key) = planned.deposed {
        out.insert("deposed".into(), key.to_string().into());
    }
    let mut change = change(planned);
    if let Some(id) = plan.imports.get(addr) {
        change.insert("importing".into(), json!({ "id": &**id }));
    }
    out.insert("change".into(), change.into());
    if let Some(reason) = planned.reason.and_then(action_reason) {
        out.insert("action_reason".into(), reason.into());
    }
    Json::Object(out)
}
