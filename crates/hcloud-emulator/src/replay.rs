//! Replay: a recorded request log carried out again, in an empty project of any world.
//!
//! It is done here and not by a command, so that a test in any language can do it, look at the world that comes of it
//! and go on from there. Objects get other ids and public addresses than in the recorded world wherever it has others
//! already: those are translated. Time passes between requests as it did then, ending now.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};

use ipnet::Ipv6Net;
use serde_json::{Value, json};

use crate::api::query::Query;
use crate::api::{self, Call};
use crate::core::{Core, Outgoing, answered, open};
use crate::faults::Faults;
use crate::requests::{CUT, FORMAT, MAX_ENTRIES};
use crate::world::{Kind, Refusal};

/// A recorded log: what `GET /_emulator/requests` answers, whole or in part.
#[derive(serde::Deserialize)]
struct Log {
    format: u64,
    /// Whether actions took no time in the recorded world.
    #[serde(default)]
    instant: bool,
    /// Whose requests to replay, where there are those of several projects.
    #[serde(default)]
    replay_project: Option<String>,
    requests: Vec<Recorded>,
}

#[derive(serde::Deserialize)]
struct Recorded {
    number: u64,
    /// When it was, in milliseconds since 1970.
    #[serde(deserialize_with = "moment")]
    time: i64,
    method: String,
    path: String,
    #[serde(default)]
    route: Option<String>,
    #[serde(default)]
    project: Option<String>,
    executed: bool,
    #[serde(default)]
    status: Option<u16>,
    #[serde(default)]
    body: Value,
    #[serde(default)]
    body_left_out: bool,
    #[serde(default)]
    answer: Value,
}

fn moment<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let text = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(deserializer)?;
    let moment: jiff::Timestamp = text.parse().map_err(serde::de::Error::custom)?;
    Ok(moment.as_millisecond())
}

impl Core {
    /// Carries out a recorded log in a project that has nothing yet.
    pub(crate) fn replay(&mut self, body: &[u8], project: &str) -> Result<Outgoing, Refusal> {
        let log = read_log(body)?;
        if self.live.is_real() {
            let message = "a world with machines replays nothing, since the machines could not keep up";
            return Err(Refusal::new("unsupported_error", message));
        }
        let objects = self.objects(project);
        if objects.as_object().into_iter().flatten().any(|(_, kind)| kind["count"] != 0) {
            let message = "the project has objects; replay in one of its own: POST /_emulator/tokens adds it";
            return Err(Refusal::new("conflict", message));
        }
        let now = self.clock.now();
        let end = log.requests.iter().map(|one| one.time).max().unwrap_or_default();
        let mut ids = Translation::default();
        let (mut replayed, mut left_out, mut different) = (0_u64, Vec::new(), Vec::new());
        let mut passed = 0;
        for recorded in &log.requests {
            let mut leave_out = |why: &str| left_out.push(json!({"number": recorded.number, "why": why}));
            if !recorded.executed {
                leave_out("it was not carried out then");
                continue;
            }
            if recorded.body_left_out {
                leave_out("its body is not in the log");
                continue;
            }
            // Time never goes backwards, whatever the log says.
            let at = now.saturating_sub(end.saturating_sub(recorded.time).max(0));
            passed = at.max(passed);
            let outgoing = self.repeat(recorded, &ids, project, passed, log.instant);
            replayed += 1;
            let answer: Value = serde_json::from_str(&outgoing.body).unwrap_or_default();
            ids.learn(&recorded.answer, &answer);
            let (was, is) = (recorded.answer["error"]["code"].as_str(), answer["error"]["code"].as_str());
            // What was cut off had an answer as well, but nobody saw it.
            if recorded.status.is_some_and(|status| status != outgoing.status || was != is) {
                different.push(json!({
                    "number": recorded.number,
                    "route": recorded.route,
                    "then": {"status": recorded.status, "code": was},
                    "now": {"status": outgoing.status, "code": is, "message": answer["error"]["message"]},
                }));
            }
        }
        let saved = self.save(project, now);
        let report = json!({
            "replayed": replayed,
            "left_out": left_out,
            "different": different,
            "ids": ids.show(),
        });
        Ok(Outgoing { saved, ..answered(200, &report) })
    }

