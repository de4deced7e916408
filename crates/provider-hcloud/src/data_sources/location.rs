//! `hcloud_location`, `hcloud_locations`: places where servers run.

use ferroform_core::schema::{Attribute, Block};
use ferroform_core::{Type, Value};
use ferroform_hcloud::{Client, Location};

use super::computed_text;
use super::family::Family;
use crate::attrs::{float, int, text};

pub(crate) static FAMILY: Family<Location> = Family {
    one_takes: &[],
    many_takes: &[],
    lists: &[("location_ids", "id"), ("names", "name"), ("descriptions", "description")],
    ..Family::new("hcloud_location", "hcloud_locations", "location", Client::locations, holds, show)
};

fn holds() -> Block {
    Block::of([
        ("id", Attribute::computed(Type::Number)),
        ("name", computed_text()),
        ("description", computed_text()),
        ("country", computed_text()),
        ("city", computed_text()),
        ("latitude", Attribute::computed(Type::Number)),
        ("longitude", Attribute::computed(Type::Number)),
        ("network_zone", computed_text()),
    ])
}

fn show(location: &Location) -> Vec<(&'static str, Value)> {
    vec![
        ("id", int(location.id)),
        ("name", text(&location.name)),
        ("description", text(&location.description)),
        ("country", text(&location.country)),
        ("city", text(&location.city)),
        ("latitude", float(location.latitude)),
        ("longitude", float(location.longitude)),
        ("network_zone", text(&location.network_zone)),
    ]
}
