//! States for people, and as JSON.

mod checks;
mod json;

use ferroform_core::addr::{ProviderConfig, ResourceInstance, ResourceMode};
use ferroform_core::schema::Schema;
use ferroform_core::{Marks, Type, Value, wire};
use ferroform_state::{DeposedKey, InstanceState, Object, State};

pub(super) use checks::checks_json;
pub(crate) use json::state_json;
pub(super) use json::{document, identity, key_json, nested};

use super::diff;
use super::schemas::Schemas;
use super::style::{Paint, Style};

/// All objects and outputs of a state.
pub(crate) fn render_state(state: &State, schemas: &Schemas<'_>, style: &Style) -> String {
    let (mut out, mut module) = (String::new(), None);
    for (addr, deposed, provider, object) in state.objects() {
        // One blank line between objects, another between modules.
        if let Some(last) = &module {
            out += if *last == addr.module { "\n" } else { "\n\n" };
        }
        let schema = schemas.get(provider, &addr.resource);
        out += &render_object(&addr, deposed.copied(), object, schema, style);
        module = Some(addr.module);
    }
    if !state.outputs.is_empty() {
        out += "\n\nOutputs:\n\n";
    }
    for (name, output) in &state.outputs {
        let value = if output.sensitive { output.value.clone().sensitive() } else { output.value.clone() };
        out += &format!("{name} = {}\n", diff::unchanged(&value, &output.ty).render_whole(style));
    }
    out
}

/// The objects of one resource instance.
pub(crate) fn render_instance(
    addr: &ResourceInstance,
    instance: &InstanceState,
    provider: &ProviderConfig,
    schemas: &Schemas<'_>,
    style: &Style,
) -> String {
    let schema = schemas.get(provider, &addr.resource);
    let current = instance.current.iter().map(|object| (None, object));
    let deposed = instance.deposed.iter().map(|(key, object)| (Some(*key), object));
    let texts = current.chain(deposed).map(|(key, object)| render_object(addr, key, object, schema, style));
    texts.collect::<Vec<_>>().join("\n")
}

fn render_object(
    addr: &ResourceInstance,
    deposed: Option<DeposedKey>,
    object: &Object,
    schema: Option<&Schema>,
    style: &Style,
) -> String {
    let remark = match deposed {
        Some(key) => format!(" (deposed object {key})"),
        None if object.is_tainted() => " (tainted)".into(),
        None => String::new(),
    };
    let value = object_value(object, schema);
    let body = diff::object(&value, &value, schema, &[]).render_whole(style);
    let resource = &addr.resource;
    let kind = if resource.mode == ResourceMode::Data { "data" } else { "resource" };
    let comment = style.paint(Paint::Bold, format!("# {addr}:{remark}"));
    format!("{comment}\n{kind} \"{}\" \"{}\" {body}\n", resource.type_name, resource.name)
}

/// The object as a value, marked where it must not be shown. When the schema is not at hand or does not fit, which
/// an older version of it may not, the value is what its JSON says; what is sensitive by schema is marked then too.
fn object_value(object: &Object, schema: Option<&Schema>) -> Value {
    let json = object.attributes.to_value();
    let by_schema = schema.and_then(|schema| wire::from_json(&json, &schema.block.implied_type()).ok());
    let value = by_schema.or_else(|| {
        let ty = wire::implied_type(&json).ok()?;
        wire::from_json(&json, &ty).ok()
    });
    let value = value.unwrap_or_else(|| Value::null(Type::Dynamic));
    value.with_marks_at_paths(&object.sensitive_paths, Marks::SENSITIVE)
}

#[cfg(test)]
mod tests;
