//! One thread for each machine: makes it what the latest scene says, and notices when it goes off.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::Shared;
use super::guests::{Boot, End, Guest, Record, remove_discarded};
use super::image;
use super::tools::ToolError;
use crate::backend::Report;
use crate::backend::options::MachineKind;
use crate::backend::scene::{DiskSource, Machine, Object, Run};

/// How long a machine that is asked to shut down may take before it is switched off.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(30);
/// The same when the whole world is taken down.
const CLOSE_LIMIT: Duration = Duration::from_secs(8);
/// How long it may take until one can log in. A machine that runs for so long is taken for booted: user data may have
/// done away with the SSH server.
const BOOT_LIMIT: Duration = Duration::from_secs(60);
/// How often is looked whether one can log in.
const BOOT_POLL: Duration = Duration::from_millis(40);
/// What virtual machines have instead of all these: where the hardware does not help they take a minute, and more
/// while others do the same.
const SHUTDOWN_LIMIT_VIRTUAL: Duration = Duration::from_secs(120);
const BOOT_LIMIT_VIRTUAL: Duration = Duration::from_secs(300);
const BOOT_POLL_VIRTUAL: Duration = Duration::from_millis(500);
/// A machine that restarts itself more often than this many times in a minute is left off.
const MOST_RESTARTS: usize = 5;

/// What a worker is told to do.
#[derive(Clone, Debug)]
pub(super) enum Goal {
    /// To make the machine so.
    Be(Arc<Target>),
    /// To remove it with its disk.
    Gone,
    /// To switch it off until the next time the world is opened.
    Suspended,
    /// To leave it as it is.
    Left,
}

/// What a machine should be.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) revision: u64,
    pub(super) machine: Machine,
    /// Snapshots to take of it before anything else.
    pub(super) snapshots: BTreeSet<i64>,
    /// For each volume, whether it is mounted automatically.
    pub(super) automount: BTreeMap<i64, bool>,
    /// The file of its network namespace, or why it has none.
    pub(super) network: Result<PathBuf, String>,
    pub(super) package_proxy: Option<String>,
}

/// Where a worker finds its goal.
#[derive(Debug, Default)]
pub(super) struct Slot {
    state: Mutex<SlotState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct SlotState {
    goal: Option<Goal>,
    /// Counts goals, so that it is seen when there is a new one.
    counter: u64,
    /// Whether the process of a machine has ended.
    ended: bool,
    /// Whether the last goal was the last one, and has been reached.
    finished: bool,
}

impl Slot {
    pub(super) fn set(&self, goal: Goal) {
        let mut state = self.state.lock();
        state.goal = Some(goal);
        state.counter += 1;
        self.changed.notify_all();
    }

    /// Waits until the worker has ended; whether it has.
    pub(super) fn wait_finished(&self, limit: Duration) -> bool {
        let end = Instant::now() + limit;
        let mut state = self.state.lock();
        while !state.finished {
            if self.changed.wait_until(&mut state, end).timed_out() {
                return state.finished;
            }
        }
        true
    }

    fn ended(&self) {
        self.state.lock().ended = true;
        self.changed.notify_all();
    }

    fn finish(&self) {
        self.state.lock().finished = true;
        self.changed.notify_all();
    }

    /// Waits for something to do.
    fn next(&self, seen: u64) -> (Option<Goal>, u64, bool) {
        let mut state = self.state.lock();
        while state.counter == seen && !state.ended {
            self.changed.wait(&mut state);
        }
        let ended = std::mem::take(&mut state.ended);
        let goal = if state.counter == seen { None } else { state.goal.clone() };
        (goal, state.counter, ended)
    }

    /// Waits a while, or until there is another goal than the one `looked` at last. Gives what to look for next.
    fn pause(&self, looked: u64, time: Duration) -> u64 {
        let mut state = self.state.lock();
        if state.counter == looked {
            self.changed.wait_for(&mut state, time);
        }
        state.counter
    }

