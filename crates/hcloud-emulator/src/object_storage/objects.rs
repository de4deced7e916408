//! Operations on objects.

use std::collections::BTreeMap;

use bytes::Bytes;
use md5::{Digest, Md5};
use percent_encoding::percent_decode_str;

use super::model::{Bucket, Caller, Storage, Version, Versioning};
use super::operation::{Request, parse_query};
use super::policy;
use super::refusal::{
    Refused, access_denied, invalid, invalid_request, malformed_xml, method_not_allowed, no_such_key,
    no_such_version, precondition_failed,
};
use super::server::Reply;
use super::signature::hex;
use super::xml::{self, Xml};
use crate::clock::{http_date, rfc3339};

/// Headers that are kept with an object, beside metadata of one's own.
const KEPT: [&str; 6] = [
    "content-type",
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "expires",
];
const METADATA: &str = "x-amz-meta-";
/// What an object is of if its writer does not say.
const CONTENT_TYPE: &str = "binary/octet-stream";
/// The longest key, in bytes.
const LONGEST_KEY: usize = 1024;
/// The most metadata of one's own, in bytes.
const MOST_METADATA: usize = 2048;
const DAY_MS: i64 = 24 * 3600 * 1000;

/// What goes along with the content that a request brings.
pub(super) fn kept_headers(request: &Request) -> Result<BTreeMap<String, String>, Refused> {
    let kept = |name: &str| KEPT.contains(&name) || name.starts_with(METADATA);
    let mut headers: BTreeMap<String, String> = request
        .headers
        .iter()
        .filter(|(name, _)| kept(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    // How a body is sent in chunks is no property of what it holds.
    if let Some(encoding) = headers.remove("content-encoding") {
        let rest: Vec<&str> = encoding
            .split(',')
            .map(str::trim)
            .filter(|part| *part != "aws-chunked" && !part.is_empty())
            .collect();
        if !rest.is_empty() {
            headers.insert("content-encoding".to_owned(), rest.join(","));
        }
    }
    headers.entry("content-type".to_owned()).or_insert_with(|| CONTENT_TYPE.to_owned());
    let metadata = headers.iter().filter_map(|(name, value)| Some((name.strip_prefix(METADATA)?, value)));
    if metadata.map(|(name, value)| name.len() + value.len()).sum::<usize>() > MOST_METADATA {
        let message = "Your metadata headers exceed the maximum allowed metadata size";
        return Err(Refused::new(400, "MetadataTooLarge", message));
    }
    Ok(headers)
}

/// Until when a new version is kept, and whether nothing can end that.
pub(super) fn kept_until(
    bucket: &Bucket,
    request: &Request,
    now: i64,
) -> Result<Option<(i64, bool)>, Refused> {
    let asked =
        (request.header("x-amz-object-lock-mode"), request.header("x-amz-object-lock-retain-until-date"));
    match (asked, &bucket.object_lock) {
        ((None, None), None) => Ok(None),
        ((None, None), Some(lock)) => Ok(lock.retention.as_ref().map(|retention| {
            let days = retention.days.unwrap_or_else(|| 365 * retention.years.unwrap_or_default());
            (now.saturating_add(days.saturating_mul(DAY_MS)), retention.compliance)
        })),
        (_, None) => Err(invalid_request("Bucket is missing Object Lock Configuration")),
        ((Some(mode), Some(until)), Some(_)) => {
            let until: jiff::Timestamp = until.parse().map_err(|_| invalid("The date cannot be read"))?;
            match mode {
                "COMPLIANCE" | "GOVERNANCE" => Ok(Some((until.as_millisecond(), mode == "COMPLIANCE"))),
                _ => Err(invalid("Unknown wormMode directive.")),
            }
        }
        _ => Err(invalid("Mode and date of a retention belong together")),
    }
}

fn conditions(request: &Request, version: &Version) -> Result<(), Refused> {
    let quoted = format!("\"{}\"", version.etag);
    let names = |tags: &str| {
        tags.split(',').map(str::trim).any(|tag| tag == "*" || tag == quoted || tag == version.etag)
    };
    if request.header("if-match").is_some_and(|tags| !names(tags)) {
        return Err(precondition_failed());
    }
    if request.header("if-none-match").is_some_and(names) {
        return Err(Refused::new(304, "NotModified", "Not Modified").with("etag", quoted));
    }
    Ok(())
}

impl Storage {
    /// Writes a version of an object.
    pub(super) fn write(
        &mut self,
        bucket: &str,
        key: &str,
        now: i64,
        content: Bytes,
        version: Version,
    ) -> Result<Version, Refused> {
        if key.len() > LONGEST_KEY {
            return Err(Refused::new(400, "KeyTooLongError", "Your key is too long"));
        }
        let numbered = self.any(bucket)?.versioning == Versioning::Enabled;
        let id = if numbered { "" } else { "null" }.to_owned();
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        self.add_version(Version { bucket, key, id, modified: now, ..version }, content)
    }

    pub(super) fn put_object(
        &mut self,
        caller: &Caller,
        name: &str,
        key: &str,
        request: &Request,
        body: Bytes,
    ) -> Result<Reply, Refused> {
        let bucket = self.own(caller, name)?;
        if request.header("x-amz-acl").is_some_and(|acl| acl != "private") {
            return Err(Refused::new(501, "NotImplemented", "Access control lists of objects are not there"));
        }
        match bucket.latest(key).filter(|version| !version.is_marker) {
            Some(latest)
                if request.header("if-none-match") == Some("*") || conditions(request, latest).is_err() =>
            {
                return Err(precondition_failed());
            }
            // Amazon S3 User Guide, "Conditional writes": nothing to match is answered like any missing key.
            None if request.header("if-match").is_some() => return Err(no_such_key()),
            _ => {}
        }
        let version = Version {
            etag: hex(&Md5::digest(&body)),
            size: body.len() as u64,
            headers: kept_headers(request)?,
            kept: kept_until(bucket, request, caller.now)?,
            ..Version::nothing()
        };
        let version = self.write(name, key, caller.now, body, version)?;
        Ok(written(&version))
    }

    pub(super) fn copy_object(
        &mut self,
        caller: &Caller,
        name: &str,
        key: &str,
        request: &Request,
    ) -> Result<Reply, Refused> {
        let source = request.header("x-amz-copy-source").unwrap_or_default();
        let (path, query) = source.split_once('?').unwrap_or((source, ""));
        let path = percent_decode_str(path.trim_start_matches('/')).decode_utf8_lossy().into_owned();
        let (from, from_key) = path.split_once('/').ok_or_else(|| invalid("The source cannot be read"))?;
        let id = parse_query(query).into_iter().find(|(name, _)| name == "versionId").map(|(_, id)| id);
        let found = self.own(caller, from)?;
        let found = find(found, from_key, id.as_deref())?.clone();
        let content = self.content(&found)?;
        let headers = match request.header("x-amz-metadata-directive") {
            Some("REPLACE") => kept_headers(request)?,
            _ => found.headers.clone(),
        };
        let kept = kept_until(self.own(caller, name)?, request, caller.now)?;
        let version = Version { headers, kept, etag: found.etag, size: found.size, ..Version::nothing() };
        let version = self.write(name, key, caller.now, content, version)?;
        let mut xml = Xml::new("CopyObjectResult");
        xml.text("LastModified", rfc3339(version.modified));
        xml.text("ETag", format!("\"{}\"", version.etag));
        let reply = Reply::xml(xml.finish());
        Ok(match version.id.as_str() {
            "null" => reply,
            id => reply.with("x-amz-version-id", id),
        })
    }

    pub(super) fn get_object(
        &self,
        caller: &Caller,
        name: &str,
        key: &str,
        request: &Request,
        with_content: bool,
    ) -> Result<Reply, Refused> {
        let bucket = self.any(name)?;
        if caller.project.as_ref() != Some(&bucket.owner) {
            let by_policy =
                bucket.policy.as_deref().is_some_and(|text| policy::lets_strangers_read(text, name, key));
            if !bucket.public && !by_policy {
                return Err(access_denied());
            }
        }
        let version = find(bucket, key, request.query("versionId"))?;
        conditions(request, version)?;
        let mut reply = Reply::empty(200)
            .with("etag", format!("\"{}\"", version.etag))
            .with("last-modified", http_date(version.modified))
            .with("accept-ranges", "bytes");
        if version.id != "null" || bucket.versioning != Versioning::Never {
            reply = reply.with("x-amz-version-id", version.id.clone());
        }
        if let Some((until, compliance)) = version.kept {
            let mode = if compliance { "COMPLIANCE" } else { "GOVERNANCE" };
            reply = reply
                .with("x-amz-object-lock-mode", mode)
                .with("x-amz-object-lock-retain-until-date", rfc3339(until));
        }
        for (name, value) in &version.headers {
            reply = reply.with(name.clone(), value.clone());
        }
        if !with_content {
            return Ok(reply.with("content-length", version.size.to_string()));
        }
        let content = self.content(version)?;
        match request.header("range").map(|range| span(range, version.size)) {
            None | Some(Ok(None)) => Ok(Reply { body: content, ..reply }),
            Some(Ok(Some((from, to)))) => {
                let range = format!("bytes {from}-{}/{}", to - 1, version.size);
                let part =
                    usize::try_from(from).unwrap_or(usize::MAX)..usize::try_from(to).unwrap_or(usize::MAX);
                let body = content.slice(part);
                Ok(Reply { status: 206, body, ..reply }.with("content-range", range))
            }
            Some(Err(refused)) => Err(refused),
        }
    }

    pub(super) fn delete_object(
        &mut self,
        caller: &Caller,
        name: &str,
        key: &str,
        request: &Request,
    ) -> Result<Reply, Refused> {
        let id = request.query("versionId").map(str::to_owned);
        let removed = self.delete(caller, name, key, id.as_deref(), bypasses(request))?;
        let mut reply = Reply::empty(204);
        if let Some((id, marker)) = removed {
            reply = reply.with("x-amz-version-id", id);
            if marker {
                reply = reply.with("x-amz-delete-marker", "true");
            }
        }
        Ok(reply)
    }

    pub(super) fn delete_objects(
        &mut self,
        caller: &Caller,
        name: &str,
        request: &Request,
        body: &[u8],
    ) -> Result<Reply, Refused> {
        self.own(caller, name)?;
        let has_checksum = request.headers.keys().any(|name| name.starts_with("x-amz-checksum-"));
        if request.header("content-md5").is_none() && !has_checksum {
            return Err(invalid_request("Missing required header for this request: Content-MD5"));
        }
        let wanted: xml::Delete = xml::read(body)?;
        if wanted.object.is_empty() || wanted.object.len() > 1000 {
            return Err(malformed_xml());
        }
        let mut xml = Xml::new("DeleteResult");
        for object in wanted.object {
            let id = object.version_id.as_deref().filter(|id| !id.is_empty());
            match self.delete(caller, name, &object.key, id, bypasses(request)) {
                Ok(_) if wanted.quiet => {}
                Ok(removed) => {
                    xml.open("Deleted");
                    xml.text("Key", &object.key);
                    if let Some(id) = id {
                        xml.text("VersionId", id);
                    } else if let Some((marker, true)) = removed {
                        xml.text("DeleteMarker", true);
                        xml.text("DeleteMarkerVersionId", marker);
                    }
                    xml.close();
                }
                Err(refused) => {
                    xml.open("Error");
                    xml.text("Key", &object.key);
                    if let Some(id) = id {
                        xml.text("VersionId", id);
                    }
                    xml.text("Code", &refused.code);
                    xml.text("Message", &refused.message);
                    xml.close();
                }
            }
        }
        Ok(Reply::xml(xml.finish()))
    }

    /// Deletes a version, or hides an object; the version that was removed or made, and whether it is a delete marker.
    fn delete(
        &mut self,
        caller: &Caller,
        name: &str,
        key: &str,
        id: Option<&str>,
        bypass: bool,
    ) -> Result<Option<(String, bool)>, Refused> {
        let bucket = self.own(caller, name)?;
        let versions = bucket.objects.get(key).map(Vec::as_slice).unwrap_or_default();
        if let Some(id) = id {
            let Some(version) = versions.iter().find(|version| version.id == id).cloned() else {
                return Ok(None);
            };
            let kept =
                version.kept.is_some_and(|(until, compliance)| until > caller.now && (compliance || !bypass));
            if kept {
                return Err(Refused::new(
                    403,
                    "AccessDenied",
                    "Access Denied because object protected by object lock.",
                ));
            }
            self.remove_version(&version)?;
            return Ok(Some((version.id, version.is_marker)));
        }
        if bucket.versioning == Versioning::Never {
            if let Some(version) = versions.last().cloned() {
                self.remove_version(&version)?;
            }
            return Ok(None);
        }
        let marker = Version { is_marker: true, ..Version::nothing() };
        let marker = self.write(name, key, caller.now, Bytes::new(), marker)?;
        Ok(Some((marker.id, true)))
    }
}

impl Version {
    /// A version of which nothing is known yet.
    pub(super) fn nothing() -> Version {
        Version {
            bucket: String::new(),
            key: String::new(),
            id: String::new(),
            number: 0,
            is_marker: false,
            etag: String::new(),
            size: 0,
            modified: 0,
            headers: BTreeMap::new(),
            kept: None,
        }
    }
}

/// The answer to a writing.
pub(super) fn written(version: &Version) -> Reply {
    let reply = Reply::empty(200).with("etag", format!("\"{}\"", version.etag));
    match version.id.as_str() {
        "null" => reply,
        id => reply.with("x-amz-version-id", id),
    }
}

/// Whether a retention of the weaker kind is to be ignored.
fn bypasses(request: &Request) -> bool {
    request.header("x-amz-bypass-governance-retention") == Some("true")
}

/// The version that is asked for, with a content.
fn find<'b>(bucket: &'b Bucket, key: &str, id: Option<&str>) -> Result<&'b Version, Refused> {
    match id {
        Some(id) => {
            let versions = bucket.objects.get(key).map(Vec::as_slice).unwrap_or_default();
            let version = versions.iter().find(|version| version.id == id).ok_or_else(no_such_version)?;
            if version.is_marker {
                return Err(method_not_allowed().with("x-amz-delete-marker", "true"));
            }
            Ok(version)
        }
        None => match bucket.latest(key) {
            Some(version) if version.is_marker => Err(no_such_key().with("x-amz-delete-marker", "true")),
            Some(version) => Ok(version),
            None => Err(no_such_key()),
        },
    }
}