    /// One request again, without faults and limits.
    fn repeat(
        &mut self,
        recorded: &Recorded,
        ids: &Translation,
        project: &str,
        now: i64,
        instant: bool,
    ) -> Outgoing {
        let (path, query) = recorded.path.split_once('?').unwrap_or((&recorded.path, ""));
        let path = ids.path(path);
        let query = Query::parse(query).map_values(|name, value| ids.query(&path, name, value));
        let mut body = recorded.body.clone();
        ids.body(None, &mut body);
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let found = api::find(&recorded.method, path.strip_prefix("/v1").unwrap_or(""));
        let mut calm = Faults::default();
        let mut fate = calm.fate_of_time();
        let tx = open(&mut self.world, &mut fate, project, now, instant, &self.live);
        crate::core::carried_out(found, |route, blanks| {
            let api::Blanks { ids, names } = blanks;
            let body = body.as_bytes();
            (route.handler)(&mut Call { tx, ids, names, path: &path, query, body })
        })
    }
}

fn read_log(body: &[u8]) -> Result<Log, Refusal> {
    let mut log: Log = serde_json::from_slice(body).map_err(|error| {
        let message = format!("no log of requests, as GET /_emulator/requests answers it: {error}");
        Refusal::new("json_error", message)
    })?;
    if log.format != FORMAT {
        let message = format!("the log has format {}; this program reads {FORMAT}", log.format);
        return Err(Refusal::invalid("format", message));
    }
    if log.requests.len() > MAX_ENTRIES {
        let message = format!("at most {MAX_ENTRIES} requests are replayed at once");
        return Err(Refusal::invalid("requests", message));
    }
    let mut projects: Vec<String> = log.requests.iter().filter_map(|one| one.project.clone()).collect();
    projects.sort_unstable();
    projects.dedup();
    let wanted = match (log.replay_project.take(), projects.as_slice()) {
        (Some(wanted), projects) if projects.contains(&wanted) => Some(wanted),
        (None, []) => None,
        (None, [only]) => Some(only.clone()),
        (_, projects) => {
            let message = format!("replay_project says whose requests to replay: {}", projects.join(", "));
            return Err(Refusal::invalid("replay_project", message));
        }
    };
    log.requests.retain(|one| one.project == wanted);
    log.requests.sort_by_key(|one| one.number);
    Ok(log)
}

/// What stands in a replayed request for what was cut out of the log.
fn stand_in(name: &str) -> String {
    match name {
        "private_key" => format!("-----BEGIN PRIVATE KEY-----\n{CUT}\n-----END PRIVATE KEY-----\n"),
        "tsig_key" => "c3RhbmQtaW4=".to_owned(),
        "user_data" => CUT.to_owned(),
        // Long enough, with letters of both cases, a digit and a sign.
        _ => "Stand-in-4-a-secret".to_owned(),
    }
}

/// What objects and addresses of the recorded world are in this one.
#[derive(Default)]
struct Translation {
    ids: HashMap<(Kind, i64), i64>,
    addresses: HashMap<IpAddr, IpAddr>,
    networks: HashMap<Ipv6Net, Ipv6Net>,
}

/// The kind of object whose id a field has, or has inside; `None` where no project's objects are meant.
fn kind_of(name: &str) -> Option<Kind> {
    let singular = match name {
        "assignee_id" | "created_from" | "bound_to" => "server",
        "ipv4" | "ipv6" => "primary_ip",
        "next_actions" => "action",
        "storage_boxes" => "storage_box",
        "snapshot" | "snapshots" => "storage_box_snapshot",
        "subaccount" | "subaccounts" => "storage_box_subaccount",
        name => name.strip_suffix('s').unwrap_or(name),
    };
    kind_named(singular)
}

fn kind_named(name: &str) -> Option<Kind> {
    serde_json::from_value(name.into()).ok()
}

/// The kind of the ids that a field holds, inside something of a kind.
fn kind_in(name: &str, inside: Option<Kind>) -> Option<Kind> {
    if name == "id" { inside } else { kind_of(name) }
}

