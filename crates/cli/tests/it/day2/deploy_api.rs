//! `deploy` with kubectl itself, against an API that writes down every request and can fail any of them.

use serde_json::json;

use super::deploy::MANIFESTS;
use super::fake::{CLUSTER, Fake, real_kubectl};
use super::kube::{Failing, Kube, changes, discoveries};
use crate::harness::Run;

const NOTE: &str = "/api/v1/namespaces/default/configmaps/ferroform-shop-dev";

/// A cluster that was deployed to before, when there were an ingress, a volume claim and the service.
struct Shop {
    fake: Fake,
    kube: Kube,
}

impl Shop {
    /// None where there is no kubectl.
    fn open() -> Option<Self> {
        real_kubectl()?;
        let fake = Fake::new(CLUSTER);
        fake.project.write("manifests/kustomization.yaml", "resources: [all.yaml]\n");
        fake.project.write("manifests/all.yaml", MANIFESTS);
        let kube = cluster(&fake);
        Some(Shop { fake, kube })
    }

    /// Another cluster in the place of this one, as this one was at first.
    fn begin_anew(&mut self) {
        self.kube = cluster(&self.fake);
    }

    fn deploy(&self, more: &str) -> Run {
        self.fake.run(&format!("deploy -kubeconfig=own {more}"))
    }

    /// Everything is as a deployment leaves it.
    #[track_caller]
    fn is_deployed(&self, after: &str) {
        let world = self.kube.world();
        let mut names = world.names();
        names.sort();
        let expected = [
            "configmaps/ferroform-shop-dev",
            "deployments/web",
            "namespaces/default",
            "namespaces/shop",
            "persistentvolumeclaims/data",
            "services/web",
        ];
        assert_eq!(names, expected, "{after}");
        let note = &world.get("configmaps", "ferroform-shop-dev").unwrap()["data"]["objects"];
        assert_eq!(note, "||Namespace|shop\nshop||Service|web\nshop|apps|Deployment|web", "{after}");
    }
}