    /// The goal, if it is another one than was seen.
    fn newer(&self, seen: u64) -> Option<Goal> {
        let state = self.state.lock();
        if state.counter == seen { None } else { state.goal.clone() }
    }
}

/// Why a goal was not reached.
enum Stop {
    /// There is another one.
    Overtaken,
    Failed(String),
}

impl From<ToolError> for Stop {
    fn from(error: ToolError) -> Self {
        Self::Failed(error.to_string())
    }
}

/// The worker of a machine.
pub(super) struct Worker {
    id: i64,
    shared: Arc<Shared>,
    slot: Arc<Slot>,
    guest: Guest,
    target: Option<Arc<Target>>,
    seen: u64,
    restarts: Vec<Instant>,
}

impl Worker {
    /// Starts the worker of a machine.
    pub(super) fn start(id: i64, shared: &Arc<Shared>) -> Result<Arc<Slot>, ToolError> {
        let guest = Guest::open(&shared.site, id, shared.kind)?;
        let slot = Arc::new(Slot::default());
        let (shared, its_slot) = (Arc::clone(shared), Arc::clone(&slot));
        std::thread::Builder::new()
            .name(format!("machine-{id}"))
            .spawn(move || {
                let slot = Arc::clone(&its_slot);
                let mut worker =
                    Self { id, shared, slot: its_slot, guest, target: None, seen: 0, restarts: Vec::new() };
                worker.watch();
                let discarded = worker.run();
                slot.finish();
                // Nobody has to wait for that.
                if let Some(folder) = discarded {
                    remove_discarded(&folder);
                }
            })
            .map_err(ToolError::file(format!("starting a thread for the machine {id}")))?;
        Ok(slot)
    }

    /// Works until it is told to end. Gives what is still to be removed.
    fn run(&mut self) -> Option<PathBuf> {
        self.shared.attached(self.id, &self.guest.record.volumes);
        loop {
            let (goal, seen, ended) = self.slot.next(self.seen);
            self.seen = seen;
            if ended {
                self.gone_off();
            }
            match goal {
                Some(Goal::Be(target)) => {
                    self.target = Some(Arc::clone(&target));
                    match self.be(&target) {
                        Ok(()) => self.shared.reached(Object::Machine(self.id), target.revision),
                        Err(Stop::Overtaken) => {}
                        Err(Stop::Failed(message)) => {
                            self.shared.failed(Object::Machine(self.id), target.revision, message);
                        }
                    }
                }
                Some(Goal::Gone) => {
                    let ended = self.guest.kill_and_wait().and_then(|()| self.left());
                    let discarded = ended.and_then(|()| self.guest.discard());
                    self.shared.attached(self.id, &BTreeSet::new());
                    return match discarded {
                        Ok(folder) => {
                            self.shared.forget(Object::Machine(self.id));
                            Some(folder)
                        }
                        Err(error) => {
                            self.shared.failed(Object::Machine(self.id), u64::MAX, error.to_string());
                            None
                        }
                    };
                }
                Some(Goal::Suspended) => {
                    if self.guest.is_running() {
                        let record = Record { suspended: true, ..self.guest.record.clone() };
                        let _ = self.guest.remember(record);
                        let _ = self.off(Some(CLOSE_LIMIT));
                    }
                    return None;
                }
                Some(Goal::Left) => return None,
                None => {}
            }
        }
    }

