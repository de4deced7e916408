//! Lists of objects, versions and uploads.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::buckets::owner;
use super::model::{Caller, Storage, Version};
use super::operation::Request;
use super::refusal::{Refused, invalid};
use super::server::Reply;
use super::xml::Xml;
use crate::clock::rfc3339;

/// The most entries of a page.
const LONGEST_PAGE: usize = 1000;
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');

/// What a list is asked for.
struct Wanted<'r> {
    prefix: &'r str,
    delimiter: &'r str,
    most: usize,
    encode: bool,
}

impl<'r> Wanted<'r> {
    fn read(request: &'r Request, most: &str) -> Result<Wanted<'r>, Refused> {
        let most = match request.query(most) {
            None => LONGEST_PAGE,
            Some(text) => {
                let number: usize = text.parse().map_err(|_| invalid(format!("{most} is not a number")))?;
                number.min(LONGEST_PAGE)
            }
        };
        Ok(Wanted {
            prefix: request.query("prefix").unwrap_or_default(),
            delimiter: request.query("delimiter").unwrap_or_default(),
            most,
            encode: request.query("encoding-type") == Some("url"),
        })
    }

    fn key(&self, key: &str) -> String {
        if self.encode { utf8_percent_encode(key, ENCODED).to_string() } else { key.to_owned() }
    }

    /// The beginning that a key has in common with others, if they are shown as one.
    fn common(&self, key: &str) -> Option<String> {
        if self.delimiter.is_empty() {
            return None;
        }
        let rest = key.strip_prefix(self.prefix)?;
        let end = rest.find(self.delimiter)? + self.delimiter.len();
        Some(format!("{}{}", self.prefix, &rest[..end]))
    }

    fn head(&self, xml: &mut Xml, bucket: &str, most: &str) {
        xml.text("Name", bucket);
        xml.text("Prefix", self.key(self.prefix));
        if !self.delimiter.is_empty() {
            xml.text("Delimiter", self.key(self.delimiter));
        }
        xml.text(most, self.most);
        if self.encode {
            xml.text("EncodingType", "url");
        }
    }
}

fn entry(xml: &mut Xml, version: &Version) {
    xml.text("LastModified", rfc3339(version.modified));
    if !version.is_marker {
        xml.text("ETag", format!("\"{}\"", version.etag));
        xml.text("Size", version.size);
        xml.text("StorageClass", "STANDARD");
    }
}

impl Storage {
    pub(super) fn list_objects(
        &self,
        caller: &Caller,
        name: &str,
        request: &Request,
        second: bool,
    ) -> Result<Reply, Refused> {
        let bucket = self.own(caller, name)?;
        let wanted = Wanted::read(request, "max-keys")?;
        let bad_token = || invalid("The continuation token provided is incorrect");
        let token = match request.query("continuation-token").filter(|_| second) {
            Some(token) => {
                let bytes = STANDARD.decode(token).map_err(|_| bad_token())?;
                Some(String::from_utf8(bytes).map_err(|_| bad_token())?)
            }
            None => None,
        };
        let after = token.as_deref().or(request.query(if second { "start-after" } else { "marker" }));
        let after = after.unwrap_or_default();
        let mut shown: Vec<&Version> = Vec::new();
        let mut common = BTreeSet::new();
        let (mut last, mut truncated) = (String::new(), false);
        for (key, versions) in bucket.objects.range(wanted.prefix.to_owned()..) {
            if !key.starts_with(wanted.prefix) {
                break;
            }
            let Some(latest) = versions.last().filter(|version| !version.is_marker) else { continue };
            let group = wanted.common(key);
            let place = group.as_deref().unwrap_or(key);
            if place <= after || key.as_str() <= after || group.as_ref().is_some_and(|g| common.contains(g)) {
                continue;
            }
            if shown.len() + common.len() >= wanted.most {
                truncated = wanted.most > 0;
                break;
            }
            last = place.to_owned();
            match group {
                Some(group) => drop(common.insert(group)),
                None => shown.push(latest),
            }
        }
        let mut xml = Xml::new("ListBucketResult");
        wanted.head(&mut xml, name, "MaxKeys");
        xml.text("IsTruncated", truncated);
        if second {
            xml.text("KeyCount", shown.len() + common.len());
            if truncated {
                xml.text("NextContinuationToken", STANDARD.encode(&last));
            }
        } else {
            xml.text("Marker", wanted.key(after));
            if truncated {
                xml.text("NextMarker", wanted.key(&last));
            }
        }
        for version in shown {
            xml.open("Contents");
            xml.text("Key", wanted.key(&version.key));
            entry(&mut xml, version);
            xml.close();
        }
        for group in common {
            xml.open("CommonPrefixes");
            xml.text("Prefix", wanted.key(&group));
            xml.close();
        }
        Ok(Reply::xml(xml.finish()))
    }

