//! `hcloud_ssh_key`: a public key that servers are created with.

use async_trait::async_trait;
use ferroform_core::schema::{Attribute, Block, Schema};
use ferroform_core::{Type, Value};
use ferroform_hcloud::Filter;

use super::{computed_text, old_selector, optional_text, schema, selector};
use crate::attrs::{Attrs, State, int, labels, text};
use crate::cx::Cx;
use crate::data_source::{DataSource, existing, only};
use crate::failure::Failure;
use crate::rules::{self, Problems};

pub(crate) struct SshKey;

#[async_trait]
impl DataSource for SshKey {
    fn name(&self) -> &'static str {
        "hcloud_ssh_key"
    }

    fn schema(&self) -> Schema {
        schema(Block::of([
            ("id", Attribute::optional(Type::Number)),
            ("name", optional_text()),
            ("fingerprint", optional_text()),
            ("public_key", computed_text()),
            ("labels", Attribute::computed(Type::map(Type::String))),
            ("selector", old_selector()),
            ("with_selector", Attribute::optional(Type::String)),
        ]))
    }

    fn validate(&self, config: Attrs<'_>, problems: &mut Problems) {
        rules::exactly_one(config, &["id", "name", "fingerprint", "selector", "with_selector"], problems);
    }

    async fn read(&self, cx: &Cx, config: Attrs<'_>, mut state: State) -> Result<Value, Failure> {
        let keys = cx.client.ssh_keys();
        let key = if let Some(id) = config.int("id") {
            existing(keys.find(id).await?, "SSH key", id)?
        } else {
            let (filter, by) = if let Some(name) = config.text("name") {
                (Filter::name(name), format!("the name {name:?}"))
            } else if let Some(fingerprint) = config.text("fingerprint") {
                (Filter::all().with("fingerprint", fingerprint), format!("the fingerprint {fingerprint}"))
            } else {
                let selector = selector(config).unwrap_or_default();
                (Filter::labels(selector), format!("labels that fit {selector:?}"))
            };
            only(keys.list(&filter).await?, "SSH key", &by)?
        };
        state.set("id", int(key.id));
        state.set("name", text(&key.name));
        state.set("fingerprint", text(&key.fingerprint));
        state.set("public_key", text(&key.public_key));
        state.set("labels", labels(&key.labels));
        Ok(state.finish())
    }
}
