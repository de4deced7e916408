//! Objects and their versions.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderMap, Method};
use percent_encoding::percent_decode_str;
use sha2::{Digest, Sha256};

use crate::call::{Body, Call, Tries, chain, header, hex};
use crate::client::Client;
use crate::error::{Error, Refusal};
use crate::time::http_date;
use crate::xml;

/// Before the names of headers that hold metadata of one's own.
const METADATA: &str = "x-amz-meta-";
/// The most versions that one request deletes (Amazon S3 API Reference, "DeleteObjects").
const BATCH: usize = 1000;
/// How often a bucket is looked through for what is left in it: a thousand versions at a time.
const MOST_ROUNDS: usize = 100_000;

/// What goes along with an object's content.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers {
    /// Its media type.
    pub content_type: Option<String>,
    /// How long it may be kept by who fetched it.
    pub cache_control: Option<String>,
    /// How browsers show it.
    pub content_disposition: Option<String>,
    /// How it is packed.
    pub content_encoding: Option<String>,
    /// Its language.
    pub content_language: Option<String>,
    /// Metadata of one's own, by lower-case names.
    pub metadata: BTreeMap<String, String>,
}

impl Headers {
    fn named(&self) -> [(&'static str, &Option<String>); 5] {
        [
            ("content-type", &self.content_type),
            ("cache-control", &self.cache_control),
            ("content-disposition", &self.content_disposition),
            ("content-encoding", &self.content_encoding),
            ("content-language", &self.content_language),
        ]
    }

    fn read(headers: &HeaderMap) -> Headers {
        let text = |name: &str| header(headers, name).map(str::to_owned);
        let metadata = headers.iter().filter_map(|(name, value)| {
            let name = name.as_str().strip_prefix(METADATA)?;
            Some((name.to_owned(), value.to_str().ok()?.to_owned()))
        });
        Headers {
            content_type: text("content-type"),
            cache_control: text("cache-control"),
            content_disposition: text("content-disposition"),
            content_encoding: text("content-encoding"),
            content_language: text("content-language"),
            metadata: metadata.collect(),
        }
    }
}

/// An object without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectInfo {
    /// Without quotes.
    pub etag: String,
    /// Its length in bytes.
    pub size: u64,
    /// The version, in buckets with versioning.
    pub version_id: Option<String>,
    /// Seconds since 1970.
    pub modified: Option<i64>,
    /// What goes along with it.
    pub headers: Headers,
}

/// What must be so for a write to be done (Amazon S3 User Guide, "Conditional writes").
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Condition {
    /// Nothing.
    #[default]
    None,
    /// There is no object of that key.
    Absent,
    /// The object of that key has this ETag, without quotes.
    Unchanged(String),
}

/// An object to be written.
#[derive(Debug, Clone)]
pub struct Put {
    /// The content.
    pub body: Body,
    /// What goes along with it.
    pub headers: Headers,
    /// Instructions to the service, by their names without `x-amz-`, such as `acl`.
    pub amz: Vec<(&'static str, String)>,
    /// What must be so for it to be written.
    pub condition: Condition,
}

impl Client {
    /// An object without its content; None if there is none of that key, or its latest version is a delete marker.
    pub async fn head_object(&self, bucket: &str, key: &str) -> Result<Option<ObjectInfo>, Error> {
        let answer = match self.call(Call::new("HeadObject", Method::HEAD, bucket).key(key)).await {
            Ok(answer) => answer,
            Err(error) if error.is_missing() => return Ok(None),
            Err(error) => return Err(error),
        };
        let size = answer.header("content-length").and_then(|text| text.parse().ok());
        Ok(Some(ObjectInfo {
            etag: answer.header("etag").unwrap_or_default().trim_matches('"').to_owned(),
            size: size.unwrap_or_default(),
            version_id: answer.header("x-amz-version-id").filter(|id| *id != "null").map(str::to_owned),
            modified: answer.header("last-modified").and_then(http_date),
            headers: Headers::read(&answer.headers),
        }))
    }

    /// The SHA-256 of an object's content in hexadecimal, and the content itself if it is not longer than `keep` bytes. None
    /// if the object has another ETag by now.
    pub async fn hash_object(
        &self,
        bucket: &str,
        key: &str,
        etag: &str,
        keep: usize,
    ) -> Result<Option<(String, Option<Vec<u8>>)>, Error> {
        const OPERATION: &str = "GetObject";
        let call =
            Call::new(OPERATION, Method::GET, bucket).key(key).header("if-match", format!("\"{etag}\""));
        let mut tries = Tries::default();
        loop {
            let failed = match self.send_once(&call).await {
                Ok(response) => match hash(OPERATION, response, keep).await {
                    Ok(found) => return Ok(Some(found)),
                    Err(error) => (error, None),
                },
                Err((Error::Refused(refusal), _)) if matches!(refusal.status, 404 | 412) => return Ok(None),
                Err(failed) => failed,
            };
            self.pause_after(&mut tries, failed.0, failed.1).await?;
        }
    }

