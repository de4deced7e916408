//! Deploying to a cluster: manifests built with kustomize, applied by the server, waited for, and what is no longer among
//! them removed.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, Instant};

use ferroform_core::Diagnostic;

use crate::inventory::{self, Item};
use crate::kubectl::{self, Kubectl, REQUEST_TIMEOUT};
use crate::run::{Invocation, Runner, Stop};
use crate::yaml::{self, Node};

/// Who sets fields, as the API notes it.
const MANAGER: &str = "--field-manager=ferroform";
/// Where the inventory is kept.
const NAMESPACE: &str = "default";
/// How long kinds that another object has yet to define are waited for, and how often it is tried.
const KINDS_LIMIT: Duration = Duration::from_secs(300);
const KINDS_PAUSE: Duration = Duration::from_secs(5);

/// Another image for a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageChoice {
    /// The service: an image's name, the last part of it, or the name of what runs it.
    pub service: String,
    /// A tag, or a whole reference.
    pub image: String,
}

impl ImageChoice {
    /// Reads `SERVICE=TAG` or `SERVICE=IMAGE`.
    pub fn parse(text: &str) -> Result<ImageChoice, String> {
        let (service, image) = text.split_once('=').ok_or("write SERVICE=TAG or SERVICE=IMAGE")?;
        let plain = |text: &str| {
            !text.is_empty()
                && !text.starts_with('-')
                && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-/:@+".contains(c))
        };
        if !plain(service) || !plain(image) {
            return Err(format!("{text:?} is not of the form SERVICE=TAG or SERVICE=IMAGE"));
        }
        Ok(ImageChoice { service: service.to_owned(), image: image.to_owned() })
    }

    /// Name, tag and digest, as kustomize has them, given the name that the image has now.
    fn parts(&self, current: &str) -> (String, Option<String>, Option<String>) {
        if !self.image.contains(['/', ':', '@']) {
            return (current.to_owned(), Some(self.image.clone()), None);
        }
        let (rest, digest) = match self.image.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest.to_owned())),
            None => (self.image.as_str(), None),
        };
        let (name, tag) = split_tag(rest);
        (name.to_owned(), tag.map(str::to_owned), digest)
    }
}

/// An image's name and tag. A colon before a slash is a registry's port.
fn split_tag(image: &str) -> (&str, Option<&str>) {
    match image.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        _ => (image, None),
    }
}

/// An image's name alone.
fn image_name(image: &str) -> &str {
    split_tag(image.split('@').next().unwrap_or(image)).0
}

/// Manifests, built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// As kubectl takes them.
    pub text: String,
    /// The objects in them.
    pub items: BTreeSet<Item>,
}

/// Builds a kustomize directory, with other images.
pub fn build(runner: &dyn Runner, folder: &Path, images: &[ImageChoice]) -> Result<Built, Diagnostic> {
    if !folder.is_dir() {
        return Err(Diagnostic::error("No manifests")
            .detail(format!(
                "The folder {} that the contract names for manifests is not there.",
                folder.display()
            ))
            .hint("kubernetes.manifests of the output is relative to the root module."));
    }
    let (text, manifests) = kustomize(runner, folder)?;
    if images.is_empty() {
        return Ok(Built { text, items: inventory::items(&manifests) });
    }
    let overlay = overlay(folder, &manifests, images)?;
    let (text, manifests) = kustomize(runner, overlay.path())?;
    Ok(Built { text, items: inventory::items(&manifests) })
}

fn kustomize(runner: &dyn Runner, folder: &Path) -> Result<(String, Vec<Node>), Diagnostic> {
    let words = ["kustomize".into(), folder.as_os_str().to_owned()];
    let invocation = Invocation { reads_only: true, ..kubectl::plain(words) };
    let finished = kubectl::run(runner, invocation)?;
    if !finished.ok() {
        return Err(kubectl::failed(&format!("build {}", folder.display()), &finished));
    }
    let text = finished.text();
    let manifests = yaml::read(&text).map_err(|why| {
        Diagnostic::error("Manifests not understood")
            .detail(format!("What kubectl kustomize {} gives cannot be read: {why}.", folder.display()))
    })?;
    Ok((text, manifests))
}

