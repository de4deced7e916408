//! `hcloud_datacenter`, `hcloud_datacenters`: Hetzner Cloud has no data centers any more, and its API answers so since
//! October 2026. Configuration that has them is told what to use instead.

use async_trait::async_trait;
use ferroform_core::schema::{Attribute, Block, Nesting, Schema};
use ferroform_core::{Diagnostic, Type, Value};

use super::{computed_text, schema};
use crate::attrs::{Attrs, State, nested};
use crate::cx::Cx;
use crate::data_source::DataSource;
use crate::failure::Failure;
use crate::rules::Problems;

pub(crate) struct Datacenter {
    many: bool,
}

pub(crate) static ONE: Datacenter = Datacenter { many: false };
pub(crate) static MANY: Datacenter = Datacenter { many: true };

#[async_trait]
impl DataSource for Datacenter {
    fn name(&self) -> &'static str {
        if self.many { "hcloud_datacenters" } else { "hcloud_datacenter" }
    }

    fn schema(&self) -> Schema {
        let numbers = || Attribute::computed(Type::list(Type::Number));
        let texts = || Attribute::computed(Type::list(Type::String));
        let mut held = Block::of([
            ("id", Attribute::computed(Type::Number)),
            ("name", computed_text()),
            ("description", computed_text()),
            ("location", Attribute::computed(Type::map(Type::String))),
            ("supported_server_type_ids", numbers()),
            ("available_server_type_ids", numbers()),
        ]);
        if self.many {
            held = Block::of([
                ("id", computed_text()),
                ("datacenter_ids", texts()),
                ("names", texts()),
                ("descriptions", texts()),
                ("datacenters", nested(Attribute::computed, Nesting::List, held)),
            ]);
        } else {
            for (name, ty) in [("id", Type::Number), ("name", Type::String)] {
                held.attributes.insert(name.into(), Attribute::optional(ty));
            }
        }
        held.deprecated = Some(ADVICE.to_owned());
        schema(held)
    }

    fn validate(&self, _config: Attrs<'_>, _problems: &mut Problems) {}

    async fn read(&self, _cx: &Cx, _config: Attrs<'_>, _state: State) -> Result<Value, Failure> {
        Err(Diagnostic::error("No data centers").detail(ADVICE).into())
    }
}

const ADVICE: &str = "Hetzner Cloud has no data centers any more. Use `hcloud_location` or `hcloud_locations`, and the \
                      `locations` of `hcloud_server_type` for what is offered where.";
