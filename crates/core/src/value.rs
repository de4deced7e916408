//! Values of the Terraform language.
//!
//! A value is immutable and cheap to clone. It may be null or unknown (both with a type), and carry marks. A mark
//! lies on the value it was put on; whoever computes with marked values hands the marks on ([`Value::marks_deep`]).
//! Elements of a set never carry marks of their own: they are lifted to the set.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::number::Number;
use crate::types::Type;

#[cfg(test)]
pub(crate) mod arbitrary;
mod describe;
mod entries;
mod paths;
mod refine;
mod set;
#[cfg(test)]
mod tests;

pub(crate) use describe::quoted;
pub use entries::Entries;

/// What clings to a value, whatever is computed from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Marks(u8);

impl Marks {
    /// No mark.
    pub const NONE: Marks = Marks(0);
    /// The value must not be shown.
    pub const SENSITIVE: Marks = Marks(1);
    /// The value must not be kept in state or plan.
    pub const EPHEMERAL: Marks = Marks(2);

    /// Both sets of marks.
    #[must_use]
    pub fn union(self, other: Marks) -> Marks {
        Marks(self.0 | other.0)
    }

    /// These marks without those.
    #[must_use]
    pub fn without(self, other: Marks) -> Marks {
        Marks(self.0 & !other.0)
    }

    /// Whether all of `other` are among these.
    pub fn contains(self, other: Marks) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The marks as a number, for encodings: 1 for sensitive, 2 for ephemeral, summed.
    pub fn bits(self) -> u8 {
        self.0
    }

    /// The marks that [`Marks::bits`] gave; none if there are no such.
    pub fn from_bits(bits: u64) -> Option<Marks> {
        u8::try_from(bits).ok().filter(|b| b & !(1 | 2) == 0).map(Marks)
    }
}

/// What is known of an unknown value all the same.
#[derive(Debug, Clone, Default)]
pub struct Refinements {
    /// It will not be null.
    pub not_null: bool,
    /// A string that it will start with; empty when nothing is known.
    pub string_prefix: Arc<str>,
    /// Least number, and whether that number itself is possible.
    pub number_min: Option<(Number, bool)>,
    /// Greatest number, and whether that number itself is possible.
    pub number_max: Option<(Number, bool)>,
    /// Least length of a collection.
    pub length_min: u64,
    /// Greatest length of a collection.
    pub length_max: Option<u64>,
    /// Which unknown it is, if whoever made it said so: kept wherever the value is passed on, or converted to another
    /// primitive type, as it is. It is no part of what is known: equality, the language and everything written leave it
    /// out.
    pub origin: Option<Origin>,
}

/// Tells an unknown value from all others, so that whoever made it recognises it where it comes back: the id of an object
/// that is yet to be made, in the configuration of one that refers to it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin(u64);

impl Origin {
    /// One that differs from every other of this process.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Origin {
        static LAST: AtomicU64 = AtomicU64::new(0);
        Origin(LAST.fetch_add(1, Ordering::Relaxed))
    }
}

/// The number is left out: it depends on the order in which things happened.
impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Origin")
    }
}

impl PartialEq for Refinements {
    fn eq(&self, other: &Self) -> bool {
        let Refinements {
            not_null,
            string_prefix,
            number_min,
            number_max,
            length_min,
            length_max,
            origin: _,
        } = self;
        *not_null == other.not_null
            && *string_prefix == other.string_prefix
            && *number_min == other.number_min
            && *number_max == other.number_max
            && *length_min == other.length_min
            && *length_max == other.length_max
    }
}

impl Eq for Refinements {}

impl Refinements {
    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        *self == Refinements::default()
    }
}

/// A value with its marks.
///
/// Equality is structural: types, marks and the refinements of unknown values count. What `==` means in the
/// language is [`crate::ops::equal`].
#[derive(Clone, PartialEq, Eq)]
pub struct Value {
    kind: ValueKind,
    marks: Marks,
}

/// A value apart from its marks.
#[derive(Debug, Clone)]
pub enum ValueKind {
    /// No value, of a type.
    Null(Type),
    /// A value that will be known later.
    Unknown(Type, Option<Arc<Refinements>>),
    /// True or false.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A text in NFC.
    String(Arc<str>),
    /// A list; every element has the element type.
    List(Type, Arc<[Value]>),
    /// A set; distinct, unmarked elements in the set's own order (see [`Value::set`]).
    Set(Type, Arc<[Value]>),
    /// A map.
    Map(Type, Arc<Entries>),
    /// A tuple.
    Tuple(Arc<[Value]>),
    /// An object.
    Object(Arc<Entries>),
}

