//! Whether this host's hardware runs virtual machines. That there is a `/dev/kvm` says nothing: on some hosts it opens,
//! and no kernel gets far. So one is booted, once for each start of the host.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::machines::image::disk::DiskImage;

/// How long a kernel may take that is to find no disk and give up. Where the hardware helps it is a second.
const LIMIT: Duration = Duration::from_secs(8);
/// Where what was found out is kept, among the images.
const KEPT: &str = "accelerator.json";

/// What runs the processors of virtual machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Accelerator {
    /// The host's own.
    Hardware,
    /// qemu, which translates every instruction: about thirty times slower.
    Software,
}

#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    /// Which start of the host it was found out in.
    host_start: String,
    accelerator: Accelerator,
}

impl Accelerator {
    /// What works on this host.
    pub(crate) fn find(base: &Path, image: &DiskImage) -> Self {
        if !Path::new("/dev/kvm").exists() {
            return Self::Software;
        }
        let host_start = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let path = base.join("images").join(KEPT);
        let kept = std::fs::read(&path).ok().and_then(|text| serde_json::from_slice::<Kept>(&text).ok());
        if let Some(kept) = kept.filter(|kept| kept.host_start == host_start && !host_start.is_empty()) {
            return kept.accelerator;
        }
        let accelerator = if boots(image) { Self::Hardware } else { Self::Software };
        if let Ok(text) = serde_json::to_vec(&Kept { host_start, accelerator }) {
            // Not kept, it is found out again.
            let _ = std::fs::write(&path, text);
        }
        accelerator
    }

    /// The arguments for qemu.
    pub(crate) fn arguments(self) -> [&'static str; 4] {
        match self {
            Self::Hardware => ["-accel", "kvm", "-cpu", "host"],
            Self::Software => ["-accel", "tcg,thread=multi,tb-size=256", "-cpu", "max"],
        }
    }
}

/// Whether the image's kernel comes so far that it looks for its disk. There is none, so it then ends by itself.
fn boots(image: &DiskImage) -> bool {
    let child = Command::new("qemu-system-x86_64")
        .args(["-machine", "q35", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"])
        .args(Accelerator::Hardware.arguments())
        .args(["-m", "256", "-append", "console=ttyS0 panic=-1", "-serial", "stdio", "-kernel"])
        .arg(image.kernel())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut child) = child else { return false };
    let end = Instant::now() + LIMIT;
    let ended = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status.success(),
            Ok(None) if Instant::now() < end => std::thread::sleep(Duration::from_millis(50)),
            _ => break false,
        }
    };
    let _ = child.kill();
    // A kernel says less than a pipe holds, so that it never had to wait for this.
    let said = child.wait_with_output().map(|output| output.stdout).unwrap_or_default();
    ended && String::from_utf8_lossy(&said).contains("Unable to mount root")
}
