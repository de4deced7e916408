//! Real machines, booted on this host. Everything is under a world of its own, which is removed also when a test
//! fails. Skipped, saying why, where machines cannot run; with FERROFORM_REQUIRE_MACHINES=1 that is a failure.

#![allow(clippy::print_stdout, reason = "why a test was skipped, and how long things took")]

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::process::Command;
use std::time::Duration;

use super::*;
use crate::backend::scene::{
    Disk, DiskSource, Machine, PrivateLink, Public, Rescue, Run, Segment, Size, Snapshot, Volume,
};

const ADMIN: &str = "198.51.100.250";

/// A world on this host.
struct World {
    machines: Option<Machines>,
    site: Site,
    base: PathBuf,
    kind: MachineKind,
    id: String,
    scene: Scene,
    /// With the key to log in with.
    folder: tempfile::TempDir,
    before: Vec<String>,
}

impl Drop for World {
    fn drop(&mut self) {
        let consoles: Vec<_> =
            self.scene.machines.keys().map(|id| (*id, guests::console(&self.site, *id))).collect();
        self.machines = None;
        let cleaned = clean_site(&self.site);
        if !std::thread::panicking() {
            return cleaned.unwrap();
        }
        // Last, since nobody may be listening any more.
        for (id, console) in consoles {
            let console = console.unwrap_or_default();
            let lines: Vec<&str> = console.lines().rev().take(40).collect();
            let lines: Vec<&str> = lines.into_iter().rev().collect();
            println!("console of {id}:\n{}", lines.join("\n"));
        }
    }
}

impl World {
    /// Nothing, where machines cannot run.
    fn new(name: &str) -> Option<Self> {
        Self::of_kind(name, MachineKind::Containers)
    }

