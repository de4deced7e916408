//! Each kind of resource from its creation to its deletion.

use serde_json::json;

use crate::stack::{KEY, one_of_each, stack};

#[tokio::test]
async fn one_of_each_kind_is_created_imported_and_deleted() {
    let mut stack = one_of_each().await;
    let (net, web, lb) = (stack.id("net"), stack.id("server"), stack.id("lb"));
    for (name, id, untold) in [
        ("key", stack.id("key"), &[][..]),
        ("net", net.clone(), &[]),
        ("subnet", format!("{net}-10.0.1.0/24"), &[]),
        ("wall", stack.id("wall"), &[]),
        ("group", stack.id("group"), &[]),
        (
            "server",
            web.clone(),
            &["user_data", "ssh_keys", "keep_disk", "ignore_remote_firewall_ids", "shutdown_before_deletion"],
        ),
        ("server_net", format!("{web}-{net}"), &["subnet_id"]),
        ("volume", stack.id("volume"), &["format"]),
        ("attachment", stack.id("volume"), &["automount"]),
        ("lb", lb.clone(), &[]),
        ("lb_net", format!("{lb}-{net}"), &[]),
        ("service", format!("{lb}__443"), &[]),
        ("target", format!("{lb}__server__{web}"), &[]),
        ("route", format!("{net}-10.100.1.0/24"), &[]),
        ("zone", stack.id("zone"), &[]),
        ("zone", "example.com".to_owned(), &[]),
        ("rrset", "example.com/www/A".to_owned(), &[]),
        ("record", format!("{}/@/MX/10 a.example.net.", stack.id("zone")), &[]),
        ("address", stack.id("address"), &[]),
        ("floating", stack.id("floating"), &[]),
        ("floating_on", stack.id("floating"), &[]),
        ("name", stack.id("name"), &[]),
        ("certificate", stack.id("certificate"), &["private_key"]),
        ("snapshot", stack.id("snapshot"), &[]),
        ("wall_on", stack.id("wall_2"), &[]),
        ("box", stack.id("box"), &["password", "ssh_keys"]),
        ("box", "files".to_owned(), &["password", "ssh_keys"]),
        ("box_snapshot", format!("{}/{}", stack.id("box"), stack.id("box_snapshot")), &[]),
        ("box_user", format!("{}/{}", stack.id("box"), stack.id("box_user")), &["password"]),
    ] {
        stack.imports_as(name, &id, untold).await;
    }
    for name in [
        "box_user",
        "box_snapshot",
        "box",
        "wall_on",
        "wall_2",
        "snapshot",
        "certificate",
        "name",
        "floating_on",
        "floating",
        "address",
        "record",
        "record_2",
        "rrset",
        "zone",
        "route",
        "target",
        "service",
        "lb_net",
        "lb",
        "attachment",
        "volume",
        "server_net",
        "server",
        "group",
        "wall",
        "subnet",
        "net",
        "key",
    ] {
        stack.delete(name).await;
    }
    for kind in [
        "servers",
        "networks",
        "firewalls",
        "volumes",
        "load_balancers",
        "placement_groups",
        "ssh_keys",
        "primary_ips",
        "zones",
        "floating_ips",
        "certificates",
        "storage_boxes",
    ] {
        assert_eq!(stack.count(kind).await, 0, "{kind}");
    }
}

