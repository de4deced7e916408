//! What a fault is, as JSON and as a type, and what it may not be.

use ferroform_catalogue::Catalogue;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::ErrorKind;
use crate::world::Command;

/// What goes wrong, when, and how often.
///
/// As JSON, every field but `effect` may be left out:
///
/// ```json
/// {"method": "POST", "path": "/servers/*/actions/attach_to_network", "resource": "web-1",
///  "skip": 1, "count": 3, "probability": 0.5, "seed": 7, "effect": {"error": "locked"}}
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Method of the requests meant; any if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Path of the requests meant, without `/v1`; any if absent. A segment `*` or in braces stands for any one. Operations of
    /// the object storage are `/s3/CreateBucket` and the like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Id or name of an object that the requests meant have in their path or anywhere in their body; any if absent. A name
    /// also stands for the ids of the objects of the project that have it.
    #[serde(default, deserialize_with = "id_or_name", skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// For effects on actions: the command of the actions meant; any if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// How many matching requests (or actions) are let through first.
    #[serde(default)]
    pub skip: u64,
    /// How many are hit after those; 1 if absent, 0 for all. Of a script, how many times it is gone through.
    /// [`FaultEffect::SoldOut`] lasts until removed.
    #[serde(default = "one")]
    pub count: u64,
    /// With which probability a matching request (or action) after those is hit, above 0 and up to 1; always if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    /// What the draws derive from: the same seed and the same order of requests give the same hits.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub seed: u64,
    /// What happens.
    pub effect: FaultEffect,
}

impl Fault {
    /// A fault that hits the next request, whatever it is. Set the fields to narrow it down.
    #[must_use]
    pub fn new(effect: FaultEffect) -> Self {
        Self {
            method: None,
            path: None,
            resource: None,
            command: None,
            skip: 0,
            count: 1,
            probability: None,
            seed: 0,
            effect,
        }
    }

    /// Reads faults from JSON: one, a list of them, or `{"faults": [...]}`.
    ///
    /// # Errors
    /// What is wrong with which of them, and what would be allowed.
    pub fn parse(json: &[u8]) -> Result<Vec<Self>, FaultError> {
        let json: Value = serde_json::from_slice(json).map_err(|error| FaultError(error.to_string()))?;
        let listed = match json {
            Value::Object(mut fields) if fields.contains_key("faults") => {
                let listed = fields.remove("faults");
                if let Some((other, _)) = fields.iter().next() {
                    let problem = format!("unknown field `{other}` beside `faults`");
                    return Err(FaultError(problem));
                }
                listed.unwrap_or_default()
            }
            Value::Object(_) => Value::Array(vec![json]),
            other => other,
        };
        let Value::Array(listed) = listed else {
            let problem = "faults are given as one object, as a list of them, or as {\"faults\": [...]}";
            return Err(FaultError(problem.to_owned()));
        };
        let several = listed.len() > 1;
        let read = |(index, json): (usize, Value)| {
            let fault = read_one(&json);
            let fault = fault.and_then(|fault| fault.check().map(|()| fault));
            fault.map_err(
                |error| if several { FaultError(format!("fault {}: {error}", index + 1)) } else { error },
            )
        };
        listed.into_iter().enumerate().map(read).collect()
    }

    /// Refuses a fault that could never do what it says.
    ///
    /// # Errors
    /// What is wrong with it, and what would be allowed.
    pub fn check(&self) -> Result<(), FaultError> {
        const METHODS: [&str; 6] = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD"];
        let refuse = |problem: String| Err(FaultError(problem));
        if let Some(method) = &self.method
            && !METHODS.iter().any(|known| known.eq_ignore_ascii_case(method))
        {
            return refuse(format!("method is {method:?}; it can be {}", METHODS.join(", ")));
        }
        if let Some(path) = &self.path
            && (!path.starts_with('/') || path == "/v1" || path.starts_with("/v1/"))
        {
            return refuse(format!(
                "path is {path:?}; it begins with / and is without /v1 and query, such as /servers/*"
            ));
        }
        if let Some(probability) = self.probability
            && !(probability > 0.0 && probability <= 1.0)
        {
            return refuse(format!("probability is {probability}; it must be above 0 and at most 1"));
        }
        if let Some(command) = &self.command {
            if Command::named(command).is_none() {
                let known: Vec<&str> = Command::ALL.iter().map(|command| command.as_str()).collect();
                return refuse(format!("command is {command:?}; it can be {}", known.join(", ")));
            }
            if self.effect.phase() != Phase::Action {
                return refuse(
                    "command is for effects on actions: fail_action, stall, slow, and scripts of them"
                        .to_owned(),
                );
            }
        }
        self.effect.check()
    }
}

