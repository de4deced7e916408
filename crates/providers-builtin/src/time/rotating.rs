//! `time_rotating`: a time that is taken anew once it is old enough.

use std::sync::Arc;

use ferroform_core::schema::{Attribute, Block, Schema};
use ferroform_core::{AttrPath, Diagnostics, Type, Value};
use ferroform_provider::{PlanRequest, PlanResponse};

use super::{Moment, common};
use crate::builtin::{ManagedResource, object};
use crate::clock::Clock;
use crate::planning::{self, Rules};
use crate::values::{integer, is_null, is_unknown, text, with};

/// The arguments with numbers, in the order of an import id.
const ROTATIONS: [&str; 5] =
    ["rotation_years", "rotation_months", "rotation_days", "rotation_hours", "rotation_minutes"];

const STABLE: [&str; 10] =
    ["year", "month", "day", "hour", "minute", "second", "unix", "rfc3339", "rotation_rfc3339", "id"];

pub(super) struct TimeRotating(pub(super) Arc<dyn Clock>);

/// The end of the period that begins at the base. Of several arguments the last of this order counts, as in the
/// published provider: days, hours, minutes, months, a time, years.
fn end(object: &Value, base: Moment, configured: Option<Moment>) -> Result<Moment, Diagnostics> {
    let given = |name| integer(object, name).filter(|number| *number != 0);
    if let Some(years) = given("rotation_years") {
        return base.add_date(years, 0, 0).ok_or_else(|| common::out_of_range("rotation_years"));
    }
    if let Some(end) = configured {
        return Ok(end);
    }
    let seconds =
        |number: i64, unit: i64| number.checked_mul(unit).and_then(|seconds| base.add_seconds(seconds));
    let found = [
        ("rotation_months", given("rotation_months").map(|n| base.add_date(0, n, 0))),
        ("rotation_minutes", given("rotation_minutes").map(|n| seconds(n, 60))),
        ("rotation_hours", given("rotation_hours").map(|n| seconds(n, 3600))),
        ("rotation_days", given("rotation_days").map(|n| base.add_date(0, 0, n))),
    ];
    match found.into_iter().find_map(|(name, sum)| Some((name, sum?))) {
        Some((name, sum)) => sum.ok_or_else(|| common::out_of_range(name)),
        None => Err(common::check_numbers(object, &ROTATIONS, &["rotation_rfc3339"], Some(1))),
    }
}

/// The computed attributes: the base, and the fields of the end.
fn values(base: Moment, end: Moment) -> Vec<(&'static str, Value)> {
    let text = Value::string(base.to_string());
    common::fields(end)
        .chain([
            ("rotation_rfc3339", Value::string(end.to_string())),
            ("rfc3339", text.clone()),
            ("id", text),
        ])
        .collect()
}

impl TimeRotating {
    /// The object with all that follows from its arguments; `configured` is the configured end.
    fn complete(&self, planned: &Value, configured: Option<&str>) -> Result<Value, Diagnostics> {
        let base = match common::time(planned, "rfc3339")? {
            Some(base) => base,
            None => common::now(&self.0)?,
        };
        let end = end(planned, base, configured.and_then(Moment::parse))?;
        // Configured times stay as they are written, with fractions and all.
        let base_as_written = planned.get("rfc3339").filter(|v| v.as_str().is_some()).cloned();
        let state = with(planned, values(base, end));
        let written =
            [("rfc3339", base_as_written), ("rotation_rfc3339", configured.map(Value::string_normalised))];
        Ok(with(&state, written.into_iter().filter_map(|(name, value)| Some((name, value?)))))
    }

    /// Whether the end of the object's period is in the past.
    fn is_over(&self, object: &Value) -> Result<bool, Diagnostics> {
        let end = text(object, "rotation_rfc3339").filter(|end| !end.is_empty()).and_then(Moment::parse);
        match end {
            Some(end) => Ok(common::now(&self.0)?.unix() > end.unix()),
            None => Ok(false),
        }
    }
}

