//! Real Linux machines behind the world: systemd-nspawn containers in network namespaces of their own, on overlays
//! of a base image. Linux only, and only as root.
//!
//! | module | holds |
//! |---|---|
//! | [`site`] | where a world's things are and how they are named |
//! | [`tools`] | calling `ip`, `nft`, `mount` and the like |
//! | [`doctor`] | whether all this works on this host |
//! | [`image`] | base images, made of the host's own packages |
//! | [`qemu`] | what virtual machines need, which take the place of containers where that is wanted |
//! | [`guests`] | one machine: disk, boot, end, snapshot |
//! | [`network`] | the internet of a world and its private networks |
//! | [`volumes`] | volumes |
//! | [`balancers`] | load balancers |
//! | [`reconciler`], [`worker`] | the threads that make all this what a scene says |
//!
//! What is real outlives the emulator: when it was killed, the next one finds machines, namespaces and volumes again
//! by their names and goes on with them. [`Machines::close`] and [`clean`] take everything down.
//!
//! Guests are no security boundary. They have no user ids of their own, since with those a guest's root could not
//! mount its volumes (the kernel mounts block devices only for the host's own root), and share the host's kernel.

pub(crate) mod balancers;
pub mod doctor;
mod guests;
pub mod image;
pub(crate) mod network;
mod qemu;
mod reconciler;
pub(crate) mod site;
#[cfg(test)]
mod tests;
pub(crate) mod tools;
pub(crate) mod volumes;
mod worker;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use parking_lot::{Condvar, Mutex};

use self::balancers::Balancers;
use self::guests::Snapshots;
use self::network::{Egress, Network};
use self::reconciler::{Order, Reconciler};
pub use self::site::DEFAULT_BASE;
use self::site::Site;
use self::tools::ToolError;
use self::volumes::Volumes;
use crate::backend::options::MachineKind;
use crate::backend::{Backend, Host, Object, Place, Report, Scene, Standing};

/// What machines are opened with.
#[derive(Clone, Debug)]
pub(crate) struct MachinesConfig {
    /// The folder that holds images and the folders of all worlds; usually [`DEFAULT_BASE`].
    pub(crate) base: PathBuf,
    pub(crate) world_id: String,
    pub(crate) egress: Egress,
    pub(crate) kind: MachineKind,
}

/// A world's real machines, with all that they need.
#[derive(Debug)]
pub(crate) struct Machines {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Machines {
    /// Opens a world's machines, and takes over what is there of it. Nothing is changed before the first scene.
    ///
    /// # Errors
    /// When machines cannot run on this host; the text says what is missing and how to get it.
    pub(crate) fn open(config: &MachinesConfig) -> Result<Self, String> {
        let MachinesConfig { base, world_id, egress, kind } = config;
        if !guests::is_mountable(base) {
            return Err(format!(
                "{}: machines cannot be kept in this folder, since layers of disks cannot be named in it; choose one \
                 with an absolute path without commas, colons, quotes and backslashes",
                base.display()
            ));
        }
        if let Some(refusal) = doctor::refusal(&doctor::examine(base)) {
            return Err(format!("machines cannot run on this host:\n{refusal}"));
        }
        if *kind == MachineKind::Qemu
            && let Some(refusal) = doctor::refusal_of_qemu()
        {
            return Err(format!("qemu cannot run machines on this host:\n{refusal}"));
        }
        let site = Site::new(base, world_id);
        Self::take(base, site, *egress, *kind).map_err(|error| error.to_string())
    }

    fn take(base: &Path, site: Site, egress: Egress, kind: MachineKind) -> Result<Self, ToolError> {
        site.folder("").map_err(ToolError::file("making the world's folder"))?;
        let network = Network::open(&site, egress)?;
        let volumes = Volumes::open(&site)?;
        let balancers = Balancers::open(&site)?;
        let shared = Arc::new(Shared {
            snapshots: Snapshots::new(&site),
            site,
            base: base.to_owned(),
            kind,
            network: Mutex::new(network),
            volumes: Mutex::new(volumes),
            state: Mutex::default(),
            ordered: Condvar::new(),
        });
        let reconciler = Reconciler::new(Arc::clone(&shared), balancers);
        let thread = std::thread::Builder::new().name("machines".to_owned()).spawn(move || reconciler.run());
        let thread = thread.map_err(ToolError::file("starting a thread"))?;
        Ok(Self { shared, thread: Mutex::new(Some(thread)) })
    }

