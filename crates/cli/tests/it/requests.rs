//! How many requests and how much time of our own the large stack takes.

use std::time::Duration;

use serde_json::{Value, json};

use crate::cloud::Cloud;
use crate::harness::{PUBLIC_KEY, Project, Run, say};
use crate::kinds::KINDS;

/// A plan of nornos production may make so many.
const MOST_REQUESTS: u64 = 15;

fn production() -> Option<Project> {
    Some(Project::stack("nornos/production")?.env("TF_VAR_ssh_public_key", PUBLIC_KEY))
}

/// Plans, and tells how many requests that made.
#[track_caller]
fn plan(project: &Project, cloud: &Cloud) -> (Run, u64) {
    cloud.reset_requests();
    let run = project.run("plan -local -detailed-exitcode -no-color");
    (run, cloud.requests().values().sum())
}

/// An instance in the state: its address as far as a plan shows it, and its attributes.
struct Instance {
    address: String,
    attributes: Value,
}

impl Instance {
    fn id(&self, name: &str) -> i64 {
        let value = &self.attributes[name];
        value
            .as_i64()
            .or_else(|| value.as_str()?.parse().ok())
            .unwrap_or_else(|| panic!("no {name}: {value}"))
    }

    fn text(&self, name: &str) -> &str {
        self.attributes[name].as_str().unwrap_or_default()
    }
}

/// The instances of a type.
fn instances(project: &Project, ty: &str) -> Vec<Instance> {
    let state: Value = serde_json::from_str(&project.read(".terraform/local/terraform.tfstate")).unwrap();
    let resources = state["resources"].as_array().unwrap().iter();
    let of_type = resources.filter(|r| r["mode"] == "managed" && r["type"] == ty);
    of_type
        .flat_map(|resource| {
            let module = resource["module"].as_str().map(|m| format!("{m}.")).unwrap_or_default();
            let name = format!("{module}{ty}.{}", resource["name"].as_str().unwrap());
            resource["instances"].as_array().unwrap().iter().map(move |instance| {
                let key = &instance["index_key"];
                let key = if key.is_null() { String::new() } else { format!("[{key}]") };
                Instance { address: format!("{name}{key}"), attributes: instance["attributes"].clone() }
            })
        })
        .collect()
}

/// Changes an object behind our back. False where nothing about it can be changed.
fn change(cloud: &Cloud, ty: &str, it: &Instance) -> bool {
    let labels = json!({"labels": {"changed": "elsewhere"}});
    let collection = match ty {
        "hcloud_firewall" => "firewalls",
        "hcloud_load_balancer" => "load_balancers",
        "hcloud_network" => "networks",
        "hcloud_placement_group" => "placement_groups",
        "hcloud_server" => "servers",
        "hcloud_ssh_key" => "ssh_keys",
        "hcloud_volume" => "volumes",
        "hcloud_zone" => "zones",
        "hcloud_certificate" | "hcloud_uploaded_certificate" => "certificates",
        "hcloud_floating_ip" => "floating_ips",
        "hcloud_primary_ip" => "primary_ips",
        "hcloud_snapshot" => "images",
        "hcloud_storage_box" => "storage_boxes",
        "hcloud_storage_box_snapshot" | "hcloud_storage_box_subaccount" => {
            cloud.call("PUT", &in_storage_box(ty, it), &labels);
            return true;
        }
        "hcloud_floating_ip_assignment" => {
            let servers = cloud.objects()["servers"]["objects"].take();
            let other = servers.as_array().unwrap().iter().find(|s| s["id"] != it.attributes["server_id"]);
            let path = format!("/v1/floating_ips/{}/actions/assign", it.id("floating_ip_id"));
            cloud.call("POST", &path, &json!({"server": other.unwrap()["id"]}));
            return true;
        }
        "hcloud_rdns" => {
            let path = format!("/v1/floating_ips/{}/actions/change_dns_ptr", it.id("floating_ip_id"));
            cloud.call("POST", &path, &json!({"ip": it.text("ip_address"), "dns_ptr": "else.example.com"}));
            return true;
        }
        "hcloud_firewall_attachment" => {
            let path = format!("/v1/firewalls/{}/actions/apply_to_resources", it.id("firewall_id"));
            cloud.call("POST", &path, &json!({"apply_to": [selected("role=else")]}));
            return true;
        }
        "hcloud_zone_rrset" => {
            cloud.call("PUT", &rrset(it), &labels);
            return true;
        }
        "hcloud_network_route" => {
            let path = format!("/v1/networks/{}/actions", it.id("network_id"));
            let route = |gateway: &str| json!({"destination": it.text("destination"), "gateway": gateway});
            cloud.call("POST", &format!("{path}/delete_route"), &route(it.text("gateway")));
            cloud.call("POST", &format!("{path}/add_route"), &route("10.0.1.77"));
            return true;
        }
        "hcloud_server_network" => {
            let path = format!("/v1/servers/{}/actions/change_alias_ips", it.id("server_id"));
            cloud.call("POST", &path, &json!({"network": it.id("network_id"), "alias_ips": ["10.0.1.77"]}));
            return true;
        }
        "hcloud_load_balancer_network" => {
            let path =
                format!("/v1/load_balancers/{}/actions/disable_public_interface", it.id("load_balancer_id"));
            cloud.call("POST", &path, &Value::Null);
            return true;
        }
        "hcloud_load_balancer_service" => {
            let path = format!("/v1/load_balancers/{}/actions/update_service", it.id("load_balancer_id"));
            cloud.call(
                "POST",
                &path,
                &json!({"listen_port": it.id("listen_port"), "destination_port": 4711}),
            );
            return true;
        }
        "hcloud_volume_attachment" => {
            // To another server at the same place.
            let servers = cloud.objects()["servers"]["objects"].take();
            let other = servers.as_array().unwrap().iter().find(|s| s["id"] != it.attributes["server_id"]);
            let path = format!("/v1/volumes/{}/actions", it.id("volume_id"));
            cloud.call("POST", &format!("{path}/detach"), &Value::Null);
            cloud.call("POST", &format!("{path}/attach"), &json!({"server": other.unwrap()["id"]}));
            return true;
        }
        // Subnets and targets can only be made and removed, and comments are nothing that must be configured.
        "hcloud_network_subnet" | "hcloud_load_balancer_target" | "hcloud_zone_record" => return false,
        other => panic!("nobody knows how to change a {other}"),
    };
    cloud.call("PUT", &format!("/v1/{collection}/{}", it.id("id")), &labels);
    true
}

