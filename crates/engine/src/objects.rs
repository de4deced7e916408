//! Objects between their three forms: JSON in the state, values in the language, values for providers.

use std::sync::Arc;

use ferroform_core::schema::{Attribute, Block, NestedBlock, Nesting, Schema};
use ferroform_core::{AttrPath, Diagnostic, Diagnostics, Marks, Value, ValueKind, wire};
use ferroform_provider::{Provider, UpgradeRequest};
use ferroform_state::{Object, ObjectStatus};

/// Reads an object of the state as a value without marks, bringing it to the current schema version first.
pub(crate) async fn decode(
    object: &Object,
    type_name: &Arc<str>,
    schema: &Schema,
    provider: &dyn Provider,
) -> (Value, Diagnostics) {
    let ty = schema.block.implied_type();
    let attributes = object.attributes.to_value();
    if object.schema_version == schema.version
        && let Ok(value) = wire::from_json(&attributes, &ty)
    {
        return (value, Diagnostics::new());
    }
    let request = UpgradeRequest { type_name: type_name.clone(), version: object.schema_version, attributes };
    provider.upgrade_state(request).await
}

/// Reads an object for use in expressions without asking its provider; unknown attributes of old versions are null.
pub(crate) fn decode_loosely(object: &Object, schema: Option<&Schema>) -> Value {
    let attributes = object.attributes.to_value();
    let by_schema = schema.and_then(|s| wire::from_json(&attributes, &s.block.implied_type()).ok());
    let implied = || wire::implied_type(&attributes).and_then(|ty| wire::from_json(&attributes, &ty)).ok();
    by_schema.or_else(implied).unwrap_or_else(Value::null_dynamic)
}

/// Makes an object for the state of a provider's value. It names what is sensitive as Terraform does: the paths that
/// configuration made so, `sensitive_paths`, and those that the schema does.
pub(crate) fn encode(
    value: &Value,
    schema: &Schema,
    sensitive_paths: Vec<AttrPath>,
    status: ObjectStatus,
    private: Vec<u8>,
) -> Result<Object, Diagnostic> {
    let value = without_write_only(&schema.block, value);
    let json = wire::to_json(&value, &schema.block.implied_type()).map_err(|error| {
        Diagnostic::error("Object cannot be kept in the state")
            .detail(format!("The provider returned an object that does not fit its schema: {error}."))
    })?;
    let sensitive_paths = mark(&schema.block, value, &sensitive_paths).sensitive_paths();
    Ok(Object { status, private, sensitive_paths, ..Object::new(schema.version, &json) })
}

fn without_write_only(block: &Block, value: &Value) -> Value {
    if !block.attributes.values().any(|a| a.write_only) {
        return value.clone();
    }
    let Some(attributes) = value.as_map() else { return value.clone() };
    Value::object(attributes.iter().map(|(name, value)| {
        let hidden = block.attributes.get(name).is_some_and(|a| a.write_only);
        (name.clone(), if hidden { Value::null(value.ty()) } else { value.clone() })
    }))
}

/// Whether any attribute of the block is sensitive by schema.
pub(crate) fn has_sensitive(block: &Block) -> bool {
    block.attributes.values().any(attribute_has_sensitive)
        || block.blocks.values().any(|b| has_sensitive(&b.block))
}

fn attribute_has_sensitive(attribute: &Attribute) -> bool {
    attribute.sensitive
        || attribute.nested.as_ref().is_some_and(|n| n.attributes.values().any(attribute_has_sensitive))
}

/// Marks what the schema calls sensitive, at any depth.
pub(crate) fn mark_by_schema(block: &Block, value: Value) -> Value {
    if !has_sensitive(block) {
        return value;
    }
    let marks = value.marks();
    let Some(attributes) = value.as_map() else { return value };
    let marked = attributes.iter().map(|(name, value)| {
        let value = if let Some(attribute) = block.attributes.get(name) {
            mark_attribute(attribute, value.clone())
        } else if let Some(nested) = block.blocks.get(name) {
            mark_block(nested, value.clone())
        } else {
            value.clone()
        };
        (name.clone(), value)
    });
    Value::object(marked).with_marks(marks)
}

fn mark_attribute(attribute: &Attribute, value: Value) -> Value {
    if attribute.sensitive {
        return value.sensitive();
    }
    match &attribute.nested {
        Some(nested) if attribute_has_sensitive(attribute) => {
            let block = Block { attributes: nested.attributes.clone(), ..Block::default() };
            each_object(nested.nesting, value, &|v| mark_by_schema(&block, v))
        }
        _ => value,
    }
}

fn mark_block(nested: &NestedBlock, value: Value) -> Value {
    if !has_sensitive(&nested.block) {
        return value;
    }
    each_object(nested.nesting, value, &|v| mark_by_schema(&nested.block, v))
}

fn each_object(nesting: Nesting, value: Value, f: &dyn Fn(Value) -> Value) -> Value {
    let marks = value.marks();
    let mapped = match (nesting, value.kind()) {
        (Nesting::Single | Nesting::Group, _) => return f(value),
        (_, ValueKind::List(ty, items)) => Value::list(ty.clone(), items.iter().cloned().map(f)),
        (_, ValueKind::Set(ty, items)) => Value::set(ty.clone(), items.iter().cloned().map(f)),
        (_, ValueKind::Tuple(items)) => Value::tuple(items.iter().cloned().map(f)),
        (_, ValueKind::Map(ty, entries)) => {
            Value::map(ty.clone(), entries.iter().map(|(k, v)| (k.clone(), f(v.clone()))))
        }
        (_, ValueKind::Object(entries)) => {
            Value::object(entries.iter().map(|(k, v)| (k.clone(), f(v.clone()))))
        }
        _ => return value,
    };
    mapped.with_marks(marks)
}

/// The value with what the schema and `paths` call sensitive marked.
pub(crate) fn mark(block: &Block, value: Value, paths: &[AttrPath]) -> Value {
    let value = mark_by_schema(block, value);
    if paths.is_empty() { value } else { value.with_marks_at_paths(paths, Marks::SENSITIVE) }
}

/// The `id` attribute as text, if there is one and it is known and not secret.
pub(crate) fn id_of(value: &Value) -> Option<String> {
    let id = value.get("id")?;
    if id.is_sensitive() {
        return None;
    }
    id.as_str().map(str::to_owned).or_else(|| id.as_number().map(ToString::to_string))
}
