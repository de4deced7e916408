//! Which files a new project has, and where.

use std::collections::{BTreeMap, BTreeSet};

use ferroform_core::SourceId;

use super::text::{relative, resolve, rewrite_document};
use super::{Embedded, FILES};

/// What a project can begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Stack {
    /// A host for a Django application behind Cloudflare.
    Consult,
    /// A platform: k3s, PostgreSQL, Redis, load balancer.
    Nornos,
    /// One server in a network behind a firewall.
    Empty,
}

impl Stack {
    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Stack::Consult => "consult",
            Stack::Nornos => "nornos",
            Stack::Empty => "empty",
        }
    }

    /// Its folder in the repository.
    fn folder(self) -> &'static str {
        match self {
            Stack::Consult => "stacks/consult",
            Stack::Nornos => "stacks/nornos",
            Stack::Empty => "crates/cli/templates/empty",
        }
    }
}

/// A file of a new project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewFile {
    /// What it holds.
    pub bytes: Vec<u8>,
    /// The permissions, for `open`.
    pub mode: u32,
}

impl NewFile {
    /// A file that everybody may read.
    pub(crate) fn text(text: String) -> Self {
        NewFile { bytes: text.into_bytes(), mode: 0o644 }
    }
}

/// The files of a new project by their paths in it, with `/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layout {
    /// The files.
    pub files: BTreeMap<String, NewFile>,
}

/// The folder of the modules that stacks have in common.
const LIBRARY: &str = "modules";

impl Layout {
    /// The files of a stack with all the modules that it is made of, each `source` leading to where its module lies now.
    ///
    /// # Errors
    /// When a file is no configuration, or calls a module that is not there: never in a released build, as tests see.
    pub(crate) fn of(stack: Stack) -> Result<Layout, String> {
        Layout::gather(FILES, stack.folder())
    }

    fn gather(all: &[Embedded], folder: &str) -> Result<Layout, String> {
        let inside =
            |path: &str, folder: &str| path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
        let mut taken: Vec<&Embedded> = all.iter().filter(|file| inside(file.path, folder)).collect();
        let mut modules = BTreeSet::new();
        let mut looked_at = 0;
        // Modules are made of modules: what is found is looked at in turn.
        while let Some(file) = taken.get(looked_at).copied() {
            looked_at += 1;
            for called in called_modules(file)? {
                let Some(module) = library_module(&called) else {
                    if inside(&format!("{called}/"), folder) {
                        continue;
                    }
                    return Err(format!("{} calls {called}, which lies outside", file.path));
                };
                if modules.insert(module.to_owned()) {
                    let found = all.iter().filter(|f| inside(f.path, module) && is_of_use(f.path, module));
                    let before = taken.len();
                    taken.extend(found);
                    if taken.len() == before {
                        return Err(format!("{} calls {called}, which is not there", file.path));
                    }
                }
            }
        }
        let places = Places::new(folder, &modules, &taken);
        let mut files = BTreeMap::new();
        for file in taken {
            let Some(target) = places.of(file.path) else { continue };
            let bytes = places.rewritten(file, &target)?;
            files.insert(target, NewFile { bytes, mode: if file.executable { 0o755 } else { 0o644 } });
        }
        Ok(Layout { files })
    }

    /// The folders that are applied: those below `environments`, or the project's own where there are none.
    pub(crate) fn environments(&self) -> Vec<String> {
        let mut found: Vec<String> = self
            .files
            .keys()
            .filter_map(|path| path.strip_prefix("environments/")?.strip_suffix("/versions.tf"))
            .filter(|name| !name.contains('/'))
            .map(|name| format!("environments/{name}"))
            .collect();
        if found.is_empty() {
            found.push(String::new());
        }
        found
    }

    /// The text of a file, if there is one and it is text.
    pub(crate) fn read(&self, path: &str) -> Option<&str> {
        std::str::from_utf8(&self.files.get(path)?.bytes).ok()
    }
}

/// `modules/NAME` of a path in it.
fn library_module(path: &str) -> Option<&str> {
    let rest = path.strip_prefix(LIBRARY)?.strip_prefix('/')?;
    let name = rest.split('/').next().filter(|name| !name.is_empty())?;
    path.get(..LIBRARY.len() + 1 + name.len())
}

/// Whether a file of a module belongs to what is used, rather than to what shows or tests it.
fn is_of_use(path: &str, module: &str) -> bool {
    let first = path[module.len() + 1..].split('/').next().unwrap_or_default();
    !matches!(first, "example" | "examples" | "test" | "tests") && !path.ends_with(".tftest.hcl")
}