impl ManagedResource for TimeRotating {
    fn schema(&self) -> Schema {
        let rotation = |name: &'static str| {
            let unit = name.trim_start_matches("rotation_");
            let text = format!("How many {unit} after the base the period ends, at least 1.");
            (name, Attribute::optional(Type::Number).describe(text))
        };
        let attributes =
            common::attributes("the period's end").into_iter().chain(ROTATIONS.map(rotation)).chain([
                (
                    "rotation_rfc3339",
                    Attribute::optional_computed(Type::String)
                        .describe("The end of the period as in RFC 3339."),
                ),
                (
                    "rfc3339",
                    Attribute::optional_computed(Type::String)
                        .force_new()
                        .describe("The base as in RFC 3339; by default the time of the creation."),
                ),
                ("id", Attribute::computed(Type::String).describe("The base as in RFC 3339.")),
            ]);
        let block = Block {
            description: "A time that is taken anew by the first run after a period has ended.".into(),
            ..Block::of(attributes)
        };
        Schema { version: 0, block }
    }

    fn validate(&self, config: &Value) -> Diagnostics {
        let mut diagnostics = common::check_numbers(config, &ROTATIONS, &["rotation_rfc3339"], Some(1));
        for name in ["rfc3339", "rotation_rfc3339"] {
            diagnostics.append(common::time(config, name).err().into_iter().flatten());
        }
        diagnostics
    }

    fn read(&self, prior: &Value) -> Result<Option<Value>, Diagnostics> {
        Ok((!self.is_over(prior)?).then(|| prior.clone()))
    }

    fn plan(&self, block: &Block, request: &PlanRequest) -> PlanResponse {
        let rules = Rules { stable: &STABLE, ..Rules::default() };
        let mut response = planning::plan(block, &rules, request);
        let Some(planned) = response.planned.as_ref().filter(|p| !p.is_null() && !request.prior.is_null())
        else {
            return response;
        };
        let arguments = || ROTATIONS.iter().chain(&["rotation_rfc3339"]);
        let changed = arguments().any(|name| request.prior.get(name) != planned.get(name));
        if response.requires_replace.is_empty() && changed {
            // An update is reckoned at once, so that the plan shows the new end.
            let open = arguments().any(|name| is_unknown(planned, name));
            let complete = if open {
                let fields = common::FIELDS.map(|name| (name, Value::unknown(Type::Number)));
                let end = is_null(&request.config, "rotation_rfc3339")
                    .then(|| ("rotation_rfc3339", Value::unknown(Type::String)));
                Ok(with(planned, fields.into_iter().chain(end)))
            } else {
                self.complete(planned, text(&request.config, "rotation_rfc3339"))
            };
            match complete {
                Ok(complete) => response.planned = Some(complete),
                Err(errors) => {
                    response.planned = None;
                    response.diagnostics.append(errors);
                    return response;
                }
            }
        }
        // Usually the read before has found that it is over; not so in a plan without refresh.
        let over = response.planned.as_ref().map_or(Ok(false), |planned| self.is_over(planned));
        match over {
            Ok(true) => response.requires_replace.push(AttrPath::attr("rotation_rfc3339")),
            Ok(false) => {}
            Err(errors) => response.diagnostics.append(errors),
        }
        response
    }

    fn create(&self, planned: &Value) -> Result<Value, Diagnostics> {
        let invalid = self.validate(planned);
        if invalid.has_errors() {
            return Err(invalid);
        }
        self.complete(planned, text(planned, "rotation_rfc3339"))
    }

    fn update(&self, _prior: &Value, planned: &Value) -> Result<Value, Diagnostics> {
        if planned.is_wholly_known() {
            return Ok(planned.clone());
        }
        self.create(planned)
    }

    fn import(&self, block: &Block, id: &str) -> Option<Result<Value, Diagnostics>> {
        Some(imported(block, id))
    }
}

fn imported(block: &Block, id: &str) -> Result<Value, Diagnostics> {
    let wrong = |why: &str| {
        let expected = "the base, years, months, days, hours and minutes, separated by commas and at least one of \
                        them set (2020-02-12T06:36:13Z,0,0,30,0,0), or the base and the end \
                        (2020-02-12T06:36:13Z,2020-03-13T06:36:13Z)";
        common::bad_id(id, why, expected)
    };
    let parts: Vec<&str> = id.split(',').collect();
    let base = parts.first().and_then(|base| Moment::parse(base));
    let base = base.ok_or_else(|| wrong("its base is no time of RFC 3339"))?;
    let state = object(block, [("triggers", common::no_triggers())]);
    match parts.as_slice() {
        [_, given] => {
            let end = Moment::parse(given).ok_or_else(|| wrong("its end is no time of RFC 3339"))?;
            Ok(with(&state, values(base, end)))
        }
        [_, rotations @ ..] if rotations.len() == ROTATIONS.len() => {
            let rotations = common::import_numbers(&ROTATIONS, rotations).map_err(|why| wrong(&why))?;
            let state = with(&state, rotations);
            let end = end(&state, base, None).map_err(|_| wrong("no number is set, or one is too large"))?;
            Ok(with(&state, values(base, end)))
        }
        parts => Err(wrong(&format!("it has {} parts", parts.len()))),
    }
}
