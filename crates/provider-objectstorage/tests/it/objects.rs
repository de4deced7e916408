//! Objects from their creation to their deletion.

use serde_json::json;

use crate::stack::{BUCKET, OBJECT, Stack, UNKNOWN, cloud, stack};

async fn with_bucket(stack: &mut Stack, versioning: bool) {
    stack.apply("b", BUCKET, json!({"name": "documents", "versioning": versioning})).await;
}

/// Expected digests: `printf hello | sha256sum`, `printf hello | md5sum`.
#[tokio::test]
async fn an_object_is_written_changed_imported_and_deleted() {
    let cloud = cloud().await;
    let mut stack = stack(&cloud).await;
    with_bucket(&mut stack, false).await;
    let config = json!({
        "bucket": "documents",
        "key": "a b/ü.txt",
        "content": "hello",
        "content_type": "text/plain; charset=utf-8",
        "cache_control": "max-age=60",
        "content_disposition": "inline",
        "content_language": "de",
        "metadata": {"origin": "test", "n-1": "x y"},
    });
    stack.apply("o", OBJECT, config.clone()).await;
    let state = stack.state("o");
    assert_eq!(state["id"], "documents/a b/ü.txt");
    assert_eq!(state["etag"], "5d41402abc4b2a76b9719d911017c592");
    assert_eq!(state["sha256"], "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
    assert_eq!((&state["size"], &state["version_id"]), (&json!(5), &json!(null)));
    let there = cloud.objects()["bucket_objects"]["objects"][0].clone();
    assert_eq!(there["headers"]["content-type"], "text/plain; charset=utf-8");
    assert_eq!(there["headers"]["x-amz-meta-n-1"], "x y");
    stack.imports_as("o", "documents/a b/ü.txt", &["content"]).await;
    for (key, value, replaced) in [
        ("content", json!("other"), false),
        ("cache_control", json!("no-store"), false),
        ("metadata", json!({"origin": "elsewhere"}), false),
        ("content_type", json!("text/html"), false),
        ("force_destroy", json!(true), false),
        ("key", json!("c"), true),
        ("bucket", json!("documents-2"), true),
    ] {
        let mut wanted = stack.objects["o"].1.clone();
        wanted[key] = value;
        let (changed, replace) = stack.changes("o", &wanted).await;
        assert!(changed.contains(&key.to_owned()), "{key}: {changed:?}");
        assert_eq!(replace.contains(&key.to_owned()), replaced, "{key}: {replace:?}");
        if !replaced {
            stack.apply("o", OBJECT, wanted).await;
        }
    }
    stack.delete("o").await;
    assert_eq!(cloud.objects()["bucket_objects"]["count"], 0);
}

#[tokio::test]
async fn content_comes_as_text_base64_or_file() {
    let cloud = cloud().await;
    let mut stack = stack(&cloud).await;
    with_bucket(&mut stack, false).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    std::fs::write(&path, "hello").unwrap();
    let path = path.to_str().unwrap();
    for (name, content) in [("content", "hello"), ("content_base64", "aGVsbG8="), ("source", path)] {
        stack.apply(name, OBJECT, json!({"bucket": "documents", "key": name, name: content})).await;
        assert_eq!(stack.state(name)["etag"], "5d41402abc4b2a76b9719d911017c592");
    }
    // Another source of the same content is no new writing.
    let wanted = json!({"bucket": "documents", "key": "source", "content": "hello"});
    let (changed, _) = stack.changes("source", &wanted).await;
    assert_eq!(changed, ["content", "source"]);
    cloud.reset_requests();
    stack.apply("source", OBJECT, wanted).await;
    assert!(!cloud.requests().contains_key("PUT /s3/PutObject"), "{:?}", cloud.requests());
    // A large one, and none at all.
    let large = folder.path().join("large");
    std::fs::write(&large, vec![7; 9 << 20]).unwrap();
    let config = json!({"bucket": "documents", "key": "large", "source": large.to_str().unwrap()});
    stack.apply("large", OBJECT, config).await;
    assert_eq!(stack.state("large")["size"], 9 << 20);
    stack.apply("empty", OBJECT, json!({"bucket": "documents", "key": "empty", "content": ""})).await;
    assert_eq!(stack.state("empty")["size"], 0);
    let unknown = json!({"bucket": "documents", "key": "later", "content": UNKNOWN});
    let planned = stack.planned(OBJECT, &unknown).await;
    assert!(!planned.get("sha256").unwrap().is_known());
}

#[tokio::test]
async fn a_file_that_changed_after_it_was_planned_is_not_sent() {
    let cloud = cloud().await;
    let mut stack = stack(&cloud).await;
    with_bucket(&mut stack, false).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    std::fs::write(&path, "as planned").unwrap();
    let config = json!({"bucket": "documents", "key": "k", "source": path.to_str().unwrap()});
    let planned = stack.planned(OBJECT, &config).await;
    std::fs::write(&path, "another").unwrap();
    let request = ferroform_provider::ApplyRequest {
        type_name: OBJECT.into(),
        prior: ferroform_core::Value::null(stack.block(OBJECT).implied_type()),
        planned,
        config: crate::stack::value(&stack.block(OBJECT), &config),
        private: Vec::new(),
    };
    let applied = stack.provider.apply_resource(request, &crate::stack::Checkpoints::default()).await;
    assert_eq!(applied.diagnostics.0[0].summary, "File has changed since it was planned");
    assert!(applied.state.is_null());
    assert_eq!(cloud.objects()["bucket_objects"]["count"], 0);
    let missing = json!({"bucket": "documents", "key": "k", "source": "/nonexistent/file"});
    let null = ferroform_core::Value::null(stack.block(OBJECT).implied_type());
    let plan = stack.plan(OBJECT, &null, &missing).await;
    assert_eq!(plan.diagnostics.0[0].summary, "File cannot be read");
}

#[tokio::test]
async fn versions_are_hidden_or_deleted_with_the_object() {
    let cloud = cloud().await;
    let mut stack = stack(&cloud).await;
    with_bucket(&mut stack, true).await;
    let config = |content: &str, all: bool| json!({"bucket": "documents", "key": "k", "content": content, "force_destroy": all});
    // Its neighbour begins with the same letters, and stays.
    stack.apply("other", OBJECT, json!({"bucket": "documents", "key": "k2", "content": "2"})).await;
    stack.apply("o", OBJECT, config("1", false)).await;
    let first = stack.state("o")["version_id"].clone();
    stack.apply("o", OBJECT, config("2", false)).await;
    assert_ne!(stack.state("o")["version_id"], first);
    stack.delete("o").await;
    assert_eq!(cloud.objects()["bucket_objects"]["count"], 4, "two versions, a marker, the other one");
    stack.apply("o", OBJECT, config("3", true)).await;
    stack.delete("o").await;
    assert_eq!(cloud.objects()["bucket_objects"]["count"], 1);
    stack.unchanged("other").await;
}

#[tokio::test]
async fn what_somebody_else_writes_is_found_and_put_right() {
    let cloud = cloud().await;
    let mut mine = stack(&cloud).await;
    with_bucket(&mut mine, false).await;
    let config = json!({"bucket": "documents", "key": "k", "content": "mine"});
    mine.apply("o", OBJECT, config.clone()).await;
    let mut theirs = stack(&cloud).await;
    theirs.objects = mine.objects.clone();
    theirs.apply("o", OBJECT, json!({"bucket": "documents", "key": "k", "content": "theirs"})).await;
    mine.refresh().await;
    assert_eq!(mine.state("o")["content"], "theirs");
    let (changed, _) = mine.changes("o", &config).await;
    assert_eq!(changed, ["content", "etag", "sha256", "size", "version_id"]);
    mine.apply("o", OBJECT, config.clone()).await;
    theirs.delete("o").await;
    mine.refresh().await;
    assert!(!mine.objects.contains_key("o"), "gone");
}
