//! `hcloud_server_type`, `hcloud_server_types`: kinds of servers.

use ferroform_core::schema::{Attribute, Block, Nesting};
use ferroform_core::{Type, Value};
use ferroform_hcloud::{Client, ServerType, ServerTypeLocation};

use super::family::Family;
use super::{computed_text, deprecation};
use crate::attrs::{flag, float, int, nested, text, text_or_null};

pub(crate) static FAMILY: Family<ServerType> = Family {
    one_takes: &[],
    many_takes: &[],
    lists: &[("server_type_ids", "id"), ("names", "name"), ("descriptions", "description")],
    ..Family::new(
        "hcloud_server_type",
        "hcloud_server_types",
        "server type",
        Client::server_types,
        holds,
        show,
    )
};

fn holds() -> Block {
    let number = || Attribute::computed(Type::Number);
    let mut block = Block::of([
        ("id", number()),
        ("name", computed_text()),
        ("category", computed_text()),
        ("description", computed_text()),
        ("cores", number()),
        ("memory", number()),
        ("disk", number()),
        ("storage_type", computed_text()),
        ("cpu_type", computed_text()),
        ("architecture", computed_text()),
        ("locations", nested(Attribute::computed, Nesting::List, location_block())),
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
    block
}

fn show(kind: &ServerType) -> Vec<(&'static str, Value)> {
    let locations = kind.locations.iter().map(location);
    let own = [
        ("id", int(kind.id)),
        ("name", text(&kind.name)),
        ("category", text_or_null(kind.category.as_deref())),
        ("description", text(&kind.description)),
        ("cores", float(kind.cores)),
        ("memory", float(kind.memory)),
        ("disk", float(kind.disk)),
        ("storage_type", text(&kind.storage_type)),
        ("cpu_type", text(&kind.cpu_type)),
        ("architecture", text(&kind.architecture)),
        ("locations", Value::list(location_block().implied_type(), locations)),
        ("included_traffic", int(0)),
    ];
    own.into_iter().chain(deprecation(kind.deprecation.as_ref())).collect()
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

fn location(location: &ServerTypeLocation) -> Value {
    let own = [
        ("id", int(location.id)),
        ("name", text(&location.name)),
        ("available", flag(location.available)),
        ("recommended", flag(location.recommended)),
    ];
    Value::object(own.into_iter().chain(deprecation(location.deprecation.as_ref())))
}
