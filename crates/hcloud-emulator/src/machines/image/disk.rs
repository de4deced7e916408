//! The base image as a disk with a kernel, for virtual machines. It is made of the same packages as the one that
//! containers are layered on, with what that one can do without.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::build::{UNFINISHED, YOUNG, bootstrap, lock, remove_unfinished, seconds};
use super::host::Host;
use super::{make_folder, tweaks};
use crate::machines::network::proxy_of_guests;
use crate::machines::tools::{ToolError, run};

const DISK: &str = "disk.raw";
const KERNEL: &str = "vmlinuz";
const INITRD: &str = "initrd.img";
/// Written last: when the image was made, in seconds since 1970.
const MADE: &str = "made";
/// What the folder's name has besides the host's.
const KIND: &str = "-qemu-";
/// As large as no system becomes; what is empty takes no room. Machines' own disks are larger.
const SIZE: &str = "8G";

/// A kernel, and what cloud-init asks for an address with before it reads the metadata.
const PACKAGES: &[&str] = &["linux-image-cloud-amd64", "isc-dhcp-client", "zstd"];

/// Drivers that the kernel needs until it has its disk. With these alone it starts in half the time.
const DRIVERS: &str = "virtio_pci virtio_blk ext4";

/// Files, with their content. They take the place of the containers'.
const FILES: &[(&str, &str)] = &[
    (
        "etc/cloud/cloud.cfg.d/90_ferroform.cfg",
        "# Machines of a local Hetzner Cloud.\n\
         disable_root: false\n\
         locale: C.UTF-8\n\
         manage_etc_hosts: true\n\
         ssh_genkeytypes: [ed25519]\n\
         datasource_list: [Hetzner, None]\n\
         system_info: {default_user: {name: root, lock_passwd: false}}\n",
    ),
    (
        // Private networks; the public interface is cloud-init's affair.
        "etc/systemd/network/60-private.network",
        "[Match]\n\
         Name=eth[1-9]*\n\
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
];

/// What containers have that a machine with a kernel of its own has no use for.
const REMOVED: &[&str] = &["usr/local/sbin/sysctl"];

/// A disk image on this host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DiskImage {
    folder: PathBuf,
}

impl DiskImage {
    /// The one whose disk this is.
    pub(crate) fn of(disk: &Path) -> Option<Self> {
        let folder = disk.parent()?.to_owned();
        (disk.ends_with(DISK) && folder.join(MADE).exists()).then_some(Self { folder })
    }

    /// The disk, which is never written to.
    pub(crate) fn disk(&self) -> PathBuf {
        self.folder.join(DISK)
    }

    pub(crate) fn kernel(&self) -> PathBuf {
        self.folder.join(KERNEL)
    }

    pub(crate) fn initrd(&self) -> PathBuf {
        self.folder.join(INITRD)
    }
}

/// The disk image that machines are made of today, if it has been made.
pub(crate) fn find(base: &Path) -> Option<DiskImage> {
    let folder = base.join("images").join(folder_name(&Host::read().ok()?));
    folder.join(MADE).exists().then_some(DiskImage { folder })
}

/// The same; it is made if it is not there. That takes about two minutes, and downloads about 150 MB from the host's
/// own package sources.
///
/// # Errors
/// When the host is none that images can be made on, a program is missing, or a package cannot be had.
pub(crate) fn find_or_build(base: &Path, progress: &mut dyn FnMut(&str)) -> Result<DiskImage, String> {
    if let Some(image) = find(base) {
        return Ok(image);
    }
    let host = Host::read()?;
    let images = make_folder(base).map_err(|error| format!("{} cannot be made: {error}", base.display()))?;
    let _lock = lock(&images, progress)?;
    if let Some(image) = find(base) {
        return Ok(image);
    }
    remove_unfinished(&images).map_err(|error| error.to_string())?;
    let name = folder_name(&host);
    let (part, folder) = (images.join(format!("{name}{UNFINISHED}")), images.join(&name));
    if let Err(error) = make(&host, &part, progress).and_then(|()| {
        std::fs::rename(&part, &folder).map_err(ToolError::file(format!("naming {}", folder.display())))
    }) {
        // A full disk is a likely reason: nothing unfinished is kept.
        let _ = run("rm", &["-rf", "--one-file-system", &part.to_string_lossy()]);
        return Err(error.to_string());
    }
    remove_old(base, &folder);
    Ok(DiskImage { folder })
}

/// The folder by everything that the image is made of.
fn folder_name(host: &Host) -> String {
    use std::fmt::Write as _;
    let of_containers = host.folder_name();
    let text = format!("1 {of_containers} {PACKAGES:?} {DRIVERS} {FILES:?} {REMOVED:?} {SIZE}");
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().take(6).fold(format!("{}{KIND}", host.image), |mut name, byte| {
        let _ = write!(name, "{byte:02x}");
        name
    })
}

