//! The local cloud of a directory: a process of its own that outlives the commands which use it.

pub(crate) mod boots;
pub(crate) mod control;
pub(crate) mod entering;

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ferroform_cloud::{OptionsError, read_faults};
use ferroform_core::Diagnostic;
use ferroform_hcloud_emulator::{Egress, MachineKind, MachineOptions, ObjectStorageAccess};
use serde::{Deserialize, Serialize};

use self::control::{Control, request};
use crate::args::MachineArgs;

/// How long a cloud that nobody uses keeps running.
const IDLE_EXIT: &str = "30m";
/// The same for one with machines, which people may be logged in to.
const IDLE_EXIT_MACHINES: &str = "12h";
/// How much faster than in reality the time of a cloud goes that `-local` starts.
pub(crate) const DEFAULT_TIME_SCALE: f64 = 10.0;
/// How long a new cloud may take to be ready.
const START_TIMEOUT: Duration = Duration::from_secs(20);
/// How long one with machines may take: networks are made, and what a killed one left behind is removed.
const MACHINES_TIMEOUT: Duration = Duration::from_secs(90);
/// How long machines that ran before may take to come back.
const RETURN_TIMEOUT: Duration = Duration::from_secs(180);

/// How to reach a running local cloud.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Owner {
    /// `http://127.0.0.1:PORT/v1`
    pub endpoint: String,
    /// The bearer token of the directory's project.
    pub token: String,
    /// The object storage of the directory's project; absent in the file of an older program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object_storage: Option<ObjectStorage>,
    /// The process.
    pub pid: u32,
    /// How fast its time goes.
    pub time_scale: f64,
    /// How its servers are real machines, if they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machines: Option<Machines>,
}

/// How to reach the object storage of a local cloud, by S3.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ObjectStorage {
    /// `http://127.0.0.1:PORT`
    pub endpoint: String,
    /// The public half of the project's keys.
    pub access_key: String,
    /// The secret half.
    pub secret_key: String,
}

impl From<ObjectStorageAccess> for ObjectStorage {
    fn from(access: ObjectStorageAccess) -> Self {
        let ObjectStorageAccess { endpoint, access_key, secret_key } = access;
        ObjectStorage { endpoint, access_key, secret_key }
    }
}

/// How the servers of a cloud are real machines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Machines {
    /// As in the option: none, packages or nat.
    pub egress: String,
    /// Where images, disks and volumes are; the usual folder if absent.
    #[serde(default)]
    pub folder: Option<PathBuf>,
    /// What runs them, if it is not containers: qemu.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
}

impl Machines {
    /// As the options say, and else as before.
    pub(crate) fn new(args: &MachineArgs, before: Option<&Machines>) -> Self {
        let egress = args.egress.map(|egress| egress.as_str().to_owned());
        let folder =
            args.machines_dir.as_ref().map(|dir| std::path::absolute(dir).unwrap_or_else(|_| dir.clone()));
        Machines {
            egress: egress
                .or_else(|| before.map(|before| before.egress.clone()))
                .unwrap_or_else(|| Egress::default().as_str().to_owned()),
            folder: folder.or_else(|| before.and_then(|before| before.folder.clone())),
            // Disks are of one kind or the other.
            kind: match before {
                Some(before) => before.kind.clone(),
                None => args
                    .machines
                    .filter(|kind| *kind != MachineKind::default())
                    .map(|kind| kind.as_str().to_owned()),
            },
        }
    }

    /// The same for the emulator.
    pub(crate) fn options(&self) -> MachineOptions {
        MachineOptions {
            folder: self.folder.clone(),
            egress: self.egress.parse().unwrap_or_default(),
            kind: self.kind(),
        }
    }

    /// What runs them.
    pub(crate) fn kind(&self) -> MachineKind {
        self.kind.as_deref().and_then(|kind| kind.parse().ok()).unwrap_or_default()
    }
}

/// How somebody wants a directory's local cloud to be; what is not said stays as it is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wish {
    /// How fast its time goes.
    pub time_scale: Option<f64>,
    /// A file that says what goes wrong in it.
    pub faults: Option<PathBuf>,
    /// Whether its servers are real machines.
    pub machines: MachineArgs,
}

/// The files of a directory's local cloud.
#[derive(Debug, Clone)]
pub(crate) struct LocalCloud {
    dir: PathBuf,
}

