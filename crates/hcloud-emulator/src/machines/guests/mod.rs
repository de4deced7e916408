//! One machine on this host: a systemd-nspawn container on an overlay of a base image, in the network namespace that
//! the network has made for it.
//!
//! Its folder holds everything about it, so that it is found again after a crash of the emulator, which it survives:
//!
//! | file | is |
//! |---|---|
//! | `disk/` | its disk ([`disk`]) |
//! | `seed/` | what it is told at a boot ([`seed`]) |
//! | `boot.json` | which boot it runs or ran from, and what it was given since |
//! | `ended` | how systemd-nspawn ended: 0 after a power-off, 133 to be started again |
//! | `console`, `console.old` | what it wrote to its console |
//!
//! The container is run by a keeper (`keeper.sh`), a shell in a mount namespace and session of its own. Where that is
//! wanted, qemu takes the place of systemd-nspawn ([`virtual_machine`]).

mod disk;
mod groups;
mod process;
mod seed;
mod virtual_machine;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde::{Deserialize, Serialize};

pub(crate) use self::disk::is_mountable;
use self::disk::{Disk, UPPER};
pub(crate) use self::groups::{Places, group_places};
use self::process::{Found, Process, Role};
use self::seed::Seed;
use super::image;
use super::site::Site;
use super::tools::{ToolError, run, run_with_input};
use crate::backend::options::MachineKind;
use crate::backend::scene::{Machine, Size};

/// The folder of the world's with a folder for each machine.
const FOLDER: &str = "machines";
/// The same for snapshots.
const SNAPSHOTS: &str = "snapshots";
const KEEPER: &str = include_str!("keeper.sh");
const KEEPER_VIRTUAL: &str = include_str!("virtual.sh");
/// What the folder of a machine ends in that is being removed.
const DISCARDED: &str = ".gone";
/// What systemd-nspawn ends with when the machine wants to be started again.
const REBOOT: i32 = 133;
/// How much of a console is told, and how much is kept.
const CONSOLE_TOLD: u64 = 1 << 20;
const CONSOLE_KEPT: u64 = 4 << 20;
/// How long a machine that was killed may take to be gone.
const KILL_LIMIT: Duration = Duration::from_secs(20);
/// How much of that qemu has to close the disk.
const GENTLY: Duration = Duration::from_secs(10);

/// What a machine needs to boot, besides what is in the scene.
#[derive(Debug)]
pub(crate) struct Boot<'a> {
    /// The generation.
    pub(crate) boot: i64,
    pub(crate) machine: &'a Machine,
    /// The file of its network namespace.
    pub(crate) network: &'a Path,
    pub(crate) package_proxy: Option<&'a str>,
    /// Further arguments for systemd-nspawn.
    pub(crate) arguments: Vec<String>,
    /// Further files to write its number to before it runs, in order to join groups.
    pub(crate) join: Vec<PathBuf>,
    /// The root of the rescue system's image, if it boots into that.
    pub(crate) rescue_image: Option<PathBuf>,
    /// The folder with the images of this host.
    pub(crate) base: &'a Path,
}

/// What is remembered of a boot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) boot: i64,
    /// Whether it came so far that it could be used.
    pub(crate) booted: bool,
    /// Whether its end has been told to the world.
    pub(crate) told: bool,
    /// Whether it was ended from outside, and is to come back when the world does.
    pub(crate) suspended: bool,
    pub(crate) volumes: BTreeSet<i64>,
    /// The password that root was given last.
    pub(crate) root_password: Option<String>,
    /// How many network interfaces a virtual machine was started with.
    #[serde(default)]
    pub(crate) interfaces: usize,
}

/// How a machine stopped running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It switched itself off.
    Off,
    /// It was killed, by the host or by a crash.
    Killed,
    /// It wants to be started again.
    Reboot,
    /// It could not be started: the code of the keeper.
    NotStarted(i32),
}

/// A machine on this host.
#[derive(Debug)]
pub(crate) struct Guest {
    id: i64,
    kind: MachineKind,
    folder: PathBuf,
    snapshots: PathBuf,
    tag: String,
    group: String,
    places: Places,
    pub(crate) record: Record,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    keeper: Process,
    /// Absent where an earlier emulator started it.
    child: Option<Child>,
    container: Option<Process>,
    leader: Option<Process>,
}

