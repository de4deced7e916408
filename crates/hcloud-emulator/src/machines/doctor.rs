//! Whether machines can run on this host, found out by trying, and what to do where they cannot.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::tools::run;

/// One thing that machines need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What is needed: `systemd-nspawn`.
    pub name: String,
    /// Whether it is there.
    pub ok: bool,
    /// Whether machines run without it.
    pub optional: bool,
    /// What was found.
    pub detail: String,
    /// What to do; empty where nothing is to be done.
    pub fix: String,
}

/// Programs, the Debian packages that have them, and what they are for.
const PROGRAMS: &[(&str, &str, &str)] = &[
    ("systemd-nspawn", "systemd-container", "runs machines"),
    ("nsenter", "util-linux", "enters machines and namespaces"),
    ("unshare", "util-linux", "gives machines mounts of their own"),
    ("setsid", "util-linux", "lets machines outlive the emulator"),
    ("prlimit", "util-linux", "makes base images quickly"),
    ("mount", "mount", "layers disks"),
    ("losetup", "mount", "makes volumes"),
    ("mkfs.ext4", "e2fsprogs", "formats volumes"),
    ("cp", "coreutils", "copies disks for snapshots"),
    ("ip", "iproute2", "makes networks"),
    ("nft", "nftables", "makes firewalls"),
    ("dnsmasq", "dnsmasq-base", "gives addresses and names"),
    ("haproxy", "haproxy", "makes load balancers"),
    ("mmdebstrap", "mmdebstrap", "makes base images"),
    ("systemctl", "systemd", "sets up base images"),
];

/// The same, where most machines do without.
const OPTIONAL: &[(&str, &str, &str)] =
    &[("mkfs.xfs", "xfsprogs", "formats volumes with xfs"), ("ssh", "openssh-client", "logs in to machines")];

/// What virtual machines need besides, which take the place of containers only where that is wanted.
const QEMU: &[(&str, &str, &str)] = &[
    ("qemu-system-x86_64", "qemu-system-x86", "runs virtual machines (-machines=qemu)"),
    ("qemu-img", "qemu-utils", "makes disks of virtual machines (-machines=qemu)"),
];

/// Checks everything. Nothing is left behind.
///
/// `base` is the folder that disks will be in, usually [`DEFAULT_BASE`](super::DEFAULT_BASE).
#[must_use]
pub fn examine(base: &Path) -> Vec<Check> {
    let root = rustix::process::geteuid().is_root();
    let mut checks =
        vec![check("root", root, "this process runs as root", "it does not", "run it with sudo")];
    checks.extend(PROGRAMS.iter().map(|program| installed(program, false)));
    checks.extend(OPTIONAL.iter().chain(QEMU).map(|program| installed(program, true)));
    if root {
        checks.extend([kernel(), overlay(base), loops(base), namespaces(), firewall(), links()]);
    }
    checks.extend([groups(), watches()]);
    checks.push(match super::image::mapping("") {
        Ok(mapping) => {
            let built = super::image::list(base).iter().any(|image| image.name == mapping.base);
            let fix = if built { String::new() } else { "ferroform cloud image build".to_owned() };
            let detail = format!("{}{}", mapping.base, if built { "" } else { ", not built yet" });
            Check { name: "base image".to_owned(), ok: true, optional: true, detail, fix }
        }
        Err(why) => check("base image", false, "", &why, "use a host with Debian or Ubuntu"),
    });
    checks
}

/// Why machines cannot run here, if they cannot: each thing that is missing with what to do.
#[must_use]
pub fn refusal(checks: &[Check]) -> Option<String> {
    let missing: Vec<String> = checks
        .iter()
        .filter(|check| !check.ok && !check.optional)
        .map(|check| format!("{}: {}; {}", check.name, check.detail, check.fix))
        .collect();
    (!missing.is_empty()).then(|| missing.join("\n"))
}

/// Why there can be no virtual machines here, on a host that can have containers.
pub(super) fn refusal_of_qemu() -> Option<String> {
    let mut checks: Vec<Check> = QEMU.iter().map(|program| installed(program, false)).collect();
    let tun = Path::new("/dev/net/tun").exists();
    checks.push(check("/dev/net/tun", tun, "it is there", "not there", "load the kernel's module `tun`"));
    refusal(&checks)
}

fn check(name: &str, ok: bool, good: &str, bad: &str, fix: &str) -> Check {
    Check {
        name: name.to_owned(),
        ok,
        optional: false,
        detail: if ok { good } else { bad }.to_owned(),
        fix: if ok { String::new() } else { fix.to_owned() },
    }
}

fn installed(&(program, package, what): &(&str, &str, &str), optional: bool) -> Check {
    let found = find(program);
    let detail = found.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
    let missing = format!("not found; it {what}");
    Check {
        optional,
        ..check(program, found.is_some(), &detail, &missing, &format!("apt-get install {package}"))
    }
}

fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// Tries something in a mount namespace of its own that ends with it.
fn tried(name: &str, script: &str, arguments: &[&str], good: &str, fix: &str) -> Check {
    let mut words = vec!["--mount", "--propagation=private", "sh", "-euc", script, "sh"];
    words.extend(arguments);
    match run("unshare", &words) {
        Ok(_) => check(name, true, good, "", ""),
        Err(error) => {
            let said = match error {
                super::tools::ToolError::Failed { said, .. } => said,
                other => other.to_string(),
            };
            check(name, false, "", &said, fix)
        }
    }
}