#[tokio::test]
async fn states_have_the_shape_of_the_published_provider() {
    let stack = one_of_each().await;
    let server = stack.state("server");
    assert_eq!(server["user_data"], "wK9leoEi2xH7hUH5D+q3hxwsPXE=");
    assert_eq!(server["image"], "ubuntu-24.04");
    assert_eq!(server["status"], "running");
    assert_eq!(server["backup_window"], "");
    assert_eq!(server["network"], json!([]));
    assert_eq!(server["public_net"], json!([]));
    assert_eq!(server["timeouts"], json!(null));
    assert_eq!(server["placement_group_id"], json!(stack.number("group")));
    let ipv6 = server["ipv6_address"].as_str().unwrap();
    assert!(ipv6.ends_with("::1") && server["ipv6_network"].as_str().unwrap().ends_with("/64"), "{ipv6}");
    let rule = json!({"direction": "in", "protocol": "icmp", "port": "", "source_ips": ["0.0.0.0/0"], "destination_ips": [], "description": "ping"});
    assert!(stack.state("wall")["rule"].as_array().unwrap().contains(&rule), "{:#}", stack.state("wall"));
    assert_eq!(stack.id("subnet"), format!("{}-10.0.1.0/24", stack.id("net")));
    assert_eq!(stack.id("target"), format!("lb-srv-tgt-{}-{}", stack.id("server"), stack.id("lb")));
    assert_eq!(stack.id("service"), format!("{}__443", stack.id("lb")));
    assert_eq!(stack.state("server_net")["ip"], "10.0.1.10");
    assert_eq!(stack.state("zone")["id"], json!(stack.number("zone")));
    assert_eq!(stack.state("zone")["primary_nameservers"], json!([]));
    assert_eq!(stack.state("zone")["authoritative_nameservers"]["assigned"].as_array().unwrap().len(), 3);
    assert_eq!(stack.id("rrset"), "www/A");
    let address = stack.state("address");
    assert_eq!(address["id"], json!(stack.number("address")));
    assert_eq!((&address["assignee_id"], &address["assignee_type"]), (&json!(0), &json!("unassigned")));
    assert_eq!((&address["datacenter"], &address["auto_delete"]), (&json!(null), &json!(false)));
    let first = address["ip_address"].as_str().unwrap();
    assert_eq!(address["ip_network"], json!(format!("{first}/64")));
    let floating = stack.state("floating");
    assert_eq!(floating["ip_network"], json!(null));
    assert_eq!(
        stack.id("name"),
        format!("f-{}-{}", stack.id("floating"), floating["ip_address"].as_str().unwrap())
    );
    assert_eq!(stack.state("certificate")["domain_names"], json!(["www.example.com", "example.com"]));
    assert_eq!(stack.state("certificate")["type"], "uploaded");
    let created = stack.state("certificate")["created"].as_str().unwrap().to_owned();
    assert!(created.ends_with('Z'), "{created}");
    let records = stack.state("rrset")["records"].clone();
    assert!(
        records.as_array().unwrap().contains(&json!({"value": "192.0.2.2", "comment": null})),
        "{records}"
    );
    let storage = stack.state("box");
    assert_eq!(
        storage["server"],
        json!(format!("{}.your-storagebox.de", storage["username"].as_str().unwrap()))
    );
    assert_eq!(
        storage["access_settings"],
        json!({
            "reachable_externally": false, "samba_enabled": false, "ssh_enabled": true, "webdav_enabled": false,
            "zfs_enabled": false,
        })
    );
    // Sunday is 0 here and 7 in the API.
    let plan = json!({"max_snapshots": 3, "minute": 30, "hour": 4, "day_of_week": 0, "day_of_month": null});
    assert_eq!(storage["snapshot_plan"], plan);
    let shown = stack.call("GET", &format!("/storage_boxes/{}", stack.id("box")), None).await;
    assert_eq!(shown["storage_box"]["snapshot_plan"]["day_of_week"], 7);
    let user = stack.state("box_user");
    assert_eq!((&user["name"], &user["description"]), (&user["username"], &json!("")));
    assert_eq!(user["storage_box_id"], storage["id"]);
    let device = format!("/dev/disk/by-id/scsi-0HC_Volume_{}", stack.id("volume"));
    assert_eq!(stack.state("volume")["linux_device"], device.as_str());
}