    /// Makes the machine what it should be.
    fn be(&mut self, target: &Target) -> Result<(), Stop> {
        let machine = &target.machine;
        if self.guest.is_virtual() {
            let automount = machine.volumes.iter().any(|id| target.automount.get(id) == Some(&true));
            self.guest.refuse_impossible(machine, automount)?;
        }
        for image in &target.snapshots {
            match self.guest.snapshot(*image) {
                Ok(()) => self.shared.reached(Object::Snapshot(*image), target.revision),
                Err(error) => {
                    self.shared.failed(Object::Snapshot(*image), target.revision, error.to_string())
                }
            }
        }
        if self.guest.disk() != Some(machine.disk.written_by) {
            let layers = self.layers(&machine.disk.from)?;
            self.off(None)?;
            self.guest.write_disk(machine.disk.written_by, layers)?;
        }
        match machine.run {
            Run::Off { gracefully } => self.off(gracefully.then_some(self.shutdown_limit()))?,
            Run::On { boot, gracefully } => {
                let record = &self.guest.record;
                let same = record.boot == boot && !record.suspended;
                if self.guest.is_running() && same {
                    self.guest.limit(machine.size);
                    if record.root_password != machine.root_password {
                        self.change_password(machine)?;
                    }
                } else {
                    self.off(gracefully.then_some(self.shutdown_limit()))?;
                    // One that went off before everybody's eyes, or switched itself off while nobody watched, stays
                    // off; one that was suspended, or killed with all else on this host, comes back.
                    match self.guest.ended_unseen().filter(|_| same) {
                        Some(End::Off | End::Killed) if self.guest.record.told => return Ok(()),
                        Some(End::Off) if self.guest.record.booted => {
                            self.tell_off();
                            return Ok(());
                        }
                        _ => self.on(boot, target)?,
                    }
                }
                self.booted(target)?;
                self.volumes(target)?;
            }
        }
        Ok(())
    }

    /// The layers that a disk is made on.
    fn layers(&self, from: &DiskSource) -> Result<Vec<PathBuf>, Stop> {
        match from {
            DiskSource::System(_) if self.guest.is_virtual() => {
                let image = image::disk::find_or_build(&self.shared.base, &mut |_| {});
                Ok(vec![image.map_err(Stop::Failed)?.disk()])
            }
            DiskSource::System(name) => Ok(vec![self.base_image(name)?]),
            DiskSource::Snapshot(image) => self
                .shared
                .snapshots
                .layers(*image)
                .ok_or_else(|| Stop::Failed(format!("the image {image} has no disk on this host"))),
        }
    }

    fn base_image(&self, name: &str) -> Result<PathBuf, Stop> {
        let base = &self.shared.base;
        if let Some(image) = image::find(base, name).map_err(Stop::Failed)? {
            return Ok(image.root());
        }
        // Machines that need it at once wait for the one that makes it.
        image::build(name, base, &mut |_| {}).map(|image| image.root()).map_err(Stop::Failed)
    }

    /// Starts the machine.
    fn on(&mut self, boot: i64, target: &Target) -> Result<(), Stop> {
        let network = target.network.as_ref().map_err(|why| Stop::Failed(why.clone()))?;
        let machine = &target.machine;
        let rescue_image = match &machine.rescue {
            Some(_) => Some(self.base_image("")?),
            None => None,
        };
        // A machine that was switched on has no routes or rules from before.
        self.shared.network.lock().renew_guest(self.id)?;
        let (arguments, group) = if self.guest.is_virtual() {
            // It gets its volumes when it runs.
            (Vec::new(), None)
        } else {
            let volumes = self.shared.volumes.lock();
            (volumes.boot_arguments(&machine.volumes), volumes.device_group(self.id, &machine.volumes)?)
        };
        self.guest.boot(&Boot {
            boot,
            machine,
            network,
            package_proxy: target.package_proxy.as_deref(),
            arguments,
            join: group.into_iter().collect(),
            rescue_image,
            base: &self.shared.base,
        })?;
        self.watch();
        // Until it is otherwise known, all that it was started with.
        self.shared.attached(self.id, &machine.volumes);
        Ok(())
    }

