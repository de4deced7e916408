//! Buckets from their creation to their deletion.

use ferroform_hcloud_emulator::Handle;
use serde_json::{Value as Json, json};

use crate::stack::{BUCKET, OBJECT, Stack, cloud, stack};

const POLICY: &str = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::documents/public/*"}]}"#;

fn everything() -> Json {
    json!({
        "name": "documents",
        "versioning": true,
        "policy": POLICY,
        "lifecycle_rule": [
            {"id": "old", "noncurrent_version_expiration_days": 30, "abort_incomplete_multipart_upload_days": 7},
            {"id": "logs", "prefix": "logs/", "expiration_days": 90},
            {"id": "day", "enabled": false, "prefix": "", "expiration_date": "2030-01-01"},
            {"id": "markers", "expired_object_delete_marker": true},
        ],
        "cors_rule": [{
            "allowed_origins": ["https://b.example", "https://a.example"],
            "allowed_methods": ["PUT", "GET"],
            "allowed_headers": ["*"],
            "expose_headers": ["ETag"],
            "max_age_seconds": 600,
        }],
    })
}

fn with(mut config: Json, key: &str, value: Json) -> Json {
    if value.is_null() {
        config.as_object_mut().unwrap().remove(key);
    } else {
        config[key] = value;
    }
    config
}

/// The only bucket as the local cloud has it.
fn seen(cloud: &Handle) -> Json {
    let buckets = cloud.objects()["buckets"].take();
    assert_eq!(buckets["count"], 1, "{buckets}");
    buckets["objects"][0].clone()
}

#[tokio::test]
async fn a_bucket_has_everything_that_it_was_created_with() {
    let cloud = cloud().await;
    let mut stack = stack(&cloud).await;
    stack.apply("b", BUCKET, everything()).await;
    let bucket = seen(&cloud);
    assert_eq!(bucket["versioning"], "Enabled");
    assert_eq!(bucket["public"], false);
    assert_eq!(bucket["location"], "fsn1");
    assert_eq!(bucket["policy"], serde_json::from_str::<Json>(POLICY).unwrap());
    let ids: Vec<&Json> =
        bucket["lifecycle"]["Rule"].as_array().unwrap().iter().map(|rule| &rule["ID"]).collect();
    assert_eq!(ids, ["day", "logs", "markers", "old"]);
    assert_eq!(bucket["lifecycle"]["Rule"][0]["Expiration"]["Date"], "2030-01-01T00:00:00Z");
    assert_eq!(bucket["lifecycle"]["Rule"][0]["Status"], "Disabled");
    assert_eq!(bucket["cors"]["CORSRule"][0]["MaxAgeSeconds"], 600);
    // The state tells the rest.
    let state = stack.state("b");
    assert_eq!(state["id"], "documents");
    assert_eq!(state["acl"], "private");
    assert_eq!(state["location"], "fsn1");
    assert_eq!(state["endpoint"], cloud.object_storage().endpoint);
    assert_eq!(state["created"], bucket["created"]);
    // Import tells it all but what is not the service's, and how things were written.
    stack.imports_as("b", "documents", &["lifecycle_rule"]).await;
    stack.delete("b").await;
    assert_eq!(cloud.objects()["buckets"]["count"], 0);
}

#[tokio::test]
async fn changes_are_made_in_place_or_ask_for_a_new_bucket() {
    let cloud = cloud().await;
    let mut stack = stack(&cloud).await;
    stack.apply("b", BUCKET, everything()).await;
    for (key, value, replaced) in [
        ("versioning", json!(false), false),
        ("versioning", json!(true), false),
        ("acl", json!("public-read"), false),
        ("acl", Json::Null, false),
        ("policy", json!(POLICY.replace("GetObject", "PutObject")), false),
        ("policy", Json::Null, false),
        ("lifecycle_rule", json!([{"id": "logs", "prefix": "logs/", "expiration_days": 10}]), false),
        ("lifecycle_rule", Json::Null, false),
        ("cors_rule", json!([{"allowed_origins": ["*"], "allowed_methods": ["HEAD"]}]), false),
        ("cors_rule", Json::Null, false),
        ("force_destroy", json!(true), false),
        ("name", json!("documents-2"), true),
        ("object_lock", json!(true), true),
    ] {
        let wanted = with(stack.objects["b"].1.clone(), key, value.clone());
        let (changed, replace) = stack.changes("b", &wanted).await;
        assert!(changed.contains(&key.to_owned()), "{key} {value}: {changed:?}");
        assert_eq!(replace.contains(&key.to_owned()), replaced, "{key} {value}: {replace:?}");
        if !replaced {
            assert_eq!(changed, [key], "{key} {value}");
            stack.apply("b", BUCKET, wanted).await;
        }
    }
    let bucket = seen(&cloud);
    for name in ["policy", "lifecycle", "cors"] {
        assert_eq!(bucket[name], Json::Null, "{bucket}");
    }
}

/// Other words for the same, and another order of what has none, are no change.
#[tokio::test]
async fn what_says_the_same_is_no_change() {
    let cloud = cloud().await;
    let mut stack = stack(&cloud).await;
    stack.apply("b", BUCKET, everything()).await;
    let compact = serde_json::from_str::<Json>(POLICY).unwrap().to_string();
    assert_ne!(compact, POLICY);
    let wanted = with(everything(), "policy", json!(compact));
    assert_eq!(stack.changes("b", &wanted).await, (Vec::new(), Vec::new()));
    let mut wanted = everything();
    wanted["cors_rule"][0]["allowed_methods"] = json!(["GET", "PUT"]);
    assert_eq!(stack.changes("b", &wanted).await, (Vec::new(), Vec::new()));
}

#[tokio::test]
async fn what_somebody_else_changes_is_found_and_put_right() {
    let cloud = cloud().await;
    let mut mine = stack(&cloud).await;
    mine.apply("b", BUCKET, everything()).await;
    let mut theirs = stack(&cloud).await;
    theirs.objects = mine.objects.clone();
    let other = json!({
        "name": "documents",
        "acl": "public-read",
        "versioning": false,
        "policy": POLICY.replace("Allow", "Deny"),
        "lifecycle_rule": [{"id": "logs", "prefix": "logs/", "expiration_days": 1}],
    });
    theirs.apply("b", BUCKET, other).await;
    mine.refresh().await;
    let (changed, replace) = mine.changes("b", &everything()).await;
    assert_eq!(changed, ["acl", "cors_rule", "lifecycle_rule", "policy", "versioning"]);
    assert_eq!(replace, [""; 0]);
    mine.apply("b", BUCKET, everything()).await;
    theirs.delete("b").await;
    mine.refresh().await;
    assert!(mine.objects.is_empty(), "gone");
}

#[tokio::test]
async fn object_lock_is_made_with_the_bucket_and_keeps_versions() {
    let cloud = cloud().await;
    let mut stack = stack(&cloud).await;
    let config = json!({
        "name": "backups",
        "object_lock": true,
        "object_lock_retention": [{"mode": "GOVERNANCE", "days": 7}],
        "force_destroy": true,
    });
    stack.apply("b", BUCKET, config.clone()).await;
    assert_eq!(stack.state("b")["versioning"], true);
    let lock = json!({"retention": {"compliance": false, "days": 7, "years": null}});
    assert_eq!(seen(&cloud)["object_lock"], lock);
    stack.apply("o", OBJECT, json!({"bucket": "backups", "key": "dump", "content": "1"})).await;
    let refused = stack.try_delete("b").await;
    assert_eq!(refused.diagnostics.0[0].summary, "Not permitted by object storage", "{refused:?}");
    assert!(refused.diagnostics.0[0].detail.contains("dump"), "{refused:?}");
    assert!(!refused.state.is_null());
    let longer = with(config.clone(), "object_lock_retention", json!([{"mode": "COMPLIANCE", "years": 1}]));
    stack.apply("b", BUCKET, longer).await;
    stack.apply("b", BUCKET, with(config, "object_lock_retention", Json::Null)).await;
    assert_eq!(seen(&cloud)["object_lock"], json!({"retention": null}));
    stack.imports_as("b", "backups", &["force_destroy"]).await;
}

#[tokio::test]
async fn a_bucket_with_objects_is_deleted_only_when_that_was_allowed() {
    let cloud = cloud().await;
    let mut stack = stack(&cloud).await;
    stack.apply("b", BUCKET, json!({"name": "documents", "versioning": true})).await;
    for content in ["1", "2"] {
        let config = json!({"bucket": "documents", "key": "a/b c", "content": content});
        stack.apply("o", OBJECT, config).await;
    }
    let refused = stack.try_delete("b").await;
    assert_eq!(refused.diagnostics.0[0].summary, "Bucket is not empty");
    assert!(refused.diagnostics.0[0].hints[0].contains("force_destroy"));
    assert!(!refused.state.is_null());
    // A deleted object leaves versions behind, and the bucket is not empty still.
    stack.delete("o").await;
    assert_eq!(cloud.objects()["bucket_objects"]["count"], 3);
    assert!(stack.try_delete("b").await.diagnostics.has_errors());
    let config = json!({"name": "documents", "versioning": true, "force_destroy": true});
    stack.apply("b", BUCKET, config).await;
    stack.delete("b").await;
    assert_eq!(cloud.objects()["bucket_objects"]["count"], 0);
    assert_eq!(cloud.objects()["buckets"]["count"], 0);
}

#[tokio::test]
async fn many_buckets_are_read_with_one_list() {
    let cloud = cloud().await;
    let mut stack: Stack = stack(&cloud).await;
    for index in 0..12 {
        let name = format!("bucket-{index}");
        stack.apply(&name, BUCKET, json!({"name": name})).await;
    }
    cloud.reset_requests();
    stack.refresh().await;
    let requests = cloud.requests();
    assert_eq!(requests["GET /s3/ListBuckets"], 1, "{requests:?}");
    assert_eq!(requests["GET /s3/GetBucketPolicy"], 12, "{requests:?}");
    assert!(!requests.contains_key("HEAD /s3/HeadBucket"), "{requests:?}");
}
