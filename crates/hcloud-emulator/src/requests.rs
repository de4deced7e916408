//! The request log: what clients asked for lately and how it was answered, for people who debug a client, for tests
//! that look at what a tool does, and to be replayed.
//!
//! It lives in memory and is bounded. Nothing secret gets into it: tokens are not taken down at all, and the values
//! of fields that hold passwords, keys or user data are cut out by the names of the fields.

use std::collections::VecDeque;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use crate::api::query::Query;
use crate::clock::rfc3339_millis;
use crate::core::{Incoming, Outgoing};
use crate::world::{Refusal, fingerprint};

/// Version of the log's JSON form.
pub(crate) const FORMAT: u64 = 1;
/// Most requests that are remembered.
pub(crate) const MAX_ENTRIES: usize = 10_000;
/// Most bytes of paths, bodies and answers that are remembered.
const MAX_BYTES: usize = 16 << 20;
/// Longest body or answer that is remembered: a server's with the longest user data, which is cut out anyway.
const MAX_TEXT: usize = 64 << 10;
/// Longest path that is remembered.
const MAX_TARGET: usize = 4096;
/// What an entry takes beside its texts.
const ENTRY_BYTES: usize = 200;
/// What stands in the log instead of a secret.
pub(crate) const CUT: &str = "(cut out)";

/// A body of a request as the log has it.
#[derive(Debug, Default)]
enum Kept {
    #[default]
    Nothing,
    Whole(String),
    /// No JSON, in which secrets could be told apart, or too long.
    LeftOut,
}

impl Kept {
    fn len(&self) -> usize {
        if let Self::Whole(text) = self { text.len() } else { 0 }
    }
}

#[derive(Debug)]
struct Entry {
    number: u64,
    /// World time, in milliseconds since 1970.
    at: i64,
    method: String,
    /// Path and query, without the secrets of the query.
    target: String,
    route: Option<&'static str>,
    project: Option<String>,
    /// Whether the operation was tried; not if a fault, the rate limit or a missing token kept it from that.
    executed: bool,
    /// None as long as there is no answer, and for good if the connection was cut instead.
    status: Option<u16>,
    took: Option<Duration>,
    body: Kept,
    /// What was answered, except to successful reads, which may be long and tell nothing new.
    answer: Kept,
}

impl Entry {
    fn bytes(&self) -> usize {
        ENTRY_BYTES + self.target.len() + self.body.len() + self.answer.len()
    }

    fn show(&self) -> Value {
        fn shown(kept: &Kept) -> Value {
            match kept {
                Kept::Whole(text) => serde_json::from_str(text).unwrap_or_default(),
                Kept::Nothing | Kept::LeftOut => Value::Null,
            }
        }
        let answer = shown(&self.answer);
        let mut entry = json!({
            "number": self.number,
            "time": rfc3339_millis(self.at),
            "method": self.method,
            "path": self.target,
            "route": self.route,
            "project": self.project,
            "executed": self.executed,
            "status": self.status,
            "code": answer["error"]["code"],
            "duration_ms": self.took.map(|took| took.as_micros() as f64 / 1000.0),
            "body": shown(&self.body),
            "answer": answer,
        });
        if let Kept::LeftOut = self.body {
            entry["body_left_out"] = true.into();
        }
        entry
    }
}

/// The last requests.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    entries: VecDeque<Entry>,
    bytes: usize,
    last: u64,
}

impl Requests {
    /// Takes down a request that has just come; gives its number. What follows about it is said with
    /// [`Self::found`], [`Self::of`] and [`Self::executed`] before the next one comes.
    pub(crate) fn begin(&mut self, request: &Incoming<'_>, now: i64) -> u64 {
        self.last += 1;
        let entry = Entry {
            number: self.last,
            at: now,
            method: request.method.to_owned(),
            target: target(request.path, request.query),
            route: None,
            project: None,
            executed: false,
            status: None,
            took: None,
            body: keep(request.body),
            answer: Kept::Nothing,
        };
        self.bytes += entry.bytes();
        self.entries.push_back(entry);
        self.shrink();
        self.last
    }

    /// Which operation the last request is for.
    pub(crate) fn found(&mut self, route: Option<&'static str>) {
        if let Some(entry) = self.entries.back_mut() {
            entry.route = route;
        }
    }

    /// Whose the last request is.
    pub(crate) fn of(&mut self, project: &str) {
        if let Some(entry) = self.entries.back_mut() {
            entry.project = Some(shown_project(project));
        }
    }

    /// The last request is carried out.
    pub(crate) fn executed(&mut self) {
        if let Some(entry) = self.entries.back_mut() {
            entry.executed = true;
        }
    }

