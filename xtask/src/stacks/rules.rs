//! What the schemas of Kubernetes cannot know: whether objects fit each other, and the rules of the platform.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::Faults;
use crate::metadata::{list, text};

/// What the objects are held against.
pub(super) struct Given {
    /// Keys of each secret that is made from the outputs of an environment, by name.
    pub(super) secrets: BTreeMap<String, BTreeSet<String>>,
    /// Private addresses with ports that the services may reach: the databases of the environment.
    pub(super) databases: Vec<(String, u64)>,
}

/// The label that names a service, on its pods as well.
const NAME: &str = "app.kubernetes.io/name";

/// A workload with its pods' template.
struct Workload<'a> {
    kind: &'a str,
    name: &'a str,
    object: &'a Json,
    pod: &'a Json,
}

/// Checks the objects of one overlay of the platform.
pub(super) fn check(objects: &[Json], given: &Given) -> Faults {
    let workloads: Vec<Workload> = objects.iter().filter_map(workload).collect();
    let mut faults = Faults::new();
    for workload in &workloads {
        let title = format!("{}/{}", workload.kind, workload.name);
        let mut found = pods(workload);
        found.extend(references(workload, objects, given));
        found.extend(placement(workload));
        if workload.kind == "Deployment" {
            found.extend(company(workload, objects));
        }
        faults.extend(found.into_iter().map(|fault| format!("{title}: {fault}")));
    }
    faults.extend(services(objects, &workloads));
    faults.extend(ingresses(objects));
    faults.extend(policies(objects, &workloads, given));
    let namespaces = of(objects, "Namespace");
    for namespace in namespaces {
        if text(&namespace["metadata"]["labels"], "pod-security.kubernetes.io/enforce") != "restricted" {
            faults.push(format!("Namespace/{}: pod security is not restricted", name(namespace)));
        }
    }
    faults
}

/// Checks the objects of the cluster: what runs there is pinned and bounded, though it may need more rights.
pub(super) fn check_cluster(objects: &[Json]) -> Faults {
    let mut faults = Faults::new();
    for workload in objects.iter().filter_map(workload) {
        for container in list(&workload.pod["spec"], "containers") {
            let title = format!("{}/{}", workload.kind, workload.name);
            faults.extend(
                pinned(container).into_iter().chain(bounded(container)).map(|f| format!("{title}: {f}")),
            );
        }
    }
    faults
}

fn workload(object: &Json) -> Option<Workload<'_>> {
    let kind = text(object, "kind");
    let pod = match kind {
        "Deployment" | "StatefulSet" | "DaemonSet" | "Job" => &object["spec"]["template"],
        "CronJob" => &object["spec"]["jobTemplate"]["spec"]["template"],
        _ => return None,
    };
    Some(Workload { kind, name: name(object), object, pod })
}

fn of<'a>(objects: &'a [Json], kind: &'a str) -> impl Iterator<Item = &'a Json> + 'a {
    objects.iter().filter(move |object| object["kind"] == kind)
}

fn name(object: &Json) -> &str {
    text(&object["metadata"], "name")
}

fn find<'a>(objects: &'a [Json], kind: &str, wanted: &str) -> Option<&'a Json> {
    objects.iter().find(|object| object["kind"] == kind && name(object) == wanted)
}

/// Whether labels are what `matchLabels` and `matchExpressions` ask for. An empty selector takes everything.
fn selects(selector: &Json, labels: &Json) -> bool {
    let wanted = selector["matchLabels"].as_object();
    wanted.is_none_or(|wanted| wanted.iter().all(|(key, value)| labels[key] == *value))
        && list(selector, "matchExpressions").iter().all(|expression| {
            let value = &labels[text(expression, "key")];
            let named = list(expression, "values").contains(value);
            match text(expression, "operator") {
                "In" => named,
                "NotIn" => !named,
                "Exists" => !value.is_null(),
                "DoesNotExist" => value.is_null(),
                _ => false,
            }
        })
}

fn pinned(container: &Json) -> Option<String> {
    let image = text(container, "image");
    let last = image.rsplit('/').next().unwrap_or_default();
    let has_digest = image.contains("@sha256:");
    match last.split_once(':') {
        _ if has_digest => None,
        Some((_, tag)) if tag != "latest" && !tag.is_empty() => None,
        _ => Some(format!("the image {image} is not pinned by a tag")),
    }
}

fn bounded(container: &Json) -> Faults {
    let resources = &container["resources"];
    let wanted = [("requests", "cpu"), ("requests", "memory"), ("limits", "memory")];
    let missing = wanted.iter().filter(|(part, kind)| resources[part][kind].is_null());
    missing.map(|(part, kind)| format!("{} has no {part}.{kind}", text(container, "name"))).collect()
}