/// The modules that a file calls by a path, as folders of the repository.
fn called_modules(file: &Embedded) -> Result<Vec<String>, String> {
    let Some(text) = configuration(file)? else { return Ok(Vec::new()) };
    let parse = ferroform_hcl::parse_body(SourceId(0), text);
    if parse.diagnostics().has_errors() {
        return Err(format!("{} is no configuration", file.path));
    }
    let folder = parent(file.path);
    let sources = parse.body().blocks_of("module").filter_map(|block| {
        let source = block.body.attribute("source")?.expr.as_literal_str()?.to_owned();
        source.starts_with('.').then_some(source)
    });
    sources
        .map(|source| {
            resolve(folder, &source).ok_or_else(|| format!("{}: {source} leads nowhere", file.path))
        })
        .collect()
}

fn configuration(file: &Embedded) -> Result<Option<&'static str>, String> {
    if !file.path.ends_with(".tf") {
        return Ok(None);
    }
    std::str::from_utf8(file.bytes).map(Some).map_err(|_| format!("{} is no text", file.path))
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// Where folders of the repository lie in the project.
struct Places {
    /// From the old place to the new one; the project itself is empty.
    folders: Vec<(String, String)>,
    /// Everything that is in the project, by its old path: files and their folders.
    there: BTreeSet<String>,
    stack: String,
}

impl Places {
    fn new(stack: &str, modules: &BTreeSet<String>, taken: &[&Embedded]) -> Places {
        let own = |name: &str| {
            let folder = format!("{stack}/{LIBRARY}/{name}/");
            taken.iter().any(|file| file.path.starts_with(&folder))
        };
        let mut folders = vec![(stack.to_owned(), String::new())];
        for module in modules {
            let name = module.rsplit('/').next().unwrap_or(module);
            // A module of the stack's own keeps its name.
            let target = if own(name) { format!("{LIBRARY}/shared-{name}") } else { module.clone() };
            folders.push((module.clone(), target));
        }
        let mut there = BTreeSet::new();
        for file in taken {
            let mut path = file.path;
            while !path.is_empty() && there.insert(path.to_owned()) {
                path = parent(path);
            }
        }
        Places { folders, there, stack: stack.to_owned() }
    }

    /// The place in the project of a path in the repository.
    fn of(&self, path: &str) -> Option<String> {
        self.folders.iter().find_map(|(old, new)| {
            let rest = path.strip_prefix(old.as_str())?;
            match rest.strip_prefix('/') {
                Some(rest) if new.is_empty() => Some(rest.to_owned()),
                Some(rest) => Some(format!("{new}/{rest}")),
                None => rest.is_empty().then(|| new.clone()),
            }
        })
    }

    /// The file as it has to be in its new place.
    fn rewritten(&self, file: &Embedded, target: &str) -> Result<Vec<u8>, String> {
        let (from, to) = (parent(file.path), parent(target));
        let moved = |link: &str| {
            let old = resolve(from, link)?;
            self.there.contains(&old).then(|| self.of(&old).map(|new| relative(to, &new))).flatten()
        };
        if let Some(text) = configuration(file)? {
            return with_sources(text, &moved)
                .map(String::into_bytes)
                .map_err(|why| format!("{}: {why}", file.path));
        }
        if let (true, Ok(text)) = (is_document(file.path), std::str::from_utf8(file.bytes)) {
            return Ok(rewrite_document(text, &self.stack, file.path.ends_with(".md"), &moved).into_bytes());
        }
        Ok(file.bytes.to_vec())
    }
}

/// Files for people and for other programs, which name paths of the repository.
fn is_document(path: &str) -> bool {
    [".md", ".yml", ".yaml", ".example"].iter().any(|end| path.ends_with(end))
}

