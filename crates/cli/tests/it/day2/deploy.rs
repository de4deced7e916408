//! `deploy`, to a cluster and to a Docker host.

use super::fake::{CLUSTER, Fake, HOST, real_kubectl};
use super::reach::K3S_YAML;

pub(super) const MANIFESTS: &str = "\
apiVersion: v1
kind: Namespace
metadata:
  name: shop
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: shop
spec:
  template:
    spec:
      initContainers:
      - name: migrate
        image: registry.example.com:5000/team/web:1.0
      containers:
      - name: web
        image: registry.example.com:5000/team/web:1.0
      - name: proxy
        image: docker.io/library/nginx@sha256:0000
---
apiVersion: v1
kind: Service
metadata:
  name: web
  namespace: shop
";

const STATUS: &str = r#"{"services":[{"name":"web","image":"shop:2","state":"running","health":"healthy"}],"previous":null,"deployed_at":null}"#;

/// What the inventory is, as the API gives it.
fn inventory(lines: &[&str]) -> String {
    format!("{}\n", serde_json::json!({"data": {"objects": lines.join("\n")}}))
}

const GET: &str = "kubectl get configmap ferroform-shop-dev --namespace=default --ignore-not-found --output=json \
                   --request-timeout=30s";
const NOTE: &str = "kubectl apply --server-side --force-conflicts --field-manager=ferroform --filename=- --request-timeout=30s";
const APPLY: &str =
    "kubectl apply --server-side --field-manager=ferroform --filename=- --request-timeout=30s";
const ROLLOUT: &str = "kubectl rollout status deployment.apps/web --timeout=600s --namespace=shop";
const REMOVE: &str = "kubectl delete ingress.networking.k8s.io/old --ignore-not-found --wait=false --namespace=shop --request-timeout=30s";

/// A cluster that was deployed to before, when there were an ingress, a volume claim and the service.
fn cluster() -> Fake {
    let fake = Fake::new(CLUSTER);
    fake.project.write("manifests/kustomization.yaml", "resources: []\n");
    fake.answer("kubectl kustomize *", 0, MANIFESTS);
    fake.answer("ssh control-1 cat *", 0, K3S_YAML);
    let before =
        ["shop||Service|web", "shop|networking.k8s.io|Ingress|old", "shop||PersistentVolumeClaim|data"];
    fake.answer("kubectl get configmap *", 0, &inventory(&before));
    for verb in ["apply", "rollout", "delete"] {
        fake.answer(&format!("kubectl {verb} *"), 0, "");
    }
    fake
}

/// Without the building of manifests and the way to the cluster.
fn steps(fake: &Fake) -> Vec<String> {
    fake.asked()
        .into_iter()
        .filter(|line| line.starts_with("kubectl ") && !line.contains("kustomize"))
        .collect()
}

#[test]
fn manifests_are_applied_waited_for_and_what_is_gone_from_them_removed() {
    let fake = cluster();
    let run = fake.run("deploy").ok();
    assert_eq!(steps(&fake), [GET, NOTE, APPLY, ROLLOUT, REMOVE, NOTE]);
    assert!(run.stdout.contains("3 objects are applied, 1 rolled out."), "{run}");
    assert!(run.stdout.contains("ingress.networking.k8s.io/old in shop"), "{run}");
    assert!(
        run.stdout.contains("persistentvolumeclaim/data in shop"),
        "what holds data stays and is named: {run}"
    );
    let note: serde_json::Value = serde_json::from_str(&fake.kept("stdin")).unwrap();
    assert_eq!(
        note["data"]["objects"], "||Namespace|shop\nshop||Service|web\nshop|apps|Deployment|web",
        "only what is there now is noted at the end"
    );
    let config = fake.kept("kubeconfig");
    assert!(config.contains("server: \"https://127.0.0.1:"), "through the tunnel: {config}");
    assert!(!config.contains("192.0.2."), "{config}");
}

#[test]
fn whatever_fails_nothing_after_it_is_done_and_the_next_deployment_goes_on() {
    let order = [GET, NOTE, APPLY, ROLLOUT, REMOVE];
    for (index, step) in order.iter().enumerate() {
        let fake = cluster();
        fake.fail(step, 1);
        let run = fake.run("deploy").code_is(1);
        assert_eq!(run.errors().len(), 1, "{run}");
        run.tells(&["was told to fail"]);
        assert_eq!(steps(&fake), order[..=index], "nothing after {step}");
        fake.run("deploy").ok();
        assert_eq!(steps(&fake), [GET, NOTE, APPLY, ROLLOUT, REMOVE, NOTE], "again after {step}");
    }
}

#[test]
fn an_apply_that_is_cut_short_has_noted_what_it_was_about_to_apply() {
    let fake = cluster();
    fake.fail(APPLY, 1);
    fake.run("deploy").one_error("Cluster does not do that").tells(&["was applied before it stays"]);
    let number = fake.asked().iter().position(|line| line == NOTE).unwrap() + 1;
    let note: serde_json::Value = serde_json::from_str(&fake.kept(&format!("stdin.{number}"))).unwrap();
    for object in
        ["shop|apps|Deployment|web", "shop|networking.k8s.io|Ingress|old", "shop||PersistentVolumeClaim|data"]
    {
        assert!(note["data"]["objects"].as_str().unwrap().contains(object), "{object}: {note}");
    }
}

