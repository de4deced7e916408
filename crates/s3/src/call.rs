//! One call: signing, sending, repeating, reading the answer.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method};
use md5::Md5;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest, Sha256};

use crate::client::Client;
use crate::error::{Error, Refusal};
use crate::sign::{Signed, authorization};
use crate::time::{amz_now, http_date};
use crate::xml;

/// No answer but an object comes near this size.
const LARGEST_ANSWER: usize = 32 << 20;
/// How often a call is tried that may pass: with the pauses between about half a minute at the real pace.
const TRIES: u32 = 7;
/// Longest pause between tries, in units.
const LONGEST_PAUSE: u32 = 32;
/// Longest pause that the service may ask for.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(30);
/// Time for one request with its answer, but for the body.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
/// The slowest connection on which a body gets through, in bytes a second.
const SLOWEST: u64 = 64 << 10;

/// What stays as it is in paths and queries (RFC 3986, "Unreserved Characters").
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
const ENCODED_PATH: &AsciiSet = &ENCODED.remove(b'/');

/// Bytes in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The body of a request.
#[derive(Debug, Clone)]
pub enum Body {
    /// None.
    Empty,
    /// In memory.
    Bytes(Bytes),
    /// A file, read while it is sent. What is read must be what was measured.
    File {
        /// Where it is.
        path: PathBuf,
        /// Its length in bytes.
        size: u64,
        /// Its SHA-256.
        sha256: [u8; 32],
        /// Its MD5.
        md5: [u8; 16],
    },
}

impl Body {
    /// A file, read through once to measure it.
    pub async fn file(path: &Path) -> Result<Body, Error> {
        use tokio::io::AsyncReadExt as _;
        let failed = |error: std::io::Error| Error::File {
            path: path.display().to_string(),
            message: error.to_string(),
        };
        let mut file = tokio::fs::File::open(path).await.map_err(failed)?;
        let (mut sha256, mut md5, mut size) = (Sha256::new(), Md5::new(), 0);
        let mut buffer = vec![0; 256 << 10];
        loop {
            let read = file.read(&mut buffer).await.map_err(failed)?;
            if read == 0 {
                break;
            }
            sha256.update(&buffer[..read]);
            md5.update(&buffer[..read]);
            size += read as u64;
        }
        Ok(Body::File {
            path: path.to_owned(),
            size,
            sha256: sha256.finalize().into(),
            md5: md5.finalize().into(),
        })
    }

    /// Its length in bytes.
    pub fn size(&self) -> u64 {
        match self {
            Body::Empty => 0,
            Body::Bytes(bytes) => bytes.len() as u64,
            Body::File { size, .. } => *size,
        }
    }

    /// Its SHA-256.
    pub fn sha256(&self) -> [u8; 32] {
        match self {
            Body::Empty => Sha256::digest([]).into(),
            Body::Bytes(bytes) => Sha256::digest(bytes).into(),
            Body::File { sha256, .. } => *sha256,
        }
    }

    /// Its MD5.
    pub fn md5(&self) -> [u8; 16] {
        match self {
            Body::Empty => Md5::digest([]).into(),
            Body::Bytes(bytes) => Md5::digest(bytes).into(),
            Body::File { md5, .. } => *md5,
        }
    }

    async fn to_send(&self) -> Result<Option<reqwest::Body>, Error> {
        match self {
            Body::Empty => Ok(None),
            Body::Bytes(bytes) => Ok(Some(bytes.clone().into())),
            Body::File { path, .. } => {
                let file = tokio::fs::File::open(path).await.map_err(|error| Error::File {
                    path: path.display().to_string(),
                    message: error.to_string(),
                })?;
                Ok(Some(file.into()))
            }
        }
    }
}

/// A call.
#[derive(Debug, Clone)]
pub(crate) struct Call<'c> {
    /// S3's name of the operation.
    pub(crate) operation: &'static str,
    pub(crate) method: Method,
    /// Empty for the service itself.
    pub(crate) bucket: &'c str,
    /// Empty for the bucket itself.
    pub(crate) key: &'c str,
    pub(crate) query: Vec<(&'static str, String)>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Body,
}

impl<'c> Call<'c> {
    /// A call without query, headers and body.
    pub(crate) fn new(operation: &'static str, method: Method, bucket: &'c str) -> Self {
        Call { operation, method, bucket, key: "", query: Vec::new(), headers: Vec::new(), body: Body::Empty }
    }

    pub(crate) fn key(mut self, key: &'c str) -> Self {
        self.key = key;
        self
    }