/// Changes of configuration: `changed` are the attributes that change, `replaced` those that need a new object.
#[tokio::test]
async fn changes_are_made_in_place_or_ask_for_a_new_object() {
    let mut stack = one_of_each().await;
    let config = |name: &str, stack: &crate::stack::Stack, key: &str, value: serde_json::Value| {
        let mut config = stack.objects[name].1.clone();
        config[key] = value;
        config
    };
    for (name, key, value, replaced) in [
        ("key", "name", json!("renamed"), false),
        ("key", "labels", json!({}), false),
        ("key", "public_key", json!("ssh-ed25519 BBBB"), true),
        ("net", "labels", json!({"a": "b"}), false),
        ("net", "delete_protection", json!(true), false),
        ("net", "delete_protection", json!(false), false),
        ("net", "expose_routes_to_vswitch", json!(true), false),
        ("net", "ip_range", json!("10.0.0.0/17"), true),
        ("net", "ip_range", json!("172.16.0.0/16"), true),
        ("net", "ip_range", json!("10.0.0.0/15"), false),
        ("subnet", "ip_range", json!("10.0.2.0/24"), true),
        ("wall", "name", json!("wall-2"), false),
        (
            "wall",
            "rule",
            json!([{"direction": "in", "protocol": "tcp", "port": "80-85", "source_ips": ["10.0.0.0/8"]}]),
            false,
        ),
        ("wall", "rule", json!([]), false),
        ("group", "labels", json!({"x": "y"}), false),
        ("server", "name", json!("web-2"), false),
        ("server", "labels", json!({}), false),
        ("server", "server_type", json!("cx33"), false),
        ("server", "backups", json!(true), false),
        ("server", "backups", json!(false), false),
        ("server", "firewall_ids", json!([]), false),
        ("server", "image", json!("debian-12"), true),
        ("server", "location", json!("nbg1"), true),
        ("server", "user_data", json!("#cloud-config\nother: true\n"), true),
        ("server", "ssh_keys", json!([]), true),
        ("server_net", "alias_ips", json!(["10.0.1.11", "10.0.1.12"]), false),
        ("server_net", "ip", json!("10.0.1.20"), true),
        ("volume", "size", json!(50), false),
        ("volume", "name", json!("data-2"), false),
        ("volume", "delete_protection", json!(true), false),
        ("volume", "delete_protection", json!(false), false),
        ("volume", "location", json!("nbg1"), true),
        ("attachment", "server_id", json!(1), true),
        ("lb", "load_balancer_type", json!("lb21"), false),
        ("lb", "algorithm", json!([{"type": "least_connections"}]), false),
        ("lb", "location", json!("nbg1"), true),
        ("lb_net", "enable_public_interface", json!(false), false),
        ("lb_net", "enable_public_interface", json!(true), false),
        ("service", "destination_port", json!(30444), false),
        ("service", "proxyprotocol", json!(true), false),
        ("service", "listen_port", json!(444), true),
        (
            "service",
            "health_check",
            json!([{"protocol": "http", "port": 80, "interval": 5, "timeout": 3, "retries": 2, "http": [{"path": "/healthz", "status_codes": ["200"]}]}]),
            false,
        ),
        ("target", "use_private_ip", json!(false), false),
        ("route", "gateway", json!("10.0.1.11"), true),
        ("route", "destination", json!("10.100.2.0/24"), true),
        ("zone", "ttl", json!(600), false),
        ("zone", "labels", json!({}), false),
        ("zone", "delete_protection", json!(true), false),
        ("zone", "delete_protection", json!(false), false),
        ("zone", "name", json!("example.org"), true),
        ("rrset", "ttl", json!(600), false),
        ("rrset", "ttl", json!(null), false),
        ("rrset", "labels", json!({"a": "b"}), false),
        (
            "rrset",
            "records",
            json!([{"value": "192.0.2.1"}, {"value": "192.0.2.3", "comment": "three"}]),
            false,
        ),
        ("rrset", "change_protection", json!(true), false),
        ("rrset", "change_protection", json!(false), false),
        ("rrset", "name", json!("mail"), true),
        ("address", "name", json!("address-2"), false),
        ("address", "auto_delete", json!(true), false),
        ("address", "auto_delete", json!(null), false),
        ("address", "labels", json!({"a": "b"}), false),
        ("address", "delete_protection", json!(true), false),
        ("address", "delete_protection", json!(null), false),
        ("address", "location", json!("nbg1"), true),
        ("address", "type", json!("ipv4"), true),
        ("floating", "name", json!("floating"), false),
        ("floating", "description", json!("where it leads"), false),
        ("floating", "description", json!(null), false),
        ("floating", "labels", json!({}), false),
        ("floating", "delete_protection", json!(true), false),
        ("floating", "delete_protection", json!(false), false),
        ("floating", "home_location", json!("nbg1"), true),
        ("name", "dns_ptr", json!("mail.example.com"), false),
        ("name", "ip_address", json!("192.0.2.77"), true),
        ("certificate", "name", json!("www-2"), false),
        ("certificate", "labels", json!({"a": "b"}), false),
        ("certificate", "private_key", json!("-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----"), true),
        ("snapshot", "description", json!("after"), false),
        ("snapshot", "labels", json!({"a": "b"}), false),
        ("snapshot", "server_id", json!(1), true),
        ("wall_on", "label_selectors", json!(["role=db", "role=queue"]), false),
        ("wall_on", "label_selectors", json!(["role=queue"]), false),
        ("box", "name", json!("archive"), false),
        ("box", "labels", json!({}), false),
        ("box", "storage_box_type", json!("bx21"), false),
        ("box", "password", json!("Rosenkohl-2026"), false),
        ("box", "access_settings", json!({"samba_enabled": true, "zfs_enabled": true}), false),
        ("box", "access_settings", json!(null), false),
        (
            "box",
            "snapshot_plan",
            json!({"max_snapshots": 1, "minute": 0, "hour": 0, "day_of_month": 1}),
            false,
        ),
        ("box", "snapshot_plan", json!(null), false),
        ("box", "delete_protection", json!(true), false),
        ("box", "delete_protection", json!(null), false),
        ("box", "location", json!("hel1"), true),
        ("box", "ssh_keys", json!([]), true),
        ("box_snapshot", "description", json!("after"), false),
        ("box_snapshot", "labels", json!(null), false),
        ("box_snapshot", "storage_box_id", json!(1), true),
        ("box_user", "name", json!("web"), false),
        ("box_user", "description", json!("the site"), false),
        ("box_user", "labels", json!(null), false),
        ("box_user", "home_directory", json!("backups/site"), false),
        ("box_user", "password", json!("Rosenkohl-2026"), false),
        ("box_user", "access_settings", json!({"webdav_enabled": true}), false),
        ("box_user", "storage_box_id", json!(1), true),
        ("record", "comment", json!("first"), false),
        ("record", "value", json!("30 c.example.net."), true),
    ] {
        let wanted = config(name, &stack, key, value);
        let (changed, replace) = stack.changes(name, &wanted).await;
        assert!(changed.contains(&key.to_owned()), "{name}.{key}: {changed:?}");
        assert_eq!(replace.contains(&key.to_owned()), replaced, "{name}.{key}: {replace:?}");
        if !replaced {
            let type_name = stack.objects[name].0.clone();
            stack.apply(name, &type_name, wanted).await;
        }
    }
}

