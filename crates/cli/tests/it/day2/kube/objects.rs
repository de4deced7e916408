//! What is in the cluster, and what requests do to it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde_json::{Map, Value, json};

use super::discovery::{self, Kind};
use super::{Answer, Request, refusal};

/// Where an object is: `GROUP/VERSION`, resource, namespace, name. Namespace and group may be empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) struct Place {
    base: String,
    pub(in super::super) resource: String,
    namespace: String,
    pub(in super::super) name: String,
}

/// A path of the API: a place, or a collection if the name is empty, and perhaps something below the object.
fn read_path(path: &str) -> Option<(Place, Option<String>)> {
    let mut words = path.trim_start_matches('/').split('/');
    let base = match words.next()? {
        "api" => format!("/api/{}", words.next()?),
        "apis" => format!("/apis/{}/{}", words.next()?, words.next()?),
        _ => return None,
    };
    let rest: Vec<&str> = words.collect();
    let (namespace, rest) = match rest.as_slice() {
        ["namespaces", namespace, rest @ ..] if !rest.is_empty() => ((*namespace).to_owned(), rest),
        all => (String::new(), all),
    };
    let word = |index: usize| rest.get(index).map(|word| (*word).to_owned());
    let place = Place { base, resource: word(0)?, namespace, name: word(1).unwrap_or_default() };
    Some((place, word(2)))
}

/// Everything that is in the cluster.
pub(in super::super) struct World {
    objects: BTreeMap<Place, Value>,
    pub(super) kinds: Vec<Kind>,
    revision: u64,
    kubelets: Option<PathBuf>,
    /// Names of what never rolls out.
    pub(in super::super) stuck: BTreeSet<String>,
    /// Names of objects with fields that somebody else has set.
    pub(in super::super) contested: BTreeSet<String>,
    /// Names of pods whose disruption budget allows none.
    pub(in super::super) guarded: BTreeSet<String>,
}

