//! Control groups: what a machine may use, which processes are its own, and holding them still. Hosts have version 2,
//! version 1, or both side by side; all are served.

use std::path::{Path, PathBuf};

use crate::backend::scene::Size;
use crate::machines::tools::ToolError;

/// Controllers of version 1 that a machine is put into. The one for devices is the volumes' affair.
const CONTROLLERS: [&str; 5] = ["name=systemd", "memory", "cpu", "pids", "freezer"];

/// Most processes and threads of a machine; a guest that forks without end must not take the host with it.
const MOST_PROCESSES: u32 = 32_768;

/// Where this host has its control groups.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Places {
    /// Controllers of version 1 and where they are mounted.
    v1: Vec<(String, PathBuf)>,
    /// Where version 2 is mounted.
    v2: Option<PathBuf>,
}

/// Finds out from `/proc/self/mountinfo`.
pub(crate) fn group_places(mountinfo: &str) -> Places {
    let mut places = Places::default();
    for line in mountinfo.lines() {
        let Some((place, system)) = line.split_once(" - ") else { continue };
        let mut place = place.split(' ').skip(3);
        // A group of a container's is mounted as if it were the root: nothing can be told apart there, and need not.
        let (Some(_root), Some(folder)) = (place.next(), place.next()) else { continue };
        let mut system = system.split(' ');
        match (system.next(), system.nth(1)) {
            (Some("cgroup2"), _) if places.v2.is_none() => places.v2 = Some(PathBuf::from(folder)),
            (Some("cgroup"), Some(options)) => {
                for name in options.split(',').filter(|name| CONTROLLERS.contains(name)) {
                    if places.v1.iter().all(|(known, _)| known != name) {
                        places.v1.push((name.to_owned(), PathBuf::from(folder)));
                    }
                }
            }
            _ => {}
        }
    }
    places
}

impl Places {
    /// This host's.
    pub(crate) fn find() -> Self {
        group_places(&std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.v1.is_empty() && self.v2.is_none()
    }

    /// Whether version 2 is there, alone or beside version 1.
    pub(super) fn has_v2(&self) -> bool {
        self.v2.is_some()
    }

    /// What they are, for people.
    pub(crate) fn kind(&self) -> &'static str {
        match (self.v1.is_empty(), self.v2.is_some()) {
            (true, true) => "version 2",
            (false, true) => "version 1, with version 2 beside it",
            (false, false) => "version 1",
            (true, false) => "none",
        }
    }

    /// The group of a machine (`machine` is `TAG/mID`), or of a world (`TAG`).
    pub(super) fn group<'a>(&'a self, name: &'a str) -> Group<'a> {
        Group { places: self, name }
    }

    /// What the kernel says of a group's limit of memory.
    #[cfg(test)]
    pub(crate) fn read_memory_limit(&self, group: &str) -> String {
        let v1 = self.v1("memory").map(|place| place.join(group).join("memory.limit_in_bytes"));
        let file = v1.or_else(|| Some(self.v2.as_ref()?.join(group).join("memory.max")));
        file.map(|file| std::fs::read_to_string(file).unwrap().trim().to_owned()).unwrap_or_default()
    }

    fn v1(&self, controller: &str) -> Option<&Path> {
        self.v1.iter().find(|(name, _)| name == controller).map(|(_, folder)| folder.as_path())
    }

    fn folders(&self) -> impl Iterator<Item = &Path> {
        self.v1.iter().map(|(_, folder)| folder.as_path()).chain(self.v2.as_deref())
    }
}

/// A group by the same name in every hierarchy.
#[derive(Clone, Copy, Debug)]
pub(super) struct Group<'a> {
    places: &'a Places,
    name: &'a str,
}

