//! Typed access to the values of a block, and making them.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use ferroform_core::number::Number;
use ferroform_core::schema::{Attribute, Block, NestedAttribute, Nesting};
use ferroform_core::{Entries, Type, Value};
use ferroform_hcloud::Labels;

static NULL: LazyLock<Value> = LazyLock::new(Value::null_dynamic);

/// A text.
pub(crate) fn text(s: &str) -> Value {
    Value::string_normalised(s)
}

/// A text, or null.
pub(crate) fn text_or_null(s: Option<&str>) -> Value {
    s.map_or_else(|| Value::null(Type::String), text)
}

/// A moment, or null: as the published provider writes it, with `Z` for UTC.
pub(crate) fn moment(s: Option<&str>) -> Value {
    let zulu = s.map(|s| s.strip_suffix("+00:00").map_or_else(|| s.to_owned(), |time| format!("{time}Z")));
    text_or_null(zulu.as_deref())
}

/// A whole number.
pub(crate) fn int(n: i64) -> Value {
    Value::number(n)
}

/// A whole number, or null.
pub(crate) fn int_or_null(n: Option<i64>) -> Value {
    n.map_or_else(|| Value::null(Type::Number), int)
}

/// A number, null if it is none. It is the decimal that the API writes, as a state has it too, and not the binary fraction
/// next to it, which would be another number in every comparison.
pub(crate) fn float(n: f64) -> Value {
    n.to_string().parse::<Number>().map_or_else(|_| Value::null(Type::Number), Value::number)
}

/// True or false.
pub(crate) fn flag(b: bool) -> Value {
    Value::bool(b)
}

/// A map of texts.
pub(crate) fn labels(labels: &Labels) -> Value {
    Value::map(Type::String, labels.iter().map(|(k, v)| (k.as_str(), text(v))))
}

/// A list of whole numbers.
pub(crate) fn int_list(items: impl IntoIterator<Item = i64>) -> Value {
    Value::list(Type::Number, items.into_iter().map(int))
}

/// A set of whole numbers.
pub(crate) fn int_set(items: impl IntoIterator<Item = i64>) -> Value {
    Value::set(Type::Number, items.into_iter().map(int))
}

/// A list of texts.
pub(crate) fn text_list<'a>(items: impl IntoIterator<Item = &'a String>) -> Value {
    Value::list(Type::String, items.into_iter().map(|s| text(s)))
}

/// A set of texts.
pub(crate) fn text_set<'a>(items: impl IntoIterator<Item = &'a String>) -> Value {
    Value::set(Type::String, items.into_iter().map(|s| text(s)))
}

/// An attribute with attributes of its own, made by the function for its flags.
pub(crate) fn nested(flags: fn(Type) -> Attribute, nesting: Nesting, holds: Block) -> Attribute {
    let element = holds.implied_type();
    let ty = match nesting {
        Nesting::List => Type::list(element),
        Nesting::Set => Type::set(element),
        Nesting::Map => Type::map(element),
        Nesting::Single | Nesting::Group => element,
    };
    let nested = NestedAttribute { nesting, attributes: holds.attributes };
    Attribute { nested: Some(Arc::new(nested)), ..flags(ty) }
}

/// An id as the attribute `id` of this type has it: older kinds write numbers as text.
pub(crate) fn id_like(ty: &Type, id: &str) -> Value {
    match ty {
        Type::Number => int_or_null(id.parse().ok()),
        _ => text(id),
    }
}

/// An empty text, collection or null: what people mean by "not set".
pub(crate) fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(str::is_empty) || is_empty_collection(value)
}

/// What states of the published provider hold for an attribute that is not set: null, an empty text or collection,
/// zero or false.
pub(crate) fn is_unset(value: &Value) -> bool {
    is_empty(value) || value.as_bool() == Some(false) || value.as_number().is_some_and(Number::is_zero)
}

/// An empty list, set or map.
pub(crate) fn is_empty_collection(value: &Value) -> bool {
    value.as_slice().is_some_and(<[Value]>::is_empty) || value.as_map().is_some_and(Entries::is_empty)
}

/// The attributes of a block. What is unknown, null or of another type than asked for reads as not set.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attrs<'v>(pub(crate) &'v Value);

