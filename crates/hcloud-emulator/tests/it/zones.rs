//! DNS zones and their record sets.

use ferroform_hcloud_emulator::ClockMode;
use serde_json::{Value, json};

use crate::harness::{Cloud, with};

fn primary(name: &str) -> Value {
    json!({"name": name, "mode": "primary"})
}

fn secondary(name: &str) -> Value {
    json!({"name": name, "mode": "secondary", "primary_nameservers": [{"address": "198.51.100.1"}]})
}

fn rrset(name: &str, kind: &str, values: &[&str]) -> Value {
    let records: Vec<Value> = values.iter().map(|value| json!({"value": value})).collect();
    json!({"name": name, "type": kind, "records": records})
}

fn records(values: &[&str]) -> Value {
    json!({"records": rrset("", "", values)["records"]})
}

/// A cloud with a zone that is done, and the path of the zone.
async fn with_zone() -> (Cloud, &'static str) {
    let cloud = Cloud::stepped().await;
    cloud.create("zones", primary("example.com")).await;
    cloud.settle().await;
    (cloud, "/zones/example.com")
}

/// Sends one request after the other, and expects an outcome of each.
async fn expect(cloud: &Cloud, steps: Vec<(&str, String, Value, &str)>) {
    for (method, path, body, outcome) in steps {
        assert_eq!(cloud.outcome(method, &path, body.clone()).await, outcome, "{method} {path} {body}");
    }
}

async fn shown(cloud: &Cloud, set: &str) -> Value {
    cloud.get(&format!("/zones/example.com/rrsets/{set}")).await["rrset"].take()
}