#[tokio::test]
async fn a_server_from_which_a_primary_ip_is_taken_gets_an_address_of_its_own() {
    let mut stack = stack().await;
    let address = json!({"name": "ip", "type": "ipv4", "location": "nbg1", "auto_delete": false});
    stack.apply("ip", "hcloud_primary_ip", address).await;
    let server = |public: serde_json::Value| json!({"name": "web", "server_type": "cx23", "image": "debian-12", "location": "nbg1", "public_net": public});
    let named = json!([{"ipv4_enabled": true, "ipv4": stack.number("ip"), "ipv6_enabled": false}]);
    stack.apply("web", "hcloud_server", server(named)).await;
    let before = stack.state("web")["ipv4_address"].clone();
    assert_eq!(before, stack.state("ip")["ip_address"]);
    stack.apply("web", "hcloud_server", server(json!([]))).await;
    let after = stack.state("web")["ipv4_address"].clone();
    assert!(after != before && after != json!(""), "{after}");
    assert_eq!(stack.state("web")["status"], "running");
    stack.refresh().await;
    assert_eq!(stack.state("ip")["assignee_type"], "unassigned");
}

#[tokio::test]
async fn servers_have_networks_and_addresses_of_their_own() {
    let mut stack = stack().await;
    stack.apply("net", "hcloud_network", json!({"name": "net", "ip_range": "10.0.0.0/16"})).await;
    let net = stack.number("net");
    for (name, range) in [("a", "10.0.1.0/24"), ("b", "10.0.2.0/24")] {
        let subnet =
            json!({"network_id": net, "type": "cloud", "network_zone": "eu-central", "ip_range": range});
        stack.apply(name, "hcloud_network_subnet", subnet).await;
    }
    let server = |networks: serde_json::Value, public: serde_json::Value| json!({"name": "web", "server_type": "cx23", "image": "debian-12", "location": "nbg1", "network": networks, "public_net": public});
    let off = json!([{"ipv4_enabled": false, "ipv6_enabled": false}]);
    // Only reachable by the private network: created, attached, then started.
    stack
        .apply("web", "hcloud_server", server(json!([{"network_id": net, "ip": "10.0.1.5"}]), off.clone()))
        .await;
    let state = stack.state("web");
    assert_eq!(
        (&state["status"], &state["ipv4_address"], &state["network"][0]["ip"]),
        (&json!("running"), &json!(""), &json!("10.0.1.5"))
    );
    assert_eq!(
        state["public_net"],
        json!([{"ipv4": 0, "ipv4_enabled": false, "ipv6": 0, "ipv6_enabled": false}])
    );
    assert_eq!(stack.count("primary_ips").await, 0);
    // Other aliases, another address, another subnet, none.
    stack
        .apply(
            "web",
            "hcloud_server",
            server(json!([{"network_id": net, "ip": "10.0.1.5", "alias_ips": ["10.0.1.6"]}]), off.clone()),
        )
        .await;
    stack
        .apply("web", "hcloud_server", server(json!([{"network_id": net, "ip": "10.0.1.7"}]), off.clone()))
        .await;
    stack.apply("web", "hcloud_server", server(json!([{"subnet_id": stack.id("b")}]), off.clone())).await;
    assert!(stack.state("web")["network"][0]["ip"].as_str().unwrap().starts_with("10.0.2."));
    // Public addresses come and go.
    let v6 = json!([{"ipv4_enabled": false, "ipv6_enabled": true}]);
    stack.apply("web", "hcloud_server", server(json!([{"subnet_id": stack.id("b")}]), v6)).await;
    assert_ne!(stack.state("web")["ipv6_address"], json!(""));
    assert_eq!(
        (stack.state("web")["status"].clone(), stack.count("primary_ips").await),
        (json!("running"), 1)
    );
    stack.apply("web", "hcloud_server", server(json!([]), json!([]))).await;
    assert_ne!(stack.state("web")["ipv4_address"], json!(""));
    assert_eq!(stack.count("primary_ips").await, 2);
    let server_state = stack.call("GET", &format!("/servers/{}", stack.id("web")), None).await;
    assert_eq!(server_state["server"]["private_net"], json!([]));
    stack.delete("web").await;
}

