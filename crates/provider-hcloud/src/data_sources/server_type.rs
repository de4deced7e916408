//! `hcloud_server_type`: a kind of server.

use async_trait::async_trait;
use ferroform_core::schema::{Attribute, Block, Nesting, Schema};
use ferroform_core::{Type, Value};
use ferroform_hcloud::{Deprecation, Filter, ServerTypeLocation};

use super::{computed_text, optional_text, schema};
use crate::attrs::{Attrs, State, flag, float, int, nested, text, text_or_null};
use crate::cx::Cx;
use crate::data_source::{DataSource, existing, only};
use crate::failure::Failure;
use crate::rules::{self, Problems};

pub(crate) struct ServerType;

#[async_trait]
impl DataSource for ServerType {
    fn name(&self) -> &'static str {
        "hcloud_server_type"
    }

    fn schema(&self) -> Schema {
        let number = || Attribute::computed(Type::Number);
        let mut block = Block::of([
            ("id", Attribute::optional(Type::Number)),
            ("name", optional_text()),
            ("category", computed_text()),
            ("description", computed_text()),
            ("cores", number()),
            ("memory", number()),
            ("disk", number()),
            ("storage_type", computed_text()),
            ("cpu_type", computed_text()),
            ("architecture", computed_text()),
            ("included_traffic", number()),
            ("is_deprecated", Attribute::computed(Type::Bool)),
            ("deprecation_announced", computed_text()),
            ("unavailable_after", computed_text()),
        ]);
        for (name, advice) in [
            ("included_traffic", "It is always 0; see the prices of the location."),
            ("is_deprecated", "Use the deprecation in `locations`."),
            ("deprecation_announced", "Use the deprecation in `locations`."),
            ("unavailable_after", "Use the deprecation in `locations`."),
        ] {
            if let Some(attribute) = block.attributes.get_mut(name) {
                attribute.deprecated = Some(advice.to_owned());
            }
        }
        let locations = nested(Attribute::computed, Nesting::List, location_block());
        block.attributes.insert("locations".into(), locations);
        schema(block)
    }

    fn validate(&self, config: Attrs<'_>, problems: &mut Problems) {
        rules::exactly_one(config, &["id", "name"], problems);
    }

    async fn read(&self, cx: &Cx, config: Attrs<'_>, mut state: State) -> Result<Value, Failure> {
        let types = cx.client.server_types();
        let server_type = match config.int("id") {
            Some(id) => existing(types.find(id).await?, "server type", id)?,
            None => {
                let name = config.string("name");
                only(types.list(&Filter::name(&name)).await?, "server type", &format!("the name {name:?}"))?
            }
        };
        state.set("id", int(server_type.id));
        for (name, value) in [
            ("name", &server_type.name),
            ("description", &server_type.description),
            ("storage_type", &server_type.storage_type),
            ("cpu_type", &server_type.cpu_type),
            ("architecture", &server_type.architecture),
        ] {
            state.set(name, text(value));
        }
        state.set("category", text_or_null(server_type.category.as_deref()));
        state.set("cores", float(server_type.cores));
        state.set("memory", float(server_type.memory));
        state.set("disk", float(server_type.disk));
        state.set("included_traffic", int(0));
        for (name, value) in deprecation(server_type.deprecation.as_ref()) {
            state.set(name, value);
        }
        let locations = server_type.locations.iter().map(location_value);
        state.set("locations", Value::list(location_block().implied_type(), locations));
        Ok(state.finish())
    }
}

fn location_block() -> Block {
    Block::of([
        ("id", Attribute::computed(Type::Number)),
        ("name", computed_text()),
        ("available", Attribute::computed(Type::Bool)),
        ("recommended", Attribute::computed(Type::Bool)),
        ("is_deprecated", Attribute::computed(Type::Bool)),
        ("deprecation_announced", computed_text()),
        ("unavailable_after", computed_text()),
    ])
}

fn location_value(location: &ServerTypeLocation) -> Value {
    let own = [
        ("id", int(location.id)),
        ("name", text(&location.name)),
        ("available", flag(location.available)),
        ("recommended", flag(location.recommended)),
    ];
    Value::object(own.into_iter().chain(deprecation(location.deprecation.as_ref())))
}

fn deprecation(deprecation: Option<&Deprecation>) -> [(&'static str, Value); 3] {
    [
        ("is_deprecated", flag(deprecation.is_some())),
        ("deprecation_announced", text_or_null(deprecation.map(|d| d.announced.as_str()))),
        ("unavailable_after", text_or_null(deprecation.map(|d| d.unavailable_after.as_str()))),
    ]
}
