//! Writing, reading and deleting objects.

use ferroform_core::schema::Block;
use ferroform_core::{Diagnostic, Diagnostics, Type, Value};
use ferroform_provider::Located;

use super::body;
use crate::attrs::{Attrs, State, text_or_null};
use crate::failure::Failure;
use crate::provider::{Cx, Seen};
use ferroform_s3::{Body, Condition, Headers, ObjectInfo, Put, hex};

/// Content up to this size is shown when it was changed by somebody else, in bytes.
const SHOWN: usize = 64 << 10;
/// Objects up to this size are read whole to know their content when nothing else tells it, in bytes.
const READ: u64 = 256 << 20;

/// Writes an object that must not exist.
pub(crate) async fn create(cx: &Cx, planned: Attrs<'_>) -> Result<String, Failure> {
    let (bucket, key) = (planned.string("bucket"), planned.string("key"));
    if let Some(there) = cx.client.head_object(&bucket, &key).await? {
        return Err(Diagnostic::error("Object exists already")
            .detail(format!(
                "The bucket {bucket} has an object {key:?} of {} bytes already, which this configuration did not write.",
                there.size
            ))
            .hint(format!(
                "Bring it under management by importing it with the id {bucket}/{key}, or choose another key."
            ))
            .into());
    }
    write(cx, planned).await?;
    Ok(format!("{bucket}/{key}"))
}

/// Writes an object anew.
pub(crate) async fn update(cx: &Cx, prior: Attrs<'_>, planned: Attrs<'_>) -> Result<(), Failure> {
    if super::WRITTEN.iter().all(|name| prior.get(name) == planned.get(name)) {
        return Ok(());
    }
    write(cx, planned).await
}

async fn write(cx: &Cx, planned: Attrs<'_>) -> Result<(), Failure> {
    let body = body(planned).await?.unwrap_or(Body::Empty);
    let found = hex(&body.sha256());
    if planned.text("sha256").is_some_and(|sha256| sha256 != found) {
        return Err(Diagnostic::error("File has changed since it was planned")
            .detail(format!(
                "The content of {:?} is not what the plan is for.",
                planned.text("source").unwrap_or_default()
            ))
            .hint("Plan again.")
            .attribute(ferroform_core::AttrPath::attr("source"))
            .into());
    }
    let text = |name: &str| planned.text(name).map(str::to_owned);
    let headers = Headers {
        content_type: text("content_type"),
        cache_control: text("cache_control"),
        content_disposition: text("content_disposition"),
        content_encoding: text("content_encoding"),
        content_language: text("content_language"),
        metadata: planned.text_map("metadata"),
    };
    let (bucket, key) = (planned.string("bucket"), planned.string("key"));
    let put = Put { body, headers, amz: Vec::new(), condition: Condition::None };
    cx.client.put_object(&bucket, &key, &put).await?;
    Ok(())
}

/// Deletes an object.
pub(crate) async fn delete(cx: &Cx, prior: Attrs<'_>) -> Result<(), Failure> {
    let (bucket, key) = (prior.string("bucket"), prior.string("key"));
    if prior.flag("force_destroy") == Some(true) {
        match cx.client.delete_versions(&bucket, &key).await {
            Err(error) if !error.is_missing() => return Err(error.into()),
            _ => return Ok(()),
        }
    }
    Ok(cx.client.delete_object(&bucket, &key).await?)
}

