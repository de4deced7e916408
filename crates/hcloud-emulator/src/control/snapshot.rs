//! The world as one document, to be put back later: into the same emulator or into another one.

use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::oneshot;

use crate::clock::LATEST_MS;
use crate::core::{Core, Incoming, Outgoing, answered};
use crate::store::FORMAT;
use crate::world::{Refusal, World};

/// Longest snapshot that is read: a world of tens of thousands of servers.
pub(crate) const LONGEST: usize = 256 << 20;

/// `format` is that of the world's file, since both hold the same rows.
#[derive(Serialize)]
struct SnapshotOut<'a> {
    format: u32,
    version: &'static str,
    now_ms: i64,
    world: &'a World,
}

#[derive(Deserialize)]
struct SnapshotIn {
    now_ms: i64,
    world: World,
}

/// What is looked at first, since nothing is known of the rest in another version.
#[derive(Deserialize)]
struct Format {
    format: u32,
}

impl Core {
    /// The whole world with all its projects, at this moment.
    pub(super) fn snapshot(&mut self, now: i64) -> Outgoing {
        let keys: Vec<String> = self.world.projects.keys().cloned().collect();
        for key in keys {
            self.settle(&key, now);
        }
        let version = env!("CARGO_PKG_VERSION");
        let snapshot = SnapshotOut { format: FORMAT, version, now_ms: now, world: &self.world };
        // Nothing in a world can fail to become JSON: no map has keys other than strings and numbers.
        let body = serde_json::to_string(&snapshot).unwrap_or_default();
        Outgoing { body, ..answered(200, &json!(null)) }
    }

    /// Puts the world of a snapshot in the place of this one.
    pub(super) fn restore(&mut self, request: &Incoming<'_>) -> Result<Outgoing, Refusal> {
        let malformed = |why: String| Refusal::new("json_error", format!("this is no snapshot: {why}"));
        if self.live.is_real() {
            let message = "a world with machines cannot be restored: their disks are not in a snapshot";
            return Err(Refusal::new("unsupported_error", message));
        }
        let Format { format } =
            serde_json::from_slice(request.body).map_err(|error| malformed(error.to_string()))?;
        if format != FORMAT {
            let message = format!(
                "the snapshot has format {format}, this program reads {FORMAT}; \
                 take it again with this program"
            );
            return Err(Refusal::new("unsupported_error", message));
        }
        let SnapshotIn { now_ms, world } =
            serde_json::from_slice(request.body).map_err(|error| malformed(error.to_string()))?;
        if !(0..=LATEST_MS).contains(&now_ms) {
            return Err(malformed(format!("now_ms is {now_ms}, no moment from 1970 to 9998")));
        }
        let saved = self.replace_world(world, now_ms);
        let restored = json!({"world": self.world.shared.world_id, "now_ms": self.clock.now()});
        Ok(Outgoing { saved, ..answered(200, &restored) })
    }

    /// The world keeps its id, and the projects of tokens that are known.
    fn replace_world(&mut self, mut world: World, at: i64) -> Option<oneshot::Receiver<bool>> {
        let old = &self.world;
        world.shared.world_id.clone_from(&old.shared.world_id);
        world.shared.boundless = old.shared.boundless;
        for project in old.projects.keys() {
            world.projects.entry(project.clone()).or_default();
        }
        for project in world.projects.values_mut() {
            project.reindex();
        }
        self.world = world;
        self.clock.restore(at);
        let now = self.clock.now();
        self.save_whole(now)
    }
}
