//! `hcloud_volume`, `hcloud_volumes`: block devices for one server at a time.

use ferroform_core::schema::{Attribute, Block};
use ferroform_core::{Type, Value};
use ferroform_hcloud::{Client, Volume};

use super::computed_text;
use super::family::{Argument, Family};
use crate::attrs::{flag, int, int_or_null, labels, text};

pub(crate) static FAMILY: Family<Volume> = Family {
    settable: &[
        ("id", Attribute::optional_computed),
        ("name", Attribute::optional_computed),
        ("location", Attribute::optional),
        ("server_id", Attribute::optional),
    ],
    one_takes: &[Argument::Selector, Argument::OldSelector, Argument::Status(Type::list)],
    many_takes: &[Argument::Selector, Argument::Status(Type::list)],
    older: true,
    id_of_many: Some(Attribute::optional_computed),
    ..Family::new("hcloud_volume", "hcloud_volumes", "volume", Client::volumes, holds, show)
};

fn holds() -> Block {
    Block::of([
        ("id", Attribute::computed(Type::Number)),
        ("name", computed_text()),
        ("size", Attribute::computed(Type::Number)),
        ("labels", Attribute::computed(Type::map(Type::String))),
        ("location", computed_text()),
        ("server_id", Attribute::computed(Type::Number)),
        ("linux_device", computed_text()),
        ("delete_protection", Attribute::computed(Type::Bool)),
    ])
}

fn show(volume: &Volume) -> Vec<(&'static str, Value)> {
    vec![
        ("id", int(volume.id)),
        ("name", text(&volume.name)),
        ("size", int(volume.size)),
        ("labels", labels(&volume.labels)),
        ("location", text(&volume.location.name)),
        ("server_id", int_or_null(volume.server)),
        ("linux_device", text(&volume.linux_device)),
        ("delete_protection", flag(volume.protection.delete)),
    ]
}