impl PartialEq for ValueKind {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (ValueKind::Null(a), ValueKind::Null(b)) => a == b,
            (ValueKind::Unknown(a, known), ValueKind::Unknown(b, other)) => {
                // Refinements that hold an origin only say as little as none.
                let said = |known: &Option<Arc<Refinements>>| known.clone().filter(|known| !known.is_empty());
                a == b && said(known) == said(other)
            }
            (ValueKind::Bool(a), ValueKind::Bool(b)) => a == b,
            (ValueKind::Number(a), ValueKind::Number(b)) => a == b,
            (ValueKind::String(a), ValueKind::String(b)) => a == b,
            (ValueKind::List(a, items), ValueKind::List(b, others))
            | (ValueKind::Set(a, items), ValueKind::Set(b, others)) => a == b && items == others,
            (ValueKind::Map(a, entries), ValueKind::Map(b, others)) => a == b && entries == others,
            (ValueKind::Tuple(items), ValueKind::Tuple(others)) => items == others,
            (ValueKind::Object(attributes), ValueKind::Object(others)) => attributes == others,
            _ => false,
        }
    }
}

impl Eq for ValueKind {}

/// For developers. What is sensitive is left out, so that no log or panic shows it.
impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.marks.contains(Marks::SENSITIVE) {
            return f.write_str("(sensitive value)");
        }
        fmt::Debug::fmt(&self.kind, f)?;
        if self.marks.contains(Marks::EPHEMERAL) { f.write_str(" (ephemeral)") } else { Ok(()) }
    }
}

impl From<ValueKind> for Value {
    fn from(kind: ValueKind) -> Self {
        Value { kind, marks: Marks::NONE }
    }
}

/// Building values.
impl Value {
    /// Null of a type.
    pub fn null(ty: Type) -> Value {
        ValueKind::Null(ty).into()
    }

    /// Null whose type is not known: the literal `null`.
    pub fn null_dynamic() -> Value {
        Self::null(Type::Dynamic)
    }

    /// Unknown of a type, nothing else being known of it.
    pub fn unknown(ty: Type) -> Value {
        ValueKind::Unknown(ty, None).into()
    }

    /// Unknown of a type that will not be null.
    pub fn unknown_not_null(ty: Type) -> Value {
        Self::unknown_refined(ty, Refinements { not_null: true, ..Refinements::default() })
    }

    /// Unknown with what is known of it. Refinements that leave one possible value are not resolved here.
    pub fn unknown_refined(ty: Type, refinements: Refinements) -> Value {
        let plain = ty == Type::Dynamic || refinements.is_empty() && refinements.origin.is_none();
        ValueKind::Unknown(ty, (!plain).then(|| Arc::new(refinements))).into()
    }

    /// Unknown of a type, with nothing known but which unknown it is.
    pub fn unknown_of(ty: Type, origin: Origin) -> Value {
        Self::unknown_refined(ty, Refinements { origin: Some(origin), ..Refinements::default() })
    }

    /// A bool.
    pub fn bool(b: bool) -> Value {
        ValueKind::Bool(b).into()
    }

    /// A number.
    pub fn number(n: impl Into<Number>) -> Value {
        ValueKind::Number(n.into()).into()
    }

    /// A string; the caller vouches that it is in NFC (ASCII always is), see [`Value::string_normalised`].
    pub fn string(s: impl Into<Arc<str>>) -> Value {
        ValueKind::String(s.into()).into()
    }

    /// A string from outside, normalised to NFC as every string of the language is.
    pub fn string_normalised(s: &str) -> Value {
        use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};
        if s.is_ascii() || is_nfc_quick(s.chars()) == IsNormalized::Yes {
            return Self::string(s);
        }
        Self::string(s.nfc().collect::<String>())
    }

    /// A list; every element must be of the element type.
    pub fn list(element: Type, items: impl IntoIterator<Item = Value>) -> Value {
        ValueKind::List(element, items.into_iter().collect()).into()
    }

    /// A map; every element must be of the element type.
    pub fn map<K: Into<Arc<str>>>(element: Type, entries: impl IntoIterator<Item = (K, Value)>) -> Value {
        ValueKind::Map(element, Arc::new(entries.into_iter().collect())).into()
    }

    /// A tuple.
    pub fn tuple(items: impl IntoIterator<Item = Value>) -> Value {
        ValueKind::Tuple(items.into_iter().collect()).into()
    }

    /// An object.
    pub fn object<K: Into<Arc<str>>>(attributes: impl IntoIterator<Item = (K, Value)>) -> Value {
        Value::from_attributes(attributes.into_iter().collect())
    }

    /// An object of attributes that are in order already.
    pub fn from_attributes(attributes: Entries) -> Value {
        ValueKind::Object(Arc::new(attributes)).into()
    }

    /// An object without attributes.
    pub fn empty_object() -> Value {
        Value::from_attributes(Entries::new())
    }
}

