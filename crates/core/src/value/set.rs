//! Sets: which elements are the same, and the order they are kept in.

use std::cmp::Ordering;

use super::{Marks, Value, ValueKind};
use crate::number::Notation;
use crate::types::Type;

impl Value {
    /// A set of elements of a type: the same element counts once, marks of the elements are lifted to the set.
    ///
    /// Elements are kept in the order in which Terraform iterates over them: strings by their bytes, numbers by size,
    /// false before true, others by a text that cty makes of them; then unknown elements, then null. An element that
    /// is or holds something unknown may turn out the same as another, but is kept until then.
    pub fn set(element: Type, items: impl IntoIterator<Item = Value>) -> Value {
        let mut marks = Marks::NONE;
        let items: Vec<Value> = items
            .into_iter()
            .map(|item| {
                let own = item.marks_deep();
                marks = marks.union(own);
                if own.is_empty() { item } else { item.without_marks_deep() }
            })
            .collect();
        let items = if element.is_primitive() { of_primitives(items) } else { of_others(items) };
        Value::from(ValueKind::Set(element, items.into())).with_marks(marks)
    }
}

/// Known values first, then unknown ones, then null.
fn rank(value: &Value) -> u8 {
    match value.kind() {
        ValueKind::Null(_) => 2,
        ValueKind::Unknown(..) => 1,
        _ => 0,
    }
}

fn of_primitives(mut items: Vec<Value>) -> Vec<Value> {
    items.sort_by(|a, b| match (a.kind(), b.kind()) {
        (ValueKind::String(a), ValueKind::String(b)) => a.cmp(b),
        (ValueKind::Number(a), ValueKind::Number(b)) => a.cmp(b),
        (ValueKind::Bool(a), ValueKind::Bool(b)) => a.cmp(b),
        _ => rank(a).cmp(&rank(b)),
    });
    items.dedup_by(|a, b| match (a.kind(), b.kind()) {
        (ValueKind::Unknown(..), _) => false,
        // Terraform tells `-0` from `0` here and nowhere else.
        (ValueKind::Number(a), ValueKind::Number(b)) => {
            a == b && a.is_sign_negative() == b.is_sign_negative()
        }
        _ => a == b,
    });
    items
}

fn of_others(items: Vec<Value>) -> Vec<Value> {
    let mut keyed: Vec<(u8, Vec<u8>, Value)> = items
        .into_iter()
        .map(|item| {
            let mut key = Vec::new();
            append_key(&item, &mut key);
            (rank(&item), key, item)
        })
        .collect();
    keyed.sort_by(|a, b| match a.0.cmp(&b.0) {
        Ordering::Equal => a.1.cmp(&b.1),
        by_rank => by_rank,
    });
    let mut kept: Vec<(Vec<u8>, Value)> = Vec::with_capacity(keyed.len());
    for (_, key, item) in keyed {
        let known = item.is_wholly_known();
        let mut same_key = kept.iter().rev().take_while(|(k, _)| *k == key);
        if !(known && same_key.any(|(_, other)| *other == item)) {
            kept.push((key, item));
        }
    }
    kept.into_iter().map(|(_, item)| item).collect()
}

/// The text by which cty orders elements (and tells nearly all of them apart).
fn append_key(value: &Value, out: &mut Vec<u8>) {
    match value.kind() {
        ValueKind::Unknown(..) => out.push(b'?'),
        ValueKind::Null(_) => out.push(b'~'),
        ValueKind::Bool(true) => out.push(b'T'),
        ValueKind::Bool(false) => out.push(b'F'),
        ValueKind::Number(n) => out.extend(n.text(Notation::Shorter, Some(10)).into_bytes()),
        ValueKind::String(s) => append_quoted(s, out),
        ValueKind::List(_, items) | ValueKind::Set(_, items) => append_all(b'[', items.iter(), b']', out),
        ValueKind::Tuple(items) => append_all(b'<', items.iter(), b'>', out),
        ValueKind::Object(attributes) => append_all(b'<', attributes.values(), b'>', out),
        ValueKind::Map(_, entries) => {
            out.push(b'{');
            for (key, element) in entries.iter() {
                append_quoted(key, out);
                out.push(b':');
                append_key(element, out);
                out.push(b';');
            }
            out.push(b'}');
        }
    }
}

fn append_all<'a>(open: u8, items: impl Iterator<Item = &'a Value>, close: u8, out: &mut Vec<u8>) {
    out.push(open);
    for item in items {
        append_key(item, out);
        out.push(b';');
    }
    out.push(close);
}

/// A string quoted as Go's `%q` does.
fn append_quoted(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for c in text.chars() {
        let escape = match c {
            '"' => "\\\"",
            '\\' => "\\\\",
            '\x07' => "\\a",
            '\x08' => "\\b",
            '\x0c' => "\\f",
            '\n' => "\\n",
            '\r' => "\\r",
            '\t' => "\\t",
            '\x0b' => "\\v",
            c if c < ' ' || c == '\x7f' => {
                out.extend(format!("\\x{:02x}", u32::from(c)).into_bytes());
                continue;
            }
            c if is_invisible(c) => {
                let code = u32::from(c);
                let escaped = if code > 0xffff { format!("\\U{code:08x}") } else { format!("\\u{code:04x}") };
                out.extend(escaped.into_bytes());
                continue;
            }
            c => {
                out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                continue;
            }
        };
        out.extend_from_slice(escape.as_bytes());
    }
    out.push(b'"');
}

/// Characters beyond ASCII that Go does not count as printable: controls, spaces, format and private-use characters.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{80}'..='\u{a0}' | '\u{ad}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{1680}'
        | '\u{180e}' | '\u{2000}'..='\u{200f}' | '\u{2028}'..='\u{202f}' | '\u{205f}'..='\u{206f}' | '\u{3000}'
        | '\u{e000}'..='\u{f8ff}' | '\u{feff}' | '\u{fff0}'..='\u{fffb}' | '\u{fffe}'..='\u{ffff}'
        | '\u{e0000}'..='\u{e0fff}' | '\u{f0000}'..='\u{10ffff}')
}