impl LocalCloud {
    /// The cloud whose files lie in `dir` (`.terraform/local`).
    pub(crate) fn new(dir: impl Into<PathBuf>) -> Self {
        LocalCloud { dir: dir.into() }
    }

    /// The world's file.
    pub(crate) fn world_path(&self) -> PathBuf {
        self.dir.join("cloud.json")
    }

    fn owner_path(&self) -> PathBuf {
        self.dir.join("cloud-owner.json")
    }

    fn token_path(&self) -> PathBuf {
        self.dir.join("cloud-token")
    }

    fn machines_path(&self) -> PathBuf {
        self.dir.join("cloud-machines.json")
    }

    /// Where SSH keeps the keys of machines.
    pub(crate) fn known_hosts_path(&self) -> PathBuf {
        self.dir.join("cloud-known-hosts")
    }

    /// The resolver that hosts use, as a file.
    pub(crate) fn resolv_conf_path(&self) -> PathBuf {
        self.dir.join("cloud-resolv.conf")
    }

    fn log_path(&self) -> PathBuf {
        self.dir.join("cloud.log")
    }

    /// The running cloud, if there is one.
    pub(crate) fn running(&self) -> Option<Owner> {
        let text = std::fs::read(self.owner_path()).ok()?;
        let owner: Owner = serde_json::from_slice(&text).ok()?;
        let health = request(&owner, "GET", "/_emulator/health").ok()?;
        let health: serde_json::Value = serde_json::from_str(&health).ok()?;
        (health["pid"].as_u64() == Some(u64::from(owner.pid))).then_some(owner)
    }

    /// How the servers of this cloud are real machines, if it was ever started with any.
    pub(crate) fn machines(&self) -> Option<Machines> {
        serde_json::from_slice(&std::fs::read(self.machines_path()).ok()?).ok()
    }

    /// Where images, disks and volumes are, or would be; the usual folder if absent.
    pub(crate) fn folder_for(&self, wish: &Wish) -> Option<PathBuf> {
        Machines::new(&wish.machines, self.machines().as_ref()).folder
    }

    /// What runs them, or would.
    pub(crate) fn kind_for(&self, wish: &Wish) -> MachineKind {
        Machines::new(&wish.machines, self.machines().as_ref()).kind()
    }

    /// How they are to be from now on.
    fn wanted_machines(&self, wish: &Wish) -> Option<Machines> {
        let before = self.machines();
        if wish.machines.machines.is_some() {
            Some(Machines::new(&wish.machines, before.as_ref()))
        } else {
            before
        }
    }

    /// Notes how they are, until the cloud is reset.
    fn keep_machines(&self, machines: Option<&Machines>) -> Result<(), Diagnostic> {
        let path = self.machines_path();
        let written = match machines {
            _ if self.machines().as_ref() == machines => return Ok(()),
            None => std::fs::remove_file(&path),
            Some(machines) => {
                let json = serde_json::to_vec(machines).unwrap_or_default();
                private_file(&path).and_then(|mut file| file.write_all(&json))
            }
        };
        written.map_err(|e| failed(&format!("{} cannot be written: {e}", path.display())))
    }

    /// The running cloud, started if there is none. A running one that is not as wished is started anew.
    pub(crate) fn ensure(&self, wish: &Wish) -> Result<Owner, Diagnostic> {
        // A file that is no good is refused before anything is started.
        let faults = wish.faults.as_deref().map(read_faults).transpose().map_err(refused)?;
        let owner = self.ensure_running(wish)?;
        if let Some(faults) = faults {
            Control::new(&owner).replace_faults(&faults)?;
        }
        Ok(owner)
    }

