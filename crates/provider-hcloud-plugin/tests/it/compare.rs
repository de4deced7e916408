//! What differs between two records of the same steps.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Value as Json, json};

/// A change with the name that it is known by.
pub(crate) fn by_address(change: Json) -> (String, Json) {
    let deposed = change.get("deposed").and_then(Json::as_str).map(|key| format!(" deposed {key}"));
    (format!("{}{}", change["address"].as_str().unwrap_or_default(), deposed.unwrap_or_default()), change)
}

/// A record without what differs from run to run: times and the ids of `terraform_data`.
pub(crate) fn settled(record: &Json) -> Json {
    // As the API tells times, and as it names snapshots of storage boxes after them.
    static TIME: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"\b20\d\d-\d\d-\d\dT\d\d(:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)|-\d\d-\d\d\b)").unwrap()
    });
    static UUID: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b").unwrap());
    match record {
        Json::String(text) => json!(UUID.replace_all(&TIME.replace_all(text, "(time)"), "(uuid)")),
        Json::Array(items) => items.iter().map(settled).collect(),
        Json::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), settled(value))).collect(),
        other => other.clone(),
    }
}

/// The records of a case with ids named after the objects that have them: which object of several is made first, and
/// so has the lower id, is a matter of chance.
pub(crate) fn named(steps: &Json) -> Json {
    let mut text = steps.to_string();
    let mut known: Vec<(String, String)> = Vec::new();
    for step in steps.as_array().into_iter().flatten() {
        for (place, object) in step["applied"]["objects"].as_object().into_iter().flatten() {
            let id = match &object["attributes"]["id"] {
                Json::String(id) => id.clone(),
                id => id.to_string(),
            };
            // Only numbers are ids that the cloud gave; others are put together from them.
            if id.len() >= 5
                && id.bytes().all(|b| b.is_ascii_digit())
                && known.iter().all(|(old, _)| *old != id)
            {
                let nth =
                    known.iter().filter(|(_, name)| name.starts_with(&format!("(id of {place} "))).count();
                known.push((id, format!("(id of {place} {nth})")));
            }
        }
    }
    for (id, name) in known {
        // Inside JSON text, hence other quotes; a number becomes a text.
        let name = name.replace('"', "'");
        let number = Regex::new(&format!(r"([:\[,]){id}\b")).unwrap();
        text = number.replace_all(&text, format!("$1\"{name}\"").as_str()).into_owned();
        text = Regex::new(&format!(r"\b{id}\b")).unwrap().replace_all(&text, name.as_str()).into_owned();
    }
    serde_json::from_str(&text).unwrap()
}

/// The places in which two records differ, with what the first and the second have there.
pub(crate) fn differences(ours: &Json, theirs: &Json) -> Vec<(String, Json, Json)> {
    let mut out = Vec::new();
    gather("", ours, theirs, &mut out);
    out
}

fn gather(place: &str, ours: &Json, theirs: &Json, out: &mut Vec<(String, Json, Json)>) {
    match (ours, theirs) {
        (Json::Object(a), Json::Object(b)) => {
            for name in a.keys().chain(b.keys().filter(|name| !a.contains_key(*name))) {
                let place = if place.is_empty() { name.clone() } else { format!("{place}/{name}") };
                let of = |all: &serde_json::Map<String, Json>| {
                    all.get(name).cloned().unwrap_or(json!("(missing)"))
                };
                gather(&place, &of(a), &of(b), out);
            }
        }
        (Json::Array(a), Json::Array(b)) if a.len() == b.len() => {
            for (index, (a, b)) in a.iter().zip(b).enumerate() {
                let number = index + 1;
                let place = if place.is_empty() { number.to_string() } else { format!("{place}/{number}") };
                gather(&place, a, b, out);
            }
        }
        _ if ours != theirs => out.push((place.to_owned(), ours.clone(), theirs.clone())),
        _ => {}
    }
}
