//! Volumes.

use serde_json::{Value, json};

use crate::harness::{Cloud, server, with};

#[tokio::test]
async fn volumes_follow_the_documented_rules() {
    let cloud = Cloud::stepped().await;
    let volume = |name: &str| json!({"name": name, "size": 10, "location": "fsn1"});
    for (body, outcome) in [
        (with(volume("v"), json!({"format": "ext4", "labels": {"a": "b"}})), "201"),
        (volume("v"), "409 uniqueness_error"),
        (volume("-v"), "422 invalid_input"),
        (with(volume("w"), json!({"size": 9})), "422 invalid_input"),
        (with(volume("w"), json!({"size": 10_241})), "422 invalid_input"),
        (with(volume("w"), json!({"format": "ntfs"})), "422 invalid_input"),
        (with(volume("w"), json!({"server": 1})), "422 invalid_input"),
        (json!({"name": "w", "size": 10}), "422 invalid_input"),
        (json!({"name": "w", "size": 10, "server": 1}), "422 invalid_input"),
        (with(volume("w"), json!({"automount": true})), "422 invalid_input"),
        (with(volume("w"), json!({"location": "mars1"})), "422 invalid_input"),
        (with(volume("w"), json!({"location": "nbg1", "format": "xfs", "size": 10_240})), "201"),
    ] {
        assert_eq!(cloud.outcome("POST", "/volumes", body.clone()).await, outcome, "{body}");
    }
    let id = cloud.get("/volumes?name=v").await["volumes"][0]["id"].as_i64().unwrap();
    assert_eq!(cloud.get("/volumes?status=creating").await["volumes"].as_array().unwrap().len(), 2);
    assert_eq!(cloud.outcome("DELETE", &format!("/volumes/{id}"), Value::Null).await, "423 locked");
    cloud.settle().await;
    let shown = cloud.show("volumes", id).await;
    assert_eq!(shown["status"], "available");
    assert_eq!(shown["linux_device"], format!("/dev/disk/by-id/scsi-0HC_Volume_{id}"));
    let act = |action: &str| format!("/volumes/{id}/actions/{action}");
    for (size, outcome) in [(10, "422 invalid_input"), (10_241, "422 invalid_input"), (20, "201")] {
        assert_eq!(cloud.outcome("POST", &act("resize"), json!({"size": size})).await, outcome);
    }
    cloud.settle().await;
    cloud.post(&act("change_protection"), json!({"delete": true})).await;
    assert_eq!(cloud.outcome("DELETE", &format!("/volumes/{id}"), Value::Null).await, "423 protected");
    cloud.post(&act("change_protection"), json!({"delete": false})).await;
    let renamed = cloud.call("PUT", &format!("/volumes/{id}"), json!({"name": "x", "labels": {}})).await;
    assert_eq!((&renamed.body["volume"]["name"], &renamed.body["volume"]["size"]), (&json!("x"), &json!(20)));
    assert_eq!(cloud.outcome("DELETE", &format!("/volumes/{id}"), Value::Null).await, "204");
}

#[tokio::test]
async fn volumes_are_attached_to_one_server_of_their_location() {
    let cloud = Cloud::stepped().await;
    let near = cloud.create("servers", server("near")).await;
    let far = cloud.create("servers", with(server("far"), json!({"location": "nbg1"}))).await;
    cloud.settle().await;
    let created = cloud
        .post(
            "/volumes",
            json!({"name": "v", "size": 10, "server": near, "automount": true, "format": "ext4"}),
        )
        .await;
    let id = created["volume"]["id"].as_i64().unwrap();
    assert_eq!(created["next_actions"][0]["command"], "attach_volume");
    assert_eq!(created["volume"]["server"], Value::Null);
    cloud.settle().await;
    assert_eq!(cloud.show("volumes", id).await["server"], near);
    assert_eq!(cloud.show("servers", near).await["volumes"], json!([id]));
    let act = |action: &str| format!("/volumes/{id}/actions/{action}");
    assert_eq!(
        cloud.outcome("POST", &act("attach"), json!({"server": near})).await,
        "422 volume_already_attached"
    );
    assert_eq!(cloud.outcome("DELETE", &format!("/volumes/{id}"), Value::Null).await, "422 service_error");
    cloud.post(&act("detach"), Value::Null).await;
    cloud.settle().await;
    assert_eq!(cloud.outcome("POST", &act("detach"), Value::Null).await, "422 service_error");
    assert_eq!(cloud.outcome("POST", &act("attach"), json!({"server": far})).await, "422 invalid_input");
    for number in 0..16 {
        let body = json!({"name": format!("v{number}"), "size": 10, "server": near});
        assert_eq!(cloud.outcome("POST", "/volumes", body).await, "201");
        cloud.settle().await;
    }
    assert_eq!(
        cloud.outcome("POST", &act("attach"), json!({"server": near})).await,
        "403 resource_limit_exceeded"
    );
    let commands = cloud.get(&format!("/volumes/{id}/actions?sort=id:desc&status=success")).await;
    assert_eq!(commands["actions"][0]["command"], "detach_volume");
}