    fn ensure_running(&self, wish: &Wish) -> Result<Owner, Diagnostic> {
        std::fs::create_dir_all(&self.dir)
            .map_err(|e| failed(&format!("{} cannot be made: {e}", self.dir.display())))?;
        // Two commands at once start one cloud.
        let lock = File::create(self.dir.join("cloud.lock")).and_then(|f| f.lock().map(|()| f));
        let _lock = lock.map_err(|e| failed(&format!("its lock cannot be taken: {e}")))?;
        let machines = self.wanted_machines(wish);
        if wish.machines.machines == Some(MachineKind::Qemu)
            && machines.as_ref().is_some_and(|machines| machines.kind() != MachineKind::Qemu)
        {
            return Err(failed(
                "its servers are containers, whose disks qemu cannot run; ferroform cloud reset removes it with all of them",
            ));
        }
        let mut time_scale = wish.time_scale;
        if let Some(owner) = self.running() {
            let as_wished =
                time_scale.is_none_or(|scale| scale == owner.time_scale) && owner.machines == machines;
            if as_wished && owner.object_storage.is_some() {
                return Ok(owner);
            }
            // What is real takes its own time; the clock of its world is that of the wall.
            time_scale = time_scale
                .or(Some(owner.time_scale).filter(|_| owner.machines.is_some() == machines.is_some()));
            if machines.is_some() {
                entering::need_root()?;
            }
            self.stop()?;
        }
        if machines.is_some() {
            entering::need_root()?;
        }
        let usual = if machines.is_some() { 1.0 } else { DEFAULT_TIME_SCALE };
        let before = self.machines();
        self.keep_machines(machines.as_ref())?;
        let started = self.start(time_scale.unwrap_or(usual), machines.as_ref());
        if started.is_err() {
            // A cloud that cannot have machines goes on without them.
            self.keep_machines(before.as_ref())?;
        }
        let owner = started?;
        if machines.is_some() {
            // Whoever asks next is to see the cloud as it was before it was stopped.
            Control::new(&owner).wait_until_settled(RETURN_TIMEOUT)?;
        }
        Ok(owner)
    }

