//! The thread that makes a world what its latest scene says: the network first, then volumes, then every machine by
//! a thread of its own, then load balancers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Shared;
use super::balancers::Balancers;
use super::guests::{self, Guest};
use super::worker::{Goal, Slot, Target, Worker};
use crate::backend::scene::{Object, Scene, Volume};

/// How often load balancers are asked about their targets, and what could not be done before is tried again.
const TICK: Duration = Duration::from_millis(500);
/// Every so many ticks, long consoles are cut.
const TICKS_TO_TRIM: u64 = 20;
/// How long machines may take to go.
const GONE_LIMIT: Duration = Duration::from_secs(30);

/// What the thread is told.
#[derive(Debug)]
pub(super) enum Order {
    Show(Arc<Scene>),
    /// Switch everything off.
    Close,
    /// End, and leave everything as it is.
    Leave,
}

pub(super) struct Reconciler {
    shared: Arc<Shared>,
    balancers: Balancers,
    workers: BTreeMap<i64, Arc<Slot>>,
    /// Volumes as they were made.
    volumes: BTreeMap<i64, Volume>,
    /// Volumes that are to go once no machine has them.
    unwanted: BTreeSet<i64>,
    scene: Arc<Scene>,
    /// Whether anything could not be done that is to be tried again.
    trouble: bool,
    ticks: u64,
}

impl Reconciler {
    pub(super) fn new(shared: Arc<Shared>, balancers: Balancers) -> Self {
        Self {
            shared,
            balancers,
            workers: BTreeMap::new(),
            volumes: BTreeMap::new(),
            unwanted: BTreeSet::new(),
            scene: Arc::default(),
            trouble: false,
            ticks: 0,
        }
    }

    /// Works until it is told to close.
    pub(super) fn run(mut self) {
        loop {
            let order = self.shared.next_order(Instant::now() + TICK);
            match order {
                Some(Order::Show(scene)) => {
                    self.scene = scene;
                    self.reconcile();
                }
                Some(Order::Close) => {
                    self.end_workers(&Goal::Suspended);
                    return;
                }
                Some(Order::Leave) => {
                    self.end_workers(&Goal::Left);
                    return;
                }
                None => self.tick(),
            }
        }
    }

    fn tick(&mut self) {
        self.ticks += 1;
        // Nothing is known of a world before its first scene.
        if self.scene.revision == 0 {
            return;
        }
        for report in self.balancers.reports() {
            self.shared.report(report);
        }
        self.remove_volumes();
        if self.trouble && self.ticks.is_multiple_of(4) {
            self.reconcile();
        }
        if self.ticks.is_multiple_of(TICKS_TO_TRIM) {
            for id in self.workers.keys() {
                guests::trim_console(&self.shared.site, *id);
            }
        }
    }

    fn reconcile(&mut self) {
        let scene = Arc::clone(&self.scene);
        self.shared.begin(&scene);
        self.trouble = false;
        self.remove_machines(&scene);
        let mut failures = self.shared.network.lock().reconcile(&scene);
        self.make_volumes(&scene, &mut failures);
        self.show_machines(&scene, &mut failures);
        {
            let shared = Arc::clone(&self.shared);
            let namespace = |id| shared.network.lock().balancer_namespace(id);
            failures.extend(self.balancers.reconcile(&scene, &namespace));
        }
        self.remove_volumes();
        if let Err(error) = self.shared.snapshots.keep_only(|image| scene.snapshots.contains_key(&image)) {
            failures.insert(Object::Rest, error.to_string());
        }
        self.trouble = !failures.is_empty();
        self.shared.done(&scene, failures);
    }