#[tokio::test]
async fn a_protected_object_is_not_deleted_and_says_how() {
    let mut stack = stack().await;
    stack
        .apply(
            "net",
            "hcloud_network",
            json!({"name": "net", "ip_range": "10.0.0.0/16", "delete_protection": true}),
        )
        .await;
    let answer = stack.try_delete("net").await;
    assert!(answer.diagnostics.has_errors() && !answer.state.is_null());
    assert_eq!(answer.diagnostics.0[0].summary, "Object is protected");
    stack.apply("net", "hcloud_network", json!({"name": "net", "ip_range": "10.0.0.0/16"})).await;
    stack.delete("net").await;
}

#[tokio::test]
async fn trailing_newlines_make_no_other_key() {
    let mut stack = stack().await;
    stack.apply("key", "hcloud_ssh_key", json!({"name": "key", "public_key": format!("{KEY}\n")})).await;
    let (changed, replace) = stack.changes("key", &json!({"name": "key", "public_key": KEY})).await;
    assert!(changed.is_empty() && replace.is_empty(), "{changed:?}");
}

#[tokio::test]
async fn services_for_http_take_what_is_left_out_from_the_api() {
    let mut stack = stack().await;
    stack
        .apply(
            "lb",
            "hcloud_load_balancer",
            json!({"name": "lb", "load_balancer_type": "lb11", "network_zone": "eu-central"}),
        )
        .await;
    let lb = stack.id("lb");
    stack
        .apply("http", "hcloud_load_balancer_service", json!({"load_balancer_id": lb, "protocol": "http"}))
        .await;
    let state = stack.state("http");
    assert_eq!((&state["listen_port"], &state["destination_port"]), (&json!(80), &json!(80)));
    assert_eq!(state["http"][0]["cookie_name"], "HCLBSTICKY");
    assert_eq!(state["health_check"][0]["protocol"], "http");
    let sticky = json!({"load_balancer_id": lb, "protocol": "http", "http": [{"sticky_sessions": true, "cookie_name": "SRV"}]});
    stack.apply("http", "hcloud_load_balancer_service", sticky).await;
    assert_eq!(stack.state("http")["http"][0]["cookie_lifetime"], json!(300));
    for (name, target) in [(
        "by_label",
        json!({"load_balancer_id": stack.number("lb"), "type": "label_selector", "label_selector": "role=web"}),
    )] {
        stack.apply(name, "hcloud_load_balancer_target", target).await;
        let id = format!("{lb}__label_selector__role=web");
        stack.imports_as(name, &id, &[]).await;
        stack.delete(name).await;
    }
    stack.delete("http").await;
    stack.delete("lb").await;
}

