//! `hcloud_floating_ip`, `hcloud_floating_ips`: public addresses that are led to one server or another.

use ferroform_core::schema::{Attribute, Block};
use ferroform_core::{Type, Value};
use ferroform_hcloud::{Client, FloatingIp};

use super::computed_text;
use super::family::{Argument, Family};
use crate::attrs::{flag, int, int_or_null, labels, text, text_or_null};
use crate::resources::floating_ip::address_and_network;

pub(crate) static FAMILY: Family<FloatingIp> = Family {
    // The API finds none by its address.
    keys: &[("name", Some("name")), ("ip_address", None)],
    settable: &[
        ("id", Attribute::optional_computed),
        ("name", Attribute::optional),
        ("ip_address", Attribute::optional_computed),
    ],
    one_takes: &[Argument::Selector, Argument::OldSelector],
    older: true,
    id_of_many: Some(Attribute::optional_computed),
    ..Family::new(
        "hcloud_floating_ip",
        "hcloud_floating_ips",
        "floating IP",
        Client::floating_ips,
        holds,
        show,
    )
};

fn holds() -> Block {
    Block::of([
        ("id", Attribute::computed(Type::Number)),
        ("name", computed_text()),
        ("type", computed_text()),
        ("description", computed_text()),
        ("home_location", computed_text()),
        ("server_id", Attribute::computed(Type::Number)),
        ("ip_address", computed_text()),
        ("ip_network", computed_text()),
        ("labels", Attribute::computed(Type::map(Type::String))),
        ("delete_protection", Attribute::computed(Type::Bool)),
    ])
}

fn show(ip: &FloatingIp) -> Vec<(&'static str, Value)> {
    let (address, network) = address_and_network(&ip.kind, &ip.ip);
    vec![
        ("id", int(ip.id)),
        ("name", text(&ip.name)),
        ("type", text(&ip.kind)),
        ("description", text(&ip.description)),
        ("home_location", text(&ip.home_location.name)),
        ("server_id", int_or_null(ip.server)),
        ("ip_address", text(address)),
        ("ip_network", text_or_null(network)),
        ("labels", labels(&ip.labels)),
        ("delete_protection", flag(ip.protection.delete)),
    ]
}