/// Looking at values.
impl Value {
    /// The value apart from its marks.
    pub fn kind(&self) -> &ValueKind {
        &self.kind
    }

    /// The value apart from its marks, taken.
    pub fn into_kind(self) -> ValueKind {
        self.kind
    }

    /// The type. For tuples and objects it is put together from the elements, at that cost.
    pub fn ty(&self) -> Type {
        match &self.kind {
            ValueKind::Null(t) | ValueKind::Unknown(t, _) => t.clone(),
            ValueKind::Bool(_) => Type::Bool,
            ValueKind::Number(_) => Type::Number,
            ValueKind::String(_) => Type::String,
            ValueKind::List(t, _) => Type::list(t.clone()),
            ValueKind::Set(t, _) => Type::set(t.clone()),
            ValueKind::Map(t, _) => Type::map(t.clone()),
            ValueKind::Tuple(items) => Type::tuple(items.iter().map(Value::ty)),
            ValueKind::Object(o) => Type::object(o.iter().map(|(k, v)| (k.clone(), v.ty()))),
        }
    }

    /// Whether it is null.
    pub fn is_null(&self) -> bool {
        matches!(self.kind, ValueKind::Null(_))
    }

    /// Whether it is known itself; elements may be unknown all the same.
    pub fn is_known(&self) -> bool {
        !matches!(self.kind, ValueKind::Unknown(..))
    }

    /// Whether nothing in it is unknown.
    pub fn is_wholly_known(&self) -> bool {
        match &self.kind {
            ValueKind::Unknown(..) => false,
            ValueKind::List(_, items) | ValueKind::Set(_, items) => items.iter().all(Value::is_wholly_known),
            ValueKind::Tuple(items) => items.iter().all(Value::is_wholly_known),
            ValueKind::Map(_, entries) => entries.values().all(Value::is_wholly_known),
            ValueKind::Object(attributes) => attributes.values().all(Value::is_wholly_known),
            _ => true,
        }
    }

    /// What is known of it if it is unknown.
    pub fn refinements(&self) -> Option<&Refinements> {
        match &self.kind {
            ValueKind::Unknown(_, refinements) => refinements.as_deref(),
            _ => None,
        }
    }

    /// The text, if it is a known string.
    pub fn as_str(&self) -> Option<&str> {
        match &self.kind {
            ValueKind::String(s) => Some(s),
            _ => None,
        }
    }

    /// The bool, if it is a known one.
    pub fn as_bool(&self) -> Option<bool> {
        match self.kind {
            ValueKind::Bool(b) => Some(b),
            _ => None,
        }
    }

    /// The number, if it is a known one.
    pub fn as_number(&self) -> Option<&Number> {
        match &self.kind {
            ValueKind::Number(n) => Some(n),
            _ => None,
        }
    }

    /// The elements of a known list, set or tuple.
    pub fn as_slice(&self) -> Option<&[Value]> {
        match &self.kind {
            ValueKind::List(_, items) | ValueKind::Set(_, items) | ValueKind::Tuple(items) => Some(items),
            _ => None,
        }
    }

    /// The elements of a known map or the attributes of a known object.
    pub fn as_map(&self) -> Option<&Entries> {
        match &self.kind {
            ValueKind::Map(_, entries) => Some(entries),
            ValueKind::Object(attributes) => Some(attributes),
            _ => None,
        }
    }

    /// An attribute of a known object or an element of a known map; without this value's own marks.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.as_map()?.get(name)
    }
}

/// Marks.
impl Value {
    /// The marks on this value itself.
    pub fn marks(&self) -> Marks {
        self.marks
    }

    /// The marks on this value and on anything inside it.
    pub fn marks_deep(&self) -> Marks {
        let inside = match &self.kind {
            ValueKind::List(_, items) | ValueKind::Tuple(items) => {
                items.iter().fold(Marks::NONE, |m, v| m.union(v.marks_deep()))
            }
            ValueKind::Map(_, o) | ValueKind::Object(o) => {
                o.values().fold(Marks::NONE, |m, v| m.union(v.marks_deep()))
            }
            _ => Marks::NONE,
        };
        self.marks.union(inside)
    }

    /// The same value with these marks added to its own.
    #[must_use]
    pub fn with_marks(mut self, marks: Marks) -> Value {
        self.marks = self.marks.union(marks);
        self
    }

    /// The same value without marks of its own.
    #[must_use]
    pub fn unmarked(mut self) -> Value {
        self.marks = Marks::NONE;
        self
    }

    /// The same value marked sensitive.
    #[must_use]
    pub fn sensitive(self) -> Value {
        self.with_marks(Marks::SENSITIVE)
    }

    /// Whether the value itself is marked sensitive.
    pub fn is_sensitive(&self) -> bool {
        self.marks.contains(Marks::SENSITIVE)
    }
}