#[tokio::test]
async fn volumes_follow_their_server() {
    let mut stack = stack().await;
    for name in ["one", "two"] {
        stack
            .apply(
                name,
                "hcloud_server",
                json!({"name": name, "server_type": "cx23", "image": "debian-12", "location": "hel1"}),
            )
            .await;
    }
    let volume = |server: Option<i64>| json!({"name": "data", "size": 10, "server_id": server, "location": server.is_none().then_some("hel1")});
    let (one, two) = (stack.number("one"), stack.number("two"));
    stack.apply("data", "hcloud_volume", volume(Some(one))).await;
    assert_eq!(stack.state("data")["location"], "hel1");
    stack.apply("data", "hcloud_volume", volume(Some(two))).await;
    assert_eq!(stack.state("data")["server_id"], json!(two));
    stack.delete("data").await;
    assert_eq!(stack.count("volumes").await, 0);
}

#[tokio::test]
async fn firewalls_are_applied_by_server_and_by_label() {
    let mut stack = stack().await;
    stack.apply("web", "hcloud_server", json!({"name": "web", "server_type": "cx23", "image": "debian-12", "location": "hel1", "labels": {"role": "web"}})).await;
    let wall = |apply_to: serde_json::Value| json!({"name": "wall", "apply_to": apply_to});
    stack.apply("wall", "hcloud_firewall", wall(json!([{"server": stack.number("web")}]))).await;
    stack.apply("wall", "hcloud_firewall", wall(json!([{"label_selector": "role=web"}]))).await;
    let firewall = stack.call("GET", &format!("/firewalls/{}", stack.id("wall")), None).await;
    assert_eq!(firewall["firewall"]["applied_to"].as_array().unwrap().len(), 1);
    // A firewall that is in use lets go of what it is applied to.
    stack.delete("wall").await;
}

#[tokio::test]
async fn protected_record_sets_are_changed_and_kept() {
    let mut stack = stack().await;
    stack.apply("zone", "hcloud_zone", json!({"name": "example.com", "mode": "primary"})).await;
    let set = |value: &str, protected: bool| json!({"zone": "example.com", "name": "a", "type": "AAAA", "records": [{"value": value}], "change_protection": protected});
    stack.apply("set", "hcloud_zone_rrset", set("2001:DB8::1", true)).await;
    let answer = stack.try_delete("set").await;
    assert_eq!(answer.diagnostics.0[0].summary, "Object is protected");
    // The protection goes first; another spelling of the address is no change.
    stack.apply("set", "hcloud_zone_rrset", set("2001:db8:0::1", false)).await;
    assert_eq!(stack.state("set")["records"][0]["value"], "2001:DB8::1");
    stack.apply("set", "hcloud_zone_rrset", set("2001:db8::2", true)).await;
    stack.apply("set", "hcloud_zone_rrset", set("2001:db8::2", false)).await;
    stack.delete("set").await;
}

#[tokio::test]
async fn the_first_record_of_a_zone_is_taken_over_and_stays() {
    let mut stack = stack().await;
    stack.apply("zone", "hcloud_zone", json!({"name": "example.com", "mode": "primary"})).await;
    let soa = |expire: u32| json!({"zone": "example.com", "name": "@", "type": "SOA", "records": [{"value": format!("hydrogen.ns.hetzner.com. dns.hetzner.com. 0 86400 10800 {expire} 3600")}]});
    stack.apply("soa", "hcloud_zone_rrset", soa(1_000_000)).await;
    // What others change in the zone advances the serial, which is no change of this.
    let other = json!({"zone": "example.com", "name": "x", "type": "TXT", "records": [{"value": "\"x\""}]});
    stack.apply("other", "hcloud_zone_rrset", other).await;
    stack.unchanged("soa").await;
    stack.apply("soa", "hcloud_zone_rrset", soa(2_000_000)).await;
    stack.delete("soa").await;
    let soa = stack.call("GET", "/zones/example.com/rrsets/%40/SOA", None).await;
    assert!(soa["rrset"]["records"][0]["value"].as_str().unwrap().contains(" 2000000 "), "{soa}");
}

