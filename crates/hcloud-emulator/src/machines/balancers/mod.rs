//! Load balancers: a haproxy each, in a network namespace of its own whose addresses are configured already.
//!
//! | module | holds |
//! |---|---|
//! | [`configuration`] | what haproxy is told, from what the scene says |
//! | [`process`] | starting, asking, replacing and ending it |
//! | [`health`] | what it tells of its targets |
//!
//! A change starts a new process that takes over the listening sockets of the old one and what that one knew of its
//! targets; the old one ends when its last connection does. They outlive the emulator: the next one finds them again.

mod configuration;
mod health;
mod process;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use self::health::Health;
use self::process::Place;
use super::site::Site;
use super::tools::ToolError;
use crate::backend::Report;
use crate::backend::scene::{Balancer, Object, Scene};

/// The folder of the world's that holds theirs.
const FOLDER: &str = "balancers";
/// How often haproxy is asked for its targets' health.
const POLL: Duration = Duration::from_millis(250);
/// After what time something that failed is tried again, or a process that ended started anew.
const RETRY: Duration = Duration::from_secs(2);

/// The load balancers of a world.
#[derive(Debug)]
pub(crate) struct Balancers {
    folder: PathBuf,
    ipv6: bool,
    shown: BTreeMap<i64, Shown>,
    /// Processes that have been replaced, or ended by themselves: to be waited for.
    former: Vec<Child>,
}

/// A load balancer as it was last shown.
#[derive(Debug)]
struct Shown {
    scene: Balancer,
    configuration: String,
    digest: String,
    namespace: PathBuf,
    pid: Option<u32>,
    child: Option<Child>,
    health: Health,
    asked: Option<Instant>,
    failed: Option<(Instant, String)>,
}

impl Balancers {
    /// Makes the folder for them. What runs already is found by [`Balancers::reconcile`].
    ///
    /// # Errors
    /// When it cannot be made.
    pub(crate) fn open(site: &Site) -> Result<Self, ToolError> {
        let folder = site.folder(FOLDER).map_err(ToolError::file("making the folder of load balancers"))?;
        let ipv6 = Path::new("/proc/net/if_inet6").exists();
        Ok(Self { folder, ipv6, shown: BTreeMap::new(), former: Vec::new() })
    }

    /// Makes the load balancers as the scene says; gives what could not be done. `namespace` tells the network
    /// namespace of each.
    pub(crate) fn reconcile(
        &mut self,
        scene: &Scene,
        namespace: &dyn Fn(i64) -> PathBuf,
    ) -> BTreeMap<Object, String> {
        let mut failures = BTreeMap::new();
        for id in self.ids().into_iter().filter(|id| !scene.balancers.contains_key(id)) {
            let shown = self.shown.remove(&id);
            let result = self.place(id).remove();
            self.former.extend(shown.and_then(|shown| shown.child));
            if let Err(error) = result {
                failures.insert(Object::Balancer(id), error.to_string());
            }
        }
        for (id, balancer) in &scene.balancers {
            if let Err(message) = self.make(*id, balancer, namespace(*id)) {
                failures.insert(Object::Balancer(*id), message);
            }
        }
        self.reap();
        failures
    }

    /// What was found out about targets since the last call. Starts a haproxy anew that ended by itself.
    pub(crate) fn reports(&mut self) -> Vec<Report> {
        let mut reports = Vec::new();
        let ids: Vec<i64> = self.shown.keys().copied().collect();
        for id in ids {
            let place = self.place(id);
            let Some(shown) = self.shown.get_mut(&id) else { continue };
            if shown.scene.services.is_empty() || shown.asked.is_some_and(|asked| asked.elapsed() < POLL) {
                continue;
            }
            shown.asked = Some(Instant::now());
            let answer = shown.pid.and_then(|_| place.ask("show stat -1 4 -1"));
            let Some(answer) = answer else {
                let (balancer, namespace) = (shown.scene.clone(), shown.namespace.clone());
                // Whether that works shows with the next scene.
                let _ = self.make(id, &balancer, namespace);
                continue;
            };
            for ((listen_port, target), healthy) in health::parse(&answer) {
                if shown.health.insert((listen_port, target), healthy) != Some(healthy) {
                    reports.push(Report::Health { balancer: id, listen_port, target, healthy });
                }
            }
        }
        self.reap();
        reports
    }

    /// Removes everything of a world's that this module makes.
    ///
    /// # Errors
    /// When the folder cannot be removed.
    pub(crate) fn clean(site: &Site) -> Result<(), ToolError> {
        let folder = site.dir().join(FOLDER);
        process::end(&folder);
        process::remove_folder(&folder)
    }

    /// All that there may be something of.
    fn ids(&self) -> BTreeSet<i64> {
        let entries = std::fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let folders = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        folders.chain(self.shown.keys().copied()).collect()
    }

    fn place(&self, id: i64) -> Place {
        Place::new(self.folder.join(id.to_string()))
    }

    /// Makes one as it should be, unless it is.
    fn make(&mut self, id: i64, balancer: &Balancer, namespace: PathBuf) -> Result<(), String> {
        let place = self.place(id);
        if let Some(shown) = self.shown.get(&id)
            && shown.scene == *balancer
            && shown.namespace == namespace
        {
            match &shown.failed {
                Some((when, message)) if when.elapsed() < RETRY => return Err(message.clone()),
                Some(_) => {}
                None => {
                    let wanted = !balancer.services.is_empty();
                    let runs = place.running(&namespace);
                    if runs.as_ref().map(|running| &running.digest) == wanted.then_some(&shown.digest) {
                        return Ok(());
                    }
                }
            }
        }
        let configuration = configuration::configuration(balancer, self.ipv6);
        let digest = configuration::digest(&configuration);
        let before = self.shown.remove(&id);
        let (child, mut health) =
            before.map_or((None, Health::new()), |before| (before.child, before.health));
        health.retain(|(port, target), _| {
            balancer.targets.contains(target)
                && balancer.services.iter().any(|service| service.listen_port == *port)
        });
        let mut shown = Shown {
            scene: balancer.clone(),
            configuration,
            digest,
            namespace,
            pid: None,
            child,
            health,
            asked: None,
            failed: None,
        };
        let result = self.run(&place, &mut shown).map_err(|error| error.to_string());
        if let Err(message) = &result {
            shown.failed = Some((Instant::now(), message.clone()));
        }
        self.shown.insert(id, shown);
        result
    }

    /// Sees to it that the right haproxy runs, and no other.
    fn run(&mut self, place: &Place, shown: &mut Shown) -> Result<(), ToolError> {
        let running = place.running(&shown.namespace);
        shown.pid = running.as_ref().map(|running| running.pid);
        if shown.scene.services.is_empty() {
            place.end();
            shown.pid = None;
            self.former.extend(shown.child.take());
            return Ok(());
        }
        if running.is_some_and(|running| running.digest == shown.digest) {
            return Ok(());
        }
        if shown.pid.is_none() {
            // One that does not answer, or is in a namespace that is no more.
            place.end();
        }
        let files = configuration::files(&shown.scene);
        for file in &files {
            place.write(&file.name, &file.text)?;
        }
        let child = place.start(&shown.configuration, &shown.digest, &shown.namespace, shown.pid)?;
        shown.pid = Some(child.id());
        self.former.extend(shown.child.replace(child));
        let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
        place.keep_only(configuration::TLS_ENDING, &names);
        Ok(())
    }

    fn reap(&mut self) {
        self.former.retain_mut(|child| matches!(child.try_wait(), Ok(None)));
    }
}