    /// Switches everything off and takes it down; disks, volumes and snapshots stay for the next time.
    fn take_down(&self) -> Result<(), ToolError> {
        let Some(thread) = self.thread.lock().take() else { return Ok(()) };
        self.shared.order(Order::Close);
        // It does not panic; if it did, the rest is cleaned up all the same.
        let _ = thread.join();
        stop(&self.shared.site)
    }
}

impl Drop for Machines {
    fn drop(&mut self) {
        // Without having been closed, as when the emulator is killed: everything stays as it is. Whoever opens or
        // cleans the world next must not meet threads of this one.
        if let Some(thread) = self.thread.lock().take() {
            self.shared.order(Order::Leave);
            let _ = thread.join();
        }
    }
}

/// Ends everything of a world's that runs: machines, load balancers, namespaces, loop devices. Disks, volumes and
/// snapshots stay.
fn stop(site: &Site) -> Result<(), ToolError> {
    guests::end_all(site).and(Balancers::clean(site)).and(Network::clean(site)).and(Volumes::release(site))
}

/// Removes everything of a world, whatever state it is in: what runs, what is mounted, its disks and volumes. Nothing
/// else is touched. The world must not be open.
///
/// # Errors
/// When something cannot be removed; the rest is, and it can be tried again.
pub(crate) fn clean(base: &Path, world_id: &str) -> Result<(), String> {
    clean_site(&Site::new(base, world_id)).map_err(|error| error.to_string())
}

pub(crate) fn clean_site(site: &Site) -> Result<(), ToolError> {
    let stopped = stop(site);
    let removed = Volumes::clean(site);
    let folder = match std::fs::remove_dir_all(site.dir()) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(ToolError::file(format!("removing {}", site.dir().display()))(error))
        }
        _ => Ok(()),
    };
    stopped.and(removed).and(folder)
}

impl Backend for Machines {
    fn show(&self, scene: Arc<Scene>) {
        self.shared.order(Order::Show(scene));
    }

    fn standing(&self, object: Object, revision: u64) -> Standing {
        self.shared.state.lock().standing(object, revision)
    }

    fn reports(&self) -> Vec<Report> {
        std::mem::take(&mut self.shared.state.lock().reports)
    }

    fn console(&self, machine: i64) -> Option<String> {
        guests::console(&self.shared.site, machine)
    }

    fn place(&self, machine: i64) -> Option<Place> {
        let site = &self.shared.site;
        let folder = guests::is_known(site, machine);
        // In that of a virtual machine is nobody.
        let namespace = match self.shared.kind {
            MachineKind::Containers => format!("m{machine}"),
            MachineKind::Qemu => network::INTERNET.to_owned(),
        };
        folder.then(|| Place {
            namespace: site.namespace_path(&namespace),
            leader: guests::leader(site, machine),
        })
    }

    fn hosts(&self) -> Vec<Host> {
        let network = self.shared.network.lock();
        let host = |(name, addresses): (String, Vec<IpAddr>)| Host {
            namespace: network.host_namespace(&name),
            name,
            addresses,
        };
        network.hosts().into_iter().map(host).collect()
    }

    fn add_host(&self, name: &str, addresses: &[IpAddr]) -> Result<Host, String> {
        let mut network = self.shared.network.lock();
        network.add_host(name, addresses).map_err(|error| error.to_string())?;
        let namespace = network.host_namespace(name);
        Ok(Host { name: name.to_owned(), addresses: addresses.to_vec(), namespace })
    }

    fn remove_host(&self, name: &str) -> Result<bool, String> {
        let mut network = self.shared.network.lock();
        if network.hosts().iter().all(|(known, _)| known != name) {
            return Ok(false);
        }
        network.remove_host(name).map(|()| true).map_err(|error| error.to_string())
    }

    fn close(&self) {
        // There is nobody to tell; the next start, and `clean`, try again.
        let _ = self.take_down();
    }
}

/// What the threads of a world share.
#[derive(Debug)]
struct Shared {
    site: Site,
    base: PathBuf,
    kind: MachineKind,
    network: Mutex<Network>,
    volumes: Mutex<Volumes>,
    snapshots: Snapshots,
    state: Mutex<State>,
    ordered: Condvar,
}

#[derive(Debug, Default)]
struct State {
    orders: VecDeque<Order>,
    /// The revision that everything but machines and snapshots has been made for.
    done: u64,
    /// What the scene being made has.
    machines: BTreeSet<i64>,
    snapshots: BTreeSet<i64>,
    /// By object, the last revision for which it was reached.
    reached: BTreeMap<Object, u64>,
    /// By object, the last revision for which it could not be, and why.
    failed: BTreeMap<Object, (u64, String)>,
    reports: Vec<Report>,
    /// Volumes that each machine has, or may have.
    attached: BTreeMap<i64, BTreeSet<i64>>,
}

