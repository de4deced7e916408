//! A small platform that is in order, and every way in which it might not be.

use serde_json::json;

use super::*;

/// A relay that the internet and the agents reach, an agent that reaches the relay, and what belongs to both.
fn platform() -> Vec<Json> {
    let mut objects = vec![
        json!({ "kind": "Namespace", "metadata": { "name": "nornos", "labels": {
            "pod-security.kubernetes.io/enforce": "restricted" } } }),
        json!({ "kind": "ConfigMap", "metadata": { "name": "environment" }, "data": { "LOG_LEVEL": "info" } }),
        json!({ "kind": "NetworkPolicy", "metadata": { "name": "default-deny" }, "spec": {
            "podSelector": {}, "policyTypes": ["Ingress", "Egress"] } }),
        json!({ "kind": "NetworkPolicy", "metadata": { "name": "dns" }, "spec": {
            "podSelector": {}, "policyTypes": ["Egress"], "egress": [{ "to": [{
                "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": "kube-system" } },
                "podSelector": { "matchLabels": { "k8s-app": "kube-dns" } },
            }], "ports": [{ "port": 53 }] }] } }),
        json!({ "kind": "Middleware", "metadata": { "name": "security-headers" } }),
        json!({ "kind": "Ingress", "metadata": { "name": "relay-server", "namespace": "nornos", "annotations": {
            "cert-manager.io/cluster-issuer": "letsencrypt",
            "traefik.ingress.kubernetes.io/router.entrypoints": "websecure",
            "traefik.ingress.kubernetes.io/router.middlewares": "nornos-security-headers@kubernetescrd",
        } }, "spec": {
            "tls": [{ "hosts": ["relay.nornos.example"] }],
            "rules": [{ "host": "relay.nornos.example", "http": { "paths": [
                { "backend": { "service": { "name": "relay-server", "port": { "name": "http" } } } },
            ] } }],
        } }),
    ];
    let from_relay = json!([{ "from": [pods("relay-server")], "ports": [{ "port": "http" }] }]);
    let to_relay = json!([{ "to": [pods("relay-server")], "ports": [{ "port": "http" }] }]);
    objects.extend(service("agent-service", "agent", from_relay, to_relay));
    let from_agent = json!([{ "from": [pods("agent-service")], "ports": [{ "port": "http" }] }]);
    let to_agent = json!([
        { "to": [pods("agent-service")], "ports": [{ "port": "http" }] },
        { "to": [{ "ipBlock": { "cidr": "10.0.2.20/32" } }], "ports": [{ "port": 6379 }] },
    ]);
    objects.extend(service("relay-server", "back-end", from_agent, to_agent));
    objects
}

/// A peer of a policy.
fn pods(name: &str) -> Json {
    json!({ "podSelector": { "matchExpressions": [{ "key": NAME, "operator": "In", "values": [name] }] } })
}

fn service(name: &str, component: &str, ingress: Json, egress: Json) -> Vec<Json> {
    let labels = json!({ NAME: name, "app.kubernetes.io/component": component });
    let selector = json!({ "matchLabels": { NAME: name } });
    let is_agent = component == "agent";
    let tolerations =
        if is_agent { json!([{ "key": "nornos/agents", "operator": "Equal" }]) } else { json!([]) };
    let nodes = if is_agent { json!({ "nornos/pool": "agents" }) } else { json!({}) };
    let pod = json!({
        "serviceAccountName": name,
        "automountServiceAccountToken": false,
        "nodeSelector": nodes,
        "tolerations": tolerations,
        "securityContext": { "runAsNonRoot": true, "seccompProfile": { "type": "RuntimeDefault" } },
        "volumes": [{ "name": "tmp", "emptyDir": {} }],
        "containers": [{
            "name": "app",
            "image": "registry.example.com/nornos/app:1.0.0",
            "ports": [{ "name": "http", "containerPort": 8080 }],
            "env": [
                { "name": "LOG_LEVEL", "valueFrom": { "configMapKeyRef": { "name": "environment", "key": "LOG_LEVEL" } } },
                { "name": "REDIS_URL", "valueFrom": { "secretKeyRef": { "name": "redis", "key": "url" } } },
            ],
            "readinessProbe": { "httpGet": {} },
            "livenessProbe": { "httpGet": {} },
            "resources": { "requests": { "cpu": "50m", "memory": "64Mi" }, "limits": { "memory": "64Mi" } },
            "securityContext": {
                "allowPrivilegeEscalation": false,
                "readOnlyRootFilesystem": true,
                "capabilities": { "drop": ["ALL"] },
            },
            "volumeMounts": [{ "name": "tmp", "mountPath": "/tmp" }],
        }],
    });
    let metadata = json!({ "name": name });
    vec![
        json!({ "kind": "ServiceAccount", "metadata": metadata, "automountServiceAccountToken": false }),
        json!({ "kind": "Service", "metadata": metadata, "spec": {
            "selector": { NAME: name }, "ports": [{ "name": "http", "port": 80, "targetPort": "http" }] } }),
        json!({ "kind": "PodDisruptionBudget", "metadata": metadata, "spec": {
            "maxUnavailable": 1, "selector": selector } }),
        json!({ "kind": "HorizontalPodAutoscaler", "metadata": metadata, "spec": {
            "minReplicas": 2, "maxReplicas": 4, "scaleTargetRef": { "kind": "Deployment", "name": name } } }),
        json!({ "kind": "NetworkPolicy", "metadata": metadata, "spec": {
            "podSelector": selector, "policyTypes": ["Ingress", "Egress"], "ingress": ingress, "egress": egress } }),
        json!({ "kind": "Deployment", "metadata": metadata, "spec": {
            "selector": selector, "template": { "metadata": { "labels": labels }, "spec": pod } } }),
    ]
}

