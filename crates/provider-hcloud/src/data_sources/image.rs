//! `hcloud_image`, `hcloud_images`: what a server's disk begins with.

use ferroform_core::schema::{Attribute, Block};
use ferroform_core::{Type, Value};
use ferroform_hcloud::{Client, Image};

use super::computed_text;
use super::family::{Argument, Family};
use crate::attrs::{flag, int, labels, moment, text, text_or_null};

pub(crate) static FAMILY: Family<Image> = Family {
    one_takes: &[
        Argument::Selector,
        Argument::OldSelector,
        Argument::Status(Type::set),
        Argument::Architecture,
        Argument::MostRecent,
        Argument::IncludeDeprecated,
    ],
    many_takes: &[
        Argument::Selector,
        Argument::Status(Type::set),
        Argument::Architectures,
        Argument::MostRecent,
        Argument::IncludeDeprecated,
    ],
    ..Family::new("hcloud_image", "hcloud_images", "image", Client::images, holds, show)
};

fn holds() -> Block {
    Block::of([
        ("id", Attribute::computed(Type::Number)),
        ("name", computed_text()),
        ("type", computed_text()),
        ("description", computed_text()),
        ("labels", Attribute::computed(Type::map(Type::String))),
        ("created", computed_text()),
        ("os_flavor", computed_text()),
        ("os_version", computed_text()),
        ("architecture", computed_text()),
        ("rapid_deploy", Attribute::computed(Type::Bool)),
        ("deprecated", computed_text()),
    ])
}

fn show(image: &Image) -> Vec<(&'static str, Value)> {
    let deprecated = image.deprecation.as_ref().map(|d| d.announced.as_str()).or(image.deprecated.as_deref());
    vec![
        ("id", int(image.id)),
        ("name", text_or_null(image.name.as_deref())),
        ("type", text(&image.kind)),
        ("description", text(&image.description)),
        ("labels", labels(&image.labels)),
        ("created", moment(Some(&image.created))),
        ("os_flavor", text(&image.os_flavor)),
        ("os_version", text_or_null(image.os_version.as_deref())),
        ("architecture", text(&image.architecture)),
        ("rapid_deploy", flag(image.rapid_deploy)),
        ("deprecated", moment(deprecated)),
    ]
}