impl Guest {
    /// The machine with this id, with whatever there is of it already.
    ///
    /// # Errors
    /// When its folder cannot be made.
    pub(crate) fn open(site: &Site, id: i64, kind: MachineKind) -> Result<Self, ToolError> {
        let all = site.folder(FOLDER).map_err(ToolError::file("making the folder of machines"))?;
        let snapshots = site.folder(SNAPSHOTS).map_err(ToolError::file("making the folder of snapshots"))?;
        let folder = all.join(id.to_string());
        disk::make(&folder)?;
        let record = std::fs::read(folder.join("boot.json")).ok();
        let record = record.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
        let tag = site.tag().to_owned();
        let group = format!("{tag}/m{id}");
        let mut guest =
            Self { id, kind, folder, snapshots, tag, group, places: Places::find(), record, running: None };
        guest.adopt();
        Ok(guest)
    }

    /// Machines that have a folder, or run, whatever the world knows.
    pub(crate) fn present(site: &Site) -> BTreeSet<i64> {
        let entries = std::fs::read_dir(site.dir().join(FOLDER)).into_iter().flatten().flatten();
        let folders = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        folders.chain(process::of_world(site.tag()).into_iter().map(|found| found.machine)).collect()
    }

    fn adopt(&mut self) {
        let found: Vec<Found> =
            process::of_world(&self.tag).into_iter().filter(|found| found.machine == self.id).collect();
        let container = found.iter().find(|found| found.role == Role::Container);
        let container = container.and_then(|found| Process::open(found.pid));
        match process::keeper_among(&found).and_then(Process::open) {
            Some(keeper) => {
                // An emulator that was killed while it took a snapshot left it standing still.
                self.places.group(&self.group).freeze(false);
                self.running = Some(Running { keeper, child: None, container, leader: None });
            }
            None => {
                // Somebody has killed its keeper. The disk cannot be mounted again while it runs.
                if let Some(container) = container {
                    container.signal(Signal::KILL);
                    container.wait(Some(KILL_LIMIT));
                }
            }
        }
    }

    /// Whether it is run by qemu.
    pub(crate) fn is_virtual(&self) -> bool {
        self.kind == MachineKind::Qemu
    }

    /// The action that wanted the disk written as it is, if there is one.
    pub(crate) fn disk(&self) -> Option<i64> {
        Disk::read(&self.folder.join("disk")).map(|disk| disk.written_by)
    }

    /// Writes the disk anew, empty over these layers (the topmost first). The machine must not run.
    ///
    /// # Errors
    /// When that fails; then there is no disk.
    pub(crate) fn write_disk(&mut self, written_by: i64, lower: Vec<PathBuf>) -> Result<(), ToolError> {
        Disk { written_by, lower }.create(&self.folder.join("disk"))
    }

    /// Copies the disk into a snapshot. A machine that runs is held still meanwhile.
    ///
    /// # Errors
    /// When there is no disk, or not enough room.
    pub(crate) fn snapshot(&self, image: i64) -> Result<(), ToolError> {
        if self.is_virtual() {
            return Err(ToolError::Refused("no snapshot can be taken of a server that qemu runs".to_owned()));
        }
        let to = self.snapshots.join(image.to_string());
        if to.exists() {
            return Ok(());
        }
        let from = self.folder.join("disk");
        let disk =
            Disk::read(&from).ok_or_else(|| ToolError::Refused("the server has no disk yet".to_owned()))?;
        let group = self.places.group(&self.group);
        let running = self.running.is_some();
        if running {
            group.freeze(true);
        }
        let copied = disk.copy(self.id, &from, &to);
        if running {
            group.freeze(false);
        }
        copied
    }

