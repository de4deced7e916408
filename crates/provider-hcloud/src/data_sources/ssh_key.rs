//! `hcloud_ssh_key`, `hcloud_ssh_keys`: public keys that servers are created with.

use ferroform_core::schema::{Attribute, Block};
use ferroform_core::{Type, Value};
use ferroform_hcloud::{Client, SshKey};

use super::computed_text;
use super::family::{Argument, Family};
use crate::attrs::{int, labels, text};

pub(crate) static FAMILY: Family<SshKey> = Family {
    keys: &[("name", Some("name")), ("fingerprint", Some("fingerprint"))],
    settable: &[
        ("id", Attribute::optional),
        ("name", Attribute::optional),
        ("fingerprint", Attribute::optional),
    ],
    one_takes: &[Argument::Selector, Argument::OldSelector],
    id_of_many: Some(Attribute::optional),
    ..Family::new("hcloud_ssh_key", "hcloud_ssh_keys", "SSH key", Client::ssh_keys, holds, show)
};

fn holds() -> Block {
    Block::of([
        ("id", Attribute::computed(Type::Number)),
        ("name", computed_text()),
        ("fingerprint", computed_text()),
        ("public_key", computed_text()),
        ("labels", Attribute::computed(Type::map(Type::String))),
    ])
}

fn show(key: &SshKey) -> Vec<(&'static str, Value)> {
    vec![
        ("id", int(key.id)),
        ("name", text(&key.name)),
        ("fingerprint", text(&key.fingerprint)),
        ("public_key", text(&key.public_key)),
        ("labels", labels(&key.labels)),
    ]
}
