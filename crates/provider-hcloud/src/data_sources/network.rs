//! `hcloud_network`, `hcloud_networks`: private networks.

use ferroform_core::schema::{Attribute, Block};
use ferroform_core::{Type, Value};
use ferroform_hcloud::{Client, Network};

use super::computed_text;
use super::family::{Argument, Family};
use crate::attrs::{flag, int, labels, text};

pub(crate) static FAMILY: Family<Network> = Family {
    settable: &[
        ("id", Attribute::optional_computed),
        ("name", Attribute::optional_computed),
        ("ip_range", Attribute::optional_computed),
        ("labels", Attribute::optional_computed),
    ],
    one_takes: &[Argument::Selector, Argument::OldMostRecent],
    older: true,
    id_of_many: Some(Attribute::optional_computed),
    ..Family::new("hcloud_network", "hcloud_networks", "network", Client::networks, holds, show)
};

fn holds() -> Block {
    Block::of([
        ("id", Attribute::computed(Type::Number)),
        ("name", computed_text()),
        ("ip_range", computed_text()),
        ("labels", Attribute::computed(Type::map(Type::String))),
        ("delete_protection", Attribute::computed(Type::Bool)),
        ("expose_routes_to_vswitch", Attribute::computed(Type::Bool)),
    ])
}

fn show(network: &Network) -> Vec<(&'static str, Value)> {
    vec![
        ("id", int(network.id)),
        ("name", text(&network.name)),
        ("ip_range", text(&network.ip_range)),
        ("labels", labels(&network.labels)),
        ("delete_protection", flag(network.protection.delete)),
        ("expose_routes_to_vswitch", flag(network.expose_routes_to_vswitch)),
    ]
}