    pub(super) fn list_versions(
        &self,
        caller: &Caller,
        name: &str,
        request: &Request,
    ) -> Result<Reply, Refused> {
        let bucket = self.own(caller, name)?;
        let wanted = Wanted::read(request, "max-keys")?;
        let key_marker = request.query("key-marker").unwrap_or_default();
        let version_marker = request.query("version-id-marker").filter(|marker| !marker.is_empty());
        // Keys in order, of each the newest first.
        let all = bucket
            .objects
            .range(wanted.prefix.to_owned()..)
            .take_while(|(key, _)| key.starts_with(wanted.prefix))
            .filter(|(key, _)| {
                key.as_str() > key_marker || version_marker.is_some() && key.as_str() == key_marker
            })
            .flat_map(|(key, versions)| {
                let behind = version_marker.filter(|_| key == key_marker);
                let end = behind.map(|marker| versions.iter().position(|v| v.id == *marker).unwrap_or(0));
                let latest = versions.last().map(|version| version.number);
                versions[..end.unwrap_or(versions.len())].iter().rev().map(move |version| (version, latest))
            });
        let mut shown: Vec<(&Version, bool)> = Vec::new();
        let mut truncated = false;
        for (version, latest) in all {
            if shown.len() >= wanted.most {
                truncated = wanted.most > 0;
                break;
            }
            shown.push((version, latest == Some(version.number)));
        }
        let mut xml = Xml::new("ListVersionsResult");
        wanted.head(&mut xml, name, "MaxKeys");
        xml.text("KeyMarker", wanted.key(key_marker));
        xml.text("IsTruncated", truncated);
        if let Some((last, _)) = shown.last().filter(|_| truncated) {
            xml.text("NextKeyMarker", wanted.key(&last.key));
            xml.text("NextVersionIdMarker", &last.id);
        }
        for (version, is_latest) in shown {
            xml.open(if version.is_marker { "DeleteMarker" } else { "Version" });
            xml.text("Key", wanted.key(&version.key));
            xml.text("VersionId", &version.id);
            xml.text("IsLatest", is_latest);
            entry(&mut xml, version);
            owner(&mut xml, &bucket.owner);
            xml.close();
        }
        Ok(Reply::xml(xml.finish()))
    }

    pub(super) fn list_uploads(
        &self,
        caller: &Caller,
        name: &str,
        request: &Request,
    ) -> Result<Reply, Refused> {
        self.own(caller, name)?;
        let wanted = Wanted::read(request, "max-uploads")?;
        let after = (
            request.query("key-marker").unwrap_or_default(),
            request.query("upload-id-marker").unwrap_or_default(),
        );
        let mut found: Vec<(&str, &str, i64)> = self
            .uploads
            .iter()
            .filter(|(_, upload)| upload.bucket == name && upload.key.starts_with(wanted.prefix))
            .map(|(id, upload)| (upload.key.as_str(), id.as_str(), upload.begun))
            .filter(|(key, id, _)| (*key, *id) > after)
            .collect();
        found.sort_unstable();
        let truncated = wanted.most > 0 && found.len() > wanted.most;
        found.truncate(wanted.most);
        let mut xml = Xml::new("ListMultipartUploadsResult");
        xml.text("Bucket", name);
        xml.text("IsTruncated", truncated);
        if wanted.encode {
            xml.text("EncodingType", "url");
        }
        if let Some((key, id, _)) = found.last().filter(|_| truncated) {
            xml.text("NextKeyMarker", wanted.key(key));
            xml.text("NextUploadIdMarker", id);
        }
        for (key, id, begun) in found {
            xml.open("Upload");
            xml.text("Key", wanted.key(key));
            xml.text("UploadId", id);
            xml.text("Initiated", rfc3339(begun));
            xml.close();
        }
        Ok(Reply::xml(xml.finish()))
    }
}