/// What every pod of the platform is: bounded, watched, and without rights.
fn pods(workload: &Workload) -> Faults {
    let spec = &workload.pod["spec"];
    let mut faults = Faults::new();
    let mut must = |holds: bool, fault: &str| {
        if !holds {
            faults.push(fault.to_owned());
        }
    };
    must(spec["automountServiceAccountToken"] == false, "its pods are given a token of the Kubernetes API");
    must(spec["securityContext"]["runAsNonRoot"] == true, "it may run as root");
    must(spec["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault", "it has no seccomp profile");
    must(!text(spec, "serviceAccountName").is_empty(), "it has no service account of its own");
    for host in ["hostNetwork", "hostPID", "hostIPC"] {
        must(spec[host] != true, "it uses a namespace of the host");
    }
    must(list(spec, "volumes").iter().all(|v| v["hostPath"].is_null()), "it mounts a path of the host");
    for container in list(spec, "containers").iter().chain(list(spec, "initContainers")) {
        let security = &container["securityContext"];
        let dropped = list(&security["capabilities"], "drop").iter().any(|c| c == "ALL");
        must(security["allowPrivilegeEscalation"] == false, "a container may gain privileges");
        must(security["readOnlyRootFilesystem"] == true, "a container may write to its image");
        must(dropped && list(&security["capabilities"], "add").is_empty(), "a container keeps capabilities");
        if workload.kind == "Deployment" {
            for probe in ["readinessProbe", "livenessProbe"] {
                must(!container[probe].is_null(), &format!("it has no {probe}"));
            }
        }
        for fault in pinned(container).into_iter().chain(bounded(container)) {
            must(false, &fault);
        }
    }
    faults
}

/// What a pod names is there: config maps, secrets, volumes, its service account.
fn references(workload: &Workload, objects: &[Json], given: &Given) -> Faults {
    let spec = &workload.pod["spec"];
    let mut faults = Faults::new();
    let account = text(spec, "serviceAccountName");
    match find(objects, "ServiceAccount", account) {
        None => faults.push(format!("there is no service account {account}")),
        Some(found) if found["automountServiceAccountToken"] != false => {
            faults.push(format!("the service account {account} gives its pods a token"));
        }
        Some(_) => {}
    }
    let mut secret = |wanted: &str, key: Option<&str>, optional: bool| {
        let found = given.secrets.get(wanted);
        let there = found.is_some_and(|keys| key.is_none_or(|key| keys.contains(key)));
        if !there && !optional {
            let key = key.map(|key| format!(" with {key}")).unwrap_or_default();
            faults.push(format!("no secret {wanted}{key} is made from the outputs"));
        }
    };
    for volume in list(spec, "volumes") {
        if let Some(wanted) = volume["secret"]["secretName"].as_str() {
            secret(wanted, None, volume["secret"]["optional"] == true);
        }
    }
    for pull in list(spec, "imagePullSecrets") {
        secret(text(pull, "name"), Some(".dockerconfigjson"), false);
    }
    let containers = || list(spec, "containers").iter().chain(list(spec, "initContainers"));
    for variable in containers().flat_map(|container| list(container, "env")) {
        let from = &variable["valueFrom"]["secretKeyRef"];
        if !from.is_null() {
            secret(text(from, "name"), Some(text(from, "key")), from["optional"] == true);
        }
    }
    for variable in containers().flat_map(|container| list(container, "env")) {
        let from = &variable["valueFrom"]["configMapKeyRef"];
        if from.is_null() {
            continue;
        }
        let (wanted, key) = (text(from, "name"), text(from, "key"));
        let found = find(objects, "ConfigMap", wanted);
        if found.is_none_or(|map| map["data"][key].is_null()) && from["optional"] != true {
            faults.push(format!("no config map {wanted} has {key}"));
        }
    }
    let volumes: BTreeSet<&str> = list(spec, "volumes").iter().map(|volume| text(volume, "name")).collect();
    for mount in containers().flat_map(|container| list(container, "volumeMounts")) {
        if !volumes.contains(text(mount, "name")) {
            faults.push(format!("no volume is named {}", text(mount, "name")));
        }
    }
    faults
}

/// Agents run on the agents' nodes, and nothing else does.
fn placement(workload: &Workload) -> Faults {
    let spec = &workload.pod["spec"];
    let is_agent = workload.pod["metadata"]["labels"]["app.kubernetes.io/component"] == "agent";
    let tolerates = list(spec, "tolerations").iter().any(|toleration| {
        let key = text(toleration, "key");
        key == "nornos/agents" || (key.is_empty() && toleration["operator"] == "Exists")
    });
    match (is_agent, tolerates, spec["nodeSelector"]["nornos/pool"] == "agents") {
        (true, true, true) | (false, false, false) => Faults::new(),
        (true, false, _) => vec!["an agent does not tolerate the taint of the agents' nodes".to_owned()],
        (true, true, false) => vec!["an agent may run beside the other services".to_owned()],
        (false, ..) => vec!["it may run beside the agents".to_owned()],
    }
}

/// A deployment has a service, a disruption budget and a policy, and its number has one master.
fn company(workload: &Workload, objects: &[Json]) -> Faults {
    let labels = &workload.pod["metadata"]["labels"];
    let mut faults = Faults::new();
    if !selects(&workload.object["spec"]["selector"], labels) {
        faults.push("its selector does not select its own pods".to_owned());
    }
    if !of(objects, "Service").any(|service| service_selects(service, labels)) {
        faults.push("no service leads to it".to_owned());
    }
    let budgets: Vec<&Json> =
        of(objects, "PodDisruptionBudget").filter(|b| selects(&b["spec"]["selector"], labels)).collect();
    match budgets.as_slice() {
        [budget] if budget["spec"]["maxUnavailable"].as_u64().is_some_and(|n| n > 0) => {}
        [_] => faults
            .push("its disruption budget can block the draining of a node: give maxUnavailable".to_owned()),
        other => faults.push(format!("it has {} disruption budgets; it needs one", other.len())),
    }
    let own = of(objects, "NetworkPolicy").any(|policy| {
        let selector = &policy["spec"]["podSelector"];
        selector.as_object().is_some_and(|s| !s.is_empty()) && selects(selector, labels)
    });
    if !own {
        faults.push("no network policy is its own".to_owned());
    }
    let scaler = of(objects, "HorizontalPodAutoscaler").find(|scaler| {
        let target = &scaler["spec"]["scaleTargetRef"];
        target["kind"] == "Deployment" && target["name"] == workload.name
    });
    let replicas = workload.object["spec"]["replicas"].as_u64();
    match (scaler, replicas) {
        (Some(_), Some(_)) => {
            faults.push("an autoscaler and `replicas` both say how many there are".to_owned());
        }
        (None, None) => faults.push("nothing says how many there are".to_owned()),
        (Some(scaler), None) => {
            let (least, most) =
                (scaler["spec"]["minReplicas"].as_u64(), scaler["spec"]["maxReplicas"].as_u64());
            if least.unwrap_or(1) > most.unwrap_or(0) {
                faults.push(format!("its autoscaler goes from {least:?} to {most:?}"));
            }
        }
        (None, Some(_)) => {}
    }
    faults
}

fn service_selects(service: &Json, labels: &Json) -> bool {
    let selector = service["spec"]["selector"].as_object();
    selector.is_some_and(|selector| selector.iter().all(|(key, value)| labels[key] == *value))
}

fn has_port(workload: &Workload, wanted: &Json) -> bool {
    let mut ports = list(&workload.pod["spec"], "containers").iter().flat_map(|c| list(c, "ports"));
    ports.any(|port| port["name"] == *wanted || port["containerPort"] == *wanted)
}

/// Services and autoscalers lead somewhere.
fn services(objects: &[Json], workloads: &[Workload]) -> Faults {
    let mut faults = Faults::new();
    for service in of(objects, "Service") {
        let behind: Vec<&Workload> =
            workloads.iter().filter(|w| service_selects(service, &w.pod["metadata"]["labels"])).collect();
        if behind.is_empty() {
            faults.push(format!("Service/{}: it selects no pod", name(service)));
        }
        for port in list(&service["spec"], "ports") {
            let target = if port["targetPort"].is_null() { &port["port"] } else { &port["targetPort"] };
            if !behind.iter().all(|workload| has_port(workload, target)) {
                faults.push(format!("Service/{}: no container has the port {target}", name(service)));
            }
        }
    }
    for scaler in of(objects, "HorizontalPodAutoscaler") {
        let target = &scaler["spec"]["scaleTargetRef"];
        if find(objects, text(target, "kind"), text(target, "name")).is_none() {
            faults.push(format!(
                "HorizontalPodAutoscaler/{}: there is no {}",
                name(scaler),
                text(target, "name")
            ));
        }
    }
    for budget in of(objects, "PodDisruptionBudget") {
        let selector = &budget["spec"]["selector"];
        if !workloads.iter().any(|w| selects(selector, &w.pod["metadata"]["labels"])) {
            faults.push(format!("PodDisruptionBudget/{}: it selects no pod", name(budget)));
        }
    }
    faults
}

/// What the internet reaches is there, and only over TLS.
fn ingresses(objects: &[Json]) -> Faults {
    let mut faults = Faults::new();
    for ingress in of(objects, "Ingress") {
        let title = format!("Ingress/{}", name(ingress));
        let annotations = &ingress["metadata"]["annotations"];
        let annotation =
            |key: &str| text(annotations, &format!("traefik.ingress.kubernetes.io/router.{key}"));
        let namespace = text(&ingress["metadata"], "namespace");
        for wanted in annotation("middlewares").split(',').filter(|m| !m.is_empty()) {
            let there = wanted
                .strip_suffix("@kubernetescrd")
                .and_then(|w| w.strip_prefix(&format!("{namespace}-")))
                .is_some_and(|wanted| find(objects, "Middleware", wanted).is_some());
            if !there {
                faults.push(format!("{title}: there is no middleware {wanted}"));
            }
        }
        let redirects = annotation("middlewares").contains("redirect-to-https");
        let protected: Vec<&Json> =
            list(&ingress["spec"], "tls").iter().flat_map(|t| list(t, "hosts")).collect();
        for rule in list(&ingress["spec"], "rules") {
            let host = text(rule, "host");
            if host.split('.').count() < 3 {
                faults.push(format!("{title}: {host:?} is no host of the environment's domain"));
            }
            if !redirects && !protected.contains(&&rule["host"]) {
                faults.push(format!("{title}: {host} is served without a certificate"));
            }
            if !redirects && annotation("entrypoints") != "websecure" {
                faults.push(format!("{title}: it is not bound to the entry point websecure"));
            }
            for path in list(&rule["http"], "paths") {
                let backend = &path["backend"]["service"];
                let service = find(objects, "Service", text(backend, "name"));
                let ports = service.map(|service| list(&service["spec"], "ports")).unwrap_or_default();
                let (by_name, by_number) = (&backend["port"]["name"], &backend["port"]["number"]);
                let there = ports.iter().any(|port| {
                    (!by_name.is_null() && port["name"] == *by_name)
                        || (!by_number.is_null() && port["port"] == *by_number)
                });
                if !there {
                    faults.push(format!("{title}: no service {} has the port it names", backend["name"]));
                }
            }
        }
        if !redirects && text(annotations, "cert-manager.io/cluster-issuer").is_empty() {
            faults.push(format!("{title}: nobody issues its certificate"));
        }
    }
    faults
}

/// Nothing may talk but what is said on both sides; agents talk to the relay alone.
fn policies(objects: &[Json], workloads: &[Workload], given: &Given) -> Faults {
    let mut faults = Faults::new();
    let all: Vec<&Json> = of(objects, "NetworkPolicy").collect();
    let denies = |direction: &str| {
        all.iter().any(|policy| {
            let spec = &policy["spec"];
            let rules = if direction == "Ingress" { "ingress" } else { "egress" };
            spec["podSelector"].as_object().is_some_and(serde_json::Map::is_empty)
                && list(spec, "policyTypes").iter().any(|kind| kind == direction)
                && list(spec, rules).is_empty()
        })
    };
    for direction in ["Ingress", "Egress"] {
        if !denies(direction) {
            faults.push(format!("NetworkPolicy: nothing denies {direction} by default"));
        }
    }
    for policy in &all {
        let title = format!("NetworkPolicy/{}", name(policy));
        let selector = &policy["spec"]["podSelector"];
        // The pods of cert-manager are not ours.
        let foreign = selector["matchLabels"].get("acme.cert-manager.io/http01-solver").is_some();
        let selected: Vec<&Workload> =
            workloads.iter().filter(|w| selects(selector, &w.pod["metadata"]["labels"])).collect();
        if selected.is_empty() && !foreign {
            faults.push(format!("{title}: it selects no pod"));
        }
        for (rules, peers) in [("ingress", "from"), ("egress", "to")] {
            for rule in list(&policy["spec"], rules) {
                if list(rule, peers).is_empty() {
                    faults.push(format!("{title}: {rules} with everybody"));
                }
                for peer in list(rule, peers) {
                    faults.extend(
                        check_peer(peer, rule, rules, &selected, workloads, given)
                            .map(|f| format!("{title}: {f}")),
                    );
                }
            }
        }
    }
    faults.extend(both_sides(&all, workloads));
    let agents =
        workloads.iter().filter(|w| w.pod["metadata"]["labels"]["app.kubernetes.io/component"] == "agent");
    for agent in agents {
        let labels = &agent.pod["metadata"]["labels"];
        let own = all.iter().filter(|policy| selects(&policy["spec"]["podSelector"], labels));
        for peer in own.flat_map(|policy| list(&policy["spec"], "egress")).flat_map(|rule| list(rule, "to")) {
            let to_dns = peer["podSelector"]["matchLabels"]["k8s-app"] == "kube-dns";
            let reached: Vec<&str> = reached(peer, workloads);
            if !to_dns && reached != ["relay-server"] {
                faults.push(format!("{}: an agent reaches more than the relay: {peer}", agent.name));
            }
        }
    }
    faults
}

/// Names of the workloads of this namespace that a peer of a policy stands for.
fn reached<'a>(peer: &Json, workloads: &[Workload<'a>]) -> Vec<&'a str> {
    if !peer["namespaceSelector"].is_null() || peer["podSelector"].is_null() {
        return Vec::new();
    }
    let found = workloads.iter().filter(|w| selects(&peer["podSelector"], &w.pod["metadata"]["labels"]));
    found.map(|workload| workload.name).collect()
}