    fn of_kind(name: &str, kind: MachineKind) -> Option<Self> {
        let base =
            std::env::var_os("FERROFORM_MACHINES_DIR").map_or_else(|| DEFAULT_BASE.into(), PathBuf::from);
        let required = std::env::var_os("FERROFORM_REQUIRE_MACHINES").is_some();
        if let Some(refusal) = doctor::refusal(&doctor::examine(&base)) {
            assert!(!required, "machines cannot run: {refusal}");
            println!("skipped, since machines cannot run here: {refusal}");
            return None;
        }
        // It is made of packages that are fetched, which no test does by itself.
        let built = match kind {
            MachineKind::Containers => image::list(&base).iter().any(|image| image.current),
            MachineKind::Qemu => image::disk::find(&base).is_some(),
        };
        let required = match kind {
            MachineKind::Containers => required,
            MachineKind::Qemu => std::env::var_os("FERROFORM_REQUIRE_QEMU").is_some(),
        };
        if let (MachineKind::Qemu, Some(refusal)) = (kind, doctor::refusal_of_qemu()) {
            assert!(!required, "qemu cannot run machines: {refusal}");
            println!("skipped, since qemu cannot run machines here: {refusal}");
            return None;
        }
        if !required && !built {
            println!("skipped, since there is no base image: ferroform cloud image build");
            return None;
        }
        let id = format!("{name}-{}-{}", std::process::id(), uuid::Uuid::new_v4());
        let site = Site::new(&base, &id);
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("key");
        run("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", &key.to_string_lossy()]);
        let before = host();
        let scene = Scene::default();
        let mut world = Self { machines: None, site, base, kind, id, scene, folder, before };
        world.open();
        Some(world)
    }

    fn open(&mut self) {
        let config = MachinesConfig {
            base: self.base.clone(),
            world_id: self.id.clone(),
            egress: Egress::None,
            kind: self.kind,
        };
        let machines = Machines::open(&config).unwrap();
        if machines.hosts().is_empty() {
            machines.add_host("admin", &[ADMIN.parse().unwrap()]).unwrap();
        }
        self.machines = Some(machines);
    }

    /// A machine with an address made of its id.
    fn add(&mut self, id: i64) -> &mut Machine {
        let key = std::fs::read_to_string(self.folder.path().join("key.pub")).unwrap();
        let last = u8::try_from(id).unwrap();
        let machine = Machine {
            name: format!("machine-{id}"),
            location: "fsn1".to_owned(),
            disk: Disk { written_by: id * 1000, from: DiskSource::System("debian-12".to_owned()) },
            run: Run::On { boot: id * 1000 + 1, gracefully: false },
            size: Size { cores: 2, memory_mb: 2048, disk_gb: 40 },
            user_data: None,
            ssh_keys: vec![key.trim().to_owned()],
            root_password: None,
            public: Public {
                v4: Some(Ipv4Addr::new(203, 0, 113, last)),
                v6: Some(format!("2001:db8:0:{id}::/64").parse().unwrap()),
                floating: Vec::new(),
            },
            links: Vec::new(),
            volumes: BTreeSet::new(),
            filter: None,
            rescue: None,
        };
        self.scene.machines.insert(id, machine);
        self.scene.machines.get_mut(&id).unwrap()
    }

    fn machine(&mut self, id: i64) -> &mut Machine {
        self.scene.machines.get_mut(&id).unwrap()
    }

    fn backend(&self) -> &Machines {
        self.machines.as_ref().unwrap()
    }

    /// Shows the scene as it is now.
    fn show(&mut self) {
        self.scene.revision += 1;
        self.backend().show(Arc::new(self.scene.clone()));
    }

    fn standing(&self, object: Object) -> Result<(), String> {
        let end =
            Instant::now() + Duration::from_secs(if self.kind == MachineKind::Qemu { 600 } else { 150 });
        loop {
            match self.backend().standing(object, self.scene.revision) {
                Standing::Reached => return Ok(()),
                Standing::Failed { message } => return Err(message),
                Standing::Pending if Instant::now() > end => return Err("it takes too long".to_owned()),
                Standing::Pending => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    }

    /// Shows the scene and waits for every machine.
    fn settle(&mut self) -> Duration {
        let start = Instant::now();
        self.show();
        for id in self.scene.machines.keys() {
            self.standing(Object::Machine(*id)).unwrap();
        }
        self.standing(Object::Rest).unwrap();
        start.elapsed()
    }

    /// Runs a command in a machine by logging in from the administrator's host; its output, if it succeeds.
    fn ssh(&self, id: i64, command: &str) -> Result<String, String> {
        let namespace = self.site.namespace_path("hadmin");
        let key = self.folder.path().join("key");
        let output = Command::new("nsenter")
            .arg(format!("--net={}", namespace.display()))
            .args(["ssh", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"])
            .args(["-o", "LogLevel=ERROR", "-o", "BatchMode=yes", "-o", "ConnectTimeout=5", "-i"])
            .arg(key)
            .arg(format!("root@203.0.113.{id}"))
            .arg(command)
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }

    fn wait_for<T>(&self, what: &str, mut get: impl FnMut() -> Option<T>) -> T {
        let end = Instant::now() + Duration::from_secs(if self.kind == MachineKind::Qemu { 240 } else { 60 });
        loop {
            if let Some(got) = get() {
                return got;
            }
            assert!(Instant::now() < end, "{what} takes too long");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn leader(&self, id: i64) -> Option<u32> {
        self.backend().place(id)?.leader
    }

    /// Takes the world down, and checks that the host is as it was.
    fn finish(mut self) {
        self.backend().close();
        self.machines = None;
        assert_eq!(self.left(), Vec::<String>::new(), "after closing");
        clean_site(&self.site).unwrap();
        assert!(!self.site.dir().exists());
        assert_eq!(host(), self.before);
    }

    /// What there is of this world on the host, but for files.
    fn left(&self) -> Vec<String> {
        let tag = self.site.tag();
        everything().into_iter().filter(|line| line.contains(tag)).collect()
    }
}

fn run(program: &str, arguments: &[&str]) -> String {
    super::tools::run(program, arguments).unwrap()
}

/// The host's own network, which no world ever touches.
fn host() -> Vec<String> {
    let ip = |words: &[&str]| run("ip", words);
    let mut lines: Vec<String> = [
        ip(&["-o", "link"]),
        ip(&["-o", "address"]),
        ip(&["route"]),
        ip(&["-6", "route"]),
        run("nft", &["list", "ruleset"]),
    ]
    .iter()
    .flat_map(|text| text.lines().map(str::to_owned))
    // Lifetimes count down.
    .map(|line| line.split(" valid_lft").next().unwrap_or_default().to_owned())
    .collect();
    lines.sort();
    lines
}

/// Namespaces, mounts, loop devices, processes and control groups of this host.
fn everything() -> Vec<String> {
    let mut lines = Vec::new();
    for (program, arguments) in [
        ("ip", &["netns", "list"][..]),
        ("cat", &["/proc/self/mountinfo"]),
        ("losetup", &["--list", "--output", "NAME,BACK-FILE"]),
        ("ps", &["-e", "-o", "args"]),
        ("find", &["/sys/fs/cgroup", "/run/systemd/nspawn", "-maxdepth", "3"]),
    ] {
        let text = Command::new(program).args(arguments).output().unwrap().stdout;
        lines.extend(String::from_utf8_lossy(&text).lines().map(|line| format!("{program}: {line}")));
    }
    lines
}

#[test]
fn a_machine_lives_through_everything_for_real() {
    let Some(mut world) = World::new("life") else { return };
    world.add(7).user_data = Some("#cloud-config\nruncmd:\n- echo ran >>/root/ran\n".to_owned());
    println!("first boot, with the network: {:?}", world.settle());
    assert_eq!(
        world.ssh(7, "hostname; cloud-init status --wait | grep -v '^[.]*$'; cat /root/ran").unwrap(),
        "machine-7\nstatus: done\nran"
    );
    let result = world.ssh(7, "cat /run/cloud-init/result.json; getent ahosts machine-7 | head -1").unwrap();
    assert!(result.contains("\"errors\": []"), "{result}");
    assert_eq!(world.ssh(7, "systemctl is-system-running --wait || systemctl --failed").unwrap(), "running");
    assert!(world.backend().console(7).unwrap().contains("Reached target"));

    // Its own sysctls of the network, and none of the host's.
    assert!(world.ssh(7, "sysctl -qw net.ipv4.ip_forward=1").is_ok());
    assert!(world.ssh(7, "echo 400000 >/proc/sys/kernel/pid_max").is_err());
    // Nor its disk.
    assert!(world.ssh(7, "mknod /tmp/disk b 254 0 && head -c 1 /tmp/disk").is_err());

    // Off and on again.
    world.ssh(7, "echo kept >/root/file && sync").unwrap();
    world.machine(7).run = Run::Off { gracefully: true };
    println!("shutdown: {:?}", world.settle());
    assert_eq!(world.leader(7), None);
    assert!(world.backend().reports().is_empty(), "nobody switched itself off");
    world.machine(7).run = Run::On { boot: 2, gracefully: false };
    println!("second boot: {:?}", world.settle());
    assert_eq!(world.ssh(7, "cat /root/file /root/ran").unwrap(), "kept\nran");

    // Reboot and reset from outside. As at Hetzner, a machine that was renamed keeps its host name.
    world.machine(7).run = Run::On { boot: 3, gracefully: true };
    world.machine(7).name = "renamed".to_owned();
    println!("reboot: {:?}", world.settle());
    assert_eq!(world.ssh(7, "hostname").unwrap(), "machine-7");
    let first = world.leader(7).unwrap();
    world.machine(7).run = Run::On { boot: 4, gracefully: false };
    println!("reset: {:?}", world.settle());
    assert_ne!(world.leader(7), Some(first));

    // Rebooting itself is no switching off.
    let first = world.leader(7).unwrap();
    let _ = world.ssh(7, "systemctl reboot");
    world.wait_for("the reboot", || world.leader(7).filter(|leader| *leader != first));
    world.wait_for("the log-in", || world.ssh(7, "true").ok());
    assert!(world.backend().reports().is_empty());

    // A snapshot, a machine from it, and the first one written anew.
    world.scene.snapshots.insert(70, Snapshot { of: 7 });
    world.show();
    world.standing(Object::Snapshot(70)).unwrap();
    world.add(8).disk.from = DiskSource::Snapshot(70);
    world.machine(7).disk.written_by = 5;
    world.machine(7).run = Run::On { boot: 5, gracefully: false };
    world.settle();
    assert_eq!(world.ssh(8, "hostname; cat /root/file").unwrap(), "machine-8\nkept");
    assert!(world.ssh(7, "cat /root/file").is_err());
    // What a disk stands on stays although nobody sees it any more.
    world.scene.snapshots.clear();
    world.scene.machines.remove(&7);
    world.settle();
    assert_eq!(world.ssh(8, "cat /root/file").unwrap(), "kept");
    assert!(world.backend().place(7).is_none());

    // Switching itself off, and crashing.
    let _ = world.ssh(8, "systemctl poweroff");
    let report = world.wait_for("the report", || world.backend().reports().pop());
    assert_eq!(report, Report::WentOff { machine: 8, boot: 8001 });
    world.machine(8).run = Run::On { boot: 9, gracefully: false };
    world.settle();
    run("kill", &["-9", &world.leader(8).unwrap().to_string()]);
    let report = world.wait_for("the report", || world.backend().reports().pop());
    assert_eq!(report, Report::WentOff { machine: 8, boot: 9 });

    // The rescue system, in which the disk is at /mnt.
    world.machine(8).run = Run::On { boot: 10, gracefully: false };
    let keys = world.machine(8).ssh_keys.clone();
    world.machine(8).rescue = Some(Rescue { ssh_keys: keys, root_password: None });
    world.settle();
    assert_eq!(world.ssh(8, "hostname; cat /mnt/root/file").unwrap(), "rescue\nkept");
    world.finish();
}

#[test]
fn machines_outlive_the_emulator_for_real() {
    let Some(mut world) = World::new("again") else { return };
    let Some(other) = World::new("other") else { return };
    let segment = Segment {
        name: "net".to_owned(),
        range: "10.0.0.0/16".parse().unwrap(),
        subnets: vec!["10.0.1.0/24".parse().unwrap()],
        routes: Vec::new(),
    };
    world.scene.segments.insert(3, segment);
    for id in [11, 12] {
        let machine = world.add(id);
        machine.links.push(PrivateLink {
            segment: 3,
            address: Ipv4Addr::new(10, 0, 1, u8::try_from(id).unwrap()),
            aliases: Vec::new(),
            mac: format!("86:00:00:00:00:{id}"),
        });
    }
    world.scene.volumes.insert(
        5,
        Volume { size_gb: 10, format: Some("ext4".to_owned()), automount: true, location: "fsn1".to_owned() },
    );
    world.machine(11).volumes.insert(5);
    world.settle();
    assert_eq!(world.ssh(11, "ping -c 1 -W 5 10.0.1.12 >/dev/null && echo ok").unwrap(), "ok");
    world.ssh(11, "echo data >/mnt/HC_Volume_5/file").unwrap();
    let leaders = [world.leader(11).unwrap(), world.leader(12).unwrap()];

    // The emulator is gone, and one machine switches itself off meanwhile.
    world.machines = None;
    let _ = world.ssh(12, "systemctl poweroff");
    world.wait_for("the machine's end", || {
        (!Path::new(&format!("/proc/{}", leaders[1])).exists()).then_some(())
    });
    world.open();
    world.show();
    world.standing(Object::Machine(11)).unwrap();
    assert_eq!(world.leader(11), Some(leaders[0]), "it was never interrupted");
    let report = world.wait_for("the report", || world.backend().reports().pop());
    assert_eq!(report, Report::WentOff { machine: 12, boot: 12_001 });
    assert_eq!(world.ssh(11, "cat /mnt/HC_Volume_5/file").unwrap(), "data");

    // Closed and opened again, what ran is started again; a volume moves.
    world.machine(12).run = Run::On { boot: 13, gracefully: false };
    world.settle();
    world.backend().close();
    world.machines = None;
    assert_eq!(world.left(), Vec::<String>::new());
    world.machine(11).volumes.clear();
    world.machine(12).volumes.insert(5);
    world.scene.revision = 0;
    world.open();
    world.settle();
    assert_eq!(world.ssh(12, "cat /mnt/HC_Volume_5/file").unwrap(), "data");
    assert!(world.ssh(11, "ls /dev/disk/by-id/scsi-0HC_Volume_5").is_err());
    assert_eq!(world.ssh(12, "ping -c 1 -W 5 10.0.1.11 >/dev/null && echo ok").unwrap(), "ok");

    // Cleaning one world leaves another alone.
    let there = other.left();
    assert!(!there.is_empty());
    world.machines = None;
    clean_site(&world.site).unwrap();
    assert_eq!(world.left(), Vec::<String>::new());
    assert_eq!(other.left(), there);
    assert_eq!(host(), world.before);
}

/// With FERROFORM_REQUIRE_QEMU=1 a failure where it cannot run; skipped also where its image has not been made.
#[test]
fn a_machine_boots_in_qemu_for_real() {
    let Some(mut world) = World::of_kind("qemu", MachineKind::Qemu) else { return };
    let machine = world.add(31);
    machine.user_data = Some("#cloud-config\nruncmd:\n- echo ran >>/root/ran\n".to_owned());
    machine.size = Size { cores: 2, memory_mb: 512, disk_gb: 20 };
    let segment = Segment {
        name: "net".to_owned(),
        range: "10.0.0.0/16".parse().unwrap(),
        subnets: vec!["10.0.1.0/24".parse().unwrap()],
        routes: Vec::new(),
    };
    machine.links.push(PrivateLink {
        segment: 3,
        address: Ipv4Addr::new(10, 0, 1, 31),
        aliases: Vec::new(),
        mac: "86:00:00:00:00:31".to_owned(),
    });
    world.scene.segments.insert(3, segment);
    println!("first boot, with the network: {:?}", world.settle());
    let ssh = |world: &World, command: &str| {
        world.wait_for(command, || match world.ssh(31, command) {
            Ok(said) => Some(said),
            Err(said) => {
                println!("{command}: {said}");
                std::thread::sleep(Duration::from_secs(2));
                None
            }
        })
    };
    let started = Instant::now();
    ssh(&world, "cloud-init status --wait >/dev/null; cloud-init status | grep done");
    println!("cloud-init: {:?} later", started.elapsed());
    let about =
        "hostname; cloud-id; cat /root/ran /sys/class/dmi/id/sys_vendor /sys/class/dmi/id/product_serial";
    assert_eq!(ssh(&world, about), "machine-31\nhetzner\nran\nHetzner\n31");
    assert!(ssh(&world, "cat /run/cloud-init/result.json").contains("\"errors\": []"));
    assert!(ssh(&world, "ip -o address").contains("2001:db8:0:31::1/64"));
    assert!(ssh(&world, "ip -o -4 address show eth1").contains("10.0.1.31/32"));
    // A kernel of its own, which is the distribution's.
    let own = rustix::system::uname().release().to_string_lossy().into_owned();
    assert_ne!(ssh(&world, "uname -r"), own);
    assert!(ssh(&world, "df -BG --output=size / | tail -1").trim().starts_with("20G"));

    // A volume comes and goes while the machine runs.
    let volume = Volume {
        size_gb: 10,
        format: Some("ext4".to_owned()),
        automount: false,
        location: "fsn1".to_owned(),
    };
    world.scene.volumes.insert(5, volume);
    world.machine(31).volumes.insert(5);
    println!("attaching: {:?}", world.settle());
    let path = "/dev/disk/by-id/scsi-0HC_Volume_5";
    ssh(&world, &format!("test -b {path} && mount {path} /mnt && echo data >/mnt/file && umount /mnt"));
    assert_eq!(
        ssh(&world, "lsblk -dno VENDOR,MODEL,SIZE /dev/sda").split_whitespace().collect::<Vec<_>>(),
        ["HC", "Volume", "10G"]
    );
    world.machine(31).volumes.clear();
    println!("detaching: {:?}", world.settle());
    assert_eq!(ssh(&world, "sleep 1; ls /dev/disk/by-id 2>/dev/null || true"), "");

    // What it has not is refused, and says so.
    world.scene.snapshots.insert(70, Snapshot { of: 31 });
    world.show();
    assert!(world.standing(Object::Snapshot(70)).unwrap_err().contains("qemu"));
    world.scene.snapshots.clear();
    world.machine(31).links.clear();
    world.show();
    assert!(world.standing(Object::Machine(31)).unwrap_err().contains("networks"));

    // The emulator goes and comes back; the machine stays.
    world.machines = None;
    world.scene.revision = 0;
    world.machine(31).links.push(PrivateLink {
        segment: 3,
        address: Ipv4Addr::new(10, 0, 1, 31),
        aliases: Vec::new(),
        mac: "86:00:00:00:00:31".to_owned(),
    });
    world.open();
    println!("found again: {:?}", world.settle());
    assert!(ssh(&world, "cut -d. -f1 /proc/uptime").parse::<u64>().unwrap() > 20);

    world.machine(31).run = Run::Off { gracefully: true };
    println!("shutdown: {:?}", world.settle());
    assert!(world.left().iter().all(|line| !line.contains("qemu-system")), "{:?}", world.left());
    assert!(world.backend().console(31).unwrap().contains("Power down"));
    world.finish();
}

/// Opens a world and boots a machine, and then waits to be killed.
#[test]
#[ignore = "run by another test, as a process of its own"]
fn an_emulator_to_be_killed() {
    let Some(world_id) = std::env::var_os("FERROFORM_TEST_WORLD") else { return };
    let Some(mut world) = World::new("owner") else { return };
    world.backend().close();
    world.machines = None;
    clean_site(&world.site).unwrap();
    // The world of the one who asked.
    world.id = world_id.into_string().unwrap();
    world.site = Site::new(&world.base, &world.id);
    world.open();
    world.add(81);
    world.settle();
    println!("booted");
    loop {
        std::thread::park();
    }
}

#[test]
fn a_machine_outlives_an_emulator_that_is_killed_for_real() {
    let Some(mut world) = World::new("killed") else { return };
    world.backend().close();
    world.machines = None;
    let name = "machines::tests::an_emulator_to_be_killed";
    let mut owner = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--ignored", "--nocapture", "--test-threads=1"])
        .env("FERROFORM_TEST_WORLD", &world.id)
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let lines = std::io::BufRead::lines(std::io::BufReader::new(owner.stdout.take().unwrap()));
    let booted = lines.map_while(Result::ok).any(|line| line.ends_with("booted"));
    owner.kill().unwrap();
    owner.wait().unwrap();
    assert!(booted);

    let leader = guests::leader(&world.site, 81).unwrap();
    world.add(81);
    world.open();
    world.settle();
    assert_eq!(world.leader(81), Some(leader));
    // The key was another process's; the machine itself is as it was.
    let tried = world.ssh(81, "true").unwrap_err();
    assert!(tried.contains("Permission denied"), "{tried}");
    world.machine(81).run = Run::Off { gracefully: true };
    world.settle();
    assert_eq!(world.leader(81), None);
    assert!(world.backend().reports().is_empty());
    world.finish();
}

#[test]
fn ten_machines_start_together_for_real() {
    let Some(mut world) = World::new("ten") else { return };
    // The image is not what is measured.
    let start = Instant::now();
    image::build("debian-12", &world.base, &mut |step| println!("{step}")).unwrap();
    println!("the image: {:?}", start.elapsed());
    for id in 21..31 {
        world.add(id);
    }
    let took = world.settle();
    let start = Instant::now();
    let states: BTreeMap<i64, String> = (21..31)
        .map(|id| (id, world.ssh(id, "cloud-init status --wait").unwrap_or_else(|error| error)))
        .collect();
    println!(
        "ten machines: {took:?} until one can log in to each, {:?} more until cloud-init is done",
        start.elapsed()
    );
    assert!(states.values().all(|state| state.ends_with("done")), "{states:?}");
    let start = Instant::now();
    world.scene.machines.clear();
    world.settle();
    println!("all deleted: {:?}", start.elapsed());
    // On a computer with two cores that does nothing else it takes under 15 seconds.
    assert!(took < Duration::from_secs(60), "{took:?}");
    world.finish();
}

#[test]
fn a_machine_without_public_address_has_its_private_network_for_real() {
    let Some(mut world) = World::new("private") else { return };
    let segment = Segment {
        name: "net".to_owned(),
        range: "10.0.0.0/16".parse().unwrap(),
        subnets: vec!["10.0.1.0/24".parse().unwrap()],
        routes: vec![("0.0.0.0/0".parse().unwrap(), Ipv4Addr::new(10, 0, 1, 2))],
    };
    world.scene.segments.insert(3, segment);
    let link = |last: u8| PrivateLink {
        segment: 3,
        address: Ipv4Addr::new(10, 0, 1, last),
        aliases: Vec::new(),
        mac: format!("86:00:00:00:01:{last:02}"),
    };
    world.add(51).links = vec![link(2)];
    let machine = world.add(52);
    machine.links = vec![link(3)];
    machine.public = Public::default();
    println!("a private machine boots: {:?}", world.settle());
    let key = world.folder.path().join("key");
    run("ip", &["-n", &world.site.namespace("m51"), "-o", "link", "show", "ens10"]);
    // Log in by way of the other one.
    let inner = std::fs::read_to_string(key).unwrap();
    world.ssh(51, &format!("umask 077; cat >/root/key <<'EOF'\n{inner}EOF")).unwrap();
    let hop =
        "ssh -i /root/key -o StrictHostKeyChecking=no -o LogLevel=ERROR -o ConnectTimeout=5 root@10.0.1.3";
    let said = world.ssh(51, &format!("{hop} 'hostname; cloud-init status --wait | grep status; ip -o -4 address show ens10; cat /sys/class/net/ens10/mtu'"));
    let said = said.unwrap();
    assert!(
        said.contains("machine-52") && said.contains("status: done") && said.contains("10.0.1.3/32"),
        "{said}"
    );
    assert!(said.ends_with("1450"), "{said}");
    // The other one as its way out.
    world.ssh(51, "sysctl -qw net.ipv4.ip_forward=1; nft add table ip nat; nft 'add chain ip nat post { type nat hook postrouting priority 100; }'; nft add rule ip nat post oifname eth0 masquerade").unwrap();
    // As Hetzner's documentation says, the client has to be told to use the network's gateway.
    let ping = world.ssh(51, &format!("{hop} 'ip route add default via 10.0.0.1; ping -c 1 -W 5 {ADMIN}'"));
    assert!(ping.is_ok(), "{ping:?}");

    // Attached while it runs, and taken away again.
    let other = Segment {
        range: "10.9.0.0/16".parse().unwrap(),
        subnets: vec!["10.9.0.0/24".parse().unwrap()],
        name: "other".to_owned(),
        routes: Vec::new(),
    };
    world.scene.segments.insert(4, other);
    world.machine(51).links.push(PrivateLink {
        segment: 4,
        address: Ipv4Addr::new(10, 9, 0, 2),
        aliases: Vec::new(),
        mac: "86:00:00:00:02:02".to_owned(),
    });
    world.settle();
    world.wait_for("the address", || world.ssh(51, "ip -o -4 address show ens11 | grep 10.9.0.2/32").ok());
    world.machine(51).links.pop();
    world.settle();
    assert!(world.ssh(51, "ip link show ens11").is_err());
    world.finish();
}

#[test]
fn limits_and_passwords_change_while_it_runs_for_real() {
    let Some(mut world) = World::new("limits") else { return };
    world.add(61).root_password = Some("first Secret:1".to_owned());
    world.settle();
    let memory = |world: &World| -> String {
        let places = guests::Places::find();
        places.read_memory_limit(&format!("{}/m61", world.site.tag()))
    };
    assert_eq!(memory(&world), (2048_u64 << 20).to_string());
    // Not by SSH: the password that a server gets expires as soon as it is set, and then nobody logs in without a new one.
    let hash = |world: &World| -> Option<String> {
        let leader = world.leader(61)?.to_string();
        let line = run("nsenter", &["-t", &leader, "-m", "grep", "^root:", "/etc/shadow"]);
        line.split(':').nth(1).filter(|hash| hash.starts_with('$')).map(str::to_owned)
    };
    let first = world.wait_for("the first password", || hash(&world));
    world.machine(61).root_password = Some("second".to_owned());
    world.machine(61).size.memory_mb = 4096;
    world.settle();
    assert_eq!(memory(&world), (4096_u64 << 20).to_string());
    let second = hash(&world);
    assert!(second.is_some() && second.as_ref() != Some(&first), "{second:?}");
    world.finish();
}

#[test]
fn a_world_is_cleaned_in_the_middle_of_everything_for_real() {
    let Some(mut world) = World::new("middle") else { return };
    for id in [71, 72, 73] {
        world.add(id);
    }
    world.show();
    // One at least is booting.
    world.wait_for("a machine", || [71, 72, 73].into_iter().find_map(|id| world.leader(id)));
    world.machines = None;
    clean_site(&world.site).unwrap();
    assert!(!world.site.dir().exists());
    assert_eq!(world.left(), Vec::<String>::new());
    assert_eq!(host(), world.before);
}

#[test]
fn a_failure_is_told_for_real() {
    let Some(mut world) = World::new("failure") else { return };
    world.add(41).disk.from = DiskSource::Snapshot(99);
    world.show();
    let why = world.standing(Object::Machine(41)).unwrap_err();
    assert!(why.contains("99"), "{why}");
    world.machine(41).disk.from = DiskSource::System("ubuntu-24.04".to_owned());
    world.settle();
    assert!(world.ssh(41, "true").is_ok());
    world.finish();
}