/// A place to try things in, on the file system that disks will be on, for one thread alone.
fn attempt(base: &Path) -> Option<PathBuf> {
    static ATTEMPTS: AtomicU64 = AtomicU64::new(0);
    let nearest = base.ancestors().find(|folder| folder.is_dir())?;
    let number = ATTEMPTS.fetch_add(1, Ordering::Relaxed);
    let folder = nearest.join(format!(".ferroform-attempt-{}-{number}", std::process::id()));
    std::fs::create_dir(&folder).ok()?;
    Some(folder)
}

fn with_attempt(base: &Path, name: &str, try_it: impl FnOnce(&str) -> Check) -> Check {
    let Some(folder) = attempt(base) else {
        let detail = format!("{} cannot be written to", base.display());
        return check(name, false, "", &detail, "choose another folder for machines");
    };
    let check = try_it(&folder.to_string_lossy());
    let _ = std::fs::remove_dir_all(&folder);
    check
}

/// The oldest kernel that has everything: disks that are not synced came last.
const KERNEL: (u32, u32) = (5, 10);

fn kernel() -> Check {
    let release = rustix::system::uname().release().to_string_lossy().into_owned();
    let new_enough = version(&release).is_none_or(|version| version >= KERNEL);
    let fix = format!("use a kernel of at least version {}.{}", KERNEL.0, KERNEL.1);
    check("kernel", new_enough, &release, &release, &fix)
}

fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

fn overlay(base: &Path) -> Check {
    let script = "cd \"$1\"; mkdir low up work root; echo text > low/file
        mount -t overlay overlay -o lowerdir=low,upperdir=up,workdir=work,volatile root
        echo more >> root/file; test -s up/file; umount root; rm -rf low up work root";
    with_attempt(base, "overlay file system", |folder| {
        let fix = "keep machines on ext4 or xfs (not on another overlay), with a kernel that has overlay";
        tried("overlay file system", script, &[folder], "layers can be mounted", fix)
    })
}

fn loops(base: &Path) -> Check {
    let script = "cd \"$1\"; truncate -s 16M disk; device=$(losetup --find --show disk)
        blockdev --getsize64 \"$device\" >/dev/null; losetup --detach \"$device\"; rm disk";
    with_attempt(base, "loop devices", |folder| {
        tried("loop devices", script, &[folder], "files can be disks", "load the kernel's module `loop`")
    })
}

fn namespaces() -> Check {
    let fix = "use a kernel (or a container) that lets root make network namespaces";
    tried("network namespaces", "unshare --net ip link set lo up", &[], "can be made", fix)
}

fn firewall() -> Check {
    let script =
        "unshare --net nft 'add table inet t; add chain inet t c { type filter hook forward priority 0; };
        add rule inet t c ct state established accept'";
    let fix = "use a kernel with nf_tables and connection tracking";
    tried("packet filter", script, &[], "stateful rules can be set", fix)
}

fn links() -> Check {
    let script = "unshare --net ip link add left0 type veth peer name right0";
    tried("virtual links", script, &[], "can be made", "load the kernel's module `veth`")
}

fn groups() -> Check {
    let text = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let places = super::guests::group_places(&text);
    let detail = if places.is_empty() { "not mounted" } else { places.kind() };
    check("control groups", !places.is_empty(), detail, detail, "mount cgroup2 at /sys/fs/cgroup")
}

/// Inotify instances that a machine has with somebody logged in: its systemd 6, that person's 3, D-Bus and logind one
/// each (Debian 12). They are root's, like this computer's own, and there are so many of those altogether.
const WATCHES: u64 = 11;

/// How many machines there can be at once. A limit of the whole computer, which nothing here changes.
fn watches() -> Check {
    let limit = std::fs::read_to_string("/proc/sys/fs/inotify/max_user_instances").unwrap_or_default();
    let Ok(limit) = limit.trim().parse::<u64>() else {
        return Check { optional: true, ..check("inotify", true, "its limit is not told here", "", "") };
    };
    let enough = limit / WATCHES;
    let told = format!("enough for {enough} machines at once (fs.inotify.max_user_instances is {limit})");
    let check = check("inotify", enough >= 10, &told, &told, "sysctl -w fs.inotify.max_user_instances=1024");
    Check { optional: true, ..check }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_told_with_what_to_do() {
        let there = check("ip", true, "/sbin/ip", "not found", "apt-get install iproute2");
        let missing = check("nft", false, "", "not found; it makes firewalls", "apt-get install nftables");
        let optional = Check { optional: true, ..missing.clone() };
        assert_eq!(refusal(&[there.clone(), optional.clone()]), None);
        let told = refusal(&[there, missing, optional]).unwrap();
        assert_eq!(told, "nft: not found; it makes firewalls; apt-get install nftables");
    }

    #[test]
    fn computers_are_looked_at_from_several_threads_at_once() {
        let base = tempfile::tempdir().unwrap();
        let tried: Vec<_> = (0..8).map(|_| attempt(base.path())).collect();
        assert!(tried.iter().all(Option::is_some), "{tried:?}");
    }

    #[test]
    fn kernels_are_told_apart_by_their_versions() {
        assert_eq!(version("6.18.44-fc-v595"), Some((6, 18)));
        assert_eq!(version("5.4.0-1-amd64"), Some((5, 4)));
        assert_eq!(version("unknown"), None);
        assert!(version("5.4.0") < Some(KERNEL) && version("5.10.0") >= Some(KERNEL));
    }

    #[test]
    fn looking_leaves_nothing_behind() {
        let base = tempfile::tempdir().unwrap();
        let checks = examine(&base.path().join("not/there/yet"));
        assert!(checks.iter().any(|check| check.name == "systemd-nspawn"));
        assert_eq!(std::fs::read_dir(base.path()).unwrap().count(), 0);
    }
}