/// Reads a fault from text rather than from the value, since only then an error tells what was expected of a number.
fn read_one(json: &Value) -> Result<Fault, FaultError> {
    serde_json::from_str(&json.to_string()).map_err(|error| {
        let told = error.to_string();
        // Where it is in that text would tell nobody anything.
        FaultError(told.split(" at line ").next().unwrap_or_default().to_owned())
    })
}

fn one() -> u64 {
    1
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

fn id_or_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Null => Ok(None),
        Value::String(name) => Ok(Some(name)),
        Value::Number(id) => Ok(Some(id.to_string())),
        _ => Err(serde::de::Error::custom("resource is the id or the name of an object")),
    }
}

/// What a fault does. As JSON an object of one field: `{"drop": {"execute": true}}`, `{"error": "locked"}`, `{"hold": {}}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FaultEffect {
    /// The request is not executed but answered with this error.
    Answer {
        /// HTTP status.
        status: u16,
        /// Code of the error.
        code: String,
        /// Message of the error.
        #[serde(default)]
        message: String,
    },
    /// The request is not executed but answered with this error of the API, with its own status, message and details.
    Error(ErrorKind),
    /// The connection is closed without an answer, after executing the request or instead of it.
    Drop {
        /// Whether the request is executed.
        execute: bool,
    },
    /// The request is left without an answer, executed or not; then its connection is closed.
    TimeOut {
        /// Whether the request is executed.
        execute: bool,
        /// How long it is left, in milliseconds of real time; until the fault is released or removed if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        milliseconds: Option<u64>,
    },
    /// The request is executed, and its answer held back until the fault is released.
    Hold {},
    /// The request is executed, and its answer delayed by this much real time.
    Delay {
        /// Milliseconds.
        milliseconds: u64,
    },
    /// Actions that the request begins will fail.
    FailAction {
        /// Code of the action's error.
        code: String,
        /// Message of the action's error.
        message: String,
    },
    /// Actions that the request begins do not end before the fault is released or removed, or the emulator ends.
    Stall {},
    /// Actions that the request begins take longer, or shorter, than they usually do. Exactly one of the fields is given.
    Slow {
        /// How many times as long; above 0.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        factor: Option<f64>,
        /// How long instead, in milliseconds of the world's time.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        milliseconds: Option<u64>,
    },
    /// Servers are out of stock: of one type, in one location, or of one type in one location. In a location that is sold out
    /// as a whole there are no volumes and load balancers left either.
    SoldOut {
        /// Name of the type; all if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        server_type: Option<String>,
        /// Name of the location; all if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        location: Option<String>,
    },
    /// The request is answered as if the project had used up its requests, and from then on it has.
    RateLimit {},
    /// The token of the request is refused, from this request on until the fault is removed. The emulator's own API still
    /// takes it.
    RevokeToken {},
    /// The world's clock leaps ahead; then the request is executed.
    JumpClock {
        /// How far, in milliseconds.
        milliseconds: u64,
    },
    /// Nothing: a step of a script that lets a request (or action) through.
    Pass {},
    /// One effect for each hit, in this order. They are all on requests or all on actions.
    Script(Vec<FaultEffect>),
}

/// What an effect is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Requests, when they come in.
    Request,
    /// Actions, when they begin.
    Action,
    /// Everything, as long as the fault is there.
    Always,
}

