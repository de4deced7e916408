//! One request after another: from what came over the wire to the model and back. No IO happens here.

use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::api::query::Query;
use crate::api::{self, Blanks, Call, Found, Reply, Route, operations};
use crate::backend::{Backend, Live, Report};
use crate::clock::{Clock, http_date};
use crate::faults::{Faults, Gate, Strike, Subject};
use crate::limiter::{Allowance, Limiter};
use crate::object_storage::Storage;
use crate::requests::Requests;
use crate::stats::Stats;
use crate::store::Store;
use crate::world::servers::Status;
use crate::world::{Fate, Project, Refusal, Row, Tx, World, fingerprint, scene};

/// A request, read whole.
pub(crate) struct Incoming<'a> {
    pub(crate) method: &'a str,
    /// Path without query.
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
    pub(crate) authorization: Option<&'a str>,
    pub(crate) body: &'a [u8],
}

/// What the connection does with an answer.
#[derive(Debug)]
pub(crate) enum Delivery {
    /// Sends it.
    Send,
    /// Closes without sending it.
    Drop,
    /// Sends it once the gate is open.
    Hold(Gate),
    /// Sends it after so many milliseconds.
    Delay(u64),
    /// Closes without sending it once the gate is open, or after so many milliseconds.
    TimeOut(Gate, Option<u64>),
    /// Sends it and ends the emulator.
    Stop,
    /// Sends what this work comes to instead.
    Work(Work),
}

/// Something to do for an answer that takes time, and must not hold up others.
pub(crate) struct Work(pub(crate) Box<dyn FnOnce() -> Result<Value, Refusal> + Send>);

impl std::fmt::Debug for Work {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Work")
    }
}

impl Outgoing {
    /// The answer once its work has come to something.
    pub(crate) fn with_result(self, result: Result<Value, Refusal>) -> Self {
        let (status, body) = match result {
            Ok(body) => (self.status, body.to_string()),
            Err(refusal) => {
                let outgoing = refused(&refusal);
                (outgoing.status, outgoing.body)
            }
        };
        Self { status, body, ..self }
    }
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
    pub(crate) delivery: Delivery,
    /// Tells whether the change is on disk; to be awaited before anything is sent.
    pub(crate) saved: Option<oneshot::Receiver<bool>>,
    /// The number of the request in the log, if it is there.
    pub(crate) entry: Option<u64>,
}

/// Everything an emulator is, but for its connections.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) world: World,
    pub(crate) clock: Clock,
    pub(crate) faults: Faults,
    pub(crate) stats: Stats,
    pub(crate) requests: Requests,
    pub(crate) live: Live,
    limiter: Limiter,
    store: Option<Store>,
    object_storage: Arc<Mutex<Storage>>,
    /// Where it is served, once it is.
    pub(crate) object_storage_endpoint: Option<String>,
    /// Whether the emulator has ended: nothing is answered any more.
    closed: bool,
    answers: u64,
}

impl Core {
    pub(crate) fn new(world: World, clock: Clock, limiter: Limiter, store: Option<Store>) -> Self {
        let (faults, stats) = (Faults::default(), Stats::default());
        let live = Live::default();
        Self {
            world,
            clock,
            faults,
            stats,
            requests: Requests::default(),
            live,
            limiter,
            store,
            object_storage: Arc::new(Mutex::new(Storage::in_memory())),
            object_storage_endpoint: None,
            closed: false,
            answers: 0,
        }
    }

    /// Gives it what was stored in buckets before.
    pub(crate) fn set_object_storage(&mut self, storage: Storage) {
        self.object_storage = Arc::new(Mutex::new(storage));
    }

    /// What is stored in buckets.
    pub(crate) fn object_storage(&self) -> Arc<Mutex<Storage>> {
        Arc::clone(&self.object_storage)
    }

    /// Whether the emulator has ended.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Makes the world real from now on.
    pub(crate) fn set_backend(&mut self, backend: Arc<dyn Backend>) {
        let running = self.world.projects.values().flat_map(|project| {
            let running = project.servers.values().filter(|server| server.status == Status::Running);
            running.map(Row::id)
        });
        self.live = Live::new(backend, running.collect());
        self.show();
    }

