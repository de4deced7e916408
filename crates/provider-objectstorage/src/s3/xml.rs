//! The bodies of requests and answers: S3's XML as data. What is not named here is left out when reading.

use serde::{Deserialize, Serialize};

/// Reads a body.
pub(super) fn read<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    let text = std::str::from_utf8(body).map_err(|_| "the answer is not UTF-8".to_owned())?;
    quick_xml::de::from_str(text).map_err(|error| format!("the answer cannot be read: {error}"))
}

/// Writes a body.
pub(super) fn write<T: Serialize>(root: &str, value: &T) -> Vec<u8> {
    // These types hold nothing that XML cannot say.
    quick_xml::se::to_string_with_root(root, value).unwrap_or_default().into_bytes()
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct ErrorBody {
    pub(super) code: String,
    pub(super) message: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct ListBuckets {
    pub(super) buckets: Buckets,
    pub(super) continuation_token: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Buckets {
    pub(super) bucket: Vec<NamedBucket>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct NamedBucket {
    pub(super) name: String,
    pub(super) creation_date: String,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Versioning {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<String>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Lifecycle {
    pub(super) rule: Vec<LifecycleRule>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct LifecycleRule {
    #[serde(rename = "ID", skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<String>,
    pub(super) status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) filter: Option<Filter>,
    /// Older than `Filter`; some services answer with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) prefix: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) expiration: Option<Expiration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) noncurrent_version_expiration: Option<NoncurrentExpiration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) abort_incomplete_multipart_upload: Option<AbortUploads>,
    #[serde(skip_serializing)]
    pub(super) transition: Vec<serde::de::IgnoredAny>,
    #[serde(skip_serializing)]
    pub(super) noncurrent_version_transition: Vec<serde::de::IgnoredAny>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Filter {
    pub(super) prefix: Option<String>,
    #[serde(skip_serializing)]
    pub(super) and: Option<serde::de::IgnoredAny>,
    #[serde(skip_serializing)]
    pub(super) tag: Option<serde::de::IgnoredAny>,
    #[serde(skip_serializing)]
    pub(super) object_size_greater_than: Option<serde::de::IgnoredAny>,
    #[serde(skip_serializing)]
    pub(super) object_size_less_than: Option<serde::de::IgnoredAny>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Expiration {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) days: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) date: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) expired_object_delete_marker: Option<bool>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct NoncurrentExpiration {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) noncurrent_days: Option<i64>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct AbortUploads {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) days_after_initiation: Option<i64>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Cors {
    #[serde(rename = "CORSRule")]
    pub(super) rules: Vec<CorsRule>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct CorsRule {
    pub(super) allowed_origin: Vec<String>,
    pub(super) allowed_method: Vec<String>,
    pub(super) allowed_header: Vec<String>,
    pub(super) expose_header: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_age_seconds: Option<i64>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct ObjectLock {
    pub(super) object_lock_enabled: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rule: Option<LockRule>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct LockRule {
    pub(super) default_retention: DefaultRetention,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct DefaultRetention {
    pub(super) mode: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) days: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) years: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct AccessControl {
    pub(super) access_control_list: Grants,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Grants {
    pub(super) grant: Vec<Grant>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Grant {
    pub(super) grantee: Grantee,
    pub(super) permission: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Grantee {
    #[serde(rename = "URI")]
    pub(super) uri: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct ListVersions {
    /// `url` if keys are percent-encoded.
    pub(super) encoding_type: String,
    pub(super) is_truncated: bool,
    pub(super) next_key_marker: Option<String>,
    pub(super) next_version_id_marker: Option<String>,
    pub(super) version: Vec<Version>,
    pub(super) delete_marker: Vec<Version>,
}

#[derive(Debug, Default, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Version {
    pub(super) key: String,
    pub(super) version_id: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct ListUploads {
    /// `url` if keys are percent-encoded.
    pub(super) encoding_type: String,
    pub(super) is_truncated: bool,
    pub(super) next_key_marker: Option<String>,
    pub(super) next_upload_id_marker: Option<String>,
    pub(super) upload: Vec<Upload>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Upload {
    pub(super) key: String,
    pub(super) upload_id: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct ListObjects {
    /// `url` if keys are percent-encoded.
    pub(super) encoding_type: String,
    pub(super) is_truncated: bool,
    pub(super) next_continuation_token: Option<String>,
    pub(super) contents: Vec<ListedObject>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct ListedObject {
    pub(super) key: String,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Delete {
    pub(super) object: Vec<DeleteOne>,
    pub(super) quiet: bool,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DeleteOne {
    pub(super) key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) version_id: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Deleted {
    pub(super) error: Vec<NotDeleted>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct NotDeleted {
    pub(super) key: String,
    pub(super) code: String,
    pub(super) message: String,
}
