//! The package proxy: guests have no way out, but apt in them may fetch, by way of this process and the host's own
//! network, what the host's own package sources hold. Packages are kept for all worlds.

mod cache;
pub(super) mod sources;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::response::Response;
use http::header::{
    CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderName, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, RANGE,
};
use http::{HeaderMap, Method, StatusCode};

use self::cache::{Cache, Filling, Place};
use self::sources::Sources;
use super::super::tools::{self, ToolError};

/// What guests may ask of an archive besides the path.
const ASKED: [HeaderName; 2] = [IF_MODIFIED_SINCE, IF_NONE_MATCH];
/// What they are told of an answer.
const TOLD: [HeaderName; 4] = [CONTENT_LENGTH, CONTENT_TYPE, ETAG, LAST_MODIFIED];

/// The proxy of a world.
#[derive(Debug)]
pub(super) struct Proxy {
    sources: Sources,
    client: reqwest::Client,
    cache: Arc<Cache>,
}

impl Proxy {
    /// One that fetches from these sources and keeps packages in `folder`.
    pub(super) fn new(sources: Sources, folder: PathBuf) -> Result<Self, ToolError> {
        let mut builder = reqwest::Client::builder()
            .user_agent("ferroform-local-cloud")
            .connect_timeout(Duration::from_secs(10))
            .read_timeout(Duration::from_secs(60))
            .redirect(reqwest::redirect::Policy::limited(5));
        for (scheme, address) in proxies_of_apt() {
            let proxy = if scheme == "https" {
                reqwest::Proxy::https(address)
            } else {
                reqwest::Proxy::http(address)
            };
            if let Ok(proxy) = proxy {
                builder = builder.proxy(proxy);
            }
        }
        let client = builder
            .build()
            .map_err(|error| ToolError::Refused(format!("the package proxy cannot be set up: {error}")))?;
        Ok(Self { sources, client, cache: Arc::new(Cache::new(folder)) })
    }

    /// Answers a request of a guest.
    pub(super) async fn answer(&self, request: Request) -> Response {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let why = "only packages can be fetched here, by GET over plain http:// (https:// sources too)";
            return refuse(StatusCode::FORBIDDEN, why);
        }
        let address = match self.sources.find(request.uri()) {
            Ok(address) => address,
            Err(why) => return refuse(StatusCode::FORBIDDEN, &why),
        };
        // A part of a file is asked for only to continue a transfer; the whole of it is an answer too.
        let place = (request.method() == Method::GET).then(|| self.cache.place(&address)).flatten();
        let Some(place) = place else { return self.pass(request, &address, None).await };
        match self.cache.open(&place).await {
            Ok(kept) => kept,
            Err(filling) => self.pass(request, &address, Some((place, filling))).await,
        }
    }

    async fn pass(&self, request: Request, address: &str, keep: Option<(Place, Filling)>) -> Response {
        let mut ask = self.client.request(request.method().clone(), address);
        if keep.is_none() {
            for name in ASKED.iter().chain(&[RANGE]) {
                if let Some(value) = request.headers().get(name) {
                    ask = ask.header(name, value);
                }
            }
        }
        let answer = match ask.send().await {
            Ok(answer) => answer,
            Err(error) => {
                return refuse(StatusCode::BAD_GATEWAY, &format!("the host cannot fetch {address}: {error}"));
            }
        };
        let status = answer.status();
        let mut headers = HeaderMap::new();
        for name in TOLD.iter().chain(&[http::header::CONTENT_RANGE]) {
            if let Some(value) = answer.headers().get(name) {
                headers.insert(name, value.clone());
            }
        }
        let keep = match keep {
            Some((place, filling)) if status == StatusCode::OK => Some(self.cache.fill(place, filling).await),
            _ => None,
        };
        let mut response = Response::new(if request.method() == Method::HEAD {
            Body::empty()
        } else {
            Body::from_stream(chunks(answer, keep.flatten()))
        });
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        response
    }
}

/// An answer on its way to a guest.
struct Passing {
    answer: reqwest::Response,
    keep: Option<cache::Writer>,
    /// How much of it is still to come, if the archive said so. Nobody asks for more after the last byte.
    left: Option<u64>,
}

/// The body of an answer, kept as it passes.
fn chunks(
    answer: reqwest::Response,
    keep: Option<cache::Writer>,
) -> impl futures_util::Stream<Item = Result<Bytes, reqwest::Error>> + Send {
    let left = answer.content_length();
    futures_util::stream::unfold(Some(Passing { answer, keep, left }), |passing| async {
        let mut passing = passing?;
        let next = passing.answer.chunk().await;
        if let (Ok(Some(chunk)), Some(writer)) = (&next, &mut passing.keep)
            && writer.write(chunk).await.is_err()
        {
            // No space: the guest gets it all the same.
            passing.keep = None;
        }
        if let (Ok(Some(chunk)), Some(left)) = (&next, &mut passing.left) {
            *left = left.saturating_sub(chunk.len() as u64);
        }
        let complete = matches!(next, Ok(None)) || (next.is_ok() && passing.left == Some(0));
        if let Some(writer) = passing.keep.take_if(|_| complete) {
            writer.finish().await;
        }
        match next {
            Ok(Some(chunk)) => Some((Ok(chunk), Some(passing))),
            Ok(None) => None,
            Err(error) => Some((Err(error), None)),
        }
    })
}

fn refuse(status: StatusCode, why: &str) -> Response {
    let mut response = Response::new(Body::from(format!("{why}\n")));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, http::HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

/// The proxies that apt on this host uses itself, by scheme.
fn proxies_of_apt() -> Vec<(&'static str, String)> {
    let arguments = ["shell", "http", "Acquire::http::Proxy", "https", "Acquire::https::Proxy"];
    let Ok(said) = tools::run("apt-config", &arguments) else { return Vec::new() };
    said.lines()
        .filter_map(|line| {
            let (name, value) = line.split_once('=')?;
            let value = value.trim_matches('\'');
            let scheme = if name == "https" { "https" } else { "http" };
            (!value.is_empty() && value != "DIRECT").then(|| (scheme, value.to_owned()))
        })
        .collect()
}