    /// Notices when the machine's process ends.
    fn watch(&self) {
        let Some(keeper) = self.guest.keeper() else { return };
        let slot = Arc::clone(&self.slot);
        let watched = std::thread::Builder::new().name(format!("watch-{}", self.id)).spawn(move || {
            keeper.wait(None);
            slot.ended();
        });
        if watched.is_err() {
            // Without the thread it is found out at the next change of the scene.
            self.slot.ended();
        }
    }

    /// Waits until the machine can be used. One that wants to be started again meanwhile is.
    fn booted(&mut self, target: &Target) -> Result<(), Stop> {
        if self.guest.record.booted {
            return Ok(());
        }
        let (limit, poll) = match self.shared.kind {
            MachineKind::Containers => (BOOT_LIMIT, BOOT_POLL),
            MachineKind::Qemu => (BOOT_LIMIT_VIRTUAL, BOOT_POLL_VIRTUAL),
        };
        let mut end = Instant::now() + limit;
        let mut known = false;
        // A goal that changes something else, as most do while others are created, is no reason to hurry.
        let mut looked = self.seen;
        loop {
            match self.guest.check() {
                Ok(true) => {}
                Ok(false) => return Err(Stop::Failed(self.last_words("the machine is not running"))),
                Err(End::Reboot) if self.may_restart() => {
                    self.off(None)?;
                    self.on(self.guest.record.boot, target)?;
                    (end, known) = (Instant::now() + limit, false);
                }
                Err(end) => return Err(Stop::Failed(self.not_booted(end))),
            }
            if !known && self.can_have_volumes() {
                known = true;
                // What it has to be given comes before it looks for it.
                self.volumes(target)?;
            }
            if self.guest.is_reachable(&target.machine) || Instant::now() > end {
                return Ok(self.guest.booted()?);
            }
            let overtaken = match self.slot.newer(self.seen) {
                Some(Goal::Be(new)) => {
                    new.machine.run != target.machine.run || new.machine.disk != target.machine.disk
                }
                Some(_) => true,
                None => false,
            };
            if overtaken {
                return Err(Stop::Overtaken);
            }
            looked = self.slot.pause(looked, poll);
        }
    }

    /// Whether the machine has come so far that it can be given volumes.
    fn can_have_volumes(&mut self) -> bool {
        if self.guest.is_virtual() { self.guest.listens() } else { self.guest.leader().is_some() }
    }

    fn shutdown_limit(&self) -> Duration {
        if self.guest.is_virtual() { SHUTDOWN_LIMIT_VIRTUAL } else { SHUTDOWN_LIMIT }
    }

    fn not_booted(&self, end: End) -> String {
        self.last_words(match end {
            End::NotStarted(70) => "the machine could not be put into its control group",
            End::NotStarted(_) => "the machine's disk could not be mounted",
            End::Off | End::Killed | End::Reboot => "the machine went off before it had booted",
        })
    }

    /// What went wrong, with the end of the console.
    fn last_words(&self, what: &str) -> String {
        let console = super::guests::console(&self.shared.site, self.id).unwrap_or_default();
        let lines: Vec<&str> = console.lines().rev().filter(|line| !line.trim().is_empty()).take(8).collect();
        if lines.is_empty() {
            return what.to_owned();
        }
        let lines: Vec<&str> = lines.into_iter().rev().collect();
        format!("{what}; the last lines of its console:\n{}", lines.join("\n"))
    }

    /// Stops the machine; with a limit it is asked to do it itself first.
    fn off(&mut self, limit: Option<Duration>) -> Result<(), Stop> {
        if let (Some(limit), Ok(true)) = (limit, self.guest.check()) {
            self.guest.shut_down();
            let end = Instant::now() + limit;
            while let (Ok(true), true) = (self.guest.check(), Instant::now() < end) {
                match self.slot.newer(self.seen) {
                    // A harder word ends the waiting.
                    Some(Goal::Gone) => break,
                    Some(Goal::Be(new)) if matches!(new.machine.run, Run::Off { gracefully: false }) => break,
                    _ => {}
                }
                if let Some(keeper) = self.guest.keeper() {
                    keeper.wait(Some(Duration::from_millis(100)));
                }
            }
        }
        self.guest.kill_and_wait()?;
        self.left()?;
        Ok(())
    }