/// The object as it is, None if it is gone.
pub(crate) async fn observe(cx: &Cx, block: &Block, prior: Attrs<'_>) -> Result<Seen, Failure> {
    let (bucket, key) = (prior.string("bucket"), prior.string("key"));
    let Some(info) = cx.client.head_object(&bucket, &key).await? else { return Ok(Seen::gone()) };
    let mut state = State::new(block, prior);
    state.text("id", &format!("{bucket}/{key}"));
    if !prior.is_set("force_destroy") || !prior.is_known("force_destroy") {
        state.set("force_destroy", Value::bool(false));
    }
    state.text("etag", &info.etag);
    state.set("size", Value::number(info.size));
    state.set("version_id", text_or_null(info.version_id.as_deref()));
    for (name, value) in [
        ("content_type", &info.headers.content_type),
        ("cache_control", &info.headers.cache_control),
        ("content_disposition", &info.headers.content_disposition),
        ("content_encoding", &info.headers.content_encoding),
        ("content_language", &info.headers.content_language),
    ] {
        state.set(name, text_or_null(value.as_deref()));
    }
    let metadata = info.headers.metadata.iter().map(|(k, v)| (k.as_str(), Value::string_normalised(v)));
    let metadata = match info.headers.metadata.is_empty() {
        true => Value::null(Type::map(Type::String)),
        false => Value::map(Type::String, metadata),
    };
    state.set("metadata", metadata);
    // The same mark means the same content; without one that is known, the content itself has to tell.
    let known = prior.is_known("etag") && prior.text("etag") == Some(&info.etag);
    if !known || prior.text("sha256").is_none() {
        content(cx, prior, &info, &mut state).await?;
    }
    Ok(Seen { state: Some(state.finish()), diagnostics: Diagnostics::new() })
}

/// Finds out what the content is now.
async fn content(cx: &Cx, prior: Attrs<'_>, info: &ObjectInfo, state: &mut State) -> Result<(), Failure> {
    let (bucket, key) = (prior.string("bucket"), prior.string("key"));
    // The usual mark of what was written at once is its MD5, which saves reading it.
    if let Ok(Some(body)) = body(prior).await
        && prior.text("sha256").is_some_and(|sha256| sha256 == hex(&body.sha256()))
        && hex(&body.md5()) == info.etag
    {
        return Ok(());
    }
    let read = match info.size <= READ {
        true => cx.client.hash_object(&bucket, &key, &info.etag, SHOWN).await?,
        false => None,
    };
    let (sha256, content) = read.map_or((None, None), |(sha256, content)| (Some(sha256), content));
    let changed = sha256.as_deref() != prior.text("sha256");
    state.set("sha256", text_or_null(sha256.as_deref()));
    if changed && prior.text("content").is_some() {
        let text = content.and_then(|bytes| String::from_utf8(bytes).ok());
        state.set("content", text_or_null(text.as_deref()));
    }
    Ok(())
}

/// The bucket and the key in an import id.
pub(crate) fn import(id: &str) -> Option<(&str, &str)> {
    id.split_once('/').filter(|(bucket, key)| !bucket.is_empty() && !key.is_empty())
}

/// Looks for an object whose writing was not seen to end.
pub(crate) async fn locate(
    cx: &Cx,
    block: &Block,
    planned: Attrs<'_>,
    not_before: Option<i64>,
) -> Result<Located, Failure> {
    let (bucket, key) = (planned.string("bucket"), planned.string("key"));
    let info = match cx.client.head_object(&bucket, &key).await? {
        Some(info) => info,
        None => return Ok(Located::Nothing),
    };
    let doubt = match (info.modified, not_before) {
        (Some(written), Some(not_before)) if written < not_before => return Ok(Located::Nothing),
        (Some(_), Some(_)) => None,
        _ => Some("it is not known when the request was sent"),
    };
    // Nothing is known of its content: it is read.
    let unknown = |name: &str| matches!(name, "etag" | "sha256");
    let fresh = planned.0.as_map().into_iter().flatten().map(|(name, value)| {
        (name.clone(), if unknown(name) { Value::null(Type::String) } else { value.clone() })
    });
    let fresh = Value::object(fresh);
    let Some(state) = observe(cx, block, Attrs(&fresh)).await?.state else { return Ok(Located::Nothing) };
    let differs = |name: &&&str| {
        let (wanted, is) = (planned.get(name), Attrs(&state).get(name));
        wanted.is_wholly_known() && wanted != is
    };
    let different: Vec<&str> = super::WRITTEN.iter().filter(differs).copied().collect();
    Ok(match (doubt, different.as_slice()) {
        (None, []) => Located::One(state),
        (Some(why), []) => Located::Ambiguous(vec![(format!("{bucket}/{key}"), why.to_owned())]),
        _ => {
            let why = format!("it differs from what was planned in {}", different.join(", "));
            Located::Ambiguous(vec![(format!("{bucket}/{key}"), why)])
        }
    })
}
