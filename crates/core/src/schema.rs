//! Schemas of providers, resources and data sources: what a block may hold.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::types::Type;
use crate::value::Value;

/// The shape of a resource's, data source's or provider's configuration and state.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Schema {
    /// Version of the state's shape, kept in the statefile.
    pub version: u64,
    /// What the block holds.
    pub block: Block,
}

/// The attributes and nested blocks of a block.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Block {
    /// Arguments and exported values.
    pub attributes: BTreeMap<Arc<str>, Attribute>,
    /// Nested blocks by their type name.
    pub blocks: BTreeMap<Arc<str>, NestedBlock>,
    /// A sentence or two for people.
    pub description: String,
    /// Set when it should no longer be used: what to use instead.
    pub deprecated: Option<String>,
}

/// One attribute of a block.
#[derive(Debug, Clone, PartialEq)]
pub struct Attribute {
    /// The type of its value.
    pub ty: Type,
    /// Nested attributes with flags of their own; `ty` is then the type that they imply.
    pub nested: Option<Arc<NestedAttribute>>,
    /// Must be set in configuration.
    pub required: bool,
    /// May be set in configuration.
    pub optional: bool,
    /// The provider gives a value where configuration has none.
    pub computed: bool,
    /// Never shown.
    pub sensitive: bool,
    /// Never kept in state.
    pub write_only: bool,
    /// A change of it makes a new object. Providers that plan by themselves may decide otherwise.
    pub force_new: bool,
    /// A sentence or two for people.
    pub description: String,
    /// Set when it should no longer be used: what to use instead.
    pub deprecated: Option<String>,
}

/// Attributes inside an attribute.
#[derive(Debug, Clone, PartialEq)]
pub struct NestedAttribute {
    /// How many there may be, and how they are kept.
    pub nesting: Nesting,
    /// The attributes.
    pub attributes: BTreeMap<Arc<str>, Attribute>,
}

/// How many times a nested block may be given, and how its values are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nesting {
    /// At most one; an object or null.
    Single,
    /// At most one; an object whose attributes are null when it is not given.
    Group,
    /// A list of objects.
    List,
    /// A set of objects.
    Set,
    /// A map of objects by the block's label.
    Map,
}

/// A block inside a block.
#[derive(Debug, Clone, PartialEq)]
pub struct NestedBlock {
    /// How it is kept.
    pub nesting: Nesting,
    /// What it holds.
    pub block: Block,
    /// Least number of blocks.
    pub min_items: u64,
    /// Greatest number of blocks, zero for no limit.
    pub max_items: u64,
    /// Any change in it makes a new object.
    pub force_new: bool,
}

impl Attribute {
    /// An attribute of a type without any flag.
    pub fn new(ty: Type) -> Self {
        Attribute {
            ty,
            nested: None,
            required: false,
            optional: false,
            computed: false,
            sensitive: false,
            write_only: false,
            force_new: false,
            description: String::new(),
            deprecated: None,
        }
    }

    /// Must be set in configuration.
    pub fn required(ty: Type) -> Self {
        Attribute { required: true, ..Self::new(ty) }
    }

    /// May be set in configuration.
    pub fn optional(ty: Type) -> Self {
        Attribute { optional: true, ..Self::new(ty) }
    }

    /// Given by the provider.
    pub fn computed(ty: Type) -> Self {
        Attribute { computed: true, ..Self::new(ty) }
    }

    /// May be set in configuration; given by the provider otherwise.
    pub fn optional_computed(ty: Type) -> Self {
        Attribute { optional: true, computed: true, ..Self::new(ty) }
    }

    /// The same, with a change of it making a new object.
    #[must_use]
    pub fn force_new(mut self) -> Self {
        self.force_new = true;
        self
    }

    /// The same, never shown.
    #[must_use]
    pub fn sensitive(mut self) -> Self {
        self.sensitive = true;
        self
    }

    /// The same, with a description.
    #[must_use]
    pub fn describe(mut self, text: impl Into<String>) -> Self {
        self.description = text.into();
        self
    }

    /// Whether configuration may set it.
    pub fn is_configurable(&self) -> bool {
        self.required || self.optional
    }
}

impl NestedBlock {
    /// A nested block that may be given any number of times.
    pub fn new(nesting: Nesting, block: Block) -> Self {
        NestedBlock { nesting, block, min_items: 0, max_items: 0, force_new: false }
    }

    /// The type of the value it is kept as.
    pub fn implied_type(&self) -> Type {
        let object = self.block.implied_type();
        match self.nesting {
            Nesting::Single | Nesting::Group => object,
            Nesting::List => Type::list(object),
            Nesting::Set => Type::set(object),
            Nesting::Map => Type::map(object),
        }
    }

    /// The value of a nested block that is not given: no object, or a collection without any.
    pub fn absent(&self) -> Value {
        let object = self.block.implied_type();
        match self.nesting {
            Nesting::Single | Nesting::Group => Value::null(object),
            Nesting::List => Value::list(object, []),
            Nesting::Set => Value::set(object, []),
            Nesting::Map => Value::map::<Arc<str>>(object, []),
        }
    }
}

impl Block {
    /// A block of attributes.
    pub fn of<K: Into<Arc<str>>>(attributes: impl IntoIterator<Item = (K, Attribute)>) -> Self {
        Block { attributes: attributes.into_iter().map(|(k, a)| (k.into(), a)).collect(), ..Block::default() }
    }

    /// The same with a nested block added.
    #[must_use]
    pub fn with_block(mut self, name: impl Into<Arc<str>>, block: NestedBlock) -> Self {
        self.blocks.insert(name.into(), block);
        self
    }

    /// The object type of a value of this block.
    pub fn implied_type(&self) -> Type {
        let attributes = self.attributes.iter().map(|(name, a)| (name.clone(), a.ty.clone()));
        let blocks = self.blocks.iter().map(|(name, b)| (name.clone(), b.implied_type()));
        Type::object(attributes.chain(blocks))
    }
}