/// Deletes an object behind our back, with what must go before.
fn delete(cloud: &Cloud, ty: &str, it: &Instance) {
    let act = |path: String, body: Value| cloud.call("POST", &format!("/v1{path}"), &body);
    let unprotect = |kind: &str, id: i64, body: Value| {
        act(format!("/{kind}/{id}/actions/change_protection"), body);
    };
    let remove = |kind: &str, id: i64| cloud.call("DELETE", &format!("/v1/{kind}/{id}"), &Value::Null);
    match ty {
        "hcloud_firewall" => {
            let id = it.id("id");
            let firewall = cloud.call("GET", &format!("/v1/firewalls/{id}"), &Value::Null);
            let applied: Vec<Value> = firewall["firewall"]["applied_to"].as_array().unwrap().clone();
            let named = applied.iter().map(|place| match place["type"].as_str() {
                Some("server") => json!({"type": "server", "server": {"id": place["server"]["id"]}}),
                _ => json!({"type": "label_selector", "label_selector": place["label_selector"]}),
            });
            let named: Vec<Value> = named.collect();
            if !named.is_empty() {
                act(format!("/firewalls/{id}/actions/remove_from_resources"), json!({"remove_from": named}));
            }
            remove("firewalls", id);
        }
        "hcloud_load_balancer" => {
            unprotect("load_balancers", it.id("id"), json!({"delete": false}));
            remove("load_balancers", it.id("id"));
        }
        "hcloud_network" => {
            unprotect("networks", it.id("id"), json!({"delete": false}));
            empty_network(cloud, it.id("id"), None);
            remove("networks", it.id("id"));
        }
        "hcloud_placement_group" => {
            let id = it.id("id");
            let group = cloud.call("GET", &format!("/v1/placement_groups/{id}"), &Value::Null);
            for server in group["placement_group"]["servers"].as_array().unwrap() {
                act(format!("/servers/{server}/actions/poweroff"), Value::Null);
                act(format!("/servers/{server}/actions/remove_from_placement_group"), Value::Null);
                act(format!("/servers/{server}/actions/poweron"), Value::Null);
            }
            remove("placement_groups", id);
        }
        "hcloud_server" => {
            unprotect("servers", it.id("id"), json!({"delete": false, "rebuild": false}));
            remove("servers", it.id("id"));
        }
        "hcloud_ssh_key" => drop(remove("ssh_keys", it.id("id"))),
        "hcloud_volume" => {
            unprotect("volumes", it.id("id"), json!({"delete": false}));
            detach(cloud, it.id("id"));
            remove("volumes", it.id("id"));
        }
        "hcloud_network_subnet" => {
            empty_network(cloud, it.id("network_id"), Some(it.text("ip_range")));
            let path = format!("/networks/{}/actions/delete_subnet", it.id("network_id"));
            act(path, json!({"ip_range": it.text("ip_range")}));
        }
        "hcloud_server_network" => {
            let path = format!("/servers/{}/actions/detach_from_network", it.id("server_id"));
            act(path, json!({"network": it.id("network_id")}));
        }
        "hcloud_volume_attachment" => detach(cloud, it.id("volume_id")),
        "hcloud_network_route" => {
            let path = format!("/networks/{}/actions/delete_route", it.id("network_id"));
            act(path, json!({"destination": it.text("destination"), "gateway": it.text("gateway")}));
        }
        "hcloud_certificate" | "hcloud_uploaded_certificate" => drop(remove("certificates", it.id("id"))),
        "hcloud_primary_ip" => drop(remove("primary_ips", it.id("id"))),
        "hcloud_snapshot" => drop(remove("images", it.id("id"))),
        "hcloud_storage_box" => {
            unprotect("storage_boxes", it.id("id"), json!({"delete": false}));
            remove("storage_boxes", it.id("id"));
        }
        "hcloud_storage_box_snapshot" | "hcloud_storage_box_subaccount" => {
            cloud.call("DELETE", &in_storage_box(ty, it), &Value::Null);
        }
        "hcloud_floating_ip" => {
            act(format!("/floating_ips/{}/actions/unassign", it.id("id")), Value::Null);
            remove("floating_ips", it.id("id"));
        }
        "hcloud_floating_ip_assignment" => {
            act(format!("/floating_ips/{}/actions/unassign", it.id("floating_ip_id")), Value::Null);
        }
        "hcloud_rdns" => {
            let path = format!("/floating_ips/{}/actions/change_dns_ptr", it.id("floating_ip_id"));
            act(path, json!({"ip": it.text("ip_address"), "dns_ptr": null}));
        }
        "hcloud_firewall_attachment" => {
            let path = format!("/firewalls/{}/actions/remove_from_resources", it.id("firewall_id"));
            act(path, json!({"remove_from": [selected("role=a")]}));
        }
        "hcloud_zone" => drop(remove("zones", it.id("id"))),
        "hcloud_zone_rrset" => drop(cloud.call("DELETE", &rrset(it), &Value::Null)),
        "hcloud_zone_record" => {
            let records = json!({"records": [{"value": it.text("value")}]});
            cloud.call("POST", &format!("{}/actions/remove_records", rrset(it)), &records);
        }
        "hcloud_load_balancer_network" => {
            let path = format!("/load_balancers/{}/actions/detach_from_network", it.id("load_balancer_id"));
            act(path, json!({"network": it.id("network_id")}));
        }
        "hcloud_load_balancer_service" => {
            let path = format!("/load_balancers/{}/actions/delete_service", it.id("load_balancer_id"));
            act(path, json!({"listen_port": it.id("listen_port")}));
        }
        "hcloud_load_balancer_target" => {
            let target = match it.text("type") {
                "server" => json!({"type": "server", "server": {"id": it.id("server_id")}}),
                "label_selector" => {
                    json!({"type": "label_selector", "label_selector": {"selector": it.text("label_selector")}})
                }
                _ => json!({"type": "ip", "ip": {"ip": it.text("ip")}}),
            };
            act(format!("/load_balancers/{}/actions/remove_target", it.id("load_balancer_id")), target);
        }
        other => panic!("nobody knows how to delete a {other}"),
    }
}