    /// Starts it. What it had of an earlier run must have ended.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) fn boot(&mut self, boot: &Boot<'_>) -> Result<(), ToolError> {
        let (script, keeper) = match self.kind {
            MachineKind::Containers => (KEEPER, self.prepare_container(boot)?),
            MachineKind::Qemu => (KEEPER_VIRTUAL, self.prepare_virtual(boot)?),
        };
        let record = Record {
            boot: boot.boot,
            volumes: BTreeSet::new(),
            root_password: boot.machine.root_password.clone(),
            interfaces: self.interfaces_of(boot.machine),
            ..Record::default()
        };
        self.remember(record)?;
        match std::fs::remove_file(self.folder.join("ended")) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(ToolError::file("forgetting how the machine ended")(error));
            }
            _ => {}
        }
        let console = File::options().create(true).append(true).mode(0o600).open(self.folder.join("console"));
        let console = console.map_err(ToolError::file("opening the machine's console"))?;
        let again = console.try_clone().map_err(ToolError::file("opening the machine's console"))?;
        // As on a server at Hetzner, there is only version 2 of control groups to see inside. What limits the machine
        // itself is out of its reach.
        let unified = self.places.has_v2().then_some(("SYSTEMD_NSPAWN_UNIFIED_HIERARCHY", "1"));
        let child = Command::new("setsid")
            .args(["unshare", "--mount", "--propagation=private", "sh", "-uc", script, "ferroform-machine"])
            .args(keeper)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("LANG", "C.UTF-8")
            // Sysctls of the network are the machine's own.
            .env("SYSTEMD_NSPAWN_API_VFS_WRITABLE", "network")
            // As at Hetzner, /tmp is on the disk.
            .env("SYSTEMD_NSPAWN_TMPFS_TMP", "0")
            // Nobody else starts it; and the files of these locks stay when it is killed.
            .env("SYSTEMD_NSPAWN_LOCK", "0")
            .envs(unified)
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(console)
            .stderr(again)
            .spawn()
            .map_err(|source| ToolError::Start { program: "setsid".to_owned(), source })?;
        let keeper = Process::open(child.id()).ok_or_else(|| {
            ToolError::Refused(format!("process {} was gone as soon as it was started", child.id()))
        })?;
        self.running = Some(Running { keeper, child: Some(child), container: None, leader: None });
        Ok(())
    }

    /// Gets everything ready, and gives the arguments of the keeper.
    fn prepare_container(&self, boot: &Boot<'_>) -> Result<Vec<OsString>, ToolError> {
        let seed = Seed::new(self.id, boot.machine, boot.boot, boot.package_proxy);
        seed.write(&self.folder.join("seed"))?;
        let disk_folder = self.folder.join("disk");
        let disk = Disk::read(&disk_folder)
            .ok_or_else(|| ToolError::Refused("the server has no disk yet".to_owned()))?;
        Disk::refresh(&disk_folder)?;
        for folder in ["root", "mnt"] {
            disk::make(&self.folder.join(folder))?;
        }
        let mut keeper: Vec<OsString> = vec![self.folder.clone().into(), disk.options(&disk_folder).into()];
        if let Some(image) = &boot.rescue_image {
            let (folder, rescue) =
                (self.folder.join("rescue"), Disk { written_by: boot.boot, lower: vec![image.clone()] });
            rescue.create(&folder)?;
            keeper.push(rescue.options(&folder).into());
        }
        keeper.push("--".into());
        let keepers = keepers(&self.tag);
        keeper.extend(self.places.group(&keepers).make()?.into_iter().map(OsString::from));
        keeper.push("--".into());
        let group = self.places.group(&self.group);
        keeper.extend(group.make()?.into_iter().chain(boot.join.iter().cloned()).map(OsString::from));
        group.limit(boot.machine.size);
        group.prefer(true);
        keeper.push("--".into());
        keeper.extend(self.container(boot, seed.host_name()).into_iter().map(OsString::from));
        Ok(keeper)
    }

    /// The command that runs the container.
    fn container(&self, boot: &Boot<'_>, host_name: &str) -> Vec<String> {
        let rescue = boot.rescue_image.is_some();
        let path = |name: &str| self.folder.join(name).to_string_lossy().into_owned();
        let mut words: Vec<String> = vec![
            "nsenter".to_owned(),
            // Entered from outside: given its path, systemd-nspawn drops CAP_NET_ADMIN and shows the host's links.
            format!("--net={}", boot.network.display()),
            "systemd-nspawn".to_owned(),
            process::machine_argument(&self.tag, self.id),
        ];
        let fixed = [
            "--quiet",
            "--boot",
            // This is no business of the host's own systemd, if it has one.
            "--register=no",
            "--keep-unit",
            "--link-journal=no",
            "--resolv-conf=off",
            "--timezone=off",
            "--console=read-only",
            "--kill-signal=SIGRTMIN+3",
            "--capability=CAP_NET_ADMIN",
            // What container engines need in the machine.
            "--system-call-filter=bpf keyctl add_key",
        ];
        words.extend(fixed.map(str::to_owned));
        words.push(format!("--hostname={host_name}"));
        words.push(format!("--directory={}", path("root")));
        words.push(format!(
            "--bind-ro={}:{}",
            path(&format!("seed/{}", seed::CLOUD_INIT)),
            image::SEED_FOLDER
        ));
        words.push(format!(
            "--bind-ro={}:/run/systemd/network/10-eth0.network",
            path(&format!("seed/{}", seed::INTERFACE))
        ));
        if boot.package_proxy.is_some() {
            words.push(format!(
                "--bind-ro={}:/etc/apt/apt.conf.d/90-package-proxy",
                path(&format!("seed/{}", seed::APT))
            ));
        }
        if rescue {
            words.push(format!("--bind={}:/mnt", path("mnt")));
        }
        words.extend(boot.arguments.iter().cloned());
        words
    }

    /// Whether it has a process on this host; where it has ended since the last call, how.
    pub(crate) fn check(&mut self) -> Result<bool, End> {
        let Some(running) = &mut self.running else { return Ok(false) };
        if !running.keeper.wait(Some(Duration::ZERO)) {
            return Ok(true);
        }
        if let Some(mut child) = self.running.take().and_then(|running| running.child) {
            // It has ended: this only takes its place in the process table away.
            let _ = child.wait();
        }
        Err(self.end())
    }

    /// Whether it has a process on this host, as far as is known.
    pub(crate) fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// How it ended the last time; nothing where that was not written down, as when the host went down.
    fn end(&self) -> End {
        let text = std::fs::read_to_string(self.folder.join("ended")).unwrap_or_default();
        match text.trim().parse() {
            Ok(REBOOT) => End::Reboot,
            Ok(code @ 70..=71) => End::NotStarted(code),
            Ok(0) => End::Off,
            _ => End::Killed,
        }
    }

    /// Whether it ended while nobody watched, and how.
    pub(crate) fn ended_unseen(&self) -> Option<End> {
        let ended = self.running.is_none() && self.folder.join("ended").exists();
        ended.then(|| self.end())
    }

    /// Another handle to the process that lives as long as the machine runs.
    pub(crate) fn keeper(&self) -> Option<Process> {
        self.running.as_ref()?.keeper.again().ok()
    }

    /// The machine's first process, once there is one.
    pub(crate) fn leader(&mut self) -> Option<u32> {
        let running = self.running.as_mut()?;
        if let Some(leader) = &running.leader {
            return Some(leader.pid);
        }
        if running.container.is_none() {
            running.container = process::container_of(running.keeper.pid).and_then(Process::open);
        }
        running.leader = process::leader_of(running.container.as_ref()?.pid).and_then(Process::open);
        running.leader.as_ref().map(|leader| leader.pid)
    }

    /// Whether one can log in.
    pub(crate) fn is_reachable(&mut self, machine: &Machine) -> bool {
        match self.kind {
            MachineKind::Containers => self.leader().is_some_and(process::takes_logins),
            MachineKind::Qemu => self.takes_connections(machine),
        }
    }

    /// Sets what it may use.
    pub(crate) fn limit(&self, size: Size) {
        // A virtual machine has what it was started with.
        if self.is_virtual() {
            return;
        }
        self.places.group(&self.group).limit(size);
    }

    /// Takes note that it can be used.
    ///
    /// # Errors
    /// When that cannot be written.
    pub(crate) fn booted(&mut self) -> Result<(), ToolError> {
        self.places.group(&self.group).prefer(false);
        self.remember(Record { booted: true, ..self.record.clone() })
    }

    /// Asks it to shut down.
    pub(crate) fn shut_down(&mut self) {
        if self.is_virtual() {
            return self.press_power();
        }
        // systemd-nspawn passes this on as --kill-signal says.
        let _ = self.leader();
        match self.running.as_ref().and_then(|running| running.container.as_ref()) {
            Some(container) => container.signal(Signal::TERM),
            None => self.kill(),
        }
    }

    /// Switches it off.
    pub(crate) fn kill(&mut self) {
        let _ = self.leader();
        let Some(running) = &self.running else { return };
        // With the first process all others go. Its container and keeper then clean up after it.
        match (&running.leader, &running.container) {
            (Some(leader), _) => leader.signal(Signal::KILL),
            (None, Some(container)) => container.signal(Signal::KILL),
            (None, None) => running.keeper.signal(Signal::KILL),
        }
    }

    /// Kills it and waits until it is gone.
    ///
    /// # Errors
    /// When it does not go.
    pub(crate) fn kill_and_wait(&mut self) -> Result<(), ToolError> {
        let end = Instant::now() + KILL_LIMIT;
        while self.check() == Ok(true) {
            if self.is_virtual() {
                let _ = self.leader();
                self.end_virtual(Instant::now() + KILL_LIMIT < end + GENTLY);
            } else {
                self.kill();
            }
            if Instant::now() > end {
                return Err(ToolError::Refused(format!(
                    "the machine of server {} cannot be killed",
                    self.id
                )));
            }
            if let Some(keeper) = self.keeper() {
                keeper.wait(Some(Duration::from_millis(200)));
            }
        }
        self.places.group(&self.group).remove();
        remove_traces(&self.tag, self.id);
        Ok(())
    }

    /// Takes note of what has changed in the record.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn remember(&mut self, record: Record) -> Result<(), ToolError> {
        if self.record != record {
            let failed = || ToolError::file(format!("writing to {}", self.folder.display()));
            let text = serde_json::to_vec(&record)
                .map_err(|error| ToolError::Refused(format!("describing a boot: {error}")))?;
            let new = self.folder.join("boot.json.new");
            let mut file = File::options()
                .create(true)
                .write(true)
                .truncate(true)
                .mode(0o600)
                .open(&new)
                .map_err(failed())?;
            std::io::Write::write_all(&mut file, &text).map_err(failed())?;
            std::fs::rename(&new, self.folder.join("boot.json")).map_err(failed())?;
            self.record = record;
        }
        Ok(())
    }

    /// Gives root another password, inside of the running machine.
    ///
    /// # Errors
    /// When the machine does not run or has no `chpasswd`.
    pub(crate) fn set_root_password(&mut self, password: &str) -> Result<(), ToolError> {
        if self.is_virtual() {
            let why = "the password of a server that qemu runs cannot be changed from outside";
            return Err(ToolError::Refused(why.to_owned()));
        }
        let Some(leader) = self.leader() else { return Ok(()) };
        let target = format!("--target={leader}");
        let words = [target.as_str(), "--mount", "--uts", "--ipc", "--net", "--pid", "--root", "--wd"];
        run_with_input("nsenter", &[&words[..], &["chpasswd"]].concat(), &format!("root:{password}\n"))?;
        run("nsenter", &[&words[..], &["passwd", "--expire", "root"]].concat()).map(drop)
    }

    /// Gives up its folder, and gives what is to be removed in its place: that may take a while. It must not run.
    ///
    /// # Errors
    /// When the folder cannot be given up.
    pub(crate) fn discard(&mut self) -> Result<PathBuf, ToolError> {
        self.places.group(&self.group).remove();
        let mut name = self.folder.as_os_str().to_owned();
        name.push(DISCARDED);
        let to = PathBuf::from(name);
        disk::remove(&to)?;
        std::fs::rename(&self.folder, &to)
            .map_err(ToolError::file(format!("renaming {}", self.folder.display())))?;
        Ok(to)
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        // A child that ended would stay in the process table for as long as the emulator runs.
        if let Some(child) = self.running.as_mut().and_then(|running| running.child.as_mut()) {
            let _ = child.try_wait();
        }
    }
}

