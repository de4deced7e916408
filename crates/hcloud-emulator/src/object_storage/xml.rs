//! Reading and writing S3's XML.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::refusal::{Refused, malformed_xml};

const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";

/// An answer being written.
#[derive(Debug)]
pub(super) struct Xml {
    text: String,
    open: Vec<&'static str>,
}

impl Xml {
    /// Begins with the outermost element.
    pub(super) fn new(root: &'static str) -> Xml {
        let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        // Writing to a string cannot fail, here and below.
        let _ = match root {
            "Error" => write!(text, "<{root}>"),
            _ => write!(text, "<{root} xmlns=\"{NAMESPACE}\">"),
        };
        Xml { text, open: vec![root] }
    }

    /// Begins an element.
    pub(super) fn open(&mut self, name: &'static str) {
        let _ = write!(self.text, "<{name}>");
        self.open.push(name);
    }

    /// Ends the innermost element.
    pub(super) fn close(&mut self) {
        if let Some(name) = self.open.pop() {
            let _ = write!(self.text, "</{name}>");
        }
    }

    /// An element with a text.
    pub(super) fn text(&mut self, name: &str, value: impl std::fmt::Display) {
        let value = value.to_string();
        let _ = write!(self.text, "<{name}>{}</{name}>", quick_xml::escape::escape(&*value));
    }

    /// Anything as it is.
    pub(super) fn raw(&mut self, xml: &str) {
        self.text.push_str(xml);
    }

    /// The document.
    pub(super) fn finish(mut self) -> String {
        while !self.open.is_empty() {
            self.close();
        }
        self.text
    }
}

/// A document of which every element must be known.
pub(super) fn read<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, Refused> {
    let text = std::str::from_utf8(body).map_err(|_| malformed_xml())?;
    quick_xml::de::from_str(text).map_err(|_| malformed_xml())
}

/// A document as an answer.
pub(super) fn write<T: Serialize>(root: &'static str, value: &T) -> String {
    let body = quick_xml::se::to_string_with_root(root, value).unwrap_or_default();
    let inside = body.strip_prefix(&format!("<{root}>")).and_then(|b| b.strip_suffix(&format!("</{root}>")));
    let mut xml = Xml::new(root);
    xml.raw(inside.unwrap_or_default());
    xml.finish()
}

/// `PutBucketVersioning`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Versioning {
    pub(super) status: Option<String>,
}

/// `PutBucketLifecycleConfiguration`. Elements that Hetzner's service does not know are refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Lifecycle {
    #[serde(rename = "@xmlns", default, skip_serializing)]
    xmlns: Option<String>,
    #[serde(rename = "Rule", default)]
    pub(super) rules: Vec<LifecycleRule>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct LifecycleRule {
    #[serde(rename = "ID", default, skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<String>,
    pub(super) status: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) prefix: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) filter: Option<Filter>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) expiration: Option<Expiration>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) noncurrent_version_expiration: Option<NoncurrentExpiration>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) abort_incomplete_multipart_upload: Option<AbortUploads>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Filter {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) prefix: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Expiration {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) days: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) date: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) expired_object_delete_marker: Option<bool>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct NoncurrentExpiration {
    pub(super) noncurrent_days: i64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct AbortUploads {
    pub(super) days_after_initiation: i64,
}

/// `PutBucketCors`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Cors {
    #[serde(rename = "@xmlns", default, skip_serializing)]
    xmlns: Option<String>,
    #[serde(rename = "CORSRule", default)]
    pub(super) rules: Vec<CorsRule>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct CorsRule {
    #[serde(rename = "ID", default, skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<String>,
    #[serde(default)]
    pub(super) allowed_origin: Vec<String>,
    #[serde(default)]
    pub(super) allowed_method: Vec<String>,
    #[serde(default)]
    pub(super) allowed_header: Vec<String>,
    #[serde(default)]
    pub(super) expose_header: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) max_age_seconds: Option<i64>,
}

/// `PutObjectLockConfiguration`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ObjectLock {
    #[serde(default)]
    pub(super) object_lock_enabled: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) rule: Option<LockRule>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct LockRule {
    pub(super) default_retention: DefaultRetention,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DefaultRetention {
    pub(super) mode: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) days: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) years: Option<i64>,
}

/// `CreateBucket`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateBucket {
    #[serde(rename = "@xmlns", default)]
    _xmlns: Option<String>,
    #[serde(rename = "LocationConstraint", default)]
    pub(super) location: Option<String>,
}

/// `DeleteObjects`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Delete {
    #[serde(default)]
    pub(super) object: Vec<DeleteOne>,
    #[serde(default)]
    pub(super) quiet: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DeleteOne {
    pub(super) key: String,
    pub(super) version_id: Option<String>,
}

/// `CompleteMultipartUpload`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Complete {
    #[serde(default)]
    pub(super) part: Vec<CompletePart>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CompletePart {
    pub(super) part_number: u32,
    #[serde(rename = "ETag")]
    pub(super) etag: String,
}