impl Group<'_> {
    /// Makes it, and gives the files that the id of a process is written to in order to put it there.
    pub(super) fn make(&self) -> Result<Vec<PathBuf>, ToolError> {
        if let (Some(v2), true) = (&self.places.v2, self.places.v1.is_empty()) {
            // Controllers have to be handed down from above; what a host does not have is no obstacle.
            for above in [v2.clone(), v2.join(self.name.split('/').next().unwrap_or_default())] {
                make_folder(&above)?;
                for controller in ["+memory", "+cpu", "+pids"] {
                    let _ = std::fs::write(above.join("cgroup.subtree_control"), controller);
                }
            }
        }
        let mut files = Vec::new();
        for place in self.places.folders() {
            let folder = place.join(self.name);
            make_folder(&folder)?;
            files.push(folder.join("cgroup.procs"));
        }
        Ok(files)
    }

    /// Limits what it may use. Limits that the host cannot set are left out: machines run without.
    pub(super) fn limit(&self, size: Size) {
        let memory = size.memory_mb.saturating_mul(1 << 20);
        let quota = u64::from(size.cores.max(1)) * 100_000;
        if self.places.v1.is_empty() {
            self.set_v2("memory.max", memory);
            self.set_v2("cpu.max", format!("{quota} 100000"));
            self.set_v2("pids.max", MOST_PROCESSES);
        } else {
            self.set_v1("memory", "memory.limit_in_bytes", memory);
            self.set_v1("cpu", "cpu.cfs_period_us", 100_000);
            self.set_v1("cpu", "cpu.cfs_quota_us", quota);
            self.set_v1("pids", "pids.max", MOST_PROCESSES);
        }
    }

    /// Lets it have more of the processors than others while it boots: what is waited for is that one can log in,
    /// and machines that got so far still have much to do.
    pub(super) fn prefer(&self, preferred: bool) {
        let factor = if preferred { 8 } else { 1 };
        if self.places.v1.is_empty() {
            self.set_v2("cpu.weight", 100 * factor);
        } else {
            self.set_v1("cpu", "cpu.shares", 1024 * factor);
        }
    }

    fn set_v1(&self, controller: &str, file: &str, value: impl ToString) {
        if let Some(place) = self.places.v1(controller) {
            let _ = std::fs::write(place.join(self.name).join(file), value.to_string());
        }
    }

    fn set_v2(&self, file: &str, value: impl ToString) {
        if let Some(place) = &self.places.v2 {
            let _ = std::fs::write(place.join(self.name).join(file), value.to_string());
        }
    }

    /// Holds all its processes still, or lets them go on. Where that is not possible they just go on.
    pub(super) fn freeze(&self, still: bool) {
        if let Some(place) = self.places.v1("freezer") {
            let state = if still { "FROZEN" } else { "THAWED" };
            let _ = std::fs::write(place.join(self.name).join("freezer.state"), state);
        } else if let Some(place) = &self.places.v2 {
            let _ =
                std::fs::write(place.join(self.name).join("cgroup.freeze"), if still { "1" } else { "0" });
        }
    }

    /// All processes in it and in groups below.
    pub(super) fn processes(&self) -> Vec<u32> {
        let mut found = Vec::new();
        for place in self.places.folders() {
            each_below(&place.join(self.name), 0, &mut |folder| {
                let text = std::fs::read_to_string(folder.join("cgroup.procs")).unwrap_or_default();
                found.extend(text.lines().filter_map(|line| line.parse::<u32>().ok()));
            });
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Removes it with all groups below; its processes must have ended. Whether it is gone.
    pub(super) fn remove(&self) -> bool {
        let mut gone = true;
        for place in self.places.folders() {
            let top = place.join(self.name);
            each_below(&top, 0, &mut |folder| {
                let _ = std::fs::remove_dir(folder);
            });
            gone &= !top.exists();
        }
        gone
    }
}

/// Goes through a tree, children before parents, to the depth that groups have in practice.
fn each_below(folder: &Path, depth: u32, visit: &mut dyn FnMut(&Path)) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    if depth < 32 {
        for entry in entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
            each_below(&entry.path(), depth + 1, visit);
        }
    }
    visit(folder);
}

fn make_folder(folder: &Path) -> Result<(), ToolError> {
    std::fs::create_dir_all(folder).map_err(ToolError::file(format!("making {}", folder.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_found_on_every_kind_of_host() {
        let hybrid = "\
            32 24 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n\
            33 32 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct\n\
            34 32 0:30 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n\
            35 32 0:31 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,name=systemd\n\
            36 32 0:32 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";
        let places = group_places(hybrid);
        assert_eq!(places.v1("cpu"), Some(Path::new("/sys/fs/cgroup/cpu,cpuacct")));
        assert_eq!(places.v1("name=systemd"), Some(Path::new("/sys/fs/cgroup/systemd")));
        assert_eq!(places.v1("freezer"), None);
        assert_eq!(places.kind(), "version 1, with version 2 beside it");

        let modern = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
        assert_eq!(group_places(modern).v2, Some(PathBuf::from("/sys/fs/cgroup")));
        assert_eq!(group_places(modern).kind(), "version 2");
        assert!(group_places("").is_empty());
    }
}
