//! `time_static`: a time that stays.

use std::sync::Arc;

use ferroform_core::schema::{Attribute, Block, Schema};
use ferroform_core::{Diagnostics, Type, Value};
use ferroform_provider::{PlanRequest, PlanResponse};

use super::{Moment, common};
use crate::builtin::{ManagedResource, object};
use crate::clock::Clock;
use crate::planning::{self, Rules};
use crate::values::with;

const STABLE: [&str; 9] = ["year", "month", "day", "hour", "minute", "second", "unix", "rfc3339", "id"];

pub(super) struct TimeStatic(pub(super) Arc<dyn Clock>);

fn values(moment: Moment) -> Vec<(&'static str, Value)> {
    let text = Value::string(moment.to_string());
    common::fields(moment).chain([("rfc3339", text.clone()), ("id", text)]).collect()
}

impl ManagedResource for TimeStatic {
    fn schema(&self) -> Schema {
        let attributes = common::attributes("the time").into_iter().chain([
            (
                "rfc3339",
                Attribute::optional_computed(Type::String)
                    .force_new()
                    .describe("The time as in RFC 3339; by default that of the creation."),
            ),
            ("id", Attribute::computed(Type::String).describe("The time as in RFC 3339.")),
        ]);
        let block = Block { description: "A time that stays.".into(), ..Block::of(attributes) };
        Schema { version: 0, block }
    }

    fn validate(&self, config: &Value) -> Diagnostics {
        common::time(config, "rfc3339").err().unwrap_or_default()
    }

    fn plan(&self, block: &Block, request: &PlanRequest) -> PlanResponse {
        planning::plan(block, &Rules { stable: &STABLE, ..Rules::default() }, request)
    }

    fn create(&self, planned: &Value) -> Result<Value, Diagnostics> {
        let moment = match common::time(planned, "rfc3339")? {
            Some(moment) => moment,
            None => common::now(&self.0)?,
        };
        // A configured time stays as it is written, with fractions and all.
        let configured = planned.get("rfc3339").filter(|v| v.as_str().is_some()).cloned();
        let state = with(planned, values(moment));
        Ok(with(&state, configured.map(|text| ("rfc3339", text))))
    }

    fn import(&self, block: &Block, id: &str) -> Option<Result<Value, Diagnostics>> {
        let moment = Moment::parse(id).ok_or_else(|| {
            common::bad_id(id, "it is no such time", "a time of RFC 3339 (2020-02-12T06:36:13Z)")
        });
        Some(moment.map(|moment| with(&object(block, [("triggers", common::no_triggers())]), values(moment))))
    }
}
