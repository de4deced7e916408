//! A Django application in Docker on the host: deployed, broken and taken back, through a reboot and into a new server.
//!
//! Docker in the machine is real, and so is the registry, which stands in the internet of the world. What stands for
//! something else is the image of Python below the application's own, since registries are out of reach; see
//! `base_image.sh`.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use super::super::{Stage, soon};
use super::{CLOUDFLARE, STRANGER};
use crate::harness::{Run, Running, say};

/// Where the registry stands: an address that nobody has in the real internet.
const REGISTRY: &str = "198.18.0.5";
const SERVER: &str = "consult-dev";
const SITE: &str = "consult.example.com";
/// A secret with everything that a careless writer of environment files stumbles over.
const SECRET: &str = r#"s3cret "quoted" \back $HOME 'single' #hash =end"#;

/// Wheels of what the application needs, and of pip. Tests fetch nothing themselves.
fn wheels() -> Option<PathBuf> {
    let required = std::env::var_os("FERROFORM_REQUIRE_MACHINES").is_some();
    let missing = |what: &str| {
        assert!(!required, "machines are required, and with them {what}");
        say(&format!("left out, there is no {what}"));
        None
    };
    if Command::new("docker-registry").arg("--version").stdout(Stdio::null()).status().is_err() {
        return missing("program docker-registry (Debian's package of that name)");
    }
    match std::env::var_os("FERROFORM_TEST_WHEELS").map(PathBuf::from) {
        Some(folder) if folder.is_dir() => Some(folder),
        _ => missing(
            "folder of wheels in FERROFORM_TEST_WHEELS, made by: pip download --only-binary=:all: --python-version 3.11 \
             --dest FOLDER pip --requirement stacks/consult/example-app/requirements.txt",
        ),
    }
}

