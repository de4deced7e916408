//! The state as JSON, in format 1.0 of Terraform's documentation ("JSON Output Format", values representation).

use std::collections::BTreeMap;

use ferroform_core::addr::{InstanceKey, ModuleInstance, ProviderConfig, ResourceInstance, ResourceMode};
use ferroform_core::schema::{Attribute, Block, Nesting, Schema};
use ferroform_core::wire::number_to_json;
use ferroform_core::{Value, ValueKind};
use ferroform_state::{DeposedKey, Object, State};
use serde_json::{Map, Value as Json, json};

use super::checks::checks_json;
use super::object_value;
use crate::views::outputs::output_json;
use crate::views::schemas::Schemas;

/// The state as JSON; that of no state when there is none. Sensitive values are in it, and their places in
/// `sensitive_values`.
pub(crate) fn state_json(state: Option<&State>, schemas: &Schemas<'_>) -> String {
    document(state, schemas).to_string() + "\n"
}

/// The same as a part of something.
pub(in crate::views) fn document(state: Option<&State>, schemas: &Schemas<'_>) -> Json {
    let mut out = Map::new();
    out.insert("format_version".into(), "1.0".into());
    if let Some(state) = state.filter(|state| !state.is_empty()) {
        out.insert("terraform_version".into(), state.terraform_version.clone().into());
        let mut values = Map::new();
        if !state.outputs.is_empty() {
            let outputs = state.outputs.iter().map(|(name, o)| (name.to_string(), output_json(o, false)));
            values.insert("outputs".into(), Json::Object(outputs.collect()));
        }
        values.insert("root_module".into(), modules(state, schemas));
        out.insert("values".into(), Json::Object(values));
        if let Some(checks) = checks_json(state.check_results.as_ref()) {
            out.insert("checks".into(), checks);
        }
    }
    Json::Object(out)
}

/// The root module with its resources and child modules.
fn modules(state: &State, schemas: &Schemas<'_>) -> Json {
    let resources = state.objects().map(|(addr, deposed, provider, object)| {
        let schema = schemas.get(provider, &addr.resource);
        let json = resource(&addr, deposed.copied(), provider, object, schema);
        (addr.module, json)
    });
    nested(resources)
}

/// The root module, given the resources of all module instances: each of these with its resources and child modules.
pub(in crate::views) fn nested(all: impl Iterator<Item = (ModuleInstance, Json)>) -> Json {
    let mut resources: BTreeMap<ModuleInstance, Vec<Json>> = BTreeMap::new();
    resources.entry(ModuleInstance::root()).or_default();
    for (module, json) in all {
        let mut on_the_way = module.clone();
        // Modules on the way appear even if they have no resources of their own.
        while let Some((parent, _)) = on_the_way.parent() {
            resources.entry(parent.clone()).or_default();
            on_the_way = parent;
        }
        resources.entry(module).or_default().push(json);
    }
    // Deepest first, so that children are complete when they are put into their parents.
    let mut order: Vec<ModuleInstance> = resources.keys().cloned().collect();
    order.sort_by(|a, b| b.0.len().cmp(&a.0.len()).then_with(|| a.cmp(b)));
    let mut children: BTreeMap<ModuleInstance, Vec<Json>> = BTreeMap::new();
    let mut root = Json::Null;
    for module in order {
        let mut out = Map::new();
        let own = resources.remove(&module).unwrap_or_default();
        if !own.is_empty() {
            out.insert("resources".into(), own.into());
        }
        if !module.is_root() {
            out.insert("address".into(), module.to_string().into());
        }
        if let Some(inner) = children.remove(&module) {
            out.insert("child_modules".into(), inner.into());
        }
        match module.parent() {
            Some((parent, _)) => children.entry(parent).or_default().push(Json::Object(out)),
            None => root = Json::Object(out),
        }
    }
    root
}

fn resource(
    addr: &ResourceInstance,
    deposed: Option<DeposedKey>,
    provider: &ProviderConfig,
    object: &Object,
    schema: Option<&Schema>,
) -> Json {
    let value = object_value(object, schema);
    let mut out = Map::new();
    out.insert("address".into(), addr.to_string().into());
    identity(addr, provider, &mut out);
    let mut put = |name: &str, json: Json| out.insert(name.to_owned(), json);
    put("schema_version", object.schema_version.into());
    put("values", plain(&value));
    let sensitive = match schema {
        Some(schema) => sensitive_block(&value, &schema.block),
        None => sensitive_without_schema(&value),
    };
    put("sensitive_values", sensitive.unwrap_or_else(|| json!({})));
    if !object.dependencies.is_empty() {
        put("depends_on", object.dependencies.iter().map(|d| Json::from(d.to_string())).collect());
    }
    if object.is_tainted() {
        put("tainted", true.into());
    }
    if let Some(key) = deposed {
        put("deposed_key", key.to_string().into());
    }
    Json::Object(out)
}