    /// Shows the backend, if there is one, what should exist by now.
    fn show(&mut self) {
        if !self.live.is_real() {
            return;
        }
        let projects = self.world.projects.values();
        let running = projects.clone().flat_map(|project| project.running().map(Row::id)).collect();
        self.live.show(scene::scene(projects), &running);
    }

    /// Lets everything happen that is due, with or without requests: actions end, machines that went off are off.
    /// Whether something is under way, so that it is worth looking again soon.
    pub(crate) fn poll(&mut self) -> bool {
        if self.closed || !self.live.is_real() {
            return false;
        }
        let now = self.clock.now();
        let instant = self.clock.instant();
        let keys: Vec<String> = self.world.projects.keys().cloned().collect();
        let mut fate = self.faults.fate_of_time();
        for key in &keys {
            // Opening it settles what is due.
            open(&mut self.world, &mut fate, key, now, instant, &self.live);
        }
        let reports = self.live.reports();
        let lost = self.live.returned();
        for key in &keys {
            let mut tx = open(&mut self.world, &mut fate, key, now, instant, &self.live);
            for report in &reports {
                if let Report::WentOff { machine, boot } = report {
                    tx.machine_went_off(*machine, *boot);
                }
            }
            for id in &lost {
                tx.machine_did_not_return(*id);
            }
        }
        if self.world.projects.values().any(Project::is_changed) {
            self.show();
        }
        for key in &keys {
            if self.world.projects.get(key).is_some_and(Project::is_changed) {
                // Nobody waits for it: nothing was answered.
                drop(self.save(key, now));
            }
        }
        self.live.any_returning()
            || self.world.projects.values().any(|project| project.running().next().is_some())
    }

    /// Makes sure that a token has a project.
    pub(crate) fn admit(&mut self, token: &str) -> Option<oneshot::Receiver<bool>> {
        let key = fingerprint(token);
        if self.world.projects.contains_key(&key) {
            return None;
        }
        self.world.projects.insert(key.clone(), Project::default());
        let now = self.clock.now();
        self.save(&key, now)
    }

    /// Answers a request.
    pub(crate) fn handle(&mut self, request: &Incoming<'_>) -> Outgoing {
        let now = self.clock.now();
        self.answers += 1;
        if self.closed {
            return dropped();
        }
        let outgoing = match request.path.strip_prefix("/_emulator") {
            Some(path) => self.control(request, path, now),
            None => {
                let entry = self.requests.begin(request, now);
                let outgoing = self.answer(request, now);
                self.requests.answered(&outgoing);
                Outgoing { entry: Some(entry), ..outgoing }
            }
        };
        self.signed(outgoing)
    }

    /// The answer to a request that could not be read, or whose change could not be kept.
    pub(crate) fn refuse(&mut self, refusal: &Refusal) -> Outgoing {
        self.answers += 1;
        self.signed(refused(refusal))
    }

    /// An answer with the headers that every answer has.
    fn signed(&mut self, mut outgoing: Outgoing) -> Outgoing {
        outgoing.headers.push(("date", http_date(self.clock.now())));
        let correlation = fingerprint(&format!("{}-{}", self.world.shared.world_id, self.answers));
        outgoing.headers.push(("x-correlation-id", correlation));
        outgoing
    }