/// What a firewall is applied to by label.
fn selected(selector: &str) -> Value {
    json!({"type": "label_selector", "label_selector": {"selector": selector}})
}

/// The path of the record set that an instance is, or that it is in.
fn rrset(it: &Instance) -> String {
    format!("/v1/zones/{}/rrsets/{}/{}", it.text("zone"), it.text("name"), it.text("type"))
}

/// The path of what is in a storage box.
fn in_storage_box(ty: &str, it: &Instance) -> String {
    let parts = ty.trim_start_matches("hcloud_storage_box_");
    format!("/v1/storage_boxes/{}/{parts}s/{}", it.id("storage_box_id"), it.id("id"))
}

fn detach(cloud: &Cloud, volume: i64) {
    let path = format!("/v1/volumes/{volume}");
    if !cloud.call("GET", &path, &Value::Null)["volume"]["server"].is_null() {
        cloud.call("POST", &format!("{path}/actions/detach"), &Value::Null);
    }
}

/// Detaches everything from a network, or from one of its subnets.
fn empty_network(cloud: &Cloud, network: i64, subnet: Option<&str>) {
    let prefix = subnet.map(|range| range.rsplit_once('.').unwrap().0);
    let objects = cloud.objects();
    for kind in ["servers", "load_balancers"] {
        for object in objects[kind]["objects"].as_array().unwrap() {
            let nets = object["private_net"].as_array().unwrap().iter();
            let inside =
                |ip: &Value| prefix.is_none_or(|p| ip.as_str().unwrap().starts_with(&format!("{p}.")));
            if nets.filter(|net| net["network"] == network).any(|net| inside(&net["ip"])) {
                let path = format!("/v1/{kind}/{}/actions/detach_from_network", object["id"]);
                cloud.call("POST", &path, &json!({"network": network}));
            }
        }
    }
}

