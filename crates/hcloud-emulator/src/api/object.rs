//! Objects of JSON that take their values as they are. `json!` copies every value that it is given, and objects here lie in
//! objects: a server in a page would be copied three times.

use serde_json::{Map, Value};

use crate::world::Labels;

/// An object of JSON of keys and whatever [`Value::from`] takes; `()` stands for null.
macro_rules! object {
    ($($key:tt: $value:expr),* $(,)?) => {{
        let pairs = [$(($key.to_owned(), serde_json::Value::from($value))),*];
        serde_json::Value::Object(serde_json::Map::from_iter(pairs))
    }};
}
pub(super) use object;

/// Labels as the API shows them.
pub(super) fn labels(labels: &Labels) -> Value {
    let pairs = labels.iter().map(|(key, value)| (key.clone(), Value::from(value.as_str())));
    Value::Object(pairs.collect::<Map<_, _>>())
}