    /// What the last request is going to be answered with.
    pub(crate) fn answered(&mut self, outgoing: &Outgoing) {
        let Some(entry) = self.entries.back_mut() else { return };
        if entry.method != "GET" || outgoing.status >= 400 {
            let answer = keep(outgoing.body.as_bytes());
            self.bytes += answer.len();
            entry.answer = answer;
        }
        self.shrink();
    }

    /// The answer to a request is about to go out; without a status the connection was cut instead.
    pub(crate) fn delivered(&mut self, number: u64, status: Option<u16>, took: Duration) {
        // Numbers follow each other.
        let Some(first) = self.entries.front().map(|entry| entry.number) else { return };
        let index = number.checked_sub(first).and_then(|index| usize::try_from(index).ok());
        if let Some(entry) = index.and_then(|index| self.entries.get_mut(index)) {
            entry.status = status;
            entry.took = Some(took);
        }
    }

    fn shrink(&mut self) {
        while (self.entries.len() > MAX_ENTRIES || self.bytes > MAX_BYTES) && self.entries.len() > 1 {
            self.bytes -= self.entries.pop_front().map_or(0, |entry| entry.bytes());
        }
    }

    /// Forgets everything; numbers go on.
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.bytes = 0;
    }

    /// The requests that a query asks for, oldest first. `project` is who asks, `instant` whether actions take no
    /// time in this world.
    pub(crate) fn list(&self, query: &str, project: &str, instant: bool) -> Result<Value, Refusal> {
        let filter = Filter::parse(query)?;
        let mut shown: Vec<&Entry> = self.entries.iter().filter(|entry| filter.wants(entry)).collect();
        if let Some(limit) = filter.limit {
            shown.drain(..shown.len().saturating_sub(limit));
        }
        Ok(json!({
            "format": FORMAT,
            "project": shown_project(project),
            "instant": instant,
            "first": self.entries.front().map(|entry| entry.number),
            "last": self.last,
            "requests": shown.into_iter().map(Entry::show).collect::<Vec<_>>(),
        }))
    }
}

/// How the log calls a project. Its key is not told: the secrets of its object storage derive from it.
fn shown_project(key: &str) -> String {
    let mut name = fingerprint(key);
    name.truncate(8);
    name
}

/// Which requests somebody wants to see.
#[derive(Debug, Default)]
struct Filter {
    since: Option<u64>,
    limit: Option<usize>,
    method: Option<String>,
    route: Option<String>,
    project: Option<String>,
    /// Lowest and highest.
    status: Option<(u16, u16)>,
}

impl Filter {
    const NAMES: [&'static str; 6] = ["since", "limit", "method", "route", "status", "project"];

    fn parse(text: &str) -> Result<Self, Refusal> {
        let query = Query::parse(text);
        if let Some(other) = query.names().find(|name| !Self::NAMES.contains(name)) {
            let allowed = Self::NAMES.join(", ");
            return Err(Refusal::invalid(other, format!("there is no such filter; there are {allowed}")));
        }
        fn number<T: std::str::FromStr>(query: &Query, name: &str) -> Result<Option<T>, Refusal> {
            let parsed = query.get(name).map(str::parse).transpose();
            parsed.map_err(|_| Refusal::invalid(name, format!("{name} is a number")))
        }
        let text = |name: &str| query.get(name).map(str::to_owned);
        let status = match query.get("status") {
            None => None,
            Some(status) => Some(statuses(status).ok_or_else(|| {
                Refusal::invalid("status", "status is a number such as 404 or a class such as 4xx")
            })?),
        };
        Ok(Self {
            since: number(&query, "since")?,
            limit: number(&query, "limit")?,
            method: text("method"),
            route: text("route"),
            project: text("project"),
            status,
        })
    }

    fn wants(&self, entry: &Entry) -> bool {
        self.since.is_none_or(|since| entry.number > since)
            && self.method.as_ref().is_none_or(|method| method.eq_ignore_ascii_case(&entry.method))
            && self.route.as_ref().is_none_or(|route| entry.route == Some(route.as_str()))
            && self.project.as_ref().is_none_or(|project| entry.project.as_ref() == Some(project))
            && self
                .status
                .is_none_or(|(low, high)| entry.status.is_some_and(|status| (low..=high).contains(&status)))
    }
}

fn statuses(text: &str) -> Option<(u16, u16)> {
    if let Some(class) = text.strip_suffix("xx") {
        let class = class.parse::<u16>().ok().filter(|class| (1..=9).contains(class))?;
        return Some((class * 100, class * 100 + 99));
    }
    text.parse().ok().map(|status| (status, status))
}

/// Whether the values of a field must not be seen. Hetzner's own names are `user_data`, `password`, `root_password`,
/// `private_key`, `tsig_key` and `wss_url`, which has a token in it.
pub(crate) fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    matches!(name.as_str(), "user_data" | "wss_url" | "authorization")
        || ["password", "private_key", "tsig_key", "secret", "token"].iter().any(|part| name.contains(part))
}

