//! The repository's stacks on real machines. Linux and root only; elsewhere they are left out, and say why.
//!
//! What a closed network or a base image made of this computer's own packages cannot give is switched off by variables
//! of the stacks; each run says what.

mod cluster;
mod consult;
mod databases;
mod host;
mod mirror;
mod nornos;
mod nornos_private;

use std::net::IpAddr;
use std::path::Path;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

use self::host::{Foreign, Host};
use crate::harness::{Project, Run, say};

/// How long something that should come about soon may take, on a computer that does much else.
const SOON: Duration = Duration::from_secs(180);

/// Whether machines can run here. Where `FERROFORM_REQUIRE_MACHINES` is set they must.
fn may_run() -> bool {
    let project = Project::new("");
    let required = std::env::var_os("FERROFORM_REQUIRE_MACHINES").is_some();
    let doctor = project.run("cloud doctor");
    if doctor.code() != Some(0) {
        assert!(!required, "machines are required: {doctor}");
        let first = doctor.stdout.lines().chain(doctor.stderr.lines()).find(|line| !line.trim().is_empty());
        say(&format!("left out, machines cannot run here: {}", first.unwrap_or_default()));
        return false;
    }
    // It is made of packages that are fetched, which no test does by itself.
    let image =
        project.run("cloud image list").ok().stdout.lines().any(|line| line.trim_end().ends_with("yes"));
    if !image && !required {
        say("left out, there is no base image: ferroform cloud image build");
    }
    image || required
}

/// Machines that may run at once, however many stories are told: for more a computer has seldom enough inotify
/// instances (see `ferroform cloud doctor`).
const MOST_MACHINES: usize = 11;

/// How many run.
static RUNNING: Mutex<usize> = Mutex::new(0);
static ENDED: Condvar = Condvar::new();

/// Leave to run so many machines, given back when dropped.
struct Places(usize);

impl Places {
    /// Waits until there is room.
    fn take(machines: usize) -> Self {
        assert!(machines <= MOST_MACHINES, "{machines} machines never have room");
        let running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        let full = |running: &mut usize| *running + machines > MOST_MACHINES;
        *ENDED.wait_while(running, full).unwrap_or_else(PoisonError::into_inner) += machines;
        Self(machines)
    }
}

impl Drop for Places {
    fn drop(&mut self) {
        *RUNNING.lock().unwrap_or_else(PoisonError::into_inner) -= self.0;
        ENDED.notify_all();
    }
}

/// A stack on machines. Dropped, nothing of it is left, however the test ended.
struct Stage {
    project: Project,
    host: Host,
    /// Somebody else's, with how it looked.
    foreign: (Foreign, Vec<String>),
    _places: Places,
}

impl Stage {
    /// A stack of so many machines; None where machines cannot run.
    fn open(stack: &str, machines: usize) -> Option<Self> {
        if !may_run() {
            return None;
        }
        Project::stack(stack).map(|project| Self::of(project, machines))
    }

    /// The example of a module instead of a stack; None where machines cannot run.
    fn open_example(module: &str, machines: usize) -> Option<Self> {
        let folder = Path::new("modules").join(module).join("example");
        may_run().then(|| Self::of(Project::repository_folder(&folder), machines))
    }

    /// A configuration beside the modules instead; None where machines cannot run.
    fn open_beside_modules(text: &str, machines: usize) -> Option<Self> {
        may_run().then(|| Self::of(Project::beside_modules(text), machines))
    }

    fn of(project: Project, machines: usize) -> Self {
        let places = Places::take(machines);
        project.run("cloud image build").ok();
        let foreign = Foreign::make();
        let looked = foreign.look();
        assert_eq!(looked.len(), 3, "a mount, a table and a loop device: {looked:?}");
        Self { project, host: Host::look(), foreign: (foreign, looked), _places: places }
    }

    /// Applies the stack and waits until every machine has done its first boot, without an error.
    fn apply(&self) -> Run {
        self.apply_with("")
    }

    fn apply_with(&self, more: &str) -> Run {
        let line = format!("apply -local -machines -auto-approve -wait-for-boot=10m {more}");
        let apply = self.project.start(&line);
        // Packages are fetched meanwhile, from wherever this computer has them from.
        let run = apply.within(Duration::from_secs(900)).wait().ok();
        say(&format!("applied, first boots done: {:.1} s", run.elapsed.as_secs_f64()));
        run
    }

    /// Everything that `cloud ps` tells.
    fn machines(&self) -> Vec<Value> {
        let told = self.project.run("cloud ps -json").ok().json();
        told["machines"].as_array().unwrap().clone()
    }

    fn machine(&self, name: &str) -> Value {
        let machines = self.machines();
        machines.into_iter().find(|machine| machine["name"] == name).unwrap_or_else(|| panic!("no {name}"))
    }

    fn address(&self, name: &str) -> IpAddr {
        self.machine(name)["ipv4"].as_str().unwrap().parse().unwrap()
    }

