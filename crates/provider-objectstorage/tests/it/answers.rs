//! What goes wrong on the way, and answers that never come.

use ferroform_core::Value;
use ferroform_hcloud_emulator::{Emulator, Fault, FaultEffect, Handle};
use ferroform_provider::{ConfigureRequest, Located, ProviderFactory};
use ferroform_provider_objectstorage::{ObjectStorageFactory, Settings};
use serde_json::json;

use crate::stack::{BUCKET, Checkpoints, OBJECT, Stack, UNKNOWN, cloud, provider, stack, value};

fn fault(cloud: &Handle, operation: &str, count: u64, effect: FaultEffect) -> u64 {
    cloud.add_fault(Fault { path: Some(format!("/s3/{operation}")), count, ..Fault::new(effect) })
}

fn busy() -> FaultEffect {
    let (code, message) = ("SlowDown".to_owned(), "Please reduce your request rate.".to_owned());
    FaultEffect::Answer { status: 503, code, message }
}

#[tokio::test]
async fn a_busy_service_and_lost_answers_are_asked_again() {
    let cloud = cloud().await;
    let mut stack = stack(&cloud).await;
    let mut faults = Vec::new();
    for operation in
        ["ListBuckets", "CreateBucket", "PutBucketVersioning", "GetBucketPolicy", "PutObject", "HeadObject"]
    {
        faults.push(fault(&cloud, operation, 1, busy()));
        faults.push(fault(&cloud, operation, 1, FaultEffect::Drop { execute: true }));
        faults.push(fault(&cloud, operation, 1, FaultEffect::Drop { execute: false }));
    }
    stack.apply("b", BUCKET, json!({"name": "documents", "versioning": true, "force_destroy": true})).await;
    stack.apply("o", OBJECT, json!({"bucket": "documents", "key": "k", "content": "1"})).await;
    for operation in ["DeleteObject", "ListObjectVersions", "DeleteObjects", "DeleteBucket"] {
        faults.push(fault(&cloud, operation, 1, busy()));
        faults.push(fault(&cloud, operation, 1, FaultEffect::Drop { execute: true }));
    }
    stack.delete("o").await;
    stack.delete("b").await;
    assert_eq!(cloud.objects()["buckets"]["count"], 0);
    for fault in faults {
        assert_eq!(cloud.fault(fault).unwrap().hits, 1, "{fault}");
    }
}

#[tokio::test]
async fn a_service_that_stays_busy_is_given_up_with_one_error_for_all() {
    let cloud = cloud().await;
    let mut stack = stack(&cloud).await;
    for name in ["one", "two"] {
        stack.apply(name, BUCKET, json!({"name": format!("bucket-{name}")})).await;
    }
    fault(&cloud, "ListBuckets", 0, busy());
    cloud.reset_requests();
    let answers = stack.read().await;
    let errors: Vec<_> = answers.iter().flat_map(|answer| answer.diagnostics.iter()).collect();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert_eq!(errors[0].summary, "Object storage is busy");
    assert_eq!(cloud.requests()["GET /s3/ListBuckets"], 7, "tries are bounded");
    let error = stack.provider.remote_time().await;
    assert!(error.is_ok(), "there was an answer before: {error:?}");
}

#[tokio::test]
async fn wrong_keys_are_one_clear_error_that_does_not_hold_them() {
    let cloud = cloud().await;
    let mut right = stack(&cloud).await;
    for name in ["one", "two"] {
        right.apply(name, BUCKET, json!({"name": format!("bucket-{name}")})).await;
    }
    let access = cloud.object_storage();
    for (access_key, secret_key) in
        [("UNKNOWNACCESSKEY", "hidden-one"), (access.access_key.as_str(), "hidden-two")]
    {
        let provider = provider(&access.endpoint, access_key, secret_key).await;
        let stack = Stack { provider, objects: right.objects.clone() };
        let error = stack.provider.remote_time().await.unwrap_err();
        let answers = stack.read().await;
        let errors: Vec<_> = answers.iter().flat_map(|answer| answer.diagnostics.iter()).collect();
        assert_eq!(errors.len(), 1, "{errors:?}");
        for error in [&error, errors[0]] {
            assert_eq!(error.summary, "Keys refused by object storage");
            assert!(!format!("{error:?}").contains(secret_key), "{error:?}");
        }
    }
}

