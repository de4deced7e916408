//! What a cluster made by itself when its servers and networks are deleted. The test is the cluster: it makes load
//! balancers and volumes by the API, past the provider.

use std::sync::Arc;

use ferroform_provider::{KnownObject, LeftBehind, LeftBehindFound, LeftBehindRequest};
use serde_json::{Value as Json, json};

use crate::stack::{Stack, stack};

/// What a server can run without.
const SERVER: &str = "cx23";

/// A network with a subnet and two servers in it, and a network that stays, with a server.
async fn cluster() -> Stack {
    let mut stack = stack().await;
    for (name, range, subnet) in
        [("net", "10.0.0.0/16", "10.0.1.0/24"), ("other", "10.9.0.0/16", "10.9.1.0/24")]
    {
        stack.apply(name, "hcloud_network", json!({"name": name, "ip_range": range})).await;
        let network = stack.number(name);
        let config =
            json!({"network_id": network, "type": "cloud", "network_zone": "eu-central", "ip_range": subnet});
        stack.apply(&format!("{name}-subnet"), "hcloud_network_subnet", config).await;
    }
    for (name, network) in [("control", "net"), ("worker", "net"), ("stays", "other")] {
        let config = json!({
            "name": name, "server_type": SERVER, "image": "debian-12", "location": "fsn1",
            "labels": {"role": name},
            "network": [{"network_id": stack.number(network)}],
        });
        stack.apply(name, "hcloud_server", config).await;
    }
    stack
}

/// The objects that are to be deleted.
const GOING: [&str; 4] = ["worker", "control", "net-subnet", "net"];

impl Stack {
    /// A load balancer as the cloud controller manager makes them; its id.
    async fn balancer(&self, name: &str, network: Option<&str>, targets: Json, labels: Json) -> i64 {
        let body = json!({
            "name": name, "load_balancer_type": "lb11", "location": "fsn1", "labels": labels, "targets": targets,
            "network": network.map(|network| self.number(network)),
        });
        let made = self.call("POST", "/load_balancers", Some(body)).await;
        made["load_balancer"]["id"].as_i64().unwrap()
    }

    /// A volume; its id.
    async fn volume(&self, name: &str, server: Option<&str>, labels: Json) -> i64 {
        let mut body = json!({"name": name, "size": 10, "labels": labels});
        match server {
            Some(server) => body["server"] = json!(self.number(server)),
            None => body["location"] = json!("fsn1"),
        }
        self.call("POST", "/volumes", Some(body)).await["volume"]["id"].as_i64().unwrap()
    }

    fn known(&self, name: &str) -> KnownObject {
        let (type_name, _, state) = &self.objects[name];
        KnownObject { type_name: type_name.as_str().into(), state: state.clone() }
    }

    async fn search(&self, going: &[&str]) -> LeftBehindFound {
        let others = self.objects.keys().filter(|name| !going.contains(&name.as_str()));
        let request = LeftBehindRequest {
            going: going.iter().map(|name| self.known(name)).collect(),
            others: others.map(|name| self.known(name)).collect(),
        };
        self.provider.left_behind(request).await.unwrap()
    }

    async fn names(&self, kind: &str) -> Vec<String> {
        let all = self.call("GET", &format!("/{kind}?per_page=50"), None).await;
        let name = |object: &Json| object["name"].as_str().unwrap().to_owned();
        let mut names: Vec<String> = all[kind].as_array().unwrap().iter().map(name).collect();
        names.sort();
        names
    }

    /// What was removed, by name.
    async fn finished(&self) -> Vec<String> {
        let provider = Arc::clone(&self.provider);
        let removed = provider.finish_left_behind(true).await;
        assert!(removed.diagnostics.is_empty(), "{:?}", removed.diagnostics);
        removed.objects.into_iter().map(|object| object.name).collect()
    }
}

fn service() -> Json {
    json!({"hcloud-ccm/service-uid": "0f3c"})
}

fn driver() -> Json {
    json!({"managed-by": "csi-driver", "pvc-namespace": "shop", "pvc-name": "data"})
}

fn target(server: i64) -> Json {
    json!({"type": "server", "server": {"id": server}})
}

fn described(found: &LeftBehindFound) -> Vec<String> {
    let line = |o: &LeftBehind| {
        format!(
            "{} {}: {}{}",
            o.kind,
            o.name,
            o.why,
            o.made_for.as_deref().map(|f| format!("; {f}")).unwrap_or_default()
        )
    };
    found.objects.iter().map(line).collect()
}

const OLD_VOLUME: &str = "pvc-2f1b8c1e-7f3d-4c1a-9a55-0d6f1e2a3b4c";