/// Removes what was discarded; what cannot be removed is tried again the next time.
pub(crate) fn remove_discarded(folder: &Path) {
    let _ = disk::remove(folder);
}

/// Removes what an emulator that was killed had discarded.
pub(crate) fn remove_all_discarded(site: &Site) {
    let entries = std::fs::read_dir(site.dir().join(FOLDER)).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_name().to_string_lossy().ends_with(DISCARDED)) {
        remove_discarded(&entry.path());
    }
}

/// The last lines that a machine wrote to its console, at most 1 MiB.
pub(crate) fn console(site: &Site, id: i64) -> Option<String> {
    let folder = site.dir().join(FOLDER).join(id.to_string());
    let new = tail(&folder.join("console"), CONSOLE_TOLD);
    let missing = CONSOLE_TOLD.saturating_sub(u64::try_from(new.len()).unwrap_or(CONSOLE_TOLD));
    let mut text = tail(&folder.join("console.old"), missing);
    text.extend_from_slice(&new);
    folder.exists().then(|| String::from_utf8_lossy(&text).into_owned())
}

/// Keeps what a machine has written to its console within limits.
pub(crate) fn trim_console(site: &Site, id: i64) {
    let folder = site.dir().join(FOLDER).join(id.to_string());
    let (path, old) = (folder.join("console"), folder.join("console.old"));
    if std::fs::metadata(&path).is_ok_and(|about| about.len() > CONSOLE_KEPT) {
        // The machine goes on writing to the same file, at its end.
        let _ = std::fs::write(&old, tail(&path, CONSOLE_TOLD));
        let _ = File::options().write(true).open(&path).and_then(|file| file.set_len(0));
    }
}