fn check_peer(
    peer: &Json,
    rule: &Json,
    direction: &str,
    selected: &[&Workload],
    workloads: &[Workload],
    given: &Given,
) -> Option<String> {
    let block = &peer["ipBlock"];
    if !block.is_null() {
        let cidr = text(block, "cidr");
        if cidr == "0.0.0.0/0" {
            let private = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"];
            let left = private.iter().find(|range| !list(block, "except").iter().any(|e| e == *range));
            return left.map(|range| format!("the internet includes {range}"));
        }
        let ports: Vec<u64> = list(rule, "ports").iter().filter_map(|port| port["port"].as_u64()).collect();
        let known = given
            .databases
            .iter()
            .any(|(address, port)| format!("{address}/32") == cidr && ports.as_slice() == [*port]);
        return (!known).then(|| format!("{cidr} on {ports:?} is no database of this environment"));
    }
    if !peer["namespaceSelector"].is_null() {
        return None;
    }
    let names: Vec<&Json> = list(&peer["podSelector"], "matchExpressions")
        .iter()
        .filter(|expression| text(expression, "key") == NAME)
        .flat_map(|expression| list(expression, "values"))
        .collect();
    let strange =
        names.iter().find(|wanted| !workloads.iter().any(|w| w.pod["metadata"]["labels"][NAME] == ***wanted));
    if let Some(strange) = strange {
        return Some(format!("no pod is named {strange}"));
    }
    let targets: Vec<&Workload> = if direction == "egress" {
        workloads.iter().filter(|w| selects(&peer["podSelector"], &w.pod["metadata"]["labels"])).collect()
    } else {
        selected.to_vec()
    };
    if targets.is_empty() {
        return Some(format!("a peer that is nobody: {peer}"));
    }
    let port =
        list(rule, "ports").iter().map(|p| &p["port"]).find(|p| !targets.iter().all(|t| has_port(t, p)));
    port.map(|port| format!("no container has the port {port}"))
}