    /// Takes note that the machine has no volumes any more, since it does not run.
    fn left(&mut self) -> Result<(), ToolError> {
        self.shared.volumes.lock().remove_device_group(self.id)?;
        let record = Record { volumes: BTreeSet::new(), ..self.guest.record.clone() };
        self.guest.remember(record)?;
        self.shared.attached(self.id, &BTreeSet::new());
        Ok(())
    }

    /// Attaches and detaches volumes.
    fn volumes(&mut self, target: &Target) -> Result<(), Stop> {
        let wanted = &target.machine.volumes;
        let had = self.guest.record.volumes.clone();
        if *wanted == had {
            return Ok(());
        }
        let leader = match self.guest.leader() {
            Some(leader) => leader,
            // A virtual machine shows none of its processes.
            None if self.guest.is_virtual() && self.guest.is_running() => 0,
            None => return Ok(()),
        };
        let mut has = had.clone();
        let mut failure = None;
        {
            let volumes = self.shared.volumes.lock();
            for id in had.difference(wanted) {
                let detached = match self.shared.kind {
                    MachineKind::Containers => volumes.detach(*id, leader),
                    MachineKind::Qemu => self.guest.detach(*id),
                };
                match detached {
                    Ok(()) => drop(has.remove(id)),
                    Err(error) => failure = Some(format!("volume {id} cannot be detached: {error}")),
                }
            }
            for id in wanted.difference(&had) {
                let automount = target.automount.get(id).copied().unwrap_or_default();
                let attached = match self.shared.kind {
                    MachineKind::Containers => volumes.attach(*id, leader, automount),
                    MachineKind::Qemu => volumes.node(*id).and_then(|node| self.guest.attach(*id, &node)),
                };
                match attached {
                    Ok(()) => drop(has.insert(*id)),
                    Err(error) => failure = Some(format!("volume {id} cannot be attached: {error}")),
                }
            }
        }
        self.shared.attached(self.id, &has);
        let record = Record { volumes: has, ..self.guest.record.clone() };
        self.guest.remember(record)?;
        failure.map_or(Ok(()), |failure| Err(Stop::Failed(failure)))
    }

    fn change_password(&mut self, machine: &Machine) -> Result<(), Stop> {
        if let Some(password) = &machine.root_password {
            self.guest.set_root_password(password)?;
        }
        let record = Record { root_password: machine.root_password.clone(), ..self.guest.record.clone() };
        Ok(self.guest.remember(record)?)
    }

    /// The machine's process has ended, without this worker's doing unless it has been seen to.
    fn gone_off(&mut self) {
        let Err(end) = self.guest.check() else { return };
        let _ = self.guest.kill_and_wait();
        let _ = self.left();
        let Some(target) = self.target.clone() else { return };
        let Run::On { boot, .. } = target.machine.run else { return };
        if boot != self.guest.record.boot {
            return;
        }
        if end == End::Reboot && self.may_restart() {
            let restarted = self.on(boot, &target).and_then(|()| self.booted(&target));
            if let Err(Stop::Failed(_)) = restarted {
                self.tell_off();
            }
        } else {
            self.tell_off();
        }
    }

    fn may_restart(&mut self) -> bool {
        self.restarts.retain(|at| at.elapsed() < Duration::from_secs(60));
        self.restarts.push(Instant::now());
        self.restarts.len() <= MOST_RESTARTS
    }

    fn tell_off(&mut self) {
        let boot = self.guest.record.boot;
        let record = Record { told: true, ..self.guest.record.clone() };
        let _ = self.guest.remember(record);
        self.shared.report(Report::WentOff { machine: self.id, boot });
    }
}