/// A kustomize directory that is the given one with other images.
fn overlay(
    folder: &Path,
    manifests: &[Node],
    images: &[ImageChoice],
) -> Result<tempfile::TempDir, Diagnostic> {
    let mut list = Vec::new();
    for choice in images {
        let current = matching(manifests, &choice.service)?;
        let (name, tag, digest) = choice.parts(&current);
        let mut entry =
            vec![("name".to_owned(), Node::text(&current)), ("newName".to_owned(), Node::text(name))];
        entry.extend(tag.map(|tag| ("newTag".to_owned(), Node::text(tag))));
        entry.extend(digest.map(|digest| ("digest".to_owned(), Node::text(digest))));
        list.push(Node::Map(entry));
    }
    let make = || -> std::io::Result<tempfile::TempDir> {
        let overlay = tempfile::Builder::new().prefix("ferroform-images-").tempdir()?;
        // kustomize takes no absolute paths, and sees through symbolic links.
        let (from, to) = (overlay.path().canonicalize()?, folder.canonicalize()?);
        let base = relative(&from, &to).to_string_lossy().into_owned();
        let kustomization = Node::Map(vec![
            ("apiVersion".to_owned(), Node::text("kustomize.config.k8s.io/v1beta1")),
            ("kind".to_owned(), Node::text("Kustomization")),
            ("resources".to_owned(), Node::List(vec![Node::text(base)])),
            ("images".to_owned(), Node::List(list)),
        ]);
        std::fs::write(overlay.path().join("kustomization.yaml"), yaml::write(&kustomization))?;
        Ok(overlay)
    };
    make().map_err(|error| {
        Diagnostic::error("Images cannot be set")
            .detail(format!("A temporary kustomization cannot be written: {error}."))
    })
}

/// The way from one absolute path to another.
fn relative(from: &Path, to: &Path) -> PathBuf {
    let (from, to): (Vec<Component<'_>>, Vec<Component<'_>>) =
        (from.components().collect(), to.components().collect());
    let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let up = from[common..].iter().map(|_| Component::ParentDir);
    up.chain(to[common..].iter().copied()).collect()
}

/// Every image, with the name of what runs it.
fn used_images(node: &Node, owner: &str, found: &mut BTreeSet<(String, String)>) {
    for (key, value) in node.entries() {
        if matches!(key.as_str(), "containers" | "initContainers") {
            for container in value.items() {
                if let Some(image) = container.str_at(&["image"]) {
                    found.insert((image_name(image).to_owned(), owner.to_owned()));
                }
            }
        }
        used_images(value, owner, found);
    }
    for item in node.items() {
        used_images(item, owner, found);
    }
}

/// The one image that a service's name means.
fn matching(manifests: &[Node], service: &str) -> Result<String, Diagnostic> {
    let mut used = BTreeSet::new();
    for manifest in manifests {
        used_images(manifest, manifest.str_at(&["metadata", "name"]).unwrap_or_default(), &mut used);
    }
    let names = |fits: &dyn Fn(&str, &str) -> bool| -> BTreeSet<String> {
        used.iter().filter(|(image, owner)| fits(image, owner)).map(|(image, _)| image.clone()).collect()
    };
    let last = |image: &str| image.rsplit('/').next().unwrap_or(image).to_owned();
    let attempts: [&dyn Fn(&str, &str) -> bool; 3] =
        [&|image, _| image == service, &|image, _| last(image) == service, &|_, owner| owner == service];
    for fits in attempts {
        let found = names(fits);
        match found.len() {
            0 => {}
            1 => return Ok(found.into_iter().next().unwrap_or_default()),
            _ => {
                let list: Vec<String> = found.into_iter().collect();
                return Err(Diagnostic::error("Image is ambiguous").detail(format!(
                    "The name {service:?} fits several images of the manifests: {}. Give the whole name of one.",
                    list.join(", ")
                )));
            }
        }
    }
    let all: Vec<String> = names(&|_, _| true).into_iter().collect();
    Err(Diagnostic::error("No such image")
        .detail(format!("The manifests run no image for {service:?}. They run: {}.", all.join(", "))))
}

/// How to deploy.
#[derive(Debug, Clone)]
pub struct Options {
    /// Take over fields that others have set.
    pub force_conflicts: bool,
    /// How long one roll-out may take.
    pub rollout_limit: Duration,
}

