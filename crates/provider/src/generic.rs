//! Parts that most providers share: planning by schema alone, and upgrading state that only lost or gained attributes.

use ferroform_core::addr::ResourceInstance;
use ferroform_core::schema::Block;
use ferroform_core::{AttrPath, Diagnostic, Diagnostics, Type, Value};

use crate::{PlanRequest, PlanResponse, ProviderSchema, UpgradeRequest};

/// Plans by the schema's flags alone. Computed attributes without configuration are unknown in a new object and keep
/// their value otherwise; a changed `force_new` attribute asks for replacement.
///
/// Resources whose computed attributes change with others add that to the answer.
pub fn plan(block: &Block, request: &PlanRequest) -> PlanResponse {
    let mut response = PlanResponse { private: request.private.clone(), ..PlanResponse::default() };
    let Some(proposed) = request.proposed.as_map() else {
        response.planned = Some(request.proposed.clone());
        return response;
    };
    let creating = request.prior.is_null();
    let planned = Value::object(proposed.iter().map(|(name, value)| {
        let unset = request.config.get(name).is_none_or(Value::is_null);
        let computed = block.attributes.get(name).is_some_and(|a| a.computed);
        let value = if creating && computed && unset {
            Value::unknown(value_type(block, name))
        } else {
            value.clone()
        };
        (name.clone(), value)
    }));
    if !creating {
        response.requires_replace = changed_force_new(block, &request.prior, &planned);
    }
    response.planned = Some(planned);
    response
}

/// The changed attributes and blocks at the top level that are flagged `force_new`.
pub fn changed_force_new(block: &Block, prior: &Value, planned: &Value) -> Vec<AttrPath> {
    let attributes = block.attributes.iter().filter(|(_, a)| a.force_new).map(|(name, _)| name);
    let blocks = block.blocks.iter().filter(|(_, b)| b.force_new).map(|(name, _)| name);
    let changed = attributes.chain(blocks).filter(|name| prior.get(name) != planned.get(name));
    changed.map(|name| AttrPath::attr(name.clone())).collect()
}

fn value_type(block: &Block, name: &str) -> Type {
    block.attributes.get(name).map_or(Type::Dynamic, |a| a.ty.clone())
}

/// Reads attributes written by another schema version: what the current schema does not know is left out, what is
/// missing becomes null.
pub fn upgrade_state(schema: &ProviderSchema, request: &UpgradeRequest) -> (Value, Diagnostics) {
    let Some(resource) =
        schema.resources.get(&request.type_name).or_else(|| schema.data_sources.get(&request.type_name))
    else {
        return (
            Value::null_dynamic(),
            unreadable(&request.type_name, "the provider has no such resource type").into(),
        );
    };
    if request.version > resource.version {
        let why = format!(
            "it was written by a newer provider (schema version {}, known: {})",
            request.version, resource.version
        );
        return (Value::null_dynamic(), unreadable(&request.type_name, &why).into());
    }
    let ty = resource.block.implied_type();
    let fitted = fit(&request.attributes, &ty);
    match ferroform_core::wire::from_json(&fitted, &ty) {
        Ok(value) => (value, Diagnostics::new()),
        Err(error) => (Value::null(ty), unreadable(&request.type_name, &error.to_string()).into()),
    }
}

/// Leaves out of a JSON object what the type does not have, and adds null for what it has.
fn fit(json: &serde_json::Value, ty: &Type) -> serde_json::Value {
    match (json, ty) {
        (serde_json::Value::Object(map), Type::Object(object)) => object
            .attributes
            .iter()
            .map(|(name, ty)| {
                (name.to_string(), map.get(&**name).map_or(serde_json::Value::Null, |v| fit(v, ty)))
            })
            .collect(),
        (serde_json::Value::Array(items), Type::List(ty) | Type::Set(ty)) => {
            items.iter().map(|v| fit(v, ty)).collect()
        }
        (serde_json::Value::Object(map), Type::Map(ty)) => {
            map.iter().map(|(k, v)| (k.clone(), fit(v, ty))).collect()
        }
        _ => json.clone(),
    }
}

fn unreadable(type_name: &str, why: &str) -> Diagnostic {
    Diagnostic::error("Unreadable object in state")
        .detail(format!("The object of type {type_name} in the state cannot be read: {why}."))
}

/// The import id and address shown together, where a provider points at an object to import.
pub fn import_command(address: &ResourceInstance, id: &str) -> String {
    format!("ferroform import '{address}' '{id}'")
}
