//! Schemas as messages.

use std::collections::BTreeMap;

use ferroform_core::Type;
use ferroform_core::function::{Function, Parameter};
use ferroform_core::schema::{self, Nesting};
use ferroform_core::wire::type_to_json;
use ferroform_provider::ProviderSchema;

use crate::proto;

/// All schemas of a provider.
pub(crate) fn all(schema: &ProviderSchema) -> proto::GetProviderSchemaResponse {
    let all = |schemas: &BTreeMap<_, _>| {
        schemas
            .iter()
            .map(|(name, schema): (&std::sync::Arc<str>, _)| (name.to_string(), of(schema)))
            .collect()
    };
    proto::GetProviderSchemaResponse {
        provider: Some(proto::Schema { version: 0, block: Some(block(&schema.provider)) }),
        resource_schemas: all(&schema.resources),
        data_source_schemas: all(&schema.data_sources),
        diagnostics: Vec::new(),
        server_capabilities: Some(crate::service::CAPABILITIES),
        functions: functions(schema),
    }
}

/// All functions of a provider.
pub(crate) fn functions(schema: &ProviderSchema) -> BTreeMap<String, proto::Function> {
    schema.functions.iter().map(|(name, function)| (name.to_string(), self::function(function))).collect()
}

fn function(function: &Function) -> proto::Function {
    proto::Function {
        parameters: function.parameters.iter().map(parameter).collect(),
        variadic_parameter: function.variadic.as_ref().map(parameter),
        r#return: Some(proto::Return { r#type: type_bytes(&function.returns) }),
        summary: function.summary.clone(),
        description: function.description.clone(),
        description_kind: proto::StringKind::Markdown.into(),
        deprecation_message: function.deprecated.clone().unwrap_or_default(),
    }
}

fn parameter(parameter: &Parameter) -> proto::Parameter {
    proto::Parameter {
        name: parameter.name.to_string(),
        r#type: type_bytes(&parameter.ty),
        allow_null_value: parameter.nullable,
        allow_unknown_values: parameter.unknown,
        description: parameter.description.clone(),
        description_kind: proto::StringKind::Markdown.into(),
    }
}

fn type_bytes(ty: &Type) -> Vec<u8> {
    type_to_json(ty).to_string().into_bytes()
}

fn of(schema: &schema::Schema) -> proto::Schema {
    let version = signed(schema.version);
    proto::Schema { version, block: Some(proto::Block { version, ..block(&schema.block) }) }
}

/// Counts and versions are far from what an `i64` cannot hold.
fn signed(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

fn block(block: &schema::Block) -> proto::Block {
    let nested = |(name, nested): (&std::sync::Arc<str>, &schema::NestedBlock)| proto::NestedBlock {
        type_name: name.to_string(),
        block: Some(self::block(&nested.block)),
        nesting: nesting(nested.nesting).into(),
        min_items: signed(nested.min_items),
        max_items: signed(nested.max_items),
    };
    proto::Block {
        version: 0,
        attributes: block.attributes.iter().map(|(name, a)| attribute(name, a)).collect(),
        block_types: block.blocks.iter().map(nested).collect(),
        description: described(&block.description, block.deprecated.as_deref()),
        description_kind: proto::StringKind::Markdown.into(),
        deprecated: block.deprecated.is_some(),
    }
}

fn attribute(name: &str, attribute: &schema::Attribute) -> proto::Attribute {
    let nested = attribute.nested.as_ref().map(|nested| proto::Object {
        attributes: nested.attributes.iter().map(|(name, a)| self::attribute(name, a)).collect(),
        nesting: nesting(nested.nesting).into(),
    });
    // An attribute has a type of its own or one that its nested attributes imply, never both.
    let ty = match nested {
        Some(_) => Vec::new(),
        None => type_bytes(&attribute.ty),
    };
    proto::Attribute {
        name: name.to_owned(),
        r#type: ty,
        description: described(&attribute.description, attribute.deprecated.as_deref()),
        required: attribute.required,
        optional: attribute.optional,
        computed: attribute.computed,
        sensitive: attribute.sensitive,
        description_kind: proto::StringKind::Markdown.into(),
        deprecated: attribute.deprecated.is_some(),
        nested_type: nested,
        write_only: attribute.write_only,
    }
}

/// The protocol has no place for what to use instead.
fn described(description: &str, instead: Option<&str>) -> String {
    match instead {
        Some(instead) if description.is_empty() => format!("Deprecated: {instead}"),
        Some(instead) => format!("{description} Deprecated: {instead}"),
        None => description.to_owned(),
    }
}

fn nesting(nesting: Nesting) -> proto::Nesting {
    match nesting {
        Nesting::Single => proto::Nesting::Single,
        Nesting::Group => proto::Nesting::Group,
        Nesting::List => proto::Nesting::List,
        Nesting::Set => proto::Nesting::Set,
        Nesting::Map => proto::Nesting::Map,
    }
}