/// Adds what tells a resource instance apart inside its module, and who looks after it.
pub(in crate::views) fn identity(
    addr: &ResourceInstance,
    provider: &ProviderConfig,
    out: &mut Map<String, Json>,
) {
    let mode = if addr.resource.mode == ResourceMode::Data { "data" } else { "managed" };
    let mut put = |name: &str, json: Json| out.insert(name.to_owned(), json);
    put("mode", mode.into());
    put("type", (*addr.resource.type_name).into());
    put("name", (*addr.resource.name).into());
    if let Some(key) = &addr.key {
        put("index", key_json(key));
    }
    put("provider_name", provider.source.to_string().into());
}

/// The key of an instance: a number or a string.
pub(in crate::views) fn key_json(key: &InstanceKey) -> Json {
    match key {
        InstanceKey::Int(n) => (*n).into(),
        InstanceKey::String(key) => (**key).into(),
    }
}

/// A value as JSON, whatever its type; what is not known is null.
fn plain(value: &Value) -> Json {
    match value.kind() {
        ValueKind::Null(_) | ValueKind::Unknown(..) => Json::Null,
        ValueKind::Bool(b) => (*b).into(),
        ValueKind::Number(n) => number_to_json(n).map_or(Json::Null, Json::Number),
        ValueKind::String(text) => (**text).into(),
        ValueKind::List(_, items) | ValueKind::Set(_, items) | ValueKind::Tuple(items) => {
            items.iter().map(plain).collect()
        }
        ValueKind::Map(_, entries) | ValueKind::Object(entries) => {
            Json::Object(entries.iter().map(|(name, entry)| (name.to_string(), plain(entry))).collect())
        }
    }
}

/// Where a value is sensitive by its marks: true, or containers of the same shape; none where nothing in it can be.
fn sensitive(value: &Value) -> Option<Json> {
    if !value.marks().is_empty() {
        return Some(true.into());
    }
    match value.kind() {
        ValueKind::List(_, items) | ValueKind::Set(_, items) | ValueKind::Tuple(items) => {
            Some(items.iter().map(|item| sensitive(item).unwrap_or(Json::Bool(false))).collect())
        }
        ValueKind::Map(_, entries) | ValueKind::Object(entries) => {
            let inner =
                entries.iter().filter_map(|(name, entry)| Some((name.to_string(), sensitive(entry)?)));
            Some(Json::Object(inner.collect()))
        }
        _ => None,
    }
}

/// The same, with what the schema calls sensitive.
fn sensitive_block(value: &Value, block: &Block) -> Option<Json> {
    if !value.marks().is_empty() {
        return Some(true.into());
    }
    let attributes = value.as_map()?;
    let inner = attributes.iter().filter_map(|(name, inner)| {
        let json = match (block.attributes.get(name), block.blocks.get(name)) {
            (Some(attribute), _) => sensitive_attribute(inner, attribute),
            (_, Some(nested)) => each(inner, nested.nesting, |item| sensitive_block(item, &nested.block)),
            _ => sensitive(inner),
        };
        Some((name.to_string(), json?))
    });
    Some(Json::Object(inner.collect()))
}

fn sensitive_attribute(value: &Value, attribute: &Attribute) -> Option<Json> {
    if attribute.sensitive || !value.marks().is_empty() {
        return Some(true.into());
    }
    let Some(nested) = &attribute.nested else { return sensitive(value) };
    each(value, nested.nesting, |object| {
        let inner = object.as_map()?.iter().filter_map(|(name, inner)| {
            let json = match nested.attributes.get(name) {
                Some(attribute) => sensitive_attribute(inner, attribute),
                None => sensitive(inner),
            };
            Some((name.to_string(), json?))
        });
        Some(Json::Object(inner.collect()))
    })
}

fn each(value: &Value, nesting: Nesting, inner: impl Fn(&Value) -> Option<Json>) -> Option<Json> {
    if !value.marks().is_empty() {
        return Some(true.into());
    }
    match nesting {
        Nesting::Single | Nesting::Group => inner(value),
        Nesting::List | Nesting::Set => {
            let items = value.as_slice()?.iter();
            Some(items.map(|item| inner(item).unwrap_or(Json::Bool(false))).collect())
        }
        Nesting::Map => {
            let entries = value.as_map()?.iter();
            Some(Json::Object(entries.filter_map(|(k, v)| Some((k.to_string(), inner(v)?))).collect()))
        }
    }
}

/// Nothing tells what is sensitive, so that everything may be.
fn sensitive_without_schema(value: &Value) -> Option<Json> {
    let names = value.as_map()?.keys().filter(|name| &***name != "id");
    Some(Json::Object(names.map(|name| (name.to_string(), true.into())).collect()))
}