fn make(host: &Host, part: &Path, progress: &mut dyn FnMut(&str)) -> Result<(), ToolError> {
    let root = part.join("root");
    std::fs::create_dir_all(&root).map_err(ToolError::file(format!("making {}", root.display())))?;
    // mmdebstrap takes the root's mode from the folder.
    for (path, mode) in [(part, 0o700), (root.as_path(), 0o755)] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
            .map_err(ToolError::file(format!("setting the mode of {}", path.display())))?;
    }
    // Before the kernel is installed, which is when its first file system is made.
    let hook = format!(
        "--essential-hook=mkdir -p \"$1/etc/initramfs-tools/conf.d\" \"$1/usr/share/initramfs-tools/modules.d\"; \
         echo MODULES=list >\"$1/etc/initramfs-tools/conf.d/ferroform\"; \
         printf '%s\\n' {DRIVERS} >\"$1/usr/share/initramfs-tools/modules.d/ferroform\""
    );
    bootstrap(host, &root, PACKAGES, &[&hook], progress)?;
    progress("setting up");
    tweaks::apply(&root)?;
    for path in REMOVED {
        tweaks::remove(&root.join(path))?;
    }
    for (path, content) in FILES {
        tweaks::write(&root.join(path), content, 0o644)?;
    }
    let proxy = proxy_of_guests();
    let apt = format!("Acquire::http::Proxy \"{proxy}\";\nAcquire::https::Proxy \"{proxy}\";\n");
    tweaks::write(&root.join("etc/apt/apt.conf.d/90-package-proxy"), &apt, 0o644)?;
    for (prefix, name) in [("vmlinuz-", KERNEL), ("initrd.img-", INITRD)] {
        let from = newest(&root.join("boot"), prefix)?;
        std::fs::copy(&from, part.join(name))
            .map_err(ToolError::file(format!("copying {}", from.display())))?;
    }
    progress("writing the disk");
    let disk = part.join(DISK);
    let arguments = ["-q", "-F", "-d", &root.to_string_lossy(), &disk.to_string_lossy(), SIZE];
    run("mkfs.ext4", &arguments)?;
    run("rm", &["-rf", "--one-file-system", &root.to_string_lossy()])?;
    std::fs::write(part.join(MADE), seconds().to_string()).map_err(ToolError::file("describing the image"))
}

/// The file with this prefix whose name comes last.
fn newest(folder: &Path, prefix: &str) -> Result<PathBuf, ToolError> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let fits = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix));
    fits.map(|entry| entry.path())
        .max()
        .ok_or_else(|| ToolError::Refused(format!("no {prefix}* is among what was installed")))
}

/// Removes images that are not made like this any more, if no disk of any world stands on them.
fn remove_old(base: &Path, current: &Path) {
    let in_use = crate::machines::guests::layers_of_all_worlds(base);
    let now = seconds();
    let entries = std::fs::read_dir(base.join("images")).into_iter().flatten().flatten();
    for folder in entries.map(|entry| entry.path()).filter(|folder| folder != current) {
        let made = std::fs::read_to_string(folder.join(MADE)).ok();
        let made = made.and_then(|text| text.trim().parse::<u64>().ok());
        if made.is_some_and(|made| made + YOUNG < now) && !in_use.contains(&folder.join(DISK)) {
            // It costs room, nothing else; the next build tries again.
            let _ = run("rm", &["-rf", "--one-file-system", &folder.to_string_lossy()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_disk_images_go_unless_a_disk_stands_on_them() {
        let base = tempfile::tempdir().unwrap();
        let image = |name: &str, made: Option<u64>| {
            let folder = base.path().join("images").join(name);
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join(DISK), "").unwrap();
            if let Some(made) = made {
                std::fs::write(folder.join(MADE), made.to_string()).unwrap();
            }
            folder
        };
        let (old, used, young) =
            (image("old", Some(1)), image("used", Some(1)), image("young", Some(seconds())));
        let (current, other) = (image("current", Some(1)), image("of-containers", None));
        let disk = base.path().join("worlds/ff00/machines/1/disk");
        std::fs::create_dir_all(&disk).unwrap();
        let about = serde_json::json!({"written_by": 1, "lower": [used.join(DISK)]});
        std::fs::write(disk.join("disk.json"), about.to_string()).unwrap();
        remove_old(base.path(), &current);
        let there = [&old, &used, &young, &current, &other].map(|folder| folder.exists());
        assert_eq!(there, [false, true, true, true, true]);
        assert!(DiskImage::of(&used.join(DISK)).is_some());
        assert_eq!(DiskImage::of(&other.join(DISK)), None);
        assert_eq!(DiskImage::of(&used.join("root")), None);
    }
}
