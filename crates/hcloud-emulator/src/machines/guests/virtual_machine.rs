//! A machine that qemu runs instead of systemd-nspawn: what is different about it.

use std::ffi::OsString;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use ipnet::Ipv6Net;
use rustix::process::Signal;
use serde_json::json;

use super::disk::Disk;
use super::{Boot, Guest, keepers, process};
use crate::backend::scene::{Machine, Run};
use crate::machines::image::disk::DiskImage;
use crate::machines::network::{INTERNET, inside};
use crate::machines::qemu::accelerator::Accelerator;
use crate::machines::qemu::cards::Card;
use crate::machines::qemu::qmp::{Qmp, SOCKET};
use crate::machines::tools::{ToolError, run};

/// A machine's own disk, in the folder of its disk: what differs from the image.
const DISK: &str = "disk.qcow2";
/// How long the beginning of a connection may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(1);

/// Interfaces that a machine should have.
fn interfaces(machine: &Machine) -> usize {
    usize::from(machine.public.exists()) + machine.links.len()
}

impl Guest {
    /// Gets everything ready, and gives the arguments of the keeper.
    pub(super) fn prepare_virtual(&self, boot: &Boot<'_>) -> Result<Vec<OsString>, ToolError> {
        let folder = self.folder.join("disk");
        let disk =
            Disk::read(&folder).ok_or_else(|| ToolError::Refused("the server has no disk yet".to_owned()))?;
        let image = disk.lower.first().and_then(|lower| DiskImage::of(lower)).ok_or_else(|| {
            ToolError::Refused(
                "the server's disk was written for a container, which qemu cannot run: rebuild the server"
                    .to_owned(),
            )
        })?;
        write_disk(&folder.join(DISK), &image, boot.machine.size.disk_gb)?;
        let accelerator = Accelerator::find(boot.base, &image);
        let cards = Card::make_all(boot.network)?;
        if cards.len() != interfaces(boot.machine) {
            return Err(ToolError::Refused(format!(
                "the server's namespace has {} interfaces, and it should have {}",
                cards.len(),
                interfaces(boot.machine)
            )));
        }
        let mut keeper: Vec<OsString> = vec![self.folder.clone().into(), "--".into()];
        keeper.extend(self.places.group(&keepers(&self.tag)).make()?.into_iter().map(OsString::from));
        keeper.push("--".into());
        // What it may use is up to qemu, which needs more memory than the machine has.
        keeper.extend(self.places.group(&self.group).make()?.into_iter().map(OsString::from));
        keeper.push("--".into());
        keeper.extend(self.command(boot, &image, accelerator, &cards));
        Ok(keeper)
    }

    /// The command that runs it, in its folder.
    fn command(
        &self,
        boot: &Boot<'_>,
        image: &DiskImage,
        accelerator: Accelerator,
        cards: &[Card],
    ) -> Vec<OsString> {
        let size = boot.machine.size;
        let mut words: Vec<String> = vec![
            "nsenter".to_owned(),
            format!("--net={}", boot.network.display()),
            process::QEMU.to_owned(),
            "-name".to_owned(),
            process::machine_name(&self.tag, self.id),
        ];
        let fixed = [
            ["-machine", "q35"],
            ["-display", "none"],
            ["-chardev", "file,id=console,path=console,append=on"],
            ["-serial", "chardev:console"],
            ["-append", "root=/dev/vda rw console=ttyS0 net.ifnames=0 mitigations=off"],
            ["-device", "virtio-blk-pci,drive=disk"],
            ["-device", "virtio-scsi-pci,id=scsi0"],
            ["-device", "virtio-rng-pci"],
        ];
        words.extend(["-nodefaults", "-no-user-config"].map(str::to_owned));
        words.extend(fixed.concat().into_iter().map(str::to_owned));
        words.extend(accelerator.arguments().map(str::to_owned));
        words.extend(["-smp".to_owned(), size.cores.max(1).to_string()]);
        words.extend(["-m".to_owned(), size.memory_mb.to_string()]);
        words.extend(["-drive".to_owned(), format!("if=none,id=disk,file=disk/{DISK},format=qcow2")]);
        words.extend(["-qmp".to_owned(), format!("unix:{SOCKET},server=on,wait=off")]);
        // What cloud-init knows Hetzner's servers by.
        words.extend(["-smbios".to_owned(), firmware(self.id)]);
        for (number, card) in cards.iter().enumerate() {
            words.extend(card.arguments(number));
        }
        let mut words: Vec<OsString> = words.into_iter().map(OsString::from).collect();
        words.extend(["-kernel".into(), image.kernel().into(), "-initrd".into(), image.initrd().into()]);
        words
    }

