//! The values that both configuration and expected world are made of: what a version and a generation of a block mean.

use super::model::{BASE, Group, Kind, Member};

/// What load balancers select their targets by.
pub(super) const SELECTOR: &str = "role=web";

pub(super) fn network_range(group: &Group, member: &Member) -> &'static str {
    match (group.id == BASE, member.generation % 2) {
        (true, 0) => "10.0.0.0/8",
        (true, _) => "10.0.0.0/9",
        (false, 0) => "172.16.0.0/12",
        (false, _) => "172.16.0.0/13",
    }
}

pub(super) fn exposes(member: &Member) -> bool {
    member.version % 2 == 1
}

pub(super) fn subnet_range(member: &Member) -> String {
    format!("10.{}.0.0/24", 1 + member.generation % 40)
}

pub(super) fn route_destination(member: &Member) -> String {
    format!("192.168.{}.0/24", member.generation % 200)
}

pub(super) fn route_gateway(group: &Group) -> &'static str {
    if group.id == BASE { "10.50.0.5" } else { "172.16.0.5" }
}

/// Public keys whose private parts nobody has.
pub(super) fn public_key(member: &Member) -> String {
    let end = ["HR4f", "HR4e", "HR4d", "HR4c"][member.generation % 4];
    format!("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhsc{end} chaos@example")
}

pub(super) fn port(member: &Member) -> usize {
    8000 + member.version
}

pub(super) fn server_type(member: &Member) -> &'static str {
    if member.version.is_multiple_of(2) { "cx23" } else { "cx33" }
}

pub(super) fn image(member: &Member) -> &'static str {
    if member.generation.is_multiple_of(2) { "debian-12" } else { "debian-13" }
}

pub(super) fn size(member: &Member) -> usize {
    10 + member.version
}

/// A volume that is attached stays where its server is.
pub(super) fn volume_location(group: &Group, member: &Member) -> &'static str {
    let free = group.member(Kind::Server).is_none();
    if free && member.generation % 2 == 1 { "nbg1" } else { "fsn1" }
}

pub(super) fn reverse_name(member: &Member) -> String {
    format!("v{}.example.com", member.version)
}

pub(super) fn ttl(member: &Member) -> usize {
    600 + 60 * member.version
}

/// Type and value of a record.
pub(super) fn record(member: &Member) -> (&'static str, String) {
    match member.generation % 2 {
        0 => ("A", format!("192.0.2.{}", 1 + member.version % 200)),
        _ => ("TXT", format!("\"version {}\"", member.version)),
    }
}

pub(super) fn balancer_type(member: &Member) -> &'static str {
    if member.version.is_multiple_of(2) { "lb11" } else { "lb21" }
}

pub(super) fn balancer_location(member: &Member) -> &'static str {
    if member.generation.is_multiple_of(2) { "fsn1" } else { "nbg1" }
}
