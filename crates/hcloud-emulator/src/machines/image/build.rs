//! Making a base image.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::{FlockOperation, flock};

use super::host::Host;
use super::{ABOUT, Image, ROOT, make_folder, tweaks};
use crate::machines::tools::{ToolError, run};

/// What a folder ends in while an image is made in it.
pub(super) const UNFINISHED: &str = ".part";

/// Makes the image that `name` of the catalogue stands for on this host, unless it is there already, and gives it.
/// It takes about a minute, and downloads about 100 MB from the host's own package sources.
///
/// # Errors
/// When the host is none that images can be made on, a program is missing, or a package cannot be had; the text says
/// which and what to do.
pub fn build(name: &str, base: &Path, progress: &mut dyn FnMut(&str)) -> Result<Image, String> {
    let mapping = super::mapping(name)?;
    if let Some(said) = &mapping.said {
        progress(said);
    }
    let host = Host::read()?;
    let images = make_folder(base).map_err(|error| format!("{} cannot be made: {error}", base.display()))?;
    let folder = images.join(host.folder_name());
    let _lock = lock(&images, progress)?;
    if let Some(image) = Image::read(&folder) {
        return Ok(Image { current: true, ..image });
    }
    remove_unfinished(&images).map_err(|error| error.to_string())?;
    make(&host, &images, &folder, progress).map_err(|error| error.to_string())?;
    remove_old(base);
    Image::read(&folder)
        .map(|image| Image { current: true, ..image })
        .ok_or_else(|| format!("{} is not there although it was made", folder.display()))
}

/// Waits until no other process makes an image; none does while the file is open.
pub(super) fn lock(images: &Path, progress: &mut dyn FnMut(&str)) -> Result<File, String> {
    let lock = File::create(images.join(".lock"))
        .map_err(|error| format!("{} cannot be written to: {error}", images.display()))?;
    if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
        progress("waiting for another program that makes an image");
        flock(&lock, FlockOperation::LockExclusive).map_err(|error| error.to_string())?;
    }
    Ok(lock)
}

/// Removes what a build left that was killed.
pub(super) fn remove_unfinished(images: &Path) -> Result<(), ToolError> {
    let entries = std::fs::read_dir(images).map_err(ToolError::file("reading the folder of images"))?;
    for entry in entries.flatten().filter(|e| e.file_name().to_string_lossy().ends_with(UNFINISHED)) {
        run("rm", &["-rf", "--one-file-system", &entry.path().to_string_lossy()])?;
    }
    Ok(())
}

/// For so many seconds an image that was made just now may be about to be used.
pub(super) const YOUNG: u64 = 3600;

/// Removes images that are not made like this any more, if no disk of any world stands on them.
fn remove_old(base: &Path) {
    let in_use = crate::machines::guests::layers_of_all_worlds(base);
    let now = seconds();
    for image in super::list(base).into_iter().filter(|image| !image.current && image.made + YOUNG < now) {
        if !in_use.contains(&image.root()) {
            // It costs room, nothing else; the next build tries again.
            let _ = run("rm", &["-rf", "--one-file-system", &image.folder.to_string_lossy()]);
        }
    }
}

pub(super) fn seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn make(host: &Host, images: &Path, folder: &Path, progress: &mut dyn FnMut(&str)) -> Result<(), ToolError> {
    let part = images.join(format!("{}{UNFINISHED}", host.folder_name()));
    let root = part.join(ROOT);
    std::fs::create_dir_all(&root).map_err(ToolError::file(format!("making {}", root.display())))?;
    // mmdebstrap takes the root's mode from the folder.
    for (path, mode) in [(&part, 0o700), (&root, 0o755)] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
            .map_err(ToolError::file(format!("setting the mode of {}", path.display())))?;
    }
    let made = bootstrap(host, &root, &[], &[], progress).and_then(|()| {
        progress("setting up");
        tweaks::apply(&root)
    });
    if let Err(error) = made {
        // A full disk is a likely reason: nothing unfinished is kept.
        let _ = run("rm", &["-rf", "--one-file-system", &part.to_string_lossy()]);
        return Err(error);
    }
    let size = run("du", &["-s", "--block-size=1", &root.to_string_lossy()])?;
    let bytes = size.split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or_default();
    let made = seconds();
    let (name, recipe) = (host.image.clone(), tweaks::recipe());
    let image = Image { name, made, bytes, recipe, folder: folder.to_owned(), current: true };
    let about = serde_json::to_vec_pretty(&image)
        .map_err(|error| ToolError::Refused(format!("describing the image: {error}")))?;
    std::fs::write(part.join(ABOUT), about).map_err(ToolError::file("describing the image"))?;
    std::fs::rename(&part, folder).map_err(ToolError::file(format!("naming {}", folder.display())))
}