fn given() -> Given {
    let keys = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect();
    Given {
        secrets: [("redis".to_owned(), keys(&["url"]))].into(),
        databases: vec![("10.0.2.10".to_owned(), 5432), ("10.0.2.20".to_owned(), 6379)],
    }
}

/// Puts a value (`null` for none) at a place of an object, and expects exactly the faults that contain `wanted`.
fn seeded(object: &str, pointer: &str, value: Json, wanted: &str) {
    let mut objects = platform();
    let found = objects.iter_mut().find(|o| format!("{}/{}", text(o, "kind"), name(o)) == object);
    let found = found.unwrap_or_else(|| panic!("there is no {object}"));
    let (parent, last) = pointer.rsplit_once('/').expect("a pointer begins with a slash");
    let parent = found.pointer_mut(parent).unwrap_or_else(|| panic!("{object} has no {parent}"));
    match parent {
        Json::Array(items) => items[last.parse::<usize>().expect("an index")] = value,
        parent => parent[last] = value,
    }
    let faults = check(&objects, &given());
    assert!(
        faults.iter().any(|fault| fault.contains(wanted)),
        "{object}{pointer}: {wanted:?} is not in {faults:#?}"
    );
}

const POD: &str = "/spec/template/spec";
const APP: &str = "/spec/template/spec/containers/0";

#[test]
fn a_platform_in_order_has_no_fault() {
    assert_eq!(check(&platform(), &given()), Faults::new());
}

#[test]
fn pods_with_rights_or_without_bounds_are_caught() {
    let relay = "Deployment/relay-server";
    let none = || Json::Null;
    seeded(relay, &format!("{POD}/automountServiceAccountToken"), none(), "token of the Kubernetes API");
    seeded(relay, &format!("{POD}/securityContext/runAsNonRoot"), none(), "run as root");
    seeded(relay, &format!("{POD}/securityContext/seccompProfile"), none(), "seccomp");
    seeded(relay, &format!("{POD}/hostNetwork"), json!(true), "namespace of the host");
    seeded(relay, &format!("{POD}/volumes"), json!([{ "name": "tmp", "hostPath": {} }]), "path of the host");
    seeded(relay, &format!("{APP}/securityContext/allowPrivilegeEscalation"), none(), "gain privileges");
    seeded(
        relay,
        &format!("{APP}/securityContext/readOnlyRootFilesystem"),
        json!(false),
        "write to its image",
    );
    seeded(
        relay,
        &format!("{APP}/securityContext/capabilities"),
        json!({ "drop": ["ALL"], "add": ["NET_ADMIN"] }),
        "capabilities",
    );
    seeded(relay, &format!("{APP}/readinessProbe"), none(), "readinessProbe");
    seeded(relay, &format!("{APP}/resources/requests/cpu"), none(), "requests.cpu");
    seeded(relay, &format!("{APP}/resources/limits"), none(), "limits.memory");
    for image in ["nginx", "nginx:latest", "registry:5000/nginx"] {
        seeded(relay, &format!("{APP}/image"), json!(image), "not pinned");
    }
}

