//! `hcloud_location`: a place where servers run.

use async_trait::async_trait;
use ferroform_core::schema::{Attribute, Block, Schema};
use ferroform_core::{Type, Value};
use ferroform_hcloud::Filter;

use super::{computed_text, optional_text, schema};
use crate::attrs::{Attrs, State, float, int, text};
use crate::cx::Cx;
use crate::data_source::{DataSource, existing, only};
use crate::failure::Failure;
use crate::rules::{self, Problems};

pub(crate) struct Location;

#[async_trait]
impl DataSource for Location {
    fn name(&self) -> &'static str {
        "hcloud_location"
    }

    fn schema(&self) -> Schema {
        schema(Block::of([
            ("id", Attribute::optional(Type::Number)),
            ("name", optional_text()),
            ("description", computed_text()),
            ("country", computed_text()),
            ("city", computed_text()),
            ("latitude", Attribute::computed(Type::Number)),
            ("longitude", Attribute::computed(Type::Number)),
            ("network_zone", computed_text()),
        ]))
    }

    fn validate(&self, config: Attrs<'_>, problems: &mut Problems) {
        rules::exactly_one(config, &["id", "name"], problems);
    }

    async fn read(&self, cx: &Cx, config: Attrs<'_>, mut state: State) -> Result<Value, Failure> {
        let locations = cx.client.locations();
        let location = match config.int("id") {
            Some(id) => existing(locations.find(id).await?, "location", id)?,
            None => {
                let name = config.string("name");
                only(locations.list(&Filter::name(&name)).await?, "location", &format!("the name {name:?}"))?
            }
        };
        state.set("id", int(location.id));
        for (name, value) in [
            ("name", &location.name),
            ("description", &location.description),
            ("country", &location.country),
            ("city", &location.city),
            ("network_zone", &location.network_zone),
        ] {
            state.set(name, text(value));
        }
        state.set("latitude", float(location.latitude));
        state.set("longitude", float(location.longitude));
        Ok(state.finish())
    }
}
