//! The manifests of nornos: what kustomize makes of every overlay.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value as Json, json};

use super::applied::{Applied, finish};
use super::{Context, Faults, helper, rules};
use crate::metadata::{list, text};
use crate::{Result, say};

/// Schemas of the resources that Kubernetes itself does not have, as far as the manifests use them.
const OWN_SCHEMAS: &str = include_str!("crds.json");

/// Checks the manifests of every environment.
pub(super) fn check(context: &Context, environments: &[Applied]) -> Result<Faults> {
    let dir = context.root.join("stacks/nornos/kubernetes");
    let runbooks = std::fs::read_to_string(context.root.join("stacks/nornos/docs/runbooks.md"))?;
    let mut faults = Faults::new();
    let mut own = BTreeMap::new();
    let mut count = 0;
    let mut alerts = None;
    for environment in environments.iter().filter(|e| e.stack == "nornos" && e.variant.is_empty()) {
        let name = &environment.environment;
        let release = text(&environment.outputs["kubernetes"]["value"], "k3s_version");
        let version = release.trim_start_matches('v').split('+').next().unwrap_or_default();
        let secrets = secrets(&dir, environment, version)?;
        faults.extend(secrets.faults.iter().map(|fault| format!("{name}: secrets: {fault}")));
        let given = rules::Given { secrets: secrets.keys, databases: databases(environment) };
        for part in ["overlays", "operators", "resources"] {
            let path = match part {
                "overlays" => dir.join("overlays").join(name),
                other => dir.join("cluster/overlays").join(name).join(other),
            };
            let built = build(&path, version)?;
            count += built.objects.len();
            for (kind, number) in &built.own {
                *own.entry(kind.clone()).or_insert(0) += number;
            }
            let mut found = built.faults;
            found.extend(check_standards(&built.objects, version));
            match part {
                "overlays" => {
                    found.extend(rules::check(&built.objects, &given));
                    found.extend(room(&built.objects, environment));
                }
                "operators" => found.extend(rules::check_cluster(&built.objects)),
                _ => {
                    found.extend(check_plans(&built.objects, release));
                    let rules: Vec<&Json> =
                        built.objects.iter().filter(|o| o["kind"] == "PrometheusRule").collect();
                    let [rule] = rules.as_slice() else {
                        return Err(format!(
                            "stacks: {name}: {} PrometheusRule; one is expected",
                            rules.len()
                        )
                        .into());
                    };
                    // The same everywhere, as a rule: once is enough.
                    if alerts.as_ref() != Some(&rule["spec"]) {
                        found.extend(check_alerts(&dir, &rule["spec"], &runbooks)?);
                        alerts = Some(rule["spec"].clone());
                    }
                    found.extend(check_targets(&built.objects, &given));
                }
            }
            faults.extend(found.into_iter().map(|fault| format!("{name}/{part}: {fault}")));
        }
    }
    let own: Vec<String> = own.iter().map(|(kind, number)| format!("{number} {kind}")).collect();
    say(&format!(
        "stacks: {count} objects of Kubernetes; held against schemas of this repository: {}",
        own.join(", ")
    ))?;
    if count == 0 {
        faults.push("no environment has manifests".to_owned());
    }
    Ok(faults)
}

/// What kustomize made of a directory.
struct Built {
    objects: Vec<Json>,
    own: BTreeMap<String, u64>,
    faults: Faults,
}

fn build(dir: &Path, version: &str) -> Result<Built> {
    let title = dir.display().to_string();
    let made = finish(&title, &["kustomize"], Command::new("kubectl").arg("kustomize").arg(dir))?;
    validate(&String::from_utf8_lossy(&made), version)
}

/// Holds objects, as YAML, against the schemas of a version of Kubernetes.
fn validate(yaml: &str, version: &str) -> Result<Built> {
    let schemas: Json = serde_json::from_str(OWN_SCHEMAS)?;
    let mut answer =
        helper::ask("manifests", &json!({ "text": yaml, "version": version, "schemas": schemas }))?;
    let faults = list(&answer, "errors").iter().filter_map(|e| e.as_str().map(str::to_owned)).collect();
    let own = serde_json::from_value(answer["own"].take())?;
    let objects = serde_json::from_value(answer["objects"].take())?;
    Ok(Built { objects, own, faults })
}

/// The secrets that are made of an environment's outputs.
struct Secrets {
    keys: BTreeMap<String, BTreeSet<String>>,
    faults: Faults,
}