impl World {
    pub(super) fn new(namespaces: &[&str], kubelets: Option<PathBuf>) -> Self {
        let mut world = World {
            objects: BTreeMap::new(),
            kinds: discovery::known(),
            revision: 1,
            kubelets,
            stuck: BTreeSet::new(),
            contested: BTreeSet::new(),
            guarded: BTreeSet::new(),
        };
        for name in namespaces {
            world.put(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}));
        }
        world
    }

    /// Puts an object there, as if it had always been.
    pub(in super::super) fn put(&mut self, object: &Value) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let version = text(&object["apiVersion"]);
        let kind = self.kinds.iter().find(|kind| {
            kind.base().trim_start_matches("/apis/").trim_start_matches("/api/") == version
                && object["kind"] == kind.kind
        });
        let kind = kind.unwrap_or_else(|| panic!("the API knows no such kind: {object}"));
        let place = Place {
            base: kind.base(),
            resource: kind.resource.clone(),
            namespace: text(&object["metadata"]["namespace"]),
            name: text(&object["metadata"]["name"]),
        };
        self.store(place, object.clone());
    }

    /// Forgets a kind and its objects, as when its definition is deleted.
    pub(in super::super) fn forget_kind(&mut self, kind: &str) {
        let Some(at) = self.kinds.iter().position(|known| known.kind == kind) else { return };
        let gone = self.kinds.remove(at);
        self.objects.retain(|place, _| place.base != gone.base() || place.resource != gone.resource);
    }

    /// Takes an object away.
    pub(in super::super) fn remove(&mut self, resource: &str, name: &str) {
        self.objects.retain(|place, _| place.resource != resource || place.name != name);
    }

    /// An object.
    pub(in super::super) fn get(&self, resource: &str, name: &str) -> Option<&Value> {
        let mut all = self.objects.iter();
        all.find(|(place, _)| place.resource == resource && place.name == name).map(|(_, object)| object)
    }

    /// Where everything is, without what is not of interest to anybody.
    pub(in super::super) fn names(&self) -> Vec<String> {
        self.objects.keys().map(|place| format!("{}/{}", place.resource, place.name)).collect()
    }

    fn store(&mut self, place: Place, object: Value) -> Value {
        let object = self.dressed(&place, object);
        self.revision += 1;
        if object["kind"] == "CustomResourceDefinition" {
            self.define(&object);
        }
        self.objects.insert(place, object.clone());
        object
    }

    /// An object with what the server adds to it.
    fn dressed(&self, place: &Place, mut object: Value) -> Value {
        let revision = self.revision + 1;
        let before = self.objects.get(place);
        let (uid, created) = before.map_or_else(
            || (json!(format!("00000000-0000-4000-8000-{revision:012}")), json!("2026-01-01T00:00:00Z")),
            |old| (old["metadata"]["uid"].clone(), old["metadata"]["creationTimestamp"].clone()),
        );
        let same = before.is_some_and(|old| ["spec", "data"].iter().all(|part| old[part] == object[part]));
        let generation = before.map_or(0, |old| old["metadata"]["generation"].as_i64().unwrap_or_default());
        if let (None, Some(status)) = (object.get("status"), before.and_then(|old| old.get("status"))) {
            object["status"] = status.clone();
        }
        let version = match before {
            Some(old) if same => old["metadata"]["resourceVersion"].clone(),
            _ => json!(revision.to_string()),
        };
        let metadata = &mut object["metadata"];
        metadata["uid"] = uid;
        metadata["creationTimestamp"] = created;
        metadata["resourceVersion"] = version;
        metadata["generation"] = json!(if same { generation } else { generation + 1 });
        object
    }

    /// A definition makes a kind known.
    fn define(&mut self, definition: &Value) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let spec = &definition["spec"];
        let kind = Kind {
            group: text(&spec["group"]),
            version: text(&spec["versions"][0]["name"]),
            kind: text(&spec["names"]["kind"]),
            resource: text(&spec["names"]["plural"]),
            namespaced: spec["scope"] == "Namespaced",
        };
        if !self.kinds.iter().any(|known| known.kind == kind.kind) {
            self.kinds.push(kind);
        }
    }

    /// An object as it is shown: with its node's version as the kubelet tells it, and with the kind's type.
    fn shown(&self, place: &Place, object: &Value) -> Value {
        let mut shown = object.clone();
        if let (Some(folder), "nodes") = (&self.kubelets, place.resource.as_str()) {
            let text = std::fs::read_to_string(folder.join(&place.name)).unwrap_or_default();
            let version = text.lines().find_map(|line| line.strip_prefix("version="));
            shown["status"]["nodeInfo"]["kubeletVersion"] = json!(version);
        }
        shown
    }

    fn selected(&self, wanted: &Place, request: &Request) -> Vec<Value> {
        let selector = request.query.get("fieldSelector").map(String::as_str).unwrap_or_default();
        let fits = |object: &Value| {
            selector.split(',').filter_map(|part| part.split_once('=')).all(|(field, value)| {
                let found = field.split('.').fold(object, |at, word| &at[word]);
                found.as_str().unwrap_or_default() == value
            })
        };
        let of = self.objects.iter().filter(|(place, _)| {
            (&place.base, &place.resource) == (&wanted.base, &wanted.resource)
                && (wanted.namespace.is_empty() || wanted.namespace == place.namespace)
        });
        of.map(|(place, object)| self.shown(place, object)).filter(fits).collect()
    }

    pub(super) fn answer(&mut self, request: &Request) -> Answer {
        if let Some(answer) = discovery::answer(request, &self.kinds) {
            return answer;
        }
        let Some((place, below)) = read_path(&request.path) else {
            return refusal(404, "NotFound", "the server could not find the requested resource");
        };
        let known = |kind: &&Kind| kind.base() == place.base && kind.resource == place.resource;
        let Some(kind) = self.kinds.iter().find(known).cloned() else {
            return refusal(404, "NotFound", "the server could not find the requested resource");
        };
        let missing =
            || refusal(404, "NotFound", &format!("{} \"{}\" not found", place.resource, place.name));
        let found = self.objects.get(&place).cloned();
        match (request.method.as_str(), below.as_deref(), found) {
            ("GET", None, _) if place.name.is_empty() => {
                let items = self.selected(&place, request);
                let version = place.base.trim_start_matches("/apis/").trim_start_matches("/api/").to_owned();
                let list = json!({
                    "kind": format!("{}List", kind.kind), "apiVersion": version, "items": items,
                    "metadata": {"resourceVersion": self.revision.to_string()},
                });
                Answer::json(200, &list)
            }
            ("GET", None, Some(object)) => Answer::json(200, &self.shown(&place, &object)),
            ("PATCH", None, found) => match self.patched(request, &place, found) {
                Err(refused) => refused,
                Ok(object) if request.query.contains_key("dryRun") => {
                    Answer::json(200, &self.dressed(&place, object))
                }
                Ok(object) => Answer::json(200, &self.store(place, object)),
            },
            ("DELETE", None, Some(_)) => {
                self.objects.remove(&place);
                Answer::json(
                    200,
                    &json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}),
                )
            }
            ("POST", Some("eviction"), Some(_)) if self.guarded.contains(&place.name) => {
                let message = "Cannot evict pod as it would violate the pod's disruption budget.";
                refusal(429, "TooManyRequests", message)
            }
            ("POST", Some("eviction"), Some(_)) => {
                self.objects.remove(&place);
                Answer::json(
                    201,
                    &json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}),
                )
            }
            (_, _, None) => missing(),
            _ => refusal(405, "MethodNotAllowed", "this API does not do that"),
        }
    }

    /// The object after a patch.
    fn patched(&self, request: &Request, place: &Place, found: Option<Value>) -> Result<Value, Answer> {
        let patch: Value = serde_json::from_slice(&request.body)
            .map_err(|error| refusal(400, "BadRequest", &format!("the body is no JSON: {error}")))?;
        if request.content_type == "application/apply-patch+yaml" {
            let is_there = |name: &str| self.get("namespaces", name).is_some();
            if !place.namespace.is_empty() && !is_there(&place.namespace) {
                return Err(refusal(
                    404,
                    "NotFound",
                    &format!("namespaces \"{}\" not found", place.namespace),
                ));
            }
            if !request.query.contains_key("fieldManager") {
                return Err(refusal(422, "Invalid", "PatchOptions: fieldManager: Required value"));
            }
            let forced = request.query.get("force").is_some_and(|force| force == "true");
            if self.contested.contains(&place.name) && !forced {
                let message = "Apply failed with 1 conflict: conflict with \"somebody\": .spec.replicas";
                let mut answer = refusal(409, "Conflict", message);
                let cause = json!({
                    "reason": "FieldManagerConflict", "message": "conflict with \"somebody\"", "field": ".spec.replicas",
                });
                if let Ok(mut status) = serde_json::from_str::<Value>(&answer.2) {
                    status["details"] = json!({"causes": [cause]});
                    answer.2 = status.to_string();
                }
                return Err(answer);
            }
            return Ok(patch);
        }
        let mut object = found.ok_or_else(|| {
            refusal(404, "NotFound", &format!("{} \"{}\" not found", place.resource, place.name))
        })?;
        merge(&mut object, &patch);
        Ok(object)
    }

    /// What watching shows: what is there, and that it has rolled out.
    pub(super) fn watch(&mut self, request: &Request) -> Vec<Value> {
        let Some((wanted, _)) = read_path(&request.path) else { return Vec::new() };
        let mut events = Vec::new();
        if request.query.get("sendInitialEvents").is_some_and(|send| send == "true") {
            let there = self.selected(&wanted, request);
            events.extend(there.iter().map(|object| json!({"type": "ADDED", "object": object})));
            let mark = json!({
                "kind": there.first().map_or(json!("Pod"), |object| object["kind"].clone()),
                "apiVersion": wanted.base.trim_start_matches("/apis/").trim_start_matches("/api/"),
                "metadata": {
                    "resourceVersion": self.revision.to_string(),
                    "annotations": {"k8s.io/initial-events-end": "true"},
                },
            });
            events.push(json!({"type": "BOOKMARK", "object": mark}));
        }
        for object in self.selected(&wanted, request) {
            let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
            if self.stuck.contains(&name) {
                continue;
            }
            let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default().to_owned();
            let mut rolled = object.clone();
            let count = object["spec"]["replicas"].as_i64().unwrap_or(1);
            rolled["status"] = json!({
                "observedGeneration": object["metadata"]["generation"], "replicas": count, "updatedReplicas": count,
                "readyReplicas": count, "availableReplicas": count, "currentNumberScheduled": count,
                "desiredNumberScheduled": count, "updatedNumberScheduled": count, "numberAvailable": count,
                "numberReady": count, "currentRevision": "r", "updateRevision": "r", "currentReplicas": count,
            });
            let stored = self.store(Place { name, namespace, ..wanted.clone() }, rolled);
            events.push(json!({"type": "MODIFIED", "object": stored}));
        }
        events
    }
}

/// JSON merge patch (RFC 7396), which is what a strategic one is for the fields that kubectl patches here.
fn merge(object: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        *object = patch.clone();
        return;
    };
    if !object.is_object() {
        *object = Value::Object(Map::new());
    }
    let Value::Object(fields) = object else { return };
    for (name, value) in changes {
        if value.is_null() {
            fields.remove(name);
        } else {
            merge(fields.entry(name.clone()).or_insert(Value::Null), value);
        }
    }
}
