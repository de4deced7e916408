//! Creating, reading, changing and deleting buckets.

use ferroform_core::schema::Block;
use ferroform_core::{Diagnostic, Diagnostics, Value};
use ferroform_provider::Located;

use super::values::{show, wanted};
use crate::attrs::{Attrs, State};
use crate::failure::Failure;
use crate::provider::{Cx, Listed, Seen};
use ferroform_s3::{BucketConfig, Client, ObjectLock};

/// Creates a bucket without its configuration. One that exists is not taken over.
pub(crate) async fn create(cx: &Cx, planned: Attrs<'_>) -> Result<String, Failure> {
    let name = planned.string("name");
    let wanted = wanted(planned);
    // Services differ in what they say to a project that creates its own bucket again; some say yes.
    if cx.client.list_buckets().await?.iter().any(|bucket| bucket.name == name) {
        return Err(Diagnostic::error("Bucket exists already")
            .detail(format!(
                "The project has a bucket {name:?} already, which this configuration did not create."
            ))
            .hint(format!(
                "Bring it under management by importing it with the id {name}, or choose another name."
            ))
            .into());
    }
    cx.client.create_bucket(&name, wanted.acl, wanted.object_lock.is_some()).await?;
    Ok(name)
}

/// Gives a new bucket its configuration.
pub(crate) async fn finish(cx: &Cx, id: &str, planned: Attrs<'_>) -> Result<(), Failure> {
    let to = wanted(planned);
    let from = BucketConfig {
        acl: to.acl,
        // Amazon turns versioning on with object lock, other services do not; asking for it does no harm.
        versioning: false,
        object_lock: to.object_lock.map(|_| ObjectLock { retention: None }),
        policy: None,
        lifecycle: Vec::new(),
        cors: Vec::new(),
    };
    Ok(configure(&cx.client, id, &from, &to).await?)
}

/// Changes a bucket.
pub(crate) async fn update(cx: &Cx, prior: Attrs<'_>, planned: Attrs<'_>) -> Result<(), Failure> {
    Ok(configure(&cx.client, &prior.string("name"), &wanted(prior), &wanted(planned)).await?)
}

/// Every step may be one that was done before.
async fn configure(
    client: &Client,
    name: &str,
    from: &BucketConfig,
    to: &BucketConfig,
) -> Result<(), ferroform_s3::Error> {
    if from.versioning != to.versioning {
        client.put_versioning(name, to.versioning).await?;
    }
    if from.object_lock != to.object_lock
        && let Some(lock) = to.object_lock
    {
        client.put_object_lock(name, lock.retention).await?;
    }
    // A policy that forbids public access comes before a list that allows it, and one that is narrowed after it.
    if from.policy != to.policy {
        client.put_policy(name, to.policy.as_deref()).await?;
    }
    if from.acl != to.acl {
        client.put_acl(name, to.acl).await?;
    }
    if from.lifecycle != to.lifecycle {
        client.put_lifecycle(name, &to.lifecycle).await?;
    }
    if from.cors != to.cors {
        client.put_cors(name, &to.cors).await?;
    }
    Ok(())
}

/// Deletes a bucket; its objects too if that was allowed.
pub(crate) async fn delete(cx: &Cx, prior: Attrs<'_>) -> Result<(), Failure> {
    let name = prior.string("name");
    if prior.flag("force_destroy") == Some(true) {
        cx.client.empty_bucket(&name).await?;
    }
    Ok(cx.client.delete_bucket(&name).await?)
}

/// The bucket as it is, None if it is gone; with what else is worth saying.
pub(crate) async fn observe(
    cx: &Cx,
    block: &Block,
    prior: Attrs<'_>,
    listed: &Listed,
) -> Result<Seen, Failure> {
    let name = prior.filled("name").or(prior.filled("id")).unwrap_or_default();
    let buckets = listed.buckets(&cx.client).await?;
    let found = buckets.iter().find(|bucket| bucket.name == name);
    // A list may lag behind, and the keys may be good for single buckets only.
    if name.is_empty() || found.is_none() && !cx.client.has_bucket(name).await? {
        return Ok(Seen::gone());
    }
    let Some(config) = cx.client.bucket_config(name).await? else { return Ok(Seen::gone()) };
    let mut state = State::new(block, prior);
    state.text("id", name);
    state.text("name", name);
    if !prior.is_set("force_destroy") || !prior.is_known("force_destroy") {
        state.set("force_destroy", Value::bool(false));
    }
    show(block, prior, &mut state, &config);
    state.text("location", &cx.location);
    state.text("endpoint", cx.client.endpoint());
    if let Some(found) = found {
        state.text("created", &found.created);
    }
    let diagnostics = config
        .lifecycle
        .iter()
        .filter(|rule| rule.has_more)
        .map(|rule| {
            Diagnostic::warning("Lifecycle rule not fully shown").detail(format!(
                "The rule {:?} of the bucket {name} has a filter by tags or size, or moves objects to another storage class. \
                 Hetzner's service has none of these; they would be lost when the bucket's rules are changed from here.",
                rule.id
            ))
        })
        .collect();
    Ok(Seen { state: Some(state.finish()), diagnostics: Diagnostics(diagnostics) })
}

/// Looks for a bucket whose creation was not seen to end. Names are unique, so it is that one or none.
pub(crate) async fn locate(
    cx: &Cx,
    block: &Block,
    planned: Attrs<'_>,
    not_before: Option<i64>,
) -> Result<Located, Failure> {
    let name = planned.string("name");
    let listed = Listed::default();
    let buckets = listed.buckets(&cx.client).await?;
    let Some(bucket) = buckets.iter().find(|bucket| bucket.name == name) else { return Ok(Located::Nothing) };
    let doubt = match (bucket.created_at(), not_before) {
        // It was there before the request left, so the request did not make it.
        (Some(created), Some(not_before)) if created < not_before => return Ok(Located::Nothing),
        (Some(_), Some(_)) => None,
        _ => Some("it is not known when the request was sent".to_owned()),
    };
    let Some(state) = observe(cx, block, planned, &listed).await?.state else { return Ok(Located::Nothing) };
    let lock = (planned.flag("object_lock"), Attrs(&state).flag("object_lock"));
    let doubt = doubt.or_else(|| {
        (lock.0.is_some() && lock.0 != lock.1)
            .then(|| "it differs from what was planned in object_lock".to_owned())
    });
    Ok(match doubt {
        None => Located::One(state),
        Some(why) => Located::Ambiguous(vec![(name, format!("created {}, and {why}", bucket.created))]),
    })
}
