//! Versions of k3s, such as `v1.31.4+k3s1`.

use std::fmt;

/// A version of k3s. Ordered as releases are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// Of Kubernetes, such as 1.
    pub major: u32,
    /// Of Kubernetes, such as 31.
    pub minor: u32,
    /// Of Kubernetes, such as 4.
    pub patch: u32,
    /// Of k3s within that, such as 1.
    pub k3s: u32,
}

impl Version {
    /// Reads `v1.31.4+k3s1`. Release candidates and everything else are none.
    pub fn parse(text: &str) -> Option<Version> {
        let (kubernetes, k3s) = text.strip_prefix('v')?.split_once("+k3s")?;
        let mut numbers = kubernetes.split('.').map(number);
        let version = Version {
            major: numbers.next()??,
            minor: numbers.next()??,
            patch: numbers.next()??,
            k3s: number(k3s)?,
        };
        numbers.next().is_none().then_some(version)
    }

    /// Why nodes cannot go from this version to that one, if they cannot. Kubernetes allows no way back, and one minor
    /// version at a time (kubernetes.io, "Version Skew Policy").
    pub fn refuses(self, to: Version) -> Option<String> {
        if to < self {
            return Some(format!("{to} is older than {self}, and Kubernetes has no way back"));
        }
        if to.major != self.major || to.minor > self.minor + 1 {
            return Some(format!(
                "between {self} and {to} there are other minor versions, and Kubernetes takes one after the other; go to \
                 v{}.{} first",
                self.major,
                self.minor + 1
            ));
        }
        None
    }
}

/// A number as versions have it, without leading zeros.
fn number(text: &str) -> Option<u32> {
    let plain = !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_digit())
        && (text == "0" || !text.starts_with('0'));
    plain.then(|| text.parse().ok()).flatten()
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v{}.{}.{}+k3s{}", self.major, self.minor, self.patch, self.k3s)
    }
}
