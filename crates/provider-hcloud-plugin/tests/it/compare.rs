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

/// The records of a case with ids and public addresses named after the objects that have them: which object of several
/// is made first, and so has the lower id and address, is a matter of chance.
pub(crate) fn named(steps: &Json) -> Json {
    let mut text = steps.to_string();
    for (id, name) in given(steps, &["id"], is_given_id) {
        let number = Regex::new(&format!(r"([:\[,]){id}\b")).unwrap();
        text = number.replace_all(&text, format!("$1\"{name}\"").as_str()).into_owned();
        text = Regex::new(&format!(r"\b{id}\b")).unwrap().replace_all(&text, name.as_str()).into_owned();
    }
    for (address, name) in given(steps, ADDRESSES, is_public) {
        let address = regex::escape(&address);
        let whole = Regex::new(&format!(r"([^0-9A-Fa-f:.]){address}([^0-9A-Fa-f:.])")).unwrap();
        text = whole.replace_all(&text, format!("${{1}}{name}${{2}}").as_str()).into_owned();
    }
    serde_json::from_str(&text).unwrap()
}

/// The attributes with which the provider tells what public addresses the cloud has given.
const ADDRESSES: &[&str] =
    &["ipv4", "ipv6", "ipv4_address", "ipv6_address", "ipv6_network", "ip_address", "ip_network"];

/// What the cloud gave objects in one of the attributes, each with a name that stands well inside JSON text and says whose
/// it is.
fn given(steps: &Json, attributes: &[&str], is_given: fn(&str) -> bool) -> Vec<(String, String)> {
    let mut known: Vec<(String, String)> = Vec::new();
    for step in steps.as_array().into_iter().flatten() {
        for (place, object) in step["applied"]["objects"].as_object().into_iter().flatten() {
            for attribute in attributes {
                let value = match &object["attributes"][attribute] {
                    Json::String(text) => text.clone(),
                    other => other.to_string(),
                };
                if is_given(&value) && known.iter().all(|(old, _)| *old != value) {
                    let whose = format!("({attribute} of {} ", place.replace('"', "'"));
                    let nth = known.iter().filter(|(_, name)| name.starts_with(&whose)).count();
                    known.push((value, format!("{whose}{nth})")));
                }
            }
        }
    }
    known
}

/// Only numbers are ids that the cloud gave; others are put together from them.
fn is_given_id(id: &str) -> bool {
    id.len() >= 5 && id.bytes().all(|b| b.is_ascii_digit())
}

/// Whether this is a public address, or network, of the local cloud.
fn is_public(address: &str) -> bool {
    address.starts_with("192.0.2.") || address.starts_with("2001:db8:")
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

#[test]
fn which_of_two_objects_was_made_first_makes_no_difference() {
    let record = |[a, b]: [usize; 2]| {
        let server = |n: usize| {
            let (ipv4, ipv6) = (format!("192.0.2.{n}"), format!("2001:db8:0:{n}::1"));
            let network = format!("2001:db8:0:{n}::/64");
            json!({ "attributes": {
                "id": format!("510000{n}"), "ipv4_address": ipv4, "ipv6_address": ipv6, "ipv6_network": network,
            } })
        };
        let rdns = |n: usize| {
            json!({ "attributes": {
                "id": format!("s-510000{n}-192.0.2.{n}"), "server_id": 5_100_000 + n, "ip_address": format!("192.0.2.{n}"),
            } })
        };
        let objects = json!({
            "hcloud_server.a": server(a), "hcloud_server.b": server(b), "hcloud_rdns.a": rdns(a), "hcloud_rdns.b": rdns(b),
        });
        named(&json!([{ "applied": { "objects": objects } }]))
    };
    assert_eq!(differences(&record([1, 2]), &record([2, 1])), []);
    // Whose address it is does.
    let changed = record([1, 1]);
    assert_ne!(differences(&record([1, 2]), &changed), []);
}