/// The furthest that a clock leaps at once: a hundred years.
const LONGEST_MS: u64 = 100 * 366 * 86_400_000;

impl FaultEffect {
    pub(super) fn phase(&self) -> Phase {
        match self {
            Self::FailAction { .. } | Self::Stall {} | Self::Slow { .. } => Phase::Action,
            Self::SoldOut { .. } => Phase::Always,
            Self::Script(steps) => {
                let decisive = steps.iter().find(|step| **step != Self::Pass {});
                decisive.map_or(Phase::Request, Self::phase)
            }
            _ => Phase::Request,
        }
    }

    /// The effect of one hit of many.
    pub(super) fn step(&self, hit: u64) -> &Self {
        let Self::Script(steps) = self else { return self };
        // An empty script is refused; one that got here all the same does nothing.
        let index = usize::try_from(hit % self.steps()).unwrap_or_default();
        steps.get(index).unwrap_or(&Self::Pass {})
    }

    /// How many hits it is made for; at least 1.
    pub(super) fn steps(&self) -> u64 {
        match self {
            Self::Script(steps) => (steps.len() as u64).max(1),
            _ => 1,
        }
    }

    fn check(&self) -> Result<(), FaultError> {
        let problem = match self {
            Self::Answer { status, .. } if !(200..=599).contains(status) => {
                format!("status is {status}; it must be from 200 to 599")
            }
            Self::Slow { factor: Some(_), milliseconds: Some(_) }
            | Self::Slow { factor: None, milliseconds: None } => {
                "slow has either factor or milliseconds".to_owned()
            }
            Self::Slow { factor: Some(factor), .. } if !(*factor > 0.0 && *factor <= 1e6) => {
                format!("factor is {factor}; it must be above 0 and at most a million")
            }
            Self::Slow { milliseconds: Some(milliseconds), .. } | Self::JumpClock { milliseconds }
                if *milliseconds > LONGEST_MS =>
            {
                format!("milliseconds is {milliseconds}; it must be at most {LONGEST_MS}, a hundred years")
            }
            Self::SoldOut { server_type: None, location: None } => {
                "sold_out has a server_type, a location, or both".to_owned()
            }
            Self::SoldOut { server_type, location } => {
                return check_offer(server_type.as_deref(), location.as_deref());
            }
            Self::Script(steps) => return check_script(steps, self.phase()),
            _ => return Ok(()),
        };
        Err(FaultError(problem))
    }
}

/// Refuses names of what is never sold, which would do nothing.
fn check_offer(server_type: Option<&str>, location: Option<&str>) -> Result<(), FaultError> {
    let catalogue = Catalogue::builtin();
    let types: Vec<&str> = catalogue.server_types().iter().map(|known| known.name.as_str()).collect();
    let locations: Vec<&str> = catalogue.locations().iter().map(|known| known.name.as_str()).collect();
    for (field, given, known) in [("server_type", server_type, types), ("location", location, locations)] {
        if let Some(given) = given
            && !known.contains(&given)
        {
            return Err(FaultError(format!("{field} is {given:?}; it can be {}", known.join(", "))));
        }
    }
    Ok(())
}

fn check_script(steps: &[FaultEffect], phase: Phase) -> Result<(), FaultError> {
    if steps.is_empty() {
        return Err(FaultError("script has no steps".to_owned()));
    }
    for (index, step) in steps.iter().enumerate() {
        let problem = match step {
            FaultEffect::Pass {} => continue,
            FaultEffect::Script(_) => "a script is no step of a script".to_owned(),
            FaultEffect::SoldOut { .. } => "sold_out lasts and is no step of a script".to_owned(),
            other if other.phase() != phase => {
                "the steps are all on requests or all on actions (fail_action, stall, slow)".to_owned()
            }
            other => match other.check() {
                Ok(()) => continue,
                Err(error) => error.to_string(),
            },
        };
        return Err(FaultError(format!("step {} of the script: {problem}", index + 1)));
    }
    Ok(())
}

/// Why something is no fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultError(String);

impl std::fmt::Display for FaultError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for FaultError {}