/// What a deployment would change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// As kubectl shows it; empty where nothing differs.
    pub text: String,
    /// What would be removed.
    pub removed: Vec<Item>,
}

/// What a deployment did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployed {
    /// How many objects are applied.
    pub applied: usize,
    /// What was rolled out.
    pub rolled_out: Vec<Item>,
    /// What was removed.
    pub removed: Vec<Item>,
    /// What is no longer in the manifests and stays, since data is in it.
    pub kept: Vec<Item>,
}

fn inventory_of(kubectl: &Kubectl<'_>, name: &str) -> Result<BTreeSet<Item>, Diagnostic> {
    let namespace = format!("--namespace={NAMESPACE}");
    let found = kubectl.get("read what was deployed before", &["configmap", name, &namespace])?;
    Ok(inventory::read(found.as_ref()))
}

fn keep_inventory(kubectl: &Kubectl<'_>, name: &str, items: &BTreeSet<Item>) -> Result<(), Diagnostic> {
    let text = inventory::config_map(name, NAMESPACE, items);
    let args = ["apply", "--server-side", "--force-conflicts", MANAGER, "--filename=-"];
    kubectl.change("note what is deployed", &args, Some(&text)).map(drop)
}

/// What deploying would change.
pub fn difference(kubectl: &Kubectl<'_>, name: &str, built: &Built) -> Result<Difference, Diagnostic> {
    let before = inventory_of(kubectl, name)?;
    let args = ["diff", "--server-side", MANAGER, "--filename=-", REQUEST_TIMEOUT];
    let invocation = Invocation {
        stdin: Some(built.text.as_bytes().to_vec()),
        reads_only: true,
        ..kubectl.invocation(args)
    };
    let finished = kubectl.run(invocation)?;
    // 1 means that there are differences (kubectl diff --help).
    if !matches!((finished.code, finished.cut), (Some(0 | 1), None)) {
        let failed = kubectl::failed("show the difference", &finished);
        let said = String::from_utf8_lossy(&finished.stderr);
        return Err(if said.contains("namespaces") && said.contains("not found") {
            failed.hint(
                "The namespace comes with the first deployment; until then there is nothing to compare with.",
            )
        } else {
            failed
        });
    }
    let removed = before.difference(&built.items).filter(|item| item.may_go()).cloned().collect();
    Ok(Difference { text: finished.text(), removed })
}

/// Deploys. `say` is told what is being done.
pub fn deploy(
    kubectl: &Kubectl<'_>,
    name: &str,
    built: &Built,
    options: &Options,
    say: &dyn Fn(&str),
) -> Result<Deployed, Diagnostic> {
    let before = inventory_of(kubectl, name)?;
    keep_inventory(kubectl, name, &before.union(&built.items).cloned().collect())?;
    say(&format!("Applying {} objects", built.items.len()));
    apply(kubectl, built, options, say)?;
    let mut rolled_out = Vec::new();
    for item in built.items.iter().filter(|item| item.is_rolled_out()) {
        go_on(kubectl, "Everything is applied, but not all was waited for, and nothing was removed.")?;
        say(&format!("Waiting for {item}"));
        wait_for(kubectl, item, options.rollout_limit)?;
        rolled_out.push(item.clone());
    }
    let (mut removed, mut kept) = (Vec::new(), Vec::new());
    let mut left = before.union(&built.items).cloned().collect::<BTreeSet<_>>();
    for item in before.difference(&built.items) {
        if !item.may_go() {
            kept.push(item.clone());
            left.remove(item);
            continue;
        }
        go_on(kubectl, "Everything is applied and runs, but not all that is no longer wanted was removed.")?;
        say(&format!("Removing {item}"));
        remove(kubectl, item)?;
        left.remove(item);
        removed.push(item.clone());
    }
    if before != left {
        keep_inventory(kubectl, name, &left)?;
    }
    Ok(Deployed { applied: built.items.len(), rolled_out, removed, kept })
}

