//! What virtual machines need: the way their processors are made, their network cards, and talking to qemu.
//!
//! A virtual machine takes the place of a container behind the same guest
//! ([`guests`](super::guests)), for what a container cannot show: a kernel of its own, Hetzner's data source of
//! cloud-init, which goes by the firmware's tables, and volumes that are real SCSI disks.

pub(super) mod accelerator;
pub(super) mod cards;
pub(super) mod qmp;