#[tokio::test]
async fn a_bucket_that_exists_is_not_taken_over() {
    let token = |letter: char| letter.to_string().repeat(64);
    let cloud = Emulator::builder().token(token('a')).token(token('b')).start().await.unwrap();
    let mine = stack(&cloud).await;
    let mut again = stack(&cloud).await;
    let config = json!({"name": "documents", "versioning": true});
    again.apply("b", BUCKET, config.clone()).await;
    // By the same project: this service would even say yes to it.
    let (_, applied) = mine.try_apply("b", BUCKET, &config, &Checkpoints::default()).await;
    assert_eq!(applied.diagnostics.0[0].summary, "Bucket exists already");
    assert!(applied.diagnostics.0[0].hints[0].contains("importing"), "{applied:?}");
    assert!(applied.state.is_null());
    // By another one.
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let access =
        http.get(format!("http://{}/_emulator/object_storage", cloud.address())).bearer_auth(token('b'));
    let access: serde_json::Value = access.send().await.unwrap().json().await.unwrap();
    let text = |name: &str| access[name].as_str().unwrap().to_owned();
    let provider = provider(&text("endpoint"), &text("access_key"), &text("secret_key")).await;
    let theirs = Stack { provider, objects: Default::default() };
    let (_, applied) = theirs.try_apply("b", BUCKET, &config, &Checkpoints::default()).await;
    assert_eq!(applied.diagnostics.0[0].summary, "Name of the bucket is taken", "{applied:?}");
    assert!(applied.state.is_null());
    // Nor is an object.
    again.apply("o", OBJECT, json!({"bucket": "documents", "key": "k", "content": "1"})).await;
    let config = json!({"bucket": "documents", "key": "k", "content": "2"});
    let (_, applied) = again.try_apply("p", OBJECT, &config, &Checkpoints::default()).await;
    assert_eq!(applied.diagnostics.0[0].summary, "Object exists already");
    again.unchanged("o").await;
}

/// A creation whose answer nobody saw: the object is adopted if it must be the one, and else not.
#[tokio::test]
async fn what_a_lost_run_created_is_found_again() {
    let cloud = cloud().await;
    let mut stack = stack(&cloud).await;
    let bucket = json!({"name": "documents", "versioning": true});
    let planned_bucket = stack.planned(BUCKET, &bucket).await;
    let object = json!({"bucket": "documents", "key": "k", "content": "1", "metadata": {"a": "b"}});
    let planned_object = stack.planned(OBJECT, &object).await;
    let before = stack.provider.remote_time().await.unwrap().unwrap();
    let nothing = stack.locate(BUCKET, &planned_bucket, Some(before)).await.unwrap();
    assert!(matches!(nothing, Located::Nothing), "{nothing:?}");
    stack.apply("b", BUCKET, bucket).await;
    let nothing = stack.locate(OBJECT, &planned_object, Some(before)).await.unwrap();
    assert!(matches!(nothing, Located::Nothing), "{nothing:?}");
    stack.apply("o", OBJECT, object.clone()).await;
    for (type_name, planned, name) in [(BUCKET, &planned_bucket, "b"), (OBJECT, &planned_object, "o")] {
        let found = stack.locate(type_name, planned, Some(before)).await.unwrap();
        let Located::One(found) = found else { panic!("{name}: {found:?}") };
        assert_eq!(found, stack.objects[name].2, "{name}");
        // It was there before the request left.
        let old = stack.locate(type_name, planned, Some(before + 3600)).await.unwrap();
        assert!(matches!(old, Located::Nothing), "{name}: {old:?}");
        let unsure = stack.locate(type_name, planned, None).await.unwrap();
        assert!(matches!(&unsure, Located::Ambiguous(list) if list.len() == 1), "{name}: {unsure:?}");
    }
    // Written since, but not as planned.
    let other = stack.planned(OBJECT, &json!({"bucket": "documents", "key": "k", "content": "2"})).await;
    let unsure = stack.locate(OBJECT, &other, Some(before)).await.unwrap();
    let Located::Ambiguous(list) = unsure else { panic!("{unsure:?}") };
    assert!(list[0].1.contains("sha256, metadata"), "{list:?}");
}