    /// What names of this world's things begin with on this computer.
    fn tag(&self) -> String {
        let namespace = self.machines()[0]["namespace"].as_str().unwrap().to_owned();
        let name = namespace.rsplit('/').next().unwrap();
        name.split('-').next().unwrap().to_owned()
    }

    fn output(&self, name: &str) -> Value {
        self.project.run("output -local -json").ok().json()[name]["value"].clone()
    }

    /// The generated key, in a file, as somebody would keep it.
    fn key(&self) -> String {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.project.path("key");
        std::fs::write(&path, self.output("ssh_private_key").as_str().unwrap()).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        path.display().to_string()
    }

    /// Adds a host to the internet of the world.
    fn add_host(&self, name: &str, address: &str) {
        self.project.run(&format!("cloud host add -address {address} {name}")).ok();
    }

    /// Runs a command on a host, or in a machine.
    fn exec(&self, place: &str, words: &[&str]) -> Run {
        let mut command = self.project.command(&format!("cloud exec {place} --"));
        command.args(words);
        crate::harness::Running::start(command).wait()
    }

    /// Whether something at a port of an address takes connections from there.
    fn connects(&self, from: &str, address: &str, port: u16) -> bool {
        !self.reached(from, &[(address, port)]).is_empty()
    }

    /// Which of these addresses and ports take connections from there, as `address:port` in the order given. All are asked
    /// at once, since it takes three seconds to see that nothing answers.
    fn reached(&self, from: &str, targets: &[(&str, u16)]) -> Vec<String> {
        let named: Vec<String> = targets.iter().map(|(address, port)| format!("{address}:{port}")).collect();
        let script = format!(
            "for target in {}; do \
             (timeout 3 bash -c \"</dev/tcp/${{target%:*}}/${{target##*:}}\" 2>/dev/null && echo $target) & done; wait",
            named.join(" ")
        );
        let told = self.exec(from, &["bash", "-c", &script]).stdout;
        named.into_iter().filter(|target| told.lines().any(|line| line == target)).collect()
    }

    /// Whether a machine is reached at ports of its own from one place, and not from another. Each refusal stands
    /// beside a success, so that nothing passes only because nothing works.
    #[track_caller]
    fn only_from(&self, address: &str, ports: &[u16], allowed: &str, refused: &str) {
        let targets: Vec<(&str, u16)> = ports.iter().map(|port| (address, *port)).collect();
        let all = || self.reached(allowed, &targets).len() == ports.len();
        soon(&format!("{allowed} reaches {address} at {ports:?}"), all);
        assert_eq!(self.reached(refused, &targets), [""; 0], "{refused} reaches {address}");
        assert!(all(), "{allowed} reaches {address} at {ports:?} no more");
    }

    /// Which of the ports that anything here uses take connections at these addresses, from there.
    fn open_ports(&self, from: &str, addresses: &[String]) -> Vec<String> {
        const PORTS: [u16; 17] = [
            22, 80, 443, 2379, 2380, 3000, 5432, 6379, 6443, 8080, 8472, 9100, 9121, 9187, 10250, 30000,
            32767,
        ];
        let targets = addresses.iter().flat_map(|address| PORTS.map(|port| (address.as_str(), port)));
        self.reached(from, &targets.collect::<Vec<_>>())
    }

    /// A web server in a machine that answers with the machine's name.
    fn serve_http(&self, machine: &str, port: u16) {
        let unit = format!("--unit=test-http-{port}");
        let folder = "mkdir -p /srv/test && hostname >/srv/test/index.html";
        self.exec(machine, &["sh", "-c", folder]).ok();
        let server = ["python3", "-m", "http.server", "--directory", "/srv/test", &port.to_string()]
            .map(str::to_owned);
        let mut words = vec!["systemd-run", "--quiet", "--collect", &unit];
        words.extend(server.iter().map(String::as_str));
        self.exec(machine, &words).ok();
    }

    /// Destroys the stack: no server, nothing of one on this computer.
    fn destroy(&self) {
        let tag = self.tag();
        self.project.run("destroy -local -auto-approve").ok();
        assert_eq!(self.machines(), [] as [Value; 0]);
        soon("nothing is left of machines, volumes and load balancers", || {
            self.host.left_of_objects(&tag).is_empty()
        });
        self.project.run("cloud reset").ok();
        soon("nothing is left of the world", || self.host.left(&tag).is_empty());
        assert_eq!(self.host.changes(), "", "this computer's own network is as it was");
        let (foreign, looked) = &self.foreign;
        assert_eq!(foreign.look(), *looked, "what is somebody else's is as it was");
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = self.project.run("cloud reset");
    }
}

/// Waits until something is so.
#[track_caller]
fn soon(what: &str, mut condition: impl FnMut() -> bool) -> Duration {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < SOON, "not so after {} s: {what}", SOON.as_secs());
        std::thread::sleep(Duration::from_millis(200));
    }
    begun.elapsed()
}
