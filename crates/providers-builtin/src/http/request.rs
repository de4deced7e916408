//! One request, repeated where that may help.

use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Method, StatusCode, Url};

/// A longer answer does not belong into a state.
const MAX_BODY: usize = 64 << 20;
/// Waits between attempts double from the first to the second, where configuration says nothing else.
pub(super) const MIN_DELAY: Duration = Duration::from_secs(1);
pub(super) const MAX_DELAY: Duration = Duration::from_secs(30);

/// What to ask.
pub(super) struct Request {
    pub(super) client: Client,
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<String>,
    /// How often to try again after the first attempt.
    pub(super) retries: u64,
    pub(super) min_delay: Duration,
    pub(super) max_delay: Duration,
}

/// What was answered.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// What an attempt came to.
enum Attempt {
    Done(Answer),
    /// It may go better the next time; after so long, if the server says so.
    Again(String, Option<Duration>),
    Failed(String),
}

impl Request {
    /// Asks until there is an answer, or no attempt is left. An answer that says that the server failed (any status
    /// from 500 but 501) or is asked too often (429) is none.
    pub(super) async fn send(&self) -> Result<Answer, String> {
        let mut delay = self.min_delay.min(self.max_delay);
        for attempt in 0_u64.. {
            let (why, after) = match self.attempt().await {
                Attempt::Done(answer) => return Ok(answer),
                Attempt::Failed(why) => return Err(why),
                Attempt::Again(why, after) => (why, after),
            };
            if attempt >= self.retries {
                let attempts = attempt.saturating_add(1);
                let plural = if attempts == 1 { "" } else { "s" };
                return Err(format!("{why}; giving up after {attempts} attempt{plural}"));
            }
            tokio::time::sleep(after.unwrap_or(delay)).await;
            delay = delay.saturating_mul(2).min(self.max_delay);
        }
        Err("no attempt was made".into())
    }

    async fn attempt(&self) -> Attempt {
        let mut request =
            self.client.request(self.method.clone(), self.url.clone()).headers(self.headers.clone());
        if let Some(body) = &self.body {
            request = request.body(body.clone());
        }
        let mut response = match request.send().await {
            Ok(response) => response,
            Err(error) if error.is_builder() || error.is_redirect() => return Attempt::Failed(chain(&error)),
            Err(error) => return Attempt::Again(chain(&error), None),
        };
        let (status, headers) = (response.status(), response.headers().clone());
        let server_failed = status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED;
        if server_failed || status == StatusCode::TOO_MANY_REQUESTS {
            // A server may ask for any time; it gets no more than configuration grants.
            let after = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
            let after = after.map(|seconds| Duration::from_secs(seconds).min(self.max_delay));
            return Attempt::Again(format!("the server answered {status}"), after);
        }
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() <= MAX_BODY => body.extend_from_slice(&chunk),
                Ok(Some(_)) => return Attempt::Failed(format!("the answer is longer than {MAX_BODY} bytes")),
                Ok(None) => return Attempt::Done(Answer { status, headers, body }),
                Err(error) => return Attempt::Failed(chain(&error)),
            }
        }
    }
}

/// An error with its causes, and without the URL, which may hold secrets.
pub(super) fn chain(error: &reqwest::Error) -> String {
    let mut text = if error.is_timeout() { "the time was up".to_owned() } else { kind(error).to_owned() };
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}

fn kind(error: &reqwest::Error) -> &'static str {
    if error.is_connect() {
        "no connection"
    } else if error.is_redirect() {
        "too many redirects"
    } else if error.is_builder() {
        "the request cannot be made"
    } else if error.is_body() || error.is_decode() {
        "the answer broke off"
    } else {
        "the request failed"
    }
}

/// A header of a request.
pub(super) fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), String> {
    let name: HeaderName = name.parse().map_err(|_| format!("{name:?} is no name of a header"))?;
    // The value may be a secret: it is not shown.
    let value =
        value.parse().map_err(|_| format!("the value of {name} has characters that a header cannot have"))?;
    Ok((name, value))
}

/// The name of a header as Go writes it: each word with a capital letter.
pub(super) fn canonical(name: &HeaderName) -> String {
    let words = name.as_str().split('-').map(|word| {
        let mut chars = word.chars();
        chars.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(chars).collect::<String>()
    });
    words.collect::<Vec<_>>().join("-")
}
