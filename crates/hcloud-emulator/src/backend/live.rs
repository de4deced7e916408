//! The world's side of a backend: what it was shown, what waits for it, what it reported.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use super::{Backend, Object, Report, Scene, Standing};

/// What is known of the real things behind a world; of none, where there is no backend.
#[derive(Debug, Default)]
pub(crate) struct Live {
    backend: Option<Arc<dyn Backend>>,
    shown: Arc<Scene>,
    /// For each running action, the revision of the first scene that has what it wants.
    awaited: BTreeMap<i64, u64>,
    /// By load balancer, port of the service and address of the target.
    health: BTreeMap<(i64, u16, IpAddr), bool>,
    /// Servers that run as far as the world knows, whose machines are coming back with the emulator.
    returning: BTreeSet<i64>,
}

impl Live {
    /// Nothing was shown yet; machines of the servers `running` come back with the first scene.
    pub(crate) fn new(backend: Arc<dyn Backend>, running: BTreeSet<i64>) -> Self {
        Self { backend: Some(backend), returning: running, ..Self::default() }
    }

    /// Whether anything is real.
    pub(crate) fn is_real(&self) -> bool {
        self.backend.is_some()
    }

    pub(crate) fn backend(&self) -> Option<&Arc<dyn Backend>> {
        self.backend.as_ref()
    }

    /// The scene that was shown last.
    pub(crate) fn scene(&self) -> &Scene {
        &self.shown
    }

    /// Shows a scene if it is another one than the last, for the sake of the running actions.
    pub(crate) fn show(&mut self, mut scene: Scene, running: &BTreeSet<i64>) {
        let Some(backend) = &self.backend else { return };
        scene.revision = self.shown.revision;
        if self.shown.revision == 0 || scene != *self.shown {
            scene.revision += 1;
            self.shown = Arc::new(scene);
            backend.show(Arc::clone(&self.shown));
            let balancers = &self.shown.balancers;
            self.health.retain(|(balancer, port, target), _| {
                balancers.get(balancer).is_some_and(|balancer| {
                    balancer.targets.contains(target)
                        && balancer.services.iter().any(|service| service.listen_port == *port)
                })
            });
        }
        self.awaited.retain(|action, _| running.contains(action));
        for action in running {
            self.awaited.entry(*action).or_insert(self.shown.revision);
        }
    }

    /// How far the backend has come with what an action wants of an object.
    pub(crate) fn standing_for(&self, action: i64, object: Object) -> Standing {
        match (&self.backend, self.awaited.get(&action)) {
            (None, _) => Standing::Reached,
            (Some(_), None) => Standing::Pending,
            (Some(backend), Some(revision)) => backend.standing(object, *revision),
        }
    }

    /// How far the backend has come with an object as it was shown last.
    pub(crate) fn standing(&self, object: Object) -> Standing {
        match &self.backend {
            None => Standing::Reached,
            Some(backend) => backend.standing(object, self.shown.revision),
        }
    }

    /// What happened since the last call; health is kept here, the rest is given back.
    pub(crate) fn reports(&mut self) -> Vec<Report> {
        let Some(backend) = &self.backend else { return Vec::new() };
        let mut others = backend.reports();
        others.retain(|report| match report {
            Report::Health { balancer, listen_port, target, healthy } => {
                self.health.insert((*balancer, *listen_port, *target), *healthy);
                false
            }
            Report::WentOff { .. } => true,
        });
        others
    }

    /// Whether a load balancer found a target healthy; nothing while it does not know.
    pub(crate) fn health(&self, balancer: i64, listen_port: i64, target: IpAddr) -> Option<bool> {
        let port = u16::try_from(listen_port).ok()?;
        self.health.get(&(balancer, port, target)).copied()
    }

    /// Whether a server's machine is coming back with the emulator.
    pub(crate) fn is_returning(&self, server: i64) -> bool {
        self.returning.contains(&server)
    }

    /// Whether any machine is.
    pub(crate) fn any_returning(&self) -> bool {
        !self.returning.is_empty()
    }

    /// Takes note of machines that have come back, or were told otherwise meanwhile; gives those that cannot.
    pub(crate) fn returned(&mut self) -> Vec<i64> {
        let mut failed = Vec::new();
        let (backend, shown) = (&self.backend, &self.shown);
        self.returning.retain(|id| {
            let Some(backend) = backend else { return false };
            match backend.standing(Object::Machine(*id), shown.revision.min(1)) {
                Standing::Reached => false,
                Standing::Pending => true,
                Standing::Failed { .. } => {
                    failed.push(*id);
                    false
                }
            }
        });
        failed
    }
}
