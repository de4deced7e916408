//! What configuration cannot be, found before anything is asked.

use serde_json::{Value as Json, json};

use crate::stack::{BUCKET, OBJECT, UNKNOWN, cloud, stack};

/// Checks attributes of a bucket or object: the paths of the errors.
async fn check(type_name: &str, base: &Json, cases: &[(&str, Json, &str)]) {
    let cloud = cloud().await;
    let stack = stack(&cloud).await;
    assert!(stack.validate(type_name, base).is_empty());
    for (key, value, expected) in cases {
        let mut config = base.clone();
        config[*key] = value.clone();
        let paths: Vec<String> = stack
            .validate(type_name, &config)
            .iter()
            .map(|d| d.attribute.as_ref().unwrap().to_string().trim_start_matches('.').to_owned())
            .collect();
        assert_eq!(paths.join(" "), *expected, "{key} = {value}");
    }
}

#[tokio::test]
async fn buckets_are_checked() {
    let rule = |extra: Json| {
        let mut rule = json!({"id": "r"});
        rule.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        json!([rule])
    };
    let cors = |origins: &[&str], methods: &[&str]| json!([{"allowed_origins": origins, "allowed_methods": methods}]);
    let statement = r#"{"Version": "2012-10-17", "Statement": []}"#;
    check(
        BUCKET,
        &json!({"name": "documents"}),
        &[
            ("name", json!("Documents"), "name"),
            ("name", json!("a.b.c"), "name"),
            ("name", json!(UNKNOWN), ""),
            ("acl", json!("public-read-write"), "acl"),
            ("acl", json!("public-read"), ""),
            ("policy", json!(statement), ""),
            ("policy", json!("{"), "policy"),
            ("policy", json!("{}"), "policy"),
            ("policy", json!(""), "policy"),
            ("policy", json!(UNKNOWN), ""),
            ("lifecycle_rule", rule(json!({})), "lifecycle_rule[0].id"),
            ("lifecycle_rule", rule(json!({"expired_object_delete_marker": false})), "lifecycle_rule[0].id"),
            ("lifecycle_rule", rule(json!({"expiration_days": 0})), "lifecycle_rule[0].expiration_days"),
            ("lifecycle_rule", rule(json!({"expiration_days": 1.5})), "lifecycle_rule[0].expiration_days"),
            ("lifecycle_rule", rule(json!({"expiration_days": UNKNOWN})), ""),
            (
                "lifecycle_rule",
                rule(json!({"expiration_days": 1, "expiration_date": "2030-01-01"})),
                "lifecycle_rule[0].expiration_date",
            ),
            (
                "lifecycle_rule",
                rule(json!({"expiration_date": "2030-01-01T01:00:00Z"})),
                "lifecycle_rule[0].expiration_date",
            ),
            (
                "lifecycle_rule",
                json!([{"id": "r", "expiration_days": 1}, {"id": "r", "expiration_days": 2}]),
                "lifecycle_rule[1].id",
            ),
            ("cors_rule", cors(&["*"], &["GET"]), ""),
            ("cors_rule", cors(&[], &["GET"]), "cors_rule[0].allowed_origins"),
            ("cors_rule", cors(&["https://*.a.*"], &["GET"]), "cors_rule[0].allowed_origins"),
            ("cors_rule", cors(&["*"], &["OPTIONS"]), "cors_rule[0].allowed_methods"),
            ("object_lock_retention", json!([{"mode": "GOVERNANCE", "days": 1}]), "object_lock"),
        ],
    )
    .await;
    check(
        BUCKET,
        &json!({"name": "documents", "object_lock": true}),
        &[
            ("versioning", json!(true), ""),
            ("versioning", json!(false), "versioning"),
            ("object_lock_retention", json!([{"mode": "GOVERNANCE", "days": 1}]), ""),
            (
                "object_lock_retention",
                json!([{"mode": "governance", "days": 1}]),
                "object_lock_retention[0].mode",
            ),
            ("object_lock_retention", json!([{"mode": "GOVERNANCE"}]), "object_lock_retention[0].days"),
            (
                "object_lock_retention",
                json!([{"mode": "GOVERNANCE", "days": 1, "years": 1}]),
                "object_lock_retention[0].days",
            ),
            (
                "object_lock_retention",
                json!([{"mode": "GOVERNANCE", "days": 0}]),
                "object_lock_retention[0].days",
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn objects_are_checked() {
    check(
        OBJECT,
        &json!({"bucket": "documents", "key": "k", "content": "c"}),
        &[
            ("bucket", json!("No"), "bucket"),
            ("key", json!("../k"), "key"),
            ("key", json!("/k"), "key"),
            ("key", json!(""), "key"),
            ("content", Json::Null, "content"),
            ("content", json!(""), ""),
            ("source", json!("file"), "source"),
            ("content_base64", json!("YQ=="), "content_base64"),
            ("content_type", json!("text/plain\r\nx: y"), "content_type"),
            ("cache_control", json!(" no-store"), "cache_control"),
            ("metadata", json!({"a": "b"}), ""),
            ("metadata", json!({"A": "b"}), "metadata[\"A\"]"),
            ("metadata", json!({"a": "ü"}), "metadata[\"a\"]"),
            ("metadata", json!({}), "metadata"),
            ("metadata", json!({"a": "x".repeat(3000)}), "metadata"),
        ],
    )
    .await;
    check(
        OBJECT,
        &json!({"bucket": "documents", "key": "k", "content_base64": "YQ=="}),
        &[("content_base64", json!("?"), "content_base64"), ("content_base64", json!(UNKNOWN), "")],
    )
    .await;
}
