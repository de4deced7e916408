//! `hcloud_zone_rrset`, `hcloud_zone_rrsets`: the record sets of a DNS zone.

use async_trait::async_trait;
use ferroform_core::schema::{Attribute, Block, Nesting, Schema};
use ferroform_core::{Diagnostic, Type, Value};
use ferroform_hcloud::{Filter, Rrset, RrsetKey};

use super::family::id_of_list;
use super::schema;
use super::zone::computed;
use crate::attrs::{Attrs, State, nested, text};
use crate::cx::Cx;
use crate::data_source::{DataSource, only};
use crate::failure::Failure;
use crate::resource::Resource as _;
use crate::resources::{self, zone_rrset};
use crate::rules::{self, COMBINATION, INVALID, Problems};

pub(crate) struct One;
pub(crate) struct Many;

const NOUN: &str = "record set";

/// What the resource has, all of it computed.
fn holds() -> Block {
    computed(resources::zone_rrset::ZoneRrset.schema().block)
}

/// The filter for label selectors.
fn filter(config: Attrs<'_>) -> Filter {
    config.text("with_selector").map_or_else(Filter::all, Filter::labels)
}

#[async_trait]
impl DataSource for One {
    fn name(&self) -> &'static str {
        "hcloud_zone_rrset"
    }

    fn schema(&self) -> Schema {
        let mut block = holds();
        for name in ["id", "name", "type", "with_selector"] {
            block.attributes.insert(name.into(), Attribute::optional(Type::String));
        }
        block.attributes.insert("zone".into(), Attribute::required(Type::String));
        schema(block)
    }

    fn validate(&self, config: Attrs<'_>, problems: &mut Problems) {
        rules::exactly_one(config, &["id", "name", "with_selector"], problems);
        if config.is_set("name") != config.is_set("type") {
            problems.push(
                Diagnostic::error(COMBINATION).detail("`name` and `type` belong together: set both or none."),
            );
        }
        if config.get("id").as_str().is_some_and(|id| !id.contains('/')) {
            problems.add("id", INVALID, "It must be a name and a type, such as \"www/A\".");
        }
    }

    async fn read(&self, cx: &Cx, config: Attrs<'_>, mut state: State) -> Result<Value, Failure> {
        let zone = config.string("zone");
        let rrsets = cx.client.rrsets(&zone);
        let by_id = config.text("id").and_then(|id| id.rsplit_once('/'));
        let rrset = match by_id.or(config.text("name").zip(config.text("type"))) {
            Some((name, kind)) => {
                let key = RrsetKey { name: name.to_owned(), kind: kind.to_owned() };
                let found = rrsets.find(&key).await?;
                only(
                    found.into_iter().collect(),
                    NOUN,
                    &format!("the name {name:?} and the type {kind} in the zone {zone}"),
                )?
            }
            None => {
                let selector = config.string("with_selector");
                let found = rrsets.list(&filter(config)).await?;
                only(found, NOUN, &format!("labels that fit {selector:?} in the zone {zone}"))?
            }
        };
        for (name, value) in zone_rrset::shown(&rrset) {
            state.set(name, value);
        }
        Ok(state.finish())
    }
}

#[async_trait]
impl DataSource for Many {
    fn name(&self) -> &'static str {
        "hcloud_zone_rrsets"
    }

    fn schema(&self) -> Schema {
        let mut held = holds();
        held.attributes.insert("zone".into(), Attribute::optional_computed(Type::String));
        schema(Block::of([
            ("id", Attribute::computed(Type::String)),
            ("zone", Attribute::required(Type::String)),
            ("rrsets", nested(Attribute::computed, Nesting::List, held)),
            ("with_selector", Attribute::optional(Type::String)),
        ]))
    }

    fn validate(&self, _config: Attrs<'_>, _problems: &mut Problems) {}

    async fn read(&self, cx: &Cx, config: Attrs<'_>, mut state: State) -> Result<Value, Failure> {
        let zone = config.string("zone");
        let found = cx.client.rrsets(&zone).list(&filter(config)).await?;
        let value = |rrset: &Rrset| {
            Value::object(zone_rrset::shown(rrset).into_iter().chain([("zone", text(&zone))]))
        };
        let ids = found.iter().map(|rrset| zone_rrset::id(&rrset.key()));
        state.set("id", text(&id_of_list(ids)));
        state.set("rrsets", Value::list(holds().implied_type(), found.iter().map(value)));
        Ok(state.finish())
    }
}
