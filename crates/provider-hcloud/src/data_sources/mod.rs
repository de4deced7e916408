//! The data sources, a file for each kind of object: its [`family::Family`] describes both the data source of one and
//! that of many.

pub(crate) mod certificate;
pub(crate) mod datacenter;
pub(crate) mod family;
pub(crate) mod firewall;
pub(crate) mod floating_ip;
pub(crate) mod image;
pub(crate) mod load_balancer;
pub(crate) mod load_balancer_type;
pub(crate) mod location;
pub(crate) mod network;
pub(crate) mod placement_group;
pub(crate) mod primary_ip;
pub(crate) mod server;
pub(crate) mod server_type;
pub(crate) mod ssh_key;
pub(crate) mod storage_box;
pub(crate) mod storage_box_part;
pub(crate) mod storage_box_type;
pub(crate) mod volume;
pub(crate) mod zone;
pub(crate) mod zone_rrset;

use ferroform_core::schema::{Attribute, Block, Schema};
use ferroform_core::{Type, Value};
use ferroform_hcloud::Deprecation;

use crate::attrs::{flag, moment};

fn schema(block: Block) -> Schema {
    Schema { version: 0, block }
}

fn computed_text() -> Attribute {
    Attribute::computed(Type::String)
}

/// Whether and when something goes out of use.
fn deprecation(deprecation: Option<&Deprecation>) -> [(&'static str, Value); 3] {
    [
        ("is_deprecated", flag(deprecation.is_some())),
        ("deprecation_announced", moment(deprecation.map(|d| d.announced.as_str()))),
        ("unavailable_after", moment(deprecation.map(|d| d.unavailable_after.as_str()))),
    ]
}