/// Whether there is anything of a machine on this host.
pub(crate) fn is_known(site: &Site, id: i64) -> bool {
    site.dir().join(FOLDER).join(id.to_string()).is_dir()
}

/// The first process of a machine, if it runs.
pub(crate) fn leader(site: &Site, id: i64) -> Option<u32> {
    let is_its = |found: &Found| found.machine == id && found.role == Role::Container;
    let container = process::of_world(site.tag()).into_iter().find(is_its)?;
    process::leader_of(container.pid)
}

/// The last bytes of a file, from the beginning of a line.
fn tail(path: &Path, most: u64) -> Vec<u8> {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(most)))?;
        let mut bytes = Vec::new();
        file.take(most).read_to_end(&mut bytes)?;
        if length > most {
            let line = bytes.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            bytes.drain(..line);
        }
        Ok(bytes)
    };
    read().unwrap_or_default()
}

/// The layers that disks, rescue systems and snapshots of all worlds stand on.
pub(crate) fn layers_of_all_worlds(base: &Path) -> BTreeSet<PathBuf> {
    let below = |folder: PathBuf| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect()
    };
    let mut disks = Vec::new();
    for world in below(base.join("worlds")) {
        disks.extend(below(world.join(SNAPSHOTS)));
        for machine in below(world.join(FOLDER)) {
            disks.extend([machine.join("disk"), machine.join("rescue")]);
        }
    }
    disk::layers_in_use(&disks)
}

