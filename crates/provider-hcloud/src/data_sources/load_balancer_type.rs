//! `hcloud_load_balancer_type`, `hcloud_load_balancer_types`: kinds of load balancers.

use ferroform_core::schema::{Attribute, Block};
use ferroform_core::{Type, Value};
use ferroform_hcloud::{Client, LoadBalancerType};

use super::family::Family;
use super::{computed_text, deprecation};
use crate::attrs::{int, text};

pub(crate) static FAMILY: Family<LoadBalancerType> = Family {
    settable: &[("id", Attribute::optional_computed), ("name", Attribute::optional_computed)],
    one_takes: &[],
    many_takes: &[],
    ..Family::new(
        "hcloud_load_balancer_type",
        "hcloud_load_balancer_types",
        "load balancer type",
        Client::load_balancer_types,
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
        ("max_assigned_certificates", number()),
        ("max_connections", number()),
        ("max_services", number()),
        ("max_targets", number()),
        ("is_deprecated", Attribute::computed(Type::Bool)),
        ("deprecation_announced", computed_text()),
        ("unavailable_after", computed_text()),
    ])
}

fn show(kind: &LoadBalancerType) -> Vec<(&'static str, Value)> {
    let own = [
        ("id", int(kind.id)),
        ("name", text(&kind.name)),
        ("description", text(&kind.description)),
        ("max_assigned_certificates", int(kind.max_assigned_certificates)),
        ("max_connections", int(kind.max_connections)),
        ("max_services", int(kind.max_services)),
        ("max_targets", int(kind.max_targets)),
    ];
    own.into_iter().chain(deprecation(kind.deprecation.as_ref())).collect()
}
