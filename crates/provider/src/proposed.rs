//! The proposed object: configuration merged with the prior object, as Terraform proposes it to a provider.
//!
//! Attributes that are set in configuration take its value; attributes that are computed and not set keep the
//! prior value, or are null for a new object. Elements of nested lists and maps are matched by key, those of sets by
//! all that is not computed.

use std::sync::Arc;

use ferroform_core::schema::{Attribute, Block, NestedAttribute, NestedBlock, Nesting};
use ferroform_core::{Entries, Value, ValueKind};

/// The proposed object for `config` (an object of the block's implied type) and `prior` (the same, or null).
pub fn proposed(block: &Block, prior: &Value, config: &Value) -> Value {
    if config.is_null() || !config.is_known() {
        return config.clone();
    }
    let Some(attributes) = config.as_map() else { return config.clone() };
    let prior = (!prior.is_null() && prior.is_known()).then_some(prior);
    let get = |name: &str| prior.and_then(|p| p.get(name));
    let mut merged = attributes.clone();
    for (name, value) in &mut merged {
        if let Some(attribute) = block.attributes.get(name) {
            *value = proposed_attribute(attribute, get(name), value);
        } else if let Some(nested) = block.blocks.get(name) {
            *value = proposed_block(nested, get(name), value);
        }
    }
    Value::from_attributes(merged)
}

fn proposed_attribute(attribute: &Attribute, prior: Option<&Value>, config: &Value) -> Value {
    if attribute.computed && config.is_null() {
        return prior.cloned().unwrap_or_else(|| Value::null(attribute.ty.clone()));
    }
    match &attribute.nested {
        Some(nested) if !config.is_null() => proposed_nested_attribute(nested, prior, config),
        _ => config.clone(),
    }
}

fn proposed_nested_attribute(nested: &NestedAttribute, prior: Option<&Value>, config: &Value) -> Value {
    let block = Block { attributes: nested.attributes.clone(), ..Block::default() };
    merge_nested(nested.nesting, &block, prior, config)
}

fn proposed_block(nested: &NestedBlock, prior: Option<&Value>, config: &Value) -> Value {
    merge_nested(nested.nesting, &nested.block, prior, config)
}

fn merge_nested(nesting: Nesting, block: &Block, prior: Option<&Value>, config: &Value) -> Value {
    let none = Value::null(block.implied_type());
    match (nesting, config.kind()) {
        (Nesting::Single | Nesting::Group, _) => proposed(block, prior.unwrap_or(&none), config),
        (_, ValueKind::List(ty, items)) => {
            let merged = items.iter().enumerate().map(|(i, item)| {
                let before = prior.and_then(|p| p.as_slice()).and_then(|p| p.get(i)).unwrap_or(&none);
                proposed(block, before, item)
            });
            Value::list(ty.clone(), merged)
        }
        (_, ValueKind::Map(ty, entries)) => {
            let merged = entries.iter().map(|(key, item)| {
                (key.clone(), proposed(block, prior.and_then(|p| p.get(key)).unwrap_or(&none), item))
            });
            Value::map(ty.clone(), merged)
        }
        (_, ValueKind::Set(ty, items)) => {
            let mut candidates: Vec<Option<&Value>> =
                prior.and_then(|p| p.as_slice()).unwrap_or(&[]).iter().map(Some).collect();
            let merged: Vec<Value> = items
                .iter()
                .map(|item| {
                    let found = candidates
                        .iter_mut()
                        .find(|c| c.is_some_and(|c| matches_configuration(block, c, item)))
                        .and_then(Option::take);
                    proposed(block, found.unwrap_or(&none), item)
                })
                .collect();
            Value::set(ty.clone(), merged)
        }
        _ => config.clone(),
    }
}

/// Whether `prior` could have come of `config`: equal wherever configuration says something.
fn matches_configuration(block: &Block, prior: &Value, config: &Value) -> bool {
    let (Some(prior), Some(config)) = (prior.as_map(), config.as_map()) else { return prior == config };
    let both = |name: &Arc<str>| -> Option<(&Value, &Value)> { Some((prior.get(name)?, config.get(name)?)) };
    block.attributes.iter().all(|(name, attribute)| match both(name) {
        Some((before, now)) => (attribute.computed && now.is_null()) || before == now,
        None => false,
    }) && block.blocks.iter().all(|(name, nested)| match both(name) {
        Some((before, now)) => nested_matches(nested, before, now),
        None => false,
    })
}

fn nested_matches(nested: &NestedBlock, prior: &Value, config: &Value) -> bool {
    let pairs = |a: &[Value], b: &[Value]| {
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| matches_configuration(&nested.block, a, b))
    };
    let maps = |a: &Entries, b: &Entries| {
        a.len() == b.len()
            && a.iter().all(|(k, a)| b.get(k).is_some_and(|b| matches_configuration(&nested.block, a, b)))
    };
    match nested.nesting {
        Nesting::Single | Nesting::Group => {
            (prior.is_null() && config.is_null()) || matches_configuration(&nested.block, prior, config)
        }
        Nesting::Map => matches!((prior.as_map(), config.as_map()), (Some(a), Some(b)) if maps(a, b)),
        Nesting::List | Nesting::Set => {
            matches!((prior.as_slice(), config.as_slice()), (Some(a), Some(b)) if pairs(a, b))
        }
    }
}
