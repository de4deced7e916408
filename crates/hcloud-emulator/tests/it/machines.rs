//! Real machines through the API. Linux and root only; elsewhere these tests say why they do nothing.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use ferroform_hcloud_emulator::{
    DEFAULT_BASE, Egress, Emulator, Handle, MachineOptions, doctor, erase_machines, image,
};
use serde_json::{Value, json};

use crate::harness::{Cloud, TOKEN, server};

/// How long a boot may take on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(120);

/// Whether machines can run here. Where `FERROFORM_REQUIRE_MACHINES` is set they must.
fn may_run() -> bool {
    let required = std::env::var_os("FERROFORM_REQUIRE_MACHINES").is_some();
    let base = Path::new(DEFAULT_BASE);
    let why = match doctor::refusal(&doctor::examine(base)) {
        Some(why) => {
            assert!(!required, "machines are required here: {why}");
            format!("machines cannot run here: {why}")
        }
        // It is made of packages that are fetched, which no test does by itself.
        None if !required && !image::list(base).iter().any(|image| image.current) => {
            "there is no base image: ferroform cloud image build".to_owned()
        }
        None => return true,
    };
    say(&format!("SKIPPED: {why}"));
    false
}

#[expect(clippy::print_stderr, reason = "a skipped test must say so")]
fn say(text: &str) {
    eprintln!("{text}");
}

fn options() -> MachineOptions {
    MachineOptions { egress: Egress::None, ..MachineOptions::default() }
}

/// A world with machines. Dropped, it is gone from this host, however the test ended.
struct World {
    folder: tempfile::TempDir,
    cloud: Option<Cloud>,
}

impl World {
    async fn open() -> Self {
        let mut world = Self { folder: tempfile::tempdir().unwrap(), cloud: None };
        world.start().await;
        world
    }

    fn state(&self) -> PathBuf {
        self.folder.path().join("world")
    }

    async fn start(&mut self) {
        let builder = Emulator::builder().token(TOKEN).state_file(self.state()).machines(options());
        let handle: Handle = builder.start().await.unwrap();
        self.cloud = Some(Cloud { handle, token: TOKEN.to_owned() });
    }

    fn cloud(&self) -> &Cloud {
        self.cloud.as_ref().unwrap()
    }

    /// Ends the emulator as a crash would, and gives its threads a moment to notice.
    async fn crash(&mut self) {
        drop(self.cloud.take());
        tokio::time::sleep(Duration::from_millis(500)).await;
    }

    async fn shut_down(&mut self) {
        self.cloud.take().unwrap().handle.shutdown().await;
    }

    async fn machine(&self, id: i64) -> Value {
        let told = self.cloud().control("GET", "/machines", Value::Null).await.body;
        let machines = told["machines"].as_array().unwrap();
        machines.iter().find(|machine| machine["id"] == id).unwrap().clone()
    }

    /// Waits until a server has a status.
    async fn until(&self, id: i64, status: &str) {
        patiently(async || {
            let shown = self.cloud().show("servers", id).await;
            (shown["status"] == status)
                .then_some(())
                .ok_or(format!("{id} is {} and not {status}", shown["status"]))
        })
        .await;
    }

    /// Waits until a machine has a first process, another than `before`. The status of its server does not tell: what
    /// was running stays so in the API while its machine is brought back.
    async fn until_another_runs(&self, id: i64, before: &Value) {
        patiently(async || {
            let leader = &self.machine(id).await["leader"];
            let runs = leader.is_number() && leader != before;
            runs.then_some(()).ok_or(format!("the machine of {id} is not there again: {leader}"))
        })
        .await;
    }
}

/// What the names of everything of a machine's world begin with.
fn tag(machine: &Value) -> String {
    let name = Path::new(machine["namespace"].as_str().unwrap()).file_name().unwrap().to_string_lossy();
    name.split('-').next().unwrap().to_owned()
}

/// Looks again and again until it is well; else it says why not.
async fn patiently(look: impl AsyncFn() -> Result<(), String>) {
    let begun = Instant::now();
    while let Err(why) = look().await {
        assert!(begun.elapsed() < PATIENCE, "{why}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if self.cloud.take().is_some() {
            std::thread::sleep(Duration::from_millis(500));
        }
        let _ = erase_machines(&self.state(), &options());
    }
}

