//! Runs the program in a directory of its own with a pinned environment, and leaves no process behind.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::Value;
use tempfile::TempDir;

use crate::cloud::{Cloud, LOCAL_DIR, Served};

/// The program under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_ferroform");

/// How long a run may take before it counts as hung. Long, since other work may be going on on the same machine.
const LIMIT: Duration = Duration::from_secs(240);

/// A public key whose private part nobody has.
pub(crate) const PUBLIC_KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f test@example";

/// A program that only some machines have: whether it is there. Where `FERROFORM_REQUIRE_PROGRAMS` is set it must be.
pub(crate) fn has_oracle(program: &str) -> bool {
    let found = Command::new(program).arg("version").env("CHECKPOINT_DISABLE", "1").output().is_ok();
    if !found {
        assert!(
            std::env::var_os("FERROFORM_REQUIRE_PROGRAMS").is_none(),
            "FERROFORM_REQUIRE_PROGRAMS is set and {program} is missing"
        );
        say(&format!("skipped: {program} is not installed"));
    }
    found
}

/// Tells something even when the test passes: the test runner captures only what the printing macros print.
pub(crate) fn say(text: &str) {
    // A closed standard error is nobody's error.
    let _ = writeln!(std::io::stderr(), "    {text}");
}

/// A directory with a configuration, and the processes that belong to it.
pub(crate) struct Project {
    root: TempDir,
    /// Below the root, where the program runs.
    dir: PathBuf,
    env: Vec<(String, String)>,
    served: Option<Served>,
}

impl Project {
    /// A directory with the files of a text, see `ferroform_test_support::files`.
    pub(crate) fn new(text: &str) -> Self {
        let root = tempfile::tempdir().unwrap();
        let project = Project { dir: root.path().to_owned(), root, env: Vec::new(), served: None };
        for (path, bytes) in ferroform_test_support::files(text) {
            project.write(path, bytes);
        }
        project
    }

    /// A copy of the repository's modules beside a root module with this `main.tf`.
    pub(crate) fn modules(main: &str) -> Self {
        let project = Project::new("");
        let modules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../modules");
        copy(&modules, &project.path("modules"));
        project.configure(main);
        project
    }

    /// A copy of the repository's stacks, running in one of their environments. None, said aloud, if it is not there.
    pub(crate) fn stack(name: &str) -> Option<Self> {
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let stacks = repository.join("stacks");
        let (stack, environment) = name.split_once('/').unwrap();
        if !stacks.join(stack).join("environments").join(environment).is_dir() {
            assert!(std::env::var_os("CI").is_none(), "there is no stack {name}");
            say(&format!("skipped: there is no stack {name}"));
            return None;
        }
        Some(Self::repository_folder(&Path::new("stacks").join(stack).join("environments").join(environment)))
    }

    /// A copy of the repository's stacks and modules, running in a folder of it.
    pub(crate) fn repository_folder(folder: &Path) -> Self {
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let root = tempfile::tempdir().unwrap();
        for folder in ["stacks", "modules"] {
            copy(&repository.join(folder), &root.path().join(folder));
        }
        let dir = root.path().join(folder);
        // What somebody's own runs left in the repository is not part of it.
        for left in [".terraform", "terraform.tfstate", "terraform.tfstate.backup", "terraform.tfvars"] {
            let path = dir.join(left);
            let _ = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
        }
        Project { dir, root, env: Vec::new(), served: None }
    }

    /// A configuration of one file in a folder beside a copy of the repository's modules, which it finds at `../modules`.
    pub(crate) fn beside_modules(text: &str) -> Self {
        let root = tempfile::tempdir().unwrap();
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../modules"), &root.path().join("modules"));
        let project = Project { dir: root.path().join("configuration"), root, env: Vec::new(), served: None };
        project.configure(text);
        project
    }

    /// Runs in another folder of it.
    pub(crate) fn at(mut self, dir: &str) -> Self {
        self.dir = self.root.path().join(dir);
        self
    }

