//! `hcloud_server`, `hcloud_servers`: servers.

use ferroform_core::schema::{Attribute, Block, NestedBlock, Nesting};
use ferroform_core::{Type, Value};
use ferroform_hcloud::{Client, PrivateNet, Server};

use super::computed_text;
use super::family::{Argument, Family};
use crate::attrs::{flag, int, int_list, int_or_null, labels, text, text_or_null, text_set};
use crate::resources::server::first_address;

pub(crate) static FAMILY: Family<Server> = Family {
    settable: &[
        ("id", Attribute::optional_computed),
        ("name", Attribute::optional_computed),
        ("placement_group_id", Attribute::optional),
    ],
    one_takes: &[Argument::Selector, Argument::OldSelector, Argument::Status(Type::list)],
    many_takes: &[Argument::Selector, Argument::Status(Type::list)],
    older: true,
    id_of_many: Some(Attribute::optional_computed),
    ..Family::new("hcloud_server", "hcloud_servers", "server", Client::servers, holds, show)
};

fn holds() -> Block {
    let mut datacenter = computed_text();
    datacenter.deprecated = Some("Hetzner Cloud has no data centers any more; use `location`.".to_owned());
    let switch = || Attribute::computed(Type::Bool);
    Block::of([
        ("id", Attribute::computed(Type::Number)),
        ("name", computed_text()),
        ("server_type", computed_text()),
        ("image", computed_text()),
        ("location", computed_text()),
        ("datacenter", datacenter),
        ("backup_window", computed_text()),
        ("backups", switch()),
        ("ipv4_address", computed_text()),
        ("ipv6_address", computed_text()),
        ("ipv6_network", computed_text()),
        ("status", computed_text()),
        ("iso", computed_text()),
        ("rescue", computed_text()),
        ("labels", Attribute::computed(Type::map(Type::String))),
        ("firewall_ids", Attribute::computed(Type::list(Type::Number))),
        ("placement_group_id", Attribute::computed(Type::Number)),
        ("delete_protection", switch()),
        ("rebuild_protection", switch()),
        ("primary_disk_size", Attribute::computed(Type::Number)),
    ])
    .with_block("network", NestedBlock::new(Nesting::Set, network_block()))
}

fn network_block() -> Block {
    Block::of([
        ("network_id", Attribute::computed(Type::Number)),
        ("ip", computed_text()),
        ("alias_ips", Attribute::computed(Type::set(Type::String))),
        ("mac_address", computed_text()),
    ])
}

fn network(net: &PrivateNet) -> Value {
    Value::object([
        ("network_id", int(net.network)),
        ("ip", text(&net.ip)),
        ("alias_ips", text_set(&net.alias_ips)),
        ("mac_address", text(&net.mac_address)),
    ])
}

fn show(server: &Server) -> Vec<(&'static str, Value)> {
    let (ipv4, ipv6) = (&server.public_net.ipv4, &server.public_net.ipv6);
    // Snapshots have no name, and are known by their number.
    let image = server.image.as_ref().map(|image| {
        image.name.clone().filter(|name| !name.is_empty()).unwrap_or_else(|| image.id.to_string())
    });
    vec![
        ("id", int(server.id)),
        ("name", text(&server.name)),
        ("server_type", text(&server.server_type.name)),
        ("image", text_or_null(image.as_deref())),
        ("location", text(&server.location.name)),
        ("backup_window", text(server.backup_window.as_deref().unwrap_or_default())),
        ("backups", flag(server.backup_window.is_some())),
        ("ipv4_address", text(ipv4.as_ref().map_or("", |a| &a.ip))),
        ("ipv6_address", text(&ipv6.as_ref().map(|a| first_address(&a.ip)).unwrap_or_default())),
        ("ipv6_network", text(ipv6.as_ref().map_or("", |a| &a.ip))),
        ("status", text(&server.status)),
        ("labels", labels(&server.labels)),
        ("firewall_ids", int_list(server.public_net.firewalls.iter().map(|firewall| firewall.id))),
        ("placement_group_id", int_or_null(server.placement_group.as_ref().map(|group| group.id))),
        ("delete_protection", flag(server.protection.delete)),
        ("rebuild_protection", flag(server.protection.rebuild)),
        ("primary_disk_size", int(server.primary_disk_size)),
        ("network", Value::set(network_block().implied_type(), server.private_net.iter().map(network))),
    ]
}
