//! `hcloud_image`: what a server's disk begins with.

use async_trait::async_trait;
use ferroform_core::schema::{Attribute, Block, Schema};
use ferroform_core::{Type, Value};
use ferroform_hcloud::{Filter, Image as ApiImage};

use super::{computed_text, old_selector, optional_text, schema, selector};
use crate::attrs::{Attrs, State, flag, int, labels, text, text_or_null};
use crate::cx::Cx;
use crate::data_source::{DataSource, existing, only};
use crate::failure::Failure;
use crate::rules::{self, Problems};

pub(crate) struct Image;

#[async_trait]
impl DataSource for Image {
    fn name(&self) -> &'static str {
        "hcloud_image"
    }

    fn schema(&self) -> Schema {
        schema(Block::of([
            ("id", Attribute::optional(Type::Number)),
            ("type", computed_text()),
            ("name", optional_text()),
            ("description", computed_text()),
            ("labels", Attribute::computed(Type::map(Type::String))),
            ("created", computed_text()),
            ("os_flavor", computed_text()),
            ("os_version", computed_text()),
            ("architecture", computed_text()),
            ("rapid_deploy", Attribute::computed(Type::Bool)),
            ("deprecated", computed_text()),
            ("selector", old_selector()),
            ("with_selector", Attribute::optional(Type::String)),
            ("with_status", Attribute::optional(Type::set(Type::String))),
            ("with_architecture", Attribute::optional(Type::String)),
            ("most_recent", Attribute::optional(Type::Bool)),
            ("include_deprecated", Attribute::optional(Type::Bool)),
        ]))
    }

    fn validate(&self, config: Attrs<'_>, problems: &mut Problems) {
        rules::exactly_one(config, &["id", "name", "selector", "with_selector"], problems);
        rules::one_of(config, "with_architecture", &["x86", "arm"], problems);
    }

    async fn read(&self, cx: &Cx, config: Attrs<'_>, mut state: State) -> Result<Value, Failure> {
        let images = cx.client.images();
        let image = match (config.int("id"), config.text("name")) {
            (Some(id), _) => existing(images.find(id).await?, "image", id)?,
            (None, Some(name)) => {
                // Both architectures have an image of the name; x86 is meant where nothing is said.
                let architecture = config.text("with_architecture").unwrap_or("x86");
                let filter = filtered(Filter::name(name).with("architecture", architecture), config);
                choose(
                    images.list(&filter).await?,
                    config,
                    &format!("the name {name:?} and the architecture {architecture}"),
                )?
            }
            (None, None) => {
                let selector = selector(config).unwrap_or_default();
                let mut filter = Filter::labels(selector);
                if let Some(architecture) = config.text("with_architecture") {
                    filter = filter.with("architecture", architecture);
                }
                choose(
                    images.list(&filtered(filter, config)).await?,
                    config,
                    &format!("labels that fit {selector:?}"),
                )?
            }
        };
        state.set("id", int(image.id));
        state.set("name", text_or_null(image.name.as_deref()));
        for (name, value) in [
            ("type", &image.kind),
            ("description", &image.description),
            ("created", &image.created),
            ("os_flavor", &image.os_flavor),
            ("architecture", &image.architecture),
        ] {
            state.set(name, text(value));
        }
        state.set("os_version", text_or_null(image.os_version.as_deref()));
        state.set("labels", labels(&image.labels));
        state.set("rapid_deploy", flag(image.rapid_deploy));
        let deprecated =
            image.deprecation.as_ref().map(|d| d.announced.as_str()).or(image.deprecated.as_deref());
        state.set("deprecated", text_or_null(deprecated));
        Ok(state.finish())
    }
}

fn filtered(filter: Filter, config: Attrs<'_>) -> Filter {
    let filter =
        config.texts("with_status").into_iter().fold(filter, |filter, status| filter.with("status", status));
    if config.flag("include_deprecated") { filter.with("include_deprecated", "true") } else { filter }
}

fn choose(mut found: Vec<ApiImage>, config: Attrs<'_>, by: &str) -> Result<ApiImage, Failure> {
    if config.flag("most_recent") && found.len() > 1 {
        // Times of the API are all in UTC and of one form, so that their order is that of the text.
        found.sort_by(|a, b| b.created.cmp(&a.created));
        found.truncate(1);
    }
    only(found, "image", by)
}
