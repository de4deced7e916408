//! Changes of objects whose schema is known.

use std::sync::Arc;

use ferroform_core::schema::{Attribute, Block, NestedAttribute, NestedBlock, Nesting};
use ferroform_core::{Type, Value};

use super::change::Change;
use super::{Act, Blocks, Diff, Group, Node, Note, dynamic};

/// The change of a block.
pub(super) fn block(change: &Change<'_>, block: &Block) -> Diff {
    if change.before.hidden || change.after.hidden {
        return Diff::new(hidden_block_act(change, block), change, Node::HiddenBlock);
    }
    let mut act = change.container();
    let mut attributes = Vec::new();
    for (name, attribute) in &block.attributes {
        let inner = change.attribute(name);
        let Some(diff) = attribute_diff(change, &inner, attribute) else { continue };
        act = act.and(diff.act);
        attributes.push((name.clone(), diff));
    }
    let mut groups = Vec::new();
    for (name, nested) in &block.blocks {
        let inner = change.attribute(name);
        if inner.is_nothing() {
            continue;
        }
        let (group_act, blocks) = group(&inner, nested);
        act = act.and(group_act);
        groups.push(Group { name: name.clone(), replace: inner.is_replaced(), blocks });
    }
    Diff::new(act, change, Node::Block { attributes, groups })
}

fn hidden_block_act(change: &Change<'_>, schema: &Block) -> Act {
    let act = block(&change.clone().reveal(), schema).act;
    if act == Act::NoOp && change.before.hidden != change.after.hidden { Act::Update } else { act }
}

/// The change of an object of which only the values are known. Any of them may be a secret, so that none is shown but
/// the id.
pub(super) fn without_schema(change: &Change<'_>) -> Diff {
    let attribute = |name: Arc<str>| {
        let sensitive = &*name != "id";
        (name, Attribute { sensitive, ..Attribute::optional(Type::Dynamic) })
    };
    block(change, &Block::of(change.names().into_iter().map(attribute)))
}

/// The change of an attribute; none if it is null before and after.
fn attribute_diff(object: &Change<'_>, inner: &Change<'_>, attribute: &Attribute) -> Option<Diff> {
    if inner.is_nothing() {
        return None;
    }
    let mut inner = inner.clone();
    if attribute.sensitive {
        // On the side where there is no object there is nothing to hide.
        inner.before.hidden |= object.before.value.is_some();
        inner.after.hidden |= object.after.value.is_some();
    }
    Some(match &attribute.nested {
        Some(nested) => nested_attribute(&inner, nested),
        None => typed(&inner, &attribute.ty),
    })
}

fn nested_attribute(change: &Change<'_>, nested: &NestedAttribute) -> Diff {
    let again = |change: &Change<'_>| nested_attribute(change, nested);
    if let Some(diff) = hidden(change, again).or_else(|| unknown(change, again)) {
        return diff;
    }
    let object = |change: &Change<'_>| nested_object(change, nested);
    match nested.nesting {
        Nesting::Single | Nesting::Group => object(change),
        Nesting::Map => map(change, true, object),
        Nesting::List => {
            let (act, items) = dynamic::list(change, |_| true, object);
            Diff::new(act, change, Node::List { items, nested: true })
        }
        Nesting::Set => {
            let (act, items) = dynamic::set(change, object);
            Diff::new(act, change, Node::Set { items, nested: true })
        }
    }
}

fn nested_object(change: &Change<'_>, nested: &NestedAttribute) -> Diff {
    let again = |change: &Change<'_>| nested_object(change, nested);
    if let Some(diff) = hidden(change, again).or_else(|| unknown(change, again)) {
        return diff;
    }
    let mut act = change.container();
    let mut attributes = Vec::new();
    for (name, attribute) in &nested.attributes {
        if let Some(diff) = attribute_diff(change, &change.attribute(name), attribute) {
            act = act.and(diff.act);
            attributes.push((name.clone(), diff));
        }
    }
    Diff::new(act, change, Node::Object { attributes, nested: true })
}