#[tokio::test]
async fn what_hangs_on_objects_that_go_is_found_and_nothing_else() {
    let mut stack = cluster().await;
    let (control, worker, stays) = (stack.number("control"), stack.number("worker"), stack.number("stays"));
    let selector =
        |selector: &str| json!([{"type": "label_selector", "label_selector": {"selector": selector}}]);
    // Load balancers that belong to it…
    stack.balancer("in-net", Some("net"), json!([]), service()).await;
    stack.balancer("by-servers", None, json!([target(control), target(worker)]), service()).await;
    stack.balancer("by-labels", None, selector("role=worker"), service()).await;
    // … to a cluster that lives on, to nobody known, and to somebody else.
    stack.balancer("half", None, json!([target(worker), target(stays)]), service()).await;
    stack.balancer("half-labels", None, selector("role"), service()).await;
    stack.balancer("elsewhere", Some("other"), json!([]), service()).await;
    stack.balancer("idle", None, json!([]), service()).await;
    stack.balancer("manual", Some("net"), json!([]), json!({})).await;
    // One that the controller took over from a state.
    let config =
        json!({"name": "managed", "load_balancer_type": "lb11", "location": "fsn1", "labels": service()});
    stack.apply("managed", "hcloud_load_balancer", config).await;
    let attached = json!({"load_balancer_id": stack.number("managed"), "network_id": stack.number("net")});
    stack.apply("managed-net", "hcloud_load_balancer_network", attached).await;
    // Volumes likewise.
    stack.volume("labelled", Some("worker"), driver()).await;
    stack.volume(OLD_VOLUME, Some("control"), json!({})).await;
    stack.volume("pvc-by-hand", Some("worker"), json!({})).await;
    stack.volume("theirs", Some("stays"), driver()).await;
    stack.volume("loose", None, driver()).await;
    let guarded = stack.volume("guarded", Some("worker"), driver()).await;
    stack
        .call("POST", &format!("/volumes/{guarded}/actions/change_protection"), Some(json!({"delete": true})))
        .await;
    let config = json!({"name": "known", "size": 10, "server_id": worker, "labels": driver()});
    stack.apply("known", "hcloud_volume", config).await;

    let found = stack.search(&GOING).await;
    let net = stack.number("net");
    let uid = "made for the service with the uid 0f3c";
    assert_eq!(
        described(&found),
        [
            format!("load balancer in-net: attached to the network net ({net}); {uid}"),
            format!(
                "load balancer by-servers: for the servers control ({control}), worker ({worker}); {uid}"
            ),
            format!("load balancer by-labels: for the servers worker ({worker}); {uid}"),
            format!("volume labelled: attached to the server worker ({worker}); claim shop/data"),
            format!("volume {OLD_VOLUME}: attached to the server control ({control})"),
        ]
    );
    assert_eq!(found.objects[0].blocks, ["the subnet 10.0.1.0/24"]);
    assert_eq!(found.objects[1].blocks, <[String; 0]>::default());
    let notes = found.notes.join("\n");
    for (name, told) in
        [("idle", true), ("loose", true), ("guarded", true), ("theirs", false), ("half", false)]
    {
        assert_eq!(notes.contains(name), told, "{name}: {notes}");
    }
    // A network alone takes nothing of the servers with it, and where nothing goes nobody asks.
    assert_eq!(stack.search(&["net"]).await.objects.len(), 1);
    stack.control("DELETE", "/stats", None).await;
    assert_eq!(stack.search(&["managed"]).await, LeftBehindFound::default());
    assert_eq!(stack.requests().await, 0);
}

#[tokio::test]
async fn what_is_permitted_goes_with_the_object_that_it_hangs_on() {
    let mut stack = cluster().await;
    let targets = json!([target(stack.number("worker"))]);
    stack.balancer("in-net", Some("net"), targets.clone(), service()).await;
    stack.balancer("by-server", None, targets, service()).await;
    let moved = stack.volume("moved", Some("worker"), driver()).await;
    stack.volume("labelled", Some("worker"), driver()).await;
    stack.volume("second", Some("control"), driver()).await;
    stack.volume("mine", Some("worker"), json!({})).await;
    let found = stack.search(&GOING).await;
    assert_eq!(found.objects.len(), 5, "{:?}", described(&found));
    stack.provider.remove_left_behind(&found.objects);
    // What the cluster still does: a volume goes to another server meanwhile.
    let control = stack.number("control");
    stack.call("POST", &format!("/volumes/{moved}/actions/detach"), Some(json!({}))).await;
    stack.call("POST", &format!("/volumes/{moved}/actions/attach"), Some(json!({"server": control}))).await;

    stack.delete("worker").await;
    assert_eq!(stack.names("volumes").await, ["mine", "moved", "second"]);
    assert_eq!(stack.names("load_balancers").await.len(), 2, "its controller would make them anew");
    stack.delete("control").await;
    assert_eq!(stack.names("volumes").await, ["mine"]);
    stack.delete("net-subnet").await;
    assert_eq!(stack.names("load_balancers").await, ["by-server"]);
    stack.delete("net").await;
    assert_eq!(stack.finished().await, ["in-net", "by-server", "moved", "labelled", "second"]);
    assert_eq!(stack.names("load_balancers").await, <[String; 0]>::default());
    assert_eq!(stack.names("volumes").await, ["mine"]);
}