#[test]
fn consult_dev_runs_a_django_application_that_survives_bad_releases_a_reboot_and_a_new_server() {
    let Some(wheels) = wheels() else { return };
    let Some(mut stage) = Stage::open("consult/dev", 1) else { return };
    say("left out: Doppler, the upgrade of all packages");
    stage.project.set_env("TF_VAR_package_upgrade", "false");
    let environment = json!({ "SECRET_KEY": SECRET, "ALLOWED_HOSTS": SITE });
    stage.project.set_env("TF_VAR_app_environment", &environment.to_string());
    let docker = json!({ "insecure-registries": [format!("{REGISTRY}:5000")] });
    stage.project.set_env("TF_VAR_docker_settings", &docker.to_string());
    stage.project.set_env("TF_VAR_health_check_seconds", "25");
    stage.apply();
    for (name, address) in [("cloudflare", CLOUDFLARE), ("stranger", STRANGER), ("registry", REGISTRY)] {
        stage.add_host(name, address);
    }
    // The volume and the private address as planned.
    let mounted = stage.exec(SERVER, &["findmnt", "--noheadings", "--output", "FSTYPE", "/mnt/data"]).ok();
    assert_eq!(mounted.stdout.trim(), "ext4");
    let addresses = stage.exec(SERVER, &["ip", "-oneline", "-4", "address", "show"]).ok().stdout;
    let private = stage.output("private_address");
    assert!(addresses.contains(private.as_str().unwrap()), "{private} in {addresses}");
    // By the outputs alone: address, host key and key.
    assert_eq!(stage.project.run("ssh -local host -- hostname").ok().stdout.trim(), SERVER);
    let registry = serve_images(&stage);
    build_images(&stage, &wheels);
    let mut app = App::of(&stage);
    app.is_protected();

    // The first deployment, as the README has it.
    let compose = stage.project.path("../../example-app/compose.yaml");
    app.copy(&compose, "/opt/consult/");
    assert!(app.deploy("1", &["--dry-run"]).ok().stderr.contains("nothing was done"));
    assert_eq!(app.status()["services"], json!([]));
    app.deploy("1", &[]).ok().tells(&["Applying notes.0001_initial... OK", "deployed web"]);
    assert_eq!(app.status()["services"][0]["state"], "running");
    stage.only_from(&app.address, &[80], "cloudflare", "stranger");
    // In dev everybody may look at what runs without Cloudflare.
    stage.serve_http(SERVER, 8000);
    soon("port 8000 is open", || stage.connects("stranger", &app.address, 8000));
    assert_eq!(app.page(&["--data", "text=first"]), json!({ "version": "1", "notes": ["first"] }));
    app.gets_its_secret();

    // The second one keeps the data, and the image before.
    app.deploy("2", &[]).ok();
    assert_eq!(app.page(&["--data", "text=second"]), json!({ "version": "2", "notes": ["second", "first"] }));
    assert_eq!(app.status()["previous"]["images"]["web"], image("1"));

    // A backup as the README has it, and what is restored from it.
    app.run("consult-compose exec -T web python manage.py backup /data/backup.sqlite3").ok();
    let archive = "tar -C /mnt/data --exclude='app/db.sqlite3*' -cz app deploy >/root/backup.tar.gz";
    app.run(archive).ok();
    assert_eq!(app.page(&["--data", "text=too+late"])["notes"][0], "too late");
    let restore = "systemctl stop consult && tar -C /mnt/data -xz </root/backup.tar.gz && cd /mnt/data/app && \
        rm -f db.sqlite3-* && mv backup.sqlite3 db.sqlite3 && systemctl start consult";
    app.run(restore).ok();
    let here = json!({ "version": "2", "notes": ["second", "first"] });
    soon("the application answers as before", || app.try_page(&[]).as_ref() == Some(&here));

    // What fails leads back to it, says why, and changes nothing.
    let failures = [
        ("missing", "fetching 198.18.0.5:5000/example:missing failed"),
        ("broken", "no such table: no_such_table"),
    ];
    for (tag, reason) in failures {
        let run = app.deploy(tag, &[]).code_is(1).tells(&["consult: error: ", reason]);
        assert_eq!(run.stderr.contains("is in service again"), tag == "broken", "{run}");
        assert_eq!(app.page(&[]), here, "after {tag}");
    }
    // While one is being tried no other one comes between.
    let sick = app.start(&format!("consult-deploy deploy --image web={}", image("sick")));
    soon("the deployment has begun", || {
        app.run("cat /run/lock/consult-deploy.lock").stdout.contains("process")
    });
    app.deploy("1", &[]).code_is(1).tells(&["another deployment is running"]);
    sick.wait().code_is(1).tells(&[
        "it is not well after 25 seconds",
        "it answers 404",
        &format!("Rolled back: web {} is in service again", image("2")),
    ]);
    assert_eq!(app.page(&[]), here);
    assert_eq!(
        app.status()["previous"]["images"]["web"],
        image("1"),
        "a failed release is none to go back to"
    );

    // Going back by hand.
    app.run("consult-deploy rollback").ok();
    let here = json!({ "version": "1", "notes": ["second", "first"] });
    assert_eq!(app.page(&[]), here);

    // Through a reboot.
    reboot(&stage);
    soon("the application answers again", || app.try_page(&[]).as_ref() == Some(&here));

    // Into a new server, whose first boot knows nothing of it but the volume.
    let before = stage.machine(SERVER)["id"].clone();
    let replaced = stage.apply_with("-replace=module.host.module.docker.hcloud_server.this");
    assert!(
        replaced.stdout.contains("1 to destroy") || replaced.stdout.contains("must be replaced"),
        "{replaced}"
    );
    assert_ne!(stage.machine(SERVER)["id"], before);
    app = App::of(&stage);
    soon("the application answers from the new server", || app.try_page(&[]).as_ref() == Some(&here));
    stage.only_from(&app.address, &[80], "cloudflare", "stranger");
    app.is_protected();
    app.deploy("2", &[]).ok();
    assert_eq!(app.page(&[])["version"], "2");

    drop(registry);
    stage.destroy();
}

fn image(tag: &str) -> String {
    format!("{REGISTRY}:5000/example:{tag}")
}

