//! Where the real things of a world are, and how they are named, so that everything can be found again and no two
//! worlds touch each other's.

use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// The folder that holds images and the folders of all worlds, unless another one is given.
pub const DEFAULT_BASE: &str = "/var/lib/ferroform";

/// A world's place on this host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Site {
    tag: String,
    base: PathBuf,
}

impl Site {
    /// The place of the world with this id under `base`.
    pub(crate) fn new(base: impl Into<PathBuf>, world_id: &str) -> Self {
        use std::fmt::Write as _;
        let digest = Sha256::digest(world_id.as_bytes());
        let tag = digest.iter().take(5).fold("ff".to_owned(), |mut tag, byte| {
            let _ = write!(tag, "{byte:02x}");
            tag
        });
        Self { tag, base: base.into() }
    }

    /// What the name of everything begins with that other programs of the host can see: `ff` and ten hexadecimal
    /// digits, twelve characters in all.
    pub(crate) fn tag(&self) -> &str {
        &self.tag
    }

    /// Where images are kept, for all worlds.
    pub(crate) fn images(&self) -> PathBuf {
        self.base.join("images")
    }

    /// The world's own folder.
    pub(crate) fn dir(&self) -> PathBuf {
        self.base.join("worlds").join(&self.tag)
    }

    /// The name of a network namespace: `ff0123456789-m125000001`.
    pub(crate) fn namespace(&self, suffix: &str) -> String {
        format!("{}-{suffix}", self.tag)
    }

    /// The file that stands for a network namespace.
    pub(crate) fn namespace_path(&self, suffix: &str) -> PathBuf {
        Path::new("/run/netns").join(self.namespace(suffix))
    }

    /// Makes a folder under the world's own, for root alone, if it is not there, and gives its path.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(crate) fn folder(&self, name: &str) -> std::io::Result<PathBuf> {
        let path = self.dir().join(name);
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&path)?;
        Ok(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_of_the_world_and_short_enough() {
        let (one, other) = (Site::new("/b", "one"), Site::new("/b", "other"));
        assert_eq!(one.tag().len(), 12);
        assert_ne!(one.tag(), other.tag());
        assert_eq!(one.dir(), Path::new("/b/worlds").join(one.tag()));
        assert_eq!(one.namespace("m1"), format!("{}-m1", one.tag()));
    }
}
