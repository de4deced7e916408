//! What an API server says about the kinds that it knows.

use serde_json::{Value, json};

use super::{Answer, Request};

/// A kind, and how it is addressed.
#[derive(Debug, Clone)]
pub(in super::super) struct Kind {
    /// Empty for the core's.
    pub(in super::super) group: String,
    pub(in super::super) version: String,
    pub(in super::super) kind: String,
    pub(in super::super) resource: String,
    pub(in super::super) namespaced: bool,
}

impl Kind {
    pub(in super::super) fn new(group: &str, kind: &str, resource: &str, namespaced: bool) -> Self {
        let [group, kind, resource] = [group, kind, resource].map(str::to_owned);
        Kind { group, version: "v1".to_owned(), kind, resource, namespaced }
    }

    /// Where its objects are.
    pub(super) fn base(&self) -> String {
        match self.group.as_str() {
            "" => format!("/api/{}", self.version),
            group => format!("/apis/{group}/{}", self.version),
        }
    }
}

/// The kinds that deploying and upgrading meet in every cluster.
pub(super) fn known() -> Vec<Kind> {
    [
        ("", "ConfigMap", "configmaps", true),
        ("", "Namespace", "namespaces", false),
        ("", "Node", "nodes", false),
        ("", "PersistentVolumeClaim", "persistentvolumeclaims", true),
        ("", "Pod", "pods", true),
        ("", "Service", "services", true),
        ("apiextensions.k8s.io", "CustomResourceDefinition", "customresourcedefinitions", false),
        ("apiregistration.k8s.io", "APIService", "apiservices", false),
        ("apps", "DaemonSet", "daemonsets", true),
        ("apps", "Deployment", "deployments", true),
        ("apps", "ReplicaSet", "replicasets", true),
        ("apps", "StatefulSet", "statefulsets", true),
        ("networking.k8s.io", "Ingress", "ingresses", true),
        ("policy", "PodDisruptionBudget", "poddisruptionbudgets", true),
    ]
    .map(|(group, kind, resource, namespaced)| Kind::new(group, kind, resource, namespaced))
    .into()
}

const VERBS: [&str; 7] = ["create", "delete", "get", "list", "patch", "update", "watch"];

/// The answer to a question about kinds; none if it is about something else.
pub(super) fn answer(request: &Request, kinds: &[Kind]) -> Option<Answer> {
    if request.method != "GET" {
        return None;
    }
    match request.path.as_str() {
        "/api" | "/apis" => Some(groups(kinds, request.path == "/api")),
        // Asked for kinds that the third version does not have. Empty, it is a document without any.
        "/openapi/v2" => {
            let kind = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
            Some(Answer(200, kind, String::new()))
        }
        "/openapi/v3" => {
            let documents = kinds.iter().map(|kind| {
                let base = kind.base()[1..].to_owned();
                let url = json!({"serverRelativeURL": format!("/openapi/v3/{base}?hash=0")});
                (base, url)
            });
            Some(Answer::json(200, &json!({"paths": documents.collect::<serde_json::Map<_, _>>()})))
        }
        path => match path.strip_prefix("/openapi/v3") {
            Some(base) => Some(patches(kinds.iter().filter(|kind| kind.base() == base))),
            None => {
                let of: Vec<&Kind> = kinds.iter().filter(|kind| kind.base() == path).collect();
                (!of.is_empty()).then(|| resources(&of))
            }
        },
    }
}

/// Aggregated discovery, <https://kubernetes.io/docs/concepts/overview/kubernetes-api/#discovery-api>.
fn groups(kinds: &[Kind], core: bool) -> Answer {
    let mut names: Vec<&str> = kinds.iter().map(|kind| kind.group.as_str()).collect();
    names.dedup();
    let items: Vec<Value> = names
        .into_iter()
        .filter(|name| name.is_empty() == core)
        .map(|name| {
            let of = kinds.iter().filter(|kind| kind.group == name);
            let version = of.clone().next().map(|kind| kind.version.clone());
            let resources: Vec<Value> = of.map(aggregated).collect();
            let version = json!({"version": version, "resources": resources, "freshness": "Current"});
            json!({"metadata": {"name": name}, "versions": [version]})
        })
        .collect();
    let list = json!({"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items});
    let kind = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    Answer(200, kind, list.to_string())
}

fn aggregated(kind: &Kind) -> Value {
    let response =
        |group: &str, version: &str, kind: &str| json!({"group": group, "version": version, "kind": kind});
    let mut value = json!({
        "resource": kind.resource,
        "responseKind": response(&kind.group, &kind.version, &kind.kind),
        "scope": if kind.namespaced { "Namespaced" } else { "Cluster" },
        "singularResource": kind.kind.to_lowercase(),
        "verbs": VERBS,
    });
    if kind.kind == "Pod" {
        let eviction = json!({
            "subresource": "eviction", "responseKind": response("policy", "v1", "Eviction"), "verbs": ["create"],
        });
        value["subresources"] = json!([eviction]);
    }
    value
}

/// The list of one group and version, which draining asks for.
fn resources(kinds: &[&Kind]) -> Answer {
    let mut list = Vec::new();
    for kind in kinds {
        list.push(json!({
            "name": kind.resource, "singularName": kind.kind.to_lowercase(), "namespaced": kind.namespaced,
            "kind": kind.kind, "verbs": VERBS,
        }));
        if kind.kind == "Pod" {
            list.push(json!({
                "name": "pods/eviction", "singularName": "", "namespaced": true, "group": "policy", "version": "v1",
                "kind": "Eviction", "verbs": ["create"],
            }));
        }
    }
    let version = kinds
        .first()
        .map(|kind| kind.base().trim_start_matches("/apis/").trim_start_matches("/api/").to_owned());
    Answer::json(
        200,
        &json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": list}),
    )
}

/// The part of the OpenAPI document that says that patches take `fieldValidation`, by which kubectl leaves the checking of
/// fields to the server.
fn patches<'a>(kinds: impl Iterator<Item = &'a Kind>) -> Answer {
    let mut paths = serde_json::Map::new();
    for kind in kinds {
        let namespace = if kind.namespaced { "/namespaces/{namespace}" } else { "" };
        let path = format!("{}{namespace}/{}/{{name}}", kind.base(), kind.resource);
        let patch = json!({
            "x-kubernetes-action": "patch",
            "x-kubernetes-group-version-kind": {"group": kind.group, "version": kind.version, "kind": kind.kind},
            "parameters": [{"name": "fieldValidation", "in": "query", "schema": {"type": "string"}}],
            "responses": {},
        });
        paths.insert(path, json!({"patch": patch}));
    }
    Answer::json(
        200,
        &json!({"openapi": "3.0.0", "info": {"title": "Kubernetes", "version": "v1.36.3"}, "paths": paths}),
    )
}
