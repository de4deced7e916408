//! `hcloud_certificate`, `hcloud_certificates`: certificates for load balancers.

use ferroform_core::schema::{Attribute, Block};
use ferroform_core::{Type, Value};
use ferroform_hcloud::{Certificate, Client};

use super::computed_text;
use super::family::Family;
use crate::attrs::{int, labels, moment, text, text_list, text_or_null};

pub(crate) static FAMILY: Family<Certificate> = Family {
    settable: &[("id", Attribute::optional_computed), ("name", Attribute::optional)],
    older: true,
    id_of_many: Some(Attribute::optional_computed),
    ..Family::new(
        "hcloud_certificate",
        "hcloud_certificates",
        "certificate",
        Client::certificates,
        holds,
        show,
    )
};

fn holds() -> Block {
    Block::of([
        ("id", Attribute::computed(Type::Number)),
        ("name", computed_text()),
        ("type", computed_text()),
        ("certificate", computed_text()),
        ("labels", Attribute::computed(Type::map(Type::String))),
        ("domain_names", Attribute::computed(Type::list(Type::String))),
        ("fingerprint", computed_text()),
        ("created", computed_text()),
        ("not_valid_before", computed_text()),
        ("not_valid_after", computed_text()),
    ])
}

fn show(certificate: &Certificate) -> Vec<(&'static str, Value)> {
    vec![
        ("id", int(certificate.id)),
        ("name", text(&certificate.name)),
        ("type", text(&certificate.kind)),
        ("certificate", text_or_null(certificate.certificate.as_deref())),
        ("labels", labels(&certificate.labels)),
        ("domain_names", text_list(&certificate.domain_names)),
        ("fingerprint", text_or_null(certificate.fingerprint.as_deref())),
        ("created", moment(Some(&certificate.created))),
        ("not_valid_before", moment(certificate.not_valid_before.as_deref())),
        ("not_valid_after", moment(certificate.not_valid_after.as_deref())),
    ]
}