/// Deletes an object. One that is not there is one that is deleted, and so is one of a kind that the cluster does not know
/// (any more): what was of it went with the kind.
fn remove(kubectl: &Kubectl<'_>, item: &Item) -> Result<(), Diagnostic> {
    let reference = item.reference();
    let namespace = format!("--namespace={}", item.namespace);
    let mut args = vec!["delete", &reference, "--ignore-not-found", "--wait=false"];
    if !item.namespace.is_empty() {
        args.push(&namespace);
    }
    match kubectl.change(&format!("remove {item}"), &args, None) {
        Err(failed) if failed.detail.contains("the server doesn't have a resource type") => {
            if !has_server_of_its_own(kubectl, &item.group)? {
                return Ok(());
            }
            Err(failed.hint(format!(
                "The kinds of {} have a server of their own in the cluster, which does not answer: kubectl get \
                 apiservices shows it.",
                item.group
            )))
        }
        Err(failed) => {
            Err(failed.hint("Everything is applied and runs; the next deployment tries to remove it again."))
        }
        Ok(_) => Ok(()),
    }
}

/// Whether a group of kinds is served by something else than the API itself. That may be away for a while, and its kinds are
/// not known then.
fn has_server_of_its_own(kubectl: &Kubectl<'_>, group: &str) -> Result<bool, Diagnostic> {
    let what = format!("see what serves {group}");
    let list = kubectl.get(&what, &["apiservices.apiregistration.k8s.io"])?.unwrap_or_default();
    let items = list["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    Ok(items.iter().any(|item| item["spec"]["group"] == group && item["spec"]["service"].is_object()))
}

fn go_on(kubectl: &Kubectl<'_>, stands: &str) -> Result<(), Diagnostic> {
    if kubectl.runner().stop() == Stop::No {
        return Ok(());
    }
    Err(Diagnostic::error("Stopped").detail(stands).hint("Run the same command again to go on."))
}

/// Applies. What uses kinds that another object has yet to define is tried again: everything else is in place by then.
fn apply(
    kubectl: &Kubectl<'_>,
    built: &Built,
    options: &Options,
    say: &dyn Fn(&str),
) -> Result<(), Diagnostic> {
    let mut args = vec!["apply", "--server-side", MANAGER, "--filename=-", REQUEST_TIMEOUT];
    if options.force_conflicts {
        args.push("--force-conflicts");
    }
    let begun = Instant::now();
    loop {
        let invocation = Invocation {
            stdin: Some(built.text.as_bytes().to_vec()),
            ..kubectl.invocation(args.iter().copied())
        };
        let finished = kubectl.run(invocation)?;
        if finished.ok() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&finished.stderr);
        let not_yet =
            said.contains("no matches for kind") || said.contains("ensure CRDs are installed first");
        if !not_yet || begun.elapsed() > KINDS_LIMIT {
            return Err(kubectl::failed("apply the manifests", &finished)
                .hint("What was applied before it stays. Run the same command again when this is mended."));
        }
        go_on(kubectl, "Some objects are applied; others need kinds that the cluster does not know yet.")?;
        say("Some kinds are not known to the cluster yet; trying again");
        kubectl.runner().sleep(KINDS_PAUSE);
    }
}

fn wait_for(kubectl: &Kubectl<'_>, item: &Item, limit: Duration) -> Result<(), Diagnostic> {
    let reference = item.reference();
    let namespace = format!("--namespace={}", item.namespace);
    let timeout = format!("--timeout={}s", limit.as_secs());
    let mut args = vec!["rollout", "status", &reference, &timeout];
    if !item.namespace.is_empty() {
        args.push(&namespace);
    }
    let invocation = Invocation {
        reads_only: true,
        limit: Some(limit + Duration::from_secs(30)),
        ..kubectl.invocation(args)
    };
    let finished = kubectl.run(invocation)?;
    if finished.ok() {
        return Ok(());
    }
    let mut look = vec!["kubectl"];
    if !item.namespace.is_empty() {
        look.extend(["-n", item.namespace.as_str()]);
    }
    let look = look.join(" ");
    Err(Diagnostic::error("Roll-out failed")
        .detail(format!(
            "{item} does not come up with what was applied: {}\nWhat ran before goes on where the roll-out keeps it; \
             nothing was removed.",
            finished.reason()
        ))
        .hint(format!(
            "{look} describe {reference} and {look} logs {reference} tell why; deploy -image=SERVICE=TAG with the tag \
             before goes back."
        )))
}