    /// Whether it can be given disks.
    pub(crate) fn listens(&self) -> bool {
        self.running.is_some() && Qmp::connect(&self.folder).is_ok()
    }

    /// Gives it a volume, which is at this node of the host's.
    ///
    /// # Errors
    /// When qemu cannot.
    pub(crate) fn attach(&self, volume: i64, node: &str) -> Result<(), ToolError> {
        Qmp::connect(&self.folder)?.attach(volume, node)
    }

    /// Takes a volume away from it.
    ///
    /// # Errors
    /// When qemu cannot, or the machine does not give it up.
    pub(crate) fn detach(&self, volume: i64) -> Result<(), ToolError> {
        Qmp::connect(&self.folder)?.detach(volume)
    }

    /// Presses its power button.
    pub(super) fn press_power(&self) {
        // One that does not answer is switched off in a while.
        let _ = Qmp::connect(&self.folder).and_then(|mut qmp| qmp.run("system_powerdown", json!({})));
    }

    /// Ends qemu: at first so that it closes its disk.
    pub(super) fn end_virtual(&self, gently: bool) {
        let Some(running) = &self.running else { return };
        let signal = if gently { Signal::TERM } else { Signal::KILL };
        running.container.as_ref().unwrap_or(&running.keeper).signal(signal);
    }

    /// Whether its SSH server can be connected to, from where its packets are routed: no firewall is in between.
    pub(super) fn takes_connections(&self, machine: &Machine) -> bool {
        let namespace = |suffix: &str| Path::new("/run/netns").join(format!("{}-{suffix}", self.tag));
        let public = &machine.public;
        let first = |net: Ipv6Net| Ipv6Addr::from_bits(net.network().to_bits() | 1);
        let address = public.v4.map(IpAddr::V4).or_else(|| public.v6.map(first).map(IpAddr::V6));
        let (place, address) = match (address, machine.links.first()) {
            (Some(address), _) => (namespace(INTERNET), address),
            (None, Some(link)) => (namespace(&format!("s{}", link.segment)), link.address.into()),
            (None, None) => return false,
        };
        let connect = || TcpStream::connect_timeout(&SocketAddr::new(address, 22), CONNECT_LIMIT).is_ok();
        inside(&place, connect).unwrap_or(false)
    }

    /// What a scene wants of the machine that it cannot be given, or not while it runs.
    ///
    /// # Errors
    /// Then, saying what.
    pub(crate) fn refuse_impossible(&self, machine: &Machine, automount: bool) -> Result<(), ToolError> {
        let refuse = |what: &str| Err(ToolError::Refused(format!("a server that qemu runs {what}")));
        if machine.rescue.is_some() {
            return refuse("has no rescue system");
        }
        if automount {
            return refuse("mounts no volumes by itself: attach them without automount");
        }
        let goes_on = matches!(machine.run, Run::On { boot, .. } if boot == self.record.boot);
        if self.is_running() && goes_on && interfaces(machine) != self.record.interfaces {
            return refuse("gets its networks when it is switched on: switch it off and on again");
        }
        Ok(())
    }

    /// How many interfaces it is to remember that it was started with.
    pub(super) fn interfaces_of(&self, machine: &Machine) -> usize {
        if self.is_virtual() { interfaces(machine) } else { 0 }
    }
}

fn firmware(id: i64) -> String {
    format!("type=1,manufacturer=Hetzner,product=vServer,serial={id}")
}

/// Makes a machine's disk over an image if there is none; one that is smaller than it should be grows.
fn write_disk(disk: &Path, image: &DiskImage, gigabytes: u32) -> Result<(), ToolError> {
    let (path, size) = (disk.to_string_lossy(), format!("{gigabytes}G"));
    if disk.exists() {
        return run("qemu-img", &["resize", "-q", "-f", "qcow2", &path, &size]).map(drop);
    }
    let new = disk.with_extension("new");
    let (base, to) = (image.disk(), new.to_string_lossy());
    let base = base.to_string_lossy();
    run("qemu-img", &["create", "-q", "-f", "qcow2", "-F", "raw", "-b", &base, &to, &size])?;
    std::fs::rename(&new, disk).map_err(ToolError::file(format!("naming {}", disk.display())))
}