/// The span of bytes that a `Range` header asks for, its end excluded; None for what is not understood, which is left out.
fn span(range: &str, size: u64) -> Result<Option<(u64, u64)>, Refused> {
    let Some((from, to)) = range.strip_prefix("bytes=").and_then(|span| span.split_once('-')) else {
        return Ok(None);
    };
    let outside = || Refused::new(416, "InvalidRange", "The requested range is not satisfiable");
    let span = match (from.parse::<u64>(), to.parse::<u64>()) {
        (Ok(from), Ok(to)) if from <= to => (from, to.saturating_add(1).min(size)),
        (Ok(from), Err(_)) if to.is_empty() => (from, size),
        (Err(_), Ok(last)) if from.is_empty() => (size.saturating_sub(last), size),
        _ => return Ok(None),
    };
    if span.0 < span.1 { Ok(Some(span)) } else { Err(outside()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected: RFC 9110, section 14.1.2.
    #[test]
    fn ranges_are_spans_of_bytes() {
        for (range, size, expected) in [
            ("bytes=0-4", 10, Some(Some((0, 5)))),
            ("bytes=5-", 10, Some(Some((5, 10)))),
            ("bytes=-3", 10, Some(Some((7, 10)))),
            ("bytes=-30", 10, Some(Some((0, 10)))),
            ("bytes=8-30", 10, Some(Some((8, 10)))),
            ("bytes=10-", 10, None),
            ("bytes=0-0", 0, None),
            ("bytes=4-2", 10, Some(None)),
            ("lines=1-2", 10, Some(None)),
            ("bytes=a-b", 10, Some(None)),
        ] {
            assert_eq!(span(range, size).ok(), expected, "{range} of {size}");
        }
    }
}
