//! How a world is made real.

use std::path::PathBuf;
use std::str::FromStr;

/// What machines can reach outside of their world.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Egress {
    /// Nothing.
    None,
    /// The package sources of this host, through a proxy that lets nothing else pass.
    #[default]
    Packages,
    /// Whatever this host can reach.
    Nat,
}

impl Egress {
    /// `none`, `packages` or `nat`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Packages => "packages",
            Self::Nat => "nat",
        }
    }
}

impl FromStr for Egress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::None, Self::Packages, Self::Nat]
            .into_iter()
            .find(|egress| egress.as_str() == text)
            .ok_or_else(|| format!("`{text}` is none of none, packages and nat"))
    }
}

/// What runs the servers of a world.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MachineKind {
    /// systemd-nspawn: containers that share the host's kernel and boot in seconds.
    #[default]
    Containers,
    /// qemu: virtual machines with a kernel, firmware tables and disks of their own. Slow where the host's hardware
    /// does not help, and without rescue system, snapshots and changes of networks while they run.
    Qemu,
}

impl MachineKind {
    /// `containers` or `qemu`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Containers => "containers",
            Self::Qemu => "qemu",
        }
    }
}

impl FromStr for MachineKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Containers, Self::Qemu]
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| format!("`{text}` is none of containers and qemu"))
    }
}

/// How servers become real Linux machines on this host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MachineOptions {
    /// Where images, disks and volumes are kept; `/var/lib/ferroform` if absent.
    pub folder: Option<PathBuf>,
    /// What machines can reach.
    pub egress: Egress,
    /// What runs them.
    pub kind: MachineKind,
}
