//! Volumes for real: needs root, loop devices, systemd-nspawn and e2fsprogs.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::*;
use crate::machines::tools::run;

/// What this needs, or the reason why it is left out.
fn may_run(programs: &[&str]) -> bool {
    let missing =
        programs.iter().find(|program| run("sh", &["-c", &format!("command -v {program}")]).is_err());
    let reason = match missing {
        _ if !rustix::process::geteuid().is_root() => "not root".to_owned(),
        Some(program) => format!("{program} is missing"),
        None => return true,
    };
    assert!(std::env::var_os("FERROFORM_REQUIRE_MACHINES").is_none(), "machines are required: {reason}");
    #[expect(clippy::print_stderr, reason = "a test that is left out says so")]
    {
        eprintln!("left out: {reason}");
    }
    false
}

/// A world of its own, cleaned whatever happens.
struct World {
    site: Site,
    _base: tempfile::TempDir,
}

impl World {
    fn new(name: &str) -> Self {
        let base = tempfile::tempdir().unwrap();
        let site = Site::new(base.path(), &format!("{name} {}", base.path().display()));
        Self { site, _base: base }
    }

    /// Loop devices of this world.
    fn loops(&self) -> usize {
        let Ok(folder) = self.site.dir().join(FOLDER).canonicalize() else { return 0 };
        loops::under(&folder).unwrap().len()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let result = Volumes::clean(&self.site);
        assert!(result.is_ok() || std::thread::panicking(), "{result:?}");
    }
}

/// A machine that only waits, on the host's programs.
struct Machine {
    nspawn: Child,
    leader: u32,
    _base: tempfile::TempDir,
}

impl Machine {
    fn start(world: &World, volumes: &Volumes, id: i64, disks: &[i64]) -> Self {
        // systemd-nspawn keeps a lock beside it.
        let base = tempfile::tempdir().unwrap();
        let root = base.path().join("root");
        std::fs::create_dir(&root).unwrap();
        for folder in ["usr", "etc", "dev", "proc", "sys", "run", "tmp", "mnt"] {
            std::fs::create_dir(root.join(folder)).unwrap();
        }
        for link in ["bin", "sbin", "lib", "lib64"] {
            std::os::unix::fs::symlink(format!("usr/{link}"), root.join(link)).unwrap();
        }
        let disks = disks.iter().copied().collect();
        let group = volumes.device_group(id, &disks).unwrap();
        let group = group.map_or("/dev/null".to_owned(), |group| group.display().to_string());
        let mut command = Command::new("sh");
        command.args(["-c", "echo $$ >\"$0\"; exec systemd-nspawn \"$@\"", &group]);
        command.args(["--quiet", "--register=no", "--keep-unit", "--console=pipe", "--bind-ro=/usr"]);
        command.arg(format!("--machine={}-m{id}", world.site.tag())).arg("--directory").arg(&root);
        command.args(volumes.boot_arguments(&disks)).args(["/bin/sh", "-c", "touch /started; sleep 600"]);
        let nspawn =
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let mut machine = Self { nspawn, leader: 0, _base: base };
        let children = format!("/proc/{0}/task/{0}/children", machine.nspawn.id());
        let start = Instant::now();
        while machine.leader == 0 || machine.has("/started").is_none() {
            assert!(start.elapsed() < Duration::from_secs(60), "the machine does not start");
            std::thread::sleep(Duration::from_millis(20));
            let list = std::fs::read_to_string(&children).unwrap_or_default();
            machine.leader = list.split_whitespace().next().map_or(0, |id| id.parse().unwrap());
        }
        machine
    }

    /// Runs a shell command in it.
    fn sh(&self, script: &str) -> Result<String, ToolError> {
        // Enters the control group too, as every process of the machine's.
        let leader = self.leader.to_string();
        let group = std::fs::read_to_string(format!("/proc/{leader}/cgroup")).unwrap_or_default();
        let group =
            group.lines().find_map(|line| line.split_once(":devices:").map(|(_, group)| group.to_owned()));
        let group = format!("/sys/fs/cgroup/devices{}/cgroup.procs", group.unwrap_or_default());
        let enter = "echo $$ >\"$0\"; exec nsenter --target \"$1\" --all sh -c \"$2\"";
        run("sh", &["-c", enter, &group, &leader, script])
    }

