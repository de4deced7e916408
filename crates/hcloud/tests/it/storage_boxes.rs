//! Storage boxes: another API, with the same token.

use ferroform_hcloud::{Client, Pace, StorageBoxAccess, StorageBoxCreate, StorageBoxSnapshotPlan};
use serde_json::{Value, json};

use crate::server::{Server, TOKEN, error, ok, status};

fn storage_box() -> Value {
    json!({
        "id": 7, "name": "b", "status": "initializing", "username": null, "server": null, "system": null,
        "storage_box_type": {"id": 1333, "name": "bx11"},
        "location": {"id": 1, "name": "fsn1", "network_zone": "eu-central"},
        "access_settings": {"ssh_enabled": true}, "snapshot_plan": null, "labels": {},
        "protection": {"delete": false}, "created": "2026-01-01T00:00:00Z", "new_field": 1,
    })
}

fn action(id: i64, status: &str) -> Value {
    let resources = json!([{"id": 7, "type": "storage_box"}]);
    json!({"id": id, "command": "create", "status": status, "progress": 0, "resources": resources, "error": null})
}

fn client(cloud: &Server, hetzner: &Server) -> Client {
    let builder = Client::builder().endpoint(&*cloud.endpoint).hetzner_endpoint(&*hetzner.endpoint);
    builder.token(TOKEN).pace(Pace::INSTANT).loopback_only().build().unwrap()
}

#[tokio::test]
async fn a_box_is_created_and_waited_for_at_its_own_endpoint() {
    let cloud = Server::start(|_, _| error(500, "server_error")).await;
    let hetzner = Server::start(|_, request| match request.line.split(' ').next() {
        Some("POST") => {
            status(201, json!({"storage_box": storage_box(), "action": action(9, "running")}).to_string())
        }
        _ => ok(json!({"actions": [action(9, "success")]}).to_string()),
    })
    .await;
    let client = client(&cloud, &hetzner);
    let wanted = StorageBoxCreate {
        name: "b".into(),
        storage_box_type: "bx11".into(),
        location: "fsn1".into(),
        password: "secret".into(),
        access_settings: StorageBoxAccess { ssh_enabled: true, ..StorageBoxAccess::default() },
        ..StorageBoxCreate::default()
    };
    assert!(!format!("{wanted:?}").contains("secret"));
    let created = client.storage_boxes().create(&wanted).await.unwrap();
    assert_eq!(
        (created.storage_box.username.as_str(), created.storage_box.access_settings.ssh_enabled),
        ("", true)
    );
    client.wait(created.action).await.unwrap();
    assert_eq!(cloud.lines(), Vec::<String>::new());
    assert_eq!(
        hetzner.lines(),
        ["POST /v1/storage_boxes", "GET /v1/storage_boxes/actions?id=9&page=1&per_page=50"]
    );
    let first = &hetzner.requests()[0];
    assert!(first.head.to_ascii_lowercase().contains(&format!("authorization: bearer {TOKEN}")));
    let body: Value = serde_json::from_str(&first.body).unwrap();
    assert_eq!(body["access_settings"]["zfs_enabled"], false);
    // One stop ends both.
    client.stop();
    assert!(client.storage_boxes().find(7).await.is_err());
}

#[tokio::test]
async fn what_a_box_has_in_it_is_read_together() {
    let part = |id: i64| json!({"id": id, "storage_box": 7, "name": format!("n{id}"), "created": "2026-01-01T00:00:00Z"});
    let hetzner = Server::start(move |_, request| match request.line.as_str() {
        "GET /v1/storage_boxes/7/snapshots?page=1&per_page=50" => {
            ok(json!({"snapshots": [part(1), part(2)]}).to_string())
        }
        "GET /v1/storage_boxes/7/snapshots/1" => ok(json!({"snapshot": part(1)}).to_string()),
        _ => error(404, "not_found"),
    })
    .await;
    let client = client(&hetzner, &hetzner);
    for (storage_box, wanted, found, requests) in [
        (7, vec![], vec![], 0),
        (7, vec![1], vec![1], 1),
        (7, vec![1, 2, 3], vec![1, 2], 2),
        (8, vec![1, 2], vec![], 1),
    ] {
        let before = hetzner.lines().len();
        let many = client.storage_box_snapshots(storage_box).get_many(wanted.clone()).await.unwrap();
        assert_eq!(many.keys().copied().collect::<Vec<_>>(), found, "{storage_box} {wanted:?}");
        assert_eq!(hetzner.lines().len() - before, requests, "{storage_box} {wanted:?}");
    }
}

#[tokio::test]
async fn what_has_no_endpoint_of_its_own_shares_one() {
    let one = Server::start(|_, _| ok(json!({"action": action(3, "success")}).to_string())).await;
    let plan =
        StorageBoxSnapshotPlan { max_snapshots: 3, minute: 1, hour: 2, ..StorageBoxSnapshotPlan::default() };
    one.client().storage_boxes().enable_snapshot_plan(7, &plan).await.unwrap();
    assert_eq!(one.lines(), ["POST /v1/storage_boxes/7/actions/enable_snapshot_plan"]);
    // And none beyond this machine where that is forbidden.
    let builder = Client::builder().endpoint(&*one.endpoint).token(TOKEN).loopback_only();
    assert!(builder.hetzner_endpoint("https://192.0.2.1/v1").build().is_err());
}
