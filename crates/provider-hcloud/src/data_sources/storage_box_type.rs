//! `hcloud_storage_box_type`, `hcloud_storage_box_types`: kinds of storage boxes.

use ferroform_core::schema::{Attribute, Block};
use ferroform_core::{Type, Value};
use ferroform_hcloud::{Client, StorageBoxType};

use super::family::Family;
use super::{computed_text, deprecation};
use crate::attrs::{int, int_or_null, text};

pub(crate) static FAMILY: Family<StorageBoxType> = Family {
    one_takes: &[],
    many_takes: &[],
    id_of_many: None,
    ..Family::new(
        "hcloud_storage_box_type",
        "hcloud_storage_box_types",
        "storage box type",
        Client::storage_box_types,
        holds,
        show,
    )
};

fn holds() -> Block {
    let number = || Attribute::computed(Type::Number);
    Block::of([
        ("id", number()),
        ("name", computed_text()),
        ("description", computed_text()),
        ("snapshot_limit", number()),
        ("automatic_snapshot_limit", number()),
        ("subaccounts_limit", number()),
        ("size", number()),
        ("is_deprecated", Attribute::computed(Type::Bool)),
        ("deprecation_announced", computed_text()),
        ("unavailable_after", computed_text()),
    ])
}

fn show(kind: &StorageBoxType) -> Vec<(&'static str, Value)> {
    let own = [
        ("id", int(kind.id)),
        ("name", text(&kind.name)),
        ("description", text(&kind.description)),
        ("snapshot_limit", int_or_null(kind.snapshot_limit)),
        ("automatic_snapshot_limit", int_or_null(kind.automatic_snapshot_limit)),
        ("subaccounts_limit", int(kind.subaccounts_limit)),
        ("size", int(kind.size)),
    ];
    own.into_iter().chain(deprecation(kind.deprecation.as_ref())).collect()
}
