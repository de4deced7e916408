//! `hcloud_primary_ip`, `hcloud_primary_ips`: public addresses of servers.

use ferroform_core::schema::{Attribute, Block};
use ferroform_core::{Type, Value};
use ferroform_hcloud::{Client, PrimaryIp};

use super::computed_text;
use super::family::Family;
use crate::attrs::{flag, int, labels, text, text_or_null};
use crate::resources::floating_ip::address_and_network;

pub(crate) static FAMILY: Family<PrimaryIp> = Family {
    keys: &[("name", Some("name")), ("ip_address", Some("ip"))],
    settable: &[
        ("id", Attribute::optional),
        ("name", Attribute::optional),
        ("ip_address", Attribute::optional),
    ],
    id_of_many: Some(Attribute::optional_computed),
    ..Family::new("hcloud_primary_ip", "hcloud_primary_ips", "primary IP", Client::primary_ips, holds, show)
};

fn holds() -> Block {
    let mut datacenter = computed_text();
    datacenter.deprecated = Some("Hetzner Cloud has no data centers any more; use `location`.".to_owned());
    Block::of([
        ("id", Attribute::computed(Type::Number)),
        ("name", computed_text()),
        ("type", computed_text()),
        ("location", computed_text()),
        ("datacenter", datacenter),
        ("assignee_id", Attribute::computed(Type::Number)),
        ("assignee_type", computed_text()),
        ("auto_delete", Attribute::computed(Type::Bool)),
        ("labels", Attribute::computed(Type::map(Type::String))),
        ("delete_protection", Attribute::computed(Type::Bool)),
        ("ip_address", computed_text()),
        ("ip_network", computed_text()),
    ])
}

fn show(ip: &PrimaryIp) -> Vec<(&'static str, Value)> {
    let (address, network) = address_and_network(&ip.kind, &ip.ip);
    vec![
        ("id", int(ip.id)),
        ("name", text(&ip.name)),
        ("type", text(&ip.kind)),
        ("location", text_or_null(ip.location.as_ref().map(|location| location.name.as_str()))),
        ("assignee_id", int(ip.assignee_id.unwrap_or(0))),
        ("assignee_type", text(&ip.assignee_type)),
        ("auto_delete", flag(ip.auto_delete)),
        ("labels", labels(&ip.labels)),
        ("delete_protection", flag(ip.protection.delete)),
        ("ip_address", text(address)),
        ("ip_network", text_or_null(network)),
    ]
}