    pub(crate) fn query(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    pub(crate) fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// With a body whose MD5 goes along: some operations demand it, and it is checked wherever it is given.
    pub(crate) fn body(mut self, body: Body) -> Self {
        self.headers.push(("content-md5".to_owned(), STANDARD.encode(body.md5())));
        self.body = body;
        self
    }

    fn path(&self) -> String {
        let mut path = format!("/{}", utf8_percent_encode(self.bucket, ENCODED));
        if !self.key.is_empty() {
            path.push('/');
            path.extend(utf8_percent_encode(self.key, ENCODED_PATH));
        }
        path
    }
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// How often a call was tried.
#[derive(Debug, Default)]
pub(crate) struct Tries {
    count: u32,
    /// Whether one of them, whose answer was lost, may have been executed.
    repeated: bool,
}

impl Answer {
    /// A header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// The body as XML.
    pub(crate) fn xml<T: serde::de::DeserializeOwned>(&self, operation: &'static str) -> Result<T, Error> {
        xml::read(&self.body).map_err(|message| Error::Unreadable { operation, message })
    }
}

pub(crate) fn header<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

/// Why a call failed, and whether any try of it may have been executed.
pub(crate) struct Failed {
    pub(crate) error: Error,
    pub(crate) repeated: bool,
}

impl From<Failed> for Error {
    fn from(failed: Failed) -> Error {
        failed.error
    }
}

impl Client {
    /// Makes a call, repeated as long as that may help. All calls of S3 may be repeated: what was done is done again, to the
    /// same effect, or refused as done.
    pub(crate) async fn call(&self, call: Call<'_>) -> Result<Answer, Error> {
        Ok(self.call_noting(call).await?)
    }

    /// The same, for those who must know whether a refused call had been repeated.
    pub(crate) async fn call_noting(&self, call: Call<'_>) -> Result<Answer, Failed> {
        let mut tries = Tries::default();
        loop {
            let outcome = match self.send_once(&call).await {
                Ok(response) => {
                    self.read_whole(call.operation, response).await.map_err(|error| (error, None))
                }
                Err(failed) => Err(failed),
            };
            match outcome {
                Ok((headers, body)) => return Ok(Answer { headers, body }),
                Err((error, asked)) => {
                    let pause = self.pause_after(&mut tries, error, asked).await;
                    pause.map_err(|error| Failed { error, repeated: tries.repeated })?;
                }
            }
        }
    }

    /// Waits until a call that failed may be tried again; or gives the failure back if that is of no use.
    pub(crate) async fn pause_after(
        &self,
        tries: &mut Tries,
        error: Error,
        asked: Option<Duration>,
    ) -> Result<(), Error> {
        tries.count += 1;
        if !error.is_passing() || tries.count == TRIES {
            return Err(error);
        }
        tries.repeated |= error.may_have_happened();
        let pause = self.inner.unit * 2_u32.pow(tries.count - 1).min(LONGEST_PAUSE);
        self.sleep(asked.unwrap_or(pause).max(pause)).await
    }

    /// Sends once; a successful answer, not read yet, or why not and how long to wait.
    pub(crate) async fn send_once(
        &self,
        call: &Call<'_>,
    ) -> Result<reqwest::Response, (Error, Option<Duration>)> {
        let operation = call.operation;
        self.sleep(Duration::ZERO).await.map_err(|error| (error, None))?;
        let (url, headers) = self.signed(call);
        let timeout = REQUEST_TIMEOUT + Duration::from_secs(call.body.size() / SLOWEST);
        let mut request = self.inner.http.request(call.method.clone(), url).timeout(timeout);
        for (name, value) in headers.iter().filter(|(name, _)| *name != "host") {
            request = request.header(name, value);
        }
        if let Some(body) = call.body.to_send().await.map_err(|error| (error, None))? {
            request = request.body(body);
        }
        // Some services refuse a request that may have a body and does not say that it has none.
        if matches!(call.method, Method::PUT | Method::POST) {
            request = request.header(http::header::CONTENT_LENGTH, call.body.size());
        }
        let response = request.send().await.map_err(|error| {
            let left = !(error.is_connect() || error.is_builder());
            let message = chain(&error.without_url());
            let error = if left {
                Error::Lost { operation, message }
            } else {
                Error::Unreachable { operation, message: format!("{message} ({})", self.inner.endpoint) }
            };
            (error, None)
        })?;
        if let Some(date) = header(response.headers(), "date").and_then(http_date) {
            self.inner.server_date.store(date, Ordering::Release);
        }
        if response.status().is_success() {
            return Ok(response);
        }
        let asked = header(response.headers(), "retry-after")
            .and_then(|text| text.trim().parse().ok())
            .map(|seconds| Duration::from_secs(seconds).min(LONGEST_RETRY_AFTER));
        let status = response.status().as_u16();
        match self.read_whole(operation, response).await {
            Ok((headers, body)) => Err((refusal(operation, status, &headers, &body), asked)),
            Err(error) => Err((error, asked)),
        }
    }

    /// The address and all headers of a call.
    fn signed(&self, call: &Call<'_>) -> (String, BTreeMap<String, String>) {
        let encode = |text: &str| utf8_percent_encode(text, ENCODED).to_string();
        let query: Vec<(String, String)> =
            call.query.iter().map(|(name, value)| (encode(name), encode(value))).collect();
        let (time, payload, path) = (amz_now(), hex(&call.body.sha256()), call.path());
        let mut headers: BTreeMap<String, String> = call.headers.iter().cloned().collect();
        headers.insert("host".to_owned(), self.inner.host.clone());
        headers.insert("x-amz-date".to_owned(), time.clone());
        headers.insert("x-amz-content-sha256".to_owned(), payload.clone());
        if let Some(token) = &self.inner.credentials.session_token {
            headers.insert("x-amz-security-token".to_owned(), token.clone());
        }
        let signed = Signed {
            method: call.method.as_str(),
            path: &path,
            query: &query,
            headers: &headers,
            payload: &payload,
            time: &time,
            region: &self.inner.region,
        };
        let authorization = authorization(&self.inner.credentials, &signed);
        headers.insert("authorization".to_owned(), authorization);
        let mut url = format!("{}{path}", self.inner.endpoint);
        for (index, (name, value)) in query.iter().enumerate() {
            url.push(if index == 0 { '?' } else { '&' });
            url.push_str(name);
            url.push('=');
            url.push_str(value);
        }
        (url, headers)
    }

    async fn read_whole(
        &self,
        operation: &'static str,
        mut response: reqwest::Response,
    ) -> Result<(HeaderMap, Bytes), Error> {
        let mut received = BytesMut::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if received.len() + chunk.len() <= LARGEST_ANSWER => {
                    received.extend_from_slice(&chunk)
                }
                Ok(Some(_)) => {
                    let message = format!("the answer is over {LARGEST_ANSWER} bytes");
                    return Err(Error::Unreadable { operation, message });
                }
                Ok(None) => return Ok((response.headers().clone(), received.freeze())),
                Err(error) => {
                    return Err(Error::Lost { operation, message: chain(&error.without_url()) });
                }
            }
        }
    }
}