#[tokio::test]
async fn secondary_zones_have_nameservers_to_come_from() {
    let mut stack = stack().await;
    let zone = |servers: serde_json::Value| json!({"name": "example.com", "mode": "secondary", "primary_nameservers": servers});
    stack.apply("zone", "hcloud_zone", zone(json!([{"address": "192.0.2.53"}]))).await;
    assert_eq!(stack.state("zone")["primary_nameservers"][0]["port"], json!(53));
    let signed = json!({"address": "2001:db8::53", "port": 5353, "tsig_algorithm": "hmac-sha256", "tsig_key": "c2VjcmV0"});
    stack.apply("zone", "hcloud_zone", zone(json!([{"address": "192.0.2.53"}, signed]))).await;
    assert_eq!(stack.state("zone")["primary_nameservers"][1], signed);
    stack.delete("zone").await;
}

async fn servers(stack: &mut crate::stack::Stack, names: &[&str]) -> Vec<i64> {
    for name in names {
        let server = json!({"name": name, "server_type": "cx23", "image": "debian-12", "location": "hel1"});
        stack.apply(name, "hcloud_server", server).await;
    }
    names.iter().map(|name| stack.number(name)).collect()
}

#[tokio::test]
async fn primary_ips_move_from_server_to_server_and_both_run() {
    let mut stack = stack().await;
    let ids = servers(&mut stack, &["one", "two"]).await;
    let address = |server: i64| json!({"name": "address", "type": "ipv4", "assignee_id": server});
    for server in &ids {
        stack.apply("address", "hcloud_primary_ip", address(*server)).await;
        let state = stack.state("address");
        assert_eq!((&state["assignee_id"], &state["location"]), (&json!(server), &json!("hel1")));
        let servers = stack.call("GET", "/servers", None).await["servers"].clone();
        for it in servers.as_array().unwrap() {
            assert_eq!(it["status"], "running", "{}", it["name"]);
            let has_it = it["public_net"]["ipv4"]["ip"] == state["ip_address"];
            assert_eq!(has_it, it["id"] == json!(server), "{}", it["name"]);
        }
    }
    stack.delete("address").await;
    let two = stack.call("GET", &format!("/servers/{}", ids[1]), None).await;
    assert_eq!(
        (&two["server"]["status"], &two["server"]["public_net"]["ipv4"]),
        (&json!("running"), &json!(null))
    );
    // What came with the servers and gave way is gone: two of IPv6 are left.
    assert_eq!(stack.count("primary_ips").await, 2);
}

/// The API says "unassigned" of what no server has; configuration says what it is for.
#[tokio::test]
async fn a_primary_ip_that_is_reserved_for_servers_is_planned_once() {
    let mut stack = stack().await;
    let reserved = json!({"name": "ip", "type": "ipv4", "location": "hel1", "assignee_type": "server"});
    stack.apply("ip", "hcloud_primary_ip", reserved).await;
    stack.refresh().await;
    stack.unchanged("ip").await;
    let server = json!({
        "name": "web", "server_type": "cx23", "image": "debian-12", "location": "hel1",
        "public_net": [{"ipv4_enabled": true, "ipv4": stack.number("ip"), "ipv6_enabled": false}],
    });
    stack.apply("web", "hcloud_server", server).await;
    stack.refresh().await;
    stack.unchanged("ip").await;
    // Taken away again, it is for servers again after one change.
    stack.delete("web").await;
    stack.refresh().await;
    assert_eq!(stack.state("ip")["assignee_type"], "unassigned");
    let reserved = json!({"name": "ip", "type": "ipv4", "location": "hel1", "assignee_type": "server"});
    stack.apply("ip", "hcloud_primary_ip", reserved).await;
    stack.refresh().await;
    stack.unchanged("ip").await;
}