fn secrets(dir: &Path, environment: &Applied, version: &str) -> Result<Secrets> {
    let outputs = environment.outputs.to_string();
    let mut child = Command::new(dir.join("secrets/make"))
        .env("REGISTRY_SERVER", "registry.example.com")
        .env("REGISTRY_USER", "robot")
        .env("REGISTRY_PASSWORD", "not a password")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    std::io::Write::write_all(&mut child.stdin.take().ok_or("no stdin")?, outputs.as_bytes())?;
    let output = child.wait_with_output()?;
    if !output.status.success() {
        return Err(format!("stacks: secrets/make: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let made: Json = serde_json::from_slice(&output.stdout)?;
    let texts: Vec<String> = list(&made, "items").iter().map(Json::to_string).collect();
    let built = validate(&texts.join("\n---\n"), version)?;
    let keys = built.objects.iter().map(|secret| {
        let keys = secret["data"].as_object().map(|data| data.keys().cloned().collect()).unwrap_or_default();
        (text(&secret["metadata"], "name").to_owned(), keys)
    });
    Ok(Secrets { keys: keys.collect(), faults: built.faults })
}

/// Private addresses and ports of the databases.
fn databases(environment: &Applied) -> Vec<(String, u64)> {
    let outputs = ["postgres", "redis"].map(|name| &environment.outputs[name]["value"]);
    outputs.iter().map(|o| (text(o, "host").to_owned(), o["port"].as_u64().unwrap_or_default())).collect()
}

/// The plans bring every node to the release that new nodes install.
fn check_plans(objects: &[Json], release: &str) -> Faults {
    let plans: Vec<&Json> = objects.iter().filter(|object| object["kind"] == "Plan").collect();
    let mut faults: Faults = plans
        .iter()
        .filter(|plan| plan["spec"]["version"] != release)
        .map(|plan| {
            format!("Plan/{}: not {release}, which new nodes install", text(&plan["metadata"], "name"))
        })
        .collect();
    if plans.is_empty() {
        faults.push("there is no upgrade plan".to_owned());
    }
    faults
}

/// Namespaces that pin the standard of pod security pin that of the cluster's minor version.
fn check_standards(objects: &[Json], version: &str) -> Faults {
    let minor = version.rsplit_once('.').map_or(version, |(minor, _)| minor);
    let namespaces = objects.iter().filter(|object| object["kind"] == "Namespace");
    let strange = namespaces.filter(|namespace| {
        let pinned = &namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce-version"];
        !pinned.is_null() && *pinned != format!("v{minor}")
    });
    strange
        .map(|n| {
            format!("Namespace/{}: its pod security is not that of v{minor}", text(&n["metadata"], "name"))
        })
        .collect()
}

/// Prometheus asks the databases where they are.
fn check_targets(objects: &[Json], given: &rules::Given) -> Faults {
    let configs = objects.iter().filter(|object| object["kind"] == "ScrapeConfig");
    let targets = configs.flat_map(|c| list(&c["spec"], "staticConfigs")).flat_map(|s| list(s, "targets"));
    let strange = targets.filter_map(Json::as_str).filter(|target| {
        let host = target.split(':').next().unwrap_or_default();
        !given.databases.iter().any(|(address, _)| address == host)
    });
    strange.map(|target| format!("ScrapeConfig: {target} is no database of this environment")).collect()
}

/// The alerts are well-formed, fire when their tests say, and lead to a section of the runbooks.
fn check_alerts(dir: &Path, rules: &Json, runbooks: &str) -> Result<Faults> {
    let scratch = tempfile::tempdir()?;
    // JSON is YAML.
    std::fs::write(scratch.path().join("groups.yaml"), rules.to_string())?;
    let tests = std::fs::read_to_string(dir.join("cluster/tests/alerts.yaml"))?;
    std::fs::write(scratch.path().join("alerts.yaml"), &tests)?;
    let mut faults = Faults::new();
    for words in [["check", "rules", "groups.yaml"], ["test", "rules", "alerts.yaml"]] {
        let output = Command::new("promtool")
            .args(words)
            .current_dir(scratch.path())
            .output()
            .map_err(|error| format!("stacks: promtool cannot be run: {error}"))?;
        if !output.status.success() {
            let said = [output.stdout, output.stderr].concat();
            faults.push(format!("promtool {}: {}", words.join(" "), String::from_utf8_lossy(&said)));
        }
    }
    let sections: Vec<String> = runbooks.lines().filter_map(anchor).collect();
    for alert in list(rules, "groups").iter().flat_map(|group| list(group, "rules")) {
        let (name, runbook) = (text(alert, "alert"), text(&alert["annotations"], "runbook"));
        let section = runbook.strip_prefix("docs/runbooks.md#").unwrap_or_default();
        if !sections.iter().any(|s| s == section) {
            faults.push(format!("{name}: {runbook} is no section of the runbooks"));
        }
    }
    Ok(faults)
}

/// What a heading is linked by.
pub(super) fn anchor(line: &str) -> Option<String> {
    let heading = line.strip_prefix('#')?.trim_start_matches('#').trim();
    let kept = heading
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c))
        .collect::<String>();
    Some(kept.replace(' ', "-"))
}

/// Whether the nodes have room: with one node of a pool lost for as many pods as there are at least, with all nodes for
/// as many as there may be. A fifth of the cores and a third of the memory of each node are left to the system and to what the
/// cluster itself runs: kubelet and system keep a quarter of a small node's memory for themselves.
fn room(objects: &[Json], environment: &Applied) -> Faults {
    let catalogue = ferroform_catalogue::Catalogue::builtin();
    let mut faults = Faults::new();
    for (pool, is_agent) in [("worker", false), ("agent", true)] {
        let prefix = format!("{}-{}-{pool}-", environment.stack, environment.environment);
        let nodes = environment.servers.iter().filter(|server| server.name.starts_with(&prefix));
        let sizes: Vec<(u64, u64)> = nodes
            .filter_map(|server| catalogue.server_type(&server.server_type))
            .map(|size| (u64::from(size.cores) * 1000, u64::from(size.memory_gb) * 1024))
            .collect();
        if sizes.is_empty() {
            faults.push(format!("no server of the pool {pool} was found by the name {prefix}…"));
            continue;
        }
        let total = |nodes: &[(u64, u64)]| {
            let sum = nodes.iter().fold((0, 0), |sum, size| (sum.0 + size.0, sum.1 + size.1));
            (sum.0 * 4 / 5, sum.1 * 2 / 3)
        };
        let wanted = |most: bool| demand(objects, is_agent, most);
        for (what, need, have) in [
            ("at least, with one node lost", wanted(false), total(&sizes[1..])),
            ("at most", wanted(true), total(&sizes)),
        ] {
            if need.0 > have.0 || need.1 > have.1 {
                faults.push(format!(
                    "pool {pool}: {what} the pods ask for {} m of CPU and {} MiB, and there is room for {} and {}",
                    need.0, need.1, have.0, have.1
                ));
            }
        }
    }
    faults
}

/// Thousandths of a core and MiB that the deployments of a pool ask for.
fn demand(objects: &[Json], agents: bool, most: bool) -> (u64, u64) {
    let mut sum = (0, 0);
    for deployment in objects.iter().filter(|object| object["kind"] == "Deployment") {
        let pod = &deployment["spec"]["template"];
        if (pod["metadata"]["labels"]["app.kubernetes.io/component"] == "agent") != agents {
            continue;
        }
        let scaler = objects.iter().find(|object| {
            object["kind"] == "HorizontalPodAutoscaler"
                && object["spec"]["scaleTargetRef"]["name"] == deployment["metadata"]["name"]
        });
        let count = match scaler {
            Some(scaler) if most => scaler["spec"]["maxReplicas"].as_u64(),
            Some(scaler) => scaler["spec"]["minReplicas"].as_u64(),
            None => deployment["spec"]["replicas"].as_u64(),
        };
        for container in list(&pod["spec"], "containers") {
            let requests = &container["resources"]["requests"];
            sum.0 += count.unwrap_or(1) * milli(text(requests, "cpu"));
            sum.1 += count.unwrap_or(1) * mebi(text(requests, "memory"));
        }
    }
    sum
}

/// `250m` or `2` cores in thousandths.
fn milli(quantity: &str) -> u64 {
    match quantity.strip_suffix('m') {
        Some(number) => number.parse().unwrap_or(u64::MAX / 1024),
        None => quantity.parse::<u64>().map_or(u64::MAX / 1024, |cores| cores * 1000),
    }
}

/// `512Mi` or `2Gi` in MiB. What is written otherwise counts as more than there is anywhere.
fn mebi(quantity: &str) -> u64 {
    let number = |suffix: &str| quantity.strip_suffix(suffix).and_then(|n| n.parse::<u64>().ok());
    number("Mi").or_else(|| number("Gi").map(|n| n * 1024)).unwrap_or(u64::MAX / 1024)
}

#[cfg(test)]
mod tests {
    use super::super::left_out;
    use super::*;

    const POLICY: &str = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: n}\nspec: {podSelector: {}}\n";

    fn faults(yaml: &str) -> String {
        validate(yaml, "1.34.1").expect("the helper answers").faults.join("\n")
    }

    #[test]
    fn a_broken_manifest_is_caught() {
        if left_out("python3", &["-c", "import kubernetes_validate"]) {
            return;
        }
        assert_eq!(faults(POLICY), "");
        assert!(faults(&POLICY.replace("podSelector", "podselector")).contains("podselector"));
        assert!(faults(&POLICY.replace("podSelector: {}", "podSelector: 1")).contains("podSelector"));
        assert!(
            faults(&POLICY.replace("kind: NetworkPolicy", "kind: NetworkPolice"))
                .contains("neither Kubernetes nor")
        );
        assert!(faults(&POLICY.replace("spec: {", "spec: [")).contains("no YAML"));
        let plan =
            "apiVersion: upgrade.cattle.io/v1\nkind: Plan\nmetadata: {name: p}\nspec: {concurrency: 0}\n";
        let said = faults(plan);
        assert!(
            said.contains("'version' is a required property") && said.contains("less than the minimum"),
            "{said}"
        );
        let chart = "apiVersion: helm.cattle.io/v1\nkind: HelmChartConfig\nmetadata: {name: c}\nspec: {valuesContent: 'a: ['}\n";
        assert!(faults(chart).contains("values of the chart are no YAML"));
    }

    #[test]
    fn a_plan_that_is_not_of_the_environments_release_is_caught() {
        let plan =
            json!({ "kind": "Plan", "metadata": { "name": "p" }, "spec": { "version": "v1.33.0+k3s1" } });
        assert_eq!(check_plans(std::slice::from_ref(&plan), "v1.33.0+k3s1"), Faults::new());
        assert_eq!(check_plans(&[plan], "v1.34.1+k3s1").len(), 1);
        assert_eq!(check_plans(&[], "v1.34.1+k3s1").len(), 1);
        let namespace = json!({ "kind": "Namespace", "metadata": { "name": "n", "labels": {
            "pod-security.kubernetes.io/enforce-version": "v1.34" } } });
        assert_eq!(check_standards(std::slice::from_ref(&namespace), "1.34.1"), Faults::new());
        assert_eq!(check_standards(&[namespace], "1.36.4").len(), 1);
    }

    #[test]
    fn pods_that_find_no_room_are_counted() {
        let deployment = |component: &str, replicas: u64| {
            json!({ "kind": "Deployment", "metadata": { "name": component }, "spec": { "replicas": replicas, "template": {
                "metadata": { "labels": { "app.kubernetes.io/component": component } },
                "spec": { "containers": [{ "resources": { "requests": { "cpu": "250m", "memory": "1Gi" } } }] },
            } } })
        };
        let scaler = json!({ "kind": "HorizontalPodAutoscaler", "spec": {
            "scaleTargetRef": { "name": "agent" }, "minReplicas": 2, "maxReplicas": 8 } });
        let objects = [deployment("agent", 1), scaler, deployment("back-end", 3)];
        assert_eq!(demand(&objects, true, false), (500, 2048));
        assert_eq!(demand(&objects, true, true), (2000, 8192));
        assert_eq!(demand(&objects, false, true), (750, 3072));
        assert!(milli("1.5e3") > 1 << 40 && mebi("1000000") > 1 << 40);
        assert_eq!((milli("2"), mebi("512Mi")), (2000, 512));
    }

    /// Runs a script of nornos, and gives whether it succeeded, what it printed and what it complained of.
    fn script(name: &str, words: &[&str], input: &str, variables: &[(&str, &str)]) -> (bool, String, String) {
        let path = crate::workspace_root().join("stacks/nornos/kubernetes").join(name);
        let mut child = Command::new(path)
            .args(words)
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it can be run");
        // One that fails early does not read.
        let _ = std::io::Write::write_all(&mut child.stdin.take().expect("piped"), input.as_bytes());
        let output = child.wait_with_output().expect("it ends");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        (output.status.success(), text(output.stdout), text(output.stderr))
    }

    #[test]
    fn secrets_are_made_whole_or_not_at_all() {
        if left_out("jq", &["--version"]) {
            return;
        }
        let value = |value: Json| json!({ "value": value });
        let mut outputs = json!({
            "secrets": value(json!({ "database_url": "postgresql://u:p@h/d?sslmode=require", "redis_url": "rediss://h" })),
            "postgres": value(json!({ "certificate_authority": "PEM of PostgreSQL" })),
            "redis": value(json!({ "certificate_authority": "PEM of Redis" })),
        });
        let (done, made, _) = script("secrets/make", &[], &outputs.to_string(), &[]);
        assert!(done);
        let made: Json = serde_json::from_str(&made).expect("JSON");
        let names: Vec<&str> = list(&made, "items").iter().map(|s| text(&s["metadata"], "name")).collect();
        assert_eq!(names, ["database", "redis", "alertmanager-config", "databases-ca"]);
        // postgresql://u:p@h/d?sslmode=verify-full&sslrootcert=/etc/nornos/ca/postgres.crt, in base64.
        let url = "cG9zdGdyZXNxbDovL3U6cEBoL2Q/c3NsbW9kZT12ZXJpZnktZnVsbCZzc2xyb290Y2VydD0vZXRjL25vcm5vcy9jYS9wb3N0Z3Jlcy5jcnQ=";
        assert_eq!(made["items"][0]["data"]["url"], url);

        outputs["secrets"]["value"]["object_storage"] = json!({ "endpoint": "s3.example", "region": "fsn1" });
        let (done, made, said) = script("secrets/make", &[], &outputs.to_string(), &[]);
        assert!(
            !done && made.is_empty() && said.contains("no documents: the bucket for documents"),
            "{made}{said}"
        );
        outputs["redis"] = Json::Null;
        let (done, made, said) = script("secrets/make", &[], &outputs.to_string(), &[]);
        assert!(
            !done && made.is_empty() && said.contains("redis.value.certificate_authority"),
            "{made}{said}"
        );
        let (done, _, said) =
            script("secrets/make", &[], "{}", &[("REGISTRY_SERVER", "r"), ("REGISTRY_USER", "")]);
        assert!(!done && said.contains("REGISTRY_USER and REGISTRY_PASSWORD"), "{said}");
    }

    #[test]
    fn the_cluster_is_installed_in_order_and_no_wait_is_endless() {
        let scratch = tempfile::tempdir().expect("a directory");
        let log = scratch.path().join("log");
        let kubectl = scratch.path().join("kubectl");
        let program = format!(
            "#!/bin/sh\necho \"$*\" >>{}\ncase $* in *\"$UNKNOWN\"*) exit 1 ;; esac\n",
            log.display()
        );
        std::fs::write(&kubectl, program).expect("written");
        std::fs::set_permissions(&kubectl, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("set");
        let kubectl = kubectl.to_string_lossy();
        let run = |environment: &str, unknown: &str| {
            let _ = std::fs::remove_file(&log);
            let variables = [("KUBECTL", &*kubectl), ("UNKNOWN", unknown), ("INSTALL_TIMEOUT", "0")];
            let (done, _, said) = script("cluster/install", &[environment], "", &variables);
            (done, said, std::fs::read_to_string(&log).unwrap_or_default())
        };
        let (done, said, log) = run("staging", "nothing of the kind");
        assert!(done, "{said}");
        let asked: Vec<&str> = log.lines().collect();
        assert!(
            asked[0].starts_with("apply --server-side") && asked[0].ends_with("overlays/staging/operators"),
            "{log}"
        );
        assert!(asked[asked.len() - 1].ends_with("overlays/staging/resources"), "{log}");
        assert!(asked[asked.len() - 2].contains("rollout status deployment/cert-manager-webhook"), "{log}");

        let (done, said, log) = run("dev", "get customresourcedefinition plans.upgrade.cattle.io");
        assert!(!done && said.contains("does not know plans.upgrade.cattle.io after 0 seconds"), "{said}");
        assert!(!log.contains("/resources"), "{log}");
        let (done, said, log) = run("nowhere", "x");
        assert!(!done && said.contains("no environment nowhere") && log.is_empty(), "{said}");
    }

    #[test]
    fn headings_are_linked_as_their_text() {
        assert_eq!(anchor("## A service is down").as_deref(), Some("a-service-is-down"));
        assert_eq!(anchor("### Node loss, again!").as_deref(), Some("node-loss-again"));
        assert_eq!(anchor("Text"), None);
    }
}