/// A configuration whose modules are called by their new paths. Nothing but those paths is touched: each is replaced in
/// the tree that the file was read into, where it stands.
fn with_sources(text: &str, moved: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let parse = ferroform_hcl::parse_body(SourceId(0), text);
    let mut out = parse.syntax().to_string();
    let mut edits = Vec::new();
    for block in parse.body().blocks_of("module") {
        let Some(source) = block.body.attribute("source").map(|attribute| &attribute.expr) else { continue };
        let Some(path) = source.as_literal_str().filter(|path| path.starts_with('.')) else { continue };
        let new = moved(path).ok_or_else(|| format!("{path} is not part of the project"))?;
        let new = if new.starts_with('.') { new } else { format!("./{new}") };
        if path.trim_end_matches('/') != new.trim_end_matches('/') {
            edits.push((source.span.start as usize..source.span.end as usize, format!("\"{new}\"")));
        }
    }
    // From the end, so that what is before stays where it is.
    edits.sort_by_key(|(range, _)| std::cmp::Reverse(range.start));
    for (range, new) in edits {
        out.replace_range(range, &new);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn embedded(files: &[(&'static str, &'static str)]) -> Vec<Embedded> {
        let file = |(path, text): &(&'static str, &'static str)| Embedded {
            path,
            executable: path.ends_with(".sh"),
            bytes: text.as_bytes(),
        };
        files.iter().map(file).collect()
    }

    fn text(layout: &Layout, path: &str) -> String {
        layout.read(path).unwrap_or_else(|| panic!("no {path}: {:?}", layout.files.keys())).to_owned()
    }

    #[test]
    fn a_stack_brings_the_modules_that_it_is_made_of_and_no_others() {
        let all = embedded(&[
            ("modules/a/main.tf", "module \"b\" {\n  source = \"../b\" # the other\n}\n"),
            ("modules/a/example/main.tf", "module \"c\" {\n  source = \"../../c\"\n}\n"),
            ("modules/a/run.sh", "#!/bin/sh\n"),
            ("modules/b/main.tf", ""),
            ("modules/c/main.tf", ""),
            (
                "stacks/s/README.md",
                "See [b](../../modules/b/), [c](../../modules/c) and [web](https://example.org/).",
            ),
            ("stacks/s/environments/dev/main.tf", "module \"m\" {\n  source   = \"../../modules/m\"\n}\n"),
            ("stacks/s/environments/dev/versions.tf", ""),
            ("stacks/s/modules/b/main.tf", ""),
            (
                "stacks/s/modules/m/main.tf",
                "module \"a\" {\n  source = \"../../../../modules/a\"\n}\n\nmodule \"own\" {\n  source = \"../b\"\n}\n\n\
              module \"far\" {\n  source = \"registry/x/y\"\n}\n",
            ),
            ("stacks/t/main.tf", ""),
        ]);
        let layout = Layout::gather(&all, "stacks/s").unwrap();
        let paths: Vec<&str> = layout.files.keys().map(String::as_str).collect();
        assert_eq!(
            paths,
            [
                "README.md",
                "environments/dev/main.tf",
                "environments/dev/versions.tf",
                "modules/a/main.tf",
                "modules/a/run.sh",
                "modules/b/main.tf",
                "modules/m/main.tf",
                "modules/shared-b/main.tf",
            ]
        );
        assert_eq!(
            text(&layout, "modules/a/main.tf"),
            "module \"b\" {\n  source = \"../shared-b\" # the other\n}\n"
        );
        assert_eq!(
            text(&layout, "modules/m/main.tf"),
            "module \"a\" {\n  source = \"../a\"\n}\n\nmodule \"own\" {\n  source = \"../b\"\n}\n\n\
             module \"far\" {\n  source = \"registry/x/y\"\n}\n"
        );
        assert_eq!(
            text(&layout, "environments/dev/main.tf"),
            "module \"m\" {\n  source   = \"../../modules/m\"\n}\n"
        );
        // What is not part of the project is no link any more.
        assert_eq!(
            text(&layout, "README.md"),
            "See [b](modules/shared-b), c and [web](https://example.org/)."
        );
        assert_eq!(layout.files["modules/a/run.sh"].mode, 0o755);
        assert_eq!(layout.environments(), ["environments/dev"]);
    }

    #[test]
    fn modules_that_are_not_there_are_errors() {
        for (source, why) in
            [("../../modules/x", "not there"), ("../t", "outside"), ("../../../x", "leads nowhere")]
        {
            let main: &'static str =
                Box::leak(format!("module \"x\" {{\n  source = \"{source}\"\n}}\n").into());
            let error = Layout::gather(&embedded(&[("stacks/s/main.tf", main)]), "stacks/s").unwrap_err();
            assert!(error.contains(why), "{source}: {error}");
        }
    }

    #[test]
    fn every_stack_can_be_laid_out() {
        for (stack, environments) in [(Stack::Consult, 2), (Stack::Nornos, 3), (Stack::Empty, 1)] {
            let layout = Layout::of(stack).unwrap();
            assert_eq!(layout.environments().len(), environments, "{stack:?}");
            for (path, file) in layout.files.iter().filter(|(path, _)| path.ends_with(".tf")) {
                let text = std::str::from_utf8(&file.bytes).unwrap();
                assert!(!text.contains("../../../../"), "{path} still leads out of the project");
            }
        }
    }

    /// Nobody's values or states, and nothing forgotten: the files are those that git knows.
    #[test]
    fn the_files_inside_are_those_of_the_repository() {
        let git = std::process::Command::new("git")
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .args(["stacks", "modules", "crates/cli/templates"])
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
            .output();
        let Some(listed) = git.ok().filter(|output| output.status.success() && !output.stdout.is_empty())
        else {
            // A source archive has no list to compare with.
            return;
        };
        let listed = String::from_utf8(listed.stdout).unwrap();
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let known: BTreeSet<&str> =
            listed.split('\0').filter(|path| !path.is_empty() && root.join(path).is_file()).collect();
        let inside: BTreeSet<&str> = FILES.iter().map(|file| file.path).collect();
        assert_eq!(inside, known);
    }
}