/// A registry that stores what it is given in the test's own folder.
fn serve_images(stage: &Stage) -> Running {
    let settings = json!({
        "version": 0.1,
        "log": { "level": "error", "accesslog": { "disabled": true } },
        "storage": { "filesystem": { "rootdirectory": stage.project.path("registry") } },
        "http": { "addr": "0.0.0.0:5000", "secret": "of this test" },
    });
    stage.project.write("registry.json", settings.to_string());
    let mut command = stage.project.command("cloud exec registry -- docker-registry serve");
    command.arg(stage.project.path("registry.json"));
    let running = Running::start(command).within(Duration::from_secs(3600));
    let address = format!("http://{REGISTRY}:5000/v2/");
    soon("the registry answers", || {
        stage.exec(SERVER, &["curl", "-fsS", "-m", "5", &address]).code() == Some(0)
    });
    running
}

/// Builds the images in the machine, by a Docker daemon apart from the host's, and pushes them.
fn build_images(stage: &Stage, wheels: &Path) {
    let folder = stage.project.path("images");
    std::fs::create_dir(&folder).unwrap();
    for (name, text) in [
        ("base_image.sh", include_str!("base_image.sh")),
        ("build_images.sh", include_str!("build_images.sh")),
    ] {
        std::fs::write(folder.join(name), text).unwrap();
    }
    let archive = stage.project.path("images.tar");
    let example = stage.project.path("../../example-app");
    let wheels = std::fs::canonicalize(wheels).unwrap();
    let sources = [(folder.as_path(), "."), (example.parent().unwrap(), "example-app")];
    let mut tar = Command::new("tar");
    tar.arg("--create").arg("--file").arg(&archive);
    for (from, name) in sources {
        tar.arg("--directory").arg(from).arg(name);
    }
    let name = wheels.file_name().unwrap();
    tar.arg("--transform").arg(format!("s,^{},wheels,", name.to_string_lossy()));
    tar.arg("--directory").arg(wheels.parent().unwrap()).arg(name);
    assert!(tar.status().unwrap().success());
    let unpack =
        "mkdir -p /root/images && tar -x --no-same-owner -C /root/images && chmod +x /root/images/*.sh";
    let mut command = stage.project.command(&format!("cloud exec {SERVER} -- sh -c"));
    command.arg(unpack).stdin(File::open(&archive).unwrap());
    Running::start(command).wait().ok();
    let build = format!("/root/images/build_images.sh /root/images {REGISTRY}:5000");
    let mut command = stage.project.command(&format!("cloud exec {SERVER} -- sh -c"));
    command.arg(&build);
    let run = Running::start(command).within(Duration::from_secs(600)).wait().ok();
    say(&format!("images built and pushed: {:.1} s", run.elapsed.as_secs_f64()));
}

/// Reboots the machine by the API, and waits for its next boot.
fn reboot(stage: &Stage) {
    let machine = stage.machine(SERVER);
    let path = format!("/v1/servers/{}/actions/reboot", machine["id"]);
    stage.project.cloud().call("POST", &path, &Value::Null);
    soon("the machine has rebooted", || {
        let leader = stage.machine(SERVER)["leader"].clone();
        !leader.is_null() && leader != machine["leader"]
    });
    stage.project.run(&format!("cloud wait -for=boot {SERVER}")).ok();
}

/// The host as an administrator and as visitors reach it: by what the output `ferroform` tells, and from outside.
struct App<'a> {
    stage: &'a Stage,
    key: String,
    known_hosts: String,
    address: String,
    program: String,
}

impl<'a> App<'a> {
    fn of(stage: &'a Stage) -> Self {
        let contract = stage.output("ferroform");
        assert_eq!((&contract["version"], &contract["stack"]), (&json!(1), &json!("consult")));
        let server = &contract["servers"][SERVER];
        assert_eq!(contract["deploy"]["server"], SERVER);
        stage.project.write("known_hosts", format!("{SERVER} {}\n", server["host_key"].as_str().unwrap()));
        let path = |name: &str| stage.project.path(name).display().to_string();
        assert_eq!(contract["ssh"]["private_key"], stage.output("ssh_private_key"));
        App {
            stage,
            key: stage.key(),
            known_hosts: path("known_hosts"),
            address: server["address"].as_str().unwrap().to_owned(),
            program: contract["deploy"]["program"].as_str().unwrap().to_owned(),
        }
    }