    /// The project that a request's token belongs to.
    pub(crate) fn authenticate(&self, request: &Incoming<'_>) -> Result<String, Refusal> {
        let header = request.authorization.unwrap_or_default();
        let token = header
            .split_once(' ')
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim())
            .filter(|token| !token.is_empty())
            .ok_or_else(|| Refusal::new("unauthorized", "token is required"))?;
        let key = fingerprint(token);
        if token.len() == crate::TOKEN_LENGTH && self.world.projects.contains_key(&key) {
            Ok(key)
        } else {
            Err(invalid_token())
        }
    }

    /// The project that a request's token belongs to, unless a fault revoked the token.
    fn admitted(&self, request: &Incoming<'_>) -> Result<String, Refusal> {
        let project = self.authenticate(request)?;
        if self.faults.is_revoked(&project) { Err(invalid_token()) } else { Ok(project) }
    }

    fn answer(&mut self, request: &Incoming<'_>, mut now: i64) -> Outgoing {
        let path = request.path.strip_prefix("/v1").unwrap_or("");
        let found = api::find(request.method, path);
        let template = match &found {
            Found::Route(route, _) => route.template,
            _ => "(none)",
        };
        self.stats.count(request.method, template);
        self.requests.found(operations::name_of(request.method, template));
        if let Found::Nothing = found {
            return no_route();
        }
        let project = match self.admitted(request) {
            Ok(project) => project,
            Err(refusal) => {
                let allowance = self.limiter.count("", now);
                return limited(refused(&refusal), allowance);
            }
        };
        self.requests.of(&project);
        let known = self.world.projects.get(&project);
        let subject = Subject::new(request.method, path).in_project(known, request.body);
        let strike = self.faults.strike(&subject, Some(&project));
        if let Some(Strike::JumpClock { milliseconds }) = strike {
            self.clock.jump(milliseconds);
            now = self.clock.now();
        }
        let allowance = match strike {
            Some(Strike::RateLimit) => self.limiter.exhaust(&project, now),
            Some(Strike::Revoked) => self.limiter.count("", now),
            _ => self.limiter.count(&project, now),
        };
        if !allowance.granted {
            self.stats.count_refused();
            let refusal = Refusal::new("rate_limit_exceeded", "limit of requests per hour reached");
            return limited(refused(&refusal), allowance);
        }
        let mut delivery = Delivery::Send;
        match strike {
            Some(Strike::Answer(refusal)) => return limited(refused(&refusal), allowance),
            Some(Strike::Revoked) => return limited(refused(&invalid_token()), allowance),
            Some(Strike::Drop { execute: false }) => return dropped(),
            Some(Strike::TimeOut { execute: false, gate, milliseconds }) => {
                return Outgoing { delivery: Delivery::TimeOut(gate, milliseconds), ..dropped() };
            }
            Some(Strike::Drop { execute: true }) => delivery = Delivery::Drop,
            Some(Strike::TimeOut { execute: true, gate, milliseconds }) => {
                delivery = Delivery::TimeOut(gate, milliseconds);
            }
            Some(Strike::Hold(gate)) => delivery = Delivery::Hold(gate),
            Some(Strike::Delay { milliseconds }) => delivery = Delivery::Delay(milliseconds),
            Some(Strike::RateLimit | Strike::JumpClock { .. }) | None => {}
        }
        self.requests.executed();
        let mut fate = self.faults.fate(&subject);
        let mut outgoing = carried_out(found, |route, Blanks { ids, names }| {
            let query = Query::parse(request.query);
            let tx = open(&mut self.world, &mut fate, &project, now, self.clock.instant(), &self.live);
            (route.handler)(&mut Call { tx, ids, names, path: request.path, query, body: request.body })
        });
        if self.live.is_real() && self.world.projects.get(&project).is_some_and(Project::is_changed) {
            self.show();
        }
        if request.method != "GET" {
            outgoing.saved = self.save(&project, now);
        }
        outgoing.delivery = delivery;
        limited(outgoing, allowance)
    }

    /// Every object of a project, with everything settled that is due.
    pub(crate) fn objects(&mut self, project: &str) -> Value {
        let now = self.clock.now();
        let mut fate = self.faults.fate_of_time();
        let tx = open(&mut self.world, &mut fate, project, now, self.clock.instant(), &self.live);
        let mut dump = api::dump(&tx);
        let (buckets, versions) = self.object_storage.lock().dump(project);
        for (kind, objects) in [("buckets", buckets), ("bucket_objects", versions)] {
            dump[kind] = json!({"count": objects.len(), "objects": objects});
        }
        dump
    }

    /// Lets everything happen in a project that is due.
    pub(crate) fn settle(&mut self, project: &str, now: i64) {
        let mut fate = self.faults.fate_of_time();
        open(&mut self.world, &mut fate, project, now, self.clock.instant(), &self.live);
    }

    /// Hands the whole world to the store, in the place of the one that it has.
    pub(crate) fn save_whole(&mut self, now: i64) -> Option<oneshot::Receiver<bool>> {
        let store = self.store.as_mut()?;
        Some(store.replace(&mut self.world, now))
    }

    /// Hands what changed in a project to the store.
    pub(crate) fn save(&mut self, project: &str, now: i64) -> Option<oneshot::Receiver<bool>> {
        let changes = self.world.projects.get_mut(project)?.drain();
        let store = self.store.as_mut()?;
        Some(store.append(&mut self.world, now, project, changes))
    }

    /// Ends the emulator with a snapshot.
    pub(crate) fn finish(&mut self) {
        let now = self.clock.now();
        if let Some(store) = &mut self.store {
            store.compact(&mut self.world, now);
        }
        self.close();
    }

    /// Ends the emulator and lets go of its files.
    pub(crate) fn close(&mut self) {
        self.closed = true;
        self.faults.clear();
        self.store = None;
    }
}

