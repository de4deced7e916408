//! Two values side by side.

use std::sync::Arc;

use ferroform_core::{Step, Value, ValueKind};

use super::Act;

/// A value before or after.
#[derive(Debug, Clone, Copy)]
pub(super) struct Side<'a> {
    /// The value; none for null and for what is not there.
    pub(super) value: Option<&'a Value>,
    /// It is an element of a collection, where null is a value like any other.
    pub(super) given: bool,
    /// It must not be shown.
    pub(super) hidden: bool,
}

impl<'a> Side<'a> {
    pub(super) const NOTHING: Side<'static> = Side { value: None, given: false, hidden: false };

    /// A value that may be null, which counts as not being there.
    fn of(value: &'a Value) -> Self {
        let present = (!value.is_null()).then_some(value);
        Side { value: present, given: false, hidden: !value.marks().is_empty() }
    }

    /// An element of a collection, where null is a value like any other.
    fn element(value: Option<&'a Value>) -> Self {
        value.map_or(Self::NOTHING, |value| Side { given: true, ..Self::of(value) })
    }

    /// The value, if it is a known one.
    pub(super) fn known(&self) -> Option<&'a Value> {
        self.value.filter(|value| value.is_known())
    }
}

/// A value before and after, with the places in it that ask for a new object.
#[derive(Debug, Clone)]
pub(super) struct Change<'a> {
    pub(super) before: Side<'a>,
    pub(super) after: Side<'a>,
    replace: Vec<&'a [Step]>,
}

impl<'a> Change<'a> {
    pub(super) fn new(before: &'a Value, after: &'a Value, replace: Vec<&'a [Step]>) -> Self {
        Change { before: Side::of(before), after: Side::of(after), replace }
    }

    /// Whether the value itself asks for a new object.
    pub(super) fn is_replaced(&self) -> bool {
        self.replace.iter().any(|path| path.is_empty())
    }

    pub(super) fn is_unknown(&self) -> bool {
        self.after.value.is_some_and(|value| !value.is_known())
    }

    pub(super) fn is_nothing(&self) -> bool {
        self.before.value.is_none() && self.after.value.is_none()
    }

    /// An attribute of both objects; null counts as not being there.
    pub(super) fn attribute(&self, name: &str) -> Change<'a> {
        let side = |side: &Side<'a>| side.known().and_then(|v| v.get(name)).map_or(Side::NOTHING, Side::of);
        let at = |step: &Step| match step {
            Step::Attr(n) => **n == *name,
            Step::Index(key) => key.as_str() == Some(name),
        };
        self.inner(side(&self.before), side(&self.after), at)
    }

    /// An entry of both maps.
    pub(super) fn entry(&self, name: &str) -> Change<'a> {
        let side = |side: &Side<'a>| Side::element(side.known().and_then(|v| v.get(name)));
        let at = |step: &Step| match step {
            Step::Attr(n) => **n == *name,
            Step::Index(key) => key.as_str() == Some(name),
        };
        self.inner(side(&self.before), side(&self.after), at)
    }

    /// An element of both sequences, or of one of them.
    pub(super) fn items(&self, before: Option<usize>, after: Option<usize>) -> Change<'a> {
        let side = |side: &Side<'a>, index: Option<usize>| {
            Side::element(side.known().and_then(Value::as_slice).and_then(|items| items.get(index?)))
        };
        let (left, right) = (side(&self.before, before), side(&self.after, after));
        let at = |step: &Step| match step {
            Step::Attr(_) => false,
            Step::Index(key) => match key.as_number() {
                Some(n) => n.to_usize() == after.or(before),
                // Elements of sets are named by themselves.
                None => [left.value, right.value].into_iter().flatten().any(|value| value == key),
            },
        };
        self.inner(left, right, at)
    }

    fn inner(&self, before: Side<'a>, after: Side<'a>, at: impl Fn(&Step) -> bool) -> Change<'a> {
        let step =
            |path: &&'a [Step]| path.split_first().filter(|(first, _)| at(first)).map(|(_, rest)| rest);
        Change { before, after, replace: self.replace.iter().filter_map(step).collect() }
    }

    /// The same change without what comes after.
    pub(super) fn only_before(&self) -> Change<'a> {
        Change { before: self.before, after: Side::NOTHING, replace: Vec::new() }
    }

    /// The same change without what was before.
    pub(super) fn only_after(&self) -> Change<'a> {
        Change { before: Side::NOTHING, after: self.after, replace: Vec::new() }
    }

    /// The same change with nothing hidden.
    pub(super) fn reveal(mut self) -> Change<'a> {
        self.before.hidden = false;
        self.after.hidden = false;
        self
    }

    /// The same change with empty texts counting as null: old provider libraries know no null.
    pub(super) fn without_empty_text(&self) -> Change<'a> {
        let mut change = self.clone();
        for side in [&mut change.before, &mut change.after] {
            side.value = side.value.filter(|value| value.as_str() != Some(""));
        }
        change
    }

    /// Names of attributes or entries on either side, in order and each once.
    pub(super) fn names(&self) -> Vec<Arc<str>> {
        let side = |side: &Side<'a>| side.known().and_then(Value::as_map);
        let mut names: Vec<_> = [side(&self.before), side(&self.after)]
            .into_iter()
            .flatten()
            .flat_map(|m| m.keys().cloned())
            .collect();
        names.sort();
        names.dedup();
        names
    }

    /// What happens to a container, apart from its content.
    pub(super) fn container(&self) -> Act {
        match (self.before.value, self.after.value) {
            (None, Some(_)) => Act::Create,
            (Some(_), None) => Act::Delete,
            (None, None) | (Some(_), Some(_)) => Act::NoOp,
        }
    }

    /// What happens to a value without parts.
    pub(super) fn leaf(&self) -> Act {
        let (before, after) = (&self.before, &self.after);
        match (before.given || before.value.is_some(), after.given || after.value.is_some()) {
            (false, false) => Act::NoOp,
            (false, true) => Act::Create,
            (true, false) => Act::Delete,
            (true, true) if same(before.value, after.value) => Act::NoOp,
            (true, true) => Act::Update,
        }
    }
}

fn same(a: Option<&Value>, b: Option<&Value>) -> bool {
    match (a, b) {
        (None, None) => true,
        (Some(a), Some(b)) => key(a) == key(b),
        _ => false,
    }
}

/// A text that two values share exactly if they look alike: marks do not count, nor whether a sequence is a list, a set
/// or a tuple.
pub(super) fn key(value: &Value) -> String {
    let mut out = String::new();
    write_key(value, &mut out);
    out
}

fn write_key(value: &Value, out: &mut String) {
    match value.kind() {
        ValueKind::Null(_) => out.push('n'),
        ValueKind::Unknown(..) => out.push('?'),
        ValueKind::Bool(b) => out.push(if *b { 't' } else { 'f' }),
        ValueKind::Number(n) => out.push_str(&format!("#{n};")),
        ValueKind::String(text) => out.push_str(&format!("{}:{text}", text.len())),
        ValueKind::List(_, items) | ValueKind::Set(_, items) | ValueKind::Tuple(items) => {
            out.push('[');
            items.iter().for_each(|item| write_key(item, out));
            out.push(']');
        }
        ValueKind::Map(_, entries) | ValueKind::Object(entries) => {
            out.push('{');
            for (name, entry) in entries.iter() {
                out.push_str(&format!("{}:{name}", name.len()));
                write_key(entry, out);
            }
            out.push('}');
        }
    }
}
