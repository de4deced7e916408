//! `hcloud_storage_box`, `hcloud_storage_boxes`: space for files.

use ferroform_core::Value;
use ferroform_core::schema::Block;
use ferroform_hcloud::{Client, StorageBox};

use super::family::Family;
use super::zone::computed;
use crate::resource::Resource as _;
use crate::resources::storage_box;

pub(crate) static FAMILY: Family<StorageBox> = Family {
    id_of_many: None,
    ..Family::new(
        "hcloud_storage_box",
        "hcloud_storage_boxes",
        "storage box",
        Client::storage_boxes,
        holds,
        show,
    )
};

/// What the resource has and the API tells, all of it computed.
fn holds() -> Block {
    let mut block = storage_box::StorageBox.schema().block;
    for name in ["password", "ssh_keys"] {
        block.attributes.remove(name);
    }
    computed(block)
}

fn show(found: &StorageBox) -> Vec<(&'static str, Value)> {
    storage_box::shown(found)
}
