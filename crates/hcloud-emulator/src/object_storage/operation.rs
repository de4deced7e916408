//! Which operation a request is.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;

/// A request, read whole.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: String,
    /// As it was sent.
    pub(super) path: String,
    /// Names and values, decoded, in the order in which they were sent.
    pub(super) query: Vec<(String, String)>,
    /// By lower-case names; several of a name with commas between.
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: bytes::Bytes,
}

impl Request {
    /// A value of the query.
    pub(super) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A header.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// Bucket and key, decoded; either may be empty.
    pub(super) fn target(&self) -> (String, String) {
        let path = percent_decode_str(self.path.trim_start_matches('/')).decode_utf8_lossy().into_owned();
        match path.split_once('/') {
            Some((bucket, key)) => (bucket.to_owned(), key.to_owned()),
            None => (path, String::new()),
        }
    }
}

/// The query of a request, decoded.
pub(super) fn parse_query(query: &str) -> Vec<(String, String)> {
    let decode = |text: &str| percent_decode_str(&text.replace('+', "%20")).decode_utf8_lossy().into_owned();
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

/// Names in the query that stand for a part of a bucket or object.
const PARTS: &[&str] = &[
    "accelerate",
    "acl",
    "analytics",
    "attributes",
    "cors",
    "delete",
    "encryption",
    "intelligent-tiering",
    "inventory",
    "legal-hold",
    "lifecycle",
    "location",
    "logging",
    "metrics",
    "notification",
    "object-lock",
    "ownershipControls",
    "policy",
    "policyStatus",
    "publicAccessBlock",
    "replication",
    "requestPayment",
    "restore",
    "retention",
    "select",
    "session",
    "tagging",
    "torrent",
    "uploadId",
    "uploads",
    "versioning",
    "versions",
    "website",
];

/// S3's name of a request's operation; None for those that are not there.
pub(super) fn operation(request: &Request) -> Option<&'static str> {
    let (bucket, key) = request.target();
    let part = request.query.iter().map(|(name, _)| name.as_str()).find(|name| PARTS.contains(name));
    let method = request.method.as_str();
    Some(match (method, part) {
        ("GET", None) if bucket.is_empty() => "ListBuckets",
        _ if bucket.is_empty() => return None,
        _ if key.is_empty() => match (method, part) {
            ("PUT", None) => "CreateBucket",
            ("HEAD", None) => "HeadBucket",
            ("DELETE", None) => "DeleteBucket",
            ("GET", None) if request.query("list-type") == Some("2") => "ListObjectsV2",
            ("GET", None) => "ListObjects",
            ("GET", Some("versions")) => "ListObjectVersions",
            ("GET", Some("uploads")) => "ListMultipartUploads",
            ("GET", Some("location")) => "GetBucketLocation",
            ("POST", Some("delete")) => "DeleteObjects",
            ("GET", Some("versioning")) => "GetBucketVersioning",
            ("PUT", Some("versioning")) => "PutBucketVersioning",
            ("GET", Some("acl")) => "GetBucketAcl",
            ("PUT", Some("acl")) => "PutBucketAcl",
            ("GET", Some("policy")) => "GetBucketPolicy",
            ("PUT", Some("policy")) => "PutBucketPolicy",
            ("DELETE", Some("policy")) => "DeleteBucketPolicy",
            ("GET", Some("lifecycle")) => "GetBucketLifecycleConfiguration",
            ("PUT", Some("lifecycle")) => "PutBucketLifecycleConfiguration",
            ("DELETE", Some("lifecycle")) => "DeleteBucketLifecycle",
            ("GET", Some("cors")) => "GetBucketCors",
            ("PUT", Some("cors")) => "PutBucketCors",
            ("DELETE", Some("cors")) => "DeleteBucketCors",
            ("GET", Some("object-lock")) => "GetObjectLockConfiguration",
            ("PUT", Some("object-lock")) => "PutObjectLockConfiguration",
            _ => return None,
        },
        ("PUT", None) if request.header("x-amz-copy-source").is_some() => "CopyObject",
        ("PUT", None) => "PutObject",
        ("GET", None) => "GetObject",
        ("HEAD", None) => "HeadObject",
        ("DELETE", None) => "DeleteObject",
        ("POST", Some("uploads")) => "CreateMultipartUpload",
        ("PUT", Some("uploadId")) if request.header("x-amz-copy-source").is_none() => "UploadPart",
        ("GET", Some("uploadId")) => "ListParts",
        ("POST", Some("uploadId")) => "CompleteMultipartUpload",
        ("DELETE", Some("uploadId")) => "AbortMultipartUpload",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_operations_by_method_path_and_query() {
        for (method, path, query, expected) in [
            ("GET", "/", "", Some("ListBuckets")),
            ("PUT", "/b", "", Some("CreateBucket")),
            ("PUT", "/b/", "", Some("CreateBucket")),
            ("GET", "/b", "list-type=2&prefix=a", Some("ListObjectsV2")),
            ("GET", "/b?", "versioning", Some("GetBucketVersioning")),
            ("PUT", "/b", "versioning=", Some("PutBucketVersioning")),
            ("GET", "/b", "tagging", None),
            ("GET", "/b", "website", None),
            ("POST", "/b", "delete", Some("DeleteObjects")),
            ("GET", "/b/k", "", Some("GetObject")),
            ("GET", "/b/k", "versionId=1", Some("GetObject")),
            ("GET", "/b/k/l", "tagging", None),
            ("PUT", "/b/k", "partNumber=1&uploadId=2", Some("UploadPart")),
            ("PATCH", "/b/k", "", None),
            ("POST", "/", "", None),
        ] {
            let request = Request {
                method: method.to_owned(),
                path: path.to_owned(),
                query: parse_query(query),
                headers: BTreeMap::new(),
                body: bytes::Bytes::new(),
            };
            assert_eq!(operation(&request), expected, "{method} {path} {query}");
        }
    }
}
