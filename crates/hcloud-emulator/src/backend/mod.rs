//! What stands behind the world: nothing ([`Nothing`], the default), or real machines.
//!
//! The world stays the only owner of the truth. It never commands a backend; it shows it a [`Scene`], everything
//! that should really exist by now, and the backend makes that so, again after every change and after a crash of
//! either of them. What should happen once (a boot, a disk written anew) has a generation, the id of the action
//! that wants it. Actions of the world end when the backend has caught up with what they asked for.

#[cfg(target_os = "linux")]
pub(crate) mod first_boot;
pub(crate) mod live;
pub(crate) mod options;
pub(crate) mod scene;

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

pub(crate) use self::live::Live;
pub(crate) use self::scene::{Object, Scene};

/// How far the backend has come with an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It is as the scene with this revision, or any later one, says.
    Reached,
    /// It is being worked on.
    Pending,
    /// It cannot be made so. Sent again with a later revision, it is tried again.
    Failed {
        /// Why, for people: what the user of the API can do something about comes first.
        message: String,
    },
}

/// Something that happened to a real thing without the world's asking for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Report {
    /// The machine is no longer running: it halted itself, or crashed.
    WentOff {
        /// The server.
        machine: i64,
        /// The generation of the boot that ended ([`scene::Run::On`]).
        boot: i64,
    },
    /// What a load balancer found out about one of its targets.
    Health {
        /// The load balancer.
        balancer: i64,
        /// The port of the service.
        listen_port: u16,
        /// The address of the target, as in [`scene::Balancer`].
        target: IpAddr,
        /// Whether it gets requests.
        healthy: bool,
    },
}

/// How people reach something real from this host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// The file that stands for its network namespace.
    pub(crate) namespace: PathBuf,
    /// The process of this host that is the machine's first one, while it runs.
    pub(crate) leader: Option<u32>,
}

/// A further host in the internet of the world, that only tests know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Host {
    /// Lower-case letters, digits and dashes, at most 20.
    pub(crate) name: String,
    pub(crate) addresses: Vec<IpAddr>,
    /// The file that stands for its network namespace.
    pub(crate) namespace: PathBuf,
}

/// Makes a world real. None of the methods waits, unless it says so: work happens elsewhere.
pub(crate) trait Backend: Send + Sync + std::fmt::Debug {
    /// Shows what should exist from now on. Scenes come in the order of their revisions; one that was overtaken
    /// may be left out.
    fn show(&self, scene: Arc<Scene>);

    /// How far an object has come since the scene with this revision. What is in no scene and does not exist has
    /// been reached.
    fn standing(&self, object: Object, revision: u64) -> Standing;

    /// What happened since the last call.
    fn reports(&self) -> Vec<Report>;

    /// The last lines (at most 1 MiB) that a machine wrote to its console.
    fn console(&self, machine: i64) -> Option<String>;

    /// How to reach a machine from this host.
    fn place(&self, _machine: i64) -> Option<Place> {
        None
    }

    /// The hosts that were added.
    fn hosts(&self) -> Vec<Host> {
        Vec::new()
    }

    /// Adds a host. Waits until it is there.
    fn add_host(&self, _name: &str, _addresses: &[IpAddr]) -> Result<Host, String> {
        Err("this backend has no hosts".to_owned())
    }

    /// Removes a host; `false` if there is none of that name. Waits until it is gone.
    fn remove_host(&self, _name: &str) -> Result<bool, String> {
        Ok(false)
    }

    /// Switches everything off and takes it down, and waits for it; disks and volumes are kept for the next time.
    /// Called once, before the emulator ends; nothing is asked afterwards.
    fn close(&self) {}
}