    /// `ssh` or `scp` from a stranger's address, with the host key that is known from the apply.
    fn client(&self, program: &str) -> Command {
        let mut command = self.stage.project.command(&format!("cloud exec stranger -- {program} -q -i"));
        command.arg(&self.key);
        let known_hosts = format!("UserKnownHostsFile={}", self.known_hosts);
        let alias = format!("HostKeyAlias={SERVER}");
        for setting in
            ["BatchMode=yes", "StrictHostKeyChecking=yes", "ConnectTimeout=10", &known_hosts, &alias]
        {
            command.args(["-o", setting]);
        }
        command
    }

    fn start(&self, line: &str) -> Running {
        let mut command = self.client("ssh");
        command.arg(format!("root@{}", self.address)).arg(line);
        Running::start(command)
    }

    /// Runs a command as root on the host.
    fn run(&self, line: &str) -> Run {
        self.start(line).wait()
    }

    fn copy(&self, from: &Path, to: &str) {
        let mut command = self.client("scp");
        command.arg(from).arg(format!("root@{}:{to}", self.address));
        Running::start(command).wait().ok();
    }

    fn deploy(&self, tag: &str, more: &[&str]) -> Run {
        let run = self.run(&format!("{} deploy --image web={} {}", self.program, image(tag), more.join(" ")));
        say(&format!("deploy {tag} {}: {:.1} s", more.join(" "), run.elapsed.as_secs_f64()));
        run
    }

    fn status(&self) -> Value {
        self.run(&format!("{} status --json", self.program)).ok().json()
    }

    /// The page as visitors get it, through Cloudflare.
    fn try_page(&self, more: &[&str]) -> Option<Value> {
        let (host, address) = (format!("Host: {SITE}"), format!("http://{}/", self.address));
        let mut words = vec!["curl", "-fsS", "-m", "10", "-H", &host];
        words.extend(more);
        words.push(&address);
        serde_json::from_str(&self.stage.exec("cloudflare", &words).stdout).ok()
    }

    #[track_caller]
    fn page(&self, more: &[&str]) -> Value {
        self.try_page(more).expect("the application answers")
    }

    /// The application has the secret as it was given, through user data, systemd and Compose.
    fn gets_its_secret(&self) {
        let script = "import os; print(os.environ[\\\"SECRET_KEY\\\"])";
        let line = format!("consult-compose exec -T web python -c \"{script}\"");
        assert_eq!(self.run(&line).ok().stdout.trim_end(), SECRET);
    }

    /// Whoever is not root finds no secret on the host, and nobody gets in without a key.
    fn is_protected(&self) {
        let found = |user: &str, places: &str| {
            // In parts, since the environment file has it with escapes; sockets and devices are passed over.
            let line = format!("runuser -u {user} -- grep -rlsF -D skip 's3cret' {places} || test $? -lt 3");
            self.run(&line).ok().stdout
        };
        assert!(found("root", "/etc").contains("/etc/consult/consult.env"), "the search finds what it may");
        for user in ["nobody", "consult"] {
            assert_eq!(
                found(user, "/etc /home /mnt /opt /root /run /srv /tmp /usr/local /var"),
                "",
                "{user}"
            );
        }
        assert_eq!(self.run("id -nG consult").ok().stdout.trim(), "consult", "no group leads to Docker");
        let settings = self.run("sshd -T").ok().stdout;
        for wanted in [
            "passwordauthentication no",
            "permitrootlogin without-password",
            "kbdinteractiveauthentication no",
        ] {
            assert!(settings.lines().any(|line| line == wanted), "{wanted} in {settings}");
        }
        let mut command = self.client("ssh");
        command.args(["-o", "PubkeyAuthentication=no"]).arg(format!("root@{}", self.address)).arg("true");
        Running::start(command).wait().code_is(255);
        self.run("unattended-upgrade --dry-run >/dev/null && grep -q 'max-size' /etc/docker/daemon.json")
            .ok();
    }
}
