//! Servers.

use ferroform_hcloud_emulator::{ClockMode, STEPPED_START_MS};
use serde_json::{Value, json};

use crate::harness::{Cloud, server, with};

async fn status(cloud: &Cloud, id: i64) -> String {
    cloud.show("servers", id).await["status"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_new_server_is_created_then_started_and_locked_until_then() {
    let cloud = Cloud::stepped().await;
    let created = cloud.post("/servers", with(server("web-1"), json!({"labels": {"env": "dev"}}))).await;
    let id = created["server"]["id"].as_i64().unwrap();
    assert_eq!(created["server"]["status"], "initializing");
    assert_eq!(created["server"]["locked"], true);
    assert_eq!(created["server"]["public_net"]["ipv4"]["ip"], "192.0.2.1");
    assert_eq!(created["server"]["public_net"]["ipv6"]["ip"], "2001:db8:0:1::/64");
    assert_eq!(created["root_password"].as_str().unwrap().len(), 20);
    assert_eq!(created["action"]["command"], "create_server");
    assert_eq!(created["next_actions"][0]["command"], "start_server");
    assert_eq!(created["action"]["started"], "2026-10-06T00:00:00Z");
    assert_eq!(STEPPED_START_MS % 1000, 0);
    for (step, expected, progress) in
        [(4000, "initializing", 50), (4000, "starting", 100), (3000, "running", 100)]
    {
        cloud.step(step).await;
        assert_eq!(status(&cloud, id).await, expected);
        let action = cloud.get(&format!("/actions/{}", created["action"]["id"])).await;
        assert_eq!(action["action"]["progress"], progress);
    }
    let polled = cloud
        .get(&format!("/actions?id={}&id={}", created["action"]["id"], created["next_actions"][0]["id"]))
        .await;
    let finished: Vec<&Value> =
        polled["actions"].as_array().unwrap().iter().map(|a| &a["finished"]).collect();
    assert_eq!(finished, ["2026-10-06T00:00:08Z", "2026-10-06T00:00:11Z"]);
    assert_eq!(cloud.show("servers", id).await["locked"], false);
    assert_eq!(cloud.outcome("GET", "/actions", Value::Null).await, "410 deprecated_api_endpoint");
}

#[tokio::test]
async fn with_an_instant_clock_the_answer_shows_running_and_the_next_look_success() {
    let cloud = Cloud::instant().await;
    let created = cloud.post("/servers", server("a")).await;
    assert_eq!(created["action"]["status"], "running");
    let actions = cloud.get(&format!("/servers/{}/actions?sort=id", created["server"]["id"])).await;
    let shown: Vec<(&Value, &Value)> =
        actions["actions"].as_array().unwrap().iter().map(|a| (&a["command"], &a["status"])).collect();
    assert_eq!(
        shown,
        [(&json!("create_server"), &json!("success")), (&json!("start_server"), &json!("success"))]
    );
}

#[tokio::test]
async fn a_scaled_clock_runs_faster() {
    let cloud = Cloud::start(|builder| builder.clock(ClockMode::Scaled(1000.0))).await;
    let id = cloud.create("servers", server("a")).await;
    tokio::time::sleep(std::time::Duration::from_millis(40)).await;
    assert_eq!(status(&cloud, id).await, "running");
}

#[tokio::test]
async fn what_cannot_be_a_server_is_refused() {
    let cloud = Cloud::stepped().await;
    let arm = cloud.get("/images?name=debian-12&architecture=arm").await["images"][0]["id"].clone();
    cloud.create("servers", server("taken")).await;
    let off = json!({"enable_ipv4": false, "enable_ipv6": false});
    for (change, outcome, field) in [
        (json!({"name": "taken"}), "409 uniqueness_error", "name"),
        (json!({"name": "a_b"}), "422 invalid_input", "name"),
        (json!({"name": ""}), "422 invalid_input", "name"),
        (json!({"server_type": "cx99"}), "422 invalid_input", "server_type"),
        (json!({"location": "hil"}), "422 invalid_input", "server_type"),
        (json!({"server_type": "cx22"}), "422 invalid_input", "server_type"),
        (json!({"location": "mars1"}), "422 invalid_input", "location"),
        (json!({"image": "windows"}), "422 invalid_input", "image"),
        (json!({"image": "fedora-41"}), "422 invalid_input", "image"),
        (json!({"image": arm}), "422 invalid_input", "image"),
        (json!({"ssh_keys": ["none"]}), "422 invalid_input", "ssh_keys"),
        (json!({"volumes": [1]}), "422 invalid_input", "volumes"),
        (json!({"networks": [1]}), "422 invalid_input", "networks"),
        (json!({"firewalls": [{"firewall": 1}]}), "422 invalid_input", "firewalls"),
        (json!({"placement_group": 1}), "422 invalid_input", "placement_group"),
        (json!({"user_data": "x".repeat(32 * 1024 + 1)}), "422 invalid_input", "user_data"),
        (json!({"public_net": off}), "422 invalid_input", "public_net"),
        (json!({"public_net": {"enable_ipv4": false, "ipv4": 1}}), "422 invalid_input", "public_net.ipv4"),
        (json!({"datacenter": "fsn1-dc14"}), "422 invalid_input", "datacenter"),
        (json!({"labels": {"a": "-"}}), "422 invalid_input", "labels"),
    ] {
        let answer = cloud.call("POST", "/servers", with(server("new"), change.clone())).await;
        assert_eq!(
            (answer.outcome(), answer.fields()),
            (outcome.to_owned(), vec![field.to_owned()]),
            "{change}"
        );
    }
    let world = cloud.world().await;
    assert_eq!((&world["servers"]["count"], &world["primary_ips"]["count"]), (&json!(1), &json!(2)));
}

#[tokio::test]
async fn names_and_ids_are_both_taken_and_keys_replace_the_password() {
    let cloud = Cloud::stepped().await;
    let public_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl a@b";
    let key = cloud.create("ssh_keys", json!({"name": "me", "public_key": public_key})).await;
    for (name, keys) in [("by-name", json!(["me"])), ("by-id", json!([key.to_string()]))] {
        let body = json!({"name": name, "server_type": "114", "image": "161547269", "location": "1", "ssh_keys": keys});
        let created = cloud.post("/servers", body).await;
        assert_eq!(created["root_password"], Value::Null);
        assert_eq!(created["server"]["server_type"]["name"], "cx23");
        assert_eq!(created["server"]["image"]["name"], "ubuntu-24.04");
        assert_eq!(created["server"]["location"]["name"], "fsn1");
    }
    let again = json!({"name": "you", "public_key": public_key});
    assert_eq!(cloud.outcome("POST", "/ssh_keys", again).await, "409 uniqueness_error");
    assert_eq!(
        cloud.outcome("POST", "/ssh_keys", json!({"name": "x", "public_key": "y"})).await,
        "422 invalid_input"
    );
    let renamed =
        cloud.call("PUT", &format!("/ssh_keys/{key}"), json!({"name": "us", "labels": {"a": "b"}})).await;
    assert_eq!(renamed.body["ssh_key"]["labels"], json!({"a": "b"}));
    let found = cloud.get("/ssh_keys?fingerprint=65:96:2d:fc:e8:d5:a9:11:64:0c:0f:ea:00:6e:5b:bd").await;
    assert_eq!(found["ssh_keys"][0]["name"], "us");
    assert_eq!(cloud.outcome("DELETE", &format!("/ssh_keys/{key}"), Value::Null).await, "204");
}

#[tokio::test]
async fn a_locked_server_takes_no_other_action_but_may_be_renamed() {
    let cloud = Cloud::stepped().await;
    let network = cloud
        .create(
            "networks",
            json!({"name": "n", "ip_range": "10.0.0.0/16", "subnets": [
        {"type": "cloud", "ip_range": "10.0.1.0/24", "network_zone": "eu-central"}]}),
        )
        .await;
    let id = cloud.create("servers", server("a")).await;
    let volume = cloud.create("volumes", json!({"name": "v", "size": 10, "location": "fsn1"})).await;
    cloud.step(3000).await;
    for (path, body) in [
        (format!("/servers/{id}/actions/poweroff"), Value::Null),
        (format!("/servers/{id}/actions/attach_to_network"), json!({"network": network})),
        (format!("/servers/{id}/actions/change_type"), json!({"server_type": "cx33", "upgrade_disk": false})),
        (format!("/servers/{id}/actions/rebuild"), json!({"image": "debian-12"})),
        (format!("/servers/{id}/actions/enable_backup"), Value::Null),
        (format!("/servers/{id}/actions/create_image"), json!({})),
        (format!("/volumes/{volume}/actions/attach"), json!({"server": id})),
    ] {
        assert_eq!(cloud.outcome("POST", &path, body).await, "423 locked", "{path}");
    }
    assert_eq!(cloud.outcome("DELETE", &format!("/servers/{id}"), Value::Null).await, "423 locked");
    let renamed = cloud.call("PUT", &format!("/servers/{id}"), json!({"name": "b"})).await;
    assert_eq!(renamed.body["server"]["name"], "b");
    cloud.settle().await;
    assert_eq!(
        cloud.outcome("POST", &format!("/volumes/{volume}/actions/attach"), json!({"server": id})).await,
        "201"
    );
    assert_eq!(
        cloud.outcome("POST", &format!("/servers/{id}/actions/poweroff"), Value::Null).await,
        "423 locked"
    );
}

#[tokio::test]
async fn power_actions_change_the_status() {
    let cloud = Cloud::stepped().await;
    let id = cloud.create("servers", with(server("a"), json!({"start_after_create": false}))).await;
    cloud.settle().await;
    assert_eq!(status(&cloud, id).await, "off");
    for (action, command, meanwhile, after) in [
        ("poweron", "start_server", "starting", "running"),
        ("reboot", "reboot_server", "running", "running"),
        ("reset", "reset_server", "running", "running"),
        ("shutdown", "shutdown_server", "stopping", "off"),
        ("poweron", "start_server", "starting", "running"),
        ("poweroff", "stop_server", "stopping", "off"),
        ("reboot", "reboot_server", "off", "off"),
    ] {
        let begun = cloud.post(&format!("/servers/{id}/actions/{action}"), Value::Null).await;
        assert_eq!(begun["action"]["command"], command);
        assert_eq!(status(&cloud, id).await, meanwhile, "{action}");
        cloud.settle().await;
        assert_eq!(status(&cloud, id).await, after, "{action}");
    }
}

#[tokio::test]
async fn a_type_is_changed_while_the_server_is_off_and_the_disk_grows_only_if_asked() {
    let cloud = Cloud::stepped().await;
    let id = cloud.create("servers", server("a")).await;
    cloud.settle().await;
    let path = format!("/servers/{id}/actions/change_type");
    let change = |name: &str, disk: bool| json!({"server_type": name, "upgrade_disk": disk});
    assert_eq!(cloud.outcome("POST", &path, change("cx33", false)).await, "422 server_not_stopped");
    cloud.post(&format!("/servers/{id}/actions/poweroff"), Value::Null).await;
    cloud.settle().await;
    for (name, outcome) in [
        ("cx23", "422 invalid_server_type"),
        ("cax11", "422 invalid_server_type"),
        ("cpx21", "422 invalid_input"),
        ("nosuch", "422 invalid_input"),
    ] {
        assert_eq!(cloud.outcome("POST", &path, change(name, false)).await, outcome, "{name}");
    }
    for (name, upgrade, disk) in [("cx33", false, 40), ("cx43", true, 160)] {
        cloud.post(&path, change(name, upgrade)).await;
        assert_eq!(status(&cloud, id).await, "migrating");
        cloud.settle().await;
        let shown = cloud.show("servers", id).await;
        assert_eq!(shown["server_type"]["name"], name);
        assert_eq!((&shown["primary_disk_size"], &shown["status"]), (&json!(disk), &json!("off")));
    }
    assert_eq!(cloud.outcome("POST", &path, change("cx33", false)).await, "422 invalid_server_type");
}

#[tokio::test]
async fn protection_backups_rescue_isos_images_and_the_rest_work() {
    let cloud = Cloud::stepped().await;
    let id = cloud.create("servers", server("a")).await;
    cloud.settle().await;
    let act = |action: &str| format!("/servers/{id}/actions/{action}");

    let protect = |on: bool| json!({"delete": on, "rebuild": on});
    let done = cloud.post(&act("change_protection"), protect(true)).await;
    assert_eq!(done["action"]["status"], "success", "what takes no time is done when answered");
    assert_eq!(cloud.outcome("DELETE", &format!("/servers/{id}"), Value::Null).await, "423 protected");
    assert_eq!(cloud.outcome("POST", &act("rebuild"), json!({"image": "debian-12"})).await, "423 protected");
    assert_eq!(
        cloud.outcome("POST", &act("change_protection"), json!({"delete": false})).await,
        "422 invalid_input"
    );
    cloud.post(&act("change_protection"), protect(false)).await;

    assert_eq!(
        cloud.outcome("POST", &act("create_image"), json!({"type": "backup"})).await,
        "422 invalid_input"
    );
    cloud.post(&act("enable_backup"), Value::Null).await;
    let window = cloud.show("servers", id).await["backup_window"].as_str().unwrap().to_owned();
    assert!(["02-06", "06-10", "10-14", "14-18", "18-22", "22-02"].contains(&&*window), "{window}");
    let backup =
        cloud.post(&act("create_image"), json!({"type": "backup"})).await["image"]["id"].as_i64().unwrap();
    cloud.settle().await;
    let snapshot = cloud.post(&act("create_image"), json!({"description": "s", "labels": {"a": "b"}})).await;
    let snapshot = snapshot["image"]["id"].as_i64().unwrap();
    assert_eq!(cloud.show("images", snapshot).await["status"], "creating");
    cloud.settle().await;
    assert_eq!(cloud.show("images", snapshot).await["status"], "available");
    let bound = cloud.get(&format!("/images?bound_to={id}")).await;
    assert_eq!(bound["images"][0]["id"], backup);
    assert_eq!(cloud.get("/images?label_selector=a%3Db").await["images"][0]["id"], snapshot);
    cloud.post(&format!("/images/{snapshot}/actions/change_protection"), json!({"delete": true})).await;
    assert_eq!(cloud.outcome("DELETE", &format!("/images/{snapshot}"), Value::Null).await, "423 protected");
    assert_eq!(cloud.outcome("DELETE", "/images/161547269", Value::Null).await, "403 forbidden");
    let renamed =
        cloud.call("PUT", &format!("/images/{snapshot}"), json!({"description": "t", "labels": {}})).await;
    assert_eq!(renamed.body["image"]["description"], "t");
    assert_eq!(
        cloud.get(&format!("/images/{snapshot}/actions")).await["actions"].as_array().unwrap().len(),
        2
    );

    cloud.post(&act("rebuild"), json!({"image": snapshot.to_string()})).await;
    assert_eq!(status(&cloud, id).await, "rebuilding");
    cloud.settle().await;
    assert_eq!(cloud.show("servers", id).await["image"]["id"], snapshot);

    assert_eq!(
        cloud.post(&act("enable_rescue"), json!({})).await["root_password"].as_str().unwrap().len(),
        20
    );
    assert_eq!(cloud.show("servers", id).await["rescue_enabled"], true);
    cloud.post(&act("reset"), Value::Null).await;
    cloud.step(10_000).await;
    assert_eq!(cloud.show("servers", id).await["rescue_enabled"], false, "used up by the boot");
    cloud.post(&act("enable_rescue"), json!({"type": "linux64"})).await;
    cloud.settle().await;
    assert_eq!(cloud.show("servers", id).await["rescue_enabled"], false, "ends after an hour");
    cloud.post(&act("disable_rescue"), Value::Null).await;

    assert_eq!(
        cloud.outcome("POST", &act("attach_iso"), json!({"iso": "debian-13.1.0-arm64-netinst.iso"})).await,
        "422 invalid_input"
    );
    cloud.post(&act("attach_iso"), json!({"iso": "debian-13.1.0-amd64-netinst.iso"})).await;
    cloud.settle().await;
    assert_eq!(cloud.show("servers", id).await["iso"]["name"], "debian-13.1.0-amd64-netinst.iso");
    cloud.post(&act("detach_iso"), Value::Null).await;
    cloud.settle().await;
    cloud.post(&act("reset_password"), Value::Null).await;
    cloud.settle().await;
    cloud.post(&act("request_console"), Value::Null).await;
    cloud.post(&act("disable_backup"), Value::Null).await;
    cloud.post(&act("change_dns_ptr"), json!({"ip": "192.0.2.1", "dns_ptr": "a.example.com"})).await;
    assert_eq!(cloud.show("servers", id).await["public_net"]["ipv4"]["dns_ptr"], "a.example.com");
    cloud.post(&act("change_dns_ptr"), json!({"ip": "2001:db8:0:1::1", "dns_ptr": "b.example.com"})).await;
    cloud.post(&act("change_dns_ptr"), json!({"ip": "192.0.2.1", "dns_ptr": null})).await;
    let public = cloud.show("servers", id).await["public_net"].take();
    assert_eq!(public["ipv4"]["dns_ptr"], "static.1.2.0.192.clients.your-server.de");
    assert_eq!(public["ipv6"]["dns_ptr"], json!([{"ip": "2001:db8:0:1::1", "dns_ptr": "b.example.com"}]));
    let metrics = "metrics?type=cpu,network&start=2026-10-05T00:00:00Z&end=2026-10-06T00:00:00Z";
    let samples =
        cloud.get(&format!("/servers/{id}/{metrics}")).await["metrics"]["time_series"]["cpu"]["values"]
            .take();
    assert_eq!(samples.as_array().unwrap().len(), 201);

    cloud.call("DELETE", &format!("/servers/{id}"), Value::Null).await;
    cloud.settle().await;
    assert_eq!(cloud.outcome("GET", &format!("/images/{backup}"), Value::Null).await, "404 not_found");
    assert_eq!(cloud.show("images", snapshot).await["created_from"]["id"], id);
}

#[tokio::test]
async fn a_deleted_server_lets_go_of_everything() {
    let cloud = Cloud::stepped().await;
    let group = cloud.create("placement_groups", json!({"name": "g", "type": "spread"})).await;
    let firewall = cloud.create("firewalls", json!({"name": "f"})).await;
    let volume = cloud.create("volumes", json!({"name": "v", "size": 10, "location": "fsn1"})).await;
    let network = cloud
        .create(
            "networks",
            json!({"name": "n", "ip_range": "10.0.0.0/16", "subnets": [
        {"type": "cloud", "ip_range": "10.0.1.0/24", "network_zone": "eu-central"}]}),
        )
        .await;
    cloud.settle().await;
    let created = cloud.post("/servers", with(server("a"), json!({
        "placement_group": group, "volumes": [volume], "networks": [network], "firewalls": [{"firewall": firewall}],
        "automount": false,
    }))).await;
    let id = created["server"]["id"].as_i64().unwrap();
    let commands: Vec<&Value> =
        created["next_actions"].as_array().unwrap().iter().map(|a| &a["command"]).collect();
    assert_eq!(commands, ["start_server", "attach_volume"]);
    assert_eq!(created["server"]["private_net"], json!([]), "not there before the server is");
    cloud.settle().await;
    let shown = cloud.show("servers", id).await;
    assert_eq!(shown["volumes"], json!([volume]));
    assert_eq!(shown["private_net"][0]["ip"], "10.0.1.1");
    assert!(shown["private_net"][0]["mac_address"].as_str().unwrap().starts_with("86:"));
    assert_eq!(shown["public_net"]["firewalls"], json!([{"id": firewall, "status": "applied"}]));
    assert_eq!(shown["placement_group"]["servers"], json!([id]));
    assert_eq!(
        cloud.outcome("DELETE", &format!("/firewalls/{firewall}"), Value::Null).await,
        "422 resource_in_use"
    );
    let deleted = cloud.call("DELETE", &format!("/servers/{id}"), Value::Null).await;
    assert_eq!(deleted.body["action"]["command"], "delete_server");
    assert_eq!(status(&cloud, id).await, "deleting");
    cloud.settle().await;
    assert_eq!(cloud.outcome("GET", &format!("/servers/{id}"), Value::Null).await, "404 not_found");
    assert_eq!(cloud.show("volumes", volume).await["server"], Value::Null);
    assert_eq!(cloud.show("networks", network).await["servers"], json!([]));
    assert_eq!(cloud.show("placement_groups", group).await["servers"], json!([]));
    assert_eq!(cloud.world().await["primary_ips"]["count"], 0);
    for (kind, id) in
        [("firewalls", firewall), ("volumes", volume), ("networks", network), ("placement_groups", group)]
    {
        assert_eq!(cloud.outcome("DELETE", &format!("/{kind}/{id}"), Value::Null).await, "204", "{kind}");
    }
}

#[tokio::test]
async fn placement_groups_take_ten_servers_that_are_off() {
    let cloud = Cloud::stepped().await;
    let group = cloud.create("placement_groups", json!({"name": "g", "type": "spread"})).await;
    let off = json!({"start_after_create": false});
    let spare = cloud.create("servers", with(server("spare"), off.clone())).await;
    let first = cloud.create("servers", with(server("s0"), off.clone())).await;
    cloud.settle().await;
    let join = |id: i64| format!("/servers/{id}/actions/add_to_placement_group");
    cloud.post(&join(first), json!({"placement_group": group})).await;
    cloud.settle().await;
    let again = cloud.outcome("POST", &join(first), json!({"placement_group": group})).await;
    assert_eq!(again, "422 already_in_placement_group");
    for number in 1..10 {
        let body = with(server(&format!("s{number}")), json!({"placement_group": group}));
        cloud.create("servers", body).await;
    }
    let eleventh = with(server("s10"), json!({"placement_group": group}));
    assert_eq!(cloud.outcome("POST", "/servers", eleventh).await, "422 placement_error");
    assert_eq!(
        cloud.outcome("POST", &join(spare), json!({"placement_group": group})).await,
        "422 placement_error"
    );
    cloud.post(&format!("/servers/{spare}/actions/poweron"), Value::Null).await;
    cloud.settle().await;
    cloud.post(&format!("/servers/{first}/actions/remove_from_placement_group"), Value::Null).await;
    assert_eq!(
        cloud.outcome("POST", &join(spare), json!({"placement_group": group})).await,
        "422 server_not_stopped"
    );
    assert_eq!(cloud.outcome("POST", &join(first), json!({"placement_group": 1})).await, "422 invalid_input");
    let renamed = cloud.call("PUT", &format!("/placement_groups/{group}"), json!({"name": "h"})).await;
    assert_eq!(renamed.body["placement_group"]["name"], "h");
}