fn cluster(fake: &Fake) -> Kube {
    let kube = fake.with_api(&["default", "shop"]);
    let mut world = kube.world();
    let ingress = json!({"name": "old", "namespace": "shop"});
    world.put(&json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": ingress}));
    let claim = json!({"name": "data", "namespace": "shop"});
    world.put(&json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": claim}));
    let lines = "shop||Service|web\nshop|networking.k8s.io|Ingress|old\nshop||PersistentVolumeClaim|data";
    let note = json!({"name": "ferroform-shop-dev", "namespace": "default"});
    world
        .put(&json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": note, "data": {"objects": lines}}));
    drop(world);
    kube
}

/// What a deployment changes, in order.
fn whole() -> Vec<String> {
    vec![
        format!("PATCH {NOTE} force=true"),
        "PATCH /api/v1/namespaces/shop force=false".to_owned(),
        "PATCH /api/v1/namespaces/shop/services/web force=false".to_owned(),
        "PATCH /apis/apps/v1/namespaces/shop/deployments/web force=false".to_owned(),
        "DELETE /apis/networking.k8s.io/v1/namespaces/shop/ingresses/old".to_owned(),
        format!("PATCH {NOTE} force=true"),
    ]
}

#[test]
fn kubectl_itself_applies_waits_and_removes() {
    let Some(shop) = Shop::open() else { return };
    let run = shop.deploy("").ok();
    assert!(run.stdout.contains("3 objects are applied, 1 rolled out."), "{run}");
    let asked = shop.kube.asked();
    assert_eq!(changes(&asked), whole());
    shop.is_deployed("the first deployment");
    // Not by every kubectl: once at first, and once for the removal, since the short name of a kind in a group with dots
    // could mean something else.
    assert_eq!(discoveries(&asked), 4, "how often the cluster's kinds are asked for");
    let cache = shop.fake.project.path(".kube");
    assert!(!cache.exists(), "what was learnt about this cluster is not kept for whoever has its port next");
    // Again: everything is applied, and nothing is left to be removed or noted anew.
    shop.deploy("").ok();
    let again = shop.kube.changes();
    assert_eq!(again, whole()[..4]);
}

/// Each request fails, in each way: the deployment says so and does nothing after it, or kubectl has coped with it; and the
/// same command brings everything to its end.
#[test]
fn whatever_request_fails_nothing_after_it_is_done_and_the_next_deployment_goes_on() {
    let Some(mut shop) = Shop::open() else { return };
    shop.deploy("").ok();
    let mut coped = Vec::new();
    for failing in Failing::each(&shop.kube.asked()) {
        let what = failing.to_string();
        shop.begin_anew();
        failing.begin(&shop.kube);
        let run = shop.deploy("");
        let done = shop.kube.changes();
        if failing.was_coped_with(&shop.kube, &run) {
            assert_eq!(done, whole(), "{what}");
            coped.push(failing.key);
        } else {
            // kubectl tries the other objects of the same apply; no other step begins.
            let mut all = whole();
            let at = position(&all, &failing, &done);
            let step_ends = if (1..=3).contains(&at) { 4 } else { at + 1 };
            all.truncate(step_ends);
            assert!(all.starts_with(&done), "{what}: {done:?}");
            shop.deploy("").ok();
        }
        shop.is_deployed(&what);
    }
    coped.retain(|key| key != LATER);
    coped.sort();
    coped.dedup();
    assert_eq!(coped, COPED, "reads that kubectl can do without");
}

/// Where in the whole a failing request is; of a read, how much was changed before it.
fn position(all: &[String], failing: &Failing, done: &[String]) -> usize {
    let mut places = all.iter().enumerate().filter(|(_, change)| **change == failing.key);
    places.nth(failing.before).map_or(done.len(), |(index, _)| index)
}

/// Reads whose failure kubectl bears: it asks again, or leaves the checking of fields to the server without having seen
/// that the server does it.
const COPED: [&str; 6] = [
    "GET /api",
    "GET /apis",
    "GET /apis/apps/v1/namespaces/shop/deployments fieldSelector=metadata.name=web watch=true",
    "GET /openapi/v3",
    "GET /openapi/v3/api/v1",
    "GET /openapi/v3/apis/apps/v1",
];

/// What kubectl looks at once more before it watches a rollout: 1.32 bears that this fails, 1.36 does not.
const LATER: &str = "GET /apis/apps/v1/namespaces/shop/deployments fieldSelector=metadata.name=web";

#[test]
fn fields_of_others_are_a_conflict_until_they_are_taken_over() {
    let Some(shop) = Shop::open() else { return };
    shop.kube.world().contested.insert("web".to_owned());
    shop.deploy("").one_error("Cluster does not do that").tells(&["-force-conflicts", "somebody"]);
    let done = shop.kube.changes();
    assert!(!done.iter().any(|change| change.starts_with("DELETE")), "{done:?}");
    shop.deploy("-force-conflicts").ok();
    shop.is_deployed("taking them over");
}

#[test]
fn what_does_not_roll_out_is_told_after_its_time_and_nothing_is_removed() {
    let Some(shop) = Shop::open() else { return };
    shop.kube.world().stuck.insert("web".to_owned());
    let run = shop.deploy("-timeout=2s").one_error("Roll-out failed");
    run.tells(&["deployment.apps/web", "timed out", "describe deployment.apps/web"]);
    assert_eq!(shop.kube.changes(), whole()[..4]);
    shop.kube.world().stuck.clear();
    shop.deploy("").ok();
    shop.is_deployed("the next one");
}

#[test]
fn a_dry_run_shows_what_the_server_would_make_of_it_and_changes_nothing() {
    let Some(shop) = Shop::open() else { return };
    let run = shop.deploy("-dry-run").ok();
    assert!(run.stdout.contains("+  name: web"), "{run}");
    assert!(run.stdout.contains("- ingress.networking.k8s.io/old in shop is removed"), "{run}");
    assert_eq!(shop.kube.changes(), [""; 0]);
    shop.deploy("").ok();
    let run = shop.deploy("-dry-run").ok();
    assert_eq!(run.stdout, "Nothing would change.\n");
    let run = shop.deploy("-dry-run -image=web=2").ok();
    let lines: Vec<&str> = run.stdout.lines().filter(|line| line.contains("team/web:")).collect();
    assert!(lines.iter().any(|line| line.starts_with('-') && line.ends_with(":1.0")), "{run}");
    assert!(lines.iter().any(|line| line.starts_with('+') && line.ends_with(":2")), "{run}");
}

/// Preferences make `kubectl delete` ask, and end with 0 when nobody answers; and show differences with another program.
#[test]
fn preferences_of_the_person_do_not_change_what_is_done() {
    let Some(mut shop) = Shop::open() else { return };
    let preferences = "apiVersion: kubectl.config.k8s.io/v1beta1\nkind: Preference\ndefaults:\n- command: delete\n  options:\n  \
                       - name: interactive\n    default: \"true\"\n";
    shop.fake.project.write(".kube/kuberc", preferences);
    shop.fake.project.set_env("KUBECTL_EXTERNAL_DIFF", "false");
    shop.deploy("").ok();
    shop.is_deployed("with preferences");
    let run = shop.deploy("-dry-run -image=web=2").ok();
    assert!(run.stdout.contains("team/web:2"), "{run}");
}

const THING: &str = "\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: things.example.com
spec:
  group: example.com
  scope: Namespaced
  names:
    kind: Thing
    plural: things
  versions:
  - name: v1
    served: true
    storage: true
---
apiVersion: example.com/v1
kind: Thing
metadata:
  name: one
  namespace: shop
";

/// Kinds that come with the manifests, and kinds that went with their definition.
#[test]
fn kinds_that_come_are_waited_for_and_objects_of_kinds_that_went_are_gone() {
    let Some(shop) = Shop::open() else { return };
    shop.fake.project.write("manifests/all.yaml", format!("{MANIFESTS}---\n{THING}"));
    let run = shop.deploy("").ok().tells(&["Some kinds are not known to the cluster yet"]);
    assert!(run.stdout.contains("5 objects are applied"), "{run}");
    assert!(shop.kube.world().get("things", "one").is_some());
    shop.fake.project.write("manifests/all.yaml", MANIFESTS);
    // Where a group of kinds has a server of its own, that may just be away, and nobody knows what there is: not gone.
    shop.kube.world().forget_kind("Thing");
    shop.kube.world().put(&json!({
        "apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": {"name": "v1.example.com"},
        "spec": {"group": "example.com", "version": "v1", "service": {"name": "things", "namespace": "shop"}},
    }));
    let run = shop.deploy("").one_error("Cluster does not do that").tells(&["remove thing.example.com/one"]);
    run.tells(&["have a server of their own"]);
    // Otherwise somebody has deleted the definition, and with it everything of that kind.
    shop.kube.world().remove("apiservices", "v1.example.com");
    shop.deploy("").ok();
    let note = shop.kube.world().get("configmaps", "ferroform-shop-dev").unwrap()["data"]["objects"].clone();
    assert!(!note.as_str().unwrap().contains("Thing"), "{note}");
}
