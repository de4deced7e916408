//! Typed access to the values of a block, and making them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use ferroform_core::schema::Block;
use ferroform_core::{Entries, Type, Value};

static NULL: LazyLock<Value> = LazyLock::new(Value::null_dynamic);

/// A text, or null.
pub(crate) fn text_or_null(text: Option<&str>) -> Value {
    text.map_or_else(|| Value::null(Type::String), Value::string_normalised)
}

/// A whole number, or null.
pub(crate) fn int_or_null(number: Option<i64>) -> Value {
    number.map_or_else(|| Value::null(Type::Number), Value::number)
}

/// True, false or null.
pub(crate) fn flag_or_null(flag: Option<bool>) -> Value {
    flag.map_or_else(|| Value::null(Type::Bool), Value::bool)
}

/// A set of texts, null when there are none.
pub(crate) fn texts_or_null(texts: &BTreeSet<String>) -> Value {
    if texts.is_empty() {
        return Value::null(Type::set(Type::String));
    }
    Value::set(Type::String, texts.iter().map(|text| Value::string_normalised(text)))
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

    /// A text that is set.
    pub(crate) fn text(self, name: &str) -> Option<&'v str> {
        self.get(name).as_str()
    }

    /// A text that is set, and not empty.
    pub(crate) fn filled(self, name: &str) -> Option<&'v str> {
        self.text(name).filter(|text| !text.is_empty())
    }

    /// A text; empty when not set.
    pub(crate) fn string(self, name: &str) -> String {
        self.text(name).unwrap_or_default().to_owned()
    }

    /// A whole number that is set.
    pub(crate) fn int(self, name: &str) -> Option<i64> {
        self.get(name).as_number()?.to_i64()
    }

    /// True or false, if set.
    pub(crate) fn flag(self, name: &str) -> Option<bool> {
        self.get(name).as_bool()
    }

    /// The texts of a set.
    pub(crate) fn texts(self, name: &str) -> BTreeSet<String> {
        let items = self.get(name).as_slice().unwrap_or_default();
        items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect()
    }

    /// The texts of a map.
    pub(crate) fn text_map(self, name: &str) -> BTreeMap<String, String> {
        let entries = self.get(name).as_map().into_iter().flatten();
        entries.filter_map(|(key, value)| Some((key.to_string(), value.as_str()?.to_owned()))).collect()
    }

    /// The blocks of a list of blocks.
    pub(crate) fn blocks(self, name: &str) -> impl ExactSizeIterator<Item = Attrs<'v>> {
        self.get(name).as_slice().unwrap_or_default().iter().map(Attrs)
    }
}

/// An object being put together.
#[derive(Debug)]
pub(crate) struct State {
    values: Entries,
}

impl State {
    /// Begins with what is known of `prior`; the rest is null, blocks are empty.
    pub(crate) fn new(block: &Block, prior: Attrs<'_>) -> State {
        let known = |name: &str| {
            Some(prior.get(name)).filter(|value| value.is_wholly_known() && !value.is_null()).cloned()
        };
        let attributes = block.attributes.iter().map(|(name, attribute)| {
            (name.clone(), known(name).unwrap_or_else(|| Value::null(attribute.ty.clone())))
        });
        let blocks = block
            .blocks
            .iter()
            .map(|(name, nested)| (name.clone(), known(name).unwrap_or_else(|| nested.absent())));
        State { values: attributes.chain(blocks).collect() }
    }

    /// Sets an attribute that the block has.
    pub(crate) fn set(&mut self, name: &str, value: Value) {
        if let Some(place) = self.values.get_mut(name) {
            *place = value;
        }
    }

    /// Sets a text.
    pub(crate) fn text(&mut self, name: &str, text: &str) {
        self.set(name, Value::string_normalised(text));
    }

    /// The object.
    pub(crate) fn finish(self) -> Value {
        Value::from_attributes(self.values)
    }
}

/// A plan in the making.
pub(crate) struct Planned {
    values: Entries,
}

impl Planned {
    /// Begins with what is proposed: configuration, and the prior value of what is computed.
    pub(crate) fn new(proposed: &Entries) -> Planned {
        Planned { values: proposed.clone() }
    }

    /// The planned value.
    pub(crate) fn get(&self, name: &str) -> &Value {
        self.values.get(name).unwrap_or(&NULL)
    }

    /// Plans a value.
    pub(crate) fn set(&mut self, name: &str, value: Value) {
        if let Some(place) = self.values.get_mut(name) {
            *place = value;
        }
    }

    /// Plans a value where configuration has none.
    pub(crate) fn default(&mut self, config: Attrs<'_>, name: &str, value: Value) {
        if !config.is_set(name) {
            self.set(name, value);
        }
    }

    /// Plans that only applying will tell.
    pub(crate) fn unknown(&mut self, name: &str, ty: Type) {
        self.set(name, Value::unknown(ty));
    }

    /// The object.
    pub(crate) fn finish(self) -> Value {
        Value::from_attributes(self.values)
    }
}
