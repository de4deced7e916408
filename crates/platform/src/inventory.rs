//! Which objects a deployment put into a cluster, so that the next one removes what is no longer in the manifests.
//!
//! It is kept in the cluster itself, as a config map. Before anything is applied it grows by what is about to be, and
//! only after the removal does it shrink: whatever happens in between, nothing is forgotten.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::yaml::Node;

/// Kinds whose deletion deletes data or other people's objects: they are never removed by a deployment.
const KEPT: [&str; 4] =
    ["Namespace", "PersistentVolumeClaim", "PersistentVolume", "CustomResourceDefinition"];
/// Kinds that are rolled out, and can be waited for.
const ROLLED_OUT: [&str; 3] = ["Deployment", "StatefulSet", "DaemonSet"];

/// An object in a cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Item {
    /// The namespace; empty for what is in none, or in the one that is used by default.
    pub namespace: String,
    /// The API group; empty for the core's.
    pub group: String,
    /// The kind.
    pub kind: String,
    /// The name.
    pub name: String,
}

impl Item {
    /// The object of a manifest; none for what is no object.
    pub fn of(manifest: &Node) -> Option<Item> {
        let api = manifest.str_at(&["apiVersion"])?;
        let text = |path: &[&str]| manifest.str_at(path).unwrap_or_default().to_owned();
        let item = Item {
            namespace: text(&["metadata", "namespace"]),
            group: api.rsplit_once('/').map_or("", |(group, _)| group).to_owned(),
            kind: text(&["kind"]),
            name: text(&["metadata", "name"]),
        };
        (!item.kind.is_empty() && !item.name.is_empty()).then_some(item)
    }

    /// `KIND.GROUP/NAME`, as kubectl takes it.
    pub fn reference(&self) -> String {
        let group = if self.group.is_empty() { String::new() } else { format!(".{}", self.group) };
        format!("{}{group}/{}", self.kind.to_lowercase(), self.name)
    }

    /// Whether a deployment may delete it.
    pub fn may_go(&self) -> bool {
        !KEPT.contains(&self.kind.as_str())
    }

    /// Whether it is rolled out.
    pub fn is_rolled_out(&self) -> bool {
        self.group == "apps" && ROLLED_OUT.contains(&self.kind.as_str())
    }

    fn line(&self) -> String {
        format!("{}|{}|{}|{}", self.namespace, self.group, self.kind, self.name)
    }

    fn read(line: &str) -> Option<Item> {
        let mut parts = line.split('|').map(str::to_owned);
        let item =
            Item { namespace: parts.next()?, group: parts.next()?, kind: parts.next()?, name: parts.next()? };
        parts.next().is_none().then_some(item)
    }
}

impl std::fmt::Display for Item {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.reference())?;
        if self.namespace.is_empty() { Ok(()) } else { write!(f, " in {}", self.namespace) }
    }
}

/// The objects of manifests; those that no API takes twice are there once.
pub fn items(manifests: &[Node]) -> BTreeSet<Item> {
    let mut found = BTreeSet::new();
    for manifest in manifests {
        // A list is what is in it.
        if manifest.str_at(&["kind"]) == Some("List") {
            found.extend(
                manifest.get("items").map(Node::items).unwrap_or_default().iter().filter_map(Item::of),
            );
        } else {
            found.extend(Item::of(manifest));
        }
    }
    found
}

/// Reads what the config map holds.
pub fn read(config_map: Option<&Value>) -> BTreeSet<Item> {
    let lines = config_map.and_then(|map| map["data"]["objects"].as_str()).unwrap_or_default();
    lines.lines().filter_map(Item::read).collect()
}

/// The config map that holds these.
pub fn config_map(name: &str, namespace: &str, items: &BTreeSet<Item>) -> String {
    let lines: Vec<String> = items.iter().map(Item::line).collect();
    let labels: BTreeMap<_, _> = [("app.kubernetes.io/managed-by", "ferroform")].into();
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "data": {"objects": lines.join("\n")},
    })
    .to_string()
}