/// What one side of the namespace may send, the other takes, and the other way round.
fn both_sides(policies: &[&Json], workloads: &[Workload]) -> Faults {
    let pairs = |rules: &str, peers: &str| -> BTreeSet<(String, String)> {
        let mut pairs = BTreeSet::new();
        for policy in policies {
            let here = workloads
                .iter()
                .filter(|w| selects(&policy["spec"]["podSelector"], &w.pod["metadata"]["labels"]));
            for workload in here {
                let all = list(&policy["spec"], rules).iter().flat_map(|rule| list(rule, peers));
                for other in all.flat_map(|peer| reached(peer, workloads)) {
                    let (from, to) =
                        if peers == "to" { (workload.name, other) } else { (other, workload.name) };
                    pairs.insert((from.to_owned(), to.to_owned()));
                }
            }
        }
        pairs
    };
    let (sent, taken) = (pairs("egress", "to"), pairs("ingress", "from"));
    let refused = sent
        .difference(&taken)
        .map(|(a, b)| format!("NetworkPolicy: {a} may send to {b}, which takes nothing of it"));
    let unsent = taken
        .difference(&sent)
        .map(|(a, b)| format!("NetworkPolicy: {b} takes from {a}, which may not send to it"));
    refused.chain(unsent).collect()
}

#[cfg(test)]
mod tests;