impl State {
    fn standing(&self, object: Object, revision: u64) -> Standing {
        let reached = self.reached.get(&object).copied().unwrap_or_default();
        if let Some((at, message)) = self.failed.get(&object)
            && *at >= revision
            && reached < revision
        {
            return Standing::Failed { message: message.clone() };
        }
        let has_its_own = match object {
            Object::Machine(id) => self.machines.contains(&id),
            Object::Snapshot(id) => self.snapshots.contains(&id),
            _ => false,
        };
        let latest = if has_its_own { reached } else { self.done };
        if latest >= revision { Standing::Reached } else { Standing::Pending }
    }
}

impl Shared {
    fn order(&self, order: Order) {
        let mut state = self.state.lock();
        if let Order::Show(_) = order {
            // A scene stands for itself: earlier ones need not be made.
            state.orders.retain(|order| !matches!(order, Order::Show(_)));
        }
        state.orders.push_back(order);
        self.ordered.notify_all();
    }

    fn next_order(&self, end: Instant) -> Option<Order> {
        let mut state = self.state.lock();
        while state.orders.is_empty() {
            if self.ordered.wait_until(&mut state, end).timed_out() {
                break;
            }
        }
        state.orders.pop_front()
    }

    /// A scene begins to be made.
    fn begin(&self, scene: &Scene) {
        let mut state = self.state.lock();
        state.machines = scene.machines.keys().copied().collect();
        state.snapshots = scene.snapshots.keys().copied().collect();
        for image in scene.snapshots.keys().filter(|image| self.snapshots.exists(**image)) {
            state.reached.insert(Object::Snapshot(*image), scene.revision);
        }
    }

    /// Everything but machines is as the scene says, except for the failures.
    fn done(&self, scene: &Scene, failures: BTreeMap<Object, String>) {
        let mut state = self.state.lock();
        state.done = scene.revision;
        let own = |object: &Object| matches!(object, Object::Machine(_) | Object::Snapshot(_));
        state.failed.retain(|object, _| own(object));
        state.failed.extend(failures.into_iter().map(|(object, why)| (object, (scene.revision, why))));
    }

    /// Whether no scene has been made yet.
    fn is_first(&self) -> bool {
        self.state.lock().done == 0
    }

    fn reached(&self, object: Object, revision: u64) {
        let mut state = self.state.lock();
        let latest = state.reached.entry(object).or_default();
        *latest = revision.max(*latest);
        state.failed.remove(&object);
    }

    fn failed(&self, object: Object, revision: u64, message: String) {
        self.state.lock().failed.insert(object, (revision, message));
    }

    fn forget(&self, object: Object) {
        let mut state = self.state.lock();
        state.reached.remove(&object);
        state.failed.remove(&object);
    }

    fn report(&self, report: Report) {
        self.state.lock().reports.push(report);
    }

    /// Takes note of the volumes that a machine has.
    fn attached(&self, machine: i64, volumes: &BTreeSet<i64>) {
        let mut state = self.state.lock();
        if volumes.is_empty() {
            state.attached.remove(&machine);
        } else {
            state.attached.insert(machine, volumes.clone());
        }
    }

    /// Whether any machine has a volume.
    fn has_volume(&self, volume: i64) -> bool {
        self.state.lock().attached.values().any(|volumes| volumes.contains(&volume))
    }
}

#[cfg(test)]
mod state_tests {
    use super::*;

    #[test]
    fn an_object_has_come_as_far_as_the_last_scene_that_was_made_of_it() {
        let machine = Object::Machine(1);
        let mut state = State { machines: BTreeSet::from([1]), done: 3, ..State::default() };
        let failed = |why: &str| Standing::Failed { message: why.to_owned() };
        // Not yet, although everything else is; what is in no scene is gone.
        assert_eq!(state.standing(machine, 3), Standing::Pending);
        assert_eq!(state.standing(Object::Machine(2), 3), Standing::Reached);
        assert_eq!(state.standing(Object::Segment(2), 3), Standing::Reached);
        assert_eq!(state.standing(Object::Segment(2), 4), Standing::Pending);

        state.reached.insert(machine, 3);
        assert_eq!(state.standing(machine, 2), Standing::Reached);
        // A later wish that cannot be fulfilled does not take back what was.
        state.failed.insert(machine, (5, "no".to_owned()));
        assert_eq!(state.standing(machine, 3), Standing::Reached);
        assert_eq!(state.standing(machine, 4), failed("no"));
        assert_eq!(state.standing(machine, 6), Standing::Pending);
        state.reached.insert(machine, 6);
        assert_eq!(state.standing(machine, 5), Standing::Reached);
    }
}
