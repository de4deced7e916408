//! A running emulator.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::task::JoinHandle;

use crate::faults::{Fault, FaultReport};
use crate::http;
use crate::object_storage::{self, ObjectStorageAccess};
use crate::world::fingerprint;
#[cfg(doc)]
use crate::{Builder, ClockMode};

/// How long answers that are under way may take when the emulator ends.
const GRACE: Duration = Duration::from_secs(2);

/// A running emulator. Dropping it ends it at once, as if it had crashed: nothing that was answered is lost.
#[derive(Debug)]
pub struct Handle {
    pub(crate) shared: Arc<http::Shared>,
    pub(crate) server: Option<JoinHandle<()>>,
    pub(crate) object_storage: object_storage::Server,
    pub(crate) address: SocketAddr,
    pub(crate) tokens: Vec<String>,
    pub(crate) world_id: String,
    pub(crate) idle_exit: Option<Duration>,
}

impl Handle {
    /// The address it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What clients take for the endpoint: `http://127.0.0.1:PORT/v1`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// The first token.
    #[must_use]
    pub fn token(&self) -> &str {
        self.tokens.first().map_or("", String::as_str)
    }

    /// How to reach the object storage of the first token's project.
    #[must_use]
    pub fn object_storage(&self) -> ObjectStorageAccess {
        let (access_key, secret_key) = object_storage::keys(&fingerprint(self.token()));
        ObjectStorageAccess { endpoint: self.object_storage.endpoint(), access_key, secret_key }
    }

    /// What identifies the world, over restarts.
    #[must_use]
    pub fn world_id(&self) -> &str {
        &self.world_id
    }

    /// Completes when there were no requests for as long as [`Builder::idle_exit`] says, or when a request
    /// asked the emulator to end.
    pub async fn wait_idle(&self) {
        let mut stop = self.shared.stop.subscribe();
        loop {
            let idle = self.shared.active.lock().elapsed();
            let left = match self.idle_exit {
                Some(limit) if idle >= limit => return,
                Some(limit) => limit - idle,
                None => Duration::from_secs(3600),
            };
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                () = tokio::time::sleep(left) => {}
            }
        }
    }

    /// Arms a fault; gives its id.
    pub fn add_fault(&self, fault: Fault) -> u64 {
        self.shared.core.lock().faults.add(fault)
    }

    /// How often a fault was met.
    #[must_use]
    pub fn fault(&self, id: u64) -> Option<FaultReport> {
        self.shared.core.lock().faults.report(id)
    }

    /// Sends the answers that a fault holds, and lets actions end that it stalls; `false` if there is no such fault.
    pub fn release_fault(&self, id: u64) -> bool {
        self.shared.core.lock().faults.release(id).is_some()
    }

    /// Disarms all faults, sends what they hold and lets actions end that they stall.
    pub fn clear_faults(&self) {
        self.shared.core.lock().faults.clear();
    }

    /// How many requests were made since the last reset, by method and path template (`GET /servers/{id}`).
    #[must_use]
    pub fn requests(&self) -> BTreeMap<String, u64> {
        self.shared.core.lock().stats.by_route().clone()
    }

    /// How many of them were refused since none were left for their project, with 429.
    #[must_use]
    pub fn rate_limited(&self) -> u64 {
        self.shared.core.lock().stats.refused()
    }

    /// Counts requests from zero again.
    pub fn reset_requests(&self) {
        self.shared.core.lock().stats.reset();
    }

    /// Lets time pass in a world with [`ClockMode::Stepped`]; `false` in any other.
    pub fn advance(&self, time: Duration) -> bool {
        let milliseconds = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        self.shared.core.lock().clock.advance(milliseconds)
    }

    /// Every object of the first token's project as the API shows it: `{kind: {count, objects}}`.
    #[must_use]
    pub fn objects(&self) -> Value {
        self.shared.core.lock().objects(&fingerprint(self.token()))
    }

    /// Ends the emulator: lets answers under way go out, and writes a snapshot.
    pub async fn shutdown(mut self) {
        self.shared.stop.send_replace(true);
        self.shared.core.lock().faults.clear();
        if let Some(mut server) = self.server.take()
            && tokio::time::timeout(GRACE, &mut server).await.is_err()
        {
            server.abort();
        }
        self.object_storage.abort();
        let shared = Arc::clone(&self.shared);
        // Writing and waiting block; the thread pool for that is there.
        let ended = tokio::task::spawn_blocking(move || {
            let backend = {
                let mut core = shared.core.lock();
                core.finish();
                core.live.backend().cloned()
            };
            if let Some(backend) = backend {
                backend.close();
            }
        });
        let _ = ended.await;
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            server.abort();
        }
        self.object_storage.abort();
        self.shared.stop.send_replace(true);
        // Connections may outlive the server for a moment; they find the world closed.
        self.shared.core.lock().close();
    }
}
