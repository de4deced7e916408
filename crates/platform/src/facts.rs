//! What a server says of itself: disks, memory, updates that wait for a reboot, certificates.

use ferroform_core::Diagnostic;
use jiff::Timestamp;
use jiff::fmt::strtime;
use serde::Serialize;

use crate::remote::{Call, Remote};

/// Asks without changing anything; runs in any POSIX shell. Each line begins with what it is.
const SCRIPT: &str = r#"
df -P -k -x tmpfs -x devtmpfs -x squashfs -x overlay 2>/dev/null | tail -n +2 | while read -r _ size used _ _ mount; do
    echo "disk $size $used $mount"
done
df -P -k / 2>/dev/null | tail -n +2 | while read -r _ size used _ _ mount; do echo "disk $size $used $mount"; done
[ -r /proc/uptime ] && echo "uptime $(cut -d. -f1 /proc/uptime)"
[ -e /run/reboot-required ] && echo "reboot required"
if command -v openssl >/dev/null 2>&1; then
    for file in /var/lib/rancher/k3s/server/tls/serving-kube-apiserver.crt \
        /var/lib/rancher/k3s/agent/serving-kubelet.crt /etc/postgresql/*/*/server.crt /etc/postgresql/tls/*.crt \
        /etc/redis/tls/*.crt /etc/ssl/ferroform/*.crt; do
        [ -r "$file" ] || continue
        end=$(openssl x509 -noout -enddate -in "$file" 2>/dev/null) && echo "certificate ${end#notAfter=}|$file"
    done
fi
exit 0
"#;

/// A file system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Disk {
    /// Where it is mounted.
    pub mount: String,
    /// Bytes.
    pub size: u64,
    /// Bytes.
    pub used: u64,
}

impl Disk {
    /// How full it is, in percent, rounded up.
    pub fn percent(&self) -> u64 {
        if self.size == 0 { 0 } else { self.used.saturating_mul(100).div_ceil(self.size) }
    }
}

/// A certificate on a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Certificate {
    /// Its file.
    pub file: String,
    /// When it ends, RFC 3339.
    pub ends: String,
}

/// What a server says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Facts {
    /// Seconds since it booted.
    pub uptime: Option<u64>,
    /// Updates wait for a reboot.
    pub reboot_required: bool,
    /// Its file systems.
    pub disks: Vec<Disk>,
    /// Its certificates.
    pub certificates: Vec<Certificate>,
}

impl Facts {
    /// Asks a server.
    pub fn of(remote: Remote<'_>, server: &str) -> Result<Facts, Diagnostic> {
        let call = Call { stdin: Some(SCRIPT.as_bytes().to_vec()), ..Call::reading(["sh", "-s"], 60) };
        Ok(Facts::read(&remote.done(server, call)?.text()))
    }

    /// Reads what the script says; lines that it does not know are left out.
    pub fn read(text: &str) -> Facts {
        let mut facts = Facts::default();
        for line in text.lines() {
            let Some((what, rest)) = line.split_once(' ') else { continue };
            match what {
                "disk" => facts.disks.extend(disk(rest)),
                "uptime" => facts.uptime = rest.trim().parse().ok(),
                "reboot" => facts.reboot_required = true,
                "certificate" => facts.certificates.extend(certificate(rest)),
                _ => {}
            }
        }
        // Several mounts of one file system, and the root that is asked for twice.
        facts.disks.sort_by(|a, b| a.mount.cmp(&b.mount));
        facts.disks.dedup_by(|a, b| a.mount == b.mount);
        facts
    }
}

fn disk(text: &str) -> Option<Disk> {
    let mut words = text.splitn(3, ' ');
    let kilobytes = |text: &str| text.parse::<u64>().ok()?.checked_mul(1024);
    let (size, used) = (kilobytes(words.next()?)?, kilobytes(words.next()?)?);
    let mount = words.next().filter(|mount| mount.starts_with('/'))?.to_owned();
    Some(Disk { mount, size, used })
}

/// `Nov 22 06:00:00 2026 GMT|FILE`, as openssl-x509(1) writes dates.
fn certificate(text: &str) -> Option<Certificate> {
    let (date, file) = text.split_once('|')?;
    let time = strtime::parse("%b %d %H:%M:%S %Y", date.trim_end_matches(" GMT").trim()).ok()?;
    let time = time.to_datetime().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
    Some(Certificate { file: file.to_owned(), ends: time.to_string() })
}

/// Seconds from one moment to another, RFC 3339; negative when the first is later.
pub fn seconds_between(from: &str, to: &str) -> Option<i64> {
    let (from, to): (Timestamp, Timestamp) = (from.parse().ok()?, to.parse().ok()?);
    Some(to.as_second() - from.as_second())
}
