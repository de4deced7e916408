//! One call: sending, pacing, repeating, reading the answer.

use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};

use crate::answer::Answer;
use crate::client::{Client, chain};
use crate::error::{ApiError, Error, code};
use crate::ledger::Grant;
use crate::lenient::null_as_default;
use crate::pace::Headers;
use crate::time::http_date;

/// Query parameters; a name may come more than once.
pub(crate) type Query = Vec<(&'static str, String)>;

/// No answer of the API comes near this size; what is bigger is not from the API.
const LARGEST_BODY: usize = 32 << 20;
/// Repetitions of a read after transport errors and answers that blame the server.
const READ_REPETITIONS: u32 = 5;
/// Repetitions of a mutation that met `conflict` or `locked`: about two minutes, as long as a slow action may hold its lock.
const LOCK_REPETITIONS: u32 = 30;
/// Repetitions after 429; each waits for a refill.
const RATE_REPETITIONS: u32 = 100;
/// How many of them come quickly: most actions are over in seconds, and what waits for each other on one network, say its
/// subnets, should not wait for longer than they take.
const QUICK_LOCK_REPETITIONS: u32 = 6;
/// Longest pause between repetitions, in units of the pace.
const LONGEST_PAUSE: u32 = 5;

/// An answer as it came.
struct Raw {
    status: StatusCode,
    correlation_id: Option<String>,
    body: Bytes,
}

/// Why no answer came.
struct Failure {
    /// Whether the request may have reached the server.
    left: bool,
    message: String,
}

/// How often a call has failed, by the kind of failure.
#[derive(Default)]
struct Failures {
    transport: u32,
    locked: u32,
    rate: u32,
}

impl Client {
    /// Reads.
    pub(crate) async fn get(&self, path: &str, query: Query) -> Result<Answer, Error> {
        self.call(Method::GET, path, &query, None).await
    }

    /// Changes, with a body.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> Result<Answer, Error> {
        let body = serde_json::to_vec(body).map_err(|error| {
            Error::Config(format!("{method} {path}: the request cannot be written: {error}"))
        })?;
        self.call(method, path, &Vec::new(), Some(body.into())).await
    }

    /// Changes, with a POST.
    pub(crate) async fn post(&self, path: &str, body: &impl Serialize) -> Result<Answer, Error> {
        self.send(Method::POST, path, body).await
    }

    /// Deletes.
    pub(crate) async fn delete(&self, path: &str) -> Result<Answer, Error> {
        self.call(Method::DELETE, path, &Vec::new(), None).await
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        query: &Query,
        body: Option<Bytes>,
    ) -> Result<Answer, Error> {
        let url = format!("{}{path}{}", self.inner.endpoint, query_string(query));
        let mut failures = Failures::default();
        loop {
            let turn = Turn::begin(&self.inner.unanswered);
            let grant = self.take_grant().await;
            self.sleep(grant.wait).await?;
            let pause = match self.send_once(&method, &url, body.clone(), grant, turn).await {
                Ok(raw) if raw.status.is_success() => {
                    return Answer::parse(method, path.to_owned(), &raw.body);
                }
                Ok(raw) => self.judge_answer(&method, path, &raw, &mut failures)?,
                Err(failure) => self.judge_failure(&method, path, failure, &mut failures)?,
            };
            self.sleep(pause).await?;
        }
    }

    /// The pause before a repetition, or the error to end with.
    fn judge_answer(
        &self,
        method: &Method,
        path: &str,
        raw: &Raw,
        failures: &mut Failures,
    ) -> Result<std::time::Duration, Error> {
        let error = api_error(method, path, raw);
        let pace = self.inner.pace;
        let gateway = matches!(raw.status.as_u16(), 502..=504);
        if (raw.status == StatusCode::TOO_MANY_REQUESTS || error.code == code::RATE_LIMIT)
            && failures.rate < RATE_REPETITIONS
        {
            failures.rate += 1;
            self.inner.rate.exhausted();
            return Ok(std::time::Duration::ZERO);
        }
        if *method == Method::GET {
            if raw.status.is_server_error() && failures.transport < READ_REPETITIONS {
                failures.transport += 1;
                return Ok(pace.back_off(failures.transport, LONGEST_PAUSE));
            }
        } else if matches!(error.code.as_str(), code::CONFLICT | code::LOCKED) {
            if failures.locked < LOCK_REPETITIONS {
                failures.locked += 1;
                let slow = failures.locked.saturating_sub(QUICK_LOCK_REPETITIONS).max(1);
                return Ok(pace.back_off(slow, LONGEST_PAUSE));
            }
        } else if gateway {
            // What stands behind the gateway may have done it.
            return Err(Error::AnswerLost {
                method: method.clone(),
                path: path.to_owned(),
                message: error.to_string(),
            });
        }
        Err(Error::Api(Box::new(error)))
    }

    fn judge_failure(
        &self,
        method: &Method,
        path: &str,
        failure: Failure,
        failures: &mut Failures,
    ) -> Result<std::time::Duration, Error> {
        let Failure { left, message } = failure;
        if left && *method != Method::GET {
            return Err(Error::AnswerLost { method: method.clone(), path: path.to_owned(), message });
        }
        if failures.transport < READ_REPETITIONS {
            failures.transport += 1;
            return Ok(self.inner.pace.back_off(failures.transport, LONGEST_PAUSE));
        }
        let message = format!("{message} (endpoint {})", self.endpoint());
        Err(Error::Transport { method: method.clone(), path: path.to_owned(), message })
    }

    /// Takes a grant for one request, from what this process knows and from what all of the user's know together.
    async fn take_grant(&self) -> Grant {
        let own = self.inner.rate.take();
        match &self.inner.ledger {
            Some(ledger) => ledger.take().await.after(own),
            None => Grant::FREE.after(own),
        }
    }

    async fn send_once(
        &self,
        method: &Method,
        url: &str,
        body: Option<Bytes>,
        grant: Grant,
        turn: Turn<'_>,
    ) -> Result<Raw, Failure> {
        let mut request = self.inner.http.request(method.clone(), url);
        if let Some(body) = body {
            request = request.header(http::header::CONTENT_TYPE, "application/json").body(body);
        }
        let sent = request.send().await;
        let others = turn.end();
        let mut response = sent.map_err(|error| Failure {
            left: !(error.is_connect() || error.is_builder()),
            message: chain(&error.without_url()),
        })?;
        let server_time = self.note_date(response.headers());
        let status = response.status();
        let exhausted = status == StatusCode::TOO_MANY_REQUESTS;
        if let Some(headers) = Headers::read(response.headers(), server_time, exhausted) {
            self.inner.rate.learn(&headers, others);
            if let Some(ledger) = &self.inner.ledger {
                ledger.learn(grant, &headers);
            }
        }
        let correlation_id = header(response.headers(), "x-correlation-id");
        let mut received = BytesMut::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if received.len() + chunk.len() <= LARGEST_BODY => {
                    received.extend_from_slice(&chunk)
                }
                Ok(Some(_)) => {
                    return Err(Failure {
                        left: true,
                        message: format!("the answer is over {LARGEST_BODY} bytes"),
                    });
                }
                Ok(None) => return Ok(Raw { status, correlation_id, body: received.freeze() }),
                Err(error) => return Err(Failure { left: true, message: chain(&error.without_url()) }),
            }
        }
    }

    fn note_date(&self, headers: &HeaderMap) -> Option<i64> {
        let date = http_date(&header(headers, "date")?)?;
        self.inner.server_date.store(date, Ordering::Release);
        Some(date)
    }
}

