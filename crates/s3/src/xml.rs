//! The bodies of requests and answers: S3's XML as data. What is not named here is left out when reading.

use serde::{Deserialize, Serialize};

/// Reads a body.
pub(crate) fn read<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    let text = std::str::from_utf8(body).map_err(|_| "the answer is not UTF-8".to_owned())?;
    quick_xml::de::from_str(text).map_err(|error| format!("the answer cannot be read: {error}"))
}

/// Writes a body.
pub(crate) fn write<T: Serialize>(root: &str, value: &T) -> Vec<u8> {
    // These types hold nothing that XML cannot say.
    quick_xml::se::to_string_with_root(root, value).unwrap_or_default().into_bytes()
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct ErrorBody {
    pub(crate) code: String,
    pub(crate) message: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct ListBuckets {
    pub(crate) buckets: Buckets,
    pub(crate) continuation_token: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Buckets {
    pub(crate) bucket: Vec<NamedBucket>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct NamedBucket {
    pub(crate) name: String,
    pub(crate) creation_date: String,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Versioning {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<String>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Lifecycle {
    pub(crate) rule: Vec<LifecycleRule>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct LifecycleRule {
    #[serde(rename = "ID", skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<String>,
    pub(crate) status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) filter: Option<Filter>,
    /// Older than `Filter`; some services answer with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) prefix: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expiration: Option<Expiration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) noncurrent_version_expiration: Option<NoncurrentExpiration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) abort_incomplete_multipart_upload: Option<AbortUploads>,
    #[serde(skip_serializing)]
    pub(crate) transition: Vec<serde::de::IgnoredAny>,
    #[serde(skip_serializing)]
    pub(crate) noncurrent_version_transition: Vec<serde::de::IgnoredAny>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Filter {
    pub(crate) prefix: Option<String>,
    #[serde(skip_serializing)]
    pub(crate) and: Option<serde::de::IgnoredAny>,
    #[serde(skip_serializing)]
    pub(crate) tag: Option<serde::de::IgnoredAny>,
    #[serde(skip_serializing)]
    pub(crate) object_size_greater_than: Option<serde::de::IgnoredAny>,
    #[serde(skip_serializing)]
    pub(crate) object_size_less_than: Option<serde::de::IgnoredAny>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Expiration {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) days: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) date: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expired_object_delete_marker: Option<bool>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct NoncurrentExpiration {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) noncurrent_days: Option<i64>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct AbortUploads {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) days_after_initiation: Option<i64>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Cors {
    #[serde(rename = "CORSRule")]
    pub(crate) rules: Vec<CorsRule>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct CorsRule {
    pub(crate) allowed_origin: Vec<String>,
    pub(crate) allowed_method: Vec<String>,
    pub(crate) allowed_header: Vec<String>,
    pub(crate) expose_header: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_age_seconds: Option<i64>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct ObjectLock {
    pub(crate) object_lock_enabled: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rule: Option<LockRule>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct LockRule {
    pub(crate) default_retention: DefaultRetention,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct DefaultRetention {
    pub(crate) mode: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) days: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) years: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct AccessControl {
    pub(crate) access_control_list: Grants,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Grants {
    pub(crate) grant: Vec<Grant>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Grant {
    pub(crate) grantee: Grantee,
    pub(crate) permission: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Grantee {
    #[serde(rename = "URI")]
    pub(crate) uri: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct ListVersions {
    /// `url` if keys are percent-encoded.
    pub(crate) encoding_type: String,
    pub(crate) is_truncated: bool,
    pub(crate) next_key_marker: Option<String>,
    pub(crate) next_version_id_marker: Option<String>,
    pub(crate) version: Vec<Version>,
    pub(crate) delete_marker: Vec<Version>,
}

#[derive(Debug, Default, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Version {
    pub(crate) key: String,
    pub(crate) version_id: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct ListUploads {
    /// `url` if keys are percent-encoded.
    pub(crate) encoding_type: String,
    pub(crate) is_truncated: bool,
    pub(crate) next_key_marker: Option<String>,
    pub(crate) next_upload_id_marker: Option<String>,
    pub(crate) upload: Vec<Upload>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Upload {
    pub(crate) key: String,
    pub(crate) upload_id: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct ListObjects {
    /// `url` if keys are percent-encoded.
    pub(crate) encoding_type: String,
    pub(crate) is_truncated: bool,
    pub(crate) next_continuation_token: Option<String>,
    pub(crate) contents: Vec<ListedObject>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct ListedObject {
    pub(crate) key: String,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Delete {
    pub(crate) object: Vec<DeleteOne>,
    pub(crate) quiet: bool,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DeleteOne {
    pub(crate) key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) version_id: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Deleted {
    pub(crate) error: Vec<NotDeleted>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct NotDeleted {
    pub(crate) key: String,
    pub(crate) code: String,
    pub(crate) message: String,
}
