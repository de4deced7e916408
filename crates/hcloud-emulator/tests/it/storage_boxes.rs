//! Storage boxes: each operation that changes something, with what it changed and one refusal.

use serde_json::{Value, json};

use crate::harness::{Cloud, with};

const PASSWORD: &str = "Grünkohl-2026";

fn new_box(name: &str) -> Value {
    json!({"name": name, "storage_box_type": "bx11", "location": "fsn1", "password": PASSWORD})
}

/// A cloud with a box in it that can be used.
async fn with_box() -> (Cloud, i64) {
    let cloud = Cloud::stepped().await;
    let id = cloud.create("storage_boxes", new_box("backups")).await;
    cloud.settle().await;
    (cloud, id)
}

impl Cloud {
    /// A row of the world, with what the API does not tell.
    async fn row(&self, kind: &str, id: i64) -> Value {
        let rows = self.world().await[kind]["objects"].take();
        rows.as_array().unwrap().iter().find(|row| row["id"] == id).cloned().unwrap()
    }
}

#[tokio::test]
async fn boxes_are_created_with_what_was_asked_for() {
    let cloud = Cloud::stepped().await;
    for (body, outcome) in [
        (
            with(
                new_box("backups"),
                json!({
                    "labels": {"a": "b"},
                    "ssh_keys": ["ssh-ed25519 AAAA test"],
                    "access_settings": {"ssh_enabled": true, "zfs_enabled": true},
                }),
            ),
            "201",
        ),
        (new_box("backups"), "409 uniqueness_error"),
        (new_box(" "), "422 invalid_input"),
        (with(new_box("x"), json!({"storage_box_type": "bx12"})), "422 invalid_input"),
        (with(new_box("x"), json!({"location": "hil"})), "422 invalid_input"),
        (with(new_box("x"), json!({"location": "mars1"})), "422 invalid_input"),
        (with(new_box("x"), json!({"password": "too short"})), "422 invalid_input"),
        (with(new_box("x"), json!({"labels": {"-": ""}})), "422 invalid_input"),
        (json!({}), "422 invalid_input"),
        (with(new_box("other"), json!({"storage_box_type": 1336.to_string(), "location": "hel1"})), "201"),
    ] {
        assert_eq!(cloud.outcome("POST", "/storage_boxes", body.clone()).await, outcome, "{body}");
    }
    let id = cloud.get("/storage_boxes?name=backups").await["storage_boxes"][0]["id"].as_i64().unwrap();
    let young = cloud.show("storage_boxes", id).await;
    assert_eq!(
        (&young["status"], &young["username"], &young["server"]),
        (&json!("initializing"), &Value::Null, &Value::Null)
    );
    cloud.settle().await;
    let shown = cloud.show("storage_boxes", id).await;
    assert_eq!(shown["status"], "active");
    assert_eq!(shown["server"], format!("u{id}.your-storagebox.de"));
    assert_eq!(shown["labels"], json!({"a": "b"}));
    assert_eq!(
        shown["access_settings"],
        json!({
            "reachable_externally": false, "samba_enabled": false, "ssh_enabled": true,
            "webdav_enabled": false, "zfs_enabled": true,
        })
    );
    assert_eq!(cloud.row("storage_boxes", id).await["ssh_keys"], json!(["ssh-ed25519 AAAA test"]));
    assert!(!cloud.world().await.to_string().contains(PASSWORD));
    let names = |list: &Value| -> Vec<String> {
        let rows = list["storage_boxes"].as_array().unwrap().iter();
        rows.map(|row| row["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&cloud.get("/storage_boxes?sort=name:desc").await), ["other", "backups"]);
    assert_eq!(names(&cloud.get("/storage_boxes?label_selector=a%3Db").await), ["backups"]);
}

#[tokio::test]
async fn types_have_limits_and_prices() {
    let cloud = Cloud::stepped().await;
    let types = cloud.get("/storage_box_types").await;
    let names: Vec<&str> = types["storage_box_types"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["bx11", "bx21", "bx31", "bx41"]);
    let shown = cloud.get("/storage_box_types/1334").await["storage_box_type"].take();
    assert_eq!((&shown["size"], &shown["snapshot_limit"]), (&json!(5_497_558_138_880_i64), &json!(20)));
    assert_eq!(
        shown["prices"][0],
        json!({
            "location": "fsn1",
            "price_hourly": {"net": "0.0175000000", "gross": "0.0208250000"},
            "price_monthly": {"net": "10.9000000000", "gross": "12.9710000000"},
            "setup_fee": {"net": "0.0000000000", "gross": "0.0000000000"},
        })
    );
    assert_eq!(cloud.get("/storage_box_types?name=bx41").await["meta"]["pagination"]["total_entries"], 1);
    assert_eq!(cloud.outcome("GET", "/storage_box_types/1", Value::Null).await, "404 not_found");
}

#[tokio::test]
async fn a_box_is_changed_in_place() {
    let (cloud, id) = with_box().await;
    let path = format!("/storage_boxes/{id}");
    let act = |action: &str| format!("{path}/actions/{action}");
    let other = cloud.create("storage_boxes", new_box("other")).await;
    cloud.settle().await;

    // Name and labels.
    let body = json!({"name": "renamed", "labels": {"x": "y"}});
    let changed = cloud.call("PUT", &path, body).await.body["storage_box"].take();
    assert_eq!((&changed["name"], &changed["labels"]), (&json!("renamed"), &json!({"x": "y"})));
    assert_eq!(cloud.outcome("PUT", &path, json!({"name": "other"})).await, "409 uniqueness_error");
    assert_eq!(cloud.outcome("PUT", "/storage_boxes/1", json!({"name": "x"})).await, "404 not_found");

    // Type: at the end of the action.
    assert_eq!(cloud.outcome("POST", &act("change_type"), json!({"storage_box_type": "bx21"})).await, "201");
    assert_eq!(cloud.show("storage_boxes", id).await["storage_box_type"]["name"], "bx11");
    assert_eq!(
        cloud.outcome("POST", &act("change_type"), json!({"storage_box_type": "bx31"})).await,
        "423 locked"
    );
    cloud.settle().await;
    assert_eq!(cloud.show("storage_boxes", id).await["storage_box_type"]["name"], "bx21");
    for wanted in ["bx21", "nosuch"] {
        let body = json!({"storage_box_type": wanted});
        assert_eq!(cloud.outcome("POST", &act("change_type"), body).await, "422 invalid_input", "{wanted}");
    }

    // Password.
    let before = cloud.row("storage_boxes", id).await["password_fingerprint"].take();
    for (password, outcome) in [("Grünkohl-2027", "201"), ("lower-case-12", "422 invalid_input")] {
        let body = json!({"password": password});
        assert_eq!(cloud.outcome("POST", &act("reset_password"), body).await, outcome, "{password}");
        cloud.settle().await;
    }
    assert_ne!(cloud.row("storage_boxes", id).await["password_fingerprint"], before);

    // Access settings: what is not given stays.
    cloud.post(&act("update_access_settings"), json!({"samba_enabled": true})).await;
    cloud.settle().await;
    cloud.post(&act("update_access_settings"), json!({"zfs_enabled": true})).await;
    let settings = cloud.show("storage_boxes", id).await["access_settings"].take();
    assert_eq!((&settings["samba_enabled"], &settings["zfs_enabled"]), (&json!(true), &json!(true)));
    let wrong = json!({"samba_enabled": "yes"});
    assert_eq!(cloud.outcome("POST", &act("update_access_settings"), wrong).await, "422 invalid_input");
    cloud.settle().await;

    // Protection.
    cloud.post(&act("change_protection"), json!({"delete": true})).await;
    assert_eq!(cloud.show("storage_boxes", id).await["protection"]["delete"], true);
    assert_eq!(cloud.outcome("DELETE", &path, Value::Null).await, "423 protected");
    assert_eq!(
        cloud.outcome("POST", "/storage_boxes/1/actions/change_protection", json!({"delete": true})).await,
        "404 not_found"
    );
    cloud.post(&act("change_protection"), json!({"delete": false})).await;

    // Its actions are those of the box, and only those.
    let commands: Vec<String> = cloud.get(&format!("{path}/actions?sort=id&per_page=50")).await["actions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|action| action["command"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        commands,
        [
            "create",
            "change_type",
            "reset_password",
            "update_access_settings",
            "update_access_settings",
            "change_protection",
            "change_protection",
        ]
    );
    let all = cloud.get("/storage_boxes/actions?sort=id:desc").await;
    let last = all["actions"][0]["id"].as_i64().unwrap();
    assert_eq!(all["meta"]["pagination"]["total_entries"], 8);
    assert_eq!(cloud.get(&format!("/storage_boxes/actions/{last}")).await["action"]["id"], last);
    assert_eq!(cloud.get(&format!("{path}/actions/{last}")).await["action"]["id"], last);
    let foreign = format!("/storage_boxes/{other}/actions/{last}");
    assert_eq!(cloud.outcome("GET", &foreign, Value::Null).await, "404 not_found");
}

#[tokio::test]
async fn a_box_goes_with_everything_in_it() {
    let (cloud, id) = with_box().await;
    let path = format!("/storage_boxes/{id}");
    let body = json!({"home_directory": "a", "password": PASSWORD});
    cloud.post(&format!("{path}/subaccounts"), body).await;
    assert_eq!(cloud.outcome("DELETE", &path, Value::Null).await, "423 locked");
    cloud.settle().await;
    cloud.post(&format!("{path}/snapshots"), json!({})).await;
    cloud.settle().await;
    let answer = cloud.call("DELETE", &path, Value::Null).await;
    assert_eq!((answer.status, &answer.body["action"]["command"]), (201, &json!("delete")));
    assert_eq!(cloud.show("storage_boxes", id).await["status"], "active");
    cloud.settle().await;
    assert_eq!(cloud.outcome("GET", &path, Value::Null).await, "404 not_found");
    let world = cloud.world().await;
    for kind in ["storage_boxes", "storage_box_snapshots", "storage_box_subaccounts"] {
        assert_eq!(world[kind]["count"], 0, "{kind}");
    }
    assert_eq!(cloud.outcome("DELETE", &path, Value::Null).await, "404 not_found");
}

#[tokio::test]
async fn subaccounts_are_users_with_a_home_in_the_box() {
    let (cloud, id) = with_box().await;
    let path = format!("/storage_boxes/{id}/subaccounts");
    let new = || json!({"home_directory": "backups/web", "password": PASSWORD});
    let created =
        cloud.post(&path, with(new(), json!({"name": "web", "access_settings": {"readonly": true}}))).await;
    let sub = created["subaccount"]["id"].as_i64().unwrap();
    assert_eq!(created["subaccount"], json!({"id": sub, "storage_box": id}));
    let resources = json!([{"id": id, "type": "storage_box"}, {"id": sub, "type": "storage_box_subaccount"}]);
    assert_eq!(created["action"]["resources"], resources);
    assert_eq!(cloud.outcome("POST", &path, new()).await, "423 locked");
    cloud.settle().await;
    for (body, outcome) in [
        (with(new(), json!({"name": "web"})), "409 uniqueness_error"),
        (with(new(), json!({"name": "n".repeat(51)})), "422 invalid_input"),
        (with(new(), json!({"home_directory": "/a"})), "422 invalid_input"),
        (with(new(), json!({"home_directory": "ä"})), "422 invalid_input"),
        (with(new(), json!({"home_directory": ""})), "422 invalid_input"),
        (with(new(), json!({"password": "a"})), "422 invalid_input"),
        (with(new(), json!({"description": "d".repeat(1001)})), "422 invalid_input"),
        (json!({}), "422 invalid_input"),
        (with(new(), json!({"home_directory": "photos"})), "201"),
    ] {
        assert_eq!(cloud.outcome("POST", &path, body.clone()).await, outcome, "{body}");
    }
    cloud.settle().await;
    // Without a name it is called as its user.
    let second = cloud.get(&format!("{path}?username=u{id}-sub2")).await["subaccounts"][0].take();
    assert_eq!(
        (&second["name"], &second["server"]),
        (&second["username"], &json!(format!("u{id}-sub2.your-storagebox.de")))
    );
    assert_eq!(cloud.get(&format!("{path}?name=web")).await["subaccounts"].as_array().unwrap().len(), 1);

    let one = format!("{path}/{sub}");
    let body = json!({"name": "w", "description": "d", "labels": {"a": "b"}});
    let shown = cloud.call("PUT", &one, body).await.body["subaccount"].take();
    assert_eq!(
        (&shown["name"], &shown["description"], &shown["labels"]),
        (&json!("w"), &json!("d"), &json!({"a": "b"}))
    );
    assert_eq!(shown["access_settings"]["readonly"], true);
    let taken = json!({"name": second["name"]});
    assert_eq!(cloud.outcome("PUT", &one, taken).await, "409 uniqueness_error");

    let act = |action: &str| format!("{one}/actions/{action}");
    cloud.post(&act("change_home_directory"), json!({"home_directory": "backups/db"})).await;
    cloud.settle().await;
    assert_eq!(cloud.get(&one).await["subaccount"]["home_directory"], "backups/db");
    let wrong = json!({"home_directory": "a*"});
    assert_eq!(cloud.outcome("POST", &act("change_home_directory"), wrong).await, "422 invalid_input");
    let folders = |path: &str| format!("/storage_boxes/{id}/folders?path={path}");
    assert_eq!(cloud.get(&folders(".")).await["folders"], json!(["backups", "photos"]));
    assert_eq!(cloud.get(&folders("backups")).await["folders"], json!(["db", "web"]));
    assert_eq!(cloud.outcome("GET", &folders("nosuch"), Value::Null).await, "422 invalid_input");

    let before = cloud.row("storage_box_subaccounts", sub).await["password_fingerprint"].take();
    cloud.post(&act("reset_subaccount_password"), json!({"password": "Rosenkohl-2026"})).await;
    cloud.settle().await;
    assert_ne!(cloud.row("storage_box_subaccounts", sub).await["password_fingerprint"], before);
    let weak = json!({"password": "weak"});
    assert_eq!(cloud.outcome("POST", &act("reset_subaccount_password"), weak).await, "422 invalid_input");

    cloud.post(&act("update_access_settings"), json!({"readonly": false, "webdav_enabled": true})).await;
    let settings = cloud.get(&one).await["subaccount"]["access_settings"].take();
    assert_eq!((&settings["readonly"], &settings["webdav_enabled"]), (&json!(false), &json!(true)));
    let again = json!({"readonly": true});
    assert_eq!(cloud.outcome("POST", &act("update_access_settings"), again).await, "423 locked");
    cloud.settle().await;

    assert_eq!(cloud.outcome("DELETE", &one, Value::Null).await, "201");
    cloud.settle().await;
    assert_eq!(cloud.outcome("GET", &one, Value::Null).await, "404 not_found");
    assert_eq!(cloud.outcome("DELETE", &one, Value::Null).await, "404 not_found");
    let other = cloud.create("storage_boxes", new_box("other")).await;
    cloud.settle().await;
    let through_other = format!("/storage_boxes/{other}/subaccounts/{}", second["id"]);
    assert_eq!(cloud.outcome("GET", &through_other, Value::Null).await, "404 not_found");
}

#[tokio::test]
async fn snapshots_are_taken_described_rolled_back_to_and_limited() {
    let (cloud, id) = with_box().await;
    let path = format!("/storage_boxes/{id}/snapshots");
    let mut taken = Vec::new();
    for number in 0..10 {
        let body = json!({"description": format!("number {number}"), "labels": {"n": number.to_string()}});
        let created = cloud.post(&path, body).await;
        taken.push(created["snapshot"]["id"].as_i64().unwrap());
        cloud.step(60_000).await;
    }
    assert_eq!(cloud.outcome("POST", &path, json!({})).await, "403 resource_limit_exceeded");
    let one = |id: i64| format!("{path}/{id}");
    let first = cloud.get(&one(taken[0])).await["snapshot"].take();
    assert_eq!((&first["description"], &first["is_automatic"]), (&json!("number 0"), &json!(false)));
    assert_eq!(first["name"], first["created"].as_str().unwrap().trim_end_matches('Z').replace(':', "-"));
    assert_eq!(cloud.get(&format!("{path}?label_selector=n%3D7")).await["snapshots"][0]["id"], taken[7]);

    let shown = cloud.call("PUT", &one(taken[0]), json!({"description": "kept", "labels": {}})).await;
    assert_eq!(
        (&shown.body["snapshot"]["description"], &shown.body["snapshot"]["labels"]),
        (&json!("kept"), &json!({}))
    );
    assert_eq!(cloud.outcome("PUT", &one(taken[0]), json!({"description": "ä"})).await, "422 invalid_input");
    let wrong = json!({"description": "x".repeat(1001)});
    assert_eq!(cloud.outcome("POST", &path, wrong).await, "422 invalid_input");

    // Back to the fourth, by name: what is newer goes.
    let rollback = format!("/storage_boxes/{id}/actions/rollback_snapshot");
    let name = cloud.get(&one(taken[3])).await["snapshot"]["name"].take();
    assert_eq!(cloud.outcome("POST", &rollback, json!({"snapshot": "nosuch"})).await, "422 invalid_input");
    cloud.post(&rollback, json!({"snapshot": name})).await;
    assert_eq!(cloud.outcome("POST", &path, json!({})).await, "423 locked");
    cloud.settle().await;
    let left: Vec<i64> = cloud.get(&path).await["snapshots"]
        .as_array()
        .unwrap()
        .iter()
        .map(|snapshot| snapshot["id"].as_i64().unwrap())
        .collect();
    assert_eq!(left, taken[..4]);

    assert_eq!(cloud.outcome("DELETE", &one(taken[0]), Value::Null).await, "201");
    cloud.settle().await;
    assert_eq!(cloud.outcome("GET", &one(taken[0]), Value::Null).await, "404 not_found");
    assert_eq!(cloud.outcome("DELETE", &one(taken[0]), Value::Null).await, "404 not_found");
}

#[tokio::test]
async fn a_snapshot_plan_takes_snapshots_and_removes_its_oldest() {
    let (cloud, id) = with_box().await;
    let act = |action: &str| format!("/storage_boxes/{id}/actions/{action}");
    let plan = json!({"max_snapshots": 2, "minute": 30, "hour": 6});
    for (change, outcome) in [
        (json!({"max_snapshots": 0}), "422 invalid_input"),
        (json!({"max_snapshots": 11}), "422 invalid_input"),
        (json!({"minute": 60}), "422 invalid_input"),
        (json!({"hour": 24}), "422 invalid_input"),
        (json!({"day_of_week": 0}), "422 invalid_input"),
        (json!({"day_of_month": 32}), "422 invalid_input"),
        (json!({"hour": null}), "422 invalid_input"),
        (json!({}), "201"),
    ] {
        let body = with(plan.clone(), change.clone());
        assert_eq!(cloud.outcome("POST", &act("enable_snapshot_plan"), body).await, outcome, "{change}");
    }
    assert_eq!(cloud.outcome("POST", &act("disable_snapshot_plan"), Value::Null).await, "423 locked");
    let shown = with(plan, json!({"day_of_week": null, "day_of_month": null}));
    assert_eq!(cloud.show("storage_boxes", id).await["snapshot_plan"], shown);
    cloud.settle().await;
    cloud.post(&format!("/storage_boxes/{id}/snapshots"), json!({})).await;
    let names = || async {
        let list = cloud.get(&format!("/storage_boxes/{id}/snapshots?is_automatic=true&sort=created")).await;
        let rows = list["snapshots"].as_array().unwrap().clone();
        rows.iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names().await, Vec::<String>::new());
    cloud.step(24 * 3_600_000).await;
    // The world's time begins on 2026-10-06.
    assert_eq!(names().await, ["2026-10-06T06-30-00"]);
    cloud.step(5 * 24 * 3_600_000).await;
    assert_eq!(names().await, ["2026-10-10T06-30-00", "2026-10-11T06-30-00"]);
    cloud.post(&act("disable_snapshot_plan"), Value::Null).await;
    cloud.step(5 * 24 * 3_600_000).await;
    assert_eq!(cloud.show("storage_boxes", id).await["snapshot_plan"], Value::Null);
    // They stay, as the one does that was taken by hand.
    assert_eq!(names().await.len(), 2);
    assert_eq!(cloud.world().await["storage_box_snapshots"]["count"], 3);
}

#[tokio::test]
async fn what_fails_leaves_as_little_as_it_can() {
    let (cloud, id) = with_box().await;
    let fail = |command: &str| json!({"command": command, "effect": {"fail_action": {"code": "server_error", "message": "no"}}});
    for command in
        ["create_snapshot", "create_subaccount", "update_access_settings", "enable_snapshot_plan", "delete"]
    {
        cloud.fault(fail(command)).await;
    }
    let path = format!("/storage_boxes/{id}");
    let requests = [
        ("POST", format!("{path}/snapshots"), json!({})),
        ("POST", format!("{path}/subaccounts"), json!({"home_directory": "a", "password": PASSWORD})),
        ("POST", format!("{path}/actions/update_access_settings"), json!({"ssh_enabled": true})),
        (
            "POST",
            format!("{path}/actions/enable_snapshot_plan"),
            json!({"max_snapshots": 1, "minute": 0, "hour": 0}),
        ),
        ("DELETE", path.clone(), Value::Null),
    ];
    let before = cloud.show("storage_boxes", id).await;
    for (method, path, body) in requests {
        let answer = cloud.call(method, &path, body).await;
        assert_eq!(answer.status, 201, "{path}");
        cloud.settle().await;
        let action = cloud.get(&format!("/storage_boxes/actions/{}", answer.body["action"]["id"])).await;
        assert_eq!(action["action"]["status"], "error", "{path}");
    }
    assert_eq!(cloud.show("storage_boxes", id).await, before);
    let world = cloud.world().await;
    assert_eq!(
        (&world["storage_box_snapshots"]["count"], &world["storage_box_subaccounts"]["count"]),
        (&json!(0), &json!(0))
    );
    assert_eq!(cloud.get(&format!("{path}/folders")).await["folders"], json!([]));
}
