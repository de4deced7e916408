//! The emulator's own API, under `/_emulator`: health, counts, time, faults, the world as a whole, and
//! what is real of it.

mod machines;
mod page;
pub(crate) mod snapshot;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::core::{Core, Delivery, Incoming, Outgoing, answered, refused};
use crate::faults::Fault;
use crate::world::Refusal;

#[derive(serde::Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Time {
    /// Lets time pass, in a stepped world.
    AdvanceMs(i64),
    /// Lets the clock leap ahead, in any world.
    JumpMs(u64),
}

#[derive(Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct NewToken {
    token: Option<String>,
}

fn read<T: DeserializeOwned>(request: &Incoming<'_>) -> Result<T, Refusal> {
    serde_json::from_slice(request.body).map_err(|error| Refusal::new("json_error", error.to_string()))
}

impl Core {
    /// Answers a request for a path under `/_emulator`.
    pub(crate) fn control(&mut self, request: &Incoming<'_>, path: &str, now: i64) -> Outgoing {
        if !path.is_empty() && !path.starts_with('/') {
            return refused(&Refusal::new("not_found", "no such path under /_emulator"));
        }
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        if request.method == "GET" && matches!(segments.as_slice(), [] | [""]) {
            return self.page(request, now);
        }
        if (request.method, segments.as_slice()) == ("GET", &["health"]) {
            return answered(200, &self.health());
        }
        match self
            .authenticate(request)
            .and_then(|project| self.controlled(request, &segments, &project, now))
        {
            Ok(outgoing) => outgoing,
            Err(refusal) => refused(&refusal),
        }
    }

    fn health(&self) -> Value {
        json!({
            "world": self.world.shared.world_id,
            "pid": std::process::id(),
            "version": env!("CARGO_PKG_VERSION"),
            "machines": self.live.is_real(),
        })
    }

    fn controlled(
        &mut self,
        request: &Incoming<'_>,
        segments: &[&str],
        project: &str,
        now: i64,
    ) -> Result<Outgoing, Refusal> {
        let missing = || Refusal::new("not_found", "no such fault");
        let number = |text: &str| text.parse::<u64>().map_err(|_| missing());
        let shown = |fault: Option<Value>| fault.map(|fault| answered(200, &fault)).ok_or_else(missing);
        let done = || Outgoing { headers: Vec::new(), body: String::new(), ..answered(204, &Value::Null) };
        match (request.method, segments) {
            ("GET", ["stats"]) => Ok(answered(200, &self.stats.show())),
            ("DELETE", ["stats"]) => {
                self.stats.reset();
                Ok(done())
            }
            ("GET", ["clock"]) => Ok(answered(200, &json!({"now_ms": now}))),
            ("POST", ["clock"]) => {
                match read(request)? {
                    Time::JumpMs(milliseconds) => self.clock.jump(milliseconds),
                    Time::AdvanceMs(milliseconds) => {
                        if !self.clock.advance(milliseconds) {
                            let message = "the clock is not stepped, or was to go backwards; \
                                           jump_ms lets any clock leap ahead";
                            return Err(Refusal::invalid("advance_ms", message));
                        }
                    }
                }
                Ok(answered(200, &json!({"now_ms": self.clock.now()})))
            }
            ("GET", ["faults"]) => Ok(answered(200, &json!({"faults": self.faults.list()}))),
            ("POST" | "PUT", ["faults"]) => self.arm(request),
            ("DELETE", ["faults"]) => {
                self.faults.clear();
                Ok(done())
            }
            ("GET", ["faults", id]) => shown(self.faults.show(number(id)?)),
            ("DELETE", ["faults", id]) => {
                if self.faults.remove(number(id)?) {
                    Ok(done())
                } else {
                    Err(missing())
                }
            }
            ("POST", ["faults", id, "release"]) => shown(self.faults.release(number(id)?)),
            ("GET", ["requests"]) => {
                let listed = self.requests.list(request.query, project, self.clock.instant());
                listed.map(|listed| answered(200, &listed))
            }
            ("DELETE", ["requests"]) => {
                self.requests.clear();
                Ok(done())
            }
            ("POST", ["replay"]) => self.replay(request.body, project),
            ("GET", ["snapshot"]) => Ok(self.snapshot(now)),
            ("PUT", ["snapshot"]) => self.restore(request),
            ("POST", ["tokens"]) => self.new_token(request),
            ("GET", ["world"]) => {
                let world = self.world.shared.world_id.clone();
                let objects = self.objects(project);
                Ok(answered(200, &json!({"world": world, "now_ms": now, "objects": objects})))
            }
            ("GET", ["object_storage"]) => {
                let (access_key, secret_key) = crate::object_storage::keys(project);
                let endpoint = &self.object_storage_endpoint;
                let body = json!({"endpoint": endpoint, "access_key": access_key, "secret_key": secret_key});
                Ok(answered(200, &body))
            }
            ("GET", ["machines"]) => self.list_machines(project, now),
            ("GET", ["servers", id, "console"]) => self.console(project, id),
            ("GET", ["servers", id, "first_boot"]) => self.first_boot(project, id),
            ("GET", ["hosts"]) => self.list_hosts(),
            ("POST", ["hosts"]) => self.add_host(request),
            ("DELETE", ["hosts", name]) => self.remove_host(name),
            ("POST", ["shutdown"]) => {
                Ok(Outgoing { delivery: Delivery::Stop, ..answered(200, &json!({"stopping": true})) })
            }
            _ => Err(Refusal::new("not_found", "no such path under /_emulator")),
        }
    }

    /// Adds faults to those that there are, or puts them in their place.
    fn arm(&mut self, request: &Incoming<'_>) -> Result<Outgoing, Refusal> {
        let faults =
            Fault::parse(request.body).map_err(|error| Refusal::new("json_error", error.to_string()))?;
        if request.method == "PUT" {
            self.faults.clear();
        }
        let ids: Vec<u64> = faults.into_iter().map(|fault| self.faults.add(fault)).collect();
        let shown: Vec<Value> = ids.into_iter().filter_map(|id| self.faults.show(id)).collect();
        Ok(match shown.as_slice() {
            [fault] => answered(201, fault),
            several => answered(201, &json!({"faults": several})),
        })
    }

    /// Adds a project and tells its token.
    fn new_token(&mut self, request: &Incoming<'_>) -> Result<Outgoing, Refusal> {
        let wanted = if request.body.is_empty() { NewToken::default() } else { read(request)? };
        let token = match wanted.token {
            Some(token)
                if token.len() == crate::TOKEN_LENGTH && token.bytes().all(|b| b.is_ascii_graphic()) =>
            {
                token
            }
            Some(_) => {
                return Err(Refusal::invalid("token", "token must have exactly 64 visible characters"));
            }
            None => {
                let mut text: String = (0..4).map(|_| self.world.shared.password()).collect();
                text.truncate(crate::TOKEN_LENGTH);
                text
            }
        };
        let saved = self.admit(&token);
        Ok(Outgoing { saved, ..answered(201, &json!({"token": token})) })
    }
}
