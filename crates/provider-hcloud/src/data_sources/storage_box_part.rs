//! `hcloud_storage_box_snapshot`, `hcloud_storage_box_subaccount` and their plurals: what a storage box has in it.

use async_trait::async_trait;
use ferroform_core::schema::{Attribute, Block, Nesting, Schema};
use ferroform_core::{Type, Value};
use ferroform_hcloud::{
    Client, Filter, StorageBoxPart, StorageBoxParts, StorageBoxSnapshot, StorageBoxSubaccount,
};

use super::schema;
use super::zone::computed;
use crate::attrs::{Attrs, State, int, nested};
use crate::cx::Cx;
use crate::data_source::{DataSource, only};
use crate::failure::Failure;
use crate::resource::Resource as _;
use crate::resources::{storage_box_snapshot, storage_box_subaccount};
use crate::rules::{self, Problems};

/// A kind of thing that storage boxes have in them.
pub(crate) struct Kind<T: 'static> {
    one: &'static str,
    many: &'static str,
    /// The attribute that has many.
    field: &'static str,
    noun: &'static str,
    parts: fn(&Client, i64) -> StorageBoxParts<'_, T>,
    /// Its attributes, all of them computed.
    holds: fn() -> Block,
    show: fn(&T) -> Vec<(&'static str, Value)>,
    /// Attributes that one is looked up by beside its id; the API filters by parameters of the same names.
    keys: &'static [&'static str],
}

pub(crate) static SNAPSHOT: Kind<StorageBoxSnapshot> = Kind {
    one: "hcloud_storage_box_snapshot",
    many: "hcloud_storage_box_snapshots",
    field: "snapshots",
    noun: "snapshot",
    parts: Client::storage_box_snapshots,
    holds: || {
        let mut block = computed(storage_box_snapshot::StorageBoxSnapshot.schema().block);
        let number = || Attribute::computed(Type::Number);
        let stats = Block::of([("size", number()), ("size_filesystem", number())]);
        block.attributes.insert("stats".into(), nested(Attribute::computed, Nesting::Single, stats));
        block
    },
    show: |snapshot| {
        let stats = Value::object([
            ("size", int(snapshot.stats.size)),
            ("size_filesystem", int(snapshot.stats.size_filesystem)),
        ]);
        storage_box_snapshot::shown(snapshot).into_iter().chain([("stats", stats)]).collect()
    },
    keys: &["name"],
};

pub(crate) static SUBACCOUNT: Kind<StorageBoxSubaccount> = Kind {
    one: "hcloud_storage_box_subaccount",
    many: "hcloud_storage_box_subaccounts",
    field: "subaccounts",
    noun: "subaccount",
    parts: Client::storage_box_subaccounts,
    holds: || {
        let mut block = storage_box_subaccount::StorageBoxSubaccount.schema().block;
        block.attributes.remove("password");
        computed(block)
    },
    show: storage_box_subaccount::shown,
    keys: &["name", "username"],
};

/// The filter for label selectors.
fn filter(config: Attrs<'_>) -> Filter {
    config.text("with_selector").map_or_else(Filter::all, Filter::labels)
}

/// The data source of one.
pub(crate) struct One<T: 'static>(pub(crate) &'static Kind<T>);

impl<T: StorageBoxPart> One<T> {
    /// All the ways to look one up.
    fn ways(&self) -> Vec<&'static str> {
        ["id"].iter().chain(self.0.keys).chain(&["with_selector"]).copied().collect()
    }
}

#[async_trait]
impl<T: StorageBoxPart> DataSource for One<T> {
    fn name(&self) -> &'static str {
        self.0.one
    }

    fn schema(&self) -> Schema {
        let mut block = (self.0.holds)();
        for name in ["id"].iter().chain(self.0.keys) {
            if let Some(attribute) = block.attributes.get_mut(*name) {
                *attribute = Attribute::optional_computed(attribute.ty.clone());
            }
        }
        block.attributes.insert("storage_box_id".into(), Attribute::required(Type::Number));
        block.attributes.insert("with_selector".into(), Attribute::optional(Type::String));
        schema(block)
    }

    fn validate(&self, config: Attrs<'_>, problems: &mut Problems) {
        rules::exactly_one(config, &self.ways(), problems);
    }

    async fn read(&self, cx: &Cx, config: Attrs<'_>, mut state: State) -> Result<Value, Failure> {
        let kind = self.0;
        let storage_box = config.int("storage_box_id").unwrap_or_default();
        let parts = (kind.parts)(&cx.client, storage_box);
        let key = kind.keys.iter().find_map(|name| Some((*name, config.text(name)?)));
        let within = format!("in the storage box {storage_box}");
        let part = match (config.positive("id"), key) {
            (Some(id), _) => {
                let found = parts.find(id).await?.into_iter().collect();
                only(found, kind.noun, &format!("the id {id} {within}"))?
            }
            (None, Some((name, wanted))) => {
                let mut found = parts.list(&Filter::all().with(name, wanted)).await?;
                found.retain(|part| {
                    (kind.show)(part).iter().any(|(is, value)| *is == name && value.as_str() == Some(wanted))
                });
                only(found, kind.noun, &format!("the {name} {wanted:?} {within}"))?
            }
            (None, None) => {
                let selector = config.string("with_selector");
                let found = parts.list(&filter(config)).await?;
                only(found, kind.noun, &format!("labels that fit {selector:?} {within}"))?
            }
        };
        for (name, value) in (kind.show)(&part) {
            state.set(name, value);
        }
        Ok(state.finish())
    }
}

/// The data source of many.
pub(crate) struct Many<T: 'static>(pub(crate) &'static Kind<T>);

#[async_trait]
impl<T: StorageBoxPart> DataSource for Many<T> {
    fn name(&self) -> &'static str {
        self.0.many
    }

    fn schema(&self) -> Schema {
        schema(Block::of([
            ("storage_box_id", Attribute::required(Type::Number)),
            (self.0.field, nested(Attribute::computed, Nesting::List, (self.0.holds)())),
            ("with_selector", Attribute::optional(Type::String)),
        ]))
    }

    fn validate(&self, _config: Attrs<'_>, _problems: &mut Problems) {}

    async fn read(&self, cx: &Cx, config: Attrs<'_>, mut state: State) -> Result<Value, Failure> {
        let parts = (self.0.parts)(&cx.client, config.int("storage_box_id").unwrap_or_default());
        let found = parts.list(&filter(config)).await?;
        let values = found.iter().map(|part| Value::object((self.0.show)(part)));
        state.set(self.0.field, Value::list((self.0.holds)().implied_type(), values));
        Ok(state.finish())
    }
}
