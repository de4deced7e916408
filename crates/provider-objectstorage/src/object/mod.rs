//! `objectstorage_object`: an object with its content.

mod apply;
mod schema;
mod validate;

pub(crate) use apply::{create, delete, import, locate, observe, update};
pub(crate) use schema::schema;
pub(crate) use validate::validate;

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ferroform_core::{Diagnostic, Type, Value};

use crate::attrs::{Attrs, Planned};
use crate::failure::Failure;
use ferroform_s3::{Body, hex};

pub(crate) const NAME: &str = "objectstorage_object";

/// The largest object that is written with one request (Amazon S3 User Guide, "Uploading objects").
const LARGEST: u64 = 5 << 30;

/// What an object is of if configuration does not say.
const CONTENT_TYPE: &str = "application/octet-stream";

/// Adds to what is proposed.
pub(crate) async fn plan(
    prior: Option<Attrs<'_>>,
    config: Attrs<'_>,
    plan: &mut Planned,
) -> Result<(), Failure> {
    plan.default(config, "content_type", Value::string(CONTENT_TYPE));
    plan.default(config, "force_destroy", Value::bool(false));
    let id = match (plan.get("bucket").as_str(), plan.get("key").as_str()) {
        (Some(bucket), Some(key)) => Value::string_normalised(&format!("{bucket}/{key}")),
        _ => Value::unknown(Type::String),
    };
    plan.set("id", id);
    let body = body(config).await?;
    let (sha256, size) = match &body {
        Some(body) => (Value::string(hex(&body.sha256())), Value::number(body.size())),
        None => (Value::unknown(Type::String), Value::unknown(Type::Number)),
    };
    plan.set("sha256", sha256);
    plan.set("size", size);
    let same = |prior: Attrs<'_>| WRITTEN.iter().all(|name| prior.get(name) == plan.get(name));
    if !prior.is_some_and(same) {
        // Every writing of an object makes a new version.
        plan.unknown("version_id", Type::String);
        plan.unknown("etag", Type::String);
    }
    Ok(())
}

/// The attributes whose change is a new writing of the object.
const WRITTEN: [&str; 7] = [
    "sha256",
    "content_type",
    "cache_control",
    "content_disposition",
    "content_encoding",
    "content_language",
    "metadata",
];

/// The content that configuration or plan wants; None while it is not known.
async fn body(attrs: Attrs<'_>) -> Result<Option<Body>, Failure> {
    if !["content", "content_base64", "source"].iter().all(|name| attrs.is_known(name)) {
        return Ok(None);
    }
    let body = if let Some(path) = attrs.text("source") {
        Body::file(Path::new(path)).await.map_err(Failure::S3)?
    } else if let Some(text) = attrs.text("content_base64") {
        let bytes = STANDARD.decode(text).map_err(|error| {
            Diagnostic::error("Invalid attribute value")
                .detail(format!("`content_base64` is not base64: {error}."))
                .attribute(ferroform_core::AttrPath::attr("content_base64"))
        })?;
        Body::Bytes(bytes.into())
    } else {
        Body::Bytes(attrs.string("content").into_bytes().into())
    };
    if body.size() > LARGEST {
        return Err(Diagnostic::error("Object is too large")
            .detail(format!(
                "The content has {} bytes, and an object that is written at once has at most {LARGEST}.",
                body.size()
            ))
            .hint("Upload it with a client of S3 that sends it in parts.")
            .into());
    }
    Ok(Some(body))
}