/// Snapshots of a world.
#[derive(Debug)]
pub(crate) struct Snapshots {
    folder: PathBuf,
    machines: PathBuf,
}

impl Snapshots {
    pub(crate) fn new(site: &Site) -> Self {
        Self { folder: site.dir().join(SNAPSHOTS), machines: site.dir().join(FOLDER) }
    }

    pub(crate) fn exists(&self, image: i64) -> bool {
        self.folder.join(image.to_string()).is_dir()
    }

    /// The layers of a snapshot, the topmost first.
    pub(crate) fn layers(&self, image: i64) -> Option<Vec<PathBuf>> {
        disk::layers_of_snapshot(&self.folder.join(image.to_string()))
    }

    /// Removes those that are not to be kept and that no disk stands on.
    ///
    /// # Errors
    /// When one cannot be removed.
    pub(crate) fn keep_only(&self, wanted: impl Fn(i64) -> bool) -> Result<(), ToolError> {
        // One may stand on another that goes only when it is gone itself.
        loop {
            let folders = |folder: &Path| -> Vec<PathBuf> {
                let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
                entries.map(|entry| entry.path()).collect()
            };
            let all = folders(&self.folder);
            let id = |path: &Path| path.file_name()?.to_str()?.parse::<i64>().ok();
            let unwanted: Vec<_> =
                all.iter().filter(|path| id(path).is_some_and(|id| !wanted(id))).cloned().collect();
            if unwanted.is_empty() {
                return Ok(());
            }
            let is_there = |folder: &PathBuf| !folder.to_string_lossy().ends_with(DISCARDED);
            let machines = folders(&self.machines).into_iter().filter(is_there);
            let disks = machines.map(|folder| folder.join("disk"));
            let in_use = disk::layers_in_use(&disks.chain(all).collect::<Vec<_>>());
            let mut removed = false;
            for path in unwanted.iter().filter(|path| !in_use.contains(&path.join(UPPER))) {
                disk::remove(path)?;
                removed = true;
            }
            if !removed {
                return Ok(());
            }
        }
    }
}