/// The names of network namespaces.
fn namespaces() -> BTreeSet<String> {
    let entries = std::fs::read_dir("/run/netns").into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// Runs a program in a network namespace.
fn inside(namespace: &Value, words: &[&str]) -> Output {
    let net = format!("--net={}", namespace.as_str().unwrap());
    Command::new("nsenter").arg(net).arg("--").args(words).output().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_official_client_makes_a_machine_that_one_can_log_in_to() {
    if !may_run() {
        return;
    }
    let present = Command::new("python3").args(["-c", "import hcloud"]).output();
    if !present.is_ok_and(|output| output.status.success()) {
        let required = std::env::var_os("FERROFORM_REQUIRE_PROGRAMS").is_some();
        assert!(!required, "python3 with the package hcloud is required here but missing");
        say("SKIPPED: python3 with the package hcloud is not installed (`pip install hcloud`)");
        return;
    }
    let world = World::open().await;
    let key = world.folder.path().join("key");
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key).status();
    assert!(made.unwrap().success());
    let public = std::fs::read_to_string(key.with_extension("pub")).unwrap();
    let endpoint = world.cloud().handle.endpoint();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/hcloud_python_machine.py");
    let client = tokio::task::spawn_blocking(move || {
        let mut python = Command::new("python3");
        python.arg(script).env("FERROFORM_TEST_ENDPOINT", endpoint).env("FERROFORM_TEST_TOKEN", TOKEN);
        python.env("FERROFORM_TEST_KEY", public.trim()).output().unwrap()
    });
    let client = client.await.unwrap();
    let address = String::from_utf8(client.stdout).unwrap().trim().to_owned();
    assert!(client.status.success(), "{}", String::from_utf8_lossy(&client.stderr));

    // From a host of the internet, as anybody would.
    let host = world.cloud().control("POST", "/hosts", json!({"addresses": ["45.33.32.156"]})).await;
    assert_eq!(host.status, 201, "{}", host.text);
    let target = format!("root@{address}");
    let ssh = [
        "ssh",
        "-i",
        key.to_str().unwrap(),
        "-oBatchMode=yes",
        "-oStrictHostKeyChecking=no",
        "-oUserKnownHostsFile=/dev/null",
        "-oConnectTimeout=5",
        &target,
        "hostname; cat /root/said",
    ];
    patiently(async || {
        let output = inside(&host.body["host"]["namespace"], &ssh);
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        assert_eq!(String::from_utf8_lossy(&output.stdout), "python-made\nhello");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn machines_outlive_a_crash_of_the_emulator_and_end_with_their_world_alone() {
    if !may_run() {
        return;
    }
    let (mut world, mut other) = (World::open().await, World::open().await);
    let (stays, neighbour) = tokio::join!(
        world.cloud().create("servers", server("stays")),
        other.cloud().create("servers", server("neighbour")),
    );
    world.until(stays, "running").await;
    other.until(neighbour, "running").await;
    let before = world.machine(stays).await;
    assert!(before["leader"].is_number(), "{before}");

    // In the middle of a boot.
    let created = world.cloud().post("/servers", server("boots")).await;
    let boots = created["server"]["id"].as_i64().unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    world.crash().await;
    world.start().await;
    world.until(stays, "running").await;
    world.until(boots, "running").await;
    assert_eq!(
        world.machine(stays).await["leader"],
        before["leader"],
        "it was found again, not booted again"
    );
    let action = world.cloud().get(&format!("/actions/{}", created["next_actions"][0]["id"])).await;
    assert_eq!(action["action"]["status"], "success");

    // A machine that ended while nobody looked, as all do when the host is switched off, boots again.
    let leader = before["leader"].to_string();
    world.crash().await;
    assert!(Command::new("kill").args(["-KILL", &leader]).status().unwrap().success());
    // What runs it on the host takes a moment to end; until then the world would find it again, and see it end.
    let command = format!("machine={}-m{stays}( |$)", tag(&before));
    patiently(async || {
        let found = Command::new("pgrep").args(["-f", &command]).output().unwrap();
        // pgrep(1): 1 where nothing matches.
        (found.status.code() == Some(1)).then_some(()).ok_or(format!("it still runs: {found:?}"))
    })
    .await;
    world.start().await;
    world.until_another_runs(stays, &before["leader"]).await;
    let tag = tag(&world.machine(boots).await);
    let mine: BTreeSet<String> = namespaces().into_iter().filter(|name| name.starts_with(&tag)).collect();
    assert!(!mine.is_empty());
    let theirs = other.machine(neighbour).await;
    world.shut_down().await;
    assert!(namespaces().is_disjoint(&mine), "the world has ended");
    let after = other.machine(neighbour).await;
    assert_eq!((&after["leader"], &after["status"]), (&theirs["leader"], &json!("running")));
    assert_eq!(inside(&after["namespace"], &["true"]).status.code(), Some(0));
    other.shut_down().await;
}