/// A creation that fails half-way leaves the bucket in the state, as far as it came.
#[tokio::test]
async fn a_bucket_whose_configuration_fails_is_not_forgotten() {
    let cloud = cloud().await;
    let mut stack = stack(&cloud).await;
    let refusal =
        FaultEffect::Answer { status: 400, code: "InvalidRequest".to_owned(), message: "no".to_owned() };
    fault(&cloud, "PutBucketCors", 1, refusal);
    let config = json!({
        "name": "documents",
        "versioning": true,
        "cors_rule": [{"allowed_origins": ["*"], "allowed_methods": ["GET"]}],
    });
    let (_, applied) = stack.try_apply("b", BUCKET, &config, &Checkpoints::default()).await;
    assert_eq!(applied.diagnostics.0[0].summary, "Refused by object storage");
    assert_eq!(applied.state.get("versioning"), Some(&Value::bool(true)));
    assert_eq!(applied.state.get("cors_rule").unwrap().as_slice().unwrap().len(), 0);
    stack.objects.insert("b".to_owned(), (BUCKET.to_owned(), config.clone(), applied.state));
    assert_eq!(stack.changes("b", &config).await.0, ["cors_rule"]);
    stack.apply("b", BUCKET, config).await;
}

#[tokio::test]
async fn a_provider_block_is_checked_and_filled_up() {
    let environment = |name: &str| match name {
        "OBJECTSTORAGE_ACCESS_KEY" => Some("of-environment".to_owned()),
        "OBJECTSTORAGE_SECRET_KEY" => Some("hidden".to_owned()),
        _ => None,
    };
    let with_keys = || Settings::new().environment(environment);
    let nowhere = "http://127.0.0.1:1";
    for (settings, config, expected) in [
        (Settings::new(), json!({"location": "fsn1"}), Err("No keys for object storage")),
        (with_keys(), json!({}), Err("No location for object storage")),
        (with_keys(), json!({"location": "moon"}), Err("Unknown location of object storage")),
        (
            with_keys().loopback_only(),
            json!({"location": "nbg1"}),
            Err("Object storage cannot be used as configured"),
        ),
        (with_keys(), json!({"endpoint": nowhere}), Ok(Some(nowhere))),
        (
            Settings::new(),
            json!({"endpoint": nowhere, "access_key": "a", "secret_key": "b"}),
            Ok(Some(nowhere)),
        ),
        (Settings::new(), json!({"endpoint": nowhere, "access_key": "a"}), Err("No keys for object storage")),
        (with_keys(), json!({"endpoint": nowhere, "access_key": UNKNOWN, "secret_key": UNKNOWN}), Ok(None)),
        // A local run goes to the local place, whatever is written.
        (
            with_keys().only_place(nowhere, "c", "d"),
            json!({"location": "hel1", "endpoint": "https://fsn1.your-objectstorage.com", "access_key": "a", "secret_key": "b"}),
            Ok(Some("local")),
        ),
        (Settings::new().only_place(nowhere, "c", "d"), json!({}), Ok(Some("local"))),
    ] {
        let provider = ObjectStorageFactory::new(settings).create();
        let block = value(&provider.schema().provider, &config);
        let diagnostics = provider.configure(ConfigureRequest { config: block }).await;
        assert!(!format!("{diagnostics:?}").contains("hidden"));
        let world = provider.world().map(|world| world.endpoint);
        match expected {
            Ok(endpoint) => {
                assert!(!diagnostics.has_errors(), "{config}: {diagnostics:?}");
                assert_eq!(world.as_deref(), endpoint, "{config}");
            }
            Err(summary) => assert_eq!(diagnostics.0[0].summary, summary, "{config}: {diagnostics:?}"),
        }
    }
}

#[tokio::test]
async fn worlds_differ_by_endpoint_and_key() {
    let mut worlds = Vec::new();
    for (endpoint, key) in
        [("http://127.0.0.1:1", "a"), ("http://127.0.0.1:2", "a"), ("http://127.0.0.1:1", "b")]
    {
        let provider = ObjectStorageFactory::new(Settings::new()).create();
        let config = json!({"endpoint": endpoint, "access_key": key, "secret_key": "s"});
        let config = value(&provider.schema().provider, &config);
        assert!(!provider.configure(ConfigureRequest { config }).await.has_errors());
        worlds.push(provider.world().unwrap());
    }
    assert!(worlds[0] != worlds[1] && worlds[0] != worlds[2], "{worlds:?}");
    assert_eq!(worlds[0].project, worlds[1].project);
}