#[tokio::test]
async fn primary_ips_survive_the_replacement_of_their_server() {
    let mut stack = stack().await;
    stack
        .apply("address", "hcloud_primary_ip", json!({"name": "address", "type": "ipv4", "location": "hel1"}))
        .await;
    let ip = stack.state("address")["ip_address"].clone();
    for image in ["debian-12", "ubuntu-24.04"] {
        let server = json!({"name": "web", "server_type": "cx23", "image": image, "location": "hel1", "public_net": [{"ipv4": stack.number("address")}]});
        stack.apply("web", "hcloud_server", server).await;
        assert_eq!(stack.state("web")["ipv4_address"], ip);
        stack.delete("web").await;
        stack.unchanged("address").await;
        assert_eq!(stack.state("address")["ip_address"], ip);
    }
}

#[tokio::test]
async fn floating_ips_follow_what_configuration_says() {
    let mut stack = stack().await;
    let ids = servers(&mut stack, &["one", "two"]).await;
    // The home is that of the first server.
    let floating = |server: serde_json::Value| json!({"type": "ipv6", "server_id": server});
    for server in [json!(ids[0]), json!(ids[1])] {
        stack.apply("floating", "hcloud_floating_ip", floating(server.clone())).await;
        assert_eq!(
            (&stack.state("floating")["server_id"], &stack.state("floating")["home_location"]),
            (&server, &json!("hel1"))
        );
    }
    // Both given, which the API refuses in one request.
    let both = json!({"name": "both", "type": "ipv4", "home_location": "fsn1", "server_id": ids[0]});
    stack.apply("both", "hcloud_floating_ip", both).await;
    assert_eq!(stack.state("both")["server_id"], json!(ids[0]));
    let id = stack.number("both");
    let led = |server: i64| json!({"floating_ip_id": id, "server_id": server});
    stack.objects.remove("both");
    stack.apply("alone", "hcloud_floating_ip", json!({"type": "ipv4", "home_location": "fsn1"})).await;
    for server in &ids {
        stack.apply("led", "hcloud_floating_ip_assignment", led(*server)).await;
    }
    stack.delete("led").await;
    stack.delete("floating").await;
    assert_eq!(stack.count("floating_ips").await, 2);
}

#[tokio::test]
async fn each_owner_of_an_address_can_name_it() {
    let mut stack = one_of_each().await;
    let first = |network: &str| format!("{network}abc");
    let network = stack.state("server")["ipv6_network"].as_str().unwrap().trim_end_matches("/64").to_owned();
    for (owner, attribute, ip, letter) in [
        ("server", "server_id", stack.state("server")["ipv4_address"].as_str().unwrap().to_owned(), "s"),
        ("server", "server_id", first(&network), "s"),
        ("lb", "load_balancer_id", stack.state("lb")["ipv4"].as_str().unwrap().to_owned(), "l"),
        ("address", "primary_ip_id", first(stack.state("address")["ip_address"].as_str().unwrap()), "p"),
    ] {
        let owner = stack.number(owner);
        let name = json!({attribute: owner, "ip_address": ip, "dns_ptr": "a.example.com"});
        stack.apply("entry", "hcloud_rdns", name).await;
        assert_eq!(stack.id("entry"), format!("{letter}-{owner}-{ip}"));
        stack.imports_as("entry", &stack.id("entry"), &[]).await;
        stack.delete("entry").await;
    }
}

#[tokio::test]
async fn certificates_that_cannot_be_issued_are_told_and_can_be_removed() {
    let mut stack = stack().await;
    let config = json!({"name": "managed", "domain_names": ["www.example.com"]});
    let null = ferroform_core::Value::null(stack.block("hcloud_managed_certificate").implied_type());
    let (_, applied) = stack
        .try_apply("hcloud_managed_certificate", &null, &config, &crate::stack::Checkpoints::default())
        .await;
    assert_eq!(applied.diagnostics.0[0].summary, "Action failed");
    assert!(!applied.state.is_null() && applied.state.is_wholly_known(), "{:?}", applied.state);
    stack.objects.insert("managed".into(), ("hcloud_managed_certificate".into(), config, applied.state));
    stack.unchanged("managed").await;
    stack.imports_as("managed", &stack.id("managed"), &[]).await;
    stack.delete("managed").await;
    assert_eq!(stack.count("certificates").await, 0);
    // The old name of uploaded ones.
    let old = json!({"name": "old", "certificate": format!("\n{}", crate::stack::CERTIFICATE), "private_key": crate::stack::PRIVATE_KEY});
    stack.apply("old", "hcloud_certificate", old).await;
    stack.delete("old").await;
}