    /// An object's content and its ETag without quotes; None if there is no such object. Contents over 32 MiB are refused.
    pub async fn get_object(&self, bucket: &str, key: &str) -> Result<Option<(Bytes, String)>, Error> {
        match self.call(Call::new("GetObject", Method::GET, bucket).key(key)).await {
            Ok(answer) => {
                let etag = answer.header("etag").unwrap_or_default().trim_matches('"').to_owned();
                Ok(Some((answer.body, etag)))
            }
            // A bucket that is missing is no object that is missing.
            Err(error) if error.is_missing() && !error.is("NoSuchBucket") => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The keys of a bucket's objects that begin with a prefix, in order and at most so many; and whether there are more.
    pub async fn list_keys(
        &self,
        bucket: &str,
        prefix: &str,
        most: usize,
    ) -> Result<(Vec<String>, bool), Error> {
        const OPERATION: &str = "ListObjectsV2";
        let mut keys = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let page = BATCH.min(most - keys.len());
            let mut call = Call::new(OPERATION, Method::GET, bucket)
                .query("list-type", "2")
                .query("encoding-type", "url")
                .query("max-keys", page.to_string());
            if !prefix.is_empty() {
                call = call.query("prefix", prefix);
            }
            if let Some(token) = token {
                call = call.query("continuation-token", token);
            }
            let page: xml::ListObjects = self.call(call).await?.xml(OPERATION)?;
            let (encoded, before) = (page.encoding_type == "url", keys.len());
            keys.extend(page.contents.iter().map(|object| decoded(&object.key, encoded)));
            keys.truncate(most);
            token = page.next_continuation_token.filter(|_| page.is_truncated);
            if token.is_none() || keys.len() == most || keys.len() == before {
                return Ok((keys, page.is_truncated));
            }
        }
    }

    /// Writes an object, over what there may be unless a condition forbids it; its ETag without quotes.
    ///
    /// A condition that does not hold is an error ([`Error::is_condition`]). So is one that held only before the write
    /// itself, where an answer was lost and the call was repeated: who asks must look whether the object is its own.
    pub async fn put_object(&self, bucket: &str, key: &str, put: &Put) -> Result<String, Error> {
        let mut call = Call::new("PutObject", Method::PUT, bucket).key(key).body(put.body.clone());
        for (name, value) in put.headers.named() {
            if let Some(value) = value {
                call = call.header(name, value);
            }
        }
        for (name, value) in &put.headers.metadata {
            call = call.header(format!("{METADATA}{name}"), value);
        }
        for (name, value) in &put.amz {
            call = call.header(format!("x-amz-{name}"), value);
        }
        call = match &put.condition {
            Condition::None => call,
            Condition::Absent => call.header("if-none-match", "*"),
            Condition::Unchanged(etag) => call.header("if-match", format!("\"{etag}\"")),
        };
        let answer = self.call(call).await?;
        Ok(answer.header("etag").unwrap_or_default().trim_matches('"').to_owned())
    }

    /// Deletes an object: in a bucket with versioning, hides it behind a delete marker. That it does not exist is no failure.
    pub async fn delete_object(&self, bucket: &str, key: &str) -> Result<(), Error> {
        match self.call(Call::new("DeleteObject", Method::DELETE, bucket).key(key)).await {
            Err(error) if !error.is_missing() => Err(error),
            _ => Ok(()),
        }
    }

    /// Deletes every version of an object.
    pub async fn delete_versions(&self, bucket: &str, key: &str) -> Result<(), Error> {
        self.delete_all(bucket, key, |found| found == key).await
    }

    /// Deletes every version of every object of a bucket, and ends all uploads in parts. A bucket that does not exist is
    /// empty.
    pub async fn empty_bucket(&self, bucket: &str) -> Result<(), Error> {
        let done = async {
            self.abort_uploads(bucket).await?;
            self.delete_all(bucket, "", |_| true).await
        };
        match done.await {
            Err(error) if error.is("NoSuchBucket") => Ok(()),
            other => other,
        }
    }

    async fn delete_all(
        &self,
        bucket: &str,
        prefix: &str,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<(), Error> {
        const OPERATION: &str = "ListObjectVersions";
        let mut after: Option<(String, String)> = None;
        for _ in 0..MOST_ROUNDS {
            let mut call = Call::new(OPERATION, Method::GET, bucket)
                .query("versions", "")
                .query("encoding-type", "url")
                .query("max-keys", BATCH.to_string());
            if !prefix.is_empty() {
                call = call.query("prefix", prefix);
            }
            if let Some((key, version)) = &after {
                call = call.query("key-marker", key).query("version-id-marker", version);
            }
            let page: xml::ListVersions = self.call(call).await?.xml(OPERATION)?;
            let encoded = page.encoding_type == "url";
            let object = |version: xml::Version| xml::DeleteOne {
                key: decoded(&version.key, encoded),
                version_id: version.version_id,
            };
            let found = page.version.into_iter().chain(page.delete_marker).map(object);
            self.delete_listed(bucket, found.filter(|object| wanted(&object.key)).collect()).await?;
            let next = page.next_key_marker.map(|key| decoded(&key, encoded));
            match next.filter(|_| page.is_truncated) {
                Some(key) => after = Some((key, page.next_version_id_marker.unwrap_or_default())),
                None => return Ok(()),
            }
        }
        Err(endless(OPERATION))
    }

    async fn delete_listed(&self, bucket: &str, objects: Vec<xml::DeleteOne>) -> Result<(), Error> {
        const OPERATION: &str = "DeleteObjects";
        if objects.is_empty() {
            return Ok(());
        }
        let body = xml::write("Delete", &xml::Delete { object: objects, quiet: true });
        let call = Call::new(OPERATION, Method::POST, bucket)
            .query("delete", "")
            .header("content-type", "application/xml")
            .body(Body::Bytes(body.into()));
        let deleted: xml::Deleted = self.call(call).await?.xml(OPERATION)?;
        let kept = deleted.error.into_iter().find(|error| error.code != "NoSuchVersion");
        match kept {
            None => Ok(()),
            Some(kept) => Err(Error::Refused(Box::new(Refusal {
                operation: OPERATION,
                status: 200,
                code: kept.code,
                message: format!("{}: {}", kept.key, kept.message),
                request_id: None,
            }))),
        }
    }

    async fn abort_uploads(&self, bucket: &str) -> Result<(), Error> {
        const OPERATION: &str = "ListMultipartUploads";
        let mut after: Option<(String, String)> = None;
        for _ in 0..MOST_ROUNDS {
            let mut call =
                Call::new(OPERATION, Method::GET, bucket).query("uploads", "").query("encoding-type", "url");
            if let Some((key, upload)) = &after {
                call = call.query("key-marker", key).query("upload-id-marker", upload);
            }
            let page: xml::ListUploads = self.call(call).await?.xml(OPERATION)?;
            let encoded = page.encoding_type == "url";
            for upload in page.upload {
                let key = decoded(&upload.key, encoded);
                let call = Call::new("AbortMultipartUpload", Method::DELETE, bucket).key(&key);
                match self.call(call.query("uploadId", upload.upload_id)).await {
                    Err(error) if !error.is_missing() => return Err(error),
                    _ => {}
                }
            }
            let next = page.next_key_marker.map(|key| decoded(&key, encoded));
            match next.filter(|_| page.is_truncated) {
                Some(key) => after = Some((key, page.next_upload_id_marker.unwrap_or_default())),
                None => return Ok(()),
            }
        }
        Err(endless(OPERATION))
    }
}

/// The SHA-256 of an answer, and the answer itself if it is not longer than `keep` bytes.
async fn hash(
    operation: &'static str,
    mut response: reqwest::Response,
    keep: usize,
) -> Result<(String, Option<Vec<u8>>), Error> {
    let (mut hash, mut kept) = (Sha256::new(), Some(Vec::new()));
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) => {
                hash.update(&chunk);
                kept = kept.filter(|kept| kept.len() + chunk.len() <= keep);
                if let Some(kept) = &mut kept {
                    kept.extend_from_slice(&chunk);
                }
            }
            Ok(None) => return Ok((hex(&hash.finalize()), kept)),
            Err(error) => return Err(Error::Lost { operation, message: chain(&error.without_url()) }),
        }
    }
}

fn endless(operation: &'static str) -> Error {
    Error::Unreadable { operation, message: "the list has no end".to_owned() }
}

/// A key of a list; in encoded ones a plus is a space.
fn decoded(key: &str, encoded: bool) -> String {
    if !encoded {
        return key.to_owned();
    }
    percent_decode_str(&key.replace('+', " ")).decode_utf8_lossy().into_owned()
}