/// The group of the shells that run machines, so that they do not end with the session that the emulator was started
/// in.
fn keepers(tag: &str) -> String {
    format!("{tag}/keepers")
}

/// What systemd-nspawn leaves behind where `/run` is on a disk.
const PROPAGATE: &str = "/run/systemd/nspawn/propagate";

fn remove_traces(tag: &str, id: i64) {
    // Empty: it is only there for mounts that systemd hands in.
    let _ = std::fs::remove_dir(Path::new(PROPAGATE).join(format!("{tag}-m{id}")));
}

/// Ends all machines of a world, whoever started them, and removes their control groups. Their folders stay.
///
/// # Errors
/// When a machine cannot be ended.
pub(crate) fn end_all(site: &Site) -> Result<(), ToolError> {
    let end = Instant::now() + KILL_LIMIT;
    let places = Places::find();
    let group = places.group(site.tag());
    group.freeze(false);
    loop {
        let found = process::of_world(site.tag());
        let processes = found.iter().map(|found| found.pid).chain(group.processes());
        let processes: Vec<Process> = processes.filter_map(Process::open).collect();
        if processes.is_empty() && group.remove() {
            let prefix = format!("{}-m", site.tag());
            let traces = std::fs::read_dir(PROPAGATE).into_iter().flatten().flatten();
            let ids =
                traces.filter_map(|entry| entry.file_name().to_str()?.strip_prefix(&prefix)?.parse().ok());
            ids.for_each(|id| remove_traces(site.tag(), id));
            return Ok(());
        }
        if Instant::now() > end {
            return Err(ToolError::Refused(format!("machines of the world {} cannot be ended", site.tag())));
        }
        for process in &processes {
            process.signal(Signal::KILL);
        }
        if processes.iter().all(|process| process.wait(Some(Duration::from_millis(500)))) {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_console_is_kept_within_limits_and_loses_no_recent_line() {
        let base = tempfile::tempdir().unwrap();
        let site = Site::new(base.path(), "world");
        let folder = site.dir().join(FOLDER).join("5");
        std::fs::create_dir_all(&folder).unwrap();
        assert_eq!(console(&site, 6), None);
        let lines = (0..400_000).map(|number| format!("line {number}\n")).collect::<String>();
        std::fs::write(folder.join("console"), &lines).unwrap();
        trim_console(&site, 5);
        assert_eq!(std::fs::metadata(folder.join("console")).unwrap().len(), 0);
        std::fs::write(folder.join("console"), "more\n").unwrap();
        let text = console(&site, 5).unwrap();
        assert!(text.ends_with("line 399999\nmore\n"));
        assert!(
            text.starts_with("line ") && text.len() <= 1 << 20 && text.len() > 1_000_000,
            "{}",
            text.len()
        );
        trim_console(&site, 5);
        assert_eq!(console(&site, 5).unwrap(), text);
    }
}
