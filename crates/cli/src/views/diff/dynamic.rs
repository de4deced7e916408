//! Changes of values whose type no schema tells: outputs, attributes of any type, content of JSON texts.

use ferroform_core::{Value, ValueKind};

use super::change::{Change, key};
use super::schema::{hidden, unknown};
use super::sequence::{self, Pair};
use super::{Act, Diff, Node};

/// The kinds of values that JSON tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Null,
    Bool,
    Number,
    Text,
    Array,
    Object,
}

fn kind(value: Option<&Value>) -> Kind {
    match value.map(Value::kind) {
        None | Some(ValueKind::Null(_) | ValueKind::Unknown(..)) => Kind::Null,
        Some(ValueKind::Bool(_)) => Kind::Bool,
        Some(ValueKind::Number(_)) => Kind::Number,
        Some(ValueKind::String(_)) => Kind::Text,
        Some(ValueKind::List(..) | ValueKind::Set(..) | ValueKind::Tuple(_)) => Kind::Array,
        Some(ValueKind::Map(..) | ValueKind::Object(_)) => Kind::Object,
    }
}

/// The change of a value of any kind.
pub(super) fn compute(change: &Change<'_>) -> Diff {
    if let Some(diff) = hidden(change, compute).or_else(|| unknown(change, compute)) {
        return diff;
    }
    let (before, after) = (kind(change.before.value), kind(change.after.value));
    let one_sided =
        (after == Kind::Null && !change.after.given) || (before == Kind::Null && !change.before.given);
    if before == after || one_sided {
        return alike(change, if before == Kind::Null { after } else { before });
    }
    let old = alike(&change.only_before(), before);
    let new = alike(&change.only_after(), after);
    Diff::new(Act::Update, change, Node::KindChange(Box::new(old), Box::new(new)))
}

fn alike(change: &Change<'_>, kind: Kind) -> Diff {
    match kind {
        Kind::Null | Kind::Bool | Kind::Number => scalar(change),
        Kind::Text => text(change),
        Kind::Array => array(change),
        Kind::Object => object(change),
    }
}

pub(super) fn scalar(change: &Change<'_>) -> Diff {
    let node = Node::Scalar { before: change.before.value.cloned(), after: change.after.value.cloned() };
    Diff::new(change.leaf(), change, node)
}

pub(super) fn text(change: &Change<'_>) -> Diff {
    let side = |value: Option<&Value>| match value.map(Value::kind) {
        Some(ValueKind::String(text)) => Some(text.clone()),
        _ => None,
    };
    let node = Node::Text { before: side(change.before.value), after: side(change.after.value) };
    Diff::new(change.leaf(), change, node)
}

fn array(change: &Change<'_>) -> Diff {
    let (act, items) = list(change, |value| kind(Some(value)) == Kind::Object, compute);
    Diff::new(act, change, Node::List { items, nested: false })
}

fn object(change: &Change<'_>) -> Diff {
    let mut act = change.container();
    let mut attributes = Vec::new();
    for name in change.names() {
        let diff = compute(&change.entry(&name));
        act = act.and(diff.act);
        attributes.push((name, diff));
    }
    Diff::new(act, change, Node::Object { attributes, nested: false })
}

/// The changes of a list's elements, those in the same place being paired if both are `pairable`.
pub(super) fn list(
    change: &Change<'_>,
    pairable: impl Fn(&Value) -> bool,
    compute: impl Fn(&Change<'_>) -> Diff,
) -> (Act, Vec<Diff>) {
    let (before, after) = (slice(change.before.value), slice(change.after.value));
    let keys = |items: &[Value]| items.iter().map(key).collect::<Vec<_>>();
    let pairable = |i: usize, j: usize| pairable(&before[i]) && pairable(&after[j]);
    let pairs = sequence::list(&keys(before), &keys(after), pairable);
    items(change, &pairs, compute)
}

/// The changes of a set's elements.
pub(super) fn set(change: &Change<'_>, compute: impl Fn(&Change<'_>) -> Diff) -> (Act, Vec<Diff>) {
    let keys = |value| slice(value).iter().map(key).collect::<Vec<_>>();
    let pairs = sequence::set(&keys(change.before.value), &keys(change.after.value));
    items(change, &pairs, compute)
}

fn items(change: &Change<'_>, pairs: &[Pair], compute: impl Fn(&Change<'_>) -> Diff) -> (Act, Vec<Diff>) {
    let mut act = change.container();
    let items = pairs.iter().map(|pair| {
        let item = match *pair {
            Pair::Both(i, j) => change.items(Some(i), Some(j)),
            Pair::Before(i) => change.items(Some(i), None),
            Pair::After(j) => change.items(None, Some(j)),
        };
        let diff = compute(&item);
        act = act.and(diff.act);
        diff
    });
    let items = items.collect();
    (act, items)
}

fn slice(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_slice).unwrap_or_default()
}