    /// Adds to the environment of every run.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.set_env(name, value);
        self
    }

    pub(crate) fn set_env(&mut self, name: &str, value: &str) {
        self.env.retain(|(known, _)| known != name);
        self.env.push((name.to_owned(), value.to_owned()));
    }

    pub(crate) fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.dir.join(path)
    }

    pub(crate) fn write(&self, path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    pub(crate) fn read(&self, path: impl AsRef<Path>) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }

    /// Replaces the configuration of a directory of one file.
    pub(crate) fn configure(&self, text: &str) {
        self.write("main.tf", text);
    }

    /// Starts the local cloud of the directory in a process of its own, which the commands with `-local` then find.
    pub(crate) fn serve(&mut self, time_scale: f64) -> Cloud {
        let served = Served::start(&self.dir, time_scale, &self.env);
        let cloud = served.cloud.clone();
        self.served = Some(served);
        cloud
    }

    /// Keeps the world that the cloud of the directory has now.
    pub(crate) fn keep_world(&mut self) {
        let served = self.served.as_mut().expect("a local cloud was started");
        served.stop();
        let kept = self.root.path().join("kept-world");
        fs::create_dir_all(&kept).unwrap();
        copy(&self.dir.join(LOCAL_DIR), &kept);
        self.restore();
    }

    /// Starts the cloud anew with the world and the state that were kept.
    pub(crate) fn restore(&mut self) -> Cloud {
        self.served = None;
        let (kept, local) = (self.root.path().join("kept-world"), self.dir.join(LOCAL_DIR));
        fs::remove_dir_all(&local).unwrap();
        fs::create_dir_all(&local).unwrap();
        copy(&kept, &local);
        self.serve(0.0)
    }

    /// The running local cloud of the directory.
    pub(crate) fn cloud(&self) -> Cloud {
        Cloud::of(&self.dir).expect("a local cloud is running")
    }

    /// The program with these arguments, ready to start.
    pub(crate) fn command(&self, args: &str) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(args.split_whitespace());
        self.prepare(&mut command);
        command
    }

    /// Any program, as the one under test is run.
    pub(crate) fn prepare(&self, command: &mut Command) {
        command.current_dir(&self.dir).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.root.path()).env("USER", "tester").env("COLUMNS", "100");
        command.env("FERROFORM_FORBID_PUBLIC_ENDPOINT", "1").env("CHECKPOINT_DISABLE", "1");
        command.envs(self.env.iter().map(|(k, v)| (k, v)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, args: &str) -> Run {
        self.start(args).wait()
    }

    /// Runs the program with something more in its environment.
    pub(crate) fn run_with(&self, args: &str, name: &str, value: &str) -> Run {
        let mut command = self.command(args);
        command.env(name, value);
        Running::start(command).wait()
    }

    /// Runs the program for a person at a terminal who gives these answers.
    pub(crate) fn at_terminal(&self, args: &str, answers: &[&str]) -> Run {
        let person = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&person).unwrap();
        unlockpt(&person).unwrap();
        let name = ptsname(&person, Vec::new()).unwrap();
        let terminal = fs::OpenOptions::new().read(true).write(true).open(name.to_str().unwrap()).unwrap();
        let mut command = self.command(args);
        command.stdin(terminal);
        // A terminal gives one line at a time, however early they were written.
        let mut person = fs::File::from(person);
        person.write_all(format!("{}\n", answers.join("\n")).as_bytes()).unwrap();
        let run = Running::start(command).wait();
        drop(person);
        run
    }

    pub(crate) fn start(&self, args: &str) -> Running {
        Running::start(self.command(args))
    }

    /// The bytes of state, backup and journal, of ordinary and of local runs; those that there are.
    pub(crate) fn state_files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let dirs = [PathBuf::new(), PathBuf::from(LOCAL_DIR)];
        let names = ["terraform.tfstate", "terraform.tfstate.backup", "terraform.tfstate.journal"];
        let paths = dirs.iter().flat_map(|dir| names.map(|name| dir.join(name)));
        paths.filter_map(|path| Some((path.clone(), fs::read(self.path(&path)).ok()?))).collect()
    }

    /// The resource instances of a state, in order.
    pub(crate) fn addresses(&self, state: &str) -> Vec<String> {
        let run = self.run(&format!("state list {state}")).ok();
        run.stdout.lines().map(str::to_owned).collect()
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        if self.served.take().is_none() {
            stop_detached(&self.dir);
        }
    }
}

