//! `hcloud_firewall`, `hcloud_firewalls`: rules, and what they are applied to.

use ferroform_core::schema::{Attribute, Block, NestedBlock, Nesting};
use ferroform_core::{Type, Value};
use ferroform_hcloud::{Client, Firewall};

use super::computed_text;
use super::family::{Argument, Family};
use crate::attrs::{int, labels, text};
use crate::resources::firewall::{apply_to_block, resources, rule_block, rule_value, target_value};

pub(crate) static FAMILY: Family<Firewall> = Family {
    settable: &[
        ("id", Attribute::optional),
        ("name", Attribute::optional_computed),
        ("labels", Attribute::optional),
    ],
    one_takes: &[Argument::Selector, Argument::MostRecent],
    many_takes: &[Argument::Selector, Argument::MostRecent],
    older: true,
    id_of_many: Some(Attribute::optional_computed),
    ..Family::new("hcloud_firewall", "hcloud_firewalls", "firewall", Client::firewalls, holds, show)
};

fn holds() -> Block {
    let mut rule = rule_block();
    rule.attributes.insert("protocol".into(), Attribute::optional(Type::String));
    Block::of([
        ("id", Attribute::computed(Type::Number)),
        ("name", computed_text()),
        ("labels", Attribute::computed(Type::map(Type::String))),
    ])
    .with_block("rule", NestedBlock::new(Nesting::Set, rule))
    .with_block("apply_to", NestedBlock::new(Nesting::Set, apply_to_block()))
}

fn show(firewall: &Firewall) -> Vec<(&'static str, Value)> {
    let targets = resources(firewall).into_iter().map(|target| target_value(&target));
    vec![
        ("id", int(firewall.id)),
        ("name", text(&firewall.name)),
        ("labels", labels(&firewall.labels)),
        ("rule", Value::set(rule_block().implied_type(), firewall.rules.iter().map(rule_value))),
        ("apply_to", Value::set(apply_to_block().implied_type(), targets)),
    ]
}