#[tokio::test]
async fn what_is_kept_is_named_at_once_by_what_it_holds_up() {
    let mut stack = cluster().await;
    let id = stack.balancer("in-net", Some("net"), json!([]), service()).await;
    stack.volume("labelled", Some("worker"), driver()).await;
    stack.search(&GOING).await;
    stack.delete("worker").await;
    stack.delete("control").await;
    stack.control("DELETE", "/stats", None).await;
    let refused = stack.try_delete("net-subnet").await.diagnostics;
    assert!(stack.requests().await < 10, "it waited: {}", stack.requests().await);
    let error = refused.iter().next().expect("the subnet is in use");
    assert_eq!(error.summary, "Load balancers hold the subnet");
    assert!(error.detail.contains(&format!("in-net ({id})")), "{}", error.detail);
    assert_eq!(stack.finished().await, <[String; 0]>::default());
    assert_eq!((stack.names("load_balancers").await.len(), stack.names("volumes").await.len()), (1, 1));
    // Removed by hand meanwhile, it is in nobody's way.
    stack.call("DELETE", &format!("/load_balancers/{id}"), None).await;
    stack.delete("net-subnet").await;
}

/// Without a search, as when only a subnet leaves the configuration, it may be that somebody lets go of it.
#[tokio::test]
async fn a_subnet_that_stays_in_use_says_by_which_load_balancers() {
    let mut stack = cluster().await;
    for server in ["worker", "control"] {
        stack.delete(server).await;
    }
    let id = stack.balancer("manual", Some("net"), json!([]), json!({})).await;
    let refused = stack.try_delete("net-subnet").await.diagnostics;
    let error = refused.iter().next().expect("the subnet is in use");
    assert_eq!(error.summary, "Load balancers hold the subnet");
    assert!(error.detail.contains(&format!("manual ({id})")), "{}", error.detail);
}

#[tokio::test]
async fn a_server_that_cannot_go_keeps_its_volumes_and_load_balancers() {
    let mut stack = cluster().await;
    let worker = stack.number("worker");
    stack.balancer("by-server", None, json!([target(worker)]), service()).await;
    stack.volume("labelled", Some("worker"), driver()).await;
    let config = json!({
        "name": "worker", "server_type": SERVER, "image": "debian-12", "location": "fsn1",
        "labels": {"role": "worker"}, "network": [{"network_id": stack.number("net")}],
        "delete_protection": true, "rebuild_protection": true,
    });
    stack.apply("worker", "hcloud_server", config).await;
    let found = stack.search(&GOING).await;
    assert_eq!(found.objects.len(), 2);
    stack.provider.remove_left_behind(&found.objects);
    assert!(stack.try_delete("worker").await.diagnostics.has_errors());
    let finished = stack.provider.finish_left_behind(true).await;
    assert_eq!(finished.objects, []);
    assert_eq!(finished.diagnostics.len(), 2, "{:?}", finished.diagnostics);
    assert!(!finished.diagnostics.has_errors());
    assert_eq!((stack.names("load_balancers").await.len(), stack.names("volumes").await.len()), (1, 1));
}

#[tokio::test]
async fn a_volume_that_cannot_be_removed_keeps_its_server_in_the_state() {
    let mut stack = cluster().await;
    let id = stack.volume("labelled", Some("worker"), driver()).await;
    let found = stack.search(&GOING).await;
    stack.provider.remove_left_behind(&found.objects);
    let protect = |delete: bool| Some(json!({"delete": delete}));
    let path = format!("/volumes/{id}/actions/change_protection");
    stack.call("POST", &path, protect(true)).await;
    let refused = stack.try_delete("worker").await;
    assert!(refused.diagnostics.has_errors() && !refused.state.is_null());
    assert_eq!(stack.names("servers").await, ["control", "stays", "worker"]);
    // The next run finds both and goes on.
    stack.call("POST", &path, protect(false)).await;
    let found = stack.search(&GOING).await;
    assert_eq!(found.objects.len(), 1);
    stack.provider.remove_left_behind(&found.objects);
    stack.delete("worker").await;
    assert_eq!(stack.finished().await, ["labelled"]);
}