#[test]
fn what_leads_nowhere_is_caught() {
    let relay = "Deployment/relay-server";
    seeded(relay, &format!("{APP}/env/0/valueFrom/configMapKeyRef/key"), json!("TYPO"), "has TYPO");
    seeded(
        relay,
        &format!("{APP}/env/1/valueFrom/secretKeyRef/key"),
        json!("uri"),
        "no secret redis with uri",
    );
    seeded(relay, &format!("{APP}/volumeMounts/0/name"), json!("temp"), "no volume is named temp");
    seeded(relay, &format!("{POD}/serviceAccountName"), json!("relay"), "no service account relay");
    seeded(
        "ServiceAccount/relay-server",
        "/automountServiceAccountToken",
        Json::Null,
        "gives its pods a token",
    );
    seeded("Service/relay-server", "/spec/ports/0/targetPort", json!("web"), "no container has the port");
    seeded("Service/relay-server", "/spec/selector", json!({ NAME: "relay" }), "selects no pod");
    seeded(
        "PodDisruptionBudget/relay-server",
        "/spec/selector/matchLabels",
        json!({ NAME: "relay" }),
        "0 disruption budgets",
    );
    seeded(
        "PodDisruptionBudget/relay-server",
        "/spec",
        json!({ "minAvailable": 2, "selector": {
        "matchLabels": { NAME: "relay-server" } } }),
        "block the draining",
    );
    seeded(
        "HorizontalPodAutoscaler/relay-server",
        "/spec/scaleTargetRef/name",
        json!("relay"),
        "there is no relay",
    );
    seeded("HorizontalPodAutoscaler/relay-server", "/spec/minReplicas", json!(5), "goes from");
    seeded(relay, "/spec/replicas", json!(2), "both say how many");
    seeded(relay, "/spec/selector/matchLabels", json!({ NAME: "relay" }), "does not select its own pods");
    let backend = "/spec/rules/0/http/paths/0/backend/service/port";
    seeded("Ingress/relay-server", backend, json!({ "number": 8080 }), "has the port it names");
    seeded("Middleware/security-headers", "/metadata/name", json!("headers"), "no middleware");
}

#[test]
fn what_is_open_to_the_internet_has_a_certificate() {
    let ingress = "Ingress/relay-server";
    seeded(ingress, "/spec/tls/0/hosts/0", json!("auth.nornos.example"), "without a certificate");
    seeded(ingress, "/spec/rules/0/host", json!("relay.nornos"), "no host of the environment's domain");
    seeded(ingress, "/metadata/annotations", json!({}), "nobody issues");
    seeded(ingress, "/metadata/annotations", json!({}), "not bound to the entry point websecure");
}

#[test]
fn agents_run_apart_and_reach_the_relay_alone() {
    let agent = "Deployment/agent-service";
    seeded(agent, &format!("{POD}/tolerations"), json!([]), "does not tolerate the taint");
    seeded(agent, &format!("{POD}/nodeSelector"), json!({}), "may run beside the other services");
    seeded(
        "Deployment/relay-server",
        &format!("{POD}/tolerations"),
        json!([{ "operator": "Exists" }]),
        "beside the agents",
    );
    let policy = "NetworkPolicy/agent-service";
    let database = json!([{ "ipBlock": { "cidr": "10.0.2.10/32" } }]);
    seeded(policy, "/spec/egress/0/to", database, "reaches more than the relay");
    seeded(policy, "/spec/egress/0/to", json!([{ "podSelector": {} }]), "reaches more than the relay");
    let other = json!([{ "namespaceSelector": {} }]);
    seeded(policy, "/spec/egress/0/to", other, "reaches more than the relay");
}

#[test]
fn policies_deny_first_and_agree_with_each_other() {
    seeded("NetworkPolicy/default-deny", "/spec/policyTypes", json!(["Ingress"]), "nothing denies Egress");
    seeded("NetworkPolicy/default-deny", "/spec/ingress", json!([{}]), "nothing denies Ingress");
    let relay = "NetworkPolicy/relay-server";
    seeded(relay, "/spec/ingress", json!([]), "which takes nothing of it");
    seeded("NetworkPolicy/agent-service", "/spec/egress", json!([]), "which may not send to it");
    seeded(relay, "/spec/egress/0/to/0", pods("auth-service"), "no pod is named \"auth-service\"");
    seeded(relay, "/spec/egress/0/ports/0/port", json!("metrics"), "no container has the port");
    seeded(relay, "/spec/egress/1/to/0/ipBlock/cidr", json!("10.0.3.20/32"), "is no database");
    seeded(relay, "/spec/egress/1/ports/0/port", json!(22), "is no database");
    let internet = json!({ "ipBlock": { "cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"] } });
    seeded(relay, "/spec/egress/1/to/0", internet, "the internet includes 172.16.0.0/12");
    seeded(relay, "/spec/egress/0/to", json!([]), "with everybody");
    seeded(relay, "/spec/podSelector/matchLabels", json!({ NAME: "relay" }), "no network policy is its own");
    let loose = json!({ "name": "nornos", "labels": { "pod-security.kubernetes.io/enforce": "baseline" } });
    seeded("Namespace/nornos", "/metadata", loose, "not restricted");
}

#[test]
fn what_the_cluster_itself_runs_is_pinned_and_bounded() {
    let pod = json!({ "spec": { "containers": [{ "name": "c", "image": "controller", "resources": {} }] } });
    let faults = check_cluster(&[
        json!({ "kind": "Deployment", "metadata": { "name": "d" }, "spec": { "template": pod } }),
    ]);
    assert_eq!(faults.len(), 4, "{faults:?}");
    assert!(faults[0].contains("not pinned") && faults[3].contains("limits.memory"), "{faults:?}");
}
