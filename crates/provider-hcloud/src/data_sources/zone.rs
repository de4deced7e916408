//! `hcloud_zone`, `hcloud_zones`: DNS zones.

use ferroform_core::Value;
use ferroform_core::schema::{Attribute, Block};
use ferroform_hcloud::{Client, Zone};

use super::family::Family;
use crate::resource::Resource as _;
use crate::resources;

pub(crate) static FAMILY: Family<Zone> =
    Family::new("hcloud_zone", "hcloud_zones", "zone", Client::zones, holds, show);

/// What the resource has, all of it computed.
fn holds() -> Block {
    computed(resources::zone::Zone.schema().block)
}

/// The same block with nothing to be set.
pub(super) fn computed(mut block: Block) -> Block {
    for attribute in block.attributes.values_mut() {
        let (ty, nested) = (attribute.ty.clone(), attribute.nested.take());
        let nested = nested.map(|nested| {
            let held = Block { attributes: nested.attributes.clone(), ..Block::default() };
            let mut inner = (*nested).clone();
            inner.attributes = computed(held).attributes;
            inner.into()
        });
        *attribute = Attribute { nested, ..Attribute::computed(ty) };
    }
    block
}

fn show(zone: &Zone) -> Vec<(&'static str, Value)> {
    resources::zone::shown(zone)
}