    fn has(&self, path: &str) -> Option<std::fs::Metadata> {
        std::fs::symlink_metadata(format!("/proc/{}/root{path}", self.leader)).ok()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let pid = rustix::process::Pid::from_raw(i32::try_from(self.leader).unwrap());
        if let Some(pid) = pid {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
        let _ = self.nspawn.kill();
        let _ = self.nspawn.wait();
    }
}

fn volume(size_gb: u32, format: Option<&str>) -> Volume {
    Volume { size_gb, format: format.map(str::to_owned), automount: false, location: "nbg1".to_owned() }
}

const PROGRAMS: [&str; 4] = ["losetup", "mkfs.ext4", "systemd-nspawn", "nsenter"];

#[test]
fn volumes_move_between_machines_with_their_data_for_real() {
    if !may_run(&PROGRAMS) {
        return;
    }
    let world = World::new("move");
    let mut volumes = Volumes::open(&world.site).unwrap();
    let start = Instant::now();
    volumes.ensure(7, &volume(100, Some("ext4"))).unwrap();
    // Writing them would take minutes.
    assert!(start.elapsed() < Duration::from_secs(30), "100 GB took {:?}", start.elapsed());
    volumes.ensure(7, &volume(100, Some("ext4"))).unwrap();
    assert_eq!(world.loops(), 1);

    let (one, other) = (Machine::start(&world, &volumes, 1, &[]), Machine::start(&world, &volumes, 2, &[]));
    let device = "/dev/disk/by-id/scsi-0HC_Volume_7";
    volumes.attach(7, one.leader, true).unwrap();
    volumes.attach(7, one.leader, true).unwrap();
    assert_eq!(one.sh(&format!("readlink -f {device}")).unwrap(), "/dev/sdb\n");
    assert_eq!(
        one.sh("cat /etc/fstab").unwrap(),
        format!("{device} /mnt/HC_Volume_7 ext4 discard,nofail,defaults 0 0\n")
    );
    one.sh("echo kept >/mnt/HC_Volume_7/file && mountpoint /mnt/HC_Volume_7").unwrap();
    assert!(other.has(device).is_none(), "another machine has the volume too");

    // The other machine knows the numbers, and still cannot open it.
    let numbers = volumes.loops[&7].numbers().unwrap();
    if Path::new("/sys/fs/cgroup/devices/devices.list").exists() {
        let steal =
            format!("mknod /dev/stolen b {} {} && head -c1 /dev/stolen", numbers.major, numbers.minor);
        assert!(other.sh(&steal).is_err(), "another machine can open the volume");
    }

    // Busy: something works in it.
    one.sh("cd /mnt/HC_Volume_7 && (setsid sleep 600 >/dev/null 2>&1 </dev/null &)").unwrap();
    volumes.detach(7, one.leader).unwrap();
    volumes.detach(7, one.leader).unwrap();
    assert!(one.sh("mountpoint /mnt/HC_Volume_7").is_err());
    assert!(one.has(device).is_none() && one.has("/dev/sdb").is_none());
    assert_eq!(one.sh("ls /dev/disk/by-uuid /dev/disk/by-id | grep -c :$").unwrap(), "2\n");

    volumes.attach(7, other.leader, false).unwrap();
    assert!(other.sh("mountpoint /mnt/HC_Volume_7").is_err(), "mounted unasked");
    assert_eq!(other.sh(&format!("mount {device} /mnt && cat /mnt/file")).unwrap(), "kept\n");

    // It grows while it is in use; the machine grows its file system by itself.
    volumes.ensure(7, &volume(120, Some("ext4"))).unwrap();
    assert_eq!(other.sh("blockdev --getsize64 /dev/sdb").unwrap().trim(), (120_u64 << 30).to_string());
    // While mounted this takes CAP_SYS_RESOURCE, which not every host grants; unmounted, nothing.
    drop(one);
    // What was busy there is let go of a moment after the machine has ended.
    let check = "for try in $(seq 50); do e2fsck -fp /dev/sdb && break; sleep 0.2; done";
    other
        .sh(&format!(
            "resize2fs /dev/sdb || {{ umount /mnt && {check} && resize2fs /dev/sdb && mount /dev/sdb /mnt; }}"
        ))
        .unwrap();
    let size: u64 = other.sh("df --output=size -B1G /mnt | tail -1").unwrap().trim().parse().unwrap();
    assert!(size > 110, "{size} GB");

    // A machine that is gone is no obstacle.
    let leader = other.leader;
    drop(other);
    volumes.detach(7, leader).unwrap();
    volumes.remove(7).unwrap();
    assert_eq!((world.loops(), volumes.ids().unwrap().len()), (0, 0));
}

#[test]
fn volumes_are_found_again_and_cleaned_for_real() {
    if !may_run(&PROGRAMS) {
        return;
    }
    let (world, neighbour) = (World::new("again"), World::new("neighbour"));
    let mut others = Volumes::open(&neighbour.site).unwrap();
    others.ensure(1, &volume(10, None)).unwrap();
    let mut volumes = Volumes::open(&world.site).unwrap();
    volumes.ensure(1, &volume(10, None)).unwrap();
    volumes.ensure(2, &volume(10, Some("ext4"))).unwrap();
    let before = volumes.loops.clone();
    drop(volumes);

    let mut volumes = Volumes::open(&world.site).unwrap();
    assert_eq!(volumes.loops, before);
    volumes.ensure(1, &volume(10, None)).unwrap();
    assert_eq!(world.loops(), 2);

    // What a machine boots with is there before anything in it runs, and becomes ordinary later.
    let machine = Machine::start(&world, &volumes, 5, &[1, 2]);
    let find =
        "stat -c %t:%T:%F /dev/sdb /dev/sdc; stat -L -c %F /dev/disk/by-id/*; grep -c /dev/sd /proc/mounts";
    let disks: String = (1..=2)
        .map(|id| format!("7:{:x}:block special file\n", before[&id].numbers().unwrap().minor))
        .collect();
    let links = "block special file\n".repeat(2);
    assert_eq!(machine.sh(find).unwrap(), format!("{disks}{links}2\n"));
    let find = format!("{find} || true");
    for id in [2, 1] {
        volumes.attach(id, machine.leader, false).unwrap();
    }
    assert_eq!(machine.sh(&find).unwrap(), format!("{disks}{links}0\n"));
    assert_eq!(machine.sh("blkid -o value -s TYPE /dev/disk/by-id/scsi-0HC_Volume_2").unwrap(), "ext4\n");
    volumes.detach(1, machine.leader).unwrap();
    let free = machine.sh("ls /dev/sd*").unwrap();
    assert_eq!(free, "/dev/sdc\n");

    // Its systemd is told what fstab says of them.
    let generator = "printf '%s\\n' '# x' '/dev/disk/by-id/scsi-0HC_Volume_2 /mnt/data ext4 discard,nofail 0 2' \
                     '/dev/disk/by-id/scsi-0HC_Volume_9 /mnt/gone ext4 nofail 0 2' >/etc/fstab; mkdir /tmp/units; \
                     /run/systemd/system-generators/ferroform-volumes /tmp/units; cd /tmp/units; \
                     find . -name '*.mount' | sort; grep What= mnt-data.mount";
    assert_eq!(
        machine.sh(generator).unwrap(),
        "./local-fs.target.wants/mnt-data.mount\n./mnt-data.mount\nWhat=/dev/disk/by-id/scsi-0HC_Volume_2\n"
    );
    drop(machine);
    volumes.remove_device_group(5).unwrap();

    drop(volumes);
    Volumes::clean(&world.site).unwrap();
    Volumes::clean(&world.site).unwrap();
    assert_eq!((world.loops(), neighbour.loops()), (0, 1));
    assert!(others.loops[&1].is_of(&others.file(1)));
}

#[test]
fn xfs_is_made_mounted_and_grown_for_real() {
    if !may_run(&[&PROGRAMS[..], &["mkfs.xfs", "xfs_growfs"]].concat()) {
        return;
    }
    let world = World::new("xfs");
    let mut volumes = Volumes::open(&world.site).unwrap();
    volumes.ensure(3, &volume(10, Some("xfs"))).unwrap();
    let machine = Machine::start(&world, &volumes, 1, &[3]);
    volumes.attach(3, machine.leader, true).unwrap();
    let mounted = machine.sh("grep HC_Volume_3 /proc/mounts | cut -d ' ' -f 1-3").unwrap();
    assert_eq!(mounted, "/dev/sdb /mnt/HC_Volume_3 xfs\n");
    let by_uuid = "readlink /dev/disk/by-uuid/$(blkid -o value -s UUID /dev/sdb)";
    assert_eq!(machine.sh(by_uuid).unwrap(), "../../sdb\n");
    volumes.ensure(3, &volume(20, Some("xfs"))).unwrap();
    machine.sh("xfs_growfs /mnt/HC_Volume_3").unwrap();
    let size = machine.sh("df --output=size -B1G /mnt/HC_Volume_3 | tail -1").unwrap();
    assert_eq!(size.trim(), "20");
    volumes.detach(3, machine.leader).unwrap();
    // Where it was in fstab, it comes back.
    volumes.attach(3, machine.leader, true).unwrap();
    machine.sh("mountpoint /mnt/HC_Volume_3 && grep -c HC_Volume_3 /etc/fstab | grep -x 1").unwrap();
}