/// What an object is: as its `type` says, if that is a kind, else as the field that it is in says.
fn kind_of_object(fields: &serde_json::Map<String, Value>, inside: Option<Kind>) -> Option<Kind> {
    fields.get("type").and_then(Value::as_str).and_then(kind_named).or(inside)
}

impl Translation {
    fn id(&self, kind: Kind, id: i64) -> i64 {
        self.ids.get(&(kind, id)).copied().unwrap_or(id)
    }

    /// An id, written as text, or an address; else the text itself.
    fn text(&self, kind: Option<Kind>, text: &str) -> String {
        if let (Some(kind), Ok(id)) = (kind, text.parse()) {
            return self.id(kind, id).to_string();
        }
        let Ok(address) = text.parse::<IpAddr>() else { return text.to_owned() };
        if let Some(known) = self.addresses.get(&address) {
            return known.to_string();
        }
        let IpAddr::V6(address) = address else { return text.to_owned() };
        let network = self.networks.iter().find(|(network, _)| network.contains(&address));
        network.map_or(text.to_owned(), |(from, to)| {
            let host = u128::from(address) & u128::from(from.hostmask());
            Ipv6Addr::from(u128::from(to.network()) | host).to_string()
        })
    }

    /// A path, in which an id follows the name of its kind.
    fn path(&self, path: &str) -> String {
        let mut before = None;
        let segments = path.split('/').map(|segment| {
            let kind = before.replace(segment).and_then(kind_of);
            match (kind, segment.parse()) {
                (Some(kind), Ok(id)) => self.id(kind, id).to_string(),
                _ => segment.to_owned(),
            }
        });
        segments.collect::<Vec<_>>().join("/")
    }

    /// The value of a query: `id` is an id of what the path lists.
    fn query(&self, path: &str, name: &str, value: &str) -> String {
        let kind = if name == "id" { path.rsplit('/').next().and_then(kind_of) } else { kind_of(name) };
        self.text(kind, value)
    }

