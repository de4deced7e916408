//! `time_sleep`: waits, when it is created, when it is deleted, or both.

use std::sync::Arc;
use std::time::Duration;

use ferroform_core::schema::{Attribute, Block, Schema};
use ferroform_core::{Diagnostics, Type, Value};
use ferroform_provider::{PlanRequest, PlanResponse};

use super::common;
use crate::builtin::{ManagedResource, object};
use crate::clock::Clock;
use crate::planning::{self, Rules};
use crate::values::{attribute_error, is_null, is_unknown, text, with};

const DURATIONS: [&str; 2] = ["create_duration", "destroy_duration"];

pub(super) struct TimeSleep(pub(super) Arc<dyn Clock>);

/// Reads a number with an optional fraction and a unit: ms, s, m or h.
fn parse(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = text.split_at(digits);
    let nanos_of_unit: u128 = match unit {
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    };
    let (whole, fraction) = number.split_once('.').map_or((number, None), |(w, f)| (w, Some(f)));
    if whole.is_empty() || fraction.is_some_and(|f| f.is_empty() || f.contains('.')) {
        return None;
    }
    let mut nanos = whole.parse::<u64>().ok().map(u128::from)?.checked_mul(nanos_of_unit)?;
    let mut unit = nanos_of_unit;
    for digit in fraction.unwrap_or_default().bytes() {
        unit /= 10;
        nanos += u128::from(digit - b'0') * unit;
    }
    // As far as Go's durations reach: 292 years.
    i64::try_from(nanos).ok().map(|nanos| Duration::from_nanos(nanos.unsigned_abs()))
}

fn duration(object: &Value, name: &'static str) -> Result<Duration, Diagnostics> {
    let Some(given) = text(object, name) else { return Ok(Duration::ZERO) };
    parse(given).ok_or_else(|| {
        let detail = format!(
            "The attribute {name} must be a number followed at once by ms (milliseconds), s (seconds), m (minutes) or \
             h (hours), at most 292 years together (\"30s\" for example), got: {given:?}."
        );
        attribute_error(name, "Invalid Attribute Value Match", detail).into()
    })
}

impl ManagedResource for TimeSleep {
    fn schema(&self) -> Schema {
        let duration = |what: &str| {
            Attribute::optional(Type::String).describe(format!(
                "How long {what} takes: a number followed by ms, s, m or h (\"30s\"). A change of it alone waits for \
                 nothing."
            ))
        };
        let block = Block {
            description: "Waits when it is created, when it is deleted, or both.".into(),
            ..Block::of([
                ("create_duration", duration("the creation")),
                ("destroy_duration", duration("the deletion")),
                (
                    "triggers",
                    Attribute::optional(Type::map(Type::String))
                        .force_new()
                        .describe("Arbitrary values; when one of them changes, it waits again."),
                ),
                (
                    "id",
                    Attribute::computed(Type::String)
                        .describe("The time at which the creation ended, as in RFC 3339."),
                ),
            ])
        };
        Schema { version: 0, block }
    }

    fn validate(&self, config: &Value) -> Diagnostics {
        let mut diagnostics: Diagnostics =
            DURATIONS.into_iter().filter_map(|name| duration(config, name).err()).flatten().collect();
        if DURATIONS.iter().all(|name| is_null(config, name) && !is_unknown(config, name)) {
            let detail = "At least one of the attributes create_duration, destroy_duration must be set.";
            diagnostics.push(attribute_error("create_duration", "Missing Attribute Configuration", detail));
        }
        diagnostics
    }

    fn plan(&self, block: &Block, request: &PlanRequest) -> PlanResponse {
        planning::plan(block, &Rules { stable: &["id"], ..Rules::default() }, request)
    }

    fn delay(&self, prior: &Value, planned: &Value) -> Result<Duration, Diagnostics> {
        match (prior.is_null(), planned.is_null()) {
            (true, false) => duration(planned, "create_duration"),
            (false, true) => duration(prior, "destroy_duration"),
            _ => Ok(Duration::ZERO),
        }
    }

    fn create(&self, planned: &Value) -> Result<Value, Diagnostics> {
        let invalid = self.validate(planned);
        if invalid.has_errors() {
            return Err(invalid);
        }
        Ok(with(planned, [("id", Value::string(common::now(&self.0)?.to_string()))]))
    }

    fn import(&self, block: &Block, id: &str) -> Option<Result<Value, Diagnostics>> {
        let wrong = |why: &str| {
            let expected = "the durations of creation and deletion, at least one of them set, then any triggers, all \
                            separated by commas (30s,,key=value)";
            common::bad_id(id, why, expected)
        };
        let imported = || {
            let parts: Vec<&str> = id.split(',').collect();
            let [create, destroy, triggers @ ..] = parts.as_slice() else {
                return Err(wrong("it has no comma"));
            };
            if create.is_empty() && destroy.is_empty() {
                return Err(wrong("no duration is set"));
            }
            let mut state = vec![("id", Value::string(common::now(&self.0)?.to_string()))];
            for (name, given) in DURATIONS.into_iter().zip([create, destroy]) {
                if !given.is_empty() {
                    parse(given).ok_or_else(|| wrong(&format!("{given:?} is no duration")))?;
                    state.push((name, Value::string_normalised(given)));
                }
            }
            let mut pairs = Vec::new();
            for trigger in triggers {
                let (key, value) = trigger
                    .split_once('=')
                    .filter(|(_, value)| !value.contains('='))
                    .ok_or_else(|| wrong(&format!("{trigger:?} is no key=value")))?;
                pairs.push((Arc::from(key), Value::string_normalised(value)));
            }
            state.push(("triggers", Value::map::<Arc<str>>(Type::String, pairs)));
            Ok(object(block, state))
        };
        Some(imported())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_in_every_unit_and_nothing_else() {
        let cases = [
            ("30s", Some(Duration::from_secs(30))),
            ("1.5m", Some(Duration::from_secs(90))),
            ("250ms", Some(Duration::from_millis(250))),
            ("2h", Some(Duration::from_secs(7200))),
            ("0.0000000019s", Some(Duration::from_nanos(1))),
            ("0s", Some(Duration::ZERO)),
            ("3000000h", None),
            ("99999999999999999999s", None),
            ("", None),
            ("30", None),
            ("s", None),
            (".5s", None),
            ("5.s", None),
            ("1.2.3s", None),
            ("-1s", None),
            ("1d", None),
            ("1h30m", None),
            ("1 s", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text), expected, "{text}");
        }
    }
}