    /// Removes machines that are in the scene no more, while their network is still there.
    fn remove_machines(&mut self, scene: &Scene) {
        if self.shared.is_first() {
            // What an earlier run left.
            guests::remove_all_discarded(&self.shared.site);
            for id in Guest::present(&self.shared.site) {
                if !self.workers.contains_key(&id)
                    && let Ok(slot) = Worker::start(id, &self.shared)
                {
                    self.workers.insert(id, slot);
                }
            }
        }
        let gone: Vec<(i64, Arc<Slot>)> = self
            .workers
            .iter()
            .filter(|(id, _)| !scene.machines.contains_key(id))
            .map(|(id, slot)| (*id, Arc::clone(slot)))
            .collect();
        for (_, slot) in &gone {
            slot.set(Goal::Gone);
        }
        let end = Instant::now() + GONE_LIMIT;
        for (id, slot) in gone {
            if slot.wait_finished(end.saturating_duration_since(Instant::now())) {
                self.workers.remove(&id);
            }
        }
    }

    fn make_volumes(&mut self, scene: &Scene, failures: &mut BTreeMap<Object, String>) {
        for (id, volume) in &scene.volumes {
            self.unwanted.remove(id);
            if self.volumes.get(id) == Some(volume) {
                continue;
            }
            let made = self.shared.volumes.lock().ensure(*id, volume);
            match made {
                Ok(()) => drop(self.volumes.insert(*id, volume.clone())),
                Err(error) => drop(failures.insert(Object::Volume(*id), error.to_string())),
            }
        }
        if self.shared.is_first() {
            let there = self.shared.volumes.lock().ids().unwrap_or_default();
            self.unwanted.extend(there.into_iter().filter(|id| !scene.volumes.contains_key(id)));
        }
        let gone: Vec<i64> =
            self.volumes.keys().filter(|id| !scene.volumes.contains_key(id)).copied().collect();
        for id in gone {
            self.volumes.remove(&id);
            self.unwanted.insert(id);
        }
    }

    fn remove_volumes(&mut self) {
        let shared = Arc::clone(&self.shared);
        self.unwanted.retain(|id| shared.has_volume(*id) || shared.volumes.lock().remove(*id).is_err());
    }

    fn show_machines(&mut self, scene: &Scene, failures: &mut BTreeMap<Object, String>) {
        let missing = |of: i64| -> BTreeSet<i64> {
            let of_it = scene.snapshots.iter().filter(|(_, snapshot)| snapshot.of == of);
            of_it.map(|(image, _)| *image).filter(|image| !self.shared.snapshots.exists(*image)).collect()
        };
        for (image, snapshot) in &scene.snapshots {
            if !scene.machines.contains_key(&snapshot.of) && !self.shared.snapshots.exists(*image) {
                let why = format!("the server {} that it was to be taken from is gone", snapshot.of);
                failures.insert(Object::Snapshot(*image), why);
            }
        }
        let package_proxy = self.shared.network.lock().package_proxy();
        for (id, machine) in &scene.machines {
            let network = match failures.remove(&Object::Machine(*id)) {
                Some(why) => Err(why),
                None => Ok(self.shared.network.lock().machine_namespace(*id)),
            };
            let automount =
                machine.volumes.iter().filter_map(|id| Some((*id, scene.volumes.get(id)?.automount)));
            let target = Target {
                revision: scene.revision,
                machine: machine.clone(),
                snapshots: missing(*id),
                automount: automount.collect(),
                network,
                package_proxy: package_proxy.clone(),
            };
            let slot = match self.workers.get(id) {
                Some(slot) => Ok(Arc::clone(slot)),
                None => Worker::start(*id, &self.shared),
            };
            match slot {
                Ok(slot) => {
                    slot.set(Goal::Be(Arc::new(target)));
                    self.workers.insert(*id, slot);
                }
                Err(error) => drop(failures.insert(Object::Machine(*id), error.to_string())),
            }
        }
    }

    /// Gives every machine a last goal and waits until it is reached.
    fn end_workers(&mut self, goal: &Goal) {
        for slot in self.workers.values() {
            slot.set(goal.clone());
        }
        let end = Instant::now() + GONE_LIMIT;
        for slot in self.workers.values() {
            slot.wait_finished(end.saturating_duration_since(Instant::now()));
        }
    }
}
