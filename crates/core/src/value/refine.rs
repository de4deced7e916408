//! What is known of values that are not known: refinements, and the one value that they may leave.

use std::sync::Arc;

use unicode_segmentation::UnicodeSegmentation;

use super::{Refinements, Value, ValueKind};
use crate::types::Type;

/// A longer known prefix of an unknown string is cut to this many bytes, as Terraform does.
const MAX_PREFIX: usize = 128;
/// An unknown list is resolved to a list of unknown elements only up to this length.
const MAX_RESOLVED_LENGTH: u64 = 1 << 16;

impl Refinements {
    /// Nothing known but that the value is not null.
    pub fn not_null() -> Self {
        Refinements { not_null: true, ..Self::default() }
    }

    /// The same with the prefix of a string: what of `known` must be in front whatever follows. The last character is
    /// left out unless it is one that nothing can combine with.
    #[must_use]
    pub fn with_string_prefix(mut self, known: &str) -> Self {
        let mut end = known.len().min(MAX_PREFIX);
        while !known.is_char_boundary(end) {
            end -= 1;
        }
        let known = &known[..end];
        let prefix = match known.grapheme_indices(true).next_back() {
            Some((at, last)) if !ends_cluster(last) => &known[..at],
            _ => known,
        };
        self.string_prefix = prefix.into();
        self
    }
}

/// Whether nothing that may follow the character can become one with it; the list is cty's.
fn ends_cluster(cluster: &str) -> bool {
    let mut chars = cluster.chars();
    matches!(
        (chars.next(), chars.next()),
        (
            Some(
                '-' | '_'
                    | ':'
                    | ';'
                    | '/'
                    | '\\'
                    | ','
                    | '.'
                    | '('
                    | ')'
                    | '{'
                    | '}'
                    | '['
                    | ']'
                    | '|'
                    | '?'
                    | '!'
                    | '~'
                    | ' '
                    | '\t'
                    | '@'
                    | '#'
                    | '$'
                    | '%'
                    | '^'
                    | '&'
                    | '*'
                    | '+'
                    | '"'
                    | '\''
            ),
            None
        )
    )
}

impl Value {
    /// The unknown value of a type of which that much is known; the value itself where only one is left: an empty
    /// collection, a list of unknown elements, a number between equal bounds.
    pub fn refined(ty: Type, refinements: Refinements) -> Value {
        Self::resolved(&ty, &refinements).unwrap_or_else(|| Self::unknown_refined(ty, refinements))
    }

    fn resolved(ty: &Type, known: &Refinements) -> Option<Value> {
        if !known.not_null {
            return None;
        }
        let length = known.length_max.filter(|&max| max == known.length_min);
        match (ty, length) {
            (Type::Number, _) => match (&known.number_min, &known.number_max) {
                (Some((min, true)), Some((max, true))) if min == max => Some(Value::number(min.clone())),
                _ => None,
            },
            (Type::List(element), Some(length)) if length <= MAX_RESOLVED_LENGTH => {
                let element = Type::clone(element);
                let items = (0..length).map(|_| Value::unknown(element.clone())).collect::<Vec<_>>();
                Some(Value::list(element, items))
            }
            (Type::Set(element), Some(0)) => Some(Value::set(Type::clone(element), [])),
            (Type::Set(element), Some(1)) => {
                Some(Value::set(Type::clone(element), [Value::unknown(Type::clone(element))]))
            }
            (Type::Map(element), Some(0)) => Some(Value::map::<Arc<str>>(Type::clone(element), [])),
            _ => None,
        }
    }

    /// The same value, known not to be null if it is unknown.
    #[must_use]
    pub fn refine_not_null(self) -> Value {
        match self.kind {
            ValueKind::Unknown(ty, known) if known.as_ref().is_none_or(|k| !k.not_null) => {
                let known =
                    Refinements { not_null: true, ..known.map(Arc::unwrap_or_clone).unwrap_or_default() };
                Value::refined(ty, known).with_marks(self.marks)
            }
            _ => self,
        }
    }

    /// Whether it cannot be null, be it known or not.
    pub fn is_definitely_not_null(&self) -> bool {
        match &self.kind {
            ValueKind::Null(_) => false,
            ValueKind::Unknown(_, known) => known.as_ref().is_some_and(|k| k.not_null),
            _ => true,
        }
    }

    /// What can be said of it as if it were unknown: the refinements of an unknown value, and those that a known one
    /// would meet.
    pub fn range(&self) -> Refinements {
        match &self.kind {
            ValueKind::Null(_) => Refinements::default(),
            ValueKind::Unknown(_, known) => {
                // What is made of the value is another one.
                Refinements { origin: None, ..known.as_deref().cloned().unwrap_or_default() }
            }
            ValueKind::String(s) => Refinements { string_prefix: s.clone(), ..Refinements::not_null() },
            ValueKind::Number(n) => {
                let bound = Some((n.clone(), true));
                Refinements { number_min: bound.clone(), number_max: bound, ..Refinements::not_null() }
            }
            ValueKind::List(..) | ValueKind::Set(..) | ValueKind::Map(..) => match self.known_length() {
                Some(length) => {
                    Refinements { length_min: length, length_max: Some(length), ..Refinements::not_null() }
                }
                None => Refinements::not_null(),
            },
            ValueKind::Bool(_) | ValueKind::Tuple(_) | ValueKind::Object(_) => Refinements::not_null(),
        }
    }

    /// The number of elements of a known list, set, map or tuple; none for a set whose unknown elements may turn out
    /// the same as others.
    pub fn known_length(&self) -> Option<u64> {
        let length = match &self.kind {
            ValueKind::List(_, items) | ValueKind::Tuple(items) => items.len(),
            ValueKind::Map(_, entries) => entries.len(),
            ValueKind::Set(_, items) if items.len() <= 1 || self.is_wholly_known() => items.len(),
            _ => return None,
        };
        Some(length as u64)
    }
}