impl<'v> Attrs<'v> {
    /// The value of an attribute, null if there is none.
    pub(crate) fn get(self, name: &str) -> &'v Value {
        self.0.get(name).unwrap_or(&NULL)
    }

    /// Whether the attribute is known, null included.
    pub(crate) fn is_known(self, name: &str) -> bool {
        self.get(name).is_wholly_known()
    }

    /// Whether the attribute is set: known and not null, or unknown.
    pub(crate) fn is_set(self, name: &str) -> bool {
        !self.get(name).is_null()
    }

    /// A text that is set, and not empty.
    pub(crate) fn text(self, name: &str) -> Option<&'v str> {
        self.get(name).as_str().filter(|s| !s.is_empty())
    }

    /// A text as it is to be sent; empty when not set.
    pub(crate) fn string(self, name: &str) -> String {
        self.get(name).as_str().unwrap_or_default().to_owned()
    }

    /// A whole number that is set.
    pub(crate) fn int(self, name: &str) -> Option<i64> {
        self.get(name).as_number()?.to_i64()
    }

    /// A whole number above zero: zero stands for "not set" in states of the published provider.
    pub(crate) fn positive(self, name: &str) -> Option<i64> {
        self.int(name).filter(|&n| n > 0)
    }

    /// True only if set so.
    pub(crate) fn flag(self, name: &str) -> bool {
        self.get(name).as_bool().unwrap_or(false)
    }

    /// Labels; none when not set.
    pub(crate) fn labels(self, name: &str) -> Labels {
        let entries = self.get(name).as_map().into_iter().flatten();
        entries.filter_map(|(k, v)| Some((k.to_string(), v.as_str()?.to_owned()))).collect()
    }

    /// The texts of a list or set.
    pub(crate) fn texts(self, name: &str) -> Vec<String> {
        let items = self.get(name).as_slice().unwrap_or_default();
        items.iter().filter_map(|v| v.as_str().map(str::to_owned)).collect()
    }

    /// The whole numbers of a list or set.
    pub(crate) fn ints(self, name: &str) -> Vec<i64> {
        let items = self.get(name).as_slice().unwrap_or_default();
        items.iter().filter_map(|v| v.as_number()?.to_i64()).collect()
    }

    /// The blocks of a list or set of blocks.
    pub(crate) fn blocks(self, name: &str) -> impl ExactSizeIterator<Item = Attrs<'v>> {
        self.get(name).as_slice().unwrap_or_default().iter().map(Attrs)
    }

    /// The only block of a list or set of at most one.
    pub(crate) fn block(self, name: &str) -> Option<Attrs<'v>> {
        self.blocks(name).next()
    }

    /// The number that the attribute `id` is, which older kinds write as text.
    pub(crate) fn id(self) -> Option<i64> {
        let id = self.get("id");
        id.as_str().map_or_else(|| id.as_number()?.to_i64(), |text| text.parse().ok())
    }

    /// The attribute `id` as text; empty when not known.
    pub(crate) fn id_text(self) -> String {
        let id = self.get("id");
        id.as_str().map(str::to_owned).or_else(|| id.as_number().map(ToString::to_string)).unwrap_or_default()
    }
}

/// An object being put together: begins as a copy of what is known of it.
#[derive(Debug)]
pub(crate) struct State {
    values: Entries,
    /// Those that are null in what it began with, rather than not known yet.
    null: BTreeSet<Arc<str>>,
}

impl State {
    /// Begins with what is known of `prior`; the rest is null, blocks are empty.
    pub(crate) fn new(block: &Block, prior: Attrs<'_>) -> State {
        let known =
            |name: &str| Some(prior.get(name)).filter(|v| v.is_wholly_known() && !v.is_null()).cloned();
        let attributes = block.attributes.iter().map(|(name, attribute)| {
            (name.clone(), known(name).unwrap_or_else(|| Value::null(attribute.ty.clone())))
        });
        let blocks = block
            .blocks
            .iter()
            .map(|(name, nested)| (name.clone(), known(name).unwrap_or_else(|| nested.absent())));
        let null = block.attributes.keys().filter(|name| prior.get(name).is_null()).cloned().collect();
        State { values: attributes.chain(blocks).collect(), null }
    }

    /// Begins with configuration; the rest is told by what is read, empty collections too.
    pub(crate) fn answer(block: &Block, config: Attrs<'_>) -> State {
        State { null: BTreeSet::new(), ..State::new(block, config) }
    }

    /// An object of which only the id is known.
    pub(crate) fn identity(block: &Block, id: &str) -> State {
        let mut state = State::new(block, Attrs(&NULL));
        state.set_id(id);
        state
    }

    /// Sets the attribute `id`, if there is one.
    pub(crate) fn set_id(&mut self, id: impl ToString) {
        if let Some(place) = self.values.get_mut("id") {
            *place = id_like(&place.ty(), &id.to_string());
        }
    }

    /// Sets an attribute that the block has. An empty collection leaves null as it was: the two mean the same, and what
    /// configuration does not set must be found as planned.
    pub(crate) fn set(&mut self, name: &str, value: Value) {
        if let Some(place) = self.values.get_mut(name)
            && !(is_empty_collection(&value) && self.null.contains(name))
        {
            *place = value;
        }
    }

    /// Takes this for what was known of an attribute before anything is read.
    pub(crate) fn assume(&mut self, name: &str, value: Value) {
        self.null.remove(name);
        self.set(name, value);
    }

    /// Sets an attribute unless it says the same already by `same`.
    pub(crate) fn set_unless(&mut self, name: &str, value: Value, same: impl FnOnce(&Value) -> bool) {
        if !self.values.get(name).is_some_and(same) {
            self.set(name, value);
        }
    }

    /// The object.
    pub(crate) fn finish(self) -> Value {
        Value::from_attributes(self.values)
    }
}
