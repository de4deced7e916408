//! Base images: the root file systems that machines are layered on. They are made of the host's own packages, so a
//! Debian host makes its own release of Debian, and every image of the catalogue stands for that one.
//!
//! An image is found by its content: the release, the package sources, the packages and what is changed afterwards
//! are hashed into its folder's name. Where any of these changes, another image is made beside the old one.

mod build;
pub(crate) mod disk;
mod host;
mod tweaks;

use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use self::build::build;
use self::host::Host;
pub(crate) use self::tweaks::SEED_FOLDER;

/// A file beside the file system that tells what it is.
const ABOUT: &str = "image.json";
/// The file system of an image.
const ROOT: &str = "root";

/// A base image on this host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// What it is: `debian-12`.
    pub name: String,
    /// When it was made, in seconds since 1970.
    pub made: u64,
    /// The size of its files, in bytes.
    pub bytes: u64,
    /// How it was made: images made by other releases of this program may differ in what they need.
    recipe: String,
    /// Its folder.
    #[serde(skip)]
    pub folder: PathBuf,
    /// Whether it is what the host would make today.
    #[serde(skip)]
    pub current: bool,
}

impl Image {
    /// Where its root file system is.
    pub(crate) fn root(&self) -> PathBuf {
        self.folder.join(ROOT)
    }

    fn read(folder: &Path) -> Option<Self> {
        let text = std::fs::read_to_string(folder.join(ABOUT)).ok()?;
        let image: Self = serde_json::from_str(&text).ok()?;
        Some(Self { folder: folder.to_owned(), ..image })
    }
}

/// What an image of the catalogue is here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// The image that is used: `debian-12`.
    pub base: String,
    /// What to tell people, where it is another one than they asked for.
    pub said: Option<String>,
}

/// What the image with this name in the catalogue is on this host.
///
/// # Errors
/// When this host cannot make images; the text says why.
pub fn mapping(name: &str) -> Result<Mapping, String> {
    let base = Host::read()?.image;
    let said = (base != name).then(|| {
        format!("image {name}: machines run {base}, which is what this host's package sources can make")
    });
    Ok(Mapping { base, said })
}

/// The images that are kept under `base` (usually [`DEFAULT_BASE`](super::DEFAULT_BASE)), by name and age.
#[must_use]
pub fn list(base: &Path) -> Vec<Image> {
    let current = Host::read().ok().map(|host| host.folder_name());
    let entries = std::fs::read_dir(base.join("images")).into_iter().flatten().flatten();
    let mut images: Vec<Image> = entries
        .filter_map(|entry| Image::read(&entry.path()))
        .map(|mut image| {
            image.current = image.folder.file_name().and_then(|name| name.to_str()) == current.as_deref();
            image
        })
        .collect();
    images.sort_by(|a, b| (&a.name, a.made, &a.folder).cmp(&(&b.name, b.made, &b.folder)));
    images
}

/// The image that a machine made from `name` of the catalogue is layered on, if it has been built.
pub(crate) fn find(base: &Path, name: &str) -> Result<Option<Image>, String> {
    let mapping = mapping(name)?;
    let images = list(base);
    let recipe = tweaks::recipe();
    let fits = |image: &&Image| image.name == mapping.base && image.recipe == recipe;
    // A host whose sources have changed since still runs what it has: building needs a network.
    let best = images.iter().filter(fits).find(|image| image.current);
    Ok(best.or_else(|| images.iter().rfind(fits)).cloned())
}

/// Makes the folder of images, for root alone.
fn make_folder(base: &Path) -> std::io::Result<PathBuf> {
    let folder = base.join("images");
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
    Ok(folder)
}