/// Installs the packages, `further` ones too, with `options` for mmdebstrap besides. In a mount namespace of its own,
/// so that whatever happens nothing stays mounted.
pub(super) fn bootstrap(
    host: &Host,
    root: &Path,
    further: &[&str],
    options: &[&str],
    progress: &mut dyn FnMut(&str),
) -> Result<(), ToolError> {
    let include = format!("--include={}", [tweaks::PACKAGES, further].concat().join(","));
    // Programs of dpkg close every file that could be open, one by one: with a high limit that doubles the time.
    let mut child = Command::new("prlimit")
        .args(["--nofile=1024", "unshare", "--mount", "--propagation=private"])
        .args(["mmdebstrap", "--mode=root", "--format=directory"])
        .args(["--variant=minbase", &include])
        // Lists are kept so that packages can be looked up before anything was downloaded.
        .args(["--skip=cleanup/apt/lists", "--aptopt=Acquire::Languages \"none\""])
        .args(["--dpkgopt=force-unsafe-io"])
        .args(options)
        .args(
            ["man", "doc", "info", "locale"]
                .map(|kind| format!("--dpkgopt=path-exclude=/usr/share/{kind}/*")),
        )
        .args(["--dpkgopt=path-include=/usr/share/doc/*/copyright", &host.suite])
        .arg(root)
        .args(&host.sources)
        .env("LC_ALL", "C.UTF-8")
        // Nothing runs in it yet, and a proxy or preload of the caller's has no place in it.
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|source| ToolError::Start { program: "mmdebstrap".to_owned(), source })?;
    let mut last = Vec::new();
    if let Some(stderr) = child.stderr.take() {
        // Progress bars come with carriage returns and without end: lines are cut.
        for line in BufReader::new(stderr).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).chars().take(500).collect::<String>();
            if let Some(step) = line.strip_prefix("I: ") {
                progress(step);
            }
            last.push(line);
            if last.len() > 12 {
                last.remove(0);
            }
        }
    }
    let status = child.wait().map_err(ToolError::file("waiting for mmdebstrap"))?;
    if status.success() {
        return Ok(());
    }
    Err(ToolError::Failed { command: format!("mmdebstrap {}", host.suite), said: last.join("\n") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_images_go_unless_a_disk_stands_on_them() {
        let base = tempfile::tempdir().unwrap();
        let image = |name: &str, made: u64| {
            let folder = base.path().join("images").join(name);
            std::fs::create_dir_all(folder.join(ROOT)).unwrap();
            let about = format!(r#"{{"name": "debian-12", "made": {made}, "bytes": 1, "recipe": "old"}}"#);
            std::fs::write(folder.join(ABOUT), about).unwrap();
            folder
        };
        let (old, used, young) = (image("old", 1), image("used", 1), image("young", seconds()));
        let disk = base.path().join("worlds/ff00/machines/1/disk");
        std::fs::create_dir_all(&disk).unwrap();
        let about = serde_json::json!({"written_by": 1, "lower": [used.join(ROOT)]});
        std::fs::write(disk.join("disk.json"), about.to_string()).unwrap();
        remove_old(base.path());
        assert_eq!([&old, &used, &young].map(|folder| folder.exists()), [false, true, true]);
    }

    #[test]
    fn what_a_killed_build_left_is_removed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["debian-12-0a.part/root/etc", "debian-12-0b/root"] {
            std::fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        remove_unfinished(folder.path()).unwrap();
        assert!(!folder.path().join("debian-12-0a.part").exists());
        assert!(folder.path().join("debian-12-0b/root").exists());
    }
}
