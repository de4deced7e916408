//! What is in a world, without what differs from run to run.

use std::collections::BTreeMap;

use serde_json::Value;

/// Keys whose values the cloud makes up or that tell the time.
const MADE_UP: &[&str] = &[
    "created",
    "fingerprint",
    "public_key",
    "mac_address",
    "linux_device",
    "ip",
    "blocked",
    "backup_window",
    "traffic",
    "ingoing_traffic",
    "outgoing_traffic",
    "rescue_enabled",
    "locked",
    "started",
    "finished",
];

/// How many objects of each kind there are, without actions and with none of those that have none.
pub(crate) fn counts(objects: &Value) -> BTreeMap<String, usize> {
    let kinds = objects.as_object().unwrap().iter().filter(|(kind, _)| *kind != "actions");
    let counted = kinds.map(|(kind, section)| (kind.clone(), section["objects"].as_array().unwrap().len()));
    counted.filter(|(_, count)| *count > 0).collect()
}

/// The objects of a world, each reference to one of them by kind and name, everything made up left out, in order. Equal
/// worlds of different runs are equal here.
pub(crate) fn normalised(objects: &Value) -> BTreeMap<String, Vec<Value>> {
    let sections = || objects.as_object().unwrap().iter().filter(|(kind, _)| *kind != "actions");
    let mut names: BTreeMap<i64, String> = BTreeMap::new();
    for (kind, section) in sections() {
        for object in section["objects"].as_array().unwrap() {
            // What is stored in buckets is named by its place.
            let Some(id) = object["id"].as_i64() else { continue };
            // Addresses that come with a server have made-up names.
            let name = match kind.as_str() {
                "primary_ips" => &object["type"],
                // The cloud names them by the time.
                "storage_box_snapshots" => &object["description"],
                _ => &object["name"],
            };
            // Snapshots have none.
            let name = name.as_str().or(object["description"].as_str());
            let name = format!("{kind}/{}", name.unwrap());
            names.entry(id).and_modify(|known| *known = format!("{known}|{name}")).or_insert(name);
        }
    }
    let mut world = BTreeMap::new();
    for (kind, section) in sections() {
        let mut list: Vec<Value> =
            section["objects"].as_array().unwrap().iter().map(|o| simplified(o, kind, &names)).collect();
        list.sort_by_key(ToString::to_string);
        if !list.is_empty() {
            world.insert(kind.clone(), list);
        }
    }
    world
}

/// Whether a name of an address is one that a test gave, not one made up of the address.
fn is_given(name: &str) -> bool {
    name.ends_with(".example.com")
}

fn simplified(value: &Value, kind: &str, names: &BTreeMap<i64, String>) -> Value {
    match value {
        Value::Object(map) => Value::Object(
            map.iter()
                .filter(|(key, _)| !MADE_UP.contains(&key.as_str()))
                .filter(|(key, _)| {
                    !(["primary_ips", "storage_box_snapshots"].contains(&kind) && *key == "name")
                })
                // These are made of the number of a storage box.
                .filter(|(key, _)| {
                    !(kind.starts_with("storage_box")
                        && ["username", "server", "system"].contains(&key.as_str()))
                })
                // Only names that a test gave say anything.
                .filter(|(key, value)| *key != "dns_ptr" || value.as_str().is_none_or(is_given))
                // It counts the changes of its zone.
                .filter(|(key, _)| !(map.get("type").is_some_and(|ty| ty == "SOA") && *key == "records"))
                .map(|(key, value)| (key.clone(), simplified(value, kind, names)))
                .collect(),
        ),
        Value::Array(list) => {
            let mut list: Vec<Value> = list.iter().map(|v| simplified(v, kind, names)).collect();
            list.sort_by_key(ToString::to_string);
            Value::Array(list)
        }
        Value::Number(number) => match number.as_i64().and_then(|n| names.get(&n)) {
            Some(name) => Value::String(name.clone()),
            None => value.clone(),
        },
        other => other.clone(),
    }
}

/// What differs between two worlds, for a message; empty if nothing does.
pub(crate) fn difference(
    wanted: &BTreeMap<String, Vec<Value>>,
    found: &BTreeMap<String, Vec<Value>>,
) -> String {
    let mut text = String::new();
    let kinds: std::collections::BTreeSet<&String> = wanted.keys().chain(found.keys()).collect();
    for kind in kinds {
        let none = Vec::new();
        let (wanted, found) = (wanted.get(kind).unwrap_or(&none), found.get(kind).unwrap_or(&none));
        let lacks = wanted.iter().filter(|o| !found.contains(o)).map(|o| format!("  lacks {kind}: {o}\n"));
        let extra = found.iter().filter(|o| !wanted.contains(o)).map(|o| format!("  extra {kind}: {o}\n"));
        text.extend(lacks.chain(extra));
        if wanted.len() != found.len() {
            text.push_str(&format!("  {kind}: {} wanted, {} found\n", wanted.len(), found.len()));
        }
    }
    text
}