fn cut_secrets(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                match field {
                    Value::Null => {}
                    field if is_secret(name) => *field = CUT.into(),
                    field => cut_secrets(field),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(cut_secrets),
        _ => {}
    }
}

fn keep(text: &[u8]) -> Kept {
    if text.is_empty() {
        return Kept::Nothing;
    }
    let Ok(mut value) = serde_json::from_slice::<Value>(text) else { return Kept::LeftOut };
    cut_secrets(&mut value);
    let text = value.to_string();
    if text.len() > MAX_TEXT { Kept::LeftOut } else { Kept::Whole(text) }
}

fn target(path: &str, query: &str) -> String {
    let mut target = path.to_owned();
    for (index, pair) in query.split('&').filter(|pair| !pair.is_empty()).enumerate() {
        target.push(if index == 0 { '?' } else { '&' });
        match pair.split_once('=') {
            Some((name, _)) if is_secret(&percent_decode_str(name).decode_utf8_lossy()) => {
                target.push_str(name);
                target.push_str("=(cut%20out)");
            }
            _ => target.push_str(pair),
        }
    }
    if target.len() > MAX_TARGET {
        let end = (0..=MAX_TARGET).rev().find(|end| target.is_char_boundary(*end)).unwrap_or_default();
        target.truncate(end);
    }
    target
}

#[cfg(test)]
mod tests {
    use super::*;

    fn incoming<'a>(path: &'a str, query: &'a str, body: &'a [u8]) -> Incoming<'a> {
        Incoming { method: "POST", path, query, authorization: Some("Bearer s3cr3t"), body }
    }

    #[test]
    fn secrets_are_cut_out_by_the_names_of_their_fields_at_any_depth() {
        let mut requests = Requests::default();
        let body = json!({
            "name": "web",
            "user_data": "s3cr3t",
            "labels": {"token": "s3cr3t", "a": "b"},
            "primary_nameservers": [{"address": "192.0.2.1", "tsig_key": "s3cr3t", "tsig_algorithm": "hmac-sha256"}],
            "access": {"Password": ["s3cr3t"]},
            "private_key": null,
        });
        requests.begin(&incoming("/v1/x", "name=a&access_token=s3cr3t", body.to_string().as_bytes()), 0);
        let listed = requests.list("", "project", false).unwrap();
        assert!(!listed.to_string().contains("s3cr3t"), "{listed}");
        let shown = &listed["requests"][0];
        assert_eq!(shown["path"], "/v1/x?name=a&access_token=(cut%20out)");
        assert_eq!(shown["body"]["labels"], json!({"token": CUT, "a": "b"}));
        assert_eq!(shown["body"]["primary_nameservers"][0]["tsig_algorithm"], "hmac-sha256");
        assert_eq!(shown["body"]["private_key"], Value::Null);
    }

    #[test]
    fn a_body_in_which_secrets_cannot_be_told_apart_is_left_out() {
        let long = json!({"name": "x".repeat(MAX_TEXT)}).to_string();
        for body in ["user_data=s3cr3t", "{\"user_data\": \"s3cr3t\"", &long] {
            let mut requests = Requests::default();
            requests.begin(&incoming("/v1/servers", "", body.as_bytes()), 0);
            let listed = requests.list("", "project", false).unwrap();
            assert_eq!(listed["requests"][0]["body"], Value::Null);
            assert_eq!(listed["requests"][0]["body_left_out"], true);
        }
    }

    #[test]
    fn the_log_forgets_the_oldest_and_stays_within_its_bounds() {
        let mut requests = Requests::default();
        for _ in 0..MAX_ENTRIES + 10 {
            requests.begin(&incoming("/v1/servers", "", b""), 0);
        }
        let listed = requests.list("limit=1", "project", false).unwrap();
        let numbers =
            (listed["first"].as_u64(), listed["last"].as_u64(), listed["requests"][0]["number"].as_u64());
        assert_eq!(numbers, (Some(11), Some(10_010), Some(10_010)));

        let body = json!({"name": "x".repeat(MAX_TEXT - 100)}).to_string();
        for _ in 0..400 {
            requests.begin(&incoming("/v1/servers", "", body.as_bytes()), 0);
        }
        let real: usize = requests.entries.iter().map(Entry::bytes).sum();
        assert_eq!(requests.bytes, real);
        assert!(real <= MAX_BYTES, "{real}");
        assert!(requests.entries.len() > 200, "{}", requests.entries.len());
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        let requests = Requests::default();
        for (query, field) in [
            ("routes=x", "routes"),
            ("since=x", "since"),
            ("limit=-1", "limit"),
            ("status=ok", "status"),
            ("status=0xx", "status"),
        ] {
            let refusal = requests.list(query, "project", false).unwrap_err();
            assert_eq!(refusal.details["fields"][0]["name"], field, "{query}");
        }
    }
}