    fn body(&self, inside: Option<Kind>, value: &mut Value) {
        match value {
            Value::Object(fields) => {
                let inside = kind_of_object(fields, inside);
                for (name, field) in fields {
                    if field == CUT {
                        *field = stand_in(name).into();
                    } else if name != "labels" {
                        let kind = kind_in(name, inside);
                        self.body(kind, field);
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.body(inside, item)),
            Value::Number(number) => {
                if let (Some(kind), Some(id)) = (inside, number.as_i64()) {
                    *value = self.id(kind, id).into();
                }
            }
            Value::String(text) => *text = self.text(inside, text),
            Value::Null | Value::Bool(_) => {}
        }
    }

    /// Takes from two answers to the same request what has become of what.
    fn learn(&mut self, then: &Value, now: &Value) {
        self.learn_inside(None, then, now);
    }

    fn learn_inside(&mut self, inside: Option<Kind>, then: &Value, now: &Value) {
        match (then, now) {
            (Value::Object(then), Value::Object(now)) => {
                let inside = kind_of_object(then, inside);
                for (name, was) in then {
                    let Some(is) = now.get(name) else { continue };
                    self.learn_inside(kind_in(name, inside), was, is);
                }
            }
            (Value::Array(then), Value::Array(now)) => {
                then.iter().zip(now).for_each(|(was, is)| self.learn_inside(inside, was, is));
            }
            (Value::Number(was), Value::Number(is)) => {
                if let (Some(kind), Some(was), Some(is)) = (inside, was.as_i64(), is.as_i64()) {
                    self.ids.insert((kind, was), is);
                }
            }
            (Value::String(was), Value::String(is)) if was != is => {
                if let (Ok(was), Ok(is)) = (was.parse(), is.parse()) {
                    self.addresses.insert(was, is);
                } else if let (Ok(was), Ok(is)) = (was.parse::<Ipv6Net>(), is.parse::<Ipv6Net>()) {
                    self.networks.insert(was, is);
                }
            }
            _ => {}
        }
    }

    /// What has become of the ids that are others now, by kind.
    fn show(&self) -> Value {
        let mut shown = json!({});
        for ((kind, was), is) in self.ids.iter().filter(|((_, was), is)| was != *is) {
            shown[kind.as_str()][was.to_string()] = (*is).into();
        }
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server, its addresses and its first action, a box with a snapshot, as two worlds know them.
    fn translation() -> Translation {
        let answer = |server: i64, ip: &str, v6: &str, action: i64, snapshot: i64| {
            json!({
                "server": {"id": server, "image": {"id": 9}, "server_type": {"id": 7},
                           "public_net": {"ipv4": {"id": action + 1, "ip": ip}, "ipv6": {"ip": v6}}},
                "next_actions": [{"id": action, "resources": [{"id": server, "type": "server"}]}],
                "snapshot": {"id": snapshot, "storage_box": snapshot + 1},
            })
        };
        let mut translation = Translation::default();
        translation.learn(
            &answer(10, "192.0.2.1", "2001:db8:0:1::/64", 20, 30),
            &answer(11, "192.0.2.9", "2001:db8:0:9::/64", 25, 35),
        );
        translation
    }

    #[test]
    fn ids_in_a_path_follow_the_name_of_their_kind() {
        let translation = translation();
        for (path, expected) in [
            ("/v1/servers/10/actions/20", "/v1/servers/11/actions/25"),
            ("/v1/servers/11", "/v1/servers/11"),
            ("/v1/volumes/10", "/v1/volumes/10"),
            ("/v1/primary_ips/21", "/v1/primary_ips/26"),
            ("/v1/storage_boxes/31/snapshots/30", "/v1/storage_boxes/36/snapshots/35"),
            ("/v1/zones/10/rrsets/10/A", "/v1/zones/10/rrsets/10/A"),
            ("/v1/servers/99999999999999999999", "/v1/servers/99999999999999999999"),
            ("", ""),
        ] {
            assert_eq!(translation.path(path), expected);
        }
        assert_eq!(translation.query("/v1/servers/actions", "id", "20"), "25");
        assert_eq!(translation.query("/v1/images", "bound_to", "10"), "11");
        assert_eq!(translation.query("/v1/servers", "page", "10"), "10");
    }

    #[test]
    fn only_what_is_an_id_or_an_address_of_the_world_is_translated_in_a_body() {
        let translation = translation();
        for (body, expected) in [
            (json!({"server": 10, "size": 10}), json!({"server": 11, "size": 10})),
            (json!({"servers": ["10", "x"], "name": "10"}), json!({"servers": ["11", "x"], "name": "10"})),
            (
                json!({"apply_to": [{"type": "server", "server": {"id": 10}}]}),
                json!({"apply_to": [{"type": "server", "server": {"id": 11}}]}),
            ),
            (
                json!({"type": "server", "id": 10, "image": 9, "server_type": 7}),
                json!({"type": "server", "id": 11, "image": 9, "server_type": 7}),
            ),
            (
                json!({"ip": "192.0.2.1", "gateway": "192.0.2.2"}),
                json!({"ip": "192.0.2.9", "gateway": "192.0.2.2"}),
            ),
            (json!({"labels": {"server": "10"}}), json!({"labels": {"server": "10"}})),
            (json!({"ip": "2001:db8:0:1::5"}), json!({"ip": "2001:db8:0:9::5"})),
            (json!({"ip": "2001:db8:0:2::5"}), json!({"ip": "2001:db8:0:2::5"})),
        ] {
            let mut translated = body.clone();
            translation.body(None, &mut translated);
            assert_eq!(translated, expected, "{body}");
        }
    }

    #[test]
    fn what_was_cut_out_gets_a_stand_in_that_the_cloud_takes() {
        let mut body =
            json!({"password": CUT, "private_key": CUT, "user_data": CUT, "nested": [{"tsig_key": CUT}]});
        translation().body(None, &mut body);
        assert!(body["private_key"].as_str().unwrap().starts_with("-----BEGIN PRIVATE KEY-----\n"));
        assert_eq!(
            (&body["user_data"], &body["nested"][0]["tsig_key"]),
            (&json!(CUT), &json!("c3RhbmQtaW4="))
        );
        assert_ne!(body["password"], CUT);
    }
}
