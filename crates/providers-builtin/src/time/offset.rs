//! `time_offset`: a time before or after another.

use std::sync::Arc;

use ferroform_core::schema::{Attribute, Block, Schema};
use ferroform_core::{Diagnostics, Type, Value};
use ferroform_provider::{PlanRequest, PlanResponse};

use super::{Moment, common};
use crate::builtin::{ManagedResource, object};
use crate::clock::Clock;
use crate::planning::{self, Rules};
use crate::values::{integer, is_unknown, with};

/// The arguments, in the order of an import id.
const OFFSETS: [&str; 6] =
    ["offset_years", "offset_months", "offset_days", "offset_hours", "offset_minutes", "offset_seconds"];

const STABLE: [&str; 10] =
    ["year", "month", "day", "hour", "minute", "second", "unix", "rfc3339", "base_rfc3339", "id"];

pub(super) struct TimeOffset(pub(super) Arc<dyn Clock>);

/// The computed attributes of an object for its base. Offsets add up, in the order of the published provider.
fn values(planned: &Value, base: Moment) -> Result<Vec<(&'static str, Value)>, Diagnostics> {
    let mut moment = base;
    for name in
        ["offset_days", "offset_hours", "offset_minutes", "offset_months", "offset_seconds", "offset_years"]
    {
        let Some(offset) = integer(planned, name) else { continue };
        let seconds = |unit: i64| offset.checked_mul(unit).and_then(|seconds| moment.add_seconds(seconds));
        let sum = match name {
            "offset_days" => moment.add_date(0, 0, offset),
            "offset_hours" => seconds(3600),
            "offset_minutes" => seconds(60),
            "offset_months" => moment.add_date(0, offset, 0),
            "offset_seconds" => seconds(1),
            _ => moment.add_date(offset, 0, 0),
        };
        moment = sum.ok_or_else(|| common::out_of_range(name))?;
    }
    let base = Value::string(base.to_string());
    Ok(common::fields(moment)
        .chain([("rfc3339", Value::string(moment.to_string())), ("base_rfc3339", base.clone()), ("id", base)])
        .collect())
}

impl TimeOffset {
    /// The object with all that follows from its base, or from the time now.
    fn complete(&self, planned: &Value) -> Result<Value, Diagnostics> {
        let invalid = self.validate(planned);
        if invalid.has_errors() {
            return Err(invalid);
        }
        let base = match common::time(planned, "base_rfc3339")? {
            Some(base) => base,
            None => common::now(&self.0)?,
        };
        // A configured base stays as it is written, with fractions and all.
        let written = planned.get("base_rfc3339").filter(|v| v.as_str().is_some()).cloned();
        let state = with(planned, values(planned, base)?);
        Ok(with(&state, written.map(|text| ("base_rfc3339", text))))
    }
}

impl ManagedResource for TimeOffset {
    fn schema(&self) -> Schema {
        let offset = |name: &'static str| {
            let unit = name.trim_start_matches("offset_");
            let text = format!("How many {unit} after the base, or before it if negative. Offsets add up.");
            (name, Attribute::optional(Type::Number).describe(text))
        };
        let attributes = common::attributes("the time").into_iter().chain(OFFSETS.map(offset)).chain([
            (
                "base_rfc3339",
                Attribute::optional_computed(Type::String)
                    .describe("The base as in RFC 3339; by default the time of the creation."),
            ),
            ("rfc3339", Attribute::computed(Type::String).describe("The time as in RFC 3339.")),
            ("id", Attribute::computed(Type::String).describe("The base as in RFC 3339.")),
        ]);
        let block = Block {
            description: "A time before or after the time of its creation, or another.".into(),
            ..Block::of(attributes)
        };
        Schema { version: 0, block }
    }

    fn validate(&self, config: &Value) -> Diagnostics {
        let mut diagnostics = common::check_numbers(config, &OFFSETS, &[], None);
        diagnostics.append(common::time(config, "base_rfc3339").err().into_iter().flatten());
        diagnostics
    }

    fn plan(&self, block: &Block, request: &PlanRequest) -> PlanResponse {
        let rules = Rules { stable: &STABLE, ..Rules::default() };
        let mut response = planning::plan(block, &rules, request);
        let changes = |planned: &Value| {
            OFFSETS.iter().chain(&["base_rfc3339"]).any(|name| request.prior.get(name) != planned.get(name))
        };
        // An update is reckoned at once, so that the plan shows the new time.
        let updated = response.planned.as_ref().filter(|planned| {
            !request.prior.is_null()
                && !planned.is_null()
                && response.requires_replace.is_empty()
                && changes(planned)
        });
        let Some(planned) = updated else { return response };
        if OFFSETS.iter().chain(&["base_rfc3339"]).any(|name| is_unknown(planned, name)) {
            let open = common::FIELDS
                .map(|name| (name, Value::unknown(Type::Number)))
                .into_iter()
                .chain(["rfc3339", "id"].map(|name| (name, Value::unknown(Type::String))));
            response.planned = Some(with(planned, open));
            return response;
        }
        match self.complete(planned) {
            Ok(complete) => response.planned = Some(complete),
            Err(errors) => {
                response.planned = None;
                response.diagnostics.append(errors);
            }
        }
        response
    }

    fn create(&self, planned: &Value) -> Result<Value, Diagnostics> {
        self.complete(planned)
    }

    fn update(&self, _prior: &Value, planned: &Value) -> Result<Value, Diagnostics> {
        self.complete(planned)
    }

    fn import(&self, block: &Block, id: &str) -> Option<Result<Value, Diagnostics>> {
        let wrong = |why: &str| {
            let expected = "the base, years, months, days, hours, minutes and seconds, separated by commas and at \
                            least one of them set (2020-02-12T06:36:13Z,0,0,7,0,0,0)";
            common::bad_id(id, why, expected)
        };
        let parts: Vec<&str> = id.split(',').collect();
        let imported = || {
            let [base, offsets @ ..] = parts.as_slice() else { return Err(wrong("it is empty")) };
            if offsets.len() != OFFSETS.len() || offsets.iter().all(|offset| offset.is_empty()) {
                return Err(wrong("it does not have seven parts, or no offset is set"));
            }
            let base = Moment::parse(base).ok_or_else(|| wrong("its base is no time of RFC 3339"))?;
            let offsets = common::import_numbers(&OFFSETS, offsets).map_err(|why| wrong(&why))?;
            let state = with(&object(block, [("triggers", common::no_triggers())]), offsets);
            Ok(with(&state, values(&state, base)?))
        };
        Some(imported())
    }
}
