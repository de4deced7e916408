//! What is in a base image besides what the packages bring: it behaves like the images of Hetzner, leaves alone what
//! cannot work in a container, and starts fast.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::machines::tools::{ToolError, run};

/// Packages besides the essential ones. No kernel: machines have the host's.
pub(super) const PACKAGES: &[&str] = &[
    // What boots.
    "systemd-sysv",
    "dbus",
    "libpam-systemd",
    "udev",
    "kmod",
    "cloud-init",
    "openssh-server",
    // What user data and people count on.
    "ca-certificates",
    "cron",
    "curl",
    "e2fsprogs",
    "gpg",
    "iproute2",
    "iputils-ping",
    "less",
    "logrotate",
    "lsb-release",
    "netbase",
    "nftables",
    "procps",
    "python3",
    "rsync",
    "sudo",
    "tzdata",
    "vim-tiny",
    "wget",
    "xfsprogs",
];

/// Where a machine finds its seed (cloud-init's data source NoCloud).
pub(crate) const SEED_FOLDER: &str = "/var/lib/cloud/seed/nocloud";

/// The resolver that machines ask: Hetzner's first one, which the world's own network answers for.
#[cfg(test)]
const NAME_SERVER: &str = "185.12.64.1";

/// Files, with their content.
const FILES: &[(&str, &str)] = &[
    (
        // Debian's defaults are another user than root, no log-in for root, and a locale that is not there.
        "etc/cloud/cloud.cfg.d/90_ferroform.cfg",
        "# Machines of a local Hetzner Cloud.\n\
         disable_root: false\n\
         locale: C.UTF-8\n\
         manage_etc_hosts: true\n\
         ssh_genkeytypes: [ed25519]\n\
         datasource_list: [NoCloud, None]\n\
         network: {config: disabled}\n\
         system_info: {default_user: {name: root, lock_passwd: false}}\n",
    ),
    ("etc/ssh/sshd_config.d/50-ferroform.conf", "PermitRootLogin yes\n"),
    (
        // Private networks; the public interface is described anew at every boot.
        "etc/systemd/network/60-private.network",
        "[Match]\n\
         Name=ens*\n\
         [Network]\n\
         DHCP=ipv4\n\
         LinkLocalAddressing=no\n\
         IPv6AcceptRA=no\n\
         [DHCPv4]\n\
         UseMTU=yes\n\
         UseDNS=no\n\
         UseNTP=no\n\
         UseHostname=no\n\
         SendRelease=no\n",
    ),
    (
        // A private network that gives no address must not hold up a boot for two minutes.
        "etc/systemd/system/systemd-networkd-wait-online.service.d/ferroform.conf",
        "[Service]\nExecStart=\nExecStart=/lib/systemd/systemd-networkd-wait-online --timeout=20\n",
    ),
    (
        "etc/systemd/journald.conf.d/ferroform.conf",
        "[Journal]\nStorage=volatile\nRuntimeMaxUse=16M\nForwardToConsole=no\n",
    ),
    ("etc/resolv.conf", concat!("nameserver ", "185.12.64.1", "\noptions timeout:2 attempts:2\n")),
    ("etc/machine-id", ""),
];

/// Programs that take the place of others.
const PROGRAMS: &[(&str, &str)] = &[("usr/local/sbin/sysctl", include_str!("sysctl.sh"))];

/// Services that have no sense in a container, or only cost time at the start of one.
const MASKED: &[&str] = &[
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "console-getty.service",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "e2scrub_reap.service",
    "fstrim.timer",
    "getty.target",
    "systemd-journal-flush.service",
    "systemd-network-generator.service",
    "systemd-pstore.service",
    "systemd-timesyncd.service",
    "systemd-update-utmp-runlevel.service",
];

/// What must not be the same on two machines.
const REMOVED: &[&str] = &["var/lib/dbus/machine-id", "etc/hostname"];

/// Changes with everything that is in here: packages, files, programs, services. To be counted up where the program that makes
/// images changes otherwise.
pub(super) fn recipe() -> String {
    use std::fmt::Write as _;
    let text = format!("4 {PACKAGES:?} {FILES:?} {PROGRAMS:?} {MASKED:?} {REMOVED:?}");
    Sha256::digest(text.as_bytes()).iter().take(8).fold(String::new(), |mut recipe, byte| {
        let _ = write!(recipe, "{byte:02x}");
        recipe
    })
}

/// Changes a fresh root file system.
pub(super) fn apply(root: &Path) -> Result<(), ToolError> {
    for (path, content) in FILES {
        write(&root.join(path), content, 0o644)?;
    }
    for (path, content) in PROGRAMS {
        write(&root.join(path), content, 0o755)?;
    }
    for path in REMOVED {
        remove(&root.join(path))?;
    }
    let keys = std::fs::read_dir(root.join("etc/ssh")).into_iter().flatten().flatten();
    for key in keys.filter(|entry| entry.file_name().to_string_lossy().starts_with("ssh_host_")) {
        remove(&key.path())?;
    }
    let prefix = format!("--root={}", root.display());
    let with_prefix = |command: &[&str]| {
        let arguments: Vec<&str> = std::iter::once(prefix.as_str()).chain(command.iter().copied()).collect();
        run("systemctl", &arguments).map(drop)
    };
    with_prefix(&["enable", "systemd-networkd.service"])?;
    with_prefix(&["set-default", "multi-user.target"])?;
    with_prefix(&[&["mask"], MASKED].concat())
}

pub(super) fn write(path: &Path, content: &str, mode: u32) -> Result<(), ToolError> {
    let failed = || ToolError::file(format!("writing {}", path.display()));
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed())?;
    }
    // What a package has put there may be a link that leads out of the image.
    remove(path)?;
    std::fs::write(path, content).map_err(failed())?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).map_err(failed())
}

pub(super) fn remove(path: &Path) -> Result<(), ToolError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(ToolError::file(format!("removing {}", path.display()))(error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines_ask_the_resolver_that_the_network_has() {
        let (_, content) = FILES.iter().find(|(path, _)| *path == "etc/resolv.conf").unwrap();
        assert!(content.starts_with(&format!("nameserver {NAME_SERVER}\n")));
    }
}