fn refusal(operation: &'static str, status: u16, headers: &HeaderMap, body: &[u8]) -> Error {
    let told: xml::ErrorBody = xml::read(body).unwrap_or_default();
    // Answers to HEAD have no body, gateways answer with pages.
    let by_status = match status {
        301 | 307 => "PermanentRedirect",
        403 => "AccessDenied",
        404 => "NotFound",
        405 => "MethodNotAllowed",
        409 => "Conflict",
        412 => "PreconditionFailed",
        429 => "TooManyRequests",
        501 => "NotImplemented",
        503 => "SlowDown",
        _ => "Error",
    };
    let code = if told.code.is_empty() { by_status.to_owned() } else { told.code };
    let request_id = header(headers, "x-amz-request-id").map(str::to_owned);
    Error::Refused(Box::new(Refusal { operation, status, code, message: told.message, request_id }))
}

/// An error with all its causes, and without the address, which the caller knows.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.contains(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_encoded_as_signatures_want_them() {
        for (key, expected) in [
            ("", "/bucket"),
            ("a/b.txt", "/bucket/a/b.txt"),
            ("a b+c~d", "/bucket/a%20b%2Bc~d"),
            ("ü/(1)", "/bucket/%C3%BC/%281%29"),
        ] {
            assert_eq!(Call::new("GetObject", Method::GET, "bucket").key(key).path(), expected);
        }
    }

    #[test]
    fn refusals_without_a_body_are_named_by_their_status() {
        let headers = HeaderMap::new();
        for (status, body, code) in [
            (404, "", "NotFound"),
            (503, "<html>busy</html>", "SlowDown"),
            (
                409,
                "<Error><Code>BucketAlreadyExists</Code><Message>m</Message></Error>",
                "BucketAlreadyExists",
            ),
        ] {
            assert_eq!(refusal("CreateBucket", status, &headers, body.as_bytes()).code(), Some(code));
        }
    }
}