/// Ends a cloud that a command with `-local` left running, as it should.
fn stop_detached(dir: &Path) {
    let local = dir.join(LOCAL_DIR);
    let begun = Instant::now();
    // A run that was killed may have left one that is just starting.
    let starting = || local.join("cloud.log").exists() && !local.join("cloud-owner.json").exists();
    while starting() && begun.elapsed() < Duration::from_secs(2) {
        std::thread::sleep(Duration::from_millis(20));
    }
    let Some(cloud) = Cloud::of(dir) else { return };
    // Whether it answers or not shows below.
    let _ = cloud.try_call("POST", "/_emulator/shutdown", &Value::Null);
    while cloud.try_call("GET", "/_emulator/health", &Value::Null).is_ok() {
        if begun.elapsed() > Duration::from_secs(10) {
            let _ = Pid::from_raw(cloud.pid).map(|pid| kill_process(pid, Signal::KILL));
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir_all(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A program that is running. Dropped, it is killed.
pub(crate) struct Running {
    child: Child,
    outputs: Option<(Gathered, Gathered)>,
    begun: Instant,
    limit: Duration,
    line: String,
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        let line = format!("{:?}", command.get_args().collect::<Vec<_>>());
        let begun = Instant::now();
        let mut child = command.spawn().unwrap();
        let outputs = Some((Gathered::new(child.stdout.take()), Gathered::new(child.stderr.take())));
        Running { child, outputs, begun, limit: LIMIT, line }
    }

    /// Lets it take longer than others before it counts as hung.
    pub(crate) fn within(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Sends a signal; one to a process that has ended meanwhile does nothing.
    pub(crate) fn signal(&self, signal: Signal) {
        let _ = kill_process(self.pid(), signal);
    }

    /// Whether it has ended. It is not reaped by that.
    pub(crate) fn has_ended(&self) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        matches!(waitid(WaitId::Pid(self.pid()), options), Ok(Some(_)) | Err(_))
    }

    /// Waits until something is so, or the program has ended; which of them.
    pub(crate) fn until(&self, mut condition: impl FnMut() -> bool) -> bool {
        loop {
            if condition() {
                return true;
            }
            if self.has_ended() {
                return condition();
            }
            assert!(self.begun.elapsed() < self.limit, "{} waits for too long", self.line);
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Waits until it has printed something to standard output.
    #[track_caller]
    pub(crate) fn until_it_says(&self, text: &str) {
        let said = || self.outputs.as_ref().is_some_and(|(stdout, _)| stdout.so_far().contains(text));
        assert!(self.until(said), "{} ended without saying {text:?}", self.line);
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(self) -> Run {
        self.signal(Signal::KILL);
        self.wait()
    }

    /// Waits for its end.
    pub(crate) fn wait(mut self) -> Run {
        while !self.has_ended() {
            assert!(self.begun.elapsed() < self.limit, "{} does not end", self.line);
            std::thread::sleep(Duration::from_millis(1));
        }
        // It is a zombie now and still tells what it used.
        let cpu = cpu_time(self.child.id());
        let elapsed = self.begun.elapsed();
        let status = self.child.wait().unwrap();
        let (stdout, stderr) = self.outputs.take().unwrap();
        let (stdout, stderr) = (stdout.all(), stderr.all());
        Run { line: std::mem::take(&mut self.line), status, stdout, stderr, cpu, elapsed }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.outputs.is_some() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// What a program prints, read by a thread.
struct Gathered {
    bytes: Arc<Mutex<Vec<u8>>>,
    thread: JoinHandle<()>,
}

impl Gathered {
    fn new(stream: Option<impl Read + Send + 'static>) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let read = Arc::clone(&bytes);
        let thread = std::thread::spawn(move || {
            let Some(mut stream) = stream else { return };
            let mut buffer = [0; 4096];
            // What arrived before an error counts.
            while let Ok(count @ 1..) = stream.read(&mut buffer) {
                read.lock().unwrap().extend_from_slice(&buffer[..count]);
            }
        });
        Gathered { bytes, thread }
    }

    fn so_far(&self) -> String {
        String::from_utf8_lossy(&self.bytes.lock().unwrap()).into_owned()
    }

    fn all(self) -> String {
        let Gathered { bytes, thread } = self;
        thread.join().unwrap();
        String::from_utf8_lossy(&bytes.lock().unwrap()).into_owned()
    }
}

/// CPU time of a process and its threads: proc(5), utime and stime of `stat`, in hundredths of a second on every
/// architecture that matters. None where there is no such file.
fn cpu_time(pid: u32) -> Option<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold spaces.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |index: usize| fields.get(index)?.parse::<u64>().ok();
    Some(Duration::from_millis(10 * (ticks(11)? + ticks(12)?)))
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Run {
    line: String,
    status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// CPU time of the process itself, where the system tells.
    pub(crate) cpu: Option<Duration>,
    pub(crate) elapsed: Duration,
}

impl Run {
    pub(crate) fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// Ended by SIGKILL.
    pub(crate) fn was_killed(&self) -> bool {
        self.status.signal() == Some(Signal::KILL.as_raw())
    }

    /// It must have ended with this code.
    #[track_caller]
    pub(crate) fn code_is(self, code: i32) -> Self {
        assert_eq!(self.code(), Some(code), "{self}");
        self
    }

    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        self.code_is(0)
    }

    /// It must have failed with one error, whose summary is this.
    #[track_caller]
    pub(crate) fn one_error(self, summary: &str) -> Self {
        let run = self.code_is(1);
        assert_eq!(run.errors(), [summary], "{run}");
        run
    }

    /// The summaries of the errors.
    pub(crate) fn errors(&self) -> Vec<&str> {
        let text = |line: &'_ str| line.find("Error: ").map(|at| at + "Error: ".len());
        self.stderr.lines().filter_map(|line| text(line).map(|at| line[at..].trim())).collect()
    }

    /// What standard error must hold.
    #[track_caller]
    pub(crate) fn tells(self, parts: &[&str]) -> Self {
        for part in parts {
            assert!(self.stderr.contains(part), "no {part:?} in: {self}");
        }
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self}"))
    }
}

impl std::fmt::Display for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})\n{}\n{}", self.line, self.status, self.stdout, self.stderr)
    }
}