/// A project to work on, in which everything that is due has happened.
pub(crate) fn open<'a>(
    world: &'a mut World,
    fate: &'a mut dyn Fate,
    project: &str,
    now: i64,
    instant: bool,
    live: &'a Live,
) -> Tx<'a> {
    let project = world.projects.entry(project.to_owned()).or_default();
    let mut tx = Tx { project, shared: &mut world.shared, fate, now, instant, live };
    tx.settle();
    tx
}

/// The answer to a request that found its way, or did not.
pub(crate) fn carried_out(
    found: Found,
    operation: impl FnOnce(&'static Route, Blanks) -> Result<Reply, Refusal>,
) -> Outgoing {
    let result = match found {
        Found::Route(route, blanks) => operation(route, blanks),
        Found::NoId => Err(Refusal::new("not_found", "resource not found: its ID is not a number")),
        Found::OtherMethod | Found::Nothing => {
            Err(Refusal::new("method_not_allowed", "method not allowed for this route"))
        }
    };
    match result {
        Ok(reply) => replied(reply),
        Err(refusal) => refused(&refusal),
    }
}

/// An answer in JSON.
pub(crate) fn answered(status: u16, body: &Value) -> Outgoing {
    Outgoing {
        status,
        headers: vec![("content-type", "application/json".to_owned())],
        // Not by way of `Display`, which takes twice as long. Values of JSON can always be written.
        body: serde_json::to_string(body).unwrap_or_default(),
        delivery: Delivery::Send,
        saved: None,
        entry: None,
    }
}

fn replied(reply: Reply) -> Outgoing {
    let mut outgoing = match &reply.body {
        Some(body) => answered(reply.status, body),
        None => Outgoing { headers: Vec::new(), body: String::new(), ..answered(reply.status, &Value::Null) },
    };
    outgoing.headers.extend(reply.link.map(|link| ("link", link)));
    outgoing
}

pub(crate) fn refused(refusal: &Refusal) -> Outgoing {
    let error = match refusal.status {
        // The real API answers in this order, as observed; clients do not care.
        401 => json!({"code": refusal.code, "details": refusal.details, "message": refusal.message}),
        _ => json!({"code": refusal.code, "message": refusal.message, "details": refusal.details}),
    };
    answered(refusal.status, &json!({"error": error}))
}

/// A path without an operation is found out before anybody asks for a token, and answered in another style.
fn no_route() -> Outgoing {
    let body = json!({"error": {"message": "api route not found", "code": "not_found", "details": null}});
    Outgoing {
        headers: vec![("content-type", "application/json; charset=UTF-8".to_owned())],
        body: serde_json::to_string_pretty(&body).unwrap_or_default(),
        ..answered(404, &Value::Null)
    }
}

fn invalid_token() -> Refusal {
    Refusal::new("unauthorized", "the token you have provided is invalid")
}

/// No answer at all.
fn dropped() -> Outgoing {
    Outgoing { delivery: Delivery::Drop, ..answered(503, &Value::Null) }
}

fn limited(mut outgoing: Outgoing, allowance: Allowance) -> Outgoing {
    outgoing.headers.push(("ratelimit-limit", allowance.limit.to_string()));
    outgoing.headers.push(("ratelimit-remaining", allowance.remaining.to_string()));
    outgoing.headers.push(("ratelimit-reset", allowance.reset.to_string()));
    outgoing
}
