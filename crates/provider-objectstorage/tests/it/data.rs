//! Data sources.

use ferroform_core::wire;
use serde_json::{Value as Json, json};

use crate::stack::{BUCKET, OBJECT, Stack, cloud, stack, value};

/// Reads a data source: what it says, or the summary of its error.
pub(crate) async fn read(stack: &Stack, type_name: &str, config: &Json) -> Result<Json, String> {
    let block = &stack.provider.schema().data_sources[type_name].block;
    let config = value(block, config);
    let problems = stack.provider.validate_data_source(type_name, &config);
    if let Some(problem) = problems.0.first() {
        return Err(problem.attribute.as_ref().unwrap().to_string());
    }
    let (found, diagnostics) = stack.provider.read_data_source(type_name, config).await;
    match diagnostics.0.first() {
        Some(error) => Err(error.summary.to_string()),
        None => Ok(wire::to_json(&found, &found.ty()).unwrap()),
    }
}

#[tokio::test]
async fn a_bucket_and_its_keys_are_told() {
    let cloud = cloud().await;
    let mut stack = stack(&cloud).await;
    stack.apply("b", BUCKET, json!({"name": "documents", "versioning": true, "acl": "public-read"})).await;
    let keys = ["a b/1", "a b/2", "a b/ü+", "c"];
    for key in keys {
        stack.apply(key, OBJECT, json!({"bucket": "documents", "key": key, "content": key})).await;
    }
    stack.apply("gone", OBJECT, json!({"bucket": "documents", "key": "gone", "content": ""})).await;
    stack.delete("gone").await;
    let bucket = read(&stack, BUCKET, &json!({"name": "documents"})).await.unwrap();
    let expected = json!({
        "id": "documents",
        "name": "documents",
        "acl": "public-read",
        "versioning": true,
        "object_lock": false,
        "policy": null,
        "location": "fsn1",
        "endpoint": cloud.object_storage().endpoint,
    });
    assert_eq!(bucket, expected);
    for (prefix, most, expected, truncated) in [
        (Json::Null, Json::Null, &keys[..], false),
        (json!("a b/"), Json::Null, &keys[..3], false),
        (json!("a b/"), json!(2), &keys[..2], true),
        (Json::Null, json!(4), &keys[..], false),
        (json!("none"), Json::Null, &[], false),
    ] {
        let config = json!({"bucket": "documents", "prefix": prefix, "max_keys": most});
        let found = read(&stack, "objectstorage_objects", &config).await.unwrap();
        assert_eq!((&found["keys"], &found["truncated"]), (&json!(expected), &json!(truncated)), "{config}");
    }
    for (type_name, config, expected) in [
        (BUCKET, json!({"name": "nothing-here"}), "Nothing found"),
        (BUCKET, json!({"name": ""}), ".name"),
        ("objectstorage_objects", json!({"bucket": "nothing-here"}), "Nothing found"),
        ("objectstorage_objects", json!({"bucket": "documents", "max_keys": 0}), ".max_keys"),
        ("objectstorage_objects", json!({"bucket": "documents", "max_keys": 100_001}), ".max_keys"),
    ] {
        let error = read(&stack, type_name, &config).await.unwrap_err();
        assert_eq!(error.trim_start_matches('.'), expected.trim_start_matches('.'), "{config}");
    }
}

#[tokio::test]
async fn long_lists_are_read_page_by_page() {
    let cloud = cloud().await;
    let mut stack = stack(&cloud).await;
    stack.apply("b", BUCKET, json!({"name": "documents", "force_destroy": true})).await;
    let access = cloud.object_storage();
    // Written with another provider at once, which is quicker than one after the other.
    let mut writers = Vec::new();
    for part in 0..4 {
        let access = access.clone();
        writers.push(tokio::spawn(async move {
            let provider =
                crate::stack::provider(&access.endpoint, &access.access_key, &access.secret_key).await;
            let stack = Stack { provider, objects: Default::default() };
            for index in 0..260 {
                let config =
                    json!({"bucket": "documents", "key": format!("{part}-{index:03}"), "content": ""});
                let checkpoints = crate::stack::Checkpoints::default();
                let (_, applied) = stack.try_apply("o", OBJECT, &config, &checkpoints).await;
                assert!(!applied.diagnostics.has_errors(), "{:?}", applied.diagnostics);
            }
        }));
    }
    for writer in writers {
        writer.await.unwrap();
    }
    cloud.reset_requests();
    let config = json!({"bucket": "documents", "max_keys": 100_000});
    let found = read(&stack, "objectstorage_objects", &config).await.unwrap();
    let keys: Vec<&str> = found["keys"].as_array().unwrap().iter().map(|key| key.as_str().unwrap()).collect();
    assert_eq!((keys.len(), keys[0], keys[1039]), (1040, "0-000", "3-259"));
    assert!(keys.is_sorted());
    assert_eq!(cloud.requests()["GET /s3/ListObjectsV2"], 2);
    // A bucket is emptied page by page as well.
    stack.delete("b").await;
    assert_eq!(cloud.requests()["POST /s3/DeleteObjects"], 2);
    assert_eq!(cloud.objects()["bucket_objects"]["count"], 0);
}
