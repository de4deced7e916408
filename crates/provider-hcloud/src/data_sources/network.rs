//! `hcloud_network`: a private network.

use async_trait::async_trait;
use ferroform_core::schema::{Attribute, Block, Schema};
use ferroform_core::{Type, Value};
use ferroform_hcloud::Filter;

use super::schema;
use crate::attrs::{Attrs, State, flag, int, labels, text};
use crate::cx::Cx;
use crate::data_source::{DataSource, existing, only};
use crate::failure::Failure;
use crate::rules::{self, Problems};

pub(crate) struct Network;

#[async_trait]
impl DataSource for Network {
    fn name(&self) -> &'static str {
        "hcloud_network"
    }

    fn schema(&self) -> Schema {
        let mut most_recent = Attribute::optional(Type::Bool);
        most_recent.deprecated = Some("It does nothing; remove it.".to_owned());
        schema(Block::of([
            ("id", Attribute::optional_computed(Type::Number)),
            ("name", Attribute::optional_computed(Type::String)),
            ("ip_range", Attribute::optional_computed(Type::String)),
            ("labels", Attribute::optional_computed(Type::map(Type::String))),
            ("delete_protection", Attribute::computed(Type::Bool)),
            ("expose_routes_to_vswitch", Attribute::computed(Type::Bool)),
            ("most_recent", most_recent),
            ("with_selector", Attribute::optional(Type::String)),
        ]))
    }

    fn validate(&self, config: Attrs<'_>, problems: &mut Problems) {
        rules::exactly_one(config, &["id", "name", "with_selector"], problems);
    }

    async fn read(&self, cx: &Cx, config: Attrs<'_>, mut state: State) -> Result<Value, Failure> {
        let networks = cx.client.networks();
        let network = if let Some(id) = config.positive("id") {
            existing(networks.find(id).await?, "network", id)?
        } else {
            let (filter, by) = match config.text("name") {
                Some(name) => (Filter::name(name), format!("the name {name:?}")),
                None => {
                    let selector = config.text("with_selector").unwrap_or_default();
                    (Filter::labels(selector), format!("labels that fit {selector:?}"))
                }
            };
            only(networks.list(&filter).await?, "network", &by)?
        };
        state.set("id", int(network.id));
        state.set("name", text(&network.name));
        state.set("ip_range", text(&network.ip_range));
        state.set("labels", labels(&network.labels));
        state.set("delete_protection", flag(network.protection.delete));
        state.set("expose_routes_to_vswitch", flag(network.expose_routes_to_vswitch));
        Ok(state.finish())
    }
}