/// A request from the taking of its grant on; counted until it is answered or given up.
struct Turn<'c>(&'c AtomicUsize);

impl<'c> Turn<'c> {
    fn begin(count: &'c AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Turn(count)
    }

    /// How many others wait for their turn or their answer.
    fn end(self) -> usize {
        self.0.load(Ordering::Relaxed).saturating_sub(1)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

/// A name as a part of a path.
pub(crate) fn path_segment(name: &str) -> String {
    utf8_percent_encode(name, NON_ALPHANUMERIC).to_string()
}

fn query_string(query: &Query) -> String {
    let mut text = String::new();
    for (name, value) in query {
        text.push(if text.is_empty() { '?' } else { '&' });
        text.push_str(name);
        text.push('=');
        text.extend(utf8_percent_encode(value, NON_ALPHANUMERIC));
    }
    text
}

#[derive(Deserialize)]
struct Envelope {
    error: EnvelopeError,
}

#[derive(Deserialize)]
struct EnvelopeError {
    #[serde(default, deserialize_with = "null_as_default")]
    code: String,
    #[serde(default, deserialize_with = "null_as_default")]
    message: String,
    #[serde(default)]
    details: serde_json::Value,
}

fn api_error(method: &Method, path: &str, raw: &Raw) -> ApiError {
    let envelope: Option<Envelope> = serde_json::from_slice(&raw.body).ok();
    let (code, message, details) = match envelope {
        Some(Envelope { error }) => (error.code, error.message, error.details),
        None => {
            let reason = raw.status.canonical_reason().unwrap_or("an answer that is not from the API");
            (String::new(), reason.to_owned(), serde_json::Value::Null)
        }
    };
    ApiError {
        code,
        message,
        details,
        status: raw.status.as_u16(),
        correlation_id: raw.correlation_id.clone(),
        method: method.clone(),
        path: path.to_owned(),
    }
}