#[test]
fn a_tunnel_or_a_kubeconfig_that_cannot_be_had_is_said_before_anything_is_applied() {
    for (pattern, error) in
        [("ssh control-? cat *", "Server not reached"), ("ssh control-? tunnel", "Tunnel cannot be made")]
    {
        let fake = cluster();
        fake.fail_all(&[(pattern, 255, 0); 3]);
        fake.run("deploy").one_error(error);
        assert_eq!(steps(&fake), [""; 0]);
    }
    // One control plane that answers is enough.
    let fake = cluster();
    fake.fail("ssh control-1 *", 255);
    fake.answer("ssh control-2 cat *", 0, K3S_YAML);
    fake.run("deploy").ok();
    assert!(fake.asked().contains(&"ssh control-2 tunnel".to_owned()));
}

#[test]
fn a_kubeconfig_of_ones_own_needs_no_ssh() {
    let fake = cluster();
    fake.project.write("own", K3S_YAML);
    fake.run("deploy -kubeconfig=own -context=default").ok();
    assert!(fake.asked().iter().all(|line| line.starts_with("kubectl ")));
    assert_eq!((fake.kept("kubeconfig").as_str(), fake.kept("context").as_str()), (K3S_YAML, "default\n"));
}

#[test]
fn a_dry_run_shows_the_difference_and_changes_nothing() {
    let fake = cluster();
    fake.answer("kubectl diff *", 1, "+  image: web:2\n");
    let run = fake.run("deploy -dry-run").ok();
    assert!(run.stdout.contains("+  image: web:2\n"), "{run}");
    assert!(run.stdout.contains("- ingress.networking.k8s.io/old in shop is removed"), "{run}");
    assert!(!run.stdout.contains("persistentvolumeclaim"), "{run}");
    let diff = "kubectl diff --server-side --field-manager=ferroform --filename=- --request-timeout=30s";
    assert_eq!(steps(&fake), [GET, diff]);
    let json = fake.run("deploy -dry-run -json").ok().json();
    assert_eq!(json["would_remove"], serde_json::json!(["ingress.networking.k8s.io/old in shop"]));
    assert_eq!(json["diff"], "+  image: web:2\n");
    // 1 is a difference; more is a failure.
    fake.fail("kubectl diff *", 2);
    fake.run("deploy -dry-run").one_error("Cluster does not do that");
}

#[test]
fn images_are_set_by_name_by_its_last_part_or_by_what_runs_them() {
    let Some(kubectl) = real_kubectl() else { return };
    let check = |option: &str, expected: &[&str]| {
        let mut fake = cluster();
        fake.project.set_env("KUBECTL", &kubectl);
        fake.project.write("manifests/kustomization.yaml", "resources: [all.yaml]\n");
        fake.project
            .write("manifests/all.yaml", MANIFESTS.replace("      - name: proxy\n", "      - name: side\n"));
        fake.run(&format!("deploy {option}")).ok();
        let number = fake.asked().iter().position(|line| line == APPLY).unwrap() + 1;
        let applied = fake.kept(&format!("stdin.{number}"));
        let images: Vec<&str> = applied
            .lines()
            .filter_map(|line| line.trim().trim_start_matches("- ").strip_prefix("image: "))
            .collect();
        assert_eq!(images, expected, "{option}: {applied}");
    };
    let nginx = "docker.io/library/nginx@sha256:0000";
    let web = "registry.example.com:5000/team/web:1.0";
    check("", &[web, nginx, web]);
    let two = "registry.example.com:5000/team/web:2";
    check("-image=registry.example.com:5000/team/web=2", &[two, nginx, two]);
    check("-image=nginx=1.27", &[web, "docker.io/library/nginx:1.27", web]);
    let other = "ghcr.io/other/web:3";
    check(&format!("-image=web={other}"), &[other, nginx, other]);
    check("-image=web=2 -image=nginx=nginx@sha256:1111", &[two, "nginx@sha256:1111", two]);
}

#[test]
fn a_name_that_means_no_image_or_several_is_refused() {
    let fake = cluster();
    fake.run("deploy -image=nothing=2").one_error("No such image").tells(&["team/web", "library/nginx"]);
    fake.forget_answers();
    fake.answer("kubectl kustomize *", 0, &MANIFESTS.replace("library/nginx@sha256:0000", "other/web:1"));
    fake.run("deploy -image=web=2").one_error("Image is ambiguous").tells(&["docker.io/other/web"]);
    assert_eq!(steps(&fake), [""; 0]);
    fake.run("deploy -image=web").code_is(1).tells(&["SERVICE=TAG"]);
}

#[test]
fn the_docker_host_deploys_itself() {
    let fake = Fake::new(HOST);
    fake.answer("ssh web /usr/local/sbin/shop-deploy deploy*", 0, "pulling\n");
    fake.answer("ssh web /usr/local/sbin/shop-deploy rollback", 0, "");
    fake.answer("ssh web /usr/local/sbin/shop-deploy status --json", 0, STATUS);
    let run = fake.run("deploy -image=web=shop:2").ok().tells(&["pulling"]);
    assert!(run.stdout.contains("web      shop:2  running  healthy"), "{run}");
    assert_eq!(
        fake.asked(),
        [
            "ssh web /usr/local/sbin/shop-deploy deploy --image web=shop:2",
            "ssh web /usr/local/sbin/shop-deploy status --json"
        ]
    );
    fake.run("deploy -dry-run").ok();
    assert!(fake.asked()[0].ends_with("deploy --dry-run"));
    let json = fake.run("deploy -rollback -json").ok().json();
    assert_eq!(json["rollback"], true);
    assert_eq!(json["status"]["services"][0]["image"], "shop:2");
    fake.fail("*deploy deploy", 3);
    fake.run("deploy").one_error("Command on server failed").tells(&["code 3"]);
}

#[test]
fn a_stack_that_runs_nothing_says_so() {
    let fake = Fake::new("servers = {}");
    fake.run("deploy").one_error("No place to deploy to");
}