/// Tampers with one instance of each type and sees whether a plan notices; returns the most requests that one took.
fn check_types(project: &mut Project, types: &[&str]) -> (u64, usize) {
    let (mut most, mut tried) = (0, 0);
    let stateful: Vec<_> = types.iter().map(|ty| (*ty, instances(project, ty).remove(0))).collect();
    for (ty, instance) in stateful {
        for deletion in [false, true] {
            let mut cloud = project.cloud();
            let what = if deletion {
                delete(&cloud, ty, &instance);
                "deletion"
            } else if change(&cloud, ty, &instance) {
                "change"
            } else {
                continue;
            };
            let (run, requests) = plan(project, &cloud);
            assert_eq!(run.code(), Some(2), "{what} of {} is not seen: {run}", instance.address);
            let shown = instance.address.rsplit_once('.').unwrap().1;
            assert!(run.stdout.contains(shown), "{what} of {} is not shown: {run}", instance.address);
            assert!(requests <= MOST_REQUESTS, "{what} of {}: {requests} requests", instance.address);
            most = most.max(requests);
            tried += 1;
            // The world of before, for the next one.
            cloud = project.restore();
            let (run, _) = plan(project, &cloud);
            assert_eq!(run.code(), Some(0), "the world is as before: {run}");
        }
    }
    (most, tried)
}

#[test]
fn few_requests_tell_that_nothing_changed_or_what_did() {
    let Some(mut project) = production() else { return };
    let cloud = project.serve(0.0);
    project.run("apply -local -auto-approve -no-color").ok();
    let (run, requests) = plan(&project, &cloud);
    assert_eq!(run.code(), Some(0), "{run}");
    let objects = project.addresses("-local").len();
    assert!(requests <= MOST_REQUESTS, "{requests} requests: {:?}", cloud.requests());
    say(&format!("a plan of nornos production, {objects} instances, makes {requests} requests"));
    let types: Vec<&str> = KINDS
        .iter()
        .map(|kind| kind.name)
        .filter(|ty| !ty.contains(' ') && !instances(&project, ty).is_empty())
        .collect();
    assert!(types.len() >= 7, "{types:?}");
    project.keep_world();
    let (most, tried) = check_types(&mut project, &types);
    say(&format!(
        "{tried} changes and deletions of {} types there are seen with at most {most} requests",
        types.len()
    ));
    // The types that the stack does not use, if any. Object storage has no lists to count requests of.
    let others = |name: &str| name.starts_with("hcloud_") && !name.contains(' ') && !types.contains(&name);
    for kind in KINDS.iter().filter(|kind| others(kind.name)) {
        let mut project = Project::new(&kind.stages()[1]);
        project.serve(0.0);
        project.run("apply -local -auto-approve -no-color").ok();
        project.keep_world();
        let (most, tried) = check_types(&mut project, &[kind.name]);
        say(&format!("{tried} changes and deletions of {} are seen with at most {most} requests", kind.name));
    }
}

/// The time of the cloud goes faster than ours, so that the test ends; the client's pace is that of the real API.
#[test]
fn waiting_polls_at_most_once_a_second() {
    let Some(mut project) = production() else { return };
    let cloud = project.serve(10.0);
    let run = project.run("apply -local -auto-approve -no-color").ok();
    let requests = cloud.requests();
    let is_poll = |route: &str| route.starts_with("GET ") && route.contains("/actions");
    let polls: u64 = requests.iter().filter(|(route, _)| is_poll(route)).map(|(_, n)| n).sum();
    let seconds = run.elapsed.as_secs_f64();
    say(&format!(
        "applying nornos production polls {polls} times in {seconds:.1} s; all requests: {requests:?}"
    ));
    assert!(polls > 0, "nothing was waited for");
    assert!(polls as f64 <= seconds + 1.0, "{polls} polls in {seconds} s");
}

/// The bound holds for what people run; unoptimised code is slower by this factor, generously.
#[test]
fn planning_and_applying_take_little_time_of_our_own() {
    let Some(mut project) = production() else { return };
    project.serve(0.0);
    let apply = project.run("apply -local -auto-approve -no-color").ok();
    let plan = project.run("plan -local -detailed-exitcode -no-color").ok();
    let factor = if cfg!(debug_assertions) { 10 } else { 1 };
    for (what, run) in [("apply", apply), ("plan", plan)] {
        let Some(cpu) = run.cpu else {
            say("skipped: this system does not tell the CPU time of a process");
            return;
        };
        say(&format!("{what} of nornos production: {:.2} s of CPU (bound {factor} s)", cpu.as_secs_f64()));
        assert!(cpu < Duration::from_secs(factor), "{what} took {cpu:?}");
    }
}
