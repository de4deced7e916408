//! Paths to sensitive places, as the statefile writes them.

use std::sync::Arc;

use ferroform_core::{AttrPath, Step, Type, Value, wire};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::json;

/// A path to be written.
pub(super) struct PathOut<'a>(pub(super) &'a AttrPath);

impl Serialize for PathOut<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.steps().iter().map(StepOut))
    }
}

struct StepOut<'a>(&'a Step);

impl Serialize for StepOut<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let step = match self.0 {
            Step::Attr(name) => json!({ "type": "get_attr", "value": &**name }),
            Step::Index(key) => {
                let key = wire::to_json(key, &Type::Dynamic).map_err(serde::ser::Error::custom)?;
                json!({ "type": "index", "value": key })
            }
        };
        step.serialize(serializer)
    }
}

/// A path as it was read.
pub(super) struct PathIn(pub(super) AttrPath);

impl<'de> Deserialize<'de> for PathIn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let steps = Vec::<StepIn>::deserialize(deserializer)?;
        steps
            .into_iter()
            .map(StepIn::step)
            .collect::<Result<_, _>>()
            .map(|s| PathIn(AttrPath(s)))
            .map_err(D::Error::custom)
    }
}

#[derive(Deserialize)]
struct StepIn {
    #[serde(rename = "type")]
    kind: String,
    value: serde_json::Value,
}

impl StepIn {
    fn step(self) -> Result<Step, String> {
        match (self.kind.as_str(), &self.value) {
            ("get_attr", serde_json::Value::String(name)) => Ok(Step::Attr(Arc::from(name.as_str()))),
            ("get_attr", _) => Err("the step \"get_attr\" of a sensitive path needs a name".into()),
            ("index", key) => {
                let key: Value = wire::from_json(key, &Type::Dynamic)
                    .map_err(|e| format!("a sensitive path holds an index that is not a value: {e}"))?;
                Ok(Step::Index(key))
            }
            (other, _) => Err(format!("a sensitive path has a step of the unknown type {other:?}")),
        }
    }
}