    fn start(&self, time_scale: f64, machines: Option<&Machines>) -> Result<Owner, Diagnostic> {
        let (idle_exit, timeout) = match machines {
            Some(_) => (IDLE_EXIT_MACHINES, MACHINES_TIMEOUT),
            None => (IDLE_EXIT, START_TIMEOUT),
        };
        self.ensure_token()?;
        let _ = std::fs::remove_file(self.owner_path());
        let program =
            std::env::current_exe().map_err(|e| failed(&format!("this program cannot be found: {e}")))?;
        let log =
            private_file(&self.log_path()).map_err(|e| failed(&format!("its log cannot be written: {e}")))?;
        let mut child = Command::new(program)
            .args(["cloud", "serve", "--rate-limit=0"])
            .arg(format!("--idle-exit={idle_exit}"))
            .arg(format!("--time-scale={time_scale}"))
            .arg(format!("--token-file={}", self.token_path().display()))
            .arg(format!("--state={}", self.world_path().display()))
            .arg(format!("--owner-file={}", self.owner_path().display()))
            .args(machines.map(machine_options).unwrap_or_default())
            .env_remove("TF_CLI_ARGS")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            // A group of its own: Ctrl-C in the terminal does not reach it.
            .process_group(0)
            .spawn()
            .map_err(|e| failed(&format!("the process cannot be started: {e}")))?;
        let begun = Instant::now();
        while begun.elapsed() < timeout {
            if let Some(owner) = self.running() {
                return Ok(owner);
            }
            if let Ok(Some(status)) = child.try_wait() {
                let log = std::fs::read_to_string(self.log_path()).unwrap_or_default();
                return Err(failed(&format!(
                    "the process ended at once ({status}). It said:\n{}",
                    log.trim()
                )));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Err(failed(&format!("it was not ready after {} seconds", timeout.as_secs())))
    }

    /// Makes the token of the directory's project when there is none yet.
    fn ensure_token(&self) -> Result<(), Diagnostic> {
        let known = std::fs::read_to_string(self.token_path());
        if known.is_ok_and(|token| token.len() == ferroform_hcloud_emulator::TOKEN_LENGTH) {
            return Ok(());
        }
        let token = new_token()?;
        private_file(&self.token_path())
            .and_then(|mut f| f.write_all(token.as_bytes()))
            .map_err(|e| failed(&format!("its token cannot be kept: {e}")))
    }

    /// Stops the running cloud and waits for its end. Whether one was running.
    pub(crate) fn stop(&self) -> Result<bool, Diagnostic> {
        let Some(owner) = self.running() else { return Ok(false) };
        request(&owner, "POST", "/_emulator/shutdown")
            .map_err(|e| failed(&format!("it does not answer: {e}")))?;
        let begun = Instant::now();
        let timeout = if owner.machines.is_some() { MACHINES_TIMEOUT } else { START_TIMEOUT };
        while self.running().is_some() || owner.machines.is_some() && is_alive(owner.pid) {
            if begun.elapsed() > timeout {
                return Err(failed(&format!("process {} does not end", owner.pid)));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = std::fs::remove_file(self.owner_path());
        Ok(true)
    }

    /// Stops the cloud and deletes its world and everything that local runs keep.
    pub(crate) fn reset(&self) -> Result<(), Diagnostic> {
        if self.machines().is_some() && self.world_path().exists() {
            entering::need_root()?;
        }
        self.stop()?;
        if let Some(machines) = self.machines().filter(|_| self.world_path().exists()) {
            ferroform_hcloud_emulator::erase_machines(&self.world_path(), &machines.options())
                .map_err(|error| failed(&error.to_string()))?;
        }
        let begun = Instant::now();
        loop {
            match std::fs::remove_dir_all(&self.dir) {
                Ok(()) => return Ok(()),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
                // A cloud that does not answer any more may still be writing its world.
                Err(error)
                    if error.kind() == std::io::ErrorKind::DirectoryNotEmpty
                        && begun.elapsed() < START_TIMEOUT =>
                {
                    std::thread::sleep(Duration::from_millis(10));
                }
                Err(error) => {
                    return Err(failed(&format!("{} cannot be deleted: {error}", self.dir.display())));
                }
            }
        }
    }

    /// The running cloud, which has machines.
    pub(crate) fn with_machines(&self) -> Result<Owner, Diagnostic> {
        let start = "Run apply -local -machines to start it with machines.";
        match self.running() {
            Some(owner) if owner.machines.is_some() => Ok(owner),
            Some(_) => Err(Diagnostic::error("Local cloud without machines")
                .detail("The local cloud of this directory is running, but its servers are no real machines.")
                .hint(start)),
            None => Err(Diagnostic::error("Local cloud not running")
                .detail("The local cloud of this directory is not running, so there are no machines.")
                .hint(start)),
        }
    }

    /// How many objects of each kind there are.
    pub(crate) fn objects(&self, owner: &Owner) -> Option<serde_json::Value> {
        serde_json::from_str(&request(owner, "GET", "/_emulator/world").ok()?).ok()
    }
}

/// A token as long as Hetzner's, of letters and digits.
pub(crate) fn new_token() -> Result<String, Diagnostic> {
    const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut bytes = [0u8; 4 * ferroform_hcloud_emulator::TOKEN_LENGTH];
    getrandom::fill(&mut bytes).map_err(|e| failed(&format!("the system gives no random numbers: {e}")))?;
    // Bytes beyond the last multiple of 62 are left out, so that every letter is as likely.
    let letters = bytes.iter().filter(|b| **b < 248).map(|b| char::from(LETTERS[usize::from(*b) % 62]));
    Ok(letters.take(ferroform_hcloud_emulator::TOKEN_LENGTH).collect())
}

/// What is wrong with options of a cloud.
pub(crate) fn refused(error: OptionsError) -> Diagnostic {
    let diagnostic = Diagnostic::error(error.summary).detail(error.detail);
    match error.hint {
        Some(hint) => diagnostic.hint(hint),
        None => diagnostic,
    }
}

/// A file that only its owner can read, empty.
pub(crate) fn private_file(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

fn failed(why: &str) -> Diagnostic {
    Diagnostic::error("Local cloud not available").detail(format!("The local cloud cannot be used: {why}."))
}

/// Whether a process is there, and more than what is left of one that nobody has asked for its end.
fn is_alive(pid: u32) -> bool {
    let ended = std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| {
        // The name of the program comes before, in parentheses, and may hold anything.
        stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with(['Z', 'X']))
    });
    if ended {
        return false;
    }
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    pid.is_some_and(|pid| rustix::process::test_kill_process(pid).is_ok())
}

/// The options of `cloud serve` for machines.
fn machine_options(machines: &Machines) -> Vec<std::ffi::OsString> {
    let mut options = vec![
        format!("--machines={}", machines.kind().as_str()).into(),
        format!("--egress={}", machines.egress).into(),
    ];
    if let Some(folder) = &machines.folder {
        options.extend(["--machines-dir".into(), folder.into()]);
    }
    options
}
