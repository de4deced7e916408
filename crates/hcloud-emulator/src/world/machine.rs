//! What the machine behind a server is to be: kept with the server, whether or not anything is real, so that a world
//! can become real at any time.

use serde::{Deserialize, Serialize};

use super::Project;
use super::servers::{Server, Status};

/// What a server's machine is to be.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Machine {
    /// The action that wanted the disk written; 0 in worlds of programs that knew no machines.
    pub(crate) written_by: i64,
    /// The image it is written from.
    pub(crate) image: Option<i64>,
    /// The action that wanted the latest boot.
    pub(crate) boot: i64,
    /// Whether it is to run.
    pub(crate) on: bool,
    /// Whether it is asked to reboot, or to shut down, rather than made to.
    pub(crate) gracefully: bool,
    /// Public keys that may log in, as they were when the server was created.
    pub(crate) ssh_keys: Vec<String>,
    pub(crate) root_password: Option<String>,
    /// The rescue system that the next boot is into, as long as [`Server::rescue_until`] lasts.
    pub(crate) rescue_next: Option<Rescue>,
    /// The rescue system that the latest boot was into.
    pub(crate) rescue: Option<Rescue>,
}

/// Access to a rescue system.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rescue {
    pub(crate) ssh_keys: Vec<String>,
    pub(crate) root_password: String,
}

impl std::fmt::Debug for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Passwords are nobody's business.
        f.debug_struct("Machine")
            .field("written_by", &self.written_by)
            .field("image", &self.image)
            .field("boot", &self.boot)
            .field("on", &self.on)
            .field("gracefully", &self.gracefully)
            .field("rescue", &self.rescue.is_some())
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Rescue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rescue").finish_non_exhaustive()
    }
}

/// The generation of disks and boots in worlds that were made before there were any.
const BEFORE_MACHINES: i64 = 1;

impl Server {
    /// The machine is to boot, into the rescue system if that is enabled.
    pub(super) fn boot(&mut self, action: i64, gracefully: bool, now: i64) {
        let rescue = self.machine.rescue_next.take();
        self.machine.rescue = rescue.filter(|_| self.rescue_until.is_some_and(|until| until > now));
        (self.machine.boot, self.machine.on, self.machine.gracefully) = (action, true, gracefully);
    }

    /// The machine is to end.
    pub(super) fn end(&mut self, gracefully: bool) {
        (self.machine.on, self.machine.gracefully) = (false, gracefully);
    }

    /// The machine is off, whatever was wanted.
    pub(super) fn fell(&mut self) {
        self.status = Status::Off;
        self.end(false);
    }
}

impl Project {
    /// Gives the servers of a world that is older than machines what they need to have some.
    pub(super) fn furnish(&mut self) {
        let old: Vec<i64> =
            self.servers.values().filter(|s| s.machine.written_by == 0).map(|s| s.id).collect();
        for id in old {
            let keys = self.servers.get(id).map(|server| server.ssh_keys.clone()).unwrap_or_default();
            let ssh_keys = self.public_keys(&keys);
            let Some(server) = self.servers.get_mut(id) else { continue };
            let on = !matches!(server.status, Status::Off | Status::Stopping | Status::Migrating);
            server.machine = Machine {
                written_by: BEFORE_MACHINES,
                image: server.image,
                boot: BEFORE_MACHINES,
                on,
                ssh_keys,
                ..Machine::default()
            };
        }
    }

    /// The public keys with these ids; those that are gone are left out.
    pub(super) fn public_keys(&self, ids: &[i64]) -> Vec<String> {
        ids.iter()
            .filter_map(|id| self.ssh_keys.get(*id))
            .map(|key| key.public_key.trim().to_owned())
            .collect()
    }
}