fn values(set: &Value) -> Vec<&str> {
    set["records"].as_array().unwrap().iter().map(|record| record["value"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn zones_are_created_and_found_by_id_and_name() {
    let cloud = Cloud::stepped().await;
    let both = json!({"rrsets": [rrset("a", "A", &["192.0.2.1"])], "zonefile": "@ IN A 192.0.2.1"});
    for (body, outcome) in [
        (with(primary("example.com"), json!({"ttl": 600, "labels": {"a": "b"}})), "201"),
        (primary("example.com"), "409 uniqueness_error"),
        (primary("www.example.com"), "422 invalid_input"),
        (primary("Example.org"), "422 invalid_input"),
        (json!({"name": "example.org"}), "422 invalid_input"),
        (json!({"name": "example.org", "mode": "tertiary"}), "422 invalid_input"),
        (with(primary("example.org"), json!({"ttl": 59})), "422 invalid_input"),
        (with(primary("example.org"), json!({"rrsets": [rrset("a", "A", &["::1"])]})), "422 invalid_input"),
        (with(primary("example.org"), both), "422 invalid_input"),
        (json!({"name": "example.org", "mode": "secondary"}), "422 invalid_input"),
        (secondary("example.org"), "201"),
    ] {
        assert_eq!(cloud.outcome("POST", "/zones", body.clone()).await, outcome, "{body}");
    }
    let zone = cloud.get("/zones/example.com").await["zone"].take();
    let id = zone["id"].as_i64().unwrap();
    assert_eq!(cloud.show("zones", id).await, zone);
    assert_eq!(
        (&zone["status"], &zone["ttl"], &zone["record_count"]),
        (&json!("updating"), &json!(600), &json!(4))
    );
    assert_eq!(zone["authoritative_nameservers"]["assigned"].as_array().unwrap().len(), 3);
    assert_eq!(cloud.outcome("DELETE", "/zones/example.com", Value::Null).await, "423 locked");
    cloud.settle().await;
    assert_eq!(cloud.show("zones", id).await["status"], "ok");
    let names = |query: &'static str| {
        let cloud = &cloud;
        async move {
            let page = cloud.get(&format!("/zones?{query}")).await;
            let zones = page["zones"].as_array().unwrap().iter();
            zones.map(|zone| zone["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        }
    };
    assert_eq!(names("sort=name:desc").await, ["example.org", "example.com"]);
    assert_eq!(names("mode=secondary").await, ["example.org"]);
    assert_eq!(names("name=example.com").await, ["example.com"]);
    assert_eq!(names("label_selector=a%3Db").await, ["example.com"]);
    assert_eq!(cloud.get("/zones/actions").await["actions"].as_array().unwrap().len(), 2);
    let actions = cloud.get("/zones/example.org/actions").await;
    let action = actions["actions"][0]["id"].as_i64().unwrap();
    assert_eq!(actions["actions"][0]["command"], "create_zone");
    for path in [format!("/zones/actions/{action}"), format!("/zones/example.org/actions/{action}")] {
        assert_eq!(cloud.get(&path).await["action"]["resources"][0]["type"], "zone");
    }
    expect(
        &cloud,
        vec![
            ("GET", "/zones/example.net".into(), Value::Null, "404 not_found"),
            ("GET", "/zones/1".into(), Value::Null, "404 not_found"),
            ("GET", format!("/zones/example.com/actions/{action}"), Value::Null, "404 not_found"),
        ],
    )
    .await;
}

#[tokio::test]
async fn zones_are_changed_and_deleted() {
    let (cloud, zone) = with_zone().await;
    cloud.create("zones", secondary("example.org")).await;
    cloud.settle().await;
    let act = |action: &str| format!("{zone}/actions/{action}");
    let there = |action: &str| format!("/zones/example.org/actions/{action}");
    let servers = json!({"primary_nameservers": [
        {"address": "2001:db8::1", "port": 5353, "tsig_key": "YWJj", "tsig_algorithm": "hmac-sha256"}
    ]});
    let double = json!({"primary_nameservers": [{"address": "192.0.2.1"}, {"address": "192.0.2.1"}]});
    let unreadable = json!({"primary_nameservers": [{"address": "192.0.2.1", "tsig_key": "*"}]});
    expect(
        &cloud,
        vec![
            ("PUT", zone.into(), json!({"labels": {"x": "y"}}), "200"),
            ("PUT", zone.into(), json!({"labels": {"-": "y"}}), "422 invalid_input"),
            ("POST", act("change_ttl"), json!({"ttl": 120}), "201"),
            ("POST", act("change_ttl"), json!({}), "422 invalid_input"),
            ("POST", act("change_ttl"), json!({"ttl": 2_147_483_648_i64}), "422 invalid_input"),
            ("POST", there("change_ttl"), json!({"ttl": 120}), "422 incorrect_zone_mode"),
            ("POST", there("change_primary_nameservers"), servers.clone(), "201"),
            ("POST", there("change_primary_nameservers"), json!({}), "422 invalid_input"),
            ("POST", there("change_primary_nameservers"), double, "422 invalid_input"),
            ("POST", there("change_primary_nameservers"), unreadable, "422 invalid_input"),
            ("POST", act("change_primary_nameservers"), servers.clone(), "422 incorrect_zone_mode"),
            ("GET", "/zones/example.org/zonefile".into(), Value::Null, "422 incorrect_zone_mode"),
            ("GET", "/zones/example.org/rrsets".into(), Value::Null, "422 incorrect_zone_mode"),
            ("GET", "/zones/example.org/rrsets/@/NS".into(), Value::Null, "422 incorrect_zone_mode"),
            (
                "POST",
                "/zones/example.org/rrsets".into(),
                rrset("a", "A", &["192.0.2.1"]),
                "422 incorrect_zone_mode",
            ),
            ("POST", there("import_zonefile"), json!({"zonefile": ""}), "422 incorrect_zone_mode"),
            ("POST", act("change_protection"), json!({"delete": true}), "201"),
            ("POST", act("change_protection"), json!({"delete": 1}), "422 invalid_input"),
            ("DELETE", zone.into(), Value::Null, "423 protected"),
        ],
    )
    .await;
    let shown = cloud.get(zone).await["zone"].take();
    assert_eq!(
        (&shown["ttl"], &shown["labels"], &shown["protection"], &shown["status"]),
        (&json!(120), &json!({"x": "y"}), &json!({"delete": true}), &json!("updating"))
    );
    assert_eq!(
        cloud.get("/zones/example.org").await["zone"]["primary_nameservers"],
        servers["primary_nameservers"]
    );
    cloud.settle().await;
    cloud.post(&act("change_protection"), json!({"delete": false})).await;
    expect(
        &cloud,
        vec![("DELETE", zone.into(), Value::Null, "201"), ("GET", zone.into(), Value::Null, "200")],
    )
    .await;
    cloud.settle().await;
    assert_eq!(cloud.outcome("GET", zone, Value::Null).await, "404 not_found");
    assert_eq!(cloud.create("zones", primary("example.com")).await, 800_003);
}

#[tokio::test]
async fn record_sets_follow_the_documented_rules() {
    let (cloud, zone) = with_zone().await;
    let sets = format!("{zone}/rrsets");
    for (body, outcome) in [
        (
            with(rrset("www", "A", &["192.0.2.1", "192.0.2.2"]), json!({"ttl": 60, "labels": {"a": "b"}})),
            "201",
        ),
        (rrset("www", "AAAA", &["2001:db8::1"]), "201"),
        (rrset("*.dev", "CNAME", &["www"]), "201"),
        (rrset("@", "TXT", &["\"v=spf1 -all\""]), "201"),
        (rrset("www", "A", &["192.0.2.3"]), "409 uniqueness_error"),
        (rrset("@", "SOA", &["a. b. 1 2 3 4 5"]), "409 uniqueness_error"),
        (rrset("www", "CNAME", &["example.org."]), "422 invalid_input"),
        (rrset("*.dev", "TXT", &["\"a\""]), "422 invalid_input"),
        (rrset("@", "CNAME", &["example.org."]), "422 invalid_input"),
        (rrset("two", "CNAME", &["a", "b"]), "422 invalid_input"),
        (rrset("www.example.com", "A", &["192.0.2.1"]), "422 invalid_input"),
        (rrset("WWW", "A", &["192.0.2.1"]), "422 invalid_input"),
        (rrset("a", "A", &[]), "422 invalid_input"),
        (rrset("a", "A", &["192.0.2.1", "192.0.2.1"]), "422 invalid_input"),
        (rrset("a", "A", &["example.org."]), "422 invalid_input"),
        (rrset("a", "TXT", &["no quotes"]), "422 invalid_input"),
        (rrset("a", "LOC", &["x"]), "422 invalid_input"),
        (with(rrset("a", "A", &["192.0.2.1"]), json!({"ttl": 59})), "422 invalid_input"),
    ] {
        assert_eq!(cloud.outcome("POST", &sets, body.clone()).await, outcome, "{body}");
    }
    let www = shown(&cloud, "www/A").await;
    assert_eq!(
        www,
        json!({
            "id": "www/A", "zone": 800_001, "name": "www", "type": "A", "ttl": 60, "labels": {"a": "b"},
            "protection": {"change": false},
            "records": [{"value": "192.0.2.1", "comment": ""}, {"value": "192.0.2.2", "comment": ""}],
        })
    );
    assert_eq!(shown(&cloud, "%2A.dev/CNAME").await["ttl"], Value::Null);
    assert_eq!(cloud.get(zone).await["zone"]["record_count"], 9);
    let ids = |query: &'static str| {
        let path = format!("{sets}?{query}");
        let cloud = &cloud;
        async move {
            let page = cloud.get(&path).await;
            let sets = page["rrsets"].as_array().unwrap().iter();
            sets.map(|set| set["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        }
    };
    assert_eq!(ids("").await, ["*.dev/CNAME", "@/NS", "@/SOA", "@/TXT", "www/A", "www/AAAA"]);
    assert_eq!(ids("type=A&type=NS&sort=name:desc").await, ["www/A", "@/NS"]);
    assert_eq!(ids("name=www&sort=id:desc").await, ["www/AAAA", "www/A"]);
    assert_eq!(ids("label_selector=a").await, ["www/A"]);
    assert_eq!(ids("per_page=2&page=2").await, ["@/SOA", "@/TXT"]);
    assert_eq!(cloud.get(&format!("{sets}?per_page=101")).await["meta"]["pagination"]["per_page"], 100);
    expect(
        &cloud,
        vec![
            ("PUT", format!("{sets}/www/A"), json!({"labels": {"c": "d"}}), "200"),
            ("PUT", format!("{sets}/www/A"), json!({"labels": 1}), "422 invalid_input"),
            ("DELETE", format!("{sets}/www/AAAA"), Value::Null, "201"),
            ("DELETE", format!("{sets}/www/AAAA"), Value::Null, "404 not_found"),
            ("DELETE", format!("{sets}/@/SOA"), Value::Null, "422 unsupported_error"),
            ("GET", format!("{sets}/www/LOC"), Value::Null, "422 invalid_input"),
        ],
    )
    .await;
    assert_eq!(shown(&cloud, "www/A").await["labels"], json!({"c": "d"}));
    let commands = cloud.get(&format!("{zone}/actions?sort=id:desc")).await;
    assert_eq!(commands["actions"][0]["command"], "delete_rrset");
    assert_eq!(commands["actions"][1]["command"], "create_rrset");
}

#[tokio::test]
async fn records_are_added_changed_and_removed() {
    let (cloud, zone) = with_zone().await;
    let act = |action: &str| format!("{zone}/rrsets/www/A/actions/{action}");
    let comment = |value: &str, text: &str| json!({"records": [{"value": value, "comment": text}]});
    let many: Vec<String> = (0..51).map(|number| format!("192.0.2.{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let (a, b, c) = ("192.0.2.1", "192.0.2.2", "192.0.2.3");
    expect(
        &cloud,
        vec![
            ("POST", act("set_records"), records(&[a]), "404 not_found"),
            ("POST", act("add_records"), with(records(&[a]), json!({"ttl": 300})), "201"),
            ("POST", act("add_records"), with(records(&[b]), json!({"ttl": 300})), "201"),
            ("POST", act("add_records"), records(&[c]), "201"),
            (
                "POST",
                act("add_records"),
                with(records(&["192.0.2.4"]), json!({"ttl": 60})),
                "422 invalid_input",
            ),
            ("POST", act("add_records"), records(&[a]), "422 invalid_input"),
            ("POST", act("add_records"), records(&[]), "422 invalid_input"),
            ("POST", act("update_records"), comment(b, "second"), "200"),
            ("POST", act("update_records"), records(&[b]), "422 invalid_input"),
            ("POST", act("update_records"), comment("192.0.2.9", ""), "422 invalid_input"),
            ("POST", act("remove_records"), records(&[a]), "201"),
            ("POST", act("remove_records"), records(&[a]), "422 invalid_input"),
        ],
    )
    .await;
    let set = shown(&cloud, "www/A").await;
    assert_eq!((values(&set), &set["ttl"]), (vec![b, c], &json!(300)));
    assert_eq!(set["records"][0]["comment"], "second");
    expect(
        &cloud,
        vec![
            ("POST", act("set_records"), records(&many), "422 invalid_input"),
            ("POST", act("set_records"), records(&[c, c]), "422 invalid_input"),
            ("POST", act("set_records"), records(&[a, c]), "201"),
            ("POST", act("change_ttl"), json!({"ttl": null}), "201"),
            ("POST", act("change_ttl"), json!({}), "422 invalid_input"),
            ("POST", act("change_protection"), json!({}), "422 invalid_input"),
            ("POST", act("change_protection"), json!({"change": true}), "201"),
            ("POST", act("change_ttl"), json!({"ttl": 60}), "423 protected"),
            ("POST", act("set_records"), records(&[a]), "423 protected"),
            ("POST", act("add_records"), records(&[b]), "423 protected"),
            ("POST", act("remove_records"), records(&[a]), "423 protected"),
            ("POST", act("update_records"), comment(a, ""), "423 protected"),
            ("DELETE", format!("{zone}/rrsets/www/A"), Value::Null, "423 protected"),
            ("POST", format!("{zone}/actions/import_zonefile"), json!({"zonefile": ""}), "423 protected"),
        ],
    )
    .await;
    let set = shown(&cloud, "www/A").await;
    assert_eq!((values(&set), &set["ttl"]), (vec![a, c], &Value::Null));
    assert_eq!(set["protection"]["change"], true);
    expect(
        &cloud,
        vec![
            ("POST", act("change_protection"), json!({"change": false}), "201"),
            ("POST", act("remove_records"), records(&[a, c]), "201"),
            ("GET", format!("{zone}/rrsets/www/A"), Value::Null, "404 not_found"),
        ],
    )
    .await;
    cloud.settle().await;
    let commands = cloud.get(&format!("{zone}/actions?status=success")).await;
    let commands: Vec<&str> =
        commands["actions"].as_array().unwrap().iter().map(|a| a["command"].as_str().unwrap()).collect();
    for command in [
        "add_rrset_records",
        "change_rrset_protection",
        "change_rrset_ttl",
        "remove_rrset_records",
        "set_rrset_records",
        "update_rrset_records",
    ] {
        assert!(commands.contains(&command), "{command}: {commands:?}");
    }
}

#[tokio::test]
async fn zone_files_go_in_and_out() {
    let (cloud, zone) = with_zone().await;
    let file = "$ORIGIN\texample.com.\n$TTL\t7200\n\
        @\tIN\tSOA\thydrogen.ns.hetzner.com. dns.hetzner.com. 2024010100 86400 10800 3600000 3600\n\
        @\tIN\t10800\tNS\thydrogen.ns.hetzner.com. ; Some comment.\n\
        @\tIN\t10800\tNS\toxygen.ns.hetzner.com.\n\
        @\tIN\t10800\tNS\thelium.ns.hetzner.de.\n\
        www\tIN\tA\t192.0.2.1\n";
    let import = format!("{zone}/actions/import_zonefile");
    let without = |line: &str| json!({"zonefile": file.lines().filter(|l| !l.contains(line)).collect::<Vec<_>>().join("\n")});
    cloud.post(&format!("{zone}/rrsets"), rrset("old", "A", &["192.0.2.9"])).await;
    expect(
        &cloud,
        vec![
            ("POST", import.clone(), without("SOA"), "422 invalid_input"),
            ("POST", import.clone(), without("helium"), "422 invalid_input"),
            (
                "POST",
                import.clone(),
                json!({"zonefile": file.replace("192.0.2.1", "x")}),
                "422 invalid_input",
            ),
            ("POST", import.clone(), json!({"zonefile": "$ORIGIN example.org."}), "422 invalid_input"),
            ("POST", import.clone(), json!({}), "422 invalid_input"),
            ("GET", format!("{zone}/rrsets/old/A"), Value::Null, "200"),
            ("POST", import.clone(), json!({"zonefile": file}), "201"),
            ("GET", format!("{zone}/rrsets/old/A"), Value::Null, "404 not_found"),
            ("POST", format!("{zone}/rrsets"), rrset("a", "A", &["192.0.2.1"]), "423 locked"),
        ],
    )
    .await;
    cloud.settle().await;
    assert_eq!(cloud.get(zone).await["zone"]["ttl"], 7200);
    // The serial is that of the import, which is a change: the day's first, since the file's is older.
    let soa = shown(&cloud, "@/SOA").await;
    let serial: u32 = values(&soa)[0].split(' ').nth(2).unwrap().parse().unwrap();
    assert!(serial > 2_024_010_100 && serial.is_multiple_of(100), "{serial}");
    cloud.post(&format!("{zone}/actions/change_ttl"), json!({"ttl": 600})).await;
    cloud
        .post(
            &format!("{zone}/rrsets/www/A/actions/update_records"),
            json!({"records": [{"value": "192.0.2.1", "comment": "web"}]}),
        )
        .await;
    let exported = cloud.get(&format!("{zone}/zonefile")).await["zonefile"].as_str().unwrap().to_owned();
    let expected = file
        .replace("7200", "600")
        .replace("2024010100", &(serial + 2).to_string())
        .replace(" ; Some comment.", "")
        .replace("A\t192.0.2.1", "A\t192.0.2.1 ; web");
    assert_eq!(exported, expected);
    let copy =
        with(primary("example.org"), json!({"zonefile": exported.replace("example.com", "example.org")}));
    assert_eq!(cloud.outcome("POST", "/zones", copy).await, "201");
    assert_eq!(cloud.get("/zones/example.org").await["zone"]["record_count"], 5);
}

#[tokio::test]
async fn what_fails_in_a_zone_changes_nothing_there() {
    let (cloud, zone) = with_zone().await;
    let before = cloud.get(&format!("{zone}/zonefile")).await;
    cloud
        .fault(json!({"effect": {"fail_action": {"code": "server_error", "message": "no"}}, "count": 2}))
        .await;
    let created = cloud.post(&format!("{zone}/rrsets"), rrset("www", "A", &["192.0.2.1"])).await;
    let failed = cloud.create("zones", primary("example.org")).await;
    cloud.settle().await;
    let action = cloud.get(&format!("/actions/{}", created["action"]["id"])).await;
    assert_eq!(action["action"]["status"], "error");
    assert_eq!(cloud.get(&format!("{zone}/zonefile")).await, before);
    assert_eq!(cloud.get(zone).await["zone"]["status"], "ok");
    assert_eq!(cloud.show("zones", failed).await["status"], "error");
    cloud.post("/zones/example.org/rrsets", rrset("www", "A", &["192.0.2.1"])).await;
    cloud.settle().await;
    assert_eq!(cloud.show("zones", failed).await["status"], "ok");
}

#[tokio::test]
async fn zones_outlive_their_process_and_a_world_without_any_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("world.json");
    let start = || Cloud::start(|builder| builder.clock(ClockMode::Stepped).state_file(&path));
    let cloud = start().await;
    let group = cloud.create("placement_groups", json!({"name": "g", "type": "spread"})).await;
    cloud.create("zones", primary("example.com")).await;
    cloud.settle().await;
    cloud.post("/zones/example.com/rrsets", rrset("www", "A", &["192.0.2.1"])).await;
    let before = cloud.world().await;
    // Without a snapshot, as after a crash: what comes back comes from the journal.
    drop(cloud);
    let cloud = start().await;
    assert_eq!(cloud.world().await, before);
    cloud.handle.shutdown().await;

    // What the emulator wrote before it knew zones has none, nor their actions.
    let mut snapshot: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let world = snapshot["world"].as_object_mut().unwrap();
    world["shared"]["next_ids"].as_object_mut().unwrap().remove("zone").unwrap();
    for project in world["projects"].as_object_mut().unwrap().values_mut() {
        project.as_object_mut().unwrap().remove("zones").unwrap();
        project["actions"] = json!([]);
    }
    std::fs::write(&path, snapshot.to_string()).unwrap();
    let cloud = start().await;
    cloud.show("placement_groups", group).await;
    assert_eq!(cloud.get("/zones").await["zones"], json!([]));
    assert_eq!(cloud.create("zones", primary("example.com")).await, 800_001);
}

#[tokio::test]
async fn a_managed_certificate_is_refused_for_what_its_zone_is() {
    let cloud = Cloud::stepped().await;
    cloud.create("zones", primary("example.com")).await;
    cloud.create("zones", secondary("example.org")).await;
    for (name, code) in [
        ("www.example.net", "dns_zone_not_found"),
        ("www.example.org", "dns_zone_is_secondary_zone"),
        ("*.example.com", "could_not_verify_domain_delegated_to_zone"),
        ("notexample.com", "dns_zone_not_found"),
    ] {
        let wanted = json!({"name": name, "type": "managed", "domain_names": [name]});
        let id = cloud.create("certificates", wanted).await;
        cloud.settle().await;
        assert_eq!(cloud.show("certificates", id).await["status"]["error"]["code"], code, "{name}");
    }
}
