//! `hcloud_placement_group`, `hcloud_placement_groups`: servers that are kept apart.

use ferroform_core::schema::{Attribute, Block};
use ferroform_core::{Type, Value};
use ferroform_hcloud::{Client, PlacementGroup};

use super::computed_text;
use super::family::{Argument, Family};
use crate::attrs::{int, int_list, labels, text};

pub(crate) static FAMILY: Family<PlacementGroup> = Family {
    settable: &[
        ("id", Attribute::optional_computed),
        ("name", Attribute::optional_computed),
        ("labels", Attribute::optional_computed),
        ("type", Attribute::optional_computed),
    ],
    one_takes: &[Argument::Selector, Argument::MostRecent],
    many_takes: &[Argument::Selector, Argument::MostRecent],
    older: true,
    id_of_many: Some(Attribute::optional_computed),
    ..Family::new(
        "hcloud_placement_group",
        "hcloud_placement_groups",
        "placement group",
        Client::placement_groups,
        holds,
        show,
    )
};

fn holds() -> Block {
    Block::of([
        ("id", Attribute::computed(Type::Number)),
        ("name", computed_text()),
        ("labels", Attribute::computed(Type::map(Type::String))),
        ("servers", Attribute::computed(Type::list(Type::Number))),
        ("type", computed_text()),
    ])
}

fn show(group: &PlacementGroup) -> Vec<(&'static str, Value)> {
    vec![
        ("id", int(group.id)),
        ("name", text(&group.name)),
        ("labels", labels(&group.labels)),
        ("servers", int_list(group.servers.iter().copied())),
        ("type", text(&group.kind)),
    ]
}