/// The change of a value of a type.
pub(super) fn typed(change: &Change<'_>, ty: &Type) -> Diff {
    let again = |change: &Change<'_>| typed(change, ty);
    if let Some(diff) = hidden(change, again).or_else(|| unknown(change, again)) {
        return diff;
    }
    if ![change.before.value, change.after.value].into_iter().flatten().all(|value| fits(value, ty)) {
        return dynamic::compute(change);
    }
    match ty {
        Type::Dynamic => dynamic::compute(change),
        Type::Bool | Type::Number => dynamic::scalar(change),
        Type::String => dynamic::text(&change.without_empty_text()),
        Type::Object(object) => {
            let mut act = change.container();
            let mut attributes = Vec::new();
            for (name, ty) in object.attributes.iter() {
                let inner = change.attribute(name);
                if inner.is_nothing() {
                    continue;
                }
                let diff = typed(&inner, ty);
                act = act.and(diff.act);
                attributes.push((name.clone(), diff));
            }
            Diff::new(act, change, Node::Object { attributes, nested: false })
        }
        Type::Map(element) => map(change, false, |inner| typed(inner, element)),
        Type::List(element) => {
            let objects = matches!(**element, Type::Object(_));
            let (act, items) = dynamic::list(change, |_| objects, |inner| typed(inner, element));
            Diff::new(act, change, Node::List { items, nested: false })
        }
        Type::Set(element) => {
            let (act, items) = dynamic::set(change, |inner| typed(inner, element));
            Diff::new(act, change, Node::Set { items, nested: false })
        }
        Type::Tuple(types) => {
            let mut act = change.container();
            let items = types.iter().enumerate().map(|(i, ty)| {
                let diff = typed(&change.items(Some(i), Some(i)), ty);
                act = act.and(diff.act);
                diff
            });
            let items = items.collect();
            Diff::new(act, change, Node::List { items, nested: false })
        }
    }
}

/// Whether a value is of the type's kind, so that its parts can be compared by the type's parts.
fn fits(value: &Value, ty: &Type) -> bool {
    match ty {
        Type::Dynamic => true,
        Type::Bool => value.as_bool().is_some(),
        Type::Number => value.as_number().is_some(),
        Type::String => value.as_str().is_some(),
        Type::List(_) | Type::Set(_) | Type::Tuple(_) => value.as_slice().is_some(),
        Type::Map(_) | Type::Object(_) => value.as_map().is_some(),
    }
}

fn map(change: &Change<'_>, nested: bool, compute: impl Fn(&Change<'_>) -> Diff) -> Diff {
    let mut act = change.container();
    let mut entries = Vec::new();
    for name in change.names() {
        let diff = compute(&change.entry(&name));
        act = act.and(diff.act);
        entries.push((name, diff));
    }
    Diff::new(act, change, Node::Map { entries, nested })
}

/// The changes of the nested blocks of one type.
fn group(change: &Change<'_>, nested: &NestedBlock) -> (Act, Blocks) {
    if change.is_unknown() {
        let unknown = |act| Diff { act, replace: false, node: Node::Unknown(None) };
        if change.before.value.is_none() {
            return (Act::Create, vec![(None, unknown(Act::Create))]);
        }
        let (_, gone) = group(&change.only_before(), nested);
        let blocks = [(None, unknown(Act::Update))].into_iter().chain(gone).collect();
        return (Act::Update, blocks);
    }
    // What is hidden as a whole hides every one of its blocks.
    let hide = (change.before.hidden, change.after.hidden);
    let compute = |inner: &Change<'_>| {
        let mut inner = inner.clone();
        inner.before.hidden |= hide.0 && inner.before.given;
        inner.after.hidden |= hide.1 && inner.after.given;
        block(&inner, &nested.block)
    };
    let unlabelled =
        |(act, diffs): (Act, Vec<Diff>)| (act, diffs.into_iter().map(|diff| (None, diff)).collect());
    match nested.nesting {
        Nesting::Single | Nesting::Group => {
            let diff = compute(change);
            (diff.act, vec![(None, diff)])
        }
        Nesting::List => unlabelled(dynamic::list(change, |_| true, compute)),
        Nesting::Set => unlabelled(dynamic::set(change, compute)),
        Nesting::Map => {
            let mut act = change.container();
            let blocks = change.names().into_iter().map(|name| {
                let diff = compute(&change.entry(&name));
                act = act.and(diff.act);
                (Some(name), diff)
            });
            let blocks = blocks.collect();
            (act, blocks)
        }
    }
}

/// The change of a value that must not be shown before or after; none if it may.
pub(super) fn hidden(change: &Change<'_>, compute: impl Fn(&Change<'_>) -> Diff) -> Option<Diff> {
    let (before, after) = (change.before.hidden, change.after.hidden);
    if !before && !after {
        return None;
    }
    let inner = compute(&change.clone().reveal()).act;
    let nothing = change.is_nothing() && !change.before.given && !change.after.given;
    let act = if inner == Act::NoOp && before != after && !nothing { Act::Update } else { inner };
    let note = match (act, before, after) {
        (Act::Create | Act::Delete, ..) => None,
        (_, false, true) => Some(Note::WillHide),
        (_, true, false) => Some(Note::WillShow),
        _ => None,
    };
    Some(Diff::new(act, change, Node::Hidden { note, same: inner == Act::NoOp }))
}

/// The change of a value that is known only later; none if it is known.
pub(super) fn unknown(change: &Change<'_>, compute: impl Fn(&Change<'_>) -> Diff) -> Option<Diff> {
    if !change.is_unknown() {
        return None;
    }
    Some(if change.before.value.is_none() {
        Diff::new(Act::Create, change, Node::Unknown(None))
    } else {
        let before = compute(&change.only_before());
        Diff::new(Act::Update, change, Node::Unknown(Some(Box::new(before))))
    })
}
